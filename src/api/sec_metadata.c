/* sec_protocol_metadata: made of an engine, and read. Access with handlers: sec_metadata_access.c.
 */
#include "api/sec_metadata.h"

#include <stdlib.h>
#include <string.h>
#include <gnutls/x509.h>
#include "api/sec_blocks.h"
#include "api/tls_options.h"
#include "base/log.h"
#include "dispatch/data_internal.h"
#include "security/security.h"

/* RFC 8446 section 7.5 leaves the length open; HKDF ends at 255 hashes, TLS 1.2 at nothing. */
#define SECRET_MAX 65535u

static void destroy(struct bri_object *obj)
{
	struct sec_protocol_metadata *md = (struct sec_protocol_metadata *)obj;

	for (size_t i = 0; i < md->n_chain; i++)
		bri_object_put(md->chain[i]);
	free(md->chain);
	for (size_t i = 0; i < md->n_names; i++)
		bri_object_put(md->names[i]);
	free(md->names);
	bri_object_put(md->ocsp);
	bri_object_put(md->psk);
	bri_object_put(md->psk_identity);
	free(md->protocol);
	free(md->server_name);
	bri_tls_put(md->tls);
	free(md);
}

static const struct bri_class sec_metadata_class = {
	.name = "sec_protocol_metadata",
	.kind = BRI_KIND_SEC_METADATA,
	.destroy = destroy,
};

static dispatch_data_t own_data(const void *bytes, size_t size)
{
	return bri_object_own(bri_data_new_copy(bytes, size));
}

static bool copy_text(char **to, const void *bytes, size_t size)
{
	if (!size)
		return true;
	*to = malloc(size + 1);
	if (!*to)
		return false;
	memcpy(*to, bytes, size);
	(*to)[size] = '\0';
	return true;
}

static bool copy_chain(struct sec_protocol_metadata *md)
{
	struct bri_tls_bytes chain[BRI_TLS_CHAIN_MAX];
	size_t n = bri_tls_chain(md->tls, chain, BRI_TLS_CHAIN_MAX);
	/* the judge has read all of them: before it was asked, and so before the handshake is done
	 */
	bool known = bri_tls_is_done(md->tls) || bri_tls_question(md->tls) == BRI_TLS_TRUST;

	md->chain = n ? calloc(n, sizeof(struct bri_certificate *)) : NULL;
	if (n && !md->chain)
		return false;
	for (size_t i = 0; i < n; i++) {
		/* what is no certificate is for the judgement to refuse, not for us to show */
		struct bri_certificate *certificate = bri_object_own(
			known ? bri_certificate_new_known(chain[i].bytes, chain[i].size)
			      : bri_certificate_new(chain[i].bytes, chain[i].size));

		if (certificate)
			md->chain[md->n_chain++] = certificate;
	}
	return true;
}

static bool copy_names(struct sec_protocol_metadata *md)
{
	const gnutls_datum_t *names;
	size_t n = bri_tls_names(md->tls, &names);

	md->names = n ? calloc(n, sizeof(dispatch_data_t)) : NULL;
	if (n && !md->names)
		return false;
	for (; md->n_names < n; md->n_names++) {
		md->names[md->n_names] = own_data(names[md->n_names].data, names[md->n_names].size);
		if (!md->names[md->n_names])
			return false;
	}
	return true;
}

static bool copy_rest(struct sec_protocol_metadata *md, const char *server_name)
{
	struct bri_tls_bytes protocol = bri_tls_protocol(md->tls), ocsp = bri_tls_ocsp(md->tls);
	const struct bri_tls_psk *psk = bri_tls_psk(md->tls);
	char asked[256]; /* RFC 1035 section 2.3.4 */

	if (!server_name && bri_tls_server_name(md->tls, asked, sizeof(asked)) == 0)
		server_name = asked;
	if (!copy_text(&md->protocol, protocol.bytes, protocol.size) ||
		!copy_text(&md->server_name, server_name, server_name ? strlen(server_name) : 0))
		return false;
	if (ocsp.size)
		md->ocsp = own_data(ocsp.bytes, ocsp.size);
	if (psk) {
		md->psk = own_data(psk->key.bytes, psk->key.size);
		md->psk_identity = own_data(psk->identity.bytes, psk->identity.size);
	}
	return (!ocsp.size || md->ocsp) && (!psk || (md->psk && md->psk_identity));
}

struct sec_protocol_metadata *bri_sec_metadata_new(struct bri_tls *tls, const char *server_name)
{
	struct sec_protocol_metadata *md = bri_object_new(&sec_metadata_class, sizeof(*md));

	if (!md)
		return NULL;
	md->tls = bri_tls_get(tls);
	md->version = bri_tls_version(tls);
	md->early_accepted = bri_tls_early(tls) > 0;
	md->suite = bri_tls_suite(tls);
	md->n_algorithms =
		bri_tls_signature_algorithms(tls, md->algorithms, BRI_SEC_ALGORITHMS_MAX);
	if (copy_chain(md) && copy_names(md) && copy_rest(md, server_name))
		return md;
	bri_object_release(md);
	return NULL;
}

struct sec_protocol_metadata *bri_sec_metadata_check(
	sec_protocol_metadata_t metadata, const char *function)
{
	void *obj = metadata;

	if (bri_protocol_metadata_is(obj, &bri_protocol_tls))
		return ((struct bri_tls_metadata *)obj)->sec;
	return bri_object_check(obj, BRI_KIND_SEC_METADATA, function) ? metadata : NULL;
}

static char *copy_of(const char *text)
{
	return text ? strdup(text) : NULL;
}

const char *sec_protocol_metadata_get_negotiated_protocol(sec_protocol_metadata_t metadata)
{
	struct sec_protocol_metadata *md = bri_sec_metadata_check(metadata, __func__);

	return md ? md->protocol : NULL;
}

const char *sec_protocol_metadata_copy_negotiated_protocol(sec_protocol_metadata_t metadata)
{
	struct sec_protocol_metadata *md = bri_sec_metadata_check(metadata, __func__);

	return md ? copy_of(md->protocol) : NULL;
}

const char *sec_protocol_metadata_get_server_name(sec_protocol_metadata_t metadata)
{
	struct sec_protocol_metadata *md = bri_sec_metadata_check(metadata, __func__);

	return md ? md->server_name : NULL;
}

const char *sec_protocol_metadata_copy_server_name(sec_protocol_metadata_t metadata)
{
	struct sec_protocol_metadata *md = bri_sec_metadata_check(metadata, __func__);

	return md ? copy_of(md->server_name) : NULL;
}

tls_protocol_version_t sec_protocol_metadata_get_negotiated_tls_protocol_version(
	sec_protocol_metadata_t metadata)
{
	struct sec_protocol_metadata *md = bri_sec_metadata_check(metadata, __func__);

	return md ? md->version : 0;
}

SSLProtocol sec_protocol_metadata_get_negotiated_protocol_version(sec_protocol_metadata_t metadata)
{
	struct sec_protocol_metadata *md = bri_sec_metadata_check(metadata, __func__);

	switch (md ? md->version : 0) {
	case tls_protocol_version_TLSv10: return kTLSProtocol1;
	case tls_protocol_version_TLSv11: return kTLSProtocol11;
	case tls_protocol_version_TLSv12: return kTLSProtocol12;
	case tls_protocol_version_TLSv13: return kTLSProtocol13;
	case tls_protocol_version_DTLSv10: return kDTLSProtocol1;
	case tls_protocol_version_DTLSv12: return kDTLSProtocol12;
	default: return kSSLProtocolUnknown;
	}
}

tls_ciphersuite_t sec_protocol_metadata_get_negotiated_tls_ciphersuite(
	sec_protocol_metadata_t metadata)
{
	struct sec_protocol_metadata *md = bri_sec_metadata_check(metadata, __func__);

	return md ? md->suite : 0;
}

SSLCipherSuite sec_protocol_metadata_get_negotiated_ciphersuite(sec_protocol_metadata_t metadata)
{
	struct sec_protocol_metadata *md = bri_sec_metadata_check(metadata, __func__);

	return md ? md->suite : 0;
}

bool sec_protocol_metadata_get_early_data_accepted(sec_protocol_metadata_t metadata)
{
	struct sec_protocol_metadata *md = bri_sec_metadata_check(metadata, __func__);

	return md && md->early_accepted;
}

/* --- keys --- */

static dispatch_data_t public_key_of(const struct bri_certificate *certificate)
{
	gnutls_datum_t der = { 0 };
	dispatch_data_t key = NULL;
	gnutls_pubkey_t pubkey;
	gnutls_x509_crt_t crt;

	if (bri_certificate_import(certificate, &crt) < 0)
		return NULL;
	if (gnutls_pubkey_init(&pubkey) == 0) {
		if (gnutls_pubkey_import_x509(pubkey, crt, 0) == 0 &&
			gnutls_pubkey_export2(pubkey, GNUTLS_X509_FMT_DER, &der) == 0)
			key = bri_data_new_copy(der.data, der.size);
		gnutls_free(der.data);
		gnutls_pubkey_deinit(pubkey);
	}
	gnutls_x509_crt_deinit(crt);
	return key;
}

dispatch_data_t sec_protocol_metadata_copy_peer_public_key(sec_protocol_metadata_t metadata)
{
	struct sec_protocol_metadata *md = bri_sec_metadata_check(metadata, __func__);

	return md && md->n_chain ? public_key_of(md->chain[0]) : NULL;
}

static dispatch_data_t export(struct sec_protocol_metadata *md, struct bri_tls_bytes label,
	const struct bri_tls_bytes *context, size_t size, const char *function)
{
	dispatch_data_t secret = NULL;
	uint8_t *bytes;

	if (!label.bytes || !label.size || !size || size > SECRET_MAX) {
		bri_error("%s: no label, or not 1 to %u bytes", function, SECRET_MAX);
		return NULL;
	}
	bytes = malloc(size);
	if (bytes && md->tls && bri_tls_export(md->tls, label, context, bytes, size) == 0)
		secret = bri_data_new_copy(bytes, size);
	if (bytes)
		gnutls_memset(bytes, 0, size);
	free(bytes);
	return secret;
}

dispatch_data_t sec_protocol_metadata_create_secret(sec_protocol_metadata_t metadata,
	size_t label_len, const char *label, size_t exporter_length)
{
	struct sec_protocol_metadata *md = bri_sec_metadata_check(metadata, __func__);
	struct bri_tls_bytes l = { (const uint8_t *)label, label_len };

	return md ? export(md, l, NULL, exporter_length, __func__) : NULL;
}

dispatch_data_t sec_protocol_metadata_create_secret_with_context(sec_protocol_metadata_t metadata,
	size_t label_len, const char *label, size_t context_len, const uint8_t *context,
	size_t exporter_length)
{
	struct sec_protocol_metadata *md = bri_sec_metadata_check(metadata, __func__);
	struct bri_tls_bytes l = { (const uint8_t *)label, label_len };
	struct bri_tls_bytes c = { context ? context : (const uint8_t *)"",
		context ? context_len : 0 };

	return md ? export(md, l, &c, exporter_length, __func__) : NULL;
}
