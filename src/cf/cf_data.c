/* Bytes. */
#include "cf/cf.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_BYTES 24 /* of a description */

static void destroy(struct bri_object *obj)
{
	struct __CFData *data = bri_container_of(obj, struct __CFData, base);

	free(data->bytes);
	free(data);
}

static bool equal(const struct bri_object *a, const struct bri_object *b)
{
	CFDataRef x = (CFDataRef)(const void *)a, y = (CFDataRef)(const void *)b;

	return x->size == y->size && (x->size == 0 || memcmp(x->bytes, y->bytes, x->size) == 0);
}

static uintptr_t hash(const struct bri_object *obj)
{
	CFDataRef data = (CFDataRef)(const void *)obj;
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (size_t i = 0; i < data->size; i++)
		h = (h ^ data->bytes[i]) * UINT64_C(0x100000001b3);
	return (uintptr_t)h;
}

static char *describe(const struct bri_object *obj)
{
	CFDataRef data = (CFDataRef)(const void *)obj;
	size_t shown = bri_min_size(data->size, SHOWN_BYTES);
	char hex[2 * SHOWN_BYTES + 1] = "", *text;

	for (size_t i = 0; i < shown; i++)
		snprintf(hex + 2 * i, 3, "%02x", data->bytes[i]);
	if (asprintf(&text, "<CFData %zu bytes 0x%s%s>", data->size, hex,
		    shown < data->size ? "..." : "") < 0)
		return NULL;
	return text;
}

static const struct bri_class data_class = {
	.name = "CFData",
	.kind = BRI_KIND_CF_DATA,
	.destroy = destroy,
	.equal = equal,
	.hash = hash,
	.describe = describe,
};

static bool resize(struct __CFData *data, size_t size)
{
	size_t room = data->is_mutable ? size + size / 2 : size;
	uint8_t *bytes;

	if (size > LONG_MAX / 2 || (data->limit > 0 && size > data->limit))
		return false;
	if (size > data->room) {
		bytes = realloc(data->bytes, room);
		if (!bytes)
			return false;
		data->bytes = bytes;
		data->room = room;
	}
	if (size > data->size)
		memset(data->bytes + data->size, 0, size - data->size);
	data->size = size;
	return true;
}

static struct __CFData *new_data(const void *bytes, size_t size, bool is_mutable, size_t limit)
{
	struct __CFData *data = bri_object_new(&data_class, sizeof(*data));

	if (!data)
		return NULL;
	data->is_mutable = is_mutable;
	data->limit = limit;
	if (!resize(data, size)) {
		bri_object_release(data);
		return NULL;
	}
	if (size > 0)
		memcpy(data->bytes, bytes, size);
	return data;
}

CFDataRef bri_cf_data_new(const void *bytes, size_t size)
{
	return new_data(bytes, size, false, 0);
}

CFTypeID CFDataGetTypeID(void)
{
	return BRI_KIND_CF_DATA;
}

CFDataRef CFDataCreate(CFAllocatorRef allocator, const UInt8 *bytes, CFIndex length)
{
	(void)allocator;
	if (length < 0 || (!bytes && length > 0))
		return NULL;
	return new_data(bytes, (size_t)length, false, 0);
}

CFDataRef CFDataCreateWithBytesNoCopy(CFAllocatorRef allocator, const UInt8 *bytes, CFIndex length,
	CFAllocatorRef bytesDeallocator)
{
	CFDataRef data = CFDataCreate(allocator, bytes, length);

	if (data && bytesDeallocator != kCFAllocatorNull)
		free((void *)bytes);
	return data;
}

CFDataRef CFDataCreateCopy(CFAllocatorRef allocator, CFDataRef theData)
{
	(void)allocator;
	if (!bri_cf_check(theData, BRI_KIND_CF_DATA, __func__))
		return NULL;
	return theData->is_mutable ? new_data(theData->bytes, theData->size, false, 0)
				   : CFRetain(theData);
}

CFMutableDataRef CFDataCreateMutable(CFAllocatorRef allocator, CFIndex capacity)
{
	(void)allocator;
	return capacity < 0 ? NULL : new_data(NULL, 0, true, (size_t)capacity);
}

CFMutableDataRef CFDataCreateMutableCopy(
	CFAllocatorRef allocator, CFIndex capacity, CFDataRef theData)
{
	(void)allocator;
	if (capacity < 0 || !bri_cf_check(theData, BRI_KIND_CF_DATA, __func__))
		return NULL;
	return new_data(theData->bytes, theData->size, true, (size_t)capacity);
}

CFIndex CFDataGetLength(CFDataRef theData)
{
	return bri_cf_check(theData, BRI_KIND_CF_DATA, __func__) ? (CFIndex)theData->size : 0;
}

const UInt8 *CFDataGetBytePtr(CFDataRef theData)
{
	if (!bri_cf_check(theData, BRI_KIND_CF_DATA, __func__))
		return NULL;
	return theData->bytes ? theData->bytes : (const UInt8 *)"";
}

UInt8 *CFDataGetMutableBytePtr(CFMutableDataRef theData)
{
	return bri_cf_check(theData, BRI_KIND_CF_DATA, __func__) && theData->is_mutable
		       ? theData->bytes
		       : NULL;
}

void CFDataGetBytes(CFDataRef theData, CFRange range, UInt8 *buffer)
{
	if (bri_cf_check(theData, BRI_KIND_CF_DATA, __func__) && range.length > 0 &&
		bri_cf_range_ok(range, (CFIndex)theData->size))
		memcpy(buffer, theData->bytes + range.location, (size_t)range.length);
}

void CFDataSetLength(CFMutableDataRef theData, CFIndex length)
{
	if (bri_cf_check(theData, BRI_KIND_CF_DATA, __func__) && theData->is_mutable && length >= 0)
		resize(theData, (size_t)length);
}

void CFDataAppendBytes(CFMutableDataRef theData, const UInt8 *bytes, CFIndex length)
{
	size_t old;

	if (!bri_cf_check(theData, BRI_KIND_CF_DATA, __func__) || !theData->is_mutable || !bytes ||
		length <= 0)
		return;
	old = theData->size;
	if (resize(theData, old + (size_t)length))
		memcpy(theData->bytes + old, bytes, (size_t)length);
}
