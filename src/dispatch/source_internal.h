/*
 * Sources inside. All that a source does, it does on one serial queue (the client's own where that
 * is serial): attach, collect, call a handler, detach. Other threads only change the fields under
 * `lock` and kick the source, which makes it look at itself.
 */
#ifndef BRI_SOURCE_INTERNAL_H
#define BRI_SOURCE_INTERNAL_H

#include <dispatch/dispatch.h>
#include <pthread.h>

#include "base/callable.h"
#include "base/list.h"
#include "dispatch/dispatch_object.h"
#include "dispatch/runtime.h"

/* What differs by type. NULL functions: nothing to do. Returns of int: 0 or -errno. */
struct dispatch_source_type_s {
	const char *name;
	/* from dispatch_source_create(): check handle and mask, open what is needed */
	int (*open)(struct dispatch_source_s *source);
	/* from dispatch_activate(), any thread: what must work when that call returns */
	int (*activate)(struct dispatch_source_s *source);
	/* on the queue: begin to look for events; and stop. May come in turns: a new target queue
	 */
	int (*attach)(struct dispatch_source_s *source);
	void (*detach)(struct dispatch_source_s *source);
	/* on the queue: is there something to tell? */
	bool (*collect)(struct dispatch_source_s *source, uintptr_t *ret_data);
	/* on the queue, after the handler: is there still something, with no new event to say so?
	 */
	bool (*again)(struct dispatch_source_s *source);
	void (*merge)(struct dispatch_source_s *source, uintptr_t value);
	void (*close)(struct dispatch_source_s *source);
};

enum bri_source_handler {
	BRI_SOURCE_EVENT,
	BRI_SOURCE_CANCEL,
	BRI_SOURCE_REGISTRATION,
	BRI_SOURCE_HANDLERS,
};

struct bri_source_timer {
	struct bri_timer *timer; /* monotonic times */
	struct bri_watch *watch; /* wall times, and wall_fd: a timerfd that notices a set clock */
	int wall_fd;
	bool armed, wall;
	uint64_t target_ns;   /* of the clock that `wall` says */
	uint64_t interval_ns; /* BRI_NEVER: once */
	/* under the source's lock: what dispatch_source_set_timer() asked for */
	bool changed;
	dispatch_time_t start;
	uint64_t interval;
};

struct bri_source_fd {
	struct bri_watch *watch;
	int fd;      /* ours; -1: none */
	bool always; /* a regular file, or a process that is gone: always ready */
	bool told;   /* a process ends only once */
};

struct bri_source_signal {
	struct bri_list link; /* under the signals' lock */
	bool linked;
};

struct dispatch_source_s {
	struct bri_dispatch_object head; /* target: the client's queue */
	const struct dispatch_source_type_s *type;
	uintptr_t handle, mask;
	_Atomic uintptr_t data;    /* what the running handler is told */
	_Atomic uintptr_t pending; /* what was merged since */
	_Atomic bool cancelled;

	pthread_mutex_t lock;
	struct dispatch_queue_s *queue;     /* internal reference; written on itself */
	struct dispatch_queue_s *pushed_to; /* where `item` is, when kicked */
	struct bri_item item;
	struct bri_callable handlers[BRI_SOURCE_HANDLERS];
	struct dispatch_queue_s *new_target; /* internal reference: move there */
	unsigned suspended;
	bool inactive, released, kicked;

	/* on the queue */
	bool attached, registered, finished;
	union {
		struct bri_source_fd fd;
		struct bri_source_timer timer;
		struct bri_source_signal signal;
	} u;
};

/* bri_source_kick(): make the source look at itself on its queue, soon. Context: any thread. */
void bri_source_kick(struct dispatch_source_s *source);
/* bri_source_look(): the same at once. Context: the source's queue. */
void bri_source_look(struct dispatch_source_s *source);
/* bri_source_apply_timer(): take over what dispatch_source_set_timer() asked for. Context: the
 * queue. */
void bri_source_apply_timer(struct dispatch_source_s *source);

/* For dispatch_suspend() and its family, by object kind. */
void bri_source_suspend(struct dispatch_source_s *source);
void bri_source_resume(struct dispatch_source_s *source);
void bri_source_activate(struct dispatch_source_s *source);
/* bri_source_set_target(): NULL: the default global queue. */
void bri_source_set_target(struct dispatch_source_s *source, struct dispatch_queue_s *target);

/* bri_source_set_handler(): takes `call`. Without context of its own the function gets the
 * source's. */
void bri_source_set_handler(
	struct dispatch_source_s *source, enum bri_source_handler which, struct bri_callable call);

#endif
