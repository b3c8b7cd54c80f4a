/*
 * The WebSocket layer by itself, on a clock of the test's: what it sends and how, what it gives up,
 * limits, deadlines, and the ends of a connection that peers and programs bring about.
 */
#include "ws_util.h"

#include <errno.h>
#include <sys/mman.h>
#include "base/log.h"
#include "dispatch/data_impl.h"

static int log_lines;
static char log_last[256];

static void on_log(void *context, int level, const char *message)
{
	(void)context;
	(void)level;
	log_lines++;
	snprintf(log_last, sizeof(log_last), "%s", message);
}

static int setup(void **state)
{
	(void)state;
	log_lines = 0;
	bri_log_set_handler(BRI_LOG_ERROR, NULL, on_log);
	return 0;
}

static nw_protocol_options_t auto_reply(void)
{
	nw_protocol_options_t options = nw_ws_create_options(nw_ws_version_13);

	nw_ws_options_set_auto_reply_ping(options, true);
	return options;
}

static int feed_frame(struct ws_end *end, unsigned first, const void *payload, size_t size)
{
	uint8_t *bytes = malloc(size + 16);
	int r = ws_end_rx(end, bytes, ws_frame(bytes, end->is_server, first, payload, size), 0);

	free(bytes);
	return r;
}

static void expect_frame(struct ws_end *end, unsigned first, const void *payload, size_t size)
{
	struct bri_ws_frame frame;
	uint8_t *got;

	assert_true(ws_end_next_frame(end, &frame, &got));
	assert_int_equal((frame.fin ? WS_FIN : 0) | frame.opcode, first);
	assert_int_equal(frame.size, size);
	assert_memory_equal(got, payload, size);
	ws_end_drop_frame(end, &frame, got);
}

static void expect_nothing(struct ws_end *end)
{
	ws_end_collect(end);
	assert_int_equal(end->out_size, 0);
}

static void expect_message(
	struct ws_end *end, int opcode, unsigned code, const void *bytes, size_t size)
{
	struct ws_message m;

	assert_true(ws_end_next(end, &m));
	assert_int_equal(m.opcode, opcode);
	if (opcode == 8)
		assert_int_equal(m.code, code);
	assert_int_equal(m.size, size);
	assert_memory_equal(m.bytes ? m.bytes : (const uint8_t *)"", bytes, size);
	free(m.bytes);
}

static void expect_end(struct ws_end *end)
{
	struct ws_message m;

	assert_true(ws_end_next(end, &m));
	assert_int_equal(m.opcode, -1);
	assert_false(ws_end_next(end, &m));
}

/* --- sending --- */

static void all_sizes_arrive_whole(void **state)
{
	static const size_t sizes[] = { 0, 1, 125, 126, 1023, 1024, 1025, 65535, 65536, 262143,
		262144, 262145, 600000 };
	uint8_t *bytes = malloc(600000);

	(void)state;
	for (size_t i = 0; i < 600000; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 256);
	for (int is_server = 0; is_server < 2; is_server++) {
		struct ws_end from, to;

		ws_end_init_open(&from, is_server, NULL);
		ws_end_init_open(&to, !is_server, NULL);
		for (size_t i = 0; i < BRI_LEN(sizes); i++) {
			assert_int_equal(ws_end_put(&from, 2, bytes, sizes[i]), 0);
			ws_end_collect(&from);
			/* a server's large payload is not copied: header and payload are two pieces
			 */
			assert_int_equal(ws_end_rx(&to, from.out, from.out_size, 8192), 0);
			ws_end_drop(&from, from.out_size);
			expect_message(&to, 2, 0, bytes, sizes[i]);
		}
		ws_end_fini(&from);
		ws_end_fini(&to);
	}
	free(bytes);
}

static void a_servers_payload_is_not_copied(void **state)
{
	static uint8_t bytes[5000];
	struct bri_content in = { .complete = true }, down;
	struct dispatch_data_s *data = bri_data_new_copy(bytes, sizeof(bytes));
	struct ws_end end;

	(void)state;
	ws_end_init_open(&end, true, NULL);
	in.data = bri_object_retain(data);
	assert_int_equal(end.layer->cls->put(end.layer, &in, 0), 0);
	bri_content_clear(&in);
	assert_true(bri_contents_take(&end.layer->down, &down));
	assert_int_equal(bri_data_size(down.data), 4);
	bri_content_clear(&down);
	assert_true(bri_contents_take(&end.layer->down, &down));
	assert_ptr_equal(down.data, data);
	bri_content_clear(&down);
	bri_object_release(data);
	ws_end_fini(&end);
}

static void parts_are_fragments_and_others_wait(void **state)
{
	nw_content_context_t text = ws_context(1), other = ws_context(2), cont = ws_context(0);
	struct ws_end end;

	(void)state;
	ws_end_init_open(&end, true, NULL);
	assert_int_equal(ws_end_put_part(&end, text, "one", 3, false), 0);
	expect_frame(&end, 1, "one", 3);
	assert_int_equal(ws_end_put_part(&end, other, "x", 1, false), 0);
	assert_int_equal(ws_end_put_part(&end, other, "y", 1, true), 0);
	assert_int_equal(ws_end_put(&end, -1, "z", 1), 0);
	expect_nothing(&end);
	assert_int_equal(ws_end_put(&end, 9, "ping", 4), 0);
	expect_frame(&end, WS_FIN | 9, "ping", 4);
	assert_int_equal(ws_end_put_part(&end, text, "", 0, false), 0);
	expect_nothing(&end);
	assert_int_equal(ws_end_put_part(&end, cont, "two", 3, false), 0);
	expect_frame(&end, 0, "two", 3);
	assert_int_equal(ws_end_put_part(&end, text, NULL, 0, true), 0);
	expect_frame(&end, WS_FIN, "", 0);
	expect_frame(&end, 2, "x", 1);
	expect_frame(&end, WS_FIN, "y", 1);
	expect_frame(&end, WS_FIN | 2, "z", 1);
	expect_nothing(&end);
	assert_int_equal(log_lines, 0);
	assert_int_equal(ws_end_put_part(&end, cont, "three", 5, true), 0);
	expect_nothing(&end);
	assert_int_equal(log_lines, 1);
	nw_release(text);
	nw_release(other);
	nw_release(cont);
	ws_end_fini(&end);
}

static void a_message_that_never_ends_is_freed(void **state)
{
	nw_content_context_t text = ws_context(1);
	struct ws_end end;

	(void)state;
	ws_end_init_open(&end, true, NULL);
	ws_end_put_part(&end, text, "one", 3, false);
	ws_end_put(&end, 2, "held", 4);
	feed_frame(&end, 1, "part", 4);
	feed_frame(&end, WS_FIN | 9, "ping", 4);
	nw_release(text);
	ws_end_fini(&end);
}

static void texts_to_send_are_utf8(void **state)
{
	nw_content_context_t text = ws_context(1);
	struct ws_end end;

	(void)state;
	ws_end_init_open(&end, true, NULL);
	assert_int_equal(ws_end_put(&end, 1, "\xff", 1), 0);
	assert_int_equal(log_lines, 1);
	expect_nothing(&end);
	/* cut off at its end */
	assert_int_equal(ws_end_put(&end, 1, "a\xc3", 2), 0);
	assert_int_equal(log_lines, 2);
	/* a bad first part: the rest of it is left out, too */
	assert_int_equal(ws_end_put_part(&end, text, "\xff", 1, false), 0);
	assert_int_equal(ws_end_put_part(&end, text, "good", 4, true), 0);
	assert_int_equal(log_lines, 3);
	expect_nothing(&end);
	/* a character across parts is fine */
	assert_int_equal(ws_end_put_part(&end, text, "\xc3", 1, false), 0);
	assert_int_equal(ws_end_put_part(&end, text, "\xa4", 1, true), 0);
	expect_frame(&end, 1, "\xc3", 1);
	expect_frame(&end, WS_FIN, "\xa4", 1);
	/* what is gone cannot be taken back */
	assert_int_equal(ws_end_put_part(&end, text, "good", 4, false), 0);
	expect_frame(&end, 1, "good", 4);
	assert_int_equal(ws_end_put_part(&end, text, "\xff", 1, true), 0);
	expect_frame(&end, WS_FIN | 8, "\x03\xef", 2);
	assert_int_equal(ws_end_put(&end, 1, "more", 4), 0);
	expect_nothing(&end);
	nw_release(text);
	ws_end_fini(&end);
}

static void control_frames_at_their_limit(void **state)
{
	uint8_t bytes[126];
	struct ws_end end;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	ws_end_init_open(&end, true, NULL);
	ws_end_put(&end, 9, bytes, 125);
	expect_frame(&end, WS_FIN | 9, bytes, 125);
	ws_end_put(&end, 10, bytes, 125);
	expect_frame(&end, WS_FIN | 10, bytes, 125);
	assert_int_equal(log_lines, 0);
	ws_end_put(&end, 9, bytes, 126);
	ws_end_put(&end, 10, bytes, 126);
	assert_int_equal(log_lines, 2);
	expect_nothing(&end);
	/* a reason that is too long is left out; the close is not */
	ws_end_put(&end, 8, bytes, 124);
	expect_frame(&end, WS_FIN | 8, "\x03\xe8", 2);
	assert_int_equal(log_lines, 3);
	ws_end_fini(&end);
}

static void closes_have_codes_and_reasons(void **state)
{
	static const struct {
		unsigned code;
		const char *wire;
		size_t size;
	} cases[] = {
		{ 0, "\x03\xe8why", 5 },
		{ 1001, "\x03\xe9why", 5 },
		{ 4999, "\x13\x87why", 5 },
		{ 1005, "", 0 },
		{ 1006, "", 0 },
		{ 1015, "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		nw_content_context_t context = ws_context(8);
		nw_protocol_metadata_t md =
			nw_content_context_copy_protocol_metadata(context, &bri_protocol_ws);
		struct ws_end end;

		ws_end_init_open(&end, true, NULL);
		if (cases[i].code)
			nw_ws_metadata_set_close_code(md, (nw_ws_close_code_t)cases[i].code);
		ws_end_put_part(&end, context, "why", 3, true);
		expect_frame(&end, WS_FIN | 8, cases[i].wire, cases[i].size);
		nw_release(md);
		nw_release(context);
		ws_end_fini(&end);
	}
}

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

static void nothing(void *context)
{
	(void)context;
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
	end.layer->cls->lost(end.layer, (struct bri_race_error) { BRI_RACE_POSIX, ETIMEDOUT });
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

/* --- the opening handshake --- */

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
		cmocka_unit_test_setup(all_sizes_arrive_whole, setup),
		cmocka_unit_test_setup(a_servers_payload_is_not_copied, setup),
		cmocka_unit_test_setup(parts_are_fragments_and_others_wait, setup),
		cmocka_unit_test_setup(a_message_that_never_ends_is_freed, setup),
		cmocka_unit_test_setup(texts_to_send_are_utf8, setup),
		cmocka_unit_test_setup(control_frames_at_their_limit, setup),
		cmocka_unit_test_setup(closes_have_codes_and_reasons, setup),
		cmocka_unit_test_setup(a_server_ends_tcp_a_client_waits, setup),
		cmocka_unit_test_setup(a_peer_that_does_not_close, setup),
		cmocka_unit_test_setup(both_close_at_once, setup),
		cmocka_unit_test_setup(an_end_without_a_close_frame, setup),
		cmocka_unit_test_setup(cancel_says_going_away_once, setup),
		cmocka_unit_test_setup(the_end_of_output_is_a_close, setup),
		cmocka_unit_test_setup(a_limit_is_told_before_the_payload_comes, setup),
		cmocka_unit_test_setup(pings_inside_of_a_message, setup),
		cmocka_unit_test_setup(a_flood_of_pings_does_not_fill_memory, setup),
		cmocka_unit_test_setup(pongs_answer_in_order, setup),
		cmocka_unit_test_setup(unmasking_in_place_and_not, setup),
		cmocka_unit_test_setup(what_may_be_written_to, setup),
		cmocka_unit_test_setup(the_split_test, setup),
		cmocka_unit_test_setup(many_small_fragments_are_few_pieces, setup),
		cmocka_unit_test_setup(pieces_are_large, setup),
		cmocka_unit_test_setup(a_slow_opening, setup),
		cmocka_unit_test_setup(two_layers_open, setup),
		cmocka_unit_test_setup(hosts_and_targets, setup),
		cmocka_unit_test_setup(too_large_a_head_is_431, setup),
		cmocka_unit_test_setup(early_frames_wait_for_the_answer, setup),
		cmocka_unit_test_setup(too_many_early_frames, setup),
		cmocka_unit_test_setup(no_answer_is_no, setup),
		cmocka_unit_test_setup(an_answer_that_finds_nobody, setup),
		cmocka_unit_test_setup(not_over_udp, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
