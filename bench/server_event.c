/*
 * The libevent server: bufferevents on an epoll base with the change list, libevent's quickest
 * documented setting; bulk sends go by reference, without a copy.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "client.h"

struct conn {
	struct bufferevent *bev;
	uint64_t count;
	bool closing;
};

static struct bench_opts opts;

static void drop(struct conn *conn)
{
	bufferevent_free(conn->bev);
	free(conn);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct conn *conn = arg;
	struct evbuffer *in = bufferevent_get_input(bev);

	if (opts.mode == BENCH_SINK) {
		conn->count += evbuffer_get_length(in);
		evbuffer_drain(in, evbuffer_get_length(in));
	} else {
		bufferevent_write_buffer(bev, in);
	}
}

static void fill(struct bufferevent *bev)
{
	struct evbuffer *out = bufferevent_get_output(bev);

	while (evbuffer_get_length(out) <= (BENCH_DEPTH - 1) * BENCH_BUFFER)
		if (evbuffer_add_reference(out, bench_pattern(), BENCH_BUFFER, NULL, NULL))
			bench_die("evbuffer");
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct conn *conn = arg;

	if (opts.mode == BENCH_SOURCE)
		fill(bev);
	else if (conn->closing)
		drop(conn);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *conn = arg;
	uint8_t answer[8];

	if (opts.mode == BENCH_SINK && (what & BEV_EVENT_EOF)) {
		bench_count_encode(conn->count, answer);
		conn->closing = true;
		bufferevent_write(bev, answer, sizeof(answer));
	} else if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) {
		drop(conn);
	}
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd,
	struct sockaddr *addr, int len, void *arg)
{
	struct conn *conn = calloc(1, sizeof(*conn));
	short events = EV_READ | EV_WRITE;

	(void)addr;
	(void)len;
	(void)arg;
	if (!conn)
		bench_die("connection");
	bench_nodelay(fd);
	conn->bev = bufferevent_socket_new(
		evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
	if (!conn->bev)
		bench_die("bufferevent");
	bufferevent_set_max_single_read(conn->bev, BENCH_BUFFER);
	bufferevent_set_max_single_write(conn->bev, BENCH_BUFFER * BENCH_DEPTH);
	bufferevent_setcb(conn->bev, on_read, on_written, on_event, conn);
	if (opts.mode == BENCH_SOURCE) {
		bufferevent_setwatermark(conn->bev, EV_WRITE, (BENCH_DEPTH - 1) * BENCH_BUFFER, 0);
		fill(conn->bev);
	}
	bufferevent_enable(conn->bev, events);
}

int main(int argc, char **argv)
{
	struct event_config *config = event_config_new();
	struct event_base *base;
	int fd;

	bench_start_server(argc, argv, &opts);
	bench_pattern();
	if (!config || event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST))
		bench_die("event config");
	base = event_base_new_with_config(config);
	fd = bench_listen(&opts, SOCK_NONBLOCK);
	if (!base || !evconnlistener_new(base, on_connection, NULL,
			     LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd))
		bench_die("event base");
	bench_announce_fd(fd);
	return event_base_dispatch(base);
}
