/*
 * Descriptor I/O inside. An entry is a descriptor in use: all channels and convenience calls that
 * name the same descriptor share one, so that their operations keep their order. Everything about
 * an entry, its channels and its operations happens on the entry's own serial queue; disk files
 * are read and written by workers, one piece at a time, which come back to that queue.
 */
#ifndef BRI_IO_INTERNAL_H
#define BRI_IO_INTERNAL_H

#include <dispatch/dispatch.h>
#include <pthread.h>

#include "base/callable.h"
#include "base/list.h"
#include "dispatch/data_internal.h"
#include "dispatch/dispatch_object.h"
#include "dispatch/runtime.h"

#define BRI_IO_PIECE (256u * 1024u) /* one system call moves no more */
#define BRI_IO_IN_FLIGHT                                                                           \
	(4u * 1024u * 1024u) /* read, handler not called yet: then reading pauses */
#define BRI_IO_TURNS 16      /* system calls before other queues have their turn */

enum bri_io_kind {
	BRI_IO_READ,
	BRI_IO_WRITE,
	BRI_IO_BARRIER,
	BRI_IO_KINDS,
};

enum bri_io_mode {
	BRI_IO_UNOPENED,
	BRI_IO_OPENING, /* a worker opens the path */
	BRI_IO_POLLED,
	BRI_IO_DISK,
};

struct bri_io_entry {
	struct bri_list link; /* in the table of descriptors; itself: a path's entry */
	int refs;             /* of memory; under the table's lock */
	int users; /* channels and convenience operations, each also a reference; the same */
	struct dispatch_queue_s *queue; /* internal reference */
	int fd;                         /* under the table's lock where it is written */
	char *path;
	int oflag;
	mode_t mode_bits;
	bool set_nonblock; /* by us, so it is to be put back */
	int error;         /* why it cannot be used */
	enum bri_io_mode mode;
	struct bri_watch *watch;
	bool busy, barrier_runs, ready[2];
	uint64_t last_seq;
	struct bri_list ops[BRI_IO_KINDS];
	struct bri_list cleanups; /* under the table's lock */
};

struct bri_io_cleanup {
	struct bri_list link;
	struct bri_item item;
	struct dispatch_queue_s *queue; /* internal reference */
	struct bri_callable call;
	int error;
};

struct dispatch_io_s {
	struct bri_dispatch_object head;
	dispatch_io_type_t type;
	struct bri_io_entry *entry; /* we are a user; NULL after the end; under the table's lock */
	struct dispatch_queue_s *queue; /* the entry's; internal reference */
	_Atomic size_t low, high;       /* 0: not set */
	_Atomic uint64_t interval_ns;
	_Atomic bool strict, closing;
	/* on the queue */
	unsigned ops;
	bool closed, opened;
	off_t base; /* offsets of a random channel count from here */
	int error;
};

/* One call of a handler. */
struct bri_io_news {
	struct bri_list link;
	struct dispatch_data_s *data; /* one reference, or NULL */
	int error;
	bool done;
};

struct bri_io_op {
	struct bri_list link; /* entry->ops */
	struct bri_item item; /* on its way: to the entry, to a worker and back */
	enum bri_io_kind kind;
	bool convenience;              /* dispatch_read, dispatch_write: one call of the handler */
	bool busy;                     /* a worker has it */
	bool stopped;                  /* to end with ECANCELED when the worker is done */
	struct dispatch_io_s *channel; /* internal reference; NULL: convenience */
	struct bri_io_entry
		*entry; /* convenience: we are a user. Else the channel's, while it has ops */
	struct dispatch_queue_s *queue; /* the handler's; internal reference */
	struct bri_callable call;
	uint64_t seq;
	off_t offset;
	size_t length, total;
	size_t low, high, told;       /* told: of a write, at the last call */
	struct dispatch_data_s *data; /* to write; or read and not told yet */
	struct bri_timer *timer;
	uint64_t interval_ns;
	bool strict;
	ssize_t result; /* of a worker: bytes, or -errno */
	struct dispatch_data_s *piece;

	pthread_mutex_t lock; /* of what follows */
	struct bri_list news;
	struct bri_item deliver;
	bool delivering;
	_Atomic size_t in_flight;
	struct bri_io_news last[2]; /* the final calls need no memory */
};

/* --- io_entry.c --- */
/* bri_io_entry_for_fd(): the entry of this descriptor, old or new, with one more user. NULL: no
 * memory. */
struct bri_io_entry *bri_io_entry_for_fd(int fd);
struct bri_io_entry *bri_io_entry_for_path(const char *path, int oflag, mode_t mode);
/* bri_io_entry_of(): the channel's entry, with one more user; NULL: the channel has ended. */
struct bri_io_entry *bri_io_entry_of(struct dispatch_io_s *channel);
/*
 * bri_io_entry_unuse(): one user less. With the last the descriptor is given back, as it was,
 * before this returns. Context: the queue, or before any use.
 */
void bri_io_entry_unuse(struct bri_io_entry *entry);
/* bri_io_entry_leave(): the same for a channel. Context: the queue. */
void bri_io_entry_leave(struct dispatch_io_s *channel);
/* References to the memory alone. Context: any thread. */
void bri_io_entry_get(struct bri_io_entry *entry);
void bri_io_entry_put(struct bri_io_entry *entry);
void bri_io_entry_add_cleanup(struct bri_io_entry *entry, struct bri_io_cleanup *cleanup);
/* bri_io_entry_open(): find out what the descriptor is. Context: the queue. */
void bri_io_entry_open(struct bri_io_entry *entry);
/* bri_io_entry_fd(): -1 when the channel is closed. Context: any thread. */
int bri_io_entry_fd(struct dispatch_io_s *channel);

/* --- io_work.c --- */
/* bri_io_work(): do what can be done now. Context: the entry's queue. */
void bri_io_work(struct bri_io_entry *entry);
/* bri_io_work_later(): the same as an item of its queue. Context: any thread. */
void bri_io_work_later(struct bri_io_entry *entry);

/* --- io_op.c --- */
/* bri_io_op_new(): takes `call`, also when it fails (NULL: no memory). */
struct bri_io_op *bri_io_op_new(
	enum bri_io_kind kind, struct dispatch_queue_s *queue, struct bri_callable call);
void bri_io_op_free(struct bri_io_op *op);
/* bri_io_op_start(): an operation has come to its entry. Context: the queue. */
void bri_io_op_start(struct bri_item *item);
/* bri_io_op_progress(): n more bytes; `piece` (taken) is what was read. 0 or -ENOMEM. Context: the
 * queue. */
int bri_io_op_progress(struct bri_io_op *op, struct dispatch_data_s *piece, size_t n);
/* bri_io_op_finish(): the last call of the handler is on its way. Context: the queue. */
void bri_io_op_finish(struct bri_io_op *op, int error);

/* --- read_write.c, io.c: what the block entry points call; all take `call` --- */
void bri_read(int fd, size_t length, struct dispatch_queue_s *queue, struct bri_callable call);
void bri_write(int fd, struct dispatch_data_s *data, struct dispatch_queue_s *queue,
	struct bri_callable call);
struct dispatch_io_s *bri_io_create(dispatch_io_type_t type, int fd, struct dispatch_queue_s *queue,
	struct bri_callable cleanup);
struct dispatch_io_s *bri_io_create_with_path(dispatch_io_type_t type, const char *path, int oflag,
	mode_t mode, struct dispatch_queue_s *queue, struct bri_callable cleanup);
struct dispatch_io_s *bri_io_create_with_io(dispatch_io_type_t type, struct dispatch_io_s *io,
	struct dispatch_queue_s *queue, struct bri_callable cleanup);
void bri_io_submit(struct dispatch_io_s *channel, enum bri_io_kind kind, off_t offset,
	size_t length, struct dispatch_data_s *data, struct dispatch_queue_s *queue,
	struct bri_callable call);
/* bri_io_channel_op_gone(): one operation less; a closed channel without any leaves its entry.
 * Context: the queue. */
void bri_io_channel_op_gone(struct dispatch_io_s *channel);
/* bri_io_channel_open(): when the entry is open: what a random channel's offsets count from. */
void bri_io_channel_open(struct dispatch_io_s *channel);

#endif
