/* Values that are found by keys. */
#ifndef BRAID_CF_DICTIONARY_H
#define BRAID_CF_DICTIONARY_H

#include <CoreFoundation/CFBase.h>

CF_EXTERN_C_BEGIN

typedef const struct __CFDictionary *CFDictionaryRef;
typedef struct __CFDictionary *CFMutableDictionaryRef;

typedef const void *(*CFDictionaryRetainCallBack)(CFAllocatorRef allocator, const void *value);
typedef void (*CFDictionaryReleaseCallBack)(CFAllocatorRef allocator, const void *value);
typedef CFStringRef (*CFDictionaryCopyDescriptionCallBack)(const void *value);
typedef Boolean (*CFDictionaryEqualCallBack)(const void *value1, const void *value2);
typedef CFHashCode (*CFDictionaryHashCallBack)(const void *value);
/*!
 * @typedef CFDictionaryKeyCallBacks
 * @abstract What is done with keys; each may be NULL: nothing is, and keys are equal when they are
 * the same pointer.
 */
typedef struct {
	CFIndex version;
	CFDictionaryRetainCallBack retain;
	CFDictionaryReleaseCallBack release;
	CFDictionaryCopyDescriptionCallBack copyDescription;
	CFDictionaryEqualCallBack equal;
	CFDictionaryHashCallBack hash;
} CFDictionaryKeyCallBacks;
/*!
 * @typedef CFDictionaryValueCallBacks
 * @abstract The same for values.
 */
typedef struct {
	CFIndex version;
	CFDictionaryRetainCallBack retain;
	CFDictionaryReleaseCallBack release;
	CFDictionaryCopyDescriptionCallBack copyDescription;
	CFDictionaryEqualCallBack equal;
} CFDictionaryValueCallBacks;
typedef void (*CFDictionaryApplierFunction)(const void *key, const void *value, void *context);

extern const CFDictionaryKeyCallBacks kCFTypeDictionaryKeyCallBacks;
/*! @const kCFCopyStringDictionaryKeyCallBacks As kCFType...: strings that are immutable need no
 * copy. */
extern const CFDictionaryKeyCallBacks kCFCopyStringDictionaryKeyCallBacks;
extern const CFDictionaryValueCallBacks kCFTypeDictionaryValueCallBacks;

/*! @function CFDictionaryGetTypeID */
CFTypeID CFDictionaryGetTypeID(void);

/*!
 * @function CFDictionaryCreate
 * @param keyCallBacks Copied. NULL: bare pointers.
 */
CFDictionaryRef CFDictionaryCreate(CFAllocatorRef allocator, const void **keys, const void **values,
	CFIndex numValues, const CFDictionaryKeyCallBacks *keyCallBacks,
	const CFDictionaryValueCallBacks *valueCallBacks);

/*! @function CFDictionaryCreateCopy */
CFDictionaryRef CFDictionaryCreateCopy(CFAllocatorRef allocator, CFDictionaryRef theDict);

/*!
 * @function CFDictionaryCreateMutable
 * @param capacity A hint.
 */
CFMutableDictionaryRef CFDictionaryCreateMutable(CFAllocatorRef allocator, CFIndex capacity,
	const CFDictionaryKeyCallBacks *keyCallBacks,
	const CFDictionaryValueCallBacks *valueCallBacks);

/*! @function CFDictionaryCreateMutableCopy */
CFMutableDictionaryRef CFDictionaryCreateMutableCopy(
	CFAllocatorRef allocator, CFIndex capacity, CFDictionaryRef theDict);

/*! @function CFDictionaryGetCount */
CFIndex CFDictionaryGetCount(CFDictionaryRef theDict);

/*!
 * @function CFDictionaryGetValue
 * @result Borrowed; NULL: there is none, or it is NULL.
 */
const void *CFDictionaryGetValue(CFDictionaryRef theDict, const void *key);

/*!
 * @function CFDictionaryGetValueIfPresent
 * @param value Out, borrowed; may be NULL.
 */
Boolean CFDictionaryGetValueIfPresent(CFDictionaryRef theDict, const void *key, const void **value);

/*! @function CFDictionaryContainsKey */
Boolean CFDictionaryContainsKey(CFDictionaryRef theDict, const void *key);

/*!
 * @function CFDictionaryGetKeysAndValues
 * @abstract In no order that is promised, the same in both.
 * @param keys Room for all; may be NULL.
 * @param values Room for all; may be NULL.
 */
void CFDictionaryGetKeysAndValues(CFDictionaryRef theDict, const void **keys, const void **values);

/*! @function CFDictionaryApplyFunction */
void CFDictionaryApplyFunction(
	CFDictionaryRef theDict, CFDictionaryApplierFunction CF_NOESCAPE applier, void *context);

/*!
 * @function CFDictionaryAddValue
 * @abstract Unless the key is there.
 */
void CFDictionaryAddValue(CFMutableDictionaryRef theDict, const void *key, const void *value);

/*!
 * @function CFDictionarySetValue
 * @abstract Adds, or replaces. Nothing changes when there is no memory.
 */
void CFDictionarySetValue(CFMutableDictionaryRef theDict, const void *key, const void *value);

/*! @function CFDictionaryRemoveValue */
void CFDictionaryRemoveValue(CFMutableDictionaryRef theDict, const void *key);

/*! @function CFDictionaryRemoveAllValues */
void CFDictionaryRemoveAllValues(CFMutableDictionaryRef theDict);

CF_EXTERN_C_END

#endif
