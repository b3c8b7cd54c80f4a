/*
 * How two TLS engines know each other: certificates of clients, keys that both know, sessions that
 * are resumed.
 */
#include "tls_engine_util.h"

static void client_certificates(void **state)
{
	(void)state;
	for (uint16_t version = 0x0303; version <= 0x0304; version++) {
		for (int shows = 0; shows < 2; shows++) {
			for (int must = 0; must < 2; must++) {
				struct bri_tls_config c = client_config(), s = server_config();
				struct tls_pair *pair = new_pair();
				struct bri_tls_bytes chain[4];

				c.max_version = version;
				if (shows)
					c.identity = tls_cert_identity(&client_cert);
				s.clients = must ? BRI_TLS_CLIENTS_MUST : BRI_TLS_CLIENTS_MAY;
				tls_pair_start(pair, &c, &s);
				tls_pair_run(pair);
				if (must && !shows) {
					assert_int_equal(pair->server.result, -EPROTO);
					assert_int_equal(
						bri_tls_error(pair->server.tls), BRI_TLS_BAD_CERT);
					assert_int_equal(pair->client.result, -EPROTO);
				} else {
					talk(pair);
					assert_int_equal(pair->server.asked_trust, shows);
					assert_int_equal(bri_tls_chain(pair->server.tls, chain, 4),
						shows ? 2 : 0);
				}
				drop(pair);
			}
		}
	}
}

static const struct bri_tls_psk psks[] = {
	{ { (const uint8_t *)"first", 5 }, { (const uint8_t *)"0123456789abcdef", 16 } },
	{ { (const uint8_t *)"sec\0nd", 6 }, { (const uint8_t *)"fedcba9876543210", 16 } },
};

static void pre_shared_keys(void **state)
{
	static const uint16_t suite = 0x00a8; /* TLS_PSK_WITH_AES_128_GCM_SHA256 */

	(void)state;
	for (int with_list = 0; with_list < 2; with_list++) {
		for (uint16_t version = 0x0303; version <= 0x0304; version++) {
			for (size_t i = 0; i < 2; i++) {
				struct bri_tls_config c = client_config(), s = server_config();
				struct tls_pair *pair = new_pair();

				s.identity = (struct bri_tls_identity) { 0 };
				c.max_version = version;
				if (with_list) {
					c.suites = s.suites = &suite;
					c.n_suites = s.n_suites = 1;
				}
				s.psks = psks;
				s.n_psks = 2;
				c.psks = &psks[i];
				c.n_psks = 1;
				tls_pair_start(pair, &c, &s);
				tls_pair_run(pair);
				talk(pair);
				assert_int_equal(pair->client.asked_trust, 0);
				assert_int_equal(bri_tls_version(pair->client.tls),
					with_list ? 0x0303 : version);
				if (with_list)
					assert_int_equal(bri_tls_suite(pair->client.tls), suite);
				assert_non_null(bri_tls_psk(pair->client.tls));
				assert_non_null(bri_tls_psk(pair->server.tls));
				assert_int_equal(bri_tls_psk(pair->server.tls)->identity.size,
					psks[i].identity.size);
				assert_false(bri_tls_resumed(pair->client.tls));
				drop(pair);
			}
		}
	}
}

static void wrong_pre_shared_keys(void **state)
{
	static const struct bri_tls_psk wrong = { { (const uint8_t *)"first", 5 },
		{ (const uint8_t *)"0123456789abcdeF", 16 } };
	static const struct bri_tls_psk unknown = { { (const uint8_t *)"nobody", 6 },
		{ (const uint8_t *)"0123456789abcdef", 16 } };

	(void)state;
	for (uint16_t version = 0x0303; version <= 0x0304; version++) {
		for (int i = 0; i < 2; i++) {
			struct bri_tls_config c = client_config(), s = server_config();
			struct tls_pair *pair = new_pair();

			s.identity = (struct bri_tls_identity) { 0 };
			c.max_version = version;
			s.psks = psks;
			s.n_psks = 2;
			c.psks = i ? &unknown : &wrong;
			c.n_psks = 1;
			tls_pair_start(pair, &c, &s);
			tls_pair_run(pair);
			assert_int_equal(pair->server.result, -EPROTO);
			assert_int_equal(pair->client.result, -EPROTO);
			assert_true(bri_tls_error(pair->client.tls) <= -9800);
			assert_true(bri_tls_error(pair->server.tls) <= -9800);
			assert_false(bri_tls_is_done(pair->server.tls));
			drop(pair);
		}
	}
}

struct chooser {
	struct tls_pair *pair;
	char hint[32];
	int calls;
};

static void choose_psk(void *context, const char *hint)
{
	struct chooser *c = context;

	c->calls++;
	snprintf(c->hint, sizeof(c->hint), "%s", hint ? hint : "(none)");
	bri_tls_set_psk(c->pair->client.tls, &psks[1].identity);
}

static void chosen_pre_shared_key(void **state)
{
	struct bri_tls_config c = client_config(), s = server_config();
	struct tls_pair *pair = new_pair();
	struct chooser chooser = { .pair = pair };
	static const uint16_t suite = 0x00a8;

	(void)state;
	s.identity = (struct bri_tls_identity) { 0 };
	s.psks = c.psks = psks;
	s.n_psks = c.n_psks = 2;
	s.psk_hint = "try this";
	s.suites = c.suites = &suite;
	s.n_suites = c.n_suites = 1;
	c.on_psk_request = choose_psk;
	c.context = &chooser;
	tls_pair_start(pair, &c, &s);
	tls_pair_run(pair);
	talk(pair);
	assert_true(chooser.calls > 0);
	assert_string_equal(chooser.hint, "try this");
	assert_int_equal(bri_tls_psk(pair->server.tls)->identity.size, 6);
	drop(pair);
}

static void on_request(void *context)
{
	struct chooser *c = context;
	struct bri_tls_identity identity = tls_cert_identity(&client_cert);

	c->calls++;
	assert_int_equal(bri_tls_set_identity(c->pair->client.tls, &identity), 0);
}

static void chosen_client_certificate(void **state)
{
	(void)state;
	for (uint16_t version = 0x0303; version <= 0x0304; version++) {
		struct bri_tls_config c = client_config(), s = server_config();
		struct tls_pair *pair = new_pair();
		struct chooser chooser = { .pair = pair };
		uint16_t algorithms[32];

		c.max_version = version;
		s.clients = BRI_TLS_CLIENTS_MUST;
		c.on_certificate_request = on_request;
		c.context = &chooser;
		tls_pair_start(pair, &c, &s);
		tls_pair_run(pair);
		talk(pair);
		assert_int_equal(chooser.calls, 1);
		assert_int_equal(pair->server.asked_trust, 1);
		assert_true(bri_tls_signature_algorithms(pair->client.tls, algorithms, 32) > 0);
		drop(pair);
	}
}

static void resumption(void **state)
{
	(void)state;
	for (uint16_t version = 0x0303; version <= 0x0304; version++) {
		struct bri_tls_config c = client_config(), s = server_config();
		struct tls_pair *pair = new_pair();
		gnutls_datum_t ticket = { 0 };

		c.max_version = version;
		tls_pair_start(pair, &c, &s);
		tls_pair_run(pair);
		talk(pair);
		assert_false(bri_tls_resumed(pair->client.tls));
		assert_true(bri_tls_take_ticket(pair->client.tls, &ticket));
		assert_false(bri_tls_take_ticket(pair->client.tls, &ticket));
		assert_false(bri_tls_take_ticket(pair->server.tls, &ticket));
		drop(pair);

		/* again, and the client is asked again whom it trusts */
		for (int refuse = 0; refuse < 2; refuse++) {
			pair = new_pair();
			pair->client.trust = refuse ? BRI_TLS_UNKNOWN_ROOT : 0;
			c.resume.bytes = ticket.data;
			c.resume.size = ticket.size;
			tls_pair_start(pair, &c, &s);
			tls_pair_run(pair);
			assert_int_equal(pair->client.asked_trust, 1);
			if (refuse) {
				assert_int_equal(
					bri_tls_error(pair->client.tls), BRI_TLS_UNKNOWN_ROOT);
				assert_false(bri_tls_is_done(pair->client.tls));
			} else {
				talk(pair);
				assert_true(bri_tls_resumed(pair->client.tls));
				assert_true(bri_tls_resumed(pair->server.tls));
			}
			drop(pair);
		}

		/* a server without tickets, or with another key, makes a new session */
		pair = new_pair();
		s.tickets = false;
		tls_pair_start(pair, &c, &s);
		tls_pair_run(pair);
		talk(pair);
		assert_false(bri_tls_resumed(pair->client.tls));
		drop(pair);
		gnutls_free(ticket.data);
	}
}

static void resumed_client_certificates(void **state)
{
	(void)state;
	for (uint16_t version = 0x0303; version <= 0x0304; version++) {
		for (int shown = 0; shown < 2; shown++) {
			struct bri_tls_config c = client_config(), s = server_config();
			struct tls_pair *pair = new_pair();
			gnutls_datum_t ticket = { 0 };

			c.max_version = version;
			if (shown)
				c.identity = tls_cert_identity(&client_cert);
			s.clients = shown ? BRI_TLS_CLIENTS_MUST : BRI_TLS_CLIENTS_ANONYMOUS;
			tls_pair_start(pair, &c, &s);
			tls_pair_run(pair);
			talk(pair);
			assert_true(bri_tls_take_ticket(pair->client.tls, &ticket));
			drop(pair);

			/* a server that wants certificates does not take a session without */
			pair = new_pair();
			s.clients = BRI_TLS_CLIENTS_MUST;
			c.resume.bytes = ticket.data;
			c.resume.size = ticket.size;
			tls_pair_start(pair, &c, &s);
			tls_pair_run(pair);
			if (shown) {
				talk(pair);
				assert_int_equal(pair->server.asked_trust, 1);
			} else {
				assert_int_equal(pair->server.result, -EPROTO);
				assert_false(bri_tls_is_done(pair->server.tls));
			}
			drop(pair);
			gnutls_free(ticket.data);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_certificates),
		cmocka_unit_test(pre_shared_keys),
		cmocka_unit_test(wrong_pre_shared_keys),
		cmocka_unit_test(chosen_pre_shared_key),
		cmocka_unit_test(chosen_client_certificate),
		cmocka_unit_test(resumption),
		cmocka_unit_test(resumed_client_certificates),
	};

	return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
