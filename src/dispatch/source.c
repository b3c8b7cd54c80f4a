/*
 * Sources: life, handlers, suspension, cancellation, for all types. What an event is and where it
 * comes from is in source_fd.c, source_timer.c and source_signal.c.
 *
 *   inactive -> (activate) -> attached on the queue, registration handler -> event handlers
 *   cancel, or the last release -> detached and closed on the queue -> cancel handler, once
 */
#include "dispatch/source_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static void wind_down(struct bri_object *obj);
static void destroy_source(struct bri_object *obj);

static const struct bri_class source_class = {
	.name = "dispatch_source",
	.kind = BRI_KIND_DISPATCH_SOURCE,
	.wind_down = wind_down,
	.destroy = destroy_source,
};

void bri_source_kick(struct dispatch_source_s *source)
{
	pthread_mutex_lock(&source->lock);
	if (!source->kicked) {
		source->kicked = true;
		source->pushed_to = source->queue;
		bri_object_get(source);
		bri_queue_push(source->queue, &source->item);
	}
	pthread_mutex_unlock(&source->lock);
}

/* --- handlers --- */

static void call_handler(struct dispatch_source_s *source, const struct bri_callable *call)
{
	void *context = call->context;

	if (!call->fn)
		return;
	if (!context)
		context = atomic_load_explicit(&source->head.context, memory_order_acquire);
	((void (*)(void *))call->fn)(context);
}

static struct bri_callable take_handler(
	struct dispatch_source_s *source, enum bri_source_handler which)
{
	struct bri_callable call;

	pthread_mutex_lock(&source->lock);
	call = source->handlers[which];
	source->handlers[which] = (struct bri_callable) { 0 };
	pthread_mutex_unlock(&source->lock);
	return call;
}

static void clear_later(void *context)
{
	struct bri_callable *call = context;

	bri_callable_clear(call);
	bri_pool_free(call, sizeof(*call));
}

/* The old handler may be running now: it goes when the queue comes to it. */
static void discard(struct dispatch_source_s *source, struct bri_callable call)
{
	struct bri_callable *later;

	if (!call.destroy)
		return;
	later = bri_pool_alloc(sizeof(*later));
	if (!later) {
		bri_error("dispatch_source: no memory to free a handler; it is leaked");
		return;
	}
	*later = call;
	bri_async(source->queue, later, clear_later);
}

void bri_source_set_handler(
	struct dispatch_source_s *source, enum bri_source_handler which, struct bri_callable call)
{
	struct bri_callable old;

	pthread_mutex_lock(&source->lock);
	old = source->handlers[which];
	source->handlers[which] = call;
	discard(source, old);
	pthread_mutex_unlock(&source->lock);
	/* events may have waited for a handler */
	if (which == BRI_SOURCE_EVENT && call.fn)
		bri_source_kick(source);
}

/* --- on the queue --- */

/* finish(): the end. Nothing is looked for any more when the cancel handler runs. */
static void finish(struct dispatch_source_s *source)
{
	struct bri_callable calls[BRI_SOURCE_HANDLERS];

	if (source->finished)
		return;
	source->finished = true;
	if (source->attached && source->type->detach)
		source->type->detach(source);
	source->attached = false;
	if (source->type->close)
		source->type->close(source);
	for (int i = 0; i < BRI_SOURCE_HANDLERS; i++)
		calls[i] = take_handler(source, (enum bri_source_handler)i);
	if (atomic_load_explicit(&source->cancelled, memory_order_acquire))
		call_handler(source, &calls[BRI_SOURCE_CANCEL]);
	for (int i = 0; i < BRI_SOURCE_HANDLERS; i++)
		bri_callable_clear(&calls[i]);
}

static void attach(struct dispatch_source_s *source)
{
	struct bri_callable call;
	int r = source->type->attach ? source->type->attach(source) : 0;

	source->attached = true;
	if (r < 0)
		bri_error("dispatch_source %s %ju: %s", source->type->name,
			(uintmax_t)source->handle, strerror(-r));
	if (source->registered)
		return;
	source->registered = true;
	call = take_handler(source, BRI_SOURCE_REGISTRATION);
	call_handler(source, &call);
	bri_callable_clear(&call);
}

/* move(): let go here, go on on the new queue. */
static void move(struct dispatch_source_s *source)
{
	struct dispatch_queue_s *target, *serial, *old_target, *old_queue;

	if (source->attached && source->type->detach)
		source->type->detach(source);
	source->attached = false;
	pthread_mutex_lock(&source->lock);
	target = source->new_target;
	source->new_target = NULL;
	serial = bri_queue_new_serial_for(target);
	old_target = serial ? source->head.target : target;
	old_queue = serial ? source->queue : NULL;
	if (serial) {
		source->head.target = target;
		source->queue = serial;
	}
	pthread_mutex_unlock(&source->lock);
	if (!serial)
		bri_error("dispatch_set_target_queue: no memory; the source stays on its queue");
	bri_source_kick(source);
	bri_object_put(old_target);
	bri_object_put(old_queue);
}

static void deliver(struct dispatch_source_s *source)
{
	struct bri_callable call;
	uintptr_t data = 0;

	pthread_mutex_lock(&source->lock);
	call = source->handlers[BRI_SOURCE_EVENT];
	pthread_mutex_unlock(&source->lock);
	if (!call.fn || !source->type->collect(source, &data))
		return;
	atomic_store_explicit(&source->data, data, memory_order_relaxed);
	call_handler(source, &call);
	if (source->type->again && source->type->again(source))
		bri_source_kick(source);
}

void bri_source_look(struct dispatch_source_s *source)
{
	bool released, held, moves, cancelled;

	if (source->finished)
		return;
	pthread_mutex_lock(&source->lock);
	released = source->released;
	held = source->inactive || source->suspended;
	moves = source->new_target;
	pthread_mutex_unlock(&source->lock);
	cancelled = atomic_load_explicit(&source->cancelled, memory_order_acquire);
	if (released || (cancelled && !held)) {
		finish(source);
	} else if (moves) {
		move(source);
	} else if (!held) {
		if (!source->attached) {
			attach(source);
			/* the handler may have cancelled or suspended us: look at everything again
			 */
			bri_source_kick(source);
			return;
		}
		bri_source_apply_timer(source);
		deliver(source);
	}
}

static void run_kick(struct bri_item *item)
{
	struct dispatch_source_s *source = bri_container_of(item, struct dispatch_source_s, item);
	bool moved;

	pthread_mutex_lock(&source->lock);
	moved = source->pushed_to != source->queue;
	if (moved) {
		source->pushed_to = source->queue;
		bri_queue_push(source->queue, &source->item);
	} else {
		source->kicked = false;
	}
	pthread_mutex_unlock(&source->lock);
	if (moved)
		return;
	bri_source_look(source);
	bri_object_put(source);
}

/* --- life --- */

static void wind_down(struct bri_object *obj)
{
	struct dispatch_source_s *source = (struct dispatch_source_s *)(void *)obj;

	pthread_mutex_lock(&source->lock);
	source->released = true;
	pthread_mutex_unlock(&source->lock);
	bri_source_kick(source);
}

static void destroy_source(struct bri_object *obj)
{
	struct dispatch_source_s *source = (struct dispatch_source_s *)(void *)obj;

	bri_dispatch_object_fini(&source->head);
	bri_object_put(source->new_target);
	bri_object_put(source->queue);
	pthread_mutex_destroy(&source->lock);
	free(source);
}

static struct dispatch_source_s *new_source(dispatch_source_type_t type, uintptr_t handle,
	uintptr_t mask, struct dispatch_queue_s *target)
{
	struct dispatch_source_s *source = bri_object_new(&source_class, sizeof(*source));

	if (!source)
		return NULL;
	source->type = type;
	source->handle = handle;
	source->mask = mask;
	source->inactive = true;
	source->item.run = run_kick;
	source->queue = bri_queue_new_serial_for(target);
	if (!source->queue) {
		free(source);
		return NULL;
	}
	source->head.target = bri_object_get(target);
	pthread_mutex_init(&source->lock, NULL);
	return source;
}

dispatch_source_t dispatch_source_create(
	dispatch_source_type_t type, uintptr_t handle, uintptr_t mask, dispatch_queue_t queue)
{
	struct dispatch_source_s *source;
	int r = 0;

	if (!type) {
		bri_error("dispatch_source_create: no type");
		return NULL;
	}
	if (!queue)
		queue = dispatch_get_global_queue(DISPATCH_QUEUE_PRIORITY_DEFAULT, 0);
	source = new_source(type, handle, mask, queue);
	if (source && type->open)
		r = type->open(source);
	if (!source || r < 0) {
		bri_error("dispatch_source_create: %s, handle %ju, mask %#jx: %s", type->name,
			(uintmax_t)handle, (uintmax_t)mask, strerror(source ? -r : ENOMEM));
		bri_object_put(source);
		return NULL;
	}
	return source;
}

/* Under lock the flag, then outside of it the work. */
static void wake(struct dispatch_source_s *source, bool activates)
{
	int r = activates && source->type->activate ? source->type->activate(source) : 0;

	if (r < 0)
		bri_error("dispatch_source %s %ju: %s", source->type->name,
			(uintmax_t)source->handle, strerror(-r));
	bri_source_kick(source);
}

void bri_source_suspend(struct dispatch_source_s *source)
{
	pthread_mutex_lock(&source->lock);
	source->suspended++;
	pthread_mutex_unlock(&source->lock);
}

void bri_source_resume(struct dispatch_source_s *source)
{
	bool activates = false;

	pthread_mutex_lock(&source->lock);
	if (source->suspended)
		source->suspended--;
	else if (source->inactive)
		activates = true;
	else
		bri_abort("dispatch_resume of a source that is not suspended");
	if (activates)
		source->inactive = false;
	pthread_mutex_unlock(&source->lock);
	wake(source, activates);
}

void bri_source_activate(struct dispatch_source_s *source)
{
	bool activates;

	pthread_mutex_lock(&source->lock);
	activates = source->inactive;
	source->inactive = false;
	pthread_mutex_unlock(&source->lock);
	if (activates)
		wake(source, true);
}

void bri_source_set_target(struct dispatch_source_s *source, struct dispatch_queue_s *target)
{
	struct dispatch_queue_s *old;

	if (!target)
		target = dispatch_get_global_queue(DISPATCH_QUEUE_PRIORITY_DEFAULT, 0);
	pthread_mutex_lock(&source->lock);
	old = source->new_target;
	source->new_target = bri_object_get(target);
	pthread_mutex_unlock(&source->lock);
	bri_object_put(old);
	bri_source_kick(source);
}

/* --- the public functions --- */

void dispatch_source_set_event_handler_f(dispatch_source_t source, dispatch_function_t handler)
{
	bri_source_set_handler(source, BRI_SOURCE_EVENT, BRI_CALLABLE(handler, NULL, NULL));
}

void dispatch_source_set_cancel_handler_f(dispatch_source_t source, dispatch_function_t handler)
{
	bri_source_set_handler(source, BRI_SOURCE_CANCEL, BRI_CALLABLE(handler, NULL, NULL));
}

void dispatch_source_set_registration_handler_f(
	dispatch_source_t source, dispatch_function_t handler)
{
	bri_source_set_handler(source, BRI_SOURCE_REGISTRATION, BRI_CALLABLE(handler, NULL, NULL));
}

void dispatch_source_cancel(dispatch_source_t source)
{
	if (!atomic_exchange_explicit(&source->cancelled, true, memory_order_acq_rel))
		bri_source_kick(source);
}

intptr_t dispatch_source_testcancel(dispatch_source_t source)
{
	return atomic_load_explicit(&source->cancelled, memory_order_acquire);
}

uintptr_t dispatch_source_get_handle(dispatch_source_t source)
{
	return source->handle;
}

uintptr_t dispatch_source_get_mask(dispatch_source_t source)
{
	return source->mask;
}

uintptr_t dispatch_source_get_data(dispatch_source_t source)
{
	return atomic_load_explicit(&source->data, memory_order_relaxed);
}

void dispatch_source_merge_data(dispatch_source_t source, uintptr_t value)
{
	if (!source->type->merge) {
		bri_error("dispatch_source_merge_data: a %s source", source->type->name);
		return;
	}
	if (!value)
		return;
	source->type->merge(source, value);
	bri_source_kick(source);
}
