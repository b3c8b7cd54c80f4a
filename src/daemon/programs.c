/* See programs.h; proc_pid_fd(5). */
#include "daemon/programs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "dispatch/runtime.h"

/* A pass costs some 10 us a process: busy machines are looked over ten times a second at most. */
#define GAP_NS          (100 * BRI_NS_PER_MS)
#define DESCRIPTORS_MAX 500000u /* of a pass: about a second */

struct question {
	uint32_t token, inode;
	struct bri_program found;
};

/* Belongs to the worker, then to the queue, which frees it. */
struct pass {
	struct bri_programs *programs; /* [queue] NULL: freed meanwhile */
	struct dispatch_queue_s *queue;
	size_t n, left, descriptors;
	struct question questions[BRI_PROGRAMS_WAITING_MAX];
};

struct bri_programs {
	struct dispatch_queue_s *queue;
	void *context;
	bri_programs_f fn;
	struct bri_timer *timer;
	struct pass *waiting; /* questions of the next pass; NULL: none */
	struct pass *running;
	uint64_t next_ns; /* not before */
};

/* --- the pass, on a worker --- */

static void read_program(int process, pid_t pid, struct bri_program *ret)
{
	int fd = openat(process, "comm", O_RDONLY | O_CLOEXEC);
	char exe[BRI_PROGRAM_EXE_MAX];
	ssize_t n;

	ret->pid = pid;
	if (fd >= 0) {
		n = read(fd, ret->comm, sizeof(ret->comm) - 1);
		ret->comm[n > 0 ? n : 0] = '\0';
		ret->comm[strcspn(ret->comm, "\n")] = '\0';
		close(fd);
	}
	n = readlinkat(process, "exe", exe, sizeof(exe));
	if (n > 0 && (size_t)n < sizeof(exe)) {
		memcpy(ret->exe, exe, (size_t)n);
		ret->exe[n] = '\0';
	}
}

static void on_socket(struct pass *pass, int process, pid_t pid, uint32_t inode)
{
	for (size_t i = 0; i < pass->n; i++) {
		struct question *q = &pass->questions[i];

		if (q->inode != inode || q->found.pid)
			continue;
		read_program(process, pid, &q->found);
		pass->left--;
	}
}

static void look_into(struct pass *pass, int process, pid_t pid)
{
	int fd = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	char target[64];
	unsigned inode;
	ssize_t n;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return; /* gone, or not ours to see */
	}
	while (pass->left && pass->descriptors && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		pass->descriptors--;
		n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = '\0';
		if (sscanf(target, "socket:[%u]", &inode) == 1)
			on_socket(pass, process, pid, inode);
	}
	closedir(dir);
}

static void look_at_all(struct pass *pass)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;

	if (!proc)
		return;
	while (pass->left && pass->descriptors && (entry = readdir(proc))) {
		long pid = strtol(entry->d_name, NULL, 10);
		int process;

		if (pid <= 0)
			continue;
		process = openat(dirfd(proc), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (process < 0)
			continue;
		look_into(pass, process, (pid_t)pid);
		close(process);
	}
	closedir(proc);
}

static void on_done(void *context);

static void run(void *context)
{
	struct pass *pass = context;

	pass->left = pass->n;
	pass->descriptors = DESCRIPTORS_MAX;
	look_at_all(pass);
	bri_async(pass->queue, pass, on_done);
}

/* --- on the queue --- */

static void begin(struct bri_programs *p)
{
	uint64_t now_ns = bri_clock_now_ns();

	if (p->running || !p->waiting)
		return;
	if (now_ns < p->next_ns) {
		bri_timer_set(p->timer, p->next_ns);
		return;
	}
	p->running = p->waiting;
	p->waiting = NULL;
	p->next_ns = now_ns + GAP_NS;
	bri_worker(p->running, run);
}

static void on_timer(void *context)
{
	begin(context);
}

static void on_done(void *context)
{
	struct pass *pass = context;
	struct bri_programs *p = pass->programs;

	if (p) {
		p->running = NULL;
		for (size_t i = 0; i < pass->n; i++)
			p->fn(p->context, pass->questions[i].token, &pass->questions[i].found);
		begin(p);
	}
	free(pass);
}

int bri_programs_new(
	struct dispatch_queue_s *queue, void *context, bri_programs_f fn, struct bri_programs **ret)
{
	struct bri_programs *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->queue = queue;
	p->context = context;
	p->fn = fn;
	if (bri_timer_new(queue, p, on_timer, &p->timer) < 0) {
		free(p);
		return -ENOMEM;
	}
	*ret = p;
	return 0;
}

void bri_programs_free(struct bri_programs *p)
{
	if (!p)
		return;
	if (p->running)
		p->running->programs = NULL;
	bri_timer_free(p->timer);
	free(p->waiting);
	free(p);
}

int bri_programs_ask(struct bri_programs *p, uint32_t token, uint32_t inode)
{
	if (!p->waiting) {
		p->waiting = calloc(1, sizeof(*p->waiting));
		if (!p->waiting)
			return -EAGAIN;
		p->waiting->programs = p;
		p->waiting->queue = p->queue;
	}
	if (p->waiting->n == BRI_PROGRAMS_WAITING_MAX)
		return -EAGAIN;
	p->waiting->questions[p->waiting->n++] =
		(struct question) { .token = token, .inode = inode };
	begin(p);
	return 0;
}
