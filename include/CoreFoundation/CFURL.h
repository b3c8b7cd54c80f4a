/* URLs: texts, and those of files. */
#ifndef BRAID_CF_URL_H
#define BRAID_CF_URL_H

#include <CoreFoundation/CFBase.h>

CF_EXTERN_C_BEGIN

typedef const struct __CFURL *CFURLRef;

/*!
 * @typedef CFURLPathStyle
 * @constant kCFURLPOSIXPathStyle The only one there is here.
 */
typedef CFIndex CFURLPathStyle;
enum { kCFURLPOSIXPathStyle = 0, kCFURLHFSPathStyle = 1, kCFURLWindowsPathStyle = 2 };

/*! @function CFURLGetTypeID */
CFTypeID CFURLGetTypeID(void);

/*!
 * @function CFURLCreateWithString
 * @param URLString Taken as it is; only characters that no URL has (RFC 3986 section 2) are
 * refused.
 * @param baseURL Must be NULL: relative URLs are not resolved.
 */
CFURLRef CFURLCreateWithString(CFAllocatorRef allocator, CFStringRef URLString, CFURLRef baseURL);

/*!
 * @function CFURLCreateWithFileSystemPath
 * @param filePath A path; a relative one is of the working directory at the time of the call.
 * @param isDirectory Whether it ends with a slash.
 */
CFURLRef CFURLCreateWithFileSystemPath(CFAllocatorRef allocator, CFStringRef filePath,
	CFURLPathStyle pathStyle, Boolean isDirectory);

/*! @function CFURLCreateFromFileSystemRepresentation */
CFURLRef CFURLCreateFromFileSystemRepresentation(
	CFAllocatorRef allocator, const UInt8 *buffer, CFIndex bufLen, Boolean isDirectory);

/*!
 * @function CFURLCreateCopyAppendingPathComponent
 * @param pathComponent Not escaped: it is written as RFC 3986 wants it.
 */
CFURLRef CFURLCreateCopyAppendingPathComponent(
	CFAllocatorRef allocator, CFURLRef url, CFStringRef pathComponent, Boolean isDirectory);

/*!
 * @function CFURLGetString
 * @result Borrowed.
 */
CFStringRef CFURLGetString(CFURLRef anURL);

/*!
 * @function CFURLGetFileSystemRepresentation
 * @param buffer Out: the path of a file URL, with a final NUL.
 * @result False when it is no file URL, or does not fit.
 */
Boolean CFURLGetFileSystemRepresentation(
	CFURLRef url, Boolean resolveAgainstBase, UInt8 *buffer, CFIndex maxBufLen);

/*!
 * @function CFURLCopyFileSystemPath
 * @result The path of a file URL, which the caller releases; else NULL.
 */
CFStringRef CFURLCopyFileSystemPath(CFURLRef anURL, CFURLPathStyle pathStyle);

CF_EXTERN_C_END

#endif
