/* Rules of sending over TCP that are easily got wrong; the peer is a kernel socket. */
#include "conn_util.h"
#include "conn_data.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- sending --- */

static void sends_go_out_in_order(void **state)
{
	struct data *d = *state;

	for (char letter = 'a'; letter <= 'z'; letter++) {
		char text[2] = { letter, 0 };

		send_text(d->c, &d->r, letter, text);
	}
	raw_read(d->peer, "abcdefghijklmnopqrstuvwxyz");
	await(&d->r, "z=sent");
	assert_in_order(&d->r, "a=sent b=sent c=sent y=sent z=sent");
}

static void queued_before_start(void **state)
{
	struct data *d = *state;
	nw_parameters_t tcp = tcp_parameters();
	static struct recorder r;
	nw_connection_t c;
	int peer;

	recorder_init(&r);
	c = new_client(&r, d->queue, tcp, d->port);
	receive(c, &r, 'a', 1, 100);
	send_text(c, &r, 'b', "early ");
	nw_connection_start(c);
	send_text(c, &r, 'c', "bird");
	receive(c, &r, 'd', 1, 100);
	peer = raw_accept(d->listener);
	raw_read(peer, "early bird");
	raw_send(peer, "worm");
	await(&r, "a=worm");
	assert_in_order(&r, "preparing ready b=sent c=sent a=worm");
	raw_send(peer, "2");
	await(&r, "d=2");
	finish(c, &r);
	close(peer);
	nw_release(tcp);
	barrier(d->queue);
	recorder_fini(&r);
}

static void default_message_complete_closes_nothing(void **state)
{
	struct data *d = *state;
	struct pollfd p = { .fd = d->peer, .events = POLLIN };

	send_bytes(d->c, &d->r, 'a', "one", 3, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
	raw_read(d->peer, "one");
	assert_int_equal(poll(&p, 1, 50), 0); /* no FIN */
	send_bytes(d->c, &d->r, 'b', "two", 3, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, false);
	raw_read(d->peer, "two"); /* and "not complete" holds nothing back */
	await(&d->r, "b=sent");
	/* complete without content on the default context: nothing to send, nothing closed */
	send_bytes(d->c, &d->r, 'c', NULL, 0, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
	await(&d->r, "c=sent");
	assert_int_equal(poll(&p, 1, 50), 0);
}

static void final_message_closes_our_half_only(void **state)
{
	struct data *d = *state;

	receive(d->c, &d->r, 'a', 1, 100);
	send_bytes(d->c, &d->r, 'b', "bye", 3, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true);
	raw_read(d->peer, "bye");
	raw_end(d->peer);
	raw_send(d->peer, "not yet");
	await_first(&d->r, "a=#7");
	receive(d->c, &d->r, 'c', 1, 100);
	raw_send(d->peer, "now");
	await(&d->r, "c=now");
	receive(d->c, &d->r, 'd', 1, 100);
	peer_closes(d);
	await(&d->r, "d=-*");
	barrier(d->queue);
	assert_events(&d->r, "preparing ready b=sent a=#7 c=now d=-*");
}

static void final_without_content_is_a_fin(void **state)
{
	struct data *d = *state;

	send_text(d->c, &d->r, 'a', "x");
	send_fin(d->c, &d->r, 'b');
	raw_read(d->peer, "x");
	raw_end(d->peer);
	await(&d->r, "b=sent");
}

static void final_not_complete_is_no_fin(void **state)
{
	struct data *d = *state;
	struct pollfd p = { .fd = d->peer, .events = POLLIN };

	send_bytes(d->c, &d->r, 'a', "x", 1, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, false);
	raw_read(d->peer, "x");
	assert_int_equal(poll(&p, 1, 50), 0);
	send_bytes(d->c, &d->r, 'b', "y", 1, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true);
	raw_read(d->peer, "y");
	raw_end(d->peer);
}

static void default_stream_and_custom_final_contexts_close_too(void **state)
{
	struct data *d = *state;
	nw_content_context_t context = nw_content_context_create("mine");

	nw_content_context_set_is_final(context, true);
	send_bytes(d->c, &d->r, 'a', "x", 1, context, true);
	nw_release(context);
	raw_read(d->peer, "x");
	raw_end(d->peer);
}

static void sends_after_final_fail(void **state)
{
	struct data *d = *state;

	send_fin(d->c, &d->r, 'a');
	send_text(d->c, &d->r, 'b', "late");
	send_fin(d->c, &d->r, 'c');
	await(&d->r, "c=sent(EPIPE)");
	assert_in_order(&d->r, "a=sent b=sent(EPIPE) c=sent(EPIPE)");
	raw_end(d->peer);
	raw_send(d->peer, "still here");
	receive(d->c, &d->r, 'd', 10, 100);
	await_first(&d->r, "d=#10");
}

struct link {
	struct data *d;
	unsigned left;
};

static void next_link(void *context, nw_error_t error)
{
	struct link *link = context;
	dispatch_data_t data;

	if (error || !link->left--) {
		note(&link->d->r, error ? "broken" : "chained");
		return;
	}
	data = dispatch_data_create_f("0123456789", 10, NULL, NULL);
	nw_connection_send_f(link->d->c, data, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true, link,
		next_link, NULL);
	dispatch_release(data);
}

static void *drain_peer(void *arg)
{
	struct data *d = arg;
	size_t sum = raw_drain(d->peer);

	note(&d->r, "drained=%zu", sum);
	return NULL;
}

static void completions_chain(void **state)
{
	struct data *d = *state;
	struct link link = { d, 2000 };
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, drain_peer, d), 0);
	next_link(&link, NULL);
	await(&d->r, "chained");
	send_fin(d->c, &d->r, 'f');
	await(&d->r, "drained=20000");
	pthread_join(thread, NULL);
}

static void mark(void *context)
{
	struct data *d = context;

	note(&d->r, "other-work");
}

struct endless {
	struct data *d;
	_Atomic bool stop;
};

static void endless_link(void *context, nw_error_t error)
{
	struct endless *e = context;
	dispatch_data_t data;

	if (error || atomic_load(&e->stop)) {
		note(&e->d->r, "stopped");
		return;
	}
	data = dispatch_data_create_f("0123456789", 10, NULL, NULL);
	nw_connection_send_f(
		e->d->c, data, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true, e, endless_link, NULL);
	dispatch_release(data);
}

/* a program that sends from each completion does not own the queue: other work and a cancel get
 * through */
static void an_endless_chain_leaves_room_for_others(void **state)
{
	struct data *d = *state;
	struct endless e = { .d = d };
	pthread_t thread;
	bool came;

	assert_int_equal(pthread_create(&thread, NULL, drain_peer, d), 0);
	endless_link(&e, NULL);
	dispatch_async_f(d->queue, d, mark);
	came = await_for(&d->r, "other-work", 5000);
	atomic_store(&e.stop, true);
	await(&d->r, "stopped");
	assert_true(came);
	finish(d->c, &d->r);
	d->c = NULL;
	pthread_join(thread, NULL);
}

/* a program that receives again whatever happened: the cancel ends in finite time */
static void receive_again(void *context, dispatch_data_t content, nw_content_context_t message,
	bool complete, nw_error_t error)
{
	struct endless *e = context;

	(void)content;
	(void)message;
	(void)complete;
	(void)error;
	if (atomic_load(&e->stop))
		note(&e->d->r, "stopped");
	else
		nw_connection_receive_f(e->d->c, 1, 100, e, receive_again, NULL);
}

static void receiving_again_after_errors_does_not_hold_the_queue(void **state)
{
	struct data *d = *state;
	struct endless e = { .d = d };
	bool came;

	nw_connection_t c = d->c;

	receive_again(&e, NULL, NULL, false, NULL);
	nw_connection_cancel(c);
	await(&d->r, "cancelled");
	dispatch_async_f(d->queue, d, mark);
	came = await_for(&d->r, "other-work", 5000);
	atomic_store(&e.stop, true);
	await(&d->r, "stopped");
	d->c = NULL;
	nw_release(c);
	assert_true(came);
}

static void no_destructor(void *context)
{
	(void)context;
}

/* mptcp-hello: content on the stack, a destructor that does nothing, and return at once */
static void __attribute__((noinline)) send_from_the_stack(struct data *d)
{
	char text[2000];
	dispatch_data_t data;

	memset(text, 'k', sizeof(text));
	data = dispatch_data_create_f(text, sizeof(text), NULL, no_destructor);
	nw_connection_send_f(d->c, data, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true,
		tag(&d->r, 'a'), on_sent, NULL);
	dispatch_release(data);
	memset(text, '!', sizeof(text));
}

static void read_k(struct data *d, size_t size)
{
	char buf[4000];
	size_t have = 0;

	while (have < size) {
		ssize_t n = recv(d->peer, buf, sizeof(buf), 0);

		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(buf[i], 'k');
		have += (size_t)n;
	}
}

static void a_stack_buffer_with_an_empty_destructor_is_safe(void **state)
{
	struct data *d = *state;

	send_from_the_stack(d);
	await(&d->r, "a=sent");
	read_k(d, 2000);
}

static void stack_after_backlog(void *context)
{
	struct data *d = context;

	send_from_the_stack(d);
}

/* also when it cannot go at once: the queue is busy, or other content is before it */
static void a_stack_buffer_is_safe_when_it_has_to_wait(void **state)
{
	struct data *d = *state;
	static char much[8 << 20];

	memset(much, 'k', sizeof(much));
	dispatch_suspend(d->queue);
	send_from_the_stack(d);
	dispatch_resume(d->queue);
	read_k(d, 2000);
	await(&d->r, "a=sent");
	send_bytes(
		d->c, &d->r, 'b', much, sizeof(much), NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
	dispatch_sync_f(d->queue, d, stack_after_backlog);
	read_k(d, sizeof(much) + 2000);
	await(&d->r, "b=sent");
	await(&d->r, "a=sent");
}

static void freed(void *context)
{
	struct recorder *r = *(struct recorder **)context;

	note(r, "freed");
}

/* content that is not copied belongs to the library until the completion, and is handed back once
 */
static void large_foreign_content_is_handed_back_once(void **state)
{
	struct data *d = *state;
	struct {
		struct recorder *r;
		char bytes[1 << 20];
	} *buffer = malloc(sizeof(*buffer));
	dispatch_data_t data;

	memset(buffer, 'k', sizeof(*buffer));
	buffer->r = &d->r;
	data = dispatch_data_create_f(buffer, sizeof(*buffer), d->queue, freed);
	nw_connection_send_f(d->c, data, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true, tag(&d->r, 'a'),
		on_sent, NULL);
	dispatch_release(data);
	assert_int_equal(raw_drain(d->peer), sizeof(*buffer));
	await(&d->r, "freed");
	barrier(d->queue);
	assert_int_equal(seen(&d->r, "freed"), 1);
	assert_int_equal(seen(&d->r, "a=sent"), 1);
	free(buffer);
}

static void the_idempotent_sentinel_is_no_callback(void **state)
{
	struct data *d = *state;
	dispatch_data_t data = dispatch_data_create_f("again", 5, NULL, NULL);

	nw_connection_send_f(d->c, data, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true, NULL,
		BRAID_SEND_IDEMPOTENT_CONTENT_F, NULL);
	dispatch_release(data);
	raw_read(d->peer, "again");
	barrier(d->queue);
	assert_events(&d->r, "preparing ready");
}

/* thousands of sends that nobody hears of: none is forgotten */
static void many_idempotent_sends_before_ready(void **state)
{
	struct data *d = *state;
	nw_parameters_t tcp = tcp_parameters();
	static struct recorder r;
	nw_connection_t c;
	int peer;

	recorder_init(&r);
	c = new_client(&r, d->queue, tcp, d->port);
	for (int i = 0; i < 10000; i++) {
		dispatch_data_t data = dispatch_data_create_f("0123456789", 10, NULL, NULL);

		nw_connection_send_f(c, data, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true, NULL,
			BRAID_SEND_IDEMPOTENT_CONTENT_F, NULL);
		dispatch_release(data);
	}
	nw_connection_send_f(c, NULL, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true, NULL,
		BRAID_SEND_IDEMPOTENT_CONTENT_F, NULL);
	nw_connection_start(c);
	peer = raw_accept(d->listener);
	assert_int_equal(raw_drain(peer), 100000);
	finish(c, &r);
	close(peer);
	nw_release(tcp);
	barrier(d->queue);
	recorder_fini(&r);
}

/* content of more regions than one system call takes */
static void content_of_many_regions(void **state)
{
	struct data *d = *state;
	static char block[2000];
	dispatch_data_t whole, one, both;

	memset(block, 'k', sizeof(block));
	whole = dispatch_data_create_f(block, sizeof(block), NULL, no_destructor);
	for (int i = 0; i < 299; i++) {
		one = dispatch_data_create_f(block, sizeof(block), NULL, no_destructor);
		both = dispatch_data_create_concat(whole, one);
		dispatch_release(one);
		dispatch_release(whole);
		whole = both;
	}
	nw_connection_send_f(d->c, whole, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true,
		tag(&d->r, 'a'), on_sent, NULL);
	dispatch_release(whole);
	read_k(d, 300 * sizeof(block));
	await(&d->r, "a=sent");
}

/* a peer that does not read: sends stay pending, and nothing is lost when it reads at last */
static void back_pressure(void **state)
{
	struct data *d = *state;
	static char block[1 << 20];
	struct pollfd nothing = { .fd = -1 };
	unsigned sent;

	for (int i = 0; i < 16; i++)
		send_bytes(d->c, &d->r, 'a', block, sizeof(block),
			NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
	send_fin(d->c, &d->r, 'f');
	poll(&nothing, 1, 200); /* let it fill what buffers there are */
	sent = seen(&d->r, "a=sent");
	assert_true(sent < 16);
	assert_int_equal(seen(&d->r, "f=sent"), 0);
	assert_int_equal(raw_drain(d->peer), 16 * sizeof(block));
	await(&d->r, "f=sent");
	assert_int_equal(seen(&d->r, "a=sent"), 16);
}

/* the other way: who does not receive makes the peer wait */
static void not_receiving_stops_the_peer(void **state)
{
	struct data *d = *state;
	static char block[1 << 20];
	struct pollfd p = { .fd = d->peer, .events = POLLOUT };
	size_t sum = 0;

	while (poll(&p, 1, 300) == 1) {
		ssize_t n = send(d->peer, block, sizeof(block), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0)
			sum += (size_t)n;
		assert_true(sum < 64u << 20); /* the kernel's buffers, not ours */
	}
	while (d->r.data_size < sum) {
		receive(d->c, &d->r, 'a', 1, UINT32_MAX);
		await_first(&d->r, "a=#");
	}
	assert_int_equal(d->r.data_size, sum);
}

static void batched(void *context)
{
	struct data *d = context;

	send_text(d->c, &d->r, 'a', "one ");
	send_text(d->c, &d->r, 'b', "two ");
	send_text(d->c, &d->r, 'c', "three");
	receive(d->c, &d->r, 'd', 1, 100);
	note(&d->r, "batched");
}

static void a_batch_runs_at_once_and_all_of_it_goes_out(void **state)
{
	struct data *d = *state;

	nw_connection_batch_f(d->c, d, batched);
	assert_int_equal(seen(&d->r, "batched"), 1);
	raw_read(d->peer, "one two three");
	raw_send(d->peer, "ok");
	await(&d->r, "d=ok");
	assert_in_order(&d->r, "batched a=sent b=sent c=sent d=ok");
}

static void expired_content_is_dropped_with_an_error(void **state)
{
	struct data *d = *state;
	static char much[8 << 20];
	nw_content_context_t context = nw_content_context_create("brief");
	struct pollfd nothing = { .fd = -1 };

	nw_content_context_set_expiration_milliseconds(context, 1);
	send_bytes(
		d->c, &d->r, 'a', much, sizeof(much), NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
	send_bytes(d->c, &d->r, 'b', "late", 4, context, true);
	send_fin(d->c, &d->r, 'c');
	poll(&nothing, 1, 20); /* its time passes while other content is before it */
	assert_int_equal(raw_drain(d->peer), sizeof(much));
	await(&d->r, "c=sent");
	assert_in_order(&d->r, "a=sent b=sent(ETIMEDOUT) c=sent");
	nw_release(context);
}

struct late {
	struct data *d;
	bool destroyed;
};

static void late_received(void *context, dispatch_data_t content, nw_content_context_t message,
	bool complete, nw_error_t error)
{
	struct late *late = context;

	(void)content;
	(void)message;
	(void)complete;
	(void)error;
	note(&late->d->r, late->destroyed ? "too-late" : "in-time");
}

static void late_destroyed(void *context)
{
	struct late *late = context;

	late->destroyed = true;
	note(&late->d->r, "destroyed");
}

static void a_completions_context_is_destroyed_once_after_it_ran(void **state)
{
	struct data *d = *state;
	struct late late = { .d = d };

	nw_connection_receive_f(d->c, 1, 10, &late, late_received, late_destroyed);
	raw_send(d->peer, "x");
	await(&d->r, "destroyed");
	barrier(d->queue);
	assert_events(&d->r, "preparing ready in-time destroyed");
}

/* metadata of a ready connection */
static void available_buffers_are_told(void **state)
{
	struct data *d = *state;
	nw_protocol_definition_t tcp = nw_protocol_copy_tcp_definition();
	nw_protocol_metadata_t md = nw_connection_copy_protocol_metadata(d->c, tcp);

	assert_int_equal(nw_tcp_get_available_receive_buffer(md), 0);
	raw_send(d->peer, "12345");
	settle(d->peer);
	assert_int_equal(nw_tcp_get_available_receive_buffer(md), 5);
	nw_release(md);
	nw_release(tcp);
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE(sends_go_out_in_order),
		RULE(queued_before_start),
		RULE(default_message_complete_closes_nothing),
		RULE(final_message_closes_our_half_only),
		RULE(final_without_content_is_a_fin),
		RULE(final_not_complete_is_no_fin),
		RULE(default_stream_and_custom_final_contexts_close_too),
		RULE(sends_after_final_fail),
		RULE(completions_chain),
		RULE(an_endless_chain_leaves_room_for_others),
		RULE(receiving_again_after_errors_does_not_hold_the_queue),
		RULE(a_stack_buffer_with_an_empty_destructor_is_safe),
		RULE(a_stack_buffer_is_safe_when_it_has_to_wait),
		RULE(large_foreign_content_is_handed_back_once),
		RULE(the_idempotent_sentinel_is_no_callback),
		RULE(many_idempotent_sends_before_ready),
		RULE(content_of_many_regions),
		RULE(back_pressure),
		RULE(not_receiving_stops_the_peer),
		RULE(a_batch_runs_at_once_and_all_of_it_goes_out),
		RULE(expired_content_is_dropped_with_an_error),
		RULE(a_completions_context_is_destroyed_once_after_it_ran),
		RULE(available_buffers_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
