/* Where, when and by whom handlers of a connection are called, and what its getters tell. */
#include "conn_life.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* --- handlers --- */

static void state_handler_set_after_start_is_found(void **state)
{
	struct life *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	nw_endpoint_t endpoint = loopback(l->port);
	nw_connection_t c = nw_connection_create(endpoint, tcp);

	nw_connection_set_queue(c, l->queue);
	dispatch_suspend(l->queue); /* nothing is delivered before the handler is there */
	nw_connection_start(c);
	nw_connection_set_state_changed_handler_f(c, &l->r, on_state, NULL);
	dispatch_resume(l->queue);
	await(&l->r, "ready");
	finish(c, &l->r);
	assert_events(&l->r, "preparing ready cancelled");
	nw_release(endpoint);
	nw_release(tcp);
}

static void handler_can_be_swapped_after_ready(void **state)
{
	struct life *l = *state;
	static struct recorder second;
	nw_connection_t c = ready(l);

	recorder_init(&second);
	nw_connection_set_state_changed_handler_f(c, &second, on_state, NULL);
	nw_connection_cancel(c);
	await(&second, "cancelled");
	assert_events(&l->r, "preparing ready");
	assert_events(&second, "cancelled");
	nw_release(c);
	barrier(l->queue);
	recorder_fini(&second);
}

static void null_handler_stops_events(void **state)
{
	struct life *l = *state;
	nw_connection_t c = ready(l);

	nw_connection_set_state_changed_handler_f(c, NULL, NULL, NULL);
	nw_connection_cancel(c);
	barrier(l->queue);
	assert_events(&l->r, "preparing ready");
	nw_release(c);
}

struct swap {
	struct recorder *r;
	nw_connection_t connection;
};

static void replaces_itself(void *context, nw_connection_state_t connection_state, nw_error_t error)
{
	struct swap *swap = context;

	(void)error;
	note(swap->r, "first");
	if (connection_state == nw_connection_state_preparing)
		nw_connection_set_state_changed_handler_f(
			swap->connection, swap->r, on_state, NULL);
	note(swap->r, "still"); /* and it is alive: its context was not destroyed under it */
}

static void swap_destroyed(void *context)
{
	note(((struct swap *)context)->r, "destroyed");
}

static void handler_may_replace_itself_while_it_runs(void **state)
{
	struct life *l = *state;
	nw_connection_t c = fresh(l);
	struct swap swap = { &l->r, c };

	nw_connection_set_state_changed_handler_f(c, &swap, replaces_itself, swap_destroyed);
	nw_connection_start(c);
	await(&l->r, "ready");
	assert_events(&l->r, "first still destroyed ready");
	finish(c, &l->r);
}

static void handlers_are_let_go_once_after_cancelled(void **state)
{
	struct life *l = *state;
	nw_connection_t c = fresh(l);

	nw_connection_set_state_changed_handler_f(c, &l->r, on_state, on_destroy);
	nw_connection_set_viability_changed_handler_f(c, &l->r, on_viable, on_destroy);
	nw_connection_set_better_path_available_handler_f(c, &l->r, on_better, on_destroy);
	nw_connection_set_path_changed_handler_f(c, &l->r, on_path, on_destroy);
	nw_connection_start(c);
	await(&l->r, "ready");
	nw_connection_cancel(c);
	await(&l->r, "cancelled");
	await(&l->r, "destroyed");
	barrier(l->queue);
	/* the application still holds the connection */
	assert_int_equal(l->r.destroyed, 4);
	nw_release(c);
	barrier(l->queue);
	assert_int_equal(l->r.destroyed, 4);
}

static void viability_and_path_are_told_at_ready(void **state)
{
	struct life *l = *state;
	nw_connection_t c = fresh(l);

	nw_connection_set_viability_changed_handler_f(c, &l->r, on_viable, NULL);
	nw_connection_set_path_changed_handler_f(c, &l->r, on_path, NULL);
	nw_connection_set_better_path_available_handler_f(c, &l->r, on_better, NULL);
	nw_connection_start(c);
	await(&l->r, "viable=1");
	barrier(l->queue);
	assert_true(seen(&l->r, "path") >= 1);
	assert_int_equal(seen(&l->r, "better=0") + seen(&l->r, "better=1"), 0);
	assert_int_equal(seen(&l->r, "viable=1"), 1);
	finish(c, &l->r);
}

/* --- where and when handlers run --- */

static _Thread_local bool in_call;

static void must_be_outside(void *context, nw_connection_state_t connection_state, nw_error_t error)
{
	if (in_call)
		note(context, "inside");
	on_state(context, connection_state, error);
}

static void must_be_outside_sent(void *context, nw_error_t error)
{
	if (in_call)
		note(((struct tag *)context)->recorder, "inside");
	on_sent(context, error);
}

static void call_everything(void *context)
{
	nw_connection_t c = context;

	in_call = true;
	nw_connection_start(c);
	nw_connection_restart(c);
	nw_connection_cancel(c);
	in_call = false;
}

/* calls made on the connection's own queue, which is idle otherwise: the most tempting place */
static void nothing_is_delivered_inside_a_call(void **state)
{
	struct life *l = *state;
	nw_connection_t c = fresh(l);
	dispatch_data_t data = dispatch_data_create_f("x", 1, NULL, NULL);

	nw_connection_set_state_changed_handler_f(c, &l->r, must_be_outside, NULL);
	in_call = true;
	nw_connection_start(c);
	in_call = false;
	await(&l->r, "ready");
	for (int i = 0; i < 50; i++) {
		barrier(l->queue);
		in_call = true; /* an idle queue: the send happens on this thread */
		nw_connection_send_f(c, data, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true,
			tag(&l->r, 'a'), must_be_outside_sent, NULL);
		in_call = false;
		await(&l->r, "a=sent");
	}
	in_call = true;
	nw_connection_cancel(c);
	in_call = false;
	await(&l->r, "cancelled");
	dispatch_release(data);
	nw_release(c);

	c = fresh(l);
	nw_connection_set_state_changed_handler_f(c, &l->r, must_be_outside, NULL);
	dispatch_sync_f(l->queue, c, call_everything);
	await(&l->r, "cancelled");
	assert_int_equal(seen(&l->r, "inside"), 0);
	nw_release(c);
}

static void on_the_queue(void *context, nw_connection_state_t connection_state, nw_error_t error)
{
	struct life *l = context;

	dispatch_assert_queue(l->queue);
	on_state(&l->r, connection_state, error);
}

static void handlers_run_on_the_given_queue(void **state)
{
	struct life *l = *state;
	nw_connection_t c = fresh(l);

	nw_connection_set_state_changed_handler_f(c, l, on_the_queue, NULL);
	nw_connection_start(c);
	await(&l->r, "ready");
	finish(c, &l->r);
}

static void on_a_target(void **state)
{
	struct life *l = *state;
	dispatch_queue_t own = dispatch_queue_create_with_target("own", NULL, l->queue);
	nw_parameters_t tcp = tcp_parameters();
	nw_connection_t c = new_client(&l->r, own, tcp, l->port);

	nw_connection_set_state_changed_handler_f(c, l, on_the_queue, NULL);
	receive(c, &l->r, 'a', 1, 10);
	nw_connection_start(c);
	l->peer = raw_accept(l->listener);
	await(&l->r, "ready");
	send_text(c, &l->r, 'b', "abc");
	raw_read(l->peer, "abc");
	raw_send(l->peer, "xyz");
	await(&l->r, "a=xyz");
	nw_connection_cancel(c);
	await(&l->r, "cancelled");
	nw_release(c);
	barrier(own);
	dispatch_release(own);
	nw_release(tcp);
}

struct chain {
	struct recorder *r;
	nw_connection_t connection;
	uint32_t received, sent, next_send;
	uint8_t next_byte;
	bool broken;
};

#define CHAIN_BYTES 200000u

static void chain_receive(struct chain *chain);

static void chain_received(void *context, dispatch_data_t content, nw_content_context_t message,
	bool complete, nw_error_t error)
{
	struct chain *chain = context;
	const void *bytes;
	size_t size;
	dispatch_data_t flat;

	(void)message;
	if (atomic_fetch_add(&chain->r->inside, 1) != 0)
		chain->r->overlapped = true;
	if (content) {
		flat = dispatch_data_create_map(content, &bytes, &size);
		for (size_t i = 0; i < size; i++)
			chain->broken |= ((const uint8_t *)bytes)[i] != chain->next_byte++;
		chain->received += (uint32_t)size;
		dispatch_release(flat);
	}
	if (complete || error)
		note(chain->r, "end");
	else
		chain_receive(chain);
	atomic_fetch_sub(&chain->r->inside, 1);
}

static void chain_receive(struct chain *chain)
{
	nw_connection_receive_f(chain->connection, 1, 700, chain, chain_received, NULL);
}

static void chain_sent(void *context, nw_error_t error)
{
	struct chain *chain = context;

	if (atomic_fetch_add(&chain->r->inside, 1) != 0)
		chain->r->overlapped = true;
	chain->broken |= error != NULL;
	chain->sent++;
	atomic_fetch_sub(&chain->r->inside, 1);
}

static void *echo(void *arg)
{
	int fd = *(int *)arg;
	char buf[4096];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		if (send(fd, buf, (size_t)n, MSG_NOSIGNAL) != n)
			break;
	}
	shutdown(fd, SHUT_WR);
	return NULL;
}

/* a concurrent queue promises nothing; the connection does all the same */
static void global_queue_is_serialised_and_in_order(void **state)
{
	struct life *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	nw_connection_t c = new_client(&l->r, dispatch_get_global_queue(0, 0), tcp, l->port);
	struct chain chain = { .r = &l->r, .connection = c };
	uint8_t piece[500], next = 0;
	pthread_t thread;

	nw_connection_start(c);
	l->peer = raw_accept(l->listener);
	assert_int_equal(pthread_create(&thread, NULL, echo, &l->peer), 0);
	chain_receive(&chain);
	for (unsigned i = 0; i < CHAIN_BYTES / sizeof(piece); i++) {
		bool last = i + 1 == CHAIN_BYTES / sizeof(piece);
		dispatch_data_t data;

		for (size_t j = 0; j < sizeof(piece); j++)
			piece[j] = next++;
		data = dispatch_data_create_f(piece, sizeof(piece), NULL, NULL);
		nw_connection_send_f(c, data,
			last ? NW_CONNECTION_FINAL_MESSAGE_CONTEXT
			     : NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT,
			last, &chain, chain_sent, NULL);
		dispatch_release(data);
	}
	await(&l->r, "end");
	finish(c, &l->r);
	assert_false(chain.broken);
	assert_false(l->r.overlapped);
	assert_int_equal(chain.received, CHAIN_BYTES);
	assert_int_equal(chain.sent, CHAIN_BYTES / sizeof(piece));
	pthread_join(thread, NULL);
	nw_release(tcp);
}

/* --- queue and start --- */

static void set_queue_after_start_is_ignored(void **state)
{
	struct life *l = *state;
	dispatch_queue_t other = dispatch_queue_create("other", NULL);
	nw_connection_t c = fresh(l);

	nw_connection_set_state_changed_handler_f(c, l, on_the_queue, NULL);
	nw_connection_start(c);
	nw_connection_set_queue(c, other);
	await(&l->r, "ready");
	nw_connection_set_queue(c, other);
	finish(c, &l->r);
	dispatch_release(other);
}

static void start_without_queue_does_nothing(void **state)
{
	struct life *l = *state;
	struct pollfd p = { .fd = l->listener, .events = POLLIN };
	nw_parameters_t tcp = tcp_parameters();
	nw_endpoint_t endpoint = loopback(l->port);
	nw_connection_t c = nw_connection_create(endpoint, tcp);

	nw_connection_set_state_changed_handler_f(c, &l->r, on_state, NULL);
	nw_connection_start(c);
	assert_int_equal(poll(&p, 1, 200), 0);
	assert_events(&l->r, "");
	/* and it is not spent: with a queue it starts */
	nw_connection_set_queue(c, l->queue);
	nw_connection_start(c);
	await(&l->r, "ready");
	finish(c, &l->r);
	nw_release(endpoint);
	nw_release(tcp);
}

static void start_twice_is_one_attempt(void **state)
{
	struct life *l = *state;
	struct pollfd p = { .fd = l->listener, .events = POLLIN };
	nw_connection_t c = fresh(l);

	nw_connection_start(c);
	nw_connection_start(c);
	await(&l->r, "ready");
	nw_connection_start(c);
	l->peer = raw_accept(l->listener);
	assert_int_equal(poll(&p, 1, 200), 0); /* no second one */
	finish(c, &l->r);
	assert_events(&l->r, "preparing ready cancelled");
}

/* --- getters --- */

static void path_is_null_before_start_and_after_cancel(void **state)
{
	struct life *l = *state;
	nw_connection_t c = fresh(l);
	nw_endpoint_t local, remote;
	nw_path_t path;

	assert_null(nw_connection_copy_current_path(c));
	nw_connection_start(c);
	await(&l->r, "ready");
	path = nw_connection_copy_current_path(c);
	assert_non_null(path);
	assert_int_equal(nw_path_get_status(path), nw_path_status_satisfied);
	remote = nw_path_copy_effective_remote_endpoint(path);
	local = nw_path_copy_effective_local_endpoint(path);
	assert_string_equal(nw_endpoint_get_hostname(remote), "127.0.0.1");
	assert_int_equal(nw_endpoint_get_port(remote), l->port);
	assert_int_equal(nw_endpoint_get_type(local), nw_endpoint_type_address);
	assert_int_not_equal(nw_endpoint_get_port(local), 0);
	nw_release(local);
	nw_release(remote);
	nw_release(path);
	nw_connection_cancel(c);
	await(&l->r, "cancelled");
	assert_null(nw_connection_copy_current_path(c));
	nw_release(c);
}

static void path_in_preparing_has_the_remote(void **state)
{
	struct life *l = *state;
	uint16_t port;
	int fillers[FILLERS], fd = raw_black_hole(&port, fillers);
	nw_connection_t c = tcp_client(&l->r, l->queue, port);
	nw_path_t path;
	nw_endpoint_t remote;

	await(&l->r, "preparing");
	path = nw_connection_copy_current_path(c);
	assert_non_null(path);
	remote = nw_path_copy_effective_remote_endpoint(path);
	assert_int_equal(nw_endpoint_get_port(remote), port);
	nw_release(remote);
	nw_release(path);
	finish(c, &l->r);
	raw_close_all(fd, fillers);
}

/* a path handler that was taken away again leaves no stale path behind */
static void path_is_fresh_at_ready_even_if_the_handler_went(void **state)
{
	struct life *l = *state;
	nw_connection_t c = fresh(l);
	nw_endpoint_t local;
	nw_path_t path;

	nw_connection_set_path_changed_handler_f(c, &l->r, on_path, NULL);
	dispatch_suspend(l->queue);
	nw_connection_start(c);
	dispatch_resume(l->queue);
	await(&l->r, "path");
	nw_connection_set_path_changed_handler_f(c, NULL, NULL, NULL);
	await_for(&l->r, "ready", WAIT_S * 1000);
	path = nw_connection_copy_current_path(c);
	local = nw_path_copy_effective_local_endpoint(path);
	assert_non_null(local);
	nw_release(local);
	nw_release(path);
	finish(c, &l->r);
}

static nw_protocol_metadata_t metadata(nw_connection_t c, nw_protocol_definition_t definition)
{
	nw_protocol_metadata_t md = nw_connection_copy_protocol_metadata(c, definition);

	nw_release(definition);
	return md;
}

static void metadata_is_null_before_ready_after_cancel_and_for_strangers(void **state)
{
	struct life *l = *state;
	nw_connection_t c = fresh(l);
	nw_protocol_metadata_t tcp, ip;

	assert_null(metadata(c, nw_protocol_copy_tcp_definition()));
	nw_connection_start(c);
	l->peer = raw_accept(l->listener);
	await(&l->r, "ready");
	tcp = metadata(c, nw_protocol_copy_tcp_definition());
	ip = metadata(c, nw_protocol_copy_ip_definition());
	assert_true(nw_protocol_metadata_is_tcp(tcp));
	assert_true(nw_protocol_metadata_is_ip(ip));
	assert_null(metadata(c, nw_protocol_copy_udp_definition()));
	nw_release(ip);
	nw_connection_cancel(c);
	await(&l->r, "cancelled");
	assert_null(metadata(c, nw_protocol_copy_tcp_definition()));
	assert_null(metadata(c, nw_protocol_copy_ip_definition()));
	/* what is still held does not reach for the closed socket */
	assert_int_equal(nw_tcp_get_available_receive_buffer(tcp), 0);
	nw_release(tcp);
	nw_release(c);
}

static void maximum_datagram_size_is_0_before_ready(void **state)
{
	struct life *l = *state;
	nw_connection_t c = fresh(l);

	assert_int_equal(nw_connection_get_maximum_datagram_size(c), 0);
	nw_connection_start(c);
	await(&l->r, "ready");
	assert_true(nw_connection_get_maximum_datagram_size(c) > 500);
	assert_true(nw_connection_get_maximum_datagram_size(c) <= 65535 - 40);
	nw_connection_cancel(c);
	await(&l->r, "cancelled");
	assert_int_equal(nw_connection_get_maximum_datagram_size(c), 0);
	nw_release(c);
}

static void description_names_peer_and_state(void **state)
{
	struct life *l = *state;
	nw_connection_t c = fresh(l);
	char port[16], *text = nw_connection_copy_description(c);

	snprintf(port, sizeof(port), "127.0.0.1:%u", l->port);
	assert_non_null(strstr(text, port));
	free(text);
	nw_connection_start(c);
	await(&l->r, "ready");
	text = nw_connection_copy_description(c);
	assert_non_null(strstr(text, "ready"));
	free(text);
	finish(c, &l->r);
}

/* getters are asked from another thread all the while */
struct nosy {
	nw_connection_t connection;
	_Atomic bool stop;
	_Atomic unsigned asked;
};

static void *ask_everything(void *arg)
{
	struct nosy *nosy = arg;
	nw_connection_t c = nosy->connection;

	while (!atomic_load(&nosy->stop)) {
		nw_release(nw_connection_copy_current_path(c));
		nw_release(metadata(c, nw_protocol_copy_tcp_definition()));
		nw_release(nw_connection_copy_endpoint(c));
		nw_release(nw_connection_copy_parameters(c));
		free(nw_connection_copy_description(c));
		nw_connection_get_maximum_datagram_size(c);
		nw_release(nw_connection_create_new_data_transfer_report(c));
		braid_connection_is_multipath(c);
		atomic_fetch_add(&nosy->asked, 1);
	}
	return NULL;
}

static void getters_from_another_thread(void **state)
{
	struct life *l = *state;

	for (int i = 0; i < 20; i++) {
		nw_connection_t c = fresh(l);
		struct nosy nosy = { .connection = c };
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, ask_everything, &nosy), 0);
		nw_connection_start(c);
		await(&l->r, "ready");
		nw_connection_cancel(c);
		await(&l->r, "cancelled");
		atomic_store(&nosy.stop, true);
		pthread_join(thread, NULL);
		nw_release(c);
	}
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE(state_handler_set_after_start_is_found),
		RULE(handler_can_be_swapped_after_ready),
		RULE(null_handler_stops_events),
		RULE(handler_may_replace_itself_while_it_runs),
		RULE(handlers_are_let_go_once_after_cancelled),
		RULE(viability_and_path_are_told_at_ready),
		RULE(nothing_is_delivered_inside_a_call),
		RULE(handlers_run_on_the_given_queue),
		RULE(on_a_target),
		RULE(global_queue_is_serialised_and_in_order),
		RULE(set_queue_after_start_is_ignored),
		RULE(start_without_queue_does_nothing),
		RULE(start_twice_is_one_attempt),
		RULE(path_is_null_before_start_and_after_cancel),
		RULE(path_in_preparing_has_the_remote),
		RULE(path_is_fresh_at_ready_even_if_the_handler_went),
		RULE(metadata_is_null_before_ready_after_cancel_and_for_strangers),
		RULE(maximum_datagram_size_is_0_before_ready),
		RULE(description_names_peer_and_state),
		RULE(getters_from_another_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
