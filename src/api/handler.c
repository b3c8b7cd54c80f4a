/* Replaceable handlers. Knows nothing of what they handle. */
#include "api/handler.h"

#include "base/log.h"

#include <stdatomic.h>
#include <stdlib.h>

void bri_handler_put(struct bri_handler *handler)
{
	if (!handler || atomic_fetch_sub_explicit(&handler->refs, 1, memory_order_acq_rel) > 1)
		return;
	bri_callable_clear(&handler->call);
	free(handler);
}

void bri_handler_set(pthread_mutex_t *lock, struct bri_handler **slot, struct bri_callable call)
{
	struct bri_handler *handler = NULL, *old;

	if (call.fn) {
		handler = malloc(sizeof(*handler));
		if (!handler)
			bri_abort("no memory for a handler");
		atomic_init(&handler->refs, 1);
		handler->call = call;
	} else {
		bri_callable_clear(&call);
	}
	pthread_mutex_lock(lock);
	old = *slot;
	*slot = handler;
	pthread_mutex_unlock(lock);
	bri_handler_put(old); /* outside the lock: destroying may call the application */
}

struct bri_handler *bri_handler_get(pthread_mutex_t *lock, struct bri_handler **slot)
{
	struct bri_handler *handler;

	pthread_mutex_lock(lock);
	handler = *slot;
	if (handler)
		atomic_fetch_add_explicit(&handler->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(lock);
	return handler;
}

bool bri_handler_is_given(bri_any_f fn, const char *function)
{
	if (!fn)
		bri_error("%s: no block or function", function);
	return fn;
}
