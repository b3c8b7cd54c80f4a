/*
 * The client's side of HTTP CONNECT (RFC 9110 section 9.3.6) over HTTP/1.1 (RFC 9112), with Basic
 * authentication (RFC 7617). Bytes in, bytes out; knows no socket, no clock.
 *
 * Credentials go with the first request: a 407 would cost a round trip, and many proxies close the
 * connection behind it. A 407 is therefore final: nothing better is left to be said.
 */
#ifndef BRI_HTTP_CONNECT_H
#define BRI_HTTP_CONNECT_H

#include "base/base.h"

/* DNS names have 253 bytes; what is longer no proxy can resolve. */
#define BRI_HTTP_CONNECT_HOST_MAX 255
#define BRI_HTTP_CONNECT_USER_MAX 255
/* Passwords may be tokens; proxies take request lines and fields of 4 to 8 KB. */
#define BRI_HTTP_CONNECT_PASSWORD_MAX 2048

/*
 * All of a proxy's answer before the tunnel, interim answers included: as much as clients and
 * servers usually allow for a header. Nothing of it is kept.
 */
#define BRI_HTTP_CONNECT_HEAD_MAX   (16u * 1024u)
#define BRI_HTTP_CONNECT_FIELDS_MAX 100 /* field lines; cheap to send, so they are counted too */

/* Borrowed for bri_http_connect_init(). */
struct bri_http_connect_target {
	const char *host;     /* a name, or an address as text; IPv6 without brackets */
	uint16_t port;        /* host byte order */
	const char *username; /* NULL: no credentials. No colon in it (RFC 7617 section 2) */
	const char *password; /* NULL: "" */
};

#define BRI_HTTP_CONNECT_BASE64(n) (((n) + 2u) / 3u * 4u)
/* twice "[host]:65535", the credentials, and the fixed text, which is less than 128 bytes */
#define BRI_HTTP_CONNECT_REQUEST_MAX                                                               \
	(2u * (BRI_HTTP_CONNECT_HOST_MAX + 8u) + 128u +                                            \
		BRI_HTTP_CONNECT_BASE64(                                                           \
			BRI_HTTP_CONNECT_USER_MAX + 1u + BRI_HTTP_CONNECT_PASSWORD_MAX))

struct bri_http_connect {
	unsigned state;  /* http_connect.c's */
	int error;       /* what rx() returned when it failed */
	uint16_t status; /* of the final answer, as far as it was read */
	uint8_t matched; /* of the status line */
	bool cr;         /* the byte before was CR */
	unsigned head_size, fields;
};

enum {
	BRI_HTTP_CONNECT_MORE = 0,
	BRI_HTTP_CONNECT_DONE = 1,
};

/*
 * bri_http_connect_request(): the request.
 *   buf  BRI_HTTP_CONNECT_REQUEST_MAX bytes; not zero-terminated
 *   ret  its length
 * Returns 0, or -EINVAL: the host is empty, too long, or has bytes that are in no host name; the
 *   user name or the password is too long or has control characters, the user name a colon.
 */
int bri_http_connect_request(const struct bri_http_connect_target *target,
	char buf[static BRI_HTTP_CONNECT_REQUEST_MAX], size_t *ret);

/* bri_http_connect_init(): ready for the answer. Nothing to release. */
void bri_http_connect_init(struct bri_http_connect *c);

/*
 * bri_http_connect_rx(): bytes of the proxy.
 *   ret_used  how many of them belong to the answer; written always
 * Returns BRI_HTTP_CONNECT_MORE, BRI_HTTP_CONNECT_DONE: the tunnel is open, or
 *   -EPROTO    that is not HTTP/1.x
 *   -EMSGSIZE  its header is too large
 *   and for what is not 2xx, as soon as the status line is there:
 *   -EACCES (401, 407), -EPERM (403, 451), -EOPNOTSUPP (405, 501), -ETIMEDOUT (408, 504),
 *   -EHOSTUNREACH (502, 503), -EREMOTEIO (other 5xx), -ECONNREFUSED (all other)
 * After an error or BRI_HTTP_CONNECT_DONE it uses nothing and returns the same again.
 */
int bri_http_connect_rx(
	struct bri_http_connect *c, const uint8_t *bytes, size_t size, size_t *ret_used);

#endif
