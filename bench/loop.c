/* The epoll loop of the bare programs. Knows no protocol. */
#include "loop.h"

#include <errno.h>
#include <sys/socket.h>

enum { EVENTS = 256 };

static int epoll_fd;

void bench_loop_init(void)
{
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		bench_die("epoll");
}

void bench_loop_watch(int op, int fd, uint32_t events, void *conn)
{
	struct epoll_event ev = { .events = events, .data.ptr = conn };

	if (epoll_ctl(epoll_fd, op, fd, &ev))
		bench_die("epoll_ctl");
}

static int wait_events(struct epoll_event events[static EVENTS])
{
	int n = epoll_wait(epoll_fd, events, EVENTS, -1);

	if (n < 0 && errno != EINTR)
		bench_die("epoll_wait");
	return n;
}

static void accept_all(int listener, void (*on_accepted)(int fd))
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		bench_nodelay(fd);
		on_accepted(fd);
	}
	if (errno != EAGAIN && errno != ECONNABORTED)
		bench_die("accept");
}

_Noreturn void bench_loop_serve(const struct bench_opts *opts, void (*on_accepted)(int fd),
	void (*on_event)(void *conn, uint32_t events))
{
	struct epoll_event events[EVENTS];
	int listener = bench_listen(opts, SOCK_NONBLOCK), n;

	bench_loop_watch(EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
	bench_announce_fd(listener);
	for (;;) {
		n = wait_events(events);
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				on_event(events[i].data.ptr, events[i].events);
			else
				accept_all(listener, on_accepted);
		}
	}
}

int bench_loop_connect(const struct bench_opts *opts, unsigned n, uint32_t events, void *conn)
{
	struct sockaddr_in to = bench_address(opts, n);
	int fd = bench_socket(opts, SOCK_NONBLOCK);

	bench_nodelay(fd);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS)
		bench_die("connect");
	bench_loop_watch(EPOLL_CTL_ADD, fd, events, conn);
	return fd;
}

void bench_loop_check(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) || (errno = error))
		bench_die("connect");
}

void bench_loop_run(bool (*on_event)(void *conn, uint32_t events))
{
	struct epoll_event events[EVENTS];
	bool over = false;
	int n;

	while (!over) {
		n = wait_events(events);
		for (int i = 0; i < n && !over; i++)
			over = on_event(events[i].data.ptr, events[i].events);
	}
}
