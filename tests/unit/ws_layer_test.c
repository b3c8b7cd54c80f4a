/*
 * The WebSocket layer by itself, on a clock of the test's: what it gives up, limits, deadlines, and
 * the ends of a connection that peers and programs bring about.
 */
#include "ws_layer_util.h"

#include <errno.h>
#include <sys/mman.h>
#include "dispatch/data_impl.h"

/* --- the ends --- */

static void a_server_ends_tcp_a_client_waits(void **state)
{
	struct ws_end end;

	(void)state;
	ws_end_init_open(&end, true, NULL);
	feed_frame(&end, WS_FIN | 8, "\x0f\xa1why", 5);
	expect_message(&end, 8, 4001, "why", 3);
	expect_end(&end);
	expect_frame(&end, WS_FIN | 8, "\x0f\xa1", 2);
	assert_true(end.out_ended);
	assert_int_equal(ws_end_rx_end(&end), 0);
	ws_end_fini(&end);

	ws_end_init_open(&end, false, NULL);
	feed_frame(&end, WS_FIN | 8, "", 0);
	expect_message(&end, 8, 1005, "", 0);
	expect_end(&end);
	expect_frame(&end, WS_FIN | 8, "", 0);
	assert_false(end.out_ended);
	assert_int_equal(ws_end_rx_end(&end), 0);
	ws_end_collect(&end);
	assert_true(end.out_ended);
	assert_int_equal(end.layer->cls->deadline_ns(end.layer), BRI_NEVER);
	ws_end_fini(&end);
}

/* one nanosecond before, and on the deadline */
static void a_peer_that_does_not_close(void **state)
{
	struct ws_end end;
	struct ws_message m;

	(void)state;
	for (int is_server = 0; is_server < 2; is_server++) {
		ws_end_init_open(&end, is_server, NULL);
		assert_int_equal(end.layer->cls->deadline_ns(end.layer), BRI_NEVER);
		ws_end_put(&end, 8, "", 0);
		expect_frame(&end, WS_FIN | 8, "\x03\xe8", 2);
		/* what still comes is received */
		feed_frame(&end, WS_FIN | 1, "late", 4);
		expect_message(&end, 1, 0, "late", 4);
		assert_int_equal(
			end.layer->cls->deadline_ns(end.layer), end.now_ns + BRI_WS_CLOSE_NS);
		assert_int_equal(
			end.layer->cls->expire(end.layer, end.now_ns + BRI_WS_CLOSE_NS - 1), 0);
		assert_false(ws_end_next(&end, &m));
		assert_int_equal(
			end.layer->cls->expire(end.layer, end.now_ns + BRI_WS_CLOSE_NS), 0);
		expect_end(&end);
		ws_end_collect(&end);
		assert_true(end.out_ended);
		assert_int_equal(end.layer->cls->deadline_ns(end.layer), BRI_NEVER);
		ws_end_fini(&end);
	}
}

static void both_close_at_once(void **state)
{
	struct ws_end end;

	(void)state;
	ws_end_init_open(&end, false, NULL);
	ws_end_put(&end, 8, "", 0);
	expect_frame(&end, WS_FIN | 8, "\x03\xe8", 2);
	feed_frame(&end, WS_FIN | 8, "\x03\xe9", 2);
	expect_message(&end, 8, 1001, "", 0);
	expect_end(&end);
	expect_nothing(&end); /* one close frame is enough */
	assert_int_equal(ws_end_rx_end(&end), 0);
	ws_end_fini(&end);
}

static void an_end_without_a_close_frame(void **state)
{
	struct ws_end end;

	(void)state;
	ws_end_init_open(&end, true, NULL);
	assert_int_equal(ws_end_rx_end(&end), -ECONNRESET);
	ws_end_fini(&end);
	/* after ours, it is an answer of a kind */
	ws_end_init_open(&end, true, NULL);
	ws_end_put(&end, 8, "", 0);
	assert_int_equal(ws_end_rx_end(&end), 0);
	expect_end(&end);
	ws_end_fini(&end);
}

static void cancel_says_going_away_once(void **state)
{
	struct ws_end end;

	(void)state;
	ws_end_init_open(&end, true, NULL);
	end.layer->cls->close(end.layer, end.now_ns);
	expect_frame(&end, WS_FIN | 8, "\x03\xe9", 2);
	end.layer->cls->close(end.layer, end.now_ns);
	expect_nothing(&end);
	ws_end_fini(&end);
}

static void the_end_of_output_is_a_close(void **state)
{
	nw_content_context_t context = ws_context(1);
	struct ws_end end;

	(void)state;
	nw_content_context_set_is_final(context, true);
	ws_end_init_open(&end, true, NULL);
	ws_end_put_part(&end, context, "last", 4, true);
	expect_frame(&end, WS_FIN | 1, "last", 4);
	expect_frame(&end, WS_FIN | 8, "\x03\xe8", 2);
	ws_end_fini(&end);
	ws_end_init_open(&end, true, NULL);
	ws_end_put_part(&end, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, NULL, 0, true);
	expect_frame(&end, WS_FIN | 8, "\x03\xe8", 2);
	ws_end_fini(&end);
	nw_release(context);
}

static void a_limit_is_told_before_the_payload_comes(void **state)
{
	nw_protocol_options_t options = nw_ws_create_options(nw_ws_version_13);
	uint8_t header[] = { 0x82, 101 };
	struct ws_end end;

	(void)state;
	nw_ws_options_set_maximum_message_size(options, 100);
	ws_end_init_open(&end, false, options);
	assert_true(ws_end_rx(&end, header, 2, 0) < 0);
	expect_frame(&end, WS_FIN | 8, "\x03\xf1", 2);
	assert_int_equal(end.chain->error.code, EMSGSIZE);
	ws_end_fini(&end);
}

/* --- pings --- */

static nw_protocol_options_t auto_reply(void)
{
	nw_protocol_options_t options = nw_ws_create_options(nw_ws_version_13);

	nw_ws_options_set_auto_reply_ping(options, true);
	return options;
}

static void pings_inside_of_a_message(void **state)
{
	char payload[8];
	struct ws_end end;

	(void)state;
	ws_end_init_open(&end, true, auto_reply());
	feed_frame(&end, 1, "one ", 4);
	for (int i = 0; i < BRI_WS_WAITING_MAX + 3; i++) {
		snprintf(payload, sizeof(payload), "%03d", i);
		feed_frame(&end, WS_FIN | 9, payload, 3);
		expect_frame(&end, WS_FIN | 10, payload, 3); /* all are answered, at once */
	}
	feed_frame(&end, WS_FIN, "two", 3);
	expect_message(&end, 1, 0, "one two", 7);
	for (int i = 3; i < BRI_WS_WAITING_MAX + 3; i++) {
		snprintf(payload, sizeof(payload), "%03d", i);
		expect_message(&end, 9, 0, payload, 3);
	}
	ws_end_fini(&end);
}

static void a_flood_of_pings_does_not_fill_memory(void **state)
{
	uint8_t frame[64], last[2] = { 0x12, 0x34 };
	struct ws_end end;
	size_t n, most;

	(void)state;
	ws_end_init_open(&end, true, auto_reply());
	n = ws_frame(frame, true, WS_FIN | 9, "0123456789", 10);
	for (int i = 0; i < 50000; i++) {
		assert_int_equal(ws_end_rx(&end, frame, n, 0), 0);
		bri_contents_clear(&end.layer->up);
	}
	most = end.layer->down.bytes;
	assert_true(most <= BRI_WS_PONG_ROOM + BRI_WS_CONTROL_FRAME_MAX);
	n = ws_frame(frame, true, WS_FIN | 9, last, 2);
	assert_int_equal(ws_end_rx(&end, frame, n, 0), 0);
	assert_int_equal(end.layer->down.bytes, most);
	/* there is room again: the latest is answered */
	ws_end_collect(&end);
	ws_end_drop(&end, end.out_size);
	ws_end_put(&end, 2, "", 0);
	expect_frame(&end, WS_FIN | 10, last, 2);
	expect_frame(&end, WS_FIN | 2, "", 0);
	ws_end_fini(&end);
}

struct pongs {
	char order[16];
	int errors, destroyed;
};

static void note_pong(void *context, nw_error_t error)
{
	struct pongs *pongs = context;
	size_t n = strlen(pongs->order);

	pongs->order[n] = error ? 'e' : 'p';
	pongs->errors = error ? nw_error_get_error_code(error) : pongs->errors;
}

static void note_destroyed(void *context)
{
	((struct pongs *)context)->destroyed++;
}

static void ping_with_handler(struct ws_end *end, struct pongs *pongs, const char *payload)
{
	nw_content_context_t context = ws_context(9);
	nw_protocol_metadata_t md =
		nw_content_context_copy_protocol_metadata(context, &bri_protocol_ws);

	nw_ws_metadata_set_pong_handler_f(md, end->queue, pongs, note_pong, note_destroyed);
	ws_end_put_part(end, context, payload, strlen(payload), true);
	nw_release(md);
	nw_release(context);
}

static void pongs_answer_in_order(void **state)
{
	struct pongs pongs = { .errors = 0 };
	struct ws_end end;

	(void)state;
	ws_end_init_open(&end, true, NULL);
	ping_with_handler(&end, &pongs, "a");
	ping_with_handler(&end, &pongs, "b");
	ping_with_handler(&end, &pongs, "c");
	feed_frame(&end, WS_FIN | 10, "x", 1);
	expect_message(&end, 10, 0, "x", 1);
	feed_frame(&end, WS_FIN | 10, "b", 1); /* and with it the first */
	dispatch_sync_f(end.queue, NULL, nothing);
	assert_string_equal(pongs.order, "pp");
	assert_int_equal(pongs.destroyed, 2);
	end.layer->cls->lost(end.layer, bri_race_posix(ETIMEDOUT));
	dispatch_sync_f(end.queue, NULL, nothing);
	assert_string_equal(pongs.order, "ppe");
	assert_int_equal(pongs.errors, ETIMEDOUT);
	/* after a close frame there is nothing to wait for */
	ping_with_handler(&end, &pongs, "d");
	feed_frame(&end, WS_FIN | 8, "", 0);
	ping_with_handler(&end, &pongs, "e");
	dispatch_sync_f(end.queue, NULL, nothing);
	assert_string_equal(pongs.order, "ppeee");
	assert_int_equal(pongs.destroyed, 5);
	ws_end_fini(&end);
}

/* --- receiving --- */

/* the payload is where it was received, and shared data is left as it is */
static void unmasking_in_place_and_not(void **state)
{
	static uint8_t payload[3000];
	uint8_t *frame = malloc(4000);
	struct dispatch_data_s *data;
	struct bri_content in = { 0 }, up;
	struct iovec before, after;
	struct ws_end end;
	size_t n, size;

	(void)state;
	for (int shared = 0; shared < 2; shared++) {
		ws_end_init_open(&end, true, NULL);
		size = ws_frame(frame, true, WS_FIN | 2, payload, sizeof(payload));
		data = bri_data_new_copy(frame, size);
		bri_data_iov(data, 0, &before, 1, &n);
		in.data = data;
		if (shared)
			bri_object_retain(data);
		assert_int_equal(end.layer->cls->rx(end.layer, &in, 0), 0);
		assert_true(bri_contents_take(&end.layer->up, &up));
		bri_data_iov(up.data, 0, &after, 1, &n);
		assert_int_equal(n, sizeof(payload));
		assert_memory_equal(after.iov_base, payload, n);
		if (shared)
			assert_memory_equal(before.iov_base, frame, size);
		else
			assert_ptr_equal(after.iov_base, (uint8_t *)before.iov_base + size - n);
		bri_content_clear(&up);
		if (shared)
			bri_object_release(data);
		ws_end_fini(&end);
	}
	free(frame);
}

static void what_may_be_written_to(void **state)
{
	struct dispatch_data_s *a, *b, *rope, *got;
	void *page;

	(void)state;
	assert_null(bri_data_take_writable(NULL));
	assert_ptr_equal(bri_data_take_writable(dispatch_data_empty), dispatch_data_empty);
	a = bri_data_new_copy("abc", 3);
	assert_ptr_equal(bri_data_take_writable(a), a);
	/* a rope of leaves that only it has */
	b = bri_data_new_copy("def", 3);
	rope = bri_data_concat(a, b);
	bri_object_release(a);
	bri_object_release(b);
	assert_ptr_equal(bri_data_take_writable(rope), rope);
	/* a leaf twice */
	got = bri_data_concat(rope, rope);
	bri_object_release(rope);
	rope = bri_data_take_writable(got);
	assert_ptr_not_equal(rope, got);
	assert_int_equal(bri_data_size(rope), 12);
	bri_object_release(rope);
	/* memory of the program's */
	a = dispatch_data_create_f("static", 6, NULL, nothing);
	got = bri_data_take_writable(a);
	assert_ptr_not_equal(got, a);
	bri_object_release(got);
	page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	a = bri_data_new_unmapped(page, 4096);
	got = bri_data_take_writable(a);
	assert_ptr_not_equal(got, a);
	bri_object_release(got);
	a = bri_data_new_freed(strdup("heap"), 4);
	assert_ptr_equal(bri_data_take_writable(a), a);
	bri_object_release(a);
}

/* however the bytes come, the messages are the same */
static void the_split_test(void **state)
{
	uint8_t wire[4096], filler[200], all[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	struct ws_end end;
	size_t size;

	(void)state;
	memset(filler, 0x81, sizeof(filler));
	for (int is_server = 0; is_server < 2; is_server++) {
		size = ws_frame(wire, is_server, WS_FIN | 1, all, 36);
		size += ws_frame(wire + size, is_server, 2, filler, sizeof(filler));
		size += ws_frame(wire + size, is_server, WS_FIN | 9, "ping", 4);
		size += ws_frame(wire + size, is_server, 0, "", 0);
		size += ws_frame(wire + size, is_server, WS_FIN, all, 10);
		size += ws_frame(wire + size, is_server, WS_FIN | 1, "", 0);
		size += ws_frame(wire + size, is_server, WS_FIN | 8,
			"\x03\xe8"
			"bye",
			5);
		for (size_t chunk = 1; chunk <= size; chunk++) {
			struct ws_message m;

			ws_end_init_open(&end, is_server, auto_reply());
			assert_int_equal(ws_end_rx(&end, wire, size, chunk), 0);
			expect_message(&end, 1, 0, all, 36);
			assert_true(ws_end_next(&end, &m));
			assert_int_equal(m.opcode, 2);
			assert_int_equal(m.size, 210);
			assert_memory_equal(m.bytes, filler, 200);
			assert_memory_equal(m.bytes + 200, all, 10);
			free(m.bytes);
			expect_message(&end, 9, 0, "ping", 4);
			expect_message(&end, 1, 0, "", 0);
			expect_message(&end, 8, 1000, "bye", 3);
			expect_end(&end);
			expect_frame(&end, WS_FIN | 10, "ping", 4);
			expect_frame(&end, WS_FIN | 8, "\x03\xe8", 2);
			ws_end_fini(&end);
		}
	}
}

static void many_small_fragments_are_few_pieces(void **state)
{
	uint8_t *wire = malloc(70000), *at = wire;
	struct bri_content up;
	struct ws_end end;
	unsigned pieces = 0;
	size_t bytes = 0;

	(void)state;
	at += ws_frame(at, true, 2, "x", 1);
	for (int i = 0; i < 9000; i++)
		at += ws_frame(at, true, i < 8999 ? 0 : WS_FIN, "x", 1);
	ws_end_init_open(&end, true, NULL);
	assert_int_equal(ws_end_rx(&end, wire, (size_t)(at - wire), 0), 0);
	while (bri_contents_take(&end.layer->up, &up)) {
		pieces++;
		bytes += bri_data_size(up.data);
		bri_content_clear(&up);
	}
	assert_int_equal(pieces, 1);
	assert_int_equal(bytes, 9001);
	ws_end_fini(&end);
	free(wire);
}

/* a large message goes up before it is complete; a small one that is cut off is not seen at all */
static void pieces_are_large(void **state)
{
	static uint8_t bytes[BRI_WS_PIECE_MIN];
	struct bri_content up;
	struct ws_end end;

	(void)state;
	ws_end_init_open(&end, true, NULL);
	feed_frame(&end, 2, bytes, BRI_WS_PIECE_MIN - 1);
	assert_false(bri_contents_take(&end.layer->up, &up));
	feed_frame(&end, 0, bytes, 1);
	assert_true(bri_contents_take(&end.layer->up, &up));
	assert_int_equal(bri_data_size(up.data), BRI_WS_PIECE_MIN);
	assert_false(up.complete);
	bri_content_clear(&up);
	feed_frame(&end, WS_FIN, bytes, 1);
	assert_true(bri_contents_take(&end.layer->up, &up));
	assert_true(up.complete);
	bri_content_clear(&up);
	feed_frame(&end, 1, "cut", 3);
	feed_frame(&end, WS_FIN | 8, "\x03\xe8", 2);
	expect_message(&end, 8, 1000, "", 0);
	expect_end(&end);
	ws_end_fini(&end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_server_ends_tcp_a_client_waits, log_setup),
		cmocka_unit_test_setup(a_peer_that_does_not_close, log_setup),
		cmocka_unit_test_setup(both_close_at_once, log_setup),
		cmocka_unit_test_setup(an_end_without_a_close_frame, log_setup),
		cmocka_unit_test_setup(cancel_says_going_away_once, log_setup),
		cmocka_unit_test_setup(the_end_of_output_is_a_close, log_setup),
		cmocka_unit_test_setup(a_limit_is_told_before_the_payload_comes, log_setup),
		cmocka_unit_test_setup(pings_inside_of_a_message, log_setup),
		cmocka_unit_test_setup(a_flood_of_pings_does_not_fill_memory, log_setup),
		cmocka_unit_test_setup(pongs_answer_in_order, log_setup),
		cmocka_unit_test_setup(unmasking_in_place_and_not, log_setup),
		cmocka_unit_test_setup(what_may_be_written_to, log_setup),
		cmocka_unit_test_setup(the_split_test, log_setup),
		cmocka_unit_test_setup(many_small_fragments_are_few_pieces, log_setup),
		cmocka_unit_test_setup(pieces_are_large, log_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
