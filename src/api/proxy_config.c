/* nw_proxy_config: a proxy, its credentials, the domains it is for. Knows nothing of connections.
 */
#include "api/proxy_config.h"

#include <stdlib.h>
#include <string.h>
#include "api/handler.h"
#include "base/log.h"
#include "proto/proxy/http_connect.h"
#include "proto/proxy/socks5.h"

/* Key configurations are some ten bytes each (RFC 9458 section 3); a list has a 16 bit length. */
#define KEY_CONFIG_MAX 65535

static void free_secret(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void clear_domains(struct bri_proxy_domains *domains)
{
	for (size_t i = 0; i < domains->n; i++)
		free(domains->names[i]);
	free(domains->names);
	*domains = (struct bri_proxy_domains) { 0 };
}

/* name: copied. 0 or -1: no memory, nothing changed. */
static int add_domain(struct bri_proxy_domains *domains, const char *name)
{
	char **names = reallocarray(domains->names, domains->n + 1, sizeof(*names));
	char *copy;

	if (!names)
		return -1;
	domains->names = names;
	copy = strdup(name);
	if (!copy)
		return -1;
	names[domains->n++] = copy;
	return 0;
}

static int copy_domains(struct bri_proxy_domains *to, const struct bri_proxy_domains *from)
{
	for (size_t i = 0; i < from->n; i++) {
		if (add_domain(to, from->names[i]) < 0)
			return -1;
	}
	return 0;
}

static void destroy(struct bri_object *obj)
{
	struct nw_proxy_config *config = (struct nw_proxy_config *)obj;

	bri_object_put(config->endpoint);
	bri_object_put(config->tls);
	bri_object_put(config->hops[0]);
	bri_object_put(config->hops[1]);
	free(config->resource_path);
	free(config->key_config);
	free_secret(config->username);
	free_secret(config->password);
	clear_domains(&config->match);
	clear_domains(&config->excluded);
	pthread_mutex_destroy(&config->lock);
	free(config);
}

static const struct bri_class config_class = {
	.name = "nw_proxy_config",
	.kind = BRI_KIND_PROXY_CONFIG,
	.destroy = destroy,
};

static bool is_config(nw_proxy_config_t config, const char *function)
{
	return bri_object_check(config, BRI_KIND_PROXY_CONFIG, function);
}

static struct nw_proxy_config *new_config(enum bri_proxy_kind kind)
{
	struct nw_proxy_config *config = bri_object_new(&config_class, sizeof(*config));

	if (!config)
		return NULL;
	config->kind = kind;
	pthread_mutex_init(&config->lock, NULL);
	return config;
}

/* The part of a snapshot that is under the source's lock. 0 or -1. */
static int copy_changeable(struct nw_proxy_config *to, const struct nw_proxy_config *from)
{
	to->failover_allowed = from->failover_allowed;
	if (from->username && !(to->username = strdup(from->username)))
		return -1;
	if (from->password && !(to->password = strdup(from->password)))
		return -1;
	if (copy_domains(&to->match, &from->match) < 0)
		return -1;
	return copy_domains(&to->excluded, &from->excluded);
}

nw_proxy_config_t bri_proxy_config_snapshot(nw_proxy_config_t config)
{
	struct nw_proxy_config *copy = bri_object_own(new_config(config->kind));
	int error;

	if (!copy)
		return NULL;
	copy->endpoint = bri_object_get(config->endpoint);
	if (config->tls)
		copy->tls = bri_object_own(bri_protocol_options_copy(config->tls));
	pthread_mutex_lock(&config->lock);
	error = copy_changeable(copy, config);
	pthread_mutex_unlock(&config->lock);
	if (error || (config->tls && !copy->tls)) {
		bri_object_put(copy);
		return NULL;
	}
	return copy;
}

/* --- making --- */

/* api-status: partial nw_proxy_config_create_relay: an object; connections fail with ENOTSUP */
nw_proxy_config_t nw_proxy_config_create_relay(nw_relay_hop_t first_hop, nw_relay_hop_t second_hop)
{
	struct nw_proxy_config *config;

	if (!bri_object_check(first_hop, BRI_KIND_RELAY_HOP, __func__) ||
		(second_hop && !bri_object_check(second_hop, BRI_KIND_RELAY_HOP, __func__)))
		return NULL;
	config = new_config(BRI_PROXY_RELAY);
	if (config) {
		config->hops[0] = bri_object_get(first_hop);
		config->hops[1] = bri_object_get(second_hop);
	}
	return config;
}

/* api-status: partial nw_proxy_config_create_oblivious_http: an object; connections fail with
 * ENOTSUP */
nw_proxy_config_t nw_proxy_config_create_oblivious_http(nw_relay_hop_t relay,
	const char *relay_resource_path, const uint8_t *gateway_key_config,
	size_t gateway_key_config_length)
{
	struct nw_proxy_config *config;

	if (!bri_object_check(relay, BRI_KIND_RELAY_HOP, __func__))
		return NULL;
	if (!relay_resource_path || !*relay_resource_path || !gateway_key_config ||
		!gateway_key_config_length || gateway_key_config_length > KEY_CONFIG_MAX) {
		bri_error("%s: no path, or no key configuration", __func__);
		return NULL;
	}
	config = new_config(BRI_PROXY_OBLIVIOUS_HTTP);
	if (!config)
		return NULL;
	config->hops[0] = bri_object_get(relay);
	config->resource_path = strdup(relay_resource_path);
	config->key_config = malloc(gateway_key_config_length);
	if (!config->resource_path || !config->key_config) {
		bri_object_release(config);
		return NULL;
	}
	memcpy(config->key_config, gateway_key_config, gateway_key_config_length);
	config->key_config_size = gateway_key_config_length;
	return config;
}

static nw_proxy_config_t new_proxy(
	enum bri_proxy_kind kind, nw_endpoint_t endpoint, nw_protocol_options_t tls)
{
	struct nw_proxy_config *config = new_config(kind);

	if (config) {
		config->endpoint = bri_object_get(endpoint);
		config->tls = bri_object_get(tls);
	}
	return config;
}

nw_proxy_config_t nw_proxy_config_create_http_connect(
	nw_endpoint_t proxy_endpoint, nw_protocol_options_t proxy_tls_options)
{
	if (!bri_relay_hop_takes_endpoint(proxy_endpoint, __func__) ||
		(proxy_tls_options && !bri_relay_hop_takes_tls(proxy_tls_options, __func__)))
		return NULL;
	return new_proxy(BRI_PROXY_HTTP_CONNECT, proxy_endpoint, proxy_tls_options);
}

nw_proxy_config_t nw_proxy_config_create_socksv5(nw_endpoint_t proxy_endpoint)
{
	if (!bri_relay_hop_takes_endpoint(proxy_endpoint, __func__))
		return NULL;
	return new_proxy(BRI_PROXY_SOCKS5, proxy_endpoint, NULL);
}

/* --- changing --- */

/* Would the protocol take them? Asked of the protocol itself, with a target that it does take. */
static bool takes_credentials(enum bri_proxy_kind kind, const char *username, const char *password)
{
	struct bri_http_connect_target http = { "h", 1, username, password };
	struct bri_socks5_target socks = {
		.host = "h", .port = 1, .username = username, .password = password
	};
	char request[BRI_HTTP_CONNECT_REQUEST_MAX];
	struct bri_socks5 handshake;
	bool takes = false;
	size_t size;

	switch (kind) {
	case BRI_PROXY_SOCKS5:
		takes = !bri_socks5_init(&handshake, &socks);
		bri_socks5_wipe(&handshake);
		break;
	case BRI_PROXY_HTTP_CONNECT:
	case BRI_PROXY_RELAY:
	case BRI_PROXY_OBLIVIOUS_HTTP: /* HTTP, too */
		takes = !bri_http_connect_request(&http, request, &size);
		explicit_bzero(request, sizeof(request));
		break;
	}
	return takes;
}

void nw_proxy_config_set_username_and_password(
	nw_proxy_config_t proxy_config, const char *username, const char *password)
{
	char *new_username, *new_password, *old_username, *old_password;

	if (!is_config(proxy_config, __func__))
		return;
	if (username && !takes_credentials(proxy_config->kind, username, password)) {
		bri_error("%s: the proxy's protocol cannot carry these", __func__);
		return;
	}
	new_username = username ? strdup(username) : NULL;
	new_password = username && password ? strdup(password) : NULL;
	if ((username && !new_username) || (username && password && !new_password)) {
		free_secret(new_username);
		free_secret(new_password);
		return;
	}
	pthread_mutex_lock(&proxy_config->lock);
	old_username = proxy_config->username;
	old_password = proxy_config->password;
	proxy_config->username = new_username;
	proxy_config->password = new_password;
	pthread_mutex_unlock(&proxy_config->lock);
	free_secret(old_username);
	free_secret(old_password);
}

void nw_proxy_config_set_failover_allowed(nw_proxy_config_t proxy_config, bool failover_allowed)
{
	if (!is_config(proxy_config, __func__))
		return;
	pthread_mutex_lock(&proxy_config->lock);
	proxy_config->failover_allowed = failover_allowed;
	pthread_mutex_unlock(&proxy_config->lock);
}

bool nw_proxy_config_get_failover_allowed(nw_proxy_config_t proxy_config)
{
	bool allowed;

	if (!is_config(proxy_config, __func__))
		return false;
	pthread_mutex_lock(&proxy_config->lock);
	allowed = proxy_config->failover_allowed;
	pthread_mutex_unlock(&proxy_config->lock);
	return allowed;
}

/* --- domains --- */

static void add(nw_proxy_config_t config, struct bri_proxy_domains *domains, const char *domain,
	const char *function)
{
	if (!domain || !domain[strspn(domain, "*.")] ||
		strnlen(domain, BRI_PROXY_DOMAIN_MAX + 1) > BRI_PROXY_DOMAIN_MAX) {
		bri_error("%s: that is not a domain", function);
		return;
	}
	pthread_mutex_lock(&config->lock);
	if (domains->n == BRI_PROXY_DOMAINS_MAX)
		bri_error("%s: at most %d domains", function, BRI_PROXY_DOMAINS_MAX);
	else if (add_domain(domains, domain) < 0)
		bri_error("%s: no memory", function);
	pthread_mutex_unlock(&config->lock);
}

static void clear(nw_proxy_config_t config, struct bri_proxy_domains *domains)
{
	pthread_mutex_lock(&config->lock);
	clear_domains(domains);
	pthread_mutex_unlock(&config->lock);
}

void nw_proxy_config_add_match_domain(nw_proxy_config_t config, const char *match_domain)
{
	if (is_config(config, __func__))
		add(config, &config->match, match_domain, __func__);
}

void nw_proxy_config_clear_match_domains(nw_proxy_config_t config)
{
	if (is_config(config, __func__))
		clear(config, &config->match);
}

void nw_proxy_config_add_excluded_domain(nw_proxy_config_t config, const char *excluded_domain)
{
	if (is_config(config, __func__))
		add(config, &config->excluded, excluded_domain, __func__);
}

void nw_proxy_config_clear_excluded_domains(nw_proxy_config_t config)
{
	if (is_config(config, __func__))
		clear(config, &config->excluded);
}

/* Of a copy: the enumerator may change the list. */
static void enumerate(nw_proxy_config_t config, const struct bri_proxy_domains *domains,
	struct bri_callable call, const char *function)
{
	nw_proxy_domain_enumerator_f enumerator = (nw_proxy_domain_enumerator_f)call.fn;
	struct bri_proxy_domains copy = { 0 };

	if (!bri_handler_is_given(call.fn, function))
		return;
	pthread_mutex_lock(&config->lock);
	if (copy_domains(&copy, domains) < 0)
		bri_error("%s: no memory", function);
	pthread_mutex_unlock(&config->lock);
	for (size_t i = 0; i < copy.n; i++)
		enumerator(call.context, copy.names[i]);
	clear_domains(&copy);
}

void nw_proxy_config_enumerate_match_domains_f(
	nw_proxy_config_t config, void *context, nw_proxy_domain_enumerator_f enumerator)
{
	if (is_config(config, __func__))
		enumerate(
			config, &config->match, BRI_CALLABLE(enumerator, context, NULL), __func__);
}

void nw_proxy_config_enumerate_excluded_domains_f(
	nw_proxy_config_t config, void *context, nw_proxy_domain_enumerator_f enumerator)
{
	if (is_config(config, __func__))
		enumerate(config, &config->excluded, BRI_CALLABLE(enumerator, context, NULL),
			__func__);
}

void nw_proxy_config_enumerate_match_domains(nw_proxy_config_t config, const void *enumerator)
{
	if (is_config(config, __func__))
		enumerate(config, &config->match, bri_callable_borrow_block(enumerator), __func__);
}

void nw_proxy_config_enumerate_excluded_domains(nw_proxy_config_t config, const void *enumerator)
{
	if (is_config(config, __func__))
		enumerate(
			config, &config->excluded, bri_callable_borrow_block(enumerator), __func__);
}
