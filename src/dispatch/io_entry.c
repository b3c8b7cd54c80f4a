/*
 * Descriptors in use: the table that finds them by number, opening, O_NONBLOCK, and giving back.
 * Knows nothing of operations.
 */
#include "dispatch/io_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUCKETS 64u

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct bri_list table[BUCKETS];

/* Under lock. */
static struct bri_list *bucket_of(int fd)
{
	struct bri_list *bucket = &table[(unsigned)fd % BUCKETS];

	if (!bucket->next)
		bri_list_init(bucket);
	return bucket;
}

static struct bri_io_entry *new_entry(int fd)
{
	struct bri_io_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->queue = dispatch_queue_create("braid.io", NULL);
	if (!entry->queue) {
		free(entry);
		return NULL;
	}
	bri_list_init(&entry->link);
	bri_list_init(&entry->cleanups);
	for (int i = 0; i < BRI_IO_KINDS; i++)
		bri_list_init(&entry->ops[i]);
	entry->refs = entry->users = 1;
	entry->fd = fd;
	entry->ready[BRI_IO_READ] = entry->ready[BRI_IO_WRITE] = true;
	return entry;
}

struct bri_io_entry *bri_io_entry_for_fd(int fd)
{
	struct bri_io_entry *entry = NULL;
	struct bri_list *bucket, *link;

	pthread_mutex_lock(&table_lock);
	bucket = bucket_of(fd);
	bri_list_foreach (link, bucket) {
		entry = bri_list_entry(link, struct bri_io_entry, link);
		if (entry->fd == fd)
			break;
	}
	if (link != bucket) {
		entry->users++;
		entry->refs++;
	} else {
		entry = new_entry(fd);
		if (entry)
			bri_list_append(bucket, &entry->link);
	}
	pthread_mutex_unlock(&table_lock);
	return entry;
}

struct bri_io_entry *bri_io_entry_for_path(const char *path, int oflag, mode_t mode)
{
	struct bri_io_entry *entry = new_entry(-1);

	if (!entry)
		return NULL;
	entry->path = strdup(path);
	entry->oflag = oflag;
	entry->mode_bits = mode;
	if (entry->path)
		return entry;
	bri_io_entry_unuse(entry);
	return NULL;
}

struct bri_io_entry *bri_io_entry_of(struct dispatch_io_s *channel)
{
	struct bri_io_entry *entry;

	pthread_mutex_lock(&table_lock);
	entry = channel->entry;
	if (entry) {
		entry->users++;
		entry->refs++;
	}
	pthread_mutex_unlock(&table_lock);
	return entry;
}

int bri_io_entry_fd(struct dispatch_io_s *channel)
{
	int fd = -1;

	pthread_mutex_lock(&table_lock);
	if (channel->entry && !atomic_load(&channel->closing))
		fd = channel->entry->fd;
	pthread_mutex_unlock(&table_lock);
	return fd;
}

void bri_io_entry_add_cleanup(struct bri_io_entry *entry, struct bri_io_cleanup *cleanup)
{
	pthread_mutex_lock(&table_lock);
	bri_list_append(&entry->cleanups, &cleanup->link);
	pthread_mutex_unlock(&table_lock);
}

static void run_cleanup(struct bri_item *item)
{
	struct bri_io_cleanup *cleanup = bri_container_of(item, struct bri_io_cleanup, item);

	if (cleanup->call.fn)
		((dispatch_io_cleanup_f)cleanup->call.fn)(cleanup->call.context, cleanup->error);
	bri_callable_clear(&cleanup->call);
	bri_object_put(cleanup->queue);
	free(cleanup);
}

/* The program is told; what it does with the descriptor is its own affair from here on. */
static void push_cleanups(struct bri_io_entry *entry)
{
	struct bri_list *link;

	while ((link = bri_list_take(&entry->cleanups))) {
		struct bri_io_cleanup *cleanup = bri_list_entry(link, struct bri_io_cleanup, link);

		cleanup->item.run = run_cleanup;
		cleanup->error = entry->error;
		bri_queue_push(cleanup->queue, &cleanup->item);
	}
}

/* Under lock: before anyone can make a new entry for this number. */
static void give_back(struct bri_io_entry *entry)
{
	int flags;

	bri_watch_free(entry->watch);
	entry->watch = NULL;
	flags = entry->set_nonblock ? fcntl(entry->fd, F_GETFL) : -1;
	if (flags >= 0)
		(void)fcntl(entry->fd, F_SETFL, flags & ~O_NONBLOCK);
	if (entry->path && entry->fd >= 0)
		close(entry->fd);
	entry->fd = -1;
	bri_list_remove(&entry->link);
}

void bri_io_entry_unuse(struct bri_io_entry *entry)
{
	bool last;

	pthread_mutex_lock(&table_lock);
	last = --entry->users == 0;
	if (last)
		give_back(entry);
	pthread_mutex_unlock(&table_lock);
	if (last)
		push_cleanups(entry);
	bri_io_entry_put(entry);
}

void bri_io_entry_leave(struct dispatch_io_s *channel)
{
	struct bri_io_entry *entry;

	pthread_mutex_lock(&table_lock);
	entry = channel->entry;
	channel->entry = NULL;
	pthread_mutex_unlock(&table_lock);
	if (entry)
		bri_io_entry_unuse(entry);
}

void bri_io_entry_get(struct bri_io_entry *entry)
{
	pthread_mutex_lock(&table_lock);
	entry->refs++;
	pthread_mutex_unlock(&table_lock);
}

void bri_io_entry_put(struct bri_io_entry *entry)
{
	bool last;

	pthread_mutex_lock(&table_lock);
	last = --entry->refs == 0;
	pthread_mutex_unlock(&table_lock);
	if (!last)
		return;
	bri_object_put(entry->queue);
	free(entry->path);
	free(entry);
}

/* classify(): regular files, disks and folders never say "not now": workers read them. */
static void classify(struct bri_io_entry *entry)
{
	struct stat st;
	int flags;

	if (fstat(entry->fd, &st) < 0) {
		entry->error = errno;
		entry->mode = BRI_IO_DISK;
		return;
	}
	if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode) || S_ISDIR(st.st_mode)) {
		entry->mode = BRI_IO_DISK;
		return;
	}
	entry->mode = BRI_IO_POLLED;
	flags = fcntl(entry->fd, F_GETFL);
	entry->set_nonblock = flags >= 0 && !(flags & O_NONBLOCK) &&
			      fcntl(entry->fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

static void run_opened(void *context)
{
	struct bri_io_entry *entry = context;

	if (entry->fd >= 0)
		classify(entry);
	else
		entry->mode = BRI_IO_DISK;
	bri_io_work(entry);
	bri_io_entry_put(entry);
}

/* On a worker: opening a FIFO or a file of a network file system may take long. */
static void open_path(void *context)
{
	struct bri_io_entry *entry = context;
	int fd = open(entry->path, entry->oflag | O_CLOEXEC, entry->mode_bits);

	if (fd < 0)
		entry->error = errno;
	pthread_mutex_lock(&table_lock);
	entry->fd = fd;
	pthread_mutex_unlock(&table_lock);
	bri_async(entry->queue, entry, run_opened);
}

void bri_io_entry_open(struct bri_io_entry *entry)
{
	if (entry->mode != BRI_IO_UNOPENED)
		return;
	if (!entry->path) {
		classify(entry);
		return;
	}
	entry->mode = BRI_IO_OPENING;
	bri_io_entry_get(entry);
	bri_worker(entry, open_path);
}
