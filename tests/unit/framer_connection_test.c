/* Framers on the stacks of real connections and listeners: messages, handshakes, ends, UDP, and
 * bytes that a program injects itself. */
#include "framer_util.h"
#include "conn_util.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Two ends over loopback, each with a framer definition of its own. */
struct ends {
	struct recorder r, s; /* the client's, the server's */
	struct frames rf, sf;
	nw_protocol_options_t ro, so;
	dispatch_queue_t queue, server_queue;
	nw_listener_t listener;
	nw_connection_t client, server;
	uint16_t port;
};

static nw_parameters_t with_framer(nw_parameters_t parameters, nw_protocol_options_t options)
{
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(parameters);

	nw_protocol_stack_prepend_application_protocol(stack, options);
	nw_release(stack);
	return parameters;
}

static void start_server(struct ends *e)
{
	e->server = accepted(&e->s, 0);
	start_connection(e->server, &e->s, e->server_queue);
}

static void open_ends(struct ends *e, bool udp)
{
	nw_parameters_t rp, sp;

	e->rf.quiet = e->sf.quiet = true;
	e->ro = frames_options(&e->rf);
	e->so = frames_options(&e->sf);
	rp = with_framer(udp ? udp_parameters() : tcp_parameters(), e->ro);
	sp = with_framer(udp ? udp_parameters() : tcp_parameters(), e->so);
	recorder_init(&e->r);
	recorder_init(&e->s);
	e->queue = dispatch_queue_create("client", NULL);
	e->server_queue = dispatch_queue_create("server", NULL);
	e->listener = new_listener(&e->s, e->server_queue, sp, &e->port);
	e->client = new_client(&e->r, e->queue, rp, e->port);
	nw_connection_start(e->client);
	if (!udp)
		start_server(e);
	nw_release(rp);
	nw_release(sp);
}

static void close_ends(struct ends *e)
{
	finish(e->client, &e->r);
	nw_connection_cancel(e->server);
	await(&e->s, "cancelled");
	release_accepted(&e->s);
	finish_listener(e->listener, &e->s);
	for (int i = 0; i < 4; i++) {
		barrier(e->queue);
		barrier(e->server_queue);
	}
	assert_string_equal(e->rf.log, "start stop cleanup destroy");
	assert_string_equal(e->sf.log, "start stop cleanup destroy");
	nw_release(e->ro);
	nw_release(e->so);
	dispatch_release(e->queue);
	dispatch_release(e->server_queue);
	recorder_fini(&e->r);
	recorder_fini(&e->s);
}

static struct ends the_ends;

static struct ends *new_ends(enum way way)
{
	the_ends = (struct ends) { .rf = { .way = way }, .sf = { .way = way } };
	return &the_ends;
}

static void messages_go_both_ways(void **state)
{
	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		struct ends *e = new_ends(way);

		open_ends(e, false);
		send_text(e->client, &e->r, 'a', "one"); /* before ready */
		send_text(e->client, &e->r, 'b', "two");
		receive_message(e->server, &e->s, 'c');
		receive_message(e->server, &e->s, 'd');
		await(&e->s, "d=two*");
		assert_in_order(&e->s, "c=one* d=two*");
		send_text(e->server, &e->s, 'e', "back");
		receive(e->client, &e->r, 'f', 1, 2);
		receive(e->client, &e->r, 'g', 1, 20);
		await(&e->r, "g=ck*");
		assert_in_order(&e->r, "preparing ready f=ba g=ck*");
		close_ends(e);
	}
	assert_quiet();
}

struct typed {
	struct ends *e;
	char types[64];
	size_t lengths[64];
	unsigned count;
};

static void on_typed(void *context, dispatch_data_t content, nw_content_context_t message,
	bool complete, nw_error_t error)
{
	struct typed *t = context;
	nw_protocol_metadata_t md =
		message ? nw_content_context_copy_protocol_metadata(message, t->e->so->definition)
			: NULL;

	t->types[t->count] = md && nw_protocol_metadata_is_framer_message(md) ? get_type(md) : '-';
	t->lengths[t->count++] = content ? dispatch_data_get_size(content) : 0;
	nw_release(md);
	note(&t->e->s, "message%s%s", complete ? "*" : "", error ? "!" : "");
}

static void values_come_with_the_message(void **state)
{
	struct ends *e = new_ends(NO_COPY);
	struct typed typed = { .e = e };
	static char bytes[65535];

	(void)state;
	open_ends(e, false);
	for (unsigned i = 0; i < 20; i++) {
		nw_content_context_t context = typed_context(e->ro, (char)('A' + i));

		send_bytes(e->client, &e->r, 'a', i ? bytes : NULL, i ? sizeof(bytes) - i : 0,
			context, true);
		nw_release(context);
	}
	for (unsigned i = 0; i < 20; i++)
		nw_connection_receive_message_f(e->server, &typed, on_typed, NULL);
	for (unsigned i = 0; i < 20; i++)
		await(&e->s, "message*");
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(typed.types[i], 'A' + i);
		assert_int_equal(typed.lengths[i], i ? sizeof(bytes) - i : 0);
	}
	close_ends(e);
	assert_quiet();
}

static void the_end_of_one_direction(void **state)
{
	struct ends *e = new_ends(COPY);

	(void)state;
	open_ends(e, false);
	send_text(e->client, &e->r, 'a', "last");
	send_fin(e->client, &e->r, 'b');
	await(&e->r, "b=sent");
	receive_message(e->server, &e->s, 'c');
	receive_message(e->server, &e->s, 'd');
	await_first(&e->s, "d=");
	assert_in_order(&e->s, "c=last*");
	send_text(e->server, &e->s, 'e', "still");
	receive_message(e->client, &e->r, 'f');
	await(&e->r, "f=still*");
	close_ends(e);
}

static void datagrams_are_framed(void **state)
{
	struct ends *e = new_ends(COPY);

	(void)state;
	open_ends(e, true);
	await(&e->r, "ready");
	send_text(e->client, &e->r, 'a', "first");
	start_server(e);
	receive_message(e->server, &e->s, 'b');
	await(&e->s, "b=first*");
	send_text(e->server, &e->s, 'c', "back");
	receive_message(e->client, &e->r, 'd');
	await(&e->r, "d=back*");
	close_ends(e);
}

/* --- handshakes --- */

static size_t on_hello(void *context, uint8_t *bytes, size_t size, bool complete)
{
	struct frames *f = context;

	(void)complete;
	if (size < 4)
		return 0;
	if (memcmp(bytes, "HELO", 4) != 0)
		nw_framer_mark_failed_with_error(f->framer, EPROTO);
	f->left = 1;
	return 4;
}

static size_t hello_input(void *context, nw_framer_t framer)
{
	struct frames *f = context;

	if (!f->left) {
		nw_framer_parse_input_f(framer, 4, 4, NULL, f, on_hello);
		if (!f->left)
			return 4;
		f->left = 0;
		nw_framer_set_input_handler_f(framer, f, frames_input, NULL);
		nw_framer_schedule_wakeup(framer, NW_FRAMER_WAKEUP_TIME_FOREVER);
		nw_framer_mark_ready(framer);
		return frames_input(f, framer); /* what came behind it */
	}
	return 0;
}

static void too_late(void *context, nw_framer_t framer)
{
	(void)context;
	nw_framer_mark_failed_with_error(framer, ETIMEDOUT);
}

static void hello_start(struct frames *f, nw_framer_t framer)
{
	nw_framer_set_input_handler_f(framer, f, hello_input, NULL);
	nw_framer_set_wakeup_handler_f(framer, f, too_late, NULL);
	nw_framer_schedule_wakeup(framer, f->inputs ? f->inputs : 20000);
	nw_framer_write_output(framer, (const uint8_t *)"HELO", 4);
}

static struct ends *hello_ends(void)
{
	struct ends *e = new_ends(COPY);

	e->rf.result = e->sf.result = nw_framer_start_result_will_mark_ready;
	e->rf.on_start = e->sf.on_start = hello_start;
	return e;
}

static void a_handshake_comes_before_ready(void **state)
{
	struct ends *e = hello_ends();

	(void)state;
	open_ends(e, false);
	send_text(e->client, &e->r, 'a', "hello");
	receive_message(e->server, &e->s, 'b');
	await(&e->s, "b=hello*");
	close_ends(e);
	assert_quiet();
}

/* Against a peer of raw sockets: bytes one by one, a wrong answer, none at all. */
static void handshakes_with_odd_peers(void **state)
{
	static struct recorder r;
	struct frames f = { .way = NO_COPY, .quiet = true };
	dispatch_queue_t queue = dispatch_queue_create("q", NULL);
	nw_protocol_options_t options;
	nw_parameters_t params;
	nw_connection_t c;
	uint16_t port;
	int fd = raw_listen(AF_INET, SOCK_STREAM, &port), peer;

	(void)state;
	f.result = nw_framer_start_result_will_mark_ready;
	f.on_start = hello_start;
	options = frames_options(&f);
	params = with_framer(tcp_parameters(), options);
	recorder_init(&r);
	for (int i = 0; i < 3; i++) {
		f.inputs = i == 2 ? 50 : 0; /* the wakeup, in ms */
		f.left = 0;
		c = new_client(&r, queue, params, port);
		nw_connection_start(c);
		peer = raw_accept(fd);
		raw_read(peer, "HELO");
		if (i == 0) {
			const char *text = "HELOT\0\5hello";

			receive_message(c, &r, 'a');
			for (int at = 0; at < 12; at++)
				assert_int_equal(send(peer, text + at, 1, 0), 1);
			await(&r, "a=hello*");
			assert_int_equal(seen(&r, "ready"), 1);
			nw_connection_cancel(c);
			raw_read(peer, "BYE"); /* the stop handler's */
			raw_end(peer);
		} else if (i == 1) {
			raw_send(peer, "HELP");
			await(&r, "waiting(EPROTO)");
		} else {
			await(&r, "waiting(ETIMEDOUT)");
		}
		finish(c, &r);
		barrier(queue);
		close(peer);
	}
	close(fd);
	nw_release(params);
	nw_release(options);
	barrier(queue);
	dispatch_release(queue);
	recorder_fini(&r);
	assert_quiet();
}

/* --- a program that has a transport of its own --- */

/* What is sent is kept by the program; what is received it injects. UDP to a port where nobody is:
 * nothing is ever sent there. */
struct own {
	struct recorder r;
	nw_framer_t framer;
	char sent[64];
};

static size_t keep_sent(void *context, uint8_t *bytes, size_t size, bool complete)
{
	struct own *own = context;

	(void)complete;
	memcpy(own->sent, bytes, size);
	note(&own->r, "kept=%.*s", (int)size, (const char *)bytes);
	return size;
}

static void own_output(void *context, nw_framer_t framer, nw_framer_message_t message,
	size_t length, bool complete)
{
	(void)message;
	(void)complete;
	nw_framer_parse_output_f(framer, length, length, NULL, context, keep_sent);
}

static nw_framer_start_result_t own_start(void *context, nw_framer_t framer)
{
	struct own *own = context;

	own->framer = nw_retain(framer);
	nw_framer_set_output_handler_f(framer, own, own_output, NULL);
	return nw_framer_start_result_ready;
}

static void inject(void *context)
{
	struct own *own = context;
	nw_framer_message_t message = nw_framer_message_create(own->framer);

	nw_framer_deliver_input(own->framer, (const uint8_t *)"injected", 8, message, true);
	nw_release(message);
}

static void a_program_may_be_its_own_transport(void **state)
{
	static struct own own;
	dispatch_queue_t queue = dispatch_queue_create("q", NULL);
	nw_protocol_definition_t def =
		nw_framer_create_definition_f("own", 0, &own, own_start, NULL);
	nw_protocol_options_t options = nw_framer_create_options(def);
	nw_parameters_t params = with_framer(udp_parameters(), options);
	nw_connection_t c;

	(void)state;
	recorder_init(&own.r);
	c = new_client(&own.r, queue, params, 42);
	nw_connection_start(c);
	await(&own.r, "ready");
	receive_message(c, &own.r, 'a');
	nw_framer_async_f(own.framer, &own, inject);
	await(&own.r, "a=injected*");
	send_text(c, &own.r, 'b', "outgoing");
	await(&own.r, "kept=outgoing");
	await(&own.r, "b=sent");
	finish(c, &own.r);
	nw_framer_async_f(own.framer, &own, inject);
	barrier(queue);
	nw_release(own.framer);
	nw_release(params);
	nw_release(options);
	nw_release(def);
	dispatch_release(queue);
	recorder_fini(&own.r);
	assert_quiet();
}

/* --- endpoints --- */

static uint16_t local_port, remote_port;
static bool remote_is_address;

static void look_start(struct frames *f, nw_framer_t framer)
{
	nw_endpoint_t local = nw_framer_copy_local_endpoint(framer);
	nw_endpoint_t remote = nw_framer_copy_remote_endpoint(framer);

	(void)f;
	local_port = local ? nw_endpoint_get_port(local) : 0;
	remote_port = nw_endpoint_get_port(remote);
	remote_is_address = nw_endpoint_get_type(remote) == nw_endpoint_type_address;
	nw_release(local);
	nw_release(remote);
}

static void addresses_are_known_in_the_start_handler(void **state)
{
	struct ends *e = new_ends(COPY);

	(void)state;
	e->sf.on_start = look_start;
	open_ends(e, false);
	await(&e->s, "ready"); /* the connection's */
	assert_int_equal(local_port, e->port);
	assert_int_not_equal(remote_port, 0);
	assert_true(remote_is_address);
	await(&e->r, "ready");
	close_ends(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_go_both_ways),
		cmocka_unit_test(values_come_with_the_message),
		cmocka_unit_test(the_end_of_one_direction),
		cmocka_unit_test(datagrams_are_framed),
		cmocka_unit_test(a_handshake_comes_before_ready),
		cmocka_unit_test(handshakes_with_odd_peers),
		cmocka_unit_test(a_program_may_be_its_own_transport),
		cmocka_unit_test(addresses_are_known_in_the_start_handler),
	};

	return cmocka_run_group_tests(tests, log_setup, NULL);
}
