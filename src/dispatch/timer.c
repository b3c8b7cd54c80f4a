/* Timers: a binary heap a loop, one timerfd that is armed for the earliest and never disarmed. */
#include "dispatch/loop.h"
#include "dispatch/queue_internal.h"
#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>

#define NOT_IN_HEAP SIZE_MAX

struct bri_timer {
	struct dispatch_queue_s *queue;
	struct bri_loop *loop;
	void *context;
	void (*on_fire)(void *context);
	struct bri_item item;
	/* all below under the loop's timer_lock */
	uint64_t deadline_ns;
	size_t index;
	bool queued; /* item is on the queue */
	bool due;    /* and when it runs, on_fire is to be called */
	bool freed;
};

static void place(struct bri_loop *loop, size_t i, struct bri_timer *timer)
{
	loop->heap[i] = timer;
	timer->index = i;
}

static void sift_up(struct bri_loop *loop, size_t i, struct bri_timer *timer)
{
	while (i > 0 && loop->heap[(i - 1) / 2]->deadline_ns > timer->deadline_ns) {
		place(loop, i, loop->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	place(loop, i, timer);
}

static void sift_down(struct bri_loop *loop, size_t i, struct bri_timer *timer)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= loop->heap_count)
			break;
		if (child + 1 < loop->heap_count &&
			loop->heap[child + 1]->deadline_ns < loop->heap[child]->deadline_ns)
			child++;
		if (loop->heap[child]->deadline_ns >= timer->deadline_ns)
			break;
		place(loop, i, loop->heap[child]);
		i = child;
	}
	place(loop, i, timer);
}

static void heap_remove(struct bri_loop *loop, struct bri_timer *timer)
{
	size_t i = timer->index;
	struct bri_timer *last;

	if (i == NOT_IN_HEAP)
		return;
	timer->index = NOT_IN_HEAP;
	last = loop->heap[--loop->heap_count];
	if (last == timer)
		return;
	if (i > 0 && loop->heap[(i - 1) / 2]->deadline_ns > last->deadline_ns)
		sift_up(loop, i, last);
	else
		sift_down(loop, i, last);
}

static void arm(struct bri_loop *loop)
{
	struct itimerspec its = { 0 };
	uint64_t first = loop->heap_count ? loop->heap[0]->deadline_ns : BRI_NEVER;

	/* a wake-up for a timer that was moved later is cheaper than a system call for each move */
	if (first >= loop->armed_ns)
		return;
	loop->armed_ns = first;
	first = first ? first : 1;
	its.it_value.tv_sec = (time_t)(first / BRI_NS_PER_S);
	its.it_value.tv_nsec = (long)(first % BRI_NS_PER_S);
	timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &its, NULL);
}

static void run_fire(struct bri_item *item)
{
	struct bri_timer *timer = bri_container_of(item, struct bri_timer, item);
	bool due, freed;

	pthread_mutex_lock(&timer->loop->timer_lock);
	due = timer->due;
	freed = timer->freed;
	timer->queued = timer->due = false;
	pthread_mutex_unlock(&timer->loop->timer_lock);
	if (freed) {
		bri_object_put(timer->queue);
		free(timer);
	} else if (due) {
		timer->on_fire(timer->context);
	}
}

void bri_timer_expire(struct bri_loop *loop)
{
	uint64_t now_ns = bri_clock_now_ns();

	pthread_mutex_lock(&loop->timer_lock);
	loop->armed_ns = BRI_NEVER;
	while (loop->heap_count && loop->heap[0]->deadline_ns <= now_ns) {
		struct bri_timer *timer = loop->heap[0];

		heap_remove(loop, timer);
		timer->due = true;
		if (!timer->queued) {
			timer->queued = true;
			bri_queue_push(timer->queue, &timer->item);
		}
	}
	arm(loop);
	pthread_mutex_unlock(&loop->timer_lock);
}

int bri_timer_new(struct dispatch_queue_s *queue, void *context, void (*on_fire)(void *context),
	struct bri_timer **ret)
{
	struct bri_timer *timer = calloc(1, sizeof(*timer));
	struct bri_loop *loop = bri_queue_loop(queue);

	if (!timer)
		return -ENOMEM;
	timer->queue = bri_object_get(queue);
	timer->loop = loop;
	timer->context = context;
	timer->on_fire = on_fire;
	timer->item.run = run_fire;
	timer->index = NOT_IN_HEAP;
	timer->deadline_ns = BRI_NEVER;
	*ret = timer;
	return 0;
}

/* Room in the heap. Timers are few (none per message), so growth under the lock is fine. */
static void reserve(struct bri_loop *loop)
{
	struct bri_timer **heap;
	size_t room;

	if (loop->heap_count < loop->heap_room)
		return;
	room = loop->heap_room ? loop->heap_room * 2 : 64;
	heap = reallocarray(loop->heap, room, sizeof(struct bri_timer *));
	if (!heap)
		bri_abort("no memory for %zu timers", room);
	loop->heap = heap;
	loop->heap_room = room;
}

void bri_timer_set(struct bri_timer *timer, uint64_t deadline_ns)
{
	struct bri_loop *loop = timer->loop;

	pthread_mutex_lock(&loop->timer_lock);
	timer->due = false;
	timer->deadline_ns = deadline_ns;
	heap_remove(loop, timer);
	if (deadline_ns != BRI_NEVER) {
		reserve(loop);
		sift_up(loop, loop->heap_count++, timer);
		arm(loop);
	}
	pthread_mutex_unlock(&loop->timer_lock);
}

void bri_timer_free(struct bri_timer *timer)
{
	bool queued;

	if (!timer)
		return;
	pthread_mutex_lock(&timer->loop->timer_lock);
	heap_remove(timer->loop, timer);
	timer->freed = true;
	queued = timer->queued;
	pthread_mutex_unlock(&timer->loop->timer_lock);
	if (!queued) {
		bri_object_put(timer->queue);
		free(timer);
	}
}
