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

void bri_object_first_retain(struct bri_object *obj, int32_t old)
{
	/* 0 -> 1 is legal for objects that we hand out again: their internal count keeps them */
	if (old < 0)
		bri_abort("retain of a freed %s", obj->cls->name);
	bri_object_get(obj);
}

void bri_object_last_release(struct bri_object *obj, int32_t old)
{
	if (old <= 0)
		bri_abort("over-release of a %s", obj->cls->name);
	if (obj->cls->wind_down)
		obj->cls->wind_down(obj);
	bri_object_put(obj);
}

void bri_object_last_put(struct bri_object *obj, int32_t old)
{
	if (old <= 0)
		bri_abort("too many internal puts of a %s", obj->cls->name);
	obj->cls->destroy(obj);
}
