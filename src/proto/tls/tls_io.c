/*
 * What GnuTLS takes for a network: memory. A push never blocks; a pull says "later" when the input
 * is used up. Knows nothing of handshakes but for the cookies of DTLS servers.
 */
#include "proto/tls/tls_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

/* Kept records of a stream are gathered in pieces of at least this. */
#define PIECE_MIN 4096u

static ssize_t pull(gnutls_transport_ptr_t ptr, void *buffer, size_t size)
{
	struct bri_tls *tls = ptr;
	size_t n;

	if (BRI_UNLIKELY(tls->hello != NULL) && bri_tls_hello_replay(tls, buffer, size, &n))
		return (ssize_t)n;
	n = bri_min_size(size, tls->in_size);
	if (!tls->in_size) {
		if (tls->in_ended) {
			tls->in_end_seen = true;
			return 0;
		}
		gnutls_transport_set_errno(tls->session, EAGAIN);
		return -1;
	}
	memcpy(buffer, tls->in, n);
	/* what of a datagram finds no room is lost, as with recv() */
	n = tls->datagram ? tls->in_size : n;
	tls->in += n;
	tls->in_size -= n;
	tls->in_idle += n;
	return (ssize_t)bri_min_size(n, size);
}

static int pull_timeout(gnutls_transport_ptr_t ptr, unsigned int ms)
{
	const struct bri_tls *tls = ptr;

	(void)ms; /* nothing comes while we are inside of GnuTLS */
	return tls->in_size || tls->in_ended || tls->hello;
}

/* The piece to append `size` bytes to; a datagram has one of its own. */
static struct bri_tls_piece *piece_for(struct bri_tls *tls, size_t size)
{
	struct bri_tls_piece *piece = NULL;

	if (tls->kept && !tls->datagram) {
		piece = bri_container_of(tls->kept_tail, struct bri_tls_piece, next);
		if (piece->room - piece->size >= size)
			return piece;
	}
	piece = calloc(1, sizeof(*piece));
	if (!piece)
		return NULL;
	piece->room = tls->datagram || size > PIECE_MIN ? size : PIECE_MIN;
	piece->bytes = malloc(piece->room);
	if (!piece->bytes) {
		free(piece);
		return NULL;
	}
	*tls->kept_tail = piece;
	tls->kept_tail = &piece->next;
	return piece;
}

static uint8_t *room_for(struct bri_tls *tls, size_t size)
{
	struct bri_tls_piece *piece;

	if (!tls->kept && !tls->datagram && tls->out_size - tls->out_used >= size) {
		tls->out_used += size;
		return tls->out + tls->out_used - size;
	}
	piece = piece_for(tls, size);
	if (!piece)
		return NULL;
	piece->size += size;
	return piece->bytes + piece->size - size;
}

static ssize_t push_vector(gnutls_transport_ptr_t ptr, const giovec_t *iov, int n)
{
	struct bri_tls *tls = ptr;
	size_t size = 0;
	uint8_t *to;

	for (int i = 0; i < n; i++)
		size += iov[i].iov_len;
	to = size ? room_for(tls, size) : NULL;
	if (!to) {
		tls->no_memory = size > 0;
		gnutls_transport_set_errno(tls->session, size ? ENOMEM : 0);
		return size ? -1 : 0;
	}
	for (int i = 0; i < n; i++) {
		memcpy(to, iov[i].iov_base, iov[i].iov_len);
		to += iov[i].iov_len;
	}
	return (ssize_t)size;
}

static ssize_t push(gnutls_transport_ptr_t ptr, const void *bytes, size_t size)
{
	giovec_t iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = size };

	return push_vector(ptr, &iov, 1);
}

void bri_tls_io_attach(struct bri_tls *tls)
{
	gnutls_transport_set_ptr(tls->session, tls);
	gnutls_transport_set_pull_function(tls->session, pull);
	gnutls_transport_set_pull_timeout_function(tls->session, pull_timeout);
	gnutls_transport_set_vec_push_function(tls->session, push_vector);
	tls->kept_tail = &tls->kept;
}

/*
 * RFC 6347 section 4.2.1: nothing large is sent to an address before it has shown that it is there.
 * A listener has looked at the first datagram already, and this sees the same; other servers have
 * nobody who did.
 */
int bri_tls_io_cookie(struct bri_tls *tls, uint64_t now_ns)
{
	struct bri_tls_bytes in = { .bytes = tls->in, .size = tls->in_size };
	struct bri_tls_bytes id = { .bytes = tls->peer_id, .size = tls->peer_id_size };
	struct bri_tls_cookie cookie = { .key = tls->cookie_key };
	enum bri_tls_first first;

	if (tls->cookie_seen)
		return 0;
	first = in.size ? bri_tls_cookie_look(&cookie, id, in, now_ns) : BRI_TLS_FIRST_DROP;
	if (first == BRI_TLS_FIRST_WELCOME) {
		gnutls_dtls_prestate_set(tls->session, &cookie.prestate);
		if (tls->probe)
			gnutls_dtls_prestate_set(tls->probe, &cookie.prestate);
		tls->cookie_seen = true;
		return 0;
	}
	if (first == BRI_TLS_FIRST_REPLY)
		push(tls, cookie.reply, cookie.reply_size);
	tls->in_size = 0;
	return BRI_TLS_WAITS;
}

void bri_tls_io_fini(struct bri_tls *tls)
{
	uint8_t *bytes;
	size_t size;

	while (bri_tls_output_take(tls, &bytes, &size))
		free(bytes);
	gnutls_free(tls->own_cookie_key.data);
	free(tls->peer_id);
}

void bri_tls_input(struct bri_tls *tls, const void *bytes, size_t size)
{
	tls->in = bytes;
	tls->in_size = size;
}

size_t bri_tls_input_left(const struct bri_tls *tls)
{
	return tls->in_size;
}

void bri_tls_input_end(struct bri_tls *tls)
{
	tls->in_ended = true;
}

void bri_tls_output(struct bri_tls *tls, void *room, size_t size)
{
	tls->out = room;
	tls->out_size = size;
	tls->out_used = 0;
}

size_t bri_tls_output_used(const struct bri_tls *tls)
{
	return tls->out_used;
}

bool bri_tls_output_take(struct bri_tls *tls, uint8_t **ret_bytes, size_t *ret_size)
{
	struct bri_tls_piece *piece = tls->kept;

	if (!piece)
		return false;
	tls->kept = piece->next;
	if (!tls->kept)
		tls->kept_tail = &tls->kept;
	*ret_bytes = piece->bytes;
	*ret_size = piece->size;
	free(piece);
	return true;
}
