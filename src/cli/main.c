/* `braid`: finds the command in the table and runs it. Knows no command but by its entry. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <braid/version.h>
#include "cli/cli.h"

struct command {
	const char *name;
	const char *help;
	int (*run)(int argc, char **argv);
	bool becomes_another; /* a program that gets the signals as they came to us */
};

static const struct command commands[] = {
	{ "check", "does Multipath TCP work here, or to a host, and if not, why", bri_cmd_check,
		false },
	{ "cat", "connect or listen, and copy standard input and output (netcat)", bri_cmd_cat,
		false },
	{ "run", "run any program over Multipath TCP", bri_cmd_run, true },
	{ "status", "what the path manager braidd does, and its connections", bri_cmd_status,
		false },
	{ "paths", "the paths that braidd knows, and whether they can be used", bri_cmd_paths,
		false },
	{ "set", "another service for a connection or a process", bri_cmd_set, false },
	{ "monitor", "Multipath TCP connections and their paths, live", bri_cmd_monitor, false },
	{ "enable", "run a systemd service over Multipath TCP", bri_cmd_enable, false },
	{ "disable", "take that back", bri_cmd_disable, false },
#ifdef BRI_CLI_LAB
	{ "lab", "a network in a box: emulated paths between namespaces", bri_cmd_lab, false },
#endif
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < BRI_LEN(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static void print_help(void)
{
	puts("Usage: braid COMMAND [OPTION...] [ARGUMENT...]\n"
	     "Connections that use every path: Wi-Fi, cellular and Ethernet at once.\n\n"
	     "Commands:");
	for (size_t i = 0; i < BRI_LEN(commands); i++)
		printf("  %-8s %s\n", commands[i].name, commands[i].help);
	puts("\n"
	     "  -h, --help     this text; 'braid help COMMAND' or 'braid COMMAND --help' for a "
	     "command\n"
	     "  -V, --version  print the version\n\n"
	     "Exit codes: 0 it worked, 1 it did not, 2 the command line is wrong,\n"
	     "3 the host could not be reached (check).\n"
	     "BRAID_LOG=error|warn|info|debug writes what the library does to standard error.");
}

static int help(int argc, char **argv)
{
	static char help_option[] = "--help";
	const struct command *command;
	char *args[] = { NULL, help_option, NULL };

	if (argc > 2)
		return bri_cli_usage(NULL, "help takes one command");
	if (argc < 2) {
		print_help();
		return BRI_EXIT_OK;
	}
	command = find_command(argv[1]);
	if (!command)
		return bri_cli_usage(NULL, "no command '%s'", argv[1]);
	args[0] = argv[1];
	return command->run(2, args);
}

/* Output that could not be written is a failure, whatever the command thought. */
static int finish(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	bri_cli_error(NULL, "cannot write to standard output: %s", strerror(errno));
	return code == BRI_EXIT_OK ? BRI_EXIT_FAILED : code;
}

/*
 * A standard descriptor that was closed would be given to the first socket, and standard output
 * would go there. /dev/null takes its place, opened so that output still fails.
 */
static void fill_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	const struct command *command;
	void (*before)(int);

	fill_standard_fds();

	/* a peer or a reader that goes away is an error code of a write, not a death */
	before = signal(SIGPIPE, SIG_IGN);
	if (argc < 2)
		return bri_cli_usage(NULL, "no command given");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_help();
		return finish(BRI_EXIT_OK);
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts("braid " BRAID_VERSION_STRING);
		return finish(BRI_EXIT_OK);
	}
	if (strcmp(argv[1], "help") == 0)
		return finish(help(argc - 1, argv + 1));
	if (argv[1][0] == '-')
		return bri_cli_usage(NULL, "unknown option '%s'", argv[1]);
	command = find_command(argv[1]);
	if (!command)
		return bri_cli_usage(NULL, "no command '%s'", argv[1]);
	if (command->becomes_another)
		signal(SIGPIPE, before);
	return finish(command->run(argc - 1, argv + 1));
}
