/*
 * Counting semaphores. `value` below zero counts the waiters; each signal to a waiter leaves one
 * wake-up in `wakes`, which exactly one waiter takes. Knows nothing of queues.
 */
#include <dispatch/dispatch.h>

#include <stdlib.h>

#include "dispatch/futex.h"
#include "dispatch/dispatch_object.h"
#include "dispatch/runtime.h"
#include "dispatch/time_internal.h"

struct dispatch_semaphore_s {
	struct bri_dispatch_object head;
	_Atomic intptr_t value;
	_Atomic uint32_t wakes;
};

static void destroy_semaphore(struct bri_object *obj)
{
	struct bri_dispatch_object *head = bri_container_of(obj, struct bri_dispatch_object, obj);

	bri_dispatch_object_fini(head);
	free(bri_container_of(head, struct dispatch_semaphore_s, head));
}

static const struct bri_class semaphore_class = {
	.name = "dispatch_semaphore",
	.kind = BRI_KIND_DISPATCH_SEMAPHORE,
	.destroy = destroy_semaphore,
};

BRI_EXPORT dispatch_semaphore_t dispatch_semaphore_create(intptr_t value)
{
	struct dispatch_semaphore_s *sema =
		value < 0 ? NULL : bri_object_new(&semaphore_class, sizeof(*sema));

	if (sema)
		atomic_init(&sema->value, value);
	return sema;
}

static bool take_wake(struct dispatch_semaphore_s *sema)
{
	uint32_t wakes = atomic_load_explicit(&sema->wakes, memory_order_relaxed);

	while (wakes) {
		if (atomic_compare_exchange_weak_explicit(&sema->wakes, &wakes, wakes - 1,
			    memory_order_acquire, memory_order_relaxed))
			return true;
	}
	return false;
}

/* give_up(): no longer a waiter. False: a signal counted us already, so its wake-up is ours. */
static bool give_up(struct dispatch_semaphore_s *sema)
{
	intptr_t value = atomic_load_explicit(&sema->value, memory_order_relaxed);

	while (value < 0) {
		if (atomic_compare_exchange_weak_explicit(&sema->value, &value, value + 1,
			    memory_order_relaxed, memory_order_relaxed))
			return true;
	}
	return false;
}

static intptr_t wait_slowly(struct dispatch_semaphore_s *sema, dispatch_time_t timeout)
{
	uint64_t deadline_ns;

	if (timeout == DISPATCH_TIME_NOW && give_up(sema))
		return ETIMEDOUT;
	deadline_ns = bri_time_to_deadline_ns(timeout);
	bri_may_block();
	while (!take_wake(sema)) {
		if (bri_futex_wait(&sema->wakes, 0, deadline_ns) == 0)
			continue;
		if (give_up(sema))
			return ETIMEDOUT;
		deadline_ns = BRI_NEVER; /* the wake-up is on its way */
	}
	return 0;
}

BRI_EXPORT intptr_t dispatch_semaphore_wait(dispatch_semaphore_t dsema, dispatch_time_t timeout)
{
	if (BRI_LIKELY(atomic_fetch_sub_explicit(&dsema->value, 1, memory_order_acquire) > 0))
		return 0;
	return wait_slowly(dsema, timeout);
}

BRI_EXPORT intptr_t dispatch_semaphore_signal(dispatch_semaphore_t dsema)
{
	if (BRI_LIKELY(atomic_fetch_add_explicit(&dsema->value, 1, memory_order_release) >= 0))
		return 0;
	/* the futex is only named after this line: the waiter may have freed the semaphore */
	atomic_fetch_add_explicit(&dsema->wakes, 1, memory_order_release);
	bri_futex_wake(&dsema->wakes, 1);
	return 1;
}
