/*
 * Identities, certificates and anchors of what Linux has: PEM and PKCS #12 files, PKCS #11 tokens.
 * An extension: Apple's systems have a keychain for this.
 *
 * The objects are those of sec_protocol_options_set_local_identity() and of verify blocks; and, by
 * sec_identity_copy_ref() and the like, of the Security functions.
 *
 * The system's anchors are read once a process, from where GnuTLS was built to find them.
 * SSL_CERT_FILE and SSL_CERT_DIR in the environment (as for OpenSSL) stand in for them; not in
 * programs that run with other rights than their user's.
 */
#ifndef BRAID_SECURITY_H
#define BRAID_SECURITY_H

#include <Security/SecObjects.h>
#include <os/base.h>
#include <stdbool.h>
#include <stddef.h>

BRAID_DECLS_BEGIN

/*!
 * @typedef braid_security_status_t
 * @abstract Why something could not be made. New ones may be added at the end.
 * @constant braid_security_ok It was.
 * @constant braid_security_invalid_argument An argument is NULL, or an object of another kind.
 * @constant braid_security_no_memory No memory.
 * @constant braid_security_cannot_read The file cannot be read: errno says why.
 * @constant braid_security_too_large More than 4 MiB, 16 certificates of a chain, 2048 anchors, or
 * 128 KiB of one certificate.
 * @constant braid_security_bad_format It is not what it should be.
 * @constant braid_security_no_certificate There is no certificate in it.
 * @constant braid_security_no_key There is no private key in it; of PKCS #12: or no certificate.
 * @constant braid_security_key_mismatch The private key belongs to none of the certificates.
 * @constant braid_security_password It is encrypted, and the password is wrong or missing.
 * @constant braid_security_token The PKCS #11 token is not there, or refuses.
 */
typedef enum {
	braid_security_ok = 0,
	braid_security_invalid_argument = 1,
	braid_security_no_memory = 2,
	braid_security_cannot_read = 3,
	braid_security_too_large = 4,
	braid_security_bad_format = 5,
	braid_security_no_certificate = 6,
	braid_security_no_key = 7,
	braid_security_key_mismatch = 8,
	braid_security_password = 9,
	braid_security_token = 10,
} braid_security_status_t;

/*!
 * @function braid_security_status_string
 * @result One line for people. Static, never NULL.
 */
const char *braid_security_status_string(braid_security_status_t status);

/*!
 * @function braid_identity_create_from_pem_files
 * @abstract A private key and its certificate chain out of two PEM files, or out of one.
 * @param certificates_path The chain. The order does not matter: the key's certificate comes first.
 * @param key_path The private key: PKCS #8 (RFC 5958), or the older forms. NULL: it is in the same
 *   file.
 * @param password Of the key; NULL: it is not encrypted.
 * @param ret_status Out, may be NULL. What it was: braid_security_ok too.
 * @result +1 (sec_release), or NULL. Blocks as reading a file does.
 */
sec_identity_t _Nullable braid_identity_create_from_pem_files(const char *certificates_path,
	const char *_Nullable key_path, const char *_Nullable password,
	braid_security_status_t *_Nullable ret_status);

/*!
 * @function braid_identity_create_from_pem
 * @abstract The same out of memory; nothing is kept of it.
 * @param key NULL: it is in certificates.
 */
sec_identity_t _Nullable braid_identity_create_from_pem(const void *certificates,
	size_t certificates_size, const void *_Nullable key, size_t key_size,
	const char *_Nullable password, braid_security_status_t *_Nullable ret_status);

/*!
 * @function braid_identity_create_from_pkcs12
 * @abstract Out of PKCS #12 (RFC 7292) in DER: the first key, its certificate and the others.
 * @param password NULL: none.
 * @result +1 (sec_release), or NULL.
 */
sec_identity_t _Nullable braid_identity_create_from_pkcs12(const void *data, size_t size,
	const char *_Nullable password, braid_security_status_t *_Nullable ret_status);

/*!
 * @function braid_identity_create_from_pkcs12_file
 * @abstract The same out of a file.
 */
sec_identity_t _Nullable braid_identity_create_from_pkcs12_file(const char *path,
	const char *_Nullable password, braid_security_status_t *_Nullable ret_status);

/*!
 * @function braid_identity_create_from_pkcs11_uri
 * @abstract A key that stays in a token or smart card: PKCS #11, named by a URI (RFC 7512).
 * @param key_uri The private key's. Modules are those that p11-kit knows.
 * @param certificate_uri NULL: the object of that name and id that is a certificate.
 * @param pin NULL: the URI has it, or none is needed.
 * @result +1 (sec_release), or NULL. Blocks as the token does.
 */
sec_identity_t _Nullable braid_identity_create_from_pkcs11_uri(const char *key_uri,
	const char *_Nullable certificate_uri, const char *_Nullable pin,
	braid_security_status_t *_Nullable ret_status);

/*!
 * @function braid_identity_set_ocsp_response
 * @abstract What a server staples for clients that ask how its certificate does (RFC 6066 section
 * 8, RFC 8446 section 4.4.2.1): an OCSP response. Apple's functions have no call for this.
 * @discussion It counts for handshakes that begin after it, in listeners that run already too: a
 *   program sets a new response before the old one ends. After its nextUpdate it is not sent.
 *   Nothing fetches one: `openssl ocsp -respout` does, or a daemon of the system.
 * @param response DER (RFC 6960), copied; at most 64 KiB.
 * @param size 0: none any more.
 * @result braid_security_ok, or why nothing has changed: braid_security_bad_format (not a
 * successful response), braid_security_no_certificate (it says nothing of this identity's
 * certificate), braid_security_too_large, braid_security_invalid_argument,
 * braid_security_no_memory. Any thread.
 */
braid_security_status_t braid_identity_set_ocsp_response(
	sec_identity_t identity, const void *_Nullable response, size_t size);

/*!
 * @function braid_certificate_create_from_der
 * @result +1 (sec_release), or NULL.
 */
sec_certificate_t _Nullable braid_certificate_create_from_der(
	const void *der, size_t size, braid_security_status_t *_Nullable ret_status);

/*!
 * @function braid_certificate_create_from_pem
 * @abstract The first certificate of a PEM text.
 * @result +1 (sec_release), or NULL.
 */
sec_certificate_t _Nullable braid_certificate_create_from_pem(
	const void *pem, size_t size, braid_security_status_t *_Nullable ret_status);

/*!
 * @function braid_certificate_get_der
 * @param ret_size Out.
 * @result Borrowed, as long as the certificate lives; NULL for NULL.
 */
const void *_Nullable braid_certificate_get_der(sec_certificate_t certificate, size_t *ret_size);

/*!
 * @function braid_trust_create
 * @abstract A chain to be judged: for programs that have it from elsewhere than a verify block.
 * @param certificates The one to be judged first; retained. 1 to 16.
 * @param host The name or address it must be for; NULL: any.
 * @param peer_is_client Whether it must be good for a client instead of a server.
 * @result +1 (sec_release), or NULL.
 */
sec_trust_t _Nullable braid_trust_create(const sec_certificate_t _Nonnull *_Nonnull certificates,
	size_t count, const char *_Nullable host, bool peer_is_client);

/*!
 * @function braid_trust_set_anchors_from_pem
 * @abstract Trusts these authorities (or peers' own certificates); before braid_trust_evaluate() or
 *   SecTrustEvaluateWithError().
 * @param only Whether the system's are trusted no more.
 * @result braid_security_ok, or why nothing has changed.
 */
braid_security_status_t braid_trust_set_anchors_from_pem(
	sec_trust_t trust, const void *pem, size_t size, bool only);

/*!
 * @function braid_trust_set_anchors_from_pem_file
 * @abstract The same out of a file. Blocks as reading a file does.
 */
braid_security_status_t braid_trust_set_anchors_from_pem_file(
	sec_trust_t trust, const char *path, bool only);

/*!
 * @function braid_trust_evaluate
 * @abstract Judges the chain: signatures, dates, key sizes, purpose, name (RFC 9525: alternative
 * names only), and a stapled OCSP response where there is one.
 * @result 0: trusted. Else an errSSL number: -9812 unknown root, -9813 a self-signed certificate,
 * -9814 expired, -9815 not yet valid, -9843 other name, -9827 revoked, -9862 bad OCSP response,
 * -9807 chain not valid, -9808 bad or weak certificate, or not for this purpose, -9810 no memory.
 * -50 for NULL.
 */
int braid_trust_evaluate(sec_trust_t trust);

BRAID_DECLS_END

#endif
