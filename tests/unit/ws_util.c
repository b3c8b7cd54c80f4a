/* See ws_util.h. */
#include "ws_util.h"

static void on_turn(void *context)
{
	((struct ws_end *)context)->turns++;
}

static void init(struct ws_end *end, bool is_server, nw_protocol_options_t options, bool skip,
	nw_endpoint_t endpoint, const char *host)
{
	struct bri_layer_env env = { .is_server = is_server,
		.endpoint = endpoint,
		.host = host,
		.url = nw_endpoint_get_url(endpoint) };

	*end = (struct ws_end) { .is_server = is_server, .now_ns = BRI_NS_PER_S };
	end->queue = dispatch_queue_create("ws", NULL);
	env.queue = end->queue;
	if (!options)
		options = nw_ws_create_options(nw_ws_version_13);
	if (skip)
		nw_ws_options_set_skip_handshake(options, true);
	end->options = bri_protocol_options_copy(options);
	nw_release(options);
	end->layer = bri_ws_layer_new(end->options, &env);
	assert_non_null(end->layer);
	end->chain = bri_chain_new(end->queue, &end->layer, 1, end, on_turn);
	end->layer->started = true;
	bri_contents_init(&end->taken);
	assert_int_equal(end->layer->cls->start(end->layer, end->now_ns), 0);
	nw_release(endpoint);
}

void ws_end_init(struct ws_end *end, bool is_server, nw_protocol_options_t options)
{
	init(end, is_server, options, false, nw_endpoint_create_host("example.org", "8080"),
		"example.org");
}

void ws_end_init_open(struct ws_end *end, bool is_server, nw_protocol_options_t options)
{
	init(end, is_server, options, true, nw_endpoint_create_host("example.org", "8080"),
		"example.org");
	assert_true(end->layer->ready);
}

void ws_end_init_url(
	struct ws_end *end, nw_protocol_options_t options, const char *url, const char *host)
{
	init(end, false, options, false, nw_endpoint_create_url(url), host);
}

static void free_chain(void *context)
{
	struct ws_end *end = context;

	bri_chain_free(end->chain);
}

void ws_end_fini(struct ws_end *end)
{
	dispatch_sync_f(end->queue, end, free_chain);
	bri_contents_clear(&end->taken);
	nw_release(end->options);
	dispatch_release(end->queue);
	free(end->out);
	free(end->partial.bytes);
}

static void add_piece(struct ws_message *message, const struct bri_content *content)
{
	size_t size = bri_data_size(content->data), at = 0, n;
	struct iovec iov;

	while (message->room < message->size + size + 1) {
		message->room = message->room ? message->room * 2 : 256;
		message->bytes = realloc(message->bytes, message->room);
	}
	while (bri_data_iov(content->data, at, &iov, 1, &n)) {
		memcpy(message->bytes + message->size + at, iov.iov_base, n);
		at += n;
	}
	message->size += size;
	message->pieces++;
}

void ws_end_collect(struct ws_end *end)
{
	struct bri_content content;
	struct ws_message all = { .bytes = end->out, .size = end->out_size, .room = end->out_room };

	while (bri_contents_take(&end->layer->down, &content)) {
		add_piece(&all, &content);
		end->out_ended |= content.end;
		bri_content_clear(&content);
	}
	end->out = all.bytes;
	end->out_size = all.size;
	end->out_room = all.room;
}

static int feed(struct ws_end *end, struct bri_content *in)
{
	int r = end->layer->cls->rx(end->layer, in, end->now_ns);
	struct bri_content up;

	bri_content_clear(in);
	while (!r && end->layer->held) {
		while (bri_contents_take(&end->layer->up, &up))
			bri_contents_append(&end->taken, &up);
		ws_end_collect(end);
		end->layer->held = false;
		r = end->layer->cls->go_on(end->layer, end->now_ns);
	}
	if (r)
		bri_chain_fail(end->chain, bri_race_posix(-r));
	return r;
}

int ws_end_rx(struct ws_end *end, const void *bytes, size_t size, size_t chunk)
{
	const uint8_t *from = bytes;
	int r = 0;

	for (size_t at = 0; !r && at < size;) {
		size_t n = chunk && chunk < size - at ? chunk : size - at;
		struct bri_content in = { .data = bri_data_new_copy(from + at, n) };

		r = feed(end, &in);
		at += n;
	}
	return r;
}

int ws_end_rx_end(struct ws_end *end)
{
	struct bri_content in = { .end = true };

	return feed(end, &in);
}

nw_content_context_t ws_context(int opcode)
{
	nw_content_context_t context = nw_content_context_create("test");
	nw_protocol_metadata_t md;

	if (opcode >= 0) {
		md = nw_ws_create_metadata((nw_ws_opcode_t)opcode);
		nw_content_context_set_metadata_for_protocol(context, md);
		nw_release(md);
	}
	return context;
}

int ws_end_put_part(struct ws_end *end, nw_content_context_t context, const void *bytes,
	size_t size, bool complete)
{
	struct bri_content in = { .data = size ? bri_data_new_copy(bytes, size) : NULL,
		.context = bri_object_get(context),
		.complete = complete,
		.end = complete && nw_content_context_get_is_final(context) };
	int r = end->layer->cls->put(end->layer, &in, end->now_ns);

	bri_content_clear(&in);
	return r;
}

int ws_end_put(struct ws_end *end, int opcode, const void *bytes, size_t size)
{
	nw_content_context_t context = ws_context(opcode);
	int r = ws_end_put_part(end, context, bytes, size, true);

	nw_release(context);
	return r;
}

/* One piece. All pieces of a message have one context, and come one behind the other; only a close
 * frame cuts a message off. */
static void take_piece(struct ws_end *end, const struct bri_content *content)
{
	struct ws_message *m = &end->partial;
	nw_protocol_metadata_t md = bri_content_context_metadata(
		(nw_content_context_t)content->context, &bri_protocol_ws);

	if (end->context && end->context != content->context) {
		assert_int_equal(nw_ws_metadata_get_opcode(md), nw_ws_opcode_close);
		free(m->bytes);
		*m = (struct ws_message) { 0 };
	}
	end->context = content->context;
	m->opcode = (int)nw_ws_metadata_get_opcode(md);
	m->code = nw_ws_metadata_get_close_code(md);
	add_piece(m, content);
}

bool ws_end_next(struct ws_end *end, struct ws_message *ret)
{
	struct bri_content content;
	bool complete = false;

	while (!complete && (bri_contents_take(&end->taken, &content) ||
				    bri_contents_take(&end->layer->up, &content))) {
		complete = content.complete || content.end;
		if (!content.end)
			take_piece(end, &content);
		else
			end->partial.opcode = -1;
		bri_content_clear(&content);
	}
	if (complete) {
		*ret = end->partial;
		end->partial = (struct ws_message) { 0 };
		end->context = NULL;
	}
	return complete;
}

void ws_end_drop(struct ws_end *end, size_t n)
{
	assert_true(n <= end->out_size);
	memmove(end->out, end->out + n, end->out_size - n);
	end->out_size -= n;
}

size_t ws_frame(uint8_t *to, bool masked, unsigned first, const void *payload, size_t size)
{
	struct bri_ws_frame frame = { .fin = first >> 7,
		.rsv = first >> 4 & 7,
		.opcode = first & 15,
		.masked = masked,
		.size = size,
		.key = { 0x12, 0xfe, 0x80, 0x01 } };
	size_t head = bri_ws_frame_encode(&frame, to);

	/* byte by byte, unlike what is tested */
	for (size_t i = 0; i < size; i++)
		to[head + i] = ((const uint8_t *)payload)[i] ^ (masked ? frame.key[i % 4] : 0);
	return head + size;
}

bool ws_end_next_frame(struct ws_end *end, struct bri_ws_frame *ret, uint8_t **ret_payload)
{
	struct bri_ws_frame_reader reader = { .have = 0 };
	size_t used;

	ws_end_collect(end);
	if (!end->out_size)
		return false;
	assert_int_equal(bri_ws_frame_rx(&reader, end->out, end->out_size, &used, ret), 0);
	assert_true(ret->masked == !end->is_server);
	assert_int_equal(ret->rsv, 0);
	assert_true(ret->size <= end->out_size - used);
	for (size_t i = 0; i < ret->size && ret->masked; i++)
		end->out[used + i] ^= ret->key[i % 4];
	*ret_payload = end->out + used;
	return true;
}

void ws_end_drop_frame(struct ws_end *end, const struct bri_ws_frame *frame, const uint8_t *payload)
{
	ws_end_drop(end, (size_t)(payload - end->out) + (size_t)frame->size);
}
