/* The rows of `braid check`: a verdict, one line of text, and what to do. Knows no check. */
#ifndef BRI_CLI_REPORT_H
#define BRI_CLI_REPORT_H

#include <stdio.h>
#include "cli/json.h"

enum bri_verdict {
	BRI_VERDICT_OK,
	BRI_VERDICT_NOTE, /* worth knowing, nothing to do */
	BRI_VERDICT_WARN, /* works, but less than it could */
	BRI_VERDICT_BAD,  /* does not work */
};

#define BRI_REPORT_MAX_ROWS                                                                        \
	512 /* a host with hundreds of interfaces still gets a readable list                       \
	     */

struct bri_report_row {
	const char *id;    /* static: stable, for scripts */
	const char *title; /* static: for people */
	enum bri_verdict verdict;
	char subject[64]; /* which interface, endpoint, ...; "" when there is one only */
	char text[320];
	char fix[512]; /* "" when there is nothing to do */
};

struct bri_report {
	struct bri_report_row *rows;
	size_t n, room;
	bool cut; /* rows were left out: limit or memory */
};

void bri_report_init(struct bri_report *report);
void bri_report_fini(struct bri_report *report);

/* bri_report_add(): a row; `subject` may be NULL. The row to fill `fix` of, never NULL. */
struct bri_report_row *bri_report_add(struct bri_report *report, enum bri_verdict verdict,
	const char *id, const char *title, const char *subject, const char *fmt, ...)
	BRI_PRINTF(6, 7);
void bri_report_fix(struct bri_report_row *row, const char *fmt, ...) BRI_PRINTF(2, 3);

enum bri_verdict bri_report_worst(const struct bri_report *report);
const char *bri_verdict_name(enum bri_verdict verdict);

/* bri_report_print(): rows from `first` on, for people. bri_report_json(): an array of all rows. */
void bri_report_print(const struct bri_report *report, size_t first, FILE *file, bool colour);
void bri_report_json(const struct bri_report *report, struct bri_json *json, const char *key);

#endif
