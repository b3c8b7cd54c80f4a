/*
 * The seccomp filter that asks a supervisor at each socket(2) that makes a TCP socket. Without
 * privileges; kept by all descendants. Knows nothing of what the supervisor does.
 */
#ifndef BRI_RUN_FILTER_H
#define BRI_RUN_FILTER_H

#include "base/base.h"

/*
 * bri_filter_supported(): can this kernel do it. Returns 0, -ENOSYS (no seccomp, or no
 * notifications: before Linux 5.0) or -ENOTSUP (architecture).
 */
int bri_filter_supported(void);

/*
 * bri_filter_install(): filters this thread and what it executes. Sets no_new_privs. Whoever makes
 * a TCP socket waits until the supervisor answers on the returned descriptor; without one it gets
 * ENOSYS.
 * Returns the descriptor (close on exec, ours) or a negative errno: -EBUSY (there is one already,
 * as in a program that is wrapped so), -EPERM.
 */
int bri_filter_install(void);

#endif
