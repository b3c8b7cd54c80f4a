/* nw_resolver_config: an encrypted name server. Knows nothing of resolving. */
#include "api/resolver_config.h"

#include <stdlib.h>
#include <strings.h>
#include "api/endpoint.h"
#include "base/log.h"

static void destroy(struct bri_object *obj)
{
	struct nw_resolver_config *config = (struct nw_resolver_config *)obj;

	for (size_t i = 0; i < config->address_count; i++)
		bri_object_put(config->addresses[i]);
	bri_object_put(config->endpoint);
	free(config);
}

static const struct bri_class config_class = {
	.name = "nw_resolver_config",
	.kind = BRI_KIND_RESOLVER_CONFIG,
	.destroy = destroy,
};

static nw_resolver_config_t new_config(nw_endpoint_t endpoint, bool is_https)
{
	struct nw_resolver_config *config = bri_object_new(&config_class, sizeof(*config));

	if (config) {
		config->endpoint = bri_object_get(endpoint);
		config->is_https = is_https;
	}
	return config;
}

/* api-status: partial nw_resolver_config_create_https: an object; names are not resolved over HTTPS
 * yet */
nw_resolver_config_t nw_resolver_config_create_https(nw_endpoint_t url_endpoint)
{
	if (!bri_object_check(url_endpoint, BRI_KIND_ENDPOINT, __func__))
		return NULL;
	if (url_endpoint->type != nw_endpoint_type_url ||
		strcasecmp(bri_endpoint_url_scheme(url_endpoint), "https")) {
		bri_error("%s: the endpoint is not an https URL", __func__);
		return NULL;
	}
	return new_config(url_endpoint, true);
}

/* api-status: partial nw_resolver_config_create_tls: an object; names are not resolved over TLS yet
 */
nw_resolver_config_t nw_resolver_config_create_tls(nw_endpoint_t server_endpoint)
{
	if (!bri_object_check(server_endpoint, BRI_KIND_ENDPOINT, __func__))
		return NULL;
	if (server_endpoint->type != nw_endpoint_type_host &&
		server_endpoint->type != nw_endpoint_type_address) {
		bri_error("%s: the endpoint is neither a host nor an address", __func__);
		return NULL;
	}
	return new_config(server_endpoint, false);
}

/* api-status: partial nw_resolver_config_add_server_address: stored; not used yet */
void nw_resolver_config_add_server_address(
	nw_resolver_config_t config, nw_endpoint_t server_address)
{
	if (!bri_object_check(config, BRI_KIND_RESOLVER_CONFIG, __func__) ||
		!bri_object_check(server_address, BRI_KIND_ENDPOINT, __func__))
		return;
	if (server_address->type != nw_endpoint_type_address)
		bri_error("%s: the endpoint is not an address", __func__);
	else if (config->address_count == BRI_RESOLVER_CONFIG_ADDRESSES_MAX)
		bri_error("%s: at most %d addresses", __func__, BRI_RESOLVER_CONFIG_ADDRESSES_MAX);
	else
		config->addresses[config->address_count++] = bri_object_get(server_address);
}
