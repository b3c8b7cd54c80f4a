/* The block-taking entry points (blocks.h): each is its function twin with the block as context. */
#include "dispatch/blocks.h"

#include "dispatch/data_impl.h"
#include "dispatch/group_internal.h"
#include "dispatch/io_internal.h"
#include "dispatch/source_internal.h"

/*
 * DISPATCH_DATA_DESTRUCTOR_FREE and _MUNMAP: blocks that are known by their address. They do not
 * know the buffer, so called by somebody else they do nothing. Global blocks, as the compiler lays
 * them out: Block_copy() and Block_release() leave them alone.
 */
struct named_block {
	void *isa;
	int flags;
	int reserved;
	void (*invoke)(void *block);
	const void *descriptor;
};

#define BLOCK_IS_GLOBAL (1 << 28)

extern void *_NSConcreteGlobalBlock[32];

static void no_op(void *block)
{
	(void)block;
}

static const struct {
	unsigned long reserved, size;
} named_descriptor = { .size = sizeof(struct named_block) };

static const struct named_block free_block = { .isa = _NSConcreteGlobalBlock,
	.flags = BLOCK_IS_GLOBAL,
	.invoke = no_op,
	.descriptor = &named_descriptor };
static const struct named_block munmap_block = { .isa = _NSConcreteGlobalBlock,
	.flags = BLOCK_IS_GLOBAL,
	.invoke = no_op,
	.descriptor = &named_descriptor };

BRI_EXPORT const void *const _dispatch_data_destructor_free = &free_block;
BRI_EXPORT const void *const _dispatch_data_destructor_munmap = &munmap_block;

static bri_any_f invoke_of(const void *block)
{
	return ((const struct bri_block *)block)->invoke;
}

dispatch_data_t dispatch_data_create(
	const void *buffer, size_t size, dispatch_queue_t queue, const void *destructor)
{
	void *bytes = (void *)(uintptr_t)buffer;

	if (!destructor)
		return dispatch_data_create_f(buffer, size, queue, NULL);
	if (destructor == &free_block)
		return bri_data_new_freed(bytes, size);
	if (destructor == &munmap_block)
		return bri_data_new_unmapped(bytes, size);
	return bri_data_new_foreign(buffer, size, queue, bri_callable_from_block(destructor));
}

bool dispatch_data_apply(dispatch_data_t data, const void *applier)
{
	return dispatch_data_apply_f(
		data, (void *)(uintptr_t)applier, (dispatch_data_applier_f)invoke_of(applier));
}

void dispatch_group_async(dispatch_group_t group, dispatch_queue_t queue, const void *block)
{
	bri_group_async(group, queue, bri_callable_from_block(block));
}

void dispatch_group_notify(dispatch_group_t group, dispatch_queue_t queue, const void *block)
{
	bri_group_notify(group, queue, bri_callable_from_block(block));
}

void dispatch_once(dispatch_once_t *predicate, const void *block)
{
	dispatch_once_f(predicate, (void *)(uintptr_t)block, (dispatch_function_t)invoke_of(block));
}

void dispatch_apply(size_t iterations, dispatch_queue_t queue, const void *block)
{
	dispatch_apply_f(iterations, queue, (void *)(uintptr_t)block,
		(void (*)(void *, size_t))invoke_of(block));
}

void dispatch_source_set_event_handler(dispatch_source_t source, const void *handler)
{
	bri_source_set_handler(source, BRI_SOURCE_EVENT, bri_callable_from_block(handler));
}

void dispatch_source_set_cancel_handler(dispatch_source_t source, const void *handler)
{
	bri_source_set_handler(source, BRI_SOURCE_CANCEL, bri_callable_from_block(handler));
}

void dispatch_source_set_registration_handler(dispatch_source_t source, const void *handler)
{
	bri_source_set_handler(source, BRI_SOURCE_REGISTRATION, bri_callable_from_block(handler));
}

void dispatch_read(dispatch_fd_t fd, size_t length, dispatch_queue_t queue, const void *handler)
{
	bri_read(fd, length, queue, bri_callable_from_block(handler));
}

void dispatch_write(
	dispatch_fd_t fd, dispatch_data_t data, dispatch_queue_t queue, const void *handler)
{
	bri_write(fd, data, queue, bri_callable_from_block(handler));
}

dispatch_io_t dispatch_io_create(dispatch_io_type_t type, dispatch_fd_t fd, dispatch_queue_t queue,
	const void *cleanup_handler)
{
	return bri_io_create(type, fd, queue, bri_callable_from_block(cleanup_handler));
}

dispatch_io_t dispatch_io_create_with_path(dispatch_io_type_t type, const char *path, int oflag,
	mode_t mode, dispatch_queue_t queue, const void *cleanup_handler)
{
	return bri_io_create_with_path(
		type, path, oflag, mode, queue, bri_callable_from_block(cleanup_handler));
}

dispatch_io_t dispatch_io_create_with_io(dispatch_io_type_t type, dispatch_io_t io,
	dispatch_queue_t queue, const void *cleanup_handler)
{
	return bri_io_create_with_io(type, io, queue, bri_callable_from_block(cleanup_handler));
}

void dispatch_io_read(dispatch_io_t channel, off_t offset, size_t length, dispatch_queue_t queue,
	const void *io_handler)
{
	bri_io_submit(channel, BRI_IO_READ, offset, length, NULL, queue,
		bri_callable_from_block(io_handler));
}

void dispatch_io_write(dispatch_io_t channel, off_t offset, dispatch_data_t data,
	dispatch_queue_t queue, const void *io_handler)
{
	bri_io_submit(channel, BRI_IO_WRITE, offset, bri_data_size(data), data, queue,
		bri_callable_from_block(io_handler));
}

void dispatch_io_barrier(dispatch_io_t channel, const void *barrier)
{
	if (barrier)
		bri_io_submit(channel, BRI_IO_BARRIER, 0, 0, NULL, NULL,
			bri_callable_from_block(barrier));
}
