/* The HTTP CONNECT handshake: the request, every status, every cut, every limit, bad answers. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "proto/proxy/http_connect.h"

static int feed(
	struct bri_http_connect *c, const char *bytes, size_t size, size_t chunk, size_t *ret_used)
{
	size_t used, n, at = 0;
	int r = BRI_HTTP_CONNECT_MORE;

	bri_http_connect_init(c);
	while (at < size && r == BRI_HTTP_CONNECT_MORE) {
		n = size - at < chunk ? size - at : chunk;
		r = bri_http_connect_rx(c, (const uint8_t *)bytes + at, n, &used);
		assert_true(used <= n && (used == n || r != BRI_HTTP_CONNECT_MORE));
		at += used;
	}
	*ret_used = at;
	if (r != BRI_HTTP_CONNECT_MORE) {
		assert_int_equal(bri_http_connect_rx(c, (const uint8_t *)"x", 1, &used), r);
		assert_int_equal(used, 0);
	}
	return r;
}

/* The same for every chunk size up to `max`. */
static int feed_in_all_ways(const char *bytes, size_t size, size_t max, size_t *ret_used)
{
	struct bri_http_connect whole, cut;
	size_t used;
	int r = feed(&whole, bytes, size, size, ret_used);

	for (size_t chunk = 1; chunk < size && chunk <= max; chunk++) {
		assert_int_equal(feed(&cut, bytes, size, chunk, &used), r);
		assert_int_equal(used, *ret_used);
		assert_int_equal(cut.status, whole.status);
	}
	return r;
}

#define OK "HTTP/1.1 200 OK\r\n"

struct sample {
	const char *bytes;
	int result;
	const char *rest; /* what is not used, if anything */
};

static const struct sample samples[] = {
	{ OK "\r\n", BRI_HTTP_CONNECT_DONE, "" },
	{ OK "\r\nhello", BRI_HTTP_CONNECT_DONE, "hello" },
	{ OK "\r\n\r\n\r\n", BRI_HTTP_CONNECT_DONE, "\r\n\r\n" },
	{ "HTTP/1.0 200 Connection established\r\nProxy-agent: tinyproxy/1.11.1\r\n\r\n",
		BRI_HTTP_CONNECT_DONE, "" },
	{ "HTTP/1.1 200\r\n\r\n", BRI_HTTP_CONNECT_DONE, "" },
	{ "HTTP/1.1 200 \r\n\r\n", BRI_HTTP_CONNECT_DONE, "" },
	{ "HTTP/1.1 299 caf\xc3\xa9\r\n\r\n", BRI_HTTP_CONNECT_DONE, "" },
	{ "HTTP/1.1 204 x\n\nx", BRI_HTTP_CONNECT_DONE, "x" },
	{ OK "A:\r\nB: b\tc \r\nC: caf\xe9\r\n\r\n", BRI_HTTP_CONNECT_DONE, "" },
	/* RFC 9110 section 9.3.6: these say nothing about a tunnel */
	{ OK "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc", BRI_HTTP_CONNECT_DONE,
		"abc" },
	{ OK "A: b\r\n folded\r\n\tmore\r\n\r\n", BRI_HTTP_CONNECT_DONE, "" },
	/* interim answers */
	{ "HTTP/1.1 100 Continue\r\n\r\n" OK "\r\n", BRI_HTTP_CONNECT_DONE, "" },
	{ "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 102 P\r\n\r\n" OK "\r\nx",
		BRI_HTTP_CONNECT_DONE, "x" },
	{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 No\r\n\r\n", -EPERM, "\r\n" },
	/* not complete */
	{ "", BRI_HTTP_CONNECT_MORE, "" },
	{ "HTTP/1.1 2", BRI_HTTP_CONNECT_MORE, "" },
	{ OK, BRI_HTTP_CONNECT_MORE, "" },
	{ OK "\r", BRI_HTTP_CONNECT_MORE, "" },
	{ OK "A: b\r\n", BRI_HTTP_CONNECT_MORE, "" },
	{ "HTTP/1.1 100 Continue\r\n\r\n", BRI_HTTP_CONNECT_MORE, "" },
	/* not HTTP/1.x */
	{ "SSH-2.0-x\r\n", -EPROTO, "SH-2.0-x\r\n" },
	{ "\x05", -EPROTO, "" },
	{ "\r\n" OK "\r\n", -EPROTO, OK "\r\n" },
	{ "http/1.1 200 OK\r\n\r\n", -EPROTO, "ttp/1.1 200 OK\r\n\r\n" },
	{ "HTTP/2.0 200 OK\r\n\r\n", -EPROTO, ".0 200 OK\r\n\r\n" },
	{ "HTTP/1.x 200", -EPROTO, " 200" },
	{ "HTTP/1.1  200", -EPROTO, "200" },
	{ "HTTP/1.1 20\r\n", -EPROTO, "" },
	{ "HTTP/1.1 2x0", -EPROTO, "0" },
	{ "HTTP/1.1 2000 OK\r\n", -EPROTO, " OK\r\n" },
	{ "HTTP/1.1 099 x\r\n", -EPROTO, "" },
	{ "HTTP/1.1 000 x\r\n", -EPROTO, "" },
	{ "HTTP/1.1 101 Switching\r\n", -EPROTO, "" },
	{ "HTTP/1.1 200 O\rK\r\n", -EPROTO, "\r\n" },
	{ "HTTP/1.1 200 \x01\r\n", -EPROTO, "\r\n" },
	{ "HTTP/1.1 200\r\r\n", -EPROTO, "\n" },
	{ OK " folded\r\n", -EPROTO, "folded\r\n" },
	{ OK "A : b\r\n", -EPROTO, ": b\r\n" },
	{ OK ": b\r\n", -EPROTO, " b\r\n" },
	{ OK "nocolon\r\n", -EPROTO, "" },
	{ OK "A: \x7f\r\n", -EPROTO, "\r\n" },
	{ OK "A: b\rc\r\n", -EPROTO, "\r\n" },
	{ OK "(: b\r\n", -EPROTO, ": b\r\n" },
	{ OK "\rx", -EPROTO, "" },
};

static void answers_are_understood_however_they_are_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < BRI_LEN(samples); i++) {
		const struct sample *t = &samples[i];
		size_t size = strlen(t->bytes), used;
		int r = feed_in_all_ways(t->bytes, size, size, &used);

		if (r != t->result || strcmp(t->bytes + used, t->rest))
			fail_msg("\"%s\": %d, rest \"%s\"", t->bytes, r, t->bytes + used);
	}
}

/* Zeroes are bytes like others: refused in header lines, part of a tunnel. */
static void zero_bytes(void **state)
{
	static const char in_header[] = OK "A: \0\r\n\r\n", in_name[] = OK "A\0: b\r\n\r\n";
	static const char in_tunnel[] = OK "\r\n\0\0";
	size_t used;

	(void)state;
	assert_int_equal(feed_in_all_ways(in_header, sizeof(in_header) - 1, 99, &used), -EPROTO);
	assert_int_equal(feed_in_all_ways(in_name, sizeof(in_name) - 1, 99, &used), -EPROTO);
	assert_int_equal(feed_in_all_ways(in_tunnel, sizeof(in_tunnel) - 1, 99, &used),
		BRI_HTTP_CONNECT_DONE);
	assert_int_equal(used, sizeof(in_tunnel) - 3);
}

static int expected_error(unsigned status)
{
	static const struct {
		unsigned status;
		int error;
	} table[] = { { 401, EACCES }, { 407, EACCES }, { 403, EPERM }, { 451, EPERM },
		{ 405, EOPNOTSUPP }, { 501, EOPNOTSUPP }, { 408, ETIMEDOUT }, { 504, ETIMEDOUT },
		{ 502, EHOSTUNREACH }, { 503, EHOSTUNREACH }, { 101, EPROTO } };

	for (size_t i = 0; i < BRI_LEN(table); i++) {
		if (table[i].status == status)
			return -table[i].error;
	}
	if (status < 100)
		return -EPROTO;
	if (status < 200)
		return BRI_HTTP_CONNECT_MORE;
	if (status < 300)
		return BRI_HTTP_CONNECT_DONE;
	return status < 500 ? -ECONNREFUSED : -EREMOTEIO;
}

static void every_status_has_its_number(void **state)
{
	struct bri_http_connect c;
	char text[64];
	size_t used;

	(void)state;
	for (unsigned status = 0; status < 1000; status++) {
		int n = snprintf(text, sizeof(text), "HTTP/1.1 %03u x\r\n\r\n", status);

		assert_int_equal(
			feed_in_all_ways(text, (size_t)n, 99, &used), expected_error(status));
		feed(&c, text, (size_t)n - 2, 99, &used); /* the status line alone is enough */
		assert_int_equal(c.status, status);
	}
}

static void limits_of_the_header(void **state)
{
	char *text = malloc(2 * BRI_HTTP_CONNECT_HEAD_MAX);
	size_t n, used;

	(void)state;
	assert_non_null(text);
	for (unsigned over = 0; over < 2; over++) {
		int expected = over ? -EMSGSIZE : BRI_HTTP_CONNECT_DONE;

		/* field lines, folded ones too */
		n = (size_t)sprintf(text, OK);
		for (unsigned i = 0; i < BRI_HTTP_CONNECT_FIELDS_MAX + over; i++)
			n += (size_t)sprintf(text + n, i % 2 ? " x\r\n" : "A: b\r\n");
		n += (size_t)sprintf(text + n, "\r\n");
		assert_int_equal(feed_in_all_ways(text, n, 99, &used), expected);
		/* of several answers together */
		n = (size_t)sprintf(text, "HTTP/1.1 100 C\r\n");
		for (unsigned i = 0; i < BRI_HTTP_CONNECT_FIELDS_MAX / 2; i++)
			n += (size_t)sprintf(text + n, "A: b\r\n");
		n += (size_t)sprintf(text + n, "\r\n" OK);
		for (unsigned i = 0; i < BRI_HTTP_CONNECT_FIELDS_MAX / 2 + over; i++)
			n += (size_t)sprintf(text + n, "A: b\r\n");
		n += (size_t)sprintf(text + n, "\r\n");
		assert_int_equal(feed_in_all_ways(text, n, 99, &used), expected);
		/* bytes of one line */
		n = (size_t)sprintf(text, OK "A: ");
		memset(text + n, 'x', BRI_HTTP_CONNECT_HEAD_MAX);
		n = BRI_HTTP_CONNECT_HEAD_MAX - 4 + over;
		n += (size_t)sprintf(text + n, "\r\n\r\n");
		assert_int_equal(n, BRI_HTTP_CONNECT_HEAD_MAX + over);
		assert_int_equal(feed_in_all_ways(text, n, 16, &used), expected);
		/* a reason without an end */
		n = (size_t)sprintf(text, "HTTP/1.1 200 ");
		memset(text + n, 'x', BRI_HTTP_CONNECT_HEAD_MAX);
		assert_int_equal(
			feed_in_all_ways(text, BRI_HTTP_CONNECT_HEAD_MAX + over, 16, &used),
			over ? -EMSGSIZE : BRI_HTTP_CONNECT_MORE);
	}
	free(text);
}

/* Answers to go on waiting for do not go on for ever. */
static void endless_interim_answers_end(void **state)
{
	static const char one[] = "HTTP/1.1 100 C\r\n\r\n";
	struct bri_http_connect c;
	size_t used, total = 0;
	int r = BRI_HTTP_CONNECT_MORE;

	(void)state;
	bri_http_connect_init(&c);
	while (r == BRI_HTTP_CONNECT_MORE) {
		r = bri_http_connect_rx(&c, (const uint8_t *)one, sizeof(one) - 1, &used);
		total += used;
	}
	assert_int_equal(r, -EMSGSIZE);
	assert_int_equal(total, BRI_HTTP_CONNECT_HEAD_MAX + 1);
}

static void assert_request(struct bri_http_connect_target target, const char *expected)
{
	char buf[BRI_HTTP_CONNECT_REQUEST_MAX];
	size_t n = 0;

	if (!expected) {
		assert_int_equal(bri_http_connect_request(&target, buf, &n), -EINVAL);
		assert_int_equal(n, 0);
		return;
	}
	assert_int_equal(bri_http_connect_request(&target, buf, &n), 0);
	assert_int_equal(n, strlen(expected));
	assert_memory_equal(buf, expected, n);
}

#define TARGET(...) ((struct bri_http_connect_target) { __VA_ARGS__ })
#define PLAIN       "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n"
#define BASIC       PLAIN "Proxy-Authorization: Basic "

static void requests(void **state)
{
	(void)state;
	assert_request(TARGET("server.example.com", 80, NULL, NULL),
		"CONNECT server.example.com:80 HTTP/1.1\r\nHost: server.example.com:80\r\n\r\n");
	assert_request(TARGET("192.0.2.1", 65535, NULL, NULL),
		"CONNECT 192.0.2.1:65535 HTTP/1.1\r\nHost: 192.0.2.1:65535\r\n\r\n");
	assert_request(TARGET("2001:db8::1", 443, NULL, NULL),
		"CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n");
	assert_request(TARGET("h", 0, NULL, NULL), "CONNECT h:0 HTTP/1.1\r\nHost: h:0\r\n\r\n");
	/* RFC 7617 section 2, and its example with UTF-8 */
	assert_request(TARGET("h", 1, "Aladdin", "open sesame"),
		BASIC "QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n");
	assert_request(TARGET("h", 1, "test", "123\xc2\xa3"), BASIC "dGVzdDoxMjPCow==\r\n\r\n");
	/* RFC 4648 section 10: every length of the rest */
	assert_request(TARGET("h", 1, "", NULL), BASIC "Og==\r\n\r\n");
	assert_request(TARGET("h", 1, "a", NULL), BASIC "YTo=\r\n\r\n");
	assert_request(TARGET("h", 1, "a", "b"), BASIC "YTpi\r\n\r\n");
	assert_request(TARGET("h", 1, "a", "b:c"), BASIC "YTpiOmM=\r\n\r\n");
	assert_request(TARGET("h", 1, "\xff\xfe", "\xff"), BASIC "//46/w==\r\n\r\n");
	/* a password alone is nothing */
	assert_request(TARGET("h", 1, NULL, "secret"), PLAIN "\r\n");
}

static void bad_requests_are_not_written(void **state)
{
	static const char *const hosts[] = { "", " ", "a b", "a\r\nX: y", "a\nb", "a/b", "a?b",
		"a#b", "u@h", "[::1]", "a\\b", "caf\xc3\xa9", "a\x7f", "a\tb" };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(hosts); i++)
		assert_request(TARGET(hosts[i], 1, NULL, NULL), NULL);
	assert_request(TARGET("h", 1, "a:b", "c"), NULL);
	assert_request(TARGET("h", 1, "a\r\n", "c"), NULL);
	assert_request(TARGET("h", 1, "a", "c\n"), NULL);
	assert_request(TARGET("h", 1, "a", "c\x7f"), NULL);
	assert_request(TARGET("h", 1, "a\x1f", "c"), NULL);
}

static void limits_of_the_request(void **state)
{
	char host[BRI_HTTP_CONNECT_HOST_MAX + 2], user[BRI_HTTP_CONNECT_USER_MAX + 2];
	char password[BRI_HTTP_CONNECT_PASSWORD_MAX + 2], buf[BRI_HTTP_CONNECT_REQUEST_MAX];
	struct bri_http_connect_target all = { host + 1, 65535, user + 1, password + 1 };
	size_t n;

	(void)state;
	memset(host, ':', sizeof(host)); /* with brackets it is longest */
	memset(user, 'u', sizeof(user));
	memset(password, 'p', sizeof(password));
	host[sizeof(host) - 1] = user[sizeof(user) - 1] = password[sizeof(password) - 1] = 0;
	assert_int_equal(bri_http_connect_request(&all, buf, &n), 0);
	assert_true(n <= sizeof(buf));
	assert_request(TARGET(host, 1, NULL, NULL), NULL);
	assert_request(TARGET("h", 1, user, "p"), NULL);
	assert_request(TARGET("h", 1, "u", password), NULL);
}

static void random_answers(void **state)
{
	static const char pieces[][12] = { "HTTP/1.1 ", "200", " OK", "\r\n", "\r\n", "\n", "100 C",
		"A", ":", " b", "\r", "\x01", "407 x", "\t" };
	unsigned seed = (unsigned)getpid();
	char text[256];
	size_t used;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (unsigned round = 0; round < 5000; round++) {
		size_t n = (size_t)sprintf(text, "HTTP/1.1 200 OK\r\n");

		while (n < sizeof(text) - 16 && rand() % 12)
			n += (size_t)sprintf(
				text + n, "%s", pieces[(size_t)rand() % BRI_LEN(pieces)]);
		feed_in_all_ways(text, n, n, &used);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_understood_however_they_are_cut),
		cmocka_unit_test(zero_bytes),
		cmocka_unit_test(every_status_has_its_number),
		cmocka_unit_test(limits_of_the_header),
		cmocka_unit_test(endless_interim_answers_end),
		cmocka_unit_test(requests),
		cmocka_unit_test(bad_requests_are_not_written),
		cmocka_unit_test(limits_of_the_request),
		cmocka_unit_test(random_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
