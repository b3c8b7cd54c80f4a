/* Every decoder of src/netlink: recorded messages, every truncation of them, and damaged ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>

#include "netlink/nl_addr.h"
#include "netlink/nl_diag.h"
#include "netlink/nl_exchange.h"
#include "netlink/nl_link.h"
#include "netlink/nl_pm.h"
#include "netlink/nl_pm_event.h"
#include "netlink/nl_route.h"
#include "netlink/nl_rule.h"
#include "netlink_recorded.h"
#include "netlink_recorded_pm.h"

static const struct bri_nl_pm_family recorded_family = { .id = 28, .version = 1 };

union decoded {
	struct bri_nl_link link;
	struct bri_nl_addr addr;
	struct bri_nl_route route;
	struct bri_nl_diag diag;
	struct bri_nl_pm_family family;
	struct bri_nl_pm_limits limits;
	struct bri_nl_pm_endpoint endpoint;
	struct bri_nl_pm_event event;
	struct bri_nl_rule rule;
};

static int decode_link(const struct nlmsghdr *msg, union decoded *ret)
{
	return bri_nl_link_decode(msg, &ret->link);
}

static int decode_addr(const struct nlmsghdr *msg, union decoded *ret)
{
	return bri_nl_addr_decode(msg, &ret->addr);
}

static int decode_route(const struct nlmsghdr *msg, union decoded *ret)
{
	return bri_nl_route_decode(msg, &ret->route);
}

static int decode_tcp(const struct nlmsghdr *msg, union decoded *ret)
{
	return bri_nl_diag_decode(msg, false, &ret->diag);
}

static int decode_mptcp(const struct nlmsghdr *msg, union decoded *ret)
{
	return bri_nl_diag_decode(msg, true, &ret->diag);
}

static int decode_family(const struct nlmsghdr *msg, union decoded *ret)
{
	return bri_nl_pm_decode_family(msg, &ret->family);
}

static int decode_limits(const struct nlmsghdr *msg, union decoded *ret)
{
	return bri_nl_pm_decode_limits(msg, &recorded_family, &ret->limits);
}

static int decode_endpoint(const struct nlmsghdr *msg, union decoded *ret)
{
	return bri_nl_pm_decode_endpoint(msg, &recorded_family, &ret->endpoint);
}

static int decode_event(const struct nlmsghdr *msg, union decoded *ret)
{
	return bri_nl_pm_decode_event(msg, &recorded_family, &ret->event);
}

static int decode_rule(const struct nlmsghdr *msg, union decoded *ret)
{
	return bri_nl_rule_decode(msg, &ret->rule);
}

typedef int (*decode_f)(const struct nlmsghdr *msg, union decoded *ret);

static const struct {
	const char *name;
	const uint8_t *bytes;
	size_t size;
	decode_f decode;
} recorded[] = {
	{ "lo", rec_link_lo, sizeof(rec_link_lo), decode_link },
	{ "wlan0", rec_link_wlan0, sizeof(rec_link_wlan0), decode_link },
	{ "v4", rec_addr_v4, sizeof(rec_addr_v4), decode_addr },
	{ "ptp", rec_addr_ptp, sizeof(rec_addr_ptp), decode_addr },
	{ "v6", rec_addr_v6, sizeof(rec_addr_v6), decode_addr },
	{ "default4", rec_route_default4, sizeof(rec_route_default4), decode_route },
	{ "table", rec_route_table, sizeof(rec_route_table), decode_route },
	{ "default6", rec_route_default6, sizeof(rec_route_default6), decode_route },
	{ "multipath", rec_route_multipath, sizeof(rec_route_multipath), decode_route },
	{ "via6", rec_route_via6, sizeof(rec_route_via6), decode_route },
	{ "unreachable", rec_route_unreachable, sizeof(rec_route_unreachable), decode_route },
	{ "lookup", rec_route_lookup, sizeof(rec_route_lookup), decode_route },
	{ "family", rec_pm_family, sizeof(rec_pm_family), decode_family },
	{ "limits", rec_pm_limits, sizeof(rec_pm_limits), decode_limits },
	{ "endpoint0", rec_pm_endpoint0, sizeof(rec_pm_endpoint0), decode_endpoint },
	{ "endpoint1", rec_pm_endpoint1, sizeof(rec_pm_endpoint1), decode_endpoint },
	{ "endpoint2", rec_pm_endpoint2, sizeof(rec_pm_endpoint2), decode_endpoint },
	{ "mptcp", rec_diag_mptcp, sizeof(rec_diag_mptcp), decode_mptcp },
	{ "listen", rec_diag_listen, sizeof(rec_diag_listen), decode_tcp },
	{ "subflow", rec_diag_subflow, sizeof(rec_diag_subflow), decode_tcp },
	{ "event created", rec_event_created, sizeof(rec_event_created), decode_event },
	{ "event created server", rec_event_created_server, sizeof(rec_event_created_server),
		decode_event },
	{ "event established6", rec_event_established6, sizeof(rec_event_established6),
		decode_event },
	{ "event mapped", rec_event_mapped, sizeof(rec_event_mapped), decode_event },
	{ "event joined", rec_event_joined, sizeof(rec_event_joined), decode_event },
	{ "event joined server", rec_event_joined_server, sizeof(rec_event_joined_server),
		decode_event },
	{ "event announced4", rec_event_announced4, sizeof(rec_event_announced4), decode_event },
	{ "event announced6", rec_event_announced6, sizeof(rec_event_announced6), decode_event },
	{ "event removed", rec_event_removed, sizeof(rec_event_removed), decode_event },
	{ "event refused", rec_event_refused, sizeof(rec_event_refused), decode_event },
	{ "event priority", rec_event_priority, sizeof(rec_event_priority), decode_event },
	{ "event closed", rec_event_closed, sizeof(rec_event_closed), decode_event },
	{ "event listener", rec_event_listener, sizeof(rec_event_listener), decode_event },
	{ "rule local", rec_rule_local, sizeof(rec_rule_local), decode_rule },
	{ "rule source4", rec_rule_source4, sizeof(rec_rule_source4), decode_rule },
	{ "rule source6", rec_rule_source6, sizeof(rec_rule_source6), decode_rule },
	{ "rule mark", rec_rule_mark, sizeof(rec_rule_mark), decode_rule },
	{ "rule unreachable", rec_rule_unreachable, sizeof(rec_rule_unreachable), decode_rule },
};

/* A copy of exactly this size, so that a sanitizer sees a read past it. Freed by the caller. */
static struct nlmsghdr *copy_of(const uint8_t *bytes, size_t size)
{
	struct nlmsghdr *msg = malloc(size);

	assert_non_null(msg);
	memcpy(msg, bytes, size);
	return msg;
}

static int decode(const uint8_t *bytes, size_t size, decode_f fn, union decoded *ret)
{
	struct nlmsghdr *msg = copy_of(bytes, size);
	int r = fn(msg, ret);

	free(msg);
	return r;
}
#define DECODE(name, fn, ret) decode(rec_##name, sizeof(rec_##name), fn, ret)

static void assert_ip(const struct bri_ip *ip, const char *text)
{
	char buf[INET6_ADDRSTRLEN];

	assert_non_null(inet_ntop(ip->family, ip->bytes, buf, sizeof(buf)));
	assert_string_equal(buf, text);
}

static void links(void **state)
{
	union decoded d;

	(void)state;
	assert_int_equal(DECODE(link_lo, decode_link, &d), 0);
	assert_string_equal(d.link.name, "lo");
	assert_int_equal(d.link.index, 1);
	assert_int_equal(d.link.hwtype, ARPHRD_LOOPBACK);
	assert_true(d.link.flags & IFF_LOOPBACK);
	assert_string_equal(d.link.kind, "");
	assert_int_equal(d.link.mtu, 65536);

	assert_int_equal(DECODE(link_wlan0, decode_link, &d), 0);
	assert_string_equal(d.link.name, "wlan0");
	assert_string_equal(d.link.kind, "veth");
	assert_int_equal(d.link.hwtype, ARPHRD_ETHER);
	assert_int_equal(d.link.mtu, 1500);
	assert_int_equal(d.link.mac_size, 6);
	assert_true(d.link.has_carrier);
	assert_int_equal(d.link.carrier, 1);
	assert_int_equal(d.link.operstate, 6);
	assert_false(d.link.removed);
}

static void addresses(void **state)
{
	union decoded d;

	(void)state;
	assert_int_equal(DECODE(addr_v4, decode_addr, &d), 0);
	assert_ip(&d.addr.ip, "192.0.2.2");
	assert_int_equal(d.addr.prefix, 24);
	assert_int_equal(d.addr.ifindex, 3);
	/* of a point-to-point link ours, not the peer's */
	assert_int_equal(DECODE(addr_ptp, decode_addr, &d), 0);
	assert_ip(&d.addr.ip, "10.9.0.1");
	assert_int_equal(DECODE(addr_v6, decode_addr, &d), 0);
	assert_ip(&d.addr.ip, "2001:db8::2");
	assert_int_equal(d.addr.prefix, 64);
	assert_true(d.addr.flags & IFA_F_NODAD);
}

static void routes(void **state)
{
	union decoded d;

	(void)state;
	assert_int_equal(DECODE(route_default4, decode_route, &d), 0);
	assert_int_equal(d.route.prefix, 0);
	assert_int_equal(d.route.table, RT_TABLE_MAIN);
	assert_int_equal(d.route.metric, 600);
	assert_int_equal(d.route.n_hops, 1);
	assert_int_equal(d.route.hops[0].ifindex, 3);
	assert_ip(&d.route.hops[0].gateway, "192.0.2.1");
	assert_int_equal(DECODE(route_table, decode_route, &d), 0);
	assert_int_equal(d.route.table, 51820); /* more than the 8 bits of rtm_table */
	assert_int_equal(DECODE(route_default6, decode_route, &d), 0);
	assert_int_equal(d.route.family, AF_INET6);
	assert_ip(&d.route.hops[0].gateway, "fe80::1");
	assert_int_equal(DECODE(route_multipath, decode_route, &d), 0);
	assert_ip(&d.route.dst, "198.51.100.0");
	assert_int_equal(d.route.n_hops, 2);
	assert_ip(&d.route.hops[0].gateway, "192.0.2.1");
	assert_ip(&d.route.hops[1].gateway, "10.9.0.2");
	assert_int_not_equal(d.route.hops[0].ifindex, d.route.hops[1].ifindex);
	assert_int_equal(DECODE(route_via6, decode_route, &d), 0);
	assert_int_equal(d.route.family, AF_INET);
	assert_ip(&d.route.hops[0].gateway, "fe80::5");
	assert_int_equal(DECODE(route_unreachable, decode_route, &d), 0);
	assert_int_equal(d.route.type, RTN_UNREACHABLE);
	assert_int_equal(d.route.n_hops, 0);
	assert_int_equal(DECODE(route_lookup, decode_route, &d), 0);
	assert_ip(&d.route.source, "192.0.2.2");
	assert_int_equal(d.route.hops[0].ifindex, 3);
}

static void path_manager(void **state)
{
	union decoded d;

	(void)state;
	assert_int_equal(DECODE(pm_family, decode_family, &d), 0);
	assert_int_equal(d.family.id, 28);
	assert_int_equal(d.family.version, 1);
	assert_int_not_equal(d.family.events_group, 0);
	assert_int_equal(DECODE(pm_limits, decode_limits, &d), 0);
	assert_int_equal(d.limits.subflows, 2);
	assert_int_equal(d.limits.add_addr_accepted, 0);
	assert_int_equal(DECODE(pm_endpoint0, decode_endpoint, &d), 0);
	assert_ip(&d.endpoint.ip, "127.0.0.2");
	assert_int_equal(d.endpoint.flags, BRI_NL_PM_SUBFLOW | BRI_NL_PM_BACKUP);
	assert_int_equal(d.endpoint.ifindex, 1);
	assert_int_equal(DECODE(pm_endpoint1, decode_endpoint, &d), 0);
	assert_int_equal(d.endpoint.port, 4433);
	assert_int_equal(d.endpoint.flags, BRI_NL_PM_SIGNAL);
	assert_int_equal(DECODE(pm_endpoint2, decode_endpoint, &d), 0);
	assert_ip(&d.endpoint.ip, "2001:db8::2");
	assert_int_equal(d.endpoint.flags, BRI_NL_PM_SUBFLOW | BRI_NL_PM_FULLMESH);
}

static void subflow_events(void **state)
{
	union decoded d;

	(void)state;
	assert_int_equal(DECODE(event_joined, decode_event, &d), 0);
	assert_int_equal(d.event.kind, BRI_NL_PM_SUB_ESTABLISHED);
	assert_int_equal(d.event.token, 0xe60a89bc);
	assert_ip(&d.event.local, "127.0.0.2");
	assert_ip(&d.event.remote, "127.0.0.1");
	assert_int_equal(d.event.local_port, 0x9105);
	assert_int_equal(d.event.remote_port, 0xaf0f);
	assert_int_equal(d.event.local_id, 2);
	assert_int_equal(d.event.remote_id, 0);
	assert_int_equal(d.event.ifindex, 1);
	assert_false(d.event.backup || d.event.has_error || d.event.has_reset);
	assert_int_equal(DECODE(event_joined_server, decode_event, &d), 0);
	assert_true(d.event.backup);
	assert_int_equal(d.event.remote_id, 2);
	assert_int_equal(d.event.ifindex, 0);
	assert_int_equal(DECODE(event_refused, decode_event, &d), 0);
	assert_int_equal(d.event.kind, BRI_NL_PM_SUB_CLOSED);
	assert_true(d.event.has_error);
	assert_int_equal(d.event.error, ECONNREFUSED);
	assert_int_equal(d.event.remote_port, 1);
	assert_int_equal(DECODE(event_priority, decode_event, &d), 0);
	assert_int_equal(d.event.kind, BRI_NL_PM_SUB_PRIORITY);
	assert_true(d.event.backup);
}

static void connection_events(void **state)
{
	union decoded d;

	(void)state;
	assert_int_equal(DECODE(event_created, decode_event, &d), 0);
	assert_int_equal(d.event.kind, BRI_NL_PM_CREATED);
	assert_false(d.event.server_side || d.event.mapped || d.event.deny_join_id0);
	assert_int_equal(DECODE(event_created_server, decode_event, &d), 0);
	assert_true(d.event.server_side);
	assert_int_equal(DECODE(event_established6, decode_event, &d), 0);
	assert_int_equal(d.event.kind, BRI_NL_PM_ESTABLISHED);
	assert_ip(&d.event.local, "::1");
	assert_false(d.event.mapped);
	assert_int_equal(DECODE(event_mapped, decode_event, &d), 0);
	assert_ip(&d.event.local, "127.0.0.1");
	assert_ip(&d.event.remote, "127.0.0.1");
	assert_true(d.event.mapped);
	assert_int_equal(DECODE(event_announced4, decode_event, &d), 0);
	assert_int_equal(d.event.kind, BRI_NL_PM_ANNOUNCED);
	assert_ip(&d.event.remote, "127.0.0.7");
	assert_int_equal(d.event.remote_port, 4321);
	assert_int_equal(d.event.remote_id, 7);
	assert_int_equal(d.event.local.family, 0);
	assert_int_equal(DECODE(event_announced6, decode_event, &d), 0);
	assert_ip(&d.event.remote, "2001:db8::7");
	assert_int_equal(DECODE(event_removed, decode_event, &d), 0);
	assert_int_equal(d.event.kind, BRI_NL_PM_REMOVED);
	assert_int_equal(d.event.remote_id, 2);
	assert_int_equal(DECODE(event_closed, decode_event, &d), 0);
	assert_int_equal(d.event.kind, BRI_NL_PM_CLOSED);
	assert_int_equal(d.event.token, 0xe60a89bc);
	assert_int_equal(DECODE(event_listener, decode_event, &d), 0);
	assert_int_equal(d.event.kind, BRI_NL_PM_LISTENER_CREATED);
	assert_int_equal(d.event.token, 0);
	assert_int_equal(d.event.local_port, 44815);
}

static void rules(void **state)
{
	union decoded d;

	(void)state;
	assert_int_equal(DECODE(rule_source4, decode_rule, &d), 0);
	assert_int_equal(d.rule.family, AF_INET);
	assert_ip(&d.rule.source, "192.0.2.0");
	assert_int_equal(d.rule.source_prefix, 24);
	assert_int_equal(d.rule.table, 51820);
	assert_int_equal(d.rule.priority, 100);
	assert_int_equal(d.rule.protocol, 201);
	assert_true(d.rule.plain);
	assert_false(d.rule.removed);
	assert_int_equal(DECODE(rule_source6, decode_rule, &d), 0);
	assert_ip(&d.rule.source, "2001:db8::2");
	assert_int_equal(d.rule.source_prefix, 128);
	assert_int_equal(d.rule.table, 1007);
	assert_int_equal(DECODE(rule_local, decode_rule, &d), 0);
	assert_int_equal(d.rule.priority, 0);
	assert_int_equal(d.rule.table, RT_TABLE_LOCAL);
	assert_int_equal(d.rule.source.family, 0);
	assert_true(d.rule.plain);
	assert_int_equal(DECODE(rule_mark, decode_rule, &d), 0);
	assert_ip(&d.rule.source, "192.0.2.7");
	assert_false(d.rule.plain);
	assert_int_equal(DECODE(rule_unreachable, decode_rule, &d), 0);
	assert_false(d.rule.plain);
}

static void sockets(void **state)
{
	union decoded connection, subflow, d;
	const struct sockaddr_in *in;

	(void)state;
	assert_int_equal(DECODE(diag_mptcp, decode_mptcp, &connection), 0);
	assert_true(connection.diag.has_mptcp);
	assert_int_not_equal(connection.diag.mptcp.token, 0);
	assert_true(connection.diag.mptcp.subflows > 0);
	assert_int_equal(connection.diag.mptcp.subflows_total, connection.diag.mptcp.subflows + 1);
	assert_int_equal(connection.diag.mptcp.bytes_sent, 6);     /* "hello", then "x" */
	assert_int_equal(connection.diag.mptcp.bytes_received, 6); /* "world!" */

	assert_int_equal(DECODE(diag_subflow, decode_tcp, &subflow), 0);
	assert_true(subflow.diag.has_subflow);
	assert_int_equal(subflow.diag.token_local, connection.diag.mptcp.token);
	assert_int_not_equal(subflow.diag.token_remote, 0);
	assert_int_equal(subflow.diag.local_id, 1);
	assert_int_equal(subflow.diag.remote_id, 0);
	assert_true(subflow.diag.subflow_flags & BRI_NL_SUBFLOW_JOIN_LOCAL);
	assert_true(subflow.diag.subflow_flags & BRI_NL_SUBFLOW_BACKUP_LOCAL);
	assert_true(subflow.diag.has_tcp);
	assert_int_equal(subflow.diag.tcp.state, 1);
	in = (const void *)&subflow.diag.local;
	assert_int_equal(in->sin_family, AF_INET);
	assert_int_equal(ntohl(in->sin_addr.s_addr), 0x7f000002);
	in = (const void *)&subflow.diag.remote;
	assert_int_equal(ntohs(in->sin_port), 4000);

	assert_int_equal(DECODE(diag_listen, decode_tcp, &d), 0);
	assert_int_equal(d.diag.state, 10);
}

/* Cut anywhere: an error, or a message that happens to be whole without its tail. Never a read
 * past. */
static void every_truncation(void **state)
{
	(void)state;
	for (size_t i = 0; i < BRI_LEN(recorded); i++) {
		size_t refused = 0;

		for (size_t size = sizeof(struct nlmsghdr); size < recorded[i].size; size++) {
			struct nlmsghdr *msg = copy_of(recorded[i].bytes, size);
			union decoded d;
			int r;

			msg->nlmsg_len = (uint32_t)size;
			r = recorded[i].decode(msg, &d);
			free(msg);
			if (r != 0 && r != -EBADMSG && r != BRI_NL_OTHER)
				fail_msg("%s cut at %zu: %d", recorded[i].name, size, r);
			if (r == -EBADMSG)
				refused++;
		}
		/* at the least every cut inside the fixed part is refused */
		assert_true(refused >= 4);
	}
}

/* Every byte of every message, set to what lengths and types are most sensitive to. */
static void every_damaged_byte(void **state)
{
	static const uint8_t values[] = { 0x00, 0x01, 0x03, 0x05, 0x7f, 0x80, 0xff };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(recorded); i++) {
		struct nlmsghdr *msg = copy_of(recorded[i].bytes, recorded[i].size);
		uint8_t *bytes = (uint8_t *)msg;

		for (size_t at = sizeof(*msg); at < recorded[i].size; at++) {
			for (size_t v = 0; v < BRI_LEN(values); v++) {
				union decoded d;
				uint8_t old = bytes[at];
				int r;

				bytes[at] = values[v];
				r = recorded[i].decode(msg, &d);
				bytes[at] = old;
				if (r != 0 && r != -EBADMSG && r != BRI_NL_OTHER)
					fail_msg("%s, byte %zu = %u: %d", recorded[i].name, at,
						values[v], r);
			}
		}
		free(msg);
	}
}

/* A decoder passes over what another one is for, and says so. */
static void others(void **state)
{
	(void)state;
	for (size_t i = 0; i < BRI_LEN(recorded); i++) {
		for (size_t j = 0; j < BRI_LEN(recorded); j++) {
			union decoded d;
			const struct nlmsghdr *msg;
			uint16_t type_i, type_j;

			memcpy(&type_i, recorded[i].bytes + offsetof(struct nlmsghdr, nlmsg_type),
				2);
			memcpy(&type_j, recorded[j].bytes + offsetof(struct nlmsghdr, nlmsg_type),
				2);
			if (type_i == type_j)
				continue;
			msg = copy_of(recorded[i].bytes, recorded[i].size);
			assert_int_equal(recorded[j].decode(msg, &d), BRI_NL_OTHER);
			free((void *)msg);
		}
	}
}

/* ---- hand-made ---- */

static void required_parts(void **state)
{
	struct bri_nl_request req;
	struct ifinfomsg *link;
	struct ifaddrmsg *addr;
	struct rtmsg *route;
	union decoded d;
	uint8_t ip[16] = { 192, 0, 2, 1 };
	uint32_t index = 3;

	(void)state;
	link = bri_nl_request_init(&req, RTM_NEWLINK, 0, sizeof(*link));
	link->ifi_index = 3;
	assert_int_equal(decode_link(bri_nl_request_header(&req), &d), -EBADMSG); /* no name */
	bri_nl_request_put(&req, IFLA_IFNAME, "eth0123456789abc", 17);
	assert_int_equal(decode_link(bri_nl_request_header(&req), &d), -EBADMSG); /* 16 bytes */
	link = bri_nl_request_init(&req, RTM_DELLINK, 0, sizeof(*link));
	link->ifi_index = 3;
	bri_nl_request_put(&req, IFLA_IFNAME, "eth0123456789ab", 15); /* no zero: still 15 bytes */
	assert_int_equal(decode_link(bri_nl_request_header(&req), &d), 0);
	assert_string_equal(d.link.name, "eth0123456789ab");
	assert_true(d.link.removed);
	link->ifi_family = AF_BRIDGE; /* left its bridge: it lives on */
	assert_int_equal(decode_link(bri_nl_request_header(&req), &d), BRI_NL_OTHER);
	link->ifi_family = AF_UNSPEC;
	link->ifi_index = 0;
	assert_int_equal(decode_link(bri_nl_request_header(&req), &d), -EBADMSG);

	addr = bri_nl_request_init(&req, RTM_NEWADDR, 0, sizeof(*addr));
	addr->ifa_family = AF_INET;
	addr->ifa_index = 3;
	addr->ifa_prefixlen = 32;
	assert_int_equal(decode_addr(bri_nl_request_header(&req), &d), -EBADMSG); /* no address */
	bri_nl_request_put(&req, IFA_LOCAL, ip, 4);
	assert_int_equal(decode_addr(bri_nl_request_header(&req), &d), 0);
	addr->ifa_prefixlen = 33;
	assert_int_equal(decode_addr(bri_nl_request_header(&req), &d), -EBADMSG);
	addr->ifa_prefixlen = 32;
	addr->ifa_family = AF_INET6; /* its address has 4 bytes */
	assert_int_equal(decode_addr(bri_nl_request_header(&req), &d), -EBADMSG);
	addr->ifa_family = 99;
	assert_int_equal(decode_addr(bri_nl_request_header(&req), &d), BRI_NL_OTHER);

	route = bri_nl_request_init(&req, RTM_NEWROUTE, 0, sizeof(*route));
	route->rtm_family = AF_INET;
	route->rtm_dst_len = 24;
	bri_nl_request_put(&req, RTA_OIF, &index, sizeof(index));
	assert_int_equal(decode_route(bri_nl_request_header(&req), &d), -EBADMSG); /* no dst */
	route->rtm_dst_len = 0;
	assert_int_equal(decode_route(bri_nl_request_header(&req), &d), 0);
	assert_int_equal(d.route.dst.family, 0);
	bri_nl_request_put(&req, RTA_GATEWAY, ip, 16);
	assert_int_equal(decode_route(bri_nl_request_header(&req), &d), -EBADMSG); /* a v6 one */
}

/* A multipath route with more hops than there is room for: the first ones are told. */
static void hop_limit(void **state)
{
	for (unsigned n = BRI_NL_ROUTE_MAX_HOPS - 1; n <= BRI_NL_ROUTE_MAX_HOPS + 1; n++) {
		struct rtnexthop hops[BRI_NL_ROUTE_MAX_HOPS + 1] = { 0 };
		struct bri_nl_request req;
		struct rtmsg *route = bri_nl_request_init(&req, RTM_NEWROUTE, 0, sizeof(*route));
		union decoded d;

		(void)state;
		route->rtm_family = AF_INET;
		for (unsigned i = 0; i < n; i++) {
			hops[i].rtnh_len = sizeof(hops[0]);
			hops[i].rtnh_ifindex = (int)(i + 1);
		}
		bri_nl_request_put(&req, RTA_MULTIPATH, hops, n * sizeof(hops[0]));
		assert_int_equal(decode_route(bri_nl_request_header(&req), &d), 0);
		assert_int_equal(
			d.route.n_hops, n < BRI_NL_ROUTE_MAX_HOPS ? n : BRI_NL_ROUTE_MAX_HOPS);
		assert_int_equal(d.route.hops[d.route.n_hops - 1].ifindex, d.route.n_hops);

		hops[0].rtnh_len = 0; /* would never advance */
		bri_nl_request_init(&req, RTM_NEWROUTE, 0, sizeof(*route));
		route->rtm_family = AF_INET;
		bri_nl_request_put(&req, RTA_MULTIPATH, hops, n * sizeof(hops[0]));
		assert_int_equal(decode_route(bri_nl_request_header(&req), &d), -EBADMSG);
	}
}

static void attributes(void **state)
{
	const struct nlattr *tb[4];
	_Alignas(4) uint8_t bytes[12] = { 5, 0, 1, 0, 0xaa, 0, 0, 0, 4, 0, 200, 0 };
	uint32_t u32 = 77;
	uint8_t u8;

	(void)state;
	assert_int_equal(bri_nl_attr_table(bytes, sizeof(bytes), tb, BRI_LEN(tb)), 0);
	assert_true(bri_nl_attr_u8(tb[1], &u8));
	assert_int_equal(u8, 0xaa);
	assert_false(bri_nl_attr_u32(tb[1], &u32)); /* one byte is no u32 */
	assert_int_equal(u32, 77);
	assert_null(tb[2]);
	/* the last one may lack its padding, none may lack a byte of its own */
	assert_int_equal(bri_nl_attr_table(bytes, 5, tb, BRI_LEN(tb)), 0);
	assert_int_equal(bri_nl_attr_table(bytes, 4, tb, BRI_LEN(tb)), -EBADMSG);
	for (size_t size = 9; size < 12; size++)
		assert_int_equal(bri_nl_attr_table(bytes, size, tb, BRI_LEN(tb)), -EBADMSG);
	bytes[0] = 3; /* shorter than its own header */
	assert_int_equal(bri_nl_attr_table(bytes, sizeof(bytes), tb, BRI_LEN(tb)), -EBADMSG);
	assert_int_equal(bri_nl_attr_table(bytes, 0, tb, BRI_LEN(tb)), 0);
	assert_null(tb[1]);
}

static void lookup_requests(void **state)
{
	struct bri_ip v4 = { .family = AF_INET, .bytes = { 192, 0, 2, 1 } };
	struct bri_ip v6 = { .family = AF_INET6, .bytes = { 0x20, 1 } }, none = { 0 };
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct sockaddr_in6 b = { .sin6_family = AF_INET6 };
	struct sockaddr un = { .sa_family = AF_UNIX };
	struct bri_nl_request req;
	const struct nlattr *tb[RTA_OIF + 1];
	uint32_t oif;

	(void)state;
	assert_int_equal(bri_nl_route_encode_lookup(&req, &v4, &v6, 0), -EINVAL);
	assert_int_equal(bri_nl_route_encode_lookup(&req, &none, NULL, 0), -EINVAL);
	assert_int_equal(bri_nl_route_encode_lookup(&req, &v6, &v6, 9), 0);
	assert_int_equal(bri_nl_attr_of_message(bri_nl_request_header(&req), sizeof(struct rtmsg),
				 tb, BRI_LEN(tb)),
		0);
	assert_int_equal(mnl_attr_get_payload_len(tb[RTA_DST]), 16);
	assert_int_equal(mnl_attr_get_payload_len(tb[RTA_SRC]), 16);
	assert_true(bri_nl_attr_u32(tb[RTA_OIF], &oif));
	assert_int_equal(oif, 9);
	assert_int_equal(
		bri_nl_diag_encode_tcp(&req, (struct sockaddr *)&a, (struct sockaddr *)&b, 0),
		-EINVAL);
	assert_int_equal(bri_nl_diag_encode_tcp(&req, &un, &un, 0), -EINVAL);
	assert_int_equal(
		bri_nl_diag_encode_tcp(&req, (struct sockaddr *)&b, (struct sockaddr *)&b, 2), 0);
}

static void tcp_info(void **state)
{
	uint8_t bytes[512];
	struct bri_tcp_stats stats;

	(void)state;
	memset(bytes, 0xff, sizeof(bytes));
	for (size_t size = 0; size <= sizeof(bytes); size++) {
		uint8_t *exact = malloc(size ? size : 1);
		int r;

		memcpy(exact, bytes, size);
		r = bri_nl_tcpinfo_decode(exact, size, &stats);
		free(exact);
		assert_int_equal(r, size < 92 ? -EBADMSG : 0);
		/* all of it, or none */
		if (r == 0 && size >= offsetof(struct bri_uapi_tcp_info, bytes_retrans))
			assert_true(stats.bytes_sent == UINT64_MAX);
		if (r == 0 && size <= offsetof(struct bri_uapi_tcp_info, bytes_sent))
			assert_true(stats.bytes_sent == 0);
	}
	assert_int_equal(stats.min_rtt_us, 0); /* ~0 means: no sample yet */
	assert_int_equal(stats.rtt_us, UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links),
		cmocka_unit_test(addresses),
		cmocka_unit_test(routes),
		cmocka_unit_test(path_manager),
		cmocka_unit_test(subflow_events),
		cmocka_unit_test(connection_events),
		cmocka_unit_test(rules),
		cmocka_unit_test(sockets),
		cmocka_unit_test(every_truncation),
		cmocka_unit_test(every_damaged_byte),
		cmocka_unit_test(others),
		cmocka_unit_test(required_parts),
		cmocka_unit_test(hop_limit),
		cmocka_unit_test(attributes),
		cmocka_unit_test(lookup_requests),
		cmocka_unit_test(tcp_info),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
