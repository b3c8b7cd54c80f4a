/* Names to addresses: A and AAAA side by side, each told as it arrives. Knows nothing of
 * connections. */
#include "transport/resolver.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/object.h"
#include "dispatch/runtime.h"
#include "transport/addrsort.h"
#include "transport/dns_channel.h"
#include "transport/hostname.h"
#include "transport/nss.h"

enum family_index { V6, V4, FAMILIES };

static const int af[FAMILIES] = { AF_INET6, AF_INET };

/* One family's answer on its way to the caller's queue. A part of the lookup: telling an error
 * must not need memory. */
struct answer {
	struct bri_item item;
	struct bri_resolver *resolver;
	struct bri_resolver_result result;
	union bri_sockaddr addresses[BRI_RESOLVER_ADDRESSES_MAX];
};

/*
 * A lookup. References: the caller's handle; one while a family lacks its answer; each DNS query
 * (c-ares cannot call one off); each answer that is queued.
 */
struct bri_resolver {
	_Atomic int refs;
	_Atomic bool cancelled;
	struct dispatch_queue_s *queue;
	void *context;
	bri_resolver_result_f on_result;
	struct bri_item start, drop; /* on the internal queue */
	uint64_t started_ns;
	struct bri_timer *bound; /* the internal queue's, as is `missing` */
	unsigned missing;        /* families without an answer */
	struct answer answers[FAMILIES];
	uint16_t port;
	char host[BRI_HOSTNAME_MAX + 2]; /* one more than may be, so that too long stays too long */
};

struct stamp {
	struct timespec mtime;
	dev_t dev;
	ino_t ino;
	off_t size;
};

struct settings {
	char *servers, *resolv_conf; /* owned */
	struct bri_resolver_overrides o;
};

/* The process's one resolver; all of it belongs to the internal queue. */
static struct {
	struct bri_dns_channel *dns;
	ares_channel files; /* for the hosts file only: opens no sockets, answers at once */
	struct stamp stamp; /* of resolv.conf, when dns was made */
	struct settings settings;
} the;

static void put(struct bri_resolver *r)
{
	if (atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) > 1)
		return;
	bri_object_put(r->queue);
	free(r);
}

static struct bri_resolver *get(struct bri_resolver *r)
{
	atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
	return r;
}

/* On the caller's queue. */
static void run_answer(struct bri_item *item)
{
	struct answer *answer = bri_container_of(item, struct answer, item);
	struct bri_resolver *r = answer->resolver;

	if (!atomic_load_explicit(&r->cancelled, memory_order_acquire))
		r->on_result(r->context, &answer->result);
	put(r);
}

/* The family is settled: whatever comes for it later is ignored. */
static void finish(struct bri_resolver *r, enum family_index f)
{
	struct answer *answer = &r->answers[f];

	r->missing &= ~(1u << f);
	if (!atomic_load_explicit(&r->cancelled, memory_order_relaxed)) {
		answer->result.duration_ns = bri_clock_now_ns() - r->started_ns;
		get(r);
		bri_queue_push(r->queue, &answer->item);
	}
	if (r->missing)
		return;
	bri_timer_free(r->bound);
	r->bound = NULL;
	put(r); /* that of the work under way */
}

static bool is_missing(const struct bri_resolver *r, enum family_index f)
{
	return r->missing & (1u << f);
}

static void fail(
	struct bri_resolver *r, enum family_index f, enum bri_resolver_dns_error dns, int posix)
{
	if (!is_missing(r, f))
		return;
	r->answers[f].result.dns_error = dns;
	r->answers[f].result.posix_error = posix;
	r->answers[f].result.n = 0;
	finish(r, f);
}

/* The last answer may free the lookup, so each of these holds it. */
static void fail_all(struct bri_resolver *r, enum bri_resolver_dns_error dns, int posix)
{
	get(r);
	for (enum family_index f = 0; f < FAMILIES; f++)
		fail(r, f, dns, posix);
	put(r);
}

static void add(struct answer *answer, union bri_sockaddr address)
{
	if (answer->result.n == BRI_RESOLVER_ADDRESSES_MAX)
		return;
	bri_sockaddr_set_port(&address, answer->resolver->port);
	for (size_t i = 0; i < answer->result.n; i++)
		if (bri_sockaddr_equal(&answer->addresses[i], &address))
			return;
	answer->addresses[answer->result.n++] = address;
}

/* What was added is the answer; nothing was: the name has no address of this family. */
static void conclude(struct bri_resolver *r, enum family_index f)
{
	struct answer *answer = &r->answers[f];

	if (!is_missing(r, f))
		return;
	if (!answer->result.n) {
		fail(r, f, BRI_DNS_NO_SUCH_RECORD, 0);
		return;
	}
	bri_addrsort(answer->addresses, answer->result.n);
	finish(r, f);
}

static void conclude_all(struct bri_resolver *r)
{
	get(r);
	for (enum family_index f = 0; f < FAMILIES; f++)
		conclude(r, f);
	put(r);
}

/* Only what was asked for: an answer to A may not speak for AAAA. */
static void add_nodes(
	struct bri_resolver *r, enum family_index f, const struct ares_addrinfo *result)
{
	if (!is_missing(r, f))
		return;
	for (const struct ares_addrinfo_node *node = result->nodes; node; node = node->ai_next) {
		union bri_sockaddr address;

		if (!bri_sockaddr_from(node->ai_addr, (socklen_t)node->ai_addrlen, &address) &&
			address.sa.sa_family == af[f])
			add(&r->answers[f], address);
	}
}

/*
 * SERVFAIL is "transient" because only asking again can help; REFUSED keeps its own number, since
 * it is a decision of the server. A server that is not there is "not running".
 */
static void fail_ares(struct bri_resolver *r, enum family_index f, int status)
{
	switch (status) {
	case ARES_ENODATA: fail(r, f, BRI_DNS_NO_SUCH_RECORD, 0); break;
	case ARES_ENOTFOUND:
	case ARES_ENONAME: fail(r, f, BRI_DNS_NO_SUCH_NAME, 0); break;
	case ARES_ESERVFAIL: fail(r, f, BRI_DNS_TRANSIENT, 0); break;
	case ARES_EREFUSED: fail(r, f, BRI_DNS_REFUSED, 0); break;
	case ARES_ENOTIMP: fail(r, f, BRI_DNS_UNSUPPORTED, 0); break;
	case ARES_ETIMEOUT: fail(r, f, BRI_DNS_TIMEOUT, 0); break;
	case ARES_ECONNREFUSED: fail(r, f, BRI_DNS_NOT_RUNNING, 0); break;
	case ARES_EBADNAME:
	case ARES_EBADSTR:
	case ARES_EBADQUERY: fail(r, f, BRI_DNS_BAD_PARAM, 0); break;
	case ARES_ENOMEM: fail(r, f, 0, ENOMEM); break;
	case ARES_EFILE: fail(r, f, 0, EIO); break;
	default: fail(r, f, BRI_DNS_UNKNOWN, 0); break; /* EFORMERR, EBADRESP, EOF */
	}
}

static void on_answer(
	struct bri_resolver *r, enum family_index f, int status, const struct ares_addrinfo *result)
{
	if (is_missing(r, f) && status == ARES_SUCCESS) {
		add_nodes(r, f, result);
		conclude(r, f);
	} else {
		fail_ares(r, f, status);
	}
	put(r);
}

static void on_answer_v6(void *context, int status, const struct ares_addrinfo *result)
{
	on_answer(context, V6, status, result);
}

static void on_answer_v4(void *context, int status, const struct ares_addrinfo *result)
{
	on_answer(context, V4, status, result);
}

static void on_nss(struct bri_resolver *r, enum family_index f, const struct bri_nss_result *result)
{
	for (size_t i = 0; is_missing(r, f) && i < result->n; i++)
		if (result->addresses[i].sa.sa_family == af[f])
			add(&r->answers[f], result->addresses[i]);
	if (result->dns_error || result->posix_error)
		fail(r, f, result->dns_error, result->posix_error);
	else
		conclude(r, f);
	put(r);
}

static void on_nss_v6(void *context, const struct bri_nss_result *result)
{
	on_nss(context, V6, result);
}

static void on_nss_v4(void *context, const struct bri_nss_result *result)
{
	on_nss(context, V4, result);
}

static void on_bound(void *context)
{
	fail_all(context, BRI_DNS_TIMEOUT, 0);
}

static struct stamp stamp_of(const char *path)
{
	struct stamp stamp = { 0 };
	struct stat st;

	if (!stat(path, &st)) {
		stamp.mtime = st.st_mtim;
		stamp.dev = st.st_dev;
		stamp.ino = st.st_ino;
		stamp.size = st.st_size;
	}
	return stamp;
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
	return a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec &&
	       a->dev == b->dev && a->ino == b->ino && a->size == b->size;
}

/* The channel for a new lookup: a fresh one when resolv.conf has changed. Lookups under way stay
 * with the old one. (The hosts file needs no such care: it is read each time.) */
static int current_dns(struct bri_dns_channel **ret)
{
	const struct bri_resolver_overrides *o = &the.settings.o;
	const struct bri_dns_config config = {
		.servers = the.settings.servers,
		.resolv_conf = the.settings.resolv_conf,
		.try_ms = o->try_ms ? o->try_ms : BRI_RESOLVER_TRY_MS,
		.tries = o->tries ? o->tries : BRI_RESOLVER_TRIES,
	};
	struct stamp stamp = stamp_of(config.resolv_conf ? config.resolv_conf : "/etc/resolv.conf");
	struct bri_dns_channel *fresh;
	int error;

	if (!the.dns || !same_stamp(&stamp, &the.stamp)) {
		error = bri_dns_channel_new(&config, &fresh);
		if (error)
			return error;
		bri_dns_channel_retire(the.dns);
		the.dns = fresh;
		the.stamp = stamp;
	}
	*ret = the.dns;
	return 0;
}

static void on_hosts(void *context, int status, int timeouts, struct ares_addrinfo *result)
{
	(void)timeouts;
	if (status == ARES_SUCCESS && result)
		*(struct ares_addrinfo **)context = result;
	else if (result)
		ares_freeaddrinfo(result);
}

/* True: the hosts file has the name, and that is the answer for both families. */
static bool look_into_hosts(struct bri_resolver *r)
{
	char lookups[] = "f", name[sizeof(r->host)];
	struct ares_options options = { .lookups = lookups };
	struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC, .ai_flags = ARES_AI_NOSORT };
	struct ares_addrinfo *found = NULL;
	size_t len = strlen(r->host);

	if (!the.files &&
		ares_init_options(&the.files, &options, ARES_OPT_LOOKUPS) != ARES_SUCCESS) {
		the.files = NULL;
		return false;
	}
	if (the.settings.o.hosts_from_env)
		hints.ai_flags |= ARES_AI_ENVHOSTS;
	memcpy(name, r->host, len + 1);
	if (name[len - 1] == '.')
		name[len - 1] = 0;
	ares_getaddrinfo(the.files, name, NULL, &hints, on_hosts, &found);
	if (!found)
		return false;
	for (enum family_index f = 0; f < FAMILIES; f++)
		add_nodes(r, f, found);
	ares_freeaddrinfo(found);
	conclude_all(r);
	return true;
}

static int arm_bound(struct bri_resolver *r)
{
	uint64_t bound_ns = the.settings.o.bound_ns;
	int error = bri_timer_new(bri_internal_queue(), r, on_bound, &r->bound);

	if (!error)
		bri_timer_set(
			r->bound, r->started_ns + (bound_ns ? bound_ns : BRI_RESOLVER_BOUND_NS));
	return error;
}

static void ask_dns(struct bri_resolver *r)
{
	static const bri_dns_answer_f on_family[FAMILIES] = { on_answer_v6, on_answer_v4 };
	struct bri_dns_channel *dns;
	int error = current_dns(&dns);

	if (!error)
		error = arm_bound(r);
	if (error) {
		fail_all(r, 0, -error);
		return;
	}
	get(r);
	for (enum family_index f = 0; f < FAMILIES; f++)
		if (is_missing(r, f))
			bri_dns_channel_query(dns, r->host, af[f], get(r), on_family[f]);
	put(r);
}

static void ask_nss(struct bri_resolver *r)
{
	static const bri_nss_result_f on_family[FAMILIES] = { on_nss_v6, on_nss_v4 };
	int error = arm_bound(r);

	if (error) {
		fail_all(r, 0, -error);
		return;
	}
	get(r);
	for (enum family_index f = 0; f < FAMILIES; f++) {
		if (!is_missing(r, f))
			continue;
		error = bri_nss_query(r->host, af[f], get(r), on_family[f]);
		if (!error)
			continue;
		fail(r, f, error == -EAGAIN ? BRI_DNS_TRANSIENT : 0, error == -EAGAIN ? 0 : -error);
		put(r);
	}
	put(r);
}

static void answer_loopback(struct bri_resolver *r)
{
	const union bri_sockaddr v6 = { .in6 = { .sin6_family = AF_INET6,
						.sin6_addr = IN6ADDR_LOOPBACK_INIT } };
	const union bri_sockaddr v4 = { .in = { .sin_family = AF_INET,
						.sin_addr = { htonl(INADDR_LOOPBACK) } } };

	add(&r->answers[V6], v6); /* harmless where that family was not asked for */
	add(&r->answers[V4], v4);
	conclude_all(r);
}

/* On the internal queue. */
static void run_start(struct bri_item *item)
{
	struct bri_resolver *r = bri_container_of(item, struct bri_resolver, start);
	union bri_sockaddr address;

	if (atomic_load_explicit(&r->cancelled, memory_order_acquire)) {
		fail_all(r, 0, ECANCELED); /* told to nobody */
		return;
	}
	switch (bri_hostname_classify(r->host, &address)) {
	case BRI_HOSTNAME_INVALID: fail_all(r, BRI_DNS_BAD_PARAM, 0); break;
	case BRI_HOSTNAME_NO_ZONE: fail_all(r, 0, ENXIO); break;
	case BRI_HOSTNAME_NEVER: fail_all(r, BRI_DNS_NO_SUCH_NAME, 0); break;
	case BRI_HOSTNAME_LOOPBACK: answer_loopback(r); break;
	case BRI_HOSTNAME_ADDRESS:
		add(&r->answers[address.sa.sa_family == AF_INET6 ? V6 : V4], address);
		conclude_all(r);
		break;
	case BRI_HOSTNAME_LOCAL:
		if (!look_into_hosts(r))
			ask_nss(r);
		break;
	case BRI_HOSTNAME_NAME:
		if (!look_into_hosts(r))
			ask_dns(r);
		break;
	}
}

/* On the internal queue, with the handle's reference. */
static void run_drop(struct bri_item *item)
{
	struct bri_resolver *r = bri_container_of(item, struct bri_resolver, drop);

	fail_all(r, 0, ECANCELED); /* told to nobody: ends the timer and the work */
	put(r);
}

int bri_resolver_start(const char *host, uint16_t port, unsigned families,
	struct dispatch_queue_s *queue, void *context, bri_resolver_result_f on_result,
	struct bri_resolver **ret)
{
	struct bri_resolver *r;

	if (!host || !(families & BRI_RESOLVER_BOTH))
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	atomic_init(&r->refs, 2); /* the handle's, and that of the work under way */
	r->queue = bri_object_get(queue);
	r->context = context;
	r->on_result = on_result;
	r->started_ns = bri_clock_now_ns();
	r->port = port;
	memcpy(r->host, host, strnlen(host, sizeof(r->host) - 1));
	r->missing = ((families & BRI_RESOLVER_V6) ? 1u << V6 : 0) |
		     ((families & BRI_RESOLVER_V4) ? 1u << V4 : 0);
	for (enum family_index f = 0; f < FAMILIES; f++) {
		r->answers[f].item.run = run_answer;
		r->answers[f].resolver = r;
		r->answers[f].result.family = af[f];
		r->answers[f].result.addresses = r->answers[f].addresses;
		r->answers[f].result.source = BRI_RESOLVER_QUERY;
	}
	r->start.run = run_start;
	r->drop.run = run_drop;
	*ret = r;
	bri_queue_push(bri_internal_queue(), &r->start);
	return 0;
}

void bri_resolver_cancel(struct bri_resolver *resolver)
{
	if (!resolver)
		return;
	atomic_store_explicit(&resolver->cancelled, true, memory_order_release);
	bri_queue_push(bri_internal_queue(), &resolver->drop);
}

static void free_settings(struct settings *s)
{
	free(s->servers);
	free(s->resolv_conf);
}

static void run_override(void *context)
{
	struct settings *fresh = context;

	free_settings(&the.settings);
	the.settings = *fresh;
	free(fresh);
	bri_dns_channel_retire(the.dns);
	the.dns = NULL;
}

int bri_resolver_override(const struct bri_resolver_overrides *overrides)
{
	struct settings *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	if (overrides) {
		s->o = *overrides;
		s->servers = overrides->servers ? strdup(overrides->servers) : NULL;
		s->resolv_conf = overrides->resolv_conf ? strdup(overrides->resolv_conf) : NULL;
	}
	if (overrides && ((overrides->servers && !s->servers) ||
				 (overrides->resolv_conf && !s->resolv_conf))) {
		free_settings(s);
		free(s);
		return -ENOMEM;
	}
	bri_async(bri_internal_queue(), s, run_override);
	return 0;
}

int bri_resolver_set_servers(const char *csv)
{
	return bri_resolver_override(&(struct bri_resolver_overrides) { .servers = csv });
}
