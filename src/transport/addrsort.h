/*
 * Which of several destination addresses to try first: RFC 6724 section 6. The sort is pure; the
 * source address that the kernel would use is asked for by a UDP socket that sends nothing.
 */
#ifndef BRI_ADDRSORT_H
#define BRI_ADDRSORT_H

#include "transport/sockaddr.h"

#define BRI_ADDRSORT_MAX                                                                           \
	64 /* what is behind this many stays where it is: the sort is quadratic                    \
	    */

struct bri_addrsort_pair {
	union bri_sockaddr to;
	union bri_sockaddr from; /* AF_UNSPEC: there is no way to `to` */
};

/* bri_addrsort_pairs(): best first; equals keep their order, so that servers can rotate them. Pure.
 */
void bri_addrsort_pairs(struct bri_addrsort_pair *pairs, size_t n);

/* bri_addrsort_source(): what the kernel would send from. Returns 0 or a negative errno (no route).
 */
int bri_addrsort_source(const union bri_sockaddr *to, union bri_sockaddr *ret);

/* bri_addrsort(): both together, in place. Makes n sockets one after another; does not block. */
void bri_addrsort(union bri_sockaddr *addresses, size_t n);

#endif
