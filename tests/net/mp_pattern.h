/*
 * What goes over the connections of the multipath tests: bytes that can be told at every place, and
 * their hash. Knows nothing of connections.
 */
#ifndef BRI_TESTS_MP_PATTERN_H
#define BRI_TESTS_MP_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#define MP_HASH_EMPTY UINT64_C(0) /* of no bytes */

/* mp_random(): splitmix64 (Steele, Lea, Flood 2014). */
uint64_t mp_random(uint64_t *state);

/* mp_pattern(): the bytes from `at` on of the pattern of a seed: no two places look alike. */
void mp_pattern(uint64_t seed, uint64_t at, uint8_t *to, size_t size);

/* mp_pattern_check(): 0, or 1 + the place of the first byte that is not so. */
uint64_t mp_pattern_check(uint64_t seed, uint64_t at, const uint8_t *bytes, size_t size);

/* mp_hash(): FNV-1a of what `hash` is of, and these bytes. */
uint64_t mp_hash(uint64_t hash, const uint8_t *bytes, size_t size);

#endif
