/* Starting processes inside namespaces. Knows nothing of paths. */
#include "lab/launch.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/world.h"

#if defined(__SANITIZE_THREAD__)
#define BRI_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BRI_TSAN 1
#endif
#endif
#ifndef BRI_TSAN
#define BRI_TSAN 0
#endif

/*
 * The middle process forks the child and dies; the kernel gives the orphan to the nearest ancestor
 * that is a "child subreaper". For that moment it has to be the caller. One launch at a time keeps
 * the flag straight, and keeps one launch's pipe out of another's children.
 */
static pthread_mutex_t launch_lock = PTHREAD_MUTEX_INITIALIZER;

enum word_kind { WORD_PID, WORD_ERROR, WORD_ENTERED };

struct word {
	int32_t kind, value;
};

static void tell(int fd, enum word_kind kind, int value)
{
	struct word word = { kind, value };

	if (send(fd, &word, sizeof(word), MSG_NOSIGNAL) < 0)
		return;
}

static bool hear(int fd, struct word *ret)
{
	ssize_t n;

	do
		n = recv(fd, ret, sizeof(*ret), 0);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*ret);
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/*
 * Joining and making user namespaces is for processes with one thread. A forked child has one, but
 * for the one that ThreadSanitizer starts beside it and does not stop when asked: there the work is
 * for a bare clone of the child, which stands in for it.
 */
static void stay_single(void)
{
#if BRI_TSAN
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	int status = 0;

	if (pid == 0)
		return;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 127);
#endif
}

static int subreaper(int on)
{
	int before = 0;

	(void)prctl(PR_GET_CHILD_SUBREAPER, &before);
	(void)prctl(PR_SET_CHILD_SUBREAPER, (unsigned long)on);
	return before;
}

/* Joining the namespace one is in already is an error for user namespaces. */
static int join(int fd, const char *own, int type)
{
	struct stat a, b;

	if (fd < 0)
		return 0;
	if (fstat(fd, &a) == 0 && stat(own, &b) == 0 && a.st_ino == b.st_ino &&
		a.st_dev == b.st_dev)
		return 0;
	return setns(fd, type) < 0 ? -errno : 0;
}

static int join_all(const struct bri_launch_space *space)
{
	char *cwd = getcwd(NULL, 0);
	int r = join(space->user_fd, "/proc/self/ns/user", CLONE_NEWUSER);

	if (r == 0)
		r = join(space->pid_fd, "/proc/self/ns/pid_for_children", CLONE_NEWPID);
	if (r == 0)
		r = join(space->net_fd, "/proc/self/ns/net", CLONE_NEWNET);
	if (r == 0)
		r = join(space->mnt_fd, "/proc/self/ns/mnt", CLONE_NEWNS);
	if (r == 0 && cwd) /* the mount namespace put us at its root */
		r = chdir(cwd) < 0 && chdir("/") < 0 ? -errno : 0;
	free(cwd);
	return r;
}

_Noreturn static void be_child(const struct bri_launch_job *job, int word_fd)
{
	sigset_t none;
	int r;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	r = job->prepare ? job->prepare(job->context) : 0;
	if (r < 0) {
		tell(word_fd, WORD_ERROR, r);
		_exit(127);
	}
	close(word_fd);
	r = job->run ? job->run(job->context) : 0;
	fflush(NULL);
	_exit(r & 0xff);
}

_Noreturn static void be_middle(const struct bri_launch_space *space,
	const struct bri_launch_job *job, int word_fd, pid_t owner)
{
	pid_t pid;
	int r;

	stay_single();
	r = join_all(space);
	if (r < 0) {
		tell(word_fd, WORD_ERROR, r);
		_exit(127);
	}
	if (space->pid_fd < 0) {
		/* no process namespace to die with: then with the one who started us */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!BRI_TSAN && getppid() != owner)
			_exit(127);
		tell(word_fd, WORD_PID, 0);
		be_child(job, word_fd);
	}
	pid = fork();
	if (pid == 0)
		be_child(job, word_fd);
	tell(word_fd, pid < 0 ? WORD_ERROR : WORD_PID, pid < 0 ? -errno : pid);
	_exit(0);
}

/* Reads the words of a launch up to its end: the program is running, or failed and is reaped. */
static int follow(int fd, pid_t middle, bool direct, pid_t *ret_pid)
{
	struct word word;
	pid_t pid = -1;
	int r = 0;

	while (hear(fd, &word)) {
		if (word.kind == WORD_PID)
			pid = direct ? middle : word.value;
		else if (r == 0)
			r = word.value;
	}
	if (!direct || r < 0 || pid < 0)
		reap(middle);
	if (r == 0 && pid < 0)
		r = -ECHILD; /* killed before it could say anything */
	if (r < 0) {
		if (pid > 0 && !direct)
			reap(pid);
		return r;
	}
	*ret_pid = pid;
	return 0;
}

int bri_launch_inside(
	const struct bri_launch_space *space, const struct bri_launch_job *job, pid_t *ret_pid)
{
	pid_t owner = getpid(), middle;
	int fds[2], before, r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	pthread_mutex_lock(&launch_lock);
	before = subreaper(1);
	fflush(stdout); /* nothing of ours is printed twice */
	fflush(stderr);
	middle = fork();
	if (middle == 0) {
		close(fds[0]);
		be_middle(space, job, fds[1], owner);
	}
	r = middle < 0 ? -errno : 0;
	close(fds[1]);
	if (r == 0)
		r = follow(fds[0], middle, space->pid_fd < 0, ret_pid);
	(void)subreaper(before);
	pthread_mutex_unlock(&launch_lock);
	close(fds[0]);
	return r;
}

static int write_proc(pid_t pid, const char *name, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return bri_world_write(path, text);
}

/* Every id of ours as itself: root in the lab can then read what root can. */
static int map_all(pid_t pid, const char *name)
{
	char own[64], map[1024];
	unsigned inside, outside, count;
	size_t len = 0;
	FILE *file;

	snprintf(own, sizeof(own), "/proc/self/%s", name);
	file = fopen(own, "re");
	if (!file)
		return -errno;
	while (len < sizeof(map) - 64 && fscanf(file, "%u %u %u", &inside, &outside, &count) == 3)
		len += (size_t)snprintf(
			map + len, sizeof(map) - len, "%u %u %u\n", inside, inside, count);
	fclose(file);
	return len ? write_proc(pid, name, map) : -EIO;
}

static int map_one(pid_t pid, const char *name, unsigned id)
{
	char map[64];

	snprintf(map, sizeof(map), "0 %u 1\n", id);
	return write_proc(pid, name, map);
}

static int write_maps(pid_t pid)
{
	int r;

	if (geteuid() == 0 && map_all(pid, "uid_map") == 0)
		return map_all(pid, "gid_map");
	(void)write_proc(pid, "setgroups", "deny"); /* the price of an unprivileged gid_map */
	r = map_one(pid, "uid_map", geteuid());
	return r < 0 ? r : map_one(pid, "gid_map", getegid());
}

_Noreturn static void be_world_middle(
	bool pidns, void (*run)(void *context), void *context, int word_fd)
{
	struct word go;
	pid_t pid = 0;
	int r;

	/* the caller writes our id maps: that needs a process whose /proc files are its user's */
	(void)prctl(PR_SET_DUMPABLE, 1UL);
	stay_single();
	r = bri_world_enter(pidns);
	tell(word_fd, r < 0 ? WORD_ERROR : WORD_ENTERED, r < 0 ? r : getpid());
	if (r < 0 || !hear(word_fd, &go))
		_exit(1);
	if (pidns)
		pid = fork();
	else
		tell(word_fd, WORD_PID, 0);
	if (pid == 0) {
		close(word_fd);
		run(context);
		_exit(0);
	}
	tell(word_fd, pid < 0 ? WORD_ERROR : WORD_PID, pid < 0 ? -errno : pid);
	_exit(0);
}

static int start_world(int fd)
{
	struct word word;
	int r;

	if (!hear(fd, &word))
		return -ECHILD;
	if (word.kind == WORD_ERROR)
		return word.value;
	r = write_maps(word.value);
	if (r == 0)
		tell(fd, WORD_ENTERED, 0);
	return r;
}

int bri_launch_world(bool pidns, void (*run)(void *context), void *context, pid_t *ret_pid)
{
	int fds[2], before, r;
	pid_t middle;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	pthread_mutex_lock(&launch_lock);
	before = subreaper(1);
	fflush(stdout);
	fflush(stderr);
	middle = fork();
	if (middle == 0) {
		close(fds[0]);
		be_world_middle(pidns, run, context, fds[1]);
	}
	r = middle < 0 ? -errno : 0;
	close(fds[1]);
	if (middle > 0) {
		r = start_world(fds[0]);
		if (r < 0)
			shutdown(fds[0], SHUT_RDWR); /* the middle process hears the end, exits */
		if (r < 0)
			reap(middle);
		else
			r = follow(fds[0], middle, !pidns, ret_pid);
	}
	(void)subreaper(before);
	pthread_mutex_unlock(&launch_lock);
	close(fds[0]);
	return r;
}
