/*
 * Reads the network into a snapshot: three rtnetlink dumps, the kind of new interfaces from sysfs,
 * and resolv.conf. Knows nothing of who wants to know, and when.
 */
#include "transport/netstate_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "netlink/nl_addr.h"
#include "netlink/nl_route.h"
#include "netlink/nl_socket.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define RESOLV_CONF_MAX                                                                            \
	(64u * 1024u) /* glibc uses the first three servers: real files are short                  \
		       */
/* of the route limit, so many are kept for default routes: a router's table must not hide them */
#define ROUTES_FOR_DEFAULTS 256u
#define OPER_DORMANT        5u /* IF_OPER_DORMANT of RFC 2863 */

/* What the handlers of the dumps fill. */
struct reading {
	struct bri_netstate *state;
	const struct bri_netstate *previous;
	size_t room_interfaces, room_addresses, room_routes;
	bool limited; /* more interfaces or addresses than the limit */
};

/* Room for one more element. False: no memory, or the limit. */
static int grow(void **array, size_t n, size_t *room, size_t size, size_t max)
{
	size_t want = *room ? *room * 2 : 16;
	void *bigger;

	if (n < *room)
		return 0;
	if (n >= max)
		return -E2BIG;
	if (want > max)
		want = max;
	bigger = realloc(*array, want * size);
	if (!bigger)
		return -ENOMEM;
	*array = bigger;
	*room = want;
	return 0;
}

/* The kind of an interface does not change while its name and index do not: sysfs is read once. */
static enum bri_iftype known_type(const struct reading *rd, const struct bri_nl_link *link)
{
	const struct bri_netif *old =
		rd->previous ? bri_netstate_by_index(rd->previous, link->index) : NULL;

	if (old && strcmp(old->name, link->name) == 0 && strcmp(old->kind, link->kind) == 0 &&
		old->hwtype == link->hwtype)
		return old->type;
	return bri_netstate_link_type(link);
}

static int on_link(void *context, const struct nlmsghdr *msg)
{
	struct reading *rd = context;
	struct bri_netstate *state = rd->state;
	struct bri_nl_link link;
	struct bri_netif *netif;
	int r;

	r = bri_nl_link_decode(msg, &link);
	if (r != 0 || link.removed)
		return r < 0 ? r : 0;
	r = grow((void **)&state->interfaces, state->n_interfaces, &rd->room_interfaces,
		sizeof(*state->interfaces), BRI_NETSTATE_MAX_INTERFACES);
	if (r == -E2BIG)
		rd->limited = true;
	if (r < 0)
		return r == -E2BIG ? 0 : r;
	netif = &state->interfaces[state->n_interfaces++];
	*netif = (struct bri_netif) {
		.index = link.index,
		.hwtype = link.hwtype,
		.type = known_type(rd, &link),
		.mtu = link.mtu,
		.up = link.flags & IFF_UP,
		.running = (link.flags & IFF_UP) && (link.flags & IFF_RUNNING) &&
			   (!link.has_carrier || link.carrier),
		.dormant = (link.flags & IFF_UP) && link.operstate == OPER_DORMANT,
		.multicast = link.flags & IFF_MULTICAST,
	};
	memcpy(netif->name, link.name, sizeof(netif->name));
	memcpy(netif->kind, link.kind, sizeof(netif->kind));
	netif->expensive = netif->type == BRI_IFTYPE_CELLULAR;
	return 0;
}

static int on_address(void *context, const struct nlmsghdr *msg)
{
	struct reading *rd = context;
	struct bri_netstate *state = rd->state;
	struct bri_nl_addr addr;
	uint8_t flags = 0;
	int r;

	r = bri_nl_addr_decode(msg, &addr);
	if (r != 0 || addr.removed)
		return r < 0 ? r : 0;
	r = grow((void **)&state->addresses, state->n_addresses, &rd->room_addresses,
		sizeof(*state->addresses), BRI_NETSTATE_MAX_ADDRESSES);
	if (r == -E2BIG)
		rd->limited = true;
	if (r < 0)
		return r == -E2BIG ? 0 : r;
	/* an optimistic address (RFC 4429) may be used while it is tentative */
	if (((addr.flags & IFA_F_TENTATIVE) && !(addr.flags & IFA_F_OPTIMISTIC)) ||
		(addr.flags & IFA_F_DADFAILED))
		flags |= BRI_NETADDR_TENTATIVE;
	if (addr.flags & IFA_F_DEPRECATED)
		flags |= BRI_NETADDR_DEPRECATED;
	/* the same bit means "secondary" for IPv4 */
	if (addr.ip.family == AF_INET6 && (addr.flags & IFA_F_TEMPORARY))
		flags |= BRI_NETADDR_TEMPORARY;
	if (addr.scope == RT_SCOPE_LINK)
		flags |= BRI_NETADDR_LINK;
	state->addresses[state->n_addresses++] = (struct bri_netaddr) {
		.ifindex = addr.ifindex,
		.ip = addr.ip,
		.prefix = addr.prefix,
		.flags = flags,
	};
	return 0;
}

static bool is_of_interest(const struct bri_nl_route *route)
{
	return !route->removed && route->type == RTN_UNICAST && route->table != RT_TABLE_LOCAL &&
	       !(route->flags & RTM_F_CLONED) &&
	       /* every interface has fe80::/64: destinations there name their interface */
	       !(route->dst.family == AF_INET6 && route->dst.bytes[0] == 0xfe &&
		       (route->dst.bytes[1] & 0xc0) == 0x80);
}

static int add_route(
	struct reading *rd, const struct bri_nl_route *route, const struct bri_nl_hop *hop)
{
	struct bri_netstate *state = rd->state;
	size_t max = BRI_NETSTATE_MAX_ROUTES - (route->prefix == 0 ? 0 : ROUTES_FOR_DEFAULTS);
	struct bri_netroute *entry;
	int r;

	if (state->n_routes >= max) {
		state->all_routes = false;
		return 0;
	}
	r = grow((void **)&state->routes, state->n_routes, &rd->room_routes, sizeof(*state->routes),
		BRI_NETSTATE_MAX_ROUTES);
	if (r < 0)
		return r;
	entry = &state->routes[state->n_routes++];
	*entry = (struct bri_netroute) {
		.ifindex = hop->ifindex,
		.metric = route->metric,
		.table = route->table,
		.dst = route->dst,
		.prefix = route->prefix,
		.gateway = hop->gateway,
	};
	entry->dst.family = route->family;
	return 0;
}

static int on_route(void *context, const struct nlmsghdr *msg)
{
	struct reading *rd = context;
	struct bri_nl_route route;
	int r;

	r = bri_nl_route_decode(msg, &route);
	if (r != 0 || !is_of_interest(&route))
		return r < 0 ? r : 0;
	for (uint32_t i = 0; i < route.n_hops; i++) {
		if (route.hops[i].ifindex == 0 || (route.hops[i].flags & RTNH_F_DEAD))
			continue;
		r = add_route(rd, &route, &route.hops[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static void forget_interfaces(void *context)
{
	((struct reading *)context)->state->n_interfaces = 0;
}

static void forget_addresses(void *context)
{
	((struct reading *)context)->state->n_addresses = 0;
}

static void forget_routes(void *context)
{
	struct reading *rd = context;

	rd->state->n_routes = 0;
	rd->state->all_routes = true;
}

static int by_index(const void *a, const void *b)
{
	const struct bri_netif *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

/* A total order, so that equal networks give equal snapshots whatever order the kernel told them
 * in. */
static int by_address(const void *a, const void *b)
{
	const struct bri_netaddr *x = a, *y = b;

	if (x->ifindex != y->ifindex)
		return x->ifindex > y->ifindex ? 1 : -1;
	if (x->ip.family != y->ip.family)
		return x->ip.family > y->ip.family ? 1 : -1;
	return memcmp(x->ip.bytes, y->ip.bytes, sizeof(x->ip.bytes));
}

static int by_route(const void *a, const void *b)
{
	const struct bri_netroute *x = a, *y = b;
	int r;

	if (x->ifindex != y->ifindex)
		return x->ifindex > y->ifindex ? 1 : -1;
	if (x->dst.family != y->dst.family)
		return x->dst.family > y->dst.family ? 1 : -1;
	if (x->prefix != y->prefix)
		return x->prefix < y->prefix ? 1 : -1;
	if (x->table != y->table)
		return x->table > y->table ? 1 : -1;
	if (x->metric != y->metric)
		return x->metric > y->metric ? 1 : -1;
	r = memcmp(x->dst.bytes, y->dst.bytes, sizeof(x->dst.bytes));
	return r ? r : memcmp(x->gateway.bytes, y->gateway.bytes, sizeof(x->gateway.bytes));
}

static void sort(struct bri_netstate *state)
{
	if (state->n_interfaces)
		qsort(state->interfaces, state->n_interfaces, sizeof(*state->interfaces), by_index);
	if (state->n_addresses)
		qsort(state->addresses, state->n_addresses, sizeof(*state->addresses), by_address);
	if (state->n_routes)
		qsort(state->routes, state->n_routes, sizeof(*state->routes), by_route);
}

static bool is_server_line(const char *line, size_t size)
{
	static const char key[] = "nameserver";
	char text[INET6_ADDRSTRLEN];
	uint8_t bytes[16];
	size_t n = sizeof(key) - 1, end;

	if (size <= n || memcmp(line, key, n) != 0 || (line[n] != ' ' && line[n] != '\t'))
		return false;
	while (n < size && (line[n] == ' ' || line[n] == '\t'))
		n++;
	/* up to a %scope, a blank or the end */
	for (end = n; end < size && !strchr("% \t\r", line[end]);)
		end++;
	if (end == n || end - n >= sizeof(text))
		return false;
	memcpy(text, line + n, end - n);
	text[end - n] = '\0';
	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

bool bri_netstate_text_has_dns(const char *text, size_t size)
{
	for (size_t at = 0; at < size;) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t len = end ? (size_t)(end - text) - at : size - at;

		if (is_server_line(text + at, len))
			return true;
		at += len + 1;
	}
	return false;
}

static bool read_has_dns(void)
{
	int fd = open(RESOLV_CONF, O_RDONLY | O_CLOEXEC);
	char *text;
	ssize_t n = -1;
	bool has;

	if (fd < 0)
		return false;
	text = malloc(RESOLV_CONF_MAX);
	if (text)
		n = read(fd, text, RESOLV_CONF_MAX);
	close(fd);
	has = n > 0 && bri_netstate_text_has_dns(text, (size_t)n);
	free(text);
	return has;
}

int bri_netstate_read_with(
	struct bri_nl_socket *sock, const struct bri_netstate *previous, struct bri_netstate **ret)
{
	struct reading rd = { .state = bri_netstate_new(), .previous = previous };
	struct bri_nl_request req;
	int r;

	if (!rd.state)
		return -ENOMEM;
	bri_nl_link_encode_dump(&req);
	r = bri_nl_socket_dump(sock, &req, forget_interfaces, on_link, &rd);
	if (r >= 0) {
		bri_nl_addr_encode_dump(&req);
		r = bri_nl_socket_dump(sock, &req, forget_addresses, on_address, &rd);
	}
	if (r >= 0) {
		bri_nl_route_encode_dump(&req);
		r = bri_nl_socket_dump(sock, &req, forget_routes, on_route, &rd);
	}
	if (r < 0) { /* interrupted every time is good enough: an event follows the change */
		bri_netstate_put(rd.state);
		return r;
	}
	sort(rd.state);
	rd.state->has_dns = read_has_dns();
	rd.state->complete = !rd.limited;
	*ret = rd.state;
	return 0;
}

int bri_netstate_read(struct bri_netstate **ret)
{
	struct bri_nl_socket *sock;
	int r;

	r = bri_nl_socket_open(NETLINK_ROUTE, 0, &sock);
	if (r < 0)
		return r;
	r = bri_netstate_read_with(sock, NULL, ret);
	bri_nl_socket_close(sock);
	return r;
}
