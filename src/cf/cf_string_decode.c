/* Bytes of the known encodings to the UTF-8 inside of strings, and back. */
#include "cf/cf_string.h"

#include <stdlib.h>
#include <string.h>
#include "cf/cf_utf.h"

#define HOST_IS_BIG (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

struct source {
	const uint8_t *bytes;
	size_t size;
	size_t at;
	CFStringEncoding encoding;
};

static bool is_wide(CFStringEncoding encoding)
{
	return encoding == kCFStringEncodingUTF16 || encoding == kCFStringEncodingUTF16BE ||
	       encoding == kCFStringEncodingUTF16LE;
}

static bool is_big(CFStringEncoding encoding)
{
	return encoding == kCFStringEncodingUTF16BE ||
	       (encoding == kCFStringEncodingUTF16 && HOST_IS_BIG);
}

/* a byte order mark, and what it says */
static void skip_bom(struct source *in)
{
	const uint8_t *b = in->bytes;

	if (in->encoding == kCFStringEncodingUTF8 && in->size >= 3 &&
		memcmp(b, "\xef\xbb\xbf", 3) == 0)
		in->at = 3;
	if (in->encoding != kCFStringEncodingUTF16 || in->size < 2)
		return;
	if (memcmp(b, "\xfe\xff", 2) == 0 || memcmp(b, "\xff\xfe", 2) == 0) {
		in->encoding = b[0] == 0xfe ? kCFStringEncodingUTF16BE : kCFStringEncodingUTF16LE;
		in->at = 2;
	}
}

static uint32_t next(struct source *in)
{
	switch (in->encoding) {
	case kCFStringEncodingUTF8:
		return bri_utf8_next((const char *)in->bytes, in->size, &in->at);
	case kCFStringEncodingISOLatin1: return in->bytes[in->at++];
	case kCFStringEncodingASCII:
	case kCFStringEncodingMacRoman:
		return in->bytes[in->at] < 0x80 ? in->bytes[in->at++] : BRI_UTF_BAD;
	case kCFStringEncodingUTF16:
	case kCFStringEncodingUTF16BE:
	case kCFStringEncodingUTF16LE:
		return bri_utf16_next(in->bytes, in->size, is_big(in->encoding), &in->at);
	}
	return BRI_UTF_BAD;
}

char *bri_cf_string_decode(
	const uint8_t *bytes, size_t size, CFStringEncoding encoding, bool bom, size_t *ret_size)
{
	struct source in = { bytes, size, 0, encoding };
	size_t n = 0;
	char *text;

	/* a byte of Latin 1, or two of UTF-16, become at most 2, or 3 */
	if (size > SIZE_MAX / 4)
		return NULL;
	text = malloc(size * 2 + 4);
	if (!text)
		return NULL;
	if (bom)
		skip_bom(&in);
	while (in.at < in.size) {
		uint32_t cp = next(&in);

		if (cp == BRI_UTF_BAD) {
			free(text);
			return NULL;
		}
		n += bri_utf8_put(cp, text + n);
	}
	text[n] = '\0';
	*ret_size = n;
	return text;
}

/* one character in that encoding, up to 4 bytes; 0: it has none */
static size_t encode(uint32_t cp, CFStringEncoding encoding, uint8_t ret[static 4])
{
	uint32_t narrow = encoding == kCFStringEncodingISOLatin1 ? 0x100 : 0x80;

	if (encoding == kCFStringEncodingUTF8)
		return bri_utf8_put(cp, (char *)ret);
	if (is_wide(encoding))
		return bri_utf16_put(cp, is_big(encoding), ret);
	ret[0] = (uint8_t)cp;
	return cp < narrow ? 1 : 0;
}

static bool is_known(CFStringEncoding encoding)
{
	return encoding == kCFStringEncodingUTF8 || encoding == kCFStringEncodingISOLatin1 ||
	       encoding == kCFStringEncodingASCII || encoding == kCFStringEncodingMacRoman ||
	       is_wide(encoding);
}

struct sink {
	uint8_t *bytes; /* NULL: only count */
	size_t room;
	size_t n;
};

static bool put(struct sink *out, const uint8_t *bytes, size_t n)
{
	if (out->bytes) {
		if (n > out->room - out->n)
			return false;
		memcpy(out->bytes + out->n, bytes, n);
	}
	out->n += n;
	return true;
}

static bool put_character(struct sink *out, uint32_t cp, CFStringEncoding encoding, UInt8 loss)
{
	uint8_t bytes[4];
	size_t n = encode(cp, encoding, bytes);

	if (n == 0 && loss) {
		bytes[0] = loss;
		n = 1;
	}
	return n > 0 && put(out, bytes, n);
}

/* where the UTF-16 unit `location` is; false: in the middle of a pair */
static bool find_unit(CFStringRef s, CFIndex location, size_t *ret_at)
{
	CFIndex unit = 0;
	size_t at = 0;

	if (s->length == (CFIndex)s->size) { /* ASCII: units are bytes */
		*ret_at = (size_t)location;
		return true;
	}
	while (unit < location)
		unit += bri_utf8_next(s->text, s->size, &at) < 0x10000 ? 1 : 2;
	*ret_at = at;
	return unit == location;
}

CFIndex CFStringGetBytes(CFStringRef theString, CFRange range, CFStringEncoding encoding,
	UInt8 lossByte, Boolean isExternalRepresentation, UInt8 *buffer, CFIndex maxBufLen,
	CFIndex *usedBufLen)
{
	struct sink out = { buffer, maxBufLen > 0 ? (size_t)maxBufLen : 0, 0 };
	CFIndex done = 0;
	size_t at;

	if (usedBufLen)
		*usedBufLen = 0;
	if (!bri_cf_check(theString, BRI_KIND_CF_STRING, __func__) || !is_known(encoding) ||
		!bri_cf_range_ok(range, theString->length) ||
		!find_unit(theString, range.location, &at))
		return 0;
	if (isExternalRepresentation && encoding == kCFStringEncodingUTF16 &&
		!put_character(&out, 0xfeff, encoding, 0))
		return 0;
	while (done < range.length) {
		uint32_t cp = bri_utf8_next(theString->text, theString->size, &at);
		CFIndex units = cp < 0x10000 ? 1 : 2;

		if (units > range.length - done || !put_character(&out, cp, encoding, lossByte))
			break;
		done += units;
	}
	if (usedBufLen)
		*usedBufLen = (CFIndex)out.n;
	return done;
}

CFStringRef CFStringCreateWithSubstring(CFAllocatorRef alloc, CFStringRef str, CFRange range)
{
	size_t from, to;

	(void)alloc;
	if (!bri_cf_check(str, BRI_KIND_CF_STRING, __func__) ||
		!bri_cf_range_ok(range, str->length) || !find_unit(str, range.location, &from) ||
		!find_unit(str, range.location + range.length, &to))
		return NULL;
	return bri_cf_string_new(str->text + from, to - from);
}

UniChar CFStringGetCharacterAtIndex(CFStringRef theString, CFIndex idx)
{
	CFIndex unit = 0;

	if (!bri_cf_check(theString, BRI_KIND_CF_STRING, __func__) || idx < 0 ||
		idx >= theString->length)
		return 0;
	for (size_t at = 0; at < theString->size;) {
		uint32_t cp = bri_utf8_next(theString->text, theString->size, &at);
		uint8_t bytes[4];
		size_t n = bri_utf16_put(cp, true, bytes);

		if (idx < unit + (CFIndex)n / 2) {
			size_t i = (size_t)(idx - unit) * 2;

			return (UniChar)(bytes[i] << 8 | bytes[i + 1]);
		}
		unit += (CFIndex)n / 2;
	}
	return 0;
}
