/* Programs and functions that run inside a lab. Knows nothing of paths. */
#include "lab/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "lab/launch.h"

struct bri_child {
	struct bri_child *next;
	pid_t pid;
	int pid_fd;
};

bool bri_child_await(int pid_fd, int timeout_ms)
{
	uint64_t until_ns = bri_clock_now_ns() + (uint64_t)timeout_ms * BRI_NS_PER_MS;
	struct pollfd polled = { pid_fd, POLLIN, 0 };
	int n;

	while ((n = poll(&polled, 1, timeout_ms)) < 0 && errno == EINTR) {
		uint64_t now_ns = bri_clock_now_ns();

		if (timeout_ms >= 0) /* a signal was handled: what is left of the time */
			timeout_ms =
				now_ns < until_ns ? (int)((until_ns - now_ns) / BRI_NS_PER_MS) : 0;
	}
	return n > 0;
}

void bri_child_close_all(struct bri_lab *lab)
{
	while (lab->children) {
		struct bri_child *child = lab->children;
		siginfo_t info;

		(void)syscall(SYS_pidfd_send_signal, child->pid_fd, SIGKILL, NULL, 0);
		if (bri_child_await(child->pid_fd, BRI_CHILD_TIMEOUT_MS))
			(void)waitid(P_PIDFD, (id_t)child->pid_fd, &info, WEXITED | WNOHANG);
		close(child->pid_fd);
		lab->children = child->next;
		free(child);
	}
}

struct program {
	struct bri_lab *lab;
	enum bri_lab_side side;
	const char *const *argv;
	struct bri_lab_stdio io;
	int (*fn)(void *context);
	void *context;
};

static int take_stdio(const struct bri_lab_stdio *io)
{
	int from[3] = { io->in, io->out, io->err };

	/* out of the way first: one's source may be another's place */
	for (int i = 0; i < 3; i++) {
		if (from[i] >= 0 && from[i] < 3)
			from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 3);
		if (from[i] < 0 && (i == 0 ? io->in : i == 1 ? io->out : io->err) >= 0)
			return -errno;
	}
	for (int i = 0; i < 3; i++) {
		if (from[i] >= 0 && dup2(from[i], i) < 0)
			return -errno;
	}
	return 0;
}

static int prepare_program(void *context)
{
	struct program *program = context;
	int r = take_stdio(&program->io);

	if (r < 0)
		return r;
	(void)setenv("BRAID_LAB", program->lab->hello.id, 1);
	(void)setenv("BRAID_LAB_SIDE", program->side == BRI_LAB_SERVER ? "server" : "client", 1);
	if (program->fn)
		return 0;
	for (int i = 1; i < NSIG; i++) /* a program starts with what a shell gives it */
		(void)signal(i, SIG_DFL);
	execvp(program->argv[0], (char *const *)(uintptr_t)program->argv);
	return -errno;
}

static int run_function(void *context)
{
	struct program *program = context;

	/* the lab is the parent's: a copy of its control socket here would outlive it */
	close(program->lab->control_fd);
	return program->fn(program->context);
}

static int launch(struct program *program, pid_t *ret_pid)
{
	struct bri_lab *lab = program->lab;
	size_t at = program->side == BRI_LAB_SERVER ? 1 + BRI_CONTROL_SIDE_FDS : 1;
	struct bri_launch_space space = { .user_fd = lab->fds[0],
		.net_fd = lab->fds[at],
		.mnt_fd = lab->fds[at + 1],
		.pid_fd = lab->hello.pidns ? lab->fds[BRI_CONTROL_MAX_FDS - 1] : -1 };
	struct bri_launch_job job = { prepare_program, run_function, program };
	struct bri_child *child = calloc(1, sizeof(*child));
	int r;

	if (!child)
		return -ENOMEM;
	r = bri_launch_inside(&space, &job, &child->pid);
	if (r < 0) {
		free(child);
		return r;
	}
	child->pid_fd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	*ret_pid = child->pid;
	pthread_mutex_lock(&lab->lock);
	child->next = lab->children;
	lab->children = child;
	pthread_mutex_unlock(&lab->lock);
	return 0;
}

int bri_lab_spawn(struct bri_lab *lab, enum bri_lab_side side, const char *const argv[],
	const struct bri_lab_stdio *io, pid_t *ret_pid)
{
	struct program program = { .lab = lab, .side = side, .argv = argv, .io = { -1, -1, -1 } };

	if (!argv || !argv[0])
		return -EINVAL;
	if (io)
		program.io = *io;
	return launch(&program, ret_pid);
}

int bri_lab_fork(struct bri_lab *lab, enum bri_lab_side side, int (*fn)(void *context),
	void *context, pid_t *ret_pid)
{
	struct program program = {
		.lab = lab, .side = side, .io = { -1, -1, -1 }, .fn = fn, .context = context
	};

	return launch(&program, ret_pid);
}

static void forget_child(struct bri_lab *lab, pid_t pid)
{
	struct bri_child **link = &lab->children, *child = NULL;

	pthread_mutex_lock(&lab->lock);
	while (*link && (*link)->pid != pid)
		link = &(*link)->next;
	child = *link;
	if (child)
		*link = child->next;
	pthread_mutex_unlock(&lab->lock);
	if (!child)
		return;
	close(child->pid_fd);
	free(child);
}

int bri_lab_wait(struct bri_lab *lab, pid_t pid, uint32_t timeout_ms)
{
	int pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	int status = 0;
	bool late;
	pid_t r;

	if (pid_fd < 0)
		return -ECHILD;
	late = !bri_child_await(pid_fd, timeout_ms ? (int)timeout_ms : -1);
	if (late)
		(void)syscall(SYS_pidfd_send_signal, pid_fd, SIGKILL, NULL, 0);
	close(pid_fd);
	do
		r = waitpid(pid, &status, 0);
	while (r < 0 && errno == EINTR);
	forget_child(lab, pid);
	if (r < 0)
		return -errno;
	if (late)
		return -ETIMEDOUT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
