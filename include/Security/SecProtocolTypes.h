/* The types of sec_protocol_options and sec_protocol_metadata: versions, suites, handlers. */
#ifndef BRAID_SECURITY_SECPROTOCOLTYPES_H
#define BRAID_SECURITY_SECPROTOCOLTYPES_H

#include <Security/CipherSuite.h>
#include <Security/SecProtocolObject.h>
#include <dispatch/dispatch.h>
#include <os/base.h>
#include <stdbool.h>
#include <stdint.h>

BRAID_DECLS_BEGIN

SEC_OBJECT_DECL(sec_trust);
SEC_OBJECT_DECL(sec_identity);
SEC_OBJECT_DECL(sec_certificate);
SEC_OBJECT_DECL(sec_protocol_options);
SEC_OBJECT_DECL(sec_protocol_metadata);

/*!
 * @typedef tls_protocol_version_t
 * @abstract A version as it is on the wire. The older two of TLS and the older one of DTLS are only
 *   negotiated when they are asked for.
 */
SEC_ENUM(uint16_t, tls_protocol_version_t) {
	tls_protocol_version_TLSv10 = 0x0301,
	tls_protocol_version_TLSv11 = 0x0302,
	tls_protocol_version_TLSv12 = 0x0303,
	tls_protocol_version_TLSv13 = 0x0304,
	tls_protocol_version_DTLSv10 = 0xfeff,
	tls_protocol_version_DTLSv12 = 0xfefd,
};

/*!
 * @typedef tls_ciphersuite_t
 * @abstract A cipher suite by its number in the IANA's registry. Any SSLCipherSuite may be cast.
 */
SEC_ENUM(uint16_t, tls_ciphersuite_t) {
	tls_ciphersuite_RSA_WITH_3DES_EDE_CBC_SHA = 0x000a,
	tls_ciphersuite_RSA_WITH_AES_128_CBC_SHA = 0x002f,
	tls_ciphersuite_RSA_WITH_AES_256_CBC_SHA = 0x0035,
	tls_ciphersuite_RSA_WITH_AES_128_GCM_SHA256 = 0x009c,
	tls_ciphersuite_RSA_WITH_AES_256_GCM_SHA384 = 0x009d,
	tls_ciphersuite_RSA_WITH_AES_128_CBC_SHA256 = 0x003c,
	tls_ciphersuite_RSA_WITH_AES_256_CBC_SHA256 = 0x003d,
	tls_ciphersuite_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA = 0xc008,
	tls_ciphersuite_ECDHE_ECDSA_WITH_AES_128_CBC_SHA = 0xc009,
	tls_ciphersuite_ECDHE_ECDSA_WITH_AES_256_CBC_SHA = 0xc00a,
	tls_ciphersuite_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA = 0xc012,
	tls_ciphersuite_ECDHE_RSA_WITH_AES_128_CBC_SHA = 0xc013,
	tls_ciphersuite_ECDHE_RSA_WITH_AES_256_CBC_SHA = 0xc014,
	tls_ciphersuite_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256 = 0xc023,
	tls_ciphersuite_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384 = 0xc024,
	tls_ciphersuite_ECDHE_RSA_WITH_AES_128_CBC_SHA256 = 0xc027,
	tls_ciphersuite_ECDHE_RSA_WITH_AES_256_CBC_SHA384 = 0xc028,
	tls_ciphersuite_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 = 0xc02b,
	tls_ciphersuite_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 = 0xc02c,
	tls_ciphersuite_ECDHE_RSA_WITH_AES_128_GCM_SHA256 = 0xc02f,
	tls_ciphersuite_ECDHE_RSA_WITH_AES_256_GCM_SHA384 = 0xc030,
	tls_ciphersuite_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 = 0xcca8,
	tls_ciphersuite_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 = 0xcca9,
	tls_ciphersuite_AES_128_GCM_SHA256 = 0x1301,
	tls_ciphersuite_AES_256_GCM_SHA384 = 0x1302,
	tls_ciphersuite_CHACHA20_POLY1305_SHA256 = 0x1303,
};

/*!
 * @typedef tls_ciphersuite_group_t
 * @constant tls_ciphersuite_group_default Forward secret suites with AES or ChaCha20.
 * @constant tls_ciphersuite_group_compatibility Those, and RSA key exchange.
 * @constant tls_ciphersuite_group_legacy Those, and 3DES.
 * @constant tls_ciphersuite_group_ats What App Transport Security asks for: forward secrecy.
 * @constant tls_ciphersuite_group_ats_compatibility Those, and RSA key exchange.
 */
SEC_ENUM(uint16_t, tls_ciphersuite_group_t) {
	tls_ciphersuite_group_default,
	tls_ciphersuite_group_compatibility,
	tls_ciphersuite_group_legacy,
	tls_ciphersuite_group_ats,
	tls_ciphersuite_group_ats_compatibility,
};

/*!
 * @typedef SSLProtocol
 * @abstract Versions of the older functions.
 */
typedef enum {
	kSSLProtocolUnknown = 0,
	kSSLProtocol2 = 1,
	kSSLProtocol3 = 2,
	kSSLProtocol3Only = 3,
	kTLSProtocol1 = 4,
	kTLSProtocol1Only = 5,
	kSSLProtocolAll = 6,
	kTLSProtocol11 = 7,
	kTLSProtocol12 = 8,
	kDTLSProtocol1 = 9,
	kTLSProtocol13 = 10,
	kDTLSProtocol12 = 11,
	kTLSProtocolMaxSupported = 999,
} SSLProtocol;

#ifdef __BLOCKS__
/*!
 * @typedef sec_protocol_verify_complete_t
 * @abstract The verdict on a peer. From any thread, once; later calls do nothing. A completion that
 *   is released without having been called is a refusal.
 * @param result True: the peer is trusted.
 */
typedef void (^sec_protocol_verify_complete_t)(bool result);
/*!
 * @typedef sec_protocol_verify_t
 * @abstract Decides whether the peer is trusted, instead of the library, which does not look at the
 *   chain any more.
 * @param metadata What is known of the handshake so far. Borrowed.
 * @param trust_ref The peer's chain. Borrowed.
 * @param complete To be called with the verdict, now or later (keep it with Block_copy()).
 */
typedef void (^sec_protocol_verify_t)(sec_protocol_metadata_t metadata, sec_trust_t trust_ref,
	sec_protocol_verify_complete_t complete);
/*!
 * @typedef sec_protocol_challenge_complete_t
 * @param identity Whom to show; NULL: nobody. Retained.
 */
typedef void (^sec_protocol_challenge_complete_t)(sec_identity_t _Nullable identity);
/*!
 * @typedef sec_protocol_challenge_t
 * @abstract Chooses the own identity: a client's when the server asks for one, a server's when the
 *   client has said which name it wants.
 */
typedef void (^sec_protocol_challenge_t)(
	sec_protocol_metadata_t metadata, sec_protocol_challenge_complete_t complete);
/*!
 * @typedef sec_protocol_key_update_complete_t
 * @typedef sec_protocol_key_update_t
 * @abstract The keys of the connection have changed.
 */
typedef void (^sec_protocol_key_update_complete_t)(void);
typedef void (^sec_protocol_key_update_t)(
	sec_protocol_metadata_t metadata, sec_protocol_key_update_complete_t complete);
/*!
 * @typedef sec_protocol_pre_shared_key_selection_complete_t
 * @param psk_identity Which of the keys that were added; NULL: none.
 */
typedef void (^sec_protocol_pre_shared_key_selection_complete_t)(
	dispatch_data_t _Nullable psk_identity);
/*!
 * @typedef sec_protocol_pre_shared_key_selection_t
 * @param psk_identity_hint What the server says of the keys it knows; NULL: nothing. Borrowed.
 */
typedef void (^sec_protocol_pre_shared_key_selection_t)(sec_protocol_metadata_t metadata,
	dispatch_data_t _Nullable psk_identity_hint,
	sec_protocol_pre_shared_key_selection_complete_t complete);
#endif

/*!
 * @typedef sec_context_destroy_f
 * @abstract Ends the life of a context that was handed over; called exactly once.
 */
typedef void (*sec_context_destroy_f)(void *_Nullable context);

/*
 * The same for programs without blocks, context first. What answers comes as a function and its
 * context, and must be called exactly once, from any thread.
 */
typedef void (*sec_protocol_verify_complete_f)(void *complete_context, bool result);
typedef void (*sec_protocol_verify_f)(void *_Nullable context, sec_protocol_metadata_t metadata,
	sec_trust_t trust_ref, sec_protocol_verify_complete_f complete, void *complete_context);
typedef void (*sec_protocol_challenge_complete_f)(
	void *complete_context, sec_identity_t _Nullable identity);
typedef void (*sec_protocol_challenge_f)(void *_Nullable context, sec_protocol_metadata_t metadata,
	sec_protocol_challenge_complete_f complete, void *complete_context);
typedef void (*sec_protocol_key_update_complete_f)(void *complete_context);
typedef void (*sec_protocol_key_update_f)(void *_Nullable context, sec_protocol_metadata_t metadata,
	sec_protocol_key_update_complete_f complete, void *complete_context);
typedef void (*sec_protocol_pre_shared_key_selection_complete_f)(
	void *complete_context, dispatch_data_t _Nullable psk_identity);
typedef void (*sec_protocol_pre_shared_key_selection_f)(void *_Nullable context,
	sec_protocol_metadata_t metadata, dispatch_data_t _Nullable psk_identity_hint,
	sec_protocol_pre_shared_key_selection_complete_f complete, void *complete_context);

BRAID_DECLS_END

#endif
