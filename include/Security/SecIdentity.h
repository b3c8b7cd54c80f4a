/* Identities: a private key and its certificate. <braid/security.h> makes them. */
#ifndef BRAID_SECURITY_SECIDENTITY_H
#define BRAID_SECURITY_SECIDENTITY_H

#include <Security/SecBase.h>

CF_EXTERN_C_BEGIN

/*! @function SecIdentityGetTypeID */
CFTypeID SecIdentityGetTypeID(void);

/*!
 * @function SecIdentityCopyCertificate
 * @param certificateRef Out; the caller releases it.
 */
OSStatus SecIdentityCopyCertificate(SecIdentityRef identityRef, SecCertificateRef *certificateRef);

CF_EXTERN_C_END

#endif
