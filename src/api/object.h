/*
 * What every public function starts with: is this argument an object of the right kind?
 * And nw_retain / nw_release. Knows kinds, not what objects hold.
 */
#ifndef BRI_API_OBJECT_H
#define BRI_API_OBJECT_H

#include <os/base.h>
/*
 * For programs a pointer that is not marked nullable is never NULL, and their compiler says so.
 * Here every argument may be, and a constructor that fails returns NULL. Before any other public
 * header.
 */
#undef OS_ASSUME_NONNULL_BEGIN
#undef OS_ASSUME_NONNULL_END
#define OS_ASSUME_NONNULL_BEGIN
#define OS_ASSUME_NONNULL_END
#define _Nullable
#define _Nonnull

#include <Network/Network.h>
#include "base/object.h"

/*
 * bri_object_check(): the argument `obj` of the public function `function` is of this kind. If not,
 * one line is logged that names both. NULL is "not".
 */
bool bri_object_check(const void *obj, enum bri_kind kind, const char *function);

/* bri_object_new_pooled(): as bri_object_new(), for what is made for each message: destroyed with
 * bri_pool_free(obj, size). */
void *bri_object_new_pooled(const struct bri_class *cls, size_t size);

/* bri_object_set(): *slot gives up its internal reference for one of `obj`. NULL allowed. */
#define bri_object_set(slot, obj)                                                                  \
	do {                                                                                       \
		void *bri_old_ = *(slot);                                                          \
		*(slot) = bri_object_get(obj);                                                     \
		bri_object_put(bri_old_);                                                          \
	} while (0)

/*
 * bri_object_own(): the creator's application reference becomes an internal one: for objects that
 * another object owns and hands out with bri_object_retain(). NULL is passed through.
 */
void *bri_object_own(void *obj);

#endif
