/*
 * `braid monitor` without a terminal: text, JSON (one object a line), Prometheus' text format.
 * They write to a stream and look at nothing but the model.
 */
#ifndef BRI_CLI_MONITOR_OUTPUT_H
#define BRI_CLI_MONITOR_OUTPUT_H

#include <stdio.h>
#include "cli/monitor_format.h"

/* Each writes what the filter lets through ("": all). Errors are the stream's (ferror). */
void bri_monitor_text(
	const struct bri_monitor_model *model, const char *filter, bool unicode, FILE *file);
void bri_monitor_json(const struct bri_monitor_model *model, const char *filter, FILE *file);
/* bri_monitor_json_events(): one object for each event of the last look. */
void bri_monitor_json_events(const struct bri_monitor_model *model, const char *filter, FILE *file);
void bri_monitor_prometheus(const struct bri_monitor_model *model, const char *filter, FILE *file);

#endif
