/* What lab.c and child.c share: the handle. Knows nothing of frames. */
#ifndef BRI_LAB_CHILD_H
#define BRI_LAB_CHILD_H

#include <pthread.h>

#include "lab/control.h"

#define BRI_CHILD_TIMEOUT_MS 5000 /* for a killed process to be gone */

struct bri_child;

struct bri_lab {
	pthread_mutex_t lock; /* one request at a time; the list of children */
	int control_fd;
	pid_t emulator; /* 0: not ours */
	struct bri_control_hello hello;
	int fds[BRI_CONTROL_MAX_FDS];
	size_t n_fds;
	struct bri_child *children;
};

/* bri_child_close_all(): kills and reaps what was started by spawn and fork and not waited for. */
void bri_child_close_all(struct bri_lab *lab);

/* bri_child_await(): false: the process is still there after timeout_ms (-1: never that). */
bool bri_child_await(int pid_fd, int timeout_ms);

#endif
