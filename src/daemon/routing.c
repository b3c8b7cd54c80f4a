/* See routing.h; ip-rule(8), rtnetlink(7). */
#include "daemon/routing.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/settings.h"
#include "netlink/nl_route.h"
#include "netlink/nl_rule.h"
#include "netlink/nl_socket.h"

#define RULES_MAX   512u /* that are looked at; somebody with more does it himself */
#define ROUTES_MAX  16u  /* of a table of ours */
#define ADVISED_MAX 16u

struct bri_routing {
	struct bri_nl_socket *socket;
	struct bri_nl_rule rules[RULES_MAX];
	size_t n_rules;
	uint32_t advised[ADVISED_MAX]; /* interfaces that the log has told of */
	size_t n_advised;
	char advice[BRI_ROUTING_ADVICE_MAX];
};

/* What is to be, of one interface and family. */
struct table {
	uint32_t number, ifindex;
	uint8_t family;
	size_t n;
	struct bri_nl_route_change routes[ROUTES_MAX];
};

int bri_routing_open(struct bri_routing **ret)
{
	struct bri_routing *r = calloc(1, sizeof(*r));
	int error;

	if (!r)
		return -ENOMEM;
	error = bri_nl_socket_open(NETLINK_ROUTE, 0, &r->socket);
	if (error < 0) {
		free(r);
		return error;
	}
	*ret = r;
	return 0;
}

/* --- rules --- */

static int ignore(void *context, const struct nlmsghdr *msg)
{
	(void)context;
	(void)msg;
	return 0;
}

static void forget_rules(void *context)
{
	((struct bri_routing *)context)->n_rules = 0;
}

static int on_rule(void *context, const struct nlmsghdr *msg)
{
	struct bri_routing *r = context;
	struct bri_nl_rule rule;

	if (bri_nl_rule_decode(msg, &rule) == 0 && rule.source.family && r->n_rules < RULES_MAX)
		r->rules[r->n_rules++] = rule;
	return 0;
}

static int read_rules(struct bri_routing *r)
{
	struct bri_nl_request req;
	int error;

	bri_nl_rule_encode_dump(&req, AF_UNSPEC);
	error = bri_nl_socket_dump(r->socket, &req, forget_rules, on_rule, r);
	return error < 0 ? error : 0;
}

static bool is_own_rule(const struct bri_nl_rule *rule)
{
	return rule->protocol == BRI_ROUTING_PROTOCOL && bri_routing_is_own_table(rule->table);
}

/* Somebody else's rule for packets from this address: he knows what he wants. */
static bool has_foreign_rule(const struct bri_routing *r, const struct bri_ip *ip)
{
	for (size_t i = 0; i < r->n_rules; i++) {
		const struct bri_nl_rule *rule = &r->rules[i];

		if (!is_own_rule(rule) && rule->plain && rule->source_prefix > 0 &&
			rule->source.family == ip->family &&
			bri_ip_in_prefix(ip, &rule->source, rule->source_prefix))
			return true;
	}
	return false;
}

static bool has_own_rule(const struct bri_routing *r, const struct bri_policy_address *a)
{
	for (size_t i = 0; i < r->n_rules; i++) {
		const struct bri_nl_rule *rule = &r->rules[i];

		if (is_own_rule(rule) && bri_ip_equal(&rule->source, &a->ip) &&
			rule->table == BRI_ROUTING_TABLES + a->ifindex)
			return true;
	}
	return false;
}

/* Gone already is as good. */
static void change_rule(struct bri_routing *r, bool add, const struct bri_nl_rule *rule)
{
	struct bri_nl_request req;
	int error = add ? bri_nl_rule_encode_add(&req, rule) : bri_nl_rule_encode_del(&req, rule);

	if (error == 0)
		error = bri_nl_socket_call(r->socket, &req, ignore, NULL);
	if (error < 0 && error != -EEXIST && error != -ENOENT)
		bri_warn("routing: a rule could not be %s: %s", add ? "made" : "removed",
			strerror(-error));
}

static void add_rule(struct bri_routing *r, const struct bri_policy_address *a)
{
	change_rule(r, true,
		&(struct bri_nl_rule) {
			.family = (uint8_t)a->ip.family,
			.priority = BRI_ROUTING_PRIORITY,
			.table = BRI_ROUTING_TABLES + a->ifindex,
			.protocol = BRI_ROUTING_PROTOCOL,
			.source = a->ip,
			.source_prefix = a->ip.family == AF_INET ? 32 : 128,
		});
}

static void remove_rules(
	struct bri_routing *r, const struct bri_policy_address *const *wanted, size_t n)
{
	for (size_t i = 0; i < r->n_rules; i++) {
		const struct bri_nl_rule *rule = &r->rules[i];
		bool keep = false;

		if (!is_own_rule(rule))
			continue;
		for (size_t w = 0; w < n && !keep; w++)
			keep = bri_ip_equal(&rule->source, &wanted[w]->ip) &&
			       rule->table == BRI_ROUTING_TABLES + wanted[w]->ifindex;
		if (!keep)
			change_rule(r, false, rule);
	}
}

/* --- tables --- */

static int change_route(struct bri_routing *r, bool add, const struct bri_nl_route_change *change)
{
	struct bri_nl_request req;
	int error =
		add ? bri_nl_route_encode_add(&req, change) : bri_nl_route_encode_del(&req, change);

	return error < 0 ? error : bri_nl_socket_call(r->socket, &req, ignore, NULL);
}

static struct bri_nl_route_change change_of(const struct bri_netroute *route, uint32_t table)
{
	struct bri_nl_route_change change = {
		.family = (uint8_t)route->dst.family,
		.prefix = route->prefix,
		.gateway = route->gateway,
		.ifindex = route->ifindex,
		.table = table,
		.protocol = BRI_ROUTING_PROTOCOL,
		.scope = route->gateway.family ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
		.replace = true,
	};

	if (route->prefix)
		change.dst = route->dst;
	return change;
}

/* The networks on the link, and last the default route of the best metric: its gateway is on one of
 * them. */
static void plan(const struct bri_netstate *state, struct table *t)
{
	const struct bri_netroute *best = NULL;

	for (size_t i = 0; i < state->n_routes; i++) {
		const struct bri_netroute *route = &state->routes[i];

		if (route->ifindex != t->ifindex || route->dst.family != t->family ||
			bri_routing_is_own_table(route->table))
			continue;
		if (route->prefix == 0) {
			if (!best || route->metric < best->metric)
				best = route;
		} else if (!route->gateway.family && route->table == RT_TABLE_MAIN &&
			   t->n < ROUTES_MAX - 1) {
			t->routes[t->n++] = change_of(route, t->number);
		}
	}
	if (best)
		t->routes[t->n++] = change_of(best, t->number);
}

static bool is_same(const struct bri_nl_route_change *change, const struct bri_netroute *route)
{
	return change->prefix == route->prefix && change->ifindex == route->ifindex &&
	       change->family == route->dst.family &&
	       change->gateway.family == route->gateway.family &&
	       memcmp(change->gateway.bytes, route->gateway.bytes, sizeof(route->gateway.bytes)) ==
		       0 &&
	       (!change->prefix || bri_ip_equal(&change->dst, &route->dst));
}

static bool is_there(const struct bri_netstate *state, const struct bri_nl_route_change *change)
{
	for (size_t i = 0; i < state->n_routes; i++) {
		if (state->routes[i].table == change->table && is_same(change, &state->routes[i]))
			return true;
	}
	return false;
}

static bool is_planned(const struct table *tables, size_t n, const struct bri_netroute *route)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; tables[i].number == route->table && k < tables[i].n; k++) {
			if (is_same(&tables[i].routes[k], route))
				return true;
		}
	}
	return false;
}

static void remove_routes(struct bri_routing *r, const struct bri_netstate *state,
	const struct table *tables, size_t n)
{
	for (size_t i = 0; i < state->n_routes; i++) {
		const struct bri_netroute *route = &state->routes[i];
		struct bri_nl_route_change change;
		int error;

		if (!bri_routing_is_own_table(route->table) || is_planned(tables, n, route))
			continue;
		change = change_of(route, route->table);
		change.metric = route->metric;
		error = change_route(r, false, &change);
		/* the kernel takes them away itself when the link goes down */
		if (error < 0 && error != -ESRCH && error != -ENODEV)
			bri_warn("routing: a route could not be removed: %s", strerror(-error));
	}
}

static void add_routes(
	struct bri_routing *r, const struct bri_netstate *state, const struct table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		int error;

		if (is_there(state, &t->routes[i]))
			continue;
		error = change_route(r, true, &t->routes[i]);
		/* the link went down meanwhile: told, and looked at, soon */
		if (error < 0 && error != -ENETDOWN && error != -ENODEV)
			bri_warn("routing: no route over interface %u: %s %s", t->ifindex,
				strerror(-error), bri_nl_socket_why(r->socket));
	}
}

static size_t plan_tables(const struct bri_netstate *state,
	const struct bri_policy_address *const *wanted, size_t n, struct table *ret)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		const struct bri_policy_address *a = wanted[i];
		size_t k = 0;

		while (k < count && (ret[k].ifindex != a->ifindex || ret[k].family != a->ip.family))
			k++;
		if (k < count)
			continue;
		ret[count] = (struct table) {
			.number = BRI_ROUTING_TABLES + a->ifindex,
			.ifindex = a->ifindex,
			.family = (uint8_t)a->ip.family,
		};
		plan(state, &ret[count++]);
	}
	return count;
}

/* --- advice --- */

static bool was_advised(struct bri_routing *r, uint32_t ifindex)
{
	for (size_t i = 0; i < r->n_advised; i++) {
		if (r->advised[i] == ifindex)
			return true;
	}
	if (r->n_advised < ADVISED_MAX)
		r->advised[r->n_advised++] = ifindex;
	return false;
}

/* Without a rule, what has this address leaves by another interface, whose metric is better. */
static bool is_at_risk(const struct bri_routing *r, const struct bri_policy_address *a,
	const struct bri_policy_address *all, size_t n)
{
	bool better = false;

	for (size_t i = 0; i < n && !better; i++)
		better = all[i].usable && all[i].ip.family == a->ip.family &&
			 all[i].ifindex != a->ifindex && all[i].metric <= a->metric;
	return better && a->usable && !has_own_rule(r, a) && !has_foreign_rule(r, &a->ip);
}

static void advise(struct bri_routing *r, const struct bri_netstate *state,
	const struct bri_policy_address *all, size_t n)
{
	r->advice[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		const struct bri_netif *link = bri_netstate_by_index(state, all[i].ifindex);

		if (!link || !is_at_risk(r, &all[i], all, n))
			continue;
		if (all[i].ip.family == AF_INET && bri_settings_is_strict_reverse_path(link->name))
			snprintf(r->advice, sizeof(r->advice),
				"%s has rp_filter = 1 and its address no rule of its own: answers "
				"to it are dropped (set net.ipv4.conf.%s.rp_filter = 2, or "
				"source-routing = yes in braidd.conf)",
				link->name, link->name);
		else
			snprintf(r->advice, sizeof(r->advice),
				"packets with the address of %s may leave by another interface "
				"(source-routing = yes in braidd.conf lets braidd make rules)",
				link->name);
		if (!was_advised(r, all[i].ifindex))
			bri_warn("%s", r->advice);
		return;
	}
}

const char *bri_routing_advice(const struct bri_routing *r)
{
	return r->advice;
}

/* --- all together --- */

void bri_routing_update(struct bri_routing *r, bool on, const struct bri_netstate *state,
	const struct bri_policy_address *addresses, size_t n)
{
	const struct bri_policy_address *wanted[BRI_POLICY_ADDRESSES_MAX];
	struct table *tables;
	size_t n_wanted = 0, n_tables;
	int error = read_rules(r);

	if (error < 0) {
		bri_warn("routing: rules cannot be read: %s", strerror(-error));
		return;
	}
	for (size_t i = 0; on && i < n && n_wanted < BRI_LEN(wanted); i++) {
		if (addresses[i].usable && addresses[i].ifindex <= UINT16_MAX &&
			!has_foreign_rule(r, &addresses[i].ip))
			wanted[n_wanted++] = &addresses[i];
	}
	tables = calloc(n_wanted + 1, sizeof(*tables));
	if (!tables) {
		bri_warn("routing: no memory");
		return;
	}
	n_tables = plan_tables(state, wanted, n_wanted, tables);
	/* a rule is never there without its table */
	remove_rules(r, wanted, n_wanted);
	remove_routes(r, state, tables, n_tables);
	for (size_t i = 0; i < n_tables; i++)
		add_routes(r, state, &tables[i]);
	for (size_t i = 0; i < n_wanted; i++) {
		if (!has_own_rule(r, wanted[i]))
			add_rule(r, wanted[i]);
	}
	free(tables);
	if (read_rules(r) == 0)
		advise(r, state, addresses, n);
}

void bri_routing_close(struct bri_routing *r)
{
	struct bri_netstate *state;

	if (!r)
		return;
	/* read again: what was there at the last look may not be all */
	if (bri_netstate_read(&state) == 0) {
		bri_routing_update(r, false, state, NULL, 0);
		bri_netstate_put(state);
	}
	bri_nl_socket_close(r->socket);
	free(r);
}
