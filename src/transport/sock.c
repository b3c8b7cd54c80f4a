/* Kernel sockets. The only code that calls socket(2). Knows nothing of names, racing or handlers.
 */
#include "transport/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif
#ifndef IPV6_ADDR_PREFERENCES
#define IPV6_ADDR_PREFERENCES 72
#endif
#define PREFER_SRC_TMP    0x0001 /* include/uapi/linux/in6.h, which clashes with netinet/in.h */
#define PREFER_SRC_PUBLIC 0x0002

/* An option that matters: its failure is the caller's. */
static int set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* An option that is a wish: where the kernel refuses it (MPTCP does for many), the log says so. */
static void wish(int fd, int level, int name, int value, const char *what)
{
	int error = set_int(fd, level, name, value);

	if (error)
		bri_info("%s is not possible on this socket: %s", what, strerror(-error));
}

/*
 * IPPROTO_MPTCP, else IPPROTO_TCP with the reason kept: EINVAL (before 5.6), EPROTONOSUPPORT (not
 * built in), ENOPROTOOPT (net.mptcp.enabled=0), EPERM/EACCES (blocked). Others are real failures.
 */
static int open_stream(bool multipath, int family, struct bri_sock *ret)
{
	const int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

	if (multipath) {
		ret->fd = socket(family, type, IPPROTO_MPTCP);
		ret->mptcp = ret->fd >= 0;
		if (ret->mptcp)
			return 0;
		ret->mptcp_errno = errno;
		if (bri_mptcp_reason_from_errno(errno) == BRI_MPTCP_REASON_OTHER)
			return -errno;
	}
	ret->fd = socket(family, type, IPPROTO_TCP);
	return ret->fd < 0 ? -errno : 0;
}

static void set_tcp_options(const struct bri_sock_config *c, struct bri_sock *sock)
{
	int fd = sock->fd;

	if (c->no_delay)
		wish(fd, IPPROTO_TCP, TCP_NODELAY, 1, "no delay");
	if (c->no_push)
		wish(fd, IPPROTO_TCP, TCP_CORK, 1, "no push");
	if (c->keepalive)
		wish(fd, SOL_SOCKET, SO_KEEPALIVE, 1, "keepalive");
	if (c->keepalive && c->keepalive_idle_s)
		wish(fd, IPPROTO_TCP, TCP_KEEPIDLE, (int)c->keepalive_idle_s,
			"keepalive idle time");
	if (c->keepalive && c->keepalive_interval_s)
		wish(fd, IPPROTO_TCP, TCP_KEEPINTVL, (int)c->keepalive_interval_s,
			"keepalive interval");
	if (c->keepalive && c->keepalive_count)
		wish(fd, IPPROTO_TCP, TCP_KEEPCNT, (int)c->keepalive_count, "keepalive count");
	if (c->maximum_segment_size)
		wish(fd, IPPROTO_TCP, TCP_MAXSEG, (int)c->maximum_segment_size,
			"maximum segment size");
	/* MPTCP refuses TCP_USER_TIMEOUT: the connection's own timer does it then */
	if (c->drop_time_s)
		sock->user_timeout =
			set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
				(int)(c->drop_time_s > 2000000 ? 2000000000
							       : c->drop_time_s * 1000)) == 0;
}

static void set_ip4_options(const struct bri_sock_config *c, int fd)
{
	if (c->dscp)
		wish(fd, IPPROTO_IP, IP_TOS, c->dscp << 2, "service class");
	if (c->hop_limit)
		wish(fd, IPPROTO_IP, IP_TTL, c->hop_limit, "hop limit");
	if (c->no_fragmentation)
		wish(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO, "disabling fragmentation");
	if (c->no_multicast_loopback)
		wish(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0, "disabling multicast loopback");
}

static void set_ip6_options(const struct bri_sock_config *c, int fd)
{
	if (c->dscp)
		wish(fd, IPPROTO_IPV6, IPV6_TCLASS, c->dscp << 2, "service class");
	if (c->hop_limit)
		wish(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, c->hop_limit, "hop limit");
	if (c->minimum_mtu) /* RFC 3542, 11.1: 1280 bytes */
		wish(fd, IPPROTO_IPV6, IPV6_MTU, 1280, "minimum MTU");
	if (c->no_fragmentation)
		wish(fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1, "disabling fragmentation");
	if (c->no_multicast_loopback)
		wish(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0, "disabling multicast loopback");
	if (c->address_preference)
		wish(fd, IPPROTO_IPV6, IPV6_ADDR_PREFERENCES,
			c->address_preference == BRI_SOCK_ADDRESS_TEMPORARY ? PREFER_SRC_TMP
									    : PREFER_SRC_PUBLIC,
			"local address preference"); /* RFC 5014 */
}

static void set_udp_options(const struct bri_sock_config *c, int family, int fd)
{
	if (c->no_checksum && family == AF_INET)
		wish(fd, SOL_SOCKET, SO_NO_CHECK, 1, "no checksum");
	wish(fd, IPPROTO_IP, IP_RECVTOS, 1, "receiving ECN");
	wish(fd, IPPROTO_IP, IP_PKTINFO, 1, "receiving the local address");
	if (family == AF_INET6) {
		wish(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1, "receiving ECN");
		wish(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, "receiving the local address");
	}
	if (c->receive_time)
		wish(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1, "receive time");
}

static void set_options(const struct bri_sock_config *c, int family, struct bri_sock *sock)
{
	if (family == AF_INET6)
		set_ip6_options(c, sock->fd);
	else
		set_ip4_options(c, sock->fd);
	if (c->kind == BRI_SOCK_UDP)
		set_udp_options(c, family, sock->fd);
	else
		set_tcp_options(c, sock);
}

static int bind_device(const struct bri_sock_config *c, int fd)
{
	unsigned index;

	if (!c->interface[0])
		return 0;
	index = if_nametoindex(c->interface);
	if (!index)
		return -ENODEV;
	return set_int(fd, SOL_SOCKET, SO_BINDTOIFINDEX, (int)index);
}

static int bind_local(const struct bri_sock_config *c, int family, int fd)
{
	union bri_sockaddr local = c->local;

	if (c->reuse_address)
		wish(fd, SOL_SOCKET, SO_REUSEADDR, 1, "reusing the local address");
	if (local.sa.sa_family == AF_UNSPEC)
		return 0;
	/* the wildcard of one family means the wildcard of the other as well */
	if (local.sa.sa_family != family && bri_sockaddr_is_any(&local)) {
		uint16_t port = bri_sockaddr_port(&local);

		memset(&local, 0, sizeof(local));
		local.sa.sa_family = (sa_family_t)family;
		bri_sockaddr_set_port(&local, port);
	}
	if (local.sa.sa_family != family)
		return -EAFNOSUPPORT;
	return bind(fd, &local.sa, bri_sockaddr_len(&local)) < 0 ? -errno : 0;
}

int bri_sock_open(const struct bri_sock_config *config, const union bri_sockaddr *remote,
	struct bri_sock *ret)
{
	struct bri_sock sock = { .fd = -1 };
	int family = remote->sa.sa_family;
	int error = 0;

	if (config->kind == BRI_SOCK_UDP) {
		sock.fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		error = sock.fd < 0 ? -errno : 0;
	} else {
		error = open_stream(config->multipath, family, &sock);
	}
	if (error)
		return error;
	/* the device first: MPTCP takes it only before anything else is set in motion */
	error = bind_device(config, sock.fd);
	if (!error)
		error = bind_local(config, family, sock.fd);
	if (error) {
		close(sock.fd);
		return error;
	}
	set_options(config, family, &sock);
	*ret = sock;
	return 0;
}

int bri_sock_connect(int fd, const union bri_sockaddr *remote)
{
	return connect(fd, &remote->sa, bri_sockaddr_len(remote)) < 0 ? -errno : 0;
}

int bri_sock_connect_data(int fd, const union bri_sockaddr *remote, const struct iovec *iov,
	size_t count, size_t *ret_n)
{
	struct msghdr msg = { .msg_name = (void *)(uintptr_t)&remote->sa,
		.msg_namelen = bri_sockaddr_len(remote),
		.msg_iov = (struct iovec *)(uintptr_t)iov,
		.msg_iovlen = count };
	ssize_t n = sendmsg(fd, &msg, MSG_FASTOPEN | MSG_NOSIGNAL);

	*ret_n = n > 0 ? (size_t)n : 0;
	if (n >= 0)
		return -EINPROGRESS;
	/* client side is off (net.ipv4.tcp_fastopen), or this kernel's MPTCP cannot: connect as
	 * ever */
	if (errno == EOPNOTSUPP || errno == EINVAL)
		return bri_sock_connect(fd, remote);
	return -errno;
}

int bri_sock_error(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	return -error;
}

int bri_sock_listen(const struct bri_sock_config *config, const union bri_sockaddr *local,
	int backlog, struct bri_sock *ret)
{
	struct bri_sock_config c = *config;
	struct bri_sock sock = { .fd = -1 };
	int family = local->sa.sa_family, error;

	c.local = *local;
	if (c.kind == BRI_SOCK_UDP) {
		sock.fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		error = sock.fd < 0 ? -errno : 0;
	} else {
		error = open_stream(c.multipath, family, &sock);
	}
	if (error)
		return error;
	if (family == AF_INET6)
		set_int(sock.fd, IPPROTO_IPV6, IPV6_V6ONLY,
			!bri_sockaddr_is_any(local) || c.family == AF_INET6);
	error = bind_device(&c, sock.fd);
	if (!error)
		error = bind_local(&c, family, sock.fd);
	if (!error && c.kind == BRI_SOCK_TCP && c.fast_open)
		wish(sock.fd, IPPROTO_TCP, TCP_FASTOPEN, backlog, "fast open");
	if (!error && c.kind == BRI_SOCK_TCP && listen(sock.fd, backlog) < 0)
		error = -errno;
	if (error) {
		close(sock.fd);
		return error;
	}
	set_options(&c, family, &sock);
	*ret = sock;
	return 0;
}

int bri_sock_accept(int fd, const struct bri_sock_config *config, union bri_sockaddr *ret_remote)
{
	union bri_sockaddr remote = { 0 };
	socklen_t len = sizeof(remote);
	struct bri_sock sock = { 0 };

	do
		sock.fd = accept4(fd, &remote.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (sock.fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (sock.fd < 0)
		return -errno;
	/* the kernel inherits most options, but on MPTCP not those of TCP (before 6.x); they are
	 * few */
	set_tcp_options(config, &sock);
	bri_sockaddr_unmap(&remote);
	if (ret_remote)
		*ret_remote = remote;
	return sock.fd;
}

int bri_sock_local(int fd, union bri_sockaddr *ret)
{
	socklen_t len = sizeof(*ret);

	memset(ret, 0, sizeof(*ret));
	if (getsockname(fd, &ret->sa, &len) < 0)
		return -errno;
	bri_sockaddr_unmap(ret);
	return 0;
}

int bri_sock_remote(int fd, union bri_sockaddr *ret)
{
	socklen_t len = sizeof(*ret);

	memset(ret, 0, sizeof(*ret));
	if (getpeername(fd, &ret->sa, &len) < 0)
		return -errno;
	bri_sockaddr_unmap(ret);
	return 0;
}

void bri_sock_abort(int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

uint32_t bri_sock_mtu(int fd)
{
	int mtu = 0;
	socklen_t len = sizeof(mtu);

	if (getsockopt(fd, IPPROTO_IP, IP_MTU, &mtu, &len) < 0 &&
		getsockopt(fd, IPPROTO_IPV6, IPV6_MTU, &mtu, &len) < 0)
		return 0;
	return mtu > 0 ? (uint32_t)mtu : 0;
}

/* --- streams --- */

/* The kernel closes an MPTCP socket that had no subflow for net.mptcp.close_timeout, and says from
 * then on that it is not connected (6.18). It was: what ended it is that time. */
static ssize_t stream_result(long n)
{
	return n >= 0 ? n : errno == ENOTCONN ? -ETIMEDOUT : -errno;
}

/*
 * Straight into the kernel: in a process with threads libc makes each of these calls a cancellation
 * point, with two atomic operations around it; our threads are never cancelled.
 */
ssize_t bri_sock_read(int fd, void *buf, size_t size)
{
	long n;

	do
		n = syscall(SYS_recvfrom, fd, buf, size, 0, NULL, NULL);
	while (n < 0 && errno == EINTR);
	return stream_result(n);
}

ssize_t bri_sock_write(int fd, const struct iovec *iov, size_t count)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = count };
	long n;

	do {
		if (count == 1) /* the usual case, and the cheaper call */
			n = syscall(
				SYS_sendto, fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL, NULL, 0);
		else
			n = syscall(SYS_sendmsg, fd, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return stream_result(n);
}

void bri_sock_finish(int fd)
{
	shutdown(fd, SHUT_WR);
}

static int ask_bytes(int fd, unsigned long what, uint32_t *ret)
{
	int bytes = 0;

	if (ioctl(fd, what, &bytes) < 0)
		return -errno;
	*ret = bytes > 0 ? (uint32_t)bytes : 0;
	return 0;
}

int bri_sock_unread(int fd, uint32_t *ret)
{
	return ask_bytes(fd, SIOCINQ, ret);
}

int bri_sock_unacknowledged(int fd, uint32_t *ret)
{
	return ask_bytes(fd, SIOCOUTQ, ret);
}

int bri_sock_pace(int fd, uint64_t rate)
{
	return setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate)) < 0 ? -errno : 0;
}

/* --- datagrams --- */

static void read_control(struct msghdr *msg, struct bri_sock_datagram *ret)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		const void *data = CMSG_DATA(c);

		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec ts;

			memcpy(&ts, data, sizeof(ts));
			ret->receive_time_ns =
				(uint64_t)ts.tv_sec * BRI_NS_PER_S + (uint64_t)ts.tv_nsec;
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
			ret->ecn = *(const uint8_t *)data & 3;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
			int tclass;

			memcpy(&tclass, data, sizeof(tclass));
			ret->ecn = (uint8_t)(tclass & 3);
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, data, sizeof(info));
			ret->to.in.sin_family = AF_INET;
			ret->to.in.sin_addr = info.ipi_spec_dst;
			ret->ifindex = (uint32_t)info.ipi_ifindex;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, data, sizeof(info));
			ret->to.in6.sin6_family = AF_INET6;
			ret->to.in6.sin6_addr = info.ipi6_addr;
			ret->ifindex = info.ipi6_ifindex;
		}
	}
}

ssize_t bri_sock_receive_datagram(int fd, void *buf, size_t size, struct bri_sock_datagram *ret)
{
	union {
		struct cmsghdr align;
		char space[256];
	} control;
	struct iovec iov = { buf, size };
	struct msghdr msg = { .msg_name = &ret->from.sa,
		.msg_namelen = sizeof(ret->from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n;

	memset(ret, 0, sizeof(*ret));
	do
		n = recvmsg(fd, &msg, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	read_control(&msg, ret);
	bri_sockaddr_unmap(&ret->from);
	bri_sockaddr_unmap(&ret->to);
	return n;
}

static size_t add_control(
	struct msghdr *msg, size_t used, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)(void *)((char *)msg->msg_control + used);

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	return used + CMSG_SPACE(len);
}

static size_t add_source(struct msghdr *msg, size_t used, const union bri_sockaddr *from)
{
	if (from->sa.sa_family == AF_INET6) {
		struct in6_pktinfo info = { .ipi6_addr = from->in6.sin6_addr,
			.ipi6_ifindex = from->in6.sin6_scope_id };

		return add_control(msg, used, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	}
	struct in_pktinfo info = { .ipi_spec_dst = from->in.sin_addr };

	return add_control(msg, used, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

ssize_t bri_sock_send_datagram(int fd, const struct iovec *iov, size_t count,
	const union bri_sockaddr *to, const union bri_sockaddr *from, int ecn)
{
	union {
		struct cmsghdr align;
		char space[128];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)iov,
		.msg_iovlen = count,
		.msg_control = &control };
	bool v6 = to && to->sa.sa_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&to->in6.sin6_addr);
	size_t used = 0;
	ssize_t n;

	if (to) {
		msg.msg_name = (void *)(uintptr_t)&to->sa;
		msg.msg_namelen = bri_sockaddr_len(to);
	}
	if (from && from->sa.sa_family != AF_UNSPEC && !bri_sockaddr_is_any(from) &&
		!bri_sockaddr_is_multicast(from))
		used = add_source(&msg, used, from);
	if (ecn >= 0)
		used = add_control(&msg, used, v6 ? IPPROTO_IPV6 : IPPROTO_IP,
			v6 ? IPV6_TCLASS : IP_TOS, &ecn, sizeof(ecn));
	msg.msg_controllen = used;
	if (!used)
		msg.msg_control = NULL;
	do
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* --- socket activation, sd_listen_fds(3): LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES; from descriptor
 * 3 --- */

static long env_number(const char *name)
{
	const char *text = secure_getenv(name);
	char *end = NULL;
	long value;

	if (!text || !*text)
		return -1;
	errno = 0;
	value = strtol(text, &end, 10);
	return errno || *end ? -1 : value;
}

/* The index of `name` in the colon separated list; -1: not there. */
static int index_of(const char *names, const char *name)
{
	size_t len = strlen(name);

	for (int i = 0; names; i++) {
		const char *end = strchrnul(names, ':');

		if ((size_t)(end - names) == len && !strncmp(names, name, len))
			return i;
		names = *end ? end + 1 : NULL;
	}
	return -1;
}

int bri_sock_take_inherited(const char *name, struct bri_sock *ret)
{
	long count = env_number("LISTEN_FDS"), pid = env_number("LISTEN_PID");
	const char *names = secure_getenv("LISTEN_FDNAMES");
	int index = names ? index_of(names, name) : 0, protocol = 0, fd;
	socklen_t len = sizeof(protocol);

	if (count <= 0 || pid != (long)getpid() || index < 0 || index >= count)
		return -ENOENT;
	fd = fcntl(3 + index, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) < 0) {
		close(fd);
		return -ENOTSOCK;
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	*ret = (struct bri_sock) { .fd = fd, .mptcp = protocol == IPPROTO_MPTCP };
	return 0;
}
