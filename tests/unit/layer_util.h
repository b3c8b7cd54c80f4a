/*
 * Layers on a bench: a chain without a transport. A test gives bytes to its bottom and content to
 * its top, turns a clock of its own, and reads what came out at both ends as text.
 */
#ifndef LAYER_UTIL_H
#define LAYER_UTIL_H

#include <stdlib.h>
#include "api_test_util.h"
#include "api/content_context.h"
#include "api/protocol.h"
#include "dispatch/runtime.h"
#include "stack/chain.h"

#define BENCH_TEXT (4u * 1024u * 1024u)

struct bench_text {
	char *bytes;
	size_t size;
};

struct bench {
	dispatch_queue_t queue;
	nw_parameters_t parameters;
	nw_endpoint_t endpoint;
	struct bri_chain *chain;
	uint64_t now_ns;
	int lost_code;
	/* up: "hello* wor ld* -* $": parts, '*': complete, '-': no bytes, '$': the end.
	 * down: the bytes; '$' the end; with `marks` each part in brackets, "[head|" if incomplete
	 */
	struct bench_text up, down;
	bool marks;
	bool is_server; /* its layers are of an accepted connection; before bench_build() */
	/* what is to be said of a part that comes up, before it */
	void (*describe)(struct bench *b, nw_content_context_t context);
};

static inline void bench_add(struct bench_text *text, const void *bytes, size_t size)
{
	assert_true(text->size + size < BENCH_TEXT);
	memcpy(text->bytes + text->size, bytes, size);
	text->size += size;
	text->bytes[text->size] = 0;
}

static inline void bench_say(struct bench_text *text, const char *words)
{
	bench_add(text, words, strlen(words));
}

static inline void bench_add_data(struct bench_text *text, struct dispatch_data_s *data)
{
	const void *bytes;
	size_t size;
	dispatch_data_t flat = dispatch_data_create_map(data, &bytes, &size);

	if (size)
		bench_add(text, bytes, size);
	nw_release(flat);
}

/* --- the mover; on the queue --- */

static inline void bench_result(struct bench *b, int error)
{
	if (error)
		bri_chain_fail(b->chain, bri_race_posix(-error));
}

static inline bool bench_move_up(struct bench *b)
{
	struct bri_content c;
	bool moved = false;

	for (struct bri_layer *l = b->chain->bottom; l; l = l->above) {
		if (!l->started && (!l->below || l->below->ready) && !b->chain->failing) {
			l->started = moved = true;
			if (l->cls->start)
				bench_result(b, l->cls->start(l, b->now_ns));
			else
				bri_layer_ready(l);
		}
		while (l->below && l->started && !b->chain->failing &&
			bri_contents_take(&l->below->up, &c)) {
			moved = true;
			bench_result(b, l->cls->rx(l, &c, b->now_ns));
			bri_content_clear(&c);
		}
	}
	return moved;
}

static inline bool bench_move_down(struct bench *b)
{
	struct bri_content c;
	bool moved = false;

	for (struct bri_layer *l = b->chain->top; l; l = l->below) {
		while (l->below && bri_contents_take(&l->down, &c)) {
			moved = true;
			bench_result(b, l->below->cls->put(l->below, &c, b->now_ns));
			bri_content_clear(&c);
		}
	}
	return moved;
}

static inline void bench_see_up(struct bench *b, const struct bri_content *c)
{
	if (b->up.size)
		bench_say(&b->up, " ");
	if (c->data || c->complete) {
		if (b->describe)
			b->describe(b, (nw_content_context_t)c->context);
		if (bri_data_size(c->data))
			bench_add_data(&b->up, c->data);
		else
			bench_say(&b->up, "-");
		bench_say(&b->up, c->complete ? "*" : "");
	}
	bench_say(&b->up, c->end ? "$" : "");
}

static inline void bench_see_down(struct bench *b, const struct bri_content *c)
{
	if (b->marks && !c->end)
		bench_say(&b->down, "[");
	bench_add_data(&b->down, c->data);
	if (b->marks && !c->end)
		bench_say(&b->down, c->complete ? "]" : "|");
	bench_say(&b->down, c->end ? "$" : "");
}

/* What a layer kept back, now that there is room. False: none did. */
static inline bool bench_go_on(struct bench *b)
{
	bool held = false;

	for (struct bri_layer *l = b->chain->bottom; l && !b->chain->failing; l = l->above) {
		if (!l->held || bri_layer_is_full(l))
			continue;
		l->held = false;
		held = true;
		bench_result(b, l->cls->go_on(l, b->now_ns));
	}
	return held;
}

static inline void bench_move(void *context)
{
	struct bench *b = context;
	struct bri_content c;
	bool more;

	do {
		do {
			more = bench_move_up(b);
			more |= bench_move_down(b);
		} while (more && !b->chain->failing);
		bench_move_down(b);
		while (b->chain->top->ready && bri_contents_take(&b->chain->top->up, &c)) {
			bench_see_up(b, &c);
			bri_content_clear(&c);
		}
		while (bri_contents_take(&b->chain->bottom->down, &c)) {
			bench_see_down(b, &c);
			bri_content_clear(&c);
		}
	} while (bench_go_on(b));
}

/* --- for tests: all of these run on the queue and come back --- */

static inline void bench_init(struct bench *b)
{
	*b = (struct bench) { .now_ns = 1000 };
	b->queue = dispatch_queue_create("bench", NULL);
	b->parameters = nw_parameters_create();
	b->endpoint = nw_endpoint_create_host("127.0.0.1", "4242");
	b->up.bytes = calloc(1, BENCH_TEXT);
	b->down.bytes = calloc(1, BENCH_TEXT);
}

/* bench_build(): the layers of these options, bottom first. Not started. */
static inline void bench_build(
	struct bench *b, const nw_protocol_options_t *options, size_t n, bool datagrams)
{
	const struct bri_layer_env env = {
		.queue = b->queue,
		.parameters = b->parameters,
		.endpoint = b->endpoint,
		.host = "127.0.0.1",
		.is_server = b->is_server,
		.is_datagram = datagrams,
	};
	struct bri_layer *layers[8];

	for (size_t i = 0; i < n; i++) {
		layers[i] = options[i]->definition->layer_new(options[i], &env);
		assert_non_null(layers[i]);
	}
	b->chain = bri_chain_new(b->queue, layers, n, b, bench_move);
	assert_non_null(b->chain);
	bri_chain_open(b->chain, -1, NULL, datagrams);
}

static inline void bench_start(struct bench *b)
{
	dispatch_sync_f(b->queue, b, bench_move);
}

struct bench_input {
	struct bench *b;
	struct bri_content content;
};

static inline void bench_do_rx(void *context)
{
	struct bench_input *in = context;
	struct bri_layer *l = in->b->chain->bottom;

	if (!in->b->chain->failing)
		bench_result(in->b, l->cls->rx(l, &in->content, in->b->now_ns));
	bri_content_clear(&in->content);
	bench_move(in->b);
}

/* bench_rx(): as from the transport: `complete` is always set. */
static inline void bench_rx(struct bench *b, const void *bytes, size_t size)
{
	struct bench_input in = { b, { .complete = true } };

	in.content.data = size ? bri_data_new_copy(bytes, size) : NULL;
	dispatch_sync_f(b->queue, &in, bench_do_rx);
}

static inline void bench_rx_text(struct bench *b, const char *text)
{
	bench_rx(b, text, strlen(text));
}

static inline void bench_rx_end(struct bench *b)
{
	struct bench_input in = { b, { .complete = true, .end = true } };

	dispatch_sync_f(b->queue, &in, bench_do_rx);
}

static inline void bench_do_put(void *context)
{
	struct bench_input *in = context;
	struct bri_layer *l = in->b->chain->top;

	if (!in->b->chain->failing)
		bench_result(in->b, l->cls->put(l, &in->content, in->b->now_ns));
	bri_content_clear(&in->content);
	bench_move(in->b);
}

/* bench_put(): as from nw_connection_send(). context: borrowed; final: it ends the direction. */
static inline void bench_put(struct bench *b, const void *bytes, size_t size,
	nw_content_context_t context, bool complete)
{
	struct bench_input in = { b, { .complete = complete } };

	in.content.end = complete && nw_content_context_get_is_final(context);
	in.content.data = size ? bri_data_new_copy(bytes, size) : NULL;
	in.content.context = bri_object_get(context);
	dispatch_sync_f(b->queue, &in, bench_do_put);
}

static inline void bench_put_text(struct bench *b, const char *text)
{
	bench_put(b, text, strlen(text), NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
}

static inline void bench_do_expire(void *context)
{
	struct bench *b = context;

	for (struct bri_layer *l = b->chain->bottom; l; l = l->above) {
		if (l->started && l->cls->deadline_ns && l->cls->deadline_ns(l) <= b->now_ns)
			bench_result(b, l->cls->expire(l, b->now_ns));
	}
	bench_move(b);
}

/* bench_until(): the clock is turned to now_ns; the timers that fire then fire. */
static inline void bench_until(struct bench *b, uint64_t now_ns)
{
	b->now_ns = now_ns;
	dispatch_sync_f(b->queue, b, bench_do_expire);
}

static inline uint64_t bench_deadline(struct bench *b)
{
	uint64_t at_ns = BRI_NEVER;

	for (struct bri_layer *l = b->chain->bottom; l; l = l->above) {
		if (l->cls->deadline_ns)
			at_ns = bri_min_u64(at_ns, l->cls->deadline_ns(l));
	}
	return at_ns;
}

static inline void bench_do_close(void *context)
{
	struct bench *b = context;

	for (struct bri_layer *l = b->chain->top; l; l = l->below) {
		if (!l->cls->close || l->cls->close(l, b->now_ns))
			l->closed = true;
		bench_move_down(b);
	}
	bench_move(b);
}

static inline void bench_close(struct bench *b)
{
	dispatch_sync_f(b->queue, b, bench_do_close);
}

static inline void bench_do_lost(void *context)
{
	struct bench *b = context;

	bri_chain_lost(b->chain, bri_race_posix(b->lost_code));
}

static inline void bench_lost(struct bench *b, int code)
{
	b->lost_code = code;
	dispatch_sync_f(b->queue, b, bench_do_lost);
}

static inline void bench_do_free(void *context)
{
	struct bench *b = context;

	bri_chain_free(b->chain);
	b->chain = NULL;
}

static inline void bench_nothing(void *context)
{
	(void)context;
}

/* bench_settle(): what was pushed to the queue has run. */
static inline void bench_settle(struct bench *b)
{
	for (int i = 0; i < 4; i++)
		dispatch_sync_f(b->queue, NULL, bench_nothing);
}

static inline void bench_tear_down(struct bench *b)
{
	dispatch_sync_f(b->queue, b, bench_do_free);
	bench_settle(b);
}

static inline void bench_fini(struct bench *b)
{
	if (b->chain)
		bench_tear_down(b);
	nw_release(b->endpoint);
	nw_release(b->parameters);
	dispatch_release(b->queue);
	free(b->up.bytes);
	free(b->down.bytes);
}

static inline void bench_forget(struct bench *b)
{
	b->up.size = b->down.size = 0;
	b->up.bytes[0] = b->down.bytes[0] = 0;
}

/* 0: it has not failed. */
static inline int bench_error(const struct bench *b)
{
	return b->chain->failing ? b->chain->error.code : 0;
}

/* assert_up/down(): all that came since the last look. */
#define assert_up(b, text)                                                                         \
	do {                                                                                       \
		assert_string_equal((b)->up.bytes, text);                                          \
		(b)->up.size = 0;                                                                  \
		(b)->up.bytes[0] = 0;                                                              \
	} while (0)
#define assert_down(b, text)                                                                       \
	do {                                                                                       \
		assert_string_equal((b)->down.bytes, text);                                        \
		(b)->down.size = 0;                                                                \
		(b)->down.bytes[0] = 0;                                                            \
	} while (0)

#endif
