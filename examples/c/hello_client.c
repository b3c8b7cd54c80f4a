/*
 * Hello, over every path: a client of the Network framework's API, with blocks.
 *   clang -fblocks hello_client.c -o hello_client -lNetwork -lBlocksRuntime
 *   ./hello_client HOST PORT
 */
#include <Network/Network.h>
#include <braid/multipath.h>
#include <err.h>

static const char *reason(nw_error_t error)
{
	if (nw_error_get_error_domain(error) == nw_error_domain_dns)
		return "the name cannot be resolved";
	return strerror(nw_error_get_error_code(error));
}

static void receive(nw_connection_t connection)
{
	nw_connection_receive(connection, 1, UINT32_MAX,
		^(dispatch_data_t content, nw_content_context_t context __unused, bool is_complete,
			nw_error_t error) {
		  if (content)
			  dispatch_data_apply(
				  content, ^bool(dispatch_data_t region __unused,
					  size_t offset __unused, const void *buffer, size_t size) {
				    fwrite(buffer, 1, size, stdout);
				    return true;
				  });
		  if (error)
			  errx(1, "receive: %s", reason(error));
		  if (is_complete)
			  nw_connection_cancel(connection);
		  else
			  receive(connection);
		});
}

static void greet(nw_connection_t connection)
{
	dispatch_data_t text =
		dispatch_data_create("world\n", 6, NULL, DISPATCH_DATA_DESTRUCTOR_DEFAULT);

	warnx("%s",
		braid_multipath_reason_string(braid_connection_get_multipath_reason(connection)));
	nw_connection_send(
		connection, text, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true, ^(nw_error_t error) {
		  if (error)
			  errx(1, "send: %s", reason(error));
		});
	dispatch_release(text);
	receive(connection);
}

int main(int argc, char **argv)
{
	nw_parameters_t parameters = nw_parameters_create_secure_tcp(
		NW_PARAMETERS_DISABLE_PROTOCOL, NW_PARAMETERS_DEFAULT_CONFIGURATION);
	nw_endpoint_t endpoint = argc == 3 ? nw_endpoint_create_host(argv[1], argv[2]) : NULL;
	nw_connection_t connection;

	if (!endpoint)
		errx(2, "usage: hello_client HOST PORT");
	nw_parameters_set_multipath_service(parameters, nw_multipath_service_handover);
	connection = nw_connection_create(endpoint, parameters);
	nw_release(endpoint);
	nw_release(parameters);
	nw_connection_set_queue(connection, dispatch_get_main_queue());
	nw_connection_set_state_changed_handler(
		connection, ^(nw_connection_state_t state, nw_error_t error) {
		  if (error) /* waiting or failed: a program that runs once gives up */
			  errx(1, "%s", reason(error));
		  if (state == nw_connection_state_ready)
			  greet(connection);
		  else if (state == nw_connection_state_cancelled)
			  exit(0);
		});
	nw_connection_start(connection);
	dispatch_main();
}
