/* What the tests of the race share: addresses by short names, the commands as text, and deadlines
 * to the nanosecond. Knows no rule of Happy Eyeballs. */
#ifndef RACE_UTIL_H
#define RACE_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include "stack/race.h"

#define MS          BRI_NS_PER_MS
#define T0          (1000 * MS)
#define NO_NAME     (-65538)
#define NO_RECORD   (-65554)
#define DNS_TIMEOUT (-65568)

/* Addresses are named by family and number: "6a" is 2001:db8::a, "4b" is 192.0.2.11. */
static inline union bri_sockaddr addr(const char *name)
{
	union bri_sockaddr a = { 0 };
	unsigned n = (unsigned)strtoul(name + 1, NULL, 36);

	if (name[0] == '6') {
		a.in6.sin6_family = AF_INET6;
		inet_pton(AF_INET6, "2001:db8::", &a.in6.sin6_addr);
		a.in6.sin6_addr.s6_addr[14] = (uint8_t)(n >> 8);
		a.in6.sin6_addr.s6_addr[15] = (uint8_t)n;
	} else {
		a.in.sin_family = AF_INET;
		a.in.sin_addr.s_addr = htonl(0xc0000200u + n);
	}
	bri_sockaddr_set_port(&a, 443);
	return a;
}

static inline void name_of(const union bri_sockaddr *a, char out[8])
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	unsigned v6 = a->sa.sa_family == AF_INET6;
	unsigned n = v6 ? a->in6.sin6_addr.s6_addr[15] : ntohl(a->in.sin_addr.s_addr) & 0xff;

	out[0] = v6 ? '6' : '4';
	out[1] = digits[n % 36];
	out[2] = 0;
}

/* answer(race, "6a 6b 6c", now): the family is that of the first; "6" or "4" alone: empty answer.
 */
static inline void answer(struct bri_race *race, const char *names, uint64_t now)
{
	union bri_sockaddr list[80];
	size_t n = 0;

	for (const char *p = names; *p; p += p[2] ? 3 : 2) {
		if (!p[1])
			break;
		list[n++] = addr((const char[]) { p[0], p[1], 0 });
	}
	bri_race_on_addresses(race, names[0] == '6' ? AF_INET6 : AF_INET, list, n, now);
}

static inline void fail_dns(struct bri_race *race, char family, int code, uint64_t now)
{
	bri_race_on_resolve_error(race, family == '6' ? AF_INET6 : AF_INET,
		(struct bri_race_error) { .domain = BRI_RACE_DNS, .code = code }, now);
}

/*
 * pull(): all commands as text: "+1:6a" start, "-1" close, "=1" winner, "!61" none left with posix
 * error 61, "?-65538" none left with a dns error.
 */
static inline const char *pull(struct bri_race *race)
{
	static char out[1024];
	struct bri_race_command c;
	size_t at = 0;
	int guard = 0;

	out[0] = 0;
	while (bri_race_next(race, &c)) {
		char name[8];
		int n = 0;
		char *p = out + at;
		size_t left = sizeof(out) - at;

		assert_true(++guard < 100);
		if (at) {
			*p++ = ' ';
			at++, left--;
		}
		switch (c.kind) {
		case BRI_RACE_START:
			name_of(&c.address, name);
			n = snprintf(p, left, "+%u:%s", c.id, name);
			break;
		case BRI_RACE_CLOSE: n = snprintf(p, left, "-%u", c.id); break;
		case BRI_RACE_WINNER: n = snprintf(p, left, "=%u", c.id); break;
		case BRI_RACE_NONE_LEFT:
			n = snprintf(p, left, "%c%d",
				c.error.domain == BRI_RACE_POSIX ? '!'
				: c.error.domain == BRI_RACE_DNS ? '?'
								 : '#',
				c.error.code);
			break;
		}
		at += (size_t)n;
	}
	return out;
}

#define expect(race, text) assert_string_equal(pull(race), (text))

static inline struct bri_race begin(const struct bri_race_config *config)
{
	struct bri_race race;

	bri_race_init(&race, config, T0);
	expect(&race, "");
	assert_true(bri_race_deadline_ns(&race) == BRI_NEVER);
	return race;
}

/* Nothing happens one ns before the deadline, and nothing else is due. */
static inline void wait_until(struct bri_race *race, uint64_t deadline, const char *text)
{
	assert_true(bri_race_deadline_ns(race) == deadline);
	bri_race_expire(race, deadline - 1);
	expect(race, "");
	assert_true(bri_race_deadline_ns(race) == deadline);
	bri_race_expire(race, deadline);
	expect(race, text);
}

#endif
