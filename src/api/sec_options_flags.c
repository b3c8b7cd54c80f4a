/* sec_protocol_options: switches, handlers, and whether two are equal. */
#include "api/sec_options.h"
#include "api/sec_blocks.h"

#include <string.h>
#include "dispatch/data_internal.h"

static struct sec_protocol_options *change(sec_protocol_options_t options, const char *function)
{
	struct sec_protocol_options *o = bri_sec_options_check(options, function);

	if (o)
		bri_sec_options_changed(o);
	return o;
}

void sec_protocol_options_set_tls_tickets_enabled(
	sec_protocol_options_t options, bool tickets_enabled)
{
	struct sec_protocol_options *o = change(options, __func__);

	if (o)
		o->tickets_enabled = tickets_enabled;
}

void sec_protocol_options_set_tls_is_fallback_attempt(
	sec_protocol_options_t options, bool is_fallback_attempt)
{
	struct sec_protocol_options *o = change(options, __func__);

	if (o)
		o->is_fallback_attempt = is_fallback_attempt;
}

void sec_protocol_options_set_tls_resumption_enabled(
	sec_protocol_options_t options, bool resumption_enabled)
{
	struct sec_protocol_options *o = change(options, __func__);

	if (o)
		o->resumption_enabled = resumption_enabled;
}

void sec_protocol_options_set_tls_false_start_enabled(
	sec_protocol_options_t options, bool false_start_enabled)
{
	struct sec_protocol_options *o = change(options, __func__);

	if (o)
		o->false_start_enabled = false_start_enabled;
}

void sec_protocol_options_set_tls_ocsp_enabled(sec_protocol_options_t options, bool ocsp_enabled)
{
	struct sec_protocol_options *o = change(options, __func__);

	if (o)
		o->ocsp_enabled = ocsp_enabled;
}

/* api-status: partial sec_protocol_options_set_tls_sct_enabled: kept, timestamps are not asked for:
 * GnuTLS ends a handshake of TLS 1.3 whose certificate brings any (RFC 8446, 4.4.2), and no
 * function of Apple's hands them out. Those within a certificate (RFC 6962, 3.3) are in its DER */
void sec_protocol_options_set_tls_sct_enabled(sec_protocol_options_t options, bool sct_enabled)
{
	struct sec_protocol_options *o = change(options, __func__);

	if (o)
		o->sct_enabled = sct_enabled;
}

/* api-status: partial sec_protocol_options_set_tls_renegotiation_enabled: kept; renegotiation is
 * refused, and the connection goes on */
void sec_protocol_options_set_tls_renegotiation_enabled(
	sec_protocol_options_t options, bool renegotiation_enabled)
{
	struct sec_protocol_options *o = change(options, __func__);

	if (o)
		o->renegotiation_enabled = renegotiation_enabled;
}

/* api-status: partial sec_protocol_options_set_enable_encrypted_client_hello: kept; GnuTLS does not
 * speak RFC 9849 */
void sec_protocol_options_set_enable_encrypted_client_hello(
	sec_protocol_options_t options, bool enable_encrypted_client_hello)
{
	struct sec_protocol_options *o = change(options, __func__);

	if (o)
		o->encrypted_client_hello = enable_encrypted_client_hello;
}

bool sec_protocol_options_get_enable_encrypted_client_hello(sec_protocol_options_t options)
{
	struct sec_protocol_options *o = bri_sec_options_check(options, __func__);

	return o && o->encrypted_client_hello;
}

/* api-status: partial sec_protocol_options_set_quic_use_legacy_codepoint: kept; drafts of QUIC are
 * not spoken */
void sec_protocol_options_set_quic_use_legacy_codepoint(
	sec_protocol_options_t options, bool quic_use_legacy_codepoint)
{
	struct sec_protocol_options *o = change(options, __func__);

	if (o)
		o->quic_legacy_codepoint = quic_use_legacy_codepoint;
}

bool sec_protocol_options_get_quic_use_legacy_codepoint(sec_protocol_options_t options)
{
	struct sec_protocol_options *o = bri_sec_options_check(options, __func__);

	return o && o->quic_legacy_codepoint;
}

/* --- handlers --- */

void sec_protocol_options_set_key_update_block_f(sec_protocol_options_t options, void *context,
	sec_protocol_key_update_f key_update, sec_context_destroy_f destroy, dispatch_queue_t queue)
{
	bri_sec_options_set_handler(options, BRI_SEC_KEY_UPDATE,
		BRI_CALLABLE(key_update, context, destroy), false, queue, __func__);
}

void sec_protocol_options_set_challenge_block_f(sec_protocol_options_t options, void *context,
	sec_protocol_challenge_f challenge, sec_context_destroy_f destroy, dispatch_queue_t queue)
{
	bri_sec_options_set_handler(options, BRI_SEC_CHALLENGE,
		BRI_CALLABLE(challenge, context, destroy), false, queue, __func__);
}

void sec_protocol_options_set_verify_block_f(sec_protocol_options_t options, void *context,
	sec_protocol_verify_f verify, sec_context_destroy_f destroy, dispatch_queue_t queue)
{
	bri_sec_options_set_handler(options, BRI_SEC_VERIFY, BRI_CALLABLE(verify, context, destroy),
		false, queue, __func__);
}

void sec_protocol_options_set_pre_shared_key_selection_block_f(sec_protocol_options_t options,
	void *context, sec_protocol_pre_shared_key_selection_f selection,
	sec_context_destroy_f destroy, dispatch_queue_t queue)
{
	bri_sec_options_set_handler(options, BRI_SEC_PSK_SELECTION,
		BRI_CALLABLE(selection, context, destroy), false, queue, __func__);
}

void sec_protocol_options_set_key_update_block(sec_protocol_options_t options,
	const void *key_update_block, dispatch_queue_t key_update_queue)
{
	bri_sec_options_set_handler(options, BRI_SEC_KEY_UPDATE,
		bri_callable_from_block(key_update_block), true, key_update_queue, __func__);
}

void sec_protocol_options_set_challenge_block(sec_protocol_options_t options,
	const void *challenge_block, dispatch_queue_t challenge_queue)
{
	bri_sec_options_set_handler(options, BRI_SEC_CHALLENGE,
		bri_callable_from_block(challenge_block), true, challenge_queue, __func__);
}

void sec_protocol_options_set_verify_block(sec_protocol_options_t options, const void *verify_block,
	dispatch_queue_t verify_block_queue)
{
	bri_sec_options_set_handler(options, BRI_SEC_VERIFY, bri_callable_from_block(verify_block),
		true, verify_block_queue, __func__);
}

void sec_protocol_options_set_pre_shared_key_selection_block(sec_protocol_options_t options,
	const void *psk_selection_block, dispatch_queue_t psk_selection_queue)
{
	bri_sec_options_set_handler(options, BRI_SEC_PSK_SELECTION,
		bri_callable_from_block(psk_selection_block), true, psk_selection_queue, __func__);
}

/* --- equality --- */

bool bri_sec_data_equal(dispatch_data_t a, dispatch_data_t b)
{
	const void *bytes_a, *bytes_b;
	dispatch_data_t map_a, map_b;
	bool equal;

	if (a == b || !a || !b)
		return a == b;
	if (bri_data_size(a) != bri_data_size(b))
		return false;
	map_a = dispatch_data_create_map(a, &bytes_a, NULL);
	map_b = dispatch_data_create_map(b, &bytes_b, NULL);
	equal = map_a && map_b && !memcmp(bytes_a, bytes_b, bri_data_size(a));
	bri_object_release(map_a);
	bri_object_release(map_b);
	return equal;
}

static bool lists_are_equal(
	const struct sec_protocol_options *a, const struct sec_protocol_options *b)
{
	if (a->n_suites != b->n_suites || a->n_protocols != b->n_protocols ||
		a->n_psks != b->n_psks)
		return false;
	if (a->n_suites && memcmp(a->suites, b->suites, a->n_suites * sizeof(*a->suites)) != 0)
		return false;
	for (size_t i = 0; i < a->n_protocols; i++) {
		if (strcmp(a->protocols[i], b->protocols[i]) != 0)
			return false;
	}
	for (size_t i = 0; i < a->n_psks; i++) {
		if (!bri_sec_data_equal(a->psks[i].key, b->psks[i].key) ||
			!bri_sec_data_equal(a->psks[i].identity, b->psks[i].identity))
			return false;
	}
	return true;
}

static bool flags_are_equal(
	const struct sec_protocol_options *a, const struct sec_protocol_options *b)
{
	return a->min_version == b->min_version && a->max_version == b->max_version &&
	       a->tickets_enabled == b->tickets_enabled &&
	       a->resumption_enabled == b->resumption_enabled &&
	       a->ocsp_enabled == b->ocsp_enabled &&
	       a->false_start_enabled == b->false_start_enabled &&
	       a->is_fallback_attempt == b->is_fallback_attempt &&
	       a->sct_enabled == b->sct_enabled &&
	       a->renegotiation_enabled == b->renegotiation_enabled &&
	       a->peer_authentication_required == b->peer_authentication_required &&
	       a->peer_authentication_optional == b->peer_authentication_optional &&
	       a->encrypted_client_hello == b->encrypted_client_hello &&
	       a->quic_legacy_codepoint == b->quic_legacy_codepoint;
}

bool sec_protocol_options_are_equal(
	sec_protocol_options_t optionsA, sec_protocol_options_t optionsB)
{
	struct sec_protocol_options *a = bri_sec_options_check(optionsA, __func__);
	struct sec_protocol_options *b = bri_sec_options_check(optionsB, __func__);

	if (!a || !b || !flags_are_equal(a, b) || !lists_are_equal(a, b))
		return false;
	for (size_t i = 0; i < BRI_SEC_SLOTS; i++) {
		if (a->handlers[i] != b->handlers[i])
			return false;
	}
	if (!a->server_name != !b->server_name ||
		(a->server_name && strcmp(a->server_name, b->server_name) != 0))
		return false;
	return a->identity == b->identity && bri_sec_data_equal(a->psk_hint, b->psk_hint) &&
	       bri_sec_data_equal(a->dh_params, b->dh_params);
}
