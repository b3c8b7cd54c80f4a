/*
 * dispatch_io channels: creation, settings, closing. What operations do is in io_op.c, what
 * descriptors do in io_entry.c and io_work.c.
 */
#include "dispatch/io_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

static void wind_down(struct bri_object *obj);

static void destroy_channel(struct bri_object *obj)
{
	struct dispatch_io_s *channel = (struct dispatch_io_s *)(void *)obj;

	bri_dispatch_object_fini(&channel->head);
	bri_object_put(channel->queue);
	free(channel);
}

static const struct bri_class io_class = {
	.name = "dispatch_io",
	.kind = BRI_KIND_DISPATCH_IO,
	.wind_down = wind_down,
	.destroy = destroy_channel,
};

/* --- on the queue --- */

static void leave_when_idle(struct dispatch_io_s *channel)
{
	if (channel->closed && !channel->ops)
		bri_io_entry_leave(channel);
}

void bri_io_channel_op_gone(struct dispatch_io_s *channel)
{
	channel->ops--;
	leave_when_idle(channel);
}

void bri_io_channel_open(struct dispatch_io_s *channel)
{
	if (channel->opened)
		return;
	channel->opened = true;
	if (channel->type != DISPATCH_IO_RANDOM)
		return;
	channel->base = lseek(channel->entry->fd, 0, SEEK_CUR);
	if (channel->base < 0)
		channel->error = errno;
}

static void stop_ops(struct dispatch_io_s *channel)
{
	for (int kind = BRI_IO_READ; kind <= BRI_IO_WRITE; kind++) {
		struct bri_list *link, *next, *list = &channel->entry->ops[kind];

		bri_list_foreach_safe (link, next, list) {
			struct bri_io_op *op = bri_list_entry(link, struct bri_io_op, link);

			if (op->channel != channel)
				continue;
			if (op->busy)
				op->stopped = true;
			else
				bri_io_op_finish(op, ECANCELED);
		}
	}
}

struct closing {
	struct bri_item item;
	struct dispatch_io_s *channel; /* internal reference */
	bool stop;
};

static void run_close(struct bri_item *item)
{
	struct closing *closing = bri_container_of(item, struct closing, item);
	struct dispatch_io_s *channel = closing->channel;

	if (channel->entry) {
		channel->closed = true;
		if (closing->stop) {
			stop_ops(channel);
			bri_io_work(channel->entry); /* others may have waited behind them */
		}
		leave_when_idle(channel);
	}
	bri_object_put(channel);
	bri_pool_free(closing, sizeof(*closing));
}

static void close_channel(struct dispatch_io_s *channel, bool stop)
{
	struct closing *closing = bri_pool_alloc(sizeof(*closing));

	if (!closing)
		bri_abort("no memory to close a channel");
	closing->item.run = run_close;
	closing->channel = bri_object_get(channel);
	closing->stop = stop;
	bri_queue_push(channel->queue, &closing->item);
}

static void wind_down(struct bri_object *obj)
{
	close_channel((struct dispatch_io_s *)(void *)obj, false);
}

/* --- creation --- */

static struct bri_io_cleanup *new_cleanup(struct dispatch_queue_s *queue, struct bri_callable call)
{
	struct bri_io_cleanup *cleanup = calloc(1, sizeof(*cleanup));

	if (!cleanup)
		return NULL;
	if (!queue)
		queue = dispatch_get_global_queue(DISPATCH_QUEUE_PRIORITY_DEFAULT, 0);
	cleanup->queue = bri_object_get(queue);
	cleanup->call = call;
	return cleanup;
}

/* create(): takes the reference to `entry` (NULL: there was no memory for it) and `call`. */
static struct dispatch_io_s *create(dispatch_io_type_t type, struct bri_io_entry *entry,
	struct dispatch_queue_s *queue, struct bri_callable call)
{
	struct bri_io_cleanup *cleanup = entry ? new_cleanup(queue, call) : NULL;
	struct dispatch_io_s *channel =
		cleanup ? bri_object_new(&io_class, sizeof(*channel)) : NULL;

	if (!channel) {
		bri_error("dispatch_io_create: no memory");
		if (cleanup)
			bri_object_put(cleanup->queue);
		free(cleanup);
		bri_callable_clear(&call);
		if (entry)
			bri_io_entry_unuse(entry);
		return NULL;
	}
	channel->type = type;
	channel->entry = entry;
	channel->queue = bri_object_get(entry->queue);
	bri_io_entry_add_cleanup(entry, cleanup);
	return channel;
}

static bool is_type(dispatch_io_type_t type, struct bri_callable *call)
{
	if (type == DISPATCH_IO_STREAM || type == DISPATCH_IO_RANDOM)
		return true;
	bri_error("dispatch_io_create: no type %lu", type);
	bri_callable_clear(call);
	return false;
}

struct dispatch_io_s *bri_io_create(dispatch_io_type_t type, int fd, struct dispatch_queue_s *queue,
	struct bri_callable cleanup)
{
	if (!is_type(type, &cleanup))
		return NULL;
	return create(type, bri_io_entry_for_fd(fd), queue, cleanup);
}

struct dispatch_io_s *bri_io_create_with_path(dispatch_io_type_t type, const char *path, int oflag,
	mode_t mode, struct dispatch_queue_s *queue, struct bri_callable cleanup)
{
	if (!is_type(type, &cleanup))
		return NULL;
	if (!path || path[0] != '/') {
		bri_error("dispatch_io_create_with_path: the path is not absolute");
		bri_callable_clear(&cleanup);
		return NULL;
	}
	return create(type, bri_io_entry_for_path(path, oflag, mode), queue, cleanup);
}

struct dispatch_io_s *bri_io_create_with_io(dispatch_io_type_t type, struct dispatch_io_s *io,
	struct dispatch_queue_s *queue, struct bri_callable cleanup)
{
	struct bri_io_entry *entry;

	if (!is_type(type, &cleanup))
		return NULL;
	entry = io && !atomic_load(&io->closing) ? bri_io_entry_of(io) : NULL;
	if (!entry) {
		bri_error("dispatch_io_create_with_io: the channel is closed");
		bri_callable_clear(&cleanup);
		return NULL;
	}
	return create(type, entry, queue, cleanup);
}

void bri_io_submit(struct dispatch_io_s *channel, enum bri_io_kind kind, off_t offset,
	size_t length, struct dispatch_data_s *data, struct dispatch_queue_s *queue,
	struct bri_callable call)
{
	struct bri_io_op *op;

	if (!queue)
		queue = dispatch_get_global_queue(DISPATCH_QUEUE_PRIORITY_DEFAULT, 0);
	op = bri_io_op_new(kind, queue, call);
	if (!op)
		return;
	op->channel = bri_object_get(channel);
	op->offset = offset;
	op->length = length;
	if (data)
		op->data = bri_object_retain(data);
	bri_queue_push(channel->queue, &op->item);
}

/* --- the public functions --- */

dispatch_io_t dispatch_io_create_f(dispatch_io_type_t type, dispatch_fd_t fd,
	dispatch_queue_t queue, void *context, dispatch_io_cleanup_f cleanup)
{
	return bri_io_create(type, fd, queue, BRI_CALLABLE(cleanup, context, NULL));
}

dispatch_io_t dispatch_io_create_with_path_f(dispatch_io_type_t type, const char *path, int oflag,
	mode_t mode, dispatch_queue_t queue, void *context, dispatch_io_cleanup_f cleanup)
{
	return bri_io_create_with_path(
		type, path, oflag, mode, queue, BRI_CALLABLE(cleanup, context, NULL));
}

dispatch_io_t dispatch_io_create_with_io_f(dispatch_io_type_t type, dispatch_io_t io,
	dispatch_queue_t queue, void *context, dispatch_io_cleanup_f cleanup)
{
	return bri_io_create_with_io(type, io, queue, BRI_CALLABLE(cleanup, context, NULL));
}

void dispatch_io_read_f(dispatch_io_t channel, off_t offset, size_t length, dispatch_queue_t queue,
	void *context, dispatch_io_handler_f io_handler)
{
	bri_io_submit(channel, BRI_IO_READ, offset, length, NULL, queue,
		BRI_CALLABLE(io_handler, context, NULL));
}

void dispatch_io_write_f(dispatch_io_t channel, off_t offset, dispatch_data_t data,
	dispatch_queue_t queue, void *context, dispatch_io_handler_f io_handler)
{
	bri_io_submit(channel, BRI_IO_WRITE, offset, bri_data_size(data), data, queue,
		BRI_CALLABLE(io_handler, context, NULL));
}

void dispatch_io_barrier_f(dispatch_io_t channel, void *context, dispatch_function_t barrier)
{
	if (!barrier)
		return;
	bri_io_submit(
		channel, BRI_IO_BARRIER, 0, 0, NULL, NULL, BRI_CALLABLE(barrier, context, NULL));
}

void dispatch_io_close(dispatch_io_t channel, dispatch_io_close_flags_t flags)
{
	atomic_store(&channel->closing, true);
	close_channel(channel, flags & DISPATCH_IO_STOP);
}

dispatch_fd_t dispatch_io_get_descriptor(dispatch_io_t channel)
{
	return bri_io_entry_fd(channel);
}

void dispatch_io_set_high_water(dispatch_io_t channel, size_t high_water)
{
	atomic_store(&channel->high, high_water ? high_water : 1);
}

void dispatch_io_set_low_water(dispatch_io_t channel, size_t low_water)
{
	atomic_store(&channel->low, low_water ? low_water : 1);
}

void dispatch_io_set_interval(
	dispatch_io_t channel, uint64_t interval, dispatch_io_interval_flags_t flags)
{
	atomic_store(&channel->interval_ns, interval);
	atomic_store(&channel->strict, flags & DISPATCH_IO_STRICT_INTERVAL);
}
