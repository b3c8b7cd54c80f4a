/* nw_tls_*: options and metadata of TLS and DTLS, around sec_protocol_*. Knows no TLS. */
#include "api/tls_options.h"

#include <errno.h>
#include "api/tls_layer.h"

static int init_options(nw_protocol_options_t opts)
{
	struct bri_tls_options *tls = (struct bri_tls_options *)opts;

	tls->sec = bri_object_own(bri_sec_options_new());
	return tls->sec ? 0 : -ENOMEM;
}

static int copy_options(nw_protocol_options_t dst, nw_protocol_options_t src)
{
	struct bri_tls_options *to = (struct bri_tls_options *)dst;

	to->sec = bri_object_own(bri_sec_options_copy(((struct bri_tls_options *)src)->sec));
	return to->sec ? 0 : -ENOMEM;
}

static void fini_options(nw_protocol_options_t opts)
{
	bri_object_put(((struct bri_tls_options *)opts)->sec);
}

static void fini_metadata(nw_protocol_metadata_t md)
{
	bri_object_put(((struct bri_tls_metadata *)md)->sec);
}

struct nw_protocol_definition bri_protocol_tls = {
	.base = BRI_PROTOCOL_STATIC,
	.identifier = "tls",
	.levels = BRI_PROTOCOL_APPLICATION,
	.options_size = sizeof(struct bri_tls_options),
	.options_init = init_options,
	.options_copy = copy_options,
	.options_fini = fini_options,
	.metadata_size = sizeof(struct bri_tls_metadata),
	.metadata_fini = fini_metadata,
	.layer_new = bri_tls_layer_new,
	.admits = bri_tls_layer_admits,
};

nw_protocol_metadata_t bri_tls_metadata_new(struct sec_protocol_metadata *sec)
{
	nw_protocol_metadata_t md = bri_protocol_metadata_new(&bri_protocol_tls);

	if (md)
		((struct bri_tls_metadata *)md)->sec = sec;
	else
		bri_object_put(sec);
	return md;
}

nw_protocol_definition_t nw_protocol_copy_tls_definition(void)
{
	return bri_object_retain(&bri_protocol_tls);
}

nw_protocol_options_t nw_tls_create_options(void)
{
	return bri_protocol_options_new(&bri_protocol_tls);
}

sec_protocol_options_t nw_tls_copy_sec_protocol_options(nw_protocol_options_t options)
{
	struct bri_tls_options *tls =
		bri_protocol_options_check(options, &bri_protocol_tls, __func__);

	return tls ? bri_object_retain(tls->sec) : NULL;
}

bool nw_protocol_metadata_is_tls(nw_protocol_metadata_t metadata)
{
	return bri_protocol_metadata_is(metadata, &bri_protocol_tls);
}

sec_protocol_metadata_t nw_tls_copy_sec_protocol_metadata(nw_protocol_metadata_t metadata)
{
	struct bri_tls_metadata *tls =
		bri_protocol_metadata_check(metadata, &bri_protocol_tls, __func__);

	return tls ? bri_object_retain(tls->sec) : NULL;
}

/* --- sec_object --- */

void *sec_retain(void *obj)
{
	return bri_object_retain(obj);
}

void sec_release(void *obj)
{
	bri_object_release(obj);
}
