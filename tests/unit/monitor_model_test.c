/* What made-up looks in a row mean to `braid monitor`: joins, rates, events, limits. */
#include "monitor_util.h"

#include <stdlib.h>
#include "base/clock.h"
#include "cli/monitor_format.h"

static int setup(void **state)
{
	struct look *l = test_calloc(1, sizeof(*l));

	init_look(l);
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	fini_look(*state);
	test_free(*state);
	return 0;
}

/* The events of the last look in one line: "opened added*": a star where it is implied. */
static const char *events(const struct look *l)
{
	static char text[512];
	size_t used = 0;

	text[0] = 0;
	for (uint64_t i = l->model.n_before; i < l->model.n_events; i++) {
		const struct bri_monitor_event *e = bri_monitor_model_event(&l->model, i);

		assert_non_null(e);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%s",
			used ? " " : "", strchr(bri_monitor_kind_name(e->kind), '-') + 1,
			e->implied ? "*" : "");
		assert_true(used < sizeof(text));
	}
	return text;
}

/* One connection with two subflows that have carried so much. */
static void look_at_two(struct look *l, uint64_t now_ns, uint64_t a, uint64_t b)
{
	struct bri_monitor_connection c = connection(1, "curl");

	begin_look(l, now_ns);
	c.has_bytes = true;
	c.tx_bytes = a + b;
	add(l, &c);
	seal(l);
	put_subflow(l, 1, 1, b, 7);
	put_subflow(l, 1, 0, a, 0);
	end_look(l);
}

static void first_look_is_no_news(void **state)
{
	struct look *l = *state;

	look_at_two(l, SECOND, 5000, 6000);
	assert_string_equal(events(l), "");
	assert_int_equal(l->model.n_tracks, 1);
	assert_int_equal(l->model.n_paths, 2);
	assert_true(l->model.tracks[0].older);
	assert_int_equal(l->model.tracks[0].tx_rate, 0);
	assert_int_equal(l->model.paths[0].tx_rate, 0);
}

static void rates_are_differences(void **state)
{
	struct look *l = *state;

	look_at_two(l, SECOND, 5000, 6000);
	look_at_two(l, 3 * SECOND, 25000, 6000);
	assert_int_equal(l->model.interval_ns, 2 * SECOND);
	assert_int_equal(l->model.tracks[0].tx_rate, 10000);
	assert_string_equal(l->model.paths[0].now.interface, "if0"); /* the initial one first */
	assert_int_equal(l->model.paths[0].tx_rate, 10000);
	assert_int_equal(l->model.paths[1].tx_rate, 0);
	assert_int_equal(l->model.paths[0].history[BRI_MONITOR_HISTORY - 1], 10000);
	assert_int_equal(l->model.paths[0].history[BRI_MONITOR_HISTORY - 2], 0);
	/* counters that go back are not a rate of 2^64 */
	look_at_two(l, 4 * SECOND, 100, 6000);
	assert_int_equal(l->model.paths[0].tx_rate, 0);
	assert_int_equal(l->model.tracks[0].tx_rate, 0);
	/* a clock that stands still divides by nothing */
	look_at_two(l, 4 * SECOND, 200, 6000);
	assert_int_equal(l->model.paths[0].tx_rate, 0);
	look_at_two(l, 5 * SECOND, UINT64_MAX / 2, 6000);
	assert_int_equal(l->model.paths[0].history[BRI_MONITOR_HISTORY - 1], UINT32_MAX);
}

static void history_is_bounded(void **state)
{
	struct look *l = *state;

	for (uint64_t i = 0; i < 3 * BRI_MONITOR_HISTORY; i++)
		look_at_two(l, (i + 1) * SECOND, i * (i + 1) / 2, 0);
	for (size_t k = 0; k < BRI_MONITOR_HISTORY; k++)
		assert_int_equal(l->model.paths[0].history[k], 2 * BRI_MONITOR_HISTORY + k);
}

static void subflows_come_and_go(void **state)
{
	struct look *l = *state;
	struct bri_monitor_connection c = connection(1, "curl");
	const struct bri_monitor_event *e;

	look_at_two(l, SECOND, 1, 1);
	begin_look(l, 2 * SECOND);
	add(l, &c);
	seal(l);
	put_subflow(l, 1, 1, 900, 0);
	put_subflow(l, 1, 2, 50, 0);
	end_look(l);
	assert_string_equal(events(l), "removed added");
	e = bri_monitor_model_event(&l->model, l->model.n_before);
	assert_string_equal(e->interface, "if0");
	assert_string_equal(e->program, "curl");
	assert_int_equal(e->wall_ns, WALL + 2 * SECOND);
	assert_int_equal(e->tx_bytes, 1);
	assert_int_equal(l->model.n_paths, 2);
	assert_int_equal(l->model.paths[0].tx_rate, 899);
	assert_int_equal(l->model.paths[1].tx_rate, 50);
}

static void connections_come_and_go(void **state)
{
	struct look *l = *state;
	struct bri_monitor_connection a = connection(1, "a"), b = connection(2, "b");

	begin_look(l, SECOND);
	add(l, &b);
	seal(l);
	put_subflow(l, 2, 0, 10, 20);
	end_look(l);

	begin_look(l, 2 * SECOND);
	add(l, &b);
	add(l, &a);
	seal(l);
	put_subflow(l, 2, 0, 10, 20);
	put_subflow(l, 1, 0, 100, 200);
	put_subflow(l, 1, 1, 1, 2);
	end_look(l);
	/* the subflow it was opened with is implied, the second one is not */
	assert_string_equal(events(l), "opened added* added");
	assert_int_equal(l->model.n_tracks, 2);
	assert_false(l->model.tracks[0].older);
	assert_int_equal(l->model.tracks[0].first_ns, 2 * SECOND);
	assert_int_equal(l->model.tracks[0].tx_rate, 101);
	assert_int_equal(l->model.tracks[0].rx_rate, 202);
	assert_int_equal(l->model.order[0], 0); /* a has throughput, b none */

	begin_look(l, 3 * SECOND);
	add(l, &b);
	seal(l);
	put_subflow(l, 2, 0, 1000000, 20);
	end_look(l);
	assert_string_equal(events(l), "removed* removed* closed");
	assert_string_equal(l->model.tracks[0].now.program, "b");
	assert_true(l->model.tracks[0].older);

	begin_look(l, 4 * SECOND);
	seal(l);
	end_look(l);
	assert_string_equal(events(l), "removed* closed");
	assert_int_equal(l->model.n_tracks, 0);
	begin_look(l, 5 * SECOND);
	seal(l);
	end_look(l);
	assert_string_equal(events(l), "");
}

static void flags_are_events(void **state)
{
	static const struct {
		bool local, remote;
		uint8_t timeouts;
		bool fallback;
		const char *expected;
	} steps[] = {
		{ false, false, 0, false, "" },
		{ true, false, 0, false, "backup" },
		{ true, true, 0, false, "" },
		{ false, true, 0, false, "" },
		{ false, false, 0, false, "regular" },
		{ false, false, 1, false, "" },
		{ false, false, 2, false, "stalled" },
		{ false, false, 9, false, "" },
		{ false, false, 1, false, "" }, /* not yet: an answer makes it 0 */
		{ false, false, 0, false, "recovered" },
		{ false, true, 3, false, "backup stalled" },
	};
	struct look *l = *state;

	for (size_t i = 0; i < BRI_LEN(steps); i++) {
		struct bri_monitor_connection c = connection(1, "x");
		struct bri_monitor_subflow s;

		begin_look(l, (i + 1) * SECOND);
		add(l, &c);
		seal(l);
		s = subflow(l, 1, 0, 0, 0);
		s.backup_local = steps[i].local;
		s.backup_remote = steps[i].remote;
		s.timeouts = steps[i].timeouts;
		put(l, &s);
		end_look(l);
		assert_string_equal(events(l), steps[i].expected);
	}
}

static void fallen_back_is_found_by_address(void **state)
{
	struct look *l = *state;
	struct bri_monitor_connection c = connection(1, "x"), d = connection(2, "y");
	struct bri_monitor_addr other = v4(1, 2, 5003);

	begin_look(l, SECOND);
	add(l, &c);
	add(l, &d);
	seal(l);
	assert_int_equal(l->snapshot.n_fallback, 0);
	assert_true(bri_monitor_snapshot_owner(&l->snapshot, 0, &d.local, &d.remote) == SIZE_MAX);
	end_look(l);

	begin_look(l, 2 * SECOND);
	d.fallback = true;
	/* a connection that fell back counts no bytes: its one subflow's are shown */
	d.has_bytes = true;
	d.tx_bytes = 3;
	add(l, &d);
	add(l, &c);
	seal(l);
	assert_int_equal(bri_monitor_snapshot_owner(&l->snapshot, 0, &d.local, &d.remote), 1);
	assert_true(bri_monitor_snapshot_owner(&l->snapshot, 0, &c.local, &c.remote) == SIZE_MAX);
	assert_true(bri_monitor_snapshot_owner(&l->snapshot, 0, &other, &d.remote) == SIZE_MAX);
	assert_true(bri_monitor_snapshot_owner(&l->snapshot, 7, &d.local, &d.remote) == SIZE_MAX);
	put_subflow(l, 2, 0, 4000, 0);
	end_look(l);
	assert_string_equal(events(l), "fell-back added");
	assert_int_equal(l->model.tracks[1].tx_bytes, 4000);
}

static void interrupted_look_loses_nothing(void **state)
{
	struct look *l = *state;
	struct bri_monitor_connection c = connection(1, "curl"), d = connection(2, "new");

	look_at_two(l, SECOND, 100, 200);
	begin_look(l, 2 * SECOND);
	l->snapshot.complete = false;
	add(l, &d);
	seal(l);
	end_look(l);
	assert_string_equal(events(l), "opened"); /* what is there is there */
	assert_int_equal(l->model.n_tracks, 2);
	assert_int_equal(l->model.n_paths, 2);

	begin_look(l, 3 * SECOND);
	l->snapshot.complete = false;
	add(l, &c);
	add(l, &d);
	seal(l);
	put_subflow(l, 1, 0, 150, 0);
	end_look(l);
	assert_string_equal(events(l), "");
	assert_int_equal(l->model.n_paths, 2);
	assert_int_equal(l->model.paths[0].tx_rate, 50);

	/* the next whole look decides */
	begin_look(l, 4 * SECOND);
	add(l, &c);
	add(l, &d);
	seal(l);
	put_subflow(l, 1, 0, 150, 0);
	end_look(l);
	assert_string_equal(events(l), "removed");
}

static void doubled_answers_count_once(void **state)
{
	struct look *l = *state;
	struct bri_monitor_connection c = connection(1, "curl");

	begin_look(l, SECOND);
	add(l, &c);
	add(l, &c);
	seal(l);
	put_subflow(l, 1, 0, 1, 1);
	put_subflow(l, 1, 0, 1, 1);
	end_look(l);
	assert_int_equal(l->model.n_tracks, 1);
	assert_int_equal(l->model.n_paths, 1);
}

static void what_was_known_stays(void **state)
{
	struct look *l = *state;
	struct bri_monitor_connection c = connection(1, "curl");
	struct bri_monitor_subflow s;

	snprintf(c.service, sizeof(c.service), "handover");
	begin_look(l, SECOND);
	add(l, &c);
	seal(l);
	put_subflow(l, 1, 0, 1, 1);
	end_look(l);
	/* the program has closed it, the address is gone: who and where it was is still worth
	 * telling */
	c.inode = 0;
	c.pid = 0;
	c.program[0] = c.service[0] = 0;
	begin_look(l, 2 * SECOND);
	add(l, &c);
	seal(l);
	s = subflow(l, 1, 0, 1, 1);
	s.interface[0] = 0;
	put(l, &s);
	end_look(l);
	assert_string_equal(l->model.tracks[0].now.program, "curl");
	assert_int_equal(l->model.tracks[0].now.pid, 1);
	assert_string_equal(l->model.tracks[0].now.service, "handover");
	assert_string_equal(l->model.paths[0].now.interface, "if0");
}

static void filters(void **state)
{
	struct look *l = *state;
	const struct bri_monitor_track *track;

	look_at_two(l, SECOND, 1, 1);
	track = l->model.tracks;
	snprintf(l->model.tracks[0].now.service, 16, "handover");
	assert_true(bri_monitor_matches(&l->model, track, ""));
	assert_true(bri_monitor_matches(&l->model, track, "CUR"));
	assert_true(bri_monitor_matches(&l->model, track, "if1"));
	assert_true(bri_monitor_matches(&l->model, track, "10.2.0.2"));
	assert_true(bri_monitor_matches(&l->model, track, ":443"));
	assert_true(bri_monitor_matches(&l->model, track, "Hand"));
	assert_false(bri_monitor_matches(&l->model, track, "if2"));
	assert_false(bri_monitor_matches(&l->model, track, "10.3."));
}

static void notes_belong_to_the_next_look(void **state)
{
	struct look *l = *state;
	struct bri_monitor_event note = { .wall_ns = WALL, .kind = BRI_MONITOR_DAEMON };

	look_at_two(l, SECOND, 1, 1);
	bri_monitor_model_note(&l->model, &note);
	look_at_two(l, 2 * SECOND, 1, 1);
	assert_int_equal(l->model.n_events - l->model.n_before, 1);
	look_at_two(l, 3 * SECOND, 1, 1);
	assert_int_equal(l->model.n_events - l->model.n_before, 0);
}

/* At the limit, and one more. */
static void limits(void **state)
{
	struct look *l = *state;
	struct bri_monitor_connection c = connection(1, "many");

	begin_look(l, SECOND);
	for (uint32_t i = 0; i < BRI_MONITOR_MAX_CONNECTIONS; i++) {
		c.cookie = i + 1;
		add(l, &c);
	}
	assert_false(l->snapshot.cut);
	add(l, &c);
	assert_true(l->snapshot.cut);
	assert_int_equal(l->snapshot.n_connections, BRI_MONITOR_MAX_CONNECTIONS);
	seal(l);
	for (uint32_t i = 0; i < BRI_MONITOR_MAX_SUBFLOWS; i++) {
		struct bri_monitor_subflow s = { .owner = i % BRI_MONITOR_MAX_CONNECTIONS,
			.cookie = i + 1 };

		put(l, &s);
	}
	assert_int_equal(l->snapshot.n_subflows, BRI_MONITOR_MAX_SUBFLOWS);
	put_subflow(l, 1, 0, 1, 1);
	assert_int_equal(l->snapshot.n_subflows, BRI_MONITOR_MAX_SUBFLOWS);
	end_look(l);
	assert_true(l->model.cut);
	/* all of them end at once: the ring keeps the newest */
	begin_look(l, 2 * SECOND);
	seal(l);
	end_look(l);
	assert_int_equal(l->model.n_events, BRI_MONITOR_MAX_CONNECTIONS + BRI_MONITOR_MAX_SUBFLOWS);
	assert_null(bri_monitor_model_event(&l->model, 0));
	assert_null(
		bri_monitor_model_event(&l->model, l->model.n_events - BRI_MONITOR_MAX_EVENTS - 1));
	assert_non_null(
		bri_monitor_model_event(&l->model, l->model.n_events - BRI_MONITOR_MAX_EVENTS));
	assert_null(bri_monitor_model_event(&l->model, l->model.n_events));
	/* incomplete looks do not pile up without end */
	for (uint64_t i = 0; i < 4; i++) {
		begin_look(l, (3 + i) * SECOND);
		l->snapshot.complete = false;
		for (uint32_t k = 0; k < BRI_MONITOR_MAX_CONNECTIONS; k++) {
			c.cookie = (i + 1) * 100000 + k;
			add(l, &c);
		}
		seal(l);
		end_look(l);
		assert_true(l->model.n_tracks <= 3 * BRI_MONITOR_MAX_CONNECTIONS);
	}
}

/* The same look split over two dumps in any order gives the same model. */
static void order_of_answers_does_not_matter(void **state)
{
	struct look *l = *state, other;
	struct bri_monitor_connection c[5];

	init_look(&other);
	for (uint32_t i = 0; i < 5; i++) {
		c[i] = connection(i + 1, "p");
		c[i].token = 500 - 10 * i; /* another order than the cookies' */
	}
	begin_look(l, SECOND);
	begin_look(&other, SECOND);
	for (uint32_t i = 0; i < 5; i++) {
		add(l, &c[i]);
		add(&other, &c[4 - i]);
	}
	seal(l);
	seal(&other);
	for (uint32_t i = 0; i < 5; i++) {
		struct bri_monitor_subflow s = { .cookie = 100 + i, .tx_bytes = i };

		s.owner = bri_monitor_snapshot_owner(&l->snapshot, c[i].token, &s.local, &s.remote);
		assert_int_equal(s.owner, i);
		assert_int_equal(bri_monitor_snapshot_owner(
					 &other.snapshot, c[i].token, &s.local, &s.remote),
			i);
		put(l, &s);
		s.cookie = 104 - i;
		s.owner = 4 - i;
		s.tx_bytes = 4 - i;
		put(&other, &s);
	}
	end_look(l);
	end_look(&other);
	assert_int_equal(l->model.n_paths, 5);
	assert_memory_equal(l->model.tracks, other.model.tracks, 5 * sizeof(*l->model.tracks));
	assert_memory_equal(l->model.paths, other.model.paths, 5 * sizeof(*l->model.paths));
	fini_look(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(first_look_is_no_news, setup, teardown),
		cmocka_unit_test_setup_teardown(rates_are_differences, setup, teardown),
		cmocka_unit_test_setup_teardown(history_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(subflows_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(connections_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(flags_are_events, setup, teardown),
		cmocka_unit_test_setup_teardown(fallen_back_is_found_by_address, setup, teardown),
		cmocka_unit_test_setup_teardown(interrupted_look_loses_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(doubled_answers_count_once, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_known_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(filters, setup, teardown),
		cmocka_unit_test_setup_teardown(notes_belong_to_the_next_look, setup, teardown),
		cmocka_unit_test_setup_teardown(limits, setup, teardown),
		cmocka_unit_test_setup_teardown(order_of_answers_does_not_matter, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
