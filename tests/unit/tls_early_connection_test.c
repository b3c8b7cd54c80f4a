/*
 * Early data on connections of the API: idempotent content that is sent before the start goes with
 * the ClientHello of a session that is resumed, and arrives once whatever the server makes of it.
 */
#include "tls_connection_util.h"

#include "api/tls_cache.h"

struct early {
	struct ends *e;
	unsigned n;
	bool server_allows, client_allows, idempotent;
};

static nw_parameters_t parameters(const struct early *t, bool server)
{
	nw_parameters_t p = server ? server_parameters(t->e) : client_parameters(t->e);

	nw_parameters_set_fast_open_enabled(p, server ? t->server_allows : t->client_allows);
	return p;
}

/* At a port that was another's a moment ago. False: it still is. */
static bool listen_at(struct ends *e, nw_parameters_t p)
{
	char port[8];

	snprintf(port, sizeof(port), "%u", e->port);
	e->l = nw_listener_create_with_port(port, p);
	nw_listener_set_queue(e->l, e->queue);
	nw_listener_set_state_changed_handler_f(e->l, &e->lr, on_listener_state, NULL);
	nw_listener_set_new_connection_handler_f(e->l, &e->lr, on_connection, NULL);
	nw_listener_start(e->l);
	if (await_for(&e->lr, "ready", 200))
		return true;
	finish_listener(e->l, &e->lr);
	return false;
}

/* Anew: other parameters, and other keys for its tickets. At the same port, if there was one. */
static void listen_anew(struct early *t)
{
	nw_parameters_t p = parameters(t, true);
	struct ends *e = t->e;
	int tries = 0;

	if (!e->port) {
		e->l = new_listener(&e->lr, e->queue, p, &e->port);
	} else {
		/* the kernel ends a listening socket of MPTCP some time after its close() */
		finish_listener(e->l, &e->lr);
		while (!listen_at(e, p))
			assert_true(++tries < 50);
	}
	nw_release(p);
}

static struct early *open_early(bool server_allows)
{
	struct early *t = calloc(1, sizeof(*t));

	bri_tls_cache_clear();
	t->e = new_ends(false);
	t->server_allows = server_allows;
	t->client_allows = t->idempotent = true;
	listen_anew(t);
	return t;
}

static void close_early(struct early *t)
{
	free_ends(t->e);
	free(t);
}

static bool was_early(nw_connection_t c)
{
	sec_protocol_metadata_t md = metadata_of(c);
	bool early = sec_protocol_metadata_get_early_data_accepted(md);

	sec_release(md);
	return early;
}

/* A client that sends this before it starts, and the connection that the listener has of it. */
static void start_early(struct early *t, const char *bytes, size_t size)
{
	nw_parameters_t p = parameters(t, false);
	dispatch_data_t data = dispatch_data_create_f(bytes, size, NULL, NULL);
	struct ends *e = t->e;

	e->c = new_client(&e->r, e->queue, p, e->port);
	nw_release(p);
	nw_connection_send_f(e->c, data, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true,
		t->idempotent ? NULL : tag(&e->r, 'x'),
		t->idempotent ? BRAID_SEND_IDEMPOTENT_CONTENT_F : on_sent, NULL);
	dispatch_release(data);
	nw_connection_start(e->c);
	free(e->sr.data);
	e->sr.data = NULL;
	e->sr.data_size = 0;
	start_server(e, t->n++);
	await(&e->sr, "ready");
	await(&e->r, "ready");
}

/* All of it comes, once. True: with the hello. */
static bool send_early(struct early *t, const char *bytes, size_t size)
{
	struct ends *e = t->e;
	bool early;

	start_early(t, bytes, size);
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
	close_ends(e);
	return early;
}

static void taken(void **state)
{
	struct early *t = open_early(true);

	(void)state;
	assert_false(send_early(t, "first", 5)); /* no ticket yet */
	for (int i = 0; i < 3; i++)
		assert_true(send_early(t, "GET / HTTP/1.1", 14));
	close_early(t);
}

/* As much as may goes early, the rest behind it. */
static void more_than_may(void **state)
{
	struct early *t = open_early(true);
	size_t size = 3 * BRI_TLS_EARLY_MAX + 17;
	char *bytes = malloc(size);

	(void)state;
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(i * 7 + (i >> 12));
	assert_false(send_early(t, "first", 5));
	assert_true(send_early(t, bytes, BRI_TLS_EARLY_MAX));
	assert_true(send_early(t, bytes, BRI_TLS_EARLY_MAX + 1));
	assert_true(send_early(t, bytes, size));
	free(bytes);
	close_early(t);
}

/* What may arrive twice only does so early, and only who was asked to does it. */
static void not_allowed(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct early *t = open_early(i != 0);

		t->client_allows = i != 1;
		t->idempotent = i != 2;
		assert_false(send_early(t, "first", 5));
		assert_false(send_early(t, "second", 6));
		close_early(t);
	}
}

/* The server is another one by now: it cannot read the ticket, or does not take early data. */
static void refused(void **state)
{
	(void)state;
	for (int allows = 0; allows < 2; allows++) {
		struct early *t = open_early(true);

		assert_false(send_early(t, "first", 5));
		assert_true(send_early(t, "second", 6));
		t->server_allows = allows;
		listen_anew(t);
		assert_false(send_early(t, "third", 5));
		assert_int_equal(send_early(t, "fourth", 6), allows);
		close_early(t);
	}
}

/* DTLS 1.2 has none. */
static void datagrams(void **state)
{
	struct early *t = open_early(true);
	struct ends *e = t->e;

	(void)state;
	e->udp = true;
	listen_anew(t);
	for (int i = 0; i < 2; i++) {
		start_early(t, "", 0);
		receive_message(e->s, &e->sr, 'a');
		send_text(e->c, &e->r, 'b', "hello");
		await(&e->sr, "a=hello*");
		assert_false(was_early(e->c));
		close_ends(e);
	}
	close_early(t);
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
