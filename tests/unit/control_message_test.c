/* The control protocol's messages: there and back, every truncation, every limit and what is past
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/socket.h>
#include "control/message.h"

static const struct bri_ip ip4 = { AF_INET, { 192, 0, 2, 1 } };
static const struct bri_ip ip6 = { AF_INET6, { 0x20, 1, 0xd, 0xb8, [15] = 1 } };

static void fill_text(char *text, size_t size)
{
	memset(text, 'x', size - 1);
	text[size - 1] = '\0';
}

/* One full message of each type. */
static struct bri_message *samples(size_t *ret_n)
{
	struct bri_message *all = calloc(19, sizeof(*all)), *m = all;

	assert_non_null(all);
	*m++ = (struct bri_message) { BRI_MESSAGE_CLAIM, 1,
		.claim = { .token = 7,
			.service = 2,
			.flags = 1,
			.n_required = 1,
			.n_prohibited = 2,
			.required = { 3 },
			.prohibited = { 4, 5 } } };
	*m++ = (struct bri_message) { BRI_MESSAGE_RELEASE, 2, .release = { 7 } };
	*m++ = (struct bri_message) { BRI_MESSAGE_SET, 3, .set = { 7, 0, 3 } };
	*m++ = (struct bri_message) { BRI_MESSAGE_SET, 4, .set = { 0, 99, 0 } };
	*m++ = (struct bri_message) { .type = BRI_MESSAGE_STATUS, .id = 5 };
	*m++ = (struct bri_message) { .type = BRI_MESSAGE_PATHS, .id = UINT32_MAX };
	*m++ = (struct bri_message) { .type = BRI_MESSAGE_LIST, .id = 6 };
	*m++ = (struct bri_message) { .type = BRI_MESSAGE_METRICS, .id = 7 };
	*m++ = (struct bri_message) { BRI_MESSAGE_WATCH, 8, .watch = { 7 } };
	*m++ = (struct bri_message) { BRI_MESSAGE_SET_SOCKET, 16,
		.set_socket = { UINT64_MAX - 1, 3 } };
	*m++ = (struct bri_message) { BRI_MESSAGE_OK, 9, .ok = { 3 } };
	*m++ = (struct bri_message) { BRI_MESSAGE_ERROR, 10,
		.error = { EPERM, "not \xc3\xa4llowed" } };
	*m++ = (struct bri_message) { BRI_MESSAGE_STATUS_IS, 11,
		.status = { "0.1.0", 1, 1, 20, 10, UINT64_MAX, "a\nb" } };
	*m++ = (struct bri_message) { BRI_MESSAGE_PATH, 12,
		.path = { 2, "wlan0", 2, 3, 10, ip4, ip6, "" } };
	*m = (struct bri_message) { BRI_MESSAGE_CONNECTION, 13,
		.connection = { .token = 1,
			.uid = 1000,
			.pid = 5,
			.program = "curl",
			.service = 1,
			.source = 2,
			.flags = 7,
			.n_subflows = BRI_MESSAGE_MAX_SUBFLOWS } };
	for (size_t i = 0; i < BRI_MESSAGE_MAX_SUBFLOWS; i++) {
		struct bri_message_subflow *s = &m->connection.subflows[i];

		*s = (struct bri_message_subflow) { ip4, ip6, 80, 65535, 1, 255, 3, 2, 20000, "" };
		fill_text(s->state, sizeof(s->state));
	}
	m++;
	*m = (struct bri_message) { .type = BRI_MESSAGE_METRICS_PIECE, .id = 14 };
	fill_text(m->metrics.text, sizeof(m->metrics.text));
	m->metrics.text[10] = '\n';
	m++;
	*m++ = (struct bri_message) { BRI_MESSAGE_END, 15, .end = { 2 } };
	*m++ = (struct bri_message) { BRI_MESSAGE_EVENT, 0,
		.event = { UINT64_C(1) << 60, 1, 7, 1000, 2, "subflow over wlan0" } };
	*ret_n = (size_t)(m - all);
	assert_true(*ret_n <= 19);
	return all;
}

static void there_and_back(void **state)
{
	uint8_t bytes[BRI_MESSAGE_MAX + 1], again[BRI_MESSAGE_MAX];
	struct bri_message got;
	size_t n;
	struct bri_message *all = samples(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		int size = bri_message_encode(&all[i], bytes, BRI_MESSAGE_MAX);

		assert_true(size >= (int)BRI_MESSAGE_HEADER);
		assert_int_equal(bri_message_decode(bytes, (size_t)size, &got), 0);
		assert_int_equal(got.type, all[i].type);
		assert_int_equal(got.id, all[i].id);
		assert_int_equal(bri_message_encode(&got, again, sizeof(again)), size);
		assert_memory_equal(bytes, again, size);
		/* in a buffer that is one byte too small; cut anywhere; and longer than it says */
		assert_int_equal(bri_message_encode(&all[i], again, (size_t)size - 1), -EMSGSIZE);
		for (size_t cut = 0; cut < (size_t)size; cut++)
			assert_int_equal(bri_message_decode(bytes, cut, &got), -EBADMSG);
		bytes[size] = 0;
		assert_int_equal(bri_message_decode(bytes, (size_t)size + 1, &got), -EBADMSG);
		/* cut, with a length that says so: the fields are missing */
		for (int cut = (int)BRI_MESSAGE_HEADER; cut < size; cut++) {
			bytes[12] = (uint8_t)(cut - (int)BRI_MESSAGE_HEADER);
			bytes[13] = (uint8_t)((cut - (int)BRI_MESSAGE_HEADER) >> 8);
			assert_int_equal(bri_message_decode(bytes, (size_t)cut, &got), -EBADMSG);
		}
	}
	free(all);
}

/* The examples of docs/wire/control.md. */
static void as_documented(void **state)
{
	static const uint8_t status[] = { 0x42, 0x52, 0x44, 1, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0 };
	static const uint8_t claim[] = { 0x42, 0x52, 0x44, 1, 1, 0, 0, 0, 2, 0, 0, 0, 0x0c, 0, 0, 0,
		0x44, 0x33, 0x22, 0x11, 2, 0, 1, 0, 3, 0, 0, 0 };
	struct bri_message m = { .type = BRI_MESSAGE_STATUS, .id = 1 };
	uint8_t bytes[BRI_MESSAGE_MAX];

	(void)state;
	assert_int_equal(bri_message_encode(&m, bytes, sizeof(bytes)), sizeof(status));
	assert_memory_equal(bytes, status, sizeof(status));
	m = (struct bri_message) { BRI_MESSAGE_CLAIM, 2,
		.claim = {
			.token = 0x11223344, .service = 2, .n_required = 1, .required = { 3 } } };
	assert_int_equal(bri_message_encode(&m, bytes, sizeof(bytes)), sizeof(claim));
	assert_memory_equal(bytes, claim, sizeof(claim));
}

static int decode_changed(const struct bri_message *m, size_t at, uint8_t value)
{
	uint8_t bytes[BRI_MESSAGE_MAX];
	struct bri_message got = { .type = 0x7777 };
	int size = bri_message_encode(m, bytes, sizeof(bytes)), r;

	assert_true(size > (int)at);
	bytes[at] = value;
	r = bri_message_decode(bytes, (size_t)size, &got);
	if (r == -EBADMSG || r == -EPROTONOSUPPORT)
		assert_int_equal(got.type, 0x7777); /* untouched */
	return r;
}

static void header_is_checked(void **state)
{
	const struct bri_message m = { BRI_MESSAGE_RELEASE, 2, .release = { 7 } };
	uint8_t bytes[BRI_MESSAGE_MAX];
	struct bri_message got;
	int size;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(decode_changed(&m, i, 'x'), -EBADMSG);
	assert_int_equal(decode_changed(&m, 3, 0), -EPROTONOSUPPORT);
	assert_int_equal(decode_changed(&m, 3, 2), -EPROTONOSUPPORT);
	assert_int_equal(decode_changed(&m, 6, 1), -EBADMSG);
	assert_int_equal(decode_changed(&m, 7, 1), -EBADMSG);
	for (size_t i = 12; i < 16; i++)
		assert_int_equal(decode_changed(&m, i, 0x80), -EBADMSG);
	/* a type of the future: which one and whose reply is told */
	size = bri_message_encode(&m, bytes, sizeof(bytes));
	bytes[4] = 0x31;
	bytes[5] = 0x02;
	assert_int_equal(bri_message_decode(bytes, (size_t)size, &got), -EOPNOTSUPP);
	assert_int_equal(got.type, 0x0231);
	assert_int_equal(got.id, 2);
}

static void check_invalid(struct bri_message m, const char *what)
{
	uint8_t bytes[BRI_MESSAGE_MAX];
	int r = bri_message_encode(&m, bytes, sizeof(bytes));

	if (r != -EINVAL)
		fail_msg("%s: %d", what, r);
}

static void values_are_checked(void **state)
{
	const struct bri_message claim = { BRI_MESSAGE_CLAIM, 1,
		.claim = { .token = 1, .n_required = 1, .required = { 9 } } };
	const struct bri_message path = { BRI_MESSAGE_PATH, 1,
		.path = { 1, "a", 0, 0, 0, ip4, { 0 }, "" } };
	struct bri_message m;
	size_t n;
	struct bri_message *all = samples(&n);

	(void)state;
	/* the wire: token, service, flags, counts, index 0 */
	assert_int_equal(decode_changed(&claim, 16, 0), -EBADMSG);
	assert_int_equal(decode_changed(&claim, 20, 3), 0);
	assert_int_equal(decode_changed(&claim, 20, 4), -EBADMSG);
	assert_int_equal(decode_changed(&claim, 21, 2), -EBADMSG);
	assert_int_equal(decode_changed(&claim, 22, 17), -EBADMSG);
	assert_int_equal(decode_changed(&claim, 23, 17), -EBADMSG);
	assert_int_equal(decode_changed(&claim, 24, 0), -EBADMSG);
	/* a text with a control character, with a zero, longer than allowed; an address's family
	 * and rest */
	assert_int_equal(decode_changed(&path, 22, 0x1b), -EBADMSG);
	assert_int_equal(decode_changed(&path, 22, 0), -EBADMSG);
	assert_int_equal(decode_changed(&path, 22, 0x7f), -EBADMSG);
	assert_int_equal(decode_changed(&path, 20, 16), -EBADMSG);
	assert_int_equal(decode_changed(&path, 29, 5), -EBADMSG);
	assert_int_equal(decode_changed(&path, 34, 1), -EBADMSG);
	assert_int_equal(decode_changed(&path, 45, 1), -EBADMSG);
	/* and what we would send */
	m = claim, m.claim.token = 0;
	check_invalid(m, "claim without token");
	m = claim, m.claim.service = 4;
	check_invalid(m, "claim of service 4");
	m = claim, m.claim.flags = 0x80;
	check_invalid(m, "claim flags");
	m = claim, m.claim.n_prohibited = 17;
	check_invalid(m, "17 interfaces");
	m = claim, m.claim.required[0] = 0;
	check_invalid(m, "interface 0");
	m = (struct bri_message) { BRI_MESSAGE_SET, 1, .set = { 0, 0, 1 } };
	check_invalid(m, "set of nothing");
	m = (struct bri_message) { BRI_MESSAGE_SET, 1, .set = { 1, 1, 1 } };
	check_invalid(m, "set of both");
	m = (struct bri_message) { BRI_MESSAGE_SET_SOCKET, 1, .set_socket = { 0, 1 } };
	check_invalid(m, "cookie 0");
	m = (struct bri_message) { BRI_MESSAGE_SET_SOCKET, 1, .set_socket = { 1, 4 } };
	check_invalid(m, "socket to service 4");
	m = (struct bri_message) { BRI_MESSAGE_WATCH, 1, .watch = { 8 } };
	check_invalid(m, "watch what");
	m = (struct bri_message) { BRI_MESSAGE_ERROR, 1, .error = { 0, "" } };
	check_invalid(m, "error 0");
	m = path, m.path.address.family = AF_UNIX;
	check_invalid(m, "family");
	m = path, m.path.kind = 5;
	check_invalid(m, "kind");
	m = (struct bri_message) { BRI_MESSAGE_EVENT, 0, .event = { .kind = 0 } };
	check_invalid(m, "event 0");
	m = (struct bri_message) { BRI_MESSAGE_EVENT, 0, .event = { .kind = 8 } };
	check_invalid(m, "event 8");
	m = (struct bri_message) { .type = 0 };
	check_invalid(m, "type 0");
	m = (struct bri_message) { .type = 136 };
	check_invalid(m, "type 136");
	m = all[14];
	assert_int_equal(m.type, BRI_MESSAGE_CONNECTION);
	m.connection.n_subflows++;
	check_invalid(m, "too many subflows");
	free(all);
}

/* Names of interfaces and programs are chosen by others: they must not hurt who sees them. */
static void texts_are_made_harmless(void **state)
{
	struct bri_message m = { BRI_MESSAGE_PATH, 1,
		.path = { .ifindex = 1, .name = "a\x1b[2J\n" } };
	struct bri_message got;
	uint8_t bytes[BRI_MESSAGE_MAX];
	int size = bri_message_encode(&m, bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(bri_message_decode(bytes, (size_t)size, &got), 0);
	assert_string_equal(got.path.name, "a?[2J?");
}

static void words(void **state)
{
	(void)state;
	for (uint8_t i = 0; i < 4; i++)
		assert_int_equal(bri_message_service_from_word(bri_message_service_word(i)), i);
	assert_int_equal(bri_message_service_from_word("Handover"), -EINVAL);
	assert_int_equal(bri_message_service_from_word(""), -EINVAL);
	assert_string_equal(bri_message_service_word(4), "?");
	assert_string_equal(bri_message_event_word(0), "?");
	assert_string_equal(bri_message_event_word(BRI_MESSAGE_EVENT_NOTE), "note");
	assert_string_equal(bri_message_event_word(255), "?");
	assert_string_equal(bri_message_kind_word(BRI_MESSAGE_KIND_WIFI), "wifi");
	assert_string_equal(bri_message_mode_word(BRI_MESSAGE_MODE_KERNEL), "kernel");
	assert_string_equal(bri_message_source_word(BRI_MESSAGE_SOURCE_RULE), "rule");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(as_documented),
		cmocka_unit_test(header_is_checked),
		cmocka_unit_test(values_are_checked),
		cmocka_unit_test(texts_are_made_harmless),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
