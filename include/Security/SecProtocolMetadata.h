/* What is known of a TLS or DTLS session. */
#ifndef BRAID_SECURITY_SECPROTOCOLMETADATA_H
#define BRAID_SECURITY_SECPROTOCOLMETADATA_H

#include <Security/SecProtocolTypes.h>

BRAID_DECLS_BEGIN

/*!
 * @function sec_protocol_metadata_get_negotiated_protocol
 * @result The ALPN protocol; valid as long as the metadata. NULL: none.
 */
const char *_Nullable sec_protocol_metadata_get_negotiated_protocol(
	sec_protocol_metadata_t metadata);
/*!
 * @function sec_protocol_metadata_copy_negotiated_protocol
 * @result The same, to be freed with free().
 */
const char *_Nullable sec_protocol_metadata_copy_negotiated_protocol(
	sec_protocol_metadata_t metadata);

/*!
 * @function sec_protocol_metadata_get_negotiated_tls_protocol_version
 * @result 0 when it is not known yet.
 */
tls_protocol_version_t sec_protocol_metadata_get_negotiated_tls_protocol_version(
	sec_protocol_metadata_t metadata);
SSLProtocol sec_protocol_metadata_get_negotiated_protocol_version(sec_protocol_metadata_t metadata);
/*!
 * @function sec_protocol_metadata_get_negotiated_tls_ciphersuite
 * @result 0 when it is not known yet.
 */
tls_ciphersuite_t sec_protocol_metadata_get_negotiated_tls_ciphersuite(
	sec_protocol_metadata_t metadata);
SSLCipherSuite sec_protocol_metadata_get_negotiated_ciphersuite(sec_protocol_metadata_t metadata);

/*!
 * @function sec_protocol_metadata_get_early_data_accepted
 * @result True: content went with the client's first message (0-RTT, RFC 8446 section 2.3), and the
 *   server has taken it. See nw_parameters_set_fast_open_enabled().
 */
bool sec_protocol_metadata_get_early_data_accepted(sec_protocol_metadata_t metadata);

/*!
 * @function sec_protocol_metadata_copy_peer_public_key
 * @result +1 the public key of the peer's certificate (SubjectPublicKeyInfo, DER). NULL: none.
 */
SEC_RETURNS_RETAINED dispatch_data_t _Nullable sec_protocol_metadata_copy_peer_public_key(
	sec_protocol_metadata_t metadata);

/*!
 * @function sec_protocol_metadata_get_server_name
 * @result The name the client has asked for (SNI); valid as long as the metadata. NULL: none.
 */
const char *_Nullable sec_protocol_metadata_get_server_name(sec_protocol_metadata_t metadata);
/*!
 * @function sec_protocol_metadata_copy_server_name
 * @result The same, to be freed with free().
 */
const char *_Nullable sec_protocol_metadata_copy_server_name(sec_protocol_metadata_t metadata);

#ifdef __BLOCKS__
/*!
 * @function sec_protocol_metadata_access_peer_certificate_chain
 * @abstract Calls the block for each certificate, the peer's own first, inside this call.
 * @result False: there is none.
 */
bool sec_protocol_metadata_access_peer_certificate_chain(
	sec_protocol_metadata_t metadata, void (^handler)(sec_certificate_t certificate));
/*!
 * @function sec_protocol_metadata_access_ocsp_response
 * @abstract The stapled response, if there is one.
 */
bool sec_protocol_metadata_access_ocsp_response(
	sec_protocol_metadata_t metadata, void (^handler)(dispatch_data_t ocsp_data));
/*!
 * @function sec_protocol_metadata_access_supported_signature_algorithms
 * @abstract Those the peer has named (RFC 8446 section 4.2.3), in its order.
 */
bool sec_protocol_metadata_access_supported_signature_algorithms(
	sec_protocol_metadata_t metadata, void (^handler)(uint16_t signature_algorithm));
/*!
 * @function sec_protocol_metadata_access_distinguished_names
 * @abstract The CAs that the server wants client certificates of (DER).
 */
bool sec_protocol_metadata_access_distinguished_names(
	sec_protocol_metadata_t metadata, void (^handler)(dispatch_data_t distinguished_name));
/*!
 * @function sec_protocol_metadata_access_pre_shared_keys
 * @abstract The key in use and its identity.
 */
bool sec_protocol_metadata_access_pre_shared_keys(sec_protocol_metadata_t metadata,
	void (^handler)(dispatch_data_t psk, dispatch_data_t psk_identity));
#endif
/* the same for programs without blocks */
typedef void (*sec_protocol_metadata_certificate_f)(
	void *_Nullable context, sec_certificate_t certificate);
typedef void (*sec_protocol_metadata_data_f)(void *_Nullable context, dispatch_data_t data);
typedef void (*sec_protocol_metadata_signature_algorithm_f)(
	void *_Nullable context, uint16_t signature_algorithm);
typedef void (*sec_protocol_metadata_pre_shared_key_f)(
	void *_Nullable context, dispatch_data_t psk, dispatch_data_t psk_identity);

/*!
 * @function sec_protocol_metadata_access_peer_certificate_chain_f
 * @function sec_protocol_metadata_access_ocsp_response_f
 * @function sec_protocol_metadata_access_supported_signature_algorithms_f
 * @function sec_protocol_metadata_access_distinguished_names_f
 * @function sec_protocol_metadata_access_pre_shared_keys_f
 */
bool sec_protocol_metadata_access_peer_certificate_chain_f(sec_protocol_metadata_t metadata,
	void *_Nullable context, sec_protocol_metadata_certificate_f handler);
bool sec_protocol_metadata_access_ocsp_response_f(sec_protocol_metadata_t metadata,
	void *_Nullable context, sec_protocol_metadata_data_f handler);
bool sec_protocol_metadata_access_supported_signature_algorithms_f(sec_protocol_metadata_t metadata,
	void *_Nullable context, sec_protocol_metadata_signature_algorithm_f handler);
bool sec_protocol_metadata_access_distinguished_names_f(sec_protocol_metadata_t metadata,
	void *_Nullable context, sec_protocol_metadata_data_f handler);
bool sec_protocol_metadata_access_pre_shared_keys_f(sec_protocol_metadata_t metadata,
	void *_Nullable context, sec_protocol_metadata_pre_shared_key_f handler);

/*!
 * @function sec_protocol_metadata_peers_are_equal
 * @result True: both sessions are with the same peer, by its certificates or its key's identity.
 */
bool sec_protocol_metadata_peers_are_equal(
	sec_protocol_metadata_t metadataA, sec_protocol_metadata_t metadataB);
/*!
 * @function sec_protocol_metadata_challenge_parameters_are_equal
 * @result True: both servers want the same of client certificates.
 */
bool sec_protocol_metadata_challenge_parameters_are_equal(
	sec_protocol_metadata_t metadataA, sec_protocol_metadata_t metadataB);

/*!
 * @function sec_protocol_metadata_create_secret
 * @abstract Keying material for other uses (RFC 5705, RFC 8446 section 7.5).
 * @param label_len Bytes in label, which need not end with a NUL.
 * @param exporter_length Bytes wanted; at most 65535.
 * @result +1. NULL: the handshake is not done, or an argument is not valid.
 */
SEC_RETURNS_RETAINED dispatch_data_t _Nullable sec_protocol_metadata_create_secret(
	sec_protocol_metadata_t metadata, size_t label_len, const char *label,
	size_t exporter_length);
/*!
 * @function sec_protocol_metadata_create_secret_with_context
 * @param context context_len bytes that go into it.
 */
SEC_RETURNS_RETAINED dispatch_data_t _Nullable sec_protocol_metadata_create_secret_with_context(
	sec_protocol_metadata_t metadata, size_t label_len, const char *label, size_t context_len,
	const uint8_t *context, size_t exporter_length);

BRAID_DECLS_END

#endif
