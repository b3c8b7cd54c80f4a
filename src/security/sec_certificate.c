/* SecCertificate, SecIdentity and SecKey: reading certificates. */
#include "security/sec.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include "cf/cf_utf.h"

#define NAME_MAX_BYTES                                                                             \
	1024          /* of a part of a name: RFC 5280 appendix A.1 has at most 32768 for some,    \
			 64 for those here */
#define SERIAL_MAX 64 /* RFC 5280 section 4.1.2.2: 20 bytes; some have more */

struct __SecKey {
	struct bri_object base;
	gnutls_datum_t info; /* SubjectPublicKeyInfo, DER; GnuTLS's memory */
};

CFTypeID SecCertificateGetTypeID(void)
{
	return BRI_KIND_CERTIFICATE;
}

CFTypeID SecIdentityGetTypeID(void)
{
	return BRI_KIND_IDENTITY;
}

CFTypeID SecKeyGetTypeID(void)
{
	return BRI_KIND_KEY;
}

SecCertificateRef SecCertificateCreateWithData(CFAllocatorRef allocator, CFDataRef data)
{
	(void)allocator;
	if (!bri_cf_check(data, BRI_KIND_CF_DATA, __func__))
		return NULL;
	return (SecCertificateRef)(void *)bri_certificate_new(data->bytes, data->size);
}

CFDataRef SecCertificateCopyData(SecCertificateRef certificate)
{
	struct bri_certificate *c = bri_sec_certificate(certificate);

	return bri_cf_check(c, BRI_KIND_CERTIFICATE, __func__) ? bri_cf_data_new(c->der, c->size)
							       : NULL;
}

OSStatus SecIdentityCopyCertificate(SecIdentityRef identityRef, SecCertificateRef *certificateRef)
{
	if (!certificateRef || !bri_cf_check(identityRef, BRI_KIND_IDENTITY, __func__))
		return errSecParam;
	*certificateRef = bri_object_retain(bri_sec_identity(identityRef)->chain[0]);
	return errSecSuccess;
}

/* GnuTLS's form of the argument; NULL: another kind of object, or no memory */
static gnutls_x509_crt_t open_certificate(SecCertificateRef certificate, const char *function)
{
	gnutls_x509_crt_t crt;

	if (!bri_cf_check(certificate, BRI_KIND_CERTIFICATE, function) ||
		bri_certificate_import(bri_sec_certificate(certificate), &crt) < 0)
		return NULL;
	return crt;
}

/* A name that GnuTLS gave, as UTF-8. 0, -ENOENT: it is none, -ENOMEM */
static int take_name(const char *name, size_t size, CFStringRef *ret)
{
	if (bri_utf8_length(name, size) < 0)
		return -ENOENT;
	*ret = bri_cf_string_new(name, size);
	return *ret ? 0 : -ENOMEM;
}

/* A part of the subject, +1. 0, -ENOENT: it has none, -ENOMEM */
static int part_of_subject(gnutls_x509_crt_t crt, const char *oid, CFStringRef *ret)
{
	char name[NAME_MAX_BYTES];
	size_t size = sizeof(name);

	if (gnutls_x509_crt_get_dn_by_oid(crt, oid, 0, 0, name, &size) < 0)
		return -ENOENT;
	return take_name(name, strnlen(name, sizeof(name)), ret);
}

static int alternative_name(gnutls_x509_crt_t crt, CFStringRef *ret)
{
	char name[NAME_MAX_BYTES];

	for (unsigned int i = 0; i < BRI_CHAIN_MAX; i++) {
		size_t size = sizeof(name);
		int type = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &size, NULL);

		if (type == GNUTLS_SAN_DNSNAME || type == GNUTLS_SAN_RFC822NAME)
			return take_name(name, strnlen(name, size), ret);
		if (type < 0)
			break;
	}
	return -ENOENT;
}

CFStringRef SecCertificateCopySubjectSummary(SecCertificateRef certificate)
{
	static const char *const oids[] = { GNUTLS_OID_X520_COMMON_NAME,
		GNUTLS_OID_X520_ORGANIZATIONAL_UNIT_NAME, GNUTLS_OID_X520_ORGANIZATION_NAME };
	gnutls_x509_crt_t crt = open_certificate(certificate, __func__);
	CFStringRef name = NULL;
	int r = -ENOENT;

	if (!crt)
		return NULL;
	for (size_t i = 0; i < BRI_LEN(oids) && r == -ENOENT; i++)
		r = part_of_subject(crt, oids[i], &name);
	if (r == -ENOENT) /* not for want of memory: that would be another name */
		alternative_name(crt, &name);
	gnutls_x509_crt_deinit(crt);
	return name;
}

OSStatus SecCertificateCopyCommonName(SecCertificateRef certificate, CFStringRef *commonName)
{
	gnutls_x509_crt_t crt = commonName ? open_certificate(certificate, __func__) : NULL;
	int r;

	if (!crt)
		return errSecParam;
	*commonName = NULL;
	r = part_of_subject(crt, GNUTLS_OID_X520_COMMON_NAME, commonName);
	gnutls_x509_crt_deinit(crt);
	return r == -ENOMEM ? errSecAllocate : errSecSuccess;
}

CFDataRef SecCertificateCopySerialNumberData(SecCertificateRef certificate, CFErrorRef *error)
{
	gnutls_x509_crt_t crt = open_certificate(certificate, __func__);
	uint8_t serial[SERIAL_MAX];
	size_t size = sizeof(serial);
	CFDataRef data = NULL;

	if (crt) {
		if (gnutls_x509_crt_get_serial(crt, serial, &size) == 0)
			data = bri_cf_data_new(serial, size);
		gnutls_x509_crt_deinit(crt);
	}
	if (!data && error)
		*error = CFErrorCreate(
			NULL, kCFErrorDomainOSStatus, crt ? errSecDecode : errSecParam, NULL);
	return data;
}

static CFDataRef raw_name(SecCertificateRef certificate,
	int (*get)(gnutls_x509_crt_t, gnutls_datum_t *), const char *function)
{
	gnutls_x509_crt_t crt = open_certificate(certificate, function);
	CFDataRef data = NULL;
	gnutls_datum_t dn;

	if (!crt)
		return NULL;
	if (get(crt, &dn) == 0) {
		data = bri_cf_data_new(dn.data, dn.size);
		gnutls_free(dn.data);
	}
	gnutls_x509_crt_deinit(crt);
	return data;
}

CFDataRef SecCertificateCopyNormalizedSubjectSequence(SecCertificateRef certificate)
{
	return raw_name(certificate, gnutls_x509_crt_get_raw_dn, __func__);
}

CFDataRef SecCertificateCopyNormalizedIssuerSequence(SecCertificateRef certificate)
{
	return raw_name(certificate, gnutls_x509_crt_get_raw_issuer_dn, __func__);
}

/* --- keys --- */

static void destroy_key(struct bri_object *obj)
{
	struct __SecKey *key = bri_container_of(obj, struct __SecKey, base);

	gnutls_free(key->info.data);
	free(key);
}

static bool equal_keys(const struct bri_object *a, const struct bri_object *b)
{
	const struct __SecKey *x = (const void *)a, *y = (const void *)b;

	return x->info.size == y->info.size &&
	       memcmp(x->info.data, y->info.data, x->info.size) == 0;
}

static const struct bri_class key_class = {
	.name = "SecKey",
	.kind = BRI_KIND_KEY,
	.destroy = destroy_key,
	.equal = equal_keys,
};

static int export_info(gnutls_x509_crt_t crt, gnutls_datum_t *ret)
{
	gnutls_pubkey_t pub;
	int r = gnutls_pubkey_init(&pub);

	if (r < 0)
		return r;
	r = gnutls_pubkey_import_x509(pub, crt, 0);
	if (r >= 0)
		r = gnutls_pubkey_export2(pub, GNUTLS_X509_FMT_DER, ret);
	gnutls_pubkey_deinit(pub);
	return r;
}

SecKeyRef bri_sec_key_new(const struct bri_certificate *certificate)
{
	gnutls_x509_crt_t crt;
	gnutls_datum_t info;
	struct __SecKey *key;
	int r;

	if (bri_certificate_import(certificate, &crt) < 0)
		return NULL;
	r = export_info(crt, &info);
	gnutls_x509_crt_deinit(crt);
	if (r < 0)
		return NULL;
	key = bri_object_new(&key_class, sizeof(*key));
	if (key)
		key->info = info;
	else
		gnutls_free(info.data);
	return key;
}

SecKeyRef SecCertificateCopyKey(SecCertificateRef certificate)
{
	return bri_cf_check(certificate, BRI_KIND_CERTIFICATE, __func__)
		       ? bri_sec_key_new(bri_sec_certificate(certificate))
		       : NULL;
}

/* moves *at into (into: true) or behind the element there; its end goes to *end. false: no DER */
static bool step(const gnutls_datum_t *der, size_t *at, size_t *end, uint8_t tag, bool into)
{
	size_t i = *at, length, n;

	if (der->size - i < 2 || der->data[i] != tag)
		return false;
	length = der->data[i + 1];
	i += 2;
	if (length & 0x80) {
		n = length & 0x7f;
		if (n == 0 || n > 3 || der->size - i < n)
			return false;
		for (length = 0; n > 0; n--)
			length = length << 8 | der->data[i++];
	}
	if (length > der->size - i)
		return false;
	*end = i + length;
	*at = into ? i : *end;
	return true;
}

/* RFC 5280 section 4.1: SEQUENCE { algorithm SEQUENCE, subjectPublicKey BIT STRING } */
CFDataRef SecKeyCopyExternalRepresentation(SecKeyRef key, CFErrorRef *error)
{
	size_t at = 0, end = 0;
	CFDataRef data = NULL;
	OSStatus status = errSecParam;

	if (bri_cf_check(key, BRI_KIND_KEY, __func__)) {
		status = errSecDecode;
		if (step(&key->info, &at, &end, 0x30, true) &&
			step(&key->info, &at, &end, 0x30, false) &&
			step(&key->info, &at, &end, 0x03, true) && end - at > 1)
			data = bri_cf_data_new(key->info.data + at + 1, end - at - 1);
	}
	if (!data && error)
		*error = CFErrorCreate(NULL, kCFErrorDomainOSStatus, status, NULL);
	return data;
}
