/* What the libNetwork server and client share: parameters and content. Public API only. */
#include "network.h"

static void keep_pattern(void *buffer)
{
	(void)buffer; /* static memory */
}

static void configure_tcp(void *context, nw_protocol_options_t options)
{
	(void)context;
	nw_tcp_options_set_no_delay(options, true);
}

nw_parameters_t bench_parameters(const struct bench_opts *opts)
{
	nw_parameters_t parameters = nw_parameters_create_secure_tcp_f(
		NULL, BRAID_DISABLE_PROTOCOL_F, NULL, configure_tcp);

	if (!parameters)
		bench_die("parameters");
	if (opts->mptcp)
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
