/* RTM_*LINK messages (rtnetlink(7)). Pure: knows no socket. */
#include "netlink/nl_link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

/* without statistics a link is some 700 bytes instead of 1400 */
#define EXT_MASK_SKIP_STATS (1u << 3)

void bri_nl_link_encode_dump(struct bri_nl_request *req)
{
	uint32_t mask = EXT_MASK_SKIP_STATS;

	bri_nl_request_init(req, RTM_GETLINK, NLM_F_DUMP, sizeof(struct ifinfomsg));
	bri_nl_request_put(req, IFLA_EXT_MASK, &mask, sizeof(mask));
}

int bri_nl_link_decode(const struct nlmsghdr *msg, struct bri_nl_link *ret)
{
	const struct nlattr *tb[IFLA_CARRIER + 1], *info[IFLA_INFO_KIND + 1];
	struct bri_nl_link link = { .removed = msg->nlmsg_type == RTM_DELLINK };
	struct ifinfomsg fixed;
	size_t mac_size;

	if (msg->nlmsg_type != RTM_NEWLINK && msg->nlmsg_type != RTM_DELLINK)
		return BRI_NL_OTHER;
	if (bri_nl_attr_of_message(msg, sizeof(fixed), tb, BRI_LEN(tb)) < 0)
		return -EBADMSG;
	memcpy(&fixed, mnl_nlmsg_get_payload(msg), sizeof(fixed));
	/* AF_BRIDGE and AF_INET6 messages tell of a port or of v6 settings, not of the link's life
	 */
	if (fixed.ifi_family != AF_UNSPEC)
		return BRI_NL_OTHER;
	if (fixed.ifi_index <= 0 ||
		!bri_nl_attr_name(tb[IFLA_IFNAME], link.name, sizeof(link.name)))
		return -EBADMSG;
	if (bri_nl_attr_nested(tb[IFLA_LINKINFO], info, BRI_LEN(info)) < 0)
		return -EBADMSG;

	link.index = (uint32_t)fixed.ifi_index;
	link.hwtype = fixed.ifi_type;
	link.flags = fixed.ifi_flags;
	bri_nl_attr_u32(tb[IFLA_MTU], &link.mtu);
	bri_nl_attr_u32(tb[IFLA_MASTER], &link.master);
	bri_nl_attr_u8(tb[IFLA_OPERSTATE], &link.operstate);
	link.has_carrier = bri_nl_attr_u8(tb[IFLA_CARRIER], &link.carrier);
	bri_nl_attr_name(info[IFLA_INFO_KIND], link.kind, sizeof(link.kind));
	mac_size = tb[IFLA_ADDRESS] ? mnl_attr_get_payload_len(tb[IFLA_ADDRESS]) : 0;
	if (mac_size > sizeof(link.mac))
		return -EBADMSG;
	if (mac_size > 0)
		memcpy(link.mac, mnl_attr_get_payload(tb[IFLA_ADDRESS]), mac_size);
	link.mac_size = (uint8_t)mac_size;
	*ret = link;
	return 0;
}
