/*
 * nw_parameters: creation and copies. The plain getters and setters are in parameters_fields.c.
 * Knows nothing of connections.
 */
#include "api/parameters.h"

#include <stdlib.h>
#include <string.h>
#include "api/ip_options.h"
#include "api/sentinels.h"
#include "api/tcp_options.h"
#include "api/udp_options.h"
#include "base/log.h"

static void destroy(struct bri_object *obj)
{
	struct nw_parameters *params = (struct nw_parameters *)obj;

	bri_object_put(params->stack);
	bri_object_put(params->local_endpoint);
	bri_object_put(params->required_interface);
	bri_object_put(params->privacy_context);
	for (size_t i = 0; i < params->prohibited_interface_count; i++)
		bri_object_put(params->prohibited_interfaces[i]);
	free(params->prohibited_interfaces);
	free(params);
}

static const struct bri_class parameters_class = {
	.name = "nw_parameters",
	.kind = BRI_KIND_PARAMETERS,
	.destroy = destroy,
};

/* Defaults are zeroes but for these. Consumes +1 of `transport`; NULL: none. */
static struct nw_parameters *new_parameters(nw_protocol_options_t transport)
{
	struct nw_parameters *params = bri_object_new(&parameters_class, sizeof(*params));

	if (!params) {
		bri_object_release(transport);
		return NULL;
	}
	params->stack = bri_object_own(bri_protocol_stack_new(transport));
	if (!params->stack) {
		bri_object_release(params);
		return NULL;
	}
	params->privacy_context = bri_object_get(_nw_privacy_context_default_context);
	params->attribution = nw_parameters_attribution_developer;
	return params;
}

enum bri_parameters_transport bri_parameters_transport(const struct nw_parameters *params)
{
	nw_protocol_options_t transport = params->stack->transport;

	if (params->is_custom_ip)
		return BRI_PARAMETERS_CUSTOM_IP;
	if (!transport || transport->definition == &bri_protocol_tcp)
		return BRI_PARAMETERS_TCP;
	return transport->definition == &bri_protocol_udp ? BRI_PARAMETERS_UDP
							  : BRI_PARAMETERS_OTHER;
}

const struct bri_tcp_options *bri_parameters_tcp(const struct nw_parameters *params)
{
	nw_protocol_options_t opts = params->stack->transport;

	return bri_protocol_options_is(opts, &bri_protocol_tcp) ? (struct bri_tcp_options *)opts
								: NULL;
}

const struct bri_udp_options *bri_parameters_udp(const struct nw_parameters *params)
{
	nw_protocol_options_t opts = params->stack->transport;

	return bri_protocol_options_is(opts, &bri_protocol_udp) ? (struct bri_udp_options *)opts
								: NULL;
}

const struct bri_ip_options *bri_parameters_ip(const struct nw_parameters *params)
{
	return (const struct bri_ip_options *)params->stack->internet;
}

/* Both arguments of a create_secure function, before anything is made or called. */
static bool check_secure(nw_parameters_configure_protocol_f security,
	nw_parameters_configure_protocol_f transport, const char *function)
{
	if (!security || !transport)
		bri_error("%s: a configuration is NULL; use the default or the disable constant",
			function);
	else if (transport == BRAID_DISABLE_PROTOCOL_F)
		bri_error("%s: the transport itself cannot be disabled", function);
	else
		return true;
	return false;
}

/* Runs the application's configuration once, inside this call, on the live options. */
static void configure(
	nw_protocol_options_t opts, void *context, nw_parameters_configure_protocol_f fn)
{
	if (fn != BRAID_DEFAULT_CONFIGURATION_F)
		fn(context, opts);
}

/* TLS above the transport, unless it is disabled. False: no memory. */
static bool secure(
	struct nw_parameters *params, void *context, nw_parameters_configure_protocol_f fn)
{
	nw_protocol_options_t tls;

	if (fn == BRAID_DISABLE_PROTOCOL_F)
		return true;
	tls = nw_tls_create_options();
	if (!tls)
		return false;
	nw_protocol_stack_prepend_application_protocol(params->stack, tls);
	bri_object_release(tls);
	if (!params->stack->count)
		return false;
	configure(tls, context, fn);
	return true;
}

/* The parameters with this transport, which is consumed, and stays valid as part of them. */
static nw_parameters_t configured(nw_protocol_options_t transport, void *tls_context,
	nw_parameters_configure_protocol_f configure_tls, void *context,
	nw_parameters_configure_protocol_f fn)
{
	struct nw_parameters *params = transport ? new_parameters(transport) : NULL;

	if (!params)
		return NULL;
	if (!secure(params, tls_context, configure_tls)) {
		bri_object_release(params);
		return NULL;
	}
	configure(params->stack->transport, context, fn);
	return params;
}

nw_parameters_t nw_parameters_create_secure_tcp_f(void *tls_context,
	nw_parameters_configure_protocol_f configure_tls, void *tcp_context,
	nw_parameters_configure_protocol_f configure_tcp)
{
	if (!check_secure(configure_tls, configure_tcp, __func__))
		return NULL;
	return configured(
		nw_tcp_create_options(), tls_context, configure_tls, tcp_context, configure_tcp);
}

nw_parameters_t nw_parameters_create_secure_udp_f(void *dtls_context,
	nw_parameters_configure_protocol_f configure_dtls, void *udp_context,
	nw_parameters_configure_protocol_f configure_udp)
{
	if (!check_secure(configure_dtls, configure_udp, __func__))
		return NULL;
	return configured(
		nw_udp_create_options(), dtls_context, configure_dtls, udp_context, configure_udp);
}

/* api-status: partial nw_parameters_create_custom_ip: the object is complete; starting a connection
 * with it fails with ENOTSUP */
/* api-status: partial nw_parameters_create_custom_ip_f: as nw_parameters_create_custom_ip */
nw_parameters_t nw_parameters_create_custom_ip_f(uint8_t custom_ip_protocol_number,
	void *ip_context, nw_parameters_configure_protocol_f configure_ip)
{
	struct nw_parameters *params;

	if (!configure_ip || configure_ip == BRAID_DISABLE_PROTOCOL_F) {
		bri_error("%s: IP cannot be disabled, and its configuration cannot be NULL",
			__func__);
		return NULL;
	}
	params = new_parameters(NULL);
	if (!params)
		return NULL;
	params->is_custom_ip = true;
	params->custom_ip_protocol = custom_ip_protocol_number;
	configure(params->stack->internet, ip_context, configure_ip);
	return params;
}

/* api-status: partial nw_parameters_create_application_service: generic parameters; application
 * services belong to Apple devices */
nw_parameters_t nw_parameters_create_application_service(void)
{
	struct nw_parameters *params = new_parameters(NULL);

	if (params)
		params->is_application_service = true;
	return params;
}

nw_parameters_t nw_parameters_create(void)
{
	return new_parameters(NULL);
}

static bool copy_interfaces(struct nw_parameters *to, const struct nw_parameters *from)
{
	size_t count = from->prohibited_interface_count;

	if (!count)
		return true;
	to->prohibited_interfaces = calloc(count, sizeof(*to->prohibited_interfaces));
	if (!to->prohibited_interfaces)
		return false;
	for (size_t i = 0; i < count; i++)
		to->prohibited_interfaces[i] = bri_object_get(from->prohibited_interfaces[i]);
	to->prohibited_interface_count = count;
	return true;
}

nw_parameters_t nw_parameters_copy(nw_parameters_t parameters)
{
	struct nw_parameters *copy;

	if (!bri_object_check(parameters, BRI_KIND_PARAMETERS, __func__))
		return NULL;
	copy = bri_object_new(&parameters_class, sizeof(*copy));
	if (!copy)
		return NULL;
	/* everything, then what is owned anew; the object's own start stays */
	memcpy((char *)copy + sizeof(copy->base), (const char *)parameters + sizeof(copy->base),
		sizeof(*copy) - sizeof(copy->base));
	copy->prohibited_interfaces = NULL;
	copy->prohibited_interface_count = 0;
	bri_object_get(copy->local_endpoint);
	bri_object_get(copy->required_interface);
	bri_object_get(copy->privacy_context);
	copy->stack = bri_object_own(bri_protocol_stack_copy(parameters->stack));
	if (copy->stack && copy_interfaces(copy, parameters))
		return copy;
	bri_object_release(copy);
	return NULL;
}

nw_protocol_stack_t nw_parameters_copy_default_protocol_stack(nw_parameters_t parameters)
{
	if (!bri_object_check(parameters, BRI_KIND_PARAMETERS, __func__))
		return NULL;
	return bri_object_retain(parameters->stack);
}
