/* Rules of the connections that a listener hands over. */
#include "conn_listening.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- connections --- */

static void bytes_go_both_ways(void **state)
{
	struct listening *l = *state;
	uint16_t port;
	nw_listener_t listener = tcp_listener(l, &port);
	int fd = raw_connect(AF_INET, SOCK_STREAM, port);
	nw_connection_t c = accepted(&l->r, 0);
	nw_path_t path;
	nw_endpoint_t local;

	raw_send(fd, "before-start");
	receive(c, &l->cr, 'a', 12, 100);
	start_inbound(l, c);
	await(&l->cr, "a=before-start");
	send_text(c, &l->cr, 'b', "answer");
	raw_read(fd, "answer");
	path = nw_connection_copy_current_path(c);
	local = nw_path_copy_effective_local_endpoint(path);
	assert_string_equal(nw_endpoint_get_hostname(local), "127.0.0.1");
	assert_int_equal(nw_endpoint_get_port(local), port);
	nw_release(local);
	nw_release(path);
	end_inbound(l, c);
	finish_listener(listener, &l->r);
	close(fd);
}

static void preparing_and_ready_are_delivered_inbound_too(void **state)
{
	struct listening *l = *state;
	uint16_t port;
	nw_listener_t listener = tcp_listener(l, &port);
	int fd = raw_connect(AF_INET, SOCK_STREAM, port);
	nw_connection_t c = accepted(&l->r, 0);

	assert_null(nw_connection_copy_current_path(c));
	start_inbound(l, c);
	end_inbound(l, c);
	assert_events(&l->cr, "preparing ready cancelled");
	finish_listener(listener, &l->r);
	close(fd);
}

static void neither_kept_nor_started_is_dropped(void **state)
{
	struct listening *l = *state;
	uint16_t port;
	nw_listener_t listener = tcp_listener(l, &port);
	int fd;

	nw_listener_set_new_connection_handler_f(listener, &l->r, note_only, NULL);
	fd = raw_connect(AF_INET, SOCK_STREAM, port);
	await(&l->r, "seen");
	raw_end(fd);
	close(fd);
	finish_listener(listener, &l->r);
}

/* starting is enough: the library keeps what was started */
static void start_in_handler(void *context, nw_connection_t connection)
{
	struct listening *l = context;

	nw_connection_set_queue(connection, l->queue);
	nw_connection_start(connection);
	nw_connection_set_state_changed_handler_f(connection, &l->cr, on_state, NULL);
	send_bytes(
		connection, &l->cr, 'a', "greeting", 8, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true);
	receive(connection, &l->cr, 'b', 1, 10);
}

static void started_in_the_handler_lives_without_being_kept(void **state)
{
	struct listening *l = *state;
	uint16_t port;
	nw_listener_t listener = tcp_listener(l, &port);
	int fd;

	nw_listener_set_new_connection_handler_f(listener, l, start_in_handler, NULL);
	fd = raw_connect(AF_INET, SOCK_STREAM, port);
	raw_read(fd, "greeting");
	raw_end(fd);
	await(&l->cr, "a=sent");
	raw_reset(fd);
	await(&l->cr, "failed(ECONNRESET)");
	assert_events(&l->cr, "preparing ready a=sent b=-(ECONNRESET) failed(ECONNRESET)");
	finish_listener(listener, &l->r);
}

static void cancel_in_handler(void *context, nw_connection_t connection)
{
	nw_connection_cancel(connection);
	note(context, "rejected");
}

static void cancel_rejects_without_queue_or_handler(void **state)
{
	struct listening *l = *state;
	uint16_t port;
	nw_listener_t listener = tcp_listener(l, &port);
	int fd;

	nw_listener_set_new_connection_handler_f(listener, &l->r, cancel_in_handler, NULL);
	fd = raw_connect(AF_INET, SOCK_STREAM, port);
	raw_end(fd);
	close(fd);
	await(&l->r, "rejected");
	finish_listener(listener, &l->r);
}

static void kept_and_cancelled_later_closes(void **state)
{
	struct listening *l = *state;
	uint16_t port;
	nw_listener_t listener = tcp_listener(l, &port);
	int fd = raw_connect(AF_INET, SOCK_STREAM, port);
	nw_connection_t c = accepted(&l->r, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 50), 0); /* it waits */
	nw_connection_set_state_changed_handler_f(c, &l->cr, on_state, NULL);
	nw_connection_cancel(c);
	raw_end(fd);
	assert_events(&l->cr, ""); /* there is no queue to deliver on */
	close(fd);
	finish_listener(listener, &l->r);
}

static void last_release_closes_an_unstarted_one(void **state)
{
	struct listening *l = *state;
	uint16_t port;
	nw_listener_t listener = tcp_listener(l, &port);
	int fd = raw_connect(AF_INET, SOCK_STREAM, port);

	accepted(&l->r, 0);
	barrier(l->queue);
	release_accepted(&l->r);
	raw_end(fd);
	close(fd);
	finish_listener(listener, &l->r);
}

static void accepted_survives_the_listener(void **state)
{
	struct listening *l = *state;
	uint16_t port;
	nw_listener_t listener = tcp_listener(l, &port);
	int fd = raw_connect(AF_INET, SOCK_STREAM, port);
	nw_connection_t c = accepted(&l->r, 0);

	finish_listener(listener, &l->r);
	receive(c, &l->cr, 'a', 1, 100);
	start_inbound(l, c); /* from another thread, after the listener is gone */
	raw_send(fd, "alive");
	await(&l->cr, "a=alive");
	end_inbound(l, c);
	close(fd);
}

static void parameters_of_an_inbound_connection(void **state)
{
	struct listening *l = *state;
	uint16_t port;
	nw_listener_t listener = tcp_listener(l, &port);
	int one = raw_connect(AF_INET, SOCK_STREAM, port),
	    two = raw_connect(AF_INET, SOCK_STREAM, port);
	nw_parameters_t a = nw_connection_copy_parameters(accepted(&l->r, 0));
	nw_parameters_t b = nw_connection_copy_parameters(accepted(&l->r, 1));

	/* each has its own: what one connection is told does not reach another */
	assert_non_null(a);
	assert_ptr_not_equal(a, b);
	nw_parameters_set_service_class(a, nw_service_class_background);
	assert_int_equal(nw_parameters_get_service_class(b), nw_service_class_best_effort);
	nw_release(a);
	nw_release(b);
	close(one);
	close(two);
	finish_listener(listener, &l->r);
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE(bytes_go_both_ways),
		RULE(preparing_and_ready_are_delivered_inbound_too),
		RULE(neither_kept_nor_started_is_dropped),
		RULE(started_in_the_handler_lives_without_being_kept),
		RULE(cancel_rejects_without_queue_or_handler),
		RULE(kept_and_cancelled_later_closes),
		RULE(last_release_closes_an_unstarted_one),
		RULE(accepted_survives_the_listener),
		RULE(parameters_of_an_inbound_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
