/* The block-taking entry points of connections, listeners and reports, as the library defines them:
 * a block is a pointer. */
#ifndef BRI_API_CONNECTION_BLOCKS_H
#define BRI_API_CONNECTION_BLOCKS_H

#include "api/connection.h"

/* --- connection.c: what both forms of each function come to --- */
void bri_connection_set_handler(nw_connection_t c, enum bri_handler_slot slot,
	struct bri_callable call, const char *function);
void bri_connection_receive(nw_connection_t c, uint32_t min, uint32_t max, bool message,
	struct bri_callable completion, const char *function);
void bri_connection_send(nw_connection_t c, dispatch_data_t content, nw_content_context_t context,
	bool is_complete, struct bri_callable completion);

void nw_connection_set_state_changed_handler(nw_connection_t connection, const void *handler);
void nw_connection_set_viability_changed_handler(nw_connection_t connection, const void *handler);
void nw_connection_set_better_path_available_handler(
	nw_connection_t connection, const void *handler);
void nw_connection_set_path_changed_handler(nw_connection_t connection, const void *handler);
void nw_connection_receive(nw_connection_t connection, uint32_t minimum_incomplete_length,
	uint32_t maximum_length, const void *completion);
void nw_connection_receive_message(nw_connection_t connection, const void *completion);
void nw_connection_send(nw_connection_t connection, dispatch_data_t content,
	nw_content_context_t context, bool is_complete, const void *completion);
void nw_connection_batch(nw_connection_t connection, const void *batch_block);

#endif
