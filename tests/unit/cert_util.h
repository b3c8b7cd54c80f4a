/* Certificates made for a test, with GnuTLS calls: nothing that expires lies in the repository. */
#ifndef BRI_TEST_CERT_UTIL_H
#define BRI_TEST_CERT_UTIL_H

#include <gnutls/x509.h>
#include "security/security.h"

struct cert {
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
	struct bri_certificate *object;
};

struct cert_spec {
	const char *cn;
	const char *dns[3];        /* subjectAltName dNSNames */
	const char *ip;            /* subjectAltName iPAddress, text */
	const char *purpose;       /* extendedKeyUsage; NULL: none */
	const char *permitted_dns; /* a CA's name constraint */
	long from_s, to_s;         /* validity, relative to now; both 0: a day around now */
	bool ca;
	int path_len;                     /* of a CA: 0: no limit, else limit + 1 */
	unsigned int rsa_bits;            /* 0: ECDSA P-256 */
	gnutls_digest_algorithm_t digest; /* 0: SHA-256 */
	bool weird_critical;              /* a critical extension that nobody knows */
};

/* cert_make(): issuer NULL: self-signed. All freed with cert_free(). */
struct cert cert_make(const struct cert_spec *spec, const struct cert *issuer);
void cert_free(struct cert *cert);
/* cert_pem(), cert_key_pem(): malloc'd, a string */
char *cert_pem(const struct cert *cert);
char *cert_key_pem(const struct cert *cert);
/* cert_p12(): a PKCS #12 file (RFC 7292) with the key of `own` (NULL: none) and n certificates, the
 * first of them that of the key. gnutls_free() its data. */
gnutls_datum_t cert_p12(const struct cert *own, const struct cert *const *certificates, size_t n,
	const char *password);
/* cert_identity(): with a chain of this certificate only; released by the caller */
struct bri_identity *cert_identity(const struct cert *cert);

enum cert_ocsp_status {
	CERT_OCSP_GOOD,
	CERT_OCSP_REVOKED,
	CERT_OCSP_UNKNOWN,
};

struct cert_ocsp_spec {
	enum cert_ocsp_status status;
	long this_s, next_s;        /* relative to now; next 0: no nextUpdate */
	const struct cert *subject; /* whom it is about */
	const struct cert *issuer;  /* the subject's */
	const struct cert *signer;  /* NULL: the issuer; else its certificate is enclosed */
	int response_status;        /* 0: successful; else there is nothing but this */
};

/* cert_ocsp(): an OCSP response (RFC 6960) in DER, malloc'd. */
uint8_t *cert_ocsp(const struct cert_ocsp_spec *spec, size_t *ret_size);

#endif
