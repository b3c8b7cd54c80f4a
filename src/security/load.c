/* What loading from PEM, PKCS #12 and tokens share: lists, files, the key's own certificate. */
#include "security/load.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_READ 16384

void bri_load_list_free(struct bri_load_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		bri_object_release(list->items[i]);
	free(list->items);
	*list = (struct bri_load_list) { 0 };
}

braid_security_status_t bri_load_add(struct bri_load_list *list, gnutls_x509_crt_t crt)
{
	struct bri_certificate *certificate, **items;
	gnutls_datum_t der;
	bool too_large;

	if (gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der) < 0)
		return braid_security_bad_format;
	too_large = der.size > BRI_CERTIFICATE_MAX;
	certificate = bri_certificate_new(der.data, der.size);
	gnutls_free(der.data);
	if (!certificate)
		return too_large ? braid_security_too_large : braid_security_no_memory;
	items = reallocarray(list->items, list->n + 1, sizeof(*items));
	if (!items) {
		bri_object_release(certificate);
		return braid_security_no_memory;
	}
	list->items = items;
	list->items[list->n++] = certificate;
	return braid_security_ok;
}

static braid_security_status_t status_of(int r)
{
	switch (r) {
	case GNUTLS_E_MEMORY_ERROR: return braid_security_no_memory;
	case GNUTLS_E_SHORT_MEMORY_BUFFER: return braid_security_too_large;
	case GNUTLS_E_NO_CERTIFICATE_FOUND:
	case GNUTLS_E_BASE64_UNEXPECTED_HEADER_ERROR: return braid_security_no_certificate;
	default: return braid_security_bad_format;
	}
}

braid_security_status_t bri_load_pem_list(
	const void *pem, size_t size, size_t max, struct bri_load_list *ret)
{
	gnutls_datum_t datum = { .data = (unsigned char *)pem, .size = (unsigned int)size };
	gnutls_x509_crt_t *crts;
	unsigned int n = 0;
	braid_security_status_t status = braid_security_ok;
	int r;

	*ret = (struct bri_load_list) { 0 };
	if (size > BRI_LOAD_MAX)
		return braid_security_too_large;
	r = gnutls_x509_crt_list_import2(&crts, &n, &datum, GNUTLS_X509_FMT_PEM, 0);
	if (r < 0)
		return status_of(r);
	if (n == 0)
		status = braid_security_no_certificate;
	else if (n > max)
		status = braid_security_too_large;
	for (unsigned int i = 0; i < n; i++) {
		if (status == braid_security_ok)
			status = bri_load_add(ret, crts[i]);
		gnutls_x509_crt_deinit(crts[i]);
	}
	gnutls_free(crts);
	if (status != braid_security_ok)
		bri_load_list_free(ret);
	return status;
}

braid_security_status_t bri_load_identity(
	gnutls_privkey_t key, const struct bri_load_list *list, struct bri_identity **ret)
{
	struct bri_certificate *ordered[BRI_CHAIN_MAX];
	size_t own = 0, n = 1;

	if (list->n > BRI_CHAIN_MAX)
		return braid_security_too_large;
	while (own < list->n && !bri_identity_fits(key, list->items[own]))
		own++;
	if (own == list->n)
		return braid_security_key_mismatch;
	ordered[0] = list->items[own];
	for (size_t i = 0; i < list->n; i++) {
		if (i != own)
			ordered[n++] = list->items[i];
	}
	*ret = bri_identity_new(key, ordered, n);
	return *ret ? braid_security_ok : braid_security_no_memory;
}

void bri_load_wipe(void *bytes, size_t size)
{
	if (bytes)
		explicit_bzero(bytes, size);
	free(bytes);
}

/* twice the room, without a copy of the key left behind by realloc; NULL: no memory */
static uint8_t *grow(uint8_t *bytes, size_t n, size_t *room)
{
	size_t more = *room ? *room * 2 : FIRST_READ;
	uint8_t *other = malloc(more);

	if (other && n > 0)
		memcpy(other, bytes, n);
	bri_load_wipe(bytes, n);
	*room = more;
	return other;
}

static braid_security_status_t read_all(int fd, void **ret, size_t *ret_size)
{
	uint8_t *bytes = NULL;
	size_t n = 0, room = 0;

	for (;;) {
		ssize_t got;

		if (n == room) {
			bytes = grow(bytes, n, &room);
			if (!bytes)
				return braid_security_no_memory;
		}
		got = read(fd, bytes + n, room - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			*ret = bytes;
			*ret_size = n;
			return got < 0 ? braid_security_cannot_read : braid_security_ok;
		}
		n += (size_t)got;
		if (n > BRI_LOAD_MAX) {
			bri_load_wipe(bytes, n);
			return braid_security_too_large;
		}
	}
}

braid_security_status_t bri_load_file(const char *path, void **ret, size_t *ret_size)
{
	braid_security_status_t status;
	void *bytes = NULL;
	size_t size = 0;
	int fd, saved;

	*ret = NULL;
	*ret_size = 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return braid_security_cannot_read;
	status = read_all(fd, &bytes, &size);
	saved = errno;
	close(fd);
	if (status == braid_security_ok) {
		*ret = bytes;
		*ret_size = size;
	} else if (status == braid_security_cannot_read) {
		bri_load_wipe(bytes, size);
	}
	errno = saved;
	return status;
}
