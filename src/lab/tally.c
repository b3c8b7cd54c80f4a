/* What a lab's paths carried and dropped, for people or as JSON. Knows nothing of the run. */
#include "lab/tally.h"

#include <inttypes.h>

#include "base/base.h"

static const char *const states[] = { "up", "down", "silent" };
static const char *const directions[] = { "to-server", "to-client" };

/* 12345678 as 12.3 MB, in tenths, by integers. */
static void print_bytes(FILE *file, uint64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	uint64_t tenths = bytes * 10;
	size_t unit = 0;

	while (tenths >= 10000 && unit + 1 < BRI_LEN(units)) {
		tenths /= 1000;
		unit++;
	}
	if (unit == 0)
		fprintf(file, "%9" PRIu64 " B ", bytes);
	else
		fprintf(file, "%7" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10, units[unit]);
}

static void print_row(FILE *file, const char *name, const char *state, const char *direction,
	const struct bri_lab_direction_stats *stats)
{
	fprintf(file, "%-15s %-7s %-9s %9" PRIu64 " ", name, state, direction, stats->frames);
	print_bytes(file, stats->bytes);
	fprintf(file, " %9" PRIu64 " %9" PRIu64 " %9" PRIu64, stats->dropped_loss,
		stats->dropped_queue, stats->dropped_state);
	if (stats->overrun)
		fprintf(file, "  and %" PRIu64 " by the emulator itself: this machine is too slow",
			stats->overrun);
	fputc('\n', file);
}

int bri_tally_table(FILE *file, struct bri_lab *lab)
{
	fprintf(file, "%-15s %-7s %-9s %9s %12s %9s %9s %9s\n", "path", "state", "direction",
		"frames", "bytes", "lost", "queue", "state");
	for (uint32_t i = 0; i < bri_lab_n_paths(lab); i++) {
		struct bri_lab_stats stats;
		int r = bri_lab_stats(lab, i, &stats);

		if (r < 0)
			return r;
		for (int d = 0; d < 2; d++)
			print_row(file, d ? "" : bri_lab_path_name(lab, i),
				d               ? ""
				: stats.address ? states[stats.state]
						: "no addr",
				directions[d], &stats.direction[d]);
	}
	return 0;
}

static void json_direction(FILE *file, const char *name, const struct bri_lab_direction_stats *s)
{
	fprintf(file,
		",\"%s\":{\"frames\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"dropped_loss\":%" PRIu64
		",\"dropped_queue\":%" PRIu64 ",\"dropped_state\":%" PRIu64 ",\"overrun\":%" PRIu64
		",\"queued_bytes\":%" PRIu64 ",\"loss_hash\":\"%016" PRIx64 "\"}",
		name, s->frames, s->bytes, s->dropped_loss, s->dropped_queue, s->dropped_state,
		s->overrun, s->queued_bytes, s->loss_hash);
}

int bri_tally_json(FILE *file, struct bri_lab *lab, const struct bri_tally *tally)
{
	fprintf(file, "{\"lab\":\"%s\"", bri_lab_id(lab));
	if (tally->has_run)
		fprintf(file, ",\"seed\":%" PRIu64 ",\"duration_ms\":%" PRIu64 ",\"exit_code\":%d",
			tally->seed, tally->duration_ns / BRI_NS_PER_MS, tally->exit_code);
	fputs(",\"paths\":[", file);
	for (uint32_t i = 0; i < bri_lab_n_paths(lab); i++) {
		struct bri_lab_stats stats;
		int r = bri_lab_stats(lab, i, &stats);

		if (r < 0)
			return r;
		/* a path's name has no character that JSON would want escaped */
		fprintf(file, "%s{\"name\":\"%s\",\"state\":\"%s\",\"address\":%s", i ? "," : "",
			bri_lab_path_name(lab, i), states[stats.state],
			stats.address ? "true" : "false");
		json_direction(file, "to_server", &stats.direction[BRI_LAB_TO_SERVER]);
		json_direction(file, "to_client", &stats.direction[BRI_LAB_TO_CLIENT]);
		fputc('}', file);
	}
	fputs("]}\n", file);
	return 0;
}
