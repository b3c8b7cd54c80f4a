/* What the libNetwork server and client share: parameters and content. Public API only. */
#include "network.h"

#include <Security/Security.h>
#include <braid/security.h>
#include "tls.h"

static void keep_pattern(void *buffer)
{
	(void)buffer; /* static memory */
}

static void configure_tcp(void *context, nw_protocol_options_t options)
{
	(void)context;
	nw_tcp_options_set_no_delay(options, true);
}

static void trust_anyone(void *context, sec_protocol_metadata_t metadata, sec_trust_t trust,
	sec_protocol_verify_complete_f complete, void *complete_context)
{
	(void)context;
	(void)metadata;
	(void)trust;
	complete(complete_context, true);
}

/* What BENCH_TLS_PRIORITY says. No tickets: every handshake is a full one. */
static void configure_tls(void *context, nw_protocol_options_t options)
{
	sec_protocol_options_t sec = nw_tls_copy_sec_protocol_options(options);
	bool is_server = *(bool *)context;
	sec_identity_t identity;
	gnutls_datum_t pem;

	sec_protocol_options_set_min_tls_protocol_version(sec, tls_protocol_version_TLSv13);
	sec_protocol_options_append_tls_ciphersuite(sec, tls_ciphersuite_AES_128_GCM_SHA256);
	sec_protocol_options_set_tls_tickets_enabled(sec, false);
	sec_protocol_options_set_tls_resumption_enabled(sec, false);
	if (is_server) {
		pem = bench_tls_pem();
		identity = braid_identity_create_from_pem(pem.data, pem.size, NULL, 0, NULL, NULL);
		if (!identity)
			bench_die("identity");
		gnutls_free(pem.data);
		sec_protocol_options_set_local_identity(sec, identity);
		sec_release(identity);
	} else {
		sec_protocol_options_set_verify_block_f(sec, NULL, trust_anyone, NULL,
			dispatch_get_global_queue(DISPATCH_QUEUE_PRIORITY_DEFAULT, 0));
	}
	sec_release(sec);
}

static void prepend_websocket(nw_parameters_t parameters)
{
	nw_protocol_options_t options = nw_ws_create_options(nw_ws_version_13);
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(parameters);

	nw_protocol_stack_prepend_application_protocol(stack, options);
	nw_release(stack);
	nw_release(options);
}

nw_parameters_t bench_parameters(const struct bench_opts *opts, bool is_server)
{
	nw_parameters_t parameters = nw_parameters_create_secure_tcp_f(&is_server,
		opts->proto == BENCH_TLS ? configure_tls : BRAID_DISABLE_PROTOCOL_F, NULL,
		configure_tcp);

	if (!parameters)
		bench_die("parameters");
	if (opts->proto == BENCH_WS)
		prepend_websocket(parameters);
	if (opts->proto == BENCH_MPTCP)
		nw_parameters_set_multipath_service(parameters, nw_multipath_service_handover);
	return parameters;
}

dispatch_data_t bench_bulk_content(void)
{
	dispatch_data_t data =
		dispatch_data_create_f(bench_pattern(), BENCH_BUFFER, NULL, keep_pattern);

	if (!data)
		bench_die("content");
	return data;
}

dispatch_queue_t bench_queue(const struct bench_opts *opts)
{
	static dispatch_queue_t shared[1024];
	static atomic_uint calls;
	unsigned n = atomic_fetch_add(&calls, 1);
	dispatch_queue_t *slot;

	if (!opts->queues)
		return dispatch_queue_create("bench", DISPATCH_QUEUE_SERIAL);
	slot = &shared[n % opts->queues];
	if (!*slot) /* the first calls come from one thread: main's, or the listener's queue */
		*slot = dispatch_queue_create("bench", DISPATCH_QUEUE_SERIAL);
	dispatch_retain(*slot);
	return *slot;
}
