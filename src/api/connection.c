/*
 * The public functions of nw_connection: argument checks, and hand-over to the connection's queue.
 * Knows nothing of sockets and states beyond that.
 *
 * A call made on the connection's queue acts at once; one made elsewhere acts at once too if the
 * queue is idle, and becomes an item of the queue if not. Nothing is ever delivered inside a call.
 */
#include "api/connection.h"
#include "api/connection_blocks.h"
#include "api/content_context.h"
#include "api/path.h"
#include "api/sentinels.h"
#include "api/tcp_options.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Application memory up to this size is copied when it cannot be sent at once: see send_now(). */
#define FOREIGN_COPY_MAX (64u * 1024u)

enum op_kind {
	OP_START,
	OP_RESTART,
	OP_CANCEL,
	OP_FORCE_CANCEL,
	OP_SKIP,
	OP_RECEIVE,
	OP_SEND,
	OP_WATCH,
};

/* A call on its way to the queue. */
struct op {
	struct bri_item item;
	enum op_kind kind;
	nw_connection_t connection; /* internal reference */
	struct bri_request *request;
};

/* --- making and freeing --- */

static void destroy_connection(struct bri_object *obj)
{
	nw_connection_t c = (nw_connection_t)obj;
	struct bri_request *request;

	/* never started: what was queued is dropped; a completion that never ran still frees its
	 * context */
	while ((request = bri_requests_take(&c->receives)) ||
		(request = bri_requests_take(&c->sends)) ||
		(request = bri_requests_take(&c->events)))
		bri_request_free(request);
	for (unsigned i = 0; i < BRI_HANDLER_SLOTS; i++)
		bri_handler_set(&c->lock, &c->handlers[i], (struct bri_callable) { 0 });
	if (c->sock.fd >= 0)
		close(c->sock.fd);
	bri_hub_flow_close(c->flow);
	bri_object_release(c->partial);
	bri_object_put(c->datagram_context);
	bri_object_release(c->path);
	bri_object_release(c->layers);
	bri_connection_free_ways(c);
	for (size_t i = 0; i < c->n_metadata; i++)
		bri_object_put(c->metadata[i]);
	bri_object_put(atomic_load(&c->tcp_metadata));
	bri_object_put(c->endpoint);
	bri_object_put(c->parameters);
	bri_object_put(c->client_queue);
	bri_object_put(atomic_load(&c->queue));
	free(c->established);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static const struct bri_class connection_class = {
	.name = "nw_connection", .kind = BRI_KIND_CONNECTION, .destroy = destroy_connection
};

static void run_kicked(struct bri_item *item)
{
	nw_connection_t c = bri_container_of(item, struct nw_connection, item);

	c->item_queued = false;
	bri_connection_run(c);
	bri_object_put(c);
}

static nw_connection_t new_connection(void)
{
	static _Atomic uint64_t last_id;
	nw_connection_t c = bri_object_new(&connection_class, sizeof(*c));

	if (!c)
		return NULL;
	c->id = atomic_fetch_add(&last_id, 1) + 1;
	pthread_mutex_init(&c->lock, NULL);
	bri_requests_init(&c->receives);
	bri_requests_init(&c->sends);
	bri_requests_init(&c->events);
	bri_list_init(&c->reports);
	c->sock.fd = -1;
	c->item.run = run_kicked;
	atomic_init(&c->multipath_reason, BRI_MPTCP_REASON_UNDECIDED);
	return c;
}

bool bri_connection_is(nw_connection_t connection, const char *function)
{
	return bri_object_check(connection, BRI_KIND_CONNECTION, function);
}

BRI_EXPORT nw_connection_t nw_connection_create(nw_endpoint_t endpoint, nw_parameters_t parameters)
{
	nw_connection_t c;

	if (!bri_object_check(endpoint, BRI_KIND_ENDPOINT, "nw_connection_create") ||
		!bri_object_check(parameters, BRI_KIND_PARAMETERS, "nw_connection_create"))
		return NULL;
	c = new_connection();
	if (!c)
		return NULL;
	c->endpoint = bri_object_get(endpoint);
	c->parameters = bri_object_own(nw_parameters_copy(parameters));
	c->is_udp = bri_parameters_transport(parameters) == BRI_PARAMETERS_UDP;
	return c;
}

nw_connection_t bri_connection_new_inbound(
	nw_parameters_t parameters, struct bri_sock sock, const union bri_sockaddr *remote)
{
	nw_connection_t c = new_connection();

	if (!c) {
		close(sock.fd);
		return NULL;
	}
	c->inbound = true;
	c->sock = sock;
	c->remote = *remote;
	c->parameters = bri_object_get(parameters);
	c->parameters_are_shared = true;
	return c;
}

nw_connection_t bri_connection_new_flow(nw_parameters_t parameters, struct bri_hub_flow *flow)
{
	nw_connection_t c = new_connection();

	if (!c)
		return NULL;
	c->inbound = c->is_udp = true;
	c->flow = flow;
	c->remote = *bri_hub_flow_remote(flow);
	c->parameters = bri_object_get(parameters);
	c->parameters_are_shared = true;
	return c;
}

/* --- to the queue --- */

/* Content that waits must not be memory that the application may reuse: small amounts are copied.
 */
static void keep_content(struct bri_request *request)
{
	size_t size = request->content ? bri_data_size(request->content) : 0;
	struct dispatch_data_s *copy;
	const void *bytes;
	dispatch_data_t flat;

	if (!size || size > FOREIGN_COPY_MAX || !bri_data_is_foreign(request->content))
		return;
	flat = dispatch_data_create_map(request->content, &bytes, &size);
	copy = bri_data_new_copy(bytes, size);
	bri_object_release(flat);
	if (!copy)
		return;
	bri_object_release(request->content);
	request->content = copy;
}

/* Why no more sends and receives are taken; 0: they are. */
static int over(nw_connection_t c)
{
	if (c->life == BRI_LIFE_FAILED)
		return ENOTCONN;
	return c->life == BRI_LIFE_CANCELLED || c->closing ? ECANCELED : 0;
}

/* On the queue: written now, if nothing is before it. */
static void send_now(nw_connection_t c, struct bri_request *request)
{
	bool first = !c->sends.head;

	if (over(c)) {
		bri_connection_complete(c, request, bri_error_new(nw_error_domain_posix, over(c)));
		return;
	}
	bri_requests_append(&c->sends, request);
	if (first)
		bri_connection_send_some(c);
	/* still the last of the list: it was not sent, or not all of it */
	if (c->sends.head && c->sends.tail == &request->next)
		keep_content(request);
}

static void receive_now(nw_connection_t c, struct bri_request *request)
{
	if (over(c))
		bri_connection_complete(c, request, bri_error_new(nw_error_domain_posix, over(c)));
	else
		bri_requests_append(&c->receives, request);
}

/* On the queue. */
static void apply(nw_connection_t c, enum op_kind kind, struct bri_request *request)
{
	switch (kind) {
	case OP_START: bri_connection_on_start(c); break;
	case OP_RESTART:
		if (c->life == BRI_LIFE_WAITING)
			bri_connection_on_restart(c);
		break;
	case OP_CANCEL: bri_connection_on_cancel(c, false); break;
	case OP_FORCE_CANCEL: bri_connection_on_cancel(c, true); break;
	case OP_SKIP: bri_connection_on_skip(c); break;
	case OP_RECEIVE: receive_now(c, request); break;
	case OP_SEND: send_now(c, request); break;
	case OP_WATCH: bri_connection_watch_network(c); break;
	}
}

static void run_op(struct bri_item *item)
{
	struct op op = *bri_container_of(item, struct op, item);

	bri_pool_free(bri_container_of(item, struct op, item), sizeof(op));
	apply(op.connection, op.kind, op.request);
	bri_connection_run(op.connection);
	bri_object_put(op.connection);
}

static void queue_op(nw_connection_t c, enum op_kind kind, struct bri_request *request)
{
	struct op *op = bri_pool_alloc(sizeof(*op));

	if (!op)
		bri_abort("no memory for a call");
	*op = (struct op) { .kind = kind, .connection = bri_object_get(c), .request = request };
	op->item.run = run_op;
	if (kind == OP_SEND)
		keep_content(request);
	bri_queue_push(atomic_load_explicit(&c->queue, memory_order_acquire), &op->item);
}

static void apply_and_kick(nw_connection_t c, enum op_kind kind, struct bri_request *request)
{
	apply(c, kind, request);
	bri_connection_kick(c);
}

static void apply_op(void *context)
{
	struct op *op = context;

	apply_and_kick(op->connection, op->kind, op->request);
}

/* Receives and sends: at once where that can be, else queued. The queue is set. */
static void submit(nw_connection_t c, enum op_kind kind, struct bri_request *request)
{
	struct dispatch_queue_s *queue = atomic_load_explicit(&c->queue, memory_order_acquire);
	struct op op;

	if (bri_queue_is_current(queue)) {
		apply_and_kick(c, kind, request);
		return;
	}
	op = (struct op) { .kind = kind, .connection = c, .request = request };
	if (!bri_queue_try_run(queue, &op, apply_op))
		queue_op(c, kind, request);
}

/* Receives and sends of a connection that may not be started: they wait in its lists. */
static void submit_request(nw_connection_t c, enum op_kind kind, struct bri_request *request)
{
	bool waits = false;

	if (!atomic_load_explicit(&c->queue, memory_order_acquire)) {
		pthread_mutex_lock(&c->lock);
		waits = !atomic_load_explicit(&c->queue, memory_order_relaxed);
		if (waits && kind == OP_SEND)
			keep_content(request);
		if (waits)
			bri_requests_append(kind == OP_SEND ? &c->sends : &c->receives, request);
		pthread_mutex_unlock(&c->lock);
	}
	if (!waits)
		submit(c, kind, request);
}

/* --- life --- */

BRI_EXPORT void nw_connection_set_queue(nw_connection_t c, dispatch_queue_t queue)
{
	if (!bri_connection_is(c, "nw_connection_set_queue") ||
		!bri_object_check(queue, BRI_KIND_DISPATCH_QUEUE, "nw_connection_set_queue"))
		return;
	pthread_mutex_lock(&c->lock);
	if (c->started)
		bri_error("nw_connection_set_queue: the connection is started already");
	else
		bri_object_set(&c->client_queue, queue);
	pthread_mutex_unlock(&c->lock);
}

/* Under lock: from now on the queue rules. The connection keeps itself alive until it has ended. */
static bool take_off(nw_connection_t c)
{
	struct dispatch_queue_s *queue;

	if (c->started || !c->client_queue)
		return false;
	queue = bri_queue_new_serial_for(c->client_queue);
	if (!queue)
		return false;
	c->started = true;
	c->self_reference = true;
	bri_object_get(c);
	atomic_store_explicit(&c->queue, queue, memory_order_release);
	return true;
}

BRI_EXPORT void nw_connection_start(nw_connection_t c)
{
	bool start, has_queue;

	if (!bri_connection_is(c, "nw_connection_start"))
		return;
	pthread_mutex_lock(&c->lock);
	start = take_off(c);
	has_queue = c->client_queue;
	pthread_mutex_unlock(&c->lock);
	if (start)
		queue_op(c, OP_START, NULL);
	else if (!has_queue)
		bri_error("nw_connection_start: set a queue first (nw_connection_set_queue)");
}

/* A call that only means something to a started connection. */
static void control(nw_connection_t c, enum op_kind kind, const char *function)
{
	if (bri_connection_is(c, function) && atomic_load_explicit(&c->queue, memory_order_acquire))
		queue_op(c, kind, NULL);
}

BRI_EXPORT void nw_connection_restart(nw_connection_t c)
{
	control(c, OP_RESTART, "nw_connection_restart");
}

BRI_EXPORT void nw_connection_cancel_current_endpoint(nw_connection_t c)
{
	control(c, OP_SKIP, "nw_connection_cancel_current_endpoint");
}

/* A connection that was never started: close it here; its handlers hear of it if there is a queue.
 */
static void cancel(nw_connection_t c, enum op_kind kind)
{
	struct bri_sock sock = { .fd = -1 };
	struct bri_hub_flow *flow = NULL;
	bool has_queue;

	pthread_mutex_lock(&c->lock);
	take_off(c);
	has_queue = c->started;
	if (!has_queue) {
		sock.fd = c->sock.fd;
		flow = c->flow;
		c->sock.fd = -1;
		c->flow = NULL;
		c->started = true; /* it cannot be started any more */
		atomic_store(&c->published_state, BRI_LIFE_CANCELLED);
	}
	pthread_mutex_unlock(&c->lock);
	if (has_queue && atomic_load(&c->queue)) {
		queue_op(c, kind, NULL);
		return;
	}
	bri_hub_flow_close(flow);
	if (sock.fd >= 0)
		close(sock.fd);
}

BRI_EXPORT void nw_connection_cancel(nw_connection_t c)
{
	if (bri_connection_is(c, "nw_connection_cancel"))
		cancel(c, OP_CANCEL);
}

BRI_EXPORT void nw_connection_force_cancel(nw_connection_t c)
{
	if (bri_connection_is(c, "nw_connection_force_cancel"))
		cancel(c, OP_FORCE_CANCEL);
}

/* --- handlers --- */

void bri_connection_set_handler(nw_connection_t c, enum bri_handler_slot slot,
	struct bri_callable call, const char *function)
{
	bool wants_network = call.fn && slot != BRI_HANDLER_STATE;

	if (!bri_connection_is(c, function)) {
		bri_callable_clear(&call);
		return;
	}
	bri_handler_set(&c->lock, &c->handlers[slot], call);
	if (wants_network && atomic_load(&c->published_state) == BRI_LIFE_READY)
		control(c, OP_WATCH, function);
}

BRI_EXPORT void nw_connection_set_state_changed_handler_f(nw_connection_t connection, void *context,
	nw_connection_state_changed_handler_f handler, nw_context_destroy_f destroy)
{
	bri_connection_set_handler(connection, BRI_HANDLER_STATE,
		BRI_CALLABLE(handler, context, destroy), "nw_connection_set_state_changed_handler");
}

BRI_EXPORT void nw_connection_set_viability_changed_handler_f(nw_connection_t connection,
	void *context, nw_connection_boolean_event_handler_f handler, nw_context_destroy_f destroy)
{
	bri_connection_set_handler(connection, BRI_HANDLER_VIABILITY,
		BRI_CALLABLE(handler, context, destroy),
		"nw_connection_set_viability_changed_handler");
}

BRI_EXPORT void nw_connection_set_better_path_available_handler_f(nw_connection_t connection,
	void *context, nw_connection_boolean_event_handler_f handler, nw_context_destroy_f destroy)
{
	bri_connection_set_handler(connection, BRI_HANDLER_BETTER_PATH,
		BRI_CALLABLE(handler, context, destroy),
		"nw_connection_set_better_path_available_handler");
}

BRI_EXPORT void nw_connection_set_path_changed_handler_f(nw_connection_t connection, void *context,
	nw_connection_path_event_handler_f handler, nw_context_destroy_f destroy)
{
	bri_connection_set_handler(connection, BRI_HANDLER_PATH,
		BRI_CALLABLE(handler, context, destroy), "nw_connection_set_path_changed_handler");
}

/* --- data --- */

void bri_connection_receive(nw_connection_t c, uint32_t min, uint32_t max, bool message,
	struct bri_callable completion, const char *function)
{
	bool usable = bri_connection_is(c, function);
	struct bri_request *request;

	if (usable && !completion.fn) {
		bri_error("%s: no completion", function);
		usable = false;
	} else if (usable && !message && (max == 0 || min > max)) {
		bri_error("%s: the maximum length is 0 or below the minimum", function);
		usable = false;
	}
	if (!usable) {
		bri_callable_clear(&completion);
		return;
	}
	request = bri_request_new(BRI_REQUEST_RECEIVE);
	request->message = message;
	request->min = min;
	request->max = max;
	request->call = completion;
	submit_request(c, OP_RECEIVE, request);
}

BRI_EXPORT void nw_connection_receive_f(nw_connection_t connection,
	uint32_t minimum_incomplete_length, uint32_t maximum_length, void *completion_context,
	nw_connection_receive_completion_f completion, nw_context_destroy_f destroy)
{
	bri_connection_receive(connection, minimum_incomplete_length, maximum_length, false,
		BRI_CALLABLE(completion, completion_context, destroy), "nw_connection_receive");
}

BRI_EXPORT void nw_connection_receive_message_f(nw_connection_t connection,
	void *completion_context, nw_connection_receive_completion_f completion,
	nw_context_destroy_f destroy)
{
	bri_connection_receive(connection, 1, UINT32_MAX, true,
		BRI_CALLABLE(completion, completion_context, destroy),
		"nw_connection_receive_message");
}

static const char *why_not_sent(dispatch_data_t content, nw_content_context_t context,
	bool is_complete, const struct bri_callable *completion)
{
	if (!completion->fn)
		return "no completion";
	if (!bri_object_is(context, BRI_KIND_CONTENT_CONTEXT))
		return "no content context";
	if (content && !bri_object_is(content, BRI_KIND_DISPATCH_DATA))
		return "the content is not dispatch data";
	if (!content && !is_complete)
		return "no content, and not complete";
	return NULL;
}

void bri_connection_send(nw_connection_t c, dispatch_data_t content, nw_content_context_t context,
	bool is_complete, struct bri_callable completion)
{
	struct bri_request *request;
	uint64_t expiration_ms;
	const char *why = NULL;

	if (!bri_connection_is(c, "nw_connection_send") ||
		(why = why_not_sent(content, context, is_complete, &completion))) {
		if (why)
			bri_error("nw_connection_send: %s", why);
		bri_callable_clear(&completion);
		return;
	}
	request = bri_request_new(BRI_REQUEST_SEND);
	request->complete = is_complete;
	request->idempotent = bri_sentinels_is_idempotent(&completion);
	request->call = completion;
	request->content = bri_object_retain(content);
	request->context = bri_object_get(context);
	expiration_ms = bri_content_context_expiration_ms(context);
	if (expiration_ms)
		request->expires_ns = bri_clock_now_ns() + expiration_ms * BRI_NS_PER_MS;
	submit_request(c, OP_SEND, request);
}

BRI_EXPORT void nw_connection_send_f(nw_connection_t connection, dispatch_data_t content,
	nw_content_context_t context, bool is_complete, void *completion_context,
	nw_connection_send_completion_f completion, nw_context_destroy_f destroy)
{
	bri_connection_send(connection, content, context, is_complete,
		BRI_CALLABLE(completion, completion_context, destroy));
}

struct batch {
	nw_connection_t connection;
	void *context;
	dispatch_function_t fn;
};

/* On the queue: sends inside only queue up, and go out together. */
static void run_batch(void *context)
{
	struct batch *batch = context;
	nw_connection_t c = batch->connection;

	c->batching++;
	batch->fn(batch->context);
	c->batching--;
	while (bri_connection_send_some(c))
		;
	bri_connection_kick(c);
}

BRI_EXPORT void nw_connection_batch_f(nw_connection_t c, void *context, dispatch_function_t fn)
{
	struct batch batch = { c, context, fn };
	struct dispatch_queue_s *queue;

	if (!bri_connection_is(c, "nw_connection_batch") ||
		!bri_handler_is_given((bri_any_f)fn, "nw_connection_batch"))
		return;
	queue = atomic_load_explicit(&c->queue, memory_order_acquire);
	if (queue && bri_queue_is_current(queue))
		run_batch(&batch);
	else if (!queue || !bri_queue_try_run(queue, &batch, run_batch))
		fn(context); /* not started, or busy elsewhere: the calls queue up one by one */
}

/* --- getters --- */

BRI_EXPORT nw_endpoint_t nw_connection_copy_endpoint(nw_connection_t c)
{
	nw_endpoint_t endpoint;

	if (!bri_connection_is(c, "nw_connection_copy_endpoint"))
		return NULL;
	pthread_mutex_lock(&c->lock);
	if (!c->endpoint)
		c->endpoint = bri_object_own(bri_endpoint_from_addr(&c->remote));
	endpoint = nw_retain(c->endpoint);
	pthread_mutex_unlock(&c->lock);
	return endpoint;
}

BRI_EXPORT nw_parameters_t nw_connection_copy_parameters(nw_connection_t c)
{
	nw_parameters_t parameters;

	if (!bri_connection_is(c, "nw_connection_copy_parameters"))
		return NULL;
	pthread_mutex_lock(&c->lock);
	if (c->parameters_are_shared && !c->started) {
		parameters = bri_object_own(nw_parameters_copy(c->parameters));
		if (parameters) {
			bri_object_put(c->parameters);
			c->parameters = parameters;
			c->parameters_are_shared = false;
		}
	}
	parameters = c->parameters_are_shared ? nw_parameters_copy(c->parameters)
					      : nw_retain(c->parameters);
	pthread_mutex_unlock(&c->lock);
	return parameters;
}

static bool is_ready(nw_connection_t c)
{
	return atomic_load_explicit(&c->published_state, memory_order_acquire) == BRI_LIFE_READY;
}

/* The metadata asks from any thread, with its own lock held; the socket is there while it asks. */
static int answer_tcp_query(void *context, enum bri_tcp_query what, uint64_t value, uint32_t *ret)
{
	nw_connection_t c = context;

	switch (what) {
	case BRI_TCP_QUERY_RX_BYTES: return bri_sock_unread(c->sock.fd, ret);
	case BRI_TCP_QUERY_TX_BYTES: return bri_sock_unacknowledged(c->sock.fd, ret);
	case BRI_TCP_SET_PACING_RATE: return bri_sock_pace(c->sock.fd, value);
	}
	return -EINVAL;
}

static nw_protocol_metadata_t copy_tcp_metadata(nw_connection_t c)
{
	nw_protocol_metadata_t md;

	pthread_mutex_lock(&c->lock);
	md = atomic_load(&c->tcp_metadata);
	if (!md && c->sock.fd >= 0) {
		md = bri_object_own(bri_tcp_metadata_new(c, answer_tcp_query));
		atomic_store(&c->tcp_metadata, md);
	}
	md = nw_retain(md);
	pthread_mutex_unlock(&c->lock);
	return md;
}

BRI_EXPORT nw_protocol_metadata_t nw_connection_copy_protocol_metadata(
	nw_connection_t c, nw_protocol_definition_t definition)
{
	if (!bri_connection_is(c, "nw_connection_copy_protocol_metadata") ||
		!bri_object_check(definition, BRI_KIND_PROTOCOL_DEFINITION,
			"nw_connection_copy_protocol_metadata"))
		return NULL;
	if (!is_ready(c))
		return NULL;
	if (definition == &bri_protocol_tcp)
		return c->is_udp ? NULL : copy_tcp_metadata(c);
	if (definition == &bri_protocol_udp)
		return c->is_udp ? nw_udp_create_metadata() : NULL;
	if (definition == &bri_protocol_ip)
		return nw_ip_create_metadata();
	return bri_connection_copy_layer_metadata(c, definition);
}

BRI_EXPORT uint32_t nw_connection_get_maximum_datagram_size(nw_connection_t c)
{
	uint32_t mtu = 0, headers, most = UINT32_MAX;
	bool v6;

	if (!bri_connection_is(c, "nw_connection_get_maximum_datagram_size") || !is_ready(c))
		return 0;
	pthread_mutex_lock(&c->lock);
	if (c->sock.fd >= 0)
		mtu = bri_sock_mtu(c->sock.fd);
	else if (c->flow)
		mtu = 1280; /* the shared socket is not connected: what every path carries (RFC
			       8200, 5) */
	headers = c->datagram_overhead;
	if (c->datagram_most)
		most = c->datagram_most;
	pthread_mutex_unlock(&c->lock);
	v6 = c->remote.sa.sa_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&c->remote.in6.sin6_addr);
	headers += (v6 ? 40 : 20) + (c->is_udp ? 8 : 20);
	/* a datagram's length field has 16 bits, whatever the interface's MTU */
	mtu = mtu > 65535 ? 65535 : mtu;
	mtu = mtu > headers ? mtu - headers : 0;
	return mtu < most ? mtu : most;
}

BRI_EXPORT char *nw_connection_copy_description(nw_connection_t c)
{
	static const char *const states[BRI_LIFE_STATES] = { "setup", "waiting", "preparing",
		"ready", "failed", "cancelled" };
	enum bri_mptcp_reason reason;
	nw_endpoint_t endpoint;
	char peer[300], *text = NULL;
	const char *transport;
	bool wanted;

	if (!bri_connection_is(c, "nw_connection_copy_description"))
		return NULL;
	endpoint = nw_connection_copy_endpoint(c);
	bri_endpoint_format(endpoint, peer, sizeof(peer));
	nw_release(endpoint);
	reason = (enum bri_mptcp_reason)atomic_load(&c->multipath_reason);
	pthread_mutex_lock(&c->lock);
	wanted = c->parameters->multipath_service != nw_multipath_service_disabled;
	pthread_mutex_unlock(&c->lock);
	transport = c->is_udp ? "udp" : reason == BRI_MPTCP_REASON_NONE ? "mptcp" : "tcp";
	if (asprintf(&text, "[C%llu %s %s, %s%s%s]", (unsigned long long)c->id, peer, transport,
		    states[atomic_load(&c->published_state)], c->inbound ? ", inbound" : "",
		    !wanted ? ""
		    : reason == BRI_MPTCP_REASON_NONE
			    ? atomic_load(&c->managed) ? ", multipath by braidd" : ", multipath"
		    : reason == BRI_MPTCP_REASON_UNDECIDED ? ""
							   : ", not multipath") < 0)
		return NULL;
	return text;
}
