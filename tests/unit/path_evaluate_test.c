/* Which interfaces can carry what: tables of made-up networks and questions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

#include "transport/netstate_internal.h"

#define MAIN RT_TABLE_MAIN

/* ---- a network in a few lines ---- */

static struct bri_netif netifs[64];
static struct bri_netaddr addrs[64];
static struct bri_netroute routes[64];
static struct bri_netstate net;

static struct bri_ip ip_of(const char *text)
{
	struct bri_ip ip = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	assert_int_equal(inet_pton(ip.family, text, ip.bytes), 1);
	return ip;
}

/* A fresh network with loopback. */
static void begin(void)
{
	net = (struct bri_netstate) { .complete = true,
		.all_routes = true,
		.has_dns = true,
		.interfaces = netifs,
		.addresses = addrs,
		.routes = routes };
}

static struct bri_netif *link_up(uint32_t index, const char *name, enum bri_iftype type)
{
	struct bri_netif *netif = &netifs[net.n_interfaces++];

	assert_true(net.n_interfaces <= BRI_LEN(netifs));
	*netif = (struct bri_netif) { .index = index,
		.type = type,
		.mtu = 1500,
		.up = true,
		.running = true,
		.multicast = true,
		.expensive = type == BRI_IFTYPE_CELLULAR };
	snprintf(netif->name, sizeof(netif->name), "%s", name);
	return netif;
}

/* Must be added in the order of interfaces, as snapshots are. */
static struct bri_netaddr *addr(uint32_t ifindex, const char *text, uint8_t prefix)
{
	addrs[net.n_addresses] =
		(struct bri_netaddr) { .ifindex = ifindex, .ip = ip_of(text), .prefix = prefix };
	return &addrs[net.n_addresses++];
}

static void route(uint32_t ifindex, const char *dst, uint8_t prefix, const char *gateway,
	uint32_t table, uint32_t metric)
{
	routes[net.n_routes++] = (struct bri_netroute) { .ifindex = ifindex,
		.dst = ip_of(dst),
		.prefix = prefix,
		.table = table,
		.metric = metric,
		.gateway = gateway ? ip_of(gateway) : (struct bri_ip) { 0 } };
}

static void loopback(void)
{
	begin();
	link_up(1, "lo", BRI_IFTYPE_LOOPBACK);
	addr(1, "127.0.0.1", 8);
	addr(1, "::1", 128);
}

/* A laptop: Ethernet, Wi-Fi and a modem, all connected; the modem only with IPv4. */
static void laptop(void)
{
	loopback();
	link_up(2, "eth0", BRI_IFTYPE_WIRED);
	link_up(3, "wlan0", BRI_IFTYPE_WIFI);
	link_up(4, "wwan0", BRI_IFTYPE_CELLULAR);
	addr(2, "192.0.2.2", 24);
	addr(2, "2001:db8:2::2", 64);
	addr(2, "fe80::2", 64);
	addr(3, "198.51.100.3", 24);
	addr(3, "2001:db8:3::3", 64);
	addr(3, "fe80::3", 64);
	addr(4, "203.0.113.4", 32);
	route(2, "0.0.0.0", 0, "192.0.2.1", MAIN, 100);
	route(2, "192.0.2.0", 24, NULL, MAIN, 100);
	route(2, "::", 0, "fe80::1", MAIN, 100);
	route(2, "2001:db8:2::", 64, NULL, MAIN, 100);
	route(3, "0.0.0.0", 0, "198.51.100.1", MAIN, 600);
	route(3, "198.51.100.0", 24, NULL, MAIN, 600);
	route(3, "::", 0, "fe80::1", MAIN, 600);
	route(3, "2001:db8:3::", 64, NULL, MAIN, 600);
	route(4, "0.0.0.0", 0, NULL, MAIN, 700);
}

/* ---- questions ---- */

static struct sockaddr_storage storage[2];

static const struct sockaddr *sa(int slot, const char *text)
{
	struct bri_ip ip = ip_of(text);

	memset(&storage[slot], 0, sizeof(storage[slot]));
	storage[slot].ss_family = ip.family;
	if (ip.family == AF_INET)
		memcpy(&((struct sockaddr_in *)&storage[slot])->sin_addr, ip.bytes, 4);
	else
		memcpy(&((struct sockaddr_in6 *)&storage[slot])->sin6_addr, ip.bytes, 16);
	return (const struct sockaddr *)&storage[slot];
}
#define REMOTE(text) .remote = sa(0, text)
#define LOCAL(text)  .local = sa(1, text)

/* "satisfied eth0 wlan0 46d" : interfaces; 4: IPv4, 6: IPv6, e: expensive */
static const char *ask(struct bri_netstate_query query)
{
	static const char *const names[] = { "invalid", "satisfied", "unsatisfied", "satisfiable" };
	static char text[512];
	struct bri_netstate_result result;
	size_t n;

	bri_netstate_evaluate(&net, &query, &result);
	n = (size_t)snprintf(text, sizeof(text), "%s", names[result.status]);
	for (size_t i = 0; i < result.n_interfaces; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " %s", result.interfaces[i].name);
	snprintf(text + n, sizeof(text) - n, " %s%s%s", result.has_ipv4 ? "4" : "",
		result.has_ipv6 ? "6" : "", result.expensive ? "e" : "");
	return text;
}
#define ASK(...) ask((struct bri_netstate_query) { __VA_ARGS__ })

static enum bri_path_reason reason_of(struct bri_netstate_query query)
{
	struct bri_netstate_result result;

	bri_netstate_evaluate(&net, &query, &result);
	return result.reason;
}

/* ---- tests ---- */

static void no_network(void **state)
{
	(void)state;
	loopback();
	assert_string_equal(ASK(.remote = NULL), "unsatisfied ");
	assert_string_equal(ASK(REMOTE("192.0.2.99")), "unsatisfied ");
	assert_string_equal(ASK(REMOTE("127.0.0.1")), "satisfied lo 4");
	assert_string_equal(ASK(REMOTE("127.9.9.9")), "satisfied lo 4");
	assert_string_equal(ASK(REMOTE("::1")), "satisfied lo 6");
	assert_string_equal(ASK(REMOTE("::ffff:127.0.0.1")), "satisfied lo 4");
	/* a name that is not resolved yet may turn out to be this host */
	assert_string_equal(ASK(.any_destination = true), "satisfied lo 46");
	netifs[0].up = netifs[0].running = false;
	assert_string_equal(ASK(REMOTE("127.0.0.1")), "unsatisfied ");
	begin();
	assert_string_equal(ASK(.any_destination = true), "unsatisfied ");
}

static void order(void **state)
{
	(void)state;
	laptop();
	assert_string_equal(ASK(.remote = NULL), "satisfied eth0 wlan0 wwan0 46");
	assert_string_equal(ASK(REMOTE("8.8.8.8")), "satisfied eth0 wlan0 wwan0 4");
	assert_string_equal(ASK(REMOTE("2001:db8:99::1")), "satisfied eth0 wlan0 6");
	assert_string_equal(ASK(.any_destination = true), "satisfied eth0 wlan0 wwan0 lo 46");
	/* the metric decides, not the medium */
	routes[0].metric = routes[2].metric = 900;
	assert_string_equal(ASK(REMOTE("8.8.8.8")), "satisfied wlan0 wwan0 eth0 4");
	/* the same metric: the medium */
	for (size_t i = 0; i < net.n_routes; i++)
		routes[i].metric = 0;
	netifs[1].type = BRI_IFTYPE_OTHER;
	assert_string_equal(ASK(REMOTE("8.8.8.8")), "satisfied wlan0 wwan0 eth0 4");
	/* what the kernel chose goes first: it knows policy rules */
	laptop();
	assert_string_equal(
		ASK(REMOTE("8.8.8.8"), .route_ifindex = 4), "satisfied wwan0 eth0 wlan0 4e");
	/* a destination on a link: by that link, and by the others through their routers */
	assert_string_equal(ASK(REMOTE("198.51.100.77")), "satisfied wlan0 eth0 wwan0 4");
	/* own addresses never leave the host */
	assert_string_equal(ASK(REMOTE("198.51.100.3")), "satisfied lo 4");
}

static void versions(void **state)
{
	(void)state;
	laptop();
	assert_string_equal(ASK(.ip_version = 4), "satisfied eth0 wlan0 wwan0 4");
	assert_string_equal(ASK(.ip_version = 6), "satisfied eth0 wlan0 6");
	assert_string_equal(ASK(.ip_version = 6, REMOTE("8.8.8.8")), "unsatisfied ");
	assert_string_equal(
		ASK(.ip_version = 4, REMOTE("8.8.8.8")), "satisfied eth0 wlan0 wwan0 4");
	/* IPv6 that is only link-local is no IPv6 to the world */
	net.n_addresses = 2;
	addr(2, "192.0.2.2", 24);
	addr(2, "fe80::2", 64);
	assert_string_equal(ASK(.remote = NULL), "satisfied eth0 4");
	assert_string_equal(ASK(.ip_version = 6), "unsatisfied ");
	/* an address that is still being checked is not usable yet */
	addr(3, "2001:db8:3::3", 64)->flags = BRI_NETADDR_TENTATIVE;
	assert_string_equal(ASK(.ip_version = 6), "unsatisfied ");
	addrs[net.n_addresses - 1].flags = BRI_NETADDR_DEPRECATED;
	assert_string_equal(ASK(.ip_version = 6), "satisfied wlan0 6");
}

static void requirements(void **state)
{
	(void)state;
	laptop();
	assert_string_equal(ASK(.required_index = 3), "satisfied wlan0 46");
	assert_string_equal(ASK(.required_index = 99), "unsatisfied ");
	assert_string_equal(ASK(.required_type = BRI_IFTYPE_CELLULAR), "satisfied wwan0 4e");
	assert_string_equal(ASK(.required_type = BRI_IFTYPE_LOOPBACK), "satisfied lo 46");
	assert_string_equal(ASK(.required_index = 1), "satisfied lo 46");
	assert_string_equal(
		ASK(.required_type = BRI_IFTYPE_WIFI, .required_index = 2), "unsatisfied ");
	assert_string_equal(
		ASK(REMOTE("127.0.0.1"), .required_type = BRI_IFTYPE_WIFI), "unsatisfied ");
	assert_string_equal(ASK(REMOTE("127.0.0.1"), .required_index = 1), "satisfied lo 4");
	/* bound to a link without a default route: its own network is enough */
	net.n_routes = 0;
	assert_string_equal(ASK(.remote = NULL), "unsatisfied ");
	assert_string_equal(ASK(.required_index = 2), "satisfied eth0 46");
	assert_string_equal(ASK(.required_index = 2, REMOTE("8.8.8.8")), "unsatisfied ");
}

static void prohibitions(void **state)
{
	const uint32_t cellular = BRI_IFTYPE_BIT(BRI_IFTYPE_CELLULAR);
	const uint32_t wifi = BRI_IFTYPE_BIT(BRI_IFTYPE_WIFI);
	struct bri_netstate_query query = { .prohibited_indexes = { 2, 3 }, .n_prohibited = 2 };

	(void)state;
	laptop();
	assert_string_equal(ASK(.prohibited_types = cellular), "satisfied eth0 wlan0 46");
	assert_string_equal(ask(query), "satisfied wwan0 4e");
	assert_string_equal(ASK(.prohibit_expensive = true), "satisfied eth0 wlan0 46");
	netifs[1].constrained = true;
	assert_string_equal(ASK(.prohibit_constrained = true), "satisfied wlan0 wwan0 46");
	query.prohibited_types = cellular;
	assert_string_equal(ask(query), "unsatisfied ");
	/* the reason is the policy, where without it there would be a path */
	query.n_prohibited = 0;
	query.required_type = BRI_IFTYPE_CELLULAR;
	assert_int_equal(reason_of(query), BRI_PATH_CELLULAR_DENIED);
	query.prohibited_types = wifi;
	query.required_type = BRI_IFTYPE_WIFI;
	assert_int_equal(reason_of(query), BRI_PATH_WIFI_DENIED);
	netifs[2].running = false;
	assert_int_equal(reason_of(query), BRI_PATH_NOT_AVAILABLE);
	/* satisfied: no reason, whatever was left out */
	query.required_type = BRI_IFTYPE_OTHER;
	assert_int_equal(reason_of(query), BRI_PATH_NOT_AVAILABLE);
	assert_string_equal(ask(query), "satisfied eth0 wwan0 46");
}

static void local_address(void **state)
{
	(void)state;
	laptop();
	assert_string_equal(ASK(LOCAL("198.51.100.3")), "satisfied wlan0 4");
	assert_string_equal(ASK(LOCAL("198.51.100.3"), REMOTE("8.8.8.8")), "satisfied wlan0 4");
	assert_string_equal(
		ASK(LOCAL("0.0.0.0"), REMOTE("8.8.8.8")), "satisfied eth0 wlan0 wwan0 4");
	assert_string_equal(ASK(LOCAL("10.1.1.1"), REMOTE("8.8.8.8")), "unsatisfied ");
	assert_string_equal(ASK(LOCAL("2001:db8:2::2"), REMOTE("8.8.8.8")), "unsatisfied ");
	assert_string_equal(ASK(LOCAL("127.0.0.5"), .any_destination = true), "satisfied lo 4");
	assert_string_equal(ASK(LOCAL("192.0.2.2"), REMOTE("127.0.0.1")), "satisfied lo 4");
}

static void link_local_and_groups(void **state)
{
	struct bri_netstate_query query = { REMOTE("fe80::99") };

	(void)state;
	laptop();
	((struct sockaddr_in6 *)&storage[0])->sin6_scope_id = 3;
	assert_string_equal(ask(query), "satisfied wlan0 6");
	((struct sockaddr_in6 *)&storage[0])->sin6_scope_id = 4; /* it has no IPv6 */
	assert_string_equal(ask(query), "unsatisfied ");
	assert_string_equal(ASK(REMOTE("224.0.0.251")), "satisfied eth0 wlan0 wwan0 4");
	netifs[1].multicast = false;
	assert_string_equal(ASK(REMOTE("224.0.0.251")), "satisfied wlan0 wwan0 4");
	assert_string_equal(ASK(REMOTE("ff02::fb")), "satisfied wlan0 6");
	net.n_routes = 0; /* an isolated link still has its groups */
	assert_string_equal(ASK(REMOTE("224.0.0.251")), "satisfied wlan0 wwan0 4");
}

static void links_down(void **state)
{
	(void)state;
	laptop();
	netifs[1].running = false; /* no carrier: its routes may still be in the table */
	assert_string_equal(ASK(.remote = NULL), "satisfied wlan0 wwan0 46");
	netifs[2].up = netifs[2].running = false;
	assert_string_equal(ASK(.remote = NULL), "satisfied wwan0 4e");
	netifs[3].running = false;
	assert_string_equal(ASK(.remote = NULL), "unsatisfied ");
	netifs[3].dormant = true; /* a modem that dials when it is used */
	assert_string_equal(ASK(.remote = NULL), "satisfiable ");
	assert_string_equal(ASK(.required_type = BRI_IFTYPE_WIFI), "unsatisfied ");
	assert_string_equal(ASK(.prohibit_expensive = true), "unsatisfied ");
	assert_string_equal(ASK(REMOTE("127.0.0.1")), "satisfied lo 4");
}

/* Source routing, as MPTCP set-ups have it: a default route of its own table for each address. */
static void tables(void **state)
{
	(void)state;
	laptop();
	net.n_routes = 0;
	route(2, "0.0.0.0", 0, "192.0.2.1", MAIN, 0);
	route(3, "0.0.0.0", 0, "198.51.100.1", 103, 0);
	assert_string_equal(ASK(.remote = NULL), "satisfied eth0 wlan0 4");
	routes[0].metric = 5000; /* and yet: the main table goes first */
	assert_string_equal(ASK(REMOTE("8.8.8.8")), "satisfied eth0 wlan0 4");
}

static void prefixes(void **state)
{
	struct bri_netstate_result result;
	struct bri_netstate_query query = { REMOTE("10.20.30.40") };

	(void)state;
	laptop();
	/* a VPN for a part of the world, of no default route */
	link_up(5, "wg0", BRI_IFTYPE_OTHER);
	addr(5, "10.20.0.2", 32);
	route(5, "10.20.0.0", 16, NULL, MAIN, 0);
	assert_string_equal(ask(query), "satisfied wg0 eth0 wlan0 wwan0 4");
	assert_string_equal(ASK(.remote = NULL), "satisfied eth0 wlan0 wwan0 46");
	assert_string_equal(ASK(REMOTE("10.21.0.1")), "satisfied eth0 wlan0 wwan0 4");
	/* gateways: of what leads to the destination, in order */
	query = (struct bri_netstate_query) { REMOTE("10.20.30.40") };
	bri_netstate_evaluate(&net, &query, &result);
	assert_int_equal(result.n_gateways, 2);
	assert_int_equal(result.gateways[0].ifindex, 2);
	assert_int_equal(result.gateways[0].ip.bytes[3], 1);
	assert_int_equal(result.gateways[1].ifindex, 3);
	query = (struct bri_netstate_query) { .required_index = 2 };
	bri_netstate_evaluate(&net, &query, &result);
	assert_int_equal(result.n_gateways, 2); /* IPv4's and IPv6's */
	assert_int_equal(result.gateways[1].ip.family, AF_INET6);
	assert_true(result.has_dns);
}

/* What is not known is not taken for absent. */
static void unknown(void **state)
{
	(void)state;
	loopback();
	net.complete = false;
	assert_string_equal(ASK(REMOTE("8.8.8.8")), "satisfied 4");
	assert_string_equal(ASK(.remote = NULL), "satisfied 46");
	assert_string_equal(ASK(.ip_version = 6), "satisfied 6");
	laptop();
	net.n_routes = 0;
	net.all_routes = false; /* a router: more routes than are read */
	assert_string_equal(ASK(REMOTE("8.8.8.8")), "satisfied eth0 wlan0 wwan0 4");
	assert_string_equal(ASK(.remote = NULL), "unsatisfied "); /* default routes are all read */
}

static void many(void **state)
{
	struct bri_netstate_result result;
	struct bri_netstate_query query = { 0 };

	(void)state;
	loopback();
	for (uint32_t i = 0; i < 40; i++) {
		char text[32];

		snprintf(text, sizeof(text), "eth%u", i);
		link_up(i + 2, text, BRI_IFTYPE_WIRED);
		snprintf(text, sizeof(text), "10.0.%u.1", i);
		addr(i + 2, text, 24);
		route(i + 2, "0.0.0.0", 0, NULL, MAIN, 1000 - i);
	}
	bri_netstate_evaluate(&net, &query, &result);
	assert_int_equal(result.n_interfaces, BRI_NETSTATE_MAX_USABLE);
	for (uint32_t i = 0; i < BRI_NETSTATE_MAX_USABLE; i++) /* the best of all, best first */
		assert_int_equal(result.interfaces[i].index, 41 - i);
}

static void kinds(void **state)
{
	static const struct {
		const char *name, *kind, *devtype;
		uint16_t hwtype;
		bool wireless;
		enum bri_iftype want;
	} table[] = {
		{ "lo", "", "", 772, false, BRI_IFTYPE_LOOPBACK },
		{ "eth0", "", "", 1, false, BRI_IFTYPE_WIRED },
		{ "enp3s0", "", "", 1, false, BRI_IFTYPE_WIRED },
		{ "lan7", "", "", 1, false, BRI_IFTYPE_WIRED },
		{ "lan1", "", "dsa", 1, false, BRI_IFTYPE_WIRED },
		{ "foo", "", "wlan", 1, false, BRI_IFTYPE_WIFI },
		{ "foo", "", "", 1, true, BRI_IFTYPE_WIFI },
		{ "wlp2s0", "", "", 1, false, BRI_IFTYPE_WIFI },
		{ "mon0", "", "", 803, false, BRI_IFTYPE_WIFI },
		{ "foo", "", "wwan", 1, false, BRI_IFTYPE_CELLULAR },
		{ "wwan0", "", "", 65534, false, BRI_IFTYPE_CELLULAR },
		{ "rmnet_data0", "rmnet", "", 519, false, BRI_IFTYPE_CELLULAR },
		{ "foo", "", "", 519, false, BRI_IFTYPE_CELLULAR },
		{ "bnep0", "", "bluetooth", 1, false, BRI_IFTYPE_OTHER },
		{ "tun0", "tun", "", 65534, false, BRI_IFTYPE_OTHER },
		{ "tap0", "tun", "", 1, false, BRI_IFTYPE_OTHER },
		{ "wg0", "wireguard", "wireguard", 65534, false, BRI_IFTYPE_OTHER },
		{ "ppp0", "", "", 512, false, BRI_IFTYPE_OTHER },
		{ "br0", "bridge", "bridge", 1, false, BRI_IFTYPE_WIRED },
		{ "bond0", "bond", "bond", 1, false, BRI_IFTYPE_WIRED },
		{ "veth12", "veth", "", 1, false, BRI_IFTYPE_WIRED },
		/* the lab names its virtual links after what they play */
		{ "wlan", "veth", "", 1, false, BRI_IFTYPE_WIFI },
		{ "wwan", "veth", "", 1, false, BRI_IFTYPE_CELLULAR },
		{ "wlan0", "tun", "", 1, false, BRI_IFTYPE_WIFI },
		{ "eth9", "tun", "", 1, false, BRI_IFTYPE_WIRED },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(table); i++) {
		struct bri_netstate_hint hint = { .name = table[i].name,
			.kind = table[i].kind,
			.devtype = table[i].devtype,
			.hwtype = table[i].hwtype,
			.wireless = table[i].wireless };

		if (bri_netstate_classify(&hint) != table[i].want)
			fail_msg("row %zu, %s: %d, not %d", i, table[i].name,
				bri_netstate_classify(&hint), table[i].want);
	}
}

static void resolv_conf(void **state)
{
	static const struct {
		const char *text;
		bool want;
	} table[] = {
		{ "", false },
		{ "nameserver 192.0.2.53\n", true },
		{ "nameserver 192.0.2.53", true },
		{ "search example.org\nnameserver\t2001:db8::53\n", true },
		{ "nameserver fe80::1%eth0\n", true },
		{ "nameserver  192.0.2.53 \r\n", true },
		{ "# nameserver 192.0.2.53\n", false },
		{ "nameserver\n", false },
		{ "nameserver \n", false },
		{ "nameserver ns.example\n", false },
		{ "nameservers 192.0.2.53\n", false },
		{ " nameserver 192.0.2.53\n", false },
		{ "nameserver 192.0.2.5300000000000000000000000000000000000000000\n", false },
		{ "\n\n\noptions edns0\n", false },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(table); i++) {
		size_t size = strlen(table[i].text);
		char *exact = malloc(size ? size : 1);

		memcpy(exact, table[i].text, size);
		if (bri_netstate_text_has_dns(exact, size) != table[i].want)
			fail_msg("row %zu", i);
		free(exact);
	}
}

static void ip_prefixes(void **state)
{
	struct bri_ip a = ip_of("10.20.30.40"), b = ip_of("10.20.31.40"), c = ip_of("2001:db8::1"),
		      d = ip_of("2001:db8::2");

	(void)state;
	for (unsigned p = 0; p <= 33; p++) /* they differ in the 24th bit */
		assert_int_equal(bri_ip_in_prefix(&a, &b, p), p <= 23);
	for (unsigned p = 0; p <= 129; p++)
		assert_int_equal(bri_ip_in_prefix(&c, &d, p), p <= 126);
	assert_true(bri_ip_in_prefix(&c, &c, 128));
	assert_true(bri_ip_in_prefix(&a, &a, 32));
	assert_false(bri_ip_in_prefix(&a, &c, 0));
}

static void equality(void **state)
{
	static struct bri_netif netifs_b[64];
	static struct bri_netaddr addrs_b[64];
	static struct bri_netroute routes_b[64];
	struct bri_netstate other;

	(void)state;
	laptop();
	memcpy(netifs_b, netifs, sizeof(netifs));
	memcpy(addrs_b, addrs, sizeof(addrs));
	memcpy(routes_b, routes, sizeof(routes));
	other = net;
	other.interfaces = netifs_b;
	other.addresses = addrs_b;
	other.routes = routes_b;
	assert_true(bri_netstate_equal(&net, &other));
	netifs_b[3].running = false;
	assert_false(bri_netstate_equal(&net, &other));
	netifs_b[3].running = true;
	addrs_b[2].flags = BRI_NETADDR_DEPRECATED;
	assert_false(bri_netstate_equal(&net, &other));
	addrs_b[2].flags = 0;
	routes_b[8].metric++;
	assert_false(bri_netstate_equal(&net, &other));
	routes_b[8].metric--;
	other.n_routes--;
	assert_false(bri_netstate_equal(&net, &other));
	other.n_routes++;
	other.has_dns = false;
	assert_false(bri_netstate_equal(&net, &other));
}

static void lookups(void **state)
{
	(void)state;
	laptop();
	assert_string_equal(bri_netstate_by_index(&net, 3)->name, "wlan0");
	assert_null(bri_netstate_by_index(&net, 0));
	assert_null(bri_netstate_by_index(&net, 5));
	assert_int_equal(bri_netstate_by_name(&net, "wwan0")->index, 4);
	assert_null(bri_netstate_by_name(&net, "wwan"));
	assert_int_equal(bri_netstate_by_address(&net, sa(0, "198.51.100.3"))->index, 3);
	assert_int_equal(bri_netstate_by_address(&net, sa(0, "::ffff:192.0.2.2"))->index, 2);
	assert_null(bri_netstate_by_address(&net, sa(0, "198.51.100.4")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_network),
		cmocka_unit_test(order),
		cmocka_unit_test(versions),
		cmocka_unit_test(requirements),
		cmocka_unit_test(prohibitions),
		cmocka_unit_test(local_address),
		cmocka_unit_test(link_local_and_groups),
		cmocka_unit_test(links_down),
		cmocka_unit_test(tables),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(unknown),
		cmocka_unit_test(many),
		cmocka_unit_test(kinds),
		cmocka_unit_test(resolv_conf),
		cmocka_unit_test(ip_prefixes),
		cmocka_unit_test(equality),
		cmocka_unit_test(lookups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
