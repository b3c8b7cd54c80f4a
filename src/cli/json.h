/* Writes JSON (RFC 8259) to a stdio stream, one call per value. Knows nothing of what it says. */
#ifndef BRI_CLI_JSON_H
#define BRI_CLI_JSON_H

#include <stdio.h>
#include "base/base.h"

#define BRI_JSON_DEPTH 16

struct bri_json {
	FILE *file;
	bool one_line; /* may be set after init: no line ends but the last */
	unsigned depth;
	bool filled[BRI_JSON_DEPTH + 1]; /* something was written at this depth */
};

/* `key` is NULL inside arrays and for the outermost value. Strings: NULL gives null; bytes that are
 * not UTF-8 become U+FFFD. The outermost end writes a newline. */
void bri_json_init(struct bri_json *json, FILE *file);
void bri_json_object(struct bri_json *json, const char *key);
void bri_json_end_object(struct bri_json *json);
void bri_json_array(struct bri_json *json, const char *key);
void bri_json_end_array(struct bri_json *json);
void bri_json_string(struct bri_json *json, const char *key, const char *value);
void bri_json_number(struct bri_json *json, const char *key, int64_t value);
void bri_json_unsigned(struct bri_json *json, const char *key, uint64_t value);
void bri_json_bool(struct bri_json *json, const char *key, bool value);
void bri_json_null(struct bri_json *json, const char *key);

#endif
