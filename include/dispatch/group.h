/* Groups: several pieces of work, and the moment when all are done. */
#ifndef BRAID_DISPATCH_GROUP_H
#define BRAID_DISPATCH_GROUP_H

#include <dispatch/base.h>
#include <dispatch/object.h>
#include <dispatch/time.h>

BRAID_DECLS_BEGIN

/*!
 * @function dispatch_group_create
 * @result +1, an empty group; dispatch_release() it.
 */
DISPATCH_RETURNS_RETAINED dispatch_group_t dispatch_group_create(void);

#ifdef __BLOCKS__
/*!
 * @function dispatch_group_async
 * @abstract dispatch_async() of a piece of the group's work.
 */
void dispatch_group_async(dispatch_group_t group, dispatch_queue_t queue, dispatch_block_t block);
/*!
 * @function dispatch_group_notify
 * @abstract Runs the block on the queue, once, when the group is empty: at once if it is.
 */
void dispatch_group_notify(dispatch_group_t group, dispatch_queue_t queue, dispatch_block_t block);
#endif
/*!
 * @function dispatch_group_async_f
 * @abstract dispatch_async_f() of a piece of the group's work.
 */
void dispatch_group_async_f(dispatch_group_t group, dispatch_queue_t queue, void *_Nullable context,
	dispatch_function_t work);
/*!
 * @function dispatch_group_notify_f
 * @abstract As dispatch_group_notify(), with a function.
 */
void dispatch_group_notify_f(dispatch_group_t group, dispatch_queue_t queue,
	void *_Nullable context, dispatch_function_t work);

/*!
 * @function dispatch_group_wait
 * @abstract Waits until the group is empty.
 * @result 0, or not 0 when the time was up.
 */
intptr_t dispatch_group_wait(dispatch_group_t group, dispatch_time_t timeout);

/*!
 * @function dispatch_group_enter
 * @abstract One more piece of work, done with dispatch_group_leave().
 */
void dispatch_group_enter(dispatch_group_t group);
/*!
 * @function dispatch_group_leave
 * @abstract One piece is done. More leaves than enters abort.
 */
void dispatch_group_leave(dispatch_group_t group);

BRAID_DECLS_END

#endif
