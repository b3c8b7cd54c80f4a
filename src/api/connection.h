/*
 * nw_connection inside. Who may touch what:
 *   - before nw_connection_start(): everything under `lock`;
 *   - after it: what is marked [queue] only by whoever runs c->queue; handlers always under `lock`.
 * Files: connection.c (public functions: argument checks, hand-over to the queue), connection_io.c
 * (bytes in and out), connection_life.c (states, establishing, closing), connection_path.c (paths,
 * viability, interface rules), connection_claim.c (braidd), connection_chain.c (layers above the
 * transport), connection_events.c (the one place that calls the application).
 */
#ifndef BRI_API_CONNECTION_H
#define BRI_API_CONNECTION_H

#include "api/endpoint.h"
#include "api/error.h"
#include "api/handler.h"
#include "api/parameters.h"
#include "api/proxy_choose.h"
#include "base/list.h"
#include "dispatch/data_internal.h"
#include "dispatch/runtime.h"
#include "stack/establish.h"
#include "stack/life.h"
#include "transport/claim.h"
#include "transport/netstate.h"
#include "transport/udp_hub.h"

enum bri_request_kind {
	BRI_REQUEST_RECEIVE,
	BRI_REQUEST_SEND,
	/* events that no call asked for */
	BRI_REQUEST_STATE,
	BRI_REQUEST_VIABILITY,
	BRI_REQUEST_BETTER_PATH,
	BRI_REQUEST_PATH,
};

/* A receive or send from call to completion, or another event. Pooled. Lists are singly linked. */
struct bri_request {
	struct bri_request *next;
	uint8_t kind;  /* enum bri_request_kind */
	bool message;  /* receive: nw_connection_receive_message */
	bool complete; /* send: is_complete as given; receive: as delivered; else the event's value
			*/
	bool idempotent; /* send: no completion wanted */
	uint8_t state;   /* of BRI_REQUEST_STATE */
	uint32_t min, max;
	size_t offset; /* send: bytes written */
	struct bri_callable call;
	struct dispatch_data_s *content; /* send: internal reference; receive: +1 */
	nw_content_context_t context;    /* internal reference */
	nw_error_t error;                /* +1 */
	union {
		nw_path_t path;      /* +1 */
		uint64_t expires_ns; /* send: not begun by then: dropped */
	};
};

struct bri_requests {
	struct bri_request *head, **tail;
};

enum bri_handler_slot {
	BRI_HANDLER_STATE,
	BRI_HANDLER_VIABILITY,
	BRI_HANDLER_BETTER_PATH,
	BRI_HANDLER_PATH,
	BRI_HANDLER_SLOTS
};

struct nw_connection {
	struct bri_object base;
	/* what a message needs: some lines of the processor's cache */
	struct dispatch_queue_s *_Atomic queue; /* NULL: not started. Serial; internal reference */
	struct bri_chain *chain; /* [queue] the layers above the transport; NULL: none */
	struct bri_requests receives, sends, events; /* [queue] */
	/* [queue] */
	enum bri_life life;
	bool running, item_queued, self_reference, cancel_told, wants_better;
	bool closing; /* cancelled, but a layer wants time to end: `cancelled` follows */
	uint8_t batching;
	bool is_udp, inbound;
	bool readable, writable, hangup, end_seen, end_told, fin_sent;
	bool in_datagram;
	bool message_ended; /* of a message from layers: its last piece is in `partial` */
	unsigned n_put;     /* sends at the head of the list that the chain has */
	struct bri_request **put_tail; /* the list's tail when the last of them was; n_put > 0 */
	struct dispatch_data_s
		*partial; /* received, not delivered; of a datagram: what is left of it */
	nw_content_context_t
		datagram_context; /* of `partial`, UDP: one context for all its chunks; internal */
	_Atomic uint64_t bytes_in, bytes_out; /* written on the queue only */
	struct bri_late_write *late; /* of the first sends, while it is open; with layers theirs */

	uint64_t id; /* for descriptions */
	pthread_mutex_t lock;
	struct bri_handler *handlers[BRI_HANDLER_SLOTS]; /* under lock */
	nw_endpoint_t endpoint; /* internal reference; inbound: made when asked for, under lock */
	nw_parameters_t parameters; /* internal reference, its own copy; inbound: the listener's,
				       until asked for */
	bool parameters_are_shared; /* under lock */
	bool started;               /* under lock */
	struct dispatch_queue_s *client_queue; /* internal reference, under lock until started */
	struct bri_item item;                  /* "look at me": runs bri_connection_run() */

	/* [queue] life */
	_Atomic uint8_t published_state; /* of life, for other threads */
	struct bri_establish *establish;
	struct bri_established *established; /* what came of it, for reports; NULL: not ready yet */
	uint64_t first_start_ns, start_ns;
	unsigned previous_attempts;
	struct bri_proxy_ways *ways; /* set once, at the start; NULL: no proxy is for it */
	size_t way;                  /* which of them is tried, or was taken */
	int proxy_layers;            /* how many of the chain's lowest are the proxy's */
	_Atomic(nw_endpoint_t) hop;  /* the proxy in use, borrowed from ways; NULL: none */

	/* [queue] the transport */
	struct bri_sock sock; /* fd -1: none */
	struct bri_watch *watch;
	struct bri_hub_flow *flow; /* inbound UDP: instead of sock */
	struct bri_timer
		*drop_timer; /* retransmit_connection_drop_time where the kernel refuses it */
	union bri_sockaddr remote;

	/* [queue] of the layers */
	nw_protocol_stack_t layers; /* +1: the options of its layers, as they were at the start */
	struct bri_object *metadata[BRI_CHAIN_LAYERS_MAX]; /* internal, under lock; of the layers */
	uint32_t handshake_ms[BRI_CHAIN_LAYERS_MAX];       /* of the layer of that metadata */
	size_t n_metadata;
	/* under lock; of the layers: what they add to a datagram, how long it may be for them; 0:
	 * there are none */
	uint32_t datagram_overhead, datagram_most;
	_Atomic(nw_protocol_metadata_t) tcp_metadata; /* internal reference */

	/* [queue] the network around it */
	struct bri_netstate_sub *network;
	nw_path_t path; /* +1, under lock; NULL: not evaluated, or asked for lazily */
	bool viable;
	uint32_t ifindex; /* what it left by; 0: not known */

	/* braidd, which manages its paths where it runs */
	struct bri_claim *claim;         /* [queue]; NULL: not claimed */
	struct bri_timer *claim_timer;   /* [queue] while its handshake is not quite over */
	uint8_t claim_looks;             /* [queue] */
	struct bri_claim_news path_news; /* written on the queue, under lock */
	_Atomic bool managed;            /* of path_news: held */

	/* why it is not multipath */
	_Atomic uint8_t multipath_reason; /* enum bri_mptcp_reason */
	struct bri_list reports; /* data transfer reports that are not collected yet; under lock */
};

/* --- connection.c --- */
/* bri_connection_new_inbound(): for a listener. Takes the socket (or flow). +1 or NULL (the socket
 * is closed then). */
nw_connection_t bri_connection_new_inbound(
	nw_parameters_t parameters, struct bri_sock sock, const union bri_sockaddr *remote);
nw_connection_t bri_connection_new_flow(nw_parameters_t parameters, struct bri_hub_flow *flow);
bool bri_connection_is(nw_connection_t connection, const char *function);

/* --- connection_events.c --- */
struct bri_request *bri_request_new(enum bri_request_kind kind);
void bri_request_free(struct bri_request *request);
void bri_requests_init(struct bri_requests *list);
void bri_requests_append(struct bri_requests *list, struct bri_request *request);
struct bri_request *bri_requests_take(struct bri_requests *list);
/* bri_connection_complete(): request goes to the events, to be delivered in order. error: +1,
 * consumed, or NULL. */
void bri_connection_complete(nw_connection_t c, struct bri_request *request, nw_error_t error);
/* bri_connection_fail_requests(): all receives, then all sends, complete with this error. */
BRI_COLD void bri_connection_fail_requests(nw_connection_t c, nw_error_domain_t domain, int code);
/* bri_connection_run(): deliver events, move bytes, until there is nothing to do. Context: the
 * queue. */
void bri_connection_run(nw_connection_t c);
/* bri_connection_kick(): bri_connection_run(), on the queue's next turn. Context: the queue. */
void bri_connection_kick(nw_connection_t c);

/* --- connection_io.c; all [queue] --- */
bool bri_connection_receive_some(nw_connection_t c); /* true: an event came of it */
bool bri_connection_send_some(nw_connection_t c);
/* bri_connection_settle_sends(): what was left to the end of the loop's batch is written, and its
 * sends are complete. Its error is not told: the connection ends anyway. */
void bri_connection_settle_sends(nw_connection_t c);
void bri_connection_on_ready(void *connection, uint32_t events);
void bri_connection_on_datagram(void *connection);

/* receive_message() of what has no message's end: a peer decides how much comes. */
#define BRI_CONNECTION_MESSAGE_MAX (64u * 1024u * 1024u)
/* bri_connection_receive_least/most(): what a receive waits for, of one message or of a stream, and
 * what it gets at most. */
static inline size_t bri_connection_receive_least(const struct bri_request *request)
{
	if (request->message)
		return BRI_CONNECTION_MESSAGE_MAX;
	return request->min ? request->min : 1;
}
static inline size_t bri_connection_receive_most(const struct bri_request *request)
{
	return request->message ? BRI_CONNECTION_MESSAGE_MAX : request->max;
}
/* bri_connection_append(): data, taken, behind what was received and not delivered. */
void bri_connection_append(nw_connection_t c, struct dispatch_data_s *data);
/* bri_connection_take(): of what was received, as much as a receive may get; the rest stays. +1, or
 * NULL: nothing is there. */
struct dispatch_data_s *bri_connection_take(nw_connection_t c, size_t most);
/* bri_connection_end_message(): what was received of a message or datagram is delivered, or cut
 * off. */
void bri_connection_end_message(nw_connection_t c);
/* bri_connection_finish_receive(): the first receive is done. content: application reference,
 * context: internal reference; both taken, NULL: none. */
void bri_connection_finish_receive(nw_connection_t c, struct dispatch_data_s *content,
	nw_content_context_t context, bool complete, int errno_code);
/* bri_connection_finish_message(): the same with the context of the message or datagram that is
 * received. ended: nothing of it is left. */
void bri_connection_finish_message(nw_connection_t c, struct dispatch_data_s *content,
	bool complete, bool ended, int errno_code);
void bri_connection_finish_send(nw_connection_t c, int errno_code);
bool bri_connection_send_is_final(const struct bri_request *request);
bool bri_connection_send_is_expired(const struct bri_request *request);

/* --- connection_chain.c; all [queue] --- */
/* bri_connection_freeze_layers(): at the start: options do not change any more. 0 or -ENOMEM */
int bri_connection_freeze_layers(nw_connection_t c);
/* bri_connection_has_layers(): its stack names protocols above the transport. */
bool bri_connection_has_layers(nw_connection_t c);
/* bri_connection_make_layers(): for bri_establish_config.make_layers; context: the connection */
int bri_connection_make_layers(void *context, const union bri_sockaddr *address,
	struct bri_layer *ret[static BRI_CHAIN_LAYERS_MAX]);
/* bri_connection_take_chain(): the chain of the attempt that won is the connection's. */
void bri_connection_take_chain(nw_connection_t c, struct bri_chain *chain);
/* bri_connection_open_chain(): of an accepted connection. 0 or -errno */
int bri_connection_open_chain(nw_connection_t c);
/* bri_connection_chain_is_idle(): besides what a turn would do, there is nothing to do.
 * bri_connection_turn_chain(): wants: a turn would do something. True: something may have come of
 * it. */
bool bri_connection_chain_is_idle(nw_connection_t c);
bool bri_connection_turn_chain(nw_connection_t c, bool wants);
/* bri_connection_fill_from_chain(): more bytes for c->partial, or its end. False: none now. */
bool bri_connection_fill_from_chain(nw_connection_t c);
bool bri_connection_receive_message_of_chain(nw_connection_t c);
bool bri_connection_send_to_chain(nw_connection_t c);
void bri_connection_settle_chain(nw_connection_t c);
/* bri_connection_copy_layer_metadata(): +1 or NULL. Any thread. */
nw_protocol_metadata_t bri_connection_copy_layer_metadata(
	nw_connection_t c, nw_protocol_definition_t definition);

/* --- connection_life.c; all [queue] --- */
void bri_connection_on_start(nw_connection_t c);
void bri_connection_on_cancel(nw_connection_t c, bool force);
/* bri_connection_on_closed(): the layers have ended, as on_cancel() asked them to. */
void bri_connection_on_closed(nw_connection_t c);
void bri_connection_on_restart(nw_connection_t c);
void bri_connection_on_skip(nw_connection_t c);
/* bri_connection_lost(): the transport failed: everything outstanding completes with it, state
 * failed. */
BRI_COLD void bri_connection_lost(nw_connection_t c, int errno_code);
BRI_COLD void bri_connection_lost_by(nw_connection_t c, struct bri_race_error error);
/* bri_connection_early_content(): what may go with the opening, borrowed: the first send, when it
 * was marked idempotent and that is allowed. NULL: none */
struct dispatch_data_s *bri_connection_early_content(nw_connection_t c, bool allowed);
/* bri_connection_become_ready(): the transport, and its layers, are up. */
BRI_COLD void bri_connection_become_ready(nw_connection_t c);
void bri_connection_close_transport(nw_connection_t c, bool abort);

/* --- connection_proxy.c; [queue] but for hop and is_proxied: any thread --- */
/* bri_connection_choose_ways(): 0, or -ENOTSUP: its proxies cannot carry it; -ENOMEM. */
int bri_connection_choose_ways(nw_connection_t c);
void bri_connection_first_way(nw_connection_t c);
bool bri_connection_next_way(nw_connection_t c); /* false: that was the last */
/* bri_connection_hop(): what is connected to, borrowed: the proxy, or the connection's endpoint. */
nw_endpoint_t bri_connection_hop(nw_connection_t c);
bool bri_connection_is_proxied(nw_connection_t c);
/* bri_connection_make_proxy_layers(): as bri_proxy_layers() */
int bri_connection_make_proxy_layers(
	nw_connection_t c, const struct bri_layer_env *env, struct bri_layer **ret, size_t max);
void bri_connection_free_ways(nw_connection_t c);

/* --- connection_path.c --- */
/* bri_connection_sock_config(): the parameters as plain values. 0, or -ENETDOWN: no interface is
 * allowed to carry it. */
int bri_connection_sock_config(nw_connection_t c, struct bri_establish_config *ret);
/* bri_sock_config_from_parameters(): the same without interfaces; for listeners too. */
void bri_sock_config_from_parameters(nw_parameters_t parameters, struct bri_sock_config *ret);
/* bri_listen_interface(): the device that a listener's parameters bind it to (""), or
 * -ENODEV/-ENETDOWN. */
int bri_listen_interface(nw_parameters_t parameters, char ret[static IF_NAMESIZE]);
void bri_connection_path_ready(nw_connection_t c); /* the connection became ready */
void bri_connection_path_stop(nw_connection_t c);
void bri_connection_watch_network(
	nw_connection_t c); /* events of the network are wanted from now on */
void bri_connection_path_evaluate(nw_connection_t c); /* deliver the path if it changed */
/* bri_connection_path_look(): viability, better path and path, as far as they changed. */
void bri_connection_path_look(nw_connection_t c, const struct bri_netstate *state);
/* bri_connection_path_rules(): what the parameters say of interfaces. Borrows from them. */
void bri_connection_path_rules(nw_connection_t c, struct bri_netstate_query *ret);

/* --- connection_claim.c; both [queue] --- */
/* bri_connection_claim(): the connection became ready: braidd is told what it wants, if it is
 * multipath and wants something. bri_connection_unclaim(): it is over. */
void bri_connection_claim(nw_connection_t c);
void bri_connection_unclaim(nw_connection_t c);

/* bri_connection_count(): adds to bytes_in or bytes_out. Context: the queue. */
static inline void bri_connection_count(_Atomic uint64_t *bytes, uint64_t n)
{
	atomic_store_explicit(
		bytes, atomic_load_explicit(bytes, memory_order_relaxed) + n, memory_order_relaxed);
}

/* --- report_transfer.c --- */
void bri_report_on_end(nw_connection_t c); /* [queue] collect what is not collected yet */

#endif
