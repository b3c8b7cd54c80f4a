/*
 * One run of a program in a lab: a server beside it, events on time, an end, signals passed on.
 * What `braid lab run` and `shell` do once options are parsed. Knows nothing of options.
 */
#ifndef BRI_LAB_SESSION_H
#define BRI_LAB_SESSION_H

#include "lab/scenario.h"

/* Exit codes besides that of the program, as of timeout(1) and env(1). */
enum {
	BRI_SESSION_UNSUPPORTED = 77, /* this machine cannot: the skip code of test harnesses */
	BRI_SESSION_ENDED = 124,      /* the scenario's end came first */
	BRI_SESSION_FAILED = 125,     /* the lab did not work */
	BRI_SESSION_CANNOT_EXEC = 126,
	BRI_SESSION_NOT_FOUND = 127,
};

struct bri_session {
	struct bri_lab *lab;                 /* borrowed */
	const struct bri_scenario *scenario; /* borrowed */
	const char *const *argv;             /* the client's program */
	const char *server;                  /* for sh -c on the server side; NULL: none */
	bool interactive;                    /* a shell: keyboard signals are its own business */
	bool no_clock;                       /* events wait for `braid lab start` */
	void (*say)(bool trouble, const char *line); /* trouble, or news: an event; may be NULL */
};

/* bri_session_run(): blocks until the client's program is over. Returns the exit code for main. */
int bri_session_run(const struct bri_session *session);

#endif
