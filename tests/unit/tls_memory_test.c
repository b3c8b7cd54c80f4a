/*
 * The TLS engine with each of its allocations failing in turn (GnuTLS's own are not among them): an
 * error, no leak, no crash.
 */
#include "tls_util.h"

#include <errno.h>
#include "malloc_util.h"

static struct tls_cert root, leaf;
static const struct bri_tls_psk psk = { { (const uint8_t *)"me", 2 },
	{ (const uint8_t *)"0123456789abcdef", 16 } };
static const struct bri_tls_bytes h2 = { (const uint8_t *)"h2", 2 };
static const uint16_t psk_suite = 0x00a8;

/* What is on its way to one end; no memory but this. */
struct wire {
	uint8_t bytes[1 << 16];
	size_t size;
};

static void collect(struct bri_tls *from, struct wire *to)
{
	uint8_t *bytes;
	size_t size;

	while (bri_tls_output_take(from, &bytes, &size)) {
		assert_true(to->size + size <= sizeof(to->bytes));
		memcpy(to->bytes + to->size, bytes, size);
		to->size += size;
		free(bytes);
	}
}

static int step(struct bri_tls *tls, struct wire *in)
{
	int r;

	bri_tls_input(tls, in->bytes, in->size);
	do {
		r = bri_tls_step(tls, 1);
		if (r != BRI_TLS_ASKS)
			break;
		if (bri_tls_question(tls) == BRI_TLS_TRUST) {
			bri_tls_answer_trust(tls, 0);
		} else {
			struct bri_tls_identity identity = tls_cert_identity(&leaf);

			r = bri_tls_set_identity(tls, &identity);
			if (r < 0)
				break;
			bri_tls_answer_identity(tls);
		}
	} while (true);
	in->size = bri_tls_input_left(tls);
	bri_tls_input(tls, NULL, 0);
	return r;
}

static int converse(struct bri_tls *client, struct bri_tls *server)
{
	static struct wire to_client, to_server;
	int c = BRI_TLS_WAITS, s = BRI_TLS_WAITS;

	to_client.size = to_server.size = 0;
	for (int i = 0; i < 20 && (c != 0 || s != 0); i++) {
		c = step(client, &to_client);
		collect(client, &to_server);
		if (c < 0)
			return c;
		s = step(server, &to_server);
		collect(server, &to_client);
		if (s < 0)
			return s;
	}
	assert_true(c == 0 && s == 0);
	return bri_tls_write(client, "x", 1);
}

static int run(struct bri_tls_config *c, struct bri_tls_config *s)
{
	struct bri_tls *client = NULL, *server = NULL;
	int r = bri_tls_new(c, 0, &client);

	if (r == 0)
		r = bri_tls_new(s, 0, &server);
	if (r == 0)
		r = converse(client, server);
	bri_tls_put(client);
	bri_tls_put(server);
	return r;
}

static void sweep(struct bri_tls_config *c, struct bri_tls_config *s, int min)
{
	int count = 0;

	for (;;) {
		int r;

		malloc_fail(count + 1);
		r = run(c, s);
		if (!malloc_failed()) {
			assert_int_equal(r, 0);
			break;
		}
		assert_true(r == -ENOMEM || r == 0); /* what is only for show may be missing */
		assert_true(++count < 200);
	}
	if (count < min)
		fail_msg("failed in %d places only", count);
}

static void certificates(void **state)
{
	(void)state;
	for (int asks = 0; asks < 2; asks++) {
		struct bri_tls_config c = { .min_version = 0x0303,
			.max_version = 0x0304,
			.server_name = "example.test",
			.protocols = &h2,
			.n_protocols = 1,
			.identity = tls_cert_identity(&leaf) };
		struct bri_tls_config s = c;

		s.server = true;
		s.server_name = NULL;
		s.clients = BRI_TLS_CLIENTS_MUST;
		s.asks_identity = asks;
		if (asks)
			s.identity.key = NULL;
		sweep(&c, &s, 12);
	}
}

static void keys(void **state)
{
	struct bri_tls_config c = { .min_version = 0x0303,
		.max_version = 0x0303,
		.suites = &psk_suite,
		.n_suites = 1,
		.psks = &psk,
		.n_psks = 1 };
	struct bri_tls_config s = c;

	(void)state;
	s.server = true;
	sweep(&c, &s, 8);
}

static int make_certificates(void **state)
{
	(void)state;
	tls_cert_make(&root, &(struct tls_cert_spec) { .name = "root", .is_ca = true });
	tls_cert_make(&leaf, &(struct tls_cert_spec) { .name = "example.test", .issuer = &root });
	return 0;
}

static int free_certificates(void **state)
{
	(void)state;
	tls_cert_free(&leaf);
	tls_cert_free(&root);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates),
		cmocka_unit_test(keys),
	};

	return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
