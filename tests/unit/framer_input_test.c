/* What waits to be parsed: cursors, boundaries, skips, limits, for every cut of the same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>
#include <dispatch/dispatch.h>
#include "api/framer_input.h"

static int add(struct bri_framer_input *in, const char *text, bool complete)
{
	struct bri_content content = { .complete = complete };
	int r;

	content.data = *text ? bri_data_new_copy(text, strlen(text)) : NULL;
	r = bri_framer_input_add(in, &content);
	bri_content_clear(&content);
	return r;
}

static void assert_available(struct bri_framer_input *in, size_t n, bool complete)
{
	bool ends;

	assert_int_equal(bri_framer_input_available(in, &ends), n);
	assert_int_equal(ends, complete);
}

static void assert_next(struct bri_framer_input *in, const char *text)
{
	char temp[64];
	uint8_t *at = bri_framer_input_view(in, strlen(text), NULL);

	assert_memory_equal(at, text, strlen(text));
	assert_ptr_equal(bri_framer_input_view(in, strlen(text), (uint8_t *)temp), temp);
	assert_memory_equal(temp, text, strlen(text));
}

static void assert_taken(struct bri_framer_input *in, const char *text)
{
	struct dispatch_data_s *data = bri_framer_input_take(in, strlen(text));
	const void *bytes;
	size_t size;
	dispatch_data_t flat;

	assert_non_null(data);
	flat = dispatch_data_create_map(data, &bytes, &size);
	assert_int_equal(size, strlen(text));
	assert_memory_equal(bytes, text, size);
	dispatch_release(flat);
	dispatch_release(data);
}

static void a_stream_has_no_boundaries(void **state)
{
	struct bri_framer_input in;

	(void)state;
	bri_framer_input_init(&in, false, 1000);
	assert_available(&in, 0, false);
	assert_int_equal(add(&in, "hel", true), 0);
	assert_int_equal(add(&in, "", true), 0);
	assert_int_equal(add(&in, "lo", true), 0);
	assert_available(&in, 5, false);
	assert_next(&in, "hello");
	bri_framer_input_advance(&in, 1);
	assert_next(&in, "ell");
	assert_taken(&in, "ell");
	assert_available(&in, 1, false);
	bri_framer_input_advance(&in, 1);
	assert_available(&in, 0, false);
	assert_int_equal(in.cost, 0);
	bri_framer_input_clear(&in);
}

static void messages_have(void **state)
{
	struct bri_framer_input in;

	(void)state;
	bri_framer_input_init(&in, true, 10000);
	assert_int_equal(add(&in, "one", true), 0);
	assert_int_equal(add(&in, "", true), 0);
	assert_int_equal(add(&in, "th", false), 0);
	assert_int_equal(add(&in, "ree", true), 0);
	assert_int_equal(add(&in, "four", false), 0);
	assert_available(&in, 3, true);
	bri_framer_input_advance(&in, 100); /* not beyond the message */
	assert_available(&in, 0, true);
	assert_null(bri_framer_input_view(&in, 0, NULL));
	bri_framer_input_advance(&in, 0);
	assert_available(&in, 5, true);
	assert_next(&in, "three");
	assert_taken(&in, "three");
	assert_available(&in, 4, false);
	bri_framer_input_advance(&in, 6);
	assert_available(&in, 0, false);
	assert_int_equal(add(&in, "AB", false), 0);
	assert_available(&in, 0, false);
	assert_int_equal(add(&in, "x", true), 0);
	assert_available(&in, 1, true);
	bri_framer_input_clear(&in);
}

static void a_skip_ends_with_the_message(void **state)
{
	struct bri_framer_input in;

	(void)state;
	bri_framer_input_init(&in, true, 10000);
	add(&in, "a", false);
	bri_framer_input_advance(&in, 10);
	add(&in, "bcd", true);
	assert_available(&in, 0, false);
	add(&in, "next", true);
	assert_available(&in, 4, true);
	bri_framer_input_advance(&in, 4);
	/* it ends with the last byte that was skipped, or before */
	add(&in, "a", false);
	bri_framer_input_advance(&in, 10);
	add(&in, "", true);
	assert_available(&in, 0, false);
	add(&in, "x", true);
	assert_available(&in, 1, true);
	bri_framer_input_clear(&in);
}

static void the_end_completes(void **state)
{
	struct bri_framer_input in;
	struct bri_content end = { .end = true };

	(void)state;
	bri_framer_input_init(&in, false, 1000);
	add(&in, "ab", false);
	assert_int_equal(bri_framer_input_add(&in, &end), 0);
	assert_available(&in, 2, true);
	bri_framer_input_advance(&in, 7);
	assert_available(&in, 0, true);
	assert_int_equal(in.skip, 0);
	bri_framer_input_clear(&in);
}

static void the_limit_counts_pieces_too(void **state)
{
	struct bri_framer_input in;
	size_t n = 0;

	(void)state;
	bri_framer_input_init(&in, false, BRI_FRAMER_INPUT_PIECE + 8);
	assert_int_equal(add(&in, "12345678", false), 0);
	assert_int_equal(add(&in, "9", false), -ENOBUFS);
	assert_available(&in, 8, false);
	bri_framer_input_clear(&in);
	assert_int_equal(add(&in, "123456789", false), -ENOBUFS);
	bri_framer_input_clear(&in);

	bri_framer_input_init(&in, true, 100 * BRI_FRAMER_INPUT_PIECE);
	while (add(&in, "", true) == 0)
		n++;
	assert_int_equal(n, 100);
	bri_framer_input_clear(&in);
}

static void single_bytes_are_joined(void **state)
{
	struct bri_framer_input in;
	size_t pieces = 0;

	(void)state;
	bri_framer_input_init(&in, false, SIZE_MAX);
	for (int i = 0; i < 200000; i++)
		assert_int_equal(add(&in, "x", false), 0);
	for (struct bri_content *c = in.contents.head; c; c = c->next)
		pieces++;
	assert_in_range(pieces, 1, 5);
	assert_available(&in, 200000, false);
	assert_non_null(bri_framer_input_view(&in, 200000, NULL));
	bri_framer_input_advance(&in, 199999);
	assert_next(&in, "x");
	bri_framer_input_clear(&in);
}

/* Peeking at more and more of it costs a copy of each byte, not of all for each. */
static void the_flat_copy_grows(void **state)
{
	struct bri_framer_input in;
	char text[2] = { 0 };
	uint8_t *at;
	bool ends;

	(void)state;
	bri_framer_input_init(&in, false, SIZE_MAX);
	for (size_t i = 0; i < 5000; i++) {
		text[0] = (char)('a' + i % 26);
		add(&in, text, false);
		at = bri_framer_input_view(&in, bri_framer_input_available(&in, &ends), NULL);
		assert_int_equal(at[0], 'a' + (i ? (i - 1) / 3 * 2 : 0) % 26);
		if (i % 3 == 0 && i)
			bri_framer_input_advance(&in, 2);
		assert_in_range(in.flat_room, 0, 16384);
	}
	at = bri_framer_input_view(&in, 5000 - 2 * 1666, NULL);
	for (size_t i = 0; i < 5000 - 2 * 1666; i++)
		assert_int_equal(at[i], 'a' + (i + 2 * 1666) % 26);
	bri_framer_input_clear(&in);
	assert_null(in.flat);
}

static void pieces_are_given_as_they_came(void **state)
{
	struct bri_framer_input in;
	struct bri_content piece;

	(void)state;
	bri_framer_input_init(&in, true, 10000);
	assert_false(bri_framer_input_take_piece(&in, &piece));
	add(&in, "hello", true);
	add(&in, "", true);
	bri_framer_input_view(&in, 3, NULL);
	bri_framer_input_advance(&in, 3);
	assert_true(bri_framer_input_take_piece(&in, &piece));
	assert_int_equal(bri_data_size(piece.data), 2);
	assert_true(piece.complete);
	bri_content_clear(&piece);
	assert_true(bri_framer_input_take_piece(&in, &piece));
	assert_null(piece.data);
	assert_true(piece.complete);
	bri_content_clear(&piece);
	assert_int_equal(in.cost, 0);
	bri_framer_input_clear(&in);
}

/* Random cuts, looks and steps against an array and an index. */
static void it_is_an_array_with_an_index(void **state)
{
	uint32_t seed = 20240607;
	static char text[60000];
	struct bri_framer_input in;
	size_t added = 0, at = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('A' + (i * 31 + i / 7) % 50);
	bri_framer_input_init(&in, false, SIZE_MAX);
	while (at < sizeof(text)) {
		size_t there, n;
		bool ends;

		seed = seed * 1664525 + 1013904223;
		n = bri_min_size((seed >> 8) % 700, sizeof(text) - added);
		if (n) {
			struct bri_content content = { .data = bri_data_new_copy(text + added, n) };

			assert_int_equal(bri_framer_input_add(&in, &content), 0);
			added += n;
		}
		there = bri_framer_input_available(&in, &ends);
		assert_int_equal(there, added > at ? added - at : 0);
		n = there ? (seed >> 3) % there + 1 : 0;
		if (n)
			assert_memory_equal(bri_framer_input_view(&in, n, NULL), text + at, n);
		if (n && seed % 3 == 0) {
			struct dispatch_data_s *data = bri_framer_input_take(&in, n);

			assert_int_equal(bri_data_size(data), n);
			dispatch_release(data);
			at += n;
		} else {
			n = (seed >> 5) % 900;
			bri_framer_input_advance(&in, n);
			at += n;
		}
	}
	bri_framer_input_clear(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_has_no_boundaries),
		cmocka_unit_test(messages_have),
		cmocka_unit_test(a_skip_ends_with_the_message),
		cmocka_unit_test(the_end_completes),
		cmocka_unit_test(the_limit_counts_pieces_too),
		cmocka_unit_test(single_bytes_are_joined),
		cmocka_unit_test(the_flat_copy_grows),
		cmocka_unit_test(pieces_are_given_as_they_came),
		cmocka_unit_test(it_is_an_array_with_an_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
