/*
 * What the kernel tells about one connected TCP or MPTCP socket. Probes what this kernel has
 * instead of comparing versions: MPTCP_FULL_INFO since 6.5, TCP_IS_MPTCP since 6.10, the rest
 * since 5.16.
 */
#include "transport/mptcp_info.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>

#include "netlink/nl_diag.h"
#include "netlink/nl_socket.h"

#define TCP_INFO_OPTION 11 /* netinet/tcp.h and linux/tcp.h cannot be included together */
#define STATE_CLOSE     7  /* TCP_CLOSE */

/* SO_PROTOCOL stays 262 on a client that has fallen back; an accepted socket of plain TCP says 6.
 */
static int protocol_of(int fd, int *ret)
{
	socklen_t len = sizeof(*ret);

	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, ret, &len) < 0)
		return -errno;
	return *ret == IPPROTO_TCP || *ret == BRI_IPPROTO_MPTCP ? 0 : -EOPNOTSUPP;
}

static int get_mptcp_info(int fd, struct bri_uapi_mptcp_info *ret, socklen_t *ret_len)
{
	memset(ret, 0, sizeof(*ret));
	*ret_len = sizeof(*ret);
	if (getsockopt(fd, BRI_SOL_MPTCP, BRI_MPTCP_INFO, ret, ret_len) < 0)
		return -errno;
	return *ret_len > offsetof(struct bri_uapi_mptcp_info, token) ? 0 : -EOPNOTSUPP;
}

static int get_tcp_stats(int fd, struct bri_tcp_stats *ret)
{
	struct bri_uapi_tcp_info raw;
	socklen_t len = sizeof(raw);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO_OPTION, &raw, &len) < 0)
		return -errno;
	return bri_nl_tcpinfo_decode(&raw, len, ret);
}

/* False when it never was, or has fallen back. */
static bool is_mptcp(int fd, const struct bri_uapi_mptcp_info *info, int info_error)
{
	int on;
	socklen_t len = sizeof(on);

	if (info_error == 0 && (info->flags & BRI_MPTCP_INFO_FALLBACK))
		return false;
	if (getsockopt(fd, IPPROTO_TCP, BRI_TCP_IS_MPTCP, &on, &len) == 0)
		return on != 0;
	/* before 6.10: a socket that has fallen back passes SOL_MPTCP on to TCP, which has none */
	return info_error == 0;
}

bool bri_mptcp_is_active(int fd)
{
	struct bri_mptcp_info info;
	int on = 0;
	socklen_t len = sizeof(on);

	if (getsockopt(fd, IPPROTO_TCP, BRI_TCP_IS_MPTCP, &on, &len) == 0)
		return on != 0;
	return bri_mptcp_info_get(fd, &info) == 0 && info.is_mptcp;
}

static void from_mptcp(
	const struct bri_uapi_mptcp_info *info, socklen_t len, struct bri_mptcp_info *ret)
{
	ret->is_mptcp = true;
	ret->token = info->token;
	ret->retransmits = info->retransmits;
	ret->checksum = info->csum_enabled;
	ret->has_remote_key = info->flags & BRI_MPTCP_INFO_REMOTE_KEY;
	/* `subflows` counts the extra ones; that the first one lives is known only since 6.8 */
	ret->subflows = len > offsetof(struct bri_uapi_mptcp_info, subflows_total)
				? info->subflows_total
				: info->subflows + 1u;
	ret->has_bytes = len >= offsetof(struct bri_uapi_mptcp_info, subflows_total);
	ret->bytes_sent = info->bytes_sent;
	ret->bytes_received = info->bytes_received;
	ret->bytes_acked = info->bytes_acked;
	ret->bytes_retrans = info->bytes_retrans;
}

static int from_tcp(int fd, struct bri_mptcp_info *ret)
{
	struct bri_tcp_stats tcp;
	int r;

	r = get_tcp_stats(fd, &tcp);
	if (r < 0)
		return r;
	ret->subflows = tcp.state == STATE_CLOSE ? 0 : 1;
	ret->has_bytes = true;
	ret->bytes_sent = tcp.bytes_sent;
	ret->bytes_received = tcp.bytes_received;
	ret->bytes_acked = tcp.bytes_acked;
	ret->bytes_retrans = tcp.bytes_retrans;
	return 0;
}

int bri_mptcp_info_get(int fd, struct bri_mptcp_info *ret)
{
	struct bri_uapi_mptcp_info raw;
	struct bri_mptcp_info info = { 0 };
	socklen_t len = 0;
	int protocol, r;

	r = protocol_of(fd, &protocol);
	if (r < 0)
		return r;
	if (protocol == BRI_IPPROTO_MPTCP) {
		r = get_mptcp_info(fd, &raw, &len);
		if (is_mptcp(fd, &raw, r)) {
			if (r < 0) /* 5.6 to 5.15 tell nothing but that it is so */
				memset(&raw, 0, sizeof(raw));
			from_mptcp(&raw, r < 0 ? 0 : len, &info);
			*ret = info;
			return 0;
		}
	}
	r = from_tcp(fd, &info);
	if (r == 0)
		*ret = info;
	return r;
}

/* The address families of one socket may be mixed: IPv4 over an IPv6 socket is told as IPv4. */
static void unmap(struct sockaddr_storage *ss)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in = { .sin_family = AF_INET };

	if (ss->ss_family != AF_INET6)
		return;
	memcpy(&in6, ss, sizeof(in6));
	if (!IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
		return;
	memcpy(&in.sin_addr, &in6.sin6_addr.s6_addr[12], sizeof(in.sin_addr));
	in.sin_port = in6.sin6_port;
	memset(ss, 0, sizeof(*ss));
	memcpy(ss, &in, sizeof(in));
}

/* A closed initial subflow stays in the kernel's list: it is no path any more. */
static bool put_subflow(const struct bri_uapi_subflow_addrs *addrs,
	const struct bri_uapi_tcp_info *tcp, size_t tcp_size, struct bri_mptcp_subflow *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (bri_nl_tcpinfo_decode(tcp, tcp_size, &ret->tcp) < 0 || ret->tcp.state == STATE_CLOSE)
		return false;
	ret->local = addrs->local;
	ret->remote = addrs->remote;
	unmap(&ret->local);
	unmap(&ret->remote);
	return true;
}

/* Addresses, ids and measurements in one call, and so of one moment (6.5). */
static int full_info(int fd, struct bri_mptcp_subflow *ret, size_t max, size_t *ret_n)
{
	struct bri_uapi_subflow_info flows[BRI_MPTCP_MAX_SUBFLOWS];
	struct bri_uapi_tcp_info tcp[BRI_MPTCP_MAX_SUBFLOWS];
	struct bri_uapi_full_info full = {
		.size_tcpinfo_user = sizeof(tcp[0]),
		.size_sfinfo_user = sizeof(flows[0]),
		.size_arrays_user = BRI_MPTCP_MAX_SUBFLOWS,
		.subflow_info = (uintptr_t)flows,
		.tcp_info = (uintptr_t)tcp,
	};
	socklen_t len = sizeof(full);
	size_t n = 0, size;

	memset(flows, 0, sizeof(flows));
	memset(tcp, 0, sizeof(tcp));
	if (getsockopt(fd, BRI_SOL_MPTCP, BRI_MPTCP_FULL_INFO, &full, &len) < 0)
		return -errno;
	size = bri_min_size(full.size_tcpinfo_kernel, sizeof(tcp[0]));
	for (size_t i = 0; i < full.num_subflows && i < BRI_MPTCP_MAX_SUBFLOWS && n < max; i++) {
		if (!put_subflow(&flows[i].addrs, &tcp[i], size, &ret[n]))
			continue;
		ret[n].id = flows[i].id;
		ret[n].has_id = true;
		n++;
	}
	*ret_n = n;
	return 0;
}

/* The same from two calls (5.16): a subflow may come or go between them, so the counts may differ.
 */
static int two_calls(int fd, struct bri_mptcp_subflow *ret, size_t max, size_t *ret_n)
{
	struct {
		struct bri_uapi_subflow_data head;
		struct bri_uapi_subflow_addrs list[BRI_MPTCP_MAX_SUBFLOWS];
	} addrs;
	struct {
		struct bri_uapi_subflow_data head;
		struct bri_uapi_tcp_info list[BRI_MPTCP_MAX_SUBFLOWS];
	} tcp;
	socklen_t len = sizeof(addrs);
	size_t n = 0, size, have;

	memset(&addrs, 0, sizeof(addrs));
	memset(&tcp, 0, sizeof(tcp));
	addrs.head.size_subflow_data = tcp.head.size_subflow_data = sizeof(addrs.head);
	addrs.head.size_user = sizeof(addrs.list[0]);
	tcp.head.size_user = sizeof(tcp.list[0]);
	if (getsockopt(fd, BRI_SOL_MPTCP, BRI_MPTCP_SUBFLOW_ADDRS, &addrs, &len) < 0)
		return -errno;
	len = sizeof(tcp);
	if (getsockopt(fd, BRI_SOL_MPTCP, BRI_MPTCP_TCPINFO, &tcp, &len) < 0)
		return -errno;
	size = bri_min_size(tcp.head.size_kernel, sizeof(tcp.list[0]));
	have = bri_min_size(bri_min_size(addrs.head.num_subflows, tcp.head.num_subflows),
		BRI_MPTCP_MAX_SUBFLOWS);
	for (size_t i = 0; i < have && n < max; i++) {
		if (!put_subflow(&addrs.list[i], &tcp.list[i], size, &ret[n]))
			continue;
		ret[n].id = (uint32_t)i;
		n++;
	}
	*ret_n = n;
	return 0;
}

static int one_tcp(int fd, struct bri_mptcp_subflow *ret, size_t max, size_t *ret_n)
{
	struct bri_mptcp_subflow flow = { 0 };
	socklen_t local_len = sizeof(flow.local), remote_len = sizeof(flow.remote);
	int r;

	r = get_tcp_stats(fd, &flow.tcp);
	if (r < 0)
		return r;
	if (getsockname(fd, (struct sockaddr *)&flow.local, &local_len) < 0)
		return -errno;
	/* a connection that was reset has no peer any more, but its counters are what reports ask
	 * for; a socket that never was a connection has neither */
	if (getpeername(fd, (struct sockaddr *)&flow.remote, &remote_len) < 0 &&
		(errno != ENOTCONN || flow.tcp.segs_in == 0))
		return -errno;
	unmap(&flow.local);
	unmap(&flow.remote);
	if (max > 0)
		*ret = flow;
	*ret_n = max > 0 ? 1 : 0;
	return 0;
}

int bri_mptcp_info_subflows(int fd, struct bri_mptcp_subflow *ret, size_t max, size_t *ret_n)
{
	struct bri_mptcp_info info;
	int r;

	r = bri_mptcp_info_get(fd, &info);
	if (r < 0)
		return r;
	if (!info.is_mptcp)
		return one_tcp(fd, ret, max, ret_n);
	r = full_info(fd, ret, max, ret_n);
	if (r < 0)
		r = two_calls(fd, ret, max, ret_n);
	return r;
}

/* One subflow's question and answer. */
struct lookup {
	struct bri_nl_diag diag;
	bool found;
};

static int on_socket(void *context, const struct nlmsghdr *msg)
{
	struct lookup *lookup = context;
	int r = bri_nl_diag_decode(msg, false, &lookup->diag);

	lookup->found = r == 0;
	return r < 0 ? r : 0;
}

static void put_flags(const struct bri_nl_diag *diag, struct bri_mptcp_subflow *flow)
{
	flow->has_flags = true;
	flow->local_id = diag->local_id;
	flow->remote_id = diag->remote_id;
	flow->ifindex = diag->ifindex;
	flow->backup = 0;
	if (diag->subflow_flags & BRI_NL_SUBFLOW_BACKUP_LOCAL)
		flow->backup |= BRI_MPTCP_BACKUP_LOCAL;
	if (diag->subflow_flags & BRI_NL_SUBFLOW_BACKUP_REMOTE)
		flow->backup |= BRI_MPTCP_BACKUP_REMOTE;
}

/* Those that the kernel did not find by address: bound to a device, which the question must name.
 */
struct search {
	uint32_t token;
	struct bri_mptcp_subflow *subflows;
	size_t n;
	int found;
};

static bool same_end(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET) {
		const struct sockaddr_in *x = (const void *)a, *y = (const void *)b;

		return x->sin_port == y->sin_port && x->sin_addr.s_addr == y->sin_addr.s_addr;
	} else {
		const struct sockaddr_in6 *x = (const void *)a, *y = (const void *)b;

		return x->sin6_port == y->sin6_port &&
		       memcmp(&x->sin6_addr, &y->sin6_addr, sizeof(x->sin6_addr)) == 0;
	}
}

static int on_any_socket(void *context, const struct nlmsghdr *msg)
{
	struct search *search = context;
	struct bri_nl_diag diag;
	int r = bri_nl_diag_decode(msg, false, &diag);

	if (r != 0)
		return r < 0 ? r : 0;
	if (!diag.has_subflow || diag.token_local != search->token)
		return 0;
	for (size_t i = 0; i < search->n; i++) {
		struct bri_mptcp_subflow *flow = &search->subflows[i];

		if (!flow->has_flags && same_end(&flow->local, &diag.local) &&
			same_end(&flow->remote, &diag.remote)) {
			put_flags(&diag, flow);
			search->found++;
		}
	}
	return 0;
}

/* The whole table of one family: rarely needed, and costs what the table is long. */
static int search_all(struct bri_nl_socket *sock, struct search *search, int family)
{
	struct bri_nl_request req;
	bool needed = false;

	for (size_t i = 0; i < search->n; i++)
		if (!search->subflows[i].has_flags && search->subflows[i].local.ss_family == family)
			needed = true;
	if (!needed)
		return 0;
	bri_nl_diag_encode_dump(&req, family, false);
	return bri_nl_socket_call(sock, &req, on_any_socket, search);
}

int bri_mptcp_info_flags(uint32_t token, struct bri_mptcp_subflow *subflows, size_t n)
{
	struct search search = { .token = token, .subflows = subflows, .n = n };
	struct bri_nl_socket *sock;
	int r;

	r = bri_nl_socket_open(NETLINK_SOCK_DIAG, 0, &sock);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n && r >= 0; i++) {
		struct bri_mptcp_subflow *flow = &subflows[i];
		struct bri_nl_request req;
		struct lookup lookup = { .found = false };

		flow->has_flags = false;
		r = bri_nl_diag_encode_tcp(&req, (const struct sockaddr *)&flow->local,
			(const struct sockaddr *)&flow->remote, 0);
		if (r == 0)
			r = bri_nl_socket_call(sock, &req, on_socket, &lookup);
		if (r == -ENOENT || r == -EINVAL)
			r = 0;
		if (lookup.found && lookup.diag.has_subflow && lookup.diag.token_local == token) {
			put_flags(&lookup.diag, flow);
			search.found++;
		}
	}
	if (r >= 0 && (size_t)search.found < n)
		r = search_all(sock, &search, AF_INET);
	if (r >= 0 && (size_t)search.found < n)
		r = search_all(sock, &search, AF_INET6);
	bri_nl_socket_close(sock);
	return r < 0 ? r : search.found;
}
