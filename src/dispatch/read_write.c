/* dispatch_read() and dispatch_write(): one operation on a descriptor, one call of the handler. */
#include "dispatch/io_internal.h"

#include <errno.h>

static void submit(enum bri_io_kind kind, int fd, size_t length, struct dispatch_data_s *data,
	struct dispatch_queue_s *queue, struct bri_callable call)
{
	struct bri_io_op *op;

	if (!queue)
		queue = dispatch_get_global_queue(DISPATCH_QUEUE_PRIORITY_DEFAULT, 0);
	op = bri_io_op_new(kind, queue, call);
	if (!op)
		return;
	op->convenience = true;
	op->length = length;
	if (data)
		op->data = bri_object_retain(data);
	op->entry = bri_io_entry_for_fd(fd);
	if (op->entry)
		bri_queue_push(op->entry->queue, &op->item);
	else
		bri_io_op_finish(op, ENOMEM);
}

void bri_read(int fd, size_t length, struct dispatch_queue_s *queue, struct bri_callable call)
{
	submit(BRI_IO_READ, fd, length, NULL, queue, call);
}

void bri_write(int fd, struct dispatch_data_s *data, struct dispatch_queue_s *queue,
	struct bri_callable call)
{
	submit(BRI_IO_WRITE, fd, bri_data_size(data), data, queue, call);
}

void dispatch_read_f(dispatch_fd_t fd, size_t length, dispatch_queue_t queue, void *context,
	dispatch_read_handler_f handler)
{
	bri_read(fd, length, queue, BRI_CALLABLE(handler, context, NULL));
}

void dispatch_write_f(dispatch_fd_t fd, dispatch_data_t data, dispatch_queue_t queue, void *context,
	dispatch_write_handler_f handler)
{
	bri_write(fd, data, queue, BRI_CALLABLE(handler, context, NULL));
}
