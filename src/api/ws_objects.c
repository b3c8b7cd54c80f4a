/* nw_ws_request and nw_ws_response. Know no connection. */
#include "api/ws_objects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "api/handler.h"
#include "base/log.h"

static void destroy_request(struct bri_object *obj)
{
	nw_ws_request_t request = (nw_ws_request_t)obj;

	bri_ws_list_fini(&request->protocols);
	bri_ws_list_fini(&request->headers);
	free(request);
}

static void destroy_response(struct bri_object *obj)
{
	nw_ws_response_t response = (nw_ws_response_t)obj;

	bri_ws_list_fini(&response->headers);
	free(response->protocol);
	free(response);
}

static const struct bri_class request_class = {
	.name = "nw_ws_request",
	.kind = BRI_KIND_WS_REQUEST,
	.destroy = destroy_request,
};

static const struct bri_class response_class = {
	.name = "nw_ws_response",
	.kind = BRI_KIND_WS_RESPONSE,
	.destroy = destroy_response,
};

/* --- from the wire --- */

static int add_headers(struct bri_ws_list *list, const struct bri_ws_head *head)
{
	int r = 0;

	for (size_t i = 0; !r && i < head->n; i++) {
		const char *name = bri_ws_head_name(head, i);

		if (!bri_ws_handshake_owns(name))
			r = bri_ws_list_add(list, name, strlen(name), bri_ws_head_value(head, i));
	}
	return r;
}

static int add_protocols(struct bri_ws_list *list, const struct bri_ws_head *head)
{
	const char *cursor, *word;
	size_t size;
	int r = 0;

	for (size_t i = 0; !r && i < head->n; i++) {
		if (strcasecmp(bri_ws_head_name(head, i), "Sec-WebSocket-Protocol") != 0)
			continue;
		cursor = bri_ws_head_value(head, i);
		while (!r && (word = bri_ws_head_next_word(&cursor, &size))) {
			/* what is not a token cannot be chosen either */
			if (bri_ws_head_is_token(word, size))
				r = bri_ws_list_add(list, word, size, NULL);
		}
	}
	return r;
}

nw_ws_request_t bri_ws_objects_request(const struct bri_ws_head *head)
{
	nw_ws_request_t request = bri_object_new(&request_class, sizeof(*request));

	if (!request)
		return NULL;
	if (!add_protocols(&request->protocols, head) && !add_headers(&request->headers, head))
		return request;
	bri_object_release(request);
	return NULL;
}

static nw_ws_response_t new_response(nw_ws_response_status_t status, const char *protocol)
{
	nw_ws_response_t response = bri_object_new(&response_class, sizeof(*response));

	if (!response)
		return NULL;
	response->status = status;
	response->protocol = protocol ? strdup(protocol) : NULL;
	if (!protocol || response->protocol)
		return response;
	bri_object_release(response);
	return NULL;
}

nw_ws_response_t bri_ws_objects_response(const char *protocol, const struct bri_ws_head *head)
{
	nw_ws_response_t response = new_response(nw_ws_response_status_accept, protocol);

	if (!response || !head || !add_headers(&response->headers, head))
		return response;
	bri_object_release(response);
	return NULL;
}

/* --- the application's --- */

static bool enumerate_headers(const struct bri_ws_list *list, void *context,
	nw_ws_additional_header_enumerator_f enumerator)
{
	/* the callee may add to the list */
	for (size_t i = 0; i < list->n; i++) {
		if (!enumerator(context, list->items[i].name, list->items[i].value))
			return false;
	}
	return true;
}

bool nw_ws_request_enumerate_subprotocols_f(
	nw_ws_request_t request, void *context, nw_ws_subprotocol_enumerator_f enumerator)
{
	if (!bri_object_check(request, BRI_KIND_WS_REQUEST, __func__) ||
		!bri_handler_is_given((bri_any_f)enumerator, __func__))
		return false;
	for (size_t i = 0; i < request->protocols.n; i++) {
		if (!enumerator(context, request->protocols.items[i].name))
			return false;
	}
	return true;
}

bool nw_ws_request_enumerate_additional_headers_f(
	nw_ws_request_t request, void *context, nw_ws_additional_header_enumerator_f enumerator)
{
	return bri_object_check(request, BRI_KIND_WS_REQUEST, __func__) &&
	       bri_handler_is_given((bri_any_f)enumerator, __func__) &&
	       enumerate_headers(&request->headers, context, enumerator);
}

nw_ws_response_t nw_ws_response_create(
	nw_ws_response_status_t status, const char *selected_subprotocol)
{
	if (status != nw_ws_response_status_accept && status != nw_ws_response_status_reject) {
		bri_error("%s: a response accepts or rejects", __func__);
		return NULL;
	}
	if (selected_subprotocol &&
		!bri_ws_head_is_token(selected_subprotocol, strlen(selected_subprotocol))) {
		bri_error("%s: a subprotocol is a token (RFC 9110)", __func__);
		return NULL;
	}
	return new_response(status, selected_subprotocol);
}

nw_ws_response_status_t nw_ws_response_get_status(nw_ws_response_t response)
{
	if (!response || !bri_object_check(response, BRI_KIND_WS_RESPONSE, __func__))
		return nw_ws_response_status_invalid;
	return response->status;
}

const char *nw_ws_response_get_selected_subprotocol(nw_ws_response_t response)
{
	if (!bri_object_check(response, BRI_KIND_WS_RESPONSE, __func__))
		return NULL;
	return response->protocol;
}

void nw_ws_response_add_additional_header(
	nw_ws_response_t response, const char *name, const char *value)
{
	if (!bri_object_check(response, BRI_KIND_WS_RESPONSE, __func__))
		return;
	if (!name || !value || !bri_ws_head_is_token(name, strlen(name)) ||
		!bri_ws_head_is_value(value, strlen(value)))
		bri_error("%s: not a header (RFC 9110)", __func__);
	else if (bri_ws_handshake_owns(name))
		bri_error("%s: \"%.64s\" is the handshake's own", __func__, name);
	else if (bri_ws_list_add(&response->headers, name, strlen(name), value))
		bri_error("%s: no memory", __func__);
}

bool nw_ws_response_enumerate_additional_headers_f(
	nw_ws_response_t response, void *context, nw_ws_additional_header_enumerator_f enumerator)
{
	return bri_object_check(response, BRI_KIND_WS_RESPONSE, __func__) &&
	       bri_handler_is_given((bri_any_f)enumerator, __func__) &&
	       enumerate_headers(&response->headers, context, enumerator);
}

/* --- block forms: called inside the call, so not copied --- */

BRI_EXPORT bool nw_ws_request_enumerate_subprotocols(
	nw_ws_request_t request, const void *enumerator)
{
	struct bri_callable call = bri_callable_borrow_block(enumerator);

	return nw_ws_request_enumerate_subprotocols_f(
		request, call.context, (nw_ws_subprotocol_enumerator_f)call.fn);
}

BRI_EXPORT bool nw_ws_request_enumerate_additional_headers(
	nw_ws_request_t request, const void *enumerator)
{
	struct bri_callable call = bri_callable_borrow_block(enumerator);

	return nw_ws_request_enumerate_additional_headers_f(
		request, call.context, (nw_ws_additional_header_enumerator_f)call.fn);
}

BRI_EXPORT bool nw_ws_response_enumerate_additional_headers(
	nw_ws_response_t response, const void *enumerator)
{
	struct bri_callable call = bri_callable_borrow_block(enumerator);

	return nw_ws_response_enumerate_additional_headers_f(
		response, call.context, (nw_ws_additional_header_enumerator_f)call.fn);
}
