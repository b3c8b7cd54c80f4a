/* What a dispatch_data_t is besides its head, for data.c and data_chunk.c alone. */
#ifndef BRI_DATA_IMPL_H
#define BRI_DATA_IMPL_H

#include "base/callable.h"
#include "dispatch/data_internal.h"
#include "dispatch/runtime.h"

struct bri_chunk;

enum bri_data_kind {
	BRI_DATA_INLINE = 1, /* the bytes follow the header, in the same allocation */
	BRI_DATA_CHUNK,      /* the bytes are in a receive chunk */
	BRI_DATA_OWNED,      /* the bytes are in memory with a destructor */
	BRI_DATA_ROPE,       /* records of other leaves; never of ropes, so depth is one */
};

struct bri_data_inline {
	struct dispatch_data_s data;
	uint8_t bytes[];
};

struct bri_data_chunked {
	struct dispatch_data_s data;
	struct bri_chunk *chunk; /* one reference */
};

struct bri_data_owned {
	struct dispatch_data_s data;
	struct dispatch_queue_s *queue; /* internal reference; NULL: destroy in place */
	struct bri_callable destructor; /* called once, then cleared */
	struct bri_item item;           /* the destructor's call, on its queue */
};

struct bri_data_record {
	struct dispatch_data_s *leaf; /* internal reference */
	size_t offset;
	size_t length; /* never 0 */
};

struct bri_data_rope {
	struct dispatch_data_s data;
	uint32_t room; /* records that the allocation has room for; packing leaves some unused */
	struct bri_data_record records[];
};

/* bri_data_init(): the header of a new data object. */
void bri_data_init(
	struct dispatch_data_s *data, enum bri_data_kind kind, const void *bytes, size_t size);

/*
 * Leaves over memory of someone else: freed with free() or munmap(), or with the application's own
 * destructor on `queue` (NULL: the default global queue). A destructor block or context is taken.
 * No bytes: what was to be destroyed is destroyed, and the result is the empty data.
 * NULL: no memory; the buffer is still the caller's, the callable was cleared uncalled.
 */
struct dispatch_data_s *bri_data_new_freed(void *bytes, size_t size);
struct dispatch_data_s *bri_data_new_unmapped(void *bytes, size_t size);
struct dispatch_data_s *bri_data_new_foreign(const void *bytes, size_t size,
	struct dispatch_queue_s *queue, struct bri_callable destructor);

/* bri_chunk_put(): drop one reference. Context: any thread. */
void bri_chunk_put(struct bri_chunk *chunk);

#endif
