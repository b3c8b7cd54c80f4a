/*
 * Peers that are broken or hostile, at the layer of TLS, in both roles and on a clock of the
 * test's: what is not TLS, what ends too early, what never ends, and floods. Each ends with a
 * number that says what was wrong, after a bounded time, with a bounded use of memory.
 */
#include "layer_util.h"
#include "proto/tls/tls_internal.h"
#include "tls_connection_util.h"

#include <malloc.h>

static gnutls_datum_t ticket_key;

static int setup(void **state)
{
	gnutls_session_ticket_key_generate(&ticket_key);
	return make_certificates(state);
}

static int teardown(void **state)
{
	gnutls_free(ticket_key.data);
	return free_certificates(state);
}

/* --- the one that is attacked, and an engine that plays the other end --- */

struct victim {
	struct bench b;
	nw_protocol_options_t options; /* the layer borrows them */
	struct bri_tls *peer;          /* NULL: none */
	size_t fed, before;            /* bytes from the peer; of memory before the first */
	bool is_peer_done;
};

static size_t memory(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void open_victim(struct victim *v, bool server, bool datagrams, uint16_t max_version)
{
	sec_protocol_options_t sec;

	*v = (struct victim) { .options = nw_tls_create_options() };
	sec = nw_tls_copy_sec_protocol_options(v->options);
	sec_protocol_options_set_tls_resumption_enabled(sec, false);
	if (max_version)
		sec_protocol_options_set_max_tls_protocol_version(
			sec, (tls_protocol_version_t)max_version);
	if (server)
		sec_protocol_options_set_local_identity(sec, (sec_identity_t)leaf_id);
	else
		sec_protocol_options_set_tls_server_name(sec, "example.test");
	nw_release(sec);
	bench_init(&v->b);
	v->b.is_server = server;
	bench_build(&v->b, &v->options, 1, datagrams);
	bench_start(&v->b);
	v->before = memory();
}

static void close_victim(struct victim *v)
{
	bench_fini(&v->b);
	nw_release(v->options);
	bri_tls_put(v->peer);
}

static void feed(struct victim *v, const void *bytes, size_t size)
{
	v->fed += size;
	bench_rx(&v->b, bytes, size);
}

static void open_peer(struct victim *v, uint16_t min, uint16_t max, bool tickets)
{
	struct bri_tls_config config = { .server = !v->b.is_server,
		.min_version = min,
		.max_version = max,
		.server_name = v->b.is_server ? "example.test" : NULL,
		.datagram = v->b.chain->datagrams,
		.tickets = tickets,
		.ticket_key = ticket_key };

	if (config.server)
		config.identity = tls_cert_identity(&leaf);
	assert_int_equal(bri_tls_new(&config, 0, &v->peer), 0);
}

static int step_peer(struct victim *v)
{
	int r;

	while ((r = bri_tls_step(v->peer, 0)) == BRI_TLS_ASKS)
		bri_tls_answer_trust(v->peer, 0);
	return r;
}

/* What the victim has said goes to the peer. */
static bool to_peer(struct victim *v)
{
	size_t size = v->b.down.size, n;
	uint8_t room[BRI_TLS_RECORD_MAX];
	int r;

	bri_tls_input(v->peer, v->b.down.bytes, size);
	r = step_peer(v);
	v->is_peer_done = r == 0;
	while (r == 0)
		r = bri_tls_read(v->peer, room, sizeof(room), &n);
	bri_tls_input(v->peer, NULL, 0);
	bench_forget(&v->b);
	return size > 0;
}

/* What the peer has said, in one piece. The caller frees it. */
static uint8_t *peer_says(struct victim *v, size_t *ret_size)
{
	uint8_t *all = NULL, *bytes;
	size_t size, n = 0;

	while (bri_tls_output_take(v->peer, &bytes, &size)) {
		all = realloc(all, n + size);
		memcpy(all + n, bytes, size);
		n += size;
		free(bytes);
	}
	*ret_size = n;
	return all;
}

static bool from_peer(struct victim *v)
{
	size_t size;
	uint8_t *bytes = peer_says(v, &size);

	if (size)
		feed(v, bytes, size);
	free(bytes);
	return size > 0;
}

static void shake_hands(struct victim *v)
{
	bool moved;

	do {
		moved = to_peer(v);
		moved = from_peer(v) || moved;
	} while (moved);
	assert_int_equal(bench_error(&v->b), 0);
	assert_true(v->b.chain->top->ready);
	v->fed = 0;
	v->before = memory();
}

static void expect(struct victim *v, int code)
{
	assert_true(v->b.chain->failing);
	assert_int_equal(v->b.chain->error.domain, nw_error_domain_tls);
	assert_int_equal(v->b.chain->error.code, code);
}

/* --- what is not TLS --- */

#define BYTES(literal) literal, sizeof(literal) - 1

static void garbage(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		int code;
	} cases[] = {
		{ BYTES("HTTP/1.1 400 Bad Request\r\n\r\n"), -9849 },
		{ BYTES("GET / HTTP/1.1\r\nHost: example.test\r\n\r\n"), -9849 },
		{ BYTES("SSH-2.0-OpenSSH_9.2p1\r\n"), -9849 },
		{ BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), -9849 },
		/* longer than any record may be; of an unknown type; content without a key */
		{ BYTES("\x16\x03\x03\xff\xff\x01\x00\x00\x05"), -9847 },
		{ BYTES("\x63\x03\x03\x00\x05hello"), -9849 },
		{ BYTES("\x17\x03\x03\x00\x05hello"), -9849 },
		/* a fatal alert: handshake_failure; a message that does not belong here */
		{ BYTES("\x15\x03\x03\x00\x02\x02\x28"), -9824 },
		{ BYTES("\x16\x03\x03\x00\x04\x0e\x00\x00\x00"), -9856 },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		for (int server = 0; server < 2; server++) {
			struct victim v;

			open_victim(&v, server, false, 0);
			feed(&v, cases[i].bytes, cases[i].size);
			expect(&v, cases[i].code);
			close_victim(&v);
		}
	}
}

/* The first or last bytes of a flight: within the first header, then all over, to the last. */
#define CUTS 12

static size_t cut(size_t size, unsigned part)
{
	return part < CUTS / 2 ? part : size - 1 - size / (CUTS + 1) * (part - CUTS / 2);
}

static void truncate_at(bool server, uint16_t version, bool second, unsigned part)
{
	struct victim v;
	uint8_t *flight;
	size_t size;

	open_victim(&v, server, false, version);
	open_peer(&v, 0x0303, 0x0304, false);
	to_peer(&v);
	if (second) {
		from_peer(&v);
		to_peer(&v);
	}
	flight = peer_says(&v, &size);
	assert_true(size > 2 * CUTS);
	feed(&v, flight, cut(size, part));
	free(flight);
	assert_int_equal(bench_error(&v.b), 0);
	bench_rx_end(&v.b);
	expect(&v, -9806);
	close_victim(&v);
}

/* The peer closes anywhere in its first flight; a client also in its second. */
static void truncated(void **state)
{
	(void)state;
	for (uint16_t version = 0x0303; version <= 0x0304; version++) {
		for (unsigned part = 0; part < CUTS; part++) {
			truncate_at(false, version, false, part);
			truncate_at(true, version, false, part);
			truncate_at(true, version, true, part);
		}
	}
}

/* --- downgrades --- */

static void say_server_hello(struct victim *v, uint16_t version, const char *end_of_random)
{
	uint8_t hello[5 + 4 + 2 + 32 + 1 + 2 + 1] = { 22, 3, 3, 0, 42, 2, 0, 0, 38,
		(uint8_t)(version >> 8), (uint8_t)version };

	memset(hello + 11, 0xa5, 24);
	memcpy(hello + 35, end_of_random, 8);
	memcpy(hello + 43, (uint8_t[]) { 0, 0xc0, 0x2b, 0 }, 4);
	feed(v, hello, sizeof(hello));
}

/* Somebody between has made two ends that speak TLS 1.3 agree on less. */
static void downgraded(void **state)
{
	static const struct {
		uint16_t version;
		char end_of_random[9];
		int code;
	} servers[] = {
		{ 0x0302, "whatever", -9836 }, /* below what the client allows */
		{ 0x0301, "whatever", -9836 }, { 0x0300, "whatever", -9836 },
		{ 0x0303, "whatever", 0 },
		{ 0x0303, "DOWNGRD\x01", -9830 }, /* RFC 8446 section 4.1.3 */
	};
	struct bri_tls_config fallback = {
		.min_version = 0x0303, .max_version = 0x0303, .fallback = true
	};
	struct victim v;

	(void)state;
	for (size_t i = 0; i < BRI_LEN(servers); i++) {
		open_victim(&v, false, false, 0);
		say_server_hello(&v, servers[i].version, servers[i].end_of_random);
		if (servers[i].code)
			expect(&v, servers[i].code);
		else
			assert_int_equal(bench_error(&v.b), 0);
		close_victim(&v);
	}
	/* RFC 7507: a client that tries less than it can meets a server that could do more */
	open_victim(&v, true, false, 0);
	assert_int_equal(bri_tls_new(&fallback, 0, &v.peer), 0);
	to_peer(&v);
	from_peer(&v);
	expect(&v, -9836);
	close_victim(&v);
	/* a client of long ago */
	open_victim(&v, true, false, 0);
	open_peer(&v, 0x0301, 0x0302, false);
	to_peer(&v);
	from_peer(&v);
	expect(&v, -9836);
	close_victim(&v);
}

/* --- what never ends --- */

/* A byte every now and then, each in time: the whole handshake has its limit all the same. */
static void slow_loris(void **state)
{
	(void)state;
	for (int server = 0; server < 2; server++) {
		for (int datagrams = 0; datagrams < 2; datagrams++) {
			struct victim v;
			uint8_t *flight;
			size_t size, at = 0;
			uint64_t began_ns, last_ns;

			open_victim(&v, server, datagrams, 0);
			open_peer(&v, 0x0303, 0x0304, false);
			to_peer(&v);
			flight = peer_says(&v, &size);
			began_ns = v.b.now_ns;
			last_ns = began_ns + BRI_TLS_HANDSHAKE_NS - 1;
			while (v.b.now_ns < last_ns) {
				at = at < size ? at + 1 : 0;
				feed(&v, at ? (char *)flight + at - 1 : "x", 1);
				bench_forget(&v.b);
				assert_int_equal(bench_error(&v.b), 0);
				bench_until(&v.b, bri_min_u64(v.b.now_ns + BRI_NS_PER_S, last_ns));
			}
			assert_int_equal(bench_error(&v.b), 0);
			assert_int_equal(bench_deadline(&v.b), last_ns + 1);
			bench_until(&v.b, last_ns + 1);
			expect(&v, -9853);
			free(flight);
			close_victim(&v);
		}
	}
}

/* --- floods --- */

/* More than any limit of ours. */
#define FLOOD_MAX   (4u << 20)
#define FLOOD_UNITS 50000u
/* What may be held of a peer that says nothing of use; and what it may make us say to it. */
#define HELD_MAX (2u * BRI_TLS_IDLE_MAX + 256u * 1024u)
#define SAID_MAX BRI_TLS_IDLE_MAX

struct flood {
	const char *bytes; /* in the clear; NULL: say() makes it */
	size_t size;
	const char *beginning; /* sent once, before all else */
	size_t beginning_size;
	void (*say)(struct bri_tls *peer);
	uint16_t version;   /* of a session that is open; 0: before there is one */
	bool with_content;  /* each is followed by a byte of content, which is of use */
	int client, server; /* numbers that say what is wrong; 0: not a case */
};

/* with content between there may be any number of them: they cost no more than that does */
#define HARMLESS 1

static void say_nothing(struct bri_tls *peer)
{
	gnutls_record_send2(peer->session, "", 0, 16, 0);
}

static void say_warning(struct bri_tls *peer)
{
	gnutls_alert_send(peer->session, GNUTLS_AL_WARNING, GNUTLS_A_UNRECOGNIZED_NAME);
}

static void say_key_update(struct bri_tls *peer)
{
	gnutls_session_key_update(peer->session, GNUTLS_KU_PEER);
}

static void say_hello(struct bri_tls *peer)
{
	gnutls_rehandshake(peer->session);
}

static void say_ticket(struct bri_tls *peer)
{
	gnutls_session_ticket_send(peer->session, 1, 0);
}

static void say_more(struct victim *v, const struct flood *flood)
{
	if (flood->bytes)
		feed(v, flood->bytes, flood->size);
	else
		flood->say(v->peer);
	if (flood->with_content)
		assert_int_equal(bri_tls_write(v->peer, "x", 1), 0);
	if (v->peer)
		from_peer(v);
}

/* What is held and what was said meanwhile is bounded. Datagrams do no harm. */
static void run_flood(const struct flood *flood, bool server, bool datagrams)
{
	size_t most = 0, said = 0, held, before;
	int code = server ? flood->server : flood->client;
	unsigned units = code == HARMLESS && under_valgrind() ? FLOOD_UNITS / 10 : FLOOD_UNITS;
	struct victim v;

	if (!code)
		return;
	open_victim(&v, server, datagrams, flood->version);
	if (flood->version) {
		open_peer(&v, 0x0303, flood->version, true);
		shake_hands(&v);
	}
	if (flood->beginning)
		feed(&v, flood->beginning, flood->beginning_size);
	bench_forget(&v.b);
	for (unsigned i = 0; !v.b.chain->failing && v.fed < FLOOD_MAX && i < units; i++) {
		before = v.fed;
		say_more(&v, flood);
		assert_true(v.fed > before);
		said += v.b.down.size;
		bench_forget(&v.b);
		held = memory();
		if (held > v.before && held - v.before > most)
			most = held - v.before;
	}
	if (code != HARMLESS)
		expect(&v, code);
	else
		assert_int_equal(bench_error(&v.b), 0);
	assert_true(most <= HELD_MAX);
	assert_true(said <= (datagrams ? v.fed : SAID_MAX));
	close_victim(&v);
}

static void floods(void **state)
{
	static const struct flood cases[] = {
		/* records without content, of all kinds, and those that mean nothing */
		{ BYTES("\x16\x03\x03\x00\x00"), .client = -9849, .server = -9849 },
		{ BYTES("\x17\x03\x03\x00\x00"), .client = -9849, .server = -9849 },
		{ BYTES("\x14\x03\x03\x00\x01\x01"), .client = -9849, .server = -9817 },
		{ BYTES("\x15\x03\x03\x00\x02\x01\x5a"), .client = -9856, .server = -9839 },
		{ BYTES("\x16\x03\x03\x00\x04\0\0\0\0"), .client = -9856, .server = -9856 },
		/* a message of 16 MB in small pieces, one of 128 KB a byte at a time */
		{ BYTES("\x16\x03\x03\x00\x08"
			"01234567"),
			BYTES("\x16\x03\x03\x00\x04\x02\xff\xff\xff"), .client = -9817 },
		{ BYTES("\x16\x03\x03\x00\x08"
			"01234567"),
			BYTES("\x16\x03\x03\x00\x04\x01\xff\xff\xff"), .server = -9817 },
		{ BYTES("\x16\x03\x03\x00\x01"
			"0"),
			BYTES("\x16\x03\x03\x00\x04\x02\x01\xff\xff"), .client = -9817 },
		{ BYTES("\x16\x03\x03\x00\x01"
			"0"),
			BYTES("\x16\x03\x03\x00\x04\x01\x01\xff\xff"), .server = -9817 },
		/* the same in a session that is open; an alert of TLS 1.3 is fatal at any level */
		{ .say = say_nothing, .version = 0x0304, .client = -9817, .server = -9817 },
		{ .say = say_warning, .version = 0x0303, .client = -9817, .server = -9817 },
		{ .say = say_warning, .version = 0x0304, .client = -9865, .server = -9865 },
		{ .say = say_key_update, .version = 0x0304, .client = -9856, .server = -9856 },
		{ .say = say_ticket, .version = 0x0304, .client = -9817 },
		{ .say = say_hello, .version = 0x0303, .client = -9817 },
		/* between content */
		{ .say = say_warning,
			.version = 0x0303,
			.with_content = true,
			.client = HARMLESS,
			.server = HARMLESS },
		{ .say = say_hello, .version = 0x0303, .with_content = true, .client = HARMLESS },
		{ .say = say_key_update,
			.version = 0x0304,
			.with_content = true,
			.client = -9856,
			.server = -9856 },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		run_flood(&cases[i], false, false);
		run_flood(&cases[i], true, false);
	}
}

/* Anybody may have sent a datagram: none of these ends a handshake, makes it hold much, or makes us
 * say more than was said to us. */
static void datagram_floods(void **state)
{
	static const struct flood cases[] = {
		{ BYTES("x"), .client = HARMLESS, .server = HARMLESS },
		{ BYTES("GET / HTTP/1.1\r\n\r\n"), .client = HARMLESS, .server = HARMLESS },
		{ BYTES("\x16\xfe\xfd\0\0\0\0\0\0\0\0\xff\xff"), .client = HARMLESS,
			.server = HARMLESS },
		/* content and an end without a key */
		{ BYTES("\x17\xfe\xfd\0\0\0\0\0\0\0\0\0\x04text"), .client = HARMLESS,
			.server = HARMLESS },
		{ BYTES("\x17\xfe\xfd\0\1\0\0\0\0\0\0\0\x04text"), .client = HARMLESS,
			.server = HARMLESS },
		{ BYTES("\x15\xfe\xfd\0\0\0\0\0\0\0\0\0\x02\x01\x5a"), .client = HARMLESS,
			.server = HARMLESS },
		/* parts of messages of 128 KB, the first one and later ones */
		{ BYTES("\x16\xfe\xfd\0\0\0\0\0\0\0\0\0\x10\x02\x01\xff\xff\0\0\0\0\0\0\0\4test"),
			.client = HARMLESS },
		{ BYTES("\x16\xfe\xfd\0\0\0\0\0\0\0\0\0\x10\x0b\x01\xff\xff\0\3\0\1\0\0\0\4test"),
			.client = HARMLESS },
		{ BYTES("\x16\xfe\xfd\0\0\0\0\0\0\0\0\0\x10\x01\x01\xff\xff\0\0\0\0\0\0\0\4test"),
			.server = HARMLESS },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		run_flood(&cases[i], false, true);
		run_flood(&cases[i], true, true);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(garbage),
		cmocka_unit_test(truncated),
		cmocka_unit_test(downgraded),
		cmocka_unit_test(slow_loris),
		cmocka_unit_test(floods),
		cmocka_unit_test(datagram_floods),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
