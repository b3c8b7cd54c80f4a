/*
 * Hello, over every path: a server for any C compiler. Where the framework takes a block, the `_f`
 * function takes a context and a function. It takes Multipath TCP and plain TCP on one port.
 *
 *     cc hello_server_f.c -o hello_server_f -lNetwork
 *     ./hello_server_f [PORT]
 */
#include <Network/Network.h>

static void on_sent(void *connection, nw_error_t error)
{
	if (error)
		fprintf(stderr, "hello_server_f: send: %s\n",
			strerror(nw_error_get_error_code(error)));
	nw_connection_cancel(connection);
}

static void on_receive(void *connection, dispatch_data_t content,
	nw_content_context_t context __unused, bool is_complete __unused, nw_error_t error __unused)
{
	dispatch_data_t hello, reply;

	if (!content) {
		nw_connection_cancel(connection);
		return;
	}
	hello = dispatch_data_create_f("hello, ", 7, NULL, NULL);
	reply = dispatch_data_create_concat(hello, content);
	nw_connection_send_f(connection, reply, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true,
		connection, on_sent, NULL);
	dispatch_release(reply);
	dispatch_release(hello);
}

static void on_state(void *connection, nw_connection_state_t state, nw_error_t error __unused)
{
	if (state == nw_connection_state_failed)
		nw_connection_cancel(connection);
}

static void on_connection(void *context __unused, nw_connection_t connection)
{
	nw_connection_set_queue(connection, dispatch_get_main_queue());
	/* the handler's context keeps the connection, and gives it back at the end */
	nw_connection_set_state_changed_handler_f(
		connection, nw_retain(connection), on_state, nw_release);
	nw_connection_receive_f(connection, 1, 4096, connection, on_receive, NULL);
	nw_connection_start(connection);
}

static void on_listener(void *listener, nw_listener_state_t state, nw_error_t error)
{
	if (state == nw_listener_state_ready) {
		printf("%u\n", nw_listener_get_port(listener));
		fflush(stdout);
	} else if (error) {
		fprintf(stderr, "hello_server_f: %s\n", strerror(nw_error_get_error_code(error)));
		exit(EXIT_FAILURE);
	}
}

int main(int argc, char **argv)
{
	nw_parameters_t parameters = nw_parameters_create_secure_tcp_f(
		NULL, BRAID_DISABLE_PROTOCOL_F, NULL, BRAID_DEFAULT_CONFIGURATION_F);
	nw_listener_t listener;

	nw_parameters_set_multipath_service(parameters, nw_multipath_service_handover);
	listener = nw_listener_create_with_port(argc > 1 ? argv[1] : "0", parameters);
	if (!listener) {
		fprintf(stderr, "usage: hello_server_f [PORT]\n");
		return 2;
	}
	nw_listener_set_queue(listener, dispatch_get_main_queue());
	nw_listener_set_new_connection_handler_f(listener, NULL, on_connection, NULL);
	nw_listener_set_state_changed_handler_f(listener, listener, on_listener, NULL);
	nw_listener_start(listener);
	dispatch_main();
}
