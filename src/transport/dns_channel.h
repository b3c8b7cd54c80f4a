/*
 * c-ares in our loops: its sockets are watched, and its deadlines kept, on bri_internal_queue().
 * Knows nothing of who asks. Everything here is called on that queue.
 */
#ifndef BRI_DNS_CHANNEL_H
#define BRI_DNS_CHANNEL_H

#include <ares.h>
#include "base/base.h"

struct bri_dns_channel;

struct bri_dns_config {
	const char *servers;     /* "127.0.0.1:5353,..."; NULL: those of resolv_conf */
	const char *resolv_conf; /* NULL: /etc/resolv.conf */
	unsigned try_ms, tries;
};

/* result is NULL unless status is ARES_SUCCESS; borrowed until the function returns. */
typedef void (*bri_dns_answer_f)(void *context, int status, const struct ares_addrinfo *result);

/* bri_dns_channel_new(): config is copied. Returns 0, or -ENOMEM, -EIO (c-ares cannot start). */
int bri_dns_channel_new(const struct bri_dns_config *config, struct bri_dns_channel **ret);

/*
 * bri_dns_channel_query(): ask DNS for the addresses of one family.
 * on_answer is called exactly once, perhaps inside this call.
 */
void bri_dns_channel_query(struct bri_dns_channel *channel, const char *host, int family,
	void *context, bri_dns_answer_f on_answer);

/* bri_dns_channel_retire(): free it when its last query is answered. NULL is harmless. */
void bri_dns_channel_retire(struct bri_dns_channel *channel);

#endif
