/* Values that are found by keys: a hash table with linear probing. */
#include "cf/cf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct slot {
	bool used;
	CFHashCode hash;
	const void *key;
	const void *value;
};

struct __CFDictionary {
	struct bri_object base;
	bool is_mutable;
	size_t n;
	size_t room; /* slots: 0, or a power of two, and at most 3/4 of them used */
	struct slot *slots;
	CFDictionaryKeyCallBacks on_key;
	CFDictionaryValueCallBacks on_value;
};

static const void *copy_string(CFAllocatorRef allocator, const void *value)
{
	return CFStringCreateCopy(allocator, value);
}

const CFDictionaryKeyCallBacks kCFTypeDictionaryKeyCallBacks = {
	.retain = bri_cf_retain_value,
	.release = bri_cf_release_value,
	.copyDescription = CFCopyDescription,
	.equal = CFEqual,
	.hash = CFHash,
};
const CFDictionaryKeyCallBacks kCFCopyStringDictionaryKeyCallBacks = {
	.retain = copy_string,
	.release = bri_cf_release_value,
	.copyDescription = CFCopyDescription,
	.equal = CFEqual,
	.hash = CFHash,
};
const CFDictionaryValueCallBacks kCFTypeDictionaryValueCallBacks = {
	.retain = bri_cf_retain_value,
	.release = bri_cf_release_value,
	.copyDescription = CFCopyDescription,
	.equal = CFEqual,
};

static const void *keep(CFDictionaryRetainCallBack call, const void *value)
{
	return call ? call(NULL, value) : value;
}

static void drop(CFDictionaryReleaseCallBack call, const void *value)
{
	if (call)
		call(NULL, value);
}

static CFHashCode hash_of(CFDictionaryRef d, const void *key)
{
	CFHashCode h = d->on_key.hash ? d->on_key.hash(key) : (CFHashCode)(uintptr_t)key >> 3;

	return h * 0x9e3779b1UL ^ h >> 15; /* pointers and small numbers are spread */
}

/* the slot of the key, or the free one where it would be. There is room. */
static size_t find(CFDictionaryRef d, const void *key, CFHashCode h)
{
	size_t i = h & (d->room - 1);

	while (d->slots[i].used) {
		const struct slot *s = &d->slots[i];

		if (s->hash == h &&
			(s->key == key || (d->on_key.equal && d->on_key.equal(s->key, key))))
			break;
		i = (i + 1) & (d->room - 1);
	}
	return i;
}

static const struct slot *look_up(CFDictionaryRef d, const void *key)
{
	size_t i;

	if (d->n == 0)
		return NULL;
	i = find(d, key, hash_of(d, key));
	return d->slots[i].used ? &d->slots[i] : NULL;
}

static bool grow(struct __CFDictionary *d)
{
	struct slot *old = d->slots;
	size_t n = d->room;

	if (n > 0 && d->n + 1 <= n - n / 4)
		return true;
	d->slots = calloc(n ? n * 2 : 8, sizeof(*old));
	if (!d->slots) {
		d->slots = old;
		return false;
	}
	d->room = n ? n * 2 : 8;
	for (size_t i = 0; i < n; i++) {
		if (old[i].used)
			d->slots[find(d, old[i].key, old[i].hash)] = old[i];
	}
	free(old);
	return true;
}

static void set(struct __CFDictionary *d, const void *key, const void *value, bool replace)
{
	CFHashCode h = hash_of(d, key);
	const void *old, *own;
	struct slot *s;

	if (!grow(d))
		return;
	s = &d->slots[find(d, key, h)];
	if (s->used) {
		if (!replace)
			return;
		old = s->value;
		s->value = keep(d->on_value.retain, value);
		drop(d->on_value.release, old);
		return;
	}
	own = keep(d->on_key.retain, key);
	if (key && !own)
		return; /* a copy for which there was no memory */
	*s = (struct slot) { true, h, own, keep(d->on_value.retain, value) };
	d->n++;
}

/* those behind the gap move up, so that no search ends at it too early */
static void close_gap(struct __CFDictionary *d, size_t gap)
{
	size_t mask = d->room - 1;

	for (size_t i = (gap + 1) & mask; d->slots[i].used; i = (i + 1) & mask) {
		size_t home = d->slots[i].hash & mask;

		/* may it go to the gap? Not when its home lies behind the gap. */
		if (((i - home) & mask) < ((i - gap) & mask))
			continue;
		d->slots[gap] = d->slots[i];
		gap = i;
	}
	d->slots[gap] = (struct slot) { 0 };
}

static void drop_slots(struct __CFDictionary *d)
{
	struct slot *slots = d->slots;
	size_t room = d->room;

	d->slots = NULL;
	d->room = 0;
	d->n = 0;
	for (size_t i = 0; i < room; i++) {
		if (!slots[i].used)
			continue;
		drop(d->on_key.release, slots[i].key);
		drop(d->on_value.release, slots[i].value);
	}
	free(slots);
}

static void destroy(struct bri_object *obj)
{
	struct __CFDictionary *d = bri_container_of(obj, struct __CFDictionary, base);

	drop_slots(d);
	free(d);
}

static bool equal(const struct bri_object *x, const struct bri_object *y)
{
	CFDictionaryRef a = (CFDictionaryRef)(const void *)x, b = (CFDictionaryRef)(const void *)y;

	if (a->n != b->n || a->on_key.equal != b->on_key.equal ||
		a->on_value.equal != b->on_value.equal)
		return false;
	for (size_t i = 0; i < a->room; i++) {
		const struct slot *s = &a->slots[i], *other;

		if (!s->used)
			continue;
		other = look_up(b, s->key);
		if (!other ||
			(other->value != s->value &&
				(!a->on_value.equal || !a->on_value.equal(other->value, s->value))))
			return false;
	}
	return true;
}

static uintptr_t hash(const struct bri_object *obj)
{
	return (uintptr_t)((CFDictionaryRef)(const void *)obj)->n;
}

static void print_one(FILE *out, const void *value, bool is_object)
{
	char *text = is_object ? bri_cf_describe(value) : NULL;

	if (text)
		fputs(text, out);
	else
		fprintf(out, "%p", value);
	free(text);
}

static char *describe(const struct bri_object *obj)
{
	CFDictionaryRef d = (CFDictionaryRef)(const void *)obj;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	bool first = true;

	if (!out)
		return NULL;
	fputs("{", out);
	for (size_t i = 0; i < d->room; i++) {
		if (!d->slots[i].used)
			continue;
		fputs(first ? "" : ", ", out);
		first = false;
		print_one(out, d->slots[i].key, d->on_key.copyDescription == CFCopyDescription);
		fputs(" = ", out);
		print_one(out, d->slots[i].value, d->on_value.copyDescription == CFCopyDescription);
	}
	fputs("}", out);
	return fclose(out) == 0 ? text : NULL;
}

static const struct bri_class dictionary_class = {
	.name = "CFDictionary",
	.kind = BRI_KIND_CF_DICTIONARY,
	.destroy = destroy,
	.equal = equal,
	.hash = hash,
	.describe = describe,
};

static struct __CFDictionary *new_dictionary(const CFDictionaryKeyCallBacks *on_key,
	const CFDictionaryValueCallBacks *on_value, bool is_mutable)
{
	struct __CFDictionary *d = bri_object_new(&dictionary_class, sizeof(*d));

	if (!d)
		return NULL;
	if (on_key)
		d->on_key = *on_key;
	if (on_value)
		d->on_value = *on_value;
	d->is_mutable = is_mutable;
	return d;
}

static struct __CFDictionary *copy(CFDictionaryRef from, bool is_mutable)
{
	struct __CFDictionary *d = new_dictionary(&from->on_key, &from->on_value, is_mutable);

	for (size_t i = 0; d && i < from->room; i++) {
		if (from->slots[i].used)
			set(d, from->slots[i].key, from->slots[i].value, true);
	}
	if (d && d->n != from->n) { /* no memory half way */
		bri_object_release(d);
		return NULL;
	}
	return d;
}

static bool may_change(CFMutableDictionaryRef d, const char *function)
{
	return bri_cf_check(d, BRI_KIND_CF_DICTIONARY, function) && d->is_mutable;
}

CFTypeID CFDictionaryGetTypeID(void)
{
	return BRI_KIND_CF_DICTIONARY;
}

CFDictionaryRef CFDictionaryCreate(CFAllocatorRef allocator, const void **keys, const void **values,
	CFIndex numValues, const CFDictionaryKeyCallBacks *keyCallBacks,
	const CFDictionaryValueCallBacks *valueCallBacks)
{
	struct __CFDictionary *d;

	(void)allocator;
	if (numValues < 0 || (numValues > 0 && (!keys || !values)))
		return NULL;
	d = new_dictionary(keyCallBacks, valueCallBacks, false);
	for (CFIndex i = 0; d && i < numValues; i++) {
		set(d, keys[i], values[i], true);
		if (!look_up(d, keys[i])) {
			bri_object_release(d);
			return NULL;
		}
	}
	return d;
}

CFDictionaryRef CFDictionaryCreateCopy(CFAllocatorRef allocator, CFDictionaryRef theDict)
{
	(void)allocator;
	if (!bri_cf_check(theDict, BRI_KIND_CF_DICTIONARY, __func__))
		return NULL;
	return theDict->is_mutable ? copy(theDict, false) : CFRetain(theDict);
}

CFMutableDictionaryRef CFDictionaryCreateMutable(CFAllocatorRef allocator, CFIndex capacity,
	const CFDictionaryKeyCallBacks *keyCallBacks,
	const CFDictionaryValueCallBacks *valueCallBacks)
{
	(void)allocator;
	return capacity < 0 ? NULL : new_dictionary(keyCallBacks, valueCallBacks, true);
}

CFMutableDictionaryRef CFDictionaryCreateMutableCopy(
	CFAllocatorRef allocator, CFIndex capacity, CFDictionaryRef theDict)
{
	(void)allocator;
	if (capacity < 0 || !bri_cf_check(theDict, BRI_KIND_CF_DICTIONARY, __func__))
		return NULL;
	return copy(theDict, true);
}

CFIndex CFDictionaryGetCount(CFDictionaryRef theDict)
{
	return bri_cf_check(theDict, BRI_KIND_CF_DICTIONARY, __func__) ? (CFIndex)theDict->n : 0;
}

Boolean CFDictionaryGetValueIfPresent(CFDictionaryRef theDict, const void *key, const void **value)
{
	const struct slot *s;

	if (!bri_cf_check(theDict, BRI_KIND_CF_DICTIONARY, __func__))
		return false;
	s = look_up(theDict, key);
	if (s && value)
		*value = s->value;
	return s != NULL;
}

const void *CFDictionaryGetValue(CFDictionaryRef theDict, const void *key)
{
	const void *value = NULL;

	return CFDictionaryGetValueIfPresent(theDict, key, &value) ? value : NULL;
}

Boolean CFDictionaryContainsKey(CFDictionaryRef theDict, const void *key)
{
	return CFDictionaryGetValueIfPresent(theDict, key, NULL);
}

void CFDictionaryGetKeysAndValues(CFDictionaryRef theDict, const void **keys, const void **values)
{
	size_t n = 0;

	if (!bri_cf_check(theDict, BRI_KIND_CF_DICTIONARY, __func__))
		return;
	for (size_t i = 0; i < theDict->room; i++) {
		if (!theDict->slots[i].used)
			continue;
		if (keys)
			keys[n] = theDict->slots[i].key;
		if (values)
			values[n] = theDict->slots[i].value;
		n++;
	}
}

void CFDictionaryApplyFunction(
	CFDictionaryRef theDict, CFDictionaryApplierFunction CF_NOESCAPE applier, void *context)
{
	if (!bri_cf_check(theDict, BRI_KIND_CF_DICTIONARY, __func__) || !applier)
		return;
	for (size_t i = 0; i < theDict->room; i++) {
		if (theDict->slots[i].used)
			applier(theDict->slots[i].key, theDict->slots[i].value, context);
	}
}

void CFDictionaryAddValue(CFMutableDictionaryRef theDict, const void *key, const void *value)
{
	if (may_change(theDict, __func__))
		set(theDict, key, value, false);
}

void CFDictionarySetValue(CFMutableDictionaryRef theDict, const void *key, const void *value)
{
	if (may_change(theDict, __func__))
		set(theDict, key, value, true);
}

void CFDictionaryRemoveValue(CFMutableDictionaryRef theDict, const void *key)
{
	const struct slot *s;
	struct slot old;

	if (!may_change(theDict, __func__))
		return;
	s = look_up(theDict, key);
	if (!s)
		return;
	old = *s;
	close_gap(theDict, (size_t)(s - theDict->slots));
	theDict->n--;
	drop(theDict->on_key.release, old.key);
	drop(theDict->on_value.release, old.value);
}

void CFDictionaryRemoveAllValues(CFMutableDictionaryRef theDict)
{
	if (may_change(theDict, __func__))
		drop_slots(theDict);
}
