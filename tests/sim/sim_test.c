/* The simulated TCP and MPTCP behave as the real ones: rates, round trip times, timers, joins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include "sim.h"

static struct sim_config two_paths(enum sim_load load)
{
	return (struct sim_config) { .seed = 1,
		.n_paths = 2,
		.paths = { { .kind = BRI_PATH_WIFI, .rate_bps = 20000000, .delay_ns = 10 * SIM_MS },
			{ .kind = BRI_PATH_CELLULAR,
				.rate_bps = 20000000,
				.delay_ns = 30 * SIM_MS,
				.queue_bytes = 200000 } },
		.load = load };
}

static struct bri_policy_sample sample(const struct sim *s, size_t path)
{
	struct bri_policy_sample r;
	struct bri_policy_tuple t;

	assert_true(sim_tuple(s, path, &t));
	assert_true(sim_sample(s, &t, &r));
	return r;
}

static struct bri_policy_command on(const struct sim *s, enum bri_policy_what what, size_t path)
{
	struct bri_policy_command c = {
		.what = what, .token = SIM_TOKEN, .local_id = (uint8_t)path
	};

	if (!sim_tuple(s, path, &c.tuple)) {
		c.tuple.local = sim_local(s, path);
		c.tuple.remote = sim_remote();
		c.tuple.remote_port = SIM_PORT;
	}
	return c;
}

static void join(struct sim *s, size_t path, bool backup)
{
	struct bri_policy_command c = on(s, BRI_POLICY_CREATE, path);

	c.backup = backup;
	assert_int_equal(sim_command(s, &c), 0);
}

static void bulk_fills_the_path(void **state)
{
	(void)state;
	for (int down = 0; down < 2; down++) {
		struct sim_config c = two_paths(down ? SIM_LOAD_BULK_DOWN : SIM_LOAD_BULK_UP);
		struct sim *s = sim_new(&c);
		uint64_t rate;

		sim_for(s, 2 * SIM_S);
		sim_forget(s);
		sim_for(s, 10 * SIM_S);
		rate = sim_seen(s)->bytes * 8 / 10;
		printf("bulk %s: %.2f of 20 Mbit/s\n", down ? "down" : "up", (double)rate / 1e6);
		assert_in_range(rate, 16000000, 20000000);
		sim_free(s);
	}
}

static void round_trip_is_measured(void **state)
{
	struct sim_config c = two_paths(SIM_LOAD_STREAM_UP);
	struct sim *s = sim_new(&c);
	struct bri_policy_sample r;

	(void)state;
	sim_for(s, 5 * SIM_S);
	r = sample(s, 0);
	printf("stream: rtt %u us, var %u us, rto %u us\n", r.rtt_us, r.rttvar_us, r.rto_us);
	/* every other segment waits for the next one, 10 ms later */
	assert_in_range(r.rtt_us, 20000, 33000);
	assert_in_range(r.rto_us, 220000, 240000);
	assert_in_range(sim_seen(s)->worst_ns, 10 * SIM_MS, 12 * SIM_MS);
	assert_int_equal(r.total_retrans, 0);
	sim_free(s);
}

static void a_lone_segment_is_acknowledged_late(void **state)
{
	struct sim_config c = two_paths(SIM_LOAD_STREAM_UP);
	struct sim *s;
	struct bri_policy_sample r;

	(void)state;
	c.period_ns = 500 * SIM_MS;
	c.message_bytes = 100;
	s = sim_new(&c);
	sim_for(s, 60 * SIM_S);
	r = sample(s, 0);
	printf("lone segments: rtt %u us\n", r.rtt_us);
	assert_in_range(r.rtt_us, 58000, 64000); /* 20 and the 40 of a delayed ACK */
	assert_int_equal(r.total_retrans, 0);
	sim_free(s);
}

static void timeouts_double(void **state)
{
	struct sim_config c = two_paths(SIM_LOAD_STREAM_UP);
	struct sim *s = sim_new(&c);
	struct bri_policy_sample r;
	uint64_t last = 0, times[6] = { 0 };
	unsigned n = 0;

	(void)state;
	sim_for(s, 5 * SIM_S);
	sim_set(s, 0, SIM_SILENT);
	for (unsigned ms = 0; ms < 8000 && n < 5; ms++) {
		sim_for(s, SIM_MS);
		r = sample(s, 0);
		if (r.retransmits > n)
			times[n++] = ms;
	}
	printf("timeouts at");
	for (unsigned i = 0; i < n; i++)
		printf(" %lu", times[i]);
	printf(" ms\n");
	assert_int_equal(n, 5);
	assert_in_range(times[0], 180, 260);
	for (unsigned i = 1; i < 5; i++) {
		uint64_t step = times[i] - times[i - 1];

		if (last)
			assert_in_range(step, last * 2 - 10, last * 2 + 10);
		last = step;
	}
	r = sample(s, 0);
	assert_true(r.unacked > 0);
	assert_in_range(r.last_ack_ms, times[4] - 50, times[4] + 50);
	/* and it goes on when the path is back */
	sim_set(s, 0, SIM_UP);
	sim_for(s, 10 * SIM_S);
	assert_int_equal(sample(s, 0).retransmits, 0);
	sim_forget(s);
	sim_for(s, 2 * SIM_S);
	assert_in_range(sim_seen(s)->messages, 195, 205);
	assert_in_range(sim_seen(s)->worst_ns, 10 * SIM_MS, 13 * SIM_MS);
	sim_free(s);
}

static void losses_are_repaired(void **state)
{
	struct sim_config c = two_paths(SIM_LOAD_STREAM_DOWN);
	struct sim *s;

	(void)state;
	c.paths[0].loss_ppm = 20000;
	s = sim_new(&c);
	sim_for(s, 100 * SIM_S);
	printf("2 %% loss: worst %.1f ms, mean %.1f ms\n", (double)sim_seen(s)->worst_ns / 1e6,
		(double)sim_seen(s)->total_ns / 1e6 / (double)sim_seen(s)->messages);
	assert_in_range(sim_seen(s)->messages, 9900, 10000);
	assert_in_range(sim_seen(s)->worst_ns, 20 * SIM_MS, 1000 * SIM_MS);
	sim_free(s);
}

static void a_backup_carries_nothing(void **state)
{
	struct sim_config c = two_paths(SIM_LOAD_STREAM_UP);
	struct sim *s = sim_new(&c);
	struct bri_policy_command prio;

	(void)state;
	join(s, 1, true);
	sim_for(s, 5 * SIM_S);
	assert_int_equal(sim_subflows(s, 1), 1);
	assert_int_equal(sim_carried(s, 1), 0);
	assert_in_range(sample(s, 1).rtt_us, 60000, 61000);
	prio = on(s, BRI_POLICY_PRIO, 0);
	prio.backup = true;
	assert_int_equal(sim_command(s, &prio), 0);
	prio = on(s, BRI_POLICY_PRIO, 1);
	assert_int_equal(sim_command(s, &prio), 0);
	sim_for(s, SIM_S);
	sim_forget(s);
	sim_for(s, 5 * SIM_S);
	assert_int_equal(sim_carried(s, 0), 0);
	assert_true(sim_carried(s, 1) > 0);
	sim_free(s);
}

static void two_paths_add_up(void **state)
{
	struct sim_config c = two_paths(SIM_LOAD_BULK_DOWN);
	struct sim *s = sim_new(&c);

	(void)state;
	join(s, 1, false);
	sim_for(s, 3 * SIM_S);
	sim_forget(s);
	sim_for(s, 10 * SIM_S);
	printf("two of 20 Mbit/s: %.2f Mbit/s\n", (double)sim_seen(s)->bytes * 8 / 1e7);
	assert_true(sim_seen(s)->bytes * 8 / 10 > 30000000);
	sim_free(s);
}

/* gap(): one path goes silent, with a backup beside it; after_ns the commands come. */
static uint64_t gap(enum sim_load load, enum sim_state how, uint64_t after_ns, bool remove)
{
	struct sim_config c = two_paths(load);
	struct sim *s = sim_new(&c);
	struct bri_policy_command prio, rm, kill;
	uint64_t r;

	join(s, 1, true);
	sim_for(s, 5 * SIM_S);
	sim_set(s, 0, how);
	sim_forget(s);
	if (after_ns) {
		sim_for(s, after_ns);
		prio = on(s, BRI_POLICY_PRIO, 1);
		assert_int_equal(sim_command(s, &prio), 0);
		rm = on(s, BRI_POLICY_REMOVE, 0);
		if (remove)
			assert_int_equal(sim_command(s, &rm), 0);
		kill = on(s, BRI_POLICY_DESTROY, 0);
		assert_int_equal(sim_command(s, &kill), 0);
	}
	sim_for(s, 20 * SIM_S);
	r = sim_seen(s)->gap_ns;
	printf("gap %.1f ms\n", (double)r / 1e6);
	sim_free(s);
	return r;
}

/* As it was measured with the real kernel (docs/design.md). */
static void commands_shorten_the_gap(void **state)
{
	(void)state;
	for (int down = 0; down < 2; down++) {
		enum sim_load load = down ? SIM_LOAD_STREAM_DOWN : SIM_LOAD_STREAM_UP;

		assert_in_range(gap(load, SIM_SILENT, 0, false), 400 * SIM_MS, 2500 * SIM_MS);
		assert_in_range(
			gap(load, SIM_SILENT, 60 * SIM_MS, true), 80 * SIM_MS, 130 * SIM_MS);
	}
	/* without RM_ADDR the peer stays on the dead path */
	assert_true(gap(SIM_LOAD_STREAM_DOWN, SIM_SILENT, 60 * SIM_MS, false) > 300 * SIM_MS);
}

static unsigned ups, closes;
static uint8_t close_error;
static uint32_t close_reason;
static uint64_t up_ns;
static struct sim *watched;

static void on_up(void *context, const struct bri_policy_subflow *subflow)
{
	(void)context;
	(void)subflow;
	ups++;
	up_ns = sim_now(watched);
}

static void on_closed(
	void *context, const struct bri_policy_tuple *tuple, uint8_t error, uint32_t reason)
{
	(void)context;
	(void)tuple;
	closes++;
	close_error = error;
	close_reason = reason;
}

static struct sim *watch(const struct sim_config *c)
{
	ups = closes = 0;
	watched = sim_new(c);
	sim_watch(watched, &(struct sim_watcher) { .subflow = on_up, .subflow_closed = on_closed });
	sim_for(watched, SIM_S);
	assert_int_equal(ups, 1);
	return watched;
}

static void joins_are_repeated(void **state)
{
	struct sim_config c = two_paths(SIM_LOAD_STREAM_UP);
	struct sim *s = watch(&c);
	struct bri_policy_command cancel;

	(void)state;
	join(s, 1, true);
	sim_for(s, 100 * SIM_MS);
	assert_int_equal(ups, 2);
	assert_in_range(up_ns, 1060 * SIM_MS, 1061 * SIM_MS);
	sim_free(s);

	s = watch(&c);
	sim_set(s, 1, SIM_SILENT);
	join(s, 1, true);
	sim_for(s, 2 * SIM_S);
	sim_set(s, 1, SIM_UP);
	sim_for(s, 1100 * SIM_MS); /* 4.1: the SYN of 3 seconds after its first is answered */
	assert_int_equal(ups, 2);
	assert_in_range(up_ns, 4060 * SIM_MS, 4061 * SIM_MS);
	sim_free(s);

	s = watch(&c);
	sim_set(s, 1, SIM_SILENT);
	join(s, 1, true);
	sim_for(s, 2 * SIM_S);
	cancel = on(s, BRI_POLICY_CANCEL, 1);
	assert_int_equal(sim_command(s, &cancel), 0);
	sim_for(s, 10 * SIM_MS);
	assert_int_equal(closes, 1);
	assert_int_equal(close_error, ECONNABORTED);
	assert_int_equal(sim_command(s, &cancel), ESRCH);
	sim_free(s);
}

static void the_peer_has_a_limit(void **state)
{
	struct sim_config c = two_paths(SIM_LOAD_STREAM_UP);
	struct sim *s;

	(void)state;
	c.peer_limit = 1;
	s = watch(&c);
	join(s, 1, true);
	sim_for(s, SIM_S);
	assert_int_equal(ups, 2);
	join(s, 1, true);
	sim_for(s, SIM_S);
	assert_int_equal(ups, 2);
	assert_int_equal(closes, 1);
	assert_int_equal(close_error, ECONNREFUSED);
	assert_int_equal(close_reason, 3);
	sim_free(s);
}

static void commands_are_refused(void **state)
{
	struct sim_config c = two_paths(SIM_LOAD_STREAM_UP);
	struct sim *s = watch(&c);
	struct bri_policy_command command = on(s, BRI_POLICY_CREATE, 1);

	(void)state;
	command.token++;
	assert_int_equal(sim_command(s, &command), EINVAL);
	command.token--;
	sim_set(s, 1, SIM_DOWN);
	assert_int_equal(sim_command(s, &command), ENETUNREACH);
	sim_set(s, 1, SIM_GONE);
	assert_int_equal(sim_command(s, &command), EADDRNOTAVAIL);
	sim_set(s, 1, SIM_UP);
	command.local_id = 0; /* the first address has it */
	assert_int_equal(sim_command(s, &command), EINVAL);
	command = on(s, BRI_POLICY_DESTROY, 1);
	assert_int_equal(sim_command(s, &command), ESRCH);
	command.what = BRI_POLICY_REMOVE;
	assert_int_equal(sim_command(s, &command), EINVAL);
	sim_free(s);
}

static void a_reset_moves_the_data(void **state)
{
	struct sim_config c = two_paths(SIM_LOAD_STREAM_DOWN);
	struct sim *s = watch(&c);

	(void)state;
	join(s, 1, true);
	sim_for(s, SIM_S);
	sim_forget(s);
	sim_reset(s, 0);
	sim_for(s, 2 * SIM_S);
	assert_int_equal(closes, 1);
	assert_int_equal(close_error, ECONNRESET);
	assert_in_range(sim_seen(s)->gap_ns, 10 * SIM_MS, 60 * SIM_MS);
	assert_in_range(sim_seen(s)->messages, 190, 201);
	sim_free(s);
}

static void a_shut_window_is_probed(void **state)
{
	struct sim_config c = two_paths(SIM_LOAD_BULK_UP);
	struct sim *s;
	struct bri_policy_sample r;
	uint64_t bytes;

	(void)state;
	c.read_pause_every_ns = 2 * SIM_S; /* the first one is exactly then */
	c.read_pause_ns = 1000 * SIM_S;
	s = sim_new(&c);
	sim_for(s, 5 * SIM_S);
	bytes = sim_seen(s)->bytes;
	for (unsigned i = 0; i < 10; i++) {
		sim_for(s, 100 * SIM_MS);
		r = sample(s, 0);
		assert_int_equal(r.unacked, 0);
		assert_true(r.notsent_bytes > 0);
		assert_int_equal(r.retransmits, 0);
	}
	assert_int_equal(sim_seen(s)->bytes, bytes);
	assert_true(r.last_ack_ms < 2000); /* probes are answered */
	sim_free(s);
}

static void others_fill_the_queue(void **state)
{
	struct sim_config c = two_paths(SIM_LOAD_STREAM_UP);
	struct sim *s;

	(void)state;
	c.paths[0].queue_bytes = 2000000;
	c.paths[0].fill_every_ns = 10 * SIM_S;
	c.paths[0].fill_ns = 300 * SIM_MS;
	s = sim_new(&c);
	sim_for(s, 10 * SIM_S);
	assert_in_range(sim_seen(s)->worst_ns, 10 * SIM_MS, 12 * SIM_MS);
	sim_for(s, 5 * SIM_S);
	assert_in_range(sim_seen(s)->worst_ns, 300 * SIM_MS, 330 * SIM_MS);
	assert_in_range(sample(s, 0).rtt_us, 500000, 700000); /* the ACKs wait too */
	sim_free(s);
}

static void a_seed_is_a_run(void **state)
{
	uint64_t bytes[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct sim_config c = two_paths(SIM_LOAD_BULK_UP);
		struct sim *s;

		c.paths[0].loss_ppm = 10000;
		c.paths[0].jitter_ns = 50 * SIM_MS;
		s = sim_new(&c);
		sim_for(s, 20 * SIM_S);
		bytes[i] = sim_seen(s)->bytes;
		sim_free(s);
	}
	assert_int_equal(bytes[0], bytes[1]);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bulk_fills_the_path),
		cmocka_unit_test(round_trip_is_measured),
		cmocka_unit_test(a_lone_segment_is_acknowledged_late),
		cmocka_unit_test(timeouts_double),
		cmocka_unit_test(losses_are_repaired),
		cmocka_unit_test(a_backup_carries_nothing),
		cmocka_unit_test(two_paths_add_up),
		cmocka_unit_test(commands_shorten_the_gap),
		cmocka_unit_test(joins_are_repeated),
		cmocka_unit_test(the_peer_has_a_limit),
		cmocka_unit_test(commands_are_refused),
		cmocka_unit_test(a_reset_moves_the_data),
		cmocka_unit_test(a_shut_window_is_probed),
		cmocka_unit_test(others_fill_the_queue),
		cmocka_unit_test(a_seed_is_a_run),
	};

	if (argc > 1) /* one of them, with SIM_VERBOSE=1 */
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
