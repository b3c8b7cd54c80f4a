/*
 * Hello, over every path: a server of the Network framework's API, with blocks. It takes Multipath
 * TCP and plain TCP on one port.
 *
 *     clang -fblocks hello_server.c -o hello_server -lNetwork -lBlocksRuntime
 *     ./hello_server [PORT]
 */
#include <Network/Network.h>

static void answer(nw_connection_t connection, dispatch_data_t question)
{
	dispatch_data_t hello =
		dispatch_data_create("hello, ", 7, NULL, DISPATCH_DATA_DESTRUCTOR_DEFAULT);
	dispatch_data_t reply = dispatch_data_create_concat(hello, question);

	nw_connection_send(
		connection, reply, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true, ^(nw_error_t error) {
		  if (error)
			  fprintf(stderr, "hello_server: send: %s\n",
				  strerror(nw_error_get_error_code(error)));
		  nw_connection_cancel(connection);
		});
	dispatch_release(reply);
	dispatch_release(hello);
}

static void serve(nw_connection_t connection)
{
	nw_retain(connection); /* until it is cancelled */
	nw_connection_set_queue(connection, dispatch_get_main_queue());
	nw_connection_set_state_changed_handler(
		connection, ^(nw_connection_state_t state, nw_error_t error __unused) {
		  if (state == nw_connection_state_failed)
			  nw_connection_cancel(connection);
		  else if (state == nw_connection_state_cancelled)
			  nw_release(connection);
		});
	nw_connection_receive(connection, 1, 4096,
		^(dispatch_data_t content, nw_content_context_t context __unused,
			bool is_complete __unused, nw_error_t error __unused) {
		  if (content)
			  answer(connection, content);
		  else
			  nw_connection_cancel(connection);
		});
	nw_connection_start(connection);
}

int main(int argc, char **argv)
{
	nw_parameters_t parameters = nw_parameters_create_secure_tcp(
		NW_PARAMETERS_DISABLE_PROTOCOL, NW_PARAMETERS_DEFAULT_CONFIGURATION);
	nw_listener_t listener;

	nw_parameters_set_multipath_service(parameters, nw_multipath_service_handover);
	listener = nw_listener_create_with_port(argc > 1 ? argv[1] : "0", parameters);
	nw_release(parameters);
	if (!listener) {
		fprintf(stderr, "usage: hello_server [PORT]\n");
		return 2;
	}
	nw_listener_set_queue(listener, dispatch_get_main_queue());
	nw_listener_set_new_connection_handler(listener, ^(nw_connection_t connection) {
	  serve(connection);
	});
	nw_listener_set_state_changed_handler(listener, ^(
						      nw_listener_state_t state, nw_error_t error) {
	  if (state == nw_listener_state_ready) {
		  printf("%u\n", nw_listener_get_port(listener));
		  fflush(stdout);
	  } else if (error) {
		  fprintf(stderr, "hello_server: %s\n", strerror(nw_error_get_error_code(error)));
		  exit(EXIT_FAILURE);
	  }
	});
	nw_listener_start(listener);
	dispatch_main();
}
