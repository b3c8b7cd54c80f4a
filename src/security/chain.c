/* Arrays of certificates with internal references. */
#include "security/chain.h"

#include <stdlib.h>

struct bri_certificate **bri_certificates_new(struct bri_certificate *const *certificates, size_t n)
{
	struct bri_certificate **chain;

	for (size_t i = 0; i < n; i++) {
		if (!bri_object_is(certificates[i], BRI_KIND_CERTIFICATE))
			return NULL;
	}
	chain = calloc(n, sizeof(struct bri_certificate *));
	if (!chain)
		return NULL;
	for (size_t i = 0; i < n; i++)
		chain[i] = bri_object_get(certificates[i]);
	return chain;
}

void bri_certificates_free(struct bri_certificate **chain, size_t n)
{
	for (size_t i = 0; chain && i < n; i++)
		bri_object_put(chain[i]);
	free(chain);
}
