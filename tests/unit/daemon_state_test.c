/* braidd's notes of what to put back, and what it tells a service manager. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/base.h"
#include "daemon/notify.h"
#include "daemon/state.h"

static char dir[64], path[128];
static char why[BRI_STATE_WHY_MAX], text[BRI_STATE_TEXT_MAX + 16];

static const char *in_dir(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/daemon-state.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	static const char *const names[] = { "s/lock", "s/note", "s/note.new", "s", "socket", "" };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(names); i++)
		(void)remove(in_dir(names[i]));
	return 0;
}

static struct bri_state *open_state(void)
{
	struct bri_state *s;

	assert_int_equal(bri_state_open(in_dir("s"), why, &s), 0);
	return s;
}

static void write_file(const char *name, const char *content)
{
	FILE *f = fopen(in_dir(name), "we");

	assert_non_null(f);
	assert_true(fputs(content, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void notes(void **state)
{
	struct bri_state *s = open_state();

	(void)state;
	assert_int_equal(bri_state_read(s, "note", text), -ENOENT);
	assert_int_equal(bri_state_write(s, "note", "one\ntwo\n"), 0);
	assert_int_equal(bri_state_read(s, "note", text), 0);
	assert_string_equal(text, "one\ntwo\n");
	assert_int_equal(bri_state_write(s, "note", ""), 0);
	bri_state_close(s);
	s = open_state();
	assert_int_equal(bri_state_read(s, "note", text), 0);
	assert_string_equal(text, "");
	bri_state_remove(s, "note");
	bri_state_remove(s, "note");
	assert_int_equal(bri_state_read(s, "note", text), -ENOENT);
	bri_state_close(s);
	bri_state_close(NULL);
}

static void others_notes(void **state)
{
	struct bri_state *s = open_state();

	(void)state;
	/* of another namespace, of nobody, empty, cut off */
	write_file("s/note", "namespace 1\nnet/mptcp/path_manager kernel\n");
	assert_int_equal(bri_state_read(s, "note", text), -ENOENT);
	write_file("s/note", "net/mptcp/path_manager kernel\n");
	assert_int_equal(bri_state_read(s, "note", text), -ENOENT);
	write_file("s/note", "");
	assert_int_equal(bri_state_read(s, "note", text), -ENOENT);
	write_file("s/note", "namesp");
	assert_int_equal(bri_state_read(s, "note", text), -ENOENT);
	memset(text, 'x', BRI_STATE_TEXT_MAX);
	text[BRI_STATE_TEXT_MAX] = '\0';
	write_file("s/note", text);
	assert_int_equal(bri_state_read(s, "note", text), -EFBIG);
	/* not a file */
	assert_int_equal(remove(in_dir("s/note")), 0);
	assert_int_equal(symlink("/etc/passwd", in_dir("s/note")), 0);
	assert_int_equal(bri_state_read(s, "note", text), -ELOOP);
	assert_int_equal(remove(in_dir("s/note")), 0);
	assert_int_equal(mkfifo(in_dir("s/note"), 0600), 0);
	assert_int_equal(bri_state_read(s, "note", text), -ENOENT);
	bri_state_close(s);
}

static void links_are_not_followed(void **state)
{
	struct bri_state *s = open_state();
	char target[128];

	(void)state;
	snprintf(target, sizeof(target), "%s/elsewhere", dir);
	assert_int_equal(symlink(target, in_dir("s/note.new")), 0);
	assert_int_equal(bri_state_write(s, "note", "one\n"), -ELOOP);
	assert_int_equal(access(target, F_OK), -1);
	bri_state_close(s);
}

static void one_at_a_time(void **state)
{
	struct bri_state *s = open_state(), *second = NULL;

	(void)state;
	assert_int_equal(bri_state_open(in_dir("s"), why, &second), -EADDRINUSE);
	assert_null(second);
	assert_non_null(strstr(why, "another braidd"));
	bri_state_close(s);
	s = open_state();
	bri_state_close(s);
}

static void no_directory(void **state)
{
	struct bri_state *s;

	(void)state;
	assert_int_equal(bri_state_open(in_dir("no/s"), why, &s), -ENOENT);
	assert_non_null(strstr(why, "--state-dir"));
	write_file("s", "");
	assert_int_equal(bri_state_open(in_dir("s"), why, &s), -ENOTDIR);
}

/* --- the service manager --- */

static int listen_at(const struct sockaddr_un *at, size_t size)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)at, (socklen_t)size), 0);
	return fd;
}

static void expect_told(int fd, const char *wanted)
{
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	assert_string_equal(text, wanted);
}

static void told(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char name[64];
	int fd;

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(bri_notify("READY=1"), 0);
	setenv("NOTIFY_SOCKET", "", 1);
	assert_int_equal(bri_notify("READY=1"), 0);
	setenv("NOTIFY_SOCKET", in_dir("socket"), 1);
	assert_int_equal(bri_notify("READY=1"), -ENOENT);
	snprintf(at.sun_path, sizeof(at.sun_path), "%.100s", in_dir("socket"));
	fd = listen_at(&at, sizeof(at));
	assert_int_equal(bri_notify("READY=1\nSTATUS=x"), 0);
	expect_told(fd, "READY=1\nSTATUS=x");
	close(fd);
	assert_int_equal(bri_notify("READY=1"), -ECONNREFUSED);

	snprintf(name, sizeof(name), "@braid-state-test-%d", (int)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	at = (struct sockaddr_un) { .sun_family = AF_UNIX };
	memcpy(at.sun_path + 1, name + 1, strlen(name) - 1);
	fd = listen_at(&at, offsetof(struct sockaddr_un, sun_path) + strlen(name));
	assert_int_equal(bri_notify("STOPPING=1"), 0);
	expect_told(fd, "STOPPING=1");
	close(fd);
	assert_int_equal(bri_notify("STOPPING=1"), -ECONNREFUSED);
}

static void no_address(void **state)
{
	static const char *const wrong[] = { "run/x", "@", "/", "x", "vsock:2:1" };
	char longest[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];

	(void)state;
	for (size_t i = 0; i < BRI_LEN(wrong); i++) {
		setenv("NOTIFY_SOCKET", wrong[i], 1);
		assert_int_equal(bri_notify("READY=1"), -EINVAL);
	}
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	setenv("NOTIFY_SOCKET", longest, 1);
	assert_int_equal(bri_notify("READY=1"), -EINVAL);
	longest[sizeof(longest) - 2] = '\0';
	setenv("NOTIFY_SOCKET", longest, 1);
	assert_int_equal(bri_notify("READY=1"), -ENOENT);
	unsetenv("NOTIFY_SOCKET");
}

static uint64_t watchdog(const char *usec, const char *pid)
{
	setenv("WATCHDOG_USEC", usec, 1);
	if (pid)
		setenv("WATCHDOG_PID", pid, 1);
	else
		unsetenv("WATCHDOG_PID");
	return bri_notify_watchdog_ns();
}

static void watchdogs(void **state)
{
	char own[32];

	(void)state;
	snprintf(own, sizeof(own), "%d", (int)getpid());
	assert_int_equal(watchdog("10000000", NULL), 5000000000);
	assert_int_equal(watchdog("10000000", own), 5000000000);
	assert_int_equal(watchdog("10000000", "1"), 0);
	assert_int_equal(watchdog("0", NULL), 0);
	assert_int_equal(watchdog("", NULL), 0);
	assert_int_equal(watchdog("-1", NULL), 0);
	assert_int_equal(watchdog("1s", NULL), 0);
	assert_int_equal(watchdog("18446744073709551615", NULL), 0);
	assert_int_equal(watchdog("99999999999999999999999", NULL), 0);
	unsetenv("WATCHDOG_USEC");
	assert_int_equal(bri_notify_watchdog_ns(), 0);
}

#define with_dir(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_dir(notes),
		with_dir(others_notes),
		with_dir(links_are_not_followed),
		with_dir(one_at_a_time),
		with_dir(no_directory),
		with_dir(told),
		with_dir(no_address),
		with_dir(watchdogs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
