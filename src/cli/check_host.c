/* `braid check HOST`: one connection by the public API, and what it became; one more for TLS. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "cli/check.h"
#include "cli/check_attempt.h"
#include "cli/check_tls.h"
#include "transport/mptcp_info.h"

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

static int report_ready(
	struct bri_check_attempt *attempt, struct bri_report *report, struct bri_json *json)
{
	uint64_t connect_us = (attempt->ready_ns - attempt->start_ns) / BRI_NS_PER_US;
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

static void report_unreachable(const char *error, const struct bri_cli_target *target,
	uint64_t timeout_ns, struct bri_report *report, struct bri_json *json)
{
	char text[160];

	if (error)
		snprintf(text, sizeof(text), "%s", error);
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

static int check_connection(const struct bri_cli_target *target, uint64_t timeout_ns,
	struct bri_report *report, struct bri_json *json)
{
	nw_parameters_t parameters = bri_net_tcp(nw_multipath_service_handover);
	struct bri_check_attempt attempt;
	int r = bri_check_attempt_start(target, parameters, timeout_ns, &attempt);
	int code = BRI_EXIT_UNREACHABLE;

	if (r == -ENOMEM) {
		bri_cli_error("check", "cannot make a connection to %s port %s", target->host,
			target->port);
		code = BRI_EXIT_FAILED;
	} else if (r == 0 && attempt.ready) {
		code = report_ready(&attempt, report, json);
	} else {
		report_unreachable(r == 0 ? attempt.error : NULL, target, timeout_ns, report, json);
	}
	bri_check_attempt_end(&attempt);
	nw_release(parameters);
	return code;
}

static void check_tls(const struct bri_cli_target *target, uint64_t timeout_ns,
	struct bri_report *report, struct bri_json *json)
{
	struct bri_check_tls tls;

	if (bri_check_tls_try(target, timeout_ns, &tls) < 0) {
		bri_cli_error("check", "cannot make a TLS connection to %s port %s", target->host,
			target->port);
		return;
	}
	bri_check_tls_judge(&tls, target, report);
	if (json)
		bri_check_tls_json(&tls, json);
}

int bri_check_host(const struct bri_cli_target *target, bool with_tls, uint64_t timeout_ns,
	struct bri_report *report, struct bri_json *json)
{
	size_t shown = report->n;
	int code;

	if (json) {
		bri_json_object(json, "host");
		bri_json_string(json, "name", target->host);
		bri_json_string(json, "port", target->port);
	}
	code = check_connection(target, timeout_ns, report, json);
	/* with no memory there is no row, and nothing that answered */
	if (with_tls && code != BRI_EXIT_UNREACHABLE && report->n > shown)
		check_tls(target, timeout_ns, report, json);
	if (json)
		bri_json_end_object(json);
	return code;
}
