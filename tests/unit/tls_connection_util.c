/* See tls_connection_util.h. */
#include "tls_connection_util.h"

#include "api/sec_metadata.h"
#include "api/tls_cache.h"

struct tls_cert leaf;
static struct tls_cert root, other, stranger, client_cert;
struct bri_identity *leaf_id, *other_id, *stranger_id, *client_id;

int make_certificates(void **state)
{
	(void)state;
	tls_cert_make(&root, &(struct tls_cert_spec) { .name = "root", .is_ca = true });
	tls_cert_trust(&root);
	tls_cert_make(&leaf, &(struct tls_cert_spec) { .name = "example.test", .issuer = &root });
	tls_cert_make(&other, &(struct tls_cert_spec) { .name = "other.test", .issuer = &root });
	tls_cert_make(&stranger, &(struct tls_cert_spec) { .name = "example.test" });
	tls_cert_make(
		&client_cert, &(struct tls_cert_spec) { .name = "client.test", .issuer = &root });
	leaf_id = tls_cert_identity_object(&leaf);
	other_id = tls_cert_identity_object(&other);
	stranger_id = tls_cert_identity_object(&stranger);
	client_id = tls_cert_identity_object(&client_cert);
	return 0;
}

int free_certificates(void **state)
{
	struct tls_cert *all[] = { &root, &leaf, &other, &stranger, &client_cert };
	struct bri_identity *ids[] = { leaf_id, other_id, stranger_id, client_id };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(ids); i++)
		nw_release(ids[i]);
	for (size_t i = 0; i < BRI_LEN(all); i++)
		tls_cert_free(all[i]);
	bri_tls_cache_clear();
	tls_cert_distrust();
	return 0;
}

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

nw_parameters_t client_parameters(struct ends *e)
{
	return parameters(e, configure_client);
}

nw_parameters_t server_parameters(struct ends *e)
{
	return parameters(e, configure_server);
}

struct ends *new_ends(bool udp)
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

void open_listener(struct ends *e)
{
	nw_parameters_t p = server_parameters(e);

	e->l = new_listener(&e->lr, e->queue, p, &e->port);
	nw_release(p);
}

void open_client(struct ends *e)
{
	nw_parameters_t p = client_parameters(e);

	e->c = start_to(&e->r, e->queue, loopback(e->port), p);
	nw_release(p);
}

void start_server(struct ends *e, unsigned i)
{
	e->s = accepted(&e->lr, i);
	start_connection(e->s, &e->sr, e->queue);
}

void open_ends(struct ends *e)
{
	open_listener(e);
	open_client(e);
	start_server(e, 0);
}

void close_ends(struct ends *e)
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

void free_ends(struct ends *e)
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

void talk(struct ends *e)
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

void open_failing_client(struct ends *e, struct last_error *last)
{
	nw_parameters_t p = client_parameters(e);

	*last = (struct last_error) { .done = dispatch_semaphore_create(0) };
	e->c = new_client(&e->r, e->queue, p, e->port);
	nw_release(p);
	nw_connection_set_state_changed_handler_f(e->c, last, on_error_state, NULL);
	nw_connection_start(e->c);
}

void await_error(struct ends *e, struct last_error *last)
{
	assert_int_equal(dispatch_semaphore_wait(last->done,
				 dispatch_time(DISPATCH_TIME_NOW, WAIT_S * (int64_t)NSEC_PER_SEC)),
		0);
	nw_connection_set_state_changed_handler_f(e->c, &e->r, on_state, NULL);
	dispatch_release(last->done);
}

void expect_error(struct ends *e, struct last_error *last)
{
	open_listener(e);
	open_failing_client(e, last);
	start_server(e, 0);
	await_error(e, last);
}

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

void with_verify(struct ends *e, sec_protocol_options_t o)
{
	sec_protocol_options_set_verify_block_f(o, e, on_verify, NULL, e->queue);
}

static void on_challenge(void *context, sec_protocol_metadata_t metadata,
	sec_protocol_challenge_complete_f complete, void *complete_context)
{
	struct ends *e = context;
	const char *name = sec_protocol_metadata_get_server_name(metadata);

	e->challenged++;
	snprintf(e->seen_name, sizeof(e->seen_name), "%s", name ? name : "");
	complete(complete_context, (sec_identity_t)e->shown);
}

void with_challenge(struct ends *e, sec_protocol_options_t o)
{
	sec_protocol_options_set_challenge_block_f(o, e, on_challenge, NULL, e->queue);
}

sec_protocol_metadata_t metadata_of(nw_connection_t c)
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
