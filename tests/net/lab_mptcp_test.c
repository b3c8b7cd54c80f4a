/*
 * The kernel's own Multipath TCP in a lab: seen by its counters and by what each path carried.
 * Knows nothing of libNetwork or braidd.
 */
#include "lab_util.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define MPTCP_SIZE (6u << 20)

static uint64_t mib(struct bri_lab *lab, enum bri_lab_side side, const char *name)
{
	uint64_t value = 0;

	if (bri_lab_mib(lab, side, name, &value) < 0)
		fail_msg("no counter %s", name);
	return value;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_mptcp_uses_both_paths, close_lab),
		cmocka_unit_test_teardown(test_mptcp_backup_stays_idle, close_lab),
		cmocka_unit_test_teardown(test_mptcp_off, close_lab),
	};
	int r = lab_begin();

	return r ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
