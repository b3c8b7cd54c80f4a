/*
 * Queues inside. A serial queue's whole state is one word:
 *   items (low 32 bits), suspensions (31 bits), and OWNED: someone runs it or is about to.
 */
#ifndef BRI_QUEUE_INTERNAL_H
#define BRI_QUEUE_INTERNAL_H

#include <pthread.h>
#include "base/list.h"
#include "base/object.h"
#include "dispatch/dispatch_object.h"
#include "dispatch/mpsc.h"

#define BRI_QUEUE_ITEM    UINT64_C(1)
#define BRI_QUEUE_SUSPEND (UINT64_C(1) << 32)
#define BRI_QUEUE_OWNED   (UINT64_C(1) << 63)

enum bri_queue_type {
	BRI_QUEUE_SERIAL,
	BRI_QUEUE_CONCURRENT,
	BRI_QUEUE_GLOBAL,
};

struct bri_loop;

struct dispatch_queue_s {
	struct bri_object base;
	enum bri_queue_type type;
	uint32_t qos;
	struct bri_loop *loop;           /* where its watches and timers live */
	struct dispatch_queue_s *target; /* NULL: none that matters. Internal reference */
	struct dispatch_queue_s
		*alias; /* the client's queue that a private serial queue speaks for */
	const char *label;
	_Atomic bool inactive; /* created inactive and not activated yet: one suspension */

	/* serial */
	_Atomic uint64_t state;
	struct bri_mpsc items;
	struct bri_item ready; /* in the loop's inbox, or an item of the target */

	/* concurrent, under lock */
	pthread_mutex_t lock; /* also of the specifics, for every type */
	struct bri_list waiting;
	unsigned running, suspended;
	bool barrier_runs;

	struct bri_list specifics;
	_Atomic(void *) context;
	_Atomic(bri_finalizer_f) finalizer;
};

struct bri_specific {
	struct bri_list link;
	const void *key;
	void *value;
	void (*destructor)(void *value);
};

struct dispatch_queue_attr_s {
	struct bri_object base;
	bool concurrent, inactive;
	uint32_t qos;
	int relative_priority;
};

/* --- queue.c: serial queues --- */
struct dispatch_queue_s *bri_queue_new(enum bri_queue_type type, const char *label);
/* bri_queue_enter_in_place(): own an idle serial queue; bri_queue_leave(): the counterpart. */
bool bri_queue_enter_in_place(struct dispatch_queue_s *queue);
void bri_queue_leave(struct dispatch_queue_s *queue);
/* bri_queue_loop(): the loop for a queue's watches and timers. */
struct bri_loop *bri_queue_loop(struct dispatch_queue_s *queue);
void bri_queue_suspend(struct dispatch_queue_s *queue);
void bri_queue_resume(struct dispatch_queue_s *queue);
/* bri_queue_run_sync(): run fn on this thread as an item (or barrier) of the queue, and return when
 * it is done. */
void bri_queue_run_sync(
	struct dispatch_queue_s *queue, void *context, void (*fn)(void *), bool barrier);

/* bri_job_new(): an item that calls fn(context) and is gone then. */
struct bri_item *bri_job_new(void *context, void (*fn)(void *));

/* --- queue_concurrent.c --- */
void bri_concurrent_push(struct dispatch_queue_s *queue, struct bri_item *item, bool barrier);
void bri_concurrent_suspend(struct dispatch_queue_s *queue);
void bri_concurrent_resume(struct dispatch_queue_s *queue);
void bri_concurrent_run_sync(
	struct dispatch_queue_s *queue, void *context, void (*fn)(void *), bool barrier);

#endif
