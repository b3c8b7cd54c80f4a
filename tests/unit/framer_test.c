/* Framers between bytes and messages, on a bench: every cut of the input, nesting, what may stand
 * above and below, and lengths that lie. */
#include "framer_util.h"

#include <errno.h>

static const char *const way_names[WAYS] = { "no copy", "copy", "temp", "pieces" };

/* --- input --- */

#define FRAMES                                                                                     \
	"A\0\5hello"                                                                               \
	"B\0\0"                                                                                    \
	"C\0\5world"
#define FRAMES_SIZE (sizeof(FRAMES) - 1)

static void frames_become_messages(void **state)
{
	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		struct framer_bench fb = { .f = { .way = way } };

		framer_bench_init(&fb, false);
		bench_rx(&fb.b, FRAMES, FRAMES_SIZE);
		assert_up(&fb.b, "A:hello* B:-* C:world*");
		assert_int_equal(fb.f.inputs, 1);
		bench_rx_end(&fb.b);
		assert_up(&fb.b, "$");
		assert_true(fb.f.ends_seen);
		assert_int_equal(bench_error(&fb.b), 0);
		framer_bench_fini(&fb);
		assert_notes(&fb.f, "start in in cleanup destroy");
	}
	assert_quiet();
}

/* Parts of one message as one: "A:he A:llo*" is "A:hello*". */
static void join_parts(char *text)
{
	char *to = text, *at = text;

	while (*at) {
		bool part = *at == ' ' && at > text && at[-1] != '*' && at[1] != '$';

		if (part) {
			at++;
			while (at[0] && at[1] == ':')
				at += 2;
			continue;
		}
		*to++ = *at++;
	}
	*to = 0;
}

static void every_cut_gives_the_same(void **state)
{
	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		for (size_t chunk = 1; chunk <= FRAMES_SIZE; chunk++) {
			struct framer_bench fb = { .f = { .way = way, .quiet = true } };

			framer_bench_init(&fb, false);
			for (size_t at = 0; at < FRAMES_SIZE; at += chunk)
				bench_rx(&fb.b, &FRAMES[at], bri_min_size(chunk, FRAMES_SIZE - at));
			bench_rx_end(&fb.b);
			join_parts(fb.b.up.bytes);
			if (strcmp(fb.b.up.bytes, "A:hello* B:-* C:world* $") != 0)
				fail_msg("%s, chunks of %zu: %s", way_names[way], chunk,
					fb.b.up.bytes);
			framer_bench_fini(&fb);
		}
	}
	assert_quiet();
}

/* The handler is not called before the bytes are there that it asked for. */
static void wanted_bytes_are_waited_for(void **state)
{
	struct framer_bench fb = { .f = { .way = COPY } };

	(void)state;
	framer_bench_init(&fb, false);
	bench_rx(&fb.b, "A", 1);
	assert_int_equal(fb.f.inputs, 1);
	bench_rx(&fb.b, "\0", 1);
	assert_int_equal(fb.f.inputs, 1);
	bench_rx(&fb.b, "\5", 1);
	assert_int_equal(fb.f.inputs, 2);
	bench_rx(&fb.b, "hell", 4);
	assert_int_equal(fb.f.inputs, 2);
	bench_rx(&fb.b, "o", 1);
	assert_int_equal(fb.f.inputs, 3);
	assert_up(&fb.b, "A:hello*");
	framer_bench_fini(&fb);
}

/* Delivered without a copy: the parts go up as they come, and the handler rests. */
static void no_copy_follows_the_bytes(void **state)
{
	struct framer_bench fb = { .f = { .way = NO_COPY } };

	(void)state;
	framer_bench_init(&fb, false);
	bench_rx(&fb.b, "A\0\6", 3);
	assert_up(&fb.b, "");
	bench_rx(&fb.b, "he", 2);
	assert_up(&fb.b, "A:he");
	bench_rx(&fb.b, "ll", 2);
	assert_up(&fb.b, "A:ll");
	assert_int_equal(fb.f.inputs, 1);
	bench_rx(&fb.b, "o!B\0\1", 5);
	assert_up(&fb.b, "A:o!*");
	assert_int_equal(fb.f.inputs, 2);
	/* the stream ends within a message: it stays incomplete */
	bench_rx_end(&fb.b);
	assert_up(&fb.b, "$");
	assert_int_equal(bench_error(&fb.b), 0);
	framer_bench_fini(&fb);
	assert_quiet();
}

static void a_cut_header_is_shown_at_the_end(void **state)
{
	struct framer_bench fb = { .f = { .way = COPY } };

	(void)state;
	framer_bench_init(&fb, false);
	bench_rx(&fb.b, "A\0", 2);
	assert_false(fb.f.ends_seen);
	bench_rx_end(&fb.b);
	assert_true(fb.f.ends_seen);
	assert_up(&fb.b, "$");
	framer_bench_fini(&fb);
}

/* --- skips --- */

static size_t skip_seven(void *context, uint8_t *bytes, size_t size, bool complete)
{
	(void)context;
	(void)bytes;
	(void)complete;
	return size ? 7 : 0;
}

static size_t input_skip(void *context, nw_framer_t framer)
{
	struct frames *f = context;

	f->inputs++;
	if (f->inputs == 1)
		nw_framer_parse_input_f(framer, 1, 100, NULL, NULL, skip_seven);
	else
		nw_framer_pass_through_input(framer);
	return 0;
}

static void skip_start(struct frames *f, nw_framer_t framer)
{
	nw_framer_set_input_handler_f(framer, f, input_skip, NULL);
}

static void what_is_skipped_may_still_have_to_come(void **state)
{
	const char *text = "0123456789ab";

	(void)state;
	for (size_t chunk = 1; chunk <= 12; chunk++) {
		struct framer_bench fb = { .f = { .on_start = skip_start } };

		framer_bench_init(&fb, false);
		for (size_t at = 0; at < 12; at += chunk)
			bench_rx(&fb.b, text + at, bri_min_size(chunk, 12 - at));
		bench_rx_end(&fb.b);
		join_parts(fb.b.up.bytes);
		assert_up(&fb.b, "789ab $");
		framer_bench_fini(&fb);
	}
}

/* --- output --- */

static void messages_become_frames(void **state)
{
	struct framer_bench fb = { 0 };
	nw_content_context_t context;

	(void)state;
	framer_bench_init(&fb, false);
	context = typed_context(fb.options, 'T');
	bench_put(&fb.b, "hello", 5, context, true);
	assert_int_equal(fb.b.down.size, 8);
	assert_memory_equal(fb.b.down.bytes, "T\0\5hello", 8);
	bench_forget(&fb.b);
	/* without a message of the framer's it gets an empty one */
	bench_put_text(&fb.b, "hi");
	assert_memory_equal(fb.b.down.bytes, "D\0\2hi", 5);
	bench_forget(&fb.b);
	/* a message may have no bytes, and several parts */
	bench_put(&fb.b, NULL, 0, context, true);
	bench_put(&fb.b, "ab", 2, context, false);
	bench_put(&fb.b, "c", 1, context, true);
	assert_int_equal(fb.b.down.size, 3 + 5 + 4);
	assert_memory_equal(fb.b.down.bytes,
		"T\0\0"
		"T\0\2ab"
		"T\0\1c",
		12);
	nw_release(context);
	framer_bench_fini(&fb);
	assert_notes(&fb.f, "start out(T5*) out(D2*) out(T0*) out(T2) out(T1*) cleanup destroy");
	assert_quiet();
}

static void the_end_of_sending_is_no_message(void **state)
{
	struct framer_bench fb = { 0 };

	(void)state;
	framer_bench_init(&fb, false);
	bench_put(&fb.b, "x", 1, NW_CONNECTION_DEFAULT_STREAM_CONTEXT, false);
	bench_forget(&fb.b);
	bench_put(&fb.b, "y", 1, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true);
	assert_int_equal(fb.b.down.size, 5);
	assert_memory_equal(fb.b.down.bytes, "D\0\1y$", 5);
	framer_bench_fini(&fb);

	fb = (struct framer_bench) { 0 };
	framer_bench_init(&fb, false);
	bench_put(&fb.b, NULL, 0, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true);
	assert_down(&fb.b, "$");
	framer_bench_fini(&fb);
	assert_notes(&fb.f, "start cleanup destroy");

	/* a final context with a message of ours is one */
	fb = (struct framer_bench) { 0 };
	framer_bench_init(&fb, false);
	{
		nw_content_context_t context = typed_context(fb.options, 'F');

		nw_content_context_set_is_final(context, true);
		bench_put(&fb.b, NULL, 0, context, true);
		nw_release(context);
	}
	assert_int_equal(fb.b.down.size, 4);
	assert_memory_equal(fb.b.down.bytes, "F\0\0$", 4);
	framer_bench_fini(&fb);
	assert_notes(&fb.f, "start out(F0*) cleanup destroy");
	assert_quiet();
}

static size_t twist(void *context, uint8_t *bytes, size_t size, bool complete)
{
	note_to(context, "p%zu%s", size, complete ? "*" : "");
	for (size_t i = 0; i < size; i++)
		nw_framer_write_output(((struct frames *)context)->framer, &bytes[size - 1 - i], 1);
	return size;
}

/* Turns the first three bytes around, keeps one, drops one, and says that the rest is too short. */
static void output_odd(void *context, nw_framer_t framer, nw_framer_message_t message,
	size_t length, bool complete)
{
	struct frames *f = context;
	uint8_t temp[8];

	(void)message;
	(void)complete;
	note_to(f, "%zu", length);
	nw_framer_parse_output_f(framer, 1, 3, NULL, f, twist);
	nw_framer_parse_output_f(framer, 1, 1, temp, f, twist);
	nw_framer_parse_output_f(framer, 100, 100, NULL, f, twist); /* complete: what there is */
	if (!nw_framer_write_output_no_copy(framer, 1))
		note_to(f, "no");
	log_lines = 0;
	nw_framer_write_output(framer, (const uint8_t *)"!", 1);
}

static void odd_start(struct frames *f, nw_framer_t framer)
{
	nw_framer_set_output_handler_f(framer, f, output_odd, NULL);
}

static void output_is_parsed_too(void **state)
{
	struct framer_bench fb = { .f = { .on_start = odd_start } };

	(void)state;
	framer_bench_init(&fb, false);
	bench_put_text(&fb.b, "abcdefg");
	assert_down(&fb.b, "cbadgfe!");
	assert_notes(&fb.f, "start 7 p3 p1 p3* no");
	framer_bench_fini(&fb);
}

static void output_drop(void *context, nw_framer_t framer, nw_framer_message_t message,
	size_t length, bool complete)
{
	(void)context;
	(void)framer;
	(void)message;
	(void)length;
	(void)complete;
}

static void drop_start(struct frames *f, nw_framer_t framer)
{
	nw_framer_set_output_handler_f(framer, f, output_drop, NULL);
	nw_framer_set_input_handler_f(framer, f, NULL, NULL);
}

static void what_is_not_handled_is_dropped(void **state)
{
	struct framer_bench fb = { .f = { .on_start = drop_start } };

	(void)state;
	framer_bench_init(&fb, false);
	bench_put_text(&fb.b, "abc");
	bench_rx_text(&fb.b, "abc");
	assert_down(&fb.b, "");
	assert_up(&fb.b, "");
	bench_rx_end(&fb.b);
	assert_up(&fb.b, "$");
	framer_bench_fini(&fb);
	assert_quiet();
}

/* --- nested --- */

static void two_framers_nest(void **state)
{
	static const char bytes[] = "L\0\3A\0\5"
				    "L\0\3hel"
				    "M\0\6lo"
				    "B\0\1x";

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		for (size_t chunk = 1; chunk < sizeof(bytes); chunk++) {
			struct frames lower = { .way = way, .quiet = true };
			struct frames upper = { .way = PIECES, .quiet = true };
			nw_protocol_options_t options[2] = { frames_options(&lower),
				frames_options(&upper) };
			struct bench b;

			bench_init(&b);
			bench_build(&b, options, 2, false);
			b.describe = describe_types;
			bench_start(&b);
			assert_string_equal(lower.log, "start");
			assert_string_equal(upper.log, "start");
			for (size_t at = 0; at < sizeof(bytes) - 1; at += chunk)
				bench_rx(&b, bytes + at,
					bri_min_size(chunk, sizeof(bytes) - 1 - at));
			/* both messages are in the context: the upper's, and the one it came in */
			join_parts(b.up.bytes);
			assert_true(strstr(b.up.bytes, "hello* B:M:x*"));
			bench_fini(&b);
			nw_release(options[0]);
			nw_release(options[1]);
		}
	}
	assert_quiet();
}

static void nested_output_is_framed_twice(void **state)
{
	struct frames lower = { 0 }, upper = { 0 };
	nw_protocol_options_t options[2] = { frames_options(&lower), frames_options(&upper) };
	nw_content_context_t context = typed_context(options[1], 'U');
	nw_content_context_t both = typed_context(options[0], 'L');
	nw_protocol_metadata_t md =
		nw_content_context_copy_protocol_metadata(context, options[1]->definition);
	struct bench b;

	(void)state;
	nw_content_context_set_metadata_for_protocol(both, md);
	bench_init(&b);
	bench_build(&b, options, 2, false);
	b.marks = true;
	bench_start(&b);
	bench_put(&b, "hello", 5, context, true);
	assert_int_equal(b.down.size, 2 + 3 + 8);
	assert_memory_equal(b.down.bytes, "[D\0\10U\0\5hello]", 13);
	bench_forget(&b);
	bench_put(&b, "hello", 5, both, true);
	assert_memory_equal(b.down.bytes, "[L\0\10U\0\5hello]", 13);
	bench_forget(&b);
	/* parts stay parts: the lower one hears where the message ends */
	bench_put(&b, "a", 1, both, false);
	bench_put(&b, "b", 1, both, true);
	assert_notes(&lower, "start out(D8*) out(L8*) out(L4) out(L4*)");
	bench_put(&b, NULL, 0, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true);
	assert_int_equal(b.down.bytes[b.down.size - 1], '$');
	bench_fini(&b);
	nw_release(md);
	nw_release(context);
	nw_release(both);
	nw_release(options[0]);
	nw_release(options[1]);
	assert_quiet();
}

/* A message below that is shorter than ours claims to be: nothing is taken from the next one. */
static void a_length_beyond_the_message_below_is_refused(void **state)
{
	struct frames lower = { .way = NO_COPY, .quiet = true };
	struct frames upper = { .way = NO_COPY, .quiet = true };
	nw_protocol_options_t options[2] = { frames_options(&lower), frames_options(&upper) };
	struct bench b;

	(void)state;
	/* the end is known: dropped */
	bench_init(&b);
	bench_build(&b, options, 2, false);
	b.describe = describe_types;
	bench_start(&b);
	bench_rx(&b,
		"L\0\5A\0\11xy"
		"L\0\4B\0\1z",
		15);
	assert_up(&b, "B:L:z*");
	assert_logged("shorter");
	assert_int_equal(bench_error(&b), 0);
	bench_fini(&b);
	/* parts are up already: the connection fails */
	bench_init(&b);
	bench_build(&b, options, 2, false);
	bench_start(&b);
	bench_rx(&b, "L\0\5A\0\11x", 7);
	bench_rx(&b,
		"y"
		"L\0\4B\0\1z",
		8);
	assert_int_equal(bench_error(&b), EBADMSG);
	bench_fini(&b);
	nw_release(options[0]);
	nw_release(options[1]);
	assert_quiet();
}

/* --- datagrams --- */

static void datagrams_keep_their_bounds(void **state)
{
	struct framer_bench fb = { .f = { .way = NO_COPY } };

	(void)state;
	framer_bench_init(&fb, true);
	fb.b.marks = true;
	bench_rx(&fb.b,
		"A\0\2hi"
		"B\0\1x",
		9);
	assert_up(&fb.b, "A:hi* B:x*");
	bench_rx(&fb.b, NULL, 0);
	bench_rx(&fb.b, "A", 1); /* no header: stays, and is shown once more */
	bench_rx(&fb.b, "C\0\2yo", 5);
	assert_up(&fb.b, "");
	framer_bench_fini(&fb);

	/* one message is one datagram, also from parts; without bytes, too */
	fb = (struct framer_bench) { 0 };
	framer_bench_init(&fb, true);
	fb.b.marks = true;
	bench_put(&fb.b, "ab", 2, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, false);
	assert_down(&fb.b, "");
	bench_put(&fb.b, "c", 1, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
	assert_int_equal(fb.b.down.size, 2 + 5 + 4);
	assert_memory_equal(fb.b.down.bytes, "[D\0\2abD\0\1c]", 11);
	framer_bench_fini(&fb);
	assert_quiet();
}

/* --- limits --- */

static size_t input_greedy(void *context, nw_framer_t framer)
{
	(void)framer;
	((struct frames *)context)->inputs++;
	return SIZE_MAX;
}

static void greedy_start(struct frames *f, nw_framer_t framer)
{
	nw_framer_set_input_handler_f(framer, f, input_greedy, NULL);
}

static void who_never_parses_is_ended(void **state)
{
	struct framer_bench fb = { .f = { .on_start = greedy_start } };
	static char block[1u << 20];
	unsigned n = 0;

	(void)state;
	framer_bench_init(&fb, false);
	while (!bench_error(&fb.b) && n < 100) {
		bench_rx(&fb.b, block, sizeof(block));
		n++;
	}
	assert_int_equal(bench_error(&fb.b), ENOBUFS);
	assert_int_equal(n, BRI_FRAMER_INPUT_MAX / sizeof(block));
	assert_int_equal(fb.f.inputs, 1);
	framer_bench_fini(&fb);
}

static size_t huge_input(void *context, nw_framer_t framer)
{
	struct frames *f = context;

	if (!f->inputs++)
		nw_framer_deliver_input_no_copy(framer, SIZE_MAX, NULL, true);
	return 0;
}

static void huge_start(struct frames *f, nw_framer_t framer)
{
	nw_framer_set_input_handler_f(framer, f, huge_input, NULL);
}

/* The longest length there is costs nothing: it goes up as it comes. */
static void a_huge_length_is_not_held(void **state)
{
	struct framer_bench fb = { .f = { .on_start = huge_start } };
	static char block[1u << 20];

	(void)state;
	framer_bench_init(&fb, false);
	for (unsigned i = 0; i < 80; i++) {
		bench_rx(&fb.b, block, sizeof(block));
		assert_int_equal(((struct nw_framer *)fb.f.framer)->in.cost, 0);
		bench_forget(&fb.b);
	}
	assert_int_equal(bench_error(&fb.b), 0);
	assert_int_equal(fb.f.inputs, 1);
	framer_bench_fini(&fb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_become_messages),
		cmocka_unit_test(every_cut_gives_the_same),
		cmocka_unit_test(wanted_bytes_are_waited_for),
		cmocka_unit_test(no_copy_follows_the_bytes),
		cmocka_unit_test(a_cut_header_is_shown_at_the_end),
		cmocka_unit_test(what_is_skipped_may_still_have_to_come),
		cmocka_unit_test(messages_become_frames),
		cmocka_unit_test(the_end_of_sending_is_no_message),
		cmocka_unit_test(output_is_parsed_too),
		cmocka_unit_test(what_is_not_handled_is_dropped),
		cmocka_unit_test(two_framers_nest),
		cmocka_unit_test(nested_output_is_framed_twice),
		cmocka_unit_test(a_length_beyond_the_message_below_is_refused),
		cmocka_unit_test(datagrams_keep_their_bounds),
		cmocka_unit_test(who_never_parses_is_ended),
		cmocka_unit_test(a_huge_length_is_not_held),
	};

	return cmocka_run_group_tests(tests, log_setup, NULL);
}
