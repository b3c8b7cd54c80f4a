/* Closing a TCP socket without losing what was accepted for sending. Knows nothing of connections.
 */
#ifndef BRI_LINGER_H
#define BRI_LINGER_H

#include <stdbool.h>

/*
 * bri_linger_close(): close fd gracefully: FIN after all that was written. Takes the descriptor.
 * The kernel answers a close() while unread bytes wait with a reset, which destroys what the peer
 * has not read; so the input is drained, and a socket whose output is not acknowledged yet is
 * looked after on the library's own queue, for BRI_LINGER_S at most.
 *   unread  false: the caller knows that no input waits
 * Context: any thread; does not block.
 */
#define BRI_LINGER_S   10   /* a peer that takes longer is not reading */
#define BRI_LINGER_MAX 1024 /* descriptors kept in this state; more are closed at once */
void bri_linger_close(int fd, bool unread);

#endif
