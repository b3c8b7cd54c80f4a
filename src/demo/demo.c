/*
 * The main job: three parts, one a service, each with braidd and with the kernel's path manager
 * alone; then what came of them in one table. Where the machine allows no network in a box it says
 * why, and runs one transfer over loopback.
 */
#include <Network/Network.h>

#include "demo/demo.h"

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE_MB_DEFAULT 40
#define SECONDS_DEFAULT 8 /* of the requests; of a transfer of part 3 less */
#define SECONDS_MIN     4
#define SECONDS_MAX     30
#define BULK_SECONDS    6

struct options {
	const char *picture, *braidd;
	unsigned size_mb, seconds;
	unsigned parts; /* a mask of 1 << enum part */
	bool loopback;
};

enum part { HANDOVER, INTERACTIVE, AGGREGATE, PARTS };

static const char *const part_names[PARTS] = { "handover", "interactive", "aggregate" };

static bool has(const struct options *o, enum part part)
{
	return o->parts & 1u << part;
}

/* All that was measured; of talks, plain TCP has none. */
static struct demo_run handover[DEMO_MANAGERS], aggregate[DEMO_MANAGERS];
static struct demo_talk interactive[DEMO_PLAIN];

static const char *const manager_titles[DEMO_MANAGERS] = { "Multipath TCP with braidd",
	"Multipath TCP, the kernel alone", "Plain TCP" };

static void on_signal(int number)
{
	(void)number;
	demo_interrupted = 1;
}

/* --- one run --- */

/* Says what stopped it before it began. */
static bool open_world(struct demo_who *who, const char *service)
{
	return demo_world_open(who->manager, service, who->why) == 0;
}

static void close_world(struct demo_who *who)
{
	char why[DEMO_WHY] = "";

	if (demo_world_close(why) < 0 && !*who->why)
		(void)snprintf(who->why, sizeof(who->why), "%s", why);
}

static void run_transfer(struct demo_run *run, const char *service, int service_number)
{
	char title[100];
	int error = 0;

	run->path_names[0] = "wlan";
	run->path_names[1] = "wwan";
	if (run->limit_ns)
		(void)snprintf(title, sizeof(title), "%s", manager_titles[run->who.manager]);
	else
		(void)snprintf(title, sizeof(title), "%s  %.1f MB",
			manager_titles[run->who.manager], (double)run->total_bytes / 1e6);
	demo_show_begin(title);
	if (open_world(&run->who, service))
		error = demo_conduct(run, run->who.manager == DEMO_PLAIN
						  ? nw_multipath_service_disabled
						  : service_number);
	if (error && !*run->who.why)
		(void)snprintf(run->who.why, sizeof(run->who.why), "%s", strerror(-error));
	if (!*run->who.why)
		(void)demo_check_manager(&run->who);
	close_world(&run->who);
	demo_show_end(run);
}

static void run_talk(struct demo_talk *talk)
{
	int error = 0;

	demo_show_begin(manager_titles[talk->who.manager]);
	if (open_world(&talk->who, "interactive"))
		error = demo_talk(talk);
	if (error && !*talk->who.why)
		(void)snprintf(talk->who.why, sizeof(talk->who.why), "%s", strerror(-error));
	if (!*talk->who.why)
		(void)demo_check_manager(&talk->who);
	close_world(&talk->who);
	demo_show_talk_end(talk);
}

/* --- the parts --- */

static bool run_is_good(const struct demo_run *run)
{
	return run->done && !*run->who.why && (run->limit_ns || run->same_checksum);
}

static bool talk_is_good(const struct demo_talk *talk)
{
	return talk->done && !*talk->who.why;
}

/* The file with braidd is the main transfer; those beside it are for comparison: half of it. */
static int show_handover(const struct options *o)
{
	int error = 0;

	demo_show_part("1. Handover:", "wlan (50 Mbit/s, 20 ms) is lost half way through a file; "
				       "wwan: 20 Mbit/s, 60 ms");
	for (int m = 0; m < DEMO_MANAGERS && !demo_interrupted && !error; m++) {
		struct demo_run *run = &handover[m];

		run->who.manager = (enum demo_manager)m;
		run->loses_path = true;
		run->total_bytes = (uint64_t)o->size_mb * 1000000 / (m == DEMO_BRAIDD ? 1 : 2);
		run->total_bytes = run->total_bytes / 8 * 8;
		error = demo_world_begin(run->total_bytes, o->braidd);
		if (!error)
			run_transfer(run, "handover", nw_multipath_service_handover);
		demo_world_end();
	}
	return error;
}

static int show_interactive(const struct options *o)
{
	int error = 0;

	demo_show_part("2. Interactive:", "200 bytes are asked for every 50 ms; after 2 s wlan's "
					  "round trip is 300 ms, not 20; wwan's is 60");
	for (int m = 0; m < DEMO_PLAIN && !demo_interrupted && !error; m++) {
		interactive[m].who.manager = (enum demo_manager)m;
		interactive[m].seconds = o->seconds;
		error = demo_world_begin(8, o->braidd);
		if (!error)
			run_talk(&interactive[m]);
		demo_world_end();
	}
	return error;
}

static int show_aggregate(const struct options *o)
{
	int error = 0;

	demo_show_part("3. Aggregate:", "as much as goes over wlan (50 Mbit/s) and wwan (20)");
	for (int m = 0; m < DEMO_MANAGERS && !demo_interrupted && !error; m++) {
		struct demo_run *run = &aggregate[m];

		run->who.manager = (enum demo_manager)m;
		run->limit_ns = (o->seconds < BULK_SECONDS ? o->seconds : BULK_SECONDS) *
				UINT64_C(1000000000);
		run->total_bytes = 8000000;
		error = demo_world_begin(run->total_bytes, o->braidd);
		if (!error)
			run_transfer(run, "aggregate", nw_multipath_service_aggregate);
		demo_world_end();
	}
	return error;
}

static int show_loopback(const struct options *o)
{
	struct demo_run *run = &handover[DEMO_KERNEL];
	int error;

	run->who.manager = DEMO_KERNEL; /* nobody is claimed to manage what has one path */
	run->path_names[0] = "lo";
	run->total_bytes = (uint64_t)o->size_mb * 1000000 / 8 * 8;
	demo_show_begin("Over loopback");
	error = demo_world_begin(run->total_bytes, NULL);
	if (!error)
		error = demo_conduct(run, nw_multipath_service_handover);
	demo_world_end();
	demo_show_end(run);
	if (!demo_interrupted)
		printf("Loopback only: nothing was shown about paths. %s\n",
			run_is_good(run) ? "The transfer worked." : "");
	return error;
}

/* --- what came of it --- */

enum unit { UNIT_MS, UNIT_MBIT };

static const char *cell(bool good, enum unit unit, double value, char text[static 32])
{
	if (!good)
		return "failed";
	if (unit == UNIT_MS)
		(void)snprintf(text, 32, "%.0f ms", value);
	else
		(void)snprintf(text, 32, "%.1f Mbit/s", value);
	return text;
}

static const char *pause_cell(const struct demo_run *run, char text[static 32])
{
	return cell(run_is_good(run), UNIT_MS, (double)run->pause_ns / 1e6, text);
}

static const char *rate_cell(const struct demo_run *run, char text[static 32])
{
	return cell(run_is_good(run), UNIT_MBIT, run->mbit, text);
}

static const char *median_cell(const struct demo_talk *talk, char text[static 32])
{
	return cell(talk_is_good(talk), UNIT_MS, talk->median_ms, text);
}

static const char *fast_cell(const struct demo_talk *talk, char text[static 32])
{
	if (talk_is_good(talk) && !talk->fast_again_ns)
		return "never";
	return cell(talk_is_good(talk), UNIT_MS, (double)talk->fast_again_ns / 1e6, text);
}

static void conclude(const struct options *o)
{
	char kernel[32], braidd[32], what[64];

	demo_show_row("", "kernel alone", "with braidd");
	if (has(o, HANDOVER))
		demo_show_row("pause when wlan is lost", pause_cell(&handover[DEMO_KERNEL], kernel),
			pause_cell(&handover[DEMO_BRAIDD], braidd));
	if (has(o, INTERACTIVE)) {
		demo_show_row("an answer after wlan turned slow, median",
			median_cell(&interactive[DEMO_KERNEL], kernel),
			median_cell(&interactive[DEMO_BRAIDD], braidd));
		demo_show_row("until answers are fast again",
			fast_cell(&interactive[DEMO_KERNEL], kernel),
			fast_cell(&interactive[DEMO_BRAIDD], braidd));
	}
	if (has(o, AGGREGATE)) {
		(void)snprintf(what, sizeof(what), "throughput of both (plain TCP, wlan: %.1f)",
			aggregate[DEMO_PLAIN].mbit);
		demo_show_row(what, rate_cell(&aggregate[DEMO_KERNEL], kernel),
			rate_cell(&aggregate[DEMO_BRAIDD], braidd));
	}
	if (has(o, HANDOVER))
		printf("\nPlain TCP when wlan is lost: %s.\n",
			handover[DEMO_PLAIN].done ? "survived (unexpected)" : "failed, as it must");
}

/* In the first part plain TCP must lose its path, and may fail then; all else must work. */
static bool all_good(const struct options *o)
{
	bool good = true;

	if (has(o, HANDOVER))
		good = handover[DEMO_PLAIN].lost_at_ns != 0;
	if (has(o, AGGREGATE))
		good = good && run_is_good(&aggregate[DEMO_PLAIN]);
	for (int m = 0; m < DEMO_PLAIN; m++) {
		if (has(o, HANDOVER))
			good = good && run_is_good(&handover[m]);
		if (has(o, INTERACTIVE))
			good = good && talk_is_good(&interactive[m]);
		if (has(o, AGGREGATE))
			good = good && run_is_good(&aggregate[m]);
	}
	return good;
}

/* demo.svg, demo-PART.svg */
static const char *picture_name(const char *output, enum part part)
{
	static char name[PATH_MAX];
	size_t n = strlen(output);
	bool has_suffix = n > 4 && !strcmp(output + n - 4, ".svg");

	if (part == HANDOVER)
		return output;
	(void)snprintf(name, sizeof(name), "%.*s-%s.svg", (int)(has_suffix ? n - 4 : n), output,
		part_names[part]);
	return name;
}

static int draw_part(const char *name, enum part part)
{
	switch (part) {
	case HANDOVER: return demo_draw_handover(name, handover);
	case INTERACTIVE: return demo_draw_interactive(name, interactive);
	case AGGREGATE: return demo_draw_aggregate(name, aggregate);
	case PARTS: break;
	}
	return -EINVAL;
}

static bool draw(const struct options *o)
{
	bool good = true;

	printf("Pictures:\n");
	for (enum part part = 0; part < PARTS; part++) {
		const char *name = picture_name(o->picture, part);
		int error = has(o, part) ? draw_part(name, part) : 0;

		if (error)
			fprintf(stderr, "braid-demo: %s: %s\n", name, strerror(-error));
		else if (has(o, part))
			printf("  %s\n", name);
		good = good && !error;
	}
	return good;
}

/* --- the command line --- */

static int usage(FILE *out, int code)
{
	fprintf(out,
		"usage: braid-demo [--size MB] [--seconds S] [--only PART] [--output FILE.svg]\n"
		"                  [--braidd PROGRAM] [--loopback]\n"
		"Two emulated paths, three services of Multipath TCP, with braidd and with the\n"
		"kernel's path manager alone: a path is lost half way through a file (plain TCP\n"
		"fails then), a path turns slow, and both carry as much as they can. Needs no "
		"root.\n\n"
		"  --size MB         size of the file, 1 to 500 (default %d)\n"
		"  --seconds S       of requests, %d to %d (default %d)\n"
		"  --only PART       handover, interactive or aggregate\n"
		"  --output FILE     write pictures: FILE.svg, FILE-interactive.svg,\n"
		"                    FILE-aggregate.svg\n"
		"  --braidd PROGRAM  default: the one that was built with this program\n"
		"  --loopback        no emulated paths: just the transfer, over loopback\n"
		"  --help\n\n"
		"exit status: 0 all went as it must (or loopback worked), 1 it did not, 2 usage\n",
		SIZE_MB_DEFAULT, SECONDS_MIN, SECONDS_MAX, SECONDS_DEFAULT);
	return code;
}

static bool number(const char *option, const char *text, unsigned min, unsigned max, unsigned *ret)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || !*text || value < min || value > max) {
		fprintf(stderr, "braid-demo: %s %s: not a number from %u to %u\n", option, text,
			min, max);
		return false;
	}
	*ret = (unsigned)value;
	return true;
}

static bool only(const char *name, unsigned *ret)
{
	for (unsigned part = 0; part < PARTS; part++) {
		if (!strcmp(name, part_names[part])) {
			*ret = 1u << part;
			return true;
		}
	}
	fprintf(stderr, "braid-demo: --only %s: not handover, interactive or aggregate\n", name);
	return false;
}

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = { { "size", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "only", required_argument, NULL, 'p' },
		{ "output", required_argument, NULL, 'o' },
		{ "braidd", required_argument, NULL, 'b' }, { "loopback", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' }, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "s:t:p:o:b:lh", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			if (!number("--size", optarg, 1, 500, &o->size_mb))
				return 2;
			break;
		case 't':
			if (!number("--seconds", optarg, SECONDS_MIN, SECONDS_MAX, &o->seconds))
				return 2;
			break;
		case 'p':
			if (!only(optarg, &o->parts))
				return 2;
			break;
		case 'o': o->picture = optarg; break;
		case 'b': o->braidd = optarg; break;
		case 'l': o->loopback = true; break;
		case 'h': return usage(stdout, 0);
		default: return 2; /* getopt has said it */
		}
	}
	if (optind < argc) {
		fprintf(stderr, "braid-demo: unexpected argument \"%s\"\n", argv[optind]);
		return 2;
	}
	return -1;
}

/* Said before the run, not after it. */
static bool can_write(const char *path)
{
	FILE *f = fopen(path, "ae");

	if (f && fclose(f) == 0)
		return true;
	fprintf(stderr, "braid-demo: %s: %s\n", path, strerror(errno));
	return false;
}

static bool can_draw(const struct options *o)
{
	for (enum part part = 0; part < PARTS; part++) {
		if (has(o, part) && !can_write(picture_name(o->picture, part)))
			return false;
	}
	return true;
}

/* In the build tree it is beside us: src/demo/braid-demo, src/daemon/braidd. */
static bool find_braidd(struct options *o)
{
	static char path[PATH_MAX];
	char own[PATH_MAX - 32];
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);

	if (!o->braidd && n > 0) {
		own[n] = 0;
		(void)snprintf(path, sizeof(path), "%s/daemon/braidd", dirname(dirname(own)));
		o->braidd = path;
	}
	if (o->braidd && access(o->braidd, X_OK) == 0)
		return true;
	fprintf(stderr, "braid-demo: braidd, %s: %s (--braidd names it)\n",
		o->braidd ? o->braidd : "beside this program", strerror(errno));
	return false;
}

static int run_all(const struct options *o)
{
	static int (*const shows[PARTS])(
		const struct options *o) = { show_handover, show_interactive, show_aggregate };
	int error = 0;
	bool good;

	for (enum part part = 0; part < PARTS && !error && !demo_interrupted; part++) {
		if (has(o, part))
			error = shows[part](o);
	}
	if (error) {
		fprintf(stderr, "braid-demo: %s\n", strerror(-error));
		return 1;
	}
	if (demo_interrupted)
		return 130;
	conclude(o);
	good = all_good(o);
	return (!o->picture || draw(o)) && good ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct options options = {
		.size_mb = SIZE_MB_DEFAULT, .seconds = SECONDS_DEFAULT, .parts = (1u << PARTS) - 1
	};
	struct sigaction action = { .sa_handler = on_signal };
	char why[256];
	int status = parse(argc, argv, &options), error;

	if (status >= 0)
		return status;
	if (options.picture && !can_draw(&options))
		return 2;
	if (!options.loopback && !find_braidd(&options))
		return 2;
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (!options.loopback && !bri_lab_supported(why, sizeof(why))) {
		printf("This machine has no network in a box: %s\nOver loopback instead, with one "
		       "path:\n\n",
			why);
		options.loopback = true;
	}
	if (!options.loopback)
		return run_all(&options);
	error = show_loopback(&options);
	if (error)
		fprintf(stderr, "braid-demo: %s\n", strerror(-error));
	if (demo_interrupted)
		return 130;
	return !error && run_is_good(&handover[DEMO_KERNEL]) ? 0 : 1;
}
