/* What the tests of listeners share: a listener, and what it hands over. */
#ifndef CONN_LISTENING_H
#define CONN_LISTENING_H

#include "conn_util.h"

struct listening {
	struct recorder r, cr; /* of the listener, of a connection */
	dispatch_queue_t queue;
};

static inline int setup(void **state)
{
	static struct listening l;

	recorder_init(&l.r);
	recorder_init(&l.cr);
	l.queue = dispatch_queue_create("listening", NULL);
	*state = &l;
	return 0;
}

static inline int teardown(void **state)
{
	struct listening *l = *state;

	barrier(l->queue);
	recorder_fini(&l->r);
	recorder_fini(&l->cr);
	dispatch_release(l->queue);
	return 0;
}

static inline nw_listener_t tcp_listener(struct listening *l, uint16_t *ret_port)
{
	nw_parameters_t tcp = tcp_parameters();
	nw_listener_t listener = new_listener(&l->r, l->queue, tcp, ret_port);

	nw_release(tcp);
	return listener;
}

static inline void start_inbound(struct listening *l, nw_connection_t c)
{
	start_connection(c, &l->cr, l->queue);
	await(&l->cr, "ready");
}

static inline void end_inbound(struct listening *l, nw_connection_t c)
{
	nw_connection_cancel(c);
	await(&l->cr, "cancelled");
}

/* A handler of new connections that keeps none. */
static inline void note_only(void *context, nw_connection_t connection)
{
	assert_non_null(connection);
	note(context, "seen");
}

#endif
