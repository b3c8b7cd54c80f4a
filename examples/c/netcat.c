/*
 * netcat, over TLS or DTLS with a key that both sides know, or without any: what is read from
 * standard input goes to the other side, what comes from there goes to standard output.
 *
 *     clang -fblocks netcat.c -o netcat -lNetwork -lBlocksRuntime
 *     ./netcat -l -k SECRET 5000        ./netcat -k SECRET localhost 5000
 */
#include <Network/Network.h>
#include <err.h>

static bool datagrams;          /* -u */
static const char *secret;      /* -k */
static bool verbose;            /* -v */
static nw_connection_t the_one; /* a listener takes one connection */
static int open_directions = 2; /* until both have ended */

static const char *reason(nw_error_t error)
{
	static char text[64];

	if (nw_error_get_error_domain(error) == nw_error_domain_posix)
		return strerror(nw_error_get_error_code(error));
	snprintf(text, sizeof(text), "%s error %d",
		nw_error_get_error_domain(error) == nw_error_domain_tls ? "TLS" : "DNS",
		nw_error_get_error_code(error));
	return text;
}

/* One key, whose name is the program's. The suite has no certificates, so nothing else is checked:
 * who has the key is trusted. */
static void use_secret(nw_protocol_options_t tls)
{
	sec_protocol_options_t options = nw_tls_copy_sec_protocol_options(tls);
	dispatch_data_t key =
		dispatch_data_create(secret, strlen(secret), nil, DISPATCH_DATA_DESTRUCTOR_DEFAULT);
	dispatch_data_t name =
		dispatch_data_create("netcat", 6, nil, DISPATCH_DATA_DESTRUCTOR_DEFAULT);

	sec_protocol_options_add_pre_shared_key(options, key, name);
	if (__builtin_available(macOS 10.15, *))
		sec_protocol_options_append_tls_ciphersuite(
			options, (tls_ciphersuite_t)TLS_PSK_WITH_AES_128_GCM_SHA256);
	dispatch_release(name);
	dispatch_release(key);
	nw_release(options);
}

NW_RETURNS_RETAINED static nw_parameters_t make_parameters(void)
{
	nw_parameters_configure_protocol_block_t tls = NW_PARAMETERS_DISABLE_PROTOCOL;

	if (secret)
		tls = ^(nw_protocol_options_t options) {
		  use_secret(options);
		};
	return datagrams
		       ? nw_parameters_create_secure_udp(tls, NW_PARAMETERS_DEFAULT_CONFIGURATION)
		       : nw_parameters_create_secure_tcp(tls, NW_PARAMETERS_DEFAULT_CONFIGURATION);
}

static void end_direction(nw_connection_t connection)
{
	if (--open_directions == 0)
		nw_connection_cancel(connection);
}

/* Standard input, piece by piece; the next is read when the last has been sent. */
static void send_loop(nw_connection_t connection)
{
	/* a datagram of a piece: of a size that goes through without being cut up */
	dispatch_read(STDIN_FILENO, datagrams ? 1200 : 65536, dispatch_get_main_queue(),
		^(dispatch_data_t piece, int error) {
		  if (error)
			  errx(1, "standard input: %s", strerror(error));
		  if (dispatch_data_get_size(piece) == 0 && datagrams)
			  return; /* a flow of datagrams has no end that could be told */
		  if (dispatch_data_get_size(piece) == 0) {
			  nw_connection_send(connection, nil, NW_CONNECTION_FINAL_MESSAGE_CONTEXT,
				  true, ^(nw_error_t failed __unused) {
				    end_direction(connection);
				  });
			  return;
		  }
		  nw_connection_send(connection, piece,
			  datagrams ? NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT
				    : NW_CONNECTION_DEFAULT_STREAM_CONTEXT,
			  datagrams, ^(nw_error_t failed) {
			    if (failed)
				    errx(1, "send: %s", reason(failed));
			    send_loop(connection);
			  });
		});
}

static void write_out(dispatch_data_t content)
{
	dispatch_data_apply(content, ^bool(dispatch_data_t region __unused, size_t offset __unused,
				    const void *bytes, size_t size) {
	  return fwrite(bytes, 1, size, stdout) == size;
	});
	if (fflush(stdout) != 0)
		err(1, "standard output");
}

static void receive_loop(nw_connection_t connection)
{
	nw_connection_receive(connection, 1, UINT32_MAX,
		^(dispatch_data_t content, nw_content_context_t context, bool is_complete,
			nw_error_t error) {
		  if (content)
			  write_out(content);
		  if (error)
			  errx(1, "receive: %s", reason(error));
		  /* a datagram is complete too; the end of the connection is also final */
		  if (is_complete && (!context || nw_content_context_get_is_final(context)))
			  end_direction(connection);
		  else
			  receive_loop(connection);
		});
}

static void run(nw_connection_t connection)
{
	the_one = connection;
	nw_connection_set_queue(connection, dispatch_get_main_queue());
	nw_connection_set_state_changed_handler(
		connection, ^(nw_connection_state_t state, nw_error_t error) {
		  if (error) /* waiting or failed: no time to wait for better times */
			  errx(1, "%s", reason(error));
		  if (state == nw_connection_state_ready) {
			  if (verbose)
				  warnx("ready");
			  send_loop(connection);
			  receive_loop(connection);
		  } else if (state == nw_connection_state_cancelled) {
			  exit(0);
		  }
		});
	nw_connection_start(connection);
}

static void listen_at(const char *port, nw_parameters_t parameters)
{
	nw_listener_t listener = nw_listener_create_with_port(port, parameters);

	if (!listener)
		errx(2, "%s is no port", port);
	nw_listener_set_queue(listener, dispatch_get_main_queue());
	if (__builtin_available(macOS 10.15, *))
		nw_listener_set_new_connection_limit(listener, 1);
	nw_listener_set_state_changed_handler(
		listener, ^(nw_listener_state_t state, nw_error_t error) {
		  if (error)
			  errx(1, "listener: %s", reason(error));
		  if (state == nw_listener_state_ready && verbose)
			  warnx("port %u", nw_listener_get_port(listener));
		});
	nw_listener_set_new_connection_handler(listener, ^(nw_connection_t connection) {
	  if (the_one) /* before macOS 10.15 there was no limit */
		  nw_connection_cancel(connection);
	  else
		  run(nw_retain(connection));
	});
	nw_listener_start(listener);
}

int main(int argc, char **argv)
{
	bool listener = false;
	nw_parameters_t parameters;

	for (int option; (option = getopt(argc, argv, "k:luv")) != -1;) {
		if (option == 'k')
			secret = optarg;
		else if (option == 'l')
			listener = true;
		else if (option == 'u')
			datagrams = true;
		else if (option == 'v')
			verbose = true;
		else
			argc = 0;
	}
	if (argc - optind != (listener ? 1 : 2))
		errx(2, "usage: netcat [-uv] [-k SECRET] HOST PORT\n"
			"       netcat -l [-uv] [-k SECRET] PORT");
	parameters = make_parameters();
	if (listener) {
		listen_at(argv[optind], parameters);
	} else {
		nw_endpoint_t endpoint = nw_endpoint_create_host(argv[optind], argv[optind + 1]);

		run(nw_connection_create(endpoint, parameters));
		nw_release(endpoint);
	}
	nw_release(parameters);
	dispatch_main();
}
