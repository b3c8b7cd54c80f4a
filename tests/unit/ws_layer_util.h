/* What the tests of the WebSocket layer share: frames for it; frames, messages it must give. */
#ifndef WS_LAYER_UTIL_H
#define WS_LAYER_UTIL_H

#include "api_test_util.h"
#include "ws_util.h"

static inline int feed_frame(struct ws_end *end, unsigned first, const void *payload, size_t size)
{
	uint8_t *bytes = malloc(size + 16);
	int r = ws_end_rx(end, bytes, ws_frame(bytes, end->is_server, first, payload, size), 0);

	free(bytes);
	return r;
}

static inline void expect_frame(
	struct ws_end *end, unsigned first, const void *payload, size_t size)
{
	struct bri_ws_frame frame;
	uint8_t *got;

	assert_true(ws_end_next_frame(end, &frame, &got));
	assert_int_equal((frame.fin ? WS_FIN : 0) | frame.opcode, first);
	assert_int_equal(frame.size, size);
	assert_memory_equal(got, payload, size);
	ws_end_drop_frame(end, &frame, got);
}

static inline void expect_nothing(struct ws_end *end)
{
	ws_end_collect(end);
	assert_int_equal(end->out_size, 0);
}

static inline void expect_message(
	struct ws_end *end, int opcode, unsigned code, const void *bytes, size_t size)
{
	struct ws_message m;

	assert_true(ws_end_next(end, &m));
	assert_int_equal(m.opcode, opcode);
	if (opcode == 8)
		assert_int_equal(m.code, code);
	assert_int_equal(m.size, size);
	assert_memory_equal(m.bytes ? m.bytes : (const uint8_t *)"", bytes, size);
	free(m.bytes);
}

static inline void expect_end(struct ws_end *end)
{
	struct ws_message m;

	assert_true(ws_end_next(end, &m));
	assert_int_equal(m.opcode, -1);
	assert_false(ws_end_next(end, &m));
}

static inline void nothing(void *context)
{
	(void)context;
}

#endif
