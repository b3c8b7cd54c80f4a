/* What the tests of a connection's life share: a raw listener, and connections to it. */
#ifndef CONN_LIFE_H
#define CONN_LIFE_H

#include "conn_util.h"

#include <sys/socket.h>
#include <unistd.h>

struct life {
	struct recorder r;
	dispatch_queue_t queue;
	int listener, peer; /* raw; peer -1: none */
	uint16_t port;
};

static inline int setup(void **state)
{
	static struct life l;

	recorder_init(&l.r);
	l.queue = dispatch_queue_create("life", NULL);
	l.listener = raw_listen(AF_INET, SOCK_STREAM, &l.port);
	l.peer = -1;
	*state = &l;
	return 0;
}

static inline int teardown(void **state)
{
	struct life *l = *state;

	barrier(l->queue);
	dispatch_release(l->queue);
	close(l->listener);
	if (l->peer >= 0)
		close(l->peer);
	recorder_fini(&l->r);
	return 0;
}

/* Not started; the state handler and the queue are set. */
static inline nw_connection_t fresh(struct life *l)
{
	nw_parameters_t tcp = tcp_parameters();
	nw_connection_t c = new_client(&l->r, l->queue, tcp, l->port);

	nw_release(tcp);
	return c;
}

static inline nw_connection_t ready(struct life *l)
{
	nw_connection_t c = tcp_client(&l->r, l->queue, l->port);

	l->peer = raw_accept(l->listener);
	await(&l->r, "ready");
	return c;
}

#endif
