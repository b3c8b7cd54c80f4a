/* One run of a program in a lab. Knows nothing of options. */
#include "lab/session.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "base/clock.h"

#define SERVER_READY_NS (5 * BRI_NS_PER_S)
#define SERVER_LOOK_MS  10
#define GRACE_NS        (2 * BRI_NS_PER_S) /* between asking a program to end and killing it */

struct run {
	const struct bri_session *session;
	pid_t client, server; /* 0: none */
	uint64_t start_ns, kill_ns;
	uint32_t next_event;
	unsigned interrupts;
	bool ended;
	sigset_t before;
};

static void say(const struct bri_session *session, bool trouble, const char *fmt, ...)
	BRI_PRINTF(3, 4);

static void say(const struct bri_session *session, bool trouble, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	if (!session->say)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	session->say(trouble, line);
}

/* Does a table like /proc/net/tcp have a socket in that state (hexadecimal, as printed)? */
static bool has_socket(const char *path, const char *state)
{
	FILE *file = fopen(path, "re");
	char line[512], found[8];
	bool has = false;

	while (file && !has && fgets(line, sizeof(line), file))
		has = sscanf(line, "%*s %*s %*s %7s", found) == 1 && !strcmp(found, state);
	if (file)
		fclose(file);
	return has;
}

static bool someone_listens(void)
{
	return has_socket("/proc/self/net/tcp", "0A") || has_socket("/proc/self/net/tcp6", "0A") ||
	       has_socket("/proc/self/net/udp", "07") || has_socket("/proc/self/net/udp6", "07");
}

/* Runs inside: there is no event for "somebody listens", so it looks again and again. */
static int await_listener(void *context)
{
	uint64_t until_ns = bri_clock_now_ns() + SERVER_READY_NS;

	(void)context;
	while (!someone_listens()) {
		if (bri_clock_now_ns() > until_ns)
			return 1;
		poll(NULL, 0, SERVER_LOOK_MS);
	}
	return 0;
}

static bool is_over(pid_t pid)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid != 0;
}

static int start_server(struct run *run)
{
	const struct bri_session *session = run->session;
	const char *const argv[] = { "/bin/sh", "-c", session->server, NULL };
	struct bri_lab *lab = session->lab;
	pid_t waiter;
	int r;

	if (!session->server)
		return 0;
	r = bri_lab_spawn(lab, BRI_LAB_SERVER, argv, NULL, &run->server);
	if (r < 0) {
		say(session, true, "cannot start the server: %s", strerror(-r));
		return BRI_SESSION_FAILED;
	}
	r = bri_lab_fork(lab, BRI_LAB_SERVER, await_listener, NULL, &waiter);
	if (r == 0)
		r = bri_lab_wait(lab, waiter, 0);
	if (is_over(run->server)) {
		r = bri_lab_wait(lab, run->server, 0);
		run->server = 0;
		say(session, true, "the server ended at once, with %d", r);
		return BRI_SESSION_FAILED;
	}
	if (r != 0)
		say(session, true, "the server listens nowhere after %u s; going on",
			(unsigned)(SERVER_READY_NS / BRI_NS_PER_S));
	return 0;
}

static int start_client(struct run *run)
{
	const struct bri_session *session = run->session;
	int r = bri_lab_spawn(session->lab, BRI_LAB_CLIENT, session->argv, NULL, &run->client);

	if (r == 0)
		return 0;
	run->client = 0;
	say(session, true, "%s: %s", session->argv[0], strerror(-r));
	return r == -ENOENT ? BRI_SESSION_NOT_FOUND : BRI_SESSION_CANNOT_EXEC;
}

static void end_client(struct run *run, int signal_number)
{
	kill(run->client, signal_number);
	if (run->kill_ns == BRI_NEVER)
		run->kill_ns = bri_clock_now_ns() + GRACE_NS;
}

/* From the keyboard the program has it already. Twice means: now. */
static void on_signal(struct run *run, const struct signalfd_siginfo *info)
{
	int number = (int)info->ssi_signo;

	if (run->session->interactive && number != SIGTERM && number != SIGHUP)
		return;
	if (++run->interrupts > 1) {
		kill(run->client, SIGKILL);
		return;
	}
	if (info->ssi_code != SI_KERNEL)
		kill(run->client, number);
	if (number != SIGINT && number != SIGQUIT)
		end_client(run, number);
}

/* What is due: events are told (the emulator has done them), the end is made. */
static uint64_t on_time(struct run *run, uint64_t now_ns)
{
	const struct bri_scenario *scenario = run->session->scenario;
	const struct bri_lab_config *config = &scenario->config;
	uint64_t next_ns = run->kill_ns;

	if (run->kill_ns <= now_ns) {
		kill(run->client, SIGKILL);
		run->kill_ns = next_ns = BRI_NEVER;
	}
	if (run->session->no_clock)
		return next_ns;
	while (run->next_event < config->n_events) {
		const struct bri_lab_event *event = &config->events[run->next_event];
		uint64_t at_ns = run->start_ns + event->at_ns;
		char text[160];

		if (at_ns > now_ns) {
			next_ns = bri_min_u64(next_ns, at_ns);
			break;
		}
		bri_scenario_format(&event->change, text, sizeof(text));
		say(run->session, false, "%" PRIu64 ".%03" PRIu64 "s %s %s",
			event->at_ns / BRI_NS_PER_S, event->at_ns % BRI_NS_PER_S / BRI_NS_PER_MS,
			config->paths[event->path].name, text);
		run->next_event++;
	}
	if (scenario->end_ns == BRI_NEVER || run->ended)
		return next_ns;
	if (run->start_ns + scenario->end_ns > now_ns)
		return bri_min_u64(next_ns, run->start_ns + scenario->end_ns);
	run->ended = true;
	say(run->session, false, "the scenario is over: ending the program");
	end_client(run, SIGTERM);
	return run->kill_ns;
}

static void wait_client(struct run *run, int pid_fd, int signal_fd)
{
	struct pollfd polled[2] = { { pid_fd, POLLIN, 0 }, { signal_fd, POLLIN, 0 } };
	struct signalfd_siginfo info;

	while (!(polled[0].revents & POLLIN)) {
		uint64_t now_ns = bri_clock_now_ns();
		uint64_t next_ns = on_time(run, now_ns);
		uint64_t wait_ns = next_ns > now_ns ? next_ns - now_ns : 0;
		struct timespec timeout = { (time_t)(wait_ns / BRI_NS_PER_S),
			(long)(wait_ns % BRI_NS_PER_S) };

		if (ppoll(polled, 2, next_ns == BRI_NEVER ? NULL : &timeout, NULL) < 0)
			polled[0].revents = polled[1].revents = 0;
		if (polled[1].revents && read(signal_fd, &info, sizeof(info)) == sizeof(info))
			on_signal(run, &info);
	}
}

static int follow_client(struct run *run, int signal_fd)
{
	int pid_fd = (int)syscall(SYS_pidfd_open, run->client, 0);
	int r;

	if (pid_fd >= 0) {
		wait_client(run, pid_fd, signal_fd);
		close(pid_fd);
	}
	r = bri_lab_wait(run->session->lab, run->client, 0);
	if (r < 0)
		return BRI_SESSION_FAILED;
	return run->ended ? BRI_SESSION_ENDED : r;
}

/* A shell has made itself the terminal's foreground; with it gone that is us again. */
static void take_terminal(const struct bri_session *session)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;

	if (!session->interactive || !isatty(STDIN_FILENO))
		return;
	sigaction(SIGTTOU, &ignore, &before);
	(void)tcsetpgrp(STDIN_FILENO, getpgrp());
	sigaction(SIGTTOU, &before, NULL);
}

int bri_session_run(const struct bri_session *session)
{
	struct run run = { .session = session, .kill_ns = BRI_NEVER };
	int signal_fd, r;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signal_fd < 0)
		return BRI_SESSION_FAILED;
	sigprocmask(SIG_BLOCK, &set, &run.before);
	r = start_server(&run);
	if (r == 0)
		r = start_client(&run);
	if (r == 0) {
		run.start_ns = bri_clock_now_ns();
		if (!session->no_clock)
			(void)bri_lab_start(session->lab);
		r = follow_client(&run, signal_fd);
		take_terminal(session);
	}
	if (run.server && !is_over(run.server))
		kill(run.server, SIGTERM);
	/* what does not end now is killed with the lab */
	sigprocmask(SIG_SETMASK, &run.before, NULL);
	close(signal_fd);
	return r;
}
