/* See chain.h. The one place where content moves between layers, and to and from the kernel. */
#include "stack/chain.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include "base/clock.h"
#include "base/log.h"
#include "transport/late_write.h"
#include "transport/sock.h"
#include "transport/udp_hub.h"

/* As much as one call takes of each: a TLS record and more; a whole datagram. */
#define READ_ROOM 65536u
#define IOVECS    64

/* --- making and freeing --- */

static void on_timer(void *context);
static void run_item(struct bri_item *item);

static void init_layer(struct bri_chain *chain, struct bri_layer *layer)
{
	layer->chain = chain;
	chain->exact_time |= layer->cls->exact_time;
	bri_contents_init(&layer->up);
	bri_contents_init(&layer->down);
	bri_list_init(&layer->waits);
}

static void free_layer(struct bri_layer *layer)
{
	bri_layer_forget_waits(layer);
	bri_contents_clear(&layer->up);
	bri_contents_clear(&layer->down);
	bri_object_put(layer->metadata);
	layer->cls->free(layer);
}

struct bri_chain *bri_chain_new(struct dispatch_queue_s *queue, struct bri_layer *const *layers,
	size_t n, void *context, void (*on_turn)(void *context))
{
	struct bri_chain *chain = calloc(1, sizeof(*chain));

	if (chain && bri_timer_new(queue, chain, on_timer, &chain->timer) < 0) {
		free(chain);
		chain = NULL;
	}
	if (!chain) {
		for (size_t i = 0; i < n; i++)
			layers[i]->cls->free(layers[i]);
		return NULL;
	}
	chain->queue = queue;
	chain->context = context;
	chain->on_turn = on_turn;
	chain->fd = -1;
	chain->armed_ns = BRI_NEVER;
	chain->item.run = run_item;
	bri_contents_init(&chain->out);
	for (size_t i = 0; i < n; i++) {
		init_layer(chain, layers[i]);
		layers[i]->below = chain->top;
		if (chain->top)
			chain->top->above = layers[i];
		else
			chain->bottom = layers[i];
		chain->top = layers[i];
	}
	return chain;
}

void bri_chain_insert(struct bri_chain *chain, struct bri_layer *layer, struct bri_layer *inserted)
{
	init_layer(chain, inserted);
	inserted->below = layer;
	inserted->above = layer->above;
	if (layer->above)
		layer->above->below = inserted;
	else
		chain->top = inserted;
	layer->above = inserted;
}

void bri_chain_open(struct bri_chain *chain, int fd, struct bri_hub_flow *flow, bool datagrams)
{
	chain->fd = fd;
	chain->flow = flow;
	chain->datagrams = datagrams;
	chain->writable = true;
}

void bri_chain_on_ready(struct bri_chain *chain, uint32_t events)
{
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		chain->readable = true;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		chain->hangup = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		chain->writable = true;
}

void bri_chain_retarget(struct bri_chain *chain, void *context, void (*on_turn)(void *context))
{
	chain->context = context;
	chain->on_turn = on_turn;
}

void bri_chain_free(struct bri_chain *chain)
{
	if (!chain)
		return;
	while (chain->top) { /* who was put upon another goes first */
		struct bri_layer *layer = chain->top;

		chain->top = layer->below;
		free_layer(layer);
	}
	bri_late_write_free(chain->late);
	bri_contents_clear(&chain->out);
	bri_timer_free(chain->timer);
	chain->dead = true;
	if (!chain->queued)
		free(chain);
}

/* --- failing --- */

void bri_chain_fail(struct bri_chain *chain, struct bri_race_error error)
{
	if (chain->failing)
		return;
	chain->failing = true;
	chain->error = error;
}

static BRI_COLD void fail_errno(struct bri_chain *chain, int error)
{
	bri_chain_fail(chain, bri_race_posix(-error));
}

/* --- moving --- */

/* The lowest layer that takes no part any more: those from here up are closed. NULL: none. */
static struct bri_layer *first_closed(const struct bri_chain *chain)
{
	if (!chain->closed)
		return NULL;
	return chain->closing ? chain->closing->above : chain->bottom;
}

static void feed(struct bri_layer *layer, struct bri_content *in, uint64_t now_ns)
{
	int error = layer->cls->rx(layer, in, now_ns);

	bri_content_clear(in);
	if (error)
		fail_errno(layer->chain, error);
}

static BRI_COLD void start(struct bri_layer *layer, uint64_t now_ns)
{
	int error = 0;

	layer->started = true;
	layer->started_ns = now_ns;
	if (layer->cls->start)
		error = layer->cls->start(layer, now_ns);
	else
		bri_layer_ready(layer);
	if (error)
		fail_errno(layer->chain, error);
}

static bool has_input(const struct bri_layer *layer)
{
	return layer->held || (layer->below && layer->below->up.head);
}

/* What a layer kept back, then what waits for it below, while there is room above it. True: it had
 * something. */
static bool fill(struct bri_layer *layer, uint64_t now_ns)
{
	struct bri_chain *chain = layer->chain;
	struct bri_content content;
	bool moved = false;
	int error;

	while (has_input(layer) && layer->started && !chain->failing && !bri_layer_is_full(layer)) {
		if (layer->held) {
			layer->held = false;
			error = layer->cls->go_on(layer, now_ns);
			if (error)
				fail_errno(chain, error);
		} else if (bri_contents_take(&layer->below->up, &content)) {
			feed(layer, &content, now_ns);
		}
		moved = true;
	}
	return moved;
}

/* What lower layers give to those above them. Returns whether anything moved. */
static bool move_up(struct bri_chain *chain, uint64_t now_ns)
{
	bool moved = false;

	for (struct bri_layer *layer = chain->bottom;
		layer != first_closed(chain) && !chain->failing; layer = layer->above) {
		struct bri_layer *below = layer->below;

		if (!layer->started && (!below || below->ready)) {
			moved = true;
			start(layer, now_ns);
		}
		moved |= fill(layer, now_ns);
	}
	for (struct bri_layer *layer = chain->closing; layer; layer = layer->above)
		bri_contents_clear(&layer->up);
	return moved;
}

/* Would fill() do something, now that the application has taken some? */
static bool may_move_up(const struct bri_chain *chain)
{
	for (const struct bri_layer *l = chain->bottom; l != first_closed(chain); l = l->above) {
		if (has_input(l) && l->started && !bri_layer_is_full(l))
			return true;
	}
	return false;
}

/* What upper layers give to those below them, and the lowest to the transport. Also of a chain that
 * fails: its last words are alerts. */
static bool move_down(struct bri_chain *chain, uint64_t now_ns)
{
	struct bri_content content;
	bool moved = false;
	int error;

	for (struct bri_layer *layer = chain->top; layer; layer = layer->below) {
		while (layer->below && bri_contents_take(&layer->down, &content)) {
			moved = true;
			error = layer->below->cls->put(layer->below, &content, now_ns);
			bri_content_clear(&content);
			if (error)
				fail_errno(chain, error);
		}
	}
	while (chain->bottom->down.head) {
		struct bri_content *last = bri_contents_move(&chain->bottom->down, &chain->out);

		moved = true;
		last->own = !chain->putting;
		if (last->own)
			chain->own_bytes += bri_content_cost(last);
	}
	return moved;
}

/* --- the orderly end --- */

static BRI_COLD void ask_to_close(struct bri_chain *chain, struct bri_layer *layer, uint64_t now_ns)
{
	chain->closing = layer;
	if (layer && (!layer->cls->close || layer->cls->close(layer, now_ns)))
		layer->closed = true;
}

/* As far down as the layers are done, or have had their time. What one says last is with those
 * below it before they are asked. */
static BRI_COLD void close_layers(struct bri_chain *chain, uint64_t now_ns)
{
	while (chain->closing && !chain->failing &&
		(chain->closing->closed || now_ns >= chain->close_by_ns)) {
		move_down(chain, now_ns);
		ask_to_close(chain, chain->closing->below, now_ns);
	}
	move_down(chain, now_ns);
}

/* --- the transport --- */

/* One read. Returns bytes, 0: the end, -EAGAIN, or -errno. ret: what came. */
static ssize_t read_some(struct bri_chain *chain, struct dispatch_data_s **ret)
{
	struct bri_hub_datagram datagram;
	struct bri_sock_datagram info;
	uint8_t *ptr;
	size_t room;
	ssize_t n;

	*ret = NULL;
	if (chain->flow) {
		if (!bri_hub_flow_take(chain->flow, &datagram))
			return -EAGAIN;
		*ret = datagram.data;
		return datagram.data ? (ssize_t)bri_data_size(datagram.data) : 0;
	}
	if (bri_chunk_get_scratch(READ_ROOM, &ptr, &room) < 0)
		return -ENOMEM;
	n = chain->datagrams ? bri_sock_receive_datagram(chain->fd, ptr, room, &info)
			     : bri_sock_read(chain->fd, ptr, room < READ_ROOM ? room : READ_ROOM);
	if (n > 0)
		*ret = bri_chunk_commit(ptr, (size_t)n);
	/* a short count: the socket is empty, and the next byte is a new edge; but an end that was
	 * seen together with these bytes is told no second time */
	if (n > 0 && !chain->datagrams && (size_t)n < READ_ROOM && !chain->hangup)
		chain->readable = false;
	return n;
}

static bool may_read(const struct bri_chain *chain)
{
	return chain->readable && !chain->rx_ended && !chain->failing &&
	       chain->state != BRI_CHAIN_FAILED && chain->bottom->started &&
	       chain->bottom != first_closed(chain) && !chain->bottom->held &&
	       !bri_layer_is_full(chain->bottom);
}

static void receive(struct bri_chain *chain, uint64_t now_ns)
{
	struct bri_content content = { .complete = true };
	ssize_t n;

	if (!may_read(chain))
		return;
	n = read_some(chain, &content.data);
	if (n == -EAGAIN) {
		chain->readable = false;
		return;
	}
	/* ICMP: nobody listens there now; datagrams may be lost, and the peer may come back */
	if (n < 0 && chain->datagrams && chain->state == BRI_CHAIN_READY)
		return;
	if (n < 0) {
		chain->readable = false;
		fail_errno(chain, (int)n);
		return;
	}
	if (n == 0 && !chain->datagrams) {
		chain->rx_ended = content.end = true;
		chain->readable = false;
	}
	feed(chain->bottom, &content, now_ns);
	/* who waited for an answer gets none */
	if (chain->rx_ended && !chain->failing && chain->state == BRI_CHAIN_OPENING) {
		move_up(chain, now_ns);
		if (!chain->top->ready)
			fail_errno(chain, -ECONNRESET);
	}
}

static size_t gather(
	const struct bri_chain *chain, struct iovec *iov, size_t max, size_t *ret_bytes)
{
	size_t offset = chain->out_offset, n = 0, bytes;

	*ret_bytes = 0;
	for (const struct bri_content *c = chain->out.head; c && n < max; c = c->next) {
		if (c->data) {
			n += bri_data_iov(c->data, offset, iov + n, max - n, &bytes);
			*ret_bytes += bytes;
		}
		offset = 0;
		if (chain->datagrams || c->end)
			break;
	}
	return n;
}

/* The first of `out` is done with. */
static void drop_first(struct bri_chain *chain)
{
	struct bri_content content;

	bri_contents_take(&chain->out, &content);
	chain->out_offset = 0;
	if (content.own)
		chain->own_bytes -= bri_content_cost(&content);
	if (content.end && !chain->finished) {
		chain->finished = true;
		if (!chain->datagrams && chain->fd >= 0)
			bri_sock_finish(chain->fd);
	}
	bri_content_clear(&content);
}

static void account(struct bri_chain *chain, size_t written)
{
	while (chain->out.head) {
		size_t size = chain->out.head->data ? bri_data_size(chain->out.head->data) : 0;
		size_t left = size - chain->out_offset;

		if (written < left) {
			chain->out_offset += written;
			return;
		}
		written -= left;
		drop_first(chain);
	}
}

static ssize_t write_some(struct bri_chain *chain, const struct iovec *iov, size_t n)
{
	if (chain->flow)
		return bri_hub_flow_send(chain->flow, iov, n, -1);
	if (chain->datagrams)
		return bri_sock_send_datagram(chain->fd, iov, n, NULL, NULL, -1);
	return bri_sock_write(chain->fd, iov, n);
}

static bool may_write(const struct bri_chain *chain)
{
	return chain->out.head && chain->writable && !bri_late_write_is_open(chain->late);
}

static BRI_COLD void fail_write(struct bri_chain *chain, int error)
{
	bri_contents_clear(&chain->out);
	chain->out_offset = chain->own_bytes = 0;
	chain->unsent = error;
	fail_errno(chain, error);
}

/* What did not fit is asked for again, and told of by an edge after that: one may have come since
 * it was written. */
static void end_late(struct bri_chain *chain)
{
	ssize_t written = bri_late_write_end(chain->late);

	if (written >= 0)
		account(chain, (size_t)written);
	else if (written != -EAGAIN)
		fail_write(chain, (int)written);
}

static void on_late(void *context)
{
	struct bri_chain *chain = context;

	if (bri_late_write_is_open(chain->late))
		end_late(chain);
	chain->on_turn(chain->context);
}

/* Memory that is the application's may be used again once its handler returns. */
static bool may_be_late(const struct bri_chain *chain)
{
	if (chain->datagrams || chain->flow || !bri_late_is_time(chain->queue))
		return false;
	for (const struct bri_content *c = chain->out.head; c; c = c->next) {
		if (c->data && bri_data_is_foreign(c->data))
			return false;
	}
	return true;
}

/* True: all that there is will be written at the end of the loop's batch. */
static bool leave_to_batch(struct bri_chain *chain)
{
	struct iovec iov[BRI_LATE_WRITE_IOV + 1];
	size_t bytes, n;

	if (!may_be_late(chain))
		return false;
	n = gather(chain, iov, BRI_LATE_WRITE_IOV + 1, &bytes);
	return bytes &&
	       bri_late_write_post(&chain->late, chain->queue, chain->fd, iov, n, chain, on_late);
}

static void transmit(struct bri_chain *chain)
{
	struct iovec iov[IOVECS];
	size_t bytes, n;
	ssize_t written;

	if (bri_late_write_is_open(chain->late))
		end_late(chain);
	while (may_write(chain)) {
		n = gather(chain, iov, IOVECS, &bytes);
		written = bytes ? write_some(chain, iov, n) : 0;
		if (written == -EAGAIN) {
			chain->writable = false;
			return;
		}
		if (written < 0 && !chain->datagrams) {
			fail_write(chain, (int)written);
			return;
		}
		if (chain->datagrams) { /* sent or lost, like any datagram */
			drop_first(chain);
			continue;
		}
		account(chain, (size_t)written);
		if ((size_t)written < bytes)
			chain->writable = false; /* full: the next room is a new edge */
	}
}

/* --- time --- */

uint64_t bri_chain_now_ns(struct bri_chain *chain, bool exact)
{
	uint64_t now_ns = exact || chain->exact_time || chain->state == BRI_CHAIN_OPENING
				  ? bri_clock_now_ns()
				  : bri_clock_coarse_ns();

	chain->now_ns = now_ns > chain->now_ns ? now_ns : chain->now_ns;
	return chain->now_ns;
}

static void arm(struct bri_chain *chain)
{
	uint64_t at_ns = BRI_NEVER;

	if (chain->closed && !bri_chain_is_closed(chain))
		at_ns = chain->close_by_ns;
	for (struct bri_layer *l = chain->bottom; l != first_closed(chain) && !chain->failing;
		l = l->above) {
		if (l->started && l->cls->deadline_ns)
			at_ns = bri_min_u64(at_ns, l->cls->deadline_ns(l));
	}
	if (at_ns == chain->armed_ns)
		return;
	chain->armed_ns = at_ns;
	bri_timer_set(chain->timer, at_ns);
}

static void on_timer(void *context)
{
	struct bri_chain *chain = context;
	uint64_t now_ns = bri_chain_now_ns(chain, true);

	chain->armed_ns = BRI_NEVER;
	for (struct bri_layer *l = chain->bottom; l != first_closed(chain) && !chain->failing;
		l = l->above) {
		int error = 0;

		if (l->started && l->cls->deadline_ns && l->cls->deadline_ns(l) <= now_ns)
			error = l->cls->expire(l, now_ns);
		if (error)
			fail_errno(chain, error);
	}
	chain->on_turn(chain->context);
}

static void run_item(struct bri_item *item)
{
	struct bri_chain *chain = bri_container_of(item, struct bri_chain, item);

	chain->queued = false;
	if (chain->dead)
		free(chain);
	else
		chain->on_turn(chain->context);
}

void bri_chain_poke(struct bri_chain *chain)
{
	if (chain->turning || chain->queued)
		return;
	chain->queued = true;
	bri_queue_push(chain->queue, &chain->item);
}

/* --- turns --- */

void bri_chain_turn(struct bri_chain *chain)
{
	uint64_t now_ns = bri_chain_now_ns(chain, false);
	bool more;

	if (chain->state == BRI_CHAIN_FAILED)
		return;
	chain->turning = true;
	receive(chain, now_ns);
	do {
		more = move_up(chain, now_ns);
		more |= move_down(chain, now_ns);
	} while (more && !chain->failing);
	if (chain->closing)
		close_layers(chain, now_ns);
	if (chain->failing)
		move_down(chain, now_ns);
	if (chain->failing || may_write(chain))
		transmit(chain);
	chain->turning = false;
	/* what came right behind the opening and fails it, fails it as the next turn's: that it had
	 * opened is told, and nobody tries elsewhere */
	if (chain->state == BRI_CHAIN_OPENING && chain->top->ready)
		chain->state = BRI_CHAIN_READY;
	else if (chain->failing)
		chain->state = BRI_CHAIN_FAILED;
	arm(chain);
}

bool bri_chain_wants_turn(const struct bri_chain *chain)
{
	return chain->state != BRI_CHAIN_FAILED &&
	       (chain->failing || may_read(chain) || may_move_up(chain) || may_write(chain));
}

bool bri_chain_put(struct bri_chain *chain, struct bri_content *in)
{
	uint64_t now_ns = bri_chain_now_ns(chain, false);
	int error;

	if (chain->state != BRI_CHAIN_READY || chain->out.bytes >= BRI_CHAIN_DOWN_MAX)
		return false;
	chain->turning = chain->putting = true;
	error = chain->top->cls->put(chain->top, in, now_ns);
	bri_content_clear(in);
	if (error)
		fail_errno(chain, error);
	move_down(chain, now_ns);
	chain->turning = chain->putting = false;
	return true;
}

bool bri_chain_take(struct bri_chain *chain, struct bri_content *ret)
{
	return (chain->state == BRI_CHAIN_READY || chain->state == BRI_CHAIN_FAILED) &&
	       bri_contents_take(&chain->top->up, ret);
}

void bri_chain_flush(struct bri_chain *chain)
{
	if (chain->state == BRI_CHAIN_READY && may_write(chain) && !leave_to_batch(chain))
		transmit(chain);
}

void bri_chain_settle(struct bri_chain *chain)
{
	if (bri_late_write_is_open(chain->late))
		transmit(chain);
}

bool bri_chain_is_flushed(const struct bri_chain *chain)
{
	return !chain->out.head;
}

bool bri_chain_has_messages(const struct bri_chain *chain)
{
	return chain->datagrams || chain->top->cls->messages;
}

size_t bri_chain_overhead(const struct bri_chain *chain, size_t *ret_most)
{
	size_t all = 0, most = UINT32_MAX;

	for (const struct bri_layer *l = chain->bottom; l; l = l->above) {
		size_t own = UINT32_MAX, n;

		if (!l->cls->overhead)
			continue;
		n = l->cls->overhead(l, &own);
		all += n;
		most = bri_min_size(most > n ? most - n : 0, own);
	}
	*ret_most = most;
	return all;
}

/* --- ending --- */

bool bri_chain_close(struct bri_chain *chain)
{
	uint64_t now_ns = bri_chain_now_ns(chain, false);

	if (chain->state != BRI_CHAIN_READY || chain->failing || chain->closed)
		return !chain->closing;
	chain->closed = chain->turning = true;
	chain->close_by_ns = now_ns + BRI_CHAIN_CLOSE_MAX_NS;
	for (struct bri_layer *layer = chain->bottom; layer; layer = layer->above)
		bri_contents_clear(&layer->up); /* nobody will take it */
	ask_to_close(chain, chain->top, now_ns);
	close_layers(chain, now_ns);
	transmit(chain);
	chain->turning = false;
	arm(chain);
	return !chain->closing;
}

bool bri_chain_is_closed(const struct bri_chain *chain)
{
	if (chain->state == BRI_CHAIN_FAILED)
		return true;
	return chain->closed && !chain->closing &&
	       (!chain->out.head || bri_clock_now_ns() >= chain->close_by_ns);
}

void bri_chain_lost(struct bri_chain *chain, struct bri_race_error error)
{
	for (struct bri_layer *layer = chain->top; layer; layer = layer->below) {
		if (layer->cls->lost)
			layer->cls->lost(layer, error);
	}
}
