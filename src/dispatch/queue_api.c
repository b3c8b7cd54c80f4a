/* The public face of queues: creation, attributes, submission, identity. Knows nothing of loops. */
#include <dispatch/dispatch.h>

#include "dispatch/queue_blocks.h"
#include "dispatch/queue_internal.h"
#include "dispatch/loop.h"
#include "dispatch/time_internal.h"
#include "base/callable.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- attributes: a table of constants, compared by pointer --- */

#define QOS_COUNT 6
static const uint32_t qos_classes[QOS_COUNT] = { QOS_CLASS_UNSPECIFIED, QOS_CLASS_BACKGROUND,
	QOS_CLASS_UTILITY, QOS_CLASS_DEFAULT, QOS_CLASS_USER_INITIATED,
	QOS_CLASS_USER_INTERACTIVE };

static const struct bri_class attr_class = { .name = "dispatch_queue_attr",
	.kind = BRI_KIND_DISPATCH_QUEUE_ATTR };

BRI_EXPORT struct dispatch_queue_attr_s _dispatch_queue_attr_concurrent = {
	.base = BRI_OBJECT_STATIC(&attr_class), .concurrent = true
};

static struct dispatch_queue_attr_s attrs[2][2][QOS_COUNT]; /* [concurrent][inactive][qos] */
static pthread_once_t attrs_once = PTHREAD_ONCE_INIT;

static void fill_attrs(void)
{
	for (unsigned c = 0; c < 2; c++) {
		for (unsigned i = 0; i < 2; i++) {
			for (unsigned q = 0; q < QOS_COUNT; q++) {
				struct dispatch_queue_attr_s *attr = &attrs[c][i][q];

				bri_object_init(&attr->base, &attr_class);
				atomic_store(&attr->base.ext, BRI_IMMORTAL);
				attr->concurrent = c;
				attr->inactive = i;
				attr->qos = qos_classes[q];
			}
		}
	}
}

static dispatch_queue_attr_t find_attr(bool concurrent, bool inactive, uint32_t qos)
{
	unsigned q = 0;

	pthread_once(&attrs_once, fill_attrs);
	while (q + 1 < QOS_COUNT && qos_classes[q] != qos)
		q++;
	return &attrs[concurrent][inactive][qos_classes[q] == qos ? q : 0];
}

BRI_EXPORT dispatch_queue_attr_t dispatch_queue_attr_make_initially_inactive(
	dispatch_queue_attr_t attr)
{
	return find_attr(attr && attr->concurrent, true, attr ? attr->qos : 0);
}

BRI_EXPORT dispatch_queue_attr_t dispatch_queue_attr_make_with_autorelease_frequency(
	dispatch_queue_attr_t attr, dispatch_autorelease_frequency_t frequency)
{
	(void)frequency; /* autorelease pools are Objective-C's */
	return find_attr(attr && attr->concurrent, attr && attr->inactive, attr ? attr->qos : 0);
}

/* api-status: partial dispatch_queue_attr_make_with_qos_class: the class is kept and told, the
 * relative priority is not; work of all classes runs alike */
BRI_EXPORT dispatch_queue_attr_t dispatch_queue_attr_make_with_qos_class(
	dispatch_queue_attr_t attr, dispatch_qos_class_t qos_class, int relative_priority)
{
	(void)relative_priority;
	return find_attr(attr && attr->concurrent, attr && attr->inactive, (uint32_t)qos_class);
}

/* --- creation --- */

BRI_EXPORT dispatch_queue_t dispatch_queue_create_with_target(
	const char *label, dispatch_queue_attr_t attr, dispatch_queue_t target)
{
	dispatch_queue_t queue = bri_queue_new(
		attr && attr->concurrent ? BRI_QUEUE_CONCURRENT : BRI_QUEUE_SERIAL, label);

	if (!queue)
		bri_abort("no memory for queue %s", label ? label : "");
	queue->qos = attr ? attr->qos : 0;
	if (target && target->type != BRI_QUEUE_GLOBAL)
		queue->target = bri_object_get(target);
	if (attr && attr->inactive) {
		queue->inactive = true;
		bri_queue_suspend(queue);
	}
	return queue;
}

BRI_EXPORT dispatch_queue_t dispatch_queue_create(const char *label, dispatch_queue_attr_t attr)
{
	return dispatch_queue_create_with_target(label, attr, NULL);
}

/* Queues that live as long as the process. */
static struct dispatch_queue_s *new_immortal(enum bri_queue_type type, const char *label)
{
	struct dispatch_queue_s *queue = bri_queue_new(type, label);

	if (!queue)
		bri_abort("no memory for queue %s", label);
	atomic_store(&queue->base.ext, BRI_IMMORTAL);
	return queue;
}

static dispatch_queue_t main_queue, internal_queue, globals[QOS_COUNT];
static pthread_once_t fixed_once = PTHREAD_ONCE_INIT;

static void make_fixed(void)
{
	static const char *const names[QOS_COUNT] = { "com.apple.root.default-qos",
		"com.apple.root.background-qos", "com.apple.root.utility-qos",
		"com.apple.root.default-qos", "com.apple.root.user-initiated-qos",
		"com.apple.root.user-interactive-qos" };

	main_queue = new_immortal(BRI_QUEUE_SERIAL, "com.apple.main-thread");
	bri_queue_suspend(main_queue); /* until dispatch_main() */
	internal_queue = new_immortal(BRI_QUEUE_SERIAL, "braid.internal");
	for (unsigned i = 0; i < QOS_COUNT; i++) {
		globals[i] = new_immortal(BRI_QUEUE_GLOBAL, names[i]);
		globals[i]->qos = qos_classes[i];
	}
}

BRI_EXPORT dispatch_queue_t dispatch_get_main_queue(void)
{
	pthread_once(&fixed_once, make_fixed);
	return main_queue;
}

struct dispatch_queue_s *bri_internal_queue(void)
{
	pthread_once(&fixed_once, make_fixed);
	return internal_queue;
}

/* The priorities of old and the QOS classes name the same queues. */
BRI_EXPORT dispatch_queue_t dispatch_get_global_queue(intptr_t identifier, uintptr_t flags)
{
	uint32_t qos;

	(void)flags; /* reserved */
	pthread_once(&fixed_once, make_fixed);
	switch (identifier) {
	case DISPATCH_QUEUE_PRIORITY_HIGH: qos = QOS_CLASS_USER_INITIATED; break;
	case DISPATCH_QUEUE_PRIORITY_DEFAULT: qos = QOS_CLASS_DEFAULT; break;
	case DISPATCH_QUEUE_PRIORITY_LOW: qos = QOS_CLASS_UTILITY; break;
	case DISPATCH_QUEUE_PRIORITY_BACKGROUND: qos = QOS_CLASS_BACKGROUND; break;
	default: qos = (uint32_t)identifier; break;
	}
	for (unsigned i = 1; i < QOS_COUNT; i++) {
		if (qos_classes[i] == qos)
			return globals[i];
	}
	return NULL;
}

struct dispatch_queue_s *bri_queue_new_serial_for(struct dispatch_queue_s *client)
{
	struct dispatch_queue_s *queue;

	if (client->type == BRI_QUEUE_SERIAL)
		return bri_object_get(client);
	queue = bri_queue_new(BRI_QUEUE_SERIAL, client->label);
	if (queue)
		queue->alias = bri_object_get(client);
	return queue;
}

BRI_EXPORT void dispatch_main(void)
{
	static _Atomic bool called;

	if (!atomic_exchange(&called, true))
		bri_queue_resume(dispatch_get_main_queue());
	for (;;)
		pause();
}

/* --- identity --- */

BRI_EXPORT dispatch_queue_t dispatch_get_current_queue(void)
{
	struct dispatch_queue_s *queue = bri_self.frame ? bri_self.frame->queue : NULL;

	if (!queue)
		return dispatch_get_global_queue(DISPATCH_QUEUE_PRIORITY_DEFAULT, 0);
	return queue->alias ? queue->alias : queue;
}

BRI_EXPORT const char *dispatch_queue_get_label(dispatch_queue_t queue)
{
	return queue ? queue->label : dispatch_get_current_queue()->label;
}

BRI_EXPORT dispatch_qos_class_t dispatch_queue_get_qos_class(
	dispatch_queue_t queue, int *relative_priority_ptr)
{
	if (relative_priority_ptr)
		*relative_priority_ptr = 0;
	return (dispatch_qos_class_t)queue->qos;
}

BRI_EXPORT void dispatch_assert_queue(dispatch_queue_t queue)
{
	if (!bri_queue_is_current(queue))
		bri_abort("dispatch_assert_queue: not on queue \"%s\"", queue->label);
}

BRI_EXPORT void dispatch_assert_queue_barrier(dispatch_queue_t queue)
{
	dispatch_assert_queue(queue);
	if (queue->type == BRI_QUEUE_CONCURRENT && !queue->barrier_runs)
		bri_abort("dispatch_assert_queue_barrier: not in a barrier of queue \"%s\"",
			queue->label);
}

BRI_EXPORT void dispatch_assert_queue_not(dispatch_queue_t queue)
{
	if (bri_queue_is_current(queue))
		bri_abort("dispatch_assert_queue_not: on queue \"%s\"", queue->label);
}

/* --- submission --- */

BRI_EXPORT void dispatch_async_f(dispatch_queue_t queue, void *context, dispatch_function_t work)
{
	bri_async(queue, context, work);
}

BRI_EXPORT void dispatch_sync_f(dispatch_queue_t queue, void *context, dispatch_function_t work)
{
	bri_queue_run_sync(queue, context, work, false);
}

BRI_EXPORT void dispatch_async_and_wait_f(
	dispatch_queue_t queue, void *context, dispatch_function_t work)
{
	bri_queue_run_sync(queue, context, work, false);
}

BRI_EXPORT void dispatch_barrier_async_f(
	dispatch_queue_t queue, void *context, dispatch_function_t work)
{
	if (queue->type == BRI_QUEUE_CONCURRENT)
		bri_concurrent_push(queue, bri_job_new(context, work), true);
	else
		bri_async(queue, context, work);
}

BRI_EXPORT void dispatch_barrier_sync_f(
	dispatch_queue_t queue, void *context, dispatch_function_t work)
{
	bri_queue_run_sync(queue, context, work, true);
}

BRI_EXPORT void dispatch_barrier_async_and_wait_f(
	dispatch_queue_t queue, void *context, dispatch_function_t work)
{
	bri_queue_run_sync(queue, context, work, true);
}

struct after {
	struct bri_timer *timer;
	void *context;
	void (*work)(void *context);
};

static void run_after(void *context)
{
	struct after after = *(struct after *)context;

	free(context);
	bri_timer_free(after.timer);
	after.work(after.context);
}

BRI_EXPORT void dispatch_after_f(
	dispatch_time_t when, dispatch_queue_t queue, void *context, dispatch_function_t work)
{
	uint64_t deadline_ns = bri_time_to_deadline_ns(when);
	struct after *after;

	if (when == DISPATCH_TIME_FOREVER) /* never */
		return;
	after = malloc(sizeof(*after));
	if (!after || bri_timer_new(queue, after, run_after, &after->timer) < 0)
		bri_abort("no memory for dispatch_after");
	after->context = context;
	after->work = work;
	bri_timer_set(after->timer, deadline_ns);
}

/* --- blocks: a block is {invoke, block} --- */

static void run_block_once(void *block)
{
	struct bri_callable call = BRI_CALLABLE(((struct bri_block *)block)->invoke, block, NULL);

	((void (*)(void *))call.fn)(call.context);
	bri_block_release(block);
}

static void run_block(void *block)
{
	((void (*)(void *))((struct bri_block *)block)->invoke)(block);
}

BRI_EXPORT void dispatch_async(dispatch_queue_t queue, const void *block)
{
	dispatch_async_f(queue, bri_block_copy(block), run_block_once);
}

BRI_EXPORT void dispatch_sync(dispatch_queue_t queue, const void *block)
{
	dispatch_sync_f(queue, (void *)(uintptr_t)block, run_block);
}

BRI_EXPORT void dispatch_async_and_wait(dispatch_queue_t queue, const void *block)
{
	dispatch_async_and_wait_f(queue, (void *)(uintptr_t)block, run_block);
}

BRI_EXPORT void dispatch_barrier_async(dispatch_queue_t queue, const void *block)
{
	dispatch_barrier_async_f(queue, bri_block_copy(block), run_block_once);
}

BRI_EXPORT void dispatch_barrier_sync(dispatch_queue_t queue, const void *block)
{
	dispatch_barrier_sync_f(queue, (void *)(uintptr_t)block, run_block);
}

BRI_EXPORT void dispatch_barrier_async_and_wait(dispatch_queue_t queue, const void *block)
{
	dispatch_barrier_async_and_wait_f(queue, (void *)(uintptr_t)block, run_block);
}

BRI_EXPORT void dispatch_after(dispatch_time_t when, dispatch_queue_t queue, const void *block)
{
	if (when != DISPATCH_TIME_FOREVER)
		dispatch_after_f(when, queue, bri_block_copy(block), run_block_once);
}
