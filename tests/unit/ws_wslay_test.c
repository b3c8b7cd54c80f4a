/*
 * Our engine against wslay, an independent implementation of RFC 6455, in memory: random
 * conversations in both roles, both directions, cut at random places. What one sends is what the
 * other receives; and where wslay calls a violation, so do we.
 */
#include "ws_util.h"

#include <wslay/wslay.h>

struct pipe {
	uint8_t *bytes;
	size_t size, room, at;
};

struct got {
	unsigned opcode, code;
	uint8_t *bytes;
	size_t size;
};

/* wslay's end */
struct slay {
	wslay_event_context_ptr context;
	struct pipe in, out;
	struct got got[64];
	size_t n_got;
	unsigned seed;
};

static unsigned draw(unsigned *seed, unsigned below)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 8) % below;
}

static void push(struct pipe *pipe, const void *bytes, size_t size)
{
	while (pipe->room < pipe->size + size) {
		pipe->room = pipe->room ? pipe->room * 2 : 1024;
		pipe->bytes = realloc(pipe->bytes, pipe->room);
	}
	if (size)
		memcpy(pipe->bytes + pipe->size, bytes, size);
	pipe->size += size;
}

static ssize_t on_recv(
	wslay_event_context_ptr context, uint8_t *buf, size_t len, int flags, void *arg)
{
	struct slay *s = arg;
	size_t n = s->in.size - s->in.at;

	(void)flags;
	if (!n) {
		wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	n = n < len ? n : len;
	memcpy(buf, s->in.bytes + s->in.at, n);
	s->in.at += n;
	return (ssize_t)n;
}

static ssize_t on_send(
	wslay_event_context_ptr context, const uint8_t *data, size_t len, int flags, void *arg)
{
	(void)context;
	(void)flags;
	push(&((struct slay *)arg)->out, data, len);
	return (ssize_t)len;
}

static int on_mask(wslay_event_context_ptr context, uint8_t *buf, size_t len, void *arg)
{
	(void)context;
	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)draw(&((struct slay *)arg)->seed, 256);
	return 0;
}

static void on_msg(
	wslay_event_context_ptr context, const struct wslay_event_on_msg_recv_arg *msg, void *arg)
{
	struct slay *s = arg;
	struct got *got = &s->got[s->n_got++];

	(void)context;
	assert_true(s->n_got <= BRI_LEN(s->got));
	*got = (struct got) { msg->opcode, msg->status_code, malloc(msg->msg_length + 1),
		msg->msg_length };
	if (msg->msg_length)
		memcpy(got->bytes, msg->msg, msg->msg_length);
}

static void slay_init(struct slay *s, bool is_server, unsigned seed)
{
	static const struct wslay_event_callbacks callbacks = { on_recv, on_send, on_mask, NULL,
		NULL, NULL, on_msg };

	*s = (struct slay) { .seed = seed };
	assert_int_equal(is_server ? wslay_event_context_server_init(&s->context, &callbacks, s)
				   : wslay_event_context_client_init(&s->context, &callbacks, s),
		0);
}

static void slay_fini(struct slay *s)
{
	wslay_event_context_free(s->context);
	for (size_t i = 0; i < s->n_got; i++)
		free(s->got[i].bytes);
	free(s->in.bytes);
	free(s->out.bytes);
}

/* All that is queued becomes bytes in out. */
static void slay_flush(struct slay *s)
{
	while (wslay_event_want_write(s->context))
		assert_int_equal(wslay_event_send(s->context), 0);
}

static size_t fill(uint8_t *bytes, unsigned opcode, size_t size, unsigned *seed)
{
	static const char *const characters[] = { "a", "\xc3\xa4", "\xe2\x82\xac",
		"\xf0\x9f\x98\x80" };
	size_t n = 0;

	while (n < size) {
		const char *c = characters[draw(seed, 4)];

		if (opcode != 1)
			bytes[n++] = (uint8_t)draw(seed, 256);
		else if (n + strlen(c) <= size)
			for (size_t i = 0; c[i]; i++)
				bytes[n++] = (uint8_t)c[i];
		else
			bytes[n++] = '.';
	}
	return n;
}

static size_t draw_size(unsigned opcode, unsigned *seed)
{
	static const unsigned bounds[] = { 1, 126, 127, 300, 5000, 65537, 200000 };

	if (opcode >= 8)
		return draw(seed, 126);
	return draw(seed, bounds[draw(seed, BRI_LEN(bounds))] + 1);
}

/* --- a conversation --- */

struct said {
	unsigned opcode;
	size_t size;
	uint8_t *bytes;
};

static const unsigned kinds[] = { 1, 2, 9, 10 };

static struct said draw_message(unsigned *seed)
{
	struct said said = { .opcode = kinds[draw(seed, 4)] };

	said.size = draw_size(said.opcode, seed);
	said.bytes = malloc(said.size + 1);
	fill(said.bytes, said.opcode, said.size, seed);
	return said;
}

static void ours_to_wslay(struct ws_end *end, struct slay *s, unsigned *seed)
{
	struct said said[20];
	size_t n = 5 + draw(seed, 15);

	for (size_t i = 0; i < n; i++) {
		nw_content_context_t context;
		size_t parts, at = 0;

		said[i] = draw_message(seed);
		context = ws_context((int)said[i].opcode);
		parts = said[i].opcode < 8 ? 1 + draw(seed, 4) : 1;
		for (size_t part = 0; part < parts; part++) {
			size_t to = part + 1 == parts
					    ? said[i].size
					    : at + draw(seed, (unsigned)(said[i].size - at) + 1);

			ws_end_put_part(
				end, context, said[i].bytes + at, to - at, part + 1 == parts);
			at = to;
		}
		nw_release(context);
	}
	ws_end_put(end, 8, "bye", 3);
	ws_end_collect(end);
	push(&s->in, end->out, end->out_size);
	ws_end_drop(end, end->out_size);
	assert_int_equal(wslay_event_recv(s->context), 0);
	assert_int_equal(s->n_got, n + 1);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(s->got[i].opcode, said[i].opcode);
		assert_int_equal(s->got[i].size, said[i].size);
		assert_memory_equal(s->got[i].bytes, said[i].bytes, said[i].size);
		free(said[i].bytes);
	}
	assert_int_equal(s->got[n].opcode, 8);
	assert_int_equal(s->got[n].code, 1000);
}

struct source {
	const uint8_t *bytes;
	size_t size;
	unsigned *seed;
};

/* wslay asks for the pieces of a fragmented message */
static ssize_t on_read(wslay_event_context_ptr context, uint8_t *buf, size_t len,
	const union wslay_event_msg_source *source, int *eof, void *arg)
{
	struct source *from = source->data;
	size_t n = from->size < len ? from->size : len;

	(void)context;
	(void)arg;
	if (n > 1)
		n = 1 + draw(from->seed, (unsigned)n);
	memcpy(buf, from->bytes, n);
	from->bytes += n;
	from->size -= n;
	*eof = from->size == 0;
	return (ssize_t)n;
}

static void slay_says(struct slay *s, const struct said *said, unsigned *seed)
{
	struct source source = { said->bytes, said->size, seed };
	struct wslay_event_msg msg = { (uint8_t)said->opcode, said->bytes, said->size };
	struct wslay_event_fragmented_msg parts = { (uint8_t)said->opcode, { .data = &source },
		on_read };

	if (said->opcode < 8 && draw(seed, 2))
		assert_int_equal(wslay_event_queue_fragmented_msg(s->context, &parts), 0);
	else
		assert_int_equal(wslay_event_queue_msg(s->context, &msg), 0);
	slay_flush(s);
}

static void wslay_to_ours(struct ws_end *end, struct slay *s, unsigned *seed)
{
	struct said said[20];
	size_t n = 5 + draw(seed, 15);
	struct ws_message m;

	for (size_t i = 0; i < n; i++) {
		said[i] = draw_message(seed);
		slay_says(s, &said[i], seed);
	}
	assert_int_equal(
		wslay_event_queue_close(s->context, 4000, (const uint8_t *)"enough", 6), 0);
	slay_flush(s);
	while (s->out.at < s->out.size) {
		size_t piece = 1 + draw(seed, draw(seed, 2) ? 20 : 20000);

		piece = bri_min_size(piece, s->out.size - s->out.at);
		assert_int_equal(ws_end_rx(end, s->out.bytes + s->out.at, piece, 0), 0);
		s->out.at += piece;
	}
	for (size_t i = 0; i < n; i++) {
		assert_true(ws_end_next(end, &m));
		assert_int_equal(m.opcode, said[i].opcode);
		assert_int_equal(m.size, said[i].size);
		if (m.size)
			assert_memory_equal(m.bytes, said[i].bytes, m.size);
		free(m.bytes);
		free(said[i].bytes);
	}
	assert_true(ws_end_next(end, &m));
	assert_int_equal(m.opcode, 8);
	assert_int_equal(m.code, 4000);
	assert_memory_equal(m.bytes, "enough", 6);
	free(m.bytes);
}

static void conversations(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 60; seed++) {
		bool is_server = seed % 2;
		unsigned random = seed;
		struct ws_end end;
		struct slay s;

		ws_end_init_open(&end, is_server, NULL);
		slay_init(&s, !is_server, seed);
		ours_to_wslay(&end, &s, &random);
		ws_end_fini(&end);
		slay_fini(&s);
		ws_end_init_open(&end, is_server, NULL);
		slay_init(&s, !is_server, seed);
		wslay_to_ours(&end, &s, &random);
		ws_end_fini(&end);
		slay_fini(&s);
	}
}

/* --- violations: both agree whether these bytes are in order --- */

static void verdicts(void **state)
{
	unsigned seed = 7, bad = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		bool is_server = round % 2, failed_ours;
		uint8_t wire[600];
		size_t size = 0, n = 1 + draw(&seed, 4);
		struct ws_end end;
		struct slay s;

		for (size_t i = 0; i < n; i++) {
			static const uint8_t firsts[] = { 0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89,
				0x8a, 0x88, 0x09, 0x83, 0x8b, 0xc1, 0xa2 };
			/* mostly sound, so that later frames are reached */
			uint8_t first = firsts[draw(&seed, draw(&seed, 3) ? 8 : BRI_LEN(firsts))];
			uint8_t payload[130];
			size_t length = draw(&seed, draw(&seed, 8) ? 6 : 128);

			fill(payload, draw(&seed, 6) ? 1 : 2, length, &seed);
			/* wslay takes a close frame of one byte; RFC 6455, 5.5.1, has none such */
			if ((first & 15) == 8 && length == 1)
				length = 0;
			if ((first & 15) == 8 && length >= 2) {
				payload[0] = 3;
				payload[1] = (uint8_t)(0xe6 + draw(&seed, 12));
			}
			size += ws_frame(wire + size, draw(&seed, 20) ? is_server : !is_server,
				first, payload, length);
		}
		ws_end_init_open(&end, is_server, NULL);
		slay_init(&s, is_server, 1);
		failed_ours = ws_end_rx(&end, wire, size, 1 + draw(&seed, 40)) < 0;
		push(&s.in, wire, size);
		wslay_event_recv(s.context);
		slay_flush(&s);
		/* wslay tells of a violation by a close frame that answers none */
		{
			bool failed_wslay = wslay_event_get_close_sent(s.context) &&
					    !wslay_event_get_close_received(s.context);

			if (failed_ours != failed_wslay)
				fail_msg("round %d: ours %d, wslay %d", round, failed_ours,
					failed_wslay);
		}
		bad += failed_ours;
		ws_end_fini(&end);
		slay_fini(&s);
	}
	/* there were enough of both kinds */
	assert_true(bad > 4000 && bad < 16000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversations),
		cmocka_unit_test(verdicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
