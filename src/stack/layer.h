/*
 * One protocol of a connection above its transport: TLS, WebSocket, a framer, a proxy's handshake.
 * A layer takes content from below (rx) and from above (put), and what comes of it is queued in the
 * layer (up, down), from where the chain moves it on. It does no I/O, calls nothing above or below
 * it, and has no clock but the now_ns it is given.
 *
 * All of a chain runs on one queue. A layer that waits for something asynchronous keeps a
 * bri_layer_wait, completes it from any thread, and its resume() runs on the queue, if the layer is
 * still there.
 */
#ifndef BRI_LAYER_H
#define BRI_LAYER_H

#include "base/list.h"
#include "base/object.h"
#include "dispatch/data_internal.h"
#include "stack/race.h"

struct bri_chain;
struct bri_layer;

/* A piece of a stream or of a message on its way through the chain. */
struct bri_content {
	struct bri_content *next;
	struct dispatch_data_s *data; /* application reference (+1); NULL: none */
	struct bri_object *context; /* what goes with the message; internal reference; NULL: none */
	bool complete;              /* the message ends here. Of a stream: nothing */
	bool end;                   /* nothing follows in this direction */
	bool own;                   /* chain.c's: on its way out, and not the application's */
};

/* What a content costs without its bytes: its node, a small leaf, a context with metadata. */
#define BRI_CONTENT_COST 256u

struct bri_contents {
	struct bri_content *head, **tail;
	size_t bytes; /* with BRI_CONTENT_COST of each */
};

struct bri_layer_class {
	const char *name;
	bool messages;   /* what it gives upwards has boundaries (bri_content.complete) */
	bool exact_time; /* now_ns is the clock's; else it may be the kernel's last tick */
	/* The layers below are ready: the opening may begin. 0 or -errno. NULL: ready at once */
	int (*start)(struct bri_layer *layer, uint64_t now_ns);
	/*
	 * Content from below, or from above. in: data, context and the rest are the layer's to take
	 * (set to NULL what was taken); what it leaves is released. put() is called only while the
	 * layer is ready. Both are called for `end` too, with or without data.
	 * Returns 0, or -errno: the layer has failed (bri_layer_fail() for other domains).
	 */
	int (*rx)(struct bri_layer *layer, struct bri_content *in, uint64_t now_ns);
	int (*put)(struct bri_layer *layer, struct bri_content *in, uint64_t now_ns);
	/*
	 * There is room above again (bri_layer_is_full()): what rx() kept back goes on. As rx().
	 * NULL: it keeps nothing back.
	 */
	int (*go_on)(struct bri_layer *layer, uint64_t now_ns);
	/* Of a layer of datagrams that is ready: how many bytes it adds to one at most, and how
	 * many one may have (ret_most, lowered if need be). NULL: none, any. */
	size_t (*overhead)(const struct bri_layer *layer, size_t *ret_most);
	/* When expire() is to be called; BRI_NEVER: not. Both NULL: no timers */
	uint64_t (*deadline_ns)(const struct bri_layer *layer);
	int (*expire)(struct bri_layer *layer, uint64_t now_ns);
	/*
	 * The connection is cancelled in an orderly way, and the layers above have said all they
	 * had to say: queue what tells the peer (close_notify, a close frame). NULL: nothing to
	 * tell. Returns true: that was all; false: more will follow, until bri_layer_closed() or
	 * BRI_CHAIN_CLOSE_MAX_NS. Meanwhile rx, put and timers go on; what it gives upwards
	 * reaches nobody.
	 */
	bool (*close)(struct bri_layer *layer, uint64_t now_ns);
	/* The connection has failed or goes: whoever waits for an answer hears this. NULL: nobody
	 */
	void (*lost)(struct bri_layer *layer, struct bri_race_error error);
	void (*free)(struct bri_layer *layer);
};

/* A layer's own struct starts with this one. Fields are chain.c's, but where it says so. */
struct bri_layer {
	const struct bri_layer_class *cls; /* the layer's constructor sets it */
	struct bri_chain *chain;
	struct bri_layer *above, *below;
	struct bri_contents up;
	bool started, ready, down_ended, closed, held;
	struct bri_contents down;
	/* its metadata for the connection (nw_protocol_metadata_t), internal reference, set by the
	 * layer by the time it is ready; NULL: none */
	struct bri_object *metadata;
	struct bri_list waits;
	uint64_t started_ns, ready_ns;
	size_t early_sent; /* the layer's: content that went with its opening and counts; bytes */
};

/* ---- for layers: what they say ---- */

/* bri_layer_up/down(): queue data (application reference, taken), with what goes with it.
 * context: internal reference, taken. */
void bri_layer_up(struct bri_layer *layer, struct dispatch_data_s *data, struct bri_object *context,
	bool complete);
void bri_layer_down(struct bri_layer *layer, struct dispatch_data_s *data);
/* bri_layer_down_bytes(): the same with a copy. 0 or -ENOMEM. */
int bri_layer_down_bytes(struct bri_layer *layer, const void *bytes, size_t size);
/* bri_layer_up_end/down_end(): nothing follows. */
void bri_layer_up_end(struct bri_layer *layer);
void bri_layer_down_end(struct bri_layer *layer);
/* bri_layer_pass_up/down(): queue the whole content, as it came; it is empty afterwards. */
void bri_layer_pass_up(struct bri_layer *layer, struct bri_content *in);
void bri_layer_pass_down(struct bri_layer *layer, struct bri_content *in);

/*
 * bri_layer_is_full(): from here up waits as much as may wait to be received, or from here down, of
 * the layers' own, to be written. Content that a peer makes many of with few bytes is kept back
 * then, as bytes: rx() keeps what is left of it, calls bri_layer_hold() and returns. Nothing more
 * comes from below until go_on() was called and has not held again.
 */
bool bri_layer_is_full(const struct bri_layer *layer);
void bri_layer_hold(struct bri_layer *layer);
/* bri_layer_ready(): the opening is done. Bytes that came behind it are to be given up after. */
void bri_layer_ready(struct bri_layer *layer);
/* bri_layer_fail(): the connection has failed, with this. Always returns -EPROTO, to be returned.
 */
int bri_layer_fail(struct bri_layer *layer, enum bri_race_domain domain, int code);
/* bri_layer_refuse(): the same, and the peer itself will not have us: an attempt elsewhere is of no
 * use. */
int bri_layer_refuse(struct bri_layer *layer, enum bri_race_domain domain, int code);
/* bri_layer_closed(): what close() wanted time for is done; or, before it returns, needs none. */
void bri_layer_closed(struct bri_layer *layer);
/* bri_layer_insert_above(): another layer directly above this one, which is not ready yet. The
 * chain owns it then. */
void bri_layer_insert_above(struct bri_layer *layer, struct bri_layer *inserted);
/* bri_layer_poke(): outside of rx, put, start and expire: what was queued moves on, soon. On the
 * queue. */
void bri_layer_poke(struct bri_layer *layer);

struct dispatch_queue_s *bri_layer_queue(const struct bri_layer *layer);
/* bri_layer_is_datagram(): the transport below has datagrams. */
bool bri_layer_is_datagram(const struct bri_layer *layer);

/*
 * Something that is answered later, by another thread or never. Reference counted: the answer may
 * come when the layer is gone.
 */
struct bri_layer_wait;
/* resume: on the chain's queue, at most once; what it does is followed by a turn of the chain.
 * Returns as rx(). NULL: no memory. +1 */
struct bri_layer_wait *bri_layer_wait_new(struct bri_layer *layer,
	int (*resume)(struct bri_layer *layer, intptr_t answer, uint64_t now_ns));
/* bri_layer_wait_complete(): the answer. Consumes the reference: once. Any thread. */
void bri_layer_wait_complete(struct bri_layer_wait *wait, intptr_t answer);

/* ---- lists of content ---- */
void bri_contents_init(struct bri_contents *list);
/* bri_contents_append(): takes what is in `in`, which is empty afterwards. Merges nothing. */
void bri_contents_append(struct bri_contents *list, struct bri_content *in);
/* bri_contents_take(): false: empty. What it gives is the caller's. */
bool bri_contents_take(struct bri_contents *list, struct bri_content *ret);
/* bri_contents_move(): the first of `from`, which is not empty, is the last of `to`. Returns it. */
struct bri_content *bri_contents_move(struct bri_contents *from, struct bri_contents *to);
void bri_contents_clear(struct bri_contents *list);
/* bri_content_cost(): what it counts for: a peer can send any number of contents of nothing. */
size_t bri_content_cost(const struct bri_content *content);
/* bri_content_clear(): releases what it holds; mostly that was taken. */
void bri_content_release(struct bri_content *content);
static inline void bri_content_clear(struct bri_content *content)
{
	if (content->data || content->context)
		bri_content_release(content);
	*content = (struct bri_content) { 0 };
}

#endif
