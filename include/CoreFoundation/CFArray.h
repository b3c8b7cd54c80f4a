/* Rows of values. */
#ifndef BRAID_CF_ARRAY_H
#define BRAID_CF_ARRAY_H

#include <CoreFoundation/CFBase.h>

CF_EXTERN_C_BEGIN

typedef const struct __CFArray *CFArrayRef;
typedef struct __CFArray *CFMutableArrayRef;

typedef const void *(*CFArrayRetainCallBack)(CFAllocatorRef allocator, const void *value);
typedef void (*CFArrayReleaseCallBack)(CFAllocatorRef allocator, const void *value);
typedef CFStringRef (*CFArrayCopyDescriptionCallBack)(const void *value);
typedef Boolean (*CFArrayEqualCallBack)(const void *value1, const void *value2);
/*!
 * @typedef CFArrayCallBacks
 * @abstract What is done with values; each may be NULL: nothing is, and values are equal when they
 * are the same pointer.
 */
typedef struct {
	CFIndex version;
	CFArrayRetainCallBack retain;
	CFArrayReleaseCallBack release;
	CFArrayCopyDescriptionCallBack copyDescription;
	CFArrayEqualCallBack equal;
} CFArrayCallBacks;
typedef void (*CFArrayApplierFunction)(const void *value, void *context);

/*! @const kCFTypeArrayCallBacks For values that are objects. */
extern const CFArrayCallBacks kCFTypeArrayCallBacks;

/*! @function CFArrayGetTypeID */
CFTypeID CFArrayGetTypeID(void);

/*!
 * @function CFArrayCreate
 * @param callBacks Copied. NULL: bare pointers.
 */
CFArrayRef CFArrayCreate(CFAllocatorRef allocator, const void **values, CFIndex numValues,
	const CFArrayCallBacks *callBacks);

/*! @function CFArrayCreateCopy */
CFArrayRef CFArrayCreateCopy(CFAllocatorRef allocator, CFArrayRef theArray);

/*!
 * @function CFArrayCreateMutable
 * @param capacity The most values it may have; 0: no limit.
 */
CFMutableArrayRef CFArrayCreateMutable(
	CFAllocatorRef allocator, CFIndex capacity, const CFArrayCallBacks *callBacks);

/*! @function CFArrayCreateMutableCopy */
CFMutableArrayRef CFArrayCreateMutableCopy(
	CFAllocatorRef allocator, CFIndex capacity, CFArrayRef theArray);

/*! @function CFArrayGetCount */
CFIndex CFArrayGetCount(CFArrayRef theArray);

/*!
 * @function CFArrayGetValueAtIndex
 * @result Borrowed; NULL beyond the end (Apple's would abort).
 */
const void *CFArrayGetValueAtIndex(CFArrayRef theArray, CFIndex idx);

/*!
 * @function CFArrayGetFirstIndexOfValue
 * @result kCFNotFound: it is not there.
 */
CFIndex CFArrayGetFirstIndexOfValue(CFArrayRef theArray, CFRange range, const void *value);

/*! @function CFArrayContainsValue */
Boolean CFArrayContainsValue(CFArrayRef theArray, CFRange range, const void *value);

/*!
 * @function CFArrayApplyFunction
 * @abstract Calls it for each value of the range, in order.
 */
void CFArrayApplyFunction(CFArrayRef theArray, CFRange range,
	CFArrayApplierFunction CF_NOESCAPE applier, void *context);

/*!
 * @function CFArrayAppendValue
 * @abstract Adds at the end. Nothing changes when it is full, or there is no memory.
 */
void CFArrayAppendValue(CFMutableArrayRef theArray, const void *value);

/*! @function CFArrayAppendArray */
void CFArrayAppendArray(CFMutableArrayRef theArray, CFArrayRef otherArray, CFRange otherRange);

/*! @function CFArrayInsertValueAtIndex */
void CFArrayInsertValueAtIndex(CFMutableArrayRef theArray, CFIndex idx, const void *value);

/*! @function CFArraySetValueAtIndex */
void CFArraySetValueAtIndex(CFMutableArrayRef theArray, CFIndex idx, const void *value);

/*! @function CFArrayRemoveValueAtIndex */
void CFArrayRemoveValueAtIndex(CFMutableArrayRef theArray, CFIndex idx);

/*! @function CFArrayRemoveAllValues */
void CFArrayRemoveAllValues(CFMutableArrayRef theArray);

CF_EXTERN_C_END

#endif
