/* The part of an ELF file that says who starts it. Offsets are of the System V ABI's chapters 4, 5.
 */
#include "run/elf.h"

#include <errno.h>
#include <string.h>

#define TYPE_EXEC 2u
#define TYPE_DYN  3u /* position independent programs are shared objects */

/* Places of the fields: 32 and 64 bit order them differently. */
struct layout {
	size_t head_size;
	size_t phoff, phentsize, phnum;
	size_t entry_size;
	size_t p_offset, p_filesz;
	size_t word;
};

static const struct layout layout_32 = { 52, 28, 42, 44, 32, 4, 16, 4 };
static const struct layout layout_64 = { 64, 32, 54, 56, 56, 8, 32, 8 };

static const struct layout *layout_of(const struct bri_elf *elf)
{
	return elf->is_64 ? &layout_64 : &layout_32;
}

static uint64_t number(const uint8_t *at, size_t n, bool is_big_endian)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n; i++)
		value = value << 8 | at[is_big_endian ? i : n - 1 - i];
	return value;
}

int bri_elf_head(const uint8_t *bytes, size_t size, struct bri_elf *ret)
{
	struct bri_elf elf = { 0 };
	const struct layout *at;
	uint64_t type, n;

	if (size < 4 || memcmp(bytes, "\177ELF", 4) != 0)
		return BRI_ELF_NOT;
	if (size < 16 || bytes[4] < 1 || bytes[4] > 2 || bytes[5] < 1 || bytes[5] > 2)
		return -EINVAL;
	elf.is_64 = bytes[4] == 2;
	elf.is_big_endian = bytes[5] == 2;
	at = layout_of(&elf);
	if (size < at->head_size)
		return -EINVAL;
	type = number(bytes + 16, 2, elf.is_big_endian);
	if (type != TYPE_EXEC && type != TYPE_DYN)
		return -EINVAL;
	elf.machine = (uint16_t)number(bytes + 18, 2, elf.is_big_endian);
	elf.table_offset = number(bytes + at->phoff, at->word, elf.is_big_endian);
	n = number(bytes + at->phnum, 2, elf.is_big_endian);
	if (n == 0 || n > BRI_ELF_SEGMENTS_MAX ||
		number(bytes + at->phentsize, 2, elf.is_big_endian) != at->entry_size)
		return -EINVAL;
	elf.n_segments = (uint16_t)n;
	elf.table_size = (uint32_t)(n * at->entry_size);
	if (elf.table_offset > (uint64_t)INT64_MAX - elf.table_size)
		return -EINVAL;
	*ret = elf;
	return 0;
}

int bri_elf_segment(const struct bri_elf *elf, const uint8_t *table, size_t size, unsigned index,
	struct bri_elf_segment *ret)
{
	const struct layout *at = layout_of(elf);
	const uint8_t *entry;

	if (index >= elf->n_segments || size / at->entry_size <= index)
		return -EINVAL;
	entry = table + index * at->entry_size;
	ret->type = (uint32_t)number(entry, 4, elf->is_big_endian);
	ret->offset = number(entry + at->p_offset, at->word, elf->is_big_endian);
	ret->size = number(entry + at->p_filesz, at->word, elf->is_big_endian);
	return 0;
}

/* Lengths of a note are padded to 4 bytes in both classes. */
static size_t padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

bool bri_elf_has_note(
	const struct bri_elf *elf, const uint8_t *notes, size_t size, const char *name)
{
	size_t want = strlen(name) + 1, name_size, text_size, left;

	while (size >= 12) {
		name_size = (size_t)number(notes, 4, elf->is_big_endian);
		text_size = (size_t)number(notes + 4, 4, elf->is_big_endian);
		left = size - 12;
		if (name_size > left)
			return false;
		/* Go's linker counts the padding as part of the name */
		if (name_size >= want && name_size <= padded(want) &&
			memcmp(notes + 12, name, want) == 0)
			return true;
		if (padded(name_size) > left || text_size > left - padded(name_size) ||
			padded(text_size) > left - padded(name_size))
			return false;
		notes += 12 + padded(name_size) + padded(text_size);
		size -= 12 + padded(name_size) + padded(text_size);
	}
	return false;
}

bool bri_elf_is_like(const struct bri_elf *a, const struct bri_elf *b)
{
	return a->is_64 == b->is_64 && a->is_big_endian == b->is_big_endian &&
	       a->machine == b->machine;
}
