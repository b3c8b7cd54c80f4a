/*
 * TLS to the proxy and TLS to the far end inside of its tunnel, all four parties made of public
 * calls: each handshake is for its own name, bytes arrive both ways, and a refusal of either
 * certificate is told as what it is.
 */
#include "conn_util.h"

#include <errno.h>
#include <stdlib.h>
#include "cert_util.h"

#define FAR "far.test"

struct tunnel {
	struct recorder client, proxy, far;
	dispatch_queue_t queue, proxy_queue, far_queue;
	struct cert cert;
	struct bri_identity *identity;
	nw_listener_t proxy_listener, far_listener;
	uint16_t proxy_port, far_port;
	nw_privacy_context_t context;
	bool distrust_proxy, distrust_far;
};

/* A way of bytes of the proxy: what one end says is sent by the other. */
struct half {
	nw_connection_t from, to;
};

static void on_copied(void *context, nw_error_t error)
{
	(void)context;
	(void)error;
}

static void on_part(void *context, dispatch_data_t content, nw_content_context_t message,
	bool complete, nw_error_t error)
{
	struct half *half = context;

	(void)message;
	if (content)
		nw_connection_send_f(half->to, content, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true,
			NULL, on_copied, NULL);
	if (!complete && !error)
		nw_connection_receive_f(half->from, 1, 65536, half, on_part, NULL);
}

static void configure_server(void *context, nw_protocol_options_t options)
{
	struct tunnel *t = context;
	sec_protocol_options_t sec = nw_tls_copy_sec_protocol_options(options);

	sec_protocol_options_set_local_identity(sec, (sec_identity_t)t->identity);
	sec_release(sec);
}

static void verify_proxy(void *context, sec_protocol_metadata_t metadata, sec_trust_t trust,
	sec_protocol_verify_complete_f complete, void *complete_context)
{
	struct tunnel *t = context;

	(void)metadata;
	(void)trust;
	note(&t->client, "verify-proxy");
	complete(complete_context, !t->distrust_proxy);
}

static void verify_far(void *context, sec_protocol_metadata_t metadata, sec_trust_t trust,
	sec_protocol_verify_complete_f complete, void *complete_context)
{
	struct tunnel *t = context;

	(void)metadata;
	(void)trust;
	note(&t->client, "verify-far");
	complete(complete_context, !t->distrust_far);
}

static void configure_client(void *context, nw_protocol_options_t options)
{
	struct tunnel *t = context;
	sec_protocol_options_t sec = nw_tls_copy_sec_protocol_options(options);

	sec_protocol_options_set_verify_block_f(sec, t, verify_far, NULL, t->queue);
	sec_release(sec);
}

static nw_parameters_t tls_parameters(
	struct tunnel *t, nw_parameters_configure_protocol_f configure)
{
	return nw_parameters_create_secure_tcp_f(t, configure, NULL, BRAID_DEFAULT_CONFIGURATION_F);
}

static nw_listener_t tls_listener(
	struct tunnel *t, struct recorder *r, dispatch_queue_t queue, uint16_t *ret_port)
{
	nw_parameters_t parameters = tls_parameters(t, configure_server);
	nw_endpoint_t local = nw_endpoint_create_host("127.0.0.1", "0");
	nw_listener_t l;

	nw_parameters_set_local_endpoint(parameters, local);
	nw_release(local);
	l = new_listener(r, queue, parameters, ret_port);
	nw_release(parameters);
	return l;
}

static void add_proxy(struct tunnel *t)
{
	nw_endpoint_t endpoint = loopback(t->proxy_port);
	nw_protocol_options_t tls = nw_tls_create_options();
	sec_protocol_options_t sec = nw_tls_copy_sec_protocol_options(tls);
	nw_proxy_config_t config;

	sec_protocol_options_set_tls_server_name(sec, "proxy.test");
	sec_protocol_options_set_verify_block_f(sec, t, verify_proxy, NULL, t->queue);
	config = nw_proxy_config_create_http_connect(endpoint, tls);
	assert_non_null(config);
	nw_privacy_context_add_proxy(t->context, config);
	nw_release(config);
	sec_release(sec);
	nw_release(tls);
	nw_release(endpoint);
}

static int setup(void **state)
{
	static struct tunnel t;
	const struct cert_spec spec = { .cn = FAR, .dns = { FAR } };

	memset(&t, 0, sizeof(t));
	recorder_init(&t.client);
	recorder_init(&t.proxy);
	recorder_init(&t.far);
	t.queue = dispatch_queue_create("client", NULL);
	t.proxy_queue = dispatch_queue_create("proxy", NULL);
	t.far_queue = dispatch_queue_create("far", NULL);
	t.cert = cert_make(&spec, NULL);
	t.identity = cert_identity(&t.cert);
	t.proxy_listener = tls_listener(&t, &t.proxy, t.proxy_queue, &t.proxy_port);
	t.far_listener = tls_listener(&t, &t.far, t.far_queue, &t.far_port);
	t.context = nw_privacy_context_create("tunnel");
	add_proxy(&t);
	*state = &t;
	return 0;
}

static int teardown(void **state)
{
	struct tunnel *t = *state;

	finish_listener(t->proxy_listener, &t->proxy);
	finish_listener(t->far_listener, &t->far);
	release_accepted(&t->proxy);
	release_accepted(&t->far);
	nw_release(t->context);
	barrier(t->queue);
	barrier(t->proxy_queue);
	barrier(t->far_queue);
	dispatch_release(t->queue);
	dispatch_release(t->proxy_queue);
	dispatch_release(t->far_queue);
	sec_release(t->identity);
	cert_free(&t->cert);
	recorder_fini(&t->client);
	recorder_fini(&t->proxy);
	recorder_fini(&t->far);
	return 0;
}

static nw_connection_t start(struct tunnel *t)
{
	nw_parameters_t parameters = tls_parameters(t, configure_client);
	nw_connection_t c;

	nw_parameters_set_privacy_context(parameters, t->context);
	c = start_to(&t->client, t->queue, nw_endpoint_create_host(FAR, "443"), parameters);
	nw_release(parameters);
	return c;
}

/* A server's end: started. */
static nw_connection_t open_accepted(struct recorder *r, dispatch_queue_t queue)
{
	nw_connection_t c = accepted(r, 0);

	start_connection(c, r, queue);
	return c;
}

#define REQUEST "CONNECT " FAR ":443 HTTP/1.1\r\nHost: " FAR ":443\r\n\r\n"

/* The proxy reads the request, and connects to the far end: halves that copy. */
static void open_tunnel(struct tunnel *t, nw_connection_t inside, struct half halves[2])
{
	nw_parameters_t tcp = tcp_parameters();
	nw_connection_t outside;

	receive(inside, &t->proxy, 'r', sizeof(REQUEST) - 1, 4096);
	await_data(&t->proxy, sizeof(REQUEST) - 1);
	assert_data(&t->proxy, REQUEST);
	outside = new_client(&t->proxy, t->proxy_queue, tcp, t->far_port);
	nw_release(tcp);
	nw_connection_start(outside);
	halves[0] = (struct half) { inside, outside };
	halves[1] = (struct half) { outside, inside };
	send_text(inside, &t->proxy, 's', "HTTP/1.1 200 OK\r\n\r\n");
	await(&t->proxy, "s=sent");
	for (int i = 0; i < 2; i++)
		nw_connection_receive_f(halves[i].from, 1, 65536, &halves[i], on_part, NULL);
}

static void close_tunnel(struct tunnel *t, struct half halves[2])
{
	nw_connection_cancel(halves[0].from);
	await(&t->proxy, "cancelled");
	nw_connection_cancel(halves[1].from);
	await(&t->proxy, "cancelled");
	nw_release(halves[1].from);
}

static void tls_in_tls(void **state)
{
	struct tunnel *t = *state;
	nw_connection_t c = start(t), far;
	nw_protocol_definition_t tls = nw_protocol_copy_tls_definition();
	nw_protocol_metadata_t metadata;
	sec_protocol_metadata_t sec;
	struct half halves[2];

	open_tunnel(t, open_accepted(&t->proxy, t->proxy_queue), halves);
	far = open_accepted(&t->far, t->far_queue);
	await(&t->client, "ready");
	assert_in_order(&t->client, "verify-proxy verify-far ready");
	/* the connection's TLS is the one to the far end */
	metadata = nw_connection_copy_protocol_metadata(c, tls);
	assert_non_null(metadata);
	sec = nw_tls_copy_sec_protocol_metadata(metadata);
	assert_string_equal(sec_protocol_metadata_get_server_name(sec), FAR);
	sec_release(sec);
	nw_release(metadata);
	send_text(c, &t->client, 'a', "ping");
	receive(far, &t->far, 'b', 4, 4);
	await(&t->far, "b=ping");
	send_text(far, &t->far, 'c', "pong");
	receive(c, &t->client, 'd', 4, 4);
	await(&t->client, "d=pong");
	finish(c, &t->client);
	close_tunnel(t, halves);
	nw_connection_cancel(far);
	await(&t->far, "cancelled");
	nw_release(tls);
}

static void a_proxy_that_is_not_trusted(void **state)
{
	struct tunnel *t = *state;
	nw_connection_t c, inside;

	t->distrust_proxy = true;
	c = start(t);
	inside = open_accepted(&t->proxy, t->proxy_queue);
	await_first(&t->client, "failed(");
	assert_int_equal(seen(&t->client, "verify-proxy"), 1);
	assert_int_equal(seen(&t->client, "verify-far"), 0);
	finish(c, &t->client);
	nw_connection_cancel(inside);
	await(&t->proxy, "cancelled");
}

static void a_far_end_that_is_not_trusted(void **state)
{
	struct tunnel *t = *state;
	nw_connection_t c, far;
	struct half halves[2];

	t->distrust_far = true;
	c = start(t);
	open_tunnel(t, open_accepted(&t->proxy, t->proxy_queue), halves);
	far = open_accepted(&t->far, t->far_queue);
	await_first(&t->client, "failed(");
	assert_int_equal(seen(&t->client, "verify-far"), 1);
	finish(c, &t->client);
	close_tunnel(t, halves);
	nw_connection_cancel(far);
	await(&t->far, "cancelled");
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(tls_in_tls),
		test(a_proxy_that_is_not_trusted),
		test(a_far_end_that_is_not_trusted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
