/* Encrypted name resolution: which server to ask, and how. */
#ifndef __NW_INDIRECT__
#warning "include <Network/Network.h> instead of one of its parts"
#include <Network/Network.h>
#endif

#ifndef BRAID_NW_RESOLVER_CONFIG_H
#define BRAID_NW_RESOLVER_CONFIG_H

#include <Network/nw_object.h>
#include <Network/endpoint.h>

BRAID_DECLS_BEGIN

NW_OBJECT_DECL(nw_resolver_config);

/*!
 * @function nw_resolver_config_create_https
 * @abstract DNS over HTTPS (RFC 8484).
 * @param url_endpoint A url endpoint of scheme https; retained.
 * @result +1, nw_release() it. NULL (logged) for other endpoints.
 */
NW_RETURNS_RETAINED nw_resolver_config_t nw_resolver_config_create_https(
	nw_endpoint_t url_endpoint);

/*!
 * @function nw_resolver_config_create_tls
 * @abstract DNS over TLS (RFC 7858).
 * @param server_endpoint A host or address endpoint; retained.
 * @result +1, nw_release() it. NULL (logged) for other endpoints.
 */
NW_RETURNS_RETAINED nw_resolver_config_t nw_resolver_config_create_tls(
	nw_endpoint_t server_endpoint);

/*!
 * @function nw_resolver_config_add_server_address
 * @abstract An address of the server, so that its own name need not be resolved.
 * @param server_address An address endpoint; retained. Others are refused (logged).
 */
void nw_resolver_config_add_server_address(
	nw_resolver_config_t config, nw_endpoint_t server_address);

BRAID_DECLS_END

#endif
