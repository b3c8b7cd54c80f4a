/* Becomes a command whose sockets are Multipath TCP. Prints nothing. */
#ifndef BRI_RUN_START_H
#define BRI_RUN_START_H

#include <limits.h>
#include "base/base.h"

/*
 * bri_start_library(): where the library to preload is, from where this program is.
 * Returns 0, -ENOENT (not there), -EINVAL (LD_PRELOAD cannot name it: a space or a colon),
 * -ENAMETOOLONG, or what finding out gave.
 */
int bri_start_library(char ret[static PATH_MAX]);

/*
 * bri_start_set_environment(): what the program and its children inherit.
 *   library  to preload, before what is preloaded already; NULL: none
 *   service  the word; NULL: none, nor one that is inherited
 *   verbose  from bri_say_open(); NULL: silent
 * BRAID_SOCKET, if it is relative, is made absolute: programs change their directory.
 * GODEBUG gets multipathtcp=1, unless it has that setting: Go's library does the rest itself.
 * Returns 0 or -ENOMEM.
 */
int bri_start_set_environment(const char *library, const char *service, const char *verbose);

#endif
