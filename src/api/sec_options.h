/*
 * sec_protocol_options: how TLS shall behave. A part of the options of TLS (and of what else uses
 * it) that is handed out live. As parameters are, it is changed by one thread at a time and copied
 * when a connection starts.
 */
#ifndef BRI_API_SEC_OPTIONS_H
#define BRI_API_SEC_OPTIONS_H

#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdatomic.h>
#include "api/object.h"
#include "base/callable.h"

struct bri_identity;
struct bri_tls_replay;

/* Suites: the IANA's registry has some 350, a ClientHello of more is refused by servers. */
#define BRI_SEC_SUITES_MAX 512u
/* RFC 7301 section 3.1 allows 255 bytes; GnuTLS holds 8 names of up to 32. */
#define BRI_SEC_PROTOCOL_NAME_MAX 32u
#define BRI_SEC_PROTOCOLS_MAX     8u

/* A handler, shared by the copies of the options it was given to. */
struct bri_sec_handler {
	atomic_int refs;
	struct bri_callable call;
	bool is_block;          /* its completion is a block, else a function and a context */
	dispatch_queue_t queue; /* internal reference */
};

enum bri_sec_slot {
	BRI_SEC_VERIFY,
	BRI_SEC_CHALLENGE,
	BRI_SEC_KEY_UPDATE,
	BRI_SEC_PSK_SELECTION,
	BRI_SEC_SLOTS
};

/* What a server encrypts its tickets with, and how it knows its cookies again. Copies of options
 * share it; one that is changed has other tickets, but the same cookies: a listener has asked for
 * them, a connection is shown them. */
struct bri_sec_tickets {
	atomic_int refs;
	pthread_mutex_t lock;
	gnutls_datum_t key, cookie_key; /* made when they are needed first */
	struct bri_tls_replay *replay;  /* the same; whose early data was taken */
};

struct bri_sec_psk {
	dispatch_data_t key, identity; /* internal references */
};

struct sec_protocol_options {
	struct bri_object base;
	uint16_t min_version, max_version; /* wire numbers of TLS; 0: the default */
	uint16_t *suites;
	size_t n_suites;
	char *protocols[BRI_SEC_PROTOCOLS_MAX];
	size_t n_protocols;
	struct bri_sec_psk *psks;
	size_t n_psks;
	dispatch_data_t psk_hint, dh_params; /* internal references; NULL: none */
	char *server_name;                   /* NULL: the endpoint's */
	struct bri_identity *identity;       /* internal reference; NULL: none */
	struct bri_sec_handler *handlers[BRI_SEC_SLOTS];
	struct bri_sec_tickets *tickets;
	bool tickets_enabled, resumption_enabled, ocsp_enabled; /* default true */
	bool false_start_enabled, is_fallback_attempt, sct_enabled, renegotiation_enabled;
	bool peer_authentication_required, peer_authentication_optional;
	bool encrypted_client_hello, quic_legacy_codepoint;
};

/* bri_sec_options_new(): +1 with the defaults. NULL: no memory. */
struct sec_protocol_options *bri_sec_options_new(void);
/* bri_sec_options_copy(): +1 deep copy. NULL: no memory. */
struct sec_protocol_options *bri_sec_options_copy(const struct sec_protocol_options *options);
/* bri_sec_options_check(): also of TLS options, as programs cast them. NULL (logged): not any. */
struct sec_protocol_options *bri_sec_options_check(
	sec_protocol_options_t options, const char *function);

/* bri_sec_options_set_handler(): `call` is taken; fn NULL: none. */
void bri_sec_options_set_handler(sec_protocol_options_t options, enum bri_sec_slot slot,
	struct bri_callable call, bool is_block, dispatch_queue_t queue, const char *function);
struct bri_sec_handler *bri_sec_handler_get(struct bri_sec_handler *handler);
void bri_sec_handler_put(struct bri_sec_handler *handler);

/* bri_sec_options_changed(): tickets of before are not good any more. For setters. */
void bri_sec_options_changed(struct sec_protocol_options *options);
/* bri_sec_options_ticket_key(): borrowed as long as the options. size 0: none. Any thread. */
gnutls_datum_t bri_sec_options_ticket_key(const struct sec_protocol_options *options);
/* bri_sec_options_replay(): the same for early data under these tickets. NULL: no memory. */
struct bri_tls_replay *bri_sec_options_replay(const struct sec_protocol_options *options);
/* bri_sec_options_cookie_key(): the same for cookies of DTLS. */
gnutls_datum_t bri_sec_options_cookie_key(const struct sec_protocol_options *options);

#endif
