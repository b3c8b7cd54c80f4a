/* Connections: a flow of data to one endpoint. */
#ifndef __NW_INDIRECT__
#warning "include <Network/Network.h> instead of one of its parts"
#include <Network/Network.h>
#endif

#ifndef BRAID_NW_CONNECTION_H
#define BRAID_NW_CONNECTION_H

#include <Network/nw_object.h>
#include <Network/content_context.h>
#include <Network/endpoint.h>
#include <Network/error.h>
#include <Network/interface.h>
#include <Network/parameters.h>
#include <Network/path.h>
#include <Network/protocol_options.h>
#include <dispatch/dispatch.h>

BRAID_DECLS_BEGIN

NW_OBJECT_DECL(nw_connection);

/*!
 * @typedef nw_connection_state_t
 * @constant nw_connection_state_invalid Before the start; never delivered.
 * @constant nw_connection_state_waiting Every address was tried and none answers, or there is no
 *   route. The error says why. Tried again when the network changes, or on
 *   nw_connection_restart().
 * @constant nw_connection_state_preparing Resolving, connecting, shaking hands.
 * @constant nw_connection_state_ready Content can flow.
 * @constant nw_connection_state_failed The end, with an error.
 * @constant nw_connection_state_cancelled The end, asked for. Nothing is delivered after it.
 */
typedef enum {
	nw_connection_state_invalid = 0,
	nw_connection_state_waiting = 1,
	nw_connection_state_preparing = 2,
	nw_connection_state_ready = 3,
	nw_connection_state_failed = 4,
	nw_connection_state_cancelled = 5,
} nw_connection_state_t;

#ifdef __BLOCKS__
/*!
 * @typedef nw_connection_state_changed_handler_t
 * @param error Why, for waiting and failed; else NULL. Borrowed.
 */
typedef void (^nw_connection_state_changed_handler_t)(
	nw_connection_state_t state, nw_error_t _Nullable error);
/*!
 * @typedef nw_connection_boolean_event_handler_t
 * @abstract Viability, or whether a better path is there.
 */
typedef void (^nw_connection_boolean_event_handler_t)(bool value);
/*!
 * @typedef nw_connection_path_event_handler_t
 * @param path The new path. Borrowed.
 */
typedef void (^nw_connection_path_event_handler_t)(nw_path_t path);
/*!
 * @typedef nw_connection_receive_completion_t
 * @param content What was received, or NULL. Borrowed.
 * @param context Metadata, and is_final at the end of a stream; or NULL. Borrowed.
 * @param is_complete The end of a message, or of the stream.
 * @param error NULL, or why the receive ended. There may be content beside it: take that first.
 *   Borrowed.
 */
typedef void (^nw_connection_receive_completion_t)(dispatch_data_t _Nullable content,
	nw_content_context_t _Nullable context, bool is_complete, nw_error_t _Nullable error);
/*!
 * @typedef nw_connection_send_completion_t
 * @param error NULL: the stack has taken the content. Borrowed.
 */
typedef void (^nw_connection_send_completion_t)(nw_error_t _Nullable error);

#define NW_CONNECTION_SEND_TYPE_DECL(name)                                                         \
	extern const nw_connection_send_completion_t _nw_connection_send_##name

/*!
 * @const NW_CONNECTION_SEND_IDEMPOTENT_CONTENT
 * @abstract In place of a completion: nothing is called, and the content may be sent before the
 *   connection is ready and on more than one attempt (as TCP Fast Open does).
 */
#define NW_CONNECTION_SEND_IDEMPOTENT_CONTENT (_nw_connection_send_idempotent_content)
NW_CONNECTION_SEND_TYPE_DECL(idempotent_content);
#endif

/* the same for programs without blocks: function types, context first */
typedef void (*nw_connection_state_changed_handler_f)(
	void *_Nullable context, nw_connection_state_t state, nw_error_t _Nullable error);
typedef void (*nw_connection_boolean_event_handler_f)(void *_Nullable context, bool value);
typedef void (*nw_connection_path_event_handler_f)(void *_Nullable context, nw_path_t path);
typedef void (*nw_connection_receive_completion_f)(void *_Nullable context,
	dispatch_data_t _Nullable content, nw_content_context_t _Nullable content_context,
	bool is_complete, nw_error_t _Nullable error);
typedef void (*nw_connection_send_completion_f)(
	void *_Nullable context, nw_error_t _Nullable error);

/*!
 * @const BRAID_SEND_IDEMPOTENT_CONTENT_F
 * @abstract As NW_CONNECTION_SEND_IDEMPOTENT_CONTENT, for nw_connection_send_f().
 */
#define BRAID_SEND_IDEMPOTENT_CONTENT_F (braid_send_idempotent_content_f)
extern const nw_connection_send_completion_f braid_send_idempotent_content_f;

#define NW_CONTENT_CONTEXT_TYPE_DECL(name)                                                         \
	extern const nw_content_context_t _nw_content_context_##name

/*!
 * @const NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT
 * @abstract One message (a datagram); on a stream, bytes of it.
 */
#define NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT (_nw_content_context_default_message)
NW_CONTENT_CONTEXT_TYPE_DECL(default_message);

/*!
 * @const NW_CONNECTION_FINAL_MESSAGE_CONTEXT
 * @abstract The last message; completing it closes the sending direction.
 */
#define NW_CONNECTION_FINAL_MESSAGE_CONTEXT (_nw_content_context_final_send)
NW_CONTENT_CONTEXT_TYPE_DECL(final_send);

/*!
 * @const NW_CONNECTION_DEFAULT_STREAM_CONTEXT
 * @abstract The whole stream; completing it closes the sending direction.
 */
#define NW_CONNECTION_DEFAULT_STREAM_CONTEXT (_nw_content_context_default_stream)
NW_CONTENT_CONTEXT_TYPE_DECL(default_stream);

/*!
 * @function nw_connection_create
 * @abstract A connection that does nothing until it is started.
 * @param endpoint Where to; retained.
 * @param parameters How; retained, and read when the connection starts.
 * @result +1, nw_release() it. NULL (logged) when either is NULL.
 */
NW_RETURNS_RETAINED nw_connection_t nw_connection_create(
	nw_endpoint_t endpoint, nw_parameters_t parameters);

/*!
 * @function nw_connection_copy_endpoint
 * @result +1 the endpoint it was made for; of an accepted connection the peer's address.
 */
NW_RETURNS_RETAINED nw_endpoint_t nw_connection_copy_endpoint(nw_connection_t connection);

/*!
 * @function nw_connection_copy_parameters
 * @result +1 the live parameters: changes count until the start.
 */
NW_RETURNS_RETAINED nw_parameters_t nw_connection_copy_parameters(nw_connection_t connection);

#ifdef __BLOCKS__
/*!
 * @function nw_connection_set_state_changed_handler
 * @abstract Called on the connection's queue for each change, never inside a call of the program,
 *   and not after `cancelled`. Which handler is called is looked up at that time: it may be
 *   exchanged any time.
 * @param handler Copied, and dropped after the end has been delivered. NULL: no more events.
 */
void nw_connection_set_state_changed_handler(
	nw_connection_t connection, nw_connection_state_changed_handler_t _Nullable handler);

/*!
 * @function nw_connection_set_viability_changed_handler
 * @abstract Called on the queue with true when content can flow, false while no path can carry it
 *   (the state does not change with it, sends and receives wait).
 * @param handler Copied; NULL: no more events.
 */
void nw_connection_set_viability_changed_handler(
	nw_connection_t connection, nw_connection_boolean_event_handler_t _Nullable handler);

/*!
 * @function nw_connection_set_better_path_available_handler
 * @abstract Called on the queue when a new connection would get a better path than this one has,
 *   or no longer would. Advice only; a multipath connection moves by itself.
 * @param handler Copied; NULL: no more events.
 */
void nw_connection_set_better_path_available_handler(
	nw_connection_t connection, nw_connection_boolean_event_handler_t _Nullable handler);

/*!
 * @function nw_connection_set_path_changed_handler
 * @abstract Called on the queue with the first path, and with each other.
 * @param handler Copied; NULL: no more events.
 */
void nw_connection_set_path_changed_handler(
	nw_connection_t connection, nw_connection_path_event_handler_t _Nullable handler);
#endif
/*!
 * @function nw_connection_set_state_changed_handler_f
 * @abstract As above, with a function.
 * @param context Its first argument.
 * @param handler NULL: no more events.
 * @param destroy Called once when the context is no longer needed: replaced, ended or freed. May
 *   be NULL.
 */
void nw_connection_set_state_changed_handler_f(nw_connection_t connection, void *_Nullable context,
	nw_connection_state_changed_handler_f _Nullable handler,
	nw_context_destroy_f _Nullable destroy);
/*!
 * @function nw_connection_set_viability_changed_handler_f
 * @abstract As above, with a function.
 */
void nw_connection_set_viability_changed_handler_f(nw_connection_t connection,
	void *_Nullable context, nw_connection_boolean_event_handler_f _Nullable handler,
	nw_context_destroy_f _Nullable destroy);
/*!
 * @function nw_connection_set_better_path_available_handler_f
 * @abstract As above, with a function.
 */
void nw_connection_set_better_path_available_handler_f(nw_connection_t connection,
	void *_Nullable context, nw_connection_boolean_event_handler_f _Nullable handler,
	nw_context_destroy_f _Nullable destroy);
/*!
 * @function nw_connection_set_path_changed_handler_f
 * @abstract As above, with a function.
 */
void nw_connection_set_path_changed_handler_f(nw_connection_t connection, void *_Nullable context,
	nw_connection_path_event_handler_f _Nullable handler,
	nw_context_destroy_f _Nullable destroy);

/*!
 * @function nw_connection_set_queue
 * @abstract The queue on which everything of this connection is delivered. Needed before the
 *   start.
 * @param queue Retained. A concurrent queue is allowed: this connection's handlers still run one
 *   at a time.
 */
void nw_connection_set_queue(nw_connection_t connection, dispatch_queue_t queue);

/*!
 * @function nw_connection_start
 * @abstract Begins: preparing, then ready or waiting. Needs a queue. A second call does nothing
 *   (logged). The connection lives until it has failed or is cancelled, also without a reference
 *   of the program's.
 */
void nw_connection_start(nw_connection_t connection);

/*!
 * @function nw_connection_restart
 * @abstract Tries again at once when waiting; else does nothing.
 */
void nw_connection_restart(nw_connection_t connection);

/*!
 * @function nw_connection_cancel
 * @abstract Closes: content whose send completed is still sent, then a FIN. Delivered, in this
 *   order: ECANCELED to outstanding sends and receives, then the state `cancelled`. More calls are
 *   harmless.
 */
void nw_connection_cancel(nw_connection_t connection);

/*!
 * @function nw_connection_force_cancel
 * @abstract As cancel, without courtesy: TCP sends a RST.
 */
void nw_connection_force_cancel(nw_connection_t connection);

/*!
 * @function nw_connection_cancel_current_endpoint
 * @abstract Gives the current address up and tries the next; with none left it waits or fails.
 */
void nw_connection_cancel_current_endpoint(nw_connection_t connection);

#ifdef __BLOCKS__
/*!
 * @function nw_connection_receive
 * @abstract Asks for bytes. Several may be outstanding: they complete in order, each exactly once,
 *   on the queue. Not asking keeps the peer's window closed.
 * @param minimum_incomplete_length Bytes to wait for, unless the message or stream ends first.
 * @param maximum_length Bytes at most; UINT32_MAX: what there is.
 * @param completion Called once. At the end of the stream with a final context and is_complete;
 *   receives after that complete with ENODATA.
 */
void nw_connection_receive(nw_connection_t connection, uint32_t minimum_incomplete_length,
	uint32_t maximum_length, nw_connection_receive_completion_t completion);

/*!
 * @function nw_connection_receive_message
 * @abstract Asks for one whole message: a datagram; on a stream without messages, all of it.
 * @param completion Called once, on the queue.
 */
void nw_connection_receive_message(
	nw_connection_t connection, nw_connection_receive_completion_t completion);

/*!
 * @function nw_connection_send
 * @abstract Sends. May be called before `ready`: the content then waits in order. In the handler
 *   of an event that came together with others the bytes leave after the last of their handlers, or
 *   at the kernel's next clock tick (1 to 10 ms); also while the handler blocks.
 * @param content Retained; NULL only with is_complete (to end without more content).
 * @param context What kind of message; retained.
 * @param is_complete The content ends the message. With a final context it closes this direction.
 * @param completion Called once, on the queue: the stack took the content, or why not (EPIPE after
 *   the end, EMSGSIZE for a datagram too large, ECANCELED).
 */
void nw_connection_send(nw_connection_t connection, dispatch_data_t _Nullable content,
	nw_content_context_t context, bool is_complete, nw_connection_send_completion_t completion);

/*!
 * @function nw_connection_batch
 * @abstract Runs the block inside this call; what is sent and received in it is worked on
 *   together, afterwards.
 */
void nw_connection_batch(nw_connection_t connection, NW_NOESCAPE dispatch_block_t batch_block);
#endif
/*!
 * @function nw_connection_receive_f
 * @abstract As above, with a function.
 * @param destroy Called once after the completion; may be NULL.
 */
void nw_connection_receive_f(nw_connection_t connection, uint32_t minimum_incomplete_length,
	uint32_t maximum_length, void *_Nullable completion_context,
	nw_connection_receive_completion_f completion, nw_context_destroy_f _Nullable destroy);
/*!
 * @function nw_connection_receive_message_f
 * @abstract As above, with a function.
 */
void nw_connection_receive_message_f(nw_connection_t connection, void *_Nullable completion_context,
	nw_connection_receive_completion_f completion, nw_context_destroy_f _Nullable destroy);
/*!
 * @function nw_connection_send_f
 * @abstract As above, with a function.
 * @param destroy Called once after the completion; may be NULL.
 */
void nw_connection_send_f(nw_connection_t connection, dispatch_data_t _Nullable content,
	nw_content_context_t context, bool is_complete, void *_Nullable completion_context,
	nw_connection_send_completion_f completion, nw_context_destroy_f _Nullable destroy);
/*!
 * @function nw_connection_batch_f
 * @abstract As above, with a function; it is called inside this call.
 */
void nw_connection_batch_f(
	nw_connection_t connection, void *_Nullable context, dispatch_function_t batch);

/*!
 * @function nw_connection_copy_description
 * @result Text for people, to be free()d. It may change from version to version.
 */
char *nw_connection_copy_description(nw_connection_t connection);

/*!
 * @function nw_connection_copy_current_path
 * @result +1 the path, with its two addresses once ready; NULL before the start and after the end.
 */
NW_RETURNS_RETAINED nw_path_t _Nullable nw_connection_copy_current_path(nw_connection_t connection);

/*!
 * @function nw_connection_copy_protocol_metadata
 * @param definition Which protocol's.
 * @result +1 the connection's metadata of that protocol; NULL unless ready and the protocol is in
 *   use.
 */
NW_RETURNS_RETAINED nw_protocol_metadata_t _Nullable nw_connection_copy_protocol_metadata(
	nw_connection_t connection, nw_protocol_definition_t definition);

/*!
 * @function nw_connection_get_maximum_datagram_size
 * @result Bytes of content that fit into one packet of this connection's path, without what DTLS
 *   adds to them; 0 unless ready.
 */
uint32_t nw_connection_get_maximum_datagram_size(nw_connection_t connection);

BRAID_DECLS_END

#endif
