/* Deadlines of many objects: a binary heap of links embedded in them. Knows nothing of the objects.
 */
#ifndef BRI_POLICY_DEADLINES_H
#define BRI_POLICY_DEADLINES_H

#include "base/base.h"

struct bri_deadline {
	uint64_t at_ns;
	size_t place; /* in the heap, from 1; 0: not in it */
};

struct bri_deadlines {
	struct bri_deadline **heap;
	size_t n, room;
};

/* bri_deadlines_reserve(): room for n links in all. Returns 0 or -ENOMEM. */
int bri_deadlines_reserve(struct bri_deadlines *d, size_t n);
void bri_deadlines_fini(struct bri_deadlines *d);
/* bri_deadlines_set(): insert, move, or (BRI_NEVER) take out. Room must be reserved. */
void bri_deadlines_set(struct bri_deadlines *d, struct bri_deadline *link, uint64_t at_ns);
/* bri_deadlines_first(): the earliest, or NULL. */
struct bri_deadline *bri_deadlines_first(const struct bri_deadlines *d);

#endif
