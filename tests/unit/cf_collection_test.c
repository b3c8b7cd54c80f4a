/* CFArray and CFDictionary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <Network/Network.h>
#include "base/base.h"

static CFStringRef numbered(int i)
{
	char text[32];

	snprintf(text, sizeof(text), "key %d", i);
	return CFStringCreateWithCString(NULL, text, kCFStringEncodingUTF8);
}

static void arrays(void **state)
{
	CFStringRef a = numbered(1), b = numbered(2);
	const void *values[] = { a, b };
	CFArrayRef array = CFArrayCreate(NULL, values, 2, &kCFTypeArrayCallBacks), copy;

	(void)state;
	assert_int_equal(CFGetRetainCount(a), 2);
	assert_int_equal(CFArrayGetCount(array), 2);
	assert_ptr_equal(CFArrayGetValueAtIndex(array, 1), b);
	assert_null(CFArrayGetValueAtIndex(array, 2));
	assert_null(CFArrayGetValueAtIndex(array, -1));
	assert_int_equal(CFArrayGetFirstIndexOfValue(array, CFRangeMake(0, 2), CFSTR("key 2")), 1);
	assert_true(CFArrayContainsValue(array, CFRangeMake(0, 2), CFSTR("key 1")));
	assert_false(CFArrayContainsValue(array, CFRangeMake(1, 1), CFSTR("key 1")));
	assert_false(CFArrayContainsValue(array, CFRangeMake(1, 2), CFSTR("key 2")));
	copy = CFArrayCreateCopy(NULL, array);
	assert_ptr_equal(copy, array); /* immutable */
	CFArrayAppendValue((CFMutableArrayRef)copy, a);
	assert_int_equal(CFArrayGetCount(array), 2);
	CFRelease(copy);
	CFRelease(array);
	assert_int_equal(CFGetRetainCount(a), 1);
	CFRelease(a);
	CFRelease(b);
	assert_null(CFArrayCreate(NULL, values, -1, NULL));
	assert_null(CFArrayCreate(NULL, NULL, 1, NULL));
	assert_int_equal(CFArrayGetCount(NULL), 0);
}

static void sum(const void *value, void *context)
{
	*(long *)context += *(const int *)value;
}

static void bare_pointers(void **state)
{
	static const int numbers[] = { 1, 2, 4 };
	CFMutableArrayRef m = CFArrayCreateMutable(NULL, 0, NULL);
	long total = 0;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		CFArrayAppendValue(m, &numbers[i]);
	CFArrayApplyFunction(m, CFRangeMake(0, 3), sum, &total);
	assert_int_equal(total, 7);
	CFArrayApplyFunction(m, CFRangeMake(1, 1), sum, &total);
	assert_int_equal(total, 9);
	CFArrayApplyFunction(m, CFRangeMake(1, 3), sum, &total); /* beyond the end */
	assert_int_equal(total, 9);
	assert_true(CFArrayContainsValue(m, CFRangeMake(0, 3), &numbers[2]));
	CFRelease(m);
}

static void changing_arrays(void **state)
{
	CFMutableArrayRef m = CFArrayCreateMutable(NULL, 3, &kCFTypeArrayCallBacks), other;
	CFStringRef s = numbered(1), words;

	(void)state;
	CFArrayAppendValue(m, CFSTR("b"));
	CFArrayInsertValueAtIndex(m, 0, CFSTR("a"));
	CFArraySetValueAtIndex(m, 2, s);
	CFArrayAppendValue(m, CFSTR("too many"));
	assert_int_equal(CFArrayGetCount(m), 3);
	words = CFCopyDescription(m);
	assert_true(CFEqual(words, CFSTR("(a, b, key 1)")));
	CFRelease(words);
	assert_int_equal(CFGetRetainCount(s), 2);
	CFArraySetValueAtIndex(m, 2, s);
	assert_int_equal(CFGetRetainCount(s), 2);
	CFArrayRemoveValueAtIndex(m, 0);
	CFArrayRemoveValueAtIndex(m, 5);
	assert_true(CFEqual(CFArrayGetValueAtIndex(m, 0), CFSTR("b")));
	other = CFArrayCreateMutableCopy(NULL, 0, m);
	assert_true(CFEqual(m, other));
	CFArrayAppendArray(other, m, CFRangeMake(0, 2));
	assert_int_equal(CFArrayGetCount(other), 4);
	assert_false(CFEqual(m, other));
	CFArrayAppendArray(other, other, CFRangeMake(0, 4)); /* itself */
	assert_int_equal(CFArrayGetCount(other), 8);
	CFArrayRemoveAllValues(other);
	assert_int_equal(CFArrayGetCount(other), 0);
	CFRelease(other);
	CFRelease(m);
	assert_int_equal(CFGetRetainCount(s), 1);
	CFRelease(s);
	assert_null(CFArrayCreateMutable(NULL, -1, NULL));
}

static void dictionaries(void **state)
{
	CFStringRef key = numbered(1), value = numbered(2);
	const void *keys[] = { key, CFSTR("k2") }, *values[] = { value, kCFBooleanTrue };
	CFDictionaryRef d = CFDictionaryCreate(NULL, keys, values, 2,
		&kCFTypeDictionaryKeyCallBacks, &kCFTypeDictionaryValueCallBacks);
	const void *found = NULL;

	(void)state;
	assert_int_equal(CFDictionaryGetCount(d), 2);
	assert_ptr_equal(CFDictionaryGetValue(d, CFSTR("key 1")), value);
	assert_null(CFDictionaryGetValue(d, CFSTR("key 2")));
	assert_true(CFDictionaryGetValueIfPresent(d, CFSTR("k2"), &found));
	assert_ptr_equal(found, kCFBooleanTrue);
	assert_true(CFDictionaryContainsKey(d, CFSTR("k2")));
	CFDictionarySetValue((CFMutableDictionaryRef)d, CFSTR("k3"), value); /* immutable */
	assert_int_equal(CFDictionaryGetCount(d), 2);
	CFRelease(key);
	CFRelease(d);
	assert_int_equal(CFGetRetainCount(value), 1);
	CFRelease(value);
	assert_null(CFDictionaryCreate(NULL, NULL, NULL, 1, NULL, NULL));
	assert_null(CFDictionaryCreate(NULL, keys, values, -1, NULL, NULL));
	assert_null(CFDictionaryGetValue(NULL, CFSTR("x")));
	assert_int_equal(CFGetTypeID(kCFNull) == CFDictionaryGetTypeID(), 0);
}

/* every hash the same: all searches run through one cluster */
static CFHashCode one_hash(const void *value)
{
	(void)value;
	return 7;
}

static void churn(CFMutableDictionaryRef d, int n)
{
	bool there[256] = { false };
	uint32_t random = 12345;
	CFIndex count = 0;

	for (int step = 0; step < 20000; step++) {
		random = random * 1664525 + 1013904223;
		int k = (int)(random >> 16) % n;
		CFStringRef key = numbered(k);

		if (random & 0x8000) {
			CFDictionarySetValue(d, key, CFSTR("v"));
			count += !there[k];
			there[k] = true;
		} else {
			CFDictionaryRemoveValue(d, key);
			count -= there[k];
			there[k] = false;
		}
		CFRelease(key);
		assert_int_equal(CFDictionaryGetCount(d), count);
		if (step % 100)
			continue;
		for (int i = 0; i < n; i++) {
			key = numbered(i);
			assert_int_equal(CFDictionaryContainsKey(d, key), there[i]);
			CFRelease(key);
		}
	}
}

static void many_changes(void **state)
{
	CFDictionaryKeyCallBacks bad = kCFTypeDictionaryKeyCallBacks;
	CFMutableDictionaryRef d = CFDictionaryCreateMutable(
		NULL, 0, &kCFTypeDictionaryKeyCallBacks, &kCFTypeDictionaryValueCallBacks);

	(void)state;
	churn(d, 200);
	CFRelease(d);
	bad.hash = one_hash;
	d = CFDictionaryCreateMutable(NULL, 0, &bad, &kCFTypeDictionaryValueCallBacks);
	churn(d, 30);
	CFRelease(d);
}

static void count_pair(const void *key, const void *value, void *context)
{
	assert_non_null(key);
	assert_non_null(value);
	++*(int *)context;
}

static void changing_dictionaries(void **state)
{
	CFMutableDictionaryRef m = CFDictionaryCreateMutable(NULL, 0,
				       &kCFCopyStringDictionaryKeyCallBacks,
				       &kCFTypeDictionaryValueCallBacks),
			       copy;
	CFMutableStringRef key = CFStringCreateMutable(NULL, 0);
	CFDictionaryRef frozen;
	const void *keys[2], *values[2];
	CFStringRef words;
	int n = 0;

	(void)state;
	CFStringAppend(key, CFSTR("k"));
	CFDictionaryAddValue(m, key, CFSTR("1"));
	CFStringAppend(key, CFSTR("k"));                 /* the dictionary has a copy */
	CFDictionaryAddValue(m, CFSTR("k"), CFSTR("2")); /* is there */
	assert_true(CFEqual(CFDictionaryGetValue(m, CFSTR("k")), CFSTR("1")));
	words = CFCopyDescription(m);
	assert_true(CFEqual(words, CFSTR("{k = 1}")));
	CFRelease(words);
	CFDictionarySetValue(m, CFSTR("k"), CFSTR("3"));
	CFDictionarySetValue(m, key, CFSTR("4"));
	frozen = CFDictionaryCreateCopy(NULL, m);
	copy = CFDictionaryCreateMutableCopy(NULL, 0, frozen);
	assert_true(CFEqual(frozen, copy));
	assert_true(CFEqual(frozen, m));
	CFDictionarySetValue(copy, CFSTR("k"), CFSTR("5"));
	assert_false(CFEqual(frozen, copy));
	CFDictionaryApplyFunction(frozen, count_pair, &n);
	assert_int_equal(n, 2);
	CFDictionaryGetKeysAndValues(frozen, keys, values);
	assert_ptr_equal(CFDictionaryGetValue(frozen, keys[0]), values[0]);
	assert_ptr_equal(CFDictionaryGetValue(frozen, keys[1]), values[1]);
	CFDictionaryRemoveValue(copy, CFSTR("none"));
	CFDictionaryRemoveAllValues(copy);
	assert_int_equal(CFDictionaryGetCount(copy), 0);
	assert_null(CFDictionaryGetValue(copy, CFSTR("k")));
	CFDictionarySetValue(copy, CFSTR("k"), CFSTR("6"));
	assert_int_equal(CFDictionaryGetCount(copy), 1);
	CFRelease(key);
	CFRelease(m);
	CFRelease(copy);
	CFRelease(frozen);
}

static void pointer_keys(void **state)
{
	CFMutableDictionaryRef m = CFDictionaryCreateMutable(NULL, 0, NULL, NULL);
	static int things[40];

	(void)state;
	for (size_t i = 0; i < BRI_LEN(things); i++)
		CFDictionarySetValue(m, &things[i], &things[i]);
	for (size_t i = 0; i < BRI_LEN(things); i++)
		assert_ptr_equal(CFDictionaryGetValue(m, &things[i]), &things[i]);
	CFRelease(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arrays),
		cmocka_unit_test(bare_pointers),
		cmocka_unit_test(changing_arrays),
		cmocka_unit_test(dictionaries),
		cmocka_unit_test(many_changes),
		cmocka_unit_test(changing_dictionaries),
		cmocka_unit_test(pointer_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
