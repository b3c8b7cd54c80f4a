/* The request decoder of `braid check --listen`: rules, limits, and the same result for every cut.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "cli/http_request.h"

struct sample {
	const char *bytes;
	unsigned status; /* 0: not complete yet */
	enum bri_http_format format;
};

#define HOST "Host: a\r\n"

static const struct sample samples[] = {
	{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200, BRI_HTTP_TEXT },
	{ "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 200, BRI_HTTP_TEXT },
	{ "GET / HTTP/1.1\nHost: a\n\n", 200, BRI_HTTP_TEXT },
	{ "GET / HTTP/1.0\r\n\r\n", 200, BRI_HTTP_TEXT },
	{ "HEAD /x HTTP/1.1\r\nhOsT:a\r\n\r\n", 200, BRI_HTTP_TEXT },
	{ "GET http://h/ HTTP/1.1\r\n" HOST "\r\n", 200, BRI_HTTP_TEXT },
	{ "GET / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 200, BRI_HTTP_TEXT },
	/* not yet complete */
	{ "", 0, BRI_HTTP_TEXT },
	{ "GET / HTTP/1.1\r\nHost: a\r\n", 0, BRI_HTTP_TEXT },
	{ "GET / HTTP/1.1", 0, BRI_HTTP_TEXT },
	/* refused */
	{ "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 400, BRI_HTTP_TEXT },
	{ "GET / HTTP/1.1\r\n\r\n", 400, BRI_HTTP_TEXT },
	{ "GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400, BRI_HTTP_TEXT },
	{ "GET  / HTTP/1.1\r\n" HOST "\r\n", 400, BRI_HTTP_TEXT },
	{ "GET / HTTP/1.1 \r\n" HOST "\r\n", 400, BRI_HTTP_TEXT },
	{ "GET /\r\n" HOST "\r\n", 400, BRI_HTTP_TEXT },
	{ "G(T / HTTP/1.1\r\n" HOST "\r\n", 400, BRI_HTTP_TEXT },
	{ "GET x HTTP/1.1\r\n" HOST "\r\n", 400, BRI_HTTP_TEXT },
	{ "GET * HTTP/1.1\r\n" HOST "\r\n", 400, BRI_HTTP_TEXT },
	{ "GET /\x80 HTTP/1.1\r\n" HOST "\r\n", 400, BRI_HTTP_TEXT },
	{ "GET / HTTP/11\r\n" HOST "\r\n", 400, BRI_HTTP_TEXT },
	{ "GET / http/1.1\r\n" HOST "\r\n", 400, BRI_HTTP_TEXT },
	{ "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, BRI_HTTP_TEXT },
	{ "GET / HTTP/1.1\r\n" HOST " folded\r\n\r\n", 400, BRI_HTTP_TEXT },
	{ "GET / HTTP/1.1\r\n" HOST "nocolon\r\n\r\n", 400, BRI_HTTP_TEXT },
	{ "GET / HTTP/1.1\r\n" HOST "A: b\rc\r\n\r\n", 400, BRI_HTTP_TEXT },
	{ "GET / HTTP/1.1\r\n" HOST "A: \x01\r\n\r\n", 400, BRI_HTTP_TEXT },
	{ "GET / HTTP/1.1\r\r\n" HOST "\r\n", 400, BRI_HTTP_TEXT },
	{ "GET / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", 400, BRI_HTTP_TEXT },
	{ "GET / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", 400, BRI_HTTP_TEXT },
	{ "POST / HTTP/1.1\r\n" HOST "\r\n", 405, BRI_HTTP_TEXT },
	{ "GETS / HTTP/1.1\r\n" HOST "\r\n", 405, BRI_HTTP_TEXT },
	{ "GET / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n", 413, BRI_HTTP_TEXT },
	{ "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 501, BRI_HTTP_TEXT },
	{ "GET / HTTP/2.0\r\n" HOST "\r\n", 505, BRI_HTTP_TEXT },
	{ "\x16\x03\x01\x02\n", 400, BRI_HTTP_TEXT },
	/* which answer */
	{ "GET / HTTP/1.1\r\n" HOST "Accept: */*\r\n\r\n", 200, BRI_HTTP_TEXT },
	{ "GET / HTTP/1.1\r\n" HOST
	  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\r\n",
		200, BRI_HTTP_HTML },
	{ "GET / HTTP/1.1\r\n" HOST "Accept: application/json\r\n\r\n", 200, BRI_HTTP_JSON },
	{ "GET / HTTP/1.1\r\n" HOST "Accept: Application/JSON ; Q=0.5 , text/*;q=0.4\r\n\r\n", 200,
		BRI_HTTP_JSON },
	{ "GET / HTTP/1.1\r\n" HOST "Accept: text/plain;q=0.1, text/html;q=0.15\r\n\r\n", 200,
		BRI_HTTP_HTML },
	{ "GET / HTTP/1.1\r\n" HOST "Accept: text/html;q=0, */*;q=0.1\r\n\r\n", 200,
		BRI_HTTP_TEXT },
	{ "GET / HTTP/1.1\r\n" HOST "Accept: text/html;q=2, application/json;q=0.1\r\n\r\n", 200,
		BRI_HTTP_JSON },
	{ "GET / HTTP/1.1\r\n" HOST "Accept: text/html\r\nAccept: application/json;q=0.5\r\n\r\n",
		200, BRI_HTTP_HTML },
	{ "GET / HTTP/1.1\r\n" HOST "Accept: ,;/,/;q=,text/html;,\r\n\r\n", 200, BRI_HTTP_HTML },
	{ "GET / HTTP/1.1\r\n" HOST "Accept:\r\n\r\n", 200, BRI_HTTP_TEXT },
	{ "GET /?format=json HTTP/1.1\r\n" HOST "Accept: text/html\r\n\r\n", 200, BRI_HTTP_JSON },
	{ "GET /a?x=1&format=html HTTP/1.1\r\n" HOST "\r\n", 200, BRI_HTTP_HTML },
	{ "GET /?format=jsonx HTTP/1.1\r\n" HOST "\r\n", 200, BRI_HTTP_TEXT },
	{ "GET /?xformat=json HTTP/1.1\r\n" HOST "\r\n", 200, BRI_HTTP_TEXT },
};

/* Feeds in chunks of `chunk` bytes. ret_total: how many bytes the decoder took. */
static int feed(struct bri_http_request *request, const void *bytes, size_t size, size_t chunk,
	size_t *ret_total)
{
	const uint8_t *p = bytes;
	int r = BRI_HTTP_REQUEST_MORE;
	size_t used;

	bri_http_request_init(request);
	*ret_total = 0;
	while (size > 0 && r == BRI_HTTP_REQUEST_MORE) {
		size_t n = size < chunk ? size : chunk;

		r = bri_http_request_rx(request, p, n, &used);
		assert_true(used <= n);
		assert_true(used == n || r != BRI_HTTP_REQUEST_MORE);
		p += used;
		size -= used;
		*ret_total += used;
	}
	return r;
}

static void test_samples_at_every_cut(void **state)
{
	struct bri_http_request request;

	(void)state;
	for (size_t i = 0; i < BRI_LEN(samples); i++) {
		const struct sample *s = &samples[i];
		size_t size = strlen(s->bytes), total, first_total = 0;

		for (size_t chunk = 1; chunk <= size + 1; chunk++) {
			int r = feed(&request, s->bytes, size, chunk, &total);
			int expect = s->status == 200 ? BRI_HTTP_REQUEST_DONE
				     : s->status == 0 ? BRI_HTTP_REQUEST_MORE
						      : BRI_HTTP_REQUEST_BAD;

			if (chunk == 1)
				first_total = total;
			if (r != expect || (s->status && request.status != s->status) ||
				(s->status == 200 && request.format != s->format) ||
				total != first_total)
				fail_msg("sample %zu chunk %zu: result %d status %u format %d used "
					 "%zu",
					i, chunk, r, request.status, (int)request.format, total);
		}
	}
}

static void test_result_stays(void **state)
{
	struct bri_http_request request;
	static const char bytes[] = "HEAD /abc HTTP/1.0\r\n\r\nrest";
	size_t total, used = 99;

	(void)state;
	assert_int_equal(feed(&request, bytes, strlen(bytes), 1000, &total), BRI_HTTP_REQUEST_DONE);
	assert_int_equal(total, strlen(bytes) - 4);
	assert_string_equal(request.target, "/abc");
	assert_true(request.is_head);
	assert_true(request.is_http10);
	assert_int_equal(bri_http_request_rx(&request, (const uint8_t *)"x", 1, &used),
		BRI_HTTP_REQUEST_DONE);
	assert_int_equal(used, 0);
	assert_int_equal(feed(&request, "GET\n", 4, 1, &total), BRI_HTTP_REQUEST_BAD);
	assert_int_equal(bri_http_request_rx(&request, (const uint8_t *)"x", 1, &used),
		BRI_HTTP_REQUEST_BAD);
	assert_int_equal(used, 0);
}

/* A NUL byte cannot be written in the table of strings. */
static void test_nul_refused(void **state)
{
	static const char in_field[] = "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n";
	static const char in_line[] = "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n";
	struct bri_http_request request;
	size_t total;

	(void)state;
	assert_int_equal(
		feed(&request, in_field, sizeof(in_field) - 1, 7, &total), BRI_HTTP_REQUEST_BAD);
	assert_int_equal(request.status, 400);
	assert_int_equal(
		feed(&request, in_line, sizeof(in_line) - 1, 7, &total), BRI_HTTP_REQUEST_BAD);
	assert_int_equal(request.status, 400);
}

/* Each limit at the limit and one over. */
static void test_total_limit(void **state)
{
	static char bytes[BRI_HTTP_REQUEST_MAX_BYTES + 64];
	struct bri_http_request request;
	size_t head, total;

	(void)state;
	for (size_t over = 0; over < 2; over++) {
		head = (size_t)snprintf(bytes, sizeof(bytes), "GET / HTTP/1.1\r\nHost: a\r\nA: ");
		memset(bytes + head, 'x', sizeof(bytes) - head);
		memcpy(bytes + BRI_HTTP_REQUEST_MAX_BYTES + over - 4, "\r\n\r\n", 4);
		assert_int_equal(
			feed(&request, bytes, BRI_HTTP_REQUEST_MAX_BYTES + over, 1000, &total),
			over ? BRI_HTTP_REQUEST_BAD : BRI_HTTP_REQUEST_DONE);
		assert_int_equal(request.status, over ? 431 : 200);
	}
	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(feed(&request, bytes, sizeof(bytes), 1000, &total), BRI_HTTP_REQUEST_BAD);
	assert_int_equal(request.status, 414);
	assert_int_equal(total, BRI_HTTP_REQUEST_MAX_BYTES + 1);
}

static void test_target_limit(void **state)
{
	static char bytes[BRI_HTTP_REQUEST_MAX_BYTES];
	struct bri_http_request request;
	size_t total;

	(void)state;
	for (size_t over = 0; over < 2; over++) {
		size_t n = BRI_HTTP_REQUEST_MAX_TARGET + over;

		memcpy(bytes, "GET /", 5);
		memset(bytes + 5, 'x', n - 1);
		snprintf(bytes + 4 + n, sizeof(bytes) - 4 - n, " HTTP/1.0\r\n\r\n");
		assert_int_equal(feed(&request, bytes, strlen(bytes), 1000, &total),
			over ? BRI_HTTP_REQUEST_BAD : BRI_HTTP_REQUEST_DONE);
		assert_int_equal(request.status, over ? 414 : 200);
	}
}

static void test_field_limit(void **state)
{
	char bytes[BRI_HTTP_REQUEST_MAX_BYTES];
	struct bri_http_request request;
	size_t total;

	(void)state;
	for (size_t over = 0; over < 2; over++) {
		size_t n = (size_t)snprintf(bytes, sizeof(bytes), "GET / HTTP/1.0\r\n");

		for (size_t i = 0; i < BRI_HTTP_REQUEST_MAX_FIELDS + over; i++)
			n += (size_t)snprintf(bytes + n, sizeof(bytes) - n, "A: b\r\n");
		n += (size_t)snprintf(bytes + n, sizeof(bytes) - n, "\r\n");
		assert_int_equal(feed(&request, bytes, n, 13, &total),
			over ? BRI_HTTP_REQUEST_BAD : BRI_HTTP_REQUEST_DONE);
		assert_int_equal(request.status, over ? 431 : 200);
	}
}

/* Mutated samples never make two cuts differ. */
static void test_random_cuts_agree(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15u;
	static struct bri_http_request whole, cut;
	char bytes[512];

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		const char *from;
		size_t size, a, b;
		int ra, rb;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		from = samples[(seed >> 33) % BRI_LEN(samples)].bytes;
		size = strlen(from);
		if (size == 0 || size >= sizeof(bytes))
			continue;
		memcpy(bytes, from, size);
		for (unsigned i = 0; i < 1 + ((seed >> 20) & 3); i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			bytes[(seed >> 33) % size] = (char)(seed >> 56);
		}
		ra = feed(&whole, bytes, size, size, &a);
		rb = feed(&cut, bytes, size, 1 + (seed >> 40) % 9, &b);
		assert_int_equal(ra, rb);
		assert_int_equal(a, b);
		assert_int_equal(whole.status, cut.status);
		assert_int_equal(whole.format, cut.format);
		assert_string_equal(whole.target, cut.target);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples_at_every_cut),
		cmocka_unit_test(test_result_stays),
		cmocka_unit_test(test_nul_refused),
		cmocka_unit_test(test_total_limit),
		cmocka_unit_test(test_target_limit),
		cmocka_unit_test(test_field_limit),
		cmocka_unit_test(test_random_cuts_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
