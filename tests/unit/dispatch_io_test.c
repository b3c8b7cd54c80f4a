/* dispatch_read, dispatch_write and channels, on pipes, sockets and files. */
#include <dispatch/dispatch.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/object.h"
#include "dispatch/data_internal.h"

#define WAIT_NS (20 * (int64_t)NSEC_PER_SEC)

/* What the handler of one operation was told. */
struct seen {
	dispatch_semaphore_t done, called;
	dispatch_data_t data; /* all of a read */
	int calls, error, dones, cleanups, cleanup_error;
	size_t largest, smallest, left;
	bool null;
};

static dispatch_queue_t queue;

static void begin(struct seen *s)
{
	*s = (struct seen) { .done = dispatch_semaphore_create(0),
		.called = dispatch_semaphore_create(0),
		.data = dispatch_data_empty,
		.smallest = SIZE_MAX };
}

static void end(struct seen *s)
{
	dispatch_release(s->done);
	dispatch_release(s->called);
	dispatch_release(s->data);
}

static void wait_for(dispatch_semaphore_t sema)
{
	assert_int_equal(
		dispatch_semaphore_wait(sema, dispatch_time(DISPATCH_TIME_NOW, WAIT_NS)), 0);
}

static void keep(struct seen *s, dispatch_data_t data)
{
	dispatch_data_t joined = dispatch_data_create_concat(s->data, data);

	dispatch_release(s->data);
	s->data = joined;
}

static void on_read(void *context, dispatch_data_t data, int error)
{
	struct seen *s = context;

	s->calls++;
	s->error = error;
	keep(s, data);
	dispatch_semaphore_signal(s->done);
}

static void on_written(void *context, dispatch_data_t data, int error)
{
	struct seen *s = context;

	s->calls++;
	s->error = error;
	s->null = !data;
	s->left = data ? dispatch_data_get_size(data) : 0;
	dispatch_semaphore_signal(s->done);
}

static void on_io(void *context, bool done, dispatch_data_t data, int error)
{
	struct seen *s = context;
	size_t size = data ? dispatch_data_get_size(data) : 0;

	if (s->dones)
		abort(); /* nothing after `done` */
	s->calls++;
	s->null = !data;
	s->left = size;
	if (!done && size < s->smallest)
		s->smallest = size;
	if (size > s->largest)
		s->largest = size;
	if (data)
		keep(s, data);
	dispatch_semaphore_signal(s->called);
	if (done) {
		s->dones++;
		s->error = error;
		dispatch_semaphore_signal(s->done); /* the test may free all this now */
	}
}

static void on_cleanup(void *context, int error)
{
	struct seen *s = context;

	s->cleanups++;
	s->cleanup_error = error;
	dispatch_semaphore_signal(s->done);
}

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

static dispatch_data_t make_pattern(size_t size)
{
	uint8_t *bytes = malloc(size);

	for (size_t i = 0; i < size; i++)
		bytes[i] = pattern(i);
	return dispatch_data_create_f(bytes, size, NULL, free);
}

static void check_pattern(dispatch_data_t data, size_t from, size_t size)
{
	const void *ptr;
	dispatch_data_t map = dispatch_data_create_map(data, &ptr, NULL);

	assert_int_equal(dispatch_data_get_size(data), size);
	for (size_t i = 0; i < size; i++) {
		if (((const uint8_t *)ptr)[i] != pattern(from + i))
			fail_msg("byte %zu differs", i);
	}
	dispatch_release(map);
}

static int make_file(char *path, size_t size)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	for (size_t i = 0; i < size; i++) {
		uint8_t byte = pattern(i);

		assert_int_equal(write(fd, &byte, 1), 1);
	}
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* --- convenience --- */

/* A read waits for bytes, and is then content with what there is. */
static void test_read_takes_what_is_there(void **state)
{
	struct seen s;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	begin(&s);
	dispatch_read_f(fds[0], 8192, queue, &s, on_read);
	assert_int_not_equal(dispatch_semaphore_wait(s.done, DISPATCH_TIME_NOW), 0);
	assert_int_equal(write(fds[1], "hello", 5), 5);
	wait_for(s.done);
	assert_int_equal(s.error, 0);
	assert_int_equal(dispatch_data_get_size(s.data), 5);
	/* the flags are as they were when the handler runs */
	assert_int_equal(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
	end(&s);

	begin(&s);
	close(fds[1]);
	dispatch_read_f(fds[0], 8192, queue, &s, on_read);
	wait_for(s.done);
	assert_int_equal(s.error, 0);
	assert_int_equal(dispatch_data_get_size(s.data), 0); /* the end */
	end(&s);
	close(fds[0]);
}

static void test_read_exact_length(void **state)
{
	struct seen s;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "0123456789", 10), 10);
	begin(&s);
	dispatch_read_f(fds[0], 4, queue, &s, on_read);
	wait_for(s.done);
	assert_int_equal(dispatch_data_get_size(s.data), 4);
	end(&s);
	begin(&s);
	dispatch_read_f(fds[0], 0, queue, &s, on_read);
	wait_for(s.done);
	assert_int_equal(dispatch_data_get_size(s.data), 0);
	end(&s);
	close(fds[0]);
	close(fds[1]);
}

/* Several at once on one descriptor keep their order; the same number is used again and again. */
static void test_order_on_one_descriptor(void **state)
{
	enum { COUNT = 200 };
	static struct seen writes[COUNT], all;
	dispatch_data_t data = make_pattern(COUNT * 1000);
	int fds[2];

	(void)state;
	for (int round = 0; round < 3; round++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		for (size_t i = 0; i < COUNT; i++) {
			dispatch_data_t part = dispatch_data_create_subrange(data, i * 1000, 1000);

			begin(&writes[i]);
			dispatch_write_f(fds[0], part, queue, &writes[i], on_written);
			dispatch_release(part);
		}
		begin(&all);
		while (dispatch_data_get_size(all.data) < COUNT * 1000) {
			dispatch_read_f(fds[1], SIZE_MAX, queue, &all, on_read);
			wait_for(all.done);
			assert_int_equal(all.error, 0);
		}
		check_pattern(all.data, 0, COUNT * 1000);
		for (int i = 0; i < COUNT; i++) {
			wait_for(writes[i].done);
			assert_int_equal(writes[i].error, 0);
			assert_true(writes[i].null);
			end(&writes[i]);
		}
		end(&all);
		close(fds[0]);
		close(fds[1]);
	}
	dispatch_release(data);
}

/* Large, through a pipe that holds little, both ways of a socket at once. */
static void test_large_transfers(void **state)
{
	enum { SIZE = 6 * 1024 * 1024 + 17 };
	dispatch_data_t data = make_pattern(SIZE);
	struct seen w[2], r[2], c;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	begin(&c);
	for (int i = 0; i < 2; i++) {
		dispatch_io_t io =
			dispatch_io_create_f(DISPATCH_IO_STREAM, fds[i], queue, &c, on_cleanup);

		begin(&w[i]);
		begin(&r[i]);
		dispatch_io_read_f(io, 0, SIZE, queue, &r[i], on_io);
		dispatch_io_write_f(io, 0, data, queue, &w[i], on_io);
		dispatch_release(io);
	}
	for (int i = 0; i < 2; i++) {
		wait_for(w[i].done);
		wait_for(r[i].done);
		assert_int_equal(w[i].error, 0);
		assert_int_equal(r[i].error, 0);
		check_pattern(r[i].data, 0, SIZE);
		assert_true(r[i].calls > 1);
		end(&w[i]);
		end(&r[i]);
		wait_for(c.done);
	}
	end(&c);
	dispatch_release(data);
	close(fds[0]);
	close(fds[1]);
}

static void test_errors(void **state)
{
	dispatch_data_t data = make_pattern(100);
	struct seen s;
	int fds[2];

	(void)state;
	begin(&s);
	dispatch_read_f(9999, 10, queue, &s, on_read);
	wait_for(s.done);
	assert_int_equal(s.error, EBADF);
	dispatch_write_f(9999, data, queue, &s, on_written);
	wait_for(s.done);
	assert_int_equal(s.error, EBADF);
	assert_int_equal(s.left, 100);
	/* no SIGPIPE kills us */
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	dispatch_write_f(fds[1], data, queue, &s, on_written);
	wait_for(s.done);
	assert_int_equal(s.error, EPIPE);
	assert_int_equal(s.left, 100);
	assert_int_equal(s.calls, 3);
	close(fds[1]);
	/* a folder cannot be read */
	fds[0] = open("/", O_RDONLY | O_DIRECTORY);
	dispatch_read_f(fds[0], 10, queue, &s, on_read);
	wait_for(s.done);
	assert_int_equal(s.error, EISDIR);
	close(fds[0]);
	fds[0] = open("/dev/null", O_RDWR);
	dispatch_write_f(fds[0], data, queue, &s, on_written);
	wait_for(s.done);
	assert_int_equal(s.error, 0);
	close(fds[0]);
	end(&s);
	dispatch_release(data);
}

static void test_file_to_the_end(void **state)
{
	char path[] = "/tmp/braid-io-XXXXXX";
	int fd = make_file(path, 70000);
	struct seen s;

	(void)state;
	begin(&s);
	dispatch_read_f(fd, SIZE_MAX, dispatch_get_global_queue(0, 0), &s, on_read);
	wait_for(s.done);
	assert_int_equal(s.calls, 1);
	assert_int_equal(s.error, 0);
	check_pattern(s.data, 0, 70000);
	end(&s);
	unlink(path);
	close(fd);
}

/* --- channels --- */

static void test_water_marks(void **state)
{
	dispatch_data_t data = make_pattern(10000);
	struct seen r, w, c;
	dispatch_io_t io;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	begin(&r);
	begin(&w);
	begin(&c);
	io = dispatch_io_create_f(DISPATCH_IO_STREAM, fds[0], queue, &c, on_cleanup);
	assert_non_null(io);
	assert_int_equal(dispatch_io_get_descriptor(io), fds[0]);
	dispatch_io_set_low_water(io, 1000);
	dispatch_io_set_high_water(io, 1500);
	dispatch_io_read_f(io, 0, SIZE_MAX, queue, &r, on_io);
	dispatch_write_f(fds[1], data, queue, &w, on_written);
	wait_for(w.done);
	close(fds[1]);
	wait_for(r.done);
	assert_int_equal(r.error, 0);
	assert_true(r.smallest >= 1000);
	assert_true(r.largest <= 1500);
	assert_true(r.calls >= 7);
	assert_int_equal(r.dones, 1);
	check_pattern(r.data, 0, 10000);
	dispatch_io_close(io, 0);
	assert_int_equal(dispatch_io_get_descriptor(io), -1);
	wait_for(c.done);
	assert_int_equal(c.cleanups, 1);
	assert_int_equal(c.cleanup_error, 0);
	/* after the end everything is cancelled */
	r.dones = 0;
	dispatch_io_read_f(io, 0, 10, queue, &r, on_io);
	wait_for(r.done);
	assert_int_equal(r.error, ECANCELED);
	dispatch_release(io);
	close(fds[0]);
	end(&r);
	end(&w);
	end(&c);
	dispatch_release(data);
}

/* A low-water mark of "all" gives one call. */
static void test_low_water_all(void **state)
{
	struct seen r, c;
	dispatch_io_t io;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	begin(&r);
	begin(&c);
	io = dispatch_io_create_f(DISPATCH_IO_STREAM, fds[0], queue, &c, on_cleanup);
	dispatch_io_set_low_water(io, SIZE_MAX);
	dispatch_io_read_f(io, 0, 6, queue, &r, on_io);
	assert_int_equal(write(fds[1], "abc", 3), 3);
	assert_int_not_equal(dispatch_semaphore_wait(r.called, DISPATCH_TIME_NOW), 0);
	assert_int_equal(write(fds[1], "defg", 4), 4);
	wait_for(r.done);
	assert_int_equal(r.calls, 1);
	assert_int_equal(dispatch_data_get_size(r.data), 6);
	dispatch_release(io);
	wait_for(c.done);
	end(&r);
	end(&c);
	close(fds[0]);
	close(fds[1]);
}

static void test_stop(void **state)
{
	struct seen r, r2, c;
	dispatch_io_t io;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	begin(&r);
	begin(&r2);
	begin(&c);
	io = dispatch_io_create_f(DISPATCH_IO_STREAM, fds[0], queue, &c, on_cleanup);
	dispatch_io_set_low_water(io, 100);
	dispatch_io_read_f(io, 0, 1000, queue, &r, on_io);
	dispatch_io_read_f(io, 0, 1000, queue, &r2, on_io);
	assert_int_equal(write(fds[1], "partial", 7), 7);
	dispatch_io_close(io, DISPATCH_IO_STOP);
	dispatch_release(io);
	wait_for(r.done);
	wait_for(r2.done);
	wait_for(c.done);
	assert_int_equal(r.error, ECANCELED);
	assert_int_equal(r2.error, ECANCELED);
	assert_true(r.null);
	assert_int_equal(r.dones, 1);
	assert_int_equal(c.cleanups, 1);
	close(fds[0]);
	close(fds[1]);
	end(&r);
	end(&r2);
	end(&c);
}

/* Close without STOP, and release without close: what was asked for is finished first. */
static void test_close_finishes(void **state)
{
	struct seen r, c;
	dispatch_io_t io;
	int fds[2];

	(void)state;
	for (int closes = 0; closes < 2; closes++) {
		assert_int_equal(pipe(fds), 0);
		begin(&r);
		begin(&c);
		io = dispatch_io_create_f(DISPATCH_IO_STREAM, fds[0], queue, &c, on_cleanup);
		dispatch_io_read_f(io, 0, 5, queue, &r, on_io);
		if (closes)
			dispatch_io_close(io, 0);
		dispatch_release(io);
		assert_int_equal(write(fds[1], "12345", 5), 5);
		wait_for(r.done);
		assert_int_equal(r.error, 0);
		assert_int_equal(dispatch_data_get_size(r.data), 5);
		wait_for(c.done);
		assert_int_equal(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
		close(fds[0]);
		close(fds[1]);
		end(&r);
		end(&c);
	}
}

static void test_random_access(void **state)
{
	char path[] = "/tmp/braid-io-XXXXXX";
	int fd = make_file(path, 300000);
	dispatch_io_t io, again;
	struct seen r[20], c;

	(void)state;
	begin(&c);
	io = dispatch_io_create_with_path_f(
		DISPATCH_IO_RANDOM, path, O_RDWR, 0, queue, &c, on_cleanup);
	assert_non_null(io);
	for (size_t i = 0; i < 20; i++) {
		begin(&r[i]);
		dispatch_io_read_f(io, (off_t)((19 - i) * 14000), 15000, queue, &r[i], on_io);
	}
	for (size_t i = 0; i < 20; i++) {
		wait_for(r[i].done);
		assert_int_equal(r[i].error, 0);
		check_pattern(r[i].data, (19 - i) * 14000, 15000);
		end(&r[i]);
	}
	/* beyond the end: nothing */
	begin(&r[0]);
	dispatch_io_read_f(io, 400000, 10, queue, &r[0], on_io);
	wait_for(r[0].done);
	assert_int_equal(r[0].error, 0);
	assert_int_equal(dispatch_data_get_size(r[0].data), 0);
	end(&r[0]);
	/* a second channel on the same, written to and read through the first */
	again = dispatch_io_create_with_io_f(DISPATCH_IO_RANDOM, io, queue, NULL, NULL);
	assert_non_null(again);
	begin(&r[0]);
	begin(&r[1]);
	dispatch_data_t data = make_pattern(5000);
	dispatch_io_write_f(again, 100, data, queue, &r[0], on_io);
	wait_for(r[0].done);
	assert_int_equal(r[0].error, 0);
	assert_true(r[0].null);
	dispatch_io_read_f(io, 100, 5000, queue, &r[1], on_io);
	wait_for(r[1].done);
	check_pattern(r[1].data, 0, 5000);
	dispatch_io_close(io, 0);
	assert_null(dispatch_io_create_with_io_f(DISPATCH_IO_RANDOM, io, queue, NULL, NULL));
	dispatch_release(io);
	assert_int_not_equal(dispatch_semaphore_wait(c.done, DISPATCH_TIME_NOW), 0);
	dispatch_release(again);
	wait_for(c.done);
	dispatch_release(data);
	end(&r[0]);
	end(&r[1]);
	end(&c);
	unlink(path);
	close(fd);
}

static void test_create_errors(void **state)
{
	struct seen r, c;
	dispatch_io_t io;
	int fds[2];

	(void)state;
	assert_null(dispatch_io_create_f(7, 0, queue, NULL, NULL));
	assert_null(dispatch_io_create_with_path_f(
		DISPATCH_IO_STREAM, "relative", O_RDONLY, 0, queue, NULL, NULL));
	begin(&r);
	begin(&c);
	io = dispatch_io_create_with_path_f(
		DISPATCH_IO_STREAM, "/nowhere/at/all", O_RDONLY, 0, queue, &c, on_cleanup);
	dispatch_io_read_f(io, 0, 10, queue, &r, on_io);
	wait_for(r.done);
	assert_int_equal(r.error, ENOENT);
	dispatch_release(io);
	wait_for(c.done);
	assert_int_equal(c.cleanup_error, ENOENT);

	/* random access needs something with positions */
	assert_int_equal(pipe(fds), 0);
	io = dispatch_io_create_f(DISPATCH_IO_RANDOM, fds[0], queue, &c, on_cleanup);
	r.dones = 0;
	dispatch_io_read_f(io, 0, 10, queue, &r, on_io);
	wait_for(r.done);
	assert_int_equal(r.error, ESPIPE);
	dispatch_release(io);
	wait_for(c.done);
	close(fds[0]);
	close(fds[1]);

	/* never used, never closed: the path is not even opened */
	io = dispatch_io_create_with_path_f(
		DISPATCH_IO_STREAM, "/nowhere", O_RDONLY, 0, queue, &c, on_cleanup);
	dispatch_release(io);
	wait_for(c.done);
	assert_int_equal(c.cleanups, 3);
	end(&r);
	end(&c);
}

struct fence {
	dispatch_io_t io;
	dispatch_semaphore_t done;
	struct stat st;
};

static void on_barrier(void *context)
{
	struct fence *f = context;

	if (fstat(dispatch_io_get_descriptor(f->io), &f->st) < 0)
		abort();
	dispatch_semaphore_signal(f->done);
}

/* A barrier sees all that was written before, and nothing of what comes after. */
static void test_barrier(void **state)
{
	char path[] = "/tmp/braid-io-XXXXXX";
	int fd = make_file(path, 0);
	dispatch_data_t data = make_pattern(1000000);
	struct fence fence = { .done = dispatch_semaphore_create(0) };
	struct seen w[6], c;

	(void)state;
	begin(&c);
	fence.io = dispatch_io_create_f(DISPATCH_IO_STREAM, fd, queue, &c, on_cleanup);
	for (int i = 0; i < 6; i++) {
		begin(&w[i]);
		if (i == 3)
			dispatch_io_barrier_f(fence.io, &fence, on_barrier);
		dispatch_io_write_f(fence.io, 0, data, queue, &w[i], on_io);
	}
	wait_for(fence.done);
	assert_int_equal(fence.st.st_size, 3000000);
	for (int i = 0; i < 6; i++) {
		wait_for(w[i].done);
		assert_int_equal(w[i].error, 0);
		end(&w[i]);
	}
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 6000000);
	dispatch_release(fence.io);
	wait_for(c.done);
	end(&c);
	dispatch_release(fence.done);
	dispatch_release(data);
	unlink(path);
	close(fd);
}

/* With an interval the handler hears of what is below the low-water mark, if that is strict. */
static void test_interval(void **state)
{
	struct seen r, c;
	dispatch_io_t io;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	begin(&r);
	begin(&c);
	io = dispatch_io_create_f(DISPATCH_IO_STREAM, fds[0], queue, &c, on_cleanup);
	dispatch_io_set_low_water(io, SIZE_MAX);
	dispatch_io_set_interval(io, 2 * NSEC_PER_MSEC, DISPATCH_IO_STRICT_INTERVAL);
	dispatch_io_read_f(io, 0, 100, queue, &r, on_io);
	assert_int_equal(write(fds[1], "abc", 3), 3);
	for (int i = 0; i < 3; i++)
		wait_for(r.called);
	dispatch_io_close(io, DISPATCH_IO_STOP);
	wait_for(r.done);
	assert_int_equal(dispatch_data_get_size(r.data), 3);
	dispatch_release(io);
	wait_for(c.done);
	end(&r);
	end(&c);
	close(fds[0]);
	close(fds[1]);
}

/* A handler that does not come along stops the reading: what waits for it does not grow for ever.
 */
static void test_slow_handler(void **state)
{
	enum { SIZE = 12 * 1024 * 1024 };
	dispatch_data_t data = make_pattern(SIZE);
	dispatch_queue_t slow = dispatch_queue_create("slow", NULL);
	struct seen r, w, c;
	dispatch_io_t io;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	begin(&r);
	begin(&w);
	begin(&c);
	dispatch_suspend(slow);
	io = dispatch_io_create_f(DISPATCH_IO_STREAM, fds[0], queue, &c, on_cleanup);
	dispatch_io_read_f(io, 0, SIZE, slow, &r, on_io);
	dispatch_write_f(fds[1], data, queue, &w, on_written);
	assert_int_not_equal(dispatch_semaphore_wait(
				     w.done, dispatch_time(DISPATCH_TIME_NOW, 300 * NSEC_PER_MSEC)),
		0);
	dispatch_resume(slow);
	wait_for(r.done);
	wait_for(w.done);
	check_pattern(r.data, 0, SIZE);
	dispatch_release(io);
	wait_for(c.done);
	end(&c);
	dispatch_release(slow);
	dispatch_release(data);
	end(&r);
	end(&w);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_takes_what_is_there),
		cmocka_unit_test(test_read_exact_length),
		cmocka_unit_test(test_order_on_one_descriptor),
		cmocka_unit_test(test_large_transfers),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_file_to_the_end),
		cmocka_unit_test(test_water_marks),
		cmocka_unit_test(test_low_water_all),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_close_finishes),
		cmocka_unit_test(test_random_access),
		cmocka_unit_test(test_create_errors),
		cmocka_unit_test(test_barrier),
		cmocka_unit_test(test_interval),
		cmocka_unit_test(test_slow_handler),
	};

	queue = dispatch_queue_create("io-test", NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
