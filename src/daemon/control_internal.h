/*
 * What the files of the control server share: its state, and a client's. Only for control_*.c.
 */
#ifndef BRI_CONTROL_INTERNAL_H
#define BRI_CONTROL_INTERNAL_H

#include "base/list.h"
#include "daemon/control_server.h"
#include "dispatch/runtime.h"

#define BRI_CONTROL_BUCKETS 1024u /* of the table of claims: some 16 each when it is full */

struct bri_control_server {
	struct dispatch_queue_s *queue; /* retained */
	struct bri_control_socket sock;
	struct bri_control_limits limits;
	struct bri_control_ops ops;
	struct bri_control_quota quota;
	struct bri_control_counts counts; /* clients and claims are the quota's */
	struct bri_watch *watch;
	struct bri_timer *timer;
	uint64_t timer_ns;     /* what it is set to */
	struct bri_list all;   /* peers */
	struct bri_list ready; /* peers that have something to do */
	struct bri_item work;  /* goes through `ready` */
	bool work_queued, dead;
	bool accept_more;         /* there may be more to accept */
	uint64_t accept_again_ns; /* no descriptors: try again then */
	struct bri_list claims[BRI_CONTROL_BUCKETS];
};

struct bri_control_claim {
	struct bri_list by_token, by_peer;
	uint32_t token;
	struct bri_control_peer *peer;
};

struct bri_control_out {
	struct bri_list link;
	size_t size;
	uint8_t bytes[];
};

/* One client. Owned by its server's list. */
struct bri_control_peer {
	struct bri_list all, ready;
	struct bri_control_server *server;
	int fd;
	struct bri_watch *watch;
	struct bri_control_who who;
	struct bri_control_user *user;
	struct bri_list claims;
	struct bri_list out; /* what the socket did not take yet */
	uint32_t n_out;
	uint8_t watching;
	bool readable;       /* may be: the last read did not say that it is empty */
	bool blocked;        /* the socket took no more */
	bool closing;        /* after what is queued was tried: nothing is read any more */
	bool spoke;          /* a request came */
	uint64_t heard_ns;   /* accepted, or its last request */
	uint64_t blocked_ns; /* since when nothing could be sent */
	uint64_t resume_ns;  /* too many requests: not read before; 0: not so */
	/* the list that is being sent */
	uint16_t stream; /* the request's type, 0: none */
	uint32_t stream_id;
	uint64_t cursor;
	uint32_t count;
};

/* control_peer.c. All on the queue; only bri_control_peer_run() and _free() end a peer. */

/* bri_control_peer_new(): takes fd, also on failure. Returns 0 or -errno. */
int bri_control_peer_new(struct bri_control_server *server, int fd,
	const struct bri_control_who *who, struct bri_control_user *user, uint64_t now_ns);
void bri_control_peer_free(struct bri_control_peer *peer);
/* bri_control_peer_run(): a bounded amount of what there is to do. Returns false when the peer is
 * gone. */
bool bri_control_peer_run(struct bri_control_peer *peer, uint64_t now_ns);
/* bri_control_peer_queue(): the message goes out later; a peer with too many is marked to go. */
void bri_control_peer_queue(struct bri_control_peer *peer, const uint8_t *bytes, size_t size);
void bri_control_peer_say(struct bri_control_peer *peer, const struct bri_message *message);
void bri_control_peer_error(
	struct bri_control_peer *peer, uint32_t id, int error, const char *text);
/* bri_control_peer_wake_ns(): when it has to be looked at though nothing happens. */
uint64_t bri_control_peer_wake_ns(const struct bri_control_peer *peer);

/* control_request.c: what a message means. */
void bri_control_request_do(struct bri_control_peer *peer, const struct bri_message *message);
/* bri_control_request_next(): the next entry of the peer's list. False: none was queued, look again
 * (entries that it may not see were passed over). */
bool bri_control_request_next(struct bri_control_peer *peer);

/* control_claim.c. A token has one claim at most. */

struct bri_control_claim *bri_control_claim_find(struct bri_control_server *server, uint32_t token);
/* bri_control_claim_new(): returns 0, -ENOMEM, or what bri_control_quota_claim() says. */
int bri_control_claim_new(struct bri_control_peer *peer, uint32_t token);
void bri_control_claim_free(struct bri_control_claim *claim);

/* control_server.c */
void bri_control_server_ready(struct bri_control_peer *peer);
void bri_control_server_wake_at(struct bri_control_server *server, uint64_t when_ns);

#endif
