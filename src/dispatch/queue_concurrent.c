/* Concurrent and global queues: items go to the workers; barriers run alone. Knows nothing of
 * loops. */
#include "dispatch/loop.h"
#include "dispatch/queue_internal.h"

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>

/* One item on its way to a worker. */
struct slot {
	struct bri_item item;
	struct bri_list link;           /* in queue->waiting */
	struct dispatch_queue_s *queue; /* internal reference */
	struct bri_item *work;
	bool barrier;
};

static void finish(struct dispatch_queue_s *queue);

static void run_slot(struct bri_item *item)
{
	struct slot *slot = bri_container_of(item, struct slot, item);
	struct dispatch_queue_s *queue = slot->queue;
	struct bri_item *work = slot->work;
	struct bri_frame frame = { queue, bri_self.frame };

	bri_pool_free(slot, sizeof(*slot));
	bri_self.frame = &frame;
	work->run(work);
	bri_self.frame = frame.parent;
	if (queue->type == BRI_QUEUE_CONCURRENT)
		finish(queue);
	bri_object_put(queue);
}

/* Under lock: may the first waiting item start now? */
static struct slot *take_startable(struct dispatch_queue_s *queue)
{
	struct slot *slot;

	if (queue->suspended || queue->barrier_runs || bri_list_empty(&queue->waiting))
		return NULL;
	slot = bri_list_entry(queue->waiting.next, struct slot, link);
	if (slot->barrier && queue->running)
		return NULL;
	bri_list_remove(&slot->link);
	queue->running++;
	queue->barrier_runs = slot->barrier;
	return slot;
}

static void start_what_may(struct dispatch_queue_s *queue)
{
	struct slot *slot;

	do {
		pthread_mutex_lock(&queue->lock);
		slot = take_startable(queue);
		pthread_mutex_unlock(&queue->lock);
		if (slot && queue->target)
			bri_queue_push(queue->target, &slot->item);
		else if (slot)
			bri_workers_push(&slot->item);
	} while (slot);
}

static void finish(struct dispatch_queue_s *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->running--;
	queue->barrier_runs = false; /* a barrier runs alone, so it is the one that ended */
	pthread_mutex_unlock(&queue->lock);
	start_what_may(queue);
}

void bri_concurrent_push(struct dispatch_queue_s *queue, struct bri_item *item, bool barrier)
{
	struct slot *slot = bri_pool_alloc(sizeof(*slot));

	if (!slot)
		bri_abort("no memory for an item of queue \"%s\"", queue->label);
	*slot = (struct slot) { .queue = bri_object_get(queue), .work = item, .barrier = barrier };
	slot->item.run = run_slot;
	if (queue->type == BRI_QUEUE_GLOBAL) {
		bri_workers_push(&slot->item);
		return;
	}
	pthread_mutex_lock(&queue->lock);
	bri_list_append(&queue->waiting, &slot->link);
	pthread_mutex_unlock(&queue->lock);
	start_what_may(queue);
}

void bri_concurrent_suspend(struct dispatch_queue_s *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->suspended++;
	pthread_mutex_unlock(&queue->lock);
}

void bri_concurrent_resume(struct dispatch_queue_s *queue)
{
	pthread_mutex_lock(&queue->lock);
	if (!queue->suspended)
		bri_abort("over-resume of queue \"%s\"", queue->label);
	queue->suspended--;
	pthread_mutex_unlock(&queue->lock);
	start_what_may(queue);
}

struct sync_turn {
	struct bri_item item;
	sem_t turn, done;
};

/* On a worker: it is the caller's turn. The worker waits with it, so that `finish` comes after the
 * work. */
static void give_turn(struct bri_item *item)
{
	struct sync_turn *sync = bri_container_of(item, struct sync_turn, item);

	sem_post(&sync->turn);
	while (sem_wait(&sync->done) < 0 && errno == EINTR)
		;
	sem_destroy(&sync->done);
	bri_pool_free(sync, sizeof(*sync));
}

/* Start at once on the caller's thread when nothing stands in the way. */
static bool enter_now(struct dispatch_queue_s *queue, bool barrier)
{
	bool may;

	if (queue->target)
		return false;
	pthread_mutex_lock(&queue->lock);
	may = !queue->suspended && !queue->barrier_runs && bri_list_empty(&queue->waiting) &&
	      !(barrier && queue->running);
	if (may) {
		queue->running++;
		queue->barrier_runs = barrier;
	}
	pthread_mutex_unlock(&queue->lock);
	return may;
}

static void run_here(struct dispatch_queue_s *queue, void *context, void (*fn)(void *))
{
	struct bri_frame frame = { queue, bri_self.frame };

	bri_self.frame = &frame;
	fn(context);
	bri_self.frame = frame.parent;
}

void bri_concurrent_run_sync(
	struct dispatch_queue_s *queue, void *context, void (*fn)(void *), bool barrier)
{
	struct sync_turn *sync;

	if (queue->type == BRI_QUEUE_GLOBAL) {
		run_here(queue, context, fn);
		return;
	}
	if (enter_now(queue, barrier)) {
		run_here(queue, context, fn);
		finish(queue);
		return;
	}
	sync = bri_pool_alloc(sizeof(*sync));
	if (!sync)
		bri_abort("no memory for dispatch_sync on queue \"%s\"", queue->label);
	sync->item.run = give_turn;
	sem_init(&sync->turn, 0, 0);
	sem_init(&sync->done, 0, 0);
	bri_concurrent_push(queue, &sync->item, barrier);
	bri_may_block();
	while (sem_wait(&sync->turn) < 0 && errno == EINTR)
		;
	run_here(queue, context, fn);
	sem_destroy(&sync->turn);
	sem_post(&sync->done);
}
