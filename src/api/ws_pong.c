/* Pings whose metadata has a pong handler, until their answer. Knows no frames. */
#include "api/ws_layer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "api/error.h"
#include "dispatch/runtime.h"

struct bri_ws_ping {
	struct bri_ws_ping *next;
	struct bri_ws_call *call;
	uint8_t size;
	uint8_t payload[BRI_WS_CONTROL_MAX];
};

struct told {
	struct bri_ws_call *call;
	nw_error_t error; /* +1, or NULL */
};

static void run(void *context)
{
	struct told *told = context;

	((nw_ws_pong_handler_f)told->call->call.fn)(told->call->call.context, told->error);
	bri_object_release(told->error);
	bri_ws_options_put_call(told->call);
	free(told);
}

void bri_ws_pong_tell(struct bri_ws_call *call, nw_error_t error)
{
	struct told *told = malloc(sizeof(*told));

	if (!told)
		bri_abort("no memory for a pong");
	*told = (struct told) { call, error };
	bri_async(call->queue, told, run);
}

int bri_ws_pong_expect(
	struct bri_ws_layer *ws, struct bri_ws_call *call, const void *payload, size_t size)
{
	struct bri_ws_ping *ping = calloc(1, sizeof(*ping));

	if (!ping) {
		bri_ws_options_put_call(call);
		return -ENOMEM;
	}
	ping->call = call;
	ping->size = (uint8_t)size;
	if (size)
		memcpy(ping->payload, payload, size);
	*ws->pings_tail = ping;
	ws->pings_tail = &ping->next;
	return 0;
}

static void end_first(struct bri_ws_layer *ws, nw_error_t error)
{
	struct bri_ws_ping *ping = ws->pings;

	ws->pings = ping->next;
	if (!ws->pings)
		ws->pings_tail = &ws->pings;
	bri_ws_pong_tell(ping->call, error);
	free(ping);
}

bool bri_ws_pong_on_pong(struct bri_ws_layer *ws, const void *payload, size_t size)
{
	struct bri_ws_ping *ping = ws->pings;
	unsigned n = 1;

	for (; ping; ping = ping->next, n++) {
		if (ping->size == size && memcmp(ping->payload, payload, size) == 0)
			break;
	}
	if (!ping)
		return false;
	/* 5.5.3: a peer may answer the latest ping only; the earlier ones got there as well */
	while (n-- > 0)
		end_first(ws, NULL);
	return true;
}

void bri_ws_pong_lost(struct bri_ws_layer *ws, nw_error_domain_t domain, int code)
{
	while (ws->pings)
		end_first(ws, bri_error_new(domain, code));
}
