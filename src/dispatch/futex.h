/* The futex system call, private to the process. */
#ifndef BRI_FUTEX_H
#define BRI_FUTEX_H

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "base/base.h"

/*
 * bri_futex_wait(): sleep while *word is `expected`, until a wake or the monotonic deadline.
 * Returns 0 (look again: it may be for no reason) or -ETIMEDOUT.
 */
static inline int bri_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
	struct timespec ts = { .tv_sec = (time_t)(deadline_ns / BRI_NS_PER_S),
		.tv_nsec = (long)(deadline_ns % BRI_NS_PER_S) };
	long r = syscall(SYS_futex, (void *)word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
		deadline_ns == BRI_NEVER ? NULL : &ts, NULL, FUTEX_BITSET_MATCH_ANY);

	return r < 0 && errno == ETIMEDOUT ? -ETIMEDOUT : 0;
}

static inline void bri_futex_wake(_Atomic uint32_t *word, int count)
{
	syscall(SYS_futex, (void *)word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count, NULL, NULL, 0);
}

#endif
