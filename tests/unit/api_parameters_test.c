/* nw_parameters and nw_protocol_stack: creation, defaults, live parts and deep copies. */
#include "api_test_util.h"

#include <stdlib.h>
#include "api/ip_options.h"
#include "api/parameters.h"
#include "api/path.h"
#include "api/tcp_options.h"
#include "api/tls_options.h"
#include "api/udp_options.h"

static nw_interface_t new_interface(uint32_t index)
{
	return bri_interface_new(index, "eth", nw_interface_type_wired);
}

/* an application protocol with something to free, so that deep copies can be told from shallow */
struct upper_options {
	struct nw_protocol_options base;
	char *text;
};

static int copy_upper(nw_protocol_options_t dst, nw_protocol_options_t src)
{
	((struct upper_options *)dst)->text = strdup(((struct upper_options *)src)->text);
	return 0;
}

static void fini_upper(nw_protocol_options_t opts)
{
	free(((struct upper_options *)opts)->text);
}

static struct nw_protocol_definition upper = {
	.base = BRI_PROTOCOL_STATIC,
	.identifier = "upper",
	.levels = BRI_PROTOCOL_APPLICATION,
	.options_size = sizeof(struct upper_options),
	.options_copy = copy_upper,
	.options_fini = fini_upper,
};

static nw_protocol_options_t new_upper(const char *text)
{
	nw_protocol_options_t opts = bri_protocol_options_new(&upper);

	((struct upper_options *)opts)->text = strdup(text);
	return opts;
}

struct configured {
	int calls;
	nw_protocol_options_t options;
};

static void configure(void *context, nw_protocol_options_t options)
{
	struct configured *seen = context;

	seen->calls++;
	seen->options = options;
	if (bri_protocol_options_is(options, &bri_protocol_tcp))
		nw_tcp_options_set_no_delay(options, true);
	if (bri_protocol_options_is(options, &bri_protocol_udp))
		nw_udp_options_set_prefer_no_checksum(options, true);
	if (bri_protocol_options_is(options, &bri_protocol_ip))
		nw_ip_options_set_hop_limit(options, 7);
}

static nw_parameters_t plain_tcp(void)
{
	return nw_parameters_create_secure_tcp_f(
		NULL, BRAID_DISABLE_PROTOCOL_F, NULL, BRAID_DEFAULT_CONFIGURATION_F);
}

static void defaults(void **state)
{
	nw_parameters_t p = plain_tcp();

	(void)state;
	assert_int_equal(nw_parameters_get_service_class(p), nw_service_class_best_effort);
	assert_int_equal(nw_parameters_get_multipath_service(p), nw_multipath_service_disabled);
	assert_int_equal(nw_parameters_get_expired_dns_behavior(p),
		nw_parameters_expired_dns_behavior_default);
	assert_int_equal(nw_parameters_get_required_interface_type(p), nw_interface_type_other);
	assert_int_equal(nw_parameters_get_attribution(p), nw_parameters_attribution_developer);
	assert_false(nw_parameters_get_reuse_local_address(p));
	assert_false(nw_parameters_get_include_peer_to_peer(p));
	assert_false(nw_parameters_get_fast_open_enabled(p));
	assert_false(nw_parameters_get_local_only(p));
	assert_false(nw_parameters_get_prefer_no_proxy(p));
	assert_false(nw_parameters_get_prohibit_expensive(p));
	assert_false(nw_parameters_get_prohibit_constrained(p));
	assert_false(nw_parameters_get_allow_ultra_constrained(p));
	assert_false(nw_parameters_requires_dnssec_validation(p));
	assert_null(nw_parameters_copy_local_endpoint(p));
	assert_null(nw_parameters_copy_required_interface(p));
	assert_ptr_equal(p->privacy_context, NW_DEFAULT_PRIVACY_CONTEXT);
	nw_release(p);
	assert_quiet();
}

static void tcp_configuration_runs_once_inside_the_call(void **state)
{
	struct configured seen = { 0 };
	nw_parameters_t p =
		nw_parameters_create_secure_tcp_f(NULL, BRAID_DISABLE_PROTOCOL_F, &seen, configure);
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(p);
	nw_protocol_options_t tcp = nw_protocol_stack_copy_transport_protocol(stack);

	(void)state;
	assert_int_equal(seen.calls, 1);
	assert_ptr_equal(seen.options, tcp);
	assert_true(bri_parameters_tcp(p)->no_delay);
	assert_null(bri_parameters_udp(p));
	assert_int_equal(bri_parameters_transport(p), BRI_PARAMETERS_TCP);
	nw_release(tcp);
	nw_release(stack);
	nw_release(p);
	assert_quiet();
}

static void udp_configuration_runs_once_inside_the_call(void **state)
{
	struct configured seen = { 0 };
	nw_parameters_t p =
		nw_parameters_create_secure_udp_f(NULL, BRAID_DISABLE_PROTOCOL_F, &seen, configure);

	(void)state;
	assert_int_equal(seen.calls, 1);
	assert_true(bri_parameters_udp(p)->prefer_no_checksum);
	assert_null(bri_parameters_tcp(p));
	assert_int_equal(bri_parameters_transport(p), BRI_PARAMETERS_UDP);
	nw_release(p);
	p = nw_parameters_create_secure_udp_f(
		NULL, BRAID_DISABLE_PROTOCOL_F, NULL, BRAID_DEFAULT_CONFIGURATION_F);
	assert_false(bri_parameters_udp(p)->prefer_no_checksum);
	nw_release(p);
	assert_quiet();
}

static void custom_ip_configures_ip(void **state)
{
	struct configured seen = { 0 };
	nw_parameters_t p = nw_parameters_create_custom_ip_f(253, &seen, configure);

	(void)state;
	assert_int_equal(seen.calls, 1);
	assert_int_equal(bri_parameters_ip(p)->hop_limit, 7);
	assert_int_equal(bri_parameters_transport(p), BRI_PARAMETERS_CUSTOM_IP);
	assert_int_equal(p->custom_ip_protocol, 253);
	nw_release(p);
	p = nw_parameters_create_custom_ip_f(0, NULL, BRAID_DEFAULT_CONFIGURATION_F);
	assert_non_null(p);
	nw_release(p);
	assert_quiet();
	assert_null(nw_parameters_create_custom_ip_f(253, NULL, NULL));
	assert_logged("NULL");
	assert_null(nw_parameters_create_custom_ip_f(253, NULL, BRAID_DISABLE_PROTOCOL_F));
	assert_logged("disabled");
}

/* every wrong pair gives NULL and one line, and calls nothing */
static void secure_creation_refuses(void **state)
{
	struct configured seen = { 0 };
	const nw_parameters_configure_protocol_f off = BRAID_DISABLE_PROTOCOL_F;
	const nw_parameters_configure_protocol_f on = BRAID_DEFAULT_CONFIGURATION_F;
	const struct {
		nw_parameters_configure_protocol_f security, transport;
		const char *why;
	} cases[] = {
		{ NULL, on, "NULL" },
		{ off, NULL, "NULL" },
		{ NULL, NULL, "NULL" },
		{ NULL, configure, "NULL" },
		{ off, off, "cannot be disabled" },
		{ on, off, "cannot be disabled" },
		{ configure, off, "cannot be disabled" },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		assert_null(nw_parameters_create_secure_tcp_f(
			&seen, cases[i].security, &seen, cases[i].transport));
		assert_logged(cases[i].why);
		assert_null(nw_parameters_create_secure_udp_f(
			&seen, cases[i].security, &seen, cases[i].transport));
		assert_logged(cases[i].why);
	}
	assert_int_equal(seen.calls, 0);
}

static void security_is_in_the_stack(void **state)
{
	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		for (int custom = 0; custom < 2; custom++) {
			struct configured tls = { 0 }, transport = { 0 };
			nw_parameters_configure_protocol_f fn =
				custom ? configure : BRAID_DEFAULT_CONFIGURATION_F;
			nw_parameters_t p = udp ? nw_parameters_create_secure_udp_f(
							  &tls, fn, &transport, configure)
						: nw_parameters_create_secure_tcp_f(
							  &tls, fn, &transport, configure);

			assert_int_equal(p->stack->count, 1);
			assert_true(bri_protocol_options_is(
				p->stack->application[0], &bri_protocol_tls));
			assert_int_equal(tls.calls, custom);
			assert_int_equal(transport.calls, 1);
			if (custom)
				assert_ptr_equal(tls.options, p->stack->application[0]);
			assert_ptr_equal(transport.options, p->stack->transport);
			nw_release(p);
		}
	}
	assert_quiet();
}

static void generic_parameters_have_ip_and_no_transport(void **state)
{
	nw_parameters_t created[] = { nw_parameters_create(),
		nw_parameters_create_application_service() };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(created); i++) {
		nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(created[i]);
		nw_protocol_options_t ip = nw_protocol_stack_copy_internet_protocol(stack);

		assert_null(nw_protocol_stack_copy_transport_protocol(stack));
		assert_non_null(ip);
		assert_int_equal(bri_parameters_transport(created[i]), BRI_PARAMETERS_TCP);
		assert_null(bri_parameters_tcp(created[i]));
		nw_release(ip);
		nw_release(stack);
		nw_release(created[i]);
	}
	assert_quiet();
}

/* copies of parts are the live parts: the same pointer, and changes count */
static void stack_and_options_are_live(void **state)
{
	nw_parameters_t p = plain_tcp();
	nw_protocol_stack_t a = nw_parameters_copy_default_protocol_stack(p);
	nw_protocol_stack_t b = nw_parameters_copy_default_protocol_stack(p);
	nw_protocol_options_t ip1 = nw_protocol_stack_copy_internet_protocol(a);
	nw_protocol_options_t ip2 = nw_protocol_stack_copy_internet_protocol(b);
	nw_protocol_options_t tcp1 = nw_protocol_stack_copy_transport_protocol(a);
	nw_protocol_options_t tcp2 = nw_protocol_stack_copy_transport_protocol(b);

	(void)state;
	assert_ptr_equal(a, b);
	assert_ptr_equal(ip1, ip2);
	assert_ptr_equal(tcp1, tcp2);
	nw_ip_options_set_version(ip1, nw_ip_version_6);
	nw_tcp_options_set_no_delay(tcp1, true);
	assert_int_equal(bri_parameters_ip(p)->version, nw_ip_version_6);
	assert_true(bri_parameters_tcp(p)->no_delay);
	nw_release(tcp1);
	nw_release(tcp2);
	nw_release(ip1);
	nw_release(ip2);
	nw_release(a);
	nw_release(b);
	/* and they can be handed out again after all references were given back */
	a = nw_parameters_copy_default_protocol_stack(p);
	assert_int_equal(ext_count(a), 1);
	nw_release(p);
	/* a part outlives its owner */
	ip1 = nw_protocol_stack_copy_internet_protocol(a);
	nw_release(a);
	assert_int_equal(((struct bri_ip_options *)ip1)->version, nw_ip_version_6);
	nw_release(ip1);
	assert_quiet();
}

static void set_transport_replaces_it(void **state)
{
	nw_parameters_t p = plain_tcp();
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(p);
	nw_protocol_options_t udp = nw_udp_create_options();
	nw_protocol_options_t ip = nw_protocol_stack_copy_internet_protocol(stack), got;

	(void)state;
	nw_protocol_stack_set_transport_protocol(stack, udp);
	got = nw_protocol_stack_copy_transport_protocol(stack);
	assert_ptr_equal(got, udp);
	assert_int_equal(bri_parameters_transport(p), BRI_PARAMETERS_UDP);
	/* to itself */
	nw_protocol_stack_set_transport_protocol(stack, got);
	assert_quiet();
	nw_protocol_stack_set_transport_protocol(stack, ip);
	assert_logged("ip is not a transport");
	assert_int_equal(bri_parameters_transport(p), BRI_PARAMETERS_UDP);
	nw_release(ip);
	nw_release(got);
	nw_release(udp);
	nw_release(stack);
	nw_release(p);
}

static void append_text(void *context, nw_protocol_options_t options)
{
	strcat(context, ((struct upper_options *)options)->text);
}

static void clear_while_iterating(void *context, nw_protocol_options_t options)
{
	nw_protocol_stack_clear_application_protocols(context);
	assert_int_equal(((struct upper_options *)options)->text[1], 0);
}

static void newest_application_protocol_is_on_top(void **state)
{
	nw_parameters_t p = plain_tcp(), copy;
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(p), other;
	char seen[64] = "";

	(void)state;
	for (const char *name = "abc"; *name; name++) {
		nw_protocol_options_t opts = new_upper((char[]) { *name, 0 });

		nw_protocol_stack_prepend_application_protocol(stack, opts);
		nw_release(opts);
	}
	nw_protocol_stack_iterate_application_protocols_f(stack, seen, append_text);
	assert_string_equal(seen, "cba");
	/* a deep copy: what is changed here does not change there */
	copy = nw_parameters_copy(p);
	nw_protocol_stack_iterate_application_protocols_f(stack, stack, clear_while_iterating);
	seen[0] = 0;
	nw_protocol_stack_iterate_application_protocols_f(stack, seen, append_text);
	assert_string_equal(seen, "");
	other = nw_parameters_copy_default_protocol_stack(copy);
	nw_protocol_stack_iterate_application_protocols_f(other, seen, append_text);
	assert_string_equal(seen, "cba");
	nw_release(other);
	nw_release(stack);
	nw_release(copy);
	nw_release(p);
	assert_quiet();
}

static void application_protocols_are_checked_and_limited(void **state)
{
	nw_parameters_t p = plain_tcp();
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(p);
	nw_protocol_options_t tcp = nw_tcp_create_options(), opts = new_upper("x");

	(void)state;
	nw_protocol_stack_prepend_application_protocol(stack, tcp);
	assert_logged("tcp is not an application protocol");
	for (int i = 0; i < BRI_PROTOCOL_STACK_MAX; i++)
		nw_protocol_stack_prepend_application_protocol(stack, opts);
	assert_quiet();
	assert_int_equal(stack->count, BRI_PROTOCOL_STACK_MAX);
	nw_protocol_stack_prepend_application_protocol(stack, opts);
	assert_logged("at most");
	assert_int_equal(stack->count, BRI_PROTOCOL_STACK_MAX);
	assert_int_equal(ref_count(opts), 1 + BRI_PROTOCOL_STACK_MAX);
	nw_protocol_stack_clear_application_protocols(stack);
	assert_int_equal(ref_count(opts), 1);
	nw_release(tcp);
	nw_release(opts);
	nw_release(stack);
	nw_release(p);
}

static void flags_are_kept_each_in_its_place(void **state)
{
	static const struct {
		void (*set)(nw_parameters_t parameters, bool value);
		bool (*get)(nw_parameters_t parameters);
	} flags[] = {
		{ nw_parameters_set_reuse_local_address, nw_parameters_get_reuse_local_address },
		{ nw_parameters_set_include_peer_to_peer, nw_parameters_get_include_peer_to_peer },
		{ nw_parameters_set_fast_open_enabled, nw_parameters_get_fast_open_enabled },
		{ nw_parameters_set_local_only, nw_parameters_get_local_only },
		{ nw_parameters_set_prefer_no_proxy, nw_parameters_get_prefer_no_proxy },
		{ nw_parameters_set_prohibit_expensive, nw_parameters_get_prohibit_expensive },
		{ nw_parameters_set_prohibit_constrained, nw_parameters_get_prohibit_constrained },
		{ nw_parameters_set_allow_ultra_constrained,
			nw_parameters_get_allow_ultra_constrained },
		{ nw_parameters_set_requires_dnssec_validation,
			nw_parameters_requires_dnssec_validation },
	};
	nw_parameters_t p = nw_parameters_create(), copy;

	(void)state;
	for (size_t i = 0; i < BRI_LEN(flags); i++) {
		flags[i].set(p, true);
		copy = nw_parameters_copy(p);
		for (size_t j = 0; j < BRI_LEN(flags); j++) {
			assert_int_equal(flags[j].get(p), i == j);
			assert_int_equal(flags[j].get(copy), i == j);
		}
		nw_release(copy);
		flags[i].set(p, false);
	}
	nw_release(p);
	assert_quiet();
}

static void enumerators_are_kept_and_others_refused(void **state)
{
	nw_parameters_t p = nw_parameters_create();
	unsigned bad = 99;

	(void)state;
	nw_parameters_set_service_class(p, nw_service_class_signaling);
	nw_parameters_set_multipath_service(p, nw_multipath_service_aggregate);
	nw_parameters_set_expired_dns_behavior(p, nw_parameters_expired_dns_behavior_persistent);
	nw_parameters_set_required_interface_type(p, nw_interface_type_wifi);
	nw_parameters_set_attribution(p, nw_parameters_attribution_user);
	assert_quiet();
	nw_parameters_set_service_class(p, (nw_service_class_t)bad);
	assert_logged("service class 99");
	nw_parameters_set_multipath_service(p, (nw_multipath_service_t)bad);
	assert_logged("multipath service 99");
	nw_parameters_set_expired_dns_behavior(p, (nw_parameters_expired_dns_behavior_t)bad);
	assert_logged("behavior 99");
	nw_parameters_set_required_interface_type(p, (nw_interface_type_t)bad);
	assert_logged("interface type 99");
	nw_parameters_prohibit_interface_type(p, (nw_interface_type_t)bad);
	assert_logged("interface type 99");
	nw_parameters_set_attribution(p, (nw_parameters_attribution_t)bad);
	assert_logged("attribution 99");
	assert_int_equal(nw_parameters_get_service_class(p), nw_service_class_signaling);
	assert_int_equal(nw_parameters_get_multipath_service(p), nw_multipath_service_aggregate);
	assert_int_equal(nw_parameters_get_expired_dns_behavior(p),
		nw_parameters_expired_dns_behavior_persistent);
	assert_int_equal(nw_parameters_get_required_interface_type(p), nw_interface_type_wifi);
	assert_int_equal(nw_parameters_get_attribution(p), nw_parameters_attribution_user);
	nw_release(p);
}

static void local_endpoint_is_kept_cleared_and_checked(void **state)
{
	nw_parameters_t p = nw_parameters_create();
	nw_endpoint_t address = nw_endpoint_create_host("::", "0");
	nw_endpoint_t host = nw_endpoint_create_host("localhost", "80"), got;
	nw_endpoint_t url = nw_endpoint_create_url("http://h/");

	(void)state;
	nw_parameters_set_local_endpoint(p, host);
	nw_parameters_set_local_endpoint(p, address);
	assert_int_equal(ref_count(host), 1);
	got = nw_parameters_copy_local_endpoint(p);
	assert_ptr_equal(got, address);
	nw_release(got);
	assert_quiet();
	nw_parameters_set_local_endpoint(p, url);
	assert_logged("an address or a host");
	assert_ptr_equal(p->local_endpoint, address);
	nw_parameters_set_local_endpoint(p, NULL);
	assert_null(nw_parameters_copy_local_endpoint(p));
	assert_int_equal(ref_count(address), 1);
	nw_parameters_set_local_endpoint(p, address);
	nw_release(p);
	assert_int_equal(ref_count(address), 1);
	nw_release(address);
	nw_release(host);
	nw_release(url);
	assert_quiet();
}

struct interfaces {
	nw_interface_t seen[8];
	size_t count, stop_after;
	nw_parameters_t clear;
};

static bool see_interface(void *context, nw_interface_t interface)
{
	struct interfaces *s = context;

	s->seen[s->count++] = interface;
	if (s->clear)
		nw_parameters_clear_prohibited_interfaces(s->clear);
	return s->count != s->stop_after;
}

static void required_interface(void **state)
{
	nw_parameters_t p = nw_parameters_create();
	nw_interface_t eth = new_interface(7), got;

	(void)state;
	nw_parameters_require_interface(p, eth);
	got = nw_parameters_copy_required_interface(p);
	assert_ptr_equal(got, eth);
	nw_release(got);
	nw_parameters_require_interface(p, NULL);
	assert_null(nw_parameters_copy_required_interface(p));
	assert_int_equal(ref_count(eth), 1);
	nw_release(eth);
	nw_release(p);
	assert_quiet();
}

static void prohibited_interfaces(void **state)
{
	nw_parameters_t p = nw_parameters_create(), copy;
	nw_interface_t a = new_interface(2), b = new_interface(3);
	nw_interface_t again = new_interface(2);
	struct interfaces s = { 0 };

	(void)state;
	nw_parameters_prohibit_interface(p, a);
	nw_parameters_prohibit_interface(p, b);
	nw_parameters_prohibit_interface(p, a);
	nw_parameters_prohibit_interface(p, again); /* another picture of the first */
	nw_release(again);
	assert_true(bri_parameters_prohibits_index(p, 2));
	assert_true(bri_parameters_prohibits_index(p, 3));
	assert_false(bri_parameters_prohibits_index(p, 4));
	copy = nw_parameters_copy(p);
	nw_parameters_iterate_prohibited_interfaces_f(p, &s, see_interface);
	assert_int_equal(s.count, 2);
	assert_ptr_equal(s.seen[0], a);
	assert_ptr_equal(s.seen[1], b);
	/* false stops */
	s = (struct interfaces) { .stop_after = 1 };
	nw_parameters_iterate_prohibited_interfaces_f(p, &s, see_interface);
	assert_int_equal(s.count, 1);
	/* the list may be cleared from inside; what was begun ends */
	s = (struct interfaces) { .clear = p };
	nw_release(a);
	nw_release(b);
	nw_parameters_iterate_prohibited_interfaces_f(p, &s, see_interface);
	assert_int_equal(s.count, 2);
	s = (struct interfaces) { 0 };
	nw_parameters_iterate_prohibited_interfaces_f(p, &s, see_interface);
	assert_int_equal(s.count, 0);
	/* the copy kept its own list, and the interfaces */
	nw_parameters_iterate_prohibited_interfaces_f(copy, &s, see_interface);
	assert_int_equal(s.count, 2);
	assert_int_equal(ref_count(a), 1);
	nw_release(copy);
	nw_release(p);
	assert_quiet();
}

static void prohibited_interfaces_are_limited(void **state)
{
	nw_parameters_t p = nw_parameters_create();

	(void)state;
	for (uint32_t i = 0; i <= BRI_PARAMETERS_PROHIBITED_MAX; i++) {
		nw_interface_t one = new_interface(i + 1);

		assert_quiet();
		nw_parameters_prohibit_interface(p, one);
		nw_release(one);
	}
	assert_logged("at most");
	assert_int_equal(p->prohibited_interface_count, BRI_PARAMETERS_PROHIBITED_MAX);
	nw_release(p);
}

struct types {
	char seen[16];
	size_t count, stop_after;
};

static bool see_type(void *context, nw_interface_type_t type)
{
	struct types *s = context;

	s->seen[s->count++] = (char)('0' + (int)type);
	return s->count != s->stop_after;
}

static void prohibited_types(void **state)
{
	nw_parameters_t p = nw_parameters_create();
	struct types s = { 0 };

	(void)state;
	nw_parameters_prohibit_interface_type(p, nw_interface_type_cellular);
	nw_parameters_prohibit_interface_type(p, nw_interface_type_other);
	nw_parameters_prohibit_interface_type(p, nw_interface_type_cellular);
	nw_parameters_iterate_prohibited_interface_types_f(p, &s, see_type);
	assert_string_equal(s.seen, "20");
	assert_true(bri_parameters_prohibits_type(p, nw_interface_type_cellular));
	assert_false(bri_parameters_prohibits_type(p, nw_interface_type_wifi));
	s = (struct types) { .stop_after = 1 };
	nw_parameters_iterate_prohibited_interface_types_f(p, &s, see_type);
	assert_string_equal(s.seen, "2");
	nw_parameters_prohibit_interface_type(p, nw_interface_type_wifi);
	nw_parameters_prohibit_interface_type(p, nw_interface_type_wired);
	nw_parameters_prohibit_interface_type(p, nw_interface_type_loopback);
	s = (struct types) { 0 };
	nw_parameters_iterate_prohibited_interface_types_f(p, &s, see_type);
	assert_string_equal(s.seen, "20134");
	nw_parameters_clear_prohibited_interface_types(p);
	s = (struct types) { 0 };
	nw_parameters_iterate_prohibited_interface_types_f(p, &s, see_type);
	assert_int_equal(s.count, 0);
	nw_release(p);
	assert_quiet();
}

static void iteration_needs_something_to_call(void **state)
{
	nw_parameters_t p = nw_parameters_create();
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(p);

	(void)state;
	nw_parameters_iterate_prohibited_interfaces_f(p, NULL, NULL);
	assert_logged("nothing to call");
	nw_parameters_iterate_prohibited_interface_types_f(p, NULL, NULL);
	assert_logged("nothing to call");
	nw_protocol_stack_iterate_application_protocols_f(stack, NULL, NULL);
	assert_logged("nothing to call");
	nw_release(stack);
	nw_release(p);
}

/* everything is the same in the copy, and nothing of it is shared but immutable values */
static void copies_are_deep(void **state)
{
	nw_parameters_t p = plain_tcp(), copy;
	nw_endpoint_t local = nw_endpoint_create_host("127.0.0.1", "0");
	nw_interface_t lo = new_interface(7);
	nw_privacy_context_t privacy = nw_privacy_context_create("p");
	nw_protocol_stack_t theirs, ours = nw_parameters_copy_default_protocol_stack(p);
	nw_protocol_options_t tcp = nw_protocol_stack_copy_transport_protocol(ours);
	nw_protocol_options_t ip = nw_protocol_stack_copy_internet_protocol(ours);

	(void)state;
	nw_parameters_set_local_endpoint(p, local);
	nw_parameters_require_interface(p, lo);
	nw_parameters_set_privacy_context(p, privacy);
	nw_parameters_set_multipath_service(p, nw_multipath_service_handover);
	nw_parameters_prohibit_interface_type(p, nw_interface_type_wifi);
	nw_tcp_options_set_keepalive_count(tcp, 5);
	nw_ip_options_set_hop_limit(ip, 5);
	copy = nw_parameters_copy(p);
	nw_tcp_options_set_keepalive_count(tcp, 6);
	nw_ip_options_set_hop_limit(ip, 6);
	nw_parameters_set_multipath_service(p, nw_multipath_service_disabled);
	nw_parameters_clear_prohibited_interface_types(p);
	nw_release(tcp);
	nw_release(ip);
	nw_release(ours);
	nw_release(p);

	theirs = nw_parameters_copy_default_protocol_stack(copy);
	assert_ptr_not_equal(theirs, ours);
	assert_int_equal(bri_parameters_tcp(copy)->keepalive_count, 5);
	assert_int_equal(bri_parameters_ip(copy)->hop_limit, 5);
	assert_ptr_equal(copy->local_endpoint, local);
	assert_ptr_equal(copy->required_interface, lo);
	assert_ptr_equal(copy->privacy_context, privacy);
	assert_int_equal(nw_parameters_get_multipath_service(copy), nw_multipath_service_handover);
	assert_true(bri_parameters_prohibits_type(copy, nw_interface_type_wifi));
	nw_release(theirs);
	nw_release(copy);
	assert_int_equal(ref_count(local), 1);
	assert_int_equal(ref_count(lo), 1);
	assert_int_equal(ref_count(privacy), 1);
	nw_release(local);
	nw_release(lo);
	nw_release(privacy);
	assert_quiet();
}

static void privacy_context_is_kept_and_checked(void **state)
{
	nw_parameters_t p = nw_parameters_create();
	nw_privacy_context_t a = nw_privacy_context_create("a");

	(void)state;
	nw_parameters_set_privacy_context(p, a);
	nw_release(a);
	assert_ptr_equal(p->privacy_context, a);
	nw_parameters_set_privacy_context(p, NULL);
	assert_logged("NULL");
	assert_ptr_equal(p->privacy_context, a);
	nw_parameters_set_privacy_context(p, NW_DEFAULT_PRIVACY_CONTEXT);
	assert_ptr_equal(p->privacy_context, NW_DEFAULT_PRIVACY_CONTEXT);
	nw_release(p);
	assert_quiet();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(tcp_configuration_runs_once_inside_the_call),
		cmocka_unit_test(udp_configuration_runs_once_inside_the_call),
		cmocka_unit_test(custom_ip_configures_ip),
		cmocka_unit_test(secure_creation_refuses),
		cmocka_unit_test(security_is_in_the_stack),
		cmocka_unit_test(generic_parameters_have_ip_and_no_transport),
		cmocka_unit_test(stack_and_options_are_live),
		cmocka_unit_test(set_transport_replaces_it),
		cmocka_unit_test(newest_application_protocol_is_on_top),
		cmocka_unit_test(application_protocols_are_checked_and_limited),
		cmocka_unit_test(flags_are_kept_each_in_its_place),
		cmocka_unit_test(enumerators_are_kept_and_others_refused),
		cmocka_unit_test(local_endpoint_is_kept_cleared_and_checked),
		cmocka_unit_test(required_interface),
		cmocka_unit_test(prohibited_interfaces),
		cmocka_unit_test(prohibited_interfaces_are_limited),
		cmocka_unit_test(prohibited_types),
		cmocka_unit_test(iteration_needs_something_to_call),
		cmocka_unit_test(copies_are_deep),
		cmocka_unit_test(privacy_context_is_kept_and_checked),
	};

	return cmocka_run_group_tests(tests, log_setup, NULL);
}
