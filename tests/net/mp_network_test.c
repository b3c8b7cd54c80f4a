/*
 * The network around a connection, as libNetwork tells it and obeys it: waiting for a path and
 * getting ready when one comes, path and viability news, and the interfaces that parameters allow.
 */
#include "mp_test.h"

#include <braid/interface.h>
#include <errno.h>

#define NEWS_MS 5000            /* within which the network's news must have come */
#define NOISE   UINT64_C(20000) /* bytes on a path without data */

static uint64_t carried(struct mp_run *run, uint32_t path)
{
	struct bri_lab_stats stats = mp_stats(run, path);

	return stats.direction[0].bytes + stats.direction[1].bytes;
}

/* --- news --- */

/* Of two paths one goes: another path, and the connection is as viable as before. Both: not
 * viable. One comes back: viable. */
static void test_news_of_paths(void **state)
{
	struct bri_lab_config config = mp_two_paths();
	struct mp_run run = mp_open(&config);
	struct mp_end *client = &run.shared->client[0];
	uint32_t n;

	(void)state;
	run.shared->hold = true;
	run.shared->specs[0].down = 100000;
	mp_start(&run);
	assert_true(mp_wait32(&client->most_count, 2, NEWS_MS));
	mp_expect(client, 0, MP_VIABLE, true, NULL);
	mp_expect(client, 0, MP_PATH, nw_path_status_satisfied, "wlan");

	n = client->event_count;
	mp_set(&run, "wlan down");
	mp_expect(client, n, MP_PATH, nw_path_status_satisfied, "wwan");
	assert_int_equal(mp_find(client, n, MP_VIABLE, false, NULL), -1);

	n = client->event_count;
	mp_set(&run, "wwan down");
	mp_expect(client, n, MP_VIABLE, false, NULL);
	mp_expect(client, n, MP_PATH, nw_path_status_unsatisfied, NULL);
	assert_int_equal(client->state, nw_connection_state_ready);

	n = client->event_count;
	mp_set(&run, "wwan up");
	mp_expect(client, n, MP_VIABLE, true, NULL);
	mp_expect(client, n, MP_PATH, nw_path_status_satisfied, "wwan");

	n = client->event_count;
	mp_set(&run, "wlan up");
	mp_expect(client, n, MP_PATH, nw_path_status_satisfied, "wlan");
	run.shared->hold = false;
	mp_end_well(&run);
	mp_close(&run);
}

/* Plain TCP has but its own path. */
static void test_news_of_plain_tcp(void **state)
{
	struct bri_lab_config config = mp_two_paths();
	struct mp_run run = mp_open(&config);
	struct mp_end *client = &run.shared->client[0];
	uint32_t n;

	(void)state;
	run.shared->hold = true;
	run.shared->specs[0].down = 100000;
	run.shared->specs[0].plain = true;
	mp_start(&run);
	mp_expect(client, 0, MP_VIABLE, true, NULL);
	mp_expect(client, 0, MP_PATH, nw_path_status_satisfied, "wlan");
	n = client->event_count;
	mp_set(&run, "wlan down");
	mp_expect(client, n, MP_VIABLE, false, NULL);
	assert_int_equal(client->state, nw_connection_state_ready);
	n = client->event_count;
	mp_set(&run, "wlan up");
	mp_expect(client, n, MP_VIABLE, true, NULL);
	run.shared->hold = false;
	mp_end_well(&run);
	mp_close(&run);
}

/* Plain TCP on the worse path is told when the better one is there; Multipath TCP is not: it takes
 * that by itself. */
static void test_better_path(void **state)
{
	(void)state;
	for (int plain = 0; plain < 2; plain++) {
		struct bri_lab_config config = mp_two_paths();
		struct mp_run run = mp_open(&config);
		struct mp_end *client = &run.shared->client[0];
		uint32_t n;

		mp_set(&run, "wlan down");
		run.shared->hold = true;
		run.shared->specs[0].down = 100000;
		run.shared->specs[0].plain = plain;
		mp_start(&run);
		mp_expect(client, 0, MP_VIABLE, true, NULL);
		mp_expect(client, 0, MP_PATH, nw_path_status_satisfied, "wwan");
		n = client->event_count;
		mp_set(&run, "wlan up");
		if (plain) {
			n = mp_expect(client, n, MP_BETTER, true, NULL);
			mp_set(&run, "wlan down");
			mp_expect(client, n, MP_BETTER, false, NULL);
		}
		run.shared->hold = false;
		mp_end_well(&run);
		if (!plain)
			assert_int_equal(mp_find(client, 0, MP_BETTER, true, NULL), -1);
		mp_close(&run);
	}
}

/* --- waiting --- */

static void test_waiting_for_any_path(void **state)
{
	struct bri_lab_config config = mp_two_paths();
	struct mp_run run = mp_open(&config);
	struct mp_end *client = &run.shared->client[0];
	uint64_t before;
	uint32_t at;

	(void)state;
	mp_set(&run, "wlan down");
	mp_set(&run, "wwan down");
	before = carried(&run, 0) + carried(&run, 1);
	run.shared->specs[0].down = 500000;
	mp_start(&run);
	at = mp_expect(client, 0, MP_STATE, nw_connection_state_waiting, NULL);
	assert_int_equal(client->events[at].error, ENETUNREACH);
	assert_int_equal(carried(&run, 0) + carried(&run, 1), before);
	mp_set(&run, "wwan up");
	at = mp_expect(client, at, MP_STATE, nw_connection_state_preparing, NULL);
	mp_expect(client, at, MP_STATE, nw_connection_state_ready, NULL);
	mp_end_well(&run);
	assert_string_equal(client->most.list[0].if_name, "wwan");
	mp_close(&run);
}

static void no_expensive(nw_parameters_t parameters)
{
	nw_parameters_set_prohibit_expensive(parameters, true);
}

/* Only the modem is up, and that is forbidden: it waits, and takes wlan when that is there. */
static void test_waiting_for_a_cheap_path(void **state)
{
	struct bri_lab_config config = mp_two_paths();
	struct mp_run run;
	struct mp_end *client;
	uint32_t at;

	(void)state;
	config.mptcp_endpoints = false;
	run = mp_open(&config);
	client = &run.shared->client[0];
	mp_set(&run, "wlan down");
	run.shared->specs[0].down = 500000;
	run.shared->specs[0].configure = no_expensive;
	mp_start(&run);
	at = mp_expect(client, 0, MP_STATE, nw_connection_state_waiting, NULL);
	assert_int_equal(client->events[at].error, ENETDOWN);
	mp_set(&run, "wlan up");
	mp_expect(client, at, MP_STATE, nw_connection_state_ready, NULL);
	mp_end_well(&run);
	assert_string_equal(client->most.list[0].if_name, "wlan");
	assert_in_range(carried(&run, 1), 0, NOISE);
	mp_close(&run);
}

/* --- which interface --- */

static void require_wwan(nw_parameters_t parameters)
{
	nw_interface_t interface = braid_interface_create_with_name("wwan");

	nw_parameters_require_interface(parameters, interface);
	nw_release(interface);
}

static void prohibit_wifi(nw_parameters_t parameters)
{
	nw_parameters_prohibit_interface_type(parameters, nw_interface_type_wifi);
}

static void require_cellular(nw_parameters_t parameters)
{
	nw_parameters_set_required_interface_type(parameters, nw_interface_type_cellular);
}

static void prohibit_wlan(nw_parameters_t parameters)
{
	nw_interface_t interface = braid_interface_create_with_name("wlan");

	nw_parameters_prohibit_interface(parameters, interface);
	nw_release(interface);
}

static void bind_wwan(nw_parameters_t parameters)
{
	nw_endpoint_t local = nw_endpoint_create_host("10.11.0.2", "0");

	nw_parameters_set_local_endpoint(parameters, local);
	nw_release(local);
}

/*
 * wlan has the better route; all must go over wwan. Without endpoints, since extra subflows are the
 * kernel's path manager's, which knows nothing of what one connection wants.
 */
static void goes_over_wwan(void (*configure)(nw_parameters_t), bool plain)
{
	struct bri_lab_config config = mp_two_paths();
	struct mp_run run;
	struct mp_end *client;

	config.mptcp_endpoints = false;
	run = mp_open(&config);
	client = &run.shared->client[0];
	run.shared->specs[0].up = run.shared->specs[0].down = 500000;
	run.shared->specs[0].configure = configure;
	run.shared->specs[0].plain = plain;
	mp_start(&run);
	mp_end_well(&run);
	assert_int_equal(client->reason,
		(plain ? braid_multipath_not_requested : braid_multipath_active) + 1);
	assert_int_equal(client->most.list[0].is_initial, true);
	assert_string_equal(client->most.list[0].if_name, "wwan");
	assert_true(carried(&run, 1) > 1000000);
	assert_in_range(carried(&run, 0), 0, NOISE);
	mp_close(&run);
}

static void test_interfaces(void **state)
{
	static void (*const ways[])(nw_parameters_t) = { require_wwan, prohibit_wifi,
		require_cellular, prohibit_wlan, bind_wwan };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(ways); i++) {
		goes_over_wwan(ways[i], false);
		goes_over_wwan(ways[i], true);
	}
}

/* With endpoints: the first subflow is where it must be; the kernel adds the other. */
static void test_required_interface_is_the_first(void **state)
{
	struct bri_lab_config config = mp_two_paths();
	struct mp_run run = mp_open(&config);
	struct mp_end *client = &run.shared->client[0];

	(void)state;
	run.shared->specs[0].down = 2000000;
	run.shared->specs[0].configure = require_wwan;
	mp_start(&run);
	mp_end_well(&run);
	assert_string_equal(client->most.list[0].if_name, "wwan");
	assert_true(client->most.list[0].is_initial);
	mp_close(&run);
}

/* --- no path any more --- */

static int close_after_a_second(void)
{
	int r = mp_write("/proc/sys/net/mptcp/close_timeout", "1");

	return r == -ENOENT ? 0 : r; /* Linux before 6.7 */
}

/* As when their peer resets them, or the kernel does. */
static void destroy_subflows(struct mp_run *run)
{
	static const char *const argv[] = { "ss", "-KtnH", "state", "established", NULL };
	const struct bri_lab_stdio quiet = { -1, -1, -1 };
	pid_t pid;

	assert_int_equal(bri_lab_spawn(run->lab, BRI_LAB_CLIENT, argv, &quiet, &pid), 0);
	assert_int_equal(bri_lab_wait(run->lab, pid, NEWS_MS), 0);
}

/* The kernel gives a connection up that has had no subflow for a while (60 s before Linux 6.7). */
static void test_no_subflow_for_too_long(void **state)
{
	struct bri_lab_config config = mp_two_paths();
	struct mp_run run = mp_open(&config);
	struct mp_end *client = &run.shared->client[0];

	(void)state;
	run.shared->prepare_client = close_after_a_second;
	run.shared->specs[0].up = 100000000;
	mp_start(&run);
	assert_true(mp_wait32(&client->most_count, 2, NEWS_MS));
	mp_set(&run, "wlan deladdr");
	mp_set(&run, "wwan deladdr");
	destroy_subflows(&run);
	assert_true(mp_wait_state(client, nw_connection_state_cancelled, 75000));
	assert_int_equal(client->error, ETIMEDOUT);
	mp_close(&run);
}

static int run_all(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_news_of_paths),
		cmocka_unit_test(test_news_of_plain_tcp),
		cmocka_unit_test(test_better_path),
		cmocka_unit_test(test_waiting_for_any_path),
		cmocka_unit_test(test_waiting_for_a_cheap_path),
		cmocka_unit_test(test_interfaces),
		cmocka_unit_test(test_required_interface_is_the_first),
		cmocka_unit_test(test_no_subflow_for_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return mp_main(run_all);
}
