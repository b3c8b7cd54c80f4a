/*
 * The block-taking functions of objects and parameters, as the library sees them: a block is an
 * address. Same ABI as the public declarations, which exist only under __BLOCKS__.
 */
#ifndef BRI_API_BLOCKS_OBJECTS_H
#define BRI_API_BLOCKS_OBJECTS_H

#include "api/object.h"

#pragma GCC visibility push(default)

nw_parameters_t nw_parameters_create_secure_tcp(
	const void *configure_tls, const void *configure_tcp);
nw_parameters_t nw_parameters_create_secure_udp(
	const void *configure_dtls, const void *configure_udp);
nw_parameters_t nw_parameters_create_custom_ip(
	uint8_t custom_ip_protocol_number, const void *configure_ip);
void nw_parameters_iterate_prohibited_interfaces(
	nw_parameters_t parameters, const void *iterate_block);
void nw_parameters_iterate_prohibited_interface_types(
	nw_parameters_t parameters, const void *iterate_block);
void nw_protocol_stack_iterate_application_protocols(
	nw_protocol_stack_t stack, const void *iterate_block);
void nw_content_context_foreach_protocol_metadata(
	nw_content_context_t context, const void *foreach_block);

#pragma GCC visibility pop

#endif
