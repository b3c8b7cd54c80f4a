/* What an engine tells of its session. */
#include "proto/tls/tls_internal.h"

#include <errno.h>
#include <string.h>

bool bri_tls_is_done(const struct bri_tls *tls)
{
	return atomic_load_explicit(&tls->done, memory_order_acquire);
}

bool bri_tls_is_closed(const struct bri_tls *tls)
{
	return tls->closed;
}

int bri_tls_error(const struct bri_tls *tls)
{
	return tls->error;
}

uint16_t bri_tls_version(const struct bri_tls *tls)
{
	switch (gnutls_protocol_get_version(tls->session)) {
	case GNUTLS_TLS1_0: return 0x0301;
	case GNUTLS_TLS1_1: return 0x0302;
	case GNUTLS_TLS1_2: return 0x0303;
	case GNUTLS_TLS1_3: return 0x0304;
	case GNUTLS_DTLS1_0: return 0xfeff;
	case GNUTLS_DTLS1_2: return 0xfefd;
	default: return 0;
	}
}

struct bri_tls_bytes bri_tls_protocol(const struct bri_tls *tls)
{
	gnutls_datum_t name;

	if (gnutls_alpn_get_selected_protocol(tls->session, &name) < 0)
		return (struct bri_tls_bytes) { 0 };
	return (struct bri_tls_bytes) { .bytes = name.data, .size = name.size };
}

bool bri_tls_resumed(const struct bri_tls *tls)
{
	return gnutls_session_is_resumed(tls->session) != 0;
}

int bri_tls_server_name(const struct bri_tls *tls, char *ret, size_t size)
{
	unsigned type = GNUTLS_NAME_DNS;
	size_t n = size;

	if (gnutls_server_name_get(tls->probe ? tls->probe : tls->session, ret, &n, &type, 0) < 0 ||
		n >= size)
		return -ENOENT;
	ret[n] = '\0';
	return 0;
}

size_t bri_tls_chain(const struct bri_tls *tls, struct bri_tls_bytes *ret, size_t max)
{
	unsigned n = 0;
	const gnutls_datum_t *list = gnutls_certificate_get_peers(tls->session, &n);
	size_t count = list ? bri_min_size(n, max) : 0;

	for (size_t i = 0; i < count; i++)
		ret[i] = (struct bri_tls_bytes) { .bytes = list[i].data, .size = list[i].size };
	return count;
}

struct bri_tls_bytes bri_tls_ocsp(const struct bri_tls *tls)
{
	gnutls_datum_t response = { 0 };

	if (tls->server || gnutls_ocsp_status_request_get(tls->session, &response) < 0)
		return (struct bri_tls_bytes) { 0 };
	return (struct bri_tls_bytes) { .bytes = response.data, .size = response.size };
}

/* RFC 8446 section 4.2.3 */
static const struct {
	gnutls_sign_algorithm_t sign;
	uint16_t number;
} signatures[] = {
	{ GNUTLS_SIGN_RSA_SHA1, 0x0201 },
	{ GNUTLS_SIGN_ECDSA_SHA1, 0x0203 },
	{ GNUTLS_SIGN_RSA_SHA256, 0x0401 },
	{ GNUTLS_SIGN_RSA_SHA384, 0x0501 },
	{ GNUTLS_SIGN_RSA_SHA512, 0x0601 },
	{ GNUTLS_SIGN_ECDSA_SHA256, 0x0403 },
	{ GNUTLS_SIGN_ECDSA_SHA384, 0x0503 },
	{ GNUTLS_SIGN_ECDSA_SHA512, 0x0603 },
	{ GNUTLS_SIGN_ECDSA_SECP256R1_SHA256, 0x0403 },
	{ GNUTLS_SIGN_ECDSA_SECP384R1_SHA384, 0x0503 },
	{ GNUTLS_SIGN_ECDSA_SECP521R1_SHA512, 0x0603 },
	{ GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, 0x0804 },
	{ GNUTLS_SIGN_RSA_PSS_RSAE_SHA384, 0x0805 },
	{ GNUTLS_SIGN_RSA_PSS_RSAE_SHA512, 0x0806 },
	{ GNUTLS_SIGN_EDDSA_ED25519, 0x0807 },
	{ GNUTLS_SIGN_EDDSA_ED448, 0x0808 },
	{ GNUTLS_SIGN_RSA_PSS_SHA256, 0x0809 },
	{ GNUTLS_SIGN_RSA_PSS_SHA384, 0x080a },
	{ GNUTLS_SIGN_RSA_PSS_SHA512, 0x080b },
};

size_t bri_tls_signature_algorithms(const struct bri_tls *tls, uint16_t *ret, size_t max)
{
	gnutls_sign_algorithm_t sign;
	size_t n = 0;

	for (size_t at = 0;
		n < max && gnutls_sign_algorithm_get_requested(tls->session, at, &sign) == 0;
		at++) {
		for (size_t i = 0; i < BRI_LEN(signatures); i++) {
			if (signatures[i].sign != sign)
				continue;
			ret[n++] = signatures[i].number;
			break;
		}
	}
	return n;
}

size_t bri_tls_overhead(const struct bri_tls *tls, size_t *ret_most)
{
	*ret_most = gnutls_dtls_get_data_mtu(tls->session);
	return gnutls_record_overhead_size(tls->session);
}

unsigned bri_tls_key_updates(const struct bri_tls *tls)
{
	return tls->key_updates;
}

bool bri_tls_take_ticket(struct bri_tls *tls, gnutls_datum_t *ret)
{
	if (tls->server || tls->ticket_taken || !bri_tls_is_done(tls))
		return false;
	/* RFC 8446 section 4.6.1: it comes after the handshake; before, there is nothing to take */
	if (bri_tls_version(tls) == 0x0304 &&
		!(gnutls_session_get_flags(tls->session) & GNUTLS_SFLAGS_SESSION_TICKET))
		return false;
	tls->ticket_taken = true;
	return gnutls_session_get_data2(tls->session, ret) == 0;
}

int bri_tls_export(struct bri_tls *tls, struct bri_tls_bytes label,
	const struct bri_tls_bytes *context, uint8_t *ret, size_t size)
{
	if (!bri_tls_is_done(tls))
		return -EAGAIN;
	/* reads secrets that no longer change: nothing of the records' state */
	return bri_tls_errno(gnutls_prf_rfc5705(tls->session, label.size, (const char *)label.bytes,
		context ? context->size : 0, context ? (const char *)context->bytes : NULL, size,
		(char *)ret));
}
