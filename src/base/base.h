/* The few macros everything uses. Knows nothing of the project. */
#ifndef BRI_BASE_H
#define BRI_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BRI_EXPORT       __attribute__((visibility("default")))
#define BRI_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define BRI_LIKELY(x)    __builtin_expect(!!(x), 1)
#define BRI_UNLIKELY(x)  __builtin_expect(!!(x), 0)
#define BRI_COLD         __attribute__((cold)) /* its calls are unlikely, too */
#define BRI_LEN(a)       (sizeof(a) / sizeof((a)[0]))

#define bri_container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define BRI_NEVER     UINT64_MAX /* a deadline that does not come; all times are monotonic ns */
#define BRI_NS_PER_S  UINT64_C(1000000000)
#define BRI_NS_PER_MS UINT64_C(1000000)
#define BRI_NS_PER_US UINT64_C(1000)

/* bri_abort(): a broken invariant of ours, or misuse that would corrupt memory. Says why, aborts.
 */
_Noreturn BRI_COLD void bri_abort(const char *fmt, ...) BRI_PRINTF(1, 2);

static inline uint64_t bri_min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline size_t bri_min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

#endif
