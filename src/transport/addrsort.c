/* Which of several destination addresses to try first: RFC 6724 section 6. */
#include "transport/addrsort.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* RFC 6724 section 2.1. IPv4 addresses are looked up in their mapped form. */
static const struct policy {
	uint8_t prefix[16];
	uint8_t bits, precedence, label;
} policies[] = {
	{ { [15] = 1 }, 128, 50, 0 },         /* ::1 */
	{ { [10] = 0xff, 0xff }, 96, 35, 4 }, /* ::ffff:0:0/96 */
	{ { 0 }, 96, 1, 3 },                  /* ::/96 */
	{ { 0x20, 0x01 }, 32, 5, 5 },         /* 2001::/32 */
	{ { 0x20, 0x02 }, 16, 30, 2 },        /* 2002::/16 */
	{ { 0x3f, 0xfe }, 16, 1, 12 },        /* 3ffe::/16 */
	{ { 0xfe, 0xc0 }, 10, 1, 11 },        /* fec0::/10 */
	{ { 0xfc }, 7, 3, 13 },               /* fc00::/7 */
	{ { 0 }, 0, 40, 1 },                  /* ::/0 */
}; /* longest prefix first: the first that matches is meant */

enum scope { SCOPE_LINK = 2, SCOPE_SITE = 5, SCOPE_GLOBAL = 14 }; /* RFC 4291 section 2.7 */

struct key {
	bool reachable;
	bool scope_matches, label_matches;
	unsigned precedence, scope, prefix;
};

static void as_v6(const union bri_sockaddr *a, uint8_t ret[static 16])
{
	if (a->sa.sa_family == AF_INET6) {
		memcpy(ret, &a->in6.sin6_addr, 16);
		return;
	}
	memset(ret, 0, 10);
	memset(ret + 10, 0xff, 2);
	memcpy(ret + 12, &a->in.sin_addr, 4);
}

static unsigned common_bits(const uint8_t a[static 16], const uint8_t b[static 16])
{
	for (unsigned i = 0; i < 16; i++)
		if (a[i] != b[i])
			return i * 8 + (unsigned)__builtin_clz((unsigned)(a[i] ^ b[i])) - 24;
	return 128;
}

static const struct policy *policy_of(const union bri_sockaddr *a)
{
	uint8_t bytes[16];
	size_t i = 0;

	as_v6(a, bytes);
	while (common_bits(policies[i].prefix, bytes) < policies[i].bits)
		i++; /* the last matches everything */
	return &policies[i];
}

static unsigned scope_of(const union bri_sockaddr *a)
{
	const struct in6_addr *in6 = &a->in6.sin6_addr;

	/* RFC 6724 section 3.1 counts loopback as link-local; 3.2 the same for IPv4 */
	if (bri_sockaddr_is_loopback(a) || bri_sockaddr_is_link_local(a))
		return SCOPE_LINK;
	if (a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_MULTICAST(in6))
		return in6->s6_addr[1] & 0xf;
	if (a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_SITELOCAL(in6))
		return SCOPE_SITE;
	return SCOPE_GLOBAL;
}

static struct key key_of(const struct bri_addrsort_pair *pair)
{
	const struct policy *policy = policy_of(&pair->to);
	struct key key = { .precedence = policy->precedence, .scope = scope_of(&pair->to) };
	uint8_t to[16], from[16];

	if (pair->from.sa.sa_family == AF_UNSPEC)
		return key;
	key.reachable = true;
	key.scope_matches = key.scope == scope_of(&pair->from);
	key.label_matches = policy->label == policy_of(&pair->from)->label;
	if (pair->to.sa.sa_family != AF_INET6)
		return key; /* rule 9 would undo the rotation that IPv4 servers rely on */
	as_v6(&pair->to, to);
	as_v6(&pair->from, from);
	/* the interface identifier says nothing about distance (section 2.2 as updated by rule 9)
	 */
	key.prefix = common_bits(to, from);
	if (key.prefix > 64)
		key.prefix = 64;
	return key;
}

/* Rules 3, 4 and 7 (deprecated, home, native) speak of what a program cannot know here. */
static bool better(const struct key *a, const struct key *b)
{
	if (a->reachable != b->reachable) /* rule 1 */
		return a->reachable;
	if (a->scope_matches != b->scope_matches) /* rule 2 */
		return a->scope_matches;
	if (a->label_matches != b->label_matches) /* rule 5 */
		return a->label_matches;
	if (a->precedence != b->precedence) /* rule 6 */
		return a->precedence > b->precedence;
	if (a->scope != b->scope) /* rule 8 */
		return a->scope < b->scope;
	return a->prefix > b->prefix; /* rule 9; rule 10: else as they were */
}

void bri_addrsort_pairs(struct bri_addrsort_pair *pairs, size_t n)
{
	struct key keys[BRI_ADDRSORT_MAX];

	n = bri_min_size(n, BRI_ADDRSORT_MAX);
	for (size_t i = 0; i < n; i++) {
		struct bri_addrsort_pair pair = pairs[i];
		struct key key = key_of(&pair);
		size_t at = i;

		for (; at > 0 && better(&key, &keys[at - 1]); at--) {
			pairs[at] = pairs[at - 1];
			keys[at] = keys[at - 1];
		}
		pairs[at] = pair;
		keys[at] = key;
	}
}

int bri_addrsort_source(const union bri_sockaddr *to, union bri_sockaddr *ret)
{
	union bri_sockaddr probe = *to, from = { 0 };
	socklen_t len = sizeof(from);
	int fd, error = 0;

	fd = socket(to->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (!bri_sockaddr_port(&probe))
		bri_sockaddr_set_port(&probe, 9); /* any port but 0; nothing is sent */
	if (connect(fd, &probe.sa, bri_sockaddr_len(&probe)) < 0 ||
		getsockname(fd, &from.sa, &len) < 0)
		error = -errno;
	close(fd);
	if (!error)
		*ret = from;
	return error;
}

void bri_addrsort(union bri_sockaddr *addresses, size_t n)
{
	struct bri_addrsort_pair pairs[BRI_ADDRSORT_MAX];

	n = bri_min_size(n, BRI_ADDRSORT_MAX);
	if (n < 2)
		return;
	for (size_t i = 0; i < n; i++) {
		pairs[i].to = addresses[i];
		if (bri_addrsort_source(&addresses[i], &pairs[i].from))
			memset(&pairs[i].from, 0, sizeof(pairs[i].from));
	}
	bri_addrsort_pairs(pairs, n);
	for (size_t i = 0; i < n; i++)
		addresses[i] = pairs[i].to;
}
