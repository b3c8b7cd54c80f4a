/* See lab_util.h. */
#include "lab_util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"

struct shared *shared;
static struct bri_lab *opened; /* closed after each test, also one that failed */

struct bri_lab_config two_paths(void)
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

int close_lab(void **state)
{
	(void)state;
	bri_lab_close(opened);
	opened = NULL;
	return 0;
}

struct bri_lab *open_lab(const struct bri_lab_config *config)
{
	struct bri_lab *lab = NULL;
	char why[256] = "";

	memset(shared, 0, sizeof(*shared));
	if (bri_lab_open_why(config, why, sizeof(why), &lab) < 0)
		fail_msg("lab: %s", why);
	opened = lab;
	return lab;
}

struct sockaddr_in address4(const char *text, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	assert_int_equal(inet_pton(AF_INET, text, &a.sin_addr), 1);
	return a;
}

int udp_socket(const char *local, uint16_t port, const char *peer)
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

void say_ready(void)
{
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
}

void wait_ready(void)
{
	uint64_t until_ns = bri_clock_now_ns() + CHILD_MS * MS;

	while (!__atomic_load_n(&shared->ready, __ATOMIC_ACQUIRE)) {
		if (bri_clock_now_ns() > until_ns)
			fail_msg("the process inside did not get ready");
		poll(NULL, 0, 1);
	}
}

int run_echo(void *context)
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

void start_echo(struct bri_lab *lab)
{
	pid_t pid;

	assert_int_equal(bri_lab_fork(lab, BRI_LAB_SERVER, run_echo, NULL, &pid), 0);
	wait_ready();
}

int run_pings(void *context)
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

int inside(struct bri_lab *lab, enum bri_lab_side side, int (*fn)(void *), void *context)
{
	pid_t pid;
	int r = bri_lab_fork(lab, side, fn, context, &pid);

	return r < 0 ? r : bri_lab_wait(lab, pid, CHILD_MS);
}

int ping(struct bri_lab *lab, uint32_t path)
{
	static char addresses[2][16] = { "10.10.0.2", "10.11.0.2" };

	return inside(lab, BRI_LAB_CLIENT, run_pings, addresses[path]);
}

struct bri_lab_stats stats_of(struct bri_lab *lab, uint32_t path)
{
	struct bri_lab_stats stats;

	assert_int_equal(bri_lab_stats(lab, path, &stats), 0);
	return stats;
}

int lab_begin(void)
{
	const char *required = getenv("BRAID_REQUIRE_ALL");
	char why[256];

	if (!bri_lab_supported(why, sizeof(why))) {
		print_message("skipped: %s\n", why);
		return required && !strcmp(required, "1") ? 1 : 77;
	}
	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return shared == MAP_FAILED ? 1 : 0;
}
