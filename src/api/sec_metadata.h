/*
 * sec_protocol_metadata: what was known of a TLS session when it was made. Does not change, so any
 * thread may read it. Keeps the engine for its exporter, not the connection.
 */
#ifndef BRI_API_SEC_METADATA_H
#define BRI_API_SEC_METADATA_H

#include "api/object.h"
#include "proto/tls/tls.h"

struct bri_certificate;

/* More algorithms than RFC 8446 has. */
#define BRI_SEC_ALGORITHMS_MAX 32u

struct sec_protocol_metadata {
	struct bri_object base;
	struct bri_tls *tls; /* one reference; NULL: nothing to export */
	uint16_t version, suite;
	char *protocol, *server_name;   /* NULL: none */
	struct bri_certificate **chain; /* the peer's, its own first; internal references */
	size_t n_chain;
	dispatch_data_t ocsp; /* internal references; NULL: none */
	dispatch_data_t *names;
	size_t n_names;
	uint16_t algorithms[BRI_SEC_ALGORITHMS_MAX];
	size_t n_algorithms;
	dispatch_data_t psk, psk_identity;
	bool early_accepted;
};

/*
 * bri_sec_metadata_new(): what the engine knows now.
 *   server_name  what we have asked for; NULL: what we were asked for
 * Returns +1, or NULL: no memory.
 */
struct sec_protocol_metadata *bri_sec_metadata_new(struct bri_tls *tls, const char *server_name);

/* bri_sec_metadata_check(): also of TLS metadata, as programs cast them. NULL (logged): not any. */
struct sec_protocol_metadata *bri_sec_metadata_check(
	sec_protocol_metadata_t metadata, const char *function);

#endif
