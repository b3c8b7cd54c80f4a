/*
 * Certificates that are not good enough, of servers and of clients, on connections of the API: both
 * ends are told by the right number. What is good, a staple included, gets through.
 */
#include "cert_util.h"
#include "conn_util.h"

#include <Security/SecProtocolOptions.h>
#include <braid/security.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <unistd.h>
#include "api/object.h"
#include "security/security.h"

#define DAY_S 86400L

static struct cert root, stranger_root;
static char store[] = "/tmp/braid-tls-test-XXXXXX";

static int make_root(void **state)
{
	int fd = mkstemp(store);
	char *pem;

	(void)state;
	assert_true(fd >= 0);
	root = cert_make(&(struct cert_spec) { .cn = "root", .ca = true }, NULL);
	stranger_root = cert_make(&(struct cert_spec) { .cn = "stranger", .ca = true }, NULL);
	pem = cert_pem(&root);
	assert_int_equal(write(fd, pem, strlen(pem)), strlen(pem));
	free(pem);
	close(fd);
	setenv("SSL_CERT_FILE", store, 1);
	return 0;
}

static int free_root(void **state)
{
	(void)state;
	cert_free(&root);
	cert_free(&stranger_root);
	unlink(store);
	return 0;
}

/* --- two ends, one of which shows a certificate --- */

struct ends {
	struct recorder r, lr, sr; /* client, listener, the server's connection */
	dispatch_queue_t queue;
	nw_listener_t l;
	nw_connection_t c, s;
	uint16_t port;
	sec_identity_t server, client; /* NULL: none */
	bool with_ocsp;
	size_t ocsp_size; /* that the client was given */
};

static void configure_client(void *context, nw_protocol_options_t options)
{
	struct ends *e = context;
	sec_protocol_options_t o = nw_tls_copy_sec_protocol_options(options);

	sec_protocol_options_set_tls_server_name(o, "example.test");
	sec_protocol_options_set_tls_resumption_enabled(o, false);
	sec_protocol_options_set_tls_ocsp_enabled(o, e->with_ocsp);
	if (e->client)
		sec_protocol_options_set_local_identity(o, e->client);
	nw_release(o);
}

static void configure_server(void *context, nw_protocol_options_t options)
{
	struct ends *e = context;
	sec_protocol_options_t o = nw_tls_copy_sec_protocol_options(options);

	sec_protocol_options_set_local_identity(o, e->server);
	if (e->client)
		sec_protocol_options_set_peer_authentication_required(o, true);
	nw_release(o);
}

static void open_ends(struct ends *e, bool udp)
{
	nw_parameters_t server, client;

	recorder_init(&e->r);
	recorder_init(&e->lr);
	recorder_init(&e->sr);
	e->queue = dispatch_queue_create("tls", NULL);
	server = udp ? nw_parameters_create_secure_udp_f(
			       e, configure_server, NULL, BRAID_DEFAULT_CONFIGURATION_F)
		     : nw_parameters_create_secure_tcp_f(
			       e, configure_server, NULL, BRAID_DEFAULT_CONFIGURATION_F);
	client = udp ? nw_parameters_create_secure_udp_f(
			       e, configure_client, NULL, BRAID_DEFAULT_CONFIGURATION_F)
		     : nw_parameters_create_secure_tcp_f(
			       e, configure_client, NULL, BRAID_DEFAULT_CONFIGURATION_F);
	e->l = new_listener(&e->lr, e->queue, server, &e->port);
	e->c = new_client(&e->r, e->queue, client, e->port);
	nw_connection_start(e->c);
	e->s = accepted(&e->lr, 0);
	start_connection(e->s, &e->sr, e->queue);
	nw_release(server);
	nw_release(client);
}

static void close_ends(struct ends *e)
{
	finish(e->c, &e->r);
	nw_connection_cancel(e->s);
	await(&e->sr, "cancelled");
	finish_listener(e->l, &e->lr);
	release_accepted(&e->lr);
	barrier(e->queue);
	dispatch_release(e->queue);
	recorder_fini(&e->r);
	recorder_fini(&e->lr);
	recorder_fini(&e->sr);
}

static sec_identity_t identity_of(const struct cert *cert, const struct cert *issuer)
{
	struct bri_certificate *chain[2] = { cert->object, issuer ? issuer->object : NULL };
	gnutls_privkey_t key;

	assert_int_equal(gnutls_privkey_init(&key), 0);
	assert_int_equal(gnutls_privkey_import_x509(key, cert->key, GNUTLS_PRIVKEY_IMPORT_COPY), 0);
	return (sec_identity_t)(void *)bri_identity_new(key, chain, issuer ? 2 : 1);
}

static void staple(sec_identity_t identity, const struct cert_ocsp_spec *spec)
{
	size_t size;
	uint8_t *der = cert_ocsp(spec, &size);

	assert_int_equal(braid_identity_set_ocsp_response(identity, der, size), braid_security_ok);
	free(der);
}

/* --- the table --- */

struct bad {
	struct cert_spec spec;
	enum { ISSUED, SELF_SIGNED, OF_STRANGER } issuer;
	enum { NO_STAPLE, GOOD, REVOKED, FORGED } staple;
	int as_server; /* what the client says of it; 0: it is good */
	int as_client; /* what the server says */
	int told;      /* what the other end hears: the alert */
};

static const struct bad table[] = {
	{ .spec = { .cn = "fine", .dns = { "example.test" } } },
	{ .spec = { .cn = "expired",
		  .dns = { "example.test" },
		  .from_s = -9 * DAY_S,
		  .to_s = -DAY_S },
		.as_server = -9814,
		.as_client = -9814,
		.told = -9828 },
	{ .spec = { .cn = "early", .dns = { "example.test" }, .from_s = DAY_S, .to_s = 9 * DAY_S },
		.as_server = -9815,
		.as_client = -9815,
		.told = -9828 },
	/* clients have no name that could be wrong */
	{ .spec = { .cn = "other", .dns = { "other.test" } }, .as_server = -9843, .told = -9829 },
	{ .spec = { .cn = "self", .dns = { "example.test" } },
		.issuer = SELF_SIGNED,
		.as_server = -9813,
		.as_client = -9813,
		.told = -9831 },
	{ .spec = { .cn = "unknown", .dns = { "example.test" } },
		.issuer = OF_STRANGER,
		.as_server = -9812,
		.as_client = -9812,
		.told = -9831 },
	{ .spec = { .cn = "wrong use",
		  .dns = { "example.test" },
		  .purpose = GNUTLS_KP_CODE_SIGNING },
		.as_server = -9808,
		.as_client = -9808,
		.told = -9825 },
	/* only servers staple */
	{ .spec = { .cn = "good", .dns = { "example.test" } }, .staple = GOOD },
	{ .spec = { .cn = "revoked", .dns = { "example.test" } },
		.staple = REVOKED,
		.as_server = -9827,
		.told = -9827 },
	{ .spec = { .cn = "forged", .dns = { "example.test" } },
		.staple = FORGED,
		.as_server = -9862,
		.told = -9829 },
};

static void expect_failed(struct recorder *r, int code)
{
	char event[EVENT_SIZE];

	snprintf(event, sizeof(event), "failed(3:%d)", code);
	await(r, event);
}

static void run_row(const struct bad *row, bool client, bool udp)
{
	struct cert fine =
		cert_make(&(struct cert_spec) { .cn = "fine", .dns = { "example.test" } }, &root);
	const struct cert *issuer = row->issuer == ISSUED        ? &root
				    : row->issuer == OF_STRANGER ? &stranger_root
								 : NULL;
	struct cert shown = cert_make(&row->spec, issuer);
	struct ends e = { .with_ocsp = true };
	int code = client ? row->as_client : row->as_server;

	e.server = client ? identity_of(&fine, NULL) : identity_of(&shown, issuer);
	e.client = client ? identity_of(&shown, issuer) : NULL;
	if (row->staple && !client)
		staple(e.server, &(struct cert_ocsp_spec) {
					 .status = row->staple == REVOKED ? CERT_OCSP_REVOKED
									  : CERT_OCSP_GOOD,
					 .this_s = -3600,
					 .next_s = 3600,
					 .subject = &shown,
					 .issuer = &root,
					 .signer = row->staple == FORGED ? &stranger_root : NULL,
				 });
	open_ends(&e, udp);
	if (!code) {
		await(&e.r, "ready");
		await(&e.sr, "ready");
	} else {
		expect_failed(client ? &e.sr : &e.r, code);
		/* a datagram that tells why may be lost behind what is closed already */
		if (!udp)
			expect_failed(client ? &e.r : &e.sr, row->told);
	}
	close_ends(&e);
	nw_release(e.server);
	nw_release(e.client);
	cert_free(&shown);
	cert_free(&fine);
}

static void of_servers(void **state)
{
	(void)state;
	for (size_t i = 0; i < BRI_LEN(table); i++) {
		run_row(&table[i], false, false);
		run_row(&table[i], false, true);
	}
}

static void of_clients(void **state)
{
	(void)state;
	for (size_t i = 0; i < BRI_LEN(table); i++) {
		run_row(&table[i], true, false);
		run_row(&table[i], true, true);
	}
}

/* --- staples --- */

static void take_ocsp(void *context, dispatch_data_t data)
{
	((struct ends *)context)->ocsp_size += dispatch_data_get_size(data);
}

/* One connection: how many bytes of a response the client has; -1: it was refused. */
static long stapled(sec_identity_t identity, bool with_ocsp, bool udp)
{
	nw_protocol_definition_t tls = nw_protocol_copy_tls_definition();
	struct ends e = { .server = identity, .with_ocsp = with_ocsp };
	nw_protocol_metadata_t md;
	sec_protocol_metadata_t sec;

	open_ends(&e, udp);
	await(&e.r, "ready");
	md = nw_connection_copy_protocol_metadata(e.c, tls);
	sec = nw_tls_copy_sec_protocol_metadata(md);
	sec_protocol_metadata_access_ocsp_response_f(sec, &e, take_ocsp);
	nw_release(sec);
	nw_release(md);
	nw_release(tls);
	close_ends(&e);
	return (long)e.ocsp_size;
}

/* The response of an identity that is in use changes; what has ended is not sent. */
static void staples(void **state)
{
	struct cert leaf =
		cert_make(&(struct cert_spec) { .cn = "leaf", .dns = { "example.test" } }, &root);
	sec_identity_t identity = identity_of(&leaf, &root);
	struct cert_ocsp_spec spec = {
		.this_s = -7200, .next_s = 3600, .subject = &leaf, .issuer = &root
	};
	size_t size;
	uint8_t *der = cert_ocsp(&spec, &size);

	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		assert_int_equal(stapled(identity, true, udp), 0);
		staple(identity, &spec);
		assert_int_equal(stapled(identity, true, udp) > 100, 1);
		spec.next_s = -3600; /* it would be refused */
		staple(identity, &spec);
		assert_int_equal(stapled(identity, true, udp), 0);
		spec.next_s = 0;
		staple(identity, &spec);
		assert_int_equal(stapled(identity, true, udp) > 100, 1);
		assert_int_equal(
			braid_identity_set_ocsp_response(identity, NULL, 0), braid_security_ok);
		spec.next_s = 3600;
	}
	assert_int_equal(stapled(identity, true, false), 0);
	free(der);
	nw_release(identity);
	cert_free(&leaf);
}

static void bad_staples(void **state)
{
	struct cert leaf = cert_make(&(struct cert_spec) { .cn = "leaf" }, &root);
	struct cert other = cert_make(&(struct cert_spec) { .cn = "other" }, &root);
	struct cert_ocsp_spec about_other = { .next_s = 3600, .subject = &other, .issuer = &root };
	struct cert_ocsp_spec later = { .response_status = 3 }; /* tryLater */
	sec_identity_t identity = identity_of(&leaf, &root);
	size_t size, later_size;
	uint8_t *der = cert_ocsp(&about_other, &size), *no = cert_ocsp(&later, &later_size);
	void *large = calloc(1, BRI_OCSP_MAX + 1);

	(void)state;
	assert_int_equal(braid_identity_set_ocsp_response(identity, der, size),
		braid_security_no_certificate);
	assert_int_equal(braid_identity_set_ocsp_response(identity, der, size / 2),
		braid_security_bad_format);
	assert_int_equal(braid_identity_set_ocsp_response(identity, no, later_size),
		braid_security_bad_format);
	assert_int_equal(
		braid_identity_set_ocsp_response(identity, "x", 1), braid_security_bad_format);
	assert_int_equal(braid_identity_set_ocsp_response(identity, large, BRI_OCSP_MAX + 1),
		braid_security_too_large);
	assert_int_equal(braid_identity_set_ocsp_response(identity, NULL, 1),
		braid_security_invalid_argument);
	assert_int_equal(
		braid_identity_set_ocsp_response(NULL, der, size), braid_security_invalid_argument);
	assert_int_equal(
		braid_identity_set_ocsp_response((sec_identity_t)(void *)leaf.object, der, size),
		braid_security_invalid_argument);
	free(large);
	free(der);
	free(no);
	nw_release(identity);
	cert_free(&leaf);
	cert_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_servers),
		cmocka_unit_test(of_clients),
		cmocka_unit_test(staples),
		cmocka_unit_test(bad_staples),
	};

	return cmocka_run_group_tests(tests, make_root, free_root);
}
