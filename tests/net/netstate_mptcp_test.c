/*
 * Real Multipath TCP in a namespace: what the kernel tells of a connection with two subflows and a
 * backup, of its endpoints and limits, and why a connection is not multipath, for each cause that a
 * namespace can produce.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "netlink/nl_diag.h"
#include "netlink/nl_pm.h"
#include "netlink/nl_socket.h"
#include "netlink/nl_uapi.h"
#include "netstate_ns.h"
#include "transport/mptcp_info.h"

#define WAIT_NS (5 * BRI_NS_PER_S)

#define RUN(line) assert_int_equal(ns_run(line), 0)

struct pair {
	int listener, client, server;
};

static void connect_pair(int server_protocol, int client_protocol, struct pair *ret)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);

	ret->listener = socket(AF_INET, SOCK_STREAM, server_protocol);
	ret->client = socket(AF_INET, SOCK_STREAM, client_protocol);
	assert_true(ret->listener >= 0 && ret->client >= 0);
	assert_int_equal(bind(ret->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(ret->listener, 4), 0);
	assert_int_equal(getsockname(ret->listener, (struct sockaddr *)&addr, &len), 0);
	assert_int_equal(connect(ret->client, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ret->server = accept(ret->listener, NULL, NULL);
	assert_true(ret->server >= 0);
}

static void exchange(const struct pair *p)
{
	char buf[8];

	assert_int_equal(send(p->client, "hello", 5, 0), 5);
	assert_int_equal(recv(p->server, buf, 5, MSG_WAITALL), 5);
	assert_int_equal(send(p->server, "hello!", 6, 0), 6);
	assert_int_equal(recv(p->client, buf, 6, MSG_WAITALL), 6);
}

static void close_pair(struct pair *p)
{
	close(p->client);
	close(p->server);
	close(p->listener);
}

static size_t wait_for_subflows(int fd, size_t want, struct bri_mptcp_subflow *flows, size_t max)
{
	uint64_t until_ns = bri_clock_now_ns() + WAIT_NS;
	size_t n = 0;

	while (bri_clock_now_ns() < until_ns) {
		struct timespec ts = { .tv_nsec = 5 * 1000 * 1000 };

		assert_int_equal(bri_mptcp_info_subflows(fd, flows, max, &n), 0);
		if (n >= want && flows[n - 1].tcp.state == 1)
			break;
		nanosleep(&ts, NULL);
	}
	return n;
}

/* ---- the path manager's facts ---- */

static int keep_family(void *context, const struct nlmsghdr *msg)
{
	return bri_nl_pm_decode_family(msg, context);
}

struct pm {
	struct bri_nl_pm_family family;
	struct bri_nl_pm_limits limits;
	struct bri_nl_pm_endpoint endpoints[8];
	size_t n;
};

static int keep_limits(void *context, const struct nlmsghdr *msg)
{
	struct pm *pm = context;

	return bri_nl_pm_decode_limits(msg, &pm->family, &pm->limits);
}

static int keep_endpoint(void *context, const struct nlmsghdr *msg)
{
	struct pm *pm = context;

	assert_true(pm->n < BRI_LEN(pm->endpoints));
	return bri_nl_pm_decode_endpoint(msg, &pm->family, &pm->endpoints[pm->n++]);
}

static void forget_endpoints(void *context)
{
	((struct pm *)context)->n = 0;
}

static void path_manager(void **state)
{
	struct bri_nl_socket *sock;
	struct bri_nl_request req;
	struct pm pm = { .n = 0 };

	(void)state;
	assert_int_equal(bri_nl_socket_open(NETLINK_GENERIC, 0, &sock), 0);
	bri_nl_pm_encode_family(&req);
	assert_int_equal(bri_nl_socket_call(sock, &req, keep_family, &pm.family), 0);
	assert_true(pm.family.id >= NLMSG_MIN_TYPE && pm.family.events_group != 0);
	RUN("ip mptcp limits set subflow 3 add_addr_accepted 1");
	RUN("ip mptcp endpoint add 127.0.0.2 dev lo subflow backup id 7");
	RUN("ip mptcp endpoint add ::1 port 4499 signal id 8");
	bri_nl_pm_encode_get_limits(&req, &pm.family);
	assert_int_equal(bri_nl_socket_call(sock, &req, keep_limits, &pm), 0);
	assert_int_equal(pm.limits.subflows, 3);
	assert_int_equal(pm.limits.add_addr_accepted, 1);
	bri_nl_pm_encode_dump_endpoints(&req, &pm.family);
	assert_int_equal(bri_nl_socket_dump(sock, &req, forget_endpoints, keep_endpoint, &pm), 0);
	assert_int_equal(pm.n, 2);
	assert_int_equal(pm.endpoints[0].id, 7);
	assert_int_equal(pm.endpoints[0].flags, BRI_NL_PM_SUBFLOW | BRI_NL_PM_BACKUP);
	assert_int_equal(pm.endpoints[0].ifindex, 1);
	assert_int_equal(pm.endpoints[1].ip.family, AF_INET6);
	assert_int_equal(pm.endpoints[1].port, 4499);
	RUN("ip mptcp endpoint flush");
	assert_int_equal(bri_nl_socket_dump(sock, &req, forget_endpoints, keep_endpoint, &pm), 0);
	assert_int_equal(pm.n, 0);
	bri_nl_socket_close(sock);
}

/* ---- a connection ---- */

struct found {
	uint32_t token;
	unsigned n;
	struct bri_nl_diag last;
};

static int find_token(void *context, const struct nlmsghdr *msg)
{
	struct found *found = context;
	struct bri_nl_diag diag;
	int r = bri_nl_diag_decode(msg, true, &diag);

	if (r == 0 && diag.has_mptcp && diag.mptcp.token == found->token) {
		found->n++;
		found->last = diag;
	}
	return r < 0 ? r : 0;
}

static void two_subflows(void **state)
{
	struct bri_mptcp_subflow flows[4];
	struct bri_mptcp_info info, peer;
	struct bri_nl_socket *sock;
	struct bri_nl_request req;
	struct found found;
	struct pair p;
	size_t n;

	(void)state;
	RUN("ip mptcp limits set subflow 3 add_addr_accepted 1");
	RUN("ip mptcp endpoint add 127.0.0.2 dev lo subflow backup id 7");
	connect_pair(BRI_IPPROTO_MPTCP, BRI_IPPROTO_MPTCP, &p);
	exchange(&p);
	assert_int_equal(bri_mptcp_info_get(p.client, &info), 0);
	assert_int_equal(bri_mptcp_info_get(p.server, &peer), 0);
	assert_true(info.is_mptcp && peer.is_mptcp);
	assert_int_not_equal(info.token, 0);
	assert_int_not_equal(info.token, peer.token);
	assert_int_equal(bri_mptcp_reason_observe(p.client, false, 0), BRI_MPTCP_REASON_NONE);
	if (info.has_bytes) {
		assert_int_equal(info.bytes_sent, 5);
		assert_int_equal(info.bytes_received, 6);
	}

	n = wait_for_subflows(p.client, 2, flows, BRI_LEN(flows));
	assert_int_equal(n, 2);
	assert_int_equal(
		ntohl(((struct sockaddr_in *)&flows[0].local)->sin_addr.s_addr), 0x7f000001);
	assert_int_equal(
		ntohl(((struct sockaddr_in *)&flows[1].local)->sin_addr.s_addr), 0x7f000002);
	assert_true(flows[0].tcp.bytes_sent >= 5);
	assert_true(!flows[0].has_id || flows[0].id != flows[1].id);
	assert_false(flows[0].has_flags);

	assert_int_equal(bri_mptcp_info_flags(info.token, flows, n), 2);
	assert_true(flows[0].has_flags && flows[1].has_flags);
	assert_int_equal(flows[0].backup, 0);
	assert_int_equal(flows[1].backup & BRI_MPTCP_BACKUP_LOCAL, BRI_MPTCP_BACKUP_LOCAL);
	assert_int_equal(flows[0].local_id, 0);
	assert_int_equal(flows[1].local_id, 7);
	/* with another connection's token none is found, and none is claimed */
	assert_int_equal(bri_mptcp_info_flags(info.token + 1, flows, n), 0);
	assert_false(flows[0].has_flags);
	/* less room than subflows */
	assert_int_equal(bri_mptcp_info_subflows(p.client, flows, 1, &n), 0);
	assert_int_equal(n, 1);

	/* the same connection seen from outside */
	found = (struct found) { .token = info.token };
	assert_int_equal(bri_nl_socket_open(NETLINK_SOCK_DIAG, 0, &sock), 0);
	bri_nl_diag_encode_dump(&req, AF_INET, true);
	assert_true(bri_nl_socket_dump(sock, &req, NULL, find_token, &found) >= 0);
	assert_int_equal(found.n, 1);
	assert_int_equal(found.last.state, 1);
	bri_nl_socket_close(sock);
	close_pair(&p);
	RUN("ip mptcp endpoint flush");
}

/* A subflow that is bound to a device is not found by addresses alone: the whole table is searched.
 */
static void bound_subflow(void **state)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	struct bri_mptcp_subflow flows[2];
	struct bri_mptcp_info info;
	struct pair p;
	size_t n;

	(void)state;
	p.listener = socket(AF_INET, SOCK_STREAM, BRI_IPPROTO_MPTCP);
	p.client = socket(AF_INET, SOCK_STREAM, BRI_IPPROTO_MPTCP);
	assert_int_equal(setsockopt(p.client, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3), 0);
	assert_int_equal(bind(p.listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(p.listener, 1), 0);
	assert_int_equal(getsockname(p.listener, (struct sockaddr *)&addr, &len), 0);
	assert_int_equal(connect(p.client, (struct sockaddr *)&addr, sizeof(addr)), 0);
	p.server = accept(p.listener, NULL, NULL);
	exchange(&p);
	assert_int_equal(bri_mptcp_info_get(p.client, &info), 0);
	assert_int_equal(bri_mptcp_info_subflows(p.client, flows, 2, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(bri_mptcp_info_flags(info.token, flows, n), 1);
	assert_int_equal(flows[0].ifindex, 1);
	close_pair(&p);
}

/* ---- why not ---- */

static void fallbacks(void **state)
{
	struct bri_mptcp_info info;
	struct pair p;
	int fd;

	(void)state;
	bri_mptcp_reason_prime();

	/* a server without it */
	connect_pair(IPPROTO_TCP, BRI_IPPROTO_MPTCP, &p);
	exchange(&p);
	assert_int_equal(bri_mptcp_info_get(p.client, &info), 0);
	assert_false(info.is_mptcp);
	assert_int_equal(info.bytes_sent, 5);
	assert_int_equal(
		bri_mptcp_reason_observe(p.client, false, 0), BRI_MPTCP_REASON_PEER_REFUSED);
	close_pair(&p);

	/* a client that does not ask */
	connect_pair(BRI_IPPROTO_MPTCP, IPPROTO_TCP, &p);
	exchange(&p);
	assert_int_equal(
		bri_mptcp_reason_observe(p.server, true, 0), BRI_MPTCP_REASON_CLIENT_PLAIN);
	close_pair(&p);

	/* both have it again: no remembered cause */
	connect_pair(BRI_IPPROTO_MPTCP, BRI_IPPROTO_MPTCP, &p);
	assert_int_equal(bri_mptcp_reason_observe(p.client, false, 0), BRI_MPTCP_REASON_NONE);
	close_pair(&p);

	/* switched off */
	assert_int_equal(ns_write("/proc/sys/net/mptcp/enabled", "0"), 0);
	fd = socket(AF_INET, SOCK_STREAM, BRI_IPPROTO_MPTCP);
	assert_int_equal(fd, -1);
	assert_int_equal(bri_mptcp_reason_from_errno(errno), BRI_MPTCP_REASON_DISABLED);
	assert_int_equal(ns_write("/proc/sys/net/mptcp/enabled", "1"), 0);
}

static void counters(void **state)
{
	struct bri_mptcp_mib before, after;
	uint64_t v;
	struct pair p;

	(void)state;
	assert_int_equal(bri_mptcp_mib_take(&before), 0);
	connect_pair(BRI_IPPROTO_MPTCP, BRI_IPPROTO_MPTCP, &p);
	assert_int_equal(bri_mptcp_mib_take(&after), 0);
	assert_int_equal(after.syn_tx, before.syn_tx + 1);
	assert_int_equal(after.fallback_synack, before.fallback_synack);
	assert_int_equal(bri_mptcp_mib_read("MPCapableSYNTX", &v), 0);
	assert_int_equal(v, after.syn_tx);
	assert_int_equal(bri_mptcp_mib_read("NoSuchCounter", &v), -ENOENT);
	close_pair(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(path_manager),
		cmocka_unit_test(two_subflows),
		cmocka_unit_test(bound_subflow),
		cmocka_unit_test(fallbacks),
		cmocka_unit_test(counters),
	};
	int fd;

	ns_enter();
	fd = socket(AF_INET, SOCK_STREAM, BRI_IPPROTO_MPTCP);
	if (fd < 0)
		ns_unavailable("no Multipath TCP in this kernel", errno);
	close(fd);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
