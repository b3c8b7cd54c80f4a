/*
 * The policy told by hand: servers, peers that want no joins to their address, many connections;
 * and the matrix of what a path can be and what can happen to it, twice in a row.
 */
#include "policy_util.h"
#include <errno.h>
#include <time.h>
#include "mirror.h"

#define TOKEN 0x2000u

static struct bri_policy_connection connection(enum bri_service service)
{
	struct bri_policy_connection c = { .token = TOKEN, .wish = { .service = service } };

	c.initial = (struct bri_policy_tuple) { .local = mirror_ip(0),
		.remote = mirror_remote(0),
		.local_port = 1000,
		.remote_port = 443 };
	return c;
}

static void two_addresses(struct mirror *m)
{
	struct bri_policy_address list[2] = { mirror_address(0, BRI_PATH_WIFI, true),
		mirror_address(1, BRI_PATH_CELLULAR, true) };

	mirror_addresses(m, list, 2);
}

static void start(struct mirror *m, const struct bri_policy_connection *c)
{
	struct bri_policy_subflow f = { .tuple = c->initial };

	mirror_connect(m, c);
	mirror_up(m, c->token, &f);
}

/* ---- C flag, servers ---- */

static void only_announced_addresses(void **state)
{
	struct mirror *m = mirror_new();
	struct bri_policy_connection c = connection(BRI_SERVICE_HANDOVER);
	struct bri_ip ip = mirror_remote(7);
	const struct bri_policy_command *create;

	(void)state;
	two_addresses(m);
	c.deny_join_id0 = true;
	start(m, &c);
	mirror_pass(m, 60 * S);
	assert_int_equal(m->n_commands, m->n_samples); /* nothing can be done */
	bri_policy_on_announced(m->p, TOKEN, 3, &ip, 8443, m->now_ns);
	mirror_turn(m);
	create = mirror_last(m, BRI_POLICY_CREATE, 0);
	assert_non_null(create);
	assert_memory_equal(&create->tuple.remote, &ip, sizeof(ip));
	assert_int_equal(create->tuple.remote_port, 8443);
	assert_int_equal(create->remote_id, 3);
	assert_true(create->backup);
	assert_null(mirror_last(m, BRI_POLICY_CREATE, 1));
	assert_int_equal(m->bad, 0);
	mirror_free(m);

	/* announced and withdrawn again: not used */
	m = mirror_new();
	start(m, &c);
	bri_policy_on_announced(m->p, TOKEN, 3, &ip, 0, m->now_ns);
	bri_policy_on_removed(m->p, TOKEN, 3);
	mirror_turn(m);
	two_addresses(m);
	mirror_pass(m, 60 * S);
	assert_null(mirror_last(m, BRI_POLICY_CREATE, 0));
	assert_int_equal(m->bad, 0);
	mirror_free(m);
}

static void a_port_of_zero_is_the_connections(void **state)
{
	struct mirror *m = mirror_new();
	struct bri_policy_connection c = connection(BRI_SERVICE_HANDOVER);
	struct bri_ip ip = mirror_remote(7);

	(void)state;
	two_addresses(m);
	c.deny_join_id0 = true;
	start(m, &c);
	bri_policy_on_announced(m->p, TOKEN, 3, &ip, 0, m->now_ns);
	mirror_turn(m);
	assert_non_null(mirror_last(m, BRI_POLICY_CREATE, 0));
	assert_int_equal(mirror_last(m, BRI_POLICY_CREATE, 0)->tuple.remote_port, 443);
	mirror_free(m);
}

static void servers_do_not_join(void **state)
{
	struct mirror *m = mirror_new();
	struct bri_policy_connection c = connection(BRI_SERVICE_HANDOVER);
	struct bri_policy_subflow f;
	struct bri_ip ip = mirror_remote(7);

	(void)state;
	two_addresses(m);
	c.server_side = true;
	start(m, &c);
	f = (struct bri_policy_subflow) { .tuple = c.initial, .remote_id = 1, .backup = true };
	f.tuple.remote = mirror_remote(5);
	mirror_up(m, TOKEN, &f);
	bri_policy_on_announced(m->p, TOKEN, 3, &ip, 0, m->now_ns);
	mirror_turn(m);
	for (unsigned i = 0; i < 100; i++) {
		bri_policy_on_activity(m->p, TOKEN, m->now_ns);
		mirror_turn(m);
		mirror_pass(m, 100 * MS);
	}
	assert_int_equal(m->n_commands, m->n_samples);
	assert_int_equal(m->bad, 0);
	mirror_free(m);
}

/* A server that sends notices a dead path of its client's and goes on over the other. */
static void servers_leave_dead_paths(void **state)
{
	struct mirror *m = mirror_new();
	struct bri_policy_connection c = connection(BRI_SERVICE_HANDOVER);
	struct bri_policy_subflow f;
	bool left = false;

	(void)state;
	two_addresses(m);
	c.server_side = true;
	start(m, &c);
	f = (struct bri_policy_subflow) { .tuple = c.initial, .remote_id = 1 };
	f.tuple.remote = mirror_remote(5);
	mirror_up(m, TOKEN, &f);
	bri_policy_on_activity(m->p, TOKEN, m->now_ns);
	for (unsigned i = 0; i < 400 && !left; i++) {
		struct bri_policy_sample fine = { .established = true,
			.rtt_us = 20000,
			.rttvar_us = 1000,
			.rto_us = 220000,
			.unacked = 5,
			.bytes_acked = 1000u * (i + 1),
			.last_ack_ms = 4 };
		struct bri_policy_sample dead = fine;

		if (i > 100) { /* silent since then */
			dead.bytes_acked = 101000;
			dead.last_ack_ms = (i - 100) * 10;
			dead.unacked = 20;
		}
		mirror_sample(m, TOKEN, &f.tuple, &fine);
		left |= mirror_last(m, BRI_POLICY_DESTROY, 0) != NULL;
		mirror_sample(m, TOKEN, &c.initial, &dead);
		left |= mirror_last(m, BRI_POLICY_DESTROY, 0) != NULL;
		m->now_ns += 10 * MS;
	}
	assert_true(left);
	assert_int_equal(m->bad, 0);
	mirror_free(m);
}

/* ---- many ---- */

#define MANY 2000u

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* fail_all(): one link of so many connections is lost; returns the time of the processor. */
static double fail_all(unsigned n)
{
	struct bri_policy *p = bri_policy_new();
	struct bri_policy_address list[2] = { mirror_address(0, BRI_PATH_WIFI, true),
		mirror_address(1, BRI_PATH_CELLULAR, true) };
	struct bri_policy_command command;
	struct bri_policy_news news;
	unsigned counts[6] = { 0 };
	double began;

	assert_non_null(p);
	bri_policy_set_addresses(p, list, 2, S);
	for (unsigned i = 0; i < n; i++) {
		struct bri_policy_connection c = connection(BRI_SERVICE_HANDOVER);
		struct bri_policy_subflow f;

		c.token = 7919 * (i + 1);
		c.initial.local_port = (uint16_t)(1000 + i % 60000);
		assert_int_equal(bri_policy_on_connection(p, &c, S), 0);
		f = (struct bri_policy_subflow) { .tuple = c.initial };
		bri_policy_on_subflow(p, c.token, &f, S);
		f.tuple.local = mirror_ip(1);
		f.local_id = 1;
		f.backup = true;
		bri_policy_on_subflow(p, c.token, &f, S + MS);
	}
	while (bri_policy_next(p, &command))
		;
	while (bri_policy_next_news(p, &news))
		;
	assert_int_equal(bri_policy_n_connections(p), n);
	began = seconds();
	list[0].usable = false;
	bri_policy_set_addresses(p, list, 2, 2 * S);
	while (bri_policy_next(p, &command))
		counts[command.what]++;
	began = seconds() - began;
	assert_int_equal(counts[BRI_POLICY_REMOVE], n);
	assert_int_equal(counts[BRI_POLICY_DESTROY], n);
	/* the survivors' priorities may wait until what was in flight has been sent again */
	bri_policy_expire(p, 2 * S + 500 * MS);
	while (bri_policy_next(p, &command))
		counts[command.what]++;
	assert_int_equal(counts[BRI_POLICY_PRIO], n);
	bri_policy_free(p);
	return began;
}

static void many_connections_at_once(void **state)
{
	double few, many;

	(void)state;
	few = fail_all(MANY / 4);
	many = fail_all(MANY);
	printf("link down: %u connections %.2f ms, %u connections %.2f ms\n", MANY / 4, few * 1e3,
		MANY, many * 1e3);
	/* linear, with room for a slow machine and sanitizers */
	assert_true(many < 12 * few + 0.02);
	assert_true(many < 2.0);
}

/* Looks at many busy connections: the rate falls, the sum stays bounded. */
static void looks_are_bounded(void **state)
{
	struct bri_policy *p = bri_policy_new();
	struct bri_policy_address list[2] = { mirror_address(0, BRI_PATH_WIFI, true),
		mirror_address(1, BRI_PATH_CELLULAR, true) };
	struct bri_policy_command command;
	uint64_t now = S, looks = 0;

	(void)state;
	assert_non_null(p);
	bri_policy_set_addresses(p, list, 2, now);
	for (unsigned i = 0; i < MANY; i++) {
		struct bri_policy_connection c = connection(BRI_SERVICE_HANDOVER);
		struct bri_policy_subflow f;

		c.token = 104729 * (i + 1);
		c.initial.local_port = (uint16_t)(1000 + i);
		assert_int_equal(bri_policy_on_connection(p, &c, now), 0);
		f = (struct bri_policy_subflow) { .tuple = c.initial };
		bri_policy_on_subflow(p, c.token, &f, now);
	}
	while (now < 11 * S) {
		uint64_t deadline = bri_policy_deadline_ns(p);

		assert_true(deadline != BRI_NEVER);
		now = deadline > now ? deadline : now;
		for (unsigned i = 0; i < MANY; i++) {
			if (now / (100 * MS) % MANY == i)
				bri_policy_on_activity(p, 104729 * (i + 1), now);
		}
		bri_policy_expire(p, now);
		while (bri_policy_next(p, &command))
			looks += command.what == BRI_POLICY_SAMPLE;
	}
	printf("%u busy connections: %lu looks a second\n", MANY, (unsigned long)looks / 10);
	assert_in_range(looks / 10, 0, 10000);
	bri_policy_free(p);
}

/* ---- the matrix ---- */

static struct bri_policy_tuple initial(void)
{
	return connection(BRI_SERVICE_HANDOVER).initial;
}

/* The path that the letters are about is the second one, 10.0.1.2. */
static struct bri_policy_tuple second(struct mirror *m)
{
	struct mirror_connection *c = mirror_find(m, TOKEN);
	struct bri_policy_tuple none = { .local = mirror_ip(1), .remote = mirror_remote(0) };

	for (size_t i = 0; c && i < MIRROR_SUBFLOWS; i++) {
		if (c->subflows[i].alive && c->subflows[i].subflow.tuple.local.bytes[2] == 1)
			return c->subflows[i].subflow.tuple;
	}
	return none;
}

/* id_of(): the id that the address has; a join that waits there is answered by this. */
static uint8_t id_of(struct mirror *m, const struct bri_ip *local)
{
	struct mirror_connection *c = mirror_find(m, TOKEN);

	for (size_t i = 0; i < MIRROR_SUBFLOWS; i++) {
		struct mirror_join *j = &c->joins[i];

		if (!j->used || memcmp(&j->command.tuple.local, local, sizeof(*local)))
			continue;
		j->used = false;
		return j->command.local_id;
	}
	return 1;
}

static struct bri_policy_sample sample(unsigned silent_ms)
{
	return (struct bri_policy_sample) { .established = true,
		.rtt_us = 40000,
		.rttvar_us = 2000,
		.rto_us = 240000,
		.unacked = silent_ms ? 20 : 2,
		.retransmits = silent_ms > 700 ? 2 : 0,
		.last_ack_ms = silent_ms,
		.bytes_acked = 5000 };
}

static void samples(struct mirror *m, const struct bri_policy_tuple *t, unsigned silent_ms)
{
	for (unsigned i = 0; i < 30; i++) {
		struct bri_policy_sample s = sample(silent_ms ? (i + 1) * 10 : 0);

		if (!silent_ms)
			s.bytes_acked = 5000 + (m->now_ns / MS);
		mirror_sample(m, TOKEN, t, &s);
		mirror_pass(m, 10 * MS);
	}
}

static void addresses(struct mirror *m, bool first, bool listed, bool usable)
{
	struct bri_policy_address list[2];
	size_t n = 0;

	list[n++] = mirror_address(0, BRI_PATH_WIFI, first);
	if (listed)
		list[n++] = mirror_address(1, BRI_PATH_CELLULAR, usable);
	mirror_addresses(m, list, n);
}

/* What can happen, one letter each. */
static const char events[] = "dguDGUajcrpsSnNxwWiIoOftTXY";

static void happen(struct mirror *m, char event)
{
	struct bri_policy_tuple first = initial(), t = second(m);
	struct bri_ip ip = mirror_remote(4);
	struct bri_policy_command c = { .token = TOKEN, .tuple = t, .local_id = 1 };
	struct bri_policy_subflow f = { .tuple = t, .local_id = 1, .backup = true };
	struct bri_policy_wish w = { .service = BRI_SERVICE_HANDOVER };

	switch (event) {
	case 'd': addresses(m, true, true, false); return;  /* second: carrier lost */
	case 'g': addresses(m, true, false, false); return; /* gone */
	case 'u': addresses(m, true, true, true); return;
	case 'D': addresses(m, false, true, true); return; /* the first one's */
	case 'G': mirror_addresses(m, NULL, 0); return;    /* all */
	case 'U': two_addresses(m); return;
	case 'a': mirror_answer(m, TOKEN); return;
	case 'j': /* told twice, or never asked for; the kernel keeps one id for an address */
		f.local_id = id_of(m, &t.local);
		mirror_up(m, TOKEN, &f);
		return;
	case 'c': mirror_down(m, TOKEN, &t, 0, 0); return;
	case 'r': mirror_down(m, TOKEN, &t, ECONNRESET, 0); return;
	case 'p': mirror_down(m, TOKEN, &t, ECONNREFUSED, 3); return;
	case 's': samples(m, &t, 0); return;
	case 'S': samples(m, &t, 300); return;
	case 'n': samples(m, &first, 0); return;
	case 'N': samples(m, &first, 300); return;
	case 'x': mirror_sample(m, TOKEN, &t, NULL); return;
	case 'w':
		w.n_prohibited = 1;
		w.prohibited[0] = 11;
		mirror_wish(m, TOKEN, &w);
		return;
	case 'W': mirror_wish(m, TOKEN, &w); return;
	case 'i':
		w.service = BRI_SERVICE_INTERACTIVE;
		mirror_wish(m, TOKEN, &w);
		return;
	case 'I':
		w.service = BRI_SERVICE_AGGREGATE;
		mirror_wish(m, TOKEN, &w);
		return;
	case 'o':
		w.service = BRI_SERVICE_NONE;
		mirror_wish(m, TOKEN, &w);
		return;
	case 'O':
		w.cold = true;
		mirror_wish(m, TOKEN, &w);
		return;
	case 'f':
		for (int what = BRI_POLICY_CREATE; what <= BRI_POLICY_CANCEL; what++) {
			c.what = (enum bri_policy_what)what;
			mirror_refuse(m, &c, what == BRI_POLICY_CREATE ? EINVAL : ESRCH);
		}
		return;
	case 't': mirror_pass(m, 50 * MS); return;
	case 'T': mirror_pass(m, 10 * S); return;
	case 'X':
		bri_policy_on_announced(m->p, TOKEN, 2, &ip, 0, m->now_ns);
		mirror_turn(m);
		return;
	case 'Y':
		bri_policy_on_removed(m->p, TOKEN, 2);
		bri_policy_on_activity(m->p, TOKEN, m->now_ns);
		mirror_turn(m);
		return;
	default: abort();
	}
}

/* How the path gets into each of its states: events as above. */
static const char *const states[] = {
	"",     /* joining */
	"a",    /* a ready backup */
	"p",    /* refused */
	"T",    /* not answered */
	"aS",   /* doubted, or dead, without being needed */
	"aN",   /* the first one is dead: this carries the data */
	"aNS",  /* and this is dead too */
	"ad",   /* lost */
	"ag",   /* its address is gone */
	"adu",  /* lost and back: joining again */
	"adua", /* and joined */
	"ar",   /* reset: waits for its next join */
	"aD",   /* the only one left */
	"aDd",  /* and lost */
	"aGU",  /* everything was gone for a moment */
	"w",    /* forbidden while joining */
	"aw",   /* forbidden */
	"O",    /* cold */
	"ai",   /* interactive */
	"aI",   /* aggregate */
	"aIS",  /* aggregate, and dead */
	"ao",   /* no wish */
	"aNaN", /* both silent, a join is out */
};

static unsigned matrix(enum bri_service service, unsigned depth)
{
	unsigned bad = 0, cells = 0;
	size_t n = sizeof(events) - 1, all = 1;

	for (unsigned d = 0; d < depth; d++)
		all *= n;
	for (size_t s = 0; s < BRI_LEN(states); s++) {
		for (size_t k = 0; k < all; k++) {
			struct mirror *m = mirror_new();
			struct bri_policy_connection c = connection(service);
			char what[32] = "", *at;
			size_t rest = k;

			snprintf(what, sizeof(what), "%s", states[s]);
			at = what + strlen(what);
			for (unsigned d = 0; d < depth; d++, rest /= n)
				*at++ = events[rest % n];
			*at = 0;
			m->what = what;
			m->quiet_after = bad < 10 ? 1 : 0;
			two_addresses(m);
			start(m, &c);
			for (const char *e = what; *e; e++)
				happen(m, *e);
			mirror_pass(m, 30 * S);
			mirror_close(m, TOKEN);
			mirror_pass(m, 100 * S);
			bad += m->bad != 0;
			cells++;
			mirror_free(m);
		}
	}
	printf("service %u: %u cells, %u bad\n", (unsigned)service, cells, bad);
	return bad;
}

static void every_event_in_every_state(void **state)
{
	(void)state;
	assert_int_equal(matrix(BRI_SERVICE_HANDOVER, 2), 0);
	assert_int_equal(matrix(BRI_SERVICE_INTERACTIVE, 1), 0);
	assert_int_equal(matrix(BRI_SERVICE_AGGREGATE, 1), 0);
	assert_int_equal(matrix(BRI_SERVICE_NONE, 1), 0);
}

static void arguments(void **state)
{
	struct bri_policy *p = bri_policy_new();
	struct bri_policy_connection c = connection(BRI_SERVICE_HANDOVER);
	struct bri_policy_wish w = { .service = BRI_SERVICE_NONE };
	struct bri_policy_command command;
	struct bri_policy_path_state paths[BRI_POLICY_PATHS_MAX];

	(void)state;
	assert_non_null(p);
	assert_true(bri_policy_deadline_ns(p) == BRI_NEVER);
	assert_int_equal(bri_policy_set_wish(p, 1, &w, 0), -ENOENT);
	assert_null(bri_policy_wish(p, 1));
	assert_int_equal(bri_policy_paths(p, 1, paths), 0);
	bri_policy_on_closed(p, 1);
	bri_policy_on_activity(p, 1, 0);
	bri_policy_expire(p, S);
	c.initial.remote.family = 10;
	assert_int_equal(bri_policy_on_connection(p, &c, 0), -EINVAL);
	assert_false(bri_policy_next(p, &command));
	assert_int_equal(bri_policy_n_connections(p), 0);
	bri_policy_free(p);
	bri_policy_free(NULL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_announced_addresses),
		cmocka_unit_test(a_port_of_zero_is_the_connections),
		cmocka_unit_test(servers_do_not_join),
		cmocka_unit_test(servers_leave_dead_paths),
		cmocka_unit_test(many_connections_at_once),
		cmocka_unit_test(looks_are_bounded),
		cmocka_unit_test(every_event_in_every_state),
		cmocka_unit_test(arguments),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
