/*
 * The daemon's end of the control socket: clients, their credentials and limits, requests and
 * replies, events. Knows nothing of the kernel or the policy: what requests mean is told by the
 * functions that the daemon gives it.
 *
 * Everything happens on one serial queue, which is also where those functions are called.
 */
#ifndef BRI_CONTROL_SERVER_H
#define BRI_CONTROL_SERVER_H

#include <sys/types.h>
#include "control/message.h"
#include "daemon/control_quota.h"
#include "daemon/control_socket.h"

struct dispatch_queue_s;
struct bri_control_server;

struct bri_control_who {
	uid_t uid; /* 0: may see and change everything */
	gid_t gid;
	pid_t pid; /* when it connected */
};

/*
 * What the daemon does for requests. `context` is the one below. None may block; each may call
 * bri_control_server_event() and bri_control_server_forget(), none bri_control_server_free().
 *
 * Those with `why` return 0 or a negative errno, and may write there what is wrong and what to do;
 * it is "" before, and if it stays so the text is made from the errno.
 *
 * Lists are pulled, an entry at a time, when the client has room: `cursor` is 0 for the first, and
 * then what the function left there. They return 1 (an entry), 0 (no more) or a negative errno
 * (the list ends with ERROR). An entry is zeroed before.
 */
struct bri_control_ops {
	void *context;
	/* fills all but n_claims */
	void (*status)(void *context, struct bri_message_status *ret);
	/* must check that the connection belongs to who->uid, or who->uid is 0 */
	int (*claim)(void *context, const struct bri_control_who *who,
		const struct bri_message_claim *claim, char why[static BRI_MESSAGE_TEXT_MAX]);
	/* the claim ended: released, or its client went away; not after a failed claim() */
	void (*release)(void *context, uint32_t token);
	/* must check as claim(). ret_count: connections it was done for */
	int (*set)(void *context, const struct bri_control_who *who,
		const struct bri_message_set *set, char why[static BRI_MESSAGE_TEXT_MAX],
		uint32_t *ret_count);
	/* of a socket, connected or not: must check as claim() when the connection is there */
	int (*set_socket)(void *context, const struct bri_control_who *who,
		const struct bri_message_set_socket *set, char why[static BRI_MESSAGE_TEXT_MAX],
		uint32_t *ret_count);
	int (*paths)(void *context, uint64_t *cursor, struct bri_message_path *ret);
	/* of all users: the server leaves out what the client may not see */
	int (*list)(void *context, uint64_t *cursor, struct bri_message_connection *ret);
	/* ret->text: a piece of text, zero-terminated */
	int (*metrics)(void *context, uint64_t *cursor, struct bri_message_metrics_piece *ret);
};

/*
 * bri_control_server_new(): begins to accept clients.
 *   queue   serial; retained
 *   sock    taken on success: it is closed, and the file removed, by bri_control_server_free()
 *   limits  NULL: the default; copied
 *   ops     copied; every function is required
 * Returns 0, -ENOMEM, or what bri_watch_new() says.
 * Context: on the queue.
 */
int bri_control_server_new(struct dispatch_queue_s *queue, struct bri_control_socket *sock,
	const struct bri_control_limits *limits, const struct bri_control_ops *ops,
	struct bri_control_server **ret);

/* bri_control_server_free(): closes everything; release() is not called any more. NULL is harmless.
 * Context: on the queue. */
void bri_control_server_free(struct bri_control_server *server);

/*
 * bri_control_server_event(): tells those who watch and may know. An event of a connection (token
 * not 0) goes to its claimant, its owner's watchers (event->uid) and root's. A client whose queue
 * is full is dropped. Context: on the queue; sends later.
 */
void bri_control_server_event(
	struct bri_control_server *server, const struct bri_message_event *event);

/* bri_control_server_forget(): the connection is over, and so is its claim, if there is one;
 * release() is not called. Context: on the queue. */
void bri_control_server_forget(struct bri_control_server *server, uint32_t token);

struct bri_control_counts {
	uint32_t clients, claims;
	uint64_t accepted, refused, dropped, malformed, requests; /* since the start */
};
/* bri_control_server_counts(): for metrics. Context: on the queue. */
void bri_control_server_counts(
	const struct bri_control_server *server, struct bri_control_counts *ret);

#endif
