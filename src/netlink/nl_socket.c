/* A netlink socket. The one file of src/netlink that does I/O; knows no particular message. */
#include "netlink/nl_socket.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

/* the kernel fills at most 32 KiB a datagram of a dump; an event is one object, a few KiB at most
 */
#define BUFFER_SIZE (64u * 1024u)
/* the kernel answers inside sendmsg() or recvmsg(): a wait means something is badly wrong */
#define CALL_TIMEOUT_NS (2 * BRI_NS_PER_S)
/* link and route tables change in bursts of a few ms, a dump takes less than one */
#define DUMP_ATTEMPTS 5
/* a call of bri_nl_socket_receive() ends after so many datagrams: other work waits in the loop */
#define RECEIVE_MAX 128
/* room for bursts of events while nobody reads: a few hundred routes */
#define RECEIVE_BUFFER (1024 * 1024)
/* the same of a group that was joined: an event counts some 830 bytes against twice this, and
 * moving 2000 connections to another path is 4000 events and more. Nothing is taken before it is
 * used */
#define RECEIVE_BUFFER_JOINED (4 * 1024 * 1024)

/* requests a datagram of bri_nl_socket_call_many(): an acknowledgement takes 768 bytes of the
 * socket's 208 KiB, with a text up to 1280; what has no room there is dropped */
#define BATCH_MAX 64

struct bri_nl_socket {
	int fd;
	uint32_t port; /* 0: adopted */
	uint32_t seq;
	char why[BRI_NL_WHY_MAX];
	_Alignas(8) uint8_t buffer[BUFFER_SIZE];
};

int bri_nl_socket_adopt(int fd, struct bri_nl_socket **ret)
{
	struct bri_nl_socket *sock = malloc(sizeof(*sock));

	if (!sock)
		return -ENOMEM;
	sock->fd = fd;
	sock->port = 0;
	sock->seq = 0;
	sock->why[0] = '\0';
	*ret = sock;
	return 0;
}

/* May be cut to net.core.rmem_max where we are not root; an overrun is handled anyway. */
static void enlarge(int fd, int size)
{
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static int setup(int fd, uint32_t groups, uint32_t *ret_port)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = groups };
	socklen_t len = sizeof(addr);
	int on = 1;

	if (groups)
		enlarge(fd, RECEIVE_BUFFER);
	/* errors with their text and without the request they are about; both only help */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return -errno;
	*ret_port = addr.nl_pid;
	return 0;
}

int bri_nl_socket_open(int protocol, uint32_t groups, struct bri_nl_socket **ret)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	uint32_t port = 0;
	int r;

	if (fd < 0)
		return -errno;
	r = setup(fd, groups, &port);
	if (r == 0)
		r = bri_nl_socket_adopt(fd, ret);
	if (r < 0) {
		close(fd);
		return r;
	}
	(*ret)->port = port;
	return 0;
}

void bri_nl_socket_close(struct bri_nl_socket *sock)
{
	if (!sock)
		return;
	close(sock->fd);
	free(sock);
}

int bri_nl_socket_fd(const struct bri_nl_socket *sock)
{
	return sock->fd;
}

int bri_nl_socket_join(struct bri_nl_socket *sock, uint32_t group)
{
	enlarge(sock->fd, RECEIVE_BUFFER_JOINED);
	if (setsockopt(sock->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return -errno;
	return 0;
}

/*
 * One datagram, without waiting. Returns its size, 0 for one that is not the kernel's or is cut
 * (ret_cut), -EAGAIN, -ENOBUFS, -errno.
 */
static ssize_t receive_one(struct bri_nl_socket *sock, bool *ret_cut)
{
	struct sockaddr_nl from = { .nl_family = AF_UNSPEC };
	struct iovec iov = { .iov_base = sock->buffer, .iov_len = sizeof(sock->buffer) };
	struct msghdr msg = {
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1
	};
	ssize_t n;

	do
		n = recvmsg(sock->fd, &msg, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	/* any process may send to a netlink socket; only the kernel has port 0 */
	if (from.nl_family == AF_NETLINK && from.nl_pid != 0)
		return 0;
	if (n == 0) /* the kernel sends none: an adopted socket's other end is closed */
		return -ECONNRESET;
	*ret_cut = msg.msg_flags & MSG_TRUNC;
	return *ret_cut ? 0 : n;
}

/* Sends up to BATCH_MAX requests as one datagram, with the next sequence numbers. */
static int send_requests(struct bri_nl_socket *sock, struct bri_nl_request *reqs, size_t n)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	struct iovec iov[BATCH_MAX];
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n };
	ssize_t sent;

	if (sock->port) { /* an adopted socket is a connected one */
		msg.msg_name = &to;
		msg.msg_namelen = sizeof(to);
	}
	for (size_t i = 0; i < n; i++) {
		struct nlmsghdr *hdr = bri_nl_request_header(&reqs[i]);

		hdr->nlmsg_seq = ++sock->seq;
		hdr->nlmsg_pid = sock->port;
		/* attributes are padded, so the next header is aligned; the last one's length is
		 * the request's own */
		iov[i] = (struct iovec) { .iov_base = hdr, .iov_len = hdr->nlmsg_len };
		if (i + 1 < n)
			iov[i].iov_len = MNL_ALIGN(hdr->nlmsg_len);
	}
	do
		sent = sendmsg(sock->fd, &msg, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

static int wait_readable(int fd, uint64_t deadline_ns)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t now_ns = bri_clock_now_ns();
	int r;

	if (now_ns >= deadline_ns)
		return -ETIMEDOUT;
	r = poll(&p, 1, (int)((deadline_ns - now_ns) / BRI_NS_PER_MS) + 1);
	return r < 0 && errno != EINTR ? -errno : 0;
}

int bri_nl_socket_call(
	struct bri_nl_socket *sock, struct bri_nl_request *req, bri_nl_message_f fn, void *context)
{
	uint64_t deadline_ns = bri_clock_now_ns() + CALL_TIMEOUT_NS;
	struct bri_nl_exchange ex;
	bool cut = false;
	int r;

	sock->why[0] = '\0';
	r = send_requests(sock, req, 1);
	bri_nl_exchange_init(&ex, sock->seq, sock->port);
	while (r == 0 && !ex.done) {
		ssize_t n = receive_one(sock, &cut);

		if (cut)
			r = -EMSGSIZE;
		else if (n == -EAGAIN)
			r = wait_readable(sock->fd, deadline_ns);
		else if (n == -ENOBUFS)
			ex.interrupted = true; /* something was dropped; the end still comes */
		else if (n < 0)
			r = (int)n;
		else
			r = bri_nl_exchange_rx(&ex, sock->buffer, (size_t)n, fn, context);
	}
	if (r < 0)
		return r;
	memcpy(sock->why, ex.why, sizeof(sock->why));
	return ex.result == 0 && ex.interrupted ? BRI_NL_INTERRUPTED : ex.result;
}

/* One datagram of requests and its acknowledgements. */
static int call_batch(struct bri_nl_socket *sock, struct bri_nl_request *reqs, size_t n,
	int *ret_results, uint64_t deadline_ns)
{
	struct bri_nl_acks acks;
	bool cut = false, dropped = false;
	int r;

	bri_nl_acks_init(&acks, sock->seq + 1, sock->port, ret_results, n);
	r = send_requests(sock, reqs, n);
	while (r == 0 && acks.left > 0) {
		ssize_t got = receive_one(sock, &cut);

		if (cut)
			r = -EMSGSIZE;
		else if (got == -ENOBUFS)
			dropped = true;
		else if (got == -EAGAIN && dropped)
			r = -ENOBUFS; /* the kernel has answered all before sendmsg() returned */
		else if (got == -EAGAIN)
			r = wait_readable(sock->fd, deadline_ns);
		else if (got < 0)
			r = (int)got;
		else
			r = bri_nl_acks_rx(&acks, sock->buffer, (size_t)got);
	}
	if (acks.why[0])
		memcpy(sock->why, acks.why, sizeof(sock->why));
	return r;
}

int bri_nl_socket_call_many(
	struct bri_nl_socket *sock, struct bri_nl_request *reqs, size_t n, int *ret_results)
{
	bool dropped = false;
	int r = 0;

	sock->why[0] = '\0';
	for (size_t i = 0; i < n; i++)
		ret_results[i] = BRI_NL_ACK_NONE;
	for (size_t at = 0, step; at < n && (r == 0 || r == -ENOBUFS); at += step) {
		step = bri_min_size(n - at, BATCH_MAX);
		r = call_batch(sock, reqs + at, step, ret_results + at,
			bri_clock_now_ns() + CALL_TIMEOUT_NS);
		dropped = dropped || r == -ENOBUFS;
	}
	return r == 0 && dropped ? -ENOBUFS : r;
}

const char *bri_nl_socket_why(const struct bri_nl_socket *sock)
{
	return sock->why;
}

int bri_nl_socket_dump(struct bri_nl_socket *sock, struct bri_nl_request *req,
	void (*restart)(void *context), bri_nl_message_f fn, void *context)
{
	int r = BRI_NL_INTERRUPTED;

	for (int i = 0; i < DUMP_ATTEMPTS && r == BRI_NL_INTERRUPTED; i++) {
		if (restart)
			restart(context);
		r = bri_nl_socket_call(sock, req, fn, context);
		if (r == BRI_NL_INTERRUPTED)
			bri_debug("netlink: dump interrupted, attempt %d of %d", i + 1,
				DUMP_ATTEMPTS);
	}
	return r;
}

int bri_nl_socket_receive(struct bri_nl_socket *sock, bri_nl_message_f fn, void *context)
{
	for (int i = 0; i < RECEIVE_MAX; i++) {
		bool cut = false;
		ssize_t n = receive_one(sock, &cut);
		int r;

		if (n == -EAGAIN)
			return 0;
		if (n == -ENOBUFS || cut)
			return BRI_NL_OVERRUN;
		if (n < 0)
			return (int)n;
		r = bri_nl_exchange_events(sock->buffer, (size_t)n, fn, context);
		if (r != 0)
			return r;
	}
	return BRI_NL_MORE;
}
