/*
 * What differs between compilers and languages, in one place: nullability, noescape, ownership
 * notes, linkage. Every public header of this project starts here.
 */
#ifndef BRAID_OS_BASE_H
#define BRAID_OS_BASE_H

#include <Availability.h>
#include <TargetConditionals.h>

#ifndef __has_attribute
#define __has_attribute(x) 0
#endif
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#ifndef __has_include
#define __has_include(x) 0
#endif
#ifndef __has_builtin
#define __has_builtin(x) 0
#endif

/* gcc has no nullability: the words stay in the prototypes as documentation */
#if !__has_feature(nullability)
#ifndef _Nullable
#define _Nullable
#endif
#ifndef _Nonnull
#define _Nonnull
#endif
#ifndef _Null_unspecified
#define _Null_unspecified
#endif
#endif

#if __has_attribute(noescape)
#define OS_NOESCAPE __attribute__((__noescape__))
#else
#define OS_NOESCAPE
#endif

#ifdef __cplusplus
#define OS_EXTERN_C_BEGIN extern "C" {
#define OS_EXTERN_C_END   }
#else
#define OS_EXTERN_C_BEGIN
#define OS_EXTERN_C_END
#endif

#if __has_feature(assume_nonnull)
#define OS_ASSUME_NONNULL_BEGIN                                                                    \
	_Pragma("clang diagnostic push")                                                           \
		_Pragma("clang diagnostic ignored \"-Wnullability-extension\"")                    \
			_Pragma("clang assume_nonnull begin")
#define OS_ASSUME_NONNULL_END _Pragma("clang assume_nonnull end") _Pragma("clang diagnostic pop")
#else
#define OS_ASSUME_NONNULL_BEGIN
#define OS_ASSUME_NONNULL_END
#endif

/* around all declarations of a public header: C linkage, exported, pointers not NULL unless said */
#define BRAID_DECLS_BEGIN                                                                          \
	OS_EXTERN_C_BEGIN                                                                          \
	_Pragma("GCC visibility push(default)") OS_ASSUME_NONNULL_BEGIN
#define BRAID_DECLS_END                                                                            \
	OS_ASSUME_NONNULL_END                                                                      \
	_Pragma("GCC visibility pop") OS_EXTERN_C_END

#ifndef OS_INLINE
#define OS_INLINE static inline
#endif

#endif
