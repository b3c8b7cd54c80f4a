/* Keys and certificates out of bytes: DER, PEM, PKCS #12. What is made must be whole. */
#include "security/load.h"

#include <string.h>

/*
 * Encrypted input names how often a hash is to be run (PBKDF2): some bytes can ask for minutes. It
 * is the user's own file, so that is no attack; but here it would be all that happens.
 */
static bool is_encrypted(const uint8_t *data, size_t size)
{
	static const uint8_t pbes2[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05 };
	static const uint8_t pkcs12_pbe[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c,
		0x01 };

	return memmem(data, size, pbes2, sizeof(pbes2)) ||
	       memmem(data, size, pkcs12_pbe, sizeof(pkcs12_pbe)) ||
	       memmem(data, size, "ENCRYPTED", 9);
}

static void use_identity(sec_identity_t identity, braid_security_status_t status)
{
	struct bri_identity *inside = bri_sec_identity(identity);

	if ((identity != NULL) != (status == braid_security_ok))
		__builtin_trap();
	if (!identity)
		return;
	if (inside->n < 1 || inside->n > BRI_CHAIN_MAX ||
		!bri_identity_fits(inside->key, inside->chain[0]))
		__builtin_trap();
	CFRelease(identity);
}

static void use_certificate(sec_certificate_t certificate)
{
	struct bri_trust *trust;
	CFTypeRef made[4];
	SecCertificateRef ref = (SecCertificateRef)(void *)certificate;

	if (!certificate)
		return;
	made[0] = SecCertificateCopySubjectSummary(ref);
	made[1] = SecCertificateCopySerialNumberData(ref, NULL);
	made[2] = SecCertificateCopyKey(ref);
	made[3] = made[2] ? SecKeyCopyExternalRepresentation((SecKeyRef)made[2], NULL) : NULL;
	for (size_t i = 0; i < BRI_LEN(made); i++)
		CFRelease(made[i]);
	/* judged by itself: the name check walks all that it says of names */
	trust = bri_trust_new(
		(struct bri_certificate *const *)(void *)&certificate, 1, "a.test", false);
	if (trust) {
		trust->anchors_only = true;
		bri_trust_set_anchors(trust, trust->chain, 1);
		bri_trust_set_ocsp(trust, "\x30\x03\x0a\x01", 4);
		bri_trust_evaluate(trust);
	}
	bri_object_release(trust);
	CFRelease(certificate);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	braid_security_status_t status;
	sec_identity_t identity;

	use_certificate(braid_certificate_create_from_der(data, size, NULL));
	use_certificate(braid_certificate_create_from_pem(data, size, NULL));
	if (is_encrypted(data, size))
		return 0;
	identity = braid_identity_create_from_pem(data, size, NULL, 0, "x", &status);
	use_identity(identity, status);
	identity = braid_identity_create_from_pkcs12(data, size, "x", &status);
	use_identity(identity, status);
	return 0;
}
