/* What a host name says by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "transport/hostname.h"

static void test_kinds(void **state)
{
	static const struct {
		const char *host;
		char kind; /* Invalid Address noZone Loopback neVer locaL(m) Name */
		const char *address;
	} rows[] = {
		{ "192.0.2.1", 'A', "192.0.2.1:0" },
		{ "255.255.255.255", 'A', "255.255.255.255:0" },
		{ "::", 'A', "[::]:0" },
		{ "2001:DB8::1", 'A', "[2001:db8::1]:0" },
		{ "::ffff:192.0.2.1", 'A', "[::ffff:192.0.2.1]:0" },
		{ "fe80::1%lo", 'A', "[fe80::1%lo]:0" },
		{ "fe80::1%1", 'A', "[fe80::1%lo]:0" },
		{ "fe80::1%4294967295", 'A', "[fe80::1%4294967295]:0" },
		{ "fe80::1%4294967296", 'Z', NULL },
		{ "fe80::1%99999999999999999999999", 'Z', NULL },
		{ "fe80::1%", 'Z', NULL },
		{ "fe80::1%0", 'Z', NULL },
		{ "fe80::1%nosuch0", 'Z', NULL },
		{ "fe80::1%lo%lo", 'Z', NULL },
		{ "192.0.2.1%lo", 'I', NULL },
		{ "fe80::1%1x", 'Z', NULL },
		{ "192.0.2.256", 'N', NULL }, /* no address, and DNS will say so */
		{ "192.0.2", 'N', NULL },
		{ "0x7f.1", 'N', NULL },
		{ "1:2:3", 'I', NULL },
		{ "[::1]", 'I', NULL },
		{ "::1.", 'I', NULL },
		{ "192.0.2.1.", 'N', NULL },
		{ "", 'I', NULL },
		{ ".", 'I', NULL },
		{ "a..b", 'I', NULL },
		{ ".a", 'I', NULL },
		{ "a b", 'I', NULL },
		{ "a\n", 'I', NULL },
		{ "a\x7f", 'I', NULL },
		{ "a/b", 'I', NULL },
		{ "a\\.b", 'I', NULL },
		{ "a", 'N', NULL },
		{ "a.", 'N', NULL },
		{ "_dns.resolver.arpa", 'N', NULL },
		{ "b\xc3\xbc"
		  "cher.example",
			'N', NULL },
		{ "localhost", 'L', NULL },
		{ "LOCALHOST.", 'L', NULL },
		{ "a.b.localhost", 'L', NULL },
		{ "notlocalhost", 'N', NULL },
		{ "localhost.example", 'N', NULL },
		{ "invalid", 'V', NULL },
		{ "x.INVALID.", 'V', NULL },
		{ "xinvalid", 'N', NULL },
		{ "abc.onion", 'V', NULL },
		{ "printer.local", 'm', NULL },
		{ "local", 'm', NULL },
		{ "nolocal", 'N', NULL },
	};
	static const char letters[] = "IAZLVmN";

	(void)state;
	for (size_t i = 0; i < BRI_LEN(rows); i++) {
		char text[BRI_SOCKADDR_TEXT_MAX];
		union bri_sockaddr a, untouched;
		enum bri_hostname_kind kind;

		memset(&a, 0x5a, sizeof(a));
		untouched = a;
		kind = bri_hostname_classify(rows[i].host, &a);
		if (letters[kind] != rows[i].kind)
			fail_msg("'%s' is %c", rows[i].host, letters[kind]);
		assert_int_equal(bri_hostname_classify(rows[i].host, NULL), kind);
		if (rows[i].address)
			assert_string_equal(
				bri_sockaddr_format(&a, text, sizeof(text)), rows[i].address);
		else
			assert_memory_equal(&a, &untouched, sizeof(a));
	}
}

/* Labels to 63, names to 253 and a dot. */
static void test_lengths(void **state)
{
	char host[400];

	(void)state;
	for (size_t n = 1; n < 300; n++) {
		memset(host, 'a', n);
		host[n] = 0;
		assert_int_equal(bri_hostname_classify(host, NULL),
			n <= 63 ? BRI_HOSTNAME_NAME : BRI_HOSTNAME_INVALID);
		for (size_t i = 63; i < n; i += 64)
			host[i] = '.';
		assert_int_equal(bri_hostname_classify(host, NULL),
			n <= 253 ? BRI_HOSTNAME_NAME : BRI_HOSTNAME_INVALID);
		if (n % 64 == 0)
			continue; /* ends in a dot already */
		host[n] = '.';
		host[n + 1] = 0;
		assert_int_equal(bri_hostname_classify(host, NULL),
			n <= 253 ? BRI_HOSTNAME_NAME : BRI_HOSTNAME_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
