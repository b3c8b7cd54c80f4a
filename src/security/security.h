/*
 * Certificates, identities and trust: one object each for both of its public names (sec_identity_t
 * and SecIdentityRef are the same pointer). Immutable but for trust. Knows no protocol.
 */
#ifndef BRI_SECURITY_H
#define BRI_SECURITY_H

#include <gnutls/abstract.h>
#include "base/object.h"

struct bri_certificate {
	struct bri_object base;
	size_t size;
	uint8_t der[]; /* RFC 5280 */
};

struct bri_identity {
	struct bri_object base;
	gnutls_privkey_t key;
	struct bri_certificate **chain; /* own certificate first; internal references */
	size_t n;
};

struct bri_trust {
	struct bri_object base;
	struct bri_certificate **chain; /* the peer's, leaf first; internal references */
	size_t n;
	char *host;        /* the name that the certificate must be for; NULL: any */
	bool peer_is_client;
	uint8_t *ocsp; /* stapled response; NULL: none */
	size_t ocsp_size;
	/* the application's own anchors instead of, or besides, the system's */
	struct bri_certificate **anchors;
	size_t n_anchors;
	bool anchors_only;
	int result; /* errSSL number of the last evaluation; 0: trusted; 1: not evaluated */
};

/* All +1 (application reference) or NULL: no memory, or not a certificate. Copies der. */
struct bri_certificate *bri_certificate_new(const void *der, size_t size);
/* key: taken on success. certificates: own first, retained. */
struct bri_identity *bri_identity_new(
	gnutls_privkey_t key, struct bri_certificate *const *certificates, size_t n);
/* certificates: leaf first, retained; host: copied, NULL: not checked */
struct bri_trust *bri_trust_new(
	struct bri_certificate *const *certificates, size_t n, const char *host, bool peer_is_client);
/*
 * bri_trust_evaluate(): chain, dates, names, purpose, revocation as far as it is stapled, against
 * the system's trust store or the trust's own anchors. May read the trust store (once a process).
 * Returns 0: trusted, or the errSSL number that says why not (-9807 chain, -9814 expired, -9843 host
 * name, -9812 unknown root, -9808 bad certificate ...). Written to trust->result too.
 */
int bri_trust_evaluate(struct bri_trust *trust);

#endif
