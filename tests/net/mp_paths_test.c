/*
 * libNetwork over several paths on the real kernel's Multipath TCP: which subflows there are, what
 * went over each, what is lost with a path (nothing), and which interface a connection leaves by.
 * What is asserted is the mechanism: subflow lists, the kernel's counters and the bytes that the
 * lab saw on each path. How long a pause was is printed, not judged: it is the kernel's.
 */
#include "mp_test.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Ethernet, IP and TCP headers: without and with all options. */
#define HEADERS_MIN (14 + 20 + 20)
#define HEADERS_MAX (14 + 20 + 60)

/* What is on a path beside the data: the kernel's few packets, and of IPv6. */
#define NOISE UINT64_C(20000)

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
	const struct mp_end *client = &run->shared->client[0];
	const struct mp_end *server = mp_server_of(run->shared, 0);

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
		struct bri_lab_stats stats = mp_stats(run, i);

		assert_non_null(path);
		assert_agrees(names[i],
			direction == BRI_LAB_TO_CLIENT ? path->bytes_in : path->bytes_out,
			&stats.direction[direction]);
		/* each path carried a good part: wlan can take 2/3, wwan 1/3 */
		assert_true(stats.direction[direction].bytes > UINT64_C(1000000));
	}
	assert_int_equal(client->report.app_in, run->shared->specs[0].down);
	assert_true(client->report.app_out >= run->shared->specs[0].up);
	assert_int_equal(client->report.all_in,
		client->report.paths[0].bytes_in + client->report.paths[1].bytes_in);
	assert_int_equal(client->report.all_out,
		client->report.paths[0].bytes_out + client->report.paths[1].bytes_out);
	assert_int_equal(mp_mib(run, BRI_LAB_CLIENT, "MPJoinSynTx"), 1);
	assert_int_equal(mp_mib(run, BRI_LAB_CLIENT, "MPJoinSynAckRx"), 1);
	assert_int_equal(mp_mib(run, BRI_LAB_SERVER, "MPJoinSynRx"), 1);
	assert_int_equal(mp_mib(run, BRI_LAB_SERVER, "MPJoinAckRx"), 1);
	assert_int_equal(mp_mib(run, BRI_LAB_CLIENT, "MPCapableSYNTX"), 1);
	assert_int_equal(mp_mib(run, BRI_LAB_SERVER, "MPCapableACKRX"), 1);
}

static void test_download_over_two(void **state)
{
	struct bri_lab_config config = mp_two_paths();
	struct mp_run run = mp_open(&config);

	(void)state;
	run.shared->specs[0].down = 8000000;
	mp_start(&run);
	mp_end_well(&run);
	assert_both_paths(&run, BRI_LAB_TO_CLIENT);
	mp_close(&run);
}

static void test_upload_over_two(void **state)
{
	struct bri_lab_config config = mp_two_paths();
	struct mp_run run = mp_open(&config);

	(void)state;
	run.shared->specs[0].up = 8000000;
	mp_start(&run);
	mp_end_well(&run);
	assert_both_paths(&run, BRI_LAB_TO_SERVER);
	mp_close(&run);
}

/* --- backup --- */

static void test_backup(void **state)
{
	struct bri_lab_config config = mp_two_paths();
	struct bri_lab_stats wlan, wwan, wlan_end, wwan_end;
	const struct braid_subflow *spare;
	struct mp_end *client;
	struct mp_run run;
	uint64_t got;

	(void)state;
	config.paths[1].backup = true;
	run = mp_open(&config);
	client = &run.shared->client[0];
	run.shared->specs[0].down = 9000000;
	mp_start(&run);
	assert_true(mp_wait64(&client->in.bytes, 4500000, 10000));
	wlan = mp_stats(&run, 0);
	wwan = mp_stats(&run, 1);
	assert_in_range(wwan.direction[BRI_LAB_TO_CLIENT].bytes, 0,
		wlan.direction[BRI_LAB_TO_CLIENT].bytes / 100);
	mp_set(&run, "wlan down");
	got = client->in.bytes;
	wlan = mp_stats(&run, 0);
	mp_end_well(&run);
	wlan_end = mp_stats(&run, 0);
	wwan_end = mp_stats(&run, 1);
	assert_int_equal(wlan_end.direction[BRI_LAB_TO_CLIENT].bytes,
		wlan.direction[BRI_LAB_TO_CLIENT].bytes);
	/* what was between the kernel and us at that moment need not come again */
	assert_true(wwan_end.direction[BRI_LAB_TO_CLIENT].bytes > (9000000 - got) * 8 / 10);
	assert_int_equal(client->most_count, 2);
	spare = mp_subflow_on(&client->most, "wwan");
	assert_non_null(spare);
	assert_true(spare->backup_known);
	assert_true(spare->backup);
	spare = mp_subflow_on(&client->most, "wlan");
	assert_non_null(spare);
	assert_false(spare->backup);
	assert_int_equal(mp_mib(&run, BRI_LAB_SERVER, "MPJoinAckRx"), 1);
	print_message("  wlan down, wwan in reserve: longest pause %.0f ms\n",
		(double)client->in.pause_ns / 1e6);
	mp_close(&run);
}

/* --- a path is lost --- */

/* Half way the path that the connection began on is lost. */
static void lose(const char *how, enum bri_lab_direction direction)
{
	struct bri_lab_config config = mp_two_paths();
	struct mp_run run = mp_open(&config);
	bool down = direction == BRI_LAB_TO_CLIENT;
	struct mp_spec *spec = &run.shared->specs[0];
	const uint64_t bytes = 6000000;
	struct bri_lab_stats before, after;
	const struct mp_end *client = &run.shared->client[0];
	const struct mp_end *server = &run.shared->server[0];
	const struct mp_way *way = down ? &client->in : &server->in;
	char text[64];
	uint64_t got;

	if (down)
		spec->down = bytes;
	else
		spec->up = bytes;
	mp_start(&run);
	assert_true(mp_wait64(&way->bytes, bytes / 2, 10000));
	assert_int_equal(client->live, 3);
	snprintf(text, sizeof(text), "wlan %s", how);
	mp_set(&run, text);
	got = way->bytes;
	before = mp_stats(&run, 1);
	mp_end_well(&run);
	after = mp_stats(&run, 1);
	print_message("  %s lost by '%s': longest pause %.0f ms, after %" PRIu64 " of %" PRIu64
		      " bytes\n",
		down ? "download," : "upload,", how, (double)way->pause_ns / 1e6,
		(uint64_t)way->pause_at, bytes);
	/* the other path carried the rest: less what had been sent and not been read */
	assert_true(after.direction[direction].bytes - before.direction[direction].bytes >
		    (bytes - got) * 6 / 10);
	assert_int_equal(client->most_count, 2);
	assert_int_equal(client->last_reason, braid_multipath_active + 1);
	assert_int_equal(mp_mib(&run, BRI_LAB_SERVER, "MPJoinAckRx"), 1);
	mp_close(&run);
}

static void test_path_down(void **state)
{
	(void)state;
	lose("down", BRI_LAB_TO_CLIENT);
	lose("down", BRI_LAB_TO_SERVER);
}

static void test_path_silent(void **state)
{
	(void)state;
	lose("silent", BRI_LAB_TO_CLIENT);
	lose("silent", BRI_LAB_TO_SERVER);
}

static void test_path_without_address(void **state)
{
	(void)state;
	lose("deladdr", BRI_LAB_TO_CLIENT);
	lose("deladdr", BRI_LAB_TO_SERVER);
}

/* The same, and plain TCP on the path that dies: that is what it is all for. */
static void test_plain_tcp_is_stuck(void **state)
{
	struct bri_lab_config config = mp_two_paths();
	struct mp_run run = mp_open(&config);
	struct mp_end *client = &run.shared->client[0];
	uint64_t got;

	(void)state;
	run.shared->specs[0].down = 6000000;
	run.shared->specs[0].plain = true;
	mp_start(&run);
	assert_true(mp_wait64(&client->in.bytes, 1000000, 10000));
	mp_set(&run, "wlan silent");
	assert_false(mp_wait64(&client->in.bytes, 4000000, 1000));
	got = client->in.bytes;
	assert_false(mp_wait64(&client->in.bytes, got + 1, 1000));
	assert_in_range(mp_stats(&run, 1).direction[BRI_LAB_TO_CLIENT].bytes, 0, NOISE);
	mp_set(&run, "wlan up");
	mp_end_well(&run);
	mp_close(&run);
}

static int run_all(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_download_over_two),
		cmocka_unit_test(test_upload_over_two),
		cmocka_unit_test(test_backup),
		cmocka_unit_test(test_path_down),
		cmocka_unit_test(test_path_silent),
		cmocka_unit_test(test_path_without_address),
		cmocka_unit_test(test_plain_tcp_is_stuck),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return mp_main(run_all);
}
