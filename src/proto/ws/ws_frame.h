/*
 * The frame of RFC 6455, section 5.2: its header's encode and decode, and masking (5.3).
 * Knows nothing of messages, of roles, nor of what opcodes mean.
 */
#ifndef BRI_WS_FRAME_H
#define BRI_WS_FRAME_H

#include "base/base.h"

enum bri_ws_opcode {
	BRI_WS_CONTINUATION = 0,
	BRI_WS_TEXT = 1,
	BRI_WS_BINARY = 2,
	BRI_WS_CLOSE = 8,
	BRI_WS_PING = 9,
	BRI_WS_PONG = 10,
};

/* 2, and 8 of length, and 4 of mask */
#define BRI_WS_FRAME_HEADER_MAX 14
/* 5.5: what a control frame can carry */
#define BRI_WS_CONTROL_MAX 125

struct bri_ws_frame {
	uint64_t size;  /* of the payload; under 2^63 */
	uint8_t opcode; /* 4 bits, also those that mean nothing */
	uint8_t rsv;    /* the three reserved bits, as 0 to 7 */
	bool fin, masked;
	uint8_t key[4];
};

/* A header that comes in pieces. All zeroes: none of it is here. */
struct bri_ws_frame_reader {
	uint8_t bytes[BRI_WS_FRAME_HEADER_MAX];
	uint8_t have;
};

/*
 * bri_ws_frame_rx(): take a header's bytes.
 *   ret_used  how many of the bytes were taken, also when more are needed
 *   ret       the header, when it is whole; the reader is ready for the next one
 * Returns 0, BRI_WS_FRAME_MORE, or -EPROTO: a length with its highest bit set, or not in its
 * shortest form.
 */
#define BRI_WS_FRAME_MORE 1
int bri_ws_frame_rx(struct bri_ws_frame_reader *reader, const uint8_t *bytes, size_t size,
	size_t *ret_used, struct bri_ws_frame *ret);

/* bri_ws_frame_encode(): the header in its shortest form; returns its size. */
size_t bri_ws_frame_encode(const struct bri_ws_frame *frame, uint8_t ret[BRI_WS_FRAME_HEADER_MAX]);

/*
 * bri_ws_frame_mask(): to[i] = from[i] ^ key[(offset + i) % 4]; masks and unmasks.
 *   to      may be `from`; must not overlap it otherwise
 *   offset  where in the payload these bytes are
 */
void bri_ws_frame_mask(
	uint8_t *to, const uint8_t *from, size_t size, const uint8_t key[4], uint64_t offset);

#endif
