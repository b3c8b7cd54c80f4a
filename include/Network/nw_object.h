/* What all objects of the Network framework share: declaration macros, reference counting. */
#ifndef __NW_INDIRECT__
#warning "include <Network/Network.h> instead of one of its parts"
#include <Network/Network.h>
#endif

#ifndef BRAID_NW_OBJECT_H
#define BRAID_NW_OBJECT_H

#include <os/base.h>
#include <os/object.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* object types: in C a pointer to an opaque struct */
#define NW_OBJECT_DECL(type)                                                                       \
	struct type;                                                                               \
	typedef struct type *type##_t
#define NW_OBJECT_DECL_SUBCLASS(type, super) typedef super##_t type##_t
#define NW_SENDABLE_OBJECT_DECL(type)        NW_OBJECT_DECL(type)

#define NW_ASSUME_NONNULL_BEGIN OS_ASSUME_NONNULL_BEGIN
#define NW_ASSUME_NONNULL_END   OS_ASSUME_NONNULL_END
#define NW_NONNULL_ARRAY        _Nonnull
#define NW_NOESCAPE             OS_NOESCAPE

/* ownership notes: for people, and for programs that write them in prototypes of their own */
#define NW_RETURNS_RETAINED
#define NW_RETURNS_NOT_RETAINED
#define NW_RELEASES_ARGUMENT
#define NW_VALID_UNTIL_END_OF_SCOPE
#define NW_RETURNS_INNER_POINTER
#define NW_UNSAFE_UNRETAINED
#define NW_EXTERNALLY_RETAINED
#define NW_ASSUME_EXTERNALLY_RETAINED_BEGIN
#define NW_ASSUME_EXTERNALLY_RETAINED_END
#define NW_EXPORT_PROJECT
#define NW_NOT_i386_MAC
#define NW_DIRECT
#define NW_DIRECT_MEMBERS
#define NW_SWIFT_DISABLE_ASYNC
#define NW_SWIFT_SENDABLE
#define NW_NO_DESTROY

/* enums with a fixed underlying type, where the compiler has them: NW_ENUM(uint8_t, foo_t) { ... };
 */
#if defined(__cplusplus) || __has_feature(objc_fixed_enum)
#define __NW_NAMED_ENUM(type_, name_)                                                              \
	enum name_ : type_;                                                                        \
	typedef enum name_ name_;                                                                  \
	enum name_ : type_
#define __NW_ANON_ENUM(type_) enum : type_
#else
#define __NW_NAMED_ENUM(type_, name_)                                                              \
	typedef type_ name_;                                                                       \
	enum
#define __NW_ANON_ENUM(type_) enum
#endif
#define NW_ENUM(type_, name_)    __NW_NAMED_ENUM(type_, name_)
#define NW_OPTIONS(type_, name_) __NW_NAMED_ENUM(type_, name_)

BRAID_DECLS_BEGIN

NW_OBJECT_DECL(nw_object);

/*!
 * @typedef nw_context_destroy_f
 * @abstract Ends the life of a context that was handed over with an `_f` function. It is called
 *   exactly once, when the library has done with the context: also when the handler never ran.
 */
typedef void (*nw_context_destroy_f)(void *_Nullable context);

/*!
 * @function nw_retain
 * @abstract Adds a reference of the application's. Works for every nw_, sec_ and dispatch_ object.
 * @param obj The object. NULL is harmless.
 * @result obj.
 */
void *_Nullable nw_retain(void *_Nullable obj);

/*!
 * @function nw_release
 * @abstract Gives one reference of the application's back; with the last the object ends. Giving
 *   back more than one has is a program error and aborts.
 * @param obj The object, of any family. NULL is harmless.
 */
void nw_release(void *_Nullable obj);

BRAID_DECLS_END

#endif
