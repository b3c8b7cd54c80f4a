/* sec_protocol_options: life, copies, handlers. The plain setters are in sec_options_fields.c. */
#include "api/sec_options.h"

#include <errno.h>
#include <gnutls/dtls.h>
#include <stdlib.h>
#include <string.h>
#include "api/tls_options.h"
#include "base/log.h"
#include "proto/tls/tls_replay.h"
#include "security/security.h"

/* --- handlers --- */

struct bri_sec_handler *bri_sec_handler_get(struct bri_sec_handler *handler)
{
	if (handler)
		atomic_fetch_add_explicit(&handler->refs, 1, memory_order_relaxed);
	return handler;
}

void bri_sec_handler_put(struct bri_sec_handler *handler)
{
	if (!handler || atomic_fetch_sub_explicit(&handler->refs, 1, memory_order_acq_rel) != 1)
		return;
	bri_callable_clear(&handler->call);
	bri_object_put(handler->queue);
	free(handler);
}

static struct bri_sec_handler *new_handler(
	struct bri_callable call, bool is_block, dispatch_queue_t queue)
{
	struct bri_sec_handler *handler = calloc(1, sizeof(*handler));

	if (!handler)
		return NULL;
	atomic_init(&handler->refs, 1);
	handler->call = call;
	handler->is_block = is_block;
	handler->queue = bri_object_get(queue);
	return handler;
}

void bri_sec_options_set_handler(sec_protocol_options_t options, enum bri_sec_slot slot,
	struct bri_callable call, bool is_block, dispatch_queue_t queue, const char *function)
{
	struct sec_protocol_options *o = bri_sec_options_check(options, function);
	struct bri_sec_handler *handler = NULL;

	if (o && call.fn && !queue)
		bri_error("%s: the queue is NULL", function);
	else if (o && call.fn)
		handler = new_handler(call, is_block, queue);
	if (!handler) {
		/* without a handler the library would judge by itself: not what was asked for, so
		 * the one before stays in force */
		bool removes = o && !call.fn;

		bri_callable_clear(&call);
		if (!removes)
			return;
	}
	bri_sec_handler_put(o->handlers[slot]);
	o->handlers[slot] = handler;
	bri_sec_options_changed(o);
}

/* --- ticket keys --- */

static struct bri_sec_tickets *new_tickets(void)
{
	struct bri_sec_tickets *tickets = calloc(1, sizeof(*tickets));

	if (!tickets)
		return NULL;
	atomic_init(&tickets->refs, 1);
	pthread_mutex_init(&tickets->lock, NULL);
	return tickets;
}

static void wipe(gnutls_datum_t *key)
{
	if (key->data)
		gnutls_memset(key->data, 0, key->size);
	gnutls_free(key->data);
}

static void put_tickets(struct bri_sec_tickets *tickets)
{
	if (!tickets || atomic_fetch_sub_explicit(&tickets->refs, 1, memory_order_acq_rel) != 1)
		return;
	wipe(&tickets->key);
	wipe(&tickets->cookie_key);
	bri_tls_replay_free(tickets->replay);
	pthread_mutex_destroy(&tickets->lock);
	free(tickets);
}

/* Without memory the copy has none, and makes one of its own. */
static void copy_key(gnutls_datum_t *to, const gnutls_datum_t *from)
{
	to->data = from->size ? gnutls_malloc(from->size) : NULL;
	if (!to->data)
		return;
	memcpy(to->data, from->data, from->size);
	to->size = from->size;
}

/* A session that was begun under other rules (another identity, no client certificate) must not be
 * resumed under these. Nobody else has seen a key that is not shared and not made yet. */
void bri_sec_options_changed(struct sec_protocol_options *options)
{
	struct bri_sec_tickets *tickets = options->tickets, *fresh;

	if (tickets && !tickets->key.data &&
		atomic_load_explicit(&tickets->refs, memory_order_acquire) == 1)
		return;
	fresh = new_tickets();
	if (tickets && fresh) {
		pthread_mutex_lock(&tickets->lock);
		copy_key(&fresh->cookie_key, &tickets->cookie_key);
		pthread_mutex_unlock(&tickets->lock);
	}
	put_tickets(tickets);
	options->tickets = fresh;
}

static int generate_cookie_key(gnutls_datum_t *key)
{
	return gnutls_key_generate(key, GNUTLS_COOKIE_KEY_SIZE);
}

/* The key, made now if it is not there yet. */
static gnutls_datum_t key_of(
	struct bri_sec_tickets *tickets, gnutls_datum_t *key, int (*generate)(gnutls_datum_t *key))
{
	gnutls_datum_t ret;

	pthread_mutex_lock(&tickets->lock);
	if (!key->data && generate(key) < 0)
		*key = (gnutls_datum_t) { 0 };
	ret = *key;
	pthread_mutex_unlock(&tickets->lock);
	return ret;
}

gnutls_datum_t bri_sec_options_ticket_key(const struct sec_protocol_options *options)
{
	struct bri_sec_tickets *t = options->tickets;

	return t ? key_of(t, &t->key, gnutls_session_ticket_key_generate) : (gnutls_datum_t) { 0 };
}

struct bri_tls_replay *bri_sec_options_replay(const struct sec_protocol_options *options)
{
	struct bri_sec_tickets *t = options->tickets;
	struct bri_tls_replay *replay;

	if (!t)
		return NULL;
	pthread_mutex_lock(&t->lock);
	if (!t->replay)
		t->replay = bri_tls_replay_new();
	replay = t->replay;
	pthread_mutex_unlock(&t->lock);
	return replay;
}

gnutls_datum_t bri_sec_options_cookie_key(const struct sec_protocol_options *options)
{
	struct bri_sec_tickets *t = options->tickets;

	return t ? key_of(t, &t->cookie_key, generate_cookie_key) : (gnutls_datum_t) { 0 };
}

/* --- the object --- */

static void destroy(struct bri_object *obj)
{
	struct sec_protocol_options *o = (struct sec_protocol_options *)obj;

	free(o->suites);
	for (size_t i = 0; i < o->n_protocols; i++)
		free(o->protocols[i]);
	for (size_t i = 0; i < o->n_psks; i++) {
		bri_object_put(o->psks[i].key);
		bri_object_put(o->psks[i].identity);
	}
	free(o->psks);
	bri_object_put(o->psk_hint);
	bri_object_put(o->dh_params);
	free(o->server_name);
	bri_object_put(o->identity);
	for (size_t i = 0; i < BRI_SEC_SLOTS; i++)
		bri_sec_handler_put(o->handlers[i]);
	put_tickets(o->tickets);
	free(o);
}

static const struct bri_class sec_options_class = {
	.name = "sec_protocol_options",
	.kind = BRI_KIND_SEC_OPTIONS,
	.destroy = destroy,
};

struct sec_protocol_options *bri_sec_options_new(void)
{
	struct sec_protocol_options *o = bri_object_new(&sec_options_class, sizeof(*o));

	if (!o)
		return NULL;
	o->tickets_enabled = o->resumption_enabled = o->ocsp_enabled = true;
	o->tickets = new_tickets();
	if (o->tickets)
		return o;
	bri_object_release(o);
	return NULL;
}

static bool copy_lists(struct sec_protocol_options *to, const struct sec_protocol_options *from)
{
	if (from->n_suites) {
		to->suites = malloc(from->n_suites * sizeof(*to->suites));
		if (!to->suites)
			return false;
		memcpy(to->suites, from->suites, from->n_suites * sizeof(*to->suites));
	}
	for (; to->n_protocols < from->n_protocols; to->n_protocols++) {
		to->protocols[to->n_protocols] = strdup(from->protocols[to->n_protocols]);
		if (!to->protocols[to->n_protocols])
			return false;
	}
	to->psks = from->n_psks ? calloc(from->n_psks, sizeof(*to->psks)) : NULL;
	if (from->n_psks && !to->psks)
		return false;
	for (; to->n_psks < from->n_psks; to->n_psks++) {
		to->psks[to->n_psks].key = bri_object_get(from->psks[to->n_psks].key);
		to->psks[to->n_psks].identity = bri_object_get(from->psks[to->n_psks].identity);
	}
	if (!from->server_name)
		return true;
	to->server_name = strdup(from->server_name);
	return to->server_name != NULL;
}

struct sec_protocol_options *bri_sec_options_copy(const struct sec_protocol_options *from)
{
	struct sec_protocol_options *to = bri_object_new(&sec_options_class, sizeof(*to));

	if (!to)
		return NULL;
	/* everything, then what is owned anew; the object's own start stays */
	memcpy((char *)to + sizeof(to->base), (const char *)from + sizeof(from->base),
		sizeof(*to) - sizeof(to->base));
	to->suites = NULL;
	to->psks = NULL;
	to->server_name = NULL;
	to->n_protocols = to->n_psks = 0;
	bri_object_get(to->psk_hint);
	bri_object_get(to->dh_params);
	bri_object_get(to->identity);
	for (size_t i = 0; i < BRI_SEC_SLOTS; i++)
		bri_sec_handler_get(to->handlers[i]);
	if (to->tickets)
		atomic_fetch_add_explicit(&to->tickets->refs, 1, memory_order_relaxed);
	if (copy_lists(to, from))
		return to;
	bri_object_release(to);
	return NULL;
}

struct sec_protocol_options *bri_sec_options_check(
	sec_protocol_options_t options, const char *function)
{
	void *obj = options;

	if (bri_protocol_options_is(obj, &bri_protocol_tls))
		return ((struct bri_tls_options *)obj)->sec;
	return bri_object_check(obj, BRI_KIND_SEC_OPTIONS, function) ? options : NULL;
}
