/* nw_path and nw_interface as programs see them: content, order, equality, lifetimes, wrong
 * arguments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>

#include "api/path.h"
#include "api/path_blocks.h"
#include "base/callable.h"

static struct bri_netstate_result sample(void)
{
	struct bri_netstate_result r = { .status = BRI_PATH_SATISFIED,
		.has_ipv4 = true,
		.has_ipv6 = true,
		.has_dns = true,
		.expensive = true,
		.n_interfaces = 2,
		.n_gateways = 2 };

	r.interfaces[0] =
		(struct bri_netif) { .index = 4, .name = "wwan0", .type = BRI_IFTYPE_CELLULAR };
	r.interfaces[1] =
		(struct bri_netif) { .index = 3, .name = "wlan0", .type = BRI_IFTYPE_WIFI };
	r.gateways[0].ip = (struct bri_ip) { .family = AF_INET, .bytes = { 192, 0, 2, 1 } };
	r.gateways[0].ifindex = 4;
	r.gateways[1].ip =
		(struct bri_ip) { .family = AF_INET6, .bytes = { 0xfe, 0x80, [15] = 1 } };
	r.gateways[1].ifindex = 1; /* lo: a scope that exists everywhere */
	return r;
}

static nw_endpoint_t address(const char *text, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };

	assert_int_equal(inet_pton(AF_INET, text, &in.sin_addr), 1);
	return nw_endpoint_create_address((struct sockaddr *)&in);
}

struct list {
	char text[256];
	nw_interface_t kept;
	size_t stop_after;
	size_t n;
};

static bool add_interface(void *context, nw_interface_t interface)
{
	struct list *list = context;

	strncat(list->text, nw_interface_get_name(interface),
		sizeof(list->text) - strlen(list->text) - 1);
	strncat(list->text, " ", sizeof(list->text) - strlen(list->text) - 1);
	if (!list->kept)
		list->kept = nw_retain(interface);
	return ++list->n != list->stop_after;
}

static bool add_gateway(void *context, nw_endpoint_t gateway)
{
	struct list *list = context;
	char *text = nw_endpoint_copy_address_string(gateway);

	assert_int_equal(nw_endpoint_get_type(gateway), nw_endpoint_type_address);
	assert_int_equal(nw_endpoint_get_port(gateway), 0);
	strncat(list->text, text, sizeof(list->text) - strlen(list->text) - 1);
	strncat(list->text, " ", sizeof(list->text) - strlen(list->text) - 1);
	free(text);
	return ++list->n != list->stop_after;
}

static void content(void **state)
{
	struct bri_netstate_result r = sample();
	nw_endpoint_t local = address("192.0.2.2", 5000), remote = address("203.0.113.1", 443), got;
	nw_path_t path = bri_path_new(&r, local, remote);

	(void)state;
	memset(&r, 0xff, sizeof(r)); /* it was copied */
	assert_int_equal(nw_path_get_status(path), nw_path_status_satisfied);
	assert_int_equal(
		nw_path_get_unsatisfied_reason(path), nw_path_unsatisfied_reason_not_available);
	assert_true(nw_path_has_ipv4(path) && nw_path_has_ipv6(path) && nw_path_has_dns(path));
	assert_true(nw_path_is_expensive(path));
	assert_false(nw_path_is_constrained(path));
	assert_false(nw_path_is_ultra_constrained(path));
	assert_int_equal(nw_path_get_link_quality(path), nw_link_quality_unknown);
	assert_true(nw_path_uses_interface_type(path, nw_interface_type_wifi));
	assert_true(nw_path_uses_interface_type(path, nw_interface_type_cellular));
	assert_false(nw_path_uses_interface_type(path, nw_interface_type_wired));
	assert_int_equal(bri_path_first_index(path), 4);
	got = nw_path_copy_effective_local_endpoint(path);
	assert_ptr_equal(got, local);
	nw_release(got);
	nw_release(local);
	nw_release(remote);
	/* the path holds them */
	got = nw_path_copy_effective_remote_endpoint(path);
	assert_int_equal(nw_endpoint_get_port(got), 443);
	nw_release(path);
	assert_int_equal(nw_endpoint_get_port(got), 443);
	nw_release(got);
}

static void enumeration(void **state)
{
	struct bri_netstate_result r = sample();
	nw_path_t path = bri_path_new(&r, NULL, NULL);
	struct list list = { .text = "" }, gateways = { .text = "" }, first = { .stop_after = 1 };

	(void)state;
	nw_path_enumerate_interfaces_f(path, &list, add_interface);
	assert_string_equal(list.text, "wwan0 wlan0 ");
	nw_path_enumerate_gateways_f(path, &gateways, add_gateway);
	assert_string_equal(gateways.text, "192.0.2.1 fe80::1%lo ");
	nw_path_enumerate_interfaces_f(path, &first, add_interface);
	assert_string_equal(first.text, "wwan0 "); /* false stops */
	assert_null(nw_path_copy_effective_local_endpoint(path));
	assert_null(nw_path_copy_effective_remote_endpoint(path));
	nw_release(path);
	/* what a program retained lives on */
	assert_string_equal(nw_interface_get_name(list.kept), "wwan0");
	assert_int_equal(nw_interface_get_index(list.kept), 4);
	assert_int_equal(nw_interface_get_type(list.kept), nw_interface_type_cellular);
	nw_release(list.kept);
	nw_release(first.kept);
}

static bool release_path(void *context, nw_interface_t interface)
{
	nw_path_t *path = context;

	assert_int_not_equal(nw_interface_get_index(interface), 0);
	nw_release(*path);
	*path = NULL;
	return false;
}

static void released_inside(void **state)
{
	struct bri_netstate_result r = sample();
	nw_path_t path = bri_path_new(&r, NULL, NULL);

	(void)state;
	nw_path_enumerate_interfaces_f(path, &path, release_path);
	assert_null(path);
}

/* A block, as a compiler would lay it out: its invoke function takes the block itself first. */
struct counting_block {
	struct bri_block block;
	unsigned n;
};

static bool count_one(struct counting_block *block, void *object)
{
	assert_non_null(object);
	block->n++;
	return true;
}

static void blocks(void **state)
{
	struct bri_netstate_result r = sample();
	nw_path_t path = bri_path_new(&r, NULL, NULL);
	struct counting_block block = { .block.invoke = (bri_any_f)count_one };

	(void)state;
	nw_path_enumerate_interfaces(path, &block);
	nw_path_enumerate_gateways(path, &block);
	assert_int_equal(block.n, 4);
	nw_path_enumerate_interfaces(path, NULL);
	nw_path_enumerate_gateways(path, NULL);
	nw_release(path);
}

static void change_status(struct bri_netstate_result *r)
{
	r->status = BRI_PATH_SATISFIABLE;
}

static void change_dns(struct bri_netstate_result *r)
{
	r->has_dns = false;
}

static void change_v4(struct bri_netstate_result *r)
{
	r->has_ipv4 = false;
}

static void change_expensive(struct bri_netstate_result *r)
{
	r->expensive = false;
}

static void change_name(struct bri_netstate_result *r)
{
	r->interfaces[1].name[0] = 'x';
}

static void change_order(struct bri_netstate_result *r)
{
	struct bri_netif netif = r->interfaces[0];

	r->interfaces[0] = r->interfaces[1];
	r->interfaces[1] = netif;
}

static void change_count(struct bri_netstate_result *r)
{
	r->n_interfaces--;
}

static void change_gateway(struct bri_netstate_result *r)
{
	r->gateways[0].ip.bytes[3]++;
}

static void change_reason(struct bri_netstate_result *r)
{
	r->reason = BRI_PATH_WIFI_DENIED;
}

static void equality(void **state)
{
	static void (*const changes[])(struct bri_netstate_result *) = { change_status, change_dns,
		change_v4, change_expensive, change_name, change_order, change_count,
		change_gateway, change_reason };
	struct bri_netstate_result r = sample();
	nw_endpoint_t a = address("192.0.2.2", 1), a2 = address("192.0.2.2", 1),
		      b = address("192.0.2.2", 2),
		      host = nw_endpoint_create_host("example.org", "1");
	nw_path_t path = bri_path_new(&r, a, host), same = bri_path_new(&r, a2, host),
		  other = bri_path_new(&r, b, host), none = bri_path_new(&r, NULL, host),
		  swapped = bri_path_new(&r, host, a);

	(void)state;
	assert_true(nw_path_is_equal(path, path));
	assert_true(nw_path_is_equal(path, same)); /* content, not identity */
	assert_false(nw_path_is_equal(path, other));
	assert_false(nw_path_is_equal(path, none));
	assert_false(nw_path_is_equal(none, path));
	assert_false(nw_path_is_equal(path, swapped));
	assert_false(nw_path_is_equal(path, NULL));
	assert_false(nw_path_is_equal(NULL, path));
	for (size_t i = 0; i < BRI_LEN(changes); i++) {
		nw_path_t changed;

		r = sample();
		changes[i](&r);
		changed = bri_path_new(&r, a, host);
		if (nw_path_is_equal(path, changed))
			fail_msg("change %zu is not seen", i);
		nw_release(changed);
	}
	nw_release(path);
	nw_release(same);
	nw_release(other);
	nw_release(none);
	nw_release(swapped);
	nw_release(a);
	nw_release(a2);
	nw_release(b);
	nw_release(host);
}

static void wrong_arguments(void **state)
{
	struct bri_netstate_result r = sample();
	nw_path_t path = bri_path_new(&r, NULL, NULL);
	struct list list = { .text = "" };
	void *wrong[] = { NULL, nw_endpoint_create_host("example.org", "1") };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(wrong); i++) {
		assert_int_equal(nw_path_get_status(wrong[i]), nw_path_status_invalid);
		assert_int_equal(nw_path_get_unsatisfied_reason(wrong[i]), 0);
		assert_int_equal(nw_path_get_link_quality(wrong[i]), nw_link_quality_unknown);
		assert_false(nw_path_is_expensive(wrong[i]) || nw_path_is_constrained(wrong[i]) ||
			     nw_path_is_ultra_constrained(wrong[i]) || nw_path_has_ipv4(wrong[i]) ||
			     nw_path_has_ipv6(wrong[i]) || nw_path_has_dns(wrong[i]));
		assert_false(nw_path_uses_interface_type(wrong[i], nw_interface_type_other));
		assert_null(nw_path_copy_effective_local_endpoint(wrong[i]));
		assert_null(nw_path_copy_effective_remote_endpoint(wrong[i]));
		assert_false(nw_path_is_equal(wrong[i], path));
		nw_path_enumerate_interfaces_f(wrong[i], &list, add_interface);
		nw_path_enumerate_gateways_f(wrong[i], &list, add_gateway);
		assert_int_equal(nw_interface_get_index(wrong[i]), 0);
		assert_null(nw_interface_get_name(wrong[i]));
		assert_int_equal(nw_interface_get_type(wrong[i]), nw_interface_type_other);
	}
	assert_int_equal(list.n, 0);
	assert_int_equal(bri_path_first_index(NULL), 0);
	nw_path_enumerate_interfaces_f(path, &list, NULL);
	nw_path_enumerate_gateways_f(path, &list, NULL);
	nw_release(wrong[1]);
	nw_release(path);
}

static void interfaces(void **state)
{
	nw_interface_t lo = bri_interface_from_name("lo"), again = bri_interface_from_index(1),
		       cut = bri_interface_new(
			       9, "a-name-that-is-too-long", nw_interface_type_wired);

	(void)state;
	assert_non_null(lo);
	assert_int_equal(nw_interface_get_index(lo), 1);
	assert_int_equal(nw_interface_get_type(lo), nw_interface_type_loopback);
	assert_string_equal(nw_interface_get_name(again), "lo");
	assert_null(bri_interface_from_name("no-such-if"));
	assert_null(bri_interface_from_index(0));
	assert_string_equal(nw_interface_get_name(cut), "a-name-that-is-");
	nw_release(lo);
	nw_release(again);
	nw_release(cut);
}

/* What the network of this machine is, as a monitor would show it. */
static void this_machine(void **state)
{
	struct bri_netstate_query query = { .required_type = BRI_IFTYPE_LOOPBACK };
	struct bri_netstate *now = bri_netstate_get();
	struct bri_netstate_result result;
	nw_path_t path;

	(void)state;
	assert_non_null(now);
	bri_netstate_evaluate(now, &query, &result);
	path = bri_path_new(&result, NULL, NULL);
	if (bri_netstate_by_name(now, "lo")->up) {
		assert_int_equal(nw_path_get_status(path), nw_path_status_satisfied);
		assert_true(nw_path_uses_interface_type(path, nw_interface_type_loopback));
		assert_true(nw_path_has_ipv4(path));
	} else {
		assert_int_equal(nw_path_get_status(path), nw_path_status_unsatisfied);
	}
	nw_release(path);
	bri_netstate_put(now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(content),
		cmocka_unit_test(enumeration),
		cmocka_unit_test(released_inside),
		cmocka_unit_test(blocks),
		cmocka_unit_test(equality),
		cmocka_unit_test(wrong_arguments),
		cmocka_unit_test(interfaces),
		cmocka_unit_test(this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
