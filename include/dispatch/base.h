/* The types that all of dispatch shares. */
#ifndef BRAID_DISPATCH_BASE_H
#define BRAID_DISPATCH_BASE_H

#include <os/base.h>
#include <os/object.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

BRAID_DECLS_BEGIN

#define DISPATCH_API_VERSION 20181008

#define DISPATCH_NOESCAPE             OS_NOESCAPE
#define DISPATCH_ASSUME_NONNULL_BEGIN OS_ASSUME_NONNULL_BEGIN
#define DISPATCH_ASSUME_NONNULL_END   OS_ASSUME_NONNULL_END
#define DISPATCH_EXPORT               extern
#define DISPATCH_RETURNS_RETAINED
#define DISPATCH_WARN_RESULT __attribute__((__warn_unused_result__))

#define DISPATCH_DECL(name) typedef struct name##_s *name##_t

/*!
 * @typedef dispatch_function_t
 * @abstract Work to do: one argument, its context.
 */
typedef void (*dispatch_function_t)(void *_Nullable context);

BRAID_DECLS_END

#endif
