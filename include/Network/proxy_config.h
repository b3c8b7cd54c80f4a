/*
 * Proxies and relays: how connections of a privacy context reach their endpoints.
 * See nw_privacy_context_add_proxy().
 */
#ifndef __NW_INDIRECT__
#warning "include <Network/Network.h> instead of one of its parts"
#include <Network/Network.h>
#endif

#ifndef BRAID_NW_PROXY_CONFIG_H
#define BRAID_NW_PROXY_CONFIG_H

#include <Network/endpoint.h>
#include <Network/nw_object.h>
#include <Network/protocol_options.h>

BRAID_DECLS_BEGIN

/*!
 * @typedef nw_relay_hop_t
 * @abstract A server that relays connections (MASQUE, RFC 9298 and RFC 9484).
 */
NW_OBJECT_DECL(nw_relay_hop);

/*!
 * @typedef nw_proxy_config_t
 * @abstract A proxy, and what it is for. May be changed at any time, from any thread; a connection
 *   takes a copy when it starts.
 */
NW_OBJECT_DECL(nw_proxy_config);

/*!
 * @function nw_relay_hop_create
 * @abstract A relay. Here relays are objects only: a connection that would use one fails with
 *   ENOTSUP.
 * @param http3_relay_endpoint Where it speaks HTTP/3; retained. NULL: nowhere.
 * @param http2_relay_endpoint Where it speaks HTTP/2; retained. NULL: nowhere.
 * @param relay_tls_options TLS to the relay; retained. NULL: the defaults.
 * @result +1, nw_release() it. NULL (logged) when there is neither endpoint.
 */
NW_RETURNS_RETAINED nw_relay_hop_t nw_relay_hop_create(nw_endpoint_t _Nullable http3_relay_endpoint,
	nw_endpoint_t _Nullable http2_relay_endpoint,
	nw_protocol_options_t _Nullable relay_tls_options);

/*!
 * @function nw_relay_hop_add_additional_http_header_field
 * @abstract A field of the requests to the relay.
 * @param field_name A token (RFC 9110 section 5.1); copied. Others are refused (logged).
 * @param field_value Text without line ends; copied.
 */
void nw_relay_hop_add_additional_http_header_field(
	nw_relay_hop_t relay_hop, const char *field_name, const char *field_value);

/*!
 * @function nw_proxy_config_create_relay
 * @abstract One relay, or one behind another. See nw_relay_hop_create().
 * @param first_hop The relay that is connected to; retained.
 * @param second_hop The relay behind it; retained. NULL: none.
 * @result +1, nw_release() it.
 */
NW_RETURNS_RETAINED nw_proxy_config_t nw_proxy_config_create_relay(
	nw_relay_hop_t first_hop, nw_relay_hop_t _Nullable second_hop);

/*!
 * @function nw_proxy_config_create_oblivious_http
 * @abstract Oblivious HTTP (RFC 9458) through a relay. An object only, see nw_relay_hop_create().
 * @param relay The relay; retained.
 * @param relay_resource_path The path of the relay's resource; copied.
 * @param gateway_key_config The gateway's key configuration (RFC 9458 section 3); copied.
 * @param gateway_key_config_length Its length in bytes.
 * @result +1, nw_release() it. NULL (logged) for an empty path or key configuration.
 */
NW_RETURNS_RETAINED nw_proxy_config_t nw_proxy_config_create_oblivious_http(nw_relay_hop_t relay,
	const char *relay_resource_path, const uint8_t *gateway_key_config,
	size_t gateway_key_config_length);

/*!
 * @function nw_proxy_config_create_http_connect
 * @abstract A proxy that makes tunnels with HTTP CONNECT (RFC 9110 section 9.3.6) over HTTP/1.1.
 *   The name of the far end goes to the proxy, which resolves it. User name and password, if there
 *   are any, go with the request (Basic, RFC 7617): readable on the way unless TLS is used.
 *
 *   What keeps a connection from being made is told as POSIX errors: EACCES: authentication is
 *   missing or wrong; EPERM: the proxy's rules forbid it; EHOSTUNREACH, ETIMEDOUT, ECONNREFUSED:
 * the proxy does not reach the far end, or will not; EREMOTEIO: it has failed itself; EOPNOTSUPP:
 * it makes no tunnels; EPROTO, EMSGSIZE: it does not speak HTTP/1.1, or sends too long a header.
 *   TCP only: of a connection over UDP, ENOTSUP.
 * @param proxy_endpoint A host, address or url endpoint: where the proxy is; retained.
 * @param proxy_tls_options TLS to the proxy; retained. NULL: none.
 * @result +1, nw_release() it. NULL (logged) for other endpoints or options.
 */
NW_RETURNS_RETAINED nw_proxy_config_t nw_proxy_config_create_http_connect(
	nw_endpoint_t proxy_endpoint, nw_protocol_options_t _Nullable proxy_tls_options);

/*!
 * @function nw_proxy_config_create_socksv5
 * @abstract A SOCKS 5 proxy (RFC 1928, RFC 1929). The name of the far end goes to the proxy, which
 *   resolves it. Errors as of nw_proxy_config_create_http_connect(), and ENETUNREACH, EAFNOSUPPORT.
 *   TCP only: of a connection over UDP, ENOTSUP.
 * @param proxy_endpoint A host, address or url endpoint: where the proxy is; retained.
 * @result +1, nw_release() it. NULL (logged) for other endpoints.
 */
NW_RETURNS_RETAINED nw_proxy_config_t nw_proxy_config_create_socksv5(nw_endpoint_t proxy_endpoint);

/*!
 * @function nw_proxy_config_set_username_and_password
 * @abstract How to authenticate to the proxy. What the proxy's protocol cannot carry is refused
 *   (logged): for HTTP a colon in the user name, control characters, more than 255 bytes of user
 *   name or 2048 of password; for SOCKS an empty user name, or more than 255 bytes of either.
 * @param username UTF-8; copied. NULL: no authentication any more.
 * @param password UTF-8; copied. NULL: an empty one.
 */
void nw_proxy_config_set_username_and_password(nw_proxy_config_t proxy_config,
	const char *_Nullable username, const char *_Nullable password);

/*!
 * @function nw_proxy_config_set_failover_allowed
 * @abstract When the proxy is of no use (not reachable, or it refuses), may the next way be taken:
 *   another proxy of the context, or none at all? Default false: then nothing ever goes around it.
 */
void nw_proxy_config_set_failover_allowed(nw_proxy_config_t proxy_config, bool failover_allowed);
/*!
 * @function nw_proxy_config_get_failover_allowed
 * @result What was set; false by default.
 */
bool nw_proxy_config_get_failover_allowed(nw_proxy_config_t proxy_config);

/*!
 * @function nw_proxy_config_add_match_domain
 * @abstract The proxy is for hosts of these domains only; with none added, for all.
 *   "example.org" is that host and all below it (a.example.org, not an-example.org); upper and
 * lower case do not count. An address is matched by itself only.
 * @param match_domain Copied. At most 256 of them; a leading "." or "*." does not count.
 */
void nw_proxy_config_add_match_domain(nw_proxy_config_t config, const char *match_domain);
/*!
 * @function nw_proxy_config_clear_match_domains
 * @abstract It is for all hosts again.
 */
void nw_proxy_config_clear_match_domains(nw_proxy_config_t config);

/*!
 * @function nw_proxy_config_add_excluded_domain
 * @abstract The proxy is not for hosts of these domains, also where they match. Nothing is excluded
 *   by itself, not even "localhost": the proxies of a context are those that the program put there.
 * @param excluded_domain As of nw_proxy_config_add_match_domain().
 */
void nw_proxy_config_add_excluded_domain(nw_proxy_config_t config, const char *excluded_domain);
/*!
 * @function nw_proxy_config_clear_excluded_domains
 * @abstract Nothing is excluded any more.
 */
void nw_proxy_config_clear_excluded_domains(nw_proxy_config_t config);

#ifdef __BLOCKS__
/*!
 * @typedef nw_proxy_domain_enumerator_t
 * @param domain As it was added; valid inside the block.
 */
typedef void (^nw_proxy_domain_enumerator_t)(const char *domain);

/*!
 * @function nw_proxy_config_enumerate_match_domains
 * @abstract Calls the block for each, in the order they were added, inside this call.
 */
void nw_proxy_config_enumerate_match_domains(
	nw_proxy_config_t config, NW_NOESCAPE nw_proxy_domain_enumerator_t enumerator);
/*!
 * @function nw_proxy_config_enumerate_excluded_domains
 * @abstract Calls the block for each, in the order they were added, inside this call.
 */
void nw_proxy_config_enumerate_excluded_domains(
	nw_proxy_config_t config, NW_NOESCAPE nw_proxy_domain_enumerator_t enumerator);
#endif

/*!
 * @typedef nw_proxy_domain_enumerator_f
 * @param domain As it was added; valid inside the call.
 */
typedef void (*nw_proxy_domain_enumerator_f)(void *_Nullable context, const char *domain);

/*!
 * @function nw_proxy_config_enumerate_match_domains_f
 * @abstract As above, with a function, inside this call.
 */
void nw_proxy_config_enumerate_match_domains_f(
	nw_proxy_config_t config, void *_Nullable context, nw_proxy_domain_enumerator_f enumerator);
/*!
 * @function nw_proxy_config_enumerate_excluded_domains_f
 * @abstract As above, with a function, inside this call.
 */
void nw_proxy_config_enumerate_excluded_domains_f(
	nw_proxy_config_t config, void *_Nullable context, nw_proxy_domain_enumerator_f enumerator);

BRAID_DECLS_END

#endif
