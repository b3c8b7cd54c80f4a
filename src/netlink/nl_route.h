/* RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE: routes, and the kernel's answer for one destination. */
#ifndef BRI_NL_ROUTE_H
#define BRI_NL_ROUTE_H

#include "netlink/nl_attr.h"

#define BRI_NL_ROUTE_MAX_HOPS 8u /* of a multipath route; further ones are not seen */

struct bri_nl_hop {
	uint32_t ifindex;      /* 0: none (an unreachable route) */
	struct bri_ip gateway; /* family 0: on link; may be IPv6 for an IPv4 route (RFC 5549) */
	uint8_t flags;         /* RTNH_F_DEAD, RTNH_F_LINKDOWN, ... */
};

struct bri_nl_route {
	bool removed; /* RTM_DELROUTE */
	uint8_t family;
	uint8_t prefix; /* 0: a default route */
	uint8_t type;   /* RTN_UNICAST, RTN_LOCAL, RTN_UNREACHABLE, ... */
	uint8_t scope;
	uint8_t protocol;
	uint32_t table;       /* RT_TABLE_MAIN 254, RT_TABLE_LOCAL 255, ... */
	uint32_t flags;       /* RTM_F_CLONED: a cache entry */
	uint32_t metric;      /* smaller is better */
	struct bri_ip dst;    /* family 0 when prefix is 0 */
	struct bri_ip source; /* preferred source address; family 0: none */
	uint32_t n_hops;
	struct bri_nl_hop hops[BRI_NL_ROUTE_MAX_HOPS];
};

void bri_nl_route_encode_dump(struct bri_nl_request *req);

/*
 * bri_nl_route_encode_lookup(): which route would a packet to dst take?
 *   dst      required
 *   source   NULL or the address it is sent from (same family)
 *   ifindex  0, or the device it must leave by
 * Returns 0 or -EINVAL (families differ, or are not IP).
 */
int bri_nl_route_encode_lookup(struct bri_nl_request *req, const struct bri_ip *dst,
	const struct bri_ip *source, uint32_t ifindex);

/* A route to be made or taken away. */
struct bri_nl_route_change {
	uint8_t family;
	uint8_t prefix;        /* 0: a default route */
	struct bri_ip dst;     /* family 0 when prefix is 0 */
	struct bri_ip gateway; /* family 0: on link; may be IPv6 for an IPv4 route */
	uint32_t ifindex;      /* 0: what the gateway says */
	uint32_t table;
	uint8_t protocol; /* who made it: RTPROT_*; not 0 */
	uint8_t scope;    /* RT_SCOPE_UNIVERSE, RT_SCOPE_LINK; IPv6 has none */
	uint32_t metric;
	struct bri_ip source; /* preferred source address; family 0: none */
	bool replace; /* add: in place of the one with this destination, metric and table, if any */
};

/*
 * bri_nl_route_encode_add(), _del(): with all that is in change, of type unicast. The kernel's
 * answer is -EEXIST for one that is there (unless replace), -ESRCH for one that is not.
 * Returns 0 or -EINVAL (families that do not go together, a prefix of too many bits, no table).
 */
int bri_nl_route_encode_add(struct bri_nl_request *req, const struct bri_nl_route_change *change);
int bri_nl_route_encode_del(struct bri_nl_request *req, const struct bri_nl_route_change *change);

/* bri_nl_route_decode(): returns 0, BRI_NL_OTHER (another message or family), or -EBADMSG. */
int bri_nl_route_decode(const struct nlmsghdr *msg, struct bri_nl_route *ret);

#endif
