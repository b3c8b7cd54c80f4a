/*
 * WebSocket with every allocation failing in turn: NULL or an error, no leak, no crash. What chains
 * and handlers are kept in is not among it: they abort.
 */
#include "ws_util.h"

#include <errno.h>
#include "base/log.h"
#include "malloc_util.h"

#define HEAD                                                                                       \
	"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"               \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"             \
	"Sec-WebSocket-Protocol: a, b\r\nX: y\r\n\r\n"

static nw_protocol_options_t sample;
static struct bri_ws_head head;

static void *make_options(void)
{
	return nw_ws_create_options(nw_ws_version_13);
}

static void *copy_options(void)
{
	return bri_protocol_options_copy(sample);
}

static void *make_metadata(void)
{
	return nw_ws_create_metadata(nw_ws_opcode_ping);
}

static void *make_response(void)
{
	return nw_ws_response_create(nw_ws_response_status_accept, "chat");
}

static void *make_request(void)
{
	return bri_ws_objects_request(&head);
}

static void *make_answer(void)
{
	return bri_ws_objects_response("a", &head);
}

static void *make_layer(void)
{
	nw_endpoint_t endpoint = nw_endpoint_create_host("::1", "80");
	struct bri_layer_env env = { .endpoint = endpoint, .host = "::1" };
	struct bri_layer *layer = endpoint ? bri_ws_layer_new(sample, &env) : NULL;

	nw_release(endpoint);
	if (!layer)
		return NULL;
	layer->cls->free(layer);
	return make_options(); /* something to release */
}

static void *read_head(void)
{
	struct bri_ws_head other;
	size_t used;
	int r;

	bri_ws_head_init(&other);
	r = bri_ws_head_rx(&other, HEAD, sizeof(HEAD) - 1, &used);
	bri_ws_head_fini(&other);
	assert_true(r == 0 || r == -ENOMEM);
	return r ? NULL : make_options();
}

static void *encode(void)
{
	struct bri_ws_answer answer = { .status = 400 };
	size_t size;
	char *text = bri_ws_handshake_encode_answer(&answer, &size);

	free(text);
	return text ? make_options() : NULL;
}

static void setters_lose_nothing(void)
{
	nw_protocol_options_t options = make_options();
	nw_ws_response_t response = make_response();

	for (int i = 1; i < 4; i++) {
		malloc_fail(i);
		nw_ws_options_add_subprotocol(options, "chat");
		malloc_fail(i);
		nw_ws_options_add_additional_header(options, "A", "b");
		malloc_fail(i);
		nw_ws_options_add_additional_header(options, "Host", "b");
		malloc_fail(i);
		nw_ws_response_add_additional_header(response, "A", "b");
	}
	malloc_failed();
	nw_release(options);
	nw_release(response);
}

/* The first allocation fails, then the second, ... until all succeeds. */
static void sweep(void *(*make)(void))
{
	void *made = NULL;

	for (int i = 1; !made; i++) {
		assert_true(i < 100);
		malloc_fail(i);
		made = make();
		assert_true(malloc_failed() || made);
	}
	nw_release(made);
}

static void every_allocation_may_fail(void **state)
{
	void *(*const makers[])(void) = { make_options, copy_options, make_metadata, make_response,
		make_request, make_answer, make_layer, read_head, encode };
	size_t used;

	(void)state;
	sample = make_options();
	nw_ws_options_add_subprotocol(sample, "chat");
	nw_ws_options_add_additional_header(sample, "A", "b");
	bri_ws_head_init(&head);
	assert_int_equal(bri_ws_head_rx(&head, HEAD, sizeof(HEAD) - 1, &used), 0);
	for (size_t i = 0; i < BRI_LEN(makers); i++)
		sweep(makers[i]);
	setters_lose_nothing();
	bri_ws_head_fini(&head);
	nw_release(sample);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_allocation_may_fail) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
