/* bri_url_parse(): what is a URL, what is not, and where its parts are. */
#include "api_test_util.h"

#include <errno.h>
#include <stdlib.h>
#include "api/url.h"

static const struct {
	const char *text;
	const char *scheme, *host, *zone, *path;
	uint16_t port;
	bool is_ipv6;
} cases[] = {
	{ "http://example.org", "http", "example.org", "", "", 80, false },
	{ "https://example.org/", "https", "example.org", "", "/", 443, false },
	{ "HTTPS://example.org", "HTTPS", "example.org", "", "", 443, false },
	{ "ftp://h/a/b", "ftp", "h", "", "/a/b", 21, false },
	{ "ws://h/chat?x=1#frag", "ws", "h", "", "/chat?x=1", 80, false },
	{ "wss://h?x=1", "wss", "h", "", "?x=1", 443, false },
	{ "http://h#frag", "http", "h", "", "", 80, false },
	{ "http://h:8080/x", "http", "h", "", "/x", 8080, false },
	{ "http://h:/x", "http", "h", "", "/x", 80, false },
	{ "http://h:0", "http", "h", "", "", 0, false },
	{ "http://h:65535", "http", "h", "", "", 65535, false },
	{ "http://h:00080", "http", "h", "", "", 80, false },
	{ "a+b-c.1://h", "a+b-c.1", "h", "", "", 0, false },
	{ "http://user:pass@h:81/", "http", "h", "", "/", 81, false },
	{ "http://@h", "http", "h", "", "", 80, false },
	{ "http://[::1]", "http", "::1", "", "", 80, true },
	{ "http://[::1]:81/p", "http", "::1", "", "/p", 81, true },
	{ "http://[fe80::1%25eth0]/", "http", "fe80::1", "eth0", "/", 80, true },
	{ "http://[fe80::1%eth0]/", "http", "fe80::1", "eth0", "/", 80, true },
	{ "http://[fe80::1%25]/", "http", "fe80::1", "25", "/", 80, true },
	{ "http://u@[::ffff:192.0.2.1]:81", "http", "::ffff:192.0.2.1", "", "", 81, true },
	{ "http://192.0.2.1:81", "http", "192.0.2.1", "", "", 81, false },
	{ "http://m\xc3\xbcnchen.example/", "http", "m\xc3\xbcnchen.example", "", "/", 80, false },
	{ "http://h/a@b:c", "http", "h", "", "/a@b:c", 80, false },
};

static const char *const bad[] = {
	"",
	"example.org",
	"example.org:80",
	"//example.org/",
	"/path",
	"http:",
	"http:/",
	"http://",
	"http:///path",
	"http://:80",
	"http://user@",
	"http://a@b@c/",
	"mailto:a@b",
	"://h",
	"1http://h",
	"ht_tp://h",
	"http://h:65536",
	"http://h:99999999999999999999",
	"http://h:-1",
	"http://h:80x",
	"http://h:80:81",
	"http://h:http",
	"http://a b/",
	" http://h",
	"http://h/a b",
	"http://h/\r\nX: y",
	"http://h\x7f",
	"http://h/\x7f",
	"http://a@[::1]@b/",
	"http://a%20b/",
	"http://a\\b/",
	"http://a<b>/",
	"http://[::1",
	"http://[]",
	"http://[%25eth0]",
	"http://[fe80::1%]",
	"http://[fe80::1%25a/b]",
	"http://[v1.x]",
	"http://[::1]x",
	"http://::1/",
};

static void assert_span(const char *text, struct bri_span span, const char *expected)
{
	assert_int_equal(span.len, strlen(expected));
	assert_memory_equal(text + span.start, expected, span.len);
}

/* Parses an exactly sized copy without a zero: reading past the end is seen. Returns the copy. */
static char *parse(const char *text, int *ret_r, struct bri_url *ret)
{
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);

	memcpy(copy, text, len);
	*ret_r = bri_url_parse(copy, len, ret);
	return copy;
}

static void good_urls_are_taken_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		struct bri_url url;
		int r;
		char *text = parse(cases[i].text, &r, &url);

		if (r)
			fail_msg("\"%s\" gave %d", cases[i].text, r);
		assert_span(text, url.scheme, cases[i].scheme);
		assert_span(text, url.host, cases[i].host);
		assert_span(text, url.zone, cases[i].zone);
		assert_span(text, url.path, cases[i].path);
		assert_int_equal(url.port, cases[i].port);
		assert_int_equal(url.is_ipv6, cases[i].is_ipv6);
		free(text);
	}
}

static void bad_urls_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < BRI_LEN(bad); i++) {
		struct bri_url url;
		int r;
		char *text = parse(bad[i], &r, &url);

		if (r != -EINVAL)
			fail_msg("\"%s\" gave %d", bad[i], r);
		free(text);
	}
}

/* "http://" + host of that length */
static int parse_host_of(size_t len)
{
	char *text = malloc(7 + len);
	struct bri_url url;
	int r;

	memcpy(text, "http://", 7);
	memset(text + 7, 'a', len);
	r = bri_url_parse(text, 7 + len, &url);
	free(text);
	return r;
}

static void limits_hold(void **state)
{
	char *text = malloc(BRI_URL_MAX + 1);
	struct bri_url url;

	(void)state;
	assert_int_equal(parse_host_of(BRI_URL_HOST_MAX), 0);
	assert_int_equal(parse_host_of(BRI_URL_HOST_MAX + 1), -ENAMETOOLONG);
	memset(text, 'x', BRI_URL_MAX + 1);
	memcpy(text, "http://h/", 9);
	assert_int_equal(bri_url_parse(text, BRI_URL_MAX, &url), 0);
	assert_int_equal(bri_url_parse(text, BRI_URL_MAX + 1, &url), -ENAMETOOLONG);
	free(text);
}

/* every beginning of a URL is judged without reading behind it, and failure writes nothing */
static void every_prefix_is_safe(void **state)
{
	static const char whole[] = "https://u:p@[fe80::1%25eth0]:8443/path?query#fragment";

	(void)state;
	for (size_t len = 0; len < sizeof(whole); len++) {
		struct bri_url url, before;
		char *text = malloc(len ? len : 1);

		memset(&url, 0x5a, sizeof(url));
		memcpy(&before, &url, sizeof(url));
		memcpy(text, whole, len);
		if (bri_url_parse(text, len, &url))
			assert_memory_equal(&url, &before, sizeof(url));
		else
			assert_true(url.path.start + url.path.len <= len);
		free(text);
	}
}

static void ports_are_decimal_and_in_range(void **state)
{
	static const char *const wrong[] = { "", " 80", "80 ", "+80", "-1", "0x50", "65536", "1e3",
		"4294967376", "18446744073709551696" };
	uint16_t port = 7;

	(void)state;
	for (size_t i = 0; i < BRI_LEN(wrong); i++)
		assert_int_equal(bri_url_parse_port(wrong[i], strlen(wrong[i]), &port), -EINVAL);
	assert_int_equal(port, 7);
	assert_int_equal(bri_url_parse_port("0", 1, &port), 0);
	assert_int_equal(port, 0);
	assert_int_equal(bri_url_parse_port("65535", 5, &port), 0);
	assert_int_equal(port, 65535);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_urls_are_taken_apart),
		cmocka_unit_test(bad_urls_are_refused),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(every_prefix_is_safe),
		cmocka_unit_test(ports_are_decimal_and_in_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
