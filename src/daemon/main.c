/* braidd: options, signals, the life of the process. Everything else is in daemon.c. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <braid/version.h>
#include <dispatch/dispatch.h>

#include "base/log.h"
#include "daemon/config.h"
#include "daemon/daemon.h"

static struct bri_daemon *the_daemon;
static struct bri_daemon_options options = {
	.state_dir = "/run/braid",
	.socket_path = "/run/braid/braidd.sock",
};

static void on_log(void *context, int level, const char *message)
{
	(void)context;
	/* journald reads the level off the line */
	if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>%s\n", level + 2, message);
	else
		fprintf(stderr, "braidd: %s\n", message);
}

static int usage(const char *what, const char *arg)
{
	fprintf(stderr, "braidd: %s%s (braidd --help)\n", what, arg);
	return 2;
}

static void stop(void *context)
{
	(void)context;
	bri_daemon_free(the_daemon);
	exit(0);
}

static void start(void *queue)
{
	char why[BRI_DAEMON_WHY_MAX];

	if (bri_daemon_new(queue, &options, why, &the_daemon) < 0) {
		fprintf(stderr, "braidd: %s\n", why);
		exit(1);
	}
	fprintf(stderr, "braidd: ready\n");
}

static void watch_signal(dispatch_queue_t queue, int number)
{
	dispatch_source_t source =
		dispatch_source_create(DISPATCH_SOURCE_TYPE_SIGNAL, (uintptr_t)number, 0, queue);

	signal(number, SIG_IGN);
	dispatch_source_set_event_handler_f(source, stop);
	dispatch_resume(source);
}

int main(int argc, char **argv)
{
	static const struct option table[] = {
		{ "default", required_argument, NULL, 'd' },
		{ "state-dir", required_argument, NULL, 's' },
		{ "socket", required_argument, NULL, 'S' },
		{ "config", required_argument, NULL, 'c' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	dispatch_queue_t queue;
	const char *config_path = NULL;
	struct bri_config *config;
	char why[512];
	int service = -1;
	bool verbose = false;
	int option;

	while ((option = getopt_long(argc, argv, ":hVv", table, NULL)) != -1) {
		switch (option) {
		case 'd':
			service = bri_message_service_from_word(optarg);
			if (service < 0)
				return usage("no service ", optarg);
			break;
		case 's': options.state_dir = optarg; break;
		case 'S': options.socket_path = optarg; break;
		case 'c': break;
		case 'v': verbose = true; break;
		case 'h': puts("Usage: braidd [OPTION...]"); return 0;
		case 'V': puts("braidd " BRAID_VERSION_STRING); return 0;
		default: return usage("no option ", argv[optind - 1]);
		}
	}
	if (bri_config_load(config_path ? config_path : BRI_CONFIG_FILE, config_path != NULL, why,
		    sizeof(why), &config) < 0) {
		fprintf(stderr, "braidd: %s\n", why);
		return 1;
	}
	if (service >= 0)
		config->default_service = (uint8_t)service;
	options.config = config;
	bri_log_set_handler(verbose ? BRI_LOG_DEBUG : BRI_LOG_INFO, NULL, on_log);
	queue = dispatch_queue_create("braidd", NULL);
	watch_signal(queue, SIGTERM);
	watch_signal(queue, SIGINT);
	dispatch_async_f(queue, queue, start);
	dispatch_main();
}
