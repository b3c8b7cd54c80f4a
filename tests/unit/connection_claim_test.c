/*
 * Multipath connections over loopback, and a braidd that the test plays: what is claimed for which
 * connection, and what handlers, reports and descriptions make of what the daemon says.
 */
#include "conn_util.h"
#include "fake_braidd.h"

#include <net/if.h>
#include <stdlib.h>
#include <unistd.h>

#include <braid/interface.h>
#include "transport/mptcp_info.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

struct multi {
	struct recorder r, lr, ir; /* client, listener, inbound */
	dispatch_queue_t queue;
	nw_listener_t listener;
	uint16_t port;
};

static struct multi m;

static void listen_with(nw_multipath_service_t service)
{
	nw_parameters_t tcp = tcp_parameters();

	nw_parameters_set_multipath_service(tcp, service);
	m.listener = new_listener(&m.lr, m.queue, tcp, &m.port);
	nw_release(tcp);
}

static int setup(void **state)
{
	memset(&m, 0, sizeof(m));
	recorder_init(&m.r);
	recorder_init(&m.lr);
	recorder_init(&m.ir);
	m.queue = dispatch_queue_create("multi", NULL);
	return fake_setup(state);
}

static int teardown(void **state)
{
	finish_listener(m.listener, &m.lr);
	barrier(m.queue);
	dispatch_release(m.queue);
	recorder_fini(&m.r);
	recorder_fini(&m.lr);
	recorder_fini(&m.ir);
	return fake_teardown(state);
}

static nw_connection_t client(nw_multipath_service_t service, void (*configure)(nw_parameters_t))
{
	nw_parameters_t tcp = tcp_parameters();
	nw_connection_t c;

	nw_parameters_set_multipath_service(tcp, service);
	if (configure)
		configure(tcp);
	c = new_client(&m.r, m.queue, tcp, m.port);
	nw_release(tcp);
	return c;
}

static nw_connection_t inbound(void)
{
	nw_connection_t c = accepted(&m.lr, 0);

	start_connection(c, &m.ir, m.queue);
	await(&m.ir, "ready");
	return c;
}

/* Until it says so; the daemon's answer takes its way through two queues. */
static void await_manager(nw_connection_t c, braid_path_manager_t manager)
{
	for (int i = 0; braid_connection_get_path_manager(c) != manager; i++) {
		assert_true(i < FAKE_WAIT_MS);
		poll(NULL, 0, 1);
	}
}

static void assert_description(nw_connection_t c, const char *words, bool present)
{
	char *text = nw_connection_copy_description(c);

	if (!text || !strstr(text, words) == present)
		fail_msg("%s%s in: %s", words, present ? " is not" : "", text ? text : "(none)");
	free(text);
}

static void on_report(void *context, nw_establishment_report_t report)
{
	note(&m.r, "report=%s",
		braid_path_manager_string(braid_establishment_report_get_path_manager(report)));
	(void)context;
}

static void assert_report(nw_connection_t c, const char *event)
{
	nw_connection_access_establishment_report_f(c, m.queue, NULL, on_report, NULL);
	await(&m.r, event);
}

static void only_loopback(nw_parameters_t parameters)
{
	nw_interface_t interface = braid_interface_create_with_name("lo");

	nw_parameters_require_interface(parameters, interface);
	nw_release(interface);
}

static void claimed_from_ready_to_the_end(void **state)
{
	struct bri_message claim, release;
	nw_connection_t c;

	(void)state;
	listen_with(nw_multipath_service_disabled);
	fake_start();
	c = client(nw_multipath_service_interactive, only_loopback);
	assert_int_equal(braid_connection_get_path_manager(c), braid_path_manager_none);
	nw_connection_start(c);
	await(&m.r, "ready");
	assert_int_equal(braid_connection_get_path_manager(c), braid_path_manager_kernel);
	assert_description(c, ", multipath", true);
	assert_description(c, "braidd", false);
	assert_report(c, "report=kernel");
	fake_meet();
	claim = fake_expect(BRI_MESSAGE_CLAIM);
	assert_int_equal(claim.claim.service, BRI_MESSAGE_SERVICE_INTERACTIVE);
	assert_int_not_equal(claim.claim.token, 0);
	assert_int_equal(claim.claim.flags, 0);
	assert_int_equal(claim.claim.n_required, 1);
	assert_int_equal(claim.claim.required[0], if_nametoindex("lo"));
	assert_int_equal(claim.claim.n_prohibited, 0);
	fake_ok(&claim);
	await_manager(c, braid_path_manager_braidd);
	assert_description(c, "multipath by braidd", true);
	assert_report(c, "report=braidd");
	finish(c, &m.r);
	release = fake_expect(BRI_MESSAGE_RELEASE);
	assert_int_equal(release.release.token, claim.claim.token);
}

/* Only who asked for multipath is claimed: not plain connections, nor accepted ones of a listener
 * that has no service. */
static void not_claimed(void **state)
{
	nw_connection_t c, in;

	(void)state;
	listen_with(nw_multipath_service_disabled);
	fake_start();
	c = client(nw_multipath_service_disabled, NULL);
	nw_connection_start(c);
	await(&m.r, "ready");
	in = inbound();
	assert_int_equal(braid_connection_get_path_manager(c), braid_path_manager_none);
	assert_report(c, "report=none");
	assert_false(fake_is_readable(fake.listener, 100));
	finish(c, &m.r);
	nw_connection_cancel(in);
	await(&m.ir, "cancelled");
}

/* Both ends of one connection are this process's here, and each has a token of its own. */
static void accepted_ones(void **state)
{
	nw_connection_t c, in;
	struct bri_message a, b;

	(void)state;
	listen_with(nw_multipath_service_aggregate);
	fake_start();
	c = client(nw_multipath_service_handover, NULL);
	nw_connection_start(c);
	await(&m.r, "ready");
	fake_meet();
	a = fake_expect(BRI_MESSAGE_CLAIM);
	assert_int_equal(a.claim.service, BRI_MESSAGE_SERVICE_HANDOVER);
	in = inbound();
	b = fake_expect(BRI_MESSAGE_CLAIM);
	assert_int_equal(b.claim.service, BRI_MESSAGE_SERVICE_AGGREGATE);
	assert_int_not_equal(a.claim.token, b.claim.token);
	fake_ok(&a);
	fake_ok(&b);
	await_manager(c, braid_path_manager_braidd);
	await_manager(in, braid_path_manager_braidd);
	nw_connection_cancel(in);
	await(&m.ir, "cancelled");
	assert_int_equal(fake_expect(BRI_MESSAGE_RELEASE).release.token, b.claim.token);
	nw_connection_force_cancel(c);
	await(&m.r, "cancelled");
	assert_int_equal(fake_expect(BRI_MESSAGE_RELEASE).release.token, a.claim.token);
	assert_int_equal(braid_connection_get_path_manager(c), braid_path_manager_braidd);
	nw_release(c);
}

static void handlers_hear_of_paths(void **state)
{
	uint32_t lo = if_nametoindex("lo"), token;
	struct bri_message claim;
	nw_connection_t c;

	(void)state;
	listen_with(nw_multipath_service_disabled);
	fake_start();
	c = client(nw_multipath_service_aggregate, NULL);
	nw_connection_set_viability_changed_handler_f(c, &m.r, on_viable, NULL);
	nw_connection_set_better_path_available_handler_f(c, &m.r, on_better, NULL);
	nw_connection_set_path_changed_handler_f(c, &m.r, on_path, NULL);
	nw_connection_start(c);
	await(&m.r, "viable=1");
	fake_meet();
	claim = fake_expect(BRI_MESSAGE_CLAIM);
	token = claim.claim.token;
	fake_ok(&claim);
	await_manager(c, braid_path_manager_braidd);
	fake_event(BRI_MESSAGE_EVENT_PATH_LOST, token, lo + 77); /* not its path */
	fake_event(BRI_MESSAGE_EVENT_BETTER_PATH, token, lo + 77);
	await(&m.r, "better=1");
	fake_event(BRI_MESSAGE_EVENT_SUBFLOW_UP, token, lo + 77); /* it is used now */
	await(&m.r, "better=0");
	assert_int_equal(seen(&m.r, "viable=0"), 0);
	fake_event(BRI_MESSAGE_EVENT_PATH_LOST, token, lo); /* its only one */
	await(&m.r, "viable=0");
	fake_event(BRI_MESSAGE_EVENT_PATH_BACK, token, lo);
	await(&m.r, "viable=1");
	/* a daemon that goes leaves nothing behind that it would have to take back */
	fake_event(BRI_MESSAGE_EVENT_PATH_LOST, token, lo);
	await(&m.r, "viable=0");
	fake_hang_up();
	await(&m.r, "viable=1");
	await_manager(c, braid_path_manager_kernel);
	assert_int_equal(seen(&m.r, "ready"), 1); /* no state came of all that */
	finish(c, &m.r);
	barrier(m.queue);
	assert_in_order(&m.r, "viable=0 viable=1 cancelled");
}

/* Whatever the daemon does, bytes go both ways and the connection ends well. */
static void a_daemon_that_is_mad(void **state)
{
	struct bri_message claim;
	nw_connection_t c, in;

	(void)state;
	listen_with(nw_multipath_service_disabled);
	fake_start();
	c = client(nw_multipath_service_aggregate, NULL);
	nw_connection_set_viability_changed_handler_f(c, &m.r, on_viable, NULL);
	nw_connection_set_path_changed_handler_f(c, &m.r, on_path, NULL);
	nw_connection_start(c);
	await(&m.r, "ready");
	in = inbound();
	fake_meet();
	claim = fake_expect(BRI_MESSAGE_CLAIM);
	fake_ok(&claim);
	for (uint32_t i = 1; i < 3000; i++)
		fake_event((uint8_t)(1 + i % 6), claim.claim.token, i % 40 ? i : UINT32_MAX);
	assert_int_equal(send(fake.peer, "BRD\1", 4, MSG_NOSIGNAL), 4);
	send_text(c, &m.r, 'a', "there");
	receive(in, &m.ir, 'b', 5, 5);
	await(&m.ir, "b=there");
	send_text(in, &m.ir, 'c', "back");
	receive(c, &m.r, 'd', 4, 4);
	await(&m.r, "d=back");
	fake_expect_closed();
	nw_connection_cancel(in);
	await(&m.ir, "cancelled");
	finish(c, &m.r);
}

static void words(void **state)
{
	(void)state;
	assert_string_equal(braid_path_manager_string(braid_path_manager_none), "none");
	assert_string_equal(braid_path_manager_string(braid_path_manager_kernel), "kernel");
	assert_string_equal(braid_path_manager_string(braid_path_manager_braidd), "braidd");
	assert_non_null(braid_path_manager_string((braid_path_manager_t)99));
	assert_int_equal(braid_connection_get_path_manager(NULL), braid_path_manager_none);
	assert_int_equal(
		braid_establishment_report_get_path_manager(NULL), braid_path_manager_none);
}

#define FAKE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAKE(claimed_from_ready_to_the_end),
		FAKE(not_claimed),
		FAKE(accepted_ones),
		FAKE(handlers_hear_of_paths),
		FAKE(a_daemon_that_is_mad),
		cmocka_unit_test(words),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);

	if (fd < 0) {
		print_message("skipped: no Multipath TCP here: %s\n", strerror(errno));
		return getenv("BRAID_REQUIRE_ALL") ? 1 : 77;
	}
	close(fd);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
