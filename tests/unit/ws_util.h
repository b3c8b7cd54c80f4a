/*
 * One WebSocket layer, driven by hand: bytes in, messages and bytes out, no transport. What it is
 * told and what it says is in memory; time is an argument.
 */
#ifndef WS_UTIL_H
#define WS_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "api/content_context.h"
#include "api/ws_layer.h"
#include "stack/chain.h"

#define WS_FIN 0x80u

struct ws_message {
	int opcode; /* -1: the end */
	unsigned code;
	unsigned pieces;
	uint8_t *bytes;
	size_t size, room;
};

struct ws_end {
	bool is_server;
	dispatch_queue_t queue;
	nw_protocol_options_t options;
	struct bri_chain *chain;
	struct bri_layer *layer;
	uint64_t now_ns;
	uint8_t *out; /* what it said and was not taken yet */
	size_t out_size, out_room;
	bool out_ended;
	int turns;                  /* on_turn was called */
	struct bri_contents taken;  /* of what it gave up, to make room for more */
	struct ws_message partial;  /* pieces of the message that is not complete */
	struct bri_object *context; /* theirs, borrowed by pointer only */
};

/* Options are taken (NULL: the defaults), and frozen as a connection does it. */
void ws_end_init(struct ws_end *end, bool is_server, nw_protocol_options_t options);
/* The same without a handshake: open at once. */
void ws_end_init_open(struct ws_end *end, bool is_server, nw_protocol_options_t options);
void ws_end_init_url(
	struct ws_end *end, nw_protocol_options_t options, const char *url, const char *host);
void ws_end_fini(struct ws_end *end);

/* bytes for the layer, in pieces of `chunk` (0: one). Stops when it fails. Returns what rx did. */
int ws_end_rx(struct ws_end *end, const void *bytes, size_t size, size_t chunk);
int ws_end_rx_end(struct ws_end *end);
/* A whole message of the application's; opcode -1: without metadata. */
int ws_end_put(struct ws_end *end, int opcode, const void *bytes, size_t size);
int ws_end_put_part(struct ws_end *end, nw_content_context_t context, const void *bytes,
	size_t size, bool complete);
nw_content_context_t ws_context(int opcode);

/* The next whole message given up. False: none. ret->bytes: free() it. */
bool ws_end_next(struct ws_end *end, struct ws_message *ret);
/* What it said since the last call is in end->out; the first n bytes are dropped. */
void ws_end_collect(struct ws_end *end);
void ws_end_drop(struct ws_end *end, size_t n);

/* A frame as a peer writes it. first: WS_FIN, reserved bits, opcode. Returns its size. */
size_t ws_frame(uint8_t *to, bool masked, unsigned first, const void *payload, size_t size);
/* The next frame it said, unmasked in place; false: none. Fails the test when it is not masked as
 * its role says. */
bool ws_end_next_frame(struct ws_end *end, struct bri_ws_frame *ret, uint8_t **ret_payload);
/* Drops the frame that ws_end_next_frame() gave. */
void ws_end_drop_frame(
	struct ws_end *end, const struct bri_ws_frame *frame, const uint8_t *payload);

#endif
