/*
 * The opening handshake (RFC 6455, section 4) of a layer: what the client asks, what the server's
 * application says to it, on whichever queue and whenever it likes.
 */
#include "api/ws_layer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "api/endpoint.h"
#include "api/url.h"
#include "base/log.h"
#include "dispatch/runtime.h"

/* "[" address "]:65535", with a zone; or a name as long as names get */
#define HOST_MAX (BRI_URL_HOST_MAX + 16)

/* A question to the application. Who answers and who waits may each go first. */
struct ask {
	_Atomic int refs;
	struct bri_ws_call *call;
	nw_ws_request_t request;   /* +1 */
	nw_ws_response_t response; /* +1, written before the wait is completed; NULL: no */
	struct bri_layer_wait *wait;
};

struct bri_ws_opening {
	char *target, *host;
	char key[BRI_WS_KEY_SIZE];
	struct bri_ws_head head;
	struct dispatch_data_s *early; /* what came behind the request */
	struct ask *ask;
};

/* --- what is asked for --- */

/* RFC 3986 brackets for IPv6, without a zone, which means nothing to the other end */
static char *make_host(const char *host, unsigned port)
{
	char *text = malloc(HOST_MAX);
	int size = (int)bri_min_size(strcspn(host, "%"), BRI_URL_HOST_MAX);
	bool is_v6 = strchr(host, ':');

	if (!text)
		return NULL;
	if (port)
		snprintf(text, HOST_MAX, is_v6 ? "[%.*s]:%u" : "%.*s:%u", size, host, port);
	else
		snprintf(text, HOST_MAX, is_v6 ? "[%.*s]" : "%.*s", size, host);
	return text;
}

static bool is_default_port(nw_endpoint_t endpoint)
{
	const char *scheme = bri_endpoint_url_scheme(endpoint);
	unsigned port = nw_endpoint_get_port(endpoint);

	if (strcasecmp(scheme, "wss") == 0 || strcasecmp(scheme, "https") == 0)
		return port == 443;
	return port == 80;
}

int bri_ws_open_init(struct bri_ws_layer *ws, const struct bri_layer_env *env)
{
	struct bri_ws_opening *opening = calloc(1, sizeof(*opening));
	unsigned port;

	if (!opening)
		return -ENOMEM;
	ws->opening = opening;
	bri_ws_head_init(&opening->head);
	if (ws->is_server)
		return 0;
	opening->target = strdup(env->url ? bri_endpoint_url_path(env->endpoint) : "/");
	port = nw_endpoint_get_port(env->endpoint);
	if (env->url && is_default_port(env->endpoint))
		port = 0; /* 4.1: left out when it is the default */
	opening->host = ws->opts->host ? strdup(ws->opts->host) : make_host(env->host, port);
	return opening->target && opening->host ? 0 : -ENOMEM;
}

static void put_ask(struct ask *ask)
{
	if (!ask || atomic_fetch_sub_explicit(&ask->refs, 1, memory_order_acq_rel) > 1)
		return;
	bri_ws_options_put_call(ask->call);
	bri_object_release(ask->request);
	bri_object_release(ask->response);
	free(ask);
}

void bri_ws_open_fini(struct bri_ws_layer *ws)
{
	struct bri_ws_opening *opening = ws->opening;

	ws->opening = NULL;
	if (!opening)
		return;
	put_ask(opening->ask);
	bri_ws_head_fini(&opening->head);
	bri_object_release(opening->early);
	free(opening->target);
	free(opening->host);
	free(opening);
}

static int send_text(struct bri_ws_layer *ws, char *text, size_t size)
{
	int r = text ? bri_layer_down_bytes(&ws->base, text, size) : -ENOMEM;

	free(text);
	return r;
}

int bri_ws_open_start(struct bri_ws_layer *ws)
{
	struct bri_ws_opening *opening = ws->opening;
	struct bri_ws_request request = {
		.target = opening->target,
		.host = opening->host,
		.key = opening->key,
		.protocols = ws->opts->protocols.items,
		.n_protocols = ws->opts->protocols.n,
		.headers = ws->opts->headers.items,
		.n_headers = ws->opts->headers.n,
	};
	size_t size;
	char *text;
	int r = bri_ws_handshake_key(NULL, opening->key);

	if (r < 0)
		return r;
	text = bri_ws_handshake_encode_request(&request, &size);
	return send_text(ws, text, size);
}

/* --- the server's answer --- */

static int refuse(struct bri_ws_layer *ws, unsigned status, nw_ws_response_t response, int error)
{
	struct bri_ws_answer answer = { .status = status };
	size_t size;
	char *text;

	if (response) {
		answer.headers = response->headers.items;
		answer.n_headers = response->headers.n;
	}
	text = bri_ws_handshake_encode_answer(&answer, &size);
	if (!send_text(ws, text, size))
		bri_layer_down_end(&ws->base);
	ws->state = BRI_WS_CLOSED;
	return bri_layer_fail(&ws->base, BRI_RACE_POSIX, error);
}

/* The connection is open; its metadata tells of the response (retained). */
static void open_with(struct bri_ws_layer *ws, nw_ws_response_t response)
{
	struct bri_ws_metadata *md = (struct bri_ws_metadata *)ws->base.metadata;

	bri_object_set(&md->response, response);
	bri_ws_layer_open(ws);
}

static int accept_client(struct bri_ws_layer *ws, nw_ws_response_t response)
{
	struct bri_ws_answer answer = {
		.status = 101,
		.protocol = response->protocol,
		.headers = response->headers.items,
		.n_headers = response->headers.n,
	};
	char accept[BRI_WS_ACCEPT_SIZE];
	size_t size;
	char *text;
	int r = bri_ws_handshake_accept(ws->opening->key, accept);

	if (r < 0)
		return r;
	answer.accept = accept;
	text = bri_ws_handshake_encode_answer(&answer, &size);
	r = send_text(ws, text, size);
	if (!r)
		open_with(ws, response);
	return r;
}

/* Without a handler all are let in, and no subprotocol is chosen. */
static int accept_all(struct bri_ws_layer *ws)
{
	nw_ws_response_t response = bri_ws_objects_response(NULL, NULL);
	int r = response ? accept_client(ws, response) : -ENOMEM;

	bri_object_release(response);
	return r;
}

static void run_ask(void *context)
{
	struct ask *ask = context;
	struct bri_layer_wait *wait = ask->wait;
	nw_ws_response_t response;

	response = ((nw_ws_client_request_handler_f)ask->call->call.fn)(
		ask->call->call.context, ask->request);
	if (response && !bri_object_is(response, BRI_KIND_WS_RESPONSE)) {
		bri_error("websocket: the client request handler gave something else than a "
			  "response");
		bri_object_release(response);
		response = NULL;
	}
	ask->response = response;
	bri_layer_wait_complete(wait, 0);
	put_ask(ask);
}

static int resume(struct bri_layer *layer, intptr_t answer, uint64_t now_ns)
{
	struct bri_ws_layer *ws = bri_container_of(layer, struct bri_ws_layer, base);
	struct bri_ws_opening *opening = ws->opening;
	nw_ws_response_t response;
	struct dispatch_data_s *early;
	int r;

	(void)answer;
	if (ws->state != BRI_WS_ASKING)
		return 0;
	response = opening->ask->response;
	if (!response || response->status != nw_ws_response_status_accept)
		return refuse(ws, 400, response, ECONNABORTED);
	if (response->protocol && !bri_ws_list_has(&opening->ask->request->protocols,
					  response->protocol, strlen(response->protocol)))
		bri_error("websocket: the client did not offer subprotocol \"%.64s\", and will "
			  "end the connection",
			response->protocol);
	early = opening->early;
	opening->early = NULL;
	bri_object_retain(response); /* the question ends with the opening */
	r = accept_client(ws, response);
	bri_object_release(response);
	if (!r && early)
		return bri_ws_receive_data(ws, early, now_ns);
	bri_object_release(early);
	return r;
}

static int ask_application(struct bri_ws_layer *ws)
{
	struct ask *ask = calloc(1, sizeof(*ask));

	if (!ask)
		return -ENOMEM;
	atomic_init(&ask->refs, 1);
	ws->opening->ask = ask;
	ask->call = bri_ws_options_get_call(ws->opts->request_handler);
	ask->request = bri_ws_objects_request(&ws->opening->head);
	ask->wait = ask->request ? bri_layer_wait_new(&ws->base, resume) : NULL;
	if (!ask->wait)
		return -ENOMEM;
	atomic_fetch_add(&ask->refs, 1);
	ws->state = BRI_WS_ASKING;
	ws->deadline_ns = BRI_NEVER; /* the application may take its time */
	bri_async(ask->call->queue, ask, run_ask);
	return 0;
}

static int on_request(struct bri_ws_layer *ws, int r)
{
	const char *key;
	unsigned status;

	if (r == -EMSGSIZE)
		return refuse(ws, 431, NULL, EPROTO);
	if (r == -EPROTO)
		return refuse(ws, 400, NULL, EPROTO);
	if (r < 0)
		return r;
	status = bri_ws_handshake_check_request(&ws->opening->head, &key);
	if (status)
		return refuse(ws, status, NULL, EPROTO);
	memcpy(ws->opening->key, key, BRI_WS_KEY_SIZE);
	return ws->opts->request_handler ? ask_application(ws) : accept_all(ws);
}

/* --- the client --- */

static int on_answer(struct bri_ws_layer *ws, int r)
{
	struct bri_ws_opening *opening = ws->opening;
	nw_ws_response_t response;
	const char *protocol;

	if (!r)
		r = bri_ws_handshake_check_answer(&opening->head, opening->key,
			ws->opts->protocols.items, ws->opts->protocols.n, &protocol);
	if (r == -ECONNABORTED || r == -EPROTO || r == -EMSGSIZE)
		return bri_layer_refuse(&ws->base, BRI_RACE_POSIX, r == -EMSGSIZE ? EPROTO : -r);
	if (r < 0)
		return r;
	response = bri_ws_objects_response(protocol, &opening->head);
	if (!response)
		return -ENOMEM;
	open_with(ws, response);
	bri_object_release(response);
	return 0;
}

/* --- both --- */

static int keep_early(struct bri_ws_layer *ws, struct dispatch_data_s *data)
{
	struct bri_ws_opening *opening = ws->opening;
	struct dispatch_data_s *both;

	if (bri_data_size(opening->early) + bri_data_size(data) > BRI_WS_EARLY_MAX) {
		bri_object_release(data);
		return -EPROTO;
	}
	both = bri_data_concat(opening->early, data);
	bri_object_release(opening->early);
	bri_object_release(data);
	opening->early = both;
	return both ? 0 : -ENOMEM;
}

/* The head's bytes. ret_at: where what follows it begins. Returns as bri_ws_head_rx(). */
static int take_head(struct bri_ws_head *head, struct dispatch_data_s *data, size_t *ret_at)
{
	size_t at = 0, bytes, used;
	struct iovec iov;
	int r = BRI_WS_HEAD_MORE;

	while (r == BRI_WS_HEAD_MORE && bri_data_iov(data, at, &iov, 1, &bytes)) {
		r = bri_ws_head_rx(head, iov.iov_base, iov.iov_len, &used);
		at += used;
	}
	*ret_at = at;
	return r;
}

int bri_ws_open_rx(
	struct bri_ws_layer *ws, struct dispatch_data_s *data, struct dispatch_data_s **ret)
{
	struct dispatch_data_s *rest = NULL;
	size_t at, size = bri_data_size(data);
	int r;

	*ret = NULL;
	if (ws->state == BRI_WS_ASKING)
		return keep_early(ws, data);
	r = take_head(&ws->opening->head, data, &at);
	if (r == BRI_WS_HEAD_MORE) {
		bri_object_release(data);
		return 0;
	}
	r = ws->is_server ? on_request(ws, r) : on_answer(ws, r);
	if (!r && at < size) {
		rest = bri_data_subrange(data, at, size - at);
		r = rest ? 0 : -ENOMEM;
	}
	bri_object_release(data);
	if (!r && rest && ws->state == BRI_WS_ASKING)
		return keep_early(ws, rest);
	*ret = rest;
	return r;
}
