/*
 * The life of a connection: starting, establishing, waiting, losing, cancelling. Every state change
 * goes through step(), which asks the table (stack/life.c) and queues the news.
 * Knows nothing of bytes.
 */
#include "api/connection.h"
#include "api/content_context.h"
#include "api/tcp_options.h"
#include "base/clock.h"
#include "base/log.h"
#include "transport/late_write.h"
#include "transport/linger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* error: +1, consumed; NULL: none. False: the event changes nothing in this state. */
static bool step(nw_connection_t c, enum bri_life_event event, nw_error_t error)
{
	struct bri_request *news;

	if (!bri_life_step(&c->life, event)) {
		bri_object_release(error);
		return false;
	}
	atomic_store_explicit(&c->published_state, (uint8_t)c->life, memory_order_release);
	news = bri_request_new(BRI_REQUEST_STATE);
	news->state = (uint8_t)c->life;
	bri_connection_complete(c, news, error);
	return true;
}

static nw_error_t posix_error(int errno_code)
{
	return bri_error_new(nw_error_domain_posix, errno_code);
}

/* --- the transport that was won --- */

static void note_multipath(nw_connection_t c, bool asked)
{
	enum bri_mptcp_reason reason = BRI_MPTCP_REASON_NOT_REQUESTED;

	if (c->is_udp)
		reason = BRI_MPTCP_REASON_NOT_TCP;
	else if (c->inbound && !c->sock.mptcp) /* a listener always asks; why not is looked up when
						  somebody asks */
		reason = c->sock.mptcp_errno ? bri_mptcp_reason_from_errno(c->sock.mptcp_errno)
					     : BRI_MPTCP_REASON_UNDECIDED;
	else if (c->sock.mptcp && bri_mptcp_is_active(c->sock.fd))
		reason = BRI_MPTCP_REASON_NONE;
	else if (asked)
		reason = bri_mptcp_reason_observe(c->sock.fd, c->inbound, c->sock.mptcp_errno);
	if (reason != BRI_MPTCP_REASON_NONE && reason != BRI_MPTCP_REASON_UNDECIDED && asked)
		bri_info("connection %llu is not multipath: %s", (unsigned long long)c->id,
			bri_mptcp_reason_text(reason));
	atomic_store_explicit(&c->multipath_reason, (uint8_t)reason, memory_order_release);
}

/* retransmit_connection_drop_time on MPTCP, which refuses TCP_USER_TIMEOUT: look four times in that
 * time. */
static void on_drop_timer(void *context)
{
	nw_connection_t c = context;
	const struct bri_tcp_options *tcp = bri_parameters_tcp(c->parameters);
	uint64_t limit_ns = tcp ? tcp->retransmit_connection_drop_s * BRI_NS_PER_S : 0;
	struct bri_mptcp_subflow subflows[BRI_MPTCP_MAX_SUBFLOWS];
	size_t n = 0;
	bool waiting = false, heard = false;

	if (c->life != BRI_LIFE_READY || !limit_ns)
		return;
	bri_mptcp_info_subflows(c->sock.fd, subflows, BRI_MPTCP_MAX_SUBFLOWS, &n);
	for (size_t i = 0; i < n; i++) {
		waiting |= subflows[i].tcp.unacked > 0;
		heard |= subflows[i].tcp.last_ack_recv_ms * BRI_NS_PER_MS < limit_ns;
	}
	if (waiting && !heard)
		bri_connection_lost(c, ETIMEDOUT);
	else
		bri_timer_set(c->drop_timer, bri_clock_now_ns() + limit_ns / 4);
	bri_connection_run(c);
}

static void watch_drop_time(nw_connection_t c)
{
	const struct bri_tcp_options *tcp = bri_parameters_tcp(c->parameters);

	if (c->is_udp || !tcp || !tcp->retransmit_connection_drop_s || c->sock.user_timeout)
		return;
	if (bri_timer_new(c->queue, c, on_drop_timer, &c->drop_timer) == 0)
		bri_timer_set(c->drop_timer,
			bri_clock_now_ns() + tcp->retransmit_connection_drop_s * BRI_NS_PER_S / 4);
}

void bri_connection_become_ready(nw_connection_t c)
{
	note_multipath(c,
		c->parameters->multipath_service != nw_multipath_service_disabled || c->sock.mptcp);
	watch_drop_time(c);
	step(c, BRI_LIFE_ESTABLISHED, NULL);
	bri_connection_path_ready(c);
	bri_connection_claim(c);
	bri_connection_run(c);
}

/* --- establishing --- */

static void fail_attempt(nw_connection_t c, nw_error_t error)
{
	c->previous_attempts++;
	step(c, BRI_LIFE_EXHAUSTED, error);
	bri_connection_watch_network(c);
	bri_connection_run(c);
}

/* Bytes of idempotent content that went with the SYN or a ClientHello are sent. */
static void skip_early(nw_connection_t c, size_t sent)
{
	if (sent && c->sends.head)
		c->sends.head->offset = sent;
	bri_connection_count(&c->bytes_out, sent);
}

static void establish(nw_connection_t c);

static void on_established(
	void *context, const struct bri_established *result, struct bri_race_error error)
{
	nw_connection_t c = context;
	struct bri_established *established;

	c->establish = NULL;
	if (!result && bri_connection_next_way(c)) {
		c->previous_attempts++;
		establish(c);
		bri_connection_run(c);
		return;
	}
	if (!result && error.refused) {
		/* who was refused by name will not be welcome from another network */
		bri_connection_lost_by(c, error);
		bri_connection_run(c);
		return;
	}
	if (!result) {
		fail_attempt(c, bri_error_new((nw_error_domain_t)error.domain, error.code));
		return;
	}
	established = malloc(sizeof(*established));
	if (!established)
		bri_abort("no memory for a connection");
	*established = *result;
	pthread_mutex_lock(&c->lock); /* other threads ask for paths and reports meanwhile */
	c->established = established;
	c->sock = result->sock;
	c->remote = result->remote;
	pthread_mutex_unlock(&c->lock);
	c->watch = result->watch;
	/* what was told before the hand-over; all else is still to come as an edge */
	c->writable = true;
	c->readable = result->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP);
	c->hangup = result->events & (EPOLLRDHUP | EPOLLHUP);
	bri_watch_retarget(c->watch, c, bri_connection_on_ready);
	skip_early(c, result->early_sent);
	if (result->chain)
		bri_connection_take_chain(c, result->chain);
	bri_connection_become_ready(c);
}

struct dispatch_data_s *bri_connection_early_content(nw_connection_t c, bool allowed)
{
	struct bri_request *first = c->sends.head;

	return allowed && first && first->idempotent && !first->offset ? first->content : NULL;
}

/* One way: to the endpoint, or to a proxy. 0 or -errno */
static int try_way(nw_connection_t c)
{
	struct bri_establish_config config = { 0 };
	nw_endpoint_t hop = bri_connection_hop(c);
	const char *host = nw_endpoint_get_hostname(hop);
	int error = bri_connection_sock_config(c, &config);

	if (error)
		return error;
	bri_mptcp_reason_prime();
	config.address = hop->addr;
	config.host = host ? host : "";
	config.port = nw_endpoint_get_port(hop);
	config.early = bri_connection_early_content(c, config.sock.fast_open);
	if (bri_connection_has_layers(c) || bri_connection_is_proxied(c)) {
		config.make_layers = bri_connection_make_layers;
		config.early = NULL; /* what a SYN may carry is the lowest layer's opening */
	}
	return bri_establish_start(&config, c->queue, c, on_established, &c->establish);
}

static void establish(nw_connection_t c)
{
	int error;

	do {
		error = try_way(c);
	} while (error && bri_connection_next_way(c));
	if (error)
		fail_attempt(c, posix_error(-error));
}

/* What can never be a connection, whatever the network does. */
static int check_startable(nw_connection_t c)
{
	if (c->inbound)
		return 0;
	switch (bri_parameters_transport(c->parameters)) {
	case BRI_PARAMETERS_TCP:
	case BRI_PARAMETERS_UDP: break;
	case BRI_PARAMETERS_CUSTOM_IP:
	case BRI_PARAMETERS_OTHER: return ENOTSUP;
	}
	/* Bonjour names are resolved by a later part of the project */
	if (c->endpoint->type == nw_endpoint_type_bonjour_service)
		return ENOTSUP;
	return 0;
}

/* An accepted socket, or a flow of a UDP listener: it is there already. */
static void start_inbound(nw_connection_t c)
{
	struct bri_established *established = calloc(1, sizeof(*established));
	int error = 0;

	if (!established)
		bri_abort("no memory for a connection");
	established->started_ns = established->connect_started_ns = c->start_ns;
	established->done_ns = bri_clock_now_ns();
	established->remote = c->remote;
	pthread_mutex_lock(&c->lock);
	c->established = established;
	pthread_mutex_unlock(&c->lock);
	c->writable = true; /* and readable, if it is, is told by the watch or the flow at once */
	if (c->flow)
		bri_hub_flow_attach(c->flow, c->queue, c, bri_connection_on_datagram);
	else
		error = bri_watch_new(c->queue, c->sock.fd, c, bri_connection_on_ready, &c->watch);
	if (!error && bri_connection_has_layers(c))
		error = bri_connection_open_chain(c);
	else if (!error)
		bri_connection_become_ready(c);
	if (error)
		bri_connection_lost(c, -error);
	bri_connection_run(c);
}

void bri_connection_on_start(nw_connection_t c)
{
	int error;

	if (c->life != BRI_LIFE_SETUP)
		return;
	c->first_start_ns = c->start_ns = bri_clock_now_ns();
	step(c, BRI_LIFE_START, NULL);
	error = check_startable(c);
	if (!error)
		error = -bri_connection_freeze_layers(c);
	if (!error)
		error = -bri_connection_choose_ways(c);
	if (error) {
		bri_connection_lost(c, error);
		bri_connection_run(c);
	} else if (c->inbound) {
		start_inbound(c);
	} else {
		bri_connection_first_way(c);
		bri_connection_path_evaluate(c);
		establish(c);
		bri_connection_run(c);
	}
}

void bri_connection_on_restart(nw_connection_t c)
{
	if (!step(c, BRI_LIFE_RETRY, NULL))
		return;
	c->start_ns = bri_clock_now_ns();
	bri_connection_first_way(c);
	establish(c);
	bri_connection_run(c);
}

void bri_connection_on_skip(nw_connection_t c)
{
	if (c->establish)
		bri_establish_skip(c->establish);
}

/* --- ending --- */

void bri_connection_close_transport(nw_connection_t c, bool abort)
{
	nw_protocol_metadata_t tcp = atomic_load(&c->tcp_metadata);
	struct bri_hub_flow *flow;
	bool unread = c->readable;
	int fd;

	bri_establish_cancel(c->establish);
	c->establish = NULL;
	if (c->chain && !abort)
		bri_chain_close(c->chain);
	if (tcp)
		bri_tcp_metadata_detach(tcp);
	bri_report_on_end(c);
	bri_connection_path_stop(c);
	bri_connection_unclaim(c);
	bri_timer_free(c->drop_timer);
	c->drop_timer = NULL;
	bri_chain_free(c->chain);
	c->chain = NULL;
	bri_late_write_free(c->late);
	c->late = NULL;
	bri_watch_free(c->watch);
	c->watch = NULL;
	pthread_mutex_lock(
		&c->lock); /* other threads ask the socket for reports and MTU under it */
	fd = c->sock.fd;
	flow = c->flow;
	c->sock.fd = -1;
	c->flow = NULL;
	pthread_mutex_unlock(&c->lock);
	bri_hub_flow_close(flow);
	if (fd >= 0) {
		if (abort)
			bri_sock_abort(fd);
		else if (c->is_udp || !c->bytes_out)
			close(fd);
		else
			bri_linger_close(fd, unread);
	}
	bri_object_release(c->partial);
	c->partial = NULL;
	bri_connection_end_message(c);
	c->readable = c->writable = false;
}

void bri_connection_lost_by(nw_connection_t c, struct bri_race_error error)
{
	nw_error_domain_t domain = (nw_error_domain_t)error.domain;

	bri_connection_settle_sends(c);
	if (c->life == BRI_LIFE_FAILED || c->life == BRI_LIFE_CANCELLED)
		return;
	if (c->closing) { /* nobody waits for more than its end */
		bri_connection_on_closed(c);
		return;
	}
	if (c->chain)
		bri_chain_lost(c->chain, error);
	bri_connection_fail_requests(c, domain, error.code);
	step(c, BRI_LIFE_LOST, bri_error_new(domain, error.code));
	/* a layer's last words, an alert or a close frame, are on their way: no reset behind them
	 */
	bri_connection_close_transport(c, !c->chain);
}

void bri_connection_lost(nw_connection_t c, int errno_code)
{
	bri_connection_lost_by(c, bri_race_posix(errno_code));
}

static void end(nw_connection_t c, bool abort)
{
	c->closing = false;
	if (c->chain)
		bri_chain_lost(c->chain, bri_race_posix(ECANCELED));
	bri_connection_close_transport(c, abort);
	bri_connection_fail_requests(c, nw_error_domain_posix, ECANCELED);
	step(c, BRI_LIFE_CANCEL, NULL);
}

void bri_connection_on_closed(nw_connection_t c)
{
	end(c, false);
}

void bri_connection_on_cancel(nw_connection_t c, bool force)
{
	if (c->life == BRI_LIFE_CANCELLED || (c->closing && !force))
		return;
	bri_connection_settle_sends(c);
	/* a forced one gives up what was not sent; a graceful one has told of all that it did send
	 */
	if (c->chain && !force && !bri_chain_close(c->chain)) {
		c->closing = true;
		bri_connection_fail_requests(c, nw_error_domain_posix, ECANCELED);
	} else {
		end(c, force);
	}
	bri_connection_run(c);
}
