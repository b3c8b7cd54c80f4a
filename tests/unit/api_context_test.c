/* Content contexts, privacy contexts and resolver configurations. */
#include "api_test_util.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include "api/content_context.h"
#include "api/ip_options.h"
#include "api/privacy_context.h"
#include "api/resolver_config.h"
#include "api/sentinels.h"
#include "api/udp_options.h"

static void new_contexts_have_defaults(void **state)
{
	char name[] = "hello";
	nw_content_context_t c = nw_content_context_create(name);

	(void)state;
	name[0] = 'x'; /* it was copied */
	assert_string_equal(nw_content_context_get_identifier(c), "hello");
	assert_false(nw_content_context_get_is_final(c));
	assert_int_equal(nw_content_context_get_expiration_milliseconds(c), 0);
	assert_true(nw_content_context_get_relative_priority(c) == 0.5);
	assert_null(nw_content_context_copy_antecedent(c));
	nw_release(c);
	assert_quiet();
	/* the original crashes here */
	assert_null(nw_content_context_create(NULL));
	assert_logged("NULL");
}

static void properties_are_kept(void **state)
{
	nw_content_context_t c = nw_content_context_create("");

	(void)state;
	assert_string_equal(nw_content_context_get_identifier(c), "");
	nw_content_context_set_expiration_milliseconds(c, UINT64_MAX);
	assert_true(nw_content_context_get_expiration_milliseconds(c) == UINT64_MAX);
	nw_content_context_set_relative_priority(c, 0);
	assert_true(nw_content_context_get_relative_priority(c) == 0);
	nw_content_context_set_relative_priority(c, 1);
	assert_true(nw_content_context_get_relative_priority(c) == 1);
	nw_content_context_set_is_final(c, true);
	assert_true(nw_content_context_get_is_final(c));
	nw_release(c);
	assert_quiet();
}

static void priorities_out_of_range_are_refused(void **state)
{
	const double bad[] = { -0.1, 1.1, (double)NAN, (double)INFINITY, -(double)INFINITY };
	nw_content_context_t c = nw_content_context_create("c");

	(void)state;
	nw_content_context_set_relative_priority(c, 0.25);
	for (size_t i = 0; i < BRI_LEN(bad); i++) {
		nw_content_context_set_relative_priority(c, bad[i]);
		assert_logged("0.0 to 1.0");
		assert_true(nw_content_context_get_relative_priority(c) == 0.25);
	}
	nw_release(c);
}

/* default priority, no expiration, no antecedent: whatever was set before */
static void final_contexts_report_defaults(void **state)
{
	nw_content_context_t c = nw_content_context_create("c"), a = nw_content_context_create("a");

	(void)state;
	nw_content_context_set_relative_priority(c, 0.9);
	nw_content_context_set_expiration_milliseconds(c, 100);
	nw_content_context_set_antecedent(c, a);
	nw_content_context_set_is_final(c, true);
	assert_true(nw_content_context_get_relative_priority(c) == 0.5);
	assert_int_equal(nw_content_context_get_expiration_milliseconds(c), 0);
	assert_null(nw_content_context_copy_antecedent(c));
	assert_quiet();
	nw_content_context_set_relative_priority(c, 0.1);
	assert_logged("final");
	nw_content_context_set_expiration_milliseconds(c, 5);
	assert_logged("final");
	nw_content_context_set_antecedent(c, a);
	assert_logged("final");
	/* NULL takes an antecedent away, also from a final context */
	nw_content_context_set_antecedent(c, NULL);
	assert_int_equal(ref_count(a), 1);
	nw_release(a);
	nw_release(c);
	assert_quiet();
}

static void antecedents_are_kept_and_replaced(void **state)
{
	nw_content_context_t c = nw_content_context_create("c");
	nw_content_context_t a = nw_content_context_create("a"), b = nw_content_context_create("b");
	nw_content_context_t got;

	(void)state;
	nw_content_context_set_antecedent(c, a);
	got = nw_content_context_copy_antecedent(c);
	assert_ptr_equal(got, a);
	nw_release(got);
	nw_content_context_set_antecedent(c, b);
	assert_int_equal(ref_count(a), 1);
	nw_content_context_set_antecedent(c, b); /* the same again */
	assert_int_equal(ref_count(b), 2);
	nw_content_context_set_antecedent(c, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT);
	assert_ptr_equal(
		nw_content_context_copy_antecedent(c), NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT);
	assert_int_equal(ref_count(b), 1);
	nw_release(a);
	nw_release(b);
	nw_release(c);
	assert_quiet();
}

static void circles_are_refused(void **state)
{
	nw_content_context_t c[3];

	(void)state;
	for (size_t i = 0; i < BRI_LEN(c); i++)
		c[i] = nw_content_context_create("c");
	nw_content_context_set_antecedent(c[0], c[0]);
	assert_logged("wait for itself");
	nw_content_context_set_antecedent(c[1], c[0]);
	nw_content_context_set_antecedent(c[2], c[1]);
	assert_quiet();
	nw_content_context_set_antecedent(c[0], c[2]);
	assert_logged("wait for itself");
	assert_null(nw_content_context_copy_antecedent(c[0]));
	for (size_t i = 0; i < BRI_LEN(c); i++)
		nw_release(c[i]); /* the address sanitizer sees a circle that stayed */
}

/* every message after the one before: the end of such a chain must not end the stack */
static void long_chains_end_without_recursion(void **state)
{
	nw_content_context_t last = nw_content_context_create("0"), middle = NULL;

	(void)state;
	for (int i = 1; i < 200000; i++) {
		nw_content_context_t next = nw_content_context_create("n");

		nw_content_context_set_antecedent(next, last);
		if (i == 100000)
			middle = nw_retain(next);
		nw_release(last);
		last = next;
	}
	nw_release(last);
	/* what somebody else holds stays, with what it needs */
	assert_int_equal(ref_count(middle), 1);
	last = nw_content_context_copy_antecedent(middle);
	assert_string_equal(nw_content_context_get_identifier(last), "n");
	nw_release(last);
	nw_release(middle);
	assert_quiet();
}

struct seen {
	nw_protocol_definition_t definitions[4];
	nw_protocol_metadata_t metadata[4];
	size_t count;
	nw_content_context_t change;
};

static void see(void *context, nw_protocol_definition_t definition, nw_protocol_metadata_t metadata)
{
	struct seen *s = context;

	s->definitions[s->count] = definition;
	s->metadata[s->count++] = metadata;
	if (s->change) {
		nw_protocol_metadata_t other = nw_ip_create_metadata();

		nw_content_context_set_metadata_for_protocol(s->change, other);
		nw_release(other);
	}
}

static void metadata_is_kept_by_protocol(void **state)
{
	nw_content_context_t c = nw_content_context_create("c");
	nw_protocol_metadata_t ip = nw_ip_create_metadata(), udp = nw_udp_create_metadata(), got;
	struct seen s = { 0 };

	(void)state;
	assert_null(nw_content_context_copy_protocol_metadata(c, &bri_protocol_ip));
	nw_content_context_set_metadata_for_protocol(c, ip);
	nw_content_context_set_metadata_for_protocol(c, udp);
	nw_content_context_foreach_protocol_metadata_f(c, &s, see);
	assert_int_equal(s.count, 2);
	assert_ptr_equal(s.definitions[0], &bri_protocol_ip);
	assert_ptr_equal(s.metadata[0], ip);
	assert_ptr_equal(s.definitions[1], &bri_protocol_udp);
	got = nw_content_context_copy_protocol_metadata(c, &bri_protocol_ip);
	assert_ptr_equal(got, ip);
	nw_release(got);
	/* the same protocol again replaces */
	nw_release(ip);
	ip = nw_ip_create_metadata();
	nw_content_context_set_metadata_for_protocol(c, ip);
	assert_ptr_equal(bri_content_context_metadata(c, &bri_protocol_ip), ip);
	assert_int_equal(c->metadata_count, 2);
	assert_null(nw_content_context_copy_protocol_metadata(c, &bri_protocol_tcp));
	nw_release(ip);
	/* changed from inside: the one in hand stays valid until its call ends */
	s = (struct seen) { .change = c };
	nw_content_context_foreach_protocol_metadata_f(c, &s, see);
	assert_int_equal(s.count, 2);
	assert_quiet();
	nw_content_context_foreach_protocol_metadata_f(c, NULL, NULL);
	assert_logged("nothing to call");
	nw_release(udp);
	nw_release(c);
}

static nw_framer_start_result_t never_started(void *context, nw_framer_t framer)
{
	(void)context;
	(void)framer;
	fail_msg("no connection has this framer");
	return nw_framer_start_result_ready;
}

/* The first two are in the context itself, more are not. */
static void metadata_of_many_protocols(void **state)
{
	nw_content_context_t c = nw_content_context_create("c");
	nw_protocol_definition_t definitions[BRI_CONTENT_CONTEXT_METADATA_MAX + 1];
	nw_protocol_metadata_t metadata[BRI_LEN(definitions)];

	(void)state;
	for (size_t i = 0; i < BRI_LEN(definitions); i++) {
		definitions[i] = nw_framer_create_definition_f(
			"many", NW_FRAMER_CREATE_FLAGS_DEFAULT, NULL, never_started, NULL);
		metadata[i] = nw_framer_protocol_create_message(definitions[i]);
		nw_content_context_set_metadata_for_protocol(c, metadata[i]);
		for (size_t k = 0; k < i && k < BRI_CONTENT_CONTEXT_METADATA_MAX; k++)
			assert_ptr_equal(
				bri_content_context_metadata(c, definitions[k]), metadata[k]);
	}
	assert_logged("over 18 protocols");
	assert_int_equal(c->metadata_count, BRI_CONTENT_CONTEXT_METADATA_MAX);
	nw_release(c);
	for (size_t i = 0; i < BRI_LEN(definitions); i++) {
		assert_int_equal(atomic_load(&((struct bri_object *)metadata[i])->refs), 1);
		nw_release(metadata[i]);
		nw_release(definitions[i]);
	}
	assert_quiet();
}

static void default_contexts_are_fixed(void **state)
{
	const struct {
		nw_content_context_t context;
		bool is_final;
	} defaults[] = {
		{ NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, false },
		{ NW_CONNECTION_DEFAULT_STREAM_CONTEXT, true },
		{ NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true },
	};
	nw_content_context_t a = nw_content_context_create("a");
	nw_protocol_metadata_t ip = nw_ip_create_metadata();

	(void)state;
	for (size_t i = 0; i < BRI_LEN(defaults); i++) {
		nw_content_context_t c = defaults[i].context;

		assert_non_null(nw_content_context_get_identifier(c));
		nw_content_context_set_is_final(c, !defaults[i].is_final);
		assert_logged("shared");
		nw_content_context_set_expiration_milliseconds(c, 1);
		assert_logged("shared");
		nw_content_context_set_relative_priority(c, 1);
		assert_logged("shared");
		nw_content_context_set_antecedent(c, a);
		assert_logged("shared");
		nw_content_context_set_metadata_for_protocol(c, ip);
		assert_logged("shared");
		assert_int_equal(nw_content_context_get_is_final(c), defaults[i].is_final);
		assert_int_equal(nw_content_context_get_expiration_milliseconds(c), 0);
		assert_true(nw_content_context_get_relative_priority(c) == 0.5);
		assert_null(nw_content_context_copy_antecedent(c));
		assert_null(nw_content_context_copy_protocol_metadata(c, &bri_protocol_ip));
	}
	assert_ptr_not_equal(defaults[0].context, defaults[1].context);
	assert_ptr_not_equal(defaults[1].context, defaults[2].context);
	assert_ptr_not_equal(defaults[0].context, defaults[2].context);
	nw_release(a);
	nw_release(ip);
	assert_quiet();
}

static void received_contexts(void **state)
{
	nw_protocol_metadata_t ip = bri_ip_metadata_new(nw_ip_ecn_flag_ce, 0, 5);
	nw_content_context_t c = bri_content_context_new("received", ip);

	(void)state;
	assert_string_equal(nw_content_context_get_identifier(c), "received");
	assert_false(nw_content_context_get_is_final(c));
	ip = nw_content_context_copy_protocol_metadata(c, &bri_protocol_ip);
	assert_int_equal(nw_ip_metadata_get_ecn_flag(ip), nw_ip_ecn_flag_ce);
	nw_release(ip);
	nw_release(c);
}

/* what programs without blocks compare: constants, and harmless when called */
static void function_constants(void **state)
{
	const nw_parameters_configure_protocol_f off = BRAID_DISABLE_PROTOCOL_F;
	const nw_parameters_configure_protocol_f on = BRAID_DEFAULT_CONFIGURATION_F;
	const nw_connection_send_completion_f idempotent = BRAID_SEND_IDEMPOTENT_CONTENT_F;
	struct bri_callable call = BRI_CALLABLE(idempotent, NULL, NULL);

	(void)state;
	assert_true(off && on && idempotent);
	assert_ptr_not_equal((void *)(uintptr_t)off, (void *)(uintptr_t)on);
	off(NULL, NULL);
	on(NULL, NULL);
	idempotent(NULL, NULL);
	assert_true(bri_sentinels_is_idempotent(&call));
	call = (struct bri_callable) { 0 };
	assert_false(bri_sentinels_is_idempotent(&call));
	call = bri_callable_from_block(_nw_connection_send_idempotent_content);
	assert_true(bri_sentinels_is_idempotent(&call));
	assert_ptr_equal(call.context, _nw_connection_send_idempotent_content); /* not a copy */
	bri_callable_clear(&call);
	assert_int_equal(NW_ALL_PATHS, UINT32_MAX);
	assert_quiet();
}

static void privacy_contexts(void **state)
{
	nw_privacy_context_t c = nw_privacy_context_create("mine");
	uint32_t epoch = bri_privacy_context_cache_epoch(c);

	(void)state;
	assert_true(bri_privacy_context_logs(c));
	nw_privacy_context_disable_logging(c);
	assert_false(bri_privacy_context_logs(c));
	nw_privacy_context_flush_cache(c);
	assert_int_equal(bri_privacy_context_cache_epoch(c), epoch + 1);
	nw_privacy_context_flush_cache(NW_DEFAULT_PRIVACY_CONTEXT);
	nw_release(c);
	assert_quiet();
	nw_privacy_context_disable_logging(NW_DEFAULT_PRIVACY_CONTEXT);
	assert_logged("cannot be disabled");
	assert_true(bri_privacy_context_logs(NW_DEFAULT_PRIVACY_CONTEXT));
	assert_null(nw_privacy_context_create(NULL));
	assert_logged("NULL");
}

static void encrypted_names_are_kept(void **state)
{
	nw_endpoint_t url = nw_endpoint_create_url("https://dns.example/dns-query");
	nw_resolver_config_t config = nw_resolver_config_create_https(url), got = NULL;
	nw_privacy_context_t contexts[] = { nw_privacy_context_create("c"),
		nw_retain(NW_DEFAULT_PRIVACY_CONTEXT) };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(contexts); i++) {
		assert_false(bri_privacy_context_encrypted_names(contexts[i], &got));
		assert_null(got);
		nw_privacy_context_require_encrypted_name_resolution(contexts[i], true, config);
		assert_true(bri_privacy_context_encrypted_names(contexts[i], &got));
		assert_ptr_equal(got, config);
		bri_object_put(got);
		nw_privacy_context_require_encrypted_name_resolution(contexts[i], false, NULL);
		assert_false(bri_privacy_context_encrypted_names(contexts[i], &got));
		assert_null(got);
		nw_release(contexts[i]);
	}
	assert_int_equal(ref_count(config), 1);
	nw_release(config);
	nw_release(url);
	assert_quiet();
}

static void *require_often(void *config)
{
	nw_resolver_config_t got;

	for (int i = 0; i < 500; i++) {
		nw_privacy_context_require_encrypted_name_resolution(
			NW_DEFAULT_PRIVACY_CONTEXT, true, config);
		bri_privacy_context_encrypted_names(NW_DEFAULT_PRIVACY_CONTEXT, &got);
		bri_object_put(got);
		nw_privacy_context_require_encrypted_name_resolution(
			NW_DEFAULT_PRIVACY_CONTEXT, false, NULL);
	}
	return NULL;
}

static void default_privacy_context_from_many_threads(void **state)
{
	nw_endpoint_t host = nw_endpoint_create_host("dns.example", "853");
	nw_resolver_config_t config = nw_resolver_config_create_tls(host);
	pthread_t threads[3];

	(void)state;
	for (size_t i = 0; i < BRI_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, require_often, config), 0);
	for (size_t i = 0; i < BRI_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(ref_count(config), 1);
	nw_release(config);
	nw_release(host);
}

static void resolver_configs_check_their_endpoints(void **state)
{
	nw_endpoint_t https = nw_endpoint_create_url("HTTPS://dns.example/q");
	nw_endpoint_t http = nw_endpoint_create_url("http://dns.example/q");
	nw_endpoint_t host = nw_endpoint_create_host("dns.example", "853");
	nw_endpoint_t address = nw_endpoint_create_host("192.0.2.53", "853");
	nw_resolver_config_t doh = nw_resolver_config_create_https(https);
	nw_resolver_config_t dot = nw_resolver_config_create_tls(host);

	(void)state;
	assert_true(doh->is_https && doh->endpoint == https);
	assert_true(!dot->is_https && dot->endpoint == host);
	for (int i = 0; i < BRI_RESOLVER_CONFIG_ADDRESSES_MAX; i++)
		nw_resolver_config_add_server_address(dot, address);
	assert_quiet();
	nw_resolver_config_add_server_address(dot, address);
	assert_logged("at most");
	nw_resolver_config_add_server_address(doh, host);
	assert_logged("not an address");
	assert_null(nw_resolver_config_create_https(http));
	assert_logged("not an https URL");
	assert_null(nw_resolver_config_create_https(host));
	assert_logged("not an https URL");
	assert_null(nw_resolver_config_create_tls(https));
	assert_logged("neither a host nor an address");
	nw_release(doh);
	nw_release(dot);
	assert_int_equal(ref_count(address), 1);
	nw_release(https);
	nw_release(http);
	nw_release(host);
	nw_release(address);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_contexts_have_defaults),
		cmocka_unit_test(properties_are_kept),
		cmocka_unit_test(priorities_out_of_range_are_refused),
		cmocka_unit_test(final_contexts_report_defaults),
		cmocka_unit_test(antecedents_are_kept_and_replaced),
		cmocka_unit_test(circles_are_refused),
		cmocka_unit_test(long_chains_end_without_recursion),
		cmocka_unit_test(metadata_is_kept_by_protocol),
		cmocka_unit_test(metadata_of_many_protocols),
		cmocka_unit_test(default_contexts_are_fixed),
		cmocka_unit_test(received_contexts),
		cmocka_unit_test(function_constants),
		cmocka_unit_test(privacy_contexts),
		cmocka_unit_test(encrypted_names_are_kept),
		cmocka_unit_test(default_privacy_context_from_many_threads),
		cmocka_unit_test(resolver_configs_check_their_endpoints),
	};

	return cmocka_run_group_tests(tests, log_setup, NULL);
}
