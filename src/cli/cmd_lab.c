/* `braid lab`: options of the network in a box. The work is in src/lab. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "lab/lab.h"
#include "lab/scenario.h"
#include "lab/session.h"
#include "lab/tally.h"

#define CMD       "lab"
#define MAX_LABS  64 /* listed */
#define ID_PREFIX "@braid-lab/"

struct options {
	const char *server, *lab, *report, *side;
	uint64_t seed;
	bool has_seed, json, quiet, help;
};

static const char help_text[] =
	"Usage: braid lab run SCENARIO [--server COMMAND] [OPTION...] [--] COMMAND [ARGUMENT...]\n"
	"       braid lab shell [SCENARIO] [OPTION...]\n"
	"       braid lab exec [--side client|server] [--] COMMAND [ARGUMENT...]\n"
	"       braid lab set PATH CHANGE...\n"
	"       braid lab start | stats [--json] | list | scenarios | check\n"
	"A network in a box: a client and a server with emulated paths between them, on this\n"
	"machine's kernel, without root. Nothing of it is left when it ends.\n\n"
	"  run        run COMMAND on the client; its exit code is that of braid\n"
	"  shell      a shell on the client; events wait for 'braid lab start'\n"
	"  exec       run COMMAND in the lab that is running\n"
	"  set        change a path now: up, down, silent, deladdr, addaddr, delay TIME, jitter "
	"TIME,\n"
	"             rate RATE, loss PERCENT, queue SIZE, mptcp pass|strip|strip-data|drop-syn, "
	"each\n"
	"             after to-server or to-client for one direction; delay is one way\n"
	"  start      start the clock of the events\n"
	"  stats      what the paths carried and dropped\n"
	"  list       the labs that are running\n"
	"  scenarios  the scenarios that are shipped; SCENARIO is one of them or a file\n"
	"  check      can this machine run a lab, and if not, why\n\n"
	"  -s, --server COMMAND  run by sh on the server; COMMAND starts when it listens\n"
	"      --seed N          of loss and jitter, instead of the scenario's\n"
	"      --side SIDE       where exec runs: client (or where you are) or server\n"
	"      --lab ID          which lab, when several are running\n"
	"      --json            numbers as JSON\n"
	"      --report FILE     numbers at the end to FILE instead of standard error\n"
	"  -q, --quiet           no events, no numbers\n"
	"  -h, --help            this text\n\n"
	"In the lab the server is 10.99.0.1 and fd99::1 (host name: server) over every path; path "
	"i\n"
	"(0, 1, ...) is 10.(10+i).0.0/24 and fd(10+i)::/64, server .1, client .2.\n"
	"Exit codes: of COMMAND; 2 the command line or the scenario is wrong, 77 this machine "
	"cannot,\n"
	"124 the scenario's end came first, 125 the lab failed, 126 COMMAND cannot be run,\n"
	"127 COMMAND not found.";

enum { OPT_SEED = 256, OPT_SIDE, OPT_LAB, OPT_JSON, OPT_REPORT };

static const struct option option_table[] = {
	{ "server", required_argument, NULL, 's' },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "side", required_argument, NULL, OPT_SIDE },
	{ "lab", required_argument, NULL, OPT_LAB },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "report", required_argument, NULL, OPT_REPORT },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int parse_seed(const char *text, struct options *options)
{
	char *end;

	errno = 0;
	options->seed = strtoull(text, &end, 0);
	if (*text < '0' || *text > '9' || *end || errno)
		return bri_cli_usage(CMD, "'%s' is not a seed: a number below 2^64", text);
	options->has_seed = true;
	return 0;
}

/* Options before the next word that is none. Returns 0 or an exit code. */
static int parse_options(int argc, char **argv, struct options *options)
{
	int opt, r = 0;

	opterr = 0;
	while (r == 0 && (opt = getopt_long(argc, argv, "+:s:qh", option_table, NULL)) != -1) {
		switch (opt) {
		case 's': options->server = optarg; break;
		case 'q': options->quiet = true; break;
		case 'h': options->help = true; break;
		case OPT_SEED: r = parse_seed(optarg, options); break;
		case OPT_SIDE: options->side = optarg; break;
		case OPT_LAB: options->lab = optarg; break;
		case OPT_JSON: options->json = true; break;
		case OPT_REPORT: options->report = optarg; break;
		default: return bri_cli_bad_option(CMD, opt, argv, option_table);
		}
	}
	return r;
}

static void say(bool trouble, const char *line)
{
	(void)trouble;
	fprintf(stderr, "braid lab: %s\n", line);
}

static void say_trouble(bool trouble, const char *line)
{
	if (trouble)
		say(true, line);
}

static int load(const char *name, const struct options *options, struct bri_scenario **ret)
{
	char why[200] = "";
	int r = bri_scenario_load(name, why, sizeof(why), ret);

	if (r < 0) {
		bri_cli_error(CMD, "scenario %s: %s", name, why[0] ? why : strerror(-r));
		return BRI_EXIT_USAGE;
	}
	if (options->has_seed)
		(*ret)->config.seed = options->seed;
	else if (!(*ret)->has_seed)
		(void)getrandom(&(*ret)->config.seed, sizeof((*ret)->config.seed), GRND_NONBLOCK);
	return 0;
}

static int open_lab(
	const struct bri_scenario *scenario, const struct options *options, struct bri_lab **ret)
{
	char why[256] = "";
	int r = bri_lab_open_why(&scenario->config, why, sizeof(why), ret);

	if (r < 0) {
		bri_cli_error(CMD, "this machine cannot: %s", why[0] ? why : strerror(-r));
		return BRI_SESSION_UNSUPPORTED;
	}
	if (!options->quiet)
		fprintf(stderr, "braid lab: seed %llu, lab %s\n",
			(unsigned long long)scenario->config.seed, bri_lab_id(*ret));
	return 0;
}

static int report(struct bri_lab *lab, const struct options *options, const struct bri_tally *tally)
{
	FILE *file = options->report ? fopen(options->report, "we") : stderr;
	int r;

	if (!file) {
		bri_cli_error(CMD, "%s: %s", options->report, strerror(errno));
		return BRI_SESSION_FAILED;
	}
	r = options->json ? bri_tally_json(file, lab, tally) : bri_tally_table(file, lab);
	if (options->report && fclose(file) != 0 && r == 0)
		r = -errno;
	if (r < 0)
		bri_cli_error(CMD, "the numbers are lost: %s", strerror(-r));
	return r < 0 ? BRI_SESSION_FAILED : 0;
}

static int run_session(struct bri_session *session, const struct options *options)
{
	struct bri_tally tally = { .seed = session->scenario->config.seed, .has_run = true };
	uint64_t start_ns = bri_clock_now_ns();
	int code, r = 0;

	session->server = options->server;
	session->say = options->quiet ? say_trouble : say;
	code = bri_session_run(session);
	tally.duration_ns = bri_clock_now_ns() - start_ns;
	tally.exit_code = code;
	if (!options->quiet || options->report)
		r = report(session->lab, options, &tally);
	return code ? code : r;
}

static int cmd_run(int argc, char **argv, struct options *options)
{
	struct bri_session session = { 0 };
	struct bri_scenario *scenario;
	const char *name;
	int r;

	if (optind == argc)
		return bri_cli_usage(CMD, "run needs a scenario and a command");
	name = argv[optind++];
	r = parse_options(argc, argv, options); /* those after the scenario */
	if (r)
		return r;
	if (optind == argc)
		return bri_cli_usage(CMD, "run needs a command; for a shell: braid lab shell");
	r = load(name, options, &scenario);
	if (r)
		return r;
	session.scenario = scenario;
	session.argv = (const char *const *)argv + optind;
	r = open_lab(scenario, options, &session.lab);
	if (r == 0)
		r = run_session(&session, options);
	bri_lab_close(session.lab);
	free(scenario);
	return r;
}

/* What a bash started by us reads: the user's own settings, then the prompt. No file is left. */
static int prompt_file(void)
{
	static const char text[] =
		"[ -f ~/.bashrc ] && . ~/.bashrc\nPS1=\"(lab $BRAID_LAB_SIDE) $PS1\"\n";
	int fd = memfd_create("braid-lab-prompt", 0);

	if (fd >= 0 && write(fd, text, sizeof(text) - 1) != (ssize_t)sizeof(text) - 1) {
		close(fd);
		return -1;
	}
	return fd;
}

static const char default_scenario[] = "path wlan delay 10ms rate 50mbit\n"
				       "path wwan delay 30ms rate 20mbit\nmptcp endpoints on\n";

static int load_default(const struct options *options, struct bri_scenario **ret)
{
	char why[200];

	if (bri_scenario_parse(
		    default_scenario, sizeof(default_scenario) - 1, why, sizeof(why), ret) < 0)
		return BRI_SESSION_FAILED;
	(*ret)->config.seed = options->seed;
	return 0;
}

static int shell_in(struct bri_lab *lab, struct bri_scenario *scenario, struct options *options)
{
	const char *shell = getenv("SHELL") && *getenv("SHELL") ? getenv("SHELL") : "/bin/sh";
	const char *base = strrchr(shell, '/') ? strrchr(shell, '/') + 1 : shell;
	int fd = !strcmp(base, "bash") ? prompt_file() : -1;
	struct bri_session session = {
		.lab = lab, .scenario = scenario, .interactive = true, .no_clock = true
	};
	const char *argv[] = { shell, "--rcfile", NULL, "-i", NULL };
	char path[32];
	int r;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	argv[2] = path;
	if (fd < 0) {
		argv[1] = "-i";
		argv[2] = NULL;
		setenv("PS1", "(lab client) $ ", 1);
	}
	session.argv = argv;
	if (!options->quiet)
		fputs("braid lab: this is the client; the server is 10.99.0.1 (host name: "
		      "server).\n"
		      "braid lab: a command there:  braid lab exec --side server COMMAND\n"
		      "braid lab: change a path:    braid lab set wlan silent    (braid lab "
		      "stats)\n",
			stderr);
	r = run_session(&session, options);
	if (fd >= 0)
		close(fd);
	return r;
}

static int cmd_shell(int argc, char **argv, struct options *options)
{
	const char *name = optind < argc ? argv[optind++] : NULL;
	struct bri_scenario *scenario = NULL;
	struct bri_lab *lab = NULL;
	int r = parse_options(argc, argv, options);

	if (r)
		return r;
	if (optind < argc)
		return bri_cli_usage(CMD, "shell takes one scenario; for a command: braid lab run");
	r = name ? load(name, options, &scenario) : load_default(options, &scenario);
	if (r == 0)
		r = open_lab(scenario, options, &lab);
	if (r == 0)
		r = shell_in(lab, scenario, options);
	bri_lab_close(lab);
	free(scenario);
	return r;
}

/* The labs of this user, by their control sockets in this network namespace. */
static size_t find_labs(char ids[][64], size_t max)
{
	FILE *file = fopen("/proc/net/unix", "re");
	char line[512], own[32];
	size_t n = 0;

	snprintf(own, sizeof(own), ID_PREFIX "%u-", (unsigned)geteuid());
	while (file && n < max && fgets(line, sizeof(line), file)) {
		char *id = strstr(line, own);
		bool known = false;

		if (!id)
			continue;
		id += strlen(ID_PREFIX);
		id[strcspn(id, "\n")] = 0;
		for (size_t i = 0; i < n; i++)
			known |= !strcmp(ids[i], id);
		if (!known && strlen(id) < 64)
			memcpy(ids[n++], id, strlen(id) + 1);
	}
	if (file)
		fclose(file);
	return n;
}

/* The lab meant: named, ours, or the only one. */
static int attach(const struct options *options, struct bri_lab **ret)
{
	const char *id = options->lab ? options->lab : getenv("BRAID_LAB");
	char ids[MAX_LABS][64];
	size_t n;
	int r;

	if (!id) {
		n = find_labs(ids, MAX_LABS);
		if (n != 1) {
			bri_cli_error(CMD,
				n ? "several labs are running: choose one of 'braid lab list' with "
				    "--lab"
				  : "no lab is running");
			return BRI_EXIT_FAILED;
		}
		id = ids[0];
	}
	r = bri_lab_attach(id, ret);
	if (r < 0)
		bri_cli_error(
			CMD, "lab %s: %s", id, r == -ENOENT ? "is not running" : strerror(-r));
	return r < 0 ? BRI_EXIT_FAILED : 0;
}

static int cmd_exec(int argc, char **argv, struct options *options)
{
	const char *side = options->side ? options->side : getenv("BRAID_LAB_SIDE");
	struct bri_lab *lab;
	pid_t pid;
	int r;

	if (optind == argc)
		return bri_cli_usage(CMD, "exec needs a command");
	if (side && strcmp(side, "client") && strcmp(side, "server"))
		return bri_cli_usage(CMD, "'%s' is not a side: client or server", side);
	r = attach(options, &lab);
	if (r)
		return r;
	r = bri_lab_spawn(lab, side && side[0] == 's' ? BRI_LAB_SERVER : BRI_LAB_CLIENT,
		(const char *const *)argv + optind, NULL, &pid);
	if (r < 0) {
		bri_cli_error(CMD, "%s: %s", argv[optind], strerror(-r));
		r = r == -ENOENT ? BRI_SESSION_NOT_FOUND : BRI_SESSION_CANNOT_EXEC;
	} else {
		signal(SIGINT, SIG_IGN); /* the keyboard is the program's */
		signal(SIGQUIT, SIG_IGN);
		r = bri_lab_wait(lab, pid, 0);
	}
	bri_lab_close(lab);
	return r < 0 ? BRI_SESSION_FAILED : r;
}

static int cmd_set(int argc, char **argv, struct options *options)
{
	struct bri_lab_change changes[BRI_SCENARIO_MAX_CHANGES];
	char text[512] = "", why[200] = "";
	struct bri_lab *lab;
	int path, n, r;

	if (argc - optind < 2)
		return bri_cli_usage(
			CMD, "set needs a path and a change, for example: wlan silent");
	for (int i = optind + 1; i < argc; i++) {
		size_t len = strlen(text);

		if ((size_t)snprintf(text + len, sizeof(text) - len, "%s ", argv[i]) >=
			sizeof(text) - len)
			return bri_cli_usage(CMD, "the change is too long");
	}
	n = bri_scenario_parse_changes(text, why, sizeof(why), changes);
	if (n < 0)
		return bri_cli_usage(CMD, "%s", why);
	r = attach(options, &lab);
	if (r)
		return r;
	path = bri_lab_path(lab, argv[optind]);
	if (path < 0)
		bri_cli_error(CMD, "there is no path '%s' in this lab", argv[optind]);
	for (int i = 0; path >= 0 && r == 0 && i < n; i++)
		r = bri_lab_set(lab, (uint32_t)path, &changes[i]);
	if (r < 0)
		bri_cli_error(CMD, "%s: %s", argv[optind], strerror(-r));
	bri_lab_close(lab);
	return path < 0 || r < 0 ? BRI_EXIT_FAILED : BRI_EXIT_OK;
}

static int cmd_start(int argc, char **argv, struct options *options)
{
	struct bri_lab *lab;
	int r;

	(void)argv;
	if (optind < argc)
		return bri_cli_usage(CMD, "start takes no arguments");
	r = attach(options, &lab);
	if (r)
		return r;
	r = bri_lab_start(lab);
	if (r < 0)
		bri_cli_error(CMD, "%s", strerror(-r));
	bri_lab_close(lab);
	return r < 0 ? BRI_EXIT_FAILED : BRI_EXIT_OK;
}

static int cmd_stats(int argc, char **argv, struct options *options)
{
	struct bri_tally tally = { .has_run = false };
	struct bri_lab *lab;
	int r;

	(void)argv;
	if (optind < argc)
		return bri_cli_usage(CMD, "stats takes no arguments");
	r = attach(options, &lab);
	if (r)
		return r;
	r = options->json ? bri_tally_json(stdout, lab, &tally) : bri_tally_table(stdout, lab);
	if (r < 0)
		bri_cli_error(CMD, "%s", strerror(-r));
	bri_lab_close(lab);
	return r < 0 ? BRI_EXIT_FAILED : BRI_EXIT_OK;
}

static int cmd_list(int argc, char **argv, struct options *options)
{
	char ids[MAX_LABS][64];
	size_t n = find_labs(ids, MAX_LABS);

	(void)argv;
	(void)options;
	if (optind < argc)
		return bri_cli_usage(CMD, "list takes no arguments");
	for (size_t i = 0; i < n; i++)
		puts(ids[i]);
	return BRI_EXIT_OK;
}

static int cmd_scenarios(int argc, char **argv, struct options *options)
{
	(void)argv;
	(void)options;
	if (optind < argc)
		return bri_cli_usage(CMD, "scenarios takes no arguments");
	for (size_t i = 0; bri_scenario_shipped(i); i++)
		puts(bri_scenario_shipped(i));
	return BRI_EXIT_OK;
}

static int cmd_check(int argc, char **argv, struct options *options)
{
	char why[256];

	(void)argv;
	(void)options;
	if (optind < argc)
		return bri_cli_usage(CMD, "check takes no arguments");
	if (!bri_lab_supported(why, sizeof(why))) {
		bri_cli_error(CMD, "this machine cannot: %s", why);
		return BRI_SESSION_UNSUPPORTED;
	}
	puts("this machine can run a lab");
	return BRI_EXIT_OK;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv, struct options *options);
} subcommands[] = {
	{ "run", cmd_run },
	{ "shell", cmd_shell },
	{ "exec", cmd_exec },
	{ "set", cmd_set },
	{ "start", cmd_start },
	{ "stats", cmd_stats },
	{ "list", cmd_list },
	{ "scenarios", cmd_scenarios },
	{ "check", cmd_check },
};

int bri_cmd_lab(int argc, char **argv)
{
	struct options options = { 0 };
	const char *name;
	int r = parse_options(argc, argv, &options);

	if (r)
		return r;
	if (options.help) {
		puts(help_text);
		return BRI_EXIT_OK;
	}
	if (optind == argc)
		return bri_cli_usage(CMD, "what shall it do: run, shell, exec, set, stats, ...?");
	name = argv[optind++];
	r = parse_options(argc, argv, &options);
	if (r)
		return r;
	if (options.help) {
		puts(help_text);
		return BRI_EXIT_OK;
	}
	for (size_t i = 0; i < BRI_LEN(subcommands); i++) {
		if (!strcmp(subcommands[i].name, name))
			return subcommands[i].run(argc, argv, &options);
	}
	return bri_cli_usage(CMD, "no such command '%s'", name);
}
