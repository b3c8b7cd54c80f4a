/*
 * Addresses that connections which others opened tell their peers of (ADD_ADDR, RFC 8684, section
 * 3.4.1), so that these can open subflows to them. Knows no policy.
 */
#ifndef BRI_ANNOUNCE_H
#define BRI_ANNOUNCE_H

#include "base/base.h"
#include "base/ip.h"

struct bri_announcer;
struct dispatch_queue_s;

/* bri_announcer_new(): returns 0 or -errno. */
int bri_announcer_new(struct dispatch_queue_s *queue, struct bri_announcer **ret);
/* bri_announcer_free(): NULL is harmless. Context: on the queue. */
void bri_announcer_free(struct bri_announcer *a);

/*
 * bri_announcer_tell(): tells the peer of a connection, once.
 *   initial  the local address that the peer knows already: is left out
 *   list     copied; at most 8 (the kernel's limit of what a connection can tell)
 */
void bri_announcer_tell(struct bri_announcer *a, uint32_t token, const struct bri_ip *initial,
	const struct bri_ip *list, size_t n);

#endif
