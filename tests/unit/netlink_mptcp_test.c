/* Why a connection is not multipath: the counters' text, the table of causes, a real socket or two.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/mptcp_info.h"

static int parse(const char *text, const char *name, uint64_t *ret)
{
	size_t size = strlen(text);
	char *exact = malloc(size ? size : 1);
	int r;

	memcpy(exact, text, size);
	r = bri_mptcp_mib_parse(exact, size, name, ret);
	free(exact);
	return r;
}

static const char netstat[] = "TcpExt: SyncookiesSent SyncookiesRecv\n"
			      "TcpExt: 1 2\n"
			      "MPTcpExt: MPCapableSYNRX MPCapableSYNTX Blackhole Last\n"
			      "MPTcpExt: 7 12 0 18446744073709551615\n"
			      "IpExt: InNoRoutes\n"
			      "IpExt: 3\n";

static void counters(void **state)
{
	uint64_t v = 99;

	(void)state;
	assert_int_equal(parse(netstat, "MPCapableSYNRX", &v), 0);
	assert_int_equal(v, 7);
	assert_int_equal(parse(netstat, "MPCapableSYNTX", &v), 0);
	assert_int_equal(v, 12);
	assert_int_equal(parse(netstat, "Blackhole", &v), 0);
	assert_int_equal(v, 0);
	v = 99;
	/* a name is a whole word, of this table */
	assert_int_equal(parse(netstat, "MPCapableSYN", &v), -ENOENT);
	assert_int_equal(parse(netstat, "SyncookiesSent", &v), -ENOENT);
	assert_int_equal(parse(netstat, "InNoRoutes", &v), -ENOENT);
	assert_int_equal(parse(netstat, "", &v), -ENOENT);
	assert_int_equal(parse("", "X", &v), -ENOENT);
	assert_int_equal(parse("MPTcpExt: A B\n", "A", &v), -EBADMSG);
	assert_int_equal(parse("MPTcpExt: A B\nOther: 1 2\n", "A", &v), -EBADMSG);
	assert_int_equal(parse("MPTcpExt: A B\nMPTcpExt: 1\n", "B", &v), -EBADMSG);
	assert_int_equal(parse("MPTcpExt: A B\nMPTcpExt: 1 x\n", "B", &v), -EBADMSG);
	assert_int_equal(parse("MPTcpExt: A\nMPTcpExt: 99999999999999999999\n", "A", &v), -EBADMSG);
	assert_int_equal(v, 99); /* only success writes */
}

/* Cut anywhere: the right value, or none. */
static void counters_truncated(void **state)
{
	(void)state;
	for (size_t size = 0; size < sizeof(netstat); size++) {
		char *exact = malloc(size ? size : 1);
		uint64_t v = 99;
		int r;

		memcpy(exact, netstat, size);
		r = bri_mptcp_mib_parse(exact, size, "MPCapableSYNRX", &v);
		free(exact);
		assert_true(r == -ENOENT || r == -EBADMSG || (r == 0 && v == 7));
	}
}

/* ---- causes ---- */

struct row {
	enum bri_mptcp_reason want;
	struct bri_mptcp_facts facts;
};

#define BASE       .requested = true, .is_tcp = true, .connected = true, .has_mib = true
#define AFTER(...) .after = { __VA_ARGS__ }

static void causes(void **state)
{
	static const struct row table[] = {
		{ BRI_MPTCP_REASON_NONE, { BASE, .is_mptcp = true, AFTER(.syn_drop = 1) } },
		{ BRI_MPTCP_REASON_NOT_TCP, { .requested = true } },
		{ BRI_MPTCP_REASON_NOT_REQUESTED, { .is_tcp = true, .connected = true } },
		{ BRI_MPTCP_REASON_UNDECIDED, { .is_tcp = true, .requested = true } },
		{ BRI_MPTCP_REASON_KERNEL_TOO_OLD, { BASE, .socket_errno = EINVAL } },
		{ BRI_MPTCP_REASON_NOT_BUILT_IN, { BASE, .socket_errno = EPROTONOSUPPORT } },
		{ BRI_MPTCP_REASON_DISABLED, { BASE, .socket_errno = ENOPROTOOPT } },
		{ BRI_MPTCP_REASON_BLOCKED, { BASE, .socket_errno = EPERM } },
		{ BRI_MPTCP_REASON_BLOCKED, { BASE, .socket_errno = EACCES } },
		{ BRI_MPTCP_REASON_OTHER, { BASE, .socket_errno = EMFILE } },
		/* the errno is the cause, whatever else was counted */
		{ BRI_MPTCP_REASON_DISABLED,
			{ BASE, .socket_errno = ENOPROTOOPT, AFTER(.fallback_synack = 1) } },
		{ BRI_MPTCP_REASON_PEER_REFUSED, { BASE, AFTER(.fallback_synack = 1) } },
		{ BRI_MPTCP_REASON_SYN_DROPPED, { BASE, AFTER(.syn_drop = 1) } },
		{ BRI_MPTCP_REASON_SYN_DROPPED,
			{ BASE, .has_syn_retrans = true, .syn_retrans = 3,
				AFTER(.syn_drop = 1, .fallback_synack = 1) } },
		/* nothing was retransmitted: it was another connection's SYN */
		{ BRI_MPTCP_REASON_PEER_REFUSED,
			{ BASE, .has_syn_retrans = true,
				AFTER(.syn_drop = 1, .fallback_synack = 1) } },
		{ BRI_MPTCP_REASON_BLACKHOLE, { BASE, AFTER(.syn_disabled = 1) } },
		{ BRI_MPTCP_REASON_BLACKHOLE,
			{ BASE, AFTER(.syn_disabled = 1, .fallback_synack = 1) } },
		{ BRI_MPTCP_REASON_STRIPPED, { BASE, AFTER(.data_fallback = 1) } },
		{ BRI_MPTCP_REASON_STRIPPED, { BASE, AFTER(.dss_fallback = 1) } },
		{ BRI_MPTCP_REASON_INCOMPATIBLE, { BASE, AFTER(.md5_fallback = 1) } },
		{ BRI_MPTCP_REASON_OTHER, { BASE } },
		{ BRI_MPTCP_REASON_OTHER,
			{ .requested = true, .is_tcp = true, .connected = true } },
		/* a counter that this kernel has not got, before and after */
		{ BRI_MPTCP_REASON_OTHER,
			{ BASE, .before = { .syn_disabled = -1 }, AFTER(.syn_disabled = -1) } },
		{ BRI_MPTCP_REASON_OTHER,
			{ BASE, .before = { .syn_disabled = -1 }, AFTER(.syn_disabled = 5) } },
		/* servers */
		{ BRI_MPTCP_REASON_CLIENT_PLAIN, { BASE, .accepted = true } },
		{ BRI_MPTCP_REASON_CLIENT_PLAIN,
			{ BASE, .accepted = true, AFTER(.fallback_synack = 1, .syn_drop = 1) } },
		{ BRI_MPTCP_REASON_STRIPPED, { BASE, .accepted = true, AFTER(.fallback_ack = 1) } },
		{ BRI_MPTCP_REASON_STRIPPED, { BASE, .accepted = true, .accepted_mptcp = true,
						     AFTER(.fallback_ack = 1) } },
		/* what clients count is nothing to a server */
		{ BRI_MPTCP_REASON_OTHER, { BASE, .accepted = true, .accepted_mptcp = true,
						  AFTER(.fallback_synack = 1) } },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(table); i++)
		if (bri_mptcp_reason_decide(&table[i].facts) != table[i].want)
			fail_msg("row %zu: %d, not %d", i, bri_mptcp_reason_decide(&table[i].facts),
				table[i].want);
}

/* Each reason has one line, and what can be mended says how; no two say the same. */
static void words(void **state)
{
	(void)state;
	for (int i = BRI_MPTCP_REASON_NONE; i <= BRI_MPTCP_REASON_CLIENT_PLAIN; i++) {
		const char *text = bri_mptcp_reason_text((enum bri_mptcp_reason)i);

		assert_true(strlen(text) > 10);
		assert_null(strchr(text, '\n'));
		assert_null(strchr(bri_mptcp_reason_fix((enum bri_mptcp_reason)i), '\n'));
		if (i != BRI_MPTCP_REASON_NONE && i != BRI_MPTCP_REASON_UNDECIDED)
			assert_true(strlen(bri_mptcp_reason_fix((enum bri_mptcp_reason)i)) > 5);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(
				text, bri_mptcp_reason_text((enum bri_mptcp_reason)j));
	}
	assert_string_equal(bri_mptcp_reason_text((enum bri_mptcp_reason)99), "unknown reason");
	assert_string_equal(bri_mptcp_reason_fix((enum bri_mptcp_reason)99), "");
}

/* ---- sockets that are no MPTCP ---- */

static void not_sockets(void **state)
{
	struct bri_mptcp_info info;
	struct bri_mptcp_subflow flow;
	size_t n;
	int fds[2], udp = socket(AF_INET, SOCK_DGRAM, 0);

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(bri_mptcp_info_get(-1, &info), -EBADF);
	assert_int_equal(bri_mptcp_info_get(fds[0], &info), -ENOTSOCK);
	assert_int_equal(bri_mptcp_info_get(udp, &info), -EOPNOTSUPP);
	assert_int_equal(bri_mptcp_info_subflows(udp, &flow, 1, &n), -EOPNOTSUPP);
	close(fds[0]);
	close(fds[1]);
	close(udp);
}

static void plain_tcp(void **state)
{
	struct sockaddr_in6 addr = { .sin6_family = AF_INET6 };
	socklen_t len = sizeof(addr);
	struct bri_mptcp_subflow flow[2];
	struct bri_mptcp_info info;
	const struct sockaddr_in *in;
	char byte = 'x';
	size_t n = 99;
	int zero = 0, listener = socket(AF_INET6, SOCK_STREAM, 0), client, server;

	(void)state;
	/* an IPv6 socket that talks IPv4 */
	assert_int_equal(setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)), 0);
	assert_int_equal(inet_pton(AF_INET6, "::ffff:127.0.0.1", &addr.sin6_addr), 1);
	assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
	client = socket(AF_INET6, SOCK_STREAM, 0);
	assert_int_equal(bri_mptcp_info_subflows(client, flow, 2, &n), -ENOTCONN);
	assert_int_equal(connect(client, (struct sockaddr *)&addr, sizeof(addr)), 0);
	server = accept(listener, NULL, NULL);
	assert_int_equal(write(client, &byte, 1), 1);
	assert_int_equal(read(server, &byte, 1), 1);

	assert_int_equal(bri_mptcp_info_get(client, &info), 0);
	assert_false(info.is_mptcp);
	assert_int_equal(info.token, 0);
	assert_int_equal(info.subflows, 1);
	assert_int_equal(info.bytes_sent, 1);
	assert_int_equal(bri_mptcp_info_subflows(client, flow, 2, &n), 0);
	assert_int_equal(n, 1);
	assert_false(flow[0].has_id);
	assert_int_equal(flow[0].tcp.state, 1);
	assert_int_equal(flow[0].tcp.bytes_sent, 1);
	in = (const void *)&flow[0].remote;
	assert_int_equal(in->sin_family, AF_INET);
	assert_int_equal(ntohl(in->sin_addr.s_addr), INADDR_LOOPBACK);
	assert_int_equal(in->sin_port, addr.sin6_port);
	assert_int_equal(bri_mptcp_info_get(server, &info), 0);
	assert_int_equal(info.bytes_received, 1);
	n = 99;
	assert_int_equal(bri_mptcp_info_subflows(server, flow, 0, &n), 0);
	assert_int_equal(n, 0);
	/* not subflows of any connection */
	assert_int_equal(bri_mptcp_info_flags(1, flow, 1), 0);
	assert_false(flow[0].has_flags);
	assert_int_equal(bri_mptcp_reason_observe(server, true, 0), BRI_MPTCP_REASON_CLIENT_PLAIN);
	assert_int_equal(bri_mptcp_reason_observe(-1, false, 0), BRI_MPTCP_REASON_OTHER);
	assert_int_equal(bri_mptcp_reason_observe(-1, false, EACCES), BRI_MPTCP_REASON_BLOCKED);
	close(client);
	close(server);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters),
		cmocka_unit_test(counters_truncated),
		cmocka_unit_test(causes),
		cmocka_unit_test(words),
		cmocka_unit_test(not_sockets),
		cmocka_unit_test(plain_tcp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
