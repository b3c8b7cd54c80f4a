/* Bytes. */
#ifndef BRAID_CF_DATA_H
#define BRAID_CF_DATA_H

#include <CoreFoundation/CFBase.h>

CF_EXTERN_C_BEGIN

typedef const struct __CFData *CFDataRef;
typedef struct __CFData *CFMutableDataRef;

/*! @function CFDataGetTypeID */
CFTypeID CFDataGetTypeID(void);

/*!
 * @function CFDataCreate
 * @param bytes Copied.
 * @result NULL for a negative length, or no memory.
 */
CFDataRef CFDataCreate(CFAllocatorRef allocator, const UInt8 *bytes, CFIndex length);

/*!
 * @function CFDataCreateWithBytesNoCopy
 * @abstract As CFDataCreate (it copies all the same).
 * @param bytesDeallocator kCFAllocatorNull: the bytes stay the caller's; else they are free()d.
 */
CFDataRef CFDataCreateWithBytesNoCopy(CFAllocatorRef allocator, const UInt8 *bytes, CFIndex length,
	CFAllocatorRef bytesDeallocator);

/*! @function CFDataCreateCopy */
CFDataRef CFDataCreateCopy(CFAllocatorRef allocator, CFDataRef theData);

/*!
 * @function CFDataCreateMutable
 * @param capacity The most bytes it may have; 0: no limit.
 */
CFMutableDataRef CFDataCreateMutable(CFAllocatorRef allocator, CFIndex capacity);

/*! @function CFDataCreateMutableCopy */
CFMutableDataRef CFDataCreateMutableCopy(
	CFAllocatorRef allocator, CFIndex capacity, CFDataRef theData);

/*! @function CFDataGetLength */
CFIndex CFDataGetLength(CFDataRef theData);

/*!
 * @function CFDataGetBytePtr
 * @result The bytes, as long as the object lives and is not changed.
 */
const UInt8 *CFDataGetBytePtr(CFDataRef theData);

/*! @function CFDataGetMutableBytePtr */
UInt8 *CFDataGetMutableBytePtr(CFMutableDataRef theData);

/*!
 * @function CFDataGetBytes
 * @abstract Copies a part; nothing when the range is not within.
 */
void CFDataGetBytes(CFDataRef theData, CFRange range, UInt8 *buffer);

/*!
 * @function CFDataSetLength
 * @abstract Cuts it, or adds zeros.
 */
void CFDataSetLength(CFMutableDataRef theData, CFIndex length);

/*!
 * @function CFDataAppendBytes
 * @abstract Nothing changes when they do not fit, or there is no memory.
 */
void CFDataAppendBytes(CFMutableDataRef theData, const UInt8 *bytes, CFIndex length);

CF_EXTERN_C_END

#endif
