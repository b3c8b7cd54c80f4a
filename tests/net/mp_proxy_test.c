/*
 * Connections through real proxies, microsocks and tinyproxy, over Multipath TCP to the proxy: the
 * proxies run under `braid run` in the lab's server, and the far end listens on the server's own
 * loopback address, which only they can reach. What is asserted: all bytes, the subflows to the
 * proxy, and which errors their refusals become.
 */
#include "mp_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BYTES      UINT64_C(3000000)
#define SOCKS_PORT 1080
#define HTTP_PORT  8888
#define FAR        "127.0.0.1" /* of the server: nobody but a proxy there gets to it */

static pid_t proxy; /* 0: none */
static char conf[] = "/tmp/braid-tinyproxy-XXXXXX";

/* --- the proxies --- */

static bool have(const char *program)
{
	char command[64];

	snprintf(command, sizeof(command), "command -v %s >/dev/null", program);
	return system(command) == 0;
}

/* False: there is no such program here, and the test is skipped. */
static bool spawn(struct mp_run *run, const char *const *argv)
{
	const char *wrapped[16] = { BRAID, "run", "--" };
	struct bri_lab_stdio io;
	size_t n = 3;

	if (!have(argv[0])) {
		print_message("skipped: no %s here\n", argv[0]);
		if (getenv("BRAID_REQUIRE_ALL"))
			fail_msg("no %s", argv[0]);
		return false;
	}
	while (*argv)
		wrapped[n++] = *argv++;
	io.in = io.out = io.err = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_int_equal(bri_lab_spawn(run->lab, BRI_LAB_SERVER, wrapped, &io, &proxy), 0);
	close(io.in);
	return true;
}

static bool start_microsocks(struct mp_run *run, bool authenticate)
{
	static const char *const open[] = { "microsocks", "-i", BRI_LAB_SERVICE4, "-p", "1080",
		NULL };
	static const char *const closed[] = { "microsocks", "-i", BRI_LAB_SERVICE4, "-p", "1080",
		"-u", "user", "-P", "pass", NULL };

	return spawn(run, authenticate ? closed : open);
}

static bool start_tinyproxy(struct mp_run *run, const char *more)
{
	const char *argv[] = { "tinyproxy", "-d", "-c", conf, NULL };
	FILE *f = fopen(conf, "w");

	assert_non_null(f);
	fprintf(f, "Port %d\nListen %s\nTimeout 60\nLogLevel Critical\n%s\n", HTTP_PORT,
		BRI_LAB_SERVICE4, more);
	assert_int_equal(fclose(f), 0);
	return spawn(run, argv);
}

static void stop_proxy(struct mp_run *run)
{
	if (proxy > 0) {
		kill(proxy, SIGTERM);
		(void)bri_lab_wait(run->lab, proxy, 2000);
	}
	proxy = 0;
}

/* In the client: until somebody listens there. */
static int await_port(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd, r = -1;

	inet_pton(AF_INET, BRI_LAB_SERVICE4, &to.sin_addr);
	for (int i = 0; r && i < 1000; i++) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		r = connect(fd, (const struct sockaddr *)&to, sizeof(to));
		close(fd);
		if (r)
			poll(NULL, 0, 10);
	}
	return r;
}

static int await_socks(void)
{
	return await_port(SOCKS_PORT);
}

static int await_http(void)
{
	return await_port(HTTP_PORT);
}

/* --- what the client is told of them --- */

static nw_privacy_context_t context_of(nw_parameters_t parameters)
{
	nw_privacy_context_t context = nw_privacy_context_create("proxies");

	nw_parameters_set_privacy_context(parameters, context);
	nw_release(context); /* the parameters have it */
	return context;
}

static nw_proxy_config_t add(nw_privacy_context_t context, bool is_socks, const char *port)
{
	nw_endpoint_t endpoint = nw_endpoint_create_host(BRI_LAB_SERVICE4, port);
	nw_proxy_config_t config = is_socks ? nw_proxy_config_create_socksv5(endpoint)
					    : nw_proxy_config_create_http_connect(endpoint, NULL);

	nw_release(endpoint);
	nw_privacy_context_add_proxy(context, config);
	nw_release(config); /* the context has it */
	return config;
}

static void socks(nw_parameters_t parameters)
{
	add(context_of(parameters), true, "1080");
}

static void socks_as_user(nw_parameters_t parameters)
{
	nw_proxy_config_set_username_and_password(
		add(context_of(parameters), true, "1080"), "user", "pass");
}

static void socks_as_nobody(nw_parameters_t parameters)
{
	nw_proxy_config_set_username_and_password(
		add(context_of(parameters), true, "1080"), "user", "guess");
}

static void http(nw_parameters_t parameters)
{
	add(context_of(parameters), false, "8888");
}

static void http_as_user(nw_parameters_t parameters)
{
	nw_proxy_config_set_username_and_password(
		add(context_of(parameters), false, "8888"), "user", "pass");
}

/* Nobody listens at the first. */
static void second_of_two(nw_parameters_t parameters)
{
	nw_privacy_context_t context = context_of(parameters);

	nw_proxy_config_set_failover_allowed(add(context, false, "9"), true);
	add(context, true, "1080");
}

static void none_of_two(nw_parameters_t parameters)
{
	nw_privacy_context_t context = context_of(parameters);

	nw_proxy_config_set_failover_allowed(add(context, false, "9"), true);
	nw_proxy_config_set_failover_allowed(add(context, true, "10"), true);
}

static void excluded(nw_parameters_t parameters)
{
	nw_privacy_context_t context = context_of(parameters);

	nw_proxy_config_add_excluded_domain(add(context, false, "9"), BRI_LAB_SERVICE4);
}

/* --- transfers --- */

static void assert_two_paths(struct mp_run *run)
{
	const struct mp_end *client = &run->shared->client[0];

	assert_int_equal(client->reason, braid_multipath_active + 1);
	assert_int_equal(client->most_count, 2);
	for (uint32_t path = 0; path < 2; path++) {
		struct bri_lab_stats stats = mp_stats(run, path);

		assert_true(stats.direction[0].bytes + stats.direction[1].bytes > BYTES / 20);
	}
}

static void prepare(struct mp_run *run, const char *address, int (*ready)(void),
	void (*configure)(nw_parameters_t parameters))
{
	snprintf(run->shared->address, sizeof(run->shared->address), "%s", address);
	run->shared->prepare_client = ready;
	run->shared->specs[0] =
		(struct mp_spec) { .seed = 5, .up = BYTES, .down = BYTES, .configure = configure };
}

static void transfer(
	struct mp_run *run, int (*ready)(void), void (*configure)(nw_parameters_t parameters))
{
	prepare(run, FAR, ready, configure);
	mp_start(run);
	mp_end_well(run);
	assert_two_paths(run);
	stop_proxy(run);
}

static void through_microsocks(void **state)
{
	struct bri_lab_config config = mp_two_paths();
	struct mp_run run = mp_open(&config);

	(void)state;
	if (start_microsocks(&run, false))
		transfer(&run, await_socks, socks);
	mp_close(&run);
}

static void through_microsocks_with_a_password(void **state)
{
	struct bri_lab_config config = mp_two_paths();
	struct mp_run run = mp_open(&config);

	(void)state;
	if (start_microsocks(&run, true))
		transfer(&run, await_socks, socks_as_user);
	mp_close(&run);
}

static void through_tinyproxy(void **state)
{
	struct bri_lab_config config = mp_two_paths();
	struct mp_run run = mp_open(&config);

	(void)state;
	if (start_tinyproxy(&run, ""))
		transfer(&run, await_http, http);
	mp_close(&run);
}

static void through_tinyproxy_with_a_password(void **state)
{
	struct bri_lab_config config = mp_two_paths();
	struct mp_run run = mp_open(&config);

	(void)state;
	if (start_tinyproxy(&run, "BasicAuth user pass"))
		transfer(&run, await_http, http_as_user);
	mp_close(&run);
}

/* Half way wlan is gone: the connection to the proxy goes on over wwan, and the far end sees
 * nothing of it. */
static void a_path_to_the_proxy_is_lost(void **state)
{
	struct bri_lab_config config = mp_two_paths();
	struct mp_run run = mp_open(&config);

	(void)state;
	if (start_microsocks(&run, false)) {
		prepare(&run, FAR, await_socks, socks);
		mp_start(&run);
		assert_true(mp_wait64(&run.shared->client[0].in.bytes, BYTES / 2, 20000));
		mp_set(&run, "wlan down");
		mp_end_well(&run);
		assert_int_equal(run.shared->client[0].most_count, 2);
		stop_proxy(&run);
	}
	mp_close(&run);
}

static void the_second_proxy_is_taken(void **state)
{
	struct bri_lab_config config = mp_two_paths();
	struct mp_run run = mp_open(&config);

	(void)state;
	if (start_microsocks(&run, false))
		transfer(&run, await_socks, second_of_two);
	mp_close(&run);
}

/* Failover all the way, and a host that the proxy is not for. */
static void directly(void **state)
{
	static void (*const configure[])(nw_parameters_t) = { none_of_two, excluded };
	struct bri_lab_config config = mp_two_paths();

	(void)state;
	for (size_t i = 0; i < BRI_LEN(configure); i++) {
		struct mp_run run = mp_open(&config);

		prepare(&run, BRI_LAB_SERVICE4, NULL, configure[i]);
		mp_start(&run);
		mp_end_well(&run);
		assert_two_paths(&run);
		mp_close(&run);
	}
}

/* --- refusals --- */

/* The client alone, to a port of FAR where nobody listens. */
static void refused(struct mp_run *run, int (*ready)(void),
	void (*configure)(nw_parameters_t parameters), int error)
{
	char why[128] = "";

	mp_shared_reset(run->shared);
	prepare(run, FAR, ready, configure);
	run->shared->specs[0].fail_waiting = true;
	run->shared->port = 9;
	assert_int_equal(mp_start_client(run), 0);
	if (!mp_finish(run, 20000, why, sizeof(why)))
		fail_msg("%s", why);
	if (run->shared->client[0].error != error)
		fail_msg("%s instead of %s", strerror(run->shared->client[0].error),
			strerror(error));
	stop_proxy(run);
}

static void refusals(void **state)
{
	struct bri_lab_config config = mp_two_paths();
	struct mp_run run = mp_open(&config);

	(void)state;
	if (start_microsocks(&run, true))
		refused(&run, await_socks, socks_as_nobody, EACCES);
	if (start_microsocks(&run, true))
		refused(&run, await_socks, socks, EACCES);
	if (start_microsocks(&run, false))
		refused(&run, await_socks, socks, ECONNREFUSED);
	if (start_tinyproxy(&run, "BasicAuth user secret"))
		refused(&run, await_http, http_as_user, EACCES);
	if (start_tinyproxy(&run, "BasicAuth user secret"))
		refused(&run, await_http, http, EACCES);
	if (start_tinyproxy(&run, "ConnectPort 443"))
		refused(&run, await_http, http, EPERM);
	/* it says 500 when it does not get there */
	if (start_tinyproxy(&run, ""))
		refused(&run, await_http, http, EREMOTEIO);
	mp_close(&run);
}

static int run_all(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(through_microsocks),
		cmocka_unit_test(through_microsocks_with_a_password),
		cmocka_unit_test(through_tinyproxy),
		cmocka_unit_test(through_tinyproxy_with_a_password),
		cmocka_unit_test(a_path_to_the_proxy_is_lost),
		cmocka_unit_test(the_second_proxy_is_taken),
		cmocka_unit_test(directly),
		cmocka_unit_test(refusals),
	};
	int fd = mkstemp(conf), failed;

	if (fd < 0)
		return 1;
	close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(conf);
	return failed;
}

int main(void)
{
	return mp_main(run_all);
}
