/* The life of the WebSocket layer: start, close, timers, the end. See ws_layer.h. */
#include "api/ws_layer.h"

#include <errno.h>
#include <stdlib.h>
#include "base/log.h"

static struct bri_ws_layer *as_ws(const struct bri_layer *layer)
{
	return bri_container_of(layer, struct bri_ws_layer, base);
}

/* --- opening --- */

static int make_metadata(struct bri_ws_layer *ws)
{
	if (!ws->base.metadata)
		ws->base.metadata = bri_object_own(
			bri_ws_options_metadata(nw_ws_opcode_invalid, BRI_WS_CODE_NONE));
	return ws->base.metadata ? 0 : -ENOMEM;
}

void bri_ws_layer_open(struct bri_ws_layer *ws)
{
	ws->state = BRI_WS_OPEN;
	ws->deadline_ns = BRI_NEVER;
	bri_ws_open_fini(ws);
	bri_layer_ready(&ws->base);
}

static int start(struct bri_layer *layer, uint64_t now_ns)
{
	struct bri_ws_layer *ws = as_ws(layer);
	int r = make_metadata(ws);

	if (!r && ws->opts->skip_handshake) {
		bri_ws_layer_open(ws);
		return 0;
	}
	ws->deadline_ns = now_ns + BRI_WS_OPEN_NS;
	return r || ws->is_server ? r : bri_ws_open_start(ws);
}

/* --- closing --- */

void bri_ws_layer_send_close(
	struct bri_ws_layer *ws, unsigned code, const void *reason, size_t size, uint64_t now_ns)
{
	uint8_t frame[BRI_WS_CONTROL_FRAME_MAX];
	int n;

	n = bri_ws_engine_tx_close(&ws->engine, (uint16_t)code, reason, size, frame);
	if (n > 0)
		bri_layer_down_bytes(&ws->base, frame, (size_t)n);
	if (ws->state == BRI_WS_OPEN) {
		ws->state = BRI_WS_CLOSING;
		ws->deadline_ns = now_ns + BRI_WS_CLOSE_NS;
	}
}

/* Nothing comes any more, and nothing is sent. */
static void end(struct bri_ws_layer *ws)
{
	if (ws->state != BRI_WS_CLOSED)
		bri_layer_up_end(&ws->base);
	ws->state = BRI_WS_CLOSED;
	ws->deadline_ns = BRI_NEVER;
	bri_layer_down_end(&ws->base);
	bri_ws_pong_lost(ws, nw_error_domain_posix, ECONNRESET);
}

void bri_ws_layer_on_closed(struct bri_ws_layer *ws, uint64_t now_ns)
{
	/* 7.1.1: the server ends TCP first; the client waits a while for it */
	if (ws->is_server) {
		end(ws);
		return;
	}
	bri_layer_up_end(&ws->base);
	ws->state = BRI_WS_CLOSED;
	ws->deadline_ns = now_ns + BRI_WS_CLOSE_NS;
	bri_ws_pong_lost(ws, nw_error_domain_posix, ECONNRESET);
}

static bool close_layer(struct bri_layer *layer, uint64_t now_ns)
{
	struct bri_ws_layer *ws = as_ws(layer);

	if (ws->state == BRI_WS_OPEN)
		bri_ws_layer_send_close(ws, BRI_WS_CODE_AWAY, NULL, 0, now_ns);
	return true;
}

static uint64_t deadline_ns(const struct bri_layer *layer)
{
	return as_ws(layer)->deadline_ns;
}

static int expire(struct bri_layer *layer, uint64_t now_ns)
{
	struct bri_ws_layer *ws = as_ws(layer);

	if (now_ns < ws->deadline_ns)
		return 0;
	if (ws->state == BRI_WS_OPENING)
		return -ETIMEDOUT;
	end(ws); /* the peer does not answer our close frame, or does not end TCP */
	return 0;
}

/* --- content --- */

/* The transport's end. Without a close frame it is as good as a reset (7.1.5: code 1006). */
static int on_end(struct bri_ws_layer *ws)
{
	if (ws->unread) {
		ws->unread_end = true;
		return 0;
	}
	if (ws->state == BRI_WS_CLOSING || ws->state == BRI_WS_CLOSED) {
		end(ws);
		return 0;
	}
	ws->state = BRI_WS_CLOSED;
	return -ECONNRESET;
}

static int rx(struct bri_layer *layer, struct bri_content *in, uint64_t now_ns)
{
	struct bri_ws_layer *ws = as_ws(layer);
	struct dispatch_data_s *data = in->data;
	int r = 0;

	in->data = NULL;
	if (data && (ws->state == BRI_WS_OPENING || ws->state == BRI_WS_ASKING))
		r = bri_ws_open_rx(ws, data, &data);
	if (!r && data && (ws->state == BRI_WS_OPEN || ws->state == BRI_WS_CLOSING))
		r = bri_ws_receive_data(ws, data, now_ns);
	else
		bri_object_release(data);
	if (!r && in->end)
		r = on_end(ws);
	return r;
}

static int go_on(struct bri_layer *layer, uint64_t now_ns)
{
	struct bri_ws_layer *ws = as_ws(layer);
	struct bri_content in = { .data = ws->unread, .end = ws->unread_end };
	int r;

	ws->unread = NULL;
	ws->unread_end = false;
	r = rx(layer, &in, now_ns);
	bri_content_clear(&in);
	return r;
}

static int put(struct bri_layer *layer, struct bri_content *in, uint64_t now_ns)
{
	struct bri_ws_layer *ws = as_ws(layer);

	bri_ws_receive_settle(ws);
	return bri_ws_send_put(ws, in, now_ns);
}

/* --- the end --- */

static void lost(struct bri_layer *layer, struct bri_race_error error)
{
	bri_ws_pong_lost(as_ws(layer), (nw_error_domain_t)error.domain, error.code);
}

static void free_layer(struct bri_layer *layer)
{
	struct bri_ws_layer *ws = as_ws(layer);

	bri_ws_pong_lost(ws, nw_error_domain_posix, ECANCELED);
	bri_ws_open_fini(ws);
	bri_ws_receive_fini(ws);
	bri_ws_send_fini(ws);
	free(ws);
}

static const struct bri_layer_class ws_class = {
	.name = "websocket",
	.messages = true,
	.start = start,
	.rx = rx,
	.put = put,
	.go_on = go_on,
	.deadline_ns = deadline_ns,
	.expire = expire,
	.close = close_layer,
	.lost = lost,
	.free = free_layer,
};

struct bri_layer *bri_ws_layer_new(nw_protocol_options_t opts, const struct bri_layer_env *env)
{
	struct bri_ws_layer *ws;

	if (env->is_datagram) {
		bri_error("websocket: over UDP there is none");
		return NULL;
	}
	ws = calloc(1, sizeof(*ws));
	if (!ws)
		return NULL;
	ws->base.cls = &ws_class;
	ws->opts = (const struct bri_ws_options *)opts;
	ws->is_server = env->is_server;
	ws->deadline_ns = BRI_NEVER;
	ws->owed_size = -1;
	ws->pings_tail = &ws->pings;
	bri_contents_init(&ws->waiting);
	bri_contents_init(&ws->held);
	bri_ws_engine_init(&ws->engine, ws->is_server, ws->opts->maximum_message_size, NULL);
	if (!bri_ws_open_init(ws, env))
		return &ws->base;
	free_layer(&ws->base);
	return NULL;
}
