/* The setters of a listener's handlers, as functions and as blocks. */
#include "api/listener.h"

/* api-status: partial nw_listener_set_new_connection_group_handler: kept, but never called before
 * connection groups exist */
/* api-status: partial nw_listener_set_advertised_endpoint_changed_handler: kept, but never called
 * before advertising exists */

BRI_EXPORT void nw_listener_set_state_changed_handler_f(nw_listener_t listener, void *context,
	nw_listener_state_changed_handler_f handler, nw_context_destroy_f destroy)
{
	bri_listener_set_handler(listener, BRI_LISTENER_STATE,
		BRI_CALLABLE(handler, context, destroy), "nw_listener_set_state_changed_handler");
}

BRI_EXPORT void nw_listener_set_state_changed_handler(nw_listener_t listener, const void *handler)
{
	bri_listener_set_handler(listener, BRI_LISTENER_STATE, bri_callable_from_block(handler),
		"nw_listener_set_state_changed_handler");
}

BRI_EXPORT void nw_listener_set_new_connection_handler_f(nw_listener_t listener, void *context,
	nw_listener_new_connection_handler_f handler, nw_context_destroy_f destroy)
{
	bri_listener_set_handler(listener, BRI_LISTENER_CONNECTION,
		BRI_CALLABLE(handler, context, destroy), "nw_listener_set_new_connection_handler");
}

BRI_EXPORT void nw_listener_set_new_connection_handler(nw_listener_t listener, const void *handler)
{
	bri_listener_set_handler(listener, BRI_LISTENER_CONNECTION,
		bri_callable_from_block(handler), "nw_listener_set_new_connection_handler");
}

BRI_EXPORT void nw_listener_set_new_connection_group_handler_f(nw_listener_t listener,
	void *context, nw_listener_new_connection_group_handler_f handler,
	nw_context_destroy_f destroy)
{
	bri_listener_set_handler(listener, BRI_LISTENER_GROUP,
		BRI_CALLABLE(handler, context, destroy),
		"nw_listener_set_new_connection_group_handler");
}

BRI_EXPORT void nw_listener_set_new_connection_group_handler(
	nw_listener_t listener, const void *handler)
{
	bri_listener_set_handler(listener, BRI_LISTENER_GROUP, bri_callable_from_block(handler),
		"nw_listener_set_new_connection_group_handler");
}

BRI_EXPORT void nw_listener_set_advertised_endpoint_changed_handler_f(nw_listener_t listener,
	void *context, nw_listener_advertised_endpoint_changed_handler_f handler,
	nw_context_destroy_f destroy)
{
	bri_listener_set_handler(listener, BRI_LISTENER_ADVERTISED,
		BRI_CALLABLE(handler, context, destroy),
		"nw_listener_set_advertised_endpoint_changed_handler");
}

BRI_EXPORT void nw_listener_set_advertised_endpoint_changed_handler(
	nw_listener_t listener, const void *handler)
{
	bri_listener_set_handler(listener, BRI_LISTENER_ADVERTISED,
		bri_callable_from_block(handler),
		"nw_listener_set_advertised_endpoint_changed_handler");
}
