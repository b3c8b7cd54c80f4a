/* What the control socket's clients ask, answered from the daemon's state. Who a client is, and how
 * much it may ask, the control server knows; what they want is in wishes.c. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <braid/version.h>

#include "base/clock.h"
#include "daemon/daemon_internal.h"

static void on_status(void *context, struct bri_message_status *ret)
{
	struct bri_daemon *d = context;

	snprintf(ret->version, sizeof(ret->version), "%s", BRAID_VERSION_STRING);
	ret->mode = d->steers_kernel ? BRI_MESSAGE_MODE_KERNEL : BRI_MESSAGE_MODE_USERSPACE;
	bri_daemon_missing(d, ret->missing);
	ret->default_service = d->options.config->default_service;
	ret->n_connections = (uint32_t)bri_policy_n_connections(d->policy);
	ret->uptime_s = (bri_clock_now_ns() - d->started_ns) / BRI_NS_PER_S;
}

/* --- lists --- */

static uint8_t message_kind(enum bri_path_kind kind)
{
	switch (kind) {
	case BRI_PATH_WIRED: return BRI_MESSAGE_KIND_WIRED;
	case BRI_PATH_WIFI: return BRI_MESSAGE_KIND_WIFI;
	case BRI_PATH_CELLULAR: return BRI_MESSAGE_KIND_CELLULAR;
	case BRI_PATH_TUNNEL: return BRI_MESSAGE_KIND_TUNNEL;
	case BRI_PATH_OTHER: break;
	}
	return BRI_MESSAGE_KIND_OTHER;
}

static struct bri_ip gateway_of(const struct bri_netstate *s, uint32_t ifindex, int family)
{
	for (size_t i = 0; i < s->n_routes; i++) {
		const struct bri_netroute *r = &s->routes[i];

		if (r->ifindex == ifindex && !r->prefix && r->dst.family == family &&
			!bri_routing_is_own_table(r->table))
			return r->gateway;
	}
	return (struct bri_ip) { 0 };
}

static const char *why_unusable(const struct bri_netstate *s, const struct bri_netif *link,
	const struct bri_policy_address *a)
{
	if (a->usable)
		return "";
	if (!link || !link->up)
		return "the link is down";
	if (!link->running)
		return "the link has no carrier";
	for (size_t i = 0; i < s->n_routes; i++) {
		const struct bri_netroute *r = &s->routes[i];

		if (r->ifindex == a->ifindex && !r->prefix && r->dst.family == a->ip.family &&
			!bri_routing_is_own_table(r->table))
			return "the address is tentative or deprecated";
	}
	return "no default route over this interface";
}

static int on_paths(void *context, uint64_t *cursor, struct bri_message_path *ret)
{
	struct bri_daemon *d = context;
	const struct bri_netstate *s = bri_network_state(d->network);
	struct bri_policy_address list[BRI_POLICY_ADDRESSES_MAX], *a;
	size_t n = bri_network_addresses(d->network, list);
	const struct bri_netif *link;

	if (*cursor >= n)
		return 0;
	a = &list[(*cursor)++];
	link = bri_netstate_by_index(s, a->ifindex);
	ret->ifindex = a->ifindex;
	snprintf(ret->name, sizeof(ret->name), "%s", link ? link->name : "?");
	ret->kind = message_kind(a->kind);
	ret->flags = (a->usable ? BRI_MESSAGE_PATH_USABLE : 0) |
		     (a->metered ? BRI_MESSAGE_PATH_METERED : 0);
	/* its place among all of them: how many are preferred to it */
	for (size_t i = 0; i < n; i++)
		ret->order += bri_policy_prefers(&list[i], a);
	ret->address = a->ip;
	ret->gateway = gateway_of(s, a->ifindex, a->ip.family);
	snprintf(ret->why, sizeof(ret->why), "%s", why_unusable(s, link, a));
	return 1;
}

static void fill_subflow(const struct bri_policy_subflow_state *s, struct bri_message_subflow *ret)
{
	*ret = (struct bri_message_subflow) {
		.local = s->tuple.local,
		.remote = s->tuple.remote,
		.local_port = s->tuple.local_port,
		.remote_port = s->tuple.remote_port,
		.local_id = s->local_id,
		.remote_id = s->remote_id,
		.flags = (s->backup ? BRI_MESSAGE_SUBFLOW_BACKUP : 0) |
			 (s->primary ? BRI_MESSAGE_SUBFLOW_PRIMARY : 0),
		.ifindex = s->ifindex,
		.rtt_us = s->rtt_us,
	};
	snprintf(ret->state, sizeof(ret->state), "%s", s->stalled ? "stalled" : "established");
}

static int on_list(void *context, uint64_t *cursor, struct bri_message_connection *ret)
{
	struct bri_daemon *d = context;
	struct bri_policy_subflow_state subflows[BRI_POLICY_SUBFLOWS_MAX];
	const struct bri_scan_entry *e;
	const struct bri_owner *owner;
	size_t n;

	if (!d->scan)
		return 0;
	if (!*cursor)
		bri_daemon_see_new(d);
	/* tokens are 32 bits wide: the cursor is the last one, plus one */
	do {
		e = bri_scan_next(d->scan, *cursor);
		if (!e)
			return 0;
		*cursor = (uint64_t)e->token + 1;
		owner = bri_owners_find(&d->owners, e->token);
	} while (!owner || !bri_policy_wish(d->policy, e->token));
	ret->token = e->token;
	ret->uid = owner->uid;
	ret->pid = (uint32_t)owner->pid;
	memcpy(ret->program, owner->program, sizeof(ret->program));
	ret->service = (uint8_t)owner->wish.service;
	ret->source = (uint8_t)owner->source;
	ret->flags =
		(owner->wish.cold ? BRI_MESSAGE_CONNECTION_COLD : 0) |
		(owner->claimed ? BRI_MESSAGE_CONNECTION_CLAIMED : 0) |
		(bri_policy_is_server_side(d->policy, e->token) ? BRI_MESSAGE_CONNECTION_ACCEPTED
								: 0);
	n = bri_policy_subflows(d->policy, e->token, subflows);
	ret->n_subflows = (uint8_t)bri_min_size(n, BRI_MESSAGE_MAX_SUBFLOWS);
	for (size_t i = 0; i < ret->n_subflows; i++)
		fill_subflow(&subflows[i], &ret->subflows[i]);
	return 1;
}

/* --- metrics --- */

static int on_metrics(void *context, uint64_t *cursor, struct bri_message_metrics_piece *ret)
{
	static const char *const news[] = { "subflow_up", "subflow_down", "primary", "path_lost",
		"path_stalled", "path_back", "path_left_out", "better_path" };
	struct bri_daemon *d = context;
	struct bri_control_counts counts;
	size_t at = 0;

	if ((*cursor)++)
		return 0;
	bri_control_server_counts(d->control, &counts);
	at = (size_t)snprintf(ret->text, sizeof(ret->text),
		"# HELP braidd_connections MPTCP connections that are managed.\n"
		"# TYPE braidd_connections gauge\nbraidd_connections %zu\n"
		"# HELP braidd_claims Connections whose application said a service.\n"
		"# TYPE braidd_claims gauge\nbraidd_claims %u\n"
		"# HELP braidd_clients Clients of the control socket.\n"
		"# TYPE braidd_clients gauge\nbraidd_clients %u\n"
		"# HELP braidd_client_requests_total Requests of clients.\n"
		"# TYPE braidd_client_requests_total counter\nbraidd_client_requests_total %llu\n"
		"# HELP braidd_client_refused_total Clients that were refused, by limits.\n"
		"# TYPE braidd_client_refused_total counter\nbraidd_client_refused_total %llu\n"
		"# HELP braidd_client_malformed_total Messages that were malformed.\n"
		"# TYPE braidd_client_malformed_total counter\nbraidd_client_malformed_total "
		"%llu\n"
		"# HELP braidd_orders_total Orders to the kernel.\n"
		"# TYPE braidd_orders_total counter\nbraidd_orders_total %llu\n"
		"# HELP braidd_orders_refused_total Orders that the kernel refused.\n"
		"# TYPE braidd_orders_refused_total counter\nbraidd_orders_refused_total %llu\n"
		"# HELP braidd_samples_total Looks at a subflow.\n"
		"# TYPE braidd_samples_total counter\nbraidd_samples_total %llu\n"
		"# HELP braidd_scans_total Looks at all connections.\n"
		"# TYPE braidd_scans_total counter\nbraidd_scans_total %llu\n"
		"# HELP braidd_events_total What became of paths and subflows.\n"
		"# TYPE braidd_events_total counter\n",
		bri_policy_n_connections(d->policy), counts.claims, counts.clients,
		(unsigned long long)counts.requests, (unsigned long long)counts.refused,
		(unsigned long long)counts.malformed, (unsigned long long)d->n_orders,
		(unsigned long long)d->n_refused, (unsigned long long)d->n_samples,
		(unsigned long long)d->n_scans);
	_Static_assert(BRI_LEN(news) == BRI_LEN(d->n_news), "a word for each of the news");
	for (size_t i = 0; i < BRI_LEN(news) && at < sizeof(ret->text); i++)
		at += (size_t)snprintf(ret->text + at, sizeof(ret->text) - at,
			"braidd_events_total{event=\"%s\"} %llu\n", news[i],
			(unsigned long long)d->n_news[i]);
	return 1;
}

struct bri_control_ops bri_answers(struct bri_daemon *d)
{
	return (struct bri_control_ops) {
		.context = d,
		.status = on_status,
		.claim = bri_daemon_claim,
		.release = bri_daemon_release,
		.set = bri_daemon_set,
		.set_socket = bri_daemon_set_socket,
		.paths = on_paths,
		.list = on_list,
		.metrics = on_metrics,
	};
}
