/*
 * Takes the text of a URL apart (RFC 3986, the part with an authority). Pure: no memory, no
 * lookups. Knows nothing of endpoints.
 */
#ifndef BRI_API_URL_H
#define BRI_API_URL_H

#include "base/base.h"

/* What browsers and servers take is 2 to 8 KiB; more is an attack or a mistake. */
#define BRI_URL_MAX 8192
/* A DNS name is at most 253 characters (RFC 1035, 2.3.4), 254 with the dot of the root. */
#define BRI_URL_HOST_MAX 254

/* A part of the text: [start, start + len). len 0: absent. */
struct bri_span {
	size_t start, len;
};

struct bri_url {
	struct bri_span scheme;
	struct bri_span host; /* of an IPv6 literal: the address, without brackets and zone */
	struct bri_span
		zone; /* RFC 6874: after "%25" (or "%", as people write it) in an IPv6 literal */
	struct bri_span path; /* path and query, without the fragment; may start with '?' */
	bool is_ipv6;         /* the host stood in brackets */
	uint16_t port;        /* explicit, else the scheme's; 0: neither */
};

/*
 * bri_url_parse(): scheme "://" [userinfo "@"] host [":" port] [path] ["?" query] ["#" fragment].
 *   text   `len` bytes; need not end in zero
 *   ret    spans into text
 * Returns 0, -ENAMETOOLONG (over BRI_URL_MAX or BRI_URL_HOST_MAX), or -EINVAL: no scheme, no
 * authority, an empty host, a port that is not 0 to 65535, or characters that no URL has.
 */
int bri_url_parse(const char *text, size_t len, struct bri_url *ret);

/*
 * bri_url_parse_port(): decimal digits only, 0 to 65535.
 * Returns 0 or -EINVAL.
 */
int bri_url_parse_port(const char *text, size_t len, uint16_t *ret);

#endif
