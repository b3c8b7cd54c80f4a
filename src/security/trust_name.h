/* Is a certificate for this name? RFC 9525. Knows nothing of chains. */
#ifndef BRI_SECURITY_TRUST_NAME_H
#define BRI_SECURITY_TRUST_NAME_H

#include <gnutls/x509.h>
#include <stdbool.h>

/* bri_trust_name_matches(): host is a DNS name or an address in text, with or without a scope. */
bool bri_trust_name_matches(gnutls_x509_crt_t crt, const char *host);

#endif
