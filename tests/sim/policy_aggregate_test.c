/* Aggregate on the simulated network: two good paths are both used, a bad second one is left out.
 */
#include "policy_util.h"

static struct sim_config bulk(enum sim_load load, uint64_t second_bps, uint64_t second_rtt_ns)
{
	struct sim_config c = usual(BRI_SERVICE_AGGREGATE, load, 1);

	c.paths[0].rate_bps = 50000000;
	c.paths[0].queue_bytes = 250000;
	c.paths[1].rate_bps = second_bps;
	c.paths[1].delay_ns = second_rtt_ns / 2;
	return c;
}

static double mbit_s(const struct run *r, uint64_t ns)
{
	return (double)sim_seen(r->s)->bytes * 8e3 / (double)ns;
}

/* alone(): what the first path brings without the second. */
static double alone(const struct sim_config *with)
{
	struct sim_config c = *with;
	struct run r;
	double rate;

	c.n_paths = 1;
	r = begin(&c);
	sim_for(r.s, 2 * S);
	sim_forget(r.s);
	sim_for(r.s, 20 * S);
	rate = mbit_s(&r, 20 * S);
	end(&r);
	return rate;
}

static void good_paths_are_never_left_out(void **state)
{
	static const struct {
		uint64_t bps, rtt_ns, jitter_ns;
		uint32_t loss_ppm;
		double least; /* of the first path alone */
	} second[] = { { 50000000, 20 * MS, 4 * MS, 0, 1.6 }, { 50000000, 60 * MS, 4 * MS, 0, 1.4 },
		{ 20000000, 40 * MS, 4 * MS, 0, 1.2 }, { 10000000, 60 * MS, 4 * MS, 0, 1.1 },
		{ 8000000, 100 * MS, 4 * MS, 0, 1.0 }, { 20000000, 50 * MS, 4 * MS, 500, 1.0 },
		{ 20000000, 60 * MS, 20 * MS, 0, 1.0 } };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(second); i++) {
		for (int down = 0; down < 2; down++) {
			struct sim_config c = bulk(down ? SIM_LOAD_BULK_DOWN : SIM_LOAD_BULK_UP,
				second[i].bps, second[i].rtt_ns);
			double one, both;
			struct run r;

			c.paths[1].jitter_ns = second[i].jitter_ns;
			c.paths[1].loss_ppm = second[i].loss_ppm;
			one = alone(&c);
			r = begin(&c);
			sim_for(r.s, 5 * S);
			sim_forget(r.s);
			sim_for(r.s, 55 * S);
			both = mbit_s(&r, 55 * S);
			printf("50 and %.0f Mbit/s, %.0f ms, %s: %.1f of %.1f alone\n",
				(double)second[i].bps / 1e6, ms(second[i].rtt_ns),
				load_name(c.load), both, one);
			assert_int_equal(
				sim_policy_count(r.sp, BRI_POLICY_NEWS_PATH_LEFT_OUT, 0), 0);
			assert_true(both > one * second[i].least);
			end(&r);
		}
	}
}

/* A window that jitter spreads out is no narrow path. */
static void jitter_is_not_narrow(void **state)
{
	static const struct {
		uint64_t bps, rtt_ns, jitter_ns;
	} second[] = { { 10000000, 80 * MS, 40 * MS }, { 20000000, 60 * MS, 30 * MS },
		{ 50000000, 200 * MS, 20 * MS }, { 8000000, 100 * MS, 4 * MS } };

	(void)state;
	for (uint64_t seed = 1; seed <= 80; seed++) {
		size_t i = seed % BRI_LEN(second);
		struct sim_config c = bulk(seed % 8 < 4 ? SIM_LOAD_BULK_DOWN : SIM_LOAD_BULK_UP,
			second[i].bps, second[i].rtt_ns);
		struct run r;

		c.seed = seed;
		c.paths[1].jitter_ns = second[i].jitter_ns;
		r = begin(&c);
		sim_for(r.s, 1200 * MS);
		assert_int_equal(sim_policy_count(r.sp, BRI_POLICY_NEWS_PATH_LEFT_OUT, 0), 0);
		end(&r);
	}
}

struct bad {
	const char *name;
	uint64_t bps, rtt_ns;
	uint32_t loss_ppm, queue_bytes;
};

static const struct bad bad[] = {
	{ "2 Mbit/s, 300 ms, 5 % loss", 2000000, 300 * MS, 50000, 64000 },
	{ "1 Mbit/s behind 1 MB", 1000000, 40 * MS, 0, 1000000 },
};

/* When the first path was left out, from the beginning; BRI_NEVER: none was. */
static uint64_t first_left_out_ns(const struct run *r)
{
	for (size_t i = 0; i < r->sp->n_told; i++) {
		if (r->sp->told[i].news.kind == BRI_POLICY_NEWS_PATH_LEFT_OUT)
			return r->sp->told[i].at_ns;
	}
	return BRI_NEVER;
}

static void bad_paths_are_left_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < BRI_LEN(bad); i++) {
		for (int down = 0; down < 2; down++) {
			struct sim_config c = bulk(down ? SIM_LOAD_BULK_DOWN : SIM_LOAD_BULK_UP,
				bad[i].bps, bad[i].rtt_ns);
			double one, both;
			size_t attempts;
			struct run r;

			c.paths[1].loss_ppm = bad[i].loss_ppm;
			c.paths[1].queue_bytes = bad[i].queue_bytes;
			one = alone(&c);
			r = begin(&c);
			sim_for(r.s, 10 * S);
			printf("%s, %s: left out after %.2f s, %.1f Mbit/s in 10 s\n", bad[i].name,
				load_name(c.load), (double)first_left_out_ns(&r) / 1e9,
				mbit_s(&r, 10 * S));
			assert_in_range(first_left_out_ns(&r), 0, 1200 * MS);
			assert_true(mbit_s(&r, 10 * S) > one * 0.93);
			sim_forget(r.s);
			sim_for(r.s, 110 * S);
			both = mbit_s(&r, 110 * S);
			attempts = sim_policy_count(r.sp, BRI_POLICY_NEWS_PATH_LEFT_OUT, 0);
			printf("%s, %s: %.1f of %.1f alone, %zu attempts\n", bad[i].name,
				load_name(c.load), both, one, attempts);
			assert_true(both > one * 0.97);
			assert_in_range(attempts, 2, 4);
			assert_int_equal(sim_subflows(r.s, 1), 1); /* it stands by */
			end(&r);
		}
	}
}

#define SEEDS 240u
/* A path that loses: of its first window little may arrive, and acknowledgements are lost too, so
 * that several segments seem to arrive at once later. It is left out soon all the same. */
static void lost_trains_do_not_hide_a_bad_path(void **state)
{
	double least = 1e9, all = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct sim_config c = bulk(seed % 2 ? SIM_LOAD_BULK_DOWN : SIM_LOAD_BULK_UP,
			bad[0].bps, bad[0].rtt_ns);
		struct run r;
		double rate;

		c.seed = seed;
		c.paths[1].loss_ppm = bad[0].loss_ppm;
		c.paths[1].queue_bytes = bad[0].queue_bytes;
		r = begin(&c);
		sim_for(r.s, 5 * S);
		rate = mbit_s(&r, 5 * S);
		if (rate < 44)
			printf("seed %d, %s: left out after %.2f s, %.1f Mbit/s\n", (int)seed,
				load_name(c.load), (double)first_left_out_ns(&r) / 1e9, rate);
		least = rate < least ? rate : least;
		all += rate;
		end(&r);
	}
	printf("%.1f Mbit/s at least, %.1f on average\n", least, all / SEEDS);
	assert_true(least > 43);
}

/* What it costs to have no policy: or the test above would prove nothing. */
static void without_a_policy_it_hurts(void **state)
{
	(void)state;
	for (size_t i = 0; i < BRI_LEN(bad); i++) {
		struct sim_config c = bulk(SIM_LOAD_BULK_DOWN, bad[i].bps, bad[i].rtt_ns);
		struct bri_policy_command join = {
			.what = BRI_POLICY_CREATE, .token = SIM_TOKEN, .local_id = 1
		};
		double one, both;
		struct sim *s;

		c.paths[1].loss_ppm = bad[i].loss_ppm;
		c.paths[1].queue_bytes = bad[i].queue_bytes;
		one = alone(&c);
		s = sim_new(&c);
		join.tuple.local = sim_local(s, 1);
		join.tuple.remote = sim_remote();
		join.tuple.remote_port = SIM_PORT;
		assert_int_equal(sim_command(s, &join), 0);
		sim_for(s, 60 * S);
		both = (double)sim_seen(s)->bytes * 8 / 60e6;
		printf("%s, no policy: %.1f of %.1f alone\n", bad[i].name, both, one);
		assert_true(both < one * 0.8);
		sim_free(s);
	}
}

static void attempts_become_rare(void **state)
{
	struct sim_config c = bulk(SIM_LOAD_BULK_DOWN, bad[0].bps, bad[0].rtt_ns);
	struct run r;
	uint64_t last = 0, before = 0;
	size_t n = 0;

	(void)state;
	c.paths[1].loss_ppm = bad[0].loss_ppm;
	c.paths[0].rate_bps = 20000000; /* or it takes long */
	c.paths[1].rate_bps = 500000;
	r = begin(&c);
	sim_for(r.s, 700 * S);
	for (size_t i = 0; i < r.sp->n_told; i++) {
		if (r.sp->told[i].news.kind != BRI_POLICY_NEWS_PATH_LEFT_OUT)
			continue;
		printf("left out at %.1f s\n", (double)r.sp->told[i].at_ns / 1e9);
		if (n > 1)
			assert_true(r.sp->told[i].at_ns - last > (last - before) * 3 / 2);
		before = last;
		last = r.sp->told[i].at_ns;
		n++;
	}
	assert_in_range(n, 3, 7);
	end(&r);
}

/* A path that was left out stands by, and carries all when the good one is lost. */
static void a_left_out_path_takes_over(void **state)
{
	static const enum sim_state ways[] = { SIM_DOWN, SIM_SILENT };

	(void)state;
	for (size_t i = 0; i < 2 * BRI_LEN(ways); i++) {
		struct sim_config c =
			bulk(i < 2 ? SIM_LOAD_BULK_UP : SIM_LOAD_BULK_DOWN, 1000000, 40 * MS);
		struct run r;

		c.paths[1].queue_bytes = 1000000;
		r = begin(&c);
		sim_for(r.s, 5 * S);
		assert_int_equal(sim_policy_count(r.sp, BRI_POLICY_NEWS_PATH_LEFT_OUT, 0), 1);
		sim_forget(r.s);
		sim_for(r.s, 5 * S);
		assert_int_equal(sim_carried(r.s, 1), 0);
		sim_set(r.s, 0, ways[i % 2]);
		sim_for(r.s, 10 * S);
		printf("left out, and the other %s, %s: gap %.1f ms, %.1f kB\n",
			i % 2 ? "silent" : "down", load_name(c.load), ms(sim_seen(r.s)->gap_ns),
			(double)sim_carried(r.s, 1) / 1e3);
		assert_true(sim_carried(r.s, 1) > 800000);
		sim_set(r.s, 0, SIM_UP);
		sim_for(r.s, 10 * S);
		sim_forget(r.s);
		sim_for(r.s, 5 * S);
		assert_true(mbit_s(&r, 5 * S) > 40); /* and it is as before */
		end(&r);
	}
}

/* Another connection to the same server: is its second path opened as backup? */
static bool begins_with_backup(struct run *r, uint32_t token, struct bri_ip remote)
{
	struct bri_policy_connection c = { .token = token,
		.wish = { .service = BRI_SERVICE_AGGREGATE },
		.initial = sim_initial(r->s) };
	struct bri_policy_subflow f;

	c.initial.local_port = (uint16_t)token;
	c.initial.remote = remote;
	f = (struct bri_policy_subflow) { .tuple = c.initial };
	assert_int_equal(bri_policy_on_connection(r->sp->p, &c, sim_now(r->s)), 0);
	bri_policy_on_subflow(r->sp->p, token, &f, sim_now(r->s));
	bri_policy_expire(r->sp->p, sim_now(r->s));
	sim_policy_poll(r->sp);
	sim_for(r->s, S);
	for (size_t i = 0; i < r->sp->n_log; i++) {
		const struct bri_policy_command *command = &r->sp->log[i].command;

		if (command->token == token && command->what == BRI_POLICY_CREATE)
			return command->backup;
	}
	fail_msg("no path was opened");
	return false;
}

static void the_next_connection_knows(void **state)
{
	struct sim_config c = bulk(SIM_LOAD_BULK_DOWN, 1000000, 40 * MS);
	struct bri_ip elsewhere = sim_remote();
	struct run r;

	(void)state;
	elsewhere.bytes[3] ^= 1;
	c.paths[1].queue_bytes = 1000000;
	r = begin(&c);
	assert_false(begins_with_backup(&r, 101, sim_remote()));
	sim_for(r.s, 5 * S);
	assert_int_equal(sim_policy_count(r.sp, BRI_POLICY_NEWS_PATH_LEFT_OUT, 0), 1);
	assert_true(begins_with_backup(&r, 102, sim_remote()));
	assert_false(begins_with_backup(&r, 103, elsewhere));
	/* the link goes and comes: it may be another network */
	sim_set_load(r.s, SIM_LOAD_NONE);
	sim_set(r.s, 1, SIM_DOWN);
	sim_for(r.s, S);
	sim_set(r.s, 1, SIM_UP);
	sim_for(r.s, S);
	assert_false(begins_with_backup(&r, 104, sim_remote()));
	end(&r);
}

/* A path that was bad and is good now is used again at the next attempt. */
static void a_path_may_recover(void **state)
{
	struct sim_config c = bulk(SIM_LOAD_BULK_DOWN, 1000000, 40 * MS);
	struct run r;

	(void)state;
	c.paths[1].queue_bytes = 1000000;
	r = begin(&c);
	sim_for(r.s, 15 * S);
	assert_true(sim_policy_count(r.sp, BRI_POLICY_NEWS_PATH_LEFT_OUT, 0) > 0);
	sim_path(r.s, 1)->rate_bps = 30000000;
	sim_for(r.s, 60 * S);
	sim_forget(r.s);
	sim_for(r.s, 10 * S);
	printf("recovered: %.1f Mbit/s\n", mbit_s(&r, 10 * S));
	assert_true(mbit_s(&r, 10 * S) > 60);
	assert_int_equal(sim_subflows(r.s, 1), 1);
	end(&r);
}

/* An application that sends little says nothing about its paths. */
static void little_traffic_judges_nothing(void **state)
{
	static const enum sim_load loads[] = { SIM_LOAD_STREAM_UP, SIM_LOAD_STREAM_DOWN,
		SIM_LOAD_SPARSE, SIM_LOAD_REQUEST };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(loads); i++) {
		struct sim_config c = bulk(loads[i], 5000000, 120 * MS);
		struct run r = begin(&c);

		sim_for(r.s, 600 * S);
		assert_int_equal(sim_policy_count(r.sp, BRI_POLICY_NEWS_PATH_LEFT_OUT, 0), 0);
		assert_int_equal(sim_subflows(r.s, 0) + sim_subflows(r.s, 1), 2);
		end(&r);
	}
}

static void a_dead_path_is_taken_out(void **state)
{
	(void)state;
	for (int down = 0; down < 2; down++) {
		for (size_t path = 0; path < 2; path++) {
			struct sim_config c = bulk(
				down ? SIM_LOAD_BULK_DOWN : SIM_LOAD_BULK_UP, 20000000, 40 * MS);
			struct run r = begin(&c);

			sim_for(r.s, 5 * S);
			sim_forget(r.s);
			sim_set(r.s, path, SIM_SILENT);
			sim_for(r.s, 5 * S);
			printf("path %zu silent, %s: gap %.1f ms\n", path, load_name(c.load),
				ms(sim_seen(r.s)->gap_ns));
			assert_int_equal(sim_subflows(r.s, path), 0);
			/* a share that falls silent is asked about after 300 ms, not at once */
			assert_in_range(sim_seen(r.s)->gap_ns, 0, down ? 700 * MS : 400 * MS);
			sim_set(r.s, path, SIM_UP);
			sim_for(r.s, 6 * S);
			assert_int_equal(sim_subflows(r.s, path), 1);
			sim_forget(r.s);
			sim_for(r.s, 3 * S);
			assert_true(sim_carried(r.s, path) > 1000000);
			end(&r);
		}
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_paths_are_never_left_out),
		cmocka_unit_test(jitter_is_not_narrow),
		cmocka_unit_test(bad_paths_are_left_out),
		cmocka_unit_test(lost_trains_do_not_hide_a_bad_path),
		cmocka_unit_test(without_a_policy_it_hurts),
		cmocka_unit_test(attempts_become_rare),
		cmocka_unit_test(a_left_out_path_takes_over),
		cmocka_unit_test(the_next_connection_knows),
		cmocka_unit_test(a_path_may_recover),
		cmocka_unit_test(little_traffic_judges_nothing),
		cmocka_unit_test(a_dead_path_is_taken_out),
	};

	if (argc > 1) /* one of them, with SIM_VERBOSE=1 */
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
