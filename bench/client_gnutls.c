/*
 * The bare GnuTLS client, and the load generator of every TLS server: one thread, edge triggered.
 * Looks at no certificate: what a client makes of it is not what is measured.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "loop.h"
#include "tls.h"

struct conn {
	struct bench_flow flow;
	gnutls_session_t session;
	int fd;
	bool shaken, half_closed;
	bool unsent; /* GnuTLS keeps a record that the socket would not take yet */
};

static struct bench_opts opts;
static struct bench_test test;
static struct bench_meter meter;
static unsigned staying, tries;
static uint8_t buffer[BENCH_RECORD];

static void open_conn(struct conn *conn)
{
	bench_flow_connecting(&conn->flow);
	conn->shaken = conn->unsent = false;
	conn->fd = bench_loop_connect(&opts, tries++, EPOLLIN | EPOLLOUT | EPOLLET, conn);
	conn->session = bench_tls_session(conn->fd, GNUTLS_CLIENT);
}

static void close_conn(struct conn *conn)
{
	gnutls_bye(conn->session, GNUTLS_SHUT_WR);
	gnutls_deinit(conn->session);
	close(conn->fd);
}

static void send_message(struct conn *conn)
{
	uint8_t message[BENCH_MESSAGE];

	bench_flow_message(&conn->flow, message);
	/* one message in flight: it always fits an empty send buffer */
	if (gnutls_record_send(conn->session, message, sizeof(message)) != sizeof(message))
		bench_die("send");
}

static void send_bulk(struct conn *conn)
{
	ssize_t n;

	for (;;) {
		n = conn->unsent ? gnutls_record_send(conn->session, NULL, 0)
				 : gnutls_record_send(conn->session, bench_pattern(), BENCH_RECORD);
		conn->unsent = bench_tls_is_later(n);
		if (conn->unsent)
			return;
		bench_tls_check("send", (int)n);
		if (bench_flow_bulk(&conn->flow, BENCH_RECORD) == BENCH_STOP)
			break;
	}
	conn->half_closed = true;
	if (gnutls_bye(conn->session, GNUTLS_SHUT_WR) && errno != EAGAIN)
		bench_die("close_notify");
	if (shutdown(conn->fd, SHUT_WR))
		bench_die("shutdown");
}

/* Each returns true when the test is over. */
static bool receive_bulk(struct conn *conn)
{
	ssize_t n;

	for (;;) {
		n = gnutls_record_recv(conn->session, buffer, sizeof(buffer));
		if (bench_tls_is_later(n))
			return false;
		bench_tls_check("receive", (int)n);
		if (!n)
			bench_die("closed by the server");
		if (bench_flow_bulk(&conn->flow, (size_t)n) == BENCH_STOP)
			return true;
	}
}

static bool on_answer(struct conn *conn, size_t n)
{
	switch (bench_flow_answer(&conn->flow, buffer, n)) {
	case BENCH_SEND: send_message(conn); return false;
	case BENCH_RECONNECT:
		close_conn(conn);
		open_conn(conn);
		return false;
	case BENCH_STAY: return ++staying == opts.conns;
	case BENCH_WAIT: return false;
	case BENCH_STOP: return true;
	}
	return true;
}

static bool receive_answer(struct conn *conn)
{
	ssize_t n;
	bool over;

	for (;;) {
		n = gnutls_record_recv(conn->session, buffer, sizeof(buffer));
		if (bench_tls_is_later(n))
			return false;
		bench_tls_check("receive", (int)n);
		if (!n)
			bench_die("closed by the server");
		over = opts.mode == BENCH_SINK ? bench_flow_counted(&conn->flow, buffer, (size_t)n)
					       : on_answer(conn, (size_t)n);
		if (over || !conn->shaken) /* or it is a new connection now */
			return over;
	}
}

/* Returns whether the handshake is done. */
static bool shake(struct conn *conn)
{
	int r = gnutls_handshake(conn->session);

	if (bench_tls_is_later(r))
		return false;
	bench_tls_check("handshake", r);
	conn->shaken = true;
	bench_flow_connected(&conn->flow);
	if (opts.mode != BENCH_SINK && opts.mode != BENCH_SOURCE)
		send_message(conn);
	return true;
}

static bool on_event(void *context, uint32_t events)
{
	struct conn *conn = context;

	if (!conn->shaken && (!(events & (EPOLLOUT | EPOLLERR)) || !shake(conn)))
		return false;
	if (opts.mode == BENCH_SINK && !conn->half_closed) {
		if (events & EPOLLOUT)
			send_bulk(conn);
		return false;
	}
	return opts.mode == BENCH_SOURCE ? receive_bulk(conn) : receive_answer(conn);
}

int main(int argc, char **argv)
{
	struct conn *conns;

	bench_start_client(argc, argv, &opts);
	bench_pattern();
	bench_tls_client_init();
	conns = calloc(opts.conns, sizeof(*conns));
	if (!conns)
		bench_die("start");
	bench_loop_init();
	bench_idle_gate(&opts, "start");
	bench_test_init(&test, &opts);
	for (unsigned i = 0; i < opts.conns; i++) {
		bench_flow_init(&conns[i].flow, &test, &meter);
		open_conn(&conns[i]);
	}
	bench_loop_run(on_event);
	bench_idle_gate(&opts, "ready");
	bench_report(&test, &meter, 1);
	return 0;
}
