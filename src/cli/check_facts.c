/* Facts for `braid check`, asked of the kernel: sockets, sysctls, counters, netlink. Judges
 * nothing. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "base/clock.h"
#include "cli/check.h"
#include "netlink/nl_pm.h"
#include "netlink/nl_socket.h"
#include "netlink/nl_uapi.h"
#include "transport/mptcp_info.h"
#include "transport/netstate.h"

#define PROBE_TIMEOUT_NS (UINT64_C(1) * BRI_NS_PER_S) /* loopback answers in microseconds */

const char *const bri_check_sysctl_names[BRI_SYSCTL_N] = {
	[BRI_SYSCTL_ENABLED] = "enabled",
	[BRI_SYSCTL_ADD_ADDR_TIMEOUT] = "add_addr_timeout",
	[BRI_SYSCTL_CHECKSUM] = "checksum_enabled",
	[BRI_SYSCTL_JOIN_INITIAL] = "allow_join_initial_addr_port",
	[BRI_SYSCTL_STALE] = "stale_loss_cnt",
	[BRI_SYSCTL_PM_TYPE] = "pm_type",
	[BRI_SYSCTL_PATH_MANAGER] = "path_manager",
	[BRI_SYSCTL_SCHEDULER] = "scheduler",
	[BRI_SYSCTL_CLOSE_TIMEOUT] = "close_timeout",
	[BRI_SYSCTL_BLACKHOLE] = "blackhole_timeout",
	[BRI_SYSCTL_SYN_RETRANS] = "syn_retrans_before_tcp_fallback",
};

/* The first line of a small file, "" when there is none. */
static void read_line(const char *path, char *ret, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	ret[0] = 0;
	if (fd < 0)
		return;
	n = read(fd, ret, size - 1);
	close(fd);
	if (n <= 0)
		return;
	ret[n] = 0;
	ret[strcspn(ret, "\n")] = 0;
}

static void read_sysctls(struct bri_check_facts *ret)
{
	char path[128];

	for (size_t i = 0; i < BRI_SYSCTL_N; i++) {
		snprintf(path, sizeof(path), "/proc/sys/net/mptcp/%s", bri_check_sysctl_names[i]);
		read_line(path, ret->sysctl[i], sizeof(ret->sysctl[i]));
	}
}

static int64_t read_counter(const char *name)
{
	uint64_t value;

	return bri_mptcp_mib_read(name, &value) == 0 ? (int64_t)value : BRI_CHECK_UNKNOWN;
}

static int try_socket(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, BRI_IPPROTO_MPTCP);
	int err = errno;

	if (fd < 0)
		return err;
	close(fd);
	return 0;
}

/* Waits until fd can be read or written, or until the deadline. */
static bool wait_for(int fd, short events, uint64_t deadline_ns)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	uint64_t now_ns = bri_clock_now_ns();
	int r;

	do {
		r = poll(&pfd, 1,
			now_ns < deadline_ns ? (int)((deadline_ns - now_ns) / BRI_NS_PER_MS) + 1
					     : 0);
		now_ns = bri_clock_now_ns();
	} while (r < 0 && errno == EINTR && now_ns < deadline_ns);
	return r > 0;
}

/* Connects `client` to `server` over loopback and looks at what it became. */
static enum bri_check_probe connect_probe(int server, int client)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	uint64_t deadline_ns = bri_clock_now_ns() + PROBE_TIMEOUT_NS;
	struct bri_mptcp_info info;
	int64_t before;
	int err = 0;

	if (bind(server, (struct sockaddr *)&address, size) < 0 || listen(server, 1) < 0 ||
		getsockname(server, (struct sockaddr *)&address, &size) < 0)
		return BRI_PROBE_NOT_DONE;
	before = read_counter("MPCapableSYNTXDisabled");
	if (connect(client, (struct sockaddr *)&address, size) < 0 && errno != EINPROGRESS)
		return BRI_PROBE_NOT_DONE;
	size = sizeof(err);
	if (!wait_for(client, POLLOUT, deadline_ns) ||
		getsockopt(client, SOL_SOCKET, SO_ERROR, &err, &size) < 0 || err ||
		bri_mptcp_info_get(client, &info) < 0)
		return BRI_PROBE_NOT_DONE;
	if (info.is_mptcp)
		return BRI_PROBE_MULTIPATH;
	if (before != BRI_CHECK_UNKNOWN && read_counter("MPCapableSYNTXDisabled") > before)
		return BRI_PROBE_SUSPENDED;
	return BRI_PROBE_FELL_BACK;
}

static enum bri_check_probe probe_loopback(void)
{
	const int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
	int server = socket(AF_INET, type, BRI_IPPROTO_MPTCP);
	int client = socket(AF_INET, type, BRI_IPPROTO_MPTCP);
	enum bri_check_probe probe = BRI_PROBE_NOT_DONE;

	if (server >= 0 && client >= 0)
		probe = connect_probe(server, client);
	if (client >= 0)
		close(client);
	if (server >= 0)
		close(server);
	return probe;
}

struct pm_answer {
	struct bri_nl_pm_family family;
	struct bri_check_facts *facts;
	bool has_family, has_limits;
};

/* BRI_NL_OTHER is a message we did not ask for: passed over. */
static int on_family(void *context, const struct nlmsghdr *msg)
{
	struct pm_answer *answer = context;
	int r = bri_nl_pm_decode_family(msg, &answer->family);

	answer->has_family |= r == 0;
	return r < 0 ? r : 0;
}

static int on_limits(void *context, const struct nlmsghdr *msg)
{
	struct pm_answer *answer = context;
	struct bri_nl_pm_limits limits;
	int r = bri_nl_pm_decode_limits(msg, &answer->family, &limits);

	if (r == 0) {
		answer->has_limits = true;
		answer->facts->limit_subflows = limits.subflows;
		answer->facts->limit_accepted = limits.add_addr_accepted;
	}
	return r < 0 ? r : 0;
}

static int on_endpoint(void *context, const struct nlmsghdr *msg)
{
	struct pm_answer *answer = context;
	struct bri_check_facts *facts = answer->facts;
	struct bri_nl_pm_endpoint endpoint;
	struct bri_check_endpoint *e;
	int r = bri_nl_pm_decode_endpoint(msg, &answer->family, &endpoint);

	if (r != 0)
		return r < 0 ? r : 0;
	if (facts->n_endpoints == BRI_CHECK_MAX_ENDPOINTS)
		return 0;
	e = &facts->endpoints[facts->n_endpoints++];
	*e = (struct bri_check_endpoint) { .id = endpoint.id,
		.family = endpoint.ip.family,
		.port = endpoint.port,
		.flags = endpoint.flags,
		.ifindex = endpoint.ifindex };
	memcpy(e->address, endpoint.ip.bytes, sizeof(e->address));
	return 0;
}

static void forget_endpoints(void *context)
{
	struct pm_answer *answer = context;

	answer->facts->n_endpoints = 0;
}

static int ask_pm(struct bri_nl_socket *sock, struct pm_answer *answer)
{
	struct bri_nl_request req;
	int r;

	bri_nl_pm_encode_family(&req);
	r = bri_nl_socket_call(sock, &req, on_family, answer);
	if (r != 0 || !answer->has_family)
		return r < 0 ? r : -ENOENT;
	bri_nl_pm_encode_get_limits(&req, &answer->family);
	r = bri_nl_socket_call(sock, &req, on_limits, answer);
	if (r != 0 || !answer->has_limits)
		return r < 0 ? r : -EBADMSG;
	bri_nl_pm_encode_dump_endpoints(&req, &answer->family);
	r = bri_nl_socket_dump(sock, &req, forget_endpoints, on_endpoint, answer);
	return r < 0 ? r : 0;
}

static void read_pm(struct bri_check_facts *ret)
{
	struct pm_answer answer = { .facts = ret };
	struct bri_nl_socket *sock;
	int r;

	r = bri_nl_socket_open(NETLINK_GENERIC, 0, &sock);
	if (r == 0) {
		r = ask_pm(sock, &answer);
		bri_nl_socket_close(sock);
	}
	ret->pm_errno = -r;
}

static const char *type_name(enum bri_iftype type)
{
	static const char *const names[] = { "other", "wifi", "cellular", "wired", "loopback" };

	return (size_t)type < BRI_LEN(names) ? names[type] : "other";
}

/* A public address of each family. Only the routing table is asked; nothing is sent. */
static const struct sockaddr_in far4 = { .sin_family = AF_INET, .sin_addr.s_addr = 0x09090909 };
static const struct sockaddr_in6 far6 = { .sin6_family = AF_INET6,
	.sin6_addr.s6_addr = { 0x26, 0x20, 0, 0xfe, [15] = 0xfe } };

static const struct sockaddr *far_address(int family)
{
	return family == AF_INET ? (const struct sockaddr *)&far4 : (const struct sockaddr *)&far6;
}

/* The interface that packets to the internet leave by, with this source or (NULL) without one. */
static uint32_t leaves_by(int family, const uint8_t *source)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	const struct sockaddr *local = NULL;
	uint32_t ifindex = 0;
	struct bri_ip chosen;

	if (source && family == AF_INET) {
		memcpy(&v4.sin_addr, source, 4);
		local = (const struct sockaddr *)&v4;
	} else if (source) {
		memcpy(&v6.sin6_addr, source, 16);
		local = (const struct sockaddr *)&v6;
	}
	if (bri_netstate_route(far_address(family), local, 0, &ifindex, &chosen) < 0)
		return 0;
	return ifindex;
}

static void read_way(const struct bri_netstate *state, uint32_t ifindex, int family,
	uint32_t main_ifindex, struct bri_check_way *ret)
{
	uint32_t best = UINT32_MAX;

	for (size_t i = 0; i < state->n_addresses && !ret->has_address; i++) {
		const struct bri_netaddr *a = &state->addresses[i];

		if (a->ifindex != ifindex || a->ip.family != family ||
			(a->flags & (BRI_NETADDR_LINK | BRI_NETADDR_TENTATIVE |
					    BRI_NETADDR_DEPRECATED)))
			continue;
		ret->has_address = true;
		ret->prefix = a->prefix;
		memcpy(ret->address, a->ip.bytes, sizeof(ret->address));
	}
	if (!ret->has_address)
		return;
	for (size_t i = 0; i < state->n_routes; i++) {
		const struct bri_netroute *r = &state->routes[i];

		if (r->ifindex != ifindex || r->dst.family != family || r->prefix != 0 ||
			(ret->has_default && r->metric >= best))
			continue;
		best = r->metric;
		ret->has_default = true;
		ret->has_gateway = r->gateway.family == family;
		memcpy(ret->gateway, r->gateway.bytes, sizeof(ret->gateway));
	}
	ret->leaves_by = leaves_by(family, ret->address);
	ret->is_main = ifindex == main_ifindex;
}

/* The kernel uses the stricter of "all" and the interface's own (0 off, 1 strict, 2 loose): the
 * larger. */
static bool is_strict(const char *name)
{
	char path[128], all[16], own[16];
	char larger;

	read_line("/proc/sys/net/ipv4/conf/all/rp_filter", all, sizeof(all));
	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", name);
	read_line(path, own, sizeof(own));
	larger = all[0] > own[0] ? all[0] : own[0];
	return larger == '1';
}

static void read_links(struct bri_check_facts *ret)
{
	struct bri_netstate *state = NULL;
	uint32_t main4, main6;
	int r = bri_netstate_read(&state);

	if (r < 0) {
		ret->links_errno = -r;
		return;
	}
	main4 = leaves_by(AF_INET, NULL);
	main6 = leaves_by(AF_INET6, NULL);
	for (size_t i = 0; i < state->n_interfaces; i++) {
		const struct bri_netif *netif = &state->interfaces[i];
		struct bri_check_link link = { .index = netif->index,
			.up = netif->up,
			.running = netif->running,
			.type = type_name(netif->type) };

		if (!netif->up || netif->type == BRI_IFTYPE_LOOPBACK)
			continue;
		snprintf(link.name, sizeof(link.name), "%s", netif->name);
		read_way(state, netif->index, AF_INET, main4, &link.v4);
		read_way(state, netif->index, AF_INET6, main6, &link.v6);
		if (!link.v4.has_address && !link.v6.has_address)
			continue;
		if (ret->n_links == BRI_CHECK_MAX_LINKS) {
			ret->links_cut = true;
			break;
		}
		link.v4.strict_filter = link.v4.has_address && is_strict(link.name);
		ret->links[ret->n_links++] = link;
	}
	bri_netstate_put(state);
}

void bri_check_facts_read(struct bri_check_facts *ret)
{
	struct utsname name;

	memset(ret, 0, sizeof(*ret));
	if (uname(&name) == 0)
		snprintf(ret->kernel, sizeof(ret->kernel), "%s", name.release);
	ret->socket_errno = try_socket(AF_INET);
	ret->socket6_errno = try_socket(AF_INET6);
	read_sysctls(ret);
	if (ret->socket_errno == 0)
		ret->probe = probe_loopback();
	ret->blackholes = read_counter("Blackhole");
	ret->syn_drops = read_counter("MPCapableSYNTXDrop");
	ret->syn_disabled = read_counter("MPCapableSYNTXDisabled");
	read_pm(ret);
	read_links(ret);
}

static void way_json(const struct bri_check_way *way, int family, uint32_t index,
	struct bri_json *json, const char *key)
{
	char text[INET6_ADDRSTRLEN];

	if (!way->has_address) {
		bri_json_null(json, key);
		return;
	}
	bri_json_object(json, key);
	bri_json_string(json, "address", inet_ntop(family, way->address, text, sizeof(text)));
	bri_json_unsigned(json, "prefix", way->prefix);
	bri_json_bool(json, "default_route", way->has_default);
	bri_json_string(json, "gateway",
		way->has_gateway ? inet_ntop(family, way->gateway, text, sizeof(text)) : NULL);
	bri_json_bool(json, "main", way->is_main);
	bri_json_bool(json, "source_routed", way->leaves_by == index);
	bri_json_end_object(json);
}

void bri_check_facts_json(const struct bri_check_facts *facts, struct bri_json *json)
{
	static const char *const probes[] = { NULL, "multipath", "tcp", "suspended" };
	char text[INET6_ADDRSTRLEN];

	bri_json_string(json, "kernel", facts->kernel);
	bri_json_number(json, "socket_errno", facts->socket_errno);
	bri_json_string(json, "loopback", probes[facts->probe]);
	bri_json_object(json, "sysctls");
	for (size_t i = 0; i < BRI_SYSCTL_N; i++)
		bri_json_string(json, bri_check_sysctl_names[i],
			*facts->sysctl[i] ? facts->sysctl[i] : NULL);
	bri_json_end_object(json);
	if (facts->pm_errno) {
		bri_json_null(json, "limits");
	} else {
		bri_json_object(json, "limits");
		bri_json_unsigned(json, "subflows", facts->limit_subflows);
		bri_json_unsigned(json, "add_addr_accepted", facts->limit_accepted);
		bri_json_end_object(json);
	}
	bri_json_array(json, "endpoints");
	for (size_t i = 0; i < facts->n_endpoints; i++) {
		const struct bri_check_endpoint *e = &facts->endpoints[i];

		bri_json_object(json, NULL);
		bri_json_unsigned(json, "id", e->id);
		bri_json_string(
			json, "address", inet_ntop(e->family, e->address, text, sizeof(text)));
		bri_json_unsigned(json, "port", e->port);
		bri_json_unsigned(json, "flags", e->flags);
		bri_json_unsigned(json, "ifindex", e->ifindex);
		bri_json_end_object(json);
	}
	bri_json_end_array(json);
	bri_json_array(json, "interfaces");
	for (size_t i = 0; i < facts->n_links; i++) {
		const struct bri_check_link *link = &facts->links[i];

		bri_json_object(json, NULL);
		bri_json_string(json, "name", link->name);
		bri_json_unsigned(json, "index", link->index);
		bri_json_string(json, "type", link->type);
		bri_json_bool(json, "running", link->running);
		way_json(&link->v4, AF_INET, link->index, json, "ipv4");
		way_json(&link->v6, AF_INET6, link->index, json, "ipv6");
		bri_json_end_object(json);
	}
	bri_json_end_array(json);
}
