/*
 * Data transfer reports: what went over each path of a connection, between the report's creation
 * (or ready, if later) and its collection. One path a subflow; path 0 is the initial one. Knows
 * nothing of how the connection came to be.
 */
#include "api/connection.h"
#include "api/path.h"
#include "api/report_blocks.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

/* One subflow's counters; also the baseline that a late report subtracts. */
struct path {
	uint32_t id;
	struct bri_tcp_stats tcp;
	nw_interface_t interface; /* internal reference; NULL: its interface is gone */
};

struct nw_data_transfer_report {
	struct bri_object base;
	struct bri_list link;       /* in the connection's reports; under its lock */
	nw_connection_t connection; /* internal reference */
	_Atomic int
		state; /* nw_data_transfer_report_state_t; collected: the rest does not change */
	uint64_t started_ns, duration_ms;
	uint64_t app_in, app_out;                  /* at first what had been moved before */
	struct path paths[BRI_MPTCP_MAX_SUBFLOWS]; /* at first the baseline */
	uint32_t path_count;
};

static void destroy_report(struct bri_object *obj)
{
	nw_data_transfer_report_t report = (nw_data_transfer_report_t)obj;

	pthread_mutex_lock(&report->connection->lock);
	bri_list_remove(&report->link);
	pthread_mutex_unlock(&report->connection->lock);
	for (uint32_t i = 0; i < report->path_count; i++)
		bri_object_put(report->paths[i].interface);
	bri_object_put(report->connection);
	free(report);
}

static const struct bri_class report_class = { .name = "nw_data_transfer_report",
	.kind = BRI_KIND_DATA_TRANSFER_REPORT,
	.destroy = destroy_report };

static nw_interface_t interface_of(
	const struct bri_netstate *state, const struct sockaddr_storage *local)
{
	const struct bri_netif *netif =
		state ? bri_netstate_by_address(state, (const struct sockaddr *)local) : NULL;

	if (!netif)
		return NULL;
	return bri_object_own(
		bri_interface_new(netif->index, netif->name, (nw_interface_type_t)netif->type));
}

/* The subflows as they are now. Under the connection's lock: the socket is not closed meanwhile. */
static uint32_t take_paths(nw_connection_t c, struct path paths[static BRI_MPTCP_MAX_SUBFLOWS])
{
	struct bri_mptcp_subflow subflows[BRI_MPTCP_MAX_SUBFLOWS];
	struct bri_netstate *state;
	size_t n = 0;

	if (c->is_udp || c->sock.fd < 0 ||
		bri_mptcp_info_subflows(c->sock.fd, subflows, BRI_MPTCP_MAX_SUBFLOWS, &n) < 0)
		n = 0;
	state = bri_netstate_get();
	for (size_t i = 0; i < n; i++)
		paths[i] = (struct path) { .id = subflows[i].id,
			.tcp = subflows[i].tcp,
			.interface = interface_of(state, &subflows[i].local) };
	/* a datagram flow is one path without a transport's counters */
	if (c->is_udp && n == 0) {
		paths[0] = (struct path) { 0 };
		n = 1;
	}
	bri_netstate_put(state);
	return (uint32_t)n;
}

/* What a subflow had done before the report began is not the report's. */
static void subtract(struct path *path, const struct path *baseline, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct bri_tcp_stats *b = &baseline[i].tcp;

		if (baseline[i].id != path->id)
			continue;
		path->tcp.segs_in -= b->segs_in;
		path->tcp.segs_out -= b->segs_out;
		path->tcp.bytes_received -= b->bytes_received;
		path->tcp.bytes_sent -= b->bytes_sent;
		path->tcp.bytes_retrans -= b->bytes_retrans;
		path->tcp.dsack_dups -= b->dsack_dups;
		path->tcp.rcv_ooopack -= b->rcv_ooopack;
	}
}

/* Under the connection's lock. */
static void collect(nw_data_transfer_report_t report)
{
	nw_connection_t c = report->connection;
	struct path paths[BRI_MPTCP_MAX_SUBFLOWS];
	uint64_t begin_ns = report->started_ns;
	uint32_t count;

	if (report->state == nw_data_transfer_report_state_collected)
		return;
	bri_list_remove(&report->link);
	count = take_paths(c, paths);
	for (uint32_t i = 0; i < count; i++)
		subtract(&paths[i], report->paths, report->path_count);
	for (uint32_t i = 0; i < report->path_count; i++)
		bri_object_put(report->paths[i].interface);
	memcpy(report->paths, paths, count * sizeof(paths[0]));
	report->path_count = count;
	report->app_in = atomic_load(&c->bytes_in) - report->app_in;
	report->app_out = atomic_load(&c->bytes_out) - report->app_out;
	if (c->established && c->established->done_ns > begin_ns)
		begin_ns = c->established->done_ns;
	report->duration_ms = c->established ? (bri_clock_now_ns() - begin_ns) / BRI_NS_PER_MS : 0;
	atomic_store(&report->state, nw_data_transfer_report_state_collected);
}

void bri_report_on_end(nw_connection_t c)
{
	pthread_mutex_lock(&c->lock);
	while (!bri_list_empty(&c->reports))
		collect(bri_list_entry(c->reports.next, struct nw_data_transfer_report, link));
	pthread_mutex_unlock(&c->lock);
}

BRI_EXPORT nw_data_transfer_report_t nw_connection_create_new_data_transfer_report(
	nw_connection_t c)
{
	nw_data_transfer_report_t report;

	if (!bri_connection_is(c, __func__))
		return NULL;
	report = bri_object_new(&report_class, sizeof(*report));
	if (!report)
		return NULL;
	report->connection = bri_object_get(c);
	report->state = nw_data_transfer_report_state_collecting;
	report->started_ns = bri_clock_now_ns();
	pthread_mutex_lock(&c->lock);
	/* what was moved before is not the report's; before ready that is nothing */
	if (atomic_load(&c->published_state) == BRI_LIFE_READY)
		report->path_count = take_paths(c, report->paths);
	report->app_in = atomic_load(&c->bytes_in);
	report->app_out = atomic_load(&c->bytes_out);
	bri_list_append(&c->reports, &report->link);
	pthread_mutex_unlock(&c->lock);
	return report;
}

static bool is_report(nw_data_transfer_report_t report, const char *function)
{
	return bri_object_check(report, BRI_KIND_DATA_TRANSFER_REPORT, function);
}

struct delivery {
	struct bri_callable call;
	nw_data_transfer_report_t report; /* +1 */
};

static void run_delivery(void *context)
{
	struct delivery delivery = *(struct delivery *)context;

	free(context);
	((nw_data_transfer_report_collect_handler_f)delivery.call.fn)(
		delivery.call.context, delivery.report);
	bri_callable_clear(&delivery.call);
	nw_release(delivery.report);
}

void bri_report_collect(
	nw_data_transfer_report_t report, dispatch_queue_t queue, struct bri_callable call)
{
	struct delivery *delivery;

	if (!is_report(report, "nw_data_transfer_report_collect") ||
		!bri_object_check(
			queue, BRI_KIND_DISPATCH_QUEUE, "nw_data_transfer_report_collect") ||
		!bri_handler_is_given(call.fn, "nw_data_transfer_report_collect") ||
		!(delivery = malloc(sizeof(*delivery)))) {
		bri_callable_clear(&call);
		return;
	}
	pthread_mutex_lock(&report->connection->lock);
	collect(report);
	pthread_mutex_unlock(&report->connection->lock);
	delivery->call = call;
	delivery->report = nw_retain(report);
	bri_async(queue, delivery, run_delivery);
}

BRI_EXPORT void nw_data_transfer_report_collect_f(nw_data_transfer_report_t report,
	dispatch_queue_t queue, void *context,
	nw_data_transfer_report_collect_handler_f collect_handler, nw_context_destroy_f destroy)
{
	bri_report_collect(report, queue, BRI_CALLABLE(collect_handler, context, destroy));
}

BRI_EXPORT nw_data_transfer_report_state_t nw_data_transfer_report_get_state(
	nw_data_transfer_report_t report)
{
	return is_report(report, __func__)
		       ? (nw_data_transfer_report_state_t)atomic_load(&report->state)
		       : (nw_data_transfer_report_state_t)0;
}

static bool is_collected(nw_data_transfer_report_t report, const char *function)
{
	return is_report(report, function) &&
	       atomic_load(&report->state) == nw_data_transfer_report_state_collected;
}

BRI_EXPORT uint64_t nw_data_transfer_report_get_duration_milliseconds(
	nw_data_transfer_report_t report)
{
	return is_collected(report, __func__) ? report->duration_ms : 0;
}

BRI_EXPORT uint32_t nw_data_transfer_report_get_path_count(nw_data_transfer_report_t report)
{
	return is_collected(report, __func__) ? report->path_count : 0;
}

/* The path of an index; NW_ALL_PATHS is the primary one. NULL: not collected, or no such path. */
static const struct path *path_at(
	nw_data_transfer_report_t report, uint32_t index, const char *function)
{
	if (!is_collected(report, function))
		return NULL;
	if (index == NW_ALL_PATHS)
		index = 0;
	return index < report->path_count ? &report->paths[index] : NULL;
}

/* The counter at `offset` in struct bri_tcp_stats: of one path, or the sum over NW_ALL_PATHS. */
static uint64_t counter(nw_data_transfer_report_t report, uint32_t index, size_t offset,
	size_t size, const char *function)
{
	uint64_t sum = 0;

	if (!path_at(report, index, function))
		return 0;
	for (uint32_t i = 0; i < report->path_count; i++) {
		const char *at = (const char *)&report->paths[i].tcp + offset;

		if (index != NW_ALL_PATHS && index != i)
			continue;
		sum += size == sizeof(uint64_t) ? *(const uint64_t *)(const void *)at
						: *(const uint32_t *)(const void *)at;
	}
	return sum;
}

#define COUNTER(report, index, field)                                                              \
	counter(report, index, offsetof(struct bri_tcp_stats, field),                              \
		sizeof(((struct bri_tcp_stats *)0)->field), __func__)

BRI_EXPORT uint64_t nw_data_transfer_report_get_received_ip_packet_count(
	nw_data_transfer_report_t report, uint32_t path_index)
{
	return COUNTER(report, path_index, segs_in);
}

BRI_EXPORT uint64_t nw_data_transfer_report_get_sent_ip_packet_count(
	nw_data_transfer_report_t report, uint32_t path_index)
{
	return COUNTER(report, path_index, segs_out);
}

BRI_EXPORT uint64_t nw_data_transfer_report_get_received_transport_byte_count(
	nw_data_transfer_report_t report, uint32_t path_index)
{
	return COUNTER(report, path_index, bytes_received);
}

BRI_EXPORT uint64_t nw_data_transfer_report_get_sent_transport_byte_count(
	nw_data_transfer_report_t report, uint32_t path_index)
{
	return COUNTER(report, path_index, bytes_sent);
}

BRI_EXPORT uint64_t nw_data_transfer_report_get_sent_transport_retransmitted_byte_count(
	nw_data_transfer_report_t report, uint32_t path_index)
{
	return COUNTER(report, path_index, bytes_retrans);
}

/* The kernel counts such segments, not their bytes: segments times the size of a full one. */
/* api-status: partial nw_data_transfer_report_get_received_transport_out_of_order_byte_count:
 * segments times MSS, the kernel does not count bytes */
BRI_EXPORT uint64_t nw_data_transfer_report_get_received_transport_out_of_order_byte_count(
	nw_data_transfer_report_t report, uint32_t path_index)
{
	const struct path *path = path_at(report, path_index, __func__);

	return path ? COUNTER(report, path_index, rcv_ooopack) * path->tcp.rcv_mss : 0;
}

/* api-status: partial nw_data_transfer_report_get_received_transport_duplicate_byte_count: 0, Linux
 * counts no duplicates that were received (tcp_info has only those the peer reported) */
BRI_EXPORT uint64_t nw_data_transfer_report_get_received_transport_duplicate_byte_count(
	nw_data_transfer_report_t report, uint32_t path_index)
{
	(void)path_at(report, path_index, __func__);
	return 0;
}

BRI_EXPORT uint64_t nw_data_transfer_report_get_transport_smoothed_rtt_milliseconds(
	nw_data_transfer_report_t report, uint32_t path_index)
{
	const struct path *path = path_at(report, path_index, __func__);

	return path ? path->tcp.rtt_us / 1000 : 0;
}

BRI_EXPORT uint64_t nw_data_transfer_report_get_transport_minimum_rtt_milliseconds(
	nw_data_transfer_report_t report, uint32_t path_index)
{
	const struct path *path = path_at(report, path_index, __func__);

	return path ? path->tcp.min_rtt_us / 1000 : 0;
}

BRI_EXPORT uint64_t nw_data_transfer_report_get_transport_rtt_variance(
	nw_data_transfer_report_t report, uint32_t path_index)
{
	const struct path *path = path_at(report, path_index, __func__);

	return path ? path->tcp.rttvar_us / 1000 : 0;
}

/* What an application read or wrote is not a path's: it is given for the sum, and for the only
 * path. */
static uint64_t app_bytes(
	nw_data_transfer_report_t report, uint32_t index, bool in, const char *function)
{
	const struct path *path;

	if (!is_collected(report, function))
		return 0;
	/* also when no path is left to be asked: every subflow was lost */
	if (index == NW_ALL_PATHS || (index == 0 && report->path_count == 1))
		return in ? report->app_in : report->app_out;
	path = path_at(report, index, function);
	if (!path)
		return 0;
	return in ? path->tcp.bytes_received : path->tcp.bytes_sent - path->tcp.bytes_retrans;
}

BRI_EXPORT uint64_t nw_data_transfer_report_get_received_application_byte_count(
	nw_data_transfer_report_t report, uint32_t path_index)
{
	return app_bytes(report, path_index, true, __func__);
}

BRI_EXPORT uint64_t nw_data_transfer_report_get_sent_application_byte_count(
	nw_data_transfer_report_t report, uint32_t path_index)
{
	return app_bytes(report, path_index, false, __func__);
}

BRI_EXPORT nw_interface_t nw_data_transfer_report_copy_path_interface(
	nw_data_transfer_report_t report, uint32_t path_index)
{
	const struct path *path = path_at(report, path_index, __func__);

	return path ? nw_retain(path->interface) : NULL;
}

/* api-status: partial nw_data_transfer_report_get_path_radio_type: unknown, the kernel does not
 * tell the radio technology */
BRI_EXPORT nw_interface_radio_type_t nw_data_transfer_report_get_path_radio_type(
	nw_data_transfer_report_t report, uint32_t path_index)
{
	(void)path_at(report, path_index, __func__);
	return nw_interface_radio_type_unknown;
}
