/* What a dispatch_time_t means to the rest of the runtime. */
#ifndef BRI_TIME_INTERNAL_H
#define BRI_TIME_INTERNAL_H

#include "base/base.h"

/* bri_time_to_deadline_ns(): the monotonic time that `when` means as of now; BRI_NEVER for never.
 */
uint64_t bri_time_to_deadline_ns(uint64_t when);

/* bri_time_is_wall(): `when` follows the wall clock. */
bool bri_time_is_wall(uint64_t when);

#endif
