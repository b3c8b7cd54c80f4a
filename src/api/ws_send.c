/*
 * Messages to frames: one content, one frame. A server's payload goes down as it is, behind its
 * header; a client's is copied masked.
 */
#include "api/ws_layer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "api/content_context.h"
#include "api/error.h"
#include "base/log.h"

/* A frame up to this size goes down as one piece. */
#define SMALL 1024u
/* How much of a large message is masked into one piece. */
#define PIECE (256u * 1024u)

/* --- frames --- */

/* data[at] to data[at + size], copied, and masked where the header says so */
static void copy_payload(const struct bri_ws_header *header, const struct dispatch_data_s *data,
	size_t at, size_t size, uint8_t *to)
{
	struct iovec iov;
	size_t n;

	while (size) {
		bri_data_iov(data, at, &iov, 1, &n);
		n = bri_min_size(n, size);
		if (header->masked)
			bri_ws_frame_mask(to, iov.iov_base, n, header->key, at);
		else
			memcpy(to, iov.iov_base, n);
		to += n;
		at += n;
		size -= n;
	}
}

static int send_small(struct bri_ws_layer *ws, const struct bri_ws_header *header,
	const struct dispatch_data_s *data, size_t size)
{
	uint8_t *bytes;
	struct dispatch_data_s *frame = bri_data_new_room(header->size + size, &bytes);

	if (!frame)
		return -ENOMEM;
	memcpy(bytes, header->bytes, header->size);
	copy_payload(header, data, 0, size, bytes + header->size);
	bri_layer_down(&ws->base, frame);
	return 0;
}

static int send_masked(struct bri_ws_layer *ws, const struct bri_ws_header *header,
	const struct dispatch_data_s *data, size_t size)
{
	size_t head = header->size;

	for (size_t at = 0; at < size;) {
		size_t n = bri_min_size(size - at, PIECE);
		uint8_t *bytes = malloc(head + n);
		struct dispatch_data_s *piece;

		if (!bytes)
			return -ENOMEM;
		memcpy(bytes, header->bytes, head);
		copy_payload(header, data, at, n, bytes + head);
		piece = dispatch_data_create_f(bytes, head + n, NULL, free);
		if (!piece) {
			free(bytes);
			return -ENOMEM;
		}
		bri_layer_down(&ws->base, piece);
		at += n;
		head = 0; /* before the first piece only */
	}
	return 0;
}

static int send_frame(struct bri_ws_layer *ws, enum bri_ws_opcode opcode, bool complete,
	struct dispatch_data_s *data)
{
	size_t size = bri_data_size(data);
	struct bri_ws_header header;
	int r = bri_ws_engine_tx(&ws->engine, opcode, complete, size, &header);

	if (r < 0)
		return r;
	if (size <= SMALL)
		return send_small(ws, &header, data, size);
	if (header.masked)
		return send_masked(ws, &header, data, size);
	r = bri_layer_down_bytes(&ws->base, header.bytes, header.size);
	if (!r)
		bri_layer_down(&ws->base, bri_object_retain(data));
	return r;
}

/* --- data --- */

/* context: a reference, taken; what else the message has is known by it */
static void begin_message(
	struct bri_ws_layer *ws, struct bri_object *context, enum bri_ws_opcode opcode)
{
	ws->tx_context = context;
	ws->tx_opcode = opcode;
	ws->tx_dropped = false;
	ws->tx_utf8 = (struct bri_ws_utf8) { 0 };
}

static void end_message(struct bri_ws_layer *ws)
{
	bri_object_put(ws->tx_context);
	ws->tx_context = NULL;
	ws->tx_opcode = 0;
}

static bool is_text(struct bri_ws_layer *ws, const struct bri_content *in)
{
	size_t at = 0, n;
	struct iovec iov;

	while (bri_data_iov(in->data, at, &iov, 1, &n)) {
		if (!bri_ws_utf8_feed(&ws->tx_utf8, iov.iov_base, n))
			return false;
		at += n;
	}
	return !in->complete || bri_ws_utf8_is_whole(&ws->tx_utf8);
}

/* 8.1: what is sent as text is UTF-8. A message that is not is left out; when a part of it is gone
 * already, it cannot be taken back: then the connection is closed, as the peer would do it. */
static BRI_COLD void drop_text(struct bri_ws_layer *ws, uint64_t now_ns)
{
	bri_error("websocket: a text that is not UTF-8 was not sent");
	ws->tx_dropped = true;
	if (ws->engine.tx_message)
		bri_ws_layer_send_close(ws, BRI_WS_CODE_NOT_UTF8, NULL, 0, now_ns);
}

static int send_data(
	struct bri_ws_layer *ws, struct bri_content *in, enum bri_ws_opcode opcode, uint64_t now_ns)
{
	int r = 0;

	if (!ws->tx_opcode) {
		begin_message(ws, in->context, opcode);
		in->context = NULL;
	}
	if (!ws->tx_dropped && ws->tx_opcode == BRI_WS_TEXT && !is_text(ws, in))
		drop_text(ws, now_ns);
	/* an empty frame in the middle of a message says nothing */
	if (!ws->tx_dropped && (bri_data_size(in->data) || in->complete))
		r = send_frame(ws, ws->tx_opcode, in->complete, in->data);
	if (in->complete)
		end_message(ws);
	return r == -EPIPE ? 0 : r; /* the connection is being closed: nothing is sent any more */
}

/* --- control --- */

static size_t copy_control(const struct dispatch_data_s *data, uint8_t to[BRI_WS_CONTROL_MAX])
{
	static const struct bri_ws_header plain;
	size_t size = bri_data_size(data);

	if (size <= BRI_WS_CONTROL_MAX)
		copy_payload(&plain, data, 0, size, to);
	return size;
}

static BRI_COLD int send_ping(struct bri_ws_layer *ws, const struct bri_content *in,
	enum bri_ws_opcode opcode, struct bri_ws_metadata *md)
{
	struct bri_ws_call *call = opcode == BRI_WS_PING ? bri_ws_options_copy_pong(md) : NULL;
	uint8_t payload[BRI_WS_CONTROL_MAX], frame[BRI_WS_CONTROL_FRAME_MAX];
	size_t size = copy_control(in->data, payload);
	int n = bri_ws_engine_tx_control(&ws->engine, opcode, payload, size, frame);

	if (n == -EMSGSIZE)
		bri_error("websocket: a %s of %zu bytes was not sent, 125 is what it can carry",
			call ? "ping" : "ping or pong", size);
	if (n < 0) {
		if (call)
			bri_ws_pong_tell(call, bri_error_new(nw_error_domain_posix, -n));
		return n == -EPIPE || n == -EMSGSIZE ? 0 : n;
	}
	if (call) {
		int r = bri_ws_pong_expect(ws, call, payload, size);

		if (r < 0)
			return r;
	}
	return bri_layer_down_bytes(&ws->base, frame, (size_t)n);
}

static BRI_COLD int send_close(struct bri_ws_layer *ws, const struct bri_content *in,
	const struct bri_ws_metadata *md, uint64_t now_ns)
{
	uint8_t reason[BRI_WS_CONTROL_MAX];
	size_t size = copy_control(in->data, reason);
	struct bri_ws_utf8 utf8 = { 0 };

	/* the close itself is what matters */
	if (size > BRI_WS_REASON_MAX || !bri_ws_utf8_feed(&utf8, reason, size) ||
		!bri_ws_utf8_is_whole(&utf8)) {
		bri_error("websocket: a reason to close is UTF-8 of up to %d bytes: left out",
			BRI_WS_REASON_MAX);
		size = 0;
	}
	bri_ws_layer_send_close(ws, md->close_code, reason, size, now_ns);
	return 0;
}

/* --- all --- */

static struct bri_ws_metadata *metadata_of(const struct bri_content *in)
{
	const struct nw_content_context *context = (const struct nw_content_context *)in->context;

	return context ? (struct bri_ws_metadata *)bri_content_context_metadata(
				 context, &bri_protocol_ws)
		       : NULL;
}

/* Data of another message waits for the end of the one that was begun (5.4: no interleaving). */
static bool must_wait(const struct bri_ws_layer *ws, const struct bri_content *in)
{
	return ws->tx_opcode && ws->tx_context != in->context;
}

static int send_content(struct bri_ws_layer *ws, struct bri_content *in, uint64_t now_ns)
{
	struct bri_ws_metadata *md = metadata_of(in);
	enum bri_ws_opcode opcode = md ? (enum bri_ws_opcode)md->opcode : BRI_WS_BINARY;

	if (md && md->opcode >= nw_ws_opcode_close)
		return opcode == BRI_WS_CLOSE ? send_close(ws, in, md, now_ns)
					      : send_ping(ws, in, opcode, md);
	/* a continuation, as one may write it, continues whatever there is */
	if (md && md->opcode <= nw_ws_opcode_cont) {
		if (!ws->tx_opcode) {
			bri_error("websocket: a continuation of nothing was not sent");
			return 0;
		}
		return send_data(ws, in, ws->tx_opcode, now_ns);
	}
	if (must_wait(ws, in)) {
		bri_contents_append(&ws->held, in);
		return 0;
	}
	return send_data(ws, in, opcode, now_ns);
}

static BRI_COLD int send_held(struct bri_ws_layer *ws, uint64_t now_ns)
{
	struct bri_contents held = ws->held;
	struct bri_content in;
	int r = 0;

	/* what must wait again goes to the new list, in its order */
	if (!held.head || ws->tx_opcode)
		return 0;
	bri_contents_init(&ws->held);
	while (bri_contents_take(&held, &in)) {
		if (!r)
			r = send_content(ws, &in, now_ns);
		bri_content_clear(&in);
	}
	return r;
}

int bri_ws_send_put(struct bri_ws_layer *ws, struct bri_content *in, uint64_t now_ns)
{
	bool end = in->end;
	int r = 0;

	/* the end of a program's output alone is no message */
	if (!end || in->data || metadata_of(in) || ws->tx_opcode)
		r = send_content(ws, in, now_ns);
	while (!r && !ws->tx_opcode && ws->held.head)
		r = send_held(ws, now_ns);
	/* WebSocket has no half-closed state: the end is a close frame, and what the peer sends
	 * until it answers is still received */
	if (!r && end)
		bri_ws_layer_send_close(ws, BRI_WS_CODE_NORMAL, NULL, 0, now_ns);
	return r;
}

void bri_ws_send_fini(struct bri_ws_layer *ws)
{
	bri_object_put(ws->tx_context);
	bri_contents_clear(&ws->held);
}
