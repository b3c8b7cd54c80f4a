/*
 * A DNS server for tests: one thread, UDP and TCP on one loopback port, scripted answers.
 * A name without a rule does not exist (NXDOMAIN).
 */
#ifndef FAKE_DNS_H
#define FAKE_DNS_H

#include <stdint.h>

struct fake_dns;

#define FAKE_DNS_A    1
#define FAKE_DNS_AAAA 28

enum fake_dns_kind {
	FAKE_DNS_ADDRESSES, /* .count of them, the first is .address, each next one higher */
	FAKE_DNS_NXDOMAIN,
	FAKE_DNS_NODATA,
	FAKE_DNS_SERVFAIL,
	FAKE_DNS_NOTIMP,
	FAKE_DNS_REFUSED,
	FAKE_DNS_SILENT,
	FAKE_DNS_NOISE,        /* random bytes behind the right header */
	FAKE_DNS_WRONG_ID,     /* an answer to somebody else's question, then the right one */
	FAKE_DNS_CUT,          /* addresses, but the message ends in the middle */
	FAKE_DNS_LOOP,         /* names whose compression points to itself */
	FAKE_DNS_OTHER_FAMILY, /* the other type's record in the answer section */
};

struct fake_dns_rule {
	enum fake_dns_kind kind;
	const char *address; /* "192.0.2.1" or "2001:db8::1"; not copied: a literal */
	unsigned count;      /* 0: 1. What exceeds 512 octets is truncated on UDP, whole on TCP */
	unsigned delay_ms;
};

struct fake_dns *fake_dns_start(void); /* NULL: no sockets */
void fake_dns_stop(struct fake_dns *dns);

/* fake_dns_servers(): "127.0.0.1:port", as bri_resolver_set_servers() takes it. Lives as long as
 * dns. */
const char *fake_dns_servers(const struct fake_dns *dns);

/* fake_dns_set(): the rule for a name (a literal, without the final dot) and type. Replaces one. */
void fake_dns_set(struct fake_dns *dns, const char *name, int type, struct fake_dns_rule rule);

/* How many queries came for it so far; type 0: any; name NULL: any. Over TCP only: .._tcp. */
unsigned fake_dns_count(struct fake_dns *dns, const char *name, int type);
unsigned fake_dns_count_tcp(struct fake_dns *dns);

#endif
