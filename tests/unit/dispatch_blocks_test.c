/* The block-taking functions, as a program compiled by clang with -fblocks sees them. */
#include <dispatch/dispatch.h>

#include <Block.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

static void wait_for(dispatch_semaphore_t sema)
{
	assert_int_equal(dispatch_semaphore_wait(sema,
				 dispatch_time(DISPATCH_TIME_NOW, 20 * (int64_t)NSEC_PER_SEC)),
		0);
}

static void test_data(void **state)
{
	dispatch_queue_t queue = dispatch_queue_create("blocks", NULL);
	dispatch_semaphore_t done = dispatch_semaphore_create(0);
	__block size_t total = 0, regions = 0;
	static char bytes[] = "0123456789";
	void *pages = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	dispatch_data_t a, b, c;

	(void)state;
	a = dispatch_data_create(bytes, 10, queue, ^{
	  dispatch_assert_queue(queue);
	  dispatch_semaphore_signal(done);
	});
	b = dispatch_data_create(bytes, 5, NULL, DISPATCH_DATA_DESTRUCTOR_DEFAULT);
	c = dispatch_data_create_concat(a, b);
	assert_true(dispatch_data_apply(
		c, ^bool(dispatch_data_t region, size_t offset, const void *buffer, size_t size) {
		  assert_int_equal(offset, total);
		  assert_int_equal(dispatch_data_get_size(region), size);
		  assert_memory_equal(buffer, bytes, size);
		  total += size;
		  regions++;
		  return true;
		}));
	assert_int_equal(total, 15);
	assert_int_equal(regions, 2);
	dispatch_release(a);
	dispatch_release(b);
	assert_int_not_equal(dispatch_semaphore_wait(done, DISPATCH_TIME_NOW), 0);
	dispatch_release(c);
	wait_for(done);

	dispatch_release(dispatch_data_create(strdup("x"), 2, NULL, DISPATCH_DATA_DESTRUCTOR_FREE));
	dispatch_release(dispatch_data_create(pages, 4096, NULL, DISPATCH_DATA_DESTRUCTOR_MUNMAP));
	assert_int_not_equal(msync(pages, 4096, MS_ASYNC), 0); /* unmapped */
	/* the named destructors are blocks like any other */
	dispatch_block_t copy = Block_copy(DISPATCH_DATA_DESTRUCTOR_FREE);
	copy();
	Block_release(copy);
	dispatch_release(done);
	dispatch_release(queue);
}

static void test_group_once_apply(void **state)
{
	dispatch_queue_t queue = dispatch_queue_create("blocks", NULL);
	dispatch_group_t group = dispatch_group_create();
	dispatch_semaphore_t done = dispatch_semaphore_create(0);
	static dispatch_once_t once;
	__block int runs = 0, sum = 0;

	(void)state;
	for (int i = 0; i < 10; i++) {
		dispatch_group_async(group, queue, ^{
		  sum += i;
		});
	}
	dispatch_group_notify(group, queue, ^{
	  assert_int_equal(sum, 45);
	  dispatch_semaphore_signal(done);
	});
	wait_for(done);
	for (int i = 0; i < 3; i++) {
		dispatch_once(&once, ^{
		  runs++;
		});
	}
	assert_int_equal(runs, 1);
	dispatch_apply(100, queue, ^(size_t i) {
	  sum += (int)i;
	});
	assert_int_equal(sum, 45 + 4950);
	dispatch_release(group);
	dispatch_release(done);
	dispatch_release(queue);
}

static void test_source(void **state)
{
	dispatch_queue_t queue = dispatch_queue_create("blocks", NULL);
	dispatch_semaphore_t done = dispatch_semaphore_create(0);
	dispatch_source_t timer = dispatch_source_create(DISPATCH_SOURCE_TYPE_TIMER, 0, 0, queue);
	__block int ticks = 0, registered = 0;

	(void)state;
	dispatch_source_set_timer(timer, DISPATCH_TIME_NOW, NSEC_PER_MSEC, 0);
	dispatch_source_set_registration_handler(timer, ^{
	  registered++;
	});
	dispatch_source_set_event_handler(timer, ^{
	  abort(); /* replaced before it starts */
	});
	dispatch_source_set_event_handler(timer, ^{
	  if (++ticks == 3)
		  dispatch_source_cancel(timer);
	});
	dispatch_source_set_cancel_handler(timer, ^{
	  dispatch_semaphore_signal(done);
	});
	dispatch_resume(timer);
	wait_for(done);
	assert_int_equal(ticks, 3);
	assert_int_equal(registered, 1);
	assert_true(dispatch_testcancel(timer));
	dispatch_release(timer);
	dispatch_release(done);
	dispatch_release(queue);
}

static void test_io(void **state)
{
	dispatch_queue_t queue = dispatch_queue_create("blocks", NULL);
	dispatch_semaphore_t done = dispatch_semaphore_create(0);
	dispatch_data_t data = dispatch_data_create("hello, world", 12, NULL, NULL);
	__block size_t got = 0;
	dispatch_io_t io;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	dispatch_write(fds[1], data, queue, ^(dispatch_data_t left, int error) {
	  assert_null(left);
	  assert_int_equal(error, 0);
	  dispatch_semaphore_signal(done);
	});
	wait_for(done);
	dispatch_read(fds[0], 5, queue, ^(dispatch_data_t read, int error) {
	  assert_int_equal(error, 0);
	  got = dispatch_data_get_size(read);
	  dispatch_semaphore_signal(done);
	});
	wait_for(done);
	assert_int_equal(got, 5);
	io = dispatch_io_create(DISPATCH_IO_STREAM, fds[0], queue, ^(int error) {
	  assert_int_equal(error, 0);
	  dispatch_semaphore_signal(done);
	});
	dispatch_io_read(io, 0, 7, queue, ^(bool finished, dispatch_data_t read, int error) {
	  assert_int_equal(error, 0);
	  got += dispatch_data_get_size(read);
	  if (finished)
		  dispatch_semaphore_signal(done);
	});
	dispatch_io_barrier(io, ^{
	  dispatch_semaphore_signal(done);
	});
	wait_for(done);
	wait_for(done);
	assert_int_equal(got, 12);
	dispatch_io_close(io, 0);
	dispatch_release(io);
	wait_for(done);
	dispatch_release(data);
	dispatch_release(done);
	dispatch_release(queue);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_group_once_apply),
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_io),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
