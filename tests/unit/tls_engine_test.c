/* The TLS engine: two of them in memory, on a virtual clock. */
#include "tls_util.h"

static struct tls_cert root, leaf, other, client_cert;
static gnutls_datum_t ticket_key;

static int make_certificates(void **state)
{
	(void)state;
	tls_cert_make(&root, &(struct tls_cert_spec) { .name = "root", .is_ca = true });
	tls_cert_make(&leaf, &(struct tls_cert_spec) { .name = "example.test", .issuer = &root });
	tls_cert_make(&other, &(struct tls_cert_spec) { .name = "other.test", .issuer = &root });
	tls_cert_make(
		&client_cert, &(struct tls_cert_spec) { .name = "client.test", .issuer = &root });
	gnutls_session_ticket_key_generate(&ticket_key);
	return 0;
}

static int free_certificates(void **state)
{
	(void)state;
	tls_cert_free(&client_cert);
	tls_cert_free(&other);
	tls_cert_free(&leaf);
	tls_cert_free(&root);
	gnutls_free(ticket_key.data);
	return 0;
}

static struct bri_tls_config client_config(void)
{
	return (struct bri_tls_config) {
		.min_version = 0x0303,
		.max_version = 0x0304,
		.server_name = "example.test",
		.tickets = true,
	};
}

static struct bri_tls_config server_config(void)
{
	return (struct bri_tls_config) {
		.min_version = 0x0303,
		.max_version = 0x0304,
		.identity = tls_cert_identity(&leaf),
		.tickets = true,
		.ticket_key = ticket_key,
	};
}

static struct tls_pair *new_pair(void)
{
	struct tls_pair *pair = calloc(1, sizeof(*pair));

	pair->now_ns = 1000;
	return pair;
}

static void drop(struct tls_pair *pair)
{
	tls_pair_free(pair);
	free(pair);
}

static void talk(struct tls_pair *pair)
{
	static const char hello[] = "hello from the client", answer[] = "and from the server";

	if (!bri_tls_is_done(pair->client.tls) || !bri_tls_is_done(pair->server.tls))
		print_message("server %d %d, client %d %d\n", pair->server.result,
			bri_tls_error(pair->server.tls), pair->client.result,
			bri_tls_error(pair->client.tls));
	assert_true(bri_tls_is_done(pair->client.tls));
	assert_true(bri_tls_is_done(pair->server.tls));
	assert_int_equal(bri_tls_write(pair->client.tls, hello, sizeof(hello)), 0);
	assert_int_equal(bri_tls_write(pair->server.tls, answer, sizeof(answer)), 0);
	tls_pair_collect(pair, &pair->client, &pair->server);
	tls_pair_collect(pair, &pair->server, &pair->client);
	tls_pair_run(pair);
	assert_int_equal(pair->server.n_got, sizeof(hello));
	assert_memory_equal(pair->server.got, hello, sizeof(hello));
	assert_int_equal(pair->client.n_got, sizeof(answer));
	assert_memory_equal(pair->client.got, answer, sizeof(answer));
}

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

static void garbage(void **state)
{
	static const char http[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";

	(void)state;
	for (int server = 0; server < 2; server++) {
		struct bri_tls_config c = client_config(), s = server_config();
		struct tls_pair *pair = new_pair();
		struct tls_end *end = server ? &pair->server : &pair->client;

		tls_pair_start(pair, server ? NULL : &c, server ? &s : NULL);
		bri_tls_input(end->tls, http, sizeof(http));
		end->result = bri_tls_step(end->tls, 0);
		assert_int_equal(end->result, -EPROTO);
		assert_true(bri_tls_error(end->tls) <= -9800 && bri_tls_error(end->tls) > -9900);
		/* and stays so */
		assert_int_equal(bri_tls_step(end->tls, 0), -EPROTO);
		drop(pair);
	}
}

static void corrupted_record(void **state)
{
	struct bri_tls_config c = client_config(), s = server_config();
	struct tls_pair *pair = new_pair();

	(void)state;
	tls_pair_start(pair, &c, &s);
	tls_pair_run(pair);
	talk(pair);
	assert_int_equal(bri_tls_write(pair->client.tls, "0123456789", 10), 0);
	tls_pair_collect(pair, &pair->client, &pair->server);
	pair->server.in[pair->server.in_size - 1] ^= 1;
	tls_pair_run(pair);
	assert_int_equal(bri_tls_error(pair->server.tls), BRI_TLS_BAD_RECORD_MAC);
	assert_int_equal(bri_tls_error(pair->client.tls), BRI_TLS_PEER_BAD_RECORD_MAC);
	drop(pair);
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

static void slow_loris(void **state)
{
	struct bri_tls_config s = server_config();
	struct tls_pair *pair = new_pair();
	uint64_t deadline_ns;

	(void)state;
	tls_pair_start(pair, NULL, &s);
	assert_int_equal(bri_tls_step(pair->server.tls, pair->now_ns), BRI_TLS_WAITS);
	deadline_ns = bri_tls_deadline_ns(pair->server.tls, pair->now_ns);
	assert_int_equal(deadline_ns, pair->now_ns + BRI_TLS_HANDSHAKE_NS);
	assert_int_equal(bri_tls_step(pair->server.tls, deadline_ns - 1), BRI_TLS_WAITS);
	assert_int_equal(bri_tls_step(pair->server.tls, deadline_ns), -EPROTO);
	assert_int_equal(bri_tls_error(pair->server.tls), BRI_TLS_TIMEOUT);
	drop(pair);
}

/* a ClientHello without end: refused when the limit is passed, not when memory is */
static void large_messages(void **state)
{
	(void)state;
	for (int asks = 0; asks < 2; asks++) {
		struct bri_tls_config s = server_config();
		struct tls_pair *pair = new_pair();
		uint8_t *record = calloc(1, 5 + 16384);
		size_t fed = 0;
		int r = BRI_TLS_WAITS;

		s.asks_identity = asks;
		tls_pair_start(pair, NULL, &s);
		memcpy(record, (uint8_t[]) { 22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff }, 9);
		while (r == BRI_TLS_WAITS && fed < (1 << 20)) {
			bri_tls_input(pair->server.tls, record, 5 + 16384);
			r = bri_tls_step(pair->server.tls, 0);
			fed += 16384;
			memset(record + 5, 0, 4);
		}
		assert_int_equal(r, -EPROTO);
		assert_true(fed <= BRI_TLS_IDLE_MAX + 16384);
		free(record);
		drop(pair);
	}
}

static void output_window(void **state)
{
	struct bri_tls_config c = client_config(), s = server_config();
	struct tls_pair *pair = new_pair();
	static uint8_t room[40000], content[BRI_TLS_RECORD_MAX];
	uint8_t *bytes;
	size_t size;

	(void)state;
	tls_pair_start(pair, &c, &s);
	tls_pair_run(pair);
	talk(pair);
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
		cmocka_unit_test(client_certificates),
		cmocka_unit_test(alpn),
		cmocka_unit_test(pre_shared_keys),
		cmocka_unit_test(wrong_pre_shared_keys),
		cmocka_unit_test(chosen_pre_shared_key),
		cmocka_unit_test(chosen_client_certificate),
		cmocka_unit_test(resumption),
		cmocka_unit_test(resumed_client_certificates),
		cmocka_unit_test(exporters),
		cmocka_unit_test(ends),
		cmocka_unit_test(garbage),
		cmocka_unit_test(corrupted_record),
		cmocka_unit_test(versions_do_not_meet),
		cmocka_unit_test(suites),
		cmocka_unit_test(slow_loris),
		cmocka_unit_test(large_messages),
		cmocka_unit_test(output_window),
	};

	return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
