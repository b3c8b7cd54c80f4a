/* Counting semaphores. */
#ifndef BRAID_DISPATCH_SEMAPHORE_H
#define BRAID_DISPATCH_SEMAPHORE_H

#include <dispatch/base.h>
#include <dispatch/object.h>
#include <dispatch/time.h>

BRAID_DECLS_BEGIN

/*!
 * @function dispatch_semaphore_create
 * @param value 0 or more.
 * @result +1, dispatch_release() it. NULL for a negative value.
 */
DISPATCH_RETURNS_RETAINED dispatch_semaphore_t dispatch_semaphore_create(intptr_t value);

/*!
 * @function dispatch_semaphore_wait
 * @abstract Takes one, waiting for it until the timeout.
 * @result 0, or not 0 when the time was up.
 */
intptr_t dispatch_semaphore_wait(dispatch_semaphore_t dsema, dispatch_time_t timeout);

/*!
 * @function dispatch_semaphore_signal
 * @abstract Adds one.
 * @result Not 0 when it woke a waiting thread.
 */
intptr_t dispatch_semaphore_signal(dispatch_semaphore_t dsema);

BRAID_DECLS_END

#endif
