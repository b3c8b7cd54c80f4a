/* A stapled OCSP response (RFC 6960), judged. Asks no responder: revocation as far as stapled. */
#include "security/ocsp.h"

#include <gnutls/ocsp.h>
#include "security/security.h"

/* how far the responder's clock may be ahead of ours */
#define CLOCK_SKEW_S 300
/* a response without nextUpdate (RFC 6960 section 4.2.2.1) is believed for so long: public
 * responders' responses are valid for 3 to 7 days */
#define NO_NEXT_UPDATE_S (7 * 24 * 3600)

struct status {
	unsigned int code; /* gnutls_ocsp_cert_status_t */
	time_t this_update;
	time_t next_update; /* -1: none */
};

/* the response's entry for leaf; false: there is none */
static bool find_status(gnutls_ocsp_resp_t resp, gnutls_x509_crt_t leaf, struct status *ret)
{
	for (unsigned int i = 0; i < BRI_OCSP_SINGLES_MAX; i++) {
		int r = gnutls_ocsp_resp_check_crt(resp, i, leaf);

		if (r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			return false;
		if (r < 0)
			continue;
		return gnutls_ocsp_resp_get_single(resp, i, NULL, NULL, NULL, NULL, &ret->code,
			       &ret->this_update, &ret->next_update, NULL, NULL) == 0;
	}
	return false;
}

/* RFC 6960 section 3.2, points 5 and 6 */
static bool is_current(const struct status *status, int64_t now)
{
	if (status->this_update == (time_t)-1 || status->this_update > now + CLOCK_SKEW_S)
		return false;
	if (status->next_update == (time_t)-1)
		return now < status->this_update + NO_NEXT_UPDATE_S;
	return now <= status->next_update + CLOCK_SKEW_S;
}

static int judge(
	gnutls_ocsp_resp_t resp, gnutls_x509_crt_t leaf, gnutls_x509_crt_t issuer, int64_t now)
{
	struct status status;
	unsigned int why = 0;
	int outcome = gnutls_ocsp_resp_get_status(resp);

	/* "try later" and the like are not signed: worth as much as no response. GnuTLS reads
	 * some truncated ones without a complaint, and says here that there is no status. */
	if (outcome != GNUTLS_OCSP_RESP_SUCCESSFUL)
		return outcome > 0 ? BRI_TRUSTED : BRI_BAD_OCSP;
	/* RFC 6960 section 3.2, points 1 to 4 */
	if (!find_status(resp, leaf, &status) || !issuer ||
		gnutls_ocsp_resp_verify_direct(resp, issuer, &why, 0) < 0 || why != 0)
		return BRI_BAD_OCSP;
	/* revoked once is revoked for ever: an old response does as well */
	if (status.code == GNUTLS_OCSP_CERT_REVOKED)
		return BRI_REVOKED;
	return status.code == GNUTLS_OCSP_CERT_GOOD && is_current(&status, now) ? BRI_TRUSTED
										: BRI_BAD_OCSP;
}

int bri_ocsp_check(const void *response, size_t size, gnutls_x509_crt_t leaf,
	gnutls_x509_crt_t issuer, int64_t now)
{
	gnutls_datum_t datum = { .data = (unsigned char *)response, .size = (unsigned int)size };
	gnutls_ocsp_resp_t resp;
	int verdict = BRI_BAD_OCSP;

	if (gnutls_ocsp_resp_init(&resp) < 0)
		return BRI_INTERNAL;
	if (gnutls_ocsp_resp_import(resp, &datum) == 0)
		verdict = judge(resp, leaf, issuer, now);
	gnutls_ocsp_resp_deinit(resp);
	return verdict;
}
