/* Values that an application hangs on queues: by key, and the one context. */
#include <dispatch/dispatch.h>

#include "dispatch/loop.h"
#include "dispatch/queue_internal.h"

#include <stdlib.h>

/* Under lock. */
static struct bri_specific *find(struct dispatch_queue_s *queue, const void *key)
{
	struct bri_list *link;

	bri_list_foreach (link, &queue->specifics) {
		struct bri_specific *specific = bri_list_entry(link, struct bri_specific, link);

		if (specific->key == key)
			return specific;
	}
	return NULL;
}

BRI_EXPORT void dispatch_queue_set_specific(
	dispatch_queue_t queue, const void *key, void *context, dispatch_function_t destructor)
{
	struct bri_specific *new = NULL, *old;

	if (!key)
		return;
	if (context) {
		new = calloc(1, sizeof(*new));
		if (!new)
			bri_abort("no memory for a queue-specific value");
		new->key = key;
		new->value = context;
		new->destructor = destructor;
	}
	pthread_mutex_lock(&queue->lock);
	old = find(queue, key);
	if (old)
		bri_list_remove(&old->link);
	if (new)
		bri_list_append(&queue->specifics, &new->link);
	pthread_mutex_unlock(&queue->lock);
	if (old && old->destructor)
		bri_worker(old->value, old->destructor);
	free(old);
}

BRI_EXPORT void *dispatch_queue_get_specific(dispatch_queue_t queue, const void *key)
{
	struct bri_specific *specific;
	void *value;

	pthread_mutex_lock(&queue->lock);
	specific = find(queue, key);
	value = specific ? specific->value : NULL;
	pthread_mutex_unlock(&queue->lock);
	return value;
}

BRI_EXPORT void *dispatch_get_specific(const void *key)
{
	void *value = NULL;

	/* the current queue, then its targets; not the queues that a dispatch_sync came from */
	for (struct dispatch_queue_s *q = bri_self.frame ? bri_self.frame->queue : NULL;
		q && !value; q = q->target) {
		value = dispatch_queue_get_specific(q, key);
		if (!value && q->alias)
			value = dispatch_queue_get_specific(q->alias, key);
	}
	return value;
}
