/*
 * The network around a connection: which interfaces its parameters allow, the path it takes,
 * viability and better paths. Knows nothing of bytes.
 */
#include "api/connection.h"
#include "api/ip_options.h"
#include "api/path.h"
#include "api/tcp_options.h"
#include "api/udp_options.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>

/* --- parameters as plain values --- */

/* What the kernel refuses on MPTCP sockets (kernel 6.18); it is done on TCP and UDP. */
/* api-status: partial nw_ip_options_set_hop_limit: not on MPTCP, whose kernel side refuses it */
/* api-status: partial nw_ip_options_set_disable_fragmentation: not on MPTCP, which refuses it */
/* api-status: partial nw_ip_options_set_local_address_preference: IPv6 only, and not on MPTCP */
/* api-status: partial nw_parameters_set_service_class: not on MPTCP over IPv6, which refuses it */

/* What Linux has no means for. */
/* api-status: partial nw_tcp_options_set_persist_timeout: stored; Linux bounds zero-window probing
 * only together with retransmission (retransmit_connection_drop_time) */
/* api-status: partial nw_parameters_set_expired_dns_behavior: stored; nothing is cached, so no
 * expired answer is ever used */

/* RFC 4594 section 2.3 (RFC 8622 for background). */
static uint8_t dscp_of(nw_service_class_t service_class)
{
	switch (service_class) {
	case nw_service_class_background: return 1;         /* LE */
	case nw_service_class_interactive_video: return 34; /* AF41 */
	case nw_service_class_interactive_voice: return 46; /* EF */
	case nw_service_class_responsive_data: return 18;   /* AF21 */
	case nw_service_class_signaling: return 40;         /* CS5 */
	case nw_service_class_best_effort: break;
	}
	return 0;
}

static void copy_tcp(const struct bri_tcp_options *tcp, struct bri_sock_config *ret)
{
	ret->no_delay = tcp->no_delay;
	ret->no_push = tcp->no_push;
	ret->keepalive = tcp->enable_keepalive;
	ret->keepalive_count = tcp->keepalive_count;
	ret->keepalive_idle_s = tcp->keepalive_idle_s;
	ret->keepalive_interval_s = tcp->keepalive_interval_s;
	ret->maximum_segment_size = tcp->maximum_segment_size;
	ret->connection_timeout_s = tcp->connection_timeout_s;
	ret->drop_time_s = tcp->retransmit_connection_drop_s;
	ret->fast_open |= tcp->enable_fast_open;
}

static void copy_ip(const struct bri_ip_options *ip, struct bri_sock_config *ret)
{
	ret->hop_limit = ip->hop_limit;
	ret->minimum_mtu = ip->use_minimum_mtu;
	ret->no_fragmentation = ip->disable_fragmentation;
	ret->receive_time = ip->calculate_receive_time;
	ret->no_multicast_loopback = ip->disable_multicast_loopback;
	ret->address_preference = (enum bri_sock_address_preference)ip->local_address_preference;
	ret->family = ip->version == nw_ip_version_4   ? AF_INET
		      : ip->version == nw_ip_version_6 ? AF_INET6
						       : AF_UNSPEC;
}

void bri_sock_config_from_parameters(nw_parameters_t parameters, struct bri_sock_config *ret)
{
	const struct bri_tcp_options *tcp = bri_parameters_tcp(parameters);
	const struct bri_udp_options *udp = bri_parameters_udp(parameters);
	const struct bri_ip_options *ip = bri_parameters_ip(parameters);

	*ret = (struct bri_sock_config) { 0 };
	ret->kind = bri_parameters_transport(parameters) == BRI_PARAMETERS_UDP ? BRI_SOCK_UDP
									       : BRI_SOCK_TCP;
	ret->multipath = ret->kind == BRI_SOCK_TCP &&
			 parameters->multipath_service != nw_multipath_service_disabled;
	ret->reuse_address = parameters->reuse_local_address;
	ret->fast_open = parameters->fast_open_enabled;
	ret->dscp = dscp_of(parameters->service_class);
	if (parameters->local_endpoint)
		ret->local = parameters->local_endpoint->addr;
	if (tcp)
		copy_tcp(tcp, ret);
	if (udp)
		ret->no_checksum = udp->prefer_no_checksum;
	if (ip)
		copy_ip(ip, ret);
}

/* --- interfaces --- */

_Static_assert(BRI_PARAMETERS_PROHIBITED_MAX <= BRI_NETSTATE_MAX_PROHIBITED, "none is passed over");

static void make_query(nw_parameters_t p, struct bri_netstate_query *ret)
{
	const struct bri_ip_options *ip = bri_parameters_ip(p);

	*ret = (struct bri_netstate_query) { .ip_version = ip ? (int)ip->version : 0,
		.required_index =
			p->required_interface ? nw_interface_get_index(p->required_interface) : 0,
		.required_type = (enum bri_iftype)p->required_interface_type,
		.prohibit_expensive = p->prohibit_expensive,
		.prohibit_constrained = p->prohibit_constrained,
		.any_destination = true };
	if (p->local_only) /* what leaves by loopback stays on this host, whatever its address */
		ret->required_type = BRI_IFTYPE_LOOPBACK;
	for (uint8_t i = 0; i < p->prohibited_type_count; i++)
		ret->prohibited_types |= BRI_IFTYPE_BIT(p->prohibited_types[i]);
	for (size_t i = 0; i < p->prohibited_interface_count && i < BRI_NETSTATE_MAX_PROHIBITED;
		i++)
		ret->prohibited_indexes[ret->n_prohibited++] =
			nw_interface_get_index(p->prohibited_interfaces[i]);
	if (p->local_endpoint && p->local_endpoint->addr.sa.sa_family != AF_UNSPEC)
		ret->local = &p->local_endpoint->addr.sa;
}

/* The parameters have a say in which interface is used. */
static bool is_restricted(const struct bri_netstate_query *query)
{
	return query->required_index || query->required_type != BRI_IFTYPE_OTHER ||
	       query->prohibited_types || query->n_prohibited || query->prohibit_expensive ||
	       query->prohibit_constrained;
}

/* Where the connection goes; NULL: not known yet. `remote` is set before ready is published. */
static const struct sockaddr *remote_of(nw_connection_t c)
{
	enum bri_life state =
		(enum bri_life)atomic_load_explicit(&c->published_state, memory_order_acquire);
	nw_endpoint_t hop;

	if ((state == BRI_LIFE_READY || c->inbound) && c->remote.sa.sa_family != AF_UNSPEC)
		return &c->remote.sa;
	hop = bri_connection_hop(c);
	return hop && hop->addr.sa.sa_family != AF_UNSPEC ? &hop->addr.sa : NULL;
}

static uint32_t ifindex_of(const struct bri_netstate *state, const struct sockaddr *local)
{
	const struct bri_netif *netif = bri_netstate_by_address(state, local);

	return netif ? netif->index : 0;
}

static bool is_on_running(const struct bri_netstate *state, const struct sockaddr *local)
{
	const struct bri_netif *netif = bri_netstate_by_address(state, local);

	return netif && netif->running;
}

/* The local address of the subflow on the interface that, as braidd says, carries the data. */
static bool primary_of(nw_connection_t c, const struct bri_netstate *state,
	const struct bri_mptcp_subflow *subflows, size_t n, union bri_sockaddr *ret)
{
	const struct bri_netif *netif;

	for (size_t i = 0; i < n; i++) {
		const struct sockaddr *local = (const struct sockaddr *)&subflows[i].local;

		netif = bri_netstate_by_address(state, local);
		if (netif && netif->running && netif->index == c->path_news.primary)
			return bri_sockaddr_from(local, sizeof(subflows[i].local), ret) == 0;
	}
	return false;
}

/*
 * The local address of the connection: of the path that carries its data where braidd tells, else
 * its own or, when that one's interface is gone, that of an MPTCP subflow whose interface works,
 * for which the kernel tells which live. False: it has none.
 */
static bool local_of(nw_connection_t c, const struct bri_netstate *state, union bri_sockaddr *ret)
{
	struct bri_mptcp_subflow subflows[BRI_MPTCP_MAX_SUBFLOWS];
	bool works;
	size_t n = 0;

	if (c->sock.fd < 0 || bri_sock_local(c->sock.fd, ret) != 0 || bri_sockaddr_is_any(ret))
		return false;
	bri_sockaddr_unmap(ret);
	works = is_on_running(state, &ret->sa);
	if (!c->sock.mptcp || (works && !c->path_news.primary) ||
		bri_mptcp_info_subflows(c->sock.fd, subflows, BRI_MPTCP_MAX_SUBFLOWS, &n) < 0 ||
		primary_of(c, state, subflows, n, ret) || works)
		return true;
	for (size_t i = 0; i < n; i++) {
		const struct sockaddr *local = (const struct sockaddr *)&subflows[i].local;

		if (is_on_running(state, local))
			return bri_sockaddr_from(local, sizeof(subflows[i].local), ret) == 0;
	}
	return true;
}

/* afresh: as if it were made now; else where it is. */
static int evaluate(nw_connection_t c, bool afresh, struct bri_netstate_result *ret)
{
	struct bri_netstate *state = bri_netstate_get();
	struct bri_netstate_query query;
	union bri_sockaddr local;
	struct bri_ip source;

	if (!state)
		return -ENOMEM;
	make_query(c->parameters, &query);
	query.remote = remote_of(c);
	if (!afresh && local_of(c, state, &local))
		query.local = &local.sa;
	/* its subflow is bound to that device, whatever the routes of its address say */
	if (query.local && c->path_news.primary && !afresh)
		query.route_ifindex = ifindex_of(state, query.local);
	if (!query.route_ifindex && query.remote && !is_restricted(&query))
		bri_netstate_route(query.remote, query.local, 0, &query.route_ifindex, &source);
	bri_netstate_evaluate(state, &query, ret);
	bri_netstate_put(state);
	return 0;
}

/*
 * A connection whose parameters restrict interfaces is bound to the best that they allow: the
 * socket's own traffic cannot leave by another. Extra MPTCP subflows are the path manager's: the
 * kernel does not hold them to the binding; braidd, which is told (connection_claim.c), does.
 */
/* api-status: partial nw_parameters_require_interface: holds on every subflow where
 * braidd runs; without it on the first subflow only */
/* api-status: partial nw_parameters_set_required_interface_type: holds on every subflow where
 * braidd runs; without it on the first subflow only */
/* api-status: partial nw_parameters_prohibit_interface: holds on every subflow where
 * braidd runs; without it on the first subflow only */
/* api-status: partial nw_parameters_prohibit_interface_type: holds on every subflow where
 * braidd runs; without it on the first subflow only */
/* api-status: partial nw_parameters_set_prohibit_expensive: holds on every subflow where
 * braidd runs; without it on the first subflow only */
/* api-status: partial nw_parameters_set_prohibit_constrained: as
 * nw_parameters_set_prohibit_expensive; and nothing marks an interface constrained yet */
int bri_connection_sock_config(nw_connection_t c, struct bri_establish_config *ret)
{
	struct bri_netstate_result result;
	struct bri_netstate_query query;
	nw_endpoint_t hop = bri_connection_hop(c);

	bri_sock_config_from_parameters(c->parameters, &ret->sock);
	if (ret->sock.family)
		ret->families = ret->sock.family == AF_INET ? BRI_RACE_V4 : BRI_RACE_V6;
	if (hop->addr.sa.sa_family != AF_UNSPEC && ret->sock.family &&
		hop->addr.sa.sa_family != ret->sock.family)
		return -EAFNOSUPPORT;
	make_query(c->parameters, &query);
	if (!is_restricted(&query))
		return 0;
	if (evaluate(c, false, &result) < 0)
		return -ENOMEM;
	if (result.status != BRI_PATH_SATISFIED || !result.n_interfaces)
		return -ENETDOWN;
	memcpy(ret->sock.interface, result.interfaces[0].name, sizeof(ret->sock.interface));
	return 0;
}

int bri_listen_interface(nw_parameters_t parameters, char ret[static IF_NAMESIZE])
{
	struct bri_netstate_result result;
	struct bri_netstate_query query;
	struct bri_netstate *state;

	ret[0] = 0;
	make_query(parameters, &query);
	if (!is_restricted(&query))
		return 0;
	state = bri_netstate_get();
	if (!state)
		return -ENOMEM;
	bri_netstate_evaluate(state, &query, &result);
	bri_netstate_put(state);
	if (result.status != BRI_PATH_SATISFIED || !result.n_interfaces)
		return -ENETDOWN;
	memcpy(ret, result.interfaces[0].name, IF_NAMESIZE);
	return 0;
}

/* --- paths, viability --- */

/* Of the subflow that carries the data, where that is known; else the socket's own. */
static bool path_local(nw_connection_t c, union bri_sockaddr *ret)
{
	struct bri_netstate *state = c->path_news.primary ? bri_netstate_get() : NULL;
	bool known = state && local_of(c, state, ret);

	bri_netstate_put(state);
	return known || bri_sock_local(c->sock.fd, ret) == 0;
}

static nw_path_t make_path(nw_connection_t c, struct bri_netstate_result *result)
{
	nw_endpoint_t local = NULL, remote = NULL;
	union bri_sockaddr addr;
	nw_path_t path;

	if (evaluate(c, false, result) < 0)
		return NULL;
	if (c->flow) {
		local = bri_endpoint_from_addr(bri_hub_flow_local(c->flow));
		remote = bri_endpoint_from_addr(bri_hub_flow_remote(c->flow));
	} else if (atomic_load_explicit(&c->published_state, memory_order_acquire) ==
		   BRI_LIFE_READY) {
		if (path_local(c, &addr))
			local = bri_endpoint_from_addr(&addr);
		remote = bri_endpoint_from_addr(&c->remote);
	} else {
		remote = nw_retain(c->endpoint);
	}
	path = bri_path_new(result, local, remote);
	nw_release(local);
	nw_release(remote);
	return path;
}

static bool wants(nw_connection_t c, enum bri_handler_slot slot)
{
	bool set;

	pthread_mutex_lock(&c->lock);
	set = c->handlers[slot];
	pthread_mutex_unlock(&c->lock);
	return set;
}

static void tell(nw_connection_t c, enum bri_request_kind kind, bool value)
{
	struct bri_request *news = bri_request_new(kind);

	news->complete = value;
	bri_connection_complete(c, news, NULL);
}

static void tell_path(nw_connection_t c, nw_path_t path)
{
	struct bri_request *news = bri_request_new(BRI_REQUEST_PATH);
	nw_path_t old;

	pthread_mutex_lock(&c->lock);
	old = c->path;
	c->path = path;
	pthread_mutex_unlock(&c->lock);
	bri_object_release(old);
	news->path = nw_retain(path);
	bri_connection_complete(c, news, NULL);
}

/* A connection made now would use another interface, while the one it uses still works. To
 * Multipath TCP that is no reason for a new one: it takes the other path by itself, unless braidd
 * says that this one cannot. */
static bool is_better_elsewhere(nw_connection_t c)
{
	struct bri_netstate_result result;

	if (!wants(c, BRI_HANDLER_BETTER_PATH) || c->life != BRI_LIFE_READY || !c->viable ||
		!c->ifindex)
		return false;
	if (c->sock.mptcp && atomic_load(&c->multipath_reason) == BRI_MPTCP_REASON_NONE)
		return c->path_news.held && c->path_news.better;
	return !c->inbound && evaluate(c, true, &result) == 0 &&
	       result.status == BRI_PATH_SATISFIED && result.n_interfaces &&
	       result.interfaces[0].index != c->ifindex;
}

/* The interface of the socket's own address, as the snapshot has it; 0: it is gone or unknown. */
static uint32_t own_ifindex(nw_connection_t c, const struct bri_netstate *state)
{
	const struct bri_netif *netif = NULL;
	union bri_sockaddr local;

	if (c->flow)
		local = *bri_hub_flow_local(c->flow);
	else if (c->sock.fd < 0 || bri_sock_local(c->sock.fd, &local) < 0)
		return 0;
	bri_sockaddr_unmap(&local);
	if (local.sa.sa_family != AF_UNSPEC && !bri_sockaddr_is_any(&local))
		netif = bri_netstate_by_address(state, &local.sa);
	return netif && netif->running ? netif->index : 0;
}

static bool is_lost(const struct bri_claim_news *news, uint32_t ifindex)
{
	for (uint32_t i = 0; i < news->n_lost; i++) {
		if (news->lost[i] == ifindex)
			return true;
	}
	return false;
}

/* Of a connection that braidd manages: a subflow whose interface works, and that was not left since
 * nothing comes through. */
static bool has_usable_subflow(nw_connection_t c, const struct bri_netstate *state)
{
	struct bri_mptcp_subflow subflows[BRI_MPTCP_MAX_SUBFLOWS];
	const struct bri_netif *netif;
	size_t n = 0;

	if (bri_mptcp_info_subflows(c->sock.fd, subflows, BRI_MPTCP_MAX_SUBFLOWS, &n) < 0)
		return true;
	for (size_t i = 0; i < n; i++) {
		netif = bri_netstate_by_address(state, (struct sockaddr *)&subflows[i].local);
		if (netif && netif->running && !is_lost(&c->path_news, netif->index))
			return true;
	}
	return false;
}

/* An MPTCP connection is viable while any of its subflows can be. */
static bool is_viable(nw_connection_t c, const struct bri_netstate *state)
{
	union bri_sockaddr local;

	if (!c->ifindex)
		return true;
	if (c->path_news.held)
		return has_usable_subflow(c, state);
	if (own_ifindex(c, state))
		return true;
	return c->sock.mptcp && local_of(c, state, &local) && is_on_running(state, &local.sa);
}

/* Nobody follows the path any more: it is evaluated when asked for, not remembered. */
static void forget_path(nw_connection_t c)
{
	nw_path_t old;

	pthread_mutex_lock(&c->lock);
	old = c->path;
	c->path = NULL;
	pthread_mutex_unlock(&c->lock);
	bri_object_release(old);
}

void bri_connection_path_evaluate(nw_connection_t c)
{
	struct bri_netstate_result result;
	nw_path_t path;
	bool better;

	if (!wants(c, BRI_HANDLER_PATH) && !wants(c, BRI_HANDLER_BETTER_PATH)) {
		forget_path(c);
		return;
	}
	path = make_path(c, &result);
	if (!path)
		return;
	better = is_better_elsewhere(c);
	if (better != c->wants_better) {
		c->wants_better = better;
		tell(c, BRI_REQUEST_BETTER_PATH, better);
	}
	if (c->path && nw_path_is_equal(c->path, path))
		bri_object_release(path);
	else
		tell_path(c, path);
}

void bri_connection_path_look(nw_connection_t c, const struct bri_netstate *state)
{
	bool viable = is_viable(c, state);

	if (viable != c->viable) {
		c->viable = viable;
		tell(c, BRI_REQUEST_VIABILITY, viable);
	}
	bri_connection_path_evaluate(c);
}

void bri_connection_path_rules(nw_connection_t c, struct bri_netstate_query *ret)
{
	make_query(c->parameters, ret);
}

static void on_network(void *context, struct bri_netstate *state)
{
	nw_connection_t c = bri_object_get(context);

	if (c->life == BRI_LIFE_WAITING)
		bri_connection_on_restart(c);
	else if (c->life == BRI_LIFE_READY)
		bri_connection_path_look(c, state);
	bri_connection_run(c);
	bri_object_put(c);
}

void bri_connection_watch_network(nw_connection_t c)
{
	int error;

	if (c->network || !c->queue || c->life == BRI_LIFE_FAILED || c->life == BRI_LIFE_CANCELLED)
		return;
	error = bri_netstate_subscribe(c->queue, c, on_network, &c->network);
	if (error)
		bri_warn("changes of the network are not seen: %s", strerror(-error));
}

void bri_connection_path_ready(nw_connection_t c)
{
	struct bri_netstate *state;

	c->viable = true;
	tell(c, BRI_REQUEST_VIABILITY, true);
	/* most servers never ask: nothing is looked up or subscribed to for them */
	if (!wants(c, BRI_HANDLER_VIABILITY) && !wants(c, BRI_HANDLER_PATH) &&
		!wants(c, BRI_HANDLER_BETTER_PATH)) {
		forget_path(c);
		return;
	}
	state = bri_netstate_get();
	if (state)
		c->ifindex = own_ifindex(c, state);
	bri_netstate_put(state);
	bri_connection_watch_network(c);
	bri_connection_path_evaluate(c);
}

void bri_connection_path_stop(nw_connection_t c)
{
	bri_netstate_unsubscribe(c->network);
	c->network = NULL;
}

/* --- public --- */

BRI_EXPORT nw_path_t nw_connection_copy_current_path(nw_connection_t c)
{
	struct bri_netstate_result result;
	enum bri_life state;
	nw_path_t path = NULL;

	if (!bri_connection_is(c, "nw_connection_copy_current_path"))
		return NULL;
	state = (enum bri_life)atomic_load_explicit(&c->published_state, memory_order_acquire);
	if (state == BRI_LIFE_SETUP || state == BRI_LIFE_FAILED || state == BRI_LIFE_CANCELLED)
		return NULL;
	pthread_mutex_lock(&c->lock);
	path = nw_retain(c->path);
	/* the socket is closed under the lock too, so it is there for the evaluation */
	if (!path)
		path = make_path(c, &result);
	pthread_mutex_unlock(&c->lock);
	return path;
}
