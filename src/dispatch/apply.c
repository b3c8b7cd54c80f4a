/*
 * dispatch_apply: one function for every index. The caller works too and never waits for a helper
 * that has not started, so that calls may be nested to any depth on any number of threads.
 */
#include <dispatch/dispatch.h>

#include <stdlib.h>

#include "dispatch/futex.h"
#include "dispatch/queue_internal.h"
#include "dispatch/runtime.h"

#define HELPERS_MAX 63

struct apply {
	_Atomic size_t next; /* the first index that nobody took */
	_Atomic size_t left; /* indices not finished */
	_Atomic uint32_t finished;
	_Atomic int refs; /* the caller and each helper */
	size_t count;
	void *context;
	void (*work)(void *context, size_t index);
};

static void put(struct apply *apply)
{
	if (atomic_fetch_sub_explicit(&apply->refs, 1, memory_order_acq_rel) == 1)
		free(apply);
}

static void take_part(void *context)
{
	struct apply *apply = context;
	size_t i, did = 0;

	while ((i = atomic_fetch_add_explicit(&apply->next, 1, memory_order_relaxed)) <
		apply->count) {
		apply->work(apply->context, i);
		did++;
	}
	if (did && atomic_fetch_sub_explicit(&apply->left, did, memory_order_acq_rel) == did) {
		atomic_store_explicit(&apply->finished, 1, memory_order_release);
		bri_futex_wake(&apply->finished, INT_MAX);
	}
}

static void help(void *context)
{
	take_part(context);
	put(context);
}

static void run_alone(void *context)
{
	struct apply *apply = context;

	for (size_t i = 0; i < apply->count; i++)
		apply->work(apply->context, i);
}

/* sysconf() reads a file each time */
static size_t count_helpers(void)
{
	static _Atomic long cpus;
	long n = atomic_load_explicit(&cpus, memory_order_relaxed);

	if (!n) {
		n = sysconf(_SC_NPROCESSORS_ONLN);
		n = n > 1 ? n : 1;
		atomic_store_explicit(&cpus, n, memory_order_relaxed);
	}
	return bri_min_size((size_t)n - 1, HELPERS_MAX);
}

static void run_with_helpers(struct apply *apply, struct dispatch_queue_s *queue)
{
	size_t helpers = bri_min_size(count_helpers(), apply->count - 1);

	atomic_init(&apply->refs, (int)helpers + 1);
	for (size_t i = 0; i < helpers; i++)
		bri_async(queue, apply, help);
	if (queue->type == BRI_QUEUE_GLOBAL || bri_queue_is_current(queue))
		take_part(apply);
	else
		bri_queue_run_sync(queue, apply, take_part, false);
	if (!atomic_load_explicit(&apply->finished, memory_order_acquire))
		bri_may_block();
	while (!atomic_load_explicit(&apply->finished, memory_order_acquire))
		bri_futex_wait(&apply->finished, 0, BRI_NEVER);
	put(apply);
}

BRI_EXPORT void dispatch_apply_f(size_t iterations, dispatch_queue_t queue, void *context,
	void (*work)(void *context, size_t iteration))
{
	struct apply here = { .count = iterations, .context = context, .work = work };
	struct apply *apply;

	if (!iterations)
		return;
	if (!queue)
		queue = dispatch_get_global_queue(DISPATCH_QUEUE_PRIORITY_DEFAULT, 0);
	apply = queue->type == BRI_QUEUE_SERIAL || iterations == 1 ? NULL : malloc(sizeof(*apply));
	if (apply) {
		*apply = here;
		atomic_init(&apply->left, iterations);
		run_with_helpers(apply, queue);
	} else if (bri_queue_is_current(queue)) {
		run_alone(&here);
	} else {
		bri_queue_run_sync(queue, &here, run_alone, false);
	}
}
