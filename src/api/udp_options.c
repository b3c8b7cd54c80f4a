/* nw_udp_*: options and metadata of UDP. Knows nothing of sockets. */
#include "api/udp_options.h"

struct nw_protocol_definition bri_protocol_udp = {
	.base = BRI_PROTOCOL_STATIC,
	.identifier = "udp",
	.levels = BRI_PROTOCOL_TRANSPORT,
	.options_size = sizeof(struct bri_udp_options),
	.metadata_size = sizeof(struct bri_udp_metadata),
};

nw_protocol_definition_t nw_protocol_copy_udp_definition(void)
{
	return bri_object_retain(&bri_protocol_udp);
}

nw_protocol_options_t nw_udp_create_options(void)
{
	return bri_protocol_options_new(&bri_protocol_udp);
}

void nw_udp_options_set_prefer_no_checksum(nw_protocol_options_t options, bool prefer_no_checksum)
{
	struct bri_udp_options *udp =
		bri_protocol_options_check(options, &bri_protocol_udp, __func__);

	if (udp)
		udp->prefer_no_checksum = prefer_no_checksum;
}

nw_protocol_metadata_t nw_udp_create_metadata(void)
{
	return bri_protocol_metadata_new(&bri_protocol_udp);
}

bool nw_protocol_metadata_is_udp(nw_protocol_metadata_t metadata)
{
	return bri_protocol_metadata_is(metadata, &bri_protocol_udp);
}
