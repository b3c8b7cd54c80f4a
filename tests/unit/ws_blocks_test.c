/*
 * WebSocket as a program with blocks sees it: compiled by clang with -fblocks, public headers only.
 * A server with a request handler and a client with a pong handler, over loopback.
 */
#include <Network/Network.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static nw_parameters_t parameters_with(nw_protocol_options_t options)
{
	nw_parameters_t parameters = nw_parameters_create_secure_tcp(
		NW_PARAMETERS_DISABLE_PROTOCOL, NW_PARAMETERS_DEFAULT_CONFIGURATION);
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(parameters);

	nw_protocol_stack_prepend_application_protocol(stack, options);
	nw_release(stack);
	nw_release(options);
	return parameters;
}

static void wait_for(dispatch_semaphore_t semaphore)
{
	assert_int_equal(dispatch_semaphore_wait(
				 semaphore, dispatch_time(DISPATCH_TIME_NOW, 30 * NSEC_PER_SEC)),
		0);
}

static void enumerators_are_blocks(void **state)
{
	nw_ws_response_t response = nw_ws_response_create(nw_ws_response_status_accept, NULL);
	__block int n = 0;

	(void)state;
	nw_ws_response_add_additional_header(response, "A", "1");
	nw_ws_response_add_additional_header(response, "B", "2");
	assert_true(nw_ws_response_enumerate_additional_headers(
		response, ^bool(const char *name, const char *value) {
		  n++;
		  return name && value;
		}));
	assert_int_equal(n, 2);
	assert_false(nw_ws_response_enumerate_additional_headers(
		response, ^bool(const char *name, const char *value) {
		  (void)name;
		  (void)value;
		  n++;
		  return false;
		}));
	assert_int_equal(n, 3);
	nw_release(response);
}

static void a_conversation(void **state)
{
	dispatch_queue_t queue = dispatch_queue_create("ws", NULL);
	dispatch_semaphore_t ready = dispatch_semaphore_create(0);
	dispatch_semaphore_t done = dispatch_semaphore_create(0);
	dispatch_semaphore_t ponged = dispatch_semaphore_create(0);
	nw_protocol_options_t options = nw_ws_create_options(nw_ws_version_13);
	nw_parameters_t parameters;
	nw_listener_t listener;
	nw_connection_t client;
	nw_endpoint_t endpoint;
	nw_content_context_t context = nw_content_context_create("ping");
	nw_protocol_metadata_t ping = nw_ws_create_metadata(nw_ws_opcode_ping);
	__block nw_connection_t server = NULL;
	__block int protocols = 0, headers = 0;
	char port[8];

	(void)state;
	nw_ws_options_set_auto_reply_ping(options, true);
	nw_ws_options_set_client_request_handler(
		options, queue, ^nw_ws_response_t(nw_ws_request_t request) {
		  nw_ws_request_enumerate_subprotocols(request, ^bool(const char *name) {
		    protocols += strcmp(name, "chat") == 0;
		    return true;
		  });
		  nw_ws_request_enumerate_additional_headers(
			  request, ^bool(const char *name, const char *value) {
			    headers += strcmp(name, "X-A") == 0 && strcmp(value, "1") == 0;
			    return true;
			  });
		  return nw_ws_response_create(nw_ws_response_status_accept, "chat");
		});
	parameters = parameters_with(options);
	listener = nw_listener_create_with_port("0", parameters);
	nw_release(parameters);
	nw_listener_set_queue(listener, queue);
	nw_listener_set_state_changed_handler(
		listener, ^(nw_listener_state_t listener_state, nw_error_t error) {
		  (void)error;
		  if (listener_state == nw_listener_state_ready ||
			  listener_state == nw_listener_state_cancelled)
			  dispatch_semaphore_signal(ready);
		});
	nw_listener_set_new_connection_handler(listener, ^(nw_connection_t connection) {
	  server = nw_retain(connection);
	  nw_connection_set_queue(connection, queue);
	  nw_connection_start(connection);
	});
	nw_listener_start(listener);
	wait_for(ready);

	options = nw_ws_create_options(nw_ws_version_13);
	nw_ws_options_add_subprotocol(options, "chat");
	nw_ws_options_add_additional_header(options, "X-A", "1");
	parameters = parameters_with(options);
	snprintf(port, sizeof(port), "%u", nw_listener_get_port(listener));
	endpoint = nw_endpoint_create_host("127.0.0.1", port);
	client = nw_connection_create(endpoint, parameters);
	nw_release(endpoint);
	nw_release(parameters);
	nw_connection_set_queue(client, queue);
	nw_connection_set_state_changed_handler(
		client, ^(nw_connection_state_t connection_state, nw_error_t error) {
		  (void)error;
		  if (connection_state == nw_connection_state_ready)
			  dispatch_semaphore_signal(ready);
		  if (connection_state == nw_connection_state_cancelled)
			  dispatch_semaphore_signal(done);
		});
	nw_connection_start(client);
	wait_for(ready);
	assert_int_equal(protocols, 1);
	assert_int_equal(headers, 1);
	nw_ws_metadata_set_pong_handler(ping, queue, ^(nw_error_t error) {
	  if (!error)
		  dispatch_semaphore_signal(ponged);
	});
	nw_content_context_set_metadata_for_protocol(context, ping);
	nw_connection_send(client, NULL, context, true, ^(nw_error_t error) {
	  (void)error;
	});
	wait_for(ponged);
	nw_connection_cancel(client);
	wait_for(done);
	nw_connection_cancel(server);
	nw_listener_cancel(listener);
	wait_for(ready);
	dispatch_sync(queue, ^ {
		      });
	nw_release(client);
	nw_release(server);
	nw_release(listener);
	nw_release(context);
	nw_release(ping);
	dispatch_release(queue);
	dispatch_release(ready);
	dispatch_release(done);
	dispatch_release(ponged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(enumerators_are_blocks),
		cmocka_unit_test(a_conversation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
