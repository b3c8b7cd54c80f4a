/* Handover on the simulated network: how a path is left, how soon, and how the data comes back. */
#include "policy_util.h"

static const enum sim_load dense[] = { SIM_LOAD_STREAM_UP, SIM_LOAD_STREAM_DOWN };

/*
 * leaving(): the commands since a failure: REMOVE, then DESTROY; and soon the survivor's priority,
 * for what was in flight is to be sent again before anything new. Returns how long after since_ns
 * the first was given; BRI_NEVER: never.
 */
static uint64_t leaving(const struct run *r, size_t lost, size_t survivor, uint64_t since_ns)
{
	const struct sim_logged *prio = sim_policy_find(r->sp, BRI_POLICY_PRIO, survivor, since_ns);
	const struct sim_logged *rm = sim_policy_find(r->sp, BRI_POLICY_REMOVE, lost, since_ns);
	const struct sim_logged *kill = sim_policy_find(r->sp, BRI_POLICY_DESTROY, lost, since_ns);

	if (!rm || !kill)
		return BRI_NEVER;
	assert_non_null(prio);
	assert_false(prio->command.backup);
	assert_true(rm < kill);
	assert_in_range(prio->at_ns - rm->at_ns, 0, 300 * MS);
	assert_in_range(kill->at_ns - rm->at_ns, 0, 200 * MS);
	return rm->at_ns - since_ns;
}

static void settle(struct run *r)
{
	sim_for(r->s, 10 * S);
	assert_int_equal(sim_subflows(r->s, WIFI), 1);
	assert_int_equal(sim_subflows(r->s, CELLULAR), 1);
	assert_int_equal(sim_carried(r->s, CELLULAR), 0);
	assert_int_equal(sim_policy_primary(r->sp), WIFI);
	assert_int_equal(sim_policy_count(r->sp, BRI_POLICY_NEWS_PATH_STALLED, 0), 0);
	sim_forget(r->s);
}

/* lose(): one failure of the first path; returns the time from failure to DESTROY, and the gap. */
static uint64_t lose(enum sim_load load, enum sim_state how, uint64_t seed, uint64_t *ret_gap_ns)
{
	struct sim_config c = usual(BRI_SERVICE_HANDOVER, load, seed);
	struct run r = begin(&c);
	uint64_t at, took;

	settle(&r);
	sim_for(r.s, sim_random(r.s, 50 * MS));
	sim_forget(r.s);
	at = sim_now(r.s);
	sim_set(r.s, WIFI, how);
	sim_for(r.s, 5 * S);
	took = leaving(&r, WIFI, CELLULAR, at);
	*ret_gap_ns = load == SIM_LOAD_SPARSE || load == SIM_LOAD_REQUEST ? sim_seen(r.s)->worst_ns
									  : sim_seen(r.s)->gap_ns;
	assert_int_equal(sim_policy_primary(r.sp), CELLULAR);
	assert_int_equal(sim_subflows(r.s, WIFI), 0);
	assert_true(sim_carried(r.s, CELLULAR) > 0);
	end(&r);
	return took;
}

/* worst(): over seeds; prints, for the record. */
static void worst(const char *what, enum sim_load load, enum sim_state how, uint64_t most_ns,
	uint64_t gap_most_ns)
{
	uint64_t took = 0, gap = 0, sum = 0;
	unsigned n = 20;

	for (uint64_t seed = 1; seed <= n; seed++) {
		uint64_t g, t = lose(load, how, seed, &g);

		took = t > took ? t : took;
		gap = g > gap ? g : gap;
		sum += t == BRI_NEVER ? 0 : t;
	}
	printf("%s, %s: commands after %.1f ms (worst %.1f), gap at worst %.1f ms\n", what,
		load_name(load), ms(sum / n), ms(took), ms(gap));
	assert_in_range(took, 0, most_ns);
	assert_in_range(gap, 0, gap_most_ns);
}

static void link_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < BRI_LEN(dense); i++) {
		worst("link down", dense[i], SIM_DOWN, MS, 110 * MS);
		worst("address removed", dense[i], SIM_GONE, MS, 140 * MS);
	}
	worst("link down", SIM_LOAD_SPARSE, SIM_DOWN, MS, 200 * MS);
}

static void silence_of_a_sender(void **state)
{
	(void)state;
	worst("silent", SIM_LOAD_STREAM_UP, SIM_SILENT, 100 * MS, 150 * MS);
	worst("only upwards silent", SIM_LOAD_STREAM_UP, SIM_SILENT_UP, 150 * MS, 180 * MS);
	worst("silent", SIM_LOAD_BULK_UP, SIM_SILENT, 200 * MS, 400 * MS);
}

static void silence_of_a_receiver(void **state)
{
	(void)state;
	worst("silent", SIM_LOAD_STREAM_DOWN, SIM_SILENT, 200 * MS, 350 * MS);
	worst("silent", SIM_LOAD_BULK_DOWN, SIM_SILENT, 200 * MS, 400 * MS);
}

static void silence_of_sparse_traffic(void **state)
{
	(void)state;
	/* a message comes after half a second at most, and shows it */
	worst("silent", SIM_LOAD_SPARSE, SIM_SILENT, 1000 * MS, 450 * MS);
	worst("silent", SIM_LOAD_REQUEST, SIM_SILENT, 800 * MS, 450 * MS);
}

static void a_sudden_message_after_an_hour(void **state)
{
	struct sim_config c = usual(BRI_SERVICE_HANDOVER, SIM_LOAD_STREAM_UP, 7);
	struct run r = begin(&c);
	uint64_t at;

	(void)state;
	settle(&r);
	sim_set_load(r.s, SIM_LOAD_NONE);
	sim_for(r.s, 3600 * S);
	sim_set(r.s, WIFI, SIM_SILENT);
	sim_for(r.s, 100 * S); /* nobody sees it, nobody has to */
	assert_int_equal(sim_subflows(r.s, WIFI), 1);
	at = sim_now(r.s);
	sim_forget(r.s);
	sim_set_load(r.s, SIM_LOAD_STREAM_UP);
	sim_for(r.s, 3 * S);
	printf("sudden data on a dead path: commands after %.1f ms, gap %.1f ms\n",
		ms(leaving(&r, WIFI, CELLULAR, at)), ms(sim_seen(r.s)->gap_ns));
	assert_in_range(leaving(&r, WIFI, CELLULAR, at), 0, 300 * MS);
	end(&r);
}

static void an_idle_connection_is_not_looked_at(void **state)
{
	struct sim_config c = usual(BRI_SERVICE_HANDOVER, SIM_LOAD_STREAM_UP, 1);
	struct run r = begin(&c);
	size_t looks;

	(void)state;
	settle(&r);
	sim_set_load(r.s, SIM_LOAD_NONE);
	sim_for(r.s, 10 * S);
	looks = r.sp->n_samples;
	sim_for(r.s, 600 * S);
	assert_int_equal(r.sp->n_samples, looks);
	assert_true(bri_policy_deadline_ns(r.sp->p) > sim_now(r.s));
	end(&r);
}

static void the_data_comes_back(void **state)
{
	static const enum sim_state hows[] = { SIM_DOWN, SIM_GONE, SIM_SILENT };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(hows); i++) {
		struct sim_config c = usual(BRI_SERVICE_HANDOVER, SIM_LOAD_STREAM_UP, i + 1);
		struct run r = begin(&c);
		uint64_t at, waited = 0;

		settle(&r);
		sim_set(r.s, WIFI, hows[i]);
		sim_for(r.s, 20 * S);
		assert_int_equal(sim_policy_primary(r.sp), CELLULAR);
		sim_forget(r.s);
		at = sim_now(r.s);
		sim_set(r.s, WIFI, SIM_UP);
		for (; waited < 10 * S && sim_policy_primary(r.sp) != WIFI; waited += 10 * MS)
			sim_for(r.s, 10 * MS);
		printf("back after %.2f s\n", ms(waited) / 1e3);
		assert_in_range(waited, 0, 5 * S);
		sim_for(r.s, S);
		/* make before break: nothing is lost, nothing is late */
		assert_in_range(sim_seen(r.s)->worst_ns, 0, 100 * MS);
		sim_forget(r.s);
		sim_for(r.s, 5 * S);
		assert_int_equal(sim_carried(r.s, CELLULAR), 0);
		assert_null(sim_policy_find(r.sp, BRI_POLICY_DESTROY, CELLULAR, at));
		assert_int_equal(sim_policy_count(r.sp, BRI_POLICY_NEWS_PATH_BACK, at), 1);
		end(&r);
	}
}

/* Good for 4 s, silent for 4 s: each return is held back longer. */
static void a_fluttering_path_is_not_trusted(void **state)
{
	struct sim_config c = usual(BRI_SERVICE_HANDOVER, SIM_LOAD_STREAM_UP, 3);
	struct run r = begin(&c);
	size_t early, late;
	uint64_t at;

	(void)state;
	settle(&r);
	at = sim_now(r.s);
	for (unsigned i = 0; i < 30; i++) {
		sim_set(r.s, WIFI, SIM_SILENT);
		sim_for(r.s, 4 * S);
		sim_set(r.s, WIFI, SIM_UP);
		sim_for(r.s, 4 * S);
		if (i == 9)
			early = sim_policy_count(r.sp, BRI_POLICY_NEWS_PRIMARY, at);
		if (i == 14)
			at = sim_now(r.s);
	}
	late = sim_policy_count(r.sp, BRI_POLICY_NEWS_PRIMARY, at);
	printf("fluttering: %zu moves in the first 80 s, %zu in the last 120 s\n", early, late);
	assert_in_range(early, 1, 12);
	assert_in_range(late, 0, 4);
	end(&r);
}

static void both_lost(enum sim_load load, enum sim_state how, size_t back, uint64_t most_ns)
{
	struct sim_config c = usual(BRI_SERVICE_HANDOVER, load, back + 1);
	struct run r = begin(&c);

	settle(&r);
	sim_set(r.s, CELLULAR, how);
	sim_set(r.s, WIFI, how);
	sim_for(r.s, 20 * S);
	sim_set(r.s, back, SIM_UP);
	sim_forget(r.s);
	sim_for(r.s, 8 * S);
	printf("both lost, %s, state %u, path %zu returns: data after %.1f ms\n", load_name(load),
		(unsigned)how, back, ms(sim_seen(r.s)->gap_ns));
	assert_true(sim_seen(r.s)->bytes > 0);
	assert_in_range(sim_seen(r.s)->gap_ns, 0, most_ns);
	end(&r);
}

/* A download whose paths both fell silent is not here: the server heard nothing of what we closed,
 * and its own timeouts decide. */
static void both_lost_for_20_seconds(void **state)
{
	(void)state;
	for (size_t back = 0; back < 2; back++) {
		both_lost(SIM_LOAD_STREAM_UP, SIM_SILENT, back, 5000 * MS);
		both_lost(SIM_LOAD_STREAM_UP, SIM_DOWN, back, 500 * MS);
		both_lost(SIM_LOAD_STREAM_UP, SIM_GONE, back, 500 * MS);
		both_lost(SIM_LOAD_STREAM_DOWN, SIM_DOWN, back, 500 * MS);
		both_lost(SIM_LOAD_STREAM_DOWN, SIM_GONE, back, 500 * MS);
	}
}

static void a_reset_backup_is_made_again(void **state)
{
	struct sim_config c = usual(BRI_SERVICE_HANDOVER, SIM_LOAD_STREAM_DOWN, 1);
	struct run r = begin(&c);

	(void)state;
	settle(&r);
	for (unsigned i = 0; i < 5; i++) {
		sim_reset(r.s, CELLULAR);
		sim_for(r.s, 100 * MS);
		assert_int_equal(sim_subflows(r.s, WIFI), 1);
		sim_for(r.s, 10 * S);
		assert_int_equal(sim_subflows(r.s, CELLULAR), 1);
	}
	assert_int_equal(sim_carried(r.s, CELLULAR), 0);
	assert_int_equal(sim_policy_primary(r.sp), WIFI);
	end(&r);
}

static void a_reset_primary_moves_the_data(void **state)
{
	struct sim_config c = usual(BRI_SERVICE_HANDOVER, SIM_LOAD_STREAM_DOWN, 1);
	struct run r = begin(&c);

	(void)state;
	settle(&r);
	sim_reset(r.s, WIFI);
	sim_for(r.s, 10 * S);
	printf("reset: gap %.1f ms\n", ms(sim_seen(r.s)->gap_ns));
	assert_in_range(sim_seen(r.s)->gap_ns, 0, 120 * MS);
	assert_int_equal(sim_subflows(r.s, WIFI), 1);
	assert_int_equal(sim_policy_primary(r.sp), WIFI);
	end(&r);
}

static void another_address(void **state)
{
	(void)state;
	for (size_t path = 0; path < 2; path++) {
		struct sim_config c = usual(BRI_SERVICE_HANDOVER, SIM_LOAD_STREAM_UP, path + 1);
		struct run r = begin(&c);
		struct bri_ip ip;
		struct bri_policy_tuple t;
		const struct sim_logged *create;

		settle(&r);
		sim_renumber(r.s, path);
		sim_for(r.s, 10 * S);
		printf("renumbered path %zu: gap %.1f ms\n", path, ms(sim_seen(r.s)->gap_ns));
		assert_in_range(sim_seen(r.s)->gap_ns, 0, path == WIFI ? 120 * MS : 30 * MS);
		assert_int_equal(sim_subflows(r.s, path), 1);
		assert_true(sim_tuple(r.s, path, &t));
		ip = sim_local(r.s, path);
		assert_memory_equal(&t.local, &ip, sizeof(ip));
		assert_int_equal(sim_policy_primary(r.sp), WIFI);
		create = sim_policy_find(r.sp, BRI_POLICY_CREATE, path, 10 * S);
		assert_non_null(create);
		assert_int_not_equal(create->command.local_id, 0);
		end(&r);
	}
}

static void cold_backups_are_opened_when_needed(void **state)
{
	static const enum sim_state hows[] = { SIM_DOWN, SIM_SILENT };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(hows); i++) {
		struct sim_config c = usual(BRI_SERVICE_HANDOVER, SIM_LOAD_STREAM_UP, 1);
		struct run r;
		uint64_t at;

		c.wish.cold = true;
		r = begin(&c);
		sim_for(r.s, 20 * S);
		assert_int_equal(sim_subflows(r.s, CELLULAR), 0);
		assert_null(sim_policy_find(r.sp, BRI_POLICY_CREATE, CELLULAR, 0));
		at = sim_now(r.s);
		sim_forget(r.s);
		sim_set(r.s, WIFI, hows[i]);
		sim_for(r.s, 5 * S);
		printf("cold, state %u: gap %.1f ms\n", (unsigned)hows[i],
			ms(sim_seen(r.s)->gap_ns));
		assert_in_range(
			sim_seen(r.s)->gap_ns, 0, hows[i] == SIM_DOWN ? 250 * MS : 450 * MS);
		assert_int_equal(sim_policy_primary(r.sp), CELLULAR);
		assert_non_null(sim_policy_find(r.sp, BRI_POLICY_CREATE, CELLULAR, at));
		/* and closed when the better path is back */
		sim_set(r.s, WIFI, SIM_UP);
		sim_for(r.s, 15 * S);
		assert_int_equal(sim_policy_primary(r.sp), WIFI);
		assert_int_equal(sim_subflows(r.s, CELLULAR), 0);
		end(&r);
	}
}

static void interfaces_may_be_forbidden(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 3; how++) {
		struct sim_config c = usual(BRI_SERVICE_HANDOVER, SIM_LOAD_STREAM_UP, 1);
		struct run r;
		struct bri_policy_wish wish;

		wish = c.wish;
		if (how == 0) {
			wish.n_required = 1;
			wish.required[0] = SIM_IFINDEX + WIFI;
		} else if (how == 1) {
			wish.n_prohibited = 1;
			wish.prohibited[0] = SIM_IFINDEX + CELLULAR;
		} else {
			wish.only_mask = 1u << BRI_PATH_WIFI;
		}
		c.wish = wish;
		r = begin(&c);
		sim_for(r.s, 5 * S);
		sim_set(r.s, WIFI, SIM_SILENT);
		sim_for(r.s, 10 * S);
		assert_null(sim_policy_find(r.sp, BRI_POLICY_CREATE, CELLULAR, 0));
		/* the only path is kept, dead or not */
		assert_null(sim_policy_find(r.sp, BRI_POLICY_DESTROY, WIFI, 0));
		sim_set(r.s, WIFI, SIM_UP);
		sim_for(r.s, 15 * S);
		sim_forget(r.s);
		sim_for(r.s, 2 * S);
		assert_in_range(sim_seen(r.s)->worst_ns, 0, 60 * MS);
		/* allowed, then forbidden again */
		wish = (struct bri_policy_wish) { .service = BRI_SERVICE_HANDOVER };
		assert_int_equal(bri_policy_set_wish(r.sp->p, SIM_TOKEN, &wish, sim_now(r.s)), 0);
		sim_policy_poll(r.sp);
		sim_for(r.s, 5 * S);
		assert_int_equal(sim_subflows(r.s, CELLULAR), 1);
		assert_int_equal(bri_policy_set_wish(r.sp->p, SIM_TOKEN, &c.wish, sim_now(r.s)), 0);
		sim_policy_poll(r.sp);
		sim_for(r.s, S);
		assert_int_equal(sim_subflows(r.s, CELLULAR), 0);
		end(&r);
	}
}

/* Wi-Fi, and two others of which the second is of this kind; the peer takes so many subflows more.
 */
static struct sim_config three_paths(enum bri_path_kind kind, uint32_t peer_limit)
{
	struct sim_config c = usual(BRI_SERVICE_HANDOVER, SIM_LOAD_STREAM_UP, 1);

	c.n_paths = 3;
	c.paths[2] = c.paths[1];
	c.paths[2].kind = kind;
	c.peer_limit = peer_limit;
	return c;
}

/* Three paths, a peer that takes one more: the refused join is not repeated for ever. */
static void the_peer_takes_one_more(void **state)
{
	struct sim_config c = three_paths(BRI_PATH_OTHER, 1);
	struct run r;
	size_t creates = 0;

	(void)state;
	r = begin(&c);
	sim_for(r.s, 600 * S);
	assert_int_equal(sim_subflows(r.s, 0) + sim_subflows(r.s, 1) + sim_subflows(r.s, 2), 2);
	for (size_t i = 0; i < r.sp->n_log; i++)
		creates += r.sp->log[i].command.what == BRI_POLICY_CREATE;
	printf("a peer with a limit: %zu joins in 600 s\n", creates);
	assert_in_range(creates, 2, 16);
	/* and the one that there is does its work */
	sim_forget(r.s);
	sim_set(r.s, WIFI, SIM_DOWN);
	sim_for(r.s, 3 * S);
	assert_in_range(sim_seen(r.s)->gap_ns, 0, 120 * MS);
	end(&r);
}

/* Wi-Fi comes back, and the peer takes no subflow over it: a new connection would have it. */
static void a_better_path_that_is_refused_is_told(void **state)
{
	struct sim_config c = three_paths(BRI_PATH_CELLULAR, 1);
	uint64_t at_ns;
	struct run r;

	(void)state;
	r = begin(&c);
	sim_for(r.s, 10 * S);
	assert_int_equal(sim_policy_count(r.sp, BRI_POLICY_NEWS_BETTER_PATH, 0), 0);
	sim_set(r.s, WIFI, SIM_DOWN);
	sim_for(r.s, 30 * S);
	assert_int_equal(sim_policy_count(r.sp, BRI_POLICY_NEWS_BETTER_PATH, 0), 0);
	at_ns = sim_now(r.s);
	sim_set(r.s, WIFI, SIM_UP);
	sim_for(r.s, 300 * S);
	printf("subflows %u %u %u, better path told %zu times\n", sim_subflows(r.s, 0),
		sim_subflows(r.s, 1), sim_subflows(r.s, 2),
		sim_policy_count(r.sp, BRI_POLICY_NEWS_BETTER_PATH, at_ns));
	assert_int_equal(sim_policy_count(r.sp, BRI_POLICY_NEWS_BETTER_PATH, at_ns), 1);
	end(&r);
}

/* Three paths, and a peer that takes two more, as Linux does: the first subflow's place is not
 * given back, so that Wi-Fi comes back only where the last backup goes. */
static void the_preferred_path_gets_room(void **state)
{
	struct sim_config c = three_paths(BRI_PATH_TUNNEL, 2);
	struct run r;

	(void)state;
	r = begin(&c);
	sim_for(r.s, 10 * S);
	assert_int_equal(sim_subflows(r.s, 0) + sim_subflows(r.s, 1) + sim_subflows(r.s, 2), 3);
	sim_set(r.s, WIFI, SIM_DOWN);
	sim_for(r.s, 30 * S);
	sim_set(r.s, WIFI, SIM_UP);
	sim_for(r.s, 5 * S);
	assert_int_equal(sim_subflows(r.s, WIFI), 1);
	assert_int_equal(sim_subflows(r.s, CELLULAR), 1);
	assert_int_equal(sim_subflows(r.s, 2), 0);
	sim_forget(r.s);
	sim_for(r.s, 300 * S);
	assert_true(sim_carried(r.s, WIFI) > 0);
	assert_int_equal(sim_carried(r.s, CELLULAR), 0);
	assert_in_range(sim_seen(r.s)->gap_ns, 0, 100 * MS);
	assert_int_equal(sim_policy_count(r.sp, BRI_POLICY_NEWS_BETTER_PATH, 0), 0);
	end(&r);
}

/* A peer that takes no further subflow at all: nothing to hand over to, so nothing is destroyed. */
static void the_only_subflow_is_kept(void **state)
{
	struct sim_config c = usual(BRI_SERVICE_HANDOVER, SIM_LOAD_STREAM_UP, 1);
	struct run r;

	(void)state;
	c.n_paths = 1;
	r = begin(&c);
	sim_for(r.s, 10 * S);
	sim_set(r.s, WIFI, SIM_SILENT);
	sim_for(r.s, 60 * S);
	assert_null(sim_policy_find(r.sp, BRI_POLICY_DESTROY, WIFI, 0));
	assert_null(sim_policy_find(r.sp, BRI_POLICY_REMOVE, WIFI, 0));
	end(&r);
}

/* Begun on cellular, moved to Wi-Fi, which was asked now and then whether it lives: its address can
 * be withdrawn all the same. (The kernel forgets an id when any subflow that has it is closed.) */
static void an_asked_path_can_be_withdrawn(void **state)
{
	uint64_t gap = 0, at;

	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct sim_config c = usual(BRI_SERVICE_HANDOVER, SIM_LOAD_STREAM_DOWN, seed);
		struct sim_path wifi = c.paths[WIFI];
		struct run r;

		c.paths[0] = c.paths[CELLULAR];
		c.paths[1] = wifi;
		r = begin(&c);
		sim_for(r.s, 5 * S);
		assert_int_equal(sim_policy_primary(r.sp), 1);
		at = sim_now(r.s);
		sim_set_load(r.s, SIM_LOAD_NONE);
		sim_for(r.s, S);
		sim_set_load(r.s, SIM_LOAD_STREAM_DOWN);
		sim_for(r.s, 35 * S);
		assert_non_null(sim_policy_find(r.sp, BRI_POLICY_CREATE, 1, at)); /* it was asked */
		sim_forget(r.s);
		sim_set(r.s, 1, SIM_SILENT);
		sim_for(r.s, 10 * S);
		gap = sim_seen(r.s)->worst_ns > gap ? sim_seen(r.s)->worst_ns : gap;
		end(&r);
	}
	printf("asked, then silent: worst message %.1f ms\n", ms(gap));
	assert_in_range(gap, 0, 350 * MS);
}

static void the_better_path_comes_late(void **state)
{
	struct sim_config c = usual(BRI_SERVICE_HANDOVER, SIM_LOAD_STREAM_DOWN, 1);
	struct sim_path wifi = c.paths[WIFI];
	struct run r;

	(void)state;
	c.paths[WIFI] = c.paths[CELLULAR]; /* begins on cellular, Wi-Fi comes after 30 s */
	c.paths[CELLULAR] = wifi;
	c.paths[1].state = SIM_GONE;
	r = begin(&c);
	sim_for(r.s, 30 * S);
	assert_int_equal(sim_policy_primary(r.sp), 0);
	sim_forget(r.s);
	sim_set(r.s, 1, SIM_UP);
	sim_for(r.s, 5 * S);
	assert_int_equal(sim_policy_primary(r.sp), 1);
	assert_in_range(sim_seen(r.s)->gap_ns, 0, 60 * MS);
	sim_forget(r.s);
	sim_for(r.s, 5 * S);
	assert_int_equal(sim_carried(r.s, 0), 0);
	end(&r);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(link_down),
		cmocka_unit_test(silence_of_a_sender),
		cmocka_unit_test(silence_of_a_receiver),
		cmocka_unit_test(silence_of_sparse_traffic),
		cmocka_unit_test(a_sudden_message_after_an_hour),
		cmocka_unit_test(an_idle_connection_is_not_looked_at),
		cmocka_unit_test(the_data_comes_back),
		cmocka_unit_test(a_fluttering_path_is_not_trusted),
		cmocka_unit_test(both_lost_for_20_seconds),
		cmocka_unit_test(a_reset_backup_is_made_again),
		cmocka_unit_test(a_reset_primary_moves_the_data),
		cmocka_unit_test(another_address),
		cmocka_unit_test(cold_backups_are_opened_when_needed),
		cmocka_unit_test(interfaces_may_be_forbidden),
		cmocka_unit_test(the_peer_takes_one_more),
		cmocka_unit_test(a_better_path_that_is_refused_is_told),
		cmocka_unit_test(the_preferred_path_gets_room),
		cmocka_unit_test(the_only_subflow_is_kept),
		cmocka_unit_test(an_asked_path_can_be_withdrawn),
		cmocka_unit_test(the_better_path_comes_late),
	};

	if (argc > 1) /* one of them, with SIM_VERBOSE=1 */
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
