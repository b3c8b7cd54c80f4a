/*
 * The layers of a connection over one transport, and what moves content between them: read, rx
 * bottom-up, put top-down, write, arm the next deadline. The layers know nothing of each other; the
 * chain knows nothing of what they do. A connection without layers has no chain.
 */
#ifndef BRI_CHAIN_H
#define BRI_CHAIN_H

#include "dispatch/runtime.h"
#include "stack/layer.h"

struct bri_hub_flow;
struct bri_late_write;

enum bri_chain_state {
	BRI_CHAIN_OPENING,
	BRI_CHAIN_READY,
	BRI_CHAIN_FAILED, /* see error */
};

/* What waits in a chain to be received, in all of its layers: no more is read from the transport
 * then, and no more made of what was read. */
#define BRI_CHAIN_UP_MAX (512u * 1024u)
/* What waits to be written: no more is taken from the application then. */
#define BRI_CHAIN_DOWN_MAX (128u * 1024u)
/* What layers have to say themselves and cannot get rid of (answers to what the peer asks, who
 * reads none of them): no more is read from the transport then. Content of the application does not
 * count: two peers that only send at first would wait for each other. */
#define BRI_CHAIN_OWN_MAX (256u * 1024u)
/* What layers that want time to close get in all. A goodbye and its answer take a round trip or
 * two; the program waits for `cancelled` meanwhile, and the peer may never answer. */
#define BRI_CHAIN_CLOSE_MAX_NS (5 * BRI_NS_PER_S)
/* What a stack may have, and a proxy's below it. */
#define BRI_CHAIN_LAYERS_MAX 24

/* What a message needs comes first: two or three lines of the processor's cache. */
struct bri_chain {
	struct bri_layer *bottom, *top;
	struct bri_contents out; /* to be written */
	void *context;
	void (*on_turn)(void *context);
	struct bri_late_write *late; /* of the first of `out`, while it is open */
	enum bri_chain_state state;
	/* the transport: one of both */
	int fd;
	struct bri_hub_flow *flow;
	bool datagrams;
	/* told by whoever watches the transport; cleared when it says "no more now" */
	bool readable, writable, hangup;
	bool rx_ended;   /* the transport has no more, and the layers know */
	bool finished;   /* our end was told to the transport */
	bool exact_time; /* a layer wants it */
	bool queued, turning, putting, failing, dead;
	bool closed;               /* an orderly end was asked for: layers from the highest down */
	struct bri_layer *closing; /* whose close() was called last; NULL: all have said all */
	struct dispatch_queue_s *queue;
	size_t out_offset;
	uint64_t now_ns;   /* the last time that layers were told */
	uint64_t armed_ns; /* what the timer is set to: it is told of changes only */
	int unsent;        /* -errno: what was to be written never will be; 0: it may */
	size_t own_bytes;  /* of `out`, with its costs: what is not the application's */
	struct bri_timer *timer;
	uint64_t close_by_ns; /* no layer gets more time */
	struct bri_race_error error;
	struct bri_item item;
};

/*
 * bri_chain_new(): +1 owner. layers: bottom first, n of them, taken (also on failure).
 *   on_turn  on the queue, when the chain should have a turn without an event of the transport: a
 *            timer, an answer. The owner calls bri_chain_turn() then.
 * Returns NULL: no memory.
 */
struct bri_chain *bri_chain_new(struct dispatch_queue_s *queue, struct bri_layer *const *layers,
	size_t n, void *context, void (*on_turn)(void *context));
/* bri_chain_open(): the transport is connected: fd (borrowed) or flow (borrowed). */
void bri_chain_open(struct bri_chain *chain, int fd, struct bri_hub_flow *flow, bool datagrams);
/* bri_chain_retarget(): another owner. */
void bri_chain_retarget(struct bri_chain *chain, void *context, void (*on_turn)(void *context));
/* bri_chain_on_ready(): what the watch of the transport tells (EPOLLIN ...). */
void bri_chain_on_ready(struct bri_chain *chain, uint32_t events);
/* bri_chain_turn(): one read, and all that can be moved and written; then look at the state. */
void bri_chain_turn(struct bri_chain *chain);
/* bri_chain_wants_turn(): a turn would do something now. */
bool bri_chain_wants_turn(const struct bri_chain *chain);
/* bri_chain_put(): content of the application, taken. False: not now (too much waits). */
bool bri_chain_put(struct bri_chain *chain, struct bri_content *in);
/* bri_chain_take(): the next content for the application. False: none now. */
bool bri_chain_take(struct bri_chain *chain, struct bri_content *ret);
/* bri_chain_flush(): writes what can be, or leaves it to the end of the loop's batch, which is
 * followed by on_turn(); a failure shows in the next turn. */
void bri_chain_flush(struct bri_chain *chain);
/* bri_chain_settle(): what was left to the end of the batch is written. */
void bri_chain_settle(struct bri_chain *chain);
/* bri_chain_is_flushed(): nothing that was put waits: all is with the kernel, or chain->unsent says
 * why it never will be. */
bool bri_chain_is_flushed(const struct bri_chain *chain);
/* bri_chain_has_messages(): what bri_chain_take() gives has boundaries. */
bool bri_chain_has_messages(const struct bri_chain *chain);
/* bri_chain_overhead(): how many bytes the layers add to a datagram of the application, at most.
 * ret_most: how long one may be for their sake. The chain is ready. */
size_t bri_chain_overhead(const struct bri_chain *chain, size_t *ret_most);
/* bri_chain_close(): an orderly end: the layers tell the peer, what can be written is. True: that
 * is all. False: a layer wants time: turns go on, until bri_chain_is_closed(). Again: the same
 * answer, and nothing else. */
bool bri_chain_close(struct bri_chain *chain);
/* bri_chain_is_closed(): all layers have said what they had to say, and it is written; or the time
 * for it is over, or the chain has failed. */
bool bri_chain_is_closed(const struct bri_chain *chain);
/* bri_chain_lost(): an end that is not: the layers hear why. */
void bri_chain_lost(struct bri_chain *chain, struct bri_race_error error);
/* bri_chain_free(): NULL is harmless. Not inside a turn. On the queue. */
void bri_chain_free(struct bri_chain *chain);

/* bri_chain_now_ns(): the time for the layers, which never goes back. Unless it is to be exact, it
 * is that of the kernel's last tick once the chain is ready: what layers time then takes seconds.
 */
uint64_t bri_chain_now_ns(struct bri_chain *chain, bool exact);

/* For layer.c. bri_chain_fail(): the first error counts; the state follows at the end of the turn.
 * bri_chain_poke(): a turn, soon. bri_layer_forget_waits(): answers will find nobody. */
BRI_COLD void bri_chain_fail(struct bri_chain *chain, struct bri_race_error error);
void bri_chain_insert(struct bri_chain *chain, struct bri_layer *layer, struct bri_layer *inserted);
void bri_chain_poke(struct bri_chain *chain);
void bri_layer_forget_waits(struct bri_layer *layer);

#endif
