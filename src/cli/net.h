/* What the commands that talk over the network share: errors, addresses and subflows as text. */
#ifndef BRI_CLI_NET_H
#define BRI_CLI_NET_H

#include <Network/Network.h>
#include <braid/multipath.h>
#include "base/base.h"
#include "cli/json.h"

/* bri_net_error_text(): why, for a person. Static, or `buffer` filled. NULL: "no reason given". */
const char *bri_net_error_text(nw_error_t error, char *buffer, size_t size);
/* bri_net_is(): this POSIX error. */
bool bri_net_is(nw_error_t error, int code);

#define BRI_NET_ADDRESS_SIZE 128
/* bri_net_endpoint_text(): "192.0.2.1:80", "[2001:db8::1]:80", "name:80"; "?" for NULL. */
void bri_net_endpoint_text(nw_endpoint_t endpoint, char ret[static BRI_NET_ADDRESS_SIZE]);
void bri_net_sockaddr_text(const struct sockaddr *address, char ret[static BRI_NET_ADDRESS_SIZE]);
/* bri_net_peer_text(): the address a connection has, or the endpoint it was made for. */
void bri_net_peer_text(nw_connection_t connection, char ret[static BRI_NET_ADDRESS_SIZE]);

#define BRI_NET_MAX_SUBFLOWS 32

struct bri_net_subflows {
	size_t n;
	struct braid_subflow list[BRI_NET_MAX_SUBFLOWS];
};

/* bri_net_subflows_get(): those of now, as many as there is room for. */
void bri_net_subflows_get(nw_connection_t connection, struct bri_net_subflows *ret);
/* bri_net_subflow_text(): one line: addresses, interface, RTT, bytes, backup. */
void bri_net_subflow_text(const struct braid_subflow *subflow, char *ret, size_t size);
void bri_net_subflows_json(
	const struct bri_net_subflows *subflows, struct bri_json *json, const char *key);

/* bri_net_reason_name(): a stable word for scripts. */
const char *bri_net_reason_name(braid_multipath_reason_t reason);

/* bri_net_tls_error_text(): of an errSSL number; static. */
const char *bri_net_tls_error_text(int code);
/* bri_net_tls_version_name(): "TLS 1.3", of the number on the wire; static. */
const char *bri_net_tls_version_name(unsigned version);
/* bri_net_tls_suite_name(): by the IANA's name. Static, or `buffer` filled with the number. */
const char *bri_net_tls_suite_name(uint16_t suite, char *buffer, size_t size);
/* bri_net_tls_text(): "TLS 1.3, TLS_AES_128_GCM_SHA256, protocol h2" of a ready connection. False:
 * no TLS. */
bool bri_net_tls_text(nw_connection_t connection, char *ret, size_t size);

/* bri_net_tcp(): +1 parameters for TCP without TLS, with this multipath service. NULL: no memory.
 */
nw_parameters_t bri_net_tcp(nw_multipath_service_t service);

#endif
