/*
 * The raw epoll server: one thread, level triggered, reads and answers in place. Also the fixed
 * peer of every client-role test.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "client.h"

enum { EVENTS = 256 };

struct conn {
	int fd;
	uint32_t pending; /* bytes of an answer the socket would not take yet */
	uint8_t *unsent;
	uint64_t count;
};

static struct bench_opts opts;
static int epoll_fd;
static uint8_t buffer[BENCH_BUFFER]; /* shared: nothing stays in it between events */

static void watch(struct conn *conn, int op, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = conn };

	if (epoll_ctl(epoll_fd, op, conn->fd, &ev))
		bench_die("epoll_ctl");
}

static void drop(struct conn *conn)
{
	close(conn->fd);
	free(conn->unsent);
	free(conn);
}

static void keep_unsent(struct conn *conn, const uint8_t *data, size_t n)
{
	conn->unsent = malloc(n);
	if (!conn->unsent)
		bench_die("buffer");
	memcpy(conn->unsent, data, n);
	conn->pending = (uint32_t)n;
	watch(conn, EPOLL_CTL_MOD, EPOLLOUT);
}

static void on_echo(struct conn *conn)
{
	ssize_t n = recv(conn->fd, buffer, sizeof(buffer), 0), sent;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		drop(conn);
		return;
	}
	sent = send(conn->fd, buffer, (size_t)n, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN)
		drop(conn);
	else if (sent < n)
		keep_unsent(
			conn, buffer + (sent < 0 ? 0 : sent), (size_t)(n - (sent < 0 ? 0 : sent)));
}

static void on_writable(struct conn *conn)
{
	ssize_t sent = send(conn->fd, conn->unsent, conn->pending, MSG_NOSIGNAL);

	if (sent < 0 && errno == EAGAIN)
		return;
	if (sent < 0) {
		drop(conn);
		return;
	}
	conn->pending -= (uint32_t)sent;
	memmove(conn->unsent, conn->unsent + sent, conn->pending);
	if (conn->pending)
		return;
	free(conn->unsent);
	conn->unsent = NULL;
	watch(conn, EPOLL_CTL_MOD, EPOLLIN);
}

static void on_sink(struct conn *conn)
{
	uint8_t answer[8];
	ssize_t n;

	for (unsigned i = 0; i < BENCH_READ_BURST; i++) {
		n = recv(conn->fd, buffer, sizeof(buffer), 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n > 0) {
			conn->count += (uint64_t)n;
			continue;
		}
		bench_count_encode(conn->count, answer);
		send(conn->fd, answer, sizeof(answer), MSG_NOSIGNAL);
		drop(conn);
		return;
	}
}

static void on_source(struct conn *conn)
{
	for (unsigned i = 0; i < BENCH_READ_BURST; i++) {
		if (send(conn->fd, bench_pattern(), BENCH_BUFFER, MSG_NOSIGNAL) >= 0)
			continue;
		if (errno != EAGAIN)
			drop(conn);
		return;
	}
}

static void on_event(struct conn *conn)
{
	if (conn->unsent) {
		on_writable(conn);
		return;
	}
	switch (opts.mode) {
	case BENCH_SINK: on_sink(conn); break;
	case BENCH_SOURCE: on_source(conn); break;
	case BENCH_ECHO:
	case BENCH_ACCEPT:
	case BENCH_IDLE: on_echo(conn); break;
	}
}

static void on_accept(int listener)
{
	struct conn *conn;
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		bench_nodelay(fd);
		conn = calloc(1, sizeof(*conn));
		if (!conn)
			bench_die("connection");
		conn->fd = fd;
		watch(conn, EPOLL_CTL_ADD, opts.mode == BENCH_SOURCE ? EPOLLOUT : EPOLLIN);
	}
	if (errno != EAGAIN && errno != ECONNABORTED)
		bench_die("accept");
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS], ev = { .events = EPOLLIN };
	int listener, n;

	bench_start_server(argc, argv, &opts);
	bench_pattern();
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		bench_die("epoll");
	listener = bench_listen(&opts, SOCK_NONBLOCK);
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &ev))
		bench_die("epoll_ctl");
	bench_announce_fd(listener);
	for (;;) {
		n = epoll_wait(epoll_fd, events, EVENTS, -1);
		if (n < 0 && errno != EINTR)
			bench_die("epoll_wait");
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				on_event(events[i].data.ptr);
			else
				on_accept(listener);
		}
	}
}
