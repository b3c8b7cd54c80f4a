/*
 * Numbers and the header of the generic netlink family mptcp_pm, as linux/mptcp_pm.h has them, for
 * the files that encode and decode its messages. Headers of older systems lack the newer ones.
 */
#ifndef BRI_NL_PM_WIRE_H
#define BRI_NL_PM_WIRE_H

#include <linux/genetlink.h>
#include "netlink/nl_attr.h"

#define BRI_NL_PM_VERSION 1

enum {
	BRI_NL_PM_CMD_ADD_ADDR = 1,
	BRI_NL_PM_CMD_DEL_ADDR = 2,
	BRI_NL_PM_CMD_GET_ADDR = 3,
	BRI_NL_PM_CMD_SET_LIMITS = 5,
	BRI_NL_PM_CMD_GET_LIMITS = 6,
	BRI_NL_PM_CMD_SET_FLAGS = 7,
	BRI_NL_PM_CMD_ANNOUNCE = 8,
	BRI_NL_PM_CMD_REMOVE = 9,
	BRI_NL_PM_CMD_SUBFLOW_CREATE = 10,
	BRI_NL_PM_CMD_SUBFLOW_DESTROY = 11,
};

/* of commands; the endpoint of a command is the address, too */
enum {
	BRI_NL_PM_ATTR_ADDR = 1,
	BRI_NL_PM_ATTR_RCV_ADD_ADDRS = 2,
	BRI_NL_PM_ATTR_SUBFLOWS = 3,
	BRI_NL_PM_ATTR_TOKEN = 4,
	BRI_NL_PM_ATTR_LOC_ID = 5,
	BRI_NL_PM_ATTR_ADDR_REMOTE = 6,
	BRI_NL_PM_ATTR_N,
};

/* of an address; unlike in events the port is in host order */
enum {
	BRI_NL_PM_ADDR_FAMILY = 1,
	BRI_NL_PM_ADDR_ID = 2,
	BRI_NL_PM_ADDR_4 = 3,
	BRI_NL_PM_ADDR_6 = 4,
	BRI_NL_PM_ADDR_PORT = 5,
	BRI_NL_PM_ADDR_FLAGS = 6,
	BRI_NL_PM_ADDR_IF_IDX = 7,
	BRI_NL_PM_ADDR_N,
};

/* of events; ports are in network order */
enum {
	BRI_NL_PM_EVENT_TOKEN = 1,
	BRI_NL_PM_EVENT_FAMILY = 2,
	BRI_NL_PM_EVENT_LOC_ID = 3,
	BRI_NL_PM_EVENT_REM_ID = 4,
	BRI_NL_PM_EVENT_SADDR4 = 5,
	BRI_NL_PM_EVENT_SADDR6 = 6,
	BRI_NL_PM_EVENT_DADDR4 = 7,
	BRI_NL_PM_EVENT_DADDR6 = 8,
	BRI_NL_PM_EVENT_SPORT = 9,
	BRI_NL_PM_EVENT_DPORT = 10,
	BRI_NL_PM_EVENT_BACKUP = 11,
	BRI_NL_PM_EVENT_ERROR = 12,
	BRI_NL_PM_EVENT_FLAGS = 13,
	BRI_NL_PM_EVENT_IF_IDX = 15,
	BRI_NL_PM_EVENT_RESET_REASON = 16,
	BRI_NL_PM_EVENT_RESET_FLAGS = 17,
	BRI_NL_PM_EVENT_SERVER_SIDE = 18,
	BRI_NL_PM_EVENT_N,
};

/* BRI_NL_PM_EVENT_FLAGS, since Linux 6.18 */
#define BRI_NL_PM_EVENT_FLAG_DENY_JOIN_ID0 1u
#define BRI_NL_PM_EVENT_FLAG_SERVER_SIDE   2u

/* bri_nl_pm_wire_begin(): a generic netlink message without attributes. */
static inline void bri_nl_pm_wire_begin(
	struct bri_nl_request *req, uint16_t type, uint16_t flags, uint8_t cmd)
{
	struct genlmsghdr *fixed =
		(struct genlmsghdr *)bri_nl_request_init(req, type, flags, sizeof(*fixed));

	fixed->cmd = cmd;
	fixed->version = BRI_NL_PM_VERSION;
}

#endif
