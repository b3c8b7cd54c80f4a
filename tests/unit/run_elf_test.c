/* The ELF reader of `braid run`: both classes and byte orders, limits, every truncation. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "run/elf.h"

#define INTERP "/lib/ld.so"

struct file {
	uint8_t bytes[512];
	size_t size;
	bool is_64, is_big;
};

static void put(struct file *f, size_t at, uint64_t value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		f->bytes[at + (f->is_big ? n - 1 - i : i)] = (uint8_t)(value >> (8 * i));
}

static size_t word(const struct file *f)
{
	return f->is_64 ? 8 : 4;
}

static size_t entry_size(const struct file *f)
{
	return f->is_64 ? 56 : 32;
}

static size_t head_size(const struct file *f)
{
	return f->is_64 ? 64 : 52;
}

static void put_segment(struct file *f, size_t i, uint32_t type, size_t offset, size_t size)
{
	size_t at = head_size(f) + i * entry_size(f);

	put(f, at, type, 4);
	put(f, at + (f->is_64 ? 8 : 4), offset, word(f));
	put(f, at + (f->is_64 ? 32 : 16), size, word(f));
}

/* A program with an interpreter and a note, in the given form. */
static void make(struct file *f, bool is_64, bool is_big)
{
	memset(f, 0, sizeof(*f));
	f->is_64 = is_64;
	f->is_big = is_big;
	memcpy(f->bytes, "\177ELF", 4);
	f->bytes[4] = is_64 ? 2 : 1;
	f->bytes[5] = is_big ? 2 : 1;
	put(f, 16, 3, 2);
	put(f, 18, 62, 2);
	put(f, is_64 ? 32 : 28, head_size(f), word(f));
	put(f, is_64 ? 54 : 42, entry_size(f), 2);
	put(f, is_64 ? 56 : 44, 2, 2);
	put_segment(f, 0, BRI_ELF_SEGMENT_INTERP, 300, sizeof(INTERP));
	put_segment(f, 1, BRI_ELF_SEGMENT_NOTE, 320, 24);
	memcpy(f->bytes + 300, INTERP, sizeof(INTERP));
	put(f, 320, 4, 4);
	put(f, 324, 8, 4);
	put(f, 328, 4, 4);
	memcpy(f->bytes + 332, "Go\0\0", 4);
	f->size = 344;
}

static int head(const struct file *f, struct bri_elf *ret)
{
	return bri_elf_head(f->bytes, bri_min_size(f->size, BRI_ELF_HEAD_SIZE), ret);
}

static void test_forms(void **state)
{
	struct bri_elf_segment segment;
	struct bri_elf elf, other;
	struct file f;

	(void)state;
	for (int form = 0; form < 4; form++) {
		make(&f, form & 1, form & 2);
		assert_int_equal(head(&f, &elf), 0);
		assert_int_equal(elf.is_64, form & 1);
		assert_int_equal(elf.is_big_endian, (form & 2) != 0);
		assert_int_equal(elf.machine, 62);
		assert_int_equal(elf.n_segments, 2);
		assert_int_equal(elf.table_offset, head_size(&f));
		assert_int_equal(elf.table_size, 2 * entry_size(&f));
		assert_int_equal(bri_elf_segment(&elf, f.bytes + elf.table_offset, elf.table_size,
					 0, &segment),
			0);
		assert_int_equal(segment.type, BRI_ELF_SEGMENT_INTERP);
		assert_int_equal(segment.offset, 300);
		assert_int_equal(segment.size, sizeof(INTERP));
		assert_int_equal(bri_elf_segment(&elf, f.bytes + elf.table_offset, elf.table_size,
					 1, &segment),
			0);
		assert_int_equal(segment.type, BRI_ELF_SEGMENT_NOTE);
		assert_true(bri_elf_has_note(&elf, f.bytes + segment.offset, segment.size, "Go"));
		assert_false(bri_elf_has_note(&elf, f.bytes + segment.offset, segment.size, "GNU"));
		assert_true(bri_elf_is_like(&elf, &elf));
		make(&f, !(form & 1), form & 2);
		assert_int_equal(head(&f, &other), 0);
		assert_false(bri_elf_is_like(&elf, &other));
	}
}

/* No beginning of a file is taken for a whole one, and none is read past its end (the sanitizer).
 */
static void test_truncated(void **state)
{
	struct bri_elf_segment segment;
	struct bri_elf elf;
	struct file f;

	(void)state;
	for (int form = 0; form < 4; form++) {
		make(&f, form & 1, form & 2);
		for (size_t n = 0; n < head_size(&f); n++)
			assert_int_equal(
				bri_elf_head(f.bytes, n, &elf), n < 4 ? BRI_ELF_NOT : -EINVAL);
		assert_int_equal(head(&f, &elf), 0);
		for (size_t n = 0; n <= elf.table_size; n++)
			assert_int_equal(
				bri_elf_segment(&elf, f.bytes + elf.table_offset, n, 1, &segment),
				n == elf.table_size ? 0 : -EINVAL);
		for (size_t n = 0; n < 24; n++)
			assert_int_equal(bri_elf_has_note(&elf, f.bytes + 320, n, "Go"), n >= 16);
	}
}

static void test_refused(void **state)
{
	/* place and value of a 16 bit field in a 64 bit little endian file, and the result */
	static const struct {
		size_t at;
		uint16_t value;
		int result;
	} cases[] = {
		{ 0, 0x457e, BRI_ELF_NOT },
		{ 4, 0x0100, -EINVAL },
		{ 4, 0x0103, -EINVAL },
		{ 4, 0x0002, -EINVAL },
		{ 4, 0x0302, -EINVAL },
		{ 16, 0, -EINVAL },
		{ 16, 1, -EINVAL },
		{ 16, 2, 0 },
		{ 16, 4, -EINVAL },
		{ 54, 55, -EINVAL },
		{ 54, 0, -EINVAL },
		{ 56, 0, -EINVAL },
		{ 56, 1, 0 },
		{ 56, BRI_ELF_SEGMENTS_MAX, 0 },
		{ 56, BRI_ELF_SEGMENTS_MAX + 1, -EINVAL },
		{ 56, 65535, -EINVAL },
		{ 38, 0x7fff, 0 },
		{ 38, 0x8000, -EINVAL },
		{ 38, 0xffff, -EINVAL },
	};
	struct bri_elf elf;
	struct file f;

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		make(&f, true, false);
		put(&f, cases[i].at, cases[i].value, 2);
		assert_int_equal(head(&f, &elf), cases[i].result);
	}
	/* the last offset whose table still ends within what a file offset can say */
	make(&f, true, false);
	put(&f, 32, (uint64_t)INT64_MAX - 2 * 56, 8);
	assert_int_equal(head(&f, &elf), 0);
	put(&f, 32, (uint64_t)INT64_MAX - 2 * 56 + 1, 8);
	assert_int_equal(head(&f, &elf), -EINVAL);
}

static void test_segment_index(void **state)
{
	struct bri_elf_segment segment;
	struct bri_elf elf;
	struct file f;

	(void)state;
	make(&f, true, false);
	assert_int_equal(head(&f, &elf), 0);
	assert_int_equal(bri_elf_segment(&elf, f.bytes, sizeof(f.bytes), 2, &segment), -EINVAL);
	assert_int_equal(
		bri_elf_segment(&elf, f.bytes, sizeof(f.bytes), UINT32_MAX, &segment), -EINVAL);
}

/* Several notes; lengths that lie. */
static void test_notes(void **state)
{
	struct bri_elf elf = { .is_64 = true };
	uint8_t notes[] = { 4, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 'G', 'N', 'U', 0, 9, 0, 0,
		0,                                                    /* GNU */
		3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 'G', 'o', 0, 0 }; /* Go */

	(void)state;
	assert_true(bri_elf_has_note(&elf, notes, sizeof(notes), "GNU"));
	assert_true(bri_elf_has_note(&elf, notes, sizeof(notes), "Go"));
	assert_false(bri_elf_has_note(&elf, notes, sizeof(notes), "G"));
	assert_false(bri_elf_has_note(&elf, notes, 20, "Go"));
	assert_false(bri_elf_has_note(&elf, notes, 0, "Go"));
	for (size_t at = 0; at < 8; at++) { /* either length of the first */
		notes[at] ^= 0xff;
		assert_false(bri_elf_has_note(&elf, notes, sizeof(notes), "Go"));
		notes[at] ^= 0xff;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_segment_index),
		cmocka_unit_test(test_notes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
