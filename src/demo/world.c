/*
 * The network in a box with braidd in it, the files, and the programs that run: all that must be
 * gone at the end, however it comes. Knows nothing of what the programs do.
 */
#include "demo/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define READY_NS UINT64_C(5000000000)
#define STOP_MS  2000

volatile sig_atomic_t demo_interrupted;

static struct {
	const char *braidd;
	char directory[200]; /* "": none */
	struct bri_lab *lab;
	pid_t braidd_pid, programs[2]; /* 0: none */
} world;

static const char config_text[] = "[interface wlan]\nkind = wifi\n"
				  "[interface wwan]\nkind = cellular\n";

/* All that may be in the directory; braidd's own files are in its state directory. */
static const char *const file_names[] = { "sent", "got", "config", "log", "socket", "socket.lock" };

const char *demo_world_file(const char *name)
{
	static char paths[4][sizeof(world.directory) + 16];
	static unsigned next;
	char *path = paths[next++ % 4];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", world.directory, name);
	return path;
}

struct bri_lab *demo_world_lab(void)
{
	return world.lab;
}

const char *demo_world_address(void)
{
	return world.lab ? BRI_LAB_SERVICE4 : "127.0.0.1";
}

const char *demo_world_socket(enum demo_manager manager)
{
	static char path[sizeof(world.directory) + 16];

	(void)snprintf(path, sizeof(path), "%s/%s", world.directory,
		manager == DEMO_BRAIDD ? "socket" : "nobody");
	return path;
}

/* --- files --- */

/* The same bytes on every run. */
static int make_file(uint64_t bytes)
{
	uint64_t state = 0x9e3779b97f4a7c15u;
	FILE *f = fopen(demo_world_file("sent"), "wbe");

	if (!f)
		return -errno;
	for (uint64_t i = 0; i < bytes / sizeof(state); i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		if (fwrite(&state, sizeof(state), 1, f) != 1)
			break;
	}
	return ferror(f) | fclose(f) ? -EIO : 0;
}

static int write_config(void)
{
	FILE *f = fopen(demo_world_file("config"), "we");
	bool failed;

	if (!f)
		return -errno;
	failed = fputs(config_text, f) == EOF;
	return fclose(f) == EOF || failed ? -EIO : 0;
}

int demo_world_begin(uint64_t bytes, const char *braidd)
{
	const char *where = getenv("TMPDIR");
	int n = snprintf(world.directory, sizeof(world.directory), "%s/braid-demo-XXXXXX",
		where && *where ? where : "/tmp");
	int error;

	world.braidd = braidd;
	/* a Unix socket's path, which is in it, is 107 bytes at most */
	if (n > 95)
		errno = ENAMETOOLONG;
	if (n > 95 || !mkdtemp(world.directory)) {
		world.directory[0] = 0;
		return -errno;
	}
	error = make_file(bytes);
	return error ? error : write_config();
}

/* braidd removes what it notes in its state directory when it ends as it should; killed, it does
 * not. */
static void remove_state(void)
{
	const char *rm[] = { "rm", "-rf", "--", demo_world_file("state"), NULL };
	pid_t pid = fork();

	if (pid == 0) {
		execvp(rm[0], (char *const *)rm);
		_exit(127);
	}
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
}

void demo_world_end(void)
{
	char why[DEMO_WHY];

	(void)demo_world_close(why);
	if (!*world.directory)
		return;
	remove_state();
	for (size_t i = 0; i < sizeof(file_names) / sizeof(file_names[0]); i++)
		(void)unlink(demo_world_file(file_names[i]));
	(void)rmdir(world.directory);
	world.directory[0] = 0;
}

/* --- braidd --- */

/* The last line it said, without its level, for the reason of a failure. */
static void last_words(char *ret, size_t size)
{
	FILE *f = fopen(demo_world_file("log"), "re");
	char line[160];

	(void)snprintf(ret, size, "it said nothing");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (*line)
			(void)snprintf(ret, size, "%s", line);
	}
	(void)fclose(f);
}

static int fail_with_words(char why[static DEMO_WHY], int error, const char *what)
{
	char words[160];

	last_words(words, sizeof(words));
	(void)snprintf(why, DEMO_WHY, "braidd %s: %s", what, words);
	return error;
}

static bool said_ready(void)
{
	FILE *f = fopen(demo_world_file("log"), "re");
	char line[256];
	bool said = false;

	if (!f)
		return false;
	while (!said && fgets(line, sizeof(line), f))
		said = strstr(line, "ready") != NULL;
	(void)fclose(f);
	return said;
}

static int await_ready(char why[static DEMO_WHY])
{
	uint64_t limit_ns = bri_clock_now_ns() + READY_NS;
	siginfo_t info = { 0 };

	while (!said_ready()) {
		if (waitid(P_PID, (id_t)world.braidd_pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
			info.si_pid)
			return fail_with_words(why, -ECHILD, "ended at once");
		if (bri_clock_now_ns() > limit_ns || demo_interrupted)
			return fail_with_words(why, -ETIMEDOUT, "did not get ready");
		(void)poll(NULL, 0, 5);
	}
	return 0;
}

static int start_braidd(const char *service, char why[static DEMO_WHY])
{
	const char *argv[] = { world.braidd, "--default", service, "--socket",
		demo_world_socket(DEMO_BRAIDD), "--state-dir", demo_world_file("state"), "--config",
		demo_world_file("config"), NULL, NULL, NULL };
	struct bri_lab_stdio io = { -1, -1, -1 };
	int r;

	if (geteuid() == 0) {
		/* the directory is root's alone: the user braid, if there is one, has no way in */
		argv[9] = "--user";
		argv[10] = "root";
	}
	io.err = open(demo_world_file("log"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (io.err < 0) {
		r = -errno;
		(void)snprintf(why, DEMO_WHY, "braidd's log: %s", strerror(errno));
		return r;
	}
	io.out = io.err;
	r = bri_lab_spawn(world.lab, BRI_LAB_CLIENT, argv, &io, &world.braidd_pid);
	close(io.err);
	if (r < 0) {
		world.braidd_pid = 0;
		(void)snprintf(why, DEMO_WHY, "%.120s: %s", world.braidd, strerror(-r));
		return r;
	}
	return await_ready(why);
}

static int stop_braidd(char why[static DEMO_WHY])
{
	int r;

	if (!world.braidd_pid)
		return 0;
	(void)kill(world.braidd_pid, SIGTERM);
	r = bri_lab_wait(world.lab, world.braidd_pid, STOP_MS);
	world.braidd_pid = 0;
	if (r == 0)
		return 0;
	if (r == -ETIMEDOUT)
		return fail_with_words(why, -EIO, "did not end when asked to");
	return fail_with_words(why, -EIO, "ended badly");
}

/* --- the network --- */

/* Runs inside. Linux's own default, so that runs on two machines can be compared. Where it cannot
 * be set the machine's is used, by all alike. */
static int set_congestion(void *context)
{
	int fd = open("/proc/sys/net/ipv4/tcp_congestion_control", O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, "cubic", 5) == 5;

	(void)context;
	if (fd >= 0)
		close(fd);
	return done ? 0 : 1;
}

static void set_congestion_inside(void)
{
	for (int side = BRI_LAB_CLIENT; side <= BRI_LAB_SERVER; side++) {
		pid_t pid;

		if (bri_lab_fork(world.lab, (enum bri_lab_side)side, set_congestion, NULL, &pid) ==
			0)
			(void)bri_lab_wait(world.lab, pid, STOP_MS);
	}
}

/* wlan 20 ms round trip 50 Mbit/s, wwan 60 ms 20 Mbit/s; delays are one way. */
int demo_world_open(enum demo_manager manager, const char *service, char why[static DEMO_WHY])
{
	struct bri_lab_config config = {
		.seed = 1, .n_paths = DEMO_PATHS, .mptcp_endpoints = manager == DEMO_KERNEL
	};
	struct bri_lab_link links[DEMO_PATHS] = { { .delay_ns = 10000000, .rate_bps = 50000000 },
		{ .delay_ns = 30000000, .rate_bps = 20000000 } };
	char reason[DEMO_WHY - 32];
	int error;

	(void)snprintf(config.paths[0].name, BRI_LAB_NAME_SIZE, "wlan");
	(void)snprintf(config.paths[1].name, BRI_LAB_NAME_SIZE, "wwan");
	for (int i = 0; i < DEMO_PATHS; i++)
		config.paths[i].link[0] = config.paths[i].link[1] = links[i];
	error = bri_lab_open_why(&config, reason, sizeof(reason), &world.lab);
	if (error) {
		world.lab = NULL;
		(void)snprintf(why, DEMO_WHY, "the network cannot be made: %s", reason);
		return error;
	}
	set_congestion_inside();
	return manager == DEMO_BRAIDD ? start_braidd(service, why) : 0;
}

int demo_world_close(char why[static DEMO_WHY])
{
	int r;

	demo_world_stop();
	r = stop_braidd(why);
	bri_lab_close(world.lab);
	world.lab = NULL;
	return r;
}

/* --- programs --- */

/* In the network in a box, or here. */
int demo_world_start(enum bri_lab_side side, int (*fn)(void *), void *context)
{
	pid_t *pid = &world.programs[side == BRI_LAB_CLIENT];
	int error;

	if (world.lab) {
		error = bri_lab_fork(world.lab, side, fn, context, pid);
		if (error)
			*pid = 0;
		return error;
	}
	(void)fflush(NULL);
	*pid = fork();
	if (*pid == 0)
		_exit(fn(context));
	error = *pid < 0 ? -errno : 0;
	if (error)
		*pid = 0;
	return error;
}

void demo_world_stop(void)
{
	for (int i = 0; i < 2; i++) {
		if (world.programs[i] > 0) {
			(void)kill(world.programs[i], SIGKILL);
			(void)waitpid(world.programs[i], NULL, 0);
			world.programs[i] = 0;
		}
	}
}
