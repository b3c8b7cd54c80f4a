/* Socket addresses: compare, print, classify. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include "transport/sockaddr.h"

static union bri_sockaddr make(const char *host, uint16_t port)
{
	union bri_sockaddr a = { 0 };

	if (strchr(host, ':')) {
		a.in6.sin6_family = AF_INET6;
		assert_int_equal(inet_pton(AF_INET6, host, &a.in6.sin6_addr), 1);
	} else {
		a.in.sin_family = AF_INET;
		assert_int_equal(inet_pton(AF_INET, host, &a.in.sin_addr), 1);
	}
	bri_sockaddr_set_port(&a, port);
	return a;
}

static void test_format(void **state)
{
	char buf[BRI_SOCKADDR_TEXT_MAX];
	union bri_sockaddr a = make("192.0.2.1", 80), none = { 0 };

	(void)state;
	assert_string_equal(bri_sockaddr_format(&a, buf, sizeof(buf)), "192.0.2.1:80");
	assert_string_equal(bri_sockaddr_format_host(&a, buf, sizeof(buf)), "192.0.2.1");
	assert_string_equal(bri_sockaddr_format(&a, buf, 6), "192.0");
	a = make("2001:db8::1", 65535);
	assert_string_equal(bri_sockaddr_format(&a, buf, sizeof(buf)), "[2001:db8::1]:65535");
	assert_string_equal(bri_sockaddr_format_host(&a, buf, sizeof(buf)), "2001:db8::1");
	a = make("fe80::1", 1);
	a.in6.sin6_scope_id = if_nametoindex("lo");
	assert_string_equal(bri_sockaddr_format(&a, buf, sizeof(buf)), "[fe80::1%lo]:1");
	a.in6.sin6_scope_id = 4000000000u;
	assert_string_equal(bri_sockaddr_format(&a, buf, sizeof(buf)), "[fe80::1%4000000000]:1");
	assert_string_equal(bri_sockaddr_format(&none, buf, sizeof(buf)), "none");
}

static void test_longest_text_fits(void **state)
{
	char buf[BRI_SOCKADDR_TEXT_MAX];
	union bri_sockaddr a = make("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 65535);

	(void)state;
	a.in6.sin6_scope_id = UINT32_MAX;
	assert_string_equal(bri_sockaddr_format(&a, buf, sizeof(buf)),
		"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
	/* brackets, colon, port, percent and the longest name the kernel allows */
	assert_true(
		BRI_SOCKADDR_TEXT_MAX >= INET6_ADDRSTRLEN + IF_NAMESIZE + sizeof("[]:65535%") - 2);
}

static void test_equal(void **state)
{
	union bri_sockaddr a = make("192.0.2.1", 80), b = a, c = make("fe80::1", 80), d = c;

	(void)state;
	memset(b.in.sin_zero, 0xff, sizeof(b.in.sin_zero));
	assert_true(bri_sockaddr_equal(&a, &b));
	bri_sockaddr_set_port(&b, 81);
	assert_false(bri_sockaddr_equal(&a, &b));
	assert_true(bri_sockaddr_same_host(&a, &b));
	assert_false(bri_sockaddr_equal(&a, &c));
	d.in6.sin6_flowinfo = 7;
	assert_true(bri_sockaddr_equal(&c, &d));
	d.in6.sin6_scope_id = 2;
	assert_false(bri_sockaddr_equal(&c, &d));
	assert_int_equal(bri_sockaddr_port(&b), 81);
}

static void test_classes(void **state)
{
	static const struct {
		const char *host;
		bool loopback, multicast, any, link_local;
	} rows[] = {
		{ "127.0.0.1", true, false, false, false },
		{ "127.255.255.255", true, false, false, false },
		{ "128.0.0.1", false, false, false, false },
		{ "126.255.255.255", false, false, false, false },
		{ "::1", true, false, false, false },
		{ "::ffff:127.0.0.1", true, false, false, false },
		{ "224.0.0.251", false, true, false, false },
		{ "239.255.255.255", false, true, false, false },
		{ "240.0.0.1", false, false, false, false },
		{ "ff02::fb", false, true, false, false },
		{ "::ffff:224.0.0.1", false, true, false, false },
		{ "0.0.0.0", false, false, true, false },
		{ "::", false, false, true, false },
		{ "::ffff:0.0.0.0", false, false, true, false },
		{ "fe80::1", false, false, false, true },
		{ "febf::1", false, false, false, true },
		{ "fec0::1", false, false, false, false },
		{ "169.254.1.1", false, false, false, true },
		{ "169.255.1.1", false, false, false, false },
		{ "2001:db8::1", false, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(rows); i++) {
		union bri_sockaddr a = make(rows[i].host, 1);

		assert_int_equal(bri_sockaddr_is_loopback(&a), rows[i].loopback);
		assert_int_equal(bri_sockaddr_is_multicast(&a), rows[i].multicast);
		assert_int_equal(bri_sockaddr_is_any(&a), rows[i].any);
		assert_int_equal(bri_sockaddr_is_link_local(&a), rows[i].link_local);
	}
}

static void test_unmap(void **state)
{
	union bri_sockaddr a = make("::ffff:192.0.2.9", 443), b = make("192.0.2.9", 443);
	union bri_sockaddr c = make("2001:db8::1", 443), d = c;

	(void)state;
	bri_sockaddr_unmap(&a);
	assert_true(bri_sockaddr_equal(&a, &b));
	assert_int_equal(bri_sockaddr_len(&a), sizeof(struct sockaddr_in));
	bri_sockaddr_unmap(&c);
	assert_memory_equal(&c, &d, sizeof(c));
	assert_int_equal(bri_sockaddr_len(&c), sizeof(struct sockaddr_in6));
}

static void test_from(void **state)
{
	union bri_sockaddr a = make("192.0.2.9", 443), six = make("::1", 1), out = { 0 };
	struct sockaddr other = { .sa_family = AF_UNIX };

	(void)state;
	assert_int_equal(bri_sockaddr_from(&a.sa, sizeof(a.in), &out), 0);
	assert_true(bri_sockaddr_equal(&a, &out));
	assert_int_equal(bri_sockaddr_from(&a.sa, sizeof(a.in) - 1, &out), -EINVAL);
	assert_int_equal(bri_sockaddr_from(&six.sa, sizeof(six.in6) - 1, &out), -EINVAL);
	assert_int_equal(bri_sockaddr_from(&a.sa, 1, &out), -EINVAL);
	assert_int_equal(bri_sockaddr_from(NULL, 16, &out), -EINVAL);
	assert_int_equal(bri_sockaddr_from(&other, sizeof(other), &out), -EAFNOSUPPORT);
	assert_true(bri_sockaddr_equal(&a, &out));
	assert_int_equal(bri_sockaddr_from(&six.sa, sizeof(six.in6), &out), 0);
	assert_true(bri_sockaddr_equal(&six, &out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_longest_text_fits),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_unmap),
		cmocka_unit_test(test_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
