/*
 * A braidd of a test's own making: the listening socket and one client, driven step by step by the
 * test's thread. Says what the test says, right or wrong. Every wait has a limit.
 */
#ifndef FAKE_BRAIDD_H
#define FAKE_BRAIDD_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "control/message.h"

#define FAKE_WAIT_MS 20000 /* for what must come: the library tries again after 1, 2, 4 s */

struct fake {
	char dir[64];
	struct sockaddr_un at;
	int listener, peer;
};

static struct fake fake = { .listener = -1, .peer = -1 };

/* The place is the process's: the library asks the environment each time. */
static inline int fake_setup(void **state)
{
	(void)state;
	snprintf(fake.dir, sizeof(fake.dir), "/tmp/braid-fake-XXXXXX");
	if (!mkdtemp(fake.dir))
		return -1;
	fake.at.sun_family = AF_UNIX;
	snprintf(fake.at.sun_path, sizeof(fake.at.sun_path), "%s/s", fake.dir);
	return setenv("BRAID_SOCKET", fake.at.sun_path, 1);
}

static inline void fake_hang_up(void)
{
	if (fake.peer >= 0)
		close(fake.peer);
	fake.peer = -1;
}

static inline void fake_stop(void)
{
	fake_hang_up();
	if (fake.listener >= 0)
		close(fake.listener);
	fake.listener = -1;
	unlink(fake.at.sun_path);
}

static inline int fake_teardown(void **state)
{
	(void)state;
	fake_stop();
	return rmdir(fake.dir);
}

static inline void fake_start(void)
{
	fake.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_true(fake.listener >= 0);
	assert_int_equal(bind(fake.listener, (struct sockaddr *)&fake.at, sizeof(fake.at)), 0);
	assert_int_equal(listen(fake.listener, 8), 0);
}

static inline bool fake_is_readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

static inline void fake_accept(void)
{
	assert_true(fake_is_readable(fake.listener, FAKE_WAIT_MS));
	fake.peer = accept4(fake.listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fake.peer >= 0);
}

/* The next message; fails the test when none comes, or it is another. */
static inline struct bri_message fake_expect(uint16_t type)
{
	struct bri_message message;
	uint8_t bytes[BRI_MESSAGE_MAX];
	ssize_t n;

	if (!fake_is_readable(fake.peer, FAKE_WAIT_MS))
		fail_msg("no message of type %u came", type);
	n = recv(fake.peer, bytes, sizeof(bytes), 0);
	assert_true(n > 0);
	assert_int_equal(bri_message_decode(bytes, (size_t)n, &message), 0);
	assert_int_equal(message.type, type);
	return message;
}

static inline void fake_expect_closed(void)
{
	uint8_t bytes[BRI_MESSAGE_MAX];
	ssize_t n;

	do { /* what was said before */
		assert_true(fake_is_readable(fake.peer, FAKE_WAIT_MS));
		n = recv(fake.peer, bytes, sizeof(bytes), 0);
	} while (n > 0);
	fake_hang_up();
}

static inline void fake_say(struct bri_message message)
{
	uint8_t bytes[BRI_MESSAGE_MAX];
	int n = bri_message_encode(&message, bytes, sizeof(bytes));

	assert_true(n > 0);
	assert_int_equal(send(fake.peer, bytes, (size_t)n, MSG_NOSIGNAL), n);
}

static inline void fake_ok(const struct bri_message *request)
{
	fake_say((struct bri_message) {
		.type = BRI_MESSAGE_OK, .id = request->id, .ok = { .count = 1 } });
}

static inline void fake_error(const struct bri_message *request, uint32_t error)
{
	fake_say((struct bri_message) { .type = BRI_MESSAGE_ERROR,
		.id = request->id,
		.error = { .error = error, .text = "so said the test" } });
}

static inline void fake_event(uint8_t kind, uint32_t token, uint32_t ifindex)
{
	fake_say((struct bri_message) { .type = BRI_MESSAGE_EVENT,
		.event = { .time_ns = 1, .kind = kind, .token = token, .ifindex = ifindex } });
}

/* A client comes, and watches what it claims. */
static inline void fake_meet(void)
{
	struct bri_message watch;

	fake_accept();
	watch = fake_expect(BRI_MESSAGE_WATCH);
	assert_int_equal(watch.watch.what, BRI_MESSAGE_WATCH_CLAIMED);
	fake_ok(&watch);
}

#endif
