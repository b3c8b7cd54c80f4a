/* nw_privacy_context: logging, caches and name resolution of a set of connections. */
#include "api/privacy_context.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"

/* For log lines only. */
#define DESCRIPTION_MAX 1024

/* over encrypted_names, fallback and proxies of all contexts: they change hardly ever */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void destroy(struct bri_object *obj)
{
	struct nw_privacy_context *context = (struct nw_privacy_context *)obj;

	for (size_t i = 0; i < context->n_proxies; i++)
		bri_object_put(context->proxies[i]);
	bri_object_put(context->fallback);
	free(context);
}

static const struct bri_class context_class = {
	.name = "nw_privacy_context",
	.kind = BRI_KIND_PRIVACY_CONTEXT,
	.destroy = destroy,
};

struct nw_privacy_context bri_privacy_context_default = {
	.base = BRI_OBJECT_STATIC(&context_class),
	.description = "default",
	.is_default = true,
};

static bool is_context(nw_privacy_context_t context, const char *function)
{
	return bri_object_check(context, BRI_KIND_PRIVACY_CONTEXT, function);
}

bool bri_privacy_context_logs(nw_privacy_context_t context)
{
	return !atomic_load_explicit(&context->logging_disabled, memory_order_relaxed);
}

uint32_t bri_privacy_context_cache_epoch(nw_privacy_context_t context)
{
	return atomic_load_explicit(&context->cache_epoch, memory_order_acquire);
}

bool bri_privacy_context_encrypted_names(
	nw_privacy_context_t context, nw_resolver_config_t *ret_fallback)
{
	bool required;

	pthread_mutex_lock(&lock);
	required = context->encrypted_names;
	*ret_fallback = bri_object_get(context->fallback);
	pthread_mutex_unlock(&lock);
	return required;
}

/* 0 is the default context's */
static uint64_t next_cache_id(void)
{
	static _Atomic uint64_t latest;

	return atomic_fetch_add_explicit(&latest, 1, memory_order_relaxed) + 1;
}

nw_privacy_context_t nw_privacy_context_create(const char *description)
{
	struct nw_privacy_context *context;
	char *text;
	size_t len;

	if (!description) {
		bri_error("%s: the description is NULL", __func__);
		return NULL;
	}
	len = strnlen(description, DESCRIPTION_MAX);
	context = bri_object_new(&context_class, sizeof(*context) + len + 1);
	if (!context)
		return NULL;
	text = (char *)(context + 1);
	memcpy(text, description, len);
	context->description = text;
	context->cache_id = next_cache_id();
	return context;
}

/* What is kept from one connection to the next, TLS tickets, is looked up by the epoch. */
void nw_privacy_context_flush_cache(nw_privacy_context_t privacy_context)
{
	if (is_context(privacy_context, __func__))
		atomic_fetch_add_explicit(&privacy_context->cache_epoch, 1, memory_order_release);
}

void nw_privacy_context_disable_logging(nw_privacy_context_t privacy_context)
{
	if (!is_context(privacy_context, __func__))
		return;
	if (privacy_context->is_default)
		bri_error("%s: logging of the default context cannot be disabled", __func__);
	else
		atomic_store_explicit(
			&privacy_context->logging_disabled, true, memory_order_relaxed);
}

/* api-status: partial nw_privacy_context_require_encrypted_name_resolution: stored; the resolver is
 * not encrypted yet */
void nw_privacy_context_require_encrypted_name_resolution(nw_privacy_context_t privacy_context,
	bool require_encrypted_name_resolution, nw_resolver_config_t fallback_resolver_config)
{
	nw_resolver_config_t old;

	if (!is_context(privacy_context, __func__))
		return;
	if (fallback_resolver_config &&
		!bri_object_check(fallback_resolver_config, BRI_KIND_RESOLVER_CONFIG, __func__))
		return;
	pthread_mutex_lock(&lock);
	old = privacy_context->fallback;
	privacy_context->encrypted_names = require_encrypted_name_resolution;
	privacy_context->fallback = bri_object_get(fallback_resolver_config);
	pthread_mutex_unlock(&lock);
	bri_object_put(old);
}

size_t bri_privacy_context_proxies(
	nw_privacy_context_t context, nw_proxy_config_t ret[static BRI_PRIVACY_CONTEXT_PROXIES_MAX])
{
	size_t n;

	pthread_mutex_lock(&lock);
	n = context->n_proxies;
	for (size_t i = 0; i < n; i++)
		ret[i] = bri_object_get(context->proxies[i]);
	pthread_mutex_unlock(&lock);
	return n;
}

void nw_privacy_context_add_proxy(
	nw_privacy_context_t privacy_context, nw_proxy_config_t proxy_config)
{
	if (!is_context(privacy_context, __func__) ||
		!bri_object_check(proxy_config, BRI_KIND_PROXY_CONFIG, __func__))
		return;
	pthread_mutex_lock(&lock);
	if (privacy_context->n_proxies == BRI_PRIVACY_CONTEXT_PROXIES_MAX)
		bri_error("%s: at most %d proxies", __func__, BRI_PRIVACY_CONTEXT_PROXIES_MAX);
	else
		privacy_context->proxies[privacy_context->n_proxies++] =
			bri_object_get(proxy_config);
	pthread_mutex_unlock(&lock);
}

void nw_privacy_context_clear_proxies(nw_privacy_context_t privacy_context)
{
	nw_proxy_config_t old[BRI_PRIVACY_CONTEXT_PROXIES_MAX];
	size_t n;

	if (!is_context(privacy_context, __func__))
		return;
	pthread_mutex_lock(&lock);
	n = privacy_context->n_proxies;
	memcpy(old, privacy_context->proxies, n * sizeof(old[0]));
	privacy_context->n_proxies = 0;
	pthread_mutex_unlock(&lock);
	for (size_t i = 0; i < n; i++)
		bri_object_put(old[i]);
}
