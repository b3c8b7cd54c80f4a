/* TLS engines whose peer says what it should not, too much, or nothing. */
#include "proto/tls/tls_internal.h"
#include "tls_engine_util.h"

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
	struct tls_pair *pair = talking_pair();

	(void)state;
	assert_int_equal(bri_tls_write(pair->client.tls, "0123456789", 10), 0);
	tls_pair_collect(pair, &pair->client, &pair->server);
	pair->server.in[pair->server.in_size - 1] ^= 1;
	tls_pair_run(pair);
	assert_int_equal(bri_tls_error(pair->server.tls), BRI_TLS_BAD_RECORD_MAC);
	assert_int_equal(bri_tls_error(pair->client.tls), BRI_TLS_PEER_BAD_RECORD_MAC);
	drop(pair);
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

/* records without content keep nobody busy for ever */
static void endless_tickets(void **state)
{
	struct tls_pair *pair = talking_pair();
	int tickets = 0;

	(void)state;
	while (bri_tls_error(pair->client.tls) == 0 && tickets < 4096) {
		assert_int_equal(gnutls_session_ticket_send(pair->server.tls->session, 1, 0), 0);
		tickets++;
		tls_pair_collect(pair, &pair->server, &pair->client);
		tls_end_feed(pair, &pair->client, &pair->server);
	}
	assert_true(tickets < 2048);
	assert_int_equal(bri_tls_error(pair->client.tls), BRI_TLS_BUFFER_OVERFLOW);
	drop(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(garbage),
		cmocka_unit_test(corrupted_record),
		cmocka_unit_test(slow_loris),
		cmocka_unit_test(large_messages),
		cmocka_unit_test(endless_tickets),
	};

	return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
