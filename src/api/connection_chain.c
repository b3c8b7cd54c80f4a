/*
 * A connection's layers above its transport: made from the stack of its parameters, fed by sends,
 * asked by receives. Knows no protocol: definitions make their layers.
 */
#include "api/connection.h"
#include "api/content_context.h"
#include "api/framer.h"

#include <errno.h>
#include <sys/epoll.h>

/* --- making --- */

bool bri_connection_has_layers(nw_connection_t c)
{
	return c->layers;
}

int bri_connection_freeze_layers(nw_connection_t c)
{
	if (!c->parameters->stack->count)
		return 0;
	c->layers = bri_protocol_stack_copy(c->parameters->stack);
	return c->layers ? 0 : -ENOMEM;
}

int bri_connection_make_layers(void *context, const union bri_sockaddr *address,
	struct bri_layer *ret[static BRI_CHAIN_LAYERS_MAX])
{
	nw_connection_t c = context;
	nw_protocol_stack_t stack = c->layers;
	nw_endpoint_t endpoint = nw_connection_copy_endpoint(c);
	const char *host = nw_endpoint_get_hostname(endpoint);
	struct bri_layer_env env = {
		.queue = atomic_load_explicit(&c->queue, memory_order_relaxed),
		.parameters = c->parameters,
		.endpoint = endpoint,
		.host = host ? host : "",
		.remote = address,
		.url = nw_endpoint_get_url(endpoint),
		.is_server = c->inbound,
		.is_datagram = c->is_udp,
		.connection = c,
	};
	int n = bri_connection_make_proxy_layers(c, &env, ret, BRI_CHAIN_LAYERS_MAX);

	c->proxy_layers = n;
	for (size_t i = stack ? stack->count : 0; n >= 0 && i > 0; i--) {
		nw_protocol_options_t opts = stack->application[i - 1];

		if (i == 1 && !c->inbound)
			env.early =
				bri_connection_early_content(c, c->parameters->fast_open_enabled);
		ret[n] = opts->definition->layer_new ? opts->definition->layer_new(opts, &env)
						     : NULL;
		if (ret[n]) {
			/* a framer makes messages of its own: TLS above it is no DTLS, also over
			 * UDP */
			if (bri_framer_is_definition(opts->definition))
				env.is_datagram = false;
			n++;
			continue;
		}
		while (n > 0) {
			n--;
			ret[n]->cls->free(ret[n]);
		}
		n = -ENOTSUP;
		break;
	}
	nw_release(endpoint);
	return n;
}

/* Those that the chain has, when it is done with them. False: it is not, or has none. */
static bool finish_put(nw_connection_t c)
{
	if (!c->n_put || !bri_chain_is_flushed(c->chain))
		return false;
	while (c->n_put) {
		c->n_put--;
		bri_connection_finish_send(c, -c->chain->unsent);
	}
	return true;
}

static void on_turn(void *context)
{
	nw_connection_t c = context;

	finish_put(c); /* the usual reason: what was left to the end of the batch was written */
	bri_connection_run(c);
}

static BRI_COLD void publish_metadata(nw_connection_t c)
{
	int below =
		c->proxy_layers; /* TLS to a proxy is nobody's who asks for the connection's TLS */
	size_t n = 0, most, overhead = bri_chain_overhead(c->chain, &most);

	pthread_mutex_lock(&c->lock);
	c->datagram_overhead = (uint32_t)overhead;
	c->datagram_most = (uint32_t)most;
	for (struct bri_layer *l = c->chain->bottom; l && n < BRI_CHAIN_LAYERS_MAX; l = l->above) {
		if (below-- > 0 || !l->metadata)
			continue;
		c->metadata[n] = bri_object_get(l->metadata);
		c->handshake_ms[n++] = (uint32_t)((l->ready_ns - l->started_ns) / BRI_NS_PER_MS);
	}
	c->n_metadata = n;
	pthread_mutex_unlock(&c->lock);
}

void bri_connection_take_chain(nw_connection_t c, struct bri_chain *chain)
{
	c->chain = chain;
	bri_chain_retarget(chain, c, on_turn);
	publish_metadata(c);
}

int bri_connection_open_chain(nw_connection_t c)
{
	struct bri_layer *layers[BRI_CHAIN_LAYERS_MAX];
	int n = bri_connection_make_layers(c, &c->remote, layers);

	if (n < 0)
		return n;
	c->chain = bri_chain_new(atomic_load_explicit(&c->queue, memory_order_relaxed), layers,
		(size_t)n, c, on_turn);
	if (!c->chain)
		return -ENOMEM;
	bri_chain_open(c->chain, c->sock.fd, c->flow, c->is_udp);
	if (c->readable)
		bri_chain_on_ready(c->chain, EPOLLIN);
	return 0;
}

nw_protocol_metadata_t bri_connection_copy_layer_metadata(
	nw_connection_t c, nw_protocol_definition_t definition)
{
	nw_protocol_metadata_t found = NULL;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < c->n_metadata && !found; i++) {
		if (bri_protocol_metadata_is(c->metadata[i], definition))
			found = bri_object_retain(c->metadata[i]);
	}
	pthread_mutex_unlock(&c->lock);
	return found;
}

/* --- turns --- */

/* Its layers end, which takes them time. */
static BRI_COLD bool close_some(nw_connection_t c)
{
	bri_chain_turn(c->chain);
	if (!bri_chain_is_closed(c->chain))
		return bri_chain_wants_turn(c->chain);
	bri_connection_on_closed(c);
	return true;
}

/* The chain has all sends, and has not written them. */
static bool sends_are_put(nw_connection_t c)
{
	return c->n_put && c->sends.tail == c->put_tail && !bri_chain_is_flushed(c->chain);
}

bool bri_connection_chain_is_idle(nw_connection_t c)
{
	const struct bri_chain *chain = c->chain;

	return chain->state == BRI_CHAIN_READY && !c->closing && !c->partial && !c->in_datagram &&
	       !c->end_seen && !chain->top->up.head && (!c->sends.head || sends_are_put(c));
}

bool bri_connection_turn_chain(nw_connection_t c, bool wants)
{
	enum bri_chain_state before = c->chain->state;

	if (c->chain->turning)
		return false;
	if (c->closing)
		return close_some(c);
	if (before == BRI_CHAIN_OPENING || wants)
		bri_chain_turn(c->chain);
	if (c->chain->state == BRI_CHAIN_FAILED) {
		/* what came before it is received first; a message that will never be whole is not
		 * waited for: what there is of it goes along with the error */
		if (c->life == BRI_LIFE_READY && (c->chain->top->up.head || c->message_ended))
			return false;
		bri_connection_lost_by(c, c->chain->error);
		return true;
	}
	if (before == BRI_CHAIN_OPENING && c->chain->state == BRI_CHAIN_READY) {
		publish_metadata(c);
		bri_connection_become_ready(c);
		return true;
	}
	return false; /* whether it wants another one is asked when all have moved */
}

/* --- receiving --- */

static void append(nw_connection_t c, struct dispatch_data_s *data)
{
	if (!data)
		return;
	bri_connection_count(&c->bytes_in, bri_data_size(data));
	bri_connection_append(c, data);
}

bool bri_connection_fill_from_chain(nw_connection_t c)
{
	struct bri_content content;

	if (!bri_chain_take(c->chain, &content))
		return false;
	append(c, content.data);
	c->end_seen = content.end;
	content.data = NULL;
	bri_content_clear(&content);
	return true;
}

/* All pieces of a message have one context: with another one, what was begun was cut off. */
static bool is_another(nw_connection_t c, const struct bri_content *content)
{
	return c->in_datagram && content->context &&
	       content->context != (struct bri_object *)c->datagram_context;
}

/* The next piece of a message. False: none now. */
static bool next_piece(nw_connection_t c)
{
	struct bri_content content;

	if (c->end_seen || !bri_chain_take(c->chain, &content))
		return false;
	c->end_seen = content.end;
	if (!content.end || content.data) {
		if (is_another(c, &content)) {
			bri_object_release(c->partial);
			c->partial = NULL;
			bri_connection_end_message(c);
		}
		if (!c->in_datagram) {
			c->in_datagram = true;
			c->datagram_context = (nw_content_context_t)content.context;
			content.context = NULL;
			if (!c->datagram_context)
				c->datagram_context =
					bri_object_own(bri_content_context_new("message", NULL));
		}
		c->message_ended = content.complete;
		append(c, content.data);
		content.data = NULL;
	}
	bri_content_clear(&content);
	return true;
}

static size_t partial_size(nw_connection_t c)
{
	return c->partial ? bri_data_size(c->partial) : 0;
}

bool bri_connection_receive_message_of_chain(nw_connection_t c)
{
	struct bri_request *request = c->receives.head;
	size_t need = bri_connection_receive_least(request);
	size_t most = bri_connection_receive_most(request);
	struct dispatch_data_s *content;
	bool complete;

	while (!c->message_ended && partial_size(c) < need && next_piece(c))
		;
	if (!c->in_datagram) {
		if (c->end_seen)
			bri_connection_finish_receive(c, NULL, NULL, false, ENODATA);
		return c->end_seen;
	}
	if (!c->message_ended && partial_size(c) < need && !c->end_seen)
		return false;
	content = bri_connection_take(c, most);
	complete = c->message_ended && !c->partial;
	bri_connection_finish_message(c, content, complete,
		complete || (c->end_seen && !c->partial),
		complete || (!request->message && !c->end_seen) ? 0
		: c->end_seen                                   ? ENODATA
								: EMSGSIZE);
	return true;
}

/* --- sending --- */

/* What has not gone with the opening. +1; the request has none any more. */
static struct dispatch_data_s *take_rest(struct bri_request *request)
{
	struct dispatch_data_s *content = request->content, *rest = NULL;
	size_t size = content ? bri_data_size(content) : 0;

	request->content = NULL;
	if (BRI_LIKELY(!request->offset))
		return content;
	if (request->offset < size)
		rest = bri_data_subrange(content, request->offset, size - request->offset);
	bri_object_release(content);
	return rest;
}

/* The chain takes what the request refers to; that waits on only to be told that it is sent. */
static bool put_next(nw_connection_t c, struct bri_request *request)
{
	struct bri_content content = { .complete = request->complete,
		.end = bri_connection_send_is_final(request) };

	if (c->chain->state != BRI_CHAIN_READY || c->chain->out.bytes >= BRI_CHAIN_DOWN_MAX)
		return false;
	c->fin_sent |= content.end;
	c->n_put++;
	c->put_tail = &request->next;
	content.data = take_rest(request);
	content.context = (struct bri_object *)request->context;
	request->context = NULL;
	if (content.data)
		bri_connection_count(&c->bytes_out, bri_data_size(content.data));
	bri_chain_put(c->chain, &content);
	return true;
}

bool bri_connection_send_to_chain(nw_connection_t c)
{
	struct bri_request *request = c->sends.head;

	if (c->chain->turning)
		return false; /* called by a layer's own callback: the turn is followed by a run */
	if (!c->n_put && c->fin_sent) {
		bri_connection_finish_send(c, EPIPE);
		return true;
	}
	if (!c->n_put && bri_connection_send_is_expired(request)) {
		bri_connection_finish_send(c, ETIMEDOUT);
		return true;
	}
	for (unsigned i = 0; i < c->n_put; i++)
		request = request->next;
	while (request && !c->fin_sent && !(c->n_put && bri_connection_send_is_expired(request)) &&
		put_next(c, request))
		request = request->next;
	bri_chain_flush(c->chain);
	return finish_put(c);
}

void bri_connection_settle_chain(nw_connection_t c)
{
	bri_chain_settle(c->chain);
	finish_put(c);
}
