/*
 * See late.h. The loop does the work of all that was posted, on whichever thread runs it by then,
 * also while the handler that asked for it blocks; then it tells their queues. Knows nothing of
 * what the work is.
 *
 *   IDLE      -> POSTED    bri_late_post()
 *   POSTED    -> WORKING   the loop has come to it
 *             -> TAKEN     bri_late_take(): the loop lets go of it when it comes to it
 *   WORKING   -> DONE      the loop will tell the queue
 *   DONE      -> TELLING   on the queue
 *   TAKEN, TELLING -> IDLE
 *   any       -> GONE      bri_late_free(); whoever has it then frees it
 */
#include "dispatch/late.h"

#include <sched.h>
#include "base/clock.h"
#include "dispatch/loop.h"
#include "dispatch/queue_internal.h"

enum { IDLE, POSTED, WORKING, TAKEN, DONE, TELLING, GONE };

/* Where the loop and the queue may both want to. */
static bool step(struct bri_late *late, int from, int to)
{
	return atomic_compare_exchange_strong_explicit(
		&late->state, &from, to, memory_order_acq_rel, memory_order_acquire);
}

static int state_of(struct bri_late *late)
{
	return atomic_load_explicit(&late->state, memory_order_acquire);
}

static void set(struct bri_late *late, int state)
{
	atomic_store_explicit(&late->state, state, memory_order_release);
}

static void destroy(struct bri_late *late)
{
	bri_object_put(late->queue);
	late->free(late);
}

void bri_late_init(struct bri_late *late, struct dispatch_queue_s *queue)
{
	late->queue = bri_object_get(queue);
	atomic_init(&late->state, IDLE);
}

/* --- telling the queue --- */

/* On the queue. False: it is gone, and to be destroyed. */
static bool tell(struct bri_late *late)
{
	if (state_of(late) == GONE)
		return false;
	set(late, TELLING);
	late->done(late);
	if (state_of(late) == GONE)
		return false;
	set(late, IDLE);
	return true;
}

static void tell_as_item(struct bri_item *item)
{
	struct bri_late *late = bri_container_of(item, struct bri_late, item);

	if (!tell(late))
		destroy(late);
}

static void tell_in_place(struct bri_item *item)
{
	struct bri_late *late = bri_container_of(item, struct bri_late, item);
	struct dispatch_queue_s *queue = late->queue;
	struct bri_frame frame = { queue, bri_self.frame };
	bool there;

	if (!bri_queue_enter_in_place(queue)) {
		item->run = tell_as_item;
		bri_queue_push(queue, item);
		return;
	}
	bri_self.frame = &frame;
	there = tell(late);
	bri_self.frame = frame.parent;
	bri_queue_leave(queue); /* it holds the queue, and is there until this queue is left */
	if (!there)
		destroy(late);
}

/* --- working --- */

static void run_work(struct bri_item *item)
{
	struct bri_late *late = bri_container_of(item, struct bri_late, item);
	struct bri_loop *loop = bri_queue_loop(late->queue);

	if (!step(late, POSTED, WORKING)) {
		if (!step(late, TAKEN, IDLE))
			destroy(late);
		return;
	}
	late->work(late);
	item->run = tell_in_place;
	set(late, DONE);
	bri_loop_tell(loop, item);
}

bool bri_late_is_time(struct dispatch_queue_s *queue)
{
	return bri_self.in_batch && bri_self.loop == bri_queue_loop(queue);
}

bool bri_late_is_idle(struct bri_late *late)
{
	return state_of(late) == IDLE;
}

void bri_late_post(struct bri_late *late)
{
	set(late, POSTED);
	late->item.run = run_work;
	if (!bri_self.posted_ns)
		bri_self.posted_ns = bri_clock_coarse_ns();
	bri_loop_post_late(bri_queue_loop(late->queue), &late->item);
}

bool bri_late_take(struct bri_late *late)
{
	if (state_of(late) == POSTED && step(late, POSTED, TAKEN))
		return true;
	while (state_of(late) == WORKING) /* elsewhere, and it does not block */
		sched_yield();
	return false;
}

void bri_late_free(struct bri_late *late)
{
	if (!late)
		return;
	bri_late_take(late);
	if (atomic_exchange_explicit(&late->state, GONE, memory_order_acq_rel) == IDLE)
		destroy(late);
}
