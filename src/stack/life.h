/*
 * The lives of a connection and of a listener: states, events, and which edge each event takes.
 * Pure tables. Knows nothing of what happens on an edge.
 */
#ifndef BRI_LIFE_H
#define BRI_LIFE_H

#include "base/base.h"

/* The values of nw_connection_state_t; invalid is "not started". */
enum bri_life {
	BRI_LIFE_SETUP = 0,
	BRI_LIFE_WAITING = 1,
	BRI_LIFE_PREPARING = 2,
	BRI_LIFE_READY = 3,
	BRI_LIFE_FAILED = 4,
	BRI_LIFE_CANCELLED = 5,
	BRI_LIFE_STATES
};

enum bri_life_event {
	BRI_LIFE_START,       /* nw_connection_start */
	BRI_LIFE_ESTABLISHED, /* an attempt won */
	BRI_LIFE_EXHAUSTED,   /* every attempt failed; another network may help */
	BRI_LIFE_RETRY,       /* the network changed, or nw_connection_restart */
	BRI_LIFE_LOST,        /* it cannot be helped: reset, parameters that cannot work */
	BRI_LIFE_CANCEL,
	BRI_LIFE_EVENTS
};

/* bri_life_step(): the state after the event; true if it changed. Aborts on what cannot happen. */
bool bri_life_step(enum bri_life *state, enum bri_life_event event);

/* The values of nw_listener_state_t. */
enum bri_listen_life {
	BRI_LISTEN_SETUP = 0,
	BRI_LISTEN_WAITING = 1,
	BRI_LISTEN_READY = 2,
	BRI_LISTEN_FAILED = 3,
	BRI_LISTEN_CANCELLED = 4,
	BRI_LISTEN_STATES
};

enum bri_listen_event {
	BRI_LISTEN_BOUND,   /* the socket listens */
	BRI_LISTEN_BLOCKED, /* no such interface or address now; may heal */
	BRI_LISTEN_BROKEN,  /* port taken, not permitted, accept fails for good */
	BRI_LISTEN_CANCEL,
	BRI_LISTEN_EVENTS
};

bool bri_listen_step(enum bri_listen_life *state, enum bri_listen_event event);

/* The tables, for the test that compares them with the documented matrix: a letter an edge. */
const char *bri_life_row(enum bri_life state);
const char *bri_listen_row(enum bri_listen_life state);

#endif
