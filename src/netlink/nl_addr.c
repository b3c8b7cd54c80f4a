/* RTM_*ADDR messages (rtnetlink(7)). Pure: knows no socket. */
#include "netlink/nl_addr.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

void bri_nl_addr_encode_dump(struct bri_nl_request *req)
{
	bri_nl_request_init(req, RTM_GETADDR, NLM_F_DUMP, sizeof(struct ifaddrmsg));
}

int bri_nl_addr_decode(const struct nlmsghdr *msg, struct bri_nl_addr *ret)
{
	const struct nlattr *tb[IFA_FLAGS + 1];
	struct bri_nl_addr addr = { .removed = msg->nlmsg_type == RTM_DELADDR };
	struct ifaddrmsg fixed;

	if (msg->nlmsg_type != RTM_NEWADDR && msg->nlmsg_type != RTM_DELADDR)
		return BRI_NL_OTHER;
	if (bri_nl_attr_of_message(msg, sizeof(fixed), tb, BRI_LEN(tb)) < 0)
		return -EBADMSG;
	memcpy(&fixed, mnl_nlmsg_get_payload(msg), sizeof(fixed));
	if (bri_nl_attr_ip_size(fixed.ifa_family) == 0)
		return BRI_NL_OTHER;
	/* IFA_ADDRESS is the peer's on a point-to-point link; IFA_LOCAL is ours where it is present
	 */
	if (!bri_nl_attr_ip(
		    tb[tb[IFA_LOCAL] ? IFA_LOCAL : IFA_ADDRESS], fixed.ifa_family, &addr.ip))
		return -EBADMSG;
	if (fixed.ifa_index == 0 || fixed.ifa_prefixlen > 8 * bri_nl_attr_ip_size(fixed.ifa_family))
		return -EBADMSG;

	addr.ifindex = fixed.ifa_index;
	addr.prefix = fixed.ifa_prefixlen;
	addr.scope = fixed.ifa_scope;
	addr.flags = fixed.ifa_flags; /* 8 bits of them; all are in the attribute */
	bri_nl_attr_u32(tb[IFA_FLAGS], &addr.flags);
	*ret = addr;
	return 0;
}
