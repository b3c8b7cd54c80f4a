/* `braid run`: becomes a command whose TCP sockets are Multipath TCP. The work is in src/run. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "run/program.h"
#include "run/say.h"
#include "run/start.h"
#include "run/supervise.h"
#include "run/tell.h"

#define CMD "run"

/* as of env(1), nohup(1), timeout(1) */
enum { EXIT_OURS = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

enum method { METHOD_AUTO, METHOD_PRELOAD, METHOD_SECCOMP, METHOD_NONE };

struct options {
	const char *service;
	enum method method;
	bool verbose, help;
};

enum { OPT_SERVICE = 256, OPT_METHOD };

static const struct option option_table[] = {
	{ "service", required_argument, NULL, OPT_SERVICE },
	{ "method", required_argument, NULL, OPT_METHOD },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char help_text[] =
	"Usage: braid run [OPTION...] [--] COMMAND [ARGUMENT...]\n"
	"Runs COMMAND, a program as it is, with Multipath TCP in place of TCP. Where a peer does\n"
	"not speak it, or this machine cannot, the connection is plain TCP.\n\n"
	"      --service handover|interactive|aggregate|none\n"
	"                        what braidd does with the paths; default: as it is configured\n"
	"      --method auto|preload|seccomp\n"
	"                        how sockets are changed: by a library that is loaded first, or "
	"by\n"
	"                        the kernel's help (also static and Go programs, and all that\n"
	"                        COMMAND starts); default: what COMMAND needs\n"
	"  -v, --verbose         each socket on standard error\n"
	"  -h, --help            this text\n\n"
	"Exit codes: of COMMAND; 2 the command line is wrong, 125 braid cannot do it,\n"
	"126 COMMAND cannot be run, 127 COMMAND not found.";

static int parse_service(const char *text, struct options *options)
{
	if (bri_tell_service(text) < 0)
		return bri_cli_usage(
			CMD, "service '%s' is not none, handover, interactive or aggregate", text);
	options->service = text;
	return 0;
}

static int parse_method(const char *text, struct options *options)
{
	static const char *const words[] = { "auto", "preload", "seccomp" };

	for (size_t i = 0; i < BRI_LEN(words); i++) {
		if (strcmp(text, words[i]) == 0) {
			options->method = (enum method)i;
			return 0;
		}
	}
	return bri_cli_usage(CMD, "method '%s' is not auto, preload or seccomp", text);
}

/* Options before COMMAND. Returns 0 or an exit code. */
static int parse_options(int argc, char **argv, struct options *options)
{
	int opt, r = 0;

	opterr = 0;
	while (r == 0 && (opt = getopt_long(argc, argv, "+:vh", option_table, NULL)) != -1) {
		switch (opt) {
		case OPT_SERVICE: r = parse_service(optarg, options); break;
		case OPT_METHOD: r = parse_method(optarg, options); break;
		case 'v': options->verbose = true; break;
		case 'h': options->help = true; return 0;
		default: return bri_cli_bad_option(CMD, opt, argv, option_table);
		}
	}
	if (r == 0 && optind >= argc)
		return bri_cli_usage(CMD, "no COMMAND to run");
	return r;
}

static int cannot_run(const char *command, int error)
{
	if (error == ENOENT) {
		bri_cli_error(CMD, "no command '%s'", command);
		return EXIT_NOT_FOUND;
	}
	bri_cli_error(CMD, "cannot run '%s': %s", command, strerror(error));
	return EXIT_CANNOT_RUN;
}

/* What the program needs. Programs that cannot be wrapped run as they are, with a warning. */
static enum method choose(const struct bri_program *program)
{
	switch (program->kind) {
	case BRI_PROGRAM_STATIC:
	case BRI_PROGRAM_OWN_CALLS: return METHOD_SECCOMP;
	case BRI_PROGRAM_PRIVILEGED:
	case BRI_PROGRAM_FOREIGN:
		bri_cli_error(CMD, "%s is %s and runs without Multipath TCP", program->path,
			program->why);
		return METHOD_NONE;
	case BRI_PROGRAM_DYNAMIC:
	case BRI_PROGRAM_UNKNOWN: break;
	}
	return METHOD_PRELOAD;
}

/* A method that was asked for and does not fit. Returns 0 or an exit code. */
static int check_wish(const struct bri_program *program, enum method method)
{
	bool fits = program->kind == BRI_PROGRAM_DYNAMIC || program->kind == BRI_PROGRAM_UNKNOWN;

	if (method == METHOD_PRELOAD && !fits) {
		bri_cli_error(CMD, "%s is %s: --method preload cannot reach it", program->path,
			program->why);
		return EXIT_OURS;
	}
	if (method == METHOD_SECCOMP && program->kind == BRI_PROGRAM_FOREIGN)
		bri_cli_error(CMD, "%s is %s: its own sockets stay plain TCP", program->path,
			program->why);
	if (method == METHOD_SECCOMP && program->kind == BRI_PROGRAM_PRIVILEGED)
		bri_cli_error(CMD, "%s is %s and runs without these privileges", program->path,
			program->why);
	return 0;
}

static int prepare_preload(char library[static PATH_MAX])
{
	int r = bri_start_library(library);

	if (r == 0)
		return 0;
	if (r == -EINVAL)
		bri_cli_error(CMD, "%s: LD_PRELOAD takes no path with a space or colon", library);
	else
		bri_cli_error(CMD, "cannot find libbraidrun.so: %s", strerror(-r));
	return EXIT_OURS;
}

/* Filters this process. Returns 0 or an exit code. */
static int prepare_seccomp(bool must, int say_fd)
{
	int r = bri_supervise_start(say_fd);

	if (r == 0)
		return 0;
	if (r == BRI_SUPERVISE_LOST) {
		bri_cli_error(CMD, "the process that makes the sockets has died");
		return EXIT_OURS;
	}
	if (r == -EBUSY)
		bri_cli_error(CMD, "a supervisor of system calls is there already (braid run?)%s",
			must ? "" : ": not another one");
	else
		bri_cli_error(CMD, "the kernel does not let sockets be supervised: %s%s",
			strerror(-r), must ? "" : "; without Multipath TCP");
	return must ? EXIT_OURS : 0;
}

static int run(const struct options *options, char **argv)
{
	char library[PATH_MAX], verbose[BRI_SAY_ENV_SIZE];
	static struct bri_program program;
	enum method method = options->method;
	int say_fd = -1, r = bri_program_find(argv[0], &program);

	if (r < 0)
		return cannot_run(argv[0], -r);
	r = check_wish(&program, method);
	if (r == 0 && method == METHOD_AUTO)
		method = choose(&program);
	if (r == 0 && method == METHOD_PRELOAD)
		r = prepare_preload(library);
	if (r != 0)
		return r;
	if (options->verbose) {
		say_fd = bri_say_open(verbose);
		if (say_fd >= 0)
			bri_say_init(verbose);
		if (method != METHOD_NONE)
			bri_cli_error(CMD, "%s is %s: by %s", program.path, program.why,
				method == METHOD_PRELOAD ? "preload" : "seccomp");
	}
	r = bri_start_set_environment(method == METHOD_PRELOAD ? library : NULL, options->service,
		say_fd >= 0 ? verbose : NULL);
	if (r < 0) {
		bri_cli_error(CMD, "%s", strerror(-r));
		return EXIT_OURS;
	}
	if (method == METHOD_SECCOMP) {
		r = prepare_seccomp(options->method == METHOD_SECCOMP, say_fd);
		if (r != 0)
			return r;
	}
	execvp(argv[0], argv);
	return cannot_run(argv[0], errno);
}

int bri_cmd_run(int argc, char **argv)
{
	struct options options = { 0 };
	int r = parse_options(argc, argv, &options);

	if (r != 0)
		return r;
	if (options.help) {
		puts(help_text);
		return BRI_EXIT_OK;
	}
	return run(&options, argv + optind);
}
