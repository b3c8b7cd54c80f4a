/* nw_ws_*: what the functions take and refuse, what copies share, who owns what. No connections. */
#include "api_test_util.h"

#include <pthread.h>
#include <stdlib.h>
#include "api/tcp_options.h"
#include "api/ws_options.h"

static int destroyed;

static void on_destroy(void *context)
{
	(void)context;
	destroyed++;
}

static nw_ws_response_t on_request(void *context, nw_ws_request_t request)
{
	(void)context;
	(void)request;
	return NULL;
}

static void on_pong(void *context, nw_error_t error)
{
	(void)context;
	(void)error;
}

static bool collect(void *context, const char *name, const char *value)
{
	char *text = context;

	snprintf(text + strlen(text), 200 - strlen(text), "%s=%s;", name, value);
	return true;
}

static bool collect_name(void *context, const char *name)
{
	return collect(context, name, "");
}

static bool stop(void *context, const char *name, const char *value)
{
	collect(context, name, value);
	return false;
}

static bool stop_name(void *context, const char *name)
{
	return stop(context, name, "");
}

static struct bri_ws_options *body(nw_protocol_options_t options)
{
	return (struct bri_ws_options *)options;
}

static void the_definition_is_one(void **state)
{
	nw_protocol_definition_t ws = nw_protocol_copy_ws_definition();
	nw_protocol_options_t options = nw_ws_create_options(nw_ws_version_13);
	nw_protocol_definition_t of = nw_protocol_options_copy_definition(options);

	(void)state;
	assert_ptr_equal(ws, &bri_protocol_ws);
	assert_true(nw_protocol_definition_is_equal(ws, of));
	nw_release(ws);
	nw_release(of);
	nw_release(options);
	assert_quiet();
	assert_null(nw_ws_create_options(nw_ws_version_invalid));
	assert_logged("nw_ws_version_13");
}

static void defaults(void **state)
{
	nw_protocol_options_t options = nw_ws_create_options(nw_ws_version_13);

	(void)state;
	assert_false(body(options)->auto_reply_ping || body(options)->skip_handshake);
	assert_int_equal(body(options)->maximum_message_size, 0);
	assert_int_equal(body(options)->protocols.n + body(options)->headers.n, 0);
	nw_release(options);
}

static void options_keep_what_they_are_given(void **state)
{
	nw_protocol_options_t options = nw_ws_create_options(nw_ws_version_13);
	char name[] = "X-A", value[] = "1";

	(void)state;
	nw_ws_options_set_auto_reply_ping(options, true);
	nw_ws_options_set_skip_handshake(options, true);
	nw_ws_options_set_maximum_message_size(options, SIZE_MAX);
	nw_ws_options_add_additional_header(options, name, value);
	nw_ws_options_add_additional_header(options, "X-A", "");
	nw_ws_options_add_subprotocol(options, "chat");
	name[0] = value[0] = 'z'; /* they were copied */
	assert_true(body(options)->auto_reply_ping && body(options)->skip_handshake);
	assert_true(body(options)->maximum_message_size == SIZE_MAX);
	assert_int_equal(body(options)->headers.n, 2);
	assert_string_equal(body(options)->headers.items[0].name, "X-A");
	assert_string_equal(body(options)->headers.items[0].value, "1");
	assert_string_equal(body(options)->headers.items[1].value, "");
	assert_string_equal(body(options)->protocols.items[0].name, "chat");
	assert_quiet();
	nw_release(options);
}

static void headers_that_are_refused(void **state)
{
	static const struct {
		const char *name, *value, *why;
	} cases[] = {
		{ NULL, "a", "not a header" },
		{ "A", NULL, "not a header" },
		{ "", "a", "not a header" },
		{ "A b", "a", "not a header" },
		{ "A:", "a", "not a header" },
		{ "A", "b\r\nC: d", "not a header" },
		{ "A", "b\n", "not a header" },
		{ "A", "\x7f", "not a header" },
		{ "upgrade", "h2c", "handshake's own" },
		{ "Sec-WebSocket-Key", "a", "handshake's own" },
		{ "Sec-WebSocket-Extensions", "permessage-deflate", "handshake's own" },
		{ "Content-Length", "5", "handshake's own" },
	};
	nw_protocol_options_t options = nw_ws_create_options(nw_ws_version_13);
	nw_ws_response_t response = nw_ws_response_create(nw_ws_response_status_accept, NULL);

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		nw_ws_options_add_additional_header(options, cases[i].name, cases[i].value);
		assert_logged(cases[i].why);
		nw_ws_response_add_additional_header(response, cases[i].name, cases[i].value);
		assert_logged(cases[i].why);
	}
	assert_int_equal(body(options)->headers.n, 0);
	assert_int_equal(response->headers.n, 0);
	nw_ws_options_add_subprotocol(options, NULL);
	assert_logged("token");
	nw_ws_options_add_subprotocol(options, "");
	assert_logged("token");
	nw_ws_options_add_subprotocol(options, "a b");
	assert_logged("token");
	nw_ws_options_add_subprotocol(options, "a,b");
	assert_logged("token");
	assert_int_equal(body(options)->protocols.n, 0);
	nw_release(options);
	nw_release(response);
}

static void headers_that_mean_something_else(void **state)
{
	nw_protocol_options_t options = nw_ws_create_options(nw_ws_version_13);

	(void)state;
	nw_ws_options_add_additional_header(options, "Host", "one");
	nw_ws_options_add_additional_header(options, "HOST", "two");
	nw_ws_options_add_additional_header(options, "Sec-WebSocket-Protocol", " a ,b, a");
	assert_string_equal(body(options)->host, "two");
	assert_int_equal(body(options)->protocols.n, 2);
	assert_string_equal(body(options)->protocols.items[1].name, "b");
	assert_int_equal(body(options)->headers.n, 0);
	assert_quiet();
	nw_release(options);
}

static void copies_are_deep_and_share_the_handler(void **state)
{
	nw_protocol_options_t options = nw_ws_create_options(nw_ws_version_13), copy;
	dispatch_queue_t queue = dispatch_queue_create("ws", NULL);

	(void)state;
	destroyed = 0;
	nw_ws_options_add_additional_header(options, "X-A", "1");
	nw_ws_options_add_additional_header(options, "Host", "h");
	nw_ws_options_add_subprotocol(options, "chat");
	nw_ws_options_set_maximum_message_size(options, 7);
	nw_ws_options_set_client_request_handler_f(options, queue, NULL, on_request, on_destroy);
	copy = bri_protocol_options_copy(options);
	nw_ws_options_add_subprotocol(options, "more");
	nw_release(options);
	assert_int_equal(destroyed, 0);
	assert_int_equal(body(copy)->protocols.n, 1);
	assert_string_equal(body(copy)->headers.items[0].value, "1");
	assert_string_equal(body(copy)->host, "h");
	assert_int_equal(body(copy)->maximum_message_size, 7);
	assert_ptr_equal(body(copy)->request_handler->queue, queue);
	nw_release(copy);
	assert_int_equal(destroyed, 1);
	dispatch_release(queue);
	assert_quiet();
}

static void handlers_are_destroyed_once(void **state)
{
	nw_protocol_options_t options = nw_ws_create_options(nw_ws_version_13);
	nw_protocol_metadata_t ping = nw_ws_create_metadata(nw_ws_opcode_ping);
	nw_protocol_metadata_t text = nw_ws_create_metadata(nw_ws_opcode_text);
	dispatch_queue_t queue = dispatch_queue_create("ws", NULL);

	(void)state;
	destroyed = 0;
	nw_ws_options_set_client_request_handler_f(options, queue, NULL, on_request, on_destroy);
	nw_ws_options_set_client_request_handler_f(options, queue, NULL, on_request, on_destroy);
	assert_int_equal(destroyed, 1);
	nw_ws_options_set_client_request_handler_f(options, queue, NULL, NULL, NULL);
	assert_int_equal(destroyed, 2);
	assert_null(body(options)->request_handler);
	assert_quiet();
	nw_ws_options_set_client_request_handler_f(options, NULL, NULL, on_request, on_destroy);
	assert_logged("dispatch_queue");
	assert_int_equal(destroyed, 3);
	nw_ws_options_set_client_request_handler_f(NULL, queue, NULL, on_request, on_destroy);
	assert_logged("NULL");
	assert_int_equal(destroyed, 4);
	nw_ws_metadata_set_pong_handler_f(ping, queue, NULL, on_pong, on_destroy);
	nw_ws_metadata_set_pong_handler_f(ping, queue, NULL, on_pong, on_destroy);
	assert_int_equal(destroyed, 5);
	nw_ws_metadata_set_pong_handler_f(text, queue, NULL, on_pong, on_destroy);
	assert_logged("ping");
	assert_int_equal(destroyed, 6);
	nw_ws_metadata_set_pong_handler_f(NULL, queue, NULL, on_pong, on_destroy);
	assert_logged("NULL");
	nw_ws_metadata_set_pong_handler_f(ping, NULL, NULL, on_pong, on_destroy);
	assert_logged("dispatch_queue");
	assert_int_equal(destroyed, 8);
	nw_release(ping);
	assert_int_equal(destroyed, 9);
	nw_release(text);
	nw_release(options);
	dispatch_release(queue);
}

static void metadata_of_messages(void **state)
{
	static const nw_ws_opcode_t opcodes[] = { nw_ws_opcode_cont, nw_ws_opcode_text,
		nw_ws_opcode_binary, nw_ws_opcode_close, nw_ws_opcode_ping, nw_ws_opcode_pong };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(opcodes); i++) {
		nw_protocol_metadata_t md = nw_ws_create_metadata(opcodes[i]);

		assert_true(nw_protocol_metadata_is_ws(md));
		assert_false(nw_protocol_metadata_is_tcp(md));
		assert_int_equal(nw_ws_metadata_get_opcode(md), opcodes[i]);
		assert_int_equal(nw_ws_metadata_get_close_code(md),
			opcodes[i] == nw_ws_opcode_close ? 1000 : 1005);
		assert_null(nw_ws_metadata_copy_server_response(md));
		nw_release(md);
	}
	assert_quiet();
	assert_null(nw_ws_create_metadata(nw_ws_opcode_invalid));
	assert_logged("opcode");
	assert_null(nw_ws_create_metadata((nw_ws_opcode_t)3));
	assert_logged("opcode");
	assert_null(nw_ws_create_metadata((nw_ws_opcode_t)11));
	assert_logged("opcode");
}

static void close_codes(void **state)
{
	static const unsigned good[] = { 1000, 1003, 1005, 1006, 1007, 1011, 1015, 3000, 4999 };
	static const unsigned bad[] = { 0, 999, 1004, 1016, 2999, 5000, 65536 + 1000 };
	nw_protocol_metadata_t md = nw_ws_create_metadata(nw_ws_opcode_close);

	(void)state;
	for (size_t i = 0; i < BRI_LEN(good); i++) {
		nw_ws_metadata_set_close_code(md, (nw_ws_close_code_t)good[i]);
		assert_int_equal(nw_ws_metadata_get_close_code(md), good[i]);
	}
	assert_quiet();
	for (size_t i = 0; i < BRI_LEN(bad); i++) {
		nw_ws_metadata_set_close_code(md, (nw_ws_close_code_t)bad[i]);
		assert_logged("close code");
		assert_int_equal(nw_ws_metadata_get_close_code(md), 4999);
	}
	nw_release(md);
}

static void responses(void **state)
{
	nw_ws_response_t response = nw_ws_response_create(nw_ws_response_status_accept, "chat");
	char text[200] = "";

	(void)state;
	assert_int_equal(nw_ws_response_get_status(response), nw_ws_response_status_accept);
	assert_string_equal(nw_ws_response_get_selected_subprotocol(response), "chat");
	assert_true(nw_ws_response_enumerate_additional_headers_f(response, text, collect));
	assert_string_equal(text, "");
	nw_ws_response_add_additional_header(response, "A", "1");
	nw_ws_response_add_additional_header(response, "B", "2");
	assert_true(nw_ws_response_enumerate_additional_headers_f(response, text, collect));
	assert_string_equal(text, "A=1;B=2;");
	text[0] = 0;
	assert_false(nw_ws_response_enumerate_additional_headers_f(response, text, stop));
	assert_string_equal(text, "A=1;");
	nw_release(response);
	response = nw_ws_response_create(nw_ws_response_status_reject, NULL);
	assert_int_equal(nw_ws_response_get_status(response), nw_ws_response_status_reject);
	assert_null(nw_ws_response_get_selected_subprotocol(response));
	nw_release(response);
	assert_int_equal(nw_ws_response_get_status(NULL), nw_ws_response_status_invalid);
	assert_quiet();
	assert_null(nw_ws_response_create(nw_ws_response_status_invalid, NULL));
	assert_logged("accepts or rejects");
	assert_null(nw_ws_response_create((nw_ws_response_status_t)3, NULL));
	assert_logged("accepts or rejects");
	assert_null(nw_ws_response_create(nw_ws_response_status_accept, ""));
	assert_logged("token");
	assert_null(nw_ws_response_create(nw_ws_response_status_accept, "a b"));
	assert_logged("token");
}

static void requests(void **state)
{
	static const char head_text[] =
		"GET / HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Protocol: a, b\r\nX: 1\r\n"
		"Sec-WebSocket-Protocol: c, no token\r\nUpgrade: websocket\r\n\r\n";
	struct bri_ws_head head;
	nw_ws_request_t request;
	char text[200] = "";
	size_t used;

	(void)state;
	bri_ws_head_init(&head);
	assert_int_equal(bri_ws_head_rx(&head, head_text, sizeof(head_text) - 1, &used), 0);
	request = bri_ws_objects_request(&head);
	bri_ws_head_fini(&head);
	assert_true(nw_ws_request_enumerate_subprotocols_f(request, text, collect_name));
	assert_string_equal(text, "a=;b=;c=;");
	text[0] = 0;
	assert_false(nw_ws_request_enumerate_subprotocols_f(request, text, stop_name));
	assert_string_equal(text, "a=;");
	text[0] = 0;
	assert_true(nw_ws_request_enumerate_additional_headers_f(request, text, collect));
	assert_string_equal(text, "Host=h;X=1;");
	text[0] = 0;
	assert_false(nw_ws_request_enumerate_additional_headers_f(request, text, stop));
	assert_string_equal(text, "Host=h;");
	assert_quiet();
	assert_false(nw_ws_request_enumerate_subprotocols_f(request, NULL, NULL));
	assert_logged("no block or function");
	assert_false(nw_ws_request_enumerate_additional_headers_f(request, NULL, NULL));
	assert_logged("no block or function");
	nw_release(request);
}

/* NULL, and objects of other kinds */
static void wrong_arguments(void **state)
{
	void *wrong[] = { NULL, nw_tcp_create_options(), bri_tcp_metadata_new(NULL, NULL) };
	dispatch_queue_t queue = dispatch_queue_create("ws", NULL);
	char text[200] = "";

	(void)state;
	for (size_t i = 0; i < BRI_LEN(wrong); i++) {
		nw_ws_options_add_additional_header(wrong[i], "A", "b");
		assert_logged("add_additional_header");
		nw_ws_options_add_subprotocol(wrong[i], "a");
		assert_logged("add_subprotocol");
		nw_ws_options_set_auto_reply_ping(wrong[i], true);
		assert_logged("auto_reply_ping");
		nw_ws_options_set_skip_handshake(wrong[i], true);
		assert_logged("skip_handshake");
		nw_ws_options_set_maximum_message_size(wrong[i], 1);
		assert_logged("maximum_message_size");
		nw_ws_options_set_client_request_handler_f(wrong[i], queue, NULL, on_request, NULL);
		assert_logged("client_request_handler");
		assert_int_equal(nw_ws_metadata_get_opcode(wrong[i]), nw_ws_opcode_invalid);
		assert_logged("get_opcode");
		assert_int_equal(nw_ws_metadata_get_close_code(wrong[i]),
			nw_ws_close_code_no_status_received);
		assert_logged("get_close_code");
		nw_ws_metadata_set_close_code(wrong[i], nw_ws_close_code_normal_closure);
		assert_logged("set_close_code");
		nw_ws_metadata_set_pong_handler_f(wrong[i], queue, NULL, on_pong, NULL);
		assert_logged("pong_handler");
		assert_null(nw_ws_metadata_copy_server_response(wrong[i]));
		assert_logged("copy_server_response");
		assert_false(nw_protocol_metadata_is_ws(wrong[i]));
		assert_false(nw_ws_request_enumerate_subprotocols_f(wrong[i], text, collect_name));
		assert_logged("nw_ws_request");
		assert_false(nw_ws_request_enumerate_additional_headers_f(wrong[i], text, collect));
		assert_logged("nw_ws_request");
		assert_false(
			nw_ws_response_enumerate_additional_headers_f(wrong[i], text, collect));
		assert_logged("nw_ws_response");
		assert_null(nw_ws_response_get_selected_subprotocol(wrong[i]));
		assert_logged("nw_ws_response");
		nw_ws_response_add_additional_header(wrong[i], "A", "b");
		assert_logged("nw_ws_response");
		if (wrong[i]) {
			assert_int_equal(
				nw_ws_response_get_status(wrong[i]), nw_ws_response_status_invalid);
			assert_logged("nw_ws_response");
		}
		nw_release(wrong[i]);
	}
	dispatch_release(queue);
	assert_quiet();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_definition_is_one),
		cmocka_unit_test(defaults),
		cmocka_unit_test(options_keep_what_they_are_given),
		cmocka_unit_test(headers_that_are_refused),
		cmocka_unit_test(headers_that_mean_something_else),
		cmocka_unit_test(copies_are_deep_and_share_the_handler),
		cmocka_unit_test(handlers_are_destroyed_once),
		cmocka_unit_test(metadata_of_messages),
		cmocka_unit_test(close_codes),
		cmocka_unit_test(responses),
		cmocka_unit_test(requests),
		cmocka_unit_test(wrong_arguments),
	};

	return cmocka_run_group_tests(tests, log_setup, NULL);
}
