/*
 * The network in a box against the real kernel: what is configured is what is measured. Every case
 * opens its own lab; the effect is seen by programs inside and by the kernel's counters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "base/clock.h"
#include "lab/lab.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define PORT       7007
#define MS         BRI_NS_PER_MS
#define CHILD_MS   20000
#define MPTCP_SIZE (6u << 20)

/* What processes inside tell the test: shared by fork. */
struct shared {
	int ready;
	uint64_t min_ns, first_ns, last_ns, bytes, sum;
	uint32_t n, n_lost;
	uint8_t seen[4096];
	pid_t pids[2], bystander;
	char id[64];
};

static struct shared *shared;

/* IPv6 tells its multicast groups a few times after a link has come up: such frames are counted
 * beside those of the test. */
#define NOISE 6

static struct bri_lab_config two_paths(void)
{
	struct bri_lab_config c = { .seed = 7, .n_paths = 2 };

	memcpy(c.paths[0].name, "wlan", 5);
	memcpy(c.paths[1].name, "wwan", 5);
	for (int d = 0; d < 2; d++) {
		c.paths[0].link[d] = (struct bri_lab_link) { .delay_ns = 10 * MS };
		c.paths[1].link[d] = (struct bri_lab_link) { .delay_ns = 30 * MS };
	}
	return c;
}

static struct bri_lab *opened; /* closed after each test, also one that failed */

static int close_lab(void **state)
{
	(void)state;
	bri_lab_close(opened);
	opened = NULL;
	return 0;
}

static struct bri_lab *open_lab(const struct bri_lab_config *config)
{
	struct bri_lab *lab = NULL;
	char why[256] = "";

	memset(shared, 0, sizeof(*shared));
	if (bri_lab_open_why(config, why, sizeof(why), &lab) < 0)
		fail_msg("lab: %s", why);
	opened = lab;
	return lab;
}

static struct sockaddr_in address4(const char *text, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	assert_int_equal(inet_pton(AF_INET, text, &a.sin_addr), 1);
	return a;
}

/* A UDP socket inside (in a child): bound to `local`, connected to the service if `peer`. */
static int udp_socket(const char *local, uint16_t port, const char *peer)
{
	struct timeval timeout = { .tv_usec = 200000 };
	struct sockaddr_in a = address4(local, port);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int bytes = 4 << 20;

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (!peer)
		return fd;
	a = address4(peer, PORT);
	return connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? -1 : fd;
}

static void say_ready(void)
{
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
}

static void wait_ready(void)
{
	uint64_t until_ns = bri_clock_now_ns() + CHILD_MS * MS;

	while (!__atomic_load_n(&shared->ready, __ATOMIC_ACQUIRE)) {
		if (bri_clock_now_ns() > until_ns)
			fail_msg("the process inside did not get ready");
		poll(NULL, 0, 1);
	}
}

static int run_echo(void *context)
{
	int fd = udp_socket(BRI_LAB_SERVICE4, PORT, NULL);
	struct sockaddr_in from;
	char buffer[2048];

	(void)context;
	say_ready();
	for (uint64_t end_ns = bri_clock_now_ns() + CHILD_MS * MS; bri_clock_now_ns() < end_ns;) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&from, &len);

		if (n > 0)
			(void)sendto(fd, buffer, (size_t)n, 0, (struct sockaddr *)&from, len);
	}
	return 0;
}

static void start_echo(struct bri_lab *lab)
{
	pid_t pid;

	assert_int_equal(bri_lab_fork(lab, BRI_LAB_SERVER, run_echo, NULL, &pid), 0);
	wait_ready();
}

/* Five pings from the local address `context`; exit code: how many were answered. */
static int run_pings(void *context)
{
	int fd = udp_socket(context, 0, BRI_LAB_SERVICE4);
	char buffer[64] = "ping";
	int answered = 0;

	if (fd < 0)
		return 100 + errno % 100;
	shared->min_ns = BRI_NEVER;
	for (int i = 0; i < 5; i++) {
		uint64_t sent_ns = bri_clock_now_ns();

		if (send(fd, buffer, sizeof(buffer), 0) < 0 ||
			recv(fd, buffer, sizeof(buffer), 0) < 0)
			continue;
		answered++;
		shared->min_ns = bri_min_u64(shared->min_ns, bri_clock_now_ns() - sent_ns);
	}
	close(fd);
	return answered;
}

static int inside(struct bri_lab *lab, enum bri_lab_side side, int (*fn)(void *), void *context)
{
	pid_t pid;
	int r = bri_lab_fork(lab, side, fn, context, &pid);

	return r < 0 ? r : bri_lab_wait(lab, pid, CHILD_MS);
}

static int ping(struct bri_lab *lab, uint32_t path)
{
	static char addresses[2][16] = { "10.10.0.2", "10.11.0.2" };

	return inside(lab, BRI_LAB_CLIENT, run_pings, addresses[path]);
}

static uint64_t mib(struct bri_lab *lab, enum bri_lab_side side, const char *name)
{
	uint64_t value = 0;

	if (bri_lab_mib(lab, side, name, &value) < 0)
		fail_msg("no counter %s", name);
	return value;
}

static struct bri_lab_stats stats_of(struct bri_lab *lab, uint32_t path)
{
	struct bri_lab_stats stats;

	assert_int_equal(bri_lab_stats(lab, path, &stats), 0);
	return stats;
}

/* Never shorter than configured; and not longer, but for a machine busy with something else: then
 * the smallest of up to thirty counts. */
static void assert_round_trip(struct bri_lab *lab, uint32_t path, uint64_t want_ns, unsigned *ret_n)
{
	uint64_t min_ns = BRI_NEVER;

	*ret_n = 0;
	for (int i = 0; i < 6 && min_ns > want_ns + 2 * MS; i++) {
		assert_int_equal(ping(lab, path), 5);
		assert_true(shared->min_ns >= want_ns);
		min_ns = bri_min_u64(min_ns, shared->min_ns);
		*ret_n += 5;
	}
	assert_in_range(min_ns, want_ns, want_ns + 2 * MS);
}

static void test_round_trip(void **state)
{
	unsigned n[2];
	struct bri_lab_config config = two_paths();
	struct bri_lab *lab = open_lab(&config);

	(void)state;
	start_echo(lab);
	assert_round_trip(lab, 0, 20 * MS, &n[0]);
	assert_round_trip(lab, 1, 60 * MS, &n[1]);
	/* each on its own path, by the routing of its source address */
	assert_in_range(stats_of(lab, 0).direction[BRI_LAB_TO_SERVER].frames, n[0], n[0] + NOISE);
	assert_in_range(stats_of(lab, 1).direction[BRI_LAB_TO_CLIENT].frames, n[1], n[1] + NOISE);
	/* one direction slower, while running */
	assert_int_equal(bri_lab_set_text(lab, "wlan to-client delay 50ms"), 0);
	assert_round_trip(lab, 0, 60 * MS, &n[0]);
}

static int run_sink(void *context)
{
	int fd = udp_socket(BRI_LAB_SERVICE4, PORT, NULL);
	uint32_t number;
	char buffer[2048];
	unsigned idle = 0;

	(void)context;
	say_ready();
	while (idle < 5) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

		if (n < (ssize_t)sizeof(number)) {
			idle += shared->n > 0;
			continue;
		}
		idle = 0;
		memcpy(&number, buffer, sizeof(number));
		if (number < sizeof(shared->seen))
			shared->seen[number] = 1;
		shared->last_ns = bri_clock_now_ns();
		if (!shared->n++)
			shared->first_ns = shared->last_ns;
		else
			shared->bytes += (uint64_t)n;
	}
	return 0;
}

struct burst {
	uint32_t n, size, pause_every;
	uint64_t pause_ns;
};

static int run_burst(void *context)
{
	const struct burst *burst = context;
	int fd = udp_socket("10.10.0.2", 0, BRI_LAB_SERVICE4);
	struct timespec pause = { 0, (long)burst->pause_ns };
	char buffer[1472] = { 0 };

	for (uint32_t i = 0; i < burst->n; i++) {
		memcpy(buffer, &i, sizeof(i));
		if (send(fd, buffer, burst->size, 0) < 0)
			return 1;
		if (burst->pause_every && i % burst->pause_every == 0)
			nanosleep(&pause, NULL); /* the pace is the test's, not a wait */
	}
	return 0;
}

/* Runs a burst from the client; returns when the sink has heard nothing more for a second. */
static void burst_into_sink(struct bri_lab *lab, struct burst burst)
{
	pid_t sink;

	assert_int_equal(bri_lab_fork(lab, BRI_LAB_SERVER, run_sink, NULL, &sink), 0);
	wait_ready();
	assert_int_equal(inside(lab, BRI_LAB_CLIENT, run_burst, &burst), 0);
	assert_int_equal(bri_lab_wait(lab, sink, CHILD_MS), 0);
}

static void test_rate(void **state)
{
	struct bri_lab_config config = two_paths();
	struct bri_lab *lab;
	uint64_t bits;
	double mbit;

	(void)state;
	config.paths[0].link[BRI_LAB_TO_SERVER].rate_bps = 10000000;
	config.paths[0].link[BRI_LAB_TO_SERVER].queue_bytes = 4 << 20;
	lab = open_lab(&config);
	burst_into_sink(lab,
		(struct burst) { .n = 800, .size = 1400, .pause_every = 40, .pause_ns = 1 * MS });
	assert_int_equal(shared->n, 800);
	bits = (shared->bytes + 42 * (uint64_t)(shared->n - 1)) * 8; /* with the headers */
	mbit = (double)bits * 1000 / (double)(shared->last_ns - shared->first_ns);
	if (mbit < 9.0 || mbit > 11.0)
		fail_msg("%.2f Mbit/s through 10", mbit);
}

static void test_queue_limit(void **state)
{
	struct bri_lab_config config = two_paths();
	struct bri_lab_direction_stats stats;
	struct bri_lab *lab;

	(void)state;
	config.paths[0].link[BRI_LAB_TO_SERVER].rate_bps = 1000000;
	config.paths[0].link[BRI_LAB_TO_SERVER].queue_bytes = 10000;
	lab = open_lab(&config);
	burst_into_sink(lab, (struct burst) { .n = 100, .size = 958 }); /* 1000 with headers */
	stats = stats_of(lab, 0).direction[BRI_LAB_TO_SERVER];
	assert_in_range(stats.frames + stats.dropped_queue, 100, 100 + NOISE);
	assert_in_range(stats.frames, shared->n, shared->n + NOISE);
	/* ten fit; 8 ms each, so a burst that takes long lets a few more in */
	assert_in_range(shared->n, 10, 14);
	assert_in_range(stats.bytes, shared->n * 1000, shared->n * 1000 + NOISE * 150);
}

static void lose(uint64_t seed, uint8_t seen[static 2000], uint64_t *ret_hash)
{
	struct bri_lab_config config = two_paths();
	struct bri_lab_direction_stats stats;
	struct bri_lab *lab;

	config.seed = seed;
	config.paths[0].link[BRI_LAB_TO_SERVER].loss_ppm = 200000;
	lab = open_lab(&config);
	burst_into_sink(lab, (struct burst) { .n = 2000,
				     .size = 100,
				     .pause_every = 20,
				     .pause_ns = 500 * BRI_NS_PER_US });
	stats = stats_of(lab, 0).direction[BRI_LAB_TO_SERVER];
	assert_int_equal(stats.overrun, 0);
	assert_in_range(stats.dropped_loss + shared->n, 2000, 2000 + NOISE);
	assert_in_range(stats.dropped_loss, 310, 490); /* 400, five standard deviations */
	memcpy(seen, shared->seen, 2000);
	*ret_hash = stats.loss_hash;
	close_lab(NULL);
}

static void test_loss_is_reproducible(void **state)
{
	static uint8_t a[2000], b[2000], c[2000];
	uint64_t hash_a, hash_b, hash_c;

	(void)state;
	lose(42, a, &hash_a);
	lose(42, b, &hash_b);
	lose(43, c, &hash_c);
	assert_memory_equal(a, b, sizeof(a));
	assert_true(hash_a == hash_b);
	assert_memory_not_equal(a, c, sizeof(a));
	assert_true(hash_a != hash_c);
}

/* Exit code: 1 up, 2 running (carrier), 4 an IPv4 address, 8 a route to the service from it. */
static int run_link_facts(void *context)
{
	struct ifreq request = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), facts = 0;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", (const char *)context);
	if (ioctl(fd, SIOCGIFFLAGS, &request) == 0)
		facts |= (request.ifr_flags & IFF_UP ? 1 : 0) |
			 (request.ifr_flags & IFF_RUNNING ? 2 : 0);
	if (ioctl(fd, SIOCGIFADDR, &request) == 0)
		facts |= 4;
	close(fd);
	fd = udp_socket("10.10.0.2", 0, BRI_LAB_SERVICE4);
	if (fd >= 0)
		facts |= 8;
	close(fd);
	return facts;
}

static int link_facts(struct bri_lab *lab)
{
	static char name[] = "wlan";

	return inside(lab, BRI_LAB_CLIENT, run_link_facts, name);
}

/* With the first path's routes gone, traffic from its address may not leave by the other one: that
 * is what a packet filter sees. So: does the path carry? */
static void test_states(void **state)
{
	struct bri_lab_config config = two_paths();
	struct bri_lab *lab = open_lab(&config);

	(void)state;
	start_echo(lab);
	assert_int_equal(link_facts(lab), 15);
	assert_int_equal(ping(lab, 0), 5);

	assert_int_equal(bri_lab_set_text(lab, "wlan silent"), 0);
	assert_int_equal(link_facts(lab), 15); /* nobody is told */
	assert_int_equal(ping(lab, 0), 0);
	assert_in_range(stats_of(lab, 0).direction[BRI_LAB_TO_SERVER].dropped_state, 5, 5 + NOISE);
	assert_int_equal(stats_of(lab, 0).state, BRI_LAB_SILENT);
	assert_int_equal(ping(lab, 1), 5);
	assert_int_equal(bri_lab_set_text(lab, "wlan up"), 0);
	assert_int_equal(ping(lab, 0), 5);

	assert_int_equal(bri_lab_set_text(lab, "wlan down"), 0);
	assert_int_equal(link_facts(lab) & 3, 0);
	assert_int_equal(ping(lab, 1), 5);
	assert_int_equal(bri_lab_set_text(lab, "wlan up"), 0);
	assert_int_equal(link_facts(lab), 15);
	assert_int_equal(ping(lab, 0), 5);

	assert_int_equal(bri_lab_set_text(lab, "wlan deladdr"), 0);
	assert_int_equal(link_facts(lab), 3);
	assert_int_equal(ping(lab, 0), 100 + EADDRNOTAVAIL % 100);
	assert_false(stats_of(lab, 0).address);
	/* down and up again does not bring back what was removed */
	assert_int_equal(bri_lab_set_text(lab, "wlan down"), 0);
	assert_int_equal(bri_lab_set_text(lab, "wlan up"), 0);
	assert_int_equal(link_facts(lab), 3);
	assert_int_equal(bri_lab_set_text(lab, "wlan addaddr"), 0);
	assert_int_equal(link_facts(lab), 15);
	assert_int_equal(ping(lab, 0), 5);
}

/* IPv6: both addresses there, and back after down and up. */
static int run_ping6(void *context)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	inet_pton(AF_INET6, context, &a.sin6_addr);
	a.sin6_port = 0;
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return 1;
	a.sin6_port = htons(PORT);
	inet_pton(AF_INET6, BRI_LAB_SERVICE6, &a.sin6_addr);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return 2;
	return send(fd, "ping", 4, 0) == 4 ? 0 : 3;
}

static void test_ipv6(void **state)
{
	static char addresses[2][8] = { "fd10::2", "fd11::2" };
	struct bri_lab_config config = two_paths();
	struct bri_lab *lab;

	(void)state;
	if (access("/proc/net/if_inet6", F_OK) < 0)
		skip();
	lab = open_lab(&config);
	for (int i = 0; i < 2; i++)
		assert_int_equal(inside(lab, BRI_LAB_CLIENT, run_ping6, addresses[i]), 0);
	assert_int_equal(bri_lab_set_state(lab, 1, BRI_LAB_DOWN), 0);
	assert_int_equal(inside(lab, BRI_LAB_CLIENT, run_ping6, addresses[1]), 1);
	assert_int_equal(bri_lab_set_state(lab, 1, BRI_LAB_UP), 0);
	assert_int_equal(inside(lab, BRI_LAB_CLIENT, run_ping6, addresses[1]), 0);
}

static void test_events_run_on_time(void **state)
{
	struct bri_lab_event events[] = {
		{ .at_ns = 150 * MS,
			.path = 1,
			.change = { .set = BRI_LAB_SET_STATE, .state = BRI_LAB_SILENT } },
		{ .at_ns = 400 * MS,
			.path = 1,
			.change = { .set = BRI_LAB_SET_STATE, .state = BRI_LAB_UP } },
	};
	struct bri_lab_config config = two_paths();
	uint64_t start_ns, silent_ns = 0, up_ns = 0;
	struct bri_lab *lab;

	(void)state;
	config.events = events;
	config.n_events = BRI_LEN(events);
	lab = open_lab(&config);
	assert_int_equal(stats_of(lab, 1).state, BRI_LAB_UP);
	assert_int_equal(bri_lab_start(lab), 0);
	start_ns = bri_clock_now_ns();
	while (!up_ns && bri_clock_now_ns() < start_ns + 5000 * MS) {
		enum bri_lab_state now = stats_of(lab, 1).state;

		if (now == BRI_LAB_SILENT && !silent_ns)
			silent_ns = bri_clock_now_ns() - start_ns;
		if (now == BRI_LAB_UP && silent_ns)
			up_ns = bri_clock_now_ns() - start_ns;
	}
	/* the clock started a moment before our own */
	assert_in_range(silent_ns, 145 * MS, 200 * MS);
	assert_in_range(up_ns, 395 * MS, 450 * MS);
}

static int run_mptcp_server(void *context)
{
	struct sockaddr_in a = address4(BRI_LAB_SERVICE4, PORT);
	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP), connection;
	static uint8_t buffer[65536];
	ssize_t n;

	(void)context;
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0)
		return 1;
	say_ready();
	connection = accept(fd, NULL, NULL);
	while ((n = read(connection, buffer, sizeof(buffer))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			shared->sum = shared->sum * 31 + buffer[i];
		shared->bytes += (uint64_t)n;
	}
	return n < 0 ? 2 : 0;
}

static int run_mptcp_client(void *context)
{
	struct sockaddr_in a = address4(BRI_LAB_SERVICE4, PORT);
	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
	static uint8_t buffer[65536];
	uint64_t *sum = context;

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return 1;
	for (uint32_t sent = 0; sent < MPTCP_SIZE; sent += sizeof(buffer)) {
		for (size_t i = 0; i < sizeof(buffer); i++)
			buffer[i] = (uint8_t)((sent + i) * 2654435761u >> 24);
		for (size_t at = 0; at < sizeof(buffer);) {
			ssize_t n = write(fd, buffer + at, sizeof(buffer) - at);

			if (n < 0)
				return 2;
			for (ssize_t i = 0; i < n; i++)
				*sum = *sum * 31 + buffer[at + (size_t)i];
			at += (size_t)n;
		}
	}
	shared->first_ns = *sum;
	close(fd);
	return 0;
}

/* Plain kernel MPTCP with its own path manager: both paths must carry a good part of the bytes. */
static void test_mptcp_uses_both_paths(void **state)
{
	struct bri_lab_config config = two_paths();
	uint64_t sum = 0, carried[2];
	struct bri_lab *lab;
	pid_t server;

	(void)state;
	for (int i = 0; i < 4; i++)
		config.paths[i / 2].link[i % 2].rate_bps = 20000000;
	config.mptcp_endpoints = true;
	lab = open_lab(&config);
	assert_int_equal(bri_lab_fork(lab, BRI_LAB_SERVER, run_mptcp_server, NULL, &server), 0);
	wait_ready();
	assert_int_equal(inside(lab, BRI_LAB_CLIENT, run_mptcp_client, &sum), 0);
	assert_int_equal(bri_lab_wait(lab, server, CHILD_MS), 0);
	assert_int_equal(shared->bytes, MPTCP_SIZE);
	assert_true(shared->sum == shared->first_ns);
	for (uint32_t i = 0; i < 2; i++) {
		carried[i] = stats_of(lab, i).direction[BRI_LAB_TO_SERVER].bytes;
		if (carried[i] < MPTCP_SIZE / 6)
			fail_msg("path %u carried %llu bytes", i, (unsigned long long)carried[i]);
	}
	assert_int_equal(mib(lab, BRI_LAB_SERVER, "MPCapableSYNRX"), 1);
	assert_int_equal(mib(lab, BRI_LAB_SERVER, "MPCapableFallbackACK"), 0);
	assert_int_equal(mib(lab, BRI_LAB_SERVER, "MPJoinAckRx"), 1);
	assert_int_equal(mib(lab, BRI_LAB_CLIENT, "MPJoinSynAckRx"), 1);
}

/* A backup path is for when nothing else is left. */
static void test_mptcp_backup_stays_idle(void **state)
{
	struct bri_lab_config config = two_paths();
	uint64_t sum = 0;
	struct bri_lab *lab;
	pid_t server;

	(void)state;
	for (int i = 0; i < 4; i++)
		config.paths[i / 2].link[i % 2].rate_bps = 50000000;
	config.mptcp_endpoints = true;
	config.paths[1].backup = true;
	lab = open_lab(&config);
	assert_int_equal(bri_lab_fork(lab, BRI_LAB_SERVER, run_mptcp_server, NULL, &server), 0);
	wait_ready();
	assert_int_equal(inside(lab, BRI_LAB_CLIENT, run_mptcp_client, &sum), 0);
	assert_int_equal(bri_lab_wait(lab, server, CHILD_MS), 0);
	assert_int_equal(shared->bytes, MPTCP_SIZE);
	assert_int_equal(mib(lab, BRI_LAB_SERVER, "MPJoinAckRx"), 1);
	assert_true(stats_of(lab, 1).direction[BRI_LAB_TO_SERVER].bytes < MPTCP_SIZE / 20);
}

static int run_mptcp_errno(void *context)
{
	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);

	(void)context;
	return fd < 0 ? errno : 0;
}

static void test_mptcp_off(void **state)
{
	struct bri_lab_config config = two_paths();
	struct bri_lab *lab;

	(void)state;
	config.mptcp_off = true;
	lab = open_lab(&config);
	assert_int_equal(inside(lab, BRI_LAB_CLIENT, run_mptcp_errno, NULL), ENOPROTOOPT);
	assert_int_equal(inside(lab, BRI_LAB_SERVER, run_mptcp_errno, NULL), ENOPROTOOPT);
}

static void on_alarm(int number)
{
	(void)number;
}

static void test_spawn(void **state)
{
	static const char *const later[] = { "sleep", "0.2", NULL };
	static const char *const yes[] = { "sh", "-c",
		"read line; echo $BRAID_LAB_SIDE $line; echo $BRAID_LAB >&2; exit 7", NULL };
	static const char *const none[] = { "/no-such-program", NULL };
	static const char *const forever[] = { "sleep", "1000", NULL };
	struct bri_lab_config config = two_paths();
	struct bri_lab *lab = open_lab(&config);
	int in[2], out[2], err[2];
	char text[128] = "";
	pid_t pid = -1;

	(void)state;
	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC) | pipe2(err, O_CLOEXEC), 0);
	assert_int_equal(write(in[1], "hello\n", 6), 6);
	assert_int_equal(bri_lab_spawn(lab, BRI_LAB_SERVER, yes,
				 &(struct bri_lab_stdio) { in[0], out[1], err[1] }, &pid),
		0);
	assert_int_equal(bri_lab_wait(lab, pid, CHILD_MS), 7);
	assert_int_equal(read(out[0], text, sizeof(text)), 13);
	assert_memory_equal(text, "server hello\n", 13);
	assert_true(read(err[0], text, sizeof(text)) > 1);
	assert_memory_equal(text, bri_lab_id(lab), strlen(bri_lab_id(lab)));
	for (int i = 0; i < 2; i++) {
		close(in[i]);
		close(out[i]);
		close(err[i]);
	}
	assert_int_equal(bri_lab_spawn(lab, BRI_LAB_CLIENT, none, NULL, &pid), -ENOENT);
	assert_int_equal(bri_lab_spawn(lab, BRI_LAB_CLIENT, none + 1, NULL, &pid), -EINVAL);
	assert_int_equal(bri_lab_spawn(lab, BRI_LAB_CLIENT, forever, NULL, &pid), 0);
	assert_int_equal(bri_lab_wait(lab, pid, 50), -ETIMEDOUT);
	/* a signal in the middle of waiting is no timeout */
	sigaction(SIGALRM, &(struct sigaction) { .sa_handler = on_alarm }, NULL);
	setitimer(ITIMER_REAL, &(struct itimerval) { .it_value.tv_usec = 30000 }, NULL);
	assert_int_equal(bri_lab_spawn(lab, BRI_LAB_CLIENT, later, NULL, &pid), 0);
	assert_int_equal(bri_lab_wait(lab, pid, CHILD_MS), 0);
	/* one more that nobody waits for: closing kills and reaps it */
	assert_int_equal(bri_lab_spawn(lab, BRI_LAB_CLIENT, forever, NULL, &pid), 0);
	close_lab(NULL);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nor is anything else left */
}

static void test_attach(void **state)
{
	struct bri_lab_change change = { .set = BRI_LAB_SET_LOSS, .link.loss_ppm = 1000001 };
	struct bri_lab_config config = two_paths();
	struct bri_lab *lab = open_lab(&config), *other = NULL;

	(void)state;
	assert_int_equal(bri_lab_attach("0-0-none", &other), -ENOENT);
	assert_int_equal(bri_lab_attach(bri_lab_id(lab), &other), 0);
	assert_int_equal(bri_lab_n_paths(other), 2);
	assert_string_equal(bri_lab_path_name(other, 1), "wwan");
	assert_null(bri_lab_path_name(other, 2));
	assert_int_equal(bri_lab_path(other, "eth"), -ENOENT);
	assert_int_equal(bri_lab_set_text(other, "wwan silent"), 0);
	assert_int_equal(stats_of(lab, 1).state, BRI_LAB_SILENT);
	assert_int_equal(bri_lab_set_text(other, "eth silent"), -ENOENT);
	assert_int_equal(bri_lab_set_text(other, "wwan asleep"), -EINVAL);
	assert_int_equal(bri_lab_set(other, 0, &change), -EINVAL);
	assert_int_equal(bri_lab_set_state(other, 2, BRI_LAB_UP), -ENOENT);
	bri_lab_close(other); /* the lab runs on */
	assert_int_equal(stats_of(lab, 1).state, BRI_LAB_SILENT);
	assert_int_equal(bri_lab_attach(bri_lab_id(lab), &other), 0);
	close_lab(NULL);
	assert_int_equal(bri_lab_set_state(other, 1, BRI_LAB_UP), -EPIPE);
	bri_lab_close(other);
}

static void test_bad_configs(void **state)
{
	struct bri_lab_config config = two_paths();
	struct bri_lab *lab = NULL;
	char why[100] = "";

	(void)state;
	config.n_paths = 0;
	assert_int_equal(bri_lab_open(&config, &lab), -EINVAL);
	assert_int_equal(bri_lab_open_why(&config, why, sizeof(why), &lab), -EINVAL);
	assert_string_equal(why, "a lab has 1 to 16 paths");
	assert_null(lab);
}

static void test_most_paths(void **state)
{
	struct bri_lab_config config = { .n_paths = BRI_LAB_MAX_PATHS, .mptcp_endpoints = true };
	struct bri_lab *lab;

	(void)state;
	for (uint32_t i = 0; i < BRI_LAB_MAX_PATHS; i++)
		snprintf(config.paths[i].name, sizeof(config.paths[i].name), "path-number-%u", i);
	lab = open_lab(&config);
	start_echo(lab);
	assert_int_equal(inside(lab, BRI_LAB_CLIENT, run_pings, (char[]) { "10.25.0.2" }), 5);
	assert_in_range(stats_of(lab, 15).direction[BRI_LAB_TO_SERVER].frames, 5, 5 + NOISE);
}

static int parent_of(pid_t pid)
{
	char path[64], line[512];
	FILE *file;
	int parent = -1;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	if (fgets(line, sizeof(line), file) && strrchr(line, ')'))
		(void)sscanf(strrchr(line, ')'), ") %*c %d", &parent);
	fclose(file);
	return parent;
}

/* Runs in a process of its own, which is killed: a lab with programs, and children of those. */
_Noreturn static void be_owner(void)
{
	static const char *const nested[] = { "sh", "-c", "setsid sleep 1000 & sleep 1000", NULL };
	struct bri_lab_config config = two_paths();
	struct bri_lab *lab;
	pid_t bystander;

	if (bri_lab_open(&config, &lab) < 0 ||
		bri_lab_spawn(lab, BRI_LAB_CLIENT, nested, NULL, &shared->pids[0]) < 0 ||
		bri_lab_spawn(lab, BRI_LAB_SERVER, nested, NULL, &shared->pids[1]) < 0)
		_exit(1);
	/* one outside that has copies of all our descriptors, the control socket too, and stays */
	bystander = fork();
	if (bystander > 0) {
		shared->bystander = bystander;
		snprintf(shared->id, sizeof(shared->id), "%s", bri_lab_id(lab));
		say_ready();
	}
	for (;;)
		pause();
}

static unsigned count_interfaces(void)
{
	struct if_nameindex *list = if_nameindex();
	unsigned n = 0;

	while (list && list[n].if_index)
		n++;
	if_freenameindex(list);
	return n;
}

static bool adopt(pid_t found[], size_t *n, size_t max, pid_t pid)
{
	int parent = parent_of(pid);

	for (size_t i = 0; i < *n; i++) {
		if (found[i] == pid)
			return false;
	}
	for (size_t i = 0; i < *n && *n < max; i++) {
		if (found[i] == parent) {
			found[(*n)++] = pid;
			return true;
		}
	}
	return false;
}

/* Every process below `root`, by /proc; pidfds, so that a later look is at the same ones. */
static size_t open_descendants(pid_t root, int fds[], size_t max)
{
	pid_t found[64] = { root };
	size_t n = 1;
	bool more = true;

	while (more) {
		DIR *dir = opendir("/proc");

		more = false;
		for (struct dirent *entry; dir && (entry = readdir(dir));) {
			pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

			if (pid > 0 && pid != shared->bystander)
				more |= adopt(found, &n, BRI_LEN(found), pid);
		}
		if (dir)
			closedir(dir);
	}
	for (size_t i = 1; i < n && i - 1 < max; i++)
		fds[i - 1] = (int)syscall(SYS_pidfd_open, found[i], 0);
	return n - 1;
}

static void test_nothing_is_left_after_kill(void **state)
{
	unsigned interfaces = count_interfaces();
	struct bri_lab *lab = NULL;
	size_t n, gone = 0;
	int fds[64];
	pid_t owner;

	(void)state;
	memset(shared, 0, sizeof(*shared));
	owner = fork();
	if (owner == 0)
		be_owner();
	wait_ready();
	assert_true(shared->bystander > 0);
	/* the emulator, two shells, and their sleeps as they appear */
	n = open_descendants(owner, fds, BRI_LEN(fds));
	assert_true(n >= 3);
	assert_int_equal(kill(owner, SIGKILL), 0);
	assert_int_equal(waitpid(owner, NULL, 0), owner);
	for (size_t i = 0; i < n; i++) {
		struct pollfd polled = { fds[i], POLLIN, 0 };

		gone += (size_t)poll(&polled, 1, 5000);
		close(fds[i]);
	}
	kill(shared->bystander, SIGKILL);
	assert_int_equal(gone, n);
	assert_int_equal(bri_lab_attach(shared->id, &lab), -ENOENT);
	assert_int_equal(count_interfaces(), interfaces);
}

/* Root is not needed: as root, become nobody and do it all again. */
static void test_ordinary_user(void **state)
{
	pid_t pid;
	int status = 0;

	(void)state;
	if (geteuid() != 0)
		return; /* all of the others have just shown it */
	memset(shared, 0, sizeof(*shared));
	pid = fork();
	if (pid == 0) {
		struct bri_lab_config config = two_paths();
		struct bri_lab *lab;
		char why[256] = "";
		pid_t echo;

		if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
			_exit(90);
		(void)prctl(PR_SET_DUMPABLE, 1UL); /* as a program started by that user is */
		if (bri_lab_open_why(&config, why, sizeof(why), &lab) < 0) {
			print_message("ordinary user: %s\n", why);
			_exit(91);
		}
		if (bri_lab_fork(lab, BRI_LAB_SERVER, run_echo, NULL, &echo) < 0)
			_exit(92);
		wait_ready();
		status = ping(lab, 0) * 10 + ping(lab, 1);
		bri_lab_close(lab);
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 90)
		skip(); /* root of a namespace with one id only */
	assert_int_equal(WEXITSTATUS(status), 55);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_round_trip, close_lab),
		cmocka_unit_test_teardown(test_rate, close_lab),
		cmocka_unit_test_teardown(test_queue_limit, close_lab),
		cmocka_unit_test_teardown(test_loss_is_reproducible, close_lab),
		cmocka_unit_test_teardown(test_states, close_lab),
		cmocka_unit_test_teardown(test_ipv6, close_lab),
		cmocka_unit_test_teardown(test_events_run_on_time, close_lab),
		cmocka_unit_test_teardown(test_mptcp_uses_both_paths, close_lab),
		cmocka_unit_test_teardown(test_mptcp_backup_stays_idle, close_lab),
		cmocka_unit_test_teardown(test_mptcp_off, close_lab),
		cmocka_unit_test_teardown(test_spawn, close_lab),
		cmocka_unit_test_teardown(test_attach, close_lab),
		cmocka_unit_test_teardown(test_bad_configs, close_lab),
		cmocka_unit_test_teardown(test_most_paths, close_lab),
		cmocka_unit_test_teardown(test_nothing_is_left_after_kill, close_lab),
		cmocka_unit_test_teardown(test_ordinary_user, close_lab),
	};
	const char *required = getenv("BRAID_REQUIRE_ALL");
	char why[256];

	if (!bri_lab_supported(why, sizeof(why))) {
		print_message("skipped: %s\n", why);
		return required && !strcmp(required, "1") ? 1 : 77;
	}
	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
