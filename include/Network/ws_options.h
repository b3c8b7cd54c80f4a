/*
 * WebSocket (RFC 6455): options before, metadata of messages and of a connection, and the opening
 * handshake's request and response. It stands above TCP, or above TLS above TCP. No extension is
 * offered or accepted, so permessage-deflate (RFC 7692) never is in use.
 */
#ifndef __NW_INDIRECT__
#warning "include <Network/Network.h> instead of one of its parts"
#include <Network/Network.h>
#endif

#ifndef BRAID_NW_WS_OPTIONS_H
#define BRAID_NW_WS_OPTIONS_H

#include <Network/nw_object.h>
#include <Network/error.h>
#include <Network/protocol_options.h>
#include <dispatch/dispatch.h>

BRAID_DECLS_BEGIN

/*!
 * @typedef nw_ws_request_t
 * @abstract What a client asked for in its opening handshake. Immutable.
 */
NW_OBJECT_DECL(nw_ws_request);

/*!
 * @typedef nw_ws_response_t
 * @abstract What a server answered, or is to answer.
 */
NW_OBJECT_DECL(nw_ws_response);

/*!
 * @typedef nw_ws_opcode_t
 * @abstract What a message is (RFC 6455, section 11.8).
 * @constant nw_ws_opcode_cont A continuation. Never received: messages come whole, or in pieces
 *   that name the type of the message.
 */
typedef enum {
	nw_ws_opcode_invalid = -1,
	nw_ws_opcode_cont = 0,
	nw_ws_opcode_text = 1,
	nw_ws_opcode_binary = 2,
	nw_ws_opcode_close = 8,
	nw_ws_opcode_ping = 9,
	nw_ws_opcode_pong = 10,
} nw_ws_opcode_t;

/*!
 * @typedef nw_ws_close_code_t
 * @abstract Why a connection is closed (RFC 6455, section 7.4). Codes 3000 to 4999 are for
 *   libraries and programs.
 * @constant nw_ws_close_code_no_status_received The close frame had no code. Not sent.
 * @constant nw_ws_close_code_abnormal_closure There was no close frame. Not sent.
 * @constant nw_ws_close_code_tls_handshake TLS failed. Not sent.
 */
typedef enum {
	nw_ws_close_code_normal_closure = 1000,
	nw_ws_close_code_going_away = 1001,
	nw_ws_close_code_protocol_error = 1002,
	nw_ws_close_code_unsupported_data = 1003,
	nw_ws_close_code_no_status_received = 1005,
	nw_ws_close_code_abnormal_closure = 1006,
	nw_ws_close_code_invalid_frame_payload_data = 1007,
	nw_ws_close_code_policy_violation = 1008,
	nw_ws_close_code_message_too_big = 1009,
	nw_ws_close_code_mandatory_extension = 1010,
	nw_ws_close_code_internal_server_error = 1011,
	nw_ws_close_code_tls_handshake = 1015,
} nw_ws_close_code_t;

/*!
 * @typedef nw_ws_version_t
 * @constant nw_ws_version_13 RFC 6455.
 */
typedef enum {
	nw_ws_version_invalid = 0,
	nw_ws_version_13 = 1,
} nw_ws_version_t;

/*!
 * @typedef nw_ws_response_status_t
 * @constant nw_ws_response_status_accept 101: the connection is a WebSocket from now on.
 * @constant nw_ws_response_status_reject 400: it is not, and ends.
 */
typedef enum {
	nw_ws_response_status_invalid = 0,
	nw_ws_response_status_accept = 1,
	nw_ws_response_status_reject = 2,
} nw_ws_response_status_t;

#ifdef __BLOCKS__
/*!
 * @typedef nw_ws_pong_handler_t
 * @param error NULL: the peer has answered. Else the connection ended first. Borrowed.
 */
typedef void (^nw_ws_pong_handler_t)(nw_error_t _Nullable error);
/*!
 * @typedef nw_ws_subprotocol_enumerator_t
 * @result False stops.
 */
typedef bool (^nw_ws_subprotocol_enumerator_t)(const char *subprotocol);
/*!
 * @typedef nw_ws_additional_header_enumerator_t
 * @result False stops.
 */
typedef bool (^nw_ws_additional_header_enumerator_t)(const char *name, const char *value);
/*!
 * @typedef nw_ws_client_request_handler_t
 * @param request Borrowed.
 * @result +1: the library releases it. NULL refuses, like a response that rejects.
 */
typedef nw_ws_response_t _Nonnull (^nw_ws_client_request_handler_t)(
	nw_ws_request_t _Nonnull request);
#endif

/* the same for programs without blocks: function types, context first */
typedef void (*nw_ws_pong_handler_f)(void *_Nullable context, nw_error_t _Nullable error);
typedef bool (*nw_ws_subprotocol_enumerator_f)(void *_Nullable context, const char *subprotocol);
typedef bool (*nw_ws_additional_header_enumerator_f)(
	void *_Nullable context, const char *name, const char *value);
typedef nw_ws_response_t _Nullable (*nw_ws_client_request_handler_f)(
	void *_Nullable context, nw_ws_request_t request);

/*!
 * @function nw_protocol_copy_ws_definition
 * @result +1 the one definition of WebSocket of this process.
 */
NW_RETURNS_RETAINED nw_protocol_definition_t nw_protocol_copy_ws_definition(void);

/*!
 * @function nw_ws_create_options
 * @param version nw_ws_version_13.
 * @result +1 options for nw_protocol_stack_prepend_application_protocol(): pings are not answered
 *   automatically, messages may be of any size. NULL (logged) for another version.
 */
NW_RETURNS_RETAINED nw_protocol_options_t _Nullable nw_ws_create_options(nw_ws_version_t version);

/*!
 * @function nw_ws_options_add_additional_header
 * @abstract A header of the client's request. "Host" replaces the one made from the endpoint,
 *   "Sec-WebSocket-Protocol" adds subprotocols; others that the handshake writes itself are refused
 *   (logged).
 * @param name A token (RFC 9110, section 5.6.2); copied.
 * @param value Without control characters; copied.
 */
void nw_ws_options_add_additional_header(
	nw_protocol_options_t options, const char *name, const char *value);

/*!
 * @function nw_ws_options_add_subprotocol
 * @abstract A subprotocol that the client offers; the first is liked best.
 * @param subprotocol A token; copied.
 */
void nw_ws_options_add_subprotocol(nw_protocol_options_t options, const char *subprotocol);

/*!
 * @function nw_ws_options_set_auto_reply_ping
 * @param auto_reply_ping True: pings are answered by the library, and received all the same.
 *   Default false: the program answers, with a message of opcode pong and the ping's content.
 */
void nw_ws_options_set_auto_reply_ping(nw_protocol_options_t options, bool auto_reply_ping);

/*!
 * @function nw_ws_options_set_skip_handshake
 * @param skip_handshake True: frames begin at once, as after an opening handshake that was made by
 *   other means. Default false.
 */
void nw_ws_options_set_skip_handshake(nw_protocol_options_t options, bool skip_handshake);

/*!
 * @function nw_ws_options_set_maximum_message_size
 * @param maximum_message_size Bytes of a message from the peer; a larger one closes the connection
 *   with code 1009, and it fails with EMSGSIZE. 0 (the default): any.
 */
void nw_ws_options_set_maximum_message_size(
	nw_protocol_options_t options, size_t maximum_message_size);

#ifdef __BLOCKS__
/*!
 * @function nw_ws_options_set_client_request_handler
 * @abstract Servers: asked once for each client that wants in. Without one, all come in, with no
 *   subprotocol.
 * @param client_queue Where it runs; it may differ from the connection's.
 * @param handler Copied.
 */
void nw_ws_options_set_client_request_handler(nw_protocol_options_t options,
	dispatch_queue_t client_queue, nw_ws_client_request_handler_t handler);
#endif
/*!
 * @function nw_ws_options_set_client_request_handler_f
 * @abstract As above, with a function.
 * @param destroy Called once with the context, when neither these options nor a connection made
 *   with them can ask any more.
 */
void nw_ws_options_set_client_request_handler_f(nw_protocol_options_t options,
	dispatch_queue_t client_queue, void *_Nullable context,
	nw_ws_client_request_handler_f _Nullable handler, nw_context_destroy_f _Nullable destroy);

#ifdef __BLOCKS__
/*!
 * @function nw_ws_request_enumerate_subprotocols
 * @abstract Calls the block for each subprotocol that the client offers, best first, inside this
 *   call.
 * @result False: the block stopped it.
 */
bool nw_ws_request_enumerate_subprotocols(
	nw_ws_request_t request, NW_NOESCAPE nw_ws_subprotocol_enumerator_t enumerator);
/*!
 * @function nw_ws_request_enumerate_additional_headers
 * @abstract Calls the block for each header but those of the handshake itself, inside this call.
 * @result False: the block stopped it.
 */
bool nw_ws_request_enumerate_additional_headers(
	nw_ws_request_t request, NW_NOESCAPE nw_ws_additional_header_enumerator_t enumerator);
#endif
/*!
 * @function nw_ws_request_enumerate_subprotocols_f
 * @abstract As above, with a function.
 */
bool nw_ws_request_enumerate_subprotocols_f(nw_ws_request_t request, void *_Nullable context,
	nw_ws_subprotocol_enumerator_f enumerator);
/*!
 * @function nw_ws_request_enumerate_additional_headers_f
 * @abstract As above, with a function.
 */
bool nw_ws_request_enumerate_additional_headers_f(nw_ws_request_t request, void *_Nullable context,
	nw_ws_additional_header_enumerator_f enumerator);

/*!
 * @function nw_ws_response_create
 * @param status accept or reject.
 * @param selected_subprotocol One of those that the client offered; copied. NULL: none.
 * @result +1, nw_release() it. NULL (logged) for another status, or a subprotocol that is no token.
 */
NW_RETURNS_RETAINED nw_ws_response_t _Nullable nw_ws_response_create(
	nw_ws_response_status_t status, const char *_Nullable selected_subprotocol);

/*!
 * @function nw_ws_response_get_status
 * @result nw_ws_response_status_invalid for NULL.
 */
nw_ws_response_status_t nw_ws_response_get_status(nw_ws_response_t _Nullable response);

/*!
 * @function nw_ws_response_get_selected_subprotocol
 * @result Borrowed: lives as long as the response. NULL: none was selected.
 */
const char *_Nullable nw_ws_response_get_selected_subprotocol(nw_ws_response_t response);

/*!
 * @function nw_ws_response_add_additional_header
 * @abstract A header of the response; those that the handshake writes itself are refused (logged).
 * @param name A token; copied.
 * @param value Without control characters; copied.
 */
void nw_ws_response_add_additional_header(
	nw_ws_response_t response, const char *name, const char *value);

#ifdef __BLOCKS__
/*!
 * @function nw_ws_response_enumerate_additional_headers
 * @abstract Calls the block for each header but those of the handshake itself, inside this call.
 * @result False: the block stopped it.
 */
bool nw_ws_response_enumerate_additional_headers(
	nw_ws_response_t response, NW_NOESCAPE nw_ws_additional_header_enumerator_t enumerator);
#endif
/*!
 * @function nw_ws_response_enumerate_additional_headers_f
 * @abstract As above, with a function.
 */
bool nw_ws_response_enumerate_additional_headers_f(nw_ws_response_t response,
	void *_Nullable context, nw_ws_additional_header_enumerator_f enumerator);

/*!
 * @function nw_ws_create_metadata
 * @abstract For a message to send: attach it to a content context. Without it, messages are binary.
 *   A text that is not UTF-8 is not sent (logged).
 * @param opcode What the message is. Pings, pongs and close frames carry at most 125 bytes, of
 *   which a close code takes 2; longer pings and pongs are not sent (logged), a longer reason is
 *   left out.
 * @result +1, nw_release() it. NULL (logged) for an opcode that is none.
 */
NW_RETURNS_RETAINED nw_protocol_metadata_t _Nullable nw_ws_create_metadata(nw_ws_opcode_t opcode);

/*!
 * @function nw_protocol_metadata_is_ws
 * @result True for metadata of WebSocket. False for NULL, and for options.
 */
bool nw_protocol_metadata_is_ws(nw_protocol_metadata_t metadata);

/*!
 * @function nw_ws_metadata_get_opcode
 * @result nw_ws_opcode_invalid for the metadata of a connection, and for anything else.
 */
nw_ws_opcode_t nw_ws_metadata_get_opcode(nw_protocol_metadata_t metadata);

/*!
 * @function nw_ws_metadata_set_close_code
 * @param close_code Of a close frame to send; default normal_closure. Also 3000 to 4999. Codes that
 *   are never sent make a close frame without one.
 */
void nw_ws_metadata_set_close_code(nw_protocol_metadata_t metadata, nw_ws_close_code_t close_code);

/*!
 * @function nw_ws_metadata_get_close_code
 * @result Of a close frame: its code, no_status_received if it has none. Also for all else.
 */
nw_ws_close_code_t nw_ws_metadata_get_close_code(nw_protocol_metadata_t metadata);

#ifdef __BLOCKS__
/*!
 * @function nw_ws_metadata_set_pong_handler
 * @abstract Called when the peer answers the ping that is sent with this metadata; with an error
 *   when the connection ends first. In the order of the pings. Pongs that have a handler are not
 *   received as messages.
 * @param client_queue Where it runs.
 * @param pong_handler Copied.
 */
void nw_ws_metadata_set_pong_handler(nw_protocol_metadata_t metadata, dispatch_queue_t client_queue,
	nw_ws_pong_handler_t pong_handler);
#endif
/*!
 * @function nw_ws_metadata_set_pong_handler_f
 * @abstract As above, with a function.
 * @param destroy Called once with the context, when the handler cannot be called any more.
 */
void nw_ws_metadata_set_pong_handler_f(nw_protocol_metadata_t metadata,
	dispatch_queue_t client_queue, void *_Nullable context,
	nw_ws_pong_handler_f _Nullable pong_handler, nw_context_destroy_f _Nullable destroy);

/*!
 * @function nw_ws_metadata_copy_server_response
 * @param metadata Of a ready connection, from nw_connection_copy_protocol_metadata(). On servers
 *   too.
 * @result +1 the answer to the opening handshake. NULL: there was no handshake, or this is the
 *   metadata of a message.
 */
NW_RETURNS_RETAINED nw_ws_response_t _Nullable nw_ws_metadata_copy_server_response(
	nw_protocol_metadata_t metadata);

BRAID_DECLS_END

#endif
