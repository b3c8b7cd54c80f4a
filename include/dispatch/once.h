/* Work that is done once in the life of a process. */
#ifndef BRAID_DISPATCH_ONCE_H
#define BRAID_DISPATCH_ONCE_H

#include <dispatch/base.h>
#include <dispatch/object.h>

BRAID_DECLS_BEGIN

/*!
 * @typedef dispatch_once_t
 * @abstract Zero at first, in static memory; ~0 when the work is done.
 */
typedef intptr_t dispatch_once_t;

#ifdef __BLOCKS__
/*!
 * @function dispatch_once
 * @abstract Runs the block unless it ran before; others wait until it has run.
 */
void dispatch_once(dispatch_once_t *predicate, DISPATCH_NOESCAPE dispatch_block_t block);
#endif
/*!
 * @function dispatch_once_f
 * @abstract As dispatch_once(), with a function.
 */
void dispatch_once_f(
	dispatch_once_t *predicate, void *_Nullable context, dispatch_function_t function);

BRAID_DECLS_END

#endif
