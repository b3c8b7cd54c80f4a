/* Answers that turn slow, and throughput of both paths, as pictures: a line for each manager. */
#include "demo/demo.h"
#include "demo/canvas.h"

#include <errno.h>
#include <stdio.h>

#define WINDOW 5 /* samples that a rate is the mean of */
#define TOP    72.0
#define HEIGHT 250.0
#define LEGEND (TOP + HEIGHT + 44)

static const char *const colours[DEMO_MANAGERS] = { CANVAS_BRAIDD, CANVAS_KERNEL, CANVAS_PLAIN };

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static void draw_talk(FILE *f, const struct canvas_plot *plot, const struct demo_talk *talk)
{
	const char *colour = colours[talk->who.manager];

	canvas_line_begin(f, colour);
	for (uint32_t i = 0; i < talk->count; i++)
		canvas_line_point(f, plot, seconds(talk->answers[i].sent_ns),
			(double)talk->answers[i].took_ns / 1e6);
	canvas_line_end(f);
	for (uint32_t i = 0; i < talk->count; i++)
		fprintf(f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2\" fill=\"%s\"/>\n",
			canvas_x(plot, seconds(talk->answers[i].sent_ns)),
			canvas_y(plot, (double)talk->answers[i].took_ns / 1e6), colour);
}

static void legend_of_talk(char text[static 120], const struct demo_talk *talk, const char *who)
{
	if (!talk->done)
		(void)snprintf(text, 120, "%s: failed", who);
	else if (talk->fast_again_ns)
		(void)snprintf(text, 120, "%s: median %.0f ms, fast again after %.0f ms", who,
			talk->median_ms, (double)talk->fast_again_ns / 1e6);
	else
		(void)snprintf(
			text, 120, "%s: median %.0f ms, never fast again", who, talk->median_ms);
}

int demo_draw_interactive(const char *file, const struct demo_talk talks[static 2])
{
	struct canvas_plot plot = { .top = TOP, .height = HEIGHT, .seconds = 1, .most = 50 };
	char text[120];
	FILE *f;

	for (int m = 0; m < DEMO_PLAIN; m++) {
		if (talks[m].seconds > plot.seconds)
			plot.seconds = talks[m].seconds;
		while (talks[m].worst_ms >= plot.most)
			plot.most += 50;
	}
	f = canvas_open(file, LEGEND + 18, "Interactive: wlan turns slow",
		"200 bytes are asked for every 50 ms; how long each answer took");
	if (!f)
		return -errno;
	canvas_axes(f, &plot, plot.most > 500 ? 200 : 50, "ms");
	for (int m = DEMO_PLAIN; m-- > 0;)
		draw_talk(f, &plot, &talks[m]);
	if (talks[DEMO_BRAIDD].slow_at_ns)
		canvas_event(f, &plot, seconds(talks[DEMO_BRAIDD].slow_at_ns),
			"wlan: 300 ms, not 20 (wwan: 60)");
	legend_of_talk(text, &talks[DEMO_BRAIDD], "braidd");
	canvas_legend(f, LEGEND, 0, colours[DEMO_BRAIDD], text);
	legend_of_talk(text, &talks[DEMO_KERNEL], "the kernel alone");
	canvas_legend(f, LEGEND, CANVAS_PLOT / 2, colours[DEMO_KERNEL], text);
	return canvas_close(f);
}

static void draw_rate(FILE *f, const struct canvas_plot *plot, const struct demo_run *run)
{
	canvas_line_begin(f, colours[run->who.manager]);
	for (size_t i = 1; i < run->sample_count; i++) {
		size_t back = i < WINDOW ? i : WINDOW;
		const struct demo_sample *b = &run->samples[i], *a = &run->samples[i - back];

		if (b->at_ns > a->at_ns && seconds(b->at_ns) <= plot->seconds)
			canvas_line_point(f, plot, seconds(b->at_ns),
				(double)(b->client_bytes - a->client_bytes) * 8e3 /
					(double)(b->at_ns - a->at_ns));
	}
	canvas_line_end(f);
}

int demo_draw_aggregate(const char *file, const struct demo_run runs[static DEMO_MANAGERS])
{
	static const char *const names[DEMO_MANAGERS] = { "braidd", "the kernel alone",
		"plain TCP, wlan" };
	struct canvas_plot plot = { .top = TOP, .height = HEIGHT, .seconds = 1, .most = 90 };
	char text[120];
	FILE *f;

	for (int m = 0; m < DEMO_MANAGERS; m++) {
		if (seconds(runs[m].limit_ns) > plot.seconds)
			plot.seconds = seconds(runs[m].limit_ns);
	}
	f = canvas_open(file, LEGEND + 18, "Aggregate: as much as goes over both paths",
		"What the client's program got");
	if (!f)
		return -errno;
	canvas_axes(f, &plot, 10, "Mbit/s");
	canvas_level(f, &plot, 70, "wlan 50 + wwan 20");
	canvas_level(f, &plot, 50, "wlan 50");
	for (int m = DEMO_MANAGERS; m-- > 0;) {
		draw_rate(f, &plot, &runs[m]);
		if (runs[m].done)
			(void)snprintf(
				text, sizeof(text), "%s: %.1f Mbit/s", names[m], runs[m].mbit);
		else
			(void)snprintf(text, sizeof(text), "%s: failed", names[m]);
		canvas_legend(f, LEGEND, CANVAS_PLOT / DEMO_MANAGERS * m, colours[m], text);
	}
	return canvas_close(f);
}
