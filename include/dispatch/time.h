/* Points in time. */
#ifndef BRAID_DISPATCH_TIME_H
#define BRAID_DISPATCH_TIME_H

#include <dispatch/base.h>
#include <time.h>

BRAID_DECLS_BEGIN

#define NSEC_PER_SEC  1000000000ull
#define NSEC_PER_MSEC 1000000ull
#define USEC_PER_SEC  1000000ull
#define NSEC_PER_USEC 1000ull

/*!
 * @typedef dispatch_time_t
 * @abstract Opaque: a point of the monotonic clock, or of the wall clock.
 */
typedef uint64_t dispatch_time_t;

#define DISPATCH_TIME_NOW          (0ull)
#define DISPATCH_TIME_FOREVER      (~0ull)
#define DISPATCH_WALLTIME_NOW      (~1ull)
#define DISPATCH_MONOTONICTIME_NOW (1ull << 63)

/*!
 * @function dispatch_time
 * @param when A time, or DISPATCH_TIME_NOW (CLOCK_MONOTONIC), or DISPATCH_WALLTIME_NOW.
 * @param delta ns to add, also negative.
 * @result The time; DISPATCH_TIME_FOREVER where the sum does not fit.
 */
dispatch_time_t dispatch_time(dispatch_time_t when, int64_t delta);

/*!
 * @function dispatch_walltime
 * @abstract As dispatch_time() by the wall clock: it moves when the clock is set.
 * @param when A time since 1970; NULL: now.
 */
dispatch_time_t dispatch_walltime(const struct timespec *_Nullable when, int64_t delta);

BRAID_DECLS_END

#endif
