/*
 * nw_protocol_stack: the options of every protocol of a connection, from the application's end
 * down: application protocols, transport, internet. A part of parameters that is handed out live.
 */
#ifndef BRI_API_PROTOCOL_STACK_H
#define BRI_API_PROTOCOL_STACK_H

#include "api/protocol.h"

/* Each is a layer that every byte passes; real stacks have three at most. */
#define BRI_PROTOCOL_STACK_MAX 16

struct nw_protocol_stack {
	struct bri_object base;
	nw_protocol_options_t
		*application; /* topmost first; `count` internal references; NULL: none */
	size_t count;
	nw_protocol_options_t transport; /* internal reference; NULL: generic or custom IP */
	nw_protocol_options_t internet;  /* internal reference; never NULL */
};

/*
 * bri_protocol_stack_new(): IP with its defaults over `transport`.
 *   transport  +1 of the caller's, consumed also on failure; NULL: none
 * Returns +1, or NULL: no memory.
 */
nw_protocol_stack_t bri_protocol_stack_new(nw_protocol_options_t transport);

/* bri_protocol_stack_copy(): +1 with copies of all options. NULL: no memory. */
nw_protocol_stack_t bri_protocol_stack_copy(nw_protocol_stack_t stack);

#endif
