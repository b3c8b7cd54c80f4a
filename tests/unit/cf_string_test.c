/* CFString, CFData, CFNumber, CFError, CFURL, CFReadStream. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <Network/Network.h>
#include "base/base.h"

#define UTF8 kCFStringEncodingUTF8

static CFStringRef make(const char *text)
{
	CFStringRef s = CFStringCreateWithCString(NULL, text, UTF8);

	assert_non_null(s);
	return s;
}

static void assert_text(CFStringRef s, const char *text)
{
	char buffer[256];

	assert_true(CFStringGetCString(s, buffer, sizeof(buffer), UTF8));
	assert_string_equal(buffer, text);
}

static void lengths(void **state)
{
	CFStringRef s = make("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"); /* 1, 2, 3 and 4 bytes */

	(void)state;
	assert_int_equal(CFStringGetLength(s), 5);
	assert_int_equal(CFGetTypeID(s), CFStringGetTypeID());
	assert_int_equal(CFStringGetCharacterAtIndex(s, 0), 'a');
	assert_int_equal(CFStringGetCharacterAtIndex(s, 1), 0xe4);
	assert_int_equal(CFStringGetCharacterAtIndex(s, 2), 0x20ac);
	assert_int_equal(CFStringGetCharacterAtIndex(s, 3), 0xd83d);
	assert_int_equal(CFStringGetCharacterAtIndex(s, 4), 0xde00);
	assert_int_equal(CFStringGetCharacterAtIndex(s, 5), 0);
	assert_int_equal(CFStringGetCharacterAtIndex(s, -1), 0);
	CFRelease(s);
}

static void bad_utf8(void **state)
{
	/* RFC 3629: lone, missing and too many tails; overlong; surrogates; beyond 10ffff */
	static const char *const bad[] = { "\x80", "\xc3", "\xc3(", "\xe2\x82", "\xf0\x9f\x98",
		"\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xed\xbf\xbf",
		"\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", "a\xfe" };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(bad); i++)
		assert_null(CFStringCreateWithCString(NULL, bad[i], UTF8));
	assert_null(CFStringCreateWithCString(NULL, NULL, UTF8));
	assert_null(CFStringCreateWithCString(NULL, "a", 0x999));
}

static void encodings(void **state)
{
	static const UInt8 big[] = { 0xfe, 0xff, 0xd8, 0x3d, 0xde, 0 };
	static const UInt8 little[] = { 0xff, 0xfe, 0xac, 0x20 };
	static const UniChar units[] = { 'x', 0xd83d, 0xde00 };
	CFStringRef s;

	(void)state;
	s = CFStringCreateWithBytes(NULL, (const UInt8 *)"\xe4", 1, kCFStringEncodingISOLatin1, 0);
	assert_text(s, "\xc3\xa4");
	CFRelease(s);
	assert_null(CFStringCreateWithCString(NULL, "\xe4", kCFStringEncodingASCII));
	assert_null(CFStringCreateWithCString(NULL, "\xe4", kCFStringEncodingMacRoman));
	s = CFStringCreateWithBytes(NULL, big, 6, kCFStringEncodingUTF16, true);
	assert_text(s, "\xf0\x9f\x98\x80");
	CFRelease(s);
	s = CFStringCreateWithBytes(NULL, little, 4, kCFStringEncodingUTF16, true);
	assert_text(s, "\xe2\x82\xac");
	CFRelease(s);
	/* half a unit, half a pair, the wrong half */
	assert_null(CFStringCreateWithBytes(NULL, big, 5, kCFStringEncodingUTF16BE, false));
	assert_null(CFStringCreateWithBytes(NULL, big + 2, 2, kCFStringEncodingUTF16BE, false));
	assert_null(CFStringCreateWithBytes(NULL, big + 4, 2, kCFStringEncodingUTF16BE, false));
	assert_null(CFStringCreateWithBytes(NULL, big, -1, UTF8, false));
	assert_null(CFStringCreateWithBytes(NULL, NULL, 1, UTF8, false));
	s = CFStringCreateWithCharacters(NULL, units, 3);
	assert_text(s, "x\xf0\x9f\x98\x80");
	CFRelease(s);
	s = CFStringCreateWithBytes(NULL, (const UInt8 *)"\xef\xbb\xbfx", 4, UTF8, true);
	assert_text(s, "x");
	CFRelease(s);
}

static void get_bytes(void **state)
{
	CFStringRef s = make("a\xc3\xa4\xf0\x9f\x98\x80z");
	UInt8 buffer[32];
	CFIndex used;

	(void)state;
	assert_int_equal(CFStringGetLength(s), 5);
	assert_int_equal(
		CFStringGetBytes(s, CFRangeMake(0, 5), UTF8, 0, false, buffer, 32, &used), 5);
	assert_int_equal(used, 8);
	/* only count */
	assert_int_equal(CFStringGetBytes(s, CFRangeMake(1, 1), UTF8, 0, false, NULL, 0, &used), 1);
	assert_int_equal(used, 2);
	/* no room for the fourth byte: whole characters only */
	assert_int_equal(
		CFStringGetBytes(s, CFRangeMake(0, 5), UTF8, 0, false, buffer, 6, &used), 2);
	assert_int_equal(used, 3);
	/* what the encoding does not have: stop, or a stand-in */
	assert_int_equal(CFStringGetBytes(s, CFRangeMake(0, 5), kCFStringEncodingASCII, 0, false,
				 buffer, 32, &used),
		1);
	assert_int_equal(CFStringGetBytes(s, CFRangeMake(0, 5), kCFStringEncodingASCII, '?', false,
				 buffer, 32, &used),
		5);
	assert_int_equal(used, 4);
	assert_memory_equal(buffer, "a??z", 4);
	/* UTF-16, with a mark */
	assert_int_equal(CFStringGetBytes(s, CFRangeMake(0, 5), kCFStringEncodingUTF16, 0, true,
				 buffer, 32, &used),
		5);
	assert_int_equal(used, 12);
	/* ranges: beyond the end, through a pair */
	assert_int_equal(
		CFStringGetBytes(s, CFRangeMake(0, 6), UTF8, 0, false, buffer, 32, &used), 0);
	assert_int_equal(
		CFStringGetBytes(s, CFRangeMake(-1, 2), UTF8, 0, false, buffer, 32, &used), 0);
	assert_int_equal(
		CFStringGetBytes(s, CFRangeMake(3, 1), UTF8, 0, false, buffer, 32, &used), 0);
	assert_int_equal(
		CFStringGetBytes(s, CFRangeMake(2, 1), UTF8, 0, false, buffer, 32, &used), 0);
	assert_int_equal(used, 0);
	CFRelease(s);
}

static void c_strings(void **state)
{
	CFStringRef s = make("hello"), umlaut = make("\xc3\xa4");
	CFStringRef nul = CFStringCreateWithBytes(NULL, (const UInt8 *)"a\0b", 3, UTF8, false);
	char buffer[6];

	(void)state;
	assert_true(CFStringGetCString(s, buffer, 6, kCFStringEncodingASCII)); /* just fits */
	assert_string_equal(buffer, "hello");
	assert_false(CFStringGetCString(s, buffer, 5, kCFStringEncodingASCII));
	assert_string_equal(buffer, "");
	assert_false(CFStringGetCString(s, buffer, 0, UTF8));
	assert_false(CFStringGetCString(s, NULL, 6, UTF8));
	assert_false(CFStringGetCString(umlaut, buffer, 6, kCFStringEncodingASCII));
	assert_string_equal(CFStringGetCStringPtr(s, UTF8), "hello");
	assert_string_equal(CFStringGetCStringPtr(s, kCFStringEncodingMacRoman), "hello");
	assert_null(CFStringGetCStringPtr(s, kCFStringEncodingUTF16));
	assert_non_null(CFStringGetCStringPtr(umlaut, UTF8));
	assert_null(CFStringGetCStringPtr(umlaut, kCFStringEncodingASCII));
	assert_int_equal(CFStringGetLength(nul), 3);
	assert_null(CFStringGetCStringPtr(nul, UTF8));
	assert_int_equal(CFStringGetMaximumSizeForEncoding(10, UTF8), 30);
	assert_int_equal(CFStringGetMaximumSizeForEncoding(LONG_MAX, UTF8), kCFNotFound);
	CFRelease(s);
	CFRelease(umlaut);
	CFRelease(nul);
}

static void constants(void **state)
{
	CFStringRef a = CFSTR("constant"), b = CFSTR("constant"), made = make("constant");

	(void)state;
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, CFSTR("other"));
	assert_true(CFEqual(a, made));
	assert_int_equal(CFHash(a), CFHash(made));
	CFRelease(a); /* needs none, and does not mind */
	CFRelease(a);
	assert_text(b, "constant");
	assert_int_equal(CFStringGetLength(CFSTR("")), 0);
	assert_int_equal(CFGetRetainCount(a), LONG_MAX);
	CFRelease(made);
}

static void mutable_strings(void **state)
{
	CFMutableStringRef s = CFStringCreateMutable(NULL, 0), few = CFStringCreateMutable(NULL, 3);
	CFStringRef copy;

	(void)state;
	CFStringAppend(s, CFSTR("ab"));
	CFStringAppendCString(s, "c\xc3\xa4", UTF8);
	CFStringAppendCString(s, "\xff", UTF8); /* not text */
	CFStringAppend(s, s);
	assert_text(s, "abc\xc3\xa4"
		       "abc\xc3\xa4");
	assert_int_equal(CFStringGetLength(s), 8);
	copy = CFStringCreateCopy(NULL, s);
	CFStringAppend(s, CFSTR("x"));
	assert_int_equal(CFStringGetLength(copy), 8);
	CFStringAppend((CFMutableStringRef)copy, CFSTR("x")); /* not mutable */
	assert_int_equal(CFStringGetLength(copy), 8);
	CFStringAppend(few, CFSTR("abc"));
	CFStringAppend(few, CFSTR("d"));
	assert_text(few, "abc");
	for (int i = 0; i < 1000; i++)
		CFStringAppendCString(s, "0123456789", UTF8);
	assert_int_equal(CFStringGetLength(s), 10009);
	CFRelease(s);
	CFRelease(few);
	CFRelease(copy);
	assert_null(CFStringCreateMutable(NULL, -1));
	assert_null(CFStringCreateMutableCopy(NULL, 2, CFSTR("abc")));
}

static void comparing(void **state)
{
	CFStringRef sub = CFStringCreateWithSubstring(NULL, CFSTR("hello"), CFRangeMake(1, 3));

	(void)state;
	assert_int_equal(CFStringCompare(CFSTR("a"), CFSTR("b"), 0), kCFCompareLessThan);
	assert_int_equal(CFStringCompare(CFSTR("ab"), CFSTR("a"), 0), kCFCompareGreaterThan);
	assert_int_equal(CFStringCompare(CFSTR("a"), CFSTR("A"), 0), kCFCompareGreaterThan);
	assert_int_equal(CFStringCompare(CFSTR("aBc"), CFSTR("AbC"), kCFCompareCaseInsensitive),
		kCFCompareEqualTo);
	assert_true(CFStringHasPrefix(CFSTR("hello"), CFSTR("he")));
	assert_false(CFStringHasPrefix(CFSTR("he"), CFSTR("hello")));
	assert_true(CFStringHasSuffix(CFSTR("hello"), CFSTR("lo")));
	assert_false(CFStringHasSuffix(CFSTR("hello"), CFSTR("he")));
	assert_text(sub, "ell");
	CFRelease(sub);
	assert_null(CFStringCreateWithSubstring(NULL, CFSTR("hello"), CFRangeMake(4, 2)));
	assert_int_equal(CFStringGetIntValue(CFSTR("  -42x")), -42);
	assert_int_equal(CFStringGetIntValue(CFSTR("x")), 0);
	assert_int_equal(CFStringGetIntValue(CFSTR("99999999999")), INT32_MAX);
	assert_int_equal(CFStringGetIntValue(CFSTR("-99999999999")), INT32_MIN);
}

static void any_object(void **state)
{
	nw_endpoint_t endpoint = nw_endpoint_create_host("example.com", "80");
	CFStringRef s = make("x"), words;

	(void)state;
	assert_ptr_equal(CFRetain(endpoint), endpoint);
	assert_int_equal(CFGetRetainCount(endpoint), 2);
	CFRelease(endpoint);
	words = CFCopyDescription(endpoint);
	assert_true(CFStringHasPrefix(words, CFSTR("<nw_endpoint")));
	CFRelease(words);
	assert_false(CFEqual(endpoint, s));
	assert_true(CFEqual(endpoint, endpoint));
	nw_release(endpoint);
	nw_retain((void *)s); /* and the other way round */
	nw_release((void *)s);
	dispatch_release((dispatch_queue_t)(void *)s);
	assert_null(CFRetain(NULL));
	CFRelease(NULL);
	assert_false(CFEqual(NULL, CFSTR("")));
	assert_int_equal(CFGetTypeID(NULL), 0);
	assert_int_equal(CFGetTypeID(kCFNull), CFNullGetTypeID());
	CFRelease(kCFNull);
}

static void wrong_kinds(void **state)
{
	CFStringRef number = (CFStringRef)(const void *)kCFBooleanTrue;
	char buffer[4];

	(void)state;
	assert_int_equal(CFStringGetLength(number), 0);
	assert_int_equal(CFStringGetLength(NULL), 0);
	assert_false(CFStringGetCString(number, buffer, 4, UTF8));
	assert_null(CFStringGetCStringPtr(NULL, UTF8));
	assert_null(CFStringCreateCopy(NULL, number));
	assert_int_equal(CFDataGetLength((CFDataRef)(const void *)CFSTR("x")), 0);
	assert_null(CFDataGetBytePtr(NULL));
	assert_false(CFBooleanGetValue(NULL));
	assert_int_equal(CFErrorGetCode(NULL), 0);
	assert_null(CFErrorCopyDescription(NULL));
	assert_null(CFURLGetString(NULL));
	assert_false(CFReadStreamOpen(NULL));
	assert_int_equal(CFReadStreamRead(NULL, (UInt8 *)buffer, 4), -1);
}

static void data(void **state)
{
	CFDataRef d = CFDataCreate(NULL, (const UInt8 *)"abc", 3), same, copy, empty;
	CFMutableDataRef m = CFDataCreateMutable(NULL, 4);
	UInt8 two[2] = { 0 };

	(void)state;
	assert_int_equal(CFDataGetLength(d), 3);
	assert_memory_equal(CFDataGetBytePtr(d), "abc", 3);
	CFDataGetBytes(d, CFRangeMake(1, 2), two);
	assert_memory_equal(two, "bc", 2);
	CFDataGetBytes(d, CFRangeMake(2, 2), NULL); /* beyond the end: nothing */
	same = CFDataCreateWithBytesNoCopy(NULL, (const UInt8 *)"abc", 3, kCFAllocatorNull);
	assert_true(CFEqual(d, same));
	assert_int_equal(CFHash(d), CFHash(same));
	CFRelease(same);
	same = CFDataCreateWithBytesNoCopy(
		NULL, (const UInt8 *)strdup("abc"), 3, kCFAllocatorMalloc);
	assert_true(CFEqual(d, same));
	CFDataAppendBytes(m, (const UInt8 *)"abcd", 4);
	CFDataAppendBytes(m, (const UInt8 *)"e", 1); /* over its capacity */
	assert_int_equal(CFDataGetLength(m), 4);
	CFDataSetLength(m, 2);
	CFDataSetLength(m, 3);
	assert_memory_equal(CFDataGetBytePtr(m), "ab\0", 3);
	CFDataGetMutableBytePtr(m)[2] = 'c';
	assert_true(CFEqual(d, m));
	copy = CFDataCreateCopy(NULL, m);
	CFDataSetLength(m, 0);
	assert_true(CFEqual(d, copy));
	assert_null(CFDataGetMutableBytePtr((CFMutableDataRef)copy));
	empty = CFDataCreate(NULL, NULL, 0);
	assert_non_null(CFDataGetBytePtr(empty));
	assert_null(CFDataCreate(NULL, NULL, 1));
	assert_null(CFDataCreate(NULL, two, -1));
	CFRelease(d);
	CFRelease(same);
	CFRelease(m);
	CFRelease(copy);
	CFRelease(empty);
}

static CFNumberRef number_of(int64_t value)
{
	return CFNumberCreate(NULL, kCFNumberSInt64Type, &value);
}

static void numbers(void **state)
{
	CFNumberRef n = number_of(300), same, big = number_of(INT64_MAX);
	double d = 300;
	int32_t i = 0;
	int8_t small = 0;
	float f;
	int64_t l;

	(void)state;
	same = CFNumberCreate(NULL, kCFNumberDoubleType, &d);
	assert_true(CFEqual(n, same));
	assert_int_equal(CFHash(n), CFHash(same));
	assert_true(CFNumberGetValue(n, kCFNumberIntType, &i));
	assert_int_equal(i, 300);
	assert_false(CFNumberGetValue(n, kCFNumberSInt8Type, &small)); /* lost something */
	assert_int_equal(small, (int8_t)300);
	assert_true(CFNumberGetValue(n, kCFNumberDoubleType, &d));
	assert_false(CFNumberGetValue(big, kCFNumberDoubleType, &d));
	assert_false(CFNumberGetValue(big, kCFNumberFloatType, &f));
	assert_false(CFNumberGetValue(n, 99, &i));
	assert_false(CFNumberGetValue(n, kCFNumberIntType, NULL));
	assert_int_equal(CFNumberGetType(n), kCFNumberSInt64Type);
	assert_int_equal(CFNumberGetByteSize(n), 8);
	assert_true(CFNumberIsFloatType(same));
	assert_int_equal(CFNumberCompare(n, big, NULL), kCFCompareLessThan);
	assert_int_equal(CFNumberCompare(big, n, NULL), kCFCompareGreaterThan);
	assert_int_equal(CFNumberCompare(same, n, NULL), kCFCompareEqualTo);
	CFRelease(n);
	CFRelease(same);
	CFRelease(big);
	for (int k = 0; k < 3; k++) {
		static const double odd[] = { 1e300, -1e300, (double)NAN };

		n = CFNumberCreate(NULL, kCFNumberDoubleType, &odd[k]);
		assert_false(CFNumberGetValue(n, kCFNumberSInt64Type, &l));
		CFRelease(n);
	}
	assert_null(CFNumberCreate(NULL, 0, &i));
	assert_null(CFNumberCreate(NULL, kCFNumberIntType, NULL));
	assert_true(CFBooleanGetValue(kCFBooleanTrue));
	assert_false(CFBooleanGetValue(kCFBooleanFalse));
	assert_int_equal(CFGetTypeID(kCFBooleanTrue), CFBooleanGetTypeID());
}

static void errors(void **state)
{
	CFErrorRef e = CFErrorCreate(NULL, kCFErrorDomainPOSIX, ENOENT, NULL), with;
	const void *key = kCFErrorLocalizedDescriptionKey, *value = CFSTR("my words");
	CFDictionaryRef info = CFDictionaryCreate(NULL, &key, &value, 1,
		&kCFTypeDictionaryKeyCallBacks, &kCFTypeDictionaryValueCallBacks);
	CFStringRef words;

	(void)state;
	assert_int_equal(CFErrorGetCode(e), ENOENT);
	assert_true(CFEqual(CFErrorGetDomain(e), kCFErrorDomainPOSIX));
	words = CFErrorCopyFailureReason(e);
	assert_text(words, "No such file or directory");
	CFRelease(words);
	words = CFErrorCopyDescription(e);
	assert_true(CFStringHasSuffix(words, CFSTR("(NSPOSIXErrorDomain error 2)")));
	CFRelease(words);
	with = CFErrorCreate(NULL, kCFErrorDomainOSStatus, -50, info);
	words = CFErrorCopyDescription(with);
	assert_text(words, "my words");
	CFRelease(words);
	assert_null(CFErrorCopyFailureReason(with));
	CFRelease(info);
	info = CFErrorCopyUserInfo(with);
	assert_int_equal(CFDictionaryGetCount(info), 1);
	CFRelease(info);
	info = CFErrorCopyUserInfo(e);
	assert_int_equal(CFDictionaryGetCount(info), 0);
	CFRelease(info);
	assert_false(CFEqual(e, with));
	CFRelease(e);
	CFRelease(with);
	assert_null(CFErrorCreate(NULL, NULL, 1, NULL));
}

static void urls(void **state)
{
	CFURLRef u =
		CFURLCreateWithFileSystemPath(NULL, CFSTR("/tmp/a b%"), kCFURLPOSIXPathStyle, true);
	CFURLRef more = CFURLCreateCopyAppendingPathComponent(NULL, u, CFSTR("c?d"), false);
	CFURLRef web = CFURLCreateWithString(NULL, CFSTR("https://h/p?q#f"), NULL), longer, bad;
	char path[64];
	CFStringRef s;

	(void)state;
	assert_text(CFURLGetString(u), "file:///tmp/a%20b%25/");
	assert_text(CFURLGetString(more), "file:///tmp/a%20b%25/c%3Fd");
	assert_true(CFURLGetFileSystemRepresentation(more, true, (UInt8 *)path, sizeof(path)));
	assert_string_equal(path, "/tmp/a b%/c?d");
	assert_true(CFURLGetFileSystemRepresentation(more, true, (UInt8 *)path, 14));
	assert_false(CFURLGetFileSystemRepresentation(more, true, (UInt8 *)path, 13));
	s = CFURLCopyFileSystemPath(u, kCFURLPOSIXPathStyle);
	assert_text(s, "/tmp/a b%");
	CFRelease(s);
	longer = CFURLCreateCopyAppendingPathComponent(NULL, web, CFSTR("x"), true);
	assert_text(CFURLGetString(longer), "https://h/p/x/?q#f");
	assert_null(CFURLCopyFileSystemPath(web, kCFURLPOSIXPathStyle));
	assert_null(CFURLCreateWithString(NULL, CFSTR("http://a b/"), NULL));
	assert_null(CFURLCreateWithString(NULL, CFSTR(""), NULL));
	assert_null(CFURLCreateFromFileSystemRepresentation(NULL, (const UInt8 *)"a\0b", 3, false));
	assert_null(CFURLCreateFromFileSystemRepresentation(NULL, (const UInt8 *)"", 0, false));
	bad = CFURLCreateWithString(NULL, CFSTR("file:///a%00b"), NULL);
	assert_null(CFURLCopyFileSystemPath(bad, kCFURLPOSIXPathStyle));
	CFRelease(bad);
	bad = CFURLCreateWithString(NULL, CFSTR("file:///a%2"), NULL);
	assert_null(CFURLCopyFileSystemPath(bad, kCFURLPOSIXPathStyle));
	CFRelease(bad);
	bad = CFURLCreateFromFileSystemRepresentation(NULL, (const UInt8 *)"rel", 3, false);
	assert_true(CFStringHasPrefix(CFURLGetString(bad), CFSTR("file:///")));
	assert_true(CFStringHasSuffix(CFURLGetString(bad), CFSTR("/rel")));
	CFRelease(bad);
	CFRelease(u);
	CFRelease(more);
	CFRelease(web);
	CFRelease(longer);
}

static void streams(void **state)
{
	char path[] = "/tmp/braid-cf-XXXXXX";
	int fd = mkstemp(path);
	CFURLRef url = CFURLCreateFromFileSystemRepresentation(
		NULL, (const UInt8 *)path, (CFIndex)strlen(path), false);
	CFReadStreamRef s = CFReadStreamCreateWithFile(NULL, url);
	CFErrorRef error;
	UInt8 b[4];

	(void)state;
	assert_int_equal(write(fd, "hello", 5), 5);
	close(fd);
	assert_int_equal(CFReadStreamRead(s, b, 4), -1); /* not open yet */
	assert_true(CFReadStreamOpen(s));
	assert_false(CFReadStreamOpen(s));
	assert_true(CFReadStreamHasBytesAvailable(s));
	assert_int_equal(CFReadStreamRead(s, b, 4), 4);
	assert_int_equal(CFReadStreamRead(s, b, 4), 1);
	assert_int_equal(CFReadStreamRead(s, b, 4), 0);
	assert_int_equal(CFReadStreamGetStatus(s), kCFStreamStatusAtEnd);
	assert_int_equal(CFReadStreamRead(s, b, 4), 0);
	CFReadStreamClose(s);
	assert_int_equal(CFReadStreamRead(s, b, 4), -1);
	assert_null(CFReadStreamCopyError(s));
	CFRelease(s);
	unlink(path);
	s = CFReadStreamCreateWithFile(NULL, url);
	assert_false(CFReadStreamOpen(s));
	error = CFReadStreamCopyError(s);
	assert_int_equal(CFErrorGetCode(error), ENOENT);
	CFRelease(error);
	CFRelease(s);
	s = CFReadStreamCreateWithFile(NULL, url);
	CFRelease(url);
	CFRelease(s); /* never opened */
	url = CFURLCreateWithString(NULL, CFSTR("http://a/"), NULL);
	assert_null(CFReadStreamCreateWithFile(NULL, url));
	CFRelease(url);
}

static void shown(void **state)
{
	CFDataRef d = CFDataCreate(NULL, (const UInt8 *)"0123456789012345678901234567", 28);
	CFStringRef s = CFCopyDescription(d);

	(void)state;
	assert_text(s, "<CFData 28 bytes 0x303132333435363738393031323334353637383930313233...>");
	CFShow(d);
	CFShow(NULL);
	CFRelease(s);
	CFRelease(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths),
		cmocka_unit_test(bad_utf8),
		cmocka_unit_test(encodings),
		cmocka_unit_test(get_bytes),
		cmocka_unit_test(c_strings),
		cmocka_unit_test(constants),
		cmocka_unit_test(mutable_strings),
		cmocka_unit_test(comparing),
		cmocka_unit_test(any_object),
		cmocka_unit_test(wrong_kinds),
		cmocka_unit_test(data),
		cmocka_unit_test(numbers),
		cmocka_unit_test(errors),
		cmocka_unit_test(urls),
		cmocka_unit_test(streams),
		cmocka_unit_test(shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
