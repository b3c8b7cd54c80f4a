/*
 * Every public function of objects and parameters, given NULL and given an object of another kind:
 * getters answer 0, false or NULL, setters change nothing, and one line names the function.
 */
#include "api_test_util.h"

#include <errno.h>
#include <stdlib.h>
#include "api/content_context.h"
#include "api/error.h"
#include "api/ip_options.h"
#include "api/parameters.h"
#include "api/sentinels.h"
#include "api/tcp_options.h"
#include "api/udp_options.h"

/* Each case calls one function with the bad first argument; its result as a number, 0 being
 * nothing. */
typedef uint64_t (*case_f)(void *bad);

#define GETTER(name_)                                                                              \
	static uint64_t call_##name_(void *bad)                                                    \
	{                                                                                          \
		return (uint64_t)(uintptr_t)name_(bad);                                            \
	}
#define SETTER(name_, ...)                                                                         \
	static uint64_t call_##name_(void *bad)                                                    \
	{                                                                                          \
		name_(bad __VA_OPT__(, ) __VA_ARGS__);                                             \
		return 0;                                                                          \
	}

static uint64_t call_nw_content_context_get_relative_priority(void *bad)
{
	return nw_content_context_get_relative_priority(bad) == 0 ? 0 : 1;
}

static uint64_t call_nw_endpoint_get_signature(void *bad)
{
	size_t len = 9;

	return nw_endpoint_get_signature(bad, &len) || len;
}

static uint64_t call_nw_protocol_definition_is_equal(void *bad)
{
	return nw_protocol_definition_is_equal(bad, &bri_protocol_tcp);
}

static uint64_t call_nw_content_context_copy_protocol_metadata(void *bad)
{
	return !!nw_content_context_copy_protocol_metadata(bad, &bri_protocol_tcp);
}

static uint64_t call_nw_tcp_set_max_pacing_rate(void *bad)
{
	return nw_tcp_set_max_pacing_rate(bad, 1) != EINVAL;
}

/* the enumerators that stand for "nothing" where there is no 0 */
static uint64_t call_nw_parameters_get_attribution(void *bad)
{
	return nw_parameters_get_attribution(bad) != nw_parameters_attribution_developer;
}

static bool never_interface(void *context, nw_interface_t interface)
{
	(void)interface;
	*(int *)context = 1;
	return true;
}

static bool never_type(void *context, nw_interface_type_t type)
{
	(void)type;
	*(int *)context = 1;
	return true;
}

static void never_protocol(void *context, nw_protocol_options_t options)
{
	(void)options;
	*(int *)context = 1;
}

static void never_metadata(
	void *context, nw_protocol_definition_t definition, nw_protocol_metadata_t metadata)
{
	(void)definition;
	(void)metadata;
	*(int *)context = 1;
}

static void never_domain(void *context, const char *domain)
{
	(void)context;
	fail_msg("domain %s", domain);
}

static uint64_t call_nw_relay_hop_create(void *bad)
{
	return nw_relay_hop_create(bad, NULL, NULL) != NULL;
}

static uint64_t call_nw_proxy_config_create_relay(void *bad)
{
	return nw_proxy_config_create_relay(bad, NULL) != NULL;
}

static uint64_t call_nw_proxy_config_create_oblivious_http(void *bad)
{
	return nw_proxy_config_create_oblivious_http(bad, "/", (const uint8_t *)"k", 1) != NULL;
}

static uint64_t call_nw_proxy_config_create_http_connect(void *bad)
{
	return nw_proxy_config_create_http_connect(bad, NULL) != NULL;
}

static uint64_t call_nw_parameters_iterate_prohibited_interfaces_f(void *bad)
{
	int called = 0;

	nw_parameters_iterate_prohibited_interfaces_f(bad, &called, never_interface);
	return (uint64_t)called;
}

static uint64_t call_nw_parameters_iterate_prohibited_interface_types_f(void *bad)
{
	int called = 0;

	nw_parameters_iterate_prohibited_interface_types_f(bad, &called, never_type);
	return (uint64_t)called;
}

static uint64_t call_nw_protocol_stack_iterate_application_protocols_f(void *bad)
{
	int called = 0;

	nw_protocol_stack_iterate_application_protocols_f(bad, &called, never_protocol);
	return (uint64_t)called;
}

static uint64_t call_nw_content_context_foreach_protocol_metadata_f(void *bad)
{
	int called = 0;

	nw_content_context_foreach_protocol_metadata_f(bad, &called, never_metadata);
	return (uint64_t)called;
}

#define FUNCTIONS(GET, SET, OWN)                                                                   \
	GET(nw_error_get_error_domain)                                                             \
	GET(nw_error_get_error_code)                                                               \
	GET(nw_endpoint_get_type)                                                                  \
	GET(nw_endpoint_get_hostname)                                                              \
	GET(nw_endpoint_get_port)                                                                  \
	GET(nw_endpoint_copy_port_string)                                                          \
	GET(nw_endpoint_copy_address_string)                                                       \
	GET(nw_endpoint_get_address)                                                               \
	GET(nw_endpoint_get_url)                                                                   \
	GET(nw_endpoint_get_bonjour_service_name)                                                  \
	GET(nw_endpoint_get_bonjour_service_type)                                                  \
	GET(nw_endpoint_get_bonjour_service_domain)                                                \
	GET(nw_endpoint_copy_txt_record)                                                           \
	OWN(nw_endpoint_get_signature)                                                             \
	OWN(nw_protocol_definition_is_equal)                                                       \
	GET(nw_protocol_options_copy_definition)                                                   \
	GET(nw_protocol_metadata_copy_definition)                                                  \
	SET(nw_tcp_options_set_no_delay, true)                                                     \
	SET(nw_tcp_options_set_no_push, true)                                                      \
	SET(nw_tcp_options_set_no_options, true)                                                   \
	SET(nw_tcp_options_set_enable_keepalive, true)                                             \
	SET(nw_tcp_options_set_keepalive_count, 1)                                                 \
	SET(nw_tcp_options_set_keepalive_idle_time, 1)                                             \
	SET(nw_tcp_options_set_keepalive_interval, 1)                                              \
	SET(nw_tcp_options_set_maximum_segment_size, 1)                                            \
	SET(nw_tcp_options_set_connection_timeout, 1)                                              \
	SET(nw_tcp_options_set_persist_timeout, 1)                                                 \
	SET(nw_tcp_options_set_retransmit_connection_drop_time, 1)                                 \
	SET(nw_tcp_options_set_retransmit_fin_drop, true)                                          \
	SET(nw_tcp_options_set_disable_ack_stretching, true)                                       \
	SET(nw_tcp_options_set_enable_fast_open, true)                                             \
	SET(nw_tcp_options_set_disable_ecn, true)                                                  \
	SET(nw_tcp_options_set_multipath_force_version, nw_multipath_version_1)                    \
	GET(nw_tcp_get_available_receive_buffer)                                                   \
	GET(nw_tcp_get_available_send_buffer)                                                      \
	OWN(nw_tcp_set_max_pacing_rate)                                                            \
	SET(nw_udp_options_set_prefer_no_checksum, true)                                           \
	SET(nw_ip_options_set_version, nw_ip_version_4)                                            \
	SET(nw_ip_options_set_hop_limit, 1)                                                        \
	SET(nw_ip_options_set_use_minimum_mtu, true)                                               \
	SET(nw_ip_options_set_disable_fragmentation, true)                                         \
	SET(nw_ip_options_set_calculate_receive_time, true)                                        \
	SET(nw_ip_options_set_local_address_preference, nw_ip_local_address_preference_stable)     \
	SET(nw_ip_options_set_disable_multicast_loopback, true)                                    \
	SET(nw_ip_metadata_set_ecn_flag, nw_ip_ecn_flag_ce)                                        \
	GET(nw_ip_metadata_get_ecn_flag)                                                           \
	SET(nw_ip_metadata_set_service_class, nw_service_class_background)                         \
	GET(nw_ip_metadata_get_service_class)                                                      \
	GET(nw_ip_metadata_get_receive_time)                                                       \
	GET(nw_parameters_copy)                                                                    \
	GET(nw_parameters_copy_default_protocol_stack)                                             \
	SET(nw_parameters_require_interface, NULL)                                                 \
	GET(nw_parameters_copy_required_interface)                                                 \
	SET(nw_parameters_prohibit_interface, NULL)                                                \
	SET(nw_parameters_clear_prohibited_interfaces)                                             \
	OWN(nw_parameters_iterate_prohibited_interfaces_f)                                         \
	SET(nw_parameters_set_required_interface_type, nw_interface_type_wifi)                     \
	GET(nw_parameters_get_required_interface_type)                                             \
	SET(nw_parameters_prohibit_interface_type, nw_interface_type_wifi)                         \
	SET(nw_parameters_clear_prohibited_interface_types)                                        \
	OWN(nw_parameters_iterate_prohibited_interface_types_f)                                    \
	SET(nw_parameters_set_reuse_local_address, true)                                           \
	GET(nw_parameters_get_reuse_local_address)                                                 \
	SET(nw_parameters_set_local_endpoint, NULL)                                                \
	GET(nw_parameters_copy_local_endpoint)                                                     \
	SET(nw_parameters_set_include_peer_to_peer, true)                                          \
	GET(nw_parameters_get_include_peer_to_peer)                                                \
	SET(nw_parameters_set_fast_open_enabled, true)                                             \
	GET(nw_parameters_get_fast_open_enabled)                                                   \
	SET(nw_parameters_set_service_class, nw_service_class_background)                          \
	GET(nw_parameters_get_service_class)                                                       \
	SET(nw_parameters_set_multipath_service, nw_multipath_service_handover)                    \
	GET(nw_parameters_get_multipath_service)                                                   \
	SET(nw_parameters_set_local_only, true)                                                    \
	GET(nw_parameters_get_local_only)                                                          \
	SET(nw_parameters_set_prefer_no_proxy, true)                                               \
	GET(nw_parameters_get_prefer_no_proxy)                                                     \
	SET(nw_parameters_set_expired_dns_behavior, nw_parameters_expired_dns_behavior_allow)      \
	GET(nw_parameters_get_expired_dns_behavior)                                                \
	SET(nw_parameters_set_requires_dnssec_validation, true)                                    \
	GET(nw_parameters_requires_dnssec_validation)                                              \
	SET(nw_parameters_set_attribution, nw_parameters_attribution_user)                         \
	OWN(nw_parameters_get_attribution)                                                         \
	SET(nw_parameters_set_prohibit_expensive, true)                                            \
	GET(nw_parameters_get_prohibit_expensive)                                                  \
	SET(nw_parameters_set_prohibit_constrained, true)                                          \
	GET(nw_parameters_get_prohibit_constrained)                                                \
	SET(nw_parameters_set_allow_ultra_constrained, true)                                       \
	GET(nw_parameters_get_allow_ultra_constrained)                                             \
	SET(nw_parameters_set_privacy_context, NW_DEFAULT_PRIVACY_CONTEXT)                         \
	SET(nw_protocol_stack_prepend_application_protocol, NULL)                                  \
	SET(nw_protocol_stack_clear_application_protocols)                                         \
	OWN(nw_protocol_stack_iterate_application_protocols_f)                                     \
	GET(nw_protocol_stack_copy_transport_protocol)                                             \
	SET(nw_protocol_stack_set_transport_protocol, NULL)                                        \
	GET(nw_protocol_stack_copy_internet_protocol)                                              \
	GET(nw_content_context_get_identifier)                                                     \
	GET(nw_content_context_get_is_final)                                                       \
	SET(nw_content_context_set_is_final, true)                                                 \
	GET(nw_content_context_get_expiration_milliseconds)                                        \
	SET(nw_content_context_set_expiration_milliseconds, 1)                                     \
	OWN(nw_content_context_get_relative_priority)                                              \
	SET(nw_content_context_set_relative_priority, 1)                                           \
	SET(nw_content_context_set_antecedent, NULL)                                               \
	GET(nw_content_context_copy_antecedent)                                                    \
	SET(nw_content_context_set_metadata_for_protocol, NULL)                                    \
	OWN(nw_content_context_copy_protocol_metadata)                                             \
	OWN(nw_content_context_foreach_protocol_metadata_f)                                        \
	SET(nw_privacy_context_flush_cache)                                                        \
	SET(nw_privacy_context_disable_logging)                                                    \
	SET(nw_privacy_context_require_encrypted_name_resolution, true, NULL)                      \
	GET(nw_resolver_config_create_https)                                                       \
	GET(nw_resolver_config_create_tls)                                                         \
	SET(nw_resolver_config_add_server_address, NULL)                                           \
	SET(nw_privacy_context_add_proxy, NULL)                                                    \
	SET(nw_privacy_context_clear_proxies)                                                      \
	OWN(nw_relay_hop_create)                                                                   \
	SET(nw_relay_hop_add_additional_http_header_field, "n", "v")                               \
	OWN(nw_proxy_config_create_relay)                                                          \
	OWN(nw_proxy_config_create_oblivious_http)                                                 \
	OWN(nw_proxy_config_create_http_connect)                                                   \
	GET(nw_proxy_config_create_socksv5)                                                        \
	SET(nw_proxy_config_set_username_and_password, "u", "p")                                   \
	SET(nw_proxy_config_set_failover_allowed, true)                                            \
	GET(nw_proxy_config_get_failover_allowed)                                                  \
	SET(nw_proxy_config_add_match_domain, "d")                                                 \
	SET(nw_proxy_config_clear_match_domains)                                                   \
	SET(nw_proxy_config_add_excluded_domain, "d")                                              \
	SET(nw_proxy_config_clear_excluded_domains)                                                \
	SET(nw_proxy_config_enumerate_match_domains_f, NULL, never_domain)                         \
	SET(nw_proxy_config_enumerate_excluded_domains_f, NULL, never_domain)

#define NOTHING(name_)
FUNCTIONS(GETTER, SETTER, NOTHING)

#define ROW_GET(name_)      { #name_, call_##name_ },
#define ROW_SET(name_, ...) { #name_, call_##name_ },
static const struct {
	const char *name;
	case_f call;
} functions[] = { FUNCTIONS(ROW_GET, ROW_SET, ROW_GET) };

static void call_all_with(void *bad)
{
	for (size_t i = 0; i < BRI_LEN(functions); i++) {
		uint64_t result = functions[i].call(bad);

		if (result)
			fail_msg("%s gave something", functions[i].name);
		if (log_lines != 1 || !strstr(log_last, functions[i].name))
			fail_msg("%s: %d lines, last: %s", functions[i].name, log_lines, log_last);
		log_lines = 0;
	}
}

static void null_is_answered_with_nothing(void **state)
{
	(void)state;
	call_all_with(NULL);
}

/* an object that none of these functions is about */
static void another_kind_is_answered_with_nothing(void **state)
{
	const struct bri_class other = { .name = "nw_other", .kind = BRI_KIND_PATH_MONITOR };
	struct bri_object object = BRI_OBJECT_STATIC(&other);

	(void)state;
	call_all_with(&object);
	assert_non_null(strstr(log_last, "is a nw_other"));
}

/* the second argument, where it is an object: what was set before stays */
static void second_arguments(void **state)
{
	nw_parameters_t p = nw_parameters_create();
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(p);
	nw_content_context_t c = nw_content_context_create("c");
	nw_endpoint_t host = nw_endpoint_create_host("h", "1");
	nw_resolver_config_t config = nw_resolver_config_create_tls(host);
	void *bad[] = { NULL, p };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(bad); i++) {
		nw_parameters_prohibit_interface(p, bad[i]);
		assert_logged("nw_parameters_prohibit_interface");
		nw_parameters_set_privacy_context(p, bad[i]);
		assert_logged("nw_parameters_set_privacy_context");
		nw_protocol_stack_set_transport_protocol(stack, bad[i]);
		assert_logged("nw_protocol_stack_set_transport_protocol");
		nw_protocol_stack_prepend_application_protocol(stack, bad[i]);
		assert_logged("nw_protocol_stack_prepend_application_protocol");
		nw_content_context_set_metadata_for_protocol(c, bad[i]);
		assert_logged("nw_content_context_set_metadata_for_protocol");
		assert_null(nw_content_context_copy_protocol_metadata(c, bad[i]));
		assert_logged("nw_content_context_copy_protocol_metadata");
		nw_resolver_config_add_server_address(config, bad[i]);
		assert_logged("nw_resolver_config_add_server_address");
		assert_false(nw_protocol_definition_is_equal(&bri_protocol_tcp, bad[i]));
		assert_logged("nw_protocol_definition_is_equal");
	}
	/* NULL is "none" for these; another kind is not */
	nw_parameters_require_interface(p, (void *)p);
	assert_logged("nw_parameters_require_interface");
	nw_parameters_set_local_endpoint(p, (void *)p);
	assert_logged("nw_parameters_set_local_endpoint");
	nw_content_context_set_antecedent(c, (void *)p);
	assert_logged("nw_content_context_set_antecedent");
	nw_privacy_context_require_encrypted_name_resolution(
		NW_DEFAULT_PRIVACY_CONTEXT, true, (void *)p);
	assert_logged("nw_privacy_context_require_encrypted_name_resolution");
	assert_int_equal(ref_count(p), 1);
	nw_release(config);
	nw_release(host);
	nw_release(c);
	nw_release(stack);
	nw_release(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_is_answered_with_nothing),
		cmocka_unit_test(another_kind_is_answered_with_nothing),
		cmocka_unit_test(second_arguments),
	};

	return cmocka_run_group_tests(tests, log_setup, NULL);
}
