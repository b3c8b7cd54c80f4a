/* SecTrust and SecPolicy. */
#include "security/sec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "security/sec_words_ssl.h"

const char *bri_sec_words(OSStatus status)
{
	if (status <= -9800 && -9800 - status < (OSStatus)BRI_LEN(ssl_words))
		return ssl_words[-9800 - status];
	switch (status) {
	case errSecSuccess: return "no error";
	case errSecUnimplemented: return "not implemented";
	case errSecIO: return "input or output error";
	case errSecParam: return "an argument is wrong";
	case errSecAllocate: return "no memory";
	case errSecPkcs12VerifyFailure: return "the PKCS #12 data cannot be verified";
	case errSecAuthFailed: return "wrong password";
	case errSecItemNotFound: return "there is no such item";
	case errSecCreateChainFailed: return "the certificate chain is not valid";
	case errSecDecode: return "the data cannot be decoded";
	case errSecInternalError: return "internal error";
	case errSecHostNameMismatch: return "the certificate is for another name";
	case errSecInvalidExtendedKeyUsage: return "bad certificate, or not for this purpose";
	case errSecCertificateExpired: return "a certificate has expired";
	case errSecCertificateNotValidYet: return "a certificate is not valid yet";
	case errSecCertificateRevoked: return "the certificate is revoked";
	case errSecIncompleteCertRevocationCheck: return "bad OCSP response";
	case errSecNotTrusted: return "the root of the chain is not trusted";
	default: return NULL;
	}
}

OSStatus bri_sec_status_of(int verdict)
{
	switch ((enum bri_verdict)verdict) {
	case BRI_TRUSTED: return errSecSuccess;
	case BRI_EXPIRED: return errSecCertificateExpired;
	case BRI_NOT_YET_VALID: return errSecCertificateNotValidYet;
	case BRI_REVOKED: return errSecCertificateRevoked;
	case BRI_HOST_MISMATCH: return errSecHostNameMismatch;
	case BRI_BAD_OCSP: return errSecIncompleteCertRevocationCheck;
	case BRI_BAD_CERTIFICATE: return errSecInvalidExtendedKeyUsage;
	case BRI_CHAIN_INVALID: return errSecCreateChainFailed;
	case BRI_INTERNAL: return errSecAllocate;
	case BRI_UNKNOWN_ROOT:
	case BRI_NO_ROOT:
	case BRI_NOT_EVALUATED: break;
	}
	return errSecNotTrusted;
}

CFStringRef SecCopyErrorMessageString(OSStatus status, void *reserved)
{
	const char *words = bri_sec_words(status);

	(void)reserved;
	if (words)
		return bri_cf_string_new(words, strlen(words));
	return bri_cf_string_printf("OSStatus %d", (int)status);
}

/* --- policies --- */

static void destroy_policy(struct bri_object *obj)
{
	struct __SecPolicy *policy = bri_container_of(obj, struct __SecPolicy, base);

	free(policy->host);
	free(policy);
}

static const struct bri_class policy_class = {
	.name = "SecPolicy",
	.kind = BRI_KIND_POLICY,
	.destroy = destroy_policy,
};

CFTypeID SecPolicyGetTypeID(void)
{
	return BRI_KIND_POLICY;
}

SecPolicyRef SecPolicyCreateBasicX509(void)
{
	return bri_object_new(&policy_class, sizeof(struct __SecPolicy));
}

SecPolicyRef SecPolicyCreateSSL(Boolean server, CFStringRef hostname)
{
	struct __SecPolicy *policy;

	if (hostname && !bri_cf_check(hostname, BRI_KIND_CF_STRING, __func__))
		return NULL;
	policy = SecPolicyCreateBasicX509();
	if (!policy)
		return NULL;
	policy->is_tls = true;
	policy->peer_is_client = !server;
	policy->host = hostname ? strdup(hostname->text) : NULL;
	/* a NUL inside would make another name of it */
	if (hostname && (!policy->host || strlen(policy->host) != hostname->size)) {
		bri_object_release(policy);
		return NULL;
	}
	return policy;
}

/* --- trust --- */

CFTypeID SecTrustGetTypeID(void)
{
	return BRI_KIND_TRUST;
}

/* of one object, or an array of them: how many, and which */
static CFIndex count_of(CFTypeRef one_or_array)
{
	return bri_object_is(one_or_array, BRI_KIND_CF_ARRAY) ? CFArrayGetCount(one_or_array)
							      : one_or_array != NULL;
}

static const void *item_of(CFTypeRef one_or_array, CFIndex i)
{
	return bri_object_is(one_or_array, BRI_KIND_CF_ARRAY)
		       ? CFArrayGetValueAtIndex(one_or_array, i)
		       : one_or_array;
}

static OSStatus apply_policy(struct bri_trust *trust, const struct __SecPolicy *policy)
{
	char *host = policy->host ? strdup(policy->host) : NULL;

	if (policy->host && !host)
		return errSecAllocate;
	free(trust->host);
	trust->host = host;
	trust->any_purpose = !policy->is_tls;
	trust->peer_is_client = policy->peer_is_client;
	trust->result = BRI_NOT_EVALUATED;
	return errSecSuccess;
}

OSStatus SecTrustSetPolicies(SecTrustRef trust, CFTypeRef policies)
{
	const struct __SecPolicy *chosen = NULL;
	CFIndex n = count_of(policies);

	if (n == 0 || !bri_cf_check(trust, BRI_KIND_TRUST, __func__))
		return errSecParam;
	for (CFIndex i = 0; i < n; i++) {
		const struct __SecPolicy *policy = item_of(policies, i);

		if (!bri_cf_check(policy, BRI_KIND_POLICY, __func__))
			return errSecParam;
		if (!chosen || policy->is_tls)
			chosen = policy;
	}
	return apply_policy(bri_sec_trust(trust), chosen);
}

/* certificates of one or an array, borrowed, malloc'd; NULL: another kind of object, or no memory
 */
static struct bri_certificate **list_of(CFTypeRef one_or_array, CFIndex n)
{
	struct bri_certificate **list = calloc((size_t)n, sizeof(struct bri_certificate *));

	for (CFIndex i = 0; list && i < n; i++) {
		list[i] = bri_sec_certificate(item_of(one_or_array, i));
		if (!bri_object_is(list[i], BRI_KIND_CERTIFICATE)) {
			free(list);
			return NULL;
		}
	}
	return list;
}

OSStatus SecTrustCreateWithCertificates(
	CFTypeRef certificates, CFTypeRef policies, SecTrustRef *trust)
{
	CFIndex n = count_of(certificates);
	struct bri_certificate **list;
	struct bri_trust *made;
	OSStatus status = errSecSuccess;

	if (!trust || n < 1 || n > BRI_CHAIN_MAX)
		return errSecParam;
	list = list_of(certificates, n);
	if (!list)
		return errSecParam;
	made = bri_trust_new(list, (size_t)n, NULL, false);
	free(list);
	if (!made)
		return errSecAllocate;
	made->any_purpose = true;
	if (policies)
		status = SecTrustSetPolicies((SecTrustRef)(void *)made, policies);
	if (status == errSecSuccess)
		*trust = (SecTrustRef)(void *)made;
	else
		bri_object_release(made);
	return status;
}

OSStatus SecTrustSetAnchorCertificates(SecTrustRef trust, CFArrayRef anchorCertificates)
{
	struct bri_trust *t = bri_sec_trust(trust);
	struct bri_certificate **list = NULL;
	CFIndex n = count_of(anchorCertificates);
	int r;

	if (!bri_cf_check(t, BRI_KIND_TRUST, __func__) || n > BRI_ANCHORS_MAX)
		return errSecParam;
	if (n > 0) {
		list = list_of(anchorCertificates, n);
		if (!list)
			return errSecParam;
	}
	r = bri_trust_set_anchors(t, list, (size_t)n);
	free(list);
	if (r < 0)
		return errSecAllocate;
	t->anchors_only = anchorCertificates != NULL; /* an empty array: nobody is trusted */
	return errSecSuccess;
}

OSStatus SecTrustSetAnchorCertificatesOnly(SecTrustRef trust, Boolean anchorCertificatesOnly)
{
	struct bri_trust *t = bri_sec_trust(trust);

	if (!bri_cf_check(t, BRI_KIND_TRUST, __func__))
		return errSecParam;
	t->anchors_only = anchorCertificatesOnly;
	t->result = BRI_NOT_EVALUATED;
	return errSecSuccess;
}

OSStatus SecTrustSetOCSPResponse(SecTrustRef trust, CFTypeRef responseData)
{
	CFDataRef data = count_of(responseData) > 0 ? item_of(responseData, 0) : NULL;

	if (!bri_cf_check(trust, BRI_KIND_TRUST, __func__) ||
		(data && !bri_cf_check(data, BRI_KIND_CF_DATA, __func__)))
		return errSecParam;
	switch (bri_trust_set_ocsp(
		bri_sec_trust(trust), data ? data->bytes : NULL, data ? data->size : 0)) {
	case 0: return errSecSuccess;
	case -ENOMEM: return errSecAllocate;
	default: return errSecParam;
	}
}

static CFErrorRef error_of(OSStatus status)
{
	CFStringRef words = SecCopyErrorMessageString(status, NULL);
	const void *key = kCFErrorLocalizedDescriptionKey, *value = words;
	CFDictionaryRef info =
		words ? CFDictionaryCreate(NULL, &key, &value, 1, &kCFTypeDictionaryKeyCallBacks,
				&kCFTypeDictionaryValueCallBacks)
		      : NULL;
	CFErrorRef error = CFErrorCreate(NULL, kCFErrorDomainOSStatus, status, info);

	CFRelease(words);
	CFRelease(info);
	return error;
}

bool SecTrustEvaluateWithError(SecTrustRef trust, CFErrorRef *error)
{
	OSStatus status = errSecParam;

	if (bri_cf_check(trust, BRI_KIND_TRUST, __func__))
		status = bri_sec_status_of(bri_trust_evaluate(bri_sec_trust(trust)));
	if (error)
		*error = status == errSecSuccess ? NULL : error_of(status);
	return status == errSecSuccess;
}

static SecTrustResultType result_of(int verdict)
{
	switch ((enum bri_verdict)verdict) {
	case BRI_TRUSTED: return kSecTrustResultUnspecified;
	case BRI_NOT_EVALUATED: return kSecTrustResultInvalid;
	case BRI_REVOKED:
	case BRI_BAD_CERTIFICATE:
	case BRI_CHAIN_INVALID: return kSecTrustResultFatalTrustFailure;
	case BRI_INTERNAL: return kSecTrustResultOtherError;
	case BRI_UNKNOWN_ROOT:
	case BRI_NO_ROOT:
	case BRI_EXPIRED:
	case BRI_NOT_YET_VALID:
	case BRI_HOST_MISMATCH:
	case BRI_BAD_OCSP: break;
	}
	return kSecTrustResultRecoverableTrustFailure;
}

OSStatus SecTrustEvaluate(SecTrustRef trust, SecTrustResultType *result)
{
	if (!bri_cf_check(trust, BRI_KIND_TRUST, __func__))
		return errSecParam;
	bri_trust_evaluate(bri_sec_trust(trust));
	if (result)
		*result = result_of(bri_sec_trust(trust)->result);
	return errSecSuccess;
}

OSStatus SecTrustGetTrustResult(SecTrustRef trust, SecTrustResultType *result)
{
	if (!result || !bri_cf_check(trust, BRI_KIND_TRUST, __func__))
		return errSecParam;
	*result = result_of(bri_sec_trust(trust)->result);
	return errSecSuccess;
}

CFIndex SecTrustGetCertificateCount(SecTrustRef trust)
{
	return bri_cf_check(trust, BRI_KIND_TRUST, __func__) ? (CFIndex)bri_sec_trust(trust)->n : 0;
}

SecCertificateRef SecTrustGetCertificateAtIndex(SecTrustRef trust, CFIndex ix)
{
	if (ix < 0 || ix >= SecTrustGetCertificateCount(trust))
		return NULL;
	return (SecCertificateRef)(void *)bri_sec_trust(trust)->chain[ix];
}

CFArrayRef SecTrustCopyCertificateChain(SecTrustRef trust)
{
	if (!bri_cf_check(trust, BRI_KIND_TRUST, __func__))
		return NULL;
	return bri_sec_chain(bri_sec_trust(trust)->chain, bri_sec_trust(trust)->n);
}

SecKeyRef SecTrustCopyKey(SecTrustRef trust)
{
	return bri_cf_check(trust, BRI_KIND_TRUST, __func__)
		       ? bri_sec_key_new(bri_sec_trust(trust)->chain[0])
		       : NULL;
}

SecKeyRef SecTrustCopyPublicKey(SecTrustRef trust)
{
	return SecTrustCopyKey(trust);
}
