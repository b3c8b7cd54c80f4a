/*
 * The monitor: takes a loop from an owner that has been in one handler for a few ms, so that a
 * handler that blocks never stalls other queues; and adds workers when all of them are stuck.
 * It sleeps while nothing happens: an idle process is not woken.
 */
#include "dispatch/loop.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS     (4 * BRI_NS_PER_MS) /* a handler that runs for one to two ticks loses its loop */
#define QUIET_TICKS 25                  /* ticks without any work before the monitor sleeps */

_Atomic bool bri_monitor_awake;
static _Atomic uint32_t wakes;
static pthread_once_t monitor_once = PTHREAD_ONCE_INIT;
static struct bri_loop *_Atomic watched[BRI_LOOPS_MAX];
static _Atomic unsigned watched_count;

static void futex_wait(_Atomic uint32_t *word, uint32_t value)
{
	syscall(SYS_futex, (uint32_t *)word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

void bri_monitor_wake(void)
{
	if (atomic_exchange(&bri_monitor_awake, true))
		return;
	atomic_fetch_add(&wakes, 1);
	syscall(SYS_futex, (uint32_t *)&wakes, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* True: something ran since the last look. */
static bool look_at(struct bri_loop *loop)
{
	uint64_t token = atomic_load_explicit(&loop->token, memory_order_acquire);
	bool moved = token != loop->seen_token;

	if (!moved && token && token != BRI_TOKEN_STOLEN &&
		atomic_compare_exchange_strong(&loop->token, &token, BRI_TOKEN_STOLEN))
		bri_threads_own(loop);
	loop->seen_token = token;
	/* a token that is seen is work in progress, whether it is the one of the last look or not
	 */
	return moved || (token && token != BRI_TOKEN_STOLEN);
}

static bool look_at_all(void)
{
	bool busy = bri_workers_tick();
	unsigned count = atomic_load(&watched_count);

	for (unsigned i = 0; i < count; i++)
		busy |= look_at(atomic_load(&watched[i]));
	return busy;
}

static void tick(void)
{
	struct timespec ts = { .tv_nsec = TICK_NS };

	nanosleep(&ts, NULL);
}

static void *run_monitor(void *arg)
{
	(void)arg;
	pthread_setname_np(pthread_self(), "braid-monitor");
	for (;;) {
		unsigned quiet = 0;
		uint32_t seen;

		while (quiet < QUIET_TICKS) {
			tick();
			quiet = look_at_all() ? 0 : quiet + 1;
		}
		seen = atomic_load(&wakes);
		atomic_store(&bri_monitor_awake, false);
		/* Who looked at the flag just before sees it late: one more look after everyone's
		 * stores have landed. */
		tick();
		if (look_at_all())
			bri_monitor_wake();
		while (!atomic_load(&bri_monitor_awake))
			futex_wait(&wakes, seen);
	}
	return NULL;
}

static void start_monitor(void)
{
	pthread_t thread;
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	atomic_store(&bri_monitor_awake, true);
	if (pthread_create(&thread, NULL, run_monitor, NULL) == 0)
		pthread_detach(thread);
	else
		bri_abort("cannot start a thread");
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void bri_monitor_add(struct bri_loop *loop)
{
	unsigned i = atomic_load(&watched_count);

	atomic_store(&watched[i], loop);
	atomic_store(&watched_count, i + 1);
	pthread_once(&monitor_once, start_monitor);
}
