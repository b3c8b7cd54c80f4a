/* The rows of `braid check`: a verdict, one line of text, and what to do. Knows no check. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "cli/report.h"

void bri_report_init(struct bri_report *report)
{
	*report = (struct bri_report) { 0 };
}

void bri_report_fini(struct bri_report *report)
{
	free(report->rows);
	bri_report_init(report);
}

/* Room for one more row, or a place for a row that nobody sees. */
static struct bri_report_row *next_row(struct bri_report *report)
{
	static struct bri_report_row lost;
	struct bri_report_row *rows;
	size_t room;

	if (report->n == report->room) {
		room = report->room ? 2 * report->room : 16;
		rows = room <= BRI_REPORT_MAX_ROWS ? reallocarray(report->rows, room, sizeof(*rows))
						   : NULL;
		if (!rows) {
			report->cut = true;
			return &lost;
		}
		report->rows = rows;
		report->room = room;
	}
	return &report->rows[report->n++];
}

struct bri_report_row *bri_report_add(struct bri_report *report, enum bri_verdict verdict,
	const char *id, const char *title, const char *subject, const char *fmt, ...)
{
	struct bri_report_row *row = next_row(report);
	va_list args;

	*row = (struct bri_report_row) { .id = id, .title = title, .verdict = verdict };
	snprintf(row->subject, sizeof(row->subject), "%s", subject ? subject : "");
	va_start(args, fmt);
	vsnprintf(row->text, sizeof(row->text), fmt, args);
	va_end(args);
	return row;
}

void bri_report_fix(struct bri_report_row *row, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(row->fix, sizeof(row->fix), fmt, args);
	va_end(args);
}

enum bri_verdict bri_report_worst(const struct bri_report *report)
{
	enum bri_verdict worst = BRI_VERDICT_OK;

	for (size_t i = 0; i < report->n; i++)
		if (report->rows[i].verdict > worst)
			worst = report->rows[i].verdict;
	return worst;
}

const char *bri_verdict_name(enum bri_verdict verdict)
{
	static const char *const names[] = { "ok", "note", "warn", "bad" };

	return names[verdict];
}

void bri_report_print(const struct bri_report *report, size_t first, FILE *file, bool colour)
{
	static const char *const colours[] = { "\033[32m", "\033[36m", "\033[33m", "\033[31m" };

	for (size_t i = first; i < report->n; i++) {
		const struct bri_report_row *row = &report->rows[i];
		char title[96];

		snprintf(title, sizeof(title), "%s%s%s", row->title, *row->subject ? " " : "",
			row->subject);
		fprintf(file, "%s%-4s%s  %-24s  %s\n", colour ? colours[row->verdict] : "",
			bri_verdict_name(row->verdict), colour ? "\033[0m" : "", title, row->text);
		if (*row->fix)
			fprintf(file, "      %-24s  fix: %s\n", "", row->fix);
	}
	if (report->cut)
		fputs("note  (more rows were left out)\n", file);
}

void bri_report_json(const struct bri_report *report, struct bri_json *json, const char *key)
{
	bri_json_array(json, key);
	for (size_t i = 0; i < report->n; i++) {
		const struct bri_report_row *row = &report->rows[i];

		bri_json_object(json, NULL);
		bri_json_string(json, "id", row->id);
		bri_json_string(json, "subject", *row->subject ? row->subject : NULL);
		bri_json_string(json, "verdict", bri_verdict_name(row->verdict));
		bri_json_string(json, "text", row->text);
		bri_json_string(json, "fix", *row->fix ? row->fix : NULL);
		bri_json_end_object(json);
	}
	bri_json_end_array(json);
}
