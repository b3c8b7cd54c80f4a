/* `braid monitor`: options, and when to look, draw and print. */
#include <errno.h>
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/monitor_collect.h"
#include "cli/monitor_output.h"
#include "cli/monitor_tty.h"

#define DEFAULT_INTERVAL_NS BRI_NS_PER_S
#define LEAST_INTERVAL_NS                                                                          \
	(UINT64_C(100) * BRI_NS_PER_MS)                   /* a look costs some ms of a processor   \
							   */
#define FIRST_INTERVAL_NS (UINT64_C(250) * BRI_NS_PER_MS) /* rates need two looks */

enum output { OUTPUT_AUTO, OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_JSON_EVENTS, OUTPUT_PROMETHEUS };

struct monitor_options {
	bool help, json, events, prometheus;
	uint32_t count; /* 0: until interrupted */
	uint64_t interval_ns;
	const char *filter;
};

struct monitor {
	struct monitor_options opts;
	struct bri_collector *collector;
	struct bri_monitor_snapshot snapshot;
	struct bri_monitor_model model;
};

enum { OPT_ONCE = 256, OPT_PROMETHEUS };

static const struct option options[] = {
	{ "count", required_argument, NULL, 'c' },
	{ "events", no_argument, NULL, 'e' },
	{ "filter", required_argument, NULL, 'f' },
	{ "help", no_argument, NULL, 'h' },
	{ "interval", required_argument, NULL, 'i' },
	{ "json", no_argument, NULL, 'j' },
	{ "once", no_argument, NULL, OPT_ONCE },
	{ "prometheus", no_argument, NULL, OPT_PROMETHEUS },
	{ NULL, 0, NULL, 0 },
};

static void print_help(void)
{
	puts("Usage: braid monitor [OPTION...]\n"
	     "Shows the Multipath TCP connections of this host and their subflows, live: paths,\n"
	     "round-trip times, throughput, and what happens to them. Needs no privilege; the\n"
	     "programs of other users have no names then. Not on a terminal: text.\n\n"
	     "  -i, --interval SECONDS  look so often (default 1, at least 0.1)\n"
	     "  -f, --filter TEXT       only connections with TEXT in program, service, address "
	     "or\n"
	     "                          interface\n"
	     "  -c, --count N           print N looks as text, or JSON, and end\n"
	     "      --once              the same as --count 1\n"
	     "  -j, --json              print JSON, one object a look, each on a line\n"
	     "  -e, --events            with --json: one object for each event instead\n"
	     "      --prometheus        print one look in Prometheus' text format, and what "
	     "braidd\n"
	     "                          counts if it runs\n"
	     "  -h, --help              this text\n\n"
	     "Keys: q or Ctrl-C leaves, / filters, p pauses, arrows and PgUp, PgDn scroll.\n"
	     "Exit codes: 0 all right, 1 the kernel cannot be asked, 2 the command line is wrong.");
}

static int parse_interval(const char *text, struct monitor_options *ret)
{
	int r = bri_cli_parse_duration(text, &ret->interval_ns);

	if (r == -EINVAL)
		return bri_cli_usage("monitor", "interval '%s' is not a number of seconds", text);
	if (r < 0 || ret->interval_ns < LEAST_INTERVAL_NS)
		return bri_cli_usage("monitor", "interval '%s' must be 0.1 seconds to a day", text);
	return BRI_EXIT_OK;
}

static int parse_filter(const char *text, struct monitor_options *ret)
{
	if (strlen(text) >= BRI_SCREEN_FILTER_SIZE)
		return bri_cli_usage(
			"monitor", "a filter has at most %u bytes", BRI_SCREEN_FILTER_SIZE - 1);
	ret->filter = text;
	return BRI_EXIT_OK;
}

static int parse_options(int argc, char **argv, struct monitor_options *ret)
{
	int opt, code = BRI_EXIT_OK;

	*ret = (struct monitor_options) { .interval_ns = DEFAULT_INTERVAL_NS, .filter = "" };
	opterr = 0;
	optind = 1;
	while (code == BRI_EXIT_OK &&
		(opt = getopt_long(argc, argv, ":c:ef:hi:j", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			if (bri_cli_parse_u32(optarg, 1, UINT32_MAX, &ret->count) < 0)
				code = bri_cli_usage(
					"monitor", "count '%s' is not a number from 1 on", optarg);
			break;
		case 'e': ret->events = true; break;
		case 'f': code = parse_filter(optarg, ret); break;
		case 'h': ret->help = true; break;
		case 'i': code = parse_interval(optarg, ret); break;
		case 'j': ret->json = true; break;
		case OPT_ONCE: ret->count = 1; break;
		case OPT_PROMETHEUS: ret->prometheus = true; break;
		default: return bri_cli_bad_option("monitor", opt, argv, options);
		}
	}
	if (code != BRI_EXIT_OK || ret->help)
		return code;
	if (optind < argc)
		return bri_cli_usage("monitor", "no argument '%s' is known", argv[optind]);
	if (ret->events && !ret->json)
		return bri_cli_usage("monitor", "--events goes with --json only");
	if (ret->prometheus && (ret->json || ret->count))
		return bri_cli_usage(
			"monitor", "--prometheus is one look: no --json, --count, --once");
	return BRI_EXIT_OK;
}

static int look(struct monitor *m)
{
	int r = bri_collector_look(m->collector, &m->snapshot);

	if (r < 0)
		return r;
	bri_collector_events(m->collector, &m->model);
	return bri_monitor_model_update(&m->model, &m->snapshot);
}

static int failed(int r)
{
	bri_cli_error("monitor", "cannot read the kernel's sockets: %s", strerror(-r));
	return BRI_EXIT_FAILED;
}

static bool is_unicode(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* ---- without a terminal ---- */

/* Until the deadline; false: the reader of our output went away before, and nobody is left to tell.
 */
static bool wait_until(uint64_t deadline_ns)
{
	struct pollfd pfd = { .fd = STDOUT_FILENO };
	uint64_t now_ns;

	while ((now_ns = bri_clock_now_ns()) < deadline_ns) {
		int r = poll(&pfd, 1, (int)((deadline_ns - now_ns) / BRI_NS_PER_MS) + 1);

		if (r > 0 && pfd.revents & (POLLERR | POLLHUP | POLLNVAL))
			return false;
	}
	return true;
}

static void print(const struct monitor *m)
{
	const char *filter = m->opts.filter;

	if (m->opts.events)
		bri_monitor_json_events(&m->model, filter, stdout);
	else if (m->opts.json)
		bri_monitor_json(&m->model, filter, stdout);
	else
		bri_monitor_text(&m->model, filter, is_unicode(), stdout);
}

static int run_stream(struct monitor *m)
{
	uint64_t interval_ns = bri_min_u64(m->opts.interval_ns, FIRST_INTERVAL_NS);
	uint64_t next_ns = bri_clock_now_ns();
	uint32_t done = 0;
	int r = look(m);

	if (r < 0)
		return failed(r);
	while (m->opts.count == 0 || done < m->opts.count) {
		next_ns += interval_ns;
		/* what was missed while the reader slept is not made up for */
		if (next_ns < bri_clock_now_ns())
			next_ns = bri_clock_now_ns();
		if (!wait_until(next_ns))
			return BRI_EXIT_OK;
		r = look(m);
		if (r < 0)
			return failed(r);
		print(m);
		if (fflush(stdout) != 0 || ferror(stdout))
			return BRI_EXIT_OK; /* main says so */
		interval_ns = m->opts.interval_ns;
		done++;
	}
	return BRI_EXIT_OK;
}

static int run_prometheus(struct monitor *m)
{
	int r = look(m);

	if (r < 0)
		return failed(r);
	bri_monitor_prometheus(&m->model, m->opts.filter, stdout);
	bri_services_metrics(stdout);
	return BRI_EXIT_OK;
}

/* ---- the live view ---- */

struct live {
	struct monitor *m;
	struct bri_tty tty;
	struct bri_screen_view view;
	char message[128];
	bool quit;
};

static int draw(struct live *live)
{
	struct bri_screen screen;
	int r;

	bri_tty_size(&live->tty, &live->view.width, &live->view.height);
	r = bri_screen_init(&screen, live->view.width, live->view.height);
	if (r < 0)
		return r;
	bri_screen_draw(&live->m->model, &live->view, &screen);
	r = bri_tty_show(&live->tty, &screen, live->view.width);
	bri_screen_fini(&screen);
	return r;
}

/* A look that fails once is no reason to leave: what is shown is old, and says so. */
static void look_live(struct live *live)
{
	int r = look(live->m);

	live->view.message = NULL;
	if (r == 0)
		return;
	snprintf(live->message, sizeof(live->message), "cannot read the kernel's sockets: %s",
		strerror(-r));
	live->view.message = live->message;
}

static void take_signals(struct live *live)
{
	struct signalfd_siginfo info;

	while (!live->quit && read(live->tty.signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGTSTP)
			bri_tty_suspend(&live->tty);
		else if (info.ssi_signo != SIGWINCH)
			live->quit = true;
	}
}

static void take_keys(struct live *live, uint64_t *next_ns)
{
	char bytes[256];
	ssize_t n = read(live->tty.in, bytes, sizeof(bytes));

	if (n <= 0) {
		live->quit = n == 0 || (errno != EINTR && errno != EAGAIN);
		return;
	}
	switch (bri_screen_keys(&live->view, bytes, (size_t)n)) {
	case BRI_SCREEN_QUIT: live->quit = true; break;
	case BRI_SCREEN_LOOK: *next_ns = bri_clock_now_ns(); break;
	case BRI_SCREEN_REDRAW:
	case BRI_SCREEN_NOTHING: break;
	}
}

/* Waits for the next look, a key or a signal. */
static int wait_live(struct live *live, uint64_t *next_ns)
{
	struct pollfd pfd[] = {
		{ .fd = live->tty.in, .events = POLLIN },
		{ .fd = live->tty.signals, .events = POLLIN },
	};
	uint64_t now_ns = bri_clock_now_ns();
	int timeout = *next_ns > now_ns ? (int)((*next_ns - now_ns) / BRI_NS_PER_MS) + 1 : 0;

	if (poll(pfd, 2, timeout) < 0 && errno != EINTR)
		return -errno;
	if (pfd[1].revents)
		take_signals(live);
	if (pfd[0].revents && !live->quit)
		take_keys(live, next_ns);
	return 0;
}

static int loop(struct live *live)
{
	uint64_t interval_ns = live->m->opts.interval_ns;
	uint64_t next_ns = bri_clock_now_ns();
	int r = draw(live);

	next_ns += bri_min_u64(interval_ns, FIRST_INTERVAL_NS);
	while (r == 0 && !live->quit) {
		r = wait_live(live, &next_ns);
		if (r == 0 && !live->quit && bri_clock_now_ns() >= next_ns) {
			if (!live->view.paused)
				look_live(live);
			next_ns = bri_clock_now_ns() + interval_ns;
		}
		if (r == 0 && !live->quit)
			r = draw(live);
	}
	return r;
}

static int run_live(struct monitor *m)
{
	struct live live = { .m = m };
	int r = look(m);

	if (r < 0)
		return failed(r);
	live.view.unicode = is_unicode();
	live.view.colour = bri_cli_colour(STDOUT_FILENO);
	snprintf(live.view.filter, sizeof(live.view.filter), "%s", m->opts.filter);
	r = bri_tty_open(&live.tty, STDIN_FILENO, STDOUT_FILENO);
	if (r == 0) {
		r = loop(&live);
		bri_tty_close(&live.tty);
	}
	if (r == 0 || r == -EIO) /* the terminal is gone: nobody to tell */
		return BRI_EXIT_OK;
	bri_cli_error("monitor", "cannot use the terminal: %s", strerror(-r));
	return BRI_EXIT_FAILED;
}

static bool is_live(const struct monitor_options *opts)
{
	const char *term = getenv("TERM");

	/* a dumb terminal cannot move its cursor */
	return !opts->json && !opts->count && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
	       term && strcmp(term, "dumb") != 0;
}

static int run(struct monitor *m)
{
	int r = bri_collector_open(&m->collector);

	if (r == 0)
		r = bri_monitor_model_init(&m->model);
	if (r < 0)
		return failed(r);
	if (m->opts.prometheus)
		return run_prometheus(m);
	return is_live(&m->opts) ? run_live(m) : run_stream(m);
}

int bri_cmd_monitor(int argc, char **argv)
{
	struct monitor m = { 0 };
	int code = parse_options(argc, argv, &m.opts);

	if (code != BRI_EXIT_OK)
		return code;
	if (m.opts.help) {
		print_help();
		return BRI_EXIT_OK;
	}
	setlocale(LC_CTYPE, ""); /* the widths of characters; numbers stay as they are */
	code = run(&m);
	bri_collector_close(m.collector);
	bri_monitor_snapshot_fini(&m.snapshot);
	bri_monitor_model_fini(&m.model);
	return code;
}
