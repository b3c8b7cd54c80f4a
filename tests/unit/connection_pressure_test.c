/*
 * Peers that send and send while nobody receives, or that never read what they are answered: what
 * is kept of it is bounded, TCP holds them back, and all goes on when the application receives.
 */
#include "conn_util.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/connection.h"
#include "stack/chain.h"

#define KIB 1024u
#define MIB (1024u * KIB)
/* A flood that was not held back by then never is: no socket buffers are that large. */
#define FLOOD_MAX (64u * MIB)
/* A peer that could send nothing for so long is held back. */
#define STALL_MS 500
/* What a message costs a peer, and us: a content, its context with metadata, its bytes. */
#define MESSAGE_COST 1024u
/* api/framer_layer.c: a framer may make messages of so many bytes before it is looked at */
#define PIECE (16u * KIB)

/* --- a peer: a kernel socket that repeats a pattern --- */

struct peer {
	int fd;
	const char *pattern;
	size_t size; /* of it */
	size_t sent; /* in all */
};

static void make_small(int fd)
{
	int size = 64 * KIB;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

/* Sends until nothing was taken for `stall_ms`, or `most` were sent. */
static void flood(struct peer *p, size_t most, int stall_ms)
{
	static char bytes[48 * KIB]; /* whole patterns of 1, 2, 3, 4, 6, 8, .. bytes */
	struct pollfd poll_fd = { .fd = p->fd, .events = POLLOUT };
	size_t end = p->sent + most;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = p->pattern[i % p->size];
	while (p->sent < end && poll(&poll_fd, 1, stall_ms) == 1) {
		size_t from = p->sent % sizeof(bytes);
		ssize_t n = send(
			p->fd, bytes + from, sizeof(bytes) - from, MSG_NOSIGNAL | MSG_DONTWAIT);

		assert_true(n > 0 || errno == EAGAIN);
		p->sent += n > 0 ? (size_t)n : 0;
	}
}

static size_t heap(void)
{
	struct mallinfo2 info = mallinfo2(); /* of all arenas; all 0 under sanitizers, valgrind */

	return info.uordblks + info.hblkhd;
}

/* --- a connection of ours --- */

struct victim {
	struct recorder r;
	dispatch_queue_t queue;
	nw_listener_t listener;
	nw_connection_t c;
	struct peer peer;
	/* on the queue */
	size_t received, target; /* messages, or bytes of a stream */
	bool streams, receiving;
	size_t up, out; /* what waits */
};

/* The stack of `parameters` over TCP; accepted, so that its chain is there before it is ready. */
static void open_victim(struct victim *v, nw_parameters_t parameters)
{
	uint16_t port;

	recorder_init(&v->r);
	v->queue = dispatch_queue_create("victim", NULL);
	v->listener = new_listener(&v->r, v->queue, parameters, &port);
	v->peer.fd = raw_connect(AF_INET, SOCK_STREAM, port);
	make_small(v->peer.fd);
	v->c = accepted(&v->r, 0);
	start_connection(v->c, &v->r, v->queue);
	nw_release(parameters);
}

static void close_victim(struct victim *v)
{
	nw_connection_cancel(v->c);
	await(&v->r, "cancelled");
	close(v->peer.fd);
	release_accepted(&v->r);
	finish_listener(v->listener, &v->r);
	for (int i = 0; i < 4; i++)
		barrier(v->queue);
	dispatch_release(v->queue);
	recorder_fini(&v->r);
}

static void measure(void *context)
{
	struct victim *v = context;

	v->up = 0;
	v->out = v->c->chain->out.bytes;
	for (struct bri_layer *l = v->c->chain->bottom; l; l = l->above)
		v->up += l->up.bytes;
}

/* The peer is held back, and what waits here is within bounds. */
static void assert_held(struct victim *v, size_t up_max, size_t out_max)
{
	size_t before = heap(), after;

	flood(&v->peer, FLOOD_MAX, STALL_MS);
	assert_true(v->peer.sent < FLOOD_MAX);
	dispatch_sync_f(v->queue, v, measure);
	assert_in_range(v->up, 0, up_max);
	assert_in_range(v->out, 0, out_max);
	after = heap();
	if (after > before)
		assert_in_range(after - before, 0,
			up_max / BRI_CONTENT_COST * MESSAGE_COST + out_max + 4 * MIB);
}

static void receive_more(struct victim *v);

static void on_more(void *context, dispatch_data_t content, nw_content_context_t message,
	bool complete, nw_error_t error)
{
	struct victim *v = context;

	(void)message;
	(void)complete;
	if (error)
		return;
	v->received += v->streams ? dispatch_data_get_size(content) : 1;
	if (v->received >= v->target)
		note(&v->r, "enough");
	else
		receive_more(v);
}

static void receive_more(struct victim *v)
{
	if (v->streams)
		nw_connection_receive_f(v->c, 1, UINT32_MAX, v, on_more, NULL);
	else
		nw_connection_receive_message_f(v->c, v, on_more, NULL);
}

/* The application receives: the peer can send again, and nothing was lost. */
static void assert_resumes(struct victim *v, size_t more)
{
	size_t before = v->peer.sent;

	v->target = SIZE_MAX;
	receive_more(v);
	flood(&v->peer, more, WAIT_S * 1000);
	assert_true(v->peer.sent >= before + more);
	while (v->peer.sent % v->peer.size) /* whole messages */
		flood(&v->peer, 1, WAIT_S * 1000);
}

static void set_target(void *context)
{
	struct victim *v = context;

	v->target = v->streams ? v->peer.sent : v->peer.sent / v->peer.size;
	if (v->received >= v->target)
		note(&v->r, "enough");
}

static void assert_all_comes(struct victim *v)
{
	dispatch_sync_f(v->queue, v, set_target);
	await(&v->r, "enough");
	assert_int_equal(v->received, v->target);
}

static nw_parameters_t with_protocols(nw_protocol_options_t lower, nw_protocol_options_t upper)
{
	nw_parameters_t parameters = tcp_parameters();
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(parameters);

	nw_protocol_stack_prepend_application_protocol(stack, lower);
	if (upper)
		nw_protocol_stack_prepend_application_protocol(stack, upper);
	nw_release(stack);
	nw_release(lower);
	nw_release(upper);
	return parameters;
}

/* --- WebSocket: a message takes a peer six bytes (a client's are masked) --- */

static nw_protocol_options_t ws_options(void)
{
	nw_protocol_options_t options = nw_ws_create_options(nw_ws_version_13);

	nw_ws_options_set_skip_handshake(options, true);
	return options;
}

static void empty_websocket_messages(void **state)
{
	static struct victim v;

	(void)state;
	v = (struct victim) { .peer = { .pattern = "\x82\x80\0\0\0\0", .size = 6 } };
	open_victim(&v, with_protocols(ws_options(), NULL));
	await(&v.r, "ready");
	assert_held(&v, BRI_CHAIN_UP_MAX + BRI_CONTENT_COST, 0);
	assert_resumes(&v, 256 * KIB);
	assert_all_comes(&v);
	close_victim(&v);
}

/* They are received, too, but not answered any more when the peer does not read. */
static void websocket_pings(void **state)
{
	static struct victim v;
	nw_protocol_options_t options = ws_options();

	(void)state;
	nw_ws_options_set_auto_reply_ping(options, true);
	v = (struct victim) { .peer = { .pattern = "\x89\x80\0\0\0\0", .size = 6 } };
	open_victim(&v, with_protocols(options, NULL));
	await(&v.r, "ready");
	assert_held(&v, BRI_CHAIN_UP_MAX + BRI_CONTENT_COST, 128 * KIB);
	assert_resumes(&v, 256 * KIB);
	assert_all_comes(&v);
	close_victim(&v);
}

/* --- framers --- */

/* Each byte is a message. */
static size_t one_byte(void *framer, uint8_t *bytes, size_t size, bool complete)
{
	(void)complete;
	if (size)
		nw_framer_deliver_input(framer, bytes, 1, NULL, true);
	return size ? 1 : 0;
}

static size_t bytes_input(void *context, nw_framer_t framer)
{
	(void)context;
	while (nw_framer_parse_input_f(framer, 1, 1, NULL, framer, one_byte))
		;
	return 0;
}

/* What comes is said back, word by word. */
static size_t one_word(void *framer, uint8_t *bytes, size_t size, bool complete)
{
	(void)complete;
	if (size)
		nw_framer_write_output(framer, bytes, size);
	return size;
}

static size_t echo_input(void *context, nw_framer_t framer)
{
	(void)context;
	while (nw_framer_parse_input_f(framer, 8, 8, NULL, framer, one_word))
		;
	return 0;
}

/* All that is there. */
static size_t all_bytes(void *framer, uint8_t *bytes, size_t size, bool complete)
{
	(void)complete;
	if (size)
		nw_framer_deliver_input(framer, bytes, size, NULL, false);
	return size;
}

static size_t all_input(void *context, nw_framer_t framer)
{
	(void)context;
	while (nw_framer_parse_input_f(framer, 1, SIZE_MAX, NULL, framer, all_bytes))
		;
	return 0;
}

static void no_output(void *context, nw_framer_t framer, nw_framer_message_t message, size_t length,
	bool complete)
{
	(void)context;
	(void)framer;
	(void)message;
	(void)length;
	(void)complete;
}

struct how {
	nw_framer_input_handler_f input;
	nw_framer_start_result_t result;
	nw_framer_t framer; /* borrowed */
};

static nw_framer_start_result_t start(void *context, nw_framer_t framer)
{
	struct how *how = context;

	how->framer = framer;
	nw_framer_set_input_handler_f(framer, NULL, how->input, NULL);
	nw_framer_set_output_handler_f(framer, NULL, no_output, NULL);
	return how->result;
}

static nw_protocol_options_t framer_options(struct how *how)
{
	nw_protocol_definition_t def =
		nw_framer_create_definition_f("pressed", 0, how, start, NULL);
	nw_protocol_options_t options = nw_framer_create_options(def);

	nw_release(def);
	return options;
}

static void tiny_messages_of_a_framer(void **state)
{
	static struct victim v;
	struct how how = { bytes_input, nw_framer_start_result_ready, NULL };

	(void)state;
	v = (struct victim) { .peer = { .pattern = "m", .size = 1 } };
	open_victim(&v, with_protocols(framer_options(&how), NULL));
	await(&v.r, "ready");
	assert_held(&v, BRI_CHAIN_UP_MAX + PIECE * (BRI_CONTENT_COST + 1), 0);
	assert_resumes(&v, 64 * KIB);
	assert_all_comes(&v);
	close_victim(&v);
}

/* It delivers before it is ready: what is above has not begun, and takes nothing. */
static void mark_ready(void *framer)
{
	nw_framer_mark_ready(framer);
}

static void what_comes_before_ready(void **state)
{
	static struct victim v;
	struct how lower = { all_input, nw_framer_start_result_will_mark_ready, NULL };
	struct how upper = { all_input, nw_framer_start_result_ready, NULL };

	(void)state;
	v = (struct victim) { .peer = { .pattern = "e", .size = 1 }, .streams = true };
	open_victim(&v, with_protocols(framer_options(&lower), framer_options(&upper)));
	await(&v.r, "preparing");
	assert_held(&v, BRI_CHAIN_UP_MAX + 2 * PIECE, 0);
	assert_int_equal(seen(&v.r, "ready"), 1); /* the listener's */
	nw_framer_async_f(lower.framer, lower.framer, mark_ready);
	await(&v.r, "ready");
	assert_resumes(&v, 64 * KIB);
	assert_all_comes(&v);
	close_victim(&v);
}

/* --- answers that nobody reads --- */

static void answers_of_a_framer(void **state)
{
	static struct victim v;
	struct how how = { echo_input, nw_framer_start_result_ready, NULL };
	static char back[64 * KIB];
	size_t come = 0;

	(void)state;
	v = (struct victim) { .peer = { .pattern = "question", .size = 8 } };
	open_victim(&v, with_protocols(framer_options(&how), NULL));
	await(&v.r, "ready");
	receive_message(v.c, &v.r, 'a'); /* that somebody receives changes nothing */
	assert_held(&v, 0, BRI_CHAIN_OWN_MAX + PIECE / 8 * (BRI_CONTENT_COST + 8));
	/* the peer reads: all was answered */
	while (come < v.peer.sent) {
		ssize_t n = recv(v.peer.fd, back, sizeof(back), 0);

		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(back[i], "question"[(come + (size_t)i) % 8]);
		come += (size_t)n;
	}
	close_victim(&v);
}

/* --- TLS below: through its layer, too --- */

#define SENDS 256

static void sends_over_tls_and_websocket(void **state)
{
	static struct victim v;
	static struct recorder r;
	static char bytes[256 * KIB];
	dispatch_queue_t queue = dispatch_queue_create("sender", NULL);
	nw_parameters_t parameters = with_protocols(tls_key_options(), ws_options());
	nw_content_context_t context = nw_content_context_create("binary");
	nw_protocol_metadata_t binary = nw_ws_create_metadata(nw_ws_opcode_binary);
	nw_connection_t sender;
	unsigned sent = 0;
	uint16_t port;

	(void)state;
	v = (struct victim) { .peer.fd = -1 };
	recorder_init(&v.r);
	recorder_init(&r);
	nw_content_context_set_metadata_for_protocol(context, binary);
	nw_release(binary);
	v.queue = dispatch_queue_create("victim", NULL);
	v.listener = new_listener(&v.r, v.queue, parameters, &port);
	sender = new_client(&r, queue, parameters, port);
	nw_connection_start(sender);
	v.c = accepted(&v.r, 0);
	start_connection(v.c, &v.r, v.queue);
	await(&r, "ready");
	for (unsigned i = 0; i < SENDS; i++)
		send_bytes(sender, &r, 's', bytes, sizeof(bytes), context, true);
	while (await_for(&r, "s=sent", STALL_MS))
		sent++;
	assert_in_range(sent, 0, SENDS - 1);
	dispatch_sync_f(v.queue, &v, measure);
	assert_in_range(v.up, 1, BRI_CHAIN_UP_MAX + 2 * sizeof(bytes));
	v.target = SENDS;
	receive_more(&v);
	await(&v.r, "enough");
	for (; sent < SENDS; sent++)
		await(&r, "s=sent");
	finish(sender, &r);
	close_victim(&v);
	nw_release(context);
	nw_release(parameters);
	dispatch_release(queue);
	recorder_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_websocket_messages),
		cmocka_unit_test(websocket_pings),
		cmocka_unit_test(tiny_messages_of_a_framer),
		cmocka_unit_test(what_comes_before_ready),
		cmocka_unit_test(answers_of_a_framer),
		cmocka_unit_test(sends_over_tls_and_websocket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
