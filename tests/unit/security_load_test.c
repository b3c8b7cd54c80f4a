/* <braid/security.h>: identities and anchors out of PEM, PKCS #12 and tokens, good and bad. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "security/load.h"
#include <Network/Network.h>
#include "cert_util.h"

static struct cert root, leaf;   /* of PEM tests */
static struct cert middle, deep; /* root -> middle -> deep: of PKCS #12 tests */
static char *root_pem, *leaf_pem, *leaf_key, *root_key, *both_pem, *encrypted_key;

static char *join(const char *a, const char *b)
{
	char *text;

	assert_true(asprintf(&text, "%s%s", a, b) > 0);
	return text;
}

static char *encrypt(const struct cert *cert, const char *password)
{
	char *pem = malloc(16384);
	size_t size = 16384;

	assert_int_equal(gnutls_x509_privkey_export_pkcs8(cert->key, GNUTLS_X509_FMT_PEM, password,
				 GNUTLS_PKCS_PBES2_AES_256, pem, &size),
		0);
	pem[size] = '\0';
	return pem;
}

static int make_all(void **state)
{
	(void)state;
	setenv("SSL_CERT_FILE", "/dev/null", 1); /* nobody but whom we say */
	root = cert_make(&(struct cert_spec) { .cn = "root", .ca = true }, NULL);
	leaf = cert_make(&(struct cert_spec) { .cn = "leaf", .dns = { "a.test" } }, &root);
	middle = cert_make(&(struct cert_spec) { .cn = "middle", .ca = true }, &root);
	deep = cert_make(&(struct cert_spec) { .cn = "deep" }, &middle);
	root_pem = cert_pem(&root);
	leaf_pem = cert_pem(&leaf);
	leaf_key = cert_key_pem(&leaf);
	root_key = cert_key_pem(&root);
	both_pem = join(leaf_pem, root_pem);
	encrypted_key = encrypt(&leaf, "secret");
	return 0;
}

static int free_all(void **state)
{
	char *texts[] = { root_pem, leaf_pem, leaf_key, root_key, both_pem, encrypted_key };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(texts); i++)
		free(texts[i]);
	cert_free(&root);
	cert_free(&leaf);
	cert_free(&middle);
	cert_free(&deep);
	return 0;
}

/* loads, checks that the leaf comes first, and frees. The status, and how many certificates */
static braid_security_status_t load(
	const char *certificates, const char *key, const char *password, size_t *ret_n)
{
	braid_security_status_t status = -1;
	sec_identity_t identity = braid_identity_create_from_pem(
		certificates, strlen(certificates), key, key ? strlen(key) : 0, password, &status);

	assert_int_equal(identity != NULL, status == braid_security_ok);
	if (identity) {
		struct bri_identity *inside = (void *)identity;

		assert_true(bri_certificate_equal(inside->chain[0], leaf.object));
		if (ret_n)
			*ret_n = inside->n;
		sec_identity_copy_ref(identity); /* one more, and both back */
		CFRelease(identity);
		CFRelease(identity);
	}
	return status;
}

static void pem(void **state)
{
	char *backwards = join(root_pem, leaf_pem), *all = join(both_pem, leaf_key);
	char *mixed = join(leaf_key, both_pem);
	size_t n = 0;

	(void)state;
	assert_int_equal(load(leaf_pem, leaf_key, NULL, &n), braid_security_ok);
	assert_int_equal(n, 1);
	assert_int_equal(load(both_pem, leaf_key, NULL, &n), braid_security_ok);
	assert_int_equal(n, 2);
	assert_int_equal(load(backwards, leaf_key, NULL, &n), braid_security_ok);
	assert_int_equal(n, 2);
	assert_int_equal(load(all, NULL, NULL, &n), braid_security_ok); /* one file */
	assert_int_equal(load(mixed, NULL, NULL, &n), braid_security_ok);
	free(backwards);
	free(all);
	free(mixed);
}

static void bad_pem(void **state)
{
	char *broken = strdup(leaf_pem), *broken_key = strdup(leaf_key);

	(void)state;
	memset(broken + strlen(broken) / 2, 'A', 8);
	memset(broken_key + strlen(broken_key) / 2, 'A', 20);
	assert_int_equal(load("", leaf_key, NULL, NULL), braid_security_no_certificate);
	assert_int_equal(load("no pem\n", leaf_key, NULL, NULL), braid_security_no_certificate);
	assert_int_equal(load(leaf_key, leaf_key, NULL, NULL), braid_security_no_certificate);
	assert_int_equal(load(leaf_pem, NULL, NULL, NULL), braid_security_no_key);
	assert_int_equal(load(leaf_pem, "", NULL, NULL), braid_security_no_key);
	assert_int_equal(load(leaf_pem, root_key, NULL, NULL), braid_security_key_mismatch);
	assert_int_not_equal(load(broken, leaf_key, NULL, NULL), braid_security_ok);
	assert_int_not_equal(load(leaf_pem, broken_key, NULL, NULL), braid_security_ok);
	assert_null(braid_identity_create_from_pem(NULL, 0, NULL, 0, NULL, NULL));
	free(broken);
	free(broken_key);
}

static void truncated_pem(void **state)
{
	size_t key_end = (size_t)(strstr(leaf_key, "-----END") - leaf_key);
	size_t pem_end = (size_t)(strstr(leaf_pem, "-----END") - leaf_pem);

	(void)state;
	for (size_t n = 0; n <= key_end; n += 3) {
		char *part = strndup(leaf_key, n);

		assert_int_not_equal(load(leaf_pem, part, NULL, NULL), braid_security_ok);
		free(part);
	}
	for (size_t n = 0; n <= pem_end; n += 3) {
		char *part = strndup(leaf_pem, n);

		assert_int_not_equal(load(part, leaf_key, NULL, NULL), braid_security_ok);
		free(part);
	}
}

static void passwords(void **state)
{
	(void)state;
	assert_int_equal(load(leaf_pem, encrypted_key, "secret", NULL), braid_security_ok);
	assert_int_equal(load(leaf_pem, encrypted_key, "wrong", NULL), braid_security_password);
	assert_int_equal(load(leaf_pem, encrypted_key, "", NULL), braid_security_password);
	assert_int_equal(load(leaf_pem, encrypted_key, NULL, NULL), braid_security_password);
	/* none is needed */
	assert_int_equal(load(leaf_pem, leaf_key, "secret", NULL), braid_security_ok);
}

static char *repeated(const char *pem, size_t n)
{
	size_t size = strlen(pem);
	char *text = malloc(n * size + 1);

	for (size_t i = 0; i < n; i++)
		memcpy(text + i * size, pem, size);
	text[n * size] = '\0';
	return text;
}

static void limits(void **state)
{
	char *most = repeated(root_pem, BRI_CHAIN_MAX - 1), *fits = join(leaf_pem, most);
	char *over = join(fits, root_pem);
	size_t size = BRI_LOAD_MAX + 1, n;
	char *big = malloc(size);
	braid_security_status_t status;

	(void)state;
	assert_int_equal(load(fits, leaf_key, NULL, &n), braid_security_ok);
	assert_int_equal(n, BRI_CHAIN_MAX);
	assert_int_equal(load(over, leaf_key, NULL, NULL), braid_security_too_large);
	memset(big, '\n', size);
	memcpy(big, leaf_pem, strlen(leaf_pem));
	assert_null(braid_certificate_create_from_pem(big, size, &status));
	assert_int_equal(status, braid_security_too_large);
	sec_certificate_t c = braid_certificate_create_from_pem(big, size - 1, &status);
	assert_non_null(c);
	nw_release(c);
	assert_null(braid_identity_create_from_pem(
		leaf_pem, strlen(leaf_pem), big, size, NULL, &status));
	assert_int_equal(status, braid_security_too_large);
	assert_null(braid_identity_create_from_pkcs12(big, size, NULL, &status));
	assert_int_equal(status, braid_security_too_large);
	assert_null(braid_certificate_create_from_der(big, BRI_CERTIFICATE_MAX + 1, &status));
	assert_int_equal(status, braid_security_too_large);
	free(most);
	free(fits);
	free(over);
	free(big);
}

static void save(char *path, const void *bytes, size_t size)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, (const char *)bytes + done, size - done);

		assert_true(n > 0);
		done += (size_t)n;
	}
	close(fd);
}

static void files(void **state)
{
	char certs[] = "/tmp/braid-pem-XXXXXX", key[] = "/tmp/braid-key-XXXXXX";
	char huge[] = "/tmp/braid-huge-XXXXXX";
	char *big = calloc(1, BRI_LOAD_MAX + 1);
	braid_security_status_t status;
	sec_identity_t identity;

	(void)state;
	save(certs, both_pem, strlen(both_pem));
	save(key, encrypted_key, strlen(encrypted_key));
	save(huge, big, BRI_LOAD_MAX + 1);
	identity = braid_identity_create_from_pem_files(certs, key, "secret", &status);
	assert_non_null(identity);
	nw_release(identity);
	assert_null(braid_identity_create_from_pem_files(certs, key, "wrong", &status));
	assert_int_equal(status, braid_security_password);
	assert_null(braid_identity_create_from_pem_files(certs, NULL, NULL, &status));
	assert_int_equal(status, braid_security_no_key);
	errno = 0;
	assert_null(braid_identity_create_from_pem_files("/nowhere", key, NULL, &status));
	assert_int_equal(status, braid_security_cannot_read);
	assert_int_equal(errno, ENOENT);
	assert_null(braid_identity_create_from_pem_files(certs, "/nowhere", NULL, &status));
	assert_int_equal(status, braid_security_cannot_read);
	assert_null(braid_identity_create_from_pem_files("/tmp", NULL, NULL, &status));
	assert_int_equal(status, braid_security_cannot_read); /* EISDIR */
	assert_int_equal(errno, EISDIR);
	assert_null(braid_identity_create_from_pem_files(huge, NULL, NULL, &status));
	assert_int_equal(status, braid_security_too_large);
	assert_null(braid_identity_create_from_pem_files("/dev/zero", NULL, NULL, &status));
	assert_int_equal(status, braid_security_too_large);
	assert_null(braid_identity_create_from_pem_files("/dev/null", NULL, NULL, NULL));
	assert_null(braid_identity_create_from_pem_files(NULL, key, NULL, &status));
	assert_int_equal(status, braid_security_invalid_argument);
	unlink(certs);
	unlink(key);
	unlink(huge);
	free(big);
}

static gnutls_datum_t make_p12(const char *password, bool with_key, bool with_certificate)
{
	const struct cert *const certificates[] = { &deep, &root, &middle };

	return cert_p12(with_key ? &deep : NULL, certificates, with_certificate ? 3 : 0, password);
}

static braid_security_status_t load_p12(gnutls_datum_t p12, const char *password, size_t *ret_n)
{
	braid_security_status_t status = -1;
	sec_identity_t identity =
		braid_identity_create_from_pkcs12(p12.data, p12.size, password, &status);

	assert_int_equal(identity != NULL, status == braid_security_ok);
	if (identity && ret_n)
		*ret_n = ((struct bri_identity *)(void *)identity)->n;
	nw_release(identity);
	return status;
}

static void pkcs12(void **state)
{
	gnutls_datum_t good = make_p12("secret", true, true), no_key = make_p12("s", false, true);
	gnutls_datum_t no_crt = make_p12("s", true, false), part = good;
	char path[] = "/tmp/braid-p12-XXXXXX";
	braid_security_status_t status;
	sec_identity_t identity;
	size_t n = 0;

	(void)state;
	assert_int_equal(load_p12(good, "secret", &n), braid_security_ok);
	assert_int_equal(n, 2); /* roots are not sent: who needs one has it */
	assert_int_equal(load_p12(good, "wrong", NULL), braid_security_password);
	assert_int_equal(load_p12(good, NULL, NULL), braid_security_password);
	assert_int_equal(load_p12(no_key, "s", NULL), braid_security_no_key);
	assert_int_equal(
		load_p12(no_crt, "s", NULL), braid_security_no_key); /* GnuTLS tells no more */
	for (part.size = 1; part.size < good.size; part.size += 13)
		assert_int_not_equal(load_p12(part, "secret", NULL), braid_security_ok);
	save(path, good.data, good.size);
	identity = braid_identity_create_from_pkcs12_file(path, "secret", &status);
	assert_non_null(identity);
	nw_release(identity);
	unlink(path);
	assert_null(braid_identity_create_from_pkcs12_file(path, "secret", &status));
	assert_int_equal(status, braid_security_cannot_read);
	assert_null(braid_identity_create_from_pkcs12_file(NULL, NULL, &status));
	assert_null(braid_identity_create_from_pkcs12(NULL, 5, NULL, &status));
	assert_int_equal(status, braid_security_invalid_argument);
	good.data[good.size / 2] ^= 1; /* the MAC notices */
	assert_int_not_equal(load_p12(good, "secret", NULL), braid_security_ok);
	gnutls_free(good.data);
	gnutls_free(no_key.data);
	gnutls_free(no_crt.data);
}

static void import_by_security(void **state)
{
	gnutls_datum_t p12 = make_p12("secret", true, true);
	CFDataRef data = CFDataCreate(NULL, p12.data, p12.size);
	const void *key = kSecImportExportPassphrase, *good = CFSTR("secret"), *bad = CFSTR("no");
	CFDictionaryRef options = CFDictionaryCreate(NULL, &key, &good, 1,
		&kCFTypeDictionaryKeyCallBacks, &kCFTypeDictionaryValueCallBacks);
	CFDictionaryRef wrong = CFDictionaryCreate(NULL, &key, &bad, 1,
				&kCFTypeDictionaryKeyCallBacks, &kCFTypeDictionaryValueCallBacks),
			item;
	CFArrayRef items = NULL;
	SecCertificateRef own;

	(void)state;
	assert_int_equal(SecPKCS12Import(data, wrong, &items), errSecAuthFailed);
	assert_int_equal(SecPKCS12Import(data, NULL, &items), errSecAuthFailed);
	assert_int_equal(SecPKCS12Import(data, options, NULL), errSecParam);
	assert_int_equal(SecPKCS12Import(NULL, options, &items), errSecParam);
	assert_null(items);
	assert_int_equal(SecPKCS12Import(data, options, &items), errSecSuccess);
	assert_int_equal(CFArrayGetCount(items), 1);
	item = CFArrayGetValueAtIndex(items, 0);
	assert_int_equal(CFArrayGetCount(CFDictionaryGetValue(item, kSecImportItemCertChain)), 2);
	assert_int_equal(
		CFGetTypeID(CFDictionaryGetValue(item, kSecImportItemTrust)), SecTrustGetTypeID());
	assert_int_equal(
		SecIdentityCopyCertificate(
			(SecIdentityRef)CFDictionaryGetValue(item, kSecImportItemIdentity), &own),
		errSecSuccess);
	assert_true(CFEqual(own, deep.object));
	assert_int_equal(CFHash(own), CFHash(deep.object));
	CFRelease(own);
	CFRelease(items);
	CFRelease(options);
	CFRelease(wrong);
	CFRelease(data);
	gnutls_free(p12.data);
}

static void tokens(void **state)
{
	braid_security_status_t status;

	(void)state;
	/* what there is for sure is no token of that name */
	assert_null(braid_identity_create_from_pkcs11_uri(
		"pkcs11:token=braid-none;object=x;type=private", NULL, "1234", &status));
	assert_int_equal(status, braid_security_token);
	assert_null(braid_identity_create_from_pkcs11_uri(
		"pkcs11:object=x", "pkcs11:object=y;type=cert", NULL, &status));
	assert_int_equal(status, braid_security_token);
	assert_null(braid_identity_create_from_pkcs11_uri("/tmp/key", NULL, NULL, &status));
	assert_int_equal(status, braid_security_invalid_argument);
	assert_null(braid_identity_create_from_pkcs11_uri(NULL, NULL, NULL, NULL));
}

static void certificates(void **state)
{
	braid_security_status_t status;
	sec_certificate_t c =
		braid_certificate_create_from_der(leaf.object->der, leaf.object->size, &status);
	sec_certificate_t p = braid_certificate_create_from_pem(both_pem, strlen(both_pem), NULL);
	size_t size = 0;
	const void *der = braid_certificate_get_der(c, &size);

	(void)state;
	assert_int_equal(status, braid_security_ok);
	assert_int_equal(size, leaf.object->size);
	assert_memory_equal(der, leaf.object->der, size);
	assert_true(CFEqual(c, p)); /* the first */
	assert_null(braid_certificate_create_from_der("x", 1, &status));
	assert_int_equal(status, braid_security_bad_format);
	assert_null(braid_certificate_create_from_der(NULL, 1, &status));
	assert_null(braid_certificate_create_from_pem(NULL, 1, &status));
	assert_int_equal(status, braid_security_invalid_argument);
	assert_null(braid_certificate_get_der(NULL, &size));
	nw_release(c);
	CFRelease(p);
}

static void anchors(void **state)
{
	sec_certificate_t own = (sec_certificate_t)(void *)leaf.object;
	sec_trust_t trust = braid_trust_create(&own, 1, "a.test", false);
	char path[] = "/tmp/braid-ca-XXXXXX";
	char *most = repeated(root_pem, BRI_ANCHORS_MAX), *over = join(most, root_pem);

	(void)state;
	assert_int_equal(braid_trust_evaluate(trust), -9812);
	assert_int_equal(braid_trust_set_anchors_from_pem(trust, root_pem, strlen(root_pem), false),
		braid_security_ok);
	assert_int_equal(braid_trust_evaluate(trust), 0);
	assert_int_equal(braid_trust_set_anchors_from_pem(trust, "x", 1, true),
		braid_security_no_certificate);
	assert_int_equal(braid_trust_evaluate(trust), 0); /* nothing has changed */
	save(path, root_pem, strlen(root_pem));
	assert_int_equal(
		braid_trust_set_anchors_from_pem_file(trust, path, true), braid_security_ok);
	assert_int_equal(braid_trust_evaluate(trust), 0);
	unlink(path);
	assert_int_equal(braid_trust_set_anchors_from_pem_file(trust, path, true),
		braid_security_cannot_read);
	assert_int_equal(braid_trust_set_anchors_from_pem(trust, most, strlen(most), true),
		braid_security_ok);
	assert_int_equal(braid_trust_set_anchors_from_pem(trust, over, strlen(over), true),
		braid_security_too_large);
	assert_int_equal(braid_trust_set_anchors_from_pem(NULL, most, strlen(most), true),
		braid_security_invalid_argument);
	assert_int_equal(braid_trust_set_anchors_from_pem(trust, NULL, 0, true),
		braid_security_invalid_argument);
	assert_int_equal(braid_trust_set_anchors_from_pem_file(trust, NULL, true),
		braid_security_invalid_argument);
	assert_int_equal(braid_trust_evaluate(NULL), errSecParam);
	assert_null(braid_trust_create(NULL, 1, NULL, false));
	assert_null(braid_trust_create(&own, 0, NULL, false));
	nw_release(trust);
	free(most);
	free(over);
}

static void words(void **state)
{
	(void)state;
	for (int i = 0; i <= braid_security_token; i++)
		assert_string_not_equal(braid_security_status_string(i), "unknown");
	assert_string_equal(braid_security_status_string(999), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pem),
		cmocka_unit_test(bad_pem),
		cmocka_unit_test(truncated_pem),
		cmocka_unit_test(passwords),
		cmocka_unit_test(limits),
		cmocka_unit_test(files),
		cmocka_unit_test(pkcs12),
		cmocka_unit_test(import_by_security),
		cmocka_unit_test(tokens),
		cmocka_unit_test(certificates),
		cmocka_unit_test(anchors),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}
