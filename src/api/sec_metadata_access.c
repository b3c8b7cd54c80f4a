/* sec_protocol_metadata: what is read with a handler, and comparisons. */
#include "api/sec_blocks.h"
#include "api/sec_metadata.h"

#include <string.h>
#include "api/handler.h"
#include "base/callable.h"
#include "security/security.h"

static bool given(bri_any_f fn, const char *function)
{
	return bri_handler_is_given(fn, function);
}

bool sec_protocol_metadata_access_peer_certificate_chain_f(sec_protocol_metadata_t metadata,
	void *context, sec_protocol_metadata_certificate_f handler)
{
	struct sec_protocol_metadata *md = bri_sec_metadata_check(metadata, __func__);

	if (!md || !given((bri_any_f)handler, __func__))
		return false;
	for (size_t i = 0; i < md->n_chain; i++)
		handler(context, (sec_certificate_t)md->chain[i]);
	return md->n_chain > 0;
}

bool sec_protocol_metadata_access_ocsp_response_f(
	sec_protocol_metadata_t metadata, void *context, sec_protocol_metadata_data_f handler)
{
	struct sec_protocol_metadata *md = bri_sec_metadata_check(metadata, __func__);

	if (!md || !given((bri_any_f)handler, __func__) || !md->ocsp)
		return false;
	handler(context, md->ocsp);
	return true;
}

bool sec_protocol_metadata_access_supported_signature_algorithms_f(sec_protocol_metadata_t metadata,
	void *context, sec_protocol_metadata_signature_algorithm_f handler)
{
	struct sec_protocol_metadata *md = bri_sec_metadata_check(metadata, __func__);

	if (!md || !given((bri_any_f)handler, __func__))
		return false;
	for (size_t i = 0; i < md->n_algorithms; i++)
		handler(context, md->algorithms[i]);
	return md->n_algorithms > 0;
}

bool sec_protocol_metadata_access_distinguished_names_f(
	sec_protocol_metadata_t metadata, void *context, sec_protocol_metadata_data_f handler)
{
	struct sec_protocol_metadata *md = bri_sec_metadata_check(metadata, __func__);

	if (!md || !given((bri_any_f)handler, __func__))
		return false;
	for (size_t i = 0; i < md->n_names; i++)
		handler(context, md->names[i]);
	return md->n_names > 0;
}

bool sec_protocol_metadata_access_pre_shared_keys_f(sec_protocol_metadata_t metadata, void *context,
	sec_protocol_metadata_pre_shared_key_f handler)
{
	struct sec_protocol_metadata *md = bri_sec_metadata_check(metadata, __func__);

	if (!md || !given((bri_any_f)handler, __func__) || !md->psk)
		return false;
	handler(context, md->psk, md->psk_identity);
	return true;
}

/* --- block forms: called inside the call, so none is copied --- */

bool sec_protocol_metadata_access_peer_certificate_chain(
	sec_protocol_metadata_t metadata, const void *handler)
{
	struct bri_callable call = bri_callable_borrow_block(handler);

	return sec_protocol_metadata_access_peer_certificate_chain_f(
		metadata, call.context, (sec_protocol_metadata_certificate_f)call.fn);
}

bool sec_protocol_metadata_access_ocsp_response(
	sec_protocol_metadata_t metadata, const void *handler)
{
	struct bri_callable call = bri_callable_borrow_block(handler);

	return sec_protocol_metadata_access_ocsp_response_f(
		metadata, call.context, (sec_protocol_metadata_data_f)call.fn);
}

bool sec_protocol_metadata_access_supported_signature_algorithms(
	sec_protocol_metadata_t metadata, const void *handler)
{
	struct bri_callable call = bri_callable_borrow_block(handler);

	return sec_protocol_metadata_access_supported_signature_algorithms_f(
		metadata, call.context, (sec_protocol_metadata_signature_algorithm_f)call.fn);
}

bool sec_protocol_metadata_access_distinguished_names(
	sec_protocol_metadata_t metadata, const void *handler)
{
	struct bri_callable call = bri_callable_borrow_block(handler);

	return sec_protocol_metadata_access_distinguished_names_f(
		metadata, call.context, (sec_protocol_metadata_data_f)call.fn);
}

bool sec_protocol_metadata_access_pre_shared_keys(
	sec_protocol_metadata_t metadata, const void *handler)
{
	struct bri_callable call = bri_callable_borrow_block(handler);

	return sec_protocol_metadata_access_pre_shared_keys_f(
		metadata, call.context, (sec_protocol_metadata_pre_shared_key_f)call.fn);
}

/* --- comparisons --- */

bool sec_protocol_metadata_peers_are_equal(
	sec_protocol_metadata_t metadataA, sec_protocol_metadata_t metadataB)
{
	struct sec_protocol_metadata *a = bri_sec_metadata_check(metadataA, __func__);
	struct sec_protocol_metadata *b = bri_sec_metadata_check(metadataB, __func__);

	if (!a || !b || a->n_chain != b->n_chain)
		return false;
	if (!a->n_chain) /* who showed nothing is only known by the key it has */
		return a->psk_identity && bri_sec_data_equal(a->psk_identity, b->psk_identity) &&
		       bri_sec_data_equal(a->psk, b->psk);
	for (size_t i = 0; i < a->n_chain; i++) {
		if (!bri_certificate_equal(a->chain[i], b->chain[i]))
			return false;
	}
	return true;
}

bool sec_protocol_metadata_challenge_parameters_are_equal(
	sec_protocol_metadata_t metadataA, sec_protocol_metadata_t metadataB)
{
	struct sec_protocol_metadata *a = bri_sec_metadata_check(metadataA, __func__);
	struct sec_protocol_metadata *b = bri_sec_metadata_check(metadataB, __func__);

	if (!a || !b || a->n_names != b->n_names || a->n_algorithms != b->n_algorithms ||
		memcmp(a->algorithms, b->algorithms, a->n_algorithms * sizeof(a->algorithms[0])) !=
			0)
		return false;
	for (size_t i = 0; i < a->n_names; i++) {
		if (!bri_sec_data_equal(a->names[i], b->names[i]))
			return false;
	}
	return true;
}
