/* Privacy contexts: logging, caches and name resolution of a set of connections. */
#ifndef __NW_INDIRECT__
#warning "include <Network/Network.h> instead of one of its parts"
#include <Network/Network.h>
#endif

#ifndef BRAID_NW_PRIVACY_CONTEXT_H
#define BRAID_NW_PRIVACY_CONTEXT_H

#include <Network/nw_object.h>
#include <Network/proxy_config.h>
#include <Network/resolver_config.h>

BRAID_DECLS_BEGIN

NW_OBJECT_DECL(nw_privacy_context);

#define NW_PRIVACY_CONTEXT_TYPE_DECL(name)                                                         \
	extern const nw_privacy_context_t _nw_privacy_context_##name

/*!
 * @const NW_DEFAULT_PRIVACY_CONTEXT
 * @abstract The context of all parameters that were given no other. Shared; its logging
 *   cannot be disabled.
 */
#define NW_DEFAULT_PRIVACY_CONTEXT (_nw_privacy_context_default_context)
NW_PRIVACY_CONTEXT_TYPE_DECL(default_context);

/*!
 * @function nw_privacy_context_create
 * @param description A name, for people reading logs; copied.
 * @result +1, nw_release() it. NULL (logged) when the description is NULL.
 */
NW_RETURNS_RETAINED nw_privacy_context_t nw_privacy_context_create(const char *description);

/*!
 * @function nw_privacy_context_flush_cache
 * @abstract Forgets what was cached for this context's connections (names, sessions).
 */
void nw_privacy_context_flush_cache(nw_privacy_context_t privacy_context);

/*!
 * @function nw_privacy_context_disable_logging
 * @abstract No log line names this context's connections any more.
 */
void nw_privacy_context_disable_logging(nw_privacy_context_t privacy_context);

/*!
 * @function nw_privacy_context_require_encrypted_name_resolution
 * @abstract Names of this context's connections may be resolved over encrypted transports only.
 * @param require_encrypted_name_resolution The requirement; default false.
 * @param fallback_resolver_config Used where the system's resolver is not encrypted; retained.
 *   NULL: none, and then resolving fails there.
 */
void nw_privacy_context_require_encrypted_name_resolution(nw_privacy_context_t privacy_context,
	bool require_encrypted_name_resolution,
	nw_resolver_config_t _Nullable fallback_resolver_config);

/*!
 * @function nw_privacy_context_add_proxy
 * @abstract Connections of this context that start from now on go through this proxy, if it is for
 *   their host. The first that was added and is for the host is taken; the next ones, and then
 * none, only where nw_proxy_config_set_failover_allowed() says so.
 * @param proxy_config Retained; at most 16. What is changed in it later counts for later
 * connections.
 */
void nw_privacy_context_add_proxy(
	nw_privacy_context_t privacy_context, nw_proxy_config_t proxy_config);

/*!
 * @function nw_privacy_context_clear_proxies
 * @abstract No proxies any more. Connections that have started keep theirs.
 */
void nw_privacy_context_clear_proxies(nw_privacy_context_t privacy_context);

BRAID_DECLS_END

#endif
