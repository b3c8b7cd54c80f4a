/*
 * nw_privacy_context: logging, caches and name resolution of a set of connections. Shared by many
 * connections and, the default one, by the whole process: every function may be called from any
 * thread. Knows nothing of connections and resolvers.
 */
#ifndef BRI_API_PRIVACY_CONTEXT_H
#define BRI_API_PRIVACY_CONTEXT_H

#include <stdatomic.h>
#include "api/object.h"

/* Each is asked, and may be tried, for each connection; programs have one or two. */
#define BRI_PRIVACY_CONTEXT_PROXIES_MAX 16

struct nw_privacy_context {
	struct bri_object base;
	const char *description; /* behind the struct, or static */
	bool is_default;
	uint64_t cache_id; /* what is cached for one context is nobody else's */
	_Atomic bool logging_disabled;
	_Atomic uint32_t
		cache_epoch;  /* counts flushes: what was cached in another epoch is stale */
	bool encrypted_names; /* under the lock in privacy_context.c */
	nw_resolver_config_t fallback; /* the same; internal reference, NULL: none */
	/* the same; internal references, in the order they came */
	nw_proxy_config_t proxies[BRI_PRIVACY_CONTEXT_PROXIES_MAX];
	size_t n_proxies;
};

/* Behind the exported pointer of sentinels.c */
extern struct nw_privacy_context bri_privacy_context_default;

/* bri_privacy_context_logs(): connections of this context may be named in log lines. */
bool bri_privacy_context_logs(nw_privacy_context_t context);
uint32_t bri_privacy_context_cache_epoch(nw_privacy_context_t context);

/*
 * bri_privacy_context_encrypted_names(): must names be resolved over encrypted transports only?
 *   ret_fallback  +1 internal (bri_object_put) or NULL: written always
 */
bool bri_privacy_context_encrypted_names(
	nw_privacy_context_t context, nw_resolver_config_t *ret_fallback);

/* bri_privacy_context_proxies(): its proxies, internal references (bri_object_put); how many. */
size_t bri_privacy_context_proxies(nw_privacy_context_t context,
	nw_proxy_config_t ret[static BRI_PRIVACY_CONTEXT_PROXIES_MAX]);

#endif
