/* Writes JSON (RFC 8259) to a stdio stream, one call per value. Knows nothing of what it says. */
#include <inttypes.h>
#include <string.h>
#include "cli/json.h"

void bri_json_init(struct bri_json *json, FILE *file)
{
	*json = (struct bri_json) { .file = file };
}

/*
 * The length of the UTF-8 character at p (1..4), or 0 when the bytes are not one: overlong forms,
 * surrogates and values past U+10FFFF are refused (RFC 3629 section 4).
 */
static size_t utf8_length(const unsigned char *p)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		n = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		n = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return n;
}

static void put_string(FILE *file, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n;

	fputc('"', file);
	while (*p) {
		n = utf8_length(p);
		if (*p == '"' || *p == '\\')
			fprintf(file, "\\%c", *p);
		else if (*p == '\n')
			fputs("\\n", file);
		else if (*p < 0x20 || *p == 0x7f)
			fprintf(file, "\\u%04x", *p);
		else if (n == 2 && *p == 0xc2 && p[1] < 0xa0) /* C1: a terminal may obey */
			fprintf(file, "\\u%04x", p[1]);
		else if (n == 0)
			fputs("\\ufffd", file);
		else
			fwrite(p, 1, n, file);
		p += n ? n : 1;
	}
	fputc('"', file);
}

static void begin_value(struct bri_json *json, const char *key)
{
	if (json->filled[json->depth])
		fputc(',', json->file);
	if (json->depth > 0 && !json->one_line)
		fprintf(json->file, "\n%*s", (int)(2 * json->depth), "");
	json->filled[json->depth] = true;
	if (key) {
		put_string(json->file, key);
		fputs(json->one_line ? ":" : ": ", json->file);
	}
}

static void begin(struct bri_json *json, const char *key, char bracket)
{
	begin_value(json, key);
	fputc(bracket, json->file);
	if (json->depth == BRI_JSON_DEPTH)
		bri_abort("json: nested deeper than %d", BRI_JSON_DEPTH);
	json->filled[++json->depth] = false;
}

static void end(struct bri_json *json, char bracket)
{
	bool filled = json->filled[json->depth];

	if (json->depth == 0)
		bri_abort("json: end without begin");
	json->depth--;
	if (filled && !json->one_line)
		fprintf(json->file, "\n%*s", (int)(2 * json->depth), "");
	fputc(bracket, json->file);
	if (json->depth == 0)
		fputc('\n', json->file);
}

void bri_json_object(struct bri_json *json, const char *key)
{
	begin(json, key, '{');
}

void bri_json_end_object(struct bri_json *json)
{
	end(json, '}');
}

void bri_json_array(struct bri_json *json, const char *key)
{
	begin(json, key, '[');
}

void bri_json_end_array(struct bri_json *json)
{
	end(json, ']');
}

void bri_json_string(struct bri_json *json, const char *key, const char *value)
{
	if (!value) {
		bri_json_null(json, key);
		return;
	}
	begin_value(json, key);
	put_string(json->file, value);
}

void bri_json_number(struct bri_json *json, const char *key, int64_t value)
{
	begin_value(json, key);
	fprintf(json->file, "%" PRId64, value);
}

void bri_json_unsigned(struct bri_json *json, const char *key, uint64_t value)
{
	begin_value(json, key);
	fprintf(json->file, "%" PRIu64, value);
}

void bri_json_bool(struct bri_json *json, const char *key, bool value)
{
	begin_value(json, key);
	fputs(value ? "true" : "false", json->file);
}

void bri_json_null(struct bri_json *json, const char *key)
{
	begin_value(json, key);
	fputs("null", json->file);
}
