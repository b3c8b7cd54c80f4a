/*
 * What dispatch objects other than queues, attributes and data start with: the application's
 * context and finalizer. A source's handlers and an object's finalizer run on its target queue.
 */
#ifndef BRI_DISPATCH_OBJECT_H
#define BRI_DISPATCH_OBJECT_H

#include "base/object.h"

struct dispatch_queue_s;

typedef void (*bri_finalizer_f)(void *context);

struct bri_dispatch_object {
	struct bri_object obj;
	_Atomic(void *) context;
	_Atomic(bri_finalizer_f) finalizer;
	struct dispatch_queue_s *target; /* internal reference; NULL: the default global queue */
};

/* bri_dispatch_object_of(): the common part of a group, semaphore, source or channel; else NULL. */
static inline struct bri_dispatch_object *bri_dispatch_object_of(void *object)
{
	struct bri_object *obj = object;

	if (!obj)
		return NULL;
	switch (obj->cls->kind) {
	case BRI_KIND_DISPATCH_GROUP:
	case BRI_KIND_DISPATCH_SEMAPHORE:
	case BRI_KIND_DISPATCH_SOURCE:
	case BRI_KIND_DISPATCH_IO: return (struct bri_dispatch_object *)(void *)obj;
	default: return NULL;
	}
}

/* bri_dispatch_object_fini(): what a destroy function of such an object does last but free(). */
void bri_dispatch_object_fini(struct bri_dispatch_object *object);

#endif
