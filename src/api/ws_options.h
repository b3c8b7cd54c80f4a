/* Options and metadata of WebSocket. Know no connection. */
#ifndef BRI_API_WS_OPTIONS_H
#define BRI_API_WS_OPTIONS_H

#include "api/protocol.h"
#include "api/ws_objects.h"
#include "base/callable.h"

extern struct nw_protocol_definition bri_protocol_ws;

/* A handler and where it runs. Shared by copies of options, and by pings on their way. */
struct bri_ws_call {
	_Atomic int refs;
	struct dispatch_queue_s *queue; /* internal reference */
	struct bri_callable call;
};

void bri_ws_options_put_call(struct bri_ws_call *call); /* NULL is harmless */
struct bri_ws_call *bri_ws_options_get_call(struct bri_ws_call *call);

struct bri_ws_options {
	struct nw_protocol_options base;
	bool auto_reply_ping, skip_handshake;
	size_t maximum_message_size; /* 0: any */
	char *host;                  /* instead of the endpoint's; NULL: that one */
	struct bri_ws_list protocols, headers;
	struct bri_ws_call *request_handler; /* NULL: everybody may come in */
};

struct bri_ws_metadata {
	struct nw_protocol_metadata base;
	nw_ws_opcode_t opcode;
	nw_ws_close_code_t close_code;
	nw_ws_response_t response; /* of a connection: internal reference; NULL: none */
	struct bri_ws_call *pong;  /* see bri_ws_options_copy_pong() */
};

/* bri_ws_options_metadata(): +1, or NULL: no memory. */
nw_protocol_metadata_t bri_ws_options_metadata(
	nw_ws_opcode_t opcode, nw_ws_close_code_t close_code);
/* bri_ws_options_copy_pong(): the handler of this metadata, with a reference; NULL: none. */
struct bri_ws_call *bri_ws_options_copy_pong(struct bri_ws_metadata *md);

/* The block forms: a block is a pointer to the library. */
void nw_ws_options_set_client_request_handler(
	nw_protocol_options_t options, dispatch_queue_t client_queue, const void *handler);
void nw_ws_metadata_set_pong_handler(
	nw_protocol_metadata_t metadata, dispatch_queue_t client_queue, const void *pong_handler);

#endif
