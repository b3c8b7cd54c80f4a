/* braidd: the life of the process: options, configuration, privileges, signals, the service
 * manager. Everything else is in daemon.c. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <dispatch/dispatch.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/config.h"
#include "daemon/daemon.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/privileges.h"
#include "daemon/seccomp.h"
#include "dispatch/runtime.h"

#define SOCKET_DEFAULT "/run/braid/braidd.sock"

static struct {
	struct bri_options options;
	dispatch_queue_t queue;
	struct bri_daemon *daemon;
	struct bri_config *config; /* in force; ours to free */
	struct bri_timer *watchdog;
	uint64_t watchdog_ns;
	bool reading, read_again; /* a configuration, on a worker */
	bool to_journal;
} process;

/* --- log --- */

/* Standard error is the journal's, not just inherited from a service: sd-daemon(3). */
static bool is_journal(void)
{
	const char *text = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return text && sscanf(text, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

/* One line whatever is in it: names of users and programs can be in it. */
static void on_log(void *context, int level, const char *message)
{
	static const char *const priorities[] = { "<2>", "<3>", "<4>", "<6>", "<7>" };
	char line[1100];
	size_t n = (size_t)snprintf(line, sizeof(line), "%s%s",
		process.to_journal ? priorities[level] : "braidd: ", message);

	(void)context;
	n = n < sizeof(line) ? n : sizeof(line) - 1;
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	}
	line[n++] = '\n';
	(void)!write(STDERR_FILENO, line, n);
}

static void tell_manager(const char *state)
{
	int r = bri_notify(state);

	if (r < 0)
		bri_warn("cannot tell the service manager: %s", strerror(-r));
}

/* --- configuration --- */

static int load(char *why, size_t why_size, struct bri_config **ret)
{
	const struct bri_options *o = &process.options;
	int r = bri_config_load(o->config_path ? o->config_path : BRI_CONFIG_FILE,
		o->config_path != NULL, why, why_size, ret);

	/* the command line comes before the file, now and at every reload */
	if (r == 0 && o->default_service >= 0)
		(*ret)->default_service = (uint8_t)o->default_service;
	return r;
}

static const char *socket_path(const struct bri_config *config)
{
	if (process.options.socket_path)
		return process.options.socket_path;
	return *config->socket ? config->socket : SOCKET_DEFAULT;
}

static bool wants_kernel_pm(const struct bri_config *config)
{
	return process.options.kernel_pm || config->kernel_pm;
}

/* What is decided once, when it starts. */
static void say_what_waits(const struct bri_config *new)
{
	const struct bri_config *old = process.config;

	if (strcmp(socket_path(old), socket_path(new)) != 0)
		bri_warn("the new socket counts after a restart");
	if (wants_kernel_pm(old) != wants_kernel_pm(new))
		bri_warn("the new kernel-pm counts after a restart");
}

static void read_configuration(void *context);

static void on_read(void *context)
{
	struct bri_config *config = context;

	process.reading = false;
	if (config) {
		say_what_waits(config);
		bri_daemon_configure(process.daemon, config);
		free(process.config);
		process.config = config;
		bri_info("the configuration was read again");
	}
	tell_manager("READY=1");
	if (process.read_again) {
		process.read_again = false;
		process.reading = true;
		bri_worker(NULL, read_configuration);
	}
}

/* On a worker: users are looked up, which may take its time. */
static void read_configuration(void *context)
{
	struct bri_config *config = NULL;
	char why[512];

	(void)context;
	if (load(why, sizeof(why), &config) < 0) {
		config = NULL;
		bri_error("the old configuration stays: %s", why);
	}
	bri_async(process.queue, config, on_read);
}

static void on_reload(void *context)
{
	char state[80];

	(void)context;
	if (!process.daemon)
		return;
	if (process.reading) {
		process.read_again = true;
		return;
	}
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%llu",
		(unsigned long long)(bri_clock_now_ns() / 1000));
	tell_manager(state);
	process.reading = true;
	bri_worker(NULL, read_configuration);
}

/* --- life --- */

static void on_stop(void *context)
{
	(void)context;
	tell_manager("STOPPING=1");
	bri_daemon_free(process.daemon);
	bri_info("stopped");
	exit(0);
}

/* A timer of the queue: where the queue hangs, the manager hears nothing. */
static void on_watchdog(void *context)
{
	(void)context;
	tell_manager("WATCHDOG=1");
	bri_timer_set(process.watchdog, bri_clock_now_ns() + process.watchdog_ns);
}

static void start_watchdog(void)
{
	process.watchdog_ns = bri_notify_watchdog_ns();
	if (!process.watchdog_ns)
		return;
	if (bri_timer_new(process.queue, NULL, on_watchdog, &process.watchdog) < 0) {
		bri_error("no memory for the watchdog's timer");
		return;
	}
	on_watchdog(NULL);
}

static void start(void *context)
{
	const struct bri_daemon_options options = {
		.config = process.config,
		.state_dir = process.options.state_dir,
		.socket_path = socket_path(process.config),
		.kernel_pm = wants_kernel_pm(process.config),
		.force = process.options.force,
	};
	char why[BRI_DAEMON_WHY_MAX];

	(void)context;
	if (bri_daemon_new(process.queue, &options, why, &process.daemon) < 0) {
		bri_error("%s", why);
		exit(1);
	}
	bri_info("ready");
	tell_manager("READY=1");
	start_watchdog();
}

static void watch_signal(int number, dispatch_function_t fn)
{
	dispatch_source_t source = dispatch_source_create(
		DISPATCH_SOURCE_TYPE_SIGNAL, (uintptr_t)number, 0, process.queue);

	signal(number, SIG_IGN);
	dispatch_source_set_event_handler_f(source, fn);
	dispatch_resume(source);
}

static bool has_program_rule(const struct bri_config *config)
{
	for (uint32_t i = 0; i < config->n_rules; i++) {
		if (*config->rules[i].program)
			return true;
	}
	return false;
}

static int drop_privileges(void)
{
	const struct bri_config *config = process.config;
	char directory[BRI_CONFIG_SOCKET_MAX + 1], why[BRI_PRIVILEGES_WHY_MAX];
	const char *path = socket_path(config), *slash = strrchr(path, '/');
	struct bri_privileges wanted = {
		.user = process.options.user,
		.directories = { process.options.state_dir },
		.see_processes = has_program_rule(config),
	};
	int r;

	if (slash && slash != path && (size_t)(slash - path) < sizeof(directory)) {
		memcpy(directory, path, (size_t)(slash - path));
		directory[slash - path] = '\0';
		wanted.directories[1] = directory;
	}
	r = bri_privileges_drop(&wanted, why);
	if (r < 0) {
		bri_error("%s", why);
		return r;
	}
	r = bri_seccomp_install();
	if (r == -ENOTSUP)
		bri_debug("system calls are not filtered: not in this build, or on this machine");
	else if (r < 0)
		bri_warn("system calls are not filtered: %s", strerror(-r));
	return 0;
}

int main(int argc, char **argv)
{
	char why[512];
	int r = bri_options_parse(argc, argv, &process.options);

	if (r >= 0)
		return r;
	process.to_journal = is_journal();
	bri_log_set_handler(process.options.verbose ? BRI_LOG_DEBUG : BRI_LOG_INFO, NULL, on_log);
	if (load(why, sizeof(why), &process.config) < 0) {
		bri_error("%s", why);
		return 1;
	}
	if (process.options.check_config) {
		free(process.config);
		return 0;
	}
	umask(022); /* programs of all users connect */
	if (drop_privileges() < 0) {
		free(process.config);
		return 1;
	}
	process.queue = dispatch_queue_create("braidd", NULL);
	watch_signal(SIGTERM, on_stop);
	watch_signal(SIGINT, on_stop);
	watch_signal(SIGHUP, on_reload);
	dispatch_async_f(process.queue, NULL, start);
	dispatch_main();
}
