/* Made-up looks for the tests of `braid monitor`. */
#ifndef BRI_MONITOR_UTIL_H
#define BRI_MONITOR_UTIL_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>
#include "cli/monitor.h"

#define SECOND BRI_NS_PER_S
#define WALL   (UINT64_C(1700000000) * BRI_NS_PER_S)

static inline struct bri_monitor_addr v4(uint8_t net, uint8_t host, uint16_t port)
{
	return (struct bri_monitor_addr) { .ip = { AF_INET, { 10, net, 0, host } }, .port = port };
}

static inline struct bri_monitor_addr v6(uint8_t net, uint8_t host, uint16_t port)
{
	struct bri_monitor_addr addr = { .ip = { AF_INET6, { 0x20, 1, 0x0d, 0xb8 } },
		.port = port };

	addr.ip.bytes[4] = 0x12;
	addr.ip.bytes[5] = 0x34;
	addr.ip.bytes[7] = net;
	addr.ip.bytes[9] = 0xab;
	addr.ip.bytes[11] = 0xcd;
	addr.ip.bytes[13] = 0xef;
	addr.ip.bytes[15] = host;
	return addr;
}

struct look {
	struct bri_monitor_snapshot snapshot;
	struct bri_monitor_model model;
};

static inline void begin_look(struct look *l, uint64_t now_ns)
{
	bri_monitor_snapshot_clear(&l->snapshot);
	l->snapshot.now_ns = now_ns;
	l->snapshot.wall_ns = WALL + now_ns;
}

/* A connection number n: token 1000 + n, cookie 10 * n. */
static inline struct bri_monitor_connection connection(uint32_t n, const char *program)
{
	struct bri_monitor_connection c = {
		.cookie = 10 * n,
		.token = 1000 + n,
		.inode = n,
		.state = 1,
		.local = v4(1, 2, (uint16_t)(5000 + n)),
		.remote = v4(99, 1, 443),
		.pid = (int32_t)n,
	};

	snprintf(c.program, sizeof(c.program), "%s", program);
	return c;
}

static inline void add(struct look *l, const struct bri_monitor_connection *c)
{
	assert_int_equal(bri_monitor_snapshot_add(&l->snapshot, c), 0);
}

static inline void seal(struct look *l)
{
	assert_int_equal(bri_monitor_snapshot_seal(&l->snapshot), 0);
}

/* Subflow k of connection n over interface "ifK". */
static inline struct bri_monitor_subflow subflow(
	const struct look *l, uint32_t n, uint32_t k, uint64_t tx, uint64_t rx)
{
	struct bri_monitor_subflow s = {
		.cookie = 10 * n + k + 1,
		.state = 1,
		.local_id = (uint8_t)k,
		.local = v4((uint8_t)(k + 1), 2, (uint16_t)(5000 + n)),
		.remote = v4(99, 1, 443),
		.rtt_us = 20000 * (k + 1),
		.tx_bytes = tx,
		.rx_bytes = rx,
	};

	s.owner = bri_monitor_snapshot_owner(&l->snapshot, 1000 + n, &s.local, &s.remote);
	snprintf(s.interface, sizeof(s.interface), "if%u", k);
	return s;
}

static inline void put(struct look *l, const struct bri_monitor_subflow *s)
{
	assert_int_equal(bri_monitor_snapshot_add_subflow(&l->snapshot, s), 0);
}

static inline void put_subflow(struct look *l, uint32_t n, uint32_t k, uint64_t tx, uint64_t rx)
{
	struct bri_monitor_subflow s = subflow(l, n, k, tx, rx);

	put(l, &s);
}

static inline void end_look(struct look *l)
{
	assert_int_equal(bri_monitor_model_update(&l->model, &l->snapshot), 0);
}

static inline void init_look(struct look *l)
{
	memset(l, 0, sizeof(*l));
	assert_int_equal(bri_monitor_model_init(&l->model), 0);
}

static inline void fini_look(struct look *l)
{
	bri_monitor_snapshot_fini(&l->snapshot);
	bri_monitor_model_fini(&l->model);
}

#endif
