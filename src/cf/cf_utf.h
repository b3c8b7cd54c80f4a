/* Unicode encodings: one character at a time. Pure. */
#ifndef BRI_CF_UTF_H
#define BRI_CF_UTF_H

#include "base/base.h"

#define BRI_UTF_BAD UINT32_MAX

/* bri_utf8_next(): the code point at *at, which moves on; BRI_UTF_BAD (RFC 3629), *at is as it was.
 */
uint32_t bri_utf8_next(const char *text, size_t size, size_t *at);
/* bri_utf8_put(): up to 4 bytes; returns how many. cp is valid. */
size_t bri_utf8_put(uint32_t cp, char ret[static 4]);
/* bri_utf16_next(): units are in the byte order `big`, or the other. As bri_utf8_next(). */
uint32_t bri_utf16_next(const uint8_t *bytes, size_t size, bool big, size_t *at);
/* bri_utf16_put(): 2 or 4 bytes */
size_t bri_utf16_put(uint32_t cp, bool big, uint8_t ret[static 4]);
/* bri_utf8_length(): UTF-16 units of the text; -1: it is not valid. */
ptrdiff_t bri_utf8_length(const char *text, size_t size);

#endif
