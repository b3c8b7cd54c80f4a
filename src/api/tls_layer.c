/* The layer: its life, and upwards. Downwards: tls_layer_put.c; what it asks: tls_layer_ask.c. */
#include "api/tls_layer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "api/parameters.h"
#include "api/tls_cache.h"
#include "api/tls_options.h"
#include "base/log.h"
#include "security/security.h"

static struct bri_tls_layer *of(struct bri_layer *layer)
{
	return bri_container_of(layer, struct bri_tls_layer, layer);
}

int bri_tls_layer_flush(struct bri_tls_layer *l)
{
	struct dispatch_data_s *data;
	uint8_t *bytes;
	size_t size;

	while (bri_tls_output_take(l->tls, &bytes, &size)) {
		data = dispatch_data_create_f(bytes, size, NULL, free);
		if (!data) {
			free(bytes);
			return -ENOMEM;
		}
		bri_layer_down(&l->layer, data);
	}
	return 0;
}

int bri_tls_layer_fail(struct bri_tls_layer *l, int error)
{
	if (error != -EPROTO)
		return error;
	bri_tls_layer_flush(l); /* the alert */
	return bri_layer_refuse(&l->layer, BRI_RACE_TLS, bri_tls_error(l->tls));
}

/* --- upwards --- */

static int become_ready(struct bri_tls_layer *l)
{
	struct sec_protocol_metadata *sec;
	nw_protocol_metadata_t md;

	sec = bri_object_own(bri_sec_metadata_new(l->tls, l->server_name));
	md = sec ? bri_object_own(bri_tls_metadata_new(sec)) : NULL;
	if (!md)
		return -ENOMEM;
	bri_object_put(l->layer.metadata);
	l->layer.metadata = (struct bri_object *)md;
	if (!l->is_server)
		l->layer.early_sent = bri_tls_early(l->tls);
	bri_layer_ready(&l->layer);
	return 0;
}

static void keep_ticket(struct bri_tls_layer *l)
{
	gnutls_datum_t ticket;

	if (l->cache_key && bri_tls_take_ticket(l->tls, &ticket))
		bri_tls_cache_put(l->cache_key, ticket, bri_tls_may_be_early(l->tls));
}

/* The handshake. 0: it is done; BRI_TLS_WAITS, BRI_TLS_ASKS, -errno */
static int shake(struct bri_tls_layer *l, uint64_t now_ns)
{
	int r;

	do {
		r = bri_tls_step(l->tls, now_ns);
		if (r == BRI_TLS_ASKS)
			r = bri_tls_layer_answer(l);
		else
			break;
	} while (r == 0);
	l->deadline_ns = bri_tls_deadline_ns(l->tls, now_ns);
	return r == 0 ? become_ready(l) : r;
}

static int give_up(struct bri_tls_layer *l, uint8_t *ptr, size_t size)
{
	struct dispatch_data_s *data = bri_chunk_commit(ptr, size);

	if (!data)
		return -ENOMEM;
	bri_layer_up(&l->layer, data, NULL, l->is_datagram);
	return 0;
}

static void end_up(struct bri_tls_layer *l)
{
	if (l->told_end)
		return;
	l->told_end = true;
	bri_layer_up_end(&l->layer);
}

/* Content of all records that are there, several to a region. Nothing else uses the scratch room
 * meanwhile: what the engine has to say is kept. BRI_TLS_WAITS, BRI_TLS_ENDED, -errno */
static int read_records(struct bri_tls_layer *l)
{
	size_t room = 0, used = 0, n;
	uint8_t *ptr = NULL;
	int r;

	for (;;) {
		if (room - used < BRI_TLS_RECORD_MAX) {
			if (used && (r = give_up(l, ptr, used)) < 0)
				return r;
			used = 0;
			r = bri_chunk_get_scratch(BRI_TLS_RECORD_MAX, &ptr, &room);
			if (r < 0)
				return r;
		}
		r = bri_tls_read(l->tls, ptr + used, room - used, &n);
		if (r)
			break;
		used += n;
		if (l->is_datagram) /* RFC 6347 section 4.1.1: one record, one message */
			room = used;
	}
	n = used;
	if (n && give_up(l, ptr, n) < 0)
		return -ENOMEM;
	return r;
}

static int work(struct bri_tls_layer *l, uint64_t now_ns)
{
	int r = 0;

	if (!l->layer.ready)
		r = shake(l, now_ns);
	if (r == 0)
		r = read_records(l);
	if (r < 0)
		return r == -EPROTO ? bri_tls_layer_fail(l, r) : r;
	if (r == BRI_TLS_ENDED)
		end_up(l);
	return bri_tls_layer_flush(l) < 0 ? -ENOMEM : r;
}

void bri_tls_layer_unread(struct bri_tls_layer *l, struct dispatch_data_s *data)
{
	struct bri_content content = { .data = data };
	struct bri_contents all;

	bri_contents_init(&all);
	bri_contents_append(&all, &content);
	while (bri_contents_take(&l->pending, &content))
		bri_contents_append(&all, &content);
	while (bri_contents_take(&all, &content))
		bri_contents_append(&l->pending, &content);
}

/* The first of what is pending is done with, up to `taken`. */
static int drop_taken(struct bri_tls_layer *l, size_t taken)
{
	struct dispatch_data_s *rest = NULL;
	struct bri_content first;
	size_t size;

	if (!bri_contents_take(&l->pending, &first))
		return 0;
	size = bri_data_size(first.data);
	if (taken < size)
		rest = bri_data_subrange(first.data, taken, size - taken);
	bri_content_clear(&first);
	if (taken == size)
		return 0;
	if (!rest)
		return -ENOMEM;
	bri_tls_layer_unread(l, rest);
	return 0;
}

/* One content: region by region of a stream; of datagrams as a whole. Sets *ret_taken. */
static int work_on(
	struct bri_tls_layer *l, struct dispatch_data_s *data, size_t *ret_taken, uint64_t now_ns)
{
	size_t size = bri_data_size(data), bytes, left;
	struct iovec iov;
	int r = BRI_TLS_WAITS;

	*ret_taken = 0;
	while (*ret_taken < size && r != BRI_TLS_ASKS) {
		if (!bri_data_iov(data, *ret_taken, &iov, 1, &bytes))
			break;
		bri_tls_input(l->tls, iov.iov_base, iov.iov_len);
		r = work(l, now_ns);
		left = bri_tls_input_left(l->tls);
		bri_tls_input(l->tls, NULL, 0);
		*ret_taken += iov.iov_len - left;
		if (r < 0)
			return r;
		if (r == BRI_TLS_ENDED || (left && r != BRI_TLS_ASKS)) {
			*ret_taken = size; /* RFC 8446 section 6.1: nothing counts behind it */
			break;
		}
	}
	return r;
}

int bri_tls_layer_pump(struct bri_tls_layer *l, uint64_t now_ns)
{
	if (l->job)
		return 0;
	if (!l->layer.ready && bri_tls_job_is_needed(l))
		return l->waits ? 0 : bri_tls_job_start(l, now_ns);
	return bri_tls_layer_pump_here(l, now_ns);
}

int bri_tls_layer_pump_here(struct bri_tls_layer *l, uint64_t now_ns)
{
	int r = BRI_TLS_WAITS;

	/* also without input: an answer, a timer */
	if (!l->layer.ready || !l->pending.head)
		r = work(l, now_ns);
	while (r >= 0 && r != BRI_TLS_ASKS && l->pending.head) {
		struct dispatch_data_s *data = l->pending.head->data, *map = NULL;
		size_t taken;

		if (l->is_datagram && data) {
			map = dispatch_data_create_map(data, NULL, NULL);
			data = map;
		}
		r = work_on(l, data, &taken, now_ns);
		bri_object_release(map);
		if (r < 0 || drop_taken(l, taken) < 0)
			return r < 0 ? r : -ENOMEM;
	}
	if (r >= 0 && r != BRI_TLS_ASKS && l->in_ended && !l->told_end) {
		bri_tls_input_end(l->tls);
		r = work(l, now_ns);
	}
	if (r < 0)
		return r;
	bri_tls_layer_tell_key_update(l);
	keep_ticket(l);
	return 0;
}

/* False: it is more than may be held. */
static bool hold(struct bri_tls_layer *l, struct bri_content *in)
{
	if (!l->pending.head)
		l->held = 0;
	l->held += bri_data_size(in->data) + BRI_TLS_HELD_PIECE;
	if (!l->layer.ready && l->pending.head && l->held > BRI_TLS_HELD_MAX)
		return false;
	in->end = false;
	bri_contents_append(&l->pending, in);
	return true;
}

static int rx(struct bri_layer *layer, struct bri_content *in, uint64_t now_ns)
{
	struct bri_tls_layer *l = of(layer);

	if (in->end)
		l->in_ended = true;
	if (l->told_end)
		return 0;
	if (in->data && bri_data_size(in->data) && !hold(l, in)) {
		if (l->is_datagram) /* as if it had been lost */
			return 0;
		return bri_layer_refuse(layer, BRI_RACE_TLS, BRI_TLS_BUFFER_OVERFLOW);
	}
	return bri_tls_layer_pump(l, now_ns);
}

static int put(struct bri_layer *layer, struct bri_content *in, uint64_t now_ns)
{
	(void)now_ns;
	return bri_tls_layer_put(of(layer), in);
}

/* --- life --- */

static int start(struct bri_layer *layer, uint64_t now_ns)
{
	struct bri_tls_layer *l = of(layer);
	int r = bri_tls_layer_setup(l, now_ns);

	l->give_up_ns = now_ns + BRI_TLS_HANDSHAKE_NS;
	if (r == -EINVAL) {
		bri_error("tls: the options leave nothing to negotiate");
		return bri_layer_refuse(layer, BRI_RACE_TLS, BRI_TLS_BAD_CONFIGURATION);
	}
	return r < 0 ? r : bri_tls_layer_pump(l, now_ns);
}

static uint64_t deadline_ns(const struct bri_layer *layer)
{
	const struct bri_tls_layer *l =
		bri_container_of((struct bri_layer *)(uintptr_t)layer, struct bri_tls_layer, layer);

	return l->layer.ready ? BRI_NEVER : l->deadline_ns;
}

static int expire(struct bri_layer *layer, uint64_t now_ns)
{
	struct bri_tls_layer *l = of(layer);

	/* a question does not stop the clock, nor does an engine that is elsewhere */
	if (now_ns >= l->give_up_ns && (l->job || l->waits))
		return bri_layer_refuse(layer, BRI_RACE_TLS, BRI_TLS_TIMEOUT);
	if (l->job || l->waits) {
		l->deadline_ns = l->give_up_ns;
		return 0;
	}
	return bri_tls_layer_pump(l, now_ns);
}

static bool close_layer(struct bri_layer *layer, uint64_t now_ns)
{
	struct bri_tls_layer *l = of(layer);

	(void)now_ns;
	if (!l->tls || l->job)
		return true;
	bri_tls_close(l->tls);
	bri_tls_layer_flush(l);
	return true;
}

static void free_layer(struct bri_layer *layer)
{
	struct bri_tls_layer *l = of(layer);

	bri_tls_job_abandon(l->job);
	bri_tls_put(l->tls);
	bri_sec_answer_put(l->asked);
	bri_object_put(l->identity);
	bri_object_release(l->partial);
	bri_object_release(l->early);
	bri_contents_clear(&l->pending);
	free(l->staging);
	free(l->server_name);
	free(l->trust_host);
	free(l->cache_key);
	free(l);
}

static size_t overhead(const struct bri_layer *layer, size_t *ret_most)
{
	return bri_tls_overhead(of((struct bri_layer *)(uintptr_t)layer)->tls, ret_most);
}

static const struct bri_layer_class stream_class = {
	.name = "tls",
	.start = start,
	.rx = rx,
	.put = put,
	.deadline_ns = deadline_ns,
	.expire = expire,
	.close = close_layer,
	.free = free_layer,
};

static const struct bri_layer_class datagram_class = {
	.name = "dtls",
	.messages = true,
	.start = start,
	.rx = rx,
	.put = put,
	.overhead = overhead,
	.deadline_ns = deadline_ns,
	.expire = expire,
	.close = close_layer,
	.free = free_layer,
};

struct bri_layer *bri_tls_layer_new(nw_protocol_options_t opts, const struct bri_layer_env *env)
{
	struct bri_tls_layer *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	bri_contents_init(&l->pending);
	l->sec = ((struct bri_tls_options *)opts)->sec;
	l->is_server = env->is_server;
	l->is_datagram = env->is_datagram;
	l->early = bri_object_retain(env->early);
	l->takes_early = env->is_server && !env->is_datagram && env->parameters &&
			 env->parameters->fast_open_enabled;
	l->deadline_ns = BRI_NEVER;
	l->layer.cls = env->is_datagram ? &datagram_class : &stream_class;
	if (bri_tls_layer_names(l, env))
		return &l->layer;
	free_layer(&l->layer);
	return NULL;
}
