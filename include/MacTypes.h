/* The few names of MacTypes.h that C programs of the Network framework use. */
#ifndef BRAID_MACTYPES_H
#define BRAID_MACTYPES_H

#include <stddef.h>
#include <stdint.h>

#ifndef nil
#define nil NULL
#endif

typedef uint8_t UInt8;
typedef int8_t SInt8;
typedef uint16_t UInt16;
typedef int16_t SInt16;
typedef uint32_t UInt32;
typedef int32_t SInt32;
typedef uint64_t UInt64;
typedef int64_t SInt64;
typedef unsigned char Boolean;
typedef SInt16 OSErr;
typedef SInt32 OSStatus;

enum { noErr = 0 };

#endif
