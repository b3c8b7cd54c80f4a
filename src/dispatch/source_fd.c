/*
 * READ, WRITE and PROC sources: a descriptor of our own (a duplicate, or a pidfd) is watched, so
 * that several sources may watch one descriptor. DATA sources too, which need none.
 */
#include "dispatch/source_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/sockios.h>
#include <unistd.h>

static bool is_writing(const struct dispatch_source_s *source)
{
	return source->type == DISPATCH_SOURCE_TYPE_WRITE;
}

static void on_ready(void *context, uint32_t events)
{
	struct dispatch_source_s *source = context;
	uint32_t wanted = is_writing(source) ? EPOLLOUT : EPOLLIN | EPOLLRDHUP;

	if (!(events & (wanted | EPOLLERR | EPOLLHUP)))
		return;
	bri_object_get(source); /* the handler may release it */
	bri_source_look(source);
	bri_object_put(source);
}

static bool is_ready(struct dispatch_source_s *source)
{
	struct pollfd p = { .fd = source->u.fd.fd,
		.events = (short)(is_writing(source) ? POLLOUT : POLLIN | POLLRDHUP) };

	if (source->u.fd.always)
		return true;
	return source->u.fd.watch && poll(&p, 1, 0) > 0;
}

static int open_fd(struct dispatch_source_s *source)
{
	if (source->handle > INT32_MAX)
		return -EBADF;
	source->u.fd.fd = fcntl((int)source->handle, F_DUPFD_CLOEXEC, 0);
	return source->u.fd.fd < 0 ? -errno : 0;
}

static int attach_fd(struct dispatch_source_s *source)
{
	int r;

	if (source->u.fd.fd < 0)
		return 0;
	r = bri_watch_new(source->queue, source->u.fd.fd, source, on_ready, &source->u.fd.watch);
	if (r != -EPERM)
		return r;
	source->u.fd.always = true; /* regular files have no readiness: they never block */
	return 0;
}

static void detach_fd(struct dispatch_source_s *source)
{
	bri_watch_free(source->u.fd.watch);
	source->u.fd.watch = NULL;
}

static void close_fd(struct dispatch_source_s *source)
{
	if (source->u.fd.fd >= 0)
		close(source->u.fd.fd);
	source->u.fd.fd = -1;
}

/* How much can be read: an estimate, 0 at the end of a stream. */
static bool collect_read(struct dispatch_source_s *source, uintptr_t *ret_data)
{
	int fd = source->u.fd.fd, bytes = 0;
	struct stat st;
	off_t at;

	if (!is_ready(source))
		return false;
	if (source->u.fd.always && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		at = lseek(fd, 0, SEEK_CUR);
		*ret_data = at >= 0 && st.st_size > at ? (uintptr_t)(st.st_size - at) : 0;
	} else {
		/* a listening socket has no bytes, but a connection to accept */
		*ret_data = ioctl(fd, FIONREAD, &bytes) == 0 ? (uintptr_t)bytes : 1;
	}
	return true;
}

static bool collect_write(struct dispatch_source_s *source, uintptr_t *ret_data)
{
	int fd = source->u.fd.fd, used = 0, room = 0;
	socklen_t len = sizeof(room);

	if (!is_ready(source))
		return false;
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, &len) == 0)
		(void)ioctl(fd, SIOCOUTQ, &used);
	else if ((room = fcntl(fd, F_GETPIPE_SZ)) > 0)
		(void)ioctl(fd, FIONREAD, &used);
	*ret_data = room > used ? (uintptr_t)(room - used) : 1;
	return true;
}

/* --- processes --- */

static int open_proc(struct dispatch_source_s *source)
{
	if (source->mask != DISPATCH_PROC_EXIT || !source->handle || source->handle > INT32_MAX) {
		source->u.fd.fd = -1;
		return -EINVAL;
	}
	source->u.fd.fd = (int)syscall(SYS_pidfd_open, (pid_t)source->handle, 0);
	if (source->u.fd.fd >= 0)
		return 0;
	source->u.fd.always = errno == ESRCH; /* it is gone already: that is its news */
	return source->u.fd.always ? 0 : -errno;
}

static bool collect_proc(struct dispatch_source_s *source, uintptr_t *ret_data)
{
	if (source->u.fd.told || !is_ready(source))
		return false;
	source->u.fd.told = true;
	*ret_data = DISPATCH_PROC_EXIT;
	return true;
}

/* --- data --- */

static void merge_add(struct dispatch_source_s *source, uintptr_t value)
{
	atomic_fetch_add_explicit(&source->pending, value, memory_order_acq_rel);
}

static void merge_or(struct dispatch_source_s *source, uintptr_t value)
{
	atomic_fetch_or_explicit(&source->pending, value, memory_order_acq_rel);
}

static bool collect_data(struct dispatch_source_s *source, uintptr_t *ret_data)
{
	*ret_data = atomic_exchange_explicit(&source->pending, 0, memory_order_acq_rel);
	return *ret_data;
}

const struct dispatch_source_type_s _dispatch_source_type_read = {
	.name = "read",
	.open = open_fd,
	.attach = attach_fd,
	.detach = detach_fd,
	.collect = collect_read,
	.again = is_ready,
	.close = close_fd,
};

const struct dispatch_source_type_s _dispatch_source_type_write = {
	.name = "write",
	.open = open_fd,
	.attach = attach_fd,
	.detach = detach_fd,
	.collect = collect_write,
	.again = is_ready,
	.close = close_fd,
};

const struct dispatch_source_type_s _dispatch_source_type_proc = {
	.name = "proc",
	.open = open_proc,
	.attach = attach_fd,
	.detach = detach_fd,
	.collect = collect_proc,
	.close = close_fd,
};

const struct dispatch_source_type_s _dispatch_source_type_data_add = {
	.name = "data-add",
	.merge = merge_add,
	.collect = collect_data,
};

const struct dispatch_source_type_s _dispatch_source_type_data_or = {
	.name = "data-or",
	.merge = merge_or,
	.collect = collect_data,
};
