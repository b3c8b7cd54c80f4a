/* The wire of the lab in virtual time: exact to the nanosecond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lab/wire.h"

#define MS BRI_NS_PER_MS

static const uint8_t unicast[1500] = { 2, 0, 0x99, 0, 0, 1 };
static const uint8_t multicast[100] = { 0x33, 0x33 };

static void offer_many(struct bri_wire *wire, uint64_t at_ns, unsigned n, uint32_t len)
{
	for (unsigned i = 0; i < n; i++)
		bri_wire_offer(wire, at_ns, unicast, len);
}

static unsigned take_all(struct bri_wire *wire, uint64_t now_ns)
{
	unsigned n = 0;

	for (; bri_wire_next(wire, now_ns); n++)
		bri_wire_pop(wire, true);
	return n;
}

static void test_delay_is_exact(void **state)
{
	struct bri_lab_link link = { .delay_ns = 10 * MS };
	struct bri_wire wire;

	(void)state;
	bri_wire_init(&wire, &link, 1);
	assert_true(bri_wire_deadline_ns(&wire) == BRI_NEVER);
	bri_wire_offer(&wire, 5 * MS, unicast, 100);
	assert_int_equal(bri_wire_deadline_ns(&wire), 15 * MS);
	assert_null(bri_wire_next(&wire, 15 * MS - 1));
	assert_non_null(bri_wire_next(&wire, 15 * MS));
	assert_memory_equal(bri_wire_next(&wire, 15 * MS)->data, unicast, 100);
	bri_wire_pop(&wire, true);
	assert_int_equal(wire.stats.frames, 1);
	assert_int_equal(wire.stats.bytes, 100);
	bri_wire_fini(&wire);
}

/* 8 Mbit/s: 1000 bytes take one millisecond; the transmitter is busy from the first bit on. */
static void test_rate_spaces_frames(void **state)
{
	struct bri_lab_link link = { .delay_ns = 10 * MS, .rate_bps = 8000000 };
	struct bri_wire wire;

	(void)state;
	bri_wire_init(&wire, &link, 1);
	offer_many(&wire, 0, 3, 1000);
	for (unsigned i = 1; i <= 3; i++) {
		assert_null(bri_wire_next(&wire, (10 + i) * MS - 1));
		assert_non_null(bri_wire_next(&wire, (10 + i) * MS));
		bri_wire_pop(&wire, true);
	}
	/* one that comes when the transmitter is idle starts at once */
	bri_wire_offer(&wire, 50 * MS, unicast, 1000);
	assert_int_equal(bri_wire_deadline_ns(&wire), 61 * MS);
	bri_wire_fini(&wire);
}

/* Waking up late must not stretch the schedule. */
static void test_late_wakeups_cost_nothing(void **state)
{
	struct bri_lab_link link = { .rate_bps = 8000000 };
	struct bri_wire wire;

	(void)state;
	bri_wire_init(&wire, &link, 1);
	offer_many(&wire, 0, 5, 1000);
	assert_int_equal(take_all(&wire, 3 * MS + MS / 2), 3);
	assert_int_equal(take_all(&wire, 5 * MS - 1), 1);
	assert_int_equal(take_all(&wire, 5 * MS), 1);
	bri_wire_fini(&wire);
}

static void test_queue_limit_and_one_more(void **state)
{
	struct bri_lab_link link = { .rate_bps = 8000000, .queue_bytes = 3000 };
	struct bri_wire wire;

	(void)state;
	bri_wire_init(&wire, &link, 1);
	offer_many(&wire, 0, 3, 1000);
	assert_int_equal(wire.stats.dropped_queue, 0);
	bri_wire_offer(&wire, 0, unicast, 14);
	assert_int_equal(wire.stats.dropped_queue, 1);
	assert_int_equal(wire.stats.dropped_queue_bytes, 14);
	/* after a millisecond one has left */
	bri_wire_offer(&wire, 1 * MS, unicast, 1000);
	assert_int_equal(wire.stats.dropped_queue, 1);
	assert_int_equal(wire.queue_bytes, 3000);
	assert_int_equal(take_all(&wire, 100 * MS), 4);
	bri_wire_fini(&wire);
}

static void test_default_queue(void **state)
{
	struct bri_lab_link small = { .rate_bps = 1000000, .delay_ns = 10 * MS };
	struct bri_lab_link big = { .rate_bps = 100000000, .delay_ns = 50 * MS };
	struct bri_lab_link given = { .rate_bps = 100000000, .queue_bytes = 1 };

	(void)state;
	assert_int_equal(bri_wire_queue_limit(&small), 65536);
	assert_int_equal(bri_wire_queue_limit(&big), 1250000); /* 100 Mbit/s * 100 ms */
	assert_int_equal(bri_wire_queue_limit(&given), 1);
}

/* A queue smaller than a frame still passes one frame at a time: a link is never dead by size. */
static void test_tiny_queue_passes_one(void **state)
{
	struct bri_lab_link link = { .rate_bps = 8000000, .queue_bytes = 1 };
	struct bri_wire wire;

	(void)state;
	bri_wire_init(&wire, &link, 1);
	offer_many(&wire, 0, 2, 1000);
	assert_int_equal(wire.stats.dropped_queue, 1);
	assert_int_equal(take_all(&wire, 1 * MS), 1);
	bri_wire_fini(&wire);
}

/* Runs 10000 frames through and returns a hash of which were lost. */
static uint64_t lose(uint64_t seed, bool with_multicast, uint64_t *ret_lost)
{
	struct bri_lab_link link = { .loss_ppm = 50000 };
	struct bri_wire wire;
	uint64_t hash;

	bri_wire_init(&wire, &link, seed);
	for (unsigned i = 0; i < 10000; i++) {
		if (with_multicast && i % 3 == 0)
			bri_wire_offer(&wire, i, multicast, sizeof(multicast));
		bri_wire_offer(&wire, i, unicast, 100);
		take_all(&wire, i);
	}
	hash = wire.stats.loss_hash;
	*ret_lost = wire.stats.dropped_loss;
	bri_wire_fini(&wire);
	return hash;
}

static void test_loss_depends_on_seed_alone(void **state)
{
	uint64_t lost, again, other, noisy;
	uint64_t hash = lose(42, false, &lost);

	(void)state;
	assert_true(lose(42, false, &again) == hash);
	assert_int_equal(again, lost);
	assert_true(lose(43, false, &other) != hash);
	/* ARP and neighbour noise does not shift what happens to the rest */
	assert_true(lose(42, true, &noisy) == hash);
	/* 5 % of 10000, five standard deviations (22) */
	assert_in_range(lost, 390, 610);
}

static void test_loss_limits(void **state)
{
	struct bri_lab_link all = { .loss_ppm = 1000000 }, none = { 0 };
	struct bri_wire wire;

	(void)state;
	bri_wire_init(&wire, &all, 9);
	offer_many(&wire, 0, 1000, 100);
	assert_int_equal(take_all(&wire, 1), 0);
	assert_int_equal(wire.stats.dropped_loss, 1000);
	bri_wire_fini(&wire);
	bri_wire_init(&wire, &none, 9);
	offer_many(&wire, 0, 1000, 100);
	assert_int_equal(take_all(&wire, 1), 1000);
	bri_wire_fini(&wire);
}

static void test_jitter_keeps_order(void **state)
{
	struct bri_lab_link link = { .delay_ns = 10 * MS, .jitter_ns = 10 * MS };
	uint64_t last_ns = 0, smallest_ns = BRI_NEVER, largest_ns = 0;
	struct bri_wire wire;
	uint8_t frame[100] = { 2 };

	(void)state;
	bri_wire_init(&wire, &link, 5);
	for (unsigned i = 0; i < 200; i++) {
		const struct bri_wire_frame *out;

		frame[20] = (uint8_t)i;
		bri_wire_offer(&wire, i * 30 * MS, frame, sizeof(frame));
		out = bri_wire_next(&wire, BRI_NEVER - 1);
		assert_non_null(out);
		assert_int_equal(((const uint8_t *)out->data)[20], i & 0xff);
		assert_true(out->at_ns >= last_ns);
		last_ns = out->at_ns;
		smallest_ns = bri_min_u64(smallest_ns, last_ns - i * 30 * MS);
		if (last_ns - i * 30 * MS > largest_ns)
			largest_ns = last_ns - i * 30 * MS;
		bri_wire_pop(&wire, true);
	}
	assert_true(smallest_ns >= 10 * MS && smallest_ns < 11 * MS);
	assert_true(largest_ns > 19 * MS && largest_ns <= 20 * MS);
	bri_wire_fini(&wire);
}

static void test_shorter_delay_does_not_overtake(void **state)
{
	struct bri_lab_link slow = { .delay_ns = 300 * MS }, fast = { .delay_ns = 10 * MS };
	struct bri_wire wire;

	(void)state;
	bri_wire_init(&wire, &slow, 5);
	bri_wire_offer(&wire, 0, unicast, 100);
	bri_wire_set(&wire, &fast, 1 * MS);
	bri_wire_offer(&wire, 2 * MS, unicast, 200);
	assert_null(bri_wire_next(&wire, 300 * MS - 1));
	assert_int_equal(bri_wire_next(&wire, 300 * MS)->len, 100);
	assert_int_equal(take_all(&wire, 300 * MS), 2);
	bri_wire_fini(&wire);
}

/* Half a frame sent at the old rate, the other half at the new one. */
static void test_rate_change_in_mid_frame(void **state)
{
	struct bri_lab_link slow = { .rate_bps = 8000 }, fast = { .rate_bps = 8000000 };
	struct bri_wire wire;

	(void)state;
	bri_wire_init(&wire, &slow, 5);
	offer_many(&wire, 0, 2, 1000); /* a second each */
	bri_wire_set(&wire, &fast, 500 * MS);
	assert_null(bri_wire_next(&wire, 500 * MS + MS / 2 - 1));
	assert_int_equal(take_all(&wire, 500 * MS + MS / 2), 1);
	assert_int_equal(take_all(&wire, 501 * MS + MS / 2), 1);
	bri_wire_fini(&wire);
}

static void test_closing_empties(void **state)
{
	struct bri_lab_link link = { .delay_ns = 10 * MS, .rate_bps = 8000000 };
	struct bri_wire wire;

	(void)state;
	bri_wire_init(&wire, &link, 5);
	offer_many(&wire, 0, 4, 1000);
	assert_null(bri_wire_next(&wire, 2 * MS)); /* two in flight, two queued */
	bri_wire_set_open(&wire, false);
	assert_int_equal(wire.stats.dropped_state, 4);
	bri_wire_offer(&wire, 3 * MS, unicast, 1000);
	assert_int_equal(wire.stats.dropped_state, 5);
	assert_true(bri_wire_deadline_ns(&wire) == BRI_NEVER);
	bri_wire_set_open(&wire, true);
	bri_wire_offer(&wire, 4 * MS, unicast, 1000);
	assert_int_equal(bri_wire_deadline_ns(&wire), 15 * MS);
	assert_int_equal(take_all(&wire, 15 * MS), 1);
	bri_wire_fini(&wire);
}

/* 65536 frames in flight, not one more, and none lost on the way to there. */
static void test_frame_limit(void **state)
{
	struct bri_lab_link link = { .delay_ns = 1000 * MS };
	struct bri_wire wire;

	(void)state;
	bri_wire_init(&wire, &link, 5);
	offer_many(&wire, 0, BRI_WIRE_MAX_FRAMES, 14);
	assert_int_equal(wire.stats.dropped_queue, 0);
	offer_many(&wire, 0, 1, 14);
	assert_int_equal(wire.stats.dropped_queue, 1);
	assert_int_equal(take_all(&wire, 1000 * MS), BRI_WIRE_MAX_FRAMES);
	bri_wire_fini(&wire);
}

static void test_frame_sizes(void **state)
{
	struct bri_lab_link link = { 0 };
	struct bri_wire wire;
	uint8_t big[BRI_WIRE_MAX_FRAME + 1] = { 2 };

	(void)state;
	bri_wire_init(&wire, &link, 5);
	bri_wire_offer(&wire, 0, big, 13);
	bri_wire_offer(&wire, 0, big, 14);
	bri_wire_offer(&wire, 0, big, BRI_WIRE_MAX_FRAME);
	bri_wire_offer(&wire, 0, big, BRI_WIRE_MAX_FRAME + 1);
	assert_int_equal(take_all(&wire, 0), 2);
	assert_int_equal(wire.stats.dropped_state, 2);
	bri_wire_fini(&wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delay_is_exact),
		cmocka_unit_test(test_rate_spaces_frames),
		cmocka_unit_test(test_late_wakeups_cost_nothing),
		cmocka_unit_test(test_queue_limit_and_one_more),
		cmocka_unit_test(test_default_queue),
		cmocka_unit_test(test_tiny_queue_passes_one),
		cmocka_unit_test(test_loss_depends_on_seed_alone),
		cmocka_unit_test(test_loss_limits),
		cmocka_unit_test(test_jitter_keeps_order),
		cmocka_unit_test(test_shorter_delay_does_not_overtake),
		cmocka_unit_test(test_rate_change_in_mid_frame),
		cmocka_unit_test(test_closing_empties),
		cmocka_unit_test(test_frame_limit),
		cmocka_unit_test(test_frame_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
