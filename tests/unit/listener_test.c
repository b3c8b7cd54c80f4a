/* Rules of listeners, over loopback. */
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

/* Both handlers and the queue are set; not started. */
static nw_listener_t prepare(struct listening *l, nw_listener_t listener)
{
	assert_non_null(listener);
	nw_listener_set_queue(listener, l->queue);
	nw_listener_set_state_changed_handler_f(listener, &l->r, on_listener_state, NULL);
	nw_listener_set_new_connection_handler_f(listener, &l->r, on_connection, NULL);
	return listener;
}

static void set_local(nw_parameters_t parameters, const char *host, uint16_t port)
{
	char text[8];
	nw_endpoint_t local;

	snprintf(text, sizeof(text), "%u", port);
	local = nw_endpoint_create_host(host, text);
	nw_parameters_set_local_endpoint(parameters, local);
	nw_release(local);
}

/* --- ports and addresses --- */

static void a_port_in_use_fails_in_the_handler(void **state)
{
	struct listening *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	char text[8];
	uint16_t port;
	int fd = raw_listen(AF_INET6, SOCK_STREAM, &port);
	nw_listener_t listener;

	set_local(tcp, "::1", port);
	snprintf(text, sizeof(text), "%u", port);
	listener = prepare(l, nw_listener_create_with_port(text, tcp));
	assert_events(&l->r, "");
	nw_listener_start(listener);
	await(&l->r, "failed(EADDRINUSE)");
	assert_int_equal(nw_listener_get_port(listener), 0);
	finish_listener(listener, &l->r);
	assert_events(&l->r, "failed(EADDRINUSE) cancelled");
	nw_release(tcp);
	close(fd);
}

static void a_random_port_is_known_from_ready_on(void **state)
{
	struct listening *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	nw_listener_t listener = prepare(l, nw_listener_create(tcp));

	assert_int_equal(nw_listener_get_port(listener), 0);
	nw_listener_start(listener);
	await(&l->r, "ready");
	assert_int_not_equal(nw_listener_get_port(listener), 0);
	close(raw_connect(AF_INET, SOCK_STREAM, nw_listener_get_port(listener)));
	finish_listener(listener, &l->r);
	nw_release(tcp);
}

static void port_of_ready(void *context, nw_listener_state_t listener_state, nw_error_t error)
{
	void **pair = context;

	note(pair[0], "port=%d", nw_listener_get_port(pair[1]) != 0);
	on_listener_state(pair[0], listener_state, error);
}

static void get_port_works_inside_the_handler(void **state)
{
	struct listening *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	nw_listener_t listener = prepare(l, nw_listener_create(tcp));
	void *pair[2] = { &l->r, listener };

	nw_listener_set_state_changed_handler_f(listener, pair, port_of_ready, NULL);
	nw_listener_start(listener);
	await(&l->r, "ready");
	assert_events(&l->r, "port=1 ready");
	finish_listener(listener, &l->r);
	nw_release(tcp);
}

static void a_given_port_is_used(void **state)
{
	struct listening *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	uint16_t port;
	char text[8];
	nw_listener_t listener;

	/* a free one: it was one a moment ago, and the kernel does not give it out again so soon */
	close(raw_listen(AF_INET, SOCK_STREAM, &port));
	snprintf(text, sizeof(text), "%u", port);
	nw_parameters_set_reuse_local_address(tcp, true);
	listener = prepare(l, nw_listener_create_with_port(text, tcp));
	nw_listener_start(listener);
	await(&l->r, "ready");
	assert_int_equal(nw_listener_get_port(listener), port);
	finish_listener(listener, &l->r);
	nw_release(tcp);
}

static void both_families_come_in(void **state)
{
	struct listening *l = *state;
	uint16_t port;
	nw_listener_t listener = tcp_listener(l, &port);
	int four = raw_connect(AF_INET, SOCK_STREAM, port), six;
	nw_endpoint_t endpoint;

	endpoint = nw_connection_copy_endpoint(accepted(&l->r, 0));
	assert_int_equal(nw_endpoint_get_type(endpoint), nw_endpoint_type_address);
	assert_string_equal(nw_endpoint_get_hostname(endpoint), "127.0.0.1");
	assert_int_equal(nw_endpoint_get_port(endpoint), raw_port(four));
	nw_release(endpoint);
	six = raw_connect(AF_INET6, SOCK_STREAM, port);
	endpoint = nw_connection_copy_endpoint(accepted(&l->r, 1));
	assert_string_equal(nw_endpoint_get_hostname(endpoint), "::1");
	nw_release(endpoint);
	finish_listener(listener, &l->r);
	close(four);
	close(six);
}

static void the_ipv6_wildcard_takes_ipv4_too(void **state)
{
	struct listening *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	nw_listener_t listener;
	uint16_t port;
	int four;

	set_local(tcp, "::", 0);
	listener = new_listener(&l->r, l->queue, tcp, &port);
	four = raw_connect(AF_INET, SOCK_STREAM, port);
	accepted(&l->r, 0);
	close(four);
	finish_listener(listener, &l->r);
	nw_release(tcp);
}

static void an_ip_version_limits_the_listener(void **state)
{
	struct listening *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(tcp);
	nw_protocol_options_t ip = nw_protocol_stack_copy_internet_protocol(stack);
	struct sockaddr_in to = { .sin_family = AF_INET };
	int four = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), six;
	nw_listener_t listener;
	uint16_t port;

	nw_ip_options_set_version(ip, nw_ip_version_6);
	listener = new_listener(&l->r, l->queue, tcp, &port);
	to.sin_port = htons(port);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(four, (struct sockaddr *)&to, sizeof(to)), -1);
	assert_int_equal(errno, ECONNREFUSED);
	six = raw_connect(AF_INET6, SOCK_STREAM, port);
	accepted(&l->r, 0);
	finish_listener(listener, &l->r);
	close(six);
	close(four);
	nw_release(ip);
	nw_release(stack);
	nw_release(tcp);
}

static void a_local_endpoint_is_listened_on(void **state)
{
	struct listening *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	nw_listener_t listener;
	uint16_t port;

	set_local(tcp, "127.0.0.5", 0);
	listener = new_listener(&l->r, l->queue, tcp, &port);
	to.sin_port = htons(port);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK); /* not there */
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), -1);
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	to.sin_addr.s_addr = htonl(0x7f000005);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	accepted(&l->r, 0);
	close(fd);
	finish_listener(listener, &l->r);
	nw_release(tcp);
}

static void reuse_local_address_binds_again_at_once(void **state)
{
	struct listening *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	nw_listener_t listener;
	uint16_t port, again;
	int fd;

	nw_parameters_set_reuse_local_address(tcp, true);
	set_local(tcp, "127.0.0.1", 0);
	listener = new_listener(&l->r, l->queue, tcp, &port);
	/* a connection that the server closes first stays in TIME_WAIT at its port */
	fd = raw_connect(AF_INET, SOCK_STREAM, port);
	start_inbound(l, accepted(&l->r, 0));
	end_inbound(l, accepted(&l->r, 0));
	raw_end(fd);
	close(fd);
	finish_listener(listener, &l->r);
	set_local(tcp, "127.0.0.1", port);
	listener = new_listener(&l->r, l->queue, tcp, &again);
	assert_int_equal(again, port);
	finish_listener(listener, &l->r);
	nw_release(tcp);
}

/* --- limits --- */

static void the_limit_counts_down_stops_and_resumes(void **state)
{
	struct listening *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	nw_listener_t listener = prepare(l, nw_listener_create(tcp));
	int fds[5];
	uint16_t port;

	assert_int_equal(nw_listener_get_new_connection_limit(listener),
		NW_LISTENER_INFINITE_CONNECTION_LIMIT);
	nw_listener_set_new_connection_limit(listener, 2);
	nw_listener_start(listener);
	await(&l->r, "ready");
	port = nw_listener_get_port(listener);
	for (unsigned i = 0; i < 5; i++)
		fds[i] = raw_connect(AF_INET, SOCK_STREAM, port);
	accepted(&l->r, 1);
	assert_false(await_for(&l->r, "new", 0) && await_for(&l->r, "new", 0) &&
		     await_for(&l->r, "new", 200));
	assert_int_equal(nw_listener_get_new_connection_limit(listener), 0);
	nw_listener_set_new_connection_limit(listener, 1);
	accepted(&l->r, 2);
	barrier(l->queue);
	assert_int_equal(seen(&l->r, "new"), 3);
	nw_listener_set_new_connection_limit(listener, NW_LISTENER_INFINITE_CONNECTION_LIMIT);
	accepted(&l->r, 4);
	assert_int_equal(nw_listener_get_new_connection_limit(listener),
		NW_LISTENER_INFINITE_CONNECTION_LIMIT);
	for (unsigned i = 0; i < 5; i++)
		close(fds[i]);
	finish_listener(listener, &l->r);
	nw_release(tcp);
}

static void a_udp_limit_counts_peers(void **state)
{
	struct listening *l = *state;
	nw_parameters_t udp = udp_parameters();
	uint16_t port;
	nw_listener_t listener = new_listener(&l->r, l->queue, udp, &port);
	int one = raw_connect(AF_INET, SOCK_DGRAM, port),
	    two = raw_connect(AF_INET, SOCK_DGRAM, port);

	nw_listener_set_new_connection_limit(listener, 1);
	raw_send(one, "1");
	accepted(&l->r, 0);
	raw_send(two, "2");
	raw_send(one, "1");
	assert_false(await_for(&l->r, "new", 0) && await_for(&l->r, "new", 200));
	nw_listener_set_new_connection_limit(listener, 1);
	raw_send(two, "2 again");
	accepted(&l->r, 1);
	assert_int_equal(nw_listener_get_new_connection_limit(listener), 0);
	close(one);
	close(two);
	finish_listener(listener, &l->r);
	nw_release(udp);
}

static void many_at_once_all_come_in(void **state)
{
	struct listening *l = *state;
	uint16_t port;
	nw_listener_t listener;
	int fds[300];

	listener = tcp_listener(l, &port);
	nw_listener_set_new_connection_handler_f(listener, &l->r, note_only, NULL);
	dispatch_suspend(l->queue); /* they pile up in the kernel, more than one turn takes */
	for (unsigned i = 0; i < 300; i++)
		fds[i] = raw_connect(AF_INET, SOCK_STREAM, port);
	dispatch_resume(l->queue);
	for (unsigned i = 0; i < 300; i++) {
		await(&l->r, "seen");
		raw_end(fds[i]);
		close(fds[i]);
	}
	finish_listener(listener, &l->r);
}

/* out of descriptors: connections wait, and come in when there are some again */
static void running_out_of_descriptors_is_survived(void **state)
{
	struct listening *l = *state;
	uint16_t port;
	nw_listener_t listener = tcp_listener(l, &port);
	int clients[4], hogs[256], n = 0;
	struct rlimit old, low;

	/* valgrind accepts the connection, finds the descriptor too high and closes it again */
	if (under_valgrind()) {
		finish_listener(listener, &l->r);
		skip();
	}
	for (unsigned i = 0; i < 4; i++)
		clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = 256;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	while (n < 256 && (hogs[n] = dup(clients[0])) >= 0)
		n++;
	for (unsigned i = 0; i < 4; i++) {
		struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };

		to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		assert_int_equal(connect(clients[i], (struct sockaddr *)&to, sizeof(to)), 0);
	}
	assert_false(await_for(&l->r, "new", 250));
	while (n > 0)
		close(hogs[--n]);
	accepted(&l->r, 3);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	for (unsigned i = 0; i < 4; i++)
		close(clients[i]);
	finish_listener(listener, &l->r);
}

/* --- life --- */

static void without_new_connection_handler_it_fails(void **state)
{
	struct listening *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	nw_listener_t listener = nw_listener_create(tcp);

	nw_listener_set_queue(listener, l->queue);
	nw_listener_set_state_changed_handler_f(listener, &l->r, on_listener_state, NULL);
	nw_listener_start(listener);
	await(&l->r, "failed(EINVAL)");
	finish_listener(listener, &l->r);
	nw_release(tcp);
}

static void a_handler_that_is_taken_away_rejects(void **state)
{
	struct listening *l = *state;
	uint16_t port;
	nw_listener_t listener = tcp_listener(l, &port);
	int fd;

	nw_listener_set_new_connection_handler_f(listener, NULL, NULL, NULL);
	fd = raw_connect(AF_INET, SOCK_STREAM, port);
	raw_end(fd);
	close(fd);
	finish_listener(listener, &l->r);
	assert_events(&l->r, "ready cancelled");
}

static void cancelling_twice_is_harmless(void **state)
{
	struct listening *l = *state;
	uint16_t port;
	nw_listener_t listener = tcp_listener(l, &port);

	nw_listener_cancel(listener);
	nw_listener_cancel(listener);
	await(&l->r, "cancelled");
	nw_listener_cancel(listener);
	barrier(l->queue);
	assert_events(&l->r, "ready cancelled");
	nw_release(listener);
}

static void cancel_releases_the_port_and_the_handlers(void **state)
{
	struct listening *l = *state;
	uint16_t port;
	nw_parameters_t tcp = tcp_parameters();
	nw_listener_t listener = prepare(l, nw_listener_create(tcp));
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	nw_listener_set_state_changed_handler_f(listener, &l->r, on_listener_state, on_destroy);
	nw_listener_set_new_connection_handler_f(listener, &l->r, on_connection, on_destroy);
	nw_listener_start(listener);
	await(&l->r, "ready");
	port = nw_listener_get_port(listener);
	nw_listener_cancel(listener);
	await(&l->r, "cancelled");
	barrier(l->queue);
	assert_int_equal(l->r.destroyed, 2);
	to.sin6_port = htons(port);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), -1);
	close(fd);
	nw_release(listener);
	nw_release(tcp);
}

static void release_right_after_cancel_is_safe(void **state)
{
	struct listening *l = *state;
	uint16_t port;
	nw_listener_t listener = tcp_listener(l, &port);

	nw_listener_cancel(listener);
	nw_release(listener);
	await(&l->r, "cancelled");
	assert_events(&l->r, "ready cancelled");
}

static void cancel_before_start(void **state)
{
	struct listening *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	nw_listener_t listener = prepare(l, nw_listener_create(tcp));

	nw_listener_cancel(listener);
	nw_listener_start(listener);
	await(&l->r, "cancelled");
	barrier(l->queue);
	assert_events(&l->r, "cancelled");
	nw_release(listener);
	/* and without a queue */
	listener = nw_listener_create(tcp);
	nw_listener_cancel(listener);
	nw_listener_set_queue(listener, l->queue);
	nw_listener_set_state_changed_handler_f(listener, &l->r, on_listener_state, NULL);
	nw_listener_set_new_connection_handler_f(listener, &l->r, on_connection, NULL);
	nw_listener_start(listener);
	barrier(l->queue);
	assert_events(&l->r, "cancelled");
	nw_release(listener);
	nw_release(tcp);
}

static void cancel_own(void *context, nw_listener_state_t listener_state, nw_error_t error)
{
	void **pair = context;

	on_listener_state(pair[0], listener_state, error);
	if (listener_state == nw_listener_state_ready) {
		nw_listener_cancel(pair[1]);
		nw_release(pair[1]);
	}
}

static void cancel_and_release_inside_ready(void **state)
{
	struct listening *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	nw_listener_t listener = prepare(l, nw_listener_create(tcp));
	void *pair[2] = { &l->r, listener };

	nw_listener_set_state_changed_handler_f(listener, pair, cancel_own, NULL);
	nw_listener_start(listener);
	await(&l->r, "cancelled");
	assert_events(&l->r, "ready cancelled");
	nw_release(tcp);
}

static void a_started_listener_lives_without_references(void **state)
{
	struct listening *l = *state;
	uint16_t port;
	nw_listener_t listener = tcp_listener(l, &port);
	int fd;

	nw_retain(listener);
	nw_release(listener);
	nw_release(listener); /* the last one */
	fd = raw_connect(AF_INET, SOCK_STREAM, port);
	accepted(&l->r, 0);
	close(fd);
	nw_listener_cancel(listener); /* only a test may: it knows that the library holds it */
	await(&l->r, "cancelled");
}

static void start_without_queue_does_nothing(void **state)
{
	struct listening *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	nw_listener_t listener = nw_listener_create(tcp);

	nw_listener_set_state_changed_handler_f(listener, &l->r, on_listener_state, NULL);
	nw_listener_set_new_connection_handler_f(listener, &l->r, on_connection, NULL);
	nw_listener_start(listener);
	assert_int_equal(nw_listener_get_port(listener), 0);
	nw_listener_set_queue(listener, l->queue);
	nw_listener_start(listener);
	nw_listener_start(listener);
	await(&l->r, "ready");
	finish_listener(listener, &l->r);
	assert_events(&l->r, "ready cancelled");
	nw_release(tcp);
}

static void a_listener_is_serialised_on_a_global_queue(void **state)
{
	struct listening *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	nw_listener_t listener = nw_listener_create(tcp);
	int fds[30];

	nw_listener_set_queue(listener, dispatch_get_global_queue(0, 0));
	nw_listener_set_state_changed_handler_f(listener, &l->r, on_listener_state, NULL);
	nw_listener_set_new_connection_handler_f(listener, &l->r, on_connection, NULL);
	nw_listener_start(listener);
	await(&l->r, "ready");
	for (unsigned i = 0; i < 30; i++)
		fds[i] = raw_connect(AF_INET, SOCK_STREAM, nw_listener_get_port(listener));
	accepted(&l->r, 29);
	for (unsigned i = 0; i < 30; i++)
		close(fds[i]);
	finish_listener(listener, &l->r);
	nw_release(tcp);
}

/* --- socket activation --- */

/* In the exec'ed child: descriptor 3 is "ours", 4 is "other". Exit status: what happened. */
static int activated(const char *key)
{
	static struct recorder r;
	nw_parameters_t tcp = tcp_parameters();
	nw_listener_t listener = nw_listener_create_with_launchd_key(tcp, key);
	dispatch_queue_t queue = dispatch_queue_create("child", NULL);

	recorder_init(&r);
	nw_listener_set_queue(listener, queue);
	nw_listener_set_state_changed_handler_f(listener, &r, on_listener_state, NULL);
	nw_listener_set_new_connection_handler_f(listener, &r, on_connection, NULL);
	nw_listener_start(listener);
	await_first(&r, ""); /* whatever comes first */
	if (!seen(&r, "ready"))
		return seen(&r, "failed(ENOENT)") ? 2 : 3;
	send_bytes(accepted(&r, 0), &r, 'a', "activated", 9, NW_CONNECTION_FINAL_MESSAGE_CONTEXT,
		true);
	nw_connection_set_queue(accepted(&r, 0), queue);
	nw_connection_start(accepted(&r, 0));
	return await_for(&r, "a=sent", WAIT_S * 1000) ? 0 : 4;
}

static char own_path[4096];

static pid_t spawn_activated(int ours, int other, const char *key)
{
	pid_t pid = fork();
	char text[16];

	if (pid)
		return pid;
	/* away from 3 and 4 first: which numbers the two have depends on what was inherited */
	ours = fcntl(ours, F_DUPFD, 5);
	other = fcntl(other, F_DUPFD, 5);
	dup2(ours, 3);
	dup2(other, 4);
	snprintf(text, sizeof(text), "%d", (int)getpid());
	setenv("LISTEN_PID", text, 1);
	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_FDNAMES", "ours:other", 1);
	execl(own_path, own_path, "activated", key, NULL);
	_exit(9);
}

static int exit_status(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void socket_activation_by_name(void **state)
{
	uint16_t ours_port, other_port;
	int ours = raw_listen(AF_INET, SOCK_STREAM, &ours_port);
	int other = raw_listen(AF_INET, SOCK_STREAM, &other_port), fd;
	pid_t pid;

	(void)state;
	pid = spawn_activated(ours, other, "other");
	fd = raw_connect(AF_INET, SOCK_STREAM, other_port);
	raw_read(fd, "activated");
	assert_int_equal(exit_status(pid), 0);
	close(fd);
	pid = spawn_activated(ours, other, "ours");
	fd = raw_connect(AF_INET, SOCK_STREAM, ours_port);
	raw_read(fd, "activated");
	assert_int_equal(exit_status(pid), 0);
	close(fd);
	assert_int_equal(exit_status(spawn_activated(ours, other, "unknown")), 2);
	close(ours);
	close(other);
}

static void socket_activation_without_a_socket_fails(void **state)
{
	struct listening *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	nw_listener_t listener = prepare(l, nw_listener_create_with_launchd_key(tcp, "nothing"));

	nw_listener_start(listener);
	await(&l->r, "failed(ENOENT)");
	finish_listener(listener, &l->r);
	nw_release(tcp);
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RULE(a_port_in_use_fails_in_the_handler),
		RULE(a_random_port_is_known_from_ready_on),
		RULE(get_port_works_inside_the_handler),
		RULE(a_given_port_is_used),
		RULE(both_families_come_in),
		RULE(the_ipv6_wildcard_takes_ipv4_too),
		RULE(an_ip_version_limits_the_listener),
		RULE(a_local_endpoint_is_listened_on),
		RULE(reuse_local_address_binds_again_at_once),
		RULE(the_limit_counts_down_stops_and_resumes),
		RULE(a_udp_limit_counts_peers),
		RULE(many_at_once_all_come_in),
		RULE(running_out_of_descriptors_is_survived),
		RULE(without_new_connection_handler_it_fails),
		RULE(a_handler_that_is_taken_away_rejects),
		RULE(cancelling_twice_is_harmless),
		RULE(cancel_releases_the_port_and_the_handlers),
		RULE(release_right_after_cancel_is_safe),
		RULE(cancel_before_start),
		RULE(cancel_and_release_inside_ready),
		RULE(a_started_listener_lives_without_references),
		RULE(start_without_queue_does_nothing),
		RULE(a_listener_is_serialised_on_a_global_queue),
		RULE(socket_activation_by_name),
		RULE(socket_activation_without_a_socket_fails),
	};

	if (readlink("/proc/self/exe", own_path, sizeof(own_path) - 1) < 0)
		return 1;
	if (argc == 3 && !strcmp(argv[1], "activated"))
		_exit(activated(argv[2])); /* what it leaves behind goes with it */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
