/* The monotonic clock, in ns. Pure code takes `now_ns` as an argument instead. */
#ifndef BRI_CLOCK_H
#define BRI_CLOCK_H

#include <stdint.h>

uint64_t bri_clock_now_ns(void);  /* CLOCK_MONOTONIC */
uint64_t bri_clock_wall_ns(void); /* CLOCK_REALTIME */
/* CLOCK_MONOTONIC as of the kernel's last tick: up to 10 ms early, and several times cheaper. */
uint64_t bri_clock_coarse_ns(void);

#endif
