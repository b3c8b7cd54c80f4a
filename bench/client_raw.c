/* The raw blocking client: one thread per connection, read and write. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "client.h"

enum { STACK_BYTES = 64 * 1024 };

struct conn {
	struct bench_flow flow;
	unsigned index, tries;
	pthread_t thread;
	int fd;
};

static struct bench_opts opts;
static struct bench_test test;
static struct bench_meter *meters;
static struct conn *conns;
static pthread_barrier_t all_stay;

static void open_conn(struct conn *conn)
{
	struct sockaddr_in to = bench_address(&opts, conn->index + conn->tries++);

	bench_flow_connecting(&conn->flow);
	conn->fd = bench_socket(&opts, 0);
	bench_nodelay(conn->fd);
	if (connect(conn->fd, (struct sockaddr *)&to, sizeof(to)))
		bench_die("connect");
	bench_flow_connected(&conn->flow);
}

static void send_bulk(struct conn *conn)
{
	uint8_t answer[8];
	ssize_t n;

	do {
		n = send(conn->fd, bench_pattern(), BENCH_BUFFER, MSG_NOSIGNAL);
		if (n < 0)
			bench_die("send");
	} while (bench_flow_bulk(&conn->flow, (size_t)n) != BENCH_STOP);
	if (shutdown(conn->fd, SHUT_WR))
		bench_die("shutdown");
	do {
		n = recv(conn->fd, answer, sizeof(answer), 0);
		if (n <= 0)
			bench_die("count");
	} while (!bench_flow_counted(&conn->flow, answer, (size_t)n));
}

static void receive_bulk(struct conn *conn)
{
	uint8_t *buf = malloc(BENCH_BUFFER);
	ssize_t n;

	if (!buf)
		bench_die("buffer");
	do {
		n = recv(conn->fd, buf, BENCH_BUFFER, 0);
		if (n <= 0)
			bench_die("recv");
	} while (bench_flow_bulk(&conn->flow, (size_t)n) != BENCH_STOP);
	free(buf);
}

static enum bench_next exchange(struct conn *conn)
{
	uint8_t buf[BENCH_MESSAGE];
	enum bench_next next;
	ssize_t n;

	bench_flow_message(&conn->flow, buf);
	if (send(conn->fd, buf, sizeof(buf), MSG_NOSIGNAL) != sizeof(buf))
		bench_die("send");
	do {
		n = recv(conn->fd, buf, sizeof(buf), 0);
		if (n <= 0)
			bench_die("recv");
		next = bench_flow_answer(&conn->flow, buf, (size_t)n);
	} while (next == BENCH_WAIT);
	return next;
}

static void stay(struct conn *conn)
{
	char c;

	pthread_barrier_wait(&all_stay);
	if (recv(conn->fd, &c, 1, 0) < 0)
		bench_die("recv");
}

static void *run(void *arg)
{
	struct conn *conn = arg;
	enum bench_next next;

	open_conn(conn);
	if (opts.mode == BENCH_SINK) {
		send_bulk(conn);
		return NULL;
	}
	if (opts.mode == BENCH_SOURCE) {
		receive_bulk(conn);
		return NULL;
	}
	while ((next = exchange(conn)) == BENCH_SEND || next == BENCH_RECONNECT) {
		if (next == BENCH_RECONNECT) {
			close(conn->fd);
			open_conn(conn);
		}
	}
	if (next == BENCH_STAY)
		stay(conn);
	return NULL;
}

static void start_threads(void)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (unsigned i = 0; i < opts.conns; i++) {
		conns[i].index = i;
		bench_flow_init(&conns[i].flow, &test, &meters[i]);
		errno = pthread_create(&conns[i].thread, &attr, run, &conns[i]);
		if (errno)
			bench_die("thread");
	}
}

int main(int argc, char **argv)
{
	bench_start_client(argc, argv, &opts);
	bench_pattern();
	conns = calloc(opts.conns, sizeof(*conns));
	meters = calloc(opts.conns, sizeof(*meters));
	if (!conns || !meters || pthread_barrier_init(&all_stay, NULL, opts.conns + 1))
		bench_die("start");
	bench_idle_gate(&opts, "start");
	bench_test_init(&test, &opts);
	start_threads();
	if (opts.mode == BENCH_IDLE) {
		pthread_barrier_wait(&all_stay);
		bench_idle_gate(&opts, "ready");
	} else {
		for (unsigned i = 0; i < opts.conns; i++)
			pthread_join(conns[i].thread, NULL);
	}
	bench_report(&test, meters, opts.conns);
	return 0;
}
