/* Unicode encodings: UTF-8 (RFC 3629) and UTF-16 (RFC 2781), one character at a time. */
#include "cf/cf_utf.h"

static bool is_scalar(uint32_t cp)
{
	return cp <= 0x10ffff && (cp < 0xd800 || cp > 0xdfff);
}

uint32_t bri_utf8_next(const char *text, size_t size, size_t *at)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	const uint8_t *s = (const uint8_t *)text + *at;
	size_t left = size - *at, more;
	uint32_t cp;

	if (s[0] < 0x80) {
		*at += 1;
		return s[0];
	}
	more = s[0] >= 0xf0 ? 3 : s[0] >= 0xe0 ? 2 : 1;
	if (s[0] < 0xc2 || s[0] > 0xf4 || left <= more)
		return BRI_UTF_BAD;
	cp = s[0] & (0x3fU >> more);
	for (size_t i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return BRI_UTF_BAD;
		cp = cp << 6 | (s[i] & 0x3f);
	}
	if (cp < least[more] ||
		!is_scalar(cp)) /* RFC 3629 section 3: neither overlong nor surrogates */
		return BRI_UTF_BAD;
	*at += more + 1;
	return cp;
}

size_t bri_utf8_put(uint32_t cp, char ret[static 4])
{
	if (cp < 0x80) {
		ret[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		ret[0] = (char)(0xc0 | cp >> 6);
		ret[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		ret[0] = (char)(0xe0 | cp >> 12);
		ret[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		ret[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	ret[0] = (char)(0xf0 | cp >> 18);
	ret[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	ret[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	ret[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

static uint32_t unit(const uint8_t *p, bool big)
{
	return big ? (uint32_t)p[0] << 8 | p[1] : (uint32_t)p[1] << 8 | p[0];
}

uint32_t bri_utf16_next(const uint8_t *bytes, size_t size, bool big, size_t *at)
{
	size_t left = size - *at;
	uint32_t first, second;

	if (left < 2)
		return BRI_UTF_BAD;
	first = unit(bytes + *at, big);
	if (first < 0xd800 || first > 0xdfff) {
		*at += 2;
		return first;
	}
	if (first > 0xdbff || left < 4)
		return BRI_UTF_BAD;
	second = unit(bytes + *at + 2, big);
	if (second < 0xdc00 || second > 0xdfff)
		return BRI_UTF_BAD;
	*at += 4;
	return 0x10000 + ((first & 0x3ff) << 10 | (second & 0x3ff));
}

static void put_unit(uint32_t value, bool big, uint8_t *ret)
{
	ret[big ? 0 : 1] = (uint8_t)(value >> 8);
	ret[big ? 1 : 0] = (uint8_t)value;
}

size_t bri_utf16_put(uint32_t cp, bool big, uint8_t ret[static 4])
{
	if (cp < 0x10000) {
		put_unit(cp, big, ret);
		return 2;
	}
	cp -= 0x10000;
	put_unit(0xd800 | cp >> 10, big, ret);
	put_unit(0xdc00 | (cp & 0x3ff), big, ret + 2);
	return 4;
}

ptrdiff_t bri_utf8_length(const char *text, size_t size)
{
	ptrdiff_t n = 0;

	for (size_t at = 0; at < size;) {
		uint32_t cp = bri_utf8_next(text, size, &at);

		if (cp == BRI_UTF_BAD)
			return -1;
		n += cp < 0x10000 ? 1 : 2;
	}
	return n;
}
