/* Interactive on the simulated network: requests go over the path that answers soonest. */
#include "policy_util.h"

static struct sim_config requests(uint64_t first_rtt_ns, uint64_t second_rtt_ns, uint64_t seed)
{
	struct sim_config c = usual(BRI_SERVICE_INTERACTIVE, SIM_LOAD_REQUEST, seed);

	c.message_bytes = 1200;
	c.period_ns = 100 * MS;
	c.paths[0].delay_ns = first_rtt_ns / 2;
	c.paths[1].delay_ns = second_rtt_ns / 2;
	c.paths[1].jitter_ns = c.paths[0].jitter_ns;
	return c;
}

static double mean(const struct run *r)
{
	return ms(sim_seen(r->s)->total_ns) / (double)sim_seen(r->s)->messages;
}

static size_t moves(const struct run *r, uint64_t since_ns)
{
	return sim_policy_count(r->sp, BRI_POLICY_NEWS_PRIMARY, since_ns);
}

/* until_primary(): how long until that path carries the data; at most most_ns. */
static uint64_t until_primary(struct run *r, int path, uint64_t most_ns)
{
	uint64_t waited = 0;

	while (waited < most_ns && sim_policy_primary(r->sp) != path) {
		sim_for(r->s, 10 * MS);
		waited += 10 * MS;
	}
	return waited;
}

static void the_first_path_is_slow(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct sim_config c = requests(120 * MS, 20 * MS, seed);
		struct run r = begin(&c);
		uint64_t waited = until_primary(&r, 1, 10 * S);

		printf("slow first path: left after %.2f s\n", ms(waited) / 1e3);
		assert_in_range(waited, 0, 1500 * MS);
		sim_forget(r.s);
		sim_for(r.s, 60 * S);
		printf("then %.1f ms a request\n", mean(&r));
		assert_true(mean(&r) < 30);
		assert_int_equal(moves(&r, 3 * S), 0);
		end(&r);
	}
}

static void the_fast_path_turns_slow(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct sim_config c = requests(20 * MS, 60 * MS, seed);
		struct run r = begin(&c);
		uint64_t waited;

		sim_for(r.s, 20 * S);
		assert_int_equal(moves(&r, 0), 0);
		assert_int_equal(sim_policy_primary(r.sp), 0);
		sim_path(r.s, 0)->delay_ns = 150 * MS;
		waited = until_primary(&r, 1, 20 * S);
		printf("turned slow: left after %.2f s\n", ms(waited) / 1e3);
		assert_in_range(waited, 0, 3 * S);
		/* and it is noticed when it is fast again */
		sim_for(r.s, 10 * S);
		assert_int_equal(sim_policy_primary(r.sp), 1);
		sim_path(r.s, 0)->delay_ns = 10 * MS;
		waited = until_primary(&r, 0, 60 * S);
		printf("fast again: back after %.2f s\n", ms(waited) / 1e3);
		assert_in_range(waited, 0, 15 * S);
		end(&r);
	}
}

static void the_first_path_loses(void **state)
{
	double sum = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct sim_config c = requests(20 * MS, 50 * MS, seed);
		struct run r;

		c.paths[0].loss_ppm = 20000;
		r = begin(&c);
		sim_for(r.s, 300 * S);
		printf("2 %% loss: %.1f ms a request, worst %.1f, %zu moves\n", mean(&r),
			ms(sim_seen(r.s)->worst_ns), moves(&r, 0));
		sum += mean(&r);
		assert_in_range(moves(&r, 0), 1, 40);
		end(&r);
	}
	assert_true(sum / 5 < 56);
}

static void an_idle_path_gets_better(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct sim_config c = requests(60 * MS, 90 * MS, seed);
		struct run r = begin(&c);
		uint64_t waited;

		sim_for(r.s, 30 * S);
		assert_int_equal(moves(&r, 0), 0);
		sim_path(r.s, 1)->delay_ns = 10 * MS;
		waited = until_primary(&r, 1, 60 * S);
		printf("idle path got better: taken after %.2f s\n", ms(waited) / 1e3);
		assert_in_range(waited, 0, 8 * S);
		end(&r);
	}
}

static void small_differences_do_not_matter(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct sim_config c = requests(30 * MS, 28 * MS, seed);
		struct run r = begin(&c);

		for (unsigned i = 0; i < 60; i++) {
			sim_for(r.s, 10 * S);
			sim_path(r.s, i % 2)->delay_ns = (13 + sim_random(r.s, 4)) * MS;
		}
		assert_in_range(moves(&r, 0), 0, 1);
		end(&r);
	}
}

/* Now one is better, now the other, every 3 seconds: following each time would help nobody. */
static void it_does_not_flutter(void **state)
{
	struct sim_config c = requests(20 * MS, 60 * MS, 1);
	struct run r = begin(&c);
	size_t late;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		sim_for(r.s, 3 * S);
		sim_path(r.s, 0)->delay_ns = i % 2 ? 10 * MS : 60 * MS;
		sim_path(r.s, 1)->delay_ns = i % 2 ? 60 * MS : 10 * MS;
	}
	late = moves(&r, 150 * S);
	printf("alternating: %zu moves, %zu of them in the last 150 s\n", moves(&r, 0), late);
	assert_in_range(late, 0, 12);
	end(&r);
}

/* Questions to idle paths are joins; they may not pile up or become many. */
static void questions_are_few(void **state)
{
	struct sim_config c = requests(20 * MS, 60 * MS, 1);
	struct run r = begin(&c);
	size_t creates = 0;
	unsigned most = 0;

	(void)state;
	for (unsigned i = 0; i < 600; i++) {
		sim_for(r.s, S);
		most = sim_subflows(r.s, 1) > most ? sim_subflows(r.s, 1) : most;
	}
	for (size_t i = 0; i < r.sp->n_log; i++)
		creates += r.sp->log[i].command.what == BRI_POLICY_CREATE;
	printf("%zu questions in 600 s\n", creates);
	assert_in_range(creates, 1, 250);
	assert_in_range(most, 1, 2);
	assert_int_equal(moves(&r, 0), 0);
	end(&r);
}

static void a_dead_path_is_left_as_in_handover(void **state)
{
	static const enum sim_state hows[] = { SIM_DOWN, SIM_SILENT };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(hows); i++) {
		struct sim_config c = requests(20 * MS, 60 * MS, 1);
		struct run r = begin(&c);

		sim_for(r.s, 10 * S);
		sim_forget(r.s);
		sim_set(r.s, 0, hows[i]);
		sim_for(r.s, 5 * S);
		printf("state %u: worst request %.1f ms\n", (unsigned)hows[i],
			ms(sim_seen(r.s)->worst_ns));
		assert_in_range(sim_seen(r.s)->worst_ns, 0, 400 * MS);
		assert_int_equal(sim_policy_primary(r.sp), 1);
		sim_set(r.s, 0, SIM_UP);
		assert_in_range(until_primary(&r, 0, 60 * S), 0, 15 * S);
		end(&r);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_path_is_slow),
		cmocka_unit_test(the_fast_path_turns_slow),
		cmocka_unit_test(the_first_path_loses),
		cmocka_unit_test(an_idle_path_gets_better),
		cmocka_unit_test(small_differences_do_not_matter),
		cmocka_unit_test(it_does_not_flutter),
		cmocka_unit_test(questions_are_few),
		cmocka_unit_test(a_dead_path_is_left_as_in_handover),
	};

	if (argc > 1) /* one of them, with SIM_VERBOSE=1 */
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
