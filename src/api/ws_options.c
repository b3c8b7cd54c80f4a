/* nw_ws_*: options and metadata of WebSocket. Know no connection. */
#include "api/ws_options.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "api/ws_layer.h"
#include "base/log.h"

/* Over the handlers' slots: a handler may be set while an earlier message is being sent. */
static pthread_mutex_t calls_lock = PTHREAD_MUTEX_INITIALIZER;

/* --- handlers --- */

struct bri_ws_call *bri_ws_options_get_call(struct bri_ws_call *call)
{
	if (call)
		atomic_fetch_add_explicit(&call->refs, 1, memory_order_relaxed);
	return call;
}

void bri_ws_options_put_call(struct bri_ws_call *call)
{
	if (!call || atomic_fetch_sub_explicit(&call->refs, 1, memory_order_acq_rel) > 1)
		return;
	bri_callable_clear(&call->call);
	bri_object_put(call->queue);
	free(call);
}

static struct bri_ws_call *copy_call(struct bri_ws_call **slot)
{
	struct bri_ws_call *call;

	pthread_mutex_lock(&calls_lock);
	call = bri_ws_options_get_call(*slot);
	pthread_mutex_unlock(&calls_lock);
	return call;
}

/* call: consumed; without a function: none. */
static void set_call(struct bri_ws_call **slot, dispatch_queue_t queue, struct bri_callable call,
	const char *function)
{
	struct bri_ws_call *made = NULL, *old;

	if (call.fn && !bri_object_check(queue, BRI_KIND_DISPATCH_QUEUE, function)) {
		bri_callable_clear(&call);
		return;
	}
	if (call.fn) {
		made = malloc(sizeof(*made));
		if (!made)
			bri_abort("no memory for a handler");
		atomic_init(&made->refs, 1);
		made->queue = bri_object_get(queue);
		made->call = call;
	} else {
		bri_callable_clear(&call);
	}
	pthread_mutex_lock(&calls_lock);
	old = *slot;
	*slot = made;
	pthread_mutex_unlock(&calls_lock);
	bri_ws_options_put_call(old); /* outside the lock: destroying may call the application */
}

/* --- the definition --- */

static int copy_options(nw_protocol_options_t to, nw_protocol_options_t from)
{
	struct bri_ws_options *dst = (struct bri_ws_options *)to;
	struct bri_ws_options *src = (struct bri_ws_options *)from;

	dst->auto_reply_ping = src->auto_reply_ping;
	dst->skip_handshake = src->skip_handshake;
	dst->maximum_message_size = src->maximum_message_size;
	dst->host = src->host ? strdup(src->host) : NULL;
	if ((!src->host || dst->host) && !bri_ws_list_copy(&src->protocols, &dst->protocols) &&
		!bri_ws_list_copy(&src->headers, &dst->headers)) {
		dst->request_handler = copy_call(&src->request_handler);
		return 0;
	}
	bri_ws_list_fini(&dst->protocols);
	bri_ws_list_fini(&dst->headers);
	free(dst->host);
	return -ENOMEM;
}

static void fini_options(nw_protocol_options_t opts)
{
	struct bri_ws_options *ws = (struct bri_ws_options *)opts;

	bri_ws_options_put_call(ws->request_handler);
	bri_ws_list_fini(&ws->protocols);
	bri_ws_list_fini(&ws->headers);
	free(ws->host);
}

static int init_metadata(nw_protocol_metadata_t md)
{
	struct bri_ws_metadata *ws = (struct bri_ws_metadata *)md;

	ws->opcode = nw_ws_opcode_invalid;
	ws->close_code = nw_ws_close_code_no_status_received;
	return 0;
}

static void fini_metadata(nw_protocol_metadata_t md)
{
	struct bri_ws_metadata *ws = (struct bri_ws_metadata *)md;

	bri_object_put(ws->response);
	bri_ws_options_put_call(ws->pong);
}

struct nw_protocol_definition bri_protocol_ws = {
	.base = BRI_PROTOCOL_STATIC,
	.identifier = "websocket",
	.levels = BRI_PROTOCOL_APPLICATION,
	.options_size = sizeof(struct bri_ws_options),
	.options_copy = copy_options,
	.options_fini = fini_options,
	.metadata_size = sizeof(struct bri_ws_metadata),
	.metadata_init = init_metadata,
	.metadata_fini = fini_metadata,
	.layer_new = bri_ws_layer_new,
};

nw_protocol_definition_t nw_protocol_copy_ws_definition(void)
{
	return bri_object_retain(&bri_protocol_ws);
}

/* --- options --- */

nw_protocol_options_t nw_ws_create_options(nw_ws_version_t version)
{
	if (version == nw_ws_version_13)
		return bri_protocol_options_new(&bri_protocol_ws);
	bri_error("%s: the version of RFC 6455 is nw_ws_version_13", __func__);
	return NULL;
}

static struct bri_ws_options *check_options(nw_protocol_options_t options, const char *function)
{
	return bri_protocol_options_check(options, &bri_protocol_ws, function);
}

static void add_protocol(
	struct bri_ws_options *ws, const char *name, size_t size, const char *function)
{
	if (!bri_ws_head_is_token(name, size))
		bri_error("%s: a subprotocol is a token (RFC 9110)", function);
	else if (!bri_ws_list_has(&ws->protocols, name, size) && /* 4.1: each one once */
		 bri_ws_list_add(&ws->protocols, name, size, NULL))
		bri_error("%s: no memory", function);
}

static void set_host(struct bri_ws_options *ws, const char *value, const char *function)
{
	char *host = strdup(value);

	if (!host) {
		bri_error("%s: no memory", function);
		return;
	}
	free(ws->host);
	ws->host = host;
}

void nw_ws_options_add_additional_header(
	nw_protocol_options_t options, const char *name, const char *value)
{
	struct bri_ws_options *ws = check_options(options, __func__);
	const char *word;
	size_t size;

	if (!ws)
		return;
	if (!name || !value || !bri_ws_head_is_token(name, strlen(name)) ||
		!bri_ws_head_is_value(value, strlen(value)))
		bri_error("%s: not a header (RFC 9110)", __func__);
	else if (strcasecmp(name, "Host") == 0)
		set_host(ws, value, __func__);
	else if (strcasecmp(name, "Sec-WebSocket-Protocol") == 0)
		while ((word = bri_ws_head_next_word(&value, &size)))
			add_protocol(ws, word, size, __func__);
	else if (bri_ws_handshake_owns(name))
		bri_error("%s: \"%.64s\" is the handshake's own", __func__, name);
	else if (bri_ws_list_add(&ws->headers, name, strlen(name), value))
		bri_error("%s: no memory", __func__);
}

void nw_ws_options_add_subprotocol(nw_protocol_options_t options, const char *subprotocol)
{
	struct bri_ws_options *ws = check_options(options, __func__);

	if (ws)
		add_protocol(ws, subprotocol ? subprotocol : "",
			subprotocol ? strlen(subprotocol) : 0, __func__);
}

void nw_ws_options_set_auto_reply_ping(nw_protocol_options_t options, bool auto_reply_ping)
{
	struct bri_ws_options *ws = check_options(options, __func__);

	if (ws)
		ws->auto_reply_ping = auto_reply_ping;
}

void nw_ws_options_set_skip_handshake(nw_protocol_options_t options, bool skip_handshake)
{
	struct bri_ws_options *ws = check_options(options, __func__);

	if (ws)
		ws->skip_handshake = skip_handshake;
}

void nw_ws_options_set_maximum_message_size(
	nw_protocol_options_t options, size_t maximum_message_size)
{
	struct bri_ws_options *ws = check_options(options, __func__);

	if (ws)
		ws->maximum_message_size = maximum_message_size;
}

static void set_request_handler(nw_protocol_options_t options, dispatch_queue_t queue,
	struct bri_callable call, const char *function)
{
	struct bri_ws_options *ws = check_options(options, function);

	if (ws)
		set_call(&ws->request_handler, queue, call, function);
	else
		bri_callable_clear(&call);
}

void nw_ws_options_set_client_request_handler_f(nw_protocol_options_t options,
	dispatch_queue_t client_queue, void *context, nw_ws_client_request_handler_f handler,
	nw_context_destroy_f destroy)
{
	set_request_handler(
		options, client_queue, BRI_CALLABLE(handler, context, destroy), __func__);
}

BRI_EXPORT void nw_ws_options_set_client_request_handler(
	nw_protocol_options_t options, dispatch_queue_t client_queue, const void *handler)
{
	set_request_handler(options, client_queue, bri_callable_from_block(handler), __func__);
}

/* --- metadata --- */

nw_protocol_metadata_t bri_ws_options_metadata(nw_ws_opcode_t opcode, nw_ws_close_code_t close_code)
{
	nw_protocol_metadata_t md = bri_protocol_metadata_new(&bri_protocol_ws);
	struct bri_ws_metadata *ws = (struct bri_ws_metadata *)md;

	if (md) {
		ws->opcode = opcode;
		ws->close_code = close_code;
	}
	return md;
}

struct bri_ws_call *bri_ws_options_copy_pong(struct bri_ws_metadata *md)
{
	return copy_call(&md->pong);
}

nw_protocol_metadata_t nw_ws_create_metadata(nw_ws_opcode_t opcode)
{
	switch (opcode) {
	case nw_ws_opcode_close:
		return bri_ws_options_metadata(opcode, nw_ws_close_code_normal_closure);
	case nw_ws_opcode_cont:
	case nw_ws_opcode_text:
	case nw_ws_opcode_binary:
	case nw_ws_opcode_ping:
	case nw_ws_opcode_pong:
		return bri_ws_options_metadata(opcode, nw_ws_close_code_no_status_received);
	case nw_ws_opcode_invalid: break;
	}
	bri_error("%s: there is no opcode %d", __func__, (int)opcode);
	return NULL;
}

bool nw_protocol_metadata_is_ws(nw_protocol_metadata_t metadata)
{
	return bri_protocol_metadata_is(metadata, &bri_protocol_ws);
}

static struct bri_ws_metadata *check_metadata(nw_protocol_metadata_t metadata, const char *function)
{
	return bri_protocol_metadata_check(metadata, &bri_protocol_ws, function);
}

nw_ws_opcode_t nw_ws_metadata_get_opcode(nw_protocol_metadata_t metadata)
{
	const struct bri_ws_metadata *ws = check_metadata(metadata, __func__);

	return ws ? ws->opcode : nw_ws_opcode_invalid;
}

void nw_ws_metadata_set_close_code(nw_protocol_metadata_t metadata, nw_ws_close_code_t close_code)
{
	struct bri_ws_metadata *ws = check_metadata(metadata, __func__);
	unsigned code = close_code;

	if (!ws)
		return;
	if (bri_ws_engine_is_code(code) || code == nw_ws_close_code_no_status_received ||
		code == nw_ws_close_code_abnormal_closure || code == nw_ws_close_code_tls_handshake)
		ws->close_code = close_code;
	else
		bri_error("%s: there is no close code %u", __func__, code);
}

nw_ws_close_code_t nw_ws_metadata_get_close_code(nw_protocol_metadata_t metadata)
{
	const struct bri_ws_metadata *ws = check_metadata(metadata, __func__);

	return ws ? ws->close_code : nw_ws_close_code_no_status_received;
}

static void set_pong_handler(nw_protocol_metadata_t metadata, dispatch_queue_t queue,
	struct bri_callable call, const char *function)
{
	struct bri_ws_metadata *ws = check_metadata(metadata, function);

	if (ws && ws->opcode == nw_ws_opcode_ping) {
		set_call(&ws->pong, queue, call, function);
		return;
	}
	if (ws)
		bri_error("%s: this is not the metadata of a ping", function);
	bri_callable_clear(&call);
}

void nw_ws_metadata_set_pong_handler_f(nw_protocol_metadata_t metadata,
	dispatch_queue_t client_queue, void *context, nw_ws_pong_handler_f pong_handler,
	nw_context_destroy_f destroy)
{
	set_pong_handler(
		metadata, client_queue, BRI_CALLABLE(pong_handler, context, destroy), __func__);
}

BRI_EXPORT void nw_ws_metadata_set_pong_handler(
	nw_protocol_metadata_t metadata, dispatch_queue_t client_queue, const void *pong_handler)
{
	set_pong_handler(metadata, client_queue, bri_callable_from_block(pong_handler), __func__);
}

nw_ws_response_t nw_ws_metadata_copy_server_response(nw_protocol_metadata_t metadata)
{
	const struct bri_ws_metadata *ws = check_metadata(metadata, __func__);

	return ws ? bri_object_retain(ws->response) : NULL;
}
