/* Protocols: definition (which), options (how it shall behave), metadata (what it says of a
 * connection or message). */
#ifndef __NW_INDIRECT__
#warning "include <Network/Network.h> instead of one of its parts"
#include <Network/Network.h>
#endif

#ifndef BRAID_NW_PROTOCOL_OPTIONS_H
#define BRAID_NW_PROTOCOL_OPTIONS_H

#include <Network/nw_object.h>

BRAID_DECLS_BEGIN

NW_OBJECT_DECL(nw_protocol_definition);
NW_OBJECT_DECL(nw_protocol_options);
NW_OBJECT_DECL(nw_protocol_metadata);

/*!
 * @function nw_protocol_definition_is_equal
 * @param definition1 A definition.
 * @param definition2 Another.
 * @result True when both name the same protocol. False when either is NULL.
 */
bool nw_protocol_definition_is_equal(
	nw_protocol_definition_t definition1, nw_protocol_definition_t definition2);

/*!
 * @function nw_protocol_options_copy_definition
 * @param options Options of any protocol.
 * @result +1 the definition they belong to. NULL for NULL.
 */
NW_RETURNS_RETAINED nw_protocol_definition_t nw_protocol_options_copy_definition(
	nw_protocol_options_t options);

/*!
 * @function nw_protocol_metadata_copy_definition
 * @param metadata Metadata of any protocol.
 * @result +1 the definition it belongs to. NULL for NULL.
 */
NW_RETURNS_RETAINED nw_protocol_definition_t nw_protocol_metadata_copy_definition(
	nw_protocol_metadata_t metadata);

BRAID_DECLS_END

#endif
