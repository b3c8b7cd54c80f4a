/* Blocks given to objects and parameters: all are called inside the call, so none is copied. */
#include "api/blocks_objects.h"

#include "base/callable.h"

nw_parameters_t nw_parameters_create_secure_tcp(
	const void *configure_tls, const void *configure_tcp)
{
	struct bri_callable tls = bri_callable_borrow_block(configure_tls);
	struct bri_callable tcp = bri_callable_borrow_block(configure_tcp);

	return nw_parameters_create_secure_tcp_f(tls.context,
		(nw_parameters_configure_protocol_f)tls.fn, tcp.context,
		(nw_parameters_configure_protocol_f)tcp.fn);
}

nw_parameters_t nw_parameters_create_secure_udp(
	const void *configure_dtls, const void *configure_udp)
{
	struct bri_callable dtls = bri_callable_borrow_block(configure_dtls);
	struct bri_callable udp = bri_callable_borrow_block(configure_udp);

	return nw_parameters_create_secure_udp_f(dtls.context,
		(nw_parameters_configure_protocol_f)dtls.fn, udp.context,
		(nw_parameters_configure_protocol_f)udp.fn);
}

nw_parameters_t nw_parameters_create_custom_ip(
	uint8_t custom_ip_protocol_number, const void *configure_ip)
{
	struct bri_callable ip = bri_callable_borrow_block(configure_ip);

	return nw_parameters_create_custom_ip_f(
		custom_ip_protocol_number, ip.context, (nw_parameters_configure_protocol_f)ip.fn);
}

void nw_parameters_iterate_prohibited_interfaces(
	nw_parameters_t parameters, const void *iterate_block)
{
	struct bri_callable call = bri_callable_borrow_block(iterate_block);

	nw_parameters_iterate_prohibited_interfaces_f(
		parameters, call.context, (nw_parameters_iterate_interfaces_f)call.fn);
}

void nw_parameters_iterate_prohibited_interface_types(
	nw_parameters_t parameters, const void *iterate_block)
{
	struct bri_callable call = bri_callable_borrow_block(iterate_block);

	nw_parameters_iterate_prohibited_interface_types_f(
		parameters, call.context, (nw_parameters_iterate_interface_types_f)call.fn);
}

void nw_protocol_stack_iterate_application_protocols(
	nw_protocol_stack_t stack, const void *iterate_block)
{
	struct bri_callable call = bri_callable_borrow_block(iterate_block);

	nw_protocol_stack_iterate_application_protocols_f(
		stack, call.context, (nw_protocol_stack_iterate_protocols_f)call.fn);
}

void nw_content_context_foreach_protocol_metadata(
	nw_content_context_t context, const void *foreach_block)
{
	struct bri_callable call = bri_callable_borrow_block(foreach_block);

	nw_content_context_foreach_protocol_metadata_f(
		context, call.context, (nw_content_context_protocol_metadata_handler_f)call.fn);
}
