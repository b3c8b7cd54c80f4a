/*
 * Policy routing, so that packets leave by the interface whose address they have: for each usable
 * address a rule `from ADDRESS lookup TABLE`, and for each interface a table with its default route
 * and the networks on its link. Without it a subflow from the second address goes out by the first
 * interface. Knows no connections.
 *
 * Nothing is remembered: what is ours is told by the numbers below, each time. So what a killed
 * daemon has left is found like all else.
 */
#ifndef BRI_ROUTING_H
#define BRI_ROUTING_H

#include "policy/policy.h"
#include "transport/netstate.h"

/* "BR"; as documented in braidd(8). Nobody else was found to use them (iproute2, systemd, bird). */
#define BRI_ROUTING_PRIORITY 0x4252u
#define BRI_ROUTING_TABLES   0x42520000u /* + the interface's index, to 0xffff */
#define BRI_ROUTING_PROTOCOL 66u         /* FRA_PROTOCOL, rtm_protocol */

#define BRI_ROUTING_ADVICE_MAX 400u

struct bri_routing;

static inline bool bri_routing_is_own_table(uint32_t table)
{
	return (table & 0xffff0000u) == BRI_ROUTING_TABLES;
}

/* bri_routing_open(): changes nothing yet. Returns 0 or -errno. */
int bri_routing_open(struct bri_routing **ret);
/* bri_routing_close(): takes everything away. NULL is harmless. */
void bri_routing_close(struct bri_routing *r);

/*
 * bri_routing_update(): makes rules and tables for these addresses, as far as they are usable and
 * have no rule of somebody else's, and takes all others of ours away.
 *   on     false: take all away
 *   state  what the addresses are from
 */
void bri_routing_update(struct bri_routing *r, bool on, const struct bri_netstate *state,
	const struct bri_policy_address *addresses, size_t n);

/* bri_routing_advice(): what keeps paths from working, for a person; "": nothing. */
const char *bri_routing_advice(const struct bri_routing *r);

#endif
