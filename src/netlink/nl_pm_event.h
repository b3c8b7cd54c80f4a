/*
 * What the kernel tells of Multipath TCP connections: the multicast group mptcp_pm_events of the
 * generic netlink family mptcp_pm. Told to who has CAP_NET_ADMIN; never of the past.
 */
#ifndef BRI_NL_PM_EVENT_H
#define BRI_NL_PM_EVENT_H

#include "netlink/nl_pm.h"

/* The numbers of linux/mptcp_pm.h. */
enum bri_nl_pm_event_kind {
	BRI_NL_PM_CREATED = 1,
	BRI_NL_PM_ESTABLISHED = 2, /* from now on it takes commands */
	BRI_NL_PM_CLOSED = 3,
	BRI_NL_PM_ANNOUNCED = 6, /* by the peer: remote, remote_port, remote_id */
	BRI_NL_PM_REMOVED = 7,   /* by the peer: remote_id */
	BRI_NL_PM_SUB_ESTABLISHED = 10,
	BRI_NL_PM_SUB_CLOSED = 11,
	BRI_NL_PM_SUB_PRIORITY = 13,
	BRI_NL_PM_LISTENER_CREATED = 15, /* local, local_port; no token */
	BRI_NL_PM_LISTENER_CLOSED = 16,
};

/* What the kind does not tell is zero. */
struct bri_nl_pm_event {
	enum bri_nl_pm_event_kind kind;
	uint32_t token; /* the local one */
	struct bri_ip local, remote;
	uint16_t local_port, remote_port; /* host order */
	uint8_t local_id, remote_id;
	bool backup;      /* the peer's wish */
	uint32_t ifindex; /* the device it is bound to; 0: none */
	bool has_error;
	uint8_t error; /* an errno */
	bool has_reset;
	uint32_t reset_reason, reset_flags; /* RFC 8684, 3.6: the MP_TCPRST seen */
	bool server_side;
	bool deny_join_id0; /* the peer wants no join to its initial address (RFC 8684, 3.1: C) */
	bool mapped;        /* an IPv6 socket that talks IPv4: the same in a bri_nl_pm_tuple */
};

/*
 * bri_nl_pm_decode_event(): IPv4 addresses mapped into IPv6 become IPv4 ones.
 * Returns 0, BRI_NL_OTHER (another message, or an event of a kind not listed here), or -EBADMSG.
 */
int bri_nl_pm_decode_event(const struct nlmsghdr *msg, const struct bri_nl_pm_family *family,
	struct bri_nl_pm_event *ret);

#endif
