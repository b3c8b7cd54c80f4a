/* Data that only the caller has: its bytes may be changed where they are. */
#include "dispatch/data_impl.h"

#include <stdlib.h>
#include <string.h>

static const struct bri_data_rope *as_rope(const struct dispatch_data_s *data)
{
	return bri_container_of(data, struct bri_data_rope, data);
}

/* Memory of the library's own, or given to it for good. Mappings may be read-only, and memory with
 * a destructor of the application's is the application's. */
static bool is_ours(const struct dispatch_data_s *leaf)
{
	const struct bri_data_owned *owned;

	if (leaf->kind != BRI_DATA_OWNED)
		return true;
	owned = bri_container_of(leaf, struct bri_data_owned, data);
	return !leaf->foreign && owned->destructor.fn == (bri_any_f)free;
}

static bool is_writable(const struct dispatch_data_s *data)
{
	if (!data->size)
		return true;
	if (!bri_object_is_sole(&data->obj, 1))
		return false;
	if (data->kind != BRI_DATA_ROPE)
		return is_ours(data);
	for (uint32_t i = 0; i < data->count; i++) {
		const struct dispatch_data_s *leaf = as_rope(data)->records[i].leaf;

		if (!bri_object_is_sole(&leaf->obj, 0) || !is_ours(leaf))
			return false;
	}
	return true;
}

struct dispatch_data_s *bri_data_take_writable(struct dispatch_data_s *data)
{
	struct dispatch_data_s *copy;
	uint8_t *bytes;
	size_t at = 0, n;
	struct iovec iov;

	if (!data || is_writable(data))
		return data;
	bytes = malloc(data->size);
	while (bytes && at < data->size) {
		bri_data_iov(data, at, &iov, 1, &n);
		memcpy(bytes + at, iov.iov_base, n);
		at += n;
	}
	copy = bytes ? bri_data_new_freed(bytes, data->size) : NULL;
	if (!copy)
		free(bytes);
	bri_object_release(data);
	return copy;
}
