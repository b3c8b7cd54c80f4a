/* nw_tcp_*: options and metadata of TCP. Knows nothing of sockets. */
#include "api/tcp_options.h"

#include <errno.h>
#include "base/log.h"

static int init_options(nw_protocol_options_t opts)
{
	((struct bri_tcp_options *)opts)->multipath_force_version =
		nw_multipath_version_unspecified;
	return 0;
}

static int init_metadata(nw_protocol_metadata_t md)
{
	return -pthread_mutex_init(&((struct bri_tcp_metadata *)md)->lock, NULL);
}

static void fini_metadata(nw_protocol_metadata_t md)
{
	pthread_mutex_destroy(&((struct bri_tcp_metadata *)md)->lock);
}

struct nw_protocol_definition bri_protocol_tcp = {
	.base = BRI_PROTOCOL_STATIC,
	.identifier = "tcp",
	.levels = BRI_PROTOCOL_TRANSPORT,
	.options_size = sizeof(struct bri_tcp_options),
	.options_init = init_options,
	.metadata_size = sizeof(struct bri_tcp_metadata),
	.metadata_init = init_metadata,
	.metadata_fini = fini_metadata,
};

nw_protocol_metadata_t bri_tcp_metadata_new(void *context, bri_tcp_query_f query)
{
	nw_protocol_metadata_t md = bri_protocol_metadata_new(&bri_protocol_tcp);
	struct bri_tcp_metadata *tcp = (struct bri_tcp_metadata *)md;

	if (md) {
		tcp->query = query;
		tcp->context = context;
	}
	return md;
}

void bri_tcp_metadata_detach(nw_protocol_metadata_t md)
{
	struct bri_tcp_metadata *tcp = (struct bri_tcp_metadata *)md;

	pthread_mutex_lock(&tcp->lock);
	tcp->query = NULL;
	tcp->context = NULL;
	pthread_mutex_unlock(&tcp->lock);
}

static int ask(struct bri_tcp_metadata *md, enum bri_tcp_query what, uint64_t value, uint32_t *ret)
{
	int r = -ENOTCONN;

	pthread_mutex_lock(&md->lock);
	if (md->query)
		r = md->query(md->context, what, value, ret);
	pthread_mutex_unlock(&md->lock);
	return r;
}

static struct bri_tcp_options *check(nw_protocol_options_t options, const char *function)
{
	return bri_protocol_options_check(options, &bri_protocol_tcp, function);
}

nw_protocol_definition_t nw_protocol_copy_tcp_definition(void)
{
	return bri_object_retain(&bri_protocol_tcp);
}

nw_protocol_options_t nw_tcp_create_options(void)
{
	return bri_protocol_options_new(&bri_protocol_tcp);
}

void nw_tcp_options_set_no_delay(nw_protocol_options_t options, bool no_delay)
{
	struct bri_tcp_options *tcp = check(options, __func__);

	if (tcp)
		tcp->no_delay = no_delay;
}

void nw_tcp_options_set_no_push(nw_protocol_options_t options, bool no_push)
{
	struct bri_tcp_options *tcp = check(options, __func__);

	if (tcp)
		tcp->no_push = no_push;
}

/* api-status: no-op nw_tcp_options_set_no_options: Linux cannot leave TCP options out for one
 * socket */
void nw_tcp_options_set_no_options(nw_protocol_options_t options, bool no_options)
{
	struct bri_tcp_options *tcp = check(options, __func__);

	if (tcp)
		tcp->no_options = no_options;
}

void nw_tcp_options_set_enable_keepalive(nw_protocol_options_t options, bool enable_keepalive)
{
	struct bri_tcp_options *tcp = check(options, __func__);

	if (tcp)
		tcp->enable_keepalive = enable_keepalive;
}

void nw_tcp_options_set_keepalive_count(nw_protocol_options_t options, uint32_t keepalive_count)
{
	struct bri_tcp_options *tcp = check(options, __func__);

	if (tcp)
		tcp->keepalive_count = keepalive_count;
}

void nw_tcp_options_set_keepalive_idle_time(
	nw_protocol_options_t options, uint32_t keepalive_idle_time)
{
	struct bri_tcp_options *tcp = check(options, __func__);

	if (tcp)
		tcp->keepalive_idle_s = keepalive_idle_time;
}

void nw_tcp_options_set_keepalive_interval(
	nw_protocol_options_t options, uint32_t keepalive_interval)
{
	struct bri_tcp_options *tcp = check(options, __func__);

	if (tcp)
		tcp->keepalive_interval_s = keepalive_interval;
}

void nw_tcp_options_set_maximum_segment_size(
	nw_protocol_options_t options, uint32_t maximum_segment_size)
{
	struct bri_tcp_options *tcp = check(options, __func__);

	if (tcp)
		tcp->maximum_segment_size = maximum_segment_size;
}

void nw_tcp_options_set_connection_timeout(
	nw_protocol_options_t options, uint32_t connection_timeout)
{
	struct bri_tcp_options *tcp = check(options, __func__);

	if (tcp)
		tcp->connection_timeout_s = connection_timeout;
}

void nw_tcp_options_set_persist_timeout(nw_protocol_options_t options, uint32_t persist_timeout)
{
	struct bri_tcp_options *tcp = check(options, __func__);

	if (tcp)
		tcp->persist_timeout_s = persist_timeout;
}

void nw_tcp_options_set_retransmit_connection_drop_time(
	nw_protocol_options_t options, uint32_t retransmit_connection_drop_time)
{
	struct bri_tcp_options *tcp = check(options, __func__);

	if (tcp)
		tcp->retransmit_connection_drop_s = retransmit_connection_drop_time;
}

/* api-status: no-op nw_tcp_options_set_retransmit_fin_drop: Linux has no such setting;
 * tcp_orphan_retries is the host's */
void nw_tcp_options_set_retransmit_fin_drop(nw_protocol_options_t options, bool retransmit_fin_drop)
{
	struct bri_tcp_options *tcp = check(options, __func__);

	if (tcp)
		tcp->retransmit_fin_drop = retransmit_fin_drop;
}

/* api-status: no-op nw_tcp_options_set_disable_ack_stretching: Linux does not stretch ACKs on
 * purpose */
void nw_tcp_options_set_disable_ack_stretching(
	nw_protocol_options_t options, bool disable_ack_stretching)
{
	struct bri_tcp_options *tcp = check(options, __func__);

	if (tcp)
		tcp->disable_ack_stretching = disable_ack_stretching;
}

void nw_tcp_options_set_enable_fast_open(nw_protocol_options_t options, bool enable_fast_open)
{
	struct bri_tcp_options *tcp = check(options, __func__);

	if (tcp)
		tcp->enable_fast_open = enable_fast_open;
}

/* api-status: no-op nw_tcp_options_set_disable_ecn: ECN of TCP is set per host (net.ipv4.tcp_ecn),
 * not per socket */
void nw_tcp_options_set_disable_ecn(nw_protocol_options_t options, bool disable_ecn)
{
	struct bri_tcp_options *tcp = check(options, __func__);

	if (tcp)
		tcp->disable_ecn = disable_ecn;
}

/* api-status: partial nw_tcp_options_set_multipath_force_version: Linux speaks version 1 (RFC 8684)
 * only */
void nw_tcp_options_set_multipath_force_version(
	nw_protocol_options_t options, nw_multipath_version_t multipath_force_version)
{
	struct bri_tcp_options *tcp = check(options, __func__);

	if (!tcp)
		return;
	switch (multipath_force_version) {
	case nw_multipath_version_unspecified:
	case nw_multipath_version_0:
	case nw_multipath_version_1: tcp->multipath_force_version = multipath_force_version; return;
	}
	bri_error("%s: there is no version %d of Multipath TCP", __func__, multipath_force_version);
}

bool nw_protocol_metadata_is_tcp(nw_protocol_metadata_t metadata)
{
	return bri_protocol_metadata_is(metadata, &bri_protocol_tcp);
}

static uint32_t ask_bytes(
	nw_protocol_metadata_t metadata, enum bri_tcp_query what, const char *function)
{
	struct bri_tcp_metadata *md =
		bri_protocol_metadata_check(metadata, &bri_protocol_tcp, function);
	uint32_t bytes = 0;

	return md && !ask(md, what, 0, &bytes) ? bytes : 0;
}

uint32_t nw_tcp_get_available_receive_buffer(nw_protocol_metadata_t metadata)
{
	return ask_bytes(metadata, BRI_TCP_QUERY_RX_BYTES, __func__);
}

uint32_t nw_tcp_get_available_send_buffer(nw_protocol_metadata_t metadata)
{
	return ask_bytes(metadata, BRI_TCP_QUERY_TX_BYTES, __func__);
}

/* api-status: partial nw_tcp_set_max_pacing_rate: EOPNOTSUPP over MPTCP, whose kernel side has no
 * pacing option */
int nw_tcp_set_max_pacing_rate(nw_protocol_metadata_t metadata, uint64_t max_pacing_rate)
{
	struct bri_tcp_metadata *md =
		bri_protocol_metadata_check(metadata, &bri_protocol_tcp, __func__);
	uint32_t unused;

	return md ? -ask(md, BRI_TCP_SET_PACING_RATE, max_pacing_rate, &unused) : EINVAL;
}
