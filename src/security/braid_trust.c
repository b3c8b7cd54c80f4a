/* <braid/security.h>: certificates, anchors and the judgement, for C programs. */
#include "security/load.h"

#include <errno.h>

const char *braid_security_status_string(braid_security_status_t status)
{
	switch (status) {
	case braid_security_ok: return "ok";
	case braid_security_invalid_argument: return "an argument is missing or wrong";
	case braid_security_no_memory: return "no memory";
	case braid_security_cannot_read: return "the file cannot be read";
	case braid_security_too_large: return "too large";
	case braid_security_bad_format: return "not a key or certificate in this format";
	case braid_security_no_certificate: return "there is no certificate in it";
	case braid_security_no_key: return "there is no private key in it";
	case braid_security_key_mismatch:
		return "the private key belongs to none of the certificates";
	case braid_security_password: return "encrypted, and the password is wrong or missing";
	case braid_security_token: return "the token is not there, or refuses";
	}
	return "unknown";
}

static sec_certificate_t finish(struct bri_certificate *certificate, braid_security_status_t status,
	braid_security_status_t *ret_status)
{
	if (ret_status)
		*ret_status = status;
	return (sec_certificate_t)(void *)certificate;
}

sec_certificate_t braid_certificate_create_from_der(
	const void *der, size_t size, braid_security_status_t *ret_status)
{
	struct bri_certificate *certificate;

	if (!der)
		return finish(NULL, braid_security_invalid_argument, ret_status);
	if (size > BRI_CERTIFICATE_MAX)
		return finish(NULL, braid_security_too_large, ret_status);
	certificate = bri_certificate_new(der, size);
	return finish(certificate, certificate ? braid_security_ok : braid_security_bad_format,
		ret_status);
}

sec_certificate_t braid_certificate_create_from_pem(
	const void *pem, size_t size, braid_security_status_t *ret_status)
{
	struct bri_load_list list;
	struct bri_certificate *first = NULL;
	braid_security_status_t status;

	if (!pem)
		return finish(NULL, braid_security_invalid_argument, ret_status);
	status = bri_load_pem_list(pem, size, BRI_ANCHORS_MAX, &list);
	if (status == braid_security_ok)
		first = bri_object_retain(list.items[0]);
	bri_load_list_free(&list);
	return finish(first, status, ret_status);
}

const void *braid_certificate_get_der(sec_certificate_t certificate, size_t *ret_size)
{
	struct bri_certificate *c = bri_sec_certificate(certificate);

	if (!bri_cf_check(c, BRI_KIND_CERTIFICATE, __func__))
		return NULL;
	if (ret_size)
		*ret_size = c->size;
	return c->der;
}

sec_trust_t braid_trust_create(
	const sec_certificate_t *certificates, size_t count, const char *host, bool peer_is_client)
{
	return (sec_trust_t)(void *)bri_trust_new(
		(struct bri_certificate *const *)(const void *)certificates, count, host,
		peer_is_client);
}

braid_security_status_t braid_trust_set_anchors_from_pem(
	sec_trust_t trust, const void *pem, size_t size, bool only)
{
	struct bri_trust *t = bri_sec_trust(trust);
	struct bri_load_list list;
	braid_security_status_t status;

	if (!pem || !bri_cf_check(t, BRI_KIND_TRUST, __func__))
		return braid_security_invalid_argument;
	status = bri_load_pem_list(pem, size, BRI_ANCHORS_MAX, &list);
	if (status != braid_security_ok)
		return status;
	if (bri_trust_set_anchors(t, list.items, list.n) < 0)
		status = braid_security_no_memory;
	else
		t->anchors_only = only;
	bri_load_list_free(&list);
	return status;
}

braid_security_status_t braid_trust_set_anchors_from_pem_file(
	sec_trust_t trust, const char *path, bool only)
{
	braid_security_status_t status;
	void *pem;
	size_t size;
	int saved;

	if (!path || !bri_cf_check(trust, BRI_KIND_TRUST, __func__))
		return braid_security_invalid_argument;
	status = bri_load_file(path, &pem, &size);
	saved = errno;
	if (status == braid_security_ok)
		status = braid_trust_set_anchors_from_pem(trust, pem, size, only);
	bri_load_wipe(pem, size);
	errno = saved;
	return status;
}

int braid_trust_evaluate(sec_trust_t trust)
{
	if (!bri_cf_check(trust, BRI_KIND_TRUST, __func__))
		return errSecParam;
	return bri_trust_evaluate(bri_sec_trust(trust));
}
