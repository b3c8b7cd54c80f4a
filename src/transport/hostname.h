/*
 * What a host name says by itself, before anybody is asked: an address in text, a name that is
 * always loopback, a name that never exists, or one to look up. Pure but for interface names.
 */
#ifndef BRI_HOSTNAME_H
#define BRI_HOSTNAME_H

#include "transport/sockaddr.h"

#define BRI_HOSTNAME_MAX 254 /* RFC 1035 section 2.3.4 in text form, with the final dot */

enum bri_hostname_kind {
	BRI_HOSTNAME_INVALID,  /* no DNS name can look like this */
	BRI_HOSTNAME_ADDRESS,  /* "192.0.2.1", "2001:db8::1", "fe80::1%eth0" */
	BRI_HOSTNAME_NO_ZONE,  /* an address with the name of an interface that is not there */
	BRI_HOSTNAME_LOOPBACK, /* localhost and what is below it (RFC 6761 section 6.3) */
	BRI_HOSTNAME_NEVER, /* below invalid (RFC 6761 section 6.4) or onion (RFC 7686): not for DNS
			     */
	BRI_HOSTNAME_LOCAL, /* below local: for multicast DNS (RFC 6762 section 3) */
	BRI_HOSTNAME_NAME,
};

/*
 * bri_hostname_classify():
 *   host   zero-terminated text of any length
 *   ret    for ADDRESS: the address with port 0; may be NULL
 */
enum bri_hostname_kind bri_hostname_classify(const char *host, union bri_sockaddr *ret);

#endif
