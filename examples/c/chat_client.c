/*
 * A chat over WebSocket (RFC 6455), a client: sends the lines that are typed, prints what all say.
 *
 *     clang -fblocks chat_client.c -o chat_client -lNetwork -lBlocksRuntime
 *     ./chat_client ws://HOST:PORT/ NAME
 */
#include <Network/Network.h>
#include <err.h>

static nw_protocol_definition_t ws;
static bool leaving;

/* Sends one message; ownership of its metadata is taken. */
static void say(
	nw_connection_t connection, dispatch_data_t content, nw_protocol_metadata_t metadata)
{
	nw_content_context_t context = nw_content_context_create("message");

	nw_content_context_set_metadata_for_protocol(context, metadata);
	nw_connection_send(connection, content, context, true, ^(nw_error_t error) {
	  if (error && !leaving)
		  errx(1, "send: %s", strerror(nw_error_get_error_code(error)));
	});
	nw_release(context);
	nw_release(metadata);
}

static void say_text(nw_connection_t connection, const char *name, const char *line)
{
	char text[4096]; /* what the server takes */
	int size = snprintf(text, sizeof(text), "%s: %s", name, line);
	dispatch_data_t content;

	if (size >= (int)sizeof(text))
		errx(1, "too long a line");
	content = dispatch_data_create(text, (size_t)size, NULL, DISPATCH_DATA_DESTRUCTOR_DEFAULT);
	say(connection, content, nw_ws_create_metadata(nw_ws_opcode_text));
	dispatch_release(content);
}

/* The server answers a close message with one; that ends receive(). */
static void leave(nw_connection_t connection)
{
	nw_protocol_metadata_t close = nw_ws_create_metadata(nw_ws_opcode_close);

	leaving = true;
	nw_ws_metadata_set_close_code(close, nw_ws_close_code_normal_closure);
	say(connection, NULL, close);
}

/* Lines are waited for on a thread of their own; all else happens on the main queue. */
static void read_lines(nw_connection_t connection, const char *name)
{
	dispatch_async(dispatch_get_global_queue(QOS_CLASS_DEFAULT, 0), ^{
	  char *line = NULL;
	  size_t size = 0;

	  for (ssize_t length; (length = getline(&line, &size, stdin)) > 0;) {
		  char *text = line;

		  text[strcspn(text, "\n")] = '\0';
		  dispatch_sync(dispatch_get_main_queue(), ^{
		    say_text(connection, name, text);
		  });
	  }
	  free(line);
	  dispatch_async(dispatch_get_main_queue(), ^{
	    leave(connection);
	  });
	});
}

static void ping(nw_connection_t connection)
{
	nw_protocol_metadata_t metadata = nw_ws_create_metadata(nw_ws_opcode_ping);

	nw_ws_metadata_set_pong_handler(metadata, dispatch_get_main_queue(), ^(nw_error_t error) {
	  if (error)
		  warnx("no pong");
	  else
		  warnx("pong");
	});
	say(connection, NULL, metadata);
}

static void say_present(nw_connection_t connection)
{
	nw_protocol_metadata_t metadata = nw_connection_copy_protocol_metadata(connection, ws);
	nw_ws_response_t response = nw_ws_metadata_copy_server_response(metadata);

	nw_ws_response_enumerate_additional_headers(
		response, ^bool(const char *name, const char *value) {
		  if (strcasecmp(name, "X-Chat-Present") == 0)
			  warnx("%s are here, subprotocol %s", value,
				  nw_ws_response_get_selected_subprotocol(response));
		  return true;
		});
	nw_release(response);
	nw_release(metadata);
}

static void print(dispatch_data_t content)
{
	dispatch_data_apply(content, ^bool(dispatch_data_t region __unused, size_t offset __unused,
				    const void *buffer, size_t size) {
	  fwrite(buffer, 1, size, stdout);
	  return true;
	});
	putchar('\n');
	fflush(stdout);
}

static void receive(nw_connection_t connection)
{
	nw_connection_receive_message(
		connection, ^(dispatch_data_t content, nw_content_context_t context,
			bool is_complete __unused, nw_error_t error) {
		  nw_protocol_metadata_t message =
			  context ? nw_content_context_copy_protocol_metadata(context, ws) : NULL;
		  nw_ws_opcode_t opcode =
			  message ? nw_ws_metadata_get_opcode(message) : nw_ws_opcode_invalid;

		  if (opcode == nw_ws_opcode_text && content)
			  print(content);
		  if (opcode == nw_ws_opcode_close) {
			  int code = (int)nw_ws_metadata_get_close_code(message);

			  if (code != nw_ws_close_code_normal_closure)
				  errx(1, "sent away, code %d", code);
			  nw_connection_cancel(connection);
		  } else if (!message) {
			  if (!leaving)
				  errx(1, "receive: %s",
					  error ? strerror(nw_error_get_error_code(error)) : "end");
			  nw_connection_cancel(connection);
		  } else {
			  receive(connection);
		  }
		  if (message)
			  nw_release(message);
		});
}

NW_RETURNS_RETAINED static nw_parameters_t make_parameters(bool secure)
{
	nw_parameters_t parameters = nw_parameters_create_secure_tcp(
		secure ? NW_PARAMETERS_DEFAULT_CONFIGURATION : NW_PARAMETERS_DISABLE_PROTOCOL,
		NW_PARAMETERS_DEFAULT_CONFIGURATION);
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(parameters);
	nw_protocol_options_t options = nw_ws_create_options(nw_ws_version_13);
	const char *subprotocol = getenv("CHAT_SUBPROTOCOL");

	nw_ws_options_add_subprotocol(options, subprotocol ? subprotocol : "chat");
	nw_ws_options_add_additional_header(options, "X-Chat-Client", "example");
	nw_ws_options_set_auto_reply_ping(options, true);
	nw_protocol_stack_prepend_application_protocol(stack, options);
	nw_release(options);
	nw_release(stack);
	return parameters;
}

int main(int argc, char **argv)
{
	bool secure = argc == 3 && strncmp(argv[1], "wss:", 4) == 0;
	const char *name = argv[2];
	nw_parameters_t parameters;
	nw_endpoint_t endpoint;
	nw_connection_t connection;

	if (argc != 3 || (!secure && strncmp(argv[1], "ws:", 3) != 0))
		errx(2, "usage: chat_client ws[s]://HOST:PORT/ NAME");
	ws = nw_protocol_copy_ws_definition();
	parameters = make_parameters(secure);
	endpoint = nw_endpoint_create_url(argv[1]);
	if (!endpoint)
		errx(2, "%s is no URL", argv[1]);
	connection = nw_connection_create(endpoint, parameters);
	nw_release(endpoint);
	nw_release(parameters);
	nw_connection_set_queue(connection, dispatch_get_main_queue());
	nw_connection_set_state_changed_handler(
		connection, ^(nw_connection_state_t state, nw_error_t error) {
		  if (error)
			  errx(1, "%s", strerror(nw_error_get_error_code(error)));
		  if (state == nw_connection_state_ready) {
			  say_present(connection);
			  receive(connection);
			  ping(connection);
			  read_lines(connection, name);
		  } else if (state == nw_connection_state_cancelled) {
			  exit(0);
		  }
		});
	nw_connection_start(connection);
	dispatch_main();
}
