/* braid/multipath.h over loopback: whether a connection is multipath, why not, and its subflows. */
#include "conn_util.h"

#include <braid/multipath.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

struct multi {
	struct recorder r, lr, ir; /* client, listener, inbound */
	dispatch_queue_t queue;
	nw_listener_t listener;
	uint16_t port;
	bool kernel_has_it;
};

static int setup(void **state)
{
	static struct multi m;
	nw_parameters_t tcp = tcp_parameters();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);

	memset(&m, 0, sizeof(m));
	m.kernel_has_it = fd >= 0;
	if (fd >= 0)
		close(fd);
	recorder_init(&m.r);
	recorder_init(&m.lr);
	recorder_init(&m.ir);
	m.queue = dispatch_queue_create("multi", NULL);
	m.listener = new_listener(&m.lr, m.queue, tcp, &m.port);
	nw_release(tcp);
	*state = &m;
	return 0;
}

static int teardown(void **state)
{
	struct multi *m = *state;

	finish_listener(m->listener, &m->lr);
	barrier(m->queue);
	dispatch_release(m->queue);
	recorder_fini(&m->r);
	recorder_fini(&m->lr);
	recorder_fini(&m->ir);
	return 0;
}

static nw_connection_t client(struct multi *m, nw_multipath_service_t service, uint16_t port)
{
	nw_parameters_t tcp = tcp_parameters();
	nw_connection_t c;

	nw_parameters_set_multipath_service(tcp, service);
	c = new_client(&m->r, m->queue, tcp, port);
	nw_release(tcp);
	return c;
}

struct subflows {
	unsigned count, initial;
	struct braid_subflow first;
};

static void count_subflow(void *context, const struct braid_subflow *subflow)
{
	struct subflows *s = context;

	assert_int_equal(subflow->size, sizeof(*subflow));
	if (s->count++ == 0)
		s->first = *subflow;
	s->initial += subflow->is_initial;
}

static nw_connection_t inbound(struct multi *m)
{
	nw_connection_t c = accepted(&m->lr, 0);

	start_connection(c, &m->ir, m->queue);
	await(&m->ir, "ready");
	return c;
}

static void both_ends_are_multipath(void **state)
{
	struct multi *m = *state;
	nw_connection_t c = client(m, nw_multipath_service_aggregate, m->port), in;
	struct subflows flows = { 0 };
	char *text;

	if (!m->kernel_has_it) {
		nw_release(c);
		skip();
	}
	assert_false(braid_connection_is_multipath(c));
	assert_int_equal(braid_connection_get_multipath_reason(c), braid_multipath_not_started);
	nw_connection_start(c);
	await(&m->r, "ready");
	in = inbound(m);
	assert_true(braid_connection_is_multipath(c));
	assert_int_equal(braid_connection_get_multipath_reason(c), braid_multipath_active);
	assert_true(braid_connection_is_multipath(in));
	text = nw_connection_copy_description(c);
	assert_non_null(strstr(text, "mptcp"));
	free(text);
	send_text(c, &m->r, 'a', "both-ways");
	receive(in, &m->ir, 'b', 9, 9);
	await(&m->ir, "b=both-ways");
	braid_connection_enumerate_subflows_f(c, &flows, count_subflow);
	assert_true(flows.count >= 1);
	assert_int_equal(flows.initial, 1);
	assert_int_equal(flows.first.state, braid_subflow_state_established);
	assert_string_equal(flows.first.if_name, "lo");
	assert_int_equal(((struct sockaddr_in *)&flows.first.remote)->sin_port, htons(m->port));
	assert_true(flows.first.bytes_sent >= 9);
	nw_connection_cancel(in);
	await(&m->ir, "cancelled");
	nw_connection_cancel(c);
	await(&m->r, "cancelled");
	flows.count = 0;
	braid_connection_enumerate_subflows_f(c, &flows, count_subflow);
	assert_int_equal(flows.count, 0);
	nw_release(c);
}

/* the listener takes plain clients from the same socket, and says so */
static void not_asked_for(void **state)
{
	struct multi *m = *state;
	nw_connection_t c = client(m, nw_multipath_service_disabled, m->port), in;
	struct subflows flows = { 0 };

	nw_connection_start(c);
	await(&m->r, "ready");
	in = inbound(m);
	assert_false(braid_connection_is_multipath(c));
	assert_int_equal(braid_connection_get_multipath_reason(c), braid_multipath_not_requested);
	assert_false(braid_connection_is_multipath(in));
	if (m->kernel_has_it)
		assert_int_equal(
			braid_connection_get_multipath_reason(in), braid_multipath_client_plain);
	braid_connection_enumerate_subflows_f(c, &flows, count_subflow);
	assert_int_equal(flows.count, 1); /* plain TCP is one path */
	assert_int_equal(flows.initial, 1);
	nw_connection_cancel(in);
	await(&m->ir, "cancelled");
	finish(c, &m->r);
}

/* a server without it: the connection comes up all the same, and the reason is told */
static void a_server_that_has_it_not(void **state)
{
	struct multi *m = *state;
	uint16_t port;
	int fd = raw_listen(AF_INET, SOCK_STREAM, &port), peer;
	nw_connection_t c = client(m, nw_multipath_service_handover, port);

	nw_connection_start(c);
	peer = raw_accept(fd);
	await(&m->r, "ready");
	assert_false(braid_connection_is_multipath(c));
	if (m->kernel_has_it)
		assert_int_equal(braid_connection_get_multipath_reason(c), braid_multipath_refused);
	send_text(c, &m->r, 'a', "fine");
	raw_read(peer, "fine");
	finish(c, &m->r);
	close(peer);
	close(fd);
}

static void half_close_and_end_over_multipath(void **state)
{
	struct multi *m = *state;
	nw_connection_t c = client(m, nw_multipath_service_interactive, m->port), in;

	nw_connection_start(c);
	await(&m->r, "ready");
	in = inbound(m);
	receive(in, &m->ir, 'a', 5, 5);
	receive(in, &m->ir, 'b', 1, 10);
	receive(in, &m->ir, 'c', 1, 10);
	send_bytes(c, &m->r, 's', "hello", 5, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true);
	await(&m->ir, "c=-(ENODATA)");
	assert_data(&m->ir, "hello");
	receive(c, &m->r, 'r', 3, 3);
	send_bytes(in, &m->ir, 't', "bye", 3, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true);
	await_first(&m->r, "r=bye");
	nw_connection_cancel(in);
	await(&m->ir, "cancelled");
	finish(c, &m->r);
}

static void force_cancel_resets_the_other_end(void **state)
{
	struct multi *m = *state;
	nw_connection_t c = client(m, nw_multipath_service_aggregate, m->port), in;

	nw_connection_start(c);
	await(&m->r, "ready");
	in = inbound(m);
	receive(in, &m->ir, 'a', 1, 10);
	nw_connection_force_cancel(c);
	await(&m->r, "cancelled");
	await(&m->ir, "failed(ECONNRESET)");
	nw_connection_cancel(in);
	await(&m->ir, "cancelled");
	nw_release(c);
}

static void large_transfer_and_cancel(void **state)
{
	struct multi *m = *state;
	nw_connection_t c = client(m, nw_multipath_service_aggregate, m->port), in;
	static char much[4 << 20];

	nw_connection_start(c);
	await(&m->r, "ready");
	in = inbound(m);
	send_bytes(c, &m->r, 'a', much, sizeof(much), NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
	for (size_t i = 0; i < 64; i++)
		receive(in, &m->ir, 'b', 65536, 65536);
	await(&m->r, "a=sent");
	nw_connection_cancel(c); /* what was sent arrives all the same */
	await(&m->r, "cancelled");
	await_data(&m->ir, sizeof(much));
	receive(in, &m->ir, 'e', 1, 10);
	await(&m->ir, "e=-*");
	nw_connection_cancel(in);
	await(&m->ir, "cancelled");
	nw_release(c);
}

static void datagrams_are_not_tcp(void **state)
{
	struct multi *m = *state;
	nw_connection_t c = udp_client(&m->r, m->queue, 9);
	struct subflows flows = { 0 };

	await(&m->r, "ready");
	assert_int_equal(braid_connection_get_multipath_reason(c), braid_multipath_not_tcp);
	braid_connection_enumerate_subflows_f(c, &flows, count_subflow);
	assert_int_equal(flows.count, 0);
	finish(c, &m->r);
}

static void each_reason_has_its_words(void **state)
{
	(void)state;
	for (int i = braid_multipath_active; i <= braid_multipath_client_plain; i++) {
		const char *text = braid_multipath_reason_string((braid_multipath_reason_t)i);

		assert_non_null(text);
		assert_true(strlen(text) > 3);
		assert_string_not_equal(text, "unknown reason");
		for (int j = braid_multipath_active; j < i; j++)
			assert_string_not_equal(
				text, braid_multipath_reason_string((braid_multipath_reason_t)j));
	}
	assert_non_null(braid_multipath_reason_string((braid_multipath_reason_t)12345));
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE(both_ends_are_multipath),
		RULE(not_asked_for),
		RULE(a_server_that_has_it_not),
		RULE(half_close_and_end_over_multipath),
		RULE(force_cancel_resets_the_other_end),
		RULE(large_transfer_and_cancel),
		RULE(datagrams_are_not_tcp),
		cmocka_unit_test(each_reason_has_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
