/* The programs of small requests, written with libNetwork: one asks at an interval, the other
 * sends back what came. They know nothing of paths. */
#include <Network/Network.h>
#include <braid/multipath.h>

#include "demo/demo.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_BYTES 200u
#define INTERVAL_NS   UINT64_C(50000000)
#define RECEIVE_MAX   65536u

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* Small messages must not wait for each other. */
static void configure_tcp(void *context, nw_protocol_options_t options)
{
	(void)context;
	nw_tcp_options_set_no_delay(options, true);
}

static nw_parameters_t make_parameters(void)
{
	return nw_parameters_create_secure_tcp_f(
		NULL, BRAID_DISABLE_PROTOCOL_F, NULL, configure_tcp);
}

/* --- server --- */

static struct {
	const struct demo_server *config;
	nw_listener_t listener;
	dispatch_queue_t queue;
} server;

static void on_sent(void *context, nw_error_t error)
{
	(void)context;
	(void)error; /* the next receive says it, too */
}

static void on_request(void *context, dispatch_data_t content, nw_content_context_t message,
	bool is_complete, nw_error_t error)
{
	nw_connection_t connection = context;

	(void)message;
	if (content)
		nw_connection_send_f(connection, content, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT,
			false, NULL, on_sent, NULL);
	if (error || is_complete) {
		nw_connection_cancel(connection);
		nw_release(connection);
		return;
	}
	nw_connection_receive_f(connection, 1, RECEIVE_MAX, connection, on_request, NULL);
}

static void on_connection(void *context, nw_connection_t connection)
{
	(void)context;
	nw_retain(connection);
	nw_connection_set_queue(connection, server.queue);
	nw_connection_start(connection);
	nw_connection_receive_f(connection, 1, RECEIVE_MAX, connection, on_request, NULL);
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

int demo_answer(void *context)
{
	nw_parameters_t parameters = make_parameters();
	nw_endpoint_t local;

	server.config = context;
	server.queue = dispatch_queue_create("demo.server", NULL);
	local = nw_endpoint_create_host(server.config->address, "0");
	nw_parameters_set_local_endpoint(parameters, local);
	server.listener = nw_listener_create(parameters);
	nw_release(local);
	nw_release(parameters);
	nw_listener_set_queue(server.listener, server.queue);
	nw_listener_set_state_changed_handler_f(server.listener, NULL, on_listener_state, NULL);
	nw_listener_set_new_connection_handler_f(server.listener, NULL, on_connection, NULL);
	nw_listener_start(server.listener);
	dispatch_main();
}

/* --- client --- */

static struct {
	const struct demo_client *config;
	nw_connection_t connection;
	dispatch_queue_t queue; /* all of this is of it */
	dispatch_semaphore_t over;
	uint64_t begun_ns, sent_ns[DEMO_ANSWERS_MAX];
	uint32_t sent, count; /* count: that are to be sent */
	uint64_t back_bytes;
	braid_path_manager_t manager;
	int status;
} client;

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void tell(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vdprintf(client.config->report_fd, format, ap);
	va_end(ap);
}

static void end(int status)
{
	client.status = status;
	nw_connection_cancel(client.connection);
}

/* Byte `offset` of all that is sent: so that an answer to another request would be noticed. */
static uint8_t byte_at(uint64_t offset)
{
	return (uint8_t)(offset / REQUEST_BYTES * 7 + offset % REQUEST_BYTES);
}

static bool compare(
	void *context, dispatch_data_t region, size_t offset, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;

	(void)context;
	(void)region;
	for (size_t i = 0; i < size; i++) {
		if (p[i] != byte_at(client.back_bytes + offset + i))
			return false;
	}
	return true;
}

static void on_answer(void *context, dispatch_data_t content, nw_content_context_t message,
	bool is_complete, nw_error_t error)
{
	uint64_t now = now_ns(), before = client.back_bytes / REQUEST_BYTES;

	(void)context;
	(void)message;
	if (content) {
		if (!dispatch_data_apply_f(content, NULL, compare)) {
			tell("failed an answer is not what was asked\n");
			end(1);
			return;
		}
		client.back_bytes += dispatch_data_get_size(content);
	}
	for (uint64_t i = before; i < client.back_bytes / REQUEST_BYTES && i < client.sent; i++)
		tell("answer %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", i,
			client.sent_ns[i] - client.begun_ns, now - client.sent_ns[i]);
	if (error || is_complete) {
		tell("failed %s\n", error ? strerror(nw_error_get_error_code(error))
					  : "the server has ended the connection");
		end(1);
	} else if (client.back_bytes == (uint64_t)client.count * REQUEST_BYTES) {
		tell("end\n");
		end(0);
	} else {
		nw_connection_receive_f(client.connection, 1, RECEIVE_MAX, NULL, on_answer, NULL);
	}
}

static void on_asked(void *context, nw_error_t error)
{
	(void)context;
	(void)error; /* the receive that waits says it, too */
}

static void ask_next(void *context)
{
	uint8_t request[REQUEST_BYTES];
	braid_path_manager_t manager = braid_connection_get_path_manager(client.connection);
	uint64_t now = now_ns(), next_ns;
	dispatch_data_t data;

	(void)context;
	if (manager != client.manager)
		tell("by %s\n", braid_path_manager_string(manager));
	client.manager = manager;
	for (uint32_t i = 0; i < REQUEST_BYTES; i++)
		request[i] = byte_at((uint64_t)client.sent * REQUEST_BYTES + i);
	data = dispatch_data_create_f(request, sizeof(request), NULL, NULL);
	client.sent_ns[client.sent++] = now;
	nw_connection_send_f(client.connection, data, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, false,
		NULL, on_asked, NULL);
	dispatch_release(data);
	if (client.sent == client.count)
		return;
	next_ns = client.begun_ns + client.sent * INTERVAL_NS;
	dispatch_after_f(
		dispatch_time(DISPATCH_TIME_NOW, next_ns > now ? (int64_t)(next_ns - now) : 0),
		client.queue, NULL, ask_next);
}

static void on_client_state(void *context, nw_connection_state_t state, nw_error_t error)
{
	(void)context;
	switch (state) {
	case nw_connection_state_ready:
		tell("ready %s\nby none\n",
			braid_multipath_reason_string(
				braid_connection_get_multipath_reason(client.connection)));
		client.begun_ns = now_ns();
		nw_connection_receive_f(client.connection, 1, RECEIVE_MAX, NULL, on_answer, NULL);
		ask_next(NULL);
		break;
	case nw_connection_state_waiting:
	case nw_connection_state_failed:
		tell("failed %s\n", strerror(nw_error_get_error_code(error)));
		end(1);
		break;
	case nw_connection_state_cancelled: dispatch_semaphore_signal(client.over); break;
	default: break;
	}
}

int demo_ask(void *context)
{
	nw_parameters_t parameters = make_parameters();
	nw_endpoint_t endpoint;
	char port[8];

	client.config = context;
	client.count = (uint32_t)(client.config->seconds * (NSEC_PER_SEC / INTERVAL_NS));
	if (!client.count || client.count > DEMO_ANSWERS_MAX) {
		tell("failed %u requests are too many\n", client.count);
		return 1;
	}
	setenv("BRAID_SOCKET", client.config->socket, 1);
	nw_parameters_set_multipath_service(
		parameters, (nw_multipath_service_t)client.config->service);
	(void)snprintf(port, sizeof(port), "%u", client.config->port);
	endpoint = nw_endpoint_create_host(client.config->address, port);
	client.connection = nw_connection_create(endpoint, parameters);
	nw_release(endpoint);
	nw_release(parameters);
	client.over = dispatch_semaphore_create(0);
	client.queue = dispatch_queue_create("demo.client", NULL);
	nw_connection_set_queue(client.connection, client.queue);
	nw_connection_set_state_changed_handler_f(client.connection, NULL, on_client_state, NULL);
	nw_connection_start(client.connection);
	dispatch_semaphore_wait(client.over, DISPATCH_TIME_FOREVER);
	nw_release(client.connection);
	return client.status;
}
