/* Between strings and other encodings. Knows no objects but strings. */
#ifndef BRI_CF_STRING_H
#define BRI_CF_STRING_H

#include "cf/cf.h"

/* bri_cf_string_append(): valid UTF-8 at the end. -ENOMEM, -ENOBUFS (limit), -EILSEQ */
int bri_cf_string_append(struct __CFString *string, const char *text, size_t size);
/*
 * bri_cf_string_decode(): bytes of an encoding to UTF-8, malloc'd, with a NUL at the end.
 * NULL: not text of that encoding, unknown encoding, or no memory.
 */
char *bri_cf_string_decode(
	const uint8_t *bytes, size_t size, CFStringEncoding encoding, bool bom, size_t *ret_size);

#endif
