/* See layer.h: content lists, and what layers say to their chain. Moves nothing itself. */
#include "stack/layer.h"

#include <errno.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/log.h"
#include "stack/chain.h"

/* --- lists of content --- */

void bri_contents_init(struct bri_contents *list)
{
	list->head = NULL;
	list->tail = &list->head;
	list->bytes = 0;
}

size_t bri_content_cost(const struct bri_content *content)
{
	return BRI_CONTENT_COST + (content->data ? bri_data_size(content->data) : 0);
}

void bri_content_release(struct bri_content *content)
{
	bri_object_release(content->data);
	bri_object_put(content->context);
}

static void link_last(struct bri_contents *list, struct bri_content *node)
{
	node->next = NULL;
	*list->tail = node;
	list->tail = &node->next;
	list->bytes += bri_content_cost(node);
}

static struct bri_content *unlink_first(struct bri_contents *list)
{
	struct bri_content *node = list->head;

	list->head = node->next;
	if (!list->head)
		list->tail = &list->head;
	list->bytes -= bri_content_cost(node);
	return node;
}

void bri_contents_append(struct bri_contents *list, struct bri_content *in)
{
	struct bri_content *node = bri_pool_alloc(sizeof(*node));

	if (!node)
		bri_abort("no memory for a content");
	*node = *in;
	*in = (struct bri_content) { 0 };
	link_last(list, node);
}

bool bri_contents_take(struct bri_contents *list, struct bri_content *ret)
{
	struct bri_content *node;

	if (!list->head)
		return false;
	node = unlink_first(list);
	*ret = *node;
	ret->next = NULL;
	bri_pool_free(node, sizeof(*node));
	return true;
}

struct bri_content *bri_contents_move(struct bri_contents *from, struct bri_contents *to)
{
	struct bri_content *node = unlink_first(from);

	link_last(to, node);
	return node;
}

void bri_contents_clear(struct bri_contents *list)
{
	struct bri_content content;

	while (bri_contents_take(list, &content))
		bri_content_clear(&content);
}

/* --- what layers say --- */

void bri_layer_up(struct bri_layer *layer, struct dispatch_data_s *data, struct bri_object *context,
	bool complete)
{
	struct bri_content content = { .data = data, .context = context, .complete = complete };

	bri_contents_append(&layer->up, &content);
}

void bri_layer_down(struct bri_layer *layer, struct dispatch_data_s *data)
{
	struct bri_content content = { .data = data, .complete = true };

	bri_contents_append(&layer->down, &content);
}

int bri_layer_down_bytes(struct bri_layer *layer, const void *bytes, size_t size)
{
	struct dispatch_data_s *data = bri_data_new_copy(bytes, size);

	if (!data)
		return -ENOMEM;
	bri_layer_down(layer, data);
	return 0;
}

void bri_layer_up_end(struct bri_layer *layer)
{
	struct bri_content content = { .end = true };

	bri_contents_append(&layer->up, &content);
}

void bri_layer_down_end(struct bri_layer *layer)
{
	struct bri_content content = { .end = true };

	if (layer->down_ended)
		return;
	layer->down_ended = true;
	bri_contents_append(&layer->down, &content);
}

void bri_layer_pass_up(struct bri_layer *layer, struct bri_content *in)
{
	bri_contents_append(&layer->up, in);
}

void bri_layer_pass_down(struct bri_layer *layer, struct bri_content *in)
{
	bri_contents_append(&layer->down, in);
}

bool bri_layer_is_full(const struct bri_layer *layer)
{
	size_t up = 0, own = layer->chain->own_bytes;

	for (const struct bri_layer *l = layer; l; l = l->above)
		up += l->up.bytes;
	for (const struct bri_layer *l = layer; l; l = l->below)
		own += l->down.bytes;
	return up >= BRI_CHAIN_UP_MAX || own >= BRI_CHAIN_OWN_MAX;
}

void bri_layer_hold(struct bri_layer *layer)
{
	layer->held = true;
}

void bri_layer_ready(struct bri_layer *layer)
{
	if (layer->ready)
		return;
	layer->ready = true;
	layer->ready_ns = bri_clock_now_ns();
}

int bri_layer_fail(struct bri_layer *layer, enum bri_race_domain domain, int code)
{
	bri_chain_fail(layer->chain, (struct bri_race_error) { .domain = domain, .code = code });
	return -EPROTO;
}

int bri_layer_refuse(struct bri_layer *layer, enum bri_race_domain domain, int code)
{
	bri_chain_fail(layer->chain, (struct bri_race_error) { domain, code, true });
	return -EPROTO;
}

void bri_layer_closed(struct bri_layer *layer)
{
	layer->closed = true;
}

void bri_layer_insert_above(struct bri_layer *layer, struct bri_layer *inserted)
{
	bri_chain_insert(layer->chain, layer, inserted);
}

void bri_layer_poke(struct bri_layer *layer)
{
	bri_chain_poke(layer->chain);
}

struct dispatch_queue_s *bri_layer_queue(const struct bri_layer *layer)
{
	return layer->chain->queue;
}

bool bri_layer_is_datagram(const struct bri_layer *layer)
{
	return layer->chain->datagrams;
}

/* --- answers that come later --- */

struct bri_layer_wait {
	struct bri_list link;    /* in the layer's waits */
	struct bri_layer *layer; /* on the queue only; NULL: it is gone, or has the answer */
	struct dispatch_queue_s *queue;
	int (*resume)(struct bri_layer *layer, intptr_t answer, uint64_t now_ns);
	intptr_t answer;
	struct bri_item item;
	_Atomic int refs; /* the layer's list, and whoever is to answer */
};

static void put_wait(struct bri_layer_wait *wait)
{
	if (atomic_fetch_sub(&wait->refs, 1) > 1)
		return;
	bri_object_put(wait->queue);
	free(wait);
}

static void forget_wait(struct bri_layer_wait *wait)
{
	wait->layer = NULL;
	bri_list_remove(&wait->link);
	put_wait(wait);
}

static void run_wait(struct bri_item *item)
{
	struct bri_layer_wait *wait = bri_container_of(item, struct bri_layer_wait, item);
	struct bri_layer *layer = wait->layer;
	int error;

	if (layer) {
		forget_wait(wait);
		error = wait->resume(layer, wait->answer, bri_chain_now_ns(layer->chain, true));
		if (error)
			bri_chain_fail(layer->chain, bri_race_posix(-error));
		bri_chain_poke(layer->chain);
	}
	put_wait(wait);
}

struct bri_layer_wait *bri_layer_wait_new(struct bri_layer *layer,
	int (*resume)(struct bri_layer *layer, intptr_t answer, uint64_t now_ns))
{
	struct bri_layer_wait *wait = calloc(1, sizeof(*wait));

	if (!wait)
		return NULL;
	wait->layer = layer;
	wait->queue = bri_object_get(layer->chain->queue);
	wait->resume = resume;
	wait->item.run = run_wait;
	atomic_init(&wait->refs, 2);
	bri_list_append(&layer->waits, &wait->link);
	return wait;
}

void bri_layer_wait_complete(struct bri_layer_wait *wait, intptr_t answer)
{
	wait->answer = answer;
	bri_queue_push(wait->queue, &wait->item);
}

void bri_layer_forget_waits(struct bri_layer *layer)
{
	while (!bri_list_empty(&layer->waits))
		forget_wait(bri_list_entry(layer->waits.next, struct bri_layer_wait, link));
}
