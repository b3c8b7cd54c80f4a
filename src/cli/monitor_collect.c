/*
 * One look at this host's MPTCP connections: a dump of them, and one of TCP sockets, of which those
 * that are subflows are kept. The order matters: a subflow without its connection would be
 * nobody's, a connection without its subflows is only early.
 */
#include "cli/monitor_collect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "netlink/nl_diag.h"
#include "netlink/nl_socket.h"
#include "transport/netstate.h"

#define STATE_CLOSE  7
#define STATE_LISTEN 10

#define KNOWN_ADDRESSES 64u /* local addresses in use are few; the interfaces' list may be long */

struct known_address {
	struct bri_ip ip;
	uint32_t scope;
	char interface[IF_NAMESIZE];
};

struct bri_collector {
	struct bri_nl_socket *diag;
	struct bri_procs *procs;
	struct bri_services *services;
	struct bri_netstate *netstate; /* of this look; NULL: not known */
	struct bri_monitor_snapshot *snapshot;
	size_t n_known;
	struct known_address known[KNOWN_ADDRESSES];
	size_t family_start; /* where this dump's part begins: it may have to be done again */
	bool cut_before;
};

int bri_collector_open(struct bri_collector **ret)
{
	struct bri_collector *collector = calloc(1, sizeof(*collector));
	int r = collector ? bri_procs_new(&collector->procs) : -ENOMEM;

	if (r == 0)
		r = bri_services_new(&collector->services);
	if (r == 0)
		r = bri_nl_socket_open(NETLINK_SOCK_DIAG, 0, &collector->diag);
	if (r < 0) {
		bri_collector_close(collector);
		return r;
	}
	*ret = collector;
	return 0;
}

void bri_collector_close(struct bri_collector *collector)
{
	if (!collector)
		return;
	bri_nl_socket_close(collector->diag);
	bri_procs_free(collector->procs);
	bri_services_free(collector->services);
	free(collector);
}

static struct bri_monitor_addr addr_of(const struct sockaddr_storage *sa)
{
	struct bri_monitor_addr addr = { .ip = bri_ip_from_sockaddr((const void *)sa) };

	if (sa->ss_family == AF_INET) {
		addr.port = ntohs(((const struct sockaddr_in *)(const void *)sa)->sin_port);
	} else if (sa->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;

		addr.port = ntohs(in6->sin6_port);
		addr.scope = in6->sin6_scope_id;
	}
	return addr;
}

/* ---- connections ---- */

static void restart_connections(void *context)
{
	struct bri_collector *collector = context;

	collector->snapshot->n_connections = collector->family_start;
	collector->snapshot->cut = collector->cut_before;
}

static int on_connection(void *context, const struct nlmsghdr *msg)
{
	struct bri_collector *collector = context;
	struct bri_nl_diag diag;
	int r = bri_nl_diag_decode(msg, true, &diag);

	if (r < 0)
		return r;
	/* a listener, or a socket that was never connected */
	if (r > 0 || diag.state == STATE_LISTEN)
		return 0;
	struct bri_monitor_connection connection = {
		.cookie = diag.cookie,
		.token = diag.mptcp.token,
		.inode = diag.inode,
		.uid = diag.uid,
		.state = diag.state,
		.fallback = diag.mptcp.flags & BRI_MPTCP_INFO_FALLBACK,
		.local = addr_of(&diag.local),
		.remote = addr_of(&diag.remote),
		.has_bytes = diag.mptcp.bytes_sent || diag.mptcp.bytes_received,
		.tx_bytes = diag.mptcp.bytes_sent,
		.rx_bytes = diag.mptcp.bytes_received,
	};
	if (connection.remote.port == 0)
		return 0;
	return bri_monitor_snapshot_add(collector->snapshot, &connection);
}

/* ---- subflows ---- */

static void restart_subflows(void *context)
{
	struct bri_collector *collector = context;

	collector->snapshot->n_subflows = collector->family_start;
	collector->snapshot->cut = collector->cut_before;
}

static const char *look_up(const struct bri_collector *collector, const struct bri_nl_diag *diag)
{
	const struct bri_netif *found = NULL;

	if (!collector->netstate)
		return "";
	if (diag->ifindex)
		found = bri_netstate_by_index(collector->netstate, diag->ifindex);
	if (!found)
		found = bri_netstate_by_address(collector->netstate, (const void *)&diag->local);
	return found ? found->name : "";
}

static void put_interface(struct bri_collector *collector, const struct bri_nl_diag *diag,
	const struct bri_monitor_addr *local, char ret[static IF_NAMESIZE])
{
	struct known_address *known;
	size_t i;

	if (diag->ifindex) {
		snprintf(ret, IF_NAMESIZE, "%s", look_up(collector, diag));
		return;
	}
	for (i = 0; i < collector->n_known; i++) {
		known = &collector->known[i];
		if (known->scope == local->scope && bri_ip_equal(&known->ip, &local->ip)) {
			memcpy(ret, known->interface, IF_NAMESIZE);
			return;
		}
	}
	snprintf(ret, IF_NAMESIZE, "%s", look_up(collector, diag));
	if (i == KNOWN_ADDRESSES)
		return;
	known = &collector->known[collector->n_known++];
	*known = (struct known_address) { .ip = local->ip, .scope = local->scope };
	memcpy(known->interface, ret, IF_NAMESIZE);
}

static int on_socket(void *context, const struct nlmsghdr *msg)
{
	struct bri_collector *collector = context;
	struct bri_monitor_subflow subflow = { 0 };
	struct bri_nl_diag diag;
	int r = bri_nl_diag_decode(msg, false, &diag);

	if (r < 0)
		return r;
	if (r > 0 || !diag.has_tcp || diag.state == STATE_LISTEN)
		return 0;
	subflow.local = addr_of(&diag.local);
	subflow.remote = addr_of(&diag.remote);
	subflow.owner = bri_monitor_snapshot_owner(collector->snapshot,
		diag.has_subflow ? diag.token_local : 0, &subflow.local, &subflow.remote);
	if (subflow.owner == SIZE_MAX)
		return 0;
	subflow.cookie = diag.cookie;
	subflow.state = diag.state;
	subflow.local_id = diag.local_id;
	subflow.remote_id = diag.remote_id;
	subflow.backup_local = diag.subflow_flags & BRI_NL_SUBFLOW_BACKUP_LOCAL;
	subflow.backup_remote = diag.subflow_flags & BRI_NL_SUBFLOW_BACKUP_REMOTE;
	subflow.timeouts = diag.tcp.retransmits;
	subflow.rtt_us = diag.tcp.rtt_us;
	subflow.min_rtt_us = diag.tcp.min_rtt_us;
	subflow.cwnd = diag.tcp.snd_cwnd;
	subflow.retransmits = diag.tcp.total_retrans;
	subflow.tx_bytes = diag.tcp.bytes_sent;
	subflow.rx_bytes = diag.tcp.bytes_received;
	subflow.retransmitted_bytes = diag.tcp.bytes_retrans;
	put_interface(collector, &diag, &subflow.local, subflow.interface);
	return bri_monitor_snapshot_add_subflow(collector->snapshot, &subflow);
}

static int dump(struct bri_collector *collector, int family, bool mptcp)
{
	struct bri_monitor_snapshot *snapshot = collector->snapshot;
	struct bri_nl_request req;
	int r;

	collector->family_start = mptcp ? snapshot->n_connections : snapshot->n_subflows;
	collector->cut_before = snapshot->cut;
	bri_nl_diag_encode_dump(&req, family, mptcp);
	r = bri_nl_socket_dump(collector->diag, &req,
		mptcp ? restart_connections : restart_subflows, mptcp ? on_connection : on_socket,
		collector);
	if (r == BRI_NL_INTERRUPTED) {
		snapshot->complete = false;
		r = 0;
	}
	/* a kernel without IPv6, or without MPTCP: there are none */
	return r == -ENOENT || r == -EAFNOSUPPORT || r == -EOPNOTSUPP ? 0 : r;
}

int bri_collector_look(struct bri_collector *collector, struct bri_monitor_snapshot *ret)
{
	static const int families[] = { AF_INET, AF_INET6 };
	int r = 0;

	bri_monitor_snapshot_clear(ret);
	collector->snapshot = ret;
	collector->n_known = 0;
	if (bri_netstate_read(&collector->netstate) < 0)
		collector->netstate = NULL; /* subflows are shown without interfaces */
	ret->now_ns = bri_clock_now_ns();
	ret->wall_ns = bri_clock_wall_ns();
	for (size_t i = 0; r == 0 && i < BRI_LEN(families); i++)
		r = dump(collector, families[i], true);
	if (r == 0)
		r = bri_monitor_snapshot_seal(ret);
	for (size_t i = 0; r == 0 && i < BRI_LEN(families); i++)
		r = dump(collector, families[i], false);
	if (collector->netstate)
		bri_netstate_put(collector->netstate);
	collector->netstate = NULL;
	if (r == 0) {
		bri_procs_fill(collector->procs, ret);
		bri_services_fill(collector->services, ret);
	}
	return r;
}

void bri_collector_events(struct bri_collector *collector, struct bri_monitor_model *model)
{
	bri_services_events(collector->services, model);
}
