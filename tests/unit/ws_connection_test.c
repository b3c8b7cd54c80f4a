/*
 * WebSocket through the public functions: connections and listeners over loopback TCP, and raw
 * sockets that say exactly what a test wants.
 */
#include "conn_util.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#define ASK_HEAD                                                                                   \
	"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"   \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
/* RFC 6455, 1.3 */
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

struct world {
	struct recorder l, s, c; /* listener, server's connection, client's */
	dispatch_queue_t queue, other;
	nw_listener_t listener;
	uint16_t port;
	nw_connection_t client, server;
	char headers[256];         /* what enumerators saw */
	nw_ws_response_t response; /* what the handler gives, retained for each */
	bool was_on_other;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	recorder_init(&w->l);
	recorder_init(&w->s);
	recorder_init(&w->c);
	w->queue = dispatch_queue_create("ws", NULL);
	w->other = dispatch_queue_create("other", NULL);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	if (w->client)
		finish(w->client, &w->c);
	if (w->server) {
		nw_connection_cancel(w->server);
		await(&w->s, "cancelled");
	}
	if (w->listener)
		finish_listener(w->listener, &w->l);
	barrier(w->queue);
	barrier(w->other);
	recorder_fini(&w->l);
	recorder_fini(&w->s);
	recorder_fini(&w->c);
	dispatch_release(w->queue);
	dispatch_release(w->other);
	nw_release(w->response);
	free(w);
	return 0;
}

static nw_protocol_options_t ws_options(void)
{
	return nw_ws_create_options(nw_ws_version_13);
}

/* TCP with WebSocket on top; options: taken. */
static nw_parameters_t ws_parameters(nw_protocol_options_t options)
{
	nw_parameters_t parameters = tcp_parameters();
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(parameters);

	nw_protocol_stack_prepend_application_protocol(stack, options);
	nw_release(stack);
	nw_release(options);
	return parameters;
}

static void listen_with(struct world *w, nw_protocol_options_t options)
{
	nw_parameters_t parameters = ws_parameters(options);

	w->listener = new_listener(&w->l, w->queue, parameters, &w->port);
	nw_release(parameters);
}

static void connect_with(struct world *w, nw_protocol_options_t options)
{
	nw_parameters_t parameters = ws_parameters(options);

	w->client = new_client(&w->c, w->queue, parameters, w->port);
	nw_release(parameters);
	nw_connection_start(w->client);
}

static void start_server(struct world *w)
{
	w->server = accepted(&w->l, 0);
	start_connection(w->server, &w->s, w->queue);
}

static void open_both_with(
	struct world *w, nw_protocol_options_t server, nw_protocol_options_t client)
{
	listen_with(w, server);
	connect_with(w, client);
	start_server(w);
	await(&w->c, "ready");
	await(&w->s, "ready");
}

static void open_both(struct world *w)
{
	open_both_with(w, ws_options(), ws_options());
}

/* opcode -1: without metadata. code 0: as it is. */
static void send_ws(nw_connection_t c, struct recorder *r, char letter, int opcode, unsigned code,
	const void *bytes, size_t size)
{
	nw_content_context_t context = nw_content_context_create("test");
	nw_protocol_metadata_t md;

	if (opcode >= 0) {
		md = nw_ws_create_metadata((nw_ws_opcode_t)opcode);
		if (code)
			nw_ws_metadata_set_close_code(md, (nw_ws_close_code_t)code);
		nw_content_context_set_metadata_for_protocol(context, md);
		nw_release(md);
	}
	send_bytes(c, r, letter, bytes, size, context, true);
	nw_release(context);
}

/* Notes "a=text(hello)" or "a=close(1000,bye)" or "a=#5000" or "a=-(ENODATA)". */
static void on_message(void *context, dispatch_data_t content, nw_content_context_t message,
	bool complete, nw_error_t error)
{
	static const char *const names[16] = { "cont", "text", "binary", [8] = "close", "ping",
		"pong" };
	struct tag *t = context;
	nw_protocol_definition_t ws = nw_protocol_copy_ws_definition();
	nw_protocol_metadata_t md =
		message ? nw_content_context_copy_protocol_metadata(message, ws) : NULL;
	const void *bytes = "";
	size_t size = 0;
	dispatch_data_t flat = content ? dispatch_data_create_map(content, &bytes, &size) : NULL;
	int opcode = md ? (int)nw_ws_metadata_get_opcode(md) : -1;

	if (error)
		note(t->recorder, "%c=-(%s)", t->letter,
			strerrorname_np(nw_error_get_error_code(error)));
	else if (!md)
		note(t->recorder, "%c=-", t->letter);
	else if (opcode == nw_ws_opcode_close)
		note(t->recorder, "%c=close(%u,%.*s)%s", t->letter,
			nw_ws_metadata_get_close_code(md), (int)size, (const char *)bytes,
			complete ? "" : "...");
	else if (size > 32)
		note(t->recorder, "%c=%s(#%zu)%s", t->letter, names[opcode], size,
			complete ? "" : "...");
	else
		note(t->recorder, "%c=%s(%.*s)%s", t->letter, names[opcode], (int)size,
			(const char *)bytes, complete ? "" : "...");
	if (flat)
		dispatch_release(flat);
	nw_release(md);
	nw_release(ws);
}

static void receive_ws(nw_connection_t c, struct recorder *r, char letter)
{
	nw_connection_receive_message_f(c, tag(r, letter), on_message, NULL);
}

/* --- messages --- */

static void messages_go_both_ways(void **state)
{
	struct world *w = *state;

	open_both(w);
	receive_ws(w->server, &w->s, 'a');
	receive_ws(w->server, &w->s, 'b');
	receive_ws(w->server, &w->s, 'c');
	send_ws(w->client, &w->c, 'x', nw_ws_opcode_text, 0, "hello", 5);
	send_ws(w->client, &w->c, 'y', nw_ws_opcode_binary, 0, "bytes", 5);
	send_ws(w->client, &w->c, 'z', -1, 0, "", 0);
	await(&w->s, "a=text(hello)");
	await(&w->s, "b=binary(bytes)");
	await(&w->s, "c=binary()");
	await(&w->c, "x=sent");
	await(&w->c, "z=sent");
	receive_ws(w->client, &w->c, 'd');
	send_ws(w->server, &w->s, 'v', nw_ws_opcode_text, 0, "gr\xc3\xbc\xc3\x9f", 6);
	await(&w->c, "d=text(gr\xc3\xbc\xc3\x9f)");
}

static void parts_are_one_message(void **state)
{
	struct world *w = *state;
	nw_content_context_t context = nw_content_context_create("parts");
	nw_protocol_metadata_t md = nw_ws_create_metadata(nw_ws_opcode_text);

	nw_content_context_set_metadata_for_protocol(context, md);
	open_both(w);
	receive_ws(w->server, &w->s, 'a');
	receive_ws(w->server, &w->s, 'b');
	receive_ws(w->server, &w->s, 'c');
	send_bytes(w->client, &w->c, 'x', "one ", 4, context, false);
	send_ws(w->client, &w->c, 'p', nw_ws_opcode_ping, 0, "now", 3);
	send_ws(w->client, &w->c, 'q', nw_ws_opcode_binary, 0, "later", 5);
	send_bytes(w->client, &w->c, 'y', "two ", 4, context, false);
	send_bytes(w->client, &w->c, 'z', NULL, 0, context, true);
	await(&w->s, "a=text(one two )");
	await(&w->s, "b=ping(now)");
	await(&w->s, "c=binary(later)");
	nw_release(md);
	nw_release(context);
}

static void sixteen_megabytes(void **state)
{
	struct world *w = *state;
	size_t size = (under_valgrind() ? 1 : 16) * 1024 * 1024;
	char *bytes = malloc(size), expected[32];

	memset(bytes, 'x', size);
	open_both(w);
	receive_ws(w->server, &w->s, 'a');
	receive_ws(w->client, &w->c, 'b');
	send_ws(w->client, &w->c, 'x', nw_ws_opcode_text, 0, bytes, size);
	send_ws(w->server, &w->s, 'y', nw_ws_opcode_binary, 0, bytes, size);
	snprintf(expected, sizeof(expected), "a=text(#%zu)", size);
	await(&w->s, expected);
	snprintf(expected, sizeof(expected), "b=binary(#%zu)", size);
	await(&w->c, expected);
	free(bytes);
}

/* --- closing --- */

static void close_is_a_message_then_comes_the_end(void **state)
{
	struct world *w = *state;

	open_both(w);
	receive_ws(w->server, &w->s, 'a');
	receive_ws(w->client, &w->c, 'b');
	send_ws(w->client, &w->c, 'x', nw_ws_opcode_close, 4001, "bye", 3);
	await(&w->s, "a=close(4001,bye)");
	await(&w->c, "b=close(4001,)");
	receive_ws(w->server, &w->s, 'c');
	await(&w->s, "c=-(ENODATA)");
	receive_ws(w->client, &w->c, 'd');
	await(&w->c, "d=-(ENODATA)");
	/* the state is what it was */
	assert_int_equal(seen(&w->c, "failed"), 0);
	assert_int_equal(seen(&w->s, "failed"), 0);
}

static void the_final_context_closes(void **state)
{
	struct world *w = *state;

	open_both(w);
	receive_ws(w->server, &w->s, 'a');
	receive_ws(w->server, &w->s, 'b');
	send_ws(w->client, &w->c, 'x', nw_ws_opcode_text, 0, "last", 4);
	send_fin(w->client, &w->c, 'y');
	await(&w->s, "a=text(last)");
	await(&w->s, "b=close(1000,)");
}

static void cancel_says_going_away(void **state)
{
	struct world *w = *state;

	open_both(w);
	receive_ws(w->server, &w->s, 'a');
	finish(w->client, &w->c);
	w->client = NULL;
	await(&w->s, "a=close(1001,)");
}

static void too_large_a_message(void **state)
{
	struct world *w = *state;
	nw_protocol_options_t options = ws_options();

	nw_ws_options_set_maximum_message_size(options, 100);
	open_both_with(w, options, ws_options());
	receive_ws(w->server, &w->s, 'a');
	receive_ws(w->server, &w->s, 'b');
	receive_ws(w->client, &w->c, 'c');
	send_ws(w->client, &w->c, 'x', nw_ws_opcode_binary, 0, (char[101]) { 0 }, 100);
	await(&w->s, "a=binary(#100)");
	send_ws(w->client, &w->c, 'y', nw_ws_opcode_binary, 0, (char[101]) { 0 }, 101);
	await(&w->s, "b=-(EMSGSIZE)");
	await(&w->s, "failed(EMSGSIZE)");
	await(&w->c, "c=close(1009,)");
}

/* Our server has a client that sends `text` as soon as it is connected. Returns its socket. */
static int open_raw(struct world *w, size_t message_max, const char *text)
{
	nw_protocol_options_t options = ws_options();
	int fd;

	nw_ws_options_set_maximum_message_size(options, message_max);
	listen_with(w, options);
	fd = raw_connect(AF_INET, SOCK_STREAM, w->port);
	raw_send(fd, text);
	start_server(w);
	await(&w->s, "ready");
	return fd;
}

/* a frame that came with the handshake: what fails afterwards was ready before */
static void too_large_a_message_at_once(void **state)
{
	struct world *w = *state;
	int fd = open_raw(w, 5, ASK_HEAD "\r\n\x82\x86\x01\x01\x01\x01sixsix");

	await(&w->s, "failed(EMSGSIZE)");
	close(fd);
}

/* a message that is cut off, by the peer or for its size, is not received at all */
static void a_message_that_is_cut_off(void **state)
{
	struct world *w = *state;
	int fd = open_raw(w, 5, ASK_HEAD "\r\n");

	receive_ws(w->server, &w->s, 'a');
	raw_send(fd, "\x01\x84\x01\x01\x01\x01part");
	raw_send(fd, "\x80\x82\x01\x01\x01\x01xy");
	await(&w->s, "a=-(EMSGSIZE)");
	await(&w->s, "failed(EMSGSIZE)");
	close(fd);
}

/* the same when pieces of it are on their way already */
static void a_large_message_that_is_cut_off(void **state)
{
	struct world *w = *state;
	nw_protocol_options_t options = ws_options();
	nw_content_context_t parts = nw_content_context_create("parts");
	char *bytes = calloc(1, 200000);

	nw_ws_options_set_maximum_message_size(options, 300000);
	open_both_with(w, options, ws_options());
	receive_ws(w->server, &w->s, 'a');
	send_bytes(w->client, &w->c, 'x', bytes, 200000, parts, false);
	await(&w->c, "x=sent");
	send_bytes(w->client, &w->c, 'y', bytes, 200000, parts, false);
	await(&w->s, "a=-(EMSGSIZE)");
	await(&w->s, "failed(EMSGSIZE)");
	nw_release(parts);
	free(bytes);
}

static void a_large_message_that_is_cut_off_by_a_close(void **state)
{
	struct world *w = *state;
	nw_content_context_t parts = nw_content_context_create("parts");
	char *bytes = calloc(1, 200000);

	open_both(w);
	receive_ws(w->server, &w->s, 'a');
	send_bytes(w->client, &w->c, 'x', bytes, 200000, parts, false);
	await(&w->c, "x=sent");
	send_ws(w->client, &w->c, 'y', nw_ws_opcode_close, 1001, "", 0);
	await(&w->s, "a=close(1001,)");
	nw_release(parts);
	free(bytes);
}

/* --- pings --- */

static void on_pong(void *context, nw_error_t error)
{
	struct tag *t = context;

	note(t->recorder, "%c=pong%s", t->letter, error ? "(error)" : "");
}

static void send_ping(struct world *w, char letter, const char *text)
{
	nw_content_context_t context = nw_content_context_create("ping");
	nw_protocol_metadata_t md = nw_ws_create_metadata(nw_ws_opcode_ping);

	nw_ws_metadata_set_pong_handler_f(md, w->other, tag(&w->c, letter), on_pong, NULL);
	nw_content_context_set_metadata_for_protocol(context, md);
	send_bytes(w->client, &w->c, '_', text, strlen(text), context, true);
	nw_release(md);
	nw_release(context);
}

static void pings_are_answered_and_received(void **state)
{
	struct world *w = *state;
	nw_protocol_options_t options = ws_options();

	nw_ws_options_set_auto_reply_ping(options, true);
	open_both_with(w, options, ws_options());
	receive_ws(w->server, &w->s, 'a');
	receive_ws(w->server, &w->s, 'b');
	send_ping(w, 'p', "one");
	send_ping(w, 'q', "");
	await(&w->s, "a=ping(one)");
	await(&w->s, "b=ping()");
	await(&w->c, "p=pong");
	await(&w->c, "q=pong");
}

static void pongs_of_the_program(void **state)
{
	struct world *w = *state;

	open_both(w);
	receive_ws(w->server, &w->s, 'a');
	send_ping(w, 'p', "one");
	await(&w->s, "a=ping(one)");
	assert_int_equal(seen(&w->c, "p=pong"), 0);
	receive_ws(w->client, &w->c, 'b');
	send_ws(w->server, &w->s, 'x', nw_ws_opcode_pong, 0, "other", 5);
	await(&w->c, "b=pong(other)"); /* it answers no ping of ours */
	send_ws(w->server, &w->s, 'y', nw_ws_opcode_pong, 0, "one", 3);
	await(&w->c, "p=pong");
}

static void no_pong_is_an_error(void **state)
{
	struct world *w = *state;

	open_both(w);
	send_ping(w, 'p', "one");
	await(&w->c, "_=sent");
	nw_connection_cancel(w->client);
	/* the handler has a queue of its own: it may come before or after `cancelled` */
	for (int ms = 0; ms < WAIT_S * 1000; ms++) {
		if (seen(&w->c, "p=pong(error)") && seen(&w->c, "cancelled"))
			break;
		usleep(1000);
	}
	assert_int_equal(seen(&w->c, "p=pong(error)"), 1);
	assert_int_equal(seen(&w->c, "cancelled"), 1);
	nw_release(w->client);
	w->client = NULL;
}

/* --- the opening handshake --- */

static bool add_header(void *context, const char *name, const char *value)
{
	struct world *w = context;

	strncat(w->headers, name, sizeof(w->headers) - strlen(w->headers) - 1);
	strncat(w->headers, "=", sizeof(w->headers) - strlen(w->headers) - 1);
	strncat(w->headers, value, sizeof(w->headers) - strlen(w->headers) - 1);
	strncat(w->headers, ";", sizeof(w->headers) - strlen(w->headers) - 1);
	return true;
}

static bool add_protocol(void *context, const char *protocol)
{
	return add_header(context, protocol, "");
}

static nw_ws_response_t on_request(void *context, nw_ws_request_t request)
{
	struct world *w = context;

	dispatch_assert_queue(w->other);
	w->was_on_other = true;
	assert_true(nw_ws_request_enumerate_subprotocols_f(request, w, add_protocol));
	assert_true(nw_ws_request_enumerate_additional_headers_f(request, w, add_header));
	return nw_retain(w->response);
}

static nw_protocol_options_t asking_options(struct world *w)
{
	nw_protocol_options_t options = ws_options();

	nw_ws_options_set_client_request_handler_f(options, w->other, w, on_request, NULL);
	return options;
}

static nw_ws_response_t response_of(nw_connection_t c)
{
	nw_protocol_definition_t ws = nw_protocol_copy_ws_definition();
	nw_protocol_metadata_t md = nw_connection_copy_protocol_metadata(c, ws);
	nw_ws_response_t response;

	assert_non_null(md);
	assert_true(nw_protocol_metadata_is_ws(md));
	assert_int_equal(nw_ws_metadata_get_opcode(md), nw_ws_opcode_invalid);
	response = nw_ws_metadata_copy_server_response(md);
	nw_release(md);
	nw_release(ws);
	return response;
}

static void the_handler_decides(void **state)
{
	struct world *w = *state;
	nw_protocol_options_t options = ws_options();
	nw_ws_response_t response;

	w->response = nw_ws_response_create(nw_ws_response_status_accept, "chat.2");
	nw_ws_response_add_additional_header(w->response, "X-Server", "yes");
	nw_ws_options_add_subprotocol(options, "chat.1");
	nw_ws_options_add_subprotocol(options, "chat.2");
	nw_ws_options_add_additional_header(options, "X-Client", "me, too");
	open_both_with(w, asking_options(w), options);
	assert_true(w->was_on_other);
	assert_non_null(strstr(w->headers, "chat.1=;chat.2=;"));
	assert_non_null(strstr(w->headers, "X-Client=me, too;"));
	assert_null(strstr(w->headers, "Sec-WebSocket"));
	w->headers[0] = 0;
	response = response_of(w->client);
	assert_int_equal(nw_ws_response_get_status(response), nw_ws_response_status_accept);
	assert_string_equal(nw_ws_response_get_selected_subprotocol(response), "chat.2");
	assert_true(nw_ws_response_enumerate_additional_headers_f(response, w, add_header));
	assert_string_equal(w->headers, "X-Server=yes;");
	nw_release(response);
	response = response_of(w->server);
	assert_ptr_equal(response, w->response);
	nw_release(response);
	/* and it works */
	receive_ws(w->server, &w->s, 'a');
	send_ws(w->client, &w->c, 'x', nw_ws_opcode_text, 0, "hello", 5);
	await(&w->s, "a=text(hello)");
}

static void the_handler_rejects(void **state)
{
	struct world *w = *state;

	w->response = nw_ws_response_create(nw_ws_response_status_reject, NULL);
	listen_with(w, asking_options(w));
	connect_with(w, ws_options());
	start_server(w);
	await(&w->s, "failed(ECONNABORTED)");
	await(&w->c, "failed(ECONNABORTED)"); /* not waiting: no other network will help */
}

static void rejected_is_400(void **state)
{
	struct world *w = *state;
	int fd;

	w->response = nw_ws_response_create(nw_ws_response_status_reject, NULL);
	nw_ws_response_add_additional_header(w->response, "X-Why", "no");
	listen_with(w, asking_options(w));
	fd = raw_connect(AF_INET, SOCK_STREAM, w->port);
	start_server(w);
	raw_send(fd, ASK_HEAD "\r\n");
	raw_read(fd, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n"
		     "X-Why: no\r\n\r\n");
	raw_end(fd);
	await(&w->s, "failed(ECONNABORTED)");
	close(fd);
}

static void an_unknown_subprotocol_ends_the_client(void **state)
{
	struct world *w = *state;
	nw_protocol_options_t options = ws_options();

	w->response = nw_ws_response_create(nw_ws_response_status_accept, "other");
	nw_ws_options_add_subprotocol(options, "chat");
	listen_with(w, asking_options(w));
	connect_with(w, options);
	start_server(w);
	await(&w->c, "failed(ECONNABORTED)");
}

static void a_raw_client_hears_the_samples_of_the_rfc(void **state)
{
	struct world *w = *state;
	int fd;

	listen_with(w, ws_options());
	fd = raw_connect(AF_INET, SOCK_STREAM, w->port);
	start_server(w);
	raw_send(fd, ASK_HEAD "\r\n");
	raw_read(fd, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
		     "Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n");
	await(&w->s, "ready");
	/* 5.7: a masked "Hello" */
	receive_ws(w->server, &w->s, 'a');
	raw_send(fd, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
	await(&w->s, "a=text(Hello)");
	send_ws(w->server, &w->s, 'x', nw_ws_opcode_text, 0, "Hello", 5);
	raw_read(fd, "\x81\x05Hello");
	/* a client that ends TCP without a close frame is lost */
	receive_ws(w->server, &w->s, 'b');
	close(fd);
	await(&w->s, "b=-(ECONNRESET)");
	await(&w->s, "failed(ECONNRESET)");
}

static void bad_requests_are_400_and_426(void **state)
{
	static const struct {
		const char *request, *answer;
	} cases[] = {
		{ "POST / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n" },
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n" },
		{ "\x16\x03\x01", "HTTP/1.1 400 Bad Request\r\n" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n",
			"HTTP/1.1 426 Upgrade Required\r\n" },
	};
	struct world *w = *state;

	listen_with(w, ws_options());
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = raw_connect(AF_INET, SOCK_STREAM, w->port);
		nw_connection_t c = accepted(&w->l, i);

		start_connection(c, &w->s, w->queue);
		raw_send(fd, cases[i].request);
		raw_read(fd, cases[i].answer);
		raw_drain(fd);
		await(&w->s, "failed(EPROTO)");
		nw_connection_cancel(c);
		await(&w->s, "cancelled");
		close(fd);
	}
}

/* reads a request and keeps it */
static void read_request(int fd, char *to, size_t size)
{
	size_t have = 0;

	while (have < size - 1 && (have < 4 || memcmp(to + have - 4, "\r\n\r\n", 4) != 0)) {
		ssize_t n = recv(fd, to + have, 1, 0);

		assert_true(n == 1);
		have++;
		to[have] = 0;
	}
}

static void the_request_comes_from_the_url(void **state)
{
	struct world *w = *state;
	nw_protocol_options_t options = ws_options();
	nw_parameters_t parameters;
	nw_endpoint_t endpoint;
	char request[1024], url[64], expected[128];
	int lfd = raw_listen(AF_INET, SOCK_STREAM, &w->port), fd;

	snprintf(url, sizeof(url), "ws://127.0.0.1:%u/chat/room?x=1#not", w->port);
	endpoint = nw_endpoint_create_url(url);
	nw_ws_options_add_additional_header(options, "Authorization", "Bearer abc");
	parameters = ws_parameters(options);
	w->client = start_to(&w->c, w->queue, endpoint, parameters);
	nw_release(parameters);
	fd = raw_accept(lfd);
	read_request(fd, request, sizeof(request));
	snprintf(expected, sizeof(expected),
		"GET /chat/room?x=1 HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n", w->port);
	assert_memory_equal(request, expected, strlen(expected));
	assert_non_null(strstr(request, "\r\nUpgrade: websocket\r\n"));
	assert_non_null(strstr(request, "\r\nSec-WebSocket-Version: 13\r\n"));
	assert_non_null(strstr(request, "\r\nAuthorization: Bearer abc\r\n"));
	assert_null(strstr(request, "Extensions"));
	raw_send(fd, "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		     "Sec-WebSocket-Accept: wrong\r\n\r\n");
	await(&w->c, "failed(ECONNABORTED)");
	close(fd);
	close(lfd);
}

/* Who has answered will answer the same from any network; who has not may do so from another. */
static void answers_that_are_no(void **state)
{
#define OPENS "HTTP/1.1 101 Fine\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	static const struct {
		const char *answer, *comes_of_it;
	} cases[] = {
		{ "HTTP/1.1 403 Forbidden\r\n\r\n", "failed(ECONNABORTED)" },
		{ "HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n", "failed(ECONNABORTED)" },
		{ OPENS "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n", "failed(ECONNABORTED)" },
		{ OPENS "\r\n", "failed(ECONNABORTED)" },
		{ "SSH-2.0-OpenSSH\r\n\r\n", "failed(EPROTO)" },
		{ "\x15\x03\x01", "failed(EPROTO)" },
		{ OPENS, "waiting(ECONNRESET)" },
		{ "", "waiting(ECONNRESET)" },
	};
#undef OPENS
	struct world *w = *state;
	int lfd = raw_listen(AF_INET, SOCK_STREAM, &w->port), fd;
	char request[1024];

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		connect_with(w, ws_options());
		fd = raw_accept(lfd);
		read_request(fd, request, sizeof(request));
		raw_send(fd, cases[i].answer); /* the key was another one */
		shutdown(fd, SHUT_WR);
		await_first(&w->c, "preparing");
		await(&w->c, cases[i].comes_of_it);
		close(fd);
		if (i + 1 < sizeof(cases) / sizeof(cases[0]))
			finish(w->client, &w->c);
	}
	close(lfd);
}

static void without_a_handshake(void **state)
{
	struct world *w = *state;
	nw_protocol_options_t options = ws_options();
	nw_protocol_options_t other = ws_options();

	nw_ws_options_set_skip_handshake(options, true);
	nw_ws_options_set_skip_handshake(other, true);
	open_both_with(w, options, other);
	assert_null(response_of(w->client));
	receive_ws(w->server, &w->s, 'a');
	send_ws(w->client, &w->c, 'x', nw_ws_opcode_text, 0, "hello", 5);
	await(&w->s, "a=text(hello)");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(messages_go_both_ways),
		TEST(parts_are_one_message),
		TEST(sixteen_megabytes),
		TEST(close_is_a_message_then_comes_the_end),
		TEST(the_final_context_closes),
		TEST(cancel_says_going_away),
		TEST(too_large_a_message),
		TEST(too_large_a_message_at_once),
		TEST(a_message_that_is_cut_off),
		TEST(a_large_message_that_is_cut_off),
		TEST(a_large_message_that_is_cut_off_by_a_close),
		TEST(pings_are_answered_and_received),
		TEST(pongs_of_the_program),
		TEST(no_pong_is_an_error),
		TEST(the_handler_decides),
		TEST(the_handler_rejects),
		TEST(rejected_is_400),
		TEST(an_unknown_subprotocol_ends_the_client),
		TEST(a_raw_client_hears_the_samples_of_the_rfc),
		TEST(bad_requests_are_400_and_426),
		TEST(the_request_comes_from_the_url),
		TEST(answers_that_are_no),
		TEST(without_a_handshake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
