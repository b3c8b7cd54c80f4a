/* RFC 3629, section 4: the ranges that leave out overlong forms, surrogates and what is over
 * U+10FFFF. */
#include "proto/ws/ws_utf8.h"

#include <string.h>

#define CONT_LOW  0x80
#define CONT_HIGH 0xbf

static void expect(struct bri_ws_utf8 *utf8, unsigned need, unsigned low, unsigned high)
{
	utf8->need = (uint8_t)need;
	utf8->low = (uint8_t)low;
	utf8->high = (uint8_t)high;
}

static bool first(struct bri_ws_utf8 *utf8, uint8_t byte)
{
	if (byte < 0xc2 || byte > 0xf4)
		return false;
	if (byte < 0xe0)
		expect(utf8, 1, CONT_LOW, CONT_HIGH);
	else if (byte < 0xf0) /* E0: not overlong; ED: no surrogates */
		expect(utf8, 2, byte == 0xe0 ? 0xa0 : CONT_LOW, byte == 0xed ? 0x9f : CONT_HIGH);
	else
		expect(utf8, 3, byte == 0xf0 ? 0x90 : CONT_LOW, byte == 0xf4 ? 0x8f : CONT_HIGH);
	return true;
}

static bool next(struct bri_ws_utf8 *utf8, uint8_t byte)
{
	if (byte < utf8->low || byte > utf8->high)
		return false;
	expect(utf8, utf8->need - 1u, CONT_LOW, CONT_HIGH);
	return true;
}

/* How many of the bytes are ASCII before the first that is not: most text, eight at a time. */
static size_t ascii_run(const uint8_t *bytes, size_t size)
{
	size_t i = 0;
	uint64_t word;

	for (; size - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		if (word & UINT64_C(0x8080808080808080))
			break;
	}
	while (i < size && bytes[i] < 0x80)
		i++;
	return i;
}

bool bri_ws_utf8_feed(struct bri_ws_utf8 *utf8, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < size; i++) {
		if (utf8->need == 0) {
			i += ascii_run(p + i, size - i);
			if (i == size)
				break;
		}
		if (!(utf8->need ? next(utf8, p[i]) : first(utf8, p[i])))
			return false;
	}
	return true;
}
