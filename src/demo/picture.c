/* The handover as a picture: throughput of each path over time, stacked, for each manager. */
#include "demo/demo.h"
#include "demo/canvas.h"

#include <errno.h>
#include <stdio.h>

#define WINDOW   3 /* samples that a point is the mean of */
#define FIRST    92.0
#define HEIGHT   140.0
#define DISTANCE 202.0
#define MOST     80.0 /* Mbit/s */

static const char *const colours[DEMO_PATHS] = { CANVAS_WLAN, CANVAS_WWAN };
static const char *const titles[DEMO_MANAGERS] = { "Multipath TCP with braidd",
	"Multipath TCP, the kernel alone", "Plain TCP" };

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

/* Of this path and those below it. */
static double sum_mbit(const struct demo_run *run, size_t i, int path)
{
	size_t back = i < WINDOW ? i : WINDOW;
	const struct demo_sample *b = &run->samples[i], *a = &run->samples[i - back];
	double sum = 0;

	if (b->at_ns == a->at_ns)
		return 0;
	for (int p = 0; p <= path; p++)
		sum += (double)(b->path_bytes[p] - a->path_bytes[p]) * 8e3 /
		       (double)(b->at_ns - a->at_ns);
	return sum;
}

/* The area of one path, on top of those before it. */
static void draw_path(FILE *f, const struct canvas_plot *plot, const struct demo_run *run, int path)
{
	fprintf(f, "<path fill=\"%s\" fill-opacity=\"0.8\" d=\"M", colours[path]);
	for (size_t i = 0; i < run->sample_count; i++)
		fprintf(f, "%.1f,%.1f ", canvas_x(plot, seconds(run->samples[i].at_ns)),
			canvas_y(plot, sum_mbit(run, i, path)));
	for (size_t i = run->sample_count; i-- > 0;)
		fprintf(f, "L%.1f,%.1f ", canvas_x(plot, seconds(run->samples[i].at_ns)),
			canvas_y(plot, sum_mbit(run, i, path - 1)));
	fprintf(f, "Z\"/>\n");
}

static void draw_run(FILE *f, const struct canvas_plot *plot, const struct demo_run *run)
{
	char left[120], right[120];

	(void)snprintf(left, sizeof(left), "%s: %s", titles[run->who.manager],
		run->done ? "complete" : "failed");
	if (run->done)
		(void)snprintf(right, sizeof(right), "%.0f MB, longest pause %.0f ms",
			(double)run->total_bytes / 1e6, (double)run->pause_ns / 1e6);
	else
		(void)snprintf(right, sizeof(right), "%.0f MB, of which %.1f arrived",
			(double)run->total_bytes / 1e6,
			run->sample_count
				? (double)run->samples[run->sample_count - 1].client_bytes / 1e6
				: 0);
	canvas_heading(f, plot, left, right);
	canvas_axes(f, plot, 20, "Mbit/s");
	for (int path = 0; path < DEMO_PATHS && run->sample_count; path++) {
		if (run->path_names[path])
			draw_path(f, plot, run, path);
	}
	if (run->lost_at_ns)
		canvas_event(f, plot, seconds(run->lost_at_ns), "wlan lost");
}

int demo_draw_handover(const char *file, const struct demo_run runs[static DEMO_MANAGERS])
{
	struct canvas_plot plot = { .top = FIRST, .height = HEIGHT, .seconds = 1, .most = MOST };
	FILE *f;

	for (int m = 0; m < DEMO_MANAGERS; m++) {
		const struct demo_run *run = &runs[m];

		if (run->sample_count &&
			seconds(run->samples[run->sample_count - 1].at_ns) > plot.seconds)
			plot.seconds = seconds(run->samples[run->sample_count - 1].at_ns);
	}
	f = canvas_open(file, 700, "Handover: wlan is lost half way through a file",
		"wlan 50 Mbit/s, 20 ms; wwan 20 Mbit/s, 60 ms. What each path brought to the "
		"client");
	if (!f)
		return -errno;
	for (int m = 0; m < DEMO_MANAGERS; m++) {
		draw_run(f, &plot, &runs[m]);
		plot.top += DISTANCE;
	}
	canvas_legend(f, 684, 0, colours[0], "wlan");
	canvas_legend(f, 684, 80, colours[1], "wwan");
	return canvas_close(f);
}
