/*
 * Hello, over every path: a client for any C compiler. Where the framework takes a block, the `_f`
 * function takes a context and a function.
 *
 *     cc hello_client_f.c -o hello_client_f -lNetwork
 *     ./hello_client_f HOST PORT
 */
#include <Network/Network.h>
#include <braid/multipath.h>
#include <err.h>

static const char *reason(nw_error_t error)
{
	return nw_error_get_error_domain(error) == nw_error_domain_dns
		       ? "the name cannot be resolved"
		       : strerror(nw_error_get_error_code(error));
}

static bool print(void *context __unused, dispatch_data_t region __unused, size_t offset __unused,
	const void *buffer, size_t size)
{
	return fwrite(buffer, 1, size, stdout) == size;
}

static void on_receive(void *connection, dispatch_data_t content,
	nw_content_context_t content_context __unused, bool is_complete, nw_error_t error)
{
	if (content)
		dispatch_data_apply_f(content, NULL, print);
	if (error)
		errx(1, "receive: %s", reason(error));
	else if (is_complete)
		nw_connection_cancel(connection);
	else
		nw_connection_receive_f(connection, 1, UINT32_MAX, connection, on_receive, NULL);
}

static void on_sent(void *context __unused, nw_error_t error)
{
	if (error)
		errx(1, "send: %s", reason(error));
}

static void on_state(void *connection, nw_connection_state_t state, nw_error_t error)
{
	if (state == nw_connection_state_ready) {
		dispatch_data_t text = dispatch_data_create_f("world\n", 6, NULL, NULL);

		warnx("%s", braid_multipath_reason_string(
				    braid_connection_get_multipath_reason(connection)));
		nw_connection_send_f(connection, text, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true,
			NULL, on_sent, NULL);
		dispatch_release(text);
		nw_connection_receive_f(connection, 1, UINT32_MAX, connection, on_receive, NULL);
	} else if (error) { /* waiting or failed: a program that runs once gives up */
		errx(1, "%s", reason(error));
	} else if (state == nw_connection_state_cancelled) {
		exit(0);
	}
}

int main(int argc, char **argv)
{
	nw_parameters_t parameters = nw_parameters_create_secure_tcp_f(
		NULL, BRAID_DISABLE_PROTOCOL_F, NULL, BRAID_DEFAULT_CONFIGURATION_F);
	nw_endpoint_t endpoint = argc == 3 ? nw_endpoint_create_host(argv[1], argv[2]) : NULL;
	nw_connection_t connection;

	if (!endpoint)
		errx(2, "usage: hello_client_f HOST PORT");
	nw_parameters_set_multipath_service(parameters, nw_multipath_service_handover);
	connection = nw_connection_create(endpoint, parameters);
	nw_release(endpoint);
	nw_release(parameters);
	nw_connection_set_queue(connection, dispatch_get_main_queue());
	nw_connection_set_state_changed_handler_f(connection, connection, on_state, NULL);
	nw_connection_start(connection);
	dispatch_main();
}
