/* Reading and writing files and streams without blocking a queue. */
#ifndef BRAID_DISPATCH_IO_H
#define BRAID_DISPATCH_IO_H

#include <dispatch/base.h>
#include <dispatch/object.h>
#include <dispatch/queue.h>
#include <dispatch/data.h>
#include <sys/types.h>

BRAID_DECLS_BEGIN

typedef int dispatch_fd_t;

/*!
 * @typedef dispatch_io_type_t
 * @abstract A stream has one position; random access has as many as operations.
 */
typedef unsigned long dispatch_io_type_t;
#define DISPATCH_IO_STREAM 0
#define DISPATCH_IO_RANDOM 1

typedef unsigned long dispatch_io_close_flags_t;
#define DISPATCH_IO_STOP 0x1

typedef unsigned long dispatch_io_interval_flags_t;
#define DISPATCH_IO_STRICT_INTERVAL 0x1

#ifdef __BLOCKS__
/*!
 * @typedef dispatch_io_handler_t
 * @param done The last call.
 * @param data Read, or not written yet; borrowed.
 * @param error 0 or an errno.
 */
typedef void (^dispatch_io_handler_t)(bool done, dispatch_data_t _Nullable data, int error);
#endif
/* functions, context first */
typedef void (*dispatch_io_handler_f)(
	void *_Nullable context, bool done, dispatch_data_t _Nullable data, int error);
typedef void (*dispatch_io_cleanup_f)(void *_Nullable context, int error);
typedef void (*dispatch_read_handler_f)(void *_Nullable context, dispatch_data_t data, int error);
typedef void (*dispatch_write_handler_f)(
	void *_Nullable context, dispatch_data_t _Nullable data, int error);

#ifdef __BLOCKS__
/*!
 * @function dispatch_read
 * @abstract Reads once: calls the handler once, on the queue, when there are bytes, the end or an
 *   error.
 * @param length At most; SIZE_MAX: to the end.
 * @param handler Copied; no data and no error: the end.
 */
void dispatch_read(dispatch_fd_t fd, size_t length, dispatch_queue_t queue,
	void (^handler)(dispatch_data_t data, int error));
/*!
 * @function dispatch_write
 * @abstract Writes all.
 * @param handler Copied; called once, on the queue, with what could not be written, or NULL.
 */
void dispatch_write(dispatch_fd_t fd, dispatch_data_t data, dispatch_queue_t queue,
	void (^handler)(dispatch_data_t _Nullable data, int error));
/*!
 * @function dispatch_io_create
 * @abstract A channel takes the descriptor over, until the cleanup handler is called.
 * @param cleanup_handler Copied; called once, on the queue, when the program may close the
 *   descriptor.
 * @result +1, dispatch_release() it. NULL for an unknown type.
 */
DISPATCH_RETURNS_RETAINED dispatch_io_t _Nullable dispatch_io_create(dispatch_io_type_t type,
	dispatch_fd_t fd, dispatch_queue_t queue, void (^cleanup_handler)(int error));
/*!
 * @function dispatch_io_create_with_path
 * @abstract As above for a file, opened at the first operation.
 * @param path Absolute; copied.
 */
DISPATCH_RETURNS_RETAINED dispatch_io_t _Nullable dispatch_io_create_with_path(
	dispatch_io_type_t type, const char *path, int oflag, mode_t mode, dispatch_queue_t queue,
	void (^cleanup_handler)(int error));
/*!
 * @function dispatch_io_create_with_io
 * @abstract A second channel on what another has open.
 */
DISPATCH_RETURNS_RETAINED dispatch_io_t _Nullable dispatch_io_create_with_io(
	dispatch_io_type_t type, dispatch_io_t io, dispatch_queue_t queue,
	void (^cleanup_handler)(int error));
/*!
 * @function dispatch_io_read
 * @abstract Reads.
 * @param offset Of random channels.
 * @param io_handler Copied; called as bytes come, last with done.
 */
void dispatch_io_read(dispatch_io_t channel, off_t offset, size_t length, dispatch_queue_t queue,
	dispatch_io_handler_t io_handler);
/*!
 * @function dispatch_io_write
 * @abstract Writes.
 * @param io_handler Copied; called as bytes go, last with done.
 */
void dispatch_io_write(dispatch_io_t channel, off_t offset, dispatch_data_t data,
	dispatch_queue_t queue, dispatch_io_handler_t io_handler);
/*!
 * @function dispatch_io_barrier
 * @abstract Runs the block after all operations before it, before all after it.
 * @param barrier Copied.
 */
void dispatch_io_barrier(dispatch_io_t channel, dispatch_block_t barrier);
#endif
/*!
 * @function dispatch_read_f
 * @abstract As dispatch_read(), with a function.
 */
void dispatch_read_f(dispatch_fd_t fd, size_t length, dispatch_queue_t queue,
	void *_Nullable context, dispatch_read_handler_f handler);
/*!
 * @function dispatch_write_f
 * @abstract As dispatch_write(), with a function.
 */
void dispatch_write_f(dispatch_fd_t fd, dispatch_data_t data, dispatch_queue_t queue,
	void *_Nullable context, dispatch_write_handler_f handler);
/*!
 * @function dispatch_io_create_f
 * @abstract As dispatch_io_create(), with a function; it may be NULL.
 */
DISPATCH_RETURNS_RETAINED dispatch_io_t _Nullable dispatch_io_create_f(dispatch_io_type_t type,
	dispatch_fd_t fd, dispatch_queue_t queue, void *_Nullable context,
	dispatch_io_cleanup_f _Nullable cleanup);
/*!
 * @function dispatch_io_create_with_path_f
 * @abstract As dispatch_io_create_with_path(), with a function; it may be NULL.
 */
DISPATCH_RETURNS_RETAINED dispatch_io_t _Nullable dispatch_io_create_with_path_f(
	dispatch_io_type_t type, const char *path, int oflag, mode_t mode, dispatch_queue_t queue,
	void *_Nullable context, dispatch_io_cleanup_f _Nullable cleanup);
/*!
 * @function dispatch_io_create_with_io_f
 * @abstract As dispatch_io_create_with_io(), with a function; it may be NULL.
 */
DISPATCH_RETURNS_RETAINED dispatch_io_t _Nullable dispatch_io_create_with_io_f(
	dispatch_io_type_t type, dispatch_io_t io, dispatch_queue_t queue, void *_Nullable context,
	dispatch_io_cleanup_f _Nullable cleanup);
/*!
 * @function dispatch_io_read_f
 * @abstract As dispatch_io_read(), with a function.
 */
void dispatch_io_read_f(dispatch_io_t channel, off_t offset, size_t length, dispatch_queue_t queue,
	void *_Nullable context, dispatch_io_handler_f io_handler);
/*!
 * @function dispatch_io_write_f
 * @abstract As dispatch_io_write(), with a function.
 */
void dispatch_io_write_f(dispatch_io_t channel, off_t offset, dispatch_data_t data,
	dispatch_queue_t queue, void *_Nullable context, dispatch_io_handler_f io_handler);
/*!
 * @function dispatch_io_barrier_f
 * @abstract As dispatch_io_barrier(), with a function.
 */
void dispatch_io_barrier_f(
	dispatch_io_t channel, void *_Nullable context, dispatch_function_t barrier);

/*!
 * @function dispatch_io_close
 * @param flags DISPATCH_IO_STOP: outstanding operations end with ECANCELED; 0: they are finished
 *   first.
 */
void dispatch_io_close(dispatch_io_t channel, dispatch_io_close_flags_t flags);

/*!
 * @function dispatch_io_get_descriptor
 * @result The descriptor, for use in barriers; -1 when closed.
 */
dispatch_fd_t dispatch_io_get_descriptor(dispatch_io_t channel);

/*!
 * @function dispatch_io_set_high_water
 * @param high_water Bytes at most per call of a handler.
 */
void dispatch_io_set_high_water(dispatch_io_t channel, size_t high_water);

/*!
 * @function dispatch_io_set_low_water
 * @param low_water Bytes at least per call of a handler, but for the last.
 */
void dispatch_io_set_low_water(dispatch_io_t channel, size_t low_water);

/*!
 * @function dispatch_io_set_interval
 * @param interval ns after which handlers are called with what there is.
 * @param flags DISPATCH_IO_STRICT_INTERVAL: also below low water.
 */
void dispatch_io_set_interval(
	dispatch_io_t channel, uint64_t interval, dispatch_io_interval_flags_t flags);

BRAID_DECLS_END

#endif
