/*
 * The system calls that braidd may still make. It talks to every user of the machine with a
 * capability in its hands: whoever takes it over shall find little to call.
 */
#ifndef BRI_SECCOMP_H
#define BRI_SECCOMP_H

#include "base/base.h"

/*
 * bri_seccomp_install(): for this thread and those it makes; what is not on the list fails with
 * EPERM, another architecture's calls kill the process.
 * Returns 0, -ENOTSUP (this architecture is not known to us, or the program is built with a
 * sanitizer or runs in valgrind, which make calls of their own), or -errno.
 * Context: after no_new_privs, while there is one thread.
 */
int bri_seccomp_install(void);

#endif
