/*
 * Loops: one epoll instance a CPU, each run by one thread at a time. A thread owns a loop only
 * while it makes progress: `token` names what the owner is running now; the monitor takes the
 * loop from an owner whose token has not changed for a few ms and gives it to another thread.
 * The old owner notices when its handler returns, and goes back to the spare threads.
 */
#ifndef BRI_LOOP_H
#define BRI_LOOP_H

#include <pthread.h>
#include <sys/epoll.h>
#include "dispatch/mpsc.h"

#define BRI_LOOPS_MAX      64  /* more CPUs than this share loops */
#define BRI_LOOP_BATCH     128 /* events fetched by one epoll_wait */
#define BRI_LOOP_ITEMS_MAX 64  /* items run before events are fetched */

struct bri_timer;

struct bri_loop {
	int epoll_fd, event_fd, timer_fd;
	_Atomic bool sleeping;  /* in epoll_wait, or about to be: producers must wake it */
	_Atomic uint64_t token; /* 0: owner is between items; else what it runs; BRI_TOKEN_STOLEN */
	struct bri_mpsc inbox;  /* queues that are ready to be drained, and retired watches */
	struct bri_mpsc late;   /* what handlers left to the end of the batch */

	/* the owner's */
	struct bri_item *told,
		*told_last; /* what late items left to be told, first in, first out */
	uint32_t epoch;     /* how many owners there were */
	int batch_next, batch_count;
	struct epoll_event batch[BRI_LOOP_BATCH];

	/* the monitor's */
	uint64_t seen_token;

	/* timers: a binary heap, under its own lock */
	pthread_mutex_t timer_lock;
	struct bri_timer **heap;
	size_t heap_count, heap_room;
	uint64_t armed_ns; /* what timer_fd is set to */
};

/* One queue that this thread is running, with those it runs inside of. */
struct bri_frame {
	struct dispatch_queue_s *queue;
	struct bri_frame *parent;
};

struct bri_self {
	struct bri_loop *loop; /* the loop this thread owns; NULL: none, or it was taken away */
	uint64_t token;
	uint32_t epoch, counter; /* what tokens are made of */
	struct bri_frame *frame;
	bool in_batch;      /* it runs one of several events that were fetched together */
	uint64_t posted_ns; /* since when late work waits for its end: the kernel's tick; 0: none */
};

extern _Thread_local struct bri_self bri_self;

/* bri_loop_next(): the loop that the next new queue lives on. Aborts where there are no descriptors
 * left for epoll. */
struct bri_loop *bri_loop_next(void);
/* bri_loop_post(): run item on the loop's thread. Context: any thread. */
void bri_loop_post(struct bri_loop *loop, struct bri_item *item);
/*
 * bri_loop_post_late(): run item at the end of the loop's batch, before the inbox. It neither
 * blocks nor calls a handler: the loop is not taken away meanwhile. Context: any thread.
 * bri_loop_tell(): run item when all of those have run, as one of the inbox. Context: such an item.
 */
void bri_loop_post_late(struct bri_loop *loop, struct bri_item *item);
void bri_loop_tell(struct bri_loop *loop, struct bri_item *item);
/* bri_loop_tick(): the owner made progress. False: the loop was taken away, unwind. Context: a
 * loop's thread. */
bool bri_loop_tick(void);

/*
 * bri_watch_claim(): an epoll event of a watch. True: its queue was idle and is ours now, to be
 * left by bri_watch_run(). False: the events are an item of the queue, or nobody wants them.
 * Context: the loop's owner, before it says what it runs: the loop cannot be taken away, so nobody
 * else gets to free the watch meanwhile.
 */
bool bri_watch_claim(struct bri_watch *watch, uint32_t events);
void bri_watch_run(struct bri_watch *watch, uint32_t events);
/* bri_timer_expire(): queue what is due and arm the timer descriptor again. Context: the loop's
 * owner. */
void bri_timer_expire(struct bri_loop *loop);

/* --- threads.c: threads that run loops, and workers that may block --- */
/* bri_threads_own(): some thread calls bri_loop_run(loop), soon. */
void bri_threads_own(struct bri_loop *loop);
void bri_loop_run(struct bri_loop *loop);
/* bri_workers_push(): run item on a worker. bri_workers_tick(): the monitor's look at them; true:
 * there is work. */
void bri_workers_push(struct bri_item *item);
bool bri_workers_tick(void);

/* --- monitor.c --- */
extern _Atomic bool bri_monitor_awake;
BRI_COLD void bri_monitor_wake(void);
void bri_monitor_add(struct bri_loop *loop);

static inline void bri_monitor_poke(void)
{
	if (BRI_UNLIKELY(!atomic_load_explicit(&bri_monitor_awake, memory_order_relaxed)))
		bri_monitor_wake();
}

#define BRI_TOKEN_STOLEN UINT64_MAX

#endif
