/*
 * The WebSocket codec by itself: frame headers, masks, UTF-8, heads of HTTP, the handshake's rules,
 * and that all of them give the same result for every way to cut their input.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "proto/ws/ws_handshake.h"

/* --- frames --- */

static void headers_are_the_shortest_and_come_back(void **state)
{
	static const struct {
		uint64_t size;
		size_t header;
	} cases[] = { { 0, 2 }, { 125, 2 }, { 126, 4 }, { 65535, 4 }, { 65536, 10 },
		{ INT64_MAX, 10 } };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		for (unsigned masked = 0; masked < 2; masked++) {
			struct bri_ws_frame frame = { .size = cases[i].size,
				.opcode = 2,
				.rsv = masked ? 5 : 0,
				.fin = !masked,
				.masked = masked,
				.key = { 1, 2, 3, 4 } };
			struct bri_ws_frame_reader reader = { .have = 0 };
			struct bri_ws_frame got;
			uint8_t bytes[BRI_WS_FRAME_HEADER_MAX + 1];
			size_t size = bri_ws_frame_encode(&frame, bytes), used;

			assert_int_equal(size, cases[i].header + 4 * masked);
			/* byte by byte; what is behind the header is not taken */
			for (size_t at = 0; at + 1 < size; at++) {
				assert_int_equal(
					bri_ws_frame_rx(&reader, bytes + at, 1, &used, &got),
					BRI_WS_FRAME_MORE);
				assert_int_equal(used, 1);
			}
			assert_int_equal(
				bri_ws_frame_rx(&reader, bytes + size - 1, 2, &used, &got), 0);
			assert_int_equal(used, 1);
			assert_int_equal(got.size, frame.size);
			assert_int_equal(got.opcode, 2);
			assert_int_equal(got.rsv, frame.rsv);
			assert_int_equal(got.fin, frame.fin);
			assert_int_equal(got.masked, frame.masked);
			if (masked)
				assert_memory_equal(got.key, frame.key, 4);
		}
	}
}

static void lengths_that_are_too_long_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		int expected;
	} cases[] = {
		{ "\x82\x7e\x00\x7d", 4, -EPROTO },
		{ "\x82\x7e\x00\x7e", 4, 0 },
		{ "\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff", 10, -EPROTO },
		{ "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10, 0 },
		{ "\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00", 10, -EPROTO },
		{ "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10, 0 },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		struct bri_ws_frame_reader reader = { .have = 0 };
		struct bri_ws_frame frame;
		size_t used;

		assert_int_equal(bri_ws_frame_rx(&reader, (const uint8_t *)cases[i].bytes,
					 cases[i].size, &used, &frame),
			cases[i].expected);
	}
}

static void masks_at_every_offset_and_alignment(void **state)
{
	static const uint8_t key[4] = { 0x0f, 0xf0, 0x55, 0xaa };
	uint8_t from[80], to[80];

	(void)state;
	for (size_t i = 0; i < sizeof(from); i++)
		from[i] = (uint8_t)(i * 7);
	for (uint64_t offset = 0; offset < 6; offset++) {
		for (size_t start = 0; start < 9; start++) {
			for (size_t size = 0; size <= 70; size++) {
				memcpy(to, from, sizeof(to));
				bri_ws_frame_mask(to + start, from + start, size, key, offset);
				for (size_t i = 0; i < size; i++)
					assert_int_equal(to[start + i],
						from[start + i] ^ key[(offset + i) % 4]);
				assert_int_equal(to[start + size], from[start + size]);
				bri_ws_frame_mask(to + start, to + start, size, key, offset);
				assert_memory_equal(to, from, sizeof(to));
			}
		}
	}
}

/* --- UTF-8 --- */

/* by the definition: what number is it, and is it written in the shortest way? */
static bool is_utf8_by_numbers(const uint8_t *p, size_t size)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };

	for (size_t i = 0; i < size;) {
		unsigned more = p[i] < 0x80 ? 0 : p[i] >> 5 == 6 ? 1 : p[i] >> 4 == 14 ? 2 : 3;
		uint32_t c = more ? p[i] & (0x3fu >> more) : p[i];

		if (p[i] >= 0x80 && (p[i] >> 6 == 2 || p[i] >= 0xf8))
			return false;
		if (more >= size - i)
			return false;
		for (unsigned k = 1; k <= more; k++) {
			if (p[i + k] >> 6 != 2)
				return false;
			c = c << 6 | (p[i + k] & 63u);
		}
		if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
			return false;
		i += more + 1;
	}
	return true;
}

static bool is_utf8(const uint8_t *p, size_t size, size_t chunk)
{
	struct bri_ws_utf8 utf8 = { 0 };

	for (size_t at = 0; at < size; at += chunk) {
		if (!bri_ws_utf8_feed(&utf8, p + at, bri_min_size(chunk, size - at)))
			return false;
	}
	return bri_ws_utf8_is_whole(&utf8);
}

static void utf8_agrees_with_its_definition(void **state)
{
	uint8_t text[4];
	static const uint8_t tails[] = { 0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0,
		0xff };

	(void)state;
	/* all pairs of first bytes, and the bounds of those that follow */
	for (unsigned a = 0; a < 256; a++) {
		for (unsigned b = 0; b < 256; b++) {
			for (size_t i = 0; i < BRI_LEN(tails) * BRI_LEN(tails); i++) {
				text[0] = (uint8_t)a;
				text[1] = (uint8_t)b;
				text[2] = tails[i % BRI_LEN(tails)];
				text[3] = tails[i / BRI_LEN(tails)];
				for (size_t size = 1; size <= 4; size++) {
					bool expected = is_utf8_by_numbers(text, size);

					assert_int_equal(is_utf8(text, size, 4), expected);
					assert_int_equal(is_utf8(text, size, 1), expected);
				}
			}
		}
	}
}

static void utf8_in_long_texts(void **state)
{
	uint8_t text[64];

	(void)state;
	for (size_t at = 0; at + 2 <= sizeof(text); at++) {
		memset(text, 'a', sizeof(text));
		text[at] = 0xc3;
		text[at + 1] = 0xa4;
		for (size_t chunk = 1; chunk <= sizeof(text); chunk++)
			assert_true(is_utf8(text, sizeof(text), chunk));
		text[at + 1] = 'a';
		for (size_t chunk = 1; chunk <= sizeof(text); chunk++)
			assert_false(is_utf8(text, sizeof(text), chunk));
	}
}

/* --- heads --- */

static int read_head(
	struct bri_ws_head *head, const char *text, size_t size, size_t chunk, size_t *ret_used)
{
	int r = BRI_WS_HEAD_MORE;
	size_t at = 0, used;

	bri_ws_head_init(head);
	while (r == BRI_WS_HEAD_MORE && at < size) {
		r = bri_ws_head_rx(head, text + at, bri_min_size(chunk, size - at), &used);
		at += used;
	}
	*ret_used = at;
	return r;
}

static void heads_are_the_same_however_they_are_cut(void **state)
{
	static const char text[] = "GET /a?b HTTP/1.1\r\nHost:  example.org\t \r\nEmpty:\r\n"
				   "List: a, ,b\r\nlist:c\r\n\r\nBEHIND";
	struct bri_ws_head head;
	size_t used, count;

	(void)state;
	for (size_t chunk = 1; chunk < sizeof(text); chunk++) {
		assert_int_equal(read_head(&head, text, sizeof(text) - 1, chunk, &used), 0);
		assert_int_equal(used, sizeof(text) - 1 - 6);
		assert_int_equal(head.n, 4);
		assert_string_equal(bri_ws_head_start(&head), "GET /a?b HTTP/1.1");
		assert_string_equal(bri_ws_head_find(&head, "HOST", &count), "example.org");
		assert_string_equal(bri_ws_head_find(&head, "empty", &count), "");
		assert_null(bri_ws_head_find(&head, "List", &count));
		assert_int_equal(count, 2);
		assert_null(bri_ws_head_find(&head, "none", &count));
		assert_int_equal(count, 0);
		assert_true(bri_ws_head_has_word(&head, "LIST", "B"));
		assert_true(bri_ws_head_has_word(&head, "List", "c"));
		assert_false(bri_ws_head_has_word(&head, "List", "ab"));
		assert_false(bri_ws_head_has_word(&head, "List", ""));
		bri_ws_head_fini(&head);
	}
}

static void heads_that_are_none(void **state)
{
	static const char *const bad[] = {
		"\r\n\r\n",
		"GET / HTTP/1.1\n\n",
		"GET / HTTP/1.1\r\nNoColon\r\n\r\n",
		"GET / HTTP/1.1\r\nSpace : a\r\n\r\n",
		"GET / HTTP/1.1\r\n: a\r\n\r\n",
		"GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
		"GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
		"GET / HTTP/1.1\r\nA: \x01\r\n\r\n",
		"GET / HTTP/1.1\r\nA: \x7f\r\n\r\n",
		"GET / HTTP/1.1\r\nA(: b\r\n\r\n",
		"GET / HTTP/1.1\r\nA: b\n\r\n",
		"\x16\x03\x01",
		"GET /\r / HTTP/1.1\r\n",
	};
	struct bri_ws_head head;
	size_t used;

	(void)state;
	for (size_t i = 0; i < BRI_LEN(bad); i++) {
		for (size_t chunk = 1; chunk <= strlen(bad[i]); chunk++) {
			assert_int_equal(
				read_head(&head, bad[i], strlen(bad[i]), chunk, &used), -EPROTO);
			bri_ws_head_fini(&head);
		}
	}
	/* a NUL is no text either */
	assert_int_equal(
		read_head(&head, "GET / HTTP/1.1\r\nA: \0b\r\n\r\n", 26, 99, &used), -EPROTO);
	bri_ws_head_fini(&head);
}

/* A head of exactly `size` bytes. */
static char *head_of(size_t size)
{
	static const char start[] = "GET / HTTP/1.1\r\nA: ";
	char *text = malloc(size + 1);

	memset(text, 'x', size);
	memcpy(text, start, sizeof(start) - 1);
	memcpy(text + size - 4, "\r\n\r\n", 5);
	return text;
}

static void heads_at_their_limits(void **state)
{
	struct bri_ws_head head;
	char *text = head_of(BRI_WS_HEAD_MAX);
	char many[16 + (BRI_WS_HEAD_FIELDS_MAX + 1) * 6 + 3] = "GET / HTTP/1.1\r\n";
	size_t used, chunks[] = { 1, 1000, SIZE_MAX };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(chunks); i++) {
		assert_int_equal(read_head(&head, text, BRI_WS_HEAD_MAX, chunks[i], &used), 0);
		bri_ws_head_fini(&head);
	}
	free(text);
	text = head_of(BRI_WS_HEAD_MAX + 1);
	for (size_t i = 0; i < BRI_LEN(chunks); i++) {
		assert_int_equal(
			read_head(&head, text, BRI_WS_HEAD_MAX + 1, chunks[i], &used), -EMSGSIZE);
		bri_ws_head_fini(&head);
	}
	free(text);
	for (int i = 0; i < BRI_WS_HEAD_FIELDS_MAX; i++)
		memcpy(many + 16 + i * 6, "a: b\r\n", 6);
	memcpy(many + 16 + BRI_WS_HEAD_FIELDS_MAX * 6, "\r\n", 2);
	assert_int_equal(read_head(&head, many, 16 + BRI_WS_HEAD_FIELDS_MAX * 6 + 2, 7, &used), 0);
	bri_ws_head_fini(&head);
	memcpy(many + 16 + BRI_WS_HEAD_FIELDS_MAX * 6, "a: b\r\n\r\n", 8);
	assert_int_equal(
		read_head(&head, many, 16 + BRI_WS_HEAD_FIELDS_MAX * 6 + 8, 7, &used), -EMSGSIZE);
	bri_ws_head_fini(&head);
}

/* --- the handshake --- */

static int zeroes(void *bytes, size_t size)
{
	memset(bytes, 0, size);
	return 0;
}

static int broken(void *bytes, size_t size)
{
	(void)bytes;
	(void)size;
	return -EIO;
}

static void keys_and_their_answer(void **state)
{
	char key[BRI_WS_KEY_SIZE], other[BRI_WS_KEY_SIZE], accept[BRI_WS_ACCEPT_SIZE];

	(void)state;
	/* the sample of RFC 6455, 1.3 */
	assert_int_equal(bri_ws_handshake_accept("dGhlIHNhbXBsZSBub25jZQ==", accept), 0);
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	assert_int_equal(bri_ws_handshake_key(zeroes, key), 0);
	assert_string_equal(key, "AAAAAAAAAAAAAAAAAAAAAA==");
	assert_int_equal(bri_ws_handshake_key(broken, key), -EIO);
	assert_int_equal(bri_ws_handshake_key(NULL, key), 0);
	assert_int_equal(bri_ws_handshake_key(NULL, other), 0);
	assert_string_not_equal(key, other);
}

#define KEY_LINE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define REQUEST                                                                                    \
	"GET /chat HTTP/1.1\r\nHost: a\r\nupgrade: WebSocket\r\n"                                  \
	"Connection: keep-alive, UPGRADE\r\n"

static unsigned check_request(const char *text)
{
	struct bri_ws_head head;
	const char *key = NULL;
	size_t used;
	unsigned status;

	assert_int_equal(read_head(&head, text, strlen(text), 11, &used), 0);
	status = bri_ws_handshake_check_request(&head, &key);
	if (!status)
		assert_string_equal(key, "dGhlIHNhbXBsZSBub25jZQ==");
	bri_ws_head_fini(&head);
	return status;
}

static void requests_are_judged(void **state)
{
	static const struct {
		const char *text;
		unsigned status;
	} cases[] = {
		{ REQUEST KEY_LINE "Sec-WebSocket-Version: 13\r\n\r\n", 0 },
		{ REQUEST KEY_LINE "Sec-WebSocket-Version: 13\r\n"
				   "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
			0 },
		{ REQUEST KEY_LINE "Sec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n", 0 },
		{ REQUEST KEY_LINE "Sec-WebSocket-Version: 13\r\nContent-Length: 5\r\n\r\n", 400 },
		{ REQUEST KEY_LINE
			"Sec-WebSocket-Version: 13\r\nTransfer-Encoding: chunked\r\n\r\n",
			400 },
		{ REQUEST KEY_LINE "Sec-WebSocket-Version: 8\r\n\r\n", 426 },
		{ REQUEST KEY_LINE "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13\r\n\r\n",
			426 },
		{ REQUEST KEY_LINE "\r\n", 400 },
		{ REQUEST "Sec-WebSocket-Version: 13\r\n\r\n", 400 },
		{ REQUEST KEY_LINE KEY_LINE "Sec-WebSocket-Version: 13\r\n\r\n", 400 },
		{ REQUEST KEY_LINE "Host: b\r\nSec-WebSocket-Version: 13\r\n\r\n", 400 },
		/* keys that are not 16 bytes, or not base64 */
		{ REQUEST "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ\r\n"
			  "Sec-WebSocket-Version: 13\r\n\r\n",
			400 },
		{ REQUEST "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j*Q==\r\n"
			  "Sec-WebSocket-Version: 13\r\n\r\n",
			400 },
		{ REQUEST "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n"
			  "Sec-WebSocket-Version: 13\r\n\r\n",
			400 },
		{ "POST /chat HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET /chat HTTP/1.0\r\nHost: a\r\n\r\n", 400 },
		{ "GET chat HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET /chat\r\nHost: a\r\n\r\n", 400 },
		{ "GET /a /b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "G\r\n\r\n", 400 },
		{ "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websockets\r\nConnection: "
		  "Upgrade\r\n" KEY_LINE "Sec-WebSocket-Version: 13\r\n\r\n",
			400 },
		{ "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: "
		  "close\r\n" KEY_LINE "Sec-WebSocket-Version: 13\r\n\r\n",
			400 },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++)
		assert_int_equal(check_request(cases[i].text), cases[i].status);
}

#define ANSWER                                                                                     \
	"HTTP/1.1 101 Fine\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"                       \
	"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

static int check_answer(const char *text, const char *expected_protocol)
{
	static const struct bri_ws_pair offered[] = { { "chat", "" }, { "superchat", "" } };
	const char *protocol = NULL;
	struct bri_ws_head head;
	size_t used;
	int r;

	assert_int_equal(read_head(&head, text, strlen(text), 11, &used), 0);
	r = bri_ws_handshake_check_answer(
		&head, "dGhlIHNhbXBsZSBub25jZQ==", offered, BRI_LEN(offered), &protocol);
	if (!r && expected_protocol)
		assert_string_equal(protocol, expected_protocol);
	else
		assert_null(protocol);
	bri_ws_head_fini(&head);
	return r;
}

static void answers_are_judged(void **state)
{
	static const struct {
		const char *text, *protocol;
		int result;
	} cases[] = {
		{ ANSWER "\r\n", NULL, 0 },
		{ ANSWER "Sec-WebSocket-Protocol: superchat\r\n\r\n", "superchat", 0 },
		{ ANSWER "Sec-WebSocket-Protocol: other\r\n\r\n", NULL, -ECONNABORTED },
		{ ANSWER "Sec-WebSocket-Protocol: chat, superchat\r\n\r\n", NULL, -ECONNABORTED },
		{ ANSWER "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n\r\n",
			NULL, -ECONNABORTED },
		{ ANSWER "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", NULL,
			-ECONNABORTED },
		{ "HTTP/1.1 101\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
		  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
			NULL, 0 },
		{ "HTTP/1.1 101 Fine\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
		  "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
			NULL, -ECONNABORTED },
		{ "HTTP/1.1 101 Fine\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", NULL,
			-ECONNABORTED },
		{ "HTTP/1.1 101 Fine\r\nConnection: upgrade\r\n"
		  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
			NULL, -ECONNABORTED },
		{ "HTTP/1.1 101 Fine\r\nUpgrade: websocket\r\n"
		  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
			NULL, -ECONNABORTED },
		{ "HTTP/1.1 400 Bad Request\r\n\r\n", NULL, -ECONNABORTED },
		{ "HTTP/1.1 200 OK\r\n\r\n", NULL, -ECONNABORTED },
		{ "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", NULL, -ECONNABORTED },
		{ "HTTP/1.1 100 Continue\r\n\r\n", NULL, -EPROTO },
		{ "HTTP/1.0 101 Fine\r\n\r\n", NULL, -EPROTO },
		{ "HTTP/1.1 1011 Fine\r\n\r\n", NULL, -EPROTO },
		{ "SSH-2.0-OpenSSH\r\n\r\n", NULL, -EPROTO },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++)
		assert_int_equal(check_answer(cases[i].text, cases[i].protocol), cases[i].result);
}

static void what_is_written_can_be_read(void **state)
{
	static const struct bri_ws_pair protocols[] = { { "chat", "" }, { "superchat", "" } };
	static const struct bri_ws_pair headers[] = { { "X-A", "1" }, { "X-B", "" } };
	struct bri_ws_request request = { .target = "/a?b",
		.host = "[::1]:80",
		.key = "dGhlIHNhbXBsZSBub25jZQ==",
		.protocols = protocols,
		.n_protocols = 2,
		.headers = headers,
		.n_headers = 2 };
	struct bri_ws_answer answer = { .status = 101,
		.accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
		.protocol = "chat",
		.headers = headers,
		.n_headers = 2 };
	struct bri_ws_head head;
	size_t size, used, n;
	char *text = bri_ws_handshake_encode_request(&request, &size);
	const char *key;

	(void)state;
	assert_int_equal(read_head(&head, text, size, size, &used), 0);
	assert_int_equal(used, size);
	assert_int_equal(bri_ws_handshake_check_request(&head, &key), 0);
	assert_string_equal(bri_ws_head_start(&head), "GET /a?b HTTP/1.1");
	assert_string_equal(
		bri_ws_head_find(&head, "Sec-WebSocket-Protocol", &n), "chat, superchat");
	assert_string_equal(bri_ws_head_find(&head, "Host", &n), "[::1]:80");
	assert_string_equal(bri_ws_head_find(&head, "X-B", &n), "");
	bri_ws_head_fini(&head);
	free(text);
	text = bri_ws_handshake_encode_answer(&answer, &size);
	text = realloc(text, size + 1);
	text[size] = 0;
	assert_int_equal(check_answer(text, "chat"), 0);
	free(text);
	answer.status = 426;
	text = bri_ws_handshake_encode_answer(&answer, &size);
	assert_int_equal(read_head(&head, text, size, size, &used), 0);
	assert_string_equal(bri_ws_head_find(&head, "Sec-WebSocket-Version", &n), "13");
	assert_null(bri_ws_head_find(&head, "Sec-WebSocket-Accept", &n));
	bri_ws_head_fini(&head);
	free(text);
}

static void the_handshakes_own_headers(void **state)
{
	(void)state;
	assert_true(bri_ws_handshake_owns("upgrade"));
	assert_true(bri_ws_handshake_owns("SEC-WEBSOCKET-KEY"));
	assert_true(bri_ws_handshake_owns("Content-Length"));
	assert_false(bri_ws_handshake_owns("Origin"));
	assert_false(bri_ws_handshake_owns("Host"));
}

/* --- the engine's own rules of sending --- */

static void what_may_be_sent(void **state)
{
	struct bri_ws_engine ws;
	struct bri_ws_header header;
	uint8_t frame[BRI_WS_CONTROL_FRAME_MAX];
	char reason[BRI_WS_REASON_MAX + 1] = { 0 };

	(void)state;
	bri_ws_engine_init(&ws, true, 0, NULL);
	assert_int_equal(bri_ws_engine_tx(&ws, BRI_WS_TEXT, false, 5, &header), 0);
	assert_int_equal(header.bytes[0], 0x01);
	assert_false(header.masked);
	assert_int_equal(bri_ws_engine_tx(&ws, BRI_WS_BINARY, true, 5, &header), -EBUSY);
	assert_int_equal(bri_ws_engine_tx_control(&ws, BRI_WS_PING, "a", 1, frame), 3);
	assert_int_equal(bri_ws_engine_tx_control(&ws, BRI_WS_PING, reason, 126, frame), -EMSGSIZE);
	assert_int_equal(bri_ws_engine_tx(&ws, BRI_WS_TEXT, false, 5, &header), 0);
	assert_int_equal(header.bytes[0], 0x00);
	assert_int_equal(bri_ws_engine_tx(&ws, BRI_WS_TEXT, true, 0, &header), 0);
	assert_int_equal(header.bytes[0], 0x80);
	assert_int_equal(bri_ws_engine_tx(&ws, BRI_WS_BINARY, true, 70000, &header), 0);
	assert_int_equal(header.bytes[0], 0x82);
	assert_int_equal(header.size, 10);
	assert_int_equal(
		bri_ws_engine_tx_close(&ws, 1000, reason, sizeof(reason), frame), -EMSGSIZE);
	assert_int_equal(bri_ws_engine_tx_close(&ws, 1000, reason, BRI_WS_REASON_MAX, frame), 127);
	assert_int_equal(bri_ws_engine_tx_close(&ws, 1000, NULL, 0, frame), -EPIPE);
	assert_int_equal(bri_ws_engine_tx_control(&ws, BRI_WS_PONG, NULL, 0, frame), -EPIPE);
	assert_int_equal(bri_ws_engine_tx(&ws, BRI_WS_TEXT, true, 0, &header), -EPIPE);
}

static void clients_mask_with_fresh_keys(void **state)
{
	struct bri_ws_engine ws;
	struct bri_ws_header a, b;

	(void)state;
	bri_ws_engine_init(&ws, false, 0, NULL);
	assert_int_equal(bri_ws_engine_tx(&ws, BRI_WS_BINARY, true, 5, &a), 0);
	assert_true(a.masked);
	assert_int_equal(a.bytes[1], 0x85);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(bri_ws_engine_tx(&ws, BRI_WS_BINARY, true, 5, &b), 0);
		assert_memory_not_equal(a.key, b.key, 4);
		a = b;
	}
	bri_ws_engine_init(&ws, false, 0, broken);
	assert_int_equal(bri_ws_engine_tx(&ws, BRI_WS_BINARY, true, 5, &a), -EIO);
}

static void codes_of_the_wire(void **state)
{
	(void)state;
	for (unsigned code = 0; code < 70000; code++) {
		bool good = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
			    (code >= 3000 && code <= 4999);

		assert_int_equal(bri_ws_engine_is_code(code), good);
	}
}

/* a message of exactly the limit, and one more, whole and in fragments; nothing overflows */
static void sizes_at_their_limit(void **state)
{
	struct bri_ws_engine ws;
	struct bri_ws_event event;
	size_t used;

	(void)state;
	for (unsigned over = 0; over < 2; over++) {
		uint8_t whole[] = { 0x82, 5, 1, 2, 3, 4, 5 };
		uint8_t parts[] = { 0x02, 2, 1, 2, 0x80, 3, 3, 4, 5 };
		uint8_t huge[] = { 0x02, 1, 1, 0x80, 0x7f, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
			0xff };

		bri_ws_engine_init(&ws, false, 5 - over, NULL);
		bri_ws_engine_rx(&ws, whole, sizeof(whole), &used, &event);
		assert_int_equal(event.kind, over ? BRI_WS_EVENT_FAILED : BRI_WS_EVENT_DATA);
		assert_int_equal(event.code, over ? 1009 : 0);
		bri_ws_engine_init(&ws, false, 5 - over, NULL);
		bri_ws_engine_rx(&ws, parts, sizeof(parts), &used, &event);
		assert_int_equal(event.kind, BRI_WS_EVENT_DATA);
		assert_false(bri_ws_engine_is_between(&ws));
		bri_ws_engine_rx(&ws, parts + used, sizeof(parts) - used, &used, &event);
		assert_int_equal(event.kind, over ? BRI_WS_EVENT_FAILED : BRI_WS_EVENT_DATA);
		bri_ws_engine_init(&ws, false, over ? UINT64_MAX : 0, NULL);
		bri_ws_engine_rx(&ws, huge, sizeof(huge), &used, &event);
		bri_ws_engine_rx(&ws, huge + used, sizeof(huge) - used, &used, &event);
		assert_int_equal(event.kind, BRI_WS_EVENT_NONE);
	}
}

static void nothing_is_read_behind_the_end(void **state)
{
	uint8_t bytes[] = { 0x88, 0x02, 0x03, 0xe8, 0xff, 0xff, 0xff };
	struct bri_ws_engine ws;
	struct bri_ws_event event;
	size_t used;

	(void)state;
	bri_ws_engine_init(&ws, false, 0, NULL);
	bri_ws_engine_rx(&ws, bytes, sizeof(bytes), &used, &event);
	assert_int_equal(event.kind, BRI_WS_EVENT_CONTROL);
	assert_int_equal(event.code, 1000);
	assert_int_equal(used, sizeof(bytes));
	bri_ws_engine_rx(&ws, bytes, sizeof(bytes), &used, &event);
	assert_int_equal(event.kind, BRI_WS_EVENT_NONE);
	assert_int_equal(used, sizeof(bytes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_the_shortest_and_come_back),
		cmocka_unit_test(lengths_that_are_too_long_are_refused),
		cmocka_unit_test(masks_at_every_offset_and_alignment),
		cmocka_unit_test(utf8_agrees_with_its_definition),
		cmocka_unit_test(utf8_in_long_texts),
		cmocka_unit_test(heads_are_the_same_however_they_are_cut),
		cmocka_unit_test(heads_that_are_none),
		cmocka_unit_test(heads_at_their_limits),
		cmocka_unit_test(keys_and_their_answer),
		cmocka_unit_test(requests_are_judged),
		cmocka_unit_test(answers_are_judged),
		cmocka_unit_test(what_is_written_can_be_read),
		cmocka_unit_test(the_handshakes_own_headers),
		cmocka_unit_test(what_may_be_sent),
		cmocka_unit_test(clients_mask_with_fresh_keys),
		cmocka_unit_test(codes_of_the_wire),
		cmocka_unit_test(sizes_at_their_limit),
		cmocka_unit_test(nothing_is_read_behind_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
