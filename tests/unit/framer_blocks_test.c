/*
 * Framers as a program with blocks writes them: public headers only, compiled by clang. Two framers
 * over loopback, one message there and one back; then every block is gone.
 */
#include <Network/Network.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define WAIT_NS (30 * NSEC_PER_SEC)

static dispatch_semaphore_t stopped, cleaned, disposed, fired;

static nw_framer_message_t message_of_length(nw_framer_t framer, uint8_t length)
{
	nw_framer_message_t message = nw_framer_message_create(framer);
	uint8_t *value = malloc(1);

	*value = length;
	nw_framer_message_set_value(message, "length", value, ^(void *old) {
	  free(old);
	  dispatch_semaphore_signal(disposed);
	});
	return message;
}

/* A length of one byte, then the bytes. */
static nw_protocol_definition_t create_definition(void)
{
	return nw_framer_create_definition(
		"one-byte", NW_FRAMER_CREATE_FLAGS_DEFAULT, ^(nw_framer_t framer) {
		  nw_framer_set_input_handler(framer, ^size_t(nw_framer_t f) {
		    for (;;) {
			    __block uint8_t length = 0;
			    nw_framer_message_t message;
			    bool delivered;

			    if (!nw_framer_parse_input(f, 1, 1, NULL,
					^(uint8_t *buffer, size_t buffer_length, bool is_complete) {
					  (void)is_complete;
					  if (buffer_length)
						  length = buffer[0];
					  return buffer_length;
					}))
				    return 1;
			    message = message_of_length(f, length);
			    delivered = nw_framer_deliver_input_no_copy(f, length, message, true);
			    nw_release(message);
			    if (!delivered)
				    return 0;
		    }
		  });
		  nw_framer_set_output_handler(framer, ^(nw_framer_t f, nw_framer_message_t message,
						       size_t message_length, bool is_complete) {
		    uint8_t length = (uint8_t)message_length;
		    __block uint8_t last = 0;

		    (void)message;
		    (void)is_complete;
		    nw_framer_write_output(f, &length, 1);
		    nw_framer_parse_output(f, message_length, message_length, NULL,
			    ^size_t(uint8_t *buffer, size_t buffer_length, bool complete) {
			      (void)complete;
			      last = buffer[buffer_length - 1];
			      return 0;
			    });
		    nw_framer_write_output_no_copy(f, message_length - 1);
		    nw_framer_write_output(f, &last, 1);
		  });
		  nw_framer_set_wakeup_handler(framer, ^(nw_framer_t f) {
		    (void)f;
		    dispatch_semaphore_signal(fired);
		  });
		  nw_framer_set_stop_handler(framer, ^bool(nw_framer_t f) {
		    (void)f;
		    dispatch_semaphore_signal(stopped);
		    return true;
		  });
		  nw_framer_set_cleanup_handler(framer, ^(nw_framer_t f) {
		    (void)f;
		    dispatch_semaphore_signal(cleaned);
		  });
		  nw_framer_async(framer, ^{
		    nw_framer_schedule_wakeup(framer, 1);
		  });
		  return nw_framer_start_result_ready;
		});
}

static void wait_for(dispatch_semaphore_t semaphore)
{
	assert_int_equal(
		dispatch_semaphore_wait(semaphore, dispatch_time(DISPATCH_TIME_NOW, WAIT_NS)), 0);
}

static nw_parameters_t create_parameters(nw_protocol_definition_t definition)
{
	nw_parameters_t parameters = nw_parameters_create_secure_tcp(
		NW_PARAMETERS_DISABLE_PROTOCOL, NW_PARAMETERS_DEFAULT_CONFIGURATION);
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(parameters);
	nw_protocol_options_t options = nw_framer_create_options(definition);

	nw_protocol_stack_prepend_application_protocol(stack, options);
	nw_release(options);
	nw_release(stack);
	return parameters;
}

static void echo(nw_connection_t connection)
{
	nw_connection_receive_message(
		connection, ^(dispatch_data_t content, nw_content_context_t context,
			bool is_complete, nw_error_t error) {
		  (void)context;
		  if (!content || error || !is_complete)
			  return;
		  nw_connection_send(connection, content, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT,
			  true, ^(nw_error_t send_error) {
			    (void)send_error;
			  });
		  echo(connection);
		});
}

static nw_listener_t start_echo(
	nw_parameters_t parameters, dispatch_queue_t queue, nw_connection_t *ret)
{
	nw_listener_t listener = nw_listener_create(parameters);
	dispatch_semaphore_t ready = dispatch_semaphore_create(0);

	nw_listener_set_queue(listener, queue);
	nw_listener_set_new_connection_handler(listener, ^(nw_connection_t connection) {
	  *ret = nw_retain(connection);
	  nw_connection_set_queue(connection, queue);
	  nw_connection_start(connection);
	  echo(connection);
	});
	nw_listener_set_state_changed_handler(
		listener, ^(nw_listener_state_t state, nw_error_t error) {
		  (void)error;
		  if (state == nw_listener_state_ready)
			  dispatch_semaphore_signal(ready);
		});
	nw_listener_start(listener);
	wait_for(ready);
	dispatch_release(ready);
	return listener;
}

static bool read_length(
	nw_content_context_t context, nw_protocol_definition_t definition, uint8_t expected)
{
	nw_protocol_metadata_t message =
		nw_content_context_copy_protocol_metadata(context, definition);
	bool is = nw_protocol_metadata_is_framer_message(message) &&
		  nw_framer_message_access_value(message, "length", ^bool(const void *value) {
		    return value && *(const uint8_t *)value == expected;
		  });

	nw_release(message);
	return is;
}

static void talk(nw_connection_t client, nw_protocol_definition_t definition)
{
	dispatch_semaphore_t answered = dispatch_semaphore_create(0);
	dispatch_data_t hello =
		dispatch_data_create("hello", 5, NULL, DISPATCH_DATA_DESTRUCTOR_DEFAULT);
	__block size_t size = 0;
	__block bool length_is_right = false;

	nw_connection_send(
		client, hello, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true, ^(nw_error_t error) {
		  (void)error;
		});
	nw_connection_receive_message(
		client, ^(dispatch_data_t content, nw_content_context_t context, bool is_complete,
			nw_error_t error) {
		  if (content && is_complete && !error) {
			  size = dispatch_data_get_size(content);
			  length_is_right = read_length(context, definition, 5);
		  }
		  dispatch_semaphore_signal(answered);
		});
	wait_for(answered);
	assert_int_equal(size, 5);
	assert_true(length_is_right);
	dispatch_release(hello);
	dispatch_release(answered);
}

static void cancel_and_wait(nw_connection_t connection, dispatch_queue_t queue)
{
	dispatch_semaphore_t over = dispatch_semaphore_create(0);

	nw_connection_set_state_changed_handler(
		connection, ^(nw_connection_state_t state, nw_error_t error) {
		  (void)error;
		  if (state == nw_connection_state_cancelled)
			  dispatch_semaphore_signal(over);
		});
	nw_connection_cancel(connection);
	wait_for(over);
	nw_release(connection);
	dispatch_sync(queue, ^ {
		      });
	dispatch_release(over);
}

static void a_framer_of_blocks(void **state)
{
	dispatch_queue_t queue = dispatch_queue_create("blocks", NULL);
	nw_protocol_definition_t definition = create_definition();
	nw_parameters_t parameters = create_parameters(definition);
	nw_connection_t server = NULL, client;
	nw_listener_t listener;
	nw_endpoint_t endpoint;
	char port[8];

	(void)state;
	stopped = dispatch_semaphore_create(0);
	cleaned = dispatch_semaphore_create(0);
	disposed = dispatch_semaphore_create(0);
	fired = dispatch_semaphore_create(0);
	listener = start_echo(parameters, queue, &server);
	snprintf(port, sizeof(port), "%u", nw_listener_get_port(listener));
	endpoint = nw_endpoint_create_host("127.0.0.1", port);
	client = nw_connection_create(endpoint, parameters);
	nw_connection_set_queue(client, queue);
	nw_connection_start(client);
	talk(client, definition);
	wait_for(fired); /* of both framers */
	wait_for(fired);
	cancel_and_wait(client, queue);
	cancel_and_wait(server, queue);
	nw_listener_cancel(listener);
	nw_release(listener);
	for (int i = 0; i < 2; i++) {
		wait_for(stopped);
		wait_for(cleaned);
		wait_for(disposed);
	}
	nw_release(endpoint);
	nw_release(parameters);
	nw_release(definition);
	dispatch_sync(queue, ^ {
		      });
	dispatch_release(queue);
	dispatch_release(stopped);
	dispatch_release(cleaned);
	dispatch_release(disposed);
	dispatch_release(fired);
}

static void constants(void **state)
{
	(void)state;
	assert_int_equal(NW_FRAMER_CREATE_FLAGS_DEFAULT, 0);
	assert_true(NW_FRAMER_WAKEUP_TIME_FOREVER == UINT64_MAX);
	assert_int_equal(nw_framer_start_result_ready, 1);
	assert_int_equal(nw_framer_start_result_will_mark_ready, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constants),
		cmocka_unit_test(a_framer_of_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
