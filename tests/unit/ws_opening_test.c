/* The WebSocket layer by itself: the opening handshake, its limits and its questions. */
#include "ws_layer_util.h"

#include <errno.h>

static void a_slow_opening(void **state)
{
	struct ws_end end;

	(void)state;
	for (int is_server = 0; is_server < 2; is_server++) {
		ws_end_init(&end, is_server, NULL);
		assert_int_equal(
			end.layer->cls->deadline_ns(end.layer), end.now_ns + BRI_WS_OPEN_NS);
		ws_end_rx(&end, is_server ? "GET " : "HTTP", 4, 1);
		assert_int_equal(
			end.layer->cls->expire(end.layer, end.now_ns + BRI_WS_OPEN_NS - 1), 0);
		assert_int_equal(
			end.layer->cls->expire(end.layer, end.now_ns + BRI_WS_OPEN_NS), -ETIMEDOUT);
		ws_end_fini(&end);
		ws_end_init(&end, is_server, NULL);
		assert_int_equal(ws_end_rx_end(&end), -ECONNRESET);
		ws_end_fini(&end);
	}
}

/* the request of one is the other's; all at once, and byte by byte */
static void two_layers_open(void **state)
{
	(void)state;
	for (size_t chunk = 0; chunk < 40; chunk++) {
		struct ws_end client, server;

		ws_end_init(&client, false, NULL);
		ws_end_init(&server, true, NULL);
		assert_false(client.layer->ready || server.layer->ready);
		ws_end_collect(&client);
		assert_int_equal(ws_end_rx(&server, client.out, client.out_size, chunk), 0);
		assert_true(server.layer->ready);
		ws_end_put(&server, 1, "at once", 7);
		ws_end_collect(&server);
		assert_int_equal(ws_end_rx(&client, server.out, server.out_size, chunk), 0);
		assert_true(client.layer->ready);
		expect_message(&client, 1, 0, "at once", 7);
		assert_int_equal(client.layer->cls->deadline_ns(client.layer), BRI_NEVER);
		ws_end_fini(&client);
		ws_end_fini(&server);
	}
}

static void hosts_and_targets(void **state)
{
	static const struct {
		const char *url, *host, *line;
	} cases[] = {
		{ "ws://example.org", "example.org", "GET / HTTP/1.1\r\nHost: example.org\r\n" },
		{ "ws://example.org:80/a", "example.org",
			"GET /a HTTP/1.1\r\nHost: example.org\r\n" },
		{ "wss://example.org/a?b=c", "example.org",
			"GET /a?b=c HTTP/1.1\r\nHost: example.org\r\n" },
		{ "wss://example.org:80?q", "example.org",
			"GET /?q HTTP/1.1\r\nHost: example.org:80\r\n" },
		{ "ws://[::1]:8080/", "::1", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n" },
		{ "ws://[fe80::1%25lo]/", "fe80::1%lo", "GET / HTTP/1.1\r\nHost: [fe80::1]\r\n" },
	};
	nw_protocol_options_t options;
	struct ws_end end;

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		ws_end_init_url(&end, NULL, cases[i].url, cases[i].host);
		ws_end_collect(&end);
		assert_memory_equal(end.out, cases[i].line, strlen(cases[i].line));
		ws_end_fini(&end);
	}
	ws_end_init(&end, false, NULL);
	ws_end_collect(&end);
	assert_memory_equal(end.out, "GET / HTTP/1.1\r\nHost: example.org:8080\r\n", 40);
	ws_end_fini(&end);
	options = nw_ws_create_options(nw_ws_version_13);
	nw_ws_options_add_additional_header(options, "host", "other");
	nw_ws_options_add_additional_header(options, "sec-websocket-protocol", "a, b");
	nw_ws_options_add_subprotocol(options, "b");
	ws_end_init(&end, false, options);
	ws_end_collect(&end);
	end.out[end.out_size - 1] = 0;
	assert_non_null(strstr((char *)end.out, "\r\nHost: other\r\n"));
	assert_non_null(strstr((char *)end.out, "\r\nSec-WebSocket-Protocol: a, b\r\n"));
	ws_end_fini(&end);
}

static void too_large_a_head_is_431(void **state)
{
	char line[1000];
	struct ws_end end;
	int r = 0;

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "A: ", 3);
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	ws_end_init(&end, true, NULL);
	ws_end_rx(&end, "GET / HTTP/1.1\r\n", 16, 0);
	for (int i = 0; !r && i < 20; i++)
		r = ws_end_rx(&end, line, sizeof(line), 0);
	assert_true(r < 0);
	ws_end_collect(&end);
	assert_memory_equal(end.out, "HTTP/1.1 431 ", 13);
	assert_true(end.out_ended);
	ws_end_fini(&end);
}

#define REQUEST                                                                                    \
	"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"               \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

static nw_ws_response_t give(void *context, nw_ws_request_t request)
{
	(void)request;
	return *(nw_ws_response_t *)context ? nw_retain(*(nw_ws_response_t *)context) : NULL;
}

static void answer_of(struct ws_end *end, void *response, dispatch_queue_t *ret_other)
{
	nw_protocol_options_t options = nw_ws_create_options(nw_ws_version_13);
	dispatch_queue_t other = dispatch_queue_create("other", NULL);

	dispatch_suspend(other);
	nw_ws_options_set_client_request_handler_f(options, other, response, give, NULL);
	ws_end_init(end, true, options);
	assert_int_equal(ws_end_rx(end, REQUEST, sizeof(REQUEST) - 1, 0), 0);
	assert_int_equal(end->layer->cls->deadline_ns(end->layer), BRI_NEVER);
	expect_nothing(end);
	*ret_other = other;
}

static void let_answer(struct ws_end *end, dispatch_queue_t other)
{
	dispatch_resume(other);
	dispatch_sync_f(other, NULL, nothing);
	dispatch_sync_f(end->queue, NULL, nothing);
	dispatch_release(other);
}

static void early_frames_wait_for_the_answer(void **state)
{
	nw_ws_response_t response = nw_ws_response_create(nw_ws_response_status_accept, NULL);
	uint8_t frame[32];
	dispatch_queue_t other;
	struct ws_end end;
	size_t n = ws_frame(frame, true, WS_FIN | 1, "early", 5);

	(void)state;
	answer_of(&end, &response, &other);
	ws_end_rx(&end, frame, n, 1);
	let_answer(&end, other);
	assert_true(end.layer->ready);
	expect_message(&end, 1, 0, "early", 5);
	ws_end_collect(&end);
	assert_memory_equal(end.out, "HTTP/1.1 101 ", 13);
	ws_end_fini(&end);
	nw_release(response);
}

static void too_many_early_frames(void **state)
{
	static uint8_t bytes[BRI_WS_EARLY_MAX + 1];
	nw_ws_response_t response = NULL;
	dispatch_queue_t other;
	struct ws_end end;

	(void)state;
	answer_of(&end, &response, &other);
	assert_int_equal(ws_end_rx(&end, bytes, BRI_WS_EARLY_MAX, 0), 0);
	assert_int_equal(ws_end_rx(&end, bytes, 1, 0), -EPROTO);
	let_answer(&end, other);
	ws_end_fini(&end);
}

static void no_answer_is_no(void **state)
{
	nw_ws_response_t response = NULL;
	void *wrong = nw_ws_create_options(nw_ws_version_13);
	dispatch_queue_t other;
	struct ws_end end;

	(void)state;
	answer_of(&end, &response, &other);
	let_answer(&end, other);
	assert_int_equal(end.chain->error.code, ECONNABORTED);
	ws_end_collect(&end);
	assert_memory_equal(end.out, "HTTP/1.1 400 ", 13);
	ws_end_fini(&end);
	answer_of(&end, &wrong, &other);
	let_answer(&end, other);
	assert_int_equal(end.chain->error.code, ECONNABORTED);
	assert_int_equal(log_lines, 1);
	ws_end_fini(&end);
	nw_release(wrong);
}

/* the connection goes while its question is open */
static void an_answer_that_finds_nobody(void **state)
{
	nw_ws_response_t response = nw_ws_response_create(nw_ws_response_status_accept, NULL);
	dispatch_queue_t other;
	struct ws_end end;

	(void)state;
	answer_of(&end, &response, &other);
	ws_end_fini(&end);
	dispatch_resume(other);
	dispatch_sync_f(other, NULL, nothing);
	dispatch_release(other);
	nw_release(response);
}

static void not_over_udp(void **state)
{
	struct bri_layer_env env = { .is_datagram = true, .host = "" };
	nw_protocol_options_t options = nw_ws_create_options(nw_ws_version_13);

	(void)state;
	assert_null(bri_ws_layer_new(options, &env));
	assert_int_equal(log_lines, 1);
	nw_release(options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_slow_opening, log_setup),
		cmocka_unit_test_setup(two_layers_open, log_setup),
		cmocka_unit_test_setup(hosts_and_targets, log_setup),
		cmocka_unit_test_setup(too_large_a_head_is_431, log_setup),
		cmocka_unit_test_setup(early_frames_wait_for_the_answer, log_setup),
		cmocka_unit_test_setup(too_many_early_frames, log_setup),
		cmocka_unit_test_setup(no_answer_is_no, log_setup),
		cmocka_unit_test_setup(an_answer_that_finds_nobody, log_setup),
		cmocka_unit_test_setup(not_over_udp, log_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
