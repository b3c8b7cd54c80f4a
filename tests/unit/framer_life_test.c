/* The life of a framer, on a bench: handshakes, what is put above it, wakeups, calls from
 * elsewhere, the end; and what its functions say to arguments that are none. */
#include "framer_util.h"

#include <errno.h>
#include <pthread.h>

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

static void mark_ready(void *framer)
{
	nw_framer_mark_ready(framer);
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

/* --- passing through --- */

static size_t on_line(void *context, uint8_t *bytes, size_t size, bool complete)
{
	(void)context;
	(void)complete;
	return size && bytes[0] == '\n' ? 1 : 0;
}

static size_t pass_input(void *context, nw_framer_t framer)
{
	struct frames *f = context;

	f->inputs++;
	nw_framer_parse_input_f(framer, 1, 1, NULL, f, on_line);
	nw_framer_pass_through_input(framer);
	note_to(f, "%d", nw_framer_parse_input_f(framer, 1, 1, NULL, f, on_line));
	note_to(f, "%d", nw_framer_deliver_input_no_copy(framer, 1, NULL, true));
	log_lines = 0;
	return 0;
}

static void pass_start(struct frames *f, nw_framer_t framer)
{
	nw_framer_set_input_handler_f(framer, f, pass_input, NULL);
	nw_framer_pass_through_output(framer);
}

static void what_passes_through_is_not_touched(void **state)
{
	struct framer_bench fb = { .f = { .on_start = pass_start } };

	(void)state;
	framer_bench_init(&fb, false);
	fb.b.describe = NULL;
	/* a stream is no message because it passes a framer */
	bench_rx_text(&fb.b, "\nrest");
	assert_up(&fb.b, "rest");
	bench_rx_text(&fb.b, "more");
	assert_up(&fb.b, "more");
	bench_put_text(&fb.b, "out");
	assert_down(&fb.b, "out");
	bench_put(&fb.b, NULL, 0, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true);
	assert_down(&fb.b, "$");
	bench_rx_end(&fb.b);
	assert_up(&fb.b, "$");
	assert_int_equal(fb.f.inputs, 1);
	framer_bench_fini(&fb);
	assert_notes(&fb.f, "start 0 0 cleanup destroy");

	fb = (struct framer_bench) { .f = { .on_start = pass_start } };
	framer_bench_init(&fb, true);
	fb.b.describe = NULL;
	bench_rx_text(&fb.b, "one");
	bench_rx(&fb.b, NULL, 0);
	assert_up(&fb.b, "one* -*");
	framer_bench_fini(&fb);
}

/* --- time --- */

static uint64_t wakeup_ms;

static void schedule(void *framer)
{
	nw_framer_schedule_wakeup(framer, wakeup_ms);
}

static void wake_start(struct frames *f, nw_framer_t framer)
{
	(void)f;
	nw_framer_schedule_wakeup(framer, wakeup_ms);
}

static void wakeups_come_once_and_on_time(void **state)
{
	struct framer_bench fb = { .f = { .on_start = wake_start } };
	uint64_t at_ns;

	(void)state;
	wakeup_ms = 5;
	framer_bench_init(&fb, false);
	at_ns = 1000 + 5 * BRI_NS_PER_MS;
	assert_int_equal(bench_deadline(&fb.b), at_ns);
	bench_until(&fb.b, at_ns - 1);
	assert_notes(&fb.f, "start");
	bench_until(&fb.b, at_ns);
	assert_notes(&fb.f, "wake");
	assert_int_equal(bench_deadline(&fb.b), BRI_NEVER);
	bench_until(&fb.b, at_ns + BRI_NS_PER_S);
	assert_notes(&fb.f, "");
	framer_bench_fini(&fb);
}

static size_t reschedule_input(void *context, nw_framer_t framer)
{
	(void)context;
	schedule(framer);
	nw_framer_pass_through_output(framer);
	return 0;
}

static void reschedule_start(struct frames *f, nw_framer_t framer)
{
	nw_framer_set_input_handler_f(framer, f, reschedule_input, NULL);
	wake_start(f, framer);
}

static void a_later_wakeup_replaces_the_earlier(void **state)
{
	struct framer_bench fb = { .f = { .on_start = reschedule_start } };

	(void)state;
	wakeup_ms = 5;
	framer_bench_init(&fb, false);
	fb.b.now_ns = 2000;
	wakeup_ms = 7;
	bench_rx_text(&fb.b, "x");
	assert_int_equal(bench_deadline(&fb.b), 2000 + 7 * BRI_NS_PER_MS);
	wakeup_ms = NW_FRAMER_WAKEUP_TIME_FOREVER;
	bench_rx_text(&fb.b, "x");
	assert_int_equal(bench_deadline(&fb.b), BRI_NEVER);
	wakeup_ms = 0;
	bench_rx_text(&fb.b, "x");
	assert_int_equal(bench_deadline(&fb.b), 2000);
	/* beyond the end of the clock is never */
	wakeup_ms = (BRI_NEVER - 2000) / BRI_NS_PER_MS;
	bench_rx_text(&fb.b, "x");
	assert_int_equal(bench_deadline(&fb.b), BRI_NEVER);
	wakeup_ms--;
	bench_rx_text(&fb.b, "x");
	assert_true(bench_deadline(&fb.b) < BRI_NEVER);
	wakeup_ms = UINT64_MAX - 1;
	bench_rx_text(&fb.b, "x");
	assert_int_equal(bench_deadline(&fb.b), BRI_NEVER);
	framer_bench_fini(&fb);
}

/* --- from elsewhere --- */

static void say_ping(void *framer)
{
	nw_framer_message_t message = nw_framer_message_create(framer);

	nw_framer_write_output(framer, (const uint8_t *)"ping", 4);
	set_type(message, 'P');
	nw_framer_deliver_input(framer, (const uint8_t *)"pong", 4, message, true);
	nw_release(message);
}

static void async_leads_to_the_framer(void **state)
{
	struct framer_bench fb = { 0 };
	nw_framer_t framer;

	(void)state;
	framer_bench_init(&fb, false);
	framer = nw_retain(fb.f.framer);
	nw_framer_async_f(framer, framer, say_ping);
	bench_settle(&fb.b);
	assert_down(&fb.b, "ping");
	assert_up(&fb.b, "P:pong*");
	/* from here nothing is touched */
	say_ping(framer);
	assert_int_equal(log_lines, 2);
	assert_non_null(strstr(log_last, "nw_framer_async"));
	log_lines = 0;
	bench_settle(&fb.b);
	assert_down(&fb.b, "");
	/* and when the framer has ended, nothing happens */
	bench_tear_down(&fb.b);
	nw_framer_async_f(framer, framer, say_ping);
	nw_framer_async_f(framer, framer, mark_ready);
	nw_framer_async_f(framer, framer, schedule);
	bench_settle(&fb.b);
	framer_bench_fini(&fb);
	nw_release(framer);
	assert_quiet();
}

struct caller {
	nw_framer_t framer;
	_Atomic int ran;
};

static void count_run(void *context)
{
	struct caller *caller = context;

	nw_framer_write_output(caller->framer, (const uint8_t *)".", 1);
	caller->ran++;
}

static void *call_often(void *context)
{
	struct caller *caller = context;

	for (int i = 0; i < 1000; i++)
		nw_framer_async_f(caller->framer, caller, count_run);
	return NULL;
}

static void async_is_for_any_thread_at_any_time(void **state)
{
	struct framer_bench fb = { 0 };
	struct caller caller = { 0 };
	pthread_t threads[3];

	(void)state;
	framer_bench_init(&fb, false);
	caller.framer = nw_retain(fb.f.framer);
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, call_often, &caller);
	bench_tear_down(&fb.b); /* in the middle of it */
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	bench_settle(&fb.b);
	assert_int_equal(caller.ran, 3000);
	nw_release(caller.framer);
	framer_bench_fini(&fb);
}

/* --- the end --- */

static void stop_comes_before_cleanup(void **state)
{
	struct framer_bench fb = { 0 };

	(void)state;
	framer_bench_init(&fb, false);
	bench_close(&fb.b);
	assert_down(&fb.b, "BYE");
	assert_false(bri_framer_layer_is_stopping(fb.b.chain->bottom));
	bench_close(&fb.b);
	bench_lost(&fb.b, ECONNRESET);
	framer_bench_fini(&fb);
	assert_notes(&fb.f, "start stop cleanup destroy");

	/* a cancel that tells of the loss first is still an orderly end */
	fb = (struct framer_bench) { 0 };
	framer_bench_init(&fb, false);
	bench_lost(&fb.b, ECANCELED);
	bench_close(&fb.b);
	assert_down(&fb.b, "BYE");
	framer_bench_fini(&fb);
	assert_notes(&fb.f, "start stop cleanup destroy");
	/* one that is forced is none */
	fb = (struct framer_bench) { 0 };
	framer_bench_init(&fb, false);
	bench_lost(&fb.b, ECANCELED);
	bench_start(&fb.b);
	assert_notes(&fb.f, "start");
	assert_down(&fb.b, "");
	framer_bench_fini(&fb);
	assert_notes(&fb.f, "stop cleanup destroy");

	/* without a word to the peer, when the connection is lost */
	fb = (struct framer_bench) { 0 };
	framer_bench_init(&fb, false);
	bench_lost(&fb.b, ECONNRESET);
	bench_start(&fb.b);
	assert_down(&fb.b, "");
	framer_bench_fini(&fb);
	assert_notes(&fb.f, "start stop cleanup destroy");
	assert_quiet();
}

static bool stop_later(void *context, nw_framer_t framer)
{
	note_to(context, "stop");
	nw_framer_schedule_wakeup(framer, 3);
	return false;
}

static void stopped_now(void *context, nw_framer_t framer)
{
	note_to(context, "wake");
	nw_framer_write_output(framer, (const uint8_t *)"bye", 3);
	nw_framer_mark_failed_with_error(framer, 0);
}

static void stop_later_start(struct frames *f, nw_framer_t framer)
{
	nw_framer_set_stop_handler_f(framer, f, stop_later, NULL);
	nw_framer_set_wakeup_handler_f(framer, f, stopped_now, NULL);
}

static void a_stop_may_take_longer(void **state)
{
	struct framer_bench fb = { .f = { .on_start = stop_later_start } };

	(void)state;
	framer_bench_init(&fb, false);
	bench_close(&fb.b);
	assert_true(bri_framer_layer_is_stopping(fb.b.chain->bottom));
	bench_until(&fb.b, 1000 + 3 * BRI_NS_PER_MS);
	assert_down(&fb.b, "bye");
	assert_false(bri_framer_layer_is_stopping(fb.b.chain->bottom));
	assert_int_equal(bench_error(&fb.b), 0);
	framer_bench_fini(&fb);
	assert_notes(&fb.f, "start stop wake cleanup destroy");
	/* who is lost meanwhile is not waited for */
	fb = (struct framer_bench) { .f = { .on_start = stop_later_start } };
	framer_bench_init(&fb, false);
	bench_close(&fb.b);
	bench_lost(&fb.b, ECONNRESET);
	assert_false(bri_framer_layer_is_stopping(fb.b.chain->bottom));
	framer_bench_fini(&fb);
}

static void fail_with_7(void *framer)
{
	nw_framer_mark_failed_with_error(framer, 7);
	nw_framer_mark_failed_with_error(framer, 8);
	/* what is said after it is said to nobody */
	nw_framer_write_output(framer, (const uint8_t *)"x", 1);
	nw_framer_deliver_input(framer, (const uint8_t *)"x", 1, NULL, true);
	nw_framer_mark_ready(framer);
}

static void end_without_error(void *framer)
{
	nw_framer_mark_failed_with_error(framer, 0);
	nw_framer_write_output(framer, (const uint8_t *)"x", 1);
}

static void a_framer_fails_or_ends(void **state)
{
	struct framer_bench fb = { 0 };

	(void)state;
	framer_bench_init(&fb, false);
	nw_framer_async_f(fb.f.framer, fb.f.framer, fail_with_7);
	bench_settle(&fb.b);
	assert_int_equal(bench_error(&fb.b), 7);
	assert_down(&fb.b, "");
	framer_bench_fini(&fb);

	fb = (struct framer_bench) { 0 };
	framer_bench_init(&fb, false);
	nw_framer_async_f(fb.f.framer, fb.f.framer, end_without_error);
	bench_settle(&fb.b);
	assert_int_equal(bench_error(&fb.b), 0);
	assert_up(&fb.b, "$");
	assert_down(&fb.b, "$");
	bench_rx_text(&fb.b, "more");
	bench_rx_end(&fb.b);
	assert_up(&fb.b, "");
	framer_bench_fini(&fb);

	/* not ready yet, no error: nobody would learn of an end */
	fb = (struct framer_bench) { .f = { .result = nw_framer_start_result_will_mark_ready } };
	framer_bench_init(&fb, false);
	nw_framer_async_f(fb.f.framer, fb.f.framer, end_without_error);
	bench_settle(&fb.b);
	assert_int_equal(bench_error(&fb.b), ECONNABORTED);
	framer_bench_fini(&fb);
	assert_quiet();
}

static void a_layer_that_never_started_ends_quietly(void **state)
{
	struct frames f = { 0 };
	nw_protocol_options_t options = frames_options(&f);
	struct bench b;

	(void)state;
	bench_init(&b);
	bench_build(&b, &options, 1, false);
	bench_fini(&b);
	nw_release(options);
	assert_notes(&f, "");
}

/* --- arguments --- */

static void set_late(void *context)
{
	struct frames *f = context;

	log_lines = 0;
	nw_framer_set_wakeup_handler_f(f->framer, f, frames_wake, frames_destroy);
	assert_logged("not in the start handler");
	nw_framer_set_stop_handler_f(f->framer, f, frames_stop, frames_destroy);
	assert_logged("not in the start handler");
	nw_framer_set_cleanup_handler_f(f->framer, f, frames_cleanup, frames_destroy);
	assert_logged("not in the start handler");
	nw_framer_set_input_handler_f(f->framer, f, frames_input, frames_destroy);
	nw_framer_set_output_handler_f(f->framer, f, frames_output, frames_destroy);
	assert_quiet();
}

static void handlers_are_set_in_the_start_handler(void **state)
{
	struct framer_bench fb = { 0 };

	(void)state;
	framer_bench_init(&fb, false);
	nw_framer_async_f(fb.f.framer, &fb.f, set_late);
	bench_settle(&fb.b);
	assert_notes(&fb.f, "start destroy destroy destroy");
	framer_bench_fini(&fb);
	assert_notes(&fb.f, "cleanup destroy destroy destroy");
}

static size_t count_call(void *context, uint8_t *bytes, size_t size, bool complete)
{
	(void)bytes;
	assert_int_equal(size, 0);
	assert_false(complete);
	++*(int *)context;
	return 0;
}

static void no_framer_is_no_framer(void **state)
{
	nw_endpoint_t other = nw_endpoint_create_host("127.0.0.1", "1");
	nw_framer_t bad[2] = { NULL, (nw_framer_t)other };
	int calls = 0;

	(void)state;
	for (int i = 0; i < 2; i++) {
		nw_framer_t f = bad[i];

		assert_null(nw_framer_copy_remote_endpoint(f));
		assert_logged("nw_framer_copy_remote_endpoint");
		assert_null(nw_framer_copy_local_endpoint(f));
		assert_logged("nw_framer_copy_local_endpoint");
		assert_null(nw_framer_copy_parameters(f));
		assert_logged("nw_framer_copy_parameters");
		assert_null(nw_framer_copy_options(f));
		assert_logged("nw_framer_copy_options");
		assert_null(nw_framer_message_create(f));
		assert_logged("nw_framer_message_create");
		nw_framer_set_input_handler_f(f, NULL, frames_input, NULL);
		assert_logged("nw_framer_set_input_handler_f");
		nw_framer_set_output_handler_f(f, NULL, frames_output, NULL);
		assert_logged("nw_framer_set_output_handler_f");
		nw_framer_set_wakeup_handler_f(f, NULL, frames_wake, NULL);
		assert_logged("nw_framer_set_wakeup_handler_f");
		nw_framer_set_stop_handler_f(f, NULL, frames_stop, NULL);
		assert_logged("nw_framer_set_stop_handler_f");
		nw_framer_set_cleanup_handler_f(f, NULL, frames_cleanup, NULL);
		assert_logged("nw_framer_set_cleanup_handler_f");
		nw_framer_mark_ready(f);
		assert_logged("nw_framer_mark_ready");
		assert_false(nw_framer_prepend_application_protocol(f, NULL));
		assert_logged("nw_framer_prepend_application_protocol");
		nw_framer_mark_failed_with_error(f, 1);
		assert_logged("nw_framer_mark_failed_with_error");
		assert_false(nw_framer_parse_input_f(f, 1, 1, NULL, &calls, count_call));
		assert_logged("nw_framer_parse_input_f");
		assert_false(nw_framer_parse_output_f(f, 1, 1, NULL, &calls, count_call));
		assert_logged("nw_framer_parse_output_f");
		assert_int_equal(calls, 2 * i + 2);
		nw_framer_deliver_input(f, (const uint8_t *)"x", 1, NULL, true);
		assert_logged("nw_framer_deliver_input");
		assert_false(nw_framer_deliver_input_no_copy(f, 1, NULL, true));
		assert_logged("nw_framer_deliver_input_no_copy");
		nw_framer_pass_through_input(f);
		assert_logged("nw_framer_pass_through_input");
		nw_framer_write_output(f, (const uint8_t *)"x", 1);
		assert_logged("nw_framer_write_output");
		nw_framer_write_output_data(f, dispatch_data_empty);
		assert_logged("nw_framer_write_output_data");
		assert_false(nw_framer_write_output_no_copy(f, 1));
		assert_logged("nw_framer_write_output_no_copy");
		nw_framer_pass_through_output(f);
		assert_logged("nw_framer_pass_through_output");
		nw_framer_schedule_wakeup(f, 1);
		assert_logged("nw_framer_schedule_wakeup");
		nw_framer_async_f(f, NULL, mark_ready);
		assert_logged("nw_framer_async_f");
	}
	nw_release(other);
}

static size_t parse_again(void *context, uint8_t *bytes, size_t size, bool complete)
{
	struct frames *f = context;
	int calls = 0;

	(void)bytes;
	(void)size;
	(void)complete;
	assert_false(nw_framer_parse_input_f(f->framer, 0, 1, NULL, &calls, count_call));
	assert_logged("inside a parse block");
	assert_int_equal(calls, 1);
	assert_false(nw_framer_deliver_input_no_copy(f->framer, 1, NULL, true));
	assert_logged("inside a parse block");
	return 1;
}

static size_t misuse_input(void *context, nw_framer_t framer)
{
	struct frames *f = context;
	nw_protocol_metadata_t udp = nw_udp_create_metadata();
	int calls = 0;

	log_lines = 0;
	assert_true(nw_framer_parse_input_f(framer, 1, 1, NULL, f, parse_again));
	assert_false(nw_framer_parse_input_f(framer, 1, 1, NULL, NULL, NULL));
	assert_logged("nw_framer_parse_input_f");
	/* more at least than at most */
	assert_false(nw_framer_parse_input_f(framer, 2, 1, NULL, &calls, count_call));
	assert_false(nw_framer_parse_input_f(framer, 100, 100, NULL, &calls, count_call));
	assert_false(nw_framer_parse_input_f(framer, 0, 0, NULL, &calls, count_call));
	assert_int_equal(calls, 3);
	assert_false(nw_framer_parse_output_f(framer, 0, 1, NULL, &calls, count_call));
	assert_logged("not in the output handler");
	assert_false(nw_framer_write_output_no_copy(framer, 1));
	assert_logged("not in the output handler");
	nw_framer_deliver_input(framer, NULL, 1, NULL, true);
	assert_logged("no bytes");
	nw_framer_deliver_input(framer, (const uint8_t *)"x", 0, NULL, true);
	assert_logged("no bytes");
	nw_framer_deliver_input(framer, (const uint8_t *)"x", 1, udp, true);
	assert_logged("udp");
	nw_framer_write_output(framer, NULL, 1);
	assert_logged("no bytes");
	nw_framer_write_output(framer, (const uint8_t *)"x", 0);
	nw_framer_write_output_data(framer, NULL);
	assert_logged("nw_framer_write_output_data");
	nw_framer_write_output_data(framer, dispatch_data_empty);
	assert_true(nw_framer_deliver_input_no_copy(framer, 0, NULL, false));
	/* while a delivery waits, nothing may overtake it */
	assert_false(nw_framer_deliver_input_no_copy(framer, 100, NULL, false));
	assert_false(nw_framer_deliver_input_no_copy(framer, 1, NULL, true));
	assert_logged("still waits");
	nw_framer_deliver_input(framer, (const uint8_t *)"x", 1, NULL, true);
	assert_logged("still waits");
	assert_false(nw_framer_deliver_input_no_copy(framer, 0, NULL, true));
	nw_framer_async_f(framer, NULL, NULL);
	assert_logged("nw_framer_async_f");
	assert_quiet();
	nw_release(udp);
	return 0;
}

static void misuse_start(struct frames *f, nw_framer_t framer)
{
	nw_framer_set_input_handler_f(framer, f, misuse_input, NULL);
}

static void misuse_is_said_and_does_nothing(void **state)
{
	struct framer_bench fb = { .f = { .on_start = misuse_start } };
	char rest[98];

	(void)state;
	memset(rest, 'r', sizeof(rest));
	framer_bench_init(&fb, false);
	bench_rx_text(&fb.b, "abc");
	assert_up(&fb.b, "D:bc");
	bench_rx(&fb.b, rest, sizeof(rest)); /* the message was completed meanwhile */
	assert_int_equal(fb.b.up.bytes[fb.b.up.size - 1], '*');
	assert_down(&fb.b, "");
	framer_bench_fini(&fb);
}

/* --- what a framer knows --- */

static void a_framer_knows_its_connection(void **state)
{
	struct framer_bench fb = { 0 };
	nw_endpoint_t local = nw_endpoint_create_host("127.0.0.1", "77"), endpoint;
	nw_protocol_options_t options;
	nw_protocol_definition_t def;
	nw_parameters_t parameters;

	(void)state;
	bench_init(&fb.b);
	nw_parameters_set_local_endpoint(fb.b.parameters, local);
	fb.options = frames_options(&fb.f);
	bench_build(&fb.b, &fb.options, 1, false);
	bench_start(&fb.b);
	endpoint = nw_framer_copy_remote_endpoint(fb.f.framer);
	assert_int_equal(nw_endpoint_get_port(endpoint), 4242);
	nw_release(endpoint);
	endpoint = nw_framer_copy_local_endpoint(fb.f.framer);
	assert_int_equal(nw_endpoint_get_port(endpoint), 77);
	nw_release(endpoint);
	parameters = nw_framer_copy_parameters(fb.f.framer);
	assert_ptr_equal(parameters, fb.b.parameters);
	nw_release(parameters);
	options = nw_framer_copy_options(fb.f.framer);
	def = nw_protocol_options_copy_definition(options);
	assert_true(nw_protocol_definition_is_equal(def, fb.options->definition));
	nw_release(def);
	nw_release(options);
	framer_bench_fini(&fb);
	nw_release(local);
	assert_quiet();
}

/* --- definitions and messages --- */

static void definitions_are_distinct(void **state)
{
	struct frames f = { 0 };
	nw_protocol_definition_t a =
		nw_framer_create_definition_f("same", 0, &f, frames_start, frames_destroy);
	nw_protocol_definition_t b =
		nw_framer_create_definition_f("same", 0, &f, frames_start, NULL);
	nw_protocol_definition_t tcp = nw_protocol_copy_tcp_definition();
	nw_protocol_options_t options = nw_framer_create_options(a);
	nw_framer_message_t message = nw_framer_protocol_create_message(b);
	nw_protocol_metadata_t udp = nw_udp_create_metadata();

	(void)state;
	assert_false(nw_protocol_definition_is_equal(a, b));
	assert_true(nw_protocol_definition_is_equal(a, a));
	assert_ptr_equal(options->definition, a);
	assert_true(nw_protocol_metadata_is_framer_message(message));
	assert_false(nw_protocol_metadata_is_framer_message(udp));
	assert_false(nw_protocol_metadata_is_framer_message(NULL));
	assert_false(nw_protocol_metadata_is_framer_message((nw_protocol_metadata_t)options));
	assert_quiet();
	assert_null(nw_framer_create_options(NULL));
	assert_logged("nw_framer_create_options");
	assert_null(nw_framer_create_options(tcp));
	assert_logged("tcp is not a framer");
	assert_null(nw_framer_protocol_create_message(tcp));
	assert_logged("tcp is not a framer");
	assert_null(nw_framer_create_definition_f(NULL, 0, &f, frames_start, NULL));
	assert_logged("identifier");
	assert_null(nw_framer_create_definition_f("x", 0, &f, NULL, frames_destroy));
	assert_logged("nw_framer_create_definition_f");
	assert_notes(&f, "destroy");
	/* options keep their definition */
	nw_release(a);
	assert_notes(&f, "");
	nw_release(options);
	assert_notes(&f, "destroy");
	nw_release(b);
	nw_release(tcp);
	nw_release(message);
	nw_release(udp);
}

struct disposals {
	char log[64];
};

static void dispose(void *context, void *value)
{
	strcat(((struct disposals *)context)->log, value);
}

static void dispose_context(void *context)
{
	strcat(((struct disposals *)context)->log, ".");
}

static bool is_value(void *context, const void *value)
{
	return context ? value && strcmp(context, value) == 0 : !value;
}

static void message_values_end_once(void **state)
{
	struct frames f = { 0 };
	struct disposals d = { "" };
	nw_protocol_definition_t def =
		nw_framer_create_definition_f("m", 0, &f, frames_start, NULL);
	nw_framer_message_t m = nw_framer_protocol_create_message(def);
	nw_protocol_metadata_t udp = nw_udp_create_metadata();
	char a[] = "a", b[] = "b", c[] = "c", key[] = "key";

	(void)state;
	assert_true(nw_framer_message_access_value_f(m, "key", NULL, is_value));
	nw_framer_message_set_value_f(m, key, a, &d, dispose, dispose_context);
	key[0] = 'K'; /* it was copied */
	assert_true(nw_framer_message_access_value_f(m, "key", a, is_value));
	assert_true(nw_framer_message_access_value_f(m, "Key", NULL, is_value));
	nw_framer_message_set_value_f(m, "key", b, &d, dispose, dispose_context);
	assert_string_equal(d.log, "a.");
	nw_framer_message_set_value_f(m, "key", NULL, &d, dispose, dispose_context);
	assert_string_equal(d.log, "a..b.");
	assert_true(nw_framer_message_access_value_f(m, "key", NULL, is_value));
	nw_framer_message_set_value_f(m, "1", c, &d, dispose, NULL);
	nw_framer_message_set_value_f(m, "2", a, NULL, NULL, NULL);
	nw_framer_message_set_value_f(m, "3", b, &d, dispose, NULL);
	assert_quiet();

	nw_framer_message_set_value_f(NULL, "key", a, NULL, NULL, NULL);
	assert_logged("nw_framer_message_set_value_f");
	nw_framer_message_set_value_f(udp, "key", a, NULL, NULL, NULL);
	assert_logged("udp");
	nw_framer_message_set_value_f(m, NULL, a, NULL, NULL, NULL);
	assert_logged("key");
	assert_false(nw_framer_message_access_value_f(udp, "key", NULL, is_value));
	assert_logged("udp");
	assert_false(nw_framer_message_access_value_f(m, NULL, NULL, is_value));
	assert_logged("key");
	assert_false(nw_framer_message_access_value_f(m, "key", NULL, NULL));
	assert_logged("nw_framer_message_access_value_f");

	d.log[0] = 0;
	nw_release(def); /* the message keeps it */
	nw_release(m);
	assert_string_equal(d.log, "cb");
	nw_release(udp);
}

/* What was sent and what was delivered is kept no longer than the message. */
static void messages_are_not_kept(void **state)
{
	struct framer_bench fb = { .f = { .way = COPY } };
	struct disposals d = { "" };
	nw_content_context_t context;
	nw_framer_message_t message;
	char a[] = "a";

	(void)state;
	framer_bench_init(&fb, false);
	context = typed_context(fb.options, 'T');
	message = nw_content_context_copy_protocol_metadata(context, fb.options->definition);
	nw_framer_message_set_value_f(message, "v", a, &d, dispose, NULL);
	nw_release(message);
	bench_put(&fb.b, "x", 1, context, false);
	nw_release(context);
	assert_string_equal(d.log, ""); /* a part: the rest belongs to it, too */
	bench_put_text(&fb.b, "y");
	assert_string_equal(d.log, "a");
	assert_notes(&fb.f, "start out(T1) out(T1*)");
	framer_bench_fini(&fb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_protocol_is_put_above_before_ready),
		cmocka_unit_test(a_handshake_fails),
		cmocka_unit_test(not_everything_can_be_put_above),
		cmocka_unit_test(what_is_delivered_early_is_given_later),
		cmocka_unit_test(what_passes_through_is_not_touched),
		cmocka_unit_test(wakeups_come_once_and_on_time),
		cmocka_unit_test(a_later_wakeup_replaces_the_earlier),
		cmocka_unit_test(async_leads_to_the_framer),
		cmocka_unit_test(async_is_for_any_thread_at_any_time),
		cmocka_unit_test(stop_comes_before_cleanup),
		cmocka_unit_test(a_stop_may_take_longer),
		cmocka_unit_test(a_framer_fails_or_ends),
		cmocka_unit_test(a_layer_that_never_started_ends_quietly),
		cmocka_unit_test(handlers_are_set_in_the_start_handler),
		cmocka_unit_test(no_framer_is_no_framer),
		cmocka_unit_test(misuse_is_said_and_does_nothing),
		cmocka_unit_test(a_framer_knows_its_connection),
		cmocka_unit_test(definitions_are_distinct),
		cmocka_unit_test(message_values_end_once),
		cmocka_unit_test(messages_are_not_kept),
	};

	return cmocka_run_group_tests(tests, log_setup, NULL);
}
