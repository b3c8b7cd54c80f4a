/* Options and metadata of TCP (and of MPTCP, which is TCP to the API). Knows nothing of sockets. */
#ifndef BRI_API_TCP_OPTIONS_H
#define BRI_API_TCP_OPTIONS_H

#include "api/protocol.h"

/* All times are seconds, all zeroes are the system's default, as in the public functions. */
struct bri_tcp_options {
	struct nw_protocol_options base;
	bool no_delay;   /* TCP_NODELAY */
	bool no_push;    /* TCP_CORK */
	bool no_options; /* no Linux twin */
	bool enable_keepalive;
	bool retransmit_fin_drop;    /* no Linux twin */
	bool disable_ack_stretching; /* no Linux twin */
	bool enable_fast_open;
	bool disable_ecn; /* no Linux twin a socket: net.ipv4.tcp_ecn is the host's */
	uint32_t keepalive_count;
	uint32_t keepalive_idle_s;
	uint32_t keepalive_interval_s;
	uint32_t maximum_segment_size; /* bytes */
	uint32_t connection_timeout_s;
	uint32_t persist_timeout_s;
	uint32_t retransmit_connection_drop_s; /* TCP_USER_TIMEOUT, or our timer over MPTCP */
	nw_multipath_version_t multipath_force_version;
};

/* What the metadata of a live connection asks the connection. */
enum bri_tcp_query {
	BRI_TCP_QUERY_RX_BYTES,  /* bytes received that nobody read yet */
	BRI_TCP_QUERY_TX_BYTES,  /* bytes accepted that are not acknowledged yet */
	BRI_TCP_SET_PACING_RATE, /* `value`: bytes a second; nothing is returned */
};

/*
 * bri_tcp_query_f: the connection's answer.
 *   value  for BRI_TCP_SET_*
 *   ret    for BRI_TCP_QUERY_*; written only on success
 * Returns 0 or -errno (-EOPNOTSUPP: not on this transport).
 * Context: any thread, with the metadata's lock held: must not block nor call the application.
 */
typedef int (*bri_tcp_query_f)(
	void *context, enum bri_tcp_query what, uint64_t value, uint32_t *ret);

struct bri_tcp_metadata {
	struct nw_protocol_metadata base;
	pthread_mutex_t
		lock; /* over the two below: the application may ask while the connection ends */
	bri_tcp_query_f query; /* NULL: no connection any more */
	void *context;         /* borrowed until bri_tcp_metadata_detach() */
};

/*
 * bri_tcp_metadata_new(): the metadata of a connection.
 *   context  borrowed until bri_tcp_metadata_detach()
 * Returns +1, or NULL: no memory.
 */
nw_protocol_metadata_t bri_tcp_metadata_new(void *context, bri_tcp_query_f query);

/* bri_tcp_metadata_detach(): query is not running and will not be called again. Not from inside
 * query. */
void bri_tcp_metadata_detach(nw_protocol_metadata_t md);

#endif
