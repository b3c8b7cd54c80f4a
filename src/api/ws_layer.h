/*
 * WebSocket as a layer of a connection: the engine of proto/ws between content of the application
 * and content of the layer below. Files: ws_layer.c (the layer's life: start, close, timers, end),
 * ws_open.c (opening handshake), ws_receive.c (frames to messages), ws_send.c (messages to frames),
 * ws_pong.c (pings that wait for their answer).
 */
#ifndef BRI_API_WS_LAYER_H
#define BRI_API_WS_LAYER_H

#include "api/ws_options.h"
#include "stack/layer.h"

/* A peer that opens a connection and says nothing, or a byte now and then, holds memory and a
 * descriptor. 30 s are many round trips of any network. */
#define BRI_WS_OPEN_NS (30 * BRI_NS_PER_S)
/* RFC 6455, 7.1.1: "reasonable": what a peer gets to answer a close frame, or to end TCP. */
#define BRI_WS_CLOSE_NS (5 * BRI_NS_PER_S)
/* What a client may send before it has the answer to its opening handshake: it must not at all
 * (4.1), but some do not wait. */
#define BRI_WS_EARLY_MAX (64u * 1024u)
/* Pongs of ours that wait to be written, in bytes, before only the latest ping is answered (5.5.3
 * allows that): a peer that sends pings and reads nothing shall not fill our memory. */
#define BRI_WS_PONG_ROOM (64u * 1024u)
/* Pings inside of a message, that are received after it: 5.5.3 again, only the latest matter. */
#define BRI_WS_WAITING_MAX 16

/* A message that is not complete goes up in pieces of this size and more: what is below it is kept
 * together, so that a message that is cut off early leaves no trace, and many small fragments make
 * few pieces. */
#define BRI_WS_PIECE_MIN (64u * 1024u)

enum bri_ws_state {
	BRI_WS_OPENING, /* the handshake's text is on its way */
	BRI_WS_ASKING,  /* a server's application is asked whether the client may come in */
	BRI_WS_OPEN,
	BRI_WS_CLOSING, /* our close frame is out, the peer's is not here */
	BRI_WS_CLOSED,  /* nothing comes any more */
};

struct bri_ws_opening;
struct bri_ws_ping;

struct bri_ws_layer {
	struct bri_layer base;
	const struct bri_ws_options *opts; /* the connection's frozen ones, which live longer */
	bool is_server;
	enum bri_ws_state state;
	uint64_t deadline_ns;
	struct bri_ws_opening *opening; /* NULL: done with, or skipped */
	/* receiving */
	struct bri_object *rx_context;   /* of the message that is not complete; NULL: none */
	struct dispatch_data_s *rx_data; /* of it, and not given up yet */
	struct bri_contents waiting;     /* pings and pongs that came inside of it */
	unsigned n_waiting;
	struct dispatch_data_s *unread; /* bytes that wait for room above; application reference */
	bool unread_end;                /* and the end behind them */
	int owed_size;                  /* bytes of `owed`; -1: none */
	/* sending */
	struct bri_object *tx_context; /* of the message that is not complete; internal reference */
	enum bri_ws_opcode tx_opcode;  /* of it; 0: none */
	bool tx_dropped;               /* it is not sent: its end is waited for */
	struct bri_ws_utf8 tx_utf8;
	struct bri_contents held; /* other messages that came before its end */
	struct bri_ws_ping *pings, **pings_tail;
	/* last, as they end in bytes that are seldom looked at */
	struct bri_ws_engine engine;
	uint8_t owed[BRI_WS_CONTROL_MAX]; /* the latest ping that was not answered yet */
};

/* bri_ws_layer_new(): layer_new of the definition. */
struct bri_layer *bri_ws_layer_new(nw_protocol_options_t opts, const struct bri_layer_env *env);
/* bri_ws_layer_open(): the handshake is done. */
void bri_ws_layer_open(struct bri_ws_layer *ws);
/* bri_ws_layer_send_close(): our close frame, if it was not sent. */
BRI_COLD void bri_ws_layer_send_close(
	struct bri_ws_layer *ws, unsigned code, const void *reason, size_t size, uint64_t now_ns);
/* bri_ws_layer_on_closed(): the peer's close frame was received, and answered. */
BRI_COLD void bri_ws_layer_on_closed(struct bri_ws_layer *ws, uint64_t now_ns);

/* --- ws_open.c --- */
/* What is needed of env is copied. 0 or -ENOMEM */
int bri_ws_open_init(struct bri_ws_layer *ws, const struct bri_layer_env *env);
void bri_ws_open_fini(struct bri_ws_layer *ws);
/* The client's request. 0 or -errno */
int bri_ws_open_start(struct bri_ws_layer *ws);
/*
 * The handshake's text, and what comes behind it.
 *   data  taken
 *   ret   what is left for the engine: application reference, or NULL
 */
int bri_ws_open_rx(
	struct bri_ws_layer *ws, struct dispatch_data_s *data, struct dispatch_data_s **ret);

/* --- ws_receive.c --- */
/* data: taken. 0 or -errno, as rx() */
int bri_ws_receive_data(struct bri_ws_layer *ws, struct dispatch_data_s *data, uint64_t now_ns);
void bri_ws_receive_fini(struct bri_ws_layer *ws);
/* The ping that is owed an answer gets it, if there is room now. */
void bri_ws_receive_settle(struct bri_ws_layer *ws);

/* --- ws_send.c --- */
int bri_ws_send_put(struct bri_ws_layer *ws, struct bri_content *in, uint64_t now_ns);
void bri_ws_send_fini(struct bri_ws_layer *ws);

/* --- ws_pong.c --- */
/* call: a reference, taken. 0 or -ENOMEM (the call is given up). */
int bri_ws_pong_expect(
	struct bri_ws_layer *ws, struct bri_ws_call *call, const void *payload, size_t size);
/* A pong came: the handlers of its ping, and of pings before it, run. False: nobody waits for it.
 */
bool bri_ws_pong_on_pong(struct bri_ws_layer *ws, const void *payload, size_t size);
/* No pong will come any more. */
void bri_ws_pong_lost(struct bri_ws_layer *ws, nw_error_domain_t domain, int code);
/* bri_ws_pong_tell(): runs the handler on its queue, later. Takes both references. */
void bri_ws_pong_tell(struct bri_ws_call *call, nw_error_t error);

#endif
