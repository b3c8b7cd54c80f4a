/* <braid/security.h>: identities out of PEM, PKCS #12 and tokens. */
#include "security/load.h"

#include <errno.h>
#include <gnutls/pkcs11.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sec_identity_t finish(struct bri_identity *identity, braid_security_status_t status,
	braid_security_status_t *ret_status)
{
	if (ret_status)
		*ret_status = status;
	return status == braid_security_ok ? (sec_identity_t)(void *)identity : NULL;
}

/* --- PEM --- */

static bool has(const void *pem, size_t size, const char *words)
{
	return memmem(pem, size, words, strlen(words)) != NULL;
}

static braid_security_status_t key_status(int r, const void *pem, size_t size)
{
	if (r == GNUTLS_E_MEMORY_ERROR)
		return braid_security_no_memory;
	if (!has(pem, size, "PRIVATE KEY-----"))
		return braid_security_no_key;
	if (r == GNUTLS_E_DECRYPTION_FAILED || r == GNUTLS_E_PK_INVALID_PRIVKEY)
		return braid_security_password;
	/* decrypted with a wrong password it may look like anything */
	if (has(pem, size, "ENCRYPTED"))
		return braid_security_password;
	return braid_security_bad_format;
}

static braid_security_status_t pem_key(
	const void *pem, size_t size, const char *password, gnutls_privkey_t *ret)
{
	gnutls_datum_t datum = { .data = (unsigned char *)pem, .size = (unsigned int)size };
	gnutls_privkey_t key;
	int r;

	if (size > BRI_LOAD_MAX)
		return braid_security_too_large;
	if (gnutls_privkey_init(&key) < 0)
		return braid_security_no_memory;
	r = gnutls_privkey_import_x509_raw(key, &datum, GNUTLS_X509_FMT_PEM, password, 0);
	if (r < 0) {
		gnutls_privkey_deinit(key);
		return key_status(r, pem, size);
	}
	*ret = key;
	return braid_security_ok;
}

static braid_security_status_t load_pem(const void *certificates, size_t certificates_size,
	const void *key_pem, size_t key_size, const char *password, struct bri_identity **ret)
{
	struct bri_load_list list;
	gnutls_privkey_t key = NULL;
	braid_security_status_t status =
		bri_load_pem_list(certificates, certificates_size, BRI_CHAIN_MAX, &list);

	if (status != braid_security_ok)
		return status;
	status = pem_key(key_pem, key_size, password, &key);
	if (status == braid_security_ok) {
		status = bri_load_identity(key, &list, ret);
		if (status != braid_security_ok)
			gnutls_privkey_deinit(key);
	}
	bri_load_list_free(&list);
	return status;
}

sec_identity_t braid_identity_create_from_pem(const void *certificates, size_t certificates_size,
	const void *key, size_t key_size, const char *password, braid_security_status_t *ret_status)
{
	struct bri_identity *identity = NULL;
	braid_security_status_t status = braid_security_invalid_argument;

	if (certificates)
		status = load_pem(certificates, certificates_size, key ? key : certificates,
			key ? key_size : certificates_size, password, &identity);
	return finish(identity, status, ret_status);
}

sec_identity_t braid_identity_create_from_pem_files(const char *certificates_path,
	const char *key_path, const char *password, braid_security_status_t *ret_status)
{
	void *certificates, *key = NULL;
	size_t certificates_size, key_size = 0;
	struct bri_identity *identity = NULL;
	braid_security_status_t status;
	int saved;

	if (!certificates_path)
		return finish(NULL, braid_security_invalid_argument, ret_status);
	status = bri_load_file(certificates_path, &certificates, &certificates_size);
	if (status == braid_security_ok && key_path)
		status = bri_load_file(key_path, &key, &key_size);
	saved = errno;
	if (status == braid_security_ok)
		status = load_pem(certificates, certificates_size, key_path ? key : certificates,
			key_path ? key_size : certificates_size, password, &identity);
	bri_load_wipe(certificates, certificates_size);
	bri_load_wipe(key, key_size);
	errno = saved;
	return finish(identity, status, ret_status);
}

/* --- PKCS #12 --- */

sec_identity_t braid_identity_create_from_pkcs12(
	const void *data, size_t size, const char *password, braid_security_status_t *ret_status)
{
	struct bri_identity *identity = NULL;
	braid_security_status_t status = data ? bri_load_pkcs12(data, size, password, &identity)
					      : braid_security_invalid_argument;

	return finish(identity, status, ret_status);
}

sec_identity_t braid_identity_create_from_pkcs12_file(
	const char *path, const char *password, braid_security_status_t *ret_status)
{
	struct bri_identity *identity = NULL;
	braid_security_status_t status;
	void *data;
	size_t size;
	int saved;

	if (!path)
		return finish(NULL, braid_security_invalid_argument, ret_status);
	status = bri_load_file(path, &data, &size);
	saved = errno;
	if (status == braid_security_ok)
		status = bri_load_pkcs12(data, size, password, &identity);
	bri_load_wipe(data, size);
	errno = saved;
	return finish(identity, status, ret_status);
}

/* --- PKCS #11 --- */

static int give_pin(void *userdata, int attempt, const char *url, const char *label,
	unsigned int flags, char *pin, size_t size)
{
	const char *known = userdata;

	(void)url;
	(void)label;
	(void)flags;
	/* never a second time: tokens lock themselves after some wrong ones */
	if (!known || attempt > 0 || strlen(known) >= size)
		return GNUTLS_E_PKCS11_PIN_ERROR;
	memcpy(pin, known, strlen(known) + 1);
	return 0;
}

/* RFC 7512 section 2.3: "type=private" of the key's name becomes "type=cert"; malloc'd */
static char *certificate_uri_of(const char *key_uri)
{
	static const char private_type[] = "type=private";
	const char *at = strstr(key_uri, private_type);
	char *uri;

	if (!at)
		return strdup(key_uri);
	if (asprintf(&uri, "%.*stype=cert%s", (int)(at - key_uri), key_uri,
		    at + strlen(private_type)) < 0)
		return NULL;
	return uri;
}

static braid_security_status_t token_certificate(
	const char *uri, char *pin, struct bri_load_list *list)
{
	braid_security_status_t status = braid_security_token;
	gnutls_x509_crt_t crt;

	if (gnutls_x509_crt_init(&crt) < 0)
		return braid_security_no_memory;
	gnutls_x509_crt_set_pin_function(crt, give_pin, pin);
	if (gnutls_x509_crt_import_url(crt, uri, GNUTLS_PKCS11_OBJ_FLAG_CRT) >= 0)
		status = bri_load_add(list, crt);
	gnutls_x509_crt_deinit(crt);
	return status;
}

static braid_security_status_t token_identity(
	const char *key_uri, char *pin, const struct bri_load_list *list, struct bri_identity **ret)
{
	braid_security_status_t status = braid_security_token;
	gnutls_privkey_t key;

	if (gnutls_privkey_init(&key) < 0)
		return braid_security_no_memory;
	gnutls_privkey_set_pin_function(key, give_pin, pin);
	if (gnutls_privkey_import_url(key, key_uri, 0) >= 0)
		status = bri_load_identity(key, list, ret);
	if (status != braid_security_ok)
		gnutls_privkey_deinit(key);
	return status;
}

sec_identity_t braid_identity_create_from_pkcs11_uri(const char *key_uri,
	const char *certificate_uri, const char *pin, braid_security_status_t *ret_status)
{
	struct bri_load_list list = { 0 };
	struct bri_identity *identity = NULL;
	braid_security_status_t status = braid_security_no_memory;
	char *uri, *own_pin;

	if (!key_uri || strncmp(key_uri, "pkcs11:", 7) != 0)
		return finish(NULL, braid_security_invalid_argument, ret_status);
	uri = certificate_uri ? strdup(certificate_uri) : certificate_uri_of(key_uri);
	own_pin = pin ? strdup(pin) : NULL;
	if (uri && (own_pin || !pin))
		status = token_certificate(uri, own_pin, &list);
	if (status == braid_security_ok)
		status = token_identity(key_uri, own_pin, &list, &identity);
	if (status == braid_security_ok)
		identity->pin = own_pin; /* the token may ask again, at each signature */
	else
		bri_load_wipe(own_pin, own_pin ? strlen(own_pin) : 0);
	free(uri);
	bri_load_list_free(&list);
	return finish(identity, status, ret_status);
}
