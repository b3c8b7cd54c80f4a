/*
 * The bare GnuTLS server: one thread, level triggered epoll, records of 16 KiB. Also the fixed peer
 * of the TLS tests in the client role.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "loop.h"
#include "tls.h"

struct conn {
	gnutls_session_t session;
	int fd;
	bool shaken, wants_room;
	bool unsent; /* GnuTLS keeps a record that the socket would not take yet */
	uint64_t count;
};

static struct bench_opts opts;
static uint8_t buffer[BENCH_RECORD];

static void want_room(struct conn *conn, bool wants)
{
	if (conn->wants_room == wants)
		return;
	conn->wants_room = wants;
	bench_loop_watch(EPOLL_CTL_MOD, conn->fd, wants ? EPOLLOUT : EPOLLIN, conn);
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

static void on_event(void *context, uint32_t events)
{
	struct conn *conn = context;

	(void)events;
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

static void on_accepted(int fd)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		bench_die("connection");
	conn->fd = fd;
	conn->session = bench_tls_session(fd, GNUTLS_SERVER);
	bench_loop_watch(EPOLL_CTL_ADD, fd, EPOLLIN, conn);
}

int main(int argc, char **argv)
{
	bench_start_server(argc, argv, &opts);
	bench_pattern();
	bench_tls_server_init();
	bench_loop_init();
	bench_loop_serve(&opts, on_accepted, on_event);
}
