/*
 * Sends of handlers whose events came together: they are left to the end of the batch, in order and
 * whole, also when the handler blocks, cancels, or its connection fails. On a stream, and below
 * WebSocket frames.
 */
#include "conn_util.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/connection.h"
#include "stack/chain.h"
#include "transport/late_write.h"

#define TRIES 50

/* Two connections on one queue, so on one loop, to peers of the kernel. */
struct pair {
	struct recorder recorder;
	dispatch_queue_t queue;
	bool framed;
	nw_connection_t c[2];
	int peers[2];
	int listener;
	int event;
	struct bri_watch *watch;
	void (*on_first)(struct pair *p); /* the handler of what comes on c[0] */
	bool waited;                      /* its send was left to the batch's end */
	dispatch_semaphore_t done;
};

/* An unmasked frame with one byte of text. */
static const char frame[] = "\x81\x01x";

static void on_trigger(void *context, uint32_t events)
{
	struct pair *p = context;
	uint64_t count;

	if (!(events & EPOLLIN) || read(p->event, &count, sizeof(count)) < 0)
		return;
	for (int i = 0; i < 2; i++)
		raw_send(p->peers[i], p->framed ? frame : "x");
}

static bool is_left(nw_connection_t c)
{
	return bri_late_write_is_open(c->chain ? c->chain->late : c->late);
}

static void on_first(void *context, dispatch_data_t content, nw_content_context_t message,
	bool complete, nw_error_t error)
{
	struct pair *p = context;

	(void)message;
	(void)complete;
	(void)error;
	if (content)
		p->on_first(p);
}

static void on_second(void *context, dispatch_data_t content, nw_content_context_t message,
	bool complete, nw_error_t error)
{
	struct pair *p = context;

	(void)content;
	(void)message;
	(void)complete;
	(void)error;
	dispatch_semaphore_signal(p->done);
}

static nw_parameters_t parameters_of(const struct pair *p)
{
	nw_parameters_t parameters = tcp_parameters();
	nw_protocol_stack_t stack;
	nw_protocol_options_t ws;

	if (!p->framed)
		return parameters;
	ws = nw_ws_create_options(nw_ws_version_13);
	nw_ws_options_set_skip_handshake(ws, true);
	stack = nw_parameters_copy_default_protocol_stack(parameters);
	nw_protocol_stack_prepend_application_protocol(stack, ws);
	nw_release(stack);
	nw_release(ws);
	return parameters;
}

static void watch_event(void *context)
{
	struct pair *p = context;

	assert_int_equal(bri_watch_new(p->queue, p->event, p, on_trigger, &p->watch), 0);
}

static void unwatch_event(void *context)
{
	bri_watch_free(((struct pair *)context)->watch);
}

static void setup(struct pair *p, bool framed, void (*handler)(struct pair *p))
{
	uint16_t port;

	memset(p, 0, sizeof(*p));
	recorder_init(&p->recorder);
	p->queue = dispatch_queue_create("late", NULL);
	p->framed = framed;
	p->on_first = handler;
	p->done = dispatch_semaphore_create(0);
	p->listener = raw_listen(AF_INET, SOCK_STREAM, &port);
	for (int i = 0; i < 2; i++) {
		nw_parameters_t parameters = parameters_of(p);

		p->c[i] = start_to(&p->recorder, p->queue, loopback(port), parameters);
		nw_release(parameters);
		await(&p->recorder, "ready");
		p->peers[i] = raw_accept(p->listener);
		nw_connection_receive_f(p->c[i], 1, 100, p, i == 0 ? on_first : on_second, NULL);
	}
	p->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	dispatch_sync_f(p->queue, p, watch_event);
}

static void trigger(struct pair *p)
{
	uint64_t one = 1;
	struct pollfd never = { .fd = -1 };

	poll(&never, 1, 5); /* earlier edges are told before */
	assert_int_equal(write(p->event, &one, sizeof(one)), sizeof(one));
	assert_int_equal(dispatch_semaphore_wait(p->done,
				 dispatch_time(DISPATCH_TIME_NOW, WAIT_S * (int64_t)NSEC_PER_SEC)),
		0);
}

static void teardown(struct pair *p)
{
	dispatch_sync_f(p->queue, p, unwatch_event);
	close(p->event);
	for (int i = 0; i < 2; i++) {
		if (p->c[i])
			finish(p->c[i], &p->recorder);
		close(p->peers[i]);
	}
	close(p->listener);
	dispatch_release(p->queue);
	dispatch_release(p->done);
	recorder_fini(&p->recorder);
}

/* What the peer reads is this, in one frame or none. */
static void peer_reads(const struct pair *p, const char *expected)
{
	char bytes[256];
	size_t size = strlen(expected), head = p->framed ? 6 : 0;
	ssize_t n = recv(p->peers[0], bytes, head + size, MSG_WAITALL);

	assert_int_equal(n, head + size);
	for (size_t i = 0; p->framed && i < size; i++)
		bytes[head + i] ^= bytes[2 + i % 4];
	assert_memory_equal(bytes + head, expected, size);
}

static bool peer_has_some(const struct pair *p, int ms)
{
	struct pollfd fd = { .fd = p->peers[0], .events = POLLIN };

	return poll(&fd, 1, ms) == 1;
}

/* Until the events did come together: both ways of a send are fine, but that one is meant. */
static void until_left(bool framed, void (*handler)(struct pair *p), void (*check)(struct pair *p))
{
	bool waited = false;

	for (int i = 0; i < TRIES && !waited; i++) {
		struct pair p;

		setup(&p, framed, handler);
		trigger(&p);
		check(&p);
		waited = p.waited;
		teardown(&p);
	}
	assert_true(waited);
}

static void both(void (*handler)(struct pair *p), void (*check)(struct pair *p))
{
	until_left(false, handler, check);
	until_left(true, handler, check);
}

/* --- the handlers --- */

static void send_one(struct pair *p)
{
	send_text(p->c[0], &p->recorder, 'a', "hello");
	p->waited = is_left(p->c[0]);
	assert_int_equal(peer_has_some(p, 0), !p->waited);
	assert_int_equal(seen(&p->recorder, "a=sent"), 0); /* never inside */
}

static void got_one(struct pair *p)
{
	peer_reads(p, "hello");
	await(&p->recorder, "a=sent");
}

static void is_sent_after_the_batch(void **state)
{
	(void)state;
	both(send_one, got_one);
}

static void send_and_block(struct pair *p)
{
	send_one(p);
	/* the data goes out while this handler waits for it */
	assert_true(peer_has_some(p, WAIT_S * 1000));
	assert_int_equal(seen(&p->recorder, "a=sent"), 0);
	send_text(p->c[0], &p->recorder, 'b', "again");
}

static void got_both(struct pair *p)
{
	peer_reads(p, "hello");
	peer_reads(p, "again");
	await(&p->recorder, "a=sent");
	await(&p->recorder, "b=sent");
}

static void is_sent_while_the_handler_blocks(void **state)
{
	(void)state;
	both(send_and_block, got_both);
}

static void send_two(struct pair *p)
{
	send_one(p);
	send_text(p->c[0], &p->recorder, 'b', "again");
}

static void two_keep_their_order(void **state)
{
	(void)state;
	both(send_two, got_both);
}

static void send_and_cancel(struct pair *p)
{
	send_one(p);
	nw_connection_cancel(p->c[0]);
}

static void got_one_and_cancelled(struct pair *p)
{
	peer_reads(p, "hello");
	await(&p->recorder, "a=sent");
	shutdown(p->peers[0], SHUT_WR); /* no close frame comes: that is the end, too */
	await(&p->recorder, "cancelled");
	nw_release(p->c[0]);
	p->c[0] = NULL;
}

static void is_sent_before_a_cancel(void **state)
{
	(void)state;
	both(send_and_cancel, got_one_and_cancelled);
}

static void send_and_abort(struct pair *p)
{
	send_one(p);
	nw_connection_force_cancel(p->c[0]);
}

static void told_and_cancelled(struct pair *p)
{
	await(&p->recorder, "a=sent");
	await(&p->recorder, "cancelled");
	nw_release(p->c[0]);
	p->c[0] = NULL;
}

static void is_told_before_a_forced_cancel(void **state)
{
	(void)state;
	both(send_and_abort, told_and_cancelled);
}

/* Three pieces of a masked frame: more than four are not left. */
#define MUCH (3 * 262144u - 14)

/* More than these sockets take: the rest follows as there is room, though the edges of it may come
 * before the end of the write is known. */
static void send_much(struct pair *p)
{
	int small = 4096;
	char *bytes = malloc(MUCH);

	setsockopt(p->c[0]->sock.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	setsockopt(p->peers[0], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (size_t i = 0; i < MUCH; i++)
		bytes[i] = (char)(i * 7 / 5);
	send_bytes(p->c[0], &p->recorder, 'a', bytes, MUCH, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT,
		true);
	free(bytes);
	p->waited = is_left(p->c[0]);
}

static void got_much(struct pair *p)
{
	static uint8_t bytes[MUCH];
	uint8_t head[14];

	if (p->framed)
		assert_int_equal(recv(p->peers[0], head, sizeof(head), MSG_WAITALL), sizeof(head));
	for (size_t n = 0; n < MUCH;) {
		ssize_t r = recv(p->peers[0], bytes + n, MUCH - n, 0);

		assert_true(r > 0);
		n += (size_t)r;
	}
	for (size_t i = 0; i < MUCH; i++) {
		if (p->framed)
			bytes[i] ^= head[10 + i % 4];
		if (bytes[i] != (uint8_t)(i * 7 / 5))
			fail_msg("byte %zu is wrong", i);
	}
	await(&p->recorder, "a=sent");
}

static void what_does_not_fit_follows(void **state)
{
	(void)state;
	both(send_much, got_much);
}

static void reset_and_send(struct pair *p)
{
	raw_reset(p->peers[0]);
	p->peers[0] = -1;
	send_text(p->c[0], &p->recorder, 'a', "hello");
	p->waited = is_left(p->c[0]);
}

static void told_of_the_reset(struct pair *p)
{
	await_first(&p->recorder, "a=sent("); /* with an error */
	await_first(&p->recorder, "failed(");
}

static void an_error_is_told_to_its_send(void **state)
{
	(void)state;
	both(reset_and_send, told_of_the_reset);
}

static void keep(void *buffer)
{
	(void)buffer;
}

/* The application's memory may be used again once the handler returns: it is not left. */
static void send_foreign(struct pair *p)
{
	static char bytes[] = "hello";
	dispatch_data_t data = dispatch_data_create_f(bytes, 5, NULL, keep);

	nw_connection_send_f(p->c[0], data, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true,
		tag(&p->recorder, 'a'), on_sent, NULL);
	dispatch_release(data);
	assert_false(is_left(p->c[0]));
	assert_true(peer_has_some(p, 0));
}

static void foreign_memory_is_sent_at_once(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		struct pair p;

		setup(&p, false, send_foreign);
		trigger(&p);
		got_one(&p);
		teardown(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_sent_after_the_batch),
		cmocka_unit_test(is_sent_while_the_handler_blocks),
		cmocka_unit_test(two_keep_their_order),
		cmocka_unit_test(is_sent_before_a_cancel),
		cmocka_unit_test(is_told_before_a_forced_cancel),
		cmocka_unit_test(what_does_not_fit_follows),
		cmocka_unit_test(an_error_is_told_to_its_send),
		cmocka_unit_test(foreign_memory_is_sent_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
