/* What the files of the network state share among themselves. */
#ifndef BRI_NETSTATE_INTERNAL_H
#define BRI_NETSTATE_INTERNAL_H

#include "netlink/nl_link.h"
#include "transport/netstate.h"

struct bri_nl_socket;

/*
 * bri_netstate_read_with(): three dumps over a NETLINK_ROUTE socket.
 *   previous   NULL, or an older snapshot: what sysfs said of an interface is taken from it
 * Returns 0 or -errno.
 */
int bri_netstate_read_with(
	struct bri_nl_socket *sock, const struct bri_netstate *previous, struct bri_netstate **ret);

/* bri_netstate_new(): refs 1, empty, not complete. NULL: no memory. */
struct bri_netstate *bri_netstate_new(void);

/* What the kind of an interface is told from; sysfs part empty where it is not to be had. */
struct bri_netstate_hint {
	const char *name;
	const char *kind;    /* linkinfo */
	uint16_t hwtype;     /* ARPHRD_* */
	bool loopback;       /* IFF_LOOPBACK */
	bool wireless;       /* sysfs has wireless or phy80211 */
	const char *devtype; /* DEVTYPE= of the uevent: "wlan", "wwan", ... */
};
/* bri_netstate_classify(): pure. */
enum bri_iftype bri_netstate_classify(const struct bri_netstate_hint *hint);
/* bri_netstate_link_type(): the same with what sysfs says. */
enum bri_iftype bri_netstate_link_type(const struct bri_nl_link *link);

/* bri_netstate_text_has_dns(): does the text of a resolv.conf name a server? Pure. */
bool bri_netstate_text_has_dns(const char *text, size_t size);

#endif
