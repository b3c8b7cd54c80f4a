/* See report.h. */
#include "report.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_SIZE 16384 /* the longest report is some 2 KiB; what does not fit is left out */

static struct {
	char line[LINE_SIZE];
	size_t length;
	char why[256];
} report;

static void add(const char *fmt, ...) BRI_PRINTF(1, 2);
static void add(const char *fmt, ...)
{
	size_t left = sizeof(report.line) - report.length;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(report.line + report.length, left, fmt, args);
	va_end(args);
	if (n > 0 && (size_t)n < left)
		report.length += (size_t)n;
	else
		report.line[report.length] = '\0';
}

void report_begin(const char *name, bool daemon, uint64_t seed)
{
	add("{\"name\": \"%s\", \"braidd\": %s, \"seed\": %" PRIu64, name,
		daemon ? "true" : "false", seed);
}

void report_number(const char *key, double value)
{
	if (isfinite(value))
		add(", \"%s\": %.3f", key, value);
	else
		add(", \"%s\": null", key);
}

void report_integer(const char *key, uint64_t value)
{
	add(", \"%s\": %" PRIu64, key, value);
}

void report_bool(const char *key, bool value)
{
	add(", \"%s\": %s", key, value ? "true" : "false");
}

void report_text(const char *key, const char *value)
{
	char quoted[1024];
	size_t n = 0;

	for (const char *p = value; *p && n + 3 < sizeof(quoted); p++) {
		if (*p == '"' || *p == '\\')
			quoted[n++] = '\\';
		quoted[n++] = (unsigned char)*p < ' ' ? ' ' : *p;
	}
	quoted[n] = '\0';
	add(", \"%s\": \"%s\"", key, quoted);
}

int report_fail(const char *fmt, ...)
{
	va_list args;

	if (report.why[0])
		return -1;
	va_start(args, fmt);
	(void)vsnprintf(report.why, sizeof(report.why), fmt, args);
	va_end(args);
	return -1;
}

int report_end(void)
{
	bool ok = !report.why[0];

	if (!ok)
		report_text("why", report.why);
	report_bool("ok", ok);
	if (printf("%s}\n", report.line) < 0 || fflush(stdout) == EOF)
		return 1;
	return ok ? 0 : 1;
}
