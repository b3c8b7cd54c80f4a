/* RTM_*ROUTE messages (rtnetlink(7)). Pure: knows no socket. */
#include "netlink/nl_route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

void bri_nl_route_encode_dump(struct bri_nl_request *req)
{
	bri_nl_request_init(req, RTM_GETROUTE, NLM_F_DUMP, sizeof(struct rtmsg));
}

int bri_nl_route_encode_lookup(struct bri_nl_request *req, const struct bri_ip *dst,
	const struct bri_ip *source, uint32_t ifindex)
{
	size_t size = bri_nl_attr_ip_size(dst->family);
	struct rtmsg *fixed;

	if (size == 0 || (source && source->family != dst->family))
		return -EINVAL;
	fixed = bri_nl_request_init(req, RTM_GETROUTE, NLM_F_ACK, sizeof(*fixed));
	fixed->rtm_family = (uint8_t)dst->family;
	fixed->rtm_dst_len = (uint8_t)(8 * size);
	bri_nl_request_put(req, RTA_DST, dst->bytes, size);
	if (source) {
		fixed->rtm_src_len = (uint8_t)(8 * size);
		bri_nl_request_put(req, RTA_SRC, source->bytes, size);
	}
	if (ifindex != 0)
		bri_nl_request_put(req, RTA_OIF, &ifindex, sizeof(ifindex));
	return 0;
}

static bool is_valid(const struct bri_nl_route_change *change)
{
	size_t size = bri_nl_attr_ip_size(change->family);

	if (size == 0 || change->prefix > 8 * size || change->table == RT_TABLE_UNSPEC)
		return false;
	if (change->dst.family ? change->dst.family != change->family : change->prefix != 0)
		return false;
	if (change->source.family && change->source.family != change->family)
		return false;
	/* IPv4 by way of an IPv6 neighbour there is (RFC 5549), not the other way round */
	return !change->gateway.family || change->gateway.family == change->family ||
	       (change->gateway.family == AF_INET6 && change->family == AF_INET);
}

static void put_gateway(struct bri_nl_request *req, const struct bri_nl_route_change *change)
{
	size_t size = bri_nl_attr_ip_size(change->gateway.family);
	uint8_t via[sizeof(change->gateway.family) + sizeof(change->gateway.bytes)];

	if (change->gateway.family == change->family) {
		bri_nl_request_put(req, RTA_GATEWAY, change->gateway.bytes, size);
		return;
	}
	memcpy(via, &change->gateway.family, sizeof(change->gateway.family));
	memcpy(via + sizeof(change->gateway.family), change->gateway.bytes, size);
	bri_nl_request_put(req, RTA_VIA, via, sizeof(change->gateway.family) + size);
}

static int encode_change(struct bri_nl_request *req, uint16_t type, uint16_t flags,
	const struct bri_nl_route_change *change)
{
	size_t size = bri_nl_attr_ip_size(change->family);
	struct rtmsg *fixed;

	if (!is_valid(change))
		return -EINVAL;
	fixed = bri_nl_request_init(req, type, (uint16_t)(NLM_F_ACK | flags), sizeof(*fixed));
	fixed->rtm_family = change->family;
	fixed->rtm_dst_len = change->prefix;
	fixed->rtm_protocol = change->protocol;
	fixed->rtm_scope = change->scope;
	fixed->rtm_type = RTN_UNICAST;
	/* 8 bits of it; all are in the attribute */
	fixed->rtm_table = change->table <= UINT8_MAX ? (uint8_t)change->table : RT_TABLE_UNSPEC;
	bri_nl_request_put(req, RTA_TABLE, &change->table, sizeof(change->table));
	if (change->prefix > 0)
		bri_nl_request_put(req, RTA_DST, change->dst.bytes, size);
	if (change->gateway.family)
		put_gateway(req, change);
	if (change->ifindex != 0)
		bri_nl_request_put(req, RTA_OIF, &change->ifindex, sizeof(change->ifindex));
	if (change->metric != 0)
		bri_nl_request_put(req, RTA_PRIORITY, &change->metric, sizeof(change->metric));
	if (change->source.family)
		bri_nl_request_put(req, RTA_PREFSRC, change->source.bytes, size);
	return 0;
}

int bri_nl_route_encode_add(struct bri_nl_request *req, const struct bri_nl_route_change *change)
{
	return encode_change(req, RTM_NEWROUTE,
		NLM_F_CREATE | (change->replace ? NLM_F_REPLACE : NLM_F_EXCL), change);
}

int bri_nl_route_encode_del(struct bri_nl_request *req, const struct bri_nl_route_change *change)
{
	return encode_change(req, RTM_DELROUTE, 0, change);
}

/* RTA_VIA: a gateway of another family than the route's. */
static bool decode_via(const struct nlattr *attr, struct bri_ip *ret)
{
	uint16_t family;
	size_t size;

	if (!bri_nl_attr_u16(attr, &family))
		return false;
	size = bri_nl_attr_ip_size(family);
	if (size == 0 || mnl_attr_get_payload_len(attr) != sizeof(family) + size)
		return false;
	*ret = (struct bri_ip) { .family = family };
	memcpy(ret->bytes, (const uint8_t *)mnl_attr_get_payload(attr) + sizeof(family), size);
	return true;
}

/* The gateway of a route or of one hop, if there is one. */
static int decode_gateway(const struct nlattr **tb, int family, struct bri_ip *ret)
{
	if (tb[RTA_GATEWAY])
		return bri_nl_attr_ip(tb[RTA_GATEWAY], family, ret) ? 0 : -EBADMSG;
	if (tb[RTA_VIA])
		return decode_via(tb[RTA_VIA], ret) ? 0 : -EBADMSG;
	return 0;
}

/* RTA_MULTIPATH: an array of {struct rtnexthop, attributes}. */
static int decode_hops(const struct nlattr *attr, struct bri_nl_route *route)
{
	const uint8_t *at = mnl_attr_get_payload(attr);
	size_t left = mnl_attr_get_payload_len(attr);
	const struct nlattr *tb[RTA_VIA + 1];

	while (left > 0 && route->n_hops < BRI_NL_ROUTE_MAX_HOPS) {
		struct bri_nl_hop *hop = &route->hops[route->n_hops];
		struct rtnexthop fixed;
		size_t step;

		if (left < sizeof(fixed))
			return -EBADMSG;
		memcpy(&fixed, at, sizeof(fixed));
		if (fixed.rtnh_len < sizeof(fixed) || fixed.rtnh_len > left)
			return -EBADMSG;
		if (bri_nl_attr_table(at + sizeof(fixed), fixed.rtnh_len - sizeof(fixed), tb,
			    BRI_LEN(tb)) < 0)
			return -EBADMSG;
		if (decode_gateway(tb, route->family, &hop->gateway) < 0)
			return -EBADMSG;
		hop->ifindex = (uint32_t)fixed.rtnh_ifindex;
		hop->flags = fixed.rtnh_flags;
		route->n_hops++;
		step = MNL_ALIGN(fixed.rtnh_len);
		if (step >= left)
			break;
		at += step;
		left -= step;
	}
	return 0;
}

static int decode_single_hop(const struct nlattr **tb, uint32_t flags, struct bri_nl_route *route)
{
	struct bri_nl_hop *hop = &route->hops[0];

	if (!bri_nl_attr_u32(tb[RTA_OIF], &hop->ifindex))
		return tb[RTA_OIF] ? -EBADMSG : 0;
	if (decode_gateway(tb, route->family, &hop->gateway) < 0)
		return -EBADMSG;
	hop->flags = (uint8_t)flags; /* rtm_flags carries RTNH_F_* in its low byte */
	route->n_hops = 1;
	return 0;
}

int bri_nl_route_decode(const struct nlmsghdr *msg, struct bri_nl_route *ret)
{
	const struct nlattr *tb[RTA_VIA + 1];
	struct bri_nl_route route = { .removed = msg->nlmsg_type == RTM_DELROUTE };
	struct rtmsg fixed;
	int r;

	if (msg->nlmsg_type != RTM_NEWROUTE && msg->nlmsg_type != RTM_DELROUTE)
		return BRI_NL_OTHER;
	if (bri_nl_attr_of_message(msg, sizeof(fixed), tb, BRI_LEN(tb)) < 0)
		return -EBADMSG;
	memcpy(&fixed, mnl_nlmsg_get_payload(msg), sizeof(fixed));
	if (bri_nl_attr_ip_size(fixed.rtm_family) == 0)
		return BRI_NL_OTHER;
	if (fixed.rtm_dst_len > 8 * bri_nl_attr_ip_size(fixed.rtm_family))
		return -EBADMSG;

	route.family = fixed.rtm_family;
	route.prefix = fixed.rtm_dst_len;
	route.type = fixed.rtm_type;
	route.scope = fixed.rtm_scope;
	route.protocol = fixed.rtm_protocol;
	route.flags = fixed.rtm_flags;
	route.table = fixed.rtm_table; /* 8 bits of it; all are in the attribute */
	bri_nl_attr_u32(tb[RTA_TABLE], &route.table);
	bri_nl_attr_u32(tb[RTA_PRIORITY], &route.metric);
	if (!bri_nl_attr_ip(tb[RTA_DST], route.family, &route.dst) && (tb[RTA_DST] || route.prefix))
		return -EBADMSG;
	if (tb[RTA_PREFSRC] && !bri_nl_attr_ip(tb[RTA_PREFSRC], route.family, &route.source))
		return -EBADMSG;
	r = tb[RTA_MULTIPATH] ? decode_hops(tb[RTA_MULTIPATH], &route)
			      : decode_single_hop(tb, fixed.rtm_flags, &route);
	if (r < 0)
		return r;
	*ret = route;
	return 0;
}
