/* Random races against a model of what must never happen: it knows the promises, not the rules by
 * which the race keeps them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "race_util.h"

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
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
