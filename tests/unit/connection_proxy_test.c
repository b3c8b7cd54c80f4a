/*
 * Connections through proxies, which the test plays itself: what a proxy is told, what becomes of
 * its answers, in which order ways are tried, what reports say of it, and that nothing goes around
 * a proxy that allows no failover.
 */
#include "conn_util.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/protocol.h"
#include "stack/layer.h"

#define TARGET "target.invalid" /* nobody but a proxy could know it */

struct through {
	struct recorder r;
	dispatch_queue_t queue;
	int proxy, other, direct; /* raw listeners */
	uint16_t proxy_port, other_port, direct_port;
	int peer; /* the proxy's end; -1: none */
	nw_privacy_context_t context;
	nw_parameters_t tcp;
};

static int setup(void **state)
{
	static struct through t;

	recorder_init(&t.r);
	t.queue = dispatch_queue_create("through", NULL);
	t.proxy = raw_listen(AF_INET, SOCK_STREAM, &t.proxy_port);
	t.other = raw_listen(AF_INET, SOCK_STREAM, &t.other_port);
	t.direct = raw_listen(AF_INET, SOCK_STREAM, &t.direct_port);
	t.peer = -1;
	t.context = nw_privacy_context_create("through");
	t.tcp = tcp_parameters();
	nw_parameters_set_privacy_context(t.tcp, t.context);
	*state = &t;
	return 0;
}

static void hang_up(struct through *t)
{
	if (t->peer >= 0)
		close(t->peer);
	t->peer = -1;
}

static int teardown(void **state)
{
	struct through *t = *state;

	barrier(t->queue);
	dispatch_release(t->queue);
	nw_release(t->tcp);
	nw_release(t->context);
	hang_up(t);
	close(t->proxy);
	close(t->other);
	close(t->direct);
	recorder_fini(&t->r);
	return 0;
}

/* Borrowed: the context has it. */
static nw_proxy_config_t add(struct through *t, nw_proxy_config_t config)
{
	assert_non_null(config);
	nw_privacy_context_add_proxy(t->context, config);
	nw_release(config);
	return config;
}

static nw_proxy_config_t add_http(struct through *t, uint16_t port)
{
	nw_endpoint_t endpoint = loopback(port);
	nw_proxy_config_t config = nw_proxy_config_create_http_connect(endpoint, NULL);

	nw_release(endpoint);
	return add(t, config);
}

static nw_proxy_config_t add_socks(struct through *t, uint16_t port)
{
	nw_endpoint_t endpoint = loopback(port);
	nw_proxy_config_t config = nw_proxy_config_create_socksv5(endpoint);

	nw_release(endpoint);
	return add(t, config);
}

static nw_connection_t start(struct through *t, const char *host)
{
	return start_to(&t->r, t->queue, nw_endpoint_create_host(host, "99"), t->tcp);
}

static nw_connection_t start_direct(struct through *t)
{
	return start_to(&t->r, t->queue, loopback(t->direct_port), t->tcp);
}

#define say(t, ...)                                                                                \
	do {                                                                                       \
		const uint8_t bytes_[] = { __VA_ARGS__ };                                          \
		assert_int_equal(                                                                  \
			send(t->peer, bytes_, sizeof(bytes_), MSG_NOSIGNAL), sizeof(bytes_));      \
	} while (0)
#define hear(t, ...)                                                                               \
	do {                                                                                       \
		const uint8_t bytes_[] = { __VA_ARGS__ };                                          \
		uint8_t got_[sizeof(bytes_)];                                                      \
		assert_int_equal(recv(t->peer, got_, sizeof(got_), MSG_WAITALL), sizeof(got_));    \
		assert_memory_equal(got_, bytes_, sizeof(got_));                                   \
	} while (0)

#define REQUEST "CONNECT " TARGET ":99 HTTP/1.1\r\nHost: " TARGET ":99\r\n"
#define OK      "HTTP/1.1 200 OK\r\n\r\n"

/* One listener's next connection is the peer. */
static void meet(struct through *t, int listener)
{
	hang_up(t);
	t->peer = raw_accept(listener);
}

/* Called when a connection has given up: who it was to call has been called by then. */
static void assert_nobody_called(int listener)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 0), 0);
}

/* Text both ways, and both ends. */
static void exchange(struct through *t, nw_connection_t c)
{
	send_text(c, &t->r, 'a', "ping");
	raw_read(t->peer, "ping");
	raw_send(t->peer, "pong");
	receive(c, &t->r, 'b', 4, 4);
	await(&t->r, "b=pong");
	send_fin(c, &t->r, 'c');
	raw_end(t->peer);
	shutdown(t->peer, SHUT_WR);
	receive(c, &t->r, 'd', 1, 4);
	await_first(&t->r, "d=");
	finish(c, &t->r);
}

static void http_connect(void **state)
{
	struct through *t = *state;
	nw_connection_t c;

	add_http(t, t->proxy_port);
	c = start(t, TARGET);
	meet(t, t->proxy);
	raw_read(t->peer, REQUEST "\r\n");
	assert_int_equal(seen(&t->r, "ready"), 0);
	raw_send(t->peer, OK);
	await(&t->r, "ready");
	exchange(t, c);
}

static void socks(void **state)
{
	struct through *t = *state;
	nw_connection_t c;

	add_socks(t, t->proxy_port);
	c = start(t, TARGET);
	meet(t, t->proxy);
	hear(t, 5, 1, 0);
	say(t, 5, 0);
	hear(t, 5, 1, 0, 3, 14, 't', 'a', 'r', 'g', 'e', 't', '.', 'i', 'n', 'v', 'a', 'l', 'i',
		'd', 0, 99);
	say(t, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0);
	await(&t->r, "ready");
	exchange(t, c);
}

static void addresses_go_as_addresses(void **state)
{
	struct through *t = *state;
	nw_connection_t c;

	add_socks(t, t->proxy_port);
	c = start(t, "192.0.2.7");
	meet(t, t->proxy);
	hear(t, 5, 1, 0);
	say(t, 5, 0);
	hear(t, 5, 1, 0, 1, 192, 0, 2, 7, 0, 99);
	finish(c, &t->r);
	c = start(t, "2001:db8::1");
	meet(t, t->proxy);
	hear(t, 5, 1, 0);
	say(t, 5, 0);
	hear(t, 5, 1, 0, 4, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 99);
	finish(c, &t->r);
	nw_privacy_context_clear_proxies(t->context);
	add_http(t, t->proxy_port);
	c = start(t, "2001:db8::1");
	meet(t, t->proxy);
	raw_read(t->peer, "CONNECT [2001:db8::1]:99 HTTP/1.1\r\n");
	finish(c, &t->r);
	c = start_direct(t); /* made from a sockaddr: it has no text */
	meet(t, t->proxy);
	raw_read(t->peer, "CONNECT 127.0.0.1:");
	finish(c, &t->r);
}

static void credentials(void **state)
{
	struct through *t = *state;
	nw_connection_t c;

	nw_proxy_config_set_username_and_password(
		add_http(t, t->proxy_port), "Aladdin", "open sesame");
	c = start(t, TARGET);
	meet(t, t->proxy);
	raw_read(
		t->peer, REQUEST "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n");
	raw_send(t->peer, OK);
	await(&t->r, "ready");
	finish(c, &t->r);
	nw_privacy_context_clear_proxies(t->context);
	nw_proxy_config_set_username_and_password(add_socks(t, t->proxy_port), "u", "pw");
	c = start(t, TARGET);
	meet(t, t->proxy);
	hear(t, 5, 2, 0, 2);
	say(t, 5, 2);
	hear(t, 1, 1, 'u', 2, 'p', 'w');
	say(t, 1, 0);
	hear(t, 5, 1, 0, 3);
	finish(c, &t->r);
}

/* What the far end says first may come together with the proxy's answer, or right behind it. */
static void bytes_behind_the_answer(void **state)
{
	struct through *t = *state;
	nw_connection_t c;

	add_http(t, t->proxy_port);
	c = start(t, TARGET);
	meet(t, t->proxy);
	raw_read(t->peer, REQUEST);
	raw_send(t->peer, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n220");
	await(&t->r, "ready");
	receive(c, &t->r, 'a', 3, 100);
	await(&t->r, "a=220");
	finish(c, &t->r);
	/* and the end of it, at once */
	c = start(t, TARGET);
	meet(t, t->proxy);
	raw_read(t->peer, REQUEST);
	raw_send(t->peer, OK "bye");
	shutdown(t->peer, SHUT_WR);
	await(&t->r, "ready");
	receive(c, &t->r, 'b', 9, 100);
	await_first(&t->r, "b=bye");
	finish(c, &t->r);
}

static void an_answer_in_small_pieces(void **state)
{
	static const char answer[] =
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\nx";
	struct through *t = *state;
	nw_connection_t c;
	int on = 1;

	add_http(t, t->proxy_port);
	c = start(t, TARGET);
	meet(t, t->proxy);
	setsockopt(t->peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	raw_read(t->peer, REQUEST);
	for (size_t i = 0; i < sizeof(answer) - 1; i++)
		assert_int_equal(send(t->peer, answer + i, 1, MSG_NOSIGNAL), 1);
	await(&t->r, "ready");
	receive(c, &t->r, 'a', 1, 9);
	await(&t->r, "a=x");
	finish(c, &t->r);
}

static void refusals_are_told(void **state)
{
	static const struct {
		const char *answer, *event;
	} table[] = {
		{ "HTTP/1.1 407 Authenticate\r\nProxy-Authenticate: Basic realm=x\r\n\r\n",
			"waiting(EACCES)" },
		{ "HTTP/1.0 403 Filtered\r\n\r\n<html>", "waiting(EPERM)" },
		{ "HTTP/1.1 502 Bad\r\n\r\n", "waiting(EHOSTUNREACH)" },
		{ "SSH-2.0-OpenSSH\r\n", "waiting(EPROTO)" },
		{ "HTTP/1.1 2", "waiting(ECONNRESET)" },
		{ "", "waiting(ECONNRESET)" },
	};
	struct through *t = *state;
	nw_connection_t c;

	add_http(t, t->proxy_port);
	for (size_t i = 0; i < BRI_LEN(table); i++) {
		c = start(t, TARGET);
		meet(t, t->proxy);
		raw_read(t->peer, REQUEST "\r\n");
		raw_send(t->peer, table[i].answer);
		hang_up(t);
		await(&t->r, table[i].event);
		finish(c, &t->r);
	}
	nw_privacy_context_clear_proxies(t->context);
	add_socks(t, t->proxy_port);
	c = start(t, TARGET);
	meet(t, t->proxy);
	hear(t, 5, 1, 0);
	say(t, 5, 0);
	hear(t, 5, 1);
	say(t, 5, 5, 0, 1, 0, 0, 0, 0, 0, 0);
	await(&t->r, "waiting(ECONNREFUSED)");
	finish(c, &t->r);
}

/* A proxy that is not there is not gone around, and one that says no neither. */
static void nothing_goes_around_a_proxy(void **state)
{
	struct through *t = *state;
	uint16_t port;
	int fd = raw_refused_port(&port);
	nw_connection_t c;

	add_socks(t, port);
	add_http(t, t->other_port);
	c = start_direct(t);
	await(&t->r, "waiting(ECONNREFUSED)");
	assert_nobody_called(t->direct);
	assert_nobody_called(t->other);
	nw_connection_restart(c);
	await(&t->r, "preparing");
	await(&t->r, "waiting(ECONNREFUSED)");
	assert_nobody_called(t->direct);
	finish(c, &t->r);
	close(fd);
}

static void on_report(void *context, nw_establishment_report_t report)
{
	struct through *t = context;
	nw_endpoint_t proxy;

	assert_non_null(report);
	proxy = nw_establishment_report_copy_proxy_endpoint(report);
	note(&t->r, "configured=%d used=%d attempts=%u proxy=%s",
		nw_establishment_report_get_proxy_configured(report),
		nw_establishment_report_get_used_proxy(report),
		nw_establishment_report_get_previous_attempt_count(report),
		!proxy                                         ? "-"
		: nw_endpoint_get_port(proxy) == t->proxy_port ? "first"
							       : "other");
	nw_release(proxy);
}

static void expect_report(struct through *t, nw_connection_t c, const char *words)
{
	nw_connection_access_establishment_report_f(c, t->queue, t, on_report, NULL);
	await(&t->r, words);
}

static void failover(void **state)
{
	struct through *t = *state;
	nw_connection_t c;

	nw_proxy_config_set_failover_allowed(add_socks(t, t->proxy_port), true);
	nw_proxy_config_set_failover_allowed(add_http(t, t->other_port), true);
	/* the first one does */
	c = start_direct(t);
	meet(t, t->proxy);
	hear(t, 5, 1, 0);
	say(t, 5, 0);
	hear(t, 5, 1);
	say(t, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0);
	await(&t->r, "ready");
	expect_report(t, c, "configured=1 used=1 attempts=0 proxy=first");
	finish(c, &t->r);
	/* the second one */
	c = start_direct(t);
	meet(t, t->proxy);
	say(t, 5, 255);
	meet(t, t->other);
	raw_read(t->peer, "CONNECT 127.0.0.1:");
	raw_send(t->peer, OK);
	await(&t->r, "ready");
	expect_report(t, c, "configured=1 used=1 attempts=1 proxy=other");
	finish(c, &t->r);
	/* none */
	c = start_direct(t);
	meet(t, t->proxy);
	hang_up(t);
	meet(t, t->other);
	raw_read(t->peer, "CONNECT 127.0.0.1:");
	raw_send(t->peer, "HTTP/1.1 403 No\r\n\r\n");
	meet(t, t->direct);
	await(&t->r, "ready");
	expect_report(t, c, "configured=1 used=0 attempts=2 proxy=-");
	assert_int_equal(seen(&t->r, "waiting(EPERM)"), 0);
	exchange(t, c);
}

/* After waiting it begins with the first one again; the last way's error is the one that is told.
 */
static void restart_begins_with_the_first(void **state)
{
	struct through *t = *state;
	nw_connection_t c;

	nw_proxy_config_set_failover_allowed(add_http(t, t->proxy_port), true);
	add_http(t, t->other_port);
	c = start(t, TARGET);
	for (int i = 0; i < 2; i++) {
		meet(t, t->proxy);
		raw_read(t->peer, REQUEST "\r\n");
		raw_send(t->peer, "HTTP/1.1 403 No\r\n\r\n");
		meet(t, t->other);
		raw_read(t->peer, REQUEST "\r\n");
		raw_send(t->peer, "HTTP/1.1 407 Who\r\n\r\n");
		await(&t->r, "waiting(EACCES)");
		nw_connection_restart(c);
		await(&t->r, "preparing");
	}
	meet(t, t->proxy);
	raw_read(t->peer, REQUEST "\r\n");
	raw_send(t->peer, OK);
	await(&t->r, "ready");
	exchange(t, c);
}

static void domains(void **state)
{
	struct through *t = *state;
	nw_proxy_config_t config = add_http(t, t->proxy_port);
	nw_connection_t c;

	nw_proxy_config_add_excluded_domain(config, "127.0.0.1");
	c = start_direct(t);
	meet(t, t->direct);
	await(&t->r, "ready");
	expect_report(t, c, "configured=0 used=0 attempts=0 proxy=-");
	finish(c, &t->r);
	assert_nobody_called(t->proxy);
	nw_proxy_config_add_match_domain(config, "invalid");
	c = start(t, TARGET);
	meet(t, t->proxy);
	raw_read(t->peer, REQUEST);
	finish(c, &t->r);
}

static void prefer_no_proxy(void **state)
{
	struct through *t = *state;
	nw_proxy_config_t config = add_http(t, t->proxy_port);
	nw_connection_t c;

	nw_parameters_set_prefer_no_proxy(t->tcp, true);
	/* a wish, which a proxy that must be used does not grant */
	c = start_direct(t);
	meet(t, t->proxy);
	finish(c, &t->r);
	nw_proxy_config_set_failover_allowed(config, true);
	c = start_direct(t);
	meet(t, t->direct);
	await(&t->r, "ready");
	expect_report(t, c, "configured=1 used=0 attempts=0 proxy=-");
	finish(c, &t->r);
	/* direct does not work: the name cannot be resolved */
	c = start(t, TARGET);
	meet(t, t->proxy);
	raw_read(t->peer, REQUEST "\r\n");
	raw_send(t->peer, OK);
	await(&t->r, "ready");
	expect_report(t, c, "configured=1 used=1 attempts=1 proxy=first");
	finish(c, &t->r);
}

/* A connection has the proxies of the moment it starts. */
static void started_connections_keep_theirs(void **state)
{
	struct through *t = *state;
	nw_proxy_config_t config = add_http(t, t->proxy_port);
	nw_connection_t c = start(t, TARGET);

	meet(t, t->proxy);
	raw_read(t->peer, REQUEST "\r\n");
	nw_proxy_config_add_excluded_domain(config, TARGET);
	nw_proxy_config_set_username_and_password(config, "u", "p");
	nw_privacy_context_clear_proxies(t->context); /* which was its last reference */
	raw_send(t->peer, "HTTP/1.1 403 No\r\n\r\n");
	await(&t->r, "waiting(EPERM)");
	nw_connection_restart(c);
	meet(t, t->proxy);
	raw_read(t->peer, REQUEST "\r\n");
	raw_send(t->peer, OK);
	await(&t->r, "ready");
	exchange(t, c);
}

static void a_silent_proxy_has_a_limit(void **state)
{
	struct through *t = *state;
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(t->tcp);
	nw_protocol_options_t tcp = nw_protocol_stack_copy_transport_protocol(stack);
	nw_connection_t c;

	nw_tcp_options_set_connection_timeout(tcp, 1);
	nw_release(tcp);
	nw_release(stack);
	add_socks(t, t->proxy_port);
	c = start(t, TARGET);
	meet(t, t->proxy);
	hear(t, 5, 1, 0);
	await(&t->r, "waiting(ETIMEDOUT)");
	finish(c, &t->r);
}

static void cancel_while_a_proxy_thinks(void **state)
{
	struct through *t = *state;
	nw_connection_t c;

	add_http(t, t->proxy_port);
	c = start(t, TARGET);
	meet(t, t->proxy);
	raw_read(t->peer, REQUEST "\r\n");
	finish(c, &t->r);
	assert_int_equal(seen(&t->r, "ready"), 0);
	raw_drain(t->peer);
}

static void relays_are_not_built(void **state)
{
	struct through *t = *state;
	nw_endpoint_t endpoint = loopback(t->proxy_port);
	nw_relay_hop_t hop = nw_relay_hop_create(endpoint, NULL, NULL);
	nw_proxy_config_t config = add(t, nw_proxy_config_create_relay(hop, NULL));
	nw_connection_t c = start_direct(t);

	await(&t->r, "failed(EOPNOTSUPP)");
	finish(c, &t->r);
	assert_nobody_called(t->direct);
	nw_proxy_config_set_failover_allowed(config, true);
	c = start_direct(t);
	meet(t, t->direct);
	await(&t->r, "ready");
	finish(c, &t->r);
	assert_nobody_called(t->proxy);
	nw_release(hop);
	nw_release(endpoint);
}

static void datagrams_do_not_go_through(void **state)
{
	struct through *t = *state;
	nw_proxy_config_t config = add_socks(t, t->proxy_port);
	nw_parameters_t udp = udp_parameters();
	nw_connection_t c;

	nw_parameters_set_privacy_context(udp, t->context);
	c = start_to(&t->r, t->queue, loopback(t->direct_port), udp);
	await(&t->r, "failed(EOPNOTSUPP)");
	finish(c, &t->r);
	nw_proxy_config_set_failover_allowed(config, true);
	c = start_to(&t->r, t->queue, loopback(t->direct_port), udp);
	await(&t->r, "ready");
	finish(c, &t->r);
	nw_release(udp);
}

/* --- other layers: a toy that says its host, and is ready then --- */

struct toy {
	struct bri_layer base;
	char host[64];
};

static int toy_start(struct bri_layer *layer, uint64_t now_ns)
{
	struct toy *toy = (struct toy *)layer;
	char text[80];

	(void)now_ns;
	snprintf(text, sizeof(text), "<%s>", toy->host);
	bri_layer_ready(layer);
	return bri_layer_down_bytes(layer, text, strlen(text));
}

static int toy_rx(struct bri_layer *layer, struct bri_content *in, uint64_t now_ns)
{
	(void)now_ns;
	bri_layer_pass_up(layer, in);
	return 0;
}

static int toy_put(struct bri_layer *layer, struct bri_content *in, uint64_t now_ns)
{
	(void)now_ns;
	bri_layer_pass_down(layer, in);
	return 0;
}

static void toy_free(struct bri_layer *layer)
{
	free(layer);
}

static const struct bri_layer_class toy_class = {
	.name = "toy", .start = toy_start, .rx = toy_rx, .put = toy_put, .free = toy_free
};

static struct bri_layer *toy_new(nw_protocol_options_t opts, const struct bri_layer_env *env);

static struct nw_protocol_definition toy_definition = {
	.base = BRI_PROTOCOL_STATIC,
	.identifier = "toy",
	.levels = BRI_PROTOCOL_APPLICATION,
	.options_size = sizeof(struct nw_protocol_options),
	.metadata_size = sizeof(struct nw_protocol_metadata),
	.layer_new = toy_new,
};

static struct bri_layer *toy_new(nw_protocol_options_t opts, const struct bri_layer_env *env)
{
	struct toy *toy = calloc(1, sizeof(*toy));

	(void)opts;
	assert_non_null(toy);
	toy->base.cls = &toy_class;
	toy->base.metadata = bri_object_own(bri_protocol_metadata_new(&toy_definition));
	snprintf(toy->host, sizeof(toy->host), "%s", env->host);
	return &toy->base;
}

static void layers_below_and_above(void **state)
{
	struct through *t = *state;
	nw_endpoint_t endpoint = loopback(t->proxy_port);
	nw_protocol_options_t below = bri_protocol_options_new(&toy_definition);
	nw_protocol_options_t above = bri_protocol_options_new(&toy_definition);
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(t->tcp);
	nw_protocol_metadata_t metadata;
	nw_connection_t c;

	add(t, nw_proxy_config_create_http_connect(endpoint, below));
	nw_release(below);
	/* nothing above */
	c = start(t, TARGET);
	meet(t, t->proxy);
	raw_read(t->peer, "<127.0.0.1>" REQUEST "\r\n");
	raw_send(t->peer, OK);
	await(&t->r, "ready");
	/* what is below the tunnel is not the connection's */
	assert_null(nw_connection_copy_protocol_metadata(c, &toy_definition));
	exchange(t, c);
	/* below and above */
	nw_protocol_stack_prepend_application_protocol(stack, above);
	c = start(t, TARGET);
	meet(t, t->proxy);
	raw_read(t->peer, "<127.0.0.1>" REQUEST "\r\n");
	assert_int_equal(seen(&t->r, "ready"), 1);
	raw_send(t->peer, OK);
	raw_read(t->peer, "<" TARGET ">");
	await(&t->r, "ready");
	metadata = nw_connection_copy_protocol_metadata(c, &toy_definition);
	assert_non_null(metadata);
	nw_release(metadata);
	exchange(t, c);
	nw_release(above);
	nw_release(stack);
	nw_release(endpoint);
}

/* Nothing is lost or turned around when much goes through. */
static void much_goes_through(void **state)
{
	enum { SIZE = 3000000 };
	struct through *t = *state;
	char *bytes = malloc(SIZE);
	nw_connection_t c;

	assert_non_null(bytes);
	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (char)(i * 7 + i / 251);
	add_http(t, t->proxy_port);
	c = start(t, TARGET);
	meet(t, t->proxy);
	raw_read(t->peer, REQUEST "\r\n");
	raw_send(t->peer, OK);
	await(&t->r, "ready");
	send_bytes(c, &t->r, 'a', bytes, SIZE, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
	for (size_t at = 0, n; at < SIZE; at += n) {
		char piece[65536];
		ssize_t got = recv(t->peer, piece, sizeof(piece), 0);

		assert_true(got > 0);
		n = (size_t)got;
		assert_memory_equal(piece, bytes + at, n);
	}
	await(&t->r, "a=sent");
	for (size_t at = 0; at < 100000; at += 10000)
		assert_int_equal(send(t->peer, bytes + at, 10000, MSG_NOSIGNAL), 10000);
	receive(c, &t->r, 'b', 100000, 100000);
	await_data(&t->r, 100000);
	assert_memory_equal(t->r.data, bytes, 100000);
	finish(c, &t->r);
	free(bytes);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(http_connect),
		test(socks),
		test(addresses_go_as_addresses),
		test(credentials),
		test(bytes_behind_the_answer),
		test(an_answer_in_small_pieces),
		test(refusals_are_told),
		test(nothing_goes_around_a_proxy),
		test(failover),
		test(restart_begins_with_the_first),
		test(domains),
		test(prefer_no_proxy),
		test(started_connections_keep_theirs),
		test(a_silent_proxy_has_a_limit),
		test(cancel_while_a_proxy_thinks),
		test(relays_are_not_built),
		test(datagrams_do_not_go_through),
		test(layers_below_and_above),
		test(much_goes_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
