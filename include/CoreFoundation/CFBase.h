/*
 * CoreFoundation's base, as far as programs of the Network framework need it: the types, reference
 * counts and what all objects can do. A small pack for compatibility: not all of CoreFoundation.
 * Every object of this library is an object here: CFRetain works on an nw_connection_t, nw_release
 * on a CFString.
 */
#ifndef BRAID_CF_BASE_H
#define BRAID_CF_BASE_H

#include <MacTypes.h>
#include <os/base.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CF_EXTERN_C_BEGIN OS_EXTERN_C_BEGIN _Pragma("GCC visibility push(default)")
#define CF_EXTERN_C_END   _Pragma("GCC visibility pop") OS_EXTERN_C_END

#define CF_EXPORT extern
#define CF_INLINE static inline
#define CF_RETURNS_RETAINED
#define CF_RETURNS_NOT_RETAINED
#define CF_RELEASES_ARGUMENT
#define CF_CONSUMED
#define CF_NOESCAPE OS_NOESCAPE
#define CF_BRIDGED_TYPE(type)
#define CF_BRIDGED_MUTABLE_TYPE(type)
#define CF_IMPLICIT_BRIDGING_ENABLED
#define CF_IMPLICIT_BRIDGING_DISABLED
#define CF_ASSUME_NONNULL_BEGIN OS_ASSUME_NONNULL_BEGIN
#define CF_ASSUME_NONNULL_END   OS_ASSUME_NONNULL_END

#ifndef TRUE
#define TRUE 1
#endif
#ifndef FALSE
#define FALSE 0
#endif

CF_EXTERN_C_BEGIN

typedef const void *CFTypeRef;
typedef unsigned long CFTypeID;
typedef unsigned long CFOptionFlags;
typedef unsigned long CFHashCode;
typedef signed long CFIndex;
typedef uint16_t UniChar;

typedef const struct __CFAllocator *CFAllocatorRef;
typedef const struct __CFString *CFStringRef;
typedef struct __CFString *CFMutableStringRef;
typedef const struct __CFNull *CFNullRef;

/*! @constant kCFNotFound What a search returns that finds nothing. */
enum { kCFNotFound = -1 };

/*!
 * @typedef CFRange
 * @abstract A part of a row: `length` items from `location` on.
 */
typedef struct {
	CFIndex location;
	CFIndex length;
} CFRange;

CF_INLINE CFRange CFRangeMake(CFIndex loc, CFIndex len)
{
	CFRange range;

	range.location = loc;
	range.length = len;
	return range;
}

/*!
 * @typedef CFComparisonResult
 * @abstract The order of two values.
 */
typedef CFIndex CFComparisonResult;
enum { kCFCompareLessThan = -1, kCFCompareEqualTo = 0, kCFCompareGreaterThan = 1 };
/*!
 * @typedef CFComparatorFunction
 * @abstract Orders two values.
 */
typedef CFComparisonResult (*CFComparatorFunction)(
	const void *val1, const void *val2, void *context);

/*!
 * @const kCFAllocatorDefault NULL. Allocators are taken and not looked at: memory is malloc's.
 * @const kCFAllocatorNull As a deallocator: do not free.
 */
extern const CFAllocatorRef kCFAllocatorDefault;
extern const CFAllocatorRef kCFAllocatorSystemDefault;
extern const CFAllocatorRef kCFAllocatorMalloc;
extern const CFAllocatorRef kCFAllocatorNull;
/*! @const kCFNull The object that stands for nothing. */
extern const CFNullRef kCFNull;

/*!
 * @function CFRetain
 * @abstract Adds a reference. Works for every object of this library.
 * @param cf The object; NULL is harmless here.
 * @result cf.
 */
CFTypeRef CFRetain(CFTypeRef cf);

/*!
 * @function CFRelease
 * @abstract Gives a reference back. One too many is a program error and aborts.
 * @param cf The object; NULL is harmless here.
 */
void CFRelease(CFTypeRef cf);

/*!
 * @function CFGetRetainCount
 * @result The application's references; for debugging. Objects that live for ever have LONG_MAX.
 */
CFIndex CFGetRetainCount(CFTypeRef cf);

/*!
 * @function CFGetTypeID
 * @result What kind of object it is: compare with CFStringGetTypeID() and the like. 0 for NULL.
 */
CFTypeID CFGetTypeID(CFTypeRef cf);

/*!
 * @function CFEqual
 * @result Whether both are of one kind and have equal contents; or, for objects without contents,
 * are the same object.
 */
Boolean CFEqual(CFTypeRef cf1, CFTypeRef cf2);

/*!
 * @function CFHash
 * @result A number that is the same for equal objects, in this process.
 */
CFHashCode CFHash(CFTypeRef cf);

/*!
 * @function CFCopyDescription
 * @abstract Words about the object, for people.
 * @result A string that the caller releases; NULL for no memory.
 */
CFStringRef CFCopyDescription(CFTypeRef cf);

/*!
 * @function CFShow
 * @abstract Writes the description to standard error.
 */
void CFShow(CFTypeRef obj);

/*! @function CFNullGetTypeID */
CFTypeID CFNullGetTypeID(void);

CF_EXTERN_C_END

#endif
