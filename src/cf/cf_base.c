/* What all objects can do: counts, kinds, equality, words about them. */
#include "cf/cf.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"

struct __CFAllocator {
	struct bri_object base;
};
struct __CFNull {
	struct bri_object base;
};

static char *describe_null(const struct bri_object *obj)
{
	(void)obj;
	return strdup("<null>");
}

static const struct bri_class allocator_class = { .name = "CFAllocator",
	.kind = BRI_KIND_CF_ALLOCATOR };
static const struct bri_class null_class = {
	.name = "CFNull", .kind = BRI_KIND_CF_NULL, .describe = describe_null
};
static struct __CFAllocator system_allocator = { BRI_OBJECT_STATIC(&allocator_class) };
static struct __CFAllocator malloc_allocator = { BRI_OBJECT_STATIC(&allocator_class) };
static struct __CFAllocator null_allocator = { BRI_OBJECT_STATIC(&allocator_class) };
static struct __CFNull the_null = { BRI_OBJECT_STATIC(&null_class) };

const CFAllocatorRef kCFAllocatorDefault = NULL;
const CFAllocatorRef kCFAllocatorSystemDefault = &system_allocator;
const CFAllocatorRef kCFAllocatorMalloc = &malloc_allocator;
const CFAllocatorRef kCFAllocatorNull = &null_allocator;
const CFNullRef kCFNull = &the_null;

bool bri_cf_check(const void *obj, enum bri_kind kind, const char *function)
{
	if (BRI_LIKELY(bri_object_is(obj, kind)))
		return true;
	bri_error("%s: the argument is %s, which is the wrong kind of object", function,
		obj ? ((const struct bri_object *)obj)->cls->name : "NULL");
	return false;
}

bool bri_cf_range_ok(CFRange range, CFIndex count)
{
	return range.location >= 0 && range.length >= 0 && range.location <= count &&
	       range.length <= count - range.location;
}

char *bri_cf_describe(CFTypeRef cf)
{
	const struct bri_object *obj = cf;
	char *text;

	if (!obj)
		return strdup("(null)");
	if (obj->cls->describe)
		return obj->cls->describe(obj);
	if (asprintf(&text, "<%s %p>", obj->cls->name, cf) < 0)
		return NULL;
	return text;
}

CFTypeRef CFRetain(CFTypeRef cf)
{
	return bri_object_retain((void *)cf);
}

void CFRelease(CFTypeRef cf)
{
	bri_object_release((void *)cf);
}

CFIndex CFGetRetainCount(CFTypeRef cf)
{
	const struct bri_object *obj = cf;

	if (!obj)
		return 0;
	return bri_object_is_counted(obj) ? atomic_load(&obj->ext) : LONG_MAX;
}

CFTypeID CFGetTypeID(CFTypeRef cf)
{
	const struct bri_object *obj = cf;

	return obj ? (CFTypeID)obj->cls->kind : 0;
}

const void *bri_cf_retain_value(CFAllocatorRef allocator, const void *value)
{
	(void)allocator;
	return CFRetain(value);
}

void bri_cf_release_value(CFAllocatorRef allocator, const void *value)
{
	(void)allocator;
	CFRelease(value);
}

Boolean CFEqual(CFTypeRef cf1, CFTypeRef cf2)
{
	const struct bri_object *a = cf1, *b = cf2;

	if (a == b)
		return true;
	return a && b && a->cls == b->cls && a->cls->equal && a->cls->equal(a, b);
}

CFHashCode CFHash(CFTypeRef cf)
{
	const struct bri_object *obj = cf;

	if (!obj)
		return 0;
	return obj->cls->hash ? obj->cls->hash(obj) : (CFHashCode)(uintptr_t)cf >> 4;
}

CFStringRef CFCopyDescription(CFTypeRef cf)
{
	char *text = bri_cf_describe(cf);
	CFStringRef string = text ? bri_cf_string_new(text, strlen(text)) : NULL;

	free(text);
	return string;
}

void CFShow(CFTypeRef obj)
{
	char *text = bri_cf_describe(obj);

	fprintf(stderr, "%s\n", text ? text : "(no memory)");
	free(text);
}

CFTypeID CFNullGetTypeID(void)
{
	return BRI_KIND_CF_NULL;
}
