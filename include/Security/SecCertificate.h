/* Certificates (RFC 5280). */
#ifndef BRAID_SECURITY_SECCERTIFICATE_H
#define BRAID_SECURITY_SECCERTIFICATE_H

#include <Security/SecBase.h>
#include <Security/SecKey.h>

CF_EXTERN_C_BEGIN

/*! @function SecCertificateGetTypeID */
CFTypeID SecCertificateGetTypeID(void);

/*!
 * @function SecCertificateCreateWithData
 * @param data DER.
 * @result NULL when it is no certificate, or over 128 KiB.
 */
SecCertificateRef SecCertificateCreateWithData(CFAllocatorRef allocator, CFDataRef data);

/*!
 * @function SecCertificateCopyData
 * @result DER; the caller releases it.
 */
CFDataRef SecCertificateCopyData(SecCertificateRef certificate);

/*!
 * @function SecCertificateCopySubjectSummary
 * @result A name for people: common name, else organisation, else an alternative name.
 */
CFStringRef SecCertificateCopySubjectSummary(SecCertificateRef certificate);

/*!
 * @function SecCertificateCopyCommonName
 * @param commonName Out: the subject's; NULL when it has none.
 * @result errSecSuccess, errSecParam.
 */
OSStatus SecCertificateCopyCommonName(SecCertificateRef certificate, CFStringRef *commonName);

/*!
 * @function SecCertificateCopySerialNumberData
 * @param error Out, may be NULL.
 * @result The number's bytes, as they are in DER.
 */
CFDataRef SecCertificateCopySerialNumberData(SecCertificateRef certificate, CFErrorRef *error);

/*!
 * @function SecCertificateCopyNormalizedSubjectSequence
 * @result The subject as it is in DER (Apple's has case and white space made alike).
 */
CFDataRef SecCertificateCopyNormalizedSubjectSequence(SecCertificateRef certificate);

/*! @function SecCertificateCopyNormalizedIssuerSequence */
CFDataRef SecCertificateCopyNormalizedIssuerSequence(SecCertificateRef certificate);

/*!
 * @function SecCertificateCopyKey
 * @result Its public key; the caller releases it.
 */
SecKeyRef SecCertificateCopyKey(SecCertificateRef certificate);

CF_EXTERN_C_END

#endif
