/*
 * The supervisor of a program that runs under the filter of filter.h: makes its sockets.
 *
 * It is a process of its own, in a session of its own, no child of the program, and ends when the
 * last process under the filter has. So `braid run` can become the program itself: exit status,
 * signals and job control are the program's without anybody in between. Signals that end others
 * are ignored: when a service is stopped it is needed until the last process is gone.
 */
#ifndef BRI_RUN_SUPERVISE_H
#define BRI_RUN_SUPERVISE_H

#include "base/base.h"

enum { BRI_SUPERVISE_LOST = 1 }; /* condition: filtered, and nobody there to answer */

/*
 * bri_supervise_start(): starts the supervisor, then filters the caller.
 * What the environment names (env.h): the service that braidd is told for each socket, and where.
 *   say_fd  where bri_say writes, or -1; kept open by the supervisor
 * Returns 0 (the supervisor has the filter's descriptor), BRI_SUPERVISE_LOST (the caller can only
 * end), or a negative errno: nothing is filtered.
 * Context: a process of one thread, about to execute the program.
 */
int bri_supervise_start(int say_fd);

#endif
