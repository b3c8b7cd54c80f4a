/*
 * One UDP socket that serves many peers: datagrams are sorted by remote address into flows. A new
 * peer makes a new flow; a datagram that comes before its flow is read is kept, within limits.
 * Knows nothing of connections.
 */
#ifndef BRI_UDP_HUB_H
#define BRI_UDP_HUB_H

#include "dispatch/runtime.h"
#include "transport/sock.h"

#define BRI_HUB_FLOWS_MAX     65536u         /* a peer can forge any number of source addresses */
#define BRI_HUB_DATAGRAMS_MAX 256u           /* kept for a flow that nobody reads */
#define BRI_HUB_BYTES_MAX     (512u * 1024u) /* of one such flow */
#define BRI_HUB_UNCLAIMED_MAX (8u * 1024u * 1024u) /* kept bytes of all flows together */

struct dispatch_data_s;
struct bri_hub;
struct bri_hub_flow;

struct bri_hub_datagram {
	struct dispatch_data_s *data; /* +1; NULL: an empty datagram */
	struct bri_sock_datagram info;
};

/* What may be sent to a peer that has no flow. */
#define BRI_HUB_REPLY_MAX 64u

struct bri_hub_reply {
	uint8_t bytes[BRI_HUB_REPLY_MAX];
	size_t size; /* 0: none */
};

/*
 * What the hub asks, on its queue.
 *   admits    a datagram of a peer that has no flow: whether it makes one. ret_reply: sent to the
 *             peer, whatever the answer; no state is kept of either. NULL: each does
 *   on_flow   a new peer: whether the flow is taken (else it is dropped with its datagram)
 */
struct bri_hub_ops {
	bool (*admits)(void *context, const struct bri_hub_datagram *datagram,
		struct bri_hub_reply *ret_reply);
	bool (*on_flow)(void *context, struct bri_hub_flow *flow);
};

/*
 * bri_hub_new(): serve the socket on `queue`.
 *   sock      consumed on success
 *   ops       borrowed until bri_hub_close()
 * Returns 0 or -errno.
 */
int bri_hub_new(struct bri_sock sock, struct dispatch_queue_s *queue, void *context,
	const struct bri_hub_ops *ops, struct bri_hub **ret);
/* bri_hub_close(): no new peers, nothing is asked again. The socket lives on until its last
 * flow is closed. NULL is harmless. Context: on the queue. */
void bri_hub_close(struct bri_hub *hub);

/* A flow is its taker's until bri_hub_flow_close(). These may be called from any thread. */
const union bri_sockaddr *bri_hub_flow_remote(const struct bri_hub_flow *flow);
const union bri_sockaddr *bri_hub_flow_local(const struct bri_hub_flow *flow);
int bri_hub_flow_fd(
	const struct bri_hub_flow *flow); /* of the shared socket: for asking, not for reading */
/* bri_hub_flow_attach(): on_readable(context) runs on `queue` when datagrams came; also at once for
 * those that wait. */
void bri_hub_flow_attach(struct bri_hub_flow *flow, struct dispatch_queue_s *queue, void *context,
	void (*on_readable)(void *context));
/* bri_hub_flow_take(): the oldest datagram; false: none. */
bool bri_hub_flow_take(struct bri_hub_flow *flow, struct bri_hub_datagram *ret);
/* bri_hub_flow_send(): bytes, or -errno; after -EAGAIN on_readable() tells also when there is room
 * again. */
ssize_t bri_hub_flow_send(
	struct bri_hub_flow *flow, const struct iovec *iov, size_t count, int ecn);
/* bri_hub_flow_close(): on_readable is not called again (when called on its queue). The peer's next
 * datagram is a new flow. NULL is harmless. */
void bri_hub_flow_close(struct bri_hub_flow *flow);

#endif
