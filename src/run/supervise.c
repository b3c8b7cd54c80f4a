/* Makes the sockets of programs under the filter. Knows nothing of how they were started. */
#include "run/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "run/env.h"
#include "run/filter.h"
#include "run/say.h"
#include "run/tell.h"

struct supervisor {
	int listener;
	struct seccomp_notif *request;
	struct seccomp_notif_resp *response;
	size_t request_size, response_size; /* the kernel's, which may be larger than ours */
	dev_t net_dev;
	ino_t net_ino; /* of our network namespace */
};

static void say(const struct seccomp_notif *request, const char *text, int error)
{
	struct bri_say line;

	if (!bri_say_enabled())
		return;
	bri_say_begin(&line, (int)request->pid);
	bri_say_text(&line, request->data.args[0] == AF_INET6 ? "IPv6: " : "IPv4: ");
	bri_say_text(&line, text);
	if (error)
		bri_say_error(&line, error);
	if (error == ENOPROTOOPT)
		bri_say_text(&line, " (switched off: net.mptcp.enabled=0)");
	bri_say_end(&line);
}

/* The program makes the socket itself, as it asked for it. */
static void let_go_on(struct supervisor *s)
{
	memset(s->response, 0, s->response_size);
	s->response->id = s->request->id;
	s->response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	/* an error is that it is gone, or was interrupted and will ask again */
	(void)ioctl(s->listener, SECCOMP_IOCTL_NOTIF_SEND, s->response);
}

/*
 * A socket belongs to the network namespace of who makes it. A program that went into another one
 * must get its own, so there it makes its sockets itself.
 */
static bool is_in_our_network(const struct supervisor *s)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%u/ns/net", s->request->pid);
	return stat(path, &st) == 0 && st.st_dev == s->net_dev && st.st_ino == s->net_ino &&
	       ioctl(s->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &s->request->id) == 0;
}

/*
 * Before it is handed over: by its cookie, which it keeps. Its token, by which connections are
 * named, the kernel gives it in connect(2), when it is in the program's hands only.
 */
static void tell_service(const struct supervisor *s, int fd)
{
	int r = bri_tell_enabled() ? bri_tell_socket(fd) : 0;

	if (r < 0)
		say(s->request, "the service could not be told to braidd: ", -r);
}

static void hand_over(struct supervisor *s, int fd, int type)
{
	struct seccomp_notif_addfd give = {
		.id = s->request->id,
		.flags = SECCOMP_ADDFD_FLAG_SEND,
		.srcfd = (uint32_t)fd,
		.newfd_flags = type & SOCK_CLOEXEC ? O_CLOEXEC : 0,
	};

	if (ioctl(s->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &give) >= 0) {
		say(s->request, "Multipath TCP", 0);
		return;
	}
	/* ENOENT: gone. Else it has too many descriptors (it will be told by its own call), or the
	 * kernel is older than 5.14 */
	if (errno != ENOENT) {
		say(s->request, "plain TCP, the socket could not be handed over: ", errno);
		let_go_on(s);
	}
}

static void answer(struct supervisor *s)
{
	int family = (int)s->request->data.args[0], type = (int)s->request->data.args[1], fd;

	if (!is_in_our_network(s)) {
		say(s->request,
			"plain TCP, the program is in another network namespace or hides it", 0);
		let_go_on(s);
		return;
	}
	fd = socket(family, type | SOCK_CLOEXEC, BRI_RUN_IPPROTO_MPTCP);
	if (fd < 0) {
		say(s->request, "plain TCP, Multipath TCP gives ", errno);
		let_go_on(s);
		return;
	}
	tell_service(s, fd);
	hand_over(s, fd, type);
	close(fd);
}

/* Returns when no process is under the filter any more. */
static void serve(struct supervisor *s)
{
	struct pollfd watch = { .fd = s->listener, .events = POLLIN };

	for (;;) {
		if (poll(&watch, 1, -1) < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		if (watch.revents & POLLIN) {
			memset(s->request, 0, s->request_size); /* the kernel insists */
			if (ioctl(s->listener, SECCOMP_IOCTL_NOTIF_RECV, s->request) == 0)
				answer(s);
			else if (errno != ENOENT && errno != EINTR) /* ENOENT: it died meanwhile */
				return;
		} else if (watch.revents) {
			return;
		}
	}
}

static int prepare(struct supervisor *s)
{
	struct seccomp_notif_sizes sizes;
	struct stat st;

	memset(s, 0, sizeof(*s));
	s->listener = -1;
	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0)
		return -errno;
	if (stat("/proc/self/ns/net", &st) < 0)
		return -errno;
	s->net_dev = st.st_dev;
	s->net_ino = st.st_ino;
	s->request_size = sizes.seccomp_notif;
	if (s->request_size < sizeof(*s->request))
		s->request_size = sizeof(*s->request);
	s->response_size = sizes.seccomp_notif_resp;
	if (s->response_size < sizeof(*s->response))
		s->response_size = sizeof(*s->response);
	s->request = malloc(s->request_size);
	s->response = malloc(s->response_size);
	return s->request && s->response ? 0 : -ENOMEM;
}

static void finish(struct supervisor *s)
{
	free(s->request);
	free(s->response);
}

static int send_fd(int channel, int fd)
{
	char byte = 0;
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec io = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(channel, &message, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

/* Returns the descriptor, or -1: the other end closed. */
static int receive_fd(int channel)
{
	char byte;
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec io = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space) };
	struct cmsghdr *header;
	ssize_t n;
	int fd;

	do
		n = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	header = n == 1 ? CMSG_FIRSTHDR(&message) : NULL;
	if (!header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int)))
		return -1;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

/* Nothing of the program's may stay open here: a pipe's reader would wait for its end. */
static void leave_everything(int channel, int say_fd)
{
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; fd <= 2 && null >= 0; fd++)
		if (fd != null)
			dup2(null, fd);
	for (int fd = 3; fd < channel; fd++)
		if (fd != say_fd)
			close(fd);
	if (say_fd > channel) {
		close_range((unsigned)channel + 1, (unsigned)say_fd - 1, 0);
		close_range((unsigned)say_fd + 1, ~0u, 0);
	} else {
		close_range((unsigned)channel + 1, ~0u, 0);
	}
	if (chdir("/") < 0)
		return; /* then a file system stays in use: no reason not to serve */
}

static void ignore_signals(void)
{
	static const int ends[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGALRM, SIGUSR1,
		SIGUSR2 };
	sigset_t none;

	for (size_t i = 0; i < BRI_LEN(ends); i++)
		signal(ends[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn static void supervise(struct supervisor *s, int channel, int say_fd)
{
	leave_everything(channel, say_fd);
	ignore_signals();
	prctl(PR_SET_NAME, "braid-run", 0, 0, 0);
	s->listener = receive_fd(channel);
	if (s->listener < 0)
		_exit(1);
	close(channel); /* tells the caller that it may go on */
	serve(s);
	_exit(0);
}

/* In the middle process, which ends so that the supervisor is no child of the program. */
_Noreturn static void detach(struct supervisor *s, int channel, int say_fd)
{
	pid_t pid;

	setsid();
	pid = fork();
	if (pid == 0)
		supervise(s, channel, say_fd);
	_exit(pid < 0 ? errno : 0);
}

static int fork_supervisor(struct supervisor *s, int channel, int say_fd)
{
	pid_t pid = fork(), r;
	int status;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		detach(s, channel, say_fd);
	do
		r = waitpid(pid, &status, 0);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno == ECHILD ? 0 : -errno; /* whoever started us ignores SIGCHLD */
	if (!WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

/* The supervisor has the filter's descriptor when it closes its end. */
static int give_listener(int channel)
{
	int listener = bri_filter_install(), r;
	char byte;
	ssize_t n;

	if (listener < 0)
		return listener;
	r = send_fd(channel, listener);
	close(listener);
	if (r < 0)
		return BRI_SUPERVISE_LOST;
	do
		n = read(channel, &byte, 1);
	while (n < 0 && errno == EINTR);
	return n == 0 ? 0 : BRI_SUPERVISE_LOST;
}

int bri_supervise_start(int say_fd)
{
	struct supervisor s;
	int pair[2], r;

	r = bri_filter_supported();
	if (r < 0)
		return r;
	bri_tell_init(getenv(BRI_ENV_SERVICE), getenv(BRI_ENV_SOCKET));
	r = prepare(&s);
	if (r == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		r = -errno;
	if (r < 0) {
		finish(&s);
		return r;
	}
	/* closing our end is what tells the supervisor that nothing came, so it must not have it */
	r = fork_supervisor(&s, pair[1], say_fd);
	close(pair[1]);
	if (r == 0)
		r = give_listener(pair[0]);
	close(pair[0]);
	finish(&s);
	return r;
}
