/*
 * Whose sockets connections are: the program by the inode of its socket, found through /proc. One
 * pass over all processes answers all questions that wait, on a worker: the queue never waits.
 * Processes that may not be looked into are passed over. Knows no connections.
 */
#ifndef BRI_PROGRAMS_H
#define BRI_PROGRAMS_H

#include <sys/types.h>
#include "base/base.h"

#define BRI_PROGRAMS_WAITING_MAX 256u /* questions; more are refused */
#define BRI_PROGRAM_COMM_MAX     16u  /* TASK_COMM_LEN */
#define BRI_PROGRAM_EXE_MAX      256u /* a longer path is not told: no rule can name it */

struct dispatch_queue_s;
struct bri_programs;

struct bri_program {
	pid_t pid; /* 0: not found */
	char comm[BRI_PROGRAM_COMM_MAX];
	char exe[BRI_PROGRAM_EXE_MAX]; /* "": not known */
};

/* On the queue, once for each question; program is borrowed. */
typedef void (*bri_programs_f)(void *context, uint32_t token, const struct bri_program *program);

/* bri_programs_new(): fn is called on the queue. Returns 0 or -ENOMEM. */
int bri_programs_new(struct dispatch_queue_s *queue, void *context, bri_programs_f fn,
	struct bri_programs **ret);
/* bri_programs_free(): fn is called no more. NULL is harmless. Context: on the queue. */
void bri_programs_free(struct bri_programs *p);

/*
 * bri_programs_ask(): who has the socket with this inode?
 *   token  comes back with the answer
 * Returns 0, or -EAGAIN (too many wait): fn is not called. Context: on the queue.
 */
int bri_programs_ask(struct bri_programs *p, uint32_t token, uint32_t inode);

#endif
