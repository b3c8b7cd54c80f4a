/*
 * The control socket as a file, or as systemd hands it over. Knows no messages.
 */
#ifndef BRI_CONTROL_SOCKET_H
#define BRI_CONTROL_SOCKET_H

#include <sys/types.h>
#include "base/base.h"

struct bri_control_socket {
	int fd;         /* listens; nonblocking, close-on-exec; -1: closed */
	int lock_fd;    /* of PATH.lock, held while the file is ours; -1: inherited */
	char path[108]; /* "": inherited, the file is not ours */
	dev_t dev;
	ino_t ino;
};

/*
 * bri_control_socket_open(): makes the socket file with mode 0666 (who may do what is decided by
 * credentials), and its directory if that is missing. The file of a daemon that died is replaced,
 * that of one that runs is not.
 *   path  absolute or not; its last directory is made if need be
 *   why   out on failure: one line, what is wrong and what to do
 *   ret   close it with bri_control_socket_close()
 * Returns 0, or -EADDRINUSE (another braidd), -ENAMETOOLONG, -EACCES, -EEXIST (a file that is no
 * socket), or what else the file system says. Context: does not block.
 */
int bri_control_socket_open(
	const char *path, char *why, size_t why_size, struct bri_control_socket *ret);

/*
 * bri_control_socket_inherit(): the first listening Unix SEQPACKET socket among those passed by the
 * supervisor (LISTEN_PID, LISTEN_FDS; sd_listen_fds(3)).
 * Returns 0, or -ENOENT (none was passed), -EPROTOTYPE (what was passed is something else).
 * Context: once, before threads read the environment.
 */
int bri_control_socket_inherit(struct bri_control_socket *ret);

/* bri_control_socket_close(): removes the file, if it is still ours. Harmless when closed. */
void bri_control_socket_close(struct bri_control_socket *sock);

#endif
