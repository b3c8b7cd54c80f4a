/*
 * What is configured in a lab's namespaces: veth pairs, addresses, neighbours, routes, rules and
 * the kernel's MPTCP path manager. The address plan is in lab.h. Knows nothing of frames.
 */
#include "lab/world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/mptcp.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FIRST_TABLE    110  /* routing table of path i: FIRST_TABLE + i */
#define FIRST_PRIORITY 1000 /* of the policy rules */
#define FIRST_METRIC   100
#define FIRST_IFINDEX  1000 /* of the emulator's ends */
#define MAX_SUBFLOWS   8    /* MPTCP_PM_ADDR_MAX: limit of the limits, and of the endpoints */

struct address {
	int family;
	uint8_t bytes[16];
	uint8_t len; /* bytes */
};

static struct address parse_address(const char *text)
{
	struct address a = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	a.len = a.family == AF_INET ? 4 : 16;
	if (inet_pton(a.family, text, a.bytes) != 1)
		bri_abort("lab: %s is no address", text);
	return a;
}

static struct address path_address(int family, uint32_t path, enum bri_lab_side side)
{
	char text[32];
	unsigned host = side == BRI_LAB_SERVER ? 1 : 2;

	snprintf(
		text, sizeof(text), family == AF_INET ? "10.%u.0.%u" : "fd%u::%u", 10 + path, host);
	return parse_address(text);
}

static void path_mac(uint8_t mac[static 6], uint32_t path, enum bri_lab_side side)
{
	const uint8_t bytes[6] = { 2, 0, 0x99, 0, (uint8_t)path, side == BRI_LAB_SERVER ? 1 : 2 };

	memcpy(mac, bytes, sizeof(bytes));
}

static int change_address(
	struct bri_labnl *nl, uint16_t type, const struct address *a, uint8_t prefix, int ifindex)
{
	struct ifaddrmsg msg = { .ifa_family = (uint8_t)a->family,
		.ifa_prefixlen = prefix,
		.ifa_flags = IFA_F_NODAD,
		.ifa_index = (uint32_t)ifindex };
	uint16_t flags = type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_REPLACE : 0;

	bri_labnl_begin(nl, type, flags, &msg, sizeof(msg));
	bri_labnl_put(nl, IFA_LOCAL, a->bytes, a->len);
	bri_labnl_put(nl, IFA_ADDRESS, a->bytes, a->len);
	return bri_labnl_talk(nl);
}

static int add_neighbour(
	struct bri_labnl *nl, const struct address *a, const uint8_t mac[static 6], int ifindex)
{
	struct ndmsg msg = {
		.ndm_family = (uint8_t)a->family, .ndm_ifindex = ifindex, .ndm_state = NUD_PERMANENT
	};

	bri_labnl_begin(nl, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &msg, sizeof(msg));
	bri_labnl_put(nl, NDA_DST, a->bytes, a->len);
	bri_labnl_put(nl, NDA_LLADDR, mac, 6);
	return bri_labnl_talk(nl);
}

struct route {
	uint32_t table, metric;
	const struct address *gateway, *source;
	int ifindex;
};

static int change_route(struct bri_labnl *nl, uint16_t type, const struct route *route)
{
	struct rtmsg msg = { .rtm_family = (uint8_t)route->gateway->family,
		.rtm_table = RT_TABLE_UNSPEC,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST };
	uint16_t flags = type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_REPLACE : 0;

	bri_labnl_begin(nl, type, flags, &msg, sizeof(msg));
	bri_labnl_put_u32(nl, RTA_TABLE, route->table);
	bri_labnl_put_u32(nl, RTA_PRIORITY, route->metric);
	bri_labnl_put_u32(nl, RTA_OIF, (uint32_t)route->ifindex);
	bri_labnl_put(nl, RTA_GATEWAY, route->gateway->bytes, route->gateway->len);
	bri_labnl_put(nl, RTA_PREFSRC, route->source->bytes, route->source->len);
	return bri_labnl_talk(nl);
}

/* "from ADDRESS lookup TABLE". The kernel adds a second equal rule without complaint in IPv4 before
 * 4.17 only; with NLM_F_EXCL it is EEXIST, which is what we want. */
static int add_rule(
	struct bri_labnl *nl, const struct address *from, uint32_t table, uint32_t priority)
{
	struct fib_rule_hdr msg = { .family = (uint8_t)from->family,
		.src_len = (uint8_t)(from->len * 8),
		.action = FR_ACT_TO_TBL };
	int r;

	bri_labnl_begin(nl, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, &msg, sizeof(msg));
	bri_labnl_put(nl, FRA_SRC, from->bytes, from->len);
	bri_labnl_put_u32(nl, FRA_TABLE, table);
	bri_labnl_put_u32(nl, FRA_PRIORITY, priority);
	r = bri_labnl_talk(nl);
	return r == -EEXIST ? 0 : r;
}

static int set_link(struct bri_labnl *nl, int ifindex, bool up)
{
	struct ifinfomsg msg = {
		.ifi_index = ifindex, .ifi_flags = up ? IFF_UP : 0, .ifi_change = IFF_UP
	};

	bri_labnl_begin(nl, RTM_NEWLINK, 0, &msg, sizeof(msg));
	return bri_labnl_talk(nl);
}

/* Frames must be whole and of MTU size on the emulated wire, so nothing may be left for hardware
 * that is not there. What a kernel does not know (EOPNOTSUPP) it cannot do either. */
static void plain_frames(int ioctl_fd, const char *name)
{
	static const uint32_t commands[] = { ETHTOOL_STXCSUM, ETHTOOL_SRXCSUM, ETHTOOL_SSG,
		ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO };

	for (size_t i = 0; i < BRI_LEN(commands); i++) {
		struct ethtool_value value = { .cmd = commands[i], .data = 0 };
		struct ifreq request = { .ifr_data = (char *)&value };

		memcpy(request.ifr_name, name, strlen(name) + 1);
		(void)ioctl(ioctl_fd, SIOCETHTOOL, &request);
	}
}

static int index_of(int ioctl_fd, const char *name)
{
	struct ifreq request = { 0 };

	memcpy(request.ifr_name, name, strlen(name) + 1);
	return ioctl(ioctl_fd, SIOCGIFINDEX, &request) < 0 ? -errno : request.ifr_ifindex;
}

int bri_worldnet_side(struct bri_world *world, enum bri_lab_side which)
{
	struct bri_world_side *side = &world->side[which];
	struct address service4 = parse_address(BRI_LAB_SERVICE4);
	struct address service6 = parse_address(BRI_LAB_SERVICE6);
	int lo = index_of(side->ioctl_fd, "lo");
	int r = lo < 0 ? lo : set_link(&side->nl, lo, true);

	if (r < 0)
		return bri_world_fail(world, r, "loopback");
	if (which == BRI_LAB_CLIENT)
		return 0;
	r = change_address(&side->nl, RTM_NEWADDR, &service4, 32, lo);
	if (r < 0)
		return bri_world_fail(world, r, "address " BRI_LAB_SERVICE4);
	/* no IPv6 in this kernel, or turned off: the lab is then IPv4 only */
	world->ipv6 = change_address(&side->nl, RTM_NEWADDR, &service6, 128, lo) == 0;
	return 0;
}

/* One veth pair: our end here, the other end named as the path on `side`. */
static int add_veth(struct bri_world *world, struct bri_labnl *middle, uint32_t path,
	enum bri_lab_side which, const char *ours)
{
	const struct bri_lab_path_config *config = &world->config->paths[path];
	/* Our end's number must not be the peer's in its namespace: the kernel would take the pair
	 * for one device and be up to a second late with the carrier (linkwatch_urgent_event). */
	struct ifinfomsg msg = { .ifi_index = FIRST_IFINDEX + 2 * (int)path + (int)which };
	struct ifinfomsg peer_msg = { 0 };
	size_t info, data, peer;
	uint8_t mac[6];

	path_mac(mac, path, which);
	bri_labnl_begin(middle, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &msg, sizeof(msg));
	bri_labnl_put_string(middle, IFLA_IFNAME, ours);
	info = bri_labnl_nest(middle, IFLA_LINKINFO);
	bri_labnl_put_string(middle, IFLA_INFO_KIND, "veth");
	data = bri_labnl_nest(middle, IFLA_INFO_DATA);
	peer = bri_labnl_nest_header(middle, VETH_INFO_PEER, &peer_msg, sizeof(peer_msg));
	bri_labnl_put_string(middle, IFLA_IFNAME, config->name);
	bri_labnl_put(middle, IFLA_ADDRESS, mac, sizeof(mac));
	bri_labnl_put_u32(middle, IFLA_MTU, config->mtu ? config->mtu : 1500);
	bri_labnl_put_u32(middle, IFLA_NET_NS_FD, (uint32_t)world->side[which].net_fd);
	bri_labnl_nest_end(middle, peer);
	bri_labnl_nest_end(middle, data);
	bri_labnl_nest_end(middle, info);
	return bri_labnl_talk(middle);
}

static int add_addresses(struct bri_world *world, uint32_t path, enum bri_lab_side which)
{
	struct bri_world_side *side = &world->side[which];
	enum bri_lab_side other = which == BRI_LAB_CLIENT ? BRI_LAB_SERVER : BRI_LAB_CLIENT;
	int ifindex = side->ifindex[path];
	uint8_t mac[6];
	int r = 0;

	path_mac(mac, path, other);
	for (int v6 = 0; r == 0 && v6 <= (int)world->ipv6; v6++) {
		int family = v6 ? AF_INET6 : AF_INET;
		struct address own = path_address(family, path, which);
		struct address peer = path_address(family, path, other);

		r = change_address(&side->nl, RTM_NEWADDR, &own, v6 ? 64 : 24, ifindex);
		if (r == 0)
			r = add_neighbour(&side->nl, &peer, mac, ifindex);
	}
	return r;
}

static int change_routes(struct bri_world *world, uint32_t path, uint16_t type)
{
	struct bri_world_side *client = &world->side[BRI_LAB_CLIENT];
	int r = 0;

	for (int v6 = 0; r == 0 && v6 <= (int)world->ipv6; v6++) {
		int family = v6 ? AF_INET6 : AF_INET;
		struct address own = path_address(family, path, BRI_LAB_CLIENT);
		struct address gateway = path_address(family, path, BRI_LAB_SERVER);
		struct route route = { .table = RT_TABLE_MAIN,
			.metric = FIRST_METRIC * (path + 1),
			.gateway = &gateway,
			.source = &own,
			.ifindex = client->ifindex[path] };

		r = change_route(&client->nl, type, &route);
		if (r < 0 && type == RTM_NEWROUTE)
			return r;
		route.table = FIRST_TABLE + path;
		r = change_route(&client->nl, type, &route);
		if (r == 0 && type == RTM_NEWROUTE)
			r = add_rule(&client->nl, &own, FIRST_TABLE + path, FIRST_PRIORITY + path);
		if (type == RTM_DELROUTE)
			r = 0; /* the kernel may have removed it with the address */
	}
	return r;
}

int bri_worldnet_link(struct bri_world *world, enum bri_lab_side which, uint32_t path, bool up)
{
	return set_link(&world->side[which].nl, world->side[which].ifindex[path], up);
}

int bri_worldnet_restore(struct bri_world *world, uint32_t path)
{
	int r = add_addresses(world, path, BRI_LAB_CLIENT);

	return r < 0 ? r : change_routes(world, path, RTM_NEWROUTE);
}

int bri_worldnet_remove(struct bri_world *world, uint32_t path)
{
	struct bri_world_side *client = &world->side[BRI_LAB_CLIENT];
	int r = change_routes(world, path, RTM_DELROUTE);

	for (int v6 = 0; r == 0 && v6 <= (int)world->ipv6; v6++) {
		struct address own = path_address(v6 ? AF_INET6 : AF_INET, path, BRI_LAB_CLIENT);

		r = change_address(
			&client->nl, RTM_DELADDR, &own, v6 ? 64 : 24, client->ifindex[path]);
		if (r == -EADDRNOTAVAIL) /* a link that was down has lost its IPv6 address */
			r = 0;
	}
	return r;
}

static int make_end(struct bri_world *world, struct bri_labnl *middle, uint32_t path,
	enum bri_lab_side which, int ioctl_fd)
{
	struct bri_world_side *side = &world->side[which];
	const char *name = world->config->paths[path].name;
	char ours[BRI_LAB_NAME_SIZE];
	int r, ifindex;

	snprintf(ours, sizeof(ours), "%c%u", which == BRI_LAB_SERVER ? 's' : 'c', path);
	r = add_veth(world, middle, path, which, ours);
	if (r < 0)
		return bri_world_fail(world, r, "path %s: veth", name);
	ifindex = index_of(ioctl_fd, ours);
	side->ifindex[path] = index_of(side->ioctl_fd, name);
	if (ifindex < 0 || side->ifindex[path] < 0)
		return bri_world_fail(world, -ENODEV, "path %s: veth", name);
	plain_frames(ioctl_fd, ours);
	plain_frames(side->ioctl_fd, name);
	r = set_link(middle, ifindex, true);
	if (r == 0)
		r = bri_worldnet_link(world, which, path, true);
	if (r == 0)
		r = add_addresses(world, path, which);
	if (r < 0)
		return bri_world_fail(world, r, "path %s: addresses", name);
	world->middle_ifindex[path][which] = ifindex;
	return 0;
}

int bri_worldnet_path(struct bri_world *world, struct bri_labnl *middle, uint32_t path)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return bri_world_fail(world, -errno, "IPv4 socket");
	r = make_end(world, middle, path, BRI_LAB_CLIENT, fd);
	if (r == 0)
		r = make_end(world, middle, path, BRI_LAB_SERVER, fd);
	close(fd);
	if (r < 0)
		return r;
	r = change_routes(world, path, RTM_NEWROUTE);
	return r < 0 ? bri_world_fail(world, r, "path %s: routes", world->config->paths[path].name)
		     : 0;
}

/* As many endpoints as the kernel takes: IPv4 first, as far as they go IPv6 too. */
static int add_endpoints(struct bri_world *world, struct bri_labnl *nl)
{
	const struct bri_lab_config *config = world->config;
	uint32_t n = 0;
	int r = 0;

	for (int v6 = 0; v6 <= (int)world->ipv6; v6++) {
		for (uint32_t i = 0; r == 0 && n < MAX_SUBFLOWS && i < config->n_paths; i++, n++) {
			struct address own =
				path_address(v6 ? AF_INET6 : AF_INET, i, BRI_LAB_CLIENT);
			uint32_t flags = MPTCP_PM_ADDR_FLAG_SUBFLOW |
					 (config->paths[i].backup ? MPTCP_PM_ADDR_FLAG_BACKUP : 0);

			r = bri_labnl_mptcp_endpoint(nl, own.family, own.bytes, flags,
				world->side[BRI_LAB_CLIENT].ifindex[i]);
		}
	}
	return r;
}

int bri_worldnet_mptcp(struct bri_world *world)
{
	int r = 0;

	if (world->config->mptcp_off || !world->config->mptcp_endpoints)
		return 0;
	for (int which = 0; r == 0 && which < 2; which++)
		r = bri_labnl_mptcp_limits(&world->side[which].genl, MAX_SUBFLOWS, 0);
	if (r == 0)
		r = add_endpoints(world, &world->side[BRI_LAB_CLIENT].genl);
	return r < 0 ? bri_world_fail(world, r, "MPTCP endpoints") : 0;
}
