/* braid/multipath.h: what an application may know of a connection's paths. Knows nothing of states.
 */
#include <braid/multipath.h>

#include "api/connection.h"
#include "api/multipath_blocks.h"

#include <stdio.h>
#include <string.h>

/* The public names of the transport's reasons. */
static const braid_multipath_reason_t public_reason[] = {
	[BRI_MPTCP_REASON_NONE] = braid_multipath_active,
	[BRI_MPTCP_REASON_UNDECIDED] = braid_multipath_not_started,
	[BRI_MPTCP_REASON_NOT_REQUESTED] = braid_multipath_not_requested,
	[BRI_MPTCP_REASON_KERNEL_TOO_OLD] = braid_multipath_kernel_too_old,
	[BRI_MPTCP_REASON_NOT_BUILT_IN] = braid_multipath_kernel_not_compiled,
	[BRI_MPTCP_REASON_DISABLED] = braid_multipath_kernel_disabled,
	[BRI_MPTCP_REASON_BLOCKED] = braid_multipath_not_permitted,
	[BRI_MPTCP_REASON_BLACKHOLE] = braid_multipath_suspended,
	[BRI_MPTCP_REASON_SYN_DROPPED] = braid_multipath_syn_dropped,
	[BRI_MPTCP_REASON_PEER_REFUSED] = braid_multipath_refused,
	[BRI_MPTCP_REASON_STRIPPED] = braid_multipath_fell_back,
	[BRI_MPTCP_REASON_CLIENT_PLAIN] = braid_multipath_client_plain,
	[BRI_MPTCP_REASON_INCOMPATIBLE] = braid_multipath_options_refused,
	[BRI_MPTCP_REASON_NOT_TCP] = braid_multipath_not_tcp,
	[BRI_MPTCP_REASON_OTHER] = braid_multipath_failed,
};

/* Of an accepted connection that is plain TCP: found out at the first question, then kept. */
static enum bri_mptcp_reason settle(nw_connection_t c)
{
	uint8_t undecided = BRI_MPTCP_REASON_UNDECIDED;
	enum bri_mptcp_reason reason;

	if (!c->inbound || c->is_udp || c->sock.mptcp ||
		atomic_load(&c->published_state) < BRI_LIFE_READY)
		return BRI_MPTCP_REASON_UNDECIDED;
	reason = bri_mptcp_reason_accepted_plain();
	if (!atomic_compare_exchange_strong(&c->multipath_reason, &undecided, (uint8_t)reason))
		reason = (enum bri_mptcp_reason)undecided; /* another thread asked as well */
	return reason;
}

/* As the kernel says now: a connection may fall back long after its handshake (RFC 8684, 3.7). */
static enum bri_mptcp_reason current_reason(nw_connection_t c)
{
	enum bri_mptcp_reason reason = (enum bri_mptcp_reason)atomic_load(&c->multipath_reason);
	struct bri_mptcp_info info = { 0 };

	if (reason == BRI_MPTCP_REASON_UNDECIDED)
		return settle(c);
	if (reason != BRI_MPTCP_REASON_NONE)
		return reason;
	pthread_mutex_lock(&c->lock);
	if (c->sock.fd >= 0 && bri_mptcp_info_get(c->sock.fd, &info) == 0 && !info.is_mptcp)
		reason = BRI_MPTCP_REASON_STRIPPED;
	pthread_mutex_unlock(&c->lock);
	return reason;
}

BRI_EXPORT bool braid_connection_is_multipath(nw_connection_t connection)
{
	return bri_connection_is(connection, __func__) &&
	       current_reason(connection) == BRI_MPTCP_REASON_NONE;
}

BRI_EXPORT braid_multipath_reason_t braid_connection_get_multipath_reason(
	nw_connection_t connection)
{
	if (!bri_connection_is(connection, __func__))
		return braid_multipath_not_started;
	return public_reason[current_reason(connection)];
}

/* "why: what to do", made once; as long as the longest pair of texts. */
static char reason_lines[BRI_LEN(public_reason)][512];
static pthread_once_t reason_lines_once = PTHREAD_ONCE_INIT;

static void make_reason_lines(void)
{
	for (size_t i = 0; i < BRI_LEN(public_reason); i++) {
		const char *fix = bri_mptcp_reason_fix((enum bri_mptcp_reason)i);

		snprintf(reason_lines[i], sizeof(reason_lines[i]), "%s%s%s",
			bri_mptcp_reason_text((enum bri_mptcp_reason)i), *fix ? ": " : "", fix);
	}
}

BRI_EXPORT const char *braid_multipath_reason_string(braid_multipath_reason_t reason)
{
	pthread_once(&reason_lines_once, make_reason_lines);
	for (size_t i = 0; i < BRI_LEN(public_reason); i++) {
		if (public_reason[i] == reason)
			return reason_lines[i];
	}
	return "unknown reason";
}

BRI_EXPORT braid_path_manager_t braid_connection_get_path_manager(nw_connection_t connection)
{
	if (!bri_connection_is(connection, __func__) ||
		current_reason(connection) != BRI_MPTCP_REASON_NONE)
		return braid_path_manager_none;
	return atomic_load(&connection->managed) ? braid_path_manager_braidd
						 : braid_path_manager_kernel;
}

BRI_EXPORT const char *braid_path_manager_string(braid_path_manager_t manager)
{
	switch (manager) {
	case braid_path_manager_none: return "none";
	case braid_path_manager_kernel: return "kernel";
	case braid_path_manager_braidd: return "braidd";
	}
	return "unknown path manager";
}

static void fill(struct braid_subflow *ret, const struct bri_mptcp_subflow *from, bool first,
	const struct bri_netstate *state)
{
	const struct bri_netif *netif = NULL;

	if (from->ifindex)
		netif = bri_netstate_by_index(state, from->ifindex);
	if (!netif)
		netif = bri_netstate_by_address(state, (const struct sockaddr *)&from->local);
	*ret = (struct braid_subflow) { .size = sizeof(*ret),
		.id = from->id,
		.local = from->local,
		.remote = from->remote,
		.state = (braid_subflow_state_t)from->tcp.state,
		.is_initial = from->has_flags ? from->local_id == 0 && first : first,
		.backup = from->backup,
		.backup_known = from->has_flags,
		.rtt_us = from->tcp.rtt_us,
		.rtt_var_us = from->tcp.rttvar_us,
		.min_rtt_us = from->tcp.min_rtt_us,
		.bytes_sent = from->tcp.bytes_sent,
		.bytes_received = from->tcp.bytes_received,
		.bytes_retransmitted = from->tcp.bytes_retrans };
	if (netif) {
		ret->if_index = netif->index;
		memcpy(ret->if_name, netif->name, sizeof(ret->if_name));
	}
}

BRI_EXPORT void braid_connection_enumerate_subflows_f(
	nw_connection_t c, void *context, braid_subflow_f enumerate)
{
	struct bri_mptcp_subflow subflows[BRI_MPTCP_MAX_SUBFLOWS];
	struct bri_mptcp_info info = { 0 };
	struct bri_netstate *state;
	struct braid_subflow subflow;
	size_t n = 0;

	if (!bri_connection_is(c, __func__) ||
		!bri_handler_is_given((bri_any_f)enumerate, __func__) || c->is_udp)
		return;
	pthread_mutex_lock(&c->lock);
	if (c->sock.fd < 0 || bri_mptcp_info_get(c->sock.fd, &info) < 0 ||
		bri_mptcp_info_subflows(c->sock.fd, subflows, BRI_MPTCP_MAX_SUBFLOWS, &n) < 0)
		n = 0;
	pthread_mutex_unlock(&c->lock);
	if (n && info.token)
		bri_mptcp_info_flags(info.token, subflows, n);
	state = n ? bri_netstate_get() : NULL;
	for (size_t i = 0; state && i < n; i++) {
		fill(&subflow, &subflows[i], i == 0, state);
		enumerate(context, &subflow);
	}
	bri_netstate_put(state);
}

BRI_EXPORT void braid_connection_enumerate_subflows(
	nw_connection_t connection, const void *enumerate)
{
	struct bri_callable call = bri_callable_borrow_block(enumerate);

	braid_connection_enumerate_subflows_f(connection, call.context, (braid_subflow_f)call.fn);
}
