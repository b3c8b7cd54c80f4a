/*
 * TLS and DTLS as a layer of a connection: the engine (proto/tls) between the layer below and the
 * one above, with the application's options, its handlers, and the judgement of the peer
 * (security/).
 */
#ifndef BRI_API_TLS_LAYER_H
#define BRI_API_TLS_LAYER_H

#include "api/protocol.h"
#include "api/sec_answer.h"
#include "proto/tls/tls.h"
#include "stack/layer.h"

struct bri_identity;

/* bri_tls_layer_new(): of the definition of TLS; see its hook layer_new. */
struct bri_layer *bri_tls_layer_new(nw_protocol_options_t opts, const struct bri_layer_env *env);

/* bri_tls_layer_admits(): of the definition of TLS; see its hook admits: with a cookie's help. */
bool bri_tls_layer_admits(nw_protocol_options_t opts, const union bri_sockaddr *remote,
	const void *bytes, size_t size, uint8_t ret_reply[static BRI_PROTOCOL_REPLY_MAX],
	size_t *ret_size);

/* --- for the files of the layer --- */

struct bri_tls_job;

/* What a peer may send while its handshake waits for the application: as much as a handshake may be
 * (BRI_TLS_IDLE_MAX). Each piece counts for its own memory as well. */
#define BRI_TLS_HELD_MAX   BRI_TLS_IDLE_MAX
#define BRI_TLS_HELD_PIECE 256u

struct bri_tls_layer {
	struct bri_layer layer;
	struct bri_tls *tls;                    /* one reference; NULL before the start */
	const struct sec_protocol_options *sec; /* frozen; lives as long as the connection */
	bool is_server, is_datagram;
	char *server_name;   /* for SNI; NULL: none */
	char *trust_host;    /* whose certificate it must be; NULL: not checked */
	uint8_t peer_id[18]; /* the peer's address and port, for cookies of DTLS */
	size_t peer_id_size;
	char *cache_key;                 /* of a client that resumes sessions; NULL: it does not */
	struct bri_contents pending;     /* what the engine has not taken yet */
	size_t held;                     /* its memory, about */
	struct dispatch_data_s *early;   /* what goes with the ClientHello; +1; NULL: nothing */
	bool takes_early;                /* of a server */
	struct dispatch_data_s *partial; /* pieces of a datagram to be sent; +1 */
	uint8_t *staging; /* room for a record of small pieces; NULL: not needed yet */
	bool in_ended, told_end;
	bool waits; /* for the answer to the engine's question */
	uint64_t deadline_ns, give_up_ns;
	unsigned key_updates;          /* that the application was told of */
	struct bri_sec_answer *asked;  /* what was asked last; one reference */
	struct bri_identity *identity; /* in use; internal reference; NULL: none */
	struct bri_tls_job *job; /* a handshake step on a worker; the engine is its own meanwhile */
};

/* tls_layer.c: what is pending goes through the engine. As bri_layer_class.rx */
int bri_tls_layer_pump(struct bri_tls_layer *l, uint64_t now_ns);
/* bri_tls_layer_pump_here(): the same, also when handshake steps belong to a worker. */
int bri_tls_layer_pump_here(struct bri_tls_layer *l, uint64_t now_ns);
/* bri_tls_layer_unread(): data (+1, taken) is pending, in front of what is. */
void bri_tls_layer_unread(struct bri_tls_layer *l, struct dispatch_data_s *data);
/* bri_tls_layer_flush(): what the engine has put out goes down. */
int bri_tls_layer_flush(struct bri_tls_layer *l);
int bri_tls_layer_fail(struct bri_tls_layer *l, int error);

/* tls_layer_put.c: content to be sent. As bri_layer_class.put */
int bri_tls_layer_put(struct bri_tls_layer *l, struct bri_content *in);

/* tls_layer_setup.c: makes the engine. As bri_layer_class.start */
int bri_tls_layer_setup(struct bri_tls_layer *l, uint64_t now_ns);
/* bri_tls_layer_names(): what depends on the environment. False: no memory. */
bool bri_tls_layer_names(struct bri_tls_layer *l, const struct bri_layer_env *env);

/* tls_layer_ask.c: answers the engine's question, or sees to it. 0: go on; BRI_TLS_ASKS: later;
 * -errno */
int bri_tls_layer_answer(struct bri_tls_layer *l);
/* bri_tls_layer_tell_key_update(): if there was one. */
void bri_tls_layer_tell_key_update(struct bri_tls_layer *l);
/* bri_tls_layer_set_identity(): NULL: nobody. 0 or -errno */
int bri_tls_layer_set_identity(struct bri_tls_layer *l, struct bri_identity *identity);

/*
 * tls_layer_job.c: steps of a client that may have to ask its handlers inside: on a worker thread.
 * needed: the options have such handlers. start: 0 (the pump goes on when it is done) or -errno.
 */
bool bri_tls_job_is_needed(const struct bri_tls_layer *l);
int bri_tls_job_start(struct bri_tls_layer *l, uint64_t now_ns);
/* bri_tls_job_abandon(): the layer goes. NULL is harmless. */
void bri_tls_job_abandon(struct bri_tls_job *job);
/* The engine's callbacks inside of a job. */
void bri_tls_job_attach(struct bri_tls_layer *l, struct bri_tls_config *config);

#endif
