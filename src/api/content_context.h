/*
 * nw_content_context: what goes with a message or a stream: its end, priority, expiry and the
 * metadata of protocols. Not locked: one thread at a time changes a context. Knows nothing of
 * connections.
 */
#ifndef BRI_API_CONTENT_CONTEXT_H
#define BRI_API_CONTENT_CONTEXT_H

#include "api/protocol.h"

/* One a protocol of a stack, with room for the transport and IP. */
#define BRI_CONTENT_CONTEXT_METADATA_MAX 18
/* Messages have one, seldom two: no memory of their own for those. */
#define BRI_CONTENT_CONTEXT_OWN 2

struct nw_content_context {
	struct bri_object base;
	const char *identifier;          /* behind the struct, or static */
	nw_content_context_t antecedent; /* internal reference; NULL: none. Not of final contexts */
	/* internal references; `own`, as far as that goes */
	nw_protocol_metadata_t *metadata, own[BRI_CONTENT_CONTEXT_OWN];
	uint16_t size; /* of the struct and what is behind it; bytes */
	uint8_t metadata_count;
	bool is_final;
	bool is_default;          /* shared and static: nothing changes it */
	double relative_priority; /* 0 to 1 */
	uint64_t expiration_ms;   /* from the call of send; 0: none */
};

/* Behind the exported pointers of sentinels.c */
extern struct nw_content_context bri_content_context_default_message;
extern struct nw_content_context bri_content_context_default_stream;
extern struct nw_content_context bri_content_context_final_send;

/*
 * bri_content_context_new(): a context for received content.
 *   identifier  static. bri_content_context_new_named() copies it.
 *   metadata    one protocol's, taken (also on failure); NULL: none
 * Returns +1, or NULL: no memory.
 */
nw_content_context_t bri_content_context_new(
	const char *identifier, nw_protocol_metadata_t metadata);
nw_content_context_t bri_content_context_new_named(
	const char *identifier, nw_protocol_metadata_t metadata);

/* bri_content_context_metadata(): borrowed; NULL: none of that protocol. */
nw_protocol_metadata_t bri_content_context_metadata(
	const struct nw_content_context *context, const struct nw_protocol_definition *def);

/* As the public getters, without the argument check: what holds when the content is sent. */
static inline uint64_t bri_content_context_expiration_ms(const struct nw_content_context *context)
{
	return context->is_final ? 0 : context->expiration_ms;
}

#endif
