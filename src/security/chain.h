/* Arrays of certificates with internal references. Knows nothing of what they are for. */
#ifndef BRI_SECURITY_CHAIN_H
#define BRI_SECURITY_CHAIN_H

#include "security/security.h"

/* bri_certificates_new(): a copy of the array, each retained. NULL: no memory, or one is NULL. n >
 * 0. */
struct bri_certificate **bri_certificates_new(
	struct bri_certificate *const *certificates, size_t n);
/* bri_certificates_free(): NULL is harmless. */
void bri_certificates_free(struct bri_certificate **chain, size_t n);

#endif
