/* The network state against the real kernel: links, addresses and routes come and go, and it is
 * told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <dispatch/dispatch.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "dispatch/runtime.h"
#include "netstate_ns.h"
#include "transport/netstate.h"

#define WAIT_S 5 /* an event takes some 20 ms; a loaded machine more */

/* What the subscriber saw last. */
struct watcher {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct bri_netstate *last; /* +1 */
	unsigned calls;
};

static void on_change(void *context, struct bri_netstate *state)
{
	struct watcher *w = context;

	pthread_mutex_lock(&w->lock);
	bri_netstate_put(w->last);
	w->last = bri_netstate_ref(state);
	w->calls++;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

/* Waits until a snapshot was told of which `holds` is true. */
static bool wait_until(struct watcher *w, bool (*holds)(const struct bri_netstate *state))
{
	struct timespec until;
	bool ok;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&w->lock);
	while (!(ok = w->last && holds(w->last)) && r == 0)
		r = pthread_cond_timedwait(&w->changed, &w->lock, &until);
	pthread_mutex_unlock(&w->lock);
	return ok;
}

static bool has_link(const struct bri_netstate *s)
{
	const struct bri_netif *netif = bri_netstate_by_name(s, "wlan0");

	return netif && netif->type == BRI_IFTYPE_WIFI && strcmp(netif->kind, "veth") == 0;
}

static bool is_running(const struct bri_netstate *s)
{
	const struct bri_netif *netif = bri_netstate_by_name(s, "wlan0");

	return netif && netif->up && netif->running;
}

static bool is_not_running(const struct bri_netstate *s)
{
	const struct bri_netif *netif = bri_netstate_by_name(s, "wlan0");

	return netif && !netif->running;
}

static bool link_is_gone(const struct bri_netstate *s)
{
	return !bri_netstate_by_name(s, "wlan0") && !bri_netstate_by_name(s, "far0");
}

static bool owns(const struct bri_netstate *s, const char *text)
{
	struct sockaddr_storage ss = { .ss_family = strchr(text, ':') ? AF_INET6 : AF_INET };
	const struct bri_netif *netif;

	if (ss.ss_family == AF_INET)
		inet_pton(AF_INET, text, &((struct sockaddr_in *)&ss)->sin_addr);
	else
		inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&ss)->sin6_addr);
	netif = bri_netstate_by_address(s, (struct sockaddr *)&ss);
	return netif && strcmp(netif->name, "wlan0") == 0;
}

static bool has_v4(const struct bri_netstate *s)
{
	return owns(s, "192.0.2.2");
}

static bool has_v6(const struct bri_netstate *s)
{
	return owns(s, "2001:db8::2");
}

static bool lost_v4(const struct bri_netstate *s)
{
	return !owns(s, "192.0.2.2");
}

static bool is_online(const struct bri_netstate *s)
{
	struct bri_netstate_query query = { 0 };
	struct bri_netstate_result result;

	bri_netstate_evaluate(s, &query, &result);
	return result.status == BRI_PATH_SATISFIED && result.n_gateways == 1 &&
	       strcmp(result.interfaces[0].name, "wlan0") == 0;
}

static bool is_offline(const struct bri_netstate *s)
{
	struct bri_netstate_query query = { 0 };
	struct bri_netstate_result result;

	bri_netstate_evaluate(s, &query, &result);
	return result.status == BRI_PATH_UNSATISFIED;
}

#define RUN(line) assert_int_equal(ns_run(line), 0)

static void changes(void **state)
{
	struct watcher w = { .lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER };
	dispatch_queue_t queue = dispatch_queue_create("watcher", NULL);
	struct bri_netstate_sub *sub;
	struct bri_netstate *now;
	uint32_t ifindex = 0;
	struct bri_ip source;
	struct sockaddr_in far = { .sin_family = AF_INET };

	(void)state;
	inet_pton(AF_INET, "203.0.113.7", &far.sin_addr);
	assert_int_equal(bri_netstate_subscribe(queue, &w, on_change, &sub), 0);
	now = bri_netstate_get();
	assert_true(now->complete && now->all_routes);
	assert_non_null(bri_netstate_by_name(now, "lo"));
	assert_int_equal(bri_netstate_by_name(now, "lo")->type, BRI_IFTYPE_LOOPBACK);
	assert_true(is_offline(now));
	bri_netstate_put(now);
	assert_int_equal(bri_netstate_route((struct sockaddr *)&far, NULL, 0, &ifindex, &source),
		-ENETUNREACH);

	RUN("ip link add wlan0 type veth peer name far0");
	assert_true(wait_until(&w, has_link));
	RUN("ip link set wlan0 up");
	RUN("ip link set far0 up");
	assert_true(wait_until(&w, is_running));
	RUN("ip addr add 192.0.2.2/24 dev wlan0");
	assert_true(wait_until(&w, has_v4));
	RUN("ip -6 addr add 2001:db8::2/64 dev wlan0 nodad");
	assert_true(wait_until(&w, has_v6));
	assert_true(wait_until(&w, is_offline));
	RUN("ip route add default via 192.0.2.1 dev wlan0");
	assert_true(wait_until(&w, is_online));
	assert_int_equal(
		bri_netstate_route((struct sockaddr *)&far, NULL, 0, &ifindex, &source), 0);
	assert_int_equal(source.bytes[3], 2);

	/* carrier lost: the route is still there, the path is not */
	RUN("ip link set far0 down");
	assert_true(wait_until(&w, is_not_running));
	assert_true(wait_until(&w, is_offline));
	RUN("ip link set far0 up");
	assert_true(wait_until(&w, is_online));

	RUN("ip addr del 192.0.2.2/24 dev wlan0");
	assert_true(wait_until(&w, lost_v4));
	assert_true(wait_until(&w, is_offline));
	RUN("ip link del wlan0");
	assert_true(wait_until(&w, link_is_gone));

	/* get() gives what was told last */
	now = bri_netstate_get();
	pthread_mutex_lock(&w.lock);
	assert_true(bri_netstate_equal(now, w.last));
	pthread_mutex_unlock(&w.lock);
	bri_netstate_put(now);
	bri_netstate_unsubscribe(sub);
	bri_netstate_put(w.last);
	dispatch_release(queue);
}

/* A burst is told a few times, not once for each of its events. */
static void burst(void **state)
{
	struct watcher w = { .lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER };
	dispatch_queue_t queue = dispatch_queue_create("burst", NULL);
	struct bri_netstate_sub *sub;
	uint64_t begin_ns, took_ms;

	(void)state;
	RUN("ip link add wlan0 type veth peer name far0");
	RUN("ip link set wlan0 up");
	RUN("ip link set far0 up");
	assert_int_equal(bri_netstate_subscribe(queue, &w, on_change, &sub), 0);
	begin_ns = bri_clock_now_ns();
	for (int i = 1; i <= 60; i++) {
		char line[64];

		snprintf(line, sizeof(line), "ip addr add 192.0.2.%d/24 dev wlan0", 61 - i + 1);
		RUN(line);
	}
	took_ms = (bri_clock_now_ns() - begin_ns) / BRI_NS_PER_MS;
	assert_true(wait_until(&w, has_v4)); /* the last one */
	/* one call each 20 ms at the most, the first and the last aside */
	pthread_mutex_lock(&w.lock);
	if (w.calls > took_ms / 20 + 3)
		fail_msg("%u calls in %u ms", w.calls, (unsigned)took_ms);
	pthread_mutex_unlock(&w.lock);
	bri_netstate_unsubscribe(sub);
	RUN("ip link del wlan0");
	bri_netstate_put(w.last);
	dispatch_release(queue);
}

struct leaver {
	struct bri_netstate_sub *sub;
	_Atomic unsigned calls, calls_after;
	_Atomic bool left;
};

static void on_change_leave(void *context, struct bri_netstate *state)
{
	struct leaver *l = context;

	(void)state;
	if (atomic_load(&l->left))
		atomic_fetch_add(&l->calls_after, 1);
	atomic_fetch_add(&l->calls, 1);
	bri_netstate_unsubscribe(l->sub); /* from inside: this is the last call */
	atomic_store(&l->left, true);
}

static void unsubscribed(void **state)
{
	struct watcher w = { .lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER };
	dispatch_queue_t queue = dispatch_queue_create("leaver", NULL);
	struct leaver leaver = { .sub = NULL };
	struct bri_netstate_sub *sub;

	(void)state;
	assert_int_equal(bri_netstate_subscribe(queue, &w, on_change, &sub), 0);
	assert_int_equal(bri_netstate_subscribe(queue, &leaver, on_change_leave, &leaver.sub), 0);
	RUN("ip link add wlan0 type veth peer name far0");
	assert_true(wait_until(&w, has_link));
	RUN("ip link set wlan0 up");
	RUN("ip link set far0 up");
	assert_true(wait_until(&w, is_running));
	RUN("ip link del wlan0");
	assert_true(wait_until(&w, link_is_gone));
	/* the watcher was told three times and more on the same queue, the leaver once */
	assert_int_equal(atomic_load(&leaver.calls), 1);
	assert_int_equal(atomic_load(&leaver.calls_after), 0);
	bri_netstate_unsubscribe(sub);
	bri_netstate_unsubscribe(NULL);
	bri_netstate_put(w.last);
	dispatch_release(queue);
}

/* A router's table: what is over the limit is said to be missing; default routes are never over it.
 */
static void many_routes(void **state)
{
	struct sockaddr_in far = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0b000001) };
	struct bri_netstate_query query = { .remote = (struct sockaddr *)&far };
	struct bri_netstate_result result;
	struct bri_netstate *now;
	char path[] = "/tmp/netstate_routes_XXXXXX", line[128];
	unsigned limit = BRI_NETSTATE_MAX_ROUTES - 256, have = 1; /* 192.0.2.0/24 is there */
	size_t n;

	(void)state;
	RUN("ip link add wlan0 type veth peer name far0");
	RUN("ip link set wlan0 up");
	RUN("ip link set far0 up");
	RUN("ip addr add 192.0.2.2/24 dev wlan0");
	for (int round = 0; round < 2; round++) {
		int fd = round == 0 ? mkstemp(path) : open(path, O_WRONLY | O_TRUNC);
		unsigned want = round == 0 ? limit : limit + 1;
		FILE *f = fdopen(fd, "w");

		assert_non_null(f);
		for (; have < want; have++)
			fprintf(f, "route add 10.%u.%u.0/24 via 192.0.2.1\n", have / 250,
				have % 250);
		assert_int_equal(fclose(f), 0);
		snprintf(line, sizeof(line), "ip -batch %s", path);
		RUN(line);
		assert_int_equal(bri_netstate_read(&now), 0);
		assert_int_equal(now->all_routes, round == 0);
		assert_int_equal(now->n_routes, limit);
		bri_netstate_evaluate(now, &query, &result);
		/* no route is known; but one that was not read may lead there */
		assert_int_equal(
			result.status, round == 0 ? BRI_PATH_UNSATISFIED : BRI_PATH_SATISFIED);
		bri_netstate_put(now);
	}
	unlink(path);
	RUN("ip route add default via 192.0.2.1 metric 42");
	assert_int_equal(bri_netstate_read(&now), 0);
	for (n = 0; n < now->n_routes && now->routes[n].prefix != 0;)
		n++;
	assert_true(n < now->n_routes);
	assert_int_equal(now->routes[n].metric, 42);
	bri_netstate_put(now);
	RUN("ip link del wlan0");
}

/* Reading past the monitor gives the same picture. */
static void direct(void **state)
{
	struct bri_netstate *direct_one = NULL, *now;
	bool equal = false;

	(void)state;
	for (int i = 0; i < 50 && !equal; i++) { /* the monitor may be some ms behind */
		struct timespec ts = { .tv_nsec = 20 * 1000 * 1000 };

		assert_int_equal(bri_netstate_read(&direct_one), 0);
		now = bri_netstate_get();
		equal = bri_netstate_equal(direct_one, now);
		bri_netstate_put(direct_one);
		bri_netstate_put(now);
		if (!equal)
			nanosleep(&ts, NULL);
	}
	assert_true(equal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes),
		cmocka_unit_test(burst),
		cmocka_unit_test(unsubscribed),
		cmocka_unit_test(many_routes),
		cmocka_unit_test(direct),
	};

	ns_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
