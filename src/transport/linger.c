/* Closing without losing what was sent. Knows nothing of connections. */
#include "transport/linger.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "dispatch/runtime.h"

#define DRAIN_READS                                                                                \
	16 /* of DRAIN_SIZE: what a socket buffer holds, not what a peer can send for ever */
#define DRAIN_SIZE 65536

static _Atomic int lingering;

struct linger_fd {
	int fd;
	struct bri_watch *watch;
	struct bri_timer *timer;
};

/* Read and forget. True: the peer has finished too, or the connection is dead. */
static bool drain(int fd)
{
	for (int i = 0; i < DRAIN_READS; i++) {
		/* MSG_TRUNC: TCP discards without copying; MPTCP copies, so it needs the room */
		char buf[DRAIN_SIZE];
		ssize_t n = recv(fd, buf, sizeof(buf), 0);

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return true;
		if (n < 0)
			return false;
	}
	return false;
}

static bool all_acknowledged(int fd)
{
	int bytes = 0;

	return ioctl(fd, SIOCOUTQ, &bytes) < 0 || bytes == 0;
}

static void finish(struct linger_fd *l)
{
	bri_watch_free(l->watch);
	bri_timer_free(l->timer);
	close(l->fd);
	free(l);
	atomic_fetch_sub(&lingering, 1);
}

static void on_ready(void *context, uint32_t events)
{
	struct linger_fd *l = context;

	if ((events & (EPOLLERR | EPOLLHUP)) || drain(l->fd) || all_acknowledged(l->fd))
		finish(l);
}

static void on_timeout(void *context)
{
	finish(context);
}

static void start(void *context)
{
	struct linger_fd *l = context;

	if (bri_timer_new(bri_internal_queue(), l, on_timeout, &l->timer) < 0 ||
		bri_watch_new(bri_internal_queue(), l->fd, l, on_ready, &l->watch) < 0) {
		finish(l);
		return;
	}
	bri_timer_set(l->timer, bri_clock_now_ns() + BRI_LINGER_S * BRI_NS_PER_S);
}

void bri_linger_close(int fd, bool unread)
{
	struct linger_fd *l;
	bool done = unread && drain(fd);

	if (!done && !all_acknowledged(fd) && atomic_load(&lingering) < BRI_LINGER_MAX) {
		atomic_fetch_add(&lingering, 1);
		shutdown(fd, SHUT_WR);
		l = calloc(1, sizeof(*l));
		if (l) {
			l->fd = fd;
			bri_async(bri_internal_queue(), l, start);
			return;
		}
		atomic_fetch_sub(&lingering, 1);
	}
	close(fd);
}
