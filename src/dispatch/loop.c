/* The loop itself: wait, run what is ready, run what was posted. Knows nothing of sockets. */
#include "dispatch/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "base/clock.h"

_Thread_local struct bri_self bri_self;

static struct bri_loop loops[BRI_LOOPS_MAX];
static pthread_once_t loops_once = PTHREAD_ONCE_INIT;
static unsigned loops_count;
static _Atomic unsigned loops_turn;

/* the two descriptors that every loop watches for itself; their addresses are epoll's data */
static char event_mark, timer_mark;

static void count_cpus(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	loops_count = cpus < 1 ? 1 : cpus > BRI_LOOPS_MAX ? BRI_LOOPS_MAX : (unsigned)cpus;
}

static void add_own_fd(struct bri_loop *loop, int fd, void *mark)
{
	/* edge triggered: each write or expiry is one event, nothing needs to be read back */
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.ptr = mark };

	if (fd < 0 || epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		bri_abort("cannot set up an event loop: %s", strerror(errno));
}

static void open_loop(struct bri_loop *loop)
{
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	add_own_fd(loop, loop->event_fd, &event_mark);
	add_own_fd(loop, loop->timer_fd, &timer_mark);
	pthread_mutex_init(&loop->timer_lock, NULL);
	loop->armed_ns = BRI_NEVER;
	bri_monitor_add(loop);
	bri_threads_own(loop);
}

struct bri_loop *bri_loop_next(void)
{
	struct bri_loop *loop;
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_once(&loops_once, count_cpus);
	loop = &loops[atomic_fetch_add(&loops_turn, 1) % loops_count];
	pthread_mutex_lock(&lock);
	if (!loop->epoll_fd)
		open_loop(loop);
	pthread_mutex_unlock(&lock);
	return loop;
}

static void post(struct bri_loop *loop, struct bri_mpsc *list, struct bri_item *item)
{
	if (bri_mpsc_push(list, item) &&
		atomic_load_explicit(&loop->sleeping, memory_order_seq_cst)) {
		uint64_t one = 1;

		while (write(loop->event_fd, &one, sizeof(one)) < 0 && errno == EINTR)
			;
	}
}

void bri_loop_post(struct bri_loop *loop, struct bri_item *item)
{
	post(loop, &loop->inbox, item);
}

void bri_loop_post_late(struct bri_loop *loop, struct bri_item *item)
{
	post(loop, &loop->late, item);
}

void bri_loop_tell(struct bri_loop *loop, struct bri_item *item)
{
	atomic_store_explicit(&item->next, NULL, memory_order_relaxed);
	if (loop->told)
		atomic_store_explicit(&loop->told_last->next, item, memory_order_relaxed);
	else
		loop->told = item;
	loop->told_last = item;
}

/* Never 0, never twice for one owner, never the same for two owners of a loop. */
static uint64_t next_token(void)
{
	return (uint64_t)bri_self.epoch << 32 | ++bri_self.counter;
}

/* The owner starts something that may call a handler. */
static void begin(struct bri_loop *loop)
{
	bri_self.token = next_token();
	atomic_store_explicit(&loop->token, bri_self.token, memory_order_release);
	bri_monitor_poke();
}

/* False: the loop was taken away meanwhile. */
static bool end(struct bri_loop *loop)
{
	uint64_t mine = bri_self.token;

	if (bri_self.loop == loop && atomic_compare_exchange_strong_explicit(&loop->token, &mine, 0,
					     memory_order_acq_rel, memory_order_acquire))
		return true;
	bri_self.loop = NULL;
	return false;
}

bool bri_loop_tick(void)
{
	struct bri_loop *loop = bri_self.loop;
	uint64_t mine = bri_self.token, next;

	if (!loop)
		return false;
	next = next_token();
	if (!atomic_compare_exchange_strong_explicit(
		    &loop->token, &mine, next, memory_order_acq_rel, memory_order_acquire)) {
		bri_self.loop = NULL;
		return false;
	}
	bri_self.token = next;
	return true;
}

void bri_may_block(void)
{
	struct bri_loop *loop = bri_self.loop;
	uint64_t mine = bri_self.token;

	if (!loop)
		return;
	bri_self.loop = NULL;
	if (atomic_compare_exchange_strong(&loop->token, &mine, BRI_TOKEN_STOLEN))
		bri_threads_own(loop);
}

/* Late work waits no longer than to the kernel's next tick. */
static bool is_late(void)
{
	return bri_self.posted_ns && bri_clock_coarse_ns() != bri_self.posted_ns;
}

/* The batch, or as much of it as late work can wait for. */
static bool run_batch(struct bri_loop *loop)
{
	while (loop->batch_next < loop->batch_count && !is_late()) {
		/* a copy: once the loop is taken away its next owner fills the batch anew */
		struct epoll_event ev = loop->batch[loop->batch_next++];

		if (ev.data.ptr == &event_mark)
			continue;
		if (ev.data.ptr == &timer_mark) {
			bri_timer_expire(loop);
			continue;
		}
		if (!bri_watch_claim(ev.data.ptr, ev.events))
			continue;
		begin(loop);
		bri_watch_run(ev.data.ptr, ev.events);
		if (!end(loop))
			return false;
	}
	return true;
}

static bool run_events(struct bri_loop *loop)
{
	bool ours;

	bri_self.in_batch = loop->batch_count - loop->batch_next > 1;
	bri_self.posted_ns = 0;
	ours = run_batch(loop);
	bri_self.in_batch = false;
	return ours;
}

static bool run_item(struct bri_loop *loop, struct bri_item *item)
{
	begin(loop);
	item->run(item);
	return end(loop);
}

/* What was left to the end of the batch: all of it, then who is to be told, each of whom may block.
 */
static bool run_late(struct bri_loop *loop)
{
	struct bri_item *item;

	while ((item = bri_mpsc_pop(&loop->late)))
		item->run(item);
	while ((item = loop->told)) {
		loop->told = atomic_load_explicit(&item->next, memory_order_relaxed);
		if (!run_item(loop, item))
			return false;
	}
	return true;
}

static bool run_items(struct bri_loop *loop)
{
	struct bri_item *item;

	for (int i = 0; i < BRI_LOOP_ITEMS_MAX && (item = bri_mpsc_pop(&loop->inbox)); i++) {
		if (!run_item(loop, item))
			return false;
	}
	return true;
}

static bool is_idle(struct bri_loop *loop)
{
	return bri_mpsc_empty(&loop->inbox) && bri_mpsc_empty(&loop->late);
}

static void wait_for_events(struct bri_loop *loop)
{
	int timeout_ms = 0, n;

	if (is_idle(loop)) {
		/* announced before the second look: a producer sees it, or we see the producer's
		 * item */
		atomic_store_explicit(&loop->sleeping, true, memory_order_seq_cst);
		if (is_idle(loop))
			timeout_ms = -1;
	}
#ifdef BRAID_SANITIZED /* ThreadSanitizer learns from libc's functions that epoll_ctl() comes      \
			  before its event */
	n = epoll_wait(loop->epoll_fd, loop->batch, BRI_LOOP_BATCH, timeout_ms);
#else
	/* not libc's, which is a cancellation point: two atomic operations that nobody needs */
	n = (int)syscall(
		SYS_epoll_pwait, loop->epoll_fd, loop->batch, BRI_LOOP_BATCH, timeout_ms, NULL, 0);
#endif
	atomic_store_explicit(&loop->sleeping, false, memory_order_relaxed);
	loop->batch_next = 0;
	loop->batch_count = n > 0 ? n : 0;
}

void bri_loop_run(struct bri_loop *loop)
{
	bri_self.loop = loop;
	bri_self.epoch = ++loop->epoch;
	atomic_store_explicit(&loop->token, 0, memory_order_release);
	/* the batch goes on where the owner before us left it */
	while (run_events(loop) && run_late(loop) && run_items(loop)) {
		if (loop->batch_next == loop->batch_count)
			wait_for_events(loop);
	}
}
