/*
 * CoreFoundation's objects, as the pack holds them. Every one starts with a struct bri_object, so
 * all retain and release functions of the library work on all of them. Knows nothing of networks.
 */
#ifndef BRI_CF_H
#define BRI_CF_H

#include <CoreFoundation/CoreFoundation.h>
#include "base/object.h"

struct __CFString {
	struct bri_object base;
	bool is_mutable;
	CFIndex limit;  /* UTF-16 units of a mutable one; 0: none */
	CFIndex length; /* UTF-16 units */
	size_t size;    /* bytes */
	size_t room;    /* bytes allocated, with the NUL; 0: text is a literal */
	char *text;     /* UTF-8 (RFC 3629), valid, NUL after the end */
};

struct __CFData {
	struct bri_object base;
	bool is_mutable;
	size_t limit; /* bytes of a mutable one; 0: none */
	size_t size;
	size_t room;
	uint8_t *bytes;
};

extern const struct bri_class bri_cf_string_class;

/* A constant CFString of a literal: an object that needs no start-up code. ASCII only. */
#define BRI_CF_CONSTANT(name, literal)                                                             \
	static struct __CFString name##_object = {                                                 \
		.base = BRI_OBJECT_STATIC(&bri_cf_string_class),                                   \
		.length = sizeof(literal) - 1,                                                     \
		.size = sizeof(literal) - 1,                                                       \
		.text = (char *)(literal),                                                         \
	};                                                                                         \
	const CFStringRef name = &name##_object

/* --- cf_base.c --- */
/* bri_cf_check(): obj is of this kind; else one line is logged that names the function. */
bool bri_cf_check(const void *obj, enum bri_kind kind, const char *function);
/* bri_cf_describe(): words about any object, malloc'd; NULL: no memory. */
char *bri_cf_describe(CFTypeRef cf);
/* bri_cf_range_ok(): the range lies within `count` items. */
bool bri_cf_range_ok(CFRange range, CFIndex count);
/* bri_cf_retain_value(), bri_cf_release_value(): for collections of objects. */
const void *bri_cf_retain_value(CFAllocatorRef allocator, const void *value);
void bri_cf_release_value(CFAllocatorRef allocator, const void *value);

/* --- cf_string.c --- */
/* bri_cf_string_new(): +1, of valid UTF-8; NULL: it is not, or no memory. */
CFStringRef bri_cf_string_new(const char *text, size_t size);
CFStringRef bri_cf_string_printf(const char *fmt, ...) BRI_PRINTF(1, 2);

/* --- cf_data.c --- */
CFDataRef bri_cf_data_new(const void *bytes, size_t size);

#endif
