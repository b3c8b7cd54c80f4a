/* Every measurement. Each runs once, in labs of its own, and writes what it saw into the report. */
#ifndef PATHS_MEASURES_H
#define PATHS_MEASURES_H

#include "bed.h"

struct measure {
	const char *name;
	int (*run)(const struct measure *measure, const struct options *options);
	uint32_t limit_s; /* killed after; the seconds asked for are added */
	/* what the function makes of it: */
	bool is_up; /* the client sends */
	const char *how;
	const struct bed_path *paths;
	bool is_sum;      /* aggregate: against the sum of both paths, not the best one */
	uint32_t seconds; /* where --seconds says nothing; 0: the function knows */
};

/* All return 0, or -1 after report_fail(). */
int measure_handover(const struct measure *measure, const struct options *options);
int measure_echo_silent(const struct measure *measure, const struct options *options);
int measure_return(const struct measure *measure, const struct options *options);
int measure_false(const struct measure *measure, const struct options *options);
int measure_mbb(const struct measure *measure, const struct options *options);
int measure_slow_first(const struct measure *measure, const struct options *options);
int measure_turns_slow(const struct measure *measure, const struct options *options);
int measure_loss(const struct measure *measure, const struct options *options);
int measure_aggregate(const struct measure *measure, const struct options *options);
int measure_many(const struct measure *measure, const struct options *options);

#endif
