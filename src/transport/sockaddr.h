/* Socket addresses of IPv4 and IPv6: compare, print, classify. Knows nothing of sockets. */
#ifndef BRI_SOCKADDR_H
#define BRI_SOCKADDR_H

#include <netinet/in.h>
#include <sys/socket.h>
#include "base/base.h"

/*
 * One IPv4 or IPv6 address with its port. 28 bytes instead of sockaddr_storage's 128, because lists
 * of these are copied about. sa.sa_family is AF_INET, AF_INET6, or AF_UNSPEC for "none".
 */
union bri_sockaddr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* "[" 45 characters of IPv6 "%" 15 of interface name "]:65535" and the final zero, rounded up */
#define BRI_SOCKADDR_TEXT_MAX 72

/*
 * bri_sockaddr_from(): a copy of a kernel address.
 * Returns 0, or -EINVAL when len is too short for the family, -EAFNOSUPPORT for other families.
 */
int bri_sockaddr_from(const struct sockaddr *sa, socklen_t len, union bri_sockaddr *ret);

/* bri_sockaddr_len(): the length to give to connect() or bind(); 0 for AF_UNSPEC. */
socklen_t bri_sockaddr_len(const union bri_sockaddr *addr);

/* bri_sockaddr_equal(): same family, address, port and scope. The flow label does not count. */
bool bri_sockaddr_equal(const union bri_sockaddr *a, const union bri_sockaddr *b);

/* bri_sockaddr_same_host(): as bri_sockaddr_equal(), whatever the ports. */
bool bri_sockaddr_same_host(const union bri_sockaddr *a, const union bri_sockaddr *b);

/*
 * bri_sockaddr_format(): "192.0.2.1:80", "[2001:db8::1]:80", "[fe80::1%eth0]:80"; "none" for
 * AF_UNSPEC. size   BRI_SOCKADDR_TEXT_MAX always suffices; shorter output is cut, and ends in zero
 * unless size is 0 Returns buf.
 */
char *bri_sockaddr_format(const union bri_sockaddr *addr, char *buf, size_t size);

/* bri_sockaddr_format_host(): the same without the port and its brackets. */
char *bri_sockaddr_format_host(const union bri_sockaddr *addr, char *buf, size_t size);

/* The port, in host byte order. Setting it on AF_UNSPEC does nothing. */
uint16_t bri_sockaddr_port(const union bri_sockaddr *addr);
void bri_sockaddr_set_port(union bri_sockaddr *addr, uint16_t port);

/* These look through IPv4-mapped addresses: ::ffff:127.0.0.1 is loopback. */
bool bri_sockaddr_is_loopback(const union bri_sockaddr *addr);
bool bri_sockaddr_is_multicast(const union bri_sockaddr *addr);
bool bri_sockaddr_is_any(const union bri_sockaddr *addr);
bool bri_sockaddr_is_link_local(const union bri_sockaddr *addr);

/* bri_sockaddr_unmap(): ::ffff:a.b.c.d becomes the AF_INET address a.b.c.d; others stay. */
void bri_sockaddr_unmap(union bri_sockaddr *addr);

#endif
