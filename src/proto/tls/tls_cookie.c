/*
 * The first datagram of a peer of a DTLS server (RFC 6347 section 4.2.1): only a ClientHello is
 * worth an answer, that answer is smaller than it and costs no state, and only one that brings the
 * cookie back is worth a session. Knows no session.
 */
#include "proto/tls/tls_internal.h"

#include <string.h>

/* RFC 6347 section 4.2.1: the secret changes now and then, so that cookies cannot be collected. The
 * one before is still good: a hello that is repeated 60 s later has been given up. */
#define COOKIE_NS (60 * BRI_NS_PER_S)
/* A header of a record, of a handshake message, and the least that is in a ClientHello: version,
 * random, and the lengths of session, cookie, one suite and one compression. */
#define RECORD_HEADER 13u
#define HELLO_MIN     (RECORD_HEADER + 12 + 2 + 32 + 1 + 1 + 4 + 2)
#define HANDSHAKE     22
#define CLIENT_HELLO  1

/* RFC 6347 sections 4.1 and 4.2.2: in the clear, the beginning of a ClientHello, all of a record.
 */
static bool is_hello(const uint8_t *bytes, size_t size)
{
	return size >= HELLO_MIN && bytes[0] == HANDSHAKE && bytes[1] == 0xfe && !bytes[3] &&
	       !bytes[4] && RECORD_HEADER + (size_t)(bytes[11] << 8 | bytes[12]) <= size &&
	       bytes[13] == CLIENT_HELLO && !bytes[19] && !bytes[20] && !bytes[21];
}

struct subject {
	uint8_t bytes[BRI_TLS_PEER_ID_MAX + 8];
	size_t size;
};

/* Whom a cookie is for: the peer, for a while. */
static void fill(struct subject *subject, struct bri_tls_bytes peer_id, uint64_t period)
{
	size_t n = bri_min_size(peer_id.size, BRI_TLS_PEER_ID_MAX);

	memcpy(subject->bytes, &period, sizeof(period));
	if (n)
		memcpy(subject->bytes + sizeof(period), peer_id.bytes, n);
	subject->size = sizeof(period) + n;
}

static bool brings_cookie(struct bri_tls_cookie *cookie, struct bri_tls_bytes peer_id,
	struct bri_tls_bytes in, uint64_t period)
{
	void *msg = (void *)(uintptr_t)in.bytes;
	struct subject subject;

	fill(&subject, peer_id, period);
	return gnutls_dtls_cookie_verify(&cookie->key, subject.bytes, subject.size, msg, in.size,
		       &cookie->prestate) >= 0;
}

static ssize_t push(gnutls_transport_ptr_t ptr, const void *bytes, size_t size)
{
	struct bri_tls_cookie *cookie = ptr;

	cookie->reply_size = bri_min_size(size, sizeof(cookie->reply));
	memcpy(cookie->reply, bytes, cookie->reply_size);
	return (ssize_t)size;
}

enum bri_tls_first bri_tls_cookie_look(struct bri_tls_cookie *cookie, struct bri_tls_bytes peer_id,
	struct bri_tls_bytes in, uint64_t now_ns)
{
	uint64_t period = now_ns / COOKIE_NS;
	struct subject subject;

	if (!is_hello(in.bytes, in.size))
		return BRI_TLS_FIRST_DROP;
	if (brings_cookie(cookie, peer_id, in, period) ||
		(period && brings_cookie(cookie, peer_id, in, period - 1)))
		return BRI_TLS_FIRST_WELCOME;
	fill(&subject, peer_id, period);
	cookie->reply_size = 0;
	gnutls_dtls_cookie_send(
		&cookie->key, subject.bytes, subject.size, &cookie->prestate, cookie, push);
	return cookie->reply_size ? BRI_TLS_FIRST_REPLY : BRI_TLS_FIRST_DROP;
}

enum bri_tls_first bri_tls_first(gnutls_datum_t key, struct bri_tls_bytes peer_id,
	struct bri_tls_bytes in, uint64_t now_ns, uint8_t ret[static BRI_TLS_FIRST_REPLY_MAX],
	size_t *ret_size)
{
	struct bri_tls_cookie cookie = { .key = key };
	enum bri_tls_first first = bri_tls_cookie_look(&cookie, peer_id, in, now_ns);

	if (first == BRI_TLS_FIRST_REPLY) {
		memcpy(ret, cookie.reply, cookie.reply_size);
		*ret_size = cookie.reply_size;
	}
	return first;
}
