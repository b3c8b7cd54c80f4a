/* Fuzzes what waits to be parsed by a framer: whatever is added, looked at, skipped and taken, in
 * whatever pieces, it must be the same as an array with an index. */
#include <dispatch/dispatch.h>
#include <stdlib.h>
#include <string.h>
#include "api/framer_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The array: messages that end at `ends`, or none of them for a stream. */
struct model {
	uint8_t bytes[1 << 16];
	size_t added, at;
	bool ends[1 << 16]; /* behind this byte */
};

static void check(bool right)
{
	if (!right)
		abort();
}

/* Non-empty pieces only: an empty one that ends a message is a position of its own. */
static void add(
	struct bri_framer_input *in, struct model *m, const uint8_t *bytes, size_t n, bool complete)
{
	struct bri_content content = { .complete = complete };

	n = bri_min_size(n, sizeof(m->bytes) - m->added);
	if (!n)
		return;
	content.data = bri_data_new_copy(bytes, n);
	check(bri_framer_input_add(in, &content) == 0);
	check(!content.data);
	memcpy(m->bytes + m->added, bytes, n);
	m->added += n;
	m->ends[m->added - 1] = complete && in->messages;
	/* what was skipped does not reach over the end of a message */
	for (size_t i = m->added - n; i < m->added && i < m->at; i++) {
		if (m->ends[i])
			m->at = i + 1;
	}
}

static size_t model_available(const struct model *m, bool *ret_ends)
{
	*ret_ends = false;
	for (size_t i = m->at; i < m->added; i++) {
		if (m->ends[i]) {
			*ret_ends = true;
			return i + 1 - m->at;
		}
	}
	return m->added > m->at ? m->added - m->at : 0;
}

static void model_advance(struct model *m, size_t n)
{
	for (; n; n--) {
		m->at++;
		if (m->at <= m->added && m->ends[m->at - 1])
			return;
	}
}

static void step(struct bri_framer_input *in, struct model *m, uint8_t what, size_t n)
{
	bool ends, model_ends;
	size_t there = bri_framer_input_available(in, &ends);
	struct dispatch_data_s *taken;
	static uint8_t temp[1 << 16];
	uint8_t *view;

	check(there == model_available(m, &model_ends) && ends == model_ends);
	if (what == 0 || what == 1) {
		n = bri_min_size(n, there);
		view = bri_framer_input_view(in, n, what ? temp : NULL);
		check(!n == !view);
		check(!n || memcmp(view, m->bytes + m->at, n) == 0);
	} else if (what == 2) {
		if (!n)
			return;
		bri_framer_input_advance(in, n);
		model_advance(m, n);
	} else {
		n = bri_min_size(n, there);
		if (!n)
			return;
		taken = bri_framer_input_take(in, n);
		check(bri_data_size(taken) == n);
		view = temp;
		for (size_t at = 0, got; at < n; at += got) {
			struct iovec iov;

			check(bri_data_iov(taken, at, &iov, 1, &got) == 1);
			memcpy(view + at, iov.iov_base, got);
		}
		check(memcmp(view, m->bytes + m->at, n) == 0);
		dispatch_release(taken);
		model_advance(m, n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct model m;
	struct bri_framer_input in;

	if (!size)
		return 0;
	m.added = m.at = 0;
	memset(m.ends, 0, sizeof(m.ends));
	bri_framer_input_init(&in, data[0] & 1, SIZE_MAX);
	data++;
	size--;
	/* a command: what to do, how much; an addition takes the bytes behind it */
	while (size >= 2) {
		uint8_t what = data[0] % 6;
		size_t n = data[1];

		data += 2;
		size -= 2;
		if (what < 4) {
			step(&in, &m, what, n);
			continue;
		}
		n = bri_min_size(n, size);
		add(&in, &m, data, n, what == 5);
		data += n;
		size -= n;
	}
	bri_framer_input_clear(&in);
	return 0;
}
