/* Facts into the policy's memory of connections, paths and subflows. Decides nothing: see roles.c,
 * reconcile.c and sampling.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy_internal.h"

#define RESET_PROHIBITED 3u /* MP_TCPRST: administratively prohibited (RFC 8684, 3.6) */
/* One refusal may be a server that restarts. */
#define SHUT_FAILS       3u
#define PRIO_AGAIN_NS    (20 * BRI_NS_PER_MS)
#define PRIO_REFUSED_MAX 50u /* a second of trying; what is refused then stays so */
#define EXTRA_MAX        8u  /* what the kernel's path manager takes at most */

bool bri_policy_ip_equal(const struct bri_ip *a, const struct bri_ip *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool bri_policy_tuple_equal(const struct bri_policy_tuple *a, const struct bri_policy_tuple *b)
{
	return a->local_port == b->local_port && a->remote_port == b->remote_port &&
	       bri_policy_ip_equal(&a->local, &b->local) &&
	       bri_policy_ip_equal(&a->remote, &b->remote);
}

/* --- the object --- */

struct bri_policy *bri_policy_new(void)
{
	struct bri_policy *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	for (size_t i = 0; i < BRI_POLICY_BUCKETS; i++)
		bri_list_init(&p->buckets[i]);
	return p;
}

static void conn_free(struct bri_policy *p, struct bri_conn *c)
{
	bri_sampling_stop(p, c);
	bri_deadlines_set(&p->deadlines, &c->due, BRI_NEVER);
	bri_list_remove(&c->link);
	p->n_connections--;
	free(c);
}

void bri_policy_free(struct bri_policy *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < BRI_POLICY_BUCKETS; i++) {
		while (!bri_list_empty(&p->buckets[i]))
			conn_free(p, bri_list_entry(p->buckets[i].next, struct bri_conn, link));
	}
	bri_deadlines_fini(&p->deadlines);
	free(p->commands);
	free(p->news);
	free(p);
}

static struct bri_list *bucket(const struct bri_policy *p, uint32_t token)
{
	/* tokens are hashes already (RFC 8684, 2.2) */
	return (struct bri_list *)&p->buckets[token % BRI_POLICY_BUCKETS];
}

struct bri_conn *bri_policy_find(const struct bri_policy *p, uint32_t token)
{
	struct bri_list *head = bucket(p, token), *l;

	bri_list_foreach (l, head) {
		struct bri_conn *c = bri_list_entry(l, struct bri_conn, link);

		if (c->token == token)
			return c;
	}
	return NULL;
}

struct bri_link_memory *bri_policy_link(struct bri_policy *p, uint32_t ifindex)
{
	struct bri_link_memory *oldest = &p->links[0];

	for (size_t i = 0; i < BRI_LEN(p->links); i++) {
		struct bri_link_memory *m = &p->links[i];

		if (m->ifindex == ifindex)
			return m;
		if (!m->ifindex) {
			oldest = m;
			break;
		}
		if (m->stall.peak_at_ns < oldest->stall.peak_at_ns)
			oldest = m;
	}
	*oldest = (struct bri_link_memory) { .ifindex = ifindex };
	return oldest;
}

/* --- addresses and paths --- */

const struct bri_policy_address *bri_policy_find_address(
	const struct bri_policy_address *list, size_t n, const struct bri_ip *ip)
{
	for (size_t i = 0; i < n; i++) {
		if (bri_policy_ip_equal(&list[i].ip, ip))
			return &list[i];
	}
	return NULL;
}

const struct bri_policy_address *bri_policy_address_of(
	const struct bri_policy *p, const struct bri_path *path)
{
	return bri_policy_find_address(p->addresses, p->n_addresses, &path->ip);
}

static bool contains(const uint32_t *list, uint32_t n, uint32_t value)
{
	for (uint32_t i = 0; i < n; i++) {
		if (list[i] == value)
			return true;
	}
	return false;
}

bool bri_policy_allowed(const struct bri_conn *c, const struct bri_policy_address *a)
{
	const struct bri_policy_wish *w = &c->wish;

	if (w->n_required && !contains(w->required, w->n_required, a->ifindex))
		return false;
	if (contains(w->prohibited, w->n_prohibited, a->ifindex))
		return false;
	return !w->only_mask || (w->only_mask & 1u << a->kind);
}

bool bri_policy_usable(
	const struct bri_policy *p, const struct bri_conn *c, const struct bri_path *path)
{
	const struct bri_policy_address *a = bri_policy_address_of(p, path);

	return a && a->usable && bri_policy_allowed(c, a);
}

struct bri_path *bri_policy_path(struct bri_conn *c, const struct bri_ip *ip)
{
	for (size_t i = 0; i < BRI_POLICY_PATHS_MAX; i++) {
		if (c->paths[i].used && bri_policy_ip_equal(&c->paths[i].ip, ip))
			return &c->paths[i];
	}
	return NULL;
}

const struct bri_ip *bri_policy_key(const struct bri_conn *c, const struct bri_policy_tuple *tuple)
{
	return c->server_side ? &tuple->remote : &tuple->local;
}

static bool id_taken(const struct bri_conn *c, uint8_t id)
{
	for (size_t i = 0; i < BRI_POLICY_PATHS_MAX; i++) {
		if (c->paths[i].used && c->paths[i].local_id == id)
			return true;
	}
	for (size_t i = 0; i < BRI_POLICY_SUBFLOWS_MAX; i++) {
		if (c->subflows[i].used && c->subflows[i].local_id == id)
			return true;
	}
	return false;
}

uint8_t bri_policy_next_id(struct bri_conn *c)
{
	do {
		if (++c->next_id == 0)
			c->next_id = 1; /* 0 is the initial address (RFC 8684, 3.4.1) */
	} while (id_taken(c, c->next_id));
	return c->next_id;
}

/* A slot for one more path; one whose address is gone and that has nothing left may go for it. */
static struct bri_path *path_slot(const struct bri_policy *p, struct bri_conn *c)
{
	for (size_t i = 0; i < BRI_POLICY_PATHS_MAX; i++) {
		struct bri_path *path = &c->paths[i];

		if (!path->used)
			return path;
		if (path->main < 0 && !path->joining && !bri_policy_address_of(p, path))
			return path;
	}
	return NULL;
}

static struct bri_path *path_add(
	struct bri_policy *p, struct bri_conn *c, const struct bri_ip *ip, uint32_t ifindex, int id)
{
	struct bri_path *path = path_slot(p, c);

	if (!path)
		return NULL;
	*path = (struct bri_path) {
		.used = true,
		.ip = *ip,
		.ifindex = ifindex,
		.local_id = id < 0 ? bri_policy_next_id(c) : (uint8_t)id,
		.main = -1,
	};
	return path;
}

static bool reaches(const struct bri_conn *c, int family)
{
	if (!c->deny_join_id0 && c->initial.remote.family == family)
		return true;
	for (size_t i = 0; i < BRI_POLICY_REMOTES_MAX; i++) {
		if (c->remotes[i].used && c->remotes[i].ip.family == family)
			return true;
	}
	return false;
}

/* One path an interface is enough: several addresses of one link are not several ways. */
static bool has_path_on(const struct bri_policy *p, const struct bri_conn *c, uint32_t ifindex)
{
	for (size_t i = 0; i < BRI_POLICY_PATHS_MAX; i++) {
		const struct bri_path *path = &c->paths[i];

		if (path->used && path->ifindex == ifindex && bri_policy_usable(p, c, path))
			return true;
	}
	return false;
}

/* What a connection before this one has learned at its cost. */
static uint64_t narrow_until_ns(struct bri_policy *p, const struct bri_conn *c, uint32_t ifindex)
{
	const struct bri_link_memory *m = bri_policy_link(p, ifindex);

	return bri_policy_ip_equal(&m->narrow_to, &c->initial.remote) ? m->narrow_until_ns : 0;
}

static void add_paths(struct bri_policy *p, struct bri_conn *c)
{
	if (c->server_side)
		return;
	for (size_t i = 0; i < p->n_addresses; i++) {
		const struct bri_policy_address *a = &p->addresses[i];

		if (a->usable && reaches(c, a->ip.family) && bri_policy_allowed(c, a) &&
			!bri_policy_path(c, &a->ip) && !has_path_on(p, c, a->ifindex)) {
			struct bri_path *path = path_add(p, c, &a->ip, a->ifindex, -1);

			if (path)
				path->out_until_ns = narrow_until_ns(p, c, a->ifindex);
		}
	}
}

void bri_policy_set_running(struct bri_policy *p, const uint32_t *ifindexes, size_t n)
{
	p->n_running = bri_min_size(n, BRI_LEN(p->running));
	if (p->n_running)
		memcpy(p->running, ifindexes, p->n_running * sizeof(*ifindexes));
}

/* A join was answered, or the address is a new one. */
static void forget_failures(struct bri_path *path)
{
	path->shut = path->told_better = path->made_room = false;
	path->fails = 0;
}

/* The address of a path stopped to be usable, or began to be. */
static void note_change(struct bri_policy *p, struct bri_conn *c, struct bri_path *path,
	const struct bri_policy_address *before, uint64_t now_ns)
{
	const struct bri_policy_address *now = bri_policy_address_of(p, path);
	bool was = before && before->usable, is = now && now->usable;

	if (was && !is) {
		path->dead = true;
		if (path->joining)
			bri_reconcile_cancel(p, c, path);
		path->probing = false;
		path->gently = !now && contains(p->running, (uint32_t)p->n_running, path->ifindex);
		bri_policy_tell(p, c, BRI_POLICY_NEWS_PATH_LOST, path->ifindex);
	} else if (!was && is) {
		path->stale = bri_policy_up(c, path) && !path->leave_ns && !c->server_side;
		path->dead = path->gently = false;
		path->leave_ns = 0;
		path->ifindex = now->ifindex;
		path->retry_ns = now_ns;
		forget_failures(path);
		path->out_until_ns = path->out_gap_ns = 0;
		if (bri_policy_up(c, path)) /* no other news would take "lost" back */
			bri_policy_tell(p, c, BRI_POLICY_NEWS_PATH_BACK, path->ifindex);
	}
}

void bri_policy_set_addresses(
	struct bri_policy *p, const struct bri_policy_address *list, size_t n, uint64_t now_ns)
{
	struct bri_policy_address old[BRI_POLICY_ADDRESSES_MAX];
	size_t n_old = p->n_addresses;
	struct bri_list *l, *next;

	n = bri_min_size(n, BRI_POLICY_ADDRESSES_MAX);
	memcpy(old, p->addresses, n_old * sizeof(*old));
	if (n)
		memcpy(p->addresses, list, n * sizeof(*list));
	p->n_addresses = n;
	for (size_t i = 0; i < n; i++) {
		const struct bri_policy_address *before =
			bri_policy_find_address(old, n_old, &list[i].ip);
		struct bri_link_memory *link = bri_policy_link(p, list[i].ifindex);

		link->stall.radio = list[i].kind == BRI_PATH_CELLULAR;
		if (!before || !before->usable) /* it may be another network now */
			link->narrow_until_ns = 0;
	}
	for (size_t b = 0; b < BRI_POLICY_BUCKETS; b++) {
		bri_list_foreach_safe (l, next, &p->buckets[b]) {
			struct bri_conn *c = bri_list_entry(l, struct bri_conn, link);

			for (size_t i = 0; i < BRI_POLICY_PATHS_MAX; i++) {
				struct bri_path *path = &c->paths[i];

				if (path->used)
					note_change(p, c, path,
						bri_policy_find_address(old, n_old, &path->ip),
						now_ns);
			}
			add_paths(p, c);
			bri_reconcile(p, c, now_ns);
		}
	}
}

/* --- connections --- */

int bri_policy_on_connection(
	struct bri_policy *p, const struct bri_policy_connection *connection, uint64_t now_ns)
{
	struct bri_conn *c = bri_policy_find(p, connection->token);
	const struct bri_policy_address *a;

	if (c)
		return bri_policy_set_wish(p, connection->token, &connection->wish, now_ns);
	if (connection->initial.local.family != connection->initial.remote.family)
		return -EINVAL;
	if (bri_deadlines_reserve(&p->deadlines, p->n_connections + 1) < 0)
		return -ENOMEM;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->token = connection->token;
	c->initial = connection->initial;
	c->server_side = connection->server_side;
	c->deny_join_id0 = connection->deny_join_id0;
	c->wish = connection->wish;
	c->begin_ns = now_ns;
	c->extra_max = EXTRA_MAX;
	c->primary = -1;
	c->sample_ns = BRI_NEVER;
	c->due.at_ns = BRI_NEVER;
	bri_list_append(bucket(p, c->token), &c->link);
	p->n_connections++;
	a = bri_policy_find_address(p->addresses, p->n_addresses, &c->initial.local);
	path_add(p, c, bri_policy_key(c, &c->initial), a ? a->ifindex : 0, 0);
	/* the initial subflow is told next, if it lives */
	c->paths[0].retry_ns = now_ns + BRI_NS_PER_S;
	add_paths(p, c);
	bri_sampling_glance(p, c, now_ns);
	bri_reconcile(p, c, now_ns);
	return 0;
}

void bri_policy_on_closed(struct bri_policy *p, uint32_t token)
{
	struct bri_conn *c = bri_policy_find(p, token);

	if (c)
		conn_free(p, c);
}

int bri_policy_set_wish(
	struct bri_policy *p, uint32_t token, const struct bri_policy_wish *wish, uint64_t now_ns)
{
	struct bri_conn *c = bri_policy_find(p, token);

	if (!c)
		return -ENOENT;
	c->wish = *wish;
	for (size_t i = 0; i < BRI_POLICY_PATHS_MAX; i++)
		c->paths[i].out_until_ns = c->paths[i].out_gap_ns = 0;
	add_paths(p, c);
	bri_reconcile(p, c, now_ns);
	return 0;
}

/* --- subflows --- */

static struct bri_subflow *find_subflow(struct bri_conn *c, const struct bri_policy_tuple *tuple)
{
	for (size_t i = 0; i < BRI_POLICY_SUBFLOWS_MAX; i++) {
		if (c->subflows[i].used && bri_policy_tuple_equal(&c->subflows[i].tuple, tuple))
			return &c->subflows[i];
	}
	return NULL;
}

static struct bri_subflow *subflow_slot(struct bri_conn *c)
{
	for (size_t i = 0; i < BRI_POLICY_SUBFLOWS_MAX; i++) {
		if (!c->subflows[i].used)
			return &c->subflows[i];
	}
	return NULL;
}

/* The path answered: it lives. */
static void path_answered(struct bri_path *path, uint64_t now_ns)
{
	if (path->pending)
		path->pending--;
	if (path->joining) {
		path->measured_ns = now_ns;
		path->measured_us =
			(uint32_t)bri_min_u64((now_ns - path->join_ns) / BRI_NS_PER_US, 60000000);
	}
	path->joining = path->probing = path->dead = path->stale = false;
	forget_failures(path);
}

static void become_main(struct bri_policy *p, struct bri_conn *c, struct bri_path *path,
	struct bri_subflow *s, uint64_t now_ns)
{
	path->main = (int8_t)(s - c->subflows);
	path->leave_ns = 0;
	path->local_id = s->local_id;
	if (path->stalled) {
		path->stalled = false;
		path->back_ns = now_ns;
		path->trust_ns = now_ns + path->hold_ns;
		bri_policy_tell(p, c, BRI_POLICY_NEWS_PATH_BACK, path->ifindex);
	}
	bri_policy_tell(p, c, BRI_POLICY_NEWS_SUBFLOW_UP, path->ifindex);
}

void bri_policy_on_subflow(struct bri_policy *p, uint32_t token,
	const struct bri_policy_subflow *subflow, uint64_t now_ns)
{
	struct bri_conn *c = bri_policy_find(p, token);
	const struct bri_policy_address *a;
	struct bri_subflow *s;
	struct bri_path *path;

	if (!c || find_subflow(c, &subflow->tuple))
		return;
	s = subflow_slot(c);
	path = bri_policy_path(c, bri_policy_key(c, &subflow->tuple));
	a = bri_policy_find_address(p->addresses, p->n_addresses, &subflow->tuple.local);
	if (!path)
		path = path_add(p, c, bri_policy_key(c, &subflow->tuple),
			a ? a->ifindex : subflow->ifindex, subflow->local_id);
	if (!s || !path)
		return; /* more than we follow */
	*s = (struct bri_subflow) {
		.used = true,
		.tuple = subflow->tuple,
		.local_id = subflow->local_id,
		.remote_id = subflow->remote_id,
		.bound = subflow->ifindex,
		.backup = path->joining ? path->join_backup : subflow->backup,
		.initial = bri_policy_tuple_equal(&subflow->tuple, &c->initial),
		.up_ns = now_ns,
		.active_ns = now_ns,
	};
	if (!path->ifindex)
		path->ifindex = subflow->ifindex;
	if (bri_policy_up(c, path) && !c->server_side) {
		/* the answer to a question that was put by a join */
		struct bri_subflow *old = &c->subflows[path->main];
		bool stuck = path->stale || (old->stall.outstanding && old->sample.retransmits);

		bri_stall_is_harmless(&old->stall, now_ns);
		path_answered(path, now_ns);
		/* the path lives, but TCP waits for its next timeout: the new subflow need not */
		if (stuck)
			bri_reconcile_replace(p, c, path, s);
		else
			bri_reconcile_destroy(p, c, s);
	} else {
		path_answered(path, now_ns);
		become_main(p, c, path, s, now_ns);
	}
	bri_sampling_glance(p, c, now_ns);
	bri_reconcile(p, c, now_ns);
}

unsigned bri_policy_n_extra(const struct bri_conn *c)
{
	unsigned n = 0;

	for (size_t i = 0; i < BRI_POLICY_SUBFLOWS_MAX; i++)
		n += c->subflows[i].used && !c->subflows[i].initial && !c->subflows[i].doomed;
	return n;
}

bool bri_policy_has_other(const struct bri_conn *c, const struct bri_path *path)
{
	for (size_t i = 0; i < BRI_POLICY_PATHS_MAX; i++) {
		const struct bri_path *other = &c->paths[i];

		if (other != path && bri_policy_up(c, other) && !other->dead)
			return true;
	}
	return false;
}

/* A join from this path came to nothing. */
static void join_ended(struct bri_conn *c, struct bri_path *path, uint8_t error,
	uint32_t reset_reason, uint64_t now_ns)
{
	bool answered = error == ECONNREFUSED || error == ECONNRESET || reset_reason;

	if (path->cancelled) {
		path->cancelled--; /* of one before this */
		return;
	}
	if (path->pending)
		path->pending--;
	if (!path->joining)
		return;
	if (answered && bri_policy_up(c, path)) {
		/* a refusal is an answer: the path lives */
		bri_stall_is_harmless(&c->subflows[path->main].stall, now_ns);
		path_answered(path, now_ns);
		return;
	}
	path->joining = false;
	if (path->probing)
		path->dead = true; /* unreachable, say the route or the network */
	path->probing = false;
	if (reset_reason == RESET_PROHIBITED)
		c->extra_max = bri_policy_n_extra(c) ? bri_policy_n_extra(c) : 1;
	bri_reconcile_failed(path, answered, now_ns);
	if (answered && path->fails >= SHUT_FAILS)
		path->shut = true;
}

static void subflow_gone(
	struct bri_policy *p, struct bri_conn *c, struct bri_subflow *s, uint64_t now_ns)
{
	struct bri_path *path = bri_policy_path(c, bri_policy_key(c, &s->tuple));

	if (path && path->main == s - c->subflows) {
		path->main = -1;
		path->leave_ns = 0;
		/* closed by the peer, or by something on the way; not by us */
		if (!s->doomed) {
			bri_policy_tell(p, c, BRI_POLICY_NEWS_SUBFLOW_DOWN, path->ifindex);
			if (now_ns - s->up_ns > 10 * BRI_NS_PER_S)
				path->fails = 0;
			bri_reconcile_failed(path, true, now_ns);
		}
	}
	s->used = false;
}

void bri_policy_on_subflow_closed(struct bri_policy *p, uint32_t token,
	const struct bri_policy_tuple *tuple, uint8_t error, uint32_t reset_reason, uint64_t now_ns)
{
	struct bri_conn *c = bri_policy_find(p, token);
	struct bri_subflow *s = c ? find_subflow(c, tuple) : NULL;
	struct bri_path *path;

	if (!c)
		return;
	if (s) {
		subflow_gone(p, c, s, now_ns);
	} else {
		path = bri_policy_path(c, bri_policy_key(c, tuple));
		if (path)
			join_ended(c, path, error, reset_reason, now_ns);
	}
	bri_reconcile(p, c, now_ns);
}

void bri_policy_on_announced(struct bri_policy *p, uint32_t token, uint8_t remote_id,
	const struct bri_ip *ip, uint16_t port, uint64_t now_ns)
{
	struct bri_conn *c = bri_policy_find(p, token);
	struct bri_remote *slot = NULL;

	if (!c)
		return;
	for (size_t i = 0; i < BRI_POLICY_REMOTES_MAX; i++) {
		struct bri_remote *r = &c->remotes[i];

		if (r->used && r->id == remote_id)
			slot = r;
		else if (!r->used && !slot)
			slot = r;
	}
	if (!slot)
		return; /* the limit: a peer can announce for ever */
	*slot = (struct bri_remote) { .used = true, .id = remote_id, .ip = *ip, .port = port };
	add_paths(p, c);
	bri_reconcile(p, c, now_ns);
}

void bri_policy_on_removed(struct bri_policy *p, uint32_t token, uint8_t remote_id)
{
	struct bri_conn *c = bri_policy_find(p, token);

	for (size_t i = 0; c && i < BRI_POLICY_REMOTES_MAX; i++) {
		if (c->remotes[i].used && c->remotes[i].id == remote_id)
			c->remotes[i].used = false; /* its subflows the kernel closes, and tells */
	}
}

/* --- time and samples --- */

void bri_policy_on_activity(struct bri_policy *p, uint32_t token, uint64_t now_ns)
{
	struct bri_conn *c = bri_policy_find(p, token);

	if (!c)
		return;
	bri_sampling_wake(p, c, now_ns);
	bri_policy_arm(p, c, now_ns);
}

void bri_policy_on_sample(struct bri_policy *p, uint32_t token,
	const struct bri_policy_tuple *tuple, const struct bri_policy_sample *sample,
	uint64_t now_ns)
{
	struct bri_conn *c = bri_policy_find(p, token);
	struct bri_subflow *s = c ? find_subflow(c, tuple) : NULL;

	if (!s)
		return;
	if (!sample)
		subflow_gone(p, c, s, now_ns);
	else
		bri_sampling_judge(p, c, s, sample, now_ns);
	bri_reconcile(p, c, now_ns);
}

void bri_policy_on_refused(
	struct bri_policy *p, const struct bri_policy_command *command, int error, uint64_t now_ns)
{
	struct bri_conn *c = bri_policy_find(p, command->token);
	struct bri_path *path = c ? bri_policy_path(c, bri_policy_key(c, &command->tuple)) : NULL;
	struct bri_subflow *s;

	if (!path)
		return;
	switch (command->what) {
	case BRI_POLICY_CREATE:
		path->joining = path->probing = false;
		if (path->pending)
			path->pending--;
		bri_reconcile_failed(path, true, now_ns);
		if (error == ENOTCONN) /* not fully established yet: soon */
			path->retry_ns = now_ns + 100 * BRI_NS_PER_MS;
		break;
	case BRI_POLICY_PRIO:
	case BRI_POLICY_DESTROY:
		s = find_subflow(c, &command->tuple);
		if (s && command->what == BRI_POLICY_PRIO && error == EINVAL &&
			s->prio_refused++ < PRIO_REFUSED_MAX) {
			/* a join is told of before its last acknowledgement: again in a moment */
			s->backup = !command->backup;
			c->settle_ns = now_ns + PRIO_AGAIN_NS;
		} else if (s && (error == ESRCH || error == ENOENT || error == ENOTCONN)) {
			subflow_gone(p, c, s, now_ns);
		}
		break;
	case BRI_POLICY_REMOVE:
	case BRI_POLICY_CANCEL:
	case BRI_POLICY_SAMPLE: break;
	}
	bri_policy_arm(p, c, now_ns);
}

void bri_policy_arm(struct bri_policy *p, struct bri_conn *c, uint64_t now_ns)
{
	uint64_t at_ns = bri_min_u64(c->sample_ns, bri_roles_deadline_ns(c, now_ns));

	if (c->settle_ns)
		at_ns = bri_min_u64(at_ns, c->settle_ns);
	for (size_t i = 0; i < BRI_POLICY_PATHS_MAX; i++) {
		if (c->paths[i].used)
			at_ns = bri_min_u64(at_ns, bri_reconcile_deadline_ns(p, c, &c->paths[i]));
	}
	bri_deadlines_set(&p->deadlines, &c->due, at_ns);
}

uint64_t bri_policy_deadline_ns(const struct bri_policy *p)
{
	struct bri_deadline *first = bri_deadlines_first(&p->deadlines);

	return first ? first->at_ns : BRI_NEVER;
}

void bri_policy_expire(struct bri_policy *p, uint64_t now_ns)
{
	struct bri_deadline *first;
	size_t left = p->n_connections; /* each at most once a call */

	while (left-- && (first = bri_deadlines_first(&p->deadlines)) && first->at_ns <= now_ns) {
		struct bri_conn *c = bri_container_of(first, struct bri_conn, due);

		bri_sampling_tick(p, c, now_ns);
		bri_reconcile_expire(p, c, now_ns);
		bri_reconcile(p, c, now_ns);
	}
}
