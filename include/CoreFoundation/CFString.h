/* Strings: Unicode, held in UTF-8. Lengths and ranges count UTF-16 units, as on Apple systems. */
#ifndef BRAID_CF_STRING_H
#define BRAID_CF_STRING_H

#include <CoreFoundation/CFBase.h>

CF_EXTERN_C_BEGIN

/*!
 * @typedef CFStringEncoding
 * @abstract How characters are written as bytes. These are known; MacRoman as far as it is ASCII.
 */
typedef UInt32 CFStringEncoding;
#define kCFStringEncodingInvalidId (0xffffffffU)
enum {
	kCFStringEncodingMacRoman = 0,
	kCFStringEncodingISOLatin1 = 0x0201,
	kCFStringEncodingASCII = 0x0600,
	kCFStringEncodingUnicode = 0x0100,
	kCFStringEncodingUTF16 = 0x0100,
	kCFStringEncodingUTF8 = 0x08000100,
	kCFStringEncodingUTF16BE = 0x10000100,
	kCFStringEncodingUTF16LE = 0x14000100
};

/*!
 * @typedef CFStringCompareFlags
 * @constant kCFCompareCaseInsensitive ASCII letters are the same in both cases. The other flags of
 *   Apple's are accepted and change nothing.
 */
typedef CFOptionFlags CFStringCompareFlags;
enum {
	kCFCompareCaseInsensitive = 1,
	kCFCompareBackwards = 4,
	kCFCompareAnchored = 8,
	kCFCompareNonliteral = 16,
	kCFCompareLocalized = 32,
	kCFCompareNumerically = 64
};

/*!
 * @defined CFSTR
 * @abstract A constant string, of a literal. It is never released: the same text is the same
 * object, for the life of the process. Not for the initial value of a static variable.
 */
#define CFSTR(cStr) __CFStringMakeConstantString("" cStr "")
CFStringRef __CFStringMakeConstantString(const char *cStr);

/*! @function CFStringGetTypeID */
CFTypeID CFStringGetTypeID(void);

/*!
 * @function CFStringCreateWithCString
 * @param cStr Bytes up to a NUL, in `encoding`.
 * @result NULL when they are not text of that encoding.
 */
CFStringRef CFStringCreateWithCString(
	CFAllocatorRef alloc, const char *cStr, CFStringEncoding encoding);

/*!
 * @function CFStringCreateWithCStringNoCopy
 * @abstract As CFStringCreateWithCString (it copies all the same).
 * @param contentsDeallocator kCFAllocatorNull: cStr stays the caller's; else it is free()d.
 */
CFStringRef CFStringCreateWithCStringNoCopy(CFAllocatorRef alloc, const char *cStr,
	CFStringEncoding encoding, CFAllocatorRef contentsDeallocator);

/*!
 * @function CFStringCreateWithBytes
 * @param isExternalRepresentation Whether a byte order mark may come first; it is left out.
 * @result NULL when the bytes are not text of that encoding.
 */
CFStringRef CFStringCreateWithBytes(CFAllocatorRef alloc, const UInt8 *bytes, CFIndex numBytes,
	CFStringEncoding encoding, Boolean isExternalRepresentation);

/*!
 * @function CFStringCreateWithCharacters
 * @param chars UTF-16 in the byte order of this machine.
 */
CFStringRef CFStringCreateWithCharacters(
	CFAllocatorRef alloc, const UniChar *chars, CFIndex numChars);

/*!
 * @function CFStringCreateWithSubstring
 * @param range UTF-16 units; it may not split a surrogate pair.
 */
CFStringRef CFStringCreateWithSubstring(CFAllocatorRef alloc, CFStringRef str, CFRange range);

/*! @function CFStringCreateCopy */
CFStringRef CFStringCreateCopy(CFAllocatorRef alloc, CFStringRef theString);

/*!
 * @function CFStringCreateMutable
 * @param maxLength The most UTF-16 units it may have; 0: no limit.
 */
CFMutableStringRef CFStringCreateMutable(CFAllocatorRef alloc, CFIndex maxLength);

/*! @function CFStringCreateMutableCopy */
CFMutableStringRef CFStringCreateMutableCopy(
	CFAllocatorRef alloc, CFIndex maxLength, CFStringRef theString);

/*!
 * @function CFStringAppend
 * @abstract Adds at the end. Nothing changes when it does not fit, or there is no memory.
 */
void CFStringAppend(CFMutableStringRef theString, CFStringRef appendedString);

/*! @function CFStringAppendCString */
void CFStringAppendCString(
	CFMutableStringRef theString, const char *cStr, CFStringEncoding encoding);

/*!
 * @function CFStringGetLength
 * @result UTF-16 units.
 */
CFIndex CFStringGetLength(CFStringRef theString);

/*!
 * @function CFStringGetCharacterAtIndex
 * @result A UTF-16 unit; 0 beyond the end.
 */
UniChar CFStringGetCharacterAtIndex(CFStringRef theString, CFIndex idx);

/*!
 * @function CFStringGetMaximumSizeForEncoding
 * @param length UTF-16 units.
 * @result The most bytes that they can take, without a final NUL; kCFNotFound: too long.
 */
CFIndex CFStringGetMaximumSizeForEncoding(CFIndex length, CFStringEncoding encoding);

/*!
 * @function CFStringGetCString
 * @param bufferSize With the final NUL.
 * @result False when it does not fit, or cannot be written in that encoding.
 */
Boolean CFStringGetCString(
	CFStringRef theString, char *buffer, CFIndex bufferSize, CFStringEncoding encoding);

/*!
 * @function CFStringGetCStringPtr
 * @result The text inside the object, valid as long as it is not changed; NULL where its form
 *   inside (UTF-8) is not that of `encoding`.
 */
const char *CFStringGetCStringPtr(CFStringRef theString, CFStringEncoding encoding);

/*!
 * @function CFStringGetBytes
 * @param lossByte What stands for a character that the encoding does not have; 0: stop there.
 * @param isExternalRepresentation UTF-16 begins with a byte order mark.
 * @param buffer NULL: only count.
 * @param usedBufLen Out: bytes. May be NULL.
 * @result UTF-16 units that were converted.
 */
CFIndex CFStringGetBytes(CFStringRef theString, CFRange range, CFStringEncoding encoding,
	UInt8 lossByte, Boolean isExternalRepresentation, UInt8 *buffer, CFIndex maxBufLen,
	CFIndex *usedBufLen);

/*!
 * @function CFStringGetIntValue
 * @result The decimal number that it begins with; 0: none. At the ends of int it stops.
 */
SInt32 CFStringGetIntValue(CFStringRef str);

/*!
 * @function CFStringCompare
 * @abstract By Unicode code points.
 */
CFComparisonResult CFStringCompare(
	CFStringRef theString1, CFStringRef theString2, CFStringCompareFlags compareOptions);

/*! @function CFStringHasPrefix */
Boolean CFStringHasPrefix(CFStringRef theString, CFStringRef prefix);

/*! @function CFStringHasSuffix */
Boolean CFStringHasSuffix(CFStringRef theString, CFStringRef suffix);

CF_EXTERN_C_END

#endif
