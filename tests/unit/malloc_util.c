/* See malloc_util.h. */
#include "malloc_util.h"

#include <stddef.h>
#include "dispatch/pool.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__real_reallocarray(void *ptr, size_t count, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
void *__wrap_reallocarray(void *ptr, size_t count, size_t size);
char *__wrap_strdup(const char *text);

static _Thread_local bool here; /* this thread's allocations count */
static _Atomic bool anywhere;   /* every thread's do */
static _Atomic long left;       /* allocations up to the one that fails */

static __attribute__((constructor)) void count_all(void)
{
	bri_pool_disable();
}

static bool fails(void)
{
	return (here || anywhere) && left-- == 1;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
	return fails() ? NULL : __real_realloc(ptr, size);
}

void *__wrap_reallocarray(void *ptr, size_t count, size_t size)
{
	return fails() ? NULL : __real_reallocarray(ptr, count, size);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

void malloc_fail(long at)
{
	left = at;
	here = true;
}

void malloc_fail_anywhere(long at)
{
	left = at;
	anywhere = true;
}

bool malloc_failed(void)
{
	here = false;
	anywhere = false;
	return left <= 0;
}
