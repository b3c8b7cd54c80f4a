/*
 * One netlink question and its answers, as a state machine over received bytes: which messages are
 * ours, when it is over, with what result, and whether a dump was interrupted. No socket in it.
 */
#ifndef BRI_NL_EXCHANGE_H
#define BRI_NL_EXCHANGE_H

#include "netlink/nl_attr.h"

/*
 * bri_nl_message_f: one answer, or one event.
 *   msg   borrowed for the call; wholly there
 * Returns 0, or anything else to be told no more: that is then the result of the exchange.
 */
typedef int (*bri_nl_message_f)(void *context, const struct nlmsghdr *msg);

#define BRI_NL_WHY_MAX 128u /* a sentence: the kernel's are up to some 80 bytes */

struct bri_nl_exchange {
	uint32_t seq;
	uint32_t port;    /* our address; 0: do not compare */
	bool interrupted; /* NLM_F_DUMP_INTR was seen */
	bool done;
	int result;  /* when done: 0, the kernel's -errno, or what the handler returned */
	int stopped; /* what the handler returned, if not 0 */
	char why[BRI_NL_WHY_MAX]; /* the kernel's words for its -errno; "": none */
};

void bri_nl_exchange_init(struct bri_nl_exchange *ex, uint32_t seq, uint32_t port);

/*
 * bri_nl_exchange_rx(): one received datagram. Messages of other exchanges are passed over.
 *   bytes   4-byte aligned
 * Returns 0, or -EBADMSG when the bytes are not netlink messages (the exchange is then over).
 */
int bri_nl_exchange_rx(struct bri_nl_exchange *ex, const void *bytes, size_t size,
	bri_nl_message_f fn, void *context);

/*
 * The acknowledgements of requests that were sent together, whose sequence numbers follow one
 * another. Whatever else the kernel answers to them is passed over.
 */
struct bri_nl_acks {
	uint32_t first_seq;
	uint32_t port; /* our address; 0: do not compare */
	size_t n;
	size_t left;  /* that are not acknowledged yet */
	int *results; /* n of them, borrowed: BRI_NL_ACK_NONE, then 0 or the kernel's -errno */
	char why[BRI_NL_WHY_MAX]; /* the kernel's words for the last of the errors that had any */
};

#define BRI_NL_ACK_NONE 1 /* not acknowledged (yet) */

void bri_nl_acks_init(
	struct bri_nl_acks *acks, uint32_t first_seq, uint32_t port, int *results, size_t n);
/* bri_nl_acks_rx(): one received datagram, 4-byte aligned. Returns 0, or -EBADMSG when the bytes
 * are not netlink messages; what came before them counts. */
int bri_nl_acks_rx(struct bri_nl_acks *acks, const void *bytes, size_t size);

/* bri_nl_exchange_events(): every message of a datagram of events goes to fn. Returns 0, -EBADMSG,
 * or fn's result. */
int bri_nl_exchange_events(const void *bytes, size_t size, bri_nl_message_f fn, void *context);

#endif
