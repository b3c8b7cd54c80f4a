/*
 * Netlink requests that are answered with an acknowledgement, synchronously: what the lab needs to
 * configure its namespaces in microseconds and without iproute2. A socket works in the network
 * namespace it was opened in. Knows nothing of paths.
 */
#ifndef BRI_LAB_LABNL_H
#define BRI_LAB_LABNL_H

#include "base/base.h"

struct bri_labnl {
	int fd;
	uint32_t seq;
	uint16_t mptcp_family; /* 0: not asked yet */
	size_t len;
	uint64_t buffer[256]; /* the request; 2 KiB are ten times the longest */
};

/* bri_labnl_open(): protocol is NETLINK_ROUTE or NETLINK_GENERIC. Returns 0 or -errno. */
int bri_labnl_open(struct bri_labnl *nl, int protocol);
void bri_labnl_close(struct bri_labnl *nl);

/* A request: begin, put and nest, then talk, which sends it and waits for the kernel's verdict. */
void bri_labnl_begin(
	struct bri_labnl *nl, uint16_t type, uint16_t flags, const void *header, size_t len);
void bri_labnl_put(struct bri_labnl *nl, uint16_t type, const void *data, size_t len);
void bri_labnl_put_u32(struct bri_labnl *nl, uint16_t type, uint32_t value);
void bri_labnl_put_string(struct bri_labnl *nl, uint16_t type, const char *string);
size_t bri_labnl_nest(struct bri_labnl *nl, uint16_t type);
size_t bri_labnl_nest_header(struct bri_labnl *nl, uint16_t type, const void *header, size_t len);
void bri_labnl_nest_end(struct bri_labnl *nl, size_t nest);
/* bri_labnl_talk(): returns 0 or the kernel's -errno. */
int bri_labnl_talk(struct bri_labnl *nl);

/* The mptcp_pm family's kernel path manager. `flags`: MPTCP_PM_ADDR_FLAG_*. */
int bri_labnl_mptcp_endpoint(
	struct bri_labnl *nl, int family, const void *address, uint32_t flags, int ifindex);
int bri_labnl_mptcp_limits(struct bri_labnl *nl, uint32_t subflows, uint32_t add_addr_accepted);

#endif
