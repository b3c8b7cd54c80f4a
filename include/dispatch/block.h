/*
 * dispatch_cancel(), dispatch_notify(), dispatch_wait(), dispatch_testcancel(): one word for the
 * objects that can be cancelled, waited for, and so on. In C they choose by the type of the object.
 */
#ifndef BRAID_DISPATCH_BLOCK_H
#define BRAID_DISPATCH_BLOCK_H

#include <dispatch/group.h>
#include <dispatch/semaphore.h>
#include <dispatch/source.h>

#ifndef __cplusplus
/*!
 * @function dispatch_cancel
 * @param object A source.
 */
#define dispatch_cancel(object)                                                                    \
	_Generic((object), struct dispatch_source_s * : dispatch_source_cancel)(object)
/*!
 * @function dispatch_testcancel
 * @param object A source.
 */
#define dispatch_testcancel(object)                                                                \
	_Generic((object), struct dispatch_source_s * : dispatch_source_testcancel)(object)
/*!
 * @function dispatch_wait
 * @param object A group or a semaphore.
 */
#define dispatch_wait(object, timeout)                                                             \
	_Generic((object), struct dispatch_group_s *                                               \
		 : dispatch_group_wait, struct dispatch_semaphore_s *                              \
		 : dispatch_semaphore_wait)(object, timeout)
#ifdef __BLOCKS__
/*!
 * @function dispatch_notify
 * @param object A group.
 */
#define dispatch_notify(object, queue, notification_block)                                         \
	_Generic((object), struct dispatch_group_s *                                               \
		 : dispatch_group_notify)(object, queue, notification_block)
#endif
#else
static inline void dispatch_cancel(dispatch_source_t source)
{
	dispatch_source_cancel(source);
}

static inline intptr_t dispatch_testcancel(dispatch_source_t source)
{
	return dispatch_source_testcancel(source);
}

static inline intptr_t dispatch_wait(dispatch_group_t group, dispatch_time_t timeout)
{
	return dispatch_group_wait(group, timeout);
}

static inline intptr_t dispatch_wait(dispatch_semaphore_t dsema, dispatch_time_t timeout)
{
	return dispatch_semaphore_wait(dsema, timeout);
}

#ifdef __BLOCKS__
static inline void dispatch_notify(
	dispatch_group_t group, dispatch_queue_t queue, dispatch_block_t block)
{
	dispatch_group_notify(group, queue, block);
}
#endif
#endif

#endif
