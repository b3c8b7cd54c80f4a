/*
 * The runtime's internal face: queues, items, watches (file descriptors), timers.
 * What a layer above needs to do I/O where its queue lives. Knows nothing of networks.
 *
 * A loop is one epoll instance; there is one per CPU. A serial queue is hosted by one loop. A file
 * descriptor watched for a queue is registered with that queue's loop (edge triggered, once), and
 * its callback runs in place as the queue's next item: no lock, no other thread.
 */
#ifndef BRI_RUNTIME_H
#define BRI_RUNTIME_H

#include <stdatomic.h>
#include "base/base.h"
#include "dispatch/pool.h"

struct dispatch_queue_s; /* the public dispatch_queue_t points here */
struct bri_watch;
struct bri_timer;

/* One unit of work on a queue. Embedded in its owner, or pooled (dispatch_async_f). */
struct bri_item {
	_Atomic(struct bri_item *) next;
	void (*run)(struct bri_item *item); /* on the queue; may free the item */
};

/*
 * bri_queue_push(): run `item` on `queue`, in order, later. The item must not be queued already.
 *   item   borrowed until its run() is called
 * Context: any thread; never runs the item inside the call; does not block.
 */
void bri_queue_push(struct dispatch_queue_s *queue, struct bri_item *item);

/* bri_queue_is_current(): this thread is now running an item of `queue` (or of one that targets
 * it). */
bool bri_queue_is_current(struct dispatch_queue_s *queue);

/*
 * bri_queue_try_run(): if the serial queue is idle, run fn on this thread as its item, as
 * dispatch_sync() would, and return true. False: the queue is busy, suspended, has a target, or is
 * not a serial one; nothing was run. Context: any thread.
 */
bool bri_queue_try_run(struct dispatch_queue_s *queue, void *context, void (*fn)(void *context));

/*
 * bri_queue_new_serial_for(): the serial queue on which an object that was given `client` runs its
 * handlers: `client` itself (retained) when it is serial, else a new serial queue that answers to
 * client's identity (dispatch_assert_queue, specifics, label). Never NULL but for no memory.
 * Released with bri_object_put().
 */
struct dispatch_queue_s *bri_queue_new_serial_for(struct dispatch_queue_s *client);

/* bri_internal_queue(): the library's own serial queue (network monitor, resolver). Immortal. */
struct dispatch_queue_s *bri_internal_queue(void);

/*
 * bri_watch_new(): watch a file descriptor on a queue.
 *   fd        stays the caller's; must be closed only after bri_watch_free()
 *   on_ready  events: EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLERR, EPOLLHUP, edge triggered: each edge
 * is told once, so read until EAGAIN or a short count, or remember that there is more. Returns 0,
 * or -ENOMEM, -ENOSPC (too many watches), -EPERM (a regular file). Context: any thread.
 */
int bri_watch_new(struct dispatch_queue_s *queue, int fd, void *context,
	void (*on_ready)(void *context, uint32_t events), struct bri_watch **ret);
/* bri_watch_retarget(): from now on another callback is told. Context: on the queue. */
void bri_watch_retarget(
	struct bri_watch *watch, void *context, void (*on_ready)(void *context, uint32_t events));
/* bri_watch_free(): on_ready is never called again. NULL is harmless. Context: on the queue. */
void bri_watch_free(struct bri_watch *watch);

/*
 * bri_timer_new(): a timer whose on_fire runs on `queue`. Born unarmed.
 * bri_timer_set(): arm, move or (BRI_NEVER) disarm; a deadline in the past fires at once (later,
 * never inside). After bri_timer_set(BRI_NEVER) or bri_timer_free() on the queue, on_fire is not
 * called. Returns 0 or -ENOMEM. Context: set and free on the queue.
 */
int bri_timer_new(struct dispatch_queue_s *queue, void *context, void (*on_fire)(void *context),
	struct bri_timer **ret);
void bri_timer_set(struct bri_timer *timer, uint64_t deadline_ns);
void bri_timer_free(struct bri_timer *timer);

/*
 * bri_may_block(): the calling thread is about to wait for something that other queues do: its
 * loop, if it runs one, is handed to another thread at once instead of after the monitor's few ms.
 */
void bri_may_block(void);

/* bri_async(): dispatch_async_f() without the public type. */
void bri_async(struct dispatch_queue_s *queue, void *context, void (*fn)(void *context));

/* bri_worker(): run fn on a worker thread that may block (disk, name services). */
void bri_worker(void *context, void (*fn)(void *context));

#endif
