/* nw_parameters: what is set and read one by one. Knows nothing of connections. */
#include "api/parameters.h"

#include <stdlib.h>
#include <string.h>
#include "base/log.h"

static bool is_parameters(nw_parameters_t parameters, const char *function)
{
	return bri_object_check(parameters, BRI_KIND_PARAMETERS, function);
}

static bool check_type(nw_interface_type_t type, const char *function)
{
	if ((unsigned)type < BRI_INTERFACE_TYPES)
		return true;
	bri_error("%s: there is no interface type %u", function, (unsigned)type);
	return false;
}

bool bri_parameters_prohibits_type(const struct nw_parameters *params, nw_interface_type_t type)
{
	return memchr(params->prohibited_types, (int)type, params->prohibited_type_count);
}

bool bri_parameters_prohibits_index(const struct nw_parameters *params, uint32_t index)
{
	for (size_t i = 0; i < params->prohibited_interface_count; i++) {
		if (nw_interface_get_index(params->prohibited_interfaces[i]) == index)
			return true;
	}
	return false;
}

void nw_parameters_require_interface(nw_parameters_t parameters, nw_interface_t interface)
{
	if (!is_parameters(parameters, __func__))
		return;
	if (interface && !bri_object_check(interface, BRI_KIND_INTERFACE, __func__))
		return;
	bri_object_set(&parameters->required_interface, interface);
}

nw_interface_t nw_parameters_copy_required_interface(nw_parameters_t parameters)
{
	if (!is_parameters(parameters, __func__))
		return NULL;
	return bri_object_retain(parameters->required_interface);
}

void nw_parameters_prohibit_interface(nw_parameters_t parameters, nw_interface_t interface)
{
	nw_interface_t *grown;
	size_t count;

	if (!is_parameters(parameters, __func__) ||
		!bri_object_check(interface, BRI_KIND_INTERFACE, __func__))
		return;
	count = parameters->prohibited_interface_count;
	/* two pictures of one interface are one entry */
	if (bri_parameters_prohibits_index(parameters, nw_interface_get_index(interface)))
		return;
	if (count == BRI_PARAMETERS_PROHIBITED_MAX) {
		bri_error("%s: at most %d interfaces can be prohibited", __func__,
			BRI_PARAMETERS_PROHIBITED_MAX);
		return;
	}
	grown = reallocarray(parameters->prohibited_interfaces, count + 1, sizeof(*grown));
	if (!grown) {
		bri_error("%s: no memory", __func__);
		return;
	}
	grown[count] = bri_object_get(interface);
	parameters->prohibited_interfaces = grown;
	parameters->prohibited_interface_count = count + 1;
}

void nw_parameters_clear_prohibited_interfaces(nw_parameters_t parameters)
{
	nw_interface_t *old;
	size_t count;

	if (!is_parameters(parameters, __func__))
		return;
	old = parameters->prohibited_interfaces;
	count = parameters->prohibited_interface_count;
	parameters->prohibited_interfaces = NULL;
	parameters->prohibited_interface_count = 0;
	for (size_t i = 0; i < count; i++)
		bri_object_put(old[i]);
	free(old);
}

void nw_parameters_iterate_prohibited_interfaces_f(nw_parameters_t parameters,
	void *iterate_context, nw_parameters_iterate_interfaces_f iterate)
{
	nw_interface_t seen[BRI_PARAMETERS_PROHIBITED_MAX];
	bool more = true;
	size_t count;

	if (!is_parameters(parameters, __func__))
		return;
	if (!iterate) {
		bri_error("%s: nothing to call", __func__);
		return;
	}
	/* a copy, as the callee may change the list it looks at */
	count = parameters->prohibited_interface_count;
	for (size_t i = 0; i < count; i++)
		seen[i] = bri_object_get(parameters->prohibited_interfaces[i]);
	for (size_t i = 0; i < count; i++) {
		more = more && iterate(iterate_context, seen[i]);
		bri_object_put(seen[i]);
	}
}

/* `other` is "no requirement" here */
void nw_parameters_set_required_interface_type(
	nw_parameters_t parameters, nw_interface_type_t interface_type)
{
	if (is_parameters(parameters, __func__) && check_type(interface_type, __func__))
		parameters->required_interface_type = interface_type;
}

nw_interface_type_t nw_parameters_get_required_interface_type(nw_parameters_t parameters)
{
	if (!is_parameters(parameters, __func__))
		return nw_interface_type_other;
	return parameters->required_interface_type;
}

void nw_parameters_prohibit_interface_type(
	nw_parameters_t parameters, nw_interface_type_t interface_type)
{
	if (!is_parameters(parameters, __func__) || !check_type(interface_type, __func__) ||
		bri_parameters_prohibits_type(parameters, interface_type))
		return;
	/* each of the BRI_INTERFACE_TYPES at most once: there is room */
	parameters->prohibited_types[parameters->prohibited_type_count++] = (uint8_t)interface_type;
}

void nw_parameters_clear_prohibited_interface_types(nw_parameters_t parameters)
{
	if (is_parameters(parameters, __func__))
		parameters->prohibited_type_count = 0;
}

void nw_parameters_iterate_prohibited_interface_types_f(nw_parameters_t parameters,
	void *iterate_context, nw_parameters_iterate_interface_types_f iterate)
{
	uint8_t seen[BRI_INTERFACE_TYPES];
	size_t count;

	if (!is_parameters(parameters, __func__))
		return;
	if (!iterate) {
		bri_error("%s: nothing to call", __func__);
		return;
	}
	count = parameters->prohibited_type_count;
	memcpy(seen, parameters->prohibited_types, sizeof(seen));
	for (size_t i = 0; i < count; i++) {
		if (!iterate(iterate_context, (nw_interface_type_t)seen[i]))
			return;
	}
}

void nw_parameters_set_reuse_local_address(nw_parameters_t parameters, bool reuse_local_address)
{
	if (is_parameters(parameters, __func__))
		parameters->reuse_local_address = reuse_local_address;
}

bool nw_parameters_get_reuse_local_address(nw_parameters_t parameters)
{
	return is_parameters(parameters, __func__) && parameters->reuse_local_address;
}

void nw_parameters_set_local_endpoint(nw_parameters_t parameters, nw_endpoint_t local_endpoint)
{
	nw_endpoint_type_t type;

	if (!is_parameters(parameters, __func__))
		return;
	if (local_endpoint) {
		if (!bri_object_check(local_endpoint, BRI_KIND_ENDPOINT, __func__))
			return;
		type = nw_endpoint_get_type(local_endpoint);
		if (type != nw_endpoint_type_address && type != nw_endpoint_type_host) {
			bri_error("%s: a local endpoint is an address or a host", __func__);
			return;
		}
	}
	bri_object_set(&parameters->local_endpoint, local_endpoint);
}

nw_endpoint_t nw_parameters_copy_local_endpoint(nw_parameters_t parameters)
{
	if (!is_parameters(parameters, __func__))
		return NULL;
	return bri_object_retain(parameters->local_endpoint);
}

/* api-status: no-op nw_parameters_set_include_peer_to_peer: stored; Apple's peer-to-peer Wi-Fi does
 * not exist on Linux */
void nw_parameters_set_include_peer_to_peer(nw_parameters_t parameters, bool include_peer_to_peer)
{
	if (is_parameters(parameters, __func__))
		parameters->include_peer_to_peer = include_peer_to_peer;
}

bool nw_parameters_get_include_peer_to_peer(nw_parameters_t parameters)
{
	return is_parameters(parameters, __func__) && parameters->include_peer_to_peer;
}

void nw_parameters_set_fast_open_enabled(nw_parameters_t parameters, bool fast_open_enabled)
{
	if (is_parameters(parameters, __func__))
		parameters->fast_open_enabled = fast_open_enabled;
}

bool nw_parameters_get_fast_open_enabled(nw_parameters_t parameters)
{
	return is_parameters(parameters, __func__) && parameters->fast_open_enabled;
}

void nw_parameters_set_service_class(nw_parameters_t parameters, nw_service_class_t service_class)
{
	if (!is_parameters(parameters, __func__))
		return;
	switch (service_class) {
	case nw_service_class_best_effort:
	case nw_service_class_background:
	case nw_service_class_interactive_video:
	case nw_service_class_interactive_voice:
	case nw_service_class_responsive_data:
	case nw_service_class_signaling: parameters->service_class = service_class; return;
	}
	bri_error("%s: there is no service class %u", __func__, (unsigned)service_class);
}

nw_service_class_t nw_parameters_get_service_class(nw_parameters_t parameters)
{
	if (!is_parameters(parameters, __func__))
		return nw_service_class_best_effort;
	return parameters->service_class;
}

void nw_parameters_set_multipath_service(
	nw_parameters_t parameters, nw_multipath_service_t multipath_service)
{
	if (!is_parameters(parameters, __func__))
		return;
	switch (multipath_service) {
	case nw_multipath_service_disabled:
	case nw_multipath_service_handover:
	case nw_multipath_service_interactive:
	case nw_multipath_service_aggregate:
		parameters->multipath_service = multipath_service;
		return;
	}
	bri_error("%s: there is no multipath service %u", __func__, (unsigned)multipath_service);
}

nw_multipath_service_t nw_parameters_get_multipath_service(nw_parameters_t parameters)
{
	if (!is_parameters(parameters, __func__))
		return nw_multipath_service_disabled;
	return parameters->multipath_service;
}

void nw_parameters_set_local_only(nw_parameters_t parameters, bool local_only)
{
	if (is_parameters(parameters, __func__))
		parameters->local_only = local_only;
}

bool nw_parameters_get_local_only(nw_parameters_t parameters)
{
	return is_parameters(parameters, __func__) && parameters->local_only;
}

void nw_parameters_set_prefer_no_proxy(nw_parameters_t parameters, bool prefer_no_proxy)
{
	if (is_parameters(parameters, __func__))
		parameters->prefer_no_proxy = prefer_no_proxy;
}

bool nw_parameters_get_prefer_no_proxy(nw_parameters_t parameters)
{
	return is_parameters(parameters, __func__) && parameters->prefer_no_proxy;
}

void nw_parameters_set_expired_dns_behavior(
	nw_parameters_t parameters, nw_parameters_expired_dns_behavior_t expired_dns_behavior)
{
	if (!is_parameters(parameters, __func__))
		return;
	switch (expired_dns_behavior) {
	case nw_parameters_expired_dns_behavior_default:
	case nw_parameters_expired_dns_behavior_allow:
	case nw_parameters_expired_dns_behavior_prohibit:
	case nw_parameters_expired_dns_behavior_persistent:
		parameters->expired_dns_behavior = expired_dns_behavior;
		return;
	}
	bri_error("%s: there is no behavior %u", __func__, (unsigned)expired_dns_behavior);
}

nw_parameters_expired_dns_behavior_t nw_parameters_get_expired_dns_behavior(
	nw_parameters_t parameters)
{
	if (!is_parameters(parameters, __func__))
		return nw_parameters_expired_dns_behavior_default;
	return parameters->expired_dns_behavior;
}

/* api-status: partial nw_parameters_set_requires_dnssec_validation: stored; the resolver does not
 * validate yet */
void nw_parameters_set_requires_dnssec_validation(
	nw_parameters_t parameters, bool requires_dnssec_validation)
{
	if (is_parameters(parameters, __func__))
		parameters->requires_dnssec_validation = requires_dnssec_validation;
}

bool nw_parameters_requires_dnssec_validation(nw_parameters_t parameters)
{
	return is_parameters(parameters, __func__) && parameters->requires_dnssec_validation;
}

/* api-status: no-op nw_parameters_set_attribution: stored; Linux has no report of network use for
 * users to read */
void nw_parameters_set_attribution(
	nw_parameters_t parameters, nw_parameters_attribution_t attribution)
{
	if (!is_parameters(parameters, __func__))
		return;
	if (attribution == nw_parameters_attribution_developer ||
		attribution == nw_parameters_attribution_user)
		parameters->attribution = attribution;
	else
		bri_error("%s: there is no attribution %u", __func__, (unsigned)attribution);
}

nw_parameters_attribution_t nw_parameters_get_attribution(nw_parameters_t parameters)
{
	if (!is_parameters(parameters, __func__))
		return nw_parameters_attribution_developer;
	return parameters->attribution;
}

void nw_parameters_set_prohibit_expensive(nw_parameters_t parameters, bool prohibit_expensive)
{
	if (is_parameters(parameters, __func__))
		parameters->prohibit_expensive = prohibit_expensive;
}

bool nw_parameters_get_prohibit_expensive(nw_parameters_t parameters)
{
	return is_parameters(parameters, __func__) && parameters->prohibit_expensive;
}

void nw_parameters_set_prohibit_constrained(nw_parameters_t parameters, bool prohibit_constrained)
{
	if (is_parameters(parameters, __func__))
		parameters->prohibit_constrained = prohibit_constrained;
}

bool nw_parameters_get_prohibit_constrained(nw_parameters_t parameters)
{
	return is_parameters(parameters, __func__) && parameters->prohibit_constrained;
}

/* api-status: no-op nw_parameters_set_allow_ultra_constrained: stored; Linux marks no link as ultra
 * constrained */
void nw_parameters_set_allow_ultra_constrained(
	nw_parameters_t parameters, bool allow_ultra_constrained)
{
	if (is_parameters(parameters, __func__))
		parameters->allow_ultra_constrained = allow_ultra_constrained;
}

bool nw_parameters_get_allow_ultra_constrained(nw_parameters_t parameters)
{
	return is_parameters(parameters, __func__) && parameters->allow_ultra_constrained;
}

void nw_parameters_set_privacy_context(
	nw_parameters_t parameters, nw_privacy_context_t privacy_context)
{
	if (is_parameters(parameters, __func__) &&
		bri_object_check(privacy_context, BRI_KIND_PRIVACY_CONTEXT, __func__))
		bri_object_set(&parameters->privacy_context, privacy_context);
}
