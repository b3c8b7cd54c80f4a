/*
 * dispatch_data_t: immutable bytes. A leaf is bytes with an owner; a rope is a flat list of slices
 * of leaves. Knows nothing of who produces or consumes the bytes.
 */
#include <dispatch/dispatch.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dispatch/data_impl.h"

/*
 * A rope of many small records is packed: runs of small neighbours become one copied leaf of up to
 * PACK_RUN bytes. Without it, appending n small messages one by one costs n * n / 2 steps. The
 * allowance for the rope's size keeps us from packing again what was packed.
 */
#define PACK_COUNT 128u
#define PACK_RUN   (16u * 1024u)

static void destroy_data(struct bri_object *obj);

static const struct bri_class data_class = {
	.name = "dispatch_data",
	.kind = BRI_KIND_DISPATCH_DATA,
	.destroy = destroy_data,
};

BRI_EXPORT struct dispatch_data_s _dispatch_data_empty = {
	.obj = BRI_OBJECT_STATIC(&data_class),
	.kind = BRI_DATA_INLINE,
	.bytes = (const uint8_t *)"",
};

#define EMPTY (&_dispatch_data_empty)

static struct bri_data_rope *as_rope(const struct dispatch_data_s *data)
{
	return bri_container_of(data, struct bri_data_rope, data);
}

static size_t rope_bytes(uint32_t count)
{
	return sizeof(struct bri_data_rope) + (size_t)count * sizeof(struct bri_data_record);
}

/*
 * records_of(): the records of any data; a leaf is one record of itself, written to *self.
 * Borrowed: no references are taken.
 */
static const struct bri_data_record *records_of(
	const struct dispatch_data_s *data, struct bri_data_record *self, uint32_t *ret_count)
{
	if (data->kind == BRI_DATA_ROPE) {
		*ret_count = data->count;
		return as_rope(data)->records;
	}
	self->leaf = (struct dispatch_data_s *)(uintptr_t)data;
	self->offset = 0;
	self->length = data->size;
	*ret_count = data->size ? 1 : 0;
	return self;
}

static void end_owned(struct bri_item *item)
{
	struct bri_data_owned *leaf = bri_container_of(item, struct bri_data_owned, item);
	struct dispatch_queue_s *queue = leaf->queue;

	((void (*)(void *))leaf->destructor.fn)(leaf->destructor.context);
	bri_callable_clear(&leaf->destructor);
	bri_pool_free(leaf, sizeof(*leaf));
	bri_object_put(queue);
}

static void free_owned(struct bri_data_owned *leaf)
{
	leaf->item.run = end_owned;
	if (leaf->queue)
		bri_queue_push(leaf->queue, &leaf->item);
	else
		end_owned(&leaf->item);
}

static void free_rope(struct bri_data_rope *rope)
{
	uint32_t count = rope->data.count;

	for (uint32_t i = 0; i < count; i++)
		bri_object_put(rope->records[i].leaf);
	bri_pool_free(rope, rope_bytes(rope->room));
}

/* What a leaf with its bytes was allocated with: bytes may be gone from its front. */
static size_t inline_bytes(const struct dispatch_data_s *data)
{
	return (size_t)(data->bytes - (const uint8_t *)data) + data->size;
}

static void destroy_data(struct bri_object *obj)
{
	struct dispatch_data_s *data = bri_container_of(obj, struct dispatch_data_s, obj);
	struct bri_data_chunked *chunked;

	switch ((enum bri_data_kind)data->kind) {
	case BRI_DATA_INLINE: bri_pool_free(data, inline_bytes(data)); break;
	case BRI_DATA_CHUNK:
		chunked = bri_container_of(data, struct bri_data_chunked, data);
		bri_chunk_put(chunked->chunk);
		bri_pool_free(chunked, sizeof(*chunked));
		break;
	case BRI_DATA_OWNED: free_owned(bri_container_of(data, struct bri_data_owned, data)); break;
	case BRI_DATA_ROPE: free_rope(as_rope(data)); break;
	}
}

/* --- leaves --- */

void bri_data_init(
	struct dispatch_data_s *data, enum bri_data_kind kind, const void *bytes, size_t size)
{
	bri_object_init(&data->obj, &data_class);
	data->size = size;
	data->bytes = bytes;
	data->count = 0;
	data->kind = (uint8_t)kind;
	data->foreign = false;
}

/* new_inline(): a leaf with room for its bytes; the caller writes them. */
static struct bri_data_inline *new_inline(size_t size)
{
	struct bri_data_inline *leaf;

	if (size > SIZE_MAX - sizeof(*leaf))
		return NULL;
	leaf = bri_pool_alloc(sizeof(*leaf) + size);
	if (leaf)
		bri_data_init(&leaf->data, BRI_DATA_INLINE, leaf->bytes, size);
	return leaf;
}

struct dispatch_data_s *bri_data_new_copy(const void *bytes, size_t size)
{
	struct dispatch_data_s *leaf;
	uint8_t *room;

	if (!size)
		return EMPTY;
	leaf = bri_data_new_room(size, &room);
	if (leaf)
		memcpy(room, bytes, size);
	return leaf;
}

struct dispatch_data_s *bri_data_new_room(size_t size, uint8_t **ret_bytes)
{
	struct bri_data_inline *leaf = new_inline(size);

	if (!leaf)
		return NULL;
	*ret_bytes = leaf->bytes;
	return &leaf->data;
}

static void unmap(void *context)
{
	struct dispatch_data_s *data = context;

	munmap((void *)(uintptr_t)data->bytes, data->size);
}

/* new_owned(): takes the destructor, also when it fails: then the buffer stays the caller's. */
static struct bri_data_owned *new_owned(const void *bytes, size_t size,
	struct dispatch_queue_s *queue, struct bri_callable destructor)
{
	struct bri_data_owned *leaf = bri_pool_alloc(sizeof(*leaf));

	if (!leaf) {
		bri_callable_clear(&destructor);
		return NULL;
	}
	bri_data_init(&leaf->data, BRI_DATA_OWNED, bytes, size);
	leaf->queue = bri_object_get(queue);
	leaf->destructor = destructor;
	return leaf;
}

struct dispatch_data_s *bri_data_new_foreign(const void *bytes, size_t size,
	struct dispatch_queue_s *queue, struct bri_callable destructor)
{
	struct bri_data_owned *leaf;

	if (!queue)
		queue = dispatch_get_global_queue(DISPATCH_QUEUE_PRIORITY_DEFAULT, 0);
	leaf = new_owned(bytes, size, queue, destructor);
	if (!leaf)
		return NULL;
	if (!bytes || !size) {
		/* nothing to hold: the destructor runs as if the data had been released at once */
		bri_object_release(&leaf->data);
		return EMPTY;
	}
	leaf->data.foreign = true;
	return &leaf->data;
}

struct dispatch_data_s *bri_data_new_freed(void *bytes, size_t size)
{
	struct bri_data_owned *leaf;

	if (!bytes || !size) {
		free(bytes);
		return EMPTY;
	}
	leaf = new_owned(bytes, size, NULL, BRI_CALLABLE(free, bytes, NULL));
	return leaf ? &leaf->data : NULL;
}

struct dispatch_data_s *bri_data_new_unmapped(void *bytes, size_t size)
{
	struct bri_data_owned *leaf;

	if (!bytes || !size)
		return EMPTY;
	leaf = new_owned(bytes, size, NULL, BRI_CALLABLE(unmap, NULL, NULL));
	if (!leaf)
		return NULL;
	leaf->destructor.context = &leaf->data;
	return &leaf->data;
}

BRI_EXPORT dispatch_data_t dispatch_data_create_f(
	const void *buffer, size_t size, dispatch_queue_t queue, dispatch_function_t destructor)
{
	void *bytes = (void *)(uintptr_t)buffer;

	if (!destructor)
		return buffer ? bri_data_new_copy(buffer, size) : EMPTY;
	if (destructor == free)
		return bri_data_new_freed(bytes, size);
	return bri_data_new_foreign(buffer, size, queue, BRI_CALLABLE(destructor, bytes, NULL));
}

/* --- ropes --- */

/* new_rope(): `count` records to be filled by the caller. */
static struct bri_data_rope *new_rope(uint32_t count, size_t size)
{
	struct bri_data_rope *rope = bri_pool_alloc(rope_bytes(count));

	if (!rope)
		return NULL;
	bri_data_init(&rope->data, BRI_DATA_ROPE, NULL, size);
	rope->data.count = count;
	rope->room = count;
	return rope;
}

/* fill(): records from `offset` on of `from`, `length` bytes, into `to`. Returns how many. */
static uint32_t fill(struct bri_data_record *to, const struct bri_data_record *from, size_t offset,
	size_t length, bool *foreign)
{
	uint32_t n = 0;

	for (; length; from++) {
		if (offset >= from->length) {
			offset -= from->length;
			continue;
		}
		to[n].leaf = bri_object_get(from->leaf);
		to[n].offset = from->offset + offset;
		to[n].length = bri_min_size(from->length - offset, length);
		*foreign |= from->leaf->foreign;
		length -= to[n].length;
		offset = 0;
		n++;
	}
	return n;
}

/* run_length(): how many records from the first on make one run of at most PACK_RUN bytes. */
static uint32_t run_length(const struct bri_data_record *rec, uint32_t count, size_t *ret_bytes)
{
	uint32_t n = 0;

	*ret_bytes = 0;
	while (n < count && rec[n].length <= PACK_RUN - *ret_bytes)
		*ret_bytes += rec[n++].length;
	return n;
}

/* pack(): in place; a run that cannot be copied for want of memory stays as it is. */
static void pack(struct bri_data_rope *rope)
{
	struct bri_data_record *rec = rope->records;
	uint32_t count = rope->data.count;
	uint32_t out = 0;

	for (uint32_t i = 0; i < count;) {
		size_t bytes, at = 0;
		uint32_t n = run_length(rec + i, count - i, &bytes);
		struct bri_data_inline *leaf = n > 1 ? new_inline(bytes) : NULL;

		if (!leaf) {
			rec[out++] = rec[i++];
			continue;
		}
		for (uint32_t end = i + n; i < end; i++) {
			memcpy(leaf->bytes + at, rec[i].leaf->bytes + rec[i].offset, rec[i].length);
			at += rec[i].length;
			bri_object_put(rec[i].leaf);
		}
		rec[out++] = (struct bri_data_record) { .leaf = &leaf->data, .length = bytes };
	}
	rope->data.count = out;
}

struct dispatch_data_s *bri_data_concat(struct dispatch_data_s *a, struct dispatch_data_s *b)
{
	struct bri_data_record self_a, self_b;
	const struct bri_data_record *from_a, *from_b;
	struct bri_data_rope *rope;
	uint32_t n_a, n_b;

	if (!a || !a->size)
		return bri_object_retain(b ? b : EMPTY);
	if (!b || !b->size)
		return bri_object_retain(a);
	from_a = records_of(a, &self_a, &n_a);
	from_b = records_of(b, &self_b, &n_b);
	if (n_a > UINT32_MAX - n_b || a->size > SIZE_MAX - b->size)
		return NULL;
	rope = new_rope(n_a + n_b, a->size + b->size);
	if (!rope)
		return NULL;
	fill(rope->records, from_a, 0, a->size, &rope->data.foreign);
	fill(rope->records + n_a, from_b, 0, b->size, &rope->data.foreign);
	if (rope->data.count > PACK_COUNT + rope->data.size / (PACK_RUN / 2))
		pack(rope);
	return &rope->data;
}

/* slice(): a rope of one record, or the leaf itself when that is the whole of it. */
static struct dispatch_data_s *slice(struct dispatch_data_s *leaf, size_t offset, size_t length)
{
	struct bri_data_record self = { .leaf = leaf, .length = leaf->size };
	struct bri_data_rope *rope;

	if (length == leaf->size)
		return bri_object_retain(leaf);
	rope = new_rope(1, length);
	if (!rope)
		return NULL;
	fill(rope->records, &self, offset, length, &rope->data.foreign);
	return &rope->data;
}

struct dispatch_data_s *bri_data_take_tail(struct dispatch_data_s *data, size_t offset)
{
	struct dispatch_data_s *tail;

	if (data->kind == BRI_DATA_INLINE && offset < data->size &&
		bri_object_is_sole(&data->obj, 1)) {
		data->bytes += offset;
		data->size -= offset;
		return data;
	}
	tail = bri_data_subrange(data, offset, SIZE_MAX);
	bri_object_release(data);
	return tail;
}

struct dispatch_data_s *bri_data_subrange(
	struct dispatch_data_s *data, size_t offset, size_t length)
{
	struct bri_data_record self;
	const struct bri_data_record *from;
	struct bri_data_rope *rope;
	uint32_t count, first = 0, last;
	size_t skip = offset;

	if (!data || offset >= data->size || !length)
		return EMPTY;
	length = bri_min_size(length, data->size - offset);
	if (length == data->size)
		return bri_object_retain(data);
	from = records_of(data, &self, &count);
	while (skip >= from[first].length)
		skip -= from[first++].length;
	last = first;
	for (size_t end = skip + length; end > from[last].length; last++)
		end -= from[last].length;
	if (first == last)
		return slice(from[first].leaf, from[first].offset + skip, length);
	rope = new_rope(last - first + 1, length);
	if (rope)
		fill(rope->records, from + first, skip, length, &rope->data.foreign);
	return rope ? &rope->data : NULL;
}

/* --- reading --- */

bool bri_data_is_foreign(const struct dispatch_data_s *data)
{
	return data && data->foreign;
}

size_t bri_data_iov_any(const struct dispatch_data_s *data, size_t offset, struct iovec *iov,
	size_t max, size_t *ret_bytes)
{
	struct bri_data_record self;
	const struct bri_data_record *rec;
	uint32_t count = 0;
	size_t n = 0, bytes = 0;

	rec = data ? records_of(data, &self, &count) : NULL;
	for (uint32_t i = 0; i < count && n < max; i++) {
		if (offset >= rec[i].length) {
			offset -= rec[i].length;
			continue;
		}
		iov[n].iov_base = (void *)(uintptr_t)(rec[i].leaf->bytes + rec[i].offset + offset);
		iov[n].iov_len = rec[i].length - offset;
		bytes += iov[n++].iov_len;
		offset = 0;
	}
	*ret_bytes = bytes;
	return n;
}

/* flatten(): a leaf with all the bytes of a rope. */
static struct dispatch_data_s *flatten(const struct dispatch_data_s *data)
{
	const struct bri_data_record *rec = as_rope(data)->records;
	struct bri_data_inline *leaf = new_inline(data->size);
	size_t at = 0;

	if (!leaf)
		return NULL;
	for (uint32_t i = 0; i < data->count; i++) {
		memcpy(leaf->bytes + at, rec[i].leaf->bytes + rec[i].offset, rec[i].length);
		at += rec[i].length;
	}
	return &leaf->data;
}

BRI_EXPORT size_t dispatch_data_get_size(dispatch_data_t data)
{
	return bri_data_size(data);
}

BRI_EXPORT dispatch_data_t dispatch_data_create_map(
	dispatch_data_t data, const void **buffer_ptr, size_t *size_ptr)
{
	struct dispatch_data_s *map;
	struct iovec iov = { 0 };
	size_t bytes;

	if (!data)
		data = EMPTY;
	map = data->count > 1 ? flatten(data) : bri_object_retain(data);
	bri_data_iov(map, 0, &iov, 1, &bytes);
	if (buffer_ptr)
		*buffer_ptr = iov.iov_base;
	if (size_ptr)
		*size_ptr = bytes;
	return map;
}

BRI_EXPORT dispatch_data_t dispatch_data_create_concat(dispatch_data_t data1, dispatch_data_t data2)
{
	return bri_data_concat(data1, data2);
}

BRI_EXPORT dispatch_data_t dispatch_data_create_subrange(
	dispatch_data_t data, size_t offset, size_t length)
{
	return bri_data_subrange(data, offset, length);
}

BRI_EXPORT bool dispatch_data_apply_f(
	dispatch_data_t data, void *context, dispatch_data_applier_f applier)
{
	struct bri_data_record self;
	const struct bri_data_record *rec;
	uint32_t count = 0;
	size_t at = 0;
	bool go_on = applier;

	rec = data ? records_of(data, &self, &count) : NULL;
	for (uint32_t i = 0; go_on && i < count; i++) {
		const struct bri_data_record *r = &rec[i];
		struct dispatch_data_s *region = slice(r->leaf, r->offset, r->length);

		if (!region)
			return false;
		go_on = applier(context, region, at, r->leaf->bytes + r->offset, r->length);
		bri_object_release(region);
		at += r->length;
	}
	return go_on;
}

BRI_EXPORT dispatch_data_t dispatch_data_copy_region(
	dispatch_data_t data, size_t location, size_t *offset_ptr)
{
	struct bri_data_record self;
	const struct bri_data_record *rec;
	uint32_t count = 0;
	size_t at = 0, ignored;

	if (!offset_ptr)
		offset_ptr = &ignored;
	rec = data ? records_of(data, &self, &count) : NULL;
	for (uint32_t i = 0; i < count; at += rec[i++].length) {
		if (location - at >= rec[i].length)
			continue;
		*offset_ptr = at;
		return count == 1 ? bri_object_retain(data)
				  : slice(rec[i].leaf, rec[i].offset, rec[i].length);
	}
	*offset_ptr = bri_data_size(data);
	return EMPTY;
}
