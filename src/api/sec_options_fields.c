/* sec_protocol_options: what is set and read one by one. Knows nothing of TLS itself. */
#include "api/sec_options.h"

#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "security/security.h"

static struct sec_protocol_options *change(sec_protocol_options_t options, const char *function)
{
	struct sec_protocol_options *o = bri_sec_options_check(options, function);

	if (o)
		bri_sec_options_changed(o);
	return o;
}

static bool is_data(dispatch_data_t data, const char *function)
{
	return bri_object_check(data, BRI_KIND_DISPATCH_DATA, function);
}

/* --- who --- */

void sec_protocol_options_set_local_identity(
	sec_protocol_options_t options, sec_identity_t identity)
{
	struct sec_protocol_options *o = change(options, __func__);

	if (o && bri_object_check(identity, BRI_KIND_IDENTITY, __func__))
		bri_object_set((void **)&o->identity, identity);
}

static void set_text(char **slot, const char *text, const char *function)
{
	char *copy = text ? strdup(text) : NULL;

	if (!copy) {
		bri_error("%s: no text", function);
		return;
	}
	free(*slot);
	*slot = copy;
}

void sec_protocol_options_set_tls_server_name(
	sec_protocol_options_t options, const char *server_name)
{
	struct sec_protocol_options *o = change(options, __func__);

	if (o)
		set_text(&o->server_name, server_name, __func__);
}

void sec_protocol_options_set_peer_authentication_required(
	sec_protocol_options_t options, bool peer_authentication_required)
{
	struct sec_protocol_options *o = change(options, __func__);

	if (o)
		o->peer_authentication_required = peer_authentication_required;
}

void sec_protocol_options_set_peer_authentication_optional(
	sec_protocol_options_t options, bool peer_authentication_optional)
{
	struct sec_protocol_options *o = change(options, __func__);

	if (o)
		o->peer_authentication_optional = peer_authentication_optional;
}

/* --- pre-shared keys --- */

void sec_protocol_options_add_pre_shared_key(
	sec_protocol_options_t options, dispatch_data_t psk, dispatch_data_t psk_identity)
{
	struct sec_protocol_options *o = change(options, __func__);
	struct bri_sec_psk *grown;

	if (!o || !is_data(psk, __func__) || !is_data(psk_identity, __func__))
		return;
	grown = reallocarray(o->psks, o->n_psks + 1, sizeof(*grown));
	if (!grown)
		return;
	o->psks = grown;
	grown[o->n_psks++] = (struct bri_sec_psk) { .key = bri_object_get(psk),
		.identity = bri_object_get(psk_identity) };
}

void sec_protocol_options_set_tls_pre_shared_key_identity_hint(
	sec_protocol_options_t options, dispatch_data_t psk_identity_hint)
{
	struct sec_protocol_options *o = change(options, __func__);

	if (o && is_data(psk_identity_hint, __func__))
		bri_object_set((void **)&o->psk_hint, psk_identity_hint);
}

void sec_protocol_options_set_tls_diffie_hellman_parameters(
	sec_protocol_options_t options, dispatch_data_t params)
{
	struct sec_protocol_options *o = change(options, __func__);

	if (o && is_data(params, __func__))
		bri_object_set((void **)&o->dh_params, params);
}

/* --- application protocols --- */

void sec_protocol_options_add_tls_application_protocol(
	sec_protocol_options_t options, const char *application_protocol)
{
	struct sec_protocol_options *o = change(options, __func__);
	size_t n = application_protocol ? strlen(application_protocol) : 0;

	if (!o)
		return;
	if (!n || n > BRI_SEC_PROTOCOL_NAME_MAX || o->n_protocols == BRI_SEC_PROTOCOLS_MAX) {
		bri_error("%s: a name has 1 to %u bytes, and there are at most %u", __func__,
			BRI_SEC_PROTOCOL_NAME_MAX, BRI_SEC_PROTOCOLS_MAX);
		return;
	}
	o->protocols[o->n_protocols] = strdup(application_protocol);
	if (o->protocols[o->n_protocols])
		o->n_protocols++;
}

/* --- versions --- */

/* In terms of TLS: RFC 6347 made DTLS 1.2 of TLS 1.2, RFC 4347 DTLS 1.0 of TLS 1.1. 0: no version
 */
static uint16_t tls_number(unsigned version)
{
	switch (version) {
	case tls_protocol_version_TLSv10:
	case tls_protocol_version_TLSv11:
	case tls_protocol_version_TLSv12:
	case tls_protocol_version_TLSv13: return (uint16_t)version;
	case tls_protocol_version_DTLSv10: return tls_protocol_version_TLSv11;
	case tls_protocol_version_DTLSv12: return tls_protocol_version_TLSv12;
	default: return 0;
	}
}

static uint16_t number_of_older(SSLProtocol version)
{
	switch (version) {
	case kTLSProtocol1: return tls_protocol_version_TLSv10;
	case kTLSProtocol11: return tls_protocol_version_TLSv11;
	case kTLSProtocol12: return tls_protocol_version_TLSv12;
	case kTLSProtocol13:
	case kTLSProtocolMaxSupported: return tls_protocol_version_TLSv13;
	case kDTLSProtocol1: return tls_protocol_version_DTLSv10;
	case kDTLSProtocol12: return tls_protocol_version_DTLSv12;
	default: return 0;
	}
}

static void set_version(
	sec_protocol_options_t options, unsigned version, bool is_max, const char *function)
{
	struct sec_protocol_options *o = change(options, function);
	uint16_t number = tls_number(version);

	if (!o)
		return;
	if (!number)
		bri_error("%s: %#x is not a version", function, version);
	else if (is_max)
		o->max_version = number;
	else
		o->min_version = number;
}

void sec_protocol_options_set_min_tls_protocol_version(
	sec_protocol_options_t options, tls_protocol_version_t version)
{
	set_version(options, version, false, __func__);
}

void sec_protocol_options_set_max_tls_protocol_version(
	sec_protocol_options_t options, tls_protocol_version_t version)
{
	set_version(options, version, true, __func__);
}

void sec_protocol_options_set_tls_min_version(sec_protocol_options_t options, SSLProtocol version)
{
	set_version(options, number_of_older(version), false, __func__);
}

void sec_protocol_options_set_tls_max_version(sec_protocol_options_t options, SSLProtocol version)
{
	set_version(options, number_of_older(version), true, __func__);
}

tls_protocol_version_t sec_protocol_options_get_default_min_tls_protocol_version(void)
{
	return tls_protocol_version_TLSv12;
}

tls_protocol_version_t sec_protocol_options_get_default_max_tls_protocol_version(void)
{
	return tls_protocol_version_TLSv13;
}

tls_protocol_version_t sec_protocol_options_get_default_min_dtls_protocol_version(void)
{
	return tls_protocol_version_DTLSv12;
}

tls_protocol_version_t sec_protocol_options_get_default_max_dtls_protocol_version(void)
{
	return tls_protocol_version_DTLSv12;
}

/* --- suites --- */

static void append_suites(
	sec_protocol_options_t options, const uint16_t *suites, size_t n, const char *function)
{
	struct sec_protocol_options *o = change(options, function);
	uint16_t *grown;

	if (!o)
		return;
	if (o->n_suites + n > BRI_SEC_SUITES_MAX) {
		bri_error("%s: more than %u suites", function, BRI_SEC_SUITES_MAX);
		return;
	}
	grown = reallocarray(o->suites, o->n_suites + n, sizeof(*grown));
	if (!grown)
		return;
	o->suites = grown;
	memcpy(grown + o->n_suites, suites, n * sizeof(*suites));
	o->n_suites += n;
}

/* Sorted so that each group of tls_ciphersuite_group_t is the beginning of one list. */
static const uint16_t forward_secret[] = {
	TLS_AES_256_GCM_SHA384,
	TLS_CHACHA20_POLY1305_SHA256,
	TLS_AES_128_GCM_SHA256,
	TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
	TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
	TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
	TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
	/* compatibility */
	TLS_RSA_WITH_AES_256_GCM_SHA384,
	TLS_RSA_WITH_AES_128_GCM_SHA256,
	TLS_RSA_WITH_AES_256_CBC_SHA,
	TLS_RSA_WITH_AES_128_CBC_SHA,
	/* legacy */
	TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA,
	TLS_RSA_WITH_3DES_EDE_CBC_SHA,
};

static void append_group(sec_protocol_options_t options, unsigned group, const char *function)
{
	switch (group) {
	case tls_ciphersuite_group_default:
	case tls_ciphersuite_group_ats: append_suites(options, forward_secret, 13, function); break;
	case tls_ciphersuite_group_compatibility:
	case tls_ciphersuite_group_ats_compatibility:
		append_suites(options, forward_secret, 17, function);
		break;
	case tls_ciphersuite_group_legacy:
		append_suites(options, forward_secret, BRI_LEN(forward_secret), function);
		break;
	default: bri_error("%s: %u is not a group", function, group);
	}
}

void sec_protocol_options_append_tls_ciphersuite(
	sec_protocol_options_t options, tls_ciphersuite_t ciphersuite)
{
	uint16_t suite = ciphersuite;

	append_suites(options, &suite, 1, __func__);
}

void sec_protocol_options_add_tls_ciphersuite(
	sec_protocol_options_t options, SSLCipherSuite ciphersuite)
{
	append_suites(options, &ciphersuite, 1, __func__);
}

void sec_protocol_options_append_tls_ciphersuite_group(
	sec_protocol_options_t options, tls_ciphersuite_group_t group)
{
	append_group(options, group, __func__);
}

void sec_protocol_options_add_tls_ciphersuite_group(
	sec_protocol_options_t options, SSLCiphersuiteGroup group)
{
	append_group(options, group, __func__);
}
