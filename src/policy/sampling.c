/*
 * When to look at subflows, and what follows from what is seen: a path is doubted and asked, or
 * dead. Looks are frequent only while a connection moves data. Knows no roles.
 */
#include "policy/policy_internal.h"

#define MS BRI_NS_PER_MS

/* Fine enough for a decision within 60 ms of a silence, and rare enough: 0.1 % of a CPU. */
#define LOOK_NS (10 * MS)
/* Each look at a connection costs some 20 us of system calls; all together a few per cent. */
#define LOOK_COST_NS (300 * BRI_NS_PER_US)
#define LOOK_MAX_NS  (500 * MS)
/* After the last byte moved. A request each second keeps a connection under watch. */
#define ACTIVE_NS (1500 * MS)
/* Something is new: whether anything moves shows at once. */
#define GLANCE_NS (250 * MS)
/* Aggregate: so fresh is what comes over another path. */
#define SHARE_NS (60 * MS)
/* A share that is silent for longer is asked about all the same. */
#define SHARE_MAX_NS (300 * MS)
/* While a path is as new as that, others stand still since they wait for what came over it: receive
 * buffers are full with the rest. */
#define NEW_NS (3 * BRI_NS_PER_S)

static uint64_t interval(const struct bri_policy *p)
{
	uint64_t ns = p->n_active * LOOK_COST_NS;

	return ns < LOOK_NS ? LOOK_NS : bri_min_u64(ns, LOOK_MAX_NS);
}

void bri_sampling_stop(struct bri_policy *p, struct bri_conn *c)
{
	if (c->counted)
		p->n_active--;
	c->counted = false;
	c->sample_ns = BRI_NEVER;
}

void bri_sampling_glance(struct bri_policy *p, struct bri_conn *c, uint64_t now_ns)
{
	uint64_t active_ns = c->active_ns;

	bri_sampling_wake(p, c, now_ns);
	c->active_ns = now_ns + GLANCE_NS > ACTIVE_NS ? now_ns + GLANCE_NS - ACTIVE_NS : 0;
	if (c->active_ns < active_ns)
		c->active_ns = active_ns;
}

void bri_sampling_wake(struct bri_policy *p, struct bri_conn *c, uint64_t now_ns)
{
	c->active_ns = now_ns;
	if (c->counted)
		return;
	c->counted = true;
	p->n_active++;
	/* where very many wake at once the next look at all of them tells more for less */
	c->sample_ns = now_ns + interval(p);
}

static bool is_worth_a_look(const struct bri_conn *c, const struct bri_subflow *s, uint64_t now_ns)
{
	if (!s->used || s->doomed)
		return false;
	if (!s->backup || s->stall.outstanding || c->wish.service == BRI_SERVICE_NONE)
		return true;
	/* a backup carries nothing; now and then, to know its round trip time, while data moves */
	return now_ns - c->active_ns < ACTIVE_NS - GLANCE_NS &&
	       (!s->stall.sampled_ns || now_ns - s->stall.sampled_ns > LOOK_MAX_NS);
}

void bri_sampling_tick(struct bri_policy *p, struct bri_conn *c, uint64_t now_ns)
{
	if (c->sample_ns > now_ns)
		return;
	if (now_ns - c->active_ns > ACTIVE_NS) {
		bri_sampling_stop(p, c);
		return;
	}
	for (size_t i = 0; i < BRI_POLICY_SUBFLOWS_MAX; i++) {
		struct bri_subflow *s = &c->subflows[i];

		if (is_worth_a_look(c, s, now_ns))
			bri_policy_emit(p, &(struct bri_policy_command) {
						   .what = BRI_POLICY_SAMPLE,
						   .token = c->token,
						   .tuple = s->tuple,
						   .local_id = s->local_id,
						   .ifindex = s->bound,
					   });
	}
	c->sample_ns = now_ns + interval(p);
}

static struct bri_path *path_of_subflow(struct bri_conn *c, const struct bri_subflow *s)
{
	for (size_t i = 0; i < BRI_POLICY_PATHS_MAX; i++) {
		if (c->paths[i].used && c->paths[i].main == s - c->subflows)
			return &c->paths[i];
	}
	return NULL;
}

/*
 * Where several paths carry data the peer's scheduler gives each its turn, and a pause of one of
 * them is no news while data comes over another. To ask is not for nothing: when the subflow of the
 * question is closed, Linux sends all again that is not acknowledged yet.
 */
static bool is_idle_share(const struct bri_conn *c, const struct bri_subflow *s, uint64_t now_ns)
{
	if (c->wish.service != BRI_SERVICE_AGGREGATE || s->stall.outstanding)
		return false;
	if (now_ns - s->stall.data_ns > SHARE_MAX_NS)
		return false;
	for (size_t i = 0; i < BRI_POLICY_SUBFLOWS_MAX; i++) {
		const struct bri_subflow *other = &c->subflows[i];

		if (!other->used || other->doomed)
			continue;
		if (now_ns - other->stall.data_ns < SHARE_NS ||
			(other != s && !other->backup && now_ns - other->active_ns < NEW_NS))
			return true;
	}
	return false;
}

/* The path is asked by a join over it. It must answer within what its round trip time explains. */
static void doubt(struct bri_policy *p, struct bri_conn *c, struct bri_path *path,
	const struct bri_policy_sample *sample, uint64_t now_ns)
{
	if (path->probing || path->joining || c->server_side)
		return;
	/* with no other path it is worth asking when TCP waits: its timeouts double */
	if (!bri_policy_has_other(c, path) && !sample->retransmits &&
		!c->subflows[path->main].stall.rx_expected)
		return;
	if (!bri_reconcile_join(p, c, path, true, now_ns))
		return;
	path->probing = true;
	path->asked = 1;
	path->ask_ns = bri_stall_probe_ns(&c->subflows[path->main].stall,
		&bri_policy_link(p, path->ifindex)->stall, sample, now_ns);
	if (!sample->rtt_us) /* not measured yet, but its join was answered */
		path->ask_ns += path->measured_us * BRI_NS_PER_US * 3 / 2;
	path->doubt_ns = now_ns + path->ask_ns / 3; /* then asked once more */
}

void bri_sampling_judge(struct bri_policy *p, struct bri_conn *c, struct bri_subflow *s,
	const struct bri_policy_sample *sample, uint64_t now_ns)
{
	struct bri_path *path = path_of_subflow(c, s);
	enum bri_stall_verdict verdict;

	if (s->doomed || !path || !sample->established)
		return;
	verdict = bri_stall_on_sample(
		&s->stall, &bri_policy_link(p, path->ifindex)->stall, sample, now_ns);
	s->sample = *sample;
	s->rate_due |= bri_rate_on_sample(&s->rate, sample, now_ns);
	if (s->stall.active)
		c->active_ns = now_ns;
	switch (verdict) {
	case BRI_STALL_FINE:
		if (!s->stall.moved)
			break; /* no news */
		/* what came back, came back over this path */
		if (path->dead && (c->server_side || bri_policy_usable(p, c, path)))
			path->dead = false;
		path->probing = false;
		break;
	case BRI_STALL_SUSPECT:
		if (!is_idle_share(c, s, now_ns))
			doubt(p, c, path, sample, now_ns);
		break;
	case BRI_STALL_DEAD:
		if (bri_policy_has_other(c, path) || c->server_side)
			path->dead = true;
		else
			doubt(p, c, path, sample, now_ns);
		break;
	}
}
