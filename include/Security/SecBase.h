/* The types of the Security pack, and its numbers. Small, without a keychain. */
#ifndef BRAID_SECURITY_SECBASE_H
#define BRAID_SECURITY_SECBASE_H

#include <CoreFoundation/CoreFoundation.h>

CF_EXTERN_C_BEGIN

typedef struct __SecCertificate *SecCertificateRef;
typedef struct __SecIdentity *SecIdentityRef;
typedef struct __SecKey *SecKeyRef;
typedef struct __SecPolicy *SecPolicyRef;

/* OSStatus numbers that functions here return, or that errors carry */
enum {
	errSecSuccess = 0,
	errSecUnimplemented = -4,
	errSecIO = -36,
	errSecParam = -50,
	errSecAllocate = -108,
	errSecPkcs12VerifyFailure = -25264, /* the file is not what its password says */
	errSecAuthFailed = -25293,          /* wrong password */
	errSecItemNotFound = -25300,
	errSecNoTrustSettings = -25263,
	errSecCreateChainFailed = -25318, /* the chain does not hold together */
	errSecInteractionNotAllowed = -25308,
	errSecDecode = -26275, /* not what it should be */
	errSecInternalError = -26276,
	errSecHostNameMismatch = -67602,
	errSecInvalidExtendedKeyUsage = -67609,
	errSecUnsupportedKeySize = -67735,
	errSecCertificateExpired = -67818,
	errSecCertificateNotValidYet = -67819,
	errSecCertificateRevoked = -67820,
	errSecIncompleteCertRevocationCheck = -67635,
	errSecNotTrusted = -67843
};

/*!
 * @function SecCopyErrorMessageString
 * @param reserved NULL.
 * @result Words for an errSec or errSSL number, which the caller releases.
 */
CFStringRef SecCopyErrorMessageString(OSStatus status, void *reserved);

CF_EXTERN_C_END

#endif
