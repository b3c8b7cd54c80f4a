/* Sources: events that make a handler run on a queue. */
#ifndef BRAID_DISPATCH_SOURCE_H
#define BRAID_DISPATCH_SOURCE_H

#include <dispatch/base.h>
#include <dispatch/object.h>
#include <dispatch/queue.h>
#include <dispatch/time.h>

BRAID_DECLS_BEGIN

/*!
 * @typedef dispatch_source_type_t
 * @abstract One of the constants below.
 */
typedef const struct dispatch_source_type_s *dispatch_source_type_t;

extern const struct dispatch_source_type_s _dispatch_source_type_read;
extern const struct dispatch_source_type_s _dispatch_source_type_write;
extern const struct dispatch_source_type_s _dispatch_source_type_timer;
extern const struct dispatch_source_type_s _dispatch_source_type_signal;
extern const struct dispatch_source_type_s _dispatch_source_type_proc;
extern const struct dispatch_source_type_s _dispatch_source_type_data_add;
extern const struct dispatch_source_type_s _dispatch_source_type_data_or;

/*!
 * @const DISPATCH_SOURCE_TYPE_READ
 * @abstract handle: a descriptor. Data: about how many bytes can be read.
 */
#define DISPATCH_SOURCE_TYPE_READ (&_dispatch_source_type_read)
/*!
 * @const DISPATCH_SOURCE_TYPE_WRITE
 * @abstract handle: a descriptor that can be written to. Data: about how many bytes.
 */
#define DISPATCH_SOURCE_TYPE_WRITE (&_dispatch_source_type_write)
/*!
 * @const DISPATCH_SOURCE_TYPE_TIMER
 * @abstract handle: 0. Data: how often it fired since the last handler.
 */
#define DISPATCH_SOURCE_TYPE_TIMER (&_dispatch_source_type_timer)
/*!
 * @const DISPATCH_SOURCE_TYPE_SIGNAL
 * @abstract handle: a signal's number; its disposition must be SIG_IGN or harmless. Data: how
 *   often it came.
 */
#define DISPATCH_SOURCE_TYPE_SIGNAL (&_dispatch_source_type_signal)
/*!
 * @const DISPATCH_SOURCE_TYPE_PROC
 * @abstract handle: a process id; mask: DISPATCH_PROC_EXIT (pidfd_open(2)). Data: what happened.
 */
#define DISPATCH_SOURCE_TYPE_PROC (&_dispatch_source_type_proc)
/*!
 * @const DISPATCH_SOURCE_TYPE_DATA_ADD
 * @abstract Data: the sum of dispatch_source_merge_data() since the last handler.
 */
#define DISPATCH_SOURCE_TYPE_DATA_ADD (&_dispatch_source_type_data_add)
/*!
 * @const DISPATCH_SOURCE_TYPE_DATA_OR
 * @abstract Data: the bitwise or of dispatch_source_merge_data() since the last handler.
 */
#define DISPATCH_SOURCE_TYPE_DATA_OR (&_dispatch_source_type_data_or)

#define DISPATCH_PROC_EXIT    0x80000000u
#define DISPATCH_TIMER_STRICT 0x1u

/*!
 * @function dispatch_source_create
 * @abstract A source, which does nothing until dispatch_activate() or dispatch_resume().
 * @param queue Where its handlers run; retained. NULL: a global one.
 * @result +1, dispatch_release() it. NULL (logged) when handle or mask do not fit the type.
 */
DISPATCH_RETURNS_RETAINED dispatch_source_t _Nullable dispatch_source_create(
	dispatch_source_type_t type, uintptr_t handle, uintptr_t mask,
	dispatch_queue_t _Nullable queue);

#ifdef __BLOCKS__
/*!
 * @function dispatch_source_set_event_handler
 * @abstract Runs on the queue after events, one at a time.
 * @param handler Copied; NULL: none.
 */
void dispatch_source_set_event_handler(
	dispatch_source_t source, dispatch_block_t _Nullable handler);
/*!
 * @function dispatch_source_set_cancel_handler
 * @abstract Runs once on the queue after the cancel, when the descriptor may be closed.
 * @param handler Copied.
 */
void dispatch_source_set_cancel_handler(
	dispatch_source_t source, dispatch_block_t _Nullable handler);
/*!
 * @function dispatch_source_set_registration_handler
 * @abstract Runs once on the queue, when the source is at work.
 * @param handler Copied.
 */
void dispatch_source_set_registration_handler(
	dispatch_source_t source, dispatch_block_t _Nullable handler);
#endif
/*!
 * @function dispatch_source_set_event_handler_f
 * @abstract As above; the function gets the source's context (dispatch_set_context()).
 */
void dispatch_source_set_event_handler_f(
	dispatch_source_t source, dispatch_function_t _Nullable handler);
/*!
 * @function dispatch_source_set_cancel_handler_f
 * @abstract As above; the function gets the source's context.
 */
void dispatch_source_set_cancel_handler_f(
	dispatch_source_t source, dispatch_function_t _Nullable handler);
/*!
 * @function dispatch_source_set_registration_handler_f
 * @abstract As above; the function gets the source's context.
 */
void dispatch_source_set_registration_handler_f(
	dispatch_source_t source, dispatch_function_t _Nullable handler);

/*!
 * @function dispatch_source_cancel
 * @abstract No event handler begins after this (but one may be running). The cancel handler
 *   follows.
 */
void dispatch_source_cancel(dispatch_source_t source);
/*!
 * @function dispatch_source_testcancel
 * @result Not 0 when it was cancelled.
 */
intptr_t dispatch_source_testcancel(dispatch_source_t source);

/*!
 * @function dispatch_source_get_handle
 * @result What the source was created with.
 */
uintptr_t dispatch_source_get_handle(dispatch_source_t source);
/*!
 * @function dispatch_source_get_mask
 * @result What the source was created with.
 */
uintptr_t dispatch_source_get_mask(dispatch_source_t source);
/*!
 * @function dispatch_source_get_data
 * @result In the event handler: what happened, see the types.
 */
uintptr_t dispatch_source_get_data(dispatch_source_t source);

/*!
 * @function dispatch_source_merge_data
 * @abstract An event for a DATA source.
 * @param value Added or ored; 0 does nothing.
 */
void dispatch_source_merge_data(dispatch_source_t source, uintptr_t value);

/*!
 * @function dispatch_source_set_timer
 * @param start First time; DISPATCH_TIME_FOREVER: never. A wall time follows the wall clock.
 * @param interval ns between times; DISPATCH_TIME_FOREVER: once.
 * @param leeway ns that it may be late.
 */
void dispatch_source_set_timer(
	dispatch_source_t source, dispatch_time_t start, uint64_t interval, uint64_t leeway);

BRAID_DECLS_END

#endif
