/*
 * Names to addresses: A and AAAA side by side, each told as it arrives. Knows nothing of
 * connections, racing or preferences between the families.
 *
 * The order: text that is an address; names with a fixed meaning (localhost); /etc/hosts; then DNS
 * with the servers and search domains of /etc/resolv.conf, or, for names below .local, what the
 * system's name services know (multicast DNS). A name found in /etc/hosts is not asked for in DNS,
 * not even for the family that the file does not have.
 */
#ifndef BRI_RESOLVER_H
#define BRI_RESOLVER_H

#include "base/base.h"
#include "transport/sockaddr.h"

struct dispatch_queue_s;
struct bri_resolver;

/* An answer holds what the owner of the name likes; nobody tries more than a few of each family. */
#define BRI_RESOLVER_ADDRESSES_MAX 32
/* One server that is silent is asked at 0, 2 and 6 s and given up at 14 s. With several servers and
 * search domains that would become minutes: after 15 s the families that lack an answer time out.
 */
#define BRI_RESOLVER_TRY_MS   2000
#define BRI_RESOLVER_TRIES    3
#define BRI_RESOLVER_BOUND_NS (15 * BRI_NS_PER_S)

enum bri_resolver_families {
	BRI_RESOLVER_V6 = 1,
	BRI_RESOLVER_V4 = 2,
	BRI_RESOLVER_BOTH = 3,
};

/* The DNSServiceErrorType values in use here. */
enum bri_resolver_dns_error {
	BRI_DNS_UNKNOWN = -65537,        /* an answer that makes no sense */
	BRI_DNS_NO_SUCH_NAME = -65538,   /* NXDOMAIN */
	BRI_DNS_BAD_PARAM = -65540,      /* the text cannot be a name */
	BRI_DNS_UNSUPPORTED = -65544,    /* NOTIMP */
	BRI_DNS_REFUSED = -65553,        /* REFUSED */
	BRI_DNS_NO_SUCH_RECORD = -65554, /* the name exists, but has no address of this family */
	BRI_DNS_TRANSIENT = -65562,      /* SERVFAIL: later it may work */
	BRI_DNS_NOT_RUNNING = -65563,    /* no server can be reached, or its port is closed */
	BRI_DNS_TIMEOUT = -65568,
};

enum bri_resolver_source { /* the values are those of nw_report_resolution_source_t */
	BRI_RESOLVER_QUERY = 1,
	BRI_RESOLVER_CACHE = 2,
};

struct bri_resolver_result {
	int family; /* AF_INET6 or AF_INET */
	const union bri_sockaddr
		*addresses; /* with the port, best first; until the callback returns */
	size_t n;           /* 0: an error is set */
	enum bri_resolver_dns_error dns_error; /* 0: none */
	int posix_error;                       /* a positive errno; 0: none. At most one is set */
	enum bri_resolver_source source;
	uint64_t duration_ns; /* since bri_resolver_start() */
};

typedef void (*bri_resolver_result_f)(void *context, const struct bri_resolver_result *result);

/*
 * bri_resolver_start(): look up a host.
 *   host       text, copied
 *   port       host byte order; put into the addresses
 *   families   BRI_RESOLVER_*: each is answered exactly once, in any order, unless cancelled
 *   queue      serial; held until all is over. on_result runs on it, never inside this call
 *   ret        to be given to bri_resolver_cancel() exactly once, also after all answers
 * Returns 0, or -EINVAL (no host, no family), -ENOMEM. All else is told to on_result.
 * Context: any thread; does not block.
 */
int bri_resolver_start(const char *host, uint16_t port, unsigned families,
	struct dispatch_queue_s *queue, void *context, bri_resolver_result_f on_result,
	struct bri_resolver **ret);

/*
 * bri_resolver_cancel(): release the handle; on_result does not run any more. NULL is harmless.
 * Context: on the queue, also inside on_result.
 */
void bri_resolver_cancel(struct bri_resolver *resolver);

/* For tests: what is used instead of the system's configuration by lookups started later. */
struct bri_resolver_overrides {
	const char *servers;     /* "127.0.0.1:5353,..." NULL: those of resolv_conf */
	const char *resolv_conf; /* NULL: /etc/resolv.conf */
	bool hosts_from_env;     /* the path of the hosts file is in the environment, CARES_HOSTS */
	unsigned try_ms, tries;  /* 0: the defaults */
	uint64_t bound_ns;       /* 0: the default */
};

/*
 * bri_resolver_override(): copied; NULL: back to the system's. bri_resolver_set_servers(): only
 * servers. Returns 0 or -ENOMEM. Context: any thread.
 */
int bri_resolver_override(const struct bri_resolver_overrides *overrides);
int bri_resolver_set_servers(const char *csv);

#endif
