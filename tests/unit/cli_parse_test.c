/* What people type at `braid`, and what it writes for machines: parsers and the JSON writer. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "cli/cli.h"
#include "cli/json.h"

static void test_u32(void **state)
{
	static const struct {
		const char *text;
		int result;
		uint32_t value;
	} cases[] = {
		{ "0", 0, 0 },
		{ "42", 0, 42 },
		{ "0042", 0, 42 },
		{ "4294967295", 0, UINT32_MAX },
		{ "4294967296", -ERANGE, 0 },
		{ "99999999999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		uint32_t value = 7;
		int r = bri_cli_parse_u32(cases[i].text, 0, UINT32_MAX, &value);

		if (r != cases[i].result || value != (r ? 7 : cases[i].value))
			fail_msg("'%s': %d, %u", cases[i].text, r, value);
	}
}

static void test_duration(void **state)
{
	static const struct {
		const char *text;
		int result;
		uint64_t ms;
	} cases[] = {
		{ "3", 0, 3000 },
		{ "3s", 0, 3000 },
		{ "0.25", 0, 250 },
		{ ".5", 0, 500 },
		{ "1.", 0, 1000 },
		{ "250ms", 0, 250 },
		{ "86400", 0, 86400000 },
		{ "0.00100000000009", 0, 1 },
		{ "86400.1", -ERANGE, 0 },
		{ "86401", -ERANGE, 0 },
		{ "99999999999999999999", -ERANGE, 0 },
		{ "0", -ERANGE, 0 },
		{ "0.0", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ ".", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "1m", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "1.2.3", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		uint64_t ns = 1;
		int r = bri_cli_parse_duration(cases[i].text, &ns);

		if (r != cases[i].result || ns != (r ? 1 : cases[i].ms * BRI_NS_PER_MS))
			fail_msg("'%s': %d, %llu ns", cases[i].text, r, (unsigned long long)ns);
	}
}

static void test_target(void **state)
{
	static const struct {
		const char *text, *host, *port; /* host NULL: refused, with `result` */
		int result;
	} cases[] = {
		{ "example.org", "example.org", "", 0 },
		{ "example.org.", "example.org.", "", 0 },
		{ "example.org:80", "example.org", "80", 0 },
		{ "192.0.2.1:80", "192.0.2.1", "80", 0 },
		{ "_x.a-b:1", "_x.a-b", "1", 0 },
		{ "2001:db8::1", "2001:db8::1", "", 0 },
		{ "[2001:db8::1]", "2001:db8::1", "", 0 },
		{ "[2001:db8::1]:443", "2001:db8::1", "443", 0 },
		{ "[fe80::1%eth0]:443", "fe80::1%eth0", "443", 0 },
		{ "::", "::", "", 0 },
		{ "", NULL, "", -EINVAL },
		{ ":80", NULL, "", -EINVAL },
		{ "a:", NULL, "", -EINVAL },
		{ "a:0", NULL, "", -ERANGE },
		{ "a:65536", NULL, "", -ERANGE },
		{ "a:no-such-service", NULL, "", -EINVAL },
		{ "a..b", NULL, "", -EINVAL },
		{ ".a", NULL, "", -EINVAL },
		{ "a b", NULL, "", -EINVAL },
		{ "a/b", NULL, "", -EINVAL },
		{ "http://a", NULL, "", -EINVAL },
		{ "a\nb", NULL, "", -EINVAL },
		{ "[::1", NULL, "", -EINVAL },
		{ "[::1]x", NULL, "", -EINVAL },
		{ "[]:80", NULL, "", -EINVAL },
		{ "[example.org]:80", NULL, "", -EINVAL },
		{ "[fe80::1%]:80", NULL, "", -EINVAL },
		{ "1:2:3", NULL, "", -EINVAL },
		{ "::12345", NULL, "", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		struct bri_cli_target target = { "kept", "kept" };
		int r = bri_cli_parse_target(cases[i].text, false, false, &target);
		const char *host = cases[i].host ? cases[i].host : "kept";
		const char *port = cases[i].host ? cases[i].port : "kept";

		if (r != cases[i].result || strcmp(target.host, host) != 0 ||
			strcmp(target.port, port) != 0)
			fail_msg("'%s': %d '%s' '%s'", cases[i].text, r, target.host, target.port);
	}
}

static void test_target_limits(void **state)
{
	struct bri_cli_target target;
	char text[400];

	(void)state;
	for (size_t over = 0; over < 2; over++) {
		memset(text, 'a', sizeof(text));
		text[63 + over] = 0;
		assert_int_equal(
			bri_cli_parse_target(text, false, false, &target), over ? -EINVAL : 0);
		for (size_t i = 0; i < 253 + over; i++)
			text[i] = i % 50 == 49 ? '.' : 'a';
		text[253 + over] = 0;
		assert_int_equal(
			bri_cli_parse_target(text, false, false, &target), over ? -EINVAL : 0);
	}
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	assert_int_equal(bri_cli_parse_target(text, false, false, &target), -EINVAL);
	assert_int_equal(bri_cli_parse_target(":80", true, false, &target), 0);
	assert_string_equal(target.host, "");
	assert_int_equal(bri_cli_parse_target("[::]:0", true, true, &target), 0);
	assert_string_equal(target.port, "0");
}

static void test_json(void **state)
{
	struct bri_json json;
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	(void)state;
	assert_non_null(file);
	bri_json_init(&json, file);
	bri_json_object(&json, NULL);
	bri_json_string(&json, "a\"b\\", "\x01\n\x7f\t");
	/* e-acute, a lone continuation byte, an overlong slash, a surrogate, 4 bytes, a cut
	 * sequence */
	bri_json_string(
		&json, "utf8", "\xc3\xa9|\x80|\xc0\xaf|\xed\xa0\x80|\xf0\x9f\x98\x80|\xe2\x82");
	bri_json_array(&json, "e");
	bri_json_end_array(&json);
	bri_json_array(&json, "l");
	bri_json_number(&json, NULL, INT64_MIN);
	bri_json_unsigned(&json, NULL, UINT64_MAX);
	bri_json_bool(&json, NULL, true);
	bri_json_string(&json, NULL, NULL);
	bri_json_end_array(&json);
	bri_json_end_object(&json);
	assert_int_equal(fclose(file), 0);
	assert_string_equal(text,
		"{\n"
		"  \"a\\\"b\\\\\": \"\\u0001\\n\\u007f\\u0009\",\n"
		"  \"utf8\": \"\xc3\xa9|\\ufffd|\\ufffd\\ufffd|\\ufffd\\ufffd\\ufffd|"
		"\xf0\x9f\x98\x80|\\ufffd\\ufffd\",\n"
		"  \"e\": [],\n"
		"  \"l\": [\n"
		"    -9223372036854775808,\n"
		"    18446744073709551615,\n"
		"    true,\n"
		"    null\n"
		"  ]\n"
		"}\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_u32),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_target),
		cmocka_unit_test(test_target_limits),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
