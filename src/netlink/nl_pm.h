/*
 * The kernel's MPTCP path manager, generic netlink family "mptcp_pm" (Documentation/netlink/specs/
 * mptcp_pm.yaml): its number, limits and endpoints. The questions that need no privilege.
 */
#ifndef BRI_NL_PM_H
#define BRI_NL_PM_H

#include "netlink/nl_attr.h"

#define BRI_NL_PM_MAX_ENDPOINTS 64u /* the kernel keeps 8 (and an implicit one a local address) */

/* flags of an endpoint */
#define BRI_NL_PM_SIGNAL   1u
#define BRI_NL_PM_SUBFLOW  2u
#define BRI_NL_PM_BACKUP   4u
#define BRI_NL_PM_FULLMESH 8u
#define BRI_NL_PM_IMPLICIT 16u
#define BRI_NL_PM_LAMINAR  32u

struct bri_nl_pm_family {
	uint16_t id; /* the type of its messages */
	uint32_t version;
	uint32_t events_group; /* number of the multicast group mptcp_pm_events; 0: none */
};

struct bri_nl_pm_limits {
	uint32_t subflows;          /* extra subflows a connection may have */
	uint32_t add_addr_accepted; /* announced addresses it may use */
};

struct bri_nl_pm_endpoint {
	uint8_t id;
	uint32_t flags; /* BRI_NL_PM_* */
	struct bri_ip ip;
	uint16_t port;    /* host order; 0: none */
	uint32_t ifindex; /* 0: none */
};

/* Ask the generic netlink controller for the family. The answer is -ENOENT where there is no MPTCP.
 */
void bri_nl_pm_encode_family(struct bri_nl_request *req);
int bri_nl_pm_decode_family(const struct nlmsghdr *msg, struct bri_nl_pm_family *ret);

void bri_nl_pm_encode_get_limits(struct bri_nl_request *req, const struct bri_nl_pm_family *family);
int bri_nl_pm_decode_limits(const struct nlmsghdr *msg, const struct bri_nl_pm_family *family,
	struct bri_nl_pm_limits *ret);

void bri_nl_pm_encode_dump_endpoints(
	struct bri_nl_request *req, const struct bri_nl_pm_family *family);
int bri_nl_pm_decode_endpoint(const struct nlmsghdr *msg, const struct bri_nl_pm_family *family,
	struct bri_nl_pm_endpoint *ret);
/* All decoders return 0, BRI_NL_OTHER (another message), or -EBADMSG. */

#endif
