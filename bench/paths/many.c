/* Thousands of idle connections: what they cost braidd, and how soon all of them are moved. */
#include <errno.h>
#include <inttypes.h>
#include <linux/mptcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "braidd.h"
#include "measures.h"
#include "report.h"

#ifndef SOL_MPTCP
#define SOL_MPTCP 284
#endif

#define MS          BRI_NS_PER_MS
#define S           BRI_NS_PER_S
#define CONNECTIONS 2000u
#define IDLE_NS     (10 * S)
#define SETTLE_NS   (3 * S)
#define JOIN_NS     (30 * S)
#define MOVE_NS     (30 * S)
#define AT_ONCE     50u /* asked in a millisecond: more at a time measures the emulator's rings */

/* The queues hold a packet of every connection: what is measured is not a queue's overflow. */
static const struct bed_path wide[] = { { .rtt_ms = 20, .mbit = 100, .queue_bytes = 4u << 20 },
	{ .rtt_ms = 60, .mbit = 100, .queue_bytes = 4u << 20 } };

static int allow_files(uint32_t connections)
{
	rlim_t want = 2 * (rlim_t)connections + 100;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max < want)
		return report_fail("the limit of open files is %" PRIu64 ", not %" PRIu64,
			(uint64_t)limit.rlim_max, (uint64_t)want);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	return 0;
}

/* How many have a second subflow. */
static uint32_t count_joined(const struct pair pairs[], uint32_t n)
{
	uint32_t joined = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct mptcp_info info = { 0 };
		socklen_t size = sizeof(info);

		if (getsockopt(pairs[i].client, SOL_MPTCP, MPTCP_INFO, &info, &size) == 0)
			joined += info.mptcpi_subflows > 0;
	}
	return joined;
}

static int await_joins(const struct pair pairs[], uint32_t n)
{
	uint64_t start_ns = bri_clock_now_ns(), now_ns = start_ns;
	uint32_t joined = 0;

	while ((joined = count_joined(pairs, n)) < n && now_ns < start_ns + JOIN_NS) {
		now_ns += 100 * MS;
		bed_wait_until(now_ns);
	}
	report_integer("joined", joined);
	report_number("join_s", (double)(bri_clock_now_ns() - start_ns) / (double)S);
	return 0;
}

static int add(int epoll, int fd, uint64_t data)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = data };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int watch_all(int epoll, const struct pair pairs[], uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		/* the lowest bit tells a client */
		int r = add(epoll, pairs[i].client, (uint64_t)pairs[i].client << 1 | 1);

		if (!r)
			r = add(epoll, pairs[i].server, (uint64_t)pairs[i].server << 1);
		if (r)
			return report_fail("epoll: %s", strerror(-r));
	}
	return 0;
}

/* A byte came: the server sends it back. Returns 1 for an answer at the client. */
static uint32_t handle(uint64_t data)
{
	int fd = (int)(data >> 1);
	uint8_t byte;

	if (recv(fd, &byte, 1, MSG_DONTWAIT) != 1)
		return 0;
	if (data & 1)
		return 1;
	(void)send(fd, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	return 0;
}

struct echoes {
	uint32_t answered;
	uint64_t half_ns, last_ns; /* when half of them, and the last that came, were answered */
};

/* Asks the next ones. */
static uint32_t ask_some(const struct pair pairs[], uint32_t asked, uint32_t n)
{
	uint32_t end = n - asked < AT_ONCE ? n : asked + AT_ONCE;

	for (; asked < end; asked++)
		(void)send(pairs[asked].client, "e", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	return end;
}

/* One byte there and back on each connection. */
static void echo_all(
	int epoll, const struct pair pairs[], uint32_t n, uint64_t max_ns, struct echoes *ret)
{
	uint64_t start_ns = bri_clock_now_ns(), now_ns = start_ns, next_ns = start_ns;
	struct epoll_event events[256];
	uint32_t asked = 0;

	*ret = (struct echoes) { 0 };
	while (ret->answered < n && now_ns < start_ns + max_ns) {
		int k;

		if (asked < n && now_ns >= next_ns) {
			asked = ask_some(pairs, asked, n);
			next_ns = now_ns + MS;
		}
		k = epoll_wait(epoll, events, 256, asked < n ? 1 : 100);
		now_ns = bri_clock_now_ns();
		for (int i = 0; i < k; i++) {
			if (!handle(events[i].data.u64))
				continue;
			ret->answered++;
			ret->last_ns = now_ns;
			if (ret->answered == n / 2)
				ret->half_ns = now_ns;
		}
	}
}

static int measure_cost(const struct bed *bed, uint32_t n, const struct braidd_cost *before)
{
	struct braidd_cost first, last;
	/* what the setup left to do is the setup's cost, which is told by itself */
	uint64_t start_ns = bri_clock_now_ns() + SETTLE_NS;

	bed_wait_until(start_ns);
	if (braidd_cost(bed, &first) < 0)
		return -1;
	bed_wait_until(start_ns + IDLE_NS);
	if (braidd_cost(bed, &last) < 0)
		return -1;
	report_number(
		"cpu_percent", 100 * (double)(last.cpu_ms - first.cpu_ms) / (double)(IDLE_NS / MS));
	report_integer("setup_cpu_ms", first.cpu_ms - before->cpu_ms);
	report_number("rss_per_connection",
		((double)last.rss_bytes - (double)before->rss_bytes) / (double)n);
	return 0;
}

static int move_all(struct bed *bed, int epoll, const struct pair pairs[], uint32_t n)
{
	struct echoes echoes;
	uint64_t down_ns;

	echo_all(epoll, pairs, n, 10 * S, &echoes);
	if (echoes.answered < n)
		return report_fail("only %u of %u answered before the failure", echoes.answered, n);
	down_ns = bri_clock_now_ns();
	if (bed_set(bed, "wlan down") < 0)
		return -1;
	echo_all(epoll, pairs, n, MOVE_NS, &echoes);
	report_integer("moved", echoes.answered);
	report_number(
		"half_ms", echoes.half_ns ? (double)(echoes.half_ns - down_ns) / (double)MS : 0);
	report_number("all_ms",
		(double)(echoes.answered == n ? echoes.last_ns - down_ns : MOVE_NS) / (double)MS);
	if (echoes.answered < n)
		return 0;
	/* a connection that still tries the lost path first is told by the second time */
	down_ns = bri_clock_now_ns();
	echo_all(epoll, pairs, n, MOVE_NS, &echoes);
	report_number("second_ms", (double)(bri_clock_now_ns() - down_ns) / (double)MS);
	return 0;
}

int measure_many(const struct measure *measure, const struct options *options)
{
	uint32_t n = options->connections ? options->connections : CONNECTIONS;
	struct pair *pairs = calloc(n, sizeof(*pairs));
	struct braidd_cost before = { 0 };
	uint64_t start_ns;
	struct bed bed;
	int epoll = epoll_create1(EPOLL_CLOEXEC), r;

	(void)measure;
	if (!pairs || epoll < 0)
		return report_fail("%s", strerror(pairs ? errno : ENOMEM));
	r = bed_open(&bed, options, "handover", wide, 2);
	if (!r)
		r = allow_files(n);
	if (!r && bed.braidd)
		r = braidd_cost(&bed, &before);
	start_ns = bri_clock_now_ns();
	if (!r) {
		r = bed_connect_many(&bed, n, pairs);
		report_integer("connections", n);
		report_number("connect_s", (double)(bri_clock_now_ns() - start_ns) / (double)S);
	}
	if (!r)
		r = await_joins(pairs, n);
	if (!r && bed.braidd)
		r = measure_cost(&bed, n, &before);
	if (!r)
		r = watch_all(epoll, pairs, n);
	if (!r)
		r = move_all(&bed, epoll, pairs, n);
	if (!r)
		r = bed_check(&bed, pairs[0].client);
	close(epoll);
	if (bed_close(&bed) < 0)
		r = -1;
	free(pairs); /* the descriptors go with the process */
	return r;
}
