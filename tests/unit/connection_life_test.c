/* Rules of a connection's life that are easily got wrong, over loopback. */
#include "conn_life.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* --- waiting --- */

/* it waits, and nothing but a restart or the network moves it: no timer tries again */
static void refused_port_waits_without_trying_again(void **state)
{
	struct life *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	uint16_t port;
	int fd = raw_refused_port(&port);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	nw_connection_t c = new_client(&l->r, l->queue, tcp, port);

	nw_connection_start(c);
	await(&l->r, "waiting(ECONNREFUSED)");
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(poll(&p, 1, 700), 0); /* nobody comes */
	assert_events(&l->r, "preparing waiting(ECONNREFUSED)");
	nw_connection_restart(c);
	await(&l->r, "ready");
	assert_events(&l->r, "preparing waiting(ECONNREFUSED) preparing ready");
	finish(c, &l->r);
	close(fd);
	nw_release(tcp);
}

static void sends_and_receives_wait_through_waiting(void **state)
{
	struct life *l = *state;
	uint16_t port;
	int fd = raw_refused_port(&port), peer;
	nw_connection_t c = tcp_client(&l->r, l->queue, port);

	receive(c, &l->r, 'a', 1, 100);
	send_text(c, &l->r, 'b', "kept");
	await(&l->r, "waiting(ECONNREFUSED)");
	assert_int_equal(listen(fd, 8), 0);
	nw_connection_restart(c);
	peer = raw_accept(fd);
	raw_read(peer, "kept");
	raw_send(peer, "answer");
	await(&l->r, "a=answer");
	assert_in_order(&l->r, "ready b=sent a=answer");
	finish(c, &l->r);
	close(peer);
	close(fd);
}

static void restart_is_ignored_unless_waiting(void **state)
{
	struct life *l = *state;
	nw_connection_t c = fresh(l);

	nw_connection_restart(c); /* not started */
	nw_connection_start(c);
	nw_connection_restart(c); /* preparing */
	await(&l->r, "ready");
	nw_connection_restart(c); /* ready */
	barrier(l->queue);
	finish(c, &l->r);
	assert_events(&l->r, "preparing ready cancelled");
}

static void restart_after_the_end_is_ignored(void **state)
{
	struct life *l = *state;
	nw_connection_t c = ready(l);

	nw_connection_cancel(c);
	await(&l->r, "cancelled");
	nw_connection_restart(c);
	nw_connection_cancel_current_endpoint(c);
	nw_connection_start(c);
	barrier(l->queue);
	assert_events(&l->r, "preparing ready cancelled");
	nw_release(c);
}

/* --- cancelling --- */

static void cancel_completes_everything_first_and_then_is_silent(void **state)
{
	struct life *l = *state;
	nw_connection_t c = fresh(l);
	static char much[8 << 20];

	nw_connection_set_viability_changed_handler_f(c, &l->r, on_viable, NULL);
	nw_connection_set_better_path_available_handler_f(c, &l->r, on_better, NULL);
	nw_connection_set_path_changed_handler_f(c, &l->r, on_path, NULL);
	nw_connection_start(c);
	await(&l->r, "ready");
	await(&l->r, "viable=1");
	barrier(l->queue);
	receive(c, &l->r, 'a', 1, 10);
	receive(c, &l->r, 'b', 1, 10);
	/* more than the buffers take, for a peer that does not read */
	send_bytes(c, &l->r, 'c', much, sizeof(much), NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
	send_text(c, &l->r, 'd', "never");
	finish(c, &l->r);
	barrier(l->queue);
	assert_in_order(&l->r,
		"a=-(ECANCELED) b=-(ECANCELED) c=sent(ECANCELED) d=sent(ECANCELED) cancelled");
	assert_int_equal(seen(&l->r, "cancelled"), 1);
	/* the last event */
	assert_string_equal(l->r.events[l->r.count - 1], "cancelled");
}

static void redundant_cancels_are_harmless(void **state)
{
	struct life *l = *state;
	nw_connection_t c = ready(l);

	nw_connection_cancel(c);
	nw_connection_cancel(c);
	nw_connection_force_cancel(c);
	await(&l->r, "cancelled");
	nw_connection_cancel(c);
	nw_connection_force_cancel(c);
	barrier(l->queue);
	assert_events(&l->r, "preparing ready cancelled");
	nw_release(c);
}

static void cancel_then_sync_then_release_is_safe(void **state)
{
	struct life *l = *state;
	struct recorder *state_of_program = malloc(sizeof(*state_of_program));

	for (int i = 0; i < 20; i++) {
		nw_parameters_t tcp = tcp_parameters();
		nw_connection_t c;

		recorder_init(state_of_program);
		c = new_client(state_of_program, l->queue, tcp, l->port);
		nw_release(tcp);
		nw_connection_start(c);
		await(state_of_program, "ready");
		receive(c, state_of_program, 'a', 1, 10);
		nw_connection_cancel(c);
		barrier(l->queue);
		assert_events(state_of_program, "preparing ready a=-(ECANCELED) cancelled");
		nw_release(c);
		recorder_fini(state_of_program);
		memset(state_of_program, 0x5a, sizeof(*state_of_program)); /* and nobody minds */
	}
	barrier(l->queue);
	free(state_of_program);
}

/* all of it, in one turn, however much is outstanding */
static void cancel_then_sync_covers_a_thousand_receives(void **state)
{
	struct life *l = *state;
	nw_connection_t c = ready(l);

	for (int i = 0; i < 1000; i++)
		receive(c, &l->r, 'a', 1, 10);
	nw_connection_cancel(c);
	barrier(l->queue);
	assert_int_equal(seen(&l->r, "a=-(ECANCELED)"), 1000);
	assert_string_equal(l->r.events[l->r.count - 1], "cancelled");
	nw_release(c);
}

static void release_right_after_cancel_is_safe(void **state)
{
	struct life *l = *state;
	nw_connection_t c = ready(l);

	receive(c, &l->r, 'a', 1, 10);
	nw_connection_cancel(c);
	nw_release(c);
	await(&l->r, "cancelled");
	assert_events(&l->r, "preparing ready a=-(ECANCELED) cancelled");
	raw_end(l->peer);
}

static void cancel_during_connect_is_prompt(void **state)
{
	struct life *l = *state;
	uint16_t port;
	int fillers[FILLERS], fd = raw_black_hole(&port, fillers);
	nw_connection_t c = tcp_client(&l->r, l->queue, port);

	receive(c, &l->r, 'a', 1, 10);
	send_text(c, &l->r, 'b', "x");
	await(&l->r, "preparing");
	nw_connection_cancel(c);
	barrier(l->queue); /* no network has to answer first */
	assert_events(&l->r, "preparing a=-(ECANCELED) b=sent(ECANCELED) cancelled");
	nw_release(c);
	raw_close_all(fd, fillers);
}

static void cancel_while_waiting(void **state)
{
	struct life *l = *state;
	uint16_t port;
	int fd = raw_refused_port(&port);
	nw_connection_t c = tcp_client(&l->r, l->queue, port);

	await(&l->r, "waiting(ECONNREFUSED)");
	finish(c, &l->r);
	assert_events(&l->r, "preparing waiting(ECONNREFUSED) cancelled");
	close(fd);
}

static void cancel_before_start_is_delivered_and_start_does_nothing_then(void **state)
{
	struct life *l = *state;
	nw_connection_t c = fresh(l);

	receive(c, &l->r, 'a', 1, 10);
	nw_connection_cancel(c);
	nw_connection_start(c);
	await(&l->r, "cancelled");
	barrier(l->queue);
	assert_events(&l->r, "a=-(ECANCELED) cancelled");
	nw_release(c);
}

static void cancel_without_queue_delivers_nothing(void **state)
{
	struct life *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	nw_endpoint_t endpoint = loopback(l->port);
	nw_connection_t c = nw_connection_create(endpoint, tcp);

	nw_connection_set_state_changed_handler_f(c, &l->r, on_state, on_destroy);
	nw_connection_cancel(c);
	nw_connection_set_queue(c, l->queue);
	nw_connection_start(c);
	barrier(l->queue);
	assert_events(&l->r, "");
	nw_release(c);
	assert_events(&l->r, "destroyed");
	nw_release(endpoint);
	nw_release(tcp);
}

static void calls_after_cancelled_still_complete(void **state)
{
	struct life *l = *state;
	nw_connection_t c = ready(l);

	nw_connection_cancel(c);
	await(&l->r, "cancelled");
	receive(c, &l->r, 'a', 1, 10);
	send_text(c, &l->r, 'b', "x");
	await(&l->r, "b=sent(ECANCELED)");
	assert_in_order(&l->r, "cancelled a=-(ECANCELED) b=sent(ECANCELED)");
	nw_release(c);
}

static void force_cancel_resets(void **state)
{
	struct life *l = *state;
	nw_connection_t c = ready(l);
	char byte;

	send_text(c, &l->r, 'a', "hello");
	await(&l->r, "a=sent");
	nw_connection_force_cancel(c);
	await(&l->r, "cancelled");
	raw_read(l->peer, "hello");
	assert_int_equal(recv(l->peer, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	nw_release(c);
}

/* what a completion has told of arrives, though the application cancels at once */
static void cancel_flushes_what_was_sent(void **state)
{
	struct life *l = *state;
	static char much[200000];
	nw_connection_t c = ready(l);

	send_bytes(c, &l->r, 'a', much, sizeof(much), NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
	await(&l->r, "a=sent");
	raw_send(l->peer,
		"unread"); /* and what the peer sent meanwhile must not turn FIN into RST */
	nw_connection_cancel(c);
	await(&l->r, "cancelled");
	assert_int_equal(raw_drain(l->peer), sizeof(much));
	nw_release(c);
}

static void cancel_on_failed_is_delivered(void **state)
{
	struct life *l = *state;
	nw_connection_t c = ready(l);

	receive(c, &l->r, 'a', 1, 10);
	raw_reset(l->peer);
	l->peer = -1;
	await(&l->r, "failed(ECONNRESET)");
	nw_connection_cancel(c);
	await(&l->r, "cancelled");
	nw_connection_cancel(c);
	barrier(l->queue);
	assert_events(&l->r, "preparing ready a=-(ECONNRESET) failed(ECONNRESET) cancelled");
	nw_release(c);
}

static void no_route_or_bad_family_waits_with_an_error(void **state)
{
	struct life *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(tcp);
	nw_protocol_options_t ip = nw_protocol_stack_copy_internet_protocol(stack);
	nw_connection_t c;

	nw_ip_options_set_version(ip, nw_ip_version_6);
	c = new_client(&l->r, l->queue, tcp, l->port); /* to 127.0.0.1 */
	nw_connection_start(c);
	await(&l->r, "waiting(EAFNOSUPPORT)");
	finish(c, &l->r);
	nw_release(ip);
	nw_release(stack);
	nw_release(tcp);
}

/* --- references --- */

static void never_received(void *context, dispatch_data_t content, nw_content_context_t message,
	bool is_complete, nw_error_t error)
{
	(void)content;
	(void)message;
	(void)is_complete;
	(void)error;
	note(context, "received");
}

static void last_release_of_an_unstarted_connection_frees_it(void **state)
{
	struct life *l = *state;
	nw_connection_t c = fresh(l);

	nw_connection_set_state_changed_handler_f(c, &l->r, on_state, on_destroy);
	nw_connection_receive_f(c, 1, 10, &l->r, never_received, on_destroy);
	nw_release(c);
	barrier(l->queue);
	assert_events(&l->r, "destroyed destroyed");
}

static void started_connection_lives_without_application_references(void **state)
{
	struct life *l = *state;
	nw_connection_t c = fresh(l);

	receive(c, &l->r, 'a', 1, 10);
	receive(c, &l->r, 'b', 1, 10);
	nw_connection_start(c);
	nw_release(c);
	l->peer = raw_accept(l->listener);
	await(&l->r, "ready");
	raw_send(l->peer, "alive");
	await(&l->r, "a=alive");
	raw_reset(l->peer); /* it ends by itself then */
	l->peer = -1;
	await(&l->r, "failed(ECONNRESET)");
}

static void failed_connection_lets_go_when_released(void **state)
{
	struct life *l = *state;
	nw_connection_t c = fresh(l);

	nw_connection_set_state_changed_handler_f(c, &l->r, on_state, on_destroy);
	receive(c, &l->r, 'a', 1, 10);
	nw_connection_start(c);
	await(&l->r, "ready");
	raw_reset(raw_accept(l->listener));
	await(&l->r, "failed(ECONNRESET)");
	nw_release(c);
	await(&l->r, "destroyed");
}

/* --- time and endpoints --- */

static void connection_timeout_waits_with_etimedout(void **state)
{
	struct life *l = *state;
	uint16_t port;
	int fillers[FILLERS], fd = raw_black_hole(&port, fillers);
	nw_parameters_t tcp = tcp_parameters();
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(tcp);
	nw_protocol_options_t options = nw_protocol_stack_copy_transport_protocol(stack);
	struct timespec begin, end;
	nw_connection_t c;

	nw_tcp_options_set_connection_timeout(options, 1);
	c = new_client(&l->r, l->queue, tcp, port);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	nw_connection_start(c);
	await(&l->r, "waiting(ETIMEDOUT)");
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true((end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000 >=
		    999);
	finish(c, &l->r);
	assert_events(&l->r, "preparing waiting(ETIMEDOUT) cancelled");
	raw_close_all(fd, fillers);
	nw_release(options);
	nw_release(stack);
	nw_release(tcp);
}

static void cancel_current_endpoint_gives_the_attempt_up(void **state)
{
	struct life *l = *state;
	uint16_t port;
	int fillers[FILLERS], fd = raw_black_hole(&port, fillers);
	nw_connection_t c = tcp_client(&l->r, l->queue, port);

	await(&l->r, "preparing");
	nw_connection_cancel_current_endpoint(c);
	await_first(&l->r, "waiting("); /* there is no other address */
	nw_connection_restart(c);
	await(&l->r, "preparing");
	finish(c, &l->r);
	raw_close_all(fd, fillers);
}

static void cancel_current_endpoint_does_nothing_when_ready(void **state)
{
	struct life *l = *state;
	nw_connection_t c = ready(l);

	nw_connection_cancel_current_endpoint(c);
	barrier(l->queue);
	send_text(c, &l->r, 'a', "x");
	raw_read(l->peer, "x");
	finish(c, &l->r);
	assert_events(&l->r, "preparing ready a=sent cancelled");
}

/* settings made through the connection's own parameters before it starts count; later ones do not
 * reach it */
static void parameters_may_be_edited_before_start(void **state)
{
	struct life *l = *state;
	uint16_t port;
	int fillers[FILLERS], fd = raw_black_hole(&port, fillers);
	nw_parameters_t tcp = tcp_parameters(), own;
	nw_protocol_stack_t stack;
	nw_protocol_options_t options;
	nw_connection_t c = new_client(&l->r, l->queue, tcp, port);

	own = nw_connection_copy_parameters(c);
	stack = nw_parameters_copy_default_protocol_stack(own);
	options = nw_protocol_stack_copy_transport_protocol(stack);
	nw_tcp_options_set_connection_timeout(options, 1);
	nw_release(options);
	nw_release(stack);
	nw_release(own);
	nw_release(tcp);
	nw_connection_start(c);
	await(&l->r, "waiting(ETIMEDOUT)");
	finish(c, &l->r);
	raw_close_all(fd, fillers);
}

static void local_endpoint_is_bound(void **state)
{
	struct life *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	nw_endpoint_t local = nw_endpoint_create_host("127.0.0.7", "0"), effective;
	nw_path_t path;
	nw_connection_t c;

	nw_parameters_set_local_endpoint(tcp, local);
	c = new_client(&l->r, l->queue, tcp, l->port);
	nw_connection_start(c);
	await(&l->r, "ready");
	path = nw_connection_copy_current_path(c);
	effective = nw_path_copy_effective_local_endpoint(path);
	assert_string_equal(nw_endpoint_get_hostname(effective), "127.0.0.7");
	nw_release(effective);
	nw_release(path);
	finish(c, &l->r);
	nw_release(local);
	nw_release(tcp);
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE(refused_port_waits_without_trying_again),
		RULE(sends_and_receives_wait_through_waiting),
		RULE(restart_is_ignored_unless_waiting),
		RULE(restart_after_the_end_is_ignored),
		RULE(cancel_completes_everything_first_and_then_is_silent),
		RULE(redundant_cancels_are_harmless),
		RULE(cancel_then_sync_then_release_is_safe),
		RULE(cancel_then_sync_covers_a_thousand_receives),
		RULE(release_right_after_cancel_is_safe),
		RULE(cancel_during_connect_is_prompt),
		RULE(cancel_while_waiting),
		RULE(cancel_before_start_is_delivered_and_start_does_nothing_then),
		RULE(cancel_without_queue_delivers_nothing),
		RULE(calls_after_cancelled_still_complete),
		RULE(force_cancel_resets),
		RULE(cancel_flushes_what_was_sent),
		RULE(cancel_on_failed_is_delivered),
		RULE(no_route_or_bad_family_waits_with_an_error),
		RULE(last_release_of_an_unstarted_connection_frees_it),
		RULE(started_connection_lives_without_application_references),
		RULE(failed_connection_lets_go_when_released),
		RULE(connection_timeout_waits_with_etimedout),
		RULE(cancel_current_endpoint_gives_the_attempt_up),
		RULE(cancel_current_endpoint_does_nothing_when_ready),
		RULE(parameters_may_be_edited_before_start),
		RULE(local_endpoint_is_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
