/*
 * A client of braidd: one connection to its control socket, whole messages in and out.
 * Usable with a wait (the command) and without (the library: fd, deadline 0).
 * Knows nothing of what the messages are for.
 */
#ifndef BRI_CONTROL_CLIENT_H
#define BRI_CONTROL_CLIENT_H

#include "control/message.h"

#define BRI_CLIENT_SOCKET     "/run/braid/braidd.sock"
#define BRI_CLIENT_SOCKET_ENV "BRAID_SOCKET"

struct bri_client {
	int fd;           /* nonblocking; -1: closed. Ours to close */
	uint32_t next_id; /* of the next request; never 0 */
};

/*
 * bri_client_path(): where braidd's socket is: `path`, else $BRAID_SOCKET (not in set-user-id
 * programs), else the default. Borrowed from the argument or the environment.
 */
const char *bri_client_path(const char *path);

/*
 * bri_client_open(): connects.
 *   path         NULL: as bri_client_path() says
 *   deadline_ns  a deadline of the monotonic clock; 0: does not wait
 *   ret          out: close it with bri_client_close()
 * Returns 0, or -ENOENT, -ECONNREFUSED (no daemon), -EACCES, -ENAMETOOLONG, -EPROTOTYPE (not
 * braidd's socket), -EAGAIN (deadline 0: the daemon is busy), -ETIMEDOUT, -EMFILE, -ENFILE,
 * -ENOMEM.
 */
int bri_client_open(const char *path, uint64_t deadline_ns, struct bri_client *ret);
/* bri_client_close(): harmless when closed. */
void bri_client_close(struct bri_client *client);

/*
 * bri_client_send(): sends a request.
 *   message  its id is set here
 * Returns 0, or -EAGAIN (deadline 0: wait for EPOLLOUT), -ETIMEDOUT, -EPIPE (the daemon closed),
 * -EINVAL (not a message).
 */
int bri_client_send(struct bri_client *client, struct bri_message *message, uint64_t deadline_ns);

/*
 * bri_client_receive(): the next message. Returns 0, or -EAGAIN (deadline 0: none is there),
 * -ETIMEDOUT, -EPIPE (the daemon closed; what it said before was received), -EBADMSG,
 * -EPROTONOSUPPORT (another version), -EOPNOTSUPP (a type we do not know: may be ignored).
 */
int bri_client_receive(struct bri_client *client, uint64_t deadline_ns, struct bri_message *ret);

/*
 * bri_client_call(): sends a request and receives its one reply; events in between are dropped.
 *   ret  may be `request`. An ERROR is a reply like others.
 * Returns 0 or an error of the two above.
 */
int bri_client_call(struct bri_client *client, struct bri_message *request, uint64_t deadline_ns,
	struct bri_message *ret);

/* One entry of a list; borrowed. Not 0 ends bri_client_each() with that. */
typedef int (*bri_client_entry_f)(void *context, const struct bri_message *entry);

/*
 * bri_client_each(): sends a request whose reply is a list (PATHS, LIST, METRICS) and calls
 * on_entry for each entry. deadline_ns  for all of it ret          out: the END, or the ERROR
 * Returns 0, an error of the two above, -EBADMSG (entries are missing), or what on_entry returned.
 */
int bri_client_each(struct bri_client *client, struct bri_message *request, uint64_t deadline_ns,
	void *context, bri_client_entry_f on_entry, struct bri_message *ret);

#endif
