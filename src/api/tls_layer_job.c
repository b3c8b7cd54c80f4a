/*
 * Handshake steps that may have to ask the application inside: a client's identity, and its choice
 * among pre-shared keys. GnuTLS asks for both in the middle of a message and cannot be stopped
 * there, so such a step runs on a worker thread, which may wait. The engine is the worker's
 * meanwhile.
 */
#include "api/tls_layer.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "api/sec_metadata.h"
#include "base/clock.h"
#include "dispatch/data_internal.h"
#include "dispatch/runtime.h"
#include "security/security.h"

struct bri_tls_job {
	atomic_int refs; /* the layer's, the worker's */
	struct bri_tls *tls;
	struct bri_layer_wait *wait;
	struct bri_sec_handler *challenge, *selection;
	char *server_name;
	struct dispatch_data_s *input; /* +1; one region; NULL: none */
	size_t left;                   /* of the input, when it is done */
	int result;
	pthread_mutex_t lock;
	struct bri_sec_answer *asked; /* one reference */
	bool abandoned;
	struct bri_identity *identity; /* that was chosen; internal reference */
	bool chosen;
};

static void put_job(struct bri_tls_job *job)
{
	if (atomic_fetch_sub_explicit(&job->refs, 1, memory_order_acq_rel) != 1)
		return;
	/* the session first: it borrows the identity's key */
	bri_tls_put(job->tls);
	bri_sec_answer_put(job->asked);
	bri_sec_handler_put(job->challenge);
	bri_sec_handler_put(job->selection);
	bri_object_put(job->identity);
	bri_object_release(job->input);
	pthread_mutex_destroy(&job->lock);
	free(job->server_name);
	free(job);
}

/* --- on the worker --- */

/* The answer, waited for. NULL: none. One reference */
static struct bri_sec_answer *ask(struct bri_tls_job *job, struct bri_sec_handler *handler,
	enum bri_sec_slot slot, void *about)
{
	struct bri_sec_question question = { .handler = handler, .slot = slot, .about = about };
	struct bri_sec_answer *answer = NULL;

	question.metadata = bri_sec_metadata_new(job->tls, job->server_name);
	if (question.metadata)
		answer = bri_sec_answer_ask(&question, NULL);
	bri_object_release(question.metadata);
	if (!answer)
		return NULL;
	pthread_mutex_lock(&job->lock);
	bri_sec_answer_put(job->asked);
	job->asked = answer;
	if (job->abandoned)
		bri_sec_answer_cancel(answer);
	pthread_mutex_unlock(&job->lock);
	bri_sec_answer_block(answer);
	return answer;
}

static void on_certificate_request(void *context)
{
	struct bri_tls_job *job = context;
	struct bri_tls_bytes chain[BRI_TLS_CHAIN_MAX];
	struct bri_tls_identity given = { .chain = chain };
	struct bri_identity *identity;
	struct bri_sec_answer *answer;

	if (!job->challenge)
		return;
	answer = ask(job, job->challenge, BRI_SEC_CHALLENGE, NULL);
	identity = answer ? bri_sec_answer_object(answer) : NULL;
	if (!identity)
		return; /* the local identity of the options, if there is one */
	bri_object_set((void **)&job->identity, identity);
	given.key = identity->key;
	given.pcerts = identity->pcerts;
	given.n = bri_min_size(identity->n, BRI_TLS_CHAIN_MAX);
	for (size_t i = 0; i < given.n; i++) {
		chain[i].bytes = identity->chain[i]->der;
		chain[i].size = identity->chain[i]->size;
	}
	bri_tls_set_identity(job->tls, &given);
}

static void on_psk_request(void *context, const char *hint)
{
	struct bri_tls_job *job = context;
	dispatch_data_t about = NULL, chosen, map;
	struct bri_sec_answer *answer;
	struct bri_tls_bytes identity = { 0 };
	const void *bytes;

	if (!job->selection)
		return;
	if (hint && *hint)
		about = bri_data_new_copy(hint, strlen(hint));
	answer = ask(job, job->selection, BRI_SEC_PSK_SELECTION, about);
	bri_object_release(about);
	chosen = answer ? bri_sec_answer_object(answer) : NULL;
	map = chosen ? dispatch_data_create_map(chosen, &bytes, &identity.size) : NULL;
	identity.bytes = map ? bytes : NULL;
	bri_tls_set_psk(job->tls, map ? &identity : NULL);
	bri_object_release(map);
}

static void run(void *context)
{
	struct bri_tls_job *job = context;
	const void *bytes = NULL;
	size_t size = 0;
	dispatch_data_t map = NULL;

	if (job->input)
		map = dispatch_data_create_map(job->input, &bytes, &size);
	bri_tls_input(job->tls, bytes, size);
	bri_tls_set_context(job->tls, job);
	job->result = bri_tls_step(job->tls, bri_clock_now_ns());
	job->left = bri_tls_input_left(job->tls);
	bri_tls_input(job->tls, NULL, 0);
	bri_object_release(map);
	bri_layer_wait_complete(job->wait, 0);
	put_job(job);
}

/* --- on the queue --- */

bool bri_tls_job_is_needed(const struct bri_tls_layer *l)
{
	return !l->is_server &&
	       (l->sec->handlers[BRI_SEC_CHALLENGE] ||
		       (l->sec->n_psks && l->sec->handlers[BRI_SEC_PSK_SELECTION]));
}

void bri_tls_job_attach(struct bri_tls_layer *l, struct bri_tls_config *config)
{
	if (!bri_tls_job_is_needed(l))
		return;
	config->on_certificate_request = on_certificate_request;
	if (l->sec->handlers[BRI_SEC_PSK_SELECTION])
		config->on_psk_request = on_psk_request;
}

/* The step is done; the engine is ours again. */
static int take_back(struct bri_tls_layer *l, struct bri_tls_job *job)
{
	struct dispatch_data_s *rest;
	size_t size = bri_data_size(job->input);

	l->job = NULL;
	if (job->identity)
		bri_object_set((void **)&l->identity, job->identity);
	if (!job->left)
		return 0;
	rest = bri_data_subrange(job->input, size - job->left, job->left);
	if (!rest)
		return -ENOMEM;
	bri_tls_layer_unread(l, rest);
	return 0;
}

static int go_on(struct bri_tls_layer *l, int r, uint64_t now_ns)
{
	if (r == BRI_TLS_ASKS) {
		r = bri_tls_layer_answer(l);
		if (r != 0)
			return r < 0 ? r : 0;
		return bri_tls_job_start(l, now_ns);
	}
	if (r == 0)
		return bri_tls_layer_pump_here(l, now_ns);
	if (!l->pending.head && !l->in_ended)
		return 0;
	if (!l->pending.head)
		bri_tls_input_end(l->tls);
	return bri_tls_job_start(l, now_ns);
}

static int on_done(struct bri_layer *layer, intptr_t answer, uint64_t now_ns)
{
	struct bri_tls_layer *l = bri_container_of(layer, struct bri_tls_layer, layer);
	struct bri_tls_job *job = l->job;
	int r = job->result, error = take_back(l, job);

	(void)answer;
	put_job(job);
	if (error < 0)
		return error;
	if (r < 0)
		return bri_tls_layer_fail(l, r);
	error = bri_tls_layer_flush(l);
	if (error < 0)
		return error;
	l->deadline_ns = bri_tls_deadline_ns(l->tls, now_ns);
	return go_on(l, r, now_ns);
}

/* One step with what came first: of datagrams one, of a stream all of one content. */
int bri_tls_job_start(struct bri_tls_layer *l, uint64_t now_ns)
{
	struct bri_tls_job *job = calloc(1, sizeof(*job));
	struct bri_content content = { 0 };

	(void)now_ns;
	if (!job)
		return -ENOMEM;
	atomic_init(&job->refs, 1);
	pthread_mutex_init(&job->lock, NULL);
	job->tls = bri_tls_get(l->tls);
	job->challenge = bri_sec_handler_get(l->sec->handlers[BRI_SEC_CHALLENGE]);
	job->selection = bri_sec_handler_get(l->sec->handlers[BRI_SEC_PSK_SELECTION]);
	job->server_name = l->server_name ? strdup(l->server_name) : NULL;
	job->identity = bri_object_get(l->identity);
	if (bri_contents_take(&l->pending, &content))
		job->input = content.data;
	job->wait = bri_layer_wait_new(&l->layer, on_done);
	if (!job->wait) {
		put_job(job);
		return -ENOMEM;
	}
	atomic_store(&job->refs, 2);
	l->job = job;
	bri_worker(job, run);
	return 0;
}

void bri_tls_job_abandon(struct bri_tls_job *job)
{
	if (!job)
		return;
	pthread_mutex_lock(&job->lock);
	job->abandoned = true;
	if (job->asked)
		bri_sec_answer_cancel(job->asked);
	pthread_mutex_unlock(&job->lock);
	put_job(job);
}
