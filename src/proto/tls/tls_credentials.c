/* Certificates, private keys and pre-shared keys of one engine. Knows nothing of trust. */
#include "proto/tls/tls_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int bri_tls_errno(int gnutls_error)
{
	if (gnutls_error >= 0)
		return 0;
	return gnutls_error == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EINVAL;
}

/* --- certificates --- */

static bool copy_datum(gnutls_datum_t *to, const gnutls_datum_t *from)
{
	to->data = gnutls_malloc(from->size ? from->size : 1);
	if (!to->data)
		return false;
	if (from->size)
		memcpy(to->data, from->data, from->size);
	to->size = from->size;
	return true;
}

static void drop_names(struct bri_tls *tls)
{
	for (size_t i = 0; i < tls->n_names; i++)
		gnutls_free(tls->names[i].data);
	free(tls->names);
	tls->names = NULL;
	tls->n_names = 0;
}

static void keep_names(struct bri_tls *tls, const struct gnutls_cert_retr_st *info)
{
	size_t n = bri_min_size(info->nreqs, BRI_TLS_NAMES_MAX);

	drop_names(tls);
	tls->names = n ? calloc(n, sizeof(*tls->names)) : NULL;
	while (tls->names && tls->n_names < n &&
		copy_datum(&tls->names[tls->n_names], &info->req_ca_rdn[tls->n_names]))
		tls->n_names++;
}

static int retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
	gnutls_pcert_st **ret_certs, unsigned int *ret_n, gnutls_ocsp_data_st **ret_ocsp,
	unsigned int *ret_n_ocsp, gnutls_privkey_t *ret_key, unsigned int *ret_flags)
{
	struct bri_tls *tls = gnutls_session_get_ptr(session);

	if (!tls->server) {
		keep_names(tls, info);
		tls->wants_identity = true;
		if (tls->on_certificate_request)
			tls->on_certificate_request(tls->context);
	}
	*ret_certs = tls->pcerts;
	*ret_n = (unsigned)tls->n_pcerts;
	*ret_key = tls->n_pcerts ? tls->key : NULL;
	*ret_ocsp = tls->staple.response.data ? &tls->staple : NULL;
	*ret_n_ocsp = tls->staple.response.data ? 1 : 0;
	*ret_flags = 0; /* all of it stays ours */
	return 0;
}

static void drop_identity(struct bri_tls *tls)
{
	for (size_t i = 0; i < tls->n_pcerts && !tls->pcerts_borrowed; i++)
		gnutls_pcert_deinit(&tls->pcerts[i]);
	if (!tls->pcerts_borrowed)
		free(tls->pcerts);
	tls->pcerts_borrowed = false;
	tls->pcerts = NULL;
	tls->n_pcerts = 0;
	tls->key = NULL;
	gnutls_free(tls->staple.response.data);
	tls->staple = (gnutls_ocsp_data_st) { 0 };
}

static int copy_staple(struct bri_tls *tls, const struct bri_tls_identity *identity)
{
	gnutls_datum_t der = { .data = (unsigned char *)(uintptr_t)identity->staple.bytes,
		.size = (unsigned)identity->staple.size };

	if (!der.size || !tls->server)
		return 0;
	tls->staple.exptime = identity->staple_expires_s;
	return copy_datum(&tls->staple.response, &der) ? 0 : -ENOMEM;
}

static int read_chain(struct bri_tls *tls, const struct bri_tls_identity *identity)
{
	tls->pcerts = calloc(identity->n, sizeof(*tls->pcerts));
	if (!tls->pcerts)
		return -ENOMEM;
	for (size_t i = 0; i < identity->n; i++) {
		gnutls_datum_t der = { .data = (unsigned char *)(uintptr_t)identity->chain[i].bytes,
			.size = (unsigned)identity->chain[i].size };
		int r = bri_tls_errno(gnutls_pcert_import_x509_raw(
			&tls->pcerts[i], &der, GNUTLS_X509_FMT_DER, 0));

		if (r < 0) {
			drop_identity(tls);
			return r;
		}
		tls->n_pcerts++;
	}
	return 0;
}

int bri_tls_set_identity(struct bri_tls *tls, const struct bri_tls_identity *identity)
{
	int r = 0;

	drop_identity(tls);
	if (!identity || !identity->key)
		return 0;
	if (!identity->n || identity->n > BRI_TLS_CHAIN_MAX)
		return -EINVAL;
	if (identity->pcerts) {
		tls->pcerts = identity->pcerts;
		tls->n_pcerts = identity->n;
		tls->pcerts_borrowed = true;
	} else {
		r = read_chain(tls, identity);
	}
	if (r == 0)
		r = copy_staple(tls, identity);
	if (r == 0)
		tls->key = identity->key;
	return r;
}

static int init_certificates(struct bri_tls *tls, const struct bri_tls_config *config)
{
	int r = bri_tls_errno(gnutls_certificate_allocate_credentials(&tls->certificates));

	if (r < 0)
		return r;
	gnutls_certificate_set_retrieve_function3(tls->certificates, retrieve);
	if (tls->dh)
		gnutls_certificate_set_dh_params(tls->certificates, tls->dh);
	r = bri_tls_set_identity(tls, &config->identity);
	if (r < 0)
		return r;
	return bri_tls_errno(
		gnutls_credentials_set(tls->session, GNUTLS_CRD_CERTIFICATE, tls->certificates));
}

/* --- pre-shared keys --- */

static uint8_t *copy_bytes(uint8_t *to, struct bri_tls_bytes *bytes)
{
	if (bytes->size)
		memcpy(to, bytes->bytes, bytes->size);
	bytes->bytes = to;
	return to + bytes->size;
}

static int copy_psks(struct bri_tls *tls, const struct bri_tls_config *config)
{
	size_t n = config->n_psks, size = n * sizeof(*tls->psks);
	uint8_t *to;

	for (size_t i = 0; i < n; i++)
		size += config->psks[i].identity.size + config->psks[i].key.size;
	tls->psks = malloc(size);
	if (!tls->psks)
		return -ENOMEM;
	memcpy(tls->psks, config->psks, n * sizeof(*tls->psks));
	to = (uint8_t *)(tls->psks + n);
	for (size_t i = 0; i < n; i++) {
		to = copy_bytes(to, &tls->psks[i].identity);
		to = copy_bytes(to, &tls->psks[i].key);
	}
	tls->n_psks = n;
	tls->psks_size = size;
	return 0;
}

static const struct bri_tls_psk *find_psk(
	const struct bri_tls *tls, const void *identity, size_t size)
{
	for (size_t i = 0; i < tls->n_psks; i++) {
		if (tls->psks[i].identity.size == size &&
			!memcmp(tls->psks[i].identity.bytes, identity, size))
			return &tls->psks[i];
	}
	return NULL;
}

static bool copy_out(gnutls_datum_t *to, const struct bri_tls_bytes *from)
{
	gnutls_datum_t datum = { .data = (unsigned char *)(uintptr_t)from->bytes,
		.size = (unsigned)from->size };

	return copy_datum(to, &datum);
}

static int psk_of_client(
	gnutls_session_t session, const gnutls_datum_t *username, gnutls_datum_t *ret_key)
{
	struct bri_tls *tls = gnutls_session_get_ptr(session);
	const struct bri_tls_psk *psk = find_psk(tls, username->data, username->size);

	if (!psk)
		return 1; /* GnuTLS goes on with a random key: who guesses names learns nothing */
	tls->psk = psk;
	return copy_out(ret_key, &psk->key) ? 0 : -1;
}

static int psk_of_server(
	gnutls_session_t session, gnutls_datum_t *ret_username, gnutls_datum_t *ret_key)
{
	struct bri_tls *tls = gnutls_session_get_ptr(session);

	if (tls->on_psk_request)
		tls->on_psk_request(tls->context, gnutls_psk_client_get_hint(session));
	if (!tls->psk || !copy_out(ret_username, &tls->psk->identity))
		return -1;
	if (copy_out(ret_key, &tls->psk->key))
		return 0;
	gnutls_free(ret_username->data);
	ret_username->data = NULL;
	return -1;
}

void bri_tls_set_psk(struct bri_tls *tls, const struct bri_tls_bytes *identity)
{
	tls->psk = identity ? find_psk(tls, identity->bytes, identity->size) : NULL;
}

static int init_psk_server(struct bri_tls *tls, const struct bri_tls_config *config)
{
	int r = bri_tls_errno(gnutls_psk_allocate_server_credentials(&tls->psk_server));

	if (r < 0)
		return r;
	gnutls_psk_set_server_credentials_function2(tls->psk_server, psk_of_client);
	if (tls->dh)
		gnutls_psk_set_server_dh_params(tls->psk_server, tls->dh);
	if (config->psk_hint)
		r = bri_tls_errno(
			gnutls_psk_set_server_credentials_hint(tls->psk_server, config->psk_hint));
	if (r < 0)
		return r;
	return bri_tls_errno(gnutls_credentials_set(tls->session, GNUTLS_CRD_PSK, tls->psk_server));
}

static int init_psk_client(struct bri_tls *tls)
{
	int r = bri_tls_errno(gnutls_psk_allocate_client_credentials(&tls->psk_client));

	if (r < 0)
		return r;
	tls->psk = tls->psks; /* without a choice the first one */
	gnutls_psk_set_client_credentials_function2(tls->psk_client, psk_of_server);
	return bri_tls_errno(gnutls_credentials_set(tls->session, GNUTLS_CRD_PSK, tls->psk_client));
}

static int init_dh(struct bri_tls *tls, const struct bri_tls_bytes *params)
{
	gnutls_datum_t der = { .data = (unsigned char *)(uintptr_t)params->bytes,
		.size = (unsigned)params->size };
	int r = bri_tls_errno(gnutls_dh_params_init(&tls->dh));

	if (r < 0)
		return r;
	return bri_tls_errno(gnutls_dh_params_import_pkcs3(tls->dh, &der, GNUTLS_X509_FMT_DER));
}

int bri_tls_credentials_init(struct bri_tls *tls, const struct bri_tls_config *config)
{
	int r = 0;

	if (config->server && config->dh_params.size)
		r = init_dh(tls, &config->dh_params);
	if (r == 0)
		r = init_certificates(tls, config);
	if (r < 0 || !config->n_psks)
		return r;
	r = copy_psks(tls, config);
	if (r < 0)
		return r;
	return config->server ? init_psk_server(tls, config) : init_psk_client(tls);
}

void bri_tls_credentials_fini(struct bri_tls *tls)
{
	if (tls->certificates)
		gnutls_certificate_free_credentials(tls->certificates);
	if (tls->psk_client)
		gnutls_psk_free_client_credentials(tls->psk_client);
	if (tls->psk_server)
		gnutls_psk_free_server_credentials(tls->psk_server);
	if (tls->dh)
		gnutls_dh_params_deinit(tls->dh);
	drop_identity(tls);
	drop_names(tls);
	if (tls->psks)
		gnutls_memset(tls->psks, 0, tls->psks_size);
	free(tls->psks);
}

size_t bri_tls_names(const struct bri_tls *tls, const gnutls_datum_t **ret)
{
	*ret = tls->names;
	return tls->n_names;
}

const struct bri_tls_psk *bri_tls_psk(const struct bri_tls *tls)
{
	gnutls_kx_algorithm_t exchange = gnutls_kx_get(tls->session);
	bool used = exchange == GNUTLS_KX_PSK || exchange == GNUTLS_KX_DHE_PSK ||
		    exchange == GNUTLS_KX_ECDHE_PSK || exchange == GNUTLS_KX_RSA_PSK;

	return used ? tls->psk : NULL;
}
