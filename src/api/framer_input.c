/* Content that waits to be parsed. Knows nothing of framers. */
#include "api/framer_input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Pieces are joined up to this size, so that a peer that sends single bytes costs little memory. */
#define JOIN_MAX (64u * 1024u)
/* The flat copy is kept for the next time up to this size. */
#define FLAT_KEEP (64u * 1024u)
#define FLAT_MIN  1024u

void bri_framer_input_init(struct bri_framer_input *in, bool messages, size_t max)
{
	*in = (struct bri_framer_input) { .messages = messages, .max = max };
	bri_contents_init(&in->contents);
}

static struct bri_content *last_piece(struct bri_framer_input *in)
{
	if (!in->contents.head)
		return NULL;
	return bri_container_of(in->contents.tail, struct bri_content, next);
}

static size_t left_of_first(const struct bri_framer_input *in)
{
	return bri_data_size(in->contents.head->data) - in->offset;
}

/* Drops what was to be skipped. Returns false: no memory. */
static bool skip_in(struct bri_framer_input *in, struct bri_content *content)
{
	size_t size = bri_data_size(content->data);
	size_t n = bri_min_size(in->skip, size);
	struct dispatch_data_s *rest = NULL;

	if (!in->skip)
		return true;
	if (n < size && !(rest = bri_data_subrange(content->data, n, size - n)))
		return false;
	bri_object_release(content->data);
	content->data = rest;
	in->skip -= n;
	if (content->complete && !rest) {
		content->complete =
			false; /* this boundary was skipped with the last of the bytes */
		in->skip = 0;
	}
	return true;
}

/* Joins small pieces of one message. Returns 1: done, 0: they stay apart, -ENOMEM. */
static int join(struct bri_framer_input *in, struct bri_content *content)
{
	struct bri_content *last = last_piece(in);
	struct dispatch_data_s *both;

	if (!last || last->complete || last->context != content->context ||
		bri_data_size(last->data) >= JOIN_MAX)
		return 0;
	both = bri_data_concat(last->data, content->data);
	if (!both)
		return -ENOMEM;
	in->contents.bytes += bri_data_size(content->data);
	in->cost += bri_data_size(content->data);
	bri_object_release(last->data);
	last->data = both;
	last->complete = content->complete;
	bri_content_clear(content);
	return 1;
}

int bri_framer_input_add(struct bri_framer_input *in, struct bri_content *content)
{
	size_t cost;
	int r;

	in->ended |= content->end;
	content->end = false;
	content->complete &= in->messages;
	if (!skip_in(in, content))
		return -ENOMEM;
	cost = bri_data_size(content->data) + BRI_FRAMER_INPUT_PIECE;
	if (!bri_data_size(content->data) && !content->complete) {
		bri_content_clear(content);
		return 0;
	}
	if (cost > in->max - in->cost)
		return -ENOBUFS;
	r = join(in, content);
	if (r != 0)
		return r < 0 ? r : 0;
	in->cost += cost;
	bri_contents_append(&in->contents, content);
	return 0;
}

size_t bri_framer_input_available(const struct bri_framer_input *in, bool *ret_complete)
{
	size_t bytes = 0;

	for (const struct bri_content *c = in->contents.head; c; c = c->next) {
		bytes += bri_data_size(c->data);
		if (c->complete) {
			*ret_complete = true;
			return bytes - in->offset;
		}
	}
	*ret_complete = in->ended;
	return bytes - in->offset;
}

/* Copies n bytes from `at` bytes behind the cursor on. */
static void copy_out(const struct bri_framer_input *in, size_t at, uint8_t *to, size_t n)
{
	const struct bri_content *c = in->contents.head;
	struct iovec iov[16];
	size_t count, bytes;

	for (at += in->offset; n; c = c->next) {
		size_t size = bri_data_size(c->data);

		for (; n && at < size; at += bytes) {
			count = bri_data_iov(c->data, at, iov, BRI_LEN(iov), &bytes);
			bytes = 0;
			for (size_t i = 0; i < count && n; i++) {
				size_t part = bri_min_size(iov[i].iov_len, n);

				memcpy(to, iov[i].iov_base, part);
				to += part;
				n -= part;
				bytes += part;
			}
		}
		at -= bri_min_size(at, size);
	}
}

/* Room for n bytes from flat_at on. What is there moves to the front only when it is at most half
 * of the room, so that each byte moves a bounded number of times. */
static bool make_room(struct bri_framer_input *in, size_t n)
{
	size_t room = in->flat_room;
	uint8_t *grown;

	if (n <= room - in->flat_at)
		return true;
	if (n <= room && in->flat_at >= room / 2) {
		memmove(in->flat, in->flat + in->flat_at, in->flat_size);
		in->flat_at = 0;
		return true;
	}
	while (room - in->flat_at < n)
		room = room ? room * 2 : FLAT_MIN;
	grown = realloc(in->flat, room);
	if (!grown)
		return false;
	in->flat = grown;
	in->flat_room = room;
	return true;
}

static uint8_t *view_flat(struct bri_framer_input *in, size_t n)
{
	if (n > in->flat_size) {
		if (!make_room(in, n))
			return NULL;
		copy_out(in, in->flat_size, in->flat + in->flat_at + in->flat_size,
			n - in->flat_size);
		in->flat_size = n;
	}
	return in->flat + in->flat_at;
}

static void note_source(struct bri_framer_input *in)
{
	struct bri_object *context = in->contents.head ? in->contents.head->context : NULL;

	if (context == in->source)
		return;
	bri_object_put(in->source);
	in->source = bri_object_get(context);
}

uint8_t *bri_framer_input_view(struct bri_framer_input *in, size_t n, uint8_t *temp)
{
	struct iovec iov;
	size_t bytes;

	note_source(in);
	if (!n)
		return NULL;
	if (temp) {
		copy_out(in, 0, temp, n);
		return temp;
	}
	bri_data_iov(in->contents.head->data, in->offset, &iov, 1, &bytes);
	if (bytes >= n)
		return iov.iov_base;
	return view_flat(in, n);
}

static void advance_flat(struct bri_framer_input *in, size_t n)
{
	if (n < in->flat_size) {
		in->flat_at += n;
		in->flat_size -= n;
		return;
	}
	in->flat_at = in->flat_size = 0;
	if (in->flat_room > FLAT_KEEP) {
		free(in->flat);
		in->flat = NULL;
		in->flat_room = 0;
	}
}

/* Drops the first piece. Returns whether it ended a message. */
static bool drop_first(struct bri_framer_input *in)
{
	struct bri_content content;
	bool complete;

	bri_contents_take(&in->contents, &content);
	in->cost -= bri_data_size(content.data) + BRI_FRAMER_INPUT_PIECE;
	in->offset = 0;
	complete = content.complete;
	bri_content_clear(&content);
	return complete;
}

void bri_framer_input_advance(struct bri_framer_input *in, size_t n)
{
	advance_flat(in, n);
	while (in->contents.head) {
		size_t left = left_of_first(in);

		if (n < left) {
			in->offset += n;
			return;
		}
		n -= left;
		if (drop_first(in))
			return;
		if (!n)
			return;
	}
	in->skip += in->ended ? 0 : bri_min_size(n, SIZE_MAX - in->skip);
}

struct dispatch_data_s *bri_framer_input_take(struct bri_framer_input *in, size_t n)
{
	struct dispatch_data_s *all = NULL, *part, *both;
	size_t left = n, offset = in->offset;

	note_source(in);
	for (struct bri_content *c = in->contents.head; left; c = c->next) {
		size_t size = bri_min_size(bri_data_size(c->data) - offset, left);

		part = bri_data_subrange(c->data, offset, size);
		both = all && part ? bri_data_concat(all, part) : bri_object_retain(part);
		bri_object_release(part);
		bri_object_release(all);
		all = both;
		if (!all)
			return NULL;
		left -= size;
		offset = 0;
	}
	bri_framer_input_advance(in, n);
	return all;
}

bool bri_framer_input_take_piece(struct bri_framer_input *in, struct bri_content *ret)
{
	struct bri_content *first = in->contents.head;
	struct bri_content piece;

	if (!first)
		return false;
	piece = (struct bri_content) { .complete = first->complete };
	if (left_of_first(in)) {
		piece.data = bri_data_subrange(first->data, in->offset, left_of_first(in));
		if (!piece.data)
			return false;
	}
	piece.context = bri_object_get(first->context);
	advance_flat(in, left_of_first(in));
	drop_first(in);
	*ret = piece;
	return true;
}

void bri_framer_input_clear(struct bri_framer_input *in)
{
	bri_contents_clear(&in->contents);
	bri_object_put(in->source);
	in->source = NULL;
	free(in->flat);
	in->flat = NULL;
	in->flat_at = in->flat_size = in->flat_room = 0;
	in->offset = in->cost = in->skip = 0;
}
