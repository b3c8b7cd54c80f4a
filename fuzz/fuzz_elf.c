/* Fuzzes the ELF reader: what it accepts is within its limits, and read only from what is there. */
#include <stdlib.h>
#include <string.h>
#include "run/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A part of the file in memory of its own, so that the sanitizer sees its end. */
static uint8_t *part(
	const uint8_t *data, size_t size, uint64_t offset, uint64_t want, size_t *ret_size)
{
	uint8_t *copy;

	*ret_size = offset >= size
			    ? 0
			    : bri_min_size((size_t)bri_min_u64(want, size), size - (size_t)offset);
	copy = malloc(*ret_size ? *ret_size : 1);
	if (copy && *ret_size)
		memcpy(copy, data + offset, *ret_size);
	return copy;
}

static void notes_of(const struct bri_elf *elf, const struct bri_elf_segment *segment,
	const uint8_t *data, size_t size)
{
	size_t n;
	uint8_t *notes = part(data, size, segment->offset, segment->size, &n);

	if (notes && bri_elf_has_note(elf, notes, n, "Go") && n < 15)
		abort(); /* a header of 12 bytes and the name do not fit */
	free(notes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bri_elf elf;
	struct bri_elf_segment segment;
	size_t n;
	uint8_t *table;
	int r = bri_elf_head(data, bri_min_size(size, BRI_ELF_HEAD_SIZE), &elf);

	if (r != 0)
		return 0;
	if (elf.table_size > BRI_ELF_TABLE_MAX || elf.n_segments > BRI_ELF_SEGMENTS_MAX ||
		elf.n_segments == 0 || elf.table_offset > INT64_MAX)
		abort();
	table = part(data, size, elf.table_offset, elf.table_size, &n);
	for (unsigned i = 0; table && i <= elf.n_segments; i++) {
		r = bri_elf_segment(&elf, table, n, i, &segment);
		if (r == 0 && i >= elf.n_segments)
			abort();
		if (r == 0)
			notes_of(&elf, &segment, data, size);
	}
	free(table);
	return 0;
}
