/* See options.h; braidd(8) explains them. */
#include "daemon/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include <braid/version.h>

#include "control/message.h"

#define SHORT ":hvV"

enum {
	OPTION_CHECK_CONFIG = 256,
	OPTION_CONFIG,
	OPTION_DEFAULT,
	OPTION_FORCE,
	OPTION_KERNEL_PM,
	OPTION_SOCKET,
	OPTION_STATE_DIR,
	OPTION_USER,
};

static const char help[] =
	"Usage: braidd [OPTION...]\n"
	"       braidd --check-config [--config FILE]\n"
	"Decides which paths the Multipath TCP connections of this network namespace use.\n"
	"\n"
	"      --check-config       look for mistakes in the configuration, and exit\n"
	"      --config FILE        read this instead of /etc/braid/braidd.conf\n"
	"      --default SERVICE    for connections that did not ask and that no rule fits:\n"
	"                           none, handover, interactive or aggregate\n"
	"      --force              start although another path manager seems to be at work\n"
	"  -h, --help               print this, and exit\n"
	"      --kernel-pm          steer the kernel's path manager instead of taking its place\n"
	"      --socket PATH        where programs reach it; /run/braid/braidd.sock\n"
	"      --state-dir DIR      where it notes what to put back; /run/braid\n"
	"      --user NAME          the user to become; as root, braid if there is one\n"
	"  -v, --verbose            log what it decides, and why\n"
	"  -V, --version            print the version, and exit\n"
	"\n"
	"Exit codes: 0 stopped, or the configuration is right; 1 it could not start, or the\n"
	"configuration is wrong; 2 the command line is wrong.\n";

static int usage(const char *what, const char *arg, const char *rest)
{
	fprintf(stderr, "braidd: %s'%.80s'%s (braidd --help)\n", what, arg, rest);
	return 2;
}

/* Output that cannot be written is a failure, not a success. */
static int print(const char *text)
{
	if (fputs(text, stdout) < 0 || fflush(stdout) != 0) {
		perror("braidd: standard output");
		return 1;
	}
	return 0;
}

static int wrong(int option, char **argv)
{
	const char *arg = argv[optind - 1];
	char letter[] = { '-', (char)optopt, '\0' };

	if (option == ':')
		return usage("option ", arg, " needs a value");
	if (optopt == 0)
		return usage("unknown or ambiguous option ", arg, "");
	if (optopt >= OPTION_CHECK_CONFIG || strchr(SHORT, optopt))
		return usage("option ", arg, " takes no value");
	return usage("unknown option ", letter, "");
}

static int take_default(const char *value, struct bri_options *o)
{
	o->default_service = bri_message_service_from_word(value);
	if (o->default_service < 0)
		return usage(
			"service ", value, " is none of none, handover, interactive, aggregate");
	return -1;
}

static int take(int option, char *value, struct bri_options *o)
{
	switch (option) {
	case OPTION_CHECK_CONFIG: o->check_config = true; break;
	case OPTION_CONFIG: o->config_path = value; break;
	case OPTION_DEFAULT: return take_default(value, o);
	case OPTION_FORCE: o->force = true; break;
	case OPTION_KERNEL_PM: o->kernel_pm = true; break;
	case OPTION_SOCKET: o->socket_path = value; break;
	case OPTION_STATE_DIR: o->state_dir = value; break;
	case OPTION_USER: o->user = value; break;
	case 'v': o->verbose = true; break;
	case 'h': return print(help);
	case 'V': return print("braidd " BRAID_VERSION_STRING "\n");
	}
	return -1;
}

int bri_options_parse(int argc, char **argv, struct bri_options *ret)
{
	static const struct option table[] = {
		{ "check-config", no_argument, NULL, OPTION_CHECK_CONFIG },
		{ "config", required_argument, NULL, OPTION_CONFIG },
		{ "default", required_argument, NULL, OPTION_DEFAULT },
		{ "force", no_argument, NULL, OPTION_FORCE },
		{ "help", no_argument, NULL, 'h' },
		{ "kernel-pm", no_argument, NULL, OPTION_KERNEL_PM },
		{ "socket", required_argument, NULL, OPTION_SOCKET },
		{ "state-dir", required_argument, NULL, OPTION_STATE_DIR },
		{ "user", required_argument, NULL, OPTION_USER },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct bri_options o = { .state_dir = BRI_STATE_DIR, .default_service = -1 };
	int option, r;

	while ((option = getopt_long(argc, argv, SHORT, table, NULL)) != -1) {
		if (option == '?' || option == ':')
			return wrong(option, argv);
		r = take(option, optarg, &o);
		if (r >= 0)
			return r;
	}
	if (optind < argc)
		return usage("no argument is wanted, not ", argv[optind], "");
	if (!*o.state_dir)
		return usage("state directory ", o.state_dir, " is no path");
	*ret = o;
	return -1;
}
