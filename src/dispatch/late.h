/*
 * Late work: what a queue's item leaves to the end of its loop's batch of events. Between the
 * handlers of a batch the processor then runs one kind of code after the other, each from a warm
 * cache, not all kinds for each event; and who waits for the results is woken less often.
 */
#ifndef BRI_LATE_H
#define BRI_LATE_H

#include "dispatch/runtime.h"

/* Embedded in what the work needs. */
struct bri_late {
	/* work(): on a thread that runs the loop, not on the queue: does not block, calls no
	 * handler, and touches nothing that the queue's items do before they have taken it back */
	void (*work)(struct bri_late *late);
	void (*done)(struct bri_late *late); /* then, on the queue */
	void (*free)(struct bri_late *late); /* nobody refers to it any more. Any thread */

	/* late.c's */
	struct dispatch_queue_s *queue;
	struct bri_item item;
	_Atomic int state;
};

/* bri_late_init(): the three functions are set. late->free() is called after bri_late_free() only.
 */
void bri_late_init(struct bri_late *late, struct dispatch_queue_s *queue);

/* bri_late_is_time(): this thread runs a loop's batch of several events, and the queue lives on
 * that loop. */
bool bri_late_is_time(struct dispatch_queue_s *queue);
/*
 * bri_late_post(): the work is done after the batch's last event, or after the event in whose time
 * the kernel's clock ticked, if that is earlier. If its handler blocks: when the loop was given to
 * another thread, in a few ms.
 * Context: the queue, and bri_late_is_idle().
 */
void bri_late_post(struct bri_late *late);
/* bri_late_is_idle(): the last one is over, and the loop has let go of it. */
bool bri_late_is_idle(struct bri_late *late);
/* bri_late_take(): true: the work will not be done. False: it is done, and late->done() is or was
 * called; or nothing was posted. Context: the queue. */
bool bri_late_take(struct bri_late *late);
/* bri_late_free(): done() is never called again, and no work done. NULL is harmless. Context: the
 * queue. */
void bri_late_free(struct bri_late *late);

#endif
