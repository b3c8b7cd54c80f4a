/* PKCS #12 (RFC 7292): a key, its certificate, and others. */
#include <gnutls/pkcs12.h>
#include <gnutls/x509.h>
#include "security/load.h"

struct parts {
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t *chain; /* the key's certificate first */
	unsigned int n_chain;
	gnutls_x509_crt_t *extra;
	unsigned int n_extra;
};

static braid_security_status_t status_of(int r)
{
	switch (r) {
	case GNUTLS_E_MEMORY_ERROR: return braid_security_no_memory;
	case GNUTLS_E_MAC_VERIFY_FAILED:
	case GNUTLS_E_DECRYPTION_FAILED:
	case GNUTLS_E_PK_INVALID_PRIVKEY: return braid_security_password;
	case GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE: return braid_security_no_key;
	default: return braid_security_bad_format;
	}
}

static void parts_free(struct parts *parts)
{
	for (unsigned int i = 0; i < parts->n_chain; i++)
		gnutls_x509_crt_deinit(parts->chain[i]);
	for (unsigned int i = 0; i < parts->n_extra; i++)
		gnutls_x509_crt_deinit(parts->extra[i]);
	gnutls_free(parts->chain);
	gnutls_free(parts->extra);
	if (parts->key)
		gnutls_x509_privkey_deinit(parts->key);
}

static braid_security_status_t parse(
	const void *data, size_t size, const char *password, struct parts *ret)
{
	gnutls_datum_t datum = { .data = (unsigned char *)data, .size = (unsigned int)size };
	gnutls_pkcs12_t p12;
	int r;

	if (gnutls_pkcs12_init(&p12) < 0)
		return braid_security_no_memory;
	r = gnutls_pkcs12_import(p12, &datum, GNUTLS_X509_FMT_DER, 0);
	/* the MAC tells a wrong password from a broken file; a file without one says so */
	if (r >= 0) {
		r = gnutls_pkcs12_verify_mac(p12, password ? password : "");
		if (r == GNUTLS_E_MAC_VERIFY_FAILED && !password)
			r = gnutls_pkcs12_verify_mac(p12, NULL);
		if (r < 0 && r != GNUTLS_E_MAC_VERIFY_FAILED && r != GNUTLS_E_MEMORY_ERROR)
			r = 0;
	}
	if (r >= 0)
		r = gnutls_pkcs12_simple_parse(p12, password ? password : "", &ret->key,
			&ret->chain, &ret->n_chain, &ret->extra, &ret->n_extra, NULL, 0);
	gnutls_pkcs12_deinit(p12);
	if (r < 0) /* what was there is freed */
		*ret = (struct parts) { 0 };
	return r < 0 ? status_of(r) : braid_security_ok;
}

static braid_security_status_t collect(const struct parts *parts, struct bri_load_list *list)
{
	braid_security_status_t status = braid_security_ok;

	if (!parts->key)
		return braid_security_no_key;
	if (parts->n_chain == 0)
		return braid_security_no_certificate;
	if (parts->n_chain > BRI_CHAIN_MAX)
		return braid_security_too_large;
	for (unsigned int i = 0; i < parts->n_chain && status == braid_security_ok; i++)
		status = bri_load_add(list, parts->chain[i]);
	/* those that are not of the key's chain by name are not sent */
	return status;
}

static braid_security_status_t make(
	gnutls_x509_privkey_t x509, const struct bri_load_list *list, struct bri_identity **ret)
{
	braid_security_status_t status;
	gnutls_privkey_t key;

	if (gnutls_privkey_init(&key) < 0)
		return braid_security_no_memory;
	if (gnutls_privkey_import_x509(key, x509, GNUTLS_PRIVKEY_IMPORT_COPY) < 0)
		status = braid_security_bad_format;
	else
		status = bri_load_identity(key, list, ret);
	if (status != braid_security_ok)
		gnutls_privkey_deinit(key);
	return status;
}

braid_security_status_t bri_load_pkcs12(
	const void *data, size_t size, const char *password, struct bri_identity **ret)
{
	struct parts parts = { 0 };
	struct bri_load_list list = { 0 };
	braid_security_status_t status;

	if (size > BRI_LOAD_MAX)
		return braid_security_too_large;
	status = parse(data, size, password, &parts);
	if (status == braid_security_ok)
		status = collect(&parts, &list);
	if (status == braid_security_ok)
		status = make(parts.key, &list, ret);
	parts_free(&parts);
	bri_load_list_free(&list);
	return status;
}
