/* Errors: a domain, a number, and more in a dictionary. */
#ifndef BRAID_CF_ERROR_H
#define BRAID_CF_ERROR_H

#include <CoreFoundation/CFBase.h>
#include <CoreFoundation/CFDictionary.h>

CF_EXTERN_C_BEGIN

typedef struct __CFError *CFErrorRef;
typedef CFStringRef CFErrorDomain;

/*! @const kCFErrorDomainPOSIX errno, with Linux numbers. */
extern const CFErrorDomain kCFErrorDomainPOSIX;
/*! @const kCFErrorDomainOSStatus OSStatus: errSec and errSSL numbers. */
extern const CFErrorDomain kCFErrorDomainOSStatus;
extern const CFErrorDomain kCFErrorDomainMach;
extern const CFErrorDomain kCFErrorDomainCocoa;

/* keys of the dictionary */
extern const CFStringRef kCFErrorLocalizedDescriptionKey;
extern const CFStringRef kCFErrorLocalizedFailureReasonKey;
extern const CFStringRef kCFErrorDescriptionKey;
extern const CFStringRef kCFErrorUnderlyingErrorKey;

/*! @function CFErrorGetTypeID */
CFTypeID CFErrorGetTypeID(void);

/*!
 * @function CFErrorCreate
 * @param userInfo Copied; may be NULL.
 */
CFErrorRef CFErrorCreate(
	CFAllocatorRef allocator, CFErrorDomain domain, CFIndex code, CFDictionaryRef userInfo);

/*!
 * @function CFErrorGetDomain
 * @result Borrowed.
 */
CFErrorDomain CFErrorGetDomain(CFErrorRef err);

/*! @function CFErrorGetCode */
CFIndex CFErrorGetCode(CFErrorRef err);

/*!
 * @function CFErrorCopyUserInfo
 * @result The dictionary, possibly empty; the caller releases it.
 */
CFDictionaryRef CFErrorCopyUserInfo(CFErrorRef err);

/*!
 * @function CFErrorCopyDescription
 * @result A sentence for people: the dictionary's, or one made of domain and number. The caller
 *   releases it.
 */
CFStringRef CFErrorCopyDescription(CFErrorRef err);

/*!
 * @function CFErrorCopyFailureReason
 * @result The dictionary's, or what errno says; NULL: none. The caller releases it.
 */
CFStringRef CFErrorCopyFailureReason(CFErrorRef err);

CF_EXTERN_C_END

#endif
