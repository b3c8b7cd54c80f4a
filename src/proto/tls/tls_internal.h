/* What the files of the engine share. */
#ifndef BRI_TLS_INTERNAL_H
#define BRI_TLS_INTERNAL_H

#include <stdatomic.h>
#include <gnutls/dtls.h>
#include "proto/tls/tls.h"

struct bri_tls_piece {
	struct bri_tls_piece *next;
	uint8_t *bytes;
	size_t size, room;
};

/* A server's secret, and what came of looking at a datagram with it. */
struct bri_tls_cookie {
	gnutls_datum_t key;
	gnutls_dtls_prestate_st prestate;
	uint8_t reply[BRI_TLS_FIRST_REPLY_MAX];
	size_t reply_size;
};

struct bri_tls {
	atomic_int refs;
	gnutls_session_t session;
	gnutls_certificate_credentials_t certificates;
	gnutls_psk_client_credentials_t psk_client;
	gnutls_psk_server_credentials_t psk_server;
	gnutls_dh_params_t dh;
	bool server, datagram;
	enum bri_tls_clients clients;

	/* memory instead of a network */
	const uint8_t *in;
	size_t in_size;
	bool in_ended, in_end_seen; /* nothing follows; GnuTLS knows it */
	size_t in_idle;             /* bytes since the handshake began, or since the last content */
	uint8_t *out;
	size_t out_size, out_used;
	struct bri_tls_piece *kept, **kept_tail;
	bool no_memory; /* a push was lost for it */

	/* DTLS: RFC 6347 section 4.2.1 */
	bool cookie_seen;
	gnutls_datum_t cookie_key, own_cookie_key;
	uint8_t *peer_id;
	size_t peer_id_size;

	/* a server's first look at what the client wants (tls_hello.c) */
	gnutls_session_t probe; /* NULL: it has been looked at, or is of no interest */
	struct bri_tls_piece *hello, **hello_tail;
	size_t hello_size, hello_read, hello_offset;

	gnutls_privkey_t key; /* borrowed */
	gnutls_pcert_st *pcerts;
	size_t n_pcerts;
	bool pcerts_borrowed;       /* of who has the key */
	gnutls_ocsp_data_st staple; /* for the first of them; no data: none */

	struct bri_tls_psk *psks; /* one allocation of psks_size with their bytes */
	size_t psks_size;
	size_t n_psks;
	const struct bri_tls_psk *psk; /* in use */

	enum bri_tls_question question;
	bool trust_answered, identity_answered, wants_identity;
	int trust_code;
	bool shaken; /* for GnuTLS the handshake is done */
	atomic_bool done;
	bool closed, ended, ticket_taken;
	size_t early_sent, early_ok; /* of a client; that counts */
	bool early_waits;            /* of a server: to be read first */
	int error;
	unsigned key_updates;
	int warnings, refusals; /* of a handshake; of renegotiation */
	uint64_t give_up_ns;

	gnutls_datum_t *names; /* of CAs, from the certificate request */
	size_t n_names;
	gnutls_datum_t ocsp; /* borrowed of the session */

	void *context;
	void (*on_certificate_request)(void *context);
	void (*on_psk_request)(void *context, const char *hint);
};

/* tls_io.c */
void bri_tls_io_attach(struct bri_tls *tls);
void bri_tls_io_fini(struct bri_tls *tls);
/* bri_tls_io_cookie(): a server's first datagrams. 0: the session may begin; BRI_TLS_WAITS. */
int bri_tls_io_cookie(struct bri_tls *tls, uint64_t now_ns);

/* tls_cookie.c */
enum bri_tls_first bri_tls_cookie_look(struct bri_tls_cookie *cookie, struct bri_tls_bytes peer_id,
	struct bri_tls_bytes in, uint64_t now_ns);

/* tls_hello.c. step: 0: the real session may begin; BRI_TLS_WAITS, BRI_TLS_ASKS, -errno */
int bri_tls_hello_init(struct bri_tls *tls);
int bri_tls_hello_step(struct bri_tls *tls);
void bri_tls_hello_fini(struct bri_tls *tls);
/* bri_tls_hello_replay(): bytes that the first look has used up. False: no more of them. */
bool bri_tls_hello_replay(struct bri_tls *tls, void *buffer, size_t size, size_t *ret_n);

/* tls_early.c. init: after tickets and versions are set. 0, -ENOMEM */
int bri_tls_early_init(struct bri_tls *tls, const struct bri_tls_config *config);
void bri_tls_early_finish(struct bri_tls *tls); /* the handshake is done */
/* bri_tls_early_read(): a client's. 0: none, or no more of it */
size_t bri_tls_early_read(struct bri_tls *tls, void *buffer, size_t size);

/* tls_priority.c. 0, -ENOMEM, -EINVAL */
int bri_tls_priority_set(gnutls_session_t session, const struct bri_tls_config *config);

/* tls_credentials.c. 0, -ENOMEM, -EINVAL */
int bri_tls_credentials_init(struct bri_tls *tls, const struct bri_tls_config *config);
void bri_tls_credentials_fini(struct bri_tls *tls);

/* bri_tls_errno(): -ENOMEM or -EINVAL for what GnuTLS says of a configuration. */
int bri_tls_errno(int gnutls_error);

#endif
