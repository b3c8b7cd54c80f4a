/* nw_ws_request and nw_ws_response: what was said in an opening handshake. Know no connection. */
#ifndef BRI_API_WS_OBJECTS_H
#define BRI_API_WS_OBJECTS_H

#include "api/object.h"
#include "api/ws_list.h"

struct nw_ws_request {
	struct bri_object base;
	struct bri_ws_list protocols, headers;
};

struct nw_ws_response {
	struct bri_object base;
	nw_ws_response_status_t status;
	char *protocol; /* NULL: none */
	struct bri_ws_list headers;
};

/* bri_ws_objects_request(): what a client's head says. +1, or NULL: no memory. */
nw_ws_request_t bri_ws_objects_request(const struct bri_ws_head *head);
/* bri_ws_objects_response(): an acceptance; of a client: with the headers of the server's head
 * (NULL: none). +1, or NULL: no memory. */
nw_ws_response_t bri_ws_objects_response(const char *protocol, const struct bri_ws_head *head);

/* The block forms: a block is a pointer to the library. */
bool nw_ws_request_enumerate_subprotocols(nw_ws_request_t request, const void *enumerator);
bool nw_ws_request_enumerate_additional_headers(nw_ws_request_t request, const void *enumerator);
bool nw_ws_response_enumerate_additional_headers(nw_ws_response_t response, const void *enumerator);

#endif
