/*
 * Hello over TLS: a client that decides itself whether it trusts the server, by the system's own
 * judgement, and asks what the two have agreed on.
 *
 *     clang -fblocks hello_tls.c -o hello_tls $(pkg-config --cflags --libs braid)
 *     ./hello_tls HOST PORT [APPLICATION-PROTOCOL]
 */
#include <Network/Network.h>
#include <Security/Security.h>
#include <err.h>

static void say_why(CFErrorRef error)
{
	CFStringRef text = error ? CFErrorCopyDescription(error) : NULL;
	char why[256];

	if (text && CFStringGetCString(text, why, sizeof(why), kCFStringEncodingUTF8))
		warnx("not trusted: %s", why);
	else
		warnx("not trusted");
	if (text)
		CFRelease(text);
}

static void configure(nw_protocol_options_t tls, const char *host, const char *protocol)
{
	sec_protocol_options_t options = nw_tls_copy_sec_protocol_options(tls);

	sec_protocol_options_set_tls_server_name(options, host);
	sec_protocol_options_set_min_tls_protocol_version(options, tls_protocol_version_TLSv12);
	if (protocol)
		sec_protocol_options_add_tls_application_protocol(options, protocol);
	sec_protocol_options_set_verify_block(
		options,
		^(sec_protocol_metadata_t metadata __unused, sec_trust_t trust,
			sec_protocol_verify_complete_t complete) {
		  SecTrustRef chain = sec_trust_copy_ref(trust);
		  CFErrorRef error = NULL;
		  bool trusted = SecTrustEvaluateWithError(chain, &error);

		  if (!trusted)
			  say_why(error);
		  if (error)
			  CFRelease(error);
		  CFRelease(chain);
		  complete(trusted);
		},
		dispatch_get_main_queue());
	nw_release(options);
}

static void say_agreed(nw_connection_t connection)
{
	nw_protocol_definition_t tls = nw_protocol_copy_tls_definition();
	nw_protocol_metadata_t metadata = nw_connection_copy_protocol_metadata(connection, tls);
	sec_protocol_metadata_t agreed = nw_tls_copy_sec_protocol_metadata(metadata);
	const char *protocol = sec_protocol_metadata_get_negotiated_protocol(agreed), *again;

	warnx("TLS 1.%d, suite %#06x, protocol %s",
		(int)sec_protocol_metadata_get_negotiated_tls_protocol_version(agreed) -
			tls_protocol_version_TLSv10,
		(unsigned)sec_protocol_metadata_get_negotiated_tls_ciphersuite(agreed),
		protocol ? protocol : "none");
	/* programs also take the metadata of TLS for what is in it, with a cast */
	again = sec_protocol_metadata_get_negotiated_protocol((sec_protocol_metadata_t)metadata);
	if (strcmp(protocol ? protocol : "", again ? again : "") != 0)
		errx(1, "with the cast the protocol is %s", again);
	nw_release(agreed);
	nw_release(metadata);
	nw_release(tls);
}

static void receive(nw_connection_t connection)
{
	nw_connection_receive(connection, 1, UINT32_MAX,
		^(dispatch_data_t content, nw_content_context_t context __unused, bool is_complete,
			nw_error_t error) {
		  if (content)
			  dispatch_data_apply(
				  content, ^bool(dispatch_data_t region __unused,
					  size_t offset __unused, const void *buffer, size_t size) {
				    fwrite(buffer, 1, size, stdout);
				    return true;
				  });
		  if (error)
			  errx(1, "receive: error %d", nw_error_get_error_code(error));
		  if (is_complete)
			  nw_connection_cancel(connection);
		  else
			  receive(connection);
		});
}

static void greet(nw_connection_t connection)
{
	dispatch_data_t text =
		dispatch_data_create("world\n", 6, NULL, DISPATCH_DATA_DESTRUCTOR_DEFAULT);

	nw_connection_send(
		connection, text, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true, ^(nw_error_t error) {
		  if (error)
			  errx(1, "send: error %d", nw_error_get_error_code(error));
		});
	dispatch_release(text);
	receive(connection);
}

static void fail(nw_error_t error)
{
	if (nw_error_get_error_domain(error) == nw_error_domain_tls)
		errx(1, "TLS error %d", nw_error_get_error_code(error));
	errx(1, "%s", strerror(nw_error_get_error_code(error)));
}

int main(int argc, char **argv)
{
	const char *host = argv[1], *protocol = argc == 4 ? argv[3] : NULL;
	nw_parameters_t parameters;
	nw_endpoint_t endpoint;
	nw_connection_t connection;

	if (argc != 3 && argc != 4)
		errx(2, "usage: hello_tls HOST PORT [APPLICATION-PROTOCOL]");
	parameters = nw_parameters_create_secure_tcp(
		^(nw_protocol_options_t tls) {
		  configure(tls, host, protocol);
		},
		NW_PARAMETERS_DEFAULT_CONFIGURATION);
	endpoint = nw_endpoint_create_host(host, argv[2]);
	connection = nw_connection_create(endpoint, parameters);
	nw_release(endpoint);
	nw_release(parameters);
	nw_connection_set_queue(connection, dispatch_get_main_queue());
	nw_connection_set_state_changed_handler(
		connection, ^(nw_connection_state_t state, nw_error_t error) {
		  if (error)
			  fail(error);
		  if (state == nw_connection_state_ready) {
			  say_agreed(connection);
			  greet(connection);
		  } else if (state == nw_connection_state_cancelled) {
			  nw_release(connection);
			  exit(0);
		  }
		});
	nw_connection_start(connection);
	dispatch_main();
}
