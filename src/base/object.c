/* Reference counts of public objects. Knows nothing of what the objects are. */
#include "base/object.h"

#include <stdlib.h>

void bri_object_init(struct bri_object *obj, const struct bri_class *cls)
{
	obj->cls = cls;
	atomic_init(&obj->ext, 1);
	atomic_init(&obj->refs, 1);
}

void *bri_object_new(const struct bri_class *cls, size_t size)
{
	struct bri_object *obj = calloc(1, size);

	if (obj)
		bri_object_init(obj, cls);
	return obj;
}

void *bri_object_retain(void *ptr)
{
	struct bri_object *obj = ptr;
	int32_t old;

	if (!obj || atomic_load_explicit(&obj->ext, memory_order_relaxed) == BRI_IMMORTAL)
		return ptr;
	old = atomic_fetch_add_explicit(&obj->ext, 1, memory_order_relaxed);
	/* 0 -> 1 is legal for objects that we hand out again: their internal count keeps them */
	if (old == 0)
		bri_object_get(obj);
	else if (BRI_UNLIKELY(old < 0))
		bri_abort("retain of a freed %s", obj->cls->name);
	return ptr;
}

void bri_object_release(void *ptr)
{
	struct bri_object *obj = ptr;
	int32_t old;

	if (!obj || atomic_load_explicit(&obj->ext, memory_order_relaxed) == BRI_IMMORTAL)
		return;
	old = atomic_fetch_sub_explicit(&obj->ext, 1, memory_order_acq_rel);
	if (BRI_UNLIKELY(old <= 0))
		bri_abort("over-release of a %s", obj->cls->name);
	if (old > 1)
		return;
	if (obj->cls->wind_down)
		obj->cls->wind_down(obj);
	bri_object_put(obj);
}

void *bri_object_get(void *ptr)
{
	struct bri_object *obj = ptr;

	if (obj && atomic_load_explicit(&obj->ext, memory_order_relaxed) != BRI_IMMORTAL)
		atomic_fetch_add_explicit(&obj->refs, 1, memory_order_relaxed);
	return ptr;
}

void bri_object_put(void *ptr)
{
	struct bri_object *obj = ptr;
	int32_t old;

	if (!obj || atomic_load_explicit(&obj->ext, memory_order_relaxed) == BRI_IMMORTAL)
		return;
	old = atomic_fetch_sub_explicit(&obj->refs, 1, memory_order_acq_rel);
	if (BRI_UNLIKELY(old <= 0))
		bri_abort("too many internal puts of a %s", obj->cls->name);
	if (old == 1)
		obj->cls->destroy(obj);
}
