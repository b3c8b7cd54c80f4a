/*
 * Wrong arguments to connections, listeners and reports: getters answer with nothing, calls do
 * nothing, one line names the function, and a context that was handed over is handed back once.
 */
#include "api_test_util.h"

#include <Network/Network.h>
#include <braid/multipath.h>
#include <errno.h>
#include <stdlib.h>

static int destroyed;

static void destroy(void *context)
{
	(void)context;
	destroyed++;
}

static void never_state(void *context, nw_connection_state_t connection_state, nw_error_t error)
{
	(void)context;
	(void)connection_state;
	(void)error;
	fail();
}

static void never_listener_state(
	void *context, nw_listener_state_t listener_state, nw_error_t error)
{
	(void)context;
	(void)listener_state;
	(void)error;
	fail();
}

static void never_connection(void *context, nw_connection_t connection)
{
	(void)context;
	(void)connection;
	fail();
}

static void never_group(void *context, nw_connection_group_t group)
{
	(void)context;
	(void)group;
	fail();
}

static void never_endpoint(void *context, nw_endpoint_t endpoint, bool added)
{
	(void)context;
	(void)endpoint;
	(void)added;
	fail();
}

static void never_bool(void *context, bool value)
{
	(void)context;
	(void)value;
	fail();
}

static void never_path(void *context, nw_path_t path)
{
	(void)context;
	(void)path;
	fail();
}

static void never_received(void *context, dispatch_data_t content, nw_content_context_t message,
	bool is_complete, nw_error_t error)
{
	(void)context;
	(void)content;
	(void)message;
	(void)is_complete;
	(void)error;
	fail();
}

static void never_sent(void *context, nw_error_t error)
{
	(void)context;
	(void)error;
	fail();
}

static void never(void *context)
{
	(void)context;
	fail();
}

static void never_establishment(void *context, nw_establishment_report_t report)
{
	(void)context;
	(void)report;
	fail();
}

static void never_transfer(void *context, nw_data_transfer_report_t report)
{
	(void)context;
	(void)report;
	fail();
}

static bool never_resolution(void *context, nw_report_resolution_source_t source, uint64_t ms,
	uint32_t count, nw_endpoint_t successful, nw_endpoint_t preferred)
{
	(void)context;
	(void)source;
	(void)ms;
	(void)count;
	(void)successful;
	(void)preferred;
	fail();
	return false;
}

static bool never_resolution_report(void *context, nw_resolution_report_t report)
{
	(void)context;
	(void)report;
	fail();
	return false;
}

static bool never_protocol(
	void *context, nw_protocol_definition_t protocol, uint64_t ms, uint64_t rtt_ms)
{
	(void)context;
	(void)protocol;
	(void)ms;
	(void)rtt_ms;
	fail();
	return false;
}

static void never_subflow(void *context, const struct braid_subflow *subflow)
{
	(void)context;
	(void)subflow;
	fail();
}

static nw_parameters_t tcp(void)
{
	return nw_parameters_create_secure_tcp_f(
		NULL, BRAID_DISABLE_PROTOCOL_F, NULL, BRAID_DEFAULT_CONFIGURATION_F);
}

/* Each calls one function with the bad first argument; its result, 0 being nothing. */
typedef uint64_t (*case_f)(void *bad);

#define GETTER(name_)                                                                              \
	static uint64_t call_##name_(void *bad)                                                    \
	{                                                                                          \
		return (uint64_t)(uintptr_t)name_(bad);                                            \
	}
#define CALL(name_, ...)                                                                           \
	static uint64_t call_##name_(void *bad)                                                    \
	{                                                                                          \
		name_(bad __VA_OPT__(, ) __VA_ARGS__);                                             \
		return 0;                                                                          \
	}
#define PATH_GETTER(name_)                                                                         \
	static uint64_t call_##name_(void *bad)                                                    \
	{                                                                                          \
		return (uint64_t)(uintptr_t)name_(bad, 0) + (uint64_t)(uintptr_t)name_(bad, 7);    \
	}

GETTER(nw_connection_copy_endpoint)
GETTER(nw_connection_copy_parameters)
GETTER(nw_connection_copy_description)
GETTER(nw_connection_copy_current_path)
GETTER(nw_connection_get_maximum_datagram_size)
GETTER(nw_connection_create_new_data_transfer_report)
GETTER(braid_connection_is_multipath)
GETTER(braid_connection_get_path_manager)
GETTER(braid_establishment_report_get_path_manager)
GETTER(nw_listener_get_port)
GETTER(nw_listener_get_new_connection_limit)
GETTER(nw_establishment_report_get_duration_milliseconds)
GETTER(nw_establishment_report_get_attempt_started_after_milliseconds)
GETTER(nw_establishment_report_get_previous_attempt_count)
GETTER(nw_establishment_report_get_used_proxy)
GETTER(nw_establishment_report_get_proxy_configured)
GETTER(nw_establishment_report_copy_proxy_endpoint)
GETTER(nw_resolution_report_get_source)
GETTER(nw_resolution_report_get_milliseconds)
GETTER(nw_resolution_report_get_endpoint_count)
GETTER(nw_resolution_report_copy_successful_endpoint)
GETTER(nw_resolution_report_copy_preferred_endpoint)
GETTER(nw_resolution_report_get_protocol)
GETTER(nw_data_transfer_report_get_state)
GETTER(nw_data_transfer_report_get_duration_milliseconds)
GETTER(nw_data_transfer_report_get_path_count)

CALL(nw_connection_set_queue, dispatch_get_main_queue())
CALL(nw_connection_start)
CALL(nw_connection_restart)
CALL(nw_connection_cancel)
CALL(nw_connection_force_cancel)
CALL(nw_connection_cancel_current_endpoint)
CALL(nw_connection_set_state_changed_handler_f, NULL, never_state, destroy)
CALL(nw_connection_set_viability_changed_handler_f, NULL, never_bool, destroy)
CALL(nw_connection_set_better_path_available_handler_f, NULL, never_bool, destroy)
CALL(nw_connection_set_path_changed_handler_f, NULL, never_path, destroy)
CALL(nw_connection_receive_f, 1, 1, NULL, never_received, destroy)
CALL(nw_connection_receive_message_f, NULL, never_received, destroy)
CALL(nw_connection_send_f, NULL, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true, NULL, never_sent,
	destroy)
CALL(nw_connection_batch_f, NULL, never)
CALL(nw_connection_access_establishment_report_f, dispatch_get_main_queue(), NULL,
	never_establishment, destroy)
CALL(braid_connection_enumerate_subflows_f, NULL, never_subflow)
CALL(nw_listener_set_queue, dispatch_get_main_queue())
CALL(nw_listener_start)
CALL(nw_listener_cancel)
CALL(nw_listener_set_new_connection_limit, 3)
CALL(nw_listener_set_advertise_descriptor, NULL)
CALL(nw_listener_set_state_changed_handler_f, NULL, never_listener_state, destroy)
CALL(nw_listener_set_new_connection_handler_f, NULL, never_connection, destroy)
CALL(nw_listener_set_new_connection_group_handler_f, NULL, never_group, destroy)
CALL(nw_listener_set_advertised_endpoint_changed_handler_f, NULL, never_endpoint, destroy)
CALL(nw_establishment_report_enumerate_resolutions_f, NULL, never_resolution)
CALL(nw_establishment_report_enumerate_resolution_reports_f, NULL, never_resolution_report)
CALL(nw_establishment_report_enumerate_protocols_f, NULL, never_protocol)
CALL(nw_data_transfer_report_collect_f, dispatch_get_main_queue(), NULL, never_transfer, destroy)

#define PATH_GETTERS(X)                                                                            \
	X(nw_data_transfer_report_get_received_ip_packet_count)                                    \
	X(nw_data_transfer_report_get_sent_ip_packet_count)                                        \
	X(nw_data_transfer_report_get_received_transport_byte_count)                               \
	X(nw_data_transfer_report_get_received_transport_duplicate_byte_count)                     \
	X(nw_data_transfer_report_get_received_transport_out_of_order_byte_count)                  \
	X(nw_data_transfer_report_get_sent_transport_byte_count)                                   \
	X(nw_data_transfer_report_get_sent_transport_retransmitted_byte_count)                     \
	X(nw_data_transfer_report_get_transport_smoothed_rtt_milliseconds)                         \
	X(nw_data_transfer_report_get_transport_minimum_rtt_milliseconds)                          \
	X(nw_data_transfer_report_get_transport_rtt_variance)                                      \
	X(nw_data_transfer_report_get_received_application_byte_count)                             \
	X(nw_data_transfer_report_get_sent_application_byte_count)                                 \
	X(nw_data_transfer_report_copy_path_interface)                                             \
	X(nw_data_transfer_report_get_path_radio_type)
PATH_GETTERS(PATH_GETTER)

static uint64_t call_nw_connection_copy_protocol_metadata(void *bad)
{
	nw_protocol_definition_t ip = nw_protocol_copy_ip_definition();
	uint64_t result = (uint64_t)(uintptr_t)nw_connection_copy_protocol_metadata(bad, ip);

	nw_release(ip);
	return result;
}

static uint64_t call_braid_connection_get_multipath_reason(void *bad)
{
	return braid_connection_get_multipath_reason(bad) != braid_multipath_not_started;
}

static uint64_t call_nw_connection_create(void *bad)
{
	nw_parameters_t parameters = tcp();
	uint64_t result = (uint64_t)(uintptr_t)nw_connection_create(bad, parameters);

	nw_release(parameters);
	return result;
}

static uint64_t call_nw_listener_create(void *bad)
{
	return (uint64_t)(uintptr_t)nw_listener_create(bad);
}

static uint64_t call_nw_listener_create_with_port(void *bad)
{
	return (uint64_t)(uintptr_t)nw_listener_create_with_port("0", bad);
}

static uint64_t call_nw_listener_create_with_launchd_key(void *bad)
{
	return (uint64_t)(uintptr_t)nw_listener_create_with_launchd_key(bad, "key");
}

static uint64_t call_nw_listener_create_with_connection(void *bad)
{
	nw_parameters_t parameters = tcp();
	uint64_t result = (uint64_t)(uintptr_t)nw_listener_create_with_connection(bad, parameters);

	nw_release(parameters);
	return result;
}

#define ENTRY(name_) { #name_, call_##name_, 1, 0 },
#define TWICE(name_) { #name_, call_##name_, 2, 0 }, /* it calls the function twice */
#define TAKER(name_) { #name_, call_##name_, 1, 1 }, /* it is given a context to destroy */

static const struct {
	const char *name;
	case_f call;
	int lines, contexts;
} functions[] = {
	ENTRY(nw_connection_create) ENTRY(nw_connection_copy_endpoint) ENTRY(nw_connection_copy_parameters) ENTRY(
		nw_connection_copy_description) ENTRY(nw_connection_copy_current_path) ENTRY(nw_connection_copy_protocol_metadata)
		ENTRY(nw_connection_get_maximum_datagram_size) ENTRY(nw_connection_create_new_data_transfer_report) ENTRY(
			nw_connection_set_queue) ENTRY(nw_connection_start) ENTRY(nw_connection_restart) ENTRY(nw_connection_cancel)
			ENTRY(nw_connection_force_cancel) ENTRY(nw_connection_cancel_current_endpoint) TAKER(
				nw_connection_set_state_changed_handler_f) TAKER(nw_connection_set_viability_changed_handler_f)
				TAKER(nw_connection_set_better_path_available_handler_f) TAKER(
					nw_connection_set_path_changed_handler_f) TAKER(nw_connection_receive_f) TAKER(nw_connection_receive_message_f)
					TAKER(nw_connection_send_f) ENTRY(nw_connection_batch_f) TAKER(
						nw_connection_access_establishment_report_f) ENTRY(braid_connection_is_multipath)
						ENTRY(braid_connection_get_multipath_reason) ENTRY(
							braid_connection_get_path_manager) ENTRY(braid_establishment_report_get_path_manager)
							ENTRY(braid_connection_enumerate_subflows_f) ENTRY(
								nw_listener_create) ENTRY(nw_listener_create_with_port)
								ENTRY(nw_listener_create_with_launchd_key) ENTRY(
									nw_listener_create_with_connection)
									ENTRY(nw_listener_get_port) ENTRY(
										nw_listener_get_new_connection_limit)
										ENTRY(nw_listener_set_queue) ENTRY(nw_listener_start) ENTRY(nw_listener_cancel) ENTRY(nw_listener_set_new_connection_limit) ENTRY(nw_listener_set_advertise_descriptor) TAKER(nw_listener_set_state_changed_handler_f) TAKER(nw_listener_set_new_connection_handler_f) TAKER(nw_listener_set_new_connection_group_handler_f) TAKER(nw_listener_set_advertised_endpoint_changed_handler_f) ENTRY(nw_establishment_report_get_duration_milliseconds) ENTRY(nw_establishment_report_get_attempt_started_after_milliseconds) ENTRY(nw_establishment_report_get_previous_attempt_count) ENTRY(nw_establishment_report_get_used_proxy) ENTRY(nw_establishment_report_get_proxy_configured) ENTRY(nw_establishment_report_copy_proxy_endpoint) ENTRY(nw_establishment_report_enumerate_resolutions_f) ENTRY(
											nw_establishment_report_enumerate_resolution_reports_f)
											ENTRY(nw_establishment_report_enumerate_protocols_f) ENTRY(
												nw_resolution_report_get_source) ENTRY(nw_resolution_report_get_milliseconds)
												ENTRY(nw_resolution_report_get_endpoint_count) ENTRY(
													nw_resolution_report_copy_successful_endpoint)
													ENTRY(nw_resolution_report_copy_preferred_endpoint) ENTRY(
														nw_resolution_report_get_protocol)
														ENTRY(nw_data_transfer_report_get_state) ENTRY(
															nw_data_transfer_report_get_duration_milliseconds)
															ENTRY(nw_data_transfer_report_get_path_count)
																TAKER(nw_data_transfer_report_collect_f)
																	PATH_GETTERS(
																		TWICE)
};

/* The name in the log is the one that programs of either form know: without the _f of the twins. */
static bool names(const char *line, const char *function)
{
	size_t len = strlen(function);

	if (len > 2 && !strcmp(function + len - 2, "_f"))
		len -= 2;
	return !strncmp(line, function, len);
}

static void call_all_with(void *bad)
{
	for (size_t i = 0; i < BRI_LEN(functions); i++) {
		destroyed = 0;
		if (functions[i].call(bad) != 0)
			fail_msg("%s: a result", functions[i].name);
		if (log_lines != functions[i].lines || !names(log_last, functions[i].name))
			fail_msg("%s: %d lines, last: %s", functions[i].name, log_lines, log_last);
		if (destroyed != functions[i].contexts)
			fail_msg("%s: context destroyed %d times", functions[i].name, destroyed);
		log_lines = 0;
	}
}

static void null_is_answered_with_nothing(void **state)
{
	(void)state;
	call_all_with(NULL);
}

static void another_kind_is_answered_with_nothing(void **state)
{
	const struct bri_class other = { .name = "nw_other", .kind = BRI_KIND_PATH_MONITOR };
	struct bri_object object = BRI_OBJECT_STATIC(&other);

	(void)state;
	call_all_with(&object);
	assert_non_null(strstr(log_last, "is a nw_other"));
}

struct objects {
	nw_endpoint_t endpoint;
	nw_parameters_t parameters;
	nw_connection_t connection;
	nw_listener_t listener;
	dispatch_queue_t queue;
	dispatch_data_t data;
};

static int make_objects(void **state)
{
	static struct objects o;

	o.endpoint = nw_endpoint_create_host("127.0.0.1", "9");
	o.parameters = tcp();
	o.connection = nw_connection_create(o.endpoint, o.parameters);
	o.listener = nw_listener_create(o.parameters);
	o.queue = dispatch_queue_create("arguments", NULL);
	o.data = dispatch_data_create_f("x", 1, NULL, NULL);
	destroyed = 0;
	log_lines = 0;
	*state = &o;
	return 0;
}

static int drop_objects(void **state)
{
	struct objects *o = *state;

	nw_release(o->connection);
	nw_release(o->listener);
	nw_release(o->endpoint);
	nw_release(o->parameters);
	dispatch_release(o->queue);
	dispatch_release(o->data);
	return 0;
}

static void second_arguments_of_constructors(void **state)
{
	struct objects *o = *state;
	void *bad[] = { NULL, o->endpoint };

	for (size_t i = 0; i < BRI_LEN(bad); i++) {
		assert_null(nw_connection_create(o->endpoint, bad[i]));
		assert_logged("nw_connection_create");
		assert_null(nw_listener_create_with_connection(o->connection, bad[i]));
		assert_logged("nw_listener_create_with_connection");
	}
	assert_null(nw_listener_create_with_connection(o->connection, o->parameters));
	assert_logged("nw_listener_create_with_connection");
	assert_null(nw_listener_create_with_port(NULL, o->parameters));
	assert_logged("nw_listener_create_with_port");
	assert_null(nw_listener_create_with_port("70000", o->parameters));
	assert_logged("nw_listener_create_with_port");
	assert_null(nw_listener_create_with_port("-1", o->parameters));
	assert_logged("nw_listener_create_with_port");
	assert_null(nw_listener_create_with_port("no-such-service-here", o->parameters));
	assert_logged("nw_listener_create_with_port");
	assert_null(nw_listener_create_with_launchd_key(o->parameters, NULL));
	assert_logged("nw_listener_create_with_launchd_key");
	assert_null(nw_listener_create_with_launchd_key(o->parameters, ""));
	assert_logged("nw_listener_create_with_launchd_key");
}

static void parameters_that_cannot_listen(void **state)
{
	nw_parameters_t raw =
		nw_parameters_create_custom_ip_f(253, NULL, BRAID_DEFAULT_CONFIGURATION_F);

	(void)state;
	assert_null(nw_listener_create(raw));
	assert_logged("nw_listener_create");
	nw_release(raw);
}

static void queues(void **state)
{
	struct objects *o = *state;
	nw_data_transfer_report_t report =
		nw_connection_create_new_data_transfer_report(o->connection);

	nw_connection_set_queue(o->connection, NULL);
	assert_logged("nw_connection_set_queue");
	nw_connection_set_queue(o->connection, (dispatch_queue_t)(void *)o->data);
	assert_logged("nw_connection_set_queue");
	nw_listener_set_queue(o->listener, NULL);
	assert_logged("nw_listener_set_queue");
	nw_connection_start(o->connection); /* there is none */
	assert_logged("nw_connection_start");
	nw_listener_start(o->listener);
	assert_logged("nw_listener_start");
	nw_connection_access_establishment_report_f(
		o->connection, NULL, NULL, never_establishment, destroy);
	assert_logged("nw_connection_access_establishment_report");
	assert_int_equal(destroyed, 1);
	nw_data_transfer_report_collect_f(report, NULL, NULL, never_transfer, destroy);
	assert_logged("nw_data_transfer_report_collect");
	assert_int_equal(destroyed, 2);
	assert_int_equal(nw_data_transfer_report_get_state(report),
		nw_data_transfer_report_state_collecting);
	nw_release(report);
}

static void receives(void **state)
{
	struct objects *o = *state;

	nw_connection_receive_f(o->connection, 1, 0, NULL, never_received, destroy);
	assert_logged("nw_connection_receive");
	nw_connection_receive_f(o->connection, 3, 2, NULL, never_received, destroy);
	assert_logged("nw_connection_receive");
	nw_connection_receive_f(o->connection, 1, 1, NULL, NULL, destroy);
	assert_logged("nw_connection_receive");
	nw_connection_receive_message_f(o->connection, NULL, NULL, destroy);
	assert_logged("nw_connection_receive_message");
	assert_int_equal(destroyed, 4);
}

static void sends(void **state)
{
	struct objects *o = *state;
	nw_content_context_t context = NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT;

	nw_connection_send_f(o->connection, o->data, NULL, true, NULL, never_sent, destroy);
	assert_logged("nw_connection_send");
	nw_connection_send_f(
		o->connection, o->data, (void *)o->endpoint, true, NULL, never_sent, destroy);
	assert_logged("nw_connection_send");
	nw_connection_send_f(o->connection, o->data, context, true, NULL, NULL, destroy);
	assert_logged("nw_connection_send");
	nw_connection_send_f(o->connection, NULL, context, false, NULL, never_sent, destroy);
	assert_logged("nw_connection_send");
	nw_connection_send_f(o->connection, (dispatch_data_t)(void *)o->queue, context, true, NULL,
		never_sent, destroy);
	assert_logged("nw_connection_send");
	assert_int_equal(destroyed, 5);
	assert_int_equal(ext_count(o->data), 1);
	assert_int_equal(ref_count(o->data), 1);
}

static void functions_that_are_missing(void **state)
{
	struct objects *o = *state;

	nw_connection_batch_f(o->connection, NULL, NULL);
	nw_connection_access_establishment_report_f(o->connection, o->queue, NULL, NULL, destroy);
	assert_int_equal(destroyed, 1);
	braid_connection_enumerate_subflows_f(o->connection, NULL, NULL);
	assert_int_equal(log_lines, 3);
	log_lines = 0;
}

static void metadata_of_nothing(void **state)
{
	struct objects *o = *state;

	assert_null(nw_connection_copy_protocol_metadata(o->connection, NULL));
	assert_logged("nw_connection_copy_protocol_metadata");
	assert_null(nw_connection_copy_protocol_metadata(o->connection, (void *)o->endpoint));
	assert_logged("nw_connection_copy_protocol_metadata");
}

/* what is replaced or dropped hands its context back, whatever became of the object */
static void contexts_of_handlers(void **state)
{
	struct objects *o = *state;

	for (int i = 1; i <= 3; i++) {
		nw_connection_set_state_changed_handler_f(
			o->connection, NULL, never_state, destroy);
		assert_int_equal(destroyed, i - 1);
	}
	nw_connection_set_state_changed_handler_f(o->connection, NULL, NULL, destroy);
	/* the third one, and the context that came without a function */
	assert_int_equal(destroyed, 4);
	nw_listener_set_new_connection_handler_f(o->listener, NULL, never_connection, destroy);
	nw_listener_set_state_changed_handler_f(o->listener, NULL, never_listener_state, destroy);
	nw_release(o->listener);
	assert_int_equal(destroyed, 6);
	o->listener = nw_listener_create(o->parameters);
	nw_connection_receive_f(o->connection, 1, 1, NULL, never_received, destroy);
	nw_connection_send_f(o->connection, o->data, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true,
		NULL, never_sent, destroy);
	nw_release(o->connection);
	assert_int_equal(destroyed, 8);
	assert_int_equal(ref_count(o->data), 1);
	o->connection = nw_connection_create(o->endpoint, o->parameters);
	assert_quiet();
}

#define WITH_OBJECTS(test) cmocka_unit_test_setup_teardown(test, make_objects, drop_objects)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_is_answered_with_nothing),
		cmocka_unit_test(another_kind_is_answered_with_nothing),
		WITH_OBJECTS(second_arguments_of_constructors),
		WITH_OBJECTS(parameters_that_cannot_listen),
		WITH_OBJECTS(queues),
		WITH_OBJECTS(receives),
		WITH_OBJECTS(sends),
		WITH_OBJECTS(functions_that_are_missing),
		WITH_OBJECTS(metadata_of_nothing),
		WITH_OBJECTS(contexts_of_handlers),
	};

	return cmocka_run_group_tests(tests, log_setup, NULL);
}
