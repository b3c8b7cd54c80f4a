/* The libevent client: bufferevents on an epoll base with the change list. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "client.h"

enum { CONNECTING_MAX = 128 };

struct conn {
	struct bufferevent *bev;
	struct bench_flow flow;
	size_t queued; /* bulk: bytes given to bev and not yet counted */
	bool stopping;
};

static struct bench_opts opts;
static struct bench_test test;
static struct bench_meter meter;
static struct conn *conns;
static unsigned begun, connecting, staying, tries;
static struct event_base *base;

static void open_conn(struct conn *conn);

static void send_message(struct conn *conn)
{
	uint8_t message[BENCH_MESSAGE];

	bench_flow_message(&conn->flow, message);
	if (bufferevent_write(conn->bev, message, sizeof(message)))
		bench_die("bufferevent_write");
}

static void on_answer(struct conn *conn, struct evbuffer *in)
{
	uint8_t answer[BENCH_MESSAGE];
	int n = evbuffer_remove(in, answer, sizeof(answer));

	if (n <= 0)
		return;
	switch (bench_flow_answer(&conn->flow, answer, (size_t)n)) {
	case BENCH_SEND: send_message(conn); break;
	case BENCH_RECONNECT:
		bufferevent_free(conn->bev);
		open_conn(conn);
		break;
	case BENCH_STAY:
		if (++staying == opts.conns)
			event_base_loopbreak(base);
		break;
	case BENCH_WAIT: break;
	case BENCH_STOP: event_base_loopbreak(base); break;
	}
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct conn *conn = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t n = evbuffer_get_length(in);
	uint8_t count[8];
	bool over = false;

	switch (opts.mode) {
	case BENCH_SINK:
		n = (size_t)evbuffer_remove(in, count, sizeof(count));
		over = bench_flow_counted(&conn->flow, count, n);
		break;
	case BENCH_SOURCE:
		evbuffer_drain(in, n);
		over = bench_flow_bulk(&conn->flow, n) == BENCH_STOP;
		break;
	case BENCH_ECHO:
	case BENCH_ACCEPT:
	case BENCH_IDLE: on_answer(conn, in); break;
	}
	if (over)
		event_base_loopbreak(base);
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct conn *conn = arg;
	struct evbuffer *out = bufferevent_get_output(bev);
	size_t left = evbuffer_get_length(out), sent = conn->queued - left;

	if (opts.mode != BENCH_SINK || (conn->stopping && conn->queued == 0))
		return;
	conn->queued = left;
	if (sent && bench_flow_bulk(&conn->flow, sent) == BENCH_STOP)
		conn->stopping = true;
	if (conn->stopping) {
		bufferevent_setwatermark(bev, EV_WRITE, 0, 0);
		if (!left && shutdown(bufferevent_getfd(bev), SHUT_WR))
			bench_die("shutdown");
		return;
	}
	while (conn->queued <= (BENCH_DEPTH - 1) * BENCH_BUFFER) {
		if (evbuffer_add_reference(out, bench_pattern(), BENCH_BUFFER, NULL, NULL))
			bench_die("evbuffer");
		conn->queued += BENCH_BUFFER;
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

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *conn = arg;

	if (!(what & BEV_EVENT_CONNECTED)) {
		if (opts.mode == BENCH_SINK && conn->stopping && (what & BEV_EVENT_EOF))
			return; /* the sink closed after its count */
		bench_die("connection");
	}
	connecting--;
	bench_flow_connected(&conn->flow);
	open_more();
	if (opts.mode == BENCH_SINK) {
		bufferevent_setwatermark(bev, EV_WRITE, (BENCH_DEPTH - 1) * BENCH_BUFFER, 0);
		on_written(bev, conn);
	} else if (opts.mode != BENCH_SOURCE) {
		send_message(conn);
	}
}

static void open_conn(struct conn *conn)
{
	struct sockaddr_in to = bench_address(&opts, tries++);
	int fd;

	bench_flow_connecting(&conn->flow);
	connecting++;
	fd = bench_socket(&opts, SOCK_NONBLOCK);
	bench_nodelay(fd);
	conn->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!conn->bev)
		bench_die("bufferevent");
	bufferevent_set_max_single_read(conn->bev, BENCH_BUFFER);
	bufferevent_set_max_single_write(conn->bev, BENCH_BUFFER * BENCH_DEPTH);
	bufferevent_setcb(conn->bev, on_read, on_written, on_event, conn);
	bufferevent_enable(conn->bev, EV_READ | EV_WRITE);
	if (bufferevent_socket_connect(conn->bev, (struct sockaddr *)&to, sizeof(to)))
		bench_die("connect");
}

int main(int argc, char **argv)
{
	struct event_config *config = event_config_new();

	bench_start_client(argc, argv, &opts);
	bench_pattern();
	conns = calloc(opts.conns, sizeof(*conns));
	if (!config || event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST))
		bench_die("event config");
	base = event_base_new_with_config(config);
	if (!conns || !base)
		bench_die("start");
	bench_idle_gate(&opts, "start");
	bench_test_init(&test, &opts);
	open_more();
	event_base_dispatch(base);
	bench_idle_gate(&opts, "ready");
	bench_report(&test, &meter, 1);
	return 0;
}
