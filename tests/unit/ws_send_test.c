/* The WebSocket layer by itself: what it sends and how. */
#include "ws_layer_util.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(all_sizes_arrive_whole, log_setup),
		cmocka_unit_test_setup(a_servers_payload_is_not_copied, log_setup),
		cmocka_unit_test_setup(parts_are_fragments_and_others_wait, log_setup),
		cmocka_unit_test_setup(a_message_that_never_ends_is_freed, log_setup),
		cmocka_unit_test_setup(texts_to_send_are_utf8, log_setup),
		cmocka_unit_test_setup(control_frames_at_their_limit, log_setup),
		cmocka_unit_test_setup(closes_have_codes_and_reasons, log_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
