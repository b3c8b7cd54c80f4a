/*
 * The network as the policy wants it: local addresses with what their interfaces are, and news of
 * changes at once. Knows no connections.
 */
#ifndef BRI_DAEMON_NETWORK_H
#define BRI_DAEMON_NETWORK_H

#include <net/if.h>
#include "policy/policy.h"
#include "transport/netstate.h"

struct dispatch_queue_s;
struct bri_network;

/* What the configuration says of an interface; all optional. */
struct bri_network_rule {
	int kind; /* enum bri_path_kind; -1: as the system says */
	int32_t order;
	int metered; /* 1, 0; -1: as the system says */
	bool ignore;
};
/* fn: fills in what is configured for this interface; ret is "nothing" before. */
typedef void (*bri_network_rule_f)(
	void *context, const char *interface, struct bri_network_rule *ret);

/*
 * bri_network_open(): watches links, addresses and routes; on_change is called on the queue, at
 * once after the first event of a burst and once more when it is over.
 * Returns 0 or -errno. Context: on the queue.
 */
int bri_network_open(struct dispatch_queue_s *queue, void *context, bri_network_rule_f rule,
	void (*on_change)(void *context), struct bri_network **ret);
void bri_network_close(struct bri_network *n);

/* bri_network_addresses(): as they are now (the last read state); how many. */
size_t bri_network_addresses(
	const struct bri_network *n, struct bri_policy_address ret[BRI_POLICY_ADDRESSES_MAX]);
/* bri_network_running(): the interfaces that have a carrier; how many. */
size_t bri_network_running(const struct bri_network *n, uint32_t ret[BRI_POLICY_ADDRESSES_MAX]);
/* bri_network_state(): the snapshot behind it; borrowed until the next change. Never NULL. */
const struct bri_netstate *bri_network_state(const struct bri_network *n);
/* bri_network_is_own(): one of this host's addresses, or loopback: a connection to it uses no path.
 */
bool bri_network_is_own(const struct bri_network *n, const struct bri_ip *ip);

#endif
