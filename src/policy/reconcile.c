/*
 * Commands that make a connection's paths what they should be: joins, priorities, leaving. The
 * order matters: what survives is made active first, then the dead path's address is withdrawn
 * (RM_ADDR must find a living subflow), then its subflow is closed, so that both ends send again
 * what was in flight. Knows no services.
 */
#include "policy/policy_internal.h"

#define MS BRI_NS_PER_MS

/* A SYN goes out at 0, 1 and 3 s; then a new one is sooner than the kernel's next, at 7 s. */
#define JOIN_NS (3200 * MS)
/* So many joins in a row without an answer before there are pauses between them. */
#define EAGER_JOINS 8u
/* A doubted path is asked so often before it is dead: a SYN can be lost like anything else. */
#define ASK_TIMES      2u
#define QUIET_MAX_NS   (30 * BRI_NS_PER_S)
#define REFUSED_NS     (250 * MS)
#define REFUSED_MAX_NS (60 * BRI_NS_PER_S)
/* A path that was given up is asked again; it may have been a pause. */
#define AGAIN_NS (300 * MS)
/* A path that came back carries nothing for so long; twice that, if it soon failed again. */
#define HOLD_NS     (1000 * MS)
#define HOLD_MAX_NS (60 * BRI_NS_PER_S)
#define SOON_NS     (30 * BRI_NS_PER_S)
/* Where the round trip time of what is left is not known. */
#define SETTLE_US 100000u
/* Interactive: the round trip time of a path that carries nothing is asked for so often. */
#define MEASURE_NS (3 * BRI_NS_PER_S)

static const struct bri_remote *announced(const struct bri_conn *c, int family)
{
	for (size_t i = 0; i < BRI_POLICY_REMOTES_MAX; i++) {
		if (c->remotes[i].used && c->remotes[i].ip.family == family)
			return &c->remotes[i];
	}
	return NULL;
}

static unsigned count_extra(const struct bri_conn *c)
{
	unsigned n = bri_policy_n_extra(c);

	for (size_t i = 0; i < BRI_POLICY_PATHS_MAX; i++)
		n += c->paths[i].used && c->paths[i].joining;
	return n;
}

/* A join from a path that was left meanwhile, or that has been silent: SYNs must not pile up. */
void bri_reconcile_cancel(struct bri_policy *p, struct bri_conn *c, struct bri_path *path)
{
	path->joining = false;
	path->cancelled += path->pending;
	path->pending = 0;
	bri_policy_emit(p, &(struct bri_policy_command) {
				   .what = BRI_POLICY_CANCEL,
				   .token = c->token,
				   .tuple.local = path->ip,
				   .local_id = path->local_id,
			   });
}

bool bri_reconcile_join(struct bri_policy *p, struct bri_conn *c, struct bri_path *path,
	bool backup, uint64_t now_ns)
{
	struct bri_policy_command command = {
		.what = BRI_POLICY_CREATE,
		.token = c->token,
		.local_id = path->local_id,
		.ifindex = path->ifindex,
		.backup = backup,
	};

	if (path->joining || !bri_policy_usable(p, c, path))
		return false;
	command.tuple.local = path->ip;
	if (!c->deny_join_id0 && c->initial.remote.family == path->ip.family) {
		command.tuple.remote = c->initial.remote;
		command.tuple.remote_port = c->initial.remote_port;
	} else {
		const struct bri_remote *r = announced(c, path->ip.family);

		if (!r)
			return false;
		command.tuple.remote = r->ip;
		command.tuple.remote_port = r->port ? r->port : c->initial.remote_port;
		command.remote_id = r->id;
	}
	if (path->pending >= ASK_TIMES)
		bri_reconcile_cancel(p, c, path);
	path->pending++;
	path->joining = true;
	path->join_backup = backup;
	path->join_ns = now_ns;
	bri_policy_emit(p, &command);
	return true;
}

void bri_reconcile_failed(struct bri_path *path, bool refused, uint64_t now_ns)
{
	uint64_t gap = 0;

	path->fails++;
	if (refused)
		gap = bri_min_u64(
			REFUSED_NS << (path->fails < 12 ? path->fails : 12), REFUSED_MAX_NS);
	else if (path->fails > EAGER_JOINS)
		gap = bri_min_u64(
			BRI_NS_PER_S << bri_min_u64(path->fails - EAGER_JOINS, 12), QUIET_MAX_NS);
	path->retry_ns = now_ns + gap;
}

void bri_reconcile_destroy(struct bri_policy *p, struct bri_conn *c, struct bri_subflow *s)
{
	if (s->doomed)
		return;
	s->doomed = true;
	bri_policy_emit(p, &(struct bri_policy_command) {
				   .what = BRI_POLICY_DESTROY,
				   .token = c->token,
				   .tuple = s->tuple,
				   .local_id = s->local_id,
				   .remote_id = s->remote_id,
			   });
}

static void set_backup(struct bri_policy *p, struct bri_conn *c, struct bri_subflow *s, bool backup)
{
	s->backup = backup;
	bri_policy_emit(p, &(struct bri_policy_command) {
				   .what = BRI_POLICY_PRIO,
				   .token = c->token,
				   .tuple = s->tuple,
				   .local_id = s->local_id,
				   .backup = backup,
			   });
}

void bri_reconcile_replace(
	struct bri_policy *p, struct bri_conn *c, struct bri_path *path, struct bri_subflow *s)
{
	struct bri_subflow *old = &c->subflows[path->main];

	path->main = (int8_t)(s - c->subflows);
	if (s->backup != old->backup)
		set_backup(p, c, s, old->backup);
	bri_reconcile_destroy(p, c, old);
}

static void remove_address(struct bri_policy *p, struct bri_conn *c, const struct bri_path *path)
{
	bri_policy_emit(p, &(struct bri_policy_command) {
				   .what = BRI_POLICY_REMOVE,
				   .token = c->token,
				   .tuple.local = path->ip,
				   .local_id = path->local_id,
			   });
}

static void withdraw(struct bri_policy *p, struct bri_conn *c, struct bri_path *path)
{
	remove_address(p, c, path);
	bri_reconcile_destroy(p, c, &c->subflows[path->main]);
	path->main = -1;
}

/* A round trip of what is left, with what the peer needs to send everything again. */
static uint64_t settle_ns(const struct bri_conn *c)
{
	uint64_t rtt_us = 0;

	for (size_t i = 0; i < BRI_POLICY_PATHS_MAX; i++) {
		const struct bri_path *path = &c->paths[i];
		uint32_t us = bri_policy_up(c, path) ? bri_policy_rtt_us(c, path) : 0;

		rtt_us = us > rtt_us ? us : rtt_us;
	}
	return (rtt_us ? rtt_us + rtt_us / 2 : SETTLE_US) * BRI_NS_PER_US;
}

/*
 * The address went, the link did not: what was sent over it arrives, and is acknowledged over what
 * is left. To close the subflow at once would send all of it again, before anything new, and the
 * window of a subflow that was idle is small. So new data moves now, and the rest a round trip
 * later. Returns false when it is time to close.
 */
static bool leaves_gently(
	struct bri_policy *p, struct bri_conn *c, struct bri_path *path, uint64_t now_ns)
{
	if (!path->gently || c->server_side)
		return false;
	if (path->leave_ns)
		return now_ns < path->leave_ns;
	remove_address(p, c, path);
	set_backup(p, c, &c->subflows[path->main], true);
	path->leave_ns = now_ns + settle_ns(c);
	return true;
}

/* What came over the path that is left shall come over the one that takes over. */
static void expect_stream(struct bri_conn *c, const struct bri_stall *from, uint64_t now_ns)
{
	const struct bri_path *to = c->primary >= 0 ? &c->paths[c->primary] : NULL;

	if (to && bri_policy_up(c, to) &&
		bri_stall_expect(&c->subflows[to->main].stall, from, c->settle_ns))
		c->active_ns = now_ns;
}

static void abandon(
	struct bri_policy *p, struct bri_conn *c, struct bri_path *path, uint64_t now_ns)
{
	bool soon = path->back_ns && now_ns - path->back_ns < path->hold_ns + SOON_NS;
	struct bri_stall from;

	if (c->server_side) {
		/* the client knows its addresses, and comes again if it can */
		bri_reconcile_destroy(p, c, &c->subflows[path->main]);
		path->main = -1;
		path->dead = false;
		return;
	}
	from = c->subflows[path->main].stall;
	if (path->leave_ns) {
		bri_reconcile_destroy(p, c, &c->subflows[path->main]); /* withdrawn already */
		path->main = -1;
	} else {
		withdraw(p, c, path);
	}
	path->leave_ns = 0;
	path->gently = false;
	/* the peer closes what has the old id some time after it heard of it, what is new included
	 */
	if (!path->pending)
		path->local_id = bri_policy_next_id(c);
	path->stalled = true;
	path->probing = false; /* a question that is still out is now the first attempt to return */
	path->hold_ns =
		path->hold_ns && soon ? bri_min_u64(path->hold_ns * 2, HOLD_MAX_NS) : HOLD_NS;
	path->retry_ns = now_ns + AGAIN_NS;
	path->fails = 0;
	path->dead = false;
	c->settle_ns = now_ns + settle_ns(c);
	expect_stream(c, &from, now_ns);
	if (bri_policy_usable(p, c, path))
		bri_policy_tell(p, c, BRI_POLICY_NEWS_PATH_STALLED, path->ifindex);
}

static void leave_dead(struct bri_policy *p, struct bri_conn *c, uint64_t now_ns)
{
	for (size_t i = 0; i < BRI_POLICY_PATHS_MAX; i++) {
		struct bri_path *path = &c->paths[i];

		if (bri_policy_up(c, path) && path->dead && bri_policy_has_other(c, path) &&
			!leaves_gently(p, c, path, now_ns))
			abandon(p, c, path, now_ns);
	}
}

/*
 * MP_PRIO: first what becomes active, then what becomes backup, so that there is always one.
 * Not at once after a path was left: the peer would hear of the new priority before it has closed
 * the dead subflow, and send what is new before what was lost. A backup carries the data meanwhile,
 * since there is nothing else.
 */
static void set_priorities(struct bri_policy *p, struct bri_conn *c, uint64_t now_ns)
{
	bool active = false;

	if (c->settle_ns > now_ns)
		return;
	c->settle_ns = 0;

	for (size_t i = 0; i < BRI_POLICY_PATHS_MAX; i++) {
		struct bri_path *path = &c->paths[i];

		if (!bri_policy_up(c, path) || path->role != BRI_ROLE_ACTIVE)
			continue;
		active = true;
		if (c->subflows[path->main].backup) {
			c->subflows[path->main].active_ns = now_ns;
			set_backup(p, c, &c->subflows[path->main], false);
		}
	}
	for (size_t i = 0; i < BRI_POLICY_PATHS_MAX; i++) {
		struct bri_path *path = &c->paths[i];

		if (!active || !bri_policy_up(c, path) || path->dead ||
			path->role != BRI_ROLE_BACKUP || c->subflows[path->main].backup)
			continue;
		set_backup(p, c, &c->subflows[path->main], true);
	}
}

/* A subflow that works: its path may have another one later, with another id. */
static void give_up(struct bri_policy *p, struct bri_conn *c, struct bri_path *path)
{
	withdraw(p, c, path);
	if (path->pending)
		bri_reconcile_cancel(p, c, path);
	path->local_id = bri_policy_next_id(c);
}

static void leave_unwanted(struct bri_policy *p, struct bri_conn *c)
{
	for (size_t i = 0; i < BRI_POLICY_PATHS_MAX; i++) {
		struct bri_path *path = &c->paths[i];
		const struct bri_policy_address *a = bri_policy_address_of(p, path);
		bool forbidden = a && !bri_policy_allowed(c, a);

		if (!bri_policy_up(c, path) || (path->role != BRI_ROLE_OFF && !forbidden))
			continue;
		/* what the application forbids goes even if nothing else is left */
		if (forbidden || bri_policy_has_other(c, path))
			give_up(p, c, path);
	}
}

static bool wants_join(
	const struct bri_policy *p, const struct bri_conn *c, const struct bri_path *path)
{
	return path->used && path->role != BRI_ROLE_OFF && !path->joining &&
	       (!bri_policy_up(c, path) || path->stale) && bri_policy_usable(p, c, path);
}

/* When the idle round trip time of this path should be asked for. */
static uint64_t measure_at_ns(const struct bri_conn *c, const struct bri_path *path)
{
	if (c->wish.service != BRI_SERVICE_INTERACTIVE || c->server_side || path->joining ||
		!bri_policy_up(c, path) || path->role != BRI_ROLE_BACKUP || !c->counted)
		return BRI_NEVER;
	if (path->trust_ns > path->measured_ns + MEASURE_NS)
		return path->trust_ns;
	return path->measured_ns + MEASURE_NS;
}

/*
 * The peer takes so many subflows and no more, and the preferred path is worth more than the last
 * of the backups: that one goes, and a round trip later the peer has room.
 */
static bool make_room(
	struct bri_policy *p, struct bri_conn *c, struct bri_path *path, uint64_t now_ns)
{
	const struct bri_policy_address *a = bri_policy_address_of(p, path), *last_address = NULL;
	struct bri_path *last = NULL;

	if (c->wish.service != BRI_SERVICE_HANDOVER || path->made_room || !a)
		return false;
	for (int i = 0; i < (int)BRI_POLICY_PATHS_MAX; i++) {
		struct bri_path *other = &c->paths[i];
		const struct bri_policy_address *b = bri_policy_address_of(p, other);

		if (i == c->primary || other->role != BRI_ROLE_BACKUP || !b ||
			!bri_policy_up(c, other) || !bri_policy_prefers(a, b) ||
			(last_address && bri_policy_prefers(b, last_address)))
			continue;
		last = other;
		last_address = b;
	}
	if (!last)
		return false;
	give_up(p, c, last);
	last->retry_ns = now_ns + REFUSED_MAX_NS;
	path->made_room = true;
	path->retry_ns = now_ns + settle_ns(c);
	return true;
}

/* No subflow of this path now, by the peer's limits. */
static void has_no_room(
	struct bri_policy *p, struct bri_conn *c, struct bri_path *path, uint64_t now_ns)
{
	if (make_room(p, c, path, now_ns))
		return;
	path->shut = true;
	path->retry_ns = now_ns + REFUSED_MAX_NS;
}

static void join_wanted(struct bri_policy *p, struct bri_conn *c, uint64_t now_ns)
{
	if (c->server_side)
		return;
	for (size_t i = 0; i < BRI_POLICY_PATHS_MAX; i++) {
		struct bri_path *path = &c->paths[i];

		if (wants_join(p, c, path) && path->retry_ns <= now_ns) {
			if (count_extra(c) >= c->extra_max)
				has_no_room(p, c, path, now_ns);
			else if (!bri_reconcile_join(
					 p, c, path, path->role == BRI_ROLE_BACKUP, now_ns))
				path->retry_ns = now_ns + REFUSED_MAX_NS;
		} else if (path->used && measure_at_ns(c, path) <= now_ns) {
			if (!bri_reconcile_join(p, c, path, true, now_ns))
				path->measured_ns = now_ns;
		}
	}
}

void bri_reconcile_expire(struct bri_policy *p, struct bri_conn *c, uint64_t now_ns)
{
	for (size_t i = 0; i < BRI_POLICY_PATHS_MAX; i++) {
		struct bri_path *path = &c->paths[i];

		if (!path->used)
			continue;
		if (path->probing && path->doubt_ns <= now_ns && path->asked < ASK_TIMES) {
			/* the question itself may have been lost; either answer will do */
			path->joining = false;
			path->asked++;
			path->doubt_ns = now_ns + path->ask_ns;
			if (!bri_reconcile_join(p, c, path, true, now_ns))
				path->joining = true;
		} else if (path->probing && path->doubt_ns <= now_ns) {
			path->probing = false;
			path->dead = true;
		}
		if (path->joining && path->join_ns + JOIN_NS <= now_ns) {
			bri_reconcile_cancel(p, c, path);
			if (bri_policy_up(c, path) && !path->stale) {
				path->measured_ns = now_ns; /* it was a measurement */
				path->measured_us = JOIN_NS / BRI_NS_PER_US;
			} else {
				/* with the same id: the kernel ties it to the address until one of
				 * both is withdrawn */
				bri_reconcile_failed(path, false, now_ns);
			}
		}
	}
}

uint64_t bri_reconcile_deadline_ns(
	const struct bri_policy *p, const struct bri_conn *c, const struct bri_path *path)
{
	uint64_t at_ns = BRI_NEVER;

	if (path->joining)
		at_ns = path->join_ns + JOIN_NS;
	if (path->leave_ns)
		at_ns = bri_min_u64(at_ns, path->leave_ns);
	if (path->probing)
		at_ns = bri_min_u64(at_ns, path->doubt_ns);
	if (!c->server_side && wants_join(p, c, path))
		at_ns = bri_min_u64(at_ns, path->retry_ns);
	return bri_min_u64(at_ns, measure_at_ns(c, path));
}

void bri_reconcile(struct bri_policy *p, struct bri_conn *c, uint64_t now_ns)
{
	bri_roles_assign(p, c, now_ns);
	leave_dead(p, c, now_ns);
	set_priorities(p, c, now_ns);
	leave_unwanted(p, c);
	join_wanted(p, c, now_ns);
	bri_policy_arm(p, c, now_ns);
}
