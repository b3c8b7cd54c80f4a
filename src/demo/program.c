/* See program.h. */
#include "demo/program.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static nw_parameters_t make_parameters(nw_parameters_configure_protocol_f configure_tcp)
{
	return nw_parameters_create_secure_tcp_f(
		NULL, BRAID_DISABLE_PROTOCOL_F, NULL, configure_tcp);
}

/* --- server --- */

static struct {
	const struct demo_server *config;
	nw_listener_t listener;
	dispatch_queue_t queue;
	void (*on_connection)(nw_connection_t connection);
} server;

static void on_accepted(void *context, nw_connection_t connection)
{
	(void)context;
	nw_retain(connection);
	nw_connection_set_queue(connection, server.queue);
	nw_connection_start(connection);
	server.on_connection(connection);
}

static void on_listener_state(void *context, nw_listener_state_t state, nw_error_t error)
{
	(void)context;
	if (state == nw_listener_state_ready) {
		if (dprintf(server.config->port_fd, "%u\n", nw_listener_get_port(server.listener)) <
			0)
			_exit(1);
	} else if (state == nw_listener_state_failed) {
		fprintf(stderr, "server: %s\n", strerror(nw_error_get_error_code(error)));
		_exit(1);
	}
}

void demo_listen(const struct demo_server *config, nw_parameters_configure_protocol_f configure_tcp,
	void (*on_connection)(nw_connection_t))
{
	nw_parameters_t parameters = make_parameters(configure_tcp);
	nw_endpoint_t local = nw_endpoint_create_host(config->address, "0");

	server.config = config;
	server.on_connection = on_connection;
	server.queue = dispatch_queue_create("demo.server", NULL);
	nw_parameters_set_local_endpoint(parameters, local);
	server.listener = nw_listener_create(parameters);
	nw_release(local);
	nw_release(parameters);
	nw_listener_set_queue(server.listener, server.queue);
	nw_listener_set_state_changed_handler_f(server.listener, NULL, on_listener_state, NULL);
	nw_listener_set_new_connection_handler_f(server.listener, NULL, on_accepted, NULL);
	nw_listener_start(server.listener);
	dispatch_main();
}

/* --- client --- */

void demo_tell(const struct demo_user *user, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vdprintf(user->config->report_fd, format, ap);
	va_end(ap);
}

void demo_tell_manager(struct demo_user *user)
{
	braid_path_manager_t manager = braid_connection_get_path_manager(user->connection);

	if (manager == user->manager)
		return;
	user->manager = manager;
	demo_tell(user, "by %s\n", braid_path_manager_string(manager));
}

void demo_end(struct demo_user *user, int status)
{
	user->status = status;
	nw_connection_cancel(user->connection);
}

void demo_fail(struct demo_user *user, const char *format, ...)
{
	char why[DEMO_WHY];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(why, sizeof(why), format, ap);
	va_end(ap);
	demo_tell(user, "failed %s\n", why);
	demo_end(user, 1);
}

static void on_state(void *context, nw_connection_state_t state, nw_error_t error)
{
	struct demo_user *user = context;

	switch (state) {
	case nw_connection_state_ready:
		demo_tell(user, "ready %s\nby %s\n",
			braid_multipath_reason_string(
				braid_connection_get_multipath_reason(user->connection)),
			braid_path_manager_string(user->manager));
		user->on_ready();
		break;
	case nw_connection_state_waiting:
	case nw_connection_state_failed:
		demo_fail(user, "%s", strerror(nw_error_get_error_code(error)));
		break;
	case nw_connection_state_cancelled: dispatch_semaphore_signal(user->over); break;
	default: break;
	}
}

int demo_connect(struct demo_user *user, nw_parameters_configure_protocol_f configure_tcp)
{
	nw_parameters_t parameters = make_parameters(configure_tcp);
	nw_endpoint_t endpoint;
	char port[8];

	setenv("BRAID_SOCKET", user->config->socket, 1);
	nw_parameters_set_multipath_service(
		parameters, (nw_multipath_service_t)user->config->service);
	(void)snprintf(port, sizeof(port), "%u", user->config->port);
	endpoint = nw_endpoint_create_host(user->config->address, port);
	user->connection = nw_connection_create(endpoint, parameters);
	nw_release(endpoint);
	nw_release(parameters);
	user->over = dispatch_semaphore_create(0);
	user->queue = dispatch_queue_create("demo.client", NULL);
	nw_connection_set_queue(user->connection, user->queue);
	nw_connection_set_state_changed_handler_f(user->connection, user, on_state, NULL);
	nw_connection_start(user->connection);
	dispatch_semaphore_wait(user->over, DISPATCH_TIME_FOREVER);
	nw_release(user->connection);
	return user->status;
}
