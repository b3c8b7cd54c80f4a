/*
 * nw_proxy_config: a proxy and what it is for. The application may change one from any thread at
 * any time; connections use snapshots. Knows nothing of protocols' bytes.
 */
#ifndef BRI_API_PROXY_CONFIG_H
#define BRI_API_PROXY_CONFIG_H

#include <pthread.h>
#include "api/object.h"
#include "api/relay_hop.h"

/* Lists of domains are written by people, or are a company's own; each is looked at for each
 * connection. */
#define BRI_PROXY_DOMAINS_MAX 256
#define BRI_PROXY_DOMAIN_MAX  255 /* a DNS name as text (RFC 1035 section 2.3.4), and "*." */

enum bri_proxy_kind {
	BRI_PROXY_HTTP_CONNECT,
	BRI_PROXY_SOCKS5,
	BRI_PROXY_RELAY,
	BRI_PROXY_OBLIVIOUS_HTTP,
};

/* What may change; replaced as a whole or in place, under the lock. Strings are malloc's. */
struct bri_proxy_domains {
	char **names;
	size_t n;
};

struct nw_proxy_config {
	struct bri_object base;
	enum bri_proxy_kind kind;
	nw_endpoint_t endpoint;    /* internal reference; NULL: of relays */
	nw_protocol_options_t tls; /* internal reference; NULL: none */
	nw_relay_hop_t hops[2];    /* internal references; NULL: none */
	char *resource_path;       /* of Oblivious HTTP, as the next two */
	uint8_t *key_config;
	size_t key_config_size;
	pthread_mutex_t lock; /* over all below */
	bool failover_allowed;
	char *username, *password; /* NULL: none */
	struct bri_proxy_domains match, excluded;
};

/*
 * bri_proxy_config_snapshot(): a deep copy that does not change any more, TLS options included.
 * Relays keep only their kind: nothing uses more of them yet.
 * Returns +1 internal (bri_object_put), NULL: no memory.
 */
nw_proxy_config_t bri_proxy_config_snapshot(nw_proxy_config_t config);

#pragma GCC visibility push(default)

/* As under __BLOCKS__, a block being an address. */
void nw_proxy_config_enumerate_match_domains(nw_proxy_config_t config, const void *enumerator);
void nw_proxy_config_enumerate_excluded_domains(nw_proxy_config_t config, const void *enumerator);

#pragma GCC visibility pop

#endif
