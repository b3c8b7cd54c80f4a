/* Data: immutable bytes in one or more regions, shared and never copied. */
#ifndef BRAID_DISPATCH_DATA_H
#define BRAID_DISPATCH_DATA_H

#include <dispatch/base.h>
#include <dispatch/object.h>
#include <dispatch/queue.h>

BRAID_DECLS_BEGIN

extern struct dispatch_data_s _dispatch_data_empty;
/*!
 * @const dispatch_data_empty
 * @abstract No bytes. Immortal.
 */
#define dispatch_data_empty (&_dispatch_data_empty)

#ifdef __BLOCKS__
/*!
 * @const DISPATCH_DATA_DESTRUCTOR_DEFAULT
 * @abstract The bytes are copied.
 */
#define DISPATCH_DATA_DESTRUCTOR_DEFAULT ((dispatch_block_t)0)
/*!
 * @const DISPATCH_DATA_DESTRUCTOR_FREE
 * @abstract The buffer is malloc()'s, and free()d at the end.
 */
#define DISPATCH_DATA_DESTRUCTOR_FREE (_dispatch_data_destructor_free)
/*!
 * @const DISPATCH_DATA_DESTRUCTOR_MUNMAP
 * @abstract The buffer is mmap()'s, and munmap()ped at the end.
 */
#define DISPATCH_DATA_DESTRUCTOR_MUNMAP (_dispatch_data_destructor_munmap)
extern const dispatch_block_t _dispatch_data_destructor_free;
extern const dispatch_block_t _dispatch_data_destructor_munmap;

/*!
 * @typedef dispatch_data_applier_t
 * @param region The region, borrowed.
 * @param offset Where it is in the whole.
 * @result False stops.
 */
typedef bool (^dispatch_data_applier_t)(
	dispatch_data_t region, size_t offset, const void *buffer, size_t size);
#endif
/*!
 * @typedef dispatch_data_applier_f
 * @abstract The same as a function, context first.
 */
typedef bool (*dispatch_data_applier_f)(void *_Nullable context, dispatch_data_t region,
	size_t offset, const void *buffer, size_t size);

#ifdef __BLOCKS__
/*!
 * @function dispatch_data_create
 * @param buffer The bytes: copied with the default destructor, else they must stay as they are
 *   until it runs.
 * @param queue Where a block of the program's own runs as destructor; NULL: a global one.
 * @param destructor One of the three above, or a block; copied.
 * @result +1, dispatch_release() it. dispatch_data_empty for size 0.
 */
DISPATCH_RETURNS_RETAINED dispatch_data_t dispatch_data_create(const void *buffer, size_t size,
	dispatch_queue_t _Nullable queue, dispatch_block_t _Nullable destructor);
/*!
 * @function dispatch_data_apply
 * @abstract Calls the block for each region, in order, inside this call.
 * @result False when it was stopped.
 */
bool dispatch_data_apply(dispatch_data_t data, DISPATCH_NOESCAPE dispatch_data_applier_t applier);
#endif
/*!
 * @function dispatch_data_create_f
 * @abstract As dispatch_data_create().
 * @param destructor Called once with the buffer, on the queue (free() may be given). NULL: the
 *   bytes are copied.
 */
DISPATCH_RETURNS_RETAINED dispatch_data_t dispatch_data_create_f(const void *buffer, size_t size,
	dispatch_queue_t _Nullable queue, dispatch_function_t _Nullable destructor);
/*!
 * @function dispatch_data_apply_f
 * @abstract As dispatch_data_apply(), with a function.
 */
bool dispatch_data_apply_f(
	dispatch_data_t data, void *_Nullable context, dispatch_data_applier_f applier);

/*!
 * @function dispatch_data_get_size
 * @result Bytes in all regions.
 */
size_t dispatch_data_get_size(dispatch_data_t data);

/*!
 * @function dispatch_data_create_map
 * @abstract The same bytes in one region.
 * @param buffer_ptr Out: where; valid until the result is released.
 * @param size_ptr Out: how many. Both may be NULL.
 * @result +1: the data itself when it has one region, else a copy.
 */
DISPATCH_RETURNS_RETAINED dispatch_data_t dispatch_data_create_map(dispatch_data_t data,
	const void *_Nullable *_Nullable buffer_ptr, size_t *_Nullable size_ptr);

/*!
 * @function dispatch_data_create_concat
 * @result +1: the bytes of one, then the other, without a copy.
 */
DISPATCH_RETURNS_RETAINED dispatch_data_t dispatch_data_create_concat(
	dispatch_data_t data1, dispatch_data_t data2);

/*!
 * @function dispatch_data_create_subrange
 * @result +1: bytes offset to offset + length, cut to what there is, without a copy.
 */
DISPATCH_RETURNS_RETAINED dispatch_data_t dispatch_data_create_subrange(
	dispatch_data_t data, size_t offset, size_t length);

/*!
 * @function dispatch_data_copy_region
 * @param offset_ptr Out: where the region begins.
 * @result +1: the region with this byte; empty beyond the end.
 */
DISPATCH_RETURNS_RETAINED dispatch_data_t dispatch_data_copy_region(
	dispatch_data_t data, size_t location, size_t *offset_ptr);

BRAID_DECLS_END

#endif
