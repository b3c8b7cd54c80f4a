/* The common part of groups, semaphores, sources and channels: its end. */
#include <dispatch/dispatch.h>

#include "dispatch/dispatch_object.h"
#include "dispatch/runtime.h"

void bri_dispatch_object_fini(struct bri_dispatch_object *object)
{
	bri_finalizer_f finalizer = atomic_load_explicit(&object->finalizer, memory_order_acquire);
	void *context = atomic_load_explicit(&object->context, memory_order_acquire);
	struct dispatch_queue_s *target = object->target;

	if (finalizer && context) {
		bri_async(target ? target
				 : dispatch_get_global_queue(DISPATCH_QUEUE_PRIORITY_DEFAULT, 0),
			context, finalizer);
	}
	bri_object_put(target);
}
