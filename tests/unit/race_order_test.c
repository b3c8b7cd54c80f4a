/* Happy Eyeballs: which address is next, and when, one nanosecond before and on each deadline. Does
 * not know how a race ends. */
#include <errno.h>
#include <string.h>
#include "race_util.h"

static void test_v6_first_starts_at_once(void **state)
{
	struct bri_race race = begin(NULL);

	(void)state;
	answer(&race, "6a 6b", T0 + 5 * MS);
	expect(&race, "+1:6a");
	answer(&race, "4a 4b", T0 + 6 * MS);
	expect(&race, "");
	wait_until(&race, T0 + 255 * MS, "+2:4a");
	wait_until(&race, T0 + 505 * MS, "+3:6b");
	wait_until(&race, T0 + 755 * MS, "+4:4b");
	assert_true(bri_race_deadline_ns(&race) == BRI_NEVER);
	bri_race_on_attempt_result(&race, 3, 0, T0 + 760 * MS);
	expect(&race, "-1 -2 -4 =3");
	assert_true(bri_race_deadline_ns(&race) == BRI_NEVER);
	assert_int_equal(bri_race_started(&race), 4);
	assert_int_equal(bri_race_known(&race, AF_INET), 2);
	bri_race_on_attempt_result(&race, 1, 0, T0 + 761 * MS);
	bri_race_on_attempt_result(&race, 2, -ECONNREFUSED, T0 + 761 * MS);
	bri_race_expire(&race, T0 + 9999 * MS);
	expect(&race, "");
}

static void test_v4_first_is_held(void **state)
{
	struct bri_race race = begin(NULL);

	(void)state;
	answer(&race, "4a", T0);
	expect(&race, "");
	wait_until(&race, T0 + 50 * MS, "+1:4a");
	assert_true(bri_race_deadline_ns(&race) == BRI_NEVER);
	/* the late first family is next in turn, when the attempt delay is over */
	answer(&race, "6a 6b", T0 + 60 * MS);
	expect(&race, "");
	wait_until(&race, T0 + 300 * MS, "+2:6a");
	wait_until(&race, T0 + 550 * MS, "+3:6b");
}

static void test_v6_ends_the_hold(void **state)
{
	struct bri_race race = begin(NULL);

	(void)state;
	answer(&race, "4a", T0);
	answer(&race, "6a", T0 + 50 * MS - 1);
	expect(&race, "+1:6a");
	wait_until(&race, T0 + 300 * MS - 1, "+2:4a");
	assert_true(bri_race_deadline_ns(&race) == BRI_NEVER);

	race = begin(NULL);
	answer(&race, "4a", T0);
	fail_dns(&race, '6', NO_RECORD, T0 + 20 * MS);
	expect(&race, "+1:4a");

	race = begin(NULL);
	answer(&race, "4a", T0);
	answer(&race, "6", T0 + 20 * MS);
	expect(&race, "+1:4a");

	race = begin(NULL);
	fail_dns(&race, '6', NO_RECORD, T0);
	expect(&race, "");
	answer(&race, "4a", T0 + 20 * MS);
	expect(&race, "+1:4a");
}

static void test_late_v6_overtakes_waiting_v4(void **state)
{
	struct bri_race race = begin(NULL);

	(void)state;
	answer(&race, "4a 4b 4c 4d", T0);
	wait_until(&race, T0 + 50 * MS, "+1:4a");
	wait_until(&race, T0 + 300 * MS, "+2:4b");
	answer(&race, "6a", T0 + 310 * MS);
	wait_until(&race, T0 + 550 * MS, "+3:6a");
	wait_until(&race, T0 + 800 * MS, "+4:4c");
	wait_until(&race, T0 + 1050 * MS, "+5:4d");
}

static void test_failure_starts_the_next_at_once(void **state)
{
	struct bri_race race = begin(NULL);

	(void)state;
	answer(&race, "6a 6b", T0);
	answer(&race, "4a", T0);
	expect(&race, "+1:6a");
	bri_race_on_attempt_result(&race, 1, -ENETUNREACH, T0 + 1);
	expect(&race, "+2:4a");
	wait_until(&race, T0 + 1 + 250 * MS, "+3:6b");
	bri_race_on_attempt_result(&race, 2, -ECONNREFUSED, T0 + 300 * MS);
	expect(&race, "");
	bri_race_on_attempt_result(&race, 3, -ETIMEDOUT, T0 + 400 * MS);
	expect(&race, "!111");
	bri_race_expire(&race, T0 + 500 * MS);
	expect(&race, "");
}

static void test_starved_waits_for_the_other_family(void **state)
{
	struct bri_race race = begin(NULL);

	(void)state;
	answer(&race, "6a", T0);
	expect(&race, "+1:6a");
	bri_race_on_attempt_result(&race, 1, -ECONNREFUSED, T0 + 1);
	expect(&race, "");
	assert_int_equal(race.state, BRI_RACE_STARVED);
	assert_true(bri_race_deadline_ns(&race) == BRI_NEVER);
	answer(&race, "4a", T0 + 3000 * MS);
	expect(&race, "+2:4a");
	bri_race_on_attempt_result(&race, 2, 0, T0 + 3001 * MS);
	expect(&race, "=2");

	race = begin(NULL);
	answer(&race, "6a", T0);
	expect(&race, "+1:6a");
	bri_race_on_attempt_result(&race, 1, -ECONNREFUSED, T0 + 1);
	fail_dns(&race, '4', DNS_TIMEOUT, T0 + 2);
	expect(&race, "!111");
}

static void test_config(void **state)
{
	struct bri_race race = begin(&(struct bri_race_config) { .attempt_delay_ns = 1 });
	const struct bri_race_config v4_first = { .prefer_v4 = true, .first_family_count = 2 };

	(void)state;
	answer(&race, "6a 6b", T0);
	expect(&race, "+1:6a");
	wait_until(&race, T0 + 10 * MS, "+2:6b");
	race = begin(&(struct bri_race_config) { .attempt_delay_ns = 9 * BRI_NS_PER_S });
	answer(&race, "6a 6b", T0);
	expect(&race, "+1:6a");
	wait_until(&race, T0 + 2000 * MS, "+2:6b");
	race = begin(&(struct bri_race_config) { .attempt_delay_ns = 100 * MS });
	answer(&race, "6a 6b", T0);
	expect(&race, "+1:6a");
	wait_until(&race, T0 + 100 * MS, "+2:6b");

	race = begin(&v4_first);
	answer(&race, "6a 6b", T0);
	expect(&race, "");
	answer(&race, "4a 4b 4c 4d", T0 + 10 * MS);
	expect(&race, "+1:4a");
	wait_until(&race, T0 + 260 * MS, "+2:4b");
	wait_until(&race, T0 + 510 * MS, "+3:6a");
	wait_until(&race, T0 + 760 * MS, "+4:4c");
	wait_until(&race, T0 + 1010 * MS, "+5:6b");
	wait_until(&race, T0 + 1260 * MS, "+6:4d");

	race = begin(&(struct bri_race_config) { .resolution_delay_ns = 1 });
	answer(&race, "4a", T0);
	wait_until(&race, T0 + 1, "+1:4a");
}

static void test_one_address(void **state)
{
	struct bri_race race = begin(&(struct bri_race_config) { .families = BRI_RACE_V4 });

	(void)state;
	answer(&race, "4a", T0);
	expect(&race, "+1:4a");
	assert_true(bri_race_deadline_ns(&race) == BRI_NEVER);
	bri_race_on_attempt_result(&race, 1, -EHOSTUNREACH, T0 + 1);
	expect(&race, "!113");

	race = begin(&(struct bri_race_config) { .families = BRI_RACE_V6 });
	answer(&race, "6a", T0);
	expect(&race, "+1:6a");
	bri_race_on_attempt_result(&race, 1, 0, T0 + 1);
	expect(&race, "=1");
}

static void test_mapped_and_duplicate_addresses(void **state)
{
	struct bri_race race = begin(NULL);
	union bri_sockaddr mapped = { 0 }, plain = addr("4a");

	(void)state;
	mapped.in6.sin6_family = AF_INET6;
	mapped.in6.sin6_port = plain.in.sin_port;
	memset(&mapped.in6.sin6_addr.s6_addr[10], 0xff, 2);
	memcpy(&mapped.in6.sin6_addr.s6_addr[12], &plain.in.sin_addr, 4);
	bri_race_on_addresses(&race, AF_INET6, &mapped, 1, T0);
	expect(&race, "+1:4a");
	answer(&race, "4a 4b 4a 4b", T0);
	assert_int_equal(bri_race_known(&race, AF_INET), 2);
	bri_race_on_attempt_result(&race, 1, -ETIMEDOUT, T0);
	expect(&race, "+2:4b");
	bri_race_on_attempt_result(&race, 2, -ETIMEDOUT, T0);
	expect(&race, "!110");
}

static void test_limits(void **state)
{
	struct bri_race race;
	union bri_sockaddr list[BRI_RACE_ADDRESSES_MAX + 1];
	struct bri_race_command c;
	uint64_t now = T0;

	(void)state;
	for (unsigned n = BRI_RACE_ADDRESSES_MAX - 1; n <= BRI_RACE_ADDRESSES_MAX + 1; n++) {
		race = begin(NULL);
		for (unsigned i = 0; i < n; i++) {
			list[i] = addr("60");
			list[i].in6.sin6_addr.s6_addr[15] = (uint8_t)i;
		}
		bri_race_on_addresses(&race, AF_INET6, list, n, T0);
		assert_int_equal(bri_race_known(&race, AF_INET6),
			n < BRI_RACE_ADDRESSES_MAX ? n : BRI_RACE_ADDRESSES_MAX);
	}
	/* the other family is not crowded out */
	answer(&race, "4a", T0);
	assert_int_equal(bri_race_known(&race, AF_INET), 1);
	for (unsigned i = 0; i < BRI_RACE_IN_FLIGHT_MAX; i++) {
		assert_true(bri_race_next(&race, &c));
		assert_int_equal(c.kind, BRI_RACE_START);
		assert_false(bri_race_next(&race, &c));
		if (i + 1 < BRI_RACE_IN_FLIGHT_MAX) {
			now = bri_race_deadline_ns(&race);
			bri_race_expire(&race, now);
		}
	}
	assert_true(bri_race_deadline_ns(&race) == BRI_NEVER);
	bri_race_expire(&race, now + 3600 * BRI_NS_PER_S);
	expect(&race, "");
	/* a place becomes free: used at once */
	bri_race_on_attempt_result(&race, 1, -ETIMEDOUT, now + 3600 * BRI_NS_PER_S);
	assert_true(bri_race_next(&race, &c));
	assert_int_equal(c.id, BRI_RACE_IN_FLIGHT_MAX + 1);
	assert_false(bri_race_next(&race, &c));
}

static void test_time_does_not_go_back(void **state)
{
	struct bri_race race = begin(NULL);

	(void)state;
	answer(&race, "4a", T0 + 10 * MS);
	bri_race_expire(&race, T0);
	expect(&race, "");
	assert_true(bri_race_deadline_ns(&race) == T0 + 60 * MS);
	race = begin(NULL);
	answer(&race, "6a 6b", T0 + 10 * MS);
	bri_race_expire(&race, T0);
	expect(&race, "+1:6a");
	assert_true(bri_race_deadline_ns(&race) == T0 + 260 * MS);
	race = begin(NULL);
	answer(&race, "4a", T0 + 10 * MS);
	/* a late timer counts from when it came */
	bri_race_expire(&race, T0 + 90 * MS);
	expect(&race, "+1:4a");
	answer(&race, "4b", T0 + 90 * MS);
	wait_until(&race, T0 + 340 * MS, "+2:4b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v6_first_starts_at_once),
		cmocka_unit_test(test_v4_first_is_held),
		cmocka_unit_test(test_v6_ends_the_hold),
		cmocka_unit_test(test_late_v6_overtakes_waiting_v4),
		cmocka_unit_test(test_failure_starts_the_next_at_once),
		cmocka_unit_test(test_starved_waits_for_the_other_family),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_one_address),
		cmocka_unit_test(test_mapped_and_duplicate_addresses),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_time_does_not_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
