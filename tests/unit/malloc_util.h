/*
 * Allocations that fail when a test says so: the linker sends those of the library through this
 * file (braid_memory_test() in CMakeLists.txt), but none of another library.
 */
#ifndef MALLOC_UTIL_H
#define MALLOC_UTIL_H

#include <stdbool.h>

/*
 * malloc_fail(): from now on the at-th allocation (from 1) of this thread fails, and only that one.
 * Asking again forgets what was asked before.
 */
void malloc_fail(long at);

/* malloc_fail_anywhere(): the same, with the allocations of all threads counted together. */
void malloc_fail_anywhere(long at);

/* malloc_failed(): has it come to that? No allocation fails from here on. */
bool malloc_failed(void);

#endif
