/* Definitions, options and messages of framers. Knows nothing of framers at work. */
#include "api/framer.h"

#include <stdlib.h>
#include <string.h>
#include "base/log.h"

/* A name is for log lines; nobody reads more. */
#define IDENTIFIER_MAX 1024

static void destroy(struct bri_object *obj)
{
	struct bri_framer_definition *def = (struct bri_framer_definition *)obj;

	bri_callable_clear(&def->start);
	free(def);
}

static const struct bri_class definition_class = {
	.name = "nw_protocol_definition",
	.kind = BRI_KIND_PROTOCOL_DEFINITION,
	.destroy = destroy,
};

bool bri_framer_is_definition(const struct nw_protocol_definition *def)
{
	return def->base.cls == &definition_class;
}

nw_protocol_definition_t bri_framer_definition_new(
	const char *identifier, uint32_t flags, struct bri_callable start, const char *function)
{
	struct bri_framer_definition *def = NULL;
	size_t len = identifier ? strnlen(identifier, IDENTIFIER_MAX) : 0;

	if (!identifier)
		bri_error("%s: the identifier is NULL", function);
	else if (bri_handler_is_given(start.fn, function))
		def = bri_object_new(&definition_class, sizeof(*def) + len + 1);
	if (!def) {
		bri_callable_clear(&start);
		return NULL;
	}
	if (flags != NW_FRAMER_CREATE_FLAGS_DEFAULT)
		bri_warn("%s: the flags 0x%x mean nothing", function, (unsigned)flags);
	memcpy(def->identifier, identifier, len);
	def->start = start;
	def->base.identifier = def->identifier;
	def->base.levels = BRI_PROTOCOL_APPLICATION;
	def->base.options_size = sizeof(struct nw_protocol_options);
	def->base.metadata_size = sizeof(struct bri_framer_message);
	def->base.metadata_init = bri_framer_message_init;
	def->base.metadata_fini = bri_framer_message_fini;
	def->base.layer_new = bri_framer_object_new;
	return &def->base;
}

nw_protocol_definition_t nw_framer_create_definition_f(const char *identifier, uint32_t flags,
	void *context, nw_framer_start_handler_f start_handler, nw_context_destroy_f destroy_f)
{
	return bri_framer_definition_new(
		identifier, flags, BRI_CALLABLE(start_handler, context, destroy_f), __func__);
}

static bool check(nw_protocol_definition_t def, const char *function)
{
	if (!bri_object_check(def, BRI_KIND_PROTOCOL_DEFINITION, function))
		return false;
	if (!bri_framer_is_definition(def))
		bri_error("%s: %s is not a framer", function, def->identifier);
	return bri_framer_is_definition(def);
}

nw_protocol_options_t nw_framer_create_options(nw_protocol_definition_t framer_definition)
{
	return check(framer_definition, __func__) ? bri_protocol_options_new(framer_definition)
						  : NULL;
}

nw_framer_message_t nw_framer_protocol_create_message(nw_protocol_definition_t definition)
{
	return check(definition, __func__) ? bri_protocol_metadata_new(definition) : NULL;
}
