/*
 * dispatch_data_t inside: an immutable rope of reference counted slices.
 * A leaf is bytes with an owner; a composite is a list of (leaf, offset, length).
 */
#ifndef BRI_DATA_INTERNAL_H
#define BRI_DATA_INTERNAL_H

#include <sys/uio.h>
#include "base/object.h"

/* How all data begins. What is not the size is for data_impl.h's files alone. */
struct dispatch_data_s {
	struct bri_object obj;
	size_t size;
	const uint8_t *bytes; /* NULL in a rope */
	uint32_t count;       /* records of a rope */
	uint8_t kind;         /* enum bri_data_kind */
	bool foreign;         /* some bytes are the application's memory */
};

/* bri_data_new_copy(): a leaf with its own copy of the bytes, in one pooled allocation. NULL: no
 * memory. size > 0. */
struct dispatch_data_s *bri_data_new_copy(const void *bytes, size_t size);

/* bri_data_new_room(): the same, and the caller writes the bytes, before anybody else sees it. */
struct dispatch_data_s *bri_data_new_room(size_t size, uint8_t **ret_bytes);

/*
 * A chunk: a reference counted receive buffer. Data leaves may point into it (zero copy).
 * bri_chunk_get_scratch(): this thread's current chunk with at least `want` bytes room (want <=
 * BRI_CHUNK_SIZE); ret_ptr/ret_room: where to receive. bri_chunk_commit(): makes a leaf of the
 * first n received bytes: small ones (<= BRI_CHUNK_COPY_MAX) are copied so that they do not pin a
 * chunk, larger ones refer to the chunk. When no leaf refers to a chunk any more it is filled from
 * its start again, so that a steady stream stays in the same warm memory. The pointer is valid
 * until the next call of either on this thread.
 */
#define BRI_CHUNK_SIZE     (256u * 1024u)
#define BRI_CHUNK_COPY_MAX 1024u
int bri_chunk_get_scratch(size_t want, uint8_t **ret_ptr, size_t *ret_room);
struct dispatch_data_s *bri_chunk_commit(uint8_t *ptr, size_t n);

static inline size_t bri_data_size(const struct dispatch_data_s *data)
{
	return data ? data->size : 0;
}

/*
 * bri_data_iov(): fill iov[] with the regions from byte `offset` on, at most `max` of them.
 * Returns how many; ret_bytes is their sum. Borrowed until data is released.
 * bri_data_iov_any(): the same; of a leaf, which data mostly is, it is not called.
 */
size_t bri_data_iov_any(const struct dispatch_data_s *data, size_t offset, struct iovec *iov,
	size_t max, size_t *ret_bytes);
static inline size_t bri_data_iov(const struct dispatch_data_s *data, size_t offset,
	struct iovec *iov, size_t max, size_t *ret_bytes)
{
	if (!data || !data->bytes || !max || offset >= data->size)
		return bri_data_iov_any(data, offset, iov, max, ret_bytes);
	iov[0] = (struct iovec) { (void *)(uintptr_t)(data->bytes + offset), data->size - offset };
	*ret_bytes = iov[0].iov_len;
	return 1;
}

/* bri_data_is_foreign(): some region is the application's memory (a custom destructor). */
bool bri_data_is_foreign(const struct dispatch_data_s *data);

/* bri_data_concat/subrange: as the public functions, NULL allowed as "no data"; +1 results. */
struct dispatch_data_s *bri_data_concat(struct dispatch_data_s *a, struct dispatch_data_s *b);
struct dispatch_data_s *bri_data_subrange(
	struct dispatch_data_s *data, size_t offset, size_t length);

/* bri_data_take_tail(): data, taken, without its first offset bytes; where they are when nobody
 * else refers to it. +1; NULL: no memory. */
struct dispatch_data_s *bri_data_take_tail(struct dispatch_data_s *data, size_t offset);

/*
 * bri_data_take_writable(): the same bytes, which may be changed where they are (bri_data_iov()):
 * the data itself when nobody else refers to it, or to a part of it, else a copy.
 *   data  application reference, taken; NULL gives NULL
 * NULL: no memory; the reference is given up all the same.
 */
struct dispatch_data_s *bri_data_take_writable(struct dispatch_data_s *data);

#endif
