/* File descriptors watched for a queue. An event runs in place when the queue is idle, else as its
 * next item. */
#include "dispatch/loop.h"
#include "dispatch/queue_internal.h"

#include <errno.h>
#include <stdlib.h>

struct bri_watch {
	struct dispatch_queue_s *queue;
	struct bri_loop *loop;
	void *context;
	void (*on_ready)(void *context, uint32_t events);
	int fd;
	_Atomic bool dead;
	_Atomic uint32_t pending; /* events not told yet; not 0: `item` is queued */
	_Atomic int refs; /* the owner's (until loop and queue have let go of it), and the queued
			     item's */
	struct bri_item item, retire, gone;
};

static void put(struct bri_watch *watch)
{
	if (atomic_fetch_sub_explicit(&watch->refs, 1, memory_order_acq_rel) > 1)
		return;
	bri_object_put(watch->queue);
	free(watch);
}

static void run_queued(struct bri_item *item)
{
	struct bri_watch *watch = bri_container_of(item, struct bri_watch, item);
	uint32_t events = atomic_exchange_explicit(&watch->pending, 0, memory_order_acq_rel);

	if (!atomic_load_explicit(&watch->dead, memory_order_acquire))
		watch->on_ready(watch->context, events);
	put(watch);
}

/*
 * The end of a watch has two steps. On the loop, after its batch: no event can name it any more.
 * Then on the queue: no thread is inside its callback any more, also one that lost the loop.
 */
static void run_gone(struct bri_item *item)
{
	put(bri_container_of(item, struct bri_watch, gone));
}

static void run_retire(struct bri_item *item)
{
	struct bri_watch *watch = bri_container_of(item, struct bri_watch, retire);
	/* `gone` may run, and drop the watch's reference, before the push is over */
	struct dispatch_queue_s *queue = bri_object_get(watch->queue);

	bri_queue_push(queue, &watch->gone);
	bri_object_put(queue);
}

bool bri_watch_claim(struct bri_watch *watch, uint32_t events)
{
	if (atomic_load_explicit(&watch->dead, memory_order_acquire))
		return false;
	if (bri_queue_enter_in_place(watch->queue))
		return true;
	atomic_fetch_add_explicit(&watch->refs, 1, memory_order_relaxed);
	if (atomic_fetch_or_explicit(&watch->pending, events, memory_order_acq_rel) == 0)
		bri_queue_push(watch->queue, &watch->item);
	else
		put(watch);
	return false;
}

void bri_watch_run(struct bri_watch *watch, uint32_t events)
{
	struct bri_frame frame = { watch->queue, bri_self.frame };

	bri_self.frame = &frame;
	if (!atomic_load_explicit(&watch->dead, memory_order_acquire))
		watch->on_ready(watch->context, events);
	bri_self.frame = frame.parent;
	bri_queue_leave(
		frame.queue); /* the watch holds it, and is there until its `gone` ran on it */
}

int bri_watch_new(struct dispatch_queue_s *queue, int fd, void *context,
	void (*on_ready)(void *context, uint32_t events), struct bri_watch **ret)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };
	struct bri_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return -ENOMEM;
	watch->queue = bri_object_get(queue);
	watch->loop = bri_queue_loop(queue);
	watch->context = context;
	watch->on_ready = on_ready;
	watch->fd = fd;
	watch->item.run = run_queued;
	watch->retire.run = run_retire;
	watch->gone.run = run_gone;
	atomic_init(&watch->refs, 1);
	ev.data.ptr = watch;
	/* published before the descriptor is armed: its first event may come inside epoll_ctl */
	*ret = watch;
	if (epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		int error = -errno;

		*ret = NULL;
		bri_object_put(queue);
		free(watch);
		return error;
	}
	return 0;
}

void bri_watch_retarget(
	struct bri_watch *watch, void *context, void (*on_ready)(void *context, uint32_t events))
{
	watch->context = context;
	watch->on_ready = on_ready;
}

void bri_watch_free(struct bri_watch *watch)
{
	if (!watch)
		return;
	atomic_store_explicit(&watch->dead, true, memory_order_release);
	epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	bri_loop_post(watch->loop, &watch->retire);
}
