/*
 * Why a connection is not multipath: every cause that can be made in a namespace is made, and
 * libNetwork must name it, at both ends, while the transfer works over TCP. Kernels that are older
 * or built otherwise are as a seccomp filter shows them: socket() gives the error that they give.
 */
#include "mp_test.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define BYTES   UINT64_C(1000000)
#define NOTHING UINT64_C(20000) /* bytes on a path without data: the kernel's own few packets */

struct expected {
	const char *name;
	int (*prepare_client)(void), (*prepare_server)(void);
	const char *network;                     /* a change of path wlan; NULL: none */
	braid_multipath_reason_t client, server; /* just before the end */
	const char *client_mib, *server_mib;     /* counters that grew; NULL: not looked at */
	bool plain;
	bool first_active; /* it was multipath when it got ready */
};

static uint64_t mib(struct mp_run *run, enum bri_lab_side side, const char *name)
{
	return name ? mp_mib(run, side, name) : 0;
}

static uint64_t bytes_on(struct mp_run *run, uint32_t path)
{
	struct bri_lab_stats stats = mp_stats(run, path);

	return stats.direction[0].bytes + stats.direction[1].bytes;
}

static void assert_reason(const char *name, const char *end, int got, braid_multipath_reason_t want)
{
	if (got != (int)want + 1)
		fail_msg("%s: the %s says %d (%s), not %d (%s)", name, end, got - 1,
			braid_multipath_reason_string((braid_multipath_reason_t)(got - 1)), want,
			braid_multipath_reason_string(want));
}

/* One transfer up and down in a lab that is open. */
static void transfer(struct mp_run *run, const struct expected *e)
{
	struct mp_shared *shared = run->shared;
	uint64_t client_mib = mib(run, BRI_LAB_CLIENT, e->client_mib);
	uint64_t server_mib = mib(run, BRI_LAB_SERVER, e->server_mib);
	uint64_t joins = mp_mib(run, BRI_LAB_SERVER, "MPJoinAckRx"), other = bytes_on(run, 1);

	mp_shared_reset(shared);
	shared->prepare_client = e->prepare_client;
	shared->prepare_server = e->prepare_server;
	shared->specs[0] =
		(struct mp_spec) { .seed = 3, .up = BYTES, .down = BYTES, .plain = e->plain };
	print_message("  %s\n", e->name);
	mp_start(run);
	mp_end_well(run);
	assert_reason(e->name, "client", shared->client[0].last_reason, e->client);
	assert_reason(e->name, "server", shared->server[0].last_reason, e->server);
	assert_reason(e->name, "client, when ready,", shared->client[0].reason,
		e->first_active ? braid_multipath_active : e->client);
	if (e->client_mib && mib(run, BRI_LAB_CLIENT, e->client_mib) <= client_mib)
		fail_msg("%s: %s did not grow on the client", e->name, e->client_mib);
	if (e->server_mib && mib(run, BRI_LAB_SERVER, e->server_mib) <= server_mib)
		fail_msg("%s: %s did not grow on the server", e->name, e->server_mib);
	/* one path it is then: one subflow in the list, and nothing on the other */
	assert_int_equal(shared->client[0].last.count, 1);
	assert_int_equal(mp_mib(run, BRI_LAB_SERVER, "MPJoinAckRx"), joins);
	assert_in_range(bytes_on(run, 1) - other, 0, NOTHING);
}

static void transfer_alone(const struct expected *e)
{
	struct bri_lab_config config = mp_two_paths();
	struct mp_run run = mp_open(&config);
	char text[64];

	if (e->network) {
		snprintf(text, sizeof(text), "wlan %s", e->network);
		mp_set(&run, text);
	}
	transfer(&run, e);
	mp_close(&run);
}

/* --- what the programs meet --- */

static int switch_off(void)
{
	return mp_write("/proc/sys/net/mptcp/enabled", "0");
}

/* socket(x, x, IPPROTO_MPTCP) gives this errno from now on, in this process and its threads. */
static int refuse_mptcp(uint32_t error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 262, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = BRI_LEN(code), .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -1 : 0;
}

static int refuse_eperm(void)
{
	return refuse_mptcp(EPERM);
}

static int refuse_eacces(void)
{
	return refuse_mptcp(EACCES);
}

static int refuse_einval(void)
{
	return refuse_mptcp(EINVAL);
}

static int refuse_eprotonosupport(void)
{
	return refuse_mptcp(EPROTONOSUPPORT);
}

/* A connection that was never started knows nothing yet. */
static int ask_too_early(void)
{
	nw_endpoint_t endpoint = nw_endpoint_create_host("10.99.0.1", "1");
	nw_parameters_t parameters = nw_parameters_create_secure_tcp_f(
		NULL, BRAID_DISABLE_PROTOCOL_F, NULL, BRAID_DEFAULT_CONFIGURATION_F);
	nw_connection_t connection = nw_connection_create(endpoint, parameters);
	bool right =
		braid_connection_get_multipath_reason(connection) == braid_multipath_not_started &&
		!braid_connection_is_multipath(connection);

	nw_release(connection);
	nw_release(parameters);
	nw_release(endpoint);
	return right ? 0 : -1;
}

/* --- the cases --- */

static void test_not_requested(void **state)
{
	(void)state;
	transfer_alone(&(struct expected) { .name = "not asked for",
		.prepare_client = ask_too_early,
		.plain = true,
		.client = braid_multipath_not_requested,
		.server = braid_multipath_client_plain });
}

static void test_switched_off_on_the_client(void **state)
{
	(void)state;
	transfer_alone(&(struct expected) { .name = "client enabled=0",
		.prepare_client = switch_off,
		.client = braid_multipath_kernel_disabled,
		.server = braid_multipath_client_plain });
}

static void test_switched_off_on_the_server(void **state)
{
	(void)state;
	transfer_alone(&(struct expected) { .name = "server enabled=0",
		.prepare_server = switch_off,
		.client = braid_multipath_refused,
		.server = braid_multipath_kernel_disabled,
		.client_mib = "MPCapableFallbackSYNACK" });
}

static void test_socket_refused(void **state)
{
	static const struct {
		const char *name;
		int (*prepare)(void);
		braid_multipath_reason_t reason;
	} causes[] = {
		{ "EPERM", refuse_eperm, braid_multipath_not_permitted },
		{ "EACCES", refuse_eacces, braid_multipath_not_permitted },
		{ "EINVAL", refuse_einval, braid_multipath_kernel_too_old },
		{ "EPROTONOSUPPORT", refuse_eprotonosupport, braid_multipath_kernel_not_compiled },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(causes); i++) {
		transfer_alone(&(struct expected) { .name = causes[i].name,
			.prepare_client = causes[i].prepare,
			.client = causes[i].reason,
			.server = braid_multipath_client_plain });
		transfer_alone(&(struct expected) { .name = causes[i].name,
			.prepare_server = causes[i].prepare,
			.client = braid_multipath_refused,
			.server = causes[i].reason,
			.client_mib = "MPCapableFallbackSYNACK" });
	}
}

static void test_stripped_from_the_handshake(void **state)
{
	(void)state;
	transfer_alone(&(struct expected) { .name = "stripped both ways",
		.network = "mptcp strip",
		.client = braid_multipath_refused,
		.server = braid_multipath_client_plain,
		.client_mib = "MPCapableFallbackSYNACK" });
	/* the server has seen the client ask, and not its answer arrive */
	transfer_alone(&(struct expected) { .name = "stripped from answers",
		.network = "to-client mptcp strip",
		.client = braid_multipath_refused,
		.server = braid_multipath_fell_back,
		.client_mib = "MPCapableFallbackSYNACK",
		.server_mib = "MPCapableFallbackACK" });
}

static void test_stripped_after_the_handshake(void **state)
{
	(void)state;
	transfer_alone(&(struct expected) { .name = "stripped after the handshake",
		.network = "mptcp strip-data",
		.first_active = true,
		.client = braid_multipath_fell_back,
		.server = braid_multipath_fell_back,
		.server_mib = "MPCapableFallbackACK" });
}

/* The kernel asks twice more, then without; and stops asking in this namespace. */
static void test_syns_dropped(void **state)
{
	static const struct expected dropped = { .name = "SYNs dropped",
		.client = braid_multipath_syn_dropped,
		.server = braid_multipath_client_plain,
		.client_mib = "MPCapableSYNTXDrop" };
	static const struct expected suspended = { .name = "after that",
		.client = braid_multipath_suspended,
		.server = braid_multipath_client_plain,
		.client_mib = "MPCapableSYNTXDisabled" };
	struct bri_lab_config config = mp_two_paths();
	struct mp_run run = mp_open(&config);

	(void)state;
	mp_set(&run, "wlan mptcp drop-syn");
	transfer(&run, &dropped);
	assert_int_equal(mp_mib(&run, BRI_LAB_CLIENT, "Blackhole"), 1);
	mp_set(&run, "wlan mptcp pass");
	transfer(&run, &suspended);
	mp_close(&run);
}

static void test_not_tcp(void **state)
{
	struct bri_lab_config config = mp_two_paths();
	struct mp_run run = mp_open(&config);
	const struct mp_end *client = &run.shared->client[0];
	char why[256] = "";

	(void)state;
	run.shared->port = 9;
	run.shared->specs[0].udp = true;
	assert_int_equal(mp_start_client(&run), 0);
	if (!mp_finish(&run, 10000, why, sizeof(why)))
		fail_msg("%s", why);
	assert_reason("UDP", "client", client->reason, braid_multipath_not_tcp);
	assert_int_equal(client->error, 0);
	mp_close(&run);
}

static int run_all(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_requested),
		cmocka_unit_test(test_switched_off_on_the_client),
		cmocka_unit_test(test_switched_off_on_the_server),
		cmocka_unit_test(test_socket_refused),
		cmocka_unit_test(test_stripped_from_the_handshake),
		cmocka_unit_test(test_stripped_after_the_handshake),
		cmocka_unit_test(test_syns_dropped),
		cmocka_unit_test(test_not_tcp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return mp_main(run_all);
}
