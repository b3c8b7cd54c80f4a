/* The block-taking entry points of sec_protocol_options and sec_protocol_metadata, as the library
 * defines them: a block is a pointer. */
#ifndef BRI_API_SEC_BLOCKS_H
#define BRI_API_SEC_BLOCKS_H

#include "api/object.h"

#pragma GCC visibility push(default)
void sec_protocol_options_set_key_update_block(
	sec_protocol_options_t options, const void *key_update_block, dispatch_queue_t queue);
void sec_protocol_options_set_challenge_block(
	sec_protocol_options_t options, const void *challenge_block, dispatch_queue_t queue);
void sec_protocol_options_set_verify_block(
	sec_protocol_options_t options, const void *verify_block, dispatch_queue_t queue);
void sec_protocol_options_set_pre_shared_key_selection_block(
	sec_protocol_options_t options, const void *selection_block, dispatch_queue_t queue);

bool sec_protocol_metadata_access_peer_certificate_chain(
	sec_protocol_metadata_t metadata, const void *handler);
bool sec_protocol_metadata_access_ocsp_response(
	sec_protocol_metadata_t metadata, const void *handler);
bool sec_protocol_metadata_access_supported_signature_algorithms(
	sec_protocol_metadata_t metadata, const void *handler);
bool sec_protocol_metadata_access_distinguished_names(
	sec_protocol_metadata_t metadata, const void *handler);
bool sec_protocol_metadata_access_pre_shared_keys(
	sec_protocol_metadata_t metadata, const void *handler);
#pragma GCC visibility pop

/* bri_sec_data_equal(): the same bytes; NULL equals only NULL. */
bool bri_sec_data_equal(dispatch_data_t a, dispatch_data_t b);

#endif
