/* Listeners: where connections arrive. */
#ifndef __NW_INDIRECT__
#warning "include <Network/Network.h> instead of one of its parts"
#include <Network/Network.h>
#endif

#ifndef BRAID_NW_LISTENER_H
#define BRAID_NW_LISTENER_H

#include <Network/nw_object.h>
#include <Network/advertise_descriptor.h>
#include <Network/connection.h>
#include <Network/connection_group.h>
#include <Network/endpoint.h>
#include <Network/error.h>
#include <Network/parameters.h>
#include <dispatch/dispatch.h>

BRAID_DECLS_BEGIN

NW_OBJECT_DECL(nw_listener);

/*!
 * @typedef nw_listener_state_t
 * @constant nw_listener_state_invalid Before the start; never delivered.
 * @constant nw_listener_state_waiting It cannot listen now (the error says why) and tries again
 *   when the network changes.
 * @constant nw_listener_state_ready Connections are accepted; nw_listener_get_port() is known.
 * @constant nw_listener_state_failed The end, with an error: EADDRINUSE, EACCES, ...
 * @constant nw_listener_state_cancelled The end, asked for. Nothing is delivered after it.
 */
typedef enum {
	nw_listener_state_invalid = 0,
	nw_listener_state_waiting = 1,
	nw_listener_state_ready = 2,
	nw_listener_state_failed = 3,
	nw_listener_state_cancelled = 4,
} nw_listener_state_t;

/*!
 * @const NW_LISTENER_INFINITE_CONNECTION_LIMIT
 * @abstract No limit: the default.
 */
#define NW_LISTENER_INFINITE_CONNECTION_LIMIT UINT32_MAX

#ifdef __BLOCKS__
/*!
 * @typedef nw_listener_state_changed_handler_t
 * @param error Why, for waiting and failed; else NULL. Borrowed.
 */
typedef void (^nw_listener_state_changed_handler_t)(
	nw_listener_state_t state, nw_error_t _Nullable error);
/*!
 * @typedef nw_listener_new_connection_handler_t
 * @param connection Borrowed, not started: retain it, give it a queue, start it; or cancel it to
 *   refuse. Left alone, it is closed when the handler returns.
 */
typedef void (^nw_listener_new_connection_handler_t)(nw_connection_t connection);
/*!
 * @typedef nw_listener_new_connection_group_handler_t
 * @param connection_group Borrowed, not started.
 */
typedef void (^nw_listener_new_connection_group_handler_t)(nw_connection_group_t connection_group);
/*!
 * @typedef nw_listener_advertised_endpoint_changed_handler_t
 * @param added False: no longer advertised.
 */
typedef void (^nw_listener_advertised_endpoint_changed_handler_t)(
	nw_endpoint_t advertised_endpoint, bool added);
#endif

/* the same for programs without blocks: function types, context first */
typedef void (*nw_listener_state_changed_handler_f)(
	void *_Nullable context, nw_listener_state_t state, nw_error_t _Nullable error);
typedef void (*nw_listener_new_connection_handler_f)(
	void *_Nullable context, nw_connection_t connection);
typedef void (*nw_listener_new_connection_group_handler_f)(
	void *_Nullable context, nw_connection_group_t connection_group);
typedef void (*nw_listener_advertised_endpoint_changed_handler_f)(
	void *_Nullable context, nw_endpoint_t advertised_endpoint, bool added);

/*!
 * @function nw_listener_create_with_port
 * @param port Decimal, or a service name; "0": the system chooses. The address is that of the
 *   parameters' local endpoint, else all of both families.
 * @param parameters Retained, and read at the start.
 * @result +1, nw_release() it. NULL (logged) when the port means nothing or the parameters are
 *   unusable. That a port is taken is told by the state handler, not here.
 */
NW_RETURNS_RETAINED nw_listener_t _Nullable nw_listener_create_with_port(
	const char *port, nw_parameters_t parameters);

/*!
 * @function nw_listener_create
 * @abstract As above, on the local endpoint of the parameters, or a port the system chooses.
 */
NW_RETURNS_RETAINED nw_listener_t _Nullable nw_listener_create(nw_parameters_t parameters);

/*!
 * @function nw_listener_create_with_connection
 * @abstract Listens for streams that the peer opens inside a multiplexing connection.
 */
NW_RETURNS_RETAINED nw_listener_t _Nullable nw_listener_create_with_connection(
	nw_connection_t connection, nw_parameters_t parameters);

/*!
 * @function nw_listener_create_with_launchd_key
 * @abstract Listens on a socket that the service manager opened: LISTEN_FDS of sd_listen_fds(3).
 * @param launchd_key The name in LISTEN_FDNAMES; copied.
 * @result +1, nw_release() it. NULL (logged) without a key. That there is no such socket is told by
 *   the state handler: failed, ENOENT.
 */
NW_RETURNS_RETAINED nw_listener_t _Nullable nw_listener_create_with_launchd_key(
	nw_parameters_t parameters, const char *launchd_key);

/*!
 * @function nw_listener_set_queue
 * @abstract The queue on which its handlers run. Needed before the start.
 * @param queue Retained.
 */
void nw_listener_set_queue(nw_listener_t listener, dispatch_queue_t queue);

#ifdef __BLOCKS__
/*!
 * @function nw_listener_set_state_changed_handler
 * @abstract Called on the queue for each change, not after `cancelled`.
 * @param handler Copied; NULL: no more events.
 */
void nw_listener_set_state_changed_handler(
	nw_listener_t listener, nw_listener_state_changed_handler_t _Nullable handler);
/*!
 * @function nw_listener_set_new_connection_handler
 * @abstract Called on the queue for each connection. Set it before the start.
 * @param handler Copied.
 */
void nw_listener_set_new_connection_handler(
	nw_listener_t listener, nw_listener_new_connection_handler_t _Nullable handler);
/*!
 * @function nw_listener_set_new_connection_group_handler
 * @abstract For multiplexing protocols; excludes the connection handler.
 * @param handler Copied.
 */
void nw_listener_set_new_connection_group_handler(
	nw_listener_t listener, nw_listener_new_connection_group_handler_t _Nullable handler);
/*!
 * @function nw_listener_set_advertised_endpoint_changed_handler
 * @abstract Called on the queue when an advertisement appears or goes.
 * @param handler Copied.
 */
void nw_listener_set_advertised_endpoint_changed_handler(nw_listener_t listener,
	nw_listener_advertised_endpoint_changed_handler_t _Nullable handler);
#endif
/*!
 * @function nw_listener_set_state_changed_handler_f
 * @abstract As above, with a function.
 * @param destroy Called once when the context is no longer needed; may be NULL.
 */
void nw_listener_set_state_changed_handler_f(nw_listener_t listener, void *_Nullable context,
	nw_listener_state_changed_handler_f _Nullable handler,
	nw_context_destroy_f _Nullable destroy);
/*!
 * @function nw_listener_set_new_connection_handler_f
 * @abstract As above, with a function.
 */
void nw_listener_set_new_connection_handler_f(nw_listener_t listener, void *_Nullable context,
	nw_listener_new_connection_handler_f _Nullable handler,
	nw_context_destroy_f _Nullable destroy);
/*!
 * @function nw_listener_set_new_connection_group_handler_f
 * @abstract As above, with a function.
 */
void nw_listener_set_new_connection_group_handler_f(nw_listener_t listener, void *_Nullable context,
	nw_listener_new_connection_group_handler_f _Nullable handler,
	nw_context_destroy_f _Nullable destroy);
/*!
 * @function nw_listener_set_advertised_endpoint_changed_handler_f
 * @abstract As above, with a function.
 */
void nw_listener_set_advertised_endpoint_changed_handler_f(nw_listener_t listener,
	void *_Nullable context,
	nw_listener_advertised_endpoint_changed_handler_f _Nullable handler,
	nw_context_destroy_f _Nullable destroy);

/*!
 * @function nw_listener_set_new_connection_limit
 * @param new_connection_limit How many more connections are handed over; each takes one off. At 0
 *   none is, until it is raised; those waiting longer are closed.
 */
void nw_listener_set_new_connection_limit(nw_listener_t listener, uint32_t new_connection_limit);
/*!
 * @function nw_listener_get_new_connection_limit
 * @result How many more connections are handed over.
 */
uint32_t nw_listener_get_new_connection_limit(nw_listener_t listener);

/*!
 * @function nw_listener_set_advertise_descriptor
 * @param advertise_descriptor What to advertise by Bonjour; retained. NULL: nothing.
 */
void nw_listener_set_advertise_descriptor(
	nw_listener_t listener, nw_advertise_descriptor_t _Nullable advertise_descriptor);

/*!
 * @function nw_listener_get_port
 * @result The port, host byte order; 0 until it is known. Any thread.
 */
uint16_t nw_listener_get_port(nw_listener_t listener);

/*!
 * @function nw_listener_start
 * @abstract Begins to listen: ready, waiting or failed. Needs a queue and a handler for
 *   connections.
 */
void nw_listener_start(nw_listener_t listener);

/*!
 * @function nw_listener_cancel
 * @abstract Stops to listen; `cancelled` is delivered. Connections that were handed over live on.
 */
void nw_listener_cancel(nw_listener_t listener);

BRAID_DECLS_END

#endif
