/*
 * Lines of a given width for a terminal, out of strings nobody has checked. Knows nothing of what
 * they say.
 */
#include <stdarg.h>
#include <string.h>
#include <wchar.h>
#include "cli/monitor_format.h"

static const char *const bars[] = { " ", "\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586",
	"\u2587", "\u2588" };
static const char *const ascii_bars[] = { " ", ".", ":", "-", "=", "+", "*", "%", "#" };

void bri_line_init(
	struct bri_line *line, char *text, size_t size, unsigned width, bool unicode, bool colour)
{
	*line = (struct bri_line) {
		.text = text, .size = size, .width = width, .unicode = unicode, .colour = colour
	};
	if (size)
		text[0] = 0;
}

/*
 * The character at p: its bytes, 0 when they are not one (RFC 3629). Overlong forms would let a
 * control character through in disguise.
 */
static size_t decode(const unsigned char *p, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t c;

	if (n == 0 || p[0] > 0xf4)
		return 0;
	c = n == 1 ? p[0] : p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80) /* the terminating zero too */
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return n;
}

/*
 * Columns of a character that is harmless; 0: it is not. What has no width of its own is refused:
 * combining marks pile up, and marks of direction reorder the rest of the line.
 */
static unsigned harmless(const struct bri_line *line, uint32_t c)
{
	int width;

	if (c < 0x80)
		return c >= 0x20 && c < 0x7f;
	if (!line->unicode || c < 0xa0)
		return 0;
	width = wcwidth((wchar_t)c);
	return width > 0 ? (unsigned)width : 0;
}

static bool append(struct bri_line *line, const char *bytes, size_t n)
{
	if (line->size - line->used <= n)
		return false;
	memcpy(line->text + line->used, bytes, n);
	line->used += n;
	line->text[line->used] = 0;
	return true;
}

void bri_line_put(struct bri_line *line, const char *text)
{
	const unsigned char *p = (const void *)text;

	while (*p && line->columns < line->width) {
		uint32_t c = 0;
		size_t n = decode(p, &c);
		unsigned columns = n ? harmless(line, c) : 0;

		if (columns > line->width - line->columns)
			break; /* a wide character on the last column */
		if (!append(line, columns ? (const char *)p : "?", columns ? n : 1))
			break;
		line->columns += columns ? columns : 1;
		p += n ? n : 1;
	}
}

void bri_line_putf(struct bri_line *line, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	bri_line_put(line, text);
}

void bri_line_pad(struct bri_line *line, unsigned column)
{
	while (line->columns < column && line->columns < line->width && append(line, " ", 1))
		line->columns++;
}

void bri_line_right(struct bri_line *line, unsigned end, const char *text)
{
	unsigned n = (unsigned)strnlen(text, 256);

	if (line->columns > 0 && line->text[line->used - 1] != ' ')
		bri_line_pad(line, line->columns + 1);
	if (end > n)
		bri_line_pad(line, end - n);
	bri_line_put(line, text);
}

void bri_line_style(struct bri_line *line, const char *sgr)
{
	char text[16];
	int n;

	if (!line->colour)
		return;
	n = snprintf(text, sizeof(text), "\033[%sm", sgr);
	if (n > 0 && (size_t)n < sizeof(text))
		append(line, text, (size_t)n);
}

void bri_line_spark(struct bri_line *line, const uint32_t *values, size_t n, uint32_t max)
{
	const char *const *bar = line->unicode ? bars : ascii_bars;

	for (size_t i = 0; i < n && line->columns < line->width; i++) {
		/* anything at all is more than nothing */
		uint64_t level = max && values[i] ? ((uint64_t)values[i] * 8 + max - 1) / max : 0;
		const char *text = bar[bri_min_u64(level, 8)];

		if (!append(line, text, strlen(text)))
			break;
		line->columns++;
	}
}
