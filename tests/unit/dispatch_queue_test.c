/* Serial queues: order, blocking, suspension, what hangs on them. */
#include "dispatch_test_util.h"

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
		QUEUE(specifics_are_found_on_the_queue_and_its_targets),
		QUEUE(the_finalizer_gets_the_context_when_the_queue_is_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
