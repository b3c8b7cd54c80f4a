/*
 * Accepts clients of the control socket, gives each its turn, and passes events on.
 * Knows nothing of what requests mean.
 */
#include "daemon/control_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/object.h"
#include "daemon/control_internal.h"

#define ACCEPTS_MAX     16 /* clients accepted before others have their turn */
#define ACCEPT_AGAIN_NS BRI_NS_PER_S

static void queue_work(struct bri_control_server *server)
{
	if (server->work_queued)
		return;
	server->work_queued = true;
	bri_queue_push(server->queue, &server->work);
}

void bri_control_server_ready(struct bri_control_peer *peer)
{
	if (bri_list_empty(&peer->ready))
		bri_list_append(&peer->server->ready, &peer->ready);
	queue_work(peer->server);
}

void bri_control_server_wake_at(struct bri_control_server *server, uint64_t when_ns)
{
	if (when_ns >= server->timer_ns)
		return;
	server->timer_ns = when_ns;
	bri_timer_set(server->timer, when_ns);
}

static void refuse(struct bri_control_server *server, int fd, int error)
{
	struct bri_message message = {
		.type = BRI_MESSAGE_ERROR,
		.error = { .error = (uint32_t)-error },
	};
	const char *text =
		error == -EDQUOT   ? "this user has as many clients of braidd as one user may have"
		: error == -EAGAIN ? "this user asks braidd too often: slow down"
				   : "braidd has as many clients as it takes: try again later";
	uint8_t bytes[BRI_MESSAGE_MAX];
	int size;

	memcpy(message.error.text, text, strlen(text) + 1);
	size = bri_message_encode(&message, bytes, sizeof(bytes));
	if (size > 0 && send(fd, bytes, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		bri_debug("control: a refused client was not told: %s", strerror(errno));
	server->counts.refused++;
	close(fd);
}

static void on_client(struct bri_control_server *server, int fd, uint64_t now_ns)
{
	struct bri_control_user *user;
	struct bri_control_who who;
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int r;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0) {
		bri_warn("control: a client without credentials: %s", strerror(errno));
		close(fd);
		return;
	}
	who = (struct bri_control_who) { .uid = cred.uid, .gid = cred.gid, .pid = cred.pid };
	r = bri_control_quota_enter(&server->quota, who.uid, now_ns, &user);
	if (r < 0) {
		refuse(server, fd, r);
		return;
	}
	r = bri_control_peer_new(server, fd, &who, user, now_ns);
	if (r < 0) {
		bri_control_quota_leave(&server->quota, user);
		bri_warn("control: cannot take a client: %s", strerror(-r));
		return;
	}
	server->counts.accepted++;
}

static void accept_some(struct bri_control_server *server, uint64_t now_ns)
{
	int fd;

	for (int i = 0; i < ACCEPTS_MAX && server->accept_more; i++) {
		fd = accept4(server->sock.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			on_client(server, fd, now_ns);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		server->accept_more = false;
		if (errno == EAGAIN)
			return;
		/* no descriptors or no memory: no edge will tell when there are some again */
		bri_warn("control: cannot accept: %s", strerror(errno));
		server->accept_again_ns = now_ns + ACCEPT_AGAIN_NS;
		bri_control_server_wake_at(server, server->accept_again_ns);
	}
	if (server->accept_more)
		queue_work(server);
}

static void on_listener(void *context, uint32_t events)
{
	struct bri_control_server *server = context;

	if (!(events & (EPOLLIN | EPOLLERR | EPOLLHUP)) || server->accept_again_ns != 0)
		return;
	server->accept_more = true;
	accept_some(server, bri_clock_now_ns());
}

/* One round: who becomes ready meanwhile has to wait for the next. */
static void on_work(struct bri_item *item)
{
	struct bri_control_server *server = bri_container_of(item, struct bri_control_server, work);
	struct bri_list round, *l;
	uint64_t now_ns = bri_clock_now_ns();

	server->work_queued = false;
	if (server->dead) {
		bri_object_put(server->queue);
		free(server);
		return;
	}
	bri_list_init(&round);
	while ((l = bri_list_take(&server->ready)))
		bri_list_append(&round, l);
	while ((l = bri_list_take(&round)))
		bri_control_peer_run(bri_list_entry(l, struct bri_control_peer, ready), now_ns);
	if (server->accept_more)
		accept_some(server, now_ns);
}

static void on_timer(void *context)
{
	struct bri_control_server *server = context;
	uint64_t now_ns = bri_clock_now_ns(), next_ns = BRI_NEVER;
	struct bri_list *l;

	server->timer_ns = BRI_NEVER;
	bri_list_foreach (l, &server->all) {
		struct bri_control_peer *peer = bri_list_entry(l, struct bri_control_peer, all);
		uint64_t wake_ns = bri_control_peer_wake_ns(peer);

		if (wake_ns <= now_ns)
			bri_control_server_ready(peer);
		else
			next_ns = bri_min_u64(next_ns, wake_ns);
	}
	if (server->accept_again_ns != 0 && server->accept_again_ns <= now_ns) {
		server->accept_again_ns = 0;
		server->accept_more = true;
		queue_work(server);
	}
	if (server->accept_again_ns != 0)
		next_ns = bri_min_u64(next_ns, server->accept_again_ns);
	bri_control_server_wake_at(server, next_ns);
}

int bri_control_server_new(struct dispatch_queue_s *queue, struct bri_control_socket *sock,
	const struct bri_control_limits *limits, const struct bri_control_ops *ops,
	struct bri_control_server **ret)
{
	struct bri_control_server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return -ENOMEM;
	server->queue = bri_object_get(queue);
	server->limits = limits ? *limits : bri_control_limits_default;
	server->ops = *ops;
	server->work.run = on_work;
	server->timer_ns = BRI_NEVER;
	bri_list_init(&server->all);
	bri_list_init(&server->ready);
	for (size_t i = 0; i < BRI_CONTROL_BUCKETS; i++)
		bri_list_init(&server->claims[i]);
	r = bri_control_quota_init(&server->quota, &server->limits);
	if (r == 0)
		r = bri_timer_new(queue, server, on_timer, &server->timer);
	if (r == 0)
		r = bri_watch_new(queue, sock->fd, server, on_listener, &server->watch);
	if (r < 0) {
		if (server->timer)
			bri_timer_free(server->timer);
		bri_control_quota_fini(&server->quota);
		bri_object_put(server->queue);
		free(server);
		return r;
	}
	server->sock = *sock;
	*sock = (struct bri_control_socket) { .fd = -1, .lock_fd = -1 };
	*ret = server;
	return 0;
}

void bri_control_server_free(struct bri_control_server *server)
{
	if (!server)
		return;
	server->dead = true;
	bri_watch_free(server->watch);
	bri_timer_free(server->timer);
	while (!bri_list_empty(&server->all))
		bri_control_peer_free(
			bri_list_entry(server->all.next, struct bri_control_peer, all));
	bri_control_socket_close(&server->sock);
	bri_control_quota_fini(&server->quota);
	if (server->work_queued) /* on_work() frees it */
		return;
	bri_object_put(server->queue);
	free(server);
}

static bool wants(const struct bri_control_peer *peer, const struct bri_message_event *event,
	const struct bri_control_claim *claim)
{
	if (event->token == 0)
		return peer->watching & BRI_MESSAGE_WATCH_PATHS;
	if ((peer->watching & BRI_MESSAGE_WATCH_CLAIMED) && claim && claim->peer == peer)
		return true;
	return (peer->watching & BRI_MESSAGE_WATCH_CONNECTIONS) &&
	       (peer->who.uid == 0 || peer->who.uid == event->uid);
}

void bri_control_server_event(
	struct bri_control_server *server, const struct bri_message_event *event)
{
	struct bri_message message = { .type = BRI_MESSAGE_EVENT, .event = *event };
	const struct bri_control_claim *claim =
		event->token ? bri_control_claim_find(server, event->token) : NULL;
	uint8_t bytes[BRI_MESSAGE_MAX];
	struct bri_list *l;
	int size = bri_message_encode(&message, bytes, sizeof(bytes));

	if (size < 0) {
		bri_error("control: an event of kind %u cannot be sent: %s", event->kind,
			strerror(-size));
		return;
	}
	bri_list_foreach (l, &server->all) {
		struct bri_control_peer *peer = bri_list_entry(l, struct bri_control_peer, all);

		if (wants(peer, event, claim))
			bri_control_peer_queue(peer, bytes, (size_t)size);
	}
}

void bri_control_server_forget(struct bri_control_server *server, uint32_t token)
{
	struct bri_control_claim *claim = bri_control_claim_find(server, token);

	if (!claim)
		return;
	/* it may be idle from now on, and nothing else would look at it again */
	bri_control_server_ready(claim->peer);
	bri_control_claim_free(claim);
}

void bri_control_server_counts(
	const struct bri_control_server *server, struct bri_control_counts *ret)
{
	*ret = server->counts;
	ret->clients = server->quota.clients;
	ret->claims = server->quota.claims;
}
