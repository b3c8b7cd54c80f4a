/*
 * Certificates, identities and trust: one object each for both of its public names (sec_identity_t
 * and SecIdentityRef are the same pointer). Immutable but for trust and an identity's staple. Knows
 * no protocol.
 */
#ifndef BRI_SECURITY_H
#define BRI_SECURITY_H

#include <gnutls/abstract.h>
#include <pthread.h>
#include "base/object.h"

/*
 * A certificate in DER. GnuTLS takes no handshake message over 128 KiB, so what is longer could not
 * have come over the wire, nor go.
 */
#define BRI_CERTIFICATE_MAX (128 * 1024)
/* Certificates of one chain: GnuTLS verifies no more (its depth limit); real ones have 2 to 5. */
#define BRI_CHAIN_MAX 16
/* Anchors of one trust. The largest system stores have some 400. */
#define BRI_ANCHORS_MAX 2048
/* A stapled OCSP response: one status and one certificate; real ones have 0.5 to 3 KiB. */
#define BRI_OCSP_MAX (64 * 1024)
/* Statuses that are looked at in one: a staple is about one certificate. */
#define BRI_OCSP_SINGLES_MAX 16

/* errSSL numbers (SecureTransport.h) that an evaluation ends with */
enum bri_verdict {
	BRI_TRUSTED = 0,
	BRI_NOT_EVALUATED = 1,
	BRI_CHAIN_INVALID = -9807,   /* a signature is wrong, an issuer is no CA, too long */
	BRI_BAD_CERTIFICATE = -9808, /* cannot be read, weak key or hash, not for this purpose */
	BRI_INTERNAL = -9810,        /* no memory */
	BRI_UNKNOWN_ROOT = -9812,    /* the issuer at the end of the chain is not trusted */
	BRI_NO_ROOT = -9813,         /* a single, self-signed certificate that is no anchor */
	BRI_EXPIRED = -9814,         /* some certificate of the chain */
	BRI_NOT_YET_VALID = -9815,
	BRI_REVOKED = -9827, /* errSSLPeerCertRevoked */
	BRI_HOST_MISMATCH = -9843,
	BRI_BAD_OCSP = -9862, /* RFC 6066 section 8: a staple that is not satisfactory */
};

struct bri_certificate {
	struct bri_object base;
	size_t size;
	uint8_t der[]; /* RFC 5280 */
};

struct bri_staple {
	uint8_t *der;      /* malloc'd */
	size_t size;       /* 0: none */
	int64_t expires_s; /* since 1970; 0: never */
};

struct bri_identity {
	struct bri_object base;
	gnutls_privkey_t key;
	struct bri_identity *key_owner; /* whose the key is; NULL: this one's */
	char *pin;                      /* of the token that has the key; NULL: none */
	struct bri_certificate **chain; /* own certificate first; internal references */
	size_t n;
	/* the chain as a handshake wants it, read only: shared by all of them. NULL: it could not
	 * be made, and each handshake finds out why */
	gnutls_pcert_st *pcerts;
	pthread_mutex_t lock;
	struct bri_staple staple; /* under lock; braid_identity_set_ocsp_response() */
};

struct bri_trust {
	struct bri_object base;
	struct bri_certificate **chain; /* the peer's, leaf first; internal references */
	size_t n;
	char *host; /* the name that the certificate must be for; NULL: any */
	bool peer_is_client;
	uint8_t *ocsp; /* stapled response; NULL: none */
	size_t ocsp_size;
	/* the application's own anchors instead of, or besides, the system's */
	struct bri_certificate **anchors;
	size_t n_anchors;
	bool anchors_only;
	bool any_purpose; /* SecPolicyCreateBasicX509: neither name nor purpose is looked at */
	int result;       /* enum bri_verdict of the last evaluation */
};

/* All +1 (application reference) or NULL: no memory, or not a certificate. Copies der. */
struct bri_certificate *bri_certificate_new(const void *der, size_t size);
/* bri_certificate_new_known(): the same of bytes that bri_certificate_new() has taken before. */
struct bri_certificate *bri_certificate_new_known(const void *der, size_t size);
/*
 * key: taken on success. certificates: own first, retained; 1 to BRI_CHAIN_MAX. Whether the key is
 * the first certificate's is the caller's to ask: bri_identity_fits().
 */
struct bri_identity *bri_identity_new(
	gnutls_privkey_t key, struct bri_certificate *const *certificates, size_t n);
/* bri_identity_fits(): the private key belongs to the certificate, or there is no way to tell. */
bool bri_identity_fits(gnutls_privkey_t key, const struct bri_certificate *certificate);
/*
 * bri_identity_with_chain(): another identity of the same key and own certificate, with these
 * intermediates. certificates: without the own one (it is left out when it is there). +1 or NULL.
 */
struct bri_identity *bri_identity_with_chain(
	struct bri_identity *identity, struct bri_certificate *const *certificates, size_t n);
/* bri_identity_copy_staple(): what a server staples now, the caller's to free(). 0 or -ENOMEM. Any
 * thread. */
int bri_identity_copy_staple(struct bri_identity *identity, struct bri_staple *ret);
/* certificates: leaf first, retained; 1 to BRI_CHAIN_MAX; host: copied, NULL: not checked */
struct bri_trust *bri_trust_new(struct bri_certificate *const *certificates, size_t n,
	const char *host, bool peer_is_client);
/*
 * bri_trust_evaluate(): chain, dates, names, purpose, key sizes, revocation as far as it is
 * stapled, against the system's trust store or the trust's own anchors. May read the trust store
 * (once a process: SSL_CERT_FILE and SSL_CERT_DIR of the environment replace it, as they do for
 * OpenSSL). Returns enum bri_verdict, never BRI_NOT_EVALUATED; written to trust->result too.
 * Context: any thread, one at a time for one trust; CPU time of some signature checks.
 */
int bri_trust_evaluate(struct bri_trust *trust);
/* bri_trust_set_ocsp(): a stapled response, copied. 0, -ENOMEM, -EMSGSIZE. size 0: none. */
int bri_trust_set_ocsp(struct bri_trust *trust, const void *response, size_t size);
/* bri_trust_set_anchors(): replaces them; retained. 0, -ENOMEM, -E2BIG. n 0: none. */
int bri_trust_set_anchors(
	struct bri_trust *trust, struct bri_certificate *const *anchors, size_t n);
/* bri_trust_copy(): same chain, host, staple and anchors, not evaluated. +1 or NULL. */
struct bri_trust *bri_trust_copy(const struct bri_trust *trust);

/* bri_certificate_equal(): the same bytes. */
bool bri_certificate_equal(const struct bri_certificate *a, const struct bri_certificate *b);
/* bri_certificate_import(): as GnuTLS has it; the caller deinits. 0, -EBADMSG, -ENOMEM. */
int bri_certificate_import(const struct bri_certificate *certificate, gnutls_x509_crt_t *ret);

#endif
