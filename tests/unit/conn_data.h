/*
 * One ready TCP connection and the plain socket of its peer, for tests of what is sent and
 * received. Knows nothing of which.
 */
#ifndef CONN_DATA_H
#define CONN_DATA_H

#include <poll.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>
#include <unistd.h>

#include "conn_util.h"

struct data {
	struct recorder r;
	dispatch_queue_t queue;
	nw_connection_t c; /* ready */
	int listener, peer;
	uint16_t port;
};

static inline int setup(void **state)
{
	static struct data d;

	recorder_init(&d.r);
	d.queue = dispatch_queue_create("data", NULL);
	d.listener = raw_listen(AF_INET, SOCK_STREAM, &d.port);
	d.c = tcp_client(&d.r, d.queue, d.port);
	d.peer = raw_accept(d.listener);
	await(&d.r, "ready");
	*state = &d;
	return 0;
}

static inline int teardown(void **state)
{
	struct data *d = *state;

	if (d->c)
		finish(d->c, &d->r);
	barrier(d->queue);
	dispatch_release(d->queue);
	close(d->listener);
	if (d->peer >= 0)
		close(d->peer);
	recorder_fini(&d->r);
	return 0;
}

static inline void peer_closes(struct data *d)
{
	close(d->peer);
	d->peer = -1;
}

/* What the peer sent has arrived: nothing is left on its way. */
static inline void settle(int fd)
{
	struct pollfd nothing = { .fd = -1 };
	int left = 1;

	for (int i = 0; i < WAIT_S * 1000; i++) {
		assert_int_equal(ioctl(fd, SIOCOUTQ, &left), 0);
		if (!left)
			return;
		poll(&nothing, 1, 1);
	}
	fail();
}

#endif
