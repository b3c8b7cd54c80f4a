/*
 * A framer for tests: a type, a length of two bytes, then that many bytes. It counts and notes what
 * is called, and can be told to go about it in several ways.
 */
#ifndef FRAMER_UTIL_H
#define FRAMER_UTIL_H

#include "layer_util.h"
#include "api/framer.h"

#define HEADER 3

enum way {
	NO_COPY, /* header parsed, body delivered as it comes */
	COPY,    /* the whole frame looked at, then copied up */
	TEMP,    /* as COPY, through a buffer of ours */
	PIECES,  /* header parsed, then whatever of the body is there */
	WAYS
};

struct frames {
	enum way way;
	nw_framer_t framer; /* of the last start */
	char log[4096];     /* words: start in out(T5*) stop cleanup wake destroy */
	unsigned inputs;
	bool quiet;     /* in and out are not noted */
	bool ends_seen; /* a parse block was told of the end */
	nw_framer_start_result_t result;
	void (*on_start)(struct frames *f, nw_framer_t framer);
	/* PIECES */
	char type;
	size_t left;
	nw_framer_message_t message;
};

__attribute__((format(printf, 2, 3))) static inline void note_to(
	struct frames *f, const char *fmt, ...)
{
	size_t used = strlen(f->log);
	va_list args;

	if (used)
		f->log[used++] = ' ';
	va_start(args, fmt);
	vsnprintf(f->log + used, sizeof(f->log) - used, fmt, args);
	va_end(args);
}

#define assert_notes(f, words)                                                                     \
	do {                                                                                       \
		assert_string_equal((f)->log, words);                                              \
		(f)->log[0] = 0;                                                                   \
	} while (0)

/* for nw_framer_async_f() */
static inline void mark_ready(void *framer)
{
	nw_framer_mark_ready(framer);
}

/* The type is the value itself: no memory. */
static inline void set_type(nw_framer_message_t message, char type)
{
	nw_framer_message_set_value_f(
		message, "type", (void *)(uintptr_t)(uint8_t)type, NULL, NULL, NULL);
}

static inline bool read_type(void *context, const void *value)
{
	if (value)
		*(char *)context = (char)(uintptr_t)value;
	return value;
}

/* 'D': no type was set. */
static inline char get_type(nw_framer_message_t message)
{
	char type = 'D';

	nw_framer_message_access_value_f(message, "type", &type, read_type);
	return type;
}

struct header {
	struct frames *f;
	char type;
	size_t length, keep;
	uint8_t *body;
	nw_framer_t framer;
};

static inline size_t on_header(void *context, uint8_t *bytes, size_t size, bool complete)
{
	struct header *h = context;

	h->f->ends_seen |= complete;
	if (size < HEADER)
		return 0;
	h->type = (char)bytes[0];
	h->length = (size_t)bytes[1] << 8 | bytes[2];
	return h->keep ? 0 : HEADER;
}

static inline size_t on_frame(void *context, uint8_t *bytes, size_t size, bool complete)
{
	struct header *h = context;
	nw_framer_message_t message;

	(void)complete;
	if (size < HEADER + h->length)
		return 0;
	message = nw_framer_message_create(h->framer);
	set_type(message, h->type);
	if (h->length)
		nw_framer_deliver_input(h->framer, bytes + HEADER, h->length, message, true);
	else
		nw_framer_deliver_input_no_copy(h->framer, 0, message, true);
	nw_release(message);
	return HEADER + h->length;
}

static inline size_t input_no_copy(struct frames *f, nw_framer_t framer)
{
	struct header h = { .f = f };
	nw_framer_message_t message;
	bool all = true;

	while (all) {
		if (!nw_framer_parse_input_f(framer, HEADER, HEADER, NULL, &h, on_header))
			return HEADER;
		message = nw_framer_message_create(framer);
		set_type(message, h.type);
		all = nw_framer_deliver_input_no_copy(framer, h.length, message, true);
		nw_release(message);
	}
	return 0;
}

static inline size_t input_copy(struct frames *f, nw_framer_t framer, uint8_t *temp)
{
	struct header h = { .f = f, .keep = 1, .framer = framer };

	for (;;) {
		if (!nw_framer_parse_input_f(framer, HEADER, HEADER, temp, &h, on_header))
			return HEADER;
		if (!nw_framer_parse_input_f(
			    framer, HEADER + h.length, HEADER + h.length, temp, &h, on_frame))
			return HEADER + h.length;
	}
}

static inline size_t on_piece(void *context, uint8_t *bytes, size_t size, bool complete)
{
	struct header *h = context;
	struct frames *f = h->f;

	(void)complete;
	f->left -= size;
	if (size)
		nw_framer_deliver_input(h->framer, bytes, size, f->message, !f->left);
	return size;
}

static inline size_t input_pieces(struct frames *f, nw_framer_t framer)
{
	struct header h = { .f = f, .framer = framer };

	for (;;) {
		if (!f->message) {
			if (!nw_framer_parse_input_f(framer, HEADER, HEADER, NULL, &h, on_header))
				return HEADER;
			f->message = nw_framer_message_create(framer);
			set_type(f->message, h.type);
			f->left = h.length;
			if (!f->left)
				nw_framer_deliver_input_no_copy(framer, 0, f->message, true);
		}
		if (f->left && !nw_framer_parse_input_f(framer, 1, f->left, NULL, &h, on_piece))
			return 0;
		if (f->left)
			continue;
		nw_release(f->message);
		f->message = NULL;
	}
}

static inline size_t frames_input(void *context, nw_framer_t framer)
{
	static _Thread_local uint8_t temp[HEADER + 65536];
	struct frames *f = context;

	f->inputs++;
	if (!f->quiet)
		note_to(f, "in");
	switch (f->way) {
	case NO_COPY: return input_no_copy(f, framer);
	case TEMP: return input_copy(f, framer, temp);
	case PIECES: return input_pieces(f, framer);
	default: return input_copy(f, framer, NULL);
	}
}

static inline void frames_output(void *context, nw_framer_t framer, nw_framer_message_t message,
	size_t length, bool complete)
{
	struct frames *f = context;
	char type = get_type(message);
	uint8_t header[HEADER] = { (uint8_t)type, (uint8_t)(length >> 8), (uint8_t)length };

	if (!f->quiet)
		note_to(f, "out(%c%zu%s)", type, length, complete ? "*" : "");
	nw_framer_write_output(framer, header, sizeof(header));
	nw_framer_write_output_no_copy(framer, length);
}

static inline void frames_wake(void *context, nw_framer_t framer)
{
	(void)framer;
	note_to(context, "wake");
}

static inline bool frames_stop(void *context, nw_framer_t framer)
{
	note_to(context, "stop");
	nw_framer_write_output(framer, (const uint8_t *)"BYE", 3);
	return true;
}

static inline void frames_cleanup(void *context, nw_framer_t framer)
{
	struct frames *f = context;

	note_to(f, "cleanup");
	nw_framer_write_output(framer, (const uint8_t *)"LATE", 4);
	nw_release(f->message);
	f->message = NULL;
}

static inline void frames_destroy(void *context)
{
	note_to(context, "destroy");
}

static inline nw_framer_start_result_t frames_start(void *context, nw_framer_t framer)
{
	struct frames *f = context;

	f->framer = framer;
	note_to(f, "start");
	nw_framer_set_input_handler_f(framer, f, frames_input, NULL);
	nw_framer_set_output_handler_f(framer, f, frames_output, NULL);
	nw_framer_set_wakeup_handler_f(framer, f, frames_wake, NULL);
	nw_framer_set_stop_handler_f(framer, f, frames_stop, NULL);
	nw_framer_set_cleanup_handler_f(framer, f, frames_cleanup, frames_destroy);
	if (f->on_start)
		f->on_start(f, framer);
	return f->result ? f->result : nw_framer_start_result_ready;
}

/* Options of a new definition that runs `f`. +1 */
static inline nw_protocol_options_t frames_options(struct frames *f)
{
	nw_protocol_definition_t def = nw_framer_create_definition_f(
		"frames", NW_FRAMER_CREATE_FLAGS_DEFAULT, f, frames_start, NULL);
	nw_protocol_options_t options = nw_framer_create_options(def);

	nw_release(def);
	return options;
}

/* A context with a message of that type. +1 */
static inline nw_content_context_t typed_context(nw_protocol_options_t options, char type)
{
	nw_content_context_t context = nw_content_context_create("typed");
	nw_protocol_definition_t def = nw_protocol_options_copy_definition(options);
	nw_framer_message_t message = nw_framer_protocol_create_message(def);

	set_type(message, type);
	nw_content_context_set_metadata_for_protocol(context, message);
	nw_release(message);
	nw_release(def);
	return context;
}

/* For bench.describe: "T:" for each framer message of the context, in its order. */
static inline void describe_types(struct bench *b, nw_content_context_t context)
{
	char text[3] = "?:";

	for (size_t i = 0; context && i < context->metadata_count; i++) {
		text[0] = get_type(context->metadata[i]);
		bench_say(&b->up, text);
	}
}

/* A bench with one framer on it, started. */
struct framer_bench {
	struct bench b;
	struct frames f;
	nw_protocol_options_t options;
};

static inline void framer_bench_init(struct framer_bench *fb, bool datagrams)
{
	bench_init(&fb->b);
	fb->options = frames_options(&fb->f);
	bench_build(&fb->b, &fb->options, 1, datagrams);
	fb->b.describe = describe_types;
	bench_start(&fb->b);
}

static inline void framer_bench_fini(struct framer_bench *fb)
{
	bench_fini(&fb->b);
	nw_release(fb->options);
}

#endif
