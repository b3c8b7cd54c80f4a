/* Groups with handlers that have a destructor: what the block entry points call. */
#ifndef BRI_GROUP_INTERNAL_H
#define BRI_GROUP_INTERNAL_H

#include "base/callable.h"
#include "base/log.h"

struct dispatch_group_s;
struct dispatch_queue_s;

/* Both take `call`, run it once on `queue`, and clear it there. */
void bri_group_notify(
	struct dispatch_group_s *group, struct dispatch_queue_s *queue, struct bri_callable call);
void bri_group_async(
	struct dispatch_group_s *group, struct dispatch_queue_s *queue, struct bri_callable call);

#endif
