/* Identities, certificates and trust as sec_ objects: the same pointers under other names. */
#ifndef BRAID_SECURITY_SECOBJECTS_H
#define BRAID_SECURITY_SECOBJECTS_H

#include <Security/SecCertificate.h>
#include <Security/SecIdentity.h>
#include <Security/SecTrust.h>
#include <os/base.h>

BRAID_DECLS_BEGIN

struct sec_trust;
struct sec_identity;
struct sec_certificate;
typedef struct sec_trust *sec_trust_t;
typedef struct sec_identity *sec_identity_t;
typedef struct sec_certificate *sec_certificate_t;

/*!
 * @function sec_certificate_create
 * @result +1, or NULL.
 */
sec_certificate_t _Nullable sec_certificate_create(SecCertificateRef certificate);
/*!
 * @function sec_certificate_copy_ref
 * @result +1: CFRelease it.
 */
SecCertificateRef sec_certificate_copy_ref(sec_certificate_t certificate);

/*!
 * @function sec_identity_create
 * @param identity Of <braid/security.h> or SecPKCS12Import; with the certificates it came with.
 * @result +1, or NULL.
 */
sec_identity_t _Nullable sec_identity_create(SecIdentityRef identity);
/*!
 * @function sec_identity_create_with_certificates
 * @param certificates SecCertificateRefs: the chain that is sent after the identity's own
 * certificate. That one may be among them.
 * @result +1, or NULL.
 */
sec_identity_t _Nullable sec_identity_create_with_certificates(
	SecIdentityRef identity, CFArrayRef certificates);
/*!
 * @function sec_identity_copy_ref
 * @result +1: CFRelease it.
 */
SecIdentityRef _Nullable sec_identity_copy_ref(sec_identity_t identity);
/*!
 * @function sec_identity_copy_certificates_ref
 * @result The chain, own certificate first; +1: CFRelease it.
 */
CFArrayRef _Nullable sec_identity_copy_certificates_ref(sec_identity_t identity);

/*!
 * @typedef sec_identity_certificate_f
 * @param certificate Borrowed for the call.
 */
typedef void (*sec_identity_certificate_f)(void *_Nullable context, sec_certificate_t certificate);
/*!
 * @function sec_identity_access_certificates_f
 * @abstract Calls the function for each certificate, own first, inside this call.
 * @result False when there is none.
 */
bool sec_identity_access_certificates_f(
	sec_identity_t identity, void *_Nullable context, sec_identity_certificate_f handler);
#ifdef __BLOCKS__
/*!
 * @function sec_identity_access_certificates
 * @abstract As above, with a block.
 */
bool sec_identity_access_certificates(
	sec_identity_t identity, OS_NOESCAPE void (^handler)(sec_certificate_t certificate));
#endif

/*!
 * @function sec_trust_create
 * @result +1, or NULL.
 */
sec_trust_t _Nullable sec_trust_create(SecTrustRef trust);
/*!
 * @function sec_trust_copy_ref
 * @result +1: CFRelease it.
 */
SecTrustRef sec_trust_copy_ref(sec_trust_t trust);

BRAID_DECLS_END

#endif
