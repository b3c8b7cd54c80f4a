/*
 * `braid status`, `paths` and `set` as people use them, against the real control server with a
 * daemon of made-up connections; and what they say when no daemon is there.
 */
#include "dispatch_test_util.h"

#include <netinet/in.h>
#include <sys/un.h>
#include "daemon/control_server.h"
#include "transport/mptcp_info.h"

static char dir[64], path[96];
static const char *braid;
static dispatch_queue_t queue;
static struct bri_control_server *server;
static struct bri_message_set last_set;
static _Atomic bool empty;

static void do_status(void *context, struct bri_message_status *ret)
{
	(void)context;
	*ret = (struct bri_message_status) { .version = "7.8.9",
		.mode = BRI_MESSAGE_MODE_USERSPACE,
		.default_service = 1,
		.n_connections = 2,
		.uptime_s = 3 * 3600 + 240,
		.missing = "TCP_IS_MPTCP: fallbacks are seen late" };
}

static int do_claim(void *context, const struct bri_control_who *who,
	const struct bri_message_claim *claim, char why[static BRI_MESSAGE_TEXT_MAX])
{
	(void)context, (void)who, (void)claim, (void)why;
	return 0;
}

static void do_release(void *context, uint32_t token)
{
	(void)context, (void)token;
}

static int do_set(void *context, const struct bri_control_who *who,
	const struct bri_message_set *set, char why[static BRI_MESSAGE_TEXT_MAX],
	uint32_t *ret_count)
{
	(void)context, (void)who, (void)why;
	last_set = *set;
	if (set->token == 0xdeadbeef)
		return -ENOENT;
	*ret_count = set->pid ? 3 : 1;
	return 0;
}

static int do_set_socket(void *context, const struct bri_control_who *who,
	const struct bri_message_set_socket *set, char why[static BRI_MESSAGE_TEXT_MAX],
	uint32_t *ret_count)
{
	(void)context, (void)who, (void)set, (void)why, (void)ret_count;
	return -EOPNOTSUPP; /* the command does not say it */
}

static int do_paths(void *context, uint64_t *cursor, struct bri_message_path *ret)
{
	static const struct bri_message_path paths[] = {
		{ 3, "wwan0", BRI_MESSAGE_KIND_CELLULAR, BRI_MESSAGE_PATH_METERED, 1, { 0 }, { 0 },
			"no default route" },
		{ 2, "wlan0", BRI_MESSAGE_KIND_WIFI, BRI_MESSAGE_PATH_USABLE, 20,
			{ AF_INET, { 192, 0, 2, 7 } }, { AF_INET, { 192, 0, 2, 1 } }, "" },
		{ 1, "eth0", BRI_MESSAGE_KIND_WIRED, BRI_MESSAGE_PATH_USABLE, 10,
			{ AF_INET6, { 0x20, 1, 0xd, 0xb8, [15] = 7 } }, { 0 }, "" },
	};

	(void)context;
	if (empty || *cursor == BRI_LEN(paths))
		return 0;
	*ret = paths[(*cursor)++];
	return 1;
}

static int do_list(void *context, uint64_t *cursor, struct bri_message_connection *ret)
{
	(void)context;
	if (empty || *cursor == 2)
		return 0;
	*ret = (struct bri_message_connection) { .token = *cursor ? 0xabc : 0x12345678,
		.uid = getuid(),
		.service = *cursor ? 3 : 1,
		.source = *cursor ? 1 : 2,
		.n_subflows = *cursor ? 0 : 2,
		.pid = *cursor ? 0 : 77,
		.subflows = {
			{ { AF_INET, { 192, 0, 2, 7 } }, { AF_INET, { 198, 51, 100, 1 } }, 4000,
				443, 0, 0, BRI_MESSAGE_SUBFLOW_PRIMARY, 1, 20150, "established" },
			{ { AF_INET6, { 0x20, 1, [15] = 1 } }, { AF_INET6, { 0x20, 1, [15] = 2 } },
				4001, 443, 1, 0, BRI_MESSAGE_SUBFLOW_BACKUP, 999999, 0,
				"syn-sent" } } };
	if (*cursor == 0)
		memcpy(ret->program, "curl", 5);
	(*cursor)++;
	return 1;
}

static int do_metrics(void *context, uint64_t *cursor, struct bri_message_metrics_piece *ret)
{
	(void)context, (void)cursor, (void)ret;
	return 0;
}

static void start(void *context)
{
	const struct bri_control_ops ops = { NULL, do_status, do_claim, do_release, do_set,
		do_set_socket, do_paths, do_list, do_metrics };
	struct bri_control_socket sock;
	char why[200];

	(void)context;
	assert_int_equal(bri_control_socket_open(path, why, sizeof(why), &sock), 0);
	assert_int_equal(bri_control_server_new(queue, &sock, NULL, &ops, &server), 0);
}

static void stop(void *context)
{
	(void)context;
	bri_control_server_free(server);
	server = NULL;
}

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/braid-cli-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	setenv("BRAID_SOCKET", path, 1);
	queue = dispatch_queue_create("control", NULL);
	empty = false;
	return 0;
}

static int teardown(void **state)
{
	char lock[128];

	(void)state;
	dispatch_sync_f(queue, NULL, stop);
	dispatch_release(queue);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	unlink(lock);
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

/* Runs the command; returns its exit code, and all that it wrote. */
static int run(const char *arguments, char *out, size_t size)
{
	char line[300];
	FILE *pipe;
	size_t n;

	snprintf(line, sizeof(line), "timeout 20 '%s' %s 2>&1", braid, arguments);
	pipe = popen(line, "re");
	assert_non_null(pipe);
	n = fread(out, 1, size - 1, pipe);
	out[n] = '\0';
	return WEXITSTATUS(pclose(pipe));
}

static void expect(const char *arguments, int code, const char *const *words)
{
	char out[8192];
	int got = run(arguments, out, sizeof(out));
	const char *at = out;

	if (got != code)
		fail_msg("braid %s: exit code %d: %s", arguments, got, out);
	for (; *words; words++) {
		at = strstr(at, *words);
		if (!at)
			fail_msg("braid %s: no '%s' where it should be in:\n%s", arguments, *words,
				out);
	}
}

#define EXPECT(arguments, code, ...)                                                               \
	expect(arguments, code, (const char *const[]) { __VA_ARGS__, NULL })

static void for_people(void **state)
{
	(void)state;
	dispatch_sync_f(queue, NULL, start);
	EXPECT("status", 0, "braidd 7.8.9, up 3 h 4 min, decides for each connection\n",
		"missing here: TCP_IS_MPTCP: fallbacks are seen late\n",
		"default service: handover; connections: 2, of which 0 asked for a service\n",
		"\n12345678  handover (application)  curl, process 77, user ",
		"\n    lo         192.0.2.7:4000 > 198.51.100.1:443  established, carries data, "
		"20.1 ms\n",
		"\n    #999999    [2001::1]:4001 > [2001::2]:443  syn-sent, backup\n",
		"\n00000abc  aggregate (rule)  user ");
	EXPECT("paths", 0, "INTERFACE", "eth0            wired       10  2001:db8::7",
		"wlan0           wifi        20  192.0.2.7                 192.0.2.1", "usable\n",
		"wwan0           cellular     1  -", "not usable: no default route, metered\n");
	empty = true;
	EXPECT("paths", 0, "braidd knows no path");
}

static void for_programs(void **state)
{
	(void)state;
	dispatch_sync_f(queue, NULL, start);
	EXPECT("status --json | python3 -c 'import json, sys; j = json.load(sys.stdin); "
	       "print(j[\"daemon\"][\"mode\"], len(j[\"list\"]), "
	       "j[\"list\"][0][\"subflows\"][1][\"backup\"], "
	       "j[\"list\"][1][\"token\"])'",
		0, "userspace 2 True 00000abc\n");
	EXPECT("paths -j | python3 -c 'import json, sys; j = json.load(sys.stdin)[\"paths\"]; "
	       "print([p[\"interface\"] for p in j], j[0][\"gateway\"], j[2][\"why\"])'",
		0, "['eth0', 'wlan0', 'wwan0'] None no default route\n");
	empty = true;
	EXPECT("status -j | python3 -c 'import json, sys; print(json.load(sys.stdin)[\"list\"])'",
		0, "[]\n");
	EXPECT("set 0x5 --service none --json", 0, "\"connections\": 1", "\"service\": \"none\"");
}

static void get_set(void *context)
{
	*(struct bri_message_set *)context = last_set;
}

static struct bri_message_set seen(void)
{
	struct bri_message_set got;

	dispatch_sync_f(queue, &got, get_set);
	return got;
}

static void set(void **state)
{
	char line[200];

	(void)state;
	dispatch_sync_f(queue, NULL, start);
	unsetenv("BRAID_SOCKET");
	snprintf(line, sizeof(line), "set 1A2b3c4d --service interactive --socket %s", path);
	EXPECT(line, 0, "1 connection: interactive\n");
	assert_int_equal(seen().token, 0x1a2b3c4d);
	assert_int_equal(seen().pid, 0);
	assert_int_equal(seen().service, 2);
	setenv("BRAID_SOCKET", path, 1);
	EXPECT("set 0xabc --service none", 0, "1 connection: none\n");
	assert_int_equal(seen().token, 0xabc);
	EXPECT("set 12345678 --service none", 0, "1 connection: none\n");
	assert_int_equal(seen().token, 0x12345678);
	EXPECT("set --service aggregate 4194304", 1, "there is no process 4194304");
	assert_int_equal(seen().token, 0x12345678);
	EXPECT("set deadbeef --service none", 1, "braid set: there is no such connection");
}

static uint32_t token_of(int fd)
{
	struct bri_mptcp_info info;

	assert_int_equal(bri_mptcp_info_get(fd, &info), 0);
	return info.token;
}

/* The connections of a process: here both ends of one, and one end twice. */
static void set_process(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t size = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);
	int client, accepted, twice;
	uint32_t last;
	char line[200];

	(void)state;
	if (listener < 0)
		skip();
	dispatch_sync_f(queue, NULL, start);
	setenv("BRAID_SOCKET", path, 1);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
	snprintf(line, sizeof(line), "set %d --service aggregate", (int)getpid());
	EXPECT(line, 1, "has no Multipath TCP connection: 'braid status'");
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);
	assert_int_equal(connect(client, (struct sockaddr *)&at, sizeof(at)), 0);
	accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	twice = dup(client);
	assert_true(accepted >= 0 && twice >= 0);
	EXPECT(line, 0, "2 connections: aggregate\n");
	last = seen().token;
	assert_true(last == token_of(client) || last == token_of(accepted));
	assert_int_equal(seen().service, 3);
	assert_int_equal(seen().pid, 0);
	/* another user's, if we are not root; a kernel thread's of nobody's if we are */
	EXPECT("set 2 --service none", 1, "process 2");
	close(twice);
	close(client);
	close(accepted);
	close(listener);
}

/* One line that says what to do, exit code 1, for each way in which there is no daemon. */
static void check_absent(const char *words)
{
	static const char *const commands[] = { "status", "status -j", "paths --json",
		"set 1 --service none" };
	char out[1000];

	for (size_t i = 0; i < BRI_LEN(commands); i++) {
		assert_int_equal(run(commands[i], out, sizeof(out)), 1);
		if (!strstr(out, words) || strchr(out, '\n') != out + strlen(out) - 1)
			fail_msg("braid %s: not one line with '%s': %s", commands[i], words, out);
	}
}

static void without_daemon(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd;

	(void)state;
	check_absent("braidd does not run");
	memcpy(at.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	check_absent("systemctl start braidd");
	close(fd);
	unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 8), 0);
	check_absent("another program's socket");
	close(fd);
}

#define cli_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cli_test(for_people),
		cli_test(for_programs),
		cli_test(set),
		cli_test(set_process),
		cli_test(without_daemon),
	};

	if (argc != 2 || access(argv[1], X_OK) != 0) {
		fprintf(stderr, "usage: %s BRAID\n", argv[0]);
		return 1;
	}
	braid = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
