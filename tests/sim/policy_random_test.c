/* Facts of all kinds in any order, true and false: nothing crashes, and what must hold holds. */
#include "policy_util.h"
#include <errno.h>
#include "mirror.h"

#define TOKENS    5u
#define ADDRESSES 7u

static uint64_t state_of_chance;

static uint64_t chance(uint64_t below)
{
	uint64_t z = (state_of_chance += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31)) % below;
}

static uint32_t token(void)
{
	return 0x1000u + (uint32_t)chance(TOKENS);
}

static struct bri_policy_wish any_wish(void)
{
	struct bri_policy_wish w = { .service = (enum bri_service)chance(4), .cold = !chance(4) };

	if (!chance(6))
		w.only_mask = (uint32_t)chance(32);
	if (!chance(6)) {
		w.n_required = 1;
		w.required[0] = 10 + (uint32_t)chance(ADDRESSES);
	}
	if (!chance(4)) {
		w.n_prohibited = 1;
		w.prohibited[0] = 10 + (uint32_t)chance(ADDRESSES);
	}
	return w;
}

static void tell_addresses(struct mirror *m)
{
	struct bri_policy_address list[ADDRESSES];
	size_t n = 0;

	for (unsigned i = 0; i < ADDRESSES; i++) {
		if (!chance(4))
			continue;
		list[n] = mirror_address(i, (enum bri_path_kind)(i % 5), chance(4) != 0);
		list[n].metered = !chance(3);
		list[n].order = (int32_t)chance(3);
		n++;
	}
	mirror_addresses(m, list, n);
}

static struct bri_policy_tuple any_tuple(struct mirror *m, uint32_t t)
{
	struct mirror_connection *c = mirror_find(m, t);
	struct bri_policy_tuple tuple = { .local = mirror_ip((unsigned)chance(ADDRESSES)),
		.remote = mirror_remote(0),
		.local_port = (uint16_t)chance(70),
		.remote_port = 443 };
	size_t i = chance(MIRROR_SUBFLOWS);

	for (size_t k = 0; c && k < MIRROR_SUBFLOWS && chance(20); k++, i++) {
		if (c->subflows[i % MIRROR_SUBFLOWS].alive)
			return c->subflows[i % MIRROR_SUBFLOWS].subflow.tuple;
	}
	return tuple;
}

static void tell_connection(struct mirror *m)
{
	struct bri_policy_connection c = { .token = token(),
		.server_side = !chance(5),
		.deny_join_id0 = !chance(5),
		.wish = any_wish() };

	c.initial.local = mirror_ip((unsigned)chance(ADDRESSES));
	c.initial.remote = mirror_remote(0);
	c.initial.local_port = (uint16_t)(1000 + c.token);
	c.initial.remote_port = 443;
	if (mirror_find(m, c.token)) {
		mirror_wish(m, c.token, &c.wish);
		return;
	}
	mirror_connect(m, &c);
	if (chance(8)) {
		struct bri_policy_subflow f = { .tuple = c.initial };

		mirror_up(m, c.token, &f);
	}
}

/* A subflow of the kernel's, that nobody asked for: on a server, or a peer's doing. Its id is the
 * one that its address has already, as the kernel sees to. */
static void tell_subflow(struct mirror *m)
{
	uint32_t t = token();
	struct mirror_connection *c = mirror_find(m, t);
	struct bri_policy_subflow f = { .tuple = any_tuple(m, t), .backup = chance(2) };

	if (c && !c->server_side)
		return;
	f.local_id = 0;
	f.remote_id = (uint8_t)chance(5);
	f.tuple.local = mirror_ip(0);
	f.tuple.remote = mirror_remote((unsigned)chance(4));
	f.tuple.remote_port = (uint16_t)(1 + chance(5));
	f.tuple.local_port = 443;
	mirror_up(m, t, &f);
}

static struct bri_policy_sample any_sample(void)
{
	static const uint32_t ages[] = { 0, 4, 20, 80, 300, 4000, UINT32_MAX };
	struct bri_policy_sample s = { .established = chance(10) != 0,
		.rtt_us = (uint32_t)chance(300000),
		.rttvar_us = (uint32_t)chance(100000),
		.rto_us = 200000 + (uint32_t)chance(1000000),
		.unacked = chance(2) ? (uint32_t)chance(50) : 0,
		.notsent_bytes = chance(3) ? 0 : (uint32_t)chance(100000),
		.retransmits = chance(5) ? 0 : (uint32_t)chance(16),
		.total_retrans = (uint32_t)chance(1000),
		.last_ack_ms = ages[chance(BRI_LEN(ages))],
		.last_data_recv_ms = ages[chance(BRI_LEN(ages))],
		.bytes_acked = chance(1u << 30),
		.bytes_received = chance(1u << 30),
		.data_segs = (uint32_t)chance(1u << 20) };

	s.bytes_sent = s.bytes_acked + chance(1u << 20);
	if (!chance(50)) { /* as far from sense as can be */
		memset(&s, 0xff, sizeof(s));
		memset(&s.established, 1, sizeof(s.established));
	}
	return s;
}

static void answer_samples(struct mirror *m)
{
	struct bri_policy_command asked[256];
	size_t n = m->n_last;

	memcpy(asked, m->last, n * sizeof(*asked));
	for (size_t i = 0; i < n; i++) {
		struct bri_policy_sample s = any_sample();

		if (asked[i].what == BRI_POLICY_SAMPLE && chance(4))
			mirror_sample(m, asked[i].token, &asked[i].tuple, chance(30) ? &s : NULL);
	}
}

static void refuse_something(struct mirror *m)
{
	static const int errors[] = { ESRCH, ENOENT, ENOTCONN, EINVAL, EADDRNOTAVAIL, ENETUNREACH };
	struct bri_policy_command c;

	if (!m->n_last)
		return;
	c = m->last[chance(m->n_last)];
	mirror_refuse(m, &c, errors[chance(BRI_LEN(errors))]);
}

static void announce(struct mirror *m)
{
	struct bri_ip ip = mirror_remote((unsigned)chance(12));

	bri_policy_on_announced(m->p, token(), (uint8_t)chance(12), &ip,
		chance(2) ? (uint16_t)chance(65536) : 0, m->now_ns);
	mirror_turn(m);
}

static void one_fact(struct mirror *m)
{
	uint32_t t = token();
	struct bri_policy_tuple tuple = any_tuple(m, t);
	struct bri_policy_sample sample = any_sample();
	static const uint8_t errors[] = { 0, 103, 104, 110, 111, 113 };

	switch (chance(16)) {
	case 0: tell_addresses(m); return;
	case 1: tell_connection(m); return;
	case 2:
		if (!chance(4))
			mirror_close(m, t);
		return;
	case 3:
		mirror_wish(
			m, t, &(struct bri_policy_wish) { .service = (enum bri_service)chance(4) });
		return;
	case 4: tell_subflow(m); return;
	case 5: mirror_down(m, t, &tuple, errors[chance(6)], (uint32_t)chance(7)); return;
	case 6: announce(m); return;
	case 7: bri_policy_on_removed(m->p, t, (uint8_t)chance(12)); return;
	case 8:
		bri_policy_on_activity(m->p, t, m->now_ns);
		mirror_turn(m);
		return;
	case 9: mirror_sample(m, t, &tuple, chance(30) ? &sample : NULL); return;
	case 10: refuse_something(m); return;
	case 11:
	case 12:
	case 13: mirror_answer(m, t); return;
	default: answer_samples(m); return;
	}
}

static void run_seed(uint64_t seed, unsigned steps)
{
	static const uint64_t spans[] = { 0, 1000, MS, 10 * MS, 50 * MS, 300 * MS, 2 * S, 20 * S };
	struct mirror *m = mirror_new();
	char what[32];

	snprintf(what, sizeof(what), "seed %lu", (unsigned long)seed);
	m->what = what;
	state_of_chance = seed;
	tell_addresses(m);
	tell_connection(m);
	for (unsigned i = 0; i < steps && !m->bad; i++) {
		one_fact(m);
		mirror_pass(m, spans[chance(BRI_LEN(spans))]);
		if (chance(3))
			answer_samples(m);
	}
	if (m->bad)
		printf("seed %lu: %u violations\n", (unsigned long)seed, m->bad);
	assert_int_equal(m->bad, 0);
	mirror_free(m);
}

static void many_seeds(void **state)
{
	const char *given = getenv("SIM_SEED");

	(void)state;
	if (given) {
		run_seed(strtoull(given, NULL, 10), 20000);
		return;
	}
	for (uint64_t seed = 1; seed <= 200; seed++)
		run_seed(seed, 500);
}

static void one_long_run(void **state)
{
	(void)state;
	run_seed(424242, 50000);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_seeds),
		cmocka_unit_test(one_long_run),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
