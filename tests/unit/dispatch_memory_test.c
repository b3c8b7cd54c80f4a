/* Data without memory: each allocation of a scenario fails once; NULL comes back, nothing leaks. */
#include <dispatch/dispatch.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dispatch/data_internal.h"
#include "malloc_util.h"

static bool count_region(
	void *context, dispatch_data_t region, size_t offset, const void *buffer, size_t size)
{
	(void)region, (void)offset, (void)buffer;
	*(size_t *)context += size;
	return true;
}

static void put(dispatch_data_t data)
{
	if (data)
		dispatch_release(data);
}

/* Sizes above the pool's, so that each object is an allocation; every result is right or NULL. */
static void scenario(void)
{
	static uint8_t bytes[1000];
	dispatch_data_t a = dispatch_data_create_f(bytes, 1000, NULL, NULL);
	dispatch_data_t b = a ? dispatch_data_create_f(bytes, 500, NULL, NULL) : NULL;
	dispatch_data_t all = b ? dispatch_data_create_concat(a, b) : NULL;
	dispatch_data_t map = NULL, part = NULL, region = NULL;
	size_t seen = 0, offset;
	const void *ptr;

	for (int i = 0; i < 12 && all; i++) {
		dispatch_data_t more = dispatch_data_create_concat(all, a);

		put(all);
		all = more;
	}
	if (all) {
		assert_int_equal(dispatch_data_get_size(all), 13500);
		map = dispatch_data_create_map(all, &ptr, NULL);
		part = dispatch_data_create_subrange(all, 900, 12000);
	}
	if (part) {
		assert_int_equal(dispatch_data_get_size(part), 12000);
		region = dispatch_data_copy_region(part, 0, &offset);
		if (dispatch_data_apply_f(part, &seen, count_region))
			assert_int_equal(seen, 12000);
	}
	if (region)
		assert_int_equal(dispatch_data_get_size(region), 100);
	if (map)
		assert_int_equal(dispatch_data_get_size(map), 13500);
	put(region);
	put(part);
	put(map);
	put(all);
	put(b);
	put(a);
}

static void test_each_allocation_fails_once(void **state)
{
	long n = 0;

	(void)state;
	do {
		malloc_fail(++n);
		scenario();
		assert_true(n < 1000);
	} while (malloc_failed());
	assert_true(n > 10);
}

static void test_chunk_without_memory(void **state)
{
	uint8_t *ptr;
	size_t room;

	(void)state;
	malloc_fail(1);
	assert_int_equal(bri_chunk_get_scratch(1, &ptr, &room), -ENOMEM);
	assert_true(malloc_failed());
	assert_int_equal(bri_chunk_get_scratch(1, &ptr, &room), 0);
}

static _Atomic int destroyed;

static void count_destroyed(void *buffer)
{
	(void)buffer;
	destroyed++;
}

/* Not created: the buffer is still the caller's. */
static void test_foreign_without_memory(void **state)
{
	static uint8_t bytes[10];
	dispatch_queue_t queue = dispatch_queue_create("memory", NULL);

	(void)state;
	malloc_fail(1);
	assert_null(dispatch_data_create_f(bytes, 10, queue, count_destroyed));
	assert_true(malloc_failed());
	assert_int_equal(destroyed, 0);
	dispatch_release(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_foreign_without_memory),
		cmocka_unit_test(test_chunk_without_memory),
		cmocka_unit_test(test_each_allocation_fails_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
