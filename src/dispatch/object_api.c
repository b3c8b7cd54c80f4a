/* dispatch_retain and its kin: what works on every dispatch object. Knows kinds, not what objects
 * do. */
#include <dispatch/dispatch.h>

#include "base/log.h"
#include "dispatch/dispatch_object.h"
#include "dispatch/queue_internal.h"
#include "dispatch/source_internal.h"

static struct dispatch_queue_s *as_queue(void *object)
{
	struct bri_object *obj = object;

	return obj && obj->cls->kind == BRI_KIND_DISPATCH_QUEUE ? object : NULL;
}

static struct dispatch_source_s *as_source(void *object)
{
	struct bri_object *obj = object;

	return obj && obj->cls->kind == BRI_KIND_DISPATCH_SOURCE ? object : NULL;
}

BRI_EXPORT void dispatch_retain(dispatch_object_t object)
{
	bri_object_retain(object._object);
}

BRI_EXPORT void dispatch_release(dispatch_object_t object)
{
	bri_object_release(object._object);
}

BRI_EXPORT void *dispatch_get_context(dispatch_object_t object)
{
	struct bri_dispatch_object *common = bri_dispatch_object_of(object._object);
	struct dispatch_queue_s *queue = as_queue(object._object);

	if (queue)
		return atomic_load(&queue->context);
	return common ? atomic_load(&common->context) : NULL;
}

BRI_EXPORT void dispatch_set_context(dispatch_object_t object, void *context)
{
	struct bri_dispatch_object *common = bri_dispatch_object_of(object._object);
	struct dispatch_queue_s *queue = as_queue(object._object);

	if (queue)
		atomic_store(&queue->context, context);
	else if (common)
		atomic_store(&common->context, context);
}

BRI_EXPORT void dispatch_set_finalizer_f(dispatch_object_t object, dispatch_function_t finalizer)
{
	struct bri_dispatch_object *common = bri_dispatch_object_of(object._object);
	struct dispatch_queue_s *queue = as_queue(object._object);

	if (queue)
		atomic_store(&queue->finalizer, finalizer);
	else if (common)
		atomic_store(&common->finalizer, finalizer);
}

BRI_EXPORT void dispatch_suspend(dispatch_object_t object)
{
	if (as_queue(object._object))
		bri_queue_suspend(object._queue);
	else if (as_source(object._object))
		bri_source_suspend(object._source);
}

/* A queue that was created inactive: the first resume is its activation, as in libdispatch. */
static bool activate_queue(struct dispatch_queue_s *queue)
{
	if (!atomic_exchange(&queue->inactive, false))
		return false;
	bri_queue_resume(queue);
	return true;
}

BRI_EXPORT void dispatch_resume(dispatch_object_t object)
{
	if (as_queue(object._object)) {
		if (!activate_queue(object._queue))
			bri_queue_resume(object._queue);
	} else if (as_source(object._object)) {
		bri_source_resume(object._source);
	}
}

BRI_EXPORT void dispatch_activate(dispatch_object_t object)
{
	if (as_queue(object._object))
		activate_queue(object._queue);
	else if (as_source(object._object))
		bri_source_activate(object._source);
}

/* Takes effect for what is submitted from now on: set it before the queue is used, as documented.
 */
static void set_queue_target(struct dispatch_queue_s *queue, struct dispatch_queue_s *target)
{
	struct dispatch_queue_s *old;

	if (target && target->type == BRI_QUEUE_GLOBAL)
		target = NULL;
	for (struct dispatch_queue_s *q = target; q; q = q->target) {
		if (q == queue) {
			bri_error("dispatch_set_target_queue: \"%s\" would target itself",
				queue->label);
			return;
		}
	}
	bri_queue_suspend(queue);
	old = queue->target;
	queue->target = bri_object_get(target);
	bri_queue_resume(queue);
	bri_object_put(old);
}

BRI_EXPORT void dispatch_set_target_queue(dispatch_object_t object, dispatch_queue_t queue)
{
	if (as_queue(object._object) && object._queue->type != BRI_QUEUE_GLOBAL)
		set_queue_target(object._queue, queue);
	else if (as_source(object._object))
		bri_source_set_target(object._source, queue);
}

/* api-status: noop dispatch_set_qos_class_floor: all classes run alike */
BRI_EXPORT void dispatch_set_qos_class_floor(
	dispatch_object_t object, dispatch_qos_class_t qos_class, int relative_priority)
{
	(void)object;
	(void)qos_class;
	(void)relative_priority;
}
