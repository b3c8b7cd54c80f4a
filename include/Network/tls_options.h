/* TLS and DTLS: options and metadata. What is in them is the business of <Security/...>. */
#ifndef __NW_INDIRECT__
#warning "include <Network/Network.h> instead of one of its parts"
#include <Network/Network.h>
#endif

#ifndef BRAID_NW_TLS_OPTIONS_H
#define BRAID_NW_TLS_OPTIONS_H

#include <Network/nw_object.h>
#include <Network/protocol_options.h>
#include <Security/SecProtocolMetadata.h>
#include <Security/SecProtocolOptions.h>

BRAID_DECLS_BEGIN

/*!
 * @function nw_protocol_copy_tls_definition
 * @result +1 the one definition of TLS of this process. Over UDP it is DTLS.
 */
NW_RETURNS_RETAINED nw_protocol_definition_t nw_protocol_copy_tls_definition(void);

/*!
 * @function nw_tls_create_options
 * @result +1 options with the defaults.
 */
NW_RETURNS_RETAINED nw_protocol_options_t nw_tls_create_options(void);

/*!
 * @function nw_tls_copy_sec_protocol_options
 * @param options Options of TLS.
 * @result +1 what is in them, live: changes count for these options.
 */
NW_RETURNS_RETAINED sec_protocol_options_t nw_tls_copy_sec_protocol_options(
	nw_protocol_options_t options);

/*!
 * @function nw_protocol_metadata_is_tls
 * @result True for metadata of TLS. False for NULL, and for options.
 */
bool nw_protocol_metadata_is_tls(nw_protocol_metadata_t metadata);

/*!
 * @function nw_tls_copy_sec_protocol_metadata
 * @param metadata Metadata of TLS.
 * @result +1 what is in it.
 */
NW_RETURNS_RETAINED sec_protocol_metadata_t nw_tls_copy_sec_protocol_metadata(
	nw_protocol_metadata_t metadata);

BRAID_DECLS_END

#endif
