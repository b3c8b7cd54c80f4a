/*
 * The libuv client. Messages go by uv_try_write first; sockets are made by us and handed over with
 * uv_tcp_open, so that MPTCP works as well as TCP.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <uv.h>
#include "client.h"

enum { CONNECTING_MAX = 128 };

struct conn {
	uv_tcp_t tcp;
	uv_connect_t connect;
	uv_shutdown_t shutdown;
	struct bench_flow flow;
	bool stopping;
	unsigned in_flight;
};

static struct bench_opts opts;
static struct bench_test test;
static struct bench_meter meter;
static struct conn *conns;
static unsigned begun, connecting, staying, tries;
static uint8_t buffer[BENCH_BUFFER]; /* shared: nothing stays in it between callbacks */
static uv_loop_t *loop;

static void check(int result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "client_uv: %s: %s\n", what, uv_strerror(result));
	exit(1);
}

static void send_message(struct conn *conn)
{
	uint8_t message[BENCH_MESSAGE];
	uv_buf_t buf = uv_buf_init((char *)message, sizeof(message));

	bench_flow_message(&conn->flow, message);
	/* one message in flight: it always fits an empty send buffer */
	if (uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1) != BENCH_MESSAGE)
		bench_die("uv_try_write");
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	(void)handle;
	(void)suggested;
	*ret = uv_buf_init((char *)buffer, sizeof(buffer));
}

static void open_conn(struct conn *conn);

static void on_closed(uv_handle_t *handle)
{
	open_conn(handle->data);
}

static void on_answer(struct conn *conn, size_t n)
{
	switch (bench_flow_answer(&conn->flow, buffer, n)) {
	case BENCH_SEND: send_message(conn); break;
	case BENCH_RECONNECT: uv_close((uv_handle_t *)&conn->tcp, on_closed); break;
	case BENCH_STAY:
		if (++staying == opts.conns)
			uv_stop(loop);
		break;
	case BENCH_WAIT: break;
	case BENCH_STOP: uv_stop(loop); break;
	}
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct conn *conn = stream->data;
	bool over = false;

	(void)buf;
	if (n == 0)
		return;
	check((int)(n < 0 ? n : 0), "read");
	switch (opts.mode) {
	case BENCH_SINK: over = bench_flow_counted(&conn->flow, buffer, (size_t)n); break;
	case BENCH_SOURCE: over = bench_flow_bulk(&conn->flow, (size_t)n) == BENCH_STOP; break;
	case BENCH_ECHO:
	case BENCH_ACCEPT:
	case BENCH_IDLE: on_answer(conn, (size_t)n); break;
	}
	if (over) {
		uv_read_stop(stream);
		uv_stop(loop);
	}
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
	(void)req;
	check(status, "shutdown");
}

static void on_sent(uv_write_t *req, int status)
{
	struct conn *conn = req->handle->data;
	uv_buf_t buf = uv_buf_init((char *)bench_pattern(), BENCH_BUFFER);

	check(status, "write");
	if (bench_flow_bulk(&conn->flow, BENCH_BUFFER) == BENCH_STOP)
		conn->stopping = true;
	if (!conn->stopping) {
		check(uv_write(req, (uv_stream_t *)&conn->tcp, &buf, 1, on_sent), "uv_write");
		return;
	}
	free(req);
	if (!--conn->in_flight)
		check(uv_shutdown(&conn->shutdown, (uv_stream_t *)&conn->tcp, on_shutdown),
			"uv_shutdown");
}

static void send_bulk(struct conn *conn)
{
	uv_buf_t buf = uv_buf_init((char *)bench_pattern(), BENCH_BUFFER);

	for (conn->in_flight = 0; conn->in_flight < BENCH_DEPTH; conn->in_flight++) {
		uv_write_t *req = malloc(sizeof(*req));

		if (!req)
			bench_die("request");
		check(uv_write(req, (uv_stream_t *)&conn->tcp, &buf, 1, on_sent), "uv_write");
	}
}

static void open_more(void)
{
	while (begun < opts.conns && connecting < CONNECTING_MAX) {
		struct conn *conn = &conns[begun++];

		bench_flow_init(&conn->flow, &test, &meter);
		open_conn(conn);
	}
}

static void on_connected(uv_connect_t *req, int status)
{
	struct conn *conn = req->handle->data;

	check(status, "connect");
	connecting--;
	bench_flow_connected(&conn->flow);
	open_more();
	check(uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read), "uv_read_start");
	if (opts.mode == BENCH_SINK)
		send_bulk(conn);
	else if (opts.mode != BENCH_SOURCE)
		send_message(conn);
}

static void open_conn(struct conn *conn)
{
	struct sockaddr_in to = bench_address(&opts, tries++);

	bench_flow_connecting(&conn->flow);
	connecting++;
	check(uv_tcp_init(loop, &conn->tcp), "uv_tcp_init");
	conn->tcp.data = conn;
	check(uv_tcp_open(&conn->tcp, bench_socket(&opts, SOCK_NONBLOCK)), "uv_tcp_open");
	check(uv_tcp_nodelay(&conn->tcp, 1), "uv_tcp_nodelay");
	check(uv_tcp_connect(&conn->connect, &conn->tcp, (struct sockaddr *)&to, on_connected),
		"uv_tcp_connect");
}

int main(int argc, char **argv)
{
	bench_start_client(argc, argv, &opts);
	bench_pattern();
	loop = uv_default_loop();
	conns = calloc(opts.conns, sizeof(*conns));
	if (!conns)
		bench_die("start");
	bench_idle_gate(&opts, "start");
	bench_test_init(&test, &opts);
	open_more();
	uv_run(loop, UV_RUN_DEFAULT);
	bench_idle_gate(&opts, "ready");
	bench_report(&test, &meter, 1);
	return 0;
}
