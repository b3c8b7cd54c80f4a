/*
 * Links of the lab against the real kernel: the delay, rate, queue and loss that are configured are
 * measured, by datagrams from program to program. Knows no states and no Multipath TCP.
 */
#include "lab_util.h"

#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"

/* Never shorter than configured; and not longer, but for a machine busy with something else: then
 * the smallest of up to thirty counts. */
static void assert_round_trip(struct bri_lab *lab, uint32_t path, uint64_t want_ns, unsigned *ret_n)
{
	uint64_t min_ns = BRI_NEVER;

	*ret_n = 0;
	for (int i = 0; i < 6 && min_ns > want_ns + 2 * MS; i++) {
		assert_int_equal(ping(lab, path), 5);
		assert_true(shared->min_ns >= want_ns);
		min_ns = bri_min_u64(min_ns, shared->min_ns);
		*ret_n += 5;
	}
	assert_in_range(min_ns, want_ns, want_ns + 2 * MS);
}

static void test_round_trip(void **state)
{
	unsigned n[2];
	struct bri_lab_config config = two_paths();
	struct bri_lab *lab = open_lab(&config);

	(void)state;
	start_echo(lab);
	assert_round_trip(lab, 0, 20 * MS, &n[0]);
	assert_round_trip(lab, 1, 60 * MS, &n[1]);
	/* each on its own path, by the routing of its source address */
	assert_in_range(stats_of(lab, 0).direction[BRI_LAB_TO_SERVER].frames, n[0], n[0] + NOISE);
	assert_in_range(stats_of(lab, 1).direction[BRI_LAB_TO_CLIENT].frames, n[1], n[1] + NOISE);
	/* one direction slower, while running */
	assert_int_equal(bri_lab_set_text(lab, "wlan to-client delay 50ms"), 0);
	assert_round_trip(lab, 0, 60 * MS, &n[0]);
}

static int run_sink(void *context)
{
	int fd = udp_socket(BRI_LAB_SERVICE4, PORT, NULL);
	uint32_t number;
	char buffer[2048];
	unsigned idle = 0;

	(void)context;
	say_ready();
	while (idle < 5) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

		if (n < (ssize_t)sizeof(number)) {
			idle += shared->n > 0;
			continue;
		}
		idle = 0;
		memcpy(&number, buffer, sizeof(number));
		if (number < sizeof(shared->seen))
			shared->seen[number] = 1;
		shared->last_ns = bri_clock_now_ns();
		if (!shared->n++)
			shared->first_ns = shared->last_ns;
		else
			shared->bytes += (uint64_t)n;
	}
	return 0;
}

struct burst {
	uint32_t n, size, pause_every;
	uint64_t pause_ns;
};

static int run_burst(void *context)
{
	const struct burst *burst = context;
	int fd = udp_socket("10.10.0.2", 0, BRI_LAB_SERVICE4);
	struct timespec pause = { 0, (long)burst->pause_ns };
	char buffer[1472] = { 0 };

	for (uint32_t i = 0; i < burst->n; i++) {
		memcpy(buffer, &i, sizeof(i));
		if (send(fd, buffer, burst->size, 0) < 0)
			return 1;
		if (burst->pause_every && i % burst->pause_every == 0)
			nanosleep(&pause, NULL); /* the pace is the test's, not a wait */
	}
	return 0;
}

/* Runs a burst from the client; returns when the sink has heard nothing more for a second. */
static void burst_into_sink(struct bri_lab *lab, struct burst burst)
{
	pid_t sink;

	assert_int_equal(bri_lab_fork(lab, BRI_LAB_SERVER, run_sink, NULL, &sink), 0);
	wait_ready();
	assert_int_equal(inside(lab, BRI_LAB_CLIENT, run_burst, &burst), 0);
	assert_int_equal(bri_lab_wait(lab, sink, CHILD_MS), 0);
}

static void test_rate(void **state)
{
	struct bri_lab_config config = two_paths();
	struct bri_lab *lab;
	uint64_t bits;
	double mbit;

	(void)state;
	config.paths[0].link[BRI_LAB_TO_SERVER].rate_bps = 10000000;
	config.paths[0].link[BRI_LAB_TO_SERVER].queue_bytes = 4 << 20;
	lab = open_lab(&config);
	burst_into_sink(lab,
		(struct burst) { .n = 800, .size = 1400, .pause_every = 40, .pause_ns = 1 * MS });
	assert_int_equal(shared->n, 800);
	bits = (shared->bytes + 42 * (uint64_t)(shared->n - 1)) * 8; /* with the headers */
	mbit = (double)bits * 1000 / (double)(shared->last_ns - shared->first_ns);
	if (mbit < 9.0 || mbit > 11.0)
		fail_msg("%.2f Mbit/s through 10", mbit);
}

static void test_queue_limit(void **state)
{
	struct bri_lab_config config = two_paths();
	struct bri_lab_direction_stats stats;
	struct bri_lab *lab;

	(void)state;
	config.paths[0].link[BRI_LAB_TO_SERVER].rate_bps = 1000000;
	config.paths[0].link[BRI_LAB_TO_SERVER].queue_bytes = 10000;
	lab = open_lab(&config);
	burst_into_sink(lab, (struct burst) { .n = 100, .size = 958 }); /* 1000 with headers */
	stats = stats_of(lab, 0).direction[BRI_LAB_TO_SERVER];
	assert_in_range(stats.frames + stats.dropped_queue, 100, 100 + NOISE);
	assert_in_range(stats.frames, shared->n, shared->n + NOISE);
	/* ten fit; 8 ms each, so a burst that takes long lets a few more in */
	assert_in_range(shared->n, 10, 14);
	assert_in_range(stats.bytes, shared->n * 1000, shared->n * 1000 + NOISE * 150);
}

static void lose(uint64_t seed, uint8_t seen[static 2000], uint64_t *ret_hash)
{
	struct bri_lab_config config = two_paths();
	struct bri_lab_direction_stats stats;
	struct bri_lab *lab;

	config.seed = seed;
	config.paths[0].link[BRI_LAB_TO_SERVER].loss_ppm = 200000;
	lab = open_lab(&config);
	burst_into_sink(lab, (struct burst) { .n = 2000,
				     .size = 100,
				     .pause_every = 20,
				     .pause_ns = 500 * BRI_NS_PER_US });
	stats = stats_of(lab, 0).direction[BRI_LAB_TO_SERVER];
	assert_int_equal(stats.overrun, 0);
	assert_in_range(stats.dropped_loss + shared->n, 2000, 2000 + NOISE);
	assert_in_range(stats.dropped_loss, 310, 490); /* 400, five standard deviations */
	memcpy(seen, shared->seen, 2000);
	*ret_hash = stats.loss_hash;
	close_lab(NULL);
}

static void test_loss_is_reproducible(void **state)
{
	static uint8_t a[2000], b[2000], c[2000];
	uint64_t hash_a, hash_b, hash_c;

	(void)state;
	lose(42, a, &hash_a);
	lose(42, b, &hash_b);
	lose(43, c, &hash_c);
	assert_memory_equal(a, b, sizeof(a));
	assert_true(hash_a == hash_b);
	assert_memory_not_equal(a, c, sizeof(a));
	assert_true(hash_a != hash_c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_round_trip, close_lab),
		cmocka_unit_test_teardown(test_rate, close_lab),
		cmocka_unit_test_teardown(test_queue_limit, close_lab),
		cmocka_unit_test_teardown(test_loss_is_reproducible, close_lab),
	};
	int r = lab_begin();

	return r ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
