/* braidd in the client namespace of a lab: start, end, what it costs. */
#ifndef PATHS_BRAIDD_H
#define PATHS_BRAIDD_H

#include "bed.h"

/* braidd_start(): returns when it is ready; 0, or -1 after report_fail(). */
int braidd_start(struct bed *bed, const struct options *options, const char *service);
/* braidd_stop(): and removes its files. 0 when it never ran. */
int braidd_stop(struct bed *bed);

struct braidd_cost {
	uint64_t cpu_ms;
	uint64_t rss_bytes;
};

/* braidd_cost(): since it started. 0, or -1 after report_fail(). */
int braidd_cost(const struct bed *bed, struct braidd_cost *ret);

#endif
