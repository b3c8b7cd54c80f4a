/* The race's whole matrix of states and events, each state by the shortest ways to it. Knows
 * nothing of the commands but which attempts are open. */
#include <errno.h>
#include <string.h>
#include "race_util.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matrix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
