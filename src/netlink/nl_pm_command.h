/*
 * Orders to the kernel's MPTCP path managers (generic netlink family mptcp_pm): for one connection
 * of the userspace kind, named by its token, and for the kernel's own, by endpoints. All need
 * CAP_NET_ADMIN, and are answered by an acknowledgement only. What makes no sense (an address of no
 * family) is encoded without it, and the kernel refuses it.
 */
#ifndef BRI_NL_PM_COMMAND_H
#define BRI_NL_PM_COMMAND_H

#include "netlink/nl_pm.h"

/* A subflow: addresses of one family, ports in host order. */
struct bri_nl_pm_tuple {
	struct bri_ip local, remote;
	uint16_t local_port, remote_port;
	/* An IPv6 socket that talks IPv4, as the first subflow of a connection may be and a joined
	 * one of ours is not: bri_nl_pm_encode_destroy() finds it by its mapped addresses only. */
	bool mapped;
};

/*
 * bri_nl_pm_encode_create(): begin a subflow; that it stands or fails is told by an event.
 *   t           local_port is ignored: the kernel chooses
 *   local_id    of t->local in this connection, always the same; 0: the initial address
 *   remote_id   as it was announced; 0: the initial address
 *   ifindex     the device it is bound to; 0: none
 * The kernel's answers: -ENOTCONN (not established yet), -EINVAL, -ESRCH (no such token), or the
 * errno of the connect.
 */
void bri_nl_pm_encode_create(struct bri_nl_request *req, const struct bri_nl_pm_family *family,
	uint32_t token, const struct bri_nl_pm_tuple *t, uint8_t local_id, uint8_t remote_id,
	uint32_t ifindex, bool backup);
/* bri_nl_pm_encode_destroy(): close a subflow. -ESRCH: there is none. */
void bri_nl_pm_encode_destroy(struct bri_nl_request *req, const struct bri_nl_pm_family *family,
	uint32_t token, const struct bri_nl_pm_tuple *t);
/* bri_nl_pm_encode_remove(): tell the peer that the address is gone (RM_ADDR): it closes the
 * subflows that use it. Ours stay. */
void bri_nl_pm_encode_remove(struct bri_nl_request *req, const struct bri_nl_pm_family *family,
	uint32_t token, uint8_t local_id);
/* bri_nl_pm_encode_set_backup(): of one subflow, for both directions (MP_PRIO). */
void bri_nl_pm_encode_set_backup(struct bri_nl_request *req, const struct bri_nl_pm_family *family,
	uint32_t token, const struct bri_nl_pm_tuple *t, bool backup);
/* bri_nl_pm_encode_announce(): tell the peer of an address (ADD_ADDR).
 *   port  0: that of the connection. The caller has a listener there
 *   id    not 0 */
void bri_nl_pm_encode_announce(struct bri_nl_request *req, const struct bri_nl_pm_family *family,
	uint32_t token, const struct bri_ip *ip, uint16_t port, uint8_t id);

/* Of the kernel's path manager: for all its connections in the network namespace. */

/* bri_nl_pm_encode_add_endpoint(): e->id 0: the kernel chooses. */
void bri_nl_pm_encode_add_endpoint(struct bri_nl_request *req,
	const struct bri_nl_pm_family *family, const struct bri_nl_pm_endpoint *e);
/* bri_nl_pm_encode_del_endpoint():
 *   ip   NULL for an id that is not 0. With id 0: the subflows that began on this address */
void bri_nl_pm_encode_del_endpoint(struct bri_nl_request *req,
	const struct bri_nl_pm_family *family, uint8_t id, const struct bri_ip *ip);
/* bri_nl_pm_encode_set_endpoint_flags(): only BRI_NL_PM_BACKUP and _FULLMESH change, and both do:
 * what is not in flags is taken away. */
void bri_nl_pm_encode_set_endpoint_flags(struct bri_nl_request *req,
	const struct bri_nl_pm_family *family, uint8_t id, uint32_t flags);
/* bri_nl_pm_encode_set_endpoint_backup(): of one that is not full mesh (it would no more be). */
void bri_nl_pm_encode_set_endpoint_backup(
	struct bri_nl_request *req, const struct bri_nl_pm_family *family, uint8_t id, bool backup);
/* bri_nl_pm_encode_set_limits(): each at most 8. */
void bri_nl_pm_encode_set_limits(struct bri_nl_request *req, const struct bri_nl_pm_family *family,
	const struct bri_nl_pm_limits *limits);

#endif
