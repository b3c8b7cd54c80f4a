/*
 * Early data (0-RTT) between two engines: taken, refused, played again, too much of it; and what a
 * server remembers for it.
 */
#include "proto/tls/tls_internal.h"
#include "tls_engine_util.h"

static gnutls_datum_t other_key;
static struct bri_tls_replay *replay;

static int setup(void **state)
{
	gnutls_session_ticket_key_generate(&other_key);
	replay = bri_tls_replay_new();
	assert_non_null(replay);
	return make_certificates(state);
}

static int teardown(void **state)
{
	gnutls_free(other_key.data);
	bri_tls_replay_free(replay);
	return free_certificates(state);
}

static struct bri_tls_config early_server(void)
{
	struct bri_tls_config config = server_config();

	config.replay = replay;
	return config;
}

static struct tls_pair *start_pair(struct bri_tls_config *c, struct bri_tls_config *s)
{
	struct tls_pair *pair = new_pair();

	tls_pair_start(pair, c, s);
	return pair;
}

/* A first session, for its ticket. */
static gnutls_datum_t ticket_of(uint16_t version, struct bri_tls_config *s)
{
	struct bri_tls_config c = client_config();
	gnutls_datum_t ticket = { 0 };
	struct tls_pair *pair;

	c.max_version = version;
	pair = start_pair(&c, s);
	tls_pair_run(pair);
	assert_true(bri_tls_is_done(pair->client.tls) && bri_tls_is_done(pair->server.tls));
	assert_int_equal(bri_tls_early(pair->client.tls), 0);
	assert_true(bri_tls_take_ticket(pair->client.tls, &ticket));
	drop(pair);
	return ticket;
}

static void with_early(
	struct bri_tls_config *c, gnutls_datum_t ticket, const void *early, size_t size)
{
	c->resume = (struct bri_tls_bytes) { ticket.data, ticket.size };
	c->early = (struct bri_tls_bytes) { early, size };
}

/* Content in the ordinary way still comes behind it. */
static void expect_content(struct tls_pair *pair, const char *early, size_t taken)
{
	assert_true(bri_tls_is_done(pair->client.tls));
	assert_true(bri_tls_is_done(pair->server.tls));
	assert_int_equal(bri_tls_early(pair->client.tls), taken);
	assert_int_equal(bri_tls_early(pair->server.tls) > 0, taken > 0);
	assert_int_equal(bri_tls_write(pair->client.tls, "more", 4), 0);
	tls_pair_collect(pair, &pair->client, &pair->server);
	tls_pair_run(pair);
	assert_int_equal(pair->server.n_got, taken + 4);
	assert_memory_equal(pair->server.got, early, taken);
	assert_memory_equal(pair->server.got + taken, "more", 4);
}

static void accepted(void **state)
{
	static const size_t chunks[] = { 0, 1, 7, 100 };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(chunks); i++) {
		struct bri_tls_config s = early_server(), c = client_config();
		gnutls_datum_t ticket = ticket_of(0x0304, &s);
		struct tls_pair *pair;

		with_early(&c, ticket, "early words", 11);
		pair = start_pair(&c, &s);
		pair->chunk = chunks[i];
		tls_pair_run(pair);
		expect_content(pair, "early words", 11);
		assert_true(bri_tls_resumed(pair->client.tls));
		drop(pair);
		gnutls_free(ticket.data);
	}
}

/* Also behind a server that asks who it is. */
static void accepted_after_a_question(void **state)
{
	struct bri_tls_config s = early_server(), c = client_config();
	gnutls_datum_t ticket = ticket_of(0x0304, &s);
	struct tls_pair *pair;

	(void)state;
	with_early(&c, ticket, "early words", 11);
	s.identity = (struct bri_tls_identity) { 0 };
	s.asks_identity = true;
	pair = start_pair(&c, &s);
	pair->server.identity = &leaf;
	tls_pair_run(pair);
	expect_content(pair, "early words", 11);
	drop(pair);
	gnutls_free(ticket.data);
}

/* The server has another key, none, does not take any, or speaks TLS 1.2 only. */
static void refused(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		struct bri_tls_config s = early_server(), c = client_config();
		gnutls_datum_t ticket;
		struct tls_pair *pair;

		if (i == 4) /* a ticket that does not allow it */
			s.replay = NULL;
		ticket = ticket_of(0x0304, &s);
		with_early(&c, ticket, "early words", 11);
		if (i == 0)
			s.ticket_key = other_key;
		else if (i == 1)
			s.tickets = false;
		else if (i == 2)
			s.replay = NULL;
		else if (i == 3)
			s.max_version = 0x0303;
		pair = start_pair(&c, &s);
		tls_pair_run(pair);
		if (i == 3) { /* RFC 8446 appendix D.3: a client must fail then */
			assert_int_equal(pair->client.result, -EPROTO);
			assert_true(bri_tls_error(pair->client.tls) <= -9800);
			assert_int_equal(pair->server.n_got, 0);
		} else {
			expect_content(pair, "", 0);
		}
		drop(pair);
		gnutls_free(ticket.data);
	}
}

/* RFC 8446 section 8: the same hello once more, to a server that has taken it */
static void played_again(void **state)
{
	struct bri_tls_config s = early_server(), c = client_config();
	gnutls_datum_t ticket = ticket_of(0x0304, &s);
	struct tls_pair *pair, *again;
	size_t size;

	(void)state;
	with_early(&c, ticket, "pay 5", 5);
	pair = start_pair(&c, &s);
	tls_end_feed(pair, &pair->client, &pair->server);
	size = pair->server.in_size;
	again = start_pair(NULL, &s);
	again->server.in = malloc(size);
	memcpy(again->server.in, pair->server.in, size);
	again->server.in_size = again->server.in_room = size;
	tls_pair_run(pair);
	expect_content(pair, "pay 5", 5);
	/* it hears nothing more than that: the rest is not the attacker's to say */
	tls_end_feed(again, &again->server, &again->client);
	assert_int_equal(again->server.n_got, 0);
	assert_false(bri_tls_is_done(again->server.tls));
	assert_false(
		gnutls_session_get_flags(again->server.tls->session) & GNUTLS_SFLAGS_EARLY_DATA);
	drop(again);
	drop(pair);
	gnutls_free(ticket.data);
}

/* What a ticket allows goes early, the rest is for the caller. */
static void too_much(void **state)
{
	struct bri_tls_config s = early_server(), c = client_config();
	gnutls_datum_t ticket = ticket_of(0x0304, &s);
	size_t size = 3 * BRI_TLS_EARLY_MAX;
	char *early = malloc(size);
	struct tls_pair *pair;

	(void)state;
	memset(early, 'e', size);
	with_early(&c, ticket, early, size);
	pair = start_pair(&c, &s);
	tls_pair_run(pair);
	expect_content(pair, early, BRI_TLS_EARLY_MAX);
	drop(pair);
	free(early);
	gnutls_free(ticket.data);
}

static void no_ticket_no_early(void **state)
{
	(void)state;
	for (uint16_t version = 0x0303; version <= 0x0304; version++) {
		struct bri_tls_config s = early_server(), c = client_config();
		gnutls_datum_t ticket = { 0 };
		struct tls_pair *pair;

		c.max_version = version;
		if (version == 0x0303)
			ticket = ticket_of(version, &s);
		with_early(&c, ticket, "early words", 11);
		pair = start_pair(&c, &s);
		tls_pair_run(pair);
		expect_content(pair, "", 0);
		drop(pair);
		gnutls_free(ticket.data);
	}
}

/* --- what is remembered --- */

static void memory_of_hellos(void **state)
{
	struct bri_tls_replay *r = bri_tls_replay_new();
	const int64_t window = BRI_TLS_REPLAY_WINDOW_MS / 1000;

	(void)state;
	assert_non_null(r);
	assert_int_equal(bri_tls_replay_add(r, 1000, "a", 1), 0);
	assert_int_equal(bri_tls_replay_add(r, 1000, "a", 1), -EEXIST);
	assert_int_equal(bri_tls_replay_add(r, 1000, "b", 1), 0);
	/* for a window at least, whatever comes between */
	for (int64_t t = 1001; t <= 1000 + window; t++) {
		assert_int_equal(bri_tls_replay_add(r, t, &t, sizeof(t)), 0);
		assert_int_equal(bri_tls_replay_add(r, t, "a", 1), -EEXIST);
	}
	/* no more than so many in a window; older ones make room */
	for (uint32_t i = 0; i < 2 * BRI_TLS_REPLAY_MAX; i++) {
		int got = bri_tls_replay_add(r, 3000, &i, sizeof(i));

		assert_int_equal(got, i < BRI_TLS_REPLAY_MAX ? 0 : -ENOSPC);
	}
	assert_int_equal(bri_tls_replay_add(r, 3000 + window, "c", 1), -ENOSPC);
	assert_int_equal(bri_tls_replay_add(r, 3000 + window + 1, "c", 1), 0);
	for (uint32_t i = 0; i < BRI_TLS_REPLAY_MAX; i++)
		assert_int_equal(bri_tls_replay_add(r, 3000 + window + 1, &i, sizeof(i)), -EEXIST);
	bri_tls_replay_free(r);
	bri_tls_replay_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted),
		cmocka_unit_test(accepted_after_a_question),
		cmocka_unit_test(refused),
		cmocka_unit_test(played_again),
		cmocka_unit_test(too_much),
		cmocka_unit_test(no_ticket_no_early),
		cmocka_unit_test(memory_of_hellos),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
