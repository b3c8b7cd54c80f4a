/*
 * One end of a TLS or DTLS connection, for tls_interop.sh: the other end is another implementation.
 *   tls_peer client PORT OPTION...   sends "hello", prints what comes back, ends
 *   tls_peer server OPTION...        prints its port, echoes what comes on one connection after the
 * other What was negotiated is printed: "ready 0304 1302 h2 resumed=0 peers=2".
 * With --http they speak just enough of it: the server answers GET /N with N letters x, the client
 * asks for /file and reads to the end.
 */
#include <Network/Network.h>

#include <gnutls/gnutls.h>
#include <unistd.h>
#include <braid/security.h>
#include "api/sec_metadata.h"

#define GIVE_UP_S   20
#define REQUEST_MAX 4096
#define BODY_MAX    (16UL << 20)

struct options {
	bool server, udp, insecure, require_client, reject, http, early;
	uint16_t port;
	const char *name, *alpn, *psk, *psk_identity, *cert, *key, *ocsp;
	unsigned min, max, suite, connections;
};

static struct options opt = { .connections = 1 };
static dispatch_queue_t queue;
static nw_parameters_t parameters;
static unsigned left;
static char request[REQUEST_MAX + 1]; /* of HTTP, so far */
static size_t request_size;

static sec_identity_t load_identity(void)
{
	sec_identity_t identity =
		braid_identity_create_from_pem_files(opt.cert, opt.key, NULL, NULL);

	if (!identity)
		exit(2);
	return identity;
}

static void staple(sec_identity_t identity)
{
	gnutls_datum_t response;

	if (gnutls_load_file(opt.ocsp, &response) < 0 ||
		braid_identity_set_ocsp_response(identity, response.data, response.size) !=
			braid_security_ok)
		exit(2);
	gnutls_free(response.data);
}

static void use_identity(sec_protocol_options_t o)
{
	sec_identity_t identity = load_identity();

	if (opt.ocsp)
		staple(identity);
	sec_protocol_options_set_local_identity(o, identity);
}

static void verify(void *context, sec_protocol_metadata_t metadata, sec_trust_t trust,
	sec_protocol_verify_complete_f complete, void *complete_context)
{
	(void)context;
	(void)metadata;
	(void)trust;
	complete(complete_context, !opt.reject);
}

static void add_psk(sec_protocol_options_t o)
{
	gnutls_datum_t hex = { (unsigned char *)(uintptr_t)opt.psk, (unsigned)strlen(opt.psk) },
		       raw;
	dispatch_data_t key, identity;

	if (gnutls_hex_decode2(&hex, &raw) < 0)
		exit(2);
	key = dispatch_data_create_f(raw.data, raw.size, NULL, NULL);
	identity = dispatch_data_create_f(opt.psk_identity, strlen(opt.psk_identity), NULL, NULL);
	sec_protocol_options_add_pre_shared_key(o, key, identity);
	gnutls_free(raw.data);
}

static void configure(void *context, nw_protocol_options_t options)
{
	sec_protocol_options_t o = nw_tls_copy_sec_protocol_options(options);

	(void)context;
	if (opt.name)
		sec_protocol_options_set_tls_server_name(o, opt.name);
	if (opt.alpn)
		sec_protocol_options_add_tls_application_protocol(o, opt.alpn);
	if (opt.min)
		sec_protocol_options_set_min_tls_protocol_version(
			o, (tls_protocol_version_t)opt.min);
	if (opt.max)
		sec_protocol_options_set_max_tls_protocol_version(
			o, (tls_protocol_version_t)opt.max);
	if (opt.suite)
		sec_protocol_options_append_tls_ciphersuite(o, (tls_ciphersuite_t)opt.suite);
	if (opt.psk)
		add_psk(o);
	if (opt.cert)
		use_identity(o);
	if (opt.insecure || opt.reject)
		sec_protocol_options_set_verify_block_f(o, NULL, verify, NULL, queue);
	sec_protocol_options_set_peer_authentication_required(o, opt.require_client);
	sec_release(o);
}

static void count(void *context, sec_certificate_t certificate)
{
	(void)certificate;
	++*(int *)context;
}

static void measure(void *context, dispatch_data_t data)
{
	*(int *)context = dispatch_data_get_size(data) > 0;
}

static void print_ready(nw_connection_t c)
{
	nw_protocol_definition_t tls = nw_protocol_copy_tls_definition();
	nw_protocol_metadata_t md = nw_connection_copy_protocol_metadata(c, tls);
	sec_protocol_metadata_t sec = nw_tls_copy_sec_protocol_metadata(md);
	const char *alpn = sec_protocol_metadata_get_negotiated_protocol(sec);
	int peers = 0, ocsp = 0;

	sec_protocol_metadata_access_ocsp_response_f(sec, &ocsp, measure);
	sec_protocol_metadata_access_peer_certificate_chain_f(sec, &peers, count);
	printf("ready %04x %04x %s resumed=%d peers=%d ocsp=%d early=%d\n",
		sec_protocol_metadata_get_negotiated_tls_protocol_version(sec),
		sec_protocol_metadata_get_negotiated_tls_ciphersuite(sec), alpn ? alpn : "-",
		bri_tls_resumed(sec->tls), peers, ocsp,
		sec_protocol_metadata_get_early_data_accepted(sec));
	fflush(stdout);
	sec_release(sec);
	nw_release(md);
	nw_release(tls);
}

static void start_client(void);

static void receive(nw_connection_t c);

static void on_sent(void *context, nw_error_t error)
{
	(void)context;
	if (error)
		printf("send error %d\n", nw_error_get_error_code(error));
}

static void reply(nw_connection_t c, dispatch_data_t content)
{
	nw_connection_send_f(
		c, content, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true, NULL, on_sent, NULL);
}

static void reply_text(nw_connection_t c, const char *text)
{
	dispatch_data_t content = dispatch_data_create_f(text, strlen(text), NULL, NULL);

	reply(c, content);
	dispatch_release(content);
}

/* The answer to one request, whose header is a string now. */
static void answer(nw_connection_t c)
{
	bool last = strcasestr(request, "\r\nConnection: close") != NULL;
	size_t size = strncmp(request, "GET /", 5) ? SIZE_MAX : strtoul(request + 5, NULL, 10);
	bool good = size <= BODY_MAX;
	char head[200], *body;

	size = good ? size : 0;
	printf("request %.*s\n", (int)strcspn(request, "\r"), request);
	fflush(stdout);
	snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n",
		good ? "200 OK" : "400 Bad Request", size, last ? "Connection: close\r\n" : "");
	reply_text(c, head);
	body = malloc(size + 1);
	if (!body)
		exit(2);
	memset(body, 'x', size);
	body[size] = '\0';
	reply_text(c, body);
	free(body);
	if (last)
		nw_connection_send_f(
			c, NULL, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true, NULL, on_sent, NULL);
}

static void on_http(nw_connection_t c, const void *bytes, size_t size)
{
	char *end;

	if (size > REQUEST_MAX - request_size)
		exit(2);
	memcpy(request + request_size, bytes, size);
	request_size += size;
	request[request_size] = '\0';
	while ((end = strstr(request, "\r\n\r\n"))) {
		end[2] = '\0';
		answer(c);
		request_size -= (size_t)(end + 4 - request);
		memmove(request, end + 4, request_size + 1);
	}
}

static void on_bytes(nw_connection_t c, dispatch_data_t content)
{
	const void *bytes;
	size_t size;
	dispatch_data_t map = dispatch_data_create_map(content, &bytes, &size);

	if (opt.server && opt.http) {
		on_http(c, bytes, size);
	} else {
		printf("got %.*s", (int)size, (const char *)bytes);
		fflush(stdout);
		if (opt.server)
			reply(c, content);
		/* an answer of a client is a line */
		else if (!opt.http && memchr(bytes, '\n', size))
			nw_connection_cancel(c);
	}
	dispatch_release(map);
}

static void on_received(void *context, dispatch_data_t content, nw_content_context_t about,
	bool complete, nw_error_t error)
{
	nw_connection_t c = context;

	(void)about;
	if (content && dispatch_data_get_size(content))
		on_bytes(c, content);
	if (error) {
		printf("receive error %d %d\n", nw_error_get_error_domain(error),
			nw_error_get_error_code(error));
		fflush(stdout);
		return;
	}
	if (complete && !opt.udp) {
		printf("end\n");
		fflush(stdout);
		nw_connection_cancel(c);
		return;
	}
	receive(c);
}

static void receive(nw_connection_t c)
{
	if (opt.udp)
		nw_connection_receive_message_f(c, c, on_received, NULL);
	else
		nw_connection_receive_f(c, 1, 65536, c, on_received, NULL);
}

static void on_state(void *context, nw_connection_state_t state, nw_error_t error)
{
	nw_connection_t c = context;

	switch (state) {
	case nw_connection_state_ready:
		print_ready(c);
		request_size = 0;
		receive(c);
		if (!opt.server && !opt.early)
			reply_text(c, opt.http ? "GET /file HTTP/1.1\r\nHost: example.test\r\n"
						 "Connection: close\r\n\r\n"
					       : "hello\n");
		break;
	case nw_connection_state_waiting:
	case nw_connection_state_failed:
		printf("error %d %d\n", nw_error_get_error_domain(error),
			nw_error_get_error_code(error));
		fflush(stdout);
		nw_connection_cancel(c);
		break;
	case nw_connection_state_cancelled:
		nw_release(c);
		if (!--left)
			exit(0);
		if (!opt.server)
			start_client();
		break;
	default: break;
	}
}

static void start(nw_connection_t c)
{
	nw_connection_set_queue(c, queue);
	nw_connection_set_state_changed_handler_f(c, c, on_state, NULL);
	if (!opt.server && opt.early)
		nw_connection_send_f(c, dispatch_data_create_f("hello\n", 6, NULL, NULL),
			NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true, NULL,
			BRAID_SEND_IDEMPOTENT_CONTENT_F, NULL);
	nw_connection_start(c);
}

static void start_client(void)
{
	char port[8];

	snprintf(port, sizeof(port), "%u", opt.port);
	start(nw_connection_create(nw_endpoint_create_host("127.0.0.1", port), parameters));
}

static void on_connection(void *context, nw_connection_t c)
{
	(void)context;
	start(nw_retain(c));
}

static void on_listener(void *context, nw_listener_state_t state, nw_error_t error)
{
	(void)error;
	if (state == nw_listener_state_ready)
		printf("listening %u\n", nw_listener_get_port(*(nw_listener_t *)context));
	fflush(stdout);
}

static void parse(int argc, char **argv)
{
	int i = 1;

	opt.server = argc > 1 && !strcmp(argv[i++], "server");
	if (!opt.server && argc > 2)
		opt.port = (uint16_t)strtoul(argv[i++], NULL, 10);
	for (; i < argc; i++) {
		const char *next = i + 1 < argc ? argv[i + 1] : "";

		if (!strcmp(argv[i], "--udp"))
			opt.udp = true;
		else if (!strcmp(argv[i], "--insecure"))
			opt.insecure = true;
		else if (!strcmp(argv[i], "--http"))
			opt.http = true;
		else if (!strcmp(argv[i], "--reject"))
			opt.reject = true;
		else if (!strcmp(argv[i], "--early"))
			opt.early = true;
		else if (!strcmp(argv[i], "--require-client"))
			opt.require_client = true;
		else if (i++, !strcmp(argv[i - 1], "--name"))
			opt.name = next;
		else if (!strcmp(argv[i - 1], "--alpn"))
			opt.alpn = next;
		else if (!strcmp(argv[i - 1], "--psk"))
			opt.psk = next;
		else if (!strcmp(argv[i - 1], "--identity"))
			opt.psk_identity = next;
		else if (!strcmp(argv[i - 1], "--cert"))
			opt.cert = next;
		else if (!strcmp(argv[i - 1], "--key"))
			opt.key = next;
		else if (!strcmp(argv[i - 1], "--ocsp"))
			opt.ocsp = next;
		else if (!strcmp(argv[i - 1], "--min"))
			opt.min = (unsigned)strtoul(next, NULL, 16);
		else if (!strcmp(argv[i - 1], "--max"))
			opt.max = (unsigned)strtoul(next, NULL, 16);
		else if (!strcmp(argv[i - 1], "--suite"))
			opt.suite = (unsigned)strtoul(next, NULL, 16);
		else if (!strcmp(argv[i - 1], "--connections"))
			opt.connections = (unsigned)strtoul(next, NULL, 10);
		else
			exit(2);
	}
}

int main(int argc, char **argv)
{
	nw_listener_t listener;

	parse(argc, argv);
	alarm(GIVE_UP_S);
	left = opt.connections;
	queue = dispatch_queue_create("peer", NULL);
	parameters = opt.udp ? nw_parameters_create_secure_udp_f(
				       NULL, configure, NULL, BRAID_DEFAULT_CONFIGURATION_F)
			     : nw_parameters_create_secure_tcp_f(
				       NULL, configure, NULL, BRAID_DEFAULT_CONFIGURATION_F);
	nw_parameters_set_fast_open_enabled(parameters, opt.early);
	if (!opt.server) {
		start_client();
		dispatch_main();
	}
	listener = nw_listener_create(parameters);
	nw_listener_set_queue(listener, queue);
	nw_listener_set_state_changed_handler_f(listener, &listener, on_listener, NULL);
	nw_listener_set_new_connection_handler_f(listener, NULL, on_connection, NULL);
	nw_listener_start(listener);
	dispatch_main();
}
