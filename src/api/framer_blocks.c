/* Block forms of the framer functions: a block is {invoke, block}. */
#include "api/framer_blocks.h"

nw_protocol_definition_t nw_framer_create_definition(
	const char *identifier, uint32_t flags, const void *start_handler)
{
	return bri_framer_definition_new(
		identifier, flags, bri_callable_from_block(start_handler), __func__);
}

void nw_framer_set_input_handler(nw_framer_t framer, const void *input_handler)
{
	bri_framer_set_handler(
		framer, BRI_FRAMER_INPUT, bri_callable_from_block(input_handler), __func__);
}

void nw_framer_set_output_handler(nw_framer_t framer, const void *output_handler)
{
	bri_framer_set_handler(
		framer, BRI_FRAMER_OUTPUT, bri_callable_from_block(output_handler), __func__);
}

void nw_framer_set_wakeup_handler(nw_framer_t framer, const void *wakeup_handler)
{
	bri_framer_set_handler(
		framer, BRI_FRAMER_WAKEUP, bri_callable_from_block(wakeup_handler), __func__);
}

void nw_framer_set_stop_handler(nw_framer_t framer, const void *stop_handler)
{
	bri_framer_set_handler(
		framer, BRI_FRAMER_STOP, bri_callable_from_block(stop_handler), __func__);
}

void nw_framer_set_cleanup_handler(nw_framer_t framer, const void *cleanup_handler)
{
	bri_framer_set_handler(
		framer, BRI_FRAMER_CLEANUP, bri_callable_from_block(cleanup_handler), __func__);
}

bool nw_framer_parse_input(nw_framer_t framer, size_t minimum_incomplete_length,
	size_t maximum_length, uint8_t *temp_buffer, const void *parse)
{
	struct bri_callable call = bri_callable_borrow_block(parse);

	return nw_framer_parse_input_f(framer, minimum_incomplete_length, maximum_length,
		temp_buffer, call.context, (nw_framer_parse_completion_f)call.fn);
}

bool nw_framer_parse_output(nw_framer_t framer, size_t minimum_incomplete_length,
	size_t maximum_length, uint8_t *temp_buffer, const void *parse)
{
	struct bri_callable call = bri_callable_borrow_block(parse);

	return nw_framer_parse_output_f(framer, minimum_incomplete_length, maximum_length,
		temp_buffer, call.context, (nw_framer_parse_completion_f)call.fn);
}

void nw_framer_async(nw_framer_t framer, const void *async_block)
{
	bri_framer_async(framer, bri_callable_from_block(async_block), __func__);
}

void nw_framer_message_set_value(
	nw_framer_message_t message, const char *key, void *value, const void *dispose_value)
{
	bri_framer_message_set(
		message, key, value, bri_callable_from_block(dispose_value), __func__);
}

bool nw_framer_message_access_value(
	nw_framer_message_t message, const char *key, const void *access_value)
{
	struct bri_callable call = bri_callable_borrow_block(access_value);

	return nw_framer_message_access_value_f(
		message, key, call.context, (nw_framer_message_accessor_f)call.fn);
}
