/* Certificates: DER bytes that GnuTLS can read. Knows nothing of chains and trust. */
#include "security/security.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

static void destroy(struct bri_object *obj)
{
	free(obj);
}

static bool equal(const struct bri_object *a, const struct bri_object *b)
{
	return bri_certificate_equal((const void *)a, (const void *)b);
}

/* the end is a signature: as good as random */
static uintptr_t hash(const struct bri_object *obj)
{
	const struct bri_certificate *c = (const void *)obj;
	uintptr_t h = c->size;

	memcpy(&h, c->der + c->size - bri_min_size(c->size, sizeof(h)),
		bri_min_size(c->size, sizeof(h)));
	return h;
}

static const struct bri_class certificate_class = {
	.name = "sec_certificate",
	.kind = BRI_KIND_CERTIFICATE,
	.destroy = destroy,
	.equal = equal,
	.hash = hash,
};

static int import_der(const void *der, size_t size, gnutls_x509_crt_t *ret)
{
	gnutls_datum_t datum = { .data = (unsigned char *)der, .size = (unsigned int)size };
	gnutls_x509_crt_t crt;

	if (gnutls_x509_crt_init(&crt) < 0)
		return -ENOMEM;
	if (gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_DER) < 0) {
		gnutls_x509_crt_deinit(crt);
		return -EBADMSG;
	}
	*ret = crt;
	return 0;
}

struct bri_certificate *bri_certificate_new(const void *der, size_t size)
{
	gnutls_x509_crt_t crt;

	if (!der || size == 0 || size > BRI_CERTIFICATE_MAX || import_der(der, size, &crt) < 0)
		return NULL;
	gnutls_x509_crt_deinit(crt);
	return bri_certificate_new_known(der, size);
}

struct bri_certificate *bri_certificate_new_known(const void *der, size_t size)
{
	struct bri_certificate *certificate;

	if (!der || size == 0 || size > BRI_CERTIFICATE_MAX)
		return NULL;
	certificate = bri_object_new(&certificate_class, sizeof(*certificate) + size);
	if (!certificate)
		return NULL;
	certificate->size = size;
	memcpy(certificate->der, der, size);
	return certificate;
}

bool bri_certificate_equal(const struct bri_certificate *a, const struct bri_certificate *b)
{
	return a->size == b->size && memcmp(a->der, b->der, a->size) == 0;
}

int bri_certificate_import(const struct bri_certificate *certificate, gnutls_x509_crt_t *ret)
{
	return import_der(certificate->der, certificate->size, ret);
}
