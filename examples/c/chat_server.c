/*
 * A chat over WebSocket (RFC 6455), the server: each text that a client sends goes to all of them.
 *
 *     clang -fblocks chat_server.c -o chat_server -lNetwork -lBlocksRuntime
 *     ./chat_server [PORT]
 */
#include <Network/Network.h>
#include <err.h>

enum {
	MAX_CLIENTS = 100,
	MAX_TEXT = 4096,
	MAX_UNSENT = 100, /* texts: who reads so slowly is sent away */
};

struct client {
	struct client *next;
	nw_connection_t connection;
	int unsent;
	bool closing;
};

static struct client *clients; /* all on the main queue */
static int count;
static nw_protocol_definition_t ws;

static void remove_client(struct client *client)
{
	struct client **at = &clients;

	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
	count--;
	nw_release(client->connection);
	free(client);
}

/* Says why in a close message; the connection ends when it has been sent. */
static void send_away(struct client *client, nw_ws_close_code_t code)
{
	nw_content_context_t context = nw_content_context_create("close");
	nw_protocol_metadata_t close = nw_ws_create_metadata(nw_ws_opcode_close);
	nw_connection_t connection = client->connection;

	client->closing = true;
	nw_ws_metadata_set_close_code(close, code);
	nw_content_context_set_metadata_for_protocol(context, close);
	nw_connection_send(connection, NULL, context, true, ^(nw_error_t error __unused) {
	  nw_connection_cancel(connection);
	});
	nw_release(close);
	nw_release(context);
}

static void pass_on(dispatch_data_t text)
{
	nw_content_context_t context = nw_content_context_create("text");
	nw_protocol_metadata_t metadata = nw_ws_create_metadata(nw_ws_opcode_text);

	nw_content_context_set_metadata_for_protocol(context, metadata);
	for (struct client *client = clients; client; client = client->next) {
		if (client->closing)
			continue;
		if (client->unsent == MAX_UNSENT) {
			send_away(client, nw_ws_close_code_policy_violation);
			continue;
		}
		client->unsent++;
		/* it is called before the connection is cancelled, so client is still there */
		nw_connection_send(
			client->connection, text, context, true, ^(nw_error_t error __unused) {
			  client->unsent--;
			});
	}
	nw_release(metadata);
	nw_release(context);
}

static void receive(struct client *client);

static void on_message(struct client *client, dispatch_data_t content, nw_ws_opcode_t opcode,
	nw_ws_close_code_t code)
{
	switch (opcode) {
	case nw_ws_opcode_text: pass_on(content ? content : dispatch_data_empty); break;
	case nw_ws_opcode_close: /* it has been answered */
		warnx("closed, code %d", (int)code);
		client->closing = true;
		nw_connection_cancel(client->connection);
		return;
	case nw_ws_opcode_binary: send_away(client, nw_ws_close_code_unsupported_data); return;
	default: /* pings are answered by themselves: nw_ws_options_set_auto_reply_ping() */ break;
	}
	receive(client);
}

static void receive(struct client *client)
{
	nw_connection_receive_message(
		client->connection, ^(dispatch_data_t content, nw_content_context_t context,
			bool is_complete __unused, nw_error_t error) {
		  nw_protocol_metadata_t metadata =
			  context ? nw_content_context_copy_protocol_metadata(context, ws) : NULL;

		  if (client->closing)
			  ; /* whatever it has to say still */
		  else if (error || !metadata)
			  nw_connection_cancel(client->connection);
		  else
			  on_message(client, content, nw_ws_metadata_get_opcode(metadata),
				  nw_ws_metadata_get_close_code(metadata));
		  if (metadata)
			  nw_release(metadata);
		});
}

static void serve(nw_connection_t connection)
{
	struct client *client = count < MAX_CLIENTS ? calloc(1, sizeof(*client)) : NULL;

	if (!client) {
		nw_connection_cancel(connection);
		return;
	}
	client->connection = nw_retain(connection);
	client->next = clients;
	clients = client;
	count++;
	nw_connection_set_queue(connection, dispatch_get_main_queue());
	nw_connection_set_state_changed_handler(
		connection, ^(nw_connection_state_t state, nw_error_t error __unused) {
		  if (state == nw_connection_state_ready)
			  receive(client);
		  else if (state == nw_connection_state_failed)
			  nw_connection_cancel(connection);
		  else if (state == nw_connection_state_cancelled)
			  remove_client(client);
		});
	nw_connection_start(connection);
}

/* Only who offers the subprotocol "chat" comes in; it is told how many are there with it. */
NW_RETURNS_RETAINED static nw_ws_response_t answer(nw_ws_request_t request)
{
	__block bool offered = false;
	nw_ws_response_t response;
	char present[16];

	nw_ws_request_enumerate_subprotocols(request, ^bool(const char *subprotocol) {
	  offered = strcmp(subprotocol, "chat") == 0;
	  return !offered; /* whether to go on */
	});
	response = nw_ws_response_create(
		offered ? nw_ws_response_status_accept : nw_ws_response_status_reject,
		offered ? "chat" : NULL);
	snprintf(present, sizeof(present), "%d", count);
	nw_ws_response_add_additional_header(response, "X-Chat-Present", present);
	return response;
}

static nw_listener_t listen_at(const char *port)
{
	nw_parameters_t parameters = nw_parameters_create_secure_tcp(
		NW_PARAMETERS_DISABLE_PROTOCOL, NW_PARAMETERS_DEFAULT_CONFIGURATION);
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(parameters);
	nw_protocol_options_t options = nw_ws_create_options(nw_ws_version_13);
	nw_listener_t listener;

	nw_ws_options_set_auto_reply_ping(options, true);
	nw_ws_options_set_maximum_message_size(options, MAX_TEXT);
	nw_ws_options_set_client_request_handler(
		options, dispatch_get_main_queue(), ^(nw_ws_request_t request) {
		  return answer(request);
		});
	nw_protocol_stack_prepend_application_protocol(stack, options);
	listener = nw_listener_create_with_port(port, parameters);
	nw_release(options);
	nw_release(stack);
	nw_release(parameters);
	return listener;
}

int main(int argc, char **argv)
{
	nw_listener_t listener = listen_at(argc > 1 ? argv[1] : "0");

	if (!listener)
		errx(2, "usage: chat_server [PORT]");
	ws = nw_protocol_copy_ws_definition();
	nw_listener_set_queue(listener, dispatch_get_main_queue());
	nw_listener_set_new_connection_handler(listener, ^(nw_connection_t connection) {
	  serve(connection);
	});
	nw_listener_set_state_changed_handler(
		listener, ^(nw_listener_state_t state, nw_error_t error) {
		  if (error)
			  errx(1, "%s", strerror(nw_error_get_error_code(error)));
		  if (state == nw_listener_state_ready) {
			  printf("%u\n", nw_listener_get_port(listener));
			  fflush(stdout);
		  }
		});
	nw_listener_start(listener);
	dispatch_main();
}
