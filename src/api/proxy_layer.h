/*
 * The layers that a way through a proxy puts at the bottom of a chain: TLS to the proxy where it is
 * asked for, and the proxy's handshake, which then passes everything through.
 */
#ifndef BRI_API_PROXY_LAYER_H
#define BRI_API_PROXY_LAYER_H

#include "api/protocol.h"
#include "api/proxy_choose.h"
#include "stack/layer.h"

/*
 * How long a proxy may take from its own connection being up to the tunnel: it connects to the far
 * end meanwhile, which by Linux's defaults fails after 127 s. The TCP options' connection timeout,
 * where there is one, counts instead.
 */
#define BRI_PROXY_HANDSHAKE_NS (150 * BRI_NS_PER_S)

/* TLS and the handshake. */
#define BRI_PROXY_LAYERS_MAX 2

/*
 * bri_proxy_layers(): the layers of one attempt through `way`, bottom first.
 *   env      of the connection's own layers
 *   host     the far end, resolved by the proxy; an address as text is sent as an address
 *   address  the far end's address, sent instead of host; NULL: by name
 *   ret      the caller's (cls->free), written only on success
 * Returns how many (0: direct), or -ENOTSUP: not over datagrams, or a relay; -EINVAL: the proxy's
 * protocol cannot carry this host; -ENOMEM.
 */
int bri_proxy_layers(const struct bri_proxy_way *way, const struct bri_layer_env *env,
	const char *host, uint16_t port, const union bri_sockaddr *address, struct bri_layer **ret,
	size_t max);

/* bri_proxy_endpoint(): where to connect to instead of the far end, borrowed; NULL: direct, or a
 * relay, which bri_proxy_layers() refuses. */
nw_endpoint_t bri_proxy_endpoint(const struct bri_proxy_way *way);

#endif
