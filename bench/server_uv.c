/*
 * The libuv server. Answers with uv_try_write first, the quickest way libuv has; sockets are made
 * by us and handed over with uv_tcp_open, so that MPTCP works as well as TCP.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <uv.h>
#include "client.h"

struct conn {
	uv_tcp_t tcp;
	uint64_t count;
};

struct reply {
	uv_write_t req;
	uint8_t data[];
};

static struct bench_opts opts;
static uint8_t buffer[BENCH_BUFFER]; /* shared: nothing stays in it between callbacks */

static void check(int result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "server_uv: %s: %s\n", what, uv_strerror(result));
	exit(1);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	(void)handle;
	(void)suggested;
	*ret = uv_buf_init((char *)buffer, sizeof(buffer));
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void drop(struct conn *conn)
{
	if (!uv_is_closing((uv_handle_t *)&conn->tcp))
		uv_close((uv_handle_t *)&conn->tcp, on_closed);
}

static void on_replied(uv_write_t *req, int status)
{
	struct conn *conn = req->handle->data;

	free(req);
	if (status < 0 || opts.mode == BENCH_SINK)
		drop(conn);
}

static void reply(struct conn *conn, const uint8_t *data, size_t n)
{
	struct reply *rest;
	uv_buf_t buf = uv_buf_init((char *)data, (unsigned)n);
	int sent = uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);

	if (sent < 0 && sent != UV_EAGAIN) {
		drop(conn);
		return;
	}
	if (sent == (int)n) {
		if (opts.mode == BENCH_SINK)
			drop(conn);
		return;
	}
	n -= (size_t)(sent < 0 ? 0 : sent);
	rest = malloc(sizeof(*rest) + n);
	if (!rest)
		bench_die("reply");
	memcpy(rest->data, data + (sent < 0 ? 0 : sent), n);
	buf = uv_buf_init((char *)rest->data, (unsigned)n);
	check(uv_write(&rest->req, (uv_stream_t *)&conn->tcp, &buf, 1, on_replied), "uv_write");
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct conn *conn = stream->data;
	uint8_t answer[8];

	(void)buf;
	if (n == 0)
		return;
	if (opts.mode == BENCH_SINK && n > 0) {
		conn->count += (uint64_t)n;
	} else if (opts.mode == BENCH_SINK && n == UV_EOF) {
		bench_count_encode(conn->count, answer);
		reply(conn, answer, sizeof(answer));
	} else if (n > 0) {
		reply(conn, buffer, (size_t)n);
	} else {
		drop(conn);
	}
}

static void on_sourced(uv_write_t *req, int status)
{
	struct conn *conn = req->handle->data;
	uv_buf_t buf = uv_buf_init((char *)bench_pattern(), BENCH_BUFFER);

	if (status < 0 || uv_is_closing((uv_handle_t *)&conn->tcp)) {
		free(req);
		drop(conn);
		return;
	}
	check(uv_write(req, (uv_stream_t *)&conn->tcp, &buf, 1, on_sourced), "uv_write");
}

static void serve_source(struct conn *conn)
{
	uv_buf_t buf = uv_buf_init((char *)bench_pattern(), BENCH_BUFFER);

	for (unsigned i = 0; i < BENCH_DEPTH; i++) {
		uv_write_t *req = malloc(sizeof(*req));

		if (!req)
			bench_die("request");
		check(uv_write(req, (uv_stream_t *)&conn->tcp, &buf, 1, on_sourced), "uv_write");
	}
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	check(status, "uv_listen");
	if (!conn)
		bench_die("connection");
	check(uv_tcp_init(listener->loop, &conn->tcp), "uv_tcp_init");
	conn->tcp.data = conn;
	check(uv_accept(listener, (uv_stream_t *)&conn->tcp), "uv_accept");
	check(uv_tcp_nodelay(&conn->tcp, 1), "uv_tcp_nodelay");
	if (opts.mode == BENCH_SOURCE)
		serve_source(conn);
	else
		check(uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read), "uv_read_start");
}

int main(int argc, char **argv)
{
	uv_loop_t *loop = uv_default_loop();
	uv_tcp_t listener;
	int fd;

	bench_start_server(argc, argv, &opts);
	bench_pattern();
	fd = bench_listen(&opts, SOCK_NONBLOCK);
	check(uv_tcp_init(loop, &listener), "uv_tcp_init");
	check(uv_tcp_open(&listener, fd), "uv_tcp_open");
	check(uv_listen((uv_stream_t *)&listener, BENCH_BACKLOG, on_connection), "uv_listen");
	bench_announce_fd(fd);
	return uv_run(loop, UV_RUN_DEFAULT);
}
