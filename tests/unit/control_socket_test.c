/* The control socket's file, sockets handed over, what a client says without a daemon, and quotas.
 */
#include "dispatch_test_util.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include "control/client.h"
#include "daemon/control_quota.h"
#include "daemon/control_socket.h"

static char dir[64], path[80], lock[90], why[200];

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/braid-socket-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	why[0] = '\0';
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	unlink(lock);
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

static int try_open(struct bri_control_socket *ret)
{
	why[0] = '\0';
	return bri_control_socket_open(path, why, sizeof(why), ret);
}

static void expect_why(const char *words)
{
	if (!strstr(why, words) || strchr(why, '\n'))
		fail_msg("no '%s' in '%s'", words, why);
}

static int bound(int type, bool listens)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	memcpy(at.sun_path, path, strlen(path) + 1);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	if (listens)
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void anyone_may_connect(void **state)
{
	struct bri_control_socket sock;
	mode_t mask = umask(0077);
	struct stat st;

	(void)state;
	assert_int_equal(try_open(&sock), 0);
	umask(mask);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0666);
	assert_int_equal(stat(lock, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(fcntl(sock.fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(sock.fd, F_GETFD) & FD_CLOEXEC);
	bri_control_socket_close(&sock);
	bri_control_socket_close(&sock); /* harmless */
	assert_int_equal(access(path, F_OK), -1);
}

static void two_daemons(void **state)
{
	struct bri_control_socket a, b;
	int fd;

	(void)state;
	assert_int_equal(try_open(&a), 0);
	assert_int_equal(try_open(&b), -EADDRINUSE);
	expect_why("another braidd");
	bri_control_socket_close(&a);
	/* somebody else's listener, of either type, which takes no lock */
	fd = bound(SOCK_SEQPACKET, true);
	assert_int_equal(try_open(&b), -EADDRINUSE);
	expect_why("a program listens");
	close(fd);
	unlink(path);
	fd = bound(SOCK_STREAM, true);
	assert_int_equal(try_open(&b), -EADDRINUSE);
	close(fd);
	assert_int_equal(access(path, F_OK), 0);
}

static void stale_files(void **state)
{
	struct bri_control_socket sock;
	int fd;

	(void)state;
	/* a daemon that died left its file */
	close(bound(SOCK_SEQPACKET, true));
	assert_int_equal(try_open(&sock), 0);
	bri_control_socket_close(&sock);
	/* a file that is no socket is not ours to remove; nor is what a link leads to */
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(try_open(&sock), -EEXIST);
	expect_why("no socket: remove it");
	unlink(path);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(try_open(&sock), -EEXIST);
	unlink(path);
	unlink(lock);
	assert_int_equal(symlink("/dev/null", lock), 0);
	assert_int_equal(try_open(&sock), -ELOOP);
}

/* Who replaced our file keeps it. */
static void only_our_file_is_removed(void **state)
{
	struct bri_control_socket sock;
	int fd;

	(void)state;
	assert_int_equal(try_open(&sock), 0);
	unlink(path);
	fd = bound(SOCK_SEQPACKET, true);
	bri_control_socket_close(&sock);
	assert_int_equal(access(path, F_OK), 0);
	close(fd);
}

static void bad_paths(void **state)
{
	struct bri_control_socket sock;
	char name[300];

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(bri_control_socket_open(name, why, sizeof(why), &sock), -ENAMETOOLONG);
	expect_why("1 to 107 bytes");
	name[108] = '\0';
	assert_int_equal(bri_control_socket_open(name, why, sizeof(why), &sock), -ENAMETOOLONG);
	assert_int_equal(bri_control_socket_open("", why, sizeof(why), &sock), -EINVAL);
	snprintf(name, sizeof(name), "%s/no/such/s", dir);
	assert_int_equal(bri_control_socket_open(name, why, sizeof(why), &sock), -ENOENT);
	expect_why("cannot make the directory");
	snprintf(name, sizeof(name), "/proc/s");
	assert_true(bri_control_socket_open(name, why, sizeof(why), &sock) < 0);
	expect_why("/proc/s");
}

/* --- handed over --- */

/* In a child: descriptors from 3 on, and the environment that tells of them. Returns its result. */
static int inherit_in_child(int first, int second, const char *fds, bool own_pid)
{
	struct bri_control_socket sock;
	char pid_text[16];
	pid_t pid = fork();
	int status, r;

	if (pid == 0) {
		snprintf(pid_text, sizeof(pid_text), "%d", (int)getpid() + !own_pid);
		first = fcntl(first, F_DUPFD, 10);
		second = fcntl(second, F_DUPFD, 20);
		dup2(first, 3);
		dup2(second, 4);
		setenv("LISTEN_PID", pid_text, 1);
		setenv("LISTEN_FDS", fds, 1);
		r = bri_control_socket_inherit(&sock);
		if (r == 0 && (sock.fd < 5 || !(fcntl(sock.fd, F_GETFL) & O_NONBLOCK) ||
				      !(fcntl(sock.fd, F_GETFD) & FD_CLOEXEC)))
			r = -1;
		if (r == 0)
			bri_control_socket_close(&sock);
		_exit(-r);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void sockets_are_inherited(void **state)
{
	int good = bound(SOCK_SEQPACKET, true), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(inherit_in_child(good, null, "1", true), 0);
	assert_int_equal(inherit_in_child(udp, good, "2", true), 0);
	assert_int_equal(inherit_in_child(udp, good, "1", true), EPROTOTYPE);
	assert_int_equal(inherit_in_child(null, udp, "2", true), EPROTOTYPE);
	assert_int_equal(inherit_in_child(good, null, "0", true), ENOENT);
	assert_int_equal(inherit_in_child(good, null, "x", true), ENOENT);
	assert_int_equal(inherit_in_child(good, null, "-1", true), ENOENT);
	assert_int_equal(inherit_in_child(good, null, "1", false), ENOENT);
	assert_int_equal(access(path, F_OK), 0); /* not its file */
	close(good);
	close(null);
	close(udp);
}

/* --- the client without a daemon --- */

static void client_without_daemon(void **state)
{
	struct bri_client client = { .fd = -1 };
	uint64_t soon_ns = bri_clock_now_ns() + 50 * BRI_NS_PER_MS;
	struct bri_message m = { .type = BRI_MESSAGE_STATUS };
	int fd;

	(void)state;
	assert_int_equal(bri_client_open(path, soon_ns, &client), -ENOENT);
	close(bound(SOCK_SEQPACKET, true));
	assert_int_equal(bri_client_open(path, soon_ns, &client), -ECONNREFUSED);
	unlink(path);
	fd = bound(SOCK_STREAM, true);
	assert_int_equal(bri_client_open(path, soon_ns, &client), -EPROTOTYPE);
	close(fd);
	unlink(path);
	/* one that does not answer: connected by the backlog, then out of time */
	fd = bound(SOCK_SEQPACKET, true);
	assert_int_equal(bri_client_open(path, soon_ns, &client), 0);
	assert_int_equal(bri_client_receive(&client, 0, &m), -EAGAIN);
	assert_int_equal(bri_client_call(&client, &m, soon_ns, &m), -ETIMEDOUT);
	assert_true(bri_clock_now_ns() >= soon_ns);
	/* and with a full backlog not even connected */
	for (int i = 0; i < 2; i++) {
		struct bri_client more;
		int r = bri_client_open(path, 0, &more);

		assert_true(r == 0 || r == -EAGAIN);
		soon_ns = bri_clock_now_ns() + 20 * BRI_NS_PER_MS;
		if (r == -EAGAIN)
			assert_int_equal(bri_client_open(path, soon_ns, &more), -ETIMEDOUT);
		else
			bri_client_close(&more);
	}
	bri_client_close(&client);
	bri_client_close(&client);
	close(fd);
}

static void where_the_socket_is(void **state)
{
	(void)state;
	unsetenv("BRAID_SOCKET");
	assert_string_equal(bri_client_path(NULL), "/run/braid/braidd.sock");
	setenv("BRAID_SOCKET", "", 1);
	assert_string_equal(bri_client_path(NULL), "/run/braid/braidd.sock");
	setenv("BRAID_SOCKET", "/x", 1);
	assert_string_equal(bri_client_path(NULL), "/x");
	assert_string_equal(bri_client_path("/y"), "/y");
	unsetenv("BRAID_SOCKET");
}

/* --- quotas, on a virtual clock --- */

static struct bri_control_limits small(void)
{
	struct bri_control_limits limits = bri_control_limits_default;

	limits.clients = 40;
	limits.clients_per_user = 3;
	limits.claims = 5;
	limits.claims_per_user = 4;
	limits.requests_per_s = 10;
	limits.requests_burst = 3;
	return limits;
}

static void request_rate(void **state)
{
	const struct bri_control_limits limits = small();
	const uint64_t step = 100 * BRI_NS_PER_MS;
	struct bri_control_quota quota;
	struct bri_control_user *user, *again;
	uint64_t now = 1000 * BRI_NS_PER_S;

	(void)state;
	assert_int_equal(bri_control_quota_init(&quota, &limits), 0);
	assert_int_equal(bri_control_quota_enter(&quota, 7, now, &user), 0); /* the first */
	assert_int_equal(bri_control_quota_request(&quota, user, now), 0);
	assert_int_equal(bri_control_quota_request(&quota, user, now), 0);
	assert_int_equal(bri_control_quota_request(&quota, user, now), now + step);
	assert_int_equal(bri_control_quota_request(&quota, user, now + step - 1), now + step);
	assert_int_equal(bri_control_quota_request(&quota, user, now + step), 0);
	assert_int_equal(bri_control_quota_request(&quota, user, now + step), now + 2 * step);
	/* to leave and to come again is no way around */
	bri_control_quota_leave(&quota, user);
	assert_int_equal(bri_control_quota_enter(&quota, 8, now + step, &user), 0);
	assert_int_equal(bri_control_quota_enter(&quota, 7, now + step, &again), -EAGAIN);
	assert_int_equal(bri_control_quota_enter(&quota, 7, now + 2 * step, &again), 0);
	assert_ptr_not_equal(user, again);
	/* after a pause a burst, and no more than one */
	now += 100 * BRI_NS_PER_S;
	for (int i = 0; i < 3; i++)
		assert_int_equal(bri_control_quota_request(&quota, again, now), 0);
	assert_int_equal(bri_control_quota_request(&quota, again, now), now + step);
	bri_control_quota_fini(&quota);
}

static void shares(void **state)
{
	const struct bri_control_limits limits = small();
	struct bri_control_user *user[40], *one;
	struct bri_control_quota quota;
	uint64_t now = BRI_NS_PER_S;
	int n = 0;

	(void)state;
	assert_int_equal(bri_control_quota_init(&quota, &limits), 0);
	for (; n < 3; n++)
		assert_int_equal(bri_control_quota_enter(&quota, 7, now, &user[n]), 0);
	assert_int_equal(bri_control_quota_enter(&quota, 7, now, &one), -EDQUOT);
	/* 32 for users, the last 8 for root */
	for (; n < 32; n++)
		assert_int_equal(bri_control_quota_enter(&quota, 100 + (uid_t)n, now, &user[n]), 0);
	assert_int_equal(bri_control_quota_enter(&quota, 99, now, &one), -EUSERS);
	for (; n < 40; n++, now += BRI_NS_PER_S)
		assert_int_equal(bri_control_quota_enter(&quota, 0, now, &user[n]), 0);
	assert_int_equal(bri_control_quota_enter(&quota, 0, now, &one), -EUSERS);
	/* claims: of a user, and in all */
	for (int i = 0; i < 4; i++)
		assert_int_equal(bri_control_quota_claim(&quota, user[0]), 0);
	assert_int_equal(bri_control_quota_claim(&quota, user[0]), -EDQUOT);
	assert_int_equal(bri_control_quota_claim(&quota, user[5]), 0);
	assert_int_equal(bri_control_quota_claim(&quota, user[6]), -EUSERS);
	bri_control_quota_release(&quota, user[0]);
	assert_int_equal(bri_control_quota_claim(&quota, user[6]), 0);
	/* those who left are forgotten in time: room for any number of users, one after another */
	for (int i = 0; i < 32; i++)
		bri_control_quota_leave(&quota, user[i]);
	for (uid_t uid = 1000; uid < 2000; uid++, now += BRI_NS_PER_S) {
		assert_int_equal(bri_control_quota_enter(&quota, uid, now, &one), 0);
		bri_control_quota_leave(&quota, one);
	}
	assert_int_equal(quota.clients, 8);
	bri_control_quota_fini(&quota);
}

#define file_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		file_test(anyone_may_connect),
		file_test(two_daemons),
		file_test(stale_files),
		file_test(only_our_file_is_removed),
		file_test(bad_paths),
		file_test(sockets_are_inherited),
		file_test(client_without_daemon),
		cmocka_unit_test(where_the_socket_is),
		cmocka_unit_test(request_rate),
		cmocka_unit_test(shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
