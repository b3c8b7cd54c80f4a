/*
 * TLS and DTLS on connections and listeners of the API, over loopback: who is trusted, who answers
 * when, what is known afterwards, how it ends.
 */
#include "conn_util.h"
#include "tls_util.h"

#include <Security/SecProtocolOptions.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "api/sec_metadata.h"
#include "api/tls_cache.h"
#include "security/security.h"

static struct tls_cert root, leaf, other, wrong_name, expired, stranger, client_cert;
static struct bri_identity *leaf_id, *other_id, *wrong_name_id, *expired_id, *stranger_id,
	*client_id;

static struct bri_identity *identity_of(const struct tls_cert *cert)
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
		nw_release(chain[i]);
	return identity;
}

/* the process's trust store is our root, for what asks no handler */
static void make_store(void)
{
	static char path[] = "/tmp/braid-tls-test-XXXXXX";
	gnutls_datum_t pem;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(gnutls_x509_crt_export2(root.crt, GNUTLS_X509_FMT_PEM, &pem), 0);
	assert_int_equal(write(fd, pem.data, pem.size), pem.size);
	close(fd);
	gnutls_free(pem.data);
	setenv("SSL_CERT_FILE", path, 1);
}

static int make_certificates(void **state)
{
	(void)state;
	tls_cert_make(&root, &(struct tls_cert_spec) { .name = "root", .is_ca = true });
	make_store();
	tls_cert_make(&leaf, &(struct tls_cert_spec) { .name = "example.test", .issuer = &root });
	tls_cert_make(&other, &(struct tls_cert_spec) { .name = "other.test", .issuer = &root });
	tls_cert_make(
		&wrong_name, &(struct tls_cert_spec) { .name = "wrong.test", .issuer = &root });
	tls_cert_make(&expired,
		&(struct tls_cert_spec) {
			.name = "example.test", .issuer = &root, .from_days = -10, .to_days = -5 });
	tls_cert_make(&stranger, &(struct tls_cert_spec) { .name = "example.test" });
	tls_cert_make(
		&client_cert, &(struct tls_cert_spec) { .name = "client.test", .issuer = &root });
	leaf_id = identity_of(&leaf);
	other_id = identity_of(&other);
	wrong_name_id = identity_of(&wrong_name);
	expired_id = identity_of(&expired);
	stranger_id = identity_of(&stranger);
	client_id = identity_of(&client_cert);
	return 0;
}

static int free_certificates(void **state)
{
	struct tls_cert *all[] = { &root, &leaf, &other, &wrong_name, &expired, &stranger,
		&client_cert };
	struct bri_identity *ids[] = { leaf_id, other_id, wrong_name_id, expired_id, stranger_id,
		client_id };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(ids); i++)
		nw_release(ids[i]);
	for (size_t i = 0; i < BRI_LEN(all); i++)
		tls_cert_free(all[i]);
	bri_tls_cache_clear();
	unlink(getenv("SSL_CERT_FILE"));
	return 0;
}

/* --- two ends --- */

struct ends {
	bool udp;
	struct recorder r, lr, sr; /* client, listener, the server's connection */
	dispatch_queue_t queue;
	nw_listener_t l;
	nw_connection_t c, s;
	uint16_t port;
	unsigned n_accepted;
	/* what handlers do */
	int verdict; /* 0, 1; -1: none, the completion is dropped; -2: later, by the test */
	int verified, challenged, selected, updated;
	char hint[32], seen_name[64];
	struct bri_identity *shown;
	sec_protocol_verify_complete_f later;
	void *later_context;
	void (*client)(struct ends *e, sec_protocol_options_t o);
	void (*server)(struct ends *e, sec_protocol_options_t o);
};

static void configure_client(void *context, nw_protocol_options_t options)
{
	struct ends *e = context;
	sec_protocol_options_t o = nw_tls_copy_sec_protocol_options(options);

	sec_protocol_options_set_tls_server_name(o, "example.test");
	if (e->client)
		e->client(e, o);
	sec_release(o);
}

static void configure_server(void *context, nw_protocol_options_t options)
{
	struct ends *e = context;
	sec_protocol_options_t o = nw_tls_copy_sec_protocol_options(options);

	sec_protocol_options_set_local_identity(o, (sec_identity_t)leaf_id);
	if (e->server)
		e->server(e, o);
	nw_release(o);
}

static nw_parameters_t parameters(struct ends *e, nw_parameters_configure_protocol_f fn)
{
	return e->udp ? nw_parameters_create_secure_udp_f(
				e, fn, NULL, BRAID_DEFAULT_CONFIGURATION_F)
		      : nw_parameters_create_secure_tcp_f(
				e, fn, NULL, BRAID_DEFAULT_CONFIGURATION_F);
}

static struct ends *new_ends(bool udp)
{
	struct ends *e = calloc(1, sizeof(*e));

	e->udp = udp;
	e->verdict = 1;
	recorder_init(&e->r);
	recorder_init(&e->lr);
	recorder_init(&e->sr);
	e->queue = dispatch_queue_create("tls", NULL);
	return e;
}

static void open_listener(struct ends *e)
{
	nw_parameters_t p = parameters(e, configure_server);

	e->l = new_listener(&e->lr, e->queue, p, &e->port);
	nw_release(p);
}

static void open_client(struct ends *e)
{
	nw_parameters_t p = parameters(e, configure_client);

	e->c = new_client(&e->r, e->queue, p, e->port);
	nw_release(p);
	nw_connection_start(e->c);
}

static void start_server(struct ends *e, unsigned i)
{
	e->s = accepted(&e->lr, i);
	nw_connection_set_queue(e->s, e->queue);
	nw_connection_set_state_changed_handler_f(e->s, &e->sr, on_state, NULL);
	nw_connection_start(e->s);
}

static void open_ends(struct ends *e)
{
	open_listener(e);
	open_client(e);
	start_server(e, 0);
}

static void close_ends(struct ends *e)
{
	if (e->c)
		finish(e->c, &e->r);
	e->c = NULL;
	if (e->s) {
		nw_connection_cancel(e->s);
		await(&e->sr, "cancelled");
	}
	e->s = NULL;
}

static void free_ends(struct ends *e)
{
	close_ends(e);
	if (e->l)
		finish_listener(e->l, &e->lr);
	release_accepted(&e->lr);
	barrier(e->queue);
	dispatch_release(e->queue);
	recorder_fini(&e->r);
	recorder_fini(&e->lr);
	recorder_fini(&e->sr);
	free(e);
}

static void talk(struct ends *e)
{
	await(&e->r, "ready");
	await(&e->sr, "ready");
	if (e->udp) {
		receive_message(e->s, &e->sr, 'a');
		receive_message(e->c, &e->r, 'a');
		send_text(e->c, &e->r, 'b', "question");
		await(&e->sr, "a=question*");
		send_text(e->s, &e->sr, 'b', "answer");
		await(&e->r, "a=answer*");
		return;
	}
	receive(e->s, &e->sr, 'a', 8, 8);
	receive(e->c, &e->r, 'a', 6, 6);
	send_text(e->c, &e->r, 'b', "question");
	send_text(e->s, &e->sr, 'b', "answer");
	await(&e->sr, "a=question");
	await(&e->r, "a=answer");
}

/* --- plain --- */

static void default_trust(void **state)
{
	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		struct ends *e = new_ends(udp);

		open_ends(e);
		talk(e);
		free_ends(e);
	}
}

static void use_expired(struct ends *e, sec_protocol_options_t o)
{
	(void)e;
	sec_protocol_options_set_local_identity(o, (sec_identity_t)expired_id);
}

static void use_wrong_name(struct ends *e, sec_protocol_options_t o)
{
	(void)e;
	sec_protocol_options_set_local_identity(o, (sec_identity_t)wrong_name_id);
}

static void use_stranger(struct ends *e, sec_protocol_options_t o)
{
	(void)e;
	sec_protocol_options_set_local_identity(o, (sec_identity_t)stranger_id);
}

struct last_error {
	nw_connection_state_t state;
	nw_error_domain_t domain;
	int code;
	dispatch_semaphore_t done;
};

static void on_error_state(void *context, nw_connection_state_t state, nw_error_t error)
{
	struct last_error *last = context;

	if (state != nw_connection_state_failed && state != nw_connection_state_waiting)
		return;
	last->state = state;
	last->domain = nw_error_get_error_domain(error);
	last->code = nw_error_get_error_code(error);
	dispatch_semaphore_signal(last->done);
}

static void expect_error(struct ends *e, struct last_error *last)
{
	nw_parameters_t p = parameters(e, configure_client);

	open_listener(e);
	*last = (struct last_error) { .done = dispatch_semaphore_create(0) };
	e->c = new_client(&e->r, e->queue, p, e->port);
	nw_release(p);
	nw_connection_set_state_changed_handler_f(e->c, last, on_error_state, NULL);
	nw_connection_start(e->c);
	start_server(e, 0);
	assert_int_equal(dispatch_semaphore_wait(last->done,
				 dispatch_time(DISPATCH_TIME_NOW, WAIT_S * (int64_t)NSEC_PER_SEC)),
		0);
	nw_connection_set_state_changed_handler_f(e->c, &e->r, on_state, NULL);
	dispatch_release(last->done);
}

static void bad_servers(void **state)
{
	static const struct {
		void (*server)(struct ends *e, sec_protocol_options_t o);
		int code;
	} cases[] = {
		{ use_expired, -9814 },
		{ use_wrong_name, -9843 },
		{ use_stranger, -9813 },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		for (int udp = 0; udp < 2; udp++) {
			struct ends *e = new_ends(udp);
			struct last_error last;

			e->server = cases[i].server;
			expect_error(e, &last);
			assert_int_equal(last.domain, nw_error_domain_tls);
			assert_int_equal(last.code, cases[i].code);
			free_ends(e);
		}
	}
}

/* --- the application's judgement --- */

static void on_verify(void *context, sec_protocol_metadata_t metadata, sec_trust_t trust,
	sec_protocol_verify_complete_f complete, void *complete_context)
{
	struct ends *e = context;

	assert_non_null(metadata);
	assert_non_null(trust);
	e->verified++;
	if (e->verdict == -2) {
		e->later = complete;
		e->later_context = complete_context;
		note(&e->r, "asked");
		return;
	}
	complete(complete_context, e->verdict);
}

static void with_verify(struct ends *e, sec_protocol_options_t o)
{
	sec_protocol_options_set_verify_block_f(o, e, on_verify, NULL, e->queue);
}

static void the_handler_is_authoritative(void **state)
{
	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		for (int verdict = 0; verdict < 2; verdict++) {
			struct ends *e = new_ends(udp);
			struct last_error last;

			e->server = use_stranger; /* nobody else would trust it */
			e->client = with_verify;
			e->verdict = verdict;
			if (verdict) {
				open_ends(e);
				talk(e);
			} else {
				expect_error(e, &last);
				assert_int_equal(last.domain, nw_error_domain_tls);
				assert_int_equal(last.code, -9808);
			}
			assert_true(e->verified >= 1);
			free_ends(e);
		}
	}
}

static void late_verdict(void **state)
{
	struct ends *e = new_ends(false);

	(void)state;
	e->client = with_verify;
	e->verdict = -2;
	open_ends(e);
	await(&e->r, "asked");
	barrier(e->queue);
	assert_int_equal(seen(&e->r, "ready"), 0);
	e->later(e->later_context, true);
	talk(e);
	free_ends(e);
}

static void verdict_after_the_end(void **state)
{
	struct ends *e = new_ends(false);

	(void)state;
	e->client = with_verify;
	e->verdict = -2;
	open_ends(e);
	await(&e->r, "asked");
	finish(e->c, &e->r);
	e->c = NULL;
	e->later(e->later_context, true);
	barrier(e->queue);
	free_ends(e);
}

/* --- keys that both know --- */

static void with_psk(struct ends *e, sec_protocol_options_t o)
{
	dispatch_data_t key = dispatch_data_create_f("0123456789abcdef", 16, NULL, NULL);
	dispatch_data_t name = dispatch_data_create_f("me", 2, NULL, NULL);

	(void)e;
	sec_protocol_options_add_pre_shared_key(o, key, name);
	sec_protocol_options_append_tls_ciphersuite(
		o, (tls_ciphersuite_t)TLS_PSK_WITH_AES_128_GCM_SHA256);
	dispatch_release(key);
	dispatch_release(name);
}

static void take_psk(void *context, dispatch_data_t psk, dispatch_data_t identity)
{
	struct ends *e = context;

	assert_int_equal(dispatch_data_get_size(psk), 16);
	assert_int_equal(dispatch_data_get_size(identity), 2);
	e->selected++;
}

static sec_protocol_metadata_t metadata_of(nw_connection_t c)
{
	nw_protocol_definition_t tls = nw_protocol_copy_tls_definition();
	nw_protocol_metadata_t md = nw_connection_copy_protocol_metadata(c, tls);
	sec_protocol_metadata_t sec;

	assert_true(nw_protocol_metadata_is_tls(md));
	sec = nw_tls_copy_sec_protocol_metadata(md);
	assert_non_null(sec);
	/* the cast that real programs make */
	assert_int_equal(
		sec_protocol_metadata_get_negotiated_tls_ciphersuite((sec_protocol_metadata_t)md),
		sec_protocol_metadata_get_negotiated_tls_ciphersuite(sec));
	nw_release(md);
	nw_release(tls);
	return sec;
}

static void pre_shared_keys(void **state)
{
	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		struct ends *e = new_ends(udp);
		sec_protocol_metadata_t md;

		e->client = e->server = with_psk;
		open_ends(e);
		talk(e);
		md = metadata_of(e->c);
		assert_int_equal(sec_protocol_metadata_get_negotiated_ciphersuite(md),
			TLS_PSK_WITH_AES_128_GCM_SHA256);
		assert_true(sec_protocol_metadata_access_pre_shared_keys_f(md, e, take_psk));
		assert_int_equal(e->selected, 1);
		sec_release(md);
		free_ends(e);
	}
}

static void on_select(void *context, sec_protocol_metadata_t metadata, dispatch_data_t hint,
	sec_protocol_pre_shared_key_selection_complete_f complete, void *complete_context)
{
	struct ends *e = context;
	dispatch_data_t name = dispatch_data_create_f("me", 2, NULL, NULL);
	const void *bytes;
	size_t size;
	dispatch_data_t map = hint ? dispatch_data_create_map(hint, &bytes, &size) : NULL;

	assert_non_null(metadata);
	if (map)
		snprintf(e->hint, sizeof(e->hint), "%.*s", (int)size, (const char *)bytes);
	e->challenged++;
	complete(complete_context, name);
	dispatch_release(name);
	if (map)
		dispatch_release(map);
}

static void with_hint(struct ends *e, sec_protocol_options_t o)
{
	dispatch_data_t hint = dispatch_data_create_f("take me", 7, NULL, NULL);

	with_psk(e, o);
	sec_protocol_options_set_tls_pre_shared_key_identity_hint(o, hint);
	dispatch_release(hint);
}

static void with_selection(struct ends *e, sec_protocol_options_t o)
{
	dispatch_data_t key = dispatch_data_create_f("fedcba9876543210", 16, NULL, NULL);
	dispatch_data_t name = dispatch_data_create_f("not me", 6, NULL, NULL);

	sec_protocol_options_add_pre_shared_key(o, key, name);
	with_psk(e, o);
	/* on the queue of the connection: nothing blocks it */
	sec_protocol_options_set_pre_shared_key_selection_block_f(o, e, on_select, NULL, e->queue);
	dispatch_release(key);
	dispatch_release(name);
}

static void chosen_keys(void **state)
{
	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		struct ends *e = new_ends(udp);

		e->client = with_selection;
		e->server = with_hint;
		open_ends(e);
		talk(e);
		assert_true(e->challenged >= 1);
		assert_string_equal(e->hint, "take me");
		free_ends(e);
	}
}

/* --- who we are --- */

static void on_challenge(void *context, sec_protocol_metadata_t metadata,
	sec_protocol_challenge_complete_f complete, void *complete_context)
{
	struct ends *e = context;
	const char *name = sec_protocol_metadata_get_server_name(metadata);

	e->challenged++;
	snprintf(e->seen_name, sizeof(e->seen_name), "%s", name ? name : "");
	complete(complete_context, (sec_identity_t)e->shown);
}

static void with_challenge(struct ends *e, sec_protocol_options_t o)
{
	sec_protocol_options_set_challenge_block_f(o, e, on_challenge, NULL, e->queue);
}

static void a_server_chooses_by_name(void **state)
{
	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		struct ends *e = new_ends(udp);
		struct last_error last;

		e->server = with_challenge;
		e->shown = leaf_id;
		open_ends(e);
		talk(e);
		assert_int_equal(e->challenged, 1);
		assert_string_equal(e->seen_name, "example.test");
		free_ends(e);

		e = new_ends(udp);
		e->server = with_challenge;
		e->shown = other_id;
		expect_error(e, &last);
		assert_int_equal(last.code, -9843);
		free_ends(e);
	}
}

static void require_clients(struct ends *e, sec_protocol_options_t o)
{
	(void)e;
	sec_protocol_options_set_peer_authentication_required(o, true);
}

static void show_client(struct ends *e, sec_protocol_options_t o)
{
	(void)e;
	sec_protocol_options_set_local_identity(o, (sec_identity_t)client_id);
}

static void only_12(struct ends *e, sec_protocol_options_t o)
{
	with_challenge(e, o);
	sec_protocol_options_set_max_tls_protocol_version(o, tls_protocol_version_TLSv12);
}

static void count_certificates(void *context, sec_certificate_t certificate)
{
	assert_non_null(certificate);
	++*(int *)context;
}

static void clients_show_certificates(void **state)
{
	void (*clients[])(
		struct ends *, sec_protocol_options_t) = { show_client, with_challenge, only_12 };

	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		for (size_t i = 0; i < BRI_LEN(clients); i++) {
			struct ends *e = new_ends(udp);
			sec_protocol_metadata_t md;
			int n = 0;

			e->client = clients[i];
			e->shown = client_id;
			e->server = require_clients;
			open_ends(e);
			talk(e);
			md = metadata_of(e->s);
			assert_true(sec_protocol_metadata_access_peer_certificate_chain_f(
				md, &n, count_certificates));
			assert_int_equal(n, 2);
			assert_int_equal(e->challenged, i > 0);
			sec_release(md);
			free_ends(e);
		}
	}
}

static void clients_without_certificates_are_refused(void **state)
{
	struct ends *e = new_ends(false);

	(void)state;
	e->server = require_clients;
	open_ends(e);
	await_first(&e->sr, "failed");
	free_ends(e);
}

/* --- what is known --- */

static void with_alpn(struct ends *e, sec_protocol_options_t o)
{
	(void)e;
	sec_protocol_options_add_tls_application_protocol(o, "h3");
	sec_protocol_options_add_tls_application_protocol(o, "h2");
}

static void metadata(void **state)
{
	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		struct ends *e = new_ends(udp);
		sec_protocol_metadata_t c, s;
		dispatch_data_t a, b, key;
		const void *bytes_a, *bytes_b;
		dispatch_data_t map_a, map_b;
		const char *copy;

		e->client = e->server = with_alpn;
		open_ends(e);
		talk(e);
		c = metadata_of(e->c);
		s = metadata_of(e->s);
		assert_string_equal(sec_protocol_metadata_get_negotiated_protocol(c), "h3");
		assert_string_equal(sec_protocol_metadata_get_negotiated_protocol(s), "h3");
		copy = sec_protocol_metadata_copy_negotiated_protocol(c);
		assert_string_equal(copy, "h3");
		free((void *)(uintptr_t)copy);
		assert_int_equal(sec_protocol_metadata_get_negotiated_tls_protocol_version(c),
			udp ? tls_protocol_version_DTLSv12 : tls_protocol_version_TLSv13);
		assert_int_equal(sec_protocol_metadata_get_negotiated_protocol_version(s),
			udp ? kDTLSProtocol12 : kTLSProtocol13);
		assert_string_equal(sec_protocol_metadata_get_server_name(s), "example.test");
		assert_string_equal(sec_protocol_metadata_get_server_name(c), "example.test");
		assert_false(sec_protocol_metadata_get_early_data_accepted(c));
		key = sec_protocol_metadata_copy_peer_public_key(c);
		assert_true(dispatch_data_get_size(key) > 64);
		dispatch_release(key);
		assert_null(sec_protocol_metadata_copy_peer_public_key(s));
		assert_true(sec_protocol_metadata_peers_are_equal(c, c));
		assert_false(sec_protocol_metadata_peers_are_equal(c, s));
		assert_false(sec_protocol_metadata_peers_are_equal(s, s)); /* nobody */
		a = sec_protocol_metadata_create_secret(c, 5, "label", 32);
		b = sec_protocol_metadata_create_secret(s, 5, "label", 32);
		map_a = dispatch_data_create_map(a, &bytes_a, NULL);
		map_b = dispatch_data_create_map(b, &bytes_b, NULL);
		assert_memory_equal(bytes_a, bytes_b, 32);
		dispatch_release(map_a);
		dispatch_release(map_b);
		dispatch_release(a);
		dispatch_release(b);
		close_ends(e);
		/* what was retained stays, the exporter included */
		a = sec_protocol_metadata_create_secret_with_context(
			c, 5, "label", 2, (const uint8_t *)"xy", 16);
		assert_int_equal(dispatch_data_get_size(a), 16);
		dispatch_release(a);
		sec_release(c);
		sec_release(s);
		free_ends(e);
	}
}

/* --- sessions --- */

static void verify_12(struct ends *e, sec_protocol_options_t o)
{
	with_verify(e, o);
	sec_protocol_options_set_max_tls_protocol_version(o, tls_protocol_version_TLSv12);
}

static void without_tickets(struct ends *e, sec_protocol_options_t o)
{
	with_verify(e, o);
	sec_protocol_options_set_tls_resumption_enabled(o, false);
}

static bool was_resumed(struct ends *e)
{
	sec_protocol_metadata_t md = metadata_of(e->c);
	bool resumed = bri_tls_resumed(md->tls);

	sec_release(md);
	return resumed;
}

/* The server has heard of the end: the last datagram does not open a connection of its own. */
static void close_in_order(struct ends *e)
{
	finish(e->c, &e->r);
	e->c = NULL;
	if (e->udp) {
		receive_message(e->s, &e->sr, 'z');
		await_first(&e->sr, "z=");
	}
	close_ends(e);
}

/* the same server, the same options: the second connection resumes, the application judges again */
static void resumption(void **state)
{
	static const struct {
		void (*client)(struct ends *e, sec_protocol_options_t o);
		bool udp, resumes;
	} cases[] = {
		{ with_verify, false, true },
		{ verify_12, false, true },
		{ with_verify, true, true },
		{ without_tickets, false, false },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		struct ends *e = new_ends(cases[i].udp);

		bri_tls_cache_clear();
		e->client = cases[i].client;
		open_ends(e);
		talk(e);
		assert_false(was_resumed(e));
		close_in_order(e);
		open_client(e);
		start_server(e, 1);
		talk(e);
		assert_int_equal(was_resumed(e), cases[i].resumes);
		assert_int_equal(e->verified, 2);
		close_in_order(e);
		/* another offer is another session */
		if (cases[i].resumes) {
			e->client = with_alpn;
			open_client(e);
			start_server(e, 2);
			talk(e);
			assert_false(was_resumed(e));
		}
		free_ends(e);
	}
}

static void connect_with(struct ends *e, nw_privacy_context_t privacy, bool *ret_resumed)
{
	nw_parameters_t p = parameters(e, configure_client);

	nw_parameters_set_privacy_context(p, privacy);
	e->c = new_client(&e->r, e->queue, p, e->port);
	nw_release(p);
	nw_connection_start(e->c);
	start_server(e, e->n_accepted++);
	talk(e);
	*ret_resumed = was_resumed(e);
	close_ends(e);
}

static void privacy_contexts_share_nothing(void **state)
{
	struct ends *e = new_ends(false);
	nw_privacy_context_t one = nw_privacy_context_create("one");
	nw_privacy_context_t two = nw_privacy_context_create("two");
	bool resumed;

	(void)state;
	bri_tls_cache_clear();
	open_listener(e);
	connect_with(e, one, &resumed);
	assert_false(resumed);
	connect_with(e, one, &resumed);
	assert_true(resumed);
	connect_with(e, two, &resumed);
	assert_false(resumed);
	nw_privacy_context_flush_cache(one);
	connect_with(e, one, &resumed);
	assert_false(resumed);
	nw_release(one);
	nw_release(two);
	free_ends(e);
}

/* --- streams --- */

static void large_transfers(void **state)
{
	struct ends *e = new_ends(false);
	size_t size = 3 * 1024 * 1024 + 17;
	char *bytes = malloc(size);

	(void)state;
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(i * 7 + (i >> 13));
	open_ends(e);
	await(&e->r, "ready");
	await(&e->sr, "ready");
	for (size_t at = 0, piece; at < size; at += piece) {
		piece = size - at < 700001 ? size - at : 700001;
		send_bytes(e->c, &e->r, 'c', bytes + at, piece,
			NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
	}
	receive(e->s, &e->sr, 'd', (uint32_t)size, (uint32_t)size);
	await_data(&e->sr, size);
	assert_memory_equal(e->sr.data, bytes, size);
	free(bytes);
	free_ends(e);
}

/* content in regions of all sizes: small ones share records, large ones are sent as they are */
static void regions_of_all_sizes(void **state)
{
	struct ends *e = new_ends(false);
	dispatch_data_t all = dispatch_data_empty, piece, both;
	size_t size = 0, n;
	char *bytes = malloc(1 << 20);

	(void)state;
	for (size_t i = 0; i < 90; i++) {
		n = i % 7 == 6 ? 20000 + i : (i * 397) % 5000 + 1;
		for (size_t j = 0; j < n; j++)
			bytes[size + j] = (char)(i + j * 3);
		piece = dispatch_data_create_f(bytes + size, n, NULL, NULL);
		both = dispatch_data_create_concat(all, piece);
		dispatch_release(all);
		dispatch_release(piece);
		all = both;
		size += n;
	}
	assert_true(size < 1 << 20);
	open_ends(e);
	await(&e->r, "ready");
	await(&e->sr, "ready");
	receive(e->s, &e->sr, 'd', (uint32_t)size, (uint32_t)size);
	nw_connection_send_f(e->c, all, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true,
		tag(&e->r, 'c'), on_sent, NULL);
	await_data(&e->sr, size);
	assert_memory_equal(e->sr.data, bytes, size);
	dispatch_release(all);
	free(bytes);
	free_ends(e);
}

/* a datagram is what was completed, in how many pieces it may come */
static void datagrams_in_pieces(void **state)
{
	struct ends *e = new_ends(true);
	nw_content_context_t context = nw_content_context_create("pieces");

	(void)state;
	open_ends(e);
	await(&e->r, "ready");
	await(&e->sr, "ready");
	receive_message(e->s, &e->sr, 'a');
	receive_message(e->s, &e->sr, 'b');
	send_bytes(e->c, &e->r, 'c', "one", 3, context, false);
	send_bytes(e->c, &e->r, 'd', "two", 3, context, true);
	send_text(e->c, &e->r, 'f', "next");
	await(&e->sr, "a=onetwo*");
	await(&e->sr, "b=next*");
	nw_release(context);
	free_ends(e);
}

static void half_close(void **state)
{
	struct ends *e = new_ends(false);

	(void)state;
	open_ends(e);
	await(&e->r, "ready");
	await(&e->sr, "ready");
	receive(e->s, &e->sr, 'a', 1, 100);
	receive(e->s, &e->sr, 'b', 1, 100);
	receive(e->c, &e->r, 'c', 1, 100);
	send_text(e->c, &e->r, 'd', "theend");
	send_fin(e->c, &e->r, 'e');
	await(&e->sr, "a=theend");
	await(&e->sr, "b=-*");
	send_text(e->s, &e->sr, 'f', "hello");
	await(&e->r, "c=hello");
	free_ends(e);
}

/* --- what is not TLS --- */

static void garbage_from_a_server(void **state)
{
	struct ends *e = new_ends(false);
	struct last_error last = { .done = dispatch_semaphore_create(0) };
	nw_parameters_t p = parameters(e, configure_client);
	int fd = raw_listen(AF_INET, SOCK_STREAM, &e->port), peer;

	(void)state;
	e->c = new_client(&e->r, e->queue, p, e->port);
	nw_release(p);
	nw_connection_set_state_changed_handler_f(e->c, &last, on_error_state, NULL);
	nw_connection_start(e->c);
	peer = raw_accept(fd);
	raw_send(peer, "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n");
	assert_int_equal(dispatch_semaphore_wait(last.done,
				 dispatch_time(DISPATCH_TIME_NOW, WAIT_S * (int64_t)NSEC_PER_SEC)),
		0);
	assert_int_equal(last.domain, nw_error_domain_tls);
	assert_true(last.code <= -9800 && last.code > -9900);
	nw_connection_set_state_changed_handler_f(e->c, &e->r, on_state, NULL);
	close(peer);
	close(fd);
	dispatch_release(last.done);
	free_ends(e);
}

static void with_both(struct ends *e, sec_protocol_options_t o)
{
	with_challenge(e, o);
	with_verify(e, o);
}

/* --- a server that is only an engine: it does what no honest one does --- */

static void send_all(int fd, struct bri_tls *tls)
{
	uint8_t *bytes;
	size_t size;

	while (bri_tls_output_take(tls, &bytes, &size)) {
		assert_int_equal(send(fd, bytes, size, 0), size);
		free(bytes);
	}
}

static struct bri_tls *serve_engine(int fd)
{
	struct bri_tls_config config = {
		.server = true,
		.min_version = 0x0303,
		.max_version = 0x0304,
		.identity = tls_cert_identity(&leaf),
	};
	struct bri_tls *tls;
	uint8_t room[16384];
	ssize_t n;

	assert_int_equal(bri_tls_new(&config, 0, &tls), 0);
	while (bri_tls_step(tls, 0) == BRI_TLS_WAITS) {
		send_all(fd, tls);
		n = recv(fd, room, sizeof(room), 0);
		assert_true(n > 0);
		bri_tls_input(tls, room, (size_t)n);
	}
	bri_tls_input(tls, NULL, 0);
	assert_true(bri_tls_is_done(tls));
	send_all(fd, tls);
	return tls;
}

/* RFC 8446 section 6.1: an end without close_notify is no end of the content */
static void truncation(void **state)
{
	(void)state;
	for (int announced = 0; announced < 2; announced++) {
		struct ends *e = new_ends(false);
		int fd = raw_listen(AF_INET, SOCK_STREAM, &e->port), peer;
		struct bri_tls *tls;

		open_client(e);
		peer = raw_accept(fd);
		tls = serve_engine(peer);
		await(&e->r, "ready");
		receive(e->c, &e->r, 'a', 1, 100);
		receive(e->c, &e->r, 'b', 1, 100);
		assert_int_equal(bri_tls_write(tls, "data", 4), 0);
		if (announced)
			bri_tls_close(tls);
		send_all(peer, tls);
		close(peer);
		await(&e->r, "a=data");
		await(&e->r, announced ? "b=-*" : "b=-(3:-9816)");
		if (!announced)
			await(&e->r, "failed(3:-9816)");
		bri_tls_put(tls);
		close(fd);
		free_ends(e);
	}
}

/* who floods a client that waits for its user does not fill its memory */
static void flood(void **state)
{
	(void)state;
	for (int job = 0; job < 2; job++) {
		struct ends *e = new_ends(false);
		int fd = raw_listen(AF_INET, SOCK_STREAM, &e->port), peer;
		struct bri_tls_config config = {
			.server = true,
			.min_version = 0x0303,
			.max_version = 0x0304,
			.identity = tls_cert_identity(&leaf),
		};
		struct bri_tls *tls;
		static uint8_t room[64 * 1024];
		size_t sent = 0;
		ssize_t n;

		e->client = job ? with_both : with_verify;
		e->verdict = -2;
		open_client(e);
		peer = raw_accept(fd);
		assert_int_equal(bri_tls_new(&config, 0, &tls), 0);
		n = recv(peer, room, sizeof(room), 0);
		bri_tls_input(tls, room, (size_t)n);
		assert_int_equal(bri_tls_step(tls, 0), BRI_TLS_WAITS);
		send_all(peer, tls);
		await(&e->r, "asked");
		memset(room, 0, sizeof(room));
		do {
			n = send(peer, room, sizeof(room), MSG_NOSIGNAL);
			sent += n > 0 ? (size_t)n : 0;
		} while (n > 0 && sent < 64u << 20);
		assert_true(sent < 64u << 20);
		await_first(&e->r, "failed(3:-9817)");
		e->later(e->later_context, true);
		bri_tls_put(tls);
		close(peer);
		close(fd);
		free_ends(e);
	}
}

/* a record that was changed on its way */
static void corruption(void **state)
{
	struct ends *e = new_ends(false);
	int fd = raw_listen(AF_INET, SOCK_STREAM, &e->port), peer;
	struct bri_tls *tls;
	uint8_t *bytes;
	size_t size;

	(void)state;
	open_client(e);
	peer = raw_accept(fd);
	tls = serve_engine(peer);
	await(&e->r, "ready");
	receive(e->c, &e->r, 'a', 1, 100);
	assert_int_equal(bri_tls_write(tls, "data", 4), 0);
	assert_true(bri_tls_output_take(tls, &bytes, &size));
	bytes[size - 1] ^= 1;
	assert_int_equal(send(peer, bytes, size, 0), size);
	free(bytes);
	await(&e->r, "failed(3:-9846)");
	/* it is told why */
	bytes = malloc(16384);
	size = (size_t)recv(peer, bytes, 16384, 0);
	bri_tls_input(tls, bytes, size);
	assert_int_equal(bri_tls_read(tls, bytes + 8192, 8192, &size), -EPROTO);
	assert_int_equal(bri_tls_error(tls), BRI_TLS_PEER_BAD_RECORD_MAC);
	free(bytes);
	bri_tls_put(tls);
	close(peer);
	close(fd);
	free_ends(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_trust),
		cmocka_unit_test(bad_servers),
		cmocka_unit_test(the_handler_is_authoritative),
		cmocka_unit_test(late_verdict),
		cmocka_unit_test(verdict_after_the_end),
		cmocka_unit_test(pre_shared_keys),
		cmocka_unit_test(chosen_keys),
		cmocka_unit_test(a_server_chooses_by_name),
		cmocka_unit_test(clients_show_certificates),
		cmocka_unit_test(clients_without_certificates_are_refused),
		cmocka_unit_test(metadata),
		cmocka_unit_test(resumption),
		cmocka_unit_test(privacy_contexts_share_nothing),
		cmocka_unit_test(large_transfers),
		cmocka_unit_test(regions_of_all_sizes),
		cmocka_unit_test(datagrams_in_pieces),
		cmocka_unit_test(half_close),
		cmocka_unit_test(garbage_from_a_server),
		cmocka_unit_test(truncation),
		cmocka_unit_test(flood),
		cmocka_unit_test(corruption),
	};

	return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
