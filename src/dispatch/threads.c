/* Threads: those that run loops, and workers that may block. Knows nothing of queues. */
#include "dispatch/loop.h"
#include "dispatch/queue_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SPARE_MAX     4   /* parked loop threads; more exit */
#define WORKERS_MAX   512 /* each may block for long; libdispatch's limit is of this order */
#define WORKER_IDLE_S 5   /* an idle worker's life */

static void start_thread(void *(*main)(void *), void *arg)
{
	pthread_t thread;
	sigset_t all, old;
	int error;

	sigfillset(&all); /* signals are the application's, on its own threads */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&thread, NULL, main, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error)
		bri_abort("cannot start a thread: error %d", error);
	pthread_detach(thread);
}

/* --- loop threads --- */

static pthread_mutex_t spare_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t spare_cond = PTHREAD_COND_INITIALIZER;
static struct bri_loop *ownerless[BRI_LOOPS_MAX];
static unsigned ownerless_count, spare_count;

static void *run_loops(void *arg)
{
	struct bri_loop *loop = arg;

	pthread_setname_np(pthread_self(), "braid-loop");
	while (loop) {
		bri_loop_run(loop); /* returns when the loop was given to another thread */
		loop = NULL;
		pthread_mutex_lock(&spare_lock);
		if (spare_count < SPARE_MAX) {
			spare_count++;
			while (!ownerless_count)
				pthread_cond_wait(&spare_cond, &spare_lock);
			spare_count--;
			loop = ownerless[--ownerless_count];
		}
		pthread_mutex_unlock(&spare_lock);
	}
	return NULL;
}

void bri_threads_own(struct bri_loop *loop)
{
	bool parked;

	pthread_mutex_lock(&spare_lock);
	parked = spare_count > ownerless_count;
	if (parked) {
		ownerless[ownerless_count++] = loop;
		pthread_cond_signal(&spare_cond);
	}
	pthread_mutex_unlock(&spare_lock);
	if (!parked)
		start_thread(run_loops, loop);
}

/* --- workers --- */

static pthread_mutex_t work_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work_cond;
static pthread_once_t work_once = PTHREAD_ONCE_INIT;
static _Atomic(struct bri_item *) work_head, *work_tail = &work_head;
static unsigned workers, workers_idle;
static uint64_t work_taken, work_taken_seen;

static unsigned workers_at_once; /* as many as CPUs; more only when those are stuck */

static void init_work(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_condattr_t attr;

	workers_at_once = cpus < 1 ? 1 : (unsigned)cpus;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&work_cond, &attr);
	pthread_condattr_destroy(&attr);
}

/* Under lock. */
static struct bri_item *take_work(void)
{
	struct bri_item *item = work_head;

	if (!item)
		return NULL;
	work_head = item->next;
	if (!work_head)
		work_tail = &work_head;
	work_taken++;
	return item;
}

static bool wait_for_work(void)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WORKER_IDLE_S;
	workers_idle++;
	while (!work_head) {
		if (pthread_cond_timedwait(&work_cond, &work_lock, &until) == ETIMEDOUT)
			break;
	}
	workers_idle--;
	return work_head;
}

static void *run_worker(void *arg)
{
	struct bri_item *item;

	(void)arg;
	pthread_setname_np(pthread_self(), "braid-worker");
	pthread_mutex_lock(&work_lock);
	do {
		while ((item = take_work())) {
			pthread_mutex_unlock(&work_lock);
			item->run(item);
			pthread_mutex_lock(&work_lock);
		}
	} while (wait_for_work());
	workers--;
	pthread_mutex_unlock(&work_lock);
	return NULL;
}

/* Under lock: is one more thread wanted now? */
static bool grow(unsigned limit)
{
	if (!work_head || workers_idle || workers >= limit)
		return false;
	workers++;
	return true;
}

void bri_workers_push(struct bri_item *item)
{
	bool start;

	pthread_once(&work_once, init_work);
	item->next = NULL;
	pthread_mutex_lock(&work_lock);
	*work_tail = item;
	work_tail = &item->next;
	start = grow(workers_at_once);
	if (workers_idle)
		pthread_cond_signal(&work_cond);
	pthread_mutex_unlock(&work_lock);
	if (start)
		start_thread(run_worker, NULL);
	bri_monitor_poke();
}

bool bri_workers_tick(void)
{
	bool start, waiting;

	pthread_mutex_lock(&work_lock);
	waiting = work_head;
	/* there is work and none was taken since the last tick: all workers are stuck in their
	 * items */
	start = work_taken == work_taken_seen && grow(WORKERS_MAX);
	work_taken_seen = work_taken;
	pthread_mutex_unlock(&work_lock);
	if (start)
		start_thread(run_worker, NULL);
	return waiting;
}

struct job {
	struct bri_item item;
	void *context;
	void (*fn)(void *context);
};

static void run_job(struct bri_item *item)
{
	struct job job = *bri_container_of(item, struct job, item);

	bri_pool_free(bri_container_of(item, struct job, item), sizeof(struct job));
	job.fn(job.context);
}

struct bri_item *bri_job_new(void *context, void (*fn)(void *))
{
	struct job *job = bri_pool_alloc(sizeof(*job));

	if (!job)
		bri_abort("no memory for an item");
	job->item.run = run_job;
	job->context = context;
	job->fn = fn;
	return &job->item;
}

void bri_worker(void *context, void (*fn)(void *context))
{
	bri_workers_push(bri_job_new(context, fn));
}

void bri_async(struct dispatch_queue_s *queue, void *context, void (*fn)(void *context))
{
	bri_queue_push(queue, bri_job_new(context, fn));
}
