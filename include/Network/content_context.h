/* Content contexts: what goes with a message or stream: its end, priority, expiry, protocol
 * metadata. */
#ifndef __NW_INDIRECT__
#warning "include <Network/Network.h> instead of one of its parts"
#include <Network/Network.h>
#endif

#ifndef BRAID_NW_CONTENT_CONTEXT_H
#define BRAID_NW_CONTENT_CONTEXT_H

#include <Network/nw_object.h>
#include <Network/protocol_options.h>

BRAID_DECLS_BEGIN

NW_OBJECT_DECL(nw_content_context);

/*!
 * @typedef nw_content_context_protocol_metadata_handler_f
 * @abstract The handler of nw_content_context_foreach_protocol_metadata_f(). Arguments are
 *   borrowed.
 */
typedef void (*nw_content_context_protocol_metadata_handler_f)(void *_Nullable context,
	nw_protocol_definition_t definition, nw_protocol_metadata_t metadata);

/*!
 * @function nw_content_context_create
 * @param context_identifier A name, for people reading logs; copied.
 * @result +1, nw_release() it. NULL (logged) when the identifier is NULL.
 */
NW_RETURNS_RETAINED nw_content_context_t nw_content_context_create(const char *context_identifier);

/*!
 * @function nw_content_context_get_identifier
 * @result The name, borrowed: lives as long as the context. NULL for NULL.
 */
const char *nw_content_context_get_identifier(nw_content_context_t context);

/*!
 * @function nw_content_context_get_is_final
 * @result True when this is the last content of its direction. In a receive completion it means
 *   that the peer's stream has ended; datagrams are never final.
 */
bool nw_content_context_get_is_final(nw_content_context_t context);

/*!
 * @function nw_content_context_set_is_final
 * @abstract Completing this context closes the sending direction (a FIN for TCP, RFC 9293 section
 *   3.6); receiving goes on. The shared default contexts refuse every change.
 * @param is_final Default false.
 */
void nw_content_context_set_is_final(nw_content_context_t context, bool is_final);

/*!
 * @function nw_content_context_get_expiration_milliseconds
 * @result Milliseconds from the call of send until the content is dropped if it has not left; 0:
 *   never.
 */
uint64_t nw_content_context_get_expiration_milliseconds(nw_content_context_t context);

/*!
 * @function nw_content_context_set_expiration_milliseconds
 * @param expiration_milliseconds Counted from the call of send; 0 (the default): none. Ignored by
 *   final contexts.
 */
void nw_content_context_set_expiration_milliseconds(
	nw_content_context_t context, uint64_t expiration_milliseconds);

/*!
 * @function nw_content_context_get_relative_priority
 * @result 0.0 (last) to 1.0 (first); default 0.5.
 */
double nw_content_context_get_relative_priority(nw_content_context_t context);

/*!
 * @function nw_content_context_set_relative_priority
 * @param relative_priority 0.0 to 1.0; other values and final contexts are refused (logged).
 */
void nw_content_context_set_relative_priority(
	nw_content_context_t context, double relative_priority);

/*!
 * @function nw_content_context_set_antecedent
 * @abstract This content is not sent before the antecedent's is complete.
 * @param antecedent_context Retained; NULL removes it. Refused by final contexts.
 */
void nw_content_context_set_antecedent(
	nw_content_context_t context, nw_content_context_t _Nullable antecedent_context);

/*!
 * @function nw_content_context_copy_antecedent
 * @result +1 the antecedent, NULL when there is none.
 */
NW_RETURNS_RETAINED nw_content_context_t _Nullable nw_content_context_copy_antecedent(
	nw_content_context_t context);

/*!
 * @function nw_content_context_set_metadata_for_protocol
 * @abstract Attaches metadata to what is sent with this context; earlier metadata of the same
 *   protocol is replaced.
 * @param protocol_metadata Retained.
 */
void nw_content_context_set_metadata_for_protocol(
	nw_content_context_t context, nw_protocol_metadata_t protocol_metadata);

/*!
 * @function nw_content_context_copy_protocol_metadata
 * @param protocol Which protocol's.
 * @result +1 the metadata, NULL when the context has none of that protocol.
 */
NW_RETURNS_RETAINED nw_protocol_metadata_t _Nullable nw_content_context_copy_protocol_metadata(
	nw_content_context_t context, nw_protocol_definition_t protocol);

#ifdef __BLOCKS__
/*!
 * @function nw_content_context_foreach_protocol_metadata
 * @abstract Calls the block for each protocol's metadata, inside this call. Arguments are
 *   borrowed.
 */
void nw_content_context_foreach_protocol_metadata(nw_content_context_t context,
	NW_NOESCAPE void (^foreach_block)(
		nw_protocol_definition_t definition, nw_protocol_metadata_t metadata));
#endif
/*!
 * @function nw_content_context_foreach_protocol_metadata_f
 * @abstract As above, with a function.
 */
void nw_content_context_foreach_protocol_metadata_f(nw_content_context_t context,
	void *_Nullable foreach_context, nw_content_context_protocol_metadata_handler_f foreach);

BRAID_DECLS_END

#endif
