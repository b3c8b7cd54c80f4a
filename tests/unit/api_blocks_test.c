/*
 * Objects and parameters as a program with blocks sees them: compiled by clang with -fblocks,
 * public headers only. Constants that are blocks, configuration blocks, iteration with blocks.
 */
#include <Network/Network.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void constants_are_distinct_blocks(void **state)
{
	nw_parameters_configure_protocol_block_t off = NW_PARAMETERS_DISABLE_PROTOCOL;
	nw_parameters_configure_protocol_block_t on = NW_PARAMETERS_DEFAULT_CONFIGURATION;
	nw_connection_send_completion_t idempotent = NW_CONNECTION_SEND_IDEMPOTENT_CONTENT;
	nw_protocol_options_t options = nw_tcp_create_options();

	(void)state;
	assert_non_null((void *)off);
	assert_non_null((void *)on);
	assert_non_null((void *)idempotent);
	assert_ptr_not_equal((void *)off, (void *)on);
	/* they are blocks: called, copied and released like others, and stay what they are */
	off(options);
	on(options);
	idempotent(NULL);
	assert_ptr_equal((void *)Block_copy(off), (void *)off);
	assert_ptr_equal((void *)Block_copy(idempotent), (void *)idempotent);
	Block_release(off);
	Block_release(idempotent);
	off(options);
	nw_release(options);
}

static void configuration_block_runs_once_inside_the_call(void **state)
{
	__block int calls = 0;
	__block nw_protocol_options_t seen = NULL;
	nw_parameters_t p = nw_parameters_create_secure_tcp(
		NW_PARAMETERS_DISABLE_PROTOCOL, ^(nw_protocol_options_t options) {
		  calls++;
		  seen = options;
		  nw_tcp_options_set_no_delay(options, true);
		});
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(p);
	nw_protocol_options_t tcp = nw_protocol_stack_copy_transport_protocol(stack);

	(void)state;
	assert_int_equal(calls, 1);
	assert_ptr_equal(seen, tcp);
	nw_release(tcp);
	nw_release(stack);
	nw_release(p);

	p = nw_parameters_create_secure_udp(NW_PARAMETERS_DISABLE_PROTOCOL, ^(
						    nw_protocol_options_t options) {
	  nw_protocol_definition_t definition = nw_protocol_options_copy_definition(options);
	  nw_protocol_definition_t udp = nw_protocol_copy_udp_definition();

	  calls += nw_protocol_definition_is_equal(definition, udp);
	  nw_release(definition);
	  nw_release(udp);
	});
	assert_int_equal(calls, 2);
	nw_release(p);

	p = nw_parameters_create_custom_ip(253, ^(nw_protocol_options_t options) {
	  calls++;
	  nw_ip_options_set_version(options, nw_ip_version_6);
	});
	assert_int_equal(calls, 3);
	nw_release(p);
}

static void constants_are_recognised(void **state)
{
	/* through a variable, as it is a mistake that compilers warn about */
	nw_parameters_configure_protocol_block_t none = NULL;
	nw_parameters_t p = nw_parameters_create_secure_tcp(
		NW_PARAMETERS_DISABLE_PROTOCOL, NW_PARAMETERS_DEFAULT_CONFIGURATION);

	(void)state;
	assert_non_null(p);
	nw_release(p);
	p = nw_parameters_create_secure_udp(
		NW_PARAMETERS_DISABLE_PROTOCOL, NW_PARAMETERS_DEFAULT_CONFIGURATION);
	assert_non_null(p);
	nw_release(p);
	p = nw_parameters_create_custom_ip(253, NW_PARAMETERS_DEFAULT_CONFIGURATION);
	assert_non_null(p);
	nw_release(p);
	/* the transport itself cannot be disabled, and no configuration may be NULL */
	assert_null(nw_parameters_create_secure_tcp(
		NW_PARAMETERS_DISABLE_PROTOCOL, NW_PARAMETERS_DISABLE_PROTOCOL));
	assert_null(nw_parameters_create_secure_udp(
		NW_PARAMETERS_DISABLE_PROTOCOL, NW_PARAMETERS_DISABLE_PROTOCOL));
	assert_null(nw_parameters_create_custom_ip(253, NW_PARAMETERS_DISABLE_PROTOCOL));
	assert_null(nw_parameters_create_secure_tcp(NW_PARAMETERS_DISABLE_PROTOCOL, none));
	assert_null(nw_parameters_create_secure_tcp(none, NW_PARAMETERS_DEFAULT_CONFIGURATION));
	assert_null(nw_parameters_create_custom_ip(253, none));
}

static void iteration_with_blocks(void **state)
{
	nw_parameters_t p = nw_parameters_create();
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(p);
	__block int calls = 0;

	(void)state;
	nw_parameters_prohibit_interface_type(p, nw_interface_type_wifi);
	nw_parameters_prohibit_interface_type(p, nw_interface_type_cellular);
	nw_parameters_iterate_prohibited_interface_types(p, ^bool(nw_interface_type_t type) {
	  calls += (int)type;
	  return true;
	});
	assert_int_equal(calls, 3);
	nw_parameters_iterate_prohibited_interface_types(p, ^bool(nw_interface_type_t type) {
	  calls += (int)type;
	  return false;
	});
	assert_int_equal(calls, 4);
	nw_parameters_iterate_prohibited_interfaces(p, ^bool(nw_interface_t interface) {
	  (void)interface;
	  calls = -1;
	  return true;
	});
	nw_protocol_stack_iterate_application_protocols(stack, ^(nw_protocol_options_t protocol) {
	  (void)protocol;
	  calls = -1;
	});
	assert_int_equal(calls, 4);
	nw_release(stack);
	nw_release(p);
}

static void domains_with_blocks(void **state)
{
	nw_endpoint_t endpoint = nw_endpoint_create_host("proxy.example", "1080");
	nw_proxy_config_t config = nw_proxy_config_create_socksv5(endpoint);
	__block size_t letters = 0;

	(void)state;
	nw_proxy_config_add_match_domain(config, "a.example");
	nw_proxy_config_add_match_domain(config, "b");
	nw_proxy_config_add_excluded_domain(config, "ccc");
	nw_proxy_config_enumerate_match_domains(config, ^(const char *domain) {
	  letters += strlen(domain);
	});
	assert_int_equal(letters, 10);
	nw_proxy_config_enumerate_excluded_domains(config, ^(const char *domain) {
	  letters += strlen(domain);
	});
	assert_int_equal(letters, 13);
	nw_release(config);
	nw_release(endpoint);
}

static void metadata_with_blocks(void **state)
{
	nw_content_context_t context = nw_content_context_create("c");
	nw_protocol_metadata_t ip = nw_ip_create_metadata();
	__block nw_protocol_metadata_t seen = NULL;
	__block bool same = false;

	(void)state;
	nw_content_context_set_metadata_for_protocol(context, ip);
	nw_content_context_foreach_protocol_metadata(
		context, ^(nw_protocol_definition_t definition, nw_protocol_metadata_t metadata) {
		  nw_protocol_definition_t expected = nw_protocol_copy_ip_definition();

		  same = nw_protocol_definition_is_equal(definition, expected);
		  seen = metadata;
		  nw_release(expected);
		});
	assert_ptr_equal(seen, ip);
	assert_true(same);
	nw_release(ip);
	nw_release(context);
}

/* as other languages find them: symbols whose content is the pointer */
static void default_objects_are_data(void **state)
{
	const nw_content_context_t *symbols[] = { &_nw_content_context_default_message,
		&_nw_content_context_default_stream, &_nw_content_context_final_send };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_ptr_equal(nw_retain(*symbols[i]), *symbols[i]);
		nw_release(*symbols[i]);
		assert_non_null(nw_content_context_get_identifier(*symbols[i]));
	}
	assert_false(nw_content_context_get_is_final(NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT));
	assert_true(nw_content_context_get_is_final(NW_CONNECTION_DEFAULT_STREAM_CONTEXT));
	assert_true(nw_content_context_get_is_final(NW_CONNECTION_FINAL_MESSAGE_CONTEXT));
	assert_non_null(NW_DEFAULT_PRIVACY_CONTEXT);
	assert_true(NW_ALL_PATHS == UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constants_are_distinct_blocks),
		cmocka_unit_test(configuration_block_runs_once_inside_the_call),
		cmocka_unit_test(constants_are_recognised),
		cmocka_unit_test(iteration_with_blocks),
		cmocka_unit_test(domains_with_blocks),
		cmocka_unit_test(metadata_with_blocks),
		cmocka_unit_test(default_objects_are_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
