/* What a person sees: a bar and one live line on a terminal, few plain lines elsewhere. */
#include "demo/demo.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BAR_WIDTH   30
#define WINDOW      5  /* samples that a rate is the mean of */
#define PLAIN_EVERY 20 /* samples between lines where there is no terminal */
#define CELL        16 /* of the table */

static bool on_terminal(void)
{
	return isatty(STDOUT_FILENO);
}

static const char *colour(const char *code)
{
	return on_terminal() && !getenv("NO_COLOR") ? code : "";
}

#define BOLD   colour("\033[1m")
#define RED    colour("\033[31m")
#define GREEN  colour("\033[32m")
#define YELLOW colour("\033[33m")
#define NORMAL colour("\033[0m")

static void clear_line(void)
{
	printf("%s", on_terminal() ? "\r\033[K" : "");
}

void demo_show_part(const char *title, const char *what)
{
	printf("%s%s%s  %s\n\n", BOLD, title, NORMAL, what);
	(void)fflush(stdout);
}

void demo_show_begin(const char *title)
{
	printf("%s%s%s\n", BOLD, title, NORMAL);
	(void)fflush(stdout);
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

static void draw_bar(double part, uint64_t at_ns)
{
	char bar[BAR_WIDTH + 1];
	int filled;

	if (part > 1)
		part = 1;
	filled = (int)(part * BAR_WIDTH);
	memset(bar, '#', BAR_WIDTH);
	memset(bar + filled, '.', (size_t)(BAR_WIDTH - filled));
	bar[BAR_WIDTH] = 0;
	clear_line();
	printf("[%s] %3.0f %%  %4.1f s  ", bar, part * 100, (double)at_ns / 1e9);
}

void demo_show_progress(const struct demo_run *run)
{
	const struct demo_sample *last = &run->samples[run->sample_count - 1];

	if (!on_terminal() && run->sample_count % PLAIN_EVERY)
		return;
	if (run->limit_ns)
		draw_bar((double)last->at_ns / (double)run->limit_ns, last->at_ns);
	else
		draw_bar((double)last->client_bytes / (double)run->total_bytes, last->at_ns);
	for (int i = 0; i < DEMO_PATHS; i++) {
		if (run->path_names[i])
			printf(" %s %5.1f Mbit/s", run->path_names[i], path_rate(run, i));
	}
	printf("%s", on_terminal() ? "" : "\n");
	(void)fflush(stdout);
}

void demo_show_talk_progress(const struct demo_talk *talk, uint64_t at_ns)
{
	uint64_t tick = at_ns / DEMO_SAMPLE_NS;

	if (!talk->count || (!on_terminal() && (!tick || tick % PLAIN_EVERY)))
		return;
	draw_bar((double)at_ns / (talk->seconds * 1e9), at_ns);
	printf(" last answer %5.1f ms%s", (double)talk->answers[talk->count - 1].took_ns / 1e6,
		on_terminal() ? "" : "\n");
	(void)fflush(stdout);
}

void demo_show_event(const char *text)
{
	clear_line();
	printf("%s*** %s%s\n", YELLOW, text, NORMAL);
	(void)fflush(stdout);
}

static void show_who(const struct demo_who *who)
{
	clear_line();
	if (who->manager == DEMO_PLAIN) {
		printf("  multipath      not asked for\n");
		return;
	}
	printf("  multipath      %s", *who->state ? who->state : "(not connected)");
	if (!strcmp(who->by, "braidd") || !strcmp(who->by, "kernel"))
		printf("; its paths are decided on by %s",
			*who->by == 'b' ? "braidd" : "the kernel");
	printf("\n");
}

static void show_failure(const struct demo_who *who)
{
	printf("  %-13s  %sfailed%s: %s\n", "transfer", RED, NORMAL, who->why);
}

void demo_show_end(const struct demo_run *run)
{
	const struct demo_sample *last =
		run->sample_count ? &run->samples[run->sample_count - 1] : NULL;

	show_who(&run->who);
	if (*run->who.why)
		show_failure(&run->who);
	else if (run->limit_ns)
		printf("  throughput     %s%.1f Mbit/s%s\n", GREEN, run->mbit, NORMAL);
	else
		printf("  transfer       %scomplete%s, %.1f s\n"
		       "  SHA-256        %s%s%s  %.16s...\n",
			GREEN, NORMAL, (double)run->duration_ns / 1e9,
			run->same_checksum ? GREEN : RED,
			run->same_checksum ? "equal" : "DIFFERENT", NORMAL, run->checksum);
	if (!run->limit_ns)
		printf("  longest pause  %.0f ms\n", (double)run->pause_ns / 1e6);
	for (int i = 0; last && i < DEMO_PATHS; i++) {
		if (run->path_names[i])
			printf("%s%s %.1f MB%s", i ? ", " : "  on the wire    ", run->path_names[i],
				(double)last->path_bytes[i] / 1e6,
				i + 1 == DEMO_PATHS || !run->path_names[i + 1] ? "\n" : "");
	}
	printf("\n");
	(void)fflush(stdout);
}

void demo_show_talk_end(const struct demo_talk *talk)
{
	show_who(&talk->who);
	if (*talk->who.why)
		printf("  requests       %sfailed%s: %s\n", RED, NORMAL, talk->who.why);
	else
		printf("  requests       %u, all answered; median %.0f ms before the change\n",
			talk->count, talk->before_ms);
	if (talk->done)
		printf("  afterwards     median %.0f ms, worst %.0f ms\n", talk->median_ms,
			talk->worst_ms);
	if (talk->done && talk->fast_again_ns)
		printf("  fast again     after %.0f ms\n", (double)talk->fast_again_ns / 1e6);
	else if (talk->done)
		printf("  fast again     not within %.0f s\n",
			(talk->seconds * 1e9 - (double)talk->slow_at_ns) / 1e9);
	printf("\n");
	(void)fflush(stdout);
}

void demo_show_row(const char *what, const char *kernel, const char *braidd)
{
	printf("%-48s%*s%*s\n", what, CELL, kernel, CELL, braidd);
}
