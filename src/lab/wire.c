/* One direction of an emulated path, in virtual time. Knows nothing of sockets or namespaces. */
#include "lab/wire.h"
#include "lab/middlebox.h"

#include <stdlib.h>
#include <string.h>

#define MIN_QUEUE_BYTES UINT64_C(65536)
#define FIRST_FRAMES    64

/* splitmix64 (Steele, Lea, Flood 2014): one word of state, any seed is good. */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static int grow(struct bri_wire_fifo *fifo)
{
	uint32_t size = fifo->size ? fifo->size * 2 : FIRST_FRAMES;
	struct bri_wire_frame *frames = calloc(size, sizeof(*frames));

	if (!frames)
		return -1;
	for (uint32_t i = 0; i < fifo->count; i++)
		frames[i] = fifo->frames[(fifo->head + i) & (fifo->size - 1)];
	free(fifo->frames);
	*fifo = (struct bri_wire_fifo) { .frames = frames, .count = fifo->count, .size = size };
	return 0;
}

static int push(struct bri_wire_fifo *fifo, struct bri_wire_frame frame)
{
	if (fifo->count == fifo->size && grow(fifo) < 0)
		return -1;
	fifo->frames[(fifo->head + fifo->count++) & (fifo->size - 1)] = frame;
	return 0;
}

static struct bri_wire_frame *first(const struct bri_wire_fifo *fifo)
{
	return fifo->count ? &fifo->frames[fifo->head] : NULL;
}

static void drop_first(struct bri_wire_fifo *fifo)
{
	fifo->head = (fifo->head + 1) & (fifo->size - 1);
	fifo->count--;
}

/* Free blocks are a list through their own first bytes: a path at full rate never calls malloc. */
static void *take_block(struct bri_wire *wire)
{
	void *block = wire->spare;

	if (wire->n_frames >= BRI_WIRE_MAX_FRAMES)
		return NULL;
	if (block)
		memcpy(&wire->spare, block, sizeof(void *));
	else
		block = malloc(BRI_WIRE_MAX_FRAME);
	if (block)
		wire->n_frames++;
	return block;
}

static void give_block(struct bri_wire *wire, void *block)
{
	memcpy(block, &wire->spare, sizeof(void *));
	wire->spare = block;
	wire->n_frames--;
}

static uint64_t transmit_ns(const struct bri_wire *wire, uint32_t len)
{
	/* len <= 2048: the product fits */
	return wire->link.rate_bps ? len * 8 * BRI_NS_PER_S / wire->link.rate_bps : 0;
}

static uint64_t rescale(uint64_t left_ns, uint64_t old_bps, uint64_t new_bps)
{
	return new_bps ? (uint64_t)((unsigned __int128)left_ns * old_bps / new_bps) : 0;
}

static void launch(struct bri_wire *wire, struct bri_wire_frame frame, uint64_t sent_ns)
{
	uint64_t at_ns = sent_ns + wire->link.delay_ns;

	if (wire->link.jitter_ns)
		at_ns += draw(&wire->random_jitter) % (wire->link.jitter_ns + 1);
	if (at_ns < wire->last_ns)
		at_ns = wire->last_ns; /* no overtaking */
	frame.at_ns = at_ns;
	if (frame.lost || push(&wire->flight, frame) < 0) {
		wire->stats.dropped_loss++;
		wire->stats.dropped_loss_bytes += frame.len;
		give_block(wire, frame.data);
		return;
	}
	wire->last_ns = at_ns;
}

/* Moves what the transmitter has finished by now_ns from the queue into flight. */
static void advance(struct bri_wire *wire, uint64_t now_ns)
{
	struct bri_wire_frame *frame;

	while ((frame = first(&wire->queue)) && wire->sent_ns <= now_ns) {
		struct bri_wire_frame moved = *frame;
		uint64_t sent_ns = wire->sent_ns;

		drop_first(&wire->queue);
		wire->queue_bytes -= moved.len;
		frame = first(&wire->queue);
		if (frame)
			wire->sent_ns += transmit_ns(wire, frame->len);
		launch(wire, moved, sent_ns);
	}
}

static void drain(struct bri_wire *wire, struct bri_wire_fifo *fifo)
{
	struct bri_wire_frame *frame;

	while ((frame = first(fifo))) {
		wire->stats.dropped_state++;
		wire->stats.dropped_state_bytes += frame->len;
		give_block(wire, frame->data);
		drop_first(fifo);
	}
}

static bool draw_loss(struct bri_wire *wire, const uint8_t *data)
{
	bool multicast = data[0] & 1;
	uint64_t z = draw(multicast ? &wire->random_other : &wire->random_loss);
	bool lost = (z >> 32) * 1000000 >> 32 < wire->link.loss_ppm;

	if (multicast)
		return lost;
	if (lost) /* FNV-1a over the numbers of the lost */
		wire->stats.loss_hash =
			(wire->stats.loss_hash ^ wire->n_unicast) * UINT64_C(0x100000001b3);
	wire->n_unicast++;
	return lost;
}

void bri_wire_init(struct bri_wire *wire, const struct bri_lab_link *link, uint64_t seed)
{
	*wire = (struct bri_wire) { .link = *link, .open = true };
	wire->random_loss = draw(&seed);
	wire->random_jitter = draw(&seed);
	wire->random_other = draw(&seed);
	wire->stats.loss_hash = UINT64_C(0xcbf29ce484222325);
}

void bri_wire_fini(struct bri_wire *wire)
{
	bri_wire_set_open(wire, false);
	while (wire->spare) {
		void *block = wire->spare;

		memcpy(&wire->spare, block, sizeof(void *));
		free(block);
	}
	free(wire->queue.frames);
	free(wire->flight.frames);
}

void bri_wire_set(struct bri_wire *wire, const struct bri_lab_link *link, uint64_t now_ns)
{
	advance(wire, now_ns);
	if (wire->queue.count && wire->link.rate_bps) /* what is left of the frame being sent */
		wire->sent_ns = now_ns + rescale(wire->sent_ns - now_ns, wire->link.rate_bps,
						 link->rate_bps);
	wire->link = *link;
}

void bri_wire_set_open(struct bri_wire *wire, bool open)
{
	wire->open = open;
	if (open)
		return;
	drain(wire, &wire->queue);
	drain(wire, &wire->flight);
	wire->queue_bytes = 0;
	wire->last_ns = 0;
	wire->sent_ns = 0;
}

uint64_t bri_wire_queue_limit(const struct bri_lab_link *link)
{
	uint64_t bdp;

	if (link->queue_bytes)
		return link->queue_bytes;
	/* in ms and bytes/s: 100 Gbit/s times 1000 s still fits */
	bdp = link->rate_bps / 8 * (2 * link->delay_ns / BRI_NS_PER_MS) / 1000;
	return bdp > MIN_QUEUE_BYTES ? bdp : MIN_QUEUE_BYTES;
}

void bri_wire_offer(struct bri_wire *wire, uint64_t at_ns, const void *data, uint32_t len)
{
	struct bri_wire_frame frame = { .len = len };

	advance(wire, at_ns);
	if (!wire->open || len < 14 || len > BRI_WIRE_MAX_FRAME ||
		bri_middlebox_drops(wire->link.mptcp, data, len)) {
		wire->stats.dropped_state++;
		wire->stats.dropped_state_bytes += len;
		return;
	}
	/* drawn before the queue is looked at: the n-th frame always meets the n-th draw */
	frame.lost = draw_loss(wire, data);
	if (wire->queue.count && wire->queue_bytes + len > bri_wire_queue_limit(&wire->link))
		goto full;
	frame.data = take_block(wire);
	if (!frame.data)
		goto full;
	memcpy(frame.data, data, len);
	bri_middlebox_change(wire->link.mptcp, frame.data, len);
	if (!wire->queue.count) /* still busy with the frame before? then from its end on */
		wire->sent_ns =
			(wire->sent_ns > at_ns ? wire->sent_ns : at_ns) + transmit_ns(wire, len);
	if (push(&wire->queue, frame) < 0) {
		give_block(wire, frame.data);
		goto full;
	}
	wire->queue_bytes += len;
	return;
full:
	wire->stats.dropped_queue++;
	wire->stats.dropped_queue_bytes += len;
}

const struct bri_wire_frame *bri_wire_peek(struct bri_wire *wire, uint32_t i, uint64_t now_ns)
{
	const struct bri_wire_frame *frame;

	advance(wire, now_ns);
	if (i >= wire->flight.count)
		return NULL;
	frame = &wire->flight.frames[(wire->flight.head + i) & (wire->flight.size - 1)];
	return frame->at_ns <= now_ns ? frame : NULL;
}

const struct bri_wire_frame *bri_wire_next(struct bri_wire *wire, uint64_t now_ns)
{
	return bri_wire_peek(wire, 0, now_ns);
}

void bri_wire_pop(struct bri_wire *wire, bool delivered)
{
	struct bri_wire_frame *frame = first(&wire->flight);

	if (delivered) {
		wire->stats.frames++;
		wire->stats.bytes += frame->len;
	} else {
		wire->stats.dropped_state++;
		wire->stats.dropped_state_bytes += frame->len;
	}
	give_block(wire, frame->data);
	drop_first(&wire->flight);
}

uint64_t bri_wire_deadline_ns(const struct bri_wire *wire)
{
	const struct bri_wire_frame *frame = first(&wire->flight);

	if (frame)
		return frame->at_ns;
	return wire->queue.count ? wire->sent_ns + wire->link.delay_ns : BRI_NEVER;
}
