/*
 * Two generations of hashes: a window's worth of new ones, and those of the window before. What is
 * older than both would be refused for its age. Knows no clock: each hello tells when it is.
 */
#include "proto/tls/tls_replay.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS    (2 * BRI_TLS_REPLAY_MAX) /* half of them stay free: probing is short */
#define WINDOW_S (BRI_TLS_REPLAY_WINDOW_MS / 1000)

struct mark {
	uint64_t a, b; /* of a hash; both 0: a free slot */
};

struct generation {
	struct mark *slots;
	size_t n;
};

struct bri_tls_replay {
	gnutls_anti_replay_t gnutls;
	pthread_mutex_t lock;
	struct generation now, before;
	int64_t began_s; /* of what came first in this generation */
};

static struct mark mark_of(const void *key, size_t size)
{
	uint8_t hash[32] = { 0 };
	struct mark mark = { 0 };

	gnutls_hash_fast(GNUTLS_DIG_SHA256, key, size, hash);
	memcpy(&mark, hash, sizeof(mark));
	mark.a |= !mark.a && !mark.b;
	return mark;
}

/* Where it is, or would be. */
static struct mark *slot_for(const struct generation *g, struct mark mark)
{
	size_t at = mark.a % SLOTS;

	while ((g->slots[at].a || g->slots[at].b) &&
		(g->slots[at].a != mark.a || g->slots[at].b != mark.b))
		at = (at + 1) % SLOTS;
	return &g->slots[at];
}

static bool has(const struct generation *g, struct mark mark)
{
	const struct mark *slot = slot_for(g, mark);

	return slot->a || slot->b;
}

/* Whoever was taken within a window is in one of both: the next change is a window away. */
static void change(struct bri_tls_replay *r, int64_t until_s)
{
	struct generation oldest = r->before;

	memset(oldest.slots, 0, SLOTS * sizeof(*oldest.slots));
	oldest.n = 0;
	r->before = r->now;
	r->now = oldest;
	r->began_s = until_s;
}

int bri_tls_replay_add(struct bri_tls_replay *r, int64_t until_s, const void *key, size_t size)
{
	struct mark mark = mark_of(key, size);
	int result = 0;

	pthread_mutex_lock(&r->lock);
	if (until_s > r->began_s + WINDOW_S)
		change(r, until_s);
	if (has(&r->now, mark) || has(&r->before, mark)) {
		result = -EEXIST;
	} else if (r->now.n == BRI_TLS_REPLAY_MAX) {
		result = -ENOSPC;
	} else {
		*slot_for(&r->now, mark) = mark;
		r->now.n++;
	}
	pthread_mutex_unlock(&r->lock);
	return result;
}

static int add(void *context, time_t until, const gnutls_datum_t *key, const gnutls_datum_t *data)
{
	(void)data;
	switch (bri_tls_replay_add(context, until, key->data, key->size)) {
	case 0: return 0;
	case -EEXIST: return GNUTLS_E_DB_ENTRY_EXISTS;
	default: return GNUTLS_E_DB_ERROR;
	}
}

struct bri_tls_replay *bri_tls_replay_new(void)
{
	struct bri_tls_replay *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	pthread_mutex_init(&r->lock, NULL);
	r->now.slots = calloc(SLOTS, sizeof(struct mark));
	r->before.slots = calloc(SLOTS, sizeof(struct mark));
	if (!r->now.slots || !r->before.slots || gnutls_anti_replay_init(&r->gnutls) < 0) {
		bri_tls_replay_free(r);
		return NULL;
	}
	gnutls_anti_replay_set_window(r->gnutls, BRI_TLS_REPLAY_WINDOW_MS);
	gnutls_anti_replay_set_ptr(r->gnutls, r);
	gnutls_anti_replay_set_add_function(r->gnutls, add);
	return r;
}

void bri_tls_replay_free(struct bri_tls_replay *r)
{
	if (!r)
		return;
	if (r->gnutls)
		gnutls_anti_replay_deinit(r->gnutls);
	free(r->now.slots);
	free(r->before.slots);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

gnutls_anti_replay_t bri_tls_replay_gnutls(struct bri_tls_replay *r)
{
	return r->gnutls;
}
