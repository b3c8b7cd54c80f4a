/* Streams: files to read. Calls block, as reading a file does. */
#ifndef BRAID_CF_STREAM_H
#define BRAID_CF_STREAM_H

#include <CoreFoundation/CFBase.h>
#include <CoreFoundation/CFError.h>
#include <CoreFoundation/CFURL.h>

CF_EXTERN_C_BEGIN

typedef struct __CFReadStream *CFReadStreamRef;

/*!
 * @typedef CFStreamStatus
 * @abstract What a stream is at.
 */
typedef CFIndex CFStreamStatus;
enum {
	kCFStreamStatusNotOpen = 0,
	kCFStreamStatusOpening,
	kCFStreamStatusOpen,
	kCFStreamStatusReading,
	kCFStreamStatusWriting,
	kCFStreamStatusAtEnd,
	kCFStreamStatusClosed,
	kCFStreamStatusError
};

/*! @function CFReadStreamGetTypeID */
CFTypeID CFReadStreamGetTypeID(void);

/*!
 * @function CFReadStreamCreateWithFile
 * @param fileURL A file URL. Whether there is such a file is seen when it is opened.
 * @result NULL when it is no file URL.
 */
CFReadStreamRef CFReadStreamCreateWithFile(CFAllocatorRef alloc, CFURLRef fileURL);

/*!
 * @function CFReadStreamOpen
 * @result False when it cannot be, or was opened before: see CFReadStreamCopyError.
 */
Boolean CFReadStreamOpen(CFReadStreamRef stream);

/*! @function CFReadStreamClose */
void CFReadStreamClose(CFReadStreamRef stream);

/*! @function CFReadStreamHasBytesAvailable */
Boolean CFReadStreamHasBytesAvailable(CFReadStreamRef stream);

/*!
 * @function CFReadStreamRead
 * @result Bytes that were read, 0 at the end, -1 for an error or a stream that is not open.
 */
CFIndex CFReadStreamRead(CFReadStreamRef stream, UInt8 *buffer, CFIndex bufferLength);

/*! @function CFReadStreamGetStatus */
CFStreamStatus CFReadStreamGetStatus(CFReadStreamRef stream);

/*!
 * @function CFReadStreamCopyError
 * @result Of kCFErrorDomainPOSIX; the caller releases it. NULL: no error.
 */
CFErrorRef CFReadStreamCopyError(CFReadStreamRef stream);

CF_EXTERN_C_END

#endif
