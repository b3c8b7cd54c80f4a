/* What `braid check` says about made-up machines: each verdict and its fix. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <arpa/inet.h>
#include <cmocka.h>
#include "cli/check.h"
#include "netlink/nl_pm.h"

struct world {
	struct bri_check_facts facts;
	struct bri_report report;
	struct bri_check_summary summary;
};

static void set(struct world *w, enum bri_check_sysctl which, const char *value)
{
	snprintf(w->facts.sysctl[which], sizeof(w->facts.sysctl[which]), "%s", value);
}

/* A path with an address 10.0.INDEX.2/24 and a gateway. */
static struct bri_check_link *add_link(struct world *w, const char *name, uint32_t index)
{
	struct bri_check_link *link = &w->facts.links[w->facts.n_links++];

	*link = (struct bri_check_link) {
		.index = index, .type = "wired", .up = true, .running = true
	};
	snprintf(link->name, sizeof(link->name), "%s", name);
	link->v4 = (struct bri_check_way) { .has_address = true,
		.prefix = 24,
		.has_default = true,
		.has_gateway = true,
		.leaves_by = index,
		.address = { 10, 0, (uint8_t)index, 2 },
		.gateway = { 10, 0, (uint8_t)index, 1 } };
	return link;
}

static void add_endpoint(struct world *w, uint32_t index, uint32_t flags, uint32_t ifindex)
{
	struct bri_check_endpoint *e = &w->facts.endpoints[w->facts.n_endpoints++];

	*e = (struct bri_check_endpoint) { .id = (uint8_t)w->facts.n_endpoints,
		.family = AF_INET,
		.address = { 10, 0, (uint8_t)index, 2 },
		.flags = flags,
		.ifindex = ifindex };
}

/* A healthy 6.18 with one path. */
static int setup(void **state)
{
	struct world *w = test_calloc(1, sizeof(*w));

	snprintf(w->facts.kernel, sizeof(w->facts.kernel), "6.18.0");
	w->facts.probe = BRI_PROBE_MULTIPATH;
	set(w, BRI_SYSCTL_ENABLED, "1");
	set(w, BRI_SYSCTL_ADD_ADDR_TIMEOUT, "120");
	set(w, BRI_SYSCTL_CHECKSUM, "0");
	set(w, BRI_SYSCTL_JOIN_INITIAL, "1");
	set(w, BRI_SYSCTL_STALE, "4");
	set(w, BRI_SYSCTL_PM_TYPE, "0");
	set(w, BRI_SYSCTL_PATH_MANAGER, "kernel");
	set(w, BRI_SYSCTL_SCHEDULER, "default");
	set(w, BRI_SYSCTL_CLOSE_TIMEOUT, "60");
	set(w, BRI_SYSCTL_BLACKHOLE, "3600");
	set(w, BRI_SYSCTL_SYN_RETRANS, "2");
	w->facts.limit_subflows = 2;
	add_link(w, "eth0", 2)->v4.is_main = true;
	bri_report_init(&w->report);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	bri_report_fini(&w->report);
	test_free(w);
	return 0;
}

static void judge(struct world *w)
{
	bri_report_fini(&w->report);
	bri_check_judge(&w->facts, &w->report, &w->summary);
}

static const struct bri_report_row *find(const struct world *w, const char *id, const char *subject)
{
	for (size_t i = 0; i < w->report.n; i++)
		if (strcmp(w->report.rows[i].id, id) == 0 &&
			(!subject || strcmp(w->report.rows[i].subject, subject) == 0))
			return &w->report.rows[i];
	return NULL;
}

static void expect(const struct world *w, const char *id, const char *subject,
	enum bri_verdict verdict, const char *in_fix)
{
	const struct bri_report_row *row = find(w, id, subject);

	if (!row)
		fail_msg("no row %s %s", id, subject ? subject : "");
	if (row->verdict != verdict)
		fail_msg("row %s: %s: %s", id, bri_verdict_name(row->verdict), row->text);
	if (in_fix && !strstr(row->fix, in_fix))
		fail_msg("row %s: fix '%s' lacks '%s'", id, row->fix, in_fix);
	if (!in_fix && *row->fix)
		fail_msg("row %s: fix '%s' where nothing is to be done", id, row->fix);
}

static void test_healthy_single_path(void **state)
{
	struct world *w = *state;

	judge(w);
	assert_true(bri_report_worst(&w->report) <= BRI_VERDICT_NOTE);
	assert_true(w->summary.works);
	assert_int_equal(w->summary.n_paths, 1);
	assert_string_equal(w->summary.main_path, "eth0");
	assert_int_equal(w->summary.extra.n, 0);
	expect(w, "net.paths", NULL, BRI_VERDICT_NOTE, NULL);
	expect(w, "kernel.socket", NULL, BRI_VERDICT_OK, NULL);
	expect(w, "kernel.blackhole", NULL, BRI_VERDICT_OK, NULL);
}

static void test_each_socket_errno_has_its_fix(void **state)
{
	static const struct {
		int err;
		const char *fix;
	} cases[] = {
		{ EINVAL, "install kernel 5.6" },
		{ EPROTONOSUPPORT, "CONFIG_MPTCP=y" },
		{ ENOPROTOOPT, "sysctl -w net.mptcp.enabled=1" },
		{ EPERM, "seccomp" },
		{ EACCES, "SELinux" },
	};
	struct world *w = *state;

	w->facts.probe = BRI_PROBE_NOT_DONE;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		w->facts.socket_errno = cases[i].err;
		judge(w);
		assert_false(w->summary.works);
		expect(w, "kernel.socket", NULL, BRI_VERDICT_BAD, cases[i].fix);
		assert_null(find(w, "pm.type", NULL)); /* nothing to manage */
	}
	w->facts.socket_errno = ENOMEM;
	judge(w);
	expect(w, "kernel.socket", NULL, BRI_VERDICT_BAD, NULL);
}

static void test_blackhole_suspended(void **state)
{
	struct world *w = *state;

	w->facts.probe = BRI_PROBE_SUSPENDED;
	w->facts.blackholes = 1;
	judge(w);
	assert_false(w->summary.works);
	expect(w, "kernel.blackhole", NULL, BRI_VERDICT_BAD,
		"blackhole_timeout=0 && sudo sysctl -w net.mptcp.blackhole_timeout=3600");
	w->facts.probe = BRI_PROBE_MULTIPATH;
	judge(w);
	assert_true(w->summary.works);
	expect(w, "kernel.blackhole", NULL, BRI_VERDICT_NOTE, NULL);
	set(w, BRI_SYSCTL_BLACKHOLE, "0");
	judge(w);
	expect(w, "kernel.blackhole", NULL, BRI_VERDICT_NOTE, NULL);
	assert_non_null(strstr(find(w, "kernel.blackhole", NULL)->text, "switched off"));
}

static void test_old_kernel_lacks_settings(void **state)
{
	struct world *w = *state;

	set(w, BRI_SYSCTL_BLACKHOLE, "");
	set(w, BRI_SYSCTL_PATH_MANAGER, "");
	set(w, BRI_SYSCTL_SCHEDULER, "");
	w->facts.blackholes = w->facts.syn_drops = w->facts.syn_disabled = BRI_CHECK_UNKNOWN;
	judge(w);
	assert_true(w->summary.works);
	assert_null(find(w, "kernel.blackhole", NULL));
	expect(w, "sysctl.missing", NULL, BRI_VERDICT_NOTE, NULL);
	expect(w, "pm.type", NULL, BRI_VERDICT_OK, NULL);
	set(w, BRI_SYSCTL_PM_TYPE, "1");
	judge(w);
	expect(w, "pm.type", NULL, BRI_VERDICT_NOTE, "pm_type=0");
}

static void test_fell_back_on_loopback(void **state)
{
	struct world *w = *state;

	w->facts.probe = BRI_PROBE_FELL_BACK;
	judge(w);
	assert_false(w->summary.works);
	expect(w, "kernel.loopback", NULL, BRI_VERDICT_BAD, "nft");
}

static void test_second_path_without_source_routing(void **state)
{
	struct world *w = *state;
	struct bri_check_link *wlan = add_link(w, "wlan0", 3);

	wlan->type = "wifi";
	wlan->v4.leaves_by = 2;
	judge(w);
	assert_int_equal(w->summary.n_paths, 2);
	assert_int_equal(w->summary.extra.n, 0);
	assert_string_equal(w->summary.unready.name[0], "wlan0");
	expect(w, "net.source_routing", "wlan0", BRI_VERDICT_WARN,
		"sudo ip route add 10.0.3.0/24 dev wlan0 scope link table 1003; sudo ip route add "
		"default via "
		"10.0.3.1 dev wlan0 table 1003; sudo ip rule add from 10.0.3.2 table 1003");
	expect(w, "pm.endpoint.missing", "wlan0", BRI_VERDICT_WARN,
		"ip mptcp endpoint add 10.0.3.2 dev wlan0 subflow");
	expect(w, "net.source_routing", "eth0", BRI_VERDICT_OK, NULL);
	assert_null(find(w, "net.rp_filter", NULL));
}

static void test_second_path_ready(void **state)
{
	struct world *w = *state;

	add_link(w, "wlan0", 3);
	add_endpoint(w, 3, BRI_NL_PM_SUBFLOW | BRI_NL_PM_BACKUP, 3);
	judge(w);
	assert_int_equal(w->summary.extra.n, 1);
	assert_string_equal(w->summary.extra.name[0], "wlan0");
	assert_int_equal(w->summary.unready.n, 0);
	assert_true(bri_report_worst(&w->report) == BRI_VERDICT_OK);
	assert_non_null(
		strstr(find(w, "pm.endpoint", NULL)->text, "10.0.3.2 dev wlan0 subflow backup"));
}

/* A subflow bound to its device needs no rule, but strict filtering drops what comes back. */
static void test_endpoint_with_device(void **state)
{
	struct world *w = *state;
	struct bri_check_link *wlan = add_link(w, "wlan0", 3);

	wlan->v4.leaves_by = 2;
	add_endpoint(w, 3, BRI_NL_PM_SUBFLOW, 3);
	judge(w);
	expect(w, "net.source_routing", "wlan0", BRI_VERDICT_OK, NULL);
	assert_int_equal(w->summary.extra.n, 1);
	wlan->v4.strict_filter = true;
	judge(w);
	expect(w, "net.rp_filter", "wlan0", BRI_VERDICT_WARN, "net.ipv4.conf.wlan0.rp_filter=2");
	assert_int_equal(w->summary.extra.n, 0);
	assert_int_equal(w->summary.unready.n, 1);
	/* an endpoint that only announces opens nothing */
	wlan->v4.strict_filter = false;
	w->facts.endpoints[0].flags = BRI_NL_PM_SIGNAL;
	judge(w);
	expect(w, "pm.endpoint.missing", "wlan0", BRI_VERDICT_WARN, "endpoint add");
}

static void test_limits(void **state)
{
	struct world *w = *state;

	w->facts.limit_subflows = 0;
	judge(w);
	expect(w, "pm.limits", NULL, BRI_VERDICT_WARN, "limits set subflows 2 add_addr_accepted 0");
	w->facts.limit_subflows = 2;
	for (uint32_t i = 3; i < 6; i++) {
		add_link(w, "wwan0", i);
		add_endpoint(w, i, BRI_NL_PM_SUBFLOW, i);
	}
	judge(w);
	expect(w, "pm.limits", NULL, BRI_VERDICT_WARN, "limits set subflows 3");
	w->facts.limit_subflows = 3;
	judge(w);
	expect(w, "pm.limits", NULL, BRI_VERDICT_OK, NULL);
	w->facts.pm_errno = EPERM;
	judge(w);
	expect(w, "pm.limits", NULL, BRI_VERDICT_NOTE, NULL);
}

static void test_userspace_manager_needs_no_endpoints(void **state)
{
	struct world *w = *state;

	add_link(w, "wlan0", 3);
	set(w, BRI_SYSCTL_PATH_MANAGER, "userspace");
	judge(w);
	expect(w, "pm.type", NULL, BRI_VERDICT_NOTE, "path_manager=kernel");
	assert_null(find(w, "pm.endpoint.missing", NULL));
	assert_int_equal(w->summary.extra.n, 1);
}

static void test_links_that_are_no_paths(void **state)
{
	struct world *w = *state;
	struct bri_check_link *docker = add_link(w, "docker0", 3);
	struct bri_check_link *cable = add_link(w, "eth1", 4);

	docker->v4.has_default = false;
	docker->v4.leaves_by = 2;
	cable->running = false;
	judge(w);
	assert_int_equal(w->summary.n_paths, 1);
	assert_int_equal(w->summary.unready.n, 0);
	expect(w, "net.interface", "docker0", BRI_VERDICT_OK, NULL);
	expect(w, "net.interface", "eth1", BRI_VERDICT_NOTE, NULL);
	assert_null(find(w, "net.source_routing", "docker0"));
	w->facts.n_links = 0;
	judge(w);
	expect(w, "net.paths", NULL, BRI_VERDICT_WARN, NULL);
	assert_string_equal(w->summary.main_path, "");
}

static void test_ipv6_path(void **state)
{
	struct world *w = *state;
	struct bri_check_link *wwan = add_link(w, "wwan0", 7);

	wwan->v4.has_address = false;
	wwan->v6 = (struct bri_check_way) { .has_address = true,
		.prefix = 60,
		.has_default = true,
		.has_gateway = true,
		.leaves_by = 2 };
	assert_int_equal(inet_pton(AF_INET6, "2001:db8:0:5f::7", wwan->v6.address), 1);
	assert_int_equal(inet_pton(AF_INET6, "fe80::1", wwan->v6.gateway), 1);
	judge(w);
	expect(w, "net.source_routing", "wwan0", BRI_VERDICT_WARN,
		"sudo ip -6 route add 2001:db8:0:50::/60 dev wwan0 scope link table 1007; sudo ip "
		"-6 route add "
		"default via fe80::1 dev wwan0 table 1007; sudo ip -6 rule add from "
		"2001:db8:0:5f::7 table 1007");
}

static void test_many_links_are_cut_not_overrun(void **state)
{
	struct world *w = *state;

	for (uint32_t i = 1; i < BRI_CHECK_MAX_LINKS; i++)
		add_link(w, "veth", 2 + i)->v4.leaves_by = 2;
	w->facts.links_cut = true;
	judge(w);
	assert_true(w->report.n <= BRI_REPORT_MAX_ROWS);
	assert_true(w->report.cut);
	assert_int_equal(w->summary.unready.n, BRI_CHECK_MAX_NAMES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_healthy_single_path, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_each_socket_errno_has_its_fix, setup, teardown),
		cmocka_unit_test_setup_teardown(test_blackhole_suspended, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_kernel_lacks_settings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fell_back_on_loopback, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_second_path_without_source_routing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_path_ready, setup, teardown),
		cmocka_unit_test_setup_teardown(test_endpoint_with_device, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_userspace_manager_needs_no_endpoints, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links_that_are_no_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ipv6_path, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_many_links_are_cut_not_overrun, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
