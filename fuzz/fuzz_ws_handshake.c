/*
 * Heads of a WebSocket handshake, as server and as client: whole against byte by byte, the results
 * must agree; what is accepted must hold what the rules say.
 */
#include <stdlib.h>
#include <string.h>
#include "proto/ws/ws_handshake.h"

#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int feed(
	struct bri_ws_head *head, const uint8_t *data, size_t size, size_t chunk, size_t *ret_used)
{
	int r = BRI_WS_HEAD_MORE;
	size_t at = 0, used, n;

	bri_ws_head_init(head);
	while (r == BRI_WS_HEAD_MORE && at < size) {
		n = chunk < size - at ? chunk : size - at;
		r = bri_ws_head_rx(head, data + at, n, &used);
		REQUIRE(used <= n && (used == n || r != BRI_WS_HEAD_MORE));
		at += used;
	}
	*ret_used = at;
	return r;
}

static void compare(const struct bri_ws_head *a, const struct bri_ws_head *b)
{
	REQUIRE(a->n == b->n && a->size == b->size && a->size <= BRI_WS_HEAD_MAX);
	REQUIRE(a->n <= BRI_WS_HEAD_FIELDS_MAX);
	for (size_t i = 0; i < a->n; i++) {
		REQUIRE(strcmp(bri_ws_head_name(a, i), bri_ws_head_name(b, i)) == 0);
		REQUIRE(strcmp(bri_ws_head_value(a, i), bri_ws_head_value(b, i)) == 0);
		REQUIRE(bri_ws_head_is_token(
			bri_ws_head_name(a, i), strlen(bri_ws_head_name(a, i))));
	}
}

static void judge(const struct bri_ws_head *head)
{
	static const struct bri_ws_pair offered[] = { { "chat", "" }, { "superchat", "" } };
	static const char key[] = "dGhlIHNhbXBsZSBub25jZQ==";
	const char *found, *protocol, *cursor, *word;
	char accept[BRI_WS_ACCEPT_SIZE];
	size_t n;

	if (!bri_ws_handshake_check_request(head, &found)) {
		REQUIRE(strlen(found) == BRI_WS_KEY_SIZE - 1);
		REQUIRE(bri_ws_handshake_accept(found, accept) == 0);
	}
	if (!bri_ws_handshake_check_answer(head, key, offered, 2, &protocol))
		REQUIRE(!protocol || strstr(protocol, "chat"));
	for (size_t i = 0; i < head->n; i++) {
		cursor = bri_ws_head_value(head, i);
		while ((word = bri_ws_head_next_word(&cursor, &n)))
			REQUIRE(n > 0 && !memchr(word, ',', n));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t chunks[] = { 1, 7, size / 2 + 1 }, used, cut_used;
	struct bri_ws_head whole, cut;
	int r = feed(&whole, data, size, size ? size : 1, &used);

	for (size_t i = 0; i < BRI_LEN(chunks); i++) {
		/* a limit may be met in another place of a chunk: the verdict is the same */
		REQUIRE(feed(&cut, data, size, chunks[i], &cut_used) == r);
		if (r == 0) {
			REQUIRE(used == cut_used);
			compare(&whole, &cut);
		}
		bri_ws_head_fini(&cut);
	}
	if (r == 0)
		judge(&whole);
	bri_ws_head_fini(&whole);
	return 0;
}
