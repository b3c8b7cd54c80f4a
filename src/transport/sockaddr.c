/* Socket addresses of IPv4 and IPv6: compare, print, classify. Knows nothing of sockets. */
#include "transport/sockaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

static bool is_v4_net(const union bri_sockaddr *addr, uint32_t net, uint32_t mask)
{
	union bri_sockaddr plain = *addr;

	bri_sockaddr_unmap(&plain);
	return plain.sa.sa_family == AF_INET && (ntohl(plain.in.sin_addr.s_addr) & mask) == net;
}

int bri_sockaddr_from(const struct sockaddr *sa, socklen_t len, union bri_sockaddr *ret)
{
	sa_family_t family;
	socklen_t need;

	if (!sa || len < sizeof(family))
		return -EINVAL;
	memcpy(&family, (const char *)sa + offsetof(struct sockaddr, sa_family), sizeof(family));
	switch (family) {
	case AF_INET: need = sizeof(struct sockaddr_in); break;
	case AF_INET6: need = sizeof(struct sockaddr_in6); break;
	default: return -EAFNOSUPPORT;
	}
	if (len < need)
		return -EINVAL;
	memset(ret, 0, sizeof(*ret));
	memcpy(ret, sa, need);
	return 0;
}

socklen_t bri_sockaddr_len(const union bri_sockaddr *addr)
{
	switch (addr->sa.sa_family) {
	case AF_INET: return sizeof(addr->in);
	case AF_INET6: return sizeof(addr->in6);
	default: return 0;
	}
}

bool bri_sockaddr_same_host(const union bri_sockaddr *a, const union bri_sockaddr *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	switch (a->sa.sa_family) {
	case AF_INET: return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	case AF_INET6:
		return a->in6.sin6_scope_id == b->in6.sin6_scope_id &&
		       !memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr));
	default: return true;
	}
}

bool bri_sockaddr_equal(const union bri_sockaddr *a, const union bri_sockaddr *b)
{
	return bri_sockaddr_same_host(a, b) && bri_sockaddr_port(a) == bri_sockaddr_port(b);
}

char *bri_sockaddr_format_host(const union bri_sockaddr *addr, char *buf, size_t size)
{
	char host[INET6_ADDRSTRLEN], name[IF_NAMESIZE];

	switch (addr->sa.sa_family) {
	case AF_INET:
		inet_ntop(AF_INET, &addr->in.sin_addr, host, sizeof(host));
		snprintf(buf, size, "%s", host);
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &addr->in6.sin6_addr, host, sizeof(host));
		if (!addr->in6.sin6_scope_id)
			snprintf(buf, size, "%s", host);
		else if (if_indextoname(addr->in6.sin6_scope_id, name))
			snprintf(buf, size, "%s%%%s", host, name);
		else /* an interface that is gone: the number still says which one it was */
			snprintf(buf, size, "%s%%%u", host, addr->in6.sin6_scope_id);
		break;
	default: snprintf(buf, size, "none"); break;
	}
	return buf;
}

char *bri_sockaddr_format(const union bri_sockaddr *addr, char *buf, size_t size)
{
	char host[BRI_SOCKADDR_TEXT_MAX];

	bri_sockaddr_format_host(addr, host, sizeof(host));
	if (addr->sa.sa_family == AF_INET6)
		snprintf(buf, size, "[%s]:%u", host, bri_sockaddr_port(addr));
	else if (addr->sa.sa_family == AF_INET)
		snprintf(buf, size, "%s:%u", host, bri_sockaddr_port(addr));
	else
		snprintf(buf, size, "%s", host);
	return buf;
}

uint16_t bri_sockaddr_port(const union bri_sockaddr *addr)
{
	switch (addr->sa.sa_family) {
	case AF_INET: return ntohs(addr->in.sin_port);
	case AF_INET6: return ntohs(addr->in6.sin6_port);
	default: return 0;
	}
}

void bri_sockaddr_set_port(union bri_sockaddr *addr, uint16_t port)
{
	switch (addr->sa.sa_family) {
	case AF_INET: addr->in.sin_port = htons(port); break;
	case AF_INET6: addr->in6.sin6_port = htons(port); break;
	default: break;
	}
}

bool bri_sockaddr_is_loopback(const union bri_sockaddr *addr)
{
	if (addr->sa.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&addr->in6.sin6_addr))
		return true;
	return is_v4_net(addr, 0x7f000000, 0xff000000);
}

bool bri_sockaddr_is_multicast(const union bri_sockaddr *addr)
{
	if (addr->sa.sa_family == AF_INET6 && IN6_IS_ADDR_MULTICAST(&addr->in6.sin6_addr))
		return true;
	return is_v4_net(addr, 0xe0000000, 0xf0000000);
}

bool bri_sockaddr_is_any(const union bri_sockaddr *addr)
{
	if (addr->sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&addr->in6.sin6_addr))
		return true;
	return is_v4_net(addr, 0, 0xffffffff);
}

bool bri_sockaddr_is_link_local(const union bri_sockaddr *addr)
{
	if (addr->sa.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&addr->in6.sin6_addr))
		return true;
	return is_v4_net(addr, 0xa9fe0000, 0xffff0000);
}

void bri_sockaddr_unmap(union bri_sockaddr *addr)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	if (addr->sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&addr->in6.sin6_addr))
		return;
	in.sin_port = addr->in6.sin6_port;
	memcpy(&in.sin_addr, &addr->in6.sin6_addr.s6_addr[12], sizeof(in.sin_addr));
	memset(addr, 0, sizeof(*addr));
	addr->in = in;
}
