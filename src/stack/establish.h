/*
 * Establishing a connection: resolve the name, race the addresses (Happy Eyeballs v2, RFC 8305),
 * run each attempt through the transport and the layers above it, hand over the winner, close the
 * losers.
 * Knows nothing of public objects, of waiting, or of when to try again.
 */
#ifndef BRI_ESTABLISH_H
#define BRI_ESTABLISH_H

#include "dispatch/runtime.h"
#include "stack/chain.h"
#include "stack/race.h"
#include "transport/sock.h"

struct dispatch_data_s;

struct bri_establish_config {
	struct bri_sock_config sock;
	union bri_sockaddr address; /* AF_UNSPEC: resolve host */
	const char *host;           /* borrowed for bri_establish_start() only */
	uint16_t port;
	unsigned families;             /* BRI_RACE_V4 | BRI_RACE_V6; 0: both */
	struct dispatch_data_s *early; /* content that may go with the SYN; NULL: none. Borrowed for
					  the whole time */
	/*
	 * The layers of an attempt, or NULL: it is up when its transport is. on the queue; address:
	 * where it goes. Returns how many, bottom first, or -errno. The whole chain has to be ready
	 * for an attempt to win.
	 */
	int (*make_layers)(void *context, const union bri_sockaddr *address,
		struct bri_layer *ret[static BRI_CHAIN_LAYERS_MAX]);
};

/* What came of it; also what the establishment report tells. */
struct bri_established {
	struct bri_sock sock;    /* the new owner closes it */
	struct bri_watch *watch; /* of sock.fd on the queue; to be retargeted by the new owner */
	uint32_t events;         /* what the watch has told so far: it does not tell again */
	struct bri_chain *chain; /* ready; the new owner's, to be retargeted. NULL: no layers */
	union bri_sockaddr remote;
	/* bytes of config.early that the kernel took; with layers: of what the highest was given */
	size_t early_sent;
	uint64_t started_ns, connect_started_ns, connected_ns, done_ns;
	unsigned attempts;    /* sockets tried, the winner included */
	bool resolved;        /* the rest is set: a name was looked up */
	uint64_t resolved_ns; /* when the first addresses came */
	unsigned address_count;
	union bri_sockaddr preferred; /* the first address of the answer that came first */
};

struct bri_establish;

/*
 * on_done(): once, on the queue, never inside bri_establish_start(). The establishment is gone
 * then. result  NULL: failed, see error
 */
typedef void (*bri_establish_f)(
	void *context, const struct bri_established *result, struct bri_race_error error);

/* bri_establish_start(): 0 or -ENOMEM. Context: on the queue. */
int bri_establish_start(const struct bri_establish_config *config, struct dispatch_queue_s *queue,
	void *context, bri_establish_f on_done, struct bri_establish **ret);
/* bri_establish_skip(): give up the current address and go on
 * (nw_connection_cancel_current_endpoint). */
void bri_establish_skip(struct bri_establish *establish);
/* bri_establish_cancel(): close everything; on_done is not called. NULL is harmless. Context: on
 * the queue. */
void bri_establish_cancel(struct bri_establish *establish);

#endif
