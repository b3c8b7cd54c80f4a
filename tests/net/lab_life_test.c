/*
 * The life of a lab: who may open it and with what, programs run in it, attaching to it, and that
 * nothing is left of it when it is closed or killed. Knows nothing of what its links do.
 */
#include "lab_util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static void on_alarm(int number)
{
	(void)number;
}

static void test_spawn(void **state)
{
	static const char *const later[] = { "sleep", "0.2", NULL };
	static const char *const yes[] = { "sh", "-c",
		"read line; echo $BRAID_LAB_SIDE $line; echo $BRAID_LAB >&2; exit 7", NULL };
	static const char *const none[] = { "/no-such-program", NULL };
	static const char *const forever[] = { "sleep", "1000", NULL };
	struct bri_lab_config config = two_paths();
	struct bri_lab *lab = open_lab(&config);
	int in[2], out[2], err[2];
	char text[128] = "";
	pid_t pid = -1;

	(void)state;
	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC) | pipe2(err, O_CLOEXEC), 0);
	assert_int_equal(write(in[1], "hello\n", 6), 6);
	assert_int_equal(bri_lab_spawn(lab, BRI_LAB_SERVER, yes,
				 &(struct bri_lab_stdio) { in[0], out[1], err[1] }, &pid),
		0);
	assert_int_equal(bri_lab_wait(lab, pid, CHILD_MS), 7);
	assert_int_equal(read(out[0], text, sizeof(text)), 13);
	assert_memory_equal(text, "server hello\n", 13);
	assert_true(read(err[0], text, sizeof(text)) > 1);
	assert_memory_equal(text, bri_lab_id(lab), strlen(bri_lab_id(lab)));
	for (int i = 0; i < 2; i++) {
		close(in[i]);
		close(out[i]);
		close(err[i]);
	}
	assert_int_equal(bri_lab_spawn(lab, BRI_LAB_CLIENT, none, NULL, &pid), -ENOENT);
	assert_int_equal(bri_lab_spawn(lab, BRI_LAB_CLIENT, none + 1, NULL, &pid), -EINVAL);
	assert_int_equal(bri_lab_spawn(lab, BRI_LAB_CLIENT, forever, NULL, &pid), 0);
	assert_int_equal(bri_lab_wait(lab, pid, 50), -ETIMEDOUT);
	/* a signal in the middle of waiting is no timeout */
	sigaction(SIGALRM, &(struct sigaction) { .sa_handler = on_alarm }, NULL);
	setitimer(ITIMER_REAL, &(struct itimerval) { .it_value.tv_usec = 30000 }, NULL);
	assert_int_equal(bri_lab_spawn(lab, BRI_LAB_CLIENT, later, NULL, &pid), 0);
	assert_int_equal(bri_lab_wait(lab, pid, CHILD_MS), 0);
	/* one more that nobody waits for: closing kills and reaps it */
	assert_int_equal(bri_lab_spawn(lab, BRI_LAB_CLIENT, forever, NULL, &pid), 0);
	close_lab(NULL);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nor is anything else left */
}

static void test_attach(void **state)
{
	struct bri_lab_change change = { .set = BRI_LAB_SET_LOSS, .link.loss_ppm = 1000001 };
	struct bri_lab_config config = two_paths();
	struct bri_lab *lab = open_lab(&config), *other = NULL;

	(void)state;
	assert_int_equal(bri_lab_attach("0-0-none", &other), -ENOENT);
	assert_int_equal(bri_lab_attach(bri_lab_id(lab), &other), 0);
	assert_int_equal(bri_lab_n_paths(other), 2);
	assert_string_equal(bri_lab_path_name(other, 1), "wwan");
	assert_null(bri_lab_path_name(other, 2));
	assert_int_equal(bri_lab_path(other, "eth"), -ENOENT);
	assert_int_equal(bri_lab_set_text(other, "wwan silent"), 0);
	assert_int_equal(stats_of(lab, 1).state, BRI_LAB_SILENT);
	assert_int_equal(bri_lab_set_text(other, "eth silent"), -ENOENT);
	assert_int_equal(bri_lab_set_text(other, "wwan asleep"), -EINVAL);
	assert_int_equal(bri_lab_set(other, 0, &change), -EINVAL);
	assert_int_equal(bri_lab_set_state(other, 2, BRI_LAB_UP), -ENOENT);
	bri_lab_close(other); /* the lab runs on */
	assert_int_equal(stats_of(lab, 1).state, BRI_LAB_SILENT);
	assert_int_equal(bri_lab_attach(bri_lab_id(lab), &other), 0);
	close_lab(NULL);
	assert_int_equal(bri_lab_set_state(other, 1, BRI_LAB_UP), -EPIPE);
	bri_lab_close(other);
}

static void test_bad_configs(void **state)
{
	struct bri_lab_config config = two_paths();
	struct bri_lab *lab = NULL;
	char why[100] = "";

	(void)state;
	config.n_paths = 0;
	assert_int_equal(bri_lab_open(&config, &lab), -EINVAL);
	assert_int_equal(bri_lab_open_why(&config, why, sizeof(why), &lab), -EINVAL);
	assert_string_equal(why, "a lab has 1 to 16 paths");
	assert_null(lab);
}

static void test_most_paths(void **state)
{
	struct bri_lab_config config = { .n_paths = BRI_LAB_MAX_PATHS, .mptcp_endpoints = true };
	struct bri_lab *lab;

	(void)state;
	for (uint32_t i = 0; i < BRI_LAB_MAX_PATHS; i++)
		snprintf(config.paths[i].name, sizeof(config.paths[i].name), "path-number-%u", i);
	lab = open_lab(&config);
	start_echo(lab);
	assert_int_equal(inside(lab, BRI_LAB_CLIENT, run_pings, (char[]) { "10.25.0.2" }), 5);
	assert_in_range(stats_of(lab, 15).direction[BRI_LAB_TO_SERVER].frames, 5, 5 + NOISE);
}

static int parent_of(pid_t pid)
{
	char path[64], line[512];
	FILE *file;
	int parent = -1;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	if (fgets(line, sizeof(line), file) && strrchr(line, ')'))
		(void)sscanf(strrchr(line, ')'), ") %*c %d", &parent);
	fclose(file);
	return parent;
}

/* Runs in a process of its own, which is killed: a lab with programs, and children of those. */
_Noreturn static void be_owner(void)
{
	static const char *const nested[] = { "sh", "-c", "setsid sleep 1000 & sleep 1000", NULL };
	struct bri_lab_config config = two_paths();
	struct bri_lab *lab;
	pid_t bystander;

	if (bri_lab_open(&config, &lab) < 0 ||
		bri_lab_spawn(lab, BRI_LAB_CLIENT, nested, NULL, &shared->pids[0]) < 0 ||
		bri_lab_spawn(lab, BRI_LAB_SERVER, nested, NULL, &shared->pids[1]) < 0)
		_exit(1);
	/* one outside that has copies of all our descriptors, the control socket too, and stays */
	bystander = fork();
	if (bystander > 0) {
		shared->bystander = bystander;
		snprintf(shared->id, sizeof(shared->id), "%s", bri_lab_id(lab));
		say_ready();
	}
	for (;;)
		pause();
}

static unsigned count_interfaces(void)
{
	struct if_nameindex *list = if_nameindex();
	unsigned n = 0;

	while (list && list[n].if_index)
		n++;
	if_freenameindex(list);
	return n;
}

static bool adopt(pid_t found[], size_t *n, size_t max, pid_t pid)
{
	int parent = parent_of(pid);

	for (size_t i = 0; i < *n; i++) {
		if (found[i] == pid)
			return false;
	}
	for (size_t i = 0; i < *n && *n < max; i++) {
		if (found[i] == parent) {
			found[(*n)++] = pid;
			return true;
		}
	}
	return false;
}

/* Every process below `root`, by /proc; pidfds, so that a later look is at the same ones. */
static size_t open_descendants(pid_t root, int fds[], size_t max)
{
	pid_t found[64] = { root };
	size_t n = 1;
	bool more = true;

	while (more) {
		DIR *dir = opendir("/proc");

		more = false;
		for (struct dirent *entry; dir && (entry = readdir(dir));) {
			pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

			if (pid > 0 && pid != shared->bystander)
				more |= adopt(found, &n, BRI_LEN(found), pid);
		}
		if (dir)
			closedir(dir);
	}
	for (size_t i = 1; i < n && i - 1 < max; i++)
		fds[i - 1] = (int)syscall(SYS_pidfd_open, found[i], 0);
	return n - 1;
}

static void test_nothing_is_left_after_kill(void **state)
{
	unsigned interfaces = count_interfaces();
	struct bri_lab *lab = NULL;
	size_t n, gone = 0;
	int fds[64];
	pid_t owner;

	(void)state;
	memset(shared, 0, sizeof(*shared));
	owner = fork();
	if (owner == 0)
		be_owner();
	wait_ready();
	assert_true(shared->bystander > 0);
	/* the emulator, two shells, and their sleeps as they appear */
	n = open_descendants(owner, fds, BRI_LEN(fds));
	assert_true(n >= 3);
	assert_int_equal(kill(owner, SIGKILL), 0);
	assert_int_equal(waitpid(owner, NULL, 0), owner);
	for (size_t i = 0; i < n; i++) {
		struct pollfd polled = { fds[i], POLLIN, 0 };

		gone += (size_t)poll(&polled, 1, 5000);
		close(fds[i]);
	}
	kill(shared->bystander, SIGKILL);
	assert_int_equal(gone, n);
	assert_int_equal(bri_lab_attach(shared->id, &lab), -ENOENT);
	assert_int_equal(count_interfaces(), interfaces);
}

/* Root is not needed: as root, become nobody and do it all again. */
static void test_ordinary_user(void **state)
{
	pid_t pid;
	int status = 0;

	(void)state;
	if (geteuid() != 0)
		return; /* all of the others have just shown it */
	memset(shared, 0, sizeof(*shared));
	pid = fork();
	if (pid == 0) {
		struct bri_lab_config config = two_paths();
		struct bri_lab *lab;
		char why[256] = "";
		pid_t echo;

		if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
			_exit(90);
		(void)prctl(PR_SET_DUMPABLE, 1UL); /* as a program started by that user is */
		if (bri_lab_open_why(&config, why, sizeof(why), &lab) < 0) {
			print_message("ordinary user: %s\n", why);
			_exit(91);
		}
		if (bri_lab_fork(lab, BRI_LAB_SERVER, run_echo, NULL, &echo) < 0)
			_exit(92);
		wait_ready();
		status = ping(lab, 0) * 10 + ping(lab, 1);
		bri_lab_close(lab);
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 90)
		skip(); /* root of a namespace with one id only */
	assert_int_equal(WEXITSTATUS(status), 55);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_spawn, close_lab),
		cmocka_unit_test_teardown(test_attach, close_lab),
		cmocka_unit_test_teardown(test_bad_configs, close_lab),
		cmocka_unit_test_teardown(test_most_paths, close_lab),
		cmocka_unit_test_teardown(test_nothing_is_left_after_kill, close_lab),
		cmocka_unit_test_teardown(test_ordinary_user, close_lab),
	};
	int r = lab_begin();

	return r ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
