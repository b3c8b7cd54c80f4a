/* Is it UTF-8 (RFC 3629)? Byte by byte across pieces; says no at the first byte that cannot be. */
#ifndef BRI_WS_UTF8_H
#define BRI_WS_UTF8_H

#include "base/base.h"

/* All zeroes: between characters. */
struct bri_ws_utf8 {
	uint8_t need;      /* continuation bytes that must follow */
	uint8_t low, high; /* what the next of them may be */
};

/* bri_ws_utf8_feed(): false: not UTF-8, and nothing that follows can mend it. */
bool bri_ws_utf8_feed(struct bri_ws_utf8 *utf8, const void *bytes, size_t size);

/* bri_ws_utf8_is_whole(): no character is cut off here. */
static inline bool bri_ws_utf8_is_whole(const struct bri_ws_utf8 *utf8)
{
	return utf8->need == 0;
}

#endif
