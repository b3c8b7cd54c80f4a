/* What is known, for status displays. Changes nothing. */
#include "policy/policy_internal.h"

size_t bri_policy_n_connections(const struct bri_policy *p)
{
	return p->n_connections;
}

size_t bri_policy_paths(const struct bri_policy *p, uint32_t token,
	struct bri_policy_path_state ret[BRI_POLICY_PATHS_MAX])
{
	struct bri_conn *c = bri_policy_find(p, token);
	size_t n = 0;

	for (size_t i = 0; c && i < BRI_POLICY_PATHS_MAX; i++) {
		const struct bri_path *path = &c->paths[i];
		bool up = bri_policy_up(c, path);

		if (!path->used)
			continue;
		ret[n++] = (struct bri_policy_path_state) {
			.ifindex = path->ifindex,
			.ip = path->ip,
			.up = up,
			.primary = c->primary == (int)i,
			.backup = up && c->subflows[path->main].backup,
			.stalled = path->stalled || path->dead,
			.rtt_us = bri_policy_rtt_us(c, path),
		};
	}
	return n;
}

size_t bri_policy_subflows(const struct bri_policy *p, uint32_t token,
	struct bri_policy_subflow_state ret[BRI_POLICY_SUBFLOWS_MAX])
{
	struct bri_conn *c = bri_policy_find(p, token);
	size_t n = 0;

	for (size_t i = 0; c && i < BRI_POLICY_SUBFLOWS_MAX; i++) {
		const struct bri_subflow *s = &c->subflows[i];
		const struct bri_path *path;
		const struct bri_policy_address *a;

		if (!s->used || s->doomed)
			continue;
		path = bri_policy_path(c, bri_policy_key(c, &s->tuple));
		a = bri_policy_find_address(p->addresses, p->n_addresses, &s->tuple.local);
		ret[n++] = (struct bri_policy_subflow_state) {
			.tuple = s->tuple,
			.local_id = s->local_id,
			.remote_id = s->remote_id,
			.ifindex = a ? a->ifindex : s->bound,
			.backup = s->backup,
			.primary = path && c->primary == path - c->paths,
			.stalled = path && path->dead,
			.rtt_us = s->sample.rtt_us,
		};
	}
	return n;
}

bool bri_policy_is_server_side(const struct bri_policy *p, uint32_t token)
{
	const struct bri_conn *c = bri_policy_find(p, token);

	return c && c->server_side;
}

const struct bri_policy_wish *bri_policy_wish(const struct bri_policy *p, uint32_t token)
{
	struct bri_conn *c = bri_policy_find(p, token);

	return c ? &c->wish : NULL;
}

void bri_policy_each(
	const struct bri_policy *p, void *context, void (*fn)(void *context, uint32_t token))
{
	struct bri_list *l;

	for (size_t b = 0; b < BRI_POLICY_BUCKETS; b++) {
		bri_list_foreach (l, (struct bri_list *)&p->buckets[b])
			fn(context, bri_list_entry(l, struct bri_conn, link)->token);
	}
}
