/* Rows of values. */
#include "cf/cf.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct __CFArray {
	struct bri_object base;
	bool is_mutable;
	CFIndex limit; /* values of a mutable one; 0: none */
	CFIndex n;
	CFIndex room;
	const void **values;
	CFArrayCallBacks calls;
};

const CFArrayCallBacks kCFTypeArrayCallBacks = {
	.retain = bri_cf_retain_value,
	.release = bri_cf_release_value,
	.copyDescription = CFCopyDescription,
	.equal = CFEqual,
};

static void drop(CFArrayRef a, const void *value)
{
	if (a->calls.release)
		a->calls.release(NULL, value);
}

static const void *keep(CFArrayRef a, const void *value)
{
	return a->calls.retain ? a->calls.retain(NULL, value) : value;
}

static void destroy(struct bri_object *obj)
{
	struct __CFArray *a = bri_container_of(obj, struct __CFArray, base);

	for (CFIndex i = 0; i < a->n; i++)
		drop(a, a->values[i]);
	free(a->values);
	free(a);
}

static bool same(CFArrayRef a, const void *x, const void *y)
{
	return x == y || (a->calls.equal && a->calls.equal(x, y));
}

static bool equal(const struct bri_object *x, const struct bri_object *y)
{
	CFArrayRef a = (CFArrayRef)(const void *)x, b = (CFArrayRef)(const void *)y;

	if (a->n != b->n || a->calls.equal != b->calls.equal)
		return false;
	for (CFIndex i = 0; i < a->n; i++) {
		if (!same(a, a->values[i], b->values[i]))
			return false;
	}
	return true;
}

static uintptr_t hash(const struct bri_object *obj)
{
	return (uintptr_t)((CFArrayRef)(const void *)obj)->n;
}

static char *describe(const struct bri_object *obj)
{
	CFArrayRef a = (CFArrayRef)(const void *)obj;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fputs("(", out);
	for (CFIndex i = 0; i < a->n; i++) {
		bool objects = a->calls.copyDescription == CFCopyDescription;
		char *one = objects ? bri_cf_describe(a->values[i]) : NULL;

		fprintf(out, "%s", i ? ", " : "");
		if (one)
			fputs(one, out);
		else
			fprintf(out, "%p", a->values[i]);
		free(one);
	}
	fputs(")", out);
	return fclose(out) == 0 ? text : NULL;
}

static const struct bri_class array_class = {
	.name = "CFArray",
	.kind = BRI_KIND_CF_ARRAY,
	.destroy = destroy,
	.equal = equal,
	.hash = hash,
	.describe = describe,
};

static struct __CFArray *new_array(CFIndex room, const CFArrayCallBacks *calls)
{
	struct __CFArray *a;

	if (room < 0)
		return NULL;
	a = bri_object_new(&array_class, sizeof(*a));
	if (!a)
		return NULL;
	if (calls)
		a->calls = *calls;
	a->values = room > 0 ? calloc((size_t)room, sizeof(void *)) : NULL;
	if (room > 0 && !a->values) {
		bri_object_release(a);
		return NULL;
	}
	a->room = room;
	return a;
}

static struct __CFArray *copy_values(const void *const *values, CFIndex n,
	const CFArrayCallBacks *calls, bool is_mutable, CFIndex limit)
{
	struct __CFArray *a;

	if (is_mutable && (limit < 0 || (limit > 0 && n > limit)))
		return NULL;
	a = new_array(n, calls);
	if (!a)
		return NULL;
	a->is_mutable = is_mutable;
	a->limit = limit;
	for (CFIndex i = 0; i < n; i++)
		a->values[a->n++] = keep(a, values[i]);
	return a;
}

static bool make_room(CFMutableArrayRef a, CFIndex more)
{
	CFIndex room = a->room < 8 ? 8 : a->room * 2;
	const void **values;

	if (a->limit > 0 && more > a->limit - a->n)
		return false;
	if (more <= a->room - a->n)
		return true;
	if (room < a->n + more)
		room = a->n + more;
	values = reallocarray(a->values, (size_t)room, sizeof(void *));
	if (!values)
		return false;
	a->values = values;
	a->room = room;
	return true;
}

static bool may_change(CFMutableArrayRef a, const char *function)
{
	return bri_cf_check(a, BRI_KIND_CF_ARRAY, function) && a->is_mutable;
}

CFTypeID CFArrayGetTypeID(void)
{
	return BRI_KIND_CF_ARRAY;
}

CFArrayRef CFArrayCreate(CFAllocatorRef allocator, const void **values, CFIndex numValues,
	const CFArrayCallBacks *callBacks)
{
	(void)allocator;
	if (numValues < 0 || (!values && numValues > 0))
		return NULL;
	return copy_values(values, numValues, callBacks, false, 0);
}

CFArrayRef CFArrayCreateCopy(CFAllocatorRef allocator, CFArrayRef theArray)
{
	(void)allocator;
	if (!bri_cf_check(theArray, BRI_KIND_CF_ARRAY, __func__))
		return NULL;
	if (!theArray->is_mutable)
		return CFRetain(theArray);
	return copy_values(theArray->values, theArray->n, &theArray->calls, false, 0);
}

CFMutableArrayRef CFArrayCreateMutable(
	CFAllocatorRef allocator, CFIndex capacity, const CFArrayCallBacks *callBacks)
{
	(void)allocator;
	return copy_values(NULL, 0, callBacks, true, capacity);
}

CFMutableArrayRef CFArrayCreateMutableCopy(
	CFAllocatorRef allocator, CFIndex capacity, CFArrayRef theArray)
{
	(void)allocator;
	if (!bri_cf_check(theArray, BRI_KIND_CF_ARRAY, __func__))
		return NULL;
	return copy_values(theArray->values, theArray->n, &theArray->calls, true, capacity);
}

CFIndex CFArrayGetCount(CFArrayRef theArray)
{
	return bri_cf_check(theArray, BRI_KIND_CF_ARRAY, __func__) ? theArray->n : 0;
}

const void *CFArrayGetValueAtIndex(CFArrayRef theArray, CFIndex idx)
{
	if (!bri_cf_check(theArray, BRI_KIND_CF_ARRAY, __func__) || idx < 0 || idx >= theArray->n)
		return NULL;
	return theArray->values[idx];
}

CFIndex CFArrayGetFirstIndexOfValue(CFArrayRef theArray, CFRange range, const void *value)
{
	if (!bri_cf_check(theArray, BRI_KIND_CF_ARRAY, __func__) ||
		!bri_cf_range_ok(range, theArray->n))
		return kCFNotFound;
	for (CFIndex i = range.location; i < range.location + range.length; i++) {
		if (same(theArray, theArray->values[i], value))
			return i;
	}
	return kCFNotFound;
}

Boolean CFArrayContainsValue(CFArrayRef theArray, CFRange range, const void *value)
{
	return CFArrayGetFirstIndexOfValue(theArray, range, value) != kCFNotFound;
}

void CFArrayApplyFunction(CFArrayRef theArray, CFRange range,
	CFArrayApplierFunction CF_NOESCAPE applier, void *context)
{
	if (!bri_cf_check(theArray, BRI_KIND_CF_ARRAY, __func__) || !applier ||
		!bri_cf_range_ok(range, theArray->n))
		return;
	for (CFIndex i = range.location; i < range.location + range.length; i++)
		applier(theArray->values[i], context);
}

void CFArrayInsertValueAtIndex(CFMutableArrayRef theArray, CFIndex idx, const void *value)
{
	if (!may_change(theArray, __func__) || idx < 0 || idx > theArray->n ||
		!make_room(theArray, 1))
		return;
	memmove(theArray->values + idx + 1, theArray->values + idx,
		(size_t)(theArray->n - idx) * sizeof(void *));
	theArray->values[idx] = keep(theArray, value);
	theArray->n++;
}

void CFArrayAppendValue(CFMutableArrayRef theArray, const void *value)
{
	if (may_change(theArray, __func__))
		CFArrayInsertValueAtIndex(theArray, theArray->n, value);
}

void CFArrayAppendArray(CFMutableArrayRef theArray, CFArrayRef otherArray, CFRange otherRange)
{
	if (!may_change(theArray, __func__) ||
		!bri_cf_check(otherArray, BRI_KIND_CF_ARRAY, __func__) ||
		!bri_cf_range_ok(otherRange, otherArray->n) ||
		!make_room(theArray, otherRange.length)) /* all of them or none */
		return;
	for (CFIndex i = 0; i < otherRange.length; i++)
		CFArrayAppendValue(theArray, otherArray->values[otherRange.location + i]);
}

void CFArraySetValueAtIndex(CFMutableArrayRef theArray, CFIndex idx, const void *value)
{
	const void *old;

	if (!may_change(theArray, __func__) || idx < 0 || idx > theArray->n)
		return;
	if (idx == theArray->n) {
		CFArrayAppendValue(theArray, value);
		return;
	}
	old = theArray->values[idx];
	theArray->values[idx] = keep(theArray, value);
	drop(theArray, old);
}

void CFArrayRemoveValueAtIndex(CFMutableArrayRef theArray, CFIndex idx)
{
	const void *old;

	if (!may_change(theArray, __func__) || idx < 0 || idx >= theArray->n)
		return;
	old = theArray->values[idx];
	theArray->n--;
	memmove(theArray->values + idx, theArray->values + idx + 1,
		(size_t)(theArray->n - idx) * sizeof(void *));
	drop(theArray, old);
}

void CFArrayRemoveAllValues(CFMutableArrayRef theArray)
{
	if (!may_change(theArray, __func__))
		return;
	while (theArray->n > 0) {
		theArray->n--;
		drop(theArray, theArray->values[theArray->n]);
	}
}
