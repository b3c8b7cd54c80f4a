/* Queues: where work runs, in which order. */
#ifndef BRAID_DISPATCH_QUEUE_H
#define BRAID_DISPATCH_QUEUE_H

#include <dispatch/base.h>
#include <dispatch/object.h>
#include <dispatch/time.h>

BRAID_DECLS_BEGIN

#define DISPATCH_QUEUE_PRIORITY_HIGH       2
#define DISPATCH_QUEUE_PRIORITY_DEFAULT    0
#define DISPATCH_QUEUE_PRIORITY_LOW        (-2)
#define DISPATCH_QUEUE_PRIORITY_BACKGROUND INT16_MIN
typedef long dispatch_queue_priority_t;

extern struct dispatch_queue_attr_s _dispatch_queue_attr_concurrent;

/*!
 * @const DISPATCH_QUEUE_SERIAL
 * @abstract One item at a time, first in, first out.
 */
#define DISPATCH_QUEUE_SERIAL ((dispatch_queue_attr_t)0)
/*!
 * @const DISPATCH_QUEUE_CONCURRENT
 * @abstract Items begin in order and may run side by side; barriers run alone.
 */
#define DISPATCH_QUEUE_CONCURRENT (&_dispatch_queue_attr_concurrent)
#define DISPATCH_QUEUE_SERIAL_INACTIVE                                                             \
	dispatch_queue_attr_make_initially_inactive(DISPATCH_QUEUE_SERIAL)
#define DISPATCH_QUEUE_CONCURRENT_INACTIVE                                                         \
	dispatch_queue_attr_make_initially_inactive(DISPATCH_QUEUE_CONCURRENT)
/* there are no autorelease pools in C: the same as without */
#define DISPATCH_QUEUE_SERIAL_WITH_AUTORELEASE_POOL     DISPATCH_QUEUE_SERIAL
#define DISPATCH_QUEUE_CONCURRENT_WITH_AUTORELEASE_POOL DISPATCH_QUEUE_CONCURRENT

/*!
 * @const DISPATCH_TARGET_QUEUE_DEFAULT
 * @abstract Let the library choose what a queue targets.
 */
#define DISPATCH_TARGET_QUEUE_DEFAULT ((dispatch_queue_t)0)
/*!
 * @const DISPATCH_CURRENT_QUEUE_LABEL
 * @abstract In place of a queue for dispatch_queue_get_label(): the current one's.
 */
#define DISPATCH_CURRENT_QUEUE_LABEL ((dispatch_queue_t)0)
/*!
 * @const DISPATCH_APPLY_AUTO
 * @abstract In place of a queue for dispatch_apply(): use the whole machine.
 */
#define DISPATCH_APPLY_AUTO ((dispatch_queue_t)0)

/*!
 * @typedef dispatch_autorelease_frequency_t
 * @abstract Kept, and without effect in C.
 */
typedef enum {
	DISPATCH_AUTORELEASE_FREQUENCY_INHERIT = 0,
	DISPATCH_AUTORELEASE_FREQUENCY_WORK_ITEM = 1,
	DISPATCH_AUTORELEASE_FREQUENCY_NEVER = 2,
} dispatch_autorelease_frequency_t;

/*!
 * @function dispatch_queue_create
 * @param label A name for people; copied, may be NULL.
 * @param attr DISPATCH_QUEUE_SERIAL (NULL), DISPATCH_QUEUE_CONCURRENT, or made of them.
 * @result +1, dispatch_release() it.
 */
DISPATCH_RETURNS_RETAINED dispatch_queue_t dispatch_queue_create(
	const char *_Nullable label, dispatch_queue_attr_t _Nullable attr);

/*!
 * @function dispatch_queue_create_with_target
 * @abstract As above.
 * @param target Where its items run; retained. NULL: the default.
 */
DISPATCH_RETURNS_RETAINED dispatch_queue_t dispatch_queue_create_with_target(
	const char *_Nullable label, dispatch_queue_attr_t _Nullable attr,
	dispatch_queue_t _Nullable target);

/*!
 * @function dispatch_queue_attr_make_initially_inactive
 * @result The attributes with: does nothing until dispatch_activate(). Never to be released.
 */
dispatch_queue_attr_t dispatch_queue_attr_make_initially_inactive(
	dispatch_queue_attr_t _Nullable attr);

/*!
 * @function dispatch_queue_attr_make_with_autorelease_frequency
 * @result The attributes with this frequency.
 */
dispatch_queue_attr_t dispatch_queue_attr_make_with_autorelease_frequency(
	dispatch_queue_attr_t _Nullable attr, dispatch_autorelease_frequency_t frequency);

/*!
 * @function dispatch_queue_attr_make_with_qos_class
 * @param relative_priority 0 to -15.
 * @result The attributes with this class.
 */
dispatch_queue_attr_t dispatch_queue_attr_make_with_qos_class(dispatch_queue_attr_t _Nullable attr,
	dispatch_qos_class_t qos_class, int relative_priority);

/*!
 * @function dispatch_get_main_queue
 * @result The queue of the main thread, served by dispatch_main(). Borrowed, immortal.
 */
dispatch_queue_main_t dispatch_get_main_queue(void);

/*!
 * @function dispatch_get_global_queue
 * @param identifier A DISPATCH_QUEUE_PRIORITY_ or a QOS_CLASS_.
 * @param flags 0.
 * @result A concurrent queue of the process, immortal. NULL for anything else.
 */
dispatch_queue_global_t _Nullable dispatch_get_global_queue(intptr_t identifier, uintptr_t flags);

/*!
 * @function dispatch_queue_get_label
 * @param queue NULL: the current one.
 * @result The name, borrowed; "" when it has none.
 */
const char *dispatch_queue_get_label(dispatch_queue_t _Nullable queue);

/*!
 * @function dispatch_queue_get_qos_class
 * @param relative_priority_ptr Out; may be NULL.
 * @result The class given by its attributes.
 */
dispatch_qos_class_t dispatch_queue_get_qos_class(
	dispatch_queue_t queue, int *_Nullable relative_priority_ptr);

/*!
 * @function dispatch_queue_set_specific
 * @abstract Stores a value with a queue; found by dispatch_get_specific() in its items and those
 *   of queues that target it.
 * @param key Compared by address.
 * @param context NULL removes.
 * @param destructor Called on replacement or end; may be NULL.
 */
void dispatch_queue_set_specific(dispatch_queue_t queue, const void *key, void *_Nullable context,
	dispatch_function_t _Nullable destructor);

/*!
 * @function dispatch_queue_get_specific
 * @result The queue's own value of the key, or NULL.
 */
void *_Nullable dispatch_queue_get_specific(dispatch_queue_t queue, const void *key);

/*!
 * @function dispatch_get_specific
 * @result The value of the key of the current queue or those it targets; NULL outside of queues.
 */
void *_Nullable dispatch_get_specific(const void *key);

#ifdef __BLOCKS__
/*!
 * @function dispatch_async
 * @abstract Runs the block on the queue, later.
 * @param block Copied.
 */
void dispatch_async(dispatch_queue_t queue, dispatch_block_t block);
/*!
 * @function dispatch_sync
 * @abstract Runs the block on the queue and returns after it. On the current serial queue that
 *   would wait forever: aborts.
 */
void dispatch_sync(dispatch_queue_t queue, DISPATCH_NOESCAPE dispatch_block_t block);
/*!
 * @function dispatch_async_and_wait
 * @abstract As dispatch_sync(); the block may run on another thread.
 */
void dispatch_async_and_wait(dispatch_queue_t queue, DISPATCH_NOESCAPE dispatch_block_t block);
/*!
 * @function dispatch_barrier_async
 * @abstract On a concurrent queue: after all before it, before all after it, alone.
 */
void dispatch_barrier_async(dispatch_queue_t queue, dispatch_block_t block);
/*!
 * @function dispatch_barrier_sync
 * @abstract As dispatch_barrier_async(), and returns after it.
 */
void dispatch_barrier_sync(dispatch_queue_t queue, DISPATCH_NOESCAPE dispatch_block_t block);
/*!
 * @function dispatch_barrier_async_and_wait
 * @abstract As dispatch_barrier_sync().
 */
void dispatch_barrier_async_and_wait(
	dispatch_queue_t queue, DISPATCH_NOESCAPE dispatch_block_t block);
/*!
 * @function dispatch_after
 * @abstract Runs the block on the queue, not before `when`.
 * @param block Copied.
 */
void dispatch_after(dispatch_time_t when, dispatch_queue_t queue, dispatch_block_t block);
/*!
 * @function dispatch_apply
 * @abstract Runs the block for 0 to iterations - 1, side by side where the queue allows, and
 *   returns after all.
 */
void dispatch_apply(size_t iterations, dispatch_queue_t _Nullable queue,
	DISPATCH_NOESCAPE void (^block)(size_t iteration));
#endif
/*!
 * @function dispatch_async_f
 * @abstract Runs the function on the queue, later.
 */
void dispatch_async_f(dispatch_queue_t queue, void *_Nullable context, dispatch_function_t work);
/*!
 * @function dispatch_sync_f
 * @abstract Runs the function on the queue and returns after it.
 */
void dispatch_sync_f(dispatch_queue_t queue, void *_Nullable context, dispatch_function_t work);
/*!
 * @function dispatch_async_and_wait_f
 * @abstract As dispatch_sync_f(); it may run on another thread.
 */
void dispatch_async_and_wait_f(
	dispatch_queue_t queue, void *_Nullable context, dispatch_function_t work);
/*!
 * @function dispatch_barrier_async_f
 * @abstract As dispatch_barrier_async(), with a function.
 */
void dispatch_barrier_async_f(
	dispatch_queue_t queue, void *_Nullable context, dispatch_function_t work);
/*!
 * @function dispatch_barrier_sync_f
 * @abstract As dispatch_barrier_sync(), with a function.
 */
void dispatch_barrier_sync_f(
	dispatch_queue_t queue, void *_Nullable context, dispatch_function_t work);
/*!
 * @function dispatch_barrier_async_and_wait_f
 * @abstract As dispatch_barrier_sync_f().
 */
void dispatch_barrier_async_and_wait_f(
	dispatch_queue_t queue, void *_Nullable context, dispatch_function_t work);
/*!
 * @function dispatch_after_f
 * @abstract Runs the function on the queue, not before `when`.
 */
void dispatch_after_f(dispatch_time_t when, dispatch_queue_t queue, void *_Nullable context,
	dispatch_function_t work);
/*!
 * @function dispatch_apply_f
 * @abstract As dispatch_apply(), with a function.
 */
void dispatch_apply_f(size_t iterations, dispatch_queue_t _Nullable queue, void *_Nullable context,
	void (*work)(void *_Nullable context, size_t iteration));

/*!
 * @function dispatch_get_current_queue
 * @result For debugging: the queue whose item runs here; outside of queues a global one. Borrowed.
 */
dispatch_queue_t dispatch_get_current_queue(void);

/*!
 * @function dispatch_assert_queue
 * @abstract Aborts unless this is an item of the queue, or of one that targets it.
 */
void dispatch_assert_queue(dispatch_queue_t queue);
/*!
 * @function dispatch_assert_queue_barrier
 * @abstract As dispatch_assert_queue(), and no other item of it can run.
 */
void dispatch_assert_queue_barrier(dispatch_queue_t queue);
/*!
 * @function dispatch_assert_queue_not
 * @abstract Aborts if this is an item of the queue, or of one that targets it.
 */
void dispatch_assert_queue_not(dispatch_queue_t queue);

#ifdef NDEBUG
#define dispatch_assert_queue_debug(queue)         ((void)0)
#define dispatch_assert_queue_barrier_debug(queue) ((void)0)
#define dispatch_assert_queue_not_debug(queue)     ((void)0)
#else
#define dispatch_assert_queue_debug(queue)         dispatch_assert_queue(queue)
#define dispatch_assert_queue_barrier_debug(queue) dispatch_assert_queue_barrier(queue)
#define dispatch_assert_queue_not_debug(queue)     dispatch_assert_queue_not(queue)
#endif

/*!
 * @function dispatch_main
 * @abstract Serves the main queue on the main thread. Never returns.
 */
void dispatch_main(void) __attribute__((__noreturn__));

BRAID_DECLS_END

#endif
