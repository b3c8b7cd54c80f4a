/* One UDP socket, many peers. Knows nothing of connections. */
#include "transport/udp_hub.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/object.h"
#include "dispatch/data_internal.h"

#define BUCKETS       1024u
#define READ_MAX      64 /* datagrams in one turn of the queue */
#define DATAGRAM_ROOM 65536u

struct kept {
	struct bri_list link;
	struct bri_hub_datagram datagram;
};

struct bri_hub_flow {
	struct bri_list link; /* in its bucket, under the hub's lock */
	struct bri_hub *hub;  /* a reference */
	union bri_sockaddr remote, local;
	_Atomic int refs; /* the taker's, and the queued item's */
	/* under the hub's lock */
	struct bri_list kept;
	size_t kept_count, kept_bytes;
	struct dispatch_queue_s *queue; /* internal reference; NULL: not attached */
	void *context;
	void (*on_readable)(void *context);
	bool closed, item_queued, wants_room;
	struct bri_item item;
};

struct bri_hub {
	_Atomic int refs; /* the listener's, and one a flow */
	pthread_mutex_t lock;
	struct bri_sock sock;
	uint16_t port;
	struct bri_watch *watch;
	struct dispatch_queue_s *queue;
	struct bri_item item; /* go on reading */
	bool item_queued;
	/* under lock */
	void *context;
	const struct bri_hub_ops *ops; /* NULL: closed */
	size_t flow_count, kept_bytes;
	bool room_wanted; /* some flow's wants_room */
	uint32_t seed;
	struct bri_list buckets[BUCKETS];
};

/* On the queue: the watch belongs there. */
static void destroy_hub(void *context)
{
	struct bri_hub *hub = context;

	bri_watch_free(hub->watch);
	close(hub->sock.fd);
	bri_object_put(hub->queue);
	pthread_mutex_destroy(&hub->lock);
	free(hub);
}

static void put_hub(struct bri_hub *hub)
{
	struct dispatch_queue_s *queue;

	if (atomic_fetch_sub_explicit(&hub->refs, 1, memory_order_acq_rel) > 1)
		return;
	queue = bri_object_get(hub->queue); /* the hub's own may be gone before the push is over */
	bri_async(queue, hub, destroy_hub);
	bri_object_put(queue);
}

static void free_kept(struct bri_hub_flow *flow)
{
	struct bri_list *link;

	while ((link = bri_list_take(&flow->kept))) {
		struct kept *kept = bri_list_entry(link, struct kept, link);

		bri_object_release(kept->datagram.data);
		free(kept);
	}
}

static void put_flow(struct bri_hub_flow *flow)
{
	if (atomic_fetch_sub_explicit(&flow->refs, 1, memory_order_acq_rel) > 1)
		return;
	free_kept(flow);
	bri_object_put(flow->queue);
	put_hub(flow->hub);
	free(flow);
}

/* FNV-1a over address and port, seeded: who floods us with ports cannot aim at one bucket. */
static struct bri_list *bucket_of(struct bri_hub *hub, const union bri_sockaddr *remote)
{
	const uint8_t *bytes = remote->sa.sa_family == AF_INET6
				       ? remote->in6.sin6_addr.s6_addr
				       : (const uint8_t *)&remote->in.sin_addr;
	size_t len = remote->sa.sa_family == AF_INET6 ? 16 : 4;
	uint32_t hash = hub->seed ^ bri_sockaddr_port(remote);

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	hash = (hash ^ (hash >> 15)) * 2246822519u;
	return &hub->buckets[(hash >> 8) % BUCKETS];
}

static struct bri_hub_flow *find(struct bri_hub *hub, const union bri_sockaddr *remote)
{
	struct bri_list *bucket = bucket_of(hub, remote), *link;

	bri_list_foreach (link, bucket) {
		struct bri_hub_flow *flow = bri_list_entry(link, struct bri_hub_flow, link);

		if (bri_sockaddr_equal(&flow->remote, remote))
			return flow;
	}
	return NULL;
}

/* Under lock: wake the flow's reader, if there is one. */
static void wake(struct bri_hub_flow *flow)
{
	if (!flow->queue || flow->item_queued || flow->closed)
		return;
	flow->item_queued = true;
	atomic_fetch_add_explicit(&flow->refs, 1, memory_order_relaxed);
	bri_queue_push(flow->queue, &flow->item);
}

static void run_flow(struct bri_item *item)
{
	struct bri_hub_flow *flow = bri_container_of(item, struct bri_hub_flow, item);
	bool closed;

	pthread_mutex_lock(&flow->hub->lock);
	flow->item_queued = false;
	closed = flow->closed;
	pthread_mutex_unlock(&flow->hub->lock);
	if (!closed)
		flow->on_readable(flow->context);
	put_flow(flow);
}

/* Under lock. A full flow drops the newest, as a socket's buffer does. */
static void keep(struct bri_hub_flow *flow, struct bri_hub_datagram datagram)
{
	size_t size = datagram.data ? bri_data_size(datagram.data) : 0;
	struct bri_hub *hub = flow->hub;
	struct kept *kept = NULL;

	if (flow->kept_count < BRI_HUB_DATAGRAMS_MAX &&
		flow->kept_bytes + size <= BRI_HUB_BYTES_MAX &&
		hub->kept_bytes + size <= BRI_HUB_UNCLAIMED_MAX)
		kept = malloc(sizeof(*kept));
	if (!kept) {
		bri_object_release(datagram.data);
		return;
	}
	kept->datagram = datagram;
	flow->kept_count++;
	flow->kept_bytes += size;
	hub->kept_bytes += size;
	bri_list_append(&flow->kept, &kept->link);
	wake(flow);
}

/* Under lock. */
static struct bri_hub_flow *add_flow(struct bri_hub *hub, const struct bri_sock_datagram *info)
{
	struct bri_hub_flow *flow;

	if (!hub->ops || hub->flow_count >= BRI_HUB_FLOWS_MAX)
		return NULL;
	flow = calloc(1, sizeof(*flow));
	if (!flow)
		return NULL;
	atomic_init(&flow->refs, 1);
	flow->hub = hub;
	atomic_fetch_add_explicit(&hub->refs, 1, memory_order_relaxed);
	flow->remote = info->from;
	flow->local = info->to;
	flow->item.run = run_flow;
	bri_list_init(&flow->kept);
	bri_list_append(bucket_of(hub, &info->from), &flow->link);
	hub->flow_count++;
	return flow;
}

/* Under lock: the datagram of a peer that has a flow. */
static bool keep_known(struct bri_hub *hub, struct bri_hub_datagram datagram)
{
	struct bri_hub_flow *flow = find(hub, &datagram.info.from);

	if (flow)
		keep(flow, datagram);
	return flow;
}

/* Without the lock: what admits() does may take a while. Flows are added on the queue only. */
static bool is_admitted(
	struct bri_hub *hub, const struct bri_hub_ops *ops, const struct bri_hub_datagram *datagram)
{
	struct bri_hub_reply reply = { .size = 0 };
	struct iovec iov = { .iov_base = reply.bytes };
	bool admitted;

	if (!ops->admits)
		return true;
	admitted = ops->admits(hub->context, datagram, &reply);
	iov.iov_len = reply.size;
	if (reply.size) /* sent or lost; the peer asks again */
		bri_sock_send_datagram(
			hub->sock.fd, &iov, 1, &datagram->info.from, &datagram->info.to, -1);
	return admitted;
}

static void on_datagram(struct bri_hub *hub, struct bri_hub_datagram datagram)
{
	struct bri_hub_flow *added = NULL;
	const struct bri_hub_ops *ops;
	bool known;

	pthread_mutex_lock(&hub->lock);
	known = keep_known(hub, datagram);
	ops = hub->ops;
	pthread_mutex_unlock(&hub->lock);
	if (known)
		return;
	if (!ops || !is_admitted(hub, ops, &datagram)) {
		bri_object_release(datagram.data);
		return;
	}
	pthread_mutex_lock(&hub->lock);
	added = add_flow(hub, &datagram.info);
	if (added)
		keep(added, datagram);
	else
		bri_object_release(datagram.data);
	pthread_mutex_unlock(&hub->lock);
	if (added && !ops->on_flow(hub->context, added))
		bri_hub_flow_close(added);
}

static bool read_one(struct bri_hub *hub)
{
	struct bri_hub_datagram datagram = { 0 };
	uint8_t *ptr;
	size_t room;
	ssize_t n;

	if (bri_chunk_get_scratch(DATAGRAM_ROOM, &ptr, &room) < 0)
		return false;
	n = bri_sock_receive_datagram(hub->sock.fd, ptr, room, &datagram.info);
	if (n < 0) /* an ICMP error of some peer is taken, and more may follow; all else lasts */
		return n == -ECONNREFUSED || n == -EHOSTUNREACH || n == -ENETUNREACH;
	if (n > 0)
		datagram.data = bri_chunk_commit(ptr, (size_t)n);
	if (datagram.info.to.sa.sa_family != AF_UNSPEC)
		bri_sockaddr_set_port(&datagram.info.to, hub->port);
	on_datagram(hub, datagram);
	return true;
}

static void read_some(struct bri_hub *hub)
{
	int i = 0;

	/* on_flow may close the hub */
	atomic_fetch_add_explicit(&hub->refs, 1, memory_order_relaxed);
	while (i < READ_MAX && read_one(hub))
		i++;
	if (i == READ_MAX && !hub->item_queued) {
		hub->item_queued = true;
		bri_queue_push(hub->queue, &hub->item); /* our reference goes along */
		return;
	}
	put_hub(hub);
}

static void run_read(struct bri_item *item)
{
	struct bri_hub *hub = bri_container_of(item, struct bri_hub, item);

	hub->item_queued = false;
	read_some(hub);
	put_hub(hub);
}

/* There is room in the socket again: those that found none try once more. */
static void tell_of_room(struct bri_hub *hub)
{
	pthread_mutex_lock(&hub->lock);
	for (unsigned i = 0; hub->room_wanted && i < BUCKETS; i++) {
		struct bri_list *link;

		bri_list_foreach (link, &hub->buckets[i]) {
			struct bri_hub_flow *flow = bri_list_entry(link, struct bri_hub_flow, link);

			if (flow->wants_room)
				wake(flow);
			flow->wants_room = false;
		}
	}
	hub->room_wanted = false;
	pthread_mutex_unlock(&hub->lock);
}

static void on_ready(void *context, uint32_t events)
{
	struct bri_hub *hub = context;

	if (events & EPOLLOUT)
		tell_of_room(hub);
	if (events & (EPOLLIN | EPOLLERR))
		read_some(hub);
}

int bri_hub_new(struct bri_sock sock, struct dispatch_queue_s *queue, void *context,
	const struct bri_hub_ops *ops, struct bri_hub **ret)
{
	struct bri_hub *hub = calloc(1, sizeof(*hub));
	union bri_sockaddr local;
	int error;

	if (!hub)
		return -ENOMEM;
	atomic_init(&hub->refs, 1);
	pthread_mutex_init(&hub->lock, NULL);
	hub->sock = sock;
	hub->port = bri_sock_local(sock.fd, &local) == 0 ? bri_sockaddr_port(&local) : 0;
	hub->context = context;
	hub->ops = ops;
	hub->queue = bri_object_get(queue);
	hub->item.run = run_read;
	if (getrandom(&hub->seed, sizeof(hub->seed), GRND_NONBLOCK) < 0)
		hub->seed = (uint32_t)(uintptr_t)hub;
	for (unsigned i = 0; i < BUCKETS; i++)
		bri_list_init(&hub->buckets[i]);
	*ret = hub;
	error = bri_watch_new(queue, sock.fd, hub, on_ready, &hub->watch);
	if (error) {
		*ret = NULL;
		bri_object_put(queue);
		pthread_mutex_destroy(&hub->lock);
		free(hub);
	}
	return error;
}

void bri_hub_close(struct bri_hub *hub)
{
	if (!hub)
		return;
	pthread_mutex_lock(&hub->lock);
	hub->ops = NULL;
	pthread_mutex_unlock(&hub->lock);
	put_hub(hub);
}

const union bri_sockaddr *bri_hub_flow_remote(const struct bri_hub_flow *flow)
{
	return &flow->remote;
}

const union bri_sockaddr *bri_hub_flow_local(const struct bri_hub_flow *flow)
{
	return &flow->local;
}

int bri_hub_flow_fd(const struct bri_hub_flow *flow)
{
	return flow->hub->sock.fd;
}

void bri_hub_flow_attach(struct bri_hub_flow *flow, struct dispatch_queue_s *queue, void *context,
	void (*on_readable)(void *context))
{
	pthread_mutex_lock(&flow->hub->lock);
	flow->queue = bri_object_get(queue);
	flow->context = context;
	flow->on_readable = on_readable;
	wake(flow);
	pthread_mutex_unlock(&flow->hub->lock);
}

bool bri_hub_flow_take(struct bri_hub_flow *flow, struct bri_hub_datagram *ret)
{
	struct bri_list *link;
	struct kept *kept;
	size_t size;

	pthread_mutex_lock(&flow->hub->lock);
	link = bri_list_take(&flow->kept);
	if (link) {
		kept = bri_list_entry(link, struct kept, link);
		size = kept->datagram.data ? bri_data_size(kept->datagram.data) : 0;
		flow->kept_count--;
		flow->kept_bytes -= size;
		flow->hub->kept_bytes -= size;
		*ret = kept->datagram;
		free(kept);
	}
	pthread_mutex_unlock(&flow->hub->lock);
	return link;
}

ssize_t bri_hub_flow_send(struct bri_hub_flow *flow, const struct iovec *iov, size_t count, int ecn)
{
	struct bri_hub *hub = flow->hub;
	ssize_t n =
		bri_sock_send_datagram(hub->sock.fd, iov, count, &flow->remote, &flow->local, ecn);

	if (n != -EAGAIN)
		return n;
	pthread_mutex_lock(&hub->lock);
	flow->wants_room = hub->room_wanted = true;
	pthread_mutex_unlock(&hub->lock);
	/* once more: room that came before this was noted is told of to nobody */
	return bri_sock_send_datagram(hub->sock.fd, iov, count, &flow->remote, &flow->local, ecn);
}

void bri_hub_flow_close(struct bri_hub_flow *flow)
{
	if (!flow)
		return;
	pthread_mutex_lock(&flow->hub->lock);
	flow->closed = true;
	bri_list_remove(&flow->link);
	flow->hub->flow_count--;
	flow->hub->kept_bytes -= flow->kept_bytes;
	flow->kept_bytes = 0;
	pthread_mutex_unlock(&flow->hub->lock);
	put_flow(flow);
}
