/* Timers, watches of descriptors, many queues, and what an idle process costs. */
#include "dispatch_test_util.h"

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
		QUEUE(a_thousand_queues),
		QUEUE(idle_queues_cost_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
