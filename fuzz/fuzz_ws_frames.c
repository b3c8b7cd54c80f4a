/*
 * Frames from a peer: the first byte of the input says which role we have and what limit there is.
 * Whole, byte by byte and in odd pieces, the messages and the end must be the same; what is called
 * text is UTF-8.
 */
#include <stdlib.h>
#include <string.h>
#include "proto/ws/ws_engine.h"

#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All that came, as bytes: a mark for each event, what it carried. */
struct log {
	uint8_t *bytes;
	size_t size;
};

static void add(struct log *log, const void *bytes, size_t size)
{
	memcpy(log->bytes + log->size, bytes, size);
	log->size += size;
}

static void mark(struct log *log, unsigned a, unsigned b, unsigned c)
{
	uint8_t bytes[3] = { (uint8_t)a, (uint8_t)b, (uint8_t)c };

	add(log, bytes, 3);
}

static void on_event(
	struct log *log, const struct bri_ws_event *event, uint64_t max, uint64_t *message)
{
	switch (event->kind) {
	case BRI_WS_EVENT_DATA:
		REQUIRE(event->opcode == BRI_WS_TEXT || event->opcode == BRI_WS_BINARY);
		*message += event->size;
		REQUIRE(!max || *message <= max);
		add(log, event->bytes, event->size);
		if (event->complete) {
			mark(log, 'D', event->opcode, 0);
			*message = 0;
		}
		break;
	case BRI_WS_EVENT_CONTROL:
		REQUIRE(event->size <= BRI_WS_CONTROL_MAX && event->complete);
		/* inside of a message its place depends on how the message is cut: marked apart */
		if (*message == 0) {
			mark(log, 'C', event->opcode, event->code & 255u);
			add(log, event->bytes, event->size);
		}
		break;
	case BRI_WS_EVENT_FAILED:
		REQUIRE(event->code == 1002 || event->code == 1007 || event->code == 1009);
		break;
	case BRI_WS_EVENT_NONE: break;
	}
}

/* Returns the code it failed with, or 0. */
static unsigned run(const uint8_t *data, size_t size, bool is_server, uint64_t max, size_t chunk,
	struct log *log)
{
	struct bri_ws_engine ws;
	struct bri_ws_event event;
	uint64_t message = 0;
	unsigned failed = 0;
	uint8_t *copy = malloc(size + 1);

	REQUIRE(copy);
	memcpy(copy, data, size);
	log->bytes = malloc(size * 4 + 16);
	REQUIRE(log->bytes);
	log->size = 0;
	bri_ws_engine_init(&ws, is_server, max, NULL);
	for (size_t at = 0, used, n; at < size; at += used) {
		n = chunk < size - at ? chunk : size - at;
		bri_ws_engine_rx(&ws, copy + at, n, &used, &event);
		REQUIRE(used <= n && used > 0);
		REQUIRE(!failed || event.kind == BRI_WS_EVENT_NONE);
		on_event(log, &event, max, &message);
		if (event.kind == BRI_WS_EVENT_FAILED)
			failed = event.code;
	}
	free(copy);
	return failed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t chunks[] = { 1, 3, size / 2 + 1 };
	struct log whole, cut;
	unsigned failed;
	bool is_server;
	uint64_t max;

	if (!size)
		return 0;
	is_server = data[0] & 1;
	max = data[0] >> 1;
	data++;
	size--;
	failed = run(data, size, is_server, max, size ? size : 1, &whole);
	for (size_t i = 0; i < BRI_LEN(chunks); i++) {
		REQUIRE(run(data, size, is_server, max, chunks[i], &cut) == failed);
		/* text that turns bad in a piece gives more before it in smaller pieces */
		if (!failed)
			REQUIRE(cut.size == whole.size &&
				memcmp(cut.bytes, whole.bytes, cut.size) == 0);
		free(cut.bytes);
	}
	free(whole.bytes);
	return 0;
}
