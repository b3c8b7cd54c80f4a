/*
 * The work of an entry: which operation is next, and its system calls. One read and one write go
 * on at a time on what can be polled, one operation in all on a disk; barriers stand between.
 */
#include "dispatch/io_internal.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#define IOV_MAX_HERE 64

static struct bri_io_op *head_of(struct bri_io_entry *entry, enum bri_io_kind kind)
{
	struct bri_list *list = &entry->ops[kind];

	return bri_list_empty(list) ? NULL : bri_list_entry(list->next, struct bri_io_op, link);
}

static uint64_t seq_of(const struct bri_io_op *op)
{
	return op ? op->seq : UINT64_MAX;
}

/* The first operation of a kind, if no barrier is before it. */
static struct bri_io_op *next_op(struct bri_io_entry *entry, enum bri_io_kind kind)
{
	struct bri_io_op *op = head_of(entry, kind);

	return op && op->seq < seq_of(head_of(entry, BRI_IO_BARRIER)) ? op : NULL;
}

/* --- barriers --- */

static void end_barrier(struct bri_item *item)
{
	struct bri_io_op *op = bri_container_of(item, struct bri_io_op, item);
	struct bri_io_entry *entry = op->entry;
	struct dispatch_io_s *channel = bri_object_get(op->channel);

	entry->barrier_runs = false;
	bri_io_op_free(op);
	bri_io_work(entry);
	bri_io_channel_op_gone(channel); /* may be the end of the entry */
	bri_object_put(channel);
}

static void run_barrier(struct bri_item *item)
{
	struct bri_io_op *op = bri_container_of(item, struct bri_io_op, item);

	((dispatch_function_t)op->call.fn)(op->call.context);
	bri_callable_clear(&op->call);
	op->item.run = end_barrier;
	bri_queue_push(op->channel->queue, &op->item);
}

static void try_barrier(struct bri_io_entry *entry)
{
	struct bri_io_op *op = head_of(entry, BRI_IO_BARRIER);

	if (!op || entry->busy || seq_of(head_of(entry, BRI_IO_READ)) < op->seq ||
		seq_of(head_of(entry, BRI_IO_WRITE)) < op->seq)
		return;
	entry->barrier_runs = true;
	bri_list_remove(&op->link);
	op->item.run = run_barrier;
	bri_queue_push(op->queue, &op->item);
}

/* --- system calls --- */

static ssize_t read_piece(struct bri_io_op *op, int fd, struct dispatch_data_s **ret_piece)
{
	size_t want = bri_min_size(op->length - op->total, BRI_IO_PIECE), room;
	uint8_t *ptr;
	ssize_t n;
	int r;

	/* no more than the handler wants at once; what it could not be told for want of memory
	 * stays */
	if (bri_data_size(op->data) < op->high)
		want = bri_min_size(want, op->high - bri_data_size(op->data));
	r = bri_chunk_get_scratch(bri_min_size(want, 16384), &ptr, &room);
	if (r < 0)
		return r;
	want = bri_min_size(want, room);
	do {
		n = op->channel && op->channel->type == DISPATCH_IO_RANDOM
			    ? pread(fd, ptr, want,
				      op->channel->base + op->offset + (off_t)op->total)
			    : read(fd, ptr, want);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	*ret_piece = n ? bri_chunk_commit(ptr, (size_t)n) : NULL;
	return n && !*ret_piece ? -ENOMEM : n;
}

static ssize_t write_piece(struct bri_io_op *op, int fd)
{
	struct iovec iov[IOV_MAX_HERE];
	size_t bytes, n = bri_data_iov(op->data, op->total, iov, IOV_MAX_HERE, &bytes);
	size_t most = bri_min_size(op->high, bytes), sum = 0;
	ssize_t r;

	/* no more than the handler wants to hear of at once */
	for (size_t i = 0; i < n; i++) {
		iov[i].iov_len = bri_min_size(iov[i].iov_len, most - sum);
		sum += iov[i].iov_len;
	}
	do {
		r = op->channel && op->channel->type == DISPATCH_IO_RANDOM
			    ? pwritev(fd, iov, (int)n,
				      op->channel->base + op->offset + (off_t)op->total)
			    : writev(fd, iov, (int)n);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

static ssize_t move_piece(struct bri_io_op *op, int fd, struct dispatch_data_s **ret_piece)
{
	*ret_piece = NULL;
	if (op->total == op->length)
		return 0;
	return op->kind == BRI_IO_READ ? read_piece(op, fd, ret_piece) : write_piece(op, fd);
}

/* moved(): what a call of move_piece() means. */
static void moved(struct bri_io_op *op, ssize_t n, struct dispatch_data_s *piece)
{
	if (op->stopped) {
		bri_object_release(piece);
		bri_io_op_finish(op, ECANCELED);
	} else if (n < 0) {
		bri_io_op_finish(op, (int)-n);
	} else {
		int r = bri_io_op_progress(op, piece, (size_t)n);

		if (r < 0 || op->total == op->length || (n == 0 && op->kind == BRI_IO_READ))
			bri_io_op_finish(op, -r);
	}
}

/* --- what can be polled --- */

static void on_ready(void *context, uint32_t events)
{
	struct bri_io_entry *entry = context;

	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		entry->ready[BRI_IO_READ] = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		entry->ready[BRI_IO_WRITE] = true;
	bri_io_work(entry);
}

/* not_now(): the descriptor is not ready. True: it will be told when it is. */
static void not_now(struct bri_io_entry *entry, struct bri_io_op *op)
{
	int r = 0;

	entry->ready[op->kind] = false;
	if (op->convenience && op->kind == BRI_IO_READ && op->total) {
		bri_io_op_finish(op, 0); /* what there is is what was asked for */
		return;
	}
	if (!entry->watch)
		r = bri_watch_new(entry->queue, entry->fd, entry, on_ready, &entry->watch);
	if (r < 0)
		bri_io_op_finish(op, -r);
}

/* True: something was done. */
static bool work_polled(struct bri_io_entry *entry, enum bri_io_kind kind)
{
	struct bri_io_op *op = next_op(entry, kind);
	struct dispatch_data_s *piece;
	ssize_t n;

	if (!op || !entry->ready[kind] || atomic_load(&op->in_flight) > BRI_IO_IN_FLIGHT)
		return false;
	n = move_piece(op, entry->fd, &piece);
	if (n == -EAGAIN)
		not_now(entry, op);
	else
		moved(op, n, piece);
	return true;
}

/* --- disks --- */

static void end_piece(struct bri_item *item)
{
	struct bri_io_op *op = bri_container_of(item, struct bri_io_op, item);
	struct bri_io_entry *entry = op->entry;

	op->busy = entry->busy = false;
	moved(op, op->result, op->piece);
	bri_io_work(entry);
	bri_io_entry_put(entry);
}

static void run_piece(void *context)
{
	struct bri_io_op *op = context;

	op->result = move_piece(op, op->entry->fd, &op->piece);
	op->item.run = end_piece;
	bri_queue_push(op->entry->queue, &op->item);
}

static bool work_disk(struct bri_io_entry *entry)
{
	struct bri_io_op *read = next_op(entry, BRI_IO_READ), *write = next_op(entry, BRI_IO_WRITE);
	struct bri_io_op *op = seq_of(read) < seq_of(write) ? read : write;

	if (!op || entry->busy || atomic_load(&op->in_flight) > BRI_IO_IN_FLIGHT)
		return false;
	op->busy = entry->busy = true;
	bri_io_entry_get(entry);
	bri_worker(op, run_piece);
	return true;
}

/* --- */

/* fail_unusable(): the first operation, if the descriptor or its channel cannot be used. True: one
 * failed. */
static bool fail_unusable(struct bri_io_entry *entry, enum bri_io_kind kind)
{
	struct bri_io_op *op = next_op(entry, kind);
	int error = entry->error;

	if (!op || op->busy)
		return false;
	if (!error && op->channel) {
		bri_io_channel_open(op->channel);
		error = op->channel->error;
	}
	if (error)
		bri_io_op_finish(op, error);
	return error;
}

static bool work_once(struct bri_io_entry *entry)
{
	bool did;

	if (entry->barrier_runs)
		return false;
	did = fail_unusable(entry, BRI_IO_READ);
	did = fail_unusable(entry, BRI_IO_WRITE) || did;
	if (did)
		return true;
	if (entry->mode == BRI_IO_DISK) {
		did = work_disk(entry);
	} else {
		did = work_polled(entry, BRI_IO_READ);
		did = work_polled(entry, BRI_IO_WRITE) || did;
	}
	if (!did)
		try_barrier(entry);
	return did;
}

void bri_io_work(struct bri_io_entry *entry)
{
	int turns = 0;

	bri_io_entry_get(entry); /* the last operation may be its last user */
	bri_io_entry_open(entry);
	while (entry->mode != BRI_IO_OPENING && turns < BRI_IO_TURNS && work_once(entry))
		turns++;
	if (turns == BRI_IO_TURNS)
		bri_io_work_later(entry);
	bri_io_entry_put(entry);
}

static void run_later(void *context)
{
	bri_io_work(context);
	bri_io_entry_put(context);
}

void bri_io_work_later(struct bri_io_entry *entry)
{
	bri_io_entry_get(entry);
	bri_async(entry->queue, entry, run_later);
}
