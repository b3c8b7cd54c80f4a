/* The resolver against a scripted DNS server: each answer and error, deadlines, cancelling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <dispatch/dispatch.h>
#include "base/clock.h"
#include "dispatch/runtime.h"
#include "fake_dns.h"
#include "transport/nss.h"
#include "transport/resolver.h"

#define MS          BRI_NS_PER_MS
#define WAIT_S      20 /* a bound for broken runs, not a pace */
#define ANSWERS_MAX 8

struct lookup {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	dispatch_queue_t queue;
	struct bri_resolver *resolver;
	unsigned n;
	struct bri_resolver_result results[ANSWERS_MAX];
	union bri_sockaddr addresses[ANSWERS_MAX][BRI_RESOLVER_ADDRESSES_MAX];
	bool on_queue;
};

static struct fake_dns *dns;
static char hosts_path[] = "/tmp/braid-hosts-XXXXXX";

static void use_server(void)
{
	assert_int_equal(bri_resolver_override(&(struct bri_resolver_overrides) {
				 .servers = fake_dns_servers(dns),
				 .hosts_from_env = true,
				 .try_ms = 500,
				 .tries = 3,
			 }),
		0);
}

static void on_result(void *context, const struct bri_resolver_result *result)
{
	struct lookup *l = context;

	pthread_mutex_lock(&l->lock);
	assert_true(l->n < ANSWERS_MAX);
	l->on_queue = bri_queue_is_current(l->queue);
	l->results[l->n] = *result;
	memcpy(l->addresses[l->n], result->addresses, result->n * sizeof(result->addresses[0]));
	l->results[l->n].addresses = l->addresses[l->n];
	l->n++;
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
}

static void start(struct lookup *l, const char *host, unsigned families)
{
	memset(l, 0, sizeof(*l));
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->changed, NULL);
	l->queue = dispatch_queue_create("resolver test", NULL);
	assert_int_equal(
		bri_resolver_start(host, 443, families, l->queue, l, on_result, &l->resolver), 0);
}

static void wait_for(struct lookup *l, unsigned n)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&l->lock);
	while (l->n < n)
		if (pthread_cond_timedwait(&l->changed, &l->lock, &until))
			fail_msg("%u of %u answers", l->n, n);
	pthread_mutex_unlock(&l->lock);
}

static void run_cancel(void *context)
{
	struct lookup *l = context;

	bri_resolver_cancel(l->resolver);
}

/* Ends the lookup; afterwards exactly n answers have come, and no more will. */
static void finish(struct lookup *l, unsigned n)
{
	dispatch_sync_f(l->queue, l, run_cancel);
	dispatch_release(l->queue);
	assert_int_equal(l->n, n);
	pthread_cond_destroy(&l->changed);
	pthread_mutex_destroy(&l->lock);
}

static const struct bri_resolver_result *of(struct lookup *l, int family)
{
	const struct bri_resolver_result *found = NULL;

	for (unsigned i = 0; i < l->n; i++) {
		if (l->results[i].family != family)
			continue;
		assert_null(found); /* each family once */
		found = &l->results[i];
	}
	assert_non_null(found);
	return found;
}

static void expect_error(struct lookup *l, int family, int dns_error, int posix_error)
{
	const struct bri_resolver_result *r = of(l, family);

	assert_int_equal(r->dns_error, dns_error);
	assert_int_equal(r->posix_error, posix_error);
	assert_int_equal(r->n, 0);
}

static void expect_addresses(struct lookup *l, int family, size_t n, const char *first)
{
	const struct bri_resolver_result *r = of(l, family);
	char text[BRI_SOCKADDR_TEXT_MAX];

	assert_int_equal(r->dns_error, 0);
	assert_int_equal(r->posix_error, 0);
	assert_int_equal(r->n, n);
	assert_string_equal(bri_sockaddr_format(&r->addresses[0], text, sizeof(text)), first);
	assert_int_equal(r->source, BRI_RESOLVER_QUERY);
	for (size_t i = 0; i < r->n; i++)
		assert_int_equal(r->addresses[i].sa.sa_family, family);
}

static void set(const char *name, int type, enum fake_dns_kind kind, const char *address)
{
	fake_dns_set(dns, name, type, (struct fake_dns_rule) { .kind = kind, .address = address });
}

static void test_both_families(void **state)
{
	struct lookup l;

	(void)state;
	set("both.test", FAKE_DNS_A, FAKE_DNS_ADDRESSES, "192.0.2.1");
	fake_dns_set(dns, "both.test", FAKE_DNS_AAAA,
		(struct fake_dns_rule) { .address = "2001:db8::1", .count = 3 });
	start(&l, "both.test", BRI_RESOLVER_BOTH);
	wait_for(&l, 2);
	expect_addresses(&l, AF_INET, 1, "192.0.2.1:443");
	expect_addresses(&l, AF_INET6, 3, "[2001:db8::1]:443");
	assert_true(l.on_queue);
	finish(&l, 2);
}

static void test_each_as_it_arrives(void **state)
{
	static const struct {
		const char *name;
		unsigned a_ms, aaaa_ms;
	} rows[] = { { "slow4.test", 200, 0 }, { "slow6.test", 0, 200 } };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(rows); i++) {
		struct lookup l;
		bool six_first = rows[i].a_ms;

		fake_dns_set(dns, rows[i].name, FAKE_DNS_A,
			(struct fake_dns_rule) {
				.address = "192.0.2.1", .delay_ms = rows[i].a_ms });
		fake_dns_set(dns, rows[i].name, FAKE_DNS_AAAA,
			(struct fake_dns_rule) {
				.address = "2001:db8::1", .delay_ms = rows[i].aaaa_ms });
		start(&l, rows[i].name, BRI_RESOLVER_BOTH);
		wait_for(&l, 1);
		assert_int_equal(l.results[0].family, six_first ? AF_INET6 : AF_INET);
		wait_for(&l, 2);
		assert_true(l.results[1].duration_ns >= 200 * MS);
		assert_true(l.results[0].duration_ns < l.results[1].duration_ns);
		finish(&l, 2);
	}
}

static void test_one_family(void **state)
{
	struct lookup l;
	unsigned before = fake_dns_count(dns, "both.test", FAKE_DNS_AAAA);

	(void)state;
	start(&l, "both.test", BRI_RESOLVER_V4);
	wait_for(&l, 1);
	expect_addresses(&l, AF_INET, 1, "192.0.2.1:443");
	finish(&l, 1);
	assert_int_equal(fake_dns_count(dns, "both.test", FAKE_DNS_AAAA), before);
}

static void test_errors(void **state)
{
	static const struct {
		const char *name;
		enum fake_dns_kind kind;
		int dns_error;
	} rows[] = {
		{ "nx.test", FAKE_DNS_NXDOMAIN, BRI_DNS_NO_SUCH_NAME },
		{ "nodata.test", FAKE_DNS_NODATA, BRI_DNS_NO_SUCH_RECORD },
		{ "servfail.test", FAKE_DNS_SERVFAIL, BRI_DNS_TRANSIENT },
		{ "refused.test", FAKE_DNS_REFUSED, BRI_DNS_REFUSED },
		{ "notimp.test", FAKE_DNS_NOTIMP, BRI_DNS_UNSUPPORTED },
		{ "silent.test", FAKE_DNS_SILENT, BRI_DNS_TIMEOUT },
		{ "noise.test", FAKE_DNS_NOISE, BRI_DNS_UNKNOWN },
		{ "cut.test", FAKE_DNS_CUT, BRI_DNS_UNKNOWN },
		{ "loop.test", FAKE_DNS_LOOP, BRI_DNS_UNKNOWN },
		{ "other.test", FAKE_DNS_OTHER_FAMILY, BRI_DNS_NO_SUCH_RECORD },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(rows); i++) {
		bool other = rows[i].kind == FAKE_DNS_OTHER_FAMILY;
		struct lookup l;

		set(rows[i].name, FAKE_DNS_A, rows[i].kind, other ? "2001:db8::66" : "192.0.2.1");
		set(rows[i].name, FAKE_DNS_AAAA, rows[i].kind,
			other ? "192.0.2.66" : "2001:db8::1");
		start(&l, rows[i].name, BRI_RESOLVER_BOTH);
		wait_for(&l, 2);
		expect_error(&l, AF_INET, rows[i].dns_error, 0);
		expect_error(&l, AF_INET6, rows[i].dns_error, 0);
		finish(&l, 2);
	}
}

static void test_families_differ(void **state)
{
	struct lookup l;

	(void)state;
	set("v4only.test", FAKE_DNS_A, FAKE_DNS_ADDRESSES, "192.0.2.7");
	set("v4only.test", FAKE_DNS_AAAA, FAKE_DNS_NODATA, NULL);
	start(&l, "v4only.test", BRI_RESOLVER_BOTH);
	wait_for(&l, 2);
	expect_addresses(&l, AF_INET, 1, "192.0.2.7:443");
	expect_error(&l, AF_INET6, BRI_DNS_NO_SUCH_RECORD, 0);
	finish(&l, 2);
}

/* What needs no server: the count of queries stays. */
static void test_without_asking(void **state)
{
	static const struct {
		const char *host, *v6, *v4;
		int v6_dns, v4_dns, posix;
	} rows[] = {
		{ "192.0.2.9", NULL, "192.0.2.9:443", BRI_DNS_NO_SUCH_RECORD, 0, 0 },
		{ "2001:db8::9", "[2001:db8::9]:443", NULL, 0, BRI_DNS_NO_SUCH_RECORD, 0 },
		{ "fe80::1%lo", "[fe80::1%lo]:443", NULL, 0, BRI_DNS_NO_SUCH_RECORD, 0 },
		{ "fe80::1%nosuch0", NULL, NULL, 0, 0, ENXIO },
		{ "localhost", "[::1]:443", "127.0.0.1:443", 0, 0, 0 },
		{ "www.LocalHost.", "[::1]:443", "127.0.0.1:443", 0, 0, 0 },
		{ "www.invalid", NULL, NULL, BRI_DNS_NO_SUCH_NAME, BRI_DNS_NO_SUCH_NAME, 0 },
		{ "abc.onion", NULL, NULL, BRI_DNS_NO_SUCH_NAME, BRI_DNS_NO_SUCH_NAME, 0 },
		{ "a b", NULL, NULL, BRI_DNS_BAD_PARAM, BRI_DNS_BAD_PARAM, 0 },
		{ "", NULL, NULL, BRI_DNS_BAD_PARAM, BRI_DNS_BAD_PARAM, 0 },
		{ "both.hosts", "[2001:db8::aa]:443", "198.51.100.1:443", 0, 0, 0 },
		{ "both.hosts.", "[2001:db8::aa]:443", "198.51.100.1:443", 0, 0, 0 },
		{ "four.hosts", NULL, "198.51.100.2:443", BRI_DNS_NO_SUCH_RECORD, 0, 0 },
		{ "printer.local", NULL, "198.51.100.3:443", BRI_DNS_NO_SUCH_RECORD, 0, 0 },
	};
	unsigned before = fake_dns_count(dns, NULL, 0);
	struct lookup l;

	(void)state;
	for (size_t i = 0; i < BRI_LEN(rows); i++) {
		start(&l, rows[i].host, BRI_RESOLVER_BOTH);
		wait_for(&l, 2);
		if (rows[i].v6)
			expect_addresses(&l, AF_INET6, 1, rows[i].v6);
		else
			expect_error(&l, AF_INET6, rows[i].v6_dns, rows[i].posix);
		if (rows[i].v4)
			expect_addresses(&l, AF_INET, 1, rows[i].v4);
		else
			expect_error(&l, AF_INET, rows[i].v4_dns, rows[i].posix);
		finish(&l, 2);
		start(&l, rows[i].host, BRI_RESOLVER_V6);
		wait_for(&l, 1);
		finish(&l, 1);
	}
	assert_int_equal(fake_dns_count(dns, NULL, 0), before);
}

static void test_too_long_a_name(void **state)
{
	char host[1000];
	struct lookup l;

	(void)state;
	memset(host, 'a', sizeof(host) - 1);
	host[sizeof(host) - 1] = 0;
	for (size_t i = 60; i < sizeof(host) - 1; i += 61)
		host[i] = '.';
	start(&l, host, BRI_RESOLVER_BOTH);
	wait_for(&l, 2);
	expect_error(&l, AF_INET, BRI_DNS_BAD_PARAM, 0);
	finish(&l, 2);
	/* the longest that may be is asked for */
	host[253] = 0;
	start(&l, host, BRI_RESOLVER_BOTH);
	wait_for(&l, 2);
	expect_error(&l, AF_INET, BRI_DNS_NO_SUCH_NAME, 0);
	finish(&l, 2);
}

static void test_arguments(void **state)
{
	struct bri_resolver *r = NULL;

	(void)state;
	assert_int_equal(
		bri_resolver_start(NULL, 1, 3, bri_internal_queue(), NULL, on_result, &r), -EINVAL);
	assert_int_equal(
		bri_resolver_start("a", 1, 0, bri_internal_queue(), NULL, on_result, &r), -EINVAL);
	assert_null(r);
	bri_resolver_cancel(NULL);
}

static void test_many_addresses(void **state)
{
	static const unsigned counts[] = { 10, BRI_RESOLVER_ADDRESSES_MAX - 1,
		BRI_RESOLVER_ADDRESSES_MAX, BRI_RESOLVER_ADDRESSES_MAX + 1, 2000 };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(counts); i++) {
		unsigned tcp = fake_dns_count_tcp(dns), keep = counts[i];
		struct lookup l;

		if (keep > BRI_RESOLVER_ADDRESSES_MAX)
			keep = BRI_RESOLVER_ADDRESSES_MAX;
		fake_dns_set(dns, "many.test", FAKE_DNS_A,
			(struct fake_dns_rule) { .address = "192.0.2.1", .count = counts[i] });
		fake_dns_set(dns, "many.test", FAKE_DNS_AAAA,
			(struct fake_dns_rule) { .address = "2001:db8::1", .count = counts[i] });
		start(&l, "many.test", BRI_RESOLVER_BOTH);
		wait_for(&l, 2);
		expect_addresses(&l, AF_INET, keep, "192.0.2.1:443");
		expect_addresses(&l, AF_INET6, keep, "[2001:db8::1]:443");
		finish(&l, 2);
		/* more than fits into 512 octets comes over TCP */
		assert_int_equal(fake_dns_count_tcp(dns) - tcp, counts[i] > 30 ? 2 : 0);
	}
}

static void test_forged_answer_is_ignored(void **state)
{
	struct lookup l;

	(void)state;
	set("forged.test", FAKE_DNS_A, FAKE_DNS_WRONG_ID, "192.0.2.4");
	set("forged.test", FAKE_DNS_AAAA, FAKE_DNS_WRONG_ID, "2001:db8::4");
	start(&l, "forged.test", BRI_RESOLVER_BOTH);
	wait_for(&l, 2);
	expect_addresses(&l, AF_INET, 1, "192.0.2.4:443");
	expect_addresses(&l, AF_INET6, 1, "[2001:db8::4]:443");
	finish(&l, 2);
}

static void test_no_server_there(void **state)
{
	struct fake_dns *gone = fake_dns_start();
	char servers[32];
	struct lookup l;

	(void)state;
	assert_non_null(gone);
	snprintf(servers, sizeof(servers), "%s", fake_dns_servers(gone));
	fake_dns_stop(gone);
	assert_int_equal(bri_resolver_set_servers(servers), 0);
	start(&l, "both.test", BRI_RESOLVER_BOTH);
	wait_for(&l, 2);
	expect_error(&l, AF_INET, BRI_DNS_NOT_RUNNING, 0);
	expect_error(&l, AF_INET6, BRI_DNS_NOT_RUNNING, 0);
	finish(&l, 2);
	use_server();
}

/* The first server refuses to work; the second one knows. */
static void test_second_server(void **state)
{
	struct fake_dns *first = fake_dns_start();
	char servers[80];
	struct lookup l;

	(void)state;
	assert_non_null(first);
	fake_dns_set(first, "both.test", FAKE_DNS_A,
		(struct fake_dns_rule) { .kind = FAKE_DNS_SERVFAIL });
	fake_dns_set(first, "both.test", FAKE_DNS_AAAA,
		(struct fake_dns_rule) { .kind = FAKE_DNS_SILENT });
	snprintf(servers, sizeof(servers), "%s,%s", fake_dns_servers(first), fake_dns_servers(dns));
	assert_int_equal(bri_resolver_override(&(struct bri_resolver_overrides) {
				 .servers = servers, .try_ms = 250, .tries = 2 }),
		0);
	start(&l, "both.test", BRI_RESOLVER_BOTH);
	wait_for(&l, 2);
	expect_addresses(&l, AF_INET, 1, "192.0.2.1:443");
	expect_addresses(&l, AF_INET6, 3, "[2001:db8::1]:443");
	assert_true(fake_dns_count(first, "both.test", 0) >= 2);
	finish(&l, 2);
	use_server();
	fake_dns_stop(first);
}

static void test_overall_bound(void **state)
{
	struct lookup l;

	(void)state;
	set("half.test", FAKE_DNS_A, FAKE_DNS_ADDRESSES, "192.0.2.5");
	set("half.test", FAKE_DNS_AAAA, FAKE_DNS_SILENT, NULL);
	assert_int_equal(bri_resolver_override(&(struct bri_resolver_overrides) {
				 .servers = fake_dns_servers(dns),
				 .try_ms = 1500,
				 .tries = 1,
				 .bound_ns = 200 * MS }),
		0);
	start(&l, "half.test", BRI_RESOLVER_BOTH);
	wait_for(&l, 2);
	expect_addresses(&l, AF_INET, 1, "192.0.2.5:443");
	expect_error(&l, AF_INET6, BRI_DNS_TIMEOUT, 0);
	assert_true(of(&l, AF_INET6)->duration_ns >= 200 * MS);
	assert_true(of(&l, AF_INET6)->duration_ns < 4000 * MS);
	finish(&l, 2);
	use_server();
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* Search domains come from resolv.conf, and a change of it is noticed by the next lookup. */
static void test_search_and_change(void **state)
{
	char path[] = "/tmp/braid-resolv-XXXXXX";
	int fd = mkstemp(path);
	struct lookup l;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	set("host.one.test", FAKE_DNS_A, FAKE_DNS_ADDRESSES, "192.0.2.11");
	set("host.second.test", FAKE_DNS_A, FAKE_DNS_ADDRESSES, "192.0.2.22");
	write_file(path, "search one.test\n");
	assert_int_equal(bri_resolver_override(&(struct bri_resolver_overrides) {
				 .servers = fake_dns_servers(dns), .resolv_conf = path }),
		0);
	start(&l, "host", BRI_RESOLVER_V4);
	wait_for(&l, 1);
	expect_addresses(&l, AF_INET, 1, "192.0.2.11:443");
	finish(&l, 1);
	write_file(path, "search second.test\n");
	start(&l, "host", BRI_RESOLVER_V4);
	wait_for(&l, 1);
	expect_addresses(&l, AF_INET, 1, "192.0.2.22:443");
	finish(&l, 1);
	/* a final dot says that the name is complete */
	start(&l, "host.", BRI_RESOLVER_V4);
	wait_for(&l, 1);
	expect_error(&l, AF_INET, BRI_DNS_NO_SUCH_NAME, 0);
	finish(&l, 1);
	unlink(path);
	use_server();
}

/* A change of the configuration does not disturb the lookups under way. */
static void test_change_while_asking(void **state)
{
	struct lookup l, m;

	(void)state;
	fake_dns_set(dns, "later.test", FAKE_DNS_A,
		(struct fake_dns_rule) { .address = "192.0.2.6", .delay_ms = 150 });
	start(&l, "later.test", BRI_RESOLVER_V4);
	use_server();
	start(&m, "both.test", BRI_RESOLVER_V4);
	wait_for(&m, 1);
	wait_for(&l, 1);
	expect_addresses(&l, AF_INET, 1, "192.0.2.6:443");
	finish(&l, 1);
	finish(&m, 1);
}

static void nothing(void *context)
{
	(void)context;
}

static void cancel_inside(void *context, const struct bri_resolver_result *result)
{
	struct lookup *l = context;

	on_result(context, result);
	bri_resolver_cancel(l->resolver);
}

static void test_cancel_inside(void **state)
{
	struct lookup l;

	(void)state;
	memset(&l, 0, sizeof(l));
	pthread_mutex_init(&l.lock, NULL);
	pthread_cond_init(&l.changed, NULL);
	l.queue = dispatch_queue_create("resolver test", NULL);
	assert_int_equal(bri_resolver_start("localhost", 1, BRI_RESOLVER_BOTH, l.queue, &l,
				 cancel_inside, &l.resolver),
		0);
	wait_for(&l, 1);
	/* the second answer was queued already, and is not told */
	dispatch_sync_f(bri_internal_queue(), NULL, nothing);
	dispatch_sync_f(l.queue, NULL, nothing);
	dispatch_release(l.queue);
	assert_int_equal(l.n, 1);
	pthread_cond_destroy(&l.changed);
	pthread_mutex_destroy(&l.lock);
}

static void on_nss(void *context, const struct bri_nss_result *result)
{
	struct lookup *l = context;

	pthread_mutex_lock(&l->lock);
	l->results[l->n].n = result->n;
	l->results[l->n].dns_error = result->dns_error;
	l->addresses[l->n][0] = result->addresses[0];
	l->n++;
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
}

static void run_nss(void *context)
{
	struct lookup *l = context;

	/* one more than may be under way: none has been answered, since this is the queue of
	 * answers */
	for (unsigned i = 0; i < BRI_NSS_AT_ONCE_MAX; i++)
		assert_int_equal(bri_nss_query("127.0.0.2", i ? AF_INET6 : AF_INET, l, on_nss), 0);
	assert_int_equal(bri_nss_query("127.0.0.2", AF_INET, l, on_nss), -EAGAIN);
}

static void ask_name_services(void)
{
	struct lookup l;
	unsigned found = 0;

	memset(&l, 0, sizeof(l));
	pthread_mutex_init(&l.lock, NULL);
	pthread_cond_init(&l.changed, NULL);
	dispatch_sync_f(bri_internal_queue(), &l, run_nss);
	wait_for(&l, BRI_NSS_AT_ONCE_MAX);
	for (unsigned i = 0; i < l.n; i++) {
		if (l.results[i].n) {
			found++;
			assert_true(bri_sockaddr_is_loopback(&l.addresses[i][0]));
		} else {
			assert_true(l.results[i].dns_error != 0);
		}
	}
	assert_int_equal(found, 1);
	pthread_cond_destroy(&l.changed);
	pthread_mutex_destroy(&l.lock);
}

/* Twice: the places of the first round are free again. */
static void test_name_services(void **state)
{
	(void)state;
	ask_name_services();
	ask_name_services();
}

enum { STORM = 1000, STORM_QUEUES = 8 };

/* Random starts and cancels. The context dies with the cancel, so that a late callback is seen. */
struct storm {
	dispatch_queue_t queue;
	struct bri_resolver *resolver;
	unsigned cancel_after; /* answers */
	unsigned n;
	int *alive;
};

static dispatch_semaphore_t storm_done;

static void storm_cancel(void *context)
{
	struct storm *s = context;

	bri_resolver_cancel(s->resolver);
	free(s->alive);
	free(s);
	dispatch_semaphore_signal(storm_done);
}

static void storm_result(void *context, const struct bri_resolver_result *result)
{
	struct storm *s = context;

	(void)result;
	*s->alive = 1;
	if (++s->n == s->cancel_after)
		storm_cancel(s);
}

/* From the internal queue: lands among what the resolver does. */
static void storm_bounce(void *context)
{
	struct storm *s = context;

	dispatch_async_f(s->queue, s, storm_cancel);
}

static void storm_one(dispatch_queue_t queue, unsigned random)
{
	static const char *const names[] = { "both.test", "slow4.test", "nx.test", "localhost",
		"both.hosts", "many.test", "storm.test", "silent.test" };
	struct storm *s = calloc(1, sizeof(*s));
	unsigned name = random % 8, how = random / 8 % 5;

	assert_non_null(s);
	s->alive = calloc(1, sizeof(int));
	assert_non_null(s->alive);
	s->queue = queue;
	/* a silent server would hold up the run for its whole timeout */
	s->cancel_after = name == 7 || how > 2 ? UINT32_MAX : how ? 2 : 1;
	/* held until the cancel is queued: the handle is not there before start returns */
	dispatch_suspend(queue);
	assert_int_equal(bri_resolver_start(names[name], 80, BRI_RESOLVER_BOTH, queue, s,
				 storm_result, &s->resolver),
		0);
	if (s->cancel_after == UINT32_MAX && how % 2)
		dispatch_async_f(queue, s, storm_cancel);
	else if (s->cancel_after == UINT32_MAX)
		dispatch_async_f(bri_internal_queue(), s, storm_bounce);
	dispatch_resume(queue);
}

static void test_storm(void **state)
{
	const char *text = getenv("BRAID_TEST_SEED");
	unsigned seed = text ? (unsigned)strtoul(text, NULL, 0) : 20261121;
	dispatch_queue_t queues[STORM_QUEUES];

	(void)state;
	print_message("seed %u\n", seed);
	fake_dns_set(dns, "storm.test", FAKE_DNS_A,
		(struct fake_dns_rule) { .address = "192.0.2.1", .delay_ms = 3 });
	fake_dns_set(dns, "storm.test", FAKE_DNS_AAAA,
		(struct fake_dns_rule) { .address = "2001:db8::1", .delay_ms = 5 });
	fake_dns_set(dns, "slow4.test", FAKE_DNS_A,
		(struct fake_dns_rule) { .address = "192.0.2.1", .delay_ms = 20 });
	fake_dns_set(dns, "many.test", FAKE_DNS_A,
		(struct fake_dns_rule) { .address = "192.0.2.1", .count = 60 });
	fake_dns_set(dns, "many.test", FAKE_DNS_AAAA,
		(struct fake_dns_rule) { .address = "2001:db8::1", .count = 60 });
	storm_done = dispatch_semaphore_create(0);
	for (unsigned i = 0; i < STORM_QUEUES; i++)
		queues[i] = dispatch_queue_create("storm", NULL);
	for (unsigned i = 0; i < STORM; i++) {
		storm_one(queues[i % STORM_QUEUES], (unsigned)rand_r(&seed) >> 3);
		if (i % 50 == 49)
			use_server(); /* another channel, while the old one has work */
	}
	for (unsigned i = 0; i < STORM; i++)
		assert_int_equal(
			dispatch_semaphore_wait(storm_done,
				dispatch_time(DISPATCH_TIME_NOW, 60 * (int64_t)BRI_NS_PER_S)),
			0);
	for (unsigned i = 0; i < STORM_QUEUES; i++)
		dispatch_release(queues[i]);
	dispatch_release(storm_done);
}

static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Last: when every query has ended, the channels that were replaced have closed their sockets. */
static void test_no_descriptor_is_left(void **state)
{
	unsigned before = *(unsigned *)*state;
	uint64_t until = bri_clock_now_ns() + WAIT_S * BRI_NS_PER_S;

	use_server();
	while (count_fds() > before && bri_clock_now_ns() < until)
		poll(NULL, 0, 20);
	assert_int_equal(count_fds(), before);
}

static bool write_hosts(void)
{
	static const char text[] = "198.51.100.1 both.hosts\n2001:db8::aa both.hosts\n"
				   "198.51.100.2 four.hosts\n198.51.100.3 printer.local\n";
	int fd = mkstemp(hosts_path);
	bool ok = fd >= 0 && write(fd, text, sizeof(text) - 1) == sizeof(text) - 1;

	if (fd >= 0)
		close(fd);
	return ok && !setenv("CARES_HOSTS", hosts_path, 1);
}

int main(void)
{
	static unsigned fds;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_families),
		cmocka_unit_test(test_each_as_it_arrives),
		cmocka_unit_test(test_one_family),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_families_differ),
		cmocka_unit_test(test_without_asking),
		cmocka_unit_test(test_too_long_a_name),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_many_addresses),
		cmocka_unit_test(test_forged_answer_is_ignored),
		cmocka_unit_test(test_no_server_there),
		cmocka_unit_test(test_second_server),
		cmocka_unit_test(test_overall_bound),
		cmocka_unit_test(test_search_and_change),
		cmocka_unit_test(test_change_while_asking),
		cmocka_unit_test(test_cancel_inside),
		cmocka_unit_test(test_name_services),
		cmocka_unit_test(test_storm),
		cmocka_unit_test_prestate(test_no_descriptor_is_left, &fds),
	};
	int failed;

	dns = fake_dns_start();
	if (!dns || !write_hosts())
		return 77;
	dispatch_sync_f(bri_internal_queue(), NULL, nothing); /* its loop's descriptors count too */
	fds = count_fds();
	use_server();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(hosts_path);
	return failed;
}
