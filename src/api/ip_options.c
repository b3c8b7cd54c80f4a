/* nw_ip_*: options of IP and the metadata of one datagram. Knows nothing of sockets. */
#include "api/ip_options.h"

#include "base/log.h"

struct nw_protocol_definition bri_protocol_ip = {
	.base = BRI_PROTOCOL_STATIC,
	.identifier = "ip",
	.levels = BRI_PROTOCOL_INTERNET,
	.options_size = sizeof(struct bri_ip_options),
	.metadata_size = sizeof(struct bri_ip_metadata),
};

nw_protocol_metadata_t bri_ip_metadata_new(
	nw_ip_ecn_flag_t ecn, nw_service_class_t service_class, uint64_t receive_time_ns)
{
	nw_protocol_metadata_t md = bri_protocol_metadata_new(&bri_protocol_ip);
	struct bri_ip_metadata *ip = (struct bri_ip_metadata *)md;

	if (md) {
		ip->ecn = ecn;
		ip->service_class = service_class;
		ip->receive_time_ns = receive_time_ns;
	}
	return md;
}

static struct bri_ip_options *check(nw_protocol_options_t options, const char *function)
{
	return bri_protocol_options_check(options, &bri_protocol_ip, function);
}

static struct bri_ip_metadata *check_metadata(nw_protocol_metadata_t md, const char *function)
{
	return bri_protocol_metadata_check(md, &bri_protocol_ip, function);
}

nw_protocol_definition_t nw_protocol_copy_ip_definition(void)
{
	return bri_object_retain(&bri_protocol_ip);
}

void nw_ip_options_set_version(nw_protocol_options_t options, nw_ip_version_t version)
{
	struct bri_ip_options *ip = check(options, __func__);

	if (!ip)
		return;
	switch (version) {
	case nw_ip_version_any:
	case nw_ip_version_4:
	case nw_ip_version_6: ip->version = version; return;
	}
	bri_error("%s: there is no IP version %u", __func__, (unsigned)version);
}

void nw_ip_options_set_hop_limit(nw_protocol_options_t options, uint8_t hop_limit)
{
	struct bri_ip_options *ip = check(options, __func__);

	if (ip)
		ip->hop_limit = hop_limit;
}

void nw_ip_options_set_use_minimum_mtu(nw_protocol_options_t options, bool use_minimum_mtu)
{
	struct bri_ip_options *ip = check(options, __func__);

	if (ip)
		ip->use_minimum_mtu = use_minimum_mtu;
}

void nw_ip_options_set_disable_fragmentation(
	nw_protocol_options_t options, bool disable_fragmentation)
{
	struct bri_ip_options *ip = check(options, __func__);

	if (ip)
		ip->disable_fragmentation = disable_fragmentation;
}

void nw_ip_options_set_calculate_receive_time(
	nw_protocol_options_t options, bool calculate_receive_time)
{
	struct bri_ip_options *ip = check(options, __func__);

	if (ip)
		ip->calculate_receive_time = calculate_receive_time;
}

void nw_ip_options_set_local_address_preference(
	nw_protocol_options_t options, nw_ip_local_address_preference_t preference)
{
	struct bri_ip_options *ip = check(options, __func__);

	if (!ip)
		return;
	switch (preference) {
	case nw_ip_local_address_preference_default:
	case nw_ip_local_address_preference_temporary:
	case nw_ip_local_address_preference_stable:
		ip->local_address_preference = preference;
		return;
	}
	bri_error("%s: %u is no preference", __func__, (unsigned)preference);
}

void nw_ip_options_set_disable_multicast_loopback(
	nw_protocol_options_t options, bool disable_multicast_loopback)
{
	struct bri_ip_options *ip = check(options, __func__);

	if (ip)
		ip->disable_multicast_loopback = disable_multicast_loopback;
}

nw_protocol_metadata_t nw_ip_create_metadata(void)
{
	return bri_protocol_metadata_new(&bri_protocol_ip);
}

bool nw_protocol_metadata_is_ip(nw_protocol_metadata_t metadata)
{
	return bri_protocol_metadata_is(metadata, &bri_protocol_ip);
}

void nw_ip_metadata_set_ecn_flag(nw_protocol_metadata_t metadata, nw_ip_ecn_flag_t ecn_flag)
{
	struct bri_ip_metadata *ip = check_metadata(metadata, __func__);

	if (!ip)
		return;
	switch (ecn_flag) {
	case nw_ip_ecn_flag_non_ect:
	case nw_ip_ecn_flag_ect_1:
	case nw_ip_ecn_flag_ect_0:
	case nw_ip_ecn_flag_ce: ip->ecn = ecn_flag; return;
	}
	bri_error("%s: an ECN flag is 0 to 3, not %u", __func__, (unsigned)ecn_flag);
}

nw_ip_ecn_flag_t nw_ip_metadata_get_ecn_flag(nw_protocol_metadata_t metadata)
{
	struct bri_ip_metadata *ip = check_metadata(metadata, __func__);

	return ip ? ip->ecn : nw_ip_ecn_flag_non_ect;
}

void nw_ip_metadata_set_service_class(
	nw_protocol_metadata_t metadata, nw_service_class_t service_class)
{
	struct bri_ip_metadata *ip = check_metadata(metadata, __func__);

	if (!ip)
		return;
	switch (service_class) {
	case nw_service_class_best_effort:
	case nw_service_class_background:
	case nw_service_class_interactive_video:
	case nw_service_class_interactive_voice:
	case nw_service_class_responsive_data:
	case nw_service_class_signaling: ip->service_class = service_class; return;
	}
	bri_error("%s: there is no service class %u", __func__, (unsigned)service_class);
}

nw_service_class_t nw_ip_metadata_get_service_class(nw_protocol_metadata_t metadata)
{
	struct bri_ip_metadata *ip = check_metadata(metadata, __func__);

	return ip ? ip->service_class : nw_service_class_best_effort;
}

uint64_t nw_ip_metadata_get_receive_time(nw_protocol_metadata_t metadata)
{
	struct bri_ip_metadata *ip = check_metadata(metadata, __func__);

	return ip ? ip->receive_time_ns : 0;
}
