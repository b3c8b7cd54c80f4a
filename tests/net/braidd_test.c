/*
 * braidd in a lab while a transfer runs: killed and started again, told a new configuration,
 * bothered by clients, steering the kernel's path manager, announcing. Each transfer arrives byte
 * for byte, and what was to happen shows in subflows, counters and the daemon's own list.
 */
#include "mp_test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "control/client.h"
#include "mp_pattern.h"
#include "daemon/pm_socket.h"

#define WLAN       1u /* 1 << path */
#define WWAN       2u
#define BOTH       3u
#define SOON_MS    10000u
#define PAUSE_MAX  (900 * MP_MS) /* the kernel alone takes longer, and machines are busy */
#define MEGABYTE   UINT64_C(1000000)
#define LISTED_MAX 8

static const char *braidd;
static char *shared_text; /* with children */
static char directory[64];
static char socket_path[96], state_dir[96], config_path[96], log_path[96];

struct daemon {
	struct mp_run *run;
	enum bri_lab_side side;
	pid_t pid;
};

static void pause_a_little(void)
{
	(void)poll(NULL, 0, 5);
}

static void write_config(const char *text)
{
	FILE *f = fopen(config_path, "we");

	assert_non_null(f);
	assert_true(fputs("[interface wlan]\nkind = wifi\n[interface wwan]\nkind = cellular\n",
			    f) >= 0);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* Settings before the first section. */
static void write_settings(const char *text)
{
	FILE *f = fopen(config_path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void show_log(void)
{
	FILE *f = fopen(log_path, "re");
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		fputs(line, stderr);
	if (f)
		(void)fclose(f);
}

static bool ask_status(struct bri_message_status *ret)
{
	struct bri_message m = { .type = BRI_MESSAGE_STATUS };
	uint64_t deadline_ns = bri_clock_now_ns() + BRI_NS_PER_S;
	struct bri_client client;
	bool ok;

	if (bri_client_open(socket_path, deadline_ns, &client) < 0)
		return false;
	ok = bri_client_call(&client, &m, deadline_ns, &m) == 0 && m.type == BRI_MESSAGE_STATUS_IS;
	bri_client_close(&client);
	if (ok && ret)
		*ret = m.status;
	return ok;
}

static void start(struct daemon *d, const char *option)
{
	const char *argv[] = { braidd, "--config", config_path, "--socket", socket_path,
		"--state-dir", state_dir, "--verbose", option, NULL };
	struct bri_lab_stdio io = { -1, -1, -1 };
	uint64_t end_ns = bri_clock_now_ns() + SOON_MS * MP_MS;
	int r;

	io.err = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(io.err >= 0);
	r = bri_lab_spawn(d->run->lab, d->side, argv, &io, &d->pid);
	close(io.err);
	assert_int_equal(r, 0);
	while (!ask_status(NULL)) {
		if (bri_clock_now_ns() > end_ns || waitpid(d->pid, &r, WNOHANG) != 0) {
			show_log();
			fail_msg("braidd did not start");
		}
		pause_a_little();
	}
}

static void stop(struct daemon *d)
{
	int r;

	assert_int_equal(kill(d->pid, SIGTERM), 0);
	r = bri_lab_wait(d->run->lab, d->pid, SOON_MS);
	if (r != 0)
		show_log();
	assert_int_equal(r, 0);
}

static void kill_hard(struct daemon *d)
{
	assert_int_equal(kill(d->pid, SIGKILL), 0);
	assert_int_equal(bri_lab_wait(d->run->lab, d->pid, SOON_MS), 128 + SIGKILL);
}

/* --- the list --- */

struct listed {
	size_t n;
	struct bri_message_connection list[LISTED_MAX];
};

static int on_entry(void *context, const struct bri_message *entry)
{
	struct listed *l = context;

	if (entry->type == BRI_MESSAGE_CONNECTION && l->n < LISTED_MAX)
		l->list[l->n++] = entry->connection;
	return 0;
}

static struct listed list_now(void)
{
	struct bri_message request = { .type = BRI_MESSAGE_LIST }, end;
	uint64_t deadline_ns = bri_clock_now_ns() + BRI_NS_PER_S;
	struct listed l = { 0 };
	struct bri_client client;

	if (bri_client_open(socket_path, deadline_ns, &client) < 0)
		return l;
	if (bri_client_each(&client, &request, deadline_ns, &l, on_entry, &end) < 0)
		l.n = 0;
	bri_client_close(&client);
	return l;
}

/* The one connection, once it is as wanted; a service of -1: any. */
static struct bri_message_connection wait_listed(int service, uint32_t subflows)
{
	uint64_t end_ns = bri_clock_now_ns() + SOON_MS * MP_MS;
	struct listed l;

	for (;;) {
		l = list_now();
		if (l.n == 1 && l.list[0].n_subflows == subflows &&
			(service < 0 || l.list[0].service == service))
			return l.list[0];
		if (bri_clock_now_ns() > end_ns) {
			show_log();
			fail_msg("%zu connections, the first with %u subflows and service %u", l.n,
				l.list[0].n_subflows, l.list[0].service);
		}
		pause_a_little();
	}
}

/* The local port of the subflow from 10.NUMBER.0.2; 0: none. */
static uint16_t port_on(const struct bri_message_connection *c, uint8_t number)
{
	for (size_t i = 0; i < c->n_subflows; i++) {
		if (c->subflows[i].local.bytes[1] == number)
			return c->subflows[i].local_port;
	}
	return 0;
}

/* --- inside the namespaces --- */

static int is_manager(void *context)
{
	char text[32] = "";
	FILE *f = fopen("/proc/sys/net/mptcp/path_manager", "re");

	if (!f)
		return 2;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	(void)fclose(f);
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, context) != 0;
}

/* The endpoints, each by the last number of its address's second byte: "10 11b" (b: backup). */
static int write_endpoints(void *context)
{
	struct bri_nl_pm_endpoint list[BRI_NL_PM_MAX_ENDPOINTS];
	struct bri_pm_socket pm;
	char *text = context;
	int n;

	if (bri_pm_socket_open(&pm) < 0)
		return 1;
	n = bri_pm_socket_endpoints(&pm, list);
	bri_pm_socket_close(&pm);
	text[0] = '\0';
	for (unsigned byte = 0; byte < 256; byte++) {
		for (int i = 0; i < n; i++) {
			if (list[i].ip.family == AF_INET && list[i].ip.bytes[1] == byte)
				sprintf(text + strlen(text), "%s%u%s", *text ? " " : "", byte,
					list[i].flags & BRI_NL_PM_BACKUP ? "b" : "");
		}
	}
	return 0;
}

static int inside(struct daemon *d, int (*fn)(void *), void *context)
{
	pid_t pid;

	assert_int_equal(bri_lab_fork(d->run->lab, d->side, fn, context, &pid), 0);
	return bri_lab_wait(d->run->lab, pid, SOON_MS);
}

static void expect_manager(struct daemon *d, const char *name)
{
	char text[32];

	snprintf(text, sizeof(text), "%s", name);
	assert_int_equal(inside(d, is_manager, text), 0);
}

/* Within a time: the daemon hears of links by itself. */
static void expect_endpoints(struct daemon *d, const char *wanted)
{
	char *text = shared_text;
	uint64_t end_ns = bri_clock_now_ns() + SOON_MS * MP_MS;

	do {
		assert_int_equal(inside(d, write_endpoints, text), 0);
		if (strcmp(text, wanted) == 0)
			return;
		pause_a_little();
	} while (bri_clock_now_ns() < end_ns);
	show_log();
	fail_msg("endpoints %s, not %s", text, wanted);
}

/* --- transfers --- */

static struct bri_lab_config two_paths(bool endpoints)
{
	struct bri_lab_config config = mp_two_paths();

	config.mptcp_endpoints = endpoints;
	return config;
}

static void transfer(struct mp_run *run, uint64_t up)
{
	run->shared->specs[0].up = up;
	run->shared->specs[0].down = MEGABYTE / 2;
	run->shared->limit_ms = 60000;
	mp_start(run);
}

static void wait_live(struct mp_run *run, uint32_t wanted)
{
	uint64_t end_ns = bri_clock_now_ns() + SOON_MS * MP_MS;

	while (atomic_load(&run->shared->client[0].live) != wanted) {
		if (bri_clock_now_ns() > end_ns) {
			show_log();
			fail_msg("subflows on %x, not on %x",
				(unsigned)atomic_load(&run->shared->client[0].live),
				(unsigned)wanted);
		}
		pause_a_little();
	}
}

static void wait_sent(struct mp_run *run, uint64_t bytes)
{
	struct mp_end *server = &run->shared->server[0];

	if (!mp_wait64(&server->in.bytes, bytes, 30000)) {
		show_log();
		fail_msg("the transfer stands at %llu",
			(unsigned long long)atomic_load(&server->in.bytes));
	}
}

static void expect_no_pause(struct mp_run *run)
{
	uint64_t pause_ns = atomic_load(&run->shared->server[0].in.pause_ns);

	if (pause_ns > PAUSE_MAX)
		fail_msg("a pause of %llu ms", (unsigned long long)(pause_ns / MP_MS));
}

static void finish(struct mp_run *run)
{
	mp_end_well(run);
	expect_no_pause(run);
}

/* --- tests --- */

static void killed_and_started_again(void **state)
{
	struct bri_lab_config config = two_paths(false);
	struct mp_run run = mp_open(&config);
	struct daemon d = { .run = &run, .side = BRI_LAB_CLIENT };
	struct bri_message_connection c;
	uint64_t sent;
	uint16_t port;
	uint32_t token;

	(void)state;
	write_config("");
	expect_manager(&d, "kernel");
	start(&d, NULL);
	expect_manager(&d, "userspace");
	transfer(&run, 16 * MEGABYTE);
	wait_live(&run, BOTH);
	c = wait_listed(BRI_MESSAGE_SERVICE_HANDOVER, 2);
	token = c.token;
	port = port_on(&c, 11);
	assert_int_not_equal(port, 0);
	wait_sent(&run, MEGABYTE);
	kill_hard(&d);
	expect_manager(&d, "userspace");
	wait_sent(&run, 2 * MEGABYTE);
	start(&d, NULL);
	wait_listed(BRI_MESSAGE_SERVICE_HANDOVER, 2);
	/* and once more, after a proper end */
	stop(&d);
	expect_manager(&d, "kernel");
	start(&d, NULL);
	c = wait_listed(BRI_MESSAGE_SERVICE_HANDOVER, 2);
	assert_int_equal(c.token, token);
	assert_false(c.flags & BRI_MESSAGE_CONNECTION_ACCEPTED);
	if (port_on(&c, 11) != port)
		show_log();
	/* what stands by is taken over, not made again; the other is under load and may be in doubt
	 */
	assert_int_equal(port_on(&c, 11), port);
	mp_set(&run, "wlan down");
	wait_live(&run, WWAN);
	sent = mp_stats(&run, 1).direction[BRI_LAB_TO_SERVER].bytes;
	wait_sent(&run, atomic_load(&run.shared->server[0].in.bytes) + 2 * MEGABYTE);
	assert_true(mp_stats(&run, 1).direction[BRI_LAB_TO_SERVER].bytes > sent + MEGABYTE);
	finish(&run);
	stop(&d);
	expect_manager(&d, "kernel");
	mp_close(&run);
}

static void configuration_is_read_again(void **state)
{
	struct bri_lab_config config = two_paths(false);
	struct mp_run run = mp_open(&config);
	struct daemon d = { .run = &run, .side = BRI_LAB_CLIENT };
	struct bri_message_status status;
	struct bri_message_connection c;

	(void)state;
	write_config("[rule]\nprogram = braidd_test\nservice = none\n");
	start(&d, NULL);
	transfer(&run, 12 * MEGABYTE);
	c = wait_listed(BRI_MESSAGE_SERVICE_NONE, 1);
	while (!c.pid)
		c = wait_listed(BRI_MESSAGE_SERVICE_NONE, 1);
	assert_int_equal(c.source, BRI_MESSAGE_SOURCE_RULE);
	assert_string_equal(c.program, "braidd_test");
	/* a mistake: all stays */
	write_config("[rule]\nservice = frobnicate\n");
	kill(d.pid, SIGHUP);
	wait_sent(&run, MEGABYTE);
	c = wait_listed(BRI_MESSAGE_SERVICE_NONE, 1);
	assert_int_equal(c.source, BRI_MESSAGE_SOURCE_RULE);
	write_settings("default = aggregate\n");
	kill(d.pid, SIGHUP);
	c = wait_listed(BRI_MESSAGE_SERVICE_AGGREGATE, 2);
	assert_int_equal(c.source, BRI_MESSAGE_SOURCE_DEFAULT);
	assert_true(ask_status(&status));
	assert_int_equal(status.default_service, BRI_MESSAGE_SERVICE_AGGREGATE);
	wait_live(&run, BOTH);
	finish(&run);
	stop(&d);
	mp_close(&run);
}

/* --- clients that mean no good --- */

static void bother_once(uint64_t *seed)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	uint8_t bytes[BRI_MESSAGE_MAX];

	if (fd < 0)
		return;
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", socket_path);
	if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) == 0) {
		for (size_t i = 0; i < 50; i++) {
			struct bri_message list = { .type = BRI_MESSAGE_LIST, .id = 1 };
			size_t size = 1 + mp_random(seed) % sizeof(bytes);

			mp_pattern(mp_random(seed), 0, bytes, size);
			if (i % 2) {
				int n = bri_message_encode(&list, bytes, sizeof(bytes));

				size = n > 0 ? (size_t)n : size;
			}
			/* answers are not read */
			if (send(fd, bytes, size, MSG_NOSIGNAL) < 0)
				break;
		}
	}
	if (mp_random(seed) % 4)
		close(fd); /* else it stays open, until there are no more descriptors */
}

static pid_t bother(uint64_t seed)
{
	pid_t pid = fork();

	if (pid == 0) {
		uint64_t end_ns = bri_clock_now_ns() + 20 * BRI_NS_PER_S;

		while (bri_clock_now_ns() < end_ns)
			bother_once(&seed);
		_exit(0);
	}
	return pid;
}

static void hostile_clients(void **state)
{
	struct bri_lab_config config = two_paths(false);
	struct mp_run run = mp_open(&config);
	struct daemon d = { .run = &run, .side = BRI_LAB_CLIENT };
	pid_t pid;

	(void)state;
	write_config("");
	start(&d, NULL);
	transfer(&run, 8 * MEGABYTE);
	wait_live(&run, BOTH);
	pid = bother(1);
	assert_true(pid > 0);
	wait_sent(&run, MEGABYTE);
	mp_set(&run, "wlan down");
	wait_live(&run, WWAN);
	wait_sent(&run, 3 * MEGABYTE);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	finish(&run);
	assert_true(ask_status(NULL));
	stop(&d);
	mp_close(&run);
}

static void steers_the_kernel(void **state)
{
	struct bri_lab_config config = two_paths(false);
	struct mp_run run = mp_open(&config);
	struct daemon d = { .run = &run, .side = BRI_LAB_CLIENT };
	struct bri_message_status status;
	uint64_t joins;

	(void)state;
	write_config("");
	start(&d, "--kernel-pm");
	expect_manager(&d, "kernel");
	expect_endpoints(&d, "10 11b");
	assert_true(ask_status(&status));
	assert_int_equal(status.mode, BRI_MESSAGE_MODE_KERNEL);
	assert_non_null(strstr(status.missing, "single connections"));
	transfer(&run, 16 * MEGABYTE);
	wait_live(&run, BOTH);
	wait_sent(&run, MEGABYTE);
	mp_set(&run, "wlan down");
	wait_live(&run, WWAN);
	expect_endpoints(&d, "11");
	wait_sent(&run, 2 * MEGABYTE);
	mp_set(&run, "wlan up");
	expect_endpoints(&d, "10 11b");
	wait_live(&run, BOTH);
	joins = mp_mib(&run, BRI_LAB_SERVER, "MPJoinSynRx");
	kill_hard(&d);
	start(&d, "--kernel-pm");
	expect_endpoints(&d, "10 11b");
	wait_sent(&run, atomic_load(&run.shared->server[0].in.bytes) + MEGABYTE);
	/* the subflows of before are there: nothing was taken away for a moment */
	assert_int_equal(atomic_load(&run.shared->client[0].live), BOTH);
	assert_int_equal(mp_mib(&run, BRI_LAB_SERVER, "MPJoinSynRx"), joins);
	finish(&run);
	stop(&d);
	expect_endpoints(&d, "");
	mp_close(&run);
}

/* A connection that the kernel managed before the daemon came, by endpoints of others. */
static void guards_older_connections(void **state)
{
	struct bri_lab_config config = two_paths(true);
	struct mp_run run = mp_open(&config);
	struct daemon d = { .run = &run, .side = BRI_LAB_CLIENT };

	(void)state;
	write_config("");
	transfer(&run, 12 * MEGABYTE);
	wait_live(&run, BOTH);
	start(&d, NULL);
	expect_endpoints(&d, "10 11");
	wait_sent(&run, MEGABYTE);
	mp_set(&run, "wlan down");
	wait_live(&run, WWAN);
	expect_endpoints(&d, "11");
	wait_sent(&run, 2 * MEGABYTE);
	/* what was taken away comes back: with the link, or when the daemon stops */
	mp_set(&run, "wlan up");
	expect_endpoints(&d, "10 11");
	mp_set(&run, "wlan down");
	expect_endpoints(&d, "11");
	kill_hard(&d);
	start(&d, NULL);
	expect_endpoints(&d, "11");
	finish(&run);
	stop(&d);
	expect_endpoints(&d, "10 11");
	mp_close(&run);
}

static void announces(void **state)
{
	struct bri_lab_config config = two_paths(false);
	struct mp_run run = mp_open(&config);
	struct daemon d = { .run = &run, .side = BRI_LAB_SERVER };

	(void)state;
	write_settings("announce = 10.99.0.1 10.10.0.1, 10.11.0.1 fd99::1\n");
	start(&d, NULL);
	transfer(&run, 2 * MEGABYTE);
	finish(&run);
	/* all but the one that the client knows; each once */
	assert_true(mp_mib(&run, BRI_LAB_CLIENT, "AddAddr") >= 3);
	assert_int_equal(mp_mib(&run, BRI_LAB_SERVER, "EchoAdd"), 3);
	stop(&d);
	mp_close(&run);
}

static int run_all(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_and_started_again),
		cmocka_unit_test(configuration_is_read_again),
		cmocka_unit_test(hostile_clients),
		cmocka_unit_test(steers_the_kernel),
		cmocka_unit_test(guards_older_connections),
		cmocka_unit_test(announces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	static const char *const files[] = { "socket", "socket.lock", "config", "log", "state/lock",
		"state/restore", "state/endpoints", "state" };
	char path[128];
	int r;

	if (argc < 2 || argc > 3 || access(argv[1], X_OK) != 0) {
		fprintf(stderr, "usage: %s BRAIDD [TEST]\n", argv[0]);
		return 1;
	}
	braidd = argv[1];
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	shared_text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared_text == MAP_FAILED)
		return 1;
	snprintf(directory, sizeof(directory), "/tmp/braidd-test.XXXXXX");
	if (!mkdtemp(directory))
		return 1;
	snprintf(socket_path, sizeof(socket_path), "%s/socket", directory);
	snprintf(state_dir, sizeof(state_dir), "%s/state", directory);
	snprintf(config_path, sizeof(config_path), "%s/config", directory);
	snprintf(log_path, sizeof(log_path), "%s/log", directory);
	r = mp_main(run_all);
	for (size_t i = 0; i < BRI_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, files[i]);
		(void)remove(path);
	}
	(void)remove(directory);
	return r;
}
