/* Trust: the judgement of a chain. One thread at a time for one object. */
#ifndef BRAID_SECURITY_SECTRUST_H
#define BRAID_SECURITY_SECTRUST_H

#include <Security/SecBase.h>
#include <Security/SecPolicy.h>

CF_EXTERN_C_BEGIN

typedef struct __SecTrust *SecTrustRef;

/*!
 * @typedef SecTrustResultType
 * @constant kSecTrustResultInvalid Not evaluated.
 * @constant kSecTrustResultUnspecified Trusted; nobody has said so in particular. What success is
 * here.
 * @constant kSecTrustResultRecoverableTrustFailure Not trusted; with other anchors, names or at
 * another time it might be.
 * @constant kSecTrustResultFatalTrustFailure Not trusted, for good: revoked, or not well formed.
 */
typedef uint32_t SecTrustResultType;
enum {
	kSecTrustResultInvalid = 0,
	kSecTrustResultProceed = 1,
	kSecTrustResultConfirm = 2,
	kSecTrustResultDeny = 3,
	kSecTrustResultUnspecified = 4,
	kSecTrustResultRecoverableTrustFailure = 5,
	kSecTrustResultFatalTrustFailure = 6,
	kSecTrustResultOtherError = 7
};

/*! @function SecTrustGetTypeID */
CFTypeID SecTrustGetTypeID(void);

/*!
 * @function SecTrustCreateWithCertificates
 * @param certificates A certificate, or an array of them, the one to be judged first; up to 16.
 * @param policies A policy, or an array; NULL: basic.
 * @param trust Out; the caller releases it.
 */
OSStatus SecTrustCreateWithCertificates(
	CFTypeRef certificates, CFTypeRef policies, SecTrustRef *trust);

/*!
 * @function SecTrustSetPolicies
 * @abstract Of several the last one for TLS counts.
 */
OSStatus SecTrustSetPolicies(SecTrustRef trust, CFTypeRef policies);

/*!
 * @function SecTrustSetAnchorCertificates
 * @abstract These are trusted, and the system's no more, unless SecTrustSetAnchorCertificatesOnly
 * says so.
 * @param anchorCertificates NULL: the system's again.
 */
OSStatus SecTrustSetAnchorCertificates(SecTrustRef trust, CFArrayRef anchorCertificates);

/*!
 * @function SecTrustSetAnchorCertificatesOnly
 * @param anchorCertificatesOnly False: the system's are trusted too.
 */
OSStatus SecTrustSetAnchorCertificatesOnly(SecTrustRef trust, Boolean anchorCertificatesOnly);

/*!
 * @function SecTrustSetOCSPResponse
 * @param responseData Data, or an array whose first one is taken; NULL: none.
 */
OSStatus SecTrustSetOCSPResponse(SecTrustRef trust, CFTypeRef responseData);

/*!
 * @function SecTrustEvaluateWithError
 * @param error Out, may be NULL: why not. Of kCFErrorDomainOSStatus, with an errSec number; the
 * caller releases it.
 * @result Whether it is trusted.
 */
bool SecTrustEvaluateWithError(SecTrustRef trust, CFErrorRef *error);

/*!
 * @function SecTrustEvaluate
 * @abstract The older form.
 */
OSStatus SecTrustEvaluate(SecTrustRef trust, SecTrustResultType *result);

/*!
 * @function SecTrustGetTrustResult
 * @abstract Of the last evaluation.
 */
OSStatus SecTrustGetTrustResult(SecTrustRef trust, SecTrustResultType *result);

/*!
 * @function SecTrustGetCertificateCount
 * @result Of the chain as the peer sent it.
 */
CFIndex SecTrustGetCertificateCount(SecTrustRef trust);

/*!
 * @function SecTrustGetCertificateAtIndex
 * @result Borrowed; NULL beyond the end. 0 is the peer's own.
 */
SecCertificateRef SecTrustGetCertificateAtIndex(SecTrustRef trust, CFIndex ix);

/*!
 * @function SecTrustCopyCertificateChain
 * @result The chain as the peer sent it; the caller releases it.
 */
CFArrayRef SecTrustCopyCertificateChain(SecTrustRef trust);

/*!
 * @function SecTrustCopyKey
 * @result The public key of the peer's certificate; the caller releases it.
 */
SecKeyRef SecTrustCopyKey(SecTrustRef trust);

/*!
 * @function SecTrustCopyPublicKey
 * @abstract The older name of SecTrustCopyKey.
 */
SecKeyRef SecTrustCopyPublicKey(SecTrustRef trust);

CF_EXTERN_C_END

#endif
