/* Queues, watches and timers: order, blocking, suspension, targets, and what an idle process costs.
 */
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

static void wait_for(sem_t *sem)
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

static bool came_within_ms(sem_t *sem, unsigned ms)
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

static void post(void *sem)
{
	sem_post(sem);
}

static void nothing(void *context)
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

static int log_setup(void **state)
{
	memset(&the_log, 0, sizeof(the_log));
	pthread_mutex_init(&the_log.lock, NULL);
	sem_init(&the_log.done, 0, 0);
	*state = &the_log;
	return 0;
}

static void log_number(void *context)
{
	struct job job = *(struct job *)context;

	if (atomic_fetch_add(&job.log->running, 1))
		job.log->overlapped = true;
	pthread_mutex_lock(&job.log->lock);
	job.log->entries[job.log->count++] = job.number;
	pthread_mutex_unlock(&job.log->lock);
	atomic_fetch_sub(&job.log->running, 1);
}

static void log_and_free(void *context)
{
	log_number(context);
	free(context);
}

static void add(dispatch_queue_t queue, struct log *log, int number)
{
	struct job *job = malloc(sizeof(*job));

	*job = (struct job) { log, number };
	dispatch_async_f(queue, job, log_and_free);
}

/* The entries of each producer (number / 10000) are in its order. */
static void assert_ordered(struct log *log, int producers, int each)
{
	int next[16] = { 0 };

	assert_int_equal(log->count, producers * each);
	for (int i = 0; i < log->count; i++) {
		int producer = log->entries[i] / 10000;

		assert_int_equal(log->entries[i] % 10000, next[producer]++);
	}
	assert_false(log->overlapped);
}

/* --- serial --- */

static void serial_queues_keep_the_order(void **state)
{
	struct log *log = *state;
	dispatch_queue_t queue = dispatch_queue_create("order", NULL);

	for (int i = 0; i < 5000; i++)
		add(queue, log, i);
	dispatch_sync_f(queue, NULL, nothing);
	assert_ordered(log, 1, 5000);
	dispatch_release(queue);
}

struct producer {
	dispatch_queue_t queue;
	struct log *log;
	int number, syncs;
};

static void *produce(void *arg)
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

static void produce_from_threads(dispatch_queue_t queue, struct log *log, int syncs)
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

static void asyncs_and_syncs_from_many_threads(void **state)
{
	struct log *log = *state;
	dispatch_queue_t queue = dispatch_queue_create("load", NULL);

	produce_from_threads(queue, log, 7);
	assert_ordered(log, 4, 3000);
	dispatch_release(queue);
}

static void only_syncs_from_many_threads(void **state)
{
	struct log *log = *state;
	dispatch_queue_t queue = dispatch_queue_create("syncs", NULL);

	produce_from_threads(queue, log, 1);
	assert_ordered(log, 4, 3000);
	dispatch_release(queue);
}

struct on_queue {
	dispatch_queue_t queue, other;
	const char *seen_label;
	sem_t done;
};

static void check_identity(void *context)
{
	struct on_queue *on = context;

	dispatch_assert_queue(on->queue);
	dispatch_assert_queue_not(on->other);
	on->seen_label = dispatch_queue_get_label(DISPATCH_CURRENT_QUEUE_LABEL);
	sem_post(&on->done);
}

static void a_handler_knows_its_queue(void **state)
{
	struct on_queue on = { dispatch_queue_create("mine", NULL),
		dispatch_queue_create("other", NULL), NULL, { { 0 } } };

	(void)state;
	sem_init(&on.done, 0, 0);
	dispatch_async_f(on.queue, &on, check_identity);
	wait_for(&on.done);
	assert_string_equal(on.seen_label, "mine");
	on.seen_label = NULL;
	dispatch_sync_f(on.queue, &on, check_identity);
	assert_string_equal(on.seen_label, "mine");
	dispatch_release(on.queue);
	dispatch_release(on.other);
}

/* the queue lives until its last item has run */
static void release_with_items_waiting(void **state)
{
	struct log *log = *state;
	dispatch_queue_t queue = dispatch_queue_create("gone", NULL);

	for (int i = 0; i < 100; i++)
		add(queue, log, i);
	dispatch_async_f(queue, &log->done, post);
	dispatch_release(queue);
	wait_for(&log->done);
	assert_ordered(log, 1, 100);
}

/* --- blocking --- */

struct blocker {
	sem_t begun, go;
};

static void block(void *context)
{
	struct blocker *b = context;

	sem_post(&b->begun);
	wait_for(&b->go);
}

static void a_blocked_handler_stalls_no_other_queue(void **state)
{
	struct blocker blockers[4];
	dispatch_queue_t blocked[4], others[8];
	sem_t done;

	(void)state;
	sem_init(&done, 0, 0);
	for (int i = 0; i < 8; i++)
		others[i] = dispatch_queue_create("other", NULL);
	/* more of them than there are loops on this machine, most likely */
	for (int i = 0; i < 4; i++) {
		sem_init(&blockers[i].begun, 0, 0);
		sem_init(&blockers[i].go, 0, 0);
		blocked[i] = dispatch_queue_create("blocked", NULL);
		dispatch_async_f(blocked[i], &blockers[i], block);
	}
	for (int i = 0; i < 4; i++)
		wait_for(&blockers[i].begun);
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 8; i++)
			dispatch_async_f(others[i], &done, post);
		for (int i = 0; i < 8; i++)
			wait_for(&done);
	}
	for (int i = 0; i < 4; i++) {
		sem_post(&blockers[i].go);
		dispatch_sync_f(blocked[i], NULL, nothing); /* it rejoins */
		dispatch_release(blocked[i]);
	}
	for (int i = 0; i < 8; i++)
		dispatch_release(others[i]);
}

struct waits_for_watch {
	sem_t begun, seen;
	int fd;
};

static void on_other_ready(void *context, uint32_t events)
{
	struct waits_for_watch *w = context;

	if (events & EPOLLIN)
		sem_post(&w->seen);
}

static void block_until_seen(void *context)
{
	struct waits_for_watch *w = context;

	sem_post(&w->begun);
	wait_for(&w->seen); /* what it waits for comes from descriptors of all loops */
}

static void descriptors_are_served_while_handlers_block(void **state)
{
	struct waits_for_watch w[6];
	struct bri_watch *watches[6];
	dispatch_queue_t queues[6], waiting[6];
	uint64_t one = 1;

	(void)state;
	for (int i = 0; i < 6; i++) {
		sem_init(&w[i].begun, 0, 0);
		sem_init(&w[i].seen, 0, 0);
		w[i].fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		queues[i] = dispatch_queue_create("watching", NULL);
		waiting[i] = dispatch_queue_create("waiting", NULL);
		assert_int_equal(
			bri_watch_new(queues[i], w[i].fd, &w[i], on_other_ready, &watches[i]), 0);
		dispatch_async_f(waiting[i], &w[i], block_until_seen);
	}
	for (int i = 0; i < 6; i++)
		wait_for(&w[i].begun);
	for (int i = 0; i < 6; i++)
		assert_int_equal(write(w[i].fd, &one, sizeof(one)), sizeof(one));
	for (int i = 0; i < 6; i++) {
		dispatch_sync_f(waiting[i], NULL, nothing);
		dispatch_sync_f(queues[i], watches[i], (dispatch_function_t)bri_watch_free);
		close(w[i].fd);
		dispatch_release(queues[i]);
		dispatch_release(waiting[i]);
	}
}

struct nested {
	dispatch_queue_t inner;
	struct log *log;
	sem_t done;
};

static void sync_inside(void *context)
{
	struct nested *n = context;
	struct job job = { n->log, 0 };

	dispatch_sync_f(n->inner, &job, log_number);
	sem_post(&n->done);
}

static void a_handler_may_sync_to_a_busy_queue(void **state)
{
	struct nested nested[6];
	struct blocker b;
	dispatch_queue_t inner = dispatch_queue_create("inner", NULL), outers[6];

	sem_init(&b.begun, 0, 0);
	sem_init(&b.go, 0, 0);
	dispatch_async_f(inner, &b, block);
	wait_for(&b.begun);
	for (int i = 0; i < 6; i++) {
		nested[i] = (struct nested) { .inner = inner, .log = *state };
		sem_init(&nested[i].done, 0, 0);
		outers[i] = dispatch_queue_create("outer", NULL);
		dispatch_async_f(outers[i], &nested[i], sync_inside);
	}
	assert_false(came_within_ms(&nested[0].done, 20));
	sem_post(&b.go);
	for (int i = 0; i < 6; i++) {
		wait_for(&nested[i].done);
		dispatch_sync_f(outers[i], NULL, nothing);
		dispatch_release(outers[i]);
	}
	assert_int_equal(((struct log *)*state)->count, 6);
	assert_false(((struct log *)*state)->overlapped);
	dispatch_sync_f(inner, NULL, nothing);
	dispatch_release(inner);
}

/* --- suspension --- */

static void suspended_queues_run_nothing(void **state)
{
	struct log *log = *state;
	dispatch_queue_t queue = dispatch_queue_create("suspended", NULL);

	dispatch_suspend(queue);
	dispatch_suspend(queue);
	for (int i = 0; i < 10; i++)
		add(queue, log, i);
	dispatch_async_f(queue, &log->done, post);
	dispatch_resume(queue);
	assert_false(came_within_ms(&log->done, 50));
	assert_int_equal(log->count, 0);
	dispatch_resume(queue);
	wait_for(&log->done);
	assert_ordered(log, 1, 10);
	dispatch_release(queue);
}

static void suspend_own(void *queue)
{
	dispatch_suspend((dispatch_queue_t)queue);
}

static void a_handler_may_suspend_its_own_queue(void **state)
{
	struct log *log = *state;
	dispatch_queue_t queue = dispatch_queue_create("itself", NULL);

	dispatch_suspend(queue); /* so that all of it is queued before any runs */
	add(queue, log, 0);
	dispatch_async_f(queue, queue, suspend_own);
	add(queue, log, 1);
	dispatch_async_f(queue, &log->done, post);
	dispatch_resume(queue);
	assert_false(came_within_ms(&log->done, 50));
	assert_int_equal(log->count, 1);
	dispatch_resume(queue);
	wait_for(&log->done);
	assert_ordered(log, 1, 2);
	dispatch_release(queue);
}

static void *sync_a_job(void *arg)
{
	struct producer *p = arg;
	struct job job = { p->log, p->number };

	dispatch_sync_f(p->queue, &job, log_number);
	return NULL;
}

static void sync_waits_for_a_suspended_queue(void **state)
{
	struct log *log = *state;
	dispatch_queue_t queue = dispatch_queue_create("paused", NULL);
	struct producer p = { queue, log, 0, 1 };
	struct pollfd never = { .fd = -1 };
	pthread_t thread;

	dispatch_suspend(queue);
	assert_int_equal(pthread_create(&thread, NULL, sync_a_job, &p), 0);
	poll(&never, 1, 30);
	assert_int_equal(log->count, 0);
	dispatch_resume(queue);
	pthread_join(thread, NULL);
	assert_int_equal(log->count, 1);
	dispatch_release(queue);
}

static void *flip(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		dispatch_suspend((dispatch_queue_t)arg);
		dispatch_resume((dispatch_queue_t)arg);
	}
	return NULL;
}

static void suspending_under_load_loses_nothing(void **state)
{
	struct log *log = *state;
	dispatch_queue_t queue = dispatch_queue_create("flipped", NULL);
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, flip, queue), 0);
	produce_from_threads(queue, log, 11);
	pthread_join(thread, NULL);
	assert_ordered(log, 4, 3000);
	dispatch_release(queue);
}

static void inactive_queues_wait_for_activation(void **state)
{
	struct log *log = *state;
	dispatch_queue_t queue = dispatch_queue_create(
		"inactive", dispatch_queue_attr_make_initially_inactive(NULL));

	add(queue, log, 0);
	dispatch_async_f(queue, &log->done, post);
	assert_false(came_within_ms(&log->done, 50));
	dispatch_activate(queue);
	dispatch_activate(queue); /* more than once is harmless */
	wait_for(&log->done);
	assert_int_equal(log->count, 1);
	dispatch_release(queue);
}

static bool child_dies(void (*fn)(void), int signal_number)
{
	const struct rlimit no_core = { 0 };
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		fclose(stderr);
		alarm(WAIT_S);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return signal_number ? WIFSIGNALED(status) && WTERMSIG(status) == signal_number
			     : WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void resume_too_often(void)
{
	dispatch_resume(dispatch_queue_create("once", NULL));
}

static void sync_to_itself(void *queue)
{
	dispatch_sync_f((dispatch_queue_t)queue, NULL, nothing);
}

static void deadlock(void)
{
	dispatch_queue_t queue = dispatch_queue_create("self", NULL);

	dispatch_sync_f(queue, queue, sync_to_itself);
}

static void wrong_queue(void)
{
	dispatch_assert_queue(dispatch_queue_create("not-here", NULL));
}

static void fail_if_run(void *context)
{
	(void)context;
	_exit(7);
}

/* the main queue belongs to dispatch_main(): nothing of it runs before */
static void main_queue_waits(void)
{
	struct pollfd never = { .fd = -1 };
	dispatch_queue_t other = dispatch_queue_create("other", NULL);

	dispatch_async_f(dispatch_get_main_queue(), NULL, fail_if_run);
	dispatch_sync_f(other, NULL, nothing);
	poll(&never, 1, 100);
	_exit(0);
}

static void leave_well(void *context)
{
	(void)context;
	dispatch_assert_queue(dispatch_get_main_queue());
	_exit(0);
}

static void main_queue_runs(void)
{
	dispatch_async_f(dispatch_get_main_queue(), NULL, leave_well);
	dispatch_main();
}

/* before any other test: a child has only the thread that forked it */
static void misuse_and_the_main_queue(void **state)
{
	(void)state;
	assert_true(child_dies(resume_too_often, SIGABRT));
	assert_true(child_dies(deadlock, SIGABRT));
	assert_true(child_dies(wrong_queue, SIGABRT));
	assert_true(child_dies(main_queue_waits, 0));
	assert_true(child_dies(main_queue_runs, 0));
}

/* --- targets --- */

static void queues_with_one_serial_target_exclude_each_other(void **state)
{
	struct log *log = *state;
	dispatch_queue_t target = dispatch_queue_create("target", NULL), queues[4];

	for (int i = 0; i < 4; i++)
		queues[i] = dispatch_queue_create_with_target("q", NULL, target);
	for (int i = 0; i < 2000; i++) {
		for (int q = 0; q < 4; q++)
			add(queues[q], log, q * 10000 + i);
	}
	for (int q = 0; q < 4; q++) {
		dispatch_sync_f(queues[q], NULL, nothing);
		dispatch_release(queues[q]);
	}
	assert_ordered(log, 4, 2000);
	dispatch_release(target);
}

static void syncs_through_a_target(void **state)
{
	struct log *log = *state;
	dispatch_queue_t target = dispatch_queue_create("target", NULL);
	dispatch_queue_t middle = dispatch_queue_create_with_target("middle", NULL, target);
	dispatch_queue_t queue = dispatch_queue_create_with_target("q", NULL, middle);

	produce_from_threads(queue, log, 3);
	assert_ordered(log, 4, 3000);
	dispatch_release(queue);
	dispatch_release(middle);
	dispatch_release(target);
}

static void a_concurrent_target_keeps_each_queue_serial(void **state)
{
	struct log *log = *state;
	dispatch_queue_t target = dispatch_queue_create("target", DISPATCH_QUEUE_CONCURRENT);
	dispatch_queue_t queue = dispatch_queue_create_with_target("q", NULL, target);

	produce_from_threads(queue, log, 5);
	assert_ordered(log, 4, 3000);
	dispatch_release(queue);
	dispatch_release(target);
}

static void a_suspended_target_holds_its_queues(void **state)
{
	struct log *log = *state;
	dispatch_queue_t target = dispatch_queue_create("target", NULL);
	dispatch_queue_t queue = dispatch_queue_create_with_target("q", NULL, target);

	dispatch_suspend(target);
	dispatch_async_f(queue, &log->done, post);
	assert_false(came_within_ms(&log->done, 50));
	dispatch_resume(target);
	wait_for(&log->done);
	dispatch_release(queue);
	dispatch_release(target);
}

static void set_target_before_use(void **state)
{
	struct on_queue on = { dispatch_queue_create("target", NULL),
		dispatch_queue_create("other", NULL), NULL, { { 0 } } };
	dispatch_queue_t queue = dispatch_queue_create("q", NULL);

	(void)state;
	sem_init(&on.done, 0, 0);
	dispatch_set_target_queue(queue, on.queue);
	dispatch_async_f(queue, &on, check_identity);
	wait_for(&on.done);
	assert_string_equal(on.seen_label, "q");
	dispatch_release(queue);
	dispatch_release(on.queue);
	dispatch_release(on.other);
}

/* --- concurrent --- */

static void concurrent_items_run_at_once(void **state)
{
	struct blocker blockers[6];
	dispatch_queue_t queue = dispatch_queue_create("concurrent", DISPATCH_QUEUE_CONCURRENT);

	(void)state;
	for (int i = 0; i < 6; i++) {
		sem_init(&blockers[i].begun, 0, 0);
		sem_init(&blockers[i].go, 0, 0);
		dispatch_async_f(queue, &blockers[i], block);
	}
	for (int i = 0; i < 6; i++)
		wait_for(&blockers[i].begun);
	for (int i = 0; i < 6; i++)
		sem_post(&blockers[i].go);
	dispatch_barrier_sync_f(queue, NULL, nothing);
	dispatch_release(queue);
}

struct shared {
	_Atomic int readers, writers;
	_Atomic bool mixed;
	int value; /* written in barriers only */
	_Atomic int reads;
};

static void reader(void *context)
{
	struct shared *s = context;

	atomic_fetch_add(&s->readers, 1);
	if (atomic_load(&s->writers))
		atomic_store(&s->mixed, true);
	if (s->value < 0)
		atomic_store(&s->mixed, true);
	atomic_fetch_add(&s->reads, 1);
	atomic_fetch_sub(&s->readers, 1);
}

static void writer(void *context)
{
	struct shared *s = context;

	if (atomic_fetch_add(&s->writers, 1) || atomic_load(&s->readers))
		atomic_store(&s->mixed, true);
	s->value++;
	atomic_fetch_sub(&s->writers, 1);
}

struct mixer {
	dispatch_queue_t queue;
	struct shared *shared;
};

static void *mix(void *arg)
{
	struct mixer *m = arg;

	for (int i = 0; i < 500; i++) {
		dispatch_async_f(m->queue, m->shared, reader);
		if (i % 10 == 0)
			dispatch_barrier_async_f(m->queue, m->shared, writer);
		if (i % 25 == 0)
			dispatch_sync_f(m->queue, m->shared, reader);
		if (i % 50 == 0)
			dispatch_barrier_sync_f(m->queue, m->shared, writer);
	}
	return NULL;
}

static void barriers_run_alone(void **state)
{
	dispatch_queue_t queue = dispatch_queue_create("barriers", DISPATCH_QUEUE_CONCURRENT);
	static struct shared shared;
	struct mixer m = { queue, &shared };
	pthread_t threads[3];

	(void)state;
	memset(&shared, 0, sizeof(shared));
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, mix, &m), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	dispatch_barrier_sync_f(queue, NULL, nothing);
	assert_false(shared.mixed);
	assert_int_equal(shared.reads, 3 * (500 + 20));
	assert_int_equal(shared.value, 3 * (50 + 10));
	dispatch_release(queue);
}

static void a_barrier_on_a_serial_queue_is_an_item(void **state)
{
	struct log *log = *state;
	dispatch_queue_t queue = dispatch_queue_create("serial", NULL);
	struct job last = { log, 2 };

	add(queue, log, 0);
	dispatch_barrier_async_f(queue, &(struct job) { log, 1 }, log_number);
	dispatch_barrier_sync_f(queue, &last, log_number);
	assert_ordered(log, 1, 3);
	dispatch_release(queue);
}

static void suspended_concurrent_queues_wait(void **state)
{
	struct log *log = *state;
	dispatch_queue_t queue = dispatch_queue_create("concurrent", DISPATCH_QUEUE_CONCURRENT);

	dispatch_suspend(queue);
	dispatch_async_f(queue, &log->done, post);
	assert_false(came_within_ms(&log->done, 50));
	dispatch_resume(queue);
	wait_for(&log->done);
	dispatch_release(queue);
}

static void global_queues_run_blocking_work_side_by_side(void **state)
{
	struct blocker blockers[20];

	(void)state;
	for (int i = 0; i < 20; i++) {
		sem_init(&blockers[i].begun, 0, 0);
		sem_init(&blockers[i].go, 0, 0);
		dispatch_async_f(dispatch_get_global_queue(0, 0), &blockers[i], block);
	}
	for (int i = 0; i < 20; i++)
		wait_for(&blockers[i].begun);
	for (int i = 0; i < 20; i++)
		sem_post(&blockers[i].go);
	/* the blockers are on this stack */
	for (int i = 0; i < 20; i++) {
		int value = 1;

		while (value > 0) {
			sched_yield();
			sem_getvalue(&blockers[i].go, &value);
		}
	}
}

/* --- time --- */

struct alarm {
	uint64_t fired_ns;
	sem_t done;
};

static void ring(void *context)
{
	struct alarm *a = context;

	a->fired_ns = bri_clock_now_ns();
	sem_post(&a->done);
}

static void after_fires_not_before_its_time(void **state)
{
	dispatch_queue_t queue = dispatch_queue_create("after", NULL);
	struct alarm a[3];
	uint64_t begin_ns = bri_clock_now_ns();

	(void)state;
	for (int i = 0; i < 3; i++)
		sem_init(&a[i].done, 0, 0);
	dispatch_after_f(dispatch_time(DISPATCH_TIME_NOW, 60 * NSEC_PER_MSEC), queue, &a[0], ring);
	dispatch_after_f(dispatch_time(DISPATCH_TIME_NOW, 20 * NSEC_PER_MSEC), queue, &a[1], ring);
	dispatch_after_f(DISPATCH_TIME_NOW, queue, &a[2], ring);
	for (int i = 0; i < 3; i++)
		wait_for(&a[i].done);
	assert_true(a[0].fired_ns >= begin_ns + 60 * NSEC_PER_MSEC);
	assert_true(a[1].fired_ns >= begin_ns + 20 * NSEC_PER_MSEC);
	assert_true(a[1].fired_ns <= a[0].fired_ns);
	assert_true(a[2].fired_ns <= a[1].fired_ns);
	dispatch_release(queue);
}

static void after_on_a_global_queue(void **state)
{
	struct alarm a;

	(void)state;
	sem_init(&a.done, 0, 0);
	dispatch_after_f(dispatch_time(DISPATCH_TIME_NOW, 5 * NSEC_PER_MSEC),
		dispatch_get_global_queue(0, 0), &a, ring);
	wait_for(&a.done);
}

struct timed {
	struct bri_timer *timer;
	dispatch_queue_t queue;
	int fired;
	sem_t done;
};

static void count_fire(void *context)
{
	struct timed *t = context;

	t->fired++;
	sem_post(&t->done);
}

static void arm_soon(void *context)
{
	struct timed *t = context;

	bri_timer_set(t->timer, bri_clock_now_ns() + 5 * NSEC_PER_MSEC);
}

static void arm_past(void *context)
{
	struct timed *t = context;

	bri_timer_set(t->timer, 1);
	assert_int_equal(t->fired, 0); /* never inside */
}

/* it is due by the time it is disarmed: the queue was busy */
static void arm_wait_disarm(void *context)
{
	struct timed *t = context;
	struct pollfd never = { .fd = -1 };

	bri_timer_set(t->timer, bri_clock_now_ns());
	poll(&never, 1, 30);
	bri_timer_set(t->timer, BRI_NEVER);
}

static void arm_wait_free(void *context)
{
	struct timed *t = context;
	struct pollfd never = { .fd = -1 };

	bri_timer_set(t->timer, bri_clock_now_ns());
	poll(&never, 1, 30);
	bri_timer_free(t->timer);
	t->timer = NULL;
}

static void free_timer(void *context)
{
	struct timed *t = context;

	bri_timer_free(t->timer);
	t->timer = NULL;
}

static void timed_setup(struct timed *t)
{
	*t = (struct timed) { .queue = dispatch_queue_create("timed", NULL) };
	sem_init(&t->done, 0, 0);
	assert_int_equal(bri_timer_new(t->queue, t, count_fire, &t->timer), 0);
}

static void timed_teardown(struct timed *t)
{
	dispatch_sync_f(t->queue, t, free_timer);
	dispatch_sync_f(t->queue, NULL, nothing);
	dispatch_release(t->queue);
}

static void a_timer_fires_once_each_time_it_is_armed(void **state)
{
	struct timed t;

	(void)state;
	timed_setup(&t);
	for (int i = 1; i <= 3; i++) {
		dispatch_sync_f(t.queue, &t, arm_soon);
		wait_for(&t.done);
		dispatch_sync_f(t.queue, NULL, nothing);
		assert_int_equal(t.fired, i);
	}
	assert_false(came_within_ms(&t.done, 20));
	t.fired = 0;
	dispatch_sync_f(t.queue, &t, arm_past);
	wait_for(&t.done);
	timed_teardown(&t);
}

static void a_disarmed_timer_does_not_fire_though_it_was_due(void **state)
{
	struct timed t;

	(void)state;
	timed_setup(&t);
	dispatch_sync_f(t.queue, &t, arm_wait_disarm);
	assert_false(came_within_ms(&t.done, 40));
	assert_int_equal(t.fired, 0);
	dispatch_sync_f(t.queue, &t, arm_soon); /* and it is not broken */
	wait_for(&t.done);
	dispatch_sync_f(t.queue, NULL, nothing);
	dispatch_sync_f(t.queue, &t, arm_wait_free);
	assert_false(came_within_ms(&t.done, 40));
	assert_int_equal(t.fired, 1);
	timed_teardown(&t);
}

struct many {
	struct bri_timer *timers[500];
	uint64_t deadlines[500];
	uint64_t last_ns;
	int fired, early, disordered;
	sem_t done;
};

struct one_of {
	struct many *many;
	int index;
};

static void fire_one(void *context)
{
	struct one_of *one = context;
	struct many *m = one->many;

	m->early += bri_clock_now_ns() < m->deadlines[one->index];
	m->disordered += m->deadlines[one->index] < m->last_ns;
	m->last_ns = m->deadlines[one->index];
	if (++m->fired == 500)
		sem_post(&m->done);
}

static void set_all(void *context)
{
	struct many *m = context;
	uint64_t now_ns = bri_clock_now_ns();

	for (int i = 0; i < 500; i++) {
		m->deadlines[i] = now_ns + 20 * NSEC_PER_MSEC + (uint64_t)(i * 7919 % 500) * 50000;
		bri_timer_set(m->timers[i], m->deadlines[i] + 1000000000);
		bri_timer_set(m->timers[i], m->deadlines[i]); /* moved: only the second counts */
	}
}

static void free_all(void *context)
{
	struct many *m = context;

	for (int i = 0; i < 500; i++)
		bri_timer_free(m->timers[i]);
}

static void many_timers_fire_in_the_order_of_their_deadlines(void **state)
{
	static struct many m;
	static struct one_of ones[500];
	dispatch_queue_t queue = dispatch_queue_create("many", NULL);

	(void)state;
	memset(&m, 0, sizeof(m));
	sem_init(&m.done, 0, 0);
	for (int i = 0; i < 500; i++) {
		ones[i] = (struct one_of) { &m, i };
		assert_int_equal(bri_timer_new(queue, &ones[i], fire_one, &m.timers[i]), 0);
	}
	dispatch_sync_f(queue, &m, set_all);
	wait_for(&m.done);
	dispatch_sync_f(queue, &m, free_all);
	assert_int_equal(m.fired, 500);
	assert_int_equal(m.early, 0);
	assert_int_equal(m.disordered, 0);
	dispatch_release(queue);
}

/* --- watches --- */

struct watched {
	dispatch_queue_t queue;
	struct bri_watch *watch;
	int fds[2];
	int told, other;
	sem_t done;
};

static void on_ready(void *context, uint32_t events)
{
	struct watched *w = context;
	char buf[64];

	if (!(events & EPOLLIN))
		return;
	while (recv(w->fds[0], buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	w->told++;
	sem_post(&w->done);
}

static void on_ready_other(void *context, uint32_t events)
{
	struct watched *w = context;

	if (events & EPOLLIN) {
		w->other++;
		sem_post(&w->done);
	}
}

static void retarget(void *context)
{
	struct watched *w = context;

	bri_watch_retarget(w->watch, w, on_ready_other);
}

static void free_watch(void *context)
{
	struct watched *w = context;

	bri_watch_free(w->watch);
	w->watch = NULL;
}

/* an event comes while the queue is busy, and the watch goes before the queue gets to it */
static void write_wait_free(void *context)
{
	struct watched *w = context;
	struct pollfd never = { .fd = -1 };

	assert_int_equal(send(w->fds[1], "x", 1, 0), 1);
	poll(&never, 1, 30);
	free_watch(w);
}

static void watched_setup(struct watched *w, dispatch_queue_t target)
{
	*w = (struct watched) { .queue = dispatch_queue_create_with_target(
					"watched", NULL, target) };
	sem_init(&w->done, 0, 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, w->fds), 0);
	assert_int_equal(bri_watch_new(w->queue, w->fds[0], w, on_ready, &w->watch), 0);
}

static void watched_teardown(struct watched *w)
{
	dispatch_sync_f(w->queue, w, free_watch);
	close(w->fds[0]);
	close(w->fds[1]);
	dispatch_sync_f(w->queue, NULL, nothing);
	dispatch_release(w->queue);
}

static void each_edge_is_told(void **state)
{
	struct watched w;

	(void)state;
	watched_setup(&w, NULL);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(send(w.fds[1], "x", 1, 0), 1);
		wait_for(&w.done);
	}
	assert_int_equal(w.told, 200);
	dispatch_sync_f(w.queue, &w, retarget);
	assert_int_equal(send(w.fds[1], "x", 1, 0), 1);
	wait_for(&w.done);
	watched_teardown(&w);
	assert_int_equal(w.told, 200);
	assert_int_equal(w.other, 1);
}

static void nothing_is_told_after_free(void **state)
{
	struct watched w;

	(void)state;
	for (int i = 0; i < 5; i++) {
		watched_setup(&w, NULL);
		dispatch_sync_f(w.queue, &w, write_wait_free);
		assert_false(came_within_ms(&w.done, 10));
		assert_int_equal(w.told, 0);
		watched_teardown(&w);
	}
}

static void a_watch_of_a_suspended_queue_waits(void **state)
{
	struct watched w;

	(void)state;
	watched_setup(&w, NULL);
	dispatch_suspend(w.queue);
	assert_int_equal(send(w.fds[1], "x", 1, 0), 1);
	assert_false(came_within_ms(&w.done, 30));
	dispatch_resume(w.queue);
	wait_for(&w.done);
	watched_teardown(&w);
}

static void a_watch_of_a_targeted_queue(void **state)
{
	dispatch_queue_t target = dispatch_queue_create("target", NULL);
	struct watched w;

	(void)state;
	watched_setup(&w, target);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(send(w.fds[1], "x", 1, 0), 1);
		wait_for(&w.done);
	}
	watched_teardown(&w);
	dispatch_release(target);
}

/* events, syncs from threads and freeing at once: for the sanitizers */
static void *sync_all_the_time(void *arg)
{
	for (int i = 0; i < 3000; i++)
		dispatch_sync_f((dispatch_queue_t)arg, NULL, nothing);
	return NULL;
}

static void watches_come_and_go_under_load(void **state)
{
	struct watched w[8];
	pthread_t threads[8];

	(void)state;
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 8; i++) {
			watched_setup(&w[i], NULL);
			assert_int_equal(
				pthread_create(&threads[i], NULL, sync_all_the_time, w[i].queue),
				0);
		}
		for (int n = 0; n < 100; n++) {
			for (int i = 0; i < 8; i++)
				assert_int_equal(send(w[i].fds[1], "x", 1, 0), 1);
		}
		for (int i = 0; i < 8; i++)
			dispatch_sync_f(w[i].queue, &w[i], free_watch);
		for (int i = 0; i < 8; i++) {
			pthread_join(threads[i], NULL);
			watched_teardown(&w[i]);
		}
	}
}

/* --- specifics and contexts --- */

static char key_a, key_b;
static _Atomic int destroyed;
static sem_t destroyed_sem;

static void count_destroyed(void *value)
{
	(void)value;
	atomic_fetch_add(&destroyed, 1);
	sem_post(&destroyed_sem);
}

static void get_specific(void *context)
{
	void **values = context;

	values[0] = dispatch_get_specific(&key_a);
	values[1] = dispatch_get_specific(&key_b);
}

static void specifics_are_found_on_the_queue_and_its_targets(void **state)
{
	dispatch_queue_t target = dispatch_queue_create("target", NULL);
	dispatch_queue_t queue = dispatch_queue_create_with_target("q", NULL, target);
	void *values[2] = { NULL, NULL };
	int a, b, c;

	(void)state;
	atomic_store(&destroyed, 0);
	sem_init(&destroyed_sem, 0, 0);
	dispatch_queue_set_specific(queue, &key_a, &a, count_destroyed);
	dispatch_queue_set_specific(target, &key_a, &b, NULL);
	dispatch_queue_set_specific(target, &key_b, &b, NULL);
	dispatch_sync_f(queue, values, get_specific);
	assert_ptr_equal(values[0], &a);
	assert_ptr_equal(values[1], &b);
	assert_null(dispatch_get_specific(&key_a));
	assert_null(dispatch_queue_get_specific(queue, &key_b));         /* of this queue alone */
	dispatch_queue_set_specific(queue, &key_a, &c, count_destroyed); /* the old one goes */
	wait_for(&destroyed_sem);
	assert_ptr_equal(dispatch_queue_get_specific(queue, &key_a), &c);
	dispatch_release(queue);
	wait_for(&destroyed_sem);
	assert_int_equal(atomic_load(&destroyed), 2);
	dispatch_release(target);
}

static void the_finalizer_gets_the_context_when_the_queue_is_done(void **state)
{
	dispatch_queue_t queue = dispatch_queue_create("finalized", NULL);
	sem_t done;

	(void)state;
	sem_init(&done, 0, 0);
	dispatch_set_context(queue, &done);
	dispatch_set_finalizer_f(queue, post);
	assert_ptr_equal(dispatch_get_context(queue), &done);
	dispatch_async_f(queue, NULL, nothing);
	dispatch_release(queue);
	wait_for(&done);
}

/* --- scale and rest --- */

static void a_thousand_queues(void **state)
{
	static dispatch_queue_t queues[1000];
	sem_t done;

	(void)state;
	sem_init(&done, 0, 0);
	for (int i = 0; i < 1000; i++) {
		queues[i] = dispatch_queue_create("one of many", NULL);
		dispatch_async_f(queues[i], &done, post);
	}
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 1000; i++)
			dispatch_async_f(queues[i], &done, post);
	}
	for (int i = 0; i < 6000; i++)
		wait_for(&done);
	for (int i = 0; i < 1000; i++) {
		dispatch_sync_f(queues[i], NULL, nothing);
		dispatch_release(queues[i]);
	}
}

static void idle_queues_cost_nothing(void **state)
{
	struct pollfd never = { .fd = -1 };
	struct rusage before, after;
	struct watched w;
	struct timed t;
	long switches, us;

	(void)state;
	/* a process that has done something, and keeps a watch and an unarmed timer */
	watched_setup(&w, NULL);
	timed_setup(&t);
	assert_int_equal(send(w.fds[1], "x", 1, 0), 1);
	wait_for(&w.done);
	dispatch_sync_f(t.queue, &t, arm_soon);
	wait_for(&t.done);
	poll(&never, 1, 300); /* the monitor looks for about 100 ms more */
	getrusage(RUSAGE_SELF, &before);
	poll(&never, 1, 300);
	getrusage(RUSAGE_SELF, &after);
	switches = after.ru_nvcsw - before.ru_nvcsw;
	us = (after.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_utime.tv_usec -
		     before.ru_stime.tv_usec) +
	     1000000 * (after.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_utime.tv_sec -
			       before.ru_stime.tv_sec);
	/* this thread's own poll() is one of them */
	assert_in_range(switches, 0, 5);
	assert_in_range(us, 0, 3000);
	watched_teardown(&w);
	timed_teardown(&t);
}

#define QUEUE(test) cmocka_unit_test_setup(test, log_setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUEUE(misuse_and_the_main_queue),
		QUEUE(serial_queues_keep_the_order),
		QUEUE(asyncs_and_syncs_from_many_threads),
		QUEUE(only_syncs_from_many_threads),
		QUEUE(a_handler_knows_its_queue),
		QUEUE(release_with_items_waiting),
		QUEUE(a_blocked_handler_stalls_no_other_queue),
		QUEUE(descriptors_are_served_while_handlers_block),
		QUEUE(a_handler_may_sync_to_a_busy_queue),
		QUEUE(suspended_queues_run_nothing),
		QUEUE(a_handler_may_suspend_its_own_queue),
		QUEUE(sync_waits_for_a_suspended_queue),
		QUEUE(suspending_under_load_loses_nothing),
		QUEUE(inactive_queues_wait_for_activation),
		QUEUE(queues_with_one_serial_target_exclude_each_other),
		QUEUE(syncs_through_a_target),
		QUEUE(a_concurrent_target_keeps_each_queue_serial),
		QUEUE(a_suspended_target_holds_its_queues),
		QUEUE(set_target_before_use),
		QUEUE(concurrent_items_run_at_once),
		QUEUE(barriers_run_alone),
		QUEUE(a_barrier_on_a_serial_queue_is_an_item),
		QUEUE(suspended_concurrent_queues_wait),
		QUEUE(global_queues_run_blocking_work_side_by_side),
		QUEUE(after_fires_not_before_its_time),
		QUEUE(after_on_a_global_queue),
		QUEUE(a_timer_fires_once_each_time_it_is_armed),
		QUEUE(a_disarmed_timer_does_not_fire_though_it_was_due),
		QUEUE(many_timers_fire_in_the_order_of_their_deadlines),
		QUEUE(each_edge_is_told),
		QUEUE(nothing_is_told_after_free),
		QUEUE(a_watch_of_a_suspended_queue_waits),
		QUEUE(a_watch_of_a_targeted_queue),
		QUEUE(watches_come_and_go_under_load),
		QUEUE(specifics_are_found_on_the_queue_and_its_targets),
		QUEUE(the_finalizer_gets_the_context_when_the_queue_is_done),
		QUEUE(a_thousand_queues),
		QUEUE(idle_queues_cost_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
