/*
 * nw_framer_*: what a program says to a framer at work. Checks the arguments and that the call
 * comes on the framer's context; what follows is the layer's matter.
 */
#include "api/framer.h"

#include <errno.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/log.h"
#include "dispatch/runtime.h"

static bool check(nw_framer_t framer, const char *function)
{
	return bri_object_check(framer, BRI_KIND_FRAMER, function);
}

/* The framer is there, and this is its context. Elsewhere its state must not be touched. */
static bool enter(nw_framer_t framer, const char *function)
{
	if (!check(framer, function))
		return false;
	if (BRI_UNLIKELY(!bri_queue_is_current(framer->queue))) {
		bri_error("%s: called outside of the framer's context: use nw_framer_async()",
			function);
		return false;
	}
	if (!framer->attached)
		bri_debug("%s: the framer has ended", function);
	return framer->attached;
}

static bool refuse(nw_framer_t framer, const char *function, const char *why)
{
	bri_error("%s: framer %s: %s", function, framer->options->definition->identifier, why);
	return false;
}

/* --- what a framer knows --- */

nw_endpoint_t nw_framer_copy_remote_endpoint(nw_framer_t framer)
{
	return check(framer, __func__) ? bri_object_retain(framer->remote) : NULL;
}

nw_endpoint_t nw_framer_copy_local_endpoint(nw_framer_t framer)
{
	return check(framer, __func__) ? bri_object_retain(framer->local) : NULL;
}

nw_parameters_t nw_framer_copy_parameters(nw_framer_t framer)
{
	return check(framer, __func__) ? bri_object_retain(framer->parameters) : NULL;
}

nw_protocol_options_t nw_framer_copy_options(nw_framer_t framer)
{
	return check(framer, __func__) ? bri_object_retain(framer->options) : NULL;
}

nw_framer_message_t nw_framer_message_create(nw_framer_t framer)
{
	return check(framer, __func__) ? bri_protocol_metadata_new(framer->options->definition)
				       : NULL;
}

/* --- handlers --- */

void bri_framer_set_handler(nw_framer_t framer, enum bri_framer_handler slot,
	struct bri_callable call, const char *function)
{
	bool late = slot != BRI_FRAMER_INPUT && slot != BRI_FRAMER_OUTPUT;

	if (!enter(framer, function) ||
		(late && !framer->starting &&
			!refuse(framer, function, "not in the start handler: ignored"))) {
		bri_callable_clear(&call);
		return;
	}
	bri_handler_set(&framer->lock, &framer->handlers[slot], call);
}

void nw_framer_set_input_handler_f(nw_framer_t framer, void *context,
	nw_framer_input_handler_f input_handler, nw_context_destroy_f destroy)
{
	bri_framer_set_handler(
		framer, BRI_FRAMER_INPUT, BRI_CALLABLE(input_handler, context, destroy), __func__);
}

void nw_framer_set_output_handler_f(nw_framer_t framer, void *context,
	nw_framer_output_handler_f output_handler, nw_context_destroy_f destroy)
{
	bri_framer_set_handler(framer, BRI_FRAMER_OUTPUT,
		BRI_CALLABLE(output_handler, context, destroy), __func__);
}

void nw_framer_set_wakeup_handler_f(nw_framer_t framer, void *context,
	nw_framer_wakeup_handler_f wakeup_handler, nw_context_destroy_f destroy)
{
	bri_framer_set_handler(framer, BRI_FRAMER_WAKEUP,
		BRI_CALLABLE(wakeup_handler, context, destroy), __func__);
}

void nw_framer_set_stop_handler_f(nw_framer_t framer, void *context,
	nw_framer_stop_handler_f stop_handler, nw_context_destroy_f destroy)
{
	bri_framer_set_handler(
		framer, BRI_FRAMER_STOP, BRI_CALLABLE(stop_handler, context, destroy), __func__);
}

void nw_framer_set_cleanup_handler_f(nw_framer_t framer, void *context,
	nw_framer_cleanup_handler_f cleanup_handler, nw_context_destroy_f destroy)
{
	bri_framer_set_handler(framer, BRI_FRAMER_CLEANUP,
		BRI_CALLABLE(cleanup_handler, context, destroy), __func__);
}

/* --- its state --- */

void nw_framer_mark_ready(nw_framer_t framer)
{
	if (enter(framer, __func__) && !framer->failed)
		bri_layer_ready(&framer->layer);
}

/* Makes the layer. What it is made with is the framer's, and lives as long. */
static struct bri_layer *make_layer(nw_framer_t f, nw_protocol_options_t opts)
{
	const struct bri_layer_env env = {
		.queue = f->queue,
		.parameters = f->parameters,
		.endpoint = f->remote,
		.host = f->host,
		.url = f->url,
		.is_server = f->is_server,
		.is_datagram = false, /* a framer's messages, not the transport's datagrams */
		.connection = f->connection,
	};
	nw_protocol_options_t copy = bri_object_own(bri_protocol_options_copy(opts));
	struct bri_layer *layer = copy ? copy->definition->layer_new(copy, &env) : NULL;

	if (layer)
		f->prepended[f->prepended_count++] = copy;
	else
		bri_object_put(copy);
	return layer;
}

bool nw_framer_prepend_application_protocol(nw_framer_t framer, nw_protocol_options_t options)
{
	struct bri_layer *layer;

	if (!enter(framer, __func__) ||
		!bri_object_check(options, BRI_KIND_PROTOCOL_OPTIONS, __func__))
		return false;
	if (framer->layer.ready || framer->failed)
		return refuse(framer, __func__, "it is ready already, or has failed");
	if (!(options->definition->levels & BRI_PROTOCOL_APPLICATION) ||
		!options->definition->layer_new)
		return refuse(framer, __func__, "this is not an application protocol");
	if (framer->prepended_count == BRI_LEN(framer->prepended))
		return refuse(framer, __func__, "too many protocols");
	layer = make_layer(framer, options);
	if (!layer)
		return refuse(framer, __func__, "the protocol cannot be made");
	bri_layer_insert_above(&framer->layer, layer);
	return true;
}

void nw_framer_mark_failed_with_error(nw_framer_t framer, int error_code)
{
	if (!enter(framer, __func__))
		return;
	if (framer->stopping) /* the end was asked for: it is no failure */
		bri_framer_layer_stopped(framer);
	else if (framer->failed)
		return;
	else if (error_code > 0)
		bri_framer_layer_fail(framer, error_code);
	else if (framer->layer.ready)
		bri_framer_layer_end(framer);
	else
		bri_framer_layer_fail(framer, ECONNABORTED);
}

void nw_framer_schedule_wakeup(nw_framer_t framer, uint64_t milliseconds)
{
	if (!enter(framer, __func__))
		return;
	/* so far away that it is not told from never */
	if (milliseconds >= (BRI_NEVER - framer->now_ns) / BRI_NS_PER_MS)
		framer->wakeup_ns = BRI_NEVER;
	else
		framer->wakeup_ns = framer->now_ns + milliseconds * BRI_NS_PER_MS;
}

struct job {
	nw_framer_t framer; /* internal reference */
	struct bri_callable work;
};

static void run_job(void *context)
{
	struct job *job = context;
	nw_framer_t framer = job->framer;

	framer->now_ns = bri_clock_now_ns();
	((dispatch_function_t)job->work.fn)(job->work.context);
	bri_callable_clear(&job->work);
	free(job);
	if (framer->attached) {
		bri_framer_layer_settle(framer);
		bri_layer_poke(&framer->layer);
	}
	bri_object_put(framer);
}

void bri_framer_async(nw_framer_t framer, struct bri_callable work, const char *function)
{
	struct job *job;

	if (!check(framer, function) || !bri_handler_is_given(work.fn, function)) {
		bri_callable_clear(&work);
		return;
	}
	job = malloc(sizeof(*job));
	if (!job)
		bri_abort("no memory for a call of nw_framer_async");
	*job = (struct job) { bri_object_get(framer), work };
	bri_async(framer->queue, job, run_job);
}

void nw_framer_async_f(nw_framer_t framer, void *context, dispatch_function_t work)
{
	bri_framer_async(framer, BRI_CALLABLE(work, context, NULL), __func__);
}

/* --- input --- */

static bool show_nothing(void *context, nw_framer_parse_completion_f fn)
{
	fn(context, NULL, 0, false);
	return false;
}

/* See nw_framer_parse_input(). Each way through it calls fn once. */
static bool parse(nw_framer_t f, struct bri_framer_input *in, size_t min, size_t max, uint8_t *temp,
	void *context, nw_framer_parse_completion_f fn)
{
	bool ends;
	size_t there = bri_framer_input_available(in, &ends);
	size_t n = bri_min_size(there, max), used;
	uint8_t *bytes;

	if ((there < min && !ends) || (n < min && n < there))
		return show_nothing(context, fn);
	bytes = bri_framer_input_view(in, n, temp);
	if (n && !bytes) {
		bri_framer_layer_fail(f, ENOMEM);
		return show_nothing(context, fn);
	}
	f->parsing = true;
	used = fn(context, bytes, n, ends && n == there);
	f->parsing = false;
	/* also 0, at the end of a message without bytes: it was seen */
	bri_framer_input_advance(in, used);
	return n && (n >= min || used);
}

bool nw_framer_parse_input_f(nw_framer_t framer, size_t minimum_incomplete_length,
	size_t maximum_length, uint8_t *temp_buffer, void *context,
	nw_framer_parse_completion_f parse_fn)
{
	if (!bri_handler_is_given((bri_any_f)parse_fn, __func__) || !enter(framer, __func__))
		return parse_fn ? show_nothing(context, parse_fn) : false;
	if (framer->parsing) {
		refuse(framer, __func__, "called inside a parse block");
		return show_nothing(context, parse_fn);
	}
	if (framer->pass_input || framer->up_ended || framer->failed)
		return show_nothing(context, parse_fn);
	return parse(framer, &framer->in, minimum_incomplete_length, maximum_length, temp_buffer,
		context, parse_fn);
}

/* A message of this very framer, or NULL, which stands for one without values. */
static bool is_ours(nw_framer_t f, nw_framer_message_t message, const char *function)
{
	return !message || bri_protocol_metadata_check(message, f->options->definition, function);
}

static bool may_deliver(nw_framer_t f, nw_framer_message_t message, const char *function)
{
	if (!enter(f, function) || !is_ours(f, message, function) || f->failed)
		return false;
	if (f->pass_input || f->up_ended)
		return refuse(f, function, "the input has ended, or passes through");
	return true;
}

void nw_framer_deliver_input(nw_framer_t framer, const uint8_t *input_buffer, size_t input_length,
	nw_framer_message_t message, bool is_complete)
{
	struct dispatch_data_s *data;

	if (!may_deliver(framer, message, __func__))
		return;
	if (!input_buffer || !input_length) {
		refuse(framer, __func__, "no bytes");
	} else if (framer->pending.left) {
		refuse(framer, __func__, "an earlier delivery still waits for its bytes");
	} else {
		data = bri_data_new_copy(input_buffer, input_length);
		if (data)
			bri_framer_layer_deliver(framer, data, message, is_complete);
		else
			bri_framer_layer_fail(framer, ENOMEM);
	}
}

/* Ends the message without more bytes. */
static bool complete_message(nw_framer_t f, nw_framer_message_t message)
{
	if (f->pending.left) {
		f->pending.complete = true;
		return false;
	}
	bri_framer_layer_deliver(f, NULL, message, true);
	return true;
}

/* `n` bytes of which `there` have come. */
static bool deliver_next(
	nw_framer_t f, size_t n, size_t there, nw_framer_message_t message, bool is_complete)
{
	struct dispatch_data_s *data = NULL;
	size_t first = bri_min_size(n, there);

	if (first) {
		data = bri_framer_input_take(&f->in, first);
		if (!data) {
			bri_framer_layer_fail(f, ENOMEM);
			return false;
		}
	}
	f->pending = (struct bri_framer_pending) { n - first, is_complete };
	/* also without bytes: it is the message that the others will belong to */
	bri_framer_layer_deliver(f, data, message, is_complete && first == n);
	return first == n;
}

bool nw_framer_deliver_input_no_copy(
	nw_framer_t framer, size_t input_length, nw_framer_message_t message, bool is_complete)
{
	size_t there;
	bool ends;

	if (!may_deliver(framer, message, __func__))
		return false;
	if (!input_length)
		return !is_complete || complete_message(framer, message);
	if (framer->parsing)
		return refuse(framer, __func__, "called inside a parse block");
	if (framer->pending.left)
		return refuse(framer, __func__, "an earlier one still waits for its bytes");
	there = bri_framer_input_available(&framer->in, &ends);
	if (ends && there < input_length && !framer->in.ended) {
		bri_framer_input_advance(&framer->in, input_length);
		return refuse(framer, __func__, "the message below is shorter: it is dropped");
	}
	return deliver_next(framer, input_length, there, message, is_complete);
}

void nw_framer_pass_through_input(nw_framer_t framer)
{
	if (enter(framer, __func__))
		framer->pass_input = true;
}

/* --- output --- */

bool nw_framer_parse_output_f(nw_framer_t framer, size_t minimum_incomplete_length,
	size_t maximum_length, uint8_t *temp_buffer, void *context,
	nw_framer_parse_completion_f parse_fn)
{
	if (!bri_handler_is_given((bri_any_f)parse_fn, __func__) || !enter(framer, __func__))
		return parse_fn ? show_nothing(context, parse_fn) : false;
	if (!framer->in_output || framer->parsing) {
		refuse(framer, __func__, "not in the output handler, or inside a parse block");
		return show_nothing(context, parse_fn);
	}
	return parse(framer, &framer->out, minimum_incomplete_length, maximum_length, temp_buffer,
		context, parse_fn);
}

void nw_framer_write_output(nw_framer_t framer, const uint8_t *output_buffer, size_t output_length)
{
	struct dispatch_data_s *data;

	if (!enter(framer, __func__) || framer->failed || !output_length)
		return;
	if (!output_buffer) {
		refuse(framer, __func__, "no bytes");
		return;
	}
	data = bri_data_new_copy(output_buffer, output_length);
	if (data)
		bri_framer_layer_write(framer, data);
	else
		bri_framer_layer_fail(framer, ENOMEM);
}

void nw_framer_write_output_data(nw_framer_t framer, dispatch_data_t output_data)
{
	if (enter(framer, __func__) && !framer->failed &&
		bri_object_check(output_data, BRI_KIND_DISPATCH_DATA, __func__) &&
		bri_data_size(output_data))
		bri_framer_layer_write(framer, bri_object_retain(output_data));
}

bool nw_framer_write_output_no_copy(nw_framer_t framer, size_t output_length)
{
	struct dispatch_data_s *data;
	bool ends;

	if (!enter(framer, __func__) || framer->failed)
		return false;
	if (!framer->in_output || framer->parsing)
		return refuse(
			framer, __func__, "not in the output handler, or inside a parse block");
	if (output_length > bri_framer_input_available(&framer->out, &ends))
		return refuse(framer, __func__, "there are not so many bytes");
	if (!output_length)
		return true;
	data = bri_framer_input_take(&framer->out, output_length);
	if (data)
		bri_framer_layer_write(framer, data);
	else
		bri_framer_layer_fail(framer, ENOMEM);
	return data;
}

void nw_framer_pass_through_output(nw_framer_t framer)
{
	if (enter(framer, __func__))
		framer->pass_output = true;
}
