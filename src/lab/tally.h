/* What a lab's paths carried and dropped, as a table for people or as JSON. */
#ifndef BRI_LAB_TALLY_H
#define BRI_LAB_TALLY_H

#include <stdio.h>

#include "lab/lab.h"

struct bri_tally {
	uint64_t seed;
	bool has_run; /* the two below are known */
	uint64_t duration_ns;
	int exit_code;
};

/* Both ask the lab for its numbers. Return 0 or what bri_lab_stats() returned. */
int bri_tally_table(FILE *file, struct bri_lab *lab);
int bri_tally_json(FILE *file, struct bri_lab *lab, const struct bri_tally *tally);

#endif
