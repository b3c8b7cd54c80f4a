/*
 * What src/netlink asks of the kernel, byte by byte against what the kernel's headers say, written
 * by hand; and what it makes of hand-made events and of acknowledgements with a text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include "netlink/nl_exchange.h"
#include "netlink/nl_pm_command.h"
#include "netlink/nl_pm_event.h"
#include "netlink/nl_pm_wire.h"
#include "netlink/nl_route.h"
#include "netlink/nl_rule.h"
#include "netlink_recorded_pm.h"

static const struct bri_nl_pm_family family = { .id = 0x1c, .version = 1 };

static struct bri_ip address(const char *text)
{
	struct bri_ip ip = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	assert_int_equal(inet_pton(ip.family, text, ip.bytes), 1);
	return ip;
}

static struct bri_nl_pm_tuple tuple4(void)
{
	return (struct bri_nl_pm_tuple) { .local = address("192.0.2.2"),
		.remote = address("198.51.100.1"),
		.local_port = 0x1234,
		.remote_port = 443 };
}

/* Shows the first difference. The header's length is in what is expected, too. */
static void assert_bytes(const struct bri_nl_request *req, const uint8_t *want, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (req->bytes[i] != want[i])
			fail_msg("byte %zu is 0x%02x, not 0x%02x", i, req->bytes[i], want[i]);
	}
	for (size_t i = size; i < sizeof(req->bytes); i++)
		assert_int_equal(req->bytes[i], 0);
}
#define ASSERT_BYTES(req, ...)                                                                     \
	do {                                                                                       \
		const uint8_t want[] = { __VA_ARGS__ };                                            \
		assert_bytes(req, want, sizeof(want));                                             \
	} while (0)

/* nlmsghdr with REQUEST|ACK, genlmsghdr version 1 */
#define GENL(size, cmd)    size, 0, 0, 0, 0x1c, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, cmd, 1, 0, 0
#define TOKEN              8, 0, 4, 0, 0x44, 0x33, 0x22, 0x11
#define FAMILY4            6, 0, 1, 0, 2, 0, 0, 0
#define FAMILY6            6, 0, 1, 0, 10, 0, 0, 0
#define ID(id)             5, 0, 2, 0, id, 0, 0, 0
#define LOCAL4             8, 0, 3, 0, 192, 0, 2, 2
#define REMOTE4            8, 0, 3, 0, 198, 51, 100, 1
#define LOCAL_PORT         6, 0, 5, 0, 0x34, 0x12, 0, 0
#define REMOTE_PORT        6, 0, 5, 0, 0xbb, 0x01, 0, 0
#define FLAGS(flags)       8, 0, 6, 0, flags, 0, 0, 0
#define IF_IDX(i)          8, 0, 7, 0, i, 0, 0, 0
#define NEST(size, nr)     size, 0, nr, 0x80
#define MAPPED(a, b, c, d) 20, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d

static void subflow_commands(void **state)
{
	struct bri_nl_pm_tuple t = tuple4();
	struct bri_nl_request req;

	(void)state;
	bri_nl_pm_encode_create(&req, &family, 0x11223344, &t, 3, 4, 7, true);
	ASSERT_BYTES(&req, GENL(108, 10), TOKEN, NEST(44, 1), FAMILY4, LOCAL4, ID(3), FLAGS(4),
		IF_IDX(7), NEST(36, 6), FAMILY4, REMOTE4, ID(4), REMOTE_PORT);
	bri_nl_pm_encode_create(&req, &family, 0x11223344, &t, 0, 0, 0, false);
	ASSERT_BYTES(&req, GENL(92, 10), TOKEN, NEST(28, 1), FAMILY4, LOCAL4, ID(0), NEST(36, 6),
		FAMILY4, REMOTE4, ID(0), REMOTE_PORT);
	bri_nl_pm_encode_destroy(&req, &family, 0x11223344, &t);
	ASSERT_BYTES(&req, GENL(84, 11), TOKEN, NEST(28, 1), FAMILY4, LOCAL4, LOCAL_PORT,
		NEST(28, 6), FAMILY4, REMOTE4, REMOTE_PORT);
	t.mapped = true;
	bri_nl_pm_encode_destroy(&req, &family, 0x11223344, &t);
	ASSERT_BYTES(&req, GENL(108, 11), TOKEN, NEST(40, 1), FAMILY6, MAPPED(192, 0, 2, 2),
		LOCAL_PORT, NEST(40, 6), FAMILY6, MAPPED(198, 51, 100, 1), REMOTE_PORT);
	t.mapped = false;
	bri_nl_pm_encode_set_backup(&req, &family, 0x11223344, &t, true);
	ASSERT_BYTES(&req, GENL(92, 7), TOKEN, NEST(36, 1), FAMILY4, LOCAL4, LOCAL_PORT, FLAGS(4),
		NEST(28, 6), FAMILY4, REMOTE4, REMOTE_PORT);
	bri_nl_pm_encode_set_backup(&req, &family, 0x11223344, &t, false);
	ASSERT_BYTES(&req, GENL(92, 7), TOKEN, NEST(36, 1), FAMILY4, LOCAL4, LOCAL_PORT, FLAGS(0),
		NEST(28, 6), FAMILY4, REMOTE4, REMOTE_PORT);
	/* all of IPv6 has room, too */
	t.local = address("2001:db8::2");
	t.remote = address("2001:db8::1");
	t.mapped = true; /* of an IPv6 address it says nothing */
	bri_nl_pm_encode_create(&req, &family, 0x11223344, &t, 255, 255, UINT32_MAX, true);
	assert_int_equal(bri_nl_request_header(&req)->nlmsg_len, 132);
	bri_nl_pm_encode_set_backup(&req, &family, 0x11223344, &t, true);
	assert_int_equal(bri_nl_request_header(&req)->nlmsg_len, 116);
	assert_int_equal(req.bytes[44], 0x20); /* as it is: not mapped again */
}

static void address_commands(void **state)
{
	struct bri_ip v4 = address("192.0.2.2"), v6 = address("::ffff:192.0.2.2"), none = { 0 };
	struct bri_nl_request req;

	(void)state;
	bri_nl_pm_encode_remove(&req, &family, 0x11223344, 9);
	ASSERT_BYTES(&req, GENL(36, 9), TOKEN, 5, 0, 5, 0, 9, 0, 0, 0);
	bri_nl_pm_encode_announce(&req, &family, 0x11223344, &v4, 443, 9);
	ASSERT_BYTES(&req, GENL(72, 8), TOKEN, NEST(44, 1), FAMILY4, LOCAL4, ID(9), REMOTE_PORT,
		FLAGS(1));
	bri_nl_pm_encode_announce(&req, &family, 0x11223344, &v6, 0, 9);
	ASSERT_BYTES(&req, GENL(76, 8), TOKEN, NEST(48, 1), FAMILY6, MAPPED(192, 0, 2, 2), ID(9),
		FLAGS(1));
	/* the kernel refuses it: "missing address" */
	bri_nl_pm_encode_announce(&req, &family, 0x11223344, &none, 0, 9);
	ASSERT_BYTES(
		&req, GENL(56, 8), TOKEN, NEST(28, 1), 6, 0, 1, 0, 0, 0, 0, 0, ID(9), FLAGS(1));
}

static void endpoint_commands(void **state)
{
	struct bri_nl_pm_endpoint e = { .ip = address("192.0.2.2"), .flags = BRI_NL_PM_SUBFLOW };
	struct bri_nl_pm_limits limits = { .subflows = 8, .add_addr_accepted = 3 };
	struct bri_nl_request req;

	(void)state;
	bri_nl_pm_encode_add_endpoint(&req, &family, &e);
	ASSERT_BYTES(&req, GENL(48, 1), NEST(28, 1), FAMILY4, LOCAL4, FLAGS(2));
	e = (struct bri_nl_pm_endpoint) { .ip = e.ip,
		.flags = BRI_NL_PM_SIGNAL | BRI_NL_PM_BACKUP,
		.id = 5,
		.port = 443,
		.ifindex = 7 };
	bri_nl_pm_encode_add_endpoint(&req, &family, &e);
	ASSERT_BYTES(&req, GENL(72, 1), NEST(52, 1), FAMILY4, LOCAL4, ID(5), REMOTE_PORT, FLAGS(5),
		IF_IDX(7));
	bri_nl_pm_encode_del_endpoint(&req, &family, 5, NULL);
	ASSERT_BYTES(&req, GENL(32, 2), NEST(12, 1), ID(5));
	bri_nl_pm_encode_del_endpoint(&req, &family, 0, &e.ip);
	ASSERT_BYTES(&req, GENL(48, 2), NEST(28, 1), FAMILY4, LOCAL4, ID(0));
	bri_nl_pm_encode_set_endpoint_backup(&req, &family, 5, true);
	ASSERT_BYTES(&req, GENL(40, 7), NEST(20, 1), ID(5), FLAGS(4));
	bri_nl_pm_encode_set_endpoint_backup(&req, &family, 5, false);
	ASSERT_BYTES(&req, GENL(40, 7), NEST(20, 1), ID(5), FLAGS(0));
	bri_nl_pm_encode_set_endpoint_flags(&req, &family, 5, BRI_NL_PM_FULLMESH);
	ASSERT_BYTES(&req, GENL(40, 7), NEST(20, 1), ID(5), FLAGS(8));
	bri_nl_pm_encode_set_limits(&req, &family, &limits);
	ASSERT_BYTES(&req, GENL(36, 5), 8, 0, 2, 0, 3, 0, 0, 0, 8, 0, 3, 0, 8, 0, 0, 0);
}

#define RTNL(size, type, flags_low, flags_high)                                                    \
	size, 0, 0, 0, type, 0, flags_low, flags_high, 0, 0, 0, 0, 0, 0, 0, 0

static void rule_requests(void **state)
{
	struct bri_nl_rule rule = { .family = AF_INET,
		.priority = 100,
		.table = 51820,
		.protocol = 201,
		.source = address("192.0.2.0"),
		.source_prefix = 24 };
	struct bri_nl_request req;

	(void)state;
	bri_nl_rule_encode_dump(&req, AF_INET);
	ASSERT_BYTES(&req, RTNL(28, 34, 1, 3), 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	assert_int_equal(bri_nl_rule_encode_add(&req, &rule), 0);
	ASSERT_BYTES(&req, RTNL(60, 32, 5, 6), 2, 0, 24, 0, 0, 0, 0, 1, 0, 0, 0, 0, 8, 0, 2, 0, 192,
		0, 2, 0, 8, 0, 6, 0, 100, 0, 0, 0, 8, 0, 15, 0, 0x6c, 0xca, 0, 0, 5, 0, 21, 0, 201,
		0, 0, 0);
	rule.table = 100;
	rule.source = (struct bri_ip) { 0 };
	rule.source_prefix = 0;
	assert_int_equal(bri_nl_rule_encode_del(&req, &rule), 0);
	ASSERT_BYTES(&req, RTNL(52, 33, 5, 0), 2, 0, 0, 0, 100, 0, 0, 1, 0, 0, 0, 0, 8, 0, 6, 0,
		100, 0, 0, 0, 8, 0, 15, 0, 100, 0, 0, 0, 5, 0, 21, 0, 201, 0, 0, 0);
	/* what is asked is read back */
	assert_int_equal(bri_nl_rule_encode_add(&req, &rule), 0);
	assert_int_equal(bri_nl_rule_decode(bri_nl_request_header(&req), &rule), 0);
	assert_true(rule.plain);
}

static void refused_rules(void **state)
{
	const struct bri_nl_rule good = {
		.family = AF_INET, .table = 100, .source = address("192.0.2.0"), .source_prefix = 32
	};
	struct bri_nl_rule rule = good;
	struct bri_nl_request req;

	(void)state;
	assert_int_equal(bri_nl_rule_encode_add(&req, &rule), 0);
	rule.source_prefix = 33;
	assert_int_equal(bri_nl_rule_encode_add(&req, &rule), -EINVAL);
	rule = good;
	rule.source = address("2001:db8::1");
	assert_int_equal(bri_nl_rule_encode_add(&req, &rule), -EINVAL);
	rule = good;
	rule.source.family = 0; /* any, but 32 bits of it */
	assert_int_equal(bri_nl_rule_encode_add(&req, &rule), -EINVAL);
	rule = good;
	rule.family = 99;
	assert_int_equal(bri_nl_rule_encode_add(&req, &rule), -EINVAL);
	rule = good;
	rule.table = 0;
	assert_int_equal(bri_nl_rule_encode_del(&req, &rule), -EINVAL);
}

static void route_requests(void **state)
{
	struct bri_nl_route_change change = { .family = AF_INET,
		.prefix = 24,
		.dst = address("198.51.100.0"),
		.gateway = address("192.0.2.1"),
		.ifindex = 3,
		.table = 51820,
		.protocol = 201,
		.metric = 50,
		.source = address("192.0.2.2") };
	struct bri_nl_request req;

	(void)state;
	assert_int_equal(bri_nl_route_encode_add(&req, &change), 0);
	ASSERT_BYTES(&req, RTNL(76, 24, 5, 6), 2, 24, 0, 0, 0, 201, 0, 1, 0, 0, 0, 0, 8, 0, 15, 0,
		0x6c, 0xca, 0, 0, 8, 0, 1, 0, 198, 51, 100, 0, 8, 0, 5, 0, 192, 0, 2, 1, 8, 0, 4, 0,
		3, 0, 0, 0, 8, 0, 6, 0, 50, 0, 0, 0, 8, 0, 7, 0, 192, 0, 2, 2);
	change.replace = true;
	assert_int_equal(bri_nl_route_encode_add(&req, &change), 0);
	assert_int_equal(bri_nl_request_header(&req)->nlmsg_flags,
		NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
	change = (struct bri_nl_route_change) { .family = AF_INET,
		.gateway = address("fe80::1"),
		.table = 100,
		.protocol = 201,
		.scope = RT_SCOPE_LINK };
	assert_int_equal(bri_nl_route_encode_del(&req, &change), 0);
	ASSERT_BYTES(&req, RTNL(60, 25, 5, 0), 2, 0, 0, 0, 100, 201, 253, 1, 0, 0, 0, 0, 8, 0, 15,
		0, 100, 0, 0, 0, 22, 0, 18, 0, 10, 0, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 1, 0, 0);
}

static void refused_routes(void **state)
{
	const struct bri_nl_route_change good = { .family = AF_INET, .table = 100 };
	struct bri_nl_route_change change = good;
	struct bri_nl_request req;

	(void)state;
	assert_int_equal(bri_nl_route_encode_add(&req, &change), 0);
	change.prefix = 24; /* of no destination */
	assert_int_equal(bri_nl_route_encode_add(&req, &change), -EINVAL);
	change.dst = address("198.51.100.0");
	change.prefix = 32;
	assert_int_equal(bri_nl_route_encode_add(&req, &change), 0);
	change.prefix = 33;
	assert_int_equal(bri_nl_route_encode_add(&req, &change), -EINVAL);
	change = good;
	change.table = 0;
	assert_int_equal(bri_nl_route_encode_add(&req, &change), -EINVAL);
	change = good;
	change.dst = address("::");
	assert_int_equal(bri_nl_route_encode_add(&req, &change), -EINVAL);
	change = good;
	change.source = address("::1");
	assert_int_equal(bri_nl_route_encode_del(&req, &change), -EINVAL);
	change = (struct bri_nl_route_change) {
		.family = AF_INET6, .table = 100, .gateway = address("192.0.2.1")
	};
	assert_int_equal(bri_nl_route_encode_add(&req, &change), -EINVAL);
	change = good;
	change.family = 0;
	assert_int_equal(bri_nl_route_encode_add(&req, &change), -EINVAL);
	change = good;
	change.gateway.family = 99;
	assert_int_equal(bri_nl_route_encode_add(&req, &change), -EINVAL);
}

/* ---- hand-made events ---- */

/* A message of the events' family with what every event has that names a subflow, but one. */
static void begin_event(struct bri_nl_request *req, uint8_t kind, uint16_t without)
{
	static const struct {
		uint16_t type, size;
		uint8_t value[4];
	} parts[] = {
		{ BRI_NL_PM_EVENT_TOKEN, 4, { 1 } },
		{ BRI_NL_PM_EVENT_SADDR4, 4, { 192, 0, 2, 2 } },
		{ BRI_NL_PM_EVENT_DADDR4, 4, { 192, 0, 2, 1 } },
		{ BRI_NL_PM_EVENT_SPORT, 2, { 0x12, 0x34 } },
		{ BRI_NL_PM_EVENT_DPORT, 2, { 1, 0xbb } },
		{ BRI_NL_PM_EVENT_LOC_ID, 1, { 3 } },
		{ BRI_NL_PM_EVENT_REM_ID, 1, { 4 } },
	};

	bri_nl_pm_wire_begin(req, family.id, 0, kind);
	for (size_t i = 0; i < BRI_LEN(parts); i++) {
		if (parts[i].type != without)
			bri_nl_request_put(req, parts[i].type, parts[i].value, parts[i].size);
	}
}

static int decode(struct bri_nl_request *req, struct bri_nl_pm_event *ret)
{
	return bri_nl_pm_decode_event(bri_nl_request_header(req), &family, ret);
}

/* Which kinds need which part: a row a kind, a letter a part in the order of begin_event(). */
static void required_parts(void **state)
{
	static const uint16_t types[] = { BRI_NL_PM_EVENT_TOKEN, BRI_NL_PM_EVENT_SADDR4,
		BRI_NL_PM_EVENT_DADDR4, BRI_NL_PM_EVENT_SPORT, BRI_NL_PM_EVENT_DPORT,
		BRI_NL_PM_EVENT_LOC_ID, BRI_NL_PM_EVENT_REM_ID };
	static const struct {
		uint8_t kind;
		const char *needs;
	} table[] = {
		{ BRI_NL_PM_CREATED, "TSDsdlr" },
		{ BRI_NL_PM_ESTABLISHED, "TSDsdlr" },
		{ BRI_NL_PM_CLOSED, "T------" },
		{ BRI_NL_PM_ANNOUNCED, "T-D-d-r" },
		{ BRI_NL_PM_REMOVED, "T-----r" },
		{ BRI_NL_PM_SUB_ESTABLISHED, "TSDsdlr" },
		{ BRI_NL_PM_SUB_CLOSED, "TSDsdlr" },
		{ BRI_NL_PM_SUB_PRIORITY, "TSDsdlr" },
		{ BRI_NL_PM_LISTENER_CREATED, "-S-s---" },
		{ BRI_NL_PM_LISTENER_CLOSED, "-S-s---" },
	};
	struct bri_nl_pm_event event;
	struct bri_nl_request req;

	(void)state;
	for (size_t i = 0; i < BRI_LEN(table); i++) {
		begin_event(&req, table[i].kind, 0);
		assert_int_equal(decode(&req, &event), 0);
		assert_int_equal(event.kind, table[i].kind);
		for (size_t j = 0; j < BRI_LEN(types); j++) {
			int want = table[i].needs[j] == '-' ? 0 : -EBADMSG;

			begin_event(&req, table[i].kind, types[j]);
			if (decode(&req, &event) != want)
				fail_msg("kind %d without %d", table[i].kind, types[j]);
		}
	}
	/* numbers between and beyond them */
	for (unsigned kind = 0; kind < 256; kind++) {
		bool known = false;

		for (size_t i = 0; i < BRI_LEN(table); i++)
			known = known || table[i].kind == kind;
		begin_event(&req, (uint8_t)kind, 0);
		assert_int_equal(decode(&req, &event), known ? 0 : BRI_NL_OTHER);
	}
	bri_nl_request_header(&req)->nlmsg_type = family.id + 1;
	assert_int_equal(decode(&req, &event), BRI_NL_OTHER);
}

static void optional_parts(void **state)
{
	const uint8_t one = 1, error = ETIMEDOUT;
	const uint16_t deny = 1, server = 2;
	const uint32_t reason = 6, flags = 1, ifindex = 9;
	struct bri_nl_pm_event event;
	struct bri_nl_request req;

	(void)state;
	begin_event(&req, BRI_NL_PM_SUB_CLOSED, 0);
	assert_int_equal(decode(&req, &event), 0);
	assert_int_equal(event.local_port, 0x1234);
	assert_int_equal(event.remote_port, 443);
	assert_false(event.has_reset || event.has_error || event.backup || event.mapped);
	bri_nl_request_put(&req, BRI_NL_PM_EVENT_ERROR, &error, sizeof(error));
	bri_nl_request_put(&req, BRI_NL_PM_EVENT_RESET_REASON, &reason, sizeof(reason));
	bri_nl_request_put(&req, BRI_NL_PM_EVENT_RESET_FLAGS, &flags, sizeof(flags));
	bri_nl_request_put(&req, BRI_NL_PM_EVENT_IF_IDX, &ifindex, sizeof(ifindex));
	bri_nl_request_put(&req, BRI_NL_PM_EVENT_BACKUP, &one, sizeof(one));
	bri_nl_request_put(&req, BRI_NL_PM_EVENT_N + 5, &ifindex, sizeof(ifindex)); /* unknown */
	assert_int_equal(decode(&req, &event), 0);
	assert_true(event.has_error && event.has_reset && event.backup);
	assert_int_equal(event.error, ETIMEDOUT);
	assert_int_equal(event.reset_reason, 6);
	assert_int_equal(event.reset_flags, 1);
	assert_int_equal(event.ifindex, 9);

	begin_event(&req, BRI_NL_PM_CREATED, 0);
	bri_nl_request_put(&req, BRI_NL_PM_EVENT_FLAGS, &deny, sizeof(deny));
	assert_int_equal(decode(&req, &event), 0);
	assert_true(event.deny_join_id0 && !event.server_side);
	begin_event(&req, BRI_NL_PM_CREATED, 0);
	bri_nl_request_put(&req, BRI_NL_PM_EVENT_FLAGS, &server, sizeof(server));
	assert_int_equal(decode(&req, &event), 0);
	assert_true(event.server_side && !event.deny_join_id0);
	begin_event(&req, BRI_NL_PM_CREATED, 0);
	bri_nl_request_put(&req, BRI_NL_PM_EVENT_SERVER_SIDE, &one, sizeof(one));
	assert_int_equal(decode(&req, &event), 0);
	assert_true(event.server_side);
}

static void mixed_families(void **state)
{
	struct bri_ip v6 = address("2001:db8::1"), mapped = address("::ffff:192.0.2.1");
	const uint8_t none[16] = { 0 };
	struct bri_nl_pm_event event;
	struct bri_nl_request req;

	(void)state;
	begin_event(&req, BRI_NL_PM_SUB_CLOSED, BRI_NL_PM_EVENT_DADDR4);
	bri_nl_request_put(&req, BRI_NL_PM_EVENT_DADDR6, v6.bytes, 16);
	assert_int_equal(decode(&req, &event), -EBADMSG);
	begin_event(&req, BRI_NL_PM_SUB_CLOSED, BRI_NL_PM_EVENT_DADDR4);
	bri_nl_request_put(&req, BRI_NL_PM_EVENT_DADDR6, mapped.bytes, 16);
	assert_int_equal(decode(&req, &event), 0);
	assert_memory_equal(event.remote.bytes, ((uint8_t[16]) { 192, 0, 2, 1 }), 16);
	assert_int_equal(event.remote.family, AF_INET);
	/* the other end's address is lost */
	begin_event(&req, BRI_NL_PM_SUB_CLOSED, BRI_NL_PM_EVENT_DADDR4);
	bri_nl_request_put(&req, BRI_NL_PM_EVENT_DADDR6, none, 16);
	assert_int_equal(decode(&req, &event), 0);
	assert_int_equal(event.remote.family, AF_INET);
	/* an address of a wrong size */
	begin_event(&req, BRI_NL_PM_SUB_CLOSED, BRI_NL_PM_EVENT_DADDR4);
	bri_nl_request_put(&req, BRI_NL_PM_EVENT_DADDR4, v6.bytes, 16);
	assert_int_equal(decode(&req, &event), -EBADMSG);
}

/* ---- acknowledgements ---- */

static struct nlmsghdr *copy_of(const uint8_t *bytes, size_t size)
{
	struct nlmsghdr *msg = malloc(size);

	assert_non_null(msg);
	memcpy(msg, bytes, size);
	return msg;
}

static void why(void **state)
{
	static const struct {
		const uint8_t *bytes;
		size_t size;
	} recorded[] = {
		{ rec_error_capped, sizeof(rec_error_capped) },
		{ rec_error_whole, sizeof(rec_error_whole) },
	};
	struct bri_nl_exchange ex;

	(void)state;
	for (size_t i = 0; i < BRI_LEN(recorded); i++) {
		bri_nl_exchange_init(&ex, 7, 0);
		assert_int_equal(
			bri_nl_exchange_rx(&ex, recorded[i].bytes, recorded[i].size, NULL, NULL),
			0);
		assert_true(ex.done);
		assert_int_equal(ex.result, -EINVAL);
		assert_string_equal(ex.why, "invalid token");
		/* cut anywhere, or damaged: the error is told all the same, and nothing is read
		 * that is not there */
		for (size_t size = 20; size < recorded[i].size; size++) {
			struct nlmsghdr *msg = copy_of(recorded[i].bytes, size);

			msg->nlmsg_len = (uint32_t)size;
			bri_nl_exchange_init(&ex, 7, 0);
			assert_int_equal(bri_nl_exchange_rx(&ex, msg, size, NULL, NULL), 0);
			assert_int_equal(ex.result, -EINVAL);
			assert_true(memchr(ex.why, 0, sizeof(ex.why)) != NULL);
			free(msg);
		}
		for (size_t at = 20; at < recorded[i].size; at++) {
			struct nlmsghdr *msg = copy_of(recorded[i].bytes, recorded[i].size);

			for (unsigned value = 0; value < 256; value++) {
				((uint8_t *)msg)[at] = (uint8_t)value;
				bri_nl_exchange_init(&ex, 7, 0);
				assert_int_equal(
					bri_nl_exchange_rx(&ex, msg, recorded[i].size, NULL, NULL),
					0);
				assert_true(memchr(ex.why, 0, sizeof(ex.why)) != NULL);
			}
			free(msg);
		}
	}
}

/* A text at the limit, and one longer: cut. */
static void long_why(void **state)
{
	char text[BRI_NL_WHY_MAX + 8];

	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t size = BRI_NL_WHY_MAX - 2; size <= sizeof(text); size++) {
		struct bri_nl_request req;
		struct bri_nl_exchange ex;
		struct nlmsgerr *error = bri_nl_request_init(
			&req, NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS, sizeof(*error));

		error->error = -EPERM;
		bri_nl_request_header(&req)->nlmsg_seq = 7;
		bri_nl_request_put(&req, NLMSGERR_ATTR_MSG, text, size);
		bri_nl_exchange_init(&ex, 7, 0);
		assert_int_equal(bri_nl_exchange_rx(&ex, req.bytes,
					 bri_nl_request_header(&req)->nlmsg_len, NULL, NULL),
			0);
		assert_int_equal(strlen(ex.why), bri_min_size(size, BRI_NL_WHY_MAX - 1));
		/* without the flag there are no attributes, whatever is there */
		bri_nl_request_header(&req)->nlmsg_flags = NLM_F_CAPPED;
		bri_nl_exchange_init(&ex, 7, 0);
		bri_nl_exchange_rx(
			&ex, req.bytes, bri_nl_request_header(&req)->nlmsg_len, NULL, NULL);
		assert_string_equal(ex.why, "");
	}
}

static size_t put_ack(uint8_t *at, uint32_t seq, uint32_t port, uint16_t type, int32_t code)
{
	struct nlmsghdr hdr = {
		.nlmsg_len = 36, .nlmsg_type = type, .nlmsg_seq = seq, .nlmsg_pid = port
	};

	memset(at, 0, 36);
	memcpy(at, &hdr, sizeof(hdr));
	memcpy(at + sizeof(hdr), &code, sizeof(code));
	return 36;
}

static void many_acknowledgements(void **state)
{
	_Alignas(8) uint8_t bytes[512];
	struct bri_nl_acks acks;
	size_t size = 0;
	int results[3];

	(void)state;
	bri_nl_acks_init(&acks, UINT32_MAX, 42, results, 3); /* the numbers wrap */
	size += put_ack(bytes + size, 1, 42, NLMSG_ERROR, 0);
	size += put_ack(bytes + size, 2, 42, NLMSG_ERROR, -EPERM);            /* after ours */
	size += put_ack(bytes + size, UINT32_MAX - 1, 42, NLMSG_ERROR, -EIO); /* before ours */
	size += put_ack(bytes + size, 0, 41, NLMSG_ERROR, -EIO);              /* another's */
	size += put_ack(bytes + size, 0, 42, RTM_NEWRULE, -EIO);              /* an answer */
	assert_int_equal(bri_nl_acks_rx(&acks, bytes, size), 0);
	assert_int_equal(acks.left, 2);
	size = put_ack(bytes, 1, 42, NLMSG_ERROR, -EIO); /* a second time: the first holds */
	size += put_ack(bytes + size, 0, 42, NLMSG_ERROR, -ESRCH);
	assert_int_equal(bri_nl_acks_rx(&acks, bytes, size), 0);
	assert_int_equal(acks.left, 1);
	assert_int_equal(results[0], BRI_NL_ACK_NONE);
	assert_int_equal(results[1], -ESRCH);
	assert_int_equal(results[2], 0);
	size = put_ack(bytes, UINT32_MAX, 42, NLMSG_ERROR, 1);
	assert_int_equal(bri_nl_acks_rx(&acks, bytes, size), -EBADMSG);
	assert_int_equal(bri_nl_acks_rx(&acks, bytes, size - 1), -EBADMSG);
	assert_int_equal(bri_nl_acks_rx(&acks, bytes, 7), -EBADMSG);
	assert_int_equal(acks.left, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subflow_commands),
		cmocka_unit_test(address_commands),
		cmocka_unit_test(endpoint_commands),
		cmocka_unit_test(rule_requests),
		cmocka_unit_test(refused_rules),
		cmocka_unit_test(route_requests),
		cmocka_unit_test(refused_routes),
		cmocka_unit_test(required_parts),
		cmocka_unit_test(optional_parts),
		cmocka_unit_test(mixed_families),
		cmocka_unit_test(why),
		cmocka_unit_test(long_why),
		cmocka_unit_test(many_acknowledgements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
