/* The TLS engine: two of them in memory, on a virtual clock. */
#include "proto/tls/tls_internal.h"
#include "tls_engine_util.h"

static void both_versions(void **state)
{
	(void)state;
	for (uint16_t version = 0x0303; version <= 0x0304; version++) {
		struct bri_tls_config c = client_config(), s = server_config();
		struct tls_pair *pair = new_pair();
		struct bri_tls_bytes chain[4];
		char name[64];

		c.max_version = version;
		tls_pair_start(pair, &c, &s);
		tls_pair_run(pair);
		assert_int_equal(pair->client.asked_trust, 1);
		assert_int_equal(pair->server.asked_trust, 0);
		talk(pair);
		assert_int_equal(bri_tls_version(pair->client.tls), version);
		assert_int_equal(bri_tls_version(pair->server.tls), version);
		assert_true(bri_tls_suite(pair->client.tls) != 0);
		assert_int_equal(bri_tls_suite(pair->client.tls), bri_tls_suite(pair->server.tls));
		assert_int_equal(bri_tls_chain(pair->client.tls, chain, 4), 2);
		assert_int_equal(chain[0].size, leaf.der.size);
		assert_memory_equal(chain[0].bytes, leaf.der.data, leaf.der.size);
		assert_int_equal(bri_tls_server_name(pair->server.tls, name, sizeof(name)), 0);
		assert_string_equal(name, "example.test");
		assert_null(bri_tls_psk(pair->client.tls));
		drop(pair);
	}
}

/* every chunk size gives the same */
static void split(void **state)
{
	(void)state;
	for (uint16_t version = 0x0303; version <= 0x0304; version++) {
		for (size_t chunk = 1; chunk <= 64; chunk += chunk < 16 ? 1 : 16) {
			struct bri_tls_config c = client_config(), s = server_config();
			struct tls_pair *pair = new_pair();

			c.max_version = version;
			pair->chunk = chunk;
			tls_pair_start(pair, &c, &s);
			tls_pair_run(pair);
			talk(pair);
			drop(pair);
		}
	}
}

static void untrusted(void **state)
{
	static const struct {
		int code, peer;
	} cases[] = {
		{ BRI_TLS_UNKNOWN_ROOT, BRI_TLS_PEER_UNKNOWN_CA },
		{ BRI_TLS_CERT_EXPIRED, BRI_TLS_PEER_CERT_EXPIRED },
		{ BRI_TLS_BAD_CERT, BRI_TLS_PEER_BAD_CERT },
		{ BRI_TLS_HOST_NAME, BRI_TLS_PEER_CERT_UNKNOWN },
	};

	(void)state;
	for (uint16_t version = 0x0303; version <= 0x0304; version++) {
		for (size_t i = 0; i < BRI_LEN(cases); i++) {
			struct bri_tls_config c = client_config(), s = server_config();
			struct tls_pair *pair = new_pair();

			c.max_version = version;
			pair->client.trust = cases[i].code;
			tls_pair_start(pair, &c, &s);
			tls_pair_run(pair);
			assert_int_equal(pair->client.result, -EPROTO);
			assert_int_equal(bri_tls_error(pair->client.tls), cases[i].code);
			assert_int_equal(pair->server.result, -EPROTO);
			assert_int_equal(bri_tls_error(pair->server.tls), cases[i].peer);
			assert_false(bri_tls_is_done(pair->client.tls));
			drop(pair);
		}
	}
}

/* the answer comes late; nothing goes on without it */
static void late_trust(void **state)
{
	(void)state;
	for (uint16_t version = 0x0303; version <= 0x0304; version++) {
		struct bri_tls_config c = client_config(), s = server_config();
		struct tls_pair *pair = new_pair();

		c.max_version = version;
		pair->client.holds = true;
		tls_pair_start(pair, &c, &s);
		tls_pair_run(pair);
		assert_int_equal(pair->client.result, BRI_TLS_ASKS);
		assert_int_equal(bri_tls_question(pair->client.tls), BRI_TLS_TRUST);
		assert_false(bri_tls_is_done(pair->client.tls));
		assert_false(bri_tls_is_done(pair->server.tls));
		pair->client.holds = false;
		tls_pair_run(pair);
		talk(pair);
		drop(pair);
	}
}

static void late_identity(void **state)
{
	(void)state;
	for (uint16_t version = 0x0303; version <= 0x0304; version++) {
		struct bri_tls_config c = client_config(), s = server_config();
		struct tls_pair *pair = new_pair();
		char name[64];

		c.max_version = version;
		s.identity = (struct bri_tls_identity) { 0 };
		s.asks_identity = true;
		pair->server.holds = true;
		pair->server.identity = &other;
		tls_pair_start(pair, &c, &s);
		tls_pair_run(pair);
		assert_int_equal(pair->server.result, BRI_TLS_ASKS);
		assert_int_equal(bri_tls_server_name(pair->server.tls, name, sizeof(name)), 0);
		assert_string_equal(name, "example.test");
		pair->server.holds = false;
		tls_pair_run(pair);
		assert_int_equal(pair->server.asked_identity, 1);
		talk(pair);
		drop(pair);
	}
}

static void alpn(void **state)
{
	static const struct bri_tls_bytes both[] = { { (const uint8_t *)"h2", 2 },
		{ (const uint8_t *)"http/1.1", 8 } };

	(void)state;
	for (uint16_t version = 0x0303; version <= 0x0304; version++) {
		struct bri_tls_config c = client_config(), s = server_config();
		struct tls_pair *pair = new_pair();
		struct bri_tls_bytes name;

		c.max_version = version;
		c.protocols = both;
		c.n_protocols = 2;
		s.protocols = both + 1;
		s.n_protocols = 1;
		tls_pair_start(pair, &c, &s);
		tls_pair_run(pair);
		talk(pair);
		name = bri_tls_protocol(pair->client.tls);
		assert_int_equal(name.size, 8);
		assert_memory_equal(name.bytes, "http/1.1", 8);
		assert_int_equal(bri_tls_protocol(pair->server.tls).size, 8);
		drop(pair);

		pair = new_pair();
		c.n_protocols = 1;
		tls_pair_start(pair, &c, &s);
		tls_pair_run(pair);
		assert_int_equal(pair->server.result, -EPROTO);
		assert_int_equal(bri_tls_error(pair->server.tls), BRI_TLS_NEGOTIATION);
		assert_int_equal(bri_tls_error(pair->client.tls), BRI_TLS_PEER_HANDSHAKE_FAILURE);
		drop(pair);
	}
}

static void exporters(void **state)
{
	static const struct bri_tls_bytes label = { (const uint8_t *)"EXPERIMENTAL test", 17 };
	static const struct bri_tls_bytes context = { (const uint8_t *)"ctx", 3 };

	(void)state;
	for (uint16_t version = 0x0303; version <= 0x0304; version++) {
		struct bri_tls_config c = client_config(), s = server_config();
		struct tls_pair *pair = new_pair();
		uint8_t a[32], b[32];

		c.max_version = version;
		tls_pair_start(pair, &c, &s);
		assert_int_equal(bri_tls_export(pair->client.tls, label, NULL, a, 32), -EAGAIN);
		tls_pair_run(pair);
		assert_int_equal(bri_tls_export(pair->client.tls, label, NULL, a, 32), 0);
		assert_int_equal(bri_tls_export(pair->server.tls, label, NULL, b, 32), 0);
		assert_memory_equal(a, b, 32);
		assert_int_equal(bri_tls_export(pair->client.tls, label, &context, a, 32), 0);
		assert_memory_not_equal(a, b, 32);
		assert_int_equal(bri_tls_export(pair->server.tls, label, &context, b, 32), 0);
		assert_memory_equal(a, b, 32);
		drop(pair);
	}
}

static void ends(void **state)
{
	(void)state;
	for (uint16_t version = 0x0303; version <= 0x0304; version++) {
		struct bri_tls_config c = client_config(), s = server_config();
		struct tls_pair *pair = new_pair();

		/* announced: reading ends, writing may go on */
		c.max_version = version;
		tls_pair_start(pair, &c, &s);
		tls_pair_run(pair);
		talk(pair);
		bri_tls_close(pair->client.tls);
		tls_pair_collect(pair, &pair->client, &pair->server);
		tls_pair_run(pair);
		assert_int_equal(pair->server.result, BRI_TLS_ENDED);
		assert_true(bri_tls_is_closed(pair->server.tls));
		assert_int_equal(bri_tls_write(pair->client.tls, "x", 1), -EPIPE);
		assert_int_equal(bri_tls_write(pair->server.tls, "late", 4), 0);
		tls_pair_collect(pair, &pair->server, &pair->client);
		tls_pair_run(pair);
		assert_memory_equal(pair->client.got + pair->client.n_got - 4, "late", 4);
		drop(pair);

		/* not announced: truncated */
		pair = new_pair();
		tls_pair_start(pair, &c, &s);
		tls_pair_run(pair);
		talk(pair);
		bri_tls_input_end(pair->server.tls);
		tls_pair_run(pair);
		assert_int_equal(pair->server.result, -EPROTO);
		assert_int_equal(bri_tls_error(pair->server.tls), BRI_TLS_CLOSED_NO_NOTIFY);
		drop(pair);

		/* in the handshake */
		pair = new_pair();
		tls_pair_start(pair, &c, &s);
		bri_tls_input_end(pair->client.tls);
		tls_pair_run(pair);
		assert_int_equal(bri_tls_error(pair->client.tls), BRI_TLS_CLOSED_ABORT);
		drop(pair);
	}
}

static void versions_do_not_meet(void **state)
{
	struct bri_tls_config c = client_config(), s = server_config();
	struct tls_pair *pair = new_pair();
	struct bri_tls *tls;

	(void)state;
	c.max_version = 0x0303;
	s.min_version = 0x0304;
	tls_pair_start(pair, &c, &s);
	tls_pair_run(pair);
	assert_int_equal(pair->server.result, -EPROTO);
	assert_int_equal(pair->client.result, -EPROTO);
	drop(pair);

	pair = new_pair();
	c.min_version = c.max_version = 0x0304;
	s.min_version = s.max_version = 0x0303;
	tls_pair_start(pair, &c, &s);
	tls_pair_run(pair);
	assert_int_equal(bri_tls_error(pair->server.tls), BRI_TLS_NEGOTIATION);
	assert_int_equal(bri_tls_error(pair->client.tls), BRI_TLS_PEER_HANDSHAKE_FAILURE);
	drop(pair);
	c.max_version = 0x0303;
	assert_int_equal(bri_tls_new(&c, 0, &tls), -EINVAL);
}

static void suites(void **state)
{
	static const uint16_t list[] = { 0xfafa, 0xcca9, 0x1303 };
	static const uint16_t none[] = { 0xfafa };
	struct bri_tls_config c = client_config(), s = server_config();
	struct tls_pair *pair;
	struct bri_tls *tls;

	(void)state;
	for (uint16_t version = 0x0303; version <= 0x0304; version++) {
		pair = new_pair();
		c.max_version = version;
		c.suites = list;
		c.n_suites = 3;
		tls_pair_start(pair, &c, &s);
		tls_pair_run(pair);
		talk(pair);
		assert_int_equal(
			bri_tls_suite(pair->client.tls), version == 0x0304 ? 0x1303 : 0xcca9);
		drop(pair);
	}
	c.suites = none;
	c.n_suites = 1;
	assert_int_equal(bri_tls_new(&c, 0, &tls), -EINVAL);
}

/* RFC 8446 section 4.6.3 */
static void key_updates(void **state)
{
	struct tls_pair *pair = talking_pair();

	(void)state;
	assert_int_equal(gnutls_session_key_update(pair->client.tls->session, GNUTLS_KU_PEER), 0);
	assert_int_equal(bri_tls_write(pair->client.tls, "after", 5), 0);
	tls_pair_collect(pair, &pair->client, &pair->server);
	tls_pair_run(pair);
	assert_memory_equal(pair->server.got + pair->server.n_got - 5, "after", 5);
	assert_int_equal(bri_tls_key_updates(pair->server.tls), 1);
	assert_int_equal(bri_tls_write(pair->server.tls, "too", 3), 0);
	tls_pair_collect(pair, &pair->server, &pair->client);
	tls_pair_run(pair);
	assert_memory_equal(pair->client.got + pair->client.n_got - 3, "too", 3);
	assert_int_equal(bri_tls_key_updates(pair->client.tls), 1);
	drop(pair);
}

static void output_window(void **state)
{
	struct tls_pair *pair = talking_pair();
	static uint8_t room[40000], content[BRI_TLS_RECORD_MAX];
	uint8_t *bytes;
	size_t size;

	(void)state;
	bri_tls_output(pair->client.tls, room, sizeof(room));
	for (int i = 0; i < 3; i++)
		assert_int_equal(bri_tls_write(pair->client.tls, content, sizeof(content)), 0);
	/* two find room, the third is kept behind them */
	size = bri_tls_output_used(pair->client.tls);
	assert_true(size > 2 * sizeof(content));
	assert_true(size <= 2 * (BRI_TLS_RECORD_MAX + BRI_TLS_RECORD_EXTRA));
	free(pair->server.in);
	pair->server.in = malloc(size);
	memcpy(pair->server.in, room, size);
	pair->server.in_size = pair->server.in_room = size;
	bri_tls_output(pair->client.tls, NULL, 0);
	pair->server.n_got = pair->server.records = 0;
	tls_pair_collect(pair, &pair->client, &pair->server);
	tls_pair_run(pair);
	assert_int_equal(pair->server.n_got, 3 * sizeof(content));
	assert_false(bri_tls_output_take(pair->client.tls, &bytes, &size));
	drop(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_versions),
		cmocka_unit_test(split),
		cmocka_unit_test(untrusted),
		cmocka_unit_test(late_trust),
		cmocka_unit_test(late_identity),
		cmocka_unit_test(alpn),
		cmocka_unit_test(exporters),
		cmocka_unit_test(ends),
		cmocka_unit_test(versions_do_not_meet),
		cmocka_unit_test(suites),
		cmocka_unit_test(key_updates),
		cmocka_unit_test(output_window),
	};

	return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
