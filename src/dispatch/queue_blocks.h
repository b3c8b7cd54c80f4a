/* The block-taking entry points of queues, as the library sees them: a block is a pointer.
 * ABI-identical to the public declarations. */
#ifndef BRI_QUEUE_BLOCKS_H
#define BRI_QUEUE_BLOCKS_H

#include <dispatch/dispatch.h>

void dispatch_async(dispatch_queue_t queue, const void *block);
void dispatch_sync(dispatch_queue_t queue, const void *block);
void dispatch_async_and_wait(dispatch_queue_t queue, const void *block);
void dispatch_barrier_async(dispatch_queue_t queue, const void *block);
void dispatch_barrier_sync(dispatch_queue_t queue, const void *block);
void dispatch_barrier_async_and_wait(dispatch_queue_t queue, const void *block);
void dispatch_after(dispatch_time_t when, dispatch_queue_t queue, const void *block);

#endif
