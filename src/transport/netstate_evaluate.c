/*
 * Which interfaces can carry a connection, and in what order. Pure: a snapshot and a question in,
 * an answer out. Knows nothing of connections, and asks nobody.
 */
#include "transport/netstate.h"

#include <linux/rtnetlink.h>
#include <string.h>

struct bri_ip bri_ip_from_sockaddr(const struct sockaddr *sa)
{
	struct bri_ip ip = { 0 };

	if (sa->sa_family == AF_INET) {
		ip.family = AF_INET;
		memcpy(ip.bytes, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		const struct in6_addr *in6 =
			&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
		bool mapped = IN6_IS_ADDR_V4MAPPED(in6);

		ip.family = mapped ? AF_INET : AF_INET6;
		memcpy(ip.bytes, in6->s6_addr + (mapped ? 12 : 0), mapped ? 4 : 16);
	}
	return ip;
}

bool bri_ip_equal(const struct bri_ip *a, const struct bri_ip *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool bri_ip_in_prefix(const struct bri_ip *ip, const struct bri_ip *net, unsigned prefix)
{
	unsigned whole = prefix / 8, bits = prefix % 8;
	uint8_t mask = (uint8_t)(0xff00u >> bits);

	if (ip->family != net->family || prefix > (ip->family == AF_INET ? 32u : 128u))
		return false;
	if (memcmp(ip->bytes, net->bytes, whole) != 0)
		return false;
	return bits == 0 || ((ip->bytes[whole] ^ net->bytes[whole]) & mask) == 0;
}

static bool is_any(const struct bri_ip *ip)
{
	static const uint8_t zero[16];

	return memcmp(ip->bytes, zero, sizeof(zero)) == 0;
}

bool bri_ip_is_loopback(const struct bri_ip *ip)
{
	static const uint8_t one[16] = { [15] = 1 };

	if (ip->family == AF_INET)
		return ip->bytes[0] == 127;
	return ip->family == AF_INET6 && memcmp(ip->bytes, one, sizeof(one)) == 0;
}

static bool is_link_local(const struct bri_ip *ip)
{
	if (ip->family == AF_INET)
		return ip->bytes[0] == 169 && ip->bytes[1] == 254;
	return ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
}

/* Multicast, or IPv4's broadcast to the link. */
static bool is_group(const struct bri_ip *ip)
{
	static const uint8_t broadcast[4] = { 255, 255, 255, 255 };

	if (ip->family == AF_INET)
		return (ip->bytes[0] & 0xf0) == 0xe0 || memcmp(ip->bytes, broadcast, 4) == 0;
	return ip->bytes[0] == 0xff;
}

/* The question, worked out once. */
struct question {
	const struct bri_netstate *state;
	const struct bri_netstate_query *query;
	bool has_remote, to_loopback, to_link, to_group;
	uint32_t scope;              /* of a link-local IPv6 remote; 0: none */
	struct bri_ip remote, local; /* family 0: none, or any */
};

/* How good an interface is for it. */
struct candidate {
	const struct bri_netif *netif;
	bool v4, v6;
	bool chosen; /* by the kernel's routing */
	bool has_route, main_table;
	unsigned prefix;
	uint32_t metric;
};

static bool owns(const struct bri_netstate *state, const struct bri_ip *ip)
{
	for (size_t i = 0; i < state->n_addresses; i++)
		if (bri_ip_equal(&state->addresses[i].ip, ip))
			return true;
	return false;
}

static void prepare(const struct bri_netstate *state, const struct bri_netstate_query *query,
	struct question *q)
{
	*q = (struct question) { .state = state, .query = query };
	if (query->local)
		q->local = bri_ip_from_sockaddr(query->local);
	if (is_any(&q->local))
		q->local.family = 0;
	if (query->remote)
		q->remote = bri_ip_from_sockaddr(query->remote);
	if (q->remote.family == 0)
		return;
	q->has_remote = true;
	/* a packet to one of our own addresses never leaves: not even with the address of a link */
	q->to_loopback = bri_ip_is_loopback(&q->remote) || is_any(&q->remote) ||
			 (!is_link_local(&q->remote) && owns(state, &q->remote));
	q->to_link = is_link_local(&q->remote);
	q->to_group = is_group(&q->remote);
	if (query->remote->sa_family == AF_INET6 && (q->to_link || q->to_group))
		q->scope =
			((const struct sockaddr_in6 *)(const void *)query->remote)->sin6_scope_id;
}

/* Addresses and routes are sorted by interface: where do those of `ifindex` begin? */
static size_t first_address(const struct bri_netstate *state, uint32_t ifindex)
{
	size_t low = 0, high = state->n_addresses;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (state->addresses[mid].ifindex < ifindex)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static size_t first_route(const struct bri_netstate *state, uint32_t ifindex)
{
	size_t low = 0, high = state->n_routes;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (state->routes[mid].ifindex < ifindex)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Has the interface an address that a connection of this question could be sent from? */
static bool has_source(const struct question *q, const struct bri_netif *netif, int family)
{
	const struct bri_netstate *state = q->state;
	bool link_will_do = q->to_link || q->to_group || netif->type == BRI_IFTYPE_LOOPBACK ||
			    (!q->has_remote && q->query->any_destination);
	size_t i = first_address(state, netif->index);

	for (; i < state->n_addresses && state->addresses[i].ifindex == netif->index; i++) {
		const struct bri_netaddr *addr = &state->addresses[i];

		if (addr->ip.family == family && !(addr->flags & BRI_NETADDR_TENTATIVE) &&
			(link_will_do || !is_link_local(&addr->ip)))
			return true;
	}
	return false;
}

static bool better_route(const struct bri_netroute *a, const struct bri_netroute *b)
{
	bool a_main = a->table == RT_TABLE_MAIN, b_main = b->table == RT_TABLE_MAIN;

	if (a->prefix != b->prefix)
		return a->prefix > b->prefix;
	if (a_main != b_main)
		return a_main;
	return a->metric < b->metric;
}

/* The best of the interface's routes to the remote; without one, the best default route. */
static const struct bri_netroute *find_route(const struct question *q, uint32_t ifindex, int family)
{
	const struct bri_netstate *state = q->state;
	const struct bri_netroute *best = NULL;
	size_t i = first_route(state, ifindex);

	if (q->to_link &&
		family == AF_INET6) /* on the link by definition: no gateway leads there */
		return NULL;
	for (; i < state->n_routes && state->routes[i].ifindex == ifindex; i++) {
		const struct bri_netroute *route = &state->routes[i];

		if (route->dst.family != family)
			continue;
		if (q->has_remote ? !bri_ip_in_prefix(&q->remote, &route->dst, route->prefix)
				  : route->prefix != 0)
			continue;
		if (!best || better_route(route, best))
			best = route;
	}
	return best;
}

/* May packets go this way without a route that we know? */
static bool needs_no_route(const struct question *q, const struct bri_netif *netif)
{
	const struct bri_netstate_query *query = q->query;

	if (netif->type == BRI_IFTYPE_LOOPBACK || q->to_group)
		return true;
	if (q->has_remote)
		return (q->to_link && q->remote.family == AF_INET6) || !q->state->all_routes;
	/* whoever names the interface wants it for what is on its link, too */
	return query->any_destination || query->required_index != 0 ||
	       query->required_type != BRI_IFTYPE_OTHER;
}

static bool reaches(const struct question *q, int family, struct candidate *c)
{
	const struct bri_netroute *route;

	if (c->netif->type == BRI_IFTYPE_LOOPBACK)
		return has_source(q, c->netif, family);
	/* the kernel may know better: an unnumbered link takes its address from another one */
	if (!c->chosen && !has_source(q, c->netif, family))
		return false;
	route = find_route(q, c->netif->index, family);
	if (!route)
		return c->chosen || needs_no_route(q, c->netif);
	if (!c->has_route || (route->table == RT_TABLE_MAIN && !c->main_table) ||
		(c->main_table == (route->table == RT_TABLE_MAIN) && route->metric < c->metric)) {
		c->main_table = route->table == RT_TABLE_MAIN;
		c->metric = route->metric;
		c->prefix = route->prefix;
	}
	c->has_route = true;
	return true;
}

static bool family_wanted(const struct question *q, int family)
{
	if (q->query->ip_version != 0 && q->query->ip_version != (family == AF_INET ? 4 : 6))
		return false;
	if (q->has_remote && q->remote.family != family)
		return false;
	return q->local.family == 0 || q->local.family == family;
}

static bool has_local(const struct question *q, const struct bri_netif *netif)
{
	const struct bri_netstate *state = q->state;
	size_t i = first_address(state, netif->index);

	if (q->local.family == 0 || q->to_loopback)
		return true;
	if (netif->type == BRI_IFTYPE_LOOPBACK && bri_ip_is_loopback(&q->local))
		return true;
	for (; i < state->n_addresses && state->addresses[i].ifindex == netif->index; i++)
		if (bri_ip_equal(&state->addresses[i].ip, &q->local))
			return true;
	return false;
}

/* Is this interface among those that the question is about at all? */
static bool concerns(const struct question *q, const struct bri_netif *netif)
{
	const struct bri_netstate_query *query = q->query;
	bool loopback = netif->type == BRI_IFTYPE_LOOPBACK;

	if (query->required_index != 0 && netif->index != query->required_index)
		return false;
	if (query->required_type != BRI_IFTYPE_OTHER && netif->type != query->required_type)
		return false;
	if (q->to_loopback)
		return loopback;
	if (loopback)
		return !q->has_remote && (query->any_destination || query->required_index != 0 ||
						 query->required_type == BRI_IFTYPE_LOOPBACK ||
						 bri_ip_is_loopback(&q->local));
	if (q->scope != 0 && netif->index != q->scope)
		return false;
	if (q->to_group && !netif->multicast)
		return false;
	return true;
}

static bool is_prohibited(const struct bri_netstate_query *query, const struct bri_netif *netif)
{
	if (query->prohibited_types & BRI_IFTYPE_BIT(netif->type))
		return true;
	for (size_t i = 0; i < query->n_prohibited && i < BRI_NETSTATE_MAX_PROHIBITED; i++)
		if (query->prohibited_indexes[i] == netif->index)
			return true;
	return (query->prohibit_expensive && netif->expensive) ||
	       (query->prohibit_constrained && netif->constrained);
}

/* Could it carry the connection, prohibitions aside? */
static bool consider(const struct question *q, const struct bri_netif *netif, struct candidate *ret)
{
	*ret = (struct candidate) { .netif = netif };
	if (!concerns(q, netif) || !has_local(q, netif))
		return false;
	ret->chosen = q->query->route_ifindex == netif->index;
	if (!netif->up || !netif->running)
		return false;
	ret->v4 = family_wanted(q, AF_INET) && reaches(q, AF_INET, ret);
	ret->v6 = family_wanted(q, AF_INET6) && reaches(q, AF_INET6, ret);
	return ret->v4 || ret->v6;
}

static unsigned order_of_type(enum bri_iftype type)
{
	switch (type) {
	case BRI_IFTYPE_WIRED: return 0;
	case BRI_IFTYPE_WIFI: return 1;
	case BRI_IFTYPE_CELLULAR: return 2;
	case BRI_IFTYPE_OTHER: return 3;
	case BRI_IFTYPE_LOOPBACK: return 4;
	}
	return 5;
}

static bool is_better(const struct candidate *a, const struct candidate *b)
{
	bool a_lo = a->netif->type == BRI_IFTYPE_LOOPBACK,
	     b_lo = b->netif->type == BRI_IFTYPE_LOOPBACK;

	if (a->chosen != b->chosen)
		return a->chosen;
	if (a_lo != b_lo)
		return b_lo;
	if (a->has_route != b->has_route)
		return a->has_route;
	if (a->prefix != b->prefix)
		return a->prefix > b->prefix;
	if (a->main_table != b->main_table)
		return a->main_table;
	if (a->metric != b->metric)
		return a->metric < b->metric;
	if (a->netif->type != b->netif->type)
		return order_of_type(a->netif->type) < order_of_type(b->netif->type);
	return a->netif->index < b->netif->index;
}

/* Keeps the best BRI_NETSTATE_MAX_USABLE, in order. */
static void insert(struct candidate *best, size_t *n, const struct candidate *c)
{
	size_t at = *n;

	while (at > 0 && is_better(c, &best[at - 1]))
		at--;
	if (at == BRI_NETSTATE_MAX_USABLE)
		return;
	if (*n < BRI_NETSTATE_MAX_USABLE)
		(*n)++;
	memmove(&best[at + 1], &best[at], (*n - at - 1) * sizeof(*best));
	best[at] = *c;
}

static void add_gateway(struct bri_netstate_result *ret, const struct bri_netroute *route)
{
	if (!route || route->gateway.family == 0 || ret->n_gateways == BRI_NETSTATE_MAX_GATEWAYS)
		return;
	for (size_t i = 0; i < ret->n_gateways; i++)
		if (ret->gateways[i].ifindex == route->ifindex &&
			bri_ip_equal(&ret->gateways[i].ip, &route->gateway))
			return;
	ret->gateways[ret->n_gateways].ip = route->gateway;
	ret->gateways[ret->n_gateways++].ifindex = route->ifindex;
}

static void fill(const struct question *q, const struct candidate *best, size_t n,
	struct bri_netstate_result *ret)
{
	ret->status = BRI_PATH_SATISFIED;
	ret->has_dns = q->state->has_dns;
	ret->n_interfaces = n;
	for (size_t i = 0; i < n; i++) {
		uint32_t index = best[i].netif->index;

		ret->interfaces[i] = *best[i].netif;
		if (q->to_group)
			continue;
		if (best[i].v4)
			add_gateway(ret, find_route(q, index, AF_INET));
		if (best[i].v6)
			add_gateway(ret, find_route(q, index, AF_INET6));
	}
	if (n > 0) {
		ret->expensive = best[0].netif->expensive;
		ret->constrained = best[0].netif->constrained;
	}
}

static enum bri_path_reason denied_reason(enum bri_iftype type)
{
	switch (type) {
	case BRI_IFTYPE_CELLULAR: return BRI_PATH_CELLULAR_DENIED;
	case BRI_IFTYPE_WIFI: return BRI_PATH_WIFI_DENIED;
	case BRI_IFTYPE_OTHER:
	case BRI_IFTYPE_WIRED:
	case BRI_IFTYPE_LOOPBACK: return BRI_PATH_NOT_AVAILABLE;
	}
	return BRI_PATH_NOT_AVAILABLE;
}

void bri_netstate_evaluate(const struct bri_netstate *state, const struct bri_netstate_query *query,
	struct bri_netstate_result *ret)
{
	struct candidate best[BRI_NETSTATE_MAX_USABLE + 1], c;
	bool dormant = false;
	struct question q;
	size_t n = 0;

	memset(ret, 0, sizeof(*ret));
	ret->status = BRI_PATH_UNSATISFIED;
	prepare(state, query, &q);
	for (size_t i = 0; i < state->n_interfaces; i++) {
		const struct bri_netif *netif = &state->interfaces[i];
		bool prohibited = is_prohibited(query, netif);

		if (consider(&q, netif, &c)) {
			if (prohibited && ret->reason == BRI_PATH_NOT_AVAILABLE)
				ret->reason = denied_reason(netif->type);
			if (prohibited)
				continue;
			insert(best, &n, &c);
			ret->has_ipv4 |= c.v4;
			ret->has_ipv6 |= c.v6;
		} else if (netif->dormant && !prohibited && concerns(&q, netif)) {
			dormant = true;
		}
	}
	if (n > 0 || !state->complete) {
		ret->reason = BRI_PATH_NOT_AVAILABLE;
		fill(&q, best, n, ret);
		if (n == 0) { /* nothing is known: whatever is asked may work */
			ret->has_ipv4 = family_wanted(&q, AF_INET);
			ret->has_ipv6 = family_wanted(&q, AF_INET6);
		}
	} else if (dormant) {
		ret->status = BRI_PATH_SATISFIABLE;
		ret->reason = BRI_PATH_NOT_AVAILABLE;
	}
}
