/* Certificates made on the spot, and two engines with memory between. */
#include "tls_util.h"

#include <time.h>
#include <unistd.h>
#include "security/security.h"

static void set_times(gnutls_x509_crt_t crt, const struct tls_cert_spec *spec)
{
	int from = spec->from_days, to = spec->to_days;
	time_t now = time(NULL);

	if (!from && !to) {
		from = -1;
		to = 1;
	}
	gnutls_x509_crt_set_activation_time(crt, now + from * 86400);
	gnutls_x509_crt_set_expiration_time(crt, now + to * 86400);
}

void tls_cert_make(struct tls_cert *cert, const struct tls_cert_spec *spec)
{
	static unsigned char serial;
	const struct tls_cert *issuer = spec->issuer ? spec->issuer : cert;
	const char *error;
	unsigned char id[20];
	size_t id_size = sizeof(id);

	memset(cert, 0, sizeof(*cert));
	assert_int_equal(gnutls_x509_privkey_init(&cert->x509_key), 0);
	assert_int_equal(gnutls_x509_privkey_generate(cert->x509_key, GNUTLS_PK_ECDSA,
				 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
		0);
	gnutls_x509_crt_init(&cert->crt);
	gnutls_x509_crt_set_version(cert->crt, 3);
	serial++;
	gnutls_x509_crt_set_serial(cert->crt, &serial, 1);
	gnutls_x509_crt_set_dn_by_oid(cert->crt, GNUTLS_OID_X520_COMMON_NAME, 0, spec->name,
		(unsigned)strlen(spec->name));
	set_times(cert->crt, spec);
	gnutls_x509_crt_set_key(cert->crt, cert->x509_key);
	gnutls_x509_crt_set_basic_constraints(cert->crt, spec->is_ca, -1);
	gnutls_x509_crt_set_key_usage(
		cert->crt, spec->is_ca ? GNUTLS_KEY_KEY_CERT_SIGN : GNUTLS_KEY_DIGITAL_SIGNATURE);
	if (!spec->is_ca) {
		gnutls_x509_crt_set_subject_alt_name(
			cert->crt, GNUTLS_SAN_DNSNAME, spec->name, (unsigned)strlen(spec->name), 0);
		gnutls_x509_crt_set_key_purpose_oid(cert->crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
		gnutls_x509_crt_set_key_purpose_oid(cert->crt, GNUTLS_KP_TLS_WWW_CLIENT, 0);
	}
	gnutls_x509_crt_get_key_id(cert->crt, 0, id, &id_size);
	gnutls_x509_crt_set_subject_key_id(cert->crt, id, id_size);
	assert_int_equal(gnutls_x509_crt_sign2(
				 cert->crt, issuer->crt, issuer->x509_key, GNUTLS_DIG_SHA256, 0),
		0);
	assert_int_equal(gnutls_x509_crt_export2(cert->crt, GNUTLS_X509_FMT_DER, &cert->der), 0);
	gnutls_privkey_init(&cert->key);
	gnutls_privkey_import_x509(cert->key, cert->x509_key, 0);
	(void)error;
	for (const struct tls_cert *c = cert; c && cert->n < 3; c = c->issuer) {
		cert->chain[cert->n].bytes = c->der.data;
		cert->chain[cert->n++].size = c->der.size;
		if (c == cert)
			cert->issuer = spec->issuer;
	}
}

void tls_cert_free(struct tls_cert *cert)
{
	gnutls_privkey_deinit(cert->key);
	gnutls_x509_crt_deinit(cert->crt);
	gnutls_x509_privkey_deinit(cert->x509_key);
	gnutls_free(cert->der.data);
}

struct bri_tls_identity tls_cert_identity(const struct tls_cert *cert)
{
	return (struct bri_tls_identity) { .key = cert->key, .chain = cert->chain, .n = cert->n };
}

struct bri_identity *tls_cert_identity_object(const struct tls_cert *cert)
{
	struct bri_certificate *chain[3];
	struct bri_identity *identity;
	gnutls_privkey_t key;

	for (size_t i = 0; i < cert->n; i++)
		chain[i] = bri_certificate_new(cert->chain[i].bytes, cert->chain[i].size);
	gnutls_privkey_init(&key);
	gnutls_privkey_import_x509(key, cert->x509_key, GNUTLS_PRIVKEY_IMPORT_COPY);
	identity = bri_identity_new(key, chain, cert->n);
	assert_non_null(identity);
	for (size_t i = 0; i < cert->n; i++)
		bri_object_release(chain[i]);
	return identity;
}

void tls_cert_trust(const struct tls_cert *cert)
{
	char path[] = "/tmp/braid-tls-test-XXXXXX";
	gnutls_datum_t pem;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(gnutls_x509_crt_export2(cert->crt, GNUTLS_X509_FMT_PEM, &pem), 0);
	assert_int_equal(write(fd, pem.data, pem.size), pem.size);
	close(fd);
	gnutls_free(pem.data);
	setenv("SSL_CERT_FILE", path, 1);
}

void tls_cert_distrust(void)
{
	unlink(getenv("SSL_CERT_FILE"));
}

void tls_pair_start(
	struct tls_pair *pair, struct bri_tls_config *client, struct bri_tls_config *server)
{
	uint64_t now_ns = pair->now_ns;

	if (client) {
		client->server = false;
		client->datagram = pair->datagram;
		assert_int_equal(bri_tls_new(client, now_ns, &pair->client.tls), 0);
		pair->client.result = BRI_TLS_WAITS;
	}
	if (server) {
		server->server = true;
		server->datagram = pair->datagram;
		assert_int_equal(bri_tls_new(server, now_ns, &pair->server.tls), 0);
		pair->server.result = BRI_TLS_WAITS;
	}
}

static void append(struct tls_end *to, const void *bytes, size_t size)
{
	if (to->in_size + size > to->in_room) {
		to->in_room = (to->in_size + size) * 2;
		to->in = realloc(to->in, to->in_room);
		assert_non_null(to->in);
	}
	if (size)
		memcpy(to->in + to->in_size, bytes, size);
	to->in_size += size;
}

void tls_pair_collect(struct tls_pair *pair, struct tls_end *from, struct tls_end *to)
{
	uint8_t *bytes;
	size_t size;

	while (bri_tls_output_take(from->tls, &bytes, &size)) {
		bool lost = pair->datagram && pair->sent < 64 && pair->dropped >> pair->sent & 1;

		pair->sent++;
		if (!lost) {
			append(to, bytes, size);
			if (pair->datagram) {
				assert_true(to->n_sizes < 256);
				to->sizes[to->n_sizes++] = size;
			}
		}
		free(bytes);
	}
}

static void consume(struct tls_end *end, size_t n)
{
	if (n)
		memmove(end->in, end->in + n, end->in_size - n);
	end->in_size -= n;
}

static void answer(struct tls_end *end)
{
	if (bri_tls_question(end->tls) == BRI_TLS_TRUST) {
		end->asked_trust++;
		bri_tls_answer_trust(end->tls, end->trust);
	} else {
		struct bri_tls_identity identity = { 0 };

		end->asked_identity++;
		if (end->identity)
			identity = tls_cert_identity(end->identity);
		assert_int_equal(bri_tls_set_identity(end->tls, &identity), 0);
		bri_tls_answer_identity(end->tls);
	}
}

static void work(struct tls_pair *pair, struct tls_end *end)
{
	while (!bri_tls_is_done(end->tls)) {
		end->result = bri_tls_step(end->tls, pair->now_ns);
		if (end->result == BRI_TLS_ASKS && !end->holds)
			answer(end);
		else if (end->result)
			return;
	}
	for (;;) {
		size_t n = 0;

		end->result = bri_tls_read(
			end->tls, end->got + end->n_got, sizeof(end->got) - end->n_got, &n);
		if (end->result)
			return;
		end->n_got += n;
		end->records++;
	}
}

static size_t next_size(const struct tls_pair *pair, const struct tls_end *end)
{
	if (pair->datagram)
		return end->n_sizes ? end->sizes[0] : 0;
	return pair->chunk && pair->chunk < end->in_size ? pair->chunk : end->in_size;
}

bool tls_end_feed(struct tls_pair *pair, struct tls_end *end, struct tls_end *other)
{
	size_t size = next_size(pair, end), left;
	uint8_t *copy;

	if (end->result < 0)
		size = 0;
	/* memory of exactly this size, so that reading beyond it is noticed */
	copy = malloc(size ? size : 1);
	if (size)
		memcpy(copy, end->in, size);
	bri_tls_input(end->tls, copy, size);
	work(pair, end);
	left = bri_tls_input_left(end->tls);
	bri_tls_input(end->tls, NULL, 0);
	free(copy);
	if (pair->datagram && size && left == 0) {
		end->n_sizes--;
		memmove(end->sizes, end->sizes + 1, end->n_sizes * sizeof(end->sizes[0]));
	}
	consume(end, size - left);
	tls_pair_collect(pair, end, other);
	return size > left;
}

void tls_pair_run(struct tls_pair *pair)
{
	bool moved;

	do {
		moved = pair->client.tls && tls_end_feed(pair, &pair->client, &pair->server);
		moved |= pair->server.tls && tls_end_feed(pair, &pair->server, &pair->client);
	} while (moved || (pair->client.in_size && pair->client.result == BRI_TLS_WAITS) ||
		 (pair->server.in_size && pair->server.result == BRI_TLS_WAITS));
}

void tls_pair_free(struct tls_pair *pair)
{
	bri_tls_put(pair->client.tls);
	bri_tls_put(pair->server.tls);
	free(pair->client.in);
	free(pair->server.in);
}
