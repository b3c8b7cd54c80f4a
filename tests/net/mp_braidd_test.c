/*
 * libNetwork and a real braidd in a lab: what the API asks for is what the daemon has, interfaces
 * that parameters rule out carry no subflow, and what the daemon does with the paths is heard by
 * the connection's handlers. Proof is the daemon's list, subflow lists and the lab's counters.
 */
#include "mp_test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <braid/interface.h>
#include "base/clock.h"
#include "control/client.h"

#define SOON_MS 10000           /* within which daemon and library must have done it */
#define NOISE   UINT64_C(20000) /* bytes on a path without data */

static char dir[64], socket_path[96];
static pid_t daemon_pid;

/* --- the daemon --- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/braid-mp-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(socket_path, sizeof(socket_path), "%s/socket", dir);
	return setenv("BRAID_SOCKET", socket_path, 1);
}

static int teardown(void **state)
{
	(void)state;
	daemon_pid = 0; /* it went with its lab */
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* "ready" is the last thing that it says while it starts. */
static void await_ready(const char *log)
{
	uint64_t until_ns = mp_now_ns() + SOON_MS * MP_MS;
	char said[4096] = "";
	size_t n;
	FILE *f;

	while (!strstr(said, "ready\n")) {
		if (mp_now_ns() > until_ns)
			fail_msg("braidd did not get ready: %s", said);
		poll(NULL, 0, 5);
		f = fopen(log, "re");
		assert_non_null(f);
		n = fread(said, 1, sizeof(said) - 1, f);
		said[n] = '\0';
		fclose(f);
	}
}

static void start_daemon(struct mp_run *run)
{
	char state_dir[96], log[96];
	const char *argv[] = { BRAIDD, "--default", "none", "--socket", socket_path, "--state-dir",
		state_dir, NULL };
	struct bri_lab_stdio io = { -1, -1, -1 };

	snprintf(state_dir, sizeof(state_dir), "%s/state", dir);
	snprintf(log, sizeof(log), "%s/log", dir);
	assert_true(mkdir(state_dir, 0700) == 0 || errno == EEXIST);
	io.err = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(io.err >= 0);
	assert_int_equal(bri_lab_spawn(run->lab, BRI_LAB_CLIENT, argv, &io, &daemon_pid), 0);
	close(io.err);
	await_ready(log);
}

static void stop_daemon(struct mp_run *run, int signal)
{
	int r;

	kill(daemon_pid, signal);
	r = bri_lab_wait(run->lab, daemon_pid, 5000);
	daemon_pid = 0;
	assert_int_equal(r, signal == SIGKILL ? 128 + SIGKILL : 0);
}

struct listed {
	uint32_t count;
	struct bri_message_connection last;
};

static int on_entry(void *context, const struct bri_message *entry)
{
	struct listed *listed = context;

	listed->count++;
	listed->last = entry->connection;
	return 0;
}

static struct listed ask_list(void)
{
	struct bri_message message = { .type = BRI_MESSAGE_LIST }, end;
	uint64_t deadline_ns = bri_clock_now_ns() + SOON_MS * MP_MS;
	struct listed listed = { 0 };
	struct bri_client client;

	assert_int_equal(bri_client_open(socket_path, deadline_ns, &client), 0);
	assert_int_equal(
		bri_client_each(&client, &message, deadline_ns, &listed, on_entry, &end), 0);
	assert_int_equal(end.type, BRI_MESSAGE_END);
	bri_client_close(&client);
	return listed;
}

static uint32_t ask_claims(void)
{
	struct bri_message message = { .type = BRI_MESSAGE_STATUS };
	uint64_t deadline_ns = bri_clock_now_ns() + SOON_MS * MP_MS;
	struct bri_client client;

	assert_int_equal(bri_client_open(socket_path, deadline_ns, &client), 0);
	assert_int_equal(bri_client_call(&client, &message, deadline_ns, &message), 0);
	assert_int_equal(message.type, BRI_MESSAGE_STATUS_IS);
	bri_client_close(&client);
	return message.status.n_claims;
}

/* The one connection, once it is claimed for this service and has so many subflows. */
static struct bri_message_connection await_claim(uint8_t service, uint8_t subflows)
{
	uint64_t until_ns = mp_now_ns() + SOON_MS * MP_MS;
	struct listed listed;

	for (;;) {
		listed = ask_list();
		if (listed.count == 1 && listed.last.service == service &&
			listed.last.n_subflows == subflows &&
			(listed.last.flags & BRI_MESSAGE_CONNECTION_CLAIMED))
			return listed.last;
		if (mp_now_ns() > until_ns)
			fail_msg("%u connections, service %u, flags %u, %u subflows", listed.count,
				listed.last.service, listed.last.flags, listed.last.n_subflows);
		poll(NULL, 0, 5);
	}
}

static void await_manager(const struct mp_end *end, braid_path_manager_t manager)
{
	uint64_t until_ns = mp_now_ns() + SOON_MS * MP_MS;

	while (end->manager != (int)manager) {
		if (mp_now_ns() > until_ns)
			fail_msg("the path manager is %d, not %d", end->manager, (int)manager);
		poll(NULL, 0, 5);
	}
}

/* A lab whose kernel has no endpoints: extra subflows are braidd's. */
static struct mp_run open_lab(void)
{
	struct bri_lab_config config = mp_two_paths();

	config.mptcp_endpoints = false;
	return mp_open(&config);
}

/* --- what is asked for --- */

static void interactive(nw_parameters_t parameters)
{
	nw_parameters_set_multipath_service(parameters, nw_multipath_service_interactive);
}

static void handover(nw_parameters_t parameters)
{
	nw_parameters_set_multipath_service(parameters, nw_multipath_service_handover);
}

static void no_cellular(nw_parameters_t parameters)
{
	nw_parameters_prohibit_interface_type(parameters, nw_interface_type_cellular);
}

static void only_wifi(nw_parameters_t parameters)
{
	nw_parameters_set_required_interface_type(parameters, nw_interface_type_wifi);
}

static void no_wwan(nw_parameters_t parameters)
{
	nw_interface_t interface = braid_interface_create_with_name("wwan");

	nw_parameters_prohibit_interface(parameters, interface);
	nw_release(interface);
}

static void test_service_is_listed(void **state)
{
	struct mp_run run = open_lab();
	struct mp_end *client = &run.shared->client[0];
	struct bri_message_connection c;

	(void)state;
	start_daemon(&run);
	run.shared->specs[0].configure = interactive;
	run.shared->specs[0].down = 3000000;
	run.shared->hold = true;
	mp_start(&run);
	c = await_claim(BRI_MESSAGE_SERVICE_INTERACTIVE, 2);
	assert_int_equal(c.source, BRI_MESSAGE_SOURCE_APPLICATION);
	assert_false(c.flags & BRI_MESSAGE_CONNECTION_ACCEPTED);
	assert_int_not_equal(c.subflows[0].ifindex, c.subflows[1].ifindex);
	await_manager(client, braid_path_manager_braidd);
	assert_int_equal(ask_claims(), 1);
	run.shared->hold = false;
	mp_end_well(&run);
	assert_int_equal(client->most_count, 2);
	assert_non_null(mp_subflow_on(&client->most, "wwan"));
	assert_int_equal(ask_claims(), 0);
	mp_close(&run);
}

/* With service none for all others, an aggregate that had no subflow on wwan shows that rules hold:
 * test_service_is_listed() is the same without them. */
static void stays_on_wlan(void (*configure)(nw_parameters_t))
{
	struct mp_run run = open_lab();
	struct mp_end *client = &run.shared->client[0];
	const struct mp_report_path *wwan;
	struct bri_lab_stats stats;

	start_daemon(&run);
	run.shared->specs[0].configure = configure;
	run.shared->specs[0].down = 8000000;
	mp_start(&run);
	await_claim(BRI_MESSAGE_SERVICE_AGGREGATE, 1);
	mp_end_well(&run);
	assert_int_equal(client->most_count, 1);
	assert_null(mp_subflow_on(&client->most, "wwan"));
	assert_non_null(mp_subflow_on(&client->most, "wlan"));
	wwan = mp_report_on(&client->report, "wwan");
	assert_true(!wwan || wwan->bytes_in + wwan->bytes_out == 0);
	stats = mp_stats(&run, 1);
	assert_in_range(stats.direction[0].bytes + stats.direction[1].bytes, 0, NOISE);
	assert_int_equal(mp_mib(&run, BRI_LAB_CLIENT, "MPJoinSynTx"), 0);
	mp_close(&run);
}

static void test_interfaces_hold(void **state)
{
	(void)state;
	stays_on_wlan(no_cellular);
	stays_on_wlan(only_wifi);
	stays_on_wlan(no_wwan);
}

/* Nobody tells of a silent path but the daemon: the handler hears of it all the same. */
static void test_path_changes(void **state)
{
	struct mp_run run = open_lab();
	struct mp_end *client = &run.shared->client[0];
	uint32_t before;

	(void)state;
	start_daemon(&run);
	run.shared->specs[0].configure = handover;
	run.shared->specs[0].down = 12000000;
	mp_start(&run);
	await_claim(BRI_MESSAGE_SERVICE_HANDOVER, 2);
	assert_true(mp_wait64(&client->in.bytes, 3000000, 10000));
	mp_expect(client, 0, MP_PATH, nw_path_status_satisfied, "wlan");
	assert_int_equal(mp_find(client, 0, MP_PATH, nw_path_status_satisfied, "wwan"), -1);
	before = client->event_count;
	mp_set(&run, "wlan silent");
	mp_expect(client, before, MP_PATH, nw_path_status_satisfied, "wwan");
	mp_end_well(&run);
	assert_int_equal(mp_find(client, before, MP_VIABLE, false, NULL), -1);
	print_message("  wlan silent: longest pause %.0f ms\n", (double)client->in.pause_ns / 1e6);
	mp_close(&run);
}

/* wlan is silent, which only the daemon knows; wwan goes: nothing is left. Then wlan is back. */
static void test_nothing_left(void **state)
{
	struct mp_run run = open_lab();
	struct mp_end *client = &run.shared->client[0];
	uint32_t at;

	(void)state;
	start_daemon(&run);
	run.shared->specs[0].configure = handover;
	run.shared->specs[0].down = 20000000;
	mp_start(&run);
	await_claim(BRI_MESSAGE_SERVICE_HANDOVER, 2);
	/* the daemon lists it before the first of it has arrived; silence is seen in what moves */
	assert_true(mp_wait64(&client->in.bytes, 1000000, 10000));
	at = client->event_count;
	mp_set(&run, "wlan silent");
	at = mp_expect(client, at, MP_PATH, nw_path_status_satisfied, "wwan");
	mp_set(&run, "wwan down");
	at = mp_expect(client, at, MP_VIABLE, false, NULL);
	mp_set(&run, "wwan up");
	mp_expect(client, at, MP_VIABLE, true, NULL);
	mp_end_well(&run);
	mp_close(&run);
}

/* Killed, then started again: in between the connection goes on, and after that it is known. */
static void test_restart(void **state)
{
	struct mp_run run = open_lab();
	struct mp_end *client = &run.shared->client[0];

	(void)state;
	run.shared->specs[0].configure = interactive;
	run.shared->specs[0].down = 2000000;
	run.shared->hold = true;
	start_daemon(&run);
	mp_start(&run);
	await_claim(BRI_MESSAGE_SERVICE_INTERACTIVE, 2);
	await_manager(client, braid_path_manager_braidd);
	stop_daemon(&run, SIGKILL);
	await_manager(client, braid_path_manager_kernel);
	start_daemon(&run);
	await_manager(client, braid_path_manager_braidd);
	await_claim(BRI_MESSAGE_SERVICE_INTERACTIVE, 2);
	stop_daemon(&run, SIGTERM);
	run.shared->hold = false;
	mp_end_well(&run);
	mp_close(&run);
}

static int run_all(void)
{
#define LAB(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		LAB(test_service_is_listed),
		LAB(test_interfaces_hold),
		LAB(test_path_changes),
		LAB(test_nothing_left),
		LAB(test_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return mp_main(run_all);
}
