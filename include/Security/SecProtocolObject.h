/* What the sec_ objects share: declaration macros, reference counting. */
#ifndef BRAID_SECURITY_SECPROTOCOLOBJECT_H
#define BRAID_SECURITY_SECPROTOCOLOBJECT_H

#include <os/base.h>
#include <os/object.h>
#include <stdint.h>

/* object types: in C a pointer to an opaque struct */
#define SEC_OBJECT_DECL(type)                                                                      \
	struct type;                                                                               \
	typedef struct type *type##_t
#define SEC_RETURNS_RETAINED
#define SEC_ASSUME_NONNULL_BEGIN OS_ASSUME_NONNULL_BEGIN
#define SEC_ASSUME_NONNULL_END   OS_ASSUME_NONNULL_END

/* enums of a fixed size, where the language has them: SEC_ENUM(uint16_t, foo_t) { ... }; */
#if defined(__cplusplus)
#define SEC_ENUM(type_, name_)                                                                     \
	enum name_ : type_;                                                                        \
	typedef enum name_ name_;                                                                  \
	enum name_ : type_
#else
#define SEC_ENUM(type_, name_)                                                                     \
	typedef type_ name_;                                                                       \
	enum
#endif

BRAID_DECLS_BEGIN

/*!
 * @typedef sec_object_t
 * @abstract Any of them.
 */
typedef void *sec_object_t;

/*!
 * @function sec_retain
 * @abstract Adds a reference of the application's. Works for every sec_, nw_ and dispatch_ object.
 * @param obj The object. NULL is harmless.
 * @result obj.
 */
void *_Nullable sec_retain(void *_Nullable obj);

/*!
 * @function sec_release
 * @abstract Gives one reference of the application's back; with the last the object ends.
 * @param obj The object, of any family. NULL is harmless.
 */
void sec_release(void *_Nullable obj);

BRAID_DECLS_END

#endif
