/* See late_write.h. Knows nothing of connections. */
#include "transport/late_write.h"

#include <stdlib.h>
#include "transport/sock.h"

struct bri_late_write {
	struct bri_late late;
	int fd;
	bool open;
	uint8_t count;
	ssize_t written;
	void *context;
	void (*on_end)(void *context);
	struct iovec iov[BRI_LATE_WRITE_IOV]; /* last: most writes have one */
};

static void work(struct bri_late *late)
{
	struct bri_late_write *write = bri_container_of(late, struct bri_late_write, late);

	write->written = bri_sock_write(write->fd, write->iov, write->count);
}

static void done(struct bri_late *late)
{
	struct bri_late_write *write = bri_container_of(late, struct bri_late_write, late);

	write->on_end(write->context);
}

static void destroy(struct bri_late *late)
{
	free(bri_container_of(late, struct bri_late_write, late));
}

static BRI_COLD struct bri_late_write *make(struct dispatch_queue_s *queue)
{
	struct bri_late_write *write = calloc(1, sizeof(*write));

	if (!write)
		return NULL;
	write->late = (struct bri_late) { .work = work, .done = done, .free = destroy };
	bri_late_init(&write->late, queue);
	return write;
}

bool bri_late_write_post(struct bri_late_write **write, struct dispatch_queue_s *queue, int fd,
	const struct iovec *iov, size_t count, void *context, void (*on_end)(void *context))
{
	struct bri_late_write *w = *write;

	if (!bri_late_is_time(queue) || count > BRI_LATE_WRITE_IOV || (w && w->open))
		return false;
	if (!w && !(w = *write = make(queue)))
		return false;
	if (!bri_late_is_idle(&w->late))
		return false;
	w->fd = fd;
	w->count = (uint8_t)count;
	for (size_t i = 0; i < count; i++)
		w->iov[i] = iov[i];
	w->context = context;
	w->on_end = on_end;
	w->open = true;
	bri_late_post(&w->late);
	return true;
}

bool bri_late_write_is_open(const struct bri_late_write *write)
{
	return write && write->open;
}

ssize_t bri_late_write_end(struct bri_late_write *write)
{
	write->open = false;
	if (bri_late_take(&write->late))
		work(&write->late);
	return write->written;
}

void bri_late_write_free(struct bri_late_write *write)
{
	if (write)
		bri_late_free(&write->late);
}
