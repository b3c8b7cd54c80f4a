/*
 * Handlers that an application may replace while events are on their way: looked up when an event
 * is delivered, kept alive while they run, destroyed exactly once. Knows nothing of what they
 * handle.
 */
#ifndef BRI_API_HANDLER_H
#define BRI_API_HANDLER_H

#include <pthread.h>
#include "base/callable.h"

struct bri_handler {
	_Atomic int refs;
	struct bri_callable call;
};

/* bri_handler_set(): *slot becomes `call` (consumed; fn NULL: none). `lock` guards the slot. */
void bri_handler_set(pthread_mutex_t *lock, struct bri_handler **slot, struct bri_callable call);
/* bri_handler_get(): the handler with a reference, or NULL. bri_handler_put(): NULL is harmless. */
struct bri_handler *bri_handler_get(pthread_mutex_t *lock, struct bri_handler **slot);
void bri_handler_put(struct bri_handler *handler);

/* bri_handler_is_given(): there is a function to call; else one line in the log names the caller.
 */
bool bri_handler_is_given(bri_any_f fn, const char *function);

#endif
