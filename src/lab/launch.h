/*
 * Starting processes inside namespaces as children of the caller. Every child passes through a
 * short-lived middle process, since entering a user or process namespace is not for the caller, who
 * may have threads. Knows nothing of paths.
 */
#ifndef BRI_LAB_LAUNCH_H
#define BRI_LAB_LAUNCH_H

#include <sys/types.h>

#include "base/base.h"

/* Namespaces to join, -1: none. */
struct bri_launch_space {
	int user_fd, pid_fd, net_fd, mnt_fd;
};

/* What the child does: runs with all signals unblocked; the result is its exit code. A negative
 * errno returned by `prepare` is reported to the caller of bri_launch_inside() instead. */
struct bri_launch_job {
	int (*prepare)(void *context); /* may exec; -errno when it could not */
	int (*run)(void *context);     /* after a prepare that returned 0 */
	void *context;
};

/*
 * bri_launch_inside(): start the job inside the namespaces. Returns 0 and the child's pid, or the
 * errno of what failed first. Context: blocks until the program is executed or run() begins.
 */
int bri_launch_inside(
	const struct bri_launch_space *space, const struct bri_launch_job *job, pid_t *ret_pid);

/*
 * bri_launch_world(): start run(context) as process 1 of new user and, if `pidns`, process
 * namespaces, in which the caller's uid is root (root keeps all of its ids).
 */
int bri_launch_world(bool pidns, void (*run)(void *context), void *context, pid_t *ret_pid);

#endif
