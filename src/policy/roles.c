/*
 * What each path of a connection should be now: active, backup or off. One function a service; what
 * decides is written in constants with reasons. Knows nothing of how it comes about.
 */
#include "policy/policy_internal.h"

#define MS BRI_NS_PER_MS

/* Interactive: another path must be better by a quarter and 5 ms, or data would flutter. */
#define BETTER_NUM 4u
#define BETTER_DEN 5u
#define BETTER_US  5000u
/* One lost segment of sparse traffic costs the minimum retransmission timeout of Linux. */
#define LOSS_US 200000u
/* A lone segment may wait so long for its acknowledgement without the path being slow. */
#define ACK_US 40000u
/* A path that was left is not taken again at once; twice as long each time. */
#define LEFT_NS     (2 * BRI_NS_PER_S)
#define LEFT_MAX_NS (64 * BRI_NS_PER_S)

/* Aggregate: a path that was left out is tried again after this; twice as long each time. A trial
 * costs 0.3 s. */
#define OUT_NS     (30 * BRI_NS_PER_S)
#define OUT_MAX_NS (480 * BRI_NS_PER_S)
/* It stands by meanwhile, when the peer has worked off that its subflow was closed. */
#define STAND_BY_NS BRI_NS_PER_S

/* Aggregate: until it is known what the first path carries, others would only be waited for:
 * receive buffers are small at the beginning. An idle connection gets them after this. */
#define FIRST_NS (500 * MS)

bool bri_policy_prefers(const struct bri_policy_address *a, const struct bri_policy_address *b)
{
	int32_t order_a = a->order ? a->order : INT32_MAX,
		order_b = b->order ? b->order : INT32_MAX;

	if (order_a != order_b)
		return order_a < order_b;
	if (a->metered != b->metered)
		return b->metered;
	if (a->kind != b->kind)
		return a->kind < b->kind;
	return a->metric < b->metric;
}

/* Can carry data now; `trusted`: and is not on probation. */
static bool can_carry(const struct bri_policy *p, const struct bri_conn *c,
	const struct bri_path *path, bool trusted, uint64_t now_ns)
{
	return bri_policy_up(c, path) && !path->dead && bri_policy_usable(p, c, path) &&
	       (!trusted || (path->trust_ns <= now_ns && !path->probing));
}

typedef bool (*prefer_f)(const struct bri_policy *p, const struct bri_conn *c,
	const struct bri_path *path, const struct bri_path *than, uint64_t now_ns);

/* The path that shall carry the data: the present one, unless another is preferred to it. */
static int choose(
	const struct bri_policy *p, const struct bri_conn *c, prefer_f prefer, uint64_t now_ns)
{
	int best = -1;

	for (int trusted = 1; trusted >= 0 && best < 0; trusted--) {
		if (c->primary >= 0 && can_carry(p, c, &c->paths[c->primary], false, now_ns))
			best = c->primary;
		for (int i = 0; i < (int)BRI_POLICY_PATHS_MAX; i++) {
			if (i == c->primary || !can_carry(p, c, &c->paths[i], trusted, now_ns))
				continue;
			if (best < 0 || prefer(p, c, &c->paths[i], &c->paths[best], now_ns))
				best = i;
		}
	}
	return best;
}

static bool is_cheaper(const struct bri_policy *p, const struct bri_conn *c,
	const struct bri_path *path, const struct bri_path *than, uint64_t now_ns)
{
	const struct bri_policy_address *a = bri_policy_address_of(p, path);
	const struct bri_policy_address *b = bri_policy_address_of(p, than);

	(void)c;
	(void)now_ns;
	return a && (!b || bri_policy_prefers(a, b));
}

/* What a request over this path costs: round trip, what silence adds to it, expected losses. */
static uint32_t latency_us(const struct bri_conn *c, const struct bri_path *path, uint64_t now_ns)
{
	const struct bri_subflow *s = &c->subflows[path->main];
	uint64_t silence_us = s->stall.silence_ns / BRI_NS_PER_US;
	uint32_t us = s->sample.rtt_us;

	/* a path that carries nothing is known by the last answer to a join */
	if (s->backup && path->measured_ns && path->measured_ns > s->stall.quiet_ns)
		us = path->measured_us;
	if (!us)
		us = path->measured_us ? path->measured_us : UINT32_MAX / 8;
	if (s->sample.unacked < 2)
		silence_us = silence_us > ACK_US ? silence_us - ACK_US : 0;
	if (silence_us > us)
		us = (uint32_t)bri_min_u64(silence_us, UINT32_MAX / 8);
	if (bri_stall_loss_level(&s->stall, now_ns))
		us += LOSS_US;
	return us;
}

static bool is_quicker(const struct bri_policy *p, const struct bri_conn *c,
	const struct bri_path *path, const struct bri_path *than, uint64_t now_ns)
{
	uint64_t a = latency_us(c, path, now_ns), b = latency_us(c, than, now_ns);

	(void)p;
	return (a + BETTER_US) * BETTER_DEN < b * BETTER_NUM;
}

static void set_primary(struct bri_policy *p, struct bri_conn *c, int primary, uint64_t now_ns)
{
	if (primary == c->primary || primary < 0)
		return;
	if (c->primary >= 0) {
		struct bri_path *left = &c->paths[c->primary];

		if (c->wish.service == BRI_SERVICE_INTERACTIVE && left->used) {
			/* at most one switch per lowest round trip time: it must prove itself anew
			 */
			left->hold_ns = left->hold_ns && now_ns < left->trust_ns + LEFT_MAX_NS
						? bri_min_u64(left->hold_ns * 2, LEFT_MAX_NS)
						: LEFT_NS;
			left->trust_ns = now_ns + left->hold_ns;
		}
		bri_policy_tell(p, c, BRI_POLICY_NEWS_PRIMARY, c->paths[primary].ifindex);
	}
	c->primary = (int8_t)primary;
	for (size_t i = 0; i < BRI_POLICY_PATHS_MAX; i++)
		c->paths[i].told_better = false; /* than the one before */
}

static bool beats_primary(const struct bri_policy *p, const struct bri_conn *c,
	const struct bri_path *path, int primary, uint64_t now_ns)
{
	return primary >= 0 && is_cheaper(p, c, path, &c->paths[primary], now_ns);
}

/* A connection made now would take this path, and this one cannot: its application may want to
 * know. */
static void tell_better(struct bri_policy *p, struct bri_conn *c, struct bri_path *path)
{
	if (path->told_better || !bri_policy_usable(p, c, path))
		return;
	path->told_better = true;
	bri_policy_tell(p, c, BRI_POLICY_NEWS_BETTER_PATH, path->ifindex);
}

/* One path active, the others ready (or, cold, opened only when there is no other). */
static void assign_one(struct bri_policy *p, struct bri_conn *c, prefer_f prefer, uint64_t now_ns)
{
	int primary = choose(p, c, prefer, now_ns);
	bool healthy = primary >= 0 && !c->paths[primary].probing;
	bool cold = c->wish.cold && c->wish.service == BRI_SERVICE_HANDOVER &&
		    (healthy || now_ns < c->begin_ns + BRI_NS_PER_S / 10);

	set_primary(p, c, primary, now_ns);
	for (int i = 0; i < (int)BRI_POLICY_PATHS_MAX; i++) {
		struct bri_path *path = &c->paths[i];

		if (!path->used)
			continue;
		path->role = i == primary ? BRI_ROLE_ACTIVE : BRI_ROLE_BACKUP;
		/* a cheaper path than the primary is tried all the same: data shall go back to it
		 */
		if (cold && i != primary && !beats_primary(p, c, path, primary, now_ns))
			path->role = BRI_ROLE_OFF;
		if (path->shut && c->wish.service == BRI_SERVICE_HANDOVER &&
			beats_primary(p, c, path, primary, now_ns))
			tell_better(p, c, path);
	}
}

/* The fastest path that can carry data, of those that were left out if there is no other; -1: none.
 */
static int fastest(const struct bri_policy *p, const struct bri_conn *c, uint64_t now_ns)
{
	int best = -1;

	for (int out = 0; out <= 1 && best < 0; out++) {
		for (int i = 0; i < (int)BRI_POLICY_PATHS_MAX; i++) {
			const struct bri_path *path = &c->paths[i];

			if ((path->out_until_ns > now_ns) != (out == 1) ||
				!can_carry(p, c, path, false, now_ns))
				continue;
			if (best < 0 || c->subflows[path->main].rate.peak_bps >
						c->subflows[c->paths[best].main].rate.peak_bps)
				best = i;
		}
	}
	return best;
}

static void leave_out(
	struct bri_policy *p, struct bri_conn *c, struct bri_path *path, uint64_t now_ns)
{
	struct bri_link_memory *link;

	path->out_gap_ns =
		path->out_gap_ns ? bri_min_u64(path->out_gap_ns * 2, OUT_MAX_NS) : OUT_NS;
	path->out_until_ns = now_ns + path->out_gap_ns;
	path->role = BRI_ROLE_OFF;
	path->retry_ns = now_ns + STAND_BY_NS;
	link = bri_policy_link(p, path->ifindex);
	link->narrow_to = c->initial.remote;
	link->narrow_until_ns = path->out_until_ns;
	bri_policy_tell(p, c, BRI_POLICY_NEWS_PATH_LEFT_OUT, path->ifindex);
}

/* What this path shall be at the beginning, beside the first. */
static enum bri_role at_first(const struct bri_conn *c, const struct bri_path *path)
{
	if (bri_policy_up(c, path))
		return c->subflows[path->main].backup ? BRI_ROLE_BACKUP : BRI_ROLE_ACTIVE;
	return path->joining ? BRI_ROLE_BACKUP : BRI_ROLE_OFF;
}

/* Beside the best one, once it is known what that carries. A path that was left out comes back as
 * backup: it is there at once when the best one is lost. */
static enum bri_role role_beside(
	const struct bri_conn *c, const struct bri_path *path, uint64_t now_ns)
{
	if (path->out_until_ns <= now_ns)
		return BRI_ROLE_ACTIVE;
	/* what is under way over it shall not be waited for: that subflow is closed */
	return bri_policy_up(c, path) && !c->subflows[path->main].backup ? BRI_ROLE_OFF
									 : BRI_ROLE_BACKUP;
}

/* All of them carry data, but those that hold the others back; they are tried again later. */
static void assign_all(struct bri_policy *p, struct bri_conn *c, uint64_t now_ns)
{
	int best = fastest(p, c, now_ns);
	bool begins = now_ns < c->begin_ns + FIRST_NS &&
		      (best < 0 ? c->primary < 0
				: !bri_rate_is_known(&c->subflows[c->paths[best].main].rate));

	for (int i = 0; i < (int)BRI_POLICY_PATHS_MAX; i++) {
		struct bri_path *path = &c->paths[i];
		const struct bri_rate *than;
		struct bri_subflow *s;

		if (!path->used)
			continue;
		if (i == best) {
			path->role = BRI_ROLE_ACTIVE;
			continue;
		}
		path->role = role_beside(c, path, now_ns);
		if (begins && path->role == BRI_ROLE_ACTIVE)
			path->role = at_first(c, path);
		if (best < 0 || path->role != BRI_ROLE_ACTIVE ||
			!can_carry(p, c, path, false, now_ns))
			continue;
		s = &c->subflows[path->main];
		than = &c->subflows[c->paths[best].main].rate;
		if (bri_rate_is_narrow(&s->rate, than) ||
			(s->rate_due && bri_rate_is_harmful(&s->rate, than)))
			leave_out(p, c, path, now_ns);
		s->rate_due = false;
	}
	/* any of them stands for the connection; no news while it can */
	if (c->primary < 0 || !can_carry(p, c, &c->paths[c->primary], false, now_ns) ||
		c->paths[c->primary].role != BRI_ROLE_ACTIVE)
		set_primary(p, c, best, now_ns);
}

/* No wish: things stay as they are, but what is lost is left. */
static void assign_none(struct bri_policy *p, struct bri_conn *c, uint64_t now_ns)
{
	int primary = -1;

	for (int i = 0; i < (int)BRI_POLICY_PATHS_MAX; i++) {
		struct bri_path *path = &c->paths[i];
		bool up = bri_policy_up(c, path);

		path->role = !up                              ? BRI_ROLE_OFF
			     : c->subflows[path->main].backup ? BRI_ROLE_BACKUP
							      : BRI_ROLE_ACTIVE;
		if (up && primary < 0 && path->role == BRI_ROLE_ACTIVE)
			primary = i;
	}
	set_primary(p, c, primary, now_ns);
}

void bri_roles_assign(struct bri_policy *p, struct bri_conn *c, uint64_t now_ns)
{
	if (c->primary >= 0 && !c->paths[c->primary].used)
		c->primary = -1;
	if (c->server_side) {
		assign_none(p, c, now_ns); /* the client decides, by joins and priorities */
		return;
	}
	switch (c->wish.service) {
	case BRI_SERVICE_NONE: assign_none(p, c, now_ns); break;
	case BRI_SERVICE_HANDOVER: assign_one(p, c, is_cheaper, now_ns); break;
	case BRI_SERVICE_INTERACTIVE: assign_one(p, c, is_quicker, now_ns); break;
	case BRI_SERVICE_AGGREGATE: assign_all(p, c, now_ns); break;
	}
}

uint64_t bri_roles_deadline_ns(const struct bri_conn *c, uint64_t now_ns)
{
	uint64_t at_ns = BRI_NEVER;

	if (c->wish.service == BRI_SERVICE_AGGREGATE && now_ns < c->begin_ns + FIRST_NS)
		at_ns = c->begin_ns + FIRST_NS;
	for (size_t i = 0; i < BRI_POLICY_PATHS_MAX; i++) {
		const struct bri_path *path = &c->paths[i];

		if (!path->used)
			continue;
		if (path->trust_ns > now_ns)
			at_ns = bri_min_u64(at_ns, path->trust_ns);
		if (path->out_until_ns > now_ns)
			at_ns = bri_min_u64(at_ns, path->out_until_ns);
	}
	return at_ns;
}
