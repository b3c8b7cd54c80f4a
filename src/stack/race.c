/*
 * Happy Eyeballs version 2 (RFC 8305): which address to try when, and which attempt wins.
 * A pure state machine: it does not resolve, open or look at a clock.
 */
#include "stack/race.h"

#include <assert.h>
#include <errno.h>

/* DNSServiceErrorType, the two whose meaning matters here. */
#define DNS_NO_SUCH_NAME   (-65538)
#define DNS_NO_SUCH_RECORD (-65554)

enum entry_state {
	ENTRY_IDLE,    /* not tried, or lost to a winner that was skipped */
	ENTRY_RUNNING, /* START was pulled */
	ENTRY_LOST,    /* tried again only if the winner is skipped */
	ENTRY_WINNER,
	ENTRY_DONE, /* failed, skipped or stopped: not tried again */
};

#define TO(state) (1u << BRI_RACE_##state)
static const unsigned edges[BRI_RACE_STATES] = {
	[BRI_RACE_RESOLVING] = TO(HOLDING) | TO(RACING) | TO(EXHAUSTED) | TO(STOPPED),
	[BRI_RACE_HOLDING] = TO(RACING) | TO(STOPPED),
	[BRI_RACE_RACING] = TO(STARVED) | TO(WON) | TO(EXHAUSTED) | TO(STOPPED),
	[BRI_RACE_STARVED] = TO(RACING) | TO(EXHAUSTED) | TO(STOPPED),
	[BRI_RACE_WON] = TO(RACING) | TO(STARVED) | TO(EXHAUSTED) | TO(STOPPED),
	[BRI_RACE_EXHAUSTED] = TO(STOPPED),
	[BRI_RACE_STOPPED] = 0,
};
#undef TO

static void enter(struct bri_race *race, enum bri_race_state state)
{
	if (!(edges[race->state] & (1u << state)))
		bri_abort("race: no way from state %d to %d", race->state, state);
	race->state = state;
	race->told = false;
}

/* The unsigned position of a family in lists[]. */
static unsigned list_of(const struct bri_race *race, int family)
{
	if (family != AF_INET && family != AF_INET6)
		bri_abort("race: address family %d", family);
	return (family == AF_INET6) == race->config.prefer_v4;
}

static void observe(struct bri_race *race, uint64_t now_ns)
{
	if (now_ns > race->now_ns)
		race->now_ns = now_ns;
}

static struct bri_race_entry *find_state(struct bri_race_list *list, enum entry_state state)
{
	for (unsigned i = 0; i < list->n; i++)
		if (list->entries[i].state == state)
			return &list->entries[i];
	return NULL;
}

static struct bri_race_entry *find_any(struct bri_race *race, enum entry_state state)
{
	struct bri_race_entry *e = find_state(&race->lists[0], state);

	return e ? e : find_state(&race->lists[1], state);
}

static struct bri_race_entry *find_id(struct bri_race *race, uint32_t id)
{
	for (unsigned f = 0; id && f < 2; f++)
		for (unsigned i = 0; i < race->lists[f].n; i++)
			if (race->lists[f].entries[i].id == id)
				return &race->lists[f].entries[i];
	return NULL;
}

/* The attempt is over by our decision: the caller must be told to close it. */
static void drop(struct bri_race_entry *e, enum entry_state state)
{
	e->state = state;
	e->close_id = e->id;
}

static struct bri_race_entry *oldest_running(struct bri_race *race)
{
	struct bri_race_entry *oldest = NULL;

	for (unsigned f = 0; f < 2; f++) {
		for (unsigned i = 0; i < race->lists[f].n; i++) {
			struct bri_race_entry *e = &race->lists[f].entries[i];

			if (e->state == ENTRY_RUNNING && (!oldest || e->id < oldest->id))
				oldest = e;
		}
	}
	return oldest;
}

static void drop_running(struct bri_race *race, enum entry_state state)
{
	struct bri_race_entry *e;

	while ((e = find_any(race, ENTRY_RUNNING)))
		drop(e, state);
	race->in_flight = 0;
}

static bool has_idle(const struct bri_race *race)
{
	/* find_any() does not write; the cast spares a second one for const */
	return find_any((struct bri_race *)race, ENTRY_IDLE) != NULL;
}

static bool all_answered(const struct bri_race *race)
{
	return race->lists[0].answered && race->lists[1].answered;
}

/*
 * Which of several failures to report: the one that says most about what to repair. What came from
 * beyond the handshake, or is a local fault that no address will cure (EACCES, EMFILE), is above
 * "refused" (the host is there), that above "timed out", that above "no way there".
 */
static int attempt_rank(struct bri_race_error error)
{
	if (!error.code)
		return 0;
	if (error.refused || error.domain != BRI_RACE_POSIX)
		return 6;
	switch (error.code) {
	case ECANCELED: return 1;
	case EAFNOSUPPORT:
	case EADDRNOTAVAIL: return 2;
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH: return 3;
	case ETIMEDOUT: return 4;
	case ECONNREFUSED: return 5;
	default: return 6;
	}
}

/* "No such name" speaks of the whole name; "no such record" of one family only, so anything that
 * befell the other family (a timeout) says more: there might have been addresses. */
static int resolve_rank(struct bri_race_error error)
{
	if (!error.code)
		return 0;
	if (error.domain == BRI_RACE_DNS && error.code == DNS_NO_SUCH_RECORD)
		return 1;
	if (error.domain == BRI_RACE_DNS && error.code == DNS_NO_SUCH_NAME)
		return 3;
	return 2;
}

static void note_attempt_error(struct bri_race *race, struct bri_race_error error)
{
	if (attempt_rank(error) > attempt_rank(race->attempt_error))
		race->attempt_error = error;
}

static void note_resolve_error(struct bri_race *race, struct bri_race_error error)
{
	if (resolve_rank(error) > resolve_rank(race->resolve_error))
		race->resolve_error = error;
}

/* RFC 8305 section 3: begin at once if the first family is there, or will not come. */
static void leave_waiting(struct bri_race *race)
{
	if (!has_idle(race)) {
		if (all_answered(race))
			enter(race, BRI_RACE_EXHAUSTED);
		return;
	}
	if (race->lists[0].answered) {
		race->next_start_ns = race->now_ns;
		enter(race, BRI_RACE_RACING);
	} else if (race->state == BRI_RACE_RESOLVING) {
		race->hold_until_ns = race->now_ns + race->config.resolution_delay_ns;
		enter(race, BRI_RACE_HOLDING);
	}
}

/* After an attempt went away: is anything left? */
static void leave_running(struct bri_race *race)
{
	if (has_idle(race)) {
		race->next_start_ns = race->now_ns;
		if (race->state != BRI_RACE_RACING)
			enter(race, BRI_RACE_RACING);
	} else if (race->in_flight) {
		return; /* only from RACING: a winner has no others beside it */
	} else if (all_answered(race)) {
		enter(race, BRI_RACE_EXHAUSTED);
	} else if (race->state != BRI_RACE_STARVED) {
		enter(race, BRI_RACE_STARVED);
	}
}

/* A family has answered, whatever it said. */
static void on_answer(struct bri_race *race)
{
	switch (race->state) {
	case BRI_RACE_RESOLVING:
	case BRI_RACE_HOLDING: leave_waiting(race); break;
	case BRI_RACE_STARVED: leave_running(race); break;
	case BRI_RACE_RACING: /* the list is read when the next attempt starts */
	case BRI_RACE_WON:    /* kept for the case that the winner is skipped */
	case BRI_RACE_EXHAUSTED:
	case BRI_RACE_STOPPED:
	case BRI_RACE_STATES: break;
	}
}

/*
 * RFC 8305 section 4: First Address Family Count addresses of the first family, then the families
 * take turns. Keeping whose turn it is, instead of one merged list, puts addresses that arrive
 * late where they belong among those not tried yet (section 5).
 */
static struct bri_race_entry *pick(struct bri_race *race)
{
	struct bri_race_entry *e = find_state(&race->lists[race->next_family], ENTRY_IDLE);
	unsigned family = race->next_family;

	if (!e) {
		family = !family;
		e = find_state(&race->lists[family], ENTRY_IDLE);
	}
	if (!e)
		return NULL;
	if (!family)
		race->first_started++;
	race->next_family = !family && race->first_started >= race->config.first_family_count;
	return e;
}

static bool may_start(const struct bri_race *race)
{
	return race->state == BRI_RACE_RACING && race->in_flight < BRI_RACE_IN_FLIGHT_MAX &&
	       has_idle(race);
}

static void start(struct bri_race *race, struct bri_race_command *ret)
{
	struct bri_race_entry *e = pick(race);

	e->state = ENTRY_RUNNING;
	e->id = ++race->started;
	race->in_flight++;
	race->next_start_ns = race->now_ns + race->config.attempt_delay_ns;
	*ret = (struct bri_race_command) {
		.kind = BRI_RACE_START, .id = e->id, .address = e->address
	};
}

static bool next_close(struct bri_race *race, struct bri_race_command *ret)
{
	for (unsigned f = 0; f < 2; f++) {
		for (unsigned i = 0; i < race->lists[f].n; i++) {
			struct bri_race_entry *e = &race->lists[f].entries[i];

			if (!e->close_id)
				continue;
			*ret = (struct bri_race_command) {
				.kind = BRI_RACE_CLOSE, .id = e->close_id, .address = e->address
			};
			e->close_id = 0;
			return true;
		}
	}
	return false;
}

static bool known(const struct bri_race_list *list, const union bri_sockaddr *address)
{
	for (unsigned i = 0; i < list->n; i++)
		if (bri_sockaddr_equal(&list->entries[i].address, address))
			return true;
	return false;
}

static void add(struct bri_race *race, union bri_sockaddr address)
{
	struct bri_race_list *list;

	bri_sockaddr_unmap(&address);
	list = &race->lists[list_of(race, address.sa.sa_family)];
	if (list->n == BRI_RACE_ADDRESSES_MAX || known(list, &address))
		return;
	list->entries[list->n++] = (struct bri_race_entry) { .address = address };
}

static uint64_t clamp(uint64_t v, uint64_t lo, uint64_t hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

void bri_race_init(struct bri_race *race, const struct bri_race_config *config, uint64_t now_ns)
{
	struct bri_race_config c = config ? *config : (struct bri_race_config) { 0 };

	if (!(c.families & (BRI_RACE_V4 | BRI_RACE_V6)))
		c.families = BRI_RACE_V4 | BRI_RACE_V6;
	if (!c.attempt_delay_ns)
		c.attempt_delay_ns = BRI_RACE_ATTEMPT_DELAY_NS;
	c.attempt_delay_ns = clamp(
		c.attempt_delay_ns, BRI_RACE_ATTEMPT_DELAY_MIN_NS, BRI_RACE_ATTEMPT_DELAY_MAX_NS);
	if (!c.resolution_delay_ns)
		c.resolution_delay_ns = BRI_RACE_RESOLUTION_DELAY_NS;
	if (!c.first_family_count)
		c.first_family_count = BRI_RACE_FIRST_FAMILY_COUNT;
	*race = (struct bri_race) { .config = c, .now_ns = now_ns };
	race->lists[list_of(race, AF_INET6)].answered = !(c.families & BRI_RACE_V6);
	race->lists[list_of(race, AF_INET)].answered = !(c.families & BRI_RACE_V4);
}

void bri_race_on_addresses(struct bri_race *race, int family, const union bri_sockaddr *addresses,
	size_t n, uint64_t now_ns)
{
	observe(race, now_ns);
	for (size_t i = 0; i < n; i++)
		add(race, addresses[i]);
	if (!n)
		note_resolve_error(race, (struct bri_race_error) { .domain = BRI_RACE_DNS,
						 .code = DNS_NO_SUCH_RECORD });
	race->lists[list_of(race, family)].answered = true;
	on_answer(race);
}

void bri_race_on_resolve_error(
	struct bri_race *race, int family, struct bri_race_error error, uint64_t now_ns)
{
	observe(race, now_ns);
	note_resolve_error(race, error);
	race->lists[list_of(race, family)].answered = true;
	on_answer(race);
}

void bri_race_on_attempt_error(
	struct bri_race *race, uint32_t id, struct bri_race_error error, uint64_t now_ns)
{
	struct bri_race_entry *e = find_id(race, id);

	observe(race, now_ns);
	if (!e || e->state != ENTRY_RUNNING)
		return;
	assert(race->state == BRI_RACE_RACING && race->in_flight);
	e->state = ENTRY_DONE;
	race->in_flight--;
	note_attempt_error(race, error);
	leave_running(race);
}

void bri_race_on_attempt_result(struct bri_race *race, uint32_t id, int result, uint64_t now_ns)
{
	struct bri_race_entry *e;

	if (result) {
		bri_race_on_attempt_error(race, id, bri_race_posix(-result), now_ns);
		return;
	}
	observe(race, now_ns);
	e = find_id(race, id);
	if (!e || e->state != ENTRY_RUNNING)
		return;
	assert(race->state == BRI_RACE_RACING && race->in_flight);
	e->state = ENTRY_WINNER;
	drop_running(race, ENTRY_LOST);
	enter(race, BRI_RACE_WON);
}

void bri_race_on_skip(struct bri_race *race, uint64_t now_ns)
{
	struct bri_race_entry *e, *lost;

	observe(race, now_ns);
	switch (race->state) {
	case BRI_RACE_RACING:
		e = oldest_running(race);
		if (!e)
			return;
		race->in_flight--;
		break;
	case BRI_RACE_WON:
		e = find_any(race, ENTRY_WINNER);
		while ((lost = find_any(race, ENTRY_LOST)))
			lost->state = ENTRY_IDLE;
		break;
	case BRI_RACE_RESOLVING:
	case BRI_RACE_HOLDING:
	case BRI_RACE_STARVED:
	case BRI_RACE_EXHAUSTED:
	case BRI_RACE_STOPPED:
	case BRI_RACE_STATES: return;
	default: bri_abort("race: state %d", race->state);
	}
	drop(e, ENTRY_DONE);
	note_attempt_error(race, bri_race_posix(ECANCELED));
	leave_running(race);
}

void bri_race_stop(struct bri_race *race)
{
	struct bri_race_entry *winner = find_any(race, ENTRY_WINNER);

	if (race->state == BRI_RACE_STOPPED)
		return;
	if (winner)
		drop(winner, ENTRY_DONE);
	drop_running(race, ENTRY_DONE);
	enter(race, BRI_RACE_STOPPED);
}

void bri_race_expire(struct bri_race *race, uint64_t now_ns)
{
	observe(race, now_ns);
	if (race->state == BRI_RACE_HOLDING && race->now_ns >= race->hold_until_ns) {
		race->next_start_ns = race->now_ns;
		enter(race, BRI_RACE_RACING);
	}
}

uint64_t bri_race_deadline_ns(const struct bri_race *race)
{
	if (race->state == BRI_RACE_HOLDING)
		return race->hold_until_ns;
	return may_start(race) ? race->next_start_ns : BRI_NEVER;
}

bool bri_race_next(struct bri_race *race, struct bri_race_command *ret)
{
	/* first, so that a socket is free before the next one opens, and WINNER is the last word */
	if (next_close(race, ret))
		return true;
	if (may_start(race) && race->now_ns >= race->next_start_ns) {
		start(race, ret);
		return true;
	}
	if (race->told)
		return false;
	if (race->state == BRI_RACE_WON) {
		const struct bri_race_entry *e = find_any(race, ENTRY_WINNER);

		*ret = (struct bri_race_command) {
			.kind = BRI_RACE_WINNER, .id = e->id, .address = e->address
		};
	} else if (race->state == BRI_RACE_EXHAUSTED) {
		*ret = (struct bri_race_command) { .kind = BRI_RACE_NONE_LEFT,
			.error = race->attempt_error.code ? race->attempt_error
							  : race->resolve_error };
	} else {
		return false;
	}
	race->told = true;
	return true;
}

unsigned bri_race_started(const struct bri_race *race)
{
	return race->started;
}

unsigned bri_race_known(const struct bri_race *race, int family)
{
	return race->lists[list_of(race, family)].n;
}
