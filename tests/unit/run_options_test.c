/* What the wrapper decides and says without a network: hints, messages, lines, the environment. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "run/options.h"
#include "run/say.h"
#include "run/start.h"
#include "run/tell.h"

static void test_hints(void **state)
{
	static const int not_tcp[] = { TCP_ULP, TCP_MD5SIG, TCP_REPAIR, TCP_INQ, TCP_SAVE_SYN,
		TCP_TIMESTAMP, TCP_ZEROCOPY_RECEIVE, TCP_INFO, 0, -1 };
	static const int not_socket[] = { SO_ZEROCOPY, SO_TXTIME, SO_ATTACH_FILTER, SO_PEEK_OFF,
		SO_MARK, SO_BINDTODEVICE, SO_ERROR };

	(void)state;
	assert_string_equal(bri_options_hint(IPPROTO_TCP, TCP_USER_TIMEOUT), "TCP_USER_TIMEOUT");
	assert_string_equal(bri_options_hint(IPPROTO_TCP, TCP_QUICKACK), "TCP_QUICKACK");
	assert_string_equal(bri_options_hint(IPPROTO_IPV6, IPV6_TCLASS), "IPV6_TCLASS");
	assert_non_null(bri_options_hint(SOL_SOCKET, SO_OOBINLINE));
	for (size_t i = 0; i < BRI_LEN(not_tcp); i++)
		assert_null(bri_options_hint(IPPROTO_TCP, not_tcp[i]));
	for (size_t i = 0; i < BRI_LEN(not_socket); i++)
		assert_null(bri_options_hint(SOL_SOCKET, not_socket[i]));
	/* TTL security is no hint: RFC 5082 */
	assert_null(bri_options_hint(IPPROTO_IP, IP_TTL));
	assert_null(bri_options_hint(IPPROTO_IP, IP_MINTTL));
	assert_null(bri_options_hint(IPPROTO_IPV6, IPV6_UNICAST_HOPS));
	/* the level counts */
	assert_null(bri_options_hint(IPPROTO_UDP, TCP_USER_TIMEOUT));
}

static void test_tell(void **state)
{
	static const uint8_t want[BRI_TELL_SIZE] = { 'B', 'R', 'D', 1, 3, 0, 0, 0, 1, 0, 0, 0, 9, 0,
		0, 0, 0x44, 0x33, 0x22, 0x11, 0, 0, 0, 0, 2 };
	static const uint8_t want_socket[BRI_TELL_SIZE] = { 'B', 'R', 'D', 1, 9, 0, 0, 0, 1, 0, 0,
		0, 9, 0, 0, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 1 };
	uint8_t got[BRI_TELL_SIZE];
	char path[200];

	(void)state;
	bri_tell_encode_token(0x11223344, 2, got);
	assert_memory_equal(got, want, sizeof(want));
	bri_tell_encode_socket(UINT64_C(0x8877665544332211), 1, got);
	assert_memory_equal(got, want_socket, sizeof(want_socket));
	assert_int_equal(bri_tell_service("none"), 0);
	assert_int_equal(bri_tell_service("aggregate"), 3);
	assert_int_equal(bri_tell_service("Handover"), -EINVAL);
	assert_int_equal(bri_tell_service(""), -EINVAL);
	bri_tell_init("handover", NULL);
	assert_true(bri_tell_enabled());
	bri_tell_init(NULL, NULL);
	assert_false(bri_tell_enabled());
	bri_tell_init("nonsense", NULL);
	assert_false(bri_tell_enabled());
	memset(path, 'x', sizeof(path) - 1); /* longer than a socket's address */
	path[sizeof(path) - 1] = '\0';
	bri_tell_init("handover", path);
	assert_false(bri_tell_enabled());
	path[107] = '\0'; /* the longest */
	bri_tell_init("handover", path);
	assert_true(bri_tell_enabled());
}

static void test_tell_not_mptcp(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), null = open("/dev/null", O_RDONLY);

	(void)state;
	bri_tell_init("handover", "/no/such/socket");
	errno = 77;
	assert_int_equal(bri_tell_connection(fd), BRI_TELL_NOT_MPTCP);
	assert_int_equal(bri_tell_connection(null), BRI_TELL_NOT_MPTCP);
	assert_int_equal(bri_tell_connection(-1), -EBADF);
	assert_int_equal(errno, 77);
	close(fd);
	close(null);
}

/* Standard error is a pipe for the time of a test. */
struct pipe_err {
	int in, kept;
};

static void pipe_begin(struct pipe_err *p)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	p->in = ends[0];
	p->kept = dup(STDERR_FILENO);
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	close(ends[1]);
}

static void pipe_end(struct pipe_err *p)
{
	dup2(p->kept, STDERR_FILENO);
	close(p->kept);
	if (p->in >= 0)
		close(p->in);
}

static void say_something(void)
{
	struct bri_say say;

	bri_say_begin(&say, 7);
	bri_say_text(&say, "x ");
	bri_say_number(&say, -12);
	bri_say_text(&say, " ");
	bri_say_error(&say, ENOENT);
	bri_say_end(&say);
}

static void assert_said(struct pipe_err *p, const char *want)
{
	char got[600] = "";
	ssize_t n = read(p->in, got, sizeof(got) - 1);

	if (want)
		assert_string_equal(got, want);
	else
		assert_true(n <= 0); /* none, or nobody there to write any more */
}

static void test_say(void **state)
{
	static const char line[] = "braid run: 7: x -12 ENOENT\n";
	char env[BRI_SAY_ENV_SIZE];
	struct pipe_err p;
	int fd, null;

	(void)state;
	pipe_begin(&p);
	fd = bri_say_open(env);
	assert_true(fd >= 10);
	bri_say_init(env);
	assert_true(bri_say_enabled());
	errno = 77;
	say_something();
	assert_int_equal(errno, 77);
	assert_said(&p, line);
	/* the program has closed it, and opened something else with its number */
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	assert_int_equal(dup2(null, fd), fd);
	say_something();
	assert_said(&p, line); /* standard error still is it */
	assert_int_equal(dup2(null, STDERR_FILENO), STDERR_FILENO);
	say_something();
	assert_said(&p, NULL);
	close(null);
	close(fd);
	pipe_end(&p);
}

static void test_say_limits(void **state)
{
	struct bri_say say;
	struct pipe_err p;
	char env[BRI_SAY_ENV_SIZE], got[600];
	int fd;

	(void)state;
	pipe_begin(&p);
	fd = bri_say_open(env);
	bri_say_init(env);
	bri_say_begin(&say, INT32_MIN);
	for (int i = 0; i < 50; i++)
		bri_say_text(&say, "0123456789");
	bri_say_number(&say, INT64_MIN);
	bri_say_end(&say);
	assert_int_equal(read(p.in, got, sizeof(got)), sizeof(say.text));
	assert_int_equal(got[sizeof(say.text) - 1], '\n');
	assert_memory_equal(got, "braid run: -2147483648: 01234", 29);
	/* a reader that is gone does not end the program */
	close(p.in);
	p.in = -1;
	signal(SIGPIPE, SIG_DFL);
	say_something();
	close(fd);
	pipe_end(&p);
}

static void test_say_damaged(void **state)
{
	static const char *const bad[] = { "", ":", "3", "3:", "3:4", "x:1:2", "-1:1:2", "3:4:5x",
		"99999999999999:1:2" };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(bad); i++) {
		bri_say_init(bad[i]);
		assert_false(bri_say_enabled());
	}
	bri_say_init(NULL);
	assert_false(bri_say_enabled());
}

static void test_environment(void **state)
{
	(void)state;
	setenv("LD_PRELOAD", "/a.so", 1);
	unsetenv("GODEBUG");
	setenv("BRAID_SERVICE", "old", 1);
	assert_int_equal(bri_start_set_environment("/b.so", NULL, NULL), 0);
	assert_string_equal(getenv("LD_PRELOAD"), "/b.so:/a.so");
	assert_string_equal(getenv("GODEBUG"), "multipathtcp=1");
	assert_null(getenv("BRAID_SERVICE"));
	setenv("GODEBUG", "a=1,,multipathtcp=0,b", 1);
	assert_int_equal(bri_start_set_environment(NULL, "handover", "1:2:3"), 0);
	assert_string_equal(getenv("GODEBUG"), "a=1,,multipathtcp=0,b");
	assert_string_equal(getenv("LD_PRELOAD"), "/b.so:/a.so");
	assert_string_equal(getenv("BRAID_SERVICE"), "handover");
	assert_string_equal(getenv("BRAID_RUN_VERBOSE"), "1:2:3");
	setenv("GODEBUG", "notmultipathtcp=0", 1);
	assert_int_equal(bri_start_set_environment(NULL, NULL, NULL), 0);
	assert_string_equal(getenv("GODEBUG"), "multipathtcp=1,notmultipathtcp=0");
	assert_null(getenv("BRAID_RUN_VERBOSE"));
	unsetenv("LD_PRELOAD");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hints),
		cmocka_unit_test(test_tell),
		cmocka_unit_test(test_tell_not_mptcp),
		cmocka_unit_test(test_say),
		cmocka_unit_test(test_say_limits),
		cmocka_unit_test(test_say_damaged),
		cmocka_unit_test(test_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
