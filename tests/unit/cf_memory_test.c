/*
 * CoreFoundation with every allocation failing in turn: what is made is whole or NULL, what is
 * changed is as before or as it should be, nothing leaks. CFSTR() is not among it: it aborts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "cf/cf.h"
#include "malloc_util.h"

#define SWEEP_MAX 200

/* Literals that were made before anything fails. */
static CFStringRef hello, world, key;
static CFArrayRef array;
static CFDictionaryRef dictionary;
static CFDataRef data;
static CFMutableStringRef changing;
static CFURLRef directory;
static CFErrorRef error;

/* --- what is made --- */

static CFTypeRef string_of_c(void)
{
	return CFStringCreateWithCString(NULL, "hello", kCFStringEncodingUTF8);
}

static CFTypeRef string_of_latin(void)
{
	return CFStringCreateWithCString(NULL, "h\xe9llo", kCFStringEncodingISOLatin1);
}

static CFTypeRef string_of_bytes(void)
{
	return CFStringCreateWithBytes(
		NULL, (const UInt8 *)"\0h\0i", 4, kCFStringEncodingUTF16BE, false);
}

static CFTypeRef string_of_characters(void)
{
	static const UniChar chars[] = { 'h', 0x20ac, 0xd83d, 0xde00 };

	return CFStringCreateWithCharacters(NULL, chars, 4);
}

static CFTypeRef substring(void)
{
	return CFStringCreateWithSubstring(NULL, hello, CFRangeMake(1, 3));
}

static CFTypeRef mutable_string(void)
{
	return CFStringCreateMutable(NULL, 0);
}

static CFTypeRef mutable_copy_of_string(void)
{
	return CFStringCreateMutableCopy(NULL, 0, hello);
}

static CFTypeRef printed(void)
{
	return bri_cf_string_printf("%s %d", "a text that is not short, so that it needs room", 7);
}

static CFTypeRef description(void)
{
	return CFCopyDescription(array);
}

static CFTypeRef data_of_bytes(void)
{
	return CFDataCreate(NULL, (const UInt8 *)"hello", 5);
}

static CFTypeRef copy_of_data(void)
{
	return CFDataCreateCopy(NULL, data);
}

static CFTypeRef mutable_data(void)
{
	return CFDataCreateMutable(NULL, 0);
}

static CFTypeRef mutable_copy_of_data(void)
{
	return CFDataCreateMutableCopy(NULL, 0, data);
}

static CFTypeRef array_of_values(void)
{
	const void *values[] = { hello, world };

	return CFArrayCreate(NULL, values, 2, &kCFTypeArrayCallBacks);
}

static CFTypeRef mutable_array(void)
{
	return CFArrayCreateMutable(NULL, 0, &kCFTypeArrayCallBacks);
}

static CFTypeRef copy_of_array(void)
{
	return CFArrayCreateCopy(NULL, array);
}

static CFTypeRef mutable_copy_of_array(void)
{
	return CFArrayCreateMutableCopy(NULL, 0, array);
}

/* Its keys are copied: each copy may fail. */
static CFTypeRef dictionary_of_copies(void)
{
	CFMutableStringRef one = CFStringCreateMutableCopy(NULL, 0, hello);
	CFMutableStringRef two = CFStringCreateMutableCopy(NULL, 0, world);
	const void *keys[] = { one, two }, *values[] = { world, hello };
	CFDictionaryRef made = NULL;

	if (one && two)
		made = CFDictionaryCreate(NULL, keys, values, 2,
			&kCFCopyStringDictionaryKeyCallBacks, &kCFTypeDictionaryValueCallBacks);
	if (one)
		CFRelease(one);
	if (two)
		CFRelease(two);
	return made;
}

static CFTypeRef mutable_dictionary(void)
{
	return CFDictionaryCreateMutable(
		NULL, 0, &kCFTypeDictionaryKeyCallBacks, &kCFTypeDictionaryValueCallBacks);
}

static CFTypeRef copy_of_dictionary(void)
{
	return CFDictionaryCreateCopy(NULL, dictionary);
}

static CFTypeRef mutable_copy_of_dictionary(void)
{
	return CFDictionaryCreateMutableCopy(NULL, 0, dictionary);
}

static CFTypeRef number(void)
{
	static const double value = 1.5;

	return CFNumberCreate(NULL, kCFNumberDoubleType, &value);
}

static CFTypeRef error_with_info(void)
{
	return CFErrorCreate(NULL, kCFErrorDomainPOSIX, 2, dictionary);
}

static CFTypeRef words_of_error(void)
{
	return CFErrorCopyDescription(error);
}

static CFTypeRef info_of_error(void)
{
	return CFErrorCopyUserInfo(error);
}

static CFTypeRef url(void)
{
	static const char text[] = "http://a.test/x?y";
	CFStringRef string = CFStringCreateWithCString(NULL, text, kCFStringEncodingUTF8);
	CFURLRef made = string ? CFURLCreateWithString(NULL, string, NULL) : NULL;

	if (string)
		CFRelease(string);
	return made;
}

static CFTypeRef url_of_path(void)
{
	return CFURLCreateFromFileSystemRepresentation(
		NULL, (const UInt8 *)"/tmp/a b", strlen("/tmp/a b"), false);
}

static CFTypeRef url_in_directory(void)
{
	return CFURLCreateCopyAppendingPathComponent(NULL, directory, hello, false);
}

static CFTypeRef path_of_url(void)
{
	return CFURLCopyFileSystemPath(directory, kCFURLPOSIXPathStyle);
}

static CFTypeRef stream(void)
{
	return CFReadStreamCreateWithFile(NULL, directory);
}

static void what_is_made_is_whole_or_null(void **state)
{
	static const struct {
		const char *name;
		CFTypeRef (*make)(void);
		bool loose; /* no two are equal; or it may say less */
	} cases[] = {
		{ "string_of_c", string_of_c, false },
		{ "string_of_latin", string_of_latin, false },
		{ "string_of_bytes", string_of_bytes, false },
		{ "string_of_characters", string_of_characters, false },
		{ "substring", substring, false },
		{ "mutable_string", mutable_string, false },
		{ "mutable_copy_of_string", mutable_copy_of_string, false },
		{ "printed", printed, false },
		{ "description", description, true },
		{ "data_of_bytes", data_of_bytes, false },
		{ "copy_of_data", copy_of_data, false },
		{ "mutable_data", mutable_data, false },
		{ "mutable_copy_of_data", mutable_copy_of_data, false },
		{ "array_of_values", array_of_values, false },
		{ "mutable_array", mutable_array, false },
		{ "copy_of_array", copy_of_array, false },
		{ "mutable_copy_of_array", mutable_copy_of_array, false },
		{ "dictionary_of_copies", dictionary_of_copies, false },
		{ "mutable_dictionary", mutable_dictionary, false },
		{ "copy_of_dictionary", copy_of_dictionary, false },
		{ "mutable_copy_of_dictionary", mutable_copy_of_dictionary, false },
		{ "number", number, false },
		{ "error_with_info", error_with_info, false },
		{ "words_of_error", words_of_error, true },
		{ "info_of_error", info_of_error, false },
		{ "url", url, false },
		{ "url_of_path", url_of_path, false },
		{ "url_in_directory", url_in_directory, false },
		{ "path_of_url", path_of_url, false },
		{ "stream", stream, true },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		CFTypeRef whole = cases[i].make(), made;
		bool failed = true;

		assert_non_null(whole);
		for (long at = 1; failed; at++) {
			assert_true(at < SWEEP_MAX);
			malloc_fail(at);
			made = cases[i].make();
			failed = malloc_failed();
			if (made ? !cases[i].loose && !CFEqual(made, whole) : !failed)
				fail_msg("%s, allocation %ld", cases[i].name, at);
			if (made)
				CFRelease(made);
		}
		CFRelease(whole);
	}
}

/* --- what is changed --- */

static void append_string(CFTypeRef cf)
{
	CFStringAppend((CFMutableStringRef)(uintptr_t)cf, world);
}

static void append_c(CFTypeRef cf)
{
	CFStringAppendCString((CFMutableStringRef)(uintptr_t)cf,
		"a text that is not short, so that it needs room", kCFStringEncodingUTF8);
}

static void append_bytes(CFTypeRef cf)
{
	static const UInt8 bytes[300];

	CFDataAppendBytes((CFMutableDataRef)(uintptr_t)cf, bytes, sizeof(bytes));
}

static void lengthen(CFTypeRef cf)
{
	CFDataSetLength((CFMutableDataRef)(uintptr_t)cf, 5000);
}

static void append_value(CFTypeRef cf)
{
	CFArrayAppendValue((CFMutableArrayRef)(uintptr_t)cf, hello);
}

static void append_array(CFTypeRef cf)
{
	CFArrayAppendArray((CFMutableArrayRef)(uintptr_t)cf, array, CFRangeMake(0, 2));
}

static void insert_value(CFTypeRef cf)
{
	CFArrayInsertValueAtIndex((CFMutableArrayRef)(uintptr_t)cf, 0, key);
}

static void set_value(CFTypeRef cf)
{
	CFDictionarySetValue((CFMutableDictionaryRef)(uintptr_t)cf, key, hello);
}

static CFTypeRef dictionary_that_copies(void)
{
	return CFDictionaryCreateMutable(
		NULL, 0, &kCFCopyStringDictionaryKeyCallBacks, &kCFTypeDictionaryValueCallBacks);
}

/* The key is copied, as it is mutable. */
static void set_copied(CFTypeRef cf)
{
	CFDictionarySetValue((CFMutableDictionaryRef)(uintptr_t)cf, changing, hello);
}

static void add_value(CFTypeRef cf)
{
	CFDictionaryAddValue((CFMutableDictionaryRef)(uintptr_t)cf, world, hello);
}

static void what_is_changed_is_old_or_new(void **state)
{
	static const struct {
		const char *name;
		CFTypeRef (*make)(void);
		void (*change)(CFTypeRef cf);
	} cases[] = {
		{ "append_string", mutable_string, append_string },
		{ "append_string to some", mutable_copy_of_string, append_string },
		{ "append_c", mutable_copy_of_string, append_c },
		{ "append_bytes", mutable_data, append_bytes },
		{ "append_bytes to some", mutable_copy_of_data, append_bytes },
		{ "lengthen", mutable_copy_of_data, lengthen },
		{ "append_value", mutable_array, append_value },
		{ "append_value to some", mutable_copy_of_array, append_value },
		{ "append_array", mutable_copy_of_array, append_array },
		{ "insert_value", mutable_copy_of_array, insert_value },
		{ "set_value", mutable_dictionary, set_value },
		{ "set_value in some", mutable_copy_of_dictionary, set_value },
		{ "set_copied", dictionary_that_copies, set_copied },
		{ "add_value", mutable_copy_of_dictionary, add_value },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		CFTypeRef before = cases[i].make(), after = cases[i].make();
		bool failed = true;

		cases[i].change(after);
		assert_false(CFEqual(before, after));
		for (long at = 1; failed; at++) {
			CFTypeRef cf = cases[i].make();

			assert_true(at < SWEEP_MAX);
			malloc_fail(at);
			cases[i].change(cf);
			failed = malloc_failed();
			if (!CFEqual(cf, after) && !(failed && CFEqual(cf, before)))
				fail_msg("%s, allocation %ld", cases[i].name, at);
			CFRelease(cf);
		}
		CFRelease(before);
		CFRelease(after);
	}
}

/* --- what only looks --- */

static void looking_needs_no_memory(void **state)
{
	char text[64];

	(void)state;
	malloc_fail(1);
	assert_true(CFStringGetCString(hello, text, sizeof(text), kCFStringEncodingUTF8));
	assert_non_null(CFStringGetCStringPtr(hello, kCFStringEncodingUTF8));
	assert_int_equal(CFStringCompare(hello, world, 0), kCFCompareLessThan);
	assert_true(CFStringHasPrefix(hello, hello));
	assert_ptr_equal(CFDictionaryGetValue(dictionary, key), world);
	assert_true(CFArrayContainsValue(array, CFRangeMake(0, 2), world));
	assert_int_equal(CFHash(hello), CFHash(hello));
	assert_true(CFURLGetFileSystemRepresentation(directory, true, (UInt8 *)text, 64));
	assert_false(malloc_failed());
}

static int make_all(void **state)
{
	const void *values[2];

	(void)state;
	hello = CFSTR("hello");
	world = CFSTR("world");
	key = CFSTR("key");
	changing = CFStringCreateMutableCopy(NULL, 0, key);
	values[0] = hello;
	values[1] = world;
	array = CFArrayCreate(NULL, values, 2, &kCFTypeArrayCallBacks);
	dictionary = CFDictionaryCreate(NULL, (const void **)&key, (const void **)&world, 1,
		&kCFTypeDictionaryKeyCallBacks, &kCFTypeDictionaryValueCallBacks);
	data = CFDataCreate(NULL, (const UInt8 *)"bytes", 5);
	directory = CFURLCreateFromFileSystemRepresentation(NULL, (const UInt8 *)"/tmp", 4, true);
	error = CFErrorCreate(NULL, kCFErrorDomainPOSIX, 2, dictionary);
	return 0;
}

static int free_all(void **state)
{
	(void)state;
	CFRelease(changing);
	CFRelease(array);
	CFRelease(dictionary);
	CFRelease(data);
	CFRelease(directory);
	CFRelease(error);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_made_is_whole_or_null),
		cmocka_unit_test(what_is_changed_is_old_or_new),
		cmocka_unit_test(looking_needs_no_memory),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}
