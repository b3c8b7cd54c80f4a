/* The SOCKS 5 handshake: what we say, what we must hear, every reply, every cut, every limit. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <string.h>
#include <cmocka.h>
#include "proto/proxy/socks5.h"

#define BYTES(...)                                                                                 \
	{                                                                                          \
		{ __VA_ARGS__ }, sizeof((uint8_t[]) { __VA_ARGS__ })                               \
	}

struct bytes {
	uint8_t at[600];
	size_t size;
};

static const struct bri_socks5_target by_name = { .host = "a.example", .port = 0x1234 };
static const struct bri_socks5_target with_user = {
	.host = "a.example", .port = 0x1234, .username = "user", .password = "pass"
};

static void add_tx(struct bri_socks5 *s, struct bytes *said)
{
	const uint8_t *tx;
	size_t n;

	while (bri_socks5_tx(s, &tx, &n)) {
		assert_true(said->size + n <= sizeof(said->at));
		memcpy(said->at + said->size, tx, n);
		said->size += n;
	}
}

/* Everything the proxy says, in pieces of `chunk`. ret_used: what belongs to the handshake. */
static int talk(const struct bri_socks5_target *target, const uint8_t *heard, size_t size,
	size_t chunk, struct bytes *said, size_t *ret_used)
{
	struct bri_socks5 s;
	size_t used, n, at = 0;
	int r = BRI_SOCKS5_MORE;

	said->size = 0;
	assert_int_equal(bri_socks5_init(&s, target), 0);
	add_tx(&s, said);
	while (at < size && r == BRI_SOCKS5_MORE) {
		n = size - at < chunk ? size - at : chunk;
		r = bri_socks5_rx(&s, heard + at, n, &used);
		assert_true(used > 0 && used <= n);
		at += used;
		add_tx(&s, said);
	}
	*ret_used = at;
	if (r != BRI_SOCKS5_MORE) {
		/* it stays what it is */
		assert_int_equal(bri_socks5_rx(&s, (const uint8_t *)"x", 1, &used), r);
		assert_int_equal(used, 0);
	}
	bri_socks5_wipe(&s);
	return r;
}

/* The same for every chunk size; the result of the whole. */
static int talk_in_all_ways(const struct bri_socks5_target *target, const uint8_t *heard,
	size_t size, struct bytes *said, size_t *ret_used)
{
	struct bytes cut;
	size_t used;
	int r = talk(target, heard, size, size, said, ret_used);

	for (size_t chunk = 1; chunk < size; chunk++) {
		assert_int_equal(talk(target, heard, size, chunk, &cut, &used), r);
		assert_int_equal(used, *ret_used);
		assert_int_equal(cut.size, said->size);
		assert_memory_equal(cut.at, said->at, said->size);
	}
	return r;
}

struct sample {
	const char *name;
	const struct bri_socks5_target *target;
	struct bytes heard;
	int result;
	size_t used; /* 0: all */
};

static const struct sample samples[] = {
	{ "ipv4", &by_name, BYTES(5, 0, 5, 0, 0, 1, 1, 2, 3, 4, 5, 6), BRI_SOCKS5_DONE, 0 },
	{ "ipv6", &by_name,
		BYTES(5, 0, 5, 0, 0, 4, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 1,
			2),
		BRI_SOCKS5_DONE, 0 },
	{ "name", &by_name, BYTES(5, 0, 5, 0, 0, 3, 2, 'a', 'b', 1, 2), BRI_SOCKS5_DONE, 0 },
	{ "empty name", &by_name, BYTES(5, 0, 5, 0, 0, 3, 0, 1, 2), BRI_SOCKS5_DONE, 0 },
	{ "the tunnel's bytes", &by_name, BYTES(5, 0, 5, 0, 0, 1, 1, 2, 3, 4, 5, 6, 'h', 'i'),
		BRI_SOCKS5_DONE, 12 },
	{ "reserved byte set", &by_name, BYTES(5, 0, 5, 0, 7, 1, 1, 2, 3, 4, 5, 6), BRI_SOCKS5_DONE,
		0 },
	{ "password", &with_user, BYTES(5, 2, 1, 0, 5, 0, 0, 1, 1, 2, 3, 4, 5, 6), BRI_SOCKS5_DONE,
		0 },
	{ "other version of password", &with_user, BYTES(5, 2, 5, 0, 5, 0, 0, 1, 1, 2, 3, 4, 5, 6),
		BRI_SOCKS5_DONE, 0 },
	{ "password not wanted", &with_user, BYTES(5, 0, 5, 0, 0, 1, 1, 2, 3, 4, 5, 6),
		BRI_SOCKS5_DONE, 0 },
	{ "nothing", &by_name, { { 0 }, 0 }, BRI_SOCKS5_MORE, 0 },
	{ "half a method", &by_name, BYTES(5), BRI_SOCKS5_MORE, 0 },
	{ "half a reply", &by_name, BYTES(5, 0, 5, 0, 0, 1, 1, 2, 3, 4, 5), BRI_SOCKS5_MORE, 0 },
	{ "half a name", &by_name, BYTES(5, 0, 5, 0, 0, 3, 2, 'a', 'b', 1), BRI_SOCKS5_MORE, 0 },
	{ "half an answer", &with_user, BYTES(5, 2, 1), BRI_SOCKS5_MORE, 0 },
	/* refused */
	{ "SOCKS 4", &by_name, BYTES(4, 0), -EPROTO, 1 },
	{ "HTTP", &by_name, BYTES('H', 'T', 'T', 'P'), -EPROTO, 1 },
	{ "no method", &by_name, BYTES(5, 0xff), -EACCES, 0 },
	{ "no method for us", &with_user, BYTES(5, 0xff), -EACCES, 0 },
	{ "a password that we do not have", &by_name, BYTES(5, 2), -EPROTO, 0 },
	{ "GSSAPI", &with_user, BYTES(5, 1), -EPROTO, 0 },
	{ "wrong password", &with_user, BYTES(5, 2, 1, 1), -EACCES, 0 },
	{ "wrong password, 255", &with_user, BYTES(5, 2, 1, 255), -EACCES, 0 },
	{ "reply of version 4", &by_name, BYTES(5, 0, 4, 0), -EPROTO, 3 },
	{ "address type 0", &by_name, BYTES(5, 0, 5, 0, 0, 0), -EPROTO, 0 },
	{ "address type 2", &by_name, BYTES(5, 0, 5, 0, 0, 2, 9), -EPROTO, 6 },
};

static void answers_are_understood_however_they_are_cut(void **state)
{
	struct bytes said;
	size_t used;

	(void)state;
	for (size_t i = 0; i < BRI_LEN(samples); i++) {
		const struct sample *t = &samples[i];
		int r = talk_in_all_ways(t->target, t->heard.at, t->heard.size, &said, &used);

		if (r != t->result || used != (t->used ? t->used : t->heard.size))
			fail_msg("%s: %d, %zu bytes", t->name, r, used);
	}
}

static void every_reply_has_its_number(void **state)
{
	static const int errors[] = { 0, EREMOTEIO, EPERM, ENETUNREACH, EHOSTUNREACH, ECONNREFUSED,
		ETIMEDOUT, EOPNOTSUPP, EAFNOSUPPORT };
	struct bytes said;
	size_t used;

	(void)state;
	for (unsigned reply = 1; reply < 256; reply++) {
		uint8_t heard[] = { 5, 0, 5, (uint8_t)reply, 0, 1, 0, 0, 0, 0, 0, 0 };
		int expected = reply < BRI_LEN(errors) ? errors[reply] : EPROTO;

		assert_int_equal(
			talk_in_all_ways(&by_name, heard, sizeof(heard), &said, &used), -expected);
		assert_int_equal(used, 4);
		/* and when it closes behind the number */
		assert_int_equal(talk(&by_name, heard, 4, 4, &said, &used), -expected);
	}
}

static void assert_said(
	const struct bri_socks5_target *target, struct bytes heard, struct bytes expected)
{
	struct bytes said;
	size_t used;

	assert_int_equal(
		talk_in_all_ways(target, heard.at, heard.size, &said, &used), BRI_SOCKS5_MORE);
	assert_int_equal(said.size, expected.size);
	assert_memory_equal(said.at, expected.at, expected.size);
}

static void we_say_what_the_rfc_says(void **state)
{
	static const uint8_t v4[] = { 192, 0, 2, 1 };
	static const uint8_t v6[] = { 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 };
	struct bri_socks5_target target = by_name;

	(void)state;
	/* nothing before it is our turn */
	assert_said(&by_name, (struct bytes)BYTES(5), (struct bytes)BYTES(5, 1, 0));
	assert_said(&with_user, (struct bytes)BYTES(5), (struct bytes)BYTES(5, 2, 0, 2));
	assert_said(&by_name, (struct bytes)BYTES(5, 0),
		(struct bytes)BYTES(5, 1, 0, 5, 1, 0, 3, 9, 'a', '.', 'e', 'x', 'a', 'm', 'p', 'l',
			'e', 0x12, 0x34));
	assert_said(&with_user, (struct bytes)BYTES(5, 2),
		(struct bytes)BYTES(5, 2, 0, 2, 1, 4, 'u', 's', 'e', 'r', 4, 'p', 'a', 's', 's'));
	target = with_user;
	target.password = NULL;
	assert_said(&target, (struct bytes)BYTES(5, 2),
		(struct bytes)BYTES(5, 2, 0, 2, 1, 4, 'u', 's', 'e', 'r', 0));
	target = by_name;
	target.address = v4;
	target.address_size = 4;
	assert_said(&target, (struct bytes)BYTES(5, 0),
		(struct bytes)BYTES(5, 1, 0, 5, 1, 0, 1, 192, 0, 2, 1, 0x12, 0x34));
	target.address = v6;
	target.address_size = 16;
	assert_said(&target, (struct bytes)BYTES(5, 0),
		(struct bytes)BYTES(5, 1, 0, 5, 1, 0, 4, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0,
			0, 0, 0, 1, 0x12, 0x34));
}

/* Of a hurried proxy the reply is looked at only when our request is out. */
static void one_message_at_a_time(void **state)
{
	static const uint8_t heard[] = { 5, 0, 5, 0, 0, 1, 1, 2, 3, 4, 5, 6 };
	struct bri_socks5 s;
	const uint8_t *tx;
	size_t n, used;

	(void)state;
	assert_int_equal(bri_socks5_init(&s, &by_name), 0);
	assert_true(bri_socks5_tx(&s, &tx, &n));
	assert_false(bri_socks5_tx(&s, &tx, &n)); /* once */
	assert_int_equal(bri_socks5_rx(&s, heard, sizeof(heard), &used), BRI_SOCKS5_MORE);
	assert_int_equal(used, 2);
	assert_true(bri_socks5_tx(&s, &tx, &n));
	assert_false(bri_socks5_tx(&s, &tx, &n));
	assert_int_equal(bri_socks5_rx(&s, heard + 2, 10, &used), BRI_SOCKS5_DONE);
	assert_int_equal(used, 10);
	assert_false(bri_socks5_tx(&s, &tx, &n));
}

static void limits(void **state)
{
	char text[300];
	uint8_t heard[2 + BRI_SOCKS5_RX_MAX] = { 5, 0, 5, 0, 0, 3, 255 };
	struct bri_socks5_target target = with_user;
	struct bri_socks5 s;
	struct bytes said;
	size_t used;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[256] = 0;
	for (unsigned field = 0; field < 3; field++) {
		const char **slot[] = { &target.host, &target.username, &target.password };
		const char *before = *slot[field];

		*slot[field] = text; /* 256 */
		assert_int_equal(bri_socks5_init(&s, &target), -EINVAL);
		*slot[field] = text + 1; /* 255 */
		assert_int_equal(bri_socks5_init(&s, &target), 0);
		*slot[field] = "";
		assert_int_equal(bri_socks5_init(&s, &target), field == 2 ? 0 : -EINVAL);
		*slot[field] = before;
	}
	/* all at their limit, and the longest reply */
	target = (struct bri_socks5_target) {
		.host = text + 1, .username = text + 1, .password = text + 1
	};
	assert_int_equal(bri_socks5_init(&s, &target), 0);
	assert_int_equal(s.auth_size, BRI_SOCKS5_TX_MAX);
	assert_int_equal(
		talk_in_all_ways(&target, heard, sizeof(heard), &said, &used), BRI_SOCKS5_DONE);
	assert_int_equal(used, sizeof(heard));
	assert_int_equal(
		talk_in_all_ways(&target, heard, sizeof(heard) - 1, &said, &used), BRI_SOCKS5_MORE);
	for (size_t size = 0; size < 20; size++) {
		target = by_name;
		target.address = (const uint8_t *)text;
		target.address_size = size;
		assert_int_equal(
			bri_socks5_init(&s, &target), size == 4 || size == 16 ? 0 : -EINVAL);
	}
}

static void the_password_does_not_stay(void **state)
{
	struct bri_socks5 s;

	(void)state;
	assert_int_equal(bri_socks5_init(&s, &with_user), 0);
	assert_non_null(memmem(&s, sizeof(s), "pass", 4));
	bri_socks5_wipe(&s);
	assert_null(memmem(&s, sizeof(s), "pass", 4));
}

/* Whatever is heard: the same for each cut, and never more is used than a handshake has. */
static void random_answers(void **state)
{
	unsigned seed = (unsigned)getpid();

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (unsigned round = 0; round < 3000; round++) {
		struct bytes heard = BYTES(5, 2, 1, 0, 5, 0, 0, 3, 9), said;
		size_t used, at = (size_t)rand() % 9;

		heard.size = 9 + (size_t)rand() % 20;
		heard.at[at] = (uint8_t)rand();
		for (size_t i = 9; i < heard.size; i++)
			heard.at[i] = (uint8_t)rand();
		talk_in_all_ways(&with_user, heard.at, heard.size, &said, &used);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_understood_however_they_are_cut),
		cmocka_unit_test(every_reply_has_its_number),
		cmocka_unit_test(we_say_what_the_rfc_says),
		cmocka_unit_test(one_message_at_a_time),
		cmocka_unit_test(limits),
		cmocka_unit_test(the_password_does_not_stay),
		cmocka_unit_test(random_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
