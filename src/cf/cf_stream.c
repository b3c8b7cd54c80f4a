/* Streams to read: files. */
#include "cf/cf_url.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

struct __CFReadStream {
	struct bri_object base;
	CFStreamStatus status;
	int fd; /* -1: not open */
	int error;
	char *path;
};

static void close_fd(struct __CFReadStream *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static void destroy(struct bri_object *obj)
{
	struct __CFReadStream *s = bri_container_of(obj, struct __CFReadStream, base);

	close_fd(s);
	free(s->path);
	free(s);
}

static const struct bri_class stream_class = {
	.name = "CFReadStream",
	.kind = BRI_KIND_CF_READ_STREAM,
	.destroy = destroy,
};

CFTypeID CFReadStreamGetTypeID(void)
{
	return BRI_KIND_CF_READ_STREAM;
}

CFReadStreamRef CFReadStreamCreateWithFile(CFAllocatorRef alloc, CFURLRef fileURL)
{
	struct __CFReadStream *s;
	char *path;

	(void)alloc;
	if (!bri_cf_check(fileURL, BRI_KIND_CF_URL, __func__))
		return NULL;
	path = bri_cf_url_path(fileURL);
	s = path ? bri_object_new(&stream_class, sizeof(*s)) : NULL;
	if (!s) {
		free(path);
		return NULL;
	}
	s->fd = -1;
	s->path = path;
	return s;
}

static void fail(CFReadStreamRef s, int error)
{
	s->error = error;
	s->status = kCFStreamStatusError;
	close_fd(s);
}

Boolean CFReadStreamOpen(CFReadStreamRef stream)
{
	if (!bri_cf_check(stream, BRI_KIND_CF_READ_STREAM, __func__) ||
		stream->status != kCFStreamStatusNotOpen)
		return false;
	stream->fd = open(stream->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (stream->fd < 0) {
		fail(stream, errno);
		return false;
	}
	stream->status = kCFStreamStatusOpen;
	return true;
}

void CFReadStreamClose(CFReadStreamRef stream)
{
	if (!bri_cf_check(stream, BRI_KIND_CF_READ_STREAM, __func__))
		return;
	close_fd(stream);
	stream->status = kCFStreamStatusClosed;
}

Boolean CFReadStreamHasBytesAvailable(CFReadStreamRef stream)
{
	/* of a file there may be more until a read says otherwise */
	return bri_cf_check(stream, BRI_KIND_CF_READ_STREAM, __func__) &&
	       stream->status == kCFStreamStatusOpen;
}

CFIndex CFReadStreamRead(CFReadStreamRef stream, UInt8 *buffer, CFIndex bufferLength)
{
	ssize_t n;

	if (!bri_cf_check(stream, BRI_KIND_CF_READ_STREAM, __func__) || !buffer || bufferLength < 0)
		return -1;
	if (stream->status == kCFStreamStatusAtEnd)
		return 0;
	if (stream->status != kCFStreamStatusOpen)
		return -1;
	do {
		n = read(stream->fd, buffer, (size_t)bufferLength);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		fail(stream, errno);
	else if (n == 0 && bufferLength > 0)
		stream->status = kCFStreamStatusAtEnd;
	return n;
}

CFStreamStatus CFReadStreamGetStatus(CFReadStreamRef stream)
{
	return bri_cf_check(stream, BRI_KIND_CF_READ_STREAM, __func__) ? stream->status
								       : kCFStreamStatusNotOpen;
}

CFErrorRef CFReadStreamCopyError(CFReadStreamRef stream)
{
	if (!bri_cf_check(stream, BRI_KIND_CF_READ_STREAM, __func__) ||
		stream->status != kCFStreamStatusError)
		return NULL;
	return CFErrorCreate(NULL, kCFErrorDomainPOSIX, stream->error, NULL);
}
