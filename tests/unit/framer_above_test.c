/*
 * What a framer puts above itself, on a bench: the handshake of a proxy, protocols that can be put
 * there and others, what is delivered before it is ready.
 */
#include "framer_util.h"

#include <errno.h>

/* --- a toy to be put above: says HI, waits for HI, then turns every byte's case --- */

struct toy {
	struct bri_layer base;
	nw_protocol_options_t opts; /* borrowed, as layer_new() says */
	size_t seen;
};

static int toys_alive;

static int toy_start(struct bri_layer *layer, uint64_t now_ns)
{
	(void)now_ns;
	return bri_layer_down_bytes(layer, "HI", 2);
}

static struct dispatch_data_s *turned(struct dispatch_data_s *data, size_t from)
{
	size_t size;
	const void *bytes;
	dispatch_data_t flat = dispatch_data_create_map(data, &bytes, &size);
	char text[256];

	for (size_t i = from; i < size; i++)
		text[i - from] = (char)(((const char *)bytes)[i] ^ 0x20);
	nw_release(flat);
	return size > from ? bri_data_new_copy(text, size - from) : NULL;
}

static int toy_rx(struct bri_layer *layer, struct bri_content *in, uint64_t now_ns)
{
	struct toy *toy = (struct toy *)layer;
	size_t size = bri_data_size(in->data), from = bri_min_size(2 - toy->seen, size);

	(void)now_ns;
	toy->seen += from;
	if (toy->seen == 2)
		bri_layer_ready(layer);
	if (size > from)
		bri_layer_up(layer, turned(in->data, from), NULL, false);
	if (in->end)
		bri_layer_up_end(layer);
	return 0;
}

static int toy_put(struct bri_layer *layer, struct bri_content *in, uint64_t now_ns)
{
	(void)now_ns;
	if (in->data)
		bri_layer_down(layer, turned(in->data, 0));
	if (in->end)
		bri_layer_down_end(layer);
	return 0;
}

static void toy_free(struct bri_layer *layer)
{
	struct toy *toy = (struct toy *)layer;

	/* they are still there, whatever was freed before */
	assert_string_equal(toy->opts->definition->identifier, "toy");
	toys_alive--;
	free(toy);
}

static const struct bri_layer_class toy_class = {
	.name = "toy", .start = toy_start, .rx = toy_rx, .put = toy_put, .free = toy_free
};

static struct bri_layer *toy_new(nw_protocol_options_t opts, const struct bri_layer_env *env)
{
	struct toy *toy = calloc(1, sizeof(*toy));

	assert_string_equal(env->host, "127.0.0.1");
	assert_null(env->url);
	assert_non_null(env->queue);
	assert_int_equal(nw_endpoint_get_port(env->endpoint), 4242);
	toy->base.cls = &toy_class;
	toy->opts = opts;
	toys_alive++;
	return &toy->base;
}

static struct bri_layer *toy_refuses(nw_protocol_options_t opts, const struct bri_layer_env *env)
{
	(void)opts;
	(void)env;
	return NULL;
}

static struct nw_protocol_definition toy_protocol = {
	.base = BRI_PROTOCOL_STATIC,
	.identifier = "toy",
	.levels = BRI_PROTOCOL_APPLICATION,
	.options_size = sizeof(struct nw_protocol_options),
	.layer_new = toy_new,
};
static struct nw_protocol_definition refusing_protocol = {
	.base = BRI_PROTOCOL_STATIC,
	.identifier = "refusing",
	.levels = BRI_PROTOCOL_APPLICATION,
	.options_size = sizeof(struct nw_protocol_options),
	.layer_new = toy_refuses,
};

/* --- a proxy's handshake --- */

static size_t on_ok(void *context, uint8_t *bytes, size_t size, bool complete)
{
	struct frames *f = context;

	(void)complete;
	f->left = size >= 3;
	if (f->left && memcmp(bytes, "OK\n", 3) != 0)
		nw_framer_mark_failed_with_error(f->framer, ECONNREFUSED);
	return f->left ? 3 : 0;
}

static size_t tunnel_input(void *context, nw_framer_t framer)
{
	struct frames *f = context;
	nw_protocol_options_t toy = bri_protocol_options_new(&toy_protocol);

	if (nw_framer_parse_input_f(framer, 3, 3, NULL, f, on_ok) && f->left) {
		if (!nw_framer_prepend_application_protocol(framer, toy))
			note_to(f, "no");
		nw_framer_pass_through_input(framer);
		nw_framer_pass_through_output(framer);
		nw_framer_mark_ready(framer);
		nw_framer_mark_ready(framer);
		log_lines = 0;
		note_to(f, "late=%d", nw_framer_prepend_application_protocol(framer, toy));
	}
	nw_release(toy); /* the framer has a copy */
	return 3;
}

static void tunnel_start(struct frames *f, nw_framer_t framer)
{
	nw_framer_set_input_handler_f(framer, f, tunnel_input, NULL);
	nw_framer_write_output(framer, (const uint8_t *)"CONNECT\n", 8);
}

static void a_protocol_is_put_above_before_ready(void **state)
{
	const char *peer = "OK\nHIabc";

	(void)state;
	for (size_t chunk = 1; chunk <= 8; chunk++) {
		struct framer_bench fb = {
			.f = { .on_start = tunnel_start,
				.result = nw_framer_start_result_will_mark_ready }
		};

		framer_bench_init(&fb, false);
		assert_down(&fb.b, "CONNECT\n");
		assert_false(fb.b.chain->top->ready);
		for (size_t at = 0; at < 8; at += chunk)
			bench_rx(&fb.b, peer + at, bri_min_size(chunk, 8 - at));
		assert_down(&fb.b, "HI");
		for (char *at = fb.b.up.bytes, *to = at;; at++) {
			if (*at != ' ')
				*to++ = *at;
			if (!*at)
				break;
		}
		assert_string_equal(fb.b.up.bytes, "ABC");
		assert_ptr_equal(fb.b.chain->top->cls, &toy_class);
		bench_put_text(&fb.b, "hello");
		assert_down(&fb.b, "HELLO");
		bench_rx_end(&fb.b);
		framer_bench_fini(&fb);
		assert_int_equal(toys_alive, 0);
		assert_notes(&fb.f, "start late=0 cleanup destroy");
	}
	log_lines = 0;
}

static void a_handshake_fails(void **state)
{
	struct framer_bench fb = { .f = { .on_start = tunnel_start,
					   .result = nw_framer_start_result_will_mark_ready } };

	(void)state;
	framer_bench_init(&fb, false);
	bench_rx_text(&fb.b, "NO\n");
	assert_int_equal(bench_error(&fb.b), ECONNREFUSED);
	framer_bench_fini(&fb);
	assert_int_equal(toys_alive, 0);
	log_lines = 0;
}

static void prepend_start(struct frames *f, nw_framer_t framer)
{
	nw_protocol_options_t toy = bri_protocol_options_new(&toy_protocol);
	nw_protocol_options_t refusing = bri_protocol_options_new(&refusing_protocol);
	nw_protocol_options_t tcp = nw_tcp_create_options();
	int n = 0;

	assert_false(nw_framer_prepend_application_protocol(framer, NULL));
	assert_logged("prepend");
	assert_false(nw_framer_prepend_application_protocol(framer, tcp));
	assert_logged("not an application protocol");
	assert_false(nw_framer_prepend_application_protocol(framer, refusing));
	assert_logged("cannot be made");
	while (nw_framer_prepend_application_protocol(framer, toy))
		n++;
	assert_int_equal(n, BRI_PROTOCOL_STACK_MAX);
	assert_logged("too many");
	nw_release(toy);
	nw_release(refusing);
	nw_release(tcp);
	(void)f;
}

static void not_everything_can_be_put_above(void **state)
{
	struct framer_bench fb = { .f = { .on_start = prepend_start } };

	(void)state;
	framer_bench_init(&fb, false);
	framer_bench_fini(&fb);
	assert_int_equal(toys_alive, 0);
	assert_quiet();
}

/* A framer that is not ready gives nothing up yet, but keeps it. */
static void early_start(struct frames *f, nw_framer_t framer)
{
	(void)f;
	nw_framer_deliver_input(framer, (const uint8_t *)"early", 5, NULL, true);
}

static void what_is_delivered_early_is_given_later(void **state)
{
	struct framer_bench fb = { .f = { .on_start = early_start,
					   .result = nw_framer_start_result_will_mark_ready } };

	(void)state;
	framer_bench_init(&fb, false);
	bench_rx(&fb.b, "A\0\2hi", 5);
	assert_up(&fb.b, "");
	nw_framer_async_f(fb.f.framer, fb.f.framer, mark_ready);
	bench_settle(&fb.b);
	assert_up(&fb.b, "D:early* A:hi*");
	framer_bench_fini(&fb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_protocol_is_put_above_before_ready),
		cmocka_unit_test(a_handshake_fails),
		cmocka_unit_test(not_everything_can_be_put_above),
		cmocka_unit_test(what_is_delivered_early_is_given_later),
	};

	return cmocka_run_group_tests(tests, log_setup, NULL);
}
