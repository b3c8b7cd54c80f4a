/* Trust: a peer's chain, judged. Knows no protocol. */
#include "security/security.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "security/chain.h"
#include "security/ocsp.h"
#include "security/trust_name.h"
#include "security/trust_store.h"

/*
 * 112 bits of security (RSA 2048, no SHA-1 signatures): what Apple's systems ask of TLS servers
 * since 2019, and the least that RFC 9325 section 4.2 recommends.
 */
#define VERIFY_FLAGS ((unsigned int)GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM))

struct work { /* of one evaluation */
	const struct bri_trust *trust;
	gnutls_x509_crt_t chain[BRI_CHAIN_MAX];
	unsigned int n;
	gnutls_x509_trust_list_t own; /* the trust's anchors; NULL: none */
	gnutls_x509_trust_list_t sys; /* shared; NULL: not asked */
	int64_t now;
};

static void destroy(struct bri_object *obj)
{
	struct bri_trust *trust = bri_container_of(obj, struct bri_trust, base);

	bri_certificates_free(trust->chain, trust->n);
	bri_certificates_free(trust->anchors, trust->n_anchors);
	free(trust->host);
	free(trust->ocsp);
	free(trust);
}

static const struct bri_class trust_class = {
	.name = "sec_trust",
	.kind = BRI_KIND_TRUST,
	.destroy = destroy,
};

struct bri_trust *bri_trust_new(struct bri_certificate *const *certificates, size_t n,
	const char *host, bool peer_is_client)
{
	struct bri_trust *trust;

	if (!certificates || n == 0 || n > BRI_CHAIN_MAX)
		return NULL;
	trust = bri_object_new(&trust_class, sizeof(*trust));
	if (!trust)
		return NULL;
	trust->result = BRI_NOT_EVALUATED;
	trust->peer_is_client = peer_is_client;
	trust->chain = bri_certificates_new(certificates, n);
	trust->n = trust->chain ? n : 0;
	trust->host = host ? strdup(host) : NULL;
	if (!trust->chain || (host && !trust->host)) {
		bri_object_release(trust);
		return NULL;
	}
	return trust;
}

int bri_trust_set_ocsp(struct bri_trust *trust, const void *response, size_t size)
{
	uint8_t *copy = NULL;

	if (size > BRI_OCSP_MAX)
		return -EMSGSIZE;
	if (size > 0) {
		copy = malloc(size);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, response, size);
	}
	free(trust->ocsp);
	trust->ocsp = copy;
	trust->ocsp_size = size;
	trust->result = BRI_NOT_EVALUATED;
	return 0;
}

int bri_trust_set_anchors(struct bri_trust *trust, struct bri_certificate *const *anchors, size_t n)
{
	struct bri_certificate **copy = NULL;

	if (n > BRI_ANCHORS_MAX)
		return -E2BIG;
	if (n > 0) {
		copy = bri_certificates_new(anchors, n);
		if (!copy)
			return -ENOMEM;
	}
	bri_certificates_free(trust->anchors, trust->n_anchors);
	trust->anchors = copy;
	trust->n_anchors = n;
	trust->result = BRI_NOT_EVALUATED;
	return 0;
}

struct bri_trust *bri_trust_copy(const struct bri_trust *trust)
{
	struct bri_trust *copy =
		bri_trust_new(trust->chain, trust->n, trust->host, trust->peer_is_client);

	if (!copy)
		return NULL;
	copy->anchors_only = trust->anchors_only;
	copy->any_purpose = trust->any_purpose;
	if (bri_trust_set_ocsp(copy, trust->ocsp, trust->ocsp_size) < 0 ||
		bri_trust_set_anchors(copy, trust->anchors, trust->n_anchors) < 0) {
		bri_object_release(copy);
		return NULL;
	}
	return copy;
}

/* --- evaluation --- */

static int import_chain(struct work *work)
{
	for (size_t i = 0; i < work->trust->n; i++) {
		int r = bri_certificate_import(work->trust->chain[i], &work->chain[i]);

		if (r < 0)
			return r == -ENOMEM ? BRI_INTERNAL : BRI_BAD_CERTIFICATE;
		work->n++;
	}
	return BRI_TRUSTED;
}

/* the list of own anchors; certificates that are handed over are the list's */
static int import_anchors(struct work *work)
{
	const struct bri_trust *trust = work->trust;

	if (trust->n_anchors == 0)
		return BRI_TRUSTED;
	if (gnutls_x509_trust_list_init(&work->own, (unsigned int)trust->n_anchors) < 0) {
		work->own = NULL;
		return BRI_INTERNAL;
	}
	for (size_t i = 0; i < trust->n_anchors; i++) {
		gnutls_x509_crt_t crt;

		if (bri_certificate_import(trust->anchors[i], &crt) < 0)
			continue;
		if (gnutls_x509_trust_list_add_cas(work->own, &crt, 1, GNUTLS_TL_NO_DUPLICATES) <
			1) {
			gnutls_x509_crt_deinit(crt);
			return BRI_INTERNAL;
		}
	}
	return BRI_TRUSTED;
}

static void fini(struct work *work)
{
	for (unsigned int i = 0; i < work->n; i++)
		gnutls_x509_crt_deinit(work->chain[i]);
	if (work->own)
		gnutls_x509_trust_list_deinit(work->own, 1);
}

/*
 * Status bits to one number. What makes all else meaningless comes first: an expired certificate of
 * an unknown issuer is no certificate at all.
 */
static int judge_status(const struct work *work, unsigned int status)
{
	if (status & (GNUTLS_CERT_REVOKED | GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED))
		return BRI_REVOKED;
	if (status & GNUTLS_CERT_SIGNATURE_FAILURE)
		return BRI_CHAIN_INVALID;
	if (status & GNUTLS_CERT_SIGNER_NOT_FOUND) {
		gnutls_x509_crt_t leaf = work->chain[0];
		bool self = work->n == 1 && gnutls_x509_crt_check_issuer(leaf, leaf);

		return self ? BRI_NO_ROOT : BRI_UNKNOWN_ROOT;
	}
	if (status & (GNUTLS_CERT_SIGNER_NOT_CA | GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE |
			     GNUTLS_CERT_MISMATCH))
		return BRI_CHAIN_INVALID;
	if (status & GNUTLS_CERT_EXPIRED)
		return BRI_EXPIRED;
	if (status & GNUTLS_CERT_NOT_ACTIVATED)
		return BRI_NOT_YET_VALID;
	if (status & (GNUTLS_CERT_INSECURE_ALGORITHM | GNUTLS_CERT_PURPOSE_MISMATCH |
			     GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS))
		return BRI_BAD_CERTIFICATE;
	return status ? BRI_CHAIN_INVALID : BRI_TRUSTED;
}

static int verify_against(struct work *work, gnutls_x509_trust_list_t list)
{
	const char *purpose =
		work->trust->peer_is_client ? GNUTLS_KP_TLS_WWW_CLIENT : GNUTLS_KP_TLS_WWW_SERVER;
	gnutls_typed_vdata_st data = {
		.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)purpose,
		.size = (unsigned int)strlen(purpose),
	};
	unsigned int count = work->trust->any_purpose ? 0 : 1;
	unsigned int status = 0;
	int r = gnutls_x509_trust_list_verify_crt2(
		list, work->chain, work->n, &data, count, VERIFY_FLAGS, &status, NULL);

	if (r == GNUTLS_E_MEMORY_ERROR)
		return BRI_INTERNAL;
	return r < 0 ? BRI_CHAIN_INVALID : judge_status(work, status);
}

/* own anchors first. Of two refusals the one that got further up the chain says more. */
static int verify_path(struct work *work)
{
	int own = BRI_UNKNOWN_ROOT;

	if (work->own || !work->sys) {
		gnutls_x509_trust_list_t empty = NULL;

		if (!work->own && gnutls_x509_trust_list_init(&empty, 0) < 0)
			return BRI_INTERNAL;
		own = verify_against(work, work->own ? work->own : empty);
		if (empty)
			gnutls_x509_trust_list_deinit(empty, 0);
		if (own == BRI_TRUSTED || !work->sys ||
			(own != BRI_UNKNOWN_ROOT && own != BRI_NO_ROOT))
			return own;
	}
	return verify_against(work, work->sys);
}

/* leaf's issuer: out of the chain, or an anchor. NULL: not found. *ret_owned: the caller deinits */
static gnutls_x509_crt_t find_issuer(struct work *work, bool *ret_owned)
{
	gnutls_x509_trust_list_t lists[] = { work->own, work->sys };
	gnutls_x509_crt_t issuer;

	*ret_owned = false;
	for (unsigned int i = 1; i < work->n; i++) {
		if (gnutls_x509_crt_check_issuer(work->chain[0], work->chain[i]))
			return work->chain[i];
	}
	for (size_t i = 0; i < BRI_LEN(lists); i++) {
		if (lists[i] && gnutls_x509_trust_list_get_issuer(lists[i], work->chain[0], &issuer,
					GNUTLS_TL_GET_COPY) == 0) {
			*ret_owned = true;
			return issuer;
		}
	}
	return NULL;
}

static int check_staple(struct work *work)
{
	const struct bri_trust *trust = work->trust;
	gnutls_x509_crt_t issuer;
	bool owned;
	int verdict;

	if (trust->ocsp_size == 0)
		return BRI_TRUSTED;
	issuer = find_issuer(work, &owned);
	verdict = bri_ocsp_check(trust->ocsp, trust->ocsp_size, work->chain[0], issuer, work->now);
	if (owned)
		gnutls_x509_crt_deinit(issuer);
	return verdict;
}

static int evaluate(struct work *work)
{
	const struct bri_trust *trust = work->trust;
	int verdict = import_chain(work);

	if (verdict == BRI_TRUSTED)
		verdict = import_anchors(work);
	if (verdict == BRI_TRUSTED)
		verdict = verify_path(work);
	if (verdict == BRI_TRUSTED)
		verdict = check_staple(work);
	if (verdict == BRI_TRUSTED && trust->host && !trust->any_purpose &&
		!bri_trust_name_matches(work->chain[0], trust->host))
		verdict = BRI_HOST_MISMATCH;
	return verdict;
}

int bri_trust_evaluate(struct bri_trust *trust)
{
	struct work work = {
		.trust = trust,
		.sys = trust->anchors_only ? NULL : bri_trust_store_system(),
		.now = time(NULL),
	};

	trust->result = evaluate(&work);
	fini(&work);
	return trust->result;
}
