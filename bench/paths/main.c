/*
 * One measurement of how connections use their paths, once, with braidd or with the kernel's path
 * manager alone: one line of JSON. Statistics and targets are run.py's.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/base.h"
#include "measures.h"
#include "report.h"

#define K 1024u
/* As deep as the queue of Linux's netem where nothing is said: 1000 frames. */
#define NETEM 1500000u

/* What is aggregated: the paths' round trip (ms), rate (Mbit/s), queue and loss. */
static const struct bed_path bad_loss[] = { { 20, 50, 0, 0 }, { 300, 2, 0, 50000 } };
static const struct bed_path bad_queue[] = { { 20, 50, 0, 0 }, { 40, 1, K *K, 0 } };
static const struct bed_path bad_rtt[] = { { 10, 20, 0, 0 }, { 400, 20, 0, 0 } };
static const struct bed_path equal[] = { { 20, 50, 0, 0 }, { 20, 50, 0, 0 } };
static const struct bed_path rtt[] = { { 10, 50, NETEM, 0 }, { 200, 50, NETEM, 0 } };
static const struct bed_path rtt_short[] = { { 10, 50, 0, 0 }, { 200, 50, 0, 0 } };
static const struct bed_path rate[] = { { 20, 100, 0, 0 }, { 60, 10, 0, 0 } };
static const struct bed_path queue[] = { { 20, 50, 0, 0 }, { 20, 20, 4 * K *K, 0 } };
static const struct bed_path fast[] = { { 20, 200, 0, 0 }, { 20, 200, 0, 0 } };
static const struct bed_path loss[] = { { 20, 50, 0, 10000 }, { 20, 50, 0, 10000 } };

#define HANDOVER(dir, up, what, how)                                                               \
	{                                                                                          \
		"handover-" dir "-" what, measure_handover, 60, up, how, NULL, false, 0            \
	}
#define AGGREGATE(name, paths, is_sum, seconds)                                                    \
	{ "aggregate-" name "-down", measure_aggregate, 120, false, NULL, paths, is_sum,           \
		seconds },                                                                         \
	{                                                                                          \
		"aggregate-" name "-up", measure_aggregate, 120, true, NULL, paths, is_sum,        \
			seconds                                                                    \
	}

static const struct measure measures[] = {
	HANDOVER("up", true, "linkdown", "wlan down"),
	HANDOVER("down", false, "linkdown", "wlan down"),
	HANDOVER("up", true, "address", "wlan deladdr"),
	HANDOVER("down", false, "address", "wlan deladdr"),
	HANDOVER("up", true, "silent", "wlan silent"),
	HANDOVER("down", false, "silent", "wlan silent"),
	{ "echo-silent", measure_echo_silent, 60, false, "wlan silent", NULL, false, 0 },
	{ "return-up", measure_return, 90, true, NULL, NULL, false, 0 },
	{ "return-down", measure_return, 90, false, NULL, NULL, false, 0 },
	{ "false-up", measure_false, 120, true, NULL, NULL, false, 0 },
	{ "false-down", measure_false, 120, false, NULL, NULL, false, 0 },
	{ "mbb-up", measure_mbb, 120, true, NULL, NULL, false, 0 },
	{ "mbb-down", measure_mbb, 120, false, NULL, NULL, false, 0 },
	{ "interactive-slowfirst", measure_slow_first, 90, false, NULL, NULL, false, 0 },
	{ "interactive-turns-slow", measure_turns_slow, 60, false, NULL, NULL, false, 0 },
	{ "interactive-loss", measure_loss, 90, false, NULL, NULL, false, 0 },
	AGGREGATE("badloss", bad_loss, false, 30),
	AGGREGATE("badqueue", bad_queue, false, 30),
	AGGREGATE("badrtt", bad_rtt, false, 10),
	AGGREGATE("equal", equal, true, 10),
	AGGREGATE("rtt", rtt, true, 30),
	AGGREGATE("rttshort", rtt_short, true, 30),
	AGGREGATE("rate", rate, true, 10),
	AGGREGATE("queue", queue, true, 10),
	AGGREGATE("fast", fast, true, 10),
	AGGREGATE("loss", loss, true, 30),
	{ "many", measure_many, 180, false, NULL, NULL, false, 0 },
};

static const struct measure *find(const char *name)
{
	for (size_t i = 0; i < BRI_LEN(measures); i++) {
		if (!strcmp(measures[i].name, name))
			return &measures[i];
	}
	return NULL;
}

static int usage(void)
{
	(void)fprintf(stderr,
		"usage: paths NAME [--braidd PROGRAM] [--service NAME] [--log FILE] [--seed N]\n"
		"             [--seconds N] [--connections N] [--singles MBIT,MBIT]\n"
		"             [--congestion NAME]\n"
		"       paths --list\n");
	return 2;
}

static bool take_number(const char *text, uint64_t max, uint64_t *ret)
{
	char *end;

	*ret = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && *ret <= max;
}

static const struct option long_options[] = { { "braidd", required_argument, NULL, 'b' },
	{ "service", required_argument, NULL, 'v' }, { "log", required_argument, NULL, 'l' },
	{ "seed", required_argument, NULL, 's' }, { "seconds", required_argument, NULL, 't' },
	{ "connections", required_argument, NULL, 'n' },
	{ "singles", required_argument, NULL, 'g' }, { "congestion", required_argument, NULL, 'c' },
	{ "list", no_argument, NULL, 'L' }, { NULL, 0, NULL, 0 } };

/* Returns 0, 1 (done: the list was asked for), or -1. */
static int take_options(int argc, char **argv, struct options *o)
{
	uint64_t number = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		bool is_good = true;

		switch (c) {
		case 'b': o->braidd = optarg; break;
		case 'v': o->service = optarg; break;
		case 'l': o->log = optarg; break;
		case 'c': o->congestion = strcmp(optarg, "default") ? optarg : NULL; break;
		case 'g': o->singles = optarg; break;
		case 's': is_good = take_number(optarg, UINT32_MAX, &o->seed); break;
		case 't':
			is_good = take_number(optarg, 3600, &number);
			o->seconds = (uint32_t)number;
			break;
		case 'n':
			is_good = take_number(optarg, 20000, &number);
			o->connections = (uint32_t)number;
			break;
		case 'L':
			for (size_t i = 0; i < BRI_LEN(measures); i++)
				(void)puts(measures[i].name);
			return 1;
		default: return -1;
		}
		if (!is_good)
			return -1;
	}
	if (optind + 1 != argc)
		return -1;
	o->name = argv[optind];
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = { .seed = 1, .congestion = "cubic" };
	const struct measure *measure;
	char why[256];
	int r = take_options(argc, argv, &options);

	if (r)
		return r < 0 ? usage() : 0;
	measure = find(options.name);
	if (!measure) {
		(void)fprintf(stderr, "paths: no measurement %s; see --list\n", options.name);
		return 2;
	}
	if (!bri_lab_supported(why, sizeof(why))) {
		(void)fprintf(stderr, "paths: this machine cannot run a lab: %s\n", why);
		return 77;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!options.seconds)
		options.seconds = measure->seconds;
	(void)alarm(measure->limit_s + 4 * options.seconds); /* the lab ends with this process */
	report_begin(measure->name, options.braidd != NULL, options.seed);
	if (measure->run(measure, &options) < 0)
		report_fail("no reason was given");
	return report_end();
}
