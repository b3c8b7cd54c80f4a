/* See tls_engine_util.h. */
#include "tls_engine_util.h"

struct tls_cert leaf, other, client_cert;
static struct tls_cert root;
static gnutls_datum_t ticket_key;

int make_certificates(void **state)
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

int free_certificates(void **state)
{
	(void)state;
	tls_cert_free(&client_cert);
	tls_cert_free(&other);
	tls_cert_free(&leaf);
	tls_cert_free(&root);
	gnutls_free(ticket_key.data);
	return 0;
}

struct bri_tls_config client_config(void)
{
	return (struct bri_tls_config) {
		.min_version = 0x0303,
		.max_version = 0x0304,
		.server_name = "example.test",
		.tickets = true,
	};
}

struct bri_tls_config server_config(void)
{
	return (struct bri_tls_config) {
		.min_version = 0x0303,
		.max_version = 0x0304,
		.identity = tls_cert_identity(&leaf),
		.tickets = true,
		.ticket_key = ticket_key,
	};
}

struct tls_pair *new_pair(void)
{
	struct tls_pair *pair = calloc(1, sizeof(*pair));

	pair->now_ns = 1000;
	return pair;
}

void drop(struct tls_pair *pair)
{
	tls_pair_free(pair);
	free(pair);
}

void talk(struct tls_pair *pair)
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

struct tls_pair *talking_pair(void)
{
	struct bri_tls_config client = client_config(), server = server_config();
	struct tls_pair *pair = new_pair();

	tls_pair_start(pair, &client, &server);
	tls_pair_run(pair);
	talk(pair);
	return pair;
}
