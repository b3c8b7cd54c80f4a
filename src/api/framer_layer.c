/*
 * A framer as a layer of a connection attempt: when the program's handlers run, and what becomes of
 * what they leave. Knows nothing of what is above and below.
 */
#include "api/framer.h"

#include <errno.h>
#include "api/content_context.h"
#include "api/endpoint.h"
#include "api/parameters.h"
#include "base/log.h"
#include "dispatch/runtime.h"
#include "stack/chain.h"
#include "transport/sock.h"
#include "transport/udp_hub.h"

/* Of a stream, the input handler is given so much at most before it is seen whether there is still
 * room above: it can make a message of each byte. */
#define INPUT_PIECE (16u * 1024u)

static nw_framer_t framer_of(const struct bri_layer *layer)
{
	return bri_container_of(layer, struct nw_framer, layer);
}

/* Does content from below have boundaries, and may what goes there have some? */
static bool below_has_messages(nw_framer_t f)
{
	return f->is_datagram || (f->layer.below && f->layer.below->cls->messages);
}

/* --- failing and ending --- */

void bri_framer_layer_fail(nw_framer_t f, int error)
{
	if (f->failed)
		return;
	f->failed = true;
	bri_layer_fail(&f->layer, BRI_RACE_POSIX, error);
}

static void end_up(nw_framer_t f)
{
	if (f->up_ended)
		return;
	f->up_ended = true;
	f->pending.left = 0; /* a message whose end never came stays incomplete */
	bri_framer_input_clear(&f->in);
	bri_content_clear(&f->unread);
	bri_layer_up_end(&f->layer);
}

void bri_framer_layer_end(nw_framer_t f)
{
	end_up(f);
	bri_layer_down_end(&f->layer);
}

void bri_framer_layer_stopped(nw_framer_t f)
{
	f->stopping = false;
	bri_layer_closed(&f->layer);
}

/* --- what goes up --- */

static void add_metadata_of(nw_content_context_t context, struct bri_object *source)
{
	nw_content_context_t from = (nw_content_context_t)source;

	for (size_t i = 0; from && i < from->metadata_count; i++)
		nw_content_context_set_metadata_for_protocol(context, from->metadata[i]);
}

/* A context with the message, and what the protocols below said of what it came in. +1 internal;
 * NULL: no memory. */
static struct bri_object *new_context(nw_framer_t f, nw_framer_message_t message)
{
	nw_protocol_definition_t def = f->options->definition;
	nw_content_context_t context = NULL;

	message = message ? bri_object_retain(message) : bri_protocol_metadata_new(def);
	if (message)
		context = bri_content_context_new_named(def->identifier, message);
	if (context)
		add_metadata_of(context, f->in.source);
	return bri_object_own(context);
}

static bool is_delivered_in(nw_framer_t f, struct bri_object *context, nw_framer_message_t message)
{
	return context && (!message || bri_content_context_metadata((nw_content_context_t)context,
					       f->options->definition) == message);
}

/* All parts of a message share one context. +1 internal; NULL: no memory. */
static struct bri_object *context_for(nw_framer_t f, nw_framer_message_t message, bool complete)
{
	struct bri_object *context = f->delivered;

	f->delivered = NULL;
	if (!is_delivered_in(f, context, message)) {
		bri_object_put(context);
		context = new_context(f, message);
	}
	if (!complete)
		f->delivered = bri_object_get(context);
	return context;
}

void bri_framer_layer_deliver(
	nw_framer_t f, struct dispatch_data_s *data, nw_framer_message_t message, bool complete)
{
	struct bri_object *context = context_for(f, message, complete);

	if (!context) {
		bri_object_release(data);
		bri_framer_layer_fail(f, ENOMEM);
		return;
	}
	if (data || complete)
		bri_layer_up(&f->layer, data, context, complete);
	else
		bri_object_put(context); /* kept for what follows */
}

void bri_framer_layer_deliver_pending(nw_framer_t f)
{
	bool ends;
	size_t there = bri_framer_input_available(&f->in, &ends);
	size_t n = bri_min_size(there, f->pending.left);
	struct dispatch_data_s *data;

	if (!f->pending.left || f->failed)
		return;
	/* the message below is shorter than what our message was said to be: to go on with the
	 * bytes of the next one would be to let its sender write into this one */
	if (ends && !f->in.ended && there < f->pending.left) {
		bri_framer_layer_fail(f, EBADMSG);
		return;
	}
	if (!n)
		return;
	data = bri_framer_input_take(&f->in, n);
	if (!data) {
		bri_framer_layer_fail(f, ENOMEM);
		return;
	}
	f->pending.left -= n;
	bri_framer_layer_deliver(f, data, NULL, f->pending.complete && !f->pending.left);
}

/* Gives up what waits, as it came. */
static void pass_up(nw_framer_t f)
{
	struct bri_content piece;

	while (!f->failed && f->in.contents.head) {
		if (bri_framer_input_take_piece(&f->in, &piece))
			bri_layer_pass_up(&f->layer, &piece);
		else
			bri_framer_layer_fail(f, ENOMEM);
	}
}

int bri_framer_layer_settle(nw_framer_t f)
{
	if (f->pass_input && !f->up_ended && !f->pending.left)
		pass_up(f);
	return f->failed ? -EPROTO : 0;
}

/* --- what comes from below --- */

static void call_input(nw_framer_t f)
{
	struct bri_handler *handler = bri_handler_get(&f->lock, &f->handlers[BRI_FRAMER_INPUT]);
	bool ends;
	size_t there = bri_framer_input_available(&f->in, &ends);

	if (!handler)
		bri_framer_input_clear(&f->in); /* nobody will ever look */
	else if (ends || (there && there >= f->wanted))
		f->wanted = ((nw_framer_input_handler_f)handler->call.fn)(handler->call.context, f);
	bri_handler_put(handler);
}

/* The next piece of a stream, or all that `in` has left. 0 or -ENOMEM */
static int split(nw_framer_t f, struct bri_content *in, struct bri_content *ret)
{
	size_t size = bri_data_size(in->data);
	struct dispatch_data_s *rest;

	if (f->pass_input || below_has_messages(f) || size <= INPUT_PIECE) {
		*ret = *in;
		*in = (struct bri_content) { 0 };
		return 0;
	}
	*ret = (struct bri_content) { .data = bri_data_subrange(in->data, 0, INPUT_PIECE) };
	rest = bri_data_subrange(in->data, INPUT_PIECE, size - INPUT_PIECE);
	bri_object_release(in->data);
	in->data = rest;
	return ret->data && rest ? 0 : -ENOMEM;
}

static int take_in(nw_framer_t f, struct bri_content *piece)
{
	bool end = piece->end;
	int error = bri_framer_input_add(&f->in, piece);

	bri_content_clear(piece);
	if (error)
		return error;
	bri_framer_layer_deliver_pending(f);
	if (!f->failed && !f->pass_input)
		call_input(f);
	error = bri_framer_layer_settle(f);
	if (!error && end)
		end_up(f);
	return error;
}

static int rx(struct bri_layer *layer, struct bri_content *in, uint64_t now_ns)
{
	nw_framer_t f = framer_of(layer);
	struct bri_content piece;
	int error = 0;

	f->now_ns = now_ns;
	do {
		if (f->up_ended)
			return error;
		error = split(f, in, &piece);
		if (error)
			bri_content_clear(&piece);
		else
			error = take_in(f, &piece);
	} while (!error && in->data && !bri_layer_is_full(layer));
	if (!error && in->data && !f->up_ended) {
		f->unread = *in;
		*in = (struct bri_content) { 0 };
		bri_layer_hold(layer);
	}
	return error;
}

static int go_on(struct bri_layer *layer, uint64_t now_ns)
{
	struct bri_content in = framer_of(layer)->unread;
	int error;

	framer_of(layer)->unread = (struct bri_content) { 0 };
	error = rx(layer, &in, now_ns);
	bri_content_clear(&in);
	return error;
}

/* --- what comes from above --- */

/* The message of content to be sent, kept for its other parts. NULL: no memory. */
static nw_framer_message_t message_of(nw_framer_t f, const struct bri_content *in)
{
	nw_protocol_definition_t def = f->options->definition;
	nw_framer_message_t message = NULL;

	if (in->context)
		message = bri_content_context_metadata((nw_content_context_t)in->context, def);
	if (message)
		bri_object_set(&f->sent, message);
	else if (!f->sent)
		f->sent = bri_object_own(bri_protocol_metadata_new(def));
	return f->sent;
}

static void send_down(
	nw_framer_t f, struct dispatch_data_s *data, struct bri_object *context, bool complete)
{
	struct bri_content content = {
		.data = data, .context = bri_object_get(context), .complete = complete
	};

	bri_layer_pass_down(&f->layer, &content);
}

/* What the output handler wrote goes down as one piece; a datagram only when it is whole. */
static void send_written(nw_framer_t f, struct bri_object *context, bool complete)
{
	struct dispatch_data_s *data = f->written;

	if (f->failed || (f->is_datagram && !complete))
		return;
	f->written = NULL;
	if (data || (complete && f->sent_open))
		send_down(f, data, context, complete);
	if (data || complete)
		f->sent_open = below_has_messages(f) && !complete;
}

static void call_output(nw_framer_t f, struct bri_content *in)
{
	struct bri_handler *handler = bri_handler_get(&f->lock, &f->handlers[BRI_FRAMER_OUTPUT]);
	nw_framer_message_t message = message_of(f, in);
	size_t size = bri_data_size(in->data);
	struct bri_content content = { .data = in->data, .complete = in->complete };

	in->data = NULL;
	if (!handler || !message || bri_framer_input_add(&f->out, &content) < 0) {
		bri_content_clear(&content);
		if (handler)
			bri_framer_layer_fail(f, ENOMEM);
		else
			bri_warn("framer %s: no output handler: what is sent is dropped",
				f->options->definition->identifier);
	} else {
		f->in_output = true;
		((nw_framer_output_handler_f)handler->call.fn)(
			handler->call.context, f, message, size, in->complete);
		f->in_output = false;
	}
	bri_framer_input_clear(&f->out);
	send_written(f, in->context, in->complete);
	if (in->complete) {
		bri_object_put(f->sent);
		f->sent = NULL;
	}
	bri_handler_put(handler);
}

/* Something to frame: bytes, or a message without any. A mere end of the stream is none. */
static bool is_message(nw_framer_t f, const struct bri_content *in)
{
	nw_content_context_t context = (nw_content_context_t)in->context;

	if (bri_data_size(in->data) || f->sent)
		return true;
	return in->complete && (!in->end || (context && bri_content_context_metadata(
								context, f->options->definition)));
}

static int put(struct bri_layer *layer, struct bri_content *in, uint64_t now_ns)
{
	nw_framer_t f = framer_of(layer);
	bool end = in->end;

	f->now_ns = now_ns;
	if (f->pass_output) {
		bri_layer_pass_down(layer, in);
		return bri_framer_layer_settle(f);
	}
	if (is_message(f, in))
		call_output(f, in);
	if (end && !f->failed)
		bri_layer_down_end(layer);
	return bri_framer_layer_settle(f);
}

void bri_framer_layer_write(nw_framer_t f, struct dispatch_data_s *data)
{
	struct dispatch_data_s *both;

	if (f->layer.down_ended) {
		bri_warn("framer %s: this direction has ended: what is written is dropped",
			f->options->definition->identifier);
		bri_object_release(data);
		return;
	}
	if (!f->in_output) {
		send_down(f, data, NULL, !f->sent_open);
		return;
	}
	both = bri_data_concat(f->written, data);
	bri_object_release(f->written);
	bri_object_release(data);
	f->written = both;
	if (!both)
		bri_framer_layer_fail(f, ENOMEM);
}

/* --- time --- */

static uint64_t deadline_ns(const struct bri_layer *layer)
{
	return framer_of(layer)->wakeup_ns;
}

static int expire(struct bri_layer *layer, uint64_t now_ns)
{
	nw_framer_t f = framer_of(layer);
	struct bri_handler *handler;

	f->now_ns = now_ns;
	if (now_ns < f->wakeup_ns)
		return 0;
	f->wakeup_ns = BRI_NEVER;
	handler = bri_handler_get(&f->lock, &f->handlers[BRI_FRAMER_WAKEUP]);
	if (handler)
		((nw_framer_wakeup_handler_f)handler->call.fn)(handler->call.context, f);
	bri_handler_put(handler);
	return bri_framer_layer_settle(f);
}

/* --- the beginning and the end --- */

static void learn_local(nw_framer_t f)
{
	const struct bri_chain *chain = f->layer.chain;
	union bri_sockaddr addr;

	if (chain->flow)
		f->local = bri_object_own(bri_endpoint_from_addr(bri_hub_flow_local(chain->flow)));
	else if (chain->fd >= 0 && bri_sock_local(chain->fd, &addr) == 0)
		f->local = bri_object_own(bri_endpoint_from_addr(&addr));
	if (!f->local)
		f->local = bri_object_get(f->parameters->local_endpoint);
}

static int start(struct bri_layer *layer, uint64_t now_ns)
{
	nw_framer_t f = framer_of(layer);
	const struct bri_callable *call = &bri_framer_definition(f)->start;
	nw_framer_start_result_t result;

	f->now_ns = now_ns;
	bri_framer_input_init(&f->in, below_has_messages(f), BRI_FRAMER_INPUT_MAX);
	learn_local(f);
	f->starting = true;
	result = ((nw_framer_start_handler_f)call->fn)(call->context, f);
	f->starting = false;
	if (result == nw_framer_start_result_ready && !f->failed)
		bri_layer_ready(layer);
	return bri_framer_layer_settle(f);
}

static bool call_stop(nw_framer_t f)
{
	struct bri_handler *handler = bri_handler_get(&f->lock, &f->handlers[BRI_FRAMER_STOP]);
	bool done = true;

	if (handler && !f->stopped)
		done = ((nw_framer_stop_handler_f)handler->call.fn)(handler->call.context, f);
	f->stopped = true;
	bri_handler_put(handler);
	return done;
}

static bool close_layer(struct bri_layer *layer, uint64_t now_ns)
{
	nw_framer_t f = framer_of(layer);

	f->now_ns = now_ns;
	/* before the call: it may say at once that it is done */
	f->stopping = !f->stopped;
	if (call_stop(f))
		f->stopping = false;
	return !f->stopping;
}

static void lost(struct bri_layer *layer, struct bri_race_error error)
{
	nw_framer_t f = framer_of(layer);

	/* asked for, not suffered: it may still become orderly, and say goodbye */
	if (error.domain == BRI_RACE_POSIX && error.code == ECANCELED) {
		f->cancelled = true;
		return;
	}
	f->failed = true; /* nothing that is said now reaches anybody */
	call_stop(f);
	f->stopping = false;
}

static void put_later(void *context)
{
	bri_object_put(context);
}

static void free_layer(struct bri_layer *layer)
{
	nw_framer_t f = framer_of(layer);
	struct bri_handler *cleanup = bri_handler_get(&f->lock, &f->handlers[BRI_FRAMER_CLEANUP]);

	f->failed = true; /* nothing that is said now reaches anybody */
	if (f->cancelled)
		call_stop(f);
	if (cleanup)
		((nw_framer_cleanup_handler_f)cleanup->call.fn)(cleanup->call.context, f);
	bri_handler_put(cleanup);
	f->attached = false;
	f->connection = NULL;
	for (int i = 0; i < BRI_FRAMER_HANDLERS; i++)
		bri_handler_set(&f->lock, &f->handlers[i], (struct bri_callable) { 0 });
	bri_framer_input_clear(&f->in);
	bri_content_clear(&f->unread);
	bri_object_put(f->delivered);
	bri_object_put(f->sent);
	bri_object_release(f->written);
	/* the layers that were made with these may be freed after us, but in the same turn */
	for (unsigned i = 0; i < f->prepended_count; i++)
		bri_async(f->queue, f->prepended[i], put_later);
	bri_object_put(f);
}

const struct bri_layer_class bri_framer_layer_class = {
	.name = "framer",
	.messages = true,
	.exact_time = true, /* wake-ups take what the application says, and no less */
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
