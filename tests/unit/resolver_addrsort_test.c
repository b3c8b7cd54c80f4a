/* Destination address selection, RFC 6724: the RFC's own examples (section 10.2), then limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <string.h>
#include "transport/addrsort.h"

static union bri_sockaddr make(const char *host)
{
	union bri_sockaddr a = { 0 };

	if (!host)
		return a;
	if (inet_pton(AF_INET, host, &a.in.sin_addr) == 1)
		a.in.sin_family = AF_INET;
	else if (inet_pton(AF_INET6, host, &a.in6.sin6_addr) == 1)
		a.in6.sin6_family = AF_INET6;
	else
		fail_msg("%s", host);
	return a;
}

static void test_examples(void **state)
{
	/* in each row the first destination is to win, whatever the order they come in */
	static const struct {
		const char *to, *from, *other_to, *other_from;
	} rows[] = {
		{ "2001:db8:1::1", "2001:db8:1::2", "198.51.100.121", "169.254.13.78" }, /* scope */
		{ "198.51.100.121", "198.51.100.117", "2001:db8:1::1", "fe80::1" },      /* scope */
		{ "2001:db8:1::1", "2001:db8:1::2", "10.1.2.3", "10.1.2.4" }, /* precedence */
		{ "fe80::1", "fe80::2", "2001:db8:1::1", "2001:db8:1::2" },   /* smaller scope */
		{ "2002:c633:6401::1", "2002:c633:6401::2", "2001:db8:1::1",
			"fe80::2" }, /* scope */
		{ "2002:c633:6401::1", "2002:c633:6401::2", "2001:db8:1::1",
			"2002:c633:6401::2" }, /* label */
		{ "2001:db8:1::1", "2001:db8:1::2", "2002:c633:6401::1",
			"2002:c633:6401::2" },                                  /* precedence */
		{ "2001:db8:1::1", "2001:db8:3::2", "2001:db8:3ffe::1", NULL }, /* no route */
		{ "192.0.2.1", "192.0.2.2", "2001:db8::1", NULL },              /* no route */
		{ "2001:db8:3f44::1", "2001:db8:3f44::2", "2001:db8:1::1",
			"2001:db8:3f44::2" },                                   /* longest prefix */
		{ "2001:db8::1", "2001:db8::2", "fd00::1", "fd00::2" },         /* precedence */
		{ "fd00::1", "fd00::2", "2001:db8::1", "fd00::2" },             /* label */
		{ "2001:db8::1", "2001:db8::2", "2001:0:1::1", "2001:0:1::2" }, /* Teredo */
		{ "::1", "::1", "2001:db8::1", "2001:db8::2" },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(rows); i++) {
		for (int swap = 0; swap < 2; swap++) {
			struct bri_addrsort_pair pairs[2];
			union bri_sockaddr want = make(rows[i].to);

			pairs[swap] =
				(struct bri_addrsort_pair) { make(rows[i].to), make(rows[i].from) };
			pairs[!swap] = (struct bri_addrsort_pair) { make(rows[i].other_to),
				make(rows[i].other_from) };
			bri_addrsort_pairs(pairs, 2);
			if (!bri_sockaddr_equal(&pairs[0].to, &want))
				fail_msg("%s is behind %s", rows[i].to, rows[i].other_to);
		}
	}
}

/* Rule 9 is not for IPv4, nor for what only differs behind the first 64 bits: servers rotate those.
 */
static void test_equals_keep_their_order(void **state)
{
	static const char *const rows[][3] = {
		{ "198.51.100.9", "198.51.100.1", "203.0.113.5" },
		{ "2001:db8::9", "2001:db8::1", "2001:db8::5" },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(rows); i++) {
		struct bri_addrsort_pair pairs[3];

		for (size_t j = 0; j < 3; j++)
			pairs[j] = (struct bri_addrsort_pair) { make(rows[i][j]),
				make(i ? "2001:db8::2" : "198.51.100.2") };
		bri_addrsort_pairs(pairs, 3);
		for (size_t j = 0; j < 3; j++) {
			union bri_sockaddr want = make(rows[i][j]);

			assert_true(bri_sockaddr_equal(&pairs[j].to, &want));
		}
	}
}

/* The best comes last, at the limit and behind it. */
static void test_limit(void **state)
{
	for (size_t n = BRI_ADDRSORT_MAX - 1; n <= BRI_ADDRSORT_MAX + 1; n++) {
		struct bri_addrsort_pair pairs[BRI_ADDRSORT_MAX + 1];
		union bri_sockaddr best = make("2001:db8::1");

		for (size_t i = 0; i < n; i++)
			pairs[i] =
				(struct bri_addrsort_pair) { make("192.0.2.1"), make("192.0.2.2") };
		pairs[n - 1] = (struct bri_addrsort_pair) { best, make("2001:db8::2") };
		bri_addrsort_pairs(pairs, n);
		assert_int_equal(bri_sockaddr_equal(&pairs[0].to, &best), n <= BRI_ADDRSORT_MAX);
	}
	(void)state;
}

/* What the kernel says: loopback is sent from loopback. */
static void test_source(void **state)
{
	union bri_sockaddr to = make("127.0.0.1"), from, list[2];

	(void)state;
	assert_int_equal(bri_addrsort_source(&to, &from), 0);
	assert_true(bri_sockaddr_is_loopback(&from));
	assert_int_equal(from.sa.sa_family, AF_INET);
	list[0] = make("fe80::1"); /* without a zone nobody can send there */
	list[1] = make("127.0.0.1");
	assert_true(bri_addrsort_source(&list[0], &from) < 0);
	bri_addrsort(list, 2);
	assert_true(bri_sockaddr_equal(&list[0], &to));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_equals_keep_their_order),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
