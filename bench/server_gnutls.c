/*
 * The bare GnuTLS server: one thread, level triggered epoll, records of 16 KiB. Also the fixed peer
 * of the TLS tests in the client role.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tls.h"

enum { EVENTS = 256 };

struct conn {
	gnutls_session_t session;
	int fd;
	bool shaken, wants_room;
	bool unsent; /* GnuTLS keeps a record that the socket would not take yet */
	uint64_t count;
};

static struct bench_opts opts;
static int epoll_fd;
static uint8_t buffer[BENCH_RECORD];

static void watch(struct conn *conn, int op, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = conn };

	if (epoll_ctl(epoll_fd, op, conn->fd, &ev))
		bench_die("epoll_ctl");
}

static void want_room(struct conn *conn, bool wants)
{
	if (conn->wants_room == wants)
		return;
	conn->wants_room = wants;
	watch(conn, EPOLL_CTL_MOD, wants ? EPOLLOUT : EPOLLIN);
}

static void drop(struct conn *conn)
{
	gnutls_bye(conn->session, GNUTLS_SHUT_WR);
	gnutls_deinit(conn->session);
	close(conn->fd);
	free(conn);
}

/* Returns false when the connection is gone. */
static bool send_record(struct conn *conn, const void *data, size_t size)
{
	ssize_t n = gnutls_record_send(
		conn->session, conn->unsent ? NULL : data, conn->unsent ? 0 : size);

	conn->unsent = bench_tls_is_later(n);
	if (n >= 0 || conn->unsent)
		return true;
	drop(conn);
	return false;
}

static void on_echo(struct conn *conn)
{
	ssize_t n;

	do {
		n = gnutls_record_recv(conn->session, buffer, sizeof(buffer));
		if (bench_tls_is_later(n))
			return;
		if (n <= 0) {
			drop(conn);
			return;
		}
		if (!send_record(conn, buffer, (size_t)n))
			return;
	} while (!conn->unsent && gnutls_record_check_pending(conn->session));
	want_room(conn, conn->unsent);
}

static void on_sink(struct conn *conn)
{
	uint8_t answer[8];
	ssize_t n;

	for (unsigned i = 0; i < 4 * BENCH_READ_BURST; i++) {
		n = gnutls_record_recv(conn->session, buffer, sizeof(buffer));
		if (bench_tls_is_later(n))
			return;
		if (n > 0) {
			conn->count += (uint64_t)n;
			continue;
		}
		bench_count_encode(conn->count, answer);
		if (!n)
			gnutls_record_send(conn->session, answer, sizeof(answer));
		drop(conn);
		return;
	}
}

static void on_source(struct conn *conn)
{
	for (unsigned i = 0; i < 4 * BENCH_READ_BURST; i++)
		if (!send_record(conn, bench_pattern(), BENCH_RECORD) || conn->unsent)
			return;
}

static void shake(struct conn *conn)
{
	int r = gnutls_handshake(conn->session);

	if (bench_tls_is_later(r)) {
		want_room(conn, gnutls_record_get_direction(conn->session) == 1);
		return;
	}
	if (r < 0) {
		if (gnutls_error_is_fatal(r))
			drop(conn);
		return;
	}
	conn->shaken = true;
	want_room(conn, opts.mode == BENCH_SOURCE);
}

static void on_event(struct conn *conn)
{
	if (!conn->shaken) {
		shake(conn);
		return;
	}
	if (conn->unsent && opts.mode != BENCH_SOURCE) {
		if (send_record(conn, NULL, 0))
			want_room(conn, conn->unsent);
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
		conn->session = bench_tls_session(fd, GNUTLS_SERVER);
		watch(conn, EPOLL_CTL_ADD, EPOLLIN);
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
	bench_tls_server_init();
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
