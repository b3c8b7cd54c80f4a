/* IP: options and per-packet metadata. ip(7), ipv6(7). */
#ifndef __NW_INDIRECT__
#warning "include <Network/Network.h> instead of one of its parts"
#include <Network/Network.h>
#endif

#ifndef BRAID_NW_IP_OPTIONS_H
#define BRAID_NW_IP_OPTIONS_H

#include <Network/nw_object.h>
#include <Network/protocol_options.h>
#include <Network/parameters.h>

BRAID_DECLS_BEGIN

/*!
 * @typedef nw_ip_version_t
 * @abstract Which version of IP may be used.
 */
typedef enum {
	nw_ip_version_any = 0,
	nw_ip_version_4 = 4,
	nw_ip_version_6 = 6,
} nw_ip_version_t;

/*!
 * @typedef nw_ip_local_address_preference_t
 * @abstract Which kind of local IPv6 address to prefer (RFC 8981, RFC 5014).
 */
typedef enum {
	nw_ip_local_address_preference_default = 0,
	nw_ip_local_address_preference_temporary = 1,
	nw_ip_local_address_preference_stable = 2,
} nw_ip_local_address_preference_t;

/*!
 * @typedef nw_ip_ecn_flag_t
 * @abstract The ECN bits of the header; the values are the bits (RFC 3168 section 5).
 */
typedef enum {
	nw_ip_ecn_flag_non_ect = 0,
	nw_ip_ecn_flag_ect_1 = 1,
	nw_ip_ecn_flag_ect_0 = 2,
	nw_ip_ecn_flag_ce = 3,
} nw_ip_ecn_flag_t;

/*!
 * @function nw_protocol_copy_ip_definition
 * @result +1 the one definition of IP of this process.
 */
NW_RETURNS_RETAINED nw_protocol_definition_t nw_protocol_copy_ip_definition(void);

/*!
 * @function nw_ip_options_set_version
 * @param version Only this one, also among a name's addresses. Default any.
 */
void nw_ip_options_set_version(nw_protocol_options_t options, nw_ip_version_t version);

/*!
 * @function nw_ip_options_set_hop_limit
 * @param hop_limit TTL or hop limit of sent packets; 0: the system's default.
 */
void nw_ip_options_set_hop_limit(nw_protocol_options_t options, uint8_t hop_limit);

/*!
 * @function nw_ip_options_set_use_minimum_mtu
 * @param use_minimum_mtu True: IPv6 packets of at most 1280 bytes (RFC 8200 section 5).
 */
void nw_ip_options_set_use_minimum_mtu(nw_protocol_options_t options, bool use_minimum_mtu);

/*!
 * @function nw_ip_options_set_disable_fragmentation
 * @param disable_fragmentation True: too large a datagram is refused, not cut.
 */
void nw_ip_options_set_disable_fragmentation(
	nw_protocol_options_t options, bool disable_fragmentation);

/*!
 * @function nw_ip_options_set_calculate_receive_time
 * @param calculate_receive_time True: metadata of received packets tell when (SO_TIMESTAMPNS).
 */
void nw_ip_options_set_calculate_receive_time(
	nw_protocol_options_t options, bool calculate_receive_time);

/*!
 * @function nw_ip_options_set_local_address_preference
 * @param preference Which kind of source address to take.
 */
void nw_ip_options_set_local_address_preference(
	nw_protocol_options_t options, nw_ip_local_address_preference_t preference);

/*!
 * @function nw_ip_options_set_disable_multicast_loopback
 * @param disable_multicast_loopback True: own multicasts do not come back.
 */
void nw_ip_options_set_disable_multicast_loopback(
	nw_protocol_options_t options, bool disable_multicast_loopback);

/*!
 * @function nw_ip_create_metadata
 * @result +1 metadata for a packet to send.
 */
NW_RETURNS_RETAINED nw_protocol_metadata_t nw_ip_create_metadata(void);

/*!
 * @function nw_protocol_metadata_is_ip
 * @result True for metadata of IP. False for NULL, and for options.
 */
bool nw_protocol_metadata_is_ip(nw_protocol_metadata_t metadata);

/*!
 * @function nw_ip_metadata_set_ecn_flag
 * @param ecn_flag The bits to send with this datagram.
 */
void nw_ip_metadata_set_ecn_flag(nw_protocol_metadata_t metadata, nw_ip_ecn_flag_t ecn_flag);

/*!
 * @function nw_ip_metadata_get_ecn_flag
 * @result The bits of the received, or to be sent, datagram.
 */
nw_ip_ecn_flag_t nw_ip_metadata_get_ecn_flag(nw_protocol_metadata_t metadata);

/*!
 * @function nw_ip_metadata_set_service_class
 * @param service_class For this datagram, instead of the connection's.
 */
void nw_ip_metadata_set_service_class(
	nw_protocol_metadata_t metadata, nw_service_class_t service_class);

/*!
 * @function nw_ip_metadata_get_service_class
 * @result What was set; best effort by default.
 */
nw_service_class_t nw_ip_metadata_get_service_class(nw_protocol_metadata_t metadata);

/*!
 * @function nw_ip_metadata_get_receive_time
 * @result When the packet was received, ns of CLOCK_MONOTONIC; 0 unless
 *   nw_ip_options_set_calculate_receive_time() asked for it.
 */
uint64_t nw_ip_metadata_get_receive_time(nw_protocol_metadata_t metadata);

BRAID_DECLS_END

#endif
