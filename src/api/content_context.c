/* nw_content_context: what goes with a message or a stream. Knows nothing of connections. */
#include "api/content_context.h"

#include <stdlib.h>
#include <string.h>
#include "api/protocol.h"
#include "base/log.h"
#include "dispatch/runtime.h"

#define DEFAULT_PRIORITY 0.5
/* Names are for log lines; longer ones help nobody. */
#define IDENTIFIER_MAX 1024
/*
 * How far a chain of antecedents is searched for a circle. Chains of every message of a connection
 * are legal and long; a longer circle would only keep its contexts in memory.
 */
#define ANTECEDENTS_MAX 1024

/*
 * Gives the reference on `context` back. A chain is taken apart in a loop: a context that only we
 * refer to hands us its antecedent first, so that the depth of calls does not grow with the chain.
 */
static void put_chain(struct nw_content_context *context)
{
	struct nw_content_context *next;

	while (context && atomic_load_explicit(&context->base.refs, memory_order_acquire) == 1 &&
		!context->is_default) {
		next = context->antecedent;
		context->antecedent = NULL;
		bri_object_put(context);
		context = next;
	}
	bri_object_put(context);
}

static void destroy(struct bri_object *obj)
{
	struct nw_content_context *context = (struct nw_content_context *)obj;

	put_chain(context->antecedent);
	for (size_t i = 0; i < context->metadata_count; i++)
		bri_object_put(context->metadata[i]);
	if (context->metadata != context->own)
		free(context->metadata);
	bri_pool_free(context, context->size);
}

static const struct bri_class context_class = {
	.name = "nw_content_context",
	.kind = BRI_KIND_CONTENT_CONTEXT,
	.destroy = destroy,
};

struct nw_content_context bri_content_context_default_message = {
	.base = BRI_OBJECT_STATIC(&context_class),
	.identifier = "default message",
	.is_default = true,
	.relative_priority = DEFAULT_PRIORITY,
};

struct nw_content_context bri_content_context_default_stream = {
	.base = BRI_OBJECT_STATIC(&context_class),
	.identifier = "default stream",
	.is_default = true,
	.is_final = true,
	.relative_priority = DEFAULT_PRIORITY,
};

struct nw_content_context bri_content_context_final_send = {
	.base = BRI_OBJECT_STATIC(&context_class),
	.identifier = "final message",
	.is_default = true,
	.is_final = true,
	.relative_priority = DEFAULT_PRIORITY,
};

/* Room for one more. NULL: no memory. */
static nw_protocol_metadata_t *grow(struct nw_content_context *context)
{
	size_t count = context->metadata_count;
	nw_protocol_metadata_t *grown;

	if (count < BRI_CONTENT_CONTEXT_OWN)
		return context->own;
	if (context->metadata != context->own)
		return reallocarray(context->metadata, count + 1, sizeof(*grown));
	grown = calloc(count + 1, sizeof(*grown));
	if (grown)
		memcpy(grown, context->own, sizeof(context->own));
	return grown;
}

/* Replaces the metadata of the same protocol. metadata: an internal reference, taken. Returns
 * false: no memory, or too many. */
static bool attach(struct nw_content_context *context, nw_protocol_metadata_t metadata)
{
	nw_protocol_metadata_t *grown;
	size_t count = context->metadata_count;

	for (size_t i = 0; i < count; i++) {
		if (context->metadata[i]->definition == metadata->definition) {
			bri_object_put(context->metadata[i]);
			context->metadata[i] = metadata;
			return true;
		}
	}
	grown = count < BRI_CONTENT_CONTEXT_METADATA_MAX ? grow(context) : NULL;
	if (!grown) {
		bri_object_put(metadata);
		return false;
	}
	grown[count] = metadata;
	context->metadata = grown;
	context->metadata_count++;
	return true;
}

/* With room for so many bytes behind it; metadata is taken. */
static struct nw_content_context *new_context(
	const char *identifier, size_t room, nw_protocol_metadata_t metadata)
{
	size_t size = sizeof(struct nw_content_context) + room;
	struct nw_content_context *context = bri_object_new_pooled(&context_class, size);

	if (!context) {
		bri_object_release(metadata);
		return NULL;
	}
	context->size = (uint16_t)size;
	context->identifier = identifier;
	context->relative_priority = DEFAULT_PRIORITY;
	if (!metadata || attach(context, bri_object_own(metadata)))
		return context;
	bri_object_release(context);
	return NULL;
}

nw_content_context_t bri_content_context_new(
	const char *identifier, nw_protocol_metadata_t metadata)
{
	return new_context(identifier, 0, metadata);
}

nw_content_context_t bri_content_context_new_named(
	const char *identifier, nw_protocol_metadata_t metadata)
{
	size_t len = strnlen(identifier, IDENTIFIER_MAX);
	struct nw_content_context *context = new_context(NULL, len + 1, metadata);

	if (context)
		context->identifier = memcpy(context + 1, identifier, len);
	return context;
}

nw_protocol_metadata_t bri_content_context_metadata(
	const struct nw_content_context *context, const struct nw_protocol_definition *def)
{
	for (size_t i = 0; i < context->metadata_count; i++) {
		if (context->metadata[i]->definition == def)
			return context->metadata[i];
	}
	return NULL;
}

static bool is_context(nw_content_context_t context, const char *function)
{
	return bri_object_check(context, BRI_KIND_CONTENT_CONTEXT, function);
}

/* A context that may be changed; the shared ones may not. */
static bool is_changeable(nw_content_context_t context, const char *function)
{
	if (!is_context(context, function))
		return false;
	if (context->is_default)
		bri_error("%s: the %s context is shared and cannot be changed", function,
			context->identifier);
	return !context->is_default;
}

static bool is_not_final(nw_content_context_t context, const char *function)
{
	if (context->is_final)
		bri_error("%s: context \"%.64s\" is final and takes none", function,
			context->identifier);
	return !context->is_final;
}

nw_content_context_t nw_content_context_create(const char *context_identifier)
{
	if (!context_identifier) {
		bri_error("%s: the identifier is NULL", __func__);
		return NULL;
	}
	return bri_content_context_new_named(context_identifier, NULL);
}

const char *nw_content_context_get_identifier(nw_content_context_t context)
{
	return is_context(context, __func__) ? context->identifier : NULL;
}

bool nw_content_context_get_is_final(nw_content_context_t context)
{
	return is_context(context, __func__) && context->is_final;
}

void nw_content_context_set_is_final(nw_content_context_t context, bool is_final)
{
	if (is_changeable(context, __func__))
		context->is_final = is_final;
}

uint64_t nw_content_context_get_expiration_milliseconds(nw_content_context_t context)
{
	return is_context(context, __func__) ? bri_content_context_expiration_ms(context) : 0;
}

void nw_content_context_set_expiration_milliseconds(
	nw_content_context_t context, uint64_t expiration_milliseconds)
{
	if (is_changeable(context, __func__) && is_not_final(context, __func__))
		context->expiration_ms = expiration_milliseconds;
}

/* api-status: partial nw_content_context_get_relative_priority: stored; contents leave in the order
 * they were sent */
double nw_content_context_get_relative_priority(nw_content_context_t context)
{
	if (!is_context(context, __func__))
		return 0;
	return context->is_final ? DEFAULT_PRIORITY : context->relative_priority;
}

/* api-status: partial nw_content_context_set_relative_priority: stored; contents leave in the order
 * they were sent */
void nw_content_context_set_relative_priority(
	nw_content_context_t context, double relative_priority)
{
	if (!is_changeable(context, __func__) || !is_not_final(context, __func__))
		return;
	/* written so that a NaN is refused */
	if (relative_priority >= 0 && relative_priority <= 1)
		context->relative_priority = relative_priority;
	else
		bri_error("%s: a priority is 0.0 to 1.0", __func__);
}

/* Would `context` come after itself? */
static bool is_circle(nw_content_context_t context, nw_content_context_t antecedent)
{
	for (int i = 0; antecedent && i < ANTECEDENTS_MAX; i++) {
		if (antecedent == context)
			return true;
		antecedent = antecedent->antecedent;
	}
	return false;
}

void nw_content_context_set_antecedent(
	nw_content_context_t context, nw_content_context_t antecedent_context)
{
	nw_content_context_t old;

	if (!is_changeable(context, __func__))
		return;
	if (antecedent_context &&
		(!is_context(antecedent_context, __func__) || !is_not_final(context, __func__)))
		return;
	if (is_circle(context, antecedent_context)) {
		bri_error("%s: context \"%.64s\" would wait for itself", __func__,
			context->identifier);
		return;
	}
	old = context->antecedent;
	context->antecedent = bri_object_get(antecedent_context);
	put_chain(old);
}

nw_content_context_t nw_content_context_copy_antecedent(nw_content_context_t context)
{
	if (!is_context(context, __func__) || context->is_final)
		return NULL;
	return bri_object_retain(context->antecedent);
}

void nw_content_context_set_metadata_for_protocol(
	nw_content_context_t context, nw_protocol_metadata_t protocol_metadata)
{
	if (is_changeable(context, __func__) &&
		bri_object_check(protocol_metadata, BRI_KIND_PROTOCOL_METADATA, __func__) &&
		!attach(context, bri_object_get(protocol_metadata)))
		bri_error("%s: no memory, or over %d protocols", __func__,
			BRI_CONTENT_CONTEXT_METADATA_MAX);
}

nw_protocol_metadata_t nw_content_context_copy_protocol_metadata(
	nw_content_context_t context, nw_protocol_definition_t protocol)
{
	if (!is_context(context, __func__) ||
		!bri_object_check(protocol, BRI_KIND_PROTOCOL_DEFINITION, __func__))
		return NULL;
	return bri_object_retain(bri_content_context_metadata(context, protocol));
}

void nw_content_context_foreach_protocol_metadata_f(nw_content_context_t context,
	void *foreach_context, nw_content_context_protocol_metadata_handler_f foreach)
{
	nw_protocol_metadata_t seen[BRI_CONTENT_CONTEXT_METADATA_MAX];
	size_t count;

	if (!is_context(context, __func__))
		return;
	if (!foreach) {
		bri_error("%s: nothing to call", __func__);
		return;
	}
	/* a copy, as the callee may change the context it looks at */
	count = context->metadata_count;
	for (size_t i = 0; i < count; i++)
		seen[i] = bri_object_get(context->metadata[i]);
	for (size_t i = 0; i < count; i++) {
		foreach(foreach_context, seen[i]->definition, seen[i]);
		bri_object_put(seen[i]);
	}
}
