/*
 * How an ELF file wants to be started: by a dynamic linker or not. Pure: bytes in, facts out; every
 * number in the file is somebody else's. Opens no files.
 */
#ifndef BRI_RUN_ELF_H
#define BRI_RUN_ELF_H

#include "base/base.h"

#define BRI_ELF_HEAD_SIZE 64u /* the larger header, that of 64 bit */
#define BRI_ELF_SEGMENTS_MAX                                                                       \
	128u /* programs have about ten; the kernel itself reads at most 64 KiB */
#define BRI_ELF_TABLE_MAX (BRI_ELF_SEGMENTS_MAX * 56u)

enum { BRI_ELF_NOT = 1 }; /* condition: not an ELF file */

enum bri_elf_segment_type {
	BRI_ELF_SEGMENT_INTERP = 3, /* its bytes: the dynamic linker's path */
	BRI_ELF_SEGMENT_NOTE = 4,
};

struct bri_elf {
	bool is_64, is_big_endian;
	uint16_t machine;
	uint64_t table_offset; /* of the program headers, in the file */
	uint32_t table_size;   /* at most BRI_ELF_TABLE_MAX */
	uint16_t n_segments;
};

struct bri_elf_segment {
	uint32_t type;
	uint64_t offset, size; /* in the file; not checked against its length */
};

/*
 * bri_elf_head(): the file's header.
 *   bytes, size  the first BRI_ELF_HEAD_SIZE bytes of the file, or all of a shorter one
 * Returns 0, BRI_ELF_NOT, or -EINVAL (damaged, neither a program nor a shared object, too many
 * segments).
 */
int bri_elf_head(const uint8_t *bytes, size_t size, struct bri_elf *ret);

/*
 * bri_elf_segment(): one program header.
 *   table, size  what is at table_offset
 * Returns 0 or -EINVAL (index or table end).
 */
int bri_elf_segment(const struct bri_elf *elf, const uint8_t *table, size_t size, unsigned index,
	struct bri_elf_segment *ret);

/*
 * bri_elf_has_note(): is a note of this name among them: "Go" is in what Go's linker made.
 *   notes, size  bytes of a NOTE segment, or its beginning
 */
bool bri_elf_has_note(
	const struct bri_elf *elf, const uint8_t *notes, size_t size, const char *name);

/* bri_elf_is_like(): same class, byte order and machine: the other's library can be loaded. */
bool bri_elf_is_like(const struct bri_elf *a, const struct bri_elf *b);

#endif
