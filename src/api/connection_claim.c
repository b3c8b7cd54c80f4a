/*
 * A multipath connection and braidd: tells it what the parameters want of its paths, and passes on
 * what becomes of them. Knows neither the socket to the daemon nor when there is one.
 */
#include "api/connection.h"
#include "base/clock.h"
#include "base/log.h"

#include <string.h>

/* A connection that sent its first bytes with the SYN is ready before the peer's key has come. */
#define LOOK_MIN_NS (20 * BRI_NS_PER_MS)
#define LOOKS_MAX   8 /* doubled: 5 s in all; then it has fallen back, or will never join */

_Static_assert(
	(int)BRI_MESSAGE_SERVICE_HANDOVER == (int)nw_multipath_service_handover &&
		(int)BRI_MESSAGE_SERVICE_INTERACTIVE == (int)nw_multipath_service_interactive &&
		(int)BRI_MESSAGE_SERVICE_AGGREGATE == (int)nw_multipath_service_aggregate,
	"one numbering");

static void on_news(void *context, const struct bri_claim_news *news)
{
	nw_connection_t c = bri_object_get(context);
	struct bri_netstate *state;

	pthread_mutex_lock(&c->lock); /* other threads ask for the path meanwhile */
	c->path_news = *news;
	pthread_mutex_unlock(&c->lock);
	atomic_store(&c->managed, news->held);
	/* without `network` nobody has asked for paths: nothing is looked up */
	if (c->life == BRI_LIFE_READY && c->network) {
		state = bri_netstate_get();
		if (state)
			bri_connection_path_look(c, state);
		bri_netstate_put(state);
	}
	bri_connection_run(c);
	bri_object_put(c);
}

static void start(nw_connection_t c, uint32_t token)
{
	struct bri_netstate_query rules;
	int r;

	bri_connection_path_rules(c, &rules);
	r = bri_claim_start(c->queue, token, (uint8_t)c->parameters->multipath_service, &rules, c,
		on_news, &c->claim);
	if (r < 0)
		bri_info("connection %llu is not told to braidd: %s", (unsigned long long)c->id,
			strerror(-r));
}

static void look(void *context);

static void look_later(nw_connection_t c)
{
	if (c->claim_looks == LOOKS_MAX ||
		(!c->claim_timer && bri_timer_new(c->queue, c, look, &c->claim_timer) < 0))
		return;
	bri_timer_set(c->claim_timer, bri_clock_now_ns() + (LOOK_MIN_NS << c->claim_looks++));
}

static void look(void *context)
{
	nw_connection_t c = context;
	struct bri_mptcp_info info = { 0 };

	if (c->claim || bri_mptcp_info_get(c->sock.fd, &info) < 0 || !info.is_mptcp || !info.token)
		return;
	if (info.has_remote_key)
		start(c, info.token);
	else
		look_later(c);
}

void bri_connection_claim(nw_connection_t c)
{
	if (c->sock.mptcp && c->parameters->multipath_service != nw_multipath_service_disabled &&
		atomic_load(&c->multipath_reason) == BRI_MPTCP_REASON_NONE)
		look(c);
}

void bri_connection_unclaim(nw_connection_t c)
{
	bri_timer_free(c->claim_timer);
	c->claim_timer = NULL;
	bri_claim_stop(c->claim);
	c->claim = NULL;
}
