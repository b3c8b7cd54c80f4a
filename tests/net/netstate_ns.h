/*
 * A namespace of the test's own, without root: user + net. Called before any thread is made.
 * Where a machine forbids it the test is skipped (77) with the reason, or fails with
 * BRAID_REQUIRE_ALL=1.
 */
#ifndef NETSTATE_NS_H
#define NETSTATE_NS_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void ns_unavailable(const char *what, int error)
{
	const char *all = getenv("BRAID_REQUIRE_ALL");

	fprintf(stderr, "skipped: %s: %s\n", what, strerror(error));
	exit(all && strcmp(all, "1") == 0 ? 1 : 77);
}

static int ns_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

/* Runs a program and waits. Returns its exit status, or -1. */
static int ns_run(const char *line)
{
	char copy[256], *argv[24], *save = NULL;
	int n = 0, status;
	pid_t pid;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok_r(copy, " ", &save); word && n < 23;
		word = strtok_r(NULL, " ", &save))
		argv[n++] = word;
	argv[n] = NULL;
	pid = fork();
	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static void ns_enter(void)
{
	char map[64], self[512];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	uid_t uid = getuid();
	gid_t gid = getgid();

	self[n > 0 ? n : 0] = '\0';
	if (getenv("NETSTATE_NS")) /* the second time, see below */
		goto inside;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
		/* a thread sanitizer has a thread already: let another program do it, and come back
		 */
		if (errno == EINVAL && setenv("NETSTATE_NS", "1", 1) == 0)
			execlp("unshare", "unshare", "-Urn", self, NULL);
		ns_unavailable("no user and network namespace of its own", errno);
	}
	snprintf(map, sizeof(map), "0 %u 1", uid);
	if (ns_write("/proc/self/setgroups", "deny") < 0 || ns_write("/proc/self/uid_map", map) < 0)
		ns_unavailable("cannot map a user", errno);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	if (ns_write("/proc/self/gid_map", map) < 0)
		ns_unavailable("cannot map a group", errno);
inside:
	if (ns_run("ip link set lo up") != 0)
		ns_unavailable("no ip command (iproute2)", ENOENT);
}

#endif
