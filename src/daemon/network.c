/* See network.h. The state is read whole after each change: an event only says that it is time. */
#include "daemon/network.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/routing.h"
#include "dispatch/runtime.h"
#include "netlink/nl_socket.h"

/* A burst: link, address and route of one change. The first look is at once, the last after it. */
#define BURST_NS (30 * BRI_NS_PER_MS)

struct bri_network {
	struct bri_nl_socket *events;
	struct bri_watch *watch;
	struct bri_timer *timer;
	struct bri_netstate *state;
	void *context;
	bri_network_rule_f rule;
	void (*on_change)(void *context);
};

static void look(struct bri_network *n)
{
	struct bri_netstate *state;
	int r = bri_netstate_read(&state);

	if (r < 0) {
		bri_warn("cannot read the network's state: %s", strerror(-r));
		return;
	}
	if (n->state && bri_netstate_equal(n->state, state)) {
		bri_netstate_put(state);
		return;
	}
	bri_netstate_put(n->state);
	n->state = state;
	n->on_change(n->context);
}

static int on_message(void *context, const struct nlmsghdr *msg)
{
	(void)context;
	(void)msg;
	return 0;
}

static void on_events(void *context, uint32_t events)
{
	struct bri_network *n = context;
	int r;

	(void)events;
	do
		r = bri_nl_socket_receive(n->events, on_message, NULL);
	while (r == BRI_NL_MORE || r == BRI_NL_OVERRUN);
	if (r < 0)
		bri_warn("network events: %s", strerror(-r));
	look(n);
	bri_timer_set(n->timer, bri_clock_now_ns() + BURST_NS);
}

static void on_burst_end(void *context)
{
	look(context);
}

int bri_network_open(struct dispatch_queue_s *queue, void *context, bri_network_rule_f rule,
	void (*on_change)(void *context), struct bri_network **ret)
{
	struct bri_network *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return -ENOMEM;
	n->context = context;
	n->rule = rule;
	n->on_change = on_change;
	r = bri_nl_socket_open(NETLINK_ROUTE,
		RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
			RTMGRP_IPV6_ROUTE,
		&n->events);
	if (r == 0)
		r = bri_timer_new(queue, n, on_burst_end, &n->timer);
	if (r == 0)
		r = bri_netstate_read(&n->state);
	if (r == 0)
		r = bri_watch_new(queue, bri_nl_socket_fd(n->events), n, on_events, &n->watch);
	if (r < 0) {
		bri_network_close(n);
		return r;
	}
	*ret = n;
	return 0;
}

void bri_network_close(struct bri_network *n)
{
	if (!n)
		return;
	bri_watch_free(n->watch);
	if (n->timer)
		bri_timer_free(n->timer);
	bri_nl_socket_close(n->events);
	if (n->state)
		bri_netstate_put(n->state);
	free(n);
}

static enum bri_path_kind kind_of(const struct bri_netif *i)
{
	static const char *const tunnels[] = { "wireguard", "tun", "ipip", "sit", "gre", "vti",
		"xfrm", "ip6tnl", "ppp" };

	for (size_t t = 0; t < BRI_LEN(tunnels); t++) {
		if (strcmp(i->kind, tunnels[t]) == 0)
			return BRI_PATH_TUNNEL;
	}
	switch (i->type) {
	case BRI_IFTYPE_WIRED: return BRI_PATH_WIRED;
	case BRI_IFTYPE_WIFI: return BRI_PATH_WIFI;
	case BRI_IFTYPE_CELLULAR: return BRI_PATH_CELLULAR;
	case BRI_IFTYPE_OTHER:
	case BRI_IFTYPE_LOOPBACK: break;
	}
	return BRI_PATH_OTHER;
}

/* A way to the world by this interface, in whatever table: the best metric. */
static bool default_route(
	const struct bri_netstate *s, uint32_t ifindex, int family, uint32_t *ret_metric)
{
	bool found = false;

	for (size_t i = 0; i < s->n_routes; i++) {
		const struct bri_netroute *r = &s->routes[i];

		/* those that we made from others do not make an address usable */
		if (r->ifindex != ifindex || r->prefix || r->dst.family != family ||
			bri_routing_is_own_table(r->table))
			continue;
		if (!found || r->metric < *ret_metric)
			*ret_metric = r->metric;
		found = true;
	}
	return found;
}

size_t bri_network_addresses(
	const struct bri_network *n, struct bri_policy_address ret[BRI_POLICY_ADDRESSES_MAX])
{
	const struct bri_netstate *s = n->state;
	size_t count = 0;

	for (size_t i = 0; i < s->n_addresses && count < BRI_POLICY_ADDRESSES_MAX; i++) {
		const struct bri_netaddr *a = &s->addresses[i];
		const struct bri_netif *link = bri_netstate_by_index(s, a->ifindex);
		struct bri_network_rule rule = { .kind = -1, .metered = -1 };
		uint32_t metric = 0;
		bool route;

		if (!link || link->type == BRI_IFTYPE_LOOPBACK || bri_ip_is_loopback(&a->ip) ||
			(a->flags & BRI_NETADDR_LINK))
			continue;
		n->rule(n->context, link->name, &rule);
		if (rule.ignore)
			continue;
		route = default_route(s, a->ifindex, a->ip.family, &metric);
		ret[count++] = (struct bri_policy_address) {
			.ifindex = a->ifindex,
			.ip = a->ip,
			.kind = rule.kind >= 0 ? (enum bri_path_kind)rule.kind : kind_of(link),
			.metered = rule.metered >= 0 ? rule.metered : link->expensive,
			.order = rule.order,
			.metric = metric,
			.usable = link->up && link->running && route &&
				  !(a->flags & (BRI_NETADDR_TENTATIVE | BRI_NETADDR_DEPRECATED)),
		};
	}
	return count;
}

size_t bri_network_running(const struct bri_network *n, uint32_t ret[BRI_POLICY_ADDRESSES_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < n->state->n_interfaces && count < BRI_POLICY_ADDRESSES_MAX; i++) {
		const struct bri_netif *link = &n->state->interfaces[i];

		if (link->up && link->running)
			ret[count++] = link->index;
	}
	return count;
}

const struct bri_netstate *bri_network_state(const struct bri_network *n)
{
	return n->state;
}

bool bri_network_is_own(const struct bri_network *n, const struct bri_ip *ip)
{
	if (bri_ip_is_loopback(ip))
		return true;
	for (size_t i = 0; i < n->state->n_addresses; i++) {
		if (bri_ip_equal(&n->state->addresses[i].ip, ip))
			return true;
	}
	return false;
}
