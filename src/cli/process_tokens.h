/* The Multipath TCP connections of a process: which sockets it has (/proc), and what the kernel
 * calls them (sock_diag). Prints nothing. */
#ifndef BRI_CLI_PROCESS_TOKENS_H
#define BRI_CLI_PROCESS_TOKENS_H

#include "base/base.h"

/* bri_process_socket_inode(): the inode of a link "socket:[N]" in `directory`; 0: something else.
 */
uint32_t bri_process_socket_inode(int directory, const char *name);

/*
 * bri_process_tokens(): the tokens of the connections that a process has now, in this network
 * namespace.
 *   ret    the caller frees it; NULL when there are none
 * Returns 0, or -ESRCH (no such process), -EACCES (not ours to look into), or what /proc or the
 * kernel gave.
 */
int bri_process_tokens(uint32_t pid, uint32_t **ret, size_t *ret_n);

#endif
