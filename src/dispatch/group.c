/*
 * Groups: a count of things under way, and what is to happen when it comes to zero. A group with
 * something under way keeps itself alive. Knows nothing of what is under way.
 */
#include <dispatch/dispatch.h>

#include <pthread.h>
#include <stdlib.h>

#include "base/list.h"
#include "dispatch/futex.h"
#include "dispatch/group_internal.h"
#include "dispatch/dispatch_object.h"
#include "dispatch/runtime.h"
#include "dispatch/time_internal.h"

struct dispatch_group_s {
	struct bri_dispatch_object head;
	pthread_mutex_t lock;
	struct bri_list notes; /* of struct note */
	uint64_t count;
	_Atomic uint32_t round; /* how often the count came to zero: what waiters watch */
	uint32_t waiters;
};

struct note {
	struct bri_item item; /* first on the group's list, then on its queue */
	struct bri_list link;
	struct dispatch_queue_s *queue; /* internal reference */
	struct bri_callable call;
};

struct job {
	struct bri_item item;
	struct dispatch_group_s *group; /* its count keeps it alive */
	struct bri_callable call;
};

static void destroy_group(struct bri_object *obj)
{
	struct bri_dispatch_object *head = bri_container_of(obj, struct bri_dispatch_object, obj);
	struct dispatch_group_s *group = bri_container_of(head, struct dispatch_group_s, head);

	bri_dispatch_object_fini(head);
	pthread_mutex_destroy(&group->lock);
	free(group);
}

static const struct bri_class group_class = {
	.name = "dispatch_group",
	.kind = BRI_KIND_DISPATCH_GROUP,
	.destroy = destroy_group,
};

BRI_EXPORT dispatch_group_t dispatch_group_create(void)
{
	struct dispatch_group_s *group = bri_object_new(&group_class, sizeof(*group));

	if (group) {
		pthread_mutex_init(&group->lock, NULL);
		bri_list_init(&group->notes);
	}
	return group;
}

BRI_EXPORT void dispatch_group_enter(dispatch_group_t group)
{
	pthread_mutex_lock(&group->lock);
	if (group->count++ == 0)
		bri_object_get(group);
	pthread_mutex_unlock(&group->lock);
}

static void run_note(struct bri_item *item)
{
	struct note *note = bri_container_of(item, struct note, item);
	struct bri_callable call = note->call;

	bri_object_put(note->queue);
	bri_pool_free(note, sizeof(*note));
	((void (*)(void *))call.fn)(call.context);
	bri_callable_clear(&call);
}

static void send_notes(struct bri_list *notes)
{
	struct bri_list *link;

	while ((link = bri_list_take(notes))) {
		struct note *note = bri_list_entry(link, struct note, link);

		bri_queue_push(note->queue, &note->item);
	}
}

BRI_EXPORT void dispatch_group_leave(dispatch_group_t group)
{
	struct bri_list notes = BRI_LIST_INIT(notes);
	struct bri_list *link;
	bool wake = false, last;

	pthread_mutex_lock(&group->lock);
	if (group->count == 0)
		bri_abort("dispatch_group_leave without dispatch_group_enter");
	last = --group->count == 0;
	if (last) {
		while ((link = bri_list_take(&group->notes)))
			bri_list_append(&notes, link);
		atomic_fetch_add_explicit(&group->round, 1, memory_order_release);
		wake = group->waiters;
	}
	pthread_mutex_unlock(&group->lock);
	if (wake)
		bri_futex_wake(&group->round, INT_MAX);
	send_notes(&notes);
	if (last)
		bri_object_put(group);
}

BRI_EXPORT intptr_t dispatch_group_wait(dispatch_group_t group, dispatch_time_t timeout)
{
	uint64_t deadline_ns = bri_time_to_deadline_ns(timeout);
	uint32_t round;
	int r = 0;

	pthread_mutex_lock(&group->lock);
	if (group->count == 0 || timeout == DISPATCH_TIME_NOW) {
		r = group->count ? ETIMEDOUT : 0;
		pthread_mutex_unlock(&group->lock);
		return r;
	}
	group->waiters++;
	round = atomic_load_explicit(&group->round, memory_order_relaxed);
	bri_object_get(group);
	pthread_mutex_unlock(&group->lock);

	bri_may_block();
	while (r == 0 && atomic_load_explicit(&group->round, memory_order_acquire) == round)
		r = bri_futex_wait(&group->round, round, deadline_ns);
	if (r < 0 && atomic_load_explicit(&group->round, memory_order_acquire) != round)
		r = 0; /* it ended as the time did */

	pthread_mutex_lock(&group->lock);
	group->waiters--;
	pthread_mutex_unlock(&group->lock);
	bri_object_put(group);
	return r < 0 ? ETIMEDOUT : 0;
}

void bri_group_notify(
	struct dispatch_group_s *group, struct dispatch_queue_s *queue, struct bri_callable call)
{
	struct note *note = call.fn ? bri_pool_alloc(sizeof(*note)) : NULL;
	bool now;

	if (!note) {
		bri_error("dispatch_group_notify: %s", call.fn ? "no memory" : "no function");
		bri_callable_clear(&call);
		return;
	}
	note->item.run = run_note;
	note->queue = bri_object_get(queue);
	note->call = call;
	pthread_mutex_lock(&group->lock);
	now = group->count == 0;
	if (!now)
		bri_list_append(&group->notes, &note->link);
	pthread_mutex_unlock(&group->lock);
	if (now)
		bri_queue_push(queue, &note->item);
}

static void run_job(struct bri_item *item)
{
	struct job job = *bri_container_of(item, struct job, item);

	bri_pool_free(bri_container_of(item, struct job, item), sizeof(job));
	((void (*)(void *))job.call.fn)(job.call.context);
	bri_callable_clear(&job.call);
	dispatch_group_leave(job.group);
}

void bri_group_async(
	struct dispatch_group_s *group, struct dispatch_queue_s *queue, struct bri_callable call)
{
	struct job *job = call.fn ? bri_pool_alloc(sizeof(*job)) : NULL;

	if (!job) {
		bri_error("dispatch_group_async: %s", call.fn ? "no memory" : "no function");
		bri_callable_clear(&call);
		return;
	}
	dispatch_group_enter(group);
	job->item.run = run_job;
	job->group = group;
	job->call = call;
	bri_queue_push(queue, &job->item);
}

BRI_EXPORT void dispatch_group_notify_f(
	dispatch_group_t group, dispatch_queue_t queue, void *context, dispatch_function_t work)
{
	bri_group_notify(group, queue, BRI_CALLABLE(work, context, NULL));
}

BRI_EXPORT void dispatch_group_async_f(
	dispatch_group_t group, dispatch_queue_t queue, void *context, dispatch_function_t work)
{
	bri_group_async(group, queue, BRI_CALLABLE(work, context, NULL));
}
