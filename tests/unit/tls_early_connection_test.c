/*
 * Early data on connections of the API: idempotent content that is sent before the start goes with
 * the ClientHello of a session that is resumed, and arrives once whatever the server makes of it.
 */
#include "conn_util.h"
#include "tls_util.h"

#include <Security/SecProtocolOptions.h>
#include <stdlib.h>
#include "api/object.h"
#include "api/tls_cache.h"
#include "security/security.h"

static struct tls_cert root, leaf;
static struct bri_identity *leaf_id;

static int make_certificates(void **state)
{
	(void)state;
	tls_cert_make(&root, &(struct tls_cert_spec) { .name = "root", .is_ca = true });
	tls_cert_make(&leaf, &(struct tls_cert_spec) { .name = "example.test", .issuer = &root });
	tls_cert_trust(&root);
	leaf_id = tls_cert_identity_object(&leaf);
	return 0;
}

static int free_certificates(void **state)
{
	(void)state;
	nw_release(leaf_id);
	tls_cert_free(&leaf);
	tls_cert_free(&root);
	bri_tls_cache_clear();
	tls_cert_distrust();
	return 0;
}

struct ends {
	struct recorder r, lr, sr; /* client, listener, the server's connection */
	dispatch_queue_t queue;
	nw_listener_t l;
	nw_connection_t c, s;
	uint16_t port;
	unsigned n;
	bool server_allows, client_allows, idempotent, udp;
};

static void configure(void *context, nw_protocol_options_t options)
{
	sec_protocol_options_t o = nw_tls_copy_sec_protocol_options(options);

	if (context)
		sec_protocol_options_set_local_identity(o, (sec_identity_t)leaf_id);
	else
		sec_protocol_options_set_tls_server_name(o, "example.test");
	nw_release(o);
}

static nw_parameters_t parameters(const struct ends *e, bool server)
{
	void *context = server ? &leaf : NULL;
	nw_parameters_t p = e->udp ? nw_parameters_create_secure_udp_f(context, configure, NULL,
					     BRAID_DEFAULT_CONFIGURATION_F)
				   : nw_parameters_create_secure_tcp_f(context, configure, NULL,
					     BRAID_DEFAULT_CONFIGURATION_F);

	nw_parameters_set_fast_open_enabled(p, server ? e->server_allows : e->client_allows);
	return p;
}

/* Anew: other parameters, and other keys for its tickets. At the same port, if there was one. */
static void open_listener(struct ends *e)
{
	nw_parameters_t p = parameters(e, true);
	char port[8];

	if (!e->port) {
		e->l = new_listener(&e->lr, e->queue, p, &e->port);
	} else {
		snprintf(port, sizeof(port), "%u", e->port);
		e->l = nw_listener_create_with_port(port, p);
		nw_listener_set_queue(e->l, e->queue);
		nw_listener_set_state_changed_handler_f(e->l, &e->lr, on_listener_state, NULL);
		nw_listener_set_new_connection_handler_f(e->l, &e->lr, on_connection, NULL);
		nw_listener_start(e->l);
		await(&e->lr, "ready");
	}
	nw_release(p);
}

static struct ends *open_ends(bool server_allows)
{
	struct ends *e = calloc(1, sizeof(*e));

	bri_tls_cache_clear();
	recorder_init(&e->r);
	recorder_init(&e->lr);
	recorder_init(&e->sr);
	e->queue = dispatch_queue_create("early", NULL);
	e->server_allows = server_allows;
	e->client_allows = e->idempotent = true;
	open_listener(e);
	return e;
}

static void close_ends(struct ends *e)
{
	finish_listener(e->l, &e->lr);
	release_accepted(&e->lr);
	barrier(e->queue);
	dispatch_release(e->queue);
	recorder_fini(&e->r);
	recorder_fini(&e->lr);
	recorder_fini(&e->sr);
	free(e);
}

static bool was_early(nw_connection_t c)
{
	nw_protocol_definition_t tls = nw_protocol_copy_tls_definition();
	nw_protocol_metadata_t md = nw_connection_copy_protocol_metadata(c, tls);
	sec_protocol_metadata_t sec = nw_tls_copy_sec_protocol_metadata(md);
	bool early = sec_protocol_metadata_get_early_data_accepted(sec);

	nw_release(sec);
	nw_release(md);
	nw_release(tls);
	return early;
}

/* One connection that sends this before it starts; all of it comes, once. True: with the hello. */
static bool send_early(struct ends *e, const char *bytes, size_t size)
{
	nw_parameters_t p = parameters(e, false);
	dispatch_data_t data = dispatch_data_create_f(bytes, size, NULL, NULL);
	bool early;

	e->c = new_client(&e->r, e->queue, p, e->port);
	nw_release(p);
	nw_connection_send_f(e->c, data, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true,
		e->idempotent ? NULL : tag(&e->r, 'x'),
		e->idempotent ? BRAID_SEND_IDEMPOTENT_CONTENT_F : on_sent, NULL);
	dispatch_release(data);
	nw_connection_start(e->c);
	e->s = accepted(&e->lr, e->n++);
	free(e->sr.data);
	e->sr.data = NULL;
	e->sr.data_size = 0;
	start_connection(e->s, &e->sr, e->queue);
	await(&e->sr, "ready");
	await(&e->r, "ready");
	receive(e->s, &e->sr, 'a', (uint32_t)size + 4, (uint32_t)size + 4);
	send_text(e->c, &e->r, 'b', "more");
	await_first(&e->sr, "a=");
	assert_int_equal(e->sr.data_size, size + 4);
	assert_memory_equal(e->sr.data, bytes, size);
	assert_memory_equal(e->sr.data + size, "more", 4);
	/* the answer comes behind the ticket */
	receive(e->c, &e->r, 'c', 2, 2);
	send_text(e->s, &e->sr, 'd', "ok");
	await(&e->r, "c=ok");
	early = was_early(e->c);
	assert_int_equal(was_early(e->s), early);
	finish(e->c, &e->r);
	nw_connection_cancel(e->s);
	await(&e->sr, "cancelled");
	return early;
}

static void taken(void **state)
{
	struct ends *e = open_ends(true);

	(void)state;
	assert_false(send_early(e, "first", 5)); /* no ticket yet */
	for (int i = 0; i < 3; i++)
		assert_true(send_early(e, "GET / HTTP/1.1", 14));
	close_ends(e);
}

/* As much as may goes early, the rest behind it. */
static void more_than_may(void **state)
{
	struct ends *e = open_ends(true);
	size_t size = 3 * BRI_TLS_EARLY_MAX + 17;
	char *bytes = malloc(size);

	(void)state;
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(i * 7 + (i >> 12));
	assert_false(send_early(e, "first", 5));
	assert_true(send_early(e, bytes, BRI_TLS_EARLY_MAX));
	assert_true(send_early(e, bytes, BRI_TLS_EARLY_MAX + 1));
	assert_true(send_early(e, bytes, size));
	free(bytes);
	close_ends(e);
}

/* What may arrive twice only does so early, and only who was asked to does it. */
static void not_allowed(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct ends *e = open_ends(i != 0);

		e->client_allows = i != 1;
		e->idempotent = i != 2;
		assert_false(send_early(e, "first", 5));
		assert_false(send_early(e, "second", 6));
		close_ends(e);
	}
}

/* The server is another one by now: it cannot read the ticket, or does not take early data. */
static void refused(void **state)
{
	(void)state;
	for (int allows = 0; allows < 2; allows++) {
		struct ends *e = open_ends(true);

		assert_false(send_early(e, "first", 5));
		assert_true(send_early(e, "second", 6));
		finish_listener(e->l, &e->lr);
		e->server_allows = allows;
		open_listener(e);
		assert_false(send_early(e, "third", 5));
		assert_int_equal(send_early(e, "fourth", 6), allows);
		close_ends(e);
	}
}

/* DTLS 1.2 has none. */
static void datagrams(void **state)
{
	struct ends *e = open_ends(false);
	nw_parameters_t p;

	(void)state;
	finish_listener(e->l, &e->lr);
	e->udp = e->server_allows = true;
	e->port = 0;
	open_listener(e);
	for (unsigned i = 0; i < 2; i++) {
		p = parameters(e, false);
		e->c = new_client(&e->r, e->queue, p, e->port);
		nw_release(p);
		nw_connection_send_f(e->c, dispatch_data_empty,
			NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true, NULL,
			BRAID_SEND_IDEMPOTENT_CONTENT_F, NULL);
		nw_connection_start(e->c);
		e->s = accepted(&e->lr, i);
		start_connection(e->s, &e->sr, e->queue);
		await(&e->r, "ready");
		await(&e->sr, "ready");
		receive_message(e->s, &e->sr, 'a');
		send_text(e->c, &e->r, 'b', "hello");
		await(&e->sr, "a=hello*");
		assert_false(was_early(e->c));
		finish(e->c, &e->r);
		nw_connection_cancel(e->s);
		await(&e->sr, "cancelled");
	}
	close_ends(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken),
		cmocka_unit_test(more_than_may),
		cmocka_unit_test(not_allowed),
		cmocka_unit_test(refused),
		cmocka_unit_test(datagrams),
	};

	return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
