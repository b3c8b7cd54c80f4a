/* nw_listener: its handlers' slots, and what both forms of the setters come to. */
#ifndef BRI_API_LISTENER_H
#define BRI_API_LISTENER_H

#include "api/handler.h"
#include "api/object.h"

enum bri_listener_slot {
	BRI_LISTENER_STATE,
	BRI_LISTENER_CONNECTION,
	BRI_LISTENER_GROUP,
	BRI_LISTENER_ADVERTISED,
	BRI_LISTENER_SLOTS
};

/* bri_listener_set_handler(): call is consumed. function: for the log. Context: any thread. */
void bri_listener_set_handler(nw_listener_t l, enum bri_listener_slot slot,
	struct bri_callable call, const char *function);

/* The block forms: a block is a pointer to the library. */
void nw_listener_set_state_changed_handler(nw_listener_t listener, const void *handler);
void nw_listener_set_new_connection_handler(nw_listener_t listener, const void *handler);
void nw_listener_set_new_connection_group_handler(nw_listener_t listener, const void *handler);
void nw_listener_set_advertised_endpoint_changed_handler(
	nw_listener_t listener, const void *handler);

#endif
