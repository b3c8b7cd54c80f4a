/*
 * Functions of framers on a bench: arguments that are none, calls at the wrong time, what a framer
 * knows, definitions and messages.
 */
#include "framer_util.h"

/* --- arguments --- */

static void set_late(void *context)
{
	struct frames *f = context;

	log_lines = 0;
	nw_framer_set_wakeup_handler_f(f->framer, f, frames_wake, frames_destroy);
	assert_logged("not in the start handler");
	nw_framer_set_stop_handler_f(f->framer, f, frames_stop, frames_destroy);
	assert_logged("not in the start handler");
	nw_framer_set_cleanup_handler_f(f->framer, f, frames_cleanup, frames_destroy);
	assert_logged("not in the start handler");
	nw_framer_set_input_handler_f(f->framer, f, frames_input, frames_destroy);
	nw_framer_set_output_handler_f(f->framer, f, frames_output, frames_destroy);
	assert_quiet();
}

static void handlers_are_set_in_the_start_handler(void **state)
{
	struct framer_bench fb = { 0 };

	(void)state;
	framer_bench_init(&fb, false);
	nw_framer_async_f(fb.f.framer, &fb.f, set_late);
	bench_settle(&fb.b);
	assert_notes(&fb.f, "start destroy destroy destroy");
	framer_bench_fini(&fb);
	assert_notes(&fb.f, "cleanup destroy destroy destroy");
}

static size_t count_call(void *context, uint8_t *bytes, size_t size, bool complete)
{
	(void)bytes;
	assert_int_equal(size, 0);
	assert_false(complete);
	++*(int *)context;
	return 0;
}

static void no_framer_is_no_framer(void **state)
{
	nw_endpoint_t other = nw_endpoint_create_host("127.0.0.1", "1");
	nw_framer_t bad[2] = { NULL, (nw_framer_t)other };
	int calls = 0;

	(void)state;
	for (int i = 0; i < 2; i++) {
		nw_framer_t f = bad[i];

		assert_null(nw_framer_copy_remote_endpoint(f));
		assert_logged("nw_framer_copy_remote_endpoint");
		assert_null(nw_framer_copy_local_endpoint(f));
		assert_logged("nw_framer_copy_local_endpoint");
		assert_null(nw_framer_copy_parameters(f));
		assert_logged("nw_framer_copy_parameters");
		assert_null(nw_framer_copy_options(f));
		assert_logged("nw_framer_copy_options");
		assert_null(nw_framer_message_create(f));
		assert_logged("nw_framer_message_create");
		nw_framer_set_input_handler_f(f, NULL, frames_input, NULL);
		assert_logged("nw_framer_set_input_handler_f");
		nw_framer_set_output_handler_f(f, NULL, frames_output, NULL);
		assert_logged("nw_framer_set_output_handler_f");
		nw_framer_set_wakeup_handler_f(f, NULL, frames_wake, NULL);
		assert_logged("nw_framer_set_wakeup_handler_f");
		nw_framer_set_stop_handler_f(f, NULL, frames_stop, NULL);
		assert_logged("nw_framer_set_stop_handler_f");
		nw_framer_set_cleanup_handler_f(f, NULL, frames_cleanup, NULL);
		assert_logged("nw_framer_set_cleanup_handler_f");
		nw_framer_mark_ready(f);
		assert_logged("nw_framer_mark_ready");
		assert_false(nw_framer_prepend_application_protocol(f, NULL));
		assert_logged("nw_framer_prepend_application_protocol");
		nw_framer_mark_failed_with_error(f, 1);
		assert_logged("nw_framer_mark_failed_with_error");
		assert_false(nw_framer_parse_input_f(f, 1, 1, NULL, &calls, count_call));
		assert_logged("nw_framer_parse_input_f");
		assert_false(nw_framer_parse_output_f(f, 1, 1, NULL, &calls, count_call));
		assert_logged("nw_framer_parse_output_f");
		assert_int_equal(calls, 2 * i + 2);
		nw_framer_deliver_input(f, (const uint8_t *)"x", 1, NULL, true);
		assert_logged("nw_framer_deliver_input");
		assert_false(nw_framer_deliver_input_no_copy(f, 1, NULL, true));
		assert_logged("nw_framer_deliver_input_no_copy");
		nw_framer_pass_through_input(f);
		assert_logged("nw_framer_pass_through_input");
		nw_framer_write_output(f, (const uint8_t *)"x", 1);
		assert_logged("nw_framer_write_output");
		nw_framer_write_output_data(f, dispatch_data_empty);
		assert_logged("nw_framer_write_output_data");
		assert_false(nw_framer_write_output_no_copy(f, 1));
		assert_logged("nw_framer_write_output_no_copy");
		nw_framer_pass_through_output(f);
		assert_logged("nw_framer_pass_through_output");
		nw_framer_schedule_wakeup(f, 1);
		assert_logged("nw_framer_schedule_wakeup");
		nw_framer_async_f(f, NULL, mark_ready);
		assert_logged("nw_framer_async_f");
	}
	nw_release(other);
}

static size_t parse_again(void *context, uint8_t *bytes, size_t size, bool complete)
{
	struct frames *f = context;
	int calls = 0;

	(void)bytes;
	(void)size;
	(void)complete;
	assert_false(nw_framer_parse_input_f(f->framer, 0, 1, NULL, &calls, count_call));
	assert_logged("inside a parse block");
	assert_int_equal(calls, 1);
	assert_false(nw_framer_deliver_input_no_copy(f->framer, 1, NULL, true));
	assert_logged("inside a parse block");
	return 1;
}

static size_t misuse_input(void *context, nw_framer_t framer)
{
	struct frames *f = context;
	nw_protocol_metadata_t udp = nw_udp_create_metadata();
	int calls = 0;

	log_lines = 0;
	assert_true(nw_framer_parse_input_f(framer, 1, 1, NULL, f, parse_again));
	assert_false(nw_framer_parse_input_f(framer, 1, 1, NULL, NULL, NULL));
	assert_logged("nw_framer_parse_input_f");
	/* more at least than at most */
	assert_false(nw_framer_parse_input_f(framer, 2, 1, NULL, &calls, count_call));
	assert_false(nw_framer_parse_input_f(framer, 100, 100, NULL, &calls, count_call));
	assert_false(nw_framer_parse_input_f(framer, 0, 0, NULL, &calls, count_call));
	assert_int_equal(calls, 3);
	assert_false(nw_framer_parse_output_f(framer, 0, 1, NULL, &calls, count_call));
	assert_logged("not in the output handler");
	assert_false(nw_framer_write_output_no_copy(framer, 1));
	assert_logged("not in the output handler");
	nw_framer_deliver_input(framer, NULL, 1, NULL, true);
	assert_logged("no bytes");
	nw_framer_deliver_input(framer, (const uint8_t *)"x", 0, NULL, true);
	assert_logged("no bytes");
	nw_framer_deliver_input(framer, (const uint8_t *)"x", 1, udp, true);
	assert_logged("udp");
	nw_framer_write_output(framer, NULL, 1);
	assert_logged("no bytes");
	nw_framer_write_output(framer, (const uint8_t *)"x", 0);
	nw_framer_write_output_data(framer, NULL);
	assert_logged("nw_framer_write_output_data");
	nw_framer_write_output_data(framer, dispatch_data_empty);
	assert_true(nw_framer_deliver_input_no_copy(framer, 0, NULL, false));
	/* while a delivery waits, nothing may overtake it */
	assert_false(nw_framer_deliver_input_no_copy(framer, 100, NULL, false));
	assert_false(nw_framer_deliver_input_no_copy(framer, 1, NULL, true));
	assert_logged("still waits");
	nw_framer_deliver_input(framer, (const uint8_t *)"x", 1, NULL, true);
	assert_logged("still waits");
	assert_false(nw_framer_deliver_input_no_copy(framer, 0, NULL, true));
	nw_framer_async_f(framer, NULL, NULL);
	assert_logged("nw_framer_async_f");
	assert_quiet();
	nw_release(udp);
	return 0;
}

static void misuse_start(struct frames *f, nw_framer_t framer)
{
	nw_framer_set_input_handler_f(framer, f, misuse_input, NULL);
}

static void misuse_is_said_and_does_nothing(void **state)
{
	struct framer_bench fb = { .f = { .on_start = misuse_start } };
	char rest[98];

	(void)state;
	memset(rest, 'r', sizeof(rest));
	framer_bench_init(&fb, false);
	bench_rx_text(&fb.b, "abc");
	assert_up(&fb.b, "D:bc");
	bench_rx(&fb.b, rest, sizeof(rest)); /* the message was completed meanwhile */
	assert_int_equal(fb.b.up.bytes[fb.b.up.size - 1], '*');
	assert_down(&fb.b, "");
	framer_bench_fini(&fb);
}

/* --- what a framer knows --- */

static void a_framer_knows_its_connection(void **state)
{
	struct framer_bench fb = { 0 };
	nw_endpoint_t local = nw_endpoint_create_host("127.0.0.1", "77"), endpoint;
	nw_protocol_options_t options;
	nw_protocol_definition_t def;
	nw_parameters_t parameters;

	(void)state;
	bench_init(&fb.b);
	nw_parameters_set_local_endpoint(fb.b.parameters, local);
	fb.options = frames_options(&fb.f);
	bench_build(&fb.b, &fb.options, 1, false);
	bench_start(&fb.b);
	endpoint = nw_framer_copy_remote_endpoint(fb.f.framer);
	assert_int_equal(nw_endpoint_get_port(endpoint), 4242);
	nw_release(endpoint);
	endpoint = nw_framer_copy_local_endpoint(fb.f.framer);
	assert_int_equal(nw_endpoint_get_port(endpoint), 77);
	nw_release(endpoint);
	parameters = nw_framer_copy_parameters(fb.f.framer);
	assert_ptr_equal(parameters, fb.b.parameters);
	nw_release(parameters);
	options = nw_framer_copy_options(fb.f.framer);
	def = nw_protocol_options_copy_definition(options);
	assert_true(nw_protocol_definition_is_equal(def, fb.options->definition));
	nw_release(def);
	nw_release(options);
	framer_bench_fini(&fb);
	nw_release(local);
	assert_quiet();
}

/* --- definitions and messages --- */

static void definitions_are_distinct(void **state)
{
	struct frames f = { 0 };
	nw_protocol_definition_t a =
		nw_framer_create_definition_f("same", 0, &f, frames_start, frames_destroy);
	nw_protocol_definition_t b =
		nw_framer_create_definition_f("same", 0, &f, frames_start, NULL);
	nw_protocol_definition_t tcp = nw_protocol_copy_tcp_definition();
	nw_protocol_options_t options = nw_framer_create_options(a);
	nw_framer_message_t message = nw_framer_protocol_create_message(b);
	nw_protocol_metadata_t udp = nw_udp_create_metadata();

	(void)state;
	assert_false(nw_protocol_definition_is_equal(a, b));
	assert_true(nw_protocol_definition_is_equal(a, a));
	assert_ptr_equal(options->definition, a);
	assert_true(nw_protocol_metadata_is_framer_message(message));
	assert_false(nw_protocol_metadata_is_framer_message(udp));
	assert_false(nw_protocol_metadata_is_framer_message(NULL));
	assert_false(nw_protocol_metadata_is_framer_message((nw_protocol_metadata_t)options));
	assert_quiet();
	assert_null(nw_framer_create_options(NULL));
	assert_logged("nw_framer_create_options");
	assert_null(nw_framer_create_options(tcp));
	assert_logged("tcp is not a framer");
	assert_null(nw_framer_protocol_create_message(tcp));
	assert_logged("tcp is not a framer");
	assert_null(nw_framer_create_definition_f(NULL, 0, &f, frames_start, NULL));
	assert_logged("identifier");
	assert_null(nw_framer_create_definition_f("x", 0, &f, NULL, frames_destroy));
	assert_logged("nw_framer_create_definition_f");
	assert_notes(&f, "destroy");
	/* options keep their definition */
	nw_release(a);
	assert_notes(&f, "");
	nw_release(options);
	assert_notes(&f, "destroy");
	nw_release(b);
	nw_release(tcp);
	nw_release(message);
	nw_release(udp);
}

struct disposals {
	char log[64];
};

static void dispose(void *context, void *value)
{
	strcat(((struct disposals *)context)->log, value);
}

static void dispose_context(void *context)
{
	strcat(((struct disposals *)context)->log, ".");
}

static bool is_value(void *context, const void *value)
{
	return context ? value && strcmp(context, value) == 0 : !value;
}

static void message_values_end_once(void **state)
{
	struct frames f = { 0 };
	struct disposals d = { "" };
	nw_protocol_definition_t def =
		nw_framer_create_definition_f("m", 0, &f, frames_start, NULL);
	nw_framer_message_t m = nw_framer_protocol_create_message(def);
	nw_protocol_metadata_t udp = nw_udp_create_metadata();
	char a[] = "a", b[] = "b", c[] = "c", key[] = "key";

	(void)state;
	assert_true(nw_framer_message_access_value_f(m, "key", NULL, is_value));
	nw_framer_message_set_value_f(m, key, a, &d, dispose, dispose_context);
	key[0] = 'K'; /* it was copied */
	assert_true(nw_framer_message_access_value_f(m, "key", a, is_value));
	assert_true(nw_framer_message_access_value_f(m, "Key", NULL, is_value));
	nw_framer_message_set_value_f(m, "key", b, &d, dispose, dispose_context);
	assert_string_equal(d.log, "a.");
	nw_framer_message_set_value_f(m, "key", NULL, &d, dispose, dispose_context);
	assert_string_equal(d.log, "a..b.");
	assert_true(nw_framer_message_access_value_f(m, "key", NULL, is_value));
	nw_framer_message_set_value_f(m, "1", c, &d, dispose, NULL);
	nw_framer_message_set_value_f(m, "2", a, NULL, NULL, NULL);
	nw_framer_message_set_value_f(m, "3", b, &d, dispose, NULL);
	assert_quiet();

	nw_framer_message_set_value_f(NULL, "key", a, NULL, NULL, NULL);
	assert_logged("nw_framer_message_set_value_f");
	nw_framer_message_set_value_f(udp, "key", a, NULL, NULL, NULL);
	assert_logged("udp");
	nw_framer_message_set_value_f(m, NULL, a, NULL, NULL, NULL);
	assert_logged("key");
	assert_false(nw_framer_message_access_value_f(udp, "key", NULL, is_value));
	assert_logged("udp");
	assert_false(nw_framer_message_access_value_f(m, NULL, NULL, is_value));
	assert_logged("key");
	assert_false(nw_framer_message_access_value_f(m, "key", NULL, NULL));
	assert_logged("nw_framer_message_access_value_f");

	d.log[0] = 0;
	nw_release(def); /* the message keeps it */
	nw_release(m);
	assert_string_equal(d.log, "cb");
	nw_release(udp);
}

/* What was sent and what was delivered is kept no longer than the message. */
static void messages_are_not_kept(void **state)
{
	struct framer_bench fb = { .f = { .way = COPY } };
	struct disposals d = { "" };
	nw_content_context_t context;
	nw_framer_message_t message;
	char a[] = "a";

	(void)state;
	framer_bench_init(&fb, false);
	context = typed_context(fb.options, 'T');
	message = nw_content_context_copy_protocol_metadata(context, fb.options->definition);
	nw_framer_message_set_value_f(message, "v", a, &d, dispose, NULL);
	nw_release(message);
	bench_put(&fb.b, "x", 1, context, false);
	nw_release(context);
	assert_string_equal(d.log, ""); /* a part: the rest belongs to it, too */
	bench_put_text(&fb.b, "y");
	assert_string_equal(d.log, "a");
	assert_notes(&fb.f, "start out(T1) out(T1*)");
	framer_bench_fini(&fb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handlers_are_set_in_the_start_handler),
		cmocka_unit_test(no_framer_is_no_framer),
		cmocka_unit_test(misuse_is_said_and_does_nothing),
		cmocka_unit_test(a_framer_knows_its_connection),
		cmocka_unit_test(definitions_are_distinct),
		cmocka_unit_test(message_values_end_once),
		cmocka_unit_test(messages_are_not_kept),
	};

	return cmocka_run_group_tests(tests, log_setup, NULL);
}
