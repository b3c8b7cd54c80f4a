/* The one line of JSON a measurement ends with. Knows nothing of what is measured. */
#ifndef PATHS_REPORT_H
#define PATHS_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

/*
 * report_begin(): starts the line, with the name, the seed and whether braidd ran. There is one
 * report per process: it measures one thing once.
 */
void report_begin(const char *name, bool daemon, uint64_t seed);
void report_number(const char *key, double value); /* not finite: null */
void report_integer(const char *key, uint64_t value);
void report_bool(const char *key, bool value);
void report_text(const char *key, const char *value);

/* report_fail(): the measurement gave no number, and why; the first reason stays. Returns -1. */
int report_fail(const char *fmt, ...) BRI_PRINTF(1, 2);

/* report_end(): writes the line to stdout. Returns the exit code: 0, or 1 after report_fail(). */
int report_end(void);

#endif
