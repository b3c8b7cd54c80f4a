/* The libNetwork client: a receive posted for every message sent; bulk sends four at a time. */
#include <arpa/inet.h>
#include "network.h"

enum { CONNECTING_MAX = 128 };

struct conn {
	nw_connection_t nw;
	dispatch_queue_t queue;
	struct bench_flow flow;
	unsigned in_flight;
	bool stopping;
};

static struct bench_opts opts;
static struct bench_test test;
static nw_parameters_t parameters;
static nw_endpoint_t endpoints[BENCH_ADDRESSES];
static unsigned endpoint_count;
static atomic_uint tries, ended;
static dispatch_semaphore_t slots, all_ended;
static dispatch_data_t bulk;

static void post_receive(struct conn *conn);

_Noreturn static void die(const char *what, nw_error_t error)
{
	errno = error ? nw_error_get_error_code(error) : 0;
	bench_die(what);
}

/* This connection has nothing left to do. */
static void end(void)
{
	if (atomic_fetch_add(&ended, 1) + 1 == opts.conns)
		dispatch_semaphore_signal(all_ended);
}

static void on_message_sent(void *context, nw_error_t error)
{
	(void)context;
	if (error)
		die("send", error);
}

static void send_message(struct conn *conn)
{
	uint8_t message[BENCH_MESSAGE];
	dispatch_data_t data;

	bench_flow_message(&conn->flow, message);
	data = dispatch_data_create_f(message, sizeof(message), NULL, NULL);
	nw_connection_send_f(conn->nw, data, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true, conn,
		on_message_sent, NULL);
	dispatch_release(data);
	post_receive(conn);
}

static void on_half_closed(void *context, nw_error_t error)
{
	(void)context;
	if (error)
		die("final send", error);
}

static void on_bulk_sent(void *context, nw_error_t error)
{
	struct conn *conn = context;

	if (error)
		die("bulk send", error);
	if (bench_flow_bulk(&conn->flow, BENCH_BUFFER) == BENCH_STOP)
		conn->stopping = true;
	if (!conn->stopping) {
		nw_connection_send_f(conn->nw, bulk, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true,
			conn, on_bulk_sent, NULL);
		return;
	}
	if (--conn->in_flight)
		return;
	nw_connection_send_f(conn->nw, NULL, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true, conn,
		on_half_closed, NULL);
	post_receive(conn);
}

static void send_bulk(struct conn *conn)
{
	conn->in_flight = BENCH_DEPTH;
	for (unsigned i = 0; i < BENCH_DEPTH; i++)
		nw_connection_send_f(conn->nw, bulk, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true,
			conn, on_bulk_sent, NULL);
}

static void on_state(void *context, nw_connection_state_t state, nw_error_t error)
{
	struct conn *conn = context;

	if (state == nw_connection_state_waiting || state == nw_connection_state_failed)
		die("connection", error);
	if (state != nw_connection_state_ready)
		return;
	if (!conn->flow.was_connected)
		dispatch_semaphore_signal(slots);
	bench_flow_connected(&conn->flow);
	if (opts.mode == BENCH_SINK)
		send_bulk(conn);
	else if (opts.mode == BENCH_SOURCE)
		post_receive(conn);
	else
		send_message(conn);
}

static void open_conn(struct conn *conn)
{
	unsigned n = atomic_fetch_add(&tries, 1);

	bench_flow_connecting(&conn->flow);
	conn->nw = nw_connection_create(endpoints[n % endpoint_count], parameters);
	if (!conn->nw)
		bench_die("connection");
	nw_connection_set_queue(conn->nw, conn->queue);
	nw_connection_set_state_changed_handler_f(conn->nw, conn, on_state, NULL);
	nw_connection_start(conn->nw);
}

static void reconnect(struct conn *conn)
{
	/* nothing is outstanding, and the late `cancelled` is not looked at */
	nw_connection_cancel(conn->nw);
	nw_release(conn->nw);
	open_conn(conn);
}

/* What the regions of one received content add up to. */
struct answer {
	struct bench_flow *flow;
	enum bench_next next;
	bool counted;
};

static bool on_region(
	void *context, dispatch_data_t region, size_t offset, const void *buffer, size_t size)
{
	struct answer *answer = context;

	(void)region;
	(void)offset;
	if (opts.mode == BENCH_SINK)
		answer->counted = bench_flow_counted(answer->flow, buffer, size);
	else
		answer->next = bench_flow_answer(answer->flow, buffer, size);
	return true;
}

static void on_answer(struct conn *conn, enum bench_next next)
{
	switch (next) {
	case BENCH_SEND: send_message(conn); break;
	case BENCH_RECONNECT: reconnect(conn); break;
	case BENCH_STAY:
		post_receive(conn);
		end();
		break;
	case BENCH_WAIT: post_receive(conn); break;
	case BENCH_STOP: end(); break;
	}
}

static void on_received(void *context, dispatch_data_t content, nw_content_context_t message,
	bool is_complete, nw_error_t error)
{
	struct conn *conn = context;
	struct answer answer = { .flow = &conn->flow, .next = BENCH_WAIT };

	(void)message;
	(void)is_complete;
	if (!content)
		die("receive", error);
	if (opts.mode == BENCH_SOURCE) {
		answer.next = bench_flow_bulk(&conn->flow, dispatch_data_get_size(content));
	} else {
		dispatch_data_apply_f(content, &answer, on_region);
		if (answer.counted)
			answer.next = BENCH_STOP;
	}
	on_answer(conn, answer.next);
}

static void post_receive(struct conn *conn)
{
	nw_connection_receive_f(conn->nw, 1, BENCH_BUFFER, conn, on_received, NULL);
}

static void make_endpoints(void)
{
	endpoint_count = opts.mode == BENCH_ACCEPT ? BENCH_ADDRESSES : 1;
	for (unsigned i = 0; i < endpoint_count; i++) {
		struct sockaddr_in to = bench_address(&opts, i);
		char host[INET_ADDRSTRLEN], port[8];

		inet_ntop(AF_INET, &to.sin_addr, host, sizeof(host));
		snprintf(port, sizeof(port), "%u", opts.port);
		endpoints[i] = nw_endpoint_create_host(host, port);
		if (!endpoints[i])
			bench_die("endpoint");
	}
}

static void start(struct conn *conns, struct bench_meter *meters)
{
	for (unsigned i = 0; i < opts.conns; i++) {
		/* one queue: one thread at a time counts, so one meter */
		bench_flow_init(&conns[i].flow, &test, &meters[opts.queues == 1 ? 0 : i]);
		conns[i].queue = bench_queue(&opts);
		dispatch_semaphore_wait(slots, DISPATCH_TIME_FOREVER);
		open_conn(&conns[i]);
	}
}

int main(int argc, char **argv)
{
	struct bench_meter *meters;
	struct conn *conns;
	unsigned meter_count;

	bench_start_client(argc, argv, &opts);
	bulk = bench_bulk_content();
	parameters = bench_parameters(&opts, false);
	make_endpoints();
	meter_count = opts.queues == 1 ? 1 : opts.conns;
	conns = calloc(opts.conns, sizeof(*conns));
	meters = calloc(meter_count, sizeof(*meters));
	slots = dispatch_semaphore_create(CONNECTING_MAX);
	all_ended = dispatch_semaphore_create(0);
	if (!conns || !meters)
		bench_die("start");
	bench_idle_gate(&opts, "start");
	bench_test_init(&test, &opts);
	start(conns, meters);
	dispatch_semaphore_wait(all_ended, DISPATCH_TIME_FOREVER);
	bench_idle_gate(&opts, "ready");
	bench_report(&test, meters, meter_count);
	return 0;
}
