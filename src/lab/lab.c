/* The owner's side of a lab: a handle on its emulator and namespaces. Knows nothing of frames. */
#include "lab/lab.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "lab/check.h"
#include "lab/child.h"
#include "lab/control.h"
#include "lab/emulator.h"
#include "lab/launch.h"
#include "lab/scenario.h"

#define OPEN_TIMEOUT_S  20 /* setting up takes 20 ms; a machine in trouble more */
#define REPLY_TIMEOUT_S 10
#define MAX_MIB_BYTES   65536

static void copy_why(char *why, size_t size, const char *text)
{
	if (why && size)
		snprintf(why, size, "%s", text);
}

/* One reply, with what descriptors came with it. */
static int read_reply(int fd, struct bri_control_reply *ret, int *fds, size_t *ret_n_fds)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * BRI_CONTROL_MAX_FDS)];
		struct cmsghdr align;
	} control;
	struct iovec part = { ret, sizeof(*ret) };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = fds ? sizeof(control.bytes) : 0 };
	struct cmsghdr *header;
	ssize_t n;

	do
		n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (n == 0)
		return -EPIPE;
	header = CMSG_FIRSTHDR(&message);
	if (fds && header && header->cmsg_type == SCM_RIGHTS) {
		*ret_n_fds = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(header), *ret_n_fds * sizeof(int));
	}
	if (n != (ssize_t)sizeof(*ret) || ret->magic != BRI_CONTROL_MAGIC)
		return -EPROTO;
	return ret->error;
}

static void set_timeout(int fd, time_t seconds)
{
	struct timeval timeout = { .tv_sec = seconds };

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
}

static int talk(
	struct bri_lab *lab, struct bri_control_request *request, struct bri_control_reply *ret)
{
	int r;

	request->magic = BRI_CONTROL_MAGIC;
	pthread_mutex_lock(&lab->lock);
	if (send(lab->control_fd, request, sizeof(*request), MSG_NOSIGNAL) < 0)
		r = -errno;
	else
		r = read_reply(lab->control_fd, ret, NULL, NULL);
	pthread_mutex_unlock(&lab->lock);
	return r;
}

static void free_lab(struct bri_lab *lab)
{
	if (lab->control_fd >= 0)
		close(lab->control_fd);
	for (size_t i = 0; i < lab->n_fds; i++)
		close(lab->fds[i]);
	pthread_mutex_destroy(&lab->lock);
	free(lab);
}

static struct bri_lab *new_lab(void)
{
	struct bri_lab *lab = calloc(1, sizeof(*lab));

	if (!lab)
		return NULL;
	pthread_mutex_init(&lab->lock, NULL);
	lab->control_fd = -1;
	return lab;
}

/* Waits for the hello and keeps what it brings. */
static int greet(struct bri_lab *lab, char *why, size_t why_size)
{
	struct bri_control_reply hello = { 0 };
	size_t expected;
	int r;

	set_timeout(lab->control_fd, OPEN_TIMEOUT_S);
	r = read_reply(lab->control_fd, &hello, lab->fds, &lab->n_fds);
	hello.why[sizeof(hello.why) - 1] = 0;
	if (r < 0) {
		copy_why(why, why_size, hello.why[0] ? hello.why : strerror(-r));
		if (r == -EPERM || r == -EACCES || r == -ENOSPC)
			(void)bri_lab_explain_sysctl(why, why_size);
		return r;
	}
	lab->hello = hello.u.hello;
	expected = BRI_CONTROL_MAX_FDS - (lab->hello.pidns ? 0 : 1);
	if (lab->n_fds != expected) {
		copy_why(why, why_size, "descriptors did not arrive: too many open files?");
		return -EMFILE;
	}
	set_timeout(lab->control_fd, REPLY_TIMEOUT_S);
	return 0;
}

struct start {
	const struct bri_lab_config *config;
	char id[64];
	int control_fd, owner_fd;
	bool pidns;
};

static void run_emulator(void *context)
{
	const struct start *start = context;

	bri_emulator_run(
		start->config, start->id, start->control_fd, start->owner_fd, start->pidns);
}

static int start_emulator(struct bri_lab *lab, struct start *start, char *why, size_t why_size)
{
	int fds[2], r;

	start->owner_fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (start->owner_fd < 0) {
		copy_why(why, why_size, "pidfd_open: needs Linux 5.3");
		return -errno;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
		r = -errno;
		close(start->owner_fd);
		return r;
	}
	start->control_fd = fds[1];
	lab->control_fd = fds[0];
	r = bri_launch_world(start->pidns, run_emulator, start, &lab->emulator);
	close(start->owner_fd);
	close(fds[1]);
	if (r < 0)
		bri_lab_explain_userns(r, why, why_size);
	return r < 0 ? r : greet(lab, why, why_size);
}

static int open_once(const struct bri_lab_config *config, bool pidns, char *why, size_t why_size,
	struct bri_lab **ret)
{
	struct start start = { .config = config, .pidns = pidns };
	struct bri_lab *lab = new_lab();
	uint64_t random = 0;
	int r;

	if (!lab)
		return -ENOMEM;
	(void)getrandom(&random, sizeof(random), GRND_NONBLOCK);
	snprintf(start.id, sizeof(start.id), "%u-%d-%08x", (unsigned)geteuid(), (int)getpid(),
		(unsigned)random);
	r = start_emulator(lab, &start, why, why_size);
	if (r < 0) {
		bri_lab_close(lab);
		return r;
	}
	*ret = lab;
	return 0;
}

int bri_lab_open_why(
	const struct bri_lab_config *config, char *why, size_t why_size, struct bri_lab **ret)
{
	int r = bri_lab_check_config(config, why, why_size);

	if (r < 0)
		return r;
	r = open_once(config, true, why, why_size, ret);
	if (r == -EAGAIN)
		r = open_once(config, false, why, why_size, ret);
	return r;
}

int bri_lab_open(const struct bri_lab_config *config, struct bri_lab **ret)
{
	char why[256] = "";
	int r = bri_lab_open_why(config, why, sizeof(why), ret);

	if (r < 0)
		bri_error("lab: %s", why[0] ? why : strerror(-r));
	return r;
}

int bri_lab_attach(const char *id, struct bri_lab **ret)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int n = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "braid-lab/%s", id);
	struct bri_control_request request = { .magic = BRI_CONTROL_MAGIC };
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	struct bri_lab *lab;
	int r = 0;

	if (n < 0 || (size_t)n >= sizeof(address.sun_path) - 1)
		return -EINVAL;
	lab = new_lab();
	if (!lab)
		return -ENOMEM;
	lab->control_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (lab->control_fd < 0 ||
		connect(lab->control_fd, (struct sockaddr *)&address,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) < 0)
		r = errno == ECONNREFUSED ? -ENOENT : -errno;
	/* anyone can take a free abstract name: descriptors come from our own user only */
	else if (getsockopt(lab->control_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ||
		 peer.uid != geteuid())
		r = -EACCES;
	else if (send(lab->control_fd, &request, sizeof(request), MSG_NOSIGNAL) < 0)
		r = -errno;
	else
		r = greet(lab, NULL, 0);
	if (r < 0) {
		free_lab(lab);
		return r;
	}
	*ret = lab;
	return 0;
}

void bri_lab_close(struct bri_lab *lab)
{
	struct bri_control_request quit = { .magic = BRI_CONTROL_MAGIC, .op = BRI_CONTROL_QUIT };
	int pid_fd;

	if (!lab)
		return;
	/* children first: process 1 is not gone before the last of them is waited for */
	if (lab->emulator && lab->control_fd >= 0)
		(void)send(lab->control_fd, &quit, sizeof(quit), MSG_NOSIGNAL);
	bri_child_close_all(lab);
	if (lab->emulator) {
		pid_fd = (int)syscall(SYS_pidfd_open, lab->emulator, 0);
		if (pid_fd >= 0 && !bri_child_await(pid_fd, BRI_CHILD_TIMEOUT_MS))
			kill(lab->emulator, SIGKILL);
		if (pid_fd >= 0)
			close(pid_fd);
		while (waitpid(lab->emulator, NULL, 0) < 0 && errno == EINTR)
			;
	}
	free_lab(lab);
}

const char *bri_lab_id(const struct bri_lab *lab)
{
	return lab->hello.id;
}

uint32_t bri_lab_n_paths(const struct bri_lab *lab)
{
	return lab->hello.n_paths;
}

const char *bri_lab_path_name(const struct bri_lab *lab, uint32_t path)
{
	return path < lab->hello.n_paths ? lab->hello.name[path] : NULL;
}

int bri_lab_path(const struct bri_lab *lab, const char *name)
{
	for (uint32_t i = 0; i < lab->hello.n_paths; i++) {
		if (!strcmp(lab->hello.name[i], name))
			return (int)i;
	}
	return -ENOENT;
}

int bri_lab_set(struct bri_lab *lab, uint32_t path, const struct bri_lab_change *change)
{
	struct bri_control_request request = {
		.op = BRI_CONTROL_SET, .path = path, .change = *change
	};
	struct bri_control_reply reply;

	return talk(lab, &request, &reply);
}

int bri_lab_set_state(struct bri_lab *lab, uint32_t path, enum bri_lab_state state)
{
	struct bri_lab_change change = { .set = BRI_LAB_SET_STATE, .state = state };

	return bri_lab_set(lab, path, &change);
}

int bri_lab_set_text(struct bri_lab *lab, const char *text)
{
	struct bri_lab_change changes[BRI_SCENARIO_MAX_CHANGES];
	char name[BRI_LAB_NAME_SIZE] = "";
	size_t len = strcspn(text, " \t");
	char why[160] = "";
	int path, n, r = 0;

	if (len < sizeof(name))
		memcpy(name, text, len);
	path = bri_lab_path(lab, name);
	if (path < 0)
		return path;
	n = bri_scenario_parse_changes(text + len, why, sizeof(why), changes);
	if (n < 0)
		bri_error("lab: %s: %s", text, why);
	for (int i = 0; r == 0 && i < n; i++)
		r = bri_lab_set(lab, (uint32_t)path, &changes[i]);
	return n < 0 ? n : r;
}

int bri_lab_start(struct bri_lab *lab)
{
	struct bri_control_request request = { .op = BRI_CONTROL_START };
	struct bri_control_reply reply;

	return talk(lab, &request, &reply);
}

int bri_lab_stats(struct bri_lab *lab, uint32_t path, struct bri_lab_stats *ret)
{
	struct bri_control_request request = { .op = BRI_CONTROL_STATS, .path = path };
	struct bri_control_reply reply;
	int r = talk(lab, &request, &reply);

	if (r == 0)
		*ret = reply.u.stats;
	return r;
}

static size_t read_mib(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size - 1 && (n = pread(fd, text + len, size - 1 - len, (off_t)len)) > 0)
		len += (size_t)n;
	text[len] = 0;
	return len;
}

int bri_lab_mib(struct bri_lab *lab, enum bri_lab_side side, const char *name, uint64_t *ret)
{
	size_t at = (side == BRI_LAB_SERVER ? 1 + BRI_CONTROL_SIDE_FDS : 1) + 2;
	char *text = malloc(MAX_MIB_BYTES);
	int r = -ENOENT;

	if (!text)
		return -ENOMEM;
	for (size_t i = 0; r < 0 && i < BRI_WORLD_MIBS; i++) {
		if (!lab->hello.mib[side][i])
			continue;
		read_mib(lab->fds[at + i], text, MAX_MIB_BYTES);
		r = bri_lab_find_mib(text, name, ret);
	}
	free(text);
	return r;
}
