/* RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR: addresses of interfaces. */
#ifndef BRI_NL_ADDR_H
#define BRI_NL_ADDR_H

#include <linux/if_addr.h>
#include "netlink/nl_attr.h"

struct bri_nl_addr {
	bool removed; /* RTM_DELADDR */
	uint32_t ifindex;
	struct bri_ip ip; /* the local one, on point-to-point links too */
	uint8_t prefix;
	uint8_t scope;  /* RT_SCOPE_* */
	uint32_t flags; /* IFA_F_TENTATIVE, IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_TEMPORARY, ...
			 */
};

void bri_nl_addr_encode_dump(struct bri_nl_request *req);
/* bri_nl_addr_decode(): returns 0, BRI_NL_OTHER (another message or family), or -EBADMSG. */
int bri_nl_addr_decode(const struct nlmsghdr *msg, struct bri_nl_addr *ret);

#endif
