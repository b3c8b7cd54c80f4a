/*
 * One write to a stream that may wait for the end of its loop's batch of events (dispatch/late.h).
 * Between bri_late_write_post() and its end the bytes must stay where they are.
 */
#ifndef BRI_LATE_WRITE_H
#define BRI_LATE_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>
#include "dispatch/late.h"

#define BRI_LATE_WRITE_IOV 4 /* regions that one takes; more are written at once */

struct bri_late_write;

/*
 * bri_late_write_post(): *write is made when it is NULL.
 *   on_end  on the queue, when it was written; not after bri_late_write_free()
 * Returns false: not now; nothing was posted. Context: the queue.
 */
bool bri_late_write_post(struct bri_late_write **write, struct dispatch_queue_s *queue, int fd,
	const struct iovec *iov, size_t count, void *context, void (*on_end)(void *context));

/* bri_late_write_is_open(): posted, and its end was not taken. NULL: no. Context: the queue. */
bool bri_late_write_is_open(const struct bri_late_write *write);

/*
 * bri_late_write_end(): takes what came of it; if it was not written yet, it is now. Then it is
 * open no more; on_end() may be called all the same. Of one that is open.
 * Returns as bri_sock_write(). Context: the queue.
 */
ssize_t bri_late_write_end(struct bri_late_write *write);

/* bri_late_write_free(): NULL is harmless. What was not written never is. Context: the queue. */
void bri_late_write_free(struct bri_late_write *write);

#endif
