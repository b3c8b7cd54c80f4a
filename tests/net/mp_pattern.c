/* See mp_pattern.h. */
#include "mp_pattern.h"

#include <string.h>

#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME  UINT64_C(0x100000001b3)
#define STEP       UINT64_C(0x9e3779b97f4a7c15)

uint64_t mp_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t word_at(uint64_t seed, uint64_t at)
{
	uint64_t state = seed + at / 8 * STEP;

	return mp_random(&state);
}

void mp_pattern(uint64_t seed, uint64_t at, uint8_t *to, size_t size)
{
	while (size) {
		uint64_t word = word_at(seed, at);
		size_t skip = at % 8, n = 8 - skip < size ? 8 - skip : size;

		memcpy(to, (const uint8_t *)&word + skip, n);
		at += n;
		to += n;
		size -= n;
	}
}

uint64_t mp_pattern_check(uint64_t seed, uint64_t at, const uint8_t *bytes, size_t size)
{
	uint8_t want[512];

	for (size_t done = 0; done < size; done += sizeof(want)) {
		size_t n = size - done < sizeof(want) ? size - done : sizeof(want);

		mp_pattern(seed, at + done, want, n);
		for (size_t i = 0; memcmp(want, bytes + done, n) != 0 && i < n; i++) {
			if (want[i] != bytes[done + i])
				return at + done + i + 1;
		}
	}
	return 0;
}

uint64_t mp_hash(uint64_t hash, const uint8_t *bytes, size_t size)
{
	if (hash == MP_HASH_EMPTY)
		hash = FNV_OFFSET;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * FNV_PRIME;
	return hash;
}
