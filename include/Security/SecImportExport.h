/* Identities out of PKCS #12 (RFC 7292). */
#ifndef BRAID_SECURITY_SECIMPORTEXPORT_H
#define BRAID_SECURITY_SECIMPORTEXPORT_H

#include <Security/SecBase.h>

CF_EXTERN_C_BEGIN

/* a key of the options: the password, a CFString */
extern const CFStringRef kSecImportExportPassphrase;
/* keys of an item: SecIdentityRef, array of certificates, SecTrustRef */
extern const CFStringRef kSecImportItemIdentity;
extern const CFStringRef kSecImportItemCertChain;
extern const CFStringRef kSecImportItemTrust;

/*!
 * @function SecPKCS12Import
 * @param items Out: an array of one dictionary, which the caller releases.
 * @result errSecSuccess, errSecAuthFailed (wrong password), errSecDecode, errSecItemNotFound (no
 * key, or no certificate for it), errSecParam, errSecAllocate.
 */
OSStatus SecPKCS12Import(CFDataRef pkcs12_data, CFDictionaryRef options, CFArrayRef *items);

CF_EXTERN_C_END

#endif
