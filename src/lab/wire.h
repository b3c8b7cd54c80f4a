/*
 * One direction of an emulated path: queue, transmitter, loss, delay. Pure: time is an argument,
 * frames are bytes. Knows nothing of sockets or namespaces.
 */
#ifndef BRI_LAB_WIRE_H
#define BRI_LAB_WIRE_H

#include "base/base.h"
#include "lab/lab.h"

#define BRI_WIRE_MAX_FRAME 2048 /* an MTU of 1500 with its header, and the ring slot it came in */
#define BRI_WIRE_MAX_FRAMES                                                                        \
	65536 /* in one direction at once: 128 MiB; more is dropped as queue                       \
	       */

struct bri_wire_frame {
	uint64_t at_ns; /* in flight: when it arrives */
	uint32_t len;
	bool lost;
	void *data; /* one block of BRI_WIRE_MAX_FRAME */
};

/* Frames in order; grows by doubling. */
struct bri_wire_fifo {
	struct bri_wire_frame *frames;
	uint32_t head, count, size; /* size: power of two */
};

struct bri_wire {
	struct bri_lab_link link;
	bool open; /* false: what is offered vanishes */
	uint64_t random_loss, random_jitter, random_other;
	struct bri_wire_fifo queue, flight;
	uint64_t queue_bytes; /* in `queue` */
	uint64_t sent_ns;     /* when the transmitter is done with the first frame of queue */
	uint64_t last_ns;     /* when the last frame of flight arrives */
	uint64_t n_unicast;   /* numbers the frames that loss is drawn for */
	void *spare;          /* list of free blocks */
	uint32_t n_frames;    /* blocks in queue and flight */
	struct bri_lab_direction_stats stats;
};

void bri_wire_init(struct bri_wire *wire, const struct bri_lab_link *link, uint64_t seed);
void bri_wire_fini(struct bri_wire *wire);

/* bri_wire_set(): new parameters from now on; see lab.h for frames already under way. */
void bri_wire_set(struct bri_wire *wire, const struct bri_lab_link *link, uint64_t now_ns);
/* bri_wire_set_open(): closing drops all that is queued or in flight. */
void bri_wire_set_open(struct bri_wire *wire, bool open);

/*
 * bri_wire_offer(): a frame arrives at the sender's end at at_ns (never earlier than an offer
 * before it). Copied. Multicast and ARP draw from a random stream of their own, so that the loss of
 * unicast frames depends on their number alone.
 */
void bri_wire_offer(struct bri_wire *wire, uint64_t at_ns, const void *data, uint32_t len);

/*
 * bri_wire_next(): the next frame that has arrived by now_ns at the far end, or NULL. It stays
 * valid until bri_wire_pop(), which forgets it; `delivered` says how to count it.
 */
const struct bri_wire_frame *bri_wire_next(struct bri_wire *wire, uint64_t now_ns);
const struct bri_wire_frame *bri_wire_peek(struct bri_wire *wire, uint32_t i, uint64_t now_ns);
void bri_wire_pop(struct bri_wire *wire, bool delivered);

/* bri_wire_deadline_ns(): when bri_wire_next() may have something; BRI_NEVER: after an offer. */
uint64_t bri_wire_deadline_ns(const struct bri_wire *wire);

/* bri_wire_queue_limit(): queue_bytes, or what 0 means. */
uint64_t bri_wire_queue_limit(const struct bri_lab_link *link);

#endif
