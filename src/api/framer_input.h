/*
 * Content that waits to be parsed: bytes with a cursor, cut by the boundaries of the messages they
 * came in. Nothing reaches over a boundary. Knows nothing of framers.
 */
#ifndef BRI_API_FRAMER_INPUT_H
#define BRI_API_FRAMER_INPUT_H

#include "stack/layer.h"

/* A framer that wants more than this in one piece, or parses nothing, while the peer goes on
 * sending, ends its connection. Far above any message that is worth to be held whole. */
#define BRI_FRAMER_INPUT_MAX (64u * 1024u * 1024u)
/* What a piece costs beside its bytes; so that empty datagrams count, too. */
#define BRI_FRAMER_INPUT_PIECE 128u

struct bri_framer_input {
	struct bri_contents contents; /* no piece is empty, but one that ends a message */
	size_t offset;                /* bytes of the first piece that are done with */
	size_t max, cost;             /* cost: bytes and BRI_FRAMER_INPUT_PIECE for each piece */
	size_t skip;                  /* bytes to come that are done with; then nothing is there */
	struct bri_object *source;    /* context of what was seen last; internal reference */
	uint8_t *flat; /* a copy of the next flat_size bytes, in one piece, at flat + flat_at */
	size_t flat_at, flat_size, flat_room;
	bool messages; /* content has boundaries; of a stream `complete` means nothing */
	bool ended;
};

void bri_framer_input_init(struct bri_framer_input *in, bool messages, size_t max);
/* bri_framer_input_add(): takes the content. 0, -ENOMEM, or -ENOBUFS: over `max`. */
int bri_framer_input_add(struct bri_framer_input *in, struct bri_content *content);
/* bri_framer_input_available(): bytes up to the next boundary. ret_complete: the message or the
 * stream ends after them. */
size_t bri_framer_input_available(const struct bri_framer_input *in, bool *ret_complete);
/*
 * bri_framer_input_view(): the next n bytes, of those available, in one piece.
 *   temp  NULL, or room for n bytes: they are copied there
 * Returns where they are, until the next call of any; NULL: no memory, or n is 0.
 */
uint8_t *bri_framer_input_view(struct bri_framer_input *in, size_t n, uint8_t *temp);
/* bri_framer_input_advance(): n bytes are done with; if so many have not come, those that come
 * within this message. A boundary behind the last byte, or with n 0 before it, goes with them. */
void bri_framer_input_advance(struct bri_framer_input *in, size_t n);
/* bri_framer_input_take(): the next n bytes, of those available; they are done with. +1, or NULL:
 * no memory. */
struct dispatch_data_s *bri_framer_input_take(struct bri_framer_input *in, size_t n);
/* bri_framer_input_take_piece(): what is left of the first piece. False: none, or no memory. */
bool bri_framer_input_take_piece(struct bri_framer_input *in, struct bri_content *ret);
/* bri_framer_input_clear(): drops all; what was skipped is, too. */
void bri_framer_input_clear(struct bri_framer_input *in);

#endif
