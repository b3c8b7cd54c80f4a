/* See scan.h. Entries are sorted by token; a look makes a new list from the dump and merges it with
 * the old one. */
#include "daemon/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define CONNECTIONS_MAX 65536u /* what is over is not seen; each is 24 bytes here */
#define GAP_MIN_NS      (100 * BRI_NS_PER_MS)
#define GAP_MAX_NS      (2 * BRI_NS_PER_S)
/* A dump of 2,000 connections takes some milliseconds: all together 0.4 % of a CPU. */
#define COST_SHARE 250u
/* Anyone may ask for the list, again and again: those looks are 5 % of a CPU at most. */
#define ASKED_SHARE 20u
#define MISSED_MAX  2u /* looks without seeing it: a dump that was interrupted can miss one */

#define STATE_ESTABLISHED 1
#define STATE_LISTEN      10

struct bri_scan {
	struct bri_kernel *kernel;
	struct bri_policy *policy;
	const struct bri_network *network;
	struct bri_scan_ops ops;
	struct bri_scan_entry *entries;
	size_t n, room;
	struct bri_scan_entry *fresh; /* of this look */
	size_t n_fresh, fresh_room;
	struct bri_nl_diag *unknown; /* connections to be taken over */
	size_t n_unknown, unknown_room;
	uint16_t listening[256];
	size_t n_listening;
	uint32_t generation;
	uint64_t cost_ns;
	uint64_t now_ns;
};

struct bri_scan *bri_scan_new(struct bri_kernel *kernel, struct bri_policy *policy,
	const struct bri_network *network, const struct bri_scan_ops *ops)
{
	struct bri_scan *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->kernel = kernel;
	s->policy = policy;
	s->network = network;
	s->ops = *ops;
	return s;
}

void bri_scan_free(struct bri_scan *s)
{
	if (!s)
		return;
	free(s->entries);
	free(s->fresh);
	free(s->unknown);
	free(s);
}

static size_t lower_bound(const struct bri_scan *s, uint64_t token)
{
	size_t from = 0, to = s->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (s->entries[middle].token < token)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static struct bri_scan_entry *find(const struct bri_scan *s, uint32_t token)
{
	size_t i = lower_bound(s, token);

	return i < s->n && s->entries[i].token == token ? &s->entries[i] : NULL;
}

const struct bri_scan_entry *bri_scan_find(const struct bri_scan *s, uint32_t token)
{
	return find(s, token);
}

const struct bri_scan_entry *bri_scan_next(const struct bri_scan *s, uint64_t above)
{
	size_t i = lower_bound(s, above + 1);

	return i < s->n ? &s->entries[i] : NULL;
}

void bri_scan_leave(struct bri_scan *s, uint32_t token)
{
	struct bri_scan_entry *e = find(s, token);

	if (e)
		e->foreign = true;
	bri_policy_on_closed(s->policy, token);
}

/* --- one look --- */

static void *grow(void *list, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? *room * 2 : 64;
	void *grown;

	if (n < *room)
		return list;
	if (more > CONNECTIONS_MAX)
		return NULL;
	grown = reallocarray(list, more, size);
	if (grown)
		*room = more;
	return grown;
}

static void note_listener(struct bri_scan *s, const struct bri_nl_diag *d)
{
	struct bri_policy_tuple t;

	bri_kernel_tuple(&d->local, &d->remote, &t);
	if (s->n_listening < BRI_LEN(s->listening))
		s->listening[s->n_listening++] = t.local_port;
}

static bool is_foreign(const struct bri_scan *s, const struct bri_nl_diag *d)
{
	struct bri_policy_tuple t;

	bri_kernel_tuple(&d->local, &d->remote, &t);
	return bri_network_is_own(s->network, &t.remote);
}

static void note_unknown(struct bri_scan *s, const struct bri_nl_diag *d)
{
	struct bri_nl_diag *list =
		grow(s->unknown, s->n_unknown, &s->unknown_room, sizeof(*s->unknown));

	if (!list)
		return; /* the next look tries again */
	s->unknown = list;
	s->unknown[s->n_unknown++] = *d;
}

static void on_connection(void *context, const struct bri_nl_diag *d)
{
	struct bri_scan *s = context;
	struct bri_scan_entry *list, *old, entry;

	if (d->state == STATE_LISTEN) {
		note_listener(s, d);
		return;
	}
	if (d->state != STATE_ESTABLISHED || !d->has_mptcp || !d->mptcp.token)
		return;
	old = find(s, d->mptcp.token);
	entry = (struct bri_scan_entry) {
		.token = d->mptcp.token,
		.uid = d->uid,
		.inode = d->inode,
		.moved = d->mptcp.bytes_sent + d->mptcp.bytes_received + d->mptcp.bytes_acked +
			 d->mptcp.write_seq,
		.generation = s->generation,
		.foreign = old ? old->foreign : is_foreign(s, d),
		.followed = bri_policy_wish(s->policy, d->mptcp.token) != NULL,
	};
	if (!entry.foreign && !entry.followed)
		note_unknown(s, d);
	else if (old && old->moved != entry.moved)
		bri_policy_on_activity(s->policy, entry.token, s->now_ns);
	list = grow(s->fresh, s->n_fresh, &s->fresh_room, sizeof(*s->fresh));
	if (!list)
		return;
	s->fresh = list;
	s->fresh[s->n_fresh++] = entry;
}

static bool is_listening(const struct bri_scan *s, uint16_t port)
{
	for (size_t i = 0; i < s->n_listening; i++) {
		if (s->listening[i] == port)
			return true;
	}
	return false;
}

static void take_over(struct bri_scan *s, const struct bri_nl_diag *d)
{
	struct bri_policy_connection c = { .token = d->mptcp.token };
	struct bri_scan_entry *e = find(s, d->mptcp.token);

	bri_kernel_tuple(&d->local, &d->remote, &c.initial);
	c.server_side = is_listening(s, c.initial.local_port);
	/* no wish yet: its subflows are still to be told, and would all be made a second time */
	if (bri_policy_on_connection(s->policy, &c, s->now_ns) == 0 && e)
		e->followed = true;
}

/* Now that the policy knows what there is. */
static void begin_serving(struct bri_scan *s, const struct bri_nl_diag *d)
{
	struct bri_policy_wish wish;

	s->ops.wish(s->ops.context, d, &wish);
	bri_policy_set_wish(s->policy, d->mptcp.token, &wish, s->now_ns);
}

static void on_socket(void *context, const struct bri_nl_diag *d)
{
	struct bri_scan *s = context;
	struct bri_policy_subflow f = { .local_id = d->local_id, .remote_id = d->remote_id };

	if (!d->has_subflow || d->state != STATE_ESTABLISHED)
		return;
	bri_kernel_tuple(&d->local, &d->remote, &f.tuple);
	f.ifindex = d->ifindex;
	f.backup = d->subflow_flags & BRI_NL_SUBFLOW_BACKUP_LOCAL;
	bri_policy_on_subflow(s->policy, d->token_local, &f, s->now_ns);
}

static int by_token(const void *a, const void *b)
{
	uint32_t x = ((const struct bri_scan_entry *)a)->token;
	uint32_t y = ((const struct bri_scan_entry *)b)->token;

	return x < y ? -1 : x > y;
}

/* What was known and is not seen any more goes, after some looks. */
static void keep_unseen(struct bri_scan *s)
{
	size_t n_seen = s->n_fresh, at = 0;

	if (n_seen) /* no list yet: qsort() takes no NULL */
		qsort(s->fresh, n_seen, sizeof(*s->fresh), by_token);
	for (size_t i = 0; i < s->n; i++) {
		const struct bri_scan_entry *old = &s->entries[i];
		struct bri_scan_entry *list;

		while (at < n_seen && s->fresh[at].token < old->token)
			at++;
		if (at < n_seen && s->fresh[at].token == old->token)
			continue;
		if (s->generation - old->generation >= MISSED_MAX) {
			bri_policy_on_closed(s->policy, old->token);
			s->ops.gone(s->ops.context, old->token);
			continue;
		}
		list = grow(s->fresh, s->n_fresh, &s->fresh_room, sizeof(*s->fresh));
		if (!list)
			continue;
		s->fresh = list;
		s->fresh[s->n_fresh++] = *old;
	}
	if (s->n_fresh > n_seen)
		qsort(s->fresh, s->n_fresh, sizeof(*s->fresh), by_token);
}

static void swap_lists(struct bri_scan *s)
{
	struct bri_scan_entry *list = s->entries;
	size_t room = s->room;

	s->entries = s->fresh;
	s->n = s->n_fresh;
	s->room = s->fresh_room;
	s->fresh = list;
	s->fresh_room = room;
	s->n_fresh = 0;
}

int bri_scan_run(struct bri_scan *s, uint64_t now_ns)
{
	uint64_t began_ns = bri_clock_now_ns();
	int r;

	s->now_ns = now_ns;
	s->generation++;
	s->n_fresh = s->n_unknown = s->n_listening = 0;
	r = bri_kernel_each(s->kernel, true, s, on_connection);
	if (r < 0)
		bri_warn("cannot list the connections: %s", strerror(-r));
	keep_unseen(s);
	swap_lists(s);
	for (size_t i = 0; i < s->n_unknown; i++)
		take_over(s, &s->unknown[i]);
	if (s->n_unknown)
		r = bri_kernel_each(s->kernel, false, s, on_socket);
	for (size_t i = 0; i < s->n_unknown; i++)
		begin_serving(s, &s->unknown[i]);
	s->cost_ns = bri_clock_now_ns() - began_ns;
	return r;
}

bool bri_scan_may_run(const struct bri_scan *s, uint64_t now_ns)
{
	return now_ns - s->now_ns >= s->cost_ns * ASKED_SHARE;
}

uint64_t bri_scan_gap_ns(const struct bri_scan *s)
{
	uint64_t ns = s->cost_ns * COST_SHARE;

	return ns < GAP_MIN_NS ? GAP_MIN_NS : bri_min_u64(ns, GAP_MAX_NS);
}
