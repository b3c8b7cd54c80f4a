/* A packet socket with a shared receive ring: one end of a path in the emulator's namespace. Knows
 * nothing of what is done with frames. */
#ifndef BRI_LAB_RING_H
#define BRI_LAB_RING_H

#include "base/base.h"

#define BRI_RING_BATCH 32 /* frames sent with one call */

struct bri_ring {
	int fd;
	uint8_t *slots; /* mapped */
	uint32_t next;
	uint64_t overrun; /* frames the kernel had no slot for */
};

struct bri_ring_frame {
	const void *data;
	uint32_t len;
	uint64_t at_ns; /* monotonic; when the kernel saw it */
};

/* bri_ring_open(): on that interface of the current network namespace. Returns 0 or -errno. */
int bri_ring_open(struct bri_ring *ring, int ifindex);
void bri_ring_close(struct bri_ring *ring);

/*
 * bri_ring_peek(): the next frame received, valid until bri_ring_pop(). Returns false when there is
 * none. `wall_offset_ns`: wall clock minus monotonic clock; frames are stamped with the former.
 */
bool bri_ring_peek(struct bri_ring *ring, uint64_t wall_offset_ns, struct bri_ring_frame *ret);
void bri_ring_pop(struct bri_ring *ring);

/* bri_ring_send(): returns how many of n frames were sent, in order; the next one failed. */
unsigned bri_ring_send(struct bri_ring *ring, const struct bri_ring_frame *frames, unsigned n);

/* bri_ring_count_overrun(): adds what the kernel dropped since the last time. */
void bri_ring_count_overrun(struct bri_ring *ring);

#endif
