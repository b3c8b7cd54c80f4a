/*
 * A competing flow that keeps a path's queue at a length: bufferbloat without loss, the same for
 * every congestion control. Plain UDP packets that nobody reads, in a thread of their own.
 */
#ifndef PATHS_FILLER_H
#define PATHS_FILLER_H

#include <pthread.h>
#include <stdatomic.h>

#include "bed.h"

struct filler {
	struct bed *bed; /* borrowed */
	struct pair pair;
	enum bri_lab_direction direction;
	uint64_t goal_bytes;

	pthread_t thread;
	atomic_bool stop;
	uint64_t start_ns, sum_bytes, n_looks;
	int error;
};

/* filler_start(): fills the queue of path 0 in that direction, and holds it. 0, or -1 after
 * report_fail(): then there is nothing to stop. */
int filler_start(struct filler *filler, struct bed *bed, enum bri_lab_direction direction,
	uint64_t goal_bytes);

/* filler_stop(): 0, or -1 after report_fail(). The mean of the queue's length, but for the first
 * second, is then in *ret. */
int filler_stop(struct filler *filler, double *ret_mean_bytes);

#endif
