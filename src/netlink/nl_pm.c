/* Messages of the generic netlink family mptcp_pm. Pure: knows no socket. */
#include "netlink/nl_pm.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink/nl_pm_wire.h"

#define PM_NAME    "mptcp_pm"
#define PM_EVENTS  "mptcp_pm_events"
#define MAX_GROUPS 16 /* of a family's multicast groups; this one has two */

void bri_nl_pm_encode_family(struct bri_nl_request *req)
{
	bri_nl_pm_wire_begin(req, GENL_ID_CTRL, NLM_F_ACK, CTRL_CMD_GETFAMILY);
	bri_nl_request_put(req, CTRL_ATTR_FAMILY_NAME, PM_NAME, sizeof(PM_NAME));
}

/* CTRL_ATTR_MCAST_GROUPS: a nest of numbered nests of name and id. */
static int decode_groups(const struct nlattr *attr, uint32_t *ret_events)
{
	const struct nlattr *list[MAX_GROUPS], *tb[CTRL_ATTR_MCAST_GRP_ID + 1];

	if (bri_nl_attr_nested(attr, list, BRI_LEN(list)) < 0)
		return -EBADMSG;
	for (size_t i = 0; i < BRI_LEN(list); i++) {
		char name[GENL_NAMSIZ];

		if (!list[i])
			continue;
		if (bri_nl_attr_nested(list[i], tb, BRI_LEN(tb)) < 0)
			return -EBADMSG;
		if (bri_nl_attr_name(tb[CTRL_ATTR_MCAST_GRP_NAME], name, sizeof(name)) &&
			strcmp(name, PM_EVENTS) == 0)
			bri_nl_attr_u32(tb[CTRL_ATTR_MCAST_GRP_ID], ret_events);
	}
	return 0;
}

int bri_nl_pm_decode_family(const struct nlmsghdr *msg, struct bri_nl_pm_family *ret)
{
	const struct nlattr *tb[CTRL_ATTR_MCAST_GROUPS + 1];
	struct bri_nl_pm_family family = { 0 };
	char name[GENL_NAMSIZ];

	if (msg->nlmsg_type != GENL_ID_CTRL)
		return BRI_NL_OTHER;
	if (bri_nl_attr_of_message(msg, sizeof(struct genlmsghdr), tb, BRI_LEN(tb)) < 0)
		return -EBADMSG;
	if (!bri_nl_attr_name(tb[CTRL_ATTR_FAMILY_NAME], name, sizeof(name)) ||
		!bri_nl_attr_u16(tb[CTRL_ATTR_FAMILY_ID], &family.id) || family.id < NLMSG_MIN_TYPE)
		return -EBADMSG;
	if (strcmp(name, PM_NAME) != 0)
		return BRI_NL_OTHER;
	if (decode_groups(tb[CTRL_ATTR_MCAST_GROUPS], &family.events_group) < 0)
		return -EBADMSG;
	bri_nl_attr_u32(tb[CTRL_ATTR_VERSION], &family.version);
	*ret = family;
	return 0;
}

void bri_nl_pm_encode_get_limits(struct bri_nl_request *req, const struct bri_nl_pm_family *family)
{
	bri_nl_pm_wire_begin(req, family->id, NLM_F_ACK, BRI_NL_PM_CMD_GET_LIMITS);
}

/* The kernel answers with the number of the command that was asked. */
static int table_of(const struct nlmsghdr *msg, const struct bri_nl_pm_family *family, uint8_t cmd,
	const struct nlattr **tb)
{
	struct genlmsghdr fixed;

	if (msg->nlmsg_type != family->id)
		return BRI_NL_OTHER;
	if (bri_nl_attr_of_message(msg, sizeof(fixed), tb, BRI_NL_PM_ATTR_N) < 0)
		return -EBADMSG;
	memcpy(&fixed, mnl_nlmsg_get_payload(msg), sizeof(fixed));
	return fixed.cmd == cmd ? 0 : BRI_NL_OTHER;
}

int bri_nl_pm_decode_limits(const struct nlmsghdr *msg, const struct bri_nl_pm_family *family,
	struct bri_nl_pm_limits *ret)
{
	const struct nlattr *tb[BRI_NL_PM_ATTR_N];
	struct bri_nl_pm_limits limits;
	int r = table_of(msg, family, BRI_NL_PM_CMD_GET_LIMITS, tb);

	if (r != 0)
		return r;
	if (!bri_nl_attr_u32(tb[BRI_NL_PM_ATTR_SUBFLOWS], &limits.subflows) ||
		!bri_nl_attr_u32(tb[BRI_NL_PM_ATTR_RCV_ADD_ADDRS], &limits.add_addr_accepted))
		return -EBADMSG;
	*ret = limits;
	return 0;
}

void bri_nl_pm_encode_dump_endpoints(
	struct bri_nl_request *req, const struct bri_nl_pm_family *family)
{
	bri_nl_pm_wire_begin(req, family->id, NLM_F_DUMP, BRI_NL_PM_CMD_GET_ADDR);
}

int bri_nl_pm_decode_endpoint(const struct nlmsghdr *msg, const struct bri_nl_pm_family *family,
	struct bri_nl_pm_endpoint *ret)
{
	const struct nlattr *tb[BRI_NL_PM_ATTR_N], *addr[BRI_NL_PM_ADDR_N];
	struct bri_nl_pm_endpoint endpoint = { 0 };
	uint16_t ip_family;
	int r = table_of(msg, family, BRI_NL_PM_CMD_GET_ADDR, tb);

	if (r != 0)
		return r;
	if (!tb[BRI_NL_PM_ATTR_ADDR] ||
		bri_nl_attr_nested(tb[BRI_NL_PM_ATTR_ADDR], addr, BRI_LEN(addr)) < 0)
		return -EBADMSG;
	if (!bri_nl_attr_u16(addr[BRI_NL_PM_ADDR_FAMILY], &ip_family) ||
		!bri_nl_attr_u8(addr[BRI_NL_PM_ADDR_ID], &endpoint.id))
		return -EBADMSG;
	if (!bri_nl_attr_ip(addr[ip_family == AF_INET6 ? BRI_NL_PM_ADDR_6 : BRI_NL_PM_ADDR_4],
		    ip_family, &endpoint.ip))
		return -EBADMSG;
	bri_nl_attr_u32(addr[BRI_NL_PM_ADDR_FLAGS], &endpoint.flags);
	bri_nl_attr_u16(addr[BRI_NL_PM_ADDR_PORT], &endpoint.port);
	bri_nl_attr_u32(addr[BRI_NL_PM_ADDR_IF_IDX], &endpoint.ifindex);
	*ret = endpoint;
	return 0;
}
