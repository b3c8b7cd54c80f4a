/*
 * Framers: protocols that a program writes itself. A framer stands in a protocol stack like TLS or
 * WebSocket, cuts what comes from below into messages, and wraps what is sent into its own format.
 */
#ifndef __NW_INDIRECT__
#warning "include <Network/Network.h> instead of one of its parts"
#include <Network/Network.h>
#endif

#ifndef BRAID_NW_FRAMER_OPTIONS_H
#define BRAID_NW_FRAMER_OPTIONS_H

#include <Network/endpoint.h>
#include <Network/nw_object.h>
#include <Network/parameters.h>
#include <Network/protocol_options.h>
#include <dispatch/dispatch.h>

BRAID_DECLS_BEGIN

/*!
 * @typedef nw_framer_t
 * @abstract A framer at work: one for each attempt of each connection. All its handlers run on one
 *   context, the connection's queue, and all functions below that take one are to be called there;
 *   from elsewhere nw_framer_async() leads there. After the cleanup handler they do nothing.
 */
NW_OBJECT_DECL(nw_framer);

/*!
 * @typedef nw_framer_message_t
 * @abstract One message of a framer: the metadata of its protocol, with values of the program's.
 */
NW_OBJECT_DECL_SUBCLASS(nw_framer_message, nw_protocol_metadata);

/*!
 * @typedef nw_framer_start_result_t
 * @constant nw_framer_start_result_ready The framer has no handshake: what is above it starts now.
 * @constant nw_framer_start_result_will_mark_ready nw_framer_mark_ready() will be called.
 */
typedef enum {
	nw_framer_start_result_ready = 1,
	nw_framer_start_result_will_mark_ready = 2,
} nw_framer_start_result_t;

/*!
 * @const NW_FRAMER_CREATE_FLAGS_DEFAULT
 * @abstract The only flags there are.
 */
#define NW_FRAMER_CREATE_FLAGS_DEFAULT 0x00

/*!
 * @const NW_FRAMER_WAKEUP_TIME_FOREVER
 * @abstract For nw_framer_schedule_wakeup(): no wakeup.
 */
#define NW_FRAMER_WAKEUP_TIME_FOREVER (~0ull)

#ifdef __BLOCKS__
/*!
 * @typedef nw_framer_start_handler_t
 * @abstract Called when the protocols below are ready. It sets the handlers.
 */
typedef nw_framer_start_result_t (^nw_framer_start_handler_t)(nw_framer_t framer);
/*!
 * @typedef nw_framer_input_handler_t
 * @abstract Called when more has come, once: it calls nw_framer_parse_input() until that says no.
 * @result Bytes to be there before the next call; 0: any.
 */
typedef size_t (^nw_framer_input_handler_t)(nw_framer_t framer);
/*!
 * @typedef nw_framer_output_handler_t
 * @abstract Called for content that is sent. What it does not write is dropped.
 * @param message The message sent with the content; an empty one when there was none. Borrowed.
 * @param message_length Bytes of this part of the message.
 * @param is_complete This part is the last one.
 */
typedef void (^nw_framer_output_handler_t)(
	nw_framer_t framer, nw_framer_message_t message, size_t message_length, bool is_complete);
/*!
 * @typedef nw_framer_wakeup_handler_t
 * @abstract Called at the time of nw_framer_schedule_wakeup().
 */
typedef void (^nw_framer_wakeup_handler_t)(nw_framer_t framer);
/*!
 * @typedef nw_framer_stop_handler_t
 * @abstract Called once when the connection ends; it may still write.
 * @result True: done. False: nw_framer_mark_failed_with_error() will be called when it is. A
 * connection that was cancelled waits for that before it is `cancelled`, for 5 seconds at most;
 * one that has failed, or was cancelled by force, does not.
 */
typedef bool (^nw_framer_stop_handler_t)(nw_framer_t framer);
/*!
 * @typedef nw_framer_cleanup_handler_t
 * @abstract Called last, once.
 */
typedef void (^nw_framer_cleanup_handler_t)(nw_framer_t framer);
/*!
 * @typedef nw_framer_parse_completion_t
 * @param buffer The bytes, in one piece; NULL when buffer_length is 0. Borrowed for the call.
 * @param is_complete The message below (a datagram) or the stream ends with these bytes.
 * @result Bytes that are done with. May be more than buffer_length: those to come are skipped.
 */
typedef size_t (^nw_framer_parse_completion_t)(
	uint8_t *_Nullable buffer, size_t buffer_length, bool is_complete);
/*!
 * @typedef nw_framer_message_dispose_value_t
 * @abstract Ends the life of a value, once: it was replaced, or the message ends.
 */
typedef void (^nw_framer_message_dispose_value_t)(void *value);
typedef void (^nw_framer_block_t)(void);
#endif

/* the same for programs without blocks: function types, context first */
typedef nw_framer_start_result_t (*nw_framer_start_handler_f)(
	void *_Nullable context, nw_framer_t framer);
typedef size_t (*nw_framer_input_handler_f)(void *_Nullable context, nw_framer_t framer);
typedef void (*nw_framer_output_handler_f)(void *_Nullable context, nw_framer_t framer,
	nw_framer_message_t message, size_t message_length, bool is_complete);
typedef void (*nw_framer_wakeup_handler_f)(void *_Nullable context, nw_framer_t framer);
typedef bool (*nw_framer_stop_handler_f)(void *_Nullable context, nw_framer_t framer);
typedef void (*nw_framer_cleanup_handler_f)(void *_Nullable context, nw_framer_t framer);
typedef size_t (*nw_framer_parse_completion_f)(
	void *_Nullable context, uint8_t *_Nullable buffer, size_t buffer_length, bool is_complete);
typedef void (*nw_framer_message_dispose_value_f)(void *_Nullable context, void *value);
typedef bool (*nw_framer_message_accessor_f)(void *_Nullable context, const void *_Nullable value);

#ifdef __BLOCKS__
/*!
 * @function nw_framer_create_definition
 * @abstract A protocol of the program's own. Each call makes another one, also for the same name.
 * @param identifier A name, for people reading logs; copied.
 * @param flags NW_FRAMER_CREATE_FLAGS_DEFAULT.
 * @param start_handler Copied; called for each connection attempt.
 * @result +1. NULL (logged) without identifier or handler.
 */
NW_RETURNS_RETAINED nw_protocol_definition_t nw_framer_create_definition(
	const char *identifier, uint32_t flags, nw_framer_start_handler_t start_handler);
#endif
/*!
 * @function nw_framer_create_definition_f
 * @abstract As above, with a function.
 * @param context Its first argument.
 * @param destroy Called once when the definition ends. May be NULL.
 */
NW_RETURNS_RETAINED nw_protocol_definition_t nw_framer_create_definition_f(const char *identifier,
	uint32_t flags, void *_Nullable context, nw_framer_start_handler_f start_handler,
	nw_context_destroy_f _Nullable destroy);

/*!
 * @function nw_framer_create_options
 * @param framer_definition Of nw_framer_create_definition().
 * @result +1 options, for nw_protocol_stack_prepend_application_protocol(). NULL (logged) for other
 *   definitions.
 */
NW_RETURNS_RETAINED nw_protocol_options_t nw_framer_create_options(
	nw_protocol_definition_t framer_definition);

/*!
 * @function nw_framer_copy_remote_endpoint
 * @result +1 the endpoint that the connection was made for; of an accepted one the peer's address.
 */
NW_RETURNS_RETAINED nw_endpoint_t nw_framer_copy_remote_endpoint(nw_framer_t framer);
/*!
 * @function nw_framer_copy_local_endpoint
 * @result +1 the address of this end; NULL when it is not known.
 */
NW_RETURNS_RETAINED nw_endpoint_t _Nullable nw_framer_copy_local_endpoint(nw_framer_t framer);
/*!
 * @function nw_framer_copy_parameters
 * @result +1 the parameters of the connection.
 */
NW_RETURNS_RETAINED nw_parameters_t nw_framer_copy_parameters(nw_framer_t framer);
/*!
 * @function nw_framer_copy_options
 * @result +1 the options that this framer stands in the stack with.
 */
NW_RETURNS_RETAINED nw_protocol_options_t nw_framer_copy_options(nw_framer_t framer);

#ifdef __BLOCKS__
/*!
 * @function nw_framer_set_input_handler
 * @abstract To be called in the start handler. Without one, what is received is dropped.
 * @param input_handler Copied.
 */
void nw_framer_set_input_handler(nw_framer_t framer, nw_framer_input_handler_t input_handler);
/*!
 * @function nw_framer_set_output_handler
 * @abstract To be called in the start handler. Without one, what is sent is dropped.
 * @param output_handler Copied.
 */
void nw_framer_set_output_handler(nw_framer_t framer, nw_framer_output_handler_t output_handler);
/*!
 * @function nw_framer_set_wakeup_handler
 * @abstract Ignored (logged) outside of the start handler.
 * @param wakeup_handler Copied.
 */
void nw_framer_set_wakeup_handler(nw_framer_t framer, nw_framer_wakeup_handler_t wakeup_handler);
/*!
 * @function nw_framer_set_stop_handler
 * @abstract Ignored (logged) outside of the start handler.
 * @param stop_handler Copied.
 */
void nw_framer_set_stop_handler(nw_framer_t framer, nw_framer_stop_handler_t stop_handler);
/*!
 * @function nw_framer_set_cleanup_handler
 * @abstract Ignored (logged) outside of the start handler.
 * @param cleanup_handler Copied.
 */
void nw_framer_set_cleanup_handler(nw_framer_t framer, nw_framer_cleanup_handler_t cleanup_handler);
#endif
/*!
 * @function nw_framer_set_input_handler_f
 * @abstract As above, with a function.
 * @param context Its first argument.
 * @param destroy Called once when the context is no longer needed. May be NULL.
 */
void nw_framer_set_input_handler_f(nw_framer_t framer, void *_Nullable context,
	nw_framer_input_handler_f input_handler, nw_context_destroy_f _Nullable destroy);
/*!
 * @function nw_framer_set_output_handler_f
 * @abstract As above, with a function.
 */
void nw_framer_set_output_handler_f(nw_framer_t framer, void *_Nullable context,
	nw_framer_output_handler_f output_handler, nw_context_destroy_f _Nullable destroy);
/*!
 * @function nw_framer_set_wakeup_handler_f
 * @abstract As above, with a function.
 */
void nw_framer_set_wakeup_handler_f(nw_framer_t framer, void *_Nullable context,
	nw_framer_wakeup_handler_f wakeup_handler, nw_context_destroy_f _Nullable destroy);
/*!
 * @function nw_framer_set_stop_handler_f
 * @abstract As above, with a function.
 */
void nw_framer_set_stop_handler_f(nw_framer_t framer, void *_Nullable context,
	nw_framer_stop_handler_f stop_handler, nw_context_destroy_f _Nullable destroy);
/*!
 * @function nw_framer_set_cleanup_handler_f
 * @abstract As above, with a function.
 */
void nw_framer_set_cleanup_handler_f(nw_framer_t framer, void *_Nullable context,
	nw_framer_cleanup_handler_f cleanup_handler, nw_context_destroy_f _Nullable destroy);

/*!
 * @function nw_framer_mark_ready
 * @abstract The handshake is done: what is above this framer starts.
 */
void nw_framer_mark_ready(nw_framer_t framer);

/*!
 * @function nw_framer_prepend_application_protocol
 * @abstract Puts another protocol directly above this framer, before that is ready: TLS, once a
 *   proxy has answered.
 * @param protocol_options Copied.
 * @result False (logged): the framer is ready already, or it is not an application protocol.
 */
bool nw_framer_prepend_application_protocol(
	nw_framer_t framer, nw_protocol_options_t protocol_options);

/*!
 * @function nw_framer_mark_failed_with_error
 * @abstract The connection fails, or a stop that was delayed ends.
 * @param error_code An errno. 0: no error; both directions end.
 */
void nw_framer_mark_failed_with_error(nw_framer_t framer, int error_code);

#ifdef __BLOCKS__
/*!
 * @function nw_framer_parse_input
 * @abstract Looks at what has come: calls the block exactly once, inside this call.
 * @param minimum_incomplete_length Bytes to show at least, unless the message below or the stream
 *   ends before. With fewer the block gets no buffer and length 0.
 * @param maximum_length Bytes to show at most.
 * @param temp_buffer Room for maximum_length bytes, where the bytes are copied to; NULL: they are
 *   shown where they are, if they can be.
 * @param parse Its result moves the input on.
 * @result False: not enough has come, or nothing comes any more.
 */
bool nw_framer_parse_input(nw_framer_t framer, size_t minimum_incomplete_length,
	size_t maximum_length, uint8_t *_Nullable temp_buffer,
	NW_NOESCAPE nw_framer_parse_completion_t parse);
/*!
 * @function nw_framer_parse_output
 * @abstract The same for the content that is sent. Only in the output handler.
 */
bool nw_framer_parse_output(nw_framer_t framer, size_t minimum_incomplete_length,
	size_t maximum_length, uint8_t *_Nullable temp_buffer,
	NW_NOESCAPE nw_framer_parse_completion_t parse);
#endif
/*!
 * @function nw_framer_parse_input_f
 * @abstract As above, with a function; it is called inside this call.
 */
bool nw_framer_parse_input_f(nw_framer_t framer, size_t minimum_incomplete_length,
	size_t maximum_length, uint8_t *_Nullable temp_buffer, void *_Nullable context,
	nw_framer_parse_completion_f parse);
/*!
 * @function nw_framer_parse_output_f
 * @abstract As above, with a function; it is called inside this call.
 */
bool nw_framer_parse_output_f(nw_framer_t framer, size_t minimum_incomplete_length,
	size_t maximum_length, uint8_t *_Nullable temp_buffer, void *_Nullable context,
	nw_framer_parse_completion_f parse);

/*!
 * @function nw_framer_deliver_input
 * @abstract Gives bytes to what is above.
 * @param input_buffer Copied; not NULL.
 * @param input_length Not 0.
 * @param message The message that they belong to; several parts of one message name the same.
 * @param is_complete The message ends with them.
 */
void nw_framer_deliver_input(nw_framer_t framer, const uint8_t *input_buffer, size_t input_length,
	nw_framer_message_t message, bool is_complete);
/*!
 * @function nw_framer_deliver_input_no_copy
 * @abstract Gives the next bytes of the input to what is above and moves the input on.
 * @param input_length Bytes; what has not come is given when it comes. 0 with is_complete ends the
 *   message.
 * @result True: all were there. False: more has to come; the input handler returns.
 */
bool nw_framer_deliver_input_no_copy(
	nw_framer_t framer, size_t input_length, nw_framer_message_t message, bool is_complete);
/*!
 * @function nw_framer_pass_through_input
 * @abstract From now on, and with what has not been parsed, all that comes goes up as it is.
 */
void nw_framer_pass_through_input(nw_framer_t framer);

/*!
 * @function nw_framer_write_output
 * @abstract Sends bytes. From any handler.
 * @param output_buffer Copied.
 */
void nw_framer_write_output(nw_framer_t framer, const uint8_t *output_buffer, size_t output_length);
/*!
 * @function nw_framer_write_output_data
 * @abstract The same for a data object.
 * @param output_data Retained.
 */
void nw_framer_write_output_data(nw_framer_t framer, dispatch_data_t output_data);
/*!
 * @function nw_framer_write_output_no_copy
 * @abstract Sends the next bytes of the content of this call of the output handler.
 * @result False (logged): there are not so many, or this is not the output handler.
 */
bool nw_framer_write_output_no_copy(nw_framer_t framer, size_t output_length);
/*!
 * @function nw_framer_pass_through_output
 * @abstract From now on all that is sent goes down as it is.
 */
void nw_framer_pass_through_output(nw_framer_t framer);

/*!
 * @function nw_framer_schedule_wakeup
 * @abstract The wakeup handler is to run, once. A later call replaces the time.
 * @param milliseconds From now. NW_FRAMER_WAKEUP_TIME_FOREVER: not at all.
 */
void nw_framer_schedule_wakeup(nw_framer_t framer, uint64_t milliseconds);

#ifdef __BLOCKS__
/*!
 * @function nw_framer_async
 * @abstract Runs the block on the framer's context, later. From any thread. It runs also when the
 *   framer has ended by then: what it calls on it does nothing.
 * @param async_block Copied.
 */
void nw_framer_async(nw_framer_t framer, nw_framer_block_t async_block);
#endif
/*!
 * @function nw_framer_async_f
 * @abstract As above, with a function.
 */
void nw_framer_async_f(nw_framer_t framer, void *_Nullable context, dispatch_function_t work);

/*!
 * @function nw_framer_protocol_create_message
 * @abstract A message to send: nw_content_context_set_metadata_for_protocol() attaches it.
 * @param definition Of nw_framer_create_definition().
 * @result +1. NULL (logged) for other definitions.
 */
NW_RETURNS_RETAINED nw_framer_message_t nw_framer_protocol_create_message(
	nw_protocol_definition_t definition);
/*!
 * @function nw_framer_message_create
 * @abstract A message to deliver.
 * @result +1.
 */
NW_RETURNS_RETAINED nw_framer_message_t nw_framer_message_create(nw_framer_t framer);
/*!
 * @function nw_protocol_metadata_is_framer_message
 * @result True for messages of any framer. False for NULL.
 */
bool nw_protocol_metadata_is_framer_message(nw_protocol_metadata_t metadata);

#ifdef __BLOCKS__
/*!
 * @function nw_framer_message_set_value
 * @abstract Keeps a value in the message; one of the same key is disposed of.
 * @param value NULL: none of this key any more.
 * @param dispose_value Copied; NULL: nothing to do for the value.
 */
void nw_framer_message_set_value(nw_framer_message_t message, const char *key,
	void *_Nullable value, nw_framer_message_dispose_value_t _Nullable dispose_value);
/*!
 * @function nw_framer_message_access_value
 * @abstract Shows the value of a key, or NULL, to the block, inside this call.
 * @result The block's.
 */
bool nw_framer_message_access_value(nw_framer_message_t message, const char *key,
	NW_NOESCAPE bool (^access_value)(const void *_Nullable value));
#endif
/*!
 * @function nw_framer_message_set_value_f
 * @abstract As above, with a function.
 * @param context The first argument of dispose_value.
 * @param destroy Called once, after it, when the context is no longer needed. May be NULL.
 */
void nw_framer_message_set_value_f(nw_framer_message_t message, const char *key,
	void *_Nullable value, void *_Nullable context,
	nw_framer_message_dispose_value_f _Nullable dispose_value,
	nw_context_destroy_f _Nullable destroy);
/*!
 * @function nw_framer_message_access_value_f
 * @abstract As above, with a function; it is called inside this call.
 */
bool nw_framer_message_access_value_f(nw_framer_message_t message, const char *key,
	void *_Nullable context, nw_framer_message_accessor_f access_value);

BRAID_DECLS_END

#endif
