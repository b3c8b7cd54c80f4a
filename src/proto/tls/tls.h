/*
 * TLS 1.2 and 1.3 (RFC 5246, RFC 8446) and DTLS 1.2 (RFC 6347) on GnuTLS, without I/O: records come
 * from memory that the caller lends, and go to memory that it lends or takes. Knows no trust store:
 * whether a peer is trusted, and which identity a server shows, are questions to the caller, who
 * may take its time.
 *
 * One thread at a time; only bri_tls_export() and the counts may be called beside.
 */
#ifndef BRI_TLS_H
#define BRI_TLS_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include "proto/tls/tls_error.h"
#include "proto/tls/tls_replay.h"

struct bri_tls;

/* A peer that does not finish its handshake within this time holds memory for nothing (slow
 * loris). Slow links with DTLS retransmissions need 15 s at most (RFC 6347 section 4.2.4.1). */
#define BRI_TLS_HANDSHAKE_NS (60 * BRI_NS_PER_S)
/* A handshake message of the peer. Chains are a few KB; lists of 500 CA names are 60 KB. */
#define BRI_TLS_HANDSHAKE_MAX (128u * 1024u)
/* All of what a peer sends before it has said something of use: GnuTLS would hold 16 MB of it. */
#define BRI_TLS_IDLE_MAX (256u * 1024u)
/* Certificates in a chain of the peer: real ones have 2 to 4. */
#define BRI_TLS_CHAIN_MAX 16u
/* Names of CAs that a server asks for, which are kept for the application to look at. */
#define BRI_TLS_NAMES_MAX 256u
/* RFC 8446 section 5.1: no record has more content than this. */
#define BRI_TLS_RECORD_MAX 16384u
/* What a record is longer than its content, at most, with every suite of TLS 1.2 and 1.3, the DTLS
 * header included (RFC 5246 section 6.2.3 allows 2048; real suites need 13 + 16 + 64 + 16). */
#define BRI_TLS_RECORD_EXTRA 128u
/* Early data (RFC 8446 section 4.2.10) that a server takes: it is held until the handshake is done,
 * for whoever has a ticket. A request and its head fit in. */
#define BRI_TLS_EARLY_MAX 16384u
/* What a cookie of DTLS may be bound to: an address of IPv6 and a port have 18 bytes. */
#define BRI_TLS_PEER_ID_MAX 32u
/* What is sent without having been told by the peer that it is there: smaller than what was
 * received (RFC 6347 section 4.2.1: 13 + 12 + 2 + 1 bytes and a cookie). */
#define BRI_TLS_FIRST_REPLY_MAX 64u
/* A handshake datagram that passes any path of IPv6 (RFC 8200 section 5: 1280, less IP and UDP). */
#define BRI_TLS_HANDSHAKE_MTU 1232u

struct bri_tls_bytes {
	const uint8_t *bytes;
	size_t size;
};

struct bri_tls_psk {
	struct bri_tls_bytes identity, key;
};

/* Borrowed while the engine may use it: as long as that lives. */
struct bri_tls_identity {
	gnutls_privkey_t key;
	const struct bri_tls_bytes
		*chain; /* DER, own certificate first; needed for the call only */
	size_t n;
	gnutls_pcert_st *pcerts;     /* the chain, read already, only read; NULL: not yet */
	struct bri_tls_bytes staple; /* of a server: an OCSP response, copied; size 0: none */
	int64_t staple_expires_s;    /* since 1970; 0: never */
};

enum bri_tls_clients { /* a server's wish */
	BRI_TLS_CLIENTS_ANONYMOUS,
	BRI_TLS_CLIENTS_MAY, /* show a certificate */
	BRI_TLS_CLIENTS_MUST,
};

/* Copied or used up by bri_tls_new(), but for what is said to be borrowed. */
struct bri_tls_config {
	bool server, datagram;
	uint16_t min_version, max_version; /* wire numbers of TLS: 0x0303; 0x0301 is DTLS 1.0 too */
	const char *server_name;           /* for SNI; NULL: none */
	const uint16_t *suites;            /* IANA numbers; n_suites 0: the default ones */
	size_t n_suites;
	const struct bri_tls_bytes *protocols; /* ALPN (RFC 7301), best first */
	size_t n_protocols;
	const struct bri_tls_psk *psks;
	size_t n_psks;
	const char *psk_hint;             /* of a server; NULL: none */
	struct bri_tls_bytes dh_params;   /* PKCS #3, DER; size 0: RFC 7919 */
	struct bri_tls_identity identity; /* key NULL: none, now */
	enum bri_tls_clients clients;
	bool asks_identity; /* of a server: before it answers a ClientHello it asks BRI_TLS_IDENTITY
			     */
	bool tickets;       /* RFC 5077, RFC 8446 section 4.6.1 */
	gnutls_datum_t ticket_key;   /* of a server with tickets; borrowed for life */
	struct bri_tls_bytes resume; /* of a client: what bri_tls_take_ticket() gave */
	/* of a server with tickets: early data is taken, each once; of a client that resumes: what
	 * is sent so, as far as the ticket allows it (not a word of TLS 1.2 and DTLS) */
	struct bri_tls_replay *replay; /* borrowed for life; NULL: no early data */
	struct bri_tls_bytes early;
	bool false_start;             /* RFC 7918 */
	bool fallback;                /* RFC 7507 */
	struct bri_tls_bytes peer_id; /* of a DTLS server: what its cookies are bound to */
	gnutls_datum_t cookie_key;    /* of one; borrowed for life; size 0: one of its own */
	/*
	 * Called inside bri_tls_step() of a client, which goes on when they return: the server asks
	 * for a certificate (bri_tls_set_identity() answers); a PSK is needed (bri_tls_set_psk()).
	 * NULL: what the config holds is taken.
	 */
	void *context;
	void (*on_certificate_request)(void *context);
	void (*on_psk_request)(void *context, const char *hint);
};

enum bri_tls_question {
	BRI_TLS_NO_QUESTION,
	BRI_TLS_TRUST,    /* is the chain of the peer trusted? bri_tls_answer_trust() */
	BRI_TLS_IDENTITY, /* bri_tls_set_identity(), bri_tls_answer_identity() */
};

/* What calls return beside 0 and -errno. */
enum bri_tls_result {
	BRI_TLS_WAITS = 1, /* for input */
	BRI_TLS_ASKS,      /* bri_tls_question() says what */
	BRI_TLS_ENDED,     /* the peer has closed in an orderly way */
};

enum bri_tls_first {
	BRI_TLS_FIRST_DROP,
	BRI_TLS_FIRST_REPLY,
	BRI_TLS_FIRST_WELCOME,
};

/*
 * bri_tls_first(): what a DTLS server makes of the first datagram of a peer, before there is any
 * state for it: nothing (it is no ClientHello: noise, the last words of a session that is over); a
 * reply, which shows whether the peer is there; or an engine with the same key and peer_id, which
 * is given this datagram again.
 *   key       GNUTLS_COOKIE_KEY_SIZE secret bytes
 *   peer_id   its address; BRI_TLS_PEER_ID_MAX bytes of it count
 *   ret       BRI_TLS_FIRST_REPLY: what to send, *ret_size bytes
 */
enum bri_tls_first bri_tls_first(gnutls_datum_t key, struct bri_tls_bytes peer_id,
	struct bri_tls_bytes in, uint64_t now_ns, uint8_t ret[static BRI_TLS_FIRST_REPLY_MAX],
	size_t *ret_size);

/*
 * bri_tls_new(): with one reference. Returns 0, -ENOMEM, or -EINVAL: the config leaves no version
 * or suite, or its DH parameters, identity or ticket are none.
 */
int bri_tls_new(const struct bri_tls_config *config, uint64_t now_ns, struct bri_tls **ret);
struct bri_tls *bri_tls_get(struct bri_tls *tls);
void bri_tls_put(struct bri_tls *tls); /* NULL is harmless */

/*
 * bri_tls_input(): what is read next; one datagram at a time. Borrowed until the next call of it.
 * bri_tls_input_left(): how much of it was not consumed.
 * bri_tls_input_end(): nothing follows.
 */
void bri_tls_input(struct bri_tls *tls, const void *bytes, size_t size);
size_t bri_tls_input_left(const struct bri_tls *tls);
void bri_tls_input_end(struct bri_tls *tls);

/*
 * bri_tls_output(): room for records of a stream, borrowed until the next call of it; what does
 * not fit, and datagrams, are kept. bri_tls_output_used(): how much is filled.
 */
void bri_tls_output(struct bri_tls *tls, void *room, size_t size);
size_t bri_tls_output_used(const struct bri_tls *tls);
/* bri_tls_output_take(): what was kept, piece by piece, behind what was filled; a datagram is one
 * piece. False: nothing. ret_bytes is the caller's to free(). */
bool bri_tls_output_take(struct bri_tls *tls, uint8_t **ret_bytes, size_t *ret_size);

/* bri_tls_step(): the handshake, as far as it comes. 0: it is done. BRI_TLS_WAITS, BRI_TLS_ASKS, or
 * -EPROTO (bri_tls_error()), -ENOMEM. */
int bri_tls_step(struct bri_tls *tls, uint64_t now_ns);
/* bri_tls_read(): content of one record. 0, BRI_TLS_WAITS, BRI_TLS_ENDED, -EPROTO. */
int bri_tls_read(struct bri_tls *tls, void *buffer, size_t size, size_t *ret_size);
/* bri_tls_early(): how much of config.early the server has taken, or that some of a client's came.
 * 0: none, or it was refused; before the handshake is done: 0. */
size_t bri_tls_early(const struct bri_tls *tls);
/* bri_tls_may_be_early(): of a client: config.early may go with the ticket of this session. */
bool bri_tls_may_be_early(const struct bri_tls *tls);
/* bri_tls_write(): one record, at most BRI_TLS_RECORD_MAX. 0, -EPROTO, -EMSGSIZE,
 * -EPIPE (closed). */
int bri_tls_write(struct bri_tls *tls, const void *bytes, size_t size);
/* bri_tls_overhead(): of datagrams, once it is done: how much longer than its content a record is,
 * at most. ret_most: the most content of one, by GnuTLS (16 KiB with what is added). */
size_t bri_tls_overhead(const struct bri_tls *tls, size_t *ret_most);
/* bri_tls_close(): close_notify: we send nothing more. */
void bri_tls_close(struct bri_tls *tls);
/* bri_tls_timeout_ns(): how long from now bri_tls_step() is to be called also without input
 * (DTLS retransmission); BRI_NEVER: it is not. */
uint64_t bri_tls_deadline_ns(struct bri_tls *tls, uint64_t now_ns);

/* bri_tls_set_context(): another one for the functions of the config. */
void bri_tls_set_context(struct bri_tls *tls, void *context);

enum bri_tls_question bri_tls_question(const struct bri_tls *tls);
/* bri_tls_answer_trust(): 0, or the errSSL number that says why not. */
void bri_tls_answer_trust(struct bri_tls *tls, int code);
/* bri_tls_set_identity(): 0, -ENOMEM, -EINVAL. NULL: none. */
int bri_tls_set_identity(struct bri_tls *tls, const struct bri_tls_identity *identity);
void bri_tls_answer_identity(struct bri_tls *tls);
/* bri_tls_set_psk(): the client's, of those in the config. */
void bri_tls_set_psk(struct bri_tls *tls, const struct bri_tls_bytes *identity);

bool bri_tls_is_done(const struct bri_tls *tls);   /* the handshake; any thread */
bool bri_tls_is_closed(const struct bri_tls *tls); /* the peer has closed */
int bri_tls_error(const struct bri_tls *tls);      /* errSSL number; 0: no failure */

/* What was negotiated; valid as soon as it is known, 0, NULL or empty before. All borrowed. */
uint16_t bri_tls_version(const struct bri_tls *tls); /* wire number: 0x0304, 0xfefd */
uint16_t bri_tls_suite(const struct bri_tls *tls);   /* IANA number */
struct bri_tls_bytes bri_tls_protocol(const struct bri_tls *tls);
bool bri_tls_resumed(const struct bri_tls *tls);
/* bri_tls_server_name(): what the client asked for, NUL terminated. 0 or -ENOENT. */
int bri_tls_server_name(const struct bri_tls *tls, char *ret, size_t size);
size_t bri_tls_chain(const struct bri_tls *tls, struct bri_tls_bytes *ret, size_t max);
struct bri_tls_bytes bri_tls_ocsp(const struct bri_tls *tls);
size_t bri_tls_names(const struct bri_tls *tls, const gnutls_datum_t **ret);
size_t bri_tls_signature_algorithms(const struct bri_tls *tls, uint16_t *ret, size_t max);
const struct bri_tls_psk *bri_tls_psk(const struct bri_tls *tls); /* in use; NULL: none */
/* bri_tls_key_updates(): how often the peer has changed its keys (RFC 8446 section 4.6.3). */
unsigned bri_tls_key_updates(const struct bri_tls *tls);

/* bri_tls_take_ticket(): of a client: what resumes the session later; each once. gnutls_free() its
 * data. False: none now. */
bool bri_tls_take_ticket(struct bri_tls *tls, gnutls_datum_t *ret);
/* bri_tls_export(): RFC 5705, RFC 8446 section 7.5. context NULL: none, which TLS 1.2 tells from
 * an empty one. 0, -EAGAIN (handshake not done), -EINVAL. Any thread. */
int bri_tls_export(struct bri_tls *tls, struct bri_tls_bytes label,
	const struct bri_tls_bytes *context, uint8_t *ret, size_t size);

#endif
