/*
 * The block-taking entry points of data, groups, once, apply, sources and channels, as the library
 * defines them: a block is a pointer. The public headers show them to compilers with blocks.
 */
#ifndef BRI_DISPATCH_BLOCKS_H
#define BRI_DISPATCH_BLOCKS_H

#include <dispatch/dispatch.h>

#include "base/callable.h"

extern const void *const _dispatch_data_destructor_free;
extern const void *const _dispatch_data_destructor_munmap;

BRI_EXPORT dispatch_data_t dispatch_data_create(
	const void *buffer, size_t size, dispatch_queue_t queue, const void *destructor);
BRI_EXPORT bool dispatch_data_apply(dispatch_data_t data, const void *applier);

BRI_EXPORT void dispatch_group_async(
	dispatch_group_t group, dispatch_queue_t queue, const void *block);
BRI_EXPORT void dispatch_group_notify(
	dispatch_group_t group, dispatch_queue_t queue, const void *block);

BRI_EXPORT void dispatch_once(dispatch_once_t *predicate, const void *block);
BRI_EXPORT void dispatch_apply(size_t iterations, dispatch_queue_t queue, const void *block);

BRI_EXPORT void dispatch_source_set_event_handler(dispatch_source_t source, const void *handler);
BRI_EXPORT void dispatch_source_set_cancel_handler(dispatch_source_t source, const void *handler);
BRI_EXPORT void dispatch_source_set_registration_handler(
	dispatch_source_t source, const void *handler);

BRI_EXPORT void dispatch_read(
	dispatch_fd_t fd, size_t length, dispatch_queue_t queue, const void *handler);
BRI_EXPORT void dispatch_write(
	dispatch_fd_t fd, dispatch_data_t data, dispatch_queue_t queue, const void *handler);
BRI_EXPORT dispatch_io_t dispatch_io_create(dispatch_io_type_t type, dispatch_fd_t fd,
	dispatch_queue_t queue, const void *cleanup_handler);
BRI_EXPORT dispatch_io_t dispatch_io_create_with_path(dispatch_io_type_t type, const char *path,
	int oflag, mode_t mode, dispatch_queue_t queue, const void *cleanup_handler);
BRI_EXPORT dispatch_io_t dispatch_io_create_with_io(dispatch_io_type_t type, dispatch_io_t io,
	dispatch_queue_t queue, const void *cleanup_handler);
BRI_EXPORT void dispatch_io_read(dispatch_io_t channel, off_t offset, size_t length,
	dispatch_queue_t queue, const void *io_handler);
BRI_EXPORT void dispatch_io_write(dispatch_io_t channel, off_t offset, dispatch_data_t data,
	dispatch_queue_t queue, const void *io_handler);
BRI_EXPORT void dispatch_io_barrier(dispatch_io_t channel, const void *barrier);

#endif
