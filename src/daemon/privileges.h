/*
 * What braidd gives up before it begins: the user root, all capabilities but those it needs, and
 * the chance to get any back. Knows nothing of what they are needed for.
 */
#ifndef BRI_PRIVILEGES_H
#define BRI_PRIVILEGES_H

#include "base/base.h"

#define BRI_PRIVILEGES_USER    "braid"
#define BRI_PRIVILEGES_WHY_MAX 256u

struct bri_privileges {
	const char *user; /* to become; NULL: BRI_PRIVILEGES_USER, if we are root and it exists */
	/* Directories that are made, mode 0755, for that user while we are root. One that exists is
	 * left as it is. */
	const char *directories[2]; /* NULL: none */
	bool see_processes; /* keep what it takes to look into other users' /proc/PID, if we have it
			     */
};

/*
 * bri_privileges_drop(): CAP_NET_ADMIN is left, in the permitted and the effective set.
 *   why  out, on failure: one line that says what to do
 * Returns 0, -EPERM (there is no CAP_NET_ADMIN to keep, or --user without root), -ENOENT (no such
 * user), or -errno; after a failure the process is to end.
 * Context: while there is one thread: capabilities are each thread's own.
 */
int bri_privileges_drop(
	const struct bri_privileges *wanted, char why[static BRI_PRIVILEGES_WHY_MAX]);

#endif
