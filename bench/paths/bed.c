/* See bed.h. */
#include "bed.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mptcp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "braidd.h"
#include "report.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef SOL_MPTCP
#define SOL_MPTCP 284
#endif
#ifndef TCP_IS_MPTCP
#define TCP_IS_MPTCP 43 /* Linux 6.10 */
#endif

#define PORT       5001
#define CONNECT_MS 10000
#define BATCH      64  /* descriptors in one message: the kernel takes 253 */
#define AT_ONCE    200 /* connects in flight: well within the listener's backlog */

static const char *const path_names[] = { "wlan", "wwan" };

/* ---- sockets of a namespace, for a process outside of it: a child inside makes them ---- */

struct request {
	int channel;
	uint32_t n;
	int protocol;
};

union control {
	char bytes[CMSG_SPACE(BATCH * sizeof(int))];
	struct cmsghdr align;
};

static int send_batch(int channel, const int fds[], uint32_t n)
{
	union control control = { 0 };
	char byte = 'f';
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, n * sizeof(int));
	return sendmsg(channel, &msg, MSG_NOSIGNAL) < 0 ? errno : 0;
}

/* In the child; the exit code is an errno. */
static int make_sockets(void *context)
{
	const struct request *request = context;
	int type = request->protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
	int fds[BATCH];

	for (uint32_t done = 0; done < request->n;) {
		uint32_t n = request->n - done < BATCH ? request->n - done : BATCH;
		int r;

		for (uint32_t i = 0; i < n; i++) {
			fds[i] = socket(
				AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, request->protocol);
			if (fds[i] < 0)
				return errno;
		}
		r = send_batch(request->channel, fds, n);
		if (r)
			return r;
		for (uint32_t i = 0; i < n; i++)
			close(fds[i]);
		done += n;
	}
	return 0;
}

/* Returns how many came; 0: no more. */
static uint32_t receive_batch(int channel, int fds[BATCH])
{
	union control control;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *cmsg;
	size_t size;

	if (recvmsg(channel, &msg, MSG_CMSG_CLOEXEC) <= 0)
		return 0;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		return 0;
	size = cmsg->cmsg_len - CMSG_LEN(0);
	memcpy(fds, CMSG_DATA(cmsg), size);
	return (uint32_t)(size / sizeof(int));
}

static int get_sockets(struct bed *bed, enum bri_lab_side side, int protocol, uint32_t n, int ret[])
{
	struct timeval limit = { .tv_sec = CONNECT_MS / 1000 };
	struct request request = { .n = n, .protocol = protocol };
	int channel[2], fds[BATCH], r;
	uint32_t got = 0, k;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0)
		return report_fail("socketpair: %s", strerror(errno));
	(void)setsockopt(channel[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	request.channel = channel[1];
	r = bri_lab_fork(bed->lab, side, make_sockets, &request, &pid);
	close(channel[1]);
	if (r < 0) {
		close(channel[0]);
		return report_fail("fork into the lab: %s", strerror(-r));
	}
	while (got < n && (k = receive_batch(channel[0], fds)) > 0 && got + k <= n) {
		memcpy(ret + got, fds, k * sizeof(int));
		got += k;
	}
	close(channel[0]);
	r = bri_lab_wait(bed->lab, pid, CONNECT_MS);
	if (got == n)
		return 0;
	while (got)
		close(ret[--got]);
	return report_fail("sockets inside the lab: %s", strerror(r > 0 ? r : EIO));
}

/* ---- connections ---- */

static struct sockaddr_in address_of(const char *text, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	(void)inet_pton(AF_INET, text, &a.sin_addr);
	return a;
}

static uint16_t port_of(bool tcp)
{
	return (uint16_t)(PORT + tcp);
}

static int set_up(const struct bed *bed, int fd)
{
	const char *congestion = bed->options->congestion;
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (congestion && setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion,
				  (socklen_t)strlen(congestion)) < 0)
		return report_fail("congestion control %s: %s", congestion, strerror(errno));
	return 0;
}

static int listen_on(struct bed *bed, bool tcp)
{
	struct sockaddr_in a = address_of(BRI_LAB_SERVICE4, port_of(tcp));
	int fd;

	if (get_sockets(bed, BRI_LAB_SERVER, tcp ? IPPROTO_TCP : IPPROTO_MPTCP, 1, &fd) < 0)
		return -1;
	bed->listener[tcp] = fd;
	if (set_up(bed, fd) < 0) /* subflows take it from here */
		return -1;
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1024) < 0)
		return report_fail("listen: %s", strerror(errno));
	return 0;
}

/* Waits until fd is ready for that; bounded. */
static int await(int fd, short events, uint64_t end_ns)
{
	struct pollfd p = { fd, events, 0 };
	uint64_t now_ns = bri_clock_now_ns();

	if (now_ns >= end_ns || poll(&p, 1, (int)((end_ns - now_ns) / BRI_NS_PER_MS) + 1) <= 0)
		return -1;
	return p.revents & events ? 0 : -1;
}

static int start_connect(const struct bed *bed, int fd, bool tcp)
{
	struct sockaddr_in a = address_of(BRI_LAB_SERVICE4, port_of(tcp));

	if (set_up(bed, fd) < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 && errno != EINPROGRESS)
		return report_fail("connect: %s", strerror(errno));
	return 0;
}

static int accept_one(struct bed *bed, bool tcp, uint64_t end_ns)
{
	int fd = -1;

	while (fd < 0) {
		if (await(bed->listener[tcp], POLLIN, end_ns) < 0)
			return report_fail("no connection came");
		fd = accept4(bed->listener[tcp], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	}
	if (set_up(bed, fd) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int pass_byte(int from, int to, uint64_t end_ns)
{
	char byte = 'h';

	if (await(from, POLLOUT, end_ns) < 0 || send(from, &byte, 1, MSG_NOSIGNAL) != 1)
		return report_fail("the connection does not send");
	if (await(to, POLLIN, end_ns) < 0 || recv(to, &byte, 1, 0) != 1)
		return report_fail("the first byte did not come");
	return 0;
}

int bed_connect(struct bed *bed, bool tcp, uint32_t path, struct pair *ret)
{
	uint64_t end_ns = bri_clock_now_ns() + CONNECT_MS * BRI_NS_PER_MS;
	struct pair pair = { -1, -1 };
	char text[32];

	if (get_sockets(bed, BRI_LAB_CLIENT, tcp ? IPPROTO_TCP : IPPROTO_MPTCP, 1, &pair.client) <
		0)
		return -1;
	if (path != BED_ANY_PATH) {
		struct sockaddr_in a;

		(void)snprintf(text, sizeof(text), "10.%u.0.2", 10 + path);
		a = address_of(text, 0);
		if (bind(pair.client, (struct sockaddr *)&a, sizeof(a)) < 0) {
			report_fail("bind to %s: %s", text, strerror(errno));
			goto fail;
		}
	}
	if (start_connect(bed, pair.client, tcp) < 0)
		goto fail;
	pair.server = accept_one(bed, tcp, end_ns);
	if (pair.server < 0 || pass_byte(pair.client, pair.server, end_ns) < 0 ||
		pass_byte(pair.server, pair.client, end_ns) < 0)
		goto fail;
	*ret = pair;
	return 0;
fail:
	bed_disconnect(&pair);
	return -1;
}

static int bind_and_connect(int fd, const struct sockaddr_in *own, const struct sockaddr_in *peer)
{
	if (bind(fd, (const struct sockaddr *)own, sizeof(*own)) < 0 ||
		connect(fd, (const struct sockaddr *)peer, sizeof(*peer)) < 0)
		return report_fail("UDP: %s", strerror(errno));
	return 0;
}

int bed_udp(struct bed *bed, uint32_t path, struct pair *ret)
{
	struct pair pair = { -1, -1 };
	struct sockaddr_in server = address_of(BRI_LAB_SERVICE4, PORT), client;
	char text[32];

	(void)snprintf(text, sizeof(text), "10.%u.0.2", 10 + path);
	client = address_of(text, PORT);
	if (get_sockets(bed, BRI_LAB_CLIENT, IPPROTO_UDP, 1, &pair.client) < 0 ||
		get_sockets(bed, BRI_LAB_SERVER, IPPROTO_UDP, 1, &pair.server) < 0 ||
		bind_and_connect(pair.client, &client, &server) < 0 ||
		bind_and_connect(pair.server, &server, &client) < 0) {
		bed_disconnect(&pair);
		return -1;
	}
	*ret = pair;
	return 0;
}

/* n connections: all at once, then a byte there and back on each. */
static int connect_some(struct bed *bed, const int clients[], uint32_t n, struct pair ret[])
{
	uint64_t end_ns = bri_clock_now_ns() + CONNECT_MS * BRI_NS_PER_MS;
	char byte = 'h';

	for (uint32_t i = 0; i < n; i++) {
		ret[i].client = clients[i];
		if (start_connect(bed, clients[i], false) < 0)
			return -1;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (await(clients[i], POLLOUT, end_ns) < 0 ||
			send(clients[i], &byte, 1, MSG_NOSIGNAL) != 1)
			return report_fail("connection %u of a batch does not connect", i);
	}
	for (uint32_t i = 0; i < n; i++) {
		ret[i].server = accept_one(bed, false, end_ns);
		if (ret[i].server < 0)
			return -1;
		if (await(ret[i].server, POLLIN, end_ns) < 0 ||
			recv(ret[i].server, &byte, 1, 0) != 1 ||
			send(ret[i].server, &byte, 1, MSG_NOSIGNAL) != 1)
			return report_fail("no first byte on connection %u of a batch", i);
	}
	for (uint32_t i = 0; i < n; i++) {
		if (await(clients[i], POLLIN, end_ns) < 0 || recv(clients[i], &byte, 1, 0) != 1)
			return report_fail("no answer on connection %u of a batch", i);
	}
	return 0;
}

int bed_connect_many(struct bed *bed, uint32_t n, struct pair ret[])
{
	int *clients = calloc(n, sizeof(*clients));
	int r = 0;

	for (uint32_t i = 0; i < n; i++)
		ret[i] = (struct pair) { -1, -1 };
	if (!clients)
		return report_fail("out of memory");
	r = get_sockets(bed, BRI_LAB_CLIENT, IPPROTO_MPTCP, n, clients);
	for (uint32_t i = 0; !r && i < n; i += AT_ONCE)
		r = connect_some(bed, clients + i, n - i < AT_ONCE ? n - i : AT_ONCE, ret + i);
	free(clients);
	return r;
}

void bed_disconnect(struct pair *pair)
{
	if (pair->client >= 0)
		close(pair->client);
	if (pair->server >= 0)
		close(pair->server);
	*pair = (struct pair) { -1, -1 };
}

/* ---- the lab ---- */

static void set_link(struct bri_lab_link *link, const struct bed_path *path)
{
	*link = (struct bri_lab_link) { .delay_ns = path->rtt_ms * BRI_NS_PER_MS / 2,
		.rate_bps = (uint64_t)(path->mbit * 1e6),
		.queue_bytes = path->queue_bytes,
		.loss_ppm = path->loss_ppm };
}

int bed_open(struct bed *bed, const struct options *options, const char *service,
	const struct bed_path paths[], uint32_t n)
{
	struct bri_lab_config config = {
		.seed = options->seed, .n_paths = n, .mptcp_endpoints = !options->braidd
	};
	char why[256] = "";

	*bed = (struct bed) { .listener = { -1, -1 }, .options = options };
	for (uint32_t i = 0; i < n; i++) {
		(void)snprintf(
			config.paths[i].name, sizeof(config.paths[i].name), "%s", path_names[i]);
		set_link(&config.paths[i].link[BRI_LAB_TO_SERVER], &paths[i]);
		set_link(&config.paths[i].link[BRI_LAB_TO_CLIENT], &paths[i]);
	}
	if (bri_lab_open_why(&config, why, sizeof(why), &bed->lab) < 0) {
		bed->lab = NULL;
		return report_fail("lab: %s", why);
	}
	if (listen_on(bed, false) < 0 || listen_on(bed, true) < 0)
		return -1;
	if (!options->braidd)
		return 0;
	return braidd_start(bed, options, options->service ? options->service : service);
}

int bed_close(struct bed *bed)
{
	int r = braidd_stop(bed);

	for (int i = 0; i < 2; i++) {
		if (bed->listener[i] >= 0)
			close(bed->listener[i]);
	}
	bri_lab_close(bed->lab);
	bed->lab = NULL;
	return r;
}

void bed_wait_until(uint64_t at_ns)
{
	struct timespec at = { .tv_sec = (time_t)(at_ns / BRI_NS_PER_S),
		.tv_nsec = (long)(at_ns % BRI_NS_PER_S) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		continue;
}

int bed_set(struct bed *bed, const char *text)
{
	int r = bri_lab_set_text(bed->lab, text);

	return r < 0 ? report_fail("lab, %s: %s", text, strerror(-r)) : 0;
}

int bed_bytes(struct bed *bed, enum bri_lab_direction direction, uint64_t ret[2])
{
	struct bri_lab_stats stats;

	ret[1] = 0;
	for (uint32_t i = 0; i < bri_lab_n_paths(bed->lab) && i < 2; i++) {
		int r = bri_lab_stats(bed->lab, i, &stats);

		if (r < 0)
			return report_fail("lab statistics: %s", strerror(-r));
		ret[i] = stats.direction[direction].bytes;
	}
	return 0;
}

/* ---- what the kernel tells of a connection ---- */

#define MAX_SUBFLOWS 16

void bed_report_subflows(int client, const char *key)
{
	struct {
		struct mptcp_subflow_data data;
		struct mptcp_subflow_addrs list[MAX_SUBFLOWS];
	} addresses = { .data = { .size_subflow_data = sizeof(struct mptcp_subflow_data),
				.size_user = sizeof(struct mptcp_subflow_addrs) } };
	struct {
		struct mptcp_subflow_data data;
		struct tcp_info list[MAX_SUBFLOWS];
	} infos = { .data = { .size_subflow_data = sizeof(struct mptcp_subflow_data),
			    .size_user = sizeof(struct tcp_info) } };
	socklen_t a_size = sizeof(addresses), i_size = sizeof(infos);
	char text[512] = "", ip[INET_ADDRSTRLEN];
	size_t n = 0;

	if (getsockopt(client, SOL_MPTCP, MPTCP_SUBFLOW_ADDRS, &addresses, &a_size) < 0 ||
		getsockopt(client, SOL_MPTCP, MPTCP_TCPINFO, &infos, &i_size) < 0) {
		report_text(key, strerror(errno));
		return;
	}
	for (uint32_t i = 0; i < addresses.data.num_subflows && i < MAX_SUBFLOWS; i++) {
		const struct sockaddr_in *in = &addresses.list[i].sin_local;
		bool up = infos.list[i].tcpi_state == TCP_ESTABLISHED;

		if (!inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip)) || n >= sizeof(text))
			break;
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s%s", n ? " " : "", ip,
			up ? "" : "(closed)");
	}
	report_text(key, text);
}

int bed_check(struct bed *bed, int client)
{
	struct bri_lab_stats stats;
	uint64_t overrun = 0;
	char congestion[32] = "";
	int is_mptcp = 0;
	socklen_t size = sizeof(is_mptcp), c_size = sizeof(congestion) - 1;

	for (uint32_t i = 0; i < bri_lab_n_paths(bed->lab); i++) {
		if (bri_lab_stats(bed->lab, i, &stats) == 0)
			overrun += stats.direction[0].overrun + stats.direction[1].overrun;
	}
	report_integer("overrun", overrun);
	if (getsockopt(client, IPPROTO_TCP, TCP_CONGESTION, congestion, &c_size) == 0)
		report_text("congestion", congestion);
	if (client >= 0 && getsockopt(client, IPPROTO_TCP, TCP_IS_MPTCP, &is_mptcp, &size) == 0 &&
		!is_mptcp)
		return report_fail("the connection fell back to TCP");
	return 0;
}
