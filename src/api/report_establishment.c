/* Establishment reports: how a connection came to be. Immutable pictures. Knows nothing of traffic.
 */
#include "api/connection.h"
#include "api/report_blocks.h"

#include <braid/multipath.h>
#include <stdlib.h>

struct nw_resolution_report {
	struct bri_object base;
	uint64_t milliseconds;
	uint32_t endpoint_count;
	nw_endpoint_t preferred, successful; /* internal references */
};

struct nw_establishment_report {
	struct bri_object base;
	uint64_t duration_ms, started_after_ms, handshake_ms;
	uint32_t previous_attempts;
	nw_protocol_definition_t transport; /* static */
	nw_resolution_report_t resolution;  /* internal reference; NULL: no name was looked up */
	braid_path_manager_t path_manager;
	bool proxy_configured;
	nw_endpoint_t proxy; /* internal reference; NULL: none was used */
	nw_protocol_definition_t layers[BRI_CHAIN_LAYERS_MAX]; /* lowest first; internal */
	uint32_t layer_ms[BRI_CHAIN_LAYERS_MAX];
	size_t n_layers;
};

static void destroy_resolution(struct bri_object *obj)
{
	nw_resolution_report_t report = (nw_resolution_report_t)obj;

	bri_object_put(report->preferred);
	bri_object_put(report->successful);
	free(report);
}

static const struct bri_class resolution_class = { .name = "nw_resolution_report",
	.kind = BRI_KIND_RESOLUTION_REPORT,
	.destroy = destroy_resolution };

static void destroy_establishment(struct bri_object *obj)
{
	nw_establishment_report_t report = (nw_establishment_report_t)obj;

	for (size_t i = 0; i < report->n_layers; i++)
		bri_object_put(report->layers[i]);
	bri_object_put(report->proxy);
	bri_object_put(report->resolution);
	free(obj);
}

static const struct bri_class establishment_class = { .name = "nw_establishment_report",
	.kind = BRI_KIND_ESTABLISHMENT_REPORT,
	.destroy = destroy_establishment };

static uint64_t ms_between(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? (to_ns - from_ns) / BRI_NS_PER_MS : 0;
}

static nw_resolution_report_t new_resolution(const struct bri_established *e)
{
	nw_resolution_report_t report = bri_object_new(&resolution_class, sizeof(*report));

	if (!report)
		return NULL;
	report->milliseconds = ms_between(e->started_ns, e->resolved_ns);
	report->endpoint_count = e->address_count;
	report->preferred = bri_object_own(bri_endpoint_from_addr(&e->preferred));
	report->successful = bri_object_own(bri_endpoint_from_addr(&e->remote));
	return report;
}

/* NULL: not ready, or no memory. */
static nw_establishment_report_t new_report(nw_connection_t c)
{
	const struct bri_established *e = c->established;
	nw_establishment_report_t report;

	if (atomic_load_explicit(&c->published_state, memory_order_acquire) != BRI_LIFE_READY)
		return NULL;
	report = bri_object_new(&establishment_class, sizeof(*report));
	if (!report)
		return NULL;
	report->duration_ms = ms_between(e->started_ns, e->done_ns);
	report->handshake_ms =
		ms_between(e->connect_started_ns, e->connected_ns ? e->connected_ns : e->done_ns);
	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < c->n_metadata; i++) {
		report->layers[i] =
			bri_object_get(((nw_protocol_metadata_t)c->metadata[i])->definition);
		report->layer_ms[i] = c->handshake_ms[i];
	}
	report->n_layers = c->n_metadata;
	pthread_mutex_unlock(&c->lock);
	report->started_after_ms = ms_between(c->first_start_ns, c->start_ns);
	report->previous_attempts = c->previous_attempts;
	report->transport = c->is_udp ? &bri_protocol_udp : &bri_protocol_tcp;
	report->proxy_configured = c->ways != NULL;
	report->proxy = bri_object_get(atomic_load(&c->hop));
	report->path_manager = braid_connection_get_path_manager(c);
	if (e->resolved)
		report->resolution = bri_object_own(new_resolution(e));
	return report;
}

struct access {
	struct bri_callable call;
	nw_establishment_report_t report; /* +1 or NULL */
};

static void run_access(void *context)
{
	struct access access = *(struct access *)context;

	free(context);
	((nw_establishment_report_access_f)access.call.fn)(access.call.context, access.report);
	bri_callable_clear(&access.call);
	nw_release(access.report);
}

void bri_report_access(nw_connection_t c, dispatch_queue_t queue, struct bri_callable call)
{
	struct access *access;

	if (!bri_connection_is(c, "nw_connection_access_establishment_report") ||
		!bri_object_check(queue, BRI_KIND_DISPATCH_QUEUE,
			"nw_connection_access_establishment_report") ||
		!bri_handler_is_given(call.fn, "nw_connection_access_establishment_report") ||
		!(access = malloc(sizeof(*access)))) {
		bri_callable_clear(&call);
		return;
	}
	access->call = call;
	access->report = new_report(c);
	bri_async(queue, access, run_access);
}

BRI_EXPORT void nw_connection_access_establishment_report_f(nw_connection_t connection,
	dispatch_queue_t queue, void *context, nw_establishment_report_access_f access,
	nw_context_destroy_f destroy)
{
	bri_report_access(connection, queue, BRI_CALLABLE(access, context, destroy));
}

static bool is_establishment(nw_establishment_report_t report, const char *function)
{
	return bri_object_check(report, BRI_KIND_ESTABLISHMENT_REPORT, function);
}

BRI_EXPORT uint64_t nw_establishment_report_get_duration_milliseconds(
	nw_establishment_report_t report)
{
	return is_establishment(report, __func__) ? report->duration_ms : 0;
}

BRI_EXPORT uint64_t nw_establishment_report_get_attempt_started_after_milliseconds(
	nw_establishment_report_t report)
{
	return is_establishment(report, __func__) ? report->started_after_ms : 0;
}

BRI_EXPORT braid_path_manager_t braid_establishment_report_get_path_manager(
	nw_establishment_report_t report)
{
	return is_establishment(report, __func__) ? report->path_manager : braid_path_manager_none;
}

BRI_EXPORT uint32_t nw_establishment_report_get_previous_attempt_count(
	nw_establishment_report_t report)
{
	return is_establishment(report, __func__) ? report->previous_attempts : 0;
}

BRI_EXPORT bool nw_establishment_report_get_used_proxy(nw_establishment_report_t report)
{
	return is_establishment(report, __func__) && report->proxy;
}

BRI_EXPORT bool nw_establishment_report_get_proxy_configured(nw_establishment_report_t report)
{
	return is_establishment(report, __func__) && report->proxy_configured;
}

BRI_EXPORT nw_endpoint_t nw_establishment_report_copy_proxy_endpoint(
	nw_establishment_report_t report)
{
	return is_establishment(report, __func__) ? nw_retain(report->proxy) : NULL;
}

BRI_EXPORT void nw_establishment_report_enumerate_resolutions_f(nw_establishment_report_t report,
	void *context, nw_report_resolution_enumerator_f enumerate)
{
	nw_resolution_report_t r;

	if (!is_establishment(report, __func__) ||
		!bri_handler_is_given((bri_any_f)enumerate, __func__) || !report->resolution)
		return;
	r = report->resolution;
	enumerate(context, nw_report_resolution_source_query, r->milliseconds, r->endpoint_count,
		r->successful, r->preferred);
}

BRI_EXPORT void nw_establishment_report_enumerate_resolution_reports_f(
	nw_establishment_report_t report, void *context,
	nw_report_resolution_report_enumerator_f enumerate)
{
	if (is_establishment(report, __func__) &&
		bri_handler_is_given((bri_any_f)enumerate, __func__) && report->resolution)
		enumerate(context, report->resolution);
}

BRI_EXPORT void nw_establishment_report_enumerate_protocols_f(
	nw_establishment_report_t report, void *context, nw_report_protocol_enumerator_f enumerate)
{
	if (!is_establishment(report, __func__) ||
		!bri_handler_is_given((bri_any_f)enumerate, __func__))
		return;
	enumerate(context, report->transport, report->handshake_ms, report->handshake_ms);
	for (size_t i = 0; i < report->n_layers; i++)
		enumerate(context, report->layers[i], report->layer_ms[i], 0);
}

static bool is_resolution(nw_resolution_report_t report, const char *function)
{
	return bri_object_check(report, BRI_KIND_RESOLUTION_REPORT, function);
}

BRI_EXPORT nw_report_resolution_source_t nw_resolution_report_get_source(
	nw_resolution_report_t report)
{
	return is_resolution(report, __func__) ? nw_report_resolution_source_query
					       : (nw_report_resolution_source_t)0;
}

BRI_EXPORT uint64_t nw_resolution_report_get_milliseconds(nw_resolution_report_t report)
{
	return is_resolution(report, __func__) ? report->milliseconds : 0;
}

BRI_EXPORT uint32_t nw_resolution_report_get_endpoint_count(nw_resolution_report_t report)
{
	return is_resolution(report, __func__) ? report->endpoint_count : 0;
}

BRI_EXPORT nw_endpoint_t nw_resolution_report_copy_successful_endpoint(
	nw_resolution_report_t report)
{
	return is_resolution(report, __func__) ? nw_retain(report->successful) : NULL;
}

BRI_EXPORT nw_endpoint_t nw_resolution_report_copy_preferred_endpoint(nw_resolution_report_t report)
{
	return is_resolution(report, __func__) ? nw_retain(report->preferred) : NULL;
}

BRI_EXPORT nw_report_resolution_protocol_t nw_resolution_report_get_protocol(
	nw_resolution_report_t report)
{
	/* the files, UDP or TCP: the resolver library does not tell which it was */
	(void)is_resolution(report, __func__);
	return nw_report_resolution_protocol_unknown;
}
