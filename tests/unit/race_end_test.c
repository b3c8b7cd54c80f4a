/* How a race ends: the error that is told of many, skips (of the winner, too), stop. Does not know
 * the order of addresses beyond the next one. */
#include <errno.h>
#include <stdio.h>
#include "race_util.h"

/* Which error is reported, for each pair of errors in both orders. */
static void test_error_choice(void **state)
{
	static const int order[] = { ECANCELED, EADDRNOTAVAIL, ENETUNREACH, ETIMEDOUT, ECONNREFUSED,
		ECONNRESET };
	static const struct {
		int v6, v4, reported;
	} dns[] = {
		{ NO_NAME, NO_NAME, NO_NAME },
		{ NO_RECORD, NO_RECORD, NO_RECORD },
		{ NO_RECORD, DNS_TIMEOUT, DNS_TIMEOUT },
		{ DNS_TIMEOUT, NO_RECORD, DNS_TIMEOUT },
		{ NO_NAME, DNS_TIMEOUT, NO_NAME },
		{ DNS_TIMEOUT, NO_NAME, NO_NAME },
		{ NO_RECORD, NO_NAME, NO_NAME },
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < BRI_LEN(order); i++) {
		for (size_t j = 0; j < BRI_LEN(order); j++) {
			struct bri_race race = begin(NULL);

			answer(&race, "6a", T0);
			answer(&race, "4a", T0);
			bri_race_expire(&race, T0 + 250 * MS);
			pull(&race);
			bri_race_on_attempt_result(&race, 1, -order[i], T0);
			pull(&race);
			bri_race_on_attempt_result(&race, 2, -order[j], T0);
			snprintf(text, sizeof(text), "!%d", order[i > j ? i : j]);
			expect(&race, text);
		}
	}
	for (size_t i = 0; i < BRI_LEN(dns); i++) {
		struct bri_race race = begin(NULL);

		fail_dns(&race, '6', dns[i].v6, T0);
		expect(&race, "");
		fail_dns(&race, '4', dns[i].v4, T0);
		snprintf(text, sizeof(text), "?%d", dns[i].reported);
		expect(&race, text);
	}
}

static void test_tls_error_is_kept(void **state)
{
	struct bri_race race = begin(NULL);

	(void)state;
	answer(&race, "6a 6b", T0);
	answer(&race, "4", T0);
	expect(&race, "+1:6a");
	bri_race_on_attempt_error(
		&race, 1, (struct bri_race_error) { .domain = BRI_RACE_TLS, .code = -9808 }, T0);
	expect(&race, "+2:6b");
	bri_race_on_attempt_result(&race, 2, -ECONNREFUSED, T0);
	expect(&race, "#-9808");
}

static void test_skip(void **state)
{
	struct bri_race race = begin(NULL);

	(void)state;
	answer(&race, "6a 6b 6c", T0);
	answer(&race, "4", T0);
	expect(&race, "+1:6a");
	bri_race_on_skip(&race, T0 + 1);
	expect(&race, "-1 +2:6b");
	wait_until(&race, T0 + 1 + 250 * MS, "+3:6c");
	/* the older of the two is the current one; the younger one already is the next */
	bri_race_on_skip(&race, T0 + 300 * MS);
	expect(&race, "-2");
	bri_race_on_skip(&race, T0 + 301 * MS);
	expect(&race, "-3 !125");
	bri_race_on_skip(&race, T0 + 302 * MS);
	expect(&race, "");
}

static void test_skip_the_winner(void **state)
{
	struct bri_race race = begin(NULL);

	(void)state;
	answer(&race, "6a 6b", T0);
	answer(&race, "4a", T0);
	expect(&race, "+1:6a");
	wait_until(&race, T0 + 250 * MS, "+2:4a");
	bri_race_on_attempt_result(&race, 2, 0, T0 + 260 * MS);
	expect(&race, "-1 =2");
	bri_race_on_skip(&race, T0 + 270 * MS);
	/* what lost gets another chance, as a new attempt, before what was never tried */
	expect(&race, "-2 +3:6a");
	bri_race_on_attempt_result(&race, 1, 0, T0 + 271 * MS);
	expect(&race, "");
	wait_until(&race, T0 + 520 * MS, "+4:6b");
	bri_race_on_attempt_result(&race, 3, 0, T0 + 530 * MS);
	/* skipped before the loser's CLOSE was pulled: still closed, and before it is tried again
	 */
	bri_race_on_skip(&race, T0 + 530 * MS);
	expect(&race, "-3 -4 +5:6b");
	bri_race_on_attempt_result(&race, 5, 0, T0 + 540 * MS);
	expect(&race, "=5");
	bri_race_on_skip(&race, T0 + 541 * MS);
	expect(&race, "-5 !125");

	/* the winner was all there was, and a family has not answered */
	race = begin(NULL);
	answer(&race, "6a", T0);
	expect(&race, "+1:6a");
	bri_race_on_attempt_result(&race, 1, 0, T0);
	expect(&race, "=1");
	bri_race_on_skip(&race, T0);
	expect(&race, "-1");
	assert_int_equal(race.state, BRI_RACE_STARVED);
	answer(&race, "4a", T0 + 1);
	expect(&race, "+2:4a");
}

static void test_stop(void **state)
{
	struct bri_race race = begin(NULL);

	(void)state;
	answer(&race, "6a 6b", T0);
	expect(&race, "+1:6a");
	wait_until(&race, T0 + 250 * MS, "+2:6b");
	bri_race_stop(&race);
	bri_race_stop(&race);
	expect(&race, "-1 -2");
	answer(&race, "4a", T0 + 260 * MS);
	bri_race_on_attempt_result(&race, 1, 0, T0 + 261 * MS);
	bri_race_on_skip(&race, T0 + 262 * MS);
	bri_race_expire(&race, T0 + 9999 * MS);
	expect(&race, "");
	assert_true(bri_race_deadline_ns(&race) == BRI_NEVER);
	assert_int_equal(race.state, BRI_RACE_STOPPED);

	race = begin(NULL);
	answer(&race, "6a", T0);
	expect(&race, "+1:6a");
	bri_race_on_attempt_result(&race, 1, 0, T0);
	expect(&race, "=1");
	bri_race_stop(&race);
	expect(&race, "-1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error_choice),
		cmocka_unit_test(test_tls_error_is_kept),
		cmocka_unit_test(test_skip),
		cmocka_unit_test(test_skip_the_winner),
		cmocka_unit_test(test_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
