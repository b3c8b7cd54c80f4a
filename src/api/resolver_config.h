/* nw_resolver_config: an encrypted name server. Knows nothing of resolving. */
#ifndef BRI_API_RESOLVER_CONFIG_H
#define BRI_API_RESOLVER_CONFIG_H

#include "api/object.h"

/* As many as anyone races; public resolvers have four. */
#define BRI_RESOLVER_CONFIG_ADDRESSES_MAX 16

struct nw_resolver_config {
	struct bri_object base;
	bool is_https;          /* DNS over HTTPS (RFC 8484), else over TLS (RFC 7858) */
	nw_endpoint_t endpoint; /* internal reference: url, or host or address */
	nw_endpoint_t addresses[BRI_RESOLVER_CONFIG_ADDRESSES_MAX]; /* internal references */
	size_t address_count;
};

#endif
