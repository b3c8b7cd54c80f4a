/* Certificates and OCSP responses made for a test. */
#include "cert_util.h"

#include <arpa/inet.h>
#include <assert.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/pkcs12.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_S 86400

static void ok(int r)
{
	if (r < 0)
		bri_abort("GnuTLS: %s", gnutls_strerror(r));
}

static gnutls_x509_privkey_t make_key(unsigned int rsa_bits)
{
	gnutls_x509_privkey_t key;

	ok(gnutls_x509_privkey_init(&key));
	if (rsa_bits)
		ok(gnutls_x509_privkey_generate(key, GNUTLS_PK_RSA, rsa_bits, 0));
	else
		ok(gnutls_x509_privkey_generate(
			key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
	return key;
}

static void set_names(gnutls_x509_crt_t crt, const struct cert_spec *spec)
{
	uint8_t address[16];

	ok(gnutls_x509_crt_set_dn_by_oid(
		crt, GNUTLS_OID_X520_COMMON_NAME, 0, spec->cn, (unsigned int)strlen(spec->cn)));
	for (size_t i = 0; i < BRI_LEN(spec->dns) && spec->dns[i]; i++)
		ok(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, spec->dns[i],
			(unsigned int)strlen(spec->dns[i]), GNUTLS_FSAN_APPEND));
	if (!spec->ip)
		return;
	if (inet_pton(AF_INET, spec->ip, address) == 1)
		ok(gnutls_x509_crt_set_subject_alt_name(
			crt, GNUTLS_SAN_IPADDRESS, address, 4, GNUTLS_FSAN_APPEND));
	else if (inet_pton(AF_INET6, spec->ip, address) == 1)
		ok(gnutls_x509_crt_set_subject_alt_name(
			crt, GNUTLS_SAN_IPADDRESS, address, 16, GNUTLS_FSAN_APPEND));
}

static void set_constraint(gnutls_x509_crt_t crt, const char *permitted)
{
	gnutls_x509_name_constraints_t nc;
	gnutls_datum_t name = { (unsigned char *)permitted, (unsigned int)strlen(permitted) };

	ok(gnutls_x509_name_constraints_init(&nc));
	ok(gnutls_x509_name_constraints_add_permitted(nc, GNUTLS_SAN_DNSNAME, &name));
	ok(gnutls_x509_crt_set_name_constraints(crt, nc, 1));
	gnutls_x509_name_constraints_deinit(nc);
}

static void set_extensions(gnutls_x509_crt_t crt, const struct cert_spec *spec)
{
	static const uint8_t null_der[] = { 5, 0 };

	ok(gnutls_x509_crt_set_basic_constraints(crt, spec->ca, spec->path_len - 1));
	ok(gnutls_x509_crt_set_key_usage(crt, spec->ca ? GNUTLS_KEY_KEY_CERT_SIGN |
								 GNUTLS_KEY_CRL_SIGN |
								 GNUTLS_KEY_DIGITAL_SIGNATURE
						       : GNUTLS_KEY_DIGITAL_SIGNATURE));
	if (spec->purpose)
		ok(gnutls_x509_crt_set_key_purpose_oid(crt, spec->purpose, 0));
	if (spec->permitted_dns)
		set_constraint(crt, spec->permitted_dns);
	if (spec->weird_critical)
		ok(gnutls_x509_crt_set_extension_by_oid(
			crt, "1.3.6.1.4.1.99999.1", null_der, sizeof(null_der), 1));
}

static void set_identifiers(gnutls_x509_crt_t crt, const struct cert *issuer)
{
	uint8_t id[64];
	size_t size = sizeof(id);

	ok(gnutls_rnd(GNUTLS_RND_NONCE, id, 16));
	id[0] = (id[0] & 0x3f) | 0x40;
	ok(gnutls_x509_crt_set_serial(crt, id, 16));
	ok(gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA1, id, &size));
	ok(gnutls_x509_crt_set_subject_key_id(crt, id, size));
	if (!issuer)
		return;
	size = sizeof(id);
	ok(gnutls_x509_crt_get_key_id(issuer->crt, GNUTLS_KEYID_USE_SHA1, id, &size));
	ok(gnutls_x509_crt_set_authority_key_id(crt, id, size));
}

struct cert cert_make(const struct cert_spec *spec, const struct cert *issuer)
{
	struct cert cert = { .key = make_key(spec->rsa_bits) };
	bool dated = spec->from_s || spec->to_s;
	time_t now = time(NULL);
	gnutls_datum_t der;

	ok(gnutls_x509_crt_init(&cert.crt));
	ok(gnutls_x509_crt_set_version(cert.crt, 3));
	ok(gnutls_x509_crt_set_key(cert.crt, cert.key));
	ok(gnutls_x509_crt_set_activation_time(cert.crt, now + (dated ? spec->from_s : -DAY_S)));
	ok(gnutls_x509_crt_set_expiration_time(cert.crt, now + (dated ? spec->to_s : DAY_S)));
	set_names(cert.crt, spec);
	set_extensions(cert.crt, spec);
	set_identifiers(cert.crt, issuer);
	ok(gnutls_x509_crt_sign2(cert.crt, issuer ? issuer->crt : cert.crt,
		issuer ? issuer->key : cert.key, spec->digest ? spec->digest : GNUTLS_DIG_SHA256,
		0));
	ok(gnutls_x509_crt_export2(cert.crt, GNUTLS_X509_FMT_DER, &der));
	/* what was made has other internals than what was read: go on with the latter */
	gnutls_x509_crt_deinit(cert.crt);
	ok(gnutls_x509_crt_init(&cert.crt));
	ok(gnutls_x509_crt_import(cert.crt, &der, GNUTLS_X509_FMT_DER));
	cert.object = bri_certificate_new(der.data, der.size);
	assert(cert.object);
	gnutls_free(der.data);
	return cert;
}

void cert_free(struct cert *cert)
{
	gnutls_x509_crt_deinit(cert->crt);
	gnutls_x509_privkey_deinit(cert->key);
	bri_object_release(cert->object);
	memset(cert, 0, sizeof(*cert));
}

static char *to_string(gnutls_datum_t pem)
{
	char *text = strndup((char *)pem.data, pem.size);

	assert(text);
	gnutls_free(pem.data);
	return text;
}

char *cert_pem(const struct cert *cert)
{
	gnutls_datum_t pem;

	ok(gnutls_x509_crt_export2(cert->crt, GNUTLS_X509_FMT_PEM, &pem));
	return to_string(pem);
}

char *cert_key_pem(const struct cert *cert)
{
	gnutls_datum_t pem;

	ok(gnutls_x509_privkey_export2(cert->key, GNUTLS_X509_FMT_PEM, &pem));
	return to_string(pem);
}

static void add_bag(gnutls_pkcs12_t p12, gnutls_pkcs12_bag_t bag)
{
	ok(gnutls_pkcs12_set_bag(p12, bag));
	gnutls_pkcs12_bag_deinit(bag);
}

gnutls_datum_t cert_p12(const struct cert *own, const struct cert *const *certificates, size_t n,
	const char *password)
{
	gnutls_datum_t key_id = { (unsigned char *)"id", 2 }, out;
	unsigned char key[8192];
	gnutls_datum_t datum = { key, 0 };
	size_t size = sizeof(key);
	gnutls_pkcs12_bag_t bag;
	gnutls_pkcs12_t p12;

	ok(gnutls_pkcs12_init(&p12));
	if (n) {
		ok(gnutls_pkcs12_bag_init(&bag));
		for (size_t i = 0; i < n; i++)
			ok(gnutls_pkcs12_bag_set_crt(bag, certificates[i]->crt));
		gnutls_pkcs12_bag_set_key_id(bag, 0, &key_id);
		gnutls_pkcs12_bag_encrypt(bag, password, GNUTLS_PKCS_PBES2_AES_256);
		add_bag(p12, bag);
	}
	if (own) {
		ok(gnutls_x509_privkey_export_pkcs8(own->key, GNUTLS_X509_FMT_DER, password,
			GNUTLS_PKCS_PBES2_AES_256, key, &size));
		datum.size = (unsigned int)size;
		ok(gnutls_pkcs12_bag_init(&bag));
		ok(gnutls_pkcs12_bag_set_data(bag, GNUTLS_BAG_PKCS8_ENCRYPTED_KEY, &datum));
		gnutls_pkcs12_bag_set_key_id(bag, 0, &key_id);
		add_bag(p12, bag);
	}
	ok(gnutls_pkcs12_generate_mac(p12, password));
	ok(gnutls_pkcs12_export2(p12, GNUTLS_X509_FMT_DER, &out));
	gnutls_pkcs12_deinit(p12);
	return out;
}

struct bri_identity *cert_identity(const struct cert *cert)
{
	struct bri_identity *identity;
	gnutls_privkey_t key;

	ok(gnutls_privkey_init(&key));
	ok(gnutls_privkey_import_x509(key, cert->key, GNUTLS_PRIVKEY_IMPORT_COPY));
	identity = bri_identity_new(key, &cert->object, 1);
	if (!identity)
		bri_abort("no memory for an identity");
	return identity;
}

/* --- OCSP responses, written by hand: GnuTLS reads, but does not make them --- */

struct der {
	uint8_t bytes[4096];
	size_t n;
};

static void put(struct der *der, const void *bytes, size_t n)
{
	assert(der->n + n <= sizeof(der->bytes));
	memcpy(der->bytes + der->n, bytes, n);
	der->n += n;
}

static void put_tlv(struct der *der, uint8_t tag, const void *bytes, size_t n)
{
	uint8_t head[4] = { tag };

	if (n < 128) {
		head[1] = (uint8_t)n;
		put(der, head, 2);
	} else {
		head[1] = 0x82;
		head[2] = (uint8_t)(n >> 8);
		head[3] = (uint8_t)n;
		put(der, head, 4);
	}
	put(der, bytes, n);
}

static void wrap(struct der *der, uint8_t tag)
{
	struct der inner = *der;

	der->n = 0;
	put_tlv(der, tag, inner.bytes, inner.n);
}

static void put_time(struct der *der, time_t when)
{
	char text[32];
	struct tm tm;

	gmtime_r(&when, &tm);
	strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm);
	put_tlv(der, 0x18, text, strlen(text));
}

/* the bits of a public key: the BIT STRING at the end of SubjectPublicKeyInfo, here of P-256 */
static void hash_of_key(const struct cert *cert, uint8_t ret[static 20])
{
	gnutls_pubkey_t pub;
	gnutls_datum_t der;

	ok(gnutls_pubkey_init(&pub));
	ok(gnutls_pubkey_import_x509(pub, cert->crt, 0));
	ok(gnutls_pubkey_export2(pub, GNUTLS_X509_FMT_DER, &der));
	assert(der.size > 65);
	ok(gnutls_hash_fast(GNUTLS_DIG_SHA1, der.data + der.size - 65, 65, ret));
	gnutls_free(der.data);
	gnutls_pubkey_deinit(pub);
}

/* RFC 6960 section 4.1.1: CertID */
static void put_cert_id(struct der *der, const struct cert_ocsp_spec *spec)
{
	static const uint8_t sha1[] = { 0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0 };
	struct der id = { .n = 0 };
	gnutls_datum_t dn;
	uint8_t hash[20], serial[64];
	size_t serial_size = sizeof(serial);

	put(&id, sha1, sizeof(sha1));
	ok(gnutls_x509_crt_get_raw_dn(spec->issuer->crt, &dn));
	ok(gnutls_hash_fast(GNUTLS_DIG_SHA1, dn.data, dn.size, hash));
	gnutls_free(dn.data);
	put_tlv(&id, 4, hash, sizeof(hash));
	hash_of_key(spec->issuer, hash);
	put_tlv(&id, 4, hash, sizeof(hash));
	ok(gnutls_x509_crt_get_serial(spec->subject->crt, serial, &serial_size));
	put_tlv(&id, 2, serial, serial_size);
	put_tlv(der, 0x30, id.bytes, id.n);
}

/* RFC 6960 section 4.2.1: ResponseData */
static void put_response_data(struct der *der, const struct cert_ocsp_spec *spec)
{
	const struct cert *signer = spec->signer ? spec->signer : spec->issuer;
	struct der single = { .n = 0 }, list = { .n = 0 }, data = { .n = 0 }, when = { .n = 0 };
	time_t now = time(NULL);
	gnutls_datum_t dn;

	put_cert_id(&single, spec);
	put_time(&when, now - 60);
	if (spec->status == CERT_OCSP_REVOKED)
		put_tlv(&single, 0xa1, when.bytes, when.n);
	else
		put_tlv(&single, spec->status == CERT_OCSP_GOOD ? 0x80 : 0x82, "", 0);
	put_time(&single, now + spec->this_s);
	if (spec->next_s) {
		when.n = 0;
		put_time(&when, now + spec->next_s);
		put_tlv(&single, 0xa0, when.bytes, when.n);
	}
	put_tlv(&list, 0x30, single.bytes, single.n);
	ok(gnutls_x509_crt_get_raw_dn(signer->crt, &dn));
	put_tlv(&data, 0xa1, dn.data, dn.size);
	gnutls_free(dn.data);
	put_time(&data, now);
	put_tlv(&data, 0x30, list.bytes, list.n);
	put_tlv(der, 0x30, data.bytes, data.n);
}

static void put_signature(struct der *der, const struct cert *signer, const struct der *data)
{
	static const uint8_t ecdsa_sha256[] = { 0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3,
		2 };
	gnutls_datum_t tbs = { (unsigned char *)data->bytes, (unsigned int)data->n }, sig;
	struct der bits = { .n = 0 };
	gnutls_privkey_t key;

	ok(gnutls_privkey_init(&key));
	ok(gnutls_privkey_import_x509(key, signer->key, 0));
	ok(gnutls_privkey_sign_data2(key, GNUTLS_SIGN_ECDSA_SHA256, 0, &tbs, &sig));
	put(der, ecdsa_sha256, sizeof(ecdsa_sha256));
	put(&bits, "", 1); /* no unused bits */
	put(&bits, sig.data, sig.size);
	put_tlv(der, 3, bits.bytes, bits.n);
	gnutls_free(sig.data);
	gnutls_privkey_deinit(key);
}

uint8_t *cert_ocsp(const struct cert_ocsp_spec *spec, size_t *ret_size)
{
	static const uint8_t basic[] = { 6, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1 };
	uint8_t status = (uint8_t)spec->response_status;
	struct der data = { .n = 0 }, out = { .n = 0 }, all = { .n = 0 }, typed = { .n = 0 };
	uint8_t *copy;

	put_tlv(&all, 0x0a, &status, 1);
	if (!status) {
		const struct cert *signer = spec->signer ? spec->signer : spec->issuer;

		put_response_data(&data, spec);
		put(&out, data.bytes, data.n);
		put_signature(&out, signer, &data);
		if (spec->signer) {
			struct der certs = { .n = 0 };

			put(&certs, signer->object->der, signer->object->size);
			wrap(&certs, 0x30);
			put_tlv(&out, 0xa0, certs.bytes, certs.n);
		}
		wrap(&out, 0x30);
		put(&typed, basic, sizeof(basic));
		put_tlv(&typed, 4, out.bytes, out.n);
		wrap(&typed, 0x30);
		put_tlv(&all, 0xa0, typed.bytes, typed.n);
	}
	wrap(&all, 0x30);
	copy = malloc(all.n);
	assert(copy);
	memcpy(copy, all.bytes, all.n);
	*ret_size = all.n;
	return copy;
}
