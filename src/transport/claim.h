/*
 * Claims: what this process tells braidd, the path manager daemon, of its multipath connections,
 * and what it hears of their paths. One connection to the daemon a process, opened when the first
 * claim wants it. Where no daemon runs nothing happens. Knows nothing of connections above it.
 */
#ifndef BRI_CLAIM_H
#define BRI_CLAIM_H

#include "control/message.h"
#include "transport/netstate.h"

struct dispatch_queue_s;

#define BRI_CLAIM_LOST_MAX 8u /* paths of a connection: MPTCP_PM_ADDR_MAX; more are not told */

/* What the daemon said last. */
struct bri_claim_news {
	bool held;        /* it manages the connection's paths as asked */
	uint32_t primary; /* the interface that carries the data; 0: not told */
	uint32_t better;  /* an interface that would, and is not used; 0: none */
	uint32_t n_lost;  /* interfaces that were left since they do not answer, or are gone */
	uint32_t lost[BRI_CLAIM_LOST_MAX];
};

/*
 * on_news(): on the claim's queue, some time after something changed; the news are the newest, what
 * was in between is not told. Borrowed for the call.
 */
typedef void (*bri_claim_f)(void *context, const struct bri_claim_news *news);

struct bri_claim;

/*
 * bri_claim_start(): asks braidd for a service for a connection, now or as soon as there is a
 * daemon, and again whenever it was away.
 *   queue    serial; retained
 *   token    of the connection (MPTCP_INFO); its handshake is over
 *   service  BRI_MESSAGE_SERVICE_*, not none
 *   rules    what the parameters say of interfaces; copied but for its addresses, which do not
 *            count. Rules by type hold also for interfaces that come later
 *   ret      written before on_news can run; end it with bri_claim_stop()
 * Returns 0, -EINVAL (token, service), -ENOMEM, or -ENOTSUP (in a child of fork(): the link to the
 * daemon is the parent's). Context: any thread; never blocks, on_news is not called inside.
 */
int bri_claim_start(struct dispatch_queue_s *queue, uint32_t token, uint8_t service,
	const struct bri_netstate_query *rules, void *context, bri_claim_f on_news,
	struct bri_claim **ret);

/* bri_claim_stop(): the connection is over. on_news is not called any more. NULL is harmless.
 * Context: the claim's queue; never blocks. */
void bri_claim_stop(struct bri_claim *claim);

/* --- pure --- */

/*
 * bri_claim_interfaces(): rules as the lists of indexes that the daemon takes, for the network as
 * it is. Rules by type, expense or constraint become a list of what is allowed, so that an
 * interface that comes later is not used before it was looked at.
 *   state  may be NULL for rules that name at most 16 interfaces and nothing else
 *   ret    required and prohibited are written, the rest is left
 */
void bri_claim_interfaces(const struct bri_netstate *state, const struct bri_netstate_query *rules,
	struct bri_message_claim *ret);

/* bri_claim_on_event(): what an event changes. True: something. */
bool bri_claim_on_event(struct bri_claim_news *news, const struct bri_message_event *event);

#endif
