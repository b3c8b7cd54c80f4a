/* Strings: valid UTF-8, with their length in UTF-16 units at hand. */
#include "cf/cf_string.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "cf/cf_utf.h"

static void destroy(struct bri_object *obj)
{
	struct __CFString *s = bri_container_of(obj, struct __CFString, base);

	if (s->room)
		free(s->text);
	free(s);
}

static bool equal(const struct bri_object *a, const struct bri_object *b)
{
	CFStringRef x = (CFStringRef)(const void *)a, y = (CFStringRef)(const void *)b;

	return x->size == y->size && memcmp(x->text, y->text, x->size) == 0;
}

/* FNV-1a, 64 bit */
static uintptr_t hash(const struct bri_object *obj)
{
	CFStringRef s = (CFStringRef)(const void *)obj;
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < s->size; i++)
		h = (h ^ (uint8_t)s->text[i]) * UINT64_C(0x100000001b3);
	return (uintptr_t)h;
}

static char *describe(const struct bri_object *obj)
{
	return strdup(((CFStringRef)(const void *)obj)->text);
}

const struct bri_class bri_cf_string_class = {
	.name = "CFString",
	.kind = BRI_KIND_CF_STRING,
	.destroy = destroy,
	.equal = equal,
	.hash = hash,
	.describe = describe,
};

static struct __CFString *new_string(bool is_mutable, CFIndex limit)
{
	struct __CFString *s = bri_object_new(&bri_cf_string_class, sizeof(*s));

	if (!s)
		return NULL;
	s->text = calloc(1, 1);
	s->room = s->text ? 1 : 0;
	if (!s->text) {
		bri_object_release(s);
		return NULL;
	}
	s->is_mutable = is_mutable;
	s->limit = limit;
	return s;
}

static int reserve(struct __CFString *s, size_t more)
{
	size_t need = s->size + more + 1, room;
	char *text;

	if (need <= s->room)
		return 0;
	if (more > SIZE_MAX / 4 || s->size > SIZE_MAX / 4)
		return -ENOMEM;
	room = s->is_mutable ? need + need / 2 : need;
	text = realloc(s->text, room);
	if (!text)
		return -ENOMEM;
	s->text = text;
	s->room = room;
	return 0;
}

int bri_cf_string_append(struct __CFString *s, const char *text, size_t size)
{
	ptrdiff_t units = bri_utf8_length(text, size);
	bool own = text == s->text; /* appended to itself */

	if (units < 0)
		return -EILSEQ;
	if (s->limit > 0 && units > s->limit - s->length)
		return -ENOBUFS;
	if (reserve(s, size) < 0)
		return -ENOMEM;
	memmove(s->text + s->size, own ? s->text : text, size);
	s->size += size;
	s->text[s->size] = '\0';
	s->length += units;
	return 0;
}

CFStringRef bri_cf_string_new(const char *text, size_t size)
{
	struct __CFString *s = new_string(false, 0);

	if (s && bri_cf_string_append(s, text, size) < 0) {
		bri_object_release(s);
		return NULL;
	}
	return s;
}

CFStringRef bri_cf_string_printf(const char *fmt, ...)
{
	char *text;
	va_list ap;
	CFStringRef s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return NULL;
	s = bri_cf_string_new(text, (size_t)n);
	free(text);
	return s;
}

/* --- constants --- */

struct constant {
	struct __CFString string;
	struct constant *next;
	char text[];
};

#define BUCKETS 64
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct constant *constants[BUCKETS];

static struct constant *new_constant(const char *text, size_t size, ptrdiff_t units)
{
	struct constant *c = calloc(1, sizeof(*c) + size + 1);

	if (!c)
		bri_abort("no memory for a constant string"); /* callers of CFSTR cannot look */
	bri_object_init(&c->string.base, &bri_cf_string_class);
	atomic_store(&c->string.base.ext, BRI_IMMORTAL);
	memcpy(c->text, text, size);
	c->string.text = c->text;
	c->string.size = size;
	c->string.length = units;
	return c;
}

CFStringRef __CFStringMakeConstantString(const char *cStr)
{
	size_t size = cStr ? strlen(cStr) : 0;
	ptrdiff_t units = bri_utf8_length(cStr ? cStr : "", size);
	struct constant **at, *found;

	if (units < 0) /* not UTF-8: a program's literal in some other encoding */
		return __CFStringMakeConstantString("");
	at = &constants[(size * 31 + (size ? (uint8_t)cStr[0] + 7U * (uint8_t)cStr[size - 1] : 0)) %
			BUCKETS];
	pthread_mutex_lock(&lock);
	for (found = *at; found; found = found->next) {
		if (found->string.size == size &&
			(size == 0 || memcmp(found->text, cStr, size) == 0))
			break;
	}
	if (!found) {
		found = new_constant(cStr ? cStr : "", size, units);
		found->next = *at;
		*at = found;
	}
	pthread_mutex_unlock(&lock);
	return &found->string;
}

/* --- creation --- */

CFTypeID CFStringGetTypeID(void)
{
	return BRI_KIND_CF_STRING;
}

CFStringRef CFStringCreateWithBytes(CFAllocatorRef alloc, const UInt8 *bytes, CFIndex numBytes,
	CFStringEncoding encoding, Boolean isExternalRepresentation)
{
	CFStringRef s;
	size_t size;
	char *text;

	(void)alloc;
	if (numBytes < 0 || (!bytes && numBytes > 0))
		return NULL;
	text = bri_cf_string_decode(bytes ? bytes : (const UInt8 *)"", (size_t)numBytes, encoding,
		isExternalRepresentation, &size);
	if (!text)
		return NULL;
	s = bri_cf_string_new(text, size);
	free(text);
	return s;
}

CFStringRef CFStringCreateWithCString(
	CFAllocatorRef alloc, const char *cStr, CFStringEncoding encoding)
{
	if (!cStr)
		return NULL;
	return CFStringCreateWithBytes(
		alloc, (const UInt8 *)cStr, (CFIndex)strlen(cStr), encoding, false);
}

CFStringRef CFStringCreateWithCStringNoCopy(CFAllocatorRef alloc, const char *cStr,
	CFStringEncoding encoding, CFAllocatorRef contentsDeallocator)
{
	CFStringRef s = CFStringCreateWithCString(alloc, cStr, encoding);

	if (s && contentsDeallocator != kCFAllocatorNull)
		free((void *)cStr);
	return s;
}

CFStringRef CFStringCreateWithCharacters(
	CFAllocatorRef alloc, const UniChar *chars, CFIndex numChars)
{
	if (numChars < 0 || numChars > LONG_MAX / 2)
		return NULL;
	return CFStringCreateWithBytes(
		alloc, (const UInt8 *)chars, numChars * 2, kCFStringEncodingUTF16, false);
}

CFStringRef CFStringCreateCopy(CFAllocatorRef alloc, CFStringRef theString)
{
	(void)alloc;
	if (!bri_cf_check(theString, BRI_KIND_CF_STRING, __func__))
		return NULL;
	if (!theString->is_mutable)
		return CFRetain(theString);
	return bri_cf_string_new(theString->text, theString->size);
}

CFMutableStringRef CFStringCreateMutable(CFAllocatorRef alloc, CFIndex maxLength)
{
	(void)alloc;
	return maxLength < 0 ? NULL : new_string(true, maxLength);
}

CFMutableStringRef CFStringCreateMutableCopy(
	CFAllocatorRef alloc, CFIndex maxLength, CFStringRef theString)
{
	CFMutableStringRef s;

	if (!bri_cf_check(theString, BRI_KIND_CF_STRING, __func__))
		return NULL;
	s = CFStringCreateMutable(alloc, maxLength);
	if (s && bri_cf_string_append(s, theString->text, theString->size) < 0) {
		CFRelease(s);
		return NULL;
	}
	return s;
}

static bool may_change(CFMutableStringRef s, const char *function)
{
	return bri_cf_check(s, BRI_KIND_CF_STRING, function) && s->is_mutable;
}

void CFStringAppend(CFMutableStringRef theString, CFStringRef appendedString)
{
	if (may_change(theString, __func__) &&
		bri_cf_check(appendedString, BRI_KIND_CF_STRING, __func__))
		bri_cf_string_append(theString, appendedString->text, appendedString->size);
}

void CFStringAppendCString(
	CFMutableStringRef theString, const char *cStr, CFStringEncoding encoding)
{
	size_t size;
	char *text;

	if (!may_change(theString, __func__) || !cStr)
		return;
	text = bri_cf_string_decode((const uint8_t *)cStr, strlen(cStr), encoding, false, &size);
	if (text)
		bri_cf_string_append(theString, text, size);
	free(text);
}

/* --- reading --- */

CFIndex CFStringGetLength(CFStringRef theString)
{
	return bri_cf_check(theString, BRI_KIND_CF_STRING, __func__) ? theString->length : 0;
}

CFIndex CFStringGetMaximumSizeForEncoding(CFIndex length, CFStringEncoding encoding)
{
	CFIndex each = 1;

	if (encoding == kCFStringEncodingUTF8)
		each = 3; /* 2 units that are one character have 4 bytes */
	else if ((encoding & 0xfff) == kCFStringEncodingUTF16)
		each = 2;
	if (length < 0 || length > LONG_MAX / each)
		return kCFNotFound;
	return length * each;
}

Boolean CFStringGetCString(
	CFStringRef theString, char *buffer, CFIndex bufferSize, CFStringEncoding encoding)
{
	CFIndex used;

	if (!buffer || bufferSize < 1 || !bri_cf_check(theString, BRI_KIND_CF_STRING, __func__))
		return false;
	if (CFStringGetBytes(theString, CFRangeMake(0, theString->length), encoding, 0, false,
		    (UInt8 *)buffer, bufferSize - 1, &used) != theString->length) {
		buffer[0] = '\0';
		return false;
	}
	buffer[used] = '\0';
	return true;
}

const char *CFStringGetCStringPtr(CFStringRef theString, CFStringEncoding encoding)
{
	if (!bri_cf_check(theString, BRI_KIND_CF_STRING, __func__) ||
		strlen(theString->text) != theString->size)
		return NULL;
	if (encoding == kCFStringEncodingUTF8)
		return theString->text;
	/* as many bytes as units: ASCII, which is a part of these */
	if (theString->length == (CFIndex)theString->size &&
		(encoding == kCFStringEncodingASCII || encoding == kCFStringEncodingISOLatin1 ||
			encoding == kCFStringEncodingMacRoman))
		return theString->text;
	return NULL;
}

SInt32 CFStringGetIntValue(CFStringRef str)
{
	long value;

	if (!bri_cf_check(str, BRI_KIND_CF_STRING, __func__))
		return 0;
	value = strtol(str->text, NULL, 10);
	return value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : (SInt32)value;
}

CFComparisonResult CFStringCompare(
	CFStringRef theString1, CFStringRef theString2, CFStringCompareFlags compareOptions)
{
	size_t n;
	int order;

	if (!bri_cf_check(theString1, BRI_KIND_CF_STRING, __func__) ||
		!bri_cf_check(theString2, BRI_KIND_CF_STRING, __func__))
		return kCFCompareLessThan;
	/* UTF-8 sorts as code points do (RFC 3629 section 1) */
	n = bri_min_size(theString1->size, theString2->size);
	order = 0;
	for (size_t i = 0; i < n && order == 0; i++) {
		int a = (uint8_t)theString1->text[i], b = (uint8_t)theString2->text[i];

		if (compareOptions & kCFCompareCaseInsensitive) {
			a = a >= 'A' && a <= 'Z' ? a + 32 : a;
			b = b >= 'A' && b <= 'Z' ? b + 32 : b;
		}
		order = a - b;
	}
	if (order == 0 && theString1->size != theString2->size)
		order = theString1->size < theString2->size ? -1 : 1;
	return order < 0   ? kCFCompareLessThan
	       : order > 0 ? kCFCompareGreaterThan
			   : kCFCompareEqualTo;
}

Boolean CFStringHasPrefix(CFStringRef theString, CFStringRef prefix)
{
	return bri_cf_check(theString, BRI_KIND_CF_STRING, __func__) &&
	       bri_cf_check(prefix, BRI_KIND_CF_STRING, __func__) &&
	       prefix->size <= theString->size &&
	       memcmp(theString->text, prefix->text, prefix->size) == 0;
}

Boolean CFStringHasSuffix(CFStringRef theString, CFStringRef suffix)
{
	return bri_cf_check(theString, BRI_KIND_CF_STRING, __func__) &&
	       bri_cf_check(suffix, BRI_KIND_CF_STRING, __func__) &&
	       suffix->size <= theString->size &&
	       memcmp(theString->text + theString->size - suffix->size, suffix->text,
		       suffix->size) == 0;
}
