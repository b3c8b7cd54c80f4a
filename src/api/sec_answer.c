/*
 * Completions given to the application's handlers. As blocks they are laid out by hand, as the
 * compiler would lay out a block that captures one counted object (the blocks ABI).
 */
#include "api/sec_answer.h"

#include <stdatomic.h>
#include <stdlib.h>
#include "api/sec_metadata.h"
#include "dispatch/runtime.h"

extern void *_NSConcreteStackBlock[];

#define BLOCK_HAS_COPY_DISPOSE (1 << 25)

struct bri_sec_answer {
	atomic_int refs;
	atomic_int givers; /* completions that may still answer; all of them are one of refs */
	pthread_mutex_t lock;
	pthread_cond_t told_cond;
	bool told, yes;
	void *object; /* internal reference */
	struct bri_layer_wait *wait;
};

static void put_answer(struct bri_sec_answer *answer)
{
	if (atomic_fetch_sub_explicit(&answer->refs, 1, memory_order_acq_rel) != 1)
		return;
	bri_object_put(answer->object);
	pthread_cond_destroy(&answer->told_cond);
	pthread_mutex_destroy(&answer->lock);
	free(answer);
}

/* The first answer counts. object: retained. */
static void tell(struct bri_sec_answer *answer, bool yes, void *object)
{
	struct bri_layer_wait *wait = NULL;

	pthread_mutex_lock(&answer->lock);
	if (!answer->told) {
		answer->told = true;
		answer->yes = yes;
		answer->object = bri_object_get(object);
		wait = answer->wait;
		answer->wait = NULL;
		pthread_cond_broadcast(&answer->told_cond);
	}
	pthread_mutex_unlock(&answer->lock);
	if (wait)
		bri_layer_wait_complete(wait, 0);
}

static void get_giver(struct bri_sec_answer *answer)
{
	atomic_fetch_add_explicit(&answer->givers, 1, memory_order_relaxed);
}

/* A completion that is gone without having been called cannot be called any more: that is a "no".
 */
static void put_giver(struct bri_sec_answer *answer)
{
	if (atomic_fetch_sub_explicit(&answer->givers, 1, memory_order_acq_rel) != 1)
		return;
	tell(answer, false, NULL);
	put_answer(answer);
}

static struct bri_sec_answer *new_answer(struct bri_layer_wait *wait)
{
	struct bri_sec_answer *answer = calloc(1, sizeof(*answer));

	if (!answer)
		return NULL;
	atomic_init(&answer->refs, 2);
	atomic_init(&answer->givers, 1);
	pthread_mutex_init(&answer->lock, NULL);
	pthread_cond_init(&answer->told_cond, NULL);
	answer->wait = wait;
	return answer;
}

/* --- completions as functions: each call gives the completion back --- */

static void complete_bool_f(void *context, bool result)
{
	tell(context, result, NULL);
	put_giver(context);
}

static void complete_identity_f(void *context, sec_identity_t identity)
{
	bool is_one = bri_object_is(identity, BRI_KIND_IDENTITY);

	tell(context, is_one, is_one ? identity : NULL);
	put_giver(context);
}

static void complete_data_f(void *context, dispatch_data_t data)
{
	bool is_one = bri_object_is(data, BRI_KIND_DISPATCH_DATA);

	tell(context, is_one, is_one ? data : NULL);
	put_giver(context);
}

static void complete_f(void *context)
{
	tell(context, true, NULL);
	put_giver(context);
}

/* --- completions as blocks --- */

struct completion {
	struct bri_block block;
	const struct descriptor *descriptor;
	struct bri_sec_answer *answer;
};

struct descriptor {
	unsigned long reserved, size;
	void (*copy)(void *dst, const void *src);
	void (*dispose)(const void *block);
};

static void copy_completion(void *dst, const void *src)
{
	(void)src;
	get_giver(((struct completion *)dst)->answer);
}

static void dispose_completion(const void *block)
{
	put_giver(((const struct completion *)block)->answer);
}

static const struct descriptor completion_descriptor = {
	.size = sizeof(struct completion),
	.copy = copy_completion,
	.dispose = dispose_completion,
};

static void complete_bool_block(struct completion *block, bool result)
{
	tell(block->answer, result, NULL);
}

static void complete_object_block(struct completion *block, void *object)
{
	bool is_one = bri_object_is(object, BRI_KIND_IDENTITY) ||
		      bri_object_is(object, BRI_KIND_DISPATCH_DATA);

	tell(block->answer, is_one, is_one ? object : NULL);
}

static void complete_block(struct completion *block)
{
	tell(block->answer, true, NULL);
}

/* --- asking --- */

struct ask {
	struct bri_sec_question question;
	struct bri_sec_answer *answer;
};

static bri_any_f invoke_of(enum bri_sec_slot slot)
{
	switch (slot) {
	case BRI_SEC_VERIFY: return (bri_any_f)complete_bool_block;
	case BRI_SEC_KEY_UPDATE: return (bri_any_f)complete_block;
	case BRI_SEC_CHALLENGE:
	case BRI_SEC_PSK_SELECTION:
	case BRI_SEC_SLOTS: break;
	}
	return (bri_any_f)complete_object_block;
}

static void call_block(const struct ask *ask)
{
	const struct bri_sec_question *q = &ask->question;
	struct bri_callable *call = &q->handler->call;
	struct completion complete = {
		.block = { .isa = _NSConcreteStackBlock,
			.flags = BLOCK_HAS_COPY_DISPOSE,
			.invoke = invoke_of(q->slot) },
		.descriptor = &completion_descriptor,
		.answer = ask->answer,
	};

	if (q->slot == BRI_SEC_VERIFY || q->slot == BRI_SEC_PSK_SELECTION)
		((void (*)(void *, void *, void *, void *))call->fn)(
			call->context, q->metadata, q->about, &complete);
	else
		((void (*)(void *, void *, void *))call->fn)(call->context, q->metadata, &complete);
	put_giver(ask->answer);
}

static void call_function(const struct ask *ask)
{
	const struct bri_sec_question *q = &ask->question;
	struct bri_callable *call = &q->handler->call;

	switch (q->slot) {
	case BRI_SEC_VERIFY:
		((sec_protocol_verify_f)call->fn)(
			call->context, q->metadata, q->about, complete_bool_f, ask->answer);
		break;
	case BRI_SEC_CHALLENGE:
		((sec_protocol_challenge_f)call->fn)(
			call->context, q->metadata, complete_identity_f, ask->answer);
		break;
	case BRI_SEC_KEY_UPDATE:
		((sec_protocol_key_update_f)call->fn)(
			call->context, q->metadata, complete_f, ask->answer);
		break;
	case BRI_SEC_PSK_SELECTION:
		((sec_protocol_pre_shared_key_selection_f)call->fn)(
			call->context, q->metadata, q->about, complete_data_f, ask->answer);
		break;
	case BRI_SEC_SLOTS: break;
	}
}

/* On the handler's queue. */
static void run_ask(void *context)
{
	struct ask *ask = context;

	if (ask->question.handler->is_block)
		call_block(ask);
	else
		call_function(ask);
	bri_sec_handler_put(ask->question.handler);
	bri_object_put(ask->question.metadata);
	bri_object_put(ask->question.about);
	free(ask);
}

struct bri_sec_answer *bri_sec_answer_ask(
	const struct bri_sec_question *question, struct bri_layer_wait *wait)
{
	struct ask *ask = calloc(1, sizeof(*ask));
	struct bri_sec_answer *answer = ask ? new_answer(wait) : NULL;

	if (!answer) {
		free(ask);
		if (wait)
			bri_layer_wait_complete(wait, 0);
		return NULL;
	}
	ask->question = *question;
	ask->answer = answer;
	bri_sec_handler_get(question->handler);
	bri_object_get(question->metadata);
	bri_object_get(question->about);
	bri_async(question->handler->queue, ask, run_ask);
	return answer;
}

void bri_sec_answer_put(struct bri_sec_answer *answer)
{
	if (answer)
		put_answer(answer);
}

void bri_sec_answer_cancel(struct bri_sec_answer *answer)
{
	tell(answer, false, NULL);
}

void bri_sec_answer_block(struct bri_sec_answer *answer)
{
	pthread_mutex_lock(&answer->lock);
	while (!answer->told)
		pthread_cond_wait(&answer->told_cond, &answer->lock);
	pthread_mutex_unlock(&answer->lock);
}

bool bri_sec_answer_is_yes(struct bri_sec_answer *answer)
{
	bool yes;

	pthread_mutex_lock(&answer->lock);
	yes = answer->told && answer->yes;
	pthread_mutex_unlock(&answer->lock);
	return yes;
}

void *bri_sec_answer_object(struct bri_sec_answer *answer)
{
	void *object;

	pthread_mutex_lock(&answer->lock);
	object = answer->object;
	pthread_mutex_unlock(&answer->lock);
	return object;
}
