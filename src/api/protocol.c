/* Definitions, options and metadata of protocols in general. Knows no protocol. */
#include "api/protocol.h"

#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "dispatch/runtime.h"

static void destroy_definition(struct bri_object *obj)
{
	free(obj);
}

const struct bri_class bri_protocol_definition_class = {
	.name = "nw_protocol_definition",
	.kind = BRI_KIND_PROTOCOL_DEFINITION,
	.destroy = destroy_definition, /* of framers; built-in ones are static */
};

static void destroy_options(struct bri_object *obj)
{
	struct nw_protocol_options *opts = (struct nw_protocol_options *)obj;

	if (opts->definition->options_fini)
		opts->definition->options_fini(opts);
	bri_object_put(opts->definition);
	free(opts);
}

static const struct bri_class options_class = {
	.name = "nw_protocol_options",
	.kind = BRI_KIND_PROTOCOL_OPTIONS,
	.destroy = destroy_options,
};

static void destroy_metadata(struct bri_object *obj)
{
	struct nw_protocol_metadata *md = (struct nw_protocol_metadata *)obj;
	size_t size;

	if (md->definition->metadata_fini)
		md->definition->metadata_fini(md);
	size = md->definition->metadata_size;
	bri_object_put(md->definition);
	bri_pool_free(md, size);
}

static const struct bri_class metadata_class = {
	.name = "nw_protocol_metadata",
	.kind = BRI_KIND_PROTOCOL_METADATA,
	.destroy = destroy_metadata,
};

static struct nw_protocol_options *alloc_options(nw_protocol_definition_t def)
{
	struct nw_protocol_options *opts = bri_object_new(&options_class, def->options_size);

	if (opts)
		opts->definition = bri_object_get(def);
	return opts;
}

/* What options_init or options_copy left half done holds nothing that options_fini must free. */
static nw_protocol_options_t drop_options(struct nw_protocol_options *opts)
{
	bri_object_put(opts->definition);
	free(opts);
	return NULL;
}

nw_protocol_options_t bri_protocol_options_new(nw_protocol_definition_t def)
{
	struct nw_protocol_options *opts = def->options_size ? alloc_options(def) : NULL;

	if (opts && def->options_init && def->options_init(opts))
		return drop_options(opts);
	return opts;
}

nw_protocol_options_t bri_protocol_options_copy(nw_protocol_options_t src)
{
	nw_protocol_definition_t def = src->definition;
	struct nw_protocol_options *opts = alloc_options(def);

	if (!opts)
		return NULL;
	if (!def->options_copy)
		memcpy(opts + 1, src + 1, def->options_size - sizeof(*opts));
	else if (def->options_copy(opts, src))
		return drop_options(opts);
	return opts;
}

nw_protocol_metadata_t bri_protocol_metadata_new(nw_protocol_definition_t def)
{
	struct nw_protocol_metadata *md;

	md = def->metadata_size ? bri_object_new_pooled(&metadata_class, def->metadata_size) : NULL;
	if (!md)
		return NULL;
	if (def->metadata_init && def->metadata_init(md)) {
		bri_pool_free(md, def->metadata_size);
		return NULL;
	}
	md->definition = bri_object_get(def);
	return md;
}

bool bri_protocol_options_is(const void *opts, const struct nw_protocol_definition *def)
{
	return bri_object_is(opts, BRI_KIND_PROTOCOL_OPTIONS) &&
	       ((const struct nw_protocol_options *)opts)->definition == def;
}

bool bri_protocol_metadata_is(const void *md, const struct nw_protocol_definition *def)
{
	return bri_object_is(md, BRI_KIND_PROTOCOL_METADATA) &&
	       ((const struct nw_protocol_metadata *)md)->definition == def;
}

void *bri_protocol_options_check(
	nw_protocol_options_t opts, const struct nw_protocol_definition *def, const char *function)
{
	if (BRI_LIKELY(bri_protocol_options_is(opts, def)))
		return opts;
	if (bri_object_check(opts, BRI_KIND_PROTOCOL_OPTIONS, function))
		bri_error("%s: these are options of %s, not of %s", function,
			opts->definition->identifier, def->identifier);
	return NULL;
}

void *bri_protocol_metadata_check(
	nw_protocol_metadata_t md, const struct nw_protocol_definition *def, const char *function)
{
	if (BRI_LIKELY(bri_protocol_metadata_is(md, def)))
		return md;
	if (bri_object_check(md, BRI_KIND_PROTOCOL_METADATA, function))
		bri_error("%s: this is metadata of %s, not of %s", function,
			md->definition->identifier, def->identifier);
	return NULL;
}

bool nw_protocol_definition_is_equal(
	nw_protocol_definition_t definition1, nw_protocol_definition_t definition2)
{
	if (!bri_object_check(definition1, BRI_KIND_PROTOCOL_DEFINITION, __func__) ||
		!bri_object_check(definition2, BRI_KIND_PROTOCOL_DEFINITION, __func__))
		return false;
	/* one object a protocol; framers of the same name are different protocols */
	return definition1 == definition2;
}

nw_protocol_definition_t nw_protocol_options_copy_definition(nw_protocol_options_t options)
{
	if (!bri_object_check(options, BRI_KIND_PROTOCOL_OPTIONS, __func__))
		return NULL;
	return bri_object_retain(options->definition);
}

nw_protocol_definition_t nw_protocol_metadata_copy_definition(nw_protocol_metadata_t metadata)
{
	if (!bri_object_check(metadata, BRI_KIND_PROTOCOL_METADATA, __func__))
		return NULL;
	return bri_object_retain(metadata->definition);
}
