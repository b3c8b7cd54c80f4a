/*
 * Serial queues: who may run them, and how their items are drained. Knows nothing of what runs.
 *
 *   push      items+1; if nobody owns the queue and it is not suspended: own it and schedule it
 *   drain     items-1 after each; at 0 or when suspended: disown; after a while: schedule again
 *   enter     0 -> OWNED, on any thread that finds the queue idle: dispatch_sync, or a loop's event
 *   leave     disown; if items came meanwhile: keep it owned and schedule
 * A scheduled queue carries an internal reference to itself.
 */
#include "dispatch/loop.h"
#include "dispatch/queue_internal.h"

#include <semaphore.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS(state)     ((uint32_t)(state))
#define SUSPENDED(state) (((state) & ~BRI_QUEUE_OWNED) >= BRI_QUEUE_SUSPEND)

#define DRAIN_MAX 64 /* items of one queue before other queues of the loop have their turn */

static void destroy_queue(struct bri_object *obj)
{
	struct dispatch_queue_s *queue = (struct dispatch_queue_s *)obj;
	struct bri_list *link;

	while ((link = bri_list_take(&queue->specifics))) {
		struct bri_specific *specific = bri_list_entry(link, struct bri_specific, link);

		if (specific->destructor)
			bri_worker(specific->value, specific->destructor);
		free(specific);
	}
	if (atomic_load(&queue->finalizer) && atomic_load(&queue->context))
		bri_worker(atomic_load(&queue->context), atomic_load(&queue->finalizer));
	bri_object_put(queue->target);
	bri_object_put(queue->alias);
	pthread_mutex_destroy(&queue->lock);
	free((void *)(uintptr_t)queue->label);
	free(queue);
}

static const struct bri_class queue_class = {
	.name = "dispatch_queue", .kind = BRI_KIND_DISPATCH_QUEUE, .destroy = destroy_queue
};

/* --- scheduling --- */

static void schedule(struct dispatch_queue_s *queue)
{
	if (queue->target)
		bri_queue_push(queue->target, &queue->ready);
	else
		bri_loop_post(queue->loop, &queue->ready);
}

/*
 * Give the queue up if there is nothing to run; true if it is still owned (there are items).
 *   done   how many items were run and are to be counted off
 */
static bool settle(struct dispatch_queue_s *queue, uint64_t done)
{
	uint64_t old = atomic_load_explicit(&queue->state, memory_order_relaxed), new;

	do {
		new = old - done *BRI_QUEUE_ITEM;
		if (!ITEMS(new) || SUSPENDED(new))
			new &= ~BRI_QUEUE_OWNED;
	} while (!atomic_compare_exchange_weak_explicit(
		&queue->state, &old, new, memory_order_acq_rel, memory_order_relaxed));
	return new &BRI_QUEUE_OWNED;
}

/* Own an idle queue that has something to run after a change of its state by `delta`. */
static void change(struct dispatch_queue_s *queue, uint64_t delta)
{
	uint64_t old = atomic_load_explicit(&queue->state, memory_order_relaxed), new;

	do {
		new = old + delta;
		if (ITEMS(new) && !SUSPENDED(new))
			new |= BRI_QUEUE_OWNED;
	} while (!atomic_compare_exchange_weak_explicit(
		&queue->state, &old, new, memory_order_acq_rel, memory_order_relaxed));
	if ((new &BRI_QUEUE_OWNED) && !(old & BRI_QUEUE_OWNED)) {
		bri_object_get(queue);
		schedule(queue);
	}
}

/* --- dispatch_sync: a caller that waits for its turn and then runs on its own thread --- */

struct waiter {
	struct bri_item item;
	struct dispatch_queue_s *queue;
	void *context;
	void (*fn)(void *context);
	sem_t turn;
};

/* On a queue without target the drainer hands the queue itself to the waiter. Never called: a mark.
 */
static void hand_over(struct bri_item *item)
{
	sem_post(&bri_container_of(item, struct waiter, item)->turn);
}

/* On a queue with a target the drainer runs the work: the chain of targets is its to hold. */
static void run_for_waiter(struct bri_item *item)
{
	struct waiter *waiter = bri_container_of(item, struct waiter, item);

	waiter->fn(waiter->context);
	sem_post(&waiter->turn);
}

/* --- draining --- */

static void drain(struct bri_item *ready)
{
	struct dispatch_queue_s *queue = bri_container_of(ready, struct dispatch_queue_s, ready);
	struct bri_frame frame = { queue, bri_self.frame };
	bool on_loop = bri_self.loop;

	/* it may have been suspended since it was scheduled */
	bool owned = settle(queue, 0);

	bri_self.frame = &frame;
	for (int i = 0; owned && i < DRAIN_MAX; i++) {
		struct bri_item *item = bri_mpsc_pop(&queue->items);

		if (item->run == hand_over) {
			atomic_fetch_sub_explicit(
				&queue->state, BRI_QUEUE_ITEM, memory_order_acq_rel);
			bri_self.frame = frame.parent;
			hand_over(item); /* our ownership and reference go with it */
			return;
		}
		item->run(item);
		owned = settle(queue, 1);
		/* a thread that lost its loop goes home: the loop's new owner runs the rest */
		if (on_loop && owned && !bri_loop_tick())
			break;
	}
	bri_self.frame = frame.parent;
	if (owned)
		schedule(queue);
	else
		bri_object_put(queue);
}

struct dispatch_queue_s *bri_queue_new(enum bri_queue_type type, const char *label)
{
	struct dispatch_queue_s *queue = bri_object_new(&queue_class, sizeof(*queue));

	if (!queue)
		return NULL;
	queue->type = type;
	queue->ready.run = drain;
	queue->label = strdup(label ? label : "");
	pthread_mutex_init(&queue->lock, NULL);
	bri_list_init(&queue->waiting);
	bri_list_init(&queue->specifics);
	if (!queue->label) {
		bri_object_put(queue);
		return NULL;
	}
	queue->loop = bri_loop_next();
	return queue;
}

struct bri_loop *bri_queue_loop(struct dispatch_queue_s *queue)
{
	return queue->loop;
}

void bri_queue_push(struct dispatch_queue_s *queue, struct bri_item *item)
{
	if (queue->type != BRI_QUEUE_SERIAL) {
		bri_concurrent_push(queue, item, false);
		return;
	}
	bri_mpsc_push(&queue->items, item);
	change(queue, BRI_QUEUE_ITEM);
}

bool bri_queue_enter_in_place(struct dispatch_queue_s *queue)
{
	uint64_t idle = 0;

	return queue->type == BRI_QUEUE_SERIAL && !queue->target &&
	       atomic_compare_exchange_strong_explicit(&queue->state, &idle, BRI_QUEUE_OWNED,
		       memory_order_acq_rel, memory_order_relaxed);
}

void bri_queue_leave(struct dispatch_queue_s *queue)
{
	uint64_t owned = BRI_QUEUE_OWNED;

	/* the usual case: nothing came meanwhile */
	if (atomic_compare_exchange_strong_explicit(
		    &queue->state, &owned, 0, memory_order_acq_rel, memory_order_relaxed))
		return;
	/* the reference first: once disowned the queue may be gone */
	bri_object_get(queue);
	if (settle(queue, 0))
		schedule(queue);
	else
		bri_object_put(queue);
}

static void run_in_frame(struct dispatch_queue_s *queue, void *context, void (*fn)(void *))
{
	struct bri_frame frame = { queue, bri_self.frame };

	bri_self.frame = &frame;
	fn(context);
	bri_self.frame = frame.parent;
}

bool bri_queue_try_run(struct dispatch_queue_s *queue, void *context, void (*fn)(void *context))
{
	if (!bri_queue_enter_in_place(queue))
		return false;
	run_in_frame(queue, context, fn);
	bri_queue_leave(queue);
	return true;
}

/* The queue, or one that it targets, is being run by this very thread: waiting would be for ever.
 */
static bool is_ours(struct dispatch_queue_s *queue)
{
	for (struct bri_frame *f = bri_self.frame; f; f = f->parent) {
		if (f->queue == queue)
			return true;
	}
	return false;
}

void bri_queue_run_sync(
	struct dispatch_queue_s *queue, void *context, void (*fn)(void *), bool barrier)
{
	struct waiter waiter = { .queue = queue, .context = context, .fn = fn };

	if (queue->type != BRI_QUEUE_SERIAL) {
		bri_concurrent_run_sync(queue, context, fn, barrier);
		return;
	}
	if (bri_queue_try_run(queue, context, fn))
		return;
	if (is_ours(queue))
		bri_abort("dispatch_sync on queue \"%s\" from inside that queue", queue->label);
	waiter.item.run = queue->target ? run_for_waiter : hand_over;
	sem_init(&waiter.turn, 0, 0);
	bri_queue_push(queue, &waiter.item);
	bri_may_block();
	while (sem_wait(&waiter.turn) < 0 && errno == EINTR)
		;
	sem_destroy(&waiter.turn);
	if (waiter.item.run != hand_over)
		return;
	run_in_frame(queue, context, fn);
	bri_queue_leave(queue);
	bri_object_put(queue); /* the reference that the drainer gave us */
}

void bri_queue_suspend(struct dispatch_queue_s *queue)
{
	if (queue->type == BRI_QUEUE_CONCURRENT)
		bri_concurrent_suspend(queue);
	else if (queue->type == BRI_QUEUE_SERIAL)
		atomic_fetch_add_explicit(&queue->state, BRI_QUEUE_SUSPEND, memory_order_acq_rel);
}

void bri_queue_resume(struct dispatch_queue_s *queue)
{
	if (queue->type == BRI_QUEUE_CONCURRENT) {
		bri_concurrent_resume(queue);
	} else if (queue->type == BRI_QUEUE_SERIAL) {
		if (!SUSPENDED(atomic_load(&queue->state)))
			bri_abort("over-resume of queue \"%s\"", queue->label);
		change(queue, -BRI_QUEUE_SUSPEND);
	}
}

bool bri_queue_is_current(struct dispatch_queue_s *queue)
{
	for (struct bri_frame *f = bri_self.frame; f; f = f->parent) {
		for (struct dispatch_queue_s *q = f->queue; q; q = q->target) {
			if (q == queue || q->alias == queue)
				return true;
		}
	}
	return false;
}
