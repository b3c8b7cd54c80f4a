/* What the tests of TLS share: certificates made on the spot, and two engines with memory between.
 */
#ifndef TLS_UTIL_H
#define TLS_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <gnutls/x509.h>
#include "proto/tls/tls.h"

/* A key and its certificate; `issuer` signs it (NULL: it signs itself). */
struct tls_cert {
	gnutls_x509_privkey_t x509_key;
	gnutls_privkey_t key;
	gnutls_x509_crt_t crt;
	gnutls_datum_t der;
	const struct tls_cert *issuer;
	struct bri_tls_bytes chain[3];
	size_t n;
};

struct tls_cert_spec {
	const char *name; /* common name and DNS name */
	const struct tls_cert *issuer;
	bool is_ca;
	int from_days, to_days; /* from now; 0, 0: a day before to a day after */
};

void tls_cert_make(struct tls_cert *cert, const struct tls_cert_spec *spec);
void tls_cert_free(struct tls_cert *cert);
struct bri_tls_identity tls_cert_identity(const struct tls_cert *cert);
/* tls_cert_identity_object(): +1, as an application has it. */
struct bri_identity *tls_cert_identity_object(const struct tls_cert *cert);
/* tls_cert_trust(): the process's trust store is this root alone, for what asks no handler.
 * tls_cert_distrust(): its file goes. */
void tls_cert_trust(const struct tls_cert *cert);
void tls_cert_distrust(void);

/* Two ends and the bytes on their way. */
struct tls_end {
	struct bri_tls *tls;
	uint8_t *in; /* what the other has sent; of datagrams the first, the rest is behind */
	size_t in_size, in_room;
	size_t sizes[256]; /* of datagrams */
	size_t n_sizes;
	int result; /* of the last step or read */
	int trust;  /* the answer to BRI_TLS_TRUST */
	int asked_trust, asked_identity;
	bool holds; /* questions are not answered */
	const struct tls_cert *identity;
	uint8_t got[1 << 17];
	size_t n_got;
	size_t records;
};

struct tls_pair {
	struct tls_end client, server;
	size_t chunk; /* bytes of a stream that are handed over at once; 0: all */
	uint64_t now_ns;
	uint64_t dropped; /* bits: which datagrams get lost, from the lowest on */
	unsigned sent;
	bool datagram;
};

void tls_pair_start(
	struct tls_pair *pair, struct bri_tls_config *client, struct bri_tls_config *server);
/* tls_pair_run(): until nothing moves any more. */
void tls_pair_run(struct tls_pair *pair);
void tls_pair_free(struct tls_pair *pair);
/* tls_pair_collect(): what `from` has put out goes to `to`. */
void tls_pair_collect(struct tls_pair *pair, struct tls_end *from, struct tls_end *to);
/* tls_end_feed(): one end works on what it has been given. True: it did something. */
bool tls_end_feed(struct tls_pair *pair, struct tls_end *end, struct tls_end *other);

#endif
