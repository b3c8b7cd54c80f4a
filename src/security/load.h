/* Keys and certificates out of PEM, PKCS #12 and tokens. Knows no protocol. */
#ifndef BRI_SECURITY_LOAD_H
#define BRI_SECURITY_LOAD_H

#include "security/sec.h"

/*
 * A file of keys or certificates. The largest there are, bundles of all public authorities, have
 * 0.25 MiB.
 */
#define BRI_LOAD_MAX (4 * 1024 * 1024)

struct bri_load_list {
	struct bri_certificate **items; /* application references */
	size_t n;
};

void bri_load_list_free(struct bri_load_list *list);
/* bri_load_pem_list(): all certificates of a PEM text, 1 to max. */
braid_security_status_t bri_load_pem_list(
	const void *pem, size_t size, size_t max, struct bri_load_list *ret);
/* bri_load_add(): one more, of what GnuTLS has. */
braid_security_status_t bri_load_add(struct bri_load_list *list, gnutls_x509_crt_t crt);
/*
 * bri_load_identity(): takes the key on success. The certificate that fits it comes first, whatever
 * its place in the list.
 */
braid_security_status_t bri_load_identity(
	gnutls_privkey_t key, const struct bri_load_list *list, struct bri_identity **ret);
/* bri_load_file(): the whole file, malloc'd; wipe and free it with bri_load_wipe(). */
braid_security_status_t bri_load_file(const char *path, void **ret, size_t *ret_size);
void bri_load_wipe(void *bytes, size_t size);
/* bri_load_pkcs12(): +1 */
braid_security_status_t bri_load_pkcs12(
	const void *data, size_t size, const char *password, struct bri_identity **ret);

#endif
