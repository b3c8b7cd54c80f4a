/*
 * libNetwork over several paths on the real kernel's Multipath TCP: which subflows there are, what
 * went over each, what is lost with a path (nothing), and which interface a connection leaves by.
 * What is asserted is the mechanism: subflow lists, the kernel's counters and the bytes that the
 * lab saw on each path. How long a pause was is printed, not judged: it is the kernel's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "mp_run.h"

#define MS   BRI_NS_PER_MS
#define MBIT UINT64_C(1000000)

/* Ethernet, IP and TCP headers: without and with all options. */
#define HEADERS_MIN (14 + 20 + 20)
#define HEADERS_MAX (14 + 20 + 60)

static struct mp_shared *shared;

/* wlan: 20 ms round trip, 40 Mbit/s; wwan: 50 ms, 20 Mbit/s. */
static struct bri_lab_config two_paths(void)
{
	struct bri_lab_config c = { .seed = 7, .n_paths = 2, .mptcp_endpoints = true };
	static const struct bri_lab_link links[2] = {
		{ .delay_ns = 10 * MS, .rate_bps = 40 * MBIT, .queue_bytes = 400000 },
		{ .delay_ns = 25 * MS, .rate_bps = 20 * MBIT, .queue_bytes = 400000 },
	};

	memcpy(c.paths[0].name, "wlan", 5);
	memcpy(c.paths[1].name, "wwan", 5);
	for (int i = 0; i < 2; i++)
		c.paths[i].link[0] = c.paths[i].link[1] = links[i];
	return c;
}

static struct mp_run open_run(const struct bri_lab_config *config)
{
	struct mp_run run = { .shared = shared };
	char why[256] = "";

	mp_shared_reset(shared);
	if (bri_lab_open_why(config, why, sizeof(why), &run.lab) < 0)
		fail_msg("lab: %s", why);
	return run;
}

static void start(struct mp_run *run)
{
	assert_int_equal(mp_start_server(run), 0);
	assert_int_equal(mp_start_client(run), 0);
}

/* Both programs end by themselves, and all bytes of connection 0 arrived. */
static void finish(struct mp_run *run)
{
	char ended[256] = "", why[256] = "";
	bool done = mp_finish(run, 40000, ended, sizeof(ended));

	if (!mp_check(shared, 0, why, sizeof(why)) || !done)
		fail_msg("%s; %s", ended, why);
}

static void close_run(struct mp_run *run)
{
	mp_kill(run);
	bri_lab_close(run->lab);
}

static struct bri_lab_stats stats_of(struct mp_run *run, uint32_t path)
{
	struct bri_lab_stats stats;

	assert_int_equal(bri_lab_stats(run->lab, path, &stats), 0);
	return stats;
}

static uint64_t mib(struct mp_run *run, enum bri_lab_side side, const char *name)
{
	uint64_t value = 0;

	assert_int_equal(bri_lab_mib(run->lab, side, name, &value), 0);
	return value;
}

static void assert_address(const struct sockaddr_storage *address, const char *want)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
	char text[INET_ADDRSTRLEN] = "";

	assert_int_equal(address->ss_family, AF_INET);
	inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
	assert_string_equal(text, want);
}

static void assert_subflow(
	const struct mp_subflows *list, const char *interface, const char *local, bool is_initial)
{
	const struct braid_subflow *s = mp_subflow_on(list, interface);

	if (!s)
		fail_msg("no subflow on %s", interface);
	assert_address(&s->local, local);
	assert_address(&s->remote, BRI_LAB_SERVICE4);
	assert_int_equal(s->state, braid_subflow_state_established);
	assert_int_equal(s->is_initial, is_initial);
	assert_int_not_equal(s->if_index, 0);
	assert_int_not_equal(s->rtt_us, 0);
}

/* What the report says went over a path is what the lab carried, less headers; 3 % for what was
 * sent twice. */
static void assert_agrees(
	const char *what, uint64_t payload, const struct bri_lab_direction_stats *carried)
{
	uint64_t most = carried->bytes - HEADERS_MIN * carried->frames;
	uint64_t least = carried->bytes - HEADERS_MAX * carried->frames;

	print_message("  %s: report %" PRIu64 " bytes, the path carried %" PRIu64 " in %" PRIu64
		      " frames\n",
		what, payload, carried->bytes, carried->frames);
	assert_in_range(payload, least - least * 3 / 100, most);
}

static void assert_both_paths(struct mp_run *run, enum bri_lab_direction direction)
{
	static const char *const names[] = { "wlan", "wwan" };
	const struct mp_end *client = &shared->client[0];
	const struct mp_end *server = mp_server_of(shared, 0);

	assert_int_equal(client->reason, braid_multipath_active + 1);
	assert_int_equal(client->last_reason, braid_multipath_active + 1);
	assert_non_null(server);
	assert_int_equal(server->reason, braid_multipath_active + 1);
	assert_int_equal(client->most_count, 2);
	assert_int_equal(server->most_count, 2);
	assert_subflow(&client->most, "wlan", "10.10.0.2", true);
	assert_subflow(&client->most, "wwan", "10.11.0.2", false);
	assert_int_not_equal(client->most.list[0].id, client->most.list[1].id);
	assert_int_equal(client->report.path_count, 2);
	for (uint32_t i = 0; i < 2; i++) {
		const struct mp_report_path *path = mp_report_on(&client->report, names[i]);
		struct bri_lab_stats stats = stats_of(run, i);

		assert_non_null(path);
		assert_agrees(names[i],
			direction == BRI_LAB_TO_CLIENT ? path->bytes_in : path->bytes_out,
			&stats.direction[direction]);
		/* each path carried a good part: wlan can take 2/3, wwan 1/3 */
		assert_true(stats.direction[direction].bytes > UINT64_C(1000000));
	}
	assert_int_equal(client->report.app_in, shared->specs[0].down);
	assert_int_equal(mib(run, BRI_LAB_CLIENT, "MPJoinSynTx"), 1);
	assert_int_equal(mib(run, BRI_LAB_CLIENT, "MPJoinSynAckRx"), 1);
	assert_int_equal(mib(run, BRI_LAB_SERVER, "MPJoinSynRx"), 1);
	assert_int_equal(mib(run, BRI_LAB_SERVER, "MPJoinAckRx"), 1);
	assert_int_equal(mib(run, BRI_LAB_CLIENT, "MPCapableSYNTX"), 1);
	assert_int_equal(mib(run, BRI_LAB_SERVER, "MPCapableACKRX"), 1);
}

static void test_download_over_two(void **state)
{
	struct bri_lab_config config = two_paths();
	struct mp_run run = open_run(&config);

	(void)state;
	shared->specs[0].down = 8000000;
	start(&run);
	finish(&run);
	assert_both_paths(&run, BRI_LAB_TO_CLIENT);
	close_run(&run);
}

static void test_upload_over_two(void **state)
{
	struct bri_lab_config config = two_paths();
	struct mp_run run = open_run(&config);

	(void)state;
	shared->specs[0].up = 8000000;
	start(&run);
	finish(&run);
	assert_both_paths(&run, BRI_LAB_TO_SERVER);
	close_run(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_download_over_two),
		cmocka_unit_test(test_upload_over_two),
	};
	const char *required = getenv("BRAID_REQUIRE_ALL");
	char why[256];

	if (!bri_lab_supported(why, sizeof(why))) {
		print_message("skipped: %s\n", why);
		return required && !strcmp(required, "1") ? 1 : 77;
	}
	shared = mp_shared_new();
	return shared ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
