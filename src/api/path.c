/* nw_path: what an evaluation of the network found, for programs to look at. Never changes. */
#include "api/path.h"

#include <stdlib.h>
#include <string.h>

#include "api/endpoint.h"
#include "api/path_blocks.h"
#include "base/callable.h"
#include "base/log.h"

_Static_assert((int)BRI_PATH_SATISFIED == nw_path_status_satisfied &&
		       (int)BRI_PATH_UNSATISFIED == nw_path_status_unsatisfied &&
		       (int)BRI_PATH_SATISFIABLE == nw_path_status_satisfiable,
	"one numbering of path states");
_Static_assert((int)BRI_PATH_CELLULAR_DENIED == nw_path_unsatisfied_reason_cellular_denied &&
		       (int)BRI_PATH_WIFI_DENIED == nw_path_unsatisfied_reason_wifi_denied &&
		       (int)BRI_PATH_VPN_INACTIVE == nw_path_unsatisfied_reason_vpn_inactive,
	"one numbering of reasons");

/* Interfaces and gateways are objects of the path's own: programs may keep what they were shown. */
struct nw_path {
	struct bri_object base;
	nw_path_status_t status;
	nw_path_unsatisfied_reason_t reason;
	bool has_ipv4, has_ipv6, has_dns, expensive, constrained;
	size_t n_interfaces, n_gateways;
	nw_interface_t interfaces[BRI_NETSTATE_MAX_USABLE]; /* internal references */
	nw_endpoint_t gateways[BRI_NETSTATE_MAX_GATEWAYS];  /* internal references */
	nw_endpoint_t local, remote;                        /* internal references, or NULL */
};

static void destroy(struct bri_object *obj)
{
	struct nw_path *path = (struct nw_path *)obj;

	for (size_t i = 0; i < path->n_interfaces; i++)
		bri_object_put(path->interfaces[i]);
	for (size_t i = 0; i < path->n_gateways; i++)
		bri_object_put(path->gateways[i]);
	bri_object_put(path->local);
	bri_object_put(path->remote);
	free(path);
}

static const struct bri_class path_class = {
	.name = "nw_path",
	.kind = BRI_KIND_PATH,
	.destroy = destroy,
};

/* A gateway has no port: 0. A link-local one means nothing without its interface. */
static nw_endpoint_t gateway_endpoint(const struct bri_ip *ip, uint32_t ifindex)
{
	union bri_sockaddr addr = { .sa.sa_family = ip->family };

	if (ip->family == AF_INET) {
		memcpy(&addr.in.sin_addr, ip->bytes, sizeof(addr.in.sin_addr));
	} else {
		memcpy(&addr.in6.sin6_addr, ip->bytes, sizeof(addr.in6.sin6_addr));
		if (IN6_IS_ADDR_LINKLOCAL(&addr.in6.sin6_addr))
			addr.in6.sin6_scope_id = ifindex;
	}
	return bri_object_own(nw_endpoint_create_address(&addr.sa));
}

static bool copy_lists(struct nw_path *path, const struct bri_netstate_result *result)
{
	for (size_t i = 0; i < result->n_interfaces; i++) {
		const struct bri_netif *netif = &result->interfaces[i];

		path->interfaces[i] = bri_object_own(bri_interface_new(
			netif->index, netif->name, (nw_interface_type_t)netif->type));
		if (!path->interfaces[i])
			return false;
		path->n_interfaces++;
	}
	for (size_t i = 0; i < result->n_gateways; i++) {
		path->gateways[i] =
			gateway_endpoint(&result->gateways[i].ip, result->gateways[i].ifindex);
		if (!path->gateways[i])
			return false;
		path->n_gateways++;
	}
	return true;
}

nw_path_t bri_path_new(
	const struct bri_netstate_result *result, nw_endpoint_t local, nw_endpoint_t remote)
{
	struct nw_path *path = bri_object_new(&path_class, sizeof(*path));

	if (!path)
		return NULL;
	path->status = (nw_path_status_t)result->status;
	path->reason = (nw_path_unsatisfied_reason_t)result->reason;
	path->has_ipv4 = result->has_ipv4;
	path->has_ipv6 = result->has_ipv6;
	path->has_dns = result->has_dns;
	path->expensive = result->expensive;
	path->constrained = result->constrained;
	path->local = bri_object_get(local);
	path->remote = bri_object_get(remote);
	if (!copy_lists(path, result)) {
		bri_object_release(path);
		return NULL;
	}
	return path;
}

uint32_t bri_path_first_index(nw_path_t path)
{
	return path && path->n_interfaces > 0 ? path->interfaces[0]->index : 0;
}

nw_path_status_t nw_path_get_status(nw_path_t path)
{
	if (!bri_object_check(path, BRI_KIND_PATH, __func__))
		return nw_path_status_invalid;
	return path->status;
}

nw_path_unsatisfied_reason_t nw_path_get_unsatisfied_reason(nw_path_t path)
{
	if (!bri_object_check(path, BRI_KIND_PATH, __func__))
		return nw_path_unsatisfied_reason_not_available;
	return path->reason;
}

/* Drivers tell signal strength in ways of their own (nl80211, ModemManager), none tells quality. */
nw_link_quality_t nw_path_get_link_quality(nw_path_t path)
{
	(void)bri_object_check(path, BRI_KIND_PATH, __func__);
	return nw_link_quality_unknown;
}

bool nw_path_is_expensive(nw_path_t path)
{
	return bri_object_check(path, BRI_KIND_PATH, __func__) && path->expensive;
}

bool nw_path_is_constrained(nw_path_t path)
{
	return bri_object_check(path, BRI_KIND_PATH, __func__) && path->constrained;
}

/* No Linux interface says that it is a satellite's. */
bool nw_path_is_ultra_constrained(nw_path_t path)
{
	(void)bri_object_check(path, BRI_KIND_PATH, __func__);
	return false;
}

bool nw_path_has_ipv4(nw_path_t path)
{
	return bri_object_check(path, BRI_KIND_PATH, __func__) && path->has_ipv4;
}

bool nw_path_has_ipv6(nw_path_t path)
{
	return bri_object_check(path, BRI_KIND_PATH, __func__) && path->has_ipv6;
}

bool nw_path_has_dns(nw_path_t path)
{
	return bri_object_check(path, BRI_KIND_PATH, __func__) && path->has_dns;
}

bool nw_path_uses_interface_type(nw_path_t path, nw_interface_type_t interface_type)
{
	if (!bri_object_check(path, BRI_KIND_PATH, __func__))
		return false;
	for (size_t i = 0; i < path->n_interfaces; i++)
		if (path->interfaces[i]->type == interface_type)
			return true;
	return false;
}

nw_endpoint_t nw_path_copy_effective_local_endpoint(nw_path_t path)
{
	if (!bri_object_check(path, BRI_KIND_PATH, __func__))
		return NULL;
	return bri_object_retain(path->local);
}

nw_endpoint_t nw_path_copy_effective_remote_endpoint(nw_path_t path)
{
	if (!bri_object_check(path, BRI_KIND_PATH, __func__))
		return NULL;
	return bri_object_retain(path->remote);
}

void nw_path_enumerate_interfaces_f(
	nw_path_t path, void *context, nw_path_enumerate_interfaces_handler_f enumerate)
{
	if (!bri_object_check(path, BRI_KIND_PATH, __func__))
		return;
	if (!enumerate) {
		bri_error("%s: no function to call", __func__);
		return;
	}
	/* the function may release the program's last reference of the path */
	bri_object_get(path);
	for (size_t i = 0; i < path->n_interfaces; i++)
		if (!enumerate(context, path->interfaces[i]))
			break;
	bri_object_put(path);
}

void nw_path_enumerate_gateways_f(
	nw_path_t path, void *context, nw_path_enumerate_gateways_handler_f enumerate)
{
	if (!bri_object_check(path, BRI_KIND_PATH, __func__))
		return;
	if (!enumerate) {
		bri_error("%s: no function to call", __func__);
		return;
	}
	bri_object_get(path);
	for (size_t i = 0; i < path->n_gateways; i++)
		if (!enumerate(context, path->gateways[i]))
			break;
	bri_object_put(path);
}

void nw_path_enumerate_interfaces(nw_path_t path, const void *enumerate_block)
{
	struct bri_callable call = bri_callable_borrow_block(enumerate_block);

	nw_path_enumerate_interfaces_f(
		path, call.context, (nw_path_enumerate_interfaces_handler_f)call.fn);
}

void nw_path_enumerate_gateways(nw_path_t path, const void *enumerate_block)
{
	struct bri_callable call = bri_callable_borrow_block(enumerate_block);

	nw_path_enumerate_gateways_f(
		path, call.context, (nw_path_enumerate_gateways_handler_f)call.fn);
}

static bool same_interface(nw_interface_t a, nw_interface_t b)
{
	return a->index == b->index && a->type == b->type && strcmp(a->name, b->name) == 0;
}

/* Both NULL, or the same address and port; names compare by their text. */
static bool same_endpoint(nw_endpoint_t a, nw_endpoint_t b)
{
	char at[512], bt[512];

	if (a == b || !a || !b)
		return a == b;
	if (a->type != b->type)
		return false;
	if (a->type == nw_endpoint_type_address)
		return bri_sockaddr_equal(&a->addr, &b->addr);
	return strcmp(bri_endpoint_format(a, at, sizeof(at)),
		       bri_endpoint_format(b, bt, sizeof(bt))) == 0;
}

static bool same_facts(nw_path_t a, nw_path_t b)
{
	return a->status == b->status && a->reason == b->reason && a->has_ipv4 == b->has_ipv4 &&
	       a->has_ipv6 == b->has_ipv6 && a->has_dns == b->has_dns &&
	       a->expensive == b->expensive && a->constrained == b->constrained &&
	       a->n_interfaces == b->n_interfaces && a->n_gateways == b->n_gateways;
}

bool nw_path_is_equal(nw_path_t path, nw_path_t other_path)
{
	if (!bri_object_check(path, BRI_KIND_PATH, __func__) ||
		!bri_object_check(other_path, BRI_KIND_PATH, __func__))
		return false;
	if (!same_facts(path, other_path) || !same_endpoint(path->local, other_path->local) ||
		!same_endpoint(path->remote, other_path->remote))
		return false;
	for (size_t i = 0; i < path->n_interfaces; i++)
		if (!same_interface(path->interfaces[i], other_path->interfaces[i]))
			return false;
	for (size_t i = 0; i < path->n_gateways; i++)
		if (!same_endpoint(path->gateways[i], other_path->gateways[i]))
			return false;
	return true;
}
