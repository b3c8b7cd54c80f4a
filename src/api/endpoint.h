/*
 * nw_endpoint: where a connection goes or a listener listens: an address, a host name, a URL, or a
 * Bonjour service. Immutable, so any thread may use one. Knows nothing of resolving names.
 */
#ifndef BRI_API_ENDPOINT_H
#define BRI_API_ENDPOINT_H

#include <stdatomic.h>
#include "api/object.h"
#include "transport/sockaddr.h"

struct nw_endpoint {
	struct bri_object base;
	nw_endpoint_type_t type;
	uint16_t port; /* host byte order; 0: none or any */
	union bri_sockaddr
		addr; /* AF_UNSPEC: a name that must be resolved. Urls of numeric hosts have one */
	const char
		*hostname; /* NULL: an address made from a sockaddr, or Bonjour; see address_text */
	_Atomic(char *) address_text; /* made when first asked for; ours to free */
	union {
		struct {
			const char *text, *scheme, *path; /* path: with the query, at least "/" */
		} url;
		struct {
			const char *name, *type, *domain;
		} bonjour;
	};
	char text[]; /* what the pointers above point into */
};

/*
 * bri_endpoint_from_sockaddr(): an address endpoint from what the kernel said; an IPv4-mapped IPv6
 * address, as a dual-stack socket gives, becomes IPv4.
 * Returns +1, or NULL: not IPv4 or IPv6, too short, no memory.
 */
nw_endpoint_t bri_endpoint_from_sockaddr(const struct sockaddr *sa, socklen_t len);
nw_endpoint_t bri_endpoint_from_addr(const union bri_sockaddr *addr);

/* bri_endpoint_parse_port(): a number or a service. 0, -EINVAL or -ENOENT. ret: host byte order. */
int bri_endpoint_parse_port(const char *text, uint16_t *ret);
/*
 * bri_endpoint_sockaddr(): the address and port to connect or bind to, if no lookup is needed.
 * Returns 0, or -ENOENT: a name.
 */
int bri_endpoint_sockaddr(nw_endpoint_t ep, struct sockaddr_storage *ret, socklen_t *ret_len);

/* bri_endpoint_url_path(): path and query of a url endpoint ("/" if it has none); NULL for others.
 */
const char *bri_endpoint_url_path(nw_endpoint_t ep);
/* bri_endpoint_url_scheme(): as written, e.g. "https"; NULL for others. */
const char *bri_endpoint_url_scheme(nw_endpoint_t ep);

/*
 * bri_endpoint_format(): "example.org:443", "[::1]:80", a url's text, "name.type.domain"; for
 * descriptions and log lines. Always ends in zero; returns buf.
 */
char *bri_endpoint_format(nw_endpoint_t ep, char *buf, size_t size);

#endif
