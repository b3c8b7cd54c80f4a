/* What the engine asks of the layer: is the peer trusted, and who are we? */
#include "api/tls_layer.h"

#include <errno.h>
#include <stdlib.h>
#include "api/sec_metadata.h"
#include "base/log.h"
#include "security/security.h"

/* --- who we are --- */

int bri_tls_layer_set_identity(struct bri_tls_layer *l, struct bri_identity *identity)
{
	struct bri_tls_bytes chain[BRI_TLS_CHAIN_MAX];
	struct bri_tls_identity given = { .chain = chain };
	struct bri_staple staple = { 0 };
	int r;

	if (identity && l->is_server) {
		r = bri_identity_copy_staple(identity, &staple);
		if (r < 0)
			return r;
		given.staple = (struct bri_tls_bytes) { staple.der, staple.size };
		given.staple_expires_s = staple.expires_s;
	}
	if (identity) {
		given.key = identity->key;
		given.pcerts = identity->pcerts;
		given.n = bri_min_size(identity->n, BRI_TLS_CHAIN_MAX);
		for (size_t i = 0; i < given.n; i++) {
			chain[i].bytes = identity->chain[i]->der;
			chain[i].size = identity->chain[i]->size;
		}
	}
	bri_object_set((void **)&l->identity, identity);
	r = bri_tls_set_identity(l->tls, &given);
	free(staple.der);
	return r;
}

/* --- asking the application --- */

/* Asks, and sees to it that resume() is called. 0 or -ENOMEM */
static int ask(struct bri_tls_layer *l, enum bri_sec_slot slot, void *about,
	int (*resume)(struct bri_layer *layer, intptr_t answer, uint64_t now_ns))
{
	struct bri_sec_question question = {
		.handler = l->sec->handlers[slot], .slot = slot, .about = about
	};
	struct bri_layer_wait *wait = resume ? bri_layer_wait_new(&l->layer, resume) : NULL;
	struct bri_sec_answer *answer = NULL;

	if (resume && !wait)
		return -ENOMEM;
	question.metadata = bri_sec_metadata_new(l->tls, l->server_name);
	if (question.metadata)
		answer = bri_sec_answer_ask(&question, wait);
	else if (wait)
		bri_layer_wait_complete(wait, 0);
	bri_object_release(question.metadata);
	if (!answer)
		return -ENOMEM;
	bri_sec_answer_put(l->asked);
	l->asked = answer;
	l->waits = resume != NULL;
	return 0;
}

/* --- trust --- */

static struct bri_trust *new_trust(struct bri_tls_layer *l)
{
	struct bri_tls_bytes der[BRI_TLS_CHAIN_MAX], ocsp = bri_tls_ocsp(l->tls);
	struct bri_certificate *chain[BRI_TLS_CHAIN_MAX];
	size_t n = bri_tls_chain(l->tls, der, BRI_TLS_CHAIN_MAX), got = 0;
	struct bri_trust *trust = NULL;

	while (got < n && (chain[got] = bri_certificate_new(der[got].bytes, der[got].size)))
		got++;
	if (got && got == n)
		trust = bri_trust_new(chain, n, l->trust_host, l->is_server);
	while (got)
		bri_object_release(chain[--got]);
	if (trust && l->sec->ocsp_enabled && ocsp.size)
		bri_trust_set_ocsp(trust, ocsp.bytes, ocsp.size);
	return trust;
}

static int on_verified(struct bri_layer *layer, intptr_t answer, uint64_t now_ns)
{
	struct bri_tls_layer *l = bri_container_of(layer, struct bri_tls_layer, layer);

	(void)answer;
	l->waits = false;
	bri_tls_answer_trust(l->tls, bri_sec_answer_is_yes(l->asked) ? 0 : BRI_TLS_BAD_CERT);
	return bri_tls_layer_pump(l, now_ns);
}

static int answer_trust(struct bri_tls_layer *l)
{
	struct bri_trust *trust = new_trust(l);
	int r = 0;

	if (!trust) /* not certificates */
		bri_tls_answer_trust(l->tls, BRI_TLS_BAD_CERT);
	else if (!l->sec->handlers[BRI_SEC_VERIFY])
		bri_tls_answer_trust(l->tls, bri_trust_evaluate(trust));
	else
		r = ask(l, BRI_SEC_VERIFY, trust, on_verified);
	if (trust && r == 0 && l->sec->handlers[BRI_SEC_VERIFY])
		r = BRI_TLS_ASKS;
	bri_object_release(trust);
	return r;
}

/* --- a server's identity --- */

static int on_challenged(struct bri_layer *layer, intptr_t answer, uint64_t now_ns)
{
	struct bri_tls_layer *l = bri_container_of(layer, struct bri_tls_layer, layer);
	void *identity = bri_sec_answer_object(l->asked);
	int r;

	(void)answer;
	l->waits = false;
	r = bri_tls_layer_set_identity(l, identity ? identity : l->sec->identity);
	if (r < 0)
		return r;
	bri_tls_answer_identity(l->tls);
	return bri_tls_layer_pump(l, now_ns);
}

int bri_tls_layer_answer(struct bri_tls_layer *l)
{
	int r;

	if (l->waits)
		return BRI_TLS_ASKS;
	if (bri_tls_question(l->tls) == BRI_TLS_TRUST)
		return answer_trust(l);
	r = ask(l, BRI_SEC_CHALLENGE, NULL, on_challenged);
	return r < 0 ? r : BRI_TLS_ASKS;
}

/* --- key updates --- */

void bri_tls_layer_tell_key_update(struct bri_tls_layer *l)
{
	unsigned updates = bri_tls_key_updates(l->tls);

	if (updates == l->key_updates)
		return;
	l->key_updates = updates;
	if (l->sec->handlers[BRI_SEC_KEY_UPDATE] && ask(l, BRI_SEC_KEY_UPDATE, NULL, NULL) < 0)
		bri_warn("tls: no memory to tell of a key update");
}
