/* The soak's parts: main.c runs many, soak.c plans and does one. */
#ifndef BRI_TESTS_SOAK_H
#define BRI_TESTS_SOAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct soak_result {
	bool passed;
	bool stalled; /* by the kernel: see soak.c. Neither passed nor failed */
	uint32_t paths, connections, changes, multipath,
		several; /* several: had 2 subflows or more */
	uint64_t bytes, pause_ns, duration_ns;
	bool left_dead; /* a path stayed away to the end */
	char why[2048];
};

/* soak_run(): one run, planned from the seed, in this process. Some seconds; bounded by a minute.
 */
void soak_run(uint64_t seed, struct soak_result *ret);

#endif
