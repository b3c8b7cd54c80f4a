/*
 * Through which proxy a connection goes: the ways are chosen once, when it starts, and tried in
 * order each time it establishes. Knows no proxy protocol.
 */
#include "api/connection.h"
#include "api/proxy_layer.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>

/* Relays are not built, and neither protocol carries datagrams here. */
static bool is_usable(nw_connection_t c, const struct bri_proxy_way *way)
{
	return !way->proxy || (!c->is_udp && bri_proxy_endpoint(way));
}

/* What cannot be used is as good as a proxy that is not there: the next way, if there is one. */
static void drop_unusable(nw_connection_t c, struct bri_proxy_ways *ways)
{
	size_t kept = 0;

	for (size_t i = 0; i < ways->n; i++) {
		if (is_usable(c, &ways->list[i]))
			ways->list[kept++] = ways->list[i];
		else
			bri_object_put(ways->list[i].proxy);
	}
	ways->n = kept;
}

/* The host as the proxies' domains are compared with: an address as text, too. */
static const char *host_of(nw_endpoint_t endpoint, char buf[static BRI_SOCKADDR_TEXT_MAX])
{
	const char *host = nw_endpoint_get_hostname(endpoint);

	if (host)
		return host;
	if (endpoint->addr.sa.sa_family == AF_UNSPEC)
		return "";
	return bri_sockaddr_format_host(&endpoint->addr, buf, BRI_SOCKADDR_TEXT_MAX);
}

int bri_connection_choose_ways(nw_connection_t c)
{
	char text[BRI_SOCKADDR_TEXT_MAX];
	struct bri_proxy_ways ways;
	int error;

	if (c->inbound || c->ways)
		return 0;
	error = bri_proxy_choose(c->parameters, host_of(c->endpoint, text), &ways);
	if (error || !bri_proxy_ways_have_proxy(&ways))
		return error;
	drop_unusable(c, &ways);
	if (!ways.n) {
		bri_info("connection %llu: its proxies cannot carry it", (unsigned long long)c->id);
		return -ENOTSUP;
	}
	c->ways = malloc(sizeof(*c->ways));
	if (!c->ways) {
		bri_proxy_ways_clear(&ways);
		return -ENOMEM;
	}
	*c->ways = ways;
	return 0;
}

void bri_connection_first_way(nw_connection_t c)
{
	c->way = 0;
	if (c->ways)
		atomic_store(&c->hop, bri_proxy_endpoint(&c->ways->list[0]));
}

bool bri_connection_next_way(nw_connection_t c)
{
	if (!c->ways || c->way + 1 == c->ways->n)
		return false;
	c->way++;
	atomic_store(&c->hop, bri_proxy_endpoint(&c->ways->list[c->way]));
	return true;
}

nw_endpoint_t bri_connection_hop(nw_connection_t c)
{
	nw_endpoint_t proxy = atomic_load(&c->hop);

	return proxy ? proxy : c->endpoint;
}

bool bri_connection_is_proxied(nw_connection_t c)
{
	return atomic_load(&c->hop) != NULL;
}

int bri_connection_make_proxy_layers(
	nw_connection_t c, const struct bri_layer_env *env, struct bri_layer **ret, size_t max)
{
	const union bri_sockaddr *address = &c->endpoint->addr;

	if (!bri_connection_is_proxied(c))
		return 0;
	return bri_proxy_layers(&c->ways->list[c->way], env, env->host,
		nw_endpoint_get_port(c->endpoint),
		address->sa.sa_family == AF_UNSPEC ? NULL : address, ret, max);
}

void bri_connection_free_ways(nw_connection_t c)
{
	if (c->ways)
		bri_proxy_ways_clear(c->ways);
	free(c->ways);
	c->ways = NULL;
}
