/*
 * The load generator, and the raw epoll client: one thread, edge triggered. Every server is driven
 * by this one program.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "client.h"
#include "loop.h"

enum {
	CONNECTING_MAX = 128, /* below every server's backlog, so that no SYN is dropped */
};

struct conn {
	struct bench_flow flow;
	int fd;
	bool connecting, half_closed;
};

static struct bench_opts opts;
static struct bench_test test;
static struct bench_meter meter;
static struct conn *conns;
static unsigned begun, connecting, staying, tries;
static uint8_t buffer[BENCH_BUFFER];

static void open_conn(struct conn *conn)
{
	bench_flow_connecting(&conn->flow);
	conn->connecting = true;
	connecting++;
	conn->fd = bench_loop_connect(&opts, tries++, EPOLLIN | EPOLLOUT | EPOLLET, conn);
}

static void open_more(void)
{
	while (begun < opts.conns && connecting < CONNECTING_MAX) {
		struct conn *conn = &conns[begun++];

		bench_flow_init(&conn->flow, &test, &meter);
		open_conn(conn);
	}
}

static void send_message(struct conn *conn)
{
	uint8_t message[BENCH_MESSAGE];

	bench_flow_message(&conn->flow, message);
	/* one message in flight: it always fits an empty send buffer */
	if (send(conn->fd, message, sizeof(message), MSG_NOSIGNAL) != sizeof(message))
		bench_die("send");
}

/* Returns true when the test is over. */
static bool send_bulk(struct conn *conn)
{
	ssize_t n;

	if (conn->half_closed)
		return false;
	for (;;) {
		n = send(conn->fd, bench_pattern(), BENCH_BUFFER, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n < 0)
			bench_die("send");
		if (bench_flow_bulk(&conn->flow, (size_t)n) == BENCH_STOP)
			break;
	}
	conn->half_closed = true;
	if (shutdown(conn->fd, SHUT_WR))
		bench_die("shutdown");
	return false;
}

static bool receive_bulk(struct conn *conn)
{
	ssize_t n;

	for (;;) {
		n = recv(conn->fd, buffer, sizeof(buffer), 0);
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n <= 0)
			bench_die("recv");
		if (bench_flow_bulk(&conn->flow, (size_t)n) == BENCH_STOP)
			return true;
	}
}

static bool receive_count(struct conn *conn)
{
	ssize_t n = recv(conn->fd, buffer, 8, 0);

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0)
		bench_die("count");
	return bench_flow_counted(&conn->flow, buffer, (size_t)n);
}

static bool receive_answer(struct conn *conn)
{
	ssize_t n = recv(conn->fd, buffer, sizeof(buffer), 0);

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0)
		bench_die(n ? "recv" : "closed by the server");
	switch (bench_flow_answer(&conn->flow, buffer, (size_t)n)) {
	case BENCH_SEND: send_message(conn); return false;
	case BENCH_RECONNECT:
		close(conn->fd);
		open_conn(conn);
		return false;
	case BENCH_STAY: return ++staying == opts.conns;
	case BENCH_WAIT: return false;
	case BENCH_STOP: return true;
	}
	return true;
}

static void on_connected(struct conn *conn)
{
	bench_loop_check(conn->fd);
	conn->connecting = false;
	connecting--;
	bench_flow_connected(&conn->flow);
	open_more();
	if (opts.mode != BENCH_SINK && opts.mode != BENCH_SOURCE)
		send_message(conn);
}

static bool on_event(void *context, uint32_t events)
{
	struct conn *conn = context;

	if (conn->connecting) {
		if (!(events & (EPOLLOUT | EPOLLERR)))
			return false;
		on_connected(conn);
	}
	if (opts.mode == BENCH_SINK && conn->half_closed)
		return (events & EPOLLIN) && receive_count(conn);
	if (opts.mode == BENCH_SINK)
		return (events & EPOLLOUT) && send_bulk(conn);
	if (!(events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
		return false;
	return opts.mode == BENCH_SOURCE ? receive_bulk(conn) : receive_answer(conn);
}

int main(int argc, char **argv)
{
	bench_start_client(argc, argv, &opts);
	bench_pattern();
	conns = calloc(opts.conns, sizeof(*conns));
	if (!conns)
		bench_die("start");
	bench_loop_init();
	bench_idle_gate(&opts, "start");
	bench_test_init(&test, &opts);
	open_more();
	bench_loop_run(on_event);
	bench_idle_gate(&opts, "ready");
	bench_report(&test, &meter, 1);
	return 0;
}
