/* What a person sees of a run: a bar and one live line on a terminal, plain lines elsewhere. */
#include "demo/demo.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BAR_WIDTH   30
#define WINDOW      5  /* samples that a rate is the mean of */
#define PLAIN_EVERY 10 /* samples between lines where there is no terminal */

static bool on_terminal(void)
{
	return isatty(STDOUT_FILENO);
}

static bool in_colour(void)
{
	return on_terminal() && !getenv("NO_COLOR");
}

void demo_show_begin(const struct demo_run *run, const char *title)
{
	printf("%s%s%s  %.1f MB\n", in_colour() ? "\033[1m" : "", title,
		in_colour() ? "\033[0m" : "", (double)run->total_bytes / 1e6);
	fflush(stdout);
}

/* Mbit/s over the last WINDOW samples. */
static double path_rate(const struct demo_run *run, int path)
{
	const struct demo_sample *last = &run->samples[run->sample_count - 1], *first;
	size_t back = run->sample_count > WINDOW ? WINDOW : run->sample_count - 1;

	first = last - back;
	if (last->at_ns == first->at_ns)
		return 0;
	return (double)(last->path_bytes[path] - first->path_bytes[path]) * 8e3 /
	       (double)(last->at_ns - first->at_ns);
}

void demo_show_progress(const struct demo_run *run)
{
	const struct demo_sample *last = &run->samples[run->sample_count - 1];
	double part = (double)last->client_bytes / (double)run->total_bytes;
	int filled = (int)(part * BAR_WIDTH);
	char bar[BAR_WIDTH + 1];

	if (!on_terminal() && run->sample_count % PLAIN_EVERY)
		return;
	memset(bar, '#', BAR_WIDTH);
	memset(bar + filled, '.', (size_t)(BAR_WIDTH - filled));
	bar[BAR_WIDTH] = 0;
	printf("%s[%s] %3.0f %%  %4.1f s  ", on_terminal() ? "\r\033[K" : "", bar, part * 100,
		(double)last->at_ns / 1e9);
	for (int i = 0; i < DEMO_PATHS; i++) {
		if (run->path_names[i])
			printf(" %s %5.1f Mbit/s", run->path_names[i], path_rate(run, i));
	}
	printf("%s", on_terminal() ? "" : "\n");
	fflush(stdout);
}

void demo_show_event(const char *text)
{
	printf("%s%s*** %s%s\n", on_terminal() ? "\r\033[K" : "", in_colour() ? "\033[33m" : "",
		text, in_colour() ? "\033[0m" : "");
	fflush(stdout);
}

void demo_show_end(const struct demo_run *run)
{
	const struct demo_sample *last =
		run->sample_count ? &run->samples[run->sample_count - 1] : NULL;
	const char *red = in_colour() ? "\033[31m" : "", *green = in_colour() ? "\033[32m" : "",
		   *plain = in_colour() ? "\033[0m" : "";

	printf("%s", on_terminal() ? "\r\033[K" : "");
	printf("  multipath      %s\n", *run->state ? run->state : "(not connected)");
	if (run->done)
		printf("  transfer       %scomplete%s, %.1f s\n", green, plain,
			(double)run->duration_ns / 1e9);
	else
		printf("  transfer       %sfailed%s: %s\n", red, plain, run->failure);
	if (run->done)
		printf("  SHA-256        %s%s%s  %.16s...\n", run->same_checksum ? green : red,
			run->same_checksum ? "equal" : "DIFFERENT", plain, run->checksum);
	printf("  longest pause  %.0f ms\n", (double)run->pause_ns / 1e6);
	for (int i = 0; last && i < DEMO_PATHS; i++) {
		if (run->path_names[i])
			printf("  %-13s  %.1f MB\n", run->path_names[i],
				(double)last->path_bytes[i] / 1e6);
	}
	printf("\n");
	fflush(stdout);
}
