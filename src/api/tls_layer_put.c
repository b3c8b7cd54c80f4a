/* The layer, downwards: content into records, of whatever size its regions are. */
#include "api/tls_layer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "dispatch/data_internal.h"

/* A put is encrypted into pieces of at most so much content: with the records' own bytes it is less
 * than a chunk. */
#define PIECE_MAX (8u * BRI_TLS_RECORD_MAX)
/* Smaller regions than this are gathered into full records: each record costs 22 bytes and a MAC.
 */
#define GATHER_MAX 4096u
#define IOVECS     16

struct writer {
	struct bri_tls_layer *l;
	size_t staged;
};

static int write_staged(struct writer *w)
{
	int r = w->staged ? bri_tls_write(w->l->tls, w->l->staging, w->staged) : 0;

	w->staged = 0;
	return r;
}

static int stage(struct writer *w, const uint8_t *bytes, size_t size)
{
	while (size) {
		size_t n = bri_min_size(size, BRI_TLS_RECORD_MAX - w->staged);
		int r;

		memcpy(w->l->staging + w->staged, bytes, n);
		w->staged += n;
		bytes += n;
		size -= n;
		r = w->staged == BRI_TLS_RECORD_MAX ? write_staged(w) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int write_region(struct writer *w, const uint8_t *bytes, size_t size)
{
	int r = write_staged(w);

	while (r == 0 && size) {
		size_t n = bri_min_size(size, BRI_TLS_RECORD_MAX);

		r = bri_tls_write(w->l->tls, bytes, n);
		bytes += n;
		size -= n;
	}
	return r;
}

/* Large regions as they are; small ones together. */
static int write_piece(
	struct bri_tls_layer *l, struct dispatch_data_s *data, size_t offset, size_t size)
{
	struct writer w = { .l = l };
	struct iovec iov[IOVECS];
	int r = 0;

	while (r == 0 && size) {
		size_t bytes, n = bri_data_iov(data, offset, iov, IOVECS, &bytes);
		bool is_only = n == 1;

		for (size_t i = 0; i < n && r == 0 && size; i++) {
			size_t part = bri_min_size(iov[i].iov_len, size);

			if (part <= GATHER_MAX && !(is_only && !w.staged) && !l->staging)
				l->staging = malloc(BRI_TLS_RECORD_MAX);
			if (part > GATHER_MAX || (is_only && !w.staged) || !l->staging)
				r = write_region(&w, iov[i].iov_base, part);
			else
				r = stage(&w, iov[i].iov_base, part);
			offset += part;
			size -= part;
		}
	}
	return r < 0 ? r : write_staged(&w);
}

/* Room for a piece's records, those of gathered regions that leave one unfilled included. */
static size_t room_for(size_t size)
{
	return size + (2 * size / BRI_TLS_RECORD_MAX + 2) * BRI_TLS_RECORD_EXTRA +
	       (size / GATHER_MAX + 1) * BRI_TLS_RECORD_EXTRA;
}

static int put_stream(struct bri_tls_layer *l, struct dispatch_data_s *data)
{
	size_t size = bri_data_size(data), offset = 0, piece, used, room;
	struct dispatch_data_s *out;
	uint8_t *ptr;
	int r = 0;

	for (; offset < size && r == 0; offset += piece) {
		piece = bri_min_size(size - offset, PIECE_MAX);
		r = bri_chunk_get_scratch(room_for(piece), &ptr, &room);
		if (r < 0)
			return r;
		bri_tls_output(l->tls, ptr, room);
		r = write_piece(l, data, offset, piece);
		used = bri_tls_output_used(l->tls);
		bri_tls_output(l->tls, NULL, 0);
		out = used ? bri_chunk_commit(ptr, used) : NULL;
		if (out)
			bri_layer_down(&l->layer, out);
		else if (used)
			return -ENOMEM;
		if (bri_tls_layer_flush(l) < 0)
			return -ENOMEM;
	}
	return r;
}

static int put_datagram(struct bri_tls_layer *l, struct bri_content *in)
{
	struct dispatch_data_s *whole = bri_data_concat(l->partial, in->data), *map;
	const void *bytes;
	size_t size;
	int r;

	if (!whole)
		return -ENOMEM;
	bri_object_release(l->partial);
	l->partial = NULL;
	if (!in->complete && !in->end) {
		l->partial = whole;
		return 0;
	}
	map = dispatch_data_create_map(whole, &bytes, &size);
	bri_object_release(whole);
	if (!map)
		return -ENOMEM;
	r = size ? bri_tls_write(l->tls, bytes, size) : 0;
	bri_object_release(map);
	if (r == -EMSGSIZE) { /* lost, as any datagram may be */
		bri_warn("tls: a datagram of %zu bytes is larger than a record", size);
		r = 0;
	}
	return r < 0 ? r : bri_tls_layer_flush(l);
}

int bri_tls_layer_put(struct bri_tls_layer *l, struct bri_content *in)
{
	int r = 0;

	if (in->data)
		r = l->is_datagram ? put_datagram(l, in) : put_stream(l, in->data);
	if (r < 0)
		return r == -EPROTO ? bri_tls_layer_fail(l, r) : r;
	if (!in->end)
		return 0;
	/* RFC 8446 section 6.1: our direction ends; the other may go on */
	bri_tls_close(l->tls);
	r = bri_tls_layer_flush(l);
	bri_layer_down_end(&l->layer);
	return r;
}
