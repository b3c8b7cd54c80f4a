/* What all dispatch objects share: counts, context, suspension, target. */
#ifndef BRAID_DISPATCH_OBJECT_H
#define BRAID_DISPATCH_OBJECT_H

#include <dispatch/base.h>

BRAID_DECLS_BEGIN

DISPATCH_DECL(dispatch_queue);
DISPATCH_DECL(dispatch_queue_attr);
DISPATCH_DECL(dispatch_group);
DISPATCH_DECL(dispatch_semaphore);
DISPATCH_DECL(dispatch_source);
DISPATCH_DECL(dispatch_data);
DISPATCH_DECL(dispatch_io);

typedef dispatch_queue_t dispatch_queue_global_t;
typedef dispatch_queue_t dispatch_queue_serial_t;
typedef dispatch_queue_t dispatch_queue_main_t;
typedef dispatch_queue_t dispatch_queue_concurrent_t;
typedef dispatch_queue_t dispatch_queue_serial_executor_t;
typedef dispatch_source_t dispatch_source_timer_t;

/*!
 * @typedef dispatch_object_t
 * @abstract Any dispatch object. In C a union of them all, passed like the pointer it holds.
 */
#ifdef __cplusplus
typedef void *dispatch_object_t;
#else
struct dispatch_object_s;
typedef union {
	struct dispatch_object_s *_object;
	struct dispatch_queue_s *_queue;
	struct dispatch_queue_attr_s *_queue_attr;
	struct dispatch_group_s *_group;
	struct dispatch_semaphore_s *_semaphore;
	struct dispatch_source_s *_source;
	struct dispatch_data_s *_data;
	struct dispatch_io_s *_io;
} dispatch_object_t __attribute__((__transparent_union__));
#endif

#ifdef __BLOCKS__
/*!
 * @typedef dispatch_block_t
 * @abstract Work to do.
 */
typedef void (^dispatch_block_t)(void);
#endif

/*!
 * @typedef dispatch_qos_class_t
 * @abstract How urgent work is. Linux treats all classes alike; the class is kept and told.
 */
typedef enum {
	QOS_CLASS_USER_INTERACTIVE = 0x21,
	QOS_CLASS_USER_INITIATED = 0x19,
	QOS_CLASS_DEFAULT = 0x15,
	QOS_CLASS_UTILITY = 0x11,
	QOS_CLASS_BACKGROUND = 0x09,
	QOS_CLASS_UNSPECIFIED = 0x00,
} qos_class_t;
typedef qos_class_t dispatch_qos_class_t;
#define QOS_MIN_RELATIVE_PRIORITY (-15)

/*!
 * @function dispatch_retain
 * @abstract Adds a reference.
 * @param object Any object of this library; NULL is harmless.
 */
void dispatch_retain(dispatch_object_t object);

/*!
 * @function dispatch_release
 * @abstract Gives a reference back; with the last the object ends once its work is done. NULL is
 *   harmless.
 */
void dispatch_release(dispatch_object_t object);

/*!
 * @function dispatch_get_context
 * @result What dispatch_set_context() stored; NULL by default.
 */
void *_Nullable dispatch_get_context(dispatch_object_t object);

/*!
 * @function dispatch_set_context
 * @param context Kept with a queue, group, semaphore, source or channel; not looked at.
 */
void dispatch_set_context(dispatch_object_t object, void *_Nullable context);

/*!
 * @function dispatch_set_finalizer_f
 * @param finalizer Called once with the context, when the object has ended and its context is not
 *   NULL.
 */
void dispatch_set_finalizer_f(dispatch_object_t object, dispatch_function_t _Nullable finalizer);

/*!
 * @function dispatch_activate
 * @abstract Wakes an object that was created inactive. Later calls do nothing.
 */
void dispatch_activate(dispatch_object_t object);

/*!
 * @function dispatch_suspend
 * @abstract No new item of this queue or source begins until dispatch_resume(). Counts.
 */
void dispatch_suspend(dispatch_object_t object);

/*!
 * @function dispatch_resume
 * @abstract Takes one dispatch_suspend() back; more of them than suspends abort. Activates a new
 *   source.
 */
void dispatch_resume(dispatch_object_t object);

/*!
 * @function dispatch_set_target_queue
 * @abstract The object's work runs as items of this queue.
 * @param queue Retained; NULL: the default.
 */
void dispatch_set_target_queue(dispatch_object_t object, dispatch_queue_t _Nullable queue);

/*!
 * @function dispatch_set_qos_class_floor
 * @abstract At least this class for the object's work.
 */
void dispatch_set_qos_class_floor(
	dispatch_object_t object, dispatch_qos_class_t qos_class, int relative_priority);

BRAID_DECLS_END

#endif
