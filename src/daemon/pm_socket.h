/* A netlink socket for orders and questions to the kernel's MPTCP path manager. */
#ifndef BRI_PM_SOCKET_H
#define BRI_PM_SOCKET_H

#include "netlink/nl_pm.h"
#include "netlink/nl_socket.h"

struct bri_pm_socket {
	struct bri_nl_socket *socket;
	struct bri_nl_pm_family family;
};

/* bri_pm_socket_open(): returns 0, -ENOENT (no MPTCP in this kernel) or -errno. */
int bri_pm_socket_open(struct bri_pm_socket *ret);
/* bri_pm_socket_close(): harmless when it was not opened but zeroed. */
void bri_pm_socket_close(struct bri_pm_socket *s);

/*
 * bri_pm_socket_endpoints(): those that exist, without the implicit ones, which nobody made.
 *   ret  BRI_NL_PM_MAX_ENDPOINTS of them
 * Returns how many, or -errno.
 */
int bri_pm_socket_endpoints(struct bri_pm_socket *s, struct bri_nl_pm_endpoint *ret);

#endif
