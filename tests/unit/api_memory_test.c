/*
 * Every constructor with every allocation failing in turn: NULL (or an unchanged object), no leak,
 * no crash.
 */
#include "api_test_util.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include "api/content_context.h"
#include "api/endpoint.h"
#include "api/error.h"
#include "api/ip_options.h"
#include "api/parameters.h"
#include "api/path.h"
#include "api/tcp_options.h"
#include "malloc_util.h"

static nw_parameters_t sample; /* with something of every sort in it, for the copies */

static struct nw_protocol_definition upper = {
	.base = BRI_PROTOCOL_STATIC,
	.identifier = "upper",
	.levels = BRI_PROTOCOL_APPLICATION,
	.options_size = sizeof(struct nw_protocol_options),
};

static void *make_host(void)
{
	return nw_endpoint_create_host("example.org", "80");
}

static void *make_url(void)
{
	return nw_endpoint_create_url("http://example.org/x");
}

static void *make_bonjour(void)
{
	return nw_endpoint_create_bonjour_service("n", "_a._tcp", "local");
}

static void *make_address(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	return nw_endpoint_create_address((struct sockaddr *)&in);
}

static void *make_tcp(void)
{
	return nw_parameters_create_secure_tcp_f(
		NULL, BRAID_DISABLE_PROTOCOL_F, NULL, BRAID_DEFAULT_CONFIGURATION_F);
}

static void *make_udp(void)
{
	return nw_parameters_create_secure_udp_f(
		NULL, BRAID_DISABLE_PROTOCOL_F, NULL, BRAID_DEFAULT_CONFIGURATION_F);
}

static void *make_tls(void)
{
	return nw_parameters_create_secure_tcp_f(
		NULL, BRAID_DEFAULT_CONFIGURATION_F, NULL, BRAID_DEFAULT_CONFIGURATION_F);
}

static nw_protocol_options_t filled_tls;

static void *copy_tls(void)
{
	return bri_protocol_options_copy(filled_tls);
}

static void fill_tls(void)
{
	dispatch_data_t key = dispatch_data_create_f("key", 3, NULL, NULL);
	sec_protocol_options_t sec;

	filled_tls = nw_tls_create_options();
	sec = nw_tls_copy_sec_protocol_options(filled_tls);
	sec_protocol_options_add_pre_shared_key(sec, key, key);
	sec_protocol_options_append_tls_ciphersuite(sec, tls_ciphersuite_AES_128_GCM_SHA256);
	sec_protocol_options_add_tls_application_protocol(sec, "h2");
	sec_protocol_options_set_tls_server_name(sec, "example.test");
	sec_release(sec);
	dispatch_release(key);
}

static void *make_custom_ip(void)
{
	return nw_parameters_create_custom_ip_f(253, NULL, BRAID_DEFAULT_CONFIGURATION_F);
}

static void *make_parameters(void)
{
	return nw_parameters_create();
}

static void *make_copy(void)
{
	return nw_parameters_copy(sample);
}

static void *make_tcp_metadata(void)
{
	return bri_tcp_metadata_new(NULL, NULL);
}

static void *make_ip_metadata(void)
{
	return nw_ip_create_metadata();
}

static void *make_context(void)
{
	return nw_content_context_create("c");
}

static void *make_received_context(void)
{
	nw_protocol_metadata_t md = nw_ip_create_metadata();

	return md ? bri_content_context_new("r", md) : NULL;
}

static void *make_privacy_context(void)
{
	return nw_privacy_context_create("p");
}

static void *make_resolver_config(void)
{
	nw_endpoint_t ep = make_host();
	nw_resolver_config_t config = ep ? nw_resolver_config_create_tls(ep) : NULL;

	nw_release(ep);
	return config;
}

static void constructors(void **state)
{
	static const struct {
		void *(*make)(void);
		int min; /* how many allocations it takes at least */
	} cases[] = {
		{ make_host, 1 },
		{ make_url, 1 },
		{ make_bonjour, 1 },
		{ make_address, 1 },
		{ make_tcp, 4 },
		{ make_udp, 4 },
		{ make_tls, 7 },
		{ copy_tls, 6 },
		{ make_custom_ip, 3 },
		{ make_parameters, 3 },
		{ make_copy, 7 },
		{ make_tcp_metadata, 1 },
		{ make_ip_metadata, 1 },
		{ make_context, 1 },
		{ make_received_context, 2 }, /* itself, and the metadata */
		{ make_privacy_context, 1 },
		{ make_resolver_config, 2 },
	};

	(void)state;
	fill_tls();
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		int count = 0;

		for (;;) {
			void *obj;

			malloc_fail(count + 1);
			obj = cases[i].make();
			if (!malloc_failed()) {
				assert_non_null(obj);
				nw_release(obj);
				break;
			}
			assert_null(obj);
			assert_true(++count < 100);
		}
		if (count < cases[i].min)
			fail_msg("case %zu failed in %d places only", i, count);
	}
	nw_release(filled_tls);
	log_lines = 0;
}

/* an error is never NULL, which would mean "no error" */
static void errors_without_memory_are_enomem(void **state)
{
	nw_error_t error;

	(void)state;
	malloc_fail(1);
	error = bri_error_new(nw_error_domain_dns, -65554);
	assert_true(malloc_failed());
	assert_int_equal(nw_error_get_error_domain(error), nw_error_domain_posix);
	assert_int_equal(nw_error_get_error_code(error), ENOMEM);
	nw_release(error);
	malloc_fail(1);
	error = bri_error_new(nw_error_domain_posix, EPIPE);
	assert_false(malloc_failed());
	assert_int_equal(nw_error_get_error_code(error), EPIPE);
}

/* what grows stays as it was when it cannot */
static void setters_without_memory_change_nothing(void **state)
{
	nw_parameters_t p = nw_parameters_create();
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(p);
	nw_protocol_options_t opts = bri_protocol_options_new(&upper);
	nw_interface_t lo = bri_interface_new(1, "lo", nw_interface_type_loopback);
	nw_content_context_t c = nw_content_context_create("c");
	nw_protocol_metadata_t ip = nw_ip_create_metadata(), udp = nw_udp_create_metadata(),
			       md = nw_ws_create_metadata(nw_ws_opcode_text);

	(void)state;
	nw_content_context_set_metadata_for_protocol(c, ip);
	nw_content_context_set_metadata_for_protocol(c, udp);
	malloc_fail(1);
	nw_protocol_stack_prepend_application_protocol(stack, opts);
	assert_logged("no memory");
	malloc_fail(1);
	nw_parameters_prohibit_interface(p, lo);
	assert_logged("no memory");
	malloc_fail(1);
	nw_content_context_set_metadata_for_protocol(c, md);
	assert_logged("no memory");
	assert_true(malloc_failed());
	assert_int_equal(stack->count, 0);
	assert_int_equal(p->prohibited_interface_count, 0);
	assert_int_equal(c->metadata_count, 2);
	assert_int_equal(ref_count(opts), 1);
	assert_int_equal(ref_count(lo), 1);
	assert_int_equal(ref_count(md), 1);
	nw_release(opts);
	nw_release(lo);
	nw_release(md);
	nw_release(udp);
	nw_release(ip);
	nw_release(c);
	nw_release(stack);
	nw_release(p);
}

static void texts_without_memory_are_null(void **state)
{
	nw_endpoint_t ep = make_address();

	(void)state;
	malloc_fail(1);
	assert_null(nw_endpoint_get_hostname(ep));
	malloc_fail(1);
	assert_null(nw_endpoint_copy_port_string(ep));
	malloc_fail(1);
	assert_null(nw_endpoint_copy_address_string(ep));
	assert_true(malloc_failed());
	assert_string_equal(nw_endpoint_get_hostname(ep), "0.0.0.0");
	nw_release(ep);
}

static int make_sample(void **state)
{
	nw_interface_t lo = bri_interface_new(1, "lo", nw_interface_type_loopback);
	nw_protocol_options_t opts = bri_protocol_options_new(&upper);
	nw_protocol_stack_t stack;

	sample = make_tcp();
	stack = nw_parameters_copy_default_protocol_stack(sample);
	nw_protocol_stack_prepend_application_protocol(stack, opts);
	nw_parameters_prohibit_interface(sample, lo);
	nw_release(stack);
	nw_release(opts);
	nw_release(lo);
	return log_setup(state);
}

static int drop_sample(void **state)
{
	(void)state;
	nw_release(sample);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constructors),
		cmocka_unit_test(errors_without_memory_are_enomem),
		cmocka_unit_test(setters_without_memory_change_nothing),
		cmocka_unit_test(texts_without_memory_are_null),
	};

	return cmocka_run_group_tests(tests, make_sample, drop_sample);
}
