/* Identities: a private key and the certificates that go with it. Knows no protocol. */
#include "security/security.h"

#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include "security/chain.h"

static void free_pcerts(gnutls_pcert_st *pcerts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		gnutls_pcert_deinit(&pcerts[i]);
	free(pcerts);
}

/* Once for all handshakes: reading a certificate takes a tenth of one. */
static gnutls_pcert_st *new_pcerts(struct bri_certificate *const *chain, size_t n)
{
	gnutls_pcert_st *pcerts = calloc(n, sizeof(*pcerts));

	for (size_t i = 0; pcerts && i < n; i++) {
		gnutls_datum_t der = { .data = (unsigned char *)(uintptr_t)chain[i]->der,
			.size = (unsigned)chain[i]->size };

		if (gnutls_pcert_import_x509_raw(&pcerts[i], &der, GNUTLS_X509_FMT_DER, 0) < 0) {
			free_pcerts(pcerts, i);
			pcerts = NULL;
		}
	}
	return pcerts;
}

static void destroy(struct bri_object *obj)
{
	struct bri_identity *identity = bri_container_of(obj, struct bri_identity, base);

	if (identity->pcerts)
		free_pcerts(identity->pcerts, identity->n);
	bri_certificates_free(identity->chain, identity->n);
	if (identity->key_owner)
		bri_object_put(identity->key_owner);
	else if (identity->key)
		gnutls_privkey_deinit(identity->key);
	if (identity->pin) {
		explicit_bzero(identity->pin, strlen(identity->pin));
		free(identity->pin);
	}
	free(identity->staple.der);
	pthread_mutex_destroy(&identity->lock);
	free(identity);
}

static const struct bri_class identity_class = {
	.name = "sec_identity",
	.kind = BRI_KIND_IDENTITY,
	.destroy = destroy,
};

struct bri_identity *bri_identity_new(
	gnutls_privkey_t key, struct bri_certificate *const *certificates, size_t n)
{
	struct bri_identity *identity;

	if (!key || !certificates || n == 0 || n > BRI_CHAIN_MAX)
		return NULL;
	identity = bri_object_new(&identity_class, sizeof(*identity));
	if (!identity)
		return NULL;
	pthread_mutex_init(&identity->lock, NULL);
	identity->chain = bri_certificates_new(certificates, n);
	if (!identity->chain) {
		bri_object_release(identity); /* has no key yet: it stays the caller's */
		return NULL;
	}
	identity->n = n;
	identity->pcerts = new_pcerts(identity->chain, n);
	identity->key = key;
	return identity;
}

/* RFC 5280 section 4.2.1.2 method: the hash of the public key. false: could not be had. */
static bool key_id_of_private(gnutls_privkey_t key, uint8_t ret[static 64], size_t *ret_size)
{
	gnutls_pubkey_t pub;
	bool ok;

	if (gnutls_pubkey_init(&pub) < 0)
		return false;
	ok = gnutls_pubkey_import_privkey(pub, key, 0, 0) == 0 &&
	     gnutls_pubkey_get_key_id(pub, GNUTLS_KEYID_USE_SHA256, ret, ret_size) == 0;
	gnutls_pubkey_deinit(pub);
	return ok;
}

bool bri_identity_fits(gnutls_privkey_t key, const struct bri_certificate *certificate)
{
	uint8_t of_key[64], of_crt[64];
	size_t key_size = sizeof(of_key), crt_size = sizeof(of_crt);
	gnutls_x509_crt_t crt;
	bool known;

	/* a key in a token may keep even its public half to itself */
	if (!key_id_of_private(key, of_key, &key_size))
		return true;
	if (bri_certificate_import(certificate, &crt) < 0)
		return false;
	known = gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, of_crt, &crt_size) == 0;
	gnutls_x509_crt_deinit(crt);
	return known && key_size == crt_size && memcmp(of_key, of_crt, key_size) == 0;
}

struct bri_identity *bri_identity_with_chain(
	struct bri_identity *identity, struct bri_certificate *const *certificates, size_t n)
{
	struct bri_certificate *all[BRI_CHAIN_MAX];
	struct bri_identity *other;
	size_t count = 1;

	all[0] = identity->chain[0];
	for (size_t i = 0; i < n; i++) {
		if (certificates[i] && bri_certificate_equal(certificates[i], all[0]))
			continue;
		if (count == BRI_CHAIN_MAX)
			return NULL;
		all[count++] = certificates[i];
	}
	other = bri_identity_new(identity->key, all, count);
	if (other) {
		struct bri_identity *owner = identity->key_owner ? identity->key_owner : identity;

		other->key_owner = bri_object_get(owner);
		bri_identity_copy_staple(identity, &other->staple);
	}
	return other;
}
