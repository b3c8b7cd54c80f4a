/*
 * What an identity shows beside its certificate: an OCSP response (RFC 6960), which a server
 * staples for clients that ask for it. It may be replaced at any time; handshakes take a copy.
 */
#include "security/load.h"

#include <errno.h>
#include <gnutls/ocsp.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

/* When it is of no use any more: nextUpdate, or never (RFC 6960 section 4.2.2.1). */
static int64_t expiry(gnutls_ocsp_resp_t resp, unsigned int at)
{
	time_t this_update, next_update;
	unsigned int status;

	if (gnutls_ocsp_resp_get_single(resp, at, NULL, NULL, NULL, NULL, &status, &this_update,
		    &next_update, NULL, NULL) < 0 ||
		next_update == (time_t)-1)
		return 0;
	return next_update;
}

/* A response that says something of this certificate. Whether it says that it is good, and who
 * signed it, is for clients to judge. */
static braid_security_status_t read_response(const struct bri_certificate *certificate,
	gnutls_ocsp_resp_t resp, const gnutls_datum_t *der, int64_t *ret_expires_s)
{
	gnutls_x509_crt_t crt;
	unsigned int at = 0;
	int r;

	if (gnutls_ocsp_resp_import(resp, der) < 0 ||
		gnutls_ocsp_resp_get_status(resp) != GNUTLS_OCSP_RESP_SUCCESSFUL)
		return braid_security_bad_format;
	if (bri_certificate_import(certificate, &crt) < 0)
		return braid_security_no_memory;
	do {
		r = gnutls_ocsp_resp_check_crt(resp, at, crt);
	} while (
		r < 0 && r != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE && ++at < BRI_OCSP_SINGLES_MAX);
	gnutls_x509_crt_deinit(crt);
	if (r < 0)
		return braid_security_no_certificate;
	*ret_expires_s = expiry(resp, at);
	return braid_security_ok;
}

static braid_security_status_t check(const struct bri_certificate *certificate,
	const void *response, size_t size, int64_t *ret_expires_s)
{
	gnutls_datum_t der = { .data = (unsigned char *)(uintptr_t)response,
		.size = (unsigned int)size };
	braid_security_status_t status;
	gnutls_ocsp_resp_t resp;

	if (size > BRI_OCSP_MAX)
		return braid_security_too_large;
	if (gnutls_ocsp_resp_init(&resp) < 0)
		return braid_security_no_memory;
	status = read_response(certificate, resp, &der, ret_expires_s);
	gnutls_ocsp_resp_deinit(resp);
	return status;
}

static void replace(struct bri_identity *identity, struct bri_staple staple)
{
	uint8_t *old;

	pthread_mutex_lock(&identity->lock);
	old = identity->staple.der;
	identity->staple = staple;
	pthread_mutex_unlock(&identity->lock);
	free(old);
}

int bri_identity_copy_staple(struct bri_identity *identity, struct bri_staple *ret)
{
	struct bri_staple copy;

	pthread_mutex_lock(&identity->lock);
	copy = identity->staple;
	if (copy.size) {
		copy.der = malloc(copy.size);
		if (copy.der)
			memcpy(copy.der, identity->staple.der, copy.size);
	}
	pthread_mutex_unlock(&identity->lock);
	if (copy.size && !copy.der)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

braid_security_status_t braid_identity_set_ocsp_response(
	sec_identity_t identity, const void *response, size_t size)
{
	struct bri_identity *i = (struct bri_identity *)(void *)identity;
	struct bri_staple staple = { .size = size };
	braid_security_status_t status = braid_security_ok;

	if (!bri_cf_check(i, BRI_KIND_IDENTITY, __func__) || (size && !response))
		return braid_security_invalid_argument;
	if (size)
		status = check(i->chain[0], response, size, &staple.expires_s);
	if (status != braid_security_ok)
		return status;
	if (size) {
		staple.der = malloc(size);
		if (!staple.der)
			return braid_security_no_memory;
		memcpy(staple.der, response, size);
	}
	replace(i, staple);
	return braid_security_ok;
}
