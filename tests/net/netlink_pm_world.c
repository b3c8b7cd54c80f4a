/* A namespace with the userspace path manager. Knows no particular order to it. */
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

#include "base/clock.h"
#include "netlink/nl_uapi.h"
#include "netlink_pm_world.h"
#include "netstate_ns.h"
#include "transport/mptcp_info.h"

#define WAIT_MS 5000 /* an event takes less than 1 ms; a loaded machine more */

void world_enter(void)
{
	int fd;

	ns_enter();
	fd = socket(AF_INET, SOCK_STREAM, BRI_IPPROTO_MPTCP);
	if (fd < 0)
		ns_unavailable("no Multipath TCP in this kernel", errno);
	close(fd);
	/* since 6.15, and since 5.19 */
	if (ns_write("/proc/sys/net/mptcp/path_manager", "userspace") < 0 &&
		ns_write("/proc/sys/net/mptcp/pm_type", "1") < 0)
		ns_unavailable("no userspace path manager in this kernel", errno);
	/* the far ends have no address and answer nothing: what is sent is gone */
	if (ns_run("ip link add path0 type veth peer name far0") != 0 ||
		ns_run("ip link add path1 type veth peer name far1") != 0)
		ns_unavailable("no veth devices", ENODEV);
	/* nothing is sent by itself: packets are counted */
	ns_write("/proc/sys/net/ipv6/conf/path0/disable_ipv6", "1");
	ns_write("/proc/sys/net/ipv6/conf/path1/disable_ipv6", "1");
	ns_run("ip link set path0 arp off up");
	ns_run("ip link set path1 arp off up");
	ns_run("ip link set far0 arp off up");
	ns_run("ip link set far1 arp off up");
	ns_run("ip addr add 10.77.0.1/24 dev path0");
	ns_run("ip addr add 10.78.0.1/24 dev path1");
}

void world_run(const char *line)
{
	if (ns_run(line) != 0)
		fail_msg("%s", line);
}

void world_ipv6(void)
{
	assert_int_equal(ns_write("/proc/sys/net/ipv6/conf/path0/disable_ipv6", "0"), 0);
}

static int keep_family(void *context, const struct nlmsghdr *msg)
{
	return bri_nl_pm_decode_family(msg, context);
}

int world_open(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(bri_nl_socket_open(NETLINK_GENERIC, 0, &w->commands), 0);
	assert_int_equal(bri_nl_socket_open(NETLINK_GENERIC, 0, &w->events), 0);
	assert_int_equal(bri_nl_socket_open(NETLINK_ROUTE, 0, &w->route), 0);
	assert_int_equal(bri_nl_socket_open(NETLINK_SOCK_DIAG, 0, &w->diag), 0);
	bri_nl_pm_encode_family(&w->req);
	assert_int_equal(bri_nl_socket_call(w->commands, &w->req, keep_family, &w->family), 0);
	assert_int_equal(bri_nl_socket_join(w->events, w->family.events_group), 0);
	*state = w;
	return 0;
}

int world_close(void **state)
{
	struct world *w = *state;

	bri_nl_socket_close(w->commands);
	bri_nl_socket_close(w->events);
	bri_nl_socket_close(w->route);
	bri_nl_socket_close(w->diag);
	free(w);
	return 0;
}

int world_call(struct world *w)
{
	return bri_nl_socket_call(w->commands, &w->req, NULL, NULL);
}

static int keep_event(void *context, const struct nlmsghdr *msg)
{
	struct world *w = context;
	struct bri_nl_pm_event event;
	int r = bri_nl_pm_decode_event(msg, &w->family, &event);

	if (r == BRI_NL_OTHER)
		return 0;
	if (r < 0)
		return r;
	if (w->n_seen == WORLD_MAX_EVENTS) { /* of tests long past */
		memmove(w->seen, w->seen + 1, sizeof(w->seen) - sizeof(w->seen[0]));
		w->n_seen--;
	}
	w->seen[w->n_seen++] = event;
	return 0;
}

static bool take_event(struct world *w, enum bri_nl_pm_event_kind kind, uint32_t token,
	struct bri_nl_pm_event *ret)
{
	for (size_t i = 0; i < w->n_seen; i++) {
		if (w->seen[i].kind != kind || w->seen[i].token != token)
			continue;
		*ret = w->seen[i];
		memmove(w->seen + i, w->seen + i + 1, (w->n_seen - i - 1) * sizeof(w->seen[0]));
		w->n_seen--;
		return true;
	}
	return false;
}

bool world_wait(struct world *w, enum bri_nl_pm_event_kind kind, uint32_t token, unsigned ms,
	struct bri_nl_pm_event *ret)
{
	uint64_t until_ns = bri_clock_now_ns() + ms * BRI_NS_PER_MS, now_ns;
	struct pollfd p = { .fd = bri_nl_socket_fd(w->events), .events = POLLIN };

	for (;;) {
		int r = bri_nl_socket_receive(w->events, keep_event, w);

		assert_true(r == 0 || r == BRI_NL_MORE);
		if (take_event(w, kind, token, ret))
			return true;
		now_ns = bri_clock_now_ns();
		if (now_ns >= until_ns)
			return false;
		poll(&p, 1, (int)((until_ns - now_ns) / BRI_NS_PER_MS) + 1);
	}
}

struct bri_nl_pm_event world_expect(struct world *w, enum bri_nl_pm_event_kind kind, uint32_t token)
{
	struct bri_nl_pm_event event;

	if (!world_wait(w, kind, token, WAIT_MS, &event))
		fail_msg("no event of kind %d", kind);
	return event;
}

static socklen_t sockaddr_of(int family, const char *text, struct sockaddr_storage *ret)
{
	struct sockaddr_in *in = (void *)ret;
	struct sockaddr_in6 *in6 = (void *)ret;

	memset(ret, 0, sizeof(*ret));
	ret->ss_family = (sa_family_t)family;
	if (family == AF_INET) {
		assert_int_equal(inet_pton(family, text, &in->sin_addr), 1);
		return sizeof(*in);
	}
	assert_int_equal(inet_pton(family, text, &in6->sin6_addr), 1);
	return sizeof(*in6);
}

static uint32_t token_of(int fd)
{
	struct bri_mptcp_info info;

	assert_int_equal(bri_mptcp_info_get(fd, &info), 0);
	assert_true(info.is_mptcp);
	return info.token;
}

void world_connect(struct world *w, int family, const char *server, struct pair *ret)
{
	struct sockaddr_storage addr;
	socklen_t len = sockaddr_of(family, server, &addr);

	(void)w;
	ret->listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, BRI_IPPROTO_MPTCP);
	ret->client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, BRI_IPPROTO_MPTCP);
	assert_true(ret->listener >= 0 && ret->client >= 0);
	assert_int_equal(bind(ret->listener, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(listen(ret->listener, 4), 0);
	assert_int_equal(getsockname(ret->listener, (struct sockaddr *)&addr, &len), 0);
	/* sin_port and sin6_port are in the same place */
	ret->port = ntohs(((struct sockaddr_in *)&addr)->sin_port);
	assert_int_equal(connect(ret->client, (struct sockaddr *)&addr, len), 0);
	ret->server = accept(ret->listener, NULL, NULL);
	assert_true(ret->server >= 0);
	ret->client_token = token_of(ret->client);
	ret->server_token = token_of(ret->server);
	pair_exchange(ret);
}

uint16_t world_join(struct world *w, const struct pair *p, const char *local, uint8_t id)
{
	struct bri_nl_pm_tuple t = tuple(local, 0, "127.0.0.1", p->port);
	struct bri_nl_pm_event event;

	bri_nl_pm_encode_create(&w->req, &w->family, p->client_token, &t, id, 0, 0, false);
	assert_int_equal(world_call(w), 0);
	event = world_expect(w, BRI_NL_PM_SUB_ESTABLISHED, p->client_token);
	assert_int_equal(event.local_id, id);
	return event.local_port;
}

void pair_exchange(const struct pair *p)
{
	char buf[8];

	assert_int_equal(send(p->client, "hello", 5, MSG_NOSIGNAL), 5);
	assert_int_equal(recv(p->server, buf, 5, MSG_WAITALL), 5);
	assert_int_equal(send(p->server, "hello!", 6, MSG_NOSIGNAL), 6);
	assert_int_equal(recv(p->client, buf, 6, MSG_WAITALL), 6);
}

void pair_close(struct pair *p)
{
	close(p->client);
	close(p->server);
	if (p->listener >= 0)
		close(p->listener);
}

size_t pair_subflows(const struct pair *p)
{
	struct bri_mptcp_subflow flows[16];
	size_t n, established = 0;

	assert_int_equal(bri_mptcp_info_subflows(p->client, flows, BRI_LEN(flows), &n), 0);
	for (size_t i = 0; i < n; i++)
		established += flows[i].tcp.state == 1;
	return established;
}

uint64_t mib(const char *name)
{
	uint64_t value;

	assert_int_equal(bri_mptcp_mib_read(name, &value), 0);
	return value;
}

void expect_mib(const char *name, uint64_t value)
{
	uint64_t until_ns = bri_clock_now_ns() + WAIT_MS * BRI_NS_PER_MS;

	while (mib(name) < value && bri_clock_now_ns() < until_ns)
		poll(NULL, 0, 1);
	assert_int_equal(mib(name), value);
}

uint64_t sent_by(const char *device)
{
	char line[512], name[32];
	FILE *f = fopen("/proc/net/dev", "re");
	uint64_t packets = 0;
	bool found = false;

	assert_non_null(f);
	snprintf(name, sizeof(name), "%s:", device);
	while (!found && fgets(line, sizeof(line), f)) {
		char *at = strstr(line, name), *word, *save = NULL;

		if (!at)
			continue;
		found = true;
		word = strtok_r(at + strlen(name), " ", &save);
		for (int i = 0; i < 9 && word; i++) /* 8 of what came, then bytes, packets */
			word = strtok_r(NULL, " ", &save);
		assert_non_null(word);
		packets = strtoull(word, NULL, 10);
	}
	fclose(f);
	assert_true(found);
	return packets;
}

struct bri_ip address(const char *text)
{
	struct bri_ip ip = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	assert_int_equal(inet_pton(ip.family, text, ip.bytes), 1);
	return ip;
}

void assert_ip(const struct bri_ip *ip, const char *text)
{
	char buf[INET6_ADDRSTRLEN];

	assert_non_null(inet_ntop(ip->family, ip->bytes, buf, sizeof(buf)));
	assert_string_equal(buf, text);
}

struct bri_nl_pm_tuple tuple(
	const char *local, uint16_t local_port, const char *remote, uint16_t remote_port)
{
	return (struct bri_nl_pm_tuple) { .local = address(local),
		.remote = address(remote),
		.local_port = local_port,
		.remote_port = remote_port };
}

struct bri_nl_pm_tuple event_tuple(const struct bri_nl_pm_event *event)
{
	return (struct bri_nl_pm_tuple) { .local = event->local,
		.remote = event->remote,
		.local_port = event->local_port,
		.remote_port = event->remote_port,
		.mapped = event->mapped };
}
