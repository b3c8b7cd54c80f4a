/*
 * Which ways there are to a host: through which proxies, in which order, or none. Pure: of
 * configurations and a name. Knows nothing of connections.
 */
#ifndef BRI_API_PROXY_CHOOSE_H
#define BRI_API_PROXY_CHOOSE_H

#include "api/parameters.h"
#include "api/privacy_context.h"
#include "api/proxy_config.h"

struct bri_proxy_way {
	nw_proxy_config_t proxy; /* a snapshot, internal reference; NULL: direct */
};

/* each proxy of a context, and direct */
#define BRI_PROXY_WAYS_MAX (BRI_PRIVACY_CONTEXT_PROXIES_MAX + 1)

struct bri_proxy_ways {
	struct bri_proxy_way list[BRI_PROXY_WAYS_MAX]; /* in the order to try them */
	size_t n;                                      /* at least 1 */
};

/*
 * bri_proxy_choose(): the ways to `host`.
 *   - the proxies of the privacy context that are for it, in the order they were added, up to and
 *     with the first one that allows no failover; when all do, or none is for it, direct is last;
 *   - prefer_no_proxy is a wish: direct goes first where it is a way at all.
 *   host  a name or an address as text; "": not known, which only proxies without match domains
 *         are for
 *   ret   written only on success; bri_proxy_ways_clear() gives it back
 * Returns 0 or -ENOMEM (never a way around a proxy for want of memory).
 */
int bri_proxy_choose(nw_parameters_t parameters, const char *host, struct bri_proxy_ways *ret);
void bri_proxy_ways_clear(struct bri_proxy_ways *ways);

/* bri_proxy_ways_have_proxy(): at least one is not direct. */
bool bri_proxy_ways_have_proxy(const struct bri_proxy_ways *ways);

/*
 * bri_proxy_choose_matches(): host is the domain, or below it at the boundary of a label. Case, a
 * leading "." or "*.", and a final "." do not count. Addresses match themselves only, however they
 * are written.
 */
bool bri_proxy_choose_matches(const char *domain, const char *host);

#endif
