/*
 * The proxy's handshake as the lowest layer of a chain (or the one above TLS to the proxy). What
 * the protocols say is in src/proto/proxy; here is only how it gets in and out, and for how long.
 */
#include "api/proxy_layer.h"

#include <errno.h>
#include <stdlib.h>
#include "api/endpoint.h"
#include "api/tcp_options.h"
#include "base/log.h"
#include "proto/proxy/http_connect.h"
#include "proto/proxy/socks5.h"
#include "transport/hostname.h"

/* Gone when the tunnel is open. One of both. */
struct handshake {
	bool is_socks;
	struct bri_socks5 socks;
	struct bri_http_connect http;
	char request[BRI_HTTP_CONNECT_REQUEST_MAX];
	size_t request_size;
};

struct proxy_layer {
	struct bri_layer base;
	struct handshake *handshake; /* NULL: the tunnel is open */
	uint64_t timeout_ns, deadline_ns;
};

static void free_handshake(struct proxy_layer *l)
{
	if (l->handshake)
		explicit_bzero(l->handshake, sizeof(*l->handshake)); /* credentials */
	free(l->handshake);
	l->handshake = NULL;
	l->deadline_ns = BRI_NEVER;
}

static void free_layer(struct bri_layer *layer)
{
	free_handshake((struct proxy_layer *)layer);
	free(layer);
}

static int send_socks(struct bri_layer *layer, struct bri_socks5 *socks)
{
	const uint8_t *message;
	size_t size;

	if (!bri_socks5_tx(socks, &message, &size))
		return 0;
	return bri_layer_down_bytes(layer, message, size);
}

static int start(struct bri_layer *layer, uint64_t now_ns)
{
	struct proxy_layer *l = (struct proxy_layer *)layer;
	struct handshake *h = l->handshake;

	l->deadline_ns = now_ns + l->timeout_ns;
	if (h->is_socks)
		return send_socks(layer, &h->socks);
	return bri_layer_down_bytes(layer, h->request, h->request_size);
}

/* 1: the tunnel is open; 0: more is needed; or -errno. */
static int rx_socks(struct proxy_layer *l, const uint8_t *bytes, size_t size, size_t *ret_used)
{
	struct bri_socks5 *socks = &l->handshake->socks;
	size_t used;
	int r = BRI_SOCKS5_MORE;

	*ret_used = 0;
	while (r == BRI_SOCKS5_MORE && *ret_used < size) {
		r = bri_socks5_rx(socks, bytes + *ret_used, size - *ret_used, &used);
		*ret_used += used;
		if (r == BRI_SOCKS5_MORE)
			r = send_socks(&l->base, socks);
	}
	if (r < 0)
		bri_info("a SOCKS proxy refuses: errno %d", -r);
	return r;
}

static int rx_http(struct proxy_layer *l, const uint8_t *bytes, size_t size, size_t *ret_used)
{
	struct bri_http_connect *http = &l->handshake->http;
	int r = bri_http_connect_rx(http, bytes, size, ret_used);

	if (r < 0)
		bri_info("an HTTP proxy refuses: status %u, errno %d", http->status, -r);
	return r;
}

/* The same of all regions of data. */
static int rx_data(struct proxy_layer *l, struct dispatch_data_s *data, size_t *ret_used)
{
	struct iovec iov;
	size_t bytes, used;
	int r = 0;

	*ret_used = 0;
	while (r == 0 && data && bri_data_iov(data, *ret_used, &iov, 1, &bytes) > 0) {
		r = l->handshake->is_socks ? rx_socks(l, iov.iov_base, iov.iov_len, &used)
					   : rx_http(l, iov.iov_base, iov.iov_len, &used);
		*ret_used += used;
	}
	return r;
}

/* What is behind the answer is the tunnel's first content. */
static int open_tunnel(struct proxy_layer *l, struct bri_content *in, size_t used)
{
	struct dispatch_data_s *rest = NULL;
	size_t size = bri_data_size(in->data);

	if (used < size) {
		rest = bri_data_subrange(in->data, used, size - used);
		if (!rest)
			return -ENOMEM;
	}
	bri_object_release(in->data);
	in->data = rest;
	free_handshake(l);
	bri_layer_ready(&l->base);
	if (in->data || in->end)
		bri_layer_pass_up(&l->base, in);
	return 0;
}

static int rx(struct bri_layer *layer, struct bri_content *in, uint64_t now_ns)
{
	struct proxy_layer *l = (struct proxy_layer *)layer;
	size_t used;
	int r;

	(void)now_ns;
	if (!l->handshake) {
		bri_layer_pass_up(layer, in);
		return 0;
	}
	r = rx_data(l, in->data, &used);
	if (r > 0)
		return open_tunnel(l, in, used);
	if (r == 0 && in->end)
		return -ECONNRESET; /* it said nothing, or half of it */
	return r;
}

static int put(struct bri_layer *layer, struct bri_content *in, uint64_t now_ns)
{
	(void)now_ns;
	bri_layer_pass_down(layer, in);
	return 0;
}

static uint64_t deadline_ns(const struct bri_layer *layer)
{
	return ((const struct proxy_layer *)layer)->deadline_ns;
}

static int expire(struct bri_layer *layer, uint64_t now_ns)
{
	return now_ns < ((struct proxy_layer *)layer)->deadline_ns ? 0 : -ETIMEDOUT;
}

static const struct bri_layer_class proxy_layer_class = {
	.name = "proxy",
	.start = start,
	.rx = rx,
	.put = put,
	.deadline_ns = deadline_ns,
	.expire = expire,
	.free = free_layer,
};

/* --- making --- */

static int init_socks(struct handshake *h, nw_proxy_config_t proxy, const char *host, uint16_t port,
	const union bri_sockaddr *address)
{
	struct bri_socks5_target target = {
		.host = host, .port = port, .username = proxy->username, .password = proxy->password
	};

	h->is_socks = true;
	if (address && address->sa.sa_family == AF_INET) {
		target.address = (const uint8_t *)&address->in.sin_addr;
		target.address_size = 4;
	} else if (address) {
		target.address = (const uint8_t *)&address->in6.sin6_addr;
		target.address_size = 16;
	}
	return bri_socks5_init(&h->socks, &target);
}

static int init_http(struct handshake *h, nw_proxy_config_t proxy, const char *host, uint16_t port,
	const union bri_sockaddr *address)
{
	struct bri_http_connect_target target = {
		.host = host, .port = port, .username = proxy->username, .password = proxy->password
	};
	char text[BRI_SOCKADDR_TEXT_MAX];
	union bri_sockaddr there;

	if (address) {
		there = *address;
		if (there.sa.sa_family == AF_INET6)
			there.in6.sin6_scope_id = 0; /* our interfaces mean nothing to the proxy */
		target.host = bri_sockaddr_format_host(&there, text, sizeof(text));
	}
	bri_http_connect_init(&h->http);
	return bri_http_connect_request(&target, h->request, &h->request_size);
}

static uint64_t timeout_ns(nw_parameters_t parameters)
{
	const struct bri_tcp_options *tcp = bri_parameters_tcp(parameters);

	return tcp && tcp->connection_timeout_s ? tcp->connection_timeout_s * BRI_NS_PER_S
						: BRI_PROXY_HANDSHAKE_NS;
}

static int new_layer(nw_proxy_config_t proxy, const struct bri_layer_env *env, const char *host,
	uint16_t port, const union bri_sockaddr *address, struct bri_layer **ret)
{
	struct proxy_layer *l = calloc(1, sizeof(*l));
	union bri_sockaddr numeric;
	int error = -ENOMEM;

	if (!l)
		return -ENOMEM;
	l->base.cls = &proxy_layer_class;
	l->deadline_ns = BRI_NEVER;
	l->timeout_ns = timeout_ns(env->parameters);
	l->handshake = calloc(1, sizeof(*l->handshake));
	if (!address && bri_hostname_classify(host, &numeric) == BRI_HOSTNAME_ADDRESS)
		address = &numeric;
	if (l->handshake)
		error = proxy->kind == BRI_PROXY_SOCKS5
				? init_socks(l->handshake, proxy, host, port, address)
				: init_http(l->handshake, proxy, host, port, address);
	if (error) {
		free_layer(&l->base);
		return error;
	}
	*ret = &l->base;
	return 0;
}

/* TLS to the proxy: for the proxy's name, not for that of the connection's endpoint. */
static int new_tls(nw_proxy_config_t proxy, const struct bri_layer_env *env, struct bri_layer **ret)
{
	struct bri_layer *(*layer_new)(nw_protocol_options_t, const struct bri_layer_env *) =
		proxy->tls->definition->layer_new;
	struct bri_layer_env to_proxy = *env;
	const char *host = nw_endpoint_get_hostname(proxy->endpoint);

	to_proxy.endpoint = proxy->endpoint;
	to_proxy.host = host ? host : "";
	to_proxy.url = nw_endpoint_get_url(proxy->endpoint);
	if (!layer_new)
		return -ENOTSUP;
	*ret = layer_new(proxy->tls, &to_proxy);
	return *ret ? 0 : -ENOMEM;
}

int bri_proxy_layers(const struct bri_proxy_way *way, const struct bri_layer_env *env,
	const char *host, uint16_t port, const union bri_sockaddr *address, struct bri_layer **ret,
	size_t max)
{
	nw_proxy_config_t proxy = way->proxy;
	struct bri_layer *handshake, *tls = NULL;
	int error, n = 0;

	if (!proxy)
		return 0;
	if (env->is_datagram || !proxy->endpoint || max < BRI_PROXY_LAYERS_MAX)
		return -ENOTSUP;
	error = new_layer(proxy, env, host, port, address, &handshake);
	if (error)
		return error;
	if (proxy->tls)
		error = new_tls(proxy, env, &tls);
	if (error) {
		free_layer(handshake);
		return error;
	}
	if (tls)
		ret[n++] = tls;
	ret[n++] = handshake;
	return n;
}

nw_endpoint_t bri_proxy_endpoint(const struct bri_proxy_way *way)
{
	return way->proxy ? way->proxy->endpoint : NULL;
}
