/* c-ares in our loops: its sockets are watched, and its deadlines kept, on bri_internal_queue(). */
#include "transport/dns_channel.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "dispatch/runtime.h"

/* c-ares reads one datagram or one piece of a stream a call. After so many, others get their turn.
 */
#define ROUNDS_MAX 64

struct bri_dns_channel {
	ares_channel ares;
	struct bri_timer *timer;
	struct bri_list sockets; /* struct dns_socket; owned */
	struct bri_list closed;  /* the same, waiting until no call into c-ares is on the stack */
	size_t pending;
	unsigned depth; /* calls into c-ares on the stack */
	bool retired;
	bool more;     /* the rounds were used up: come back at once */
	uint8_t rcode; /* of the datagram that was read last, in this call into c-ares */
};

struct dns_socket {
	struct bri_list link;
	struct bri_dns_channel *channel;
	struct bri_watch *watch;
	int fd;
	bool want_read, want_write;
	bool recheck; /* edges may have passed before we wanted them */
	bool closed;
};

struct dns_query {
	struct bri_dns_channel *channel;
	void *context;
	bri_dns_answer_f on_answer;
};

/*
 * Our own socket calls: descriptors are born CLOEXEC (no window for a fork elsewhere), and a
 * server that closes a TCP connection must not raise SIGPIPE in the application.
 */
static ares_socket_t socket_open(int domain, int type, int protocol, void *user)
{
	(void)user;
	return socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
}

static int socket_close(ares_socket_t fd, void *user)
{
	(void)user;
	return close(fd);
}

static int socket_connect(
	ares_socket_t fd, const struct sockaddr *address, ares_socklen_t len, void *user)
{
	(void)user;
	return connect(fd, address, len);
}

static ares_ssize_t socket_receive(ares_socket_t fd, void *buf, size_t size, int flags,
	struct sockaddr *from, ares_socklen_t *from_len, void *user)
{
	struct bri_dns_channel *channel = user;
	ares_ssize_t n = recvfrom(fd, buf, size, flags, from, from_len);

	/* RFC 1035 section 4.1.1. Streams come in pieces: their codes are not seen here */
	channel->rcode = from && n >= 12 ? ((const uint8_t *)buf)[3] & 0xf : 0;
	return n;
}

static ares_ssize_t socket_send(ares_socket_t fd, const struct iovec *iov, int n, void *user)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n };

	(void)user;
	return sendmsg(fd, &msg, MSG_NOSIGNAL);
}

static const struct ares_socket_functions socket_functions = {
	.asocket = socket_open,
	.aclose = socket_close,
	.aconnect = socket_connect,
	.arecvfrom = socket_receive,
	.asendv = socket_send,
};

/* Our watches are edge triggered, and c-ares does not read until EAGAIN: ask the descriptor again.
 */
static short ready_now(const struct dns_socket *s)
{
	struct pollfd p = { .fd = s->fd };

	p.events = (short)((s->want_read ? POLLIN : 0) | (s->want_write ? POLLOUT : 0));
	return poll(&p, 1, 0) > 0 ? p.revents : 0;
}

static void drive(struct dns_socket *s)
{
	struct bri_dns_channel *channel = s->channel;
	short ready = 0;

	s->recheck = false;
	for (unsigned i = 0; i < ROUNDS_MAX && !s->closed; i++) {
		ready = ready_now(s);
		if (!ready)
			return;
		channel->depth++;
		channel->rcode = 0;
		ares_process_fd(channel->ares,
			s->want_read && (ready & ~POLLOUT) ? s->fd : ARES_SOCKET_BAD,
			s->want_write && (ready & ~POLLIN) ? s->fd : ARES_SOCKET_BAD);
		channel->depth--;
	}
	if (!s->closed) {
		s->recheck = true;
		channel->more = true;
	}
}

static struct dns_socket *find(struct bri_dns_channel *channel, int fd)
{
	struct bri_list *l;

	bri_list_foreach (l, &channel->sockets) {
		struct dns_socket *s = bri_list_entry(l, struct dns_socket, link);

		if (s->fd == fd)
			return s;
	}
	return NULL;
}

static struct dns_socket *find_recheck(struct bri_dns_channel *channel)
{
	struct bri_list *l;

	bri_list_foreach (l, &channel->sockets) {
		struct dns_socket *s = bri_list_entry(l, struct dns_socket, link);

		if (s->recheck)
			return s;
	}
	return NULL;
}

static void free_channel(struct bri_dns_channel *channel)
{
	ares_destroy(channel->ares); /* closes its sockets by on_socket_state() */
	assert(bri_list_empty(&channel->sockets));
	for (struct bri_list *l; (l = bri_list_take(&channel->closed));)
		free(bri_list_entry(l, struct dns_socket, link));
	bri_timer_free(channel->timer);
	free(channel);
}

/* After every call into c-ares: what it left to do, its next deadline, and its end. */
static void settle(struct bri_dns_channel *channel)
{
	struct timeval tv;
	struct dns_socket *s;

	if (channel->depth)
		return;
	channel->more = false;
	while (!channel->more && (s = find_recheck(channel)))
		drive(s);
	for (struct bri_list *l; (l = bri_list_take(&channel->closed));)
		free(bri_list_entry(l, struct dns_socket, link));
	if (channel->retired && !channel->pending) {
		free_channel(channel);
		return;
	}
	if (channel->more)
		bri_timer_set(channel->timer, 0);
	else if (ares_timeout(channel->ares, NULL, &tv))
		/* a millisecond more: it must find its deadline passed */
		bri_timer_set(channel->timer,
			bri_clock_now_ns() + (uint64_t)tv.tv_sec * BRI_NS_PER_S +
				(uint64_t)tv.tv_usec * BRI_NS_PER_US + BRI_NS_PER_MS);
	else
		bri_timer_set(channel->timer, BRI_NEVER);
}

static void on_timer(void *context)
{
	struct bri_dns_channel *channel = context;

	channel->depth++;
	channel->rcode = 0;
	ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	channel->depth--;
	settle(channel);
}

static void on_ready(void *context, uint32_t events)
{
	struct dns_socket *s = context;
	struct bri_dns_channel *channel = s->channel;

	(void)events;
	drive(s);
	settle(channel);
}

static void close_socket(struct dns_socket *s)
{
	bri_watch_free(s->watch);
	s->closed = true;
	bri_list_remove(&s->link);
	bri_list_append(&s->channel->closed, &s->link);
}

static void open_socket(struct bri_dns_channel *channel, int fd)
{
	struct dns_socket *s = calloc(1, sizeof(*s));
	int error = s ? 0 : -ENOMEM;

	if (s) {
		s->channel = channel;
		s->fd = fd;
		bri_list_append(&channel->sockets, &s->link);
		error = bri_watch_new(bri_internal_queue(), fd, s, on_ready, &s->watch);
	}
	/* its answers will not be noticed; c-ares times out and says so */
	if (error)
		bri_error("resolver: a socket cannot be watched: %s", strerror(-error));
}

/* c-ares opened, closed (neither read nor write) or uses a socket differently. */
static void on_socket_state(void *context, ares_socket_t fd, int want_read, int want_write)
{
	struct bri_dns_channel *channel = context;
	struct dns_socket *s = find(channel, fd);

	if (!want_read && !want_write) {
		if (s)
			close_socket(s);
		return;
	}
	if (!s) {
		open_socket(channel, fd);
		s = find(channel, fd);
		if (!s)
			return;
	}
	s->recheck = s->recheck || (want_write && !s->want_write) || (want_read && !s->want_read);
	s->want_read = want_read;
	s->want_write = want_write;
}

/*
 * When the last server answers "failure", "not implemented" or "refused", c-ares reports that no
 * server could be reached. The answer that made it give up is the datagram it is processing now.
 */
static int true_status(const struct bri_dns_channel *channel, int status)
{
	if (status != ARES_ECONNREFUSED)
		return status;
	switch (channel->rcode) {
	case 2: return ARES_ESERVFAIL;
	case 4: return ARES_ENOTIMP;
	case 5: return ARES_EREFUSED;
	default: return status;
	}
}

static void on_addrinfo(void *context, int status, int timeouts, struct ares_addrinfo *result)
{
	struct dns_query *query = context;

	(void)timeouts;
	query->channel->pending--;
	status = true_status(query->channel, status);
	query->on_answer(query->context, status, status == ARES_SUCCESS ? result : NULL);
	if (result)
		ares_freeaddrinfo(result);
	free(query);
}

static int start_ares(struct bri_dns_channel *channel, const struct bri_dns_config *config)
{
	/* the hosts file is the resolver's matter: here only "b", the servers */
	char lookups[] = "b";
	struct ares_options options = {
		.timeout = (int)config->try_ms,
		.tries = (int)config->tries,
		.lookups = lookups,
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = channel,
		.resolvconf_path = (char *)config->resolv_conf,
	};
	int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
	int status;

	if (config->resolv_conf)
		mask |= ARES_OPT_RESOLVCONF;
	status = ares_init_options(&channel->ares, &options, mask);
	if (status == ARES_SUCCESS) {
		ares_set_socket_functions(channel->ares, &socket_functions, channel);
		if (config->servers)
			status = ares_set_servers_ports_csv(channel->ares, config->servers);
		if (status != ARES_SUCCESS)
			ares_destroy(channel->ares);
	}
	if (status == ARES_SUCCESS)
		return 0;
	bri_error("resolver: c-ares: %s", ares_strerror(status));
	return status == ARES_ENOMEM ? -ENOMEM : -EIO;
}

int bri_dns_channel_new(const struct bri_dns_config *config, struct bri_dns_channel **ret)
{
	struct bri_dns_channel *channel = calloc(1, sizeof(*channel));
	int error;

	if (!channel)
		return -ENOMEM;
	bri_list_init(&channel->sockets);
	bri_list_init(&channel->closed);
	error = bri_timer_new(bri_internal_queue(), channel, on_timer, &channel->timer);
	if (!error)
		error = start_ares(channel, config);
	if (error) {
		bri_timer_free(channel->timer);
		free(channel);
		return error;
	}
	*ret = channel;
	return 0;
}

void bri_dns_channel_query(struct bri_dns_channel *channel, const char *host, int family,
	void *context, bri_dns_answer_f on_answer)
{
	/* sorted by the caller, who first throws away what is too much */
	const struct ares_addrinfo_hints hints = { .ai_family = family,
		.ai_flags = ARES_AI_NOSORT };
	struct dns_query *query = malloc(sizeof(*query));

	if (!query) {
		on_answer(context, ARES_ENOMEM, NULL);
		return;
	}
	*query = (struct dns_query) { channel, context, on_answer };
	channel->pending++;
	channel->depth++;
	channel->rcode = 0;
	ares_getaddrinfo(channel->ares, host, NULL, &hints, on_addrinfo, query);
	channel->depth--;
	settle(channel);
}

void bri_dns_channel_retire(struct bri_dns_channel *channel)
{
	if (!channel)
		return;
	channel->retired = true;
	settle(channel);
}
