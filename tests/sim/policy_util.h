/* What the tests of the policy share: two usual paths, a run with its policy. */
#ifndef BRI_POLICY_UTIL_H
#define BRI_POLICY_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim.h"

#define MS SIM_MS
#define S  SIM_S

enum { WIFI, CELLULAR }; /* the paths of usual() */

struct run {
	struct sim *s;
	struct sim_policy *sp;
};

/* usual(): 20 and 60 ms, 20 Mbit/s each; the little jitter that every network has. */
static inline struct sim_config usual(enum bri_service service, enum sim_load load, uint64_t seed)
{
	return (struct sim_config) { .seed = seed,
		.n_paths = 2,
		.paths = { { .kind = BRI_PATH_WIFI,
				   .rate_bps = 20000000,
				   .delay_ns = 9 * MS,
				   .jitter_ns = 2 * MS,
				   .queue_bytes = 100000 },
			{ .kind = BRI_PATH_CELLULAR,
				.rate_bps = 20000000,
				.delay_ns = 28 * MS,
				.jitter_ns = 4 * MS,
				.queue_bytes = 200000 } },
		.load = load,
		.wish = { .service = service } };
}

static inline struct run begin(const struct sim_config *c)
{
	struct run r = { .s = sim_new(c) };

	r.sp = sim_policy_new(r.s, c);
	return r;
}

static inline void end(struct run *r)
{
	sim_free(r->s);
	sim_policy_free(r->sp);
}

static inline double ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

static inline const char *load_name(enum sim_load load)
{
	static const char *const names[] = { "nothing", "stream up", "stream down", "sparse echo",
		"bulk up", "bulk down", "request" };

	return names[load];
}

#endif
