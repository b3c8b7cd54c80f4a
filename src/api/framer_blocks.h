/* The block-taking functions of framers, as the library sees them: a block is an address. */
#ifndef BRI_API_FRAMER_BLOCKS_H
#define BRI_API_FRAMER_BLOCKS_H

#include "api/framer.h"

#pragma GCC visibility push(default)

nw_protocol_definition_t nw_framer_create_definition(
	const char *identifier, uint32_t flags, const void *start_handler);
void nw_framer_set_input_handler(nw_framer_t framer, const void *input_handler);
void nw_framer_set_output_handler(nw_framer_t framer, const void *output_handler);
void nw_framer_set_wakeup_handler(nw_framer_t framer, const void *wakeup_handler);
void nw_framer_set_stop_handler(nw_framer_t framer, const void *stop_handler);
void nw_framer_set_cleanup_handler(nw_framer_t framer, const void *cleanup_handler);
bool nw_framer_parse_input(nw_framer_t framer, size_t minimum_incomplete_length,
	size_t maximum_length, uint8_t *temp_buffer, const void *parse);
bool nw_framer_parse_output(nw_framer_t framer, size_t minimum_incomplete_length,
	size_t maximum_length, uint8_t *temp_buffer, const void *parse);
void nw_framer_async(nw_framer_t framer, const void *async_block);
void nw_framer_message_set_value(
	nw_framer_message_t message, const char *key, void *value, const void *dispose_value);
bool nw_framer_message_access_value(
	nw_framer_message_t message, const char *key, const void *access_value);

#pragma GCC visibility pop

#endif
