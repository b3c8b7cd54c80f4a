/* SecPKCS12Import. */
#include "security/load.h"

BRI_CF_CONSTANT(kSecImportExportPassphrase, "passphrase");
BRI_CF_CONSTANT(kSecImportItemIdentity, "identity");
BRI_CF_CONSTANT(kSecImportItemCertChain, "chain");
BRI_CF_CONSTANT(kSecImportItemTrust, "trust");

static OSStatus status_of(braid_security_status_t status)
{
	switch (status) {
	case braid_security_ok: return errSecSuccess;
	case braid_security_no_memory: return errSecAllocate;
	case braid_security_no_key:
	case braid_security_no_certificate:
	case braid_security_key_mismatch: return errSecItemNotFound;
	case braid_security_password: return errSecAuthFailed;
	default: return errSecDecode;
	}
}

/* the only item: identity, chain and trust; +1 or NULL */
static CFArrayRef make_items(struct bri_identity *identity)
{
	CFArrayRef chain = bri_sec_chain(identity->chain, identity->n), items = NULL;
	struct bri_trust *trust = bri_trust_new(identity->chain, identity->n, NULL, false);
	const void *keys[] = { kSecImportItemIdentity, kSecImportItemCertChain,
		kSecImportItemTrust };
	const void *values[] = { identity, chain, trust };
	CFDictionaryRef item = NULL;

	if (chain && trust) {
		trust->any_purpose = true;
		item = CFDictionaryCreate(NULL, keys, values, 3, &kCFTypeDictionaryKeyCallBacks,
			&kCFTypeDictionaryValueCallBacks);
	}
	if (item) {
		const void *only = item;

		items = CFArrayCreate(NULL, &only, 1, &kCFTypeArrayCallBacks);
	}
	CFRelease(item);
	CFRelease(chain);
	bri_object_release(trust);
	return items;
}

OSStatus SecPKCS12Import(CFDataRef pkcs12_data, CFDictionaryRef options, CFArrayRef *items)
{
	CFStringRef password = NULL;
	struct bri_identity *identity;
	braid_security_status_t status;

	if (!items || !bri_cf_check(pkcs12_data, BRI_KIND_CF_DATA, __func__) ||
		(options && !bri_cf_check(options, BRI_KIND_CF_DICTIONARY, __func__)))
		return errSecParam;
	if (options)
		password = CFDictionaryGetValue(options, kSecImportExportPassphrase);
	if (password && !bri_cf_check(password, BRI_KIND_CF_STRING, __func__))
		return errSecParam;
	status = bri_load_pkcs12(
		pkcs12_data->bytes, pkcs12_data->size, password ? password->text : NULL, &identity);
	if (status != braid_security_ok)
		return status_of(status);
	*items = make_items(identity);
	bri_object_release(identity);
	return *items ? errSecSuccess : errSecAllocate;
}
