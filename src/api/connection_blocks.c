/* Block forms of the connection's functions: a block is {invoke, block}. */
#include "api/connection_blocks.h"
#include "api/sentinels.h"

BRI_EXPORT void nw_connection_set_state_changed_handler(
	nw_connection_t connection, const void *handler)
{
	bri_connection_set_handler(connection, BRI_HANDLER_STATE, bri_callable_from_block(handler),
		"nw_connection_set_state_changed_handler");
}

BRI_EXPORT void nw_connection_set_viability_changed_handler(
	nw_connection_t connection, const void *handler)
{
	bri_connection_set_handler(connection, BRI_HANDLER_VIABILITY,
		bri_callable_from_block(handler), "nw_connection_set_viability_changed_handler");
}

BRI_EXPORT void nw_connection_set_better_path_available_handler(
	nw_connection_t connection, const void *handler)
{
	bri_connection_set_handler(connection, BRI_HANDLER_BETTER_PATH,
		bri_callable_from_block(handler),
		"nw_connection_set_better_path_available_handler");
}

BRI_EXPORT void nw_connection_set_path_changed_handler(
	nw_connection_t connection, const void *handler)
{
	bri_connection_set_handler(connection, BRI_HANDLER_PATH, bri_callable_from_block(handler),
		"nw_connection_set_path_changed_handler");
}

BRI_EXPORT void nw_connection_receive(nw_connection_t connection,
	uint32_t minimum_incomplete_length, uint32_t maximum_length, const void *completion)
{
	bri_connection_receive(connection, minimum_incomplete_length, maximum_length, false,
		bri_callable_from_block(completion), "nw_connection_receive");
}

BRI_EXPORT void nw_connection_receive_message(nw_connection_t connection, const void *completion)
{
	bri_connection_receive(connection, 1, UINT32_MAX, true, bri_callable_from_block(completion),
		"nw_connection_receive_message");
}

BRI_EXPORT void nw_connection_send(nw_connection_t connection, dispatch_data_t content,
	nw_content_context_t context, bool is_complete, const void *completion)
{
	bri_connection_send(
		connection, content, context, is_complete, bri_callable_from_block(completion));
}

BRI_EXPORT void nw_connection_batch(nw_connection_t connection, const void *batch_block)
{
	struct bri_callable call = bri_callable_borrow_block(batch_block);

	nw_connection_batch_f(connection, call.context, (dispatch_function_t)call.fn);
}
