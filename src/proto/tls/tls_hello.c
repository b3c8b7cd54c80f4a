/*
 * What a client asks for, before the server that answers it is made up: GnuTLS chooses suite and
 * certificate while it reads the ClientHello and cannot be stopped there. So a session that is
 * thrown away reads it first, tells what is in it, and the real one reads the same bytes again.
 */
#include "proto/tls/tls_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static ssize_t pull(gnutls_transport_ptr_t ptr, void *buffer, size_t size)
{
	struct bri_tls *tls = ptr;
	struct bri_tls_piece *piece = tls->hello;
	size_t n;

	for (size_t i = 0; piece && i < tls->hello_read; i++)
		piece = piece->next;
	if (!piece) {
		gnutls_transport_set_errno(tls->probe, EAGAIN);
		return -1;
	}
	n = bri_min_size(size, piece->size - tls->hello_offset);
	memcpy(buffer, piece->bytes + tls->hello_offset, n);
	tls->hello_offset += n;
	if (tls->datagram || tls->hello_offset == piece->size) {
		tls->hello_read++;
		tls->hello_offset = 0;
	}
	return (ssize_t)n;
}

static int pull_timeout(gnutls_transport_ptr_t ptr, unsigned int ms)
{
	(void)ptr;
	(void)ms;
	return 1;
}

static ssize_t push(gnutls_transport_ptr_t ptr, const void *bytes, size_t size)
{
	(void)ptr;
	(void)bytes;
	return (ssize_t)size; /* the peer hears nothing of it */
}

static int on_client_hello(gnutls_session_t session)
{
	struct bri_tls *tls = gnutls_session_get_ptr(session);

	tls->question = BRI_TLS_IDENTITY;
	return GNUTLS_E_INTERRUPTED;
}

int bri_tls_hello_init(struct bri_tls *tls)
{
	unsigned flags = GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS;
	int r;

	tls->hello_tail = &tls->hello;
	r = bri_tls_errno(gnutls_init(&tls->probe, flags | (tls->datagram ? GNUTLS_DATAGRAM : 0)));
	if (r < 0)
		return r;
	gnutls_session_set_ptr(tls->probe, tls);
	gnutls_transport_set_ptr(tls->probe, tls);
	gnutls_transport_set_pull_function(tls->probe, pull);
	gnutls_transport_set_pull_timeout_function(tls->probe, pull_timeout);
	gnutls_transport_set_push_function(tls->probe, push);
	gnutls_handshake_set_max_packet_length(tls->probe, BRI_TLS_HANDSHAKE_MAX);
	gnutls_handshake_set_post_client_hello_function(tls->probe, on_client_hello);
	return bri_tls_errno(gnutls_set_default_priority(tls->probe));
}

static int keep(struct bri_tls *tls)
{
	struct bri_tls_piece *piece;

	if (!tls->in_size)
		return 0;
	if (tls->hello_size + tls->in_size > BRI_TLS_HANDSHAKE_MAX)
		return -EMSGSIZE;
	piece = calloc(1, sizeof(*piece));
	if (piece)
		piece->bytes = malloc(tls->in_size);
	if (!piece || !piece->bytes) {
		free(piece);
		return -ENOMEM;
	}
	memcpy(piece->bytes, tls->in, tls->in_size);
	piece->size = tls->in_size;
	*tls->hello_tail = piece;
	tls->hello_tail = &piece->next;
	tls->hello_size += tls->in_size;
	tls->in_size = 0;
	return 0;
}

static void drop_probe(struct bri_tls *tls)
{
	gnutls_deinit(tls->probe);
	tls->probe = NULL;
	tls->hello_read = tls->hello_offset = 0;
}

/* What cannot be read here cannot be read by the real session either, which says so to the peer. */
int bri_tls_hello_step(struct bri_tls *tls)
{
	int r;

	if (tls->identity_answered || tls->in_ended) {
		drop_probe(tls);
		return 0;
	}
	r = keep(tls);
	if (r < 0)
		return r;
	do {
		r = gnutls_handshake(tls->probe);
	} while (r == GNUTLS_E_WARNING_ALERT_RECEIVED);
	if (tls->question == BRI_TLS_IDENTITY)
		return BRI_TLS_ASKS;
	if (r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED)
		return BRI_TLS_WAITS;
	drop_probe(tls);
	return 0;
}

bool bri_tls_hello_replay(struct bri_tls *tls, void *buffer, size_t size, size_t *ret_n)
{
	struct bri_tls_piece *piece = tls->hello;

	if (!piece)
		return false;
	*ret_n = bri_min_size(size, piece->size - tls->hello_offset);
	memcpy(buffer, piece->bytes + tls->hello_offset, *ret_n);
	tls->hello_offset += *ret_n;
	if (tls->datagram || tls->hello_offset == piece->size) {
		tls->hello = piece->next;
		tls->hello_offset = 0;
		free(piece->bytes);
		free(piece);
	}
	return true;
}

void bri_tls_hello_fini(struct bri_tls *tls)
{
	struct bri_tls_piece *piece;

	if (tls->probe)
		gnutls_deinit(tls->probe);
	while ((piece = tls->hello)) {
		tls->hello = piece->next;
		free(piece->bytes);
		free(piece);
	}
}
