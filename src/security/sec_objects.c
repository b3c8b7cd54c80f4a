/* sec_certificate, sec_identity, sec_trust: the Security objects under their other names. */
#include <stdlib.h>
#include "base/callable.h"
#include "security/sec_blocks.h"

sec_certificate_t sec_certificate_create(SecCertificateRef certificate)
{
	if (!bri_cf_check(certificate, BRI_KIND_CERTIFICATE, __func__))
		return NULL;
	return bri_object_retain(certificate);
}

SecCertificateRef sec_certificate_copy_ref(sec_certificate_t certificate)
{
	if (!bri_cf_check(certificate, BRI_KIND_CERTIFICATE, __func__))
		return NULL;
	return bri_object_retain(certificate);
}

sec_identity_t sec_identity_create(SecIdentityRef identity)
{
	if (!bri_cf_check(identity, BRI_KIND_IDENTITY, __func__))
		return NULL;
	return bri_object_retain(identity);
}

sec_identity_t sec_identity_create_with_certificates(
	SecIdentityRef identity, CFArrayRef certificates)
{
	struct bri_certificate *list[BRI_CHAIN_MAX];
	CFIndex n;

	if (!bri_cf_check(identity, BRI_KIND_IDENTITY, __func__) ||
		!bri_cf_check(certificates, BRI_KIND_CF_ARRAY, __func__))
		return NULL;
	n = CFArrayGetCount(certificates);
	if (n > BRI_CHAIN_MAX)
		return NULL;
	for (CFIndex i = 0; i < n; i++) {
		list[i] = bri_sec_certificate(CFArrayGetValueAtIndex(certificates, i));
		if (!bri_cf_check(list[i], BRI_KIND_CERTIFICATE, __func__))
			return NULL;
	}
	return (sec_identity_t)(void *)bri_identity_with_chain(
		bri_sec_identity(identity), list, (size_t)n);
}

SecIdentityRef sec_identity_copy_ref(sec_identity_t identity)
{
	if (!bri_cf_check(identity, BRI_KIND_IDENTITY, __func__))
		return NULL;
	return bri_object_retain(identity);
}

CFArrayRef bri_sec_chain(struct bri_certificate *const *certificates, size_t n)
{
	return CFArrayCreate(
		NULL, (const void **)(void *)certificates, (CFIndex)n, &kCFTypeArrayCallBacks);
}

CFArrayRef sec_identity_copy_certificates_ref(sec_identity_t identity)
{
	struct bri_identity *i = bri_sec_identity(identity);

	if (!bri_cf_check(i, BRI_KIND_IDENTITY, __func__))
		return NULL;
	return bri_sec_chain(i->chain, i->n);
}

static bool access_certificates(
	sec_identity_t identity, struct bri_callable call, const char *function)
{
	struct bri_identity *i = bri_sec_identity(identity);

	if (!call.fn || !bri_cf_check(i, BRI_KIND_IDENTITY, function))
		return false;
	for (size_t at = 0; at < i->n; at++)
		((sec_identity_certificate_f)call.fn)(
			call.context, (sec_certificate_t)(void *)i->chain[at]);
	return i->n > 0;
}

bool sec_identity_access_certificates_f(
	sec_identity_t identity, void *context, sec_identity_certificate_f handler)
{
	return access_certificates(identity, BRI_CALLABLE(handler, context, NULL), __func__);
}

BRI_EXPORT bool sec_identity_access_certificates(sec_identity_t identity, const void *handler)
{
	return access_certificates(identity, bri_callable_borrow_block(handler), __func__);
}

sec_trust_t sec_trust_create(SecTrustRef trust)
{
	if (!bri_cf_check(trust, BRI_KIND_TRUST, __func__))
		return NULL;
	return bri_object_retain(trust);
}

SecTrustRef sec_trust_copy_ref(sec_trust_t trust)
{
	if (!bri_cf_check(trust, BRI_KIND_TRUST, __func__))
		return NULL;
	return bri_object_retain(trust);
}
