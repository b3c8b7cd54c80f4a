/*
 * Certificates, identities and trust with every allocation of the library failing in turn: NULL or
 * an error, never a wrong verdict, no leak, no crash. GnuTLS's own allocations are not among it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <Network/Network.h>
#include <braid/security.h>
#include "cert_util.h"
#include "malloc_util.h"
#include "security/sec.h"

#define SWEEP_MAX 500

static struct cert root, leaf, other;
static SecCertificateRef root_ref, leaf_ref;
static CFDataRef der, p12;
static CFDictionaryRef passphrase;
static char *pem, *key_pem;
static struct bri_identity *identity;
static uint8_t *staple;
static size_t staple_size;
static CFStringRef name;
static CFArrayRef both;

/* Something to release; NULL: it failed. A wrong result fails the test by itself. */
typedef const void *(*maker)(void);

static const void *certificate_of_der(void)
{
	return SecCertificateCreateWithData(NULL, der);
}

static const void *der_of_certificate(void)
{
	return SecCertificateCopyData(leaf_ref);
}

static const void *summary(void)
{
	CFStringRef text = SecCertificateCopySubjectSummary(leaf_ref);

	if (text) /* not the next best name */
		assert_string_equal(text->text, "leaf");
	return text;
}

static const void *common_name(void)
{
	CFStringRef text = NULL;
	OSStatus status = SecCertificateCopyCommonName(leaf_ref, &text);

	assert_true((status == errSecSuccess) == !!text);
	return text;
}

static const void *serial(void)
{
	CFErrorRef error = NULL;
	CFDataRef number = SecCertificateCopySerialNumberData(leaf_ref, &error);

	if (error)
		CFRelease(error);
	return number;
}

static const void *subject(void)
{
	return SecCertificateCopyNormalizedSubjectSequence(leaf_ref);
}

static const void *issuer(void)
{
	return SecCertificateCopyNormalizedIssuerSequence(leaf_ref);
}

static const void *public_key(void)
{
	return SecCertificateCopyKey(leaf_ref);
}

static const void *bytes_of_key(void)
{
	SecKeyRef key = SecCertificateCopyKey(leaf_ref);
	CFErrorRef error = NULL;
	CFDataRef bytes = key ? SecKeyCopyExternalRepresentation(key, &error) : NULL;

	if (key)
		CFRelease(key);
	if (error)
		CFRelease(error);
	return bytes;
}

static const void *words_of_status(void)
{
	return SecCopyErrorMessageString(errSecParam, NULL);
}

static const void *with_chain(void)
{
	return bri_identity_with_chain(identity, &root.object, 1);
}

static const void *chain_of_identity(void)
{
	return sec_identity_copy_certificates_ref((sec_identity_t)(void *)identity);
}

static const void *identity_of_pem(void)
{
	braid_security_status_t status = braid_security_ok;
	sec_identity_t made = braid_identity_create_from_pem(
		pem, strlen(pem), key_pem, strlen(key_pem), NULL, &status);

	assert_true((status == braid_security_ok) == !!made);
	return made;
}

static const void *items_of_pkcs12(void)
{
	CFArrayRef items = NULL;
	OSStatus status = SecPKCS12Import(p12, passphrase, &items);

	assert_true((status == errSecSuccess) == !!items);
	assert_true(items || status == errSecAllocate);
	return items;
}

static const void *certificate_of_pem(void)
{
	braid_security_status_t status = braid_security_ok;
	sec_certificate_t made = braid_certificate_create_from_pem(pem, strlen(pem), &status);

	assert_true((status == braid_security_ok) == !!made);
	return made;
}

static const void *policy(void)
{
	return SecPolicyCreateSSL(true, name);
}

static const void *trust_of_certificates(void)
{
	SecPolicyRef ssl = SecPolicyCreateSSL(true, name);
	SecTrustRef trust = NULL;

	if (ssl && SecTrustCreateWithCertificates(both, ssl, &trust) != errSecSuccess)
		assert_null(trust);
	if (ssl)
		CFRelease(ssl);
	return trust;
}

static const void *copy_of_trust(void)
{
	struct bri_trust *trust = bri_trust_new(&leaf.object, 1, "a.test", false), *copy = NULL;

	if (trust && !bri_trust_set_anchors(trust, &root.object, 1) &&
		!bri_trust_set_ocsp(trust, staple, staple_size))
		copy = bri_trust_copy(trust);
	bri_object_release(trust);
	return copy;
}

static const void *anchors_of_pem(void)
{
	sec_trust_t trust = braid_trust_create(
		(const sec_certificate_t *)(const void *)&leaf.object, 1, "a.test", false);

	if (trust && braid_trust_set_anchors_from_pem(trust, pem, strlen(pem), true)) {
		sec_release(trust);
		return NULL;
	}
	return trust;
}

static void sweep(const char *what, maker make)
{
	bool failed = true;

	for (long at = 1; failed; at++) {
		const void *made;

		assert_true(at < SWEEP_MAX);
		malloc_fail(at);
		made = make();
		failed = malloc_failed();
		if (!made && !failed)
			fail_msg("%s: NULL, though nothing failed", what);
		if (made)
			CFRelease(made);
	}
}

static void every_allocation_may_fail(void **state)
{
	static const struct {
		const char *what;
		maker make;
	} cases[] = {
		{ "certificate_of_der", certificate_of_der },
		{ "der_of_certificate", der_of_certificate },
		{ "summary", summary },
		{ "common_name", common_name },
		{ "serial", serial },
		{ "subject", subject },
		{ "issuer", issuer },
		{ "public_key", public_key },
		{ "bytes_of_key", bytes_of_key },
		{ "words_of_status", words_of_status },
		{ "with_chain", with_chain },
		{ "chain_of_identity", chain_of_identity },
		{ "identity_of_pem", identity_of_pem },
		{ "items_of_pkcs12", items_of_pkcs12 },
		{ "certificate_of_pem", certificate_of_pem },
		{ "policy", policy },
		{ "trust_of_certificates", trust_of_certificates },
		{ "copy_of_trust", copy_of_trust },
		{ "anchors_of_pem", anchors_of_pem },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		sweep(cases[i].what, cases[i].make);
}

/* --- verdicts --- */

/* A chain that is bad stays bad, whatever fails; a good one is good, or there is no memory. */
static void judge(struct bri_certificate *certificate, const char *host, int expected)
{
	struct bri_trust *trust = bri_trust_new(&certificate, 1, host, false);
	bool failed = true;

	assert_int_equal(bri_trust_set_anchors(trust, &root.object, 1), 0);
	assert_int_equal(bri_trust_set_ocsp(trust, staple, staple_size), 0);
	trust->anchors_only = true;
	for (long at = 1; failed; at++) {
		int verdict;

		assert_true(at < SWEEP_MAX);
		malloc_fail(at);
		verdict = bri_trust_evaluate(trust);
		failed = malloc_failed();
		if (verdict != expected && !(failed && verdict != BRI_TRUSTED))
			fail_msg("%d, allocation %ld: %d", expected, at, verdict);
	}
	bri_object_release(trust);
}

static void no_failure_makes_a_bad_chain_good(void **state)
{
	(void)state;
	judge(leaf.object, "a.test", BRI_TRUSTED);
	judge(leaf.object, "b.test", BRI_HOST_MISMATCH);
	judge(other.object, "a.test", BRI_NO_ROOT);
}

/* The public form: the error says so, and is none when the chain is good. */
static void evaluations_with_errors(void **state)
{
	SecPolicyRef ssl = SecPolicyCreateSSL(true, name);
	SecTrustRef trust = NULL;
	bool failed = true;

	(void)state;
	assert_int_equal(SecTrustCreateWithCertificates(leaf_ref, ssl, &trust), errSecSuccess);
	assert_int_equal(SecTrustSetAnchorCertificates(trust, NULL), errSecSuccess);
	for (long at = 1; failed; at++) {
		CFErrorRef error = NULL;

		assert_true(at < SWEEP_MAX);
		malloc_fail(at);
		assert_false(SecTrustEvaluateWithError(trust, &error));
		failed = malloc_failed();
		assert_true(error || failed);
		if (error)
			CFRelease(error);
	}
	CFRelease(ssl);
	CFRelease(trust);
}

/* What was set before stays when the new cannot be kept. */
static void setters_keep_what_there_was(void **state)
{
	struct bri_trust *trust = bri_trust_new(&leaf.object, 1, "a.test", false);
	bool failed = true;

	(void)state;
	assert_int_equal(bri_trust_set_anchors(trust, &root.object, 1), 0);
	assert_int_equal(bri_trust_set_ocsp(trust, staple, staple_size), 0);
	for (long at = 1; failed; at++) {
		struct bri_certificate *anchors[] = { other.object, root.object };
		int r, s;

		assert_true(at < SWEEP_MAX);
		malloc_fail(at);
		r = bri_trust_set_anchors(trust, anchors, 2);
		s = bri_trust_set_ocsp(trust, "x", 1);
		failed = malloc_failed();
		assert_true(r == 0 || (r == -ENOMEM && trust->n_anchors == 1));
		assert_true(s == 0 || (s == -ENOMEM && trust->ocsp_size == staple_size));
		assert_int_equal(bri_trust_set_anchors(trust, &root.object, 1), 0);
		assert_int_equal(bri_trust_set_ocsp(trust, staple, staple_size), 0);
	}
	bri_object_release(trust);
}

static int make_all(void **state)
{
	const struct cert *const chain[] = { &leaf, &root };
	const void *certificates[2], *key, *secret;
	gnutls_datum_t file;

	(void)state;
	setenv("SSL_CERT_FILE", "/dev/null", 1);
	root = cert_make(&(struct cert_spec) { .cn = "root", .ca = true }, NULL);
	leaf = cert_make(&(struct cert_spec) { .cn = "leaf", .dns = { "a.test" } }, &root);
	other = cert_make(&(struct cert_spec) { .cn = "other", .dns = { "a.test" } }, NULL);
	root_ref = (SecCertificateRef)(void *)root.object;
	leaf_ref = (SecCertificateRef)(void *)leaf.object;
	der = SecCertificateCopyData(leaf_ref);
	pem = cert_pem(&leaf);
	key_pem = cert_key_pem(&leaf);
	identity = cert_identity(&leaf);
	staple = cert_ocsp(
		&(struct cert_ocsp_spec) {
			.next_s = 3600, .this_s = -60, .subject = &leaf, .issuer = &root },
		&staple_size);
	name = CFSTR("a.test");
	file = cert_p12(&leaf, chain, 2, "secret");
	p12 = CFDataCreate(NULL, file.data, file.size);
	gnutls_free(file.data);
	key = kSecImportExportPassphrase;
	secret = CFSTR("secret");
	passphrase = CFDictionaryCreate(NULL, &key, &secret, 1, &kCFTypeDictionaryKeyCallBacks,
		&kCFTypeDictionaryValueCallBacks);
	certificates[0] = leaf_ref;
	certificates[1] = root_ref;
	both = CFArrayCreate(NULL, certificates, 2, &kCFTypeArrayCallBacks);
	return 0;
}

static int free_all(void **state)
{
	(void)state;
	CFRelease(der);
	CFRelease(p12);
	CFRelease(passphrase);
	CFRelease(both);
	bri_object_release(identity);
	free(pem);
	free(key_pem);
	free(staple);
	cert_free(&root);
	cert_free(&leaf);
	cert_free(&other);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(no_failure_makes_a_bad_chain_good),
		cmocka_unit_test(evaluations_with_errors),
		cmocka_unit_test(setters_keep_what_there_was),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}
