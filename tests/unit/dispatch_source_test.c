/* Sources: descriptors, timers, signals, processes, data; suspension, cancellation, targets. */
#include <dispatch/dispatch.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/object.h"

#define WAIT_NS (10 * (int64_t)NSEC_PER_SEC)

/* What the handlers of one source did. */
struct probe {
	dispatch_source_t source;
	dispatch_queue_t queue;
	dispatch_semaphore_t event, cancelled, registered;
	_Atomic int events, cancels, registrations;
	_Atomic uintptr_t data; /* the sum */
	_Atomic uintptr_t last;
	int fd;                   /* read one byte from here in each event; -1: none */
	_Atomic int cancel_after; /* events; 0: never */
	_Atomic bool wrong_queue;
};

static void on_event(void *context)
{
	struct probe *p = context;
	char byte;

	if (p->cancels)
		abort(); /* never after the cancel handler */
	dispatch_assert_queue(p->queue);
	p->last = dispatch_source_get_data(p->source);
	p->data += p->last;
	if (p->fd >= 0 && read(p->fd, &byte, 1) < 0)
		abort();
	if (++p->events == p->cancel_after)
		dispatch_source_cancel(p->source);
	dispatch_semaphore_signal(p->event);
}

static void on_cancel(void *context)
{
	struct probe *p = context;

	p->cancels++;
	dispatch_semaphore_signal(p->cancelled);
}

static void on_registered(void *context)
{
	struct probe *p = context;

	if (p->events || p->cancels)
		abort();
	p->registrations++;
	dispatch_semaphore_signal(p->registered);
}

static void make_on(struct probe *p, dispatch_source_type_t type, uintptr_t handle, uintptr_t mask,
	dispatch_queue_t queue)
{
	memset(p, 0, sizeof(*p));
	p->fd = -1;
	p->queue = queue;
	p->event = dispatch_semaphore_create(0);
	p->cancelled = dispatch_semaphore_create(0);
	p->registered = dispatch_semaphore_create(0);
	p->source = dispatch_source_create(type, handle, mask, p->queue);
	assert_non_null(p->source);
	dispatch_set_context(p->source, p);
	dispatch_source_set_event_handler_f(p->source, on_event);
	dispatch_source_set_cancel_handler_f(p->source, on_cancel);
	dispatch_source_set_registration_handler_f(p->source, on_registered);
	assert_int_equal(dispatch_source_get_handle(p->source), handle);
	assert_int_equal(dispatch_source_get_mask(p->source), mask);
}

static void make(struct probe *p, dispatch_source_type_t type, uintptr_t handle, uintptr_t mask)
{
	make_on(p, type, handle, mask, dispatch_queue_create("probe", NULL));
}

static void wait_for(dispatch_semaphore_t sema)
{
	assert_int_equal(
		dispatch_semaphore_wait(sema, dispatch_time(DISPATCH_TIME_NOW, WAIT_NS)), 0);
}

static void nothing(void *context)
{
	(void)context;
}

/* All that the source had queued so far has run. */
static void settle(struct probe *p)
{
	for (int i = 0; i < 3; i++)
		dispatch_sync_f(p->queue, NULL, nothing);
}

static void end(struct probe *p)
{
	dispatch_source_cancel(p->source);
	wait_for(p->cancelled);
	settle(p);
	assert_int_equal(p->cancels, 1);
	assert_int_not_equal(dispatch_source_testcancel(p->source), 0);
	dispatch_release(p->source);
	dispatch_release(p->event);
	dispatch_release(p->cancelled);
	dispatch_release(p->registered);
	settle(p);
	dispatch_release(p->queue);
}

/* --- descriptors --- */

static void test_read_is_level_triggered(void **state)
{
	struct probe p;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	make(&p, DISPATCH_SOURCE_TYPE_READ, (uintptr_t)fds[0], 0);
	p.fd = fds[0];
	assert_int_equal(write(fds[1], "abcde", 5), 5);
	settle(&p);
	assert_int_equal(p.events, 0); /* born inactive */
	dispatch_resume(p.source);
	wait_for(p.registered);
	for (int i = 0; i < 5; i++)
		wait_for(p.event);
	settle(&p);
	assert_int_equal(p.events, 5); /* one byte each: fired again while there was more */
	assert_int_equal(p.data, 5 + 4 + 3 + 2 + 1);
	assert_int_equal(p.registrations, 1);
	assert_int_equal(write(fds[1], "f", 1), 1);
	wait_for(p.event);
	assert_int_equal(p.last, 1);
	/* the end of the stream is an event with no bytes */
	p.cancel_after = 7;
	close(fds[1]);
	wait_for(p.event);
	assert_int_equal(p.last, 0);
	end(&p);
	assert_int_equal(p.events, 7);
	close(fds[0]);
}

static void test_two_sources_one_descriptor(void **state)
{
	struct probe r, w, r2;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	make(&r, DISPATCH_SOURCE_TYPE_READ, (uintptr_t)fds[0], 0);
	make(&r2, DISPATCH_SOURCE_TYPE_READ, (uintptr_t)fds[0], 0);
	make(&w, DISPATCH_SOURCE_TYPE_WRITE, (uintptr_t)fds[0], 0);
	r.cancel_after = r2.cancel_after = 3;
	w.cancel_after = 1;
	dispatch_resume(r.source);
	dispatch_resume(r2.source);
	dispatch_resume(w.source);
	wait_for(w.event);
	assert_true(w.last > 0);
	settle(&r);
	assert_int_equal(r.events, 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	/* nobody reads: both fire until they cancel themselves */
	for (int i = 0; i < 3; i++) {
		wait_for(r.event);
		wait_for(r2.event);
	}
	end(&r);
	end(&r2);
	end(&w);
	assert_int_equal(r.events, 3);
	assert_int_equal(w.events, 1);
	close(fds[0]);
	close(fds[1]);
}

static void test_regular_file_is_ready(void **state)
{
	char path[] = "/tmp/braid-source-XXXXXX";
	int fd = mkstemp(path);
	struct probe p;

	(void)state;
	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, "0123456789", 10), 10);
	assert_int_equal(lseek(fd, 4, SEEK_SET), 4);
	make(&p, DISPATCH_SOURCE_TYPE_READ, (uintptr_t)fd, 0);
	p.fd = fd;
	p.cancel_after = 3;
	dispatch_activate(p.source);
	wait_for(p.event);
	wait_for(p.event);
	wait_for(p.event);
	assert_int_equal(p.data, 6 + 5 + 4);
	end(&p);
	close(fd);
}

static void test_bad_arguments(void **state)
{
	(void)state;
	assert_null(dispatch_source_create(DISPATCH_SOURCE_TYPE_READ, 99999, 0, NULL));
	assert_null(dispatch_source_create(DISPATCH_SOURCE_TYPE_READ, (uintptr_t)-1, 0, NULL));
	assert_null(dispatch_source_create(DISPATCH_SOURCE_TYPE_SIGNAL, 0, 0, NULL));
	assert_null(dispatch_source_create(DISPATCH_SOURCE_TYPE_SIGNAL, SIGKILL, 0, NULL));
	assert_null(dispatch_source_create(DISPATCH_SOURCE_TYPE_SIGNAL, 4711, 0, NULL));
	assert_null(dispatch_source_create(DISPATCH_SOURCE_TYPE_PROC, 1, 0, NULL));
	assert_null(dispatch_source_create(DISPATCH_SOURCE_TYPE_TIMER, 0, 16, NULL));
}

/* --- suspension, release, cancellation --- */

static void test_suspension_counts(void **state)
{
	struct probe p;

	(void)state;
	make(&p, DISPATCH_SOURCE_TYPE_DATA_ADD, 0, 0);
	dispatch_source_merge_data(p.source, 1); /* kept until it is activated */
	dispatch_activate(p.source);
	dispatch_activate(p.source); /* does nothing */
	wait_for(p.event);
	assert_int_equal(p.last, 1);
	dispatch_suspend(p.source);
	dispatch_suspend(p.source);
	dispatch_source_merge_data(p.source, 2);
	dispatch_source_merge_data(p.source, 3);
	settle(&p);
	dispatch_resume(p.source);
	settle(&p);
	assert_int_equal(p.events, 1);
	dispatch_resume(p.source);
	wait_for(p.event);
	assert_int_equal(p.last, 5); /* merged into one event */
	dispatch_source_merge_data(p.source, 0);
	settle(&p);
	assert_int_equal(p.events, 2);
	/* a cancelled source tells so only when it is not suspended */
	dispatch_suspend(p.source);
	dispatch_source_cancel(p.source);
	settle(&p);
	assert_int_equal(p.cancels, 0);
	dispatch_resume(p.source);
	end(&p);
}

static void test_data_or(void **state)
{
	struct probe p;

	(void)state;
	make(&p, DISPATCH_SOURCE_TYPE_DATA_OR, 0, 0);
	dispatch_source_merge_data(p.source, 1);
	dispatch_source_merge_data(p.source, 4);
	dispatch_source_merge_data(p.source, 5);
	dispatch_resume(p.source);
	wait_for(p.event);
	assert_int_equal(p.last, 5);
	end(&p);
}

struct adder {
	pthread_t thread;
	dispatch_source_t source;
};

static void *add_many(void *arg)
{
	struct adder *a = arg;

	for (int i = 0; i < 2000; i++)
		dispatch_source_merge_data(a->source, 3);
	return NULL;
}

/* No merge from any thread is lost. */
static void test_data_add_from_threads(void **state)
{
	struct adder adders[3];
	struct probe p;

	(void)state;
	make(&p, DISPATCH_SOURCE_TYPE_DATA_ADD, 0, 0);
	dispatch_resume(p.source);
	for (int i = 0; i < 3; i++) {
		adders[i].source = p.source;
		assert_int_equal(pthread_create(&adders[i].thread, NULL, add_many, &adders[i]), 0);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(adders[i].thread, NULL);
	settle(&p);
	assert_int_equal(p.data, 3 * 2000 * 3);
	end(&p);
}

static _Atomic int finalized;
static dispatch_semaphore_t finalized_sema;

static void finalize(void *context)
{
	(void)context;
	finalized++;
	dispatch_semaphore_signal(finalized_sema);
}

/* Cancel and release at once: the cancel handler still runs, then the finalizer. */
static void test_cancel_then_release(void **state)
{
	struct probe p;

	(void)state;
	finalized = 0;
	finalized_sema = dispatch_semaphore_create(0);
	make(&p, DISPATCH_SOURCE_TYPE_TIMER, 0, 0);
	dispatch_set_finalizer_f(p.source, finalize);
	dispatch_resume(p.source);
	dispatch_source_cancel(p.source);
	dispatch_release(p.source);
	wait_for(p.cancelled);
	wait_for(finalized_sema);
	assert_int_equal(p.cancels, 1);
	assert_int_equal(p.events, 0);

	/* never activated, never cancelled: it just goes */
	p.source = dispatch_source_create(DISPATCH_SOURCE_TYPE_READ, 0, 0, p.queue);
	dispatch_set_context(p.source, &p);
	dispatch_source_set_cancel_handler_f(p.source, on_cancel);
	dispatch_set_finalizer_f(p.source, finalize);
	dispatch_release(p.source);
	wait_for(finalized_sema);
	assert_int_equal(p.cancels, 1);
	assert_int_equal(finalized, 2);
	dispatch_release(p.event);
	dispatch_release(p.cancelled);
	dispatch_release(p.registered);
	dispatch_release(p.queue);
	dispatch_release(finalized_sema);
}

static void test_handlers_on_concurrent_queues(void **state)
{
	struct probe p;

	(void)state;
	make_on(&p, DISPATCH_SOURCE_TYPE_DATA_ADD, 0, 0,
		dispatch_queue_create("concurrent", DISPATCH_QUEUE_CONCURRENT));
	dispatch_resume(p.source);
	for (int i = 0; i < 100; i++)
		dispatch_source_merge_data(p.source, 1);
	while (p.data < 100)
		wait_for(p.event);
	end(&p);
	make_on(&p, DISPATCH_SOURCE_TYPE_DATA_ADD, 0, 0, dispatch_get_global_queue(0, 0));
	dispatch_resume(p.source);
	dispatch_source_merge_data(p.source, 1);
	wait_for(p.event);
	end(&p);
}

/* A source moves to another queue; no event is lost and on_event asserts where it runs. */
static void test_target_queue(void **state)
{
	dispatch_queue_t other = dispatch_queue_create("other", NULL);
	struct probe p;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	make(&p, DISPATCH_SOURCE_TYPE_READ, (uintptr_t)fds[0], 0);
	p.fd = fds[0];
	dispatch_resume(p.source);
	assert_int_equal(write(fds[1], "a", 1), 1);
	wait_for(p.event);
	settle(&p);
	dispatch_suspend(p.source);
	settle(&p);
	dispatch_release(p.queue);
	p.queue = other;
	dispatch_set_target_queue(p.source, other);
	dispatch_resume(p.source);
	assert_int_equal(write(fds[1], "bc", 2), 2);
	wait_for(p.event);
	wait_for(p.event);
	assert_int_equal(p.events, 3);
	end(&p);
	close(fds[0]);
	close(fds[1]);
}

/* --- timers --- */

static void test_timer_once(void **state)
{
	struct probe p;
	uint64_t start = bri_clock_now_ns();

	(void)state;
	make(&p, DISPATCH_SOURCE_TYPE_TIMER, 0, DISPATCH_TIMER_STRICT);
	dispatch_source_set_timer(p.source, dispatch_time(DISPATCH_TIME_NOW, 20 * NSEC_PER_MSEC),
		DISPATCH_TIME_FOREVER, 0);
	dispatch_resume(p.source);
	wait_for(p.event);
	assert_true(bri_clock_now_ns() - start >= 20 * NSEC_PER_MSEC);
	assert_int_equal(p.last, 1);
	/* set again from outside, in the past: at once */
	dispatch_source_set_timer(p.source, DISPATCH_TIME_NOW, 0, 0);
	wait_for(p.event);
	settle(&p);
	assert_int_equal(p.events, 2);
	/* never */
	dispatch_source_set_timer(p.source, DISPATCH_TIME_FOREVER, NSEC_PER_MSEC, 0);
	settle(&p);
	assert_int_equal(p.events, 2);
	end(&p);
}

static void test_timer_order(void **state)
{
	struct probe early, late;

	(void)state;
	make(&late, DISPATCH_SOURCE_TYPE_TIMER, 0, 0);
	make(&early, DISPATCH_SOURCE_TYPE_TIMER, 0, 0);
	dispatch_source_set_timer(late.source,
		dispatch_time(DISPATCH_TIME_NOW, 3600 * (int64_t)NSEC_PER_SEC),
		DISPATCH_TIME_FOREVER, 0);
	dispatch_source_set_timer(
		early.source, dispatch_time(DISPATCH_TIME_NOW, NSEC_PER_MSEC), NSEC_PER_MSEC, 0);
	dispatch_resume(late.source);
	dispatch_resume(early.source);
	for (int i = 0; i < 5; i++)
		wait_for(early.event);
	assert_int_equal(late.events, 0);
	end(&early);
	end(&late);
}

/* Ticks that nobody could be told come as one event that counts them. */
static void test_timer_coalesces(void **state)
{
	struct probe p;
	uint64_t start, passed;

	(void)state;
	make(&p, DISPATCH_SOURCE_TYPE_TIMER, 0, 0);
	start = bri_clock_now_ns();
	dispatch_source_set_timer(p.source, DISPATCH_TIME_NOW, NSEC_PER_MSEC, 0);
	dispatch_resume(p.source);
	wait_for(p.event);
	dispatch_suspend(p.source);
	settle(&p);
	while (bri_clock_now_ns() - start < 30 * NSEC_PER_MSEC)
		sched_yield();
	while (dispatch_semaphore_wait(p.event, DISPATCH_TIME_NOW) == 0)
		;
	dispatch_resume(p.source);
	wait_for(p.event);
	passed = (bri_clock_now_ns() - start) / NSEC_PER_MSEC;
	assert_true(p.data >= 28 && p.data <= passed + 2);
	end(&p);
}

static void test_timer_wall(void **state)
{
	struct probe p;
	struct timespec now;

	(void)state;
	make(&p, DISPATCH_SOURCE_TYPE_TIMER, 0, 0);
	clock_gettime(CLOCK_REALTIME, &now);
	dispatch_source_set_timer(
		p.source, dispatch_walltime(&now, 10 * NSEC_PER_MSEC), 5 * NSEC_PER_MSEC, 0);
	dispatch_resume(p.source);
	for (int i = 0; i < 3; i++)
		wait_for(p.event);
	/* over to the monotonic clock */
	dispatch_source_set_timer(p.source, DISPATCH_TIME_NOW, DISPATCH_TIME_FOREVER, 0);
	wait_for(p.event);
	dispatch_source_set_timer(p.source, dispatch_walltime(NULL, -(int64_t)NSEC_PER_SEC),
		DISPATCH_TIME_FOREVER, 0);
	wait_for(p.event);
	end(&p);
}

/* --- signals and processes --- */

static _Atomic int handled;

static void own_handler(int number)
{
	(void)number;
	handled++;
}

static void test_signal(void **state)
{
	struct sigaction now;
	struct probe a, b;

	(void)state;
	signal(SIGUSR1, SIG_IGN);
	make(&a, DISPATCH_SOURCE_TYPE_SIGNAL, SIGUSR1, 0);
	make(&b, DISPATCH_SOURCE_TYPE_SIGNAL, SIGUSR1, 0);
	dispatch_resume(a.source);
	dispatch_resume(b.source);
	raise(SIGUSR1); /* at once: activation is complete */
	wait_for(a.event);
	wait_for(b.event);
	assert_int_equal(a.data, 1);
	dispatch_suspend(a.source);
	for (int i = 0; i < 5; i++)
		kill(getpid(), SIGUSR1);
	while (b.data < 6)
		wait_for(b.event);
	dispatch_resume(a.source);
	while (a.data < 6)
		wait_for(a.event);
	end(&a);
	sigaction(SIGUSR1, NULL, &now);
	assert_true(now.sa_flags & SA_SIGINFO);
	end(&b);
	sigaction(SIGUSR1, NULL, &now);
	assert_ptr_equal(now.sa_handler, SIG_IGN); /* as it was */
}

static void test_signal_keeps_the_old_handler(void **state)
{
	struct sigaction now;
	struct probe p;

	(void)state;
	handled = 0;
	signal(SIGUSR2, own_handler);
	make(&p, DISPATCH_SOURCE_TYPE_SIGNAL, SIGUSR2, 0);
	dispatch_resume(p.source);
	raise(SIGUSR2);
	assert_int_equal(handled, 1);
	wait_for(p.event);
	end(&p);
	sigaction(SIGUSR2, NULL, &now);
	assert_ptr_equal(now.sa_handler, own_handler);
	signal(SIGUSR2, SIG_DFL);
}

static void test_process_exit(void **state)
{
	struct probe p;
	int fds[2];
	pid_t pid;

	(void)state;
	if (syscall(SYS_pidfd_open, getpid(), 0) < 0 && errno == ENOSYS) {
		print_message("skipped: no pidfd_open() here (valgrind?)\n");
		skip();
	}
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		char c;

		close(fds[1]);
		_exit(read(fds[0], &c, 1) == 1 ? 7 : 8);
	}
	assert_true(pid > 0);
	make(&p, DISPATCH_SOURCE_TYPE_PROC, (uintptr_t)pid, DISPATCH_PROC_EXIT);
	dispatch_resume(p.source);
	wait_for(p.registered);
	settle(&p);
	assert_int_equal(p.events, 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	wait_for(p.event);
	settle(&p);
	assert_int_equal(p.events, 1);
	assert_int_equal(p.last, DISPATCH_PROC_EXIT);
	end(&p);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	/* gone before we looked */
	make(&p, DISPATCH_SOURCE_TYPE_PROC, (uintptr_t)pid, DISPATCH_PROC_EXIT);
	dispatch_resume(p.source);
	wait_for(p.event);
	end(&p);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_is_level_triggered),
		cmocka_unit_test(test_two_sources_one_descriptor),
		cmocka_unit_test(test_regular_file_is_ready),
		cmocka_unit_test(test_bad_arguments),
		cmocka_unit_test(test_suspension_counts),
		cmocka_unit_test(test_data_or),
		cmocka_unit_test(test_data_add_from_threads),
		cmocka_unit_test(test_cancel_then_release),
		cmocka_unit_test(test_handlers_on_concurrent_queues),
		cmocka_unit_test(test_target_queue),
		cmocka_unit_test(test_timer_once),
		cmocka_unit_test(test_timer_order),
		cmocka_unit_test(test_timer_coalesces),
		cmocka_unit_test(test_timer_wall),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_signal_keeps_the_old_handler),
		cmocka_unit_test(test_process_exit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
