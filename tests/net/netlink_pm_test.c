/*
 * Orders to the kernel's MPTCP path managers and what it tells of them, in a namespace: a real
 * connection whose subflows are made, made backup, removed and closed by us; endpoints and limits;
 * rules and routes of a table of our own. Effects are read from counters and sockets, not believed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink/nl_pm_command.h"
#include "netlink/nl_pm_event.h"
#include "netlink/nl_route.h"
#include "netlink/nl_rule.h"
#include "netlink/nl_socket.h"
#include "netlink_pm_world.h"

#define TABLE    7007
#define PROTOCOL 201

/* ---- a connection ---- */

static void life_of_a_connection(void **state)
{
	struct world *w = *state;
	struct bri_nl_pm_event ev;
	struct pair p;

	world_connect(w, AF_INET, "127.0.0.1", &p);
	ev = world_expect(w, BRI_NL_PM_CREATED, p.client_token);
	assert_ip(&ev.local, "127.0.0.1");
	assert_ip(&ev.remote, "127.0.0.1");
	assert_int_equal(ev.remote_port, p.port);
	assert_int_not_equal(ev.local_port, 0);
	assert_false(ev.server_side);
	assert_false(ev.mapped);
	ev = world_expect(w, BRI_NL_PM_CREATED, p.server_token);
	assert_int_equal(ev.local_port, p.port);
	assert_true(ev.server_side);
	world_expect(w, BRI_NL_PM_ESTABLISHED, p.client_token);
	world_expect(w, BRI_NL_PM_ESTABLISHED, p.server_token);
	pair_close(&p);
	world_expect(w, BRI_NL_PM_CLOSED, p.client_token);
	world_expect(w, BRI_NL_PM_CLOSED, p.server_token);
}

static void life_of_a_subflow(void **state)
{
	struct world *w = *state;
	struct bri_nl_pm_tuple t;
	struct bri_nl_pm_event ev;
	uint64_t joins, prios, removals;
	struct pair p;

	world_connect(w, AF_INET, "127.0.0.1", &p);
	world_expect(w, BRI_NL_PM_ESTABLISHED, p.client_token);
	world_expect(w, BRI_NL_PM_ESTABLISHED, p.server_token);
	joins = mib("MPJoinAckRx");
	prios = mib("MPPrioTx");
	removals = mib("RmAddr");

	t = tuple("127.0.0.2", 0, "127.0.0.1", p.port);
	bri_nl_pm_encode_create(&w->req, &w->family, p.client_token, &t, 2, 0, 0, true);
	assert_int_equal(world_call(w), 0);
	ev = world_expect(w, BRI_NL_PM_SUB_ESTABLISHED, p.client_token);
	assert_ip(&ev.local, "127.0.0.2");
	assert_int_equal(ev.local_id, 2);
	assert_int_equal(ev.remote_id, 0);
	assert_int_equal(ev.remote_port, p.port);
	assert_int_equal(ev.ifindex, 0);
	assert_false(ev.backup); /* it is our wish, not the peer's */
	t.local_port = ev.local_port;
	ev = world_expect(w, BRI_NL_PM_SUB_ESTABLISHED, p.server_token);
	assert_int_equal(ev.remote_id, 2);
	assert_int_equal(ev.remote_port, t.local_port);
	assert_true(ev.backup);
	expect_mib("MPJoinAckRx", joins + 1);
	assert_int_equal(pair_subflows(&p), 2);

	bri_nl_pm_encode_set_backup(&w->req, &w->family, p.client_token, &t, false);
	assert_int_equal(world_call(w), 0);
	ev = world_expect(w, BRI_NL_PM_SUB_PRIORITY, p.server_token);
	assert_int_equal(ev.remote_id, 2);
	assert_false(ev.backup);
	bri_nl_pm_encode_set_backup(&w->req, &w->family, p.client_token, &t, true);
	assert_int_equal(world_call(w), 0);
	ev = world_expect(w, BRI_NL_PM_SUB_PRIORITY, p.server_token);
	assert_true(ev.backup);
	expect_mib("MPPrioTx", prios + 2);

	bri_nl_pm_encode_remove(&w->req, &w->family, p.client_token, 2);
	assert_int_equal(world_call(w), 0);
	ev = world_expect(w, BRI_NL_PM_REMOVED, p.server_token);
	assert_int_equal(ev.remote_id, 2);
	expect_mib("RmAddr", removals + 1);
	pair_close(&p);
}

static void destroy(void **state)
{
	struct world *w = *state;
	struct bri_nl_pm_tuple t = tuple("127.0.0.2", 0, "127.0.0.1", 0);
	struct bri_nl_pm_event ev;
	struct pair p;

	world_connect(w, AF_INET, "127.0.0.1", &p);
	world_expect(w, BRI_NL_PM_ESTABLISHED, p.client_token);
	t.remote_port = p.port;
	t.local_port = world_join(w, &p, "127.0.0.2", 2);
	assert_int_equal(pair_subflows(&p), 2);
	bri_nl_pm_encode_destroy(&w->req, &w->family, p.client_token, &t);
	assert_int_equal(world_call(w), 0);
	ev = world_expect(w, BRI_NL_PM_SUB_CLOSED, p.client_token);
	assert_ip(&ev.local, "127.0.0.2");
	assert_int_equal(ev.local_port, t.local_port);
	world_expect(w, BRI_NL_PM_SUB_CLOSED, p.server_token);
	assert_int_equal(pair_subflows(&p), 1);
	pair_exchange(&p);
	assert_int_equal(world_call(w), -ESRCH); /* a second time */
	pair_close(&p);
}

static void refused_join(void **state)
{
	struct world *w = *state;
	struct bri_nl_pm_tuple t = tuple("127.0.0.2", 0, "127.0.0.1", 0);
	struct bri_nl_pm_event ev;
	struct pair p;

	world_connect(w, AF_INET, "127.0.0.1", &p);
	world_expect(w, BRI_NL_PM_ESTABLISHED, p.client_token);
	close(p.listener); /* nobody listens: a reset */
	p.listener = -1;
	t.remote_port = p.port;
	bri_nl_pm_encode_create(&w->req, &w->family, p.client_token, &t, 2, 0, 0, false);
	assert_int_equal(world_call(w), 0);
	ev = world_expect(w, BRI_NL_PM_SUB_CLOSED, p.client_token);
	assert_int_equal(ev.local_id, 2);
	assert_true(ev.has_error);
	assert_int_equal(ev.error, ECONNREFUSED);
	pair_close(&p);
}

static void announced(void **state)
{
	struct world *w = *state;
	struct bri_nl_pm_event ev;
	struct bri_ip ip = address("127.0.0.7"), other = address("127.0.0.8");
	struct bri_ip v6 = address("2001:db8::7");
	struct pair p;

	world_connect(w, AF_INET, "127.0.0.1", &p);
	world_expect(w, BRI_NL_PM_ESTABLISHED, p.client_token);
	world_expect(w, BRI_NL_PM_ESTABLISHED, p.server_token);
	bri_nl_pm_encode_announce(&w->req, &w->family, p.server_token, &ip, 0, 7);
	assert_int_equal(world_call(w), 0);
	ev = world_expect(w, BRI_NL_PM_ANNOUNCED, p.client_token);
	assert_ip(&ev.remote, "127.0.0.7");
	assert_int_equal(ev.remote_port, p.port);
	assert_int_equal(ev.remote_id, 7);
	assert_int_equal(ev.local.family, 0);
	bri_nl_pm_encode_announce(&w->req, &w->family, p.server_token, &other, 4321, 8);
	assert_int_equal(world_call(w), 0);
	ev = world_expect(w, BRI_NL_PM_ANNOUNCED, p.client_token);
	assert_ip(&ev.remote, "127.0.0.8");
	assert_int_equal(ev.remote_port, 4321);
	/* an IPv6 address and a port have no room beside a timestamp */
	bri_nl_pm_encode_announce(&w->req, &w->family, p.server_token, &v6, 0, 9);
	assert_int_equal(world_call(w), 0);
	ev = world_expect(w, BRI_NL_PM_ANNOUNCED, p.client_token);
	assert_ip(&ev.remote, "2001:db8::7");
	assert_int_equal(ev.remote_id, 9);
	pair_close(&p);
}

/* An IPv6 socket that talks IPv4: its first subflow has mapped addresses, a joined one has not. */
static void mapped_addresses(void **state)
{
	struct world *w = *state;
	struct bri_nl_pm_tuple first = { .mapped = false }, joined;
	struct bri_nl_pm_event ev;
	struct pair p;

	world_connect(w, AF_INET6, "::ffff:127.0.0.1", &p);
	ev = world_expect(w, BRI_NL_PM_ESTABLISHED, p.client_token);
	assert_ip(&ev.local, "127.0.0.1");
	assert_true(ev.mapped);
	first = event_tuple(&ev);
	joined = tuple("127.0.0.2", world_join(w, &p, "127.0.0.2", 2), "127.0.0.1", p.port);
	bri_nl_pm_encode_set_backup(&w->req, &w->family, p.client_token, &first, true);
	assert_int_equal(world_call(w), 0);
	ev = world_expect(w, BRI_NL_PM_SUB_PRIORITY, p.server_token);
	assert_int_equal(ev.remote_id, 0);
	assert_true(ev.backup);
	bri_nl_pm_encode_set_backup(&w->req, &w->family, p.client_token, &joined, true);
	assert_int_equal(world_call(w), 0);
	world_expect(w, BRI_NL_PM_SUB_PRIORITY, p.server_token);

	first.mapped = false;
	bri_nl_pm_encode_destroy(&w->req, &w->family, p.client_token, &first);
	assert_int_equal(world_call(w), -ESRCH);
	first.mapped = true;
	bri_nl_pm_encode_destroy(&w->req, &w->family, p.client_token, &first);
	assert_int_equal(world_call(w), 0);
	ev = world_expect(w, BRI_NL_PM_SUB_CLOSED, p.client_token);
	assert_int_equal(ev.local_id, 0);
	pair_exchange(&p); /* on what is left */
	bri_nl_pm_encode_destroy(&w->req, &w->family, p.client_token, &joined);
	assert_int_equal(world_call(w), 0);
	pair_close(&p);
}

static void why(void **state)
{
	struct world *w = *state;
	struct bri_nl_pm_tuple t = tuple("127.0.0.2", 0, "127.0.0.1", 99);
	struct bri_nl_pm_limits limits = { .subflows = 9 };
	struct pair p;

	bri_nl_pm_encode_destroy(&w->req, &w->family, 1, &t);
	assert_int_equal(world_call(w), -EINVAL);
	assert_non_null(strstr(bri_nl_socket_why(w->commands), "token"));
	bri_nl_pm_encode_set_limits(&w->req, &w->family, &limits);
	assert_int_equal(world_call(w), -EINVAL);
	assert_non_null(strstr(bri_nl_socket_why(w->commands), "limit greater than maximum"));
	world_connect(w, AF_INET, "127.0.0.1", &p);
	bri_nl_pm_encode_destroy(&w->req, &w->family, p.client_token, &t);
	assert_int_equal(world_call(w), -EINVAL);
	assert_non_null(strstr(bri_nl_socket_why(w->commands), "missing local port"));
	/* what went well has no reason */
	limits.subflows = 2;
	bri_nl_pm_encode_set_limits(&w->req, &w->family, &limits);
	assert_int_equal(world_call(w), 0);
	assert_string_equal(bri_nl_socket_why(w->commands), "");
	pair_close(&p);
}

/* ---- the kernel's path manager ---- */

struct endpoints {
	const struct bri_nl_pm_family *family;
	struct bri_nl_pm_endpoint list[8];
	size_t n;
};

static int keep_endpoint(void *context, const struct nlmsghdr *msg)
{
	struct endpoints *eps = context;

	assert_true(eps->n < BRI_LEN(eps->list));
	return bri_nl_pm_decode_endpoint(msg, eps->family, &eps->list[eps->n++]);
}

static struct endpoints endpoints(struct world *w)
{
	struct endpoints eps = { .family = &w->family };

	bri_nl_pm_encode_dump_endpoints(&w->req, &w->family);
	assert_int_equal(bri_nl_socket_dump(w->commands, &w->req, NULL, keep_endpoint, &eps), 0);
	return eps;
}

static int keep_limits(void *context, const struct nlmsghdr *msg)
{
	struct bri_nl_pm_family *family = ((void **)context)[0];

	return bri_nl_pm_decode_limits(msg, family, ((void **)context)[1]);
}

static void kernel_path_manager(void **state)
{
	struct world *w = *state;
	struct bri_nl_pm_endpoint e = {
		.ip = address("127.0.0.3"), .flags = BRI_NL_PM_SUBFLOW, .id = 9, .ifindex = 1
	};
	struct bri_nl_pm_limits limits = { .subflows = 5, .add_addr_accepted = 4 }, seen = { 0 };
	struct bri_ip initial = address("127.0.0.1");
	void *context[] = { &w->family, &seen };
	struct endpoints eps;

	bri_nl_pm_encode_add_endpoint(&w->req, &w->family, &e);
	assert_int_equal(world_call(w), 0);
	eps = endpoints(w);
	assert_int_equal(eps.n, 1);
	assert_memory_equal(&eps.list[0].ip, &e.ip, sizeof(e.ip));
	assert_int_equal(eps.list[0].id, 9);
	assert_int_equal(eps.list[0].flags, BRI_NL_PM_SUBFLOW);
	assert_int_equal(eps.list[0].ifindex, 1);
	bri_nl_pm_encode_set_endpoint_backup(&w->req, &w->family, 9, true);
	assert_int_equal(world_call(w), 0);
	assert_int_equal(endpoints(w).list[0].flags, BRI_NL_PM_SUBFLOW | BRI_NL_PM_BACKUP);
	bri_nl_pm_encode_set_endpoint_backup(&w->req, &w->family, 9, false);
	assert_int_equal(world_call(w), 0);
	assert_int_equal(endpoints(w).list[0].flags, BRI_NL_PM_SUBFLOW);
	bri_nl_pm_encode_set_endpoint_flags(
		&w->req, &w->family, 9, BRI_NL_PM_BACKUP | BRI_NL_PM_FULLMESH);
	assert_int_equal(world_call(w), 0);
	assert_int_equal(endpoints(w).list[0].flags,
		BRI_NL_PM_SUBFLOW | BRI_NL_PM_BACKUP | BRI_NL_PM_FULLMESH);
	bri_nl_pm_encode_del_endpoint(&w->req, &w->family, 9, NULL);
	assert_int_equal(world_call(w), 0);
	assert_int_equal(endpoints(w).n, 0);
	bri_nl_pm_encode_del_endpoint(&w->req, &w->family, 0, &initial);
	assert_int_equal(world_call(w), 0);
	bri_nl_pm_encode_del_endpoint(&w->req, &w->family, 9, NULL);
	assert_true(world_call(w) < 0);

	/* IPv6, a port, and an id of the kernel's choice */
	e = (struct bri_nl_pm_endpoint) {
		.ip = address("::1"), .flags = BRI_NL_PM_SIGNAL, .port = 4498
	};
	bri_nl_pm_encode_add_endpoint(&w->req, &w->family, &e);
	assert_int_equal(world_call(w), 0);
	eps = endpoints(w);
	assert_int_equal(eps.n, 1);
	assert_memory_equal(&eps.list[0].ip, &e.ip, sizeof(e.ip));
	assert_int_equal(eps.list[0].port, 4498);
	assert_int_not_equal(eps.list[0].id, 0);
	bri_nl_pm_encode_del_endpoint(&w->req, &w->family, eps.list[0].id, NULL);
	assert_int_equal(world_call(w), 0);

	bri_nl_pm_encode_set_limits(&w->req, &w->family, &limits);
	assert_int_equal(world_call(w), 0);
	bri_nl_pm_encode_get_limits(&w->req, &w->family);
	assert_int_equal(bri_nl_socket_call(w->commands, &w->req, keep_limits, context), 0);
	assert_int_equal(seen.subflows, 5);
	assert_int_equal(seen.add_addr_accepted, 4);
}

/* ---- rules and routes ---- */

struct rules {
	struct bri_nl_rule last;
	unsigned n; /* with our protocol */
};

static int keep_rule(void *context, const struct nlmsghdr *msg)
{
	struct rules *rules = context;
	struct bri_nl_rule rule;

	assert_int_equal(bri_nl_rule_decode(msg, &rule), 0);
	if (rule.protocol == PROTOCOL) {
		rules->last = rule;
		rules->n++;
	}
	return 0;
}

static struct rules rules(struct bri_nl_socket *sock, uint8_t family)
{
	struct rules found = { .n = 0 };
	struct bri_nl_request req;

	bri_nl_rule_encode_dump(&req, family);
	assert_int_equal(bri_nl_socket_dump(sock, &req, NULL, keep_rule, &found), 0);
	return found;
}

static void one_rule(struct world *w, const char *source, uint8_t prefix)
{
	struct bri_nl_rule rule = { .source = address(source),
		.source_prefix = prefix,
		.priority = 1234,
		.table = TABLE,
		.protocol = PROTOCOL };
	struct bri_nl_request req;
	struct rules found;

	rule.family = (uint8_t)rule.source.family;
	assert_int_equal(bri_nl_rule_encode_add(&req, &rule), 0);
	assert_int_equal(bri_nl_socket_call(w->route, &req, NULL, NULL), 0);
	assert_int_equal(bri_nl_socket_call(w->route, &req, NULL, NULL), -EEXIST);
	found = rules(w->route, rule.family);
	assert_int_equal(found.n, 1);
	assert_memory_equal(&found.last.source, &rule.source, sizeof(rule.source));
	assert_int_equal(found.last.source_prefix, prefix);
	assert_int_equal(found.last.table, TABLE);
	assert_int_equal(found.last.priority, 1234);
	assert_true(found.last.plain);
	assert_int_equal(bri_nl_rule_encode_del(&req, &rule), 0);
	assert_int_equal(bri_nl_socket_call(w->route, &req, NULL, NULL), 0);
	assert_int_equal(bri_nl_socket_call(w->route, &req, NULL, NULL), -ENOENT);
	assert_int_equal(rules(w->route, rule.family).n, 0);
}

static void rule_of_a_source(void **state)
{
	one_rule(*state, "10.77.0.1", 32);
	one_rule(*state, "10.77.0.0", 16);
	one_rule(*state, "2001:db8::1", 128);
	/* others' rules are told as what they are */
	world_run("ip rule add from 10.77.0.1 fwmark 7 lookup 7007 protocol 201");
	assert_false(rules(((struct world *)*state)->route, AF_INET).last.plain);
	world_run("ip rule del from 10.77.0.1 fwmark 7 lookup 7007 protocol 201");
	world_run("ip rule add not from 10.77.0.1 lookup 7007 protocol 201");
	assert_false(rules(((struct world *)*state)->route, AF_INET).last.plain);
	world_run("ip rule del not from 10.77.0.1 lookup 7007 protocol 201");
}

struct routes {
	struct bri_nl_route last;
	unsigned n; /* in our table */
};

static int keep_route(void *context, const struct nlmsghdr *msg)
{
	struct routes *routes = context;
	struct bri_nl_route route;

	if (bri_nl_route_decode(msg, &route) == 0 && route.table == TABLE) {
		routes->last = route;
		routes->n++;
	}
	return 0;
}

static struct routes routes(struct bri_nl_socket *sock)
{
	struct routes found = { .n = 0 };
	struct bri_nl_request req;

	bri_nl_route_encode_dump(&req);
	assert_int_equal(bri_nl_socket_dump(sock, &req, NULL, keep_route, &found), 0);
	return found;
}

static void one_route(struct world *w, const struct bri_nl_route_change *change)
{
	struct bri_nl_route_change other = *change;
	struct bri_nl_request req;
	struct routes found;

	assert_int_equal(bri_nl_route_encode_add(&req, change), 0);
	assert_int_equal(bri_nl_socket_call(w->route, &req, NULL, NULL), 0);
	assert_int_equal(bri_nl_socket_call(w->route, &req, NULL, NULL), -EEXIST);
	other.replace = true;
	assert_int_equal(bri_nl_route_encode_add(&req, &other), 0);
	assert_int_equal(bri_nl_socket_call(w->route, &req, NULL, NULL), 0);
	found = routes(w->route);
	assert_int_equal(found.n, 1);
	assert_int_equal(found.last.family, change->family);
	assert_int_equal(found.last.prefix, change->prefix);
	assert_int_equal(found.last.metric, change->metric);
	assert_int_equal(found.last.protocol, PROTOCOL);
	assert_memory_equal(&found.last.dst, &change->dst, sizeof(change->dst));
	assert_memory_equal(&found.last.source, &change->source, sizeof(change->source));
	assert_int_equal(found.last.n_hops, 1);
	assert_int_equal(found.last.hops[0].ifindex, change->ifindex);
	assert_memory_equal(&found.last.hops[0].gateway, &change->gateway, sizeof(change->gateway));
	assert_int_equal(bri_nl_route_encode_del(&req, change), 0);
	assert_int_equal(bri_nl_socket_call(w->route, &req, NULL, NULL), 0);
	assert_int_equal(bri_nl_socket_call(w->route, &req, NULL, NULL), -ESRCH);
	assert_int_equal(routes(w->route).n, 0);
}

static void route_in_a_table(void **state)
{
	struct world *w = *state;
	struct bri_nl_route_change change = { .family = AF_INET,
		.gateway = address("10.77.0.254"),
		.ifindex = if_nametoindex("path0"),
		.table = TABLE,
		.protocol = PROTOCOL,
		.metric = 50,
		.source = address("10.77.0.1") };

	world_ipv6();
	one_route(w, &change); /* a default route */
	change.prefix = 24;
	change.dst = address("198.51.100.0");
	one_route(w, &change);
	change.gateway = address("fe80::7"); /* by way of an IPv6 neighbour */
	one_route(w, &change);
	change.gateway = (struct bri_ip) { 0 };
	change.scope = RT_SCOPE_LINK;
	one_route(w, &change);
	change = (struct bri_nl_route_change) { .family = AF_INET6,
		.gateway = address("fe80::7"),
		.ifindex = if_nametoindex("path0"),
		.table = TABLE,
		.protocol = PROTOCOL,
		.metric = 50 };
	one_route(w, &change);
	change.prefix = 64;
	change.dst = address("2001:db8:1::");
	one_route(w, &change);
}

/* ---- many at a time ---- */

#define MANY 300

static void many(void **state)
{
	struct world *w = *state;
	struct bri_nl_request *reqs = calloc(MANY, sizeof(*reqs));
	int results[MANY];

	assert_non_null(reqs);
	for (uint32_t i = 0; i < MANY; i++) {
		struct bri_nl_rule rule = { .family = AF_INET,
			.source = address("10.77.0.1"),
			.source_prefix = 32,
			.priority = 2000 + (i == 7 ? 6 : i), /* 7 is there already */
			.table = TABLE,
			.protocol = PROTOCOL };

		assert_int_equal(bri_nl_rule_encode_add(&reqs[i], &rule), 0);
	}
	assert_int_equal(bri_nl_socket_call_many(w->route, reqs, MANY, results), 0);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(results[i], i == 7 ? -EEXIST : 0);
	assert_int_equal(rules(w->route, AF_INET).n, MANY - 1);
	for (int i = 0; i < MANY; i++) {
		bri_nl_request_header(&reqs[i])->nlmsg_type = RTM_DELRULE;
		bri_nl_request_header(&reqs[i])->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	}
	assert_int_equal(bri_nl_socket_call_many(w->route, reqs, MANY, results), 0);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(results[i], i == 7 ? -ENOENT : 0);
	assert_int_equal(rules(w->route, AF_INET).n, 0);
	free(reqs);
}

/* A bad order among good ones: it alone fails, and says why. */
static void many_with_a_bad_one(void **state)
{
	struct world *w = *state;
	struct bri_nl_pm_tuple t = tuple("127.0.0.2", 0, "127.0.0.1", 99);
	struct bri_nl_pm_limits limits = { .subflows = 3 };
	struct bri_nl_request reqs[3];
	int results[3];

	bri_nl_pm_encode_set_limits(&reqs[0], &w->family, &limits);
	bri_nl_pm_encode_destroy(&reqs[1], &w->family, 1, &t);
	bri_nl_pm_encode_set_limits(&reqs[2], &w->family, &limits);
	assert_int_equal(bri_nl_socket_call_many(w->commands, reqs, 3, results), 0);
	assert_int_equal(results[0], 0);
	assert_int_equal(results[1], -EINVAL);
	assert_int_equal(results[2], 0);
	assert_non_null(strstr(bri_nl_socket_why(w->commands), "token"));
	assert_int_equal(bri_nl_socket_call_many(w->commands, reqs, 0, results), 0);
	assert_string_equal(bri_nl_socket_why(w->commands), "");
}

static void join_what_is_not(void **state)
{
	struct bri_nl_socket *sock;

	(void)state;
	assert_int_equal(bri_nl_socket_open(NETLINK_GENERIC, 0, &sock), 0);
	assert_true(bri_nl_socket_join(sock, 1000000) < 0);
	bri_nl_socket_close(sock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(life_of_a_connection),
		cmocka_unit_test(life_of_a_subflow),
		cmocka_unit_test(destroy),
		cmocka_unit_test(refused_join),
		cmocka_unit_test(announced),
		cmocka_unit_test(mapped_addresses),
		cmocka_unit_test(why),
		cmocka_unit_test(kernel_path_manager),
		cmocka_unit_test(rule_of_a_source),
		cmocka_unit_test(route_in_a_table),
		cmocka_unit_test(many),
		cmocka_unit_test(many_with_a_bad_one),
		cmocka_unit_test(join_what_is_not),
	};

	world_enter();
	return cmocka_run_group_tests(tests, world_open, world_close);
}
