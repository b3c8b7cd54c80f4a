/* Options of TLS and DTLS: what is offered, who we are, and who decides. */
#ifndef BRAID_SECURITY_SECPROTOCOLOPTIONS_H
#define BRAID_SECURITY_SECPROTOCOLOPTIONS_H

#include <Security/SecProtocolTypes.h>

BRAID_DECLS_BEGIN

/*!
 * @function sec_protocol_options_are_equal
 * @result True when both say the same; handlers are the same when they were set once and copied.
 */
bool sec_protocol_options_are_equal(
	sec_protocol_options_t optionsA, sec_protocol_options_t optionsB);

/*!
 * @function sec_protocol_options_set_local_identity
 * @abstract Whom to show: always of a server, of a client when the server asks.
 * @param identity Retained.
 */
void sec_protocol_options_set_local_identity(
	sec_protocol_options_t options, sec_identity_t identity);

/*!
 * @function sec_protocol_options_append_tls_ciphersuite
 * @abstract Uses this suite, and only those that were added. With suites of TLS 1.3 alone or of
 *   older versions alone only those versions are used. A suite that is not built in is left out
 *   (logged). Suites that mix the key exchange, cipher and MAC of those added may be used as well.
 */
void sec_protocol_options_append_tls_ciphersuite(
	sec_protocol_options_t options, tls_ciphersuite_t ciphersuite);
/*!
 * @function sec_protocol_options_add_tls_ciphersuite
 * @abstract As sec_protocol_options_append_tls_ciphersuite(); the older name.
 */
void sec_protocol_options_add_tls_ciphersuite(
	sec_protocol_options_t options, SSLCipherSuite ciphersuite);
/*!
 * @function sec_protocol_options_append_tls_ciphersuite_group
 * @abstract Adds all suites of a group.
 */
void sec_protocol_options_append_tls_ciphersuite_group(
	sec_protocol_options_t options, tls_ciphersuite_group_t group);
/*!
 * @function sec_protocol_options_add_tls_ciphersuite_group
 * @abstract The same; the older name.
 */
void sec_protocol_options_add_tls_ciphersuite_group(
	sec_protocol_options_t options, SSLCiphersuiteGroup group);

/*!
 * @function sec_protocol_options_set_min_tls_protocol_version
 * @function sec_protocol_options_set_max_tls_protocol_version
 * @param version Of TLS or DTLS. For DTLS a version of TLS means the DTLS version that is made of
 * it (RFC 6347: 1.2 of 1.2).
 */
void sec_protocol_options_set_min_tls_protocol_version(
	sec_protocol_options_t options, tls_protocol_version_t version);
void sec_protocol_options_set_max_tls_protocol_version(
	sec_protocol_options_t options, tls_protocol_version_t version);
/*!
 * @function sec_protocol_options_set_tls_min_version
 * @function sec_protocol_options_set_tls_max_version
 * @abstract The same; the older names.
 */
void sec_protocol_options_set_tls_min_version(sec_protocol_options_t options, SSLProtocol version);
void sec_protocol_options_set_tls_max_version(sec_protocol_options_t options, SSLProtocol version);
/*!
 * @function sec_protocol_options_get_default_min_tls_protocol_version
 * @function sec_protocol_options_get_default_max_tls_protocol_version
 * @function sec_protocol_options_get_default_min_dtls_protocol_version
 * @function sec_protocol_options_get_default_max_dtls_protocol_version
 * @result TLS 1.2, TLS 1.3, DTLS 1.2 and DTLS 1.2.
 */
tls_protocol_version_t sec_protocol_options_get_default_min_tls_protocol_version(void);
tls_protocol_version_t sec_protocol_options_get_default_max_tls_protocol_version(void);
tls_protocol_version_t sec_protocol_options_get_default_min_dtls_protocol_version(void);
tls_protocol_version_t sec_protocol_options_get_default_max_dtls_protocol_version(void);

/*!
 * @function sec_protocol_options_add_tls_application_protocol
 * @abstract Offers (a client) or takes (a server) this protocol, after those added before (ALPN,
 *   RFC 7301). A server that shares none with a client that offers some refuses it.
 * @param application_protocol 1 to 255 bytes; copied.
 */
void sec_protocol_options_add_tls_application_protocol(
	sec_protocol_options_t options, const char *application_protocol);

/*!
 * @function sec_protocol_options_set_tls_server_name
 * @abstract The name that the server is asked for (SNI) and that its certificate must be for.
 *   Without it: the endpoint's host. Copied.
 */
void sec_protocol_options_set_tls_server_name(
	sec_protocol_options_t options, const char *server_name);

/*!
 * @function sec_protocol_options_set_tls_diffie_hellman_parameters
 * @param params Of a server, for DHE suites: PKCS #3, DER. Retained. Without: those of RFC 7919.
 */
void sec_protocol_options_set_tls_diffie_hellman_parameters(
	sec_protocol_options_t options, dispatch_data_t params);

/*!
 * @function sec_protocol_options_add_pre_shared_key
 * @abstract A key that both sides know (RFC 4279, RFC 8446 section 4.2.11). A server finds it by
 *   its identity; a client uses the first that was added, unless a selection handler chooses.
 * @param psk The key. Retained.
 * @param psk_identity Its name; it is sent in the clear. Retained.
 */
void sec_protocol_options_add_pre_shared_key(
	sec_protocol_options_t options, dispatch_data_t psk, dispatch_data_t psk_identity);
/*!
 * @function sec_protocol_options_set_tls_pre_shared_key_identity_hint
 * @abstract What a server says of the keys it knows (TLS 1.2). Retained.
 */
void sec_protocol_options_set_tls_pre_shared_key_identity_hint(
	sec_protocol_options_t options, dispatch_data_t psk_identity_hint);

#ifdef __BLOCKS__
/*!
 * @function sec_protocol_options_set_pre_shared_key_selection_block
 * @abstract Lets a client choose among its keys.
 * @param psk_selection_block Copied. NULL: none.
 * @param psk_selection_queue Where it runs.
 */
void sec_protocol_options_set_pre_shared_key_selection_block(sec_protocol_options_t options,
	sec_protocol_pre_shared_key_selection_t _Nullable psk_selection_block,
	dispatch_queue_t _Nullable psk_selection_queue);
#endif
/*!
 * @function sec_protocol_options_set_pre_shared_key_selection_block_f
 * @abstract The same with a function.
 */
void sec_protocol_options_set_pre_shared_key_selection_block_f(sec_protocol_options_t options,
	void *_Nullable context, sec_protocol_pre_shared_key_selection_f _Nullable selection,
	sec_context_destroy_f _Nullable destroy, dispatch_queue_t _Nullable queue);

/*!
 * @function sec_protocol_options_set_tls_tickets_enabled
 * @abstract Session tickets (RFC 5077, RFC 8446 section 4.6.1), given and taken. Default true.
 */
void sec_protocol_options_set_tls_tickets_enabled(
	sec_protocol_options_t options, bool tickets_enabled);
/*!
 * @function sec_protocol_options_set_tls_is_fallback_attempt
 * @abstract The client has failed with a newer version before (RFC 7507). Default false.
 */
void sec_protocol_options_set_tls_is_fallback_attempt(
	sec_protocol_options_t options, bool is_fallback_attempt);
/*!
 * @function sec_protocol_options_set_tls_resumption_enabled
 * @abstract Whether an earlier session with the same server and the same options is resumed. The
 *   server's certificate is judged anew each time. Default true.
 */
void sec_protocol_options_set_tls_resumption_enabled(
	sec_protocol_options_t options, bool resumption_enabled);
/*!
 * @function sec_protocol_options_set_tls_false_start_enabled
 * @abstract A client of TLS 1.2 sends before the server has finished (RFC 7918). Default false.
 */
void sec_protocol_options_set_tls_false_start_enabled(
	sec_protocol_options_t options, bool false_start_enabled);
/*!
 * @function sec_protocol_options_set_tls_ocsp_enabled
 * @abstract Whether a stapled OCSP response is looked at (RFC 6066 section 8). Default true.
 */
void sec_protocol_options_set_tls_ocsp_enabled(sec_protocol_options_t options, bool ocsp_enabled);
/*!
 * @function sec_protocol_options_set_tls_sct_enabled
 * @abstract Signed certificate timestamps (RFC 6962): kept, and not asked for.
 */
void sec_protocol_options_set_tls_sct_enabled(sec_protocol_options_t options, bool sct_enabled);
/*!
 * @function sec_protocol_options_set_tls_renegotiation_enabled
 * @abstract Kept: renegotiation (TLS 1.2) is always refused, and the connection goes on.
 */
void sec_protocol_options_set_tls_renegotiation_enabled(
	sec_protocol_options_t options, bool renegotiation_enabled);

/*!
 * @function sec_protocol_options_set_peer_authentication_required
 * @abstract A server: clients must show a certificate that is trusted. Default false. A client
 *   always authenticates its server; a verify handler may trust any.
 */
void sec_protocol_options_set_peer_authentication_required(
	sec_protocol_options_t options, bool peer_authentication_required);
/*!
 * @function sec_protocol_options_set_peer_authentication_optional
 * @abstract A server: clients may show a certificate; if they do it must be trusted.
 */
void sec_protocol_options_set_peer_authentication_optional(
	sec_protocol_options_t options, bool peer_authentication_optional);

/*!
 * @function sec_protocol_options_set_enable_encrypted_client_hello
 * @abstract Kept: the ClientHello is not encrypted.
 */
void sec_protocol_options_set_enable_encrypted_client_hello(
	sec_protocol_options_t options, bool enable_encrypted_client_hello);
bool sec_protocol_options_get_enable_encrypted_client_hello(sec_protocol_options_t options);
/*!
 * @function sec_protocol_options_set_quic_use_legacy_codepoint
 * @abstract Kept: for QUIC drafts, which are not spoken.
 */
void sec_protocol_options_set_quic_use_legacy_codepoint(
	sec_protocol_options_t options, bool quic_use_legacy_codepoint);
bool sec_protocol_options_get_quic_use_legacy_codepoint(sec_protocol_options_t options);

#ifdef __BLOCKS__
/*!
 * @function sec_protocol_options_set_key_update_block
 * @abstract Hears when the peer has changed its keys (TLS 1.3).
 */
void sec_protocol_options_set_key_update_block(sec_protocol_options_t options,
	sec_protocol_key_update_t _Nullable key_update_block,
	dispatch_queue_t _Nullable key_update_queue);
/*!
 * @function sec_protocol_options_set_challenge_block
 * @abstract Chooses the own identity when it is asked for.
 */
void sec_protocol_options_set_challenge_block(sec_protocol_options_t options,
	sec_protocol_challenge_t _Nullable challenge_block,
	dispatch_queue_t _Nullable challenge_queue);
/*!
 * @function sec_protocol_options_set_verify_block
 * @abstract Decides whether the peer is trusted, instead of the library.
 * @param verify_block Copied. NULL: the library decides.
 * @param verify_block_queue Where it runs. Retained.
 */
void sec_protocol_options_set_verify_block(sec_protocol_options_t options,
	sec_protocol_verify_t _Nullable verify_block,
	dispatch_queue_t _Nullable verify_block_queue);
#endif
/*!
 * @function sec_protocol_options_set_key_update_block_f
 * @function sec_protocol_options_set_challenge_block_f
 * @function sec_protocol_options_set_verify_block_f
 * @abstract The same with functions.
 */
void sec_protocol_options_set_key_update_block_f(sec_protocol_options_t options,
	void *_Nullable context, sec_protocol_key_update_f _Nullable key_update,
	sec_context_destroy_f _Nullable destroy, dispatch_queue_t _Nullable queue);
void sec_protocol_options_set_challenge_block_f(sec_protocol_options_t options,
	void *_Nullable context, sec_protocol_challenge_f _Nullable challenge,
	sec_context_destroy_f _Nullable destroy, dispatch_queue_t _Nullable queue);
void sec_protocol_options_set_verify_block_f(sec_protocol_options_t options,
	void *_Nullable context, sec_protocol_verify_f _Nullable verify,
	sec_context_destroy_f _Nullable destroy, dispatch_queue_t _Nullable queue);

BRAID_DECLS_END

#endif
