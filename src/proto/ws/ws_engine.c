/* See ws_engine.h. */
#include "proto/ws/ws_engine.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <string.h>

static int library_random(void *bytes, size_t size)
{
	/* 5.3: from a strong source of entropy, not to be foreseen by who chose the payload */
	return gnutls_rnd(GNUTLS_RND_NONCE, bytes, size) < 0 ? -EIO : 0;
}

void bri_ws_engine_init(
	struct bri_ws_engine *ws, bool is_server, uint64_t message_max, bri_ws_random_f random)
{
	*ws = (struct bri_ws_engine) {
		.is_server = is_server,
		.message_max = message_max,
		.random = random ? random : library_random,
	};
}

bool bri_ws_engine_is_code(unsigned code)
{
	if (code >= 3000)
		return code < 5000;
	/* 1004 means nothing, 1005, 1006 and 1015 are for programs; 1012 to 1014 are IANA's */
	return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}

/* --- receiving --- */

static bool is_control(unsigned opcode)
{
	return opcode & 8u;
}

static BRI_COLD void fail(struct bri_ws_engine *ws, uint16_t code, struct bri_ws_event *ret)
{
	ws->failed = true;
	*ret = (struct bri_ws_event) { .kind = BRI_WS_EVENT_FAILED, .code = code };
}

/* The rules for a frame that its header can break (5.1, 5.2, 5.4, 5.5). 0, or the code. */
static uint16_t judge(struct bri_ws_engine *ws, const struct bri_ws_frame *frame)
{
	if (frame->rsv || frame->masked != ws->is_server)
		return BRI_WS_CODE_PROTOCOL; /* no extension was agreed on; clients mask, alone */
	if (is_control(frame->opcode)) {
		bool known = frame->opcode <= BRI_WS_PONG;

		return known && frame->fin && frame->size <= BRI_WS_CONTROL_MAX
			       ? 0
			       : BRI_WS_CODE_PROTOCOL;
	}
	/* a continuation continues something, anything else begins something */
	if (frame->opcode > BRI_WS_BINARY ||
		(frame->opcode == BRI_WS_CONTINUATION) != !!ws->message)
		return BRI_WS_CODE_PROTOCOL;
	if (ws->message_max && frame->size > ws->message_max - ws->message_size)
		return BRI_WS_CODE_TOO_BIG;
	return 0;
}

static bool begin(struct bri_ws_engine *ws, struct bri_ws_event *ret)
{
	uint16_t code = judge(ws, &ws->frame);

	if (code) {
		fail(ws, code, ret);
		return false;
	}
	ws->in_frame = true;
	ws->at = 0;
	if (is_control(ws->frame.opcode))
		return true;
	if (!ws->message) {
		ws->message = ws->frame.opcode;
		ws->utf8 = (struct bri_ws_utf8) { 0 };
	}
	if (ws->message_max)
		ws->message_size += ws->frame.size;
	return true;
}

static BRI_COLD void on_close(struct bri_ws_engine *ws, struct bri_ws_event *ret)
{
	struct bri_ws_utf8 utf8 = { 0 };
	size_t size = (size_t)ws->frame.size;

	ret->code = BRI_WS_CODE_NONE;
	if (size >= 2) {
		ret->code = (uint16_t)(ws->control[0] << 8 | ws->control[1]);
		ret->bytes += 2;
		ret->size -= 2;
	}
	if (size == 1 || (size >= 2 && !bri_ws_engine_is_code(ret->code))) {
		fail(ws, BRI_WS_CODE_PROTOCOL, ret);
		return;
	}
	if (!bri_ws_utf8_feed(&utf8, ret->bytes, ret->size) || !bri_ws_utf8_is_whole(&utf8)) {
		fail(ws, BRI_WS_CODE_NOT_UTF8, ret);
		return;
	}
	ws->rx_closed = true;
}

static BRI_COLD void on_control(struct bri_ws_engine *ws, struct bri_ws_event *ret)
{
	*ret = (struct bri_ws_event) {
		.kind = BRI_WS_EVENT_CONTROL,
		.opcode = ws->frame.opcode,
		.complete = true,
		.bytes = ws->control,
		.size = (size_t)ws->frame.size,
	};
	ws->in_frame = false;
	if (ws->frame.opcode == BRI_WS_CLOSE)
		on_close(ws, ret);
}

static void on_data(struct bri_ws_engine *ws, uint8_t *bytes, size_t size, struct bri_ws_event *ret)
{
	bool frame_ends = ws->at == ws->frame.size;
	bool complete = frame_ends && ws->frame.fin;

	if (ws->message == BRI_WS_TEXT && (!bri_ws_utf8_feed(&ws->utf8, bytes, size) ||
						  (complete && !bri_ws_utf8_is_whole(&ws->utf8)))) {
		fail(ws, BRI_WS_CODE_NOT_UTF8, ret); /* 8.1 */
		return;
	}
	*ret = (struct bri_ws_event) {
		.kind = BRI_WS_EVENT_DATA,
		.opcode = ws->message,
		.complete = complete,
		.bytes = bytes,
		.size = size,
	};
	if (frame_ends)
		ws->in_frame = false;
	if (complete) {
		ws->message = 0;
		ws->message_size = 0;
	}
}

/* The payload, as far as it is there. Returns how many bytes were taken. */
static size_t payload(
	struct bri_ws_engine *ws, uint8_t *bytes, size_t size, struct bri_ws_event *ret)
{
	size_t n = (size_t)bri_min_u64(ws->frame.size - ws->at, size);
	uint8_t *to = bytes;

	if (is_control(ws->frame.opcode))
		to = ws->control + ws->at;
	if (ws->frame.masked)
		bri_ws_frame_mask(to, bytes, n, ws->frame.key, ws->at);
	else if (to != bytes)
		memcpy(to, bytes, n);
	ws->at += n;
	if (!is_control(ws->frame.opcode)) {
		/* an empty piece says nothing, unless it ends the message */
		if (n || (ws->frame.fin && ws->at == ws->frame.size))
			on_data(ws, bytes, n, ret);
		else if (ws->at == ws->frame.size)
			ws->in_frame = false;
	} else if (ws->at == ws->frame.size) {
		on_control(ws, ret);
	}
	return n;
}

void bri_ws_engine_rx(struct bri_ws_engine *ws, uint8_t *bytes, size_t size, size_t *ret_used,
	struct bri_ws_event *ret)
{
	size_t at = 0, used;
	int r;

	*ret = (struct bri_ws_event) { .kind = BRI_WS_EVENT_NONE };
	while (at < size && ret->kind == BRI_WS_EVENT_NONE && !ws->rx_closed && !ws->failed) {
		if (!ws->in_frame) {
			r = bri_ws_frame_rx(&ws->reader, bytes + at, size - at, &used, &ws->frame);
			at += used;
			if (r == BRI_WS_FRAME_MORE)
				break;
			if (r < 0)
				fail(ws, BRI_WS_CODE_PROTOCOL, ret);
			if (r < 0 || !begin(ws, ret))
				break;
		}
		at += payload(ws, bytes + at, size - at, ret);
	}
	*ret_used = ws->rx_closed || ws->failed ? size : at;
}

bool bri_ws_engine_is_between(const struct bri_ws_engine *ws)
{
	return !ws->in_frame && !ws->message && !ws->reader.have;
}

/* --- sending --- */

static int take_key(struct bri_ws_engine *ws, uint8_t ret[4])
{
	int r;

	if (ws->keys_left < 4) {
		r = ws->random(ws->keys, sizeof(ws->keys));
		if (r < 0)
			return r;
		ws->keys_left = sizeof(ws->keys);
	}
	ws->keys_left = (uint8_t)(ws->keys_left - 4);
	memcpy(ret, ws->keys + ws->keys_left, 4);
	return 0;
}

static int may_send(const struct bri_ws_engine *ws, enum bri_ws_opcode opcode, uint64_t size)
{
	if (ws->tx_closed)
		return -EPIPE;
	if (is_control(opcode))
		return size > BRI_WS_CONTROL_MAX ? -EMSGSIZE : 0;
	return ws->tx_message && ws->tx_message != opcode ? -EBUSY : 0;
}

int bri_ws_engine_tx(struct bri_ws_engine *ws, enum bri_ws_opcode opcode, bool complete,
	uint64_t size, struct bri_ws_header *ret)
{
	struct bri_ws_frame frame = {
		.fin = complete,
		.masked = !ws->is_server,
		.opcode = (uint8_t)opcode,
		.size = size,
	};
	int r = may_send(ws, opcode, size);

	if (!r && frame.masked)
		r = take_key(ws, frame.key);
	if (r < 0)
		return r;
	if (!is_control(opcode)) {
		if (ws->tx_message)
			frame.opcode = BRI_WS_CONTINUATION;
		ws->tx_message = complete ? 0 : (uint8_t)opcode;
	}
	ws->tx_closed = opcode == BRI_WS_CLOSE;
	ret->size = (uint8_t)bri_ws_frame_encode(&frame, ret->bytes);
	ret->masked = frame.masked;
	memcpy(ret->key, frame.key, sizeof(ret->key));
	return 0;
}

int bri_ws_engine_tx_control(struct bri_ws_engine *ws, enum bri_ws_opcode opcode,
	const void *payload_bytes, size_t size, uint8_t ret[BRI_WS_CONTROL_FRAME_MAX])
{
	struct bri_ws_header header;
	int r = bri_ws_engine_tx(ws, opcode, true, size, &header);

	if (r < 0)
		return r;
	memcpy(ret, header.bytes, header.size);
	if (header.masked)
		bri_ws_frame_mask(ret + header.size, payload_bytes, size, header.key, 0);
	else if (size)
		memcpy(ret + header.size, payload_bytes, size);
	return (int)(header.size + size);
}

int bri_ws_engine_tx_close(struct bri_ws_engine *ws, uint16_t code, const void *reason, size_t size,
	uint8_t ret[BRI_WS_CONTROL_FRAME_MAX])
{
	uint8_t body[BRI_WS_CONTROL_MAX];

	if (!bri_ws_engine_is_code(code))
		return bri_ws_engine_tx_control(ws, BRI_WS_CLOSE, NULL, 0, ret);
	if (size > BRI_WS_REASON_MAX)
		return -EMSGSIZE;
	body[0] = (uint8_t)(code >> 8);
	body[1] = (uint8_t)code;
	if (size)
		memcpy(body + 2, reason, size);
	return bri_ws_engine_tx_control(ws, BRI_WS_CLOSE, body, size + 2, ret);
}
