/* The timeline of both runs as an SVG: throughput of each path, stacked, and when one was lost. */
#include "demo/demo.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define WIDTH    860.0
#define LEFT     60.0
#define PLOT_W   780.0
#define PLOT_H   180.0
#define WINDOW   3 /* samples that a point is the mean of */
#define TOP_MBIT 80.0

static const char *const colours[DEMO_PATHS] = { "#3b82f6", "#f59e0b" };

static double rate_mbit(const struct demo_run *run, size_t i, int path)
{
	size_t back = i < WINDOW ? i : WINDOW;
	const struct demo_sample *b = &run->samples[i], *a = &run->samples[i - back];

	if (b->at_ns == a->at_ns)
		return 0;
	return (double)(b->path_bytes[path] - a->path_bytes[path]) * 8e3 /
	       (double)(b->at_ns - a->at_ns);
}

static double x_of(uint64_t at_ns, uint64_t span_ns)
{
	return LEFT + PLOT_W * (double)at_ns / (double)span_ns;
}

static double y_of(double mbit, double top)
{
	return top + PLOT_H * (1 - (mbit > TOP_MBIT ? 1 : mbit / TOP_MBIT));
}

/* The area of one path, on top of those before it. */
static void draw_path(FILE *f, const struct demo_run *run, int path, double top, uint64_t span_ns)
{
	fprintf(f, "<path fill=\"%s\" fill-opacity=\"0.75\" d=\"M", colours[path]);
	for (size_t i = 0; i < run->sample_count; i++) {
		double sum = 0;

		for (int p = 0; p <= path; p++)
			sum += rate_mbit(run, i, p);
		fprintf(f, "%.1f,%.1f ", x_of(run->samples[i].at_ns, span_ns), y_of(sum, top));
	}
	for (size_t i = run->sample_count; i-- > 0;) {
		double sum = 0;

		for (int p = 0; p < path; p++)
			sum += rate_mbit(run, i, p);
		fprintf(f, "L%.1f,%.1f ", x_of(run->samples[i].at_ns, span_ns), y_of(sum, top));
	}
	fprintf(f, "Z\"/>\n");
}

static void draw_axes(FILE *f, double top, uint64_t span_ns)
{
	for (int mbit = 0; mbit <= (int)TOP_MBIT; mbit += 20)
		fprintf(f,
			"<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>"
			"<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%d</text>\n",
			LEFT, LEFT + PLOT_W, y_of(mbit, top), y_of(mbit, top), LEFT - 6,
			y_of(mbit, top) + 4, mbit);
	for (uint64_t s = 0; s * 1000000000u <= span_ns; s += 2)
		fprintf(f,
			"<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%" PRIu64 " s</text>\n",
			x_of(s * 1000000000u, span_ns), top + PLOT_H + 16, s);
}

static void draw_run(
	FILE *f, const struct demo_run *run, const char *title, double top, uint64_t span_ns)
{
	fprintf(f, "<text x=\"%.0f\" y=\"%.0f\" font-weight=\"bold\">%s: %s</text>\n", LEFT,
		top - 10, title, run->done ? "complete" : "failed");
	draw_axes(f, top, span_ns);
	for (int path = 0; path < DEMO_PATHS; path++) {
		if (run->path_names[path] && run->sample_count)
			draw_path(f, run, path, top, span_ns);
	}
	if (run->lost_at_ns)
		fprintf(f,
			"<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" y2=\"%.0f\" stroke=\"#dc2626\" "
			"stroke-width=\"2\" "
			"stroke-dasharray=\"5,3\"/><text x=\"%.1f\" y=\"%.0f\" fill=\"#dc2626\">%s "
			"lost</text>\n",
			x_of(run->lost_at_ns, span_ns), x_of(run->lost_at_ns, span_ns), top,
			top + PLOT_H, x_of(run->lost_at_ns, span_ns) + 5, top + 12,
			run->path_names[0]);
	fprintf(f, "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">longest pause %.0f ms</text>\n",
		LEFT + PLOT_W, top - 10, (double)run->pause_ns / 1e6);
}

static uint64_t last_ns(const struct demo_run *run)
{
	return run->sample_count ? run->samples[run->sample_count - 1].at_ns : 0;
}

int demo_draw(const char *file, const struct demo_run *multipath, const struct demo_run *single)
{
	uint64_t span_ns =
		last_ns(multipath) > last_ns(single) ? last_ns(multipath) : last_ns(single);
	FILE *f = fopen(file, "we");

	if (!f)
		return -errno;
	if (!span_ns)
		span_ns = 1;
	fprintf(f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"560\" "
		"font-family=\"sans-serif\" "
		"font-size=\"12\"><rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
		WIDTH);
	draw_run(f, multipath, "Multipath TCP", 50, span_ns);
	draw_run(f, single, "Plain TCP", 310, span_ns);
	for (int path = 0; path < DEMO_PATHS; path++) {
		if (multipath->path_names[path])
			fprintf(f,
				"<rect x=\"%.0f\" y=\"530\" width=\"12\" height=\"12\" "
				"fill=\"%s\"/>"
				"<text x=\"%.0f\" y=\"541\">%s (Mbit/s at the client)</text>\n",
				LEFT + 200 * path, colours[path], LEFT + 200 * path + 18,
				multipath->path_names[path]);
	}
	fprintf(f, "</svg>\n");
	return fclose(f) ? -errno : 0;
}
