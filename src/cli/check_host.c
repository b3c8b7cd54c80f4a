/* `braid check HOST`: one connection by the public API, and what it became. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "cli/check.h"
#include "cli/net.h"
#include "transport/mptcp_info.h"

#define CANCEL_TIMEOUT_NS                                                                          \
	(2 * (int64_t)BRI_NS_PER_S) /* cancelling is immediate; a bound all the same */

/* Written on the connection's queue, read by the main thread after `settled` was signalled. */
struct attempt {
	nw_connection_t connection;
	dispatch_semaphore_t settled, cancelled;
	bool is_settled, ready;
	uint64_t ready_ns;
	char error[128];
};

static void on_state(void *context, nw_connection_state_t state, nw_error_t error)
{
	struct attempt *attempt = context;

	if (state == nw_connection_state_cancelled) {
		dispatch_semaphore_signal(attempt->cancelled);
		return;
	}
	if (attempt->is_settled)
		return;
	switch (state) {
	case nw_connection_state_ready:
		attempt->ready = true;
		attempt->ready_ns = bri_clock_now_ns();
		break;
	case nw_connection_state_waiting: /* every address was tried: for a check that is the end */
	case nw_connection_state_failed: {
		char buffer[96];

		snprintf(attempt->error, sizeof(attempt->error), "%s",
			bri_net_error_text(error, buffer, sizeof(buffer)));
		break;
	}
	default: return;
	}
	attempt->is_settled = true;
	dispatch_semaphore_signal(attempt->settled);
}

/* The library's public text says what to do too, but in one line with the reason; rows keep them
 * apart. */
static const char *fix_of(braid_multipath_reason_t reason)
{
	switch (reason) {
	case braid_multipath_refused:
		return "the server must listen with MPTCP (Linux 5.6 or newer: 'mptcpize run "
		       "SERVER', nginx "
		       "'listen ... multipath', Go does by itself); if it does, compare from "
		       "another network: a "
		       "firewall or proxy on the way removes the option";
	case braid_multipath_syn_dropped:
		return "a firewall on the way drops packets that ask for MPTCP; compare from "
		       "another network. The "
		       "kernel will stop asking for a while: see net.mptcp.blackhole_timeout";
	case braid_multipath_suspended: return "see the row 'blackhole detection' above";
	case braid_multipath_fell_back:
		return "something on the way changes TCP: a proxy, a firewall, an optimiser of a "
		       "mobile network; "
		       "compare from another network";
	case braid_multipath_kernel_too_old:
	case braid_multipath_kernel_not_compiled:
	case braid_multipath_kernel_disabled:
	case braid_multipath_not_permitted: return "see the row 'MPTCP sockets' above";
	default: return bri_mptcp_reason_fix((enum bri_mptcp_reason)reason);
	}
}

static int report_ready(struct attempt *attempt, uint64_t start_ns, struct bri_report *report,
	struct bri_json *json)
{
	uint64_t connect_us = (attempt->ready_ns - start_ns) / BRI_NS_PER_US;
	braid_multipath_reason_t reason =
		braid_connection_get_multipath_reason(attempt->connection);
	bool multipath = braid_connection_is_multipath(attempt->connection);
	struct bri_net_subflows subflows;
	char peer[BRI_NET_ADDRESS_SIZE], text[320];

	bri_net_peer_text(attempt->connection, peer);
	bri_net_subflows_get(attempt->connection, &subflows);
	bri_report_add(report, BRI_VERDICT_OK, "host.connect", "connection", NULL,
		"to %s in %llu.%llu ms", peer, (unsigned long long)(connect_us / 1000),
		(unsigned long long)(connect_us % 1000 / 100));
	if (multipath)
		bri_report_add(report, BRI_VERDICT_OK, "host.multipath", "multipath", NULL,
			"yes: this connection is Multipath TCP");
	else
		bri_report_fix(bri_report_add(report, BRI_VERDICT_BAD, "host.multipath",
				       "multipath", NULL, "no, plain TCP: %s",
				       bri_mptcp_reason_text((enum bri_mptcp_reason)reason)),
			"%s", fix_of(reason));
	for (size_t i = 0; i < subflows.n; i++) {
		bri_net_subflow_text(&subflows.list[i], text, sizeof(text));
		bri_report_add(report, BRI_VERDICT_OK, "host.subflow", "subflow", NULL, "%s", text);
	}
	if (json) {
		bri_json_string(json, "address", peer);
		bri_json_unsigned(json, "connect_us", connect_us);
		bri_json_bool(json, "multipath", multipath);
		bri_json_string(json, "reason", bri_net_reason_name(reason));
		bri_net_subflows_json(&subflows, json, "subflows");
	}
	return multipath ? BRI_EXIT_OK : BRI_EXIT_FAILED;
}

static void report_unreachable(const struct attempt *attempt, const struct bri_cli_target *target,
	uint64_t timeout_ns, struct bri_report *report, struct bri_json *json)
{
	char text[160];

	if (attempt->is_settled)
		snprintf(text, sizeof(text), "%s", attempt->error);
	else
		snprintf(text, sizeof(text), "no answer within %llu.%03llu s",
			(unsigned long long)(timeout_ns / BRI_NS_PER_S),
			(unsigned long long)(timeout_ns % BRI_NS_PER_S / BRI_NS_PER_MS));
	bri_report_add(report, BRI_VERDICT_BAD, "host.connect", "connection", NULL,
		"cannot connect to %s port %s: %s", target->host, target->port, text);
	if (json) {
		bri_json_null(json, "address");
		bri_json_string(json, "error", text);
	}
}

/* Runs on the connection's queue, after which no handler can be in the middle of `attempt`. */
static void nothing(void *context)
{
	(void)context;
}

static int run_attempt(struct attempt *attempt, const struct bri_cli_target *target,
	uint64_t timeout_ns, struct bri_report *report, struct bri_json *json)
{
	dispatch_queue_t queue = dispatch_queue_create("braid.check", DISPATCH_QUEUE_SERIAL);
	uint64_t start_ns = bri_clock_now_ns();
	bool timed_out;
	int code;

	nw_connection_set_queue(attempt->connection, queue);
	nw_connection_set_state_changed_handler_f(attempt->connection, attempt, on_state, NULL);
	nw_connection_start(attempt->connection);
	timed_out = dispatch_semaphore_wait(attempt->settled,
			    dispatch_time(DISPATCH_TIME_NOW, (int64_t)timeout_ns)) != 0;
	if (!timed_out && attempt->ready) {
		code = report_ready(attempt, start_ns, report, json);
	} else {
		report_unreachable(attempt, target, timeout_ns, report, json);
		code = BRI_EXIT_UNREACHABLE;
	}
	nw_connection_cancel(attempt->connection);
	dispatch_semaphore_wait(
		attempt->cancelled, dispatch_time(DISPATCH_TIME_NOW, CANCEL_TIMEOUT_NS));
	nw_connection_set_state_changed_handler_f(attempt->connection, NULL, NULL, NULL);
	dispatch_sync_f(queue, NULL, nothing);
	dispatch_release(queue);
	return code;
}

int bri_check_host(const struct bri_cli_target *target, uint64_t timeout_ns,
	struct bri_report *report, struct bri_json *json)
{
	nw_endpoint_t endpoint = nw_endpoint_create_host(target->host, target->port);
	nw_parameters_t parameters = bri_net_tcp(nw_multipath_service_handover);
	struct attempt attempt = { 0 };
	int code = BRI_EXIT_FAILED;

	if (json) {
		bri_json_object(json, "host");
		bri_json_string(json, "name", target->host);
		bri_json_string(json, "port", target->port);
	}
	if (endpoint && parameters)
		attempt.connection = nw_connection_create(endpoint, parameters);
	if (attempt.connection) {
		attempt.settled = dispatch_semaphore_create(0);
		attempt.cancelled = dispatch_semaphore_create(0);
		code = run_attempt(&attempt, target, timeout_ns, report, json);
		dispatch_release(attempt.settled);
		dispatch_release(attempt.cancelled);
	} else {
		bri_cli_error("check", "cannot make a connection to %s port %s", target->host,
			target->port);
	}
	if (json)
		bri_json_end_object(json);
	nw_release(attempt.connection);
	nw_release(parameters);
	nw_release(endpoint);
	return code;
}
