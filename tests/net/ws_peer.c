/*
 * A WebSocket program on the public API, for tests with other implementations.
 *
 * ws_peer server OPTION... echoes, until its standard input ends. Prints "port N", and of each
 * client "close CODE REASON" and why it ended. A text "do parts:SIZE:COUNT", "do ping:TEXT" (prints
 * "pong") or "do close:CODE:REASON" is done instead of echoed.
 *
 * ws_peer client URL OPTION... STEP... The steps: text:TEXT binary:SIZE parts:SIZE:COUNT (each
 * echoed by the other end), ping:TEXT (answered), receive (prints it), close:CODE:REASON.
 *
 * The options: subprotocol:NAME, max:SIZE; servers: tls:FILE (a certificate and its key). With
 * subprotocol, a server prints "request SUBPROTOCOL ORIGIN" and refuses those who do not offer it.
 * The URL's scheme decides a client's TLS.
 */
#include <Network/Network.h>
#include <braid/security.h>

#define LIMIT_S     60
#define DEFAULT_MAX (32 * 1024 * 1024)

struct peer {
	dispatch_queue_t queue;
	dispatch_semaphore_t event;
	nw_connection_t connection;
	nw_listener_t listener; /* lives as long as the process */
	char **steps;
	int n;
	const char *subprotocol; /* a server's; NULL: any */
	sec_identity_t identity; /* a server's; NULL: no TLS */
	bool tls;
	nw_protocol_definition_t ws;
	uint8_t *expected;
	size_t expected_size;
	int expected_opcode;
};

static void die(const char *why)
{
	fprintf(stderr, "ws_peer: %s\n", why);
	_exit(1);
}

static void say_error(const char *what, nw_error_t error)
{
	int code = nw_error_get_error_code(error);

	if (nw_error_get_error_domain(error) == nw_error_domain_posix)
		printf("%s %s\n", what, strerrorname_np(code));
	else
		printf("%s %d\n", what, code);
	fflush(stdout);
}

static void configure_tls(void *context, nw_protocol_options_t options)
{
	struct peer *p = context;
	sec_protocol_options_t sec = nw_tls_copy_sec_protocol_options(options);

	if (p->identity)
		sec_protocol_options_set_local_identity(sec, p->identity);
	sec_release(sec);
}

static nw_parameters_t parameters_with(struct peer *p, nw_protocol_options_t options)
{
	nw_parameters_t parameters = nw_parameters_create_secure_tcp_f(p,
		p->tls ? configure_tls : BRAID_DISABLE_PROTOCOL_F, NULL,
		BRAID_DEFAULT_CONFIGURATION_F);
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(parameters);

	nw_protocol_stack_prepend_application_protocol(stack, options);
	nw_release(stack);
	nw_release(options);
	return parameters;
}

static nw_protocol_metadata_t metadata_of(struct peer *p, nw_content_context_t context)
{
	return context ? nw_content_context_copy_protocol_metadata(context, p->ws) : NULL;
}

static sec_identity_t load_identity(const char *path)
{
	sec_identity_t identity = braid_identity_create_from_pem_files(path, NULL, NULL, NULL);

	if (!identity)
		die("no identity");
	return identity;
}

static bool take_option(struct peer *p, nw_protocol_options_t options, const char *step)
{
	if (strncmp(step, "subprotocol:", 12) == 0) {
		p->subprotocol = step + 12;
		nw_ws_options_add_subprotocol(options, step + 12);
	} else if (strncmp(step, "max:", 4) == 0) {
		nw_ws_options_set_maximum_message_size(options, strtoul(step + 4, NULL, 10));
	} else if (strncmp(step, "tls:", 4) == 0) {
		p->identity = load_identity(step + 4);
		p->tls = true;
	} else {
		return false;
	}
	return true;
}

/* Options of the command line become those of the protocol; the steps are left. */
static nw_protocol_options_t take_options(struct peer *p)
{
	nw_protocol_options_t options = nw_ws_create_options(nw_ws_version_13);

	nw_ws_options_set_auto_reply_ping(options, true);
	nw_ws_options_set_maximum_message_size(options, DEFAULT_MAX);
	while (p->n && take_option(p, options, p->steps[0])) {
		p->steps++;
		p->n--;
	}
	return options;
}

/* --- sending --- */

static void on_sent(void *context, nw_error_t error)
{
	(void)context;
	if (error)
		say_error("send", error);
}

static void on_pong(void *context, nw_error_t error)
{
	struct peer *p = context;

	if (error)
		die("no pong");
	if (p->listener) {
		printf("pong\n");
		fflush(stdout);
	}
	dispatch_semaphore_signal(p->event);
}

static nw_content_context_t context_for(int opcode, unsigned code, struct peer *p)
{
	nw_content_context_t context = nw_content_context_create("message");
	nw_protocol_metadata_t md = nw_ws_create_metadata((nw_ws_opcode_t)opcode);

	if (code)
		nw_ws_metadata_set_close_code(md, (nw_ws_close_code_t)code);
	if (opcode == nw_ws_opcode_ping)
		nw_ws_metadata_set_pong_handler_f(md, p->queue, p, on_pong, NULL);
	nw_content_context_set_metadata_for_protocol(context, md);
	nw_release(md);
	return context;
}

/* One message, in so many pieces. */
static void send_message(nw_connection_t connection, nw_content_context_t context,
	const uint8_t *bytes, size_t size, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t from = size * i / count, to = size * (i + 1) / count;
		dispatch_data_t data = dispatch_data_create_f(bytes + from, to - from, NULL, NULL);

		nw_connection_send_f(
			connection, data, context, i + 1 == count, NULL, on_sent, NULL);
		dispatch_release(data);
	}
	nw_release(context);
}

/* "KIND:NUMBER:REST" of a step: what is behind the number. */
static const char *read_number(const char *step, unsigned long *ret)
{
	const char *arg = strchr(step, ':');
	char *end;

	arg = arg ? arg + 1 : "";
	*ret = strtoul(arg, &end, 10);
	return *end == ':' ? end + 1 : end;
}

/* Steps that both ends have; false: it is none of them. */
static bool send_control(struct peer *p, nw_connection_t connection, const char *step)
{
	unsigned long code;
	const char *text = read_number(step, &code);
	int opcode = nw_ws_opcode_close;

	if (strncmp(step, "ping:", 5) == 0) {
		opcode = nw_ws_opcode_ping;
		text = step + 5;
		code = 0;
	} else if (strncmp(step, "close:", 6) != 0) {
		return false;
	}
	send_message(connection, context_for(opcode, (unsigned)code, p), (const uint8_t *)text,
		strlen(text), 1);
	return true;
}

/* --- the server --- */

struct client {
	struct peer *peer;
	nw_connection_t connection;
};

static void receive_next(struct client *c);

/* What a client asks for in a text. */
static void do_step(struct client *c, const char *step)
{
	unsigned long size, count;
	uint8_t *text;

	if (strncmp(step, "parts:", 6) == 0) {
		count = strtoul(read_number(step, &size), NULL, 10);
		text = size <= DEFAULT_MAX ? malloc(size + 1) : NULL;
		if (!text)
			die("too large");
		memset(text, 'p', size);
		send_message(c->connection, context_for(nw_ws_opcode_text, 0, c->peer), text, size,
			count);
		free(text);
	} else if (!send_control(c->peer, c->connection, step)) {
		die("what step is this?");
	}
}

static void on_text(struct client *c, dispatch_data_t content, nw_content_context_t message)
{
	static const char asked[] = "do ";
	char step[200];
	const void *bytes = "";
	size_t size = 0;
	dispatch_data_t flat = content ? dispatch_data_create_map(content, &bytes, &size) : NULL;

	if (size < sizeof(step) && size > strlen(asked) && !memcmp(bytes, asked, strlen(asked))) {
		snprintf(step, sizeof(step), "%.*s", (int)(size - strlen(asked)),
			(const char *)bytes + strlen(asked));
		do_step(c, step);
	} else {
		/* what came can be sent as it is */
		nw_connection_send_f(c->connection, content, message, true, NULL, on_sent, NULL);
	}
	if (flat)
		dispatch_release(flat);
}

static void on_client_message(void *context, dispatch_data_t content, nw_content_context_t message,
	bool complete, nw_error_t error)
{
	struct client *c = context;
	nw_protocol_metadata_t md = metadata_of(c->peer, message);
	nw_ws_opcode_t opcode = md ? nw_ws_metadata_get_opcode(md) : nw_ws_opcode_invalid;

	if (error || !complete) {
		if (error)
			say_error("end", error);
		nw_connection_cancel(c->connection);
		nw_release(md);
		return;
	}
	if (opcode == nw_ws_opcode_close) {
		const void *bytes = "";
		size_t size = 0;
		dispatch_data_t flat =
			content ? dispatch_data_create_map(content, &bytes, &size) : NULL;

		printf("close %u %.*s\n", nw_ws_metadata_get_close_code(md), (int)size,
			bytes ? (const char *)bytes : "");
		fflush(stdout);
		if (flat)
			dispatch_release(flat);
	} else if (opcode == nw_ws_opcode_text) {
		on_text(c, content, message);
	} else if (opcode == nw_ws_opcode_binary) {
		nw_connection_send_f(c->connection, content, message, true, NULL, on_sent, NULL);
	}
	nw_release(md);
	receive_next(c);
}

static void receive_next(struct client *c)
{
	nw_connection_receive_message_f(c->connection, c, on_client_message, NULL);
}

static void on_client_state(void *context, nw_connection_state_t state, nw_error_t error)
{
	struct client *c = context;

	if (state == nw_connection_state_failed) {
		say_error("failed", error);
		nw_connection_cancel(c->connection);
	}
	if (state == nw_connection_state_cancelled) {
		nw_release(c->connection);
		free(c);
	}
}

static void on_client(void *context, nw_connection_t connection)
{
	struct peer *p = context;
	struct client *c = calloc(1, sizeof(*c));

	c->peer = p;
	c->connection = nw_retain(connection);
	nw_connection_set_queue(connection, p->queue);
	nw_connection_set_state_changed_handler_f(connection, c, on_client_state, NULL);
	receive_next(c);
	nw_connection_start(connection);
}

static bool differs(void *context, const char *subprotocol)
{
	struct peer *p = context;

	return strcmp(subprotocol, p->subprotocol) != 0; /* false: found */
}

static bool say_origin(void *context, const char *name, const char *value)
{
	(void)context;
	if (strcasecmp(name, "Origin") != 0)
		return true;
	printf("%s", value);
	return false;
}

static nw_ws_response_t on_request(void *context, nw_ws_request_t request)
{
	struct peer *p = context;
	bool found = !nw_ws_request_enumerate_subprotocols_f(request, p, differs);

	printf("request %s ", found ? p->subprotocol : "-");
	nw_ws_request_enumerate_additional_headers_f(request, NULL, say_origin);
	printf("\n");
	fflush(stdout);
	return nw_ws_response_create(
		found ? nw_ws_response_status_accept : nw_ws_response_status_reject,
		found ? p->subprotocol : NULL);
}

static void on_listener(void *context, nw_listener_state_t state, nw_error_t error)
{
	struct peer *p = context;

	(void)error;
	if (state == nw_listener_state_ready)
		dispatch_semaphore_signal(p->event);
	else if (state == nw_listener_state_failed)
		die("the listener failed");
}

static void serve(struct peer *p)
{
	nw_protocol_options_t options = take_options(p);
	nw_parameters_t parameters;

	if (p->n)
		die("what option is this?");
	if (p->subprotocol)
		nw_ws_options_set_client_request_handler_f(options, p->queue, p, on_request, NULL);
	parameters = parameters_with(p, options);
	p->listener = nw_listener_create_with_port("0", parameters);
	nw_release(parameters);
	nw_listener_set_queue(p->listener, p->queue);
	nw_listener_set_state_changed_handler_f(p->listener, p, on_listener, NULL);
	nw_listener_set_new_connection_handler_f(p->listener, p, on_client, NULL);
	nw_listener_start(p->listener);
	dispatch_semaphore_wait(p->event, DISPATCH_TIME_FOREVER);
	printf("port %u\n", nw_listener_get_port(p->listener));
	fflush(stdout);
	while (getchar() != EOF)
		;
}

/* --- the client --- */

static void wait_event(struct peer *p, const char *what)
{
	if (dispatch_semaphore_wait(
		    p->event, dispatch_time(DISPATCH_TIME_NOW, (int64_t)LIMIT_S * 1000000000)))
		die(what);
}

static void say_response(struct peer *p)
{
	nw_protocol_metadata_t md = nw_connection_copy_protocol_metadata(p->connection, p->ws);
	nw_ws_response_t response = nw_ws_metadata_copy_server_response(md);
	const char *subprotocol = nw_ws_response_get_selected_subprotocol(response);

	printf("ready %s\n", subprotocol ? subprotocol : "");
	fflush(stdout);
	nw_release(response);
	nw_release(md);
}

static void on_state(void *context, nw_connection_state_t state, nw_error_t error)
{
	struct peer *p = context;

	if (state == nw_connection_state_ready) {
		say_response(p); /* here, so that no later state is told before it */
		dispatch_semaphore_signal(p->event);
	}
	if (state == nw_connection_state_failed || state == nw_connection_state_waiting) {
		say_error("failed", error);
		_exit(2);
	}
}

static void on_answer(void *context, dispatch_data_t content, nw_content_context_t message,
	bool complete, nw_error_t error)
{
	struct peer *p = context;
	nw_protocol_metadata_t md = metadata_of(p, message);
	const void *bytes = NULL;
	size_t size = 0;
	dispatch_data_t flat = content ? dispatch_data_create_map(content, &bytes, &size) : NULL;

	if (error) {
		say_error("end", error);
	} else if (p->expected_opcode < 0) {
		printf("received %d %u %.*s\n", md ? (int)nw_ws_metadata_get_opcode(md) : -1,
			md ? nw_ws_metadata_get_close_code(md) : 0, size < 200 ? (int)size : 0,
			bytes ? (const char *)bytes : "");
		fflush(stdout);
	} else if (!complete || !md || (int)nw_ws_metadata_get_opcode(md) != p->expected_opcode ||
		   size != p->expected_size || (size && memcmp(bytes, p->expected, size) != 0)) {
		die("the echo is another message");
	}
	if (flat)
		dispatch_release(flat);
	nw_release(md);
	dispatch_semaphore_signal(p->event);
}

static void echo(struct peer *p, int opcode, size_t size, unsigned long count)
{
	p->expected_opcode = opcode;
	p->expected_size = size;
	nw_connection_receive_message_f(p->connection, p, on_answer, NULL);
	send_message(p->connection, context_for(opcode, 0, p), p->expected, size, count);
	wait_event(p, "no echo");
}

static void run_step(struct peer *p, const char *step)
{
	unsigned long number;
	const char *rest = read_number(step, &number);

	free(p->expected);
	p->expected = strncmp(step, "text:", 5) == 0 ? (uint8_t *)strdup(step + 5)
						     : calloc(1, number + 1);
	if (strncmp(step, "text:", 5) == 0) {
		echo(p, nw_ws_opcode_text, strlen(step + 5), 1);
	} else if (strncmp(step, "binary:", 7) == 0) {
		for (size_t i = 0; i < number; i++)
			p->expected[i] = (uint8_t)(i * 131 >> 3);
		echo(p, nw_ws_opcode_binary, number, 1);
	} else if (strncmp(step, "parts:", 6) == 0) {
		memset(p->expected, 'p', number);
		echo(p, nw_ws_opcode_text, number, strtoul(rest, NULL, 10));
	} else if (strcmp(step, "receive") == 0) {
		p->expected_opcode = -1;
		nw_connection_receive_message_f(p->connection, p, on_answer, NULL);
		wait_event(p, "nothing came");
	} else if (!send_control(p, p->connection, step)) {
		die("what step is this?");
	} else if (strncmp(step, "ping:", 5) == 0) {
		wait_event(p, "no pong");
	}
}

static void talk(struct peer *p, const char *url)
{
	nw_parameters_t parameters = parameters_with(p, take_options(p));
	nw_endpoint_t endpoint = nw_endpoint_create_url(url);

	p->connection = nw_connection_create(endpoint, parameters);
	nw_release(endpoint);
	nw_release(parameters);
	nw_connection_set_queue(p->connection, p->queue);
	nw_connection_set_state_changed_handler_f(p->connection, p, on_state, NULL);
	nw_connection_start(p->connection);
	wait_event(p, "not ready");
	for (int i = 0; i < p->n; i++)
		run_step(p, p->steps[i]);
	printf("done\n");
}

int main(int argc, char **argv)
{
	static struct peer p;

	if (argc < 2 || (strcmp(argv[1], "client") == 0 && argc < 3))
		die("usage: ws_peer server OPTION... | client URL OPTION... STEP...");
	p.queue = dispatch_queue_create("ws_peer", NULL);
	p.event = dispatch_semaphore_create(0);
	p.ws = nw_protocol_copy_ws_definition();
	p.steps = argv + 2;
	p.n = argc - 2;
	if (strcmp(argv[1], "server") == 0) {
		serve(&p);
	} else {
		p.steps++;
		p.n--;
		p.tls = strncmp(argv[2], "wss:", 4) == 0;
		talk(&p, argv[2]);
	}
	fflush(stdout);
	if (p.tls)
		_exit(0); /* handshakes may be under way, and exit() takes GnuTLS's tables away */
	return 0;
}
