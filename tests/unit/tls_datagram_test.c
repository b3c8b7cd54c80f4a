/*
 * DTLS 1.2: two engines, datagrams that get lost, and a clock that is a variable: GnuTLS measures
 * its retransmissions by clock_gettime(), which is ours in this program.
 */
#include "tls_util.h"

#include <time.h>

static uint64_t virtual_ns = UINT64_C(1700000000) * BRI_NS_PER_S;

/* visible, so that it comes before the C library's */
BRI_EXPORT int clock_gettime(clockid_t id, struct timespec *ts)
{
	(void)id;
	ts->tv_sec = (time_t)(virtual_ns / BRI_NS_PER_S);
	ts->tv_nsec = (long)(virtual_ns % BRI_NS_PER_S);
	return 0;
}

static struct tls_cert root, leaf;
static gnutls_datum_t ticket_key;

static int make_certificates(void **state)
{
	(void)state;
	tls_cert_make(&root, &(struct tls_cert_spec) { .name = "root", .is_ca = true });
	tls_cert_make(&leaf, &(struct tls_cert_spec) { .name = "example.test", .issuer = &root });
	gnutls_session_ticket_key_generate(&ticket_key);
	return 0;
}

static int free_certificates(void **state)
{
	(void)state;
	tls_cert_free(&leaf);
	tls_cert_free(&root);
	gnutls_free(ticket_key.data);
	return 0;
}

static struct bri_tls_config config(bool server)
{
	static const uint8_t id[] = "192.0.2.1";
	struct bri_tls_config c = { .min_version = 0x0303, .max_version = 0x0304, .tickets = true };

	if (!server) {
		c.server_name = "example.test";
		return c;
	}
	c.identity = tls_cert_identity(&leaf);
	c.peer_id = (struct bri_tls_bytes) { id, sizeof(id) };
	c.ticket_key = ticket_key;
	return c;
}

static struct tls_pair *start(void)
{
	struct tls_pair *pair = calloc(1, sizeof(*pair));
	struct bri_tls_config c = config(false), s = config(true);

	pair->datagram = true;
	pair->now_ns = virtual_ns;
	tls_pair_start(pair, &c, &s);
	return pair;
}

static void drop(struct tls_pair *pair)
{
	tls_pair_free(pair);
	free(pair);
}

/* As a chain does: run, then sleep until the earlier deadline. False: nothing will happen any more.
 */
static bool sleep_once(struct tls_pair *pair)
{
	uint64_t a = bri_tls_deadline_ns(pair->client.tls, pair->now_ns);
	uint64_t b = bri_tls_deadline_ns(pair->server.tls, pair->now_ns);
	uint64_t at_ns = bri_min_u64(a, b);

	if (at_ns == BRI_NEVER)
		return false;
	assert_true(at_ns > pair->now_ns);
	pair->now_ns = virtual_ns = at_ns;
	return true;
}

static bool is_open(const struct tls_pair *pair)
{
	return bri_tls_is_done(pair->client.tls) && bri_tls_is_done(pair->server.tls);
}

static void talk(struct tls_pair *pair)
{
	assert_int_equal(bri_tls_write(pair->client.tls, "one", 3), 0);
	assert_int_equal(bri_tls_write(pair->client.tls, "second", 6), 0);
	assert_int_equal(bri_tls_write(pair->server.tls, "back", 4), 0);
	tls_pair_collect(pair, &pair->client, &pair->server);
	tls_pair_collect(pair, &pair->server, &pair->client);
	tls_pair_run(pair);
	assert_int_equal(pair->server.records, 2);
	assert_int_equal(pair->server.n_got, 9);
	assert_memory_equal(pair->server.got, "onesecond", 9);
	assert_int_equal(pair->client.records, 1);
}

static void without_loss(void **state)
{
	struct tls_pair *pair = start();
	uint64_t began_ns = virtual_ns;

	(void)state;
	tls_pair_run(pair);
	assert_true(is_open(pair));
	assert_int_equal(virtual_ns, began_ns); /* no time passes */
	assert_int_equal(bri_tls_version(pair->client.tls), 0xfefd);
	talk(pair);
	drop(pair);
}

/* each datagram of the handshake gets lost once, alone and with the one behind it */
static void each_lost(void **state)
{
	(void)state;
	for (unsigned lost = 0; lost < 14; lost++) {
		for (uint64_t pattern = 1; pattern <= 3; pattern += 2) {
			struct tls_pair *pair = start();
			uint64_t began_ns = virtual_ns;

			pair->dropped = pattern << lost;
			do
				tls_pair_run(pair);
			while (!is_open(pair) && sleep_once(pair));
			assert_true(is_open(pair));
			assert_true(virtual_ns - began_ns < 16 * BRI_NS_PER_S);
			pair->dropped = 0;
			talk(pair);
			drop(pair);
		}
	}
}

static void nobody_there(void **state)
{
	struct tls_pair *pair = start();
	uint64_t began_ns = virtual_ns;
	unsigned sent;

	(void)state;
	pair->dropped = UINT64_MAX;
	do
		tls_pair_run(pair);
	while (pair->client.result == BRI_TLS_WAITS && sleep_once(pair));
	assert_int_equal(pair->client.result, -EPROTO);
	assert_int_equal(bri_tls_error(pair->client.tls), BRI_TLS_TIMEOUT);
	assert_int_equal(virtual_ns - began_ns, BRI_TLS_HANDSHAKE_NS);
	/* RFC 6347 section 4.2.4.1: 1, 2, 4, 8, 16, 32 s, and a last word */
	sent = pair->sent;
	assert_in_range(sent, 5, 9);
	drop(pair);
}

/* nothing large goes to an address that has not answered */
static void cookies(void **state)
{
	struct tls_pair *pair = start();
	size_t asked, answered;

	(void)state;
	tls_end_feed(pair, &pair->client, &pair->server);
	assert_int_equal(pair->server.n_sizes, 1);
	asked = pair->server.sizes[0];
	tls_end_feed(pair, &pair->server, &pair->client);
	assert_int_equal(pair->client.n_sizes, 1);
	answered = pair->client.sizes[0];
	assert_true(answered < asked);
	assert_false(bri_tls_is_done(pair->server.tls));
	tls_pair_run(pair);
	assert_true(is_open(pair));
	drop(pair);
}

/* RFC 6347 section 4.1.2.6 */
static void replay(void **state)
{
	struct tls_pair *pair = start();
	uint8_t *copy;
	size_t size;

	(void)state;
	tls_pair_run(pair);
	assert_int_equal(bri_tls_write(pair->client.tls, "pay 5", 5), 0);
	tls_pair_collect(pair, &pair->client, &pair->server);
	size = pair->server.in_size;
	copy = malloc(size);
	memcpy(copy, pair->server.in, size);
	tls_pair_run(pair);
	assert_int_equal(pair->server.records, 1);
	for (int i = 0; i < 3; i++) {
		bri_tls_input(pair->server.tls, copy, size);
		tls_end_feed(pair, &pair->server, &pair->client);
	}
	assert_int_equal(pair->server.records, 1);
	assert_int_equal(bri_tls_error(pair->server.tls), 0);
	free(copy);
	drop(pair);
}

/* RFC 6347 section 4.1.2.7: what does not belong here is dropped, before, in and after the
 * handshake */
static void noise(void **state)
{
	static const uint8_t junk[3][64] = { "hello", { 22, 254, 253, 0, 0 },
		{ 23, 254, 253, 0, 1 } };

	(void)state;
	for (int when = 0; when < 3; when++) {
		struct tls_pair *pair = start();

		if (when == 1) {
			tls_end_feed(pair, &pair->client, &pair->server);
			tls_end_feed(pair, &pair->server, &pair->client);
			tls_end_feed(pair, &pair->client, &pair->server);
			tls_end_feed(pair, &pair->server, &pair->client);
		} else if (when == 2) {
			tls_pair_run(pair);
		}
		for (size_t i = 0; i < 3; i++) {
			struct tls_end *ends[] = { &pair->client, &pair->server };

			for (size_t j = 0; j < 2; j++) {
				uint8_t sink[2048];
				size_t n;

				bri_tls_input(ends[j]->tls, junk[i], sizeof(junk[i]));
				if (bri_tls_step(ends[j]->tls, pair->now_ns) == 0)
					bri_tls_read(ends[j]->tls, sink, sizeof(sink), &n);
				bri_tls_input(ends[j]->tls, NULL, 0);
				assert_int_equal(bri_tls_error(ends[j]->tls), 0);
			}
		}
		do
			tls_pair_run(pair);
		while (!is_open(pair) && sleep_once(pair));
		assert_true(is_open(pair));
		talk(pair);
		drop(pair);
	}
}

static void sizes(void **state)
{
	static uint8_t content[BRI_TLS_RECORD_MAX + 1];
	struct tls_pair *pair = start();

	(void)state;
	tls_pair_run(pair);
	assert_int_equal(
		bri_tls_write(pair->client.tls, content, BRI_TLS_RECORD_MAX + 1), -EMSGSIZE);
	/* GnuTLS counts the record's own bytes in */
	assert_int_equal(bri_tls_write(pair->client.tls, content, BRI_TLS_RECORD_MAX), -EMSGSIZE);
	assert_int_equal(bri_tls_write(pair->client.tls, content, 16000), 0);
	assert_int_equal(bri_tls_write(pair->client.tls, content, 1), 0);
	tls_pair_collect(pair, &pair->client, &pair->server);
	tls_pair_run(pair);
	assert_int_equal(pair->server.records, 2);
	assert_int_equal(pair->server.n_got, 16001);
	bri_tls_close(pair->client.tls);
	tls_pair_collect(pair, &pair->client, &pair->server);
	tls_pair_run(pair);
	assert_int_equal(pair->server.result, BRI_TLS_ENDED);
	drop(pair);
}

static void identity_by_name(void **state)
{
	struct tls_pair *pair = calloc(1, sizeof(*pair));
	struct bri_tls_config c = config(false), s = config(true);
	char name[64];

	(void)state;
	s.identity = (struct bri_tls_identity) { 0 };
	s.asks_identity = true;
	pair->datagram = true;
	pair->now_ns = virtual_ns;
	pair->server.holds = true;
	pair->server.identity = &leaf;
	tls_pair_start(pair, &c, &s);
	for (int i = 0; i < 4; i++) {
		tls_end_feed(pair, &pair->client, &pair->server);
		tls_end_feed(pair, &pair->server, &pair->client);
	}
	assert_int_equal(pair->server.result, BRI_TLS_ASKS);
	assert_int_equal(bri_tls_server_name(pair->server.tls, name, sizeof(name)), 0);
	assert_string_equal(name, "example.test");
	pair->server.holds = false;
	tls_pair_run(pair);
	assert_true(is_open(pair));
	talk(pair);
	drop(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_loss),
		cmocka_unit_test(each_lost),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(cookies),
		cmocka_unit_test(replay),
		cmocka_unit_test(noise),
		cmocka_unit_test(sizes),
		cmocka_unit_test(identity_by_name),
	};

	return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
