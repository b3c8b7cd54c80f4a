/*
 * The current snapshot of the network, and who wants to know when it changes. One event socket for
 * the process, on the library's own queue: nothing polls. Knows nothing of what the snapshots are
 * used for.
 */
#include "transport/netstate_internal.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/object.h"
#include "dispatch/runtime.h"
#include "netlink/nl_addr.h"
#include "netlink/nl_route.h"
#include "netlink/nl_socket.h"

/* link, address and route of one change come within a few ms of each other */
#define DEBOUNCE_NS (20 * BRI_NS_PER_MS)
/* of a busy router's or container host's time, reading may take one part in so many */
#define REST_FACTOR 10
/* datagrams read in one go are BRI_NL_MORE's bound times this, then others have their turn */
#define RECEIVE_ROUNDS 8

#define EVENT_GROUPS                                                                               \
	(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |               \
		RTMGRP_IPV6_ROUTE)

struct bri_netstate_sub {
	struct bri_list link;           /* in monitor.subs; under the lock */
	struct dispatch_queue_s *queue; /* internal reference */
	void *context;
	bri_netstate_f fn;
	_Atomic int refs; /* the subscriber's, and a queued delivery's */
	bool queued;      /* under the lock: a delivery is on the queue */
	bool cancelled;   /* under the lock */
};

/* One for the process. It is never closed: it costs nothing while the network does not change. */
static struct {
	pthread_mutex_t lock;
	bool running;
	struct bri_netstate *current; /* +1; under the lock */
	struct bri_list subs;         /* under the lock */
	/* the rest: on the internal queue, once running */
	struct bri_nl_socket *events;
	struct bri_nl_socket *questions;
	struct bri_watch *watch;
	struct bri_timer *timer;
	bool armed;
	uint64_t not_before_ns; /* rest after the last reading */
} monitor = { .lock = PTHREAD_MUTEX_INITIALIZER, .subs = BRI_LIST_INIT(monitor.subs) };

struct bri_netstate *bri_netstate_new(void)
{
	struct bri_netstate *state = calloc(1, sizeof(*state));

	if (state) {
		atomic_init(&state->refs, 1);
		state->all_routes = true;
	}
	return state;
}

struct bri_netstate *bri_netstate_ref(struct bri_netstate *state)
{
	if (state)
		atomic_fetch_add_explicit(&state->refs, 1, memory_order_relaxed);
	return state;
}

void bri_netstate_put(struct bri_netstate *state)
{
	if (!state || atomic_fetch_sub_explicit(&state->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(state->interfaces);
	free(state->addresses);
	free(state->routes);
	free(state);
}

const struct bri_netif *bri_netstate_by_index(const struct bri_netstate *state, uint32_t index)
{
	size_t low = 0, high = state->n_interfaces;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (state->interfaces[mid].index == index)
			return &state->interfaces[mid];
		if (state->interfaces[mid].index < index)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

const struct bri_netif *bri_netstate_by_name(const struct bri_netstate *state, const char *name)
{
	for (size_t i = 0; i < state->n_interfaces; i++)
		if (strcmp(state->interfaces[i].name, name) == 0)
			return &state->interfaces[i];
	return NULL;
}

const struct bri_netif *bri_netstate_by_address(
	const struct bri_netstate *state, const struct sockaddr *local)
{
	struct bri_ip ip = bri_ip_from_sockaddr(local);

	/* every interface has an address of the same form: the scope tells which */
	if (local->sa_family == AF_INET6) {
		uint32_t scope = ((const struct sockaddr_in6 *)(const void *)local)->sin6_scope_id;

		if (scope != 0)
			return bri_netstate_by_index(state, scope);
	}
	for (size_t i = 0; ip.family != 0 && i < state->n_addresses; i++)
		if (bri_ip_equal(&state->addresses[i].ip, &ip))
			return bri_netstate_by_index(state, state->addresses[i].ifindex);
	return NULL;
}

static bool same_netif(const struct bri_netif *a, const struct bri_netif *b)
{
	return a->index == b->index && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->kind, b->kind) == 0 && a->hwtype == b->hwtype && a->type == b->type &&
	       a->mtu == b->mtu && a->up == b->up && a->running == b->running &&
	       a->dormant == b->dormant && a->multicast == b->multicast &&
	       a->expensive == b->expensive && a->constrained == b->constrained;
}

static bool same_address(const struct bri_netaddr *a, const struct bri_netaddr *b)
{
	return a->ifindex == b->ifindex && a->prefix == b->prefix && a->flags == b->flags &&
	       bri_ip_equal(&a->ip, &b->ip);
}

static bool same_route(const struct bri_netroute *a, const struct bri_netroute *b)
{
	return a->ifindex == b->ifindex && a->metric == b->metric && a->table == b->table &&
	       a->prefix == b->prefix && bri_ip_equal(&a->dst, &b->dst) &&
	       bri_ip_equal(&a->gateway, &b->gateway);
}

bool bri_netstate_equal(const struct bri_netstate *a, const struct bri_netstate *b)
{
	if (a->complete != b->complete || a->all_routes != b->all_routes ||
		a->has_dns != b->has_dns || a->n_interfaces != b->n_interfaces ||
		a->n_addresses != b->n_addresses || a->n_routes != b->n_routes)
		return false;
	for (size_t i = 0; i < a->n_interfaces; i++)
		if (!same_netif(&a->interfaces[i], &b->interfaces[i]))
			return false;
	for (size_t i = 0; i < a->n_addresses; i++)
		if (!same_address(&a->addresses[i], &b->addresses[i]))
			return false;
	for (size_t i = 0; i < a->n_routes; i++)
		if (!same_route(&a->routes[i], &b->routes[i]))
			return false;
	return true;
}

static void put_sub(struct bri_netstate_sub *sub)
{
	if (atomic_fetch_sub_explicit(&sub->refs, 1, memory_order_acq_rel) != 1)
		return;
	bri_object_put(sub->queue);
	free(sub);
}

/* On the subscriber's queue. */
static void deliver(void *context)
{
	struct bri_netstate_sub *sub = context;
	struct bri_netstate *state = NULL;

	pthread_mutex_lock(&monitor.lock);
	sub->queued = false;
	if (!sub->cancelled)
		state = bri_netstate_ref(monitor.current);
	pthread_mutex_unlock(&monitor.lock);
	if (state)
		sub->fn(sub->context, state);
	bri_netstate_put(state);
	put_sub(sub);
}

static void publish(struct bri_netstate *state)
{
	struct bri_netstate *old;
	struct bri_list *l;

	pthread_mutex_lock(&monitor.lock);
	old = monitor.current;
	monitor.current = state;
	bri_list_foreach (l, &monitor.subs) {
		struct bri_netstate_sub *sub = bri_list_entry(l, struct bri_netstate_sub, link);

		if (sub->queued) /* it will see the newest */
			continue;
		sub->queued = true;
		atomic_fetch_add_explicit(&sub->refs, 1, memory_order_relaxed);
		bri_async(sub->queue, sub, deliver);
	}
	pthread_mutex_unlock(&monitor.lock);
	bri_netstate_put(old);
}

static void arm(void)
{
	uint64_t soon_ns = bri_clock_now_ns() + DEBOUNCE_NS;

	if (monitor.armed)
		return;
	monitor.armed = true;
	bri_timer_set(
		monitor.timer, soon_ns > monitor.not_before_ns ? soon_ns : monitor.not_before_ns);
}

static void on_timer(void *context)
{
	uint64_t begin_ns = bri_clock_now_ns(), took_ns;
	struct bri_netstate *state;
	int r;

	(void)context;
	monitor.armed = false;
	/* `current` is only replaced on this queue, so it may be looked at without the lock */
	r = bri_netstate_read_with(monitor.questions, monitor.current, &state);
	took_ns = bri_clock_now_ns() - begin_ns;
	monitor.not_before_ns = begin_ns + REST_FACTOR * took_ns;
	if (r < 0) {
		bri_warn("network state: cannot read the network: %s", strerror(-r));
		return; /* the old picture stays until the next event */
	}
	if (bri_netstate_equal(state, monitor.current))
		bri_netstate_put(state);
	else
		publish(state);
}

/* Everything that the snapshot does not hold, or holds only as far as it is no news. */
static bool is_news(const struct nlmsghdr *msg)
{
	struct bri_nl_route route;

	if (bri_nl_route_decode(msg, &route) != 0)
		return true; /* a link, an address, or something odd: reading again is always right
			      */
	return route.type == RTN_UNICAST && route.table != RT_TABLE_LOCAL &&
	       !(route.flags & RTM_F_CLONED);
}

static int on_event(void *context, const struct nlmsghdr *msg)
{
	bool *news = context;

	if (!*news)
		*news = is_news(msg);
	return 0;
}

static void on_readable(void *context);

static void read_on(void *context)
{
	on_readable(context);
}

static void on_readable(void *context)
{
	bool news = false;
	int r = BRI_NL_MORE;

	for (int i = 0; i < RECEIVE_ROUNDS && r > 0; i++) {
		r = bri_nl_socket_receive(monitor.events, on_event, &news);
		if (r == BRI_NL_OVERRUN || r == -EBADMSG) { /* the whole is read anyway */
			news = true;
			r = BRI_NL_MORE;
		}
	}
	if (r < 0)
		bri_warn("network state: no more news of the network: %s", strerror(-r));
	if (news)
		arm();
	if (r > 0) /* an edge is told once: the rest must be read without another */
		bri_async(bri_internal_queue(), context, read_on);
}

static void on_events(void *context, uint32_t events)
{
	(void)events;
	on_readable(context);
}

/* The event socket is opened before the first reading: a change in between is told, not lost. */
static int start(void)
{
	struct bri_netstate *state = NULL;
	int r;

	r = bri_nl_socket_open(NETLINK_ROUTE, EVENT_GROUPS, &monitor.events);
	if (r == 0)
		r = bri_nl_socket_open(NETLINK_ROUTE, 0, &monitor.questions);
	if (r == 0)
		r = bri_netstate_read_with(monitor.questions, NULL, &state);
	if (r == 0)
		r = bri_timer_new(bri_internal_queue(), NULL, on_timer, &monitor.timer);
	if (r == 0) {
		monitor.current = state;
		/* from here on the queue may run on_events() */
		r = bri_watch_new(bri_internal_queue(), bri_nl_socket_fd(monitor.events), NULL,
			on_events, &monitor.watch);
	}
	if (r == 0) {
		monitor.running = true;
		return 0;
	}
	bri_warn("network state: cannot watch the network: %s", strerror(-r));
	monitor.current = NULL;
	bri_netstate_put(state);
	bri_timer_free(monitor.timer); /* never armed */
	bri_nl_socket_close(monitor.questions);
	bri_nl_socket_close(monitor.events);
	monitor.timer = NULL;
	monitor.questions = monitor.events = NULL;
	return r;
}

struct bri_netstate *bri_netstate_get(void)
{
	struct bri_netstate *state;

	pthread_mutex_lock(&monitor.lock);
	if (!monitor.running)
		(void)start(); /* told in the log; and asked again the next time */
	state = bri_netstate_ref(monitor.current);
	pthread_mutex_unlock(&monitor.lock);
	return state ? state : bri_netstate_new();
}

int bri_netstate_subscribe(struct dispatch_queue_s *queue, void *context, bri_netstate_f fn,
	struct bri_netstate_sub **ret)
{
	struct bri_netstate_sub *sub = calloc(1, sizeof(*sub));
	int r = 0;

	if (!sub)
		return -ENOMEM;
	sub->queue = bri_object_get(queue);
	sub->context = context;
	sub->fn = fn;
	atomic_init(&sub->refs, 1);
	bri_list_init(&sub->link);
	pthread_mutex_lock(&monitor.lock);
	if (!monitor.running)
		r = start();
	if (r == 0) {
		bri_list_append(&monitor.subs, &sub->link);
		*ret = sub; /* before fn can run: it may unsubscribe */
	}
	pthread_mutex_unlock(&monitor.lock);
	if (r < 0)
		put_sub(sub);
	return r;
}

void bri_netstate_unsubscribe(struct bri_netstate_sub *sub)
{
	if (!sub)
		return;
	pthread_mutex_lock(&monitor.lock);
	bri_list_remove(&sub->link);
	sub->cancelled = true;
	pthread_mutex_unlock(&monitor.lock);
	put_sub(sub);
}
