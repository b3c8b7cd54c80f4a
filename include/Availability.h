/*
 * Availability marks of Apple's headers. On Linux everything that is declared is available: the
 * marks expand to nothing, and __builtin_available() is true.
 */
#ifndef BRAID_AVAILABILITY_H
#define BRAID_AVAILABILITY_H

#define API_AVAILABLE(...)
#define API_AVAILABLE_BEGIN(...)
#define API_AVAILABLE_END
#define API_UNAVAILABLE(...)
#define API_UNAVAILABLE_BEGIN(...)
#define API_UNAVAILABLE_END
#define API_DEPRECATED(...)
#define API_DEPRECATED_WITH_REPLACEMENT(...)
#define API_DEPRECATED_BEGIN(...)
#define API_DEPRECATED_END
#define API_OBSOLETED(...)
#define SPI_AVAILABLE(...)
#define SPI_DEPRECATED(...)

#define __API_AVAILABLE(...)
#define __API_UNAVAILABLE(...)
#define __API_DEPRECATED(...)
#define __API_DEPRECATED_WITH_REPLACEMENT(...)
#define __OSX_AVAILABLE(version)
#define __IOS_AVAILABLE(version)
#define __TVOS_AVAILABLE(version)
#define __WATCHOS_AVAILABLE(version)
#define __OSX_AVAILABLE_STARTING(osx, ios)
#define __OSX_AVAILABLE_BUT_DEPRECATED(osx_in, osx_out, ios_in, ios_out)
#define __OSX_AVAILABLE_BUT_DEPRECATED_MSG(osx_in, osx_out, ios_in, ios_out, message)
#define __OSX_DEPRECATED(in, out, message)

/* clang knows the word, and answers true for the `*` of a platform that is not named; gcc does not
 */
#ifndef __clang__
#define __builtin_available(...) 1
#endif

#endif
