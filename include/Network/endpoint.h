/* Endpoints: what one can connect to or listen on. Immutable values. */
#ifndef __NW_INDIRECT__
#warning "include <Network/Network.h> instead of one of its parts"
#include <Network/Network.h>
#endif

#ifndef BRAID_NW_ENDPOINT_H
#define BRAID_NW_ENDPOINT_H

#include <Network/nw_object.h>
#include <Network/txt_record.h>
#include <sys/socket.h>

BRAID_DECLS_BEGIN

NW_OBJECT_DECL(nw_endpoint);

/*!
 * @typedef nw_endpoint_type_t
 * @constant nw_endpoint_type_invalid No endpoint (the answer for NULL).
 * @constant nw_endpoint_type_address An IP address and port.
 * @constant nw_endpoint_type_host A name to resolve, and a port.
 * @constant nw_endpoint_type_bonjour_service A service instance: name, type, domain.
 * @constant nw_endpoint_type_url A URL.
 */
typedef enum {
	nw_endpoint_type_invalid = 0,
	nw_endpoint_type_address = 1,
	nw_endpoint_type_host = 2,
	nw_endpoint_type_bonjour_service = 3,
	nw_endpoint_type_url = 4,
} nw_endpoint_type_t;

/*!
 * @function nw_endpoint_get_type
 * @param endpoint An endpoint, or NULL.
 * @result Its type.
 */
nw_endpoint_type_t nw_endpoint_get_type(nw_endpoint_t endpoint);

/*!
 * @function nw_endpoint_create_host
 * @abstract An endpoint from texts. A numeric IPv4 or IPv6 address (also with %scope) gives an
 *   address endpoint, everything else a host endpoint, whose name is resolved when a connection
 *   needs it.
 * @param hostname Name or numeric address; copied.
 * @param port Decimal number 0 to 65535, or a service name known to the services database; copied.
 * @result +1, nw_release() it. NULL (logged) when the name is empty or the port means nothing.
 */
NW_RETURNS_RETAINED nw_endpoint_t nw_endpoint_create_host(const char *hostname, const char *port);

/*!
 * @function nw_endpoint_get_hostname
 * @param endpoint A host or url endpoint, or an address endpoint made from text.
 * @result The host's text (no brackets around IPv6). Borrowed: lives as long as the endpoint. Else
 *   NULL.
 */
const char *nw_endpoint_get_hostname(nw_endpoint_t endpoint);

/*!
 * @function nw_endpoint_copy_port_string
 * @param endpoint A host or address endpoint.
 * @result The port in decimal, to be free()d; NULL for other types.
 */
char *nw_endpoint_copy_port_string(nw_endpoint_t endpoint);

/*!
 * @function nw_endpoint_get_port
 * @param endpoint A host, address or url endpoint.
 * @result The port in host byte order; for a url without one the default of its scheme; else 0.
 */
uint16_t nw_endpoint_get_port(nw_endpoint_t endpoint);

/*!
 * @function nw_endpoint_create_address
 * @param address A sockaddr_in or sockaddr_in6; copied. The family decides how much is read.
 * @result +1, nw_release() it. NULL (logged) for other families.
 */
NW_RETURNS_RETAINED nw_endpoint_t nw_endpoint_create_address(const struct sockaddr *address);

/*!
 * @function nw_endpoint_copy_address_string
 * @param endpoint An address endpoint.
 * @result The address in text form (IPv6 as RFC 5952, with %scope where there is one), to be
 *   free()d; NULL for other types.
 */
char *nw_endpoint_copy_address_string(nw_endpoint_t endpoint);

/*!
 * @function nw_endpoint_get_address
 * @param endpoint An address endpoint.
 * @result The socket address. Borrowed: lives as long as the endpoint. NULL for other types.
 */
const struct sockaddr *nw_endpoint_get_address(nw_endpoint_t endpoint);

/*!
 * @function nw_endpoint_create_bonjour_service
 * @abstract A service instance of DNS-SD (RFC 6763).
 * @param name Instance
 * @param type for example "_http._tcp"
 * @param domain for example "local": copied.
 * @result +1, nw_release() it. NULL (logged) unless all three are given.
 */
NW_RETURNS_RETAINED nw_endpoint_t nw_endpoint_create_bonjour_service(
	const char *name, const char *type, const char *domain);

/*!
 * @function nw_endpoint_get_bonjour_service_name
 * @result The instance's name, borrowed; NULL unless this is a Bonjour endpoint.
 */
const char *nw_endpoint_get_bonjour_service_name(nw_endpoint_t endpoint);

/*!
 * @function nw_endpoint_get_bonjour_service_type
 * @result The service's type, borrowed; NULL unless this is a Bonjour endpoint.
 */
const char *nw_endpoint_get_bonjour_service_type(nw_endpoint_t endpoint);

/*!
 * @function nw_endpoint_get_bonjour_service_domain
 * @result The service's domain, borrowed; NULL unless this is a Bonjour endpoint.
 */
const char *nw_endpoint_get_bonjour_service_domain(nw_endpoint_t endpoint);

/*!
 * @function nw_endpoint_create_url
 * @param url A URL with a scheme and a host (RFC 3986); copied.
 * @result +1, nw_release() it. NULL (logged) when there is no scheme, no host, or a port out of
 *   range.
 */
NW_RETURNS_RETAINED nw_endpoint_t nw_endpoint_create_url(const char *url);

/*!
 * @function nw_endpoint_get_url
 * @result The URL as given, borrowed; NULL unless this is a url endpoint.
 */
const char *nw_endpoint_get_url(nw_endpoint_t endpoint);

/*!
 * @function nw_endpoint_copy_txt_record
 * @param endpoint An endpoint, as found by browsing.
 * @result +1 the TXT record that came with it; NULL when there is none.
 */
NW_RETURNS_RETAINED nw_txt_record_t _Nullable nw_endpoint_copy_txt_record(nw_endpoint_t endpoint);

/*!
 * @function nw_endpoint_get_signature
 * @abstract An opaque value that tells endpoints of the same device.
 * @param out_signature_length Its length in bytes; 0 when there is none.
 * @result The value, borrowed; NULL when there is none, which on Linux is always so.
 */
const uint8_t *_Nullable nw_endpoint_get_signature(
	nw_endpoint_t endpoint, size_t *out_signature_length);

BRAID_DECLS_END

#endif
