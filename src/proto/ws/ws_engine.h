/*
 * WebSocket after its opening handshake (RFC 6455, sections 5 to 7): frames in, events out, and the
 * headers of frames to send. Holds no payload but that of control frames: data is unmasked in the
 * memory it came in. Knows nothing of handshakes and of who reads or writes.
 *
 * The frame codec is our own: wslay copies each payload through a buffer of 4096 bytes, answers
 * pings whether it should or not, and tells of a frame only when its first payload byte is there.
 * It is the independent peer in our tests.
 */
#ifndef BRI_WS_ENGINE_H
#define BRI_WS_ENGINE_H

#include "proto/ws/ws_frame.h"
#include "proto/ws/ws_utf8.h"

/* Status codes of section 7.4.1 */
#define BRI_WS_CODE_NORMAL   1000
#define BRI_WS_CODE_AWAY     1001
#define BRI_WS_CODE_PROTOCOL 1002
#define BRI_WS_CODE_NONE     1005 /* never on the wire: a close frame without a code */
#define BRI_WS_CODE_NOT_UTF8 1007
#define BRI_WS_CODE_TOO_BIG  1009
/* 5.5.1: two bytes of a close frame are its code */
#define BRI_WS_REASON_MAX (BRI_WS_CONTROL_MAX - 2)

/* fills bytes with what nobody can guess; 0 or -errno */
typedef int (*bri_ws_random_f)(void *bytes, size_t size);

enum bri_ws_event_kind {
	BRI_WS_EVENT_NONE,    /* all bytes are taken, and nothing came of them */
	BRI_WS_EVENT_DATA,    /* a piece of a text or binary message */
	BRI_WS_EVENT_CONTROL, /* a ping, pong or close frame */
	BRI_WS_EVENT_FAILED,  /* close the connection with `code`; nothing is taken any more */
};

struct bri_ws_event {
	enum bri_ws_event_kind kind;
	enum bri_ws_opcode opcode; /* of the message: never a continuation */
	bool complete;             /* the message ends here */
	uint16_t code;             /* of a close frame; BRI_WS_CODE_NONE: it has none */
	/* DATA: inside of what was given to rx, unmasked. CONTROL: valid until the next rx; of a
	 * close frame: its reason */
	uint8_t *bytes;
	size_t size;
};

/* Fields are ws_engine.c's. */
struct bri_ws_engine {
	bool is_server;
	uint64_t message_max; /* 0: none */
	bri_ws_random_f random;
	/* receiving */
	struct bri_ws_frame_reader reader;
	struct bri_ws_frame frame;
	bool in_frame, rx_closed, failed;
	uint64_t at;           /* in the frame's payload */
	uint8_t message;       /* opcode of the message that is not complete; 0: none */
	uint64_t message_size; /* its frames up to the current one */
	struct bri_ws_utf8 utf8;
	/* sending */
	uint8_t tx_message; /* opcode of the message that is not complete; 0: none */
	bool tx_closed;
	uint8_t keys_left;
	uint8_t keys[64]; /* random bytes for masks, in stock */
	/* receiving */
	uint8_t control[BRI_WS_CONTROL_MAX];
};

/*
 * bri_ws_engine_init(): nothing to release.
 *   message_max  bytes of a message from the peer; 0: any
 *   random       for masks; NULL: the library's
 */
void bri_ws_engine_init(
	struct bri_ws_engine *ws, bool is_server, uint64_t message_max, bri_ws_random_f random);

/*
 * bri_ws_engine_rx(): take bytes from the peer, up to the next event.
 *   bytes     written to: the payload of masked frames is unmasked in place
 *   ret_used  how many were taken; call again with the rest after an event
 * After a close frame or a failure all bytes are taken and mean nothing (7.1.1: whatever follows is
 * discarded).
 */
void bri_ws_engine_rx(struct bri_ws_engine *ws, uint8_t *bytes, size_t size, size_t *ret_used,
	struct bri_ws_event *ret);

/* bri_ws_engine_is_between(): no frame and no message from the peer is begun. */
bool bri_ws_engine_is_between(const struct bri_ws_engine *ws);

struct bri_ws_header {
	uint8_t bytes[BRI_WS_FRAME_HEADER_MAX];
	uint8_t size;
	bool masked; /* the payload is to be masked with key, from offset 0 */
	uint8_t key[4];
};

/*
 * bri_ws_engine_tx(): the header of the next frame to send.
 *   opcode    TEXT or BINARY for any part of such a message; or a control opcode
 *   complete  the message ends with this frame; always for control frames
 * Returns 0, -EPIPE (a close frame was sent: nothing may follow, 5.5.1), -EBUSY (data of another
 * type while a message is not complete), -EMSGSIZE (a control frame over BRI_WS_CONTROL_MAX), or
 * what random() returned.
 */
int bri_ws_engine_tx(struct bri_ws_engine *ws, enum bri_ws_opcode opcode, bool complete,
	uint64_t size, struct bri_ws_header *ret);

/*
 * bri_ws_engine_tx_control(): a whole control frame.
 *   ret  BRI_WS_FRAME_HEADER_MAX + BRI_WS_CONTROL_MAX bytes
 * Returns its size, or as bri_ws_engine_tx().
 */
#define BRI_WS_CONTROL_FRAME_MAX (BRI_WS_FRAME_HEADER_MAX + BRI_WS_CONTROL_MAX)
int bri_ws_engine_tx_control(struct bri_ws_engine *ws, enum bri_ws_opcode opcode,
	const void *payload, size_t size, uint8_t ret[BRI_WS_CONTROL_FRAME_MAX]);

/*
 * bri_ws_engine_tx_close(): a close frame.
 *   code    one that may stand on the wire; any other: a close frame without a code
 *   reason  UTF-8, at most BRI_WS_REASON_MAX bytes
 */
int bri_ws_engine_tx_close(struct bri_ws_engine *ws, uint16_t code, const void *reason, size_t size,
	uint8_t ret[BRI_WS_CONTROL_FRAME_MAX]);

/* bri_ws_engine_is_code(): may the code stand in a close frame (7.4.1, 7.4.2)? */
bool bri_ws_engine_is_code(unsigned code);

#endif
