/* What the tests of queues share: a log of numbers, waits with a limit, producers, blockers. */
#ifndef DISPATCH_TEST_UTIL_H
#define DISPATCH_TEST_UTIL_H

#include <dispatch/dispatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/object.h"
#include "dispatch/runtime.h"

#define WAIT_S 30

static inline void wait_for(sem_t *sem)
{
	struct timespec until;
	int result;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	do
		result = sem_timedwait(sem, &until);
	while (result < 0 && errno == EINTR);
	assert_int_equal(result, 0);
}

static inline bool came_within_ms(sem_t *sem, unsigned ms)
{
	struct timespec until;
	int result;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += (long)ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	do
		result = sem_timedwait(sem, &until);
	while (result < 0 && errno == EINTR);
	return result == 0;
}

static inline void post(void *sem)
{
	sem_post(sem);
}

static inline void nothing(void *context)
{
	(void)context;
}

/* One log of small numbers. */
struct log {
	pthread_mutex_t lock;
	int entries[100000];
	_Atomic int count;
	_Atomic int running;
	bool overlapped;
	sem_t done;
};

struct job {
	struct log *log;
	int number;
};

static struct log the_log;

static inline int log_setup(void **state)
{
	memset(&the_log, 0, sizeof(the_log));
	pthread_mutex_init(&the_log.lock, NULL);
	sem_init(&the_log.done, 0, 0);
	*state = &the_log;
	return 0;
}

static inline void log_number(void *context)
{
	struct job job = *(struct job *)context;

	if (atomic_fetch_add(&job.log->running, 1))
		job.log->overlapped = true;
	pthread_mutex_lock(&job.log->lock);
	job.log->entries[job.log->count++] = job.number;
	pthread_mutex_unlock(&job.log->lock);
	atomic_fetch_sub(&job.log->running, 1);
}

static inline void log_and_free(void *context)
{
	log_number(context);
	free(context);
}

static inline void add(dispatch_queue_t queue, struct log *log, int number)
{
	struct job *job = malloc(sizeof(*job));

	*job = (struct job) { log, number };
	dispatch_async_f(queue, job, log_and_free);
}

/* The entries of each producer (number / 10000) are in its order. */
static inline void assert_ordered(struct log *log, int producers, int each)
{
	int next[16] = { 0 };

	assert_int_equal(log->count, producers * each);
	for (int i = 0; i < log->count; i++) {
		int producer = log->entries[i] / 10000;

		assert_int_equal(log->entries[i] % 10000, next[producer]++);
	}
	assert_false(log->overlapped);
}

struct producer {
	dispatch_queue_t queue;
	struct log *log;
	int number, syncs;
};

static inline void *produce(void *arg)
{
	struct producer *p = arg;

	for (int i = 0; i < 3000; i++) {
		struct job job = { p->log, p->number * 10000 + i };

		if (i % p->syncs == 0)
			dispatch_sync_f(p->queue, &job, log_number);
		else
			add(p->queue, p->log, job.number);
	}
	return NULL;
}

static inline void produce_from_threads(dispatch_queue_t queue, struct log *log, int syncs)
{
	struct producer producers[4];
	pthread_t threads[4];

	for (int i = 0; i < 4; i++) {
		producers[i] = (struct producer) { queue, log, i, syncs };
		assert_int_equal(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	dispatch_sync_f(queue, NULL, nothing);
}

struct on_queue {
	dispatch_queue_t queue, other;
	const char *seen_label;
	sem_t done;
};

static inline void check_identity(void *context)
{
	struct on_queue *on = context;

	dispatch_assert_queue(on->queue);
	dispatch_assert_queue_not(on->other);
	on->seen_label = dispatch_queue_get_label(DISPATCH_CURRENT_QUEUE_LABEL);
	sem_post(&on->done);
}

struct blocker {
	sem_t begun, go;
};

static inline void block(void *context)
{
	struct blocker *b = context;

	sem_post(&b->begun);
	wait_for(&b->go);
}

#endif
