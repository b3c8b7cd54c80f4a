/*
 * Telling braidd which service a connection is to have. Used inside other programs: system calls
 * only, no memory, nothing waits, no descriptor stays open, errno unchanged.
 *
 * Each connection is told by a connection of its own to the daemon: a descriptor that stayed would
 * be closed by programs that close all of theirs, its number taken for something else, and shared
 * by forked children that are other processes to the daemon. It costs five system calls a
 * connection, and nothing where no service is wished.
 */
#ifndef BRI_RUN_TELL_H
#define BRI_RUN_TELL_H

#include "base/base.h"

#define BRI_TELL_SIZE 25u /* of either message: docs/wire/control.md */

enum { BRI_TELL_NOT_MPTCP = 1 }; /* condition: plain TCP, or another kind of socket */

/*
 * bri_tell_init(): once, before other threads.
 *   service  the word; NULL or not one: nothing is told
 *   path     of the daemon's socket; NULL: the default
 */
void bri_tell_init(const char *service, const char *path);
/* bri_tell_service(): the word's number as in nw_multipath_service_t, or -EINVAL. */
int bri_tell_service(const char *word);
bool bri_tell_enabled(void);

/*
 * bri_tell_connection(): tells braidd the service of this connection.
 *   fd  connected, or connecting: the kernel gives a connection its token in connect(2), before
 *       the first packet
 * Returns 0, BRI_TELL_NOT_MPTCP, or a negative errno (no daemon, it is busy): nothing was told.
 */
int bri_tell_connection(int fd);

/*
 * bri_tell_socket(): the same of a socket that is not connected yet, by its cookie: for who makes
 * sockets for others.
 *   fd  Multipath TCP
 * Returns 0 or a negative errno: nothing was told.
 */
int bri_tell_socket(int fd);

/* The messages. */
void bri_tell_encode_token(uint32_t token, uint8_t service, uint8_t ret[static BRI_TELL_SIZE]);
void bri_tell_encode_socket(uint64_t cookie, uint8_t service, uint8_t ret[static BRI_TELL_SIZE]);

#endif
