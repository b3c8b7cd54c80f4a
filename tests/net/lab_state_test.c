/*
 * A path of the lab goes silent, down and up, and loses its address, when told or at its time: what
 * the kernel and programs inside see of it. Knows no rates and no Multipath TCP.
 */
#include "lab_util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_states, close_lab),
		cmocka_unit_test_teardown(test_ipv6, close_lab),
		cmocka_unit_test_teardown(test_events_run_on_time, close_lab),
	};
	int r = lab_begin();

	return r ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
