/* A netlink socket. The one file of src/netlink that does I/O; knows no particular message. */
#include "netlink/nl_socket.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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

struct bri_nl_socket {
	int fd;
	uint32_t port; /* 0: adopted */
	uint32_t seq;
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
	*ret = sock;
	return 0;
}

static int setup(int fd, uint32_t groups, uint32_t *ret_port)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = groups };
	socklen_t len = sizeof(addr);
	int size = RECEIVE_BUFFER;

	if (groups) /* may be cut to net.core.rmem_max; an overrun is handled anyway */
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
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

static int send_request(struct bri_nl_socket *sock, struct bri_nl_request *req)
{
	struct nlmsghdr *hdr = bri_nl_request_header(req);
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	ssize_t n;

	hdr->nlmsg_seq = ++sock->seq;
	hdr->nlmsg_pid = sock->port;
	do /* an adopted socket is a connected one */
		n = sendto(sock->fd, hdr, hdr->nlmsg_len, MSG_NOSIGNAL,
			sock->port ? (struct sockaddr *)&to : NULL, sock->port ? sizeof(to) : 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
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

	r = send_request(sock, req);
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
	return ex.result == 0 && ex.interrupted ? BRI_NL_INTERRUPTED : ex.result;
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
