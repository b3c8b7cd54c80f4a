/* Numbers and truth values. */
#ifndef BRAID_CF_NUMBER_H
#define BRAID_CF_NUMBER_H

#include <CoreFoundation/CFBase.h>

CF_EXTERN_C_BEGIN

typedef const struct __CFBoolean *CFBooleanRef;
typedef const struct __CFNumber *CFNumberRef;

extern const CFBooleanRef kCFBooleanTrue;
extern const CFBooleanRef kCFBooleanFalse;

/*!
 * @typedef CFNumberType
 * @abstract The C type that a number is made of, or read as.
 */
typedef CFIndex CFNumberType;
enum {
	kCFNumberSInt8Type = 1,
	kCFNumberSInt16Type = 2,
	kCFNumberSInt32Type = 3,
	kCFNumberSInt64Type = 4,
	kCFNumberFloat32Type = 5,
	kCFNumberFloat64Type = 6,
	kCFNumberCharType = 7,
	kCFNumberShortType = 8,
	kCFNumberIntType = 9,
	kCFNumberLongType = 10,
	kCFNumberLongLongType = 11,
	kCFNumberFloatType = 12,
	kCFNumberDoubleType = 13,
	kCFNumberCFIndexType = 14,
	kCFNumberNSIntegerType = 15,
	kCFNumberCGFloatType = 16,
	kCFNumberMaxType = 16
};

/*! @function CFBooleanGetTypeID */
CFTypeID CFBooleanGetTypeID(void);

/*! @function CFBooleanGetValue */
Boolean CFBooleanGetValue(CFBooleanRef boolean);

/*! @function CFNumberGetTypeID */
CFTypeID CFNumberGetTypeID(void);

/*!
 * @function CFNumberCreate
 * @param valuePtr Points to a C value of the type `theType`.
 */
CFNumberRef CFNumberCreate(CFAllocatorRef allocator, CFNumberType theType, const void *valuePtr);

/*!
 * @function CFNumberGetType
 * @result The type with a fixed size that it was made of: SInt8 to Float64.
 */
CFNumberType CFNumberGetType(CFNumberRef number);

/*! @function CFNumberGetByteSize */
CFIndex CFNumberGetByteSize(CFNumberRef number);

/*! @function CFNumberIsFloatType */
Boolean CFNumberIsFloatType(CFNumberRef number);

/*!
 * @function CFNumberGetValue
 * @param valuePtr Out: a C value of the type `theType`.
 * @result False when that lost something: the value written is the nearest, or the low bits.
 */
Boolean CFNumberGetValue(CFNumberRef number, CFNumberType theType, void *valuePtr);

/*! @function CFNumberCompare */
CFComparisonResult CFNumberCompare(CFNumberRef number, CFNumberRef otherNumber, void *context);

CF_EXTERN_C_END

#endif
