/* TLS above framers, on real connections: in the stack, and put there by a framer that has agreed
 * on it with its peer first. Keys that both sides know, so that no certificate is needed. */
#include "framer_util.h"

#include "conn_util.h"

#include <errno.h>

/* --- the client asks, the server agrees, and both go on with TLS --- */

static size_t on_word(void *context, uint8_t *bytes, size_t size, bool complete)
{
	(void)complete;
	if (size == 4)
		memcpy(context, bytes, 4);
	return size;
}

static size_t upgrade_input(void *context, nw_framer_t framer)
{
	char word[5] = "";
	nw_protocol_options_t tls;

	(void)context;
	if (!nw_framer_parse_input_f(framer, 4, 4, NULL, word, on_word))
		return 4;
	if (strcmp(word, "TLS?") == 0)
		nw_framer_write_output(framer, (const uint8_t *)"YES!", 4);
	else if (strcmp(word, "YES!") != 0)
		nw_framer_mark_failed_with_error(framer, EPROTO);
	tls = tls_key_options();
	if (!nw_framer_prepend_application_protocol(framer, tls))
		nw_framer_mark_failed_with_error(framer, EINVAL);
	nw_release(tls);
	nw_framer_pass_through_input(framer);
	nw_framer_pass_through_output(framer);
	nw_framer_mark_ready(framer);
	return 0;
}

static nw_framer_start_result_t upgrade_start(void *context, nw_framer_t framer)
{
	nw_framer_set_input_handler_f(framer, NULL, upgrade_input, NULL);
	if (context)
		nw_framer_write_output(framer, (const uint8_t *)"TLS?", 4);
	return nw_framer_start_result_will_mark_ready;
}

/* --- two ends --- */

static nw_parameters_t with_stack(nw_protocol_options_t lower, nw_protocol_options_t upper)
{
	nw_parameters_t parameters = tcp_parameters();
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(parameters);

	nw_protocol_stack_prepend_application_protocol(stack, lower);
	if (upper)
		nw_protocol_stack_prepend_application_protocol(stack, upper);
	nw_release(stack);
	return parameters;
}

static void talk(nw_parameters_t client_parameters, nw_parameters_t server_parameters, size_t size,
	bool messages)
{
	static struct recorder r, s;
	dispatch_queue_t queue = dispatch_queue_create("q", NULL);
	char *bytes = malloc(size);
	nw_connection_t client, server;
	nw_listener_t listener;
	uint16_t port;

	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)('a' + i * 7 % 26);
	recorder_init(&r);
	recorder_init(&s);
	listener = new_listener(&s, queue, server_parameters, &port);
	client = new_client(&r, queue, client_parameters, port);
	nw_connection_start(client);
	server = accepted(&s, 0);
	start_connection(server, &s, queue);
	await(&r, "ready");
	send_bytes(client, &r, 'a', bytes, size, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
	if (messages)
		receive_message(server, &s, 'b');
	else
		receive(server, &s, 'b', (uint32_t)size, (uint32_t)size);
	await_first(&s, "b=");
	assert_int_equal(s.data_size, size);
	assert_memory_equal(s.data, bytes, size);
	send_text(server, &s, 'c', "answer");
	receive(client, &r, 'd', 6, 6);
	await(&r, messages ? "d=answer*" : "d=answer");
	finish(client, &r);
	nw_connection_cancel(server);
	await(&s, "cancelled");
	release_accepted(&s);
	finish_listener(listener, &s);
	for (int i = 0; i < 4; i++)
		barrier(queue);
	dispatch_release(queue);
	recorder_fini(&r);
	recorder_fini(&s);
	free(bytes);
}

static void a_framer_agrees_on_tls(void **state)
{
	nw_protocol_definition_t asks =
		nw_framer_create_definition_f("asks", 0, (void *)"", upgrade_start, NULL);
	nw_protocol_definition_t agrees =
		nw_framer_create_definition_f("agrees", 0, NULL, upgrade_start, NULL);
	nw_protocol_options_t ao = nw_framer_create_options(asks);
	nw_protocol_options_t bo = nw_framer_create_options(agrees);
	nw_parameters_t ap = with_stack(ao, NULL), bp = with_stack(bo, NULL);

	(void)state;
	talk(ap, bp, 200000, false);
	nw_release(ap);
	nw_release(bp);
	nw_release(ao);
	nw_release(bo);
	nw_release(asks);
	nw_release(agrees);
	assert_quiet();
}

static void tls_above_and_below_a_framer(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct frames rf = { .way = NO_COPY, .quiet = true };
		struct frames sf = { .way = NO_COPY, .quiet = true };
		nw_protocol_options_t ro = frames_options(&rf), so = frames_options(&sf);
		nw_protocol_options_t tls = tls_key_options();
		nw_parameters_t rp = i ? with_stack(ro, tls) : with_stack(tls, ro);
		nw_parameters_t sp = i ? with_stack(so, tls) : with_stack(tls, so);

		talk(rp, sp, 60000, !i); /* what a length of two bytes can say */
		nw_release(rp);
		nw_release(sp);
		nw_release(tls);
		nw_release(ro);
		nw_release(so);
		assert_string_equal(rf.log, "start stop cleanup destroy");
		assert_string_equal(sf.log, "start stop cleanup destroy");
	}
	assert_quiet();
}

/* --- TLS whose bytes the program carries itself: above a framer on a connection that goes nowhere
 * --- */

static size_t keep_hello(void *context, uint8_t *bytes, size_t size, bool complete)
{
	struct recorder *r = context;

	(void)complete;
	if (size > 5)
		note(r, "record(%u,%u)", bytes[0], bytes[1]);
	return size;
}

static void carry_output(void *context, nw_framer_t framer, nw_framer_message_t message,
	size_t length, bool complete)
{
	(void)message;
	(void)complete;
	nw_framer_parse_output_f(framer, length, length, NULL, context, keep_hello);
}

static nw_framer_start_result_t carry_start(void *context, nw_framer_t framer)
{
	nw_framer_set_output_handler_f(framer, context, carry_output, NULL);
	return nw_framer_start_result_ready;
}

static void tls_over_a_framer_over_udp_is_tls(void **state)
{
	static struct recorder r;
	nw_protocol_definition_t def =
		nw_framer_create_definition_f("carry", 0, &r, carry_start, NULL);
	nw_protocol_options_t carry = nw_framer_create_options(def), tls = tls_key_options();
	nw_parameters_t parameters = udp_parameters();
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(parameters);
	dispatch_queue_t queue = dispatch_queue_create("q", NULL);
	nw_connection_t c;

	(void)state;
	recorder_init(&r);
	nw_protocol_stack_prepend_application_protocol(stack, carry);
	nw_protocol_stack_prepend_application_protocol(stack, tls);
	c = new_client(&r, queue, parameters, 42);
	nw_connection_start(c);
	await(&r, "record(22,3)"); /* RFC 8446 section 5.1: a handshake record; of DTLS it is 22,254
				    */
	finish(c, &r);
	barrier(queue);
	nw_release(stack);
	nw_release(parameters);
	nw_release(carry);
	nw_release(tls);
	nw_release(def);
	dispatch_release(queue);
	recorder_fini(&r);
	assert_quiet();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_framer_agrees_on_tls),
		cmocka_unit_test(tls_above_and_below_a_framer),
		cmocka_unit_test(tls_over_a_framer_over_udp_is_tls),
	};

	return cmocka_run_group_tests(tests, log_setup, NULL);
}
