/* Public keys. */
#ifndef BRAID_SECURITY_SECKEY_H
#define BRAID_SECURITY_SECKEY_H

#include <Security/SecBase.h>

CF_EXTERN_C_BEGIN

/*! @function SecKeyGetTypeID */
CFTypeID SecKeyGetTypeID(void);

/*!
 * @function SecKeyCopyExternalRepresentation
 * @param error Out, may be NULL.
 * @result RSA: RSAPublicKey (RFC 8017); elliptic curves: the point (04, x, y). The caller releases
 * it.
 */
CFDataRef SecKeyCopyExternalRepresentation(SecKeyRef key, CFErrorRef *error);

CF_EXTERN_C_END

#endif
