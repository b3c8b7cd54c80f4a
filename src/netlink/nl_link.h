/* RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK: network interfaces. */
#ifndef BRI_NL_LINK_H
#define BRI_NL_LINK_H

#include <net/if.h>
#include "netlink/nl_attr.h"

#define BRI_NL_LINK_NAME_MAX 16u /* IFNAMSIZ */
#define BRI_NL_LINK_MAC_MAX  32u /* MAX_ADDR_LEN */

struct bri_nl_link {
	bool removed; /* RTM_DELLINK */
	uint32_t index;
	uint16_t hwtype;   /* ARPHRD_* */
	uint32_t flags;    /* IFF_* */
	uint8_t operstate; /* RFC 2863, IF_OPER_*; 0: unknown */
	bool has_carrier;
	uint8_t carrier;
	uint32_t mtu;
	uint32_t master; /* index of the bridge or bond it is in; 0: none */
	uint8_t mac_size;
	uint8_t mac[BRI_NL_LINK_MAC_MAX];
	char name[BRI_NL_LINK_NAME_MAX];
	char kind[BRI_NL_LINK_NAME_MAX]; /* linkinfo: "veth", "wireguard"; "": hardware, or loopback
					  */
};

/* bri_nl_link_encode_dump(): ask for all links, without statistics. */
void bri_nl_link_encode_dump(struct bri_nl_request *req);
/* bri_nl_link_decode(): returns 0, BRI_NL_OTHER (not a link, or a bridge's view of one), or
 * -EBADMSG. */
int bri_nl_link_decode(const struct nlmsghdr *msg, struct bri_nl_link *ret);

#endif
