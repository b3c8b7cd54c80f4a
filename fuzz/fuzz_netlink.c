/*
 * Fuzzes all that reads netlink: a datagram as the kernel might send it, through the exchange and
 * every decoder, and the text of /proc/net/netstat. What is decoded must be within its own limits.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink/nl_addr.h"
#include "netlink/nl_diag.h"
#include "netlink/nl_exchange.h"
#include "netlink/nl_link.h"
#include "netlink/nl_pm.h"
#include "netlink/nl_pm_event.h"
#include "netlink/nl_route.h"
#include "netlink/nl_rule.h"
#include "transport/mptcp_info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_ip(const struct bri_ip *ip)
{
	static const uint8_t zero[12];

	check(ip->family == 0 || bri_nl_attr_ip_size(ip->family) != 0);
	if (bri_nl_attr_ip_size(ip->family) == 4)
		check(memcmp(ip->bytes + 4, zero, sizeof(zero)) == 0);
}

static void decode_route(const struct nlmsghdr *msg)
{
	struct bri_nl_route route;

	if (bri_nl_route_decode(msg, &route) != 0)
		return;
	check(route.n_hops <= BRI_NL_ROUTE_MAX_HOPS);
	check(route.prefix <= 8 * bri_nl_attr_ip_size(route.family));
	check_ip(&route.dst);
	check_ip(&route.source);
	for (uint32_t i = 0; i < route.n_hops; i++)
		check_ip(&route.hops[i].gateway);
}

static void decode_rule(const struct nlmsghdr *msg)
{
	struct bri_nl_rule rule;

	if (bri_nl_rule_decode(msg, &rule) != 0)
		return;
	check(rule.source_prefix <= 8 * bri_nl_attr_ip_size(rule.family));
	check(rule.source.family == rule.family || rule.source_prefix == 0);
	check_ip(&rule.source);
}

static void decode_event(const struct nlmsghdr *msg, const struct bri_nl_pm_family *family)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct bri_nl_pm_event event;

	if (bri_nl_pm_decode_event(msg, family, &event) != 0)
		return;
	check_ip(&event.local);
	check_ip(&event.remote);
	check(event.local.family != AF_INET6 || memcmp(event.local.bytes, mapped, 12) != 0);
	check(event.remote.family != AF_INET6 || memcmp(event.remote.bytes, mapped, 12) != 0);
	check(event.has_reset || (event.reset_reason == 0 && event.reset_flags == 0));
	check(event.has_error || event.error == 0);
}

static int decode(void *context, const struct nlmsghdr *msg)
{
	struct bri_nl_pm_family family = { .id = 28 };
	struct bri_nl_pm_endpoint endpoint;
	struct bri_nl_pm_limits limits;
	struct bri_nl_link link;
	struct bri_nl_addr addr;
	struct bri_nl_diag diag;

	(void)context;
	if (bri_nl_link_decode(msg, &link) == 0) {
		check(memchr(link.name, 0, sizeof(link.name)) && link.name[0] && link.index != 0);
		check(memchr(link.kind, 0, sizeof(link.kind)) && link.mac_size <= sizeof(link.mac));
	}
	if (bri_nl_addr_decode(msg, &addr) == 0) {
		check(addr.prefix <= 8 * bri_nl_attr_ip_size(addr.ip.family) && addr.ifindex != 0);
		check_ip(&addr.ip);
	}
	decode_route(msg);
	decode_rule(msg);
	decode_event(msg, &family);
	bri_nl_diag_decode(msg, true, &diag);
	bri_nl_diag_decode(msg, false, &diag);
	if (bri_nl_pm_decode_endpoint(msg, &family, &endpoint) == 0)
		check_ip(&endpoint.ip);
	bri_nl_pm_decode_limits(msg, &family, &limits);
	if (bri_nl_pm_decode_family(msg, &family) == 0)
		check(family.id >= NLMSG_MIN_TYPE);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bri_nl_exchange ex;
	struct bri_nl_acks acks;
	int results[3];
	/* exactly this size, and aligned, as a receive buffer is */
	uint8_t *bytes = malloc(size ? size : 1);
	uint64_t value;

	if (!bytes)
		return 0;
	if (size > 0)
		memcpy(bytes, data, size);
	bri_nl_exchange_init(&ex, 7, 0);
	bri_nl_exchange_rx(&ex, bytes, size, decode, NULL);
	if (ex.done)
		check(ex.result <= 0);
	check(memchr(ex.why, 0, sizeof(ex.why)));
	bri_nl_acks_init(&acks, 6, 0, results, 3);
	bri_nl_acks_rx(&acks, bytes, size);
	check(memchr(acks.why, 0, sizeof(acks.why)));
	for (size_t i = 0; i < 3; i++)
		check(results[i] <= 0 || results[i] == BRI_NL_ACK_NONE);
	bri_nl_exchange_events(bytes, size, decode, NULL);
	bri_mptcp_mib_parse((const char *)bytes, size, "MPCapableSYNTX", &value);
	free(bytes);
	return 0;
}
