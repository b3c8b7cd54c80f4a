/*
 * One operation: its start, its progress, its end, and the calls of its handler. The calls of one
 * handler come one after the other, also on a concurrent queue. Knows nothing of system calls.
 */
#include "dispatch/io_internal.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

/* --- calling the handler --- */

static void call_handler(struct bri_io_op *op, const struct bri_io_news *news)
{
	void *context = op->call.context;

	if (!op->call.fn)
		return;
	if (op->convenience)
		((dispatch_read_handler_f)op->call.fn)(context, news->data, news->error);
	else
		((dispatch_io_handler_f)op->call.fn)(context, news->done, news->data, news->error);
}

static void run_gone(struct bri_item *item)
{
	struct bri_io_op *op = bri_container_of(item, struct bri_io_op, item);
	struct dispatch_io_s *channel = bri_object_get(op->channel);

	bri_io_op_free(op);
	bri_io_channel_op_gone(channel);
	bri_object_put(channel);
}

/* told_last(): the handler was called for the last time. */
static void told_last(struct bri_io_op *op)
{
	bri_callable_clear(&op->call);
	if (!op->channel) {
		bri_io_op_free(op);
		return;
	}
	op->item.run = run_gone;
	bri_queue_push(op->channel->queue, &op->item);
}

static void run_deliver(struct bri_item *item)
{
	struct bri_io_op *op = bri_container_of(item, struct bri_io_op, deliver);
	struct bri_io_news *news;
	size_t size, before;
	bool done, more;

	pthread_mutex_lock(&op->lock);
	news = bri_list_entry(bri_list_take(&op->news), struct bri_io_news, link);
	pthread_mutex_unlock(&op->lock);
	done = news->done;
	size = op->kind == BRI_IO_READ ? bri_data_size(news->data) : 0;
	call_handler(op, news);
	bri_object_release(news->data);
	if (news != &op->last[0] && news != &op->last[1])
		bri_pool_free(news, sizeof(*news));
	if (done) {
		told_last(op);
		return;
	}
	before = atomic_fetch_sub(&op->in_flight, size);
	if (before > BRI_IO_IN_FLIGHT && before - size <= BRI_IO_IN_FLIGHT)
		bri_io_work_later(op->entry); /* reading had paused */
	pthread_mutex_lock(&op->lock);
	more = op->delivering = !bri_list_empty(&op->news);
	pthread_mutex_unlock(&op->lock);
	if (more)
		bri_queue_push(op->queue, &op->deliver);
}

/* tell(): one more call of the handler; takes `data`. */
static void tell(struct bri_io_op *op, struct bri_io_news *news, bool done,
	struct dispatch_data_s *data, int error)
{
	bool push;

	*news = (struct bri_io_news) { .data = data, .error = error, .done = done };
	if (op->kind == BRI_IO_READ)
		atomic_fetch_add(&op->in_flight, bri_data_size(data));
	pthread_mutex_lock(&op->lock);
	bri_list_append(&op->news, &news->link);
	push = !op->delivering;
	op->delivering = true;
	pthread_mutex_unlock(&op->lock);
	if (push)
		bri_queue_push(op->queue, &op->deliver);
}

static struct dispatch_data_s *take_read(struct bri_io_op *op)
{
	struct dispatch_data_s *data = op->data;

	op->data = dispatch_data_empty;
	return data;
}

static struct dispatch_data_s *unwritten(struct bri_io_op *op)
{
	return bri_data_subrange(op->data, op->total, SIZE_MAX);
}

/* tell_part(): what there is so far. Without memory it is told later, with more. */
static void tell_part(struct bri_io_op *op)
{
	struct bri_io_news *news = bri_pool_alloc(sizeof(*news));

	if (!news)
		return;
	op->told = op->total;
	tell(op, news, false, op->kind == BRI_IO_READ ? take_read(op) : unwritten(op), 0);
}

/* --- life --- */

struct bri_io_op *bri_io_op_new(
	enum bri_io_kind kind, struct dispatch_queue_s *queue, struct bri_callable call)
{
	struct bri_io_op *op = calloc(1, sizeof(*op));

	if (!op) {
		bri_error("dispatch_io: no memory for an operation");
		bri_callable_clear(&call);
		return NULL;
	}
	bri_list_init(&op->link);
	bri_list_init(&op->news);
	pthread_mutex_init(&op->lock, NULL);
	op->kind = kind;
	op->queue = bri_object_get(queue);
	op->call = call;
	op->data = dispatch_data_empty;
	op->low = op->high = op->length = SIZE_MAX;
	op->item.run = bri_io_op_start;
	op->deliver.run = run_deliver;
	return op;
}

void bri_io_op_free(struct bri_io_op *op)
{
	bri_object_release(op->data);
	bri_callable_clear(&op->call);
	bri_object_put(op->queue);
	bri_object_put(op->channel);
	pthread_mutex_destroy(&op->lock);
	free(op);
}

static void on_interval(void *context)
{
	struct bri_io_op *op = context;
	size_t size = op->kind == BRI_IO_READ ? bri_data_size(op->data) : op->total - op->told;

	bri_timer_set(op->timer, bri_clock_now_ns() + op->interval_ns);
	/* a worker is about to change what there is: next time */
	if (!op->busy && (op->strict || (size && size >= op->low)))
		tell_part(op);
}

static void start_interval(struct bri_io_op *op)
{
	if (!op->interval_ns || bri_timer_new(op->entry->queue, op, on_interval, &op->timer) < 0)
		return;
	bri_timer_set(op->timer, bri_clock_now_ns() + op->interval_ns);
}

/* The channel's settings as they are now. */
static void take_settings(struct bri_io_op *op)
{
	struct dispatch_io_s *channel = op->channel;
	size_t low = atomic_load(&channel->low), high = atomic_load(&channel->high);

	op->high = high ? high : SIZE_MAX;
	/* unless told otherwise: what was read at once, what was written only at the end */
	op->low = low ? bri_min_size(low, op->high) : op->kind == BRI_IO_READ ? 1 : SIZE_MAX;
	op->interval_ns = bri_min_u64(atomic_load(&channel->interval_ns), INT64_MAX);
	op->strict = atomic_load(&channel->strict);
}

void bri_io_op_start(struct bri_item *item)
{
	struct bri_io_op *op = bri_container_of(item, struct bri_io_op, item);
	struct dispatch_io_s *channel = op->channel;

	if (channel) {
		channel->ops++;
		op->entry = channel->entry;
		take_settings(op);
		if (channel->closed && op->kind != BRI_IO_BARRIER) {
			bri_io_op_finish(op, ECANCELED);
			return;
		}
		if (!op->entry) { /* a barrier on a channel that has ended: nothing is before it */
			((dispatch_function_t)op->call.fn)(op->call.context);
			run_gone(item);
			return;
		}
	}
	op->seq = ++op->entry->last_seq;
	bri_list_append(&op->entry->ops[op->kind], &op->link);
	if (op->kind != BRI_IO_BARRIER)
		start_interval(op);
	bri_io_work(op->entry);
}

int bri_io_op_progress(struct bri_io_op *op, struct dispatch_data_s *piece, size_t n)
{
	struct dispatch_data_s *joined;

	if (op->kind == BRI_IO_WRITE) {
		op->total += n;
		if (op->total < op->length && op->total - op->told >= op->low)
			tell_part(op);
		return 0;
	}
	if (!piece)
		return 0;
	joined = bri_data_concat(op->data, piece);
	bri_object_release(piece);
	if (!joined)
		return -ENOMEM;
	bri_object_release(op->data);
	op->data = joined;
	op->total += n;
	/* the last bytes are told with `done` */
	if (op->total < op->length && bri_data_size(op->data) >= op->low)
		tell_part(op);
	return 0;
}

void bri_io_op_finish(struct bri_io_op *op, int error)
{
	struct bri_io_entry *entry = op->channel ? NULL : op->entry;
	struct dispatch_data_s *data = NULL;

	bri_list_remove(&op->link);
	bri_timer_free(op->timer);
	op->timer = NULL;
	if (op->kind == BRI_IO_WRITE) {
		data = error ? unwritten(op) : NULL;
	} else if (op->convenience || !error) {
		data = take_read(op);
	} else if (bri_data_size(op->data)) {
		tell(op, &op->last[0], false, take_read(op), 0);
	}
	/* before the handler runs, which may close the descriptor */
	if (entry)
		bri_io_entry_unuse(entry);
	tell(op, &op->last[1], true, data, error);
}
