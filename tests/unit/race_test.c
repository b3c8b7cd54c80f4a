/* Happy Eyeballs on a virtual clock: the matrix of states and events, every deadline, random runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "stack/race.h"

#define MS          BRI_NS_PER_MS
#define T0          (1000 * MS)
#define NO_NAME     (-65538)
#define NO_RECORD   (-65554)
#define DNS_TIMEOUT (-65568)

/* Addresses are named by family and number: "6a" is 2001:db8::a, "4b" is 192.0.2.11. */
static union bri_sockaddr addr(const char *name)
{
	union bri_sockaddr a = { 0 };
	unsigned n = (unsigned)strtoul(name + 1, NULL, 36);

	if (name[0] == '6') {
		a.in6.sin6_family = AF_INET6;
		inet_pton(AF_INET6, "2001:db8::", &a.in6.sin6_addr);
		a.in6.sin6_addr.s6_addr[14] = (uint8_t)(n >> 8);
		a.in6.sin6_addr.s6_addr[15] = (uint8_t)n;
	} else {
		a.in.sin_family = AF_INET;
		a.in.sin_addr.s_addr = htonl(0xc0000200u + n);
	}
	bri_sockaddr_set_port(&a, 443);
	return a;
}

static void name_of(const union bri_sockaddr *a, char out[8])
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	unsigned v6 = a->sa.sa_family == AF_INET6;
	unsigned n = v6 ? a->in6.sin6_addr.s6_addr[15] : ntohl(a->in.sin_addr.s_addr) & 0xff;

	out[0] = v6 ? '6' : '4';
	out[1] = digits[n % 36];
	out[2] = 0;
}

/* answer(race, "6a 6b 6c", now): the family is that of the first; "6" or "4" alone: empty answer.
 */
static void answer(struct bri_race *race, const char *names, uint64_t now)
{
	union bri_sockaddr list[80];
	size_t n = 0;

	for (const char *p = names; *p; p += p[2] ? 3 : 2) {
		if (!p[1])
			break;
		list[n++] = addr((const char[]) { p[0], p[1], 0 });
	}
	bri_race_on_addresses(race, names[0] == '6' ? AF_INET6 : AF_INET, list, n, now);
}

static void fail_dns(struct bri_race *race, char family, int code, uint64_t now)
{
	bri_race_on_resolve_error(race, family == '6' ? AF_INET6 : AF_INET,
		(struct bri_race_error) { BRI_RACE_DNS, code }, now);
}

/*
 * pull(): all commands as text: "+1:6a" start, "-1" close, "=1" winner, "!61" none left with posix
 * error 61, "?-65538" none left with a dns error.
 */
static const char *pull(struct bri_race *race)
{
	static char out[1024];
	struct bri_race_command c;
	size_t at = 0;
	int guard = 0;

	out[0] = 0;
	while (bri_race_next(race, &c)) {
		char name[8];
		int n = 0;
		char *p = out + at;
		size_t left = sizeof(out) - at;

		assert_true(++guard < 100);
		if (at) {
			*p++ = ' ';
			at++, left--;
		}
		switch (c.kind) {
		case BRI_RACE_START:
			name_of(&c.address, name);
			n = snprintf(p, left, "+%u:%s", c.id, name);
			break;
		case BRI_RACE_CLOSE: n = snprintf(p, left, "-%u", c.id); break;
		case BRI_RACE_WINNER: n = snprintf(p, left, "=%u", c.id); break;
		case BRI_RACE_NONE_LEFT:
			n = snprintf(p, left, "%c%d",
				c.error.domain == BRI_RACE_POSIX ? '!'
				: c.error.domain == BRI_RACE_DNS ? '?'
								 : '#',
				c.error.code);
			break;
		}
		at += (size_t)n;
	}
	return out;
}

#define expect(race, text) assert_string_equal(pull(race), (text))

static struct bri_race begin(const struct bri_race_config *config)
{
	struct bri_race race;

	bri_race_init(&race, config, T0);
	expect(&race, "");
	assert_true(bri_race_deadline_ns(&race) == BRI_NEVER);
	return race;
}

/* Nothing happens one ns before the deadline, and nothing else is due. */
static void wait_until(struct bri_race *race, uint64_t deadline, const char *text)
{
	assert_true(bri_race_deadline_ns(race) == deadline);
	bri_race_expire(race, deadline - 1);
	expect(race, "");
	assert_true(bri_race_deadline_ns(race) == deadline);
	bri_race_expire(race, deadline);
	expect(race, text);
}

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
	bri_race_on_attempt_error(&race, 1, (struct bri_race_error) { BRI_RACE_TLS, -9808 }, T0);
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

/*
 * The whole matrix. Rows: how a state was reached; columns: the event; cells: the state after.
 * States: Resolving Holding rAcing sTarved Won Exhausted Stopped.
 * Events: 6 a new v6 address, 4 a new v4 address, x v6 error, y v4 error, s success of the oldest
 *         attempt, f its failure, k skip, t time passes to the deadline (or an hour), . stop
 */
static const char events[] = "64xysfkt.";
static const struct {
	const char *how;
	char state;
	const char *cells;
} matrix[] = {
	{ "", 'R', "AHRRRRRRS" },    /* nothing has answered */
	{ "x", 'R', "AARERRRRS" },   /* no v6 */
	{ "y", 'R', "AHERRRRRS" },   /* no v4 */
	{ "4", 'H', "AHAHHHHAS" },   /* v4 first */
	{ "6", 'A', "AAAAWTTAS" },   /* one attempt, v4 has not answered */
	{ "6y", 'A', "AAAAWEEAS" },  /* one attempt, there will be no more */
	{ "64", 'A', "AAAAWAAAS" },  /* one attempt, one address left */
	{ "64t", 'A', "AAAAWAAAS" }, /* two attempts */
	{ "4t", 'A', "AAAAWTTAS" },  /* one attempt, v6 has not answered */
	{ "6f", 'T', "AATETTTTS" },  /* v4 has not answered */
	{ "4tf", 'T', "AAETTTTTS" }, /* v6 has not answered */
	{ "6sk", 'T', "AATETTTTS" },
	{ "6s", 'W', "WWWWWWTWS" },
	{ "6ys", 'W', "WWWWWWEWS" },
	{ "64s", 'W', "WWWWWWAWS" },  /* one address not tried */
	{ "64ts", 'W', "WWWWWWAWS" }, /* one attempt lost */
	{ "xy", 'E', "EEEEEEEES" },
	{ "6yf", 'E', "EEEEEEEES" },
	{ "64sksk", 'E', "EEEEEEEES" },
	{ ".", 'S', "SSSSSSSSS" },
	{ "64s.", 'S', "SSSSSSSSS" },
};

static char letter(enum bri_race_state s)
{
	static const char letters[] = "RHATWES";

	return letters[s];
}

/* The driver of the matrix: fresh addresses, and the ids of open attempts, oldest first. */
struct driver {
	struct bri_race race;
	uint32_t open[2 * BRI_RACE_ADDRESSES_MAX];
	unsigned n_open;
	unsigned fresh;
	uint64_t now;
};

static void driver_pull(struct driver *d)
{
	struct bri_race_command c;

	while (bri_race_next(&d->race, &c)) {
		if (c.kind == BRI_RACE_START)
			d->open[d->n_open++] = c.id;
		else if (c.kind == BRI_RACE_WINNER)
			d->n_open = 0;
		for (unsigned i = 0; c.kind == BRI_RACE_CLOSE && i < d->n_open; i++)
			if (d->open[i] == c.id)
				memmove(&d->open[i], &d->open[i + 1],
					(--d->n_open - i) * sizeof(d->open[0]));
	}
}

static void driver_event(struct driver *d, char event)
{
	char name[3] = { event, "0123456789abcdefghij"[d->fresh % 20], 0 };
	uint32_t id = d->n_open ? d->open[0] : 0;
	uint64_t deadline = bri_race_deadline_ns(&d->race);

	d->now += MS;
	switch (event) {
	case '6':
	case '4':
		d->fresh++;
		answer(&d->race, name, d->now);
		break;
	case 'x': fail_dns(&d->race, '6', NO_RECORD, d->now); break;
	case 'y': fail_dns(&d->race, '4', NO_RECORD, d->now); break;
	case 's': bri_race_on_attempt_result(&d->race, id, 0, d->now); break;
	case 'f':
		bri_race_on_attempt_result(&d->race, id, -ETIMEDOUT, d->now);
		if (d->n_open)
			memmove(&d->open[0], &d->open[1], --d->n_open * sizeof(d->open[0]));
		break;
	case 'k': bri_race_on_skip(&d->race, d->now); break;
	case 't':
		d->now = deadline == BRI_NEVER ? d->now + 3600 * BRI_NS_PER_S : deadline;
		bri_race_expire(&d->race, d->now);
		break;
	case '.': bri_race_stop(&d->race); break;
	default: fail_msg("event %c", event);
	}
	driver_pull(d);
}

static void test_matrix(void **state)
{
	(void)state;
	assert_int_equal(letter(BRI_RACE_STOPPED), 'S');
	for (size_t row = 0; row < BRI_LEN(matrix); row++) {
		assert_int_equal(strlen(matrix[row].cells), strlen(events));
		for (size_t col = 0; events[col]; col++) {
			struct driver d = { .now = T0 };

			bri_race_init(&d.race, NULL, T0);
			for (const char *p = matrix[row].how; *p; p++)
				driver_event(&d, *p);
			if (letter(d.race.state) != matrix[row].state)
				fail_msg("after '%s': %c", matrix[row].how, letter(d.race.state));
			driver_event(&d, events[col]);
			if (letter(d.race.state) != matrix[row].cells[col])
				fail_msg("after '%s', %c: %c instead of %c", matrix[row].how,
					events[col], letter(d.race.state), matrix[row].cells[col]);
		}
	}
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

static uint64_t rng_state;

static unsigned rng(unsigned below)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return (unsigned)((rng_state >> 20) % below);
}

enum fate { UNKNOWN, OPEN, FAILED, CLOSED, WINNER };

/* The model that the random runs are compared with. */
struct model {
	enum fate fate[512];
	union bri_sockaddr address[512];
	unsigned n, open;
	uint32_t winner;
	uint64_t floor_ns; /* no start before this, unless something ended */
	bool over;
};

static void model_command(struct model *m, const struct bri_race_command *c, uint64_t now)
{
	switch (c->kind) {
	case BRI_RACE_START:
		assert_false(m->over);
		assert_int_equal(m->winner, 0);
		assert_int_equal(c->id, m->n + 1);
		assert_true(now >= m->floor_ns);
		for (unsigned i = 1; i <= m->n; i++) /* never two at once to one address */
			assert_false(m->fate[i] == OPEN &&
				     bri_sockaddr_equal(&m->address[i], &c->address));
		m->n++;
		m->fate[c->id] = OPEN;
		m->address[c->id] = c->address;
		m->floor_ns = now + 250 * MS;
		assert_true(++m->open <= BRI_RACE_IN_FLIGHT_MAX);
		break;
	case BRI_RACE_CLOSE:
		assert_true(m->fate[c->id] == OPEN || m->fate[c->id] == WINNER);
		if (m->fate[c->id] == OPEN)
			m->open--;
		else
			m->winner = 0;
		m->fate[c->id] = CLOSED;
		break;
	case BRI_RACE_WINNER:
		assert_false(m->over);
		assert_int_equal(m->winner, 0);
		assert_true(m->fate[c->id] == OPEN);
		m->fate[c->id] = WINNER;
		m->winner = c->id;
		m->open--;
		assert_int_equal(m->open, 0);
		break;
	case BRI_RACE_NONE_LEFT:
		assert_false(m->over);
		assert_int_equal(m->open, 0);
		assert_int_equal(m->winner, 0);
		assert_true(c->error.code != 0);
		m->over = true;
		break;
	}
}

/* Within a family, nobody starts for the first time before one that is preferred. */
static void check_preference(const struct bri_race *race, const union bri_sockaddr *started)
{
	for (unsigned f = 0; f < 2; f++) {
		bool seen = false;

		for (unsigned i = 0; i < race->lists[f].n; i++) {
			const struct bri_race_entry *e = &race->lists[f].entries[i];

			seen = seen || bri_sockaddr_equal(&e->address, started);
			if (!seen && e->address.sa.sa_family == started->sa.sa_family)
				assert_true(e->id != 0);
		}
	}
}

static uint32_t random_open(const struct model *m)
{
	unsigned from = m->n ? rng(m->n) : 0;

	for (unsigned i = 0; i < m->n; i++) {
		uint32_t id = (from + i) % m->n + 1;

		if (m->fate[id] == OPEN)
			return id;
	}
	return 0;
}

static void random_answer(struct bri_race *race, uint64_t now)
{
	union bri_sockaddr list[40];
	size_t n = rng(8) ? rng(6) : rng(40);
	bool v6 = rng(2);

	for (size_t i = 0; i < n; i++) {
		char name[3] = { v6 ? '6' : '4', "0123456789abcdefghijklmnopqrstuvwxyz"[rng(36)],
			0 };

		list[i] = addr(name);
	}
	bri_race_on_addresses(race, v6 ? AF_INET6 : AF_INET, list, n, now);
}

static void random_event(struct bri_race *race, struct model *m, uint64_t *now)
{
	uint32_t id = random_open(m);
	uint64_t deadline = bri_race_deadline_ns(race);
	unsigned what = rng(20);

	if (what < 9) {
		*now = deadline == BRI_NEVER || deadline < *now ? *now + rng(1000) * MS
		       : rng(3)                                 ? deadline
								: deadline - rng(2);
		bri_race_expire(race, *now);
	} else if (what < 14 && id) {
		m->fate[id] = FAILED;
		m->open--;
		m->floor_ns = 0; /* the next may follow at once */
		bri_race_on_attempt_result(race, id, rng(2) ? -ECONNREFUSED : -ETIMEDOUT, *now);
	} else if (what == 14 && id && !rng(4)) {
		bri_race_on_attempt_result(race, id, 0, *now);
	} else if (what == 15 && !rng(3)) {
		m->floor_ns = 0;
		bri_race_on_skip(race, *now);
	} else if (what == 16) {
		/* stale or invented */
		id = rng(100);
		if (id > m->n || m->fate[id] != OPEN)
			bri_race_on_attempt_result(race, id, rng(2) ? 0 : -EPROTO, *now);
	} else if (what == 17) {
		random_answer(race, *now);
	} else if (what == 18 && !rng(4)) {
		fail_dns(race, rng(2) ? '6' : '4', rng(2) ? NO_NAME : DNS_TIMEOUT, *now);
	}
}

static void random_run(void)
{
	static struct model m;
	struct bri_race race;
	struct bri_race_command c;
	uint64_t now = T0;
	unsigned outcomes = 0;

	memset(&m, 0, sizeof(m));
	bri_race_init(&race, NULL, now);
	for (unsigned step = 0; step < 120; step++) {
		random_event(&race, &m, &now);
		for (unsigned guard = 0; bri_race_next(&race, &c); guard++) {
			assert_true(guard < 200);
			outcomes += c.kind == BRI_RACE_WINNER;
			model_command(&m, &c, now);
			if (c.kind == BRI_RACE_START)
				check_preference(&race, &c.address);
		}
		/* progress: addresses left, nothing running and no deadline would be a standstill
		 */
		if (race.state == BRI_RACE_RACING && !m.open)
			assert_true(bri_race_deadline_ns(&race) != BRI_NEVER);
		if (race.state == BRI_RACE_HOLDING)
			assert_true(bri_race_deadline_ns(&race) <= now + 50 * MS);
	}
	bri_race_stop(&race);
	while (bri_race_next(&race, &c))
		model_command(&m, &c, now);
	for (unsigned i = 1; i <= m.n; i++)
		assert_true(m.fate[i] == FAILED || m.fate[i] == CLOSED);
	assert_int_equal(m.open, 0);
	assert_int_equal(m.winner, 0);
	assert_true(outcomes <= m.n);
}

static void test_random(void **state)
{
	const char *text = getenv("BRAID_TEST_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : 20261121;

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	for (unsigned i = 0; i < 20000; i++) {
		rng_state = (seed + i) * UINT64_C(0x9e3779b97f4a7c15) | 1;
		random_run();
	}
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
		cmocka_unit_test(test_error_choice),
		cmocka_unit_test(test_tls_error_is_kept),
		cmocka_unit_test(test_skip),
		cmocka_unit_test(test_skip_the_winner),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_matrix),
		cmocka_unit_test(test_time_does_not_go_back),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
