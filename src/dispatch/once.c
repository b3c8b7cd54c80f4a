/*
 * dispatch_once: 0 not run, ~0 done, else the id of the thread that runs it, shifted by one, and
 * bit 0 when others wait for it. The fast path is in the public header.
 */
#include <dispatch/dispatch.h>

#include "dispatch/futex.h"
#include "dispatch/runtime.h"

#define ONCE_DONE    (~(uintptr_t)0)
#define ONCE_WAITERS ((uintptr_t)1)

/* The half of the word that changes: the futex call knows only 32 bits. */
static _Atomic uint32_t *low_half(_Atomic uintptr_t *word)
{
	size_t at = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? sizeof(*word) / 4 - 1 : 0;

	return (_Atomic uint32_t *)(void *)word + at;
}

static uintptr_t self_id(void)
{
	static _Thread_local uintptr_t id;

	if (!id)
		id = (uintptr_t)syscall(SYS_gettid) << 1;
	return id;
}

static void wait_done(_Atomic uintptr_t *word)
{
	uintptr_t seen = atomic_load_explicit(word, memory_order_acquire);

	if ((seen & ~ONCE_WAITERS) == self_id())
		bri_abort("dispatch_once called again from inside its own function");
	bri_may_block();
	while (seen != ONCE_DONE) {
		if (!(seen & ONCE_WAITERS) &&
			!atomic_compare_exchange_weak(word, &seen, seen | ONCE_WAITERS))
			continue;
		bri_futex_wait(low_half(word), (uint32_t)(seen | ONCE_WAITERS), BRI_NEVER);
		seen = atomic_load_explicit(word, memory_order_acquire);
	}
}

/* The public headers may put an inline function of this name in front of it. */
#undef dispatch_once_f

BRI_EXPORT void dispatch_once_f(
	dispatch_once_t *predicate, void *context, dispatch_function_t function)
{
	_Atomic uintptr_t *word = (_Atomic uintptr_t *)(void *)predicate;
	uintptr_t seen = 0;

	if (atomic_load_explicit(word, memory_order_acquire) == ONCE_DONE)
		return;
	if (!atomic_compare_exchange_strong(word, &seen, self_id())) {
		wait_done(word);
		return;
	}
	function(context);
	seen = atomic_exchange_explicit(word, ONCE_DONE, memory_order_acq_rel);
	if (seen & ONCE_WAITERS)
		bri_futex_wake(low_half(word), INT_MAX);
}
