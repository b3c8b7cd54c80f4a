/*
 * One client of the control socket: reads its requests one by one, sends what is queued for it, and
 * ends it when it breaks a rule. Knows nothing of what requests mean.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "daemon/control_internal.h"

#define STEPS_MAX 16  /* messages in or out before other clients have their turn */
#define DRAIN_MAX 256 /* messages thrown away at the end; a socket buffer holds some 280 */

void bri_control_peer_queue(struct bri_control_peer *peer, const uint8_t *bytes, size_t size)
{
	struct bri_control_out *out;

	if (peer->closing)
		return;
	out = peer->n_out < peer->server->limits.queue ? malloc(sizeof(*out) + size) : NULL;
	if (!out) {
		bri_info("control: client of user %u, process %d does not read, and is dropped",
			(unsigned)peer->who.uid, (int)peer->who.pid);
		peer->server->counts.dropped++;
		peer->closing = true;
	} else {
		out->size = size;
		memcpy(out->bytes, bytes, size);
		bri_list_append(&peer->out, &out->link);
		peer->n_out++;
	}
	bri_control_server_ready(peer);
}

void bri_control_peer_say(struct bri_control_peer *peer, const struct bri_message *message)
{
	uint8_t bytes[BRI_MESSAGE_MAX];
	int size = bri_message_encode(message, bytes, sizeof(bytes));

	if (size < 0) {
		bri_error("control: a message of type %u cannot be sent: %s", message->type,
			strerror(-size));
		bri_control_peer_error(peer, message->id, -EIO,
			"braidd could not put its answer into a message: a bug, see its log");
		return;
	}
	bri_control_peer_queue(peer, bytes, (size_t)size);
}

void bri_control_peer_error(struct bri_control_peer *peer, uint32_t id, int error, const char *text)
{
	struct bri_message message = {
		.type = BRI_MESSAGE_ERROR,
		.id = id,
		.error = { .error = (uint32_t)-error },
	};
	size_t len = strnlen(text, sizeof(message.error.text) - 1);

	memcpy(message.error.text, text, len);
	bri_control_peer_say(peer, &message);
}

/* 0: all is sent; 1: the socket takes no more; -errno: it is broken. */
static int flush(struct bri_control_peer *peer, uint64_t now_ns)
{
	struct bri_control_out *out;

	while (!bri_list_empty(&peer->out)) {
		out = bri_list_entry(peer->out.next, struct bri_control_out, link);
		if (send(peer->fd, out->bytes, out->size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
			if (errno == EINTR)
				continue;
			if (errno != EAGAIN)
				return -errno;
			if (!peer->blocked)
				peer->blocked_ns = now_ns;
			peer->blocked = true;
			return 1;
		}
		bri_list_remove(&out->link);
		free(out);
		peer->n_out--;
		peer->blocked = false;
	}
	return 0;
}

static void malformed(struct bri_control_peer *peer, uint32_t id, int error, const char *text)
{
	peer->server->counts.malformed++;
	bri_control_peer_error(peer, id, error, text);
	peer->closing = true;
}

static void on_datagram(struct bri_control_peer *peer, const uint8_t *bytes, size_t size)
{
	struct bri_message message;
	int r = size > BRI_MESSAGE_MAX ? -EBADMSG : bri_message_decode(bytes, size, &message);

	peer->server->counts.requests++;
	switch (r) {
	case 0: bri_control_request_do(peer, &message); break;
	case -EOPNOTSUPP:
		bri_control_peer_error(peer, message.id, r,
			"this braidd does not know that request: it is older than its client");
		break;
	case -EPROTONOSUPPORT:
		malformed(peer, 0, r,
			"this braidd speaks version 1 of the control protocol: upgrade the older "
			"of both");
		break;
	default: malformed(peer, 0, -EBADMSG, "malformed message: see docs/wire/control.md"); break;
	}
}

/* 0: a datagram was dealt with; 1: nothing to read (now); -errno: the end. */
static int read_one(struct bri_control_peer *peer, uint64_t now_ns)
{
	uint8_t bytes[BRI_MESSAGE_MAX];
	uint64_t later_ns;
	ssize_t n;

	if (!peer->readable)
		return 1;
	/* looked at before the request is paid for: EAGAIN costs nothing */
	n = recv(peer->fd, bytes, 1, MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC);
	if (n > 0) {
		later_ns = bri_control_quota_request(&peer->server->quota, peer->user, now_ns);
		peer->resume_ns = later_ns;
		if (later_ns != 0)
			return 1;
		n = recv(peer->fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_TRUNC);
	}
	if (n == 0)
		return -EPIPE;
	if (n < 0 && errno == EAGAIN) {
		peer->readable = false;
		return 1;
	}
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	peer->heard_ns = now_ns;
	peer->spoke = true;
	on_datagram(peer, bytes, (size_t)n);
	return 0;
}

static bool is_idle(const struct bri_control_peer *peer)
{
	return bri_list_empty(&peer->claims) && peer->watching == 0;
}

/* When patience ends; resume_ns apart. */
static uint64_t deadline_ns(const struct bri_control_peer *peer)
{
	const struct bri_control_limits *limits = &peer->server->limits;

	if (peer->blocked)
		return peer->blocked_ns + limits->stall_ns;
	if (!peer->spoke)
		return peer->heard_ns + limits->first_ns;
	return is_idle(peer) ? peer->heard_ns + limits->idle_ns : BRI_NEVER;
}

uint64_t bri_control_peer_wake_ns(const struct bri_control_peer *peer)
{
	uint64_t ns = deadline_ns(peer);

	/* a blocked one is not read from, so when it may be does not matter */
	return peer->resume_ns != 0 && !peer->blocked ? bri_min_u64(ns, peer->resume_ns) : ns;
}

/*
 * One step. 0: there may be more to do; 1: not before something happens; -errno: the end.
 * What is queued goes first: a client that does not read is not read from either, so that at most
 * one reply and the events can pile up.
 */
static int step(struct bri_control_peer *peer, uint64_t now_ns)
{
	int r = flush(peer, now_ns);

	if (r != 0)
		return peer->closing ? -EPIPE : r;
	if (peer->closing)
		return -EPIPE;
	if (peer->stream != 0) {
		bri_control_request_next(peer);
		peer->heard_ns = now_ns; /* a long list is no silence of the client's */
		return 0;
	}
	if (peer->resume_ns > now_ns)
		return 1;
	return read_one(peer, now_ns);
}

bool bri_control_peer_run(struct bri_control_peer *peer, uint64_t now_ns)
{
	struct bri_control_server *server = peer->server;
	int r = 0;

	for (int i = 0; i < STEPS_MAX && r == 0; i++)
		r = step(peer, now_ns);
	if (r == 1 && deadline_ns(peer) <= now_ns) {
		if (peer->blocked)
			server->counts.dropped++;
		r = -ETIMEDOUT;
	}
	if (r < 0) {
		bri_control_peer_free(peer);
		return false;
	}
	if (r == 0)
		bri_control_server_ready(peer);
	bri_control_server_wake_at(server, bri_control_peer_wake_ns(peer));
	return true;
}

static void on_ready(void *context, uint32_t events)
{
	struct bri_control_peer *peer = context;

	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		peer->readable = true;
	bri_control_peer_run(peer, bri_clock_now_ns());
}

int bri_control_peer_new(struct bri_control_server *server, int fd,
	const struct bri_control_who *who, struct bri_control_user *user, uint64_t now_ns)
{
	struct bri_control_peer *peer = calloc(1, sizeof(*peer));
	int r = -ENOMEM;

	if (peer) {
		*peer = (struct bri_control_peer) {
			.server = server, .fd = fd, .who = *who, .user = user, .heard_ns = now_ns
		};
		bri_list_init(&peer->ready);
		bri_list_init(&peer->claims);
		bri_list_init(&peer->out);
		r = bri_watch_new(server->queue, fd, peer, on_ready, &peer->watch);
	}
	if (r < 0) {
		free(peer);
		close(fd);
		return r;
	}
	bri_list_append(&server->all, &peer->all);
	bri_control_server_wake_at(server, bri_control_peer_wake_ns(peer));
	return 0;
}

/* What lies unread would make the client's next read fail before it sees our last words. */
static void drain(int fd)
{
	uint8_t byte;

	shutdown(fd, SHUT_RD);
	for (int i = 0; i < DRAIN_MAX; i++)
		if (recv(fd, &byte, 1, MSG_DONTWAIT) <= 0)
			return;
}

void bri_control_peer_free(struct bri_control_peer *peer)
{
	struct bri_control_server *server = peer->server;
	struct bri_list *l;

	bri_watch_free(peer->watch);
	/* out of the lists first: release() below may tell an event, which goes to all peers */
	bri_list_remove(&peer->all);
	bri_list_remove(&peer->ready);
	while (!bri_list_empty(&peer->claims)) {
		struct bri_control_claim *claim =
			bri_list_entry(peer->claims.next, struct bri_control_claim, by_peer);
		uint32_t token = claim->token;

		bri_control_claim_free(claim);
		if (!server->dead)
			server->ops.release(server->ops.context, token);
	}
	while ((l = bri_list_take(&peer->out)))
		free(bri_list_entry(l, struct bri_control_out, link));
	bri_control_quota_leave(&server->quota, peer->user);
	drain(peer->fd);
	close(peer->fd);
	free(peer);
}
