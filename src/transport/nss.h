/*
 * Names that only the system's name services can look up: below .local, multicast DNS is asked by
 * a module of the C library. That blocks, so it runs on a worker thread. Knows nothing of DNS.
 */
#ifndef BRI_NSS_H
#define BRI_NSS_H

#include "transport/sockaddr.h"

#define BRI_NSS_ADDRESSES_MAX 32
/* Each blocks a thread, for as long as modules of others like (5 s are usual). */
#define BRI_NSS_AT_ONCE_MAX 8

struct bri_nss_result {
	union bri_sockaddr addresses[BRI_NSS_ADDRESSES_MAX];
	size_t n;
	int dns_error;   /* a DNSServiceErrorType; 0: none */
	int posix_error; /* a positive errno; 0: none */
};

typedef void (*bri_nss_result_f)(void *context, const struct bri_nss_result *result);

/*
 * bri_nss_query(): the addresses of one family.
 * on_result runs once on bri_internal_queue(), later; there is no way to call it off.
 * Returns 0, or -EAGAIN (BRI_NSS_AT_ONCE_MAX are under way), -ENOMEM: then on_result does not run.
 * Context: on bri_internal_queue().
 */
int bri_nss_query(const char *host, int family, void *context, bri_nss_result_f on_result);

#endif
