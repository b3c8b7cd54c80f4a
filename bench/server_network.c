/* The libNetwork server: a listener, and a receive always posted on every connection. */
#include "network.h"

struct conn {
	nw_connection_t nw;
	uint64_t count;
};

static struct bench_opts opts;
static dispatch_data_t bulk;

static void post_receive(struct conn *conn);

static void on_replied(void *context, nw_error_t error)
{
	struct conn *conn = context;

	if (error)
		nw_connection_cancel(conn->nw);
}

static void on_count_sent(void *context, nw_error_t error)
{
	struct conn *conn = context;

	(void)error;
	nw_connection_cancel(conn->nw);
}

static void send_count(struct conn *conn)
{
	uint8_t answer[8];
	dispatch_data_t data;

	bench_count_encode(conn->count, answer);
	data = dispatch_data_create_f(answer, sizeof(answer), NULL, NULL);
	nw_connection_send_f(conn->nw, data, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true, conn,
		on_count_sent, NULL);
	dispatch_release(data);
}

static void on_received(void *context, dispatch_data_t content, nw_content_context_t message,
	bool is_complete, nw_error_t error)
{
	struct conn *conn = context;

	if (content && opts.mode == BENCH_SINK)
		conn->count += dispatch_data_get_size(content);
	else if (content)
		nw_connection_send_f(conn->nw, content,
			opts.proto == BENCH_WS ? message : NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT,
			true, conn, on_replied, NULL);
	if (opts.proto == BENCH_WS) /* a message ends, not the stream; without content: a close */
		is_complete = !content;
	if (error || (is_complete && opts.mode != BENCH_SINK))
		nw_connection_cancel(conn->nw);
	else if (is_complete)
		send_count(conn);
	else
		post_receive(conn);
}

static void post_receive(struct conn *conn)
{
	if (opts.proto == BENCH_WS)
		nw_connection_receive_message_f(conn->nw, conn, on_received, NULL);
	else
		nw_connection_receive_f(conn->nw, 1, BENCH_BUFFER, conn, on_received, NULL);
}

static void on_sourced(void *context, nw_error_t error)
{
	struct conn *conn = context;

	if (error)
		nw_connection_cancel(conn->nw);
	else
		nw_connection_send_f(conn->nw, bulk, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true,
			conn, on_sourced, NULL);
}

static void on_conn_state(void *context, nw_connection_state_t state, nw_error_t error)
{
	struct conn *conn = context;

	(void)error;
	if (state == nw_connection_state_failed)
		nw_connection_cancel(conn->nw);
	if (state != nw_connection_state_cancelled)
		return;
	nw_release(conn->nw);
	free(conn);
}

static void on_connection(void *context, nw_connection_t nw)
{
	struct conn *conn = calloc(1, sizeof(*conn));
	dispatch_queue_t queue = bench_queue(&opts);

	(void)context;
	if (!conn)
		bench_die("connection");
	conn->nw = nw;
	nw_retain(nw);
	nw_connection_set_queue(nw, queue);
	dispatch_release(queue);
	nw_connection_set_state_changed_handler_f(nw, conn, on_conn_state, NULL);
	nw_connection_start(nw);
	if (opts.mode != BENCH_SOURCE) {
		post_receive(conn);
		return;
	}
	for (unsigned i = 0; i < BENCH_DEPTH; i++)
		nw_connection_send_f(nw, bulk, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true, conn,
			on_sourced, NULL);
}

static void on_listener_state(void *context, nw_listener_state_t state, nw_error_t error)
{
	if (state == nw_listener_state_ready)
		bench_announce(nw_listener_get_port(*(nw_listener_t *)context));
	if (state != nw_listener_state_waiting && state != nw_listener_state_failed)
		return;
	errno = error ? nw_error_get_error_code(error) : 0;
	bench_die("listener");
}

static void on_terminate(void *context)
{
	(void)context;
	exit(0); /* not killed: a build that counts writes its counts (train.py) */
}

static void watch_terminate(void)
{
	dispatch_source_t source = dispatch_source_create(DISPATCH_SOURCE_TYPE_SIGNAL, SIGTERM, 0,
		dispatch_get_global_queue(DISPATCH_QUEUE_PRIORITY_DEFAULT, 0));

	signal(SIGTERM, SIG_IGN);
	dispatch_source_set_event_handler_f(source, on_terminate);
	dispatch_resume(source);
}

int main(int argc, char **argv)
{
	static nw_listener_t listener;
	nw_parameters_t parameters;
	nw_endpoint_t any;
	dispatch_queue_t queue;

	bench_start_server(argc, argv, &opts);
	watch_terminate();
	bulk = bench_bulk_content();
	parameters = bench_parameters(&opts, true);
	any = nw_endpoint_create_host("0.0.0.0", "0");
	nw_parameters_set_local_endpoint(parameters, any);
	nw_release(any);
	listener = nw_listener_create(parameters);
	nw_release(parameters);
	if (!listener)
		bench_die("listener");
	queue = bench_queue(&opts);
	nw_listener_set_queue(listener, queue);
	nw_listener_set_state_changed_handler_f(listener, &listener, on_listener_state, NULL);
	nw_listener_set_new_connection_handler_f(listener, NULL, on_connection, NULL);
	nw_listener_start(listener);
	dispatch_main();
}
