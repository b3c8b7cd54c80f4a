/*
 * The raw epoll server: one thread, level triggered, reads and answers in place. Also the fixed
 * peer of every client-role test.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "client.h"
#include "loop.h"

struct conn {
	int fd;
	uint32_t pending; /* bytes of an answer the socket would not take yet */
	uint8_t *unsent;
	uint64_t count;
};

static struct bench_opts opts;
static uint8_t buffer[BENCH_BUFFER]; /* shared: nothing stays in it between events */

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
	bench_loop_watch(EPOLL_CTL_MOD, conn->fd, EPOLLOUT, conn);
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
	bench_loop_watch(EPOLL_CTL_MOD, conn->fd, EPOLLIN, conn);
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

static void on_event(void *context, uint32_t events)
{
	struct conn *conn = context;

	(void)events;
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

static void on_accepted(int fd)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		bench_die("connection");
	conn->fd = fd;
	bench_loop_watch(EPOLL_CTL_ADD, fd, opts.mode == BENCH_SOURCE ? EPOLLOUT : EPOLLIN, conn);
}

int main(int argc, char **argv)
{
	bench_start_server(argc, argv, &opts);
	bench_pattern();
	bench_loop_init();
	bench_loop_serve(&opts, on_accepted, on_event);
}
