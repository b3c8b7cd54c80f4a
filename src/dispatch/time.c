/*
 * dispatch_time_t: 0 is now, ~0 is never, ~1 is now by the wall clock. Other values: a monotonic
 * time is its ns, positive as int64_t; a wall time is its ns negated, negative as int64_t.
 * 1 << 63 is now by the monotonic clock, as 0. All arithmetic saturates: too late is never, too
 * early is the earliest time of that clock.
 */
#include <dispatch/dispatch.h>

#include "base/clock.h"
#include "dispatch/time_internal.h"

#define EARLIEST      INT64_C(1) /* 0 means now */
#define EARLIEST_WALL INT64_C(3) /* -1 and -2 have meanings of their own */

/* add(): base + delta, at least `floor`, as a dispatch_time_t of the clock that `wall` says. */
static dispatch_time_t add(int64_t base, int64_t delta, bool wall)
{
	int64_t floor = wall ? EARLIEST_WALL : EARLIEST;
	int64_t sum;

	if (__builtin_add_overflow(base, delta, &sum)) {
		if (delta > 0)
			return DISPATCH_TIME_FOREVER;
		sum = floor;
	}
	if (sum == INT64_MAX)
		return DISPATCH_TIME_FOREVER;
	if (sum < floor)
		sum = floor;
	return wall ? -(uint64_t)sum : (uint64_t)sum;
}

BRI_EXPORT dispatch_time_t dispatch_time(dispatch_time_t when, int64_t delta)
{
	if (when == DISPATCH_TIME_FOREVER)
		return when;
	if (when == DISPATCH_WALLTIME_NOW)
		return add((int64_t)bri_clock_wall_ns(), delta, true);
	if (bri_time_is_wall(when))
		return add((int64_t)-when, delta, true);
	if (when == DISPATCH_TIME_NOW || when == DISPATCH_MONOTONICTIME_NOW)
		when = bri_clock_now_ns();
	return add((int64_t)when, delta, false);
}

BRI_EXPORT dispatch_time_t dispatch_walltime(const struct timespec *when, int64_t delta)
{
	int64_t ns;

	if (!when)
		return add((int64_t)bri_clock_wall_ns(), delta, true);
	if (__builtin_mul_overflow((int64_t)when->tv_sec, (int64_t)BRI_NS_PER_S, &ns) ||
		__builtin_add_overflow(ns, (int64_t)when->tv_nsec, &ns))
		return when->tv_sec > 0 ? DISPATCH_TIME_FOREVER : add(0, 0, true);
	return add(ns, delta, true);
}

bool bri_time_is_wall(uint64_t when)
{
	return (int64_t)when < 0 && when != DISPATCH_TIME_FOREVER &&
	       when != DISPATCH_MONOTONICTIME_NOW;
}

uint64_t bri_time_to_deadline_ns(uint64_t when)
{
	uint64_t now = bri_clock_now_ns();
	uint64_t target, wall;

	if (when == DISPATCH_TIME_FOREVER)
		return BRI_NEVER;
	if (when == DISPATCH_TIME_NOW || when == DISPATCH_MONOTONICTIME_NOW ||
		when == DISPATCH_WALLTIME_NOW)
		return now;
	if (!bri_time_is_wall(when))
		return when;
	target = -when;
	wall = bri_clock_wall_ns();
	return target > wall ? now + (target - wall) : now;
}
