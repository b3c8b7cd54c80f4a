/*
 * Layers between a connection and its transport, with toys for protocols: what they say arrives
 * changed, in order, once; messages keep their ends; openings succeed, fail, hang and are answered
 * late. Knows no real protocol.
 */
#include "conn_util.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/content_context.h"
#include "api/protocol.h"
#include "stack/layer.h"

#define MAGIC "HELO"

/* --- toys --- */

/* Says MAGIC and expects it; then every byte is xored with 0x55. */
struct xor_layer {
	struct bri_layer base;
	size_t seen; /* of MAGIC */
};

static int xor_start(struct bri_layer *layer, uint64_t now_ns)
{
	(void)now_ns;
	return bri_layer_down_bytes(layer, MAGIC, 4);
}

static struct dispatch_data_s *xored(struct dispatch_data_s *data, size_t from)
{
	size_t size = bri_data_size(data);
	uint8_t *copy;
	const void *bytes;
	struct dispatch_data_s *ret = NULL;
	dispatch_data_t flat;

	if (size == from)
		return NULL;
	flat = dispatch_data_create_map(data, &bytes, &size);
	copy = malloc(size - from);
	for (size_t i = from; i < size; i++)
		copy[i - from] = ((const uint8_t *)bytes)[i] ^ 0x55;
	ret = bri_data_new_copy(copy, size - from);
	free(copy);
	dispatch_release(flat);
	return ret;
}

static int xor_rx(struct bri_layer *layer, struct bri_content *in, uint64_t now_ns)
{
	struct xor_layer *x = (struct xor_layer *)layer;
	size_t from = 0;

	(void)now_ns;
	if (in->data && x->seen < 4) {
		const void *bytes;
		size_t size;
		dispatch_data_t flat = dispatch_data_create_map(in->data, &bytes, &size);

		while (x->seen < 4 && from < size) {
			if (((const char *)bytes)[from++] != MAGIC[x->seen++]) {
				dispatch_release(flat);
				bri_layer_down_bytes(layer, "ALRT", 4);
				return bri_layer_refuse(layer, BRI_RACE_TLS, -9808);
			}
		}
		dispatch_release(flat);
		if (x->seen == 4)
			bri_layer_ready(layer);
	}
	if (in->data && bri_data_size(in->data) > from)
		bri_layer_up(layer, xored(in->data, from), NULL, bri_layer_is_datagram(layer));
	if (in->end)
		bri_layer_up_end(layer);
	return 0;
}

static int xor_put(struct bri_layer *layer, struct bri_content *in, uint64_t now_ns)
{
	(void)now_ns;
	if (in->data)
		bri_layer_down(layer, xored(in->data, 0));
	if (in->end)
		bri_layer_down_end(layer);
	return 0;
}

static _Atomic int layers_alive;

static void toy_free(struct bri_layer *layer)
{
	layers_alive--;
	free(layer);
}

static const struct bri_layer_class xor_class = {
	.name = "xor", .start = xor_start, .rx = xor_rx, .put = xor_put, .free = toy_free
};

/* A line is a message. */
static int lines_rx(struct bri_layer *layer, struct bri_content *in, uint64_t now_ns)
{
	size_t size = in->data ? bri_data_size(in->data) : 0, from = 0;
	const void *bytes;
	dispatch_data_t flat;

	(void)now_ns;
	if (size) {
		flat = dispatch_data_create_map(in->data, &bytes, &size);
		while (from < size) {
			const char *at = (const char *)bytes + from;
			const char *end = memchr(at, '\n', size - from);
			size_t n = end ? (size_t)(end - at) : size - from;

			bri_layer_up(layer, n ? bri_data_subrange(flat, from, n) : NULL, NULL, end);
			from += n + (end ? 1 : 0);
		}
		dispatch_release(flat);
	}
	if (in->end)
		bri_layer_up_end(layer);
	return 0;
}

static int lines_put(struct bri_layer *layer, struct bri_content *in, uint64_t now_ns)
{
	int error = 0;

	(void)now_ns;
	if (in->data) {
		bri_layer_down(layer, in->data);
		in->data = NULL;
	}
	if (in->complete)
		error = bri_layer_down_bytes(layer, "\n", 1);
	if (in->end)
		bri_layer_down_end(layer);
	return error;
}

static const struct bri_layer_class lines_class = {
	.name = "lines", .messages = true, .rx = lines_rx, .put = lines_put, .free = toy_free
};

/* Is ready when somebody says so. */
static struct bri_layer_wait *asked;
static pthread_mutex_t asked_lock = PTHREAD_MUTEX_INITIALIZER;

static int ask_resume(struct bri_layer *layer, intptr_t answer, uint64_t now_ns)
{
	(void)now_ns;
	if (answer < 0)
		return (int)answer;
	bri_layer_ready(layer);
	return 0;
}

static int ask_start(struct bri_layer *layer, uint64_t now_ns)
{
	struct bri_layer_wait *wait = bri_layer_wait_new(layer, ask_resume);

	(void)now_ns;
	pthread_mutex_lock(&asked_lock);
	asked = wait;
	pthread_mutex_unlock(&asked_lock);
	return 0;
}

static struct bri_layer_wait *take_asked(void)
{
	struct bri_layer_wait *wait = NULL;

	for (int i = 0; i < WAIT_S * 1000 && !wait; i++) {
		pthread_mutex_lock(&asked_lock);
		wait = asked;
		asked = NULL;
		pthread_mutex_unlock(&asked_lock);
		if (!wait)
			usleep(1000);
	}
	assert_non_null(wait);
	return wait;
}

static int pass_rx(struct bri_layer *layer, struct bri_content *in, uint64_t now_ns)
{
	(void)now_ns;
	bri_layer_pass_up(layer, in);
	return 0;
}

static int pass_put(struct bri_layer *layer, struct bri_content *in, uint64_t now_ns)
{
	(void)now_ns;
	bri_layer_pass_down(layer, in);
	return 0;
}

static const struct bri_layer_class ask_class = {
	.name = "ask", .start = ask_start, .rx = pass_rx, .put = pass_put, .free = toy_free
};

#define TOY(toy, class_)                                                                           \
	static struct bri_layer *toy##_new(                                                        \
		nw_protocol_options_t opts, const struct bri_layer_env *env)                       \
	{                                                                                          \
		struct xor_layer *layer = calloc(1, sizeof(*layer));                               \
                                                                                                   \
		(void)opts;                                                                        \
		assert_non_null(env->queue);                                                       \
		layer->base.cls = &(class_);                                                       \
		layers_alive++;                                                                    \
		return &layer->base;                                                               \
	}                                                                                          \
	static struct nw_protocol_definition toy = { .base = BRI_PROTOCOL_STATIC,                  \
		.identifier = #toy,                                                                \
		.levels = BRI_PROTOCOL_APPLICATION,                                                \
		.options_size = sizeof(struct nw_protocol_options),                                \
		.layer_new = toy##_new }

TOY(xor, xor_class);
TOY(lines, lines_class);
TOY(ask, ask_class);

static nw_parameters_t with_layers(
	nw_parameters_t params, struct nw_protocol_definition *a, struct nw_protocol_definition *b)
{
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(params);
	struct nw_protocol_definition *list[] = { a, b }; /* from below */

	for (int i = 0; i < 2; i++) {
		nw_protocol_options_t opts = list[i] ? bri_protocol_options_new(list[i]) : NULL;

		if (opts)
			nw_protocol_stack_prepend_application_protocol(stack, opts);
		nw_release(opts);
	}
	nw_release(stack);
	return params;
}

/* --- a connection of ours with a listener of ours, both with the same layers --- */

struct both {
	struct recorder r, s; /* client's, server's */
	dispatch_queue_t queue, server_queue;
	nw_listener_t listener;
	nw_connection_t client, server;
	uint16_t port;
};

static void open_both(struct both *b, bool udp, struct nw_protocol_definition *lower,
	struct nw_protocol_definition *upper)
{
	nw_parameters_t params =
		with_layers(udp ? udp_parameters() : tcp_parameters(), lower, upper);

	recorder_init(&b->r);
	recorder_init(&b->s);
	b->queue = dispatch_queue_create("client", NULL);
	b->server_queue = dispatch_queue_create("server", NULL);
	b->listener = new_listener(&b->s, b->server_queue, params, &b->port);
	b->client = new_client(&b->r, b->queue, params, b->port);
	nw_connection_start(b->client);
	b->server = accepted(&b->s, 0);
	start_connection(b->server, &b->s, b->server_queue);
	nw_release(params);
}

static void close_both(struct both *b)
{
	finish(b->client, &b->r);
	nw_connection_cancel(b->server);
	await(&b->s, "cancelled");
	release_accepted(&b->s);
	finish_listener(b->listener, &b->s);
	dispatch_release(b->queue);
	dispatch_release(b->server_queue);
	recorder_fini(&b->r);
	recorder_fini(&b->s);
	assert_int_equal(layers_alive, 0);
}

static void bytes_pass_a_layer(void **state)
{
	static struct both b;

	(void)state;
	open_both(&b, false, &xor, NULL);
	await(&b.r, "ready");
	send_text(b.client, &b.r, 'a', "hello,");
	send_text(b.client, &b.r, 'b', "world");
	await(&b.r, "b=sent");
	receive(b.server, &b.s, 'c', 11, 100);
	await(&b.s, "c=hello,world");
	send_text(b.server, &b.s, 'd', "abcdefghij");
	receive(b.client, &b.r, 'e', 1, 4); /* a layer may have more than is asked for */
	receive(b.client, &b.r, 'f', 1, 4);
	receive(b.client, &b.r, 'g', 1, 4);
	await(&b.r, "g=ij");
	assert_in_order(&b.r, "preparing ready a=sent b=sent e=abcd f=efgh g=ij");
	send_fin(b.client, &b.r, 'h');
	await(&b.r, "h=sent");
	receive(b.server, &b.s, 'i', 1, 100);
	await(&b.s, "i=-*");
	receive(b.server, &b.s, 'j', 1, 100);
	await(&b.s, "j=-(ENODATA)");
	send_text(b.client, &b.r, 'k', "late");
	await(&b.r, "k=sent(EPIPE)");
	send_text(b.server, &b.s, 'l', "still"); /* the other direction goes on */
	receive(b.client, &b.r, 'm', 1, 100);
	await(&b.r, "m=still");
	close_both(&b);
}

static void messages_keep_their_ends(void **state)
{
	static struct both b;

	(void)state;
	open_both(&b, false, &xor, &lines);
	send_text(b.client, &b.r, 'a', "one"); /* before ready: they wait */
	send_bytes(b.client, &b.r, 'b', "tw", 2, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, false);
	send_bytes(b.client, &b.r, 'c', "o", 1, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
	receive_message(b.server, &b.s, 'd');
	receive_message(b.server, &b.s, 'e');
	send_text(b.client, &b.r, 'f', "a_longer_one");
	receive(b.server, &b.s, 'g', 1, 5);
	receive(b.server, &b.s, 'h', 7, 7);
	await_first(&b.s, "h=");
	assert_in_order(&b.s, "d=one* e=two* g=a_lon h=ger_one*");
	close_both(&b);
}

/* More than a chain keeps: the message is put together outside of it. */
static void long_messages(void **state)
{
	static struct both b;
	size_t size = 16u * 1024u * 1024u;
	char *bytes = malloc(size);

	(void)state;
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)('a' + i * 7 % 26);
	open_both(&b, false, &xor, &lines);
	send_bytes(b.client, &b.r, 'a', bytes, size, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
	receive_message(b.server, &b.s, 'b');
	await(&b.s, "b=#16777216*");
	assert_int_equal(b.s.data_size, size);
	assert_memory_equal(b.s.data, bytes, size);
	free(bytes);
	close_both(&b);
}

static void datagrams_pass_a_layer(void **state)
{
	static struct both b;

	(void)state;
	open_both(&b, true, &xor, NULL);
	await(&b.r, "ready");
	send_text(b.client, &b.r, 'a', "first");
	send_text(b.client, &b.r, 'b', "second");
	receive_message(b.server, &b.s, 'c');
	receive(b.server, &b.s, 'd', 1, 3);
	receive(b.server, &b.s, 'e', 1, 30);
	await(&b.s, "e=ond*");
	assert_in_order(&b.s, "c=first* d=sec e=ond*");
	close_both(&b);
}

/* Nobody receives: what is kept is bounded, and the sender has to wait. */
static void who_does_not_receive_stops_the_sender(void **state)
{
	static struct both b;
	static char bytes[1 << 20];
	unsigned sent = 0;

	(void)state;
	open_both(&b, false, &xor, NULL);
	await(&b.r, "ready");
	for (unsigned i = 0; i < 64; i++)
		send_bytes(b.client, &b.r, 'a', bytes, sizeof(bytes),
			NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
	while (await_for(&b.r, "a=sent", 500))
		sent++;
	assert_in_range(sent, 0, 40);
	for (unsigned i = 0; i < 64; i++)
		receive(b.server, &b.s, 'r', sizeof(bytes), sizeof(bytes));
	await_data(&b.s, 64 * sizeof(bytes));
	close_both(&b);
}

/* --- openings --- */

static void a_peer_that_says_something_else(void **state)
{
	nw_parameters_t params = with_layers(tcp_parameters(), &xor, NULL);
	dispatch_queue_t queue = dispatch_queue_create("q", NULL);
	static struct recorder r;
	nw_connection_t c;
	uint16_t port;
	int fd = raw_listen(AF_INET, SOCK_STREAM, &port), peer;

	(void)state;
	recorder_init(&r);
	c = new_client(&r, queue, params, port);
	nw_connection_start(c);
	peer = raw_accept(fd);
	raw_send(peer, "HELP");
	await_first(&r, "failed");
	assert_int_equal(seen(&r, "ready"), 0);
	raw_read(peer, MAGIC "ALRT"); /* its last words were sent */
	raw_end(peer);
	close(peer);
	finish(c, &r);
	/* a peer that closes: as if it had refused */
	c = new_client(&r, queue, params, port);
	nw_connection_start(c);
	peer = raw_accept(fd);
	raw_read(peer, MAGIC);
	close(peer);
	await(&r, "waiting(ECONNRESET)");
	finish(c, &r);
	close(fd);
	nw_release(params);
	dispatch_release(queue);
	recorder_fini(&r);
	assert_int_equal(layers_alive, 0);
}

/* Bytes come one by one, and those behind the opening are the application's. */
static void an_opening_in_pieces(void **state)
{
	nw_parameters_t params = with_layers(tcp_parameters(), &xor, &lines);
	dispatch_queue_t queue = dispatch_queue_create("q", NULL);
	static struct recorder r;
	nw_connection_t c;
	uint16_t port;
	int fd = raw_listen(AF_INET, SOCK_STREAM, &port), peer;

	(void)state;
	recorder_init(&r);
	c = new_client(&r, queue, params, port);
	receive_message(c, &r, 'a');
	receive_message(c, &r, 'b');
	nw_connection_start(c);
	peer = raw_accept(fd);
	for (const char *p = MAGIC "\x3d\x3c_d_"; *p; p++) { /* "hi\n1\n" */
		char one[2] = { *p, 0 };

		raw_send(peer, one);
		usleep(2000);
	}
	await(&r, "b=1*");
	assert_in_order(&r, "preparing ready a=hi* b=1*");
	finish(c, &r);
	close(peer);
	close(fd);
	nw_release(params);
	dispatch_release(queue);
	recorder_fini(&r);
}

static void answers_that_come_late(void **state)
{
	nw_parameters_t params = with_layers(tcp_parameters(), &ask, NULL);
	dispatch_queue_t queue = dispatch_queue_create("q", NULL);
	static struct recorder r;
	struct bri_layer_wait *wait;
	nw_connection_t c;
	uint16_t port;
	int fd = raw_listen(AF_INET, SOCK_STREAM, &port), peer;

	(void)state;
	recorder_init(&r);
	for (int i = 0; i < 3; i++) {
		c = new_client(&r, queue, params, port);
		nw_connection_start(c);
		peer = raw_accept(fd);
		wait = take_asked();
		if (i == 0) { /* yes */
			bri_layer_wait_complete(wait, 0);
			await(&r, "ready");
			send_text(c, &r, 'a', "x");
			raw_read(peer, "x");
		} else if (i == 1) { /* no */
			bri_layer_wait_complete(wait, -EACCES);
			await(&r, "waiting(EACCES)");
		}
		finish(c, &r);
		if (i == 2) /* to one that is gone */
			bri_layer_wait_complete(wait, 0);
		close(peer);
	}
	barrier(queue);
	close(fd);
	nw_release(params);
	dispatch_release(queue);
	recorder_fini(&r);
	assert_int_equal(layers_alive, 0);
}

/* An accepted connection is ready when its layers are; one whose opening fails has failed. */
static void openings_of_accepted_connections(void **state)
{
	nw_parameters_t params = with_layers(tcp_parameters(), &xor, NULL);
	dispatch_queue_t queue = dispatch_queue_create("q", NULL);
	static struct recorder r, s;
	nw_listener_t l;
	nw_connection_t c;
	uint16_t port;
	int peer;

	(void)state;
	recorder_init(&r);
	recorder_init(&s);
	l = new_listener(&s, queue, params, &port);
	for (unsigned i = 0; i < 2; i++) {
		peer = raw_connect(AF_INET, SOCK_STREAM, port);
		c = accepted(&s, i);
		start_connection(c, &r, queue);
		await(&r, "preparing");
		raw_read(peer, MAGIC);
		assert_int_equal(seen(&r, "ready"), i);
		raw_send(peer, i ? "NOPE" : MAGIC);
		await_first(&r, i ? "failed" : "ready");
		nw_connection_cancel(c);
		await(&r, "cancelled");
		close(peer);
	}
	release_accepted(&s);
	finish_listener(l, &s);
	nw_release(params);
	dispatch_release(queue);
	recorder_fini(&r);
	recorder_fini(&s);
	assert_int_equal(layers_alive, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_pass_a_layer),
		cmocka_unit_test(messages_keep_their_ends),
		cmocka_unit_test(long_messages),
		cmocka_unit_test(datagrams_pass_a_layer),
		cmocka_unit_test(who_does_not_receive_stops_the_sender),
		cmocka_unit_test(a_peer_that_says_something_else),
		cmocka_unit_test(an_opening_in_pieces),
		cmocka_unit_test(answers_that_come_late),
		cmocka_unit_test(openings_of_accepted_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
