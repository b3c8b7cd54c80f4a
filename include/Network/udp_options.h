/* UDP: options and metadata. udp(7), RFC 768. */
#ifndef __NW_INDIRECT__
#warning "include <Network/Network.h> instead of one of its parts"
#include <Network/Network.h>
#endif

#ifndef BRAID_NW_UDP_OPTIONS_H
#define BRAID_NW_UDP_OPTIONS_H

#include <Network/nw_object.h>
#include <Network/protocol_options.h>

BRAID_DECLS_BEGIN

/*!
 * @function nw_protocol_copy_udp_definition
 * @result +1 the one definition of UDP of this process.
 */
NW_RETURNS_RETAINED nw_protocol_definition_t nw_protocol_copy_udp_definition(void);

/*!
 * @function nw_udp_create_options
 * @result +1 options with the defaults.
 */
NW_RETURNS_RETAINED nw_protocol_options_t nw_udp_create_options(void);

/*!
 * @function nw_udp_options_set_prefer_no_checksum
 * @param prefer_no_checksum True: IPv4 datagrams without checksum (SO_NO_CHECK). Default false.
 */
void nw_udp_options_set_prefer_no_checksum(nw_protocol_options_t options, bool prefer_no_checksum);

/*!
 * @function nw_udp_create_metadata
 * @result +1 metadata for a datagram to send.
 */
NW_RETURNS_RETAINED nw_protocol_metadata_t nw_udp_create_metadata(void);

/*!
 * @function nw_protocol_metadata_is_udp
 * @result True for metadata of UDP. False for NULL, and for options.
 */
bool nw_protocol_metadata_is_udp(nw_protocol_metadata_t metadata);

BRAID_DECLS_END

#endif
