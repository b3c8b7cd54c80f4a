/*
 * From a completed request to the application's handler: the one place that calls it, on the
 * connection's queue, without a lock. Also the order of events: one list, first in, first out.
 * Knows nothing of sockets.
 */
#include "api/connection.h"

#include <errno.h>

/*
 * Completions and byte moves of one turn, before other work of the queue has its turn: a program
 * that sends again from each completion would keep the queue for ever.
 */
#define RUN_MAX 128

struct bri_request *bri_request_new(enum bri_request_kind kind)
{
	struct bri_request *request = bri_pool_alloc(sizeof(*request));

	if (!request)
		bri_abort("no memory for a request");
	*request = (struct bri_request) { .kind = (uint8_t)kind };
	return request;
}

void bri_request_free(struct bri_request *request)
{
	bri_callable_clear(&request->call);
	bri_object_release(request->content);
	bri_object_put(request->context);
	bri_object_release(request->error);
	if (request->kind == BRI_REQUEST_PATH)
		bri_object_release(request->path);
	bri_pool_free(request, sizeof(*request));
}

void bri_requests_init(struct bri_requests *list)
{
	list->head = NULL;
	list->tail = &list->head;
}

void bri_requests_append(struct bri_requests *list, struct bri_request *request)
{
	request->next = NULL;
	*list->tail = request;
	list->tail = &request->next;
}

struct bri_request *bri_requests_take(struct bri_requests *list)
{
	struct bri_request *request = list->head;

	if (!request)
		return NULL;
	list->head = request->next;
	if (!list->head)
		list->tail = &list->head;
	return request;
}

void bri_connection_complete(nw_connection_t c, struct bri_request *request, nw_error_t error)
{
	request->error = error;
	bri_requests_append(&c->events, request);
}

void bri_connection_fail_requests(nw_connection_t c, nw_error_domain_t domain, int code)
{
	struct bri_request *request;

	while ((request = bri_requests_take(&c->receives))) {
		/* what had come in for it goes along */
		request->content = c->partial;
		c->partial = NULL;
		bri_connection_complete(c, request, bri_error_new(domain, code));
	}
	while ((request = bri_requests_take(&c->sends)))
		bri_connection_complete(c, request, bri_error_new(domain, code));
	c->n_put = 0;
}

/* Handlers are looked up now, not when the event came about: programs install them late. */
static struct bri_handler *look_up(nw_connection_t c, const struct bri_request *request)
{
	switch ((enum bri_request_kind)request->kind) {
	case BRI_REQUEST_STATE: return bri_handler_get(&c->lock, &c->handlers[BRI_HANDLER_STATE]);
	case BRI_REQUEST_VIABILITY:
		return bri_handler_get(&c->lock, &c->handlers[BRI_HANDLER_VIABILITY]);
	case BRI_REQUEST_BETTER_PATH:
		return bri_handler_get(&c->lock, &c->handlers[BRI_HANDLER_BETTER_PATH]);
	case BRI_REQUEST_PATH: return bri_handler_get(&c->lock, &c->handlers[BRI_HANDLER_PATH]);
	case BRI_REQUEST_RECEIVE:
	case BRI_REQUEST_SEND: break;
	}
	return NULL;
}

static void call_handler(nw_connection_t c, struct bri_request *request)
{
	struct bri_handler *handler = look_up(c, request);

	if (handler) {
		bri_any_f fn = handler->call.fn;
		void *context = handler->call.context;

		if (request->kind == BRI_REQUEST_STATE)
			((nw_connection_state_changed_handler_f)fn)(
				context, (nw_connection_state_t)request->state, request->error);
		else if (request->kind == BRI_REQUEST_PATH)
			((nw_connection_path_event_handler_f)fn)(context, request->path);
		else
			((nw_connection_boolean_event_handler_f)fn)(context, request->complete);
	}
	bri_handler_put(handler);
}

static void deliver(nw_connection_t c, struct bri_request *request)
{
	if (request->kind == BRI_REQUEST_RECEIVE)
		((nw_connection_receive_completion_f)request->call.fn)(request->call.context,
			request->content, request->context, request->complete, request->error);
	else if (request->kind != BRI_REQUEST_SEND)
		call_handler(c, request);
	else if (!request->idempotent)
		((nw_connection_send_completion_f)request->call.fn)(
			request->call.context, request->error);
}

/* After `cancelled` was told: nothing is called any more, so what handlers hold is let go. */
static BRI_COLD void drop_handlers(nw_connection_t c)
{
	for (unsigned i = 0; i < BRI_HANDLER_SLOTS; i++)
		bri_handler_set(&c->lock, &c->handlers[i], (struct bri_callable) { 0 });
}

/*
 * What is due, as far as *budget goes. The events up to `cancelled` are delivered whatever it says:
 * when the queue goes on after a cancel, programs free what their handlers use.
 */
static void deliver_some(nw_connection_t c, int *budget)
{
	struct bri_request *request;

	while ((*budget > 0 || (c->life == BRI_LIFE_CANCELLED && !c->cancel_told)) &&
		(request = bri_requests_take(&c->events))) {
		bool last = c->life == BRI_LIFE_CANCELLED && request->kind == BRI_REQUEST_STATE &&
			    request->state == BRI_LIFE_CANCELLED;

		(*budget)--;
		deliver(c, request);
		bri_request_free(request);
		if (last) {
			c->cancel_told = true;
			drop_handlers(c);
		}
	}
}

/* Bytes in and out. True: there is more to do. */
static bool move_some(nw_connection_t c)
{
	bool more, wants;

	if (!c->chain)
		return bri_connection_receive_some(c) || bri_connection_send_some(c);
	wants = bri_chain_wants_turn(c->chain);
	if (!wants && bri_connection_chain_is_idle(c))
		return false;
	more = bri_connection_turn_chain(c, wants);
	more |= bri_connection_receive_some(c);
	more |= bri_connection_send_some(c);
	/* what was received has made room for more */
	return more || (c->chain && !c->chain->turning && bri_chain_wants_turn(c->chain));
}

void bri_connection_run(nw_connection_t c)
{
	int budget = RUN_MAX;
	bool ended, more;

	if (c->running) /* inside a handler of ours: the loop below goes on after it */
		return;
	c->running = true;
	do {
		deliver_some(c, &budget);
		more = move_some(c) || c->events.head;
	} while (more && --budget > 0);
	c->running = false;
	if (more)
		bri_connection_kick(c);
	ended = c->life == BRI_LIFE_FAILED || c->life == BRI_LIFE_CANCELLED;
	if (ended && !c->events.head && c->self_reference) {
		c->self_reference = false;
		bri_object_put(c);
	}
}

void bri_connection_kick(nw_connection_t c)
{
	if (c->running || c->item_queued)
		return;
	c->item_queued = true;
	bri_object_get(c);
	bri_queue_push(atomic_load_explicit(&c->queue, memory_order_relaxed), &c->item);
}
