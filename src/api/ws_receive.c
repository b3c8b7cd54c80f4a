/*
 * Frames to messages. Data goes up in slices of what was received, whole or in large pieces;
 * control frames that came inside of a message follow behind it.
 */
#include "api/ws_layer.h"

#include <errno.h>
#include <string.h>
#include "api/content_context.h"
#include "stack/chain.h"

/* Regions of one content that are looked at in one go. */
#define REGIONS 16

/* --- what goes with a message --- */

static struct bri_object *new_context(enum bri_ws_opcode opcode, unsigned code)
{
	nw_protocol_metadata_t md = bri_ws_options_metadata((nw_ws_opcode_t)opcode, code);

	return md ? bri_object_own(bri_content_context_new("websocket", md)) : NULL;
}

/* --- data --- */

static int append(struct bri_ws_layer *ws, struct dispatch_data_s *piece)
{
	struct dispatch_data_s *both;

	if (!piece)
		return -ENOMEM;
	if (!ws->rx_data) {
		ws->rx_data = piece;
		return 0;
	}
	both = bri_data_concat(ws->rx_data, piece);
	bri_object_release(piece);
	if (!both)
		return -ENOMEM;
	bri_object_release(ws->rx_data);
	ws->rx_data = both;
	return 0;
}

/* context: a reference, taken */
static void give_up(struct bri_ws_layer *ws, struct bri_object *context, bool complete)
{
	bri_layer_up(&ws->base, ws->rx_data, context, complete);
	ws->rx_data = NULL;
}

static void end_message(struct bri_ws_layer *ws)
{
	struct bri_content content;

	give_up(ws, ws->rx_context, true);
	ws->rx_context = NULL;
	while (bri_contents_take(&ws->waiting, &content))
		bri_layer_pass_up(&ws->base, &content);
	ws->n_waiting = 0;
}

/* The bytes of an event, which are at offset in *data. The end of small data is that data itself,
 * which is taken then; of large data small pieces are copied, so that they do not pin what they
 * came in. */
static struct dispatch_data_s *piece_of(
	struct dispatch_data_s **data, size_t offset, const struct bri_ws_event *event)
{
	struct dispatch_data_s *all = *data;

	if (event->size > BRI_CHUNK_COPY_MAX)
		return bri_data_subrange(all, offset, event->size);
	if (bri_data_size(all) > BRI_CHUNK_COPY_MAX || offset + event->size < bri_data_size(all))
		return bri_data_new_copy(event->bytes, event->size);
	*data = NULL;
	return bri_data_take_tail(all, offset);
}

static int on_data(struct bri_ws_layer *ws, struct dispatch_data_s **data, size_t offset,
	const struct bri_ws_event *event)
{
	int r = 0;

	if (!ws->rx_context)
		ws->rx_context = new_context(event->opcode, BRI_WS_CODE_NONE);
	if (!ws->rx_context)
		return -ENOMEM;
	if (event->size)
		r = append(ws, piece_of(data, offset, event));
	if (!r && event->complete)
		end_message(ws);
	return r;
}

/* --- control frames --- */

static BRI_COLD int deliver(struct bri_ws_layer *ws, const struct bri_ws_event *event)
{
	struct bri_content content = { .complete = true }, oldest;

	content.context = new_context(event->opcode, event->code ? event->code : BRI_WS_CODE_NONE);
	if (event->size)
		content.data = bri_data_new_copy(event->bytes, event->size);
	if (!content.context || (event->size && !content.data)) {
		bri_content_clear(&content);
		return -ENOMEM;
	}
	if (!ws->rx_context || event->opcode == BRI_WS_CLOSE) {
		bri_layer_pass_up(&ws->base, &content);
		return 0;
	}
	if (ws->n_waiting == BRI_WS_WAITING_MAX && bri_contents_take(&ws->waiting, &oldest)) {
		bri_content_clear(&oldest);
		ws->n_waiting--;
	}
	bri_contents_append(&ws->waiting, &content);
	ws->n_waiting++;
	return 0;
}

static bool has_room(const struct bri_ws_layer *ws)
{
	return ws->base.chain->out.bytes + ws->base.down.bytes < BRI_WS_PONG_ROOM;
}

static int send_pong(struct bri_ws_layer *ws, const void *payload, size_t size)
{
	uint8_t frame[BRI_WS_CONTROL_FRAME_MAX];
	int n = bri_ws_engine_tx_control(&ws->engine, BRI_WS_PONG, payload, size, frame);

	if (n == -EPIPE)
		return 0; /* our close frame is out: no pong is due any more */
	return n < 0 ? n : bri_layer_down_bytes(&ws->base, frame, (size_t)n);
}

void bri_ws_receive_settle(struct bri_ws_layer *ws)
{
	if (ws->owed_size < 0 || !has_room(ws))
		return;
	if (!send_pong(ws, ws->owed, (size_t)ws->owed_size))
		ws->owed_size = -1;
}

static int on_ping(struct bri_ws_layer *ws, const struct bri_ws_event *event)
{
	int r = 0;

	if (ws->opts->auto_reply_ping && has_room(ws)) {
		ws->owed_size = -1;
		r = send_pong(ws, event->bytes, event->size);
	} else if (ws->opts->auto_reply_ping) {
		memcpy(ws->owed, event->bytes, event->size);
		ws->owed_size = (int)event->size;
	}
	return r ? r : deliver(ws, event);
}

static BRI_COLD int on_close(
	struct bri_ws_layer *ws, const struct bri_ws_event *event, uint64_t now_ns)
{
	struct bri_content content;
	int r;

	/* a message that is cut off here never ends; what came inside of it is still received */
	bri_object_release(ws->rx_data);
	ws->rx_data = NULL;
	while (bri_contents_take(&ws->waiting, &content))
		bri_layer_pass_up(&ws->base, &content);
	r = deliver(ws, event);
	/* 5.5.1: the answer has the same code */
	bri_ws_layer_send_close(ws, event->code, NULL, 0, now_ns);
	bri_ws_layer_on_closed(ws, now_ns);
	return r;
}

static BRI_COLD int on_control(
	struct bri_ws_layer *ws, const struct bri_ws_event *event, uint64_t now_ns)
{
	if (event->opcode == BRI_WS_PING)
		return on_ping(ws, event);
	if (event->opcode == BRI_WS_CLOSE)
		return on_close(ws, event, now_ns);
	if (bri_ws_pong_on_pong(ws, event->bytes, event->size))
		return 0;
	return deliver(ws, event);
}

/* 7.1.7: the peer hears why, then the connection fails. */
static BRI_COLD int fail(struct bri_ws_layer *ws, unsigned code, uint64_t now_ns)
{
	bri_ws_layer_send_close(ws, code, NULL, 0, now_ns);
	ws->state = BRI_WS_CLOSED;
	return bri_layer_fail(
		&ws->base, BRI_RACE_POSIX, code == BRI_WS_CODE_TOO_BIG ? EMSGSIZE : EPROTO);
}

/* --- frames --- */

static int on_event(struct bri_ws_layer *ws, struct dispatch_data_s **data, size_t offset,
	const struct bri_ws_event *event, uint64_t now_ns)
{
	switch (event->kind) {
	case BRI_WS_EVENT_DATA: return on_data(ws, data, offset, event);
	case BRI_WS_EVENT_CONTROL: return on_control(ws, event, now_ns);
	case BRI_WS_EVENT_FAILED: return fail(ws, event->code, now_ns);
	case BRI_WS_EVENT_NONE: break;
	}
	return 0;
}

/* One region, which is at `base` in *data; up to *ret_used, when there is no room above for more.
 * Data whose end became a message is NULL afterwards. */
static int receive_region(struct bri_ws_layer *ws, struct dispatch_data_s **data, size_t base,
	const struct iovec *region, uint64_t now_ns, size_t *ret_used)
{
	uint8_t *bytes = region->iov_base;
	struct bri_ws_event event;
	size_t at = 0, used;
	int r = 0;

	while (!r && at < region->iov_len && !bri_layer_is_full(&ws->base)) {
		bri_ws_engine_rx(&ws->engine, bytes + at, region->iov_len - at, &used, &event);
		at += used;
		if (event.kind == BRI_WS_EVENT_DATA)
			r = on_event(
				ws, data, base + (size_t)(event.bytes - bytes), &event, now_ns);
		else
			r = on_event(ws, data, 0, &event, now_ns);
	}
	*ret_used = at;
	return r;
}

/* A peer makes a message of two bytes: what there is no room for stays as it came. */
static BRI_COLD int keep_unread(struct bri_ws_layer *ws, struct dispatch_data_s *data, size_t at)
{
	ws->unread = bri_data_subrange(data, at, bri_data_size(data) - at);
	bri_layer_hold(&ws->base);
	return ws->unread ? 0 : -ENOMEM;
}

int bri_ws_receive_data(struct bri_ws_layer *ws, struct dispatch_data_s *data, uint64_t now_ns)
{
	struct iovec iov[REGIONS];
	size_t size = bri_data_size(data), at = 0, bytes, used = 0, n;
	bool full = false;
	int r = 0;

	/* clients mask: their bytes are unmasked where they are */
	if (ws->is_server && size) {
		data = bri_data_take_writable(data);
		if (!data)
			return -ENOMEM;
	}
	bri_ws_receive_settle(ws);
	while (!r && !full && at < size) {
		n = bri_data_iov(data, at, iov, REGIONS, &bytes);
		for (size_t i = 0; !r && !full && i < n; i++) {
			r = receive_region(ws, &data, at, &iov[i], now_ns, &used);
			at += used;
			full = used < iov[i].iov_len;
		}
	}
	if (!r && bri_data_size(ws->rx_data) >= BRI_WS_PIECE_MIN)
		give_up(ws, bri_object_get(ws->rx_context), false);
	if (!r && at < size)
		r = keep_unread(ws, data, at);
	bri_object_release(data);
	return r;
}

void bri_ws_receive_fini(struct bri_ws_layer *ws)
{
	bri_object_release(ws->rx_data);
	bri_object_release(ws->unread);
	bri_object_put(ws->rx_context);
	bri_contents_clear(&ws->waiting);
}
