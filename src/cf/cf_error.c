/* Errors: a domain, a number, and more in a dictionary. */
#include "cf/cf.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct __CFError {
	struct bri_object base;
	CFStringRef domain;
	CFIndex code;
	CFDictionaryRef info; /* NULL: empty */
};

BRI_CF_CONSTANT(kCFErrorDomainPOSIX, "NSPOSIXErrorDomain");
BRI_CF_CONSTANT(kCFErrorDomainOSStatus, "NSOSStatusErrorDomain");
BRI_CF_CONSTANT(kCFErrorDomainMach, "NSMachErrorDomain");
BRI_CF_CONSTANT(kCFErrorDomainCocoa, "NSCocoaErrorDomain");
BRI_CF_CONSTANT(kCFErrorLocalizedDescriptionKey, "NSLocalizedDescription");
BRI_CF_CONSTANT(kCFErrorLocalizedFailureReasonKey, "NSLocalizedFailureReason");
BRI_CF_CONSTANT(kCFErrorDescriptionKey, "NSDescription");
BRI_CF_CONSTANT(kCFErrorUnderlyingErrorKey, "NSUnderlyingError");

static void destroy(struct bri_object *obj)
{
	struct __CFError *e = bri_container_of(obj, struct __CFError, base);

	CFRelease(e->domain);
	CFRelease(e->info);
	free(e);
}

static bool equal(const struct bri_object *x, const struct bri_object *y)
{
	const struct __CFError *a = (const void *)x, *b = (const void *)y;

	return a->code == b->code && CFEqual(a->domain, b->domain) && CFEqual(a->info, b->info);
}

static uintptr_t hash(const struct bri_object *obj)
{
	return (uintptr_t)((const struct __CFError *)(const void *)obj)->code;
}

static char *describe(const struct bri_object *obj)
{
	CFStringRef words = CFErrorCopyDescription((CFErrorRef)(void *)obj);
	char *text = words ? strdup(words->text) : NULL;

	CFRelease(words);
	return text;
}

static const struct bri_class error_class = {
	.name = "CFError",
	.kind = BRI_KIND_CF_ERROR,
	.destroy = destroy,
	.equal = equal,
	.hash = hash,
	.describe = describe,
};

CFTypeID CFErrorGetTypeID(void)
{
	return BRI_KIND_CF_ERROR;
}

CFErrorRef CFErrorCreate(
	CFAllocatorRef allocator, CFErrorDomain domain, CFIndex code, CFDictionaryRef userInfo)
{
	struct __CFError *e;

	if (!bri_cf_check(domain, BRI_KIND_CF_STRING, __func__) ||
		(userInfo && !bri_cf_check(userInfo, BRI_KIND_CF_DICTIONARY, __func__)))
		return NULL;
	e = bri_object_new(&error_class, sizeof(*e));
	if (!e)
		return NULL;
	e->code = code;
	e->domain = CFStringCreateCopy(allocator, domain);
	e->info = userInfo ? CFDictionaryCreateCopy(allocator, userInfo) : NULL;
	if (!e->domain || (userInfo && !e->info)) {
		bri_object_release(e);
		return NULL;
	}
	return e;
}

CFErrorDomain CFErrorGetDomain(CFErrorRef err)
{
	return bri_cf_check(err, BRI_KIND_CF_ERROR, __func__) ? err->domain : NULL;
}

CFIndex CFErrorGetCode(CFErrorRef err)
{
	return bri_cf_check(err, BRI_KIND_CF_ERROR, __func__) ? err->code : 0;
}

CFDictionaryRef CFErrorCopyUserInfo(CFErrorRef err)
{
	if (!bri_cf_check(err, BRI_KIND_CF_ERROR, __func__))
		return NULL;
	if (err->info)
		return CFRetain(err->info);
	return CFDictionaryCreate(NULL, NULL, NULL, 0, &kCFTypeDictionaryKeyCallBacks,
		&kCFTypeDictionaryValueCallBacks);
}

/* a string of the dictionary, +1; NULL: it has none */
static CFStringRef copy_of_info(CFErrorRef err, CFStringRef key)
{
	CFTypeRef value = err->info ? CFDictionaryGetValue(err->info, key) : NULL;

	return bri_object_is(value, BRI_KIND_CF_STRING) ? CFStringCreateCopy(NULL, value) : NULL;
}

CFStringRef CFErrorCopyFailureReason(CFErrorRef err)
{
	CFStringRef reason;
	const char *text;

	if (!bri_cf_check(err, BRI_KIND_CF_ERROR, __func__))
		return NULL;
	reason = copy_of_info(err, kCFErrorLocalizedFailureReasonKey);
	if (reason || !CFEqual(err->domain, kCFErrorDomainPOSIX) || err->code < 0 ||
		err->code > INT_MAX)
		return reason;
	text = strerrordesc_np((int)err->code); /* no locale, no shared buffer */
	return text ? bri_cf_string_new(text, strlen(text)) : NULL;
}

CFStringRef CFErrorCopyDescription(CFErrorRef err)
{
	CFStringRef words, reason;

	if (!bri_cf_check(err, BRI_KIND_CF_ERROR, __func__))
		return NULL;
	words = copy_of_info(err, kCFErrorLocalizedDescriptionKey);
	if (words)
		return words;
	reason = CFErrorCopyFailureReason(err);
	words = bri_cf_string_printf("The operation could not be completed. %s%s(%s error %ld)",
		reason ? reason->text : "", reason ? " " : "", err->domain->text, err->code);
	CFRelease(reason);
	return words;
}
