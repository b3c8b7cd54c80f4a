/* Queues that target others, and concurrent queues. */
#include "dispatch_test_util.h"

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

#define QUEUE(test) cmocka_unit_test_setup(test, log_setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
