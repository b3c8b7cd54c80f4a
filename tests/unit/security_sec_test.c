/* The Security functions: SecCertificate, SecTrust, SecPolicy, SecKey, sec_ objects, CF errors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "security/sec.h"
#include <Network/Network.h>
#include "api/error.h"
#include "cert_util.h"

static struct cert root, leaf;
static SecCertificateRef root_ref, leaf_ref;

static int make_all(void **state)
{
	(void)state;
	setenv("SSL_CERT_FILE", "/dev/null", 1);
	root = cert_make(&(struct cert_spec) { .cn = "root", .ca = true }, NULL);
	leaf = cert_make(&(struct cert_spec) { .cn = "leaf", .dns = { "a.test" } }, &root);
	root_ref = (SecCertificateRef)(void *)root.object;
	leaf_ref = (SecCertificateRef)(void *)leaf.object;
	return 0;
}

static int free_all(void **state)
{
	(void)state;
	cert_free(&root);
	cert_free(&leaf);
	return 0;
}

static void certificate(void **state)
{
	CFDataRef data = SecCertificateCopyData(leaf_ref), serial, subject, issuer;
	SecCertificateRef copy = SecCertificateCreateWithData(NULL, data);
	CFErrorRef error = NULL;
	CFStringRef name;

	(void)state;
	assert_true(CFEqual(copy, leaf_ref));
	assert_int_equal(CFGetTypeID(copy), SecCertificateGetTypeID());
	name = SecCertificateCopySubjectSummary(copy);
	assert_true(CFEqual(name, CFSTR("leaf")));
	CFRelease(name);
	assert_int_equal(SecCertificateCopyCommonName(copy, &name), errSecSuccess);
	assert_true(CFEqual(name, CFSTR("leaf")));
	CFRelease(name);
	serial = SecCertificateCopySerialNumberData(copy, &error);
	assert_int_equal(CFDataGetLength(serial), 16);
	assert_null(error);
	assert_null(SecCertificateCopySerialNumberData(NULL, &error));
	assert_int_equal(CFErrorGetCode(error), errSecParam);
	CFRelease(error);
	issuer = SecCertificateCopyNormalizedIssuerSequence(leaf_ref);
	subject = SecCertificateCopyNormalizedSubjectSequence(root_ref);
	assert_true(CFEqual(issuer, subject));
	CFRelease(issuer);
	CFRelease(subject);
	CFRelease(serial);
	CFRelease(copy);
	CFRelease(data);
	data = CFDataCreate(NULL, (const UInt8 *)"no", 2);
	assert_null(SecCertificateCreateWithData(NULL, data));
	CFRelease(data);
	assert_null(SecCertificateCreateWithData(NULL, NULL));
	assert_null(SecCertificateCopyData(NULL));
	assert_null(SecCertificateCopySubjectSummary(NULL));
	assert_int_equal(SecCertificateCopyCommonName(NULL, &name), errSecParam);
	assert_int_equal(SecCertificateCopyCommonName(leaf_ref, NULL), errSecParam);
}

static void keys(void **state)
{
	struct cert rsa = cert_make(&(struct cert_spec) { .cn = "rsa", .rsa_bits = 2048 }, NULL);
	SecKeyRef key = SecCertificateCopyKey(leaf_ref), same = SecCertificateCopyKey(leaf_ref);
	SecKeyRef other = SecCertificateCopyKey((SecCertificateRef)(void *)rsa.object);
	CFDataRef point = SecKeyCopyExternalRepresentation(key, NULL);
	CFDataRef numbers = SecKeyCopyExternalRepresentation(other, NULL);
	CFErrorRef error = NULL;

	(void)state;
	assert_int_equal(CFGetTypeID(key), SecKeyGetTypeID());
	assert_true(CFEqual(key, same));
	assert_false(CFEqual(key, other));
	assert_int_equal(CFDataGetLength(point), 65);
	assert_int_equal(CFDataGetBytePtr(point)[0], 4);
	assert_true(CFDataGetLength(numbers) > 256);
	assert_int_equal(CFDataGetBytePtr(numbers)[0], 0x30);
	assert_null(SecKeyCopyExternalRepresentation(NULL, &error));
	assert_int_equal(CFErrorGetCode(error), errSecParam);
	assert_null(SecCertificateCopyKey(NULL));
	assert_null(SecTrustCopyKey(NULL));
	CFRelease(error);
	CFRelease(point);
	CFRelease(numbers);
	CFRelease(key);
	CFRelease(same);
	CFRelease(other);
	cert_free(&rsa);
}

static SecTrustRef make_trust(SecPolicyRef policy)
{
	SecTrustRef trust = NULL;

	assert_int_equal(SecTrustCreateWithCertificates(leaf_ref, policy, &trust), errSecSuccess);
	CFRelease(policy);
	return trust;
}

static void set_anchor(SecTrustRef trust, SecCertificateRef certificate)
{
	CFMutableArrayRef anchors = CFArrayCreateMutable(NULL, 0, &kCFTypeArrayCallBacks);

	CFArrayAppendValue(anchors, certificate);
	assert_int_equal(SecTrustSetAnchorCertificates(trust, anchors), errSecSuccess);
	assert_int_equal(SecTrustSetAnchorCertificatesOnly(trust, true), errSecSuccess);
	CFRelease(anchors);
}

static void trusting(void **state)
{
	SecTrustRef trust = make_trust(SecPolicyCreateSSL(true, CFSTR("a.test")));
	SecTrustResultType result = 99;
	CFErrorRef error = NULL;
	CFStringRef text;

	(void)state;
	assert_int_equal(SecTrustGetTrustResult(trust, &result), errSecSuccess);
	assert_int_equal(result, kSecTrustResultInvalid);
	assert_false(SecTrustEvaluateWithError(trust, &error));
	assert_int_equal(CFErrorGetCode(error), errSecNotTrusted);
	assert_true(CFEqual(CFErrorGetDomain(error), kCFErrorDomainOSStatus));
	text = CFErrorCopyDescription(error);
	assert_true(CFStringGetLength(text) > 0);
	CFRelease(text);
	CFRelease(error);
	SecTrustGetTrustResult(trust, &result);
	assert_int_equal(result, kSecTrustResultRecoverableTrustFailure);
	set_anchor(trust, root_ref);
	assert_true(SecTrustEvaluateWithError(trust, &error));
	assert_null(error);
	assert_true(SecTrustEvaluateWithError(trust, NULL));
	assert_int_equal(SecTrustEvaluate(trust, &result), errSecSuccess);
	assert_int_equal(result, kSecTrustResultUnspecified);
	/* the system's again, who know nobody here */
	assert_int_equal(SecTrustSetAnchorCertificates(trust, NULL), errSecSuccess);
	assert_false(SecTrustEvaluateWithError(trust, NULL));
	CFRelease(trust);
}

static void policies(void **state)
{
	SecTrustRef trust = make_trust(SecPolicyCreateSSL(true, CFSTR("b.test")));
	SecPolicyRef basic = SecPolicyCreateBasicX509(),
		     tls = SecPolicyCreateSSL(true, CFSTR("a.test"));
	const void *both[] = { basic, tls };
	CFArrayRef list = CFArrayCreate(NULL, both, 2, &kCFTypeArrayCallBacks);
	CFErrorRef error;

	(void)state;
	set_anchor(trust, root_ref);
	assert_false(SecTrustEvaluateWithError(trust, &error));
	assert_int_equal(CFErrorGetCode(error), errSecHostNameMismatch);
	CFRelease(error);
	assert_int_equal(SecTrustSetPolicies(trust, basic), errSecSuccess);
	assert_true(SecTrustEvaluateWithError(trust, NULL));
	assert_int_equal(SecTrustSetPolicies(trust, list), errSecSuccess);
	assert_true(SecTrustEvaluateWithError(trust, NULL));
	assert_string_equal(bri_sec_trust(trust)->host, "a.test");
	assert_int_equal(SecTrustSetPolicies(trust, leaf_ref), errSecParam);
	assert_int_equal(SecTrustSetPolicies(trust, NULL), errSecParam);
	assert_int_equal(SecTrustSetPolicies(NULL, basic), errSecParam);
	assert_int_equal(CFGetTypeID(basic), SecPolicyGetTypeID());
	CFRelease(list);
	CFRelease(basic);
	CFRelease(tls);
	CFRelease(trust);
	CFStringRef nul = CFStringCreateWithBytes(
		NULL, (const UInt8 *)"a.test\0.b", 9, kCFStringEncodingUTF8, false);
	assert_null(SecPolicyCreateSSL(true, nul)); /* not a name that ends at the NUL */
	CFRelease(nul);
}

static void chains(void **state)
{
	const void *certificates[] = { leaf_ref, root_ref };
	CFArrayRef list = CFArrayCreate(NULL, certificates, 2, &kCFTypeArrayCallBacks), chain;
	SecTrustRef trust = NULL;
	SecKeyRef a, b;
	CFDataRef staple = CFDataCreate(NULL, (const UInt8 *)"x", 1);

	(void)state;
	assert_int_equal(SecTrustCreateWithCertificates(list, NULL, &trust), errSecSuccess);
	assert_int_equal(CFGetTypeID(trust), SecTrustGetTypeID());
	assert_int_equal(SecTrustGetCertificateCount(trust), 2);
	assert_ptr_equal(SecTrustGetCertificateAtIndex(trust, 1), root_ref);
	assert_null(SecTrustGetCertificateAtIndex(trust, 2));
	assert_null(SecTrustGetCertificateAtIndex(trust, -1));
	chain = SecTrustCopyCertificateChain(trust);
	assert_true(CFEqual(chain, list));
	a = SecTrustCopyKey(trust);
	b = SecTrustCopyPublicKey(trust);
	assert_true(CFEqual(a, b));
	assert_int_equal(SecTrustSetOCSPResponse(trust, staple), errSecSuccess);
	set_anchor(trust, root_ref);
	assert_false(SecTrustEvaluateWithError(trust, NULL));
	assert_int_equal(SecTrustSetOCSPResponse(trust, NULL), errSecSuccess);
	assert_true(SecTrustEvaluateWithError(trust, NULL));
	assert_int_equal(SecTrustSetOCSPResponse(trust, trust), errSecParam);
	CFRelease(trust);
	trust = NULL;
	assert_int_equal(SecTrustCreateWithCertificates(staple, NULL, &trust), errSecParam);
	assert_int_equal(SecTrustCreateWithCertificates(NULL, NULL, &trust), errSecParam);
	assert_int_equal(SecTrustCreateWithCertificates(list, staple, &trust), errSecParam);
	assert_int_equal(SecTrustCreateWithCertificates(list, NULL, NULL), errSecParam);
	assert_null(trust);
	assert_int_equal(SecTrustGetCertificateCount(NULL), 0);
	assert_null(SecTrustCopyCertificateChain(NULL));
	assert_false(SecTrustEvaluateWithError(NULL, NULL));
	CFRelease(a);
	CFRelease(b);
	CFRelease(chain);
	CFRelease(list);
	CFRelease(staple);
}

static void count_one(void *context, sec_certificate_t one)
{
	assert_true(bri_object_is(one, BRI_KIND_CERTIFICATE));
	++*(int *)context;
}

static void sec_objects(void **state)
{
	struct bri_identity *made;
	SecIdentityRef ref;
	const void *more[] = { root_ref }, *wrong[] = { CFSTR("x") };
	CFArrayRef list = CFArrayCreate(NULL, more, 1, &kCFTypeArrayCallBacks);
	CFArrayRef bad = CFArrayCreate(NULL, wrong, 1, &kCFTypeArrayCallBacks), chain;
	sec_identity_t identity, with;
	sec_certificate_t c = sec_certificate_create(leaf_ref);
	int n = 0;

	(void)state;
	made = cert_identity(&leaf);
	ref = (SecIdentityRef)(void *)made;
	identity = sec_identity_create(ref);
	assert_ptr_equal(identity, ref);
	with = sec_identity_create_with_certificates(ref, list);
	chain = sec_identity_copy_certificates_ref(with);
	assert_int_equal(CFArrayGetCount(chain), 2);
	assert_ptr_equal(CFArrayGetValueAtIndex(chain, 0), leaf_ref);
	assert_true(sec_identity_access_certificates_f(with, &n, count_one));
	assert_int_equal(n, 2);
	assert_false(sec_identity_access_certificates_f(with, &n, NULL));
	assert_false(sec_identity_access_certificates_f(NULL, &n, count_one));
	assert_null(sec_identity_create_with_certificates(ref, bad));
	assert_null(sec_identity_create_with_certificates(ref, NULL));
	assert_null(sec_identity_create_with_certificates(NULL, list));
	assert_null(sec_identity_create((SecIdentityRef)(void *)leaf_ref));
	assert_null(sec_identity_copy_ref(NULL));
	assert_null(sec_certificate_create(NULL));
	assert_null(sec_trust_create(NULL));
	assert_null(sec_trust_copy_ref(NULL));
	assert_ptr_equal(sec_certificate_copy_ref(c), leaf_ref);
	CFRelease(leaf_ref); /* the copy */
	nw_release(c);
	CFRelease(chain);
	CFRelease(list);
	CFRelease(bad);
	nw_release(identity);
	nw_release(made);
	nw_release(with); /* the key lived on */
	assert_int_equal(CFGetRetainCount(leaf_ref), 1);
}

static void error_words(void **state)
{
	static const OSStatus known[] = { errSecSuccess, errSecParam, errSecNotTrusted,
		errSSLProtocol, errSSLPeerCertRevoked, errSSLUnrecognizedName };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(known); i++)
		assert_non_null(bri_sec_words(known[i]));
	assert_string_equal(
		bri_sec_words(errSSLHostNameMismatch), "the certificate is for another name");
	assert_string_equal(bri_sec_words(errSSLUnrecognizedName), "unrecognized name");
	assert_null(bri_sec_words(errSSLUnrecognizedName - 1));
	assert_null(bri_sec_words(-9799));
	assert_null(bri_sec_words(INT32_MIN));
	CFStringRef text = SecCopyErrorMessageString(12345, NULL);
	assert_true(CFEqual(text, CFSTR("OSStatus 12345")));
	CFRelease(text);
}

static void cf_errors(void **state)
{
	static const struct {
		nw_error_domain_t domain;
		int code;
		const char *words;
	} cases[] = {
		{ nw_error_domain_posix, ECONNREFUSED, "Connection refused" },
		{ nw_error_domain_tls, -9843, "the certificate is for another name" },
		{ nw_error_domain_dns, -65554, "(kNWErrorDomainDNS error -65554)" },
	};
	const CFStringRef domains[] = { kNWErrorDomainPOSIX, kNWErrorDomainTLS, kNWErrorDomainDNS };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		nw_error_t error = bri_error_new(cases[i].domain, cases[i].code);
		CFErrorRef cf = nw_error_copy_cf_error(error);
		CFStringRef text = CFErrorCopyDescription(cf);

		assert_true(CFEqual(CFErrorGetDomain(cf), domains[i]));
		assert_int_equal(CFErrorGetCode(cf), cases[i].code);
		assert_non_null(
			strstr(CFStringGetCStringPtr(text, kCFStringEncodingUTF8), cases[i].words));
		CFRelease(text);
		CFRelease(cf);
		nw_release(error);
	}
	assert_null(nw_error_copy_cf_error(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificate),
		cmocka_unit_test(keys),
		cmocka_unit_test(trusting),
		cmocka_unit_test(policies),
		cmocka_unit_test(chains),
		cmocka_unit_test(sec_objects),
		cmocka_unit_test(error_words),
		cmocka_unit_test(cf_errors),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}
