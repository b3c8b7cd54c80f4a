/* Events of the generic netlink family mptcp_pm. Pure: knows no socket. */
#include "netlink/nl_pm_event.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "netlink/nl_pm_wire.h"

/* What the kernel writes with each kind, in every version: without it an event says nothing. */
enum {
	WITH_TOKEN = 1 << 0,
	WITH_LOCAL = 1 << 1,
	WITH_REMOTE = 1 << 2,
	WITH_LOCAL_ID = 1 << 3,
	WITH_REMOTE_ID = 1 << 4,
	WITH_ALL = WITH_TOKEN | WITH_LOCAL | WITH_REMOTE | WITH_LOCAL_ID | WITH_REMOTE_ID,
};

/* Returns the WITH_* of a kind; 0: not one of ours. */
static unsigned parts_of(unsigned kind)
{
	switch (kind) {
	case BRI_NL_PM_CREATED:
	case BRI_NL_PM_ESTABLISHED:
	case BRI_NL_PM_SUB_ESTABLISHED:
	case BRI_NL_PM_SUB_CLOSED:
	case BRI_NL_PM_SUB_PRIORITY: return WITH_ALL;
	case BRI_NL_PM_CLOSED: return WITH_TOKEN;
	case BRI_NL_PM_ANNOUNCED: return WITH_TOKEN | WITH_REMOTE | WITH_REMOTE_ID;
	case BRI_NL_PM_REMOVED: return WITH_TOKEN | WITH_REMOTE_ID;
	case BRI_NL_PM_LISTENER_CREATED:
	case BRI_NL_PM_LISTENER_CLOSED: return WITH_LOCAL;
	default: return 0;
	}
}

/* The attribute tells the family: ANNOUNCED has no other word of it. */
static bool decode_ip(
	const struct nlattr *v4, const struct nlattr *v6, struct bri_ip *ret, bool *ret_mapped)
{
	struct in6_addr in6;

	if (v4)
		return bri_nl_attr_ip(v4, AF_INET, ret);
	if (!bri_nl_attr_ip(v6, AF_INET6, ret))
		return false;
	memcpy(&in6, ret->bytes, sizeof(in6));
	if (!IN6_IS_ADDR_V4MAPPED(&in6))
		return true;
	*ret = (struct bri_ip) { .family = AF_INET };
	memcpy(ret->bytes, (const uint8_t *)&in6 + 12, 4);
	*ret_mapped = true;
	return true;
}

static bool decode_port(const struct nlattr *attr, uint16_t *ret)
{
	uint16_t port_be;

	if (!bri_nl_attr_u16(attr, &port_be))
		return false;
	*ret = ntohs(port_be);
	return true;
}

static bool is_any(const struct bri_ip *ip)
{
	static const uint8_t any[16];

	return memcmp(ip->bytes, any, sizeof(any)) == 0;
}

/* A tuple is of one family, else no command could name it. But a mapped one that has lost an
 * address has :: there, which is not mapped: it becomes 0.0.0.0. */
static bool of_one_family(struct bri_ip *local, struct bri_ip *remote)
{
	if (local->family != remote->family && is_any(local))
		local->family = remote->family;
	if (local->family != remote->family && is_any(remote))
		remote->family = local->family;
	return local->family == remote->family;
}

static bool decode_parts(const struct nlattr **tb, unsigned parts, struct bri_nl_pm_event *event)
{
	if ((parts & WITH_TOKEN) && !bri_nl_attr_u32(tb[BRI_NL_PM_EVENT_TOKEN], &event->token))
		return false;
	if ((parts & WITH_LOCAL_ID) &&
		!bri_nl_attr_u8(tb[BRI_NL_PM_EVENT_LOC_ID], &event->local_id))
		return false;
	if ((parts & WITH_REMOTE_ID) &&
		!bri_nl_attr_u8(tb[BRI_NL_PM_EVENT_REM_ID], &event->remote_id))
		return false;
	if ((parts & WITH_LOCAL) &&
		(!decode_ip(tb[BRI_NL_PM_EVENT_SADDR4], tb[BRI_NL_PM_EVENT_SADDR6], &event->local,
			 &event->mapped) ||
			!decode_port(tb[BRI_NL_PM_EVENT_SPORT], &event->local_port)))
		return false;
	if ((parts & WITH_REMOTE) &&
		(!decode_ip(tb[BRI_NL_PM_EVENT_DADDR4], tb[BRI_NL_PM_EVENT_DADDR6], &event->remote,
			 &event->mapped) ||
			!decode_port(tb[BRI_NL_PM_EVENT_DPORT], &event->remote_port)))
		return false;
	return (parts & (WITH_LOCAL | WITH_REMOTE)) != (WITH_LOCAL | WITH_REMOTE) ||
	       of_one_family(&event->local, &event->remote);
}

static void decode_extras(const struct nlattr **tb, struct bri_nl_pm_event *event)
{
	uint8_t backup = 0, server_side = 0;
	uint16_t flags = 0;

	bri_nl_attr_u8(tb[BRI_NL_PM_EVENT_BACKUP], &backup);
	bri_nl_attr_u8(tb[BRI_NL_PM_EVENT_SERVER_SIDE], &server_side);
	bri_nl_attr_u16(tb[BRI_NL_PM_EVENT_FLAGS], &flags);
	bri_nl_attr_u32(tb[BRI_NL_PM_EVENT_IF_IDX], &event->ifindex);
	event->has_error = bri_nl_attr_u8(tb[BRI_NL_PM_EVENT_ERROR], &event->error);
	event->has_reset = bri_nl_attr_u32(tb[BRI_NL_PM_EVENT_RESET_REASON], &event->reset_reason);
	if (event->has_reset)
		bri_nl_attr_u32(tb[BRI_NL_PM_EVENT_RESET_FLAGS], &event->reset_flags);
	event->backup = backup != 0;
	/* the flag says it since 6.18, the attribute until it goes */
	event->server_side = server_side != 0 || (flags & BRI_NL_PM_EVENT_FLAG_SERVER_SIDE) != 0;
	event->deny_join_id0 = (flags & BRI_NL_PM_EVENT_FLAG_DENY_JOIN_ID0) != 0;
}

int bri_nl_pm_decode_event(const struct nlmsghdr *msg, const struct bri_nl_pm_family *family,
	struct bri_nl_pm_event *ret)
{
	const struct nlattr *tb[BRI_NL_PM_EVENT_N];
	struct bri_nl_pm_event event = { 0 };
	struct genlmsghdr fixed;
	unsigned parts;

	if (msg->nlmsg_type != family->id)
		return BRI_NL_OTHER;
	if (bri_nl_attr_of_message(msg, sizeof(fixed), tb, BRI_LEN(tb)) < 0)
		return -EBADMSG;
	memcpy(&fixed, mnl_nlmsg_get_payload(msg), sizeof(fixed));
	parts = parts_of(fixed.cmd);
	if (parts == 0)
		return BRI_NL_OTHER;
	event.kind = (enum bri_nl_pm_event_kind)fixed.cmd;
	if (!decode_parts(tb, parts, &event))
		return -EBADMSG;
	decode_extras(tb, &event);
	*ret = event;
	return 0;
}
