/* Times, semaphores, groups, once, apply. */
#include <dispatch/dispatch.h>

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/object.h"
#include "dispatch/time_internal.h"

#define SEC     ((int64_t)NSEC_PER_SEC)
#define WAIT_NS (20 * SEC)

static dispatch_time_t soon(int64_t ns)
{
	return dispatch_time(DISPATCH_TIME_NOW, ns);
}

static void wait_for(dispatch_semaphore_t sema)
{
	assert_int_equal(dispatch_semaphore_wait(sema, soon(WAIT_NS)), 0);
}

static void signal_it(void *context)
{
	dispatch_semaphore_signal(context);
}

/* --- times --- */

static void test_time(void **state)
{
	uint64_t before = bri_clock_now_ns(), t = soon(5 * SEC);
	struct timespec ts = { .tv_sec = 1000, .tv_nsec = 5 };

	(void)state;
	assert_true(t >= before + 5 * NSEC_PER_SEC && t <= bri_clock_now_ns() + 5 * NSEC_PER_SEC);
	assert_int_equal(dispatch_time(t, 7), t + 7);
	assert_int_equal(dispatch_time(t, -7), t - 7);
	assert_int_equal(bri_time_to_deadline_ns(t), t);
	assert_false(bri_time_is_wall(t));
	/* too late is never, too early is not now */
	assert_int_equal(soon(INT64_MAX), DISPATCH_TIME_FOREVER);
	assert_int_equal(dispatch_time(t, INT64_MAX), DISPATCH_TIME_FOREVER);
	assert_int_equal(dispatch_time(DISPATCH_TIME_FOREVER, -5), DISPATCH_TIME_FOREVER);
	assert_int_equal(dispatch_time(t, INT64_MIN), 1);
	assert_int_equal(bri_time_to_deadline_ns(DISPATCH_TIME_FOREVER), BRI_NEVER);
	assert_true(dispatch_time(DISPATCH_MONOTONICTIME_NOW, 0) >= before);

	t = dispatch_walltime(&ts, 0);
	assert_true(bri_time_is_wall(t));
	assert_int_equal(t, -(uint64_t)(1000 * SEC + 5));
	assert_int_equal(dispatch_time(t, 10), -(uint64_t)(1000 * SEC + 15));
	assert_int_equal(dispatch_walltime(&ts, -6), -(uint64_t)(1000 * SEC - 1));
	assert_true(bri_time_to_deadline_ns(t) <= bri_clock_now_ns()); /* long ago */
	assert_int_equal(dispatch_time(t, INT64_MAX), DISPATCH_TIME_FOREVER);
	assert_true(bri_time_is_wall(dispatch_walltime(&ts, INT64_MIN)));
	ts.tv_sec = INT64_MAX;
	assert_int_equal(dispatch_walltime(&ts, 0), DISPATCH_TIME_FOREVER);
	before = bri_clock_now_ns();
	t = bri_time_to_deadline_ns(dispatch_walltime(NULL, 3 * SEC));
	assert_true(t > before + 2 * NSEC_PER_SEC && t < bri_clock_now_ns() + 4 * NSEC_PER_SEC);
	t = bri_time_to_deadline_ns(dispatch_time(DISPATCH_WALLTIME_NOW, 3 * SEC));
	assert_true(t > before + 2 * NSEC_PER_SEC && t < bri_clock_now_ns() + 4 * NSEC_PER_SEC);
}

/* --- semaphores --- */

static void test_semaphore(void **state)
{
	dispatch_semaphore_t sema = dispatch_semaphore_create(2);
	uint64_t start;

	(void)state;
	assert_null(dispatch_semaphore_create(-1));
	assert_int_equal(dispatch_semaphore_wait(sema, DISPATCH_TIME_NOW), 0);
	assert_int_equal(dispatch_semaphore_wait(sema, DISPATCH_TIME_FOREVER), 0);
	assert_int_not_equal(dispatch_semaphore_wait(sema, DISPATCH_TIME_NOW), 0);
	start = bri_clock_now_ns();
	assert_int_not_equal(dispatch_semaphore_wait(sema, soon(10 * (int64_t)NSEC_PER_MSEC)), 0);
	assert_true(bri_clock_now_ns() - start >= 10 * NSEC_PER_MSEC);
	assert_int_not_equal(dispatch_semaphore_wait(sema, dispatch_walltime(NULL, 1000)), 0);
	/* those who gave up are not counted */
	assert_int_equal(dispatch_semaphore_signal(sema), 0);
	assert_int_equal(dispatch_semaphore_wait(sema, DISPATCH_TIME_NOW), 0);
	dispatch_release(sema);
}

struct pingpong {
	dispatch_semaphore_t ping, pong;
	int shared; /* plain on purpose: the semaphores order it */
};

static void *play(void *arg)
{
	struct pingpong *p = arg;

	for (int i = 0; i < 5000; i++) {
		dispatch_semaphore_wait(p->ping, DISPATCH_TIME_FOREVER);
		p->shared++;
		dispatch_semaphore_signal(p->pong);
	}
	return NULL;
}

static void test_semaphore_orders_memory(void **state)
{
	struct pingpong p = { dispatch_semaphore_create(0), dispatch_semaphore_create(0), 0 };
	pthread_t thread;

	(void)state;
	pthread_create(&thread, NULL, play, &p);
	for (int i = 0; i < 5000; i++) {
		p.shared++;
		dispatch_semaphore_signal(p.ping);
		wait_for(p.pong);
	}
	pthread_join(thread, NULL);
	assert_int_equal(p.shared, 10000);
	dispatch_release(p.ping);
	dispatch_release(p.pong);
}

struct crowd {
	dispatch_semaphore_t sema;
	_Atomic int got, gave_up;
};

/* Waits that give up at the moment of the signal: every signal is taken exactly once. */
static void *take_in_a_hurry(void *arg)
{
	struct crowd *c = arg;

	for (int i = 0; i < 2000; i++) {
		if (dispatch_semaphore_wait(c->sema, soon(i % 5 * 1000)) == 0)
			c->got++;
		else
			c->gave_up++;
	}
	return NULL;
}

static void test_semaphore_timeouts_lose_nothing(void **state)
{
	struct crowd c = { .sema = dispatch_semaphore_create(0) };
	pthread_t threads[3];
	int left = 0;

	(void)state;
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, take_in_a_hurry, &c);
	for (int i = 0; i < 3000; i++) {
		dispatch_semaphore_signal(c.sema);
		if (i % 16 == 0)
			sched_yield();
	}
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	while (dispatch_semaphore_wait(c.sema, DISPATCH_TIME_NOW) == 0)
		left++;
	assert_int_equal(c.got + left, 3000);
	assert_int_equal(c.got + c.gave_up, 6000);
	dispatch_release(c.sema);
}

/* --- groups --- */

static _Atomic int ran;

static void count(void *context)
{
	(void)context;
	ran++;
}

static void check_all_ran(void *context)
{
	if (ran != 300)
		abort();
	dispatch_semaphore_signal(context);
}

static void test_group(void **state)
{
	dispatch_group_t group = dispatch_group_create();
	dispatch_queue_t serial = dispatch_queue_create("group", NULL);
	dispatch_queue_t queues[] = { serial, dispatch_get_global_queue(0, 0) };
	dispatch_semaphore_t done = dispatch_semaphore_create(0);

	(void)state;
	assert_int_equal(dispatch_group_wait(group, DISPATCH_TIME_NOW), 0);
	/* again and again on one group */
	for (int round = 0; round < 20; round++) {
		ran = 0;
		dispatch_group_enter(group);
		for (int i = 0; i < 300; i++)
			dispatch_group_async_f(group, queues[i % 2], NULL, count);
		dispatch_group_notify_f(group, serial, done, check_all_ran);
		dispatch_group_notify_f(group, queues[1], done, check_all_ran);
		assert_int_not_equal(dispatch_group_wait(group, DISPATCH_TIME_NOW), 0);
		assert_int_not_equal(dispatch_group_wait(group, soon(1000)), 0);
		dispatch_group_leave(group);
		assert_int_equal(dispatch_group_wait(group, soon(WAIT_NS)), 0);
		assert_int_equal(ran, 300);
		wait_for(done);
		wait_for(done);
	}
	/* empty: at once */
	dispatch_group_notify_f(group, serial, done, signal_it);
	wait_for(done);
	/* a group with something under way, or to tell, outlives its last release */
	dispatch_group_enter(group);
	dispatch_group_notify_f(group, serial, done, signal_it);
	dispatch_release(group);
	dispatch_group_leave(group);
	wait_for(done);
	dispatch_release(done);
	dispatch_release(serial);
}

static void *wait_for_group(void *arg)
{
	return dispatch_group_wait(arg, soon(WAIT_NS)) ? arg : NULL;
}

static void test_group_many_waiters(void **state)
{
	dispatch_group_t group = dispatch_group_create();
	pthread_t threads[8];
	void *failed;

	(void)state;
	dispatch_group_enter(group);
	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, wait_for_group, group);
	dispatch_group_leave(group);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	dispatch_release(group);
}

/* --- once --- */

static dispatch_once_t once[200];
static int once_value[200]; /* plain on purpose */

static void set_value(void *context)
{
	int *value = context;

	sched_yield();
	*value += 7;
}

static void *run_all_once(void *arg)
{
	for (int i = 0; i < 200; i++) {
		dispatch_once_f(&once[i], &once_value[i], set_value);
		if (once_value[i] != 7)
			return arg;
	}
	return NULL;
}

static void test_once(void **state)
{
	pthread_t threads[6];
	void *failed;

	(void)state;
	for (int i = 0; i < 6; i++)
		pthread_create(&threads[i], NULL, run_all_once, once);
	for (int i = 0; i < 6; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_int_equal(once[0], ~(dispatch_once_t)0);
}

/* --- apply --- */

struct grid {
	dispatch_queue_t queue;
	_Atomic int cells[40][50];
	_Atomic int order;
	bool ordered;
};

struct row {
	struct grid *grid;
	size_t row;
};

static void mark_cell(void *context, size_t column)
{
	struct row *r = context;

	r->grid->cells[r->row][column]++;
}

static void mark_row(void *context, size_t row)
{
	struct row r = { context, row };

	dispatch_apply_f(50, r.grid->queue, &r, mark_cell);
}

static void check_order(void *context, size_t index)
{
	struct grid *grid = context;

	if (grid->order++ != (int)index)
		abort();
}

static void test_apply(void **state)
{
	dispatch_queue_t concurrent = dispatch_queue_create("apply", DISPATCH_QUEUE_CONCURRENT);
	dispatch_queue_t serial = dispatch_queue_create("serial", NULL);
	dispatch_queue_t queues[] = { NULL, dispatch_get_global_queue(0, 0), concurrent };
	static struct grid grid;

	(void)state;
	dispatch_apply_f(0, serial, NULL, check_order);
	for (size_t q = 0; q < 3; q++) {
		memset(&grid, 0, sizeof(grid));
		grid.queue = queues[q];
		dispatch_apply_f(40, grid.queue, &grid, mark_row);
		for (int i = 0; i < 40 * 50; i++)
			assert_int_equal(grid.cells[i / 50][i % 50], 1);
	}
	/* on a serial queue: in order, one at a time, on that queue */
	grid.order = 0;
	dispatch_apply_f(1000, serial, &grid, check_order);
	assert_int_equal(grid.order, 1000);
	dispatch_release(concurrent);
	dispatch_release(serial);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_semaphore),
		cmocka_unit_test(test_semaphore_orders_memory),
		cmocka_unit_test(test_semaphore_timeouts_lose_nothing),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_group_many_waiters),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_apply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
