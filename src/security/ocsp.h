/* A stapled OCSP response (RFC 6960), judged. Knows nothing of TLS. */
#ifndef BRI_SECURITY_OCSP_H
#define BRI_SECURITY_OCSP_H

#include <gnutls/x509.h>
#include "base/base.h"

/*
 * bri_ocsp_check(): what the response says of `leaf`, at the time `now`.
 *   issuer   leaf's; the response must be signed by it, or by whom it has certified for that
 * Returns BRI_TRUSTED (good, or a response that says nothing), BRI_REVOKED, BRI_BAD_OCSP
 * (security.h).
 */
int bri_ocsp_check(const void *response, size_t size, gnutls_x509_crt_t leaf,
	gnutls_x509_crt_t issuer, int64_t now);

#endif
